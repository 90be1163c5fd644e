"""Whose fault it is that a chain was refused, and what else is wrong with the server's own certificate.

OpenSSL names the first fault that it finds, and Python does not tell at which certificate. What was served
tells it mostly; where it does not, nobody but the server's own is named.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.tls.certificates import MAX_NAMES, Certificate
from fluenzr_smtp.tls.chain import path_of
from fluenzr_smtp.tls.names import covers

# OpenSSL's security level 2, the default of Debian and of Python (SSL_CTX_set_security_level(3)).
_FEWEST_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_WEAK_HASHES = frozenset({"md2", "md4", "md5", "sha1"})

#: What is asked of the certificate at a place of the path; 0 is the server's own.
_Test = Callable[[tuple[Certificate, ...], int, datetime], bool]


def _is_over(path: tuple[Certificate, ...], place: int, now: datetime) -> bool:
    return path[place].not_after < now


def _is_to_come(path: tuple[Certificate, ...], place: int, now: datetime) -> bool:
    return path[place].not_before > now


def _has_small_key(path: tuple[Certificate, ...], place: int, _: datetime) -> bool:
    return 0 < path[place].key_bits < _FEWEST_BITS.get(path[place].key_type, 0)


def _is_signed_weakly(path: tuple[Certificate, ...], place: int, _: datetime) -> bool:
    # A root is trusted for itself, whatever its signature.
    own_root = place > 0 and path[place].is_self_signed
    return not own_root and path[place].signature_hash in _WEAK_HASHES


def _cannot_issue(path: tuple[Certificate, ...], place: int, _: datetime) -> bool:
    return place > 0 and not path[place].can_issue


def _has_too_many_below(path: tuple[Certificate, ...], place: int, _: datetime) -> bool:
    # RFC 5280 §4.2.1.9: neither the last one counts nor those that an authority issued to itself.
    allowed = path[place].path_length
    between = sum(not each.is_self_signed for each in path[1:place])
    return allowed is not None and between > allowed


def _constrains_names(path: tuple[Certificate, ...], place: int, _: datetime) -> bool:
    return path[place].constrains_names


def _is_not_for_servers(path: tuple[Certificate, ...], place: int, _: datetime) -> bool:
    return not path[place].is_for_servers


_DATES: dict[ProblemCode, _Test] = {
    ProblemCode.TLS_CERTIFICATE_EXPIRED: _is_over,
    ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID: _is_to_come,
}
_OTHERS: dict[str, _Test] = {  # by the fact ``reason`` of ``handshake_failure``
    "issuer-key-too-small": _has_small_key,
    "signature-too-weak": _is_signed_weakly,
    "issuer-no-authority": _cannot_issue,
    "chain-too-long": _has_too_many_below,
    "name-not-permitted": _constrains_names,
    "wrong-purpose": _is_not_for_servers,
}


def is_of_dates(code: ProblemCode) -> bool:
    """Say whether it is a date that is at fault."""
    return code in _DATES


def blamed(code: ProblemCode, reason: str, chain: tuple[Certificate, ...], *, now: datetime) -> Certificate:
    """Return the certificate of a chain, not empty, that is at fault: the server's own if none seems so."""
    test = _DATES.get(code)
    if test is None and code is ProblemCode.TLS_CERTIFICATE_INVALID:
        test = _OTHERS.get(reason)
    if test is None:
        return chain[0]
    path = path_of(chain)
    return next((path[place] for place in range(len(path)) if test(path, place, now)), chain[0])


def further(code: ProblemCode, own: Certificate, host: str, *, now: datetime) -> tuple[str, ...]:
    """Return what else is wrong with the server's own certificate, so that it is mended only once.

    Returns:
        Any of ``expired``, ``not-yet-valid`` and ``wrong-host``, but not what ``code`` says. That nobody
        vouches for it is never among them: OpenSSL looks at the trust first, and would have said so.
    """
    all_names_known = len(own.names) < MAX_NAMES
    found = (
        ("expired", ProblemCode.TLS_CERTIFICATE_EXPIRED, own.not_after < now),
        ("not-yet-valid", ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID, own.not_before > now),
        ("wrong-host", ProblemCode.TLS_CERTIFICATE_WRONG_HOST, all_names_known and not covers(own, host)),
    )
    return tuple(word for word, its_code, holds in found if holds and its_code is not code)
