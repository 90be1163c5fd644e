"""``fluenzr-sendmail``: classic command lines mean what they mean to sendmail; what goes wrong is told."""

from __future__ import annotations

import subprocess
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path

import pytest

from fluenzr_smtp.cli.sendmail import rewritten
from tests.cli.program import Ended, Program, environment_account
from tests.servers.mailhost import MailHost
from tests.servers.scripted import Connection, ScriptedServer, submission_script

SENDMAIL = Path(sys.executable).parent / "fluenzr-sendmail"
PLAIN = b"To: shop@shop.test\nSubject: x\n\nhello\n"


def handed(program: Program, *arguments: str, stdin: bytes = PLAIN) -> Ended:
    """Run a command line of sendmail's within this process."""
    return program.call(*rewritten(arguments), stdin=stdin)


def taken(program: Program, *arguments: str, stdin: bytes = PLAIN) -> Connection:
    """Return what a server got of a message."""
    with ScriptedServer(submission_script()) as server:
        ended = handed(program.with_variables(**environment_account(server.port)), *arguments, stdin=stdin)
        connection = server.finished_connection()
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    return connection


def recipients_of(connection: Connection) -> list[str]:
    lines = (line.decode() for line in connection.commands if line.upper().startswith(b"RCPT TO:"))
    return [line.partition("<")[2].partition(">")[0] for line in lines]


def message_of(connection: Connection) -> EmailMessage:
    (content,) = connection.messages
    found = message_from_bytes(content, policy=modern)
    assert isinstance(found, EmailMessage)
    return found


# -- command lines ---------------------------------------------------------------------------------------

DOTS, T, QUEUE = "--ignore-dots", "--from-header", "--queue-only"


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        # programs as they call sendmail
        ("-FCronDaemon -i -odi -oem root", ["--full-name=CronDaemon", DOTS, "--", "root"]),
        ("-i -FCronDaemon -B8BITMIME -oem joe", [DOTS, "--full-name=CronDaemon", "--", "joe"]),
        ("-FCronDaemon -i -odi -oem -oi -t -f root",
         ["--full-name=CronDaemon", DOTS, DOTS, T, "--sender=root", "--"]),
        ("-FAnacron -odi root", ["--full-name=Anacron", "--", "root"]),
        ("-ti", [T, DOTS, "--"]),
        ("-i root", [DOTS, "--", "root"]),
        ("-i a@b.example c@d.example", [DOTS, "--", "a@b.example", "c@d.example"]),
        ("-f me@b.example -i a@b.example", ["--sender=me@b.example", DOTS, "--", "a@b.example"]),
        ("-oem -oi -f me@b.example -- a@b.example",
         [DOTS, "--sender=me@b.example", "--", "a@b.example"]),
        ("-oem -oi -N failure,delay -R hdrs -B 8BITMIME -- a@b.example", [DOTS, "--", "a@b.example"]),
        ("-t -i", [T, DOTS, "--"]),
        ("-t -i -fweb@b.example", [T, DOTS, "--sender=web@b.example", "--"]),
        ("-i -m -v -r me@b.example -- a@b.example", [DOTS, "--sender=me@b.example", "--", "a@b.example"]),
        ("-i -fme@b.example -- a@b.example", [DOTS, "--sender=me@b.example", "--", "a@b.example"]),
        ("-t -oi -oem", [T, DOTS, "--"]),
        ("-oi -oem -f me@b.example a@b.example", [DOTS, "--sender=me@b.example", "--", "a@b.example"]),
        ("-i -f me@b.example -- a@b.example", [DOTS, "--sender=me@b.example", "--", "a@b.example"]),
        ("-t", [T, "--"]),
        ("-oi -t", [DOTS, T, "--"]),
        ("-i -t -odb -OErrorMode=p", [DOTS, T, "--"]),
        ("-G -i -Ac -oee -t", [DOTS, T, "--"]),
        ("-bm -i -t", [DOTS, T, "--"]),
        # letters and values
        ("-itf me@b.example a@b.example", [DOTS, T, "--sender=me@b.example", "--", "a@b.example"]),
        ("-itfme@b.example", [DOTS, T, "--sender=me@b.example", "--"]),
        ("-F CronDaemon -fme root", ["--full-name=CronDaemon", "--sender=me", "--", "root"]),
        ("-e q -em -oeq root", ["--", "root"]),
        ("-o i -o dq root", [DOTS, QUEUE, "--", "root"]),
        ("-oitrue root", [DOTS, "--", "root"]),
        ("-odq -t", [QUEUE, T, "--"]),
        ("-odd root", [QUEUE, "--", "root"]),
        ("-O DeliveryMode=queueonly -OIgnoreDots=true root", [QUEUE, DOTS, "--", "root"]),
        ("-ODeliveryMode=b root", ["--", "root"]),
        ("-d0.1 -d root", ["--", "root"]),
        ("-X /tmp/log -C /etc/x.cf -h 3 -L tag -V id -p ESMTP root", ["--", "root"]),
        ("-v -n -U -x root", ["--", "root"]),
        ("root -t", [T, "--", "root"]),
        ("-t -- -odd@b.example", [T, "--", "-odd@b.example"]),
        ("-f", ["--sender=", "--"]),
        ("--json -t", ["--json", T, "--"]),
        ("-z root", ["-z", "--", "root"]),
        ("-bs", ["--mode=s", "--"]),
        ("-bd -q30m", ["--mode=d", "--"]),
        ("", ["--"]),
    ],
    ids=[
        "Vixie's cron", "Debian's cron", "cronie", "Anacron", "BusyBox crond", "at, fcron", "git",
        "git, sender", "mutt", "mutt, DSN", "PHP", "PHP mail() -f", "s-nail", "Rails", "MIME::Lite",
        "Mail::Mailer", "Email::Sender", "sudo, mdadm, logwatch", "unattended-upgrades", "Drupal",
        "submission", "-bm", "cluster, next word", "cluster, joined", "next words", "error modes",
        "-o apart", "-oitrue", "-odq", "-odd", "-O long", "-O background", "debugging",
        "values passed over", "flags passed over", "option last", "dash in recipient", "no value",
        "ours", "unknown", "-bs", "daemon", "nothing",
    ],
)  # fmt: skip
def test_a_command_line_of_sendmails_becomes_ours(line, ours):
    found = rewritten(line.split())

    assert found == ["sendmail", *ours]


@pytest.mark.parametrize("line", ["-bp", "-bp -v", "-v -bp x"])
def test_bp_lists_the_outbox(line):
    assert rewritten(line.split()) == ["outbox", "list"]


@pytest.mark.parametrize("line", ["-q", "-q -v", "-qf", "-q15m", "-qRroot", "-v -q"])
def test_q_runs_the_outbox(line):
    assert rewritten(line.split()) == ["outbox", "run", "--quiet"]


def test_a_null_sender_is_a_value():
    assert rewritten(["-f", "", "root"]) == ["sendmail", "--sender=", "--", "root"]


# -- what goes out ---------------------------------------------------------------------------------------


def test_t_takes_the_recipients_of_the_header_and_hides_the_blind_ones(program: Program):
    message = b"To: a@b.example\nCc: c@d.example\nBcc: e@f.example\n\nx\n"

    connection = taken(program, "-t", "-i", "--", "g@h.example", stdin=message)

    assert recipients_of(connection) == ["a@b.example", "c@d.example", "e@f.example", "g@h.example"]
    assert "e@f.example" not in str(message_of(connection))


def test_without_t_the_header_names_no_recipients(program: Program):
    connection = taken(program, "-i", "a@b.example", stdin=b"To: c@d.example\nBcc: e@f.example\n\nx\n")

    assert recipients_of(connection) == ["a@b.example"]
    assert message_of(connection)["Bcc"] is None


def test_cron_writes_to_the_account_itself(program: Program):
    message = (
        b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web1> echo Gr\xc3\xbc\xc3\x9fe\n"
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        b"X-Cron-Env: <SHELL=/bin/sh>\n\nGr\xc3\xbc\xc3\x9fe\n.\nend\n"
    )

    connection = taken(program, "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root", stdin=message)

    found = message_of(connection)
    assert recipients_of(connection) == ["shop@shop.test"]
    assert str(found["From"]) == "Cron Daemon <shop@shop.test>"
    assert str(found["To"]) == "root <shop@shop.test>"
    assert str(found["Subject"]) == "Cron <root@web1> echo Grüße"
    assert found.get_content().splitlines() == ["Grüße", ".", "end"]


def test_a_dot_alone_ends_the_message_unless_it_is_to_be_passed_over(program: Program):
    message = b"Subject: x\n\none\n.\ntwo\n"

    texts = [
        message_of(taken(program, *given, "root", stdin=message)).get_content() for given in ((), ("-i",))
    ]

    assert [text.splitlines() for text in texts] == [["one"], ["one", ".", "two"]]


def test_f_with_a_name_gives_an_author_to_a_message_without_one(program: Program):
    found = message_of(taken(program, "-F", "Nightly Job", "root", stdin=b"A text without a header\n"))

    assert str(found["From"]) == "Nightly Job <shop@shop.test>"
    assert found.get_content().splitlines() == ["A text without a header"]


# -- which account ---------------------------------------------------------------------------------------


@pytest.fixture
def two_accounts(shop: Program, mailhost: MailHost) -> Program:
    """A program with a second account; the first one stays the default."""
    ended = shop.call(
        "account", "add", mailhost.second.address, "--name", "second", "--no-test",
        "--smtp-host", mailhost.host, "--smtp-port", str(mailhost.submission_port), "--encryption", "tls",
        "--no-imap", "--ca-file", str(mailhost.ca_file), "--password-stdin", stdin=mailhost.second.secret,
    )  # fmt: skip
    assert ended.status == 0, ended.err
    return shop


@pytest.mark.parametrize(
    ("arguments", "author", "account"),
    [
        (("-f", "SECOND@shop.test"), b"", "second"),
        (("-f", "<second@shop.test>"), b"From: shop@shop.test\n", "second"),
        ((), b"From: Second <second@shop.test>\n", "second"),
        (("-f", "root"), b"From: second@shop.test\n", "second"),
        (("-f", "www-data@web1"), b"From: root\n", "shop"),
        ((), b"From: stranger@elsewhere.test\n", "shop"),
        ((), b"", "shop"),
    ],
    ids=["-f", "-f before From", "From", "-f of nobody", "nobody", "stranger", "none"],
)
def test_the_account_is_that_of_the_sender_or_the_author(two_accounts: Program, arguments, author, account):
    ended = handed(
        two_accounts, *arguments, "-odq", "--json", "you@example.org", stdin=author + b"Subject: x\n\nx\n"
    )

    assert ended.data["account"] == account
    assert ended.data["mail_from"] == f"{account}@shop.test"


# -- what is told ----------------------------------------------------------------------------------------

NOT_TAKEN = "The message was not taken; nothing of it is kept."


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "code"),
    [
        ((), PLAIN, 64, "input-required"),
        (("-t",), b"Subject: x\n\nhello\n", 64, "input-required"),
        (("-t",), b"", 65, "message-malformed"),
        (("root",), b"a\0b\n", 65, "message-malformed"),
        (("-z", "root"), PLAIN, 64, "usage-invalid"),
        (("-bs",), PLAIN, 64, "usage-invalid"),
        (("-bd", "-q30m"), PLAIN, 64, "usage-invalid"),
        (("a@@b.example",), PLAIN, 65, "address-malformed"),
    ],
    ids=["no recipients", "none in the header", "empty", "NUL", "unknown option", "-bs", "daemon", "address"],
)
def test_what_cannot_be_taken_is_refused_by_its_status(shop: Program, arguments, stdin, status, code):
    ended = handed(shop, *arguments, "--json", stdin=stdin)

    assert (ended.status, ended.codes) == (status, [code])
    assert shop.call("outbox", "list", "--json").data["messages"] == []


def test_that_it_is_no_mail_server_is_told_in_one_line(shop: Program):
    ended = handed(shop, "-bs", stdin=b"")

    assert "-bs asks for a mail server, which this is not" in ended.err


def test_without_an_account_nothing_is_taken(program: Program):
    ended = handed(program, "-t")

    assert ended.status == 78
    assert "account-none" in ended.err
    assert NOT_TAKEN in ended.err


def test_with_a_locked_vault_nothing_is_taken(shop: Program):
    ended = handed(shop.with_variables(FLUENZR_VAULT_KEY="00" * 32), "-t")

    assert ended.status == 78
    assert NOT_TAKEN in ended.err


def test_a_message_that_has_to_wait_is_kept_and_its_caller_content(program: Program):
    with ScriptedServer(submission_script()) as server:
        nobody_listens = server.port
    there = program.with_variables(**environment_account(nobody_listens))

    ended = handed(there, "-t")
    listed = handed(there, "-bp", "--json")

    assert (ended.status, ended.out) == (0, "")
    assert [each["state"] for each in listed.data["messages"]] in (["queued"], ["deferred"])


def test_a_message_that_is_refused_for_good_ends_in_its_status(shop: Program):
    ended = handed(shop, "nobody@shop.test")

    assert ended.status == 67
    assert "recipient-refused" in ended.err


def test_the_queue_is_listed_and_run(shop: Program, mailhost: MailHost):
    kept = handed(shop, "-odq", "-t", "--json")
    before = handed(shop, "-bp", "--json").data["messages"]

    run = handed(shop, "-q")

    assert [each["state"] for each in before] == ["queued"]
    assert (run.status, run.out, run.err) == (0, "", "")
    assert mailhost.wait_for_message("shop@shop.test", kept.data["message_id"])


# -- the program -----------------------------------------------------------------------------------------


def test_the_program_takes_a_message(shop: Program, mailhost: MailHost):
    message = b"Message-ID: <by-the-program@shop.test>\n" + PLAIN

    ended = subprocess.run([SENDMAIL, "-t", "-i"], input=message, env=shop.environ, capture_output=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert mailhost.wait_for_message("shop@shop.test", "<by-the-program@shop.test>")


def test_a_link_named_mailq_lists_the_outbox(shop: Program):
    link = shop.home / "mailq"
    link.symlink_to(SENDMAIL)

    ended = subprocess.run([link], stdin=subprocess.DEVNULL, env=shop.environ, capture_output=True)

    assert ended.returncode == 0
    assert b"Nothing waits in the outbox" in ended.stdout + ended.stderr
