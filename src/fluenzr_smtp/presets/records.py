"""From a table of a file of presets to a preset.

A record with a field missing, unknown or out of range is refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

from fluenzr_smtp.model import Limit, LimitUnit, Need, Preset, UsernameRule
from fluenzr_smtp.pacing import LONGEST_WINDOW
from fluenzr_smtp.presets.hosts import domain, endpoint, is_label, placeholders
from fluenzr_smtp.presets.place import Fields, Place, choice, day, flag, number, table, text
from fluenzr_smtp.problems import TOPICS

UNCHECKED = date.min
"""``Preset.checked`` of an own record that names no date."""

_APP_PASSWORD = (Need.UNKNOWN, Need.NO, Need.OPTIONAL, Need.WITH_TWO_FACTOR, Need.REQUIRED)
_OAUTH = (Need.NO, Need.OPTIONAL, Need.PREFERRED, Need.REQUIRED)
_OWN_DEFAULTS: Mapping[str, object] = MappingProxyType(
    {
        "countries": [],
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

_OPTIONAL: Mapping[str, object] = MappingProxyType(
    {
        "app_password_page": "",
        "imap_username": "",
        "placeholders": {},
        "saves_sent": False,
        "unsupported": "",
        "username_value": "",
    }
)

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SPAN_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PAGE = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\x21-\x7e]*)?")
LONGEST_KEY = 64


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
    defaults = {**_OPTIONAL, **({"name": key, **_OWN_DEFAULTS} if is_own else {})}
    optional = tuple(_OPTIONAL)
    found = Fields(table(record, place, mandatory=MANDATORY, optional=optional, defaults=defaults), place)
    unsupported = found.read("unsupported", text, empty=True)
    preset = Preset(
        key=key,
        name=found.read("name", text),
        countries=found.list("countries", _country),
        domains=found.list("domains", domain),
        mx=found.list("mx", domain),
        smtp=found.list("smtp", endpoint, empty=bool(unsupported)),
        imap=found.list("imap", endpoint),
        username=found.read("username", choice, choices=tuple(UsernameRule)),
        username_value=found.read("username_value", text, empty=True),
        imap_username=_imap_username(found),
        app_password=found.read("app_password", choice, choices=_APP_PASSWORD),
        app_password_page=found.read("app_password_page", text, empty=True),
        oauth=found.read("oauth", choice, choices=_OAUTH),
        limits=found.list("limits", _own_limit if is_own else _limit),
        spf=found.list("spf", domain),
        dkim=found.list("dkim", _selector),
        pages=found.read("pages", _pages),
        hint=found.read("hint", text, empty=is_own or bool(unsupported)),
        notes=found.list("notes", text, empty=is_own),
        sources=found.list("sources", text, empty=is_own),
        checked=found.read("checked", day),
        saves_sent=found.read("saves_sent", flag),
        unsupported=unsupported,
        is_own=is_own,
    )
    _require_sense(preset, place)
    stated = found.read("placeholders", placeholders, endpoints=preset.smtp + preset.imap)
    return replace(preset, placeholders=stated)


def _require_sense(preset: Preset, place: Place) -> None:
    """Refuse what each field may say, but not beside another one."""
    needs_page = preset.app_password in {Need.REQUIRED, Need.WITH_TWO_FACTOR}
    if needs_page and not preset.app_password_page and not preset.is_own:
        raise place.at("app_password_page").invalid("missing")
    if (preset.username is UsernameRule.FIXED) is not bool(preset.username_value):
        raise place.at("username_value").invalid("missing" if not preset.username_value else "not-fixed")
    if preset.unsupported and (preset.smtp or preset.imap):
        raise place.at("unsupported").invalid("has-servers")


def _imap_username(found: Fields) -> UsernameRule | None:
    if not found.table["imap_username"]:
        return None
    return found.read("imap_username", choice, choices=(UsernameRule.ADDRESS, UsernameRule.LOCAL_PART))


def _country(value: object, place: Place) -> str:
    """Read a code of ISO 3166-1 (alpha-2)."""
    code = text(value, place)
    if not _COUNTRY.fullmatch(code):
        raise place.invalid("not-a-country")
    return code


def _selector(value: object, place: Place) -> str:
    """Read a DKIM selector: one or more labels (RFC 6376 §3.1)."""
    name = text(value, place).lower()
    if len(name) > 253 or not all(map(is_label, name.split("."))):
        raise place.invalid("not-a-selector")
    return name


def _pages(value: object, place: Place) -> tuple[tuple[str, str], ...]:
    found = table(value, place, mandatory=(), optional=TOPICS)
    return tuple((topic, _page(page, place.at(topic))) for topic, page in found.items())


def _page(value: object, place: Place) -> str:
    page = text(value, place)
    if not _PAGE.fullmatch(page):
        raise place.invalid("not-https")
    return page


def _limit(value: object, place: Place) -> Limit:
    optional = {"per": "", "scope": ""}
    mandatory = ("unit", "count", "source")
    found = Fields(
        table(value, place, mandatory=mandatory, optional=tuple(optional), defaults=optional), place
    )
    count = found.read("count", number)
    if count < 1:
        raise place.at("count").invalid("not-positive")
    return Limit(
        unit=found.read("unit", choice, choices=tuple(LimitUnit)),
        count=count,
        source=found.read("source", text),
        per=found.read("per", _span) if found.table["per"] != "" else None,
        scope=found.read("scope", text, empty=True),
    )


def _own_limit(value: object, place: Place) -> Limit:
    """Read a limit of an own record, which need not name its source."""
    named = {"source": "own preset", **value} if isinstance(value, dict) else value
    return _limit(named, place)


def _span(value: object, place: Place) -> timedelta:
    match = _SPAN.fullmatch(text(value, place))
    if match is None:
        raise place.invalid("not-a-span")
    span = timedelta(**{_SPAN_UNITS[match[2]]: int(match[1])})
    if span > LONGEST_WINDOW:
        raise place.invalid("too-long")
    return span
