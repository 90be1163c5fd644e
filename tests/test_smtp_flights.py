"""Messages on their way over one connection: dense, in order, and with a claim for each that holds."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import (
    Content,
    Envelope,
    Octets,
    Outcome,
    RecipientOutcome,
    Skill,
    Skills,
    Submission,
)
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.smtp import PromiseBrokenError, Settled, SMTPSession
from tests.servers.scripted import (
    Close,
    Connection,
    ReadLine,
    Script,
    ScriptedServer,
    Send,
    Silence,
    Step,
    submission_script,
)
from tests.servers.scripted.connection import ScriptOverError
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, SENDER, endpoint_of

CODE = ProblemCode
BOTH = frozenset(Skill)
PROVEN = Skills(proven=BOTH)
SOUND = b"220 mail.shop.test ESMTP Postfix"
BASE: tuple[str, ...] = ("SIZE 104857600", "8BITMIME", "SMTPUTF8")
WHOLE = ("PIPELINING", "CHUNKING", *BASE)
GROUPED = ("PIPELINING", *BASE)
LONG_BYTES = 1_000_000
GONE = b"550 5.1.1 No such user"

MODES = pytest.mark.parametrize(
    "capabilities",
    [pytest.param(WHOLE, id="whole"), pytest.param(GROUPED, id="grouped"), pytest.param(BASE, id="plain")],
)


@dataclass(frozen=True, slots=True)
class Blocks(Content):
    """A content in the blocks that it is made of, which may differ from its announced size."""

    parts: tuple[bytes, ...]
    announced: int | None = None

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.parts)) if self.announced is None else self.announced

    def blocks(self) -> Iterator[bytes]:
        yield from self.parts


@dataclass(frozen=True, slots=True)
class CutAfter:
    """A script whose connection is cut when the server has said so many bytes."""

    script: Script
    count: int
    said: bytearray = field(default_factory=bytearray)

    def play(self, connection: Connection) -> None:
        left, send = self.count, connection.send

        def send_within(data: bytes) -> None:
            nonlocal left
            said, left = data[:left], left - len(data)
            self.said.extend(said)
            send(said)
            if left <= 0:
                connection.end()
                raise ScriptOverError

        connection.send = send_within  # type: ignore[method-assign]
        if left == 0:
            Close().play(connection)
        for step in self.script:
            step.play(connection)


@dataclass(slots=True)
class InTurn:
    """Answer with one after the other; with the last from then on."""

    answers: list[bytes]

    def play(self, connection: Connection) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        connection.send(answer)


@dataclass(slots=True)
class EhloOnce:
    """Announce all of it once; close at the next EHLO."""

    is_known: bool = False

    def play(self, connection: Connection) -> None:
        if self.is_known:
            Close().play(connection)
        self.is_known = True
        connection.send("".join(f"250-{each}\r\n" for each in ("x.test", *WHOLE)).encode() + b"250 HELP\r\n")


def message(number: int, *recipients: str, content: bytes | Content | None = None, **more: Any) -> Submission:
    """Return a message whose content tells it from others."""
    body = b"Subject: %d\r\n\r\ncanary-body-%d\r\n" % (number, number) if content is None else content
    return Submission(
        envelope=Envelope(
            mail_from=more.pop("mail_from", SENDER), recipients=recipients or (f"to{number}@b.test",)
        ),
        message_id=f"<{number}@shop.test>",
        content=Octets(body) if isinstance(body, bytes) else body,
        **more,
    )


def long_content(*, filling: bytes = b"x" * 70 + b"\r\n") -> bytes:
    return b"Subject: long\r\n\r\n" + filling * (LONG_BYTES // len(filling))


def script_of(capabilities: Sequence[str] = WHOLE, **told: Any) -> Script:
    overrides = {"GREETING": SOUND, **told.pop("overrides", {})}
    return submission_script(capabilities=capabilities, overrides=overrides, **told)


def session_at(server: ScriptedServer, **settings: Any) -> SMTPSession:
    session = SMTPSession(
        endpoint_of(server), clock=REAL_CLOCK, **{"timeout": PATIENT, "skills": PROVEN, **settings}
    )
    session.open()
    return session


def carried(session: SMTPSession, submissions: Sequence[Submission]) -> list[Settled]:
    """Push all of the messages, as many at a time as there is room for; stop where the connection ends."""
    waiting, told = list(submissions), []
    while session.in_flight or (waiting and session.is_open):
        while waiting and session.room:
            session.push(waiting.pop(0))
        told += session.settled()
    return told


def sent(
    script: Script, *submissions: Submission, **settings: Any
) -> tuple[list[tuple[RecipientOutcome, ...]], Connection]:
    """Send messages over one connection; return the outcomes of each, and what the server heard."""
    with ScriptedServer(script) as server:
        session = session_at(server, **settings)
        told = carried(session, submissions)
        session.close()
        connection = server.finished_connection()
    assert [each.submission for each in told] == list(submissions[: len(told)])
    return [each.outcomes for each in told], connection


def kinds(outcomes: Sequence[Sequence[RecipientOutcome]]) -> list[list[Outcome]]:
    return [[each.outcome for each in told] for told in outcomes]


def only(outcomes: Sequence[Sequence[RecipientOutcome]]) -> list[Outcome]:
    """Return the outcome of each message that has one recipient."""
    return [each for (each,) in kinds(outcomes)]


def broken_promise(script: Script, submission: Submission, **settings: Any) -> tuple[PromiseBrokenError, Any]:
    with ScriptedServer(script) as server:
        session = session_at(server, **settings)
        with pytest.raises(PromiseBrokenError) as caught:
            session.submit(submission)
        is_open = session.is_open
        session.close()
        connection = server.finished_connection()
    assert not is_open
    return caught.value, connection


class TestFlight:
    def test_small_message_needs_no_answer_before_its_content(self):
        class AnswersLate:
            def play(self, connection: Connection) -> None:
                connection.read_until(b"canary-body-1\r\n")
                connection.send(b"250 sender\r\n250 recipient\r\n250 2.0.0 taken\r\n")
                connection.read_line()

        outcomes, _ = sent((*opening(*WHOLE), AnswersLate()), message(1), skills=Skills())

        assert only(outcomes) == [Outcome.ACCEPTED]

    @MODES
    def test_many_messages_arrive_in_order(self, capabilities):
        messages = [message(number) for number in range(30)]

        outcomes, connection = sent(script_of(capabilities), *messages)

        assert only(outcomes) == [Outcome.ACCEPTED] * 30
        assert connection.messages == [each.content.whole() for each in messages]

    def test_several_messages_are_on_their_way_at_a_time(self):
        with ScriptedServer(script_of()) as server:
            session = session_at(server)
            session.submit(message(0))
            rooms = [session.room]
            for number in range(1, 9):
                session.push(message(number))
                rooms.append(session.room)
            in_flight = session.in_flight
            told = carried(session, ())
            session.close()

        assert rooms == [8, 7, 6, 5, 4, 3, 2, 1, 0]
        assert (in_flight, len(told)) == (8, 8)

    def test_next_envelope_follows_the_last_content_where_there_is_no_chunking(self):
        class WaitsForTheNext:
            """Answer the end of a message once the next envelope is there."""

            def play(self, connection: Connection) -> None:
                connection.send(b"250 2.0.0 taken\r\n" if connection.read_until(b"DATA\r\n") else b"")
                connection.send(b"250 reset\r\n250 sender\r\n250 recipient\r\n354 go\r\n")
                connection.messages.append(connection.read_until(b"\r\n.\r\n"))
                connection.send(b"250 2.0.0 taken too\r\n")
                connection.read_to_the_end()

        script = script_of(GROUPED, overrides={".": WaitsForTheNext()})

        outcomes, connection = sent(script, message(1), message(2))

        assert only(outcomes) == [Outcome.ACCEPTED] * 2
        assert len(connection.messages) == 2

    @MODES
    def test_partial_refusal_concerns_its_own_message_alone(self, capabilities):
        script = script_of(capabilities, recipients={"gone@b.test": GONE})
        messages = [message(1), message(2, "gone@b.test", "a@b.test"), message(3, "gone@b.test"), message(4)]

        outcomes, connection = sent(script, *messages)

        assert kinds(outcomes) == [
            [Outcome.ACCEPTED],
            [Outcome.REJECTED, Outcome.ACCEPTED],
            [Outcome.REJECTED],
            [Outcome.ACCEPTED],
        ]
        assert connection.messages == [messages[at].content.whole() for at in (0, 1, 3)]

    @MODES
    def test_refused_sender_concerns_its_own_message_alone(self, capabilities):
        script = script_of(capabilities, senders={"bad@b.test": b"553 5.7.1 Not yours"})

        outcomes, connection = sent(script, message(1), message(2, mail_from="bad@b.test"), message(3))

        assert only(outcomes) == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
        assert len(connection.messages) == 2

    @MODES
    def test_malformed_message_leaves_its_neighbours_alone(self, capabilities):
        messages = [message(1), message(2), message(3, content=b"a\nb\r\n"), message(4)]

        outcomes, connection = sent(script_of(capabilities), *messages)

        assert only(outcomes) == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
        assert outcomes[2][0].problem is not None
        assert outcomes[2][0].problem.code is CODE.MESSAGE_MALFORMED
        assert len(connection.messages) == 3

    @MODES
    def test_long_message_among_small_ones_arrives(self, capabilities):
        long = long_content(filling=b".dots\r\n")

        outcomes, connection = sent(
            script_of(capabilities), message(1), message(2, content=long), message(3, content=b"no end")
        )

        assert only(outcomes) == [Outcome.ACCEPTED] * 3
        assert connection.messages[1:] in ([long, b"no end\r\n"], [long, b"no end"])

    @MODES
    def test_wide_addresses_of_one_message_do_not_widen_the_next(self, capabilities):
        wide = message(1, "zoë@b.test", needs_smtputf8=True)
        narrow = message(2, "zoë@b.test")

        outcomes, connection = sent(script_of(capabilities), wide, narrow, message(3))

        assert only(outcomes) == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
        assert len(connection.messages) == 2


class TestAboutToEnd:
    @MODES
    @pytest.mark.parametrize("is_long", [False, True], ids=["small", "long"])
    def test_it_is_called_once_before_the_end_leaves(self, capabilities, is_long):
        content = long_content() if is_long else b"Subject: x\r\n\r\ncanary-body\r\n"
        seen: list[bytes] = []
        with ScriptedServer(script_of(capabilities)) as server:
            session = session_at(server)

            outcomes = session.submit(
                message(1, content=content),
                about_to_end=lambda: seen.append(server.connections[0].received),
            )
            session.close()
            connection = server.finished_connection()

        assert outcomes[0].outcome is Outcome.ACCEPTED
        assert len(seen) == 1
        whole = content if "CHUNKING" in capabilities else content + b".\r\n"
        assert whole in connection.received
        assert whole not in seen[0]

    @MODES
    def test_it_is_not_called_for_what_is_refused_before(self, capabilities):
        called: list[int] = []
        malformed = message(1, content=b"a\rb\r\n")
        with ScriptedServer(script_of(capabilities)) as server:
            session = session_at(server)
            session.push(malformed, about_to_end=lambda: called.append(1))
            (settled,) = session.settled()
            session.close()

        assert settled.outcomes[0].outcome is Outcome.REJECTED
        assert called == []


class TestTrust:
    @pytest.mark.parametrize(
        ("greeting", "skills", "goes_at_once"),
        [
            pytest.param(b"220 hi ESMTP", Skills(), False, id="first-contact"),
            pytest.param(b"220 hi ESMTP", PROVEN, True, id="proven"),
            pytest.param(
                b"220 hi ESMTP", Skills(proven=frozenset({Skill.PIPELINING})), False, id="half-proven"
            ),
            pytest.param(SOUND, Skills(), True, id="postfix"),
            pytest.param(b"220 h ESMTP Exim 4.96 Mon, 1 Jan 2024", Skills(), True, id="exim"),
            pytest.param(b"220 h ESMTP Sendmail 8.17.1/8.17.1; Mon", Skills(), True, id="sendmail"),
            pytest.param(b"220 smtp.gmail.com ESMTP x5-2 - gsmtp", Skills(), True, id="google"),
            pytest.param(
                b"220 X.outlook.com Microsoft ESMTP MAIL Service ready at Mon", Skills(), True, id="microsoft"
            ),
            pytest.param(SOUND, Skills(broken=frozenset({Skill.CHUNKING})), False, id="chunking-broken"),
            pytest.param(b"220 postfix.shop.test ESMTP", Skills(), False, id="only-the-name-of-a-host"),
        ],
    )
    def test_content_goes_with_the_envelope_only_where_that_is_known_to_work(
        self, greeting, skills, goes_at_once
    ):
        script = script_of(overrides={"GREETING": greeting, "MAIL": b"550 5.7.1 No"})

        outcomes, connection = sent(script, message(1), skills=skills)

        assert only(outcomes) == [Outcome.REJECTED]
        assert (b"canary-body" in connection.received) is goes_at_once

    @pytest.mark.parametrize(
        ("capabilities", "proven"),
        [
            pytest.param(WHOLE, BOTH, id="whole"),
            pytest.param(GROUPED, {Skill.PIPELINING}, id="grouped"),
            pytest.param(BASE, set(), id="plain"),
        ],
    )
    @pytest.mark.parametrize("greeting", [SOUND, b"220 hi ESMTP"], ids=["sound", "unknown"])
    def test_what_worked_is_learnt(self, capabilities, proven, greeting):
        script = script_of(capabilities, overrides={"GREETING": greeting})
        with ScriptedServer(script) as server:
            session = session_at(server, skills=Skills())
            before = session.learnt
            session.submit(message(1))
            learnt = session.learnt
            session.close()

        assert before == Skills()
        assert learnt == Skills(proven=frozenset(proven))

    @pytest.mark.parametrize(
        ("broken", "heard"),
        [
            pytest.param({Skill.CHUNKING}, [b"MAIL", b"RCPT", b"DATA"], id="chunking"),
            pytest.param({Skill.PIPELINING}, [b"MAIL", b"RCPT", b"DATA"], id="pipelining"),
        ],
    )
    def test_what_is_known_to_be_broken_is_not_used(self, broken, heard):
        outcomes, connection = sent(script_of(), message(1), skills=Skills(broken=frozenset(broken)))

        assert only(outcomes) == [Outcome.ACCEPTED]
        assert [line.split()[0] for line in connection.commands[1:4]] == heard

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_plain_dialogue_awaits_each_answer(self, command):
        script = script_of(overrides={command: b"550 5.7.1 No"})

        outcomes, connection = sent(script, message(1), skills=Skills(broken=BOTH))

        said = [line.split()[0].decode() for line in connection.commands[1:]]
        assert only(outcomes) == [Outcome.REJECTED]
        assert said[said.index(command) :] in ([command], [command, "QUIT"])

    @pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 555])
    @pytest.mark.parametrize("greeting", [SOUND, b"220 hi ESMTP"], ids=["sound", "unknown"])
    @pytest.mark.parametrize("is_long", [False, True], ids=["small", "long"])
    def test_refused_bdat_is_a_broken_promise(self, code, greeting, is_long):
        submission = message(1, content=long_content() * 10 if is_long else None)
        script = script_of(overrides={"GREETING": greeting, "BDAT": b"%d 5.5.1 What?" % code})

        error, connection = broken_promise(script, submission, skills=Skills())

        assert (error.skill, error.unsent) == (Skill.CHUNKING, (submission,))
        assert connection.messages == []

    def test_content_that_is_read_as_commands_is_no_acceptance_of_the_next_message(self):
        commands = b"NOOP\r\n" * 20
        script = script_of(recipients={"gone@b.test": GONE}, overrides={"BDAT": b"500 5.5.2 What?"})
        messages = [message(1, "gone@b.test", content=commands), message(2)]

        outcomes, connection = sent(script, *messages)

        assert only(outcomes) == [Outcome.REJECTED]
        assert connection.messages == []

    @pytest.mark.parametrize(
        "overrides",
        [
            pytest.param({"RCPT": b"503 5.5.1 Bad sequence"}, id="recipient-out-of-sequence"),
            pytest.param({"MAIL": (Close(),)}, id="closed-at-sender"),
            pytest.param({"RCPT": (Close(),)}, id="closed-at-recipient"),
            pytest.param({"MAIL": (Silence(),)}, id="silent-at-sender"),
            pytest.param({"RCPT": (Silence(),)}, id="silent-at-recipient"),
            pytest.param({"RCPT": Send(b"2500 hi\r\n")}, id="malformed"),
        ],
    )
    @pytest.mark.parametrize("capabilities", [WHOLE, GROUPED], ids=["whole", "grouped"])
    def test_envelope_that_fails_as_a_group_is_a_broken_promise(self, overrides, capabilities):
        submission = message(1)
        script = script_of(capabilities, overrides={"GREETING": b"220 hi ESMTP", **overrides})

        error, connection = broken_promise(script, submission, skills=Skills(), timeout=BRIEF)

        assert (error.skill, error.unsent) == (Skill.PIPELINING, (submission,))
        assert b"canary-body" not in connection.received

    def test_data_out_of_sequence_is_a_broken_promise(self):
        script = script_of(GROUPED, overrides={"GREETING": b"220 hi", "DATA": b"503 5.5.1 Bad sequence"})

        error, _ = broken_promise(script, message(1), skills=Skills())

        assert error.skill is Skill.PIPELINING

    def test_what_was_seen_to_work_is_not_blamed(self):
        script = script_of(GROUPED, overrides={"RCPT": (Close(),)})

        outcomes, _ = sent(script, message(1))

        assert only(outcomes) == [Outcome.DEFERRED]
        assert outcomes[0][0].problem is not None
        assert outcomes[0][0].problem.code is CODE.CONNECTION_LOST

    def test_acceptance_is_told_although_the_next_message_meets_a_broken_promise(self):
        refusal = (Send(b"503 5.5.1 Bad sequence\r\n"), Silence())
        script = script_of(overrides={".": FirstOnly(then=refusal)})
        messages = [message(number) for number in range(1, 5)]
        with ScriptedServer(script) as server:
            session = session_at(server, timeout=BRIEF, final_timeout=BRIEF)
            told: list[Settled] = []
            again: tuple[Submission, ...] = ()
            waiting = list(messages)
            while session.in_flight or (waiting and session.is_open):
                while waiting and session.room:
                    session.push(waiting.pop(0))
                try:
                    told += session.settled()
                except PromiseBrokenError as error:
                    again = error.unsent
                    break
            session.close()
            connection = server.finished_connection()

        accepted = [each.submission for each in told if each.outcomes[0].outcome is Outcome.ACCEPTED]
        assert [each.content.whole() for each in accepted] == connection.messages
        assert set(accepted).isdisjoint(again)
        assert [each.submission for each in told] + list(again) + waiting == messages


class TestEnd:
    @pytest.mark.parametrize("answer", [b"251 ok", b"220 ok", b"354 go", b"200 ok"])
    @pytest.mark.parametrize("capabilities", [WHOLE, GROUPED], ids=["whole", "grouped"])
    def test_nothing_but_250_is_acceptance_and_nothing_after_it_is_believed(self, answer, capabilities):
        twice = answer + b"\r\n250 2.0.0 ok\r\n250 ok\r\n250 ok\r\n250 2.0.0 ok\r\n"
        script = script_of(capabilities, overrides={".": (Send(twice),)})

        outcomes, _ = sent(script, message(1), message(2))

        assert Outcome.ACCEPTED not in only(outcomes)
        assert only(outcomes)[0] is Outcome.IN_DOUBT

    def test_messages_behind_a_closing_server_were_not_taken(self):
        closing = (Send(b"421 4.7.0 Enough for now\r\n"), Close())
        script = script_of(overrides={".": FirstOnly(then=closing)})

        outcomes, connection = sent(script, *[message(number) for number in range(1, 6)])

        assert only(outcomes)[0] is Outcome.ACCEPTED
        assert set(only(outcomes)[1:]) == {Outcome.DEFERRED}
        assert len(connection.messages) == 1

    def test_messages_behind_a_server_that_goes_on_after_421_are_told_as_they_are(self):
        script = script_of(recipients={"busy@b.test": b"421 4.7.0 Try later"})
        messages = [message(1), message(2, "busy@b.test"), message(3), message(4)]

        outcomes, connection = sent(script, *messages)

        taken = [at for at, each in enumerate(only(outcomes)) if each is Outcome.ACCEPTED]
        safe = [at for at, each in enumerate(only(outcomes)) if each is Outcome.DEFERRED]
        arrived = [each.content.whole() for each in messages]
        assert 1 in safe
        assert all(arrived[at] in connection.messages for at in taken)
        assert all(arrived[at] not in connection.messages for at in safe)

    @MODES
    def test_answer_of_a_server_that_takes_no_more_is_read(self, capabilities):
        too_big = (Send(b"552 5.3.4 Message size exceeds fixed limit\r\n"), Close())
        overrides = {"BDAT" if "CHUNKING" in capabilities else "DATA": FullUp(too_big)}
        script = script_of(capabilities, overrides=overrides)

        outcomes, connection = sent(script, message(1, content=long_content() * 30))

        assert only(outcomes) == [Outcome.REJECTED]
        assert outcomes[0][0].problem is not None
        assert outcomes[0][0].problem.code is CODE.MESSAGE_TOO_BIG
        assert connection.messages == []

    @MODES
    @pytest.mark.parametrize("leaves", [True, False], ids=["closing", "staying"])
    def test_acceptance_before_the_end_is_none(self, capabilities, leaves):
        early = (Send(b"250 2.0.0 taken\r\n"), Close() if leaves else Silence())
        overrides = {"BDAT" if "CHUNKING" in capabilities else "DATA": FullUp(early)}
        script = script_of(capabilities, overrides=overrides)

        outcomes, _ = sent(script, message(1, content=long_content() * 30))

        assert only(outcomes)[0] in (Outcome.REJECTED, Outcome.DEFERRED)

    @pytest.mark.parametrize("capabilities", [WHOLE, GROUPED], ids=["whole", "grouped"])
    @pytest.mark.parametrize("fault", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n"], ids=["lf", "cr", "nul"])
    def test_long_message_with_a_fault_never_ends(self, capabilities, fault):
        content = long_content() + fault
        called: list[int] = []
        with ScriptedServer(script_of(capabilities)) as server:
            session = session_at(server)
            session.push(message(1, content=content), about_to_end=lambda: called.append(1))
            (settled,) = carried(session, ())
            session.close()
            connection = server.finished_connection()

        assert settled.outcomes[0].problem is not None
        assert settled.outcomes[0].problem.code is CODE.MESSAGE_MALFORMED
        assert (connection.messages, called) == ([], [])

    @pytest.mark.parametrize("capabilities", [WHOLE, GROUPED], ids=["whole", "grouped"])
    @pytest.mark.parametrize("is_long", [False, True], ids=["small", "long"])
    @pytest.mark.parametrize("error", [-30, 30], ids=["announced-less", "announced-more"])
    def test_content_of_another_size_than_announced_is_never_taken(self, capabilities, is_long, error):
        whole = (long_content() if is_long else b"Subject: x\r\n\r\n") + b"RSET\r\nNOOP\r\n" * 5
        content = Blocks((whole[:10], whole[10:]), announced=len(whole) + error)
        script = script_of(capabilities)

        outcomes, connection = sent(script, message(1, content=content), timeout=BRIEF, final_timeout=BRIEF)

        assert connection.messages in ([], [whole])
        assert (only(outcomes) == [Outcome.ACCEPTED]) is (connection.messages == [whole])
        assert b"NOOP" not in connection.commands

    def test_connection_that_the_server_has_ended_is_noticed_before_a_message_goes(self):
        hangs_up = HangUp(Event())
        script = script_of(overrides={".": (Send(b"250 2.0.0 taken\r\n"), hangs_up)})
        with ScriptedServer(script) as server:
            session = session_at(server)
            session.submit(message(1))
            assert hangs_up.is_done.wait(PATIENT)
            session.push(message(2))
            (settled,) = session.settled()
            session.close()

        assert settled.outcomes[0].outcome is Outcome.DEFERRED


class TestMemory:
    @pytest.mark.parametrize("capabilities", [WHOLE, GROUPED], ids=["whole", "grouped"])
    def test_fifty_megabytes_cost_a_few_blocks(self, capabilities):
        line = b"x" * 998 + b"\r\n"
        content = Repeated(line * 250, 200)
        with ScriptedServer((*opening(*capabilities), Sink(content.size_bytes))) as server:
            session = session_at(server)
            tracemalloc.start()

            outcomes = session.submit(message(1, content=content))

            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            session.close()

        assert outcomes[0].outcome is Outcome.ACCEPTED
        assert content.size_bytes == 50_000_000
        assert peak < 4_000_000


class TestCut:
    """The server goes at every byte that it says: whatever is claimed of a message must be true."""

    @MODES
    def test_claims_hold_wherever_the_server_is_cut(self, capabilities):
        messages = [
            message(1),
            message(2, "gone@b.test", "a@b.test"),
            message(3, "gone@b.test"),
            message(4),
            message(5),
        ]
        script = script_of(capabilities, recipients={"gone@b.test": GONE})
        cuts = [CutAfter(script, count) for count in range(self._said(script, messages) + 1)]
        wrong: list[tuple[int, int, str]] = []

        with ScriptedServer(*((cut,) for cut in cuts)) as server:
            for cut in cuts:
                try:
                    told = self._told(server, messages)
                except FluenzrError:
                    told = []
                arrived = server.finished_connection(cut.count).messages
                wrong += [(cut.count, at, claim) for at, claim in self._false(messages, told, arrived)]
                taken = cut.said.count(b"Queued as SCRIPTED\r\n")
                assert taken == sum(self._is_taken(each) for each in told), cut.count

        assert wrong == []

    def _is_taken(self, settled: Settled) -> bool:
        return any(each.outcome is Outcome.ACCEPTED for each in settled.outcomes)

    def _said(self, script: Script, messages: Sequence[Submission]) -> int:
        counter = CountingScript(script)
        with ScriptedServer((counter,)) as server:
            session = session_at(server)
            carried(session, messages)
            session.close()
            server.finished_connection()
        return counter.counted[0]

    def _told(self, server: ScriptedServer, messages: Sequence[Submission]) -> list[Settled]:
        session = session_at(server)
        try:
            return carried(session, messages)
        finally:
            session.close()

    def _false(
        self, messages: Sequence[Submission], told: Sequence[Settled], arrived: Sequence[bytes]
    ) -> Iterator[tuple[int, str]]:
        pushed = {each.submission.message_id: each.outcomes for each in told}
        for at, each in enumerate(messages):
            outcomes = {one.outcome for one in pushed.get(each.message_id, ())}
            if Outcome.ACCEPTED in outcomes and each.content.whole() not in arrived:
                yield at, "accepted, and the server does not have it"
            is_safe = not outcomes & {Outcome.ACCEPTED, Outcome.IN_DOUBT}
            if is_safe and each.content.whole() in arrived:
                yield at, "safe to repeat, and the server has it"


# -- servers -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CountingScript:
    """A script of which is counted how many bytes the server says."""

    script: Script
    counted: list[int]

    def __init__(self, script: Script) -> None:
        object.__setattr__(self, "script", script)
        object.__setattr__(self, "counted", [0])

    def play(self, connection: Connection) -> None:
        send = connection.send

        def counting(data: bytes) -> None:
            self.counted[0] += len(data)
            send(data)

        connection.send = counting  # type: ignore[method-assign]
        for step in self.script:
            step.play(connection)


@dataclass(frozen=True, slots=True)
class FullUp:
    """Consent where that is due, take in a little of the content, and act."""

    steps: tuple[Step, ...]

    def play(self, connection: Connection) -> None:
        if connection.commands[-1] == b"DATA":
            connection.send(b"354 go\r\n")
        connection.read_until(b"x" * 70)
        for step in self.steps:
            step.play(connection)


@dataclass(frozen=True, slots=True)
class FirstOnly:
    """Take the first message over; at the end of the next do something else."""

    then: tuple[Step, ...]

    def play(self, connection: Connection) -> None:
        if len(connection.messages) == 1:
            connection.send(b"250 2.0.0 taken\r\n")
            return
        connection.messages.pop()
        for step in self.then:
            step.play(connection)


@dataclass(frozen=True, slots=True)
class HangUp:
    """Say that nothing more will come."""

    is_done: Event

    def play(self, connection: Connection) -> None:
        connection.shut()
        self.is_done.set()
        connection.read_to_the_end()


@dataclass(frozen=True, slots=True)
class Repeated(Content):
    """The same block many times over."""

    block: bytes
    times: int

    @property
    def size_bytes(self) -> int:
        return len(self.block) * self.times

    def blocks(self) -> Iterator[bytes]:
        for _ in range(self.times):
            yield self.block


@dataclass(frozen=True, slots=True)
class Sink:
    """Take an envelope and a content of this size over, and keep nothing of it."""

    size: int

    def play(self, connection: Connection) -> None:
        envelope = connection.read_until(b"RCPT TO:<to1@b.test>\r\n")
        connection.send(b"250 ok\r\n" * envelope.count(b"\r\n"))
        opened = connection.read_line()
        if opened == b"DATA\r\n":
            connection.send(b"354 go\r\n")
        left = self.size + (3 if opened == b"DATA\r\n" else 0)
        while left:
            left -= len(connection.read_some())
            connection.received_plain.clear()
            connection.received_wire.clear()
        connection.send(b"250 2.0.0 taken\r\n")
        connection.read_to_the_end()


def opening(*capabilities: str) -> Script:
    """Return the steps of a greeting and of the answer to EHLO."""
    lines = ["hi", *capabilities]
    answer = "".join(f"250-{each}\r\n" for each in lines[:-1]) + f"250 {lines[-1]}\r\n"
    return (Send(SOUND + b"\r\n"), ReadLine(), Send(answer.encode()))


TAKEN, REFUSED = b"250 2.0.0 Queued\r\n", b"554 5.7.1 Refused\r\n"


@pytest.mark.parametrize(
    "extra", [b"250 OK\r\n", TAKEN, b"250 2.1.5 Ok\r\n"], ids=["plain", "queued", "address"]
)
@pytest.mark.parametrize("first", [TAKEN, REFUSED], ids=["taken", "refused"])
def test_server_that_answers_twice_makes_no_refused_message_accepted(first: bytes, extra: bytes):
    ends = InTurn([TAKEN, first + extra, REFUSED])

    outcomes, _ = sent(script_of(overrides={".": ends}), *map(message, range(4)))

    assert only(outcomes)[0] is Outcome.ACCEPTED
    assert Outcome.ACCEPTED not in only(outcomes)[2:]


@pytest.mark.parametrize("capabilities", [WHOLE, GROUPED], ids=["whole", "grouped"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"450 4.2.0 Later\r\n" * 2, b"250 2.1.5 Ok\r\n"),
        (b"550 No such user\r\n" * 2, b"250 Ok\r\n"),
        (b"250 2.1.5 Ok\r\n" * 2, b"450 4.2.0 Later\r\n"),
        (b"250 Ok\r\n" * 2, b"550 No such user\r\n"),
    ],
    ids=["later-twice", "never-twice", "yes-twice", "plain-yes-twice"],
)
def test_recipient_that_is_answered_twice_makes_no_claim_that_does_not_hold(
    capabilities: Sequence[str], first: bytes, second: bytes
):
    script = script_of(capabilities, recipients={"one@b.test": first, "two@b.test": second})

    outcomes, connection = sent(script, message(1, "one@b.test", "two@b.test"), final_timeout=BRIEF)

    told = set(kinds(outcomes)[0])
    assert told <= ({Outcome.IN_DOUBT} if connection.messages else {Outcome.DEFERRED, Outcome.REJECTED})


def test_answers_behind_a_refusal_are_verified_and_the_connection_goes_on():
    ends = InTurn([TAKEN, REFUSED, TAKEN])

    outcomes, connection = sent(script_of(overrides={".": ends}), *map(message, range(6)))

    assert only(outcomes) == [Outcome.ACCEPTED, Outcome.REJECTED, *[Outcome.ACCEPTED] * 4]
    assert sum(each.upper().startswith(b"EHLO") for each in connection.commands) == 2


def test_connection_lost_at_the_verification_leaves_what_was_answered():
    ends = InTurn([TAKEN, REFUSED, TAKEN])
    overrides = {".": ends, "EHLO": EhloOnce()}

    outcomes, _ = sent(script_of(overrides=overrides), *map(message, range(4)))

    assert only(outcomes) == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED, Outcome.ACCEPTED]


@pytest.mark.parametrize(("count", "goes_whole"), [(100, True), (101, False)], ids=["100", "101"])
def test_content_waits_behind_more_recipients_than_every_server_takes(count: int, goes_whole: bool):
    recipients = tuple(f"to{number}@b.test" for number in range(count))
    leaving = (Send(b"421 4.7.0 Too many errors\r\n"), Close())
    script = script_of(overrides={"RCPT": leaving})

    outcomes, connection = sent(script, message(1, *recipients))

    assert {each for told in kinds(outcomes) for each in told} == {Outcome.DEFERRED}
    assert (b"BDAT" in connection.received) is goes_whole
