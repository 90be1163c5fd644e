"""Where in a file of presets a value stands, and the readers of plain values.

Reading is strict: what is missing, unknown or out of range is refused, so that a spelling mistake never
becomes a default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Concatenate, ParamSpec, TypeVar

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")
_How = ParamSpec("_How")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a file of presets a value stands."""

    path: Path
    preset: str | None = None
    field: str | None = None

    def at(self, name: str) -> Place:
        """Return the place of a field inside."""
        field = f"{self.field}.{name}" if self.field else name
        return Place(path=self.path, preset=self.preset, field=field)

    def item(self, index: int) -> Place:
        """Return the place of an item of a list."""
        return Place(path=self.path, preset=self.preset, field=f"{self.field}[{index}]")

    def invalid(self, reason: str, *, detail: str = "") -> FluenzrError:
        """Return the error that refuses the value: ``preset-invalid``."""
        return failure(
            ProblemCode.PRESET_INVALID,
            Stage.CONFIGURATION,
            path=str(self.path),
            preset=self.preset,
            field=self.field,
            reason=reason,
            detail=detail,
        )


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a table, and where it stands."""

    table: Mapping[str, object]
    place: Place

    def read(
        self,
        name: str,
        parse: Callable[Concatenate[object, Place, _How], _Value],
        *args: _How.args,
        **how: _How.kwargs,
    ) -> _Value:
        """Return a field as ``parse`` reads it."""
        return parse(self.table[name], self.place.at(name), *args, **how)

    def list(
        self, name: str, parse: Callable[[object, Place], _Value], *, empty: bool = True
    ) -> tuple[_Value, ...]:
        """Return the items of a field that is a list, each as ``parse`` reads it."""
        return each(self.table[name], self.place.at(name), parse, empty=empty)


def table(
    value: object,
    place: Place,
    *,
    mandatory: tuple[str, ...],
    optional: tuple[str, ...],
    defaults: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, object]:
    """Return a table that has what it must have and nothing that is not known."""
    if not isinstance(value, dict):
        raise place.invalid("not-a-table")
    found = {**defaults, **value}
    for name in found:
        if name not in mandatory and name not in optional:
            raise place.at(name).invalid("unknown-field")
    for name in mandatory:
        if name not in found:
            raise place.at(name).invalid("missing")
    return found


def each(
    value: object, place: Place, parse: Callable[[object, Place], _Value], *, empty: bool = True
) -> tuple[_Value, ...]:
    """Return the items of a list, each read by ``parse``."""
    if not isinstance(value, list):
        raise place.invalid("not-a-list")
    if not value and not empty:
        raise place.invalid("empty")
    return tuple(parse(item, place.item(index)) for index, item in enumerate(value))


def text(value: object, place: Place, *, empty: bool = False) -> str:
    """Return a text of one line, without blanks at its ends."""
    if not isinstance(value, str):
        raise place.invalid("not-text")
    if not value.isprintable():  # line ends, control, bidirectional and zero-width characters
        raise place.invalid("not-printable")
    if not value.strip() and not empty:
        raise place.invalid("empty")
    return value.strip()


def choice(value: object, place: Place, choices: tuple[_Choice, ...]) -> _Choice:
    """Return one of a few words."""
    for one in choices:
        if value == one.value:
            return one
    raise place.invalid("not-a-choice", detail=", ".join(choices))


def number(value: object, place: Place) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise place.invalid("not-a-number")
    return value


def flag(value: object, place: Place) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise place.invalid("not-true-or-false")
    return value


def day(value: object, place: Place) -> date:
    """Return a date without a time."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise place.invalid("not-a-date")
    return value
