"""When the next messages may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Limit, LimitUnit
from fluenzr_smtp.pacing import Event, Turn, backoff, effective, span, text, turn

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def limit(
    count: int, unit: LimitUnit = LimitUnit.MESSAGES, per: timedelta | None = HOUR, scope: str = ""
) -> Limit:
    return Limit(unit=unit, count=count, per=per, scope=scope, source="test")


def recipients(count: int, per: timedelta = HOUR) -> Limit:
    return limit(count, LimitUnit.RECIPIENTS, per)


def event(ago: timedelta, count: int = 1) -> Event:
    return Event(at=NOW - ago, recipients=count)


windows = st.lists(
    st.builds(
        limit,
        st.integers(1, 6),
        st.sampled_from([LimitUnit.MESSAGES, LimitUnit.RECIPIENTS]),
        st.integers(1, 20).map(lambda seconds: timedelta(seconds=seconds)),
    ),
    max_size=3,
)
pauses = st.none() | st.integers(1, 4).map(lambda seconds: timedelta(seconds=seconds))
logs = st.lists(
    st.builds(
        Event, at=st.integers(-30, 30).map(lambda ago: NOW - ago * SECOND), recipients=st.integers(1, 4)
    ),
    max_size=12,
)
wishes = st.lists(st.integers(1, 4), min_size=1, max_size=6)


def used(window: Limit, log: list[Event], *, at: datetime) -> int:
    """Count what a window that ends at a moment holds, in the plainest words."""
    assert window.per is not None
    inside = [each for each in log if at - window.per < each.at <= at]
    return len(inside) if window.unit is LimitUnit.MESSAGES else sum(each.recipients for each in inside)


# -- windows ---------------------------------------------------------------------------------------------


@given(
    windows,
    pauses,
    st.lists(st.tuples(st.integers(-3, 12), wishes), max_size=25),
)
def test_no_window_ever_exceeds_its_limit(limits, pause, calls):
    # Whatever is asked when: the clock goes on, and now and then it is set back.
    log: list[Event] = []
    real: list[Event] = []  # by a clock that is never set back
    shown = true = NOW
    for passed, wanted in calls:
        shown += passed * SECOND
        true += max(passed, 0) * SECOND
        log = [Event(at=min(each.at, shown), recipients=each.recipients) for each in log]

        granted = turn(limits, pause, log, now=shown, wanted=wanted).granted

        log += [Event(at=shown, recipients=each) for each in wanted[:granted]]
        real += [Event(at=true, recipients=each) for each in wanted[:granted]]
    for window in limits:
        assert all(used(window, real, at=each.at) <= window.count for each in real)
    beginnings = [each.at for each in real]
    if pause:
        assert all(after - before >= pause for before, after in pairwise(beginnings))


@given(windows, pauses, logs, wishes)
def test_as_many_are_granted_as_fit_and_next_is_the_earliest_time(limits, pause, log, wanted):
    found = turn(limits, pause, log, now=NOW, wanted=wanted)

    rest = wanted[found.granted :]
    begun = [Event(at=min(each.at, NOW), recipients=each.recipients) for each in log]
    begun += [Event(at=NOW, recipients=each) for each in wanted[: found.granted]]
    if found.next is None:
        assert found.never is bool(rest)
        return
    assert turn(limits, pause, begun, now=found.next, wanted=rest[:1]).granted == 1
    assert turn(limits, pause, begun, now=found.next - SECOND / 1000, wanted=rest[:1]).granted == 0
    assert found.next > NOW


@given(windows, pauses, logs, wishes)
def test_nothing_waits_longer_than_one_window(limits, pause, log, wanted):
    longest = max([each.per for each in limits] + [pause or timedelta(0)])

    found = turn(limits, pause, log, now=NOW, wanted=wanted)

    assert found.next is None or found.next <= NOW + longest


@given(windows, pauses, logs, wishes, st.randoms())
def test_the_order_of_the_log_does_not_matter(limits, pause, log, wanted, random):
    shuffled = list(log)
    random.shuffle(shuffled)

    assert turn(limits, pause, shuffled, now=NOW, wanted=wanted) == turn(
        limits, pause, log, now=NOW, wanted=wanted
    )


def test_a_message_leaves_the_window_just_when_the_window_has_passed():
    log = [event(HOUR - SECOND), event(SECOND)]

    assert turn([limit(2)], None, log, now=NOW, wanted=[1]) == Turn(
        granted=0, next=NOW + SECOND, limit=limit(2)
    )
    assert turn([limit(2)], None, log, now=NOW + SECOND, wanted=[1]) == Turn(granted=1)


def test_recipients_are_counted_where_the_provider_counts_them():
    found = turn([recipients(10)], None, [event(SECOND, 6)], now=NOW, wanted=[3, 2, 1])

    assert found == Turn(granted=1, next=NOW + HOUR - SECOND, limit=recipients(10))


def test_the_limit_that_holds_back_longest_is_told():
    day = limit(2, per=DAY)

    found = turn([limit(1), day], None, [event(SECOND), event(2 * SECOND)], now=NOW, wanted=[1])

    assert found == Turn(granted=0, next=NOW + DAY - 2 * SECOND, limit=day)


@pytest.mark.parametrize("unit", ["recipients-per-message", "message-bytes", "connections"])
def test_what_is_not_counted_over_time_holds_nothing_back(unit):
    bounds = [limit(1, LimitUnit(unit)), limit(1, LimitUnit(unit), per=None), limit(1, per=None)]

    assert turn(bounds, None, [event(SECOND, 9)], now=NOW, wanted=[9, 9]) == Turn(granted=2)


def test_a_message_that_is_bigger_than_a_window_can_never_go():
    found = turn([limit(100), recipients(10)], None, [], now=NOW, wanted=[4, 11, 1])

    assert found == Turn(granted=1, never=True, limit=recipients(10))


def test_without_limits_all_may_go():
    assert turn([], None, [event(SECOND)] * 9, now=NOW, wanted=[1, 2, 3]) == Turn(granted=3)


def test_nothing_wanted_is_granted_whole():
    assert turn([limit(1)], SECOND, [event(SECOND / 2)], now=NOW, wanted=[]) == Turn(granted=0)


# -- pauses ----------------------------------------------------------------------------------------------


def test_a_pause_lets_one_message_go_at_a_time():
    assert turn([], 2 * SECOND, [], now=NOW, wanted=[1, 1]) == Turn(granted=1, next=NOW + 2 * SECOND)


def test_the_pause_is_counted_from_the_last_beginning():
    log = [event(SECOND), event(5 * SECOND)]

    assert turn([], 3 * SECOND, log, now=NOW, wanted=[1]) == Turn(granted=0, next=NOW + 2 * SECOND)
    assert turn([], SECOND, log, now=NOW, wanted=[1]) == Turn(granted=1)


def test_a_pause_of_nought_is_none():
    assert turn([], timedelta(0), [event(timedelta(0))], now=NOW, wanted=[1, 1]) == Turn(granted=2)


# -- a clock that was set back ---------------------------------------------------------------------------


def test_what_began_later_than_now_counts_as_of_now():
    log = [event(-DAY), event(-DAY)]

    assert turn([limit(2)], None, log, now=NOW, wanted=[1]) == Turn(
        granted=0, next=NOW + HOUR, limit=limit(2)
    )
    assert turn([], SECOND, log, now=NOW, wanted=[1]) == Turn(granted=0, next=NOW + SECOND)


# -- which limits count ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "counts"),
    [
        ([], []),
        ([limit(200, scope="each account"), limit(300, scope="each IP address")], [200]),
        ([limit(200), limit(100)], [100]),
        ([limit(50, scope="to external addresses"), limit(1000, scope="to the same organisation")], [1000]),
        ([limit(2000, scope="each user"), limit(500, scope="each user of a trial account")], [2000]),
        ([limit(200), limit(900, scope="paid plans")], [900]),
        ([limit(200), limit(1000, per=DAY), recipients(10)], [200, 1000, 10]),
    ],
    ids=["none", "two counters", "same", "kinds of recipients", "trial", "better plan", "unlike"],
)
def test_a_plan_nobody_knows_is_taken_to_be_the_best_one(limits, counts):
    assert [each.count for each in effective(limits)] == counts


# -- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (limit(200), "200/1h"),
        (recipients(500, DAY), "500 recipients/24h"),
        (limit(30, per=timedelta(minutes=1)), "30/1m"),
        (limit(2, LimitUnit.CONNECTIONS, None), "2 connections"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_limit_is_told_as_it_is_typed(told, words):
    assert text(told) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "0.5s"), (1, "1s"), (90, "90s"), (3600, "1h"), (5400, "90m"), (86_400, "24h"), (604_800, "7d")],
)
def test_a_length_of_time_is_told_in_its_biggest_whole_unit(seconds, words):
    assert span(timedelta(seconds=seconds)) == words


# -- growing pauses --------------------------------------------------------------------------------------


def test_pauses_grow_to_four_hours_and_stay_there():
    minutes = [backoff(attempt, draw=0.5) / timedelta(minutes=1) for attempt in range(1, 11)]

    assert minutes == pytest.approx([1, 5, 15, 30, 60, 120, 240, 240, 240, 240])


@given(st.integers(-1, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_off_by_a_fifth_at_most(attempt, draw):
    middle = backoff(attempt, draw=0.5)

    assert 0.8 * middle - SECOND / 1000 <= backoff(attempt, draw=draw) <= 1.2 * middle
