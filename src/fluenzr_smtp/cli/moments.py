"""Times as people read them; documents have them in UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from fluenzr_smtp.problems import Problem


def local(moment: datetime) -> str:
    """Write a time in the reader's zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def retry_after(problem: Problem) -> datetime | None:
    """Return when a problem will have passed, where it says so."""
    told = problem.facts.get("retry_after")
    return datetime.fromisoformat(told) if isinstance(told, str) else None


def in_local_time(problem: Problem) -> Problem:
    """Return the problem for people: what it says of time is in the reader's zone."""
    until = retry_after(problem)
    if until is None:
        return problem
    return replace(problem, facts=MappingProxyType({**problem.facts, "retry_after": local(until)}))
