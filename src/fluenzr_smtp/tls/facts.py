"""What is worth telling of a TLS connection, and of a certificate that was refused."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from fluenzr_smtp.model import Endpoint, Fingerprint
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode
from fluenzr_smtp.tls.certificates import Certificate, served_chain
from fluenzr_smtp.tls.chain import path_of, verdict
from fluenzr_smtp.tls.names import matching_names, mismatch

MAX_NAMES = 50

#: The codes of a refused certificate: a look at it tells more.
UNTRUSTED = frozenset({
    ProblemCode.TLS_CERTIFICATE_EXPIRED,
    ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID,
    ProblemCode.TLS_CERTIFICATE_WRONG_HOST,
    ProblemCode.TLS_CERTIFICATE_SELF_SIGNED,
    ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    ProblemCode.TLS_CERTIFICATE_CHAIN_INCOMPLETE,
    ProblemCode.TLS_CERTIFICATE_INVALID,
})  # fmt: skip


def connection_facts(connection: ssl.SSLSocket, *, now: datetime) -> dict[str, str | int | tuple[str, ...]]:
    """Return what is worth telling of an established connection; ``days_left`` counts from ``now``.

    A pinned certificate is trusted for its bytes: what cannot be read in it is left out.
    """
    cipher, _, bits = connection.cipher() or ("", "", 0)
    facts: dict[str, str | int | tuple[str, ...]] = {
        "version": connection.version() or "",
        "cipher": cipher,
        "bits": bits,
    }
    der = connection.getpeercert(binary_form=True)
    if der:
        facts["fingerprint"] = str(Fingerprint.of(der))
    if chain := served_chain(connection):
        facts |= _chain_facts(chain) | _certificate_facts(chain[0])
        facts["not_before"] = chain[0].not_before.isoformat()
        facts["not_after"] = chain[0].not_after.isoformat()
        facts["days_left"] = _days_left(chain[0], now)
    return facts


def certificate_facts(certificate: Certificate) -> dict[str, FactValue]:
    """Return what a certificate says of itself; dates are days in UTC."""
    return {
        **_certificate_facts(certificate),
        "not_before": certificate.not_before.date().isoformat(),
        "not_after": certificate.not_after.date().isoformat(),
        "fingerprint": str(certificate.fingerprint),
    }


def explained(
    problem: Problem, chain: tuple[Certificate, ...], endpoint: Endpoint, *, now: datetime
) -> Problem:
    """Return the problem of a refused certificate with what a look at the served chain adds.

    The code may become ``tls-certificate-chain-incomplete`` (see ``verdict``). The facts are those of the
    server's certificate and of the chain; where a date of another one is at fault, the dates are that one's
    and ``certificate`` names it. ``issuer`` is the one who is missing or not trusted. For a wrong host
    ``mismatch`` says how the names differ, ``matching`` which would do. What the problem knows is kept.
    """
    if problem.code not in UNTRUSTED or not chain:
        return problem
    code = verdict(problem.code, chain, endpoint)
    known: dict[str, FactValue] = {**certificate_facts(chain[0]), **_chain_facts(chain)}
    if code in _UNTRUSTED_ENDS:
        known["issuer"] = path_of(chain)[-1].issuer
    blamed = _blamed(code, chain, now)
    if blamed is not chain[0]:
        told = certificate_facts(blamed)
        known |= {"certificate": blamed.subject} | {key: told[key] for key in ("not_before", "not_after")}
    known["days_left"] = _days_left(blamed, now)
    if code is ProblemCode.TLS_CERTIFICATE_WRONG_HOST:
        known["mismatch"] = mismatch(chain[0], endpoint.host)
        known["matching"] = matching_names(chain[0], endpoint.host)
    return replace(problem, code=code).with_facts(**known)


_UNTRUSTED_ENDS = {
    ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    ProblemCode.TLS_CERTIFICATE_CHAIN_INCOMPLETE,
}
# Whose date it is: an issuer's time may be over as well as the server's own. OpenSSL does not tell.
_AT_FAULT: dict[ProblemCode, Callable[[Certificate, datetime], bool]] = {
    ProblemCode.TLS_CERTIFICATE_EXPIRED: lambda each, now: each.not_after < now,
    ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID: lambda each, now: each.not_before > now,
}


def _blamed(code: ProblemCode, chain: tuple[Certificate, ...], now: datetime) -> Certificate:
    is_at_fault = _AT_FAULT.get(code)
    if is_at_fault is None:
        return chain[0]
    return next((each for each in path_of(chain) if is_at_fault(each, now)), chain[0])


def _certificate_facts(certificate: Certificate) -> dict[str, str | tuple[str, ...]]:
    facts: dict[str, str | tuple[str, ...]] = {
        "subject": certificate.subject,
        "names": certificate.names[:MAX_NAMES],
        "issuer": certificate.issuer,
        "serial": certificate.serial,
    }
    if certificate.key_type:
        facts["key"] = f"{certificate.key_type} {certificate.key_bits}"
    if certificate.signature_hash:
        facts["signature"] = certificate.signature_hash
    return facts


def _chain_facts(chain: tuple[Certificate, ...]) -> dict[str, str | int | tuple[str, ...]]:
    lines = tuple(f"{each.subject} <- {each.issuer}" for each in chain)
    return {"chain": lines, "chain_length": len(chain)}


def _days_left(certificate: Certificate, now: datetime) -> int:
    return (certificate.not_after - now.astimezone(UTC)).days
