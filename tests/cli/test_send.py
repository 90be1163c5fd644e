"""``fluenzr send``: through the real servers, and against servers that misbehave."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM, Program, environment_account
from tests.servers.mailhost import MailHost
from tests.servers.postfix import GREYLISTED
from tests.servers.scripted import (
    Answer,
    Close,
    Connection,
    ScriptedServer,
    Send,
    Silence,
    submission_script,
)

MINIMAL = ("send", "--to", "you@example.org", "--body", "It works.")
RAW = (
    b"From: Somebody <shop@shop.test>\r\nTo: you@example.org\r\nBcc: hidden@example.org\r\n"
    b"Subject: Ready made\r\nMessage-ID: <ready@shop.test>\r\n\r\nAs it is.\r\n"
)


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=modern)
    assert isinstance(message, EmailMessage)
    return message


def to_scripted(program: Program, server: ScriptedServer, **more: str) -> Program:
    return program.with_variables(**environment_account(server.port, **more))


def sent_to_scripted(program: Program, *arguments: str, stdin: bytes | str = b"") -> Connection:
    with ScriptedServer(submission_script()) as server:
        ended = to_scripted(program, server).call("send", *arguments, stdin=stdin)
        connection = server.finished_connection()
    assert ended.status == 0, ended.err
    return connection


def the_message(program: Program, *arguments: str, stdin: bytes | str = b"") -> EmailMessage:
    (content,) = sent_to_scripted(program, *arguments, stdin=stdin).messages
    return parsed(content)


# -- through the real servers ----------------------------------------------------------------------------


def test_subject_text_and_attachment_arrive_as_they_were_given(shop: Program, mailhost: MailHost):
    pdf = shop.home / "Rechnung März.pdf"
    pdf.write_bytes(bytes(range(256)) * 40)

    ended = shop.run(
        "send", "--to", "Zoë <shop@shop.test>", "--subject", "Grüße, 猫: 100 €", "--attach", str(pdf),
        "--json",
        stdin="Liebe Zoë,\n.\nFrom hier an: ein Punkt stand allein.\n",
    )  # fmt: skip

    assert ended.status == 0
    message = parsed(mailhost.wait_for_message("shop@shop.test", ended.data["message_id"]))
    text, attachment = message.get_body(("plain",)), next(message.iter_attachments())
    assert message["Subject"] == "Grüße, 猫: 100 €"
    assert str(message["From"]) == "The Shop <shop@shop.test>"
    assert str(message["To"]) == "Zoë <shop@shop.test>"
    assert text is not None
    assert text.get_content() == "Liebe Zoë,\n.\nFrom hier an: ein Punkt stand allein.\n"
    assert (attachment.get_filename(), attachment.get_content()) == ("Rechnung März.pdf", pdf.read_bytes())
    assert message["Date"].datetime.tzinfo is not None
    assert message["Message-ID"].endswith("@shop.test>")


def test_blind_copies_reach_everybody_and_are_seen_by_nobody(shop: Program, mailhost: MailHost):
    ended = shop.run(
        "send", "--to", "shop@shop.test", "--cc", "second@shop.test", "--bcc", "international@shop.test",
        "--bcc", "SHOP@shop.test", "--subject", "copies", "--body", "x", "--json",
    )  # fmt: skip

    outcomes = [(each["recipient"], each["outcome"]) for each in ended.data["recipients"]]
    assert outcomes == [
        ("shop@shop.test", "accepted"),
        ("second@shop.test", "accepted"),
        ("international@shop.test", "accepted"),
    ]
    for recipient, _ in outcomes:
        delivered = mailhost.wait_for_message(recipient, ended.data["message_id"])
        header = delivered.split(b"\n\n", 1)[0].split(b"Date:", 1)[1]  # above it stands the server's own
        assert b"bcc" not in header.lower()
        assert b"international" not in header


def test_people_are_told_in_one_line(shop: Program):
    ended = shop.run("send", "--to", "shop@shop.test", "--body", "x", "--subject", "one line")

    (line,) = ended.out.splitlines()
    for part in ("shop@shop.test -> shop@shop.test", "@shop.test>", "250 2.0.0"):
        assert part in line
    assert (ended.status, ended.err) == (0, "")


def test_cron_is_told_nothing(shop: Program):
    ended = shop.run("send", "--to", "shop@shop.test", "--body", "x", "--quiet")

    assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_an_international_address_goes_where_smtputf8_is_offered(shop: Program):
    ended = shop.run("send", "--to", "josé@elsewhere.test", "--body", "x", "--json")

    assert (ended.status, ended.data["recipients"][0]["recipient"]) == (0, "josé@elsewhere.test")


@pytest.mark.parametrize(
    ("recipients", "status", "codes", "outcomes"),
    [
        (
            ("shop@shop.test", "nobody@shop.test"),
            80,
            ["recipients-partly-refused", "recipient-refused"],
            ["accepted", "rejected"],
        ),
        (("nobody@shop.test",), 67, ["recipient-refused"], ["rejected"]),
        ((GREYLISTED,), 75, ["greylisted"], ["deferred"]),
        (("nobody@shop.test", GREYLISTED), 75, ["greylisted", "recipient-refused"], ["rejected", "deferred"]),
        (("somebody@nowhere.test",), 67, ["relay-denied"], ["rejected"]),
    ],
    ids=["partly refused", "all refused", "greylisted", "refused and greylisted", "relay denied"],
)
def test_each_recipient_has_an_outcome_of_its_own(shop: Program, recipients, status, codes, outcomes):
    options = [option for each in recipients for option in ("--to", each)]

    ended = shop.run("send", *options, "--body", "x", "--json")

    assert (ended.status, ended.codes) == (status, codes)
    assert [each["outcome"] for each in ended.data["recipients"]] == outcomes


def test_a_partial_refusal_names_each_refused_recipient_to_people(shop: Program):
    ended = shop.run("send", "--to", "shop@shop.test", "--to", "nobody@shop.test", "--body", "x")

    assert ended.status == 80
    assert "shop@shop.test -> shop@shop.test" in ended.out
    assert "nobody" not in ended.out
    assert "rejected: nobody@shop.test  550 5.1.1" in ended.err
    assert "[recipients-partly-refused]" in ended.err


def test_a_sender_that_is_not_ones_own_is_refused(program: Program, mailhost: MailHost):
    program = program.with_variables(
        FLUENZR_SMTP_URL=f"smtps://shop%40shop.test@localhost:{mailhost.smtps_port}",
        FLUENZR_ADDRESS="second@shop.test",
        FLUENZR_PASSWORD=mailhost.shop.secret,
        FLUENZR_CA_FILE=str(mailhost.ca_file),
    )

    ended = program.run(*MINIMAL, "--json")

    assert (ended.status, ended.codes) == (69, ["sender-refused"])


# -- what is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "stdin"),
    [
        (("--body", "Grüße\nzwei"), ""),
        (("--body-file", "FILE"), ""),
        (("--body-file", "-"), "Grüße\nzwei"),
        ((), "\ufeffGrüße\r\nzwei"),
    ],
    ids=["argument", "file", "dash", "stdin"],
)
def test_the_text_comes_from_wherever_it_is(program: Program, options, stdin):
    file = program.home / "letter.txt"
    file.write_text("Grüße\nzwei", "utf-8")

    message = the_message(
        program, "--to", "you@example.org", *(str(file) if each == "FILE" else each for each in options),
        stdin=stdin,
    )  # fmt: skip

    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == ["Grüße", "zwei"]


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (("--html", "<p>é</p>"), ["text/html"]),
        (("--html-file", "FILE"), ["text/html"]),
        (("--html", "<p>é</p>", "--body", "é"), ["multipart/alternative", "text/plain", "text/html"]),
    ],
    ids=["alone", "file", "with text"],
)
def test_html_stands_alone_or_beside_a_text(program: Program, options, kinds):
    file = program.home / "page.html"
    file.write_text("<p>é</p>", "utf-8")

    message = the_message(
        program, "--to", "you@example.org", *(str(file) if each == "FILE" else each for each in options)
    )

    assert [part.get_content_type() for part in message.walk()] == kinds
    html = message.get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<p>é</p>"


def test_headers_names_and_reply_addresses_are_taken_over(program: Program):
    message = the_message(
        program, "--to", "Last, First <a@example.org>".replace("Last, First", '"Last, First"'), "--body", "x",
        "--from-name", "Ünï", "--reply-to", "answers@shop.test", "--header", "X-Order: 42 é",
        "--header", "Auto-Submitted: auto-generated",
    )  # fmt: skip

    assert str(message["To"]) == '"Last, First" <a@example.org>'
    assert str(message["From"]) == "Ünï <shop@shop.test>"
    assert str(message["Reply-To"]) == "answers@shop.test"
    assert message["X-Order"] == "42 é"
    assert message["Auto-Submitted"] == "auto-generated"


def test_standard_input_can_be_an_attachment(program: Program):
    message = the_message(program, "--to", "you@example.org", "--body", "x", "--attach", "-", stdin=b"\0\xff")

    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("attachment", b"\0\xff")


@pytest.mark.parametrize(
    "options",
    [
        ("--attach", "-"),
        ("--attach", "-", "--body-file", "-"),
        ("--attach", "-", "--attach", "-", "--body", "x"),
        ("--html-file", "-", "--body-file", "-"),
    ],
    ids=" ".join,
)
def test_standard_input_is_read_for_one_thing_only(program: Program, options):
    ended = program.call("send", "--to", "you@example.org", *options, "--json", stdin="once")

    assert (ended.status, ended.codes) == (64, ["usage-invalid"])
    assert "standard input" in ended.document["problems"][0]["title"]


def test_an_empty_standard_input_is_an_empty_message(program: Program):
    assert (
        the_message(program, "--to", "you@example.org", "--subject", "only this").get_content().strip() == ""
    )


@pytest.mark.parametrize(
    ("options", "stdin", "recipients"),
    [
        (("--raw", "FILE", "--to", "one@example.org"), b"", ["one@example.org"]),
        (("--raw", "-", "--to", "one@example.org"), RAW, ["one@example.org"]),
        (("-t",), RAW, ["you@example.org", "hidden@example.org"]),
        (("-t", "--raw", "FILE", "--to", "more@example.org"), b"",
         ["you@example.org", "hidden@example.org", "more@example.org"]),
    ],
    ids=["file", "stdin", "recipients of the header", "and more"],
)  # fmt: skip
def test_a_ready_made_message_goes_as_it_is_without_its_blind_copies(
    program: Program, options, stdin, recipients
):
    file = program.home / "message.eml"
    file.write_bytes(RAW)

    connection = sent_to_scripted(
        program, *(str(file) if each == "FILE" else each for each in options), stdin=stdin
    )

    named = [line.partition(b"<")[2].rstrip(b">").decode() for line in connection.commands if b"RCPT" in line]
    (content,) = connection.messages
    kept = RAW.replace(b"Bcc: hidden@example.org\r\n", b"")
    assert named == recipients
    assert parsed(content).items()[:4] == parsed(kept).items()
    assert content.endswith(b"\r\n\r\nAs it is.\r\n")
    assert b"hidden" not in content


# -- servers that misbehave ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "capabilities", "arguments", "status", "code"),
    [
        ({}, ("SIZE 100",), MINIMAL, 69, "message-too-big"),
        ({}, ("8BITMIME",), ("send", "--to", "josé@example.org", "--body", "x"), 65, "smtputf8-not-offered"),
        ({"MAIL": b"550 5.7.1 Not you"}, (), MINIMAL, 69, "sender-refused"),
        ({"MAIL": b"451 4.3.0 Later"}, (), MINIMAL, 75, "server-fault"),
        ({".": b"554 5.7.1 Looks like spam"}, (), MINIMAL, 69, "spam-refused"),
        ({".": b"452 4.3.1 Insufficient storage"}, (), MINIMAL, 75, "server-fault"),
        ({".": Close()}, (), MINIMAL, 81, "outbox-in-doubt"),
        ({".": (Send(b"250 2.0"), Close())}, (), MINIMAL, 81, "outbox-in-doubt"),
        ({"DATA": Close()}, (), MINIMAL, 75, "connection-lost"),
        ({"AUTH": b"535 5.7.8 No"}, (), MINIMAL, 77, "auth-rejected"),
        ({"AUTH": b"454 4.7.0 Later"}, (), MINIMAL, 75, "auth-unavailable"),
        ({"GREETING": b"SSH-2.0-OpenSSH_9.9"}, (), MINIMAL, 76, "not-a-mail-server"),
        ({"EHLO": Silence()}, (), (*MINIMAL, "--timeout", "1"), 75, "reply-timeout"),
    ],
    ids=[
        "too big", "no SMTPUTF8", "sender refused", "sender deferred", "spam", "storage",
        "lost after the dot",
        "half a reply after the dot", "lost before the dot", "wrong password", "login later", "SSH", "silent",
    ],
)  # fmt: skip
def test_what_a_server_does_has_a_status_and_a_code(
    program: Program, overrides: dict[str, Answer], capabilities, arguments, status, code
):
    script = submission_script(overrides=overrides, capabilities=capabilities)
    with ScriptedServer(script) as server:
        ended = to_scripted(program, server).call(*arguments, "--json")

    assert (ended.status, ended.codes) == (status, [code])
    assert len(server.connections) == 1
    assert sum(line.startswith(b"AUTH") for line in server.connections[0].commands) <= 1


def test_a_doubtful_message_is_told_with_its_id_and_that_it_must_not_be_repeated(program: Program):
    with ScriptedServer(submission_script(overrides={".": Close()})) as server:
        ended = to_scripted(program, server).run(*MINIMAL)

    (content,) = server.connections[0].messages
    assert (ended.status, ended.out) == (81, "")
    assert "[outbox-in-doubt]" in ended.err
    assert server.connections[0].messages
    assert str(parsed(content)["Message-ID"]) in ended.err


def test_server_text_with_controls_and_markup_is_made_safe(program: Program):
    reply = b"250 2.0.0 \x1b]0;title\x07[bold red]\xe2\x80\xaeqed\xff"
    with ScriptedServer(submission_script(overrides={".": reply})) as server:
        ended = to_scripted(program, server).run(*MINIMAL)

    assert ended.status == 0
    assert ended.out.rstrip("\n").isprintable()
    assert "\\x1b]0;title\\x07[bold red]\\u202eqed" in ended.out


def test_plain_text_to_this_machine_is_mentioned_each_time(program: Program):
    with ScriptedServer(submission_script()) as server:
        ended = to_scripted(program, server).run(*MINIMAL)

    assert f"Not encrypted: 127.0.0.1:{server.port} is this machine." in ended.err


def test_ctrl_c_while_the_server_is_silent_is_130(program: Program):
    arrived = threading.Event()

    class Announced:
        def play(self, connection: Connection) -> None:
            arrived.set()
            connection.read_to_the_end()

    with ScriptedServer(submission_script(overrides={"EHLO": Announced()})) as server:
        child = to_scripted(program, server).start(*MINIMAL)
        assert arrived.wait(20)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)

    assert (child.returncode, out) == (130, b"")
    assert err.endswith(b"error: Interrupted [interrupted]\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_end_after_the_last_byte_is_in_doubt(program: Program, number: signal.Signals):
    arrived = threading.Event()

    class Swallowed:
        def play(self, connection: Connection) -> None:
            arrived.set()
            connection.read_to_the_end()

    with ScriptedServer(submission_script(overrides={".": Swallowed()})) as server:
        child = to_scripted(program, server).start(*MINIMAL)
        assert arrived.wait(20)
        child.send_signal(number)
        _, err = child.communicate(timeout=20)

    assert child.returncode == 81
    assert b"[outbox-in-doubt]" in err


def test_ctrl_c_among_many_messages_tells_of_each_what_is_known(program: Program):
    arrived = threading.Event()

    class TwoTaken:
        taken = 0

        def play(self, connection: Connection) -> None:
            self.taken += 1
            if self.taken <= 2:
                connection.send(b"250 2.0.0 taken\r\n")
                return
            arrived.set()
            connection.read_to_the_end()

    rows = program.home / "rows.csv"
    rows.write_text("n\n" + "".join(f"{number}\n" for number in range(30)))
    script = submission_script(
        capabilities=("PIPELINING", "CHUNKING"),
        overrides={"GREETING": b"220 x ESMTP Postfix", ".": TwoTaken()},
    )
    with ScriptedServer(script) as server:
        child = to_scripted(program, server).start(
            "send", "--each", str(rows), "--to", "to{{n}}@b.test", "--body", "x", "--json"
        )
        assert arrived.wait(20)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)

    outcomes = [each["recipients"][0]["outcome"] for each in json.loads(out)["data"]["messages"]]
    assert child.returncode == 81
    assert outcomes[:2] == ["accepted", "accepted"]
    assert outcomes.count("accepted") == 2
    assert outcomes[2] == "in-doubt"
    assert outcomes.count("in-doubt") < 10


@pytest.mark.parametrize("option", ["--json", "--subject=x"], ids=["json", "people"])
def test_a_full_disk_under_stdout_is_74_and_does_not_hide_that_the_message_is_out(program: Program, option):
    with ScriptedServer(submission_script()) as server, Path("/dev/full").open("wb") as full:
        child = subprocess.run(
            [*PROGRAM, *MINIMAL, option],
            env=to_scripted(program, server).environ,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    (content,) = server.connections[0].messages
    assert child.returncode == 74
    assert "[disk-full]" in child.stderr
    assert f"The server has accepted the message {parsed(content)['Message-ID']}" in child.stderr


def test_a_closed_stdout_is_74_and_a_closed_stdin_an_empty_text(program: Program):
    with ScriptedServer(submission_script()) as server:
        environ = to_scripted(program, server).environ
        command = ["sh", "-c", '"$0" "$@" <&- >&-', *PROGRAM, "send", "--to", "you@example.org"]
        child = subprocess.run(command, env=environ, stderr=subprocess.PIPE, text=True)

    assert child.returncode == 74
    assert "The server has accepted the message" in child.stderr


def test_an_empty_standard_input_is_told(program: Program):
    with ScriptedServer(submission_script()) as server:
        ended = to_scripted(program, server).run("send", "--to", "a@b.test", "--subject", "x", "--quiet")

    assert ended.status == 0
    assert "standard input was empty" in ended.err
