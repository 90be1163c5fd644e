"""Whatever ends or fails in the middle: what was promised is there, what may have gone is in doubt."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from fluenzr_smtp.outbox import State
from fluenzr_smtp.problems import ProblemCode
from tests.crash.injection import CHANGING, Ending, Server, _require_tracing
from tests.crash.outbox_writer import CONTENT, PROMISED, box_in, prepare
from tests.servers import require

_WRITER = Path(__file__).with_name("outbox_writer.py")
#: What SQLite adds to what our own files are written with.
CALLS = (*CHANGING, "pwrite64", "fdatasync", "ftruncate", "fallocate", "rmdir")
NAMED = {
    "",
    ProblemCode.DISK_FULL,
    ProblemCode.FILE_NOT_CREATED,
    ProblemCode.FILE_NOT_WRITTEN,
    ProblemCode.FILE_UNREADABLE,
    ProblemCode.OUTBOX_BUSY,
}
FAULTS = {
    "ENOSPC": (
        "openat",
        "write",
        "pwrite64",
        "fsync",
        "fdatasync",
        "rename",
        "mkdir",
        "ftruncate",
        "fallocate",
    ),
    "EIO": ("openat", "write", "pwrite64", "fsync", "fdatasync", "fchmod", "rename", "unlink", "ftruncate"),
    "EROFS": ("openat", "rename", "unlink", "mkdir"),
    "EACCES": ("openat", "rename", "unlink"),
    "ENOLCK": ("flock",),
}


@pytest.fixture(scope="module")
def server():
    (strace,) = require("strace")
    _require_tracing(strace)
    process = subprocess.Popen(
        [sys.executable, str(_WRITER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Server(strace, process)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@dataclass(frozen=True)
class Bench:
    """A folder with an outbox, made anew for each try in the same place; ``id`` is of its message."""

    folder: Path
    template: Path
    id: str

    def reset(self) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder)
        return self.folder


def bench_in(base: Path, **how: bool) -> Bench:
    (base / "template").mkdir(parents=True)
    id_ = prepare(base / "template", **how)
    return Bench(base / "work", base / "template", id_)


def calls_of(server: Server, action: str, folder: Path) -> Counter[str]:
    """Return how often each changing call is made by an action that nothing disturbs."""
    log = folder.with_name("calls")
    known = ",".join(f"?{name}" for name in CALLS)
    ending = server.run(action, folder, "-o", str(log), "-e", f"trace={known}", "-e", "signal=none")
    assert ending == Ending()
    return Counter(line.partition("(")[0] for line in log.read_text().splitlines() if "(" in line)


def killed_at_each_call(server: Server, bench: Bench, action: str):
    """Kill the action at each changing call; yield where that was, until it has come through."""
    tries = 0
    for call in calls_of(server, action, bench.reset()):
        at, ending = 1, Ending(signal=signal.SIGKILL)
        while ending.signal:
            folder = bench.reset()
            ending = server.disturbed(action, folder, call, "signal=KILL", at)
            assert not ending.bug, ending.bug
            assert not ending.code, ending.code
            yield f"{call} {at}"
            at += 1
            tries += 1
    assert tries > 10


def states_after(folder: Path) -> dict[str, State]:
    """Take over from the dead; return the state of each message by its Message-ID."""
    with box_in(folder) as box:
        box.recover()
        box.sweep()
        records = box.list()
        files = {each.name for each in (folder / "box" / "messages").iterdir()}
        assert files == {each.id for each in records if each.is_kept}
        for each in records:
            assert not each.is_kept or box.submission(each).content.whole() == CONTENT
        assert not any((folder / "box" / "owners").iterdir())
    return {each.message_id.strip("<>").partition("@")[0]: each.state for each in records}


def promise(folder: Path) -> str | None:
    path = folder / PROMISED
    return path.read_text() if path.exists() else None


def test_put_is_there_once_it_was_promised_whatever_kills_it(server, tmp_path):
    bench, found = bench_in(tmp_path), set()
    for where in killed_at_each_call(server, bench, "put"):
        states = states_after(bench.folder)
        assert states.pop("old") is State.QUEUED, where
        assert states in ({}, {"new": State.QUEUED}), where
        assert states or promise(bench.folder) is None, where
        found.add(bool(states))

    assert found == {True, False}


def test_first_put_of_all_is_there_or_not(server, tmp_path):
    bench = Bench(tmp_path / "work", tmp_path / "template", "")
    bench.template.mkdir()
    for where in killed_at_each_call(server, bench, "put"):
        if (bench.folder / "box" / "messages").exists():
            states = states_after(bench.folder)
            assert states in ({}, {"new": State.QUEUED}), where
            assert states or promise(bench.folder) is None, where
        with box_in(bench.folder) as box:
            assert box.is_writable(), where


def test_what_was_let_go_is_in_doubt_whatever_kills_it(server, tmp_path):
    bench, found = bench_in(tmp_path), set()
    for where in killed_at_each_call(server, bench, "depart"):
        states = states_after(bench.folder)
        assert states["old"] in {State.QUEUED, State.IN_DOUBT}, where
        if states["old"] is State.IN_DOUBT:
            assert states == {"old": State.IN_DOUBT, "direct": State.IN_DOUBT}, where
        else:
            assert "direct" not in states, where
            assert promise(bench.folder) is None, where
        found.add(states["old"])

    assert found == {State.QUEUED, State.IN_DOUBT}


def test_settled_is_settled_and_begun_is_never_free_again(server, tmp_path):
    bench, found = bench_in(tmp_path), set()
    for where in killed_at_each_call(server, bench, "settle"):
        told, state = promise(bench.folder), states_after(bench.folder)["old"]
        if told == "settled":
            assert state is State.ACCEPTED, where
        elif told is not None:
            assert state in {State.ACCEPTED, State.IN_DOUBT}, where
        found.add(state)

    assert found == {State.QUEUED, State.IN_DOUBT, State.ACCEPTED}


def test_taking_over_can_be_killed_and_done_again(server, tmp_path):
    bench = bench_in(tmp_path, has_dead=True)
    for where in killed_at_each_call(server, bench, "recover"):
        assert states_after(bench.folder) == {"old": State.IN_DOUBT}, where


def test_repair_can_be_killed_and_loses_no_message(server, tmp_path):
    bench = bench_in(tmp_path, is_damaged=True)
    for where in killed_at_each_call(server, bench, "repair"):
        with box_in(bench.folder) as box:
            box.repair()
            assert box.is_writable()
        assert states_after(bench.folder) == {"old": State.IN_DOUBT}, where
        aside = [each for each in (bench.folder / "box").glob("*.damaged-*") if each.suffix.endswith("Z")]
        assert [each.read_bytes()[:4] for each in aside] == [b"torn"], where


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("action", ["put", "depart", "settle"])
def test_fault_at_each_call_is_named_and_leaves_what_was_promised(server, tmp_path, action, fault):
    bench, told = bench_in(tmp_path), set()
    calls = calls_of(server, action, bench.reset())
    for call in set(FAULTS[fault]) & set(calls):
        for at in range(1, calls[call] + 1):
            folder = bench.reset()
            ending = server.disturbed(action, folder, call, f"error={fault}", at)
            where = f"{call} {at}: {ending}"
            assert ending.code in NAMED, where
            states = states_after(folder)
            if action == "put":
                assert states.pop("old") is State.QUEUED, where
                assert states or promise(folder) is None, where
            elif promise(folder) == "settled":
                assert states["old"] is State.ACCEPTED, where
            elif promise(folder) is not None:
                assert states["old"] is not State.QUEUED, where
            told.add(ending.code)

    assert told - {""}
    assert fault != "ENOSPC" or ProblemCode.DISK_FULL in told


def test_content_name_and_row_are_on_the_disk_before_put_returns(server, tmp_path):
    bench = bench_in(tmp_path)
    log = tmp_path / "log"

    server.run("put", bench.reset(), "-y", "-o", str(log), "-e", "trace=fsync,fdatasync,rename,openat")

    lines = log.read_text().splitlines()
    done = next(at for at, line in enumerate(lines) if PROMISED in line)
    steps = [
        next((at for at, line in enumerate(lines[:done]) if re.search(each, line)), None)
        for each in (
            r"sync\(\d+<.*/messages/\w{8}\.\w{16}\.part>",
            r"rename\(.*\.part\"",
            r"sync\(\d+<.*/messages>\)",
            r"sync\(\d+<.*/outbox\.sqlite-wal>\)",
        )
    ]
    assert None not in steps
    assert steps == sorted(steps)


def test_departure_is_on_the_disk_before_it_is_granted(server, tmp_path):
    bench = bench_in(tmp_path)
    log = tmp_path / "log"

    server.run("depart", bench.reset(), "-y", "-o", str(log), "-e", "trace=fsync,fdatasync,openat,pwrite64")

    lines = log.read_text().splitlines()
    done = next(at for at, line in enumerate(lines) if PROMISED in line)
    last = [line for line in lines[:done] if "outbox.sqlite-wal" in line][-1]
    assert re.search(r"f(data)?sync\(", last)


def test_many_processes_claim_each_message_once(tmp_path):
    with box_in(tmp_path) as box:
        from tests.crash.outbox_writer import NOW, submission

        for number in range(200):
            box.put(submission(f"<{number}@x>"), account="anna", lane="l", expires=NOW.replace(year=2027))
    children = [
        subprocess.Popen([sys.executable, "-c", CLAIMING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    taken = [id_ for each in children for id_ in json.loads(each.communicate(timeout=60)[0])]

    assert len(taken) == len(set(taken)) == 200


def test_killed_sender_leaves_its_message_in_doubt_and_the_living_one_keeps_its_own(tmp_path):
    with contextlib.ExitStack() as stack:
        living, child = (stack.enter_context(sender(tmp_path, name)) for name in ("living", "killed"))
        departed = {each.stdout.readline().strip() for each in (living, child)}

        child.kill()
        child.wait()

        with box_in(tmp_path) as box:
            doubtful = [each.message_id for each in box.recover()]
            states = {each.message_id: each.state for each in box.list()}
        living.stdin.close()
    assert departed == {"living", "killed"}
    assert doubtful == ["<killed@x>"]
    assert states == {"<killed@x>": State.IN_DOUBT, "<living@x>": State.SENDING}


def sender(folder: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SENDING, str(folder), name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


PRELUDE = f"""
import json, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.crash.outbox_writer import box_in, submission
"""
CLAIMING = f"""{PRELUDE}
taken = []
with box_in(Path(sys.argv[1])) as box:
    while claims := box.claim(limit=3):
        taken += [each.record.id for each in claims]
        box.step(departing=[each.record.id for each in claims], lane="l")
print(json.dumps(taken))
"""
SENDING = f"""{PRELUDE}
box = box_in(Path(sys.argv[1]))
claim = box.begin(submission(f"<{{sys.argv[2]}}@x>"), account="anna", lane="l")
box.step(departing=[claim.record.id], lane="l")
print(sys.argv[2], flush=True)
sys.stdin.read()
"""
