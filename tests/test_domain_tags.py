"""Tag lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.domain.tags import RecordFault, is_version, parse_tags


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("v=DKIM1; k=rsa; p=abc", {"v": "DKIM1", "k": "rsa", "p": "abc"}),
        ("v=DKIM1;k=rsa;", {"v": "DKIM1", "k": "rsa"}),
        (" v = DKIM1 ; p = ab cd ; ", {"v": "DKIM1", "p": "ab cd"}),
        ("p=", {"p": ""}),
        ("p=a=b", {"p": "a=b"}),
    ],
    ids=["plain", "last-semicolon", "white-space", "empty-value", "equals-in-value"],
)
def test_tags_come_in_their_order(text, tags):
    found = parse_tags(text)

    assert not isinstance(found, RecordFault)
    assert list(found.items()) == list(tags.items())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", RecordFault("syntax")),
        (";", RecordFault("syntax")),
        ("v=DKIM1;;p=x", RecordFault("syntax")),
        ("v=DKIM1; rsa", RecordFault("syntax", "rsa")),
        ("1v=x", RecordFault("syntax", "1v=x")),
        ("p=ü", RecordFault("syntax", "p=ü")),
        ("p=a\x00b", RecordFault("syntax", "p=a\x00b")),
        ("v=DKIM1; p=a; p=b", RecordFault("duplicate-tag", "p")),
    ],
)
def test_what_is_no_tag_list_is_told_with_the_part(text, fault):
    assert parse_tags(text) == fault


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("v=DMARC1; p=none", True),
        ("v = DMARC1", True),
        ("v=DMARC1", True),
        ("v=dmarc1; p=none", False),
        (" v=DMARC1; p=none", False),
        ('"v=DMARC1; p=none"', False),
        ("v=DMARC12; p=none", False),
        ("v=DMARC1 p=none", False),
        ("p=none; v=DMARC1", False),
        ("v=spf1 -all", False),
    ],
)
def test_version_is_the_first_tag_in_exactly_this_case(text, is_one):
    assert is_version(text, "DMARC1") is is_one


@given(text=st.text(max_size=60))
def test_any_text_is_a_tag_list_or_has_a_fault(text):
    found = parse_tags(text)

    assert found.reason in {"syntax", "duplicate-tag"} if isinstance(found, RecordFault) else len(found) > 0


@given(
    tags=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
        st.from_regex(r"[!-:<-~]{0,9}", fullmatch=True),
        min_size=1,
    )
)
def test_tags_written_are_the_tags_read(tags):
    text = "; ".join(f"{name}={value}" for name, value in tags.items())

    assert parse_tags(text) == tags
