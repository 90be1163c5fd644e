"""Checks as people and scripts see them."""

from __future__ import annotations

import io
import re
import unicodedata
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fluenzr_smtp.cli.checks import (
    CheckLines,
    Mark,
    check_records,
    described,
    encryption_name,
    mark_of,
    panel,
    remedy_told,
    told,
    waterfall,
    worst,
)
from fluenzr_smtp.cli.checks.bars import bars_of, waterfall_lines
from fluenzr_smtp.cli.checks.explained import panel_lines, panels
from fluenzr_smtp.cli.checks.lines import check_line
from fluenzr_smtp.cli.checks.look import Look, cells
from fluenzr_smtp.cli.output import Output
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.model import Account, Check, Endpoint, Fingerprint, Protocol, Remedy, Security
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

ENDPOINT = Endpoint(host="h.test", port=587, security=Security.STARTTLS)
IMAP = Endpoint(host="i.test", port=993, security=Security.IMPLICIT_TLS)
REMEDY = Remedy(
    protocol=Protocol.SMTP,
    endpoint=Endpoint(host="h.test", port=465, security=Security.IMPLICIT_TLS),
)
ENGLISH = Catalogue.load("en")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "a\x00\x1b[31m\x1b]0;t\x07\r\n\u202eb [bold]c[/] :smile: " + "x" * 1_000_000


def check(stage: Stage, problem: Problem | None = None, **facts) -> Check:
    return Check(
        protocol=Protocol.SMTP,
        stage=stage,
        endpoint=ENDPOINT,
        elapsed=timedelta(milliseconds=12.34),
        facts=facts,
        problem=problem,
    )


def changed(found: Check, **more) -> Check:
    values = {name: getattr(found, name) for name in Check.__slots__}
    return Check(**(values | more))


REFUSED = Problem(
    code=ProblemCode.AUTH_REJECTED,
    stage=Stage.AUTH,
    reply=ServerReply(535, "5.7.8", "No [bold]entry[/]"),
    facts={"host": "h.test", "username": "me", "page": "https://help.test/passwords"},
)
UNREACHABLE = Problem(
    code=ProblemCode.CONNECT_UNREACHABLE,
    stage=Stage.CONNECT,
    facts={"host": "h.test", "address": "me@h.test", "reason": "ENETUNREACH"},
)
NOTE = changed(check(Stage.CONNECT, UNREACHABLE, address="::1", family="ipv6"), is_advisory=True)
FAILURE = check(Stage.AUTH, REFUSED)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Plain(io.StringIO):
    encoding = "ascii"


def output(stdout: io.StringIO, **environ: str) -> Output:
    return Output(stdout=stdout, stderr=io.StringIO(), environ=environ)


def lines_of(stdout: io.StringIO, **environ: str) -> CheckLines:
    return CheckLines(SimpleNamespace(output=output(stdout, **environ)))


# -- in a few words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (ENDPOINT, "h.test:587  STARTTLS"),
        (Endpoint(host="::1", port=465, security=Security.IMPLICIT_TLS), "[::1]:465  SSL/TLS"),
        (Endpoint(host="localhost", port=25, security=Security.NONE), "localhost:25  not encrypted"),
        (
            Endpoint(
                host="h", port=1, security=Security.STARTTLS, pin=Fingerprint("a" * 64), authority="PEM"
            ),
            "h:1  STARTTLS, pinned certificate",
        ),
        (
            Endpoint(host="h", port=1, security=Security.STARTTLS, authority="PEM"),
            "h:1  STARTTLS, own authority",
        ),
    ],
    ids=["starttls", "ssl", "none", "pin", "authority"],
)
def test_an_endpoint_is_described_with_its_encryption_and_its_trust(endpoint, text):
    assert described(endpoint) == described(endpoint, ENGLISH) == text


def test_encryption_trust_and_yes_are_in_the_readers_language():
    german = Catalogue.load("de")
    own = Endpoint(host="h", port=1, security=Security.NONE, authority="PEM")

    assert described(own, german) == "h:1  unverschlüsselt, eigene Zertifizierungsstelle"
    assert told(check(Stage.IDLE, supported=True), german) == "ja"


def test_another_way_that_works_is_told_with_its_host_where_that_is_another():
    username = Remedy(protocol=Protocol.SMTP, endpoint=ENDPOINT, username="me")

    assert remedy_told("works", REMEDY, ENGLISH, hosts={"h.test"}) == "SMTP 465 (SSL/TLS) works"
    assert remedy_told("works", REMEDY, ENGLISH, hosts={"other.test"}) == "SMTP h.test:465 (SSL/TLS) works"
    assert remedy_told("works", username, ENGLISH, hosts={"h.test"}) == "The user name me works"


def test_each_encryption_has_a_name():
    assert [encryption_name(each, ENGLISH) for each in Security] == ["STARTTLS", "SSL/TLS", "not encrypted"]


@pytest.mark.parametrize(
    ("stage", "facts", "words"),
    [
        (Stage.RESOLVE, {"addresses": ("192.0.2.1", "::1", "192.0.2.2")}, ["A 192.0.2.1, 192.", "AAAA ::1"]),
        (Stage.RESOLVE, {}, []),
        (Stage.CONNECT, {"address": "192.0.2.1", "family": "ipv4"}, ["192.0.2.1"]),
        (
            Stage.TLS,
            {
                "version": "TLSv1.3", "not_after": "2026-12-31T00:00:00+00:00", "days_left": 80,
                "issuer": r"C=US,O=Let\, us,CN=R\,3", "names": ("a.test", "b.test"), "cipher": "AES",
            },
            ["2026-12-31", "80", "TLSv1.3", "Let, us", "a.test, b.test", "AES"],
        ),
        (Stage.TLS, {"version": "TLSv1.2", "cipher": "AES"}, ["TLSv1.2, AES"]),
        (Stage.GREETING, {"banner": "* OK [CAPABILITY IMAP4rev1] Dovecot ready."}, ["Dovecot ready."]),
        (
            Stage.CAPABILITIES,
            {"mechanisms": ("PLAIN", "LOGIN"), "capabilities": ("AUTH", "AUTH=PLAIN", "DSN", "SIZE")},
            ["PLAIN, LOGIN", "; DSN, SIZE"],
        ),
        (Stage.CAPABILITIES, {"mechanisms": ()}, [ENGLISH.label("no_mechanisms")]),
        (Stage.AUTH, {"username": "me", "mechanism": "PLAIN"}, ["me (PLAIN)"]),
        (Stage.SENDER, {"sender": "me@h.test"}, ["me@h.test"]),
        (Stage.RECIPIENT, {"recipient": "you@h.test"}, ["you@h.test"]),
        (Stage.SIZE, {"announced": True, "limit_bytes": 35_882_577}, ["35.9 MB"]),
        (Stage.SIZE, {"announced": True, "limit_bytes": 20_480}, ["20 kB"]),
        (Stage.SIZE, {"announced": True, "limit_bytes": 512}, ["512 bytes"]),
        (Stage.SIZE, {"announced": True, "limit_bytes": None}, ["–"]),
        (Stage.MAILBOX, {"folder": "INBOX", "messages": 3}, ["INBOX (3)"]),
        (Stage.IDLE, {"supported": False}, ["no"]),
        (Stage.IDLE, {"supported": True}, ["yes"]),
        (Stage.ARRIVAL, {"folder": "Junk", "spf": "pass", "dmarc": "fail"}, ["Junk  spf=pass dmarc=fail"]),
        (Stage.MX, {"hosts": ("mx.test",), "presets": ("ovh",)}, ["mx.test"]),
        (Stage.SPF, {"record": "v=spf1 -all", "lookups": 1}, ["v=spf1 -all"]),
        (Stage.MTA_STS, {"record": "v=STSv1", "mode": "enforce", "mx": ("mx.test",)}, ["enforce  mx.test"]),
        (Stage.MESSAGE, {"some_thing": "there", "more": 2, "none": None}, ["some thing there, more 2"]),
        (Stage.SENDER, {}, []),
    ],
)  # fmt: skip
def test_a_stage_that_holds_is_told_in_a_few_words(stage, facts, words):
    text = told(check(stage, **facts), ENGLISH)

    assert [word for word in words if word not in text] == []
    assert bool(text) == bool(words)


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_can_be_told_whatever_is_known(stage):
    facts = {"addresses": HOSTILE, "not_after": 5, "mechanisms": "x", "limit_bytes": "x", "banner": None}

    assert told(check(stage, **facts), ENGLISH).isprintable()


ISSUER = r"C=US,O=Let\, us,CN=R\,3"


@pytest.mark.parametrize(
    ("code", "facts", "text"),
    [
        ("connect-refused", {}, "h.test:587"),
        ("connect-timeout", {"reason": "EACCES"}, "h.test:587"),
        ("tls-certificate-unknown-issuer", {"issuer": ISSUER, "reason": "root-not-trusted"}, "Let, us"),
        ("tls-certificate-self-signed", {"issuer": "CN=own"}, "own"),
        ("tls-certificate-chain-incomplete", {"reason": "issuer-missing"}, ""),
        ("tls-certificate-wrong-host", {"names": ("a.test", "b.test")}, "a.test, b.test"),
        ("tls-certificate-expired", {"names": ("a.test",)}, "2099-01-01"),
        ("tls-certificate-not-yet-valid", {"not_before": "2098-01-01"}, "2098-01-01"),
        ("tls-certificate-invalid", {"reason": "revoked"}, "it was withdrawn"),
        ("tls-certificate-invalid", {"reason": "no-such-row"}, ""),
        ("tls-handshake-failed", {"reason": "no shared cipher"}, "no shared cipher"),
        ("reply-malformed", {"line": "hm"}, "hm"),
        ("connection-lost", {}, ""),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_what_belongs_to_its_code_never_with_the_account(code, facts, text):
    known = {"address": "shop@shop.test", "not_after": "2099-01-01", **facts}

    shown = told(check(Stage.TLS, Problem(code=ProblemCode(code), stage=Stage.TLS, facts=known)), ENGLISH)

    assert shown == f"{code}  {text}".rstrip()


def test_of_several_addresses_the_one_that_did_not_answer_is_told():
    assert told(NOTE, ENGLISH) == "connect-unreachable  ::1"


def test_what_a_server_says_is_told_on_one_safe_line():
    reply = ServerReply(535, "5.7.8", "No\r\n\x1b[2J" + "x" * 500)
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH, reply=reply)

    failed = told(check(Stage.AUTH, problem), ENGLISH, limit=110)
    held = told(check(Stage.GREETING, banner="hello\x1b]0;title\x07" + "y" * 500), ENGLISH, limit=110)

    assert failed.startswith("auth-rejected  535 5.7.8 No / \\x1b[2Jxxx")
    assert held.startswith("hello\\x1b]0;title\\x07yyy")
    for text in (failed, held):
        assert len(text) <= 110
        assert text.isprintable()


# -- which one matters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "mark"),
    [
        ((), Mark.OK),
        ((check(Stage.TLS),), Mark.OK),
        ((check(Stage.TLS), NOTE), Mark.NOTE),
        ((NOTE, FAILURE), Mark.FAILED),
        ((changed(FAILURE, remedy=REMEDY),), Mark.OK),
    ],
    ids=["nothing", "all hold", "a note", "a failure behind a note", "another way that fails"],
)
def test_the_worst_check_is_the_first_failure_or_else_the_first_note(checks, mark):
    assert mark_of(worst(checks)) is mark


def test_of_several_failures_the_first_one_matters():
    later = changed(FAILURE, protocol=Protocol.IMAP)

    assert worst((NOTE, FAILURE, later)) is FAILURE


# -- line by line ----------------------------------------------------------------------------------------


def test_each_chain_stands_below_a_heading_and_ends_with_its_time():
    stdout = Terminal()
    lines = lines_of(stdout, NO_COLOR="1", COLUMNS="80")

    for each in (check(Stage.RESOLVE, addresses=("192.0.2.1",)), NOTE, FAILURE):
        lines.show(each)
    lines.show(changed(check(Stage.CONNECT, address="192.0.2.1"), remedy=REMEDY, endpoint=REMEDY.endpoint))
    lines.show(
        Check(
            protocol=Protocol.DNS, stage=Stage.MX, elapsed=timedelta(), domain="d.test", facts={"hosts": ()}
        )
    )
    lines.close()
    lines.close()

    assert stdout.getvalue().splitlines() == [
        "SMTP  h.test:587  STARTTLS",
        "├─ ✓ ok      resolve          12 ms  A 192.0.2.1",
        "├─ ! note    connect          12 ms  connect-unreachable  ::1",
        "├─ ✗ failed  auth             12 ms  auth-rejected  535 5.7.8 No [bold]entry[/]",
        "└─ ✗ failed  total            37 ms",
        "Trying SMTP 465 (SSL/TLS): h.test",
        "├─ ✓ ok      connect          12 ms  192.0.2.1",
        "└─ ✓ ok      total            12 ms",
        "DNS  d.test",
        "├─ ✓ ok      mx                0 ms",
        "└─ ✓ ok      total             0 ms",
    ]


def test_where_no_lines_can_be_drawn_words_and_ascii_do():
    stdout = Plain()
    lines = lines_of(stdout)

    lines.show(check(Stage.GREETING, banner="naïve … 日本"))
    lines.show(FAILURE)
    lines.close()

    assert stdout.getvalue().isascii()
    assert stdout.getvalue().splitlines()[1:] == [
        "|- ok      greeting         12 ms  na\\xefve ... \\u65e5\\u672c",
        "|- failed  auth             12 ms  auth-rejected  535 5.7.8 No [bold]entry[/]",
        "`- failed  total            25 ms",
    ]


def test_the_form_of_the_user_name_that_is_tried_is_named():
    stdout = Terminal()
    remedy = Remedy(protocol=Protocol.SMTP, endpoint=ENDPOINT, username="me\x1b[2J")

    lines_of(stdout, NO_COLOR="1").show(changed(check(Stage.AUTH), remedy=remedy))

    assert "me\\x1b[2J: h.test" in stdout.getvalue().splitlines()[0]


def test_that_the_message_arrived_is_a_chain_of_its_own():
    stdout = Terminal()
    lines = lines_of(stdout, NO_COLOR="1")

    lines.show(changed(check(Stage.ARRIVAL, folder="INBOX"), protocol=Protocol.IMAP, endpoint=IMAP))
    lines.close()

    assert stdout.getvalue().splitlines()[1:] == ["└─ ✓ ok      arrival          12 ms  INBOX"]


def test_what_is_left_out_of_an_account_is_told():
    stdout = Terminal()
    lines = lines_of(stdout, NO_COLOR="1")
    account = Account(name="shop", address="me@h.test", smtp=ENDPOINT, username="me", imap=IMAP)
    offers = changed(check(Stage.CAPABILITIES, mechanisms=("PLAIN",)), protocol=Protocol.IMAP, endpoint=IMAP)

    lines.account(account)
    lines.show(offers)
    lines.end(account)
    lines.end(Account(name="shop", address="me@h.test", smtp=ENDPOINT, username="me"))

    shown = stdout.getvalue().splitlines()
    assert shown[0] == "me@h.test (shop)"
    assert shown[3] == "├─ left out  login: a refused password is not tried again"
    assert shown[4].startswith("└─ ✓ ok")
    assert shown[5].startswith("No IMAP server")


def test_with_json_nothing_is_shown_beside_the_document():
    stdout = Terminal()
    told_to = output(stdout)
    told_to.json = True
    lines = CheckLines(SimpleNamespace(output=told_to))
    account = Account(name="shop", address="me@h.test", smtp=ENDPOINT, username="me")

    lines.account(account)
    lines.show(FAILURE)
    lines.end(account)
    lines.summary((FAILURE,))
    waterfall(told_to, (FAILURE,))
    panel(told_to, REFUSED)

    assert stdout.getvalue() == ""


texts = st.text() | st.text("日本語😀e\u0301\u0928\u093f\x1b\u202e[]", max_size=300)


@given(
    text=texts,
    width=st.integers(20, 200),
    mark=st.sampled_from(Mark),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1"]),
    is_last=st.booleans(),
)
def test_no_line_is_wider_than_the_terminal_and_nothing_in_it_acts(text, width, mark, encoding, is_last):
    look = Look(encoding=encoding, colour=True, width=width)

    line = check_line(
        mark, "capabilities", timedelta(seconds=61), text, look=look, catalogue=ENGLISH, is_last=is_last
    )

    bare = ANSI.sub("", line)
    assert cells(bare) <= width
    assert bare.encode(encoding)
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & set(map(unicodedata.category, bare))


def test_a_megabyte_from_a_server_is_one_line():
    stdout = io.StringIO()
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH, reply=ServerReply(535, None, HOSTILE))

    lines = lines_of(stdout)
    lines.show(check(Stage.GREETING, banner=HOSTILE))
    lines.show(check(Stage.AUTH, problem))

    shown = stdout.getvalue().splitlines()
    assert len(shown) == 3
    assert all(len(line) <= 200 and line.isprintable() for line in shown)


@pytest.mark.parametrize(
    ("stdout", "environ", "is_coloured"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
        (io.StringIO, {"FORCE_COLOR": "1"}, True),
    ],
    ids=["terminal", "NO_COLOR", "dumb", "file", "FORCE_COLOR"],
)
def test_colour_is_shown_where_it_is_wanted_in_lines_bars_and_frames(stdout, environ, is_coloured):
    stream = stdout()
    lines = lines_of(stream, **environ)

    lines.show(FAILURE)
    lines.summary((FAILURE,))

    assert ("\x1b[" in stream.getvalue()) is is_coloured
    assert ("\x1b[1;31m✗ failed" in stream.getvalue()) is is_coloured


# -- the waterfall ---------------------------------------------------------------------------------------


def timed(*milliseconds: float) -> tuple[Check, ...]:
    return tuple(changed(check(Stage.TLS), elapsed=timedelta(milliseconds=each)) for each in milliseconds)


def test_each_bar_begins_where_the_one_before_ends():
    look = Look(width=46)

    shown = waterfall_lines(timed(100, 50, 0, 50), look=look, catalogue=ENGLISH)

    assert shown[1:] == (
        "SMTP tls           ████████             100 ms",
        "SMTP tls                   ████          50 ms",
        "SMTP tls                       ▏          0 ms",
        "SMTP tls                       ████      50 ms",
        "total                                   200 ms",
    )


def test_a_bar_of_another_way_has_its_port_in_its_label():
    tried = changed(check(Stage.CAPABILITIES), remedy=REMEDY)

    shown = waterfall_lines((check(Stage.TLS), tried), look=Look(width=80), catalogue=ENGLISH)

    assert shown[1].startswith("SMTP tls  ")
    assert shown[2].startswith("SMTP 465 capabilities ")
    assert {cells(line) for line in shown[1:]} == {80}


def test_without_blocks_bars_are_drawn_in_ascii():
    shown = waterfall_lines(timed(100, 100), look=Look(encoding="ascii", width=46), catalogue=ENGLISH)

    assert shown[1:3] == (
        "SMTP tls           ########             100 ms",
        "SMTP tls                   ########     100 ms",
    )


def test_a_waterfall_of_nothing_is_nothing():
    stdout = io.StringIO()

    waterfall(output(stdout), ())

    assert stdout.getvalue() == ""


@given(
    milliseconds=st.lists(st.floats(-1, 1e6), min_size=1, max_size=30),
    width=st.integers(20, 200),
    encoding=st.sampled_from(["utf-8", "ascii"]),
)
def test_bars_fill_the_time_and_stay_within_their_room(milliseconds, width, encoding):
    checks = timed(*milliseconds)

    shown = waterfall_lines(checks, look=Look(width=width, encoding=encoding), catalogue=ENGLISH)

    bars = bars_of(checks)
    assert len(shown) == len(checks) + 2
    assert all(len(line) <= max(width, 31) for line in shown)
    assert all(0 <= bar.start <= 1 and 0 <= bar.share <= 1.0001 for bar in bars)
    assert [bar.start for bar in bars] == sorted(bar.start for bar in bars)
    assert all(re.search("[#▏▎▍▌▋▊▉█]", line) for line in shown[1:-1])


# -- a problem in full -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stdout", [Terminal, io.StringIO], ids=["terminal", "file"])
def test_a_problem_in_full_has_its_words_cause_fix_and_page(stdout):
    stream = stdout()

    panel(output(stream, NO_COLOR="1"), REFUSED)

    shown = " ".join(stream.getvalue().replace("│", " ").split())
    words = ENGLISH.sentence(REFUSED)
    for text in (
        "failed", "auth-rejected", words.title, words.fix, ENGLISH.cause(REFUSED),
        "535 5.7.8 No [bold]entry[/]", "https://help.test/passwords", "fluenzr guide auth-failed",
    ):  # fmt: skip
        assert " ".join(text.split()) in shown


def test_a_note_is_told_without_its_cause():
    stream = io.StringIO()

    panel(output(stream), UNREACHABLE, is_advisory=True)

    assert stream.getvalue().startswith("note: ")
    assert ENGLISH.cause(UNREACHABLE) not in stream.getvalue()
    assert ENGLISH.sentence(UNREACHABLE).fix in stream.getvalue()


@pytest.mark.parametrize(
    "page", ["http://help.test/", "javascript:alert(1)", "https://a b", "https://x\x1b[2J", ""]
)
def test_only_an_https_address_is_shown_as_the_providers_page(page):
    stream = io.StringIO()
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH)

    panel(output(stream), problem, page=page)

    assert ENGLISH.label("page") not in stream.getvalue()


@given(
    text=texts,
    width=st.integers(30, 200),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1"]),
    is_terminal=st.booleans(),
)
def test_a_frame_is_as_wide_as_the_terminal_and_takes_server_text_literally(
    text, width, encoding, is_terminal
):
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH, reply=ServerReply(535, None, text))
    look = Look(width=width, encoding=encoding, is_terminal=is_terminal)

    lines = panel_lines(problem, mark=Mark.FAILED, look=look, catalogue=ENGLISH)

    assert all(line.encode(encoding, "backslashreplace") for line in lines)
    for line in lines:
        assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & set(map(unicodedata.category, line))
        assert not lines[0].startswith(("╭", "+")) or cell_len(line) <= width


@pytest.mark.parametrize("text", ["\u0928\u093f\u091c\u0940", "\u0e17\u0e35\u0e48"], ids=["Hindi", "Thai"])
def test_where_letters_combine_no_frame_is_drawn(text):
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH, reply=ServerReply(535, None, text))
    look = Look(width=60, is_terminal=True, colour=True)

    lines = panel_lines(problem, mark=Mark.FAILED, look=look, catalogue=ENGLISH)

    bare = [ANSI.sub("", line) for line in lines]
    assert not set("╭│╰") & set("".join(bare))
    assert bare[0].startswith("failed: ")
    assert f"  Server: 535 {text}" in bare
    assert max(map(cells, bare)) <= 60
    assert lines[0].startswith("\x1b[1;31mfailed:\x1b[0m ")


@pytest.mark.parametrize(("language", "is_framed"), [("hi", False), ("ja", True), ("fr", True), ("en", True)])
def test_a_frame_is_drawn_in_the_languages_that_it_fits(language, is_framed):
    look = Look(width=60, is_terminal=True)

    lines = panel_lines(REFUSED, mark=Mark.FAILED, look=look, catalogue=Catalogue.load(language))

    assert lines[0].startswith("╭") is is_framed


def test_a_frame_of_a_megabyte_is_bounded():
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH, reply=ServerReply(535, None, HOSTILE))

    lines = panel_lines(problem, mark=Mark.FAILED, look=Look(width=80, is_terminal=True), catalogue=ENGLISH)

    assert len(lines) < 60
    assert all(cells(line) == 80 for line in lines)


def test_problems_are_told_failures_first_and_the_same_one_once():
    stream = io.StringIO()
    other_way = changed(FAILURE, remedy=REMEDY, problem=UNREACHABLE)

    panels(output(stream), (check(Stage.TLS), NOTE, FAILURE, changed(FAILURE, endpoint=IMAP), other_way))

    assert re.findall(r"^(\w+): .*\[(.*)\]$", stream.getvalue(), re.MULTILINE) == [
        ("failed", "auth-rejected"),
        ("note", "connect-unreachable"),
    ]


# -- records ---------------------------------------------------------------------------------------------


def test_a_record_has_what_a_script_wants():
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH)

    (record,) = check_records([check(Stage.AUTH, problem, username="me")])

    assert record == {
        "protocol": "smtp", "stage": "auth", "host": "h.test", "port": 587, "domain": None, "ok": False,
        "advisory": False, "elapsed_ms": 12.3, "facts": {"username": "me"}, "problem": problem,
        "remedy": None,
    }  # fmt: skip


def test_a_record_of_a_domain_has_no_server():
    found = Check(
        protocol=Protocol.DNS, stage=Stage.SPF, elapsed=timedelta(), domain="d.test", is_advisory=True
    )

    (record,) = check_records([found])

    assert (record["host"], record["port"], record["domain"]) == (None, None, "d.test")
    assert (record["advisory"], record["ok"]) == (True, True)


def test_a_record_names_the_other_way_that_was_tried():
    (record,) = check_records([changed(check(Stage.TLS), remedy=REMEDY)])

    assert record["remedy"] == {
        "protocol": "smtp", "host": "h.test", "port": 465, "encryption": "ssl", "username": None,
    }  # fmt: skip
