"""When the next messages may go: sliding windows over what went before, and growing pauses. Pure arithmetic.

Nothing is remembered here and nothing asks for the time: who keeps the log of beginnings passes it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fluenzr_smtp.model import Limit, LimitUnit

LONGEST_WINDOW = timedelta(days=366)
LONGEST_PAUSE = timedelta(days=1)

_WINDOWED = frozenset({LimitUnit.MESSAGES, LimitUnit.RECIPIENTS})
# Scopes that say for whom a limit counts; all others tell plans or kinds of recipients apart.
_FOR_EVERYBODY = frozenset({"", "each account", "each user", "each address", "each IP address"})
# RFC 5321 §4.5.4.1 wants at least 30 minutes between attempts, for relays that try strangers' servers. This
# is submission to one's own provider: greylisting, a restart or a full connection table there pass within
# minutes, and one client more does not burden it. From the fourth attempt on the pauses are those of the RFC.
_PAUSES = tuple(timedelta(minutes=each) for each in (1, 5, 15, 30, 60, 120, 240))
_JITTER = 0.2

_NEVER_BEFORE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A message that began to be handed over. ``at`` is aware."""

    at: datetime
    recipients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How many of the messages that wait may begin now, and when the first of the others may.

    ``next`` is None where all are granted, and where the first of the others can never go, because it alone
    has more recipients than a window admits: then ``never`` is true. Such a message must be taken out before
    those behind it get a turn. ``limit`` is what holds the first of the others back, None: the pause does.
    """

    granted: int
    next: datetime | None = None
    never: bool = False
    limit: Limit | None = None


def turn(
    limits: Sequence[Limit],
    pause: timedelta | None,
    log: Sequence[Event],
    *,
    now: datetime,
    wanted: Sequence[int],
) -> Turn:
    """Say how many messages may begin now, and when the next one may, if nothing else begins before.

    A limit holds for every window ``(t - per, t]``; limits without ``per`` are not looked at. With a pause
    at most one message is granted. An event later than ``now`` shows that the clock was set back; it counts
    as if it were of now, so that no more gets through and nothing waits longer than one window. Who keeps the
    log has to make it so for good (write ``now`` in its place), or it is of now again at the next call.

    Args:
        limits: All of them hold at once; see ``effective``.
        pause: The least time between two beginnings.
        log: What began in the longest window at least, in any order.
        now: Aware.
        wanted: The number of recipients of each message, in the order in which they are to go.
    """
    windows = [each for each in limits if is_window(each)]
    past = [event if event.at <= now else Event(at=now, recipients=event.recipients) for event in log]
    granted = _granted(windows, pause, past, now=now, wanted=wanted)
    if granted == len(wanted):
        return Turn(granted=granted)
    begun = [*past, *(Event(at=now, recipients=each) for each in wanted[:granted])]
    return _held_back(windows, pause, begun, now=now, granted=granted, recipients=wanted[granted])


def is_window(limit: Limit) -> bool:
    """Say whether a limit counts messages or recipients over time."""
    return limit.per is not None and limit.unit in _WINDOWED


def effective(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Return one limit of each unit and window: the one that an account of which no more is known has.

    Where a plan or the kind of recipients tells limits apart (a ``scope`` such as "free plan"), the most
    generous one counts: which plan an account has is not known, and too low a guess would hold back mail
    that may go, while the server itself tells of too high a one. Limits that hold for everybody (no scope,
    "each account", "each IP address") hold together, so of these the lowest counts.
    """
    groups: dict[tuple[LimitUnit, timedelta | None], list[Limit]] = {}
    for limit in limits:
        groups.setdefault((limit.unit, limit.per), []).append(limit)
    return tuple(_of_group(group) for group in groups.values())


def text(limit: Limit) -> str:
    """Return a limit as a person writes it: ``200/1h``, ``500 recipients/24h``, ``2 connections``."""
    unit = "" if limit.unit is LimitUnit.MESSAGES else f" {limit.unit.value}"
    return f"{limit.count}{unit}" + ("" if limit.per is None else f"/{span(limit.per)}")


def span(length: timedelta) -> str:
    """Return a length of time in its biggest whole unit: ``90s``, ``1h``, ``24h``, ``7d``; ``0.5s``."""
    seconds = length.total_seconds()
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0 and (seconds > unit or name in "hm") and seconds >= unit:
            return f"{int(seconds // unit)}{name}"
    return f"{seconds:g}s"


def backoff(attempt: int, *, draw: float) -> timedelta:
    """Return how long to wait after the ``attempt``-th failure (from 1 on): ever longer, at most 4 h.

    1 min, 5 min, 15 min, 30 min, 1 h, 2 h, then 4 h each time, all by -20 % to +20 % as ``draw``, in
    [0, 1), says: so that what failed together does not come back together.
    """
    pause = _PAUSES[min(max(attempt, 1), len(_PAUSES)) - 1]
    return pause * (1 - _JITTER + 2 * _JITTER * draw)


def _granted(
    windows: Sequence[Limit],
    pause: timedelta | None,
    past: Sequence[Event],
    *,
    now: datetime,
    wanted: Sequence[int],
) -> int:
    rooms = [(each, each.count - _used(each, past, now=now)) for each in windows]
    most = len(wanted)
    if pause:
        most = min(most, 1 if all(now - event.at >= pause for event in past) else 0)
    return min((_fitting(limit, room, wanted[:most]) for limit, room in rooms), default=most)


def _used(limit: Limit, past: Sequence[Event], *, now: datetime) -> int:
    return sum(_units(limit, event.recipients) for event in past if _is_inside(limit, event, now=now))


def _fitting(limit: Limit, room: int, wanted: Sequence[int]) -> int:
    """Return how many of the messages, from the first one on, fit into the room that a window has."""
    total = 0
    for count, recipients in enumerate(wanted):
        total += _units(limit, recipients)
        if total > room:
            return count
    return len(wanted)


def _held_back(
    windows: Sequence[Limit],
    pause: timedelta | None,
    begun: Sequence[Event],
    *,
    now: datetime,
    granted: int,
    recipients: int,
) -> Turn:
    found: tuple[datetime, Limit | None] = (now, None)
    if pause and begun:
        found = (max(now, max(event.at for event in begun) + pause), None)
    for limit in windows:
        if _units(limit, recipients) > limit.count:
            return Turn(granted=granted, never=True, limit=limit)
        free = _free_from(limit, begun, now=now, units=_units(limit, recipients))
        if free > found[0]:
            found = (free, limit)
    return Turn(granted=granted, next=found[0], limit=found[1])


def _free_from(limit: Limit, begun: Sequence[Event], *, now: datetime, units: int) -> datetime:
    """Return from when on a window has room; what is in it leaves it ``per`` after it began."""
    inside = sorted(
        (event for event in begun if _is_inside(limit, event, now=now)), key=lambda event: event.at
    )
    excess = sum(_units(limit, event.recipients) for event in inside) + units - limit.count
    free = now
    for event in inside:
        if excess <= 0:
            break
        excess -= _units(limit, event.recipients)
        free = event.at + (limit.per or _NEVER_BEFORE)
    return free


def _is_inside(limit: Limit, event: Event, *, now: datetime) -> bool:
    return now - event.at < (limit.per or _NEVER_BEFORE)


def _units(limit: Limit, recipients: int) -> int:
    return 1 if limit.unit is LimitUnit.MESSAGES else recipients


def _of_group(group: Sequence[Limit]) -> Limit:
    for_everybody = [each for each in group if each.scope in _FOR_EVERYBODY]
    told_apart = [each for each in group if each.scope not in _FOR_EVERYBODY]
    lowest = sorted(for_everybody, key=lambda each: each.count)[:1]
    return max((*lowest, *told_apart), key=lambda each: each.count)
