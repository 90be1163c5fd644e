"""Settings are tried before they are saved: shown as they hold, explained where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fluenzr_smtp.cli.checks import CheckLines
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.model import Check, Endpoint, Fingerprint, Protocol, StoredAccount
from fluenzr_smtp.problems import Problem, ProblemCode

# A certificate that no known authority vouches for: a person may know better. One that is expired or
# for another host is a fault of the server, and pinning it would only hide that.
_PINNABLE = {
    ProblemCode.TLS_CERTIFICATE_SELF_SIGNED,
    ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    ProblemCode.TLS_CERTIFICATE_CHAIN_INCOMPLETE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What the trial showed: the account, with the pins that were agreed to, and the last checks."""

    stored: StoredAccount
    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What did not hold."""
        return tuple(check.problem for check in self.checks if check.problem and check.is_failure)


def verify(run: Invocation, stored: StoredAccount, *, timeout: float) -> Verified:
    """Check an account's servers without sending; at a terminal, offer to pin an unknown certificate.

    All questions come before the second look, so that a password is tried once at each server.
    """
    checks = _shown(run, stored, timeout=timeout)
    pins = _agreed_pins(run, checks, timeout=timeout)
    if pins:
        stored = _with_pins(stored, pins)
        checks = _shown(run, stored, timeout=timeout)
    return Verified(stored=stored, checks=checks)


def may_save(run: Invocation, verified: Verified) -> bool:
    """Say whether to save: when all holds, or when the person says so after reading what does not."""
    if not verified.problems:
        return True
    if not run.prompts.may_ask:
        return False
    run.output.problems(verified.problems)
    return run.prompts.confirm("Save anyway?", option="--no-test")


def end_unsaved(run: Invocation, verified: Verified, data: object) -> None:
    """End the command with what does not hold; a person who was asked has read that already."""
    problems = verified.problems
    run.end(data, problems=() if run.prompts.may_ask else problems, exit_status=problems[0].exit_status)


def _shown(run: Invocation, stored: StoredAccount, *, timeout: float) -> tuple[Check, ...]:
    lines = CheckLines(run)
    checks: list[Check] = []
    for check in run.app.servers.examine(stored, timeout=timeout, is_saved=False):
        lines.show(check)
        checks.append(check)
    lines.end(stored.account)
    return tuple(checks)


def _agreed(run: Invocation, protocol: Protocol, endpoint: Endpoint, *, timeout: float) -> Fingerprint | None:
    certificate = run.app.servers.served_certificate(protocol, endpoint, timeout=timeout)
    run.output.note(f"{endpoint} shows a certificate that no known authority vouches for:")
    fingerprint = str(certificate.fingerprint)
    half = len(fingerprint) // 2 + 1
    run.output.note_fields(
        [
            ("  for", ", ".join(certificate.names) or certificate.subject),
            ("  from", certificate.issuer),
            ("  dates", f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"),
            ("  SHA-256", fingerprint[:half]),  # in two lines: a terminal of 80 columns would break it
            ("", fingerprint[half:]),
        ]
    )
    question = f"Trust exactly this certificate for {endpoint} from now on?"
    agreed = run.prompts.confirm(question, option="--trust-cert")
    return certificate.fingerprint if agreed else None


def _agreed_pins(
    run: Invocation, checks: tuple[Check, ...], *, timeout: float
) -> dict[Protocol, Fingerprint]:
    """Ask for each unknown certificate once, also where both servers show the same one."""
    pins: dict[Protocol, Fingerprint] = {}
    for check in checks:
        endpoint, problem = check.endpoint, check.problem
        if endpoint is None or problem is None or problem.code not in _PINNABLE or not run.prompts.may_ask:
            continue
        seen = problem.facts.get("fingerprint")
        pin = next((each for each in pins.values() if str(each) == seen), None)
        pin = pin or _agreed(run, check.protocol, endpoint, timeout=timeout)
        if pin is None:
            break
        pins[check.protocol] = pin
    return pins


def _with_pins(stored: StoredAccount, pins: Mapping[Protocol, Fingerprint]) -> StoredAccount:
    account = stored.account
    smtp = replace(account.smtp, pin=pins.get(Protocol.SMTP, account.smtp.pin))
    imap = account.imap and replace(account.imap, pin=pins.get(Protocol.IMAP, account.imap.pin))
    return replace(stored, account=replace(account, smtp=smtp, imap=imap))
