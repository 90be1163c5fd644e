"""Dates as people and programs write them: ISO 8601 (RFC 3339) and the form of mail (RFC 5322 §3.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from fluenzr_smtp.compose.characters import printable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

FIRST_YEAR = 1900  # RFC 5322 §3.3

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?", re.ASCII
)
_MAIL = re.compile(
    r"(?:([A-Z]{3}), ?)?(\d{1,2}) ([A-Z]{3}) (\d{4}) (\d\d):(\d\d)(?::(\d\d))? "
    r"(?:([+-])(\d\d)([0-5]\d)|GMT|UTC?)",
    re.ASCII,
)
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def parse_date(text: str, *, zone: tzinfo) -> datetime:
    """Read a date as typed after ``--date``.

    Taken are ``2026-11-22T10:00+01:00``, ``2026-11-22 10:00:30Z``, ``2026-11-22`` (midnight) and
    ``Sun, 22 Nov 2026 10:00:00 +0100``. A weekday that is another one is refused.

    Args:
        text: The date.
        zone: The zone of a date that names none.

    Returns:
        An aware time, with whole seconds, in the zone that the text names.

    Raises:
        FluenzrError: `setting-invalid` (reason `not-a-date`).
    """
    wanted = text.strip(" ").upper()
    try:
        found = _from_iso(wanted, zone) or _from_mail(wanted)
        if found is None or found.year < FIRST_YEAR:
            raise _not_a_date(text)
        found.astimezone(UTC)  # the last hours of the year 9999 do not exist everywhere
    except (ValueError, OverflowError) as exc:
        raise _not_a_date(text) from exc
    return found.replace(microsecond=0)


def _from_iso(text: str, zone: tzinfo) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    found = datetime.fromisoformat(match[0].replace(" ", "T", 1).replace(" ", ""))
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _from_mail(text: str) -> datetime | None:
    match = _MAIL.fullmatch(text)
    if match is None or match[3] not in _MONTHS:
        return None
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    found = datetime(
        year=int(match[4]),
        month=_MONTHS.index(match[3]) + 1,
        day=int(match[2]),
        hour=int(match[5]),
        minute=int(match[6]),
        second=int(match[7] or 0),
        tzinfo=timezone(-offset if match[8] == "-" else offset),
    )
    return found if match[1] in (None, _DAYS[found.weekday()]) else None


def _not_a_date(text: str) -> FluenzrError:
    return failure(
        ProblemCode.SETTING_INVALID,
        Stage.USAGE,
        setting="--date",
        value=printable(text),
        reason="not-a-date",
    )
