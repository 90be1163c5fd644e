"""Times, replies and problems as the columns hold them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

#: A server may say up to 64 KB a line; this much of it is kept.
LONGEST_BYTES = 2048

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The first is what a reply and its problem have room for; the others follow where escapes make it longer.
_TEXT_LIMITS = (1000, 300, 100, 30)
_MOST_FACTS = 20


class MisreadError(ValueError):
    """A value in the database is not one that was written there."""


@contextlib.contextmanager
def misreading() -> Iterator[None]:
    """Tell what reading a value raises that nobody here has written.

    Raises:
        MisreadError: The database is damaged.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise MisreadError from error


def micros(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """Return the time of a number of microseconds since 1970.

    Raises:
        OverflowError: There is no such time.
    """
    return _EPOCH + timedelta(microseconds=count)


def micros_or_none(moment: datetime | None) -> int | None:
    """Return a time as microseconds, where there is one."""
    return None if moment is None else micros(moment)


def moment_or_none(count: int | None) -> datetime | None:
    """Return the time of a number of microseconds, where there is one."""
    return None if count is None else moment(count)


def reply_text(reply: ServerReply | None) -> str | None:
    """Return a reply as JSON of at most ``LONGEST_BYTES``."""
    return None if reply is None else _bounded(lambda limit: _reply(reply, limit))


def reply_of(text: str | None) -> ServerReply | None:
    """Return the reply of a text that ``reply_text`` made.

    Raises:
        ValueError, KeyError, TypeError: It did not.
    """
    return None if text is None else _reply_of(json.loads(text))


def problem_text(problem: Problem | None) -> str | None:
    """Return a problem as JSON of at most ``LONGEST_BYTES``; facts beyond that are left out."""
    if problem is None:
        return None
    try:
        return _bounded(lambda limit: _problem(problem, limit))
    except ValueError:  # many facts
        return _bounded(lambda limit: {**_problem(problem, limit), "facts": {}})


def problem_of(text: str | None) -> Problem | None:
    """Return the problem of a text that ``problem_text`` made.

    Codes and stages are added in time: one that is not known here stands for something that is not known.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: It did not.
    """
    if text is None:
        return None
    found = json.loads(text)
    facts = {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in found["facts"].items()}
    code, stage = found["code"], found["stage"]
    return Problem(
        code=ProblemCode(code) if code in set(ProblemCode) else ProblemCode.UNEXPECTED_REPLY,
        stage=Stage(stage) if stage in set(Stage) else Stage.OUTBOX,
        reply=None if found["reply"] is None else _reply_of(found["reply"]),
        facts=MappingProxyType(facts),
    )


def _bounded(made: Any) -> str:  # noqa: ANN401 - a function of the limit
    for limit in _TEXT_LIMITS:
        text = json.dumps(made(limit), separators=(",", ":"))
        if len(text) <= LONGEST_BYTES:
            return text
    raise ValueError("too-long")


def _reply(reply: ServerReply, limit: int) -> dict[str, Any]:
    return {
        "code": reply.code,
        "enhanced": reply.enhanced and reply.enhanced[:limit],
        "text": reply.text[:limit],
    }


def _reply_of(found: dict[str, Any]) -> ServerReply:
    code, enhanced, text = found["code"], found["enhanced"], found["text"]
    if not isinstance(code, int | None) or not isinstance(enhanced, str | None) or not isinstance(text, str):
        raise TypeError
    return ServerReply(code=code, enhanced=enhanced, text=text)


def _problem(problem: Problem, limit: int) -> dict[str, Any]:
    facts = dict(list(problem.facts.items())[:_MOST_FACTS])
    return {
        "code": problem.code.value,
        "stage": problem.stage.value,
        "reply": None if problem.reply is None else _reply(problem.reply, limit),
        "facts": {name: _fact(fact, limit) for name, fact in facts.items()},
    }


def _fact(fact: Any, limit: int) -> Any:  # noqa: ANN401 - a FactValue
    if isinstance(fact, str):
        return fact[:limit]
    return [each[:limit] for each in fact[:_MOST_FACTS]] if isinstance(fact, tuple) else fact
