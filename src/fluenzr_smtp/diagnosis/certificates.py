"""A look at the certificates that a server shows, without trusting them and without a word of worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Check, Clock, Endpoint, Protocol
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, Stage
from fluenzr_smtp.session import Session
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.tls import Certificate, certificate_facts

__all__ = ["certificate_facts", "explained", "served_certificate", "warned"]

KINDS: dict[Protocol, type[Session]] = {Protocol.SMTP: SMTPSession, Protocol.IMAP: IMAPSession}
WARN_DAYS = 21  # Let's Encrypt renews with 30 left, and tries each day
_DATED = {ProblemCode.TLS_CERTIFICATE_EXPIRED, ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID}


def served_certificate(
    protocol: Protocol, endpoint: Endpoint, *, clock: Clock, timeout: float
) -> Certificate:
    """Return the certificate that a server shows, without trusting it.

    Raises:
        FluenzrError: ``dns-…``, ``connect-…``, ``tls-…``, ``reply-…``.
    """
    return KINDS[protocol](endpoint, clock=clock, timeout=timeout).certificates()[0]


def warned(check: Check) -> Check:
    """Note of a certificate that it ends within three weeks: its renewal has mostly stopped working."""
    days = check.facts.get("days_left")
    if not check.ok or check.stage is not Stage.TLS or not isinstance(days, int) or days >= WARN_DAYS:
        return check
    endpoint = check.endpoint
    known: dict[str, FactValue] = {"host": endpoint.host, "port": endpoint.port} if endpoint else {}
    ends = str(check.facts.get("not_after", ""))[:10]
    if whose := check.facts.get("certificate"):  # an issuer's, which ends before the server's own
        known["certificate"] = whose
    problem = Problem(code=ProblemCode.TLS_CERTIFICATE_EXPIRES_SOON, stage=Stage.TLS)
    noted = problem.with_facts(days_left=days, not_after=ends, **known)
    return replace(check, problem=noted, is_advisory=True)


def explained(check: Check, session: Session, *, clock: Clock, timeout: float) -> Check:
    """Look at a certificate that was refused, so that the person can be told what it says.

    The look takes ``timeout`` seconds at most, in all.
    """
    problem = check.problem
    if problem is None or problem.code not in tls.UNTRUSTED:
        return check
    endpoint = session.endpoint
    now = clock.now()
    known: dict[str, FactValue] = {}
    if problem.code in _DATED:  # the clock may be the one that is wrong
        known["now"] = now.astimezone(UTC).date().isoformat()
    until = clock.monotonic() + timeout
    look = type(session)(endpoint, clock=clock, timeout=timeout, provider=session.provider, until=until)
    look.hide_as(session)
    try:
        chain = look.certificates()
    except FluenzrError:
        return replace(check, problem=problem.with_facts(**known))
    told = tls.explained(problem, chain, endpoint, now=now)
    seen = session.veiled_facts(told.facts)
    veiled = Problem(code=told.code, stage=told.stage, reply=told.reply, facts=problem.facts)
    return replace(check, problem=veiled.with_facts(**seen, **known))
