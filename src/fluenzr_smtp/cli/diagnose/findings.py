"""What a diagnosis finds: the walk over servers and domain, shown as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.account.secret import SecretSource, ask
from fluenzr_smtp.cli.completion import read_fills
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Check, Remedy, Secret, Target
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.app.subjects import Subject, Wanted
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.transcript import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was typed."""

    text: str | None
    preset: str | None
    fills: tuple[str, ...]
    encryption: str | None
    timeout: float
    transcript: bool
    trust_cert: str | None
    ca_file: str | None
    username: str | None
    secret: SecretSource
    try_usernames: bool
    fix: bool
    domain: bool
    resolver: str | None
    selectors: tuple[str, ...]
    report: str | None
    junit: str | None
    nagios: bool
    warn_days: int
    critical_days: int

    @property
    def names_login(self) -> bool:
        """Say whether somebody is to log in who is not the account's own user."""
        return self.username is not None or bool(self.secret.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found out about a subject."""

    subject: Subject
    target: Target
    checks: tuple[Check, ...]
    transcript: tuple[Line, ...] = ()
    applied: tuple[Remedy, ...] = ()

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that were meant."""
        return frozenset(each.host for each in (self.target.smtp, self.target.imap) if each)

    @property
    def works(self) -> tuple[Remedy, ...]:
        """The other ways that work."""
        from fluenzr_smtp.diagnosis import works

        return works(self.checks)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong and was not mended, in the order in which it was found."""
        mended = {remedy.protocol for remedy in self.applied}
        return tuple(
            check.problem
            for check in self.checks
            if check.problem is not None
            and check.is_failure
            and check.remedy is None
            and check.protocol not in mended
        )


def require_sense(request: Request) -> None:
    """Refuse what contradicts itself, before anything is opened or asked.

    Raises:
        FluenzrError: ``usage-invalid``.
    """
    rivals = (
        (request.trust_cert, request.ca_file, "--trust-cert and --ca-file exclude each other"),
        (request.nagios, request.fix, "--nagios and --fix exclude each other: monitoring changes nothing"),
        (request.report == "-" or request.junit == "-", True, "--report and --junit take the name of a file"),
        (
            request.report is not None and request.report == request.junit,
            True,
            "--report and --junit name the same file",
        ),
        (request.selectors and not request.domain, True, "--selector goes with --domain"),
        (
            request.nagios,
            request.critical_days > request.warn_days,
            "--critical-days is more than --warn-days",
        ),
    )
    for one, other, reason in rivals:
        if one and other:
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)


def find(run: Invocation, request: Request, show: Callable[[Check], None]) -> Findings:
    """Walk the servers of what is meant, then its domain; ``show`` is told of each check as it happens."""
    require_sense(request)
    for path in (request.report, request.junit):
        if path is not None:
            run.app.files.require_place(path)
    run.app.servers.resolver(request.resolver)  # what is wrong with it is told before the first look-up
    subject = run.app.subjects.find(_wanted(run, request))
    _require_subject(request, subject)
    if subject.unopened is not None:
        run.output.note(f"{run.output.sentence(subject.unopened).title}. No account is used.")
    target, secret = _with_login(run, request, subject)
    lines: list[Line] = []
    checks: list[Check] = []
    subject = replace(subject, target=target)
    for check in _checks(run, request, subject, secret, lines):
        show(check)
        checks.append(check)
    shown = target or Target(name=subject.domain)
    return Findings(subject=subject, target=shown, checks=tuple(checks), transcript=tuple(lines))


def _require_subject(request: Request, subject: Subject) -> None:
    """Refuse what is asked of a subject that does not have it."""
    lacking = (
        (
            request.fix and not (subject.target and subject.target.account),
            "--fix changes an account: name one",
        ),
        (request.domain and not subject.domain, "--domain needs an account, an address or a bare domain"),
        (
            request.names_login and subject.is_guessed,
            "only the DNS says which provider this is; name it with --preset to log in",
        ),
    )
    for lacks, reason in lacking:
        if lacks:
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)


def _wanted(run: Invocation, request: Request) -> Wanted:
    from fluenzr_smtp.app.subjects import Wanted
    from fluenzr_smtp.settings import parse_security

    return Wanted(
        text=request.text,
        preset=request.preset,
        security=None if request.encryption is None else parse_security(request.encryption),
        pin=run.app.files.pin(request.trust_cert) if request.trust_cert else None,
        authority=run.app.files.authority(request.ca_file) if request.ca_file else None,
        resolver=request.resolver,
        timeout=request.timeout,
        fills=read_fills(request.fills),
        only_domain=request.domain,
    )


def _with_login(run: Invocation, request: Request, subject: Subject) -> tuple[Target | None, Secret | None]:
    """Return the target with who logs in, and the secret: the account's, or that of another login."""
    from fluenzr_smtp.targets import with_login

    target = subject.target
    if target is None or not request.names_login:
        return target, subject.stored.secret if subject.stored else None
    if not (request.username or target.address):
        run.prompts.missing("--username")
    target = with_login(target, request.username or "", subject.preset)
    secret = request.secret.read(run)
    if secret is None and subject.stored is not None:
        secret = subject.stored.secret
    return target, secret or ask(run, target.username or "")


def _checks(
    run: Invocation, request: Request, subject: Subject, secret: Secret | None, lines: list[Line]
) -> Iterator[Check]:
    if subject.target is not None:
        yield from run.app.servers.diagnose(
            subject.target,
            secret,
            timeout=request.timeout,
            try_usernames=request.try_usernames,
            record=lines.append if request.transcript or request.report else None,
        )
    if request.domain and subject.domain:
        yield from run.app.servers.examine_domain(
            subject.domain,
            preset=subject.preset,
            resolver=request.resolver,
            selectors=request.selectors,
            timeout=request.timeout,
        )
