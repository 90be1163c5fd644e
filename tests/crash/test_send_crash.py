"""Whatever kills a process that sends: nothing that was promised is lost, and nothing goes twice."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from fluenzr_smtp.problems import ExitStatus
from tests.crash.injection import _require_tracing
from tests.crash.mail import (
    CHUNKED,
    OFFERS,
    PIPELINED,
    Mail,
    Strike,
    Victim,
    mail_in,
    offering,
    require_exactly_once,
    sending,
    traced,
)
from tests.servers import require
from tests.servers.scripted import Close, ReadUntil, Script, Send

OK = b"250 2.0.0 Queued\r\n"
COMMANDS = {
    "send": sending("one"),
    "queue": sending("one", "--queue"),
    "run": ("outbox", "run", "--json"),
}
#: What a sending process does that a disk or a server gets to see.
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "sendto")
#: How many calls of each kind are disturbed; the more, the longer it takes.
SAMPLES = int(os.environ.get("FLUENZR_TEST_KILLED_CALLS", "2"))


def killed_at(offers: tuple[str, ...], step: str, victim: Victim) -> Script:
    """Return the script of a server that kills its client at a step of the dialogue."""
    strike = Strike(victim)
    if step == "first-byte":
        return offering(offers, DATA=(Send(b"354 Go on\r\n"), ReadUntil(b"Subject"), strike, Close()))
    if step == "before-reply":
        return offering(offers, END=(strike, Send(OK)))
    if step == "after-reply":
        return offering(offers, END=(Send(OK), strike))
    return offering(offers, **{step: (strike, Close())})


STEPS = {
    # where the server sees it: what may have become of a message by then
    "GREETING": {"queued"},
    "EHLO": {"queued"},
    "AUTH": {"queued"},
    "MAIL": {"in-doubt"},
    "RCPT": {"in-doubt"},
    "DATA": {"in-doubt"},
    "first-byte": {"in-doubt"},
    "BDAT": {"in-doubt"},
    "before-reply": {"in-doubt"},
    "after-reply": {"in-doubt", "accepted"},
    "QUIT": {"accepted"},
}
PLACES = [
    pytest.param(OFFERS[offers], step, id=f"{offers}-{step}")
    for offers in OFFERS
    for step in STEPS
    if step not in ({"DATA", "first-byte"} if offers == "chunked" else {"BDAT"})
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("offers", "step"), PLACES)
def test_kill_at_a_step_of_the_dialogue_neither_loses_nor_doubles(tmp_path, command, offers, step):
    with mail_in(tmp_path / "home", offering(offers)) as mail:
        if command == "run":
            mail.queue("one")

        status = mail.struck(*COMMANDS[command], script=lambda victim: killed_at(offers, step, victim))
        left = mail.states()
        recovered = mail.settle()

        assert status == -signal.SIGKILL
        require_exactly_once(mail, recovered, [] if command == "send" else ["one"])
        if STEPS[step] == {"queued"}:
            assert recovered == ({} if command == "send" else {"one": "accepted"})
        else:
            assert recovered["one"] in STEPS[step]
            assert mail.taken["one"] == (step in {"before-reply", "after-reply", "QUIT"})
        assert left.keys() == recovered.keys()


def test_message_in_doubt_is_told_by_status_and_not_sent_again(tmp_path):
    with mail_in(tmp_path / "home", offering(CHUNKED)) as mail:
        mail.struck(*COMMANDS["queue"], script=lambda victim: killed_at(CHUNKED, "before-reply", victim))

        first, second = mail.run(), mail.run()

        assert (first["exit_code"], first["data"]["in_doubt"]) == (ExitStatus.IN_DOUBT, 1)
        assert [each["code"] for each in first["problems"]] == ["outbox-in-doubt"]
        assert (second["exit_code"], second["data"]["messages"]) == (0, [])
        assert mail.states() == {"one": "in-doubt"}
        assert mail.taken == {"one": 1}


def test_same_key_after_a_crash_is_answered_with_doubt_and_not_sent_again(tmp_path):
    keyed = sending("one", "--key", "invoice-1")
    with mail_in(tmp_path / "home", offering(CHUNKED)) as mail:
        mail.struck(*keyed, script=lambda victim: killed_at(CHUNKED, "before-reply", victim))

        again = mail.program.call(*keyed)

        assert (again.status, again.codes) == (ExitStatus.IN_DOUBT, ["outbox-in-doubt"])
        assert mail.taken == {"one": 1}


@pytest.fixture(scope="module")
def strace() -> str:
    (found,) = require("strace")
    _require_tracing(found)
    return found


def calls_of(strace: str, mail: Mail, command: tuple[str, ...], log: Path) -> Counter[str]:
    """Return how often each call is made by a command that nothing disturbs."""
    traced(strace, mail.program, command, "-o", str(log), "-e", f"trace={','.join(CALLS)}")
    lines = (line.split(None, 1)[-1] for line in log.read_text().splitlines())
    return Counter(line.partition("(")[0] for line in lines if "(" in line)


@pytest.mark.parametrize("command", COMMANDS)
def test_kill_at_a_system_call_neither_loses_nor_doubles(tmp_path, strace, command):
    draw = random.Random(command)
    with mail_in(tmp_path / "home", offering(PIPELINED)) as mail:
        mail.queue("one")
        calls = calls_of(strace, mail, COMMANDS[command], tmp_path / "log")
        places = [
            (call, at)
            for call, count in calls.items()
            for at in draw.sample(range(1, count + 1), min(SAMPLES, count))
        ]
    killed = 0
    for call, at in places:
        with mail_in(tmp_path / f"{call}-{at}", offering(PIPELINED)) as mail:
            if command == "run":
                mail.queue("one")
            inject = f"inject={call}:signal=KILL:when={at}"
            ended = traced(
                strace,
                mail.program,
                COMMANDS[command],
                "-o",
                "/dev/null",
                "-e",
                f"trace={call}",
                "-e",
                inject,
            )
            states = mail.settle()

        is_promised = command == "run" or (command == "queue" and ended.returncode == 0)
        require_exactly_once(mail, states, ["one"] if is_promised else [])
        killed += ended.returncode == -signal.SIGKILL
    assert killed >= len(places) // 2
