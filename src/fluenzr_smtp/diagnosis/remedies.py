"""What the guide tells a person to try when a server cannot be reached as it is set up: rows of data, pure.

Nothing that is tried is weaker than what was asked for: never without encryption, never at another host
unless it is one of the same provider's, and the certificate is verified as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fluenzr_smtp.diagnosis.chain import imap_username
from fluenzr_smtp.model import Check, Endpoint, Protocol, Remedy, Security, Target
from fluenzr_smtp.problems import ProblemCode, Stage

MAX_REMEDIES = 3

_OTHER_PORT = frozenset({
    ProblemCode.CONNECT_REFUSED,
    ProblemCode.CONNECT_TIMEOUT,
    ProblemCode.CONNECT_UNREACHABLE,
})  # fmt: skip
_OTHER_ENCRYPTION = frozenset({
    ProblemCode.REPLY_TIMEOUT,
    ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT,
    ProblemCode.TLS_STARTTLS_ON_IMPLICIT_PORT,
    ProblemCode.TLS_STARTTLS_NOT_OFFERED,
    ProblemCode.TLS_HANDSHAKE_FAILED,
    ProblemCode.TLS_HANDSHAKE_CUT,
})  # fmt: skip
_OTHER_USERNAME = frozenset({
    ProblemCode.AUTH_REJECTED,
    ProblemCode.AUTH_REJECTED_MAYBE_BLOCKED,
    ProblemCode.AUTH_REJECTED_MAYBE_REGION,
})  # fmt: skip
_BEFORE_LOGIN = frozenset({Stage.CONNECT, Stage.GREETING, Stage.TLS})

_SUBMISSION = (587, Security.STARTTLS)
_SUBMISSIONS = (465, Security.IMPLICIT_TLS)
_IMAP = (143, Security.STARTTLS)
_IMAPS = (993, Security.IMPLICIT_TLS)

# The ports that take the place of another one (RFC 8314 §3, §7.3). Unusual ports have none: whoever chose
# them knows the server.
_USUAL: dict[tuple[Protocol, int], tuple[tuple[int, Security], ...]] = {
    (Protocol.SMTP, 587): (_SUBMISSIONS,),
    (Protocol.SMTP, 465): (_SUBMISSION,),
    (Protocol.SMTP, 25): (_SUBMISSION, _SUBMISSIONS),
    (Protocol.SMTP, 2525): (_SUBMISSION, _SUBMISSIONS),
    (Protocol.IMAP, 993): (_IMAP,),
    (Protocol.IMAP, 143): (_IMAPS,),
}
_OTHER = {Security.STARTTLS: Security.IMPLICIT_TLS, Security.IMPLICIT_TLS: Security.STARTTLS}


def remedies(
    check: Check, target: Target, *, known: tuple[Endpoint, ...], try_usernames: bool
) -> tuple[Remedy, ...]:
    """Return what is worth trying after a failed check, the likeliest first, three at most.

    Args:
        check: The failure that ended a chain.
        target: What the diagnosis is about.
        known: The endpoints that the provider's preset has for this protocol.
        try_usernames: Whether the other form of the user name may be tried: the address or its local part.
    """
    if not check.is_failure or check.remedy is not None or check.endpoint is None or check.problem is None:
        return ()
    code = check.problem.code
    if code in _OTHER_USERNAME:
        return _other_username(check.protocol, check.endpoint, target) if try_usernames else ()
    if check.stage not in _BEFORE_LOGIN:
        return ()
    found: list[Endpoint] = []
    if code in _OTHER_ENCRYPTION:
        found += _same_port(check.endpoint)
    if code in _OTHER_ENCRYPTION | _OTHER_PORT:
        found += _other_ports(check.protocol, check.endpoint, known)
    kept = dict.fromkeys(each for each in found if _is_another(each, check.endpoint))
    return tuple(Remedy(protocol=check.protocol, endpoint=each) for each in kept)[:MAX_REMEDIES]


def works(checks: Iterable[Check]) -> tuple[Remedy, ...]:
    """Return the remedies that were tried and did not fail."""
    tried = [check for check in checks if check.remedy is not None]
    failed = {check.remedy for check in tried if check.is_failure}
    return tuple(dict.fromkeys(each.remedy for each in tried if each.remedy and each.remedy not in failed))


def _same_port(endpoint: Endpoint) -> Iterator[Endpoint]:
    other = _OTHER.get(endpoint.security)
    if other is not None:
        yield _moved(endpoint, endpoint.port, other)


def _other_ports(protocol: Protocol, endpoint: Endpoint, known: tuple[Endpoint, ...]) -> Iterator[Endpoint]:
    here = [each for each in known if each.host == endpoint.host]
    yield from (_moved(endpoint, each.port, each.security) for each in here)
    if here and endpoint.pin is None and endpoint.authority is None:
        # Only who is at the provider's own host has chosen the provider: a server of one's own is not traded.
        yield from (each for each in known if each.host != endpoint.host)
    if not here:
        for port, security in _USUAL.get((protocol, endpoint.port), ()):
            yield _moved(endpoint, port, security)


def _moved(endpoint: Endpoint, port: int, security: Security) -> Endpoint:
    """Return another port of the same host, which is trusted as the host was."""
    return Endpoint(
        host=endpoint.host,
        port=port,
        security=security,
        pin=endpoint.pin,
        authority=endpoint.authority,
    )


def _is_another(new: Endpoint, old: Endpoint) -> bool:
    is_same = (new.host, new.port, new.security) == (old.host, old.port, old.security)
    return new.security is not Security.NONE and not is_same


def _other_username(protocol: Protocol, endpoint: Endpoint, target: Target) -> tuple[Remedy, ...]:
    used = target.username if protocol is Protocol.SMTP else imap_username(target)
    if not used:
        return ()
    local_part, at, _ = used.rpartition("@")
    other = local_part if at else target.address
    if not other or other == used:
        return ()
    return (Remedy(protocol=protocol, endpoint=endpoint, username=other),)
