"""From what was said of limits and pauses to what holds for an account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from fluenzr_smtp.model import Account, Limit, LimitUnit, Preset
from fluenzr_smtp.pacing import LONGEST_PAUSE, LONGEST_WINDOW, effective
from fluenzr_smtp.settings.refusals import invalid

NONE, PRESET = "none", "preset"
"""What may be said in the place of limits: that there are none, that the preset's hold."""

OWN = "account"
"""The source of a limit that was said of an account."""

_LIMIT = re.compile(r"(?P<count>[0-9]{1,9})([: ](?P<unit>[a-z-]+))?(/(?P<per>.*))?")
_SPAN = re.compile(r"([1-9][0-9]{0,5})?([smhd])")
_PAUSE = re.compile(r"([0-9]{1,6}([.][0-9]{1,3})?)([smhd]?)")
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WINDOWED = frozenset({LimitUnit.MESSAGES, LimitUnit.RECIPIENTS})


def parse_limits(texts: Sequence[str]) -> tuple[Limit, ...] | None:
    """Read limits such as ``200/1h``, ``500:recipients/24h``, ``2:connections``.

    What is counted is messages unless said, with a blank or a colon before it. Messages and recipients are
    counted over a time (``30s``, ``1m``, ``h``, ``7d``), the other units without one. ``none`` alone stands
    for no limits; ``preset`` alone for those of the preset, then None is returned.

    Raises:
        FluenzrError: ``setting-invalid``, with the reasons ``not-a-limit``, ``not-positive``, ``not-a-span``,
            ``too-long``, ``not-alone``.
    """
    words = tuple(text.strip().lower() for text in texts)
    for alone in (NONE, PRESET):
        if alone in words and len(words) > 1:
            raise invalid("limit", alone, "not-alone")
    if words == (PRESET,):
        return None
    return () if words == (NONE,) else tuple(_limit(word) for word in words)


def parse_pause(text: str) -> timedelta | None:
    """Read the least time between two messages: ``2s``, ``0.5s``, ``1m``, or a number of seconds.

    Returns:
        None for ``none`` and for nought.

    Raises:
        FluenzrError: ``setting-invalid``, with the reasons ``not-a-span``, ``too-long``.
    """
    word = text.strip().lower()
    found = _PAUSE.fullmatch(word)
    if word == NONE:
        return None
    if found is None:
        raise invalid("pause", text, "not-a-span")
    pause = timedelta(**{_UNITS[found[3]]: float(found[1])})
    if pause > LONGEST_PAUSE:
        raise invalid("pause", text, "too-long")
    return pause or None


def parse_span(text: str, setting: str) -> timedelta:
    """Read a length of time for a setting: ``90s``, ``1m``, ``1h`` or ``h``, ``7d``; at most 366 days.

    Raises:
        FluenzrError: ``setting-invalid``, with the reasons ``not-a-span``, ``too-long``.
    """
    return _span(text.strip().lower(), setting, value=text)


def limits_in_force(account: Account, preset: Preset | None) -> tuple[Limit, ...]:
    """Return the limits that hold for an account: its own, or those of the preset.

    Own limits over a time replace all of the preset's. What the preset says of a message or a connection
    stays, unless the account has a limit of the same unit itself.
    """
    known = effective(preset.limits) if preset is not None else ()
    if account.limits is None:
        return known
    own = effective(account.limits)
    units = {each.unit for each in own}
    return (*own, *(each for each in known if each.unit not in units | _WINDOWED))


def _limit(text: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    units = {each.value for each in LimitUnit}
    unit = (found["unit"] or LimitUnit.MESSAGES.value) if found else ""
    if found is None or unit not in units:
        raise invalid("limit", text, "not-a-limit")
    per = None if found["per"] is None else _span(found["per"], "limit", value=text)
    if (per is None) is (LimitUnit(unit) in _WINDOWED):
        raise invalid("limit", text, "not-a-limit")
    if int(found["count"]) < 1:
        raise invalid("limit", text, "not-positive")
    return Limit(unit=LimitUnit(unit), count=int(found["count"]), per=per, source=OWN)


def _span(text: str, setting: str, *, value: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise invalid(setting, value, "not-a-span")
    span = timedelta(**{_UNITS[found[2]]: int(found[1] or 1)})
    if span > LONGEST_WINDOW:
        raise invalid(setting, value, "too-long")
    return span
