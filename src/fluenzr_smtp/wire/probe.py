"""A second connection to a port, to find out how it wants to be spoken to. Nothing is said on it."""

from __future__ import annotations

from dataclasses import dataclass

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.problems import Problem, ProblemCode
from fluenzr_smtp.wire.connection import Wire

# A handshake that fails is one all the same; what is none is told by other codes.
_BAD_TLS = {ProblemCode.TLS_PROTOCOL_TOO_OLD, ProblemCode.TLS_HANDSHAKE_FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a port did: whether it took part in a handshake, what it said first, what stood in the way."""

    is_tls: bool = False
    greeting: bytes = b""
    problem: Problem | None = None


def probe(
    endpoint: Endpoint, security: Security, *, clock: Clock, seconds: float, patience: float = 0.0
) -> Probe:
    """Connect, offer a handshake if ``security`` is implicit TLS, and wait for a greeting if asked to.

    Nothing is verified; all of it takes ``seconds`` at most, the wait for a greeting ``patience``.
    """
    asked = Endpoint(host=endpoint.host, port=endpoint.port, security=security)
    wire = Wire(asked, clock=clock, timeout=seconds)
    is_tls, greeting = False, b""
    try:
        wire.connect(wire.resolve())
        if security is Security.IMPLICIT_TLS:
            wire.start_tls(inspect=True)
            is_tls = True
        if patience and wire.arrives_within(patience):
            greeting = wire.read_line()
    except FluenzrError as error:
        is_tls |= error.problem.code in _BAD_TLS
        return Probe(is_tls=is_tls, greeting=wire.plain_speech, problem=error.problem)
    finally:
        wire.close()
    return Probe(is_tls=is_tls, greeting=greeting)
