"""An incoming message finds the one that it answers: by what it names, whom it reports of, or as a guess."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model.replies import Failed, MatchedBy, ReplyKind, Verdict
from fluenzr_smtp.outbox import Sent
from fluenzr_smtp.replies.header import Header
from fluenzr_smtp.replies.matching import match, normalised
from fluenzr_smtp.replies.parts import header_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Log:
    """A sent log in memory, looked up as the real one is."""

    entries: tuple[Sent, ...]

    def sent_as(self, message_ids: Iterable[str]) -> Sent | None:
        """Return the message that has the first of these Message-IDs that is known."""
        known = {each.message_id: each for each in self.entries}
        return next((known[each] for each in message_ids if each in known), None)

    def sent_to(self, address: str, *, within: timedelta) -> tuple[Sent, ...]:
        """Return what went to an address lately, the newest first."""
        fit = (each for each in self.entries if address.lower() in each.addresses and each.at >= NOW - within)
        return tuple(sorted(fit, key=lambda each: each.at, reverse=True))


def sent(name, *, days=1, to=("ann@b.example",), subject="Offer"):
    """Return a message of some days ago."""
    at = NOW - timedelta(days=days)
    return Sent(
        id=name,
        account="main",
        lane="main",
        message_id=f"<{name}@a.example>",
        at=at,
        addresses=to,
        subject=subject,
    )


def header(**fields):
    """Return a header of these fields, dashes as underscores."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return Header(header_of(f"{lines}\r\n".encode()))


def verdict(kind=ReplyKind.HUMAN, *, failed=(), originals=()):
    return Verdict(
        kind=kind, reason="x", failed=tuple(Failed(recipient=each) for each in failed), originals=originals
    )


def matched(found, judged, *entries):
    """Return the name of the message that was found, and by what."""
    match_ = match(found, judged, Log(entries))
    return None if match_ is None else (match_[0].id, match_[1])


FIRST, SECOND = sent("first", days=5), sent("second", days=2, subject="Reminder")
ANN = "Ann <ann@b.example>"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        pytest.param(
            {"In_Reply_To": "<first@a.example>"}, ("first", MatchedBy.IN_REPLY_TO), id="in-reply-to"
        ),
        pytest.param({"References": "<first@a.example>"}, ("first", MatchedBy.REFERENCES), id="references"),
        pytest.param(
            {"In_Reply_To": "<first@a.example>", "References": "<second@a.example>"},
            ("first", MatchedBy.IN_REPLY_TO),
            id="in-reply-to-before-references",
        ),
        pytest.param(
            {"In_Reply_To": "<x@y>", "References": "<first@a.example> <x@y>"},
            ("first", MatchedBy.REFERENCES),
            id="answer-to-an-answer",
        ),
        pytest.param(
            {"References": "<second@a.example> <first@a.example>"},
            ("second", MatchedBy.REFERENCES),
            id="newest-of-a-thread",
        ),
        pytest.param({"In_Reply_To": "first@a.example"}, ("first", MatchedBy.IN_REPLY_TO), id="no-brackets"),
        pytest.param({"In_Reply_To": "<x@y>"}, None, id="unknown"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_answer_finds_what_it_names(fields, found):
    assert matched(header(From="else@c.example", **fields), verdict(), FIRST, SECOND) == found


@pytest.mark.parametrize("kind", [ReplyKind.BOUNCE, ReplyKind.DELAY, ReplyKind.COMPLAINT])
def test_report_finds_the_message_that_is_attached_before_the_one_it_answers(kind):
    found = header(From="MAILER-DAEMON@b.example", In_Reply_To="<second@a.example>")

    assert matched(found, verdict(kind, originals=("<first@a.example>",)), FIRST, SECOND) == (
        "first",
        MatchedBy.ORIGINAL,
    )


def test_receipt_finds_the_message_that_it_tells_of():
    found = header(From="robot@b.example")

    assert matched(found, verdict(ReplyKind.AUTOMATIC, originals=("<first@a.example>",)), FIRST) == (
        "first",
        MatchedBy.ORIGINAL,
    )


@pytest.mark.parametrize(
    ("fields", "failed", "found"),
    [
        pytest.param({}, ["ann@b.example"], ("second", MatchedBy.RECIPIENT), id="failed-recipient"),
        pytest.param({}, ["", "ann@b.example"], ("second", MatchedBy.RECIPIENT), id="second-recipient"),
        pytest.param(
            {"Original_Recipient": "rfc822; ann@b.example"}, [], ("second", MatchedBy.RECIPIENT), id="field"
        ),
        pytest.param(
            {"To": "bounce+ann=b.example@a.example"},
            [],
            ("second", MatchedBy.RECIPIENT),
            id="return-path-by-recipient",
        ),
        pytest.param(
            {"Delivered_To": "me-ann=b.example@a.example"},
            [],
            ("second", MatchedBy.RECIPIENT),
            id="delivered-to",
        ),
        pytest.param({}, ["other@b.example"], None, id="stranger"),
        pytest.param({}, [], None, id="nobody"),
        pytest.param({"Subject": "Offer"}, [], None, id="same-subject"),
    ],
)
def test_report_without_original_finds_the_newest_message_to_its_recipient(fields, failed, found):
    fields = {"From": "MAILER-DAEMON@b.example"} | fields

    assert matched(header(**fields), verdict(ReplyKind.BOUNCE, failed=failed), FIRST, SECOND) == found


def test_report_does_not_find_what_went_out_long_ago():
    report = verdict(ReplyKind.BOUNCE, failed=("ann@b.example",))

    assert matched(header(From="postmaster@b.example"), report, sent("old", days=15)) is None


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        pytest.param("Offer", "first", id="same"),
        pytest.param("Re: Offer", "first", id="answered"),
        pytest.param("RE: AW: offer", "first", id="answered-twice"),
        pytest.param("=?utf-8?q?Re:_Offer?=", "first", id="encoded"),
        pytest.param("[builders] Re: Offer", "first", id="tagged"),
        pytest.param("Automatic reply: Offer", "first", id="robot"),
        pytest.param("Another offer", None, id="other"),
        pytest.param("", None, id="empty"),
    ],
)
def test_answer_that_names_nothing_is_guessed_by_author_and_subject(subject, found):
    expected = None if found is None else (found, MatchedBy.GUESS)

    assert matched(header(From=ANN, Subject=subject), verdict(), FIRST, SECOND) == expected


def test_guess_is_the_newest_message_of_the_subject():
    assert matched(header(From=ANN, Subject="Re: Offer"), verdict(), FIRST, sent("third", days=1)) == (
        "third",
        MatchedBy.GUESS,
    )


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        pytest.param({"From": "bob@b.example", "Subject": "Re: Offer"}, 5, id="other-author"),
        pytest.param({"Subject": "Re: Offer"}, 5, id="no-author"),
        pytest.param({"From": ANN, "Subject": "Re: Offer"}, 121, id="long-ago"),
    ],
)
def test_stranger_is_not_guessed(fields, days):
    assert matched(header(**fields), verdict(), sent("first", days=days)) is None


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        pytest.param("Offer", "offer", id="plain"),
        pytest.param("Re: Re: Fwd: Offer", "offer", id="prefixes"),
        pytest.param("RE[2]: Offer", "offer", id="counted"),
        pytest.param("Re (3): Offer", "offer", id="counted-in-parentheses"),
        pytest.param("Re^2: Offer", "offer", id="counted-with-caret"),
        pytest.param("AW: WG: Angebot", "angebot", id="german"),
        pytest.param("RÉF : TR : Offre", "offre", id="french"),
        pytest.param("RV: Oferta", "oferta", id="spanish"),
        pytest.param("RES: ENC: Proposta", "proposta", id="portuguese"),
        pytest.param("SV: VS: VB", "vb", id="nordic"),
        pytest.param("Odp: Oferta", "oferta", id="polish"),
        pytest.param("YNT: Teklif", "teklif", id="turkish"),
        pytest.param("Ответ: План", "план", id="russian"),
        pytest.param("回复：报价", "报价", id="chinese-and-wide-colon"),
        pytest.param("[builders] [urgent] Re: Offer", "offer", id="tags"),
        pytest.param("Re: [builders] Offer", "offer", id="tag-behind-the-prefix"),
        pytest.param("Out of office: Offer", "offer", id="robot"),
        pytest.param("Automatic reply: Re: Offer", "offer", id="robot-before-an-answer"),
        pytest.param("  Re:   Café  ", "cafe", id="blanks-and-accents"),
        pytest.param("Re:", "re:", id="prefix-alone"),
        pytest.param("[builders]", "[builders]", id="tag-alone"),
        pytest.param("Regarding: Offer", "regarding: offer", id="word-that-begins-so"),
        pytest.param("", "", id="empty"),
    ],
)
def test_subject_is_compared_without_what_programs_put_before_it(subject, plain):
    assert normalised(subject) == plain


@pytest.mark.parametrize(
    "subject",
    [
        "Re: " * 50_000,
        "[" * 50_000,
        "[a] " * 10_000,
        "out of office: " * 5_000,
        "\0" * 9999,
        "\ud800",
        "re" * 50_000,
    ],
    ids=["prefixes", "brackets", "tags", "robots", "nul", "surrogate", "no-colon"],
)
def test_hostile_subject_is_made_plain(subject):
    assert len(normalised(subject[:16_384])) <= 16_384


SUBJECTS = st.text(max_size=60) | st.lists(
    st.sampled_from(
        ["Re:", "AW: ", "[a]", "Out of office", ": ", "回复：", "(", ")", "Offer", " ", "fwd[2]:"]
    ),
    max_size=9,
).map("".join)


@given(SUBJECTS.filter(lambda subject: subject.isascii() or "回复" in subject))
def test_subject_made_plain_stays_so(subject):
    plain = normalised(subject)

    assert normalised(plain) == plain


@given(SUBJECTS, st.sampled_from(["Re: ", "AW: ", "Fwd: ", "[builders] ", "回复："]))
def test_prefix_makes_no_difference(subject, prefix):
    if normalised(subject):
        assert normalised(prefix + subject) == normalised(subject)


FIELDS = st.sampled_from(
    [
        "From",
        "Subject",
        "In-Reply-To",
        "References",
        "To",
        "Delivered-To",
        "Original-Recipient",
        "X-Original-To",
    ]
)
VALUES = st.text(max_size=40) | st.sampled_from(
    [
        "<first@a.example>",
        ANN,
        "Re: Offer",
        "b+ann=b.example@a.example",
        "<<>>",
        "<>",
        "@",
        "=?utf-7?q?+2AA-?=",
    ]
)
VERDICTS = st.builds(
    verdict,
    st.sampled_from(ReplyKind),
    failed=st.lists(st.text(max_size=20) | st.just("ann@b.example"), max_size=3),
    originals=st.lists(st.text(max_size=20) | st.just("<first@a.example>"), max_size=3).map(tuple),
)


@given(st.lists(st.tuples(FIELDS, VALUES), max_size=8), VERDICTS)
def test_any_header_matches_what_was_sent_or_nothing(fields, judged):
    octets = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("utf-8", "surrogatepass")

    found = match(Header(header_of(octets + b"\r\n")), judged, Log((FIRST, SECOND)))

    assert found is None or found[0] in {FIRST, SECOND}
    if found is not None and judged.kind in {ReplyKind.BOUNCE, ReplyKind.DELAY, ReplyKind.COMPLAINT}:
        assert found[1] is not MatchedBy.GUESS
