"""``fluenzr guide``: topics, codes and pasted replies explained, to people and to scripts."""

from __future__ import annotations

import pytest

from fluenzr_smtp.messages import Catalogue, available
from fluenzr_smtp.messages.outline import GROUPS
from fluenzr_smtp.problems import MEANINGS, TOPICS, ProblemCode, Retry
from tests.cli.program import Program

WRONG_PASSWORD = "535 5.7.8 Error: authentication failed"
ENGLISH = Catalogue.load("en")


def data(program: Program, *arguments: str, stdin: str = "") -> dict:
    ended = program.call("guide", *arguments, "--json", stdin=stdin)
    assert ended.status == 0, ended.out
    return ended.data


# -- the list --------------------------------------------------------------------------------------------


def test_without_a_word_every_topic_is_listed_in_its_group(program: Program):
    ended = program.call("guide")

    assert ended.status == 0
    for group, topics in GROUPS.items():
        part = ended.out.split(f"{ENGLISH.group(group)}\n")[1].partition("\n\n")[0]
        listed = [line.split()[0] for line in part.splitlines()]
        assert listed == list(topics)
    assert "fluenzr guide TOPIC" in ended.out


def test_the_list_is_complete_in_json(program: Program):
    found = data(program)

    assert {each["topic"] for each in found["topics"]} == set(TOPICS)
    assert {code for each in found["topics"] for code in each["codes"]} == {code.value for code in MEANINGS}
    assert (found["topic"], found["code"], found["title"], found["steps"]) == (None, None, "", [])


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize(
    "words", [(), ("auth-failed",), ("greylisted",), ("tls-certificate-changed",), (WRONG_PASSWORD,)]
)
def test_what_is_shown_fits_the_terminal(program: Program, columns, words):
    ended = program.with_variables(COLUMNS=str(columns)).call("guide", *words)

    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) <= columns


# -- topics and codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_explained(program: Program, topic):
    found = data(program, topic)

    section = ENGLISH.section(topic)
    assert found["topic"] == topic
    assert found["steps"] == list(section.steps)
    assert [each["code"] for each in found["codes"]] == [
        code for code in ProblemCode if MEANINGS[code].topic == topic
    ]
    assert found["reply"] is found["stage"] is None


@pytest.mark.parametrize("code", list(ProblemCode), ids=str)
def test_every_code_is_explained(program: Program, code):
    found = data(program, code.value)

    retry = MEANINGS[code].retry
    assert (found["code"], found["topic"]) == (code.value, MEANINGS[code].topic)
    assert (found["exit_status"], found["retry"]) == (int(MEANINGS[code].exit_status), retry)
    assert found["transient"] is {Retry.LATER: True, Retry.NEVER: False, Retry.BY_REPLY: None}[retry]
    assert found["title"]
    assert found["cause"]


def test_a_person_reads_a_topic_with_its_steps_and_codes(program: Program):
    ended = program.call("guide", "auth-failed")

    section = ENGLISH.section("auth-failed")
    assert ended.out.splitlines()[0] == section.title
    assert f"Cause\n  {section.cause}\n" in ended.out
    assert f"What to do\n  1. {section.steps[0]}\n  2. {section.steps[1]}\n" in ended.out
    assert "\n  auth-rejected-maybe-region  " in ended.out
    assert ended.err == ""


def test_a_person_reads_a_code_with_its_own_answer_and_where_there_is_more(program: Program):
    ended = program.call("guide", "auth-rejected")

    for part in ("What to do\n  Check both: ", "'fluenzr guide auth-failed'", "exit status  77"):
        assert part in ended.out
    assert "  1. " not in ended.out


def test_a_code_with_the_name_of_its_topic_is_both(program: Program):
    found, ended = data(program, "greylisted"), program.call("guide", "greylisted")

    assert (found["topic"], found["code"]) == ("greylisted", "greylisted")
    assert ENGLISH.section("greylisted").steps[0] in ended.out


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        (("AUTH-FAILED",), "auth-failed"),
        (("app_password_required",), "app-password-required"),
        (("connection refused",), "connection-refused"),
        (("connection", "refused"), "connection-refused"),
        ((" timeout ",), "timeout"),
    ],
)
def test_a_name_may_be_written_in_other_ways(program: Program, words, topic):
    assert data(program, *words)["topic"] == topic


@pytest.mark.parametrize(
    ("word", "near"),
    [("auth-faild", "auth-failed"), ("greylist", "greylisted"), ("oauth", "oauth-required"), ("xyzzy", "")],
)
def test_a_word_that_is_nothing_is_refused_with_what_may_be_meant(program: Program, word, near):
    ended = program.call("guide", word, "--json")

    assert ended.status == 64
    assert ended.codes == ["guide-unknown"]
    assert ("Did you mean " in ended.document["problems"][0]["fix"]) is bool(near)
    assert near in ended.document["problems"][0]["fix"]


@pytest.mark.parametrize(
    "given", [("guide", ""), ("guide", "-"), ("guide", "   ")], ids=["", "stdin", "blanks"]
)
def test_nothing_to_explain_is_refused(program: Program, given):
    assert program.call(*given).status == 64


# -- replies ---------------------------------------------------------------------------------------------


def test_a_pasted_reply_is_explained(program: Program):
    found = data(program, WRONG_PASSWORD, "--stage", "auth")

    assert (found["code"], found["topic"], found["stage"]) == ("auth-rejected", "auth-failed", "auth")
    assert (found["transient"], found["retry"], found["exit_status"]) == (False, "never", 77)
    assert found["reply"] == {"code": 535, "enhanced": "5.7.8", "text": "Error: authentication failed"}
    assert found["steps"] == list(ENGLISH.section("auth-failed").steps)


def test_a_reply_may_come_in_several_words_or_by_standard_input(program: Program):
    whole = data(program, WRONG_PASSWORD)

    assert data(program, *WRONG_PASSWORD.split()) == whole
    assert data(program, "-", stdin=f"{WRONG_PASSWORD}\r\n") == whole


def test_whether_to_try_again_follows_the_reply(program: Program):
    later, never = (data(program, f"{code} Recipient refused", "--stage", "recipient") for code in (450, 550))

    assert (later["transient"], later["exit_status"]) == (True, 75)
    assert never["transient"] is False


def test_a_person_reads_the_reply_its_meaning_and_every_step(program: Program):
    ended = program.call("guide", WRONG_PASSWORD)

    assert f"server: {WRONG_PASSWORD}\n" in ended.out
    assert ENGLISH.section("auth-failed").steps[0] in ended.out
    assert "auth-rejected" in ended.out


def test_the_preset_gives_its_page_and_its_hint(program: Program):
    ended = program.call("guide", "534 5.7.9 Application-specific password required", "--preset", "gmail")
    found = data(program, "app-password-required", "--preset", "gmail")

    preset = program.call("presets", "show", "gmail", "--json").data["preset"]
    assert found["page"].startswith("https://")
    assert found["page"] in found["fix"] + " ".join(found["steps"])
    assert found["page"] in ended.out
    assert found["hint"] == preset["hint"]
    assert ended.err == ""


def test_the_preset_may_change_what_a_reply_means(program: Program):
    plain, zoho = (
        data(program, "535 Authentication Failed", "--stage", "auth", *preset)["code"]
        for preset in ((), ("--preset", "zoho"))
    )

    assert (plain, zoho) == ("auth-rejected", "auth-rejected-maybe-region")


def test_an_unknown_preset_is_noted_and_the_reply_explained_without_it(program: Program):
    ended = program.call("guide", WRONG_PASSWORD, "--preset", "no-such-provider")

    assert ended.status == 0
    assert "There is no preset 'no-such-provider'" in ended.err
    assert "auth-rejected" in ended.out


def test_the_software_of_a_server_is_no_unknown_preset(program: Program):
    assert program.call("guide", WRONG_PASSWORD, "--preset", "postfix").err == ""


def test_an_unknown_stage_is_refused_with_those_there_are(program: Program):
    ended = program.call("guide", WRONG_PASSWORD, "--stage", "lunch", "--json")

    assert (ended.status, ended.codes) == (64, ["usage-invalid"])
    assert "auth" in ended.document["problems"][0]["title"]


@pytest.mark.parametrize(
    "text",
    [
        "550 \x1b[31mred\x1b]0;title\x07 \u202ehidden [bold]markup[/bold]",
        "421 " + "x" * 1_000_000,
        "550 \udcff\udcfe 5",
        "550 \x00 1",
    ],
    ids=["escapes", "endless", "surrogates", "NUL"],
)
def test_any_text_is_explained_and_shown_safely(program: Program, text):
    people, script = program.call("guide", text), program.call("guide", text, "--json")

    assert (people.status, script.status) == (0, 0)
    assert script.data["topic"] in TOPICS
    assert not {"\x1b", "\u202e", "\x07", "\x00"} & set(people.out + people.err)
    assert len(people.out) < 20_000


@pytest.mark.parametrize(
    "text",
    [
        "999",
        "Lucky day",
        "999 no such code",
        "5" * 5000,
        "\x00 1",
        "\udcff\udcfe 5",
        "\x1b[31m Lucky \u202e day",
    ],
    ids=["number", "words", "code beyond", "digits", "NUL", "surrogates", "escapes"],
)
def test_what_is_no_reply_at_all_is_refused(program: Program, text):
    people, script = program.call("guide", text), program.call("guide", text, "--json")

    assert (people.status, script.status, script.codes) == (64, 64, ["guide-unknown"])
    assert not {"\x1b", "\u202e", "\x00"} & set(people.out + people.err)
    assert len(people.err) < 2000


_LOGGED = (
    "Nov 22 10:00:00 mx postfix/smtp[1]: 4AB: to=<you@example.org>, relay=mx.test[192.0.2.1]:25, dsn=2.0.0, "
)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("250 2.0.0 Ok: queued", (250, "2.0.0", "Ok: queued")),
        ("250-mx.test\n250-SIZE 535\n250 AUTH PLAIN", (250, None, "mx.test\nSIZE 535\nAUTH PLAIN")),
        ("250 2.0.0 Ok: queued 523 bytes", (250, "2.0.0", "Ok: queued 523 bytes")),
        ("354 End data", (354, None, "End data")),
        ("235", (235, None, "")),
        ("a1 OK LOGIN completed", (None, None, "a1 OK LOGIN completed")),
        (
            "* 3 EXISTS\n* OK [UIDNEXT 4] ready\na2 OK done",
            (None, None, "* 3 EXISTS\n* OK [UIDNEXT 4] ready\na2 OK done"),
        ),
        (f"{_LOGGED}status=sent (250 2.0.0 Ok: queued as 5CD)", (250, "2.0.0", "Ok: queued as 5CD")),
        (f"{_LOGGED}status=sent (delivered to mailbox)", (None, None, "delivered to mailbox")),
    ],
    ids=["smtp", "lines", "digits", "data", "bare", "imap", "imap lines", "postfix", "local"],
)
def test_a_reply_that_says_yes_is_no_problem(program: Program, text, reply):
    found, people = data(program, text), program.call("guide", text)

    assert found["title"] == "The server accepted this: nothing is wrong"
    assert [found[name] for name in ("topic", "code", "transient", "retry", "exit_status")] == [None] * 5
    assert (found["steps"], found["codes"], found["fix"]) == ([], [], "")
    assert tuple(found["reply"].values()) == reply
    assert people.status == 0
    assert people.out.splitlines()[0] == found["title"]


@pytest.mark.parametrize(
    "text",
    [
        "220 mx.test\n535 5.7.8 Authentication failed",
        "* OK ready\na1 NO [AUTHENTICATIONFAILED] no",
        f"{_LOGGED}status=sent (250 Ok)\n{_LOGGED}status=bounced (host mx.test said: 550 5.1.1 unknown user)",
    ],
    ids=["smtp", "imap", "postfix"],
)
def test_a_dialogue_that_ends_in_a_refusal_is_explained(program: Program, text):
    assert data(program, text)["code"]


def test_of_what_is_piped_in_only_the_beginning_is_looked_at(program: Program):
    pasted = b"535 5.7.8 Authentication failed\n" + b"x y " * 1_000_000

    people, script = (
        program.call("guide", "-", stdin=pasted),
        program.call("guide", "-", "--json", stdin=pasted),
    )

    assert script.data["code"] == "auth-rejected"
    assert ENGLISH.label("reply_cut", limit=65_536) in people.err


def test_bytes_that_are_no_text_are_explained(program: Program):
    ended = program.call("guide", "-", "--json", stdin=b"535 5.7.8 \xff\xfe failed")

    assert ended.data["reply"]["code"] == 535


# -- languages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", available())
def test_the_guide_speaks_the_language_that_is_asked_for(program: Program, language):
    by_option = data(program, "send-limit", "--lang", language)
    by_variable = data(program.with_variables(FLUENZR_LANG=language), "send-limit")

    assert by_option["title"] == Catalogue.load(language).section("send-limit").title
    assert by_variable == by_option


def test_reply_that_google_has_signed_proposes_its_sign_in(program):
    reply = "535-5.7.8 Username and Password not accepted. 535 5.7.8 https://support.google.com/mail - gsmtp"

    assert "sign in at Google" in program.call("guide", reply, "--lang", "en").out
    assert "sign in at" not in program.call("guide", "535 5.7.8 Password not accepted", "--lang", "en").out
