"""The provider catalogue: reads the shipped presets and the user's own, and finds one by key, domain or MX.

Reading is strict: a record with a field missing, unknown or out of range is refused as a whole, so that a
spelling mistake never becomes a default. This module looks nothing up on the network and chooses nothing.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from fluenzr_smtp import files
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Endpoint, Limit, LimitUnit, Need, Preset, Security, UsernameRule
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

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # A-labels; "_" is seen in host names
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SPAN_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PAGE = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\x21-\x7e]*)?")
_LONGEST_KEY = 64
_LIMIT_BYTES = 262_144  # several times the shipped catalogue

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetCatalog:
    """The presets in the order of the file: the shipped ones first, then what the user added."""

    presets: Mapping[str, Preset]

    @classmethod
    def load(cls, *, own: Path | None) -> PresetCatalog:
        """Read the shipped catalogue and the user's own file over it.

        A record of ``own`` replaces the shipped one of the same key as a whole. A file that is not there
        adds nothing.

        Raises:
            FluenzrError: ``preset-invalid`` (facts ``path``, ``preset``, ``field``, ``reason``, ``detail``),
                ``file-unreadable``.
        """
        shipped = read_presets(shipped_path(), is_own=False)
        added = read_presets(own, is_own=True) if own is not None else {}
        return cls(presets=MappingProxyType({**shipped, **added}))

    def get(self, key: str) -> Preset:
        """Return the preset of a key, in any case.

        Raises:
            FluenzrError: ``preset-unknown`` with the facts ``key`` and ``near``, the keys that may be meant.
        """
        found = self.presets.get(key.casefold())
        if found is None:
            raise failure(ProblemCode.PRESET_UNKNOWN, Stage.USAGE, key=key, near=self._near(key))
        return found

    def for_domain(self, domain: str) -> Preset | None:
        """Return the preset that names exactly this mail domain; the user's own go first."""
        wanted = domain.casefold().rstrip(".")
        return next((preset for preset in self._own_first() if wanted in preset.domains), None)

    def for_mx(self, hosts: Iterable[str]) -> tuple[Preset, ...]:
        """Return the presets to one of whose MX suffixes one of the hosts belongs; the user's own go first.

        Several products of a provider may share their MX hosts: all of them are returned.
        """
        names = tuple("." + host.casefold().rstrip(".") for host in hosts)
        return tuple(
            preset
            for preset in self._own_first()
            if any(name.endswith("." + suffix) for suffix in preset.mx for name in names)
        )

    def for_host(self, host: str) -> Preset | None:
        """Return the one preset that has this host among its servers; an own one goes before shipped ones.

        None where several share it, and for loopback: what answers there may be anything.
        """
        wanted = host.casefold().rstrip(".")
        if is_loopback(wanted):
            return None
        found = [each for each in self._own_first() if wanted in {one.host for one in each.smtp + each.imap}]
        own = [each for each in found if each.is_own] or found
        return own[0] if len(own) == 1 else None

    def _own_first(self) -> list[Preset]:
        return sorted(self.presets.values(), key=lambda preset: not preset.is_own)

    def _near(self, key: str) -> tuple[str, ...]:
        """Return at most three keys: of the domain named, of a like spelling, of a name that has the word."""
        word = key.strip().casefold()[:_LONGEST_KEY]
        at_home = self.for_domain(word.rpartition("@")[2])
        keys = [at_home.key] if at_home else []
        keys += difflib.get_close_matches(word, self.presets)
        keys += [each.key for each in self.presets.values() if len(word) > 2 and word in each.name.casefold()]
        return tuple(dict.fromkeys(keys))[:3]


def shipped_path() -> Path:
    """Return where the shipped catalogue lies: beside this module, or at the top of a source tree."""
    beside = Path(__file__).with_name("presets.toml")
    return beside if beside.is_file() else Path(__file__).resolve().parents[2] / "presets.toml"


def read_presets(path: Path, *, is_own: bool) -> Mapping[str, Preset]:
    """Read a file of presets, keeping their order; an own one that is not there holds none.

    Raises:
        FluenzrError: ``preset-invalid``, ``file-unreadable``.
    """
    try:
        tables = files.read_toml(path, limit_bytes=_LIMIT_BYTES)
    except FileNotFoundError as error:
        if is_own:
            return {}
        raise failure(
            ProblemCode.FILE_UNREADABLE, Stage.CONFIGURATION, path=str(path), reason=error.strerror
        ) from error
    except ValueError as error:  # not TOML, or a number beyond bounds
        raise _Place(path=path).invalid("not-toml", detail=str(error)) from error
    return {key: parse_preset(key, record, path=path, is_own=is_own) for key, record in tables.items()}


def parse_preset(key: str, record: object, *, path: Path, is_own: bool) -> Preset:
    """Make a preset of a record as tomllib gives it; ``path`` is only told in the problem.

    A shipped record must have every field, and sources, notes and a hint that say something; an own one
    needs ``smtp`` alone.

    Raises:
        FluenzrError: ``preset-invalid``; its fact ``field`` leads to the value (``smtp[0].port``), ``reason``
            is one of a few fixed words (``missing``, ``not-a-port`` …).
    """
    place = _Place(path=path, preset=key)
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise place.invalid("not-a-key")
    defaults = {"name": key, **_OWN_DEFAULTS} if is_own else {}
    table = _table(record, place, mandatory=MANDATORY, optional=("app_password_page",), defaults=defaults)
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
        is_own=is_own,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in a file of presets a value stands."""

    path: Path
    preset: str | None = None
    field: str | None = None

    def at(self, name: str) -> _Place:
        field = f"{self.field}.{name}" if self.field else name
        return _Place(path=self.path, preset=self.preset, field=field)

    def item(self, index: int) -> _Place:
        return _Place(path=self.path, preset=self.preset, field=f"{self.field}[{index}]")

    def invalid(self, reason: str, *, detail: str = "") -> FluenzrError:
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
    place: _Place,
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
    value: object, place: _Place, parse: Callable[[object, _Place], _Value], *, empty: bool = True
) -> tuple[_Value, ...]:
    if not isinstance(value, list):
        raise place.invalid("not-a-list")
    if not value and not empty:
        raise place.invalid("empty")
    return tuple(parse(item, place.item(index)) for index, item in enumerate(value))


def _text(value: object, place: _Place, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise place.invalid("not-text")
    if not value.isprintable():  # line ends, control, bidirectional and zero-width characters
        raise place.invalid("not-printable")
    if not value.strip() and not empty:
        raise place.invalid("empty")
    return value.strip()


def _choice(value: object, place: _Place, choices: tuple[_Choice, ...]) -> _Choice:
    for choice in choices:
        if value == choice.value:
            return choice
    raise place.invalid("not-a-choice", detail=", ".join(choices))


def _number(value: object, place: _Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise place.invalid("not-a-number")
    return value


def _date(value: object, place: _Place) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise place.invalid("not-a-date")
    return value


def _domain(value: object, place: _Place) -> str:
    name = _text(value, place).lower()
    labels = name.split(".")
    # A last label of digits alone would be read as an IPv4 address.
    if len(name) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise place.invalid("not-a-host")
    return name


def _endpoint(value: object, place: _Place) -> Endpoint:
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


def _selector(value: object, place: _Place) -> str:
    """Read a DKIM selector: one or more labels (RFC 6376 §3.1)."""
    name = _text(value, place).lower()
    if len(name) > 253 or not all(map(_LABEL.fullmatch, name.split("."))):
        raise place.invalid("not-a-selector")
    return name


def _pages(value: object, place: _Place) -> tuple[tuple[str, str], ...]:
    table = _table(value, place, mandatory=(), optional=TOPICS)
    return tuple((topic, _page(page, place.at(topic))) for topic, page in table.items())


def _page(value: object, place: _Place) -> str:
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


def _limit(value: object, place: _Place) -> Limit:
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


def _own_limit(value: object, place: _Place) -> Limit:
    """Read a limit of an own record, which need not name its source."""
    named = {"source": "own preset", **value} if isinstance(value, dict) else value
    return _limit(named, place)


def _span(value: object, place: _Place) -> timedelta:
    match = _SPAN.fullmatch(_text(value, place))
    if match is None:
        raise place.invalid("not-a-span")
    return timedelta(**{_SPAN_UNITS[match[2]]: int(match[1])})
