"""``fluenzr outbox`` and ``send --queue``: kept, tried, looked at, settled."""

from __future__ import annotations

import json
import signal

import pytest

from tests.cli.program import Ended, Program, environment_account
from tests.servers.mailhost import MailHost
from tests.servers.postfix import GREYLISTED
from tests.servers.scripted import Close, ScriptedServer, submission_script

QUEUE = ("send", "--queue", "--subject", "Queued", "--body", "It waits.")


def listed(program: Program, *arguments: str) -> dict[str, str]:
    """Return the state of each message by its identifier."""
    ended = program.call("outbox", "list", "--json", *arguments)
    assert ended.status == 0
    return {each["id"]: each["state"] for each in ended.data["messages"]}


def test_message_taken_on_is_tried_at_once_and_not_listed_when_accepted(shop: Program, mailhost: MailHost):
    ended = shop.call(*QUEUE, "--to", "shop@shop.test", "--json")

    assert (ended.status, ended.data["recipients"][0]["outcome"]) == (0, "accepted")
    mailhost.wait_for_message("shop@shop.test", ended.data["message_id"])
    assert listed(shop) == {}
    assert listed(shop, "--all") == {ended.data["id"]: "accepted"}


def test_refusal_for_now_waits_and_can_be_cancelled(shop: Program):
    ended = shop.call(*QUEUE, "--to", GREYLISTED, "--json")
    (waiting,) = listed(shop)
    shown = shop.call("outbox", "show", waiting[:4], "--json").data["message"]

    cancelled = shop.call("outbox", "cancel", waiting)

    assert ended.status == 0
    assert (ended.data["queued"], ended.data["due"] is not None) == (1, True)
    assert (shown["state"], shown["attempts"], shown["recipients"][0]["reply"]["code"]) == (
        "deferred",
        1,
        450,
    )
    assert cancelled.out == f"cancelled  {waiting}\n"
    assert listed(shop, "--all") == {}


def test_refusal_for_good_tells_its_status_and_can_be_tried_again(shop: Program):
    ended = shop.call(*QUEUE, "--to", "nobody@shop.test", "--json")
    (refused,) = listed(shop)

    again = shop.call("outbox", "retry", refused)
    run = shop.call("outbox", "run", "--json")

    assert (ended.status, again.status, run.status) == (67, 0, 67)
    assert (run.data["rejected"], run.codes) == (1, ["recipient-refused"])
    assert listed(shop) == {refused: "rejected"}


def test_partly_refused_message_goes_to_the_others_and_stays_in_the_list(shop: Program, mailhost: MailHost):
    ended = shop.call(*QUEUE, "--to", "shop@shop.test", "--to", "nobody@shop.test", "--json")

    assert ended.status == 80
    mailhost.wait_for_message("shop@shop.test", ended.data["message_id"])
    assert listed(shop) == {ended.data["id"]: "accepted"}


def test_retry_after_a_part_was_refused_tells_of_that_part_alone(shop: Program):
    ended = shop.call(*QUEUE, "--to", "shop@shop.test", "--to", "nobody@shop.test", "--json")

    shop.call("outbox", "retry", ended.data["id"])
    run = shop.call("outbox", "run")

    assert run.status == 67
    assert "nobody@shop.test" in run.out
    assert "shop@shop.test" not in run.out.replace("nobody@shop.test", "")


def test_key_of_a_refused_message_says_that_nothing_was_tried_again(shop: Program):
    first = shop.call(*QUEUE, "--to", "nobody@shop.test", "--key", "order-1")
    again = shop.call(*QUEUE, "--to", "nobody@shop.test", "--key", "order-1")

    assert (first.status, again.status) == (67, 67)
    assert "nothing was tried now" not in first.err
    assert "nothing was tried now" in again.err


@pytest.mark.parametrize("kept", [(), ("--queue",)], ids=["now", "queue"])
def test_key_used_for_a_message_to_others_is_told(shop: Program, kept: tuple[str, ...]):
    message = ("send", *kept, "--key", "order-2", "--body", "Hello")
    shop.call(*message, "--to", "shop@shop.test")

    other = shop.call(*message, "--to", "office@shop.test", "--json")

    assert (other.status, other.codes) == (65, ["outbox-key-used"])
    assert other.data["recipients"][0]["recipient"] == "office@shop.test"


def test_waiting_message_is_told_with_what_sends_it(shop: Program):
    ended = shop.call(*QUEUE, "--to", GREYLISTED)

    assert "It waits: " in ended.err
    assert "'fluenzr outbox run' sends it, from " in " ".join(ended.err.split())


def test_message_of_which_some_wait_and_some_are_refused_is_partly_done(shop: Program):
    ended = shop.call(*QUEUE, "--to", GREYLISTED, "--to", "nobody@shop.test", "--json")
    shown = shop.call("outbox", "show", ended.data["id"], "--json").data["message"]

    assert (ended.status, ended.codes) == (80, ["recipients-partly-refused", "recipient-refused"])
    assert (shown["state"], shown["problem"]["code"]) == ("deferred", "greylisted")


def test_run_of_which_some_are_refused_is_partly_done(shop: Program):
    for address in ("shop@shop.test", "nobody@shop.test"):
        shop.call("send", "--queue-only", "--to", address, "--body", "Hello")

    run = shop.call("outbox", "run", "--json")

    assert (run.status, run.codes) == (80, ["recipients-partly-refused", "recipient-refused"])


def test_mended_account_sends_at_the_next_run_what_it_held_up(shop: Program, mailhost: MailHost):
    port = str(shop.account("shop")["smtp"]["port"])
    shop.call("account", "edit", "shop", "--smtp-port", "9", "--no-test")
    waits = shop.call(*QUEUE, "--to", "shop@shop.test", "--json")
    shop.call("send", "--queue-only", "--to", "shop@shop.test", "--body", "x")
    held = shop.call("outbox", "run")
    quiet = shop.call("outbox", "run", "--quiet")

    shop.call("account", "edit", "shop", "--smtp-port", port, "--no-test")
    run = shop.call("outbox", "run", "--json")

    assert (waits.status, waits.data["queued"]) == (0, 1)
    assert (held.status, quiet.status, quiet.err) == (75, 75, "")
    assert "shop waits until " in held.err
    assert (run.status, run.data["accepted"]) == (0, 2)


def in_doubt(program: Program, *arguments: str) -> Ended:
    """Send to a server that is gone after the last byte."""
    with ScriptedServer(submission_script(overrides={".": (Close(),)}, capabilities=())) as server:
        program.call(
            "account", "edit", "shop", "--smtp-host", "127.0.0.1", "--smtp-port", str(server.port),
            "--encryption", "none", "--no-test",
        )  # fmt: skip
        return program.call("send", *arguments, "--to", "shop@shop.test", "--body", "x", "--json")


def test_doubt_leads_to_what_settles_it(shop: Program):
    ended = in_doubt(shop, "--key", "order-3")

    again = shop.call("send", "--key", "order-3", "--to", "shop@shop.test", "--body", "x")
    retry = shop.call("outbox", "retry", ended.data["id"])

    assert (ended.status, again.status, retry.status) == (81, 81, 64)
    for each in (again, retry):
        assert f"fluenzr outbox resolve {ended.data['id']}" in " ".join(each.err.split())


def test_doubt_about_a_message_that_was_not_kept_is_released(shop: Program):
    message = in_doubt(shop).data["id"]

    released = shop.call("outbox", "resolve", message, "--as", "queued")

    assert (released.status, released.out) == (0, f"released  {message}\n")
    assert listed(shop) == {}
    assert "send it again yourself" in released.err


def test_account_that_leaves_messages_behind_says_so_when_it_is_removed(shop: Program):
    shop.call("send", "--queue-only", "--to", "shop@shop.test", "--body", "x")

    removed = shop.call("account", "remove", "shop", "--yes")

    assert removed.status == 0
    assert "'fluenzr outbox cancel --all --account shop'" in " ".join(removed.err.split())


def test_row_at_fault_is_named(shop: Program):
    rows = shop.home / "rows.csv"
    rows.write_text("to\nshop@shop.test\nshop at shop\n")

    ended = shop.call("send", "--each", str(rows), "--to", "{{to}}", "--body", "Hello", "--json")

    assert ended.status == 65
    assert "Row 2 of " in ended.err
    assert ended.document["problems"][0]["facts"]["row"] == 2


def test_messages_of_which_some_wait_are_counted_as_messages(shop: Program):
    rows = shop.home / "rows.csv"
    rows.write_text("to\nshop@shop.test\nnobody@shop.test\n")

    ended = shop.call("send", "--each", str(rows), "--to", "{{to}}", "--body", "Hello")

    assert ended.status == 80
    assert "1 of 2 messages were accepted" in ended.err


def test_queue_only_leaves_it_to_a_run_over_several_connections(shop: Program, mailhost: MailHost):
    ids = [
        shop.call(*QUEUE[:1], "--queue-only", "--to", "shop@shop.test", "--body", str(number), "--json").data
        for number in range(6)
    ]

    run = shop.call("outbox", "run", "--connections", "3", "--json")

    assert (run.status, run.data["accepted"], run.data["next_due"]) == (0, 6, None)
    for each in ids:
        mailhost.wait_for_message("shop@shop.test", each["message_id"])


def test_key_is_sent_once_whether_queued_or_not(shop: Program):
    first = shop.call("send", "--to", "shop@shop.test", "--body", "x", "--key", "k", "--json")
    second = shop.call("send", "--to", "shop@shop.test", "--body", "x", "--key", "k", "--json")
    third = shop.call(*QUEUE, "--to", "shop@shop.test", "--key", "k", "--json")

    assert [each.data["is_repeated"] for each in (first, second, third)] == [False, True, True]
    assert {each.data["message_id"] for each in (first, second, third)} == {first.data["message_id"]}
    assert {each.data["key"] for each in (first, second, third)} == {"k"}


def test_message_in_doubt_is_kept_and_settled_by_what_the_mailbox_holds(shop: Program, mailhost: MailHost):
    ended = in_doubt(shop)

    unknown = shop.call("outbox", "resolve", "--json")
    known = shop.call("outbox", "resolve", ended.data["id"], "--as", "accepted")

    assert (ended.status, ended.codes) == (81, ["outbox-in-doubt"])
    assert (unknown.status, unknown.data["messages"][0]["verdict"]) == (81, None)
    assert known.out == f"accepted  {ended.data['id']}\n"
    assert listed(shop) == {}


def test_copy_is_put_among_the_sent_mail(shop: Program, mailhost: MailHost):
    ended = shop.call("send", "--to", "second@shop.test", "--body", "x", "--save-sent", "--json")

    assert (ended.status, ended.data["sent_folder"], ended.data["sent_problem"]) == (0, "Sent", None)
    copies = mailhost.maildir("shop@shop.test", folder="Sent")
    assert any(ended.data["message_id"].encode() in each for each in copies)


def test_copy_of_a_kept_message_is_put_there_too(shop: Program, mailhost: MailHost):
    now = shop.call(*QUEUE, "--to", "second@shop.test", "--save-sent", "--json")
    later = shop.call(
        "send", "--queue-only", "--to", "second@shop.test", "--body", "x", "--save-sent", "--json"
    )
    run = shop.call("outbox", "run")

    copies = b"".join(mailhost.maildir("shop@shop.test", folder="Sent"))
    assert (now.status, now.data["sent_folder"], run.status) == (0, "Sent", 0)
    assert now.data["message_id"].encode() in copies
    assert later.data["message_id"].encode() in copies


def test_key_of_a_message_that_waits_is_told_as_waiting(shop: Program):
    shop.call("send", "--queue-only", "--to", "shop@shop.test", "--body", "x", "--key", "k")

    ended = shop.call("send", "--to", "shop@shop.test", "--body", "x", "--key", "k")

    assert ended.status == 0
    assert ended.out.startswith("queued  ")


def test_wait_tells_once_what_it_waits_for(shop: Program):
    shop.call("account", "edit", "shop", "--limit", "1/2s", "--no-test")
    shop.call("send", "--to", "shop@shop.test", "--body", "x")

    ended = shop.call("send", "--to", "shop@shop.test", "--body", "x", "--wait")

    assert (ended.status, ended.err.count("waiting until")) == (0, 1)


def test_copy_that_cannot_be_filed_does_not_make_the_message_unsent(program: Program):
    with ScriptedServer(submission_script()) as server:
        told = program.with_variables(
            **environment_account(server.port), FLUENZR_IMAP_URL="imaps://me%40shop.test@127.0.0.1:9"
        )
        ended = told.call("send", "--to", "you@example.org", "--body", "x", "--save-sent", "--json")

    assert (ended.status, ended.data["sent_problem"]["code"]) == (0, "sent-not-saved")


def test_limit_is_counted_and_told_with_the_moment_of_the_next(shop: Program):
    shop.call("account", "edit", "shop", "--limit", "2/1h", "--no-test")
    statuses = [shop.call("send", "--to", "shop@shop.test", "--body", str(each)).status for each in range(2)]

    third = shop.call("send", "--to", "shop@shop.test", "--body", "3", "--json")
    queued = shop.call(*QUEUE, "--to", "shop@shop.test", "--json")

    assert (statuses, third.status, third.codes) == ([0, 0], 75, ["limit-reached"])
    facts = third.document["problems"][0]["facts"]
    assert (facts["limit"], "retry_after" in facts) == ("2/1h", True)
    assert (queued.status, queued.data["queued"]) == (0, 1)


def test_one_message_goes_out_for_each_row(shop: Program, mailhost: MailHost):
    rows = shop.home / "people.csv"
    rows.write_text('name;email\nZoë;shop@shop.test\n"Bob; the second";second@shop.test\n', "utf-8")

    ended = shop.call(
        "send", "--each", str(rows), "--to", "{{name}} <{{email}}>", "--subject", "Hello {{name}}",
        "--body", "Dear {{ name }}, {{greeting}}.", "--var", "greeting=welcome", "--key", "hello-{{email}}",
        "--json",
    )  # fmt: skip

    assert (ended.status, ended.data["total"], ended.data["accepted"]) == (0, 2, 2)
    second = mailhost.wait_for_message("second@shop.test", ended.data["messages"][1]["message_id"])
    assert b"Subject: Hello Bob; the second" in second
    assert b"Dear Bob; the second, welcome." in second


def test_fault_in_the_last_row_is_told_before_anything_is_sent(shop: Program, mailhost: MailHost):
    rows = shop.home / "people.jsonl"
    rows.write_text('{"email": "shop@shop.test"}\n{"email": "no address"}\n', "utf-8")
    before = len(mailhost.maildir("shop@shop.test"))

    ended = shop.call("send", "--each", str(rows), "--to", "{{email}}", "--body", "x", "--json")

    assert (ended.status, ended.codes) == (65, ["address-malformed"])
    assert len(mailhost.maildir("shop@shop.test")) == before


def test_key_that_two_rows_share_or_that_is_empty_is_refused(shop: Program):
    rows = shop.home / "rows.csv"
    rows.write_text("email,id\nshop@shop.test,1\nshop@shop.test,1\n", "utf-8")
    base = ("send", "--to", "shop@shop.test", "--body", "x", "--json")

    shared = shop.call(*base, "--each", str(rows), "--key", "{{id}}")
    empty = shop.call(*base, "--key", " ")

    assert (shared.status, shared.codes) == (64, ["usage-invalid"])
    assert (empty.status, empty.codes) == (64, ["usage-invalid"])


def test_dry_run_prints_the_message_and_sends_nothing(shop: Program, mailhost: MailHost):
    before = len(mailhost.maildir("shop@shop.test"))

    ended = shop.call("send", "--to", "shop@shop.test", "--subject", "Dry", "--body", "x", "--dry-run")

    assert ended.status == 0
    assert "Subject: Dry\r\n" in ended.out or "Subject: Dry\n" in ended.out
    assert len(mailhost.maildir("shop@shop.test")) == before


def test_progress_of_many_messages_is_shown_at_a_terminal_and_not_with_quiet(shop: Program):
    rows = shop.home / "rows.csv"
    rows.write_text("email\n" + "shop@shop.test\n" * 25, "utf-8")
    arguments = ("send", "--each", str(rows), "--to", "{{email}}", "--body", "x")

    shown = shop.at_terminal(*arguments)
    quiet = shop.at_terminal(*arguments, "--quiet")

    assert "/25" in shown.err
    assert "accepted 25 of 25" in shown.out
    assert (quiet.out, quiet.err) == ("", "")


def test_watch_sends_what_comes_and_ends_when_told(shop: Program, mailhost: MailHost):
    process = shop.start("outbox", "run", "--watch", "--json")
    ended = shop.call("send", "--queue-only", "--to", "shop@shop.test", "--body", "x", "--json")
    mailhost.wait_for_message("shop@shop.test", ended.data["message_id"], seconds=20)

    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)

    (line,) = out.decode().splitlines()
    assert process.returncode == 0
    assert json.loads(line)["data"]["accepted"] == 1


def test_prune_takes_only_what_is_done_with_and_old(shop: Program):
    shop.call(*QUEUE, "--to", "shop@shop.test")
    shop.call(*QUEUE, "--to", GREYLISTED)

    young = shop.call("outbox", "prune", "--json")
    waiting = shop.call("outbox", "prune", "--state", "queued")

    assert (young.status, young.data["pruned"], waiting.status) == (0, 0, 64)
    assert sorted(listed(shop, "--all").values()) == ["accepted", "deferred"]


def test_account_that_is_renamed_keeps_what_waits(shop: Program):
    shop.call("send", "--queue-only", "--to", "shop@shop.test", "--body", "x")
    shop.call("account", "rename", "shop", "store")

    ended = shop.call("outbox", "run", "--json")

    assert (ended.status, ended.data["accepted"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--give-up", "1d"), "--queue"), (("--inline", "logo=logo.png"), "--html")],
    ids=["give-up", "inline"],
)
def test_option_that_would_do_nothing_is_refused(shop: Program, arguments: tuple[str, ...], named: str):
    ended = shop.call("send", *arguments, "--to", "shop@shop.test", "--body", "x")

    assert (ended.status, named in ended.err) == (64, True)


def test_picture_that_nobody_gives_is_told(shop: Program):
    ended = shop.call("send", "--to", "shop@shop.test", "--html", "<img src='cid:logo'>", "--dry-run")

    assert ended.status == 0
    assert "cid:logo" in ended.err
