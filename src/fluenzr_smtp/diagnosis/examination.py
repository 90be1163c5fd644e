"""A whole run: the chains of a target's servers, what the guide says to try, how often anybody logs in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from fluenzr_smtp.diagnosis.chain import (
    Conditions,
    chain,
    imap_session,
    imap_steps,
    imap_username,
    opened,
    smtp_steps,
)
from fluenzr_smtp.diagnosis.remedies import remedies, works
from fluenzr_smtp.model import Account, Check, Clock, Endpoint, Protocol, Remedy, Secret, Target
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.transcript import Recorder, Transcript

# Problems of a login that say nothing of the secret: it was not said, or nobody looked at it. After any other
# the same secret once more would only bring the mailbox nearer to being locked.
_NOT_JUDGED = frozenset({
    ProblemCode.AUTH_IMAP_DISABLED,
    ProblemCode.AUTH_MECHANISM_UNSUPPORTED,
    ProblemCode.AUTH_NOT_OFFERED,
    ProblemCode.AUTH_OAUTH_REQUIRED,
    ProblemCode.AUTH_REQUIRED,
    ProblemCode.AUTH_SMTP_DISABLED,
    ProblemCode.AUTH_UNAVAILABLE,
    ProblemCode.SERVER_FAULT,
    ProblemCode.TLS_REQUIRED,
})  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Run:
    """What is said to whom in one run: the secret once for each server, and to none once it was refused."""

    target: Target
    secret: Secret | None
    how: Conditions
    recipient: str = ""
    is_refused: bool = False
    tried: set[Protocol] = field(default_factory=set)

    def examined(self) -> Iterator[Check]:
        """Walk both chains."""
        if self.target.smtp is not None:
            yield from self.smtp(self.target.smtp, self.target.username)
        if self.target.imap is not None:
            yield from self.imap(self.target.imap, imap_username(self.target))

    def smtp(self, endpoint: Endpoint, username: str | None) -> Iterator[Check]:
        session = opened(SMTPSession, endpoint, self.secret, self.how)
        steps = smtp_steps(
            session,
            self.target,
            username=username,
            secret=self._usable_secret(Protocol.SMTP),
            recipient=self.recipient,
        )
        yield from self._noted(chain(session, steps, self.how))

    def imap(self, endpoint: Endpoint | None, username: str) -> Iterator[Check]:
        session = imap_session(self.target, self.secret, self.how, endpoint)
        steps = imap_steps(session, username=username, secret=self._usable_secret(Protocol.IMAP))
        yield from self._noted(chain(session, steps, self.how))

    def remedied(self, remedy: Remedy) -> Iterator[Check]:
        """Walk the chain of another way."""
        if remedy.username is not None:  # the one further attempt that was asked for
            self.is_refused = False
            self.tried.discard(remedy.protocol)
        if remedy.protocol is Protocol.SMTP:
            checks = self.smtp(remedy.endpoint, remedy.username or self.target.username)
        else:
            checks = self.imap(remedy.endpoint, remedy.username or imap_username(self.target))
        yield from (replace(check, remedy=remedy) for check in checks)

    def _usable_secret(self, protocol: Protocol) -> Secret | None:
        return None if self.is_refused or protocol in self.tried else self.secret

    def _noted(self, checks: Iterator[Check]) -> Iterator[Check]:
        for check in checks:
            if check.stage is Stage.AUTH:
                self.tried.add(check.protocol)
                self.is_refused |= check.problem is not None and check.problem.code not in _NOT_JUDGED
            yield check


def examine(
    target: Target,
    secret: Secret | None,
    *,
    clock: Clock,
    timeout: float,
    recipient: str = "",
    provider: str = "",
    record: Recorder | None = None,
) -> Iterator[Check]:
    """Yield a check for each stage of the target's servers; a failure ends its own chain only.

    Sender and recipient (the own address unless given) are named and taken back.

    Args:
        target: The servers, and who logs in.
        secret: What is logged in with; without it nobody does.
        clock: Where time comes from.
        timeout: Of each step, in seconds.
        recipient: Whom to name in place of the own address.
        provider: The preset's key, for the meaning of replies.
        record: Takes the dialogue, line by line, without the secret.
    """
    how = _conditions(clock, timeout, provider or target.preset or "", record)
    run = _Run(target=target, secret=secret, how=how, recipient=recipient)
    yield from run.examined()


def examine_imap(
    target: Target | Account, secret: Secret | None, *, clock: Clock, timeout: float
) -> Iterator[Check]:
    """Yield the checks of the IMAP server; without a secret they end at its capabilities.

    Raises:
        FluenzrError: ``account-imap-none``.
    """
    target = _target(target)
    how = _conditions(clock, timeout, target.preset or "", None)
    yield from _Run(target=target, secret=secret, how=how).imap(target.imap, imap_username(target))


def attempt(
    remedy: Remedy,
    target: Target,
    secret: Secret | None,
    *,
    clock: Clock,
    timeout: float,
    provider: str = "",
    record: Recorder | None = None,
) -> Iterator[Check]:
    """Yield the checks of another way to a server, each of which carries the remedy.

    Without a secret the way is tried up to the login; whoever has tried to log in before leaves it out.
    """
    how = _conditions(clock, timeout, provider or target.preset or "", record)
    yield from _Run(target=target, secret=secret, how=how).remedied(remedy)


def diagnose(
    target: Target,
    secret: Secret | None,
    *,
    clock: Clock,
    timeout: float,
    known: Mapping[Protocol, tuple[Endpoint, ...]],
    try_usernames: bool,
    provider: str = "",
    record: Recorder | None = None,
) -> Iterator[Check]:
    """Examine the target; then, for each chain that failed, try what the guide says until something works.

    The secret is said at most once for each server and never again once it was refused, but for the single
    further attempt that ``try_usernames`` allows.

    Args:
        target: The servers, and who logs in.
        secret: What is logged in with; without it nobody does.
        clock: Where time comes from.
        timeout: Of each step, in seconds.
        known: The endpoints of the provider's preset.
        try_usernames: Whether the other form of the user name may be tried once.
        provider: The preset's key, for the meaning of replies.
        record: Takes the dialogue, line by line, without the secret.
    """
    how = _conditions(clock, timeout, provider or target.preset or "", record)
    run = _Run(target=target, secret=secret, how=how)
    failed: list[Check] = []
    for check in run.examined():
        if check.is_failure:
            failed.append(check)
        yield check
    for check in failed:
        ways = remedies(check, target, known=known.get(check.protocol, ()), try_usernames=try_usernames)
        yield from _until_one_works(run, ways)


def _until_one_works(run: _Run, ways: tuple[Remedy, ...]) -> Iterator[Check]:
    for remedy in ways:
        tried: list[Check] = []
        for check in run.remedied(remedy):
            tried.append(check)
            yield check
        if works(tried):
            return


def _target(target: Target | Account) -> Target:
    return Target.of(target) if isinstance(target, Account) else target


def _conditions(clock: Clock, timeout: float, provider: str, record: Recorder | None) -> Conditions:
    transcript = None if record is None else Transcript(record, clock=clock)
    return Conditions(clock=clock, timeout=timeout, provider=provider, transcript=transcript)
