"""Finding a message and filing one, at servers that lie, refuse, break off or never come to an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.imap import FilingSession, Mailbox
from fluenzr_smtp.model import Clock, Content, Octets
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from tests.servers.scripted import (
    Close,
    Connection,
    Endless,
    Reset,
    Script,
    ScriptedServer,
    Send,
    Silence,
    mailbox_script,
)
from tests.servers.scripted.mailbox import CAPABILITIES
from tests.sessions import (
    BRIEF,
    PATIENT,
    REAL_CLOCK,
    SECRET,
    USERNAME,
    SteppingClock,
    endpoint_of,
    secrets_in,
)

CODE = ProblemCode
Told = TypeVar("Told")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WANTED = "<wanted@shop.test>"
HIT = b"* SEARCH 1\r\n<tag> OK done\r\n"
INBOX = Mailbox(name="INBOX")
SENT = Mailbox(name="Sent", flags=frozenset({"\\sent"}))
MESSAGE = Octets(b"Message-ID: <wanted@shop.test>\r\n\r\nbody\r\n")


def header(message_id: bytes, uid: int = 1) -> bytes:
    fields = b"Subject: x\r\nMessage-ID: " + message_id + b"\r\n\r\n"
    return b"* 1 FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%b)\r\n<tag> OK done\r\n" % (uid, len(fields), fields)


def talk(
    script: Script,
    act: Callable[[FilingSession], Told],
    *,
    timeout: float = PATIENT,
    clock: Clock = REAL_CLOCK,
    lasts: float | None = None,
) -> tuple[Told, Connection]:
    with ScriptedServer(script) as server:
        until = None if lasts is None else clock.monotonic() + lasts
        session = FilingSession(endpoint_of(server), clock=clock, timeout=timeout, until=until)
        try:
            session.open()
            session.authenticate(USERNAME, SECRET)
            told = act(session)
        finally:
            session.close()
        return told, server.finished_connection()


def problem_of(script: Script, act: Callable[[FilingSession], object], **how: Any) -> Problem:
    with pytest.raises(FluenzrError) as caught:
        talk(script, act, **how)
    return caught.value.problem


def said(connection: Connection, verb: bytes) -> list[bytes]:
    """Return the commands of a verb, without their tags."""
    lines = (line.partition(b" ")[2] for line in connection.commands)
    return [line for line in lines if line.removeprefix(b"UID ").startswith(verb)]


def append(session: FilingSession) -> None:
    session.append("Sent", MESSAGE, when=WHEN)


@dataclass(slots=True)
class InTurn:
    """A step of a script: another answer each time, the last one from then on."""

    answers: list[bytes]
    given: int = field(default=0)

    def play(self, connection: Connection) -> None:
        answer = self.answers[min(self.given, len(self.answers) - 1)]
        self.given += 1
        connection.send(answer.replace(b"<tag>", connection.commands[-1].split()[0]) + b"\r\n")


@dataclass(frozen=True, slots=True)
class Faulty(Content):
    """A content that is not what it said it was."""

    size_bytes: int = field()
    octets: bytes = b""
    breaks: bool = False

    def blocks(self) -> Iterator[bytes]:
        yield self.octets
        if self.breaks:
            raise failure(CODE.FILE_UNREADABLE, Stage.CONFIGURATION, reason="changed")


class TestFinding:
    def test_mailboxes_are_searched_read_only_in_the_order_of_likelihood(self):
        script = mailbox_script()
        boxes = (Mailbox(name="Trash"), Mailbox(name="a"), INBOX, SENT, Mailbox(name="Drafts"))

        found, connection = talk(script, lambda session: session.find_message(WANTED, boxes))

        assert found is None
        assert said(connection, b"EXAMINE") == [
            b'EXAMINE "Sent"', b'EXAMINE "INBOX"', b'EXAMINE "a"', b'EXAMINE "Trash"'
        ]  # fmt: skip
        assert not any(said(connection, verb) for verb in (b"SELECT", b"STORE", b"APPEND", b"CREATE"))

    def test_what_a_search_finds_is_looked_at(self):
        script = mailbox_script(overrides={"SEARCH": HIT, "FETCH": header(WANTED.encode())})

        found, connection = talk(script, lambda session: session.find_message(WANTED, [INBOX, SENT]))

        assert found == "Sent"
        assert all(b"PEEK" in line for line in said(connection, b"FETCH"))

    @pytest.mark.parametrize(
        "fetched",
        [
            pytest.param(header(b"<another@shop.test>"), id="another"),
            pytest.param(header(b"<not.wanted@shop.test>"), id="part-of-a-longer-one"),
            pytest.param(header(b"\xff\xfe"), id="no-text"),
            pytest.param(header(WANTED.encode(), uid=99), id="another-uid"),
            pytest.param(b"<tag> OK nothing\r\n", id="nothing"),
            pytest.param(b"* 1 FETCH (UID 1)\r\n<tag> OK done\r\n", id="no-header"),
        ],
    )
    def test_server_that_takes_the_search_for_anything_is_not_believed(self, fetched):
        script = mailbox_script(overrides={"SEARCH": HIT, "FETCH": fetched})

        found, _ = talk(script, lambda session: session.find_message(WANTED, [INBOX]))

        assert found is None

    def test_no_more_than_the_newest_five_hits_are_looked_at(self):
        hits = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, 5001)) + b"\r\n<tag> OK done\r\n"
        script = mailbox_script(overrides={"SEARCH": hits})

        found, connection = talk(script, lambda session: session.find_message(WANTED, [INBOX]))

        assert found is None
        assert [line.split()[2] for line in said(connection, b"FETCH")] == [
            b"5000", b"4999", b"4998", b"4997", b"4996"
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "message_id", ["{5}", "{5+}", "<a(b)c@d>", '<"a\\b"@d>', "<%@*>", "ALL", "1:*", ")"]
    )
    def test_message_id_is_one_quoted_argument_whatever_is_in_it(self, message_id):
        escaped = message_id.replace("\\", "\\\\").replace('"', '\\"').encode()

        _, connection = talk(mailbox_script(), lambda session: session.find_message(message_id, [INBOX]))

        assert said(connection, b"SEARCH") == [b'UID SEARCH HEADER Message-ID "' + escaped + b'"']

    @pytest.mark.parametrize(
        "message_id", ["", "<a>\r\nX1 DELETE INBOX", "<a\nb>", "<a\0b>", "<a b@c>", "<é@c>", "<" + "a" * 1000]
    )
    def test_what_is_no_message_id_is_not_said_at_all(self, message_id):
        with ScriptedServer(mailbox_script()) as server:
            session = FilingSession(endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT)
            session.open()
            session.authenticate(USERNAME, SECRET)
            with pytest.raises(FluenzrError) as caught:
                session.find_message(message_id, [INBOX])
            session.close()

        assert caught.value.problem.code is CODE.MESSAGE_MALFORMED
        assert not said(server.connections[0], b"EXAMINE")
        assert not said(server.connections[0], b"SEARCH")

    @pytest.mark.parametrize("command", ["EXAMINE", "SEARCH", "FETCH"])
    @pytest.mark.parametrize("answer", [b"NO not now", b"BAD what"])
    def test_mailbox_that_cannot_be_read_is_passed_over(self, command, answer):
        good = {"EXAMINE": b"* 1 EXISTS\r\n<tag> OK done", "SEARCH": HIT, "FETCH": header(WANTED.encode())}
        refusal = b"<tag> " + answer
        script = mailbox_script(overrides=good | {command: InTurn([refusal, good[command].strip()])})

        found, _ = talk(script, lambda session: session.find_message(WANTED, [SENT, INBOX]))

        assert found == "INBOX"

    def test_where_no_mailbox_can_be_read_nothing_is_claimed(self):
        script = mailbox_script(overrides={"EXAMINE": b"NO not for you"})

        problem = problem_of(script, lambda session: session.find_message(WANTED, [SENT, INBOX]))

        assert problem.code is CODE.MAILBOX_UNREADABLE
        assert problem.facts["folder"] == "Sent"

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            pytest.param((Send(b"* BYE enough\r\n"), Close()), CODE.SERVER_FAULT, id="bye"),
            pytest.param(Close(), CODE.CONNECTION_LOST, id="closed"),
            pytest.param(Reset(), CODE.CONNECTION_LOST, id="reset"),
            pytest.param(Send(b"* SEARCH " + b"1 " * 40_000 + b"\r\n"), CODE.REPLY_TOO_LONG, id="long"),
            pytest.param(Endless(b"* SEARCH 1\r\n"), CODE.REPLY_TOO_LONG, id="endless"),
            pytest.param(b"* SEARCH x y\r\n<tag> OK done\r\n", CODE.REPLY_MALFORMED, id="words"),
            pytest.param(b"* SEARCH 1\r\n* SEARCH 2\r\n<tag> OK done\r\n", CODE.REPLY_MALFORMED, id="twice"),
        ],
    )
    def test_search_that_ends_in_nothing_usable_is_no_finding(self, answer, code):
        script = mailbox_script(overrides={"SEARCH": answer})

        problem = problem_of(script, lambda session: session.find_message(WANTED, [SENT, INBOX]))

        assert problem.code is code

    def test_silence_ends_in_time(self):
        script = mailbox_script(overrides={"SEARCH": Silence()})

        problem = problem_of(script, lambda session: session.find_message(WANTED, [SENT]), timeout=BRIEF)

        assert problem.code is CODE.REPLY_TIMEOUT

    def test_all_mailboxes_share_the_time(self):
        boxes = [Mailbox(name=f"m{number}") for number in range(1000)]
        ticking = SteppingClock(per_look=0.01)

        problem = problem_of(
            mailbox_script(),
            lambda session: session.find_message(WANTED, boxes),
            clock=ticking.clock,
            lasts=10.0,
        )

        assert problem.code is CODE.REPLY_TIMEOUT


class TestListing:
    def test_special_uses_are_asked_for_where_the_server_can_be_asked(self):
        told = b'* LIST (\\Sent) "." "Post.Ausgang"\r\n<tag> OK done\r\n'
        capabilities = (*CAPABILITIES, "LIST-EXTENDED", "SPECIAL-USE")
        script = mailbox_script(overrides={"LIST": told}, capabilities=capabilities)

        found, connection = talk(script, lambda session: session.sent_mailbox())

        assert found == "Post.Ausgang"
        assert said(connection, b"LIST") == [b'LIST "" "*" RETURN (SPECIAL-USE)']

    @pytest.mark.parametrize("refusal", [b"BAD what", b"NO cannot"])
    def test_server_that_cannot_do_what_it_announces_is_asked_plainly(self, refusal):
        answers = InTurn([b"<tag> " + refusal, b'* LIST () "/" Sent\r\n<tag> OK done'])
        capabilities = (*CAPABILITIES, "LIST-EXTENDED", "SPECIAL-USE")
        script = mailbox_script(overrides={"LIST": answers}, capabilities=capabilities)

        found, connection = talk(script, lambda session: session.sent_mailbox())

        assert found == "Sent"
        assert said(connection, b"LIST")[1:] == [b'LIST "" "*"']

    def test_capabilities_count_that_are_told_at_the_login(self):
        at_login = b"* CAPABILITY IMAP4rev1 LIST-EXTENDED SPECIAL-USE\r\n<tag> OK Logged in\r\n"
        script = mailbox_script(overrides={"AUTHENTICATE": at_login})

        _, connection = talk(script, lambda session: session.mailboxes())

        assert said(connection, b"LIST") == [b'LIST "" "*" RETURN (SPECIAL-USE)']

    def test_thousands_of_mailboxes_are_read(self):
        lines = b"".join(b'* LIST () "/" "Kunden/%d"\r\n' % number for number in range(9_000))
        script = mailbox_script(overrides={"LIST": lines + b'* LIST () "/" Sent\r\n<tag> OK done\r\n'})

        found, _ = talk(script, lambda session: session.sent_mailbox())

        assert found == "Sent"

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            pytest.param(Endless(b"* LIST () NIL a\r\n"), CODE.REPLY_TOO_LONG, id="lines-without-end"),
            pytest.param(Send(b"* LIST () NIL {2000000000}\r\n"), CODE.REPLY_TOO_LONG, id="huge-literal"),
            pytest.param(Send(b"* LIST (" + b"a" * 70_000), CODE.REPLY_TOO_LONG, id="line-without-end"),
            pytest.param(b"NO never", CODE.MAILBOX_UNREADABLE, id="no"),
            pytest.param(b"nonsense\r\n<tag> OK\r\n", CODE.REPLY_MALFORMED, id="nonsense"),
        ],
    )
    def test_list_that_is_none_ends_in_a_problem(self, answer, code):
        script = mailbox_script(overrides={"LIST": answer})

        problem = problem_of(script, lambda session: session.mailboxes())

        assert problem.code is code


class TestAppending:
    @pytest.mark.parametrize(
        ("capabilities", "size", "literal"),
        [
            pytest.param((), 10, b"{10}", id="asked"),
            pytest.param(("LITERAL+",), 10, b"{10+}", id="at-once"),
            pytest.param(("LITERAL+",), 70_000, b"{70000}", id="long-is-asked"),
            pytest.param(("LITERAL-",), 4096, b"{4096+}", id="minus-at-once"),
            pytest.param(("LITERAL-",), 4097, b"{4097}", id="minus-is-asked"),
            pytest.param((), 0, b"{0}", id="empty"),
        ],
    )
    def test_literal_goes_at_once_only_where_it_may(self, capabilities, size, literal):
        script = mailbox_script(capabilities=(*CAPABILITIES, *capabilities))
        content = Octets(b"x" * size)

        _, connection = talk(script, lambda session: session.append("Sent", content, when=WHEN))

        assert connection.messages == [content.octets]
        (line,) = said(connection, b"APPEND")
        assert line.startswith(b'APPEND "Sent" (\\Seen) "02-Jan-2026 ')
        assert line.endswith(b" " + literal)

    def test_name_beyond_ascii_is_encoded(self):
        _, connection = talk(mailbox_script(), lambda session: session.append("Envoyés", MESSAGE, when=WHEN))

        assert b'APPEND "Envoy&AOk-s" ' in said(connection, b"APPEND")[0]

    @pytest.mark.parametrize(
        ("capability", "status", "is_refused"),
        [
            pytest.param("APPENDLIMIT=10", b"", True, id="for-all"),
            pytest.param("APPENDLIMIT=1000", b"", False, id="for-all-enough"),
            pytest.param(
                "APPENDLIMIT", b"* STATUS Sent (APPENDLIMIT 10)\r\n<tag> OK done", True, id="its-own"
            ),
            pytest.param(
                "APPENDLIMIT", b"* STATUS Sent (APPENDLIMIT NIL)\r\n<tag> OK done", False, id="none"
            ),
            pytest.param("APPENDLIMIT", b"NO what", False, id="not-told"),
            pytest.param("APPENDLIMIT", b"BAD what", False, id="not-known"),
            pytest.param("APPENDLIMIT=x", b"", False, id="nonsense"),
            pytest.param("STATUS=SIZE", b"", False, id="no-limit"),
        ],
    )
    def test_size_is_compared_before_a_byte_is_sent(self, capability, status, is_refused):
        script = mailbox_script(overrides={"STATUS": status}, capabilities=(*CAPABILITIES, capability))

        def try_to_append(session: FilingSession) -> Problem | None:
            try:
                append(session)
            except FluenzrError as error:
                return error.problem
            return None

        problem, connection = talk(script, try_to_append)

        assert connection.messages == ([] if is_refused else [MESSAGE.octets])
        assert (problem and (problem.code, problem.facts["limit_bytes"])) == (
            (CODE.MESSAGE_TOO_BIG, 10) if is_refused else None
        )

    @pytest.mark.parametrize(
        ("command", "answer", "code"),
        [
            pytest.param("CONSENT", b"NO [OVERQUOTA] full", CODE.MAILBOX_FULL, id="full"),
            pytest.param("APPEND", b"NO [OVERQUOTA] full", CODE.MAILBOX_FULL, id="full-at-the-end"),
            pytest.param("CONSENT", b"BAD what", CODE.MAILBOX_UNREADABLE, id="bad"),
            pytest.param("CONSENT", b"OK done already", CODE.UNEXPECTED_REPLY, id="done-without-asking"),
            pytest.param("CONSENT", (Send(b"* BYE no\r\n"), Close()), CODE.SERVER_FAULT, id="bye"),
            pytest.param("CONSENT", Close(), CODE.CONNECTION_LOST, id="closed"),
            pytest.param("CONSENT", Endless(b"* 1 EXISTS\r\n"), CODE.REPLY_TOO_LONG, id="endless"),
            pytest.param("APPEND", Close(), CODE.CONNECTION_LOST, id="closed-at-the-end"),
            pytest.param("APPEND", (Send(b"* BYE no\r\n"), Close()), CODE.SERVER_FAULT, id="bye-at-the-end"),
            pytest.param("APPEND", Send(b"+ more\r\n"), CODE.REPLY_TIMEOUT, id="consent-again"),
        ],
    )
    def test_copy_that_is_not_taken_is_a_problem(self, command, answer, code):
        script = mailbox_script(overrides={command: answer})

        waits = code is CODE.REPLY_TIMEOUT
        problem = problem_of(script, append, timeout=BRIEF if waits else PATIENT)

        assert problem.code is code

    def test_server_that_leaves_within_a_long_message_is_told_of(self):
        bye = (Send(b"+ go on\r\n* BYE too much for me\r\n"), Reset())
        big = Octets(b"x" * 30_000_000)

        problem = problem_of(
            mailbox_script(overrides={"CONSENT": bye}),
            lambda session: session.append("Sent", big, when=WHEN),
        )

        assert problem.code is CODE.SERVER_FAULT

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            pytest.param(Faulty(30, b"x" * 10), CODE.MESSAGE_MALFORMED, id="short"),
            pytest.param(Faulty(30, b"x" * 10, breaks=True), CODE.FILE_UNREADABLE, id="changed"),
            pytest.param(Faulty(30, b"x" * 20), CODE.MESSAGE_MALFORMED, id="short-by-a-farewell"),
            pytest.param(
                Faulty(3, b"xyz\r\nA1 DELETE INBOX\r\n"), CODE.MESSAGE_MALFORMED, id="long-as-a-command"
            ),
        ],
    )
    @pytest.mark.parametrize("capabilities", [CAPABILITIES, (*CAPABILITIES, "LITERAL+")])
    def test_content_that_changed_is_neither_filed_nor_taken_for_commands(self, capabilities, content, code):
        with ScriptedServer(mailbox_script(capabilities=capabilities)) as server:
            session = FilingSession(endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT)
            session.open()
            session.authenticate(USERNAME, SECRET)
            with pytest.raises(FluenzrError) as caught:
                session.append("Sent", content, when=WHEN)
            session.close()
            connection = server.finished_connection()

        assert caught.value.problem.code is code
        assert connection.messages == []
        assert b"DELETE" not in connection.received
        assert b"LOGOUT" not in connection.received

    def test_mailbox_that_is_gone_is_made_once(self):
        appends = InTurn([b"<tag> NO [TRYCREATE] none such", b"<tag> OK done"])

        _, connection = talk(mailbox_script(overrides={"APPEND": appends}), append)

        assert said(connection, b"CREATE") == [b'CREATE "Sent"']
        assert said(connection, b"SUBSCRIBE") == [b'SUBSCRIBE "Sent"']
        assert connection.messages == [MESSAGE.octets] * 2

    def test_mailbox_that_stays_gone_is_not_made_for_ever(self):
        script = mailbox_script(overrides={"APPEND": b"NO [TRYCREATE] none such"})

        problem = problem_of(script, append)

        assert problem.code is CODE.MAILBOX_UNREADABLE

    def test_answer_with_the_secret_in_it_does_not_give_it_away(self):
        script = mailbox_script(overrides={"APPEND": b"NO " + SECRET.reveal().encode()})

        problem = problem_of(script, append)

        assert problem.reply is not None
        assert not secrets_in(repr(problem))


class TestMakingAMailbox:
    @pytest.mark.parametrize(
        ("namespace", "name"),
        [
            pytest.param(b'(("" "/")) NIL NIL', "Sent", id="none"),
            pytest.param(b'(("INBOX." ".")) NIL NIL', "INBOX.Sent", id="below-the-inbox"),
            pytest.param(b"NIL NIL NIL", "Sent", id="nothing-personal"),
            pytest.param(b'(("%b" ".")) NIL NIL' % (b"a" * 500), "Sent", id="long"),
        ],
    )
    def test_it_is_made_where_a_persons_mailboxes_are(self, namespace, name):
        told = b"* NAMESPACE " + namespace + b"\r\n<tag> OK done\r\n"
        script = mailbox_script(overrides={"NAMESPACE": told}, capabilities=(*CAPABILITIES, "NAMESPACE"))

        made, connection = talk(script, lambda session: session.create_sent())

        assert made == name
        assert said(connection, b"CREATE") == [f'CREATE "{name}"'.encode()]

    def test_its_use_is_told_where_it_can_be(self):
        script = mailbox_script(capabilities=(*CAPABILITIES, "CREATE-SPECIAL-USE"))

        _, connection = talk(script, lambda session: session.create_sent())

        assert said(connection, b"CREATE") == [b'CREATE "Sent" (USE (\\Sent))']

    def test_use_that_is_refused_is_left_out(self):
        answers = InTurn([b"<tag> NO [USEATTR] no", b"<tag> OK done"])
        capabilities = (*CAPABILITIES, "CREATE-SPECIAL-USE")
        script = mailbox_script(overrides={"CREATE": answers}, capabilities=capabilities)

        _, connection = talk(script, lambda session: session.create_sent())

        assert said(connection, b"CREATE")[1:] == [b'CREATE "Sent"']

    def test_mailbox_without_subscription_is_good_enough(self):
        made, _ = talk(
            mailbox_script(overrides={"SUBSCRIBE": b"NO never"}), lambda session: session.create_sent()
        )

        assert made == "Sent"

    def test_refusal_is_a_problem(self):
        script = mailbox_script(overrides={"CREATE": b"NO [OVERQUOTA] full"})

        problem = problem_of(script, lambda session: session.create_sent())

        assert problem.code is CODE.MAILBOX_FULL
