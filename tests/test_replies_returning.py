"""The day on which somebody who is away will be back is read in many languages, or not at all."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.replies.returning import return_date

TODAY = date(2026, 3, 2)
NINTH = date(2026, 3, 9)

TOLD = {
    "until": "I am away until 9 March.",
    "until-month-first": "I am away until March 9.",
    "until-ordinal": "I am out of office until the 9th of March.",
    "until-month-first-ordinal": "Back on March 9th, 2026.",
    "with-year": "I will return on 9 March 2026.",
    "with-weekday": "I will be back on Monday, 9 March.",
    "american": "I am away from 02/27/2026 and will be back on 03/09/2026.",
    "through": "I am on leave through March 9.",
    "latest-of-two": "I am away from 3 March until 9 March.",
    "range": "Away 3 March till 9 March, mail is read now and then.",
    "short-month": "Back on 9 Mar.",
    "german": "Ich bin bis 9. März nicht im Büro.",
    "german-with-article": "Ich bin bis zum 09.03.2026 im Urlaub.",
    "german-short": "Ab dem 9.3. bin ich wieder da.",
    "german-short-year": "Ich bin bis einschließlich 09.03.26 abwesend.",
    "german-reachable": "Wieder erreichbar: 9. März 2026",
    "french": "Je suis absente jusqu'au 9 mars.",
    "french-back": "De retour le 9 mars 2026.",
    "french-slashes": "Je reviens le 09/03/2026.",
    "spanish": "Estoy fuera hasta el 9 de marzo.",
    "spanish-back": "Regreso el 9 de marzo de 2026.",
    "portuguese": "Estou de férias até 9 de março.",
    "portuguese-back": "Retorno em 09/03/2026.",
    "italian": "Sono in ferie fino al 9 marzo.",
    "italian-back": "Rientro il 9 marzo 2026.",
    "dutch": "Ik ben afwezig tot 9 maart.",
    "dutch-back": "Vanaf 9 maart ben ik terug: 9 maart.",
    "chinese": "我休假至3月9日。",
    "chinese-with-year": "我休假至2026年3月9日。",
    "hindi": "मैं 9 मार्च तक छुट्टी पर हूँ। वापस 9 मार्च।",
}


@pytest.mark.parametrize("text", TOLD.values(), ids=TOLD)
def test_day_of_return_is_read(text):
    assert return_date(text, today=TODAY) == NINTH


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("I am away.", id="no-date"),
        pytest.param("I am away until Monday.", id="weekday"),
        pytest.param("My birthday is on 9 March.", id="no-word-of-return"),
        pytest.param("Call +49 30 9.3.26.11 until then.", id="telephone"),
        pytest.param("I am away until 31 February.", id="no-such-day"),
        pytest.param("I am away until 99/99/2026.", id="no-such-month"),
        pytest.param("I was away until 9 March 2024.", id="past"),
        pytest.param("I am away until 9 March 2036.", id="far"),
        pytest.param("Until then all is well. " + "x " * 40 + "9 March", id="date-far-from-the-word"),
    ],
)
def test_no_day_is_read_where_none_is_told(text):
    assert return_date(text, today=TODAY) is None


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        pytest.param("until 5 January", date(2026, 12, 20), date(2027, 1, 5), id="next-year"),
        pytest.param("until 28 February", date(2026, 3, 2), date(2026, 2, 28), id="just-past"),
        pytest.param("until 29 February", date(2028, 2, 1), date(2028, 2, 29), id="leap-day"),
        pytest.param("until 29 February", date(2026, 12, 1), None, id="no-leap-day-next-year"),
        pytest.param("until 1 January", date(9999, 12, 20), None, id="end-of-time"),
    ],
)
def test_date_without_year_is_the_next_one(text, today, day):
    assert return_date(text, today=today) == day


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1." * 100_000, id="numbers"),
        pytest.param("until " * 50_000, id="words-of-return"),
        pytest.param("until 9 march " * 20_000, id="dates"),
        pytest.param("9" * 256 * 1024, id="long-number"),
        pytest.param("\0\ud800" * 50_000, id="nul-and-surrogates"),
        pytest.param("until ٩ march", id="digits-of-another-alphabet"),
        pytest.param("until ²/³/2026", id="raised-digits"),
        pytest.param("until ①月②日", id="circled-digits"),
    ],
)
def test_hostile_text_has_a_day_or_none(text):
    found = return_date(text, today=TODAY)

    assert found is None or found >= TODAY - timedelta(days=7)


PIECES = st.sampled_from(
    [
        *(
            "until ",
            "back on ",
            "bis ",
            "hasta ",
            "至",
            "まで",
            "वापस ",
            "9",
            "31",
            "0",
            "99",
            "2026",
            "20",
            "/",
        ),
        *(
            ".",
            "-",
            "年",
            "月",
            "日",
            " march",
            " märz",
            " de ",
            " february",
            "st",
            ", ",
            " ",
            "٣",
            "29",
            "\ud800",
        ),
    ]
)
DAYS = st.dates(date(1970, 1, 1), date(9998, 1, 1))


@given(st.text(max_size=200) | st.lists(PIECES, max_size=30).map("".join), DAYS)
def test_any_text_has_a_day_that_is_near_or_none(text, today):
    found = return_date(text, today=today)

    assert found is None or today - timedelta(days=7) <= found <= today + timedelta(days=400)


WRITTEN = st.dates(date(2000, 1, 1), date(2098, 1, 1))


@given(WRITTEN, st.integers(0, 300), st.sampled_from(["%d %B %Y", "%B %d, %Y", "%d %b %Y"]))
def test_day_that_is_written_out_is_read(today, days, form):
    day = today + timedelta(days=days)

    assert return_date(f"I am away until {day.strftime(form)}.", today=today) == day
