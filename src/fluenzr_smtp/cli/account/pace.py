"""The options for how much and how fast an account sends, shared by ``account add`` and ``account edit``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from fluenzr_smtp.model import Limit
from fluenzr_smtp.settings import parse_limits, parse_pause

_PANEL = "How much, how fast"

Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="LIMIT",
        help=(
            "Send no more than this: 200/1h (messages), 500:recipients/24h; can be repeated. "
            "none: no limits; preset: those of the provider."
        ),
        rich_help_panel=_PANEL,
    ),
]
Pause = Annotated[
    str | None,
    typer.Option(
        "--pause",
        metavar="TIME",
        help="Least time between two messages, such as 2s or 1m; none: no pause.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceOptions:
    """What was typed of limits and pause, not yet read."""

    limits: tuple[str, ...] = ()
    pause: str | None = None

    @classmethod
    def of(cls, limits: list[str] | None, pause: str | None) -> PaceOptions:
        """Return the options as Typer gives them."""
        return cls(limits=tuple(limits or ()), pause=pause)

    def chosen_limits(self, present: tuple[Limit, ...] | None = None) -> tuple[Limit, ...] | None:
        """Return the limits that were said, else the present ones; None: those of the preset.

        Raises:
            FluenzrError: ``setting-invalid``.
        """
        return parse_limits(self.limits) if self.limits else present

    def chosen_pause(self, present: timedelta | None = None) -> timedelta | None:
        """Return the pause that was said, else the present one.

        Raises:
            FluenzrError: ``setting-invalid``.
        """
        return present if self.pause is None else parse_pause(self.pause)
