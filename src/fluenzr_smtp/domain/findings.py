"""What a stage of an examination starts from, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fluenzr_smtp.domain.lookups import Lookups
from fluenzr_smtp.domain.policy import PolicyServer
from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.model import Clock, Preset
from fluenzr_smtp.presets import PresetCatalog
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, Stage

_SHOWN_OF_A_RECORD = 500
_SHOWN_OF_A_DETAIL = 100
_SHOWN_OF_A_LIST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One examination. ``domain`` is in A-labels; of a provider's own domain, ``preset`` is None."""

    domain: str
    lookups: Lookups
    clock: Clock
    preset: Preset | None
    catalog: PresetCatalog
    selectors: tuple[str, ...]
    policies: PolicyServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a stage came to: facts, and a problem where something is to be changed."""

    facts: Mapping[str, FactValue] = field(default_factory=dict)
    problem: Problem | None = None
    is_advisory: bool = False


def noted(
    facts: Mapping[str, FactValue],
    code: ProblemCode,
    stage: Stage,
    *,
    is_advisory: bool,
    **change: FactValue,
) -> Finding:
    """Return a finding with a problem that knows the facts and what to change.

    The problem's ``record`` is the one to publish; the one that was found is its ``found``.
    """
    told = {"found" if name == "record" else name: value for name, value in facts.items()}
    known = {name: value for name, value in {**told, **change}.items() if value is not None}
    problem = Problem(code=code, stage=stage, facts=MappingProxyType(known))
    return Finding(facts=facts, problem=problem, is_advisory=is_advisory)


def faulty(
    facts: Mapping[str, FactValue],
    fault: RecordFault,
    code: ProblemCode,
    stage: Stage,
    *,
    is_advisory: bool,
    **change: FactValue,
) -> Finding:
    """Return a finding about a record with a fault: its word is the ``reason``, its part the ``detail``."""
    detail = shown(fault.detail, limit=_SHOWN_OF_A_DETAIL)
    return noted(
        facts, code, stage, is_advisory=is_advisory, reason=fault.reason, detail=detail or None, **change
    )


def shown(text: str, *, limit: int = _SHOWN_OF_A_RECORD) -> str:
    """Return text of a stranger's zone on one line, odd characters escaped, cut where it is too long."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)


def listed(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first of several texts, each safe to show."""
    return tuple(shown(each, limit=_SHOWN_OF_A_DETAIL) for each in texts[:_SHOWN_OF_A_LIST])
