"""``fluenzr-sendmail`` under the programs that call it, unchanged, up to the mailboxes of real servers."""

from __future__ import annotations

import subprocess
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.servers import require
from tests.servers.mailhost import MailHost

SENDMAIL = Path(sys.executable).parent / "fluenzr-sendmail"
PATCH = "From: The Shop <shop@shop.test>\nSubject: [PATCH] Grüße\n\n---\n f | 1 +\n\n.\n-- \n2.0\n"


def run(program: Program, *command: str, stdin: str = "") -> None:
    """Run a program of others that is to succeed and say nothing of a mistake."""
    ended = subprocess.run(
        command, input=stdin.encode(), env=program.environ, cwd=program.home, capture_output=True, timeout=30
    )
    assert (ended.returncode, ended.stderr) == (0, b""), ended.stdout


def arrived(program: Program, mailhost: MailHost, *addresses: str) -> EmailMessage:
    """Return the one message that was taken; all of these addresses got it, and nobody else."""
    (record,) = program.call("outbox", "list", "--state", "accepted", "--json").data["messages"]
    assert sorted(each["recipient"] for each in record["recipients"]) == sorted(addresses)
    delivered = [mailhost.wait_for_message(each, record["message_id"]) for each in addresses]
    found = message_from_bytes(delivered[0], policy=modern)
    assert isinstance(found, EmailMessage)
    return found


def text_of(message: EmailMessage) -> list[str]:
    body = message.get_body(("plain",))
    assert body is not None
    return [line.rstrip(" ") for line in str(body.get_content()).splitlines()]


def test_cron_reports_to_the_owner_of_the_account(shop: Program, mailhost: MailHost):
    report = (
        "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web1> backup\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        f"X-Cron-Env: <SHELL=/bin/sh>\n\nGrüße\n.\n{'x' * 2000}\n"
    )

    run(shop, str(SENDMAIL), "-FCronDaemon", "-i", "-odi", "-oem", "root", stdin=report)

    message = arrived(shop, mailhost, "shop@shop.test")
    assert str(message["From"]) == "Cron Daemon <shop@shop.test>"
    assert str(message["To"]) == "root <shop@shop.test>"
    assert text_of(message) == ["Grüße", ".", "x" * 2000]


def test_git_sends_a_patch(shop: Program, mailhost: MailHost):
    (git,) = require("git")
    shop.home.joinpath("0001.patch").write_text(PATCH, "utf-8")
    identity = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "The Shop"), ("EMAIL", "shop@shop.test"))}  # fmt: skip
    there = shop.with_variables(GIT_CONFIG_NOSYSTEM="1", **identity)

    run(
        there, git, "send-email", f"--sendmail-cmd={SENDMAIL}", "--confirm=never", "--quiet",
        "--suppress-cc=all", "--8bit-encoding=UTF-8", "--to=second@shop.test", "--bcc=shop@shop.test",
        "0001.patch",
    )  # fmt: skip

    message = arrived(shop, mailhost, "second@shop.test", "shop@shop.test")
    assert str(message["Subject"]) == "[PATCH] Grüße"
    assert str(message["To"]) == "second@shop.test"
    assert text_of(message) == ["---", " f | 1 +", "", ".", "--", "2.0"]


def test_mutt_sends_an_attachment(shop: Program, mailhost: MailHost):
    (mutt,) = require("mutt")
    content = bytes(range(256)) * 40
    shop.home.joinpath("a file.bin").write_bytes(content)

    run(
        shop, mutt, "-n", "-F", "/dev/null", "-e", f'set sendmail="{SENDMAIL} -oem -oi"', "-e", "set copy=no",
        "-e", "set use_envelope_from", "-s", "Grüße von mutt", "-b", "shop@shop.test", "-a", "a file.bin",
        "--", "second@shop.test",
        stdin="Zeile ü\n.\nEnde\n",
    )  # fmt: skip

    message = arrived(shop, mailhost, "second@shop.test", "shop@shop.test")
    (attachment,) = message.iter_attachments()
    assert str(message["Subject"]) == "Grüße von mutt"
    assert str(message["From"]).endswith("<shop@shop.test>")
    assert message["Bcc"] is None
    assert text_of(message)[:3] == ["Zeile ü", ".", "Ende"]
    assert attachment.get_content() == content


def test_s_nail_sends_as_mailx_does(shop: Program, mailhost: MailHost):
    (mailx,) = require("s-nail")

    run(
        shop, mailx, "-n", "-S", "v15-compat", "-S", f"mta={SENDMAIL}", "-S", "ttycharset=utf-8",
        "-s", "Grüße von mailx", "-c", "root", "-r", "shop@shop.test", "second@shop.test",
        stdin="Zeile ü\n.\n",
    )  # fmt: skip

    message = arrived(shop, mailhost, "second@shop.test", "shop@shop.test")
    assert str(message["Subject"]) == "Grüße von mailx"
    assert str(message["Cc"]) == "root <shop@shop.test>"
    assert text_of(message)[:1] == ["Zeile ü"]


def test_php_sends_by_mail(shop: Program, mailhost: MailHost):
    (php,) = require("php")
    script = """
        $headers = "Bcc: shop@shop.test\\r\\nX-Shop: Zoë\\r\\nContent-Type: text/plain; charset=UTF-8";
        $text = "Zeile ü\\r\\n.\\r\\nEnde";
        exit(mail("second@shop.test", "Grüße von PHP", $text, $headers, "-fwww-data@web1") ? 0 : 1);
    """

    run(shop, php, "-n", "-d", f"sendmail_path={SENDMAIL} -t -i", "-r", script)

    message = arrived(shop, mailhost, "second@shop.test", "shop@shop.test")
    assert str(message["Subject"]) == "Grüße von PHP"
    assert str(message["From"]) == "The Shop <shop@shop.test>"
    assert str(message["X-Shop"]) == "Zoë"
    assert message["Bcc"] is None
    assert text_of(message) == ["Zeile ü", ".", "Ende"]


@pytest.mark.parametrize("recipient", ["nobody@shop.test", "a@@b"], ids=["refused", "malformed"])
def test_php_is_told_that_a_message_did_not_go(shop: Program, recipient):
    (php,) = require("php")
    script = f'exit(mail("{recipient}", "x", "y") ? 0 : 1);'

    ended = subprocess.run(
        [php, "-n", "-d", f"sendmail_path={SENDMAIL} -t -i", "-r", script],
        env=shop.environ,
        capture_output=True,
        timeout=30,
    )

    assert ended.returncode == 1


def test_perl_sends_through_a_pipe(shop: Program, mailhost: MailHost):
    (perl,) = require("perl")
    script = f"""
        open(my $mail, "|-", "{SENDMAIL} -t -oi -oem") or die;
        print $mail "From: Job <nobody@localhost>\\nTo: shop\\@shop.test\\nSubject: from perl\\n\\nhello\\n";
        close($mail) or die;
    """.replace("nobody@", r"nobody\@")

    run(shop, perl, "-e", script)

    message = arrived(shop, mailhost, "shop@shop.test")
    assert str(message["From"]) == "Job <shop@shop.test>"
    assert text_of(message) == ["hello"]
