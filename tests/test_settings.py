"""From what was said and what a preset knows to an account."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import (
    Account,
    Endpoint,
    Fingerprint,
    Limit,
    LimitUnit,
    Need,
    Preset,
    Protocol,
    Security,
    UsernameRule,
)
from fluenzr_smtp.pacing import text as limit_text
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.settings import (
    Choices,
    ServerChoice,
    build_account,
    change_account,
    choose_endpoint,
    is_loopback,
    limits_in_force,
    parse_host,
    parse_limits,
    parse_pause,
    parse_port,
    parse_security,
    parse_server,
    parse_span,
)

PIN, OTHER_PIN = Fingerprint("a" * 64), Fingerprint("b" * 64)
SMTP = (
    Endpoint(host="smtp.host.test", port=587, security=Security.STARTTLS),
    Endpoint(host="smtp.host.test", port=465, security=Security.IMPLICIT_TLS),
)
IMAP = (Endpoint(host="imap.host.test", port=993, security=Security.IMPLICIT_TLS),)
PRESET = Preset(
    key="host",
    name="Host",
    domains=("host.test",),
    mx=(),
    smtp=SMTP,
    imap=IMAP,
    username=UsernameRule.ADDRESS,
    app_password=Need.NO,
    app_password_page="",
    oauth=Need.NO,
    limits=(),
    hint="",
    notes=(),
    sources=(),
    checked=date(2026, 1, 1),
)
ME = Choices(address="me@shop.test")

hosts = st.sampled_from(["smtp.host.test", "mail.shop.test", "localhost", "127.0.0.1", "::1", "192.0.2.1"])
ports = st.integers(1, 65535)
securities = st.sampled_from(Security)


def refused(code: ProblemCode, function, *arguments, **options):
    with pytest.raises(FluenzrError) as error:
        function(*arguments, **options)
    assert error.value.problem.code is code
    return error.value.problem.facts


# -- reading what was said -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "security"),
    [
        ("starttls", Security.STARTTLS),
        ("tls", Security.STARTTLS),
        (" STARTTLS ", Security.STARTTLS),
        ("ssl", Security.IMPLICIT_TLS),
        ("none", Security.NONE),
    ],
)
def test_encryption_has_the_names_of_mail_programs(text, security):
    assert parse_security(text) is security


@pytest.mark.parametrize("text", ["", "ssl/tls", "yes", "STARTTLS\n465", "sſl"], ids=repr)
def test_any_other_encryption_is_refused_with_the_choices(text):
    facts = refused(ProblemCode.SETTING_INVALID, parse_security, text)

    assert facts["choices"] == ("starttls", "ssl", "none", "tls")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Smtp.Host.TEST.", "smtp.host.test"),
        (" mail.shop.test ", "mail.shop.test"),
        ("grüße.example", "xn--gre-6ka8l.example"),
        ("猫.example", "xn--z7x.example"),
        ("_submission.shop.test", "_submission.shop.test"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_a_host_is_a_name_in_ascii_or_an_ip_address(text, host):
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "-a.test", "a-.test", "a b", "a\r\nb", "a\0b", "a/b", "user@host", "x" * 64 + ".test",
     ".".join(["x" * 60] * 5), "ａ\u202eb.test", "\udcff.test", "http://a.test"],
    ids=ascii,
)  # fmt: skip
def test_what_cannot_be_a_host_is_refused(text):
    assert refused(ProblemCode.SETTING_INVALID, parse_host, text)["setting"] == "host"


@given(st.text())
def test_a_host_is_refused_or_safe_to_put_into_a_command(text):
    try:
        host = parse_host(text)
    except FluenzrError:
        return

    assert host.isascii()
    assert host.isprintable()
    assert " " not in host
    assert parse_host(host) == host


@given(hosts, ports)
def test_a_server_is_read_as_an_endpoint_is_shown(host, port):
    shown = str(Endpoint(host=host, port=port, security=Security.STARTTLS))

    assert parse_server(shown) == ServerChoice(host=host, port=port)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("a.test", ServerChoice(host="a.test")),
        ("a.test:465", ServerChoice(host="a.test", port=465)),
        ("2001:db8::1", ServerChoice(host="2001:db8::1")),
        ("[2001:db8::1]", ServerChoice(host="2001:db8::1")),
    ],
)
def test_a_server_may_come_with_a_port_or_without(text, choice):
    assert parse_server(text) == choice


@pytest.mark.parametrize(
    "text", ["a.test:", "a.test:x", "a.test:0", "a.test:65536", "a.test:４６５", ":465", "a:b:1"]
)
def test_a_server_that_cannot_be_read_is_refused(text):
    refused(ProblemCode.SETTING_INVALID, parse_server, text)


@pytest.mark.parametrize("number", [-1, 0, 65536])
def test_a_port_has_sixteen_bits_and_is_not_zero(number):
    refused(ProblemCode.SETTING_INVALID, parse_port, number)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("localhost.test", False),
        ("192.0.2.1", False),
    ],
)
def test_loopback_is_known_by_its_very_name(host, expected):
    assert is_loopback(host) is expected


# -- choosing an endpoint --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ServerChoice(), SMTP[0]),
        (ServerChoice(port=465), SMTP[1]),
        (ServerChoice(security=Security.IMPLICIT_TLS), SMTP[1]),
        (ServerChoice(port=2525), replace(SMTP[0], port=2525)),
        (ServerChoice(port=465, security=Security.STARTTLS), replace(SMTP[0], port=465)),
        (ServerChoice(host="x.test"), Endpoint(host="x.test", port=587, security=Security.STARTTLS)),
        (
            ServerChoice(host="x.test", port=465),
            Endpoint(host="x.test", port=465, security=Security.IMPLICIT_TLS),
        ),
    ],
    ids=["nothing", "port", "encryption", "unusual port", "both", "host", "host and port"],
)
def test_the_first_known_endpoint_that_fits_is_chosen_else_one_made(choice, expected):
    assert choose_endpoint(Protocol.SMTP, choice, SMTP) == expected


def test_an_unusual_port_keeps_the_encryption_of_its_host():
    bridge = Endpoint(host="127.0.0.1", port=1143, security=Security.STARTTLS)

    chosen = choose_endpoint(Protocol.IMAP, ServerChoice(port=1144), (bridge,))

    assert chosen == replace(bridge, port=1144)


def test_without_any_host_there_is_no_endpoint():
    assert choose_endpoint(Protocol.SMTP, ServerChoice(port=465), ()) is None


@given(st.sampled_from(Protocol), hosts, ports, securities, st.sampled_from([(), SMTP, IMAP]))
def test_what_is_said_in_full_is_taken_word_by_word_or_refused(protocol, host, port, security, known):
    choice = ServerChoice(host=host, port=port, security=security)

    if security is Security.NONE and not is_loopback(host):
        refused(ProblemCode.ENCRYPTION_REQUIRED, choose_endpoint, protocol, choice, known)
        return

    assert choose_endpoint(protocol, choice, known) == Endpoint(host=host, port=port, security=security)


@given(
    st.sampled_from((Protocol.SMTP, Protocol.IMAP)),
    st.none() | hosts, st.none() | ports, st.none() | securities,
    st.sampled_from([(), SMTP, IMAP]),
)  # fmt: skip
def test_no_choice_leads_to_plain_text_by_itself_or_to_another_machine(protocol, host, port, security, known):
    try:
        chosen = choose_endpoint(protocol, ServerChoice(host=host, port=port, security=security), known)
    except FluenzrError:
        return

    if chosen is not None and chosen.security is Security.NONE:
        assert security is Security.NONE
        assert chosen.host == "localhost" or ipaddress.ip_address(chosen.host).is_loopback


# -- a new account ---------------------------------------------------------------------------------------


def test_a_preset_is_enough_beside_the_address():
    account = build_account(ME, PRESET)

    assert account == Account(
        name="me@shop.test", address="me@shop.test", username="me@shop.test", smtp=SMTP[0], imap=IMAP[0],
        preset="host",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "rule", "username"),
    [
        ({}, UsernameRule.ADDRESS, "me@shop.test"),
        ({}, UsernameRule.LOCAL_PART, "me"),
        ({"username": "other"}, UsernameRule.LOCAL_PART, "other"),
        ({"has_login": False}, UsernameRule.ADDRESS, None),
    ],
    ids=["address", "local part", "said", "no login"],
)
def test_the_user_name_follows_from_the_rule_unless_said(more, rule, username):
    account = build_account(replace(ME, **more), replace(PRESET, username=rule))

    assert account.username == username


def test_without_a_server_its_options_are_named():
    facts = refused(ProblemCode.INPUT_REQUIRED, build_account, ME, None)

    assert facts["options"] == ("--preset", "--smtp-host")


def test_without_a_known_imap_server_there_is_none():
    assert build_account(ME, replace(PRESET, imap=())).imap is None
    assert build_account(replace(ME, has_imap=False), PRESET).imap is None


def test_trust_is_for_both_servers():
    account = build_account(replace(ME, pin=PIN, authority="PEM"), PRESET)

    assert account.imap is not None
    assert (account.smtp.pin, account.imap.pin) == (PIN, PIN)
    assert (account.smtp.authority, account.imap.authority) == ("PEM", "PEM")


@pytest.mark.parametrize("field", ["username", "display_name"])
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "a\x1bb", "a\x85b", "a\udcffb"], ids=ascii)
def test_what_cannot_stand_in_a_header_or_a_command_is_refused(field, text):
    refused(ProblemCode.HEADER_MALFORMED, build_account, replace(ME, **{field: text}), PRESET)


def test_an_empty_user_name_is_refused():
    refused(ProblemCode.SETTING_INVALID, build_account, replace(ME, username=""), PRESET)


# -- a changed account -----------------------------------------------------------------------------------

PINNED = replace(
    build_account(ME, PRESET), smtp=replace(SMTP[0], pin=PIN), imap=replace(IMAP[0], authority="PEM")
)


def changed(account: Account, preset: Preset | None = PRESET, **more: object) -> Account:
    choices = replace(ME, username=account.username, display_name=account.display_name)
    return change_account(account, replace(choices, **more), preset)


@pytest.mark.parametrize("preset", [PRESET, None], ids=["with preset", "without"])
@pytest.mark.parametrize(
    "account",
    [PINNED, replace(PINNED, imap=None), replace(PINNED, username="other", display_name="Me", name="x")],
    ids=["whole", "no IMAP", "names"],
)
def test_nothing_said_changes_nothing(account, preset):
    assert changed(account, preset) == account


def test_trust_stays_while_the_host_does():
    same = changed(PINNED, smtp=ServerChoice(port=465))
    other = changed(PINNED, smtp=ServerChoice(host="x.test"))

    assert same.smtp == replace(SMTP[1], pin=PIN)
    assert other.smtp == Endpoint(host="x.test", port=587, security=Security.STARTTLS)
    assert other.imap == PINNED.imap


def test_a_new_pin_replaces_the_old_one_and_an_authority_does_too():
    assert changed(PINNED, pin=OTHER_PIN).smtp.pin == OTHER_PIN
    assert changed(PINNED, authority="NEW").smtp == replace(SMTP[0], pin=None, authority="NEW")


# -- limits and pauses -----------------------------------------------------------------------------------

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def limit(
    count: int, unit: LimitUnit = LimitUnit.MESSAGES, per: timedelta | None = HOUR, **more: str
) -> Limit:
    return Limit(unit=unit, count=count, per=per, source=more.pop("source", "account"), **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200/1h", limit(200)),
        ("200/h", limit(200)),
        (" 200/60M ", limit(200)),
        ("200:messages/1h", limit(200)),
        ("500:recipients/24h", limit(500, LimitUnit.RECIPIENTS, DAY)),
        ("500 recipients/24h", limit(500, LimitUnit.RECIPIENTS, DAY)),
        ("1/30s", limit(1, per=timedelta(seconds=30))),
        ("5000/7d", limit(5000, per=7 * DAY)),
        ("1/366d", limit(1, per=366 * DAY)),
        ("2:connections", limit(2, LimitUnit.CONNECTIONS, None)),
        ("40:recipients-per-message", limit(40, LimitUnit.RECIPIENTS_PER_MESSAGE, None)),
    ],
    ids=str,
)
def test_a_limit_is_a_number_of_something_in_a_time(text, expected):
    assert parse_limits([text]) == (expected,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-a-limit"),
        ("200", "not-a-limit"),
        ("1h/200", "not-a-limit"),
        ("-1/1h", "not-a-limit"),
        ("1.5/1h", "not-a-limit"),
        ("9999999999/1h", "not-a-limit"),
        ("٢٠٠/1h", "not-a-limit"),
        ("200:letters/1h", "not-a-limit"),
        ("200:recipients", "not-a-limit"),
        ("2:connections/1h", "not-a-limit"),
        ("0/1h", "not-positive"),
        ("200/", "not-a-span"),
        ("200/0h", "not-a-span"),
        ("200/hour", "not-a-span"),
        ("200/1\nh", "not-a-limit"),
        ("200/367d", "too-long"),
    ],
    ids=repr,
)
def test_what_is_no_limit_is_refused_with_the_reason(text, reason):
    facts = refused(ProblemCode.SETTING_INVALID, parse_limits, ["1/1h", text])

    assert (facts["setting"], facts["reason"]) == ("limit", reason)


def test_several_limits_hold_together():
    assert parse_limits(["200/1h", "1000/24h"]) == (limit(200), limit(1000, per=DAY))


@pytest.mark.parametrize(("text", "expected"), [("none", ()), ("NONE", ()), ("preset", None)])
def test_one_word_stands_for_no_limits_or_those_of_the_preset(text, expected):
    assert parse_limits([text]) == expected


@pytest.mark.parametrize("texts", [["none", "200/1h"], ["200/1h", "preset"], ["none", "preset"]], ids=str)
def test_that_word_stands_alone(texts):
    assert refused(ProblemCode.SETTING_INVALID, parse_limits, texts)["reason"] == "not-alone"


@given(
    st.integers(1, 10**9 - 1),
    st.sampled_from([LimitUnit.MESSAGES, LimitUnit.RECIPIENTS]),
    st.integers(1, 999_999).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_a_limit_is_read_as_it_is_told(count, unit, per):
    told = limit(count, unit, per)

    assert parse_limits([limit_text(told)]) == (told,)


@given(st.text(max_size=20))
def test_any_text_is_a_limit_or_a_named_refusal(text):
    try:
        found = parse_limits([text])
    except FluenzrError as error:
        found, code = (), error.problem.code
    else:
        code = ProblemCode.SETTING_INVALID

    assert code is ProblemCode.SETTING_INVALID
    assert found is None or all(each.count > 0 for each in found)


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("2s", timedelta(seconds=2)),
        ("2", timedelta(seconds=2)),
        ("0.5s", timedelta(milliseconds=500)),
        ("1.5m", timedelta(seconds=90)),
        ("24h", DAY),
        ("0", None),
        ("0.0s", None),
        ("none", None),
    ],
)
def test_a_pause_is_a_length_of_time_or_none(text, pause):
    assert parse_pause(text) == pause


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-a-span"),
        ("-2s", "not-a-span"),
        ("2 s", "not-a-span"),
        ("inf", "not-a-span"),
        ("25h", "too-long"),
    ],
)
def test_what_is_no_pause_is_refused_with_the_reason(text, reason):
    facts = refused(ProblemCode.SETTING_INVALID, parse_pause, text)

    assert (facts["setting"], facts["value"], facts["reason"]) == ("pause", text, reason)


def test_a_length_of_time_is_read_for_any_setting():
    assert parse_span("35d", "older-than") == 35 * DAY
    assert refused(ProblemCode.SETTING_INVALID, parse_span, "35", "older-than") == {
        "setting": "older-than",
        "value": "35",
        "reason": "not-a-span",
    }


LIMITED = replace(
    PRESET,
    limits=(
        limit(200, source="host.test", scope="each account"),
        limit(40, LimitUnit.RECIPIENTS_PER_MESSAGE, None, source="host.test"),
        limit(3, LimitUnit.CONNECTIONS, None, source="host.test"),
    ),
)


@pytest.mark.parametrize(
    ("own", "preset", "in_force"),
    [
        (None, None, ()),
        (None, LIMITED, LIMITED.limits),
        ((limit(9),), None, (limit(9),)),
        ((limit(9, per=DAY),), LIMITED, (limit(9, per=DAY), *LIMITED.limits[1:])),
        ((), LIMITED, LIMITED.limits[1:]),
        (
            (limit(9), limit(1, LimitUnit.CONNECTIONS, None)),
            LIMITED,
            (limit(9), limit(1, LimitUnit.CONNECTIONS, None), LIMITED.limits[1]),
        ),
    ],
    ids=["nothing known", "preset", "own", "own window", "none over time", "own of each kind"],
)
def test_own_limits_go_over_those_of_the_preset(own, preset, in_force):
    account = replace(build_account(ME, PRESET), limits=own)

    assert limits_in_force(account, preset) == in_force


def test_limits_and_pause_are_kept_with_the_account():
    choices = replace(ME, limits=(limit(9),), pause=timedelta(seconds=2))

    account = build_account(choices, PRESET)

    assert (account.limits, account.pause) == ((limit(9),), timedelta(seconds=2))
    assert change_account(account, replace(choices, limits=None, pause=None), PRESET) == build_account(
        ME, PRESET
    )


def test_name_that_is_far_too_long_is_refused_before_it_is_worked_on():
    with pytest.raises(FluenzrError) as caught:
        parse_host("".join(map(chr, range(0x4E00, 0x9000))))
    assert caught.value.problem.code is ProblemCode.SETTING_INVALID
