"""Many processes, many kills, full and broken disks: each message goes once, or is in doubt, or waits."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluenzr_smtp.problems import ExitStatus
from tests.crash.injection import _require_tracing
from tests.crash.mail import (
    CHUNKED,
    OFFERS,
    PATIENCE_SECONDS,
    PIPELINED,
    Mail,
    StrikeAt,
    mail_in,
    offering,
    require_exactly_once,
    sending,
    traced,
)
from tests.servers import require

KILLS = int(os.environ.get("FLUENZR_TEST_KILLS", "20"))
QUEUED = 30
#: What happens on a connection that carries some messages: about so many lines and replies.
HAPPENINGS = 60
#: What a write that fails is called; SQLite tells a full disk from a broken one by a write alone.
FULL = {"disk-full", "file-not-written"}
NAMED_FULL = {f"[{each}]".encode() for each in FULL}
_NOBODY = 65534


@pytest.fixture
def mail(tmp_path) -> Iterator[Mail]:
    with mail_in(tmp_path / "home", offering(CHUNKED)) as found:
        yield found


@pytest.fixture(scope="module")
def strace() -> str:
    (found,) = require("strace")
    _require_tracing(found)
    return found


def box_of(mail: Mail) -> Path:
    return mail.program.home / "fluenzr" / "outbox"


def together(mail: Mail, *commands: tuple[str, ...]) -> list[tuple[int, bytes]]:
    """Run command lines at the same time; return the status and stdout of each."""
    processes = [mail.program.start(*each) for each in commands]
    outputs = [each.communicate(timeout=PATIENCE_SECONDS)[0] for each in processes]
    return [(each.returncode, out) for each, out in zip(processes, outputs, strict=True)]


class TestKills:
    @pytest.mark.parametrize("offers", OFFERS)
    def test_random_kills_of_a_run_lose_nothing_and_double_nothing(self, tmp_path, offers):
        draw, names, kills = random.Random(offers), [], 0
        script = offering(OFFERS[offers])
        with mail_in(tmp_path / "home", script) as mail:
            while kills < max(1, KILLS // len(OFFERS)):
                if "queued" not in mail.states().values():
                    fresh = [f"m{len(names) + number}" for number in range(QUEUED)]
                    mail.queue(*fresh)
                    names += fresh
                at = draw.randint(1, HAPPENINGS)
                status = mail.struck(
                    "outbox", "run", "--json", script=lambda victim, at=at: (StrikeAt(script, victim, at),)
                )
                kills += status == -signal.SIGKILL
            states = mail.settle()

            require_exactly_once(mail, states, names)
            assert {"accepted", "in-doubt"} == set(states.values())


class TestAtOnce:
    def test_runs_at_the_same_time_send_each_message_once(self, mail):
        names = [f"m{number}" for number in range(40)]
        mail.queue(*names)

        ended = together(mail, *[("outbox", "run", "--json", "--connections", "2")] * 3)

        assert [status for status, _ in ended] == [0, 0, 0]
        assert mail.taken == dict.fromkeys(names, 1)
        assert mail.states() == dict.fromkeys(names, "accepted")
        assert sum(json.loads(out)["data"]["accepted"] for _, out in ended) == len(names)

    @pytest.mark.parametrize("how", [(), ("--queue",)], ids=["now", "queued"])
    def test_key_is_sent_once_however_many_processes_send_it(self, mail, how):
        ended = together(mail, *[sending("one", "--key", "invoice-1", *how)] * 8)

        assert mail.taken == {"one": 1}
        assert {status for status, _ in ended} <= {ExitStatus.OK, ExitStatus.TEMPORARY}
        assert ExitStatus.OK in {status for status, _ in ended}
        assert mail.program.call(*sending("one", "--key", "invoice-1", *how)).data["is_repeated"]
        assert mail.taken == {"one": 1}

    def test_limit_is_shared_by_processes(self, tmp_path):
        with mail_in(tmp_path / "home", offering(CHUNKED), "--limit", "3/1h") as mail:
            ended = together(mail, *[sending(f"m{number}") for number in range(5)])

            statuses = sorted(status for status, _ in ended)
            assert statuses == [0, 0, 0, ExitStatus.TEMPORARY, ExitStatus.TEMPORARY]
            assert mail.taken.total() == 3


class TestDisk:
    @pytest.mark.parametrize("call", ["pwrite64", "fsync", "fdatasync", "rename"])
    def test_failing_disk_keeps_nothing_half_and_is_told(self, tmp_path, strace, call):
        with mail_in(tmp_path / "home", offering(PIPELINED)) as mail:
            mail.queue("old")
            before = messages_of(mail)

            ended = failing(strace, mail, call, sending("one", "--queue"))

            assert codes_of(ended) <= FULL
            assert messages_of(mail) == before
            assert mail.states() == {"old": "queued"}
            assert mail.taken == {}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
    def test_full_disk_keeps_nothing_half_and_is_told(self, mail):
        box_of(mail).mkdir(mode=0o700)
        big = mail.program.home / "big.bin"
        big.write_bytes(bytes(1_000_000))
        line = mail.program_line(*sending("one", "--queue", "--attach", str(big)))
        looking = (
            f"mount -t tmpfs -o size=512k,mode=0700 none '{box_of(mail)}' || exit 99; \"$@\"; "
            f"echo $? >&2; find '{box_of(mail)}/messages' -type f >&2"
        )

        ended = subprocess.run(
            ["unshare", "-m", "sh", "-c", looking, "sh", *line, "--quiet"],
            env=mail.program.environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        if ended.returncode == 99:
            pytest.skip("nothing can be mounted here")
        found = json.loads(ended.stdout)

        assert [each["code"] for each in found["problems"]] == ["disk-full"]
        assert ended.stderr.decode().split() == [str(found["exit_code"])]  # and no file after it
        assert mail.taken == {}

    @pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
    def test_run_sends_nothing_that_it_cannot_write_down(self, tmp_path, strace, call):
        with mail_in(tmp_path / "home", offering(CHUNKED)) as mail:
            mail.queue("old")

            ended = failing(strace, mail, call, ("outbox", "run", "--json"))

            assert codes_of(ended) <= FULL
            assert mail.taken == {}
            assert mail.states() == {"old": "queued"}
            assert mail.settle() == {"old": "accepted"}
            assert mail.taken == {"old": 1}

    @pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
    def test_status_tells_whether_a_message_went_that_cannot_be_written_down(self, tmp_path, strace, call):
        with mail_in(tmp_path / "home", offering(CHUNKED)) as mail:
            mail.queue("old")

            ended = failing(strace, mail, call, sending("new"))

            went = {"new": 1} if ended.returncode == 0 else {}
            assert mail.taken == went
            assert went or codes_of(ended) <= FULL
            assert mail.states() == {"old": "queued"}

    @pytest.mark.parametrize("how", [(), ("--queue",)], ids=["now", "queued"])
    @pytest.mark.parametrize(("call", "step"), [("pwrite64", 5), ("fdatasync", 1)])
    def test_disk_that_fills_while_sending_hides_nothing_that_went(self, tmp_path, strace, call, step, how):
        rows = tmp_path / "rows.csv"
        promised, statuses = [], []
        with mail_in(tmp_path / "home", offering(CHUNKED), "--limit", "1000/1h") as mail:
            for at in itertools.count(1, step):
                fresh = [f"a{at}", f"b{at}"]
                rows.write_text("\n".join(["name", *fresh]))

                ended = failing(strace, mail, call, (*sending("{{name}}", *how), "--each", str(rows)), at)

                told = outcomes_in(json.loads(ended.stdout))
                assert [each for each in fresh if mail.taken[each]] == [
                    each for each in fresh if told.get(each) == "accepted"
                ]
                assert ended.returncode == 0 or codes_of(ended) <= FULL | {"recipients-partly-refused"}
                statuses.append(ended.returncode)
                promised += fresh if ended.returncode == 0 else []
                if statuses[-3:] == [0] * 3 and not NAMED_FULL & set(ended.stderr.split()):
                    break
            states = mail.settle()

            assert statuses[0] == ExitStatus.IO
            assert {states[each] for each in promised} <= {"accepted", "in-doubt"}
            assert mail.taken.total() == len(mail.taken)

    def test_file_that_may_not_grow_takes_no_message_on(self, mail):
        mail.queue("old")
        big = mail.program.home / "big.bin"
        big.write_bytes(bytes(3_000_000))
        line = mail.program_line(*sending("one", "--queue", "--attach", str(big)))

        ended = subprocess.run(
            ["prlimit", "--fsize=1000000", "--", *line],
            env=mail.program.environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS,
        )  # fmt: skip

        assert codes_of(ended) == {"disk-full"}
        assert mail.states() == {"old": "queued"}
        assert len(list((box_of(mail) / "messages").iterdir())) == 1
        assert mail.taken == {}

    def test_many_messages_are_taken_on_all_or_none(self, mail):
        mail.queue("old")
        rows = mail.program.home / "rows.jsonl"
        rows.write_text("".join(json.dumps({"text": "x\n" * size}) + "\n" for size in (1, 1, 40_000)))
        texts = ("--each", str(rows), "--body", "{{text}}" * 20)
        line = mail.program_line("send", "--queue", "--to", "one@b.test", "--json", *texts)

        ended = subprocess.run(
            ["prlimit", "--fsize=1000000", "--", *line],
            env=mail.program.environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS,
        )  # fmt: skip

        assert codes_of(ended) == {"disk-full"}
        assert mail.settle() == {"old": "accepted"}
        assert mail.taken == {"old": 1}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
    def test_message_is_sent_now_by_who_may_not_write_the_outbox(self, mail):
        mail.queue("old")
        line = mail.program_line(*sending("one"))
        become = as_somebody_else(mail)
        now = subprocess.run(
            [*become, *line], env=mail.program.environ, capture_output=True, stdin=subprocess.DEVNULL
        )
        line = mail.program_line(*sending("two", "--queue"))
        kept = subprocess.run(
            [*become, *line], env=mail.program.environ, capture_output=True, stdin=subprocess.DEVNULL
        )

        assert now.returncode == 0, now.stderr
        assert codes_of(kept) <= {"file-not-written", "file-not-created"}
        assert mail.taken == {"one": 1}


class TestLeaving:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
    @pytest.mark.parametrize("call", ["fdatasync", "sendto"])
    def test_signal_at_any_call_hides_nothing_that_went(self, tmp_path, strace, call, number):
        rows = tmp_path / "rows.csv"
        statuses = set()
        with mail_in(tmp_path / "home", offering(CHUNKED)) as mail:
            mail.queue("old")
            for at in itertools.count(1):
                fresh = [f"{each}{at}" for each in "abcdef"]
                rows.write_text("\n".join(["name", *fresh]))
                inject = f"inject={call}:signal={number.name}:when={at}"
                command = (*sending("{{name}}"), "--each", str(rows))

                options = ("-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
                ended = traced(strace, mail.program, command, *options)

                told = outcomes_in(json.loads(ended.stdout)) if ended.stdout else {}
                went = {each for each in fresh if mail.taken[each]}
                hidden = went - {
                    each for each, outcome in told.items() if outcome in {"accepted", "in-doubt"}
                }
                assert not hidden, (at, ended.returncode, ended.stdout, ended.stderr)
                assert {each for each in told if told[each] == "accepted"} <= went
                statuses.add(ended.returncode)
                if ended.returncode == 0 and len(went) == len(fresh) and at > 3:
                    break
        assert statuses <= {0, ExitStatus.INTERRUPTED, ExitStatus.IN_DOUBT, ExitStatus.PARTIAL, -number}


class TestDatabase:
    def test_locked_database_is_busy_and_nothing_is_sent(self, mail):
        mail.queue("one")
        before = mail.taken
        with contextlib.closing(
            sqlite3.connect(box_of(mail) / "outbox.sqlite", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")

            ended = together(mail, ("outbox", "run", "--json"), sending("two", "--queue"), sending("three"))

            other.execute("ROLLBACK")
        assert [status for status, _ in ended] == [ExitStatus.TEMPORARY] * 3
        assert [json.loads(out)["problems"][0]["code"] for _, out in ended] == ["outbox-busy"] * 3
        assert mail.taken == before
        assert mail.settle() == {"one": "accepted"}

    @pytest.mark.parametrize("damage", ["torn", "header", "empty-page"])
    def test_damaged_database_is_told_repaired_and_nothing_in_it_is_sent(self, mail, damage):
        # Processes all: none may have the database open that is repaired.
        for each in ("one", "two"):
            mail.program.run(*sending(each, "--queue-only"))
        break_database(box_of(mail) / "outbox.sqlite", damage)

        told = mail.program.run("outbox", "run", "--json")
        refused = mail.program.run(*sending("three", "--queue"))
        repaired = mail.program.run("outbox", "repair", "--json")

        assert told.codes == refused.codes == ["outbox-damaged"]
        assert len(repaired.data["messages"]) == 2
        assert Path(repaired.data["set_aside"]).exists()
        assert mail.settle() == {"one": "in-doubt", "two": "in-doubt"}
        assert mail.taken == {}

    def test_damaged_message_is_set_aside_and_the_rest_goes_on(self, mail):
        mail.queue("one", "two", "three")
        bad = next(each for each in messages_of(mail) if b"Subject: two" in each.read_bytes())
        bad.write_bytes(bad.read_bytes()[:-4] + b"evil")

        run = mail.run()

        assert "outbox-message-damaged" in [each["code"] for each in run["problems"]]
        assert mail.states() == {"one": "accepted", "two": "rejected", "three": "accepted"}
        assert mail.taken == {"one": 1, "three": 1}
        assert (box_of(mail) / "damaged" / bad.name).exists()

    def test_message_that_is_gone_is_rejected_and_the_rest_goes_on(self, mail):
        mail.queue("one", "two")
        next(each for each in messages_of(mail) if b"Subject: one" in each.read_bytes()).unlink()

        mail.run()

        assert mail.states() == {"one": "rejected", "two": "accepted"}
        assert mail.taken == {"two": 1}


def messages_of(mail: Mail) -> list[Path]:
    return sorted((box_of(mail) / "messages").iterdir())


def failing(
    strace: str, mail: Mail, call: str, command: tuple[str, ...], at: int = 1
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line for which each call of a kind, from the nth on, fails as on a full disk."""
    inject = f"inject={call}:error=ENOSPC:when={at}+"
    return traced(strace, mail.program, command, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)


def codes_of(ended: subprocess.CompletedProcess[bytes]) -> set[str]:
    """Return the problems that a command has ended with; there are some."""
    found = json.loads(ended.stdout)
    assert ended.returncode == found["exit_code"] != 0
    return {each["code"] for each in found["problems"]}


def outcomes_in(document: dict[str, Any]) -> dict[str, str]:
    """Return what a command told of each recipient, by the name of the mailbox."""
    messages = (document["data"] or {}).get("messages") or []
    return {
        each["recipient"].partition("@")[0]: each["outcome"]
        for found in messages
        for each in found["recipients"]
    }


def break_database(path: Path, damage: str) -> None:
    """Damage a database that nobody has open, with what stands in its log written into it."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    if damage == "torn":
        del content[len(content) // 2 :]
    elif damage == "header":
        content[:64] = b"torn" * 16
    else:
        content[4096 : 2 * 4096] = bytes(4096)
    path.write_bytes(content)


def as_somebody_else(mail: Mail) -> list[str]:
    """Give the home to an ordinary user who may only read the outbox; return how to become that user."""
    home = mail.program.home
    for folder in (home, *(each for each in home.parents if each.is_relative_to(home.parents[2]))):
        folder.chmod(0o755)
    for each in (home, *home.rglob("*")):
        os.chown(each, _NOBODY, _NOBODY)
    for each in (box_of(mail), *box_of(mail).rglob("*")):
        each.chmod(0o500 if each.is_dir() else 0o400)
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--"]
