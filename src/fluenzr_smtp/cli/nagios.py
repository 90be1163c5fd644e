"""One line for monitoring, as the Monitoring Plugins Development Guidelines want it, in plain English.

https://www.monitoring-plugins.org/doc/guidelines.html: a line of text, ``|``, performance data; statuses
0 to 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.marks import chain_of, milliseconds
from fluenzr_smtp.cli.checks.words import described
from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.model import Check, Protocol, Target
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_TEXT = 900  # characters: with the performance data well below the 4 KiB that some servers read
_SENTENCE = 220

# A monitoring server ends the text at a pipe, and some show it as HTML (escape_html_tags=0).
_REPLACED = str.maketrans({"|": "/", "<": "[", ">": "]"})

# A note that is worth waking somebody for, although mail goes at this moment.
_WARNINGS = frozenset({Stage.RESOLVE, Stage.CONNECT})


class State(IntEnum):
    """The statuses of a monitoring plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


# Of several states the worst is told; what is known to be wrong goes before what nobody knows.
_BY_WEIGHT = (State.OK, State.WARNING, State.UNKNOWN, State.CRITICAL)


def nagios_line(
    checks: Iterable[Check], *, target: Target, warn_days: int, critical_days: int
) -> tuple[str, int]:
    """Return the line and the plugin's status.

    CRITICAL: mail does not go, or the certificate ends in fewer than ``critical_days``. WARNING: in fewer
    than ``warn_days``, or one of several addresses does not answer. UNKNOWN: all that failed are look-ups
    that no name server has answered. What is noted of a domain is no alarm.
    Other ways that were tried are left out: what is watched is what is set.
    """
    known = tuple(check for check in checks if check.remedy is None)
    if not known:
        return _line(_service(target), State.UNKNOWN, ("nothing was checked",)), int(State.UNKNOWN)
    days = least_days_left(known)
    state_of_days = _state_of_days(days, warn_days, critical_days)
    state = max(_state_of_checks(known), state_of_days, key=_BY_WEIGHT.index)
    limit = {State.WARNING: warn_days, State.CRITICAL: critical_days}.get(state_of_days)
    alarm = "" if limit is None else f" ({state_of_days.name.lower()} below {limit})"
    data = (*_times(known), *(() if days is None else (f"days={days};{warn_days}:;{critical_days}:",)))
    return f"{_line(_service(target), state, _words(known, days, alarm))} | {' '.join(data)}", int(state)


def unknown_line(problem: Problem) -> tuple[str, int]:
    """Return the line and the status where nothing could be checked: usage, settings, the vault."""
    told = f"{problem.code}: {_title(problem, _english())}"
    return _line("MAIL", State.UNKNOWN, (told,)), int(State.UNKNOWN)


def least_days_left(checks: Iterable[Check]) -> int | None:
    """Return the days that the certificate has that ends first; None where none was seen."""
    seen = (
        facts["days_left"]
        for check in checks
        for facts in (check.facts, check.problem.facts if check.problem else {})
        if "days_left" in facts
    )
    return min((days for days in seen if isinstance(days, int)), default=None)


def _state_of_checks(checks: tuple[Check, ...]) -> State:
    failed = [check.problem.code for check in checks if check.problem is not None and check.is_failure]
    if failed:
        is_unanswered = set(failed) == {ProblemCode.DNS_UNAVAILABLE}
        return State.UNKNOWN if is_unanswered else State.CRITICAL
    return State.WARNING if any(_is_warning(check) for check in checks) else State.OK


def _is_warning(check: Check) -> bool:
    return not check.ok and check.stage in _WARNINGS


def _state_of_days(days: int | None, warn: int, critical: int) -> State:
    if days is None or days >= max(warn, critical):
        return State.OK
    return State.CRITICAL if days < critical else State.WARNING


def _service(target: Target) -> str:
    if target.smtp is not None and target.imap is not None:
        return "MAIL"
    if target.imap is not None:
        return "IMAP"
    return "SMTP" if target.smtp is not None else "DNS"


def _words(checks: tuple[Check, ...], days: int | None, alarm: str) -> Iterator[str]:
    """Yield what is wrong, the certificate too, then what was looked at, then a certificate that lasts."""
    english = _english()
    wrong = (check for check in checks if check.is_failure or _is_warning(check))
    for check in sorted(wrong, key=lambda each: each.is_advisory):
        yield _wrong(check, english)
    if days is not None and alarm:
        yield _ending(days) + alarm
    failed = {chain_of(check) for check in checks if check.is_failure}
    for chain in dict.fromkeys(chain_of(check) for check in checks):
        if chain not in failed:
            _, endpoint, domain, _ = chain
            yield " ".join(described(endpoint).split()) if endpoint else domain
    if days is not None and not alarm:
        yield f"certificate {days} days"


def _ending(days: int) -> str:
    counted = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f"certificate ended {counted} ago" if days < 0 else f"certificate ends in {counted}"


def _wrong(check: Check, english: Catalogue) -> str:
    problem = check.problem or Problem(code=ProblemCode.BUG, stage=check.stage)
    where = str(check.endpoint) if check.endpoint else check.domain
    reply = f" ({reply_line(problem.reply)[:_SENTENCE]})" if problem.reply else ""
    return f"{where} {problem.code}: {_title(problem, english)}{reply}"


def _title(problem: Problem, english: Catalogue) -> str:
    return printable(english.sentence(problem).title, limit=_SENTENCE)


def _line(service: str, state: State, words: Iterable[str]) -> str:
    text = printable(", ".join(words), limit=_TEXT)
    return f"{service} {state.name} - {text.translate(_REPLACED)}"


def _times(checks: tuple[Check, ...]) -> Iterator[str]:
    """Yield the whole time and that of each stage in seconds; the labels need no quotation marks."""
    stages: dict[tuple[Protocol, Stage], float] = {}
    for check in checks:
        key = (check.protocol, check.stage)
        stages[key] = stages.get(key, 0.0) + milliseconds(check) / 1000
    yield f"time={sum(stages.values()):.3f}s;;;0"
    for (protocol, stage), seconds in stages.items():
        yield f"{protocol}_{stage.replace('-', '_')}={seconds:.3f}s;;;0"


def _english() -> Catalogue:
    """Return the sentences that monitoring rules are written for, whatever the reader's language is."""
    from fluenzr_smtp.messages import Catalogue

    return Catalogue.load("en")
