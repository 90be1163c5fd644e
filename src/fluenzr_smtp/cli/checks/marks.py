"""Whether a check held, in one of three marks; which check of several matters most; and chains of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from fluenzr_smtp.model import Check, Endpoint, Protocol, Remedy

#: What a chain is about: one server, one other way to it, or one domain.
Chain = tuple[Protocol, Endpoint | None, str, Remedy | None]


class Mark(StrEnum):
    """How a check is marked; the value is the label of the word for it."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"

    @property
    def sign(self) -> str:
        """The mark as one character."""
        return _SIGNS[self]

    @property
    def style(self) -> str:
        """The mark's colour on a terminal (SGR parameters)."""
        return _STYLES[self]


_SIGNS = {Mark.OK: "✓", Mark.NOTE: "!", Mark.FAILED: "✗"}
_STYLES = {Mark.OK: "32", Mark.NOTE: "33", Mark.FAILED: "1;31"}


def mark_of(check: Check | None) -> Mark:
    """Return the mark of a check; of none, that all is well."""
    if check is None or check.ok:
        return Mark.OK
    return Mark.FAILED if check.is_failure else Mark.NOTE


def worst(checks: Iterable[Check]) -> Check | None:
    """Return the check that matters most: the first failure, else the first note; None if all hold.

    That another way was tried and does not work either matters to nobody: those checks are left out.
    """
    found = [check for check in checks if not check.ok and check.remedy is None]
    return next((check for check in found if check.is_failure), next(iter(found), None))


def chain_of(check: Check) -> Chain:
    """Return what a check is about; checks of one chain stand below one heading."""
    return (check.protocol, check.endpoint, check.domain, check.remedy)


def chains(checks: Iterable[Check]) -> tuple[tuple[Check, ...], ...]:
    """Return the checks chain by chain, in the order in which the chains began."""
    found: dict[Chain, list[Check]] = {}
    for check in checks:
        found.setdefault(chain_of(check), []).append(check)
    return tuple(tuple(chain) for chain in found.values())


def milliseconds(check: Check) -> float:
    """Return how long a check took; never less than nothing."""
    return max(check.elapsed.total_seconds() * 1000, 0.0)
