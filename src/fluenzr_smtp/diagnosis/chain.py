"""The chain of one server: its steps in order, a check for each, until one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from fluenzr_smtp.diagnosis.certificates import explained, warned
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Check, Clock, Endpoint, Secret, Target
from fluenzr_smtp.problems import Facts, FactValue, Problem, ProblemCode, Stage, no_facts
from fluenzr_smtp.session import Session, Step, facts
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.transcript import Transcript
from fluenzr_smtp.wire import Reached

# What is worth knowing only: a refusal in form, which keeps no mail from going.
_ADVISORY = {
    (Stage.IDLE, ProblemCode.COMMAND_REFUSED),
    (Stage.IDLE, ProblemCode.MAILBOX_UNREADABLE),
}


Kind = TypeVar("Kind", SMTPSession, IMAPSession)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How a walk is done. ``timeout`` is that of a step, in seconds."""

    clock: Clock
    timeout: float
    provider: str = ""
    transcript: Transcript | None = None


def opened(kind: type[Kind], endpoint: Endpoint, secret: Secret | None, how: Conditions) -> Kind:
    """Return a session, not yet connected, that never shows the secret."""
    session = kind(
        endpoint,
        clock=how.clock,
        timeout=how.timeout,
        provider=how.provider,
        transcript=how.transcript,
    )
    if secret is not None:
        session.hide(secret)
    return session


def imap_session(
    target: Target, secret: Secret | None, how: Conditions, endpoint: Endpoint | None = None
) -> IMAPSession:
    """Return a session with the target's IMAP server, or with another endpoint of it.

    Raises:
        FluenzrError: ``account-imap-none``.
    """
    endpoint = endpoint or target.imap
    if endpoint is None:
        raise failure(ProblemCode.ACCOUNT_IMAP_NONE, Stage.CONFIGURATION, account=target.name)
    return opened(IMAPSession, endpoint, secret, how)


def imap_username(target: Target) -> str:
    """Return the name that logs in to the mailbox."""
    return target.imap_username or target.username or target.address


def smtp_steps(
    session: SMTPSession, target: Target, *, username: str | None, secret: Secret | None, recipient: str
) -> Iterator[Step]:
    """Yield the steps of the submission server; without a secret nobody logs in.

    Sender and recipient are named, and taken back, where somebody has logged in or nobody has to.
    """
    yield from session.steps()
    yield Stage.SIZE, session.size_limit
    if username is not None and secret is not None:
        name, proof = username, secret
        yield Stage.AUTH, lambda: session.authenticate(name, proof)
    elif not _needs_no_login(target):
        return
    if target.address:
        yield Stage.SENDER, lambda: session.check_sender(target.address)
        yield Stage.RECIPIENT, lambda: session.check_recipient(recipient or target.address)


def _needs_no_login(target: Target) -> bool:
    """Say whether it is an account that was set up without a login, not the mere address of somebody."""
    return target.username is None and bool(target.account or target.preset is None)


def imap_steps(session: IMAPSession, *, username: str, secret: Secret | None) -> Iterator[Step]:
    """Yield the steps of the IMAP server; without a secret they end at its capabilities."""
    yield from session.steps()
    if secret is not None and username:
        proof = secret
        yield Stage.AUTH, lambda: session.authenticate(username, proof)
        yield Stage.MAILBOX, lambda: _inbox_facts(session)
        yield Stage.IDLE, session.idle


def _inbox_facts(session: IMAPSession) -> Facts:
    folder = session.examine()
    known: dict[str, FactValue] = {"folder": folder.name, "messages": folder.exists}
    if folder.uid_next is not None:
        known["uid_next"] = folder.uid_next
    return facts(**known)


def chain(session: Session, steps: Iterator[Step], how: Conditions) -> Iterator[Check]:
    """Do the steps; yield a check for each, for each address where it is connected. Closes the session."""
    try:
        for stage, step in steps:
            found = (
                _connected(session, how.clock)
                if stage is Stage.CONNECT
                else (checked(session, stage, step, clock=how.clock),)
            )
            has_failed = False
            for check in found:
                has_failed |= check.is_failure
                yield warned(explained(check, session, clock=how.clock, timeout=how.timeout))
            if has_failed:
                return
    finally:
        session.close()


def checked(session: Session, stage: Stage, step: Callable[[], Facts], *, clock: Clock) -> Check:
    """Do a step; whatever comes of it is in the check."""
    start = clock.monotonic()
    known: Facts = no_facts()
    problem: Problem | None = None
    try:
        known = step()
    except FluenzrError as error:
        problem = error.problem
    session.end_step()
    return Check(
        protocol=session.protocol,
        stage=stage,
        endpoint=session.endpoint,
        elapsed=timedelta(seconds=clock.monotonic() - start),
        facts=known,
        problem=problem,
        is_advisory=problem is not None and (stage, problem.code) in _ADVISORY,
    )


# -- the addresses ----------------------------------------------------------------------------------------


def _connected(session: Session, clock: Clock) -> Iterator[Check]:
    """Yield a check for each address; the failed ones are advisory as long as one works."""
    start = clock.monotonic()
    failed: list[Reached] = []
    is_connected = False
    try:
        for reached in session.connect_each():
            is_connected |= reached.is_used
            if reached.problem is not None and not is_connected:
                failed.append(reached)
                continue
            yield _address_check(session, reached)
            if reached.is_used:
                yield from (_address_check(session, each) for each in failed)
    except FluenzrError as error:  # nobody was connected to at all
        yield Check(
            protocol=session.protocol,
            stage=Stage.CONNECT,
            endpoint=session.endpoint,
            elapsed=timedelta(seconds=clock.monotonic() - start),
            problem=error.problem,
        )
        return
    if not is_connected:
        worst = _most_telling(failed)
        yield from (_address_check(session, each) for each in failed if each is not worst)
        yield replace(_address_check(session, worst), is_advisory=False)


# What a server or a firewall said counts more than a missing route (an unused IPv6 address, mostly).
_TELLING = (
    ProblemCode.CONNECT_UNREACHABLE,
    ProblemCode.CONNECT_TIMEOUT,
    ProblemCode.CONNECTION_LOST,
    ProblemCode.CONNECT_REFUSED,
    ProblemCode.BRIDGE_NOT_RUNNING,
)


def _most_telling(failed: list[Reached]) -> Reached:
    def weight(reached: Reached) -> int:
        code = reached.problem.code if reached.problem else None
        return _TELLING.index(code) if code in _TELLING else -1

    return max(failed, key=weight)


def _address_check(session: Session, reached: Reached) -> Check:
    known = facts(address=reached.address.text, family=reached.address.family, used=reached.is_used)
    return Check(
        protocol=session.protocol,
        stage=Stage.CONNECT,
        endpoint=session.endpoint,
        elapsed=timedelta(seconds=reached.seconds),
        facts=known,
        problem=reached.problem,
        is_advisory=reached.problem is not None,
    )
