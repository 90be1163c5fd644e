"""What is worth telling of a TLS connection, and of a certificate that was refused."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from fluenzr_smtp.model import Endpoint, Fingerprint
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode
from fluenzr_smtp.tls.certificates import Certificate, relied_on, served_chain
from fluenzr_smtp.tls.chain import is_of_a_namesake, path_of, trusted_roots, verdict
from fluenzr_smtp.tls.faults import blamed, further, is_of_dates
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

    The dates are those of the certificate that ends first among the ones the trust rests on; where that is
    not the server's own, ``certificate`` names it. A pinned certificate is trusted for its bytes: what cannot
    be read in it is left out.
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
        first = min(relied_on(connection, chain), key=lambda each: each.not_after)
        facts |= _chain_facts(chain) | _certificate_facts(chain[0])
        facts |= {"certificate": first.subject} if first is not chain[0] else {}
        facts["not_before"] = first.not_before.isoformat()
        facts["not_after"] = first.not_after.isoformat()
        facts["days_left"] = _days_left(first, now)
    return facts


def certificate_facts(certificate: Certificate, *, now: datetime | None = None) -> dict[str, FactValue]:
    """Return what a certificate says of itself; dates are as ``told_date`` writes them."""
    return {
        **_certificate_facts(certificate),
        **_dates(certificate, now),
        "fingerprint": str(certificate.fingerprint),
    }


def told_date(moment: datetime, *, now: datetime | None = None) -> str:
    """Write a day in UTC, with the minute where it is less than two days from ``now``."""
    moment = moment.astimezone(UTC)
    if now is None or abs(moment - now) >= _NEAR:
        return moment.date().isoformat()
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def explained(
    problem: Problem, chain: tuple[Certificate, ...], endpoint: Endpoint, *, now: datetime
) -> Problem:
    """Return the problem of a refused certificate with what a look at the served chain adds.

    The code may become ``tls-certificate-chain-incomplete`` (see ``verdict``). The facts are those of the
    server's certificate and of the chain. Where another one is at fault, ``certificate`` names it; if it is
    for a date, the dates are that one's, else ``certificate_key`` and ``certificate_signature`` are.
    ``issuer`` is the one who is missing or not trusted. For a wrong host ``mismatch`` says how the names
    differ, ``matching`` which would do. ``also`` tells what else is wrong with the server's own (see
    ``further``). What the problem knows is kept, but ``reason`` becomes ``namesake`` for an issuer that has
    the name of a trusted root, and ``no-names`` or ``address-as-name`` for such a certificate.
    """
    if problem.code not in UNTRUSTED or not chain:
        return problem
    code = verdict(problem.code, chain, endpoint)
    culprit = blamed(code, str(problem.facts.get("reason", "")), chain, now=now)
    known: dict[str, FactValue] = {**certificate_facts(chain[0], now=now), **_chain_facts(chain)}
    known |= _culprit_facts(code, culprit, now) if culprit is not chain[0] else {}
    known["days_left"] = _days_left(culprit if is_of_dates(code) else chain[0], now)
    if code in _UNTRUSTED_ENDS:
        known["issuer"] = path_of(chain)[-1].issuer
    if code is ProblemCode.TLS_CERTIFICATE_WRONG_HOST:
        known["mismatch"] = mismatch(chain[0], endpoint.host)
        known["matching"] = matching_names(chain[0], endpoint.host)
    if also := further(code, chain[0], endpoint.host, now=now):
        known["also"] = also
    return _with_reason(replace(problem, code=code), chain, endpoint).with_facts(**known)


_NEAR = timedelta(days=2)
_UNTRUSTED_ENDS = {
    ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    ProblemCode.TLS_CERTIFICATE_CHAIN_INCOMPLETE,
}
_NAMES_MISUSED = {"no-names", "address-as-name"}


def _with_reason(problem: Problem, chain: tuple[Certificate, ...], endpoint: Endpoint) -> Problem:
    """Put a reason that the look has found in the place of OpenSSL's, which is less exact."""
    found = ""
    if problem.code is ProblemCode.TLS_CERTIFICATE_WRONG_HOST:
        difference = mismatch(chain[0], endpoint.host)
        found = difference if difference in _NAMES_MISUSED else ""
    if problem.code is ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER:
        found = "namesake" if is_of_a_namesake(chain, trusted_roots(endpoint)) else ""
    return replace(problem, facts=MappingProxyType({**problem.facts, "reason": found})) if found else problem


def _culprit_facts(code: ProblemCode, culprit: Certificate, now: datetime) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {"certificate": culprit.subject}
    if is_of_dates(code):
        return facts | _dates(culprit, now)
    told = _certificate_facts(culprit)
    return facts | {f"certificate_{key}": told[key] for key in ("key", "signature") if key in told}


def _dates(certificate: Certificate, now: datetime | None) -> dict[str, FactValue]:
    return {
        "not_before": told_date(certificate.not_before, now=now),
        "not_after": told_date(certificate.not_after, now=now),
    }


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
