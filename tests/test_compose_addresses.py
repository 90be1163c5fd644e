"""Addresses are read strictly: what is not understood completely is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import parse_address, parse_mailboxes
from fluenzr_smtp.compose.addresses import distinct, header_addresses, typed
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Mailbox
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode


def outcome_of(function, *arguments, **more):
    """Return the result, or the problem in which the call ended."""
    try:
        return function(*arguments, **more)
    except FluenzrError as error:
        return error.problem


def reason_of(function, text):
    with pytest.raises(FluenzrError) as caught:
        function(text)
    problem = caught.value.problem
    assert problem.code is ProblemCode.ADDRESS_MALFORMED
    assert problem.exit_status is ExitStatus.DATA
    assert str(problem.facts["address"]).isprintable()
    assert len(str(problem.facts["address"])) <= 100
    return problem.facts["reason"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a@b.example", "a@b.example", id="plain"),
        pytest.param("  a@b.example ", "a@b.example", id="spaces-around"),
        pytest.param("a.b+c@B.Example", "a.b+c@B.Example", id="case-kept"),
        pytest.param("o'neil@b.example", "o'neil@b.example", id="apostrophe"),
        pytest.param("a@localhost", "a@localhost", id="one-label"),
        pytest.param('"a b"@c.example', '"a b"@c.example', id="quoted-local-part"),
        pytest.param('"a@evil"@c.example', '"a@evil"@c.example', id="at-sign-in-quotes"),
        pytest.param("a@[192.0.2.1]", "a@[192.0.2.1]", id="ipv4-literal"),
        pytest.param("a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", id="ipv6-literal"),
        pytest.param("a@bücher.example", "a@xn--bcher-kva.example", id="domain-to-a-labels"),
        pytest.param("a@straße.example", "a@xn--strae-oqa.example", id="idna-2008-keeps-sharp-s"),
        pytest.param("a@例え。テスト", "a@xn--r8jz45g.xn--zckzah", id="ideographic-full-stop"),
        pytest.param("josé@b.example", "josé@b.example", id="international-local-part"),
        pytest.param(f"{'a' * 64}@b.example", f"{'a' * 64}@b.example", id="longest-local-part"),
    ],
)
def test_sound_address_is_accepted(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("   ", "empty", id="spaces"),
        pytest.param("a", "no-at-sign", id="no-at-sign"),
        pytest.param("a@b@c", "several-at-signs", id="two-at-signs"),
        pytest.param('"a"@b@c', "domain-invalid", id="two-at-signs-after-quotes"),
        pytest.param("@b", "local-part-invalid", id="no-local-part"),
        pytest.param("a@", "domain-empty", id="no-domain"),
        pytest.param("a..b@c", "local-part-invalid", id="two-dots"),
        pytest.param(".a@c", "local-part-invalid", id="dot-first"),
        pytest.param("a b@c", "white-space", id="space-in-local-part"),
        pytest.param("a\u00a0b@c", "white-space", id="no-break-space"),
        pytest.param("a@b c", "domain-invalid", id="space-in-domain"),
        pytest.param("<a@b>", "local-part-invalid", id="angle-brackets"),
        pytest.param('"a<b>"@c', "local-part-invalid", id="angle-brackets-in-quotes"),
        pytest.param('"a"b@c', "local-part-invalid", id="text-after-quotes"),
        pytest.param('"a@c', "local-part-invalid", id="quote-open"),
        pytest.param("a,b@c", "local-part-invalid", id="comma"),
        pytest.param("a@b.", "domain-invalid", id="dot-last"),
        pytest.param("a@b..c", "domain-invalid", id="empty-label"),
        pytest.param("a@-b.c", "domain-invalid", id="hyphen-first"),
        pytest.param("a@b_c.example", "domain-invalid", id="underscore"),
        pytest.param("a@192.0.2.1", "domain-invalid", id="ip-without-brackets"),
        pytest.param("a@[999.0.2.1]", "domain-invalid", id="wrong-literal"),
        pytest.param("a@[x:1]", "domain-invalid", id="unknown-literal"),
        pytest.param("a@[IPv6:fe80::1%eth0]", "domain-invalid", id="literal-with-zone"),
        pytest.param(f"a@{'b' * 64}.example", "domain-invalid", id="label-too-long"),
        pytest.param(f"a@{'b.' * 130}example", "domain-too-long", id="domain-too-long"),
        pytest.param(f"{'a' * 65}@b", "local-part-too-long", id="local-part-too-long"),
        pytest.param(f"{'é' * 33}@b", "local-part-too-long", id="local-part-counts-octets"),
        pytest.param("a@b\uff20c", "domain-invalid", id="full-width-at-sign-in-domain"),
        pytest.param("x\uff20y@b", "local-part-invalid", id="full-width-at-sign-in-local-part"),
        pytest.param("a@xn--\u00fc.example", "domain-invalid", id="broken-a-label"),
        pytest.param("a@b\r\nRCPT TO:<c@d>", "control-character", id="crlf"),
        pytest.param("a\n@b", "control-character", id="lf"),
        pytest.param("a\0@b", "control-character", id="nul"),
        pytest.param("a\x1b[31m@b", "control-character", id="escape"),
        pytest.param("a\x85@b", "control-character", id="c1"),
        pytest.param("a\u2028@b", "control-character", id="line-separator"),
        pytest.param("a\udce9@b", "not-utf-8", id="surrogate"),
        pytest.param("a\t@b", "invisible-character", id="tab"),
        pytest.param("a\u202e@b", "invisible-character", id="bidi-control"),
        pytest.param("a\u200b@b", "invisible-character", id="zero-width-space"),
        pytest.param("=?utf-8?q?a=0D=0ABcc:x?=@b", "encoded-control-character", id="encoded-crlf"),
    ],
)
def test_unsound_address_is_refused(text, reason):
    assert reason_of(parse_address, text) == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("c@d", [("", "c@d")], id="bare"),
        pytest.param("Name <a@b>, c@d", [("Name", "a@b"), ("", "c@d")], id="two"),
        pytest.param("A B. C.<a@b>", [("A B. C.", "a@b")], id="no-space-before-bracket"),
        pytest.param("<a@b>", [("", "a@b")], id="brackets-only"),
        pytest.param('"Last, First" <a@b>,c@d', [("Last, First", "a@b"), ("", "c@d")], id="quoted-comma"),
        pytest.param('"a@evil" <b@c>', [("a@evil", "b@c")], id="quoted-at-sign"),
        pytest.param(r'"say \"hi\"" <b@c>', [('say "hi"', "b@c")], id="escaped-quote"),
        pytest.param('"x, y"@c', [("", '"x, y"@c')], id="quoted-local-part"),
        pytest.param("José Ñandú <j@bücher.example>", [("José Ñandú", "j@xn--bcher-kva.example")], id="idn"),
        pytest.param("a@[IPv6:::1], b@c", [("", "a@[IPv6:::1]"), ("", "b@c")], id="literal"),
        pytest.param("a@b <A@b>", [("a@b", "A@b")], id="name-is-the-address"),
    ],
)
def test_typed_mailboxes_are_read(text, expected):
    mailboxes = parse_mailboxes(text)

    assert mailboxes == tuple(Mailbox(name=name, address=address) for name, address in expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("a@b,", "empty", id="comma-last"),
        pytest.param("a@b,,c@d", "empty", id="two-commas"),
        pytest.param("a@b@c", "several-at-signs", id="two-at-signs"),
        pytest.param("a <b@c> d", "text-after-address", id="text-after-address"),
        pytest.param("a@evil <b@c>", "several-addresses", id="other-address-as-name"),
        pytest.param("<a@b> <c@d>", "angle-brackets", id="two-brackets"),
        pytest.param("<a@b", "angle-brackets", id="bracket-open"),
        pytest.param("a@b>", "angle-brackets", id="bracket-closed-only"),
        pytest.param("<>", "empty", id="null-path"),
        pytest.param("a@b c@d", "white-space", id="comma-missing"),
        pytest.param("x a@b", "white-space", id="brackets-missing"),
        pytest.param("a @b", "white-space", id="space-before-at-sign"),
        pytest.param("Team: a@b, c@d;", "group", id="group"),
        pytest.param("a@b; c@d", "group", id="semicolon"),
        pytest.param("a@b (Name)", "comment", id="comment"),
        pytest.param("alice@example.org)bob@c", "syntax", id="parenthesis"),
        pytest.param('"a <b@c>', "quote-open", id="quote-open"),
        pytest.param("Müller, Hans <a@b>", "no-at-sign", id="comma-in-plain-name"),
        pytest.param("A\tB <a@b>", "control-character", id="tab"),
        pytest.param("A <a@b>\r\nBcc: c@d", "control-character", id="crlf"),
        pytest.param("=?utf-8?q?x=0Ay?= <a@b>", "encoded-control-character", id="encoded-lf"),
    ],
)
def test_confusing_mailboxes_are_refused(text, reason):
    assert reason_of(parse_mailboxes, text) == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("undisclosed-recipients:;", (), id="empty-group"),
        pytest.param("Team: a@b, C <c@d>; , e@f", ("a@b", "c@d", "e@f"), id="group"),
        pytest.param("a@b (a comment, with comma)", ("a@b",), id="comment"),
        pytest.param("=?utf-8?q?Jos=C3=A9?= <a@b>,\tc@d", ("a@b", "c@d"), id="encoded-name"),
        pytest.param("a@b,,c@d,", ("a@b", "c@d"), id="empty-places"),
        pytest.param("", (), id="empty"),
    ],
)
def test_address_field_is_read(text, expected):
    assert header_addresses(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a@b c@d",
        "<@x,@y:a@b>",
        "a@b@c",
        "a <b@c> d",
        "a@evil <b@c>",
        "a@b: c@d;",
        "T: a@b",
        "a@b; c@d",
        "T: U: a@b;;",
    ],
)
def test_confusing_address_field_is_refused(text):
    assert reason_of(header_addresses, text)


def test_refused_address_is_shown_escaped_and_cut():
    with pytest.raises(FluenzrError) as caught:
        parse_address("\x1b[31m\u202e\r\n" + "a" * 1000)

    shown = caught.value.problem.facts["address"]
    assert str(shown).startswith("\\x1b[31m\\u202e\\r\\naaa")
    assert len(str(shown)) == 100


def test_recipients_that_differ_in_case_only_are_one():
    assert distinct(("Bob@B.example", "a@b", "bob@b.EXAMPLE")) == ("Bob@B.example", "a@b")


@given(st.text() | st.text('a@b.c<>,:;"\\ ()[]é=?\r\n\t', max_size=20))
def test_what_is_accepted_is_one_plain_address_and_stays_the_same(text):
    for parse in (parse_mailboxes, header_addresses):
        found = outcome_of(parse, text)
        if isinstance(found, Problem):
            assert found.code is ProblemCode.ADDRESS_MALFORMED
            continue
        for address in (each if isinstance(each, str) else each.address for each in found):
            assert parse_address(address) == address
            assert address.rpartition("@")[2].isascii()
            assert not set(address) & set("\r\n\t\0<>")


@given(st.text('a,@" <>\\;:.é()', max_size=30).filter(str.strip), st.sampled_from(["a@b", '"x y"@b']))
def test_quoted_name_never_changes_the_address(name, address):
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')

    (mailbox,) = parse_mailboxes(f'"{quoted}" <{address}>')

    assert mailbox == Mailbox(name=name.strip(" "), address=address)


@given(
    st.lists(
        st.tuples(st.text('a,@" <>\\;:.é()', max_size=12), st.sampled_from(["a@b", '"x y"@b', "é@b"])),
        min_size=1,
        max_size=4,
    )
)
def test_mailboxes_written_as_typed_read_the_same(pairs):
    mailboxes = tuple(Mailbox(name=name.strip(" "), address=address) for name, address in pairs)

    assert parse_mailboxes(typed(mailboxes)) == mailboxes
