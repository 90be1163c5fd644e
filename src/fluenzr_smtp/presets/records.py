"""From a table of a file of presets to a preset.

Reading is strict: a record with a field missing, unknown or out of range is refused as a whole, so that a
spelling mistake never becomes a default.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Endpoint, Limit, LimitUnit, Need, Preset, Security, UsernameRule
from fluenzr_smtp.pacing import LONGEST_WINDOW
from fluenzr_smtp.problems import TOPICS, ProblemCode, Stage

UNCHECKED = date.min
"""``Preset.checked`` of an own record that names no date."""

_APP_PASSWORD = (Need.NO, Need.OPTIONAL, Need.WITH_TWO_FACTOR, Need.REQUIRED)
_OAUTH = (Need.NO, Need.OPTIONAL, Need.PREFERRED, Need.REQUIRED)
_OWN_DEFAULTS: Mapping[str, object] = MappingProxyType(
    {
        "domains": [],
        "mx": [],
        "imap": [],
        "username": "address",
        "app_password": "no",
        "oauth": "no",
        "limits": [],
        "spf": [],
        "dkim": [],
        "pages": {},
        "hint": "",
        "notes": [],
        "sources": [],
        "checked": UNCHECKED,
    }
)
MANDATORY = ("name", "smtp", *_OWN_DEFAULTS)
"""The fields without which a shipped record is refused; of an own one, only ``smtp`` is."""

_OPTIONAL = ("app_password_page", "saves_sent")

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # A-labels; "_" is seen in host names
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SPAN_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PAGE = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\x21-\x7e]*)?")
LONGEST_KEY = 64
_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")


def parse_preset(key: str, record: object, *, path: Path, is_own: bool) -> Preset:
    """Make a preset of a record as tomllib gives it; ``path`` is only told in the problem.

    A shipped record must have every field, and sources, notes and a hint that say something; an own one
    needs ``smtp`` alone.

    Raises:
        FluenzrError: ``preset-invalid``; its fact ``field`` leads to the value (``smtp[0].port``), ``reason``
            is one of a few fixed words (``missing``, ``not-a-port`` …).
    """
    place = Place(path=path, preset=key)
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise place.invalid("not-a-key")
    defaults = {"name": key, **_OWN_DEFAULTS} if is_own else {}
    table = _table(record, place, mandatory=MANDATORY, optional=_OPTIONAL, defaults=defaults)
    app_password = _choice(table["app_password"], place.at("app_password"), _APP_PASSWORD)
    page = _text(table.get("app_password_page", ""), place.at("app_password_page"), empty=True)
    if not page and not is_own and app_password in (Need.REQUIRED, Need.WITH_TWO_FACTOR):
        raise place.at("app_password_page").invalid("missing")
    return Preset(
        key=key,
        name=_text(table["name"], place.at("name")),
        domains=_each(table["domains"], place.at("domains"), _domain),
        mx=_each(table["mx"], place.at("mx"), _domain),
        smtp=_each(table["smtp"], place.at("smtp"), _endpoint, empty=False),
        imap=_each(table["imap"], place.at("imap"), _endpoint),
        username=_choice(table["username"], place.at("username"), tuple(UsernameRule)),
        app_password=app_password,
        app_password_page=page,
        oauth=_choice(table["oauth"], place.at("oauth"), _OAUTH),
        limits=_each(table["limits"], place.at("limits"), _own_limit if is_own else _limit),
        spf=_each(table["spf"], place.at("spf"), _domain),
        dkim=_each(table["dkim"], place.at("dkim"), _selector),
        pages=_pages(table["pages"], place.at("pages")),
        hint=_text(table["hint"], place.at("hint"), empty=is_own),
        notes=_each(table["notes"], place.at("notes"), _text, empty=is_own),
        sources=_each(table["sources"], place.at("sources"), _text, empty=is_own),
        checked=_date(table["checked"], place.at("checked")),
        saves_sent=_flag(table.get("saves_sent", False), place.at("saves_sent")),
        is_own=is_own,
    )


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


def _table(
    value: object,
    place: Place,
    *,
    mandatory: tuple[str, ...],
    optional: tuple[str, ...],
    defaults: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise place.invalid("not-a-table")
    table = {**defaults, **value}
    for name in table:
        if name not in mandatory and name not in optional:
            raise place.at(name).invalid("unknown-field")
    for name in mandatory:
        if name not in table:
            raise place.at(name).invalid("missing")
    return table


def _each(
    value: object, place: Place, parse: Callable[[object, Place], _Value], *, empty: bool = True
) -> tuple[_Value, ...]:
    if not isinstance(value, list):
        raise place.invalid("not-a-list")
    if not value and not empty:
        raise place.invalid("empty")
    return tuple(parse(item, place.item(index)) for index, item in enumerate(value))


def _text(value: object, place: Place, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise place.invalid("not-text")
    if not value.isprintable():  # line ends, control, bidirectional and zero-width characters
        raise place.invalid("not-printable")
    if not value.strip() and not empty:
        raise place.invalid("empty")
    return value.strip()


def _choice(value: object, place: Place, choices: tuple[_Choice, ...]) -> _Choice:
    for choice in choices:
        if value == choice.value:
            return choice
    raise place.invalid("not-a-choice", detail=", ".join(choices))


def _number(value: object, place: Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise place.invalid("not-a-number")
    return value


def _flag(value: object, place: Place) -> bool:
    if not isinstance(value, bool):
        raise place.invalid("not-true-or-false")
    return value


def _date(value: object, place: Place) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise place.invalid("not-a-date")
    return value


def _domain(value: object, place: Place) -> str:
    name = _text(value, place).lower()
    labels = name.split(".")
    # A last label of digits alone would be read as an IPv4 address.
    if len(name) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise place.invalid("not-a-host")
    return name


def _endpoint(value: object, place: Place) -> Endpoint:
    table = _table(value, place, mandatory=("host", "port", "encryption"), optional=())
    port = _number(table["port"], place.at("port"))
    if not 1 <= port <= 65535:
        raise place.at("port").invalid("not-a-port")
    security = _choice(table["encryption"], place.at("encryption"), tuple(Security))
    host = _text(table["host"], place.at("host")).lower()
    if _ip_address(host) is None:
        host = _domain(host, place.at("host"))
    if security is Security.NONE and not is_loopback(host):
        raise place.at("encryption").invalid("loopback-only")
    return Endpoint(host=host, port=port, security=security)


def _selector(value: object, place: Place) -> str:
    """Read a DKIM selector: one or more labels (RFC 6376 §3.1)."""
    name = _text(value, place).lower()
    if len(name) > 253 or not all(map(_LABEL.fullmatch, name.split("."))):
        raise place.invalid("not-a-selector")
    return name


def _pages(value: object, place: Place) -> tuple[tuple[str, str], ...]:
    table = _table(value, place, mandatory=(), optional=TOPICS)
    return tuple((topic, _page(page, place.at(topic))) for topic, page in table.items())


def _page(value: object, place: Place) -> str:
    page = _text(value, place)
    if not _PAGE.fullmatch(page):
        raise place.invalid("not-https")
    return page


def is_loopback(host: str) -> bool:
    """Say whether a host is this computer."""
    address = _ip_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return None if "%" in host else ipaddress.ip_address(host)  # no zones: they differ between machines
    except ValueError:
        return None


def _limit(value: object, place: Place) -> Limit:
    table = _table(value, place, mandatory=("unit", "count", "source"), optional=("per", "scope"))
    count = _number(table["count"], place.at("count"))
    if count < 1:
        raise place.at("count").invalid("not-positive")
    return Limit(
        unit=_choice(table["unit"], place.at("unit"), tuple(LimitUnit)),
        count=count,
        source=_text(table["source"], place.at("source")),
        per=_span(table["per"], place.at("per")) if "per" in table else None,
        scope=_text(table.get("scope", ""), place.at("scope"), empty=True),
    )


def _own_limit(value: object, place: Place) -> Limit:
    """Read a limit of an own record, which need not name its source."""
    named = {"source": "own preset", **value} if isinstance(value, dict) else value
    return _limit(named, place)


def _span(value: object, place: Place) -> timedelta:
    match = _SPAN.fullmatch(_text(value, place))
    if match is None:
        raise place.invalid("not-a-span")
    span = timedelta(**{_SPAN_UNITS[match[2]]: int(match[1])})
    if span > LONGEST_WINDOW:
        raise place.invalid("too-long")
    return span
