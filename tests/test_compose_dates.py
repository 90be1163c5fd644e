"""Dates are read in the usual forms, and nothing is guessed."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import parse_date
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode

HERE = timezone(timedelta(hours=-3))
EARLIEST = datetime(1901, 1, 1)  # noqa: DTZ001 - Hypothesis wants it without a zone
LATEST = datetime(9998, 1, 1)  # noqa: DTZ001
CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00+01:00", datetime(2026, 11, 22, 10, tzinfo=CET)),
        ("2026-11-22T10:00:30.5+0100", datetime(2026, 11, 22, 10, 0, 30, tzinfo=CET)),
        ("2026-11-22T10:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22t10:00:05z", datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)),
        ("2026-11-22 10:00:00 +0100", datetime(2026, 11, 22, 10, tzinfo=CET)),
        (" 2026-11-22 10:00 ", datetime(2026, 11, 22, 10, tzinfo=HERE)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=HERE)),
        ("Sun, 22 Nov 2026 10:00:30 +0100", datetime(2026, 11, 22, 10, 0, 30, tzinfo=CET)),
        ("1 Nov 2026 10:00 -0330", datetime(2026, 11, 1, 10, tzinfo=timezone(-timedelta(hours=3.5)))),
        ("Sun, 22 Nov 2026 10:00:00 GMT", datetime(2026, 11, 22, 10, tzinfo=UTC)),
    ],
)
def test_date_is_read(text, expected):
    found = parse_date(text, zone=HERE)

    assert found == expected
    assert found.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("tomorrow", id="word"),
        pytest.param("22.11.2026", id="german"),
        pytest.param("11/22/2026", id="american"),
        pytest.param("20261122", id="digits"),
        pytest.param("2026-02-30", id="no-such-day"),
        pytest.param("2026-11-22T25:00", id="no-such-hour"),
        pytest.param("2026-11-22+01:00", id="day-with-zone"),
        pytest.param("2026-11-22T10:00+25:00", id="no-such-zone"),
        pytest.param("２０２６-11-22", id="full-width-digits"),
        pytest.param("Mon, 22 Nov 2026 10:00:00 +0100", id="other-weekday"),
        pytest.param("22 Nov 2026", id="mail-form-without-time"),
        pytest.param("22 Nix 2026 10:00:00 +0100", id="no-such-month"),
        pytest.param("22 Nov 2026 10:00:00 +2400", id="no-such-offset"),
        pytest.param("1899-12-31T10:00Z", id="before-mail"),
        pytest.param("9999-12-31T23:59-01:00", id="after-time"),
        pytest.param("2026-11-22T10:00Z\r\nBcc: a@b", id="crlf"),
    ],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(FluenzrError) as caught:
        parse_date(text, zone=HERE)

    problem = caught.value.problem
    assert problem.code is ProblemCode.SETTING_INVALID
    assert problem.exit_status is ExitStatus.USAGE
    assert (problem.facts["setting"], problem.facts["reason"]) == ("--date", "not-a-date")
    assert str(problem.facts["value"]).isprintable()


@given(st.datetimes(EARLIEST, LATEST), st.integers(-1439, 1439))
def test_written_date_reads_the_same(moment, minutes):
    written = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert parse_date(written.isoformat(), zone=HERE) == written.replace(microsecond=0)
