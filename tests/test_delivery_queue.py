"""The queue against servers that go away at any byte of their answers: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fluenzr_smtp.delivery import Delivery, Lane, Later, QueueRun
from fluenzr_smtp.model import Clock, Envelope, Octets, Security, StoredAccount, Submission
from fluenzr_smtp.outbox import Outbox, State
from fluenzr_smtp.problems import ProblemCode
from tests.outboxes import START, Watch
from tests.servers.scripted import Close, Connection, Reset, Script, ScriptedServer, submission_script
from tests.servers.scripted.connection import ScriptOverError
from tests.sessions import PATIENT, REAL_CLOCK, SECRET, account_of, endpoint_at

OFFERS = {
    "one-by-one": ("SIZE",),
    "pipelined": ("PIPELINING", "SIZE"),
    "chunked": ("PIPELINING", "SIZE", "CHUNKING"),
}
#: More than all that a server says to two messages.
MOST_SAID = 1200
CUT_EVERY = 7
EVERY_BYTE = bool(os.environ.get("FLUENZR_TEST_EVERY_BYTE"))
LATER = b"451 4.3.0 Try again later"


@dataclass
class Cutting:
    """A script that is cut once the server has said ``left`` bytes, on whatever connections; then no more."""

    script: Script
    left: int | None = None
    ending: Close | Reset = field(default_factory=Close)

    def play(self, connection: Connection) -> None:
        send = connection.send

        def send_within(data: bytes) -> None:
            if self.left is None:
                send(data)
                return
            said, self.left = data[: self.left], max(0, self.left - len(data))
            if said:
                send(said)
            if self.left == 0:
                self.left = None
                self.ending.play(connection)
                raise ScriptOverError

        connection.send = send_within  # type: ignore[method-assign]
        for step in self.script:
            step.play(connection)


@dataclass
class Desk:
    """An outbox, the server of its one account, and a clock that is set; the network's time is real."""

    box: Outbox
    server: ScriptedServer
    watch: Watch
    lane: Lane
    free: datetime | None = None  # when the account may be used again, as the last run has told

    def put(self, *names: str, to: tuple[str, ...] = ()) -> None:
        for name in names:
            envelope = Envelope(mail_from="shop@shop.test", recipients=to or (f"{name}@b.test",))
            content = Octets(f"Subject: {name}\r\n\r\nText\r\n".encode())
            message = Submission(envelope=envelope, message_id=f"<{name}@shop.test>", content=content)
            self.box.put(
                message, account="shop", lane=self.lane.key, expires=self.watch.time + timedelta(days=2)
            )

    def run(self) -> list[Delivery]:
        """Run the queue once."""
        queue = self.queue()
        found = list(queue.deliver())
        told = (each.facts.get("retry_after") for each in queue.held.values())
        self.free = min((datetime.fromisoformat(str(each)) for each in told if each), default=None)
        return found

    def queue(self) -> QueueRun:
        clock = Clock(now=lambda: self.watch.time, monotonic=REAL_CLOCK.monotonic, sleep=REAL_CLOCK.sleep)
        return QueueRun(
            outbox=self.box,
            lane_of=lambda _: self.lane,
            terms=Later(clock=clock, draw=lambda: 0.5),
            clock=clock,
            timeout=PATIENT,
        )

    def run_later(self) -> list[Delivery]:
        """Run the queue again when everything is due, until nothing is."""
        found: list[Delivery] = []
        for _ in range(20):
            due = self.box.next_due()
            if due is None:
                return found
            self.watch.time = max(self.watch.time, due, self.free or due)
            found += self.run()
        raise AssertionError("the queue does not come to its end")

    def states(self) -> dict[str, State]:
        return {each.message_id.strip("<").partition("@")[0]: each.state for each in self.box.list()}

    @property
    def taken(self) -> dict[str, int]:
        """How often the server has taken each message."""
        found: dict[str, int] = {}
        for each in self.server.connections:
            for message in each.messages:
                name = message.partition(b"\r\n")[0].removeprefix(b"Subject: ").decode()
                found[name] = found.get(name, 0) + 1
        return found


@contextmanager
def desk_with(folder: Path, server: ScriptedServer, **more: object) -> Iterator[Desk]:
    watch = Watch()
    account = account_of(endpoint_at(server.host, server.port, Security.NONE))
    stored = StoredAccount(account=account, secret=SECRET, created=START, secret_changed=START)
    with Outbox(folder, clock=watch.clock, busy_seconds=1) as box:
        yield Desk(box, server, watch, Lane(stored=stored, **more))  # type: ignore[arg-type]


def require_settled(desk: Desk, names: tuple[str, ...], where: str) -> None:
    states, taken = desk.states(), desk.taken
    assert set(states) == set(names), f"{where}: lost"
    assert max(taken.values(), default=0) <= 1, f"{where}: twice"
    for name, state in states.items():
        assert state in {State.ACCEPTED, State.IN_DOUBT}, f"{where}: {name} is {state}"
        assert state is State.IN_DOUBT or taken.get(name) == 1, f"{where}: {name} never went"


@pytest.mark.parametrize("ending", [Close(), Reset()], ids=["closed", "reset"])
@pytest.mark.parametrize("offers", OFFERS)
def test_server_gone_at_any_byte_of_its_answers_loses_nothing_and_doubles_nothing(tmp_path, offers, ending):
    cutting = Cutting(submission_script(capabilities=OFFERS[offers]), ending=ending)
    found: set[State] = set()
    count, was_cut = 0, True
    # What servers of today offer at every byte; the rest at some, unless it is asked for.
    is_thorough = EVERY_BYTE or (offers == "chunked" and ending == Close())
    with ScriptedServer((cutting,)) as server:
        while was_cut:
            names = (f"one{count}", f"two{count}")
            cutting.left = count
            with desk_with(tmp_path / str(count), server) as desk:
                server.connections.clear()
                desk.put(*names)
                desk.run()
                was_cut, cutting.left = cutting.left is None, None
                desk.run_later()

                require_settled(desk, names, f"cut after {count} bytes")
                found |= set(desk.states().values())
            count += 1 if is_thorough else CUT_EVERY
            assert count < MOST_SAID

    assert found == {State.ACCEPTED, State.IN_DOUBT}


def test_message_in_doubt_does_not_hold_up_the_others(tmp_path):
    doubtful = submission_script(overrides={".": Close()})
    with (
        ScriptedServer(doubtful, submission_script()) as server,
        desk_with(tmp_path / "box", server) as desk,
    ):
        desk.put("one")
        desk.run()
        desk.put("two", "three")

        desk.run_later()

        assert desk.states() == {
            "one": State.IN_DOUBT, "two": State.ACCEPTED, "three": State.ACCEPTED
        }  # fmt: skip
        assert desk.taken == {"one": 1, "two": 1, "three": 1}


@pytest.mark.parametrize(
    "overrides",
    [{"GREETING": b"xyz"}, {"MAIL": b"250 2.1.0 Ok\r\n250 2.1.0 Ok"}, {"DATA": b"250 Ok"}, {"RCPT": b"xyz"}],
    ids=["greeting", "mail-twice", "data", "recipient"],
)
def test_server_that_speaks_nonsense_has_refused_nothing_for_good(tmp_path, overrides):
    with (
        ScriptedServer(submission_script(overrides=overrides), submission_script()) as server,
        desk_with(tmp_path / "box", server) as desk,
    ):
        desk.put("one")

        desk.run_later()

        assert desk.states() == {"one": State.ACCEPTED}
        assert desk.taken == {"one": 1}


class TestClock:
    def test_deferred_message_is_due_again_after_a_pause_that_grows(self, tmp_path):
        script = submission_script(overrides={"MAIL": LATER})
        with ScriptedServer(script) as server, desk_with(tmp_path / "box", server) as desk:
            desk.put("one")
            pauses = []

            for _ in range(4):
                desk.run()
                pauses.append(desk.box.next_due() - desk.watch.time)
                desk.watch.time += pauses[-1]

            assert pauses == sorted(set(pauses))
            assert pauses[0] < timedelta(minutes=2)

    def test_message_goes_at_once_when_the_clock_is_set_far_back(self, tmp_path):
        """What is due later than anything ever waits was written by a clock that was wrong."""
        script = submission_script(overrides={"MAIL": LATER})
        with (
            ScriptedServer(script, submission_script()) as server,
            desk_with(tmp_path / "box", server) as desk,
        ):
            desk.watch.go(days=4000)
            desk.put("one")
            desk.run()
            desk.watch.go(days=-4000)

            desk.run()

            assert desk.states() == {"one": State.ACCEPTED}

    def test_message_whose_time_is_up_is_given_up_and_not_sent(self, tmp_path):
        with ScriptedServer(submission_script()) as server, desk_with(tmp_path / "box", server) as desk:
            desk.put("one")
            desk.watch.go(days=2, seconds=1)

            given_up = desk.box.expire()
            desk.run()

            assert [each.problem.code for each in given_up] == [ProblemCode.OUTBOX_EXPIRED]
            assert desk.states() == {"one": State.REJECTED}
            assert desk.taken == {}

    def test_clock_set_back_gives_a_message_no_less_time(self, tmp_path):
        with ScriptedServer(submission_script()) as server, desk_with(tmp_path / "box", server) as desk:
            desk.put("one")
            desk.watch.go(days=-30)

            given_up = desk.box.expire()
            desk.run_later()

            assert given_up == ()
            assert desk.states() == {"one": State.ACCEPTED}
