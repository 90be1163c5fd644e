"""Mailboxes as LIST shows them: whatever a server says, what comes out can be opened and be told."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.imap_utf7 import encode

from fluenzr_smtp.imap.mailboxes import Mailbox, likeliest_first, listed, sent_among


def names(*lines: object) -> list[str]:
    return [each.name for each in listed(lines)]


def mailbox(name: str, *flags: str, delimiter: str = "/") -> Mailbox:
    return Mailbox(name=name, flags=frozenset(flags), delimiter=delimiter)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        pytest.param(b'() "/" INBOX', "INBOX", id="atom"),
        pytest.param(b'(\\Sent) "/" "Sent Items"', "Sent Items", id="quoted"),
        pytest.param(b'() "/" "a \\"b\\" \\\\c"', 'a "b" \\c', id="escaped"),
        pytest.param(b"() NIL Flat", "Flat", id="no-hierarchy"),
        pytest.param(b'() "\\\\" "a\\\\b"', "a\\b", id="backslash-as-delimiter"),
        pytest.param(b'() "." 007', "007", id="digits"),
        pytest.param(b'() "/" "Entw&APw-rfe"', "Entwürfe", id="modified-utf-7"),
        pytest.param(b'() "/" "Sent" ("CHILDINFO" ("SUBSCRIBED"))', "Sent", id="extended"),
        pytest.param((b'() "/" {6}', b"a{1} b"), "a{1} b", id="literal"),
    ],
)
def test_name_is_read_in_every_form(line, name):
    found = names(line)

    assert found == [name]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'(\\Noselect) "/" "[Mail]"', id="not-selectable"),
        pytest.param(b'(\\NONEXISTENT) "/" gone', id="not-there"),
        pytest.param(b"", id="empty"),
        pytest.param(None, id="nothing"),
        pytest.param(b"nonsense", id="nonsense"),
        pytest.param(b'() "/" ""', id="nameless"),
        pytest.param(b'() "/" "half', id="half-a-string"),
        pytest.param(b'(((((( "/" x', id="brackets"),
        pytest.param((b'() "/" {4}', b"a\r\nb"), id="line-end"),
        pytest.param(b'() "/" &AAoADQ-', id="line-end-encoded"),
        pytest.param(b'() "/" &AAA-', id="nul-encoded"),
        pytest.param(b'() "/" &2D0-', id="half-a-character"),
        pytest.param(b'() "/" &!!!!-', id="no-utf-7"),
        pytest.param(b'() "/" caf\xc3\xa9', id="beyond-ascii"),
        pytest.param(b'() "/" ' + b"a" * 2000, id="long"),
        pytest.param((b"() {1}", b"x", b"y"), id="no-pair"),
        pytest.param((b'() "/" {1}', 7), id="no-octets"),
    ],
)
def test_what_cannot_be_opened_or_told_is_skipped_alone(line):
    found = names(line, b'() "/" INBOX')

    assert found == ["INBOX"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=50))
def test_every_name_comes_back_as_it_was(name):
    encoded = encode(name)

    found = names((b'() "/" {%d}' % len(encoded), encoded))

    assert found == [name]


@given(st.binary(max_size=80), st.none() | st.binary(max_size=20))
def test_whatever_a_line_says_a_name_never_carries_a_control_character(line, literal):
    found = names(b'() "/" ' + line, (b'() "/" {9}', literal))

    assert not any(category(each) == "Cc" for name in found for each in name)


@pytest.mark.parametrize(
    ("mailboxes", "name"),
    [
        pytest.param([mailbox("Sent"), mailbox("Ablage", "\\sent")], "Ablage", id="flag-before-name"),
        pytest.param([mailbox("Gesendete Elemente")], "Gesendete Elemente", id="german"),
        pytest.param([mailbox("ENVOYÉS")], "ENVOYÉS", id="capitals"),
        pytest.param([mailbox("INBOX.Sent", delimiter=".")], "INBOX.Sent", id="below-the-inbox"),
        pytest.param([mailbox("Sent Items"), mailbox("Sent")], "Sent", id="the-more-usual-name"),
        pytest.param([mailbox("Archive/Sent"), mailbox("Sentences")], None, id="another"),
        pytest.param([], None, id="none"),
    ],
)
def test_mailbox_of_sent_mail_is_known_by_its_use_or_its_name(mailboxes, name):
    found = sent_among(mailboxes)

    assert (found.name if found else None) == name


def test_likeliest_mailboxes_come_first_and_drafts_not_at_all():
    found = likeliest_first(
        [
            mailbox("Trash"),
            mailbox("Werbung", "\\junk"),
            mailbox("Friends"),
            mailbox("All Mail", "\\all"),
            mailbox("Drafts"),
            mailbox("Angefangen", "\\drafts"),
            mailbox("INBOX"),
            mailbox("Sent"),
        ]
    )

    assert [each.name for each in found] == ["Sent", "INBOX", "All Mail", "Friends", "Trash", "Werbung"]
