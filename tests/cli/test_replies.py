"""``fluenzr replies`` at a real Dovecot: what is new, what it is, what it answers."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fluenzr_smtp.problems import ExitStatus
from tests.cli.program import PROGRAM, Program
from tests.mailboxes import Box, box_at, letter, report
from tests.servers.certificates import self_signed
from tests.servers.mailhost import MailHost
from tests.servers.scripted import (
    Close,
    Connection,
    Script,
    ScriptedServer,
    mailbox_script,
    submission_script,
)

SECOND = "second@shop.test"
NOW = datetime.now(UTC)


@pytest.fixture
def box(mailhost: MailHost) -> Iterator[Box]:
    login = mailhost.shop
    with box_at(mailhost.host, mailhost.imaps_port, mailhost.ca_file, login.address, login.secret) as found:
        yield found


def sent(shop: Program, *, to: str = SECOND, subject: str = "Hello") -> str:
    """Send a message; return its Message-ID."""
    ended = shop.call("send", "--to", to, "--subject", subject, "--body", "Text", "--json")
    assert ended.status == 0, ended.err
    found: str = ended.data["message_id"]
    return found


def look(shop: Program, box: Box, *options: str) -> list[dict[str, Any]]:
    """Look what is new in the folder; return the replies."""
    ended = shop.call("replies", "--folder", box.name, "--json", *options)
    assert ended.status == 0, ended.err
    assert ended.data["total"] == len(ended.data["replies"])
    found: list[dict[str, Any]] = ended.data["replies"]
    return found


def subjects(replies: list[dict[str, Any]]) -> list[str]:
    return [each["subject"] for each in replies]


class TestWhatIsNew:
    def test_answer_is_shown_once_with_what_it_answers(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter("Gladly.\n\n> Text", In_Reply_To=original))

        first, second = look(shop, box), look(shop, box)

        assert second == []
        assert [(each["kind"], each["answers"], each["matched_by"]) for each in first] == [
            ("human", original, "in-reply-to")
        ]
        assert (first[0]["from"], first[0]["from_name"]) == ("bob@b.test", "Bob")
        assert first[0]["preview"] == "Gladly."

    def test_mailbox_is_left_as_it_was(self, shop: Program, box: Box):
        box.put(letter(In_Reply_To=sent(shop)))
        box.put(letter("News", subject="Newsletter"))

        look(shop, box, "--unmatched")

        assert box.flags() == [b"", b""]

    def test_what_answers_nothing_is_shown_only_when_asked_for(self, shop: Program, box: Box):
        sent(shop)
        box.put(letter(subject="Something else"))

        assert look(shop, box) == []
        assert subjects(look(shop, box, "--unmatched")) == ["Something else"]

    def test_each_question_has_a_place_of_its_own(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter(subject="Re: Hello", In_Reply_To=original))
        box.put(report(SECOND, original=original))

        humans, bounces = look(shop, box, "--kind", "human"), look(shop, box, "--kind", "bounce,delay")

        assert [each["kind"] for each in humans] == ["human"]
        assert [each["kind"] for each in bounces] == ["bounce"]
        assert look(shop, box, "--kind", "human") == []

    def test_first_look_goes_back_a_week_and_a_longer_one_shows_only_what_was_not(
        self, shop: Program, box: Box
    ):
        original = sent(shop)
        for days in (90, 30, 1):
            box.put(letter(subject=f"Re: {days}", In_Reply_To=original), received=NOW - timedelta(days=days))

        assert subjects(look(shop, box)) == ["Re: 1"]
        assert subjects(look(shop, box, "--since", "60d")) == ["Re: 30"]
        assert look(shop, box, "--since", "60d") == []
        assert subjects(look(shop, box, "--since", "60d", "--again")) == ["Re: 30", "Re: 1"]
        assert subjects(look(shop, box, "--since", "100d")) == ["Re: 90"]

    def test_first_look_counts_hours_where_asked(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter(subject="Re: old", In_Reply_To=original), received=NOW - timedelta(hours=5))
        box.put(letter(subject="Re: new", In_Reply_To=original), received=NOW - timedelta(hours=1))

        assert subjects(look(shop, box, "--since", "3h")) == ["Re: new"]

    def test_folder_that_was_made_anew_is_read_anew(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter(subject="Re: before", In_Reply_To=original))
        look(shop, box)
        box.make_anew()
        box.put(letter(subject="Re: after", In_Reply_To=original))

        assert subjects(look(shop, box)) == ["Re: after"]

    def test_place_is_kept_where_the_output_could_not_be_written(self, shop: Program, box: Box):
        box.put(letter(In_Reply_To=sent(shop)))
        line = [*PROGRAM, "replies", "--folder", box.name, "--json"]

        with Path("/dev/full").open("wb") as full:
            failed = subprocess.run(
                line, env=shop.environ, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE
            )

        assert failed.returncode == ExitStatus.IO
        assert len(look(shop, box)) == 1

    def test_reply_is_known_by_the_same_id_at_every_look(self, shop: Program, box: Box):
        box.put(letter(In_Reply_To=sent(shop)))

        ids = {look(shop, box)[0]["id"], look(shop, box, "--again")[0]["id"]}

        assert len(ids) == 1

    def test_one_broken_message_does_not_hide_the_others(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(
            b"From: \xff\xfe\nSubject: =?x-none?b?!!!?=\nIn-Reply-To: " + original.encode() + b"\n\n\x00\xff"
        )
        box.put(letter(subject="Re: fine", In_Reply_To=original))

        assert "Re: fine" in subjects(look(shop, box))

    def test_people_are_told_in_lines(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter("Gladly.", In_Reply_To=original))
        box.put(report(SECOND, original=original))

        ended = shop.call("replies", "--folder", box.name)

        assert "human  " in ended.out
        assert "  Gladly.\n" in ended.out
        assert f"  {SECOND}  5.1.1  550 5.1.1" in ended.out
        assert "[recipient-refused]" in ended.out
        assert "2 new: 1 human, 1 bounce." in ended.err


class TestMatching:
    def test_thread_is_matched_by_its_references_to_the_newest(self, shop: Program, box: Box):
        first, second = sent(shop), sent(shop, subject="Hello again")
        box.put(letter(In_Reply_To="<of@somebody.test>", References=f"{first} <of@somebody.test> {second}"))

        (found,) = look(shop, box)

        assert (found["answers"], found["matched_by"]) == (second, "references")

    def test_report_is_matched_by_the_message_in_it(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(report(SECOND, original=original))

        (found,) = look(shop, box)

        assert (found["answers"], found["matched_by"]) == (original, "original")
        assert (found["status"], found["recipient"], found["permanent"]) == ("5.1.1", SECOND, True)
        assert found["topic"] == "recipient-refused"

    def test_report_without_the_message_is_matched_by_its_recipient(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(report(SECOND))

        (found,) = look(shop, box)

        assert (found["answers"], found["matched_by"]) == (original, "recipient")

    @pytest.mark.parametrize(
        "subject", ["RE: Offer 7", "AW: WG: offer 7", "回复：Offer 7", "RES: [list] Offer 7"]
    )
    def test_same_author_and_subject_are_a_guess(self, shop: Program, box: Box, subject: str):
        original = sent(shop, subject="Offer 7")
        box.put(letter(sender=SECOND, subject=subject))

        (found,) = look(shop, box)

        assert (found["answers"], found["matched_by"], found["is_guess"]) == (original, "guess", True)

    def test_another_subject_of_the_same_author_is_no_answer(self, shop: Program, box: Box):
        sent(shop, subject="Offer 7")
        box.put(letter(sender=SECOND, subject="Re: Offer 8"))

        assert look(shop, box) == []

    def test_own_messages_are_no_answers(self, shop: Program, box: Box):
        original = sent(shop, to="shop@shop.test")
        box.put(letter(sender="Shop <shop@shop.test>", subject="Hello", Message_ID=original))
        box.put(letter(sender="Shop <shop@shop.test>", In_Reply_To=original))

        assert look(shop, box) == []
        assert len(look(shop, box, "--unmatched")) == 2

    def test_receipt_is_matched_by_the_message_that_it_names(self, shop: Program, box: Box):
        original = sent(shop)
        fields = f"Final-Recipient: rfc822; {SECOND}\nOriginal-Message-ID: {original}\n"
        body = (
            "--b0\nContent-Type: text/plain\n\nYour message was displayed.\n\n--b0\n"
            f"Content-Type: message/disposition-notification\n\n{fields}"
            "Disposition: manual-action/MDN-sent-manually; displayed\n\n--b0--\n"
        )
        kind = 'multipart/report; report-type=disposition-notification; boundary="b0"'
        box.put(letter(body, sender=SECOND, subject="Read", Content_Type=kind, MIME_Version="1.0"))

        (found,) = look(shop, box)

        assert (found["kind"], found["answers"], found["matched_by"]) == ("automatic", original, "original")

    def test_wish_to_get_no_more_needs_no_subject_to_be_matched(self, shop: Program, box: Box):
        original = sent(shop, subject="Offer 7")
        box.put(letter("", sender=SECOND, subject="unsubscribe"))

        (found,) = look(shop, box)

        assert (found["kind"], found["answers"], found["is_guess"]) == ("unsubscribe", original, True)

    def test_complaint_tells_who_complains(self, shop: Program, box: Box):
        original = sent(shop)
        body = (
            "--b0\nContent-Type: text/plain\n\nAn abuse report.\n\n--b0\n"
            "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n"
            f"Original-Rcpt-To: <{SECOND}>\n\n--b0\nContent-Type: message/rfc822\n\n"
            f"To: shop@shop.test\nMessage-ID: {original}\nSubject: Hello\n\nText\n\n--b0--\n"
        )
        kind = 'multipart/report; report-type=feedback-report; boundary="b0"'
        box.put(letter(body, sender="fbl@mail.test", subject="Abuse", Content_Type=kind, MIME_Version="1.0"))

        (found,) = look(shop, box)
        shown = shop.call("replies", "--folder", box.name, "--again").out

        assert (found["kind"], found["recipient"], found["answers"]) == ("complaint", SECOND, original)
        assert f"{SECOND} called it spam" in shown


class TestBounced:
    def test_dead_address_is_remembered_told_respected_and_forgotten(self, shop: Program, box: Box):
        box.put(report(SECOND, original=sent(shop)))
        look(shop, box)
        minimal = ("send", "--to", SECOND, "--subject", "x", "--body", "x")

        known = shop.call("replies", "bounced", "--json").data["addresses"]
        warned = shop.call(*minimal)
        refused = shop.call(*minimal, "--respect-bounces", "--json")
        queued = shop.call(*minimal, "--respect-bounces", "--queue", "--json")
        forgotten = shop.call("replies", "bounced", "--forget", SECOND.upper(), "--json")
        after = shop.call(*minimal, "--respect-bounces")

        assert [(each["address"], each["status"]) for each in known] == [(SECOND, "5.1.1")]
        assert warned.status == 0
        assert f"Mail to {SECOND} came back on " in warned.err
        assert (refused.status, refused.codes) == (ExitStatus.NO_USER, ["recipient-bounced"])
        assert (queued.status, queued.codes) == (ExitStatus.NO_USER, ["recipient-bounced"])
        assert forgotten.data == {"addresses": [], "forgotten": [SECOND.upper()]}
        assert (after.status, "came back" in after.err) == (0, False)

    def test_rows_to_dead_addresses_are_left_out_and_told(self, shop: Program, box: Box):
        box.put(report(SECOND, original=sent(shop)))
        look(shop, box)
        rows = shop.home / "rows.csv"
        rows.write_text(f"to\n{SECOND}\nshop@shop.test\n")

        ended = shop.call(
            "send", "--each", str(rows), "--to", "{{to}}", "--body", "x", "--respect-bounces", "--json"
        )

        outcomes = [each["recipients"][0]["outcome"] for each in ended.data["messages"]]
        assert (ended.status, sorted(outcomes)) == (ExitStatus.PARTIAL, ["accepted", "rejected"])

    def test_one_dead_address_among_others_is_left_out(self, shop: Program, box: Box):
        box.put(report(SECOND, original=sent(shop)))
        look(shop, box)

        ended = shop.call(
            *("send", "--to", SECOND, "--to", "shop@shop.test", "--subject", "x", "--body", "x"),
            *("--respect-bounces", "--json"),
        )

        outcomes = {each["recipient"]: each["outcome"] for each in ended.data["recipients"]}
        assert (ended.status, ended.codes) == (
            ExitStatus.PARTIAL,
            ["recipients-partly-refused", "recipient-bounced"],
        )
        assert outcomes == {"shop@shop.test": "accepted", SECOND: "rejected"}

    def test_forgotten_address_is_not_known_again_by_the_same_report(self, shop: Program, box: Box):
        box.put(report(SECOND, original=sent(shop)))
        look(shop, box)

        shop.call("replies", "bounced", "--forget", SECOND)
        look(shop, box, "--again")

        assert shop.call("replies", "bounced", "--json").data["addresses"] == []

    @pytest.mark.parametrize("to", [None, "shop@shop.test"], ids=["no message", "message to another"])
    def test_report_without_the_message_to_the_address_is_not_believed(
        self, shop: Program, box: Box, to: str | None
    ):
        sent(shop)
        box.put(report(SECOND, original=sent(shop, to=to) if to else ""))

        (found,) = look(shop, box)

        assert (found["kind"], found["recipient"]) == ("bounce", SECOND)
        assert shop.call("replies", "bounced", "--json").data["addresses"] == []

    @pytest.mark.parametrize(
        ("status", "action", "said"),
        [
            ("4.4.1", "delayed", "450 4.4.1 Connection timed out"),
            ("4.4.7", "failed", "451 4.4.7 Queue lifetime exceeded"),
            ("5.7.1", "failed", "550 5.7.1 Message rejected as spam by content filter"),
            ("5.2.2", "failed", "552 5.2.2 Mailbox full"),
        ],
        ids=["delayed", "given up", "spam", "full"],
    )
    def test_address_that_is_not_at_fault_is_not_remembered(
        self, shop: Program, box: Box, status: str, action: str, said: str
    ):
        box.put(report(SECOND, status=status, action=action, said=said, original=sent(shop)))
        (found,) = look(shop, box)

        assert found["kind"] == ("delay" if action == "delayed" else "bounce")
        assert shop.call("replies", "bounced", "--json").data["addresses"] == []

    def test_report_of_somebody_never_written_to_is_not_believed(self, shop: Program, box: Box):
        box.put(report("innocent@b.test", original=sent(shop)))
        box.put(report("other@b.test"))

        look(shop, box, "--unmatched")

        assert shop.call("replies", "bounced", "--json").data["addresses"] == []

    def test_address_that_writes_again_is_alive(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(report(SECOND, original=original), received=NOW - timedelta(hours=2))
        look(shop, box)
        box.put(letter(sender=SECOND, In_Reply_To=original))
        look(shop, box)

        assert shop.call("replies", "bounced", "--json").data["addresses"] == []


class TestPrograms:
    @pytest.fixture
    def calls(self, tmp_path: Path) -> Path:
        """A program that writes down what it is given; it fails as long as there is a file ``fail``."""
        script = tmp_path / "program.py"
        script.write_text(
            "import json, os, pathlib, sys\n"
            "here = pathlib.Path(__file__).parent\n"
            "found = json.load(sys.stdin)['data']['replies'][0]\n"
            "fails = (here / 'fail').exists() and found['subject'] in (here / 'fail').read_text()\n"
            "with (here / 'calls').open('a') as out:\n"
            "    has_key = 'FLUENZR_VAULT_KEY' in os.environ\n"
            "    print(found['subject'], has_key, 'fails' if fails else '', file=out)\n"
            "sys.exit(3 if fails else 0)\n"
        )
        return script

    def lines(self, calls: Path) -> list[str]:
        found = calls.with_name("calls")
        return [each.strip() for each in found.read_text().splitlines()] if found.exists() else []

    def test_it_gets_each_new_one_once_and_no_secret(self, shop: Program, box: Box, calls: Path):
        original = sent(shop)
        box.put(letter(subject="Re: one", In_Reply_To=original))
        command = f"{sys.executable} {calls}"

        look(shop, box, "--exec", command)
        look(shop, box, "--exec", command)
        once = self.lines(calls)
        look(shop, box, "--exec", command, "--again")

        assert once == ["Re: one False"]
        assert self.lines(calls) == ["Re: one False"] * 2

    def test_what_a_person_has_looked_at_is_new_to_it(self, shop: Program, box: Box, calls: Path):
        box.put(letter(subject="Re: one", In_Reply_To=sent(shop)))

        by_hand = look(shop, box)
        look(shop, box, "--exec", f"{sys.executable} {calls}")

        assert (len(by_hand), self.lines(calls)) == (1, ["Re: one False"])

    def test_what_it_prints_does_not_get_into_the_document(self, shop: Program, box: Box, tmp_path: Path):
        box.put(letter(subject="Re: one", In_Reply_To=sent(shop)))

        ended = shop.run("replies", "--folder", box.name, "--json", "--exec", "echo hello")

        assert json.loads(ended.out)["data"]["total"] == 1
        assert ended.err == "hello\n"

    def test_each_choice_hands_over_to_its_own_program(self, shop: Program, box: Box, calls: Path):
        box.put(letter(subject="Re: one", In_Reply_To=sent(shop)))
        box.put(report(SECOND, original=sent(shop)))

        look(shop, box, "--kind", "bounce", "--exec", "false")
        look(shop, box, "--kind", "human", "--exec", f"{sys.executable} {calls}")

        assert self.lines(calls) == ["Re: one False"]

    def test_what_it_fails_with_it_gets_again_and_the_rest_does_not_wait(
        self, shop: Program, box: Box, calls: Path
    ):
        original = sent(shop)
        for name in ("one", "two"):
            box.put(letter(subject=f"Re: {name}", In_Reply_To=original))
        calls.with_name("fail").write_text("Re: one")
        command = f"{sys.executable} {calls}"

        first = shop.call("replies", "--folder", box.name, "--exec", command)
        calls.with_name("fail").unlink()
        second = shop.call("replies", "--folder", box.name, "--exec", command)

        assert (first.status, second.status) == (0, 0)
        assert "exit status 3" in first.err
        assert self.lines(calls) == ["Re: one False fails", "Re: two False", "Re: one False"]

    def test_many_at_once_hand_each_over_once(self, shop: Program, box: Box, calls: Path):
        original = sent(shop)
        for number in range(6):
            box.put(letter(subject=f"Re: {number}", In_Reply_To=original))
        line = [*PROGRAM, "replies", "--folder", box.name, "--json", "--exec", f"{sys.executable} {calls}"]

        several = [
            subprocess.Popen(line, env=shop.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            for _ in range(4)
        ]
        statuses = [each.wait(60) for each in several]
        look(shop, box, "--exec", f"{sys.executable} {calls}")

        assert statuses == [0] * 4
        assert sorted(self.lines(calls)) == [f"Re: {number} False" for number in range(6)]

    def test_what_a_killed_run_had_begun_is_handed_over_again(self, shop: Program, box: Box, tmp_path: Path):
        box.put(letter(subject="Re: one", In_Reply_To=sent(shop)))
        killer = tmp_path / "killer.py"
        killer.write_text("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
        log = tmp_path / "log"

        killed = shop.run("replies", "--folder", box.name, "--exec", f"{sys.executable} {killer}")
        after = shop.run("replies", "--folder", box.name, "--exec", f"sh -c 'cat >> {log}'")

        assert killed.status == -signal.SIGKILL
        assert after.status == 0
        assert json.loads(log.read_text())["data"]["replies"][0]["subject"] == "Re: one"

    def test_program_that_is_not_there_is_told_before_anything_is_read(
        self, shop: Program, box: Box, calls: Path
    ):
        box.put(letter(subject="Re: one", In_Reply_To=sent(shop)))

        refused = shop.call("replies", "--folder", box.name, "--exec", "/no/such/program", "--json")
        look(shop, box, "--exec", f"{sys.executable} {calls}")

        assert (refused.status, refused.codes) == (64, ["usage-invalid"])
        assert self.lines(calls) == ["Re: one False"]

    def test_program_that_cannot_be_run_loses_nothing(self, shop: Program, box: Box, calls: Path):
        box.put(letter(subject="Re: one", In_Reply_To=sent(shop)))
        broken = calls.with_name("broken")
        broken.write_text("#!/no/such/interpreter\n")
        broken.chmod(0o700)

        look(shop, box, "--exec", str(broken))
        look(shop, box, "--exec", f"{sys.executable} {calls}")

        assert self.lines(calls) == ["Re: one False"]


class TestOne:
    def test_whole_text_is_shown_and_the_original_saved(self, shop: Program, box: Box, tmp_path: Path):
        message = letter(
            "Gladly.\n\n-- \nBob\n\nOn Monday, Shop <shop@shop.test> wrote:\n> Text", In_Reply_To=sent(shop)
        )
        box.put(message)
        (found,) = look(shop, box)

        shown = shop.call("replies", "show", found["id"][:5], "--save", str(tmp_path), "--json")

        assert shown.status == 0, shown.err
        assert shown.data["own_text"] == "Gladly."
        assert "> Text" in shown.data["text"]
        saved = Path(shown.data["saved"])
        assert saved.read_bytes() == message.replace("\n", "\r\n").encode()
        assert saved.stat().st_mode & 0o777 == 0o600
        assert box.flags() == [b""]

    def test_file_that_is_there_is_not_overwritten(self, shop: Program, box: Box, tmp_path: Path):
        box.put(letter(In_Reply_To=sent(shop)))
        (found,) = look(shop, box)
        (tmp_path / f"{found['id']}.eml").write_text("mine")

        ended = shop.call("replies", "show", found["id"], "--save", str(tmp_path), "--json")

        assert (ended.status, ended.codes) == (ExitStatus.CANNOT_CREATE, ["file-not-created"])
        assert (tmp_path / f"{found['id']}.eml").read_text() == "mine"

    @pytest.mark.parametrize("document", ["{}", "no json", '{"data": {"replies": []}}'])
    def test_damaged_record_is_told(self, shop: Program, box: Box, document: str):
        box.put(letter(In_Reply_To=sent(shop)))
        (found,) = look(shop, box)
        (database,) = (shop.home / "fluenzr").rglob("outbox.sqlite")
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("UPDATE reply SET document = ?", (document,))

        assert shop.call("replies", "show", found["id"], "--json").codes == ["outbox-damaged"]

    @pytest.mark.parametrize("id_", ["zzzzzzzz", "", "*", "../../x"])
    def test_unknown_one_is_refused(self, shop: Program, id_: str):
        ended = shop.call("replies", "show", id_, "--json")

        assert (ended.status, ended.codes) == (ExitStatus.USAGE, ["inbound-reply-unknown"])

    def test_one_that_is_gone_is_told(self, shop: Program, box: Box):
        box.put(letter(In_Reply_To=sent(shop)))
        (found,) = look(shop, box)
        box.remove_all()

        ended = shop.call("replies", "show", found["id"])

        assert ended.status == ExitStatus.USAGE
        assert f"{box.name} has the reply {found['id']} no longer" in ended.err


def test_stats_count_by_day_and_kind(shop: Program, box: Box):
    original = sent(shop)
    box.put(letter(In_Reply_To=original), received=NOW - timedelta(days=2))
    box.put(letter(subject="Automatic reply: Hello", In_Reply_To=original), received=NOW - timedelta(days=2))
    box.put(report(SECOND, original=original))
    look(shop, box)

    counted = shop.call("replies", "stats", "--json").data
    table = shop.call("replies", "stats").out

    assert [(each["total"], each["kinds"]["human"]) for each in counted["days"]] == [(2, 1), (1, 0)]
    assert {kind for kind, count in counted["kinds"].items() if count} == {"human", "automatic", "bounce"}
    assert table.count("█") > 10
    assert len(table.splitlines()) == 2 + 3  # a day without any among them


class TestWatch:
    def test_each_reply_is_a_line_as_it_comes_and_sigterm_ends_it(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter(subject="Re: one", In_Reply_To=original))
        child = shop.start("replies", "--watch", "--folder", box.name, "--json")
        assert child.stdout is not None

        first = json.loads(child.stdout.readline())
        box.put(letter(subject="Re: two", In_Reply_To=original))
        second = json.loads(child.stdout.readline())
        child.send_signal(signal.SIGTERM)
        rest, err = child.communicate(timeout=20)

        told = [each["data"]["replies"][0]["subject"] for each in (first, second)]
        assert told == ["Re: one", "Re: two"]
        assert (child.returncode, rest) == (0, b""), err
        assert look(shop, box) == []

    def test_lost_connection_is_made_anew(self, program: Program, tmp_path: Path):
        again = threading.Event()

        class Second:
            count = 0

            def play(self, connection: Any) -> None:
                self.count += 1
                if self.count > 1:
                    again.set()
                Close().play(connection)

        script = mailbox_script(overrides={"IDLE": Second()})
        with ScriptedServer(submission_script()) as smtp, ScriptedServer(script) as imap:
            added = program.call(
                "account", "add", "me@shop.test", "--name", "me", "--no-test", "--encryption", "none",
                "--smtp-host", smtp.host, "--smtp-port", str(smtp.port), "--imap-host", imap.host,
                "--imap-port", str(imap.port), "--imap-encryption", "none", "--password-stdin", stdin="pw",
            )  # fmt: skip
            assert added.status == 0, added.err
            child = program.start("replies", "--watch")
            assert again.wait(20)
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=20)

        assert child.returncode == 0
        assert b"[connection-lost]" in err
        assert b"Connecting again in 1 seconds." in err


class TestChoices:
    def test_the_inbox_has_no_case(self, shop: Program, mailhost: MailHost):
        first = shop.call("replies", "--folder", "inbox", "--json")
        second = shop.call("replies", "--folder", "INBOX", "--json")

        assert (first.status, second.status) == (0, 0)
        assert second.data["looked_at"] == 0

    def test_repeated_options_add_up(self, shop: Program, box: Box):
        original = sent(shop)
        box.put(letter(In_Reply_To=original))
        box.put(report(SECOND, original=original))
        box.put(report(SECOND, original=original, status="4.4.1", action="delayed", said="450 4.4.1 Later"))

        found = look(shop, box, "--kind", "human", "--kind", "delay")

        assert sorted(each["kind"] for each in found) == ["delay", "human"]

    def test_numbers_of_an_unknown_account_are_not_nought(self, shop: Program):
        ended = shop.call("replies", "stats", "--account", "nobody", "--json")

        assert (ended.status, ended.codes) == (ExitStatus.CONFIG, ["account-unknown"])

    def test_beginning_that_several_replies_share_is_told_with_them(self, shop: Program, box: Box):
        original = sent(shop)
        for number in range(33):  # one more than the letters that an id can begin with
            box.put(letter(subject=f"Re: {number}", In_Reply_To=original))
        ids = [each["id"] for each in look(shop, box)]
        shared = next(each[0] for each in ids if [one[0] for one in ids].count(each[0]) > 1)

        ended = shop.call("replies", "show", shared, "--json")

        several = ended.document["problems"][0]["facts"]["several"]
        assert ended.status == ExitStatus.USAGE
        assert len(several) == 2
        assert all(each.startswith(shared) for each in several)

    def test_folder_that_is_not_there_is_told_with_those_that_are(self, shop: Program, box: Box):
        ended = shop.call("replies", "--folder", "Nope", "--json")

        assert ended.codes == ["mailbox-unreadable"]
        assert {"INBOX", box.name} <= set(ended.document["problems"][0]["facts"]["folders"])


@dataclass(frozen=True)
class Letters:
    """Answer FETCH from a folder of letters; the body of one is refused."""

    letters: Mapping[int, bytes]
    refused: int
    date: bytes = NOW.strftime("%d-%b-%Y %H:%M:%S +0000").encode()

    def play(self, connection: Connection) -> None:
        tag, _, command = connection.commands[-1].partition(b" ")
        uids = [int(each) for each in re.findall(rb"\d+", command.partition(b"(")[0])]
        is_body = b"BODY.PEEK[]" in command
        if is_body and self.refused in uids:
            connection.send(tag + b" NO [SERVERBUG] Cannot read it\r\n")
            return
        part = b"BODY[]<0>" if is_body else b"BODY[HEADER.FIELDS (FROM)]<0>"
        for uid in uids:
            if uid in self.letters:
                text = self.letters[uid]
                date = b"" if is_body else b'INTERNALDATE "%b" RFC822.SIZE 9 ' % self.date
                connection.send(
                    b"* %d FETCH (UID %d %b%b {%d}\r\n%b)\r\n" % (uid, uid, date, part, len(text), text)
                )
        connection.send(tag + b" OK done\r\n")


@contextmanager
def scripted_shop(program: Program, tmp_path: Path, script: Script) -> Iterator[str]:
    """Add an account at two scripted servers, and send from it; give the Message-ID."""
    secret = tmp_path / "secret"
    secret.write_text("a secret\n")
    with ScriptedServer(submission_script()) as submission, ScriptedServer(script) as mailbox:
        added = program.call(
            *("account", "add", "shop@shop.test", "--no-test", "--password-file", str(secret)),
            *("--smtp-host", "127.0.0.1", "--smtp-port", str(submission.port), "--encryption", "none"),
            *("--imap-host", "127.0.0.1", "--imap-port", str(mailbox.port), "--imap-encryption", "none"),
        )
        assert added.status == 0, added.err
        yield sent(program)


class TestLyingServers:
    def test_one_body_that_is_refused_does_not_hide_the_others(self, program: Program, tmp_path: Path):
        folder: dict[int, bytes] = {}
        script = mailbox_script(
            overrides={
                "EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 13] x\r\n"
                b"<tag> OK [READ-ONLY] x",
                "SEARCH": b"* SEARCH 10 11 12\r\n<tag> OK done",
                "FETCH": Letters(folder, refused=11),
            }
        )
        with scripted_shop(program, tmp_path, script) as original:
            for uid in (10, 11, 12):
                text = letter(subject=f"Re: {uid}", In_Reply_To=original)
                folder[uid] = text.replace("\n", "\r\n").encode()

            first = program.call("replies", "--json")
            second = program.call("replies", "--json")

        assert (first.status, second.status) == (0, 0)
        assert subjects(first.data["replies"]) == ["Re: 10", "Re: 12"]
        assert second.data["replies"] == []

    def test_uid_that_is_none_does_not_hide_later_ones(self, program: Program, tmp_path: Path):
        folder: dict[int, bytes] = {}
        next_uid = [b"4294967295"]

        class Examine:
            def play(self, connection: Connection) -> None:
                tag = connection.commands[-1].partition(b" ")[0]
                connection.send(
                    b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %b] x\r\n%b OK [READ-ONLY] x\r\n"
                    % (next_uid[0], tag)
                )

        script = mailbox_script(
            overrides={
                "EXAMINE": Examine(),
                "SEARCH": b"* SEARCH 10 4294967294\r\n<tag> OK done",
                "FETCH": Letters(folder, refused=0),
            }
        )
        with scripted_shop(program, tmp_path, script) as original:
            first = program.call("replies", "--json")
            next_uid[0] = b"11"
            folder[10] = letter(subject="Re: ten", In_Reply_To=original).replace("\n", "\r\n").encode()
            second = program.call("replies", "--json")

        assert first.data["replies"] == []
        assert subjects(second.data["replies"]) == ["Re: ten"]

    @pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Sao_Paulo"])
    def test_time_at_the_end_of_the_calendar_hides_nothing(self, program: Program, tmp_path: Path, zone: str):
        folder: dict[int, bytes] = {}
        script = mailbox_script(
            overrides={
                "EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 11] x\r\n"
                b"<tag> OK [READ-ONLY] x",
                "SEARCH": b"* SEARCH 10\r\n<tag> OK done",
                "FETCH": Letters(folder, refused=0, date=b"31-Dec-9999 23:59:59 +0000"),
            }
        )
        with scripted_shop(program, tmp_path, script) as original:
            folder[10] = letter(subject="Re: ten", In_Reply_To=original).replace("\n", "\r\n").encode()
            ended = Program(program.home, {**program.environ, "TZ": zone}).run("replies", "--json")

        assert ended.status == 0, ended.err
        assert subjects(ended.data["replies"]) == ["Re: ten"]


class TestBadInput:
    @pytest.mark.parametrize(
        "options",
        [
            ("--kind", "people"),
            ("--kind", ","),
            ("--folder", ","),
            ("--exec", ""),
            ("--exec", "say 'hello"),
            ("--account", "shop", "--all"),
            ("--since", "yesterday"),
            ("--since", "-3d"),
        ],
        ids=" ".join,
    )
    def test_option_that_makes_no_sense_is_a_wrong_usage(self, shop: Program, options: tuple[str, ...]):
        assert shop.call("replies", *options).status == ExitStatus.USAGE

    @pytest.mark.parametrize("name", ["No such folder", "A\r\nX LOGOUT", "\x00", "ä" * 300])
    def test_folder_that_cannot_be_opened_is_told(self, shop: Program, name: str):
        ended = shop.call("replies", "--folder", name, "--json")

        assert ended.codes == ["mailbox-unreadable"]
        assert ended.status != 0

    def test_other_folders_are_read_all_the_same(self, shop: Program, box: Box):
        box.put(letter(In_Reply_To=sent(shop)))

        ended = shop.call("replies", "--folder", f"Missing,{box.name}", "--json")

        assert (ended.status, ended.codes) == (ExitStatus.PARTIAL, ["mailbox-unreadable"])
        assert ended.data["total"] == 1

    def test_account_without_imap_is_told(self, program: Program):
        program.call(
            "account", "add", "me@shop.test", "--smtp-host", "127.0.0.1", "--smtp-port", "9", "--no-imap",
            "--encryption", "none", "--no-test", "--password-stdin", stdin="pw",
        )  # fmt: skip

        ended = program.call("replies", "--json")

        assert (ended.status, ended.codes) == (ExitStatus.CONFIG, ["account-imap-none"])

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (b"NO [ALERT] Your account is not enabled for IMAP use (Failure)", "auth-imap-disabled"),
            (b"NO [AUTHENTICATIONFAILED] Invalid credentials", "auth-rejected"),
        ],
        ids=["IMAP is off", "wrong password"],
    )
    def test_imap_that_is_switched_off_is_told_from_a_wrong_password(
        self, program: Program, answer: bytes, code: str
    ):
        script = mailbox_script(overrides={"AUTHENTICATE": answer})
        with ScriptedServer(submission_script()) as smtp, ScriptedServer(script) as imap:
            program.call(
                "account", "add", "me@shop.test", "--name", "me", "--no-test", "--encryption", "none",
                "--smtp-host", smtp.host, "--smtp-port", str(smtp.port), "--imap-host", imap.host,
                "--imap-port", str(imap.port), "--imap-encryption", "none", "--password-stdin", stdin="pw",
            )  # fmt: skip

            ended = program.call("replies", "--json")

        assert (ended.status, ended.codes) == (ExitStatus.NO_PERMISSION, [code])

    def test_wrong_password_is_told_and_tried_once(self, shop: Program):
        shop.call("account", "edit", "shop", "--password-stdin", "--no-test", stdin="wrong")

        ended = shop.call("replies", "--json")

        assert (ended.status, ended.codes) == (ExitStatus.NO_PERMISSION, ["auth-rejected"])


def test_bridge_that_knows_login_alone_and_signs_itself_is_read(program: Program, tmp_path: Path):
    bridge = self_signed(tmp_path)
    message = letter(subject="Hello from the bridge").replace("\n", "\r\n").encode()
    header = b"Subject: Hello from the bridge\r\n\r\n"
    capabilities = ("IMAP4rev1", "IDLE", "UIDPLUS")
    folder = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n<tag> OK [READ-ONLY] x\r\n"

    class Fetched:
        def play(self, connection: Any) -> None:
            line = connection.commands[-1]
            tag = line.split()[0]
            part, octets = (b"[]", message) if b"BODY.PEEK[]" in line else (b"[HEADER.FIELDS (FROM)]", header)
            date = f"{NOW:%d-%b-%Y %H:%M:%S} +0000".encode()
            connection.send(
                b'* 1 FETCH (UID 1 INTERNALDATE "%b" RFC822.SIZE 9 BODY%b<0> {%d}\r\n%b)\r\n%b OK done\r\n'
                % (date, part, len(octets), octets, tag)
            )

    overrides = {"EXAMINE": folder, "SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n", "FETCH": Fetched()}
    script = mailbox_script(overrides=overrides, tls_context=bridge.context(), capabilities=capabilities)
    with (
        ScriptedServer(submission_script(tls_context=bridge.context())) as smtp,
        ScriptedServer(script) as imap,
    ):
        added = program.call(
            "account", "add", "me@shop.test", "--name", "me", "--no-test", "--trust-cert",
            str(bridge.certificate), "--smtp-host", smtp.host, "--smtp-port", str(smtp.port),
            "--encryption", "starttls", "--imap-host", imap.host, "--imap-port", str(imap.port),
            "--imap-encryption", "starttls", "--password-stdin", stdin="pw",
        )  # fmt: skip
        assert added.status == 0, added.err

        ended = program.call("replies", "--unmatched", "--json")
        said = b"\n".join(imap.finished_connection().commands)

    assert ended.status == 0, ended.err
    assert subjects(ended.data["replies"]) == ["Hello from the bridge"]
    assert b" LOGIN " in said
    assert b"AUTHENTICATE" not in said


def test_all_accounts_are_read(shop: Program, mailhost: MailHost, box: Box):
    box.put(letter(In_Reply_To=sent(shop)))

    ended = shop.call("replies", "--all", "--folder", box.name, "--json")

    assert [each["account"] for each in ended.data["replies"]] == ["shop"]
