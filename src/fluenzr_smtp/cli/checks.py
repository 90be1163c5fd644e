"""How checks are told: line by line as they happen, as records of a document, and as a JUnit report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.model import Account, Check, Endpoint, Protocol, Security
from fluenzr_smtp.problems import Facts, Stage

ENCRYPTION_NAMES = {
    Security.STARTTLS: "STARTTLS",
    Security.IMPLICIT_TLS: "SSL/TLS",
    Security.NONE: "not encrypted",
}

CHECK = form.record(
    protocol=form.choice(*(each.value for each in Protocol)),
    stage=form.choice(*(each.value for each in Stage)),
    host=form.TEXT,
    port=form.INTEGER,
    ok=form.BOOLEAN,
    elapsed_ms=form.NUMBER,
    facts={"type": "object"},
    problem=form.nullable(form.PROBLEM),
)

_IMAP_STATUS = re.compile(r"\* OK (\[[^]]*\] )?")

_GREEN, _RED, _BOLD = "32", "1;31", "1"


class CheckLines:
    """Shows checks one by one, each server under a heading of its own. Says nothing with ``--json``."""

    def __init__(self, run: Invocation) -> None:
        self._output = run.output
        self._server: tuple[Protocol, Endpoint] | None = None
        self._last: tuple[Protocol, Stage] | None = None

    def account(self, account: Account) -> None:
        """Show whose checks follow."""
        self._server = None
        name = "" if account.name == account.address else f" ({account.name})"
        self._output.line(self._output.painted(printable(account.address + name), _BOLD))

    def end(self, account: Account) -> None:
        """Say what was left out, and why."""
        if account.imap is None:
            self._output.line("No IMAP server: whether a message arrives cannot be seen.")
        elif self._last == (Protocol.IMAP, Stage.CAPABILITIES) and account.username is not None:
            self._output.line("  left out  login: a refused password is not tried again")

    def show(self, check: Check) -> None:
        """Show one check."""
        self._last = (check.protocol, check.stage) if check.ok else None
        if (check.protocol, check.endpoint) != self._server:
            self._server = (check.protocol, check.endpoint)
            self._output.line(f"{check.protocol.upper()}  {described(check.endpoint)}")
        self.stage(check.stage, check.elapsed, told(check), ok=check.ok)

    def stage(self, stage: Stage, elapsed: timedelta, text: str, *, ok: bool) -> None:
        """Show one line: whether the stage held, how long it took, what is known of it."""
        mark = self._output.painted("ok    ", _GREEN) if ok else self._output.painted("failed", _RED)
        milliseconds = f"{elapsed.total_seconds() * 1000:.0f} ms"
        self._output.line(f"  {mark}  {stage.value:<13}{milliseconds:>9}  {text}".rstrip())


def described(endpoint: Endpoint) -> str:
    """Return an endpoint with its encryption, for people."""
    trust = ", pinned certificate" if endpoint.pin else ", own authority" if endpoint.authority else ""
    return f"{endpoint}  {ENCRYPTION_NAMES[endpoint.security]}{trust}"


def told(check: Check) -> str:
    """Return what a check found out, in a few words that are safe to print."""
    if check.problem is not None:
        reply = check.problem.reply
        return printable(f"{check.problem.code}  {reply_line(reply) if reply else ''}", limit=110)
    return printable(_SUMMARIES.get(check.stage, _nothing)(check.facts), limit=110)


def _nothing(_: Facts) -> str:
    return ""


def _text(facts: Facts, name: str) -> str:
    value = facts.get(name, "")
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _arrival(facts: Facts) -> str:
    verdicts = " ".join(f"{name}={facts[name]}" for name in ("spf", "dkim", "dmarc") if name in facts)
    return f"in {_text(facts, 'folder')}  {verdicts}".rstrip()


_SUMMARIES = {
    Stage.RESOLVE: lambda facts: _text(facts, "addresses"),
    Stage.CONNECT: lambda facts: _text(facts, "address"),
    Stage.TLS: lambda facts: (
        f"{_text(facts, 'version')}, certificate good until {_text(facts, 'not_after')[:10]}"
    ),
    Stage.GREETING: lambda facts: _IMAP_STATUS.sub("", _text(facts, "banner")),
    Stage.CAPABILITIES: lambda facts: f"login by {_text(facts, 'mechanisms') or 'nothing'}",
    Stage.AUTH: lambda facts: f"{_text(facts, 'username')} by {_text(facts, 'mechanism')}",
    Stage.SENDER: lambda facts: _text(facts, "sender"),
    Stage.RECIPIENT: lambda facts: _text(facts, "recipient"),
    Stage.MAILBOX: lambda facts: f"{_text(facts, 'folder')}, messages: {_text(facts, 'messages')}",
    Stage.ARRIVAL: _arrival,
}


def check_records(checks: Iterable[Check]) -> list[dict[str, object]]:
    """Return the checks as a document shows them."""
    return [
        {
            "protocol": check.protocol,
            "stage": check.stage,
            "host": check.endpoint.host,
            "port": check.endpoint.port,
            "ok": check.ok,
            "elapsed_ms": round(check.elapsed.total_seconds() * 1000, 1),
            "facts": check.facts,
            "problem": check.problem,
        }
        for check in checks
    ]
