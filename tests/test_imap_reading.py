"""Reading a mailbox: at three real servers, and at ones that lie, flood, break off or fall silent."""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import ReadingSession
from fluenzr_smtp.imap.reading import BATCH
from fluenzr_smtp.model import Endpoint, Secret, Security
from fluenzr_smtp.problems import ProblemCode
from tests.mailboxes import Box, letter
from tests.servers.certificates import Authority
from tests.servers.cyrus import running_cyrus
from tests.servers.mailhost import Login, MailHost
from tests.servers.pymap import LOGIN, running_pymap
from tests.servers.scripted import (
    Close,
    Connection,
    Endless,
    Script,
    ScriptedServer,
    Send,
    Silence,
    mailbox_script,
)
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, SECRET, USERNAME, endpoint_at, endpoint_of

CODE = ProblemCode
NOW = datetime.now(UTC)
FIELDS = ("From", "Subject", "Message-ID")
Told = TypeVar("Told")


@dataclass(frozen=True)
class Place:
    """A running server, and how a test's own client gets to it."""

    endpoint: Endpoint
    login: Login
    client: Callable[[], imaplib.IMAP4]


@pytest.fixture(scope="module")
def dovecot(mailhost: MailHost, authority: Authority) -> Place:
    endpoint = endpoint_at(mailhost.host, mailhost.imaps_port, Security.IMPLICIT_TLS, authority=authority)
    return Place(endpoint, mailhost.second, lambda: over_tls(endpoint, authority))


@pytest.fixture(scope="module")
def cyrus(authority: Authority) -> Iterator[Place]:
    with running_cyrus(authority) as server:
        endpoint = endpoint_at(
            server.host, server.ports.implicit_tls, Security.IMPLICIT_TLS, authority=authority
        )
        yield Place(endpoint, server.login, lambda: over_tls(endpoint, authority))


@pytest.fixture(scope="module")
def pymap() -> Iterator[Place]:
    with running_pymap() as port:
        endpoint = Endpoint(host="127.0.0.1", port=port, security=Security.NONE)
        yield Place(endpoint, LOGIN, lambda: imaplib.IMAP4("127.0.0.1", port))


def over_tls(endpoint: Endpoint, authority: Authority) -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    return imaplib.IMAP4_SSL(endpoint.host, endpoint.port, ssl_context=context)


@pytest.fixture(params=["dovecot", "cyrus", "pymap"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def box(place: Place) -> Iterator[Box]:
    client = place.client()
    client.login(place.login.address, place.login.secret)
    made = Box(client, f"Test{time.monotonic_ns()}")
    status, said = client.create(made.name)
    assert status == "OK", said
    yield made
    with contextlib.suppress(imaplib.IMAP4.error):
        client.delete(made.name)
    client.logout()


@contextlib.contextmanager
def session_at(place: Place) -> Iterator[ReadingSession]:
    session = ReadingSession(place.endpoint, clock=REAL_CLOCK, timeout=PATIENT)
    with contextlib.closing(session):
        session.open()
        session.authenticate(place.login.address, Secret(place.login.secret))
        yield session


class TestAtRealServers:
    def test_new_messages_are_those_behind_a_uid(self, place: Place, box: Box):
        for number in range(3):
            box.put(letter(subject=f"Letter {number}"))
        with session_at(place) as session:
            folder = session.examine(box.name)
            first, second, third = session.uids()

            assert folder.exists == 3
            assert folder.uid_next is None or folder.uid_next > third
            assert session.uids(first_uid=second) == (second, third)
            assert session.uids(first_uid=third + 1) == ()
            assert first < second < third

    def test_messages_of_a_time_are_those_since_a_day(self, place: Place, box: Box):
        for days in (30, 20, 1):
            box.put(letter(subject=f"{days}"), received=NOW - timedelta(days=days))
        with session_at(place) as session:
            session.examine(box.name)
            every = session.uids()
            assert len(every) == 3
            lately = session.uids(since=(NOW - timedelta(days=7)).date())
            between = session.uids(
                since=(NOW - timedelta(days=25)).date(), before=(NOW - timedelta(days=10)).date()
            )

            assert (lately, between) == (every[2:], every[1:2])

    def test_headers_come_with_their_times_and_change_no_flag(self, place: Place, box: Box):
        received = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        box.put(letter(subject="First", Message_ID="<1@b.test>"), received=received)
        box.put(letter(subject="Second", X_Other="left out"))
        with session_at(place) as session:
            session.examine(box.name)
            first, second = session.arrived(session.uids(), FIELDS)
            body = b"".join(session.pieces(first.uid))

        assert first.received == received
        assert b"Subject: First\r\n" in first.header
        assert b"<1@b.test>" in first.header
        assert b"left out" not in second.header
        assert body.endswith(b"\r\n\r\nYes.\r\n")
        assert first.size_bytes == len(body)
        assert box.flags() == [b"", b""]

    def test_big_message_comes_in_pieces_and_no_more_of_it_than_wanted(self, place: Place, box: Box):
        message = letter("x" * 70 + "\n" + ("y" * 76 + "\n") * 6000)
        box.put(message)
        with session_at(place) as session:
            session.examine(box.name)
            (uid,) = session.uids()
            pieces = list(session.pieces(uid))
            beginning = b"".join(session.pieces(uid, most_bytes=200_000))
            none = list(session.pieces(uid + 1000))

        whole = message.replace("\n", "\r\n").encode()
        assert b"".join(pieces) == whole
        assert max(map(len, pieces)) <= 128 * 1024
        assert beginning == whole[:200_000]
        assert none == []

    def test_more_messages_than_a_batch_are_all_read(self, place: Place, box: Box):
        for number in range(BATCH + 3):
            box.put(letter(subject=f"Letter {number}"))
        with session_at(place) as session:
            session.examine(box.name)
            arrived = list(session.arrived(session.uids(), FIELDS))

        assert len(arrived) == BATCH + 3
        assert f"Letter {BATCH + 2}\r\n".encode() in arrived[-1].header

    def test_news_end_the_wait(self, place: Place, box: Box):
        with session_at(place) as session:
            session.examine(box.name)
            timer = threading.Timer(0.5, lambda: box.put(letter()))
            timer.start()
            begun = time.monotonic()
            has_news = session.news_within(PATIENT)
            took = time.monotonic() - begun
            timer.join()
            session.examine(box.name)

            assert has_news
            assert took < PATIENT
            assert len(session.uids()) == 1

    def test_quiet_is_no_news(self, place: Place, box: Box):
        with session_at(place) as session:
            if not session.can_idle:
                pytest.skip("this server does not announce IDLE before the login")
            session.examine(box.name)

            assert not session.news_within(BRIEF)


# -- servers that lie ------------------------------------------------------------------------------------


def talk(
    script: Script, act: Callable[[ReadingSession], Told], *, timeout: float = PATIENT
) -> tuple[Told, Connection]:
    with ScriptedServer(script) as server:
        session = ReadingSession(endpoint_of(server), clock=REAL_CLOCK, timeout=timeout)
        try:
            session.open()
            session.authenticate(USERNAME, SECRET)
            session.examine()
            told = act(session)
        finally:
            session.close()
        return told, server.finished_connection()


def code_of(script: Script, act: Callable[[ReadingSession], object], **how: Any) -> ProblemCode:
    with pytest.raises(FluenzrError) as caught:
        talk(script, act, **how)
    return caught.value.problem.code


def folder_of(exists: int) -> bytes:
    return (
        b"* %d EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 9] x\r\n<tag> OK [READ-ONLY] x\r\n" % exists
    )


def fetched(*uids: int, header: bytes = b"Subject: x\r\n\r\n") -> bytes:
    lines = b"".join(
        b'* %d FETCH (UID %d INTERNALDATE "01-Jan-2026 00:00:00 +0000" RFC822.SIZE 10 '
        b"BODY[HEADER.FIELDS (FROM)]<0> {%d}\r\n%b)\r\n" % (uid, uid, len(header), header)
        for uid in uids
    )
    return lines + b"<tag> OK done\r\n"


def searches(connection: Connection) -> list[bytes]:
    return [line.partition(b"SEARCH ")[2] for line in connection.commands if b"SEARCH" in line]


@dataclass(frozen=True)
class FetchesAllBut:
    """Fetch what is asked for, but refuse it where this UID is among it."""

    uid: int

    def play(self, connection: Connection) -> None:
        tag, _, command = connection.commands[-1].partition(b" ")
        uids = [int(each) for each in re.findall(rb"\d+", command.partition(b"(")[0])]
        answer = b"<tag> NO [SERVERBUG] Cannot read it\r\n" if self.uid in uids else fetched(*uids)
        connection.send(answer.replace(b"<tag>", tag))


class TestAtLyingServers:
    def test_one_message_that_cannot_be_read_leaves_the_others(self):
        script = mailbox_script(overrides={"FETCH": FetchesAllBut(6)})

        found, _ = talk(script, lambda session: list(session.arrived(range(1, 120), FIELDS)))

        assert [each.uid for each in found] == [uid for uid in range(1, 120) if uid != 6]

    def test_big_folder_is_searched_window_by_window_from_its_end(self):
        script = mailbox_script(overrides={"EXAMINE": folder_of(12_000)})

        found, connection = talk(script, lambda session: session.uids(since=NOW.date()))

        assert found == ()
        assert [each.split()[0] for each in searches(connection)] == [b"7001:12000", b"2001:7000", b"1:2000"]

    def test_folder_without_news_is_asked_once(self):
        script = mailbox_script(overrides={"EXAMINE": folder_of(200_000)})

        _, connection = talk(script, lambda session: session.uids(first_uid=200_001))

        assert len(searches(connection)) == 1

    def test_folder_that_claims_billions_of_messages_ends(self):
        script = mailbox_script(overrides={"EXAMINE": folder_of(4_294_967_295)})

        _, connection = talk(script, lambda session: session.uids(since=NOW.date()))

        assert len(searches(connection)) == 400

    def test_uids_that_nobody_asked_for_are_not_believed(self):
        script = mailbox_script(
            overrides={"EXAMINE": folder_of(3), "SEARCH": b"* SEARCH 1 2 3 70 80\r\n<tag> OK done"}
        )

        found, _ = talk(script, lambda session: session.uids(first_uid=50))

        assert found == (70, 80)

    def test_messages_that_nobody_asked_for_are_not_believed(self):
        script = mailbox_script(overrides={"FETCH": fetched(5, 7, 99)})

        found, _ = talk(script, lambda session: list(session.arrived((5, 6, 7), FIELDS)))

        assert [each.uid for each in found] == [5, 7]

    def test_missing_date_and_size_are_put_up_with(self):
        answer = b"* 1 FETCH (UID 5 BODY[HEADER.FIELDS (FROM)]<0> NIL)\r\n<tag> OK done"
        script = mailbox_script(overrides={"FETCH": answer})

        found, _ = talk(script, lambda session: list(session.arrived((5,), FIELDS)))

        assert [(each.header, each.size_bytes, each.received.year) for each in found] == [(b"", 0, 1970)]

    def test_date_that_no_time_zone_can_tell_is_put_up_with(self):
        answer = fetched(5).replace(b"01-Jan-2026 00:00:00 +0000", b"01-Jan-0001 00:00:00 +1400")
        script = mailbox_script(overrides={"FETCH": answer})

        found, _ = talk(script, lambda session: list(session.arrived((5,), FIELDS)))

        assert [each.uid for each in found] == [5]

    def test_numbers_beyond_the_protocol_are_not_believed(self):
        huge = b"9" * 30
        script = mailbox_script(
            overrides={
                "EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY %b] x\r\n* OK [UIDNEXT %b] x\r\n"
                b"* OK [HIGHESTMODSEQ %b] x\r\n<tag> OK [READ-ONLY] x" % (huge, huge, huge),
                "SEARCH": b"* SEARCH 7 %b\r\n<tag> OK done" % huge,
            }
        )

        (folder, uids), _ = talk(script, lambda session: (session.examine(), session.uids()))

        assert (folder.uid_validity, folder.uid_next, folder.highest_modseq) == (None, None, None)
        assert uids == (7,)

    @pytest.mark.parametrize(
        ("answer", "codes"),
        [
            ((Send(b"* 1 FETCH (UID 5 BODY[] {99999999999}\r\n"),), {CODE.REPLY_TOO_LONG}),
            ((Send(b"* 1 FETCH (UID 5 BODY[] {99999999}\r\n"), Endless(b"x" * 99)), {CODE.REPLY_TOO_LONG}),
            ((Endless(b"* 1 EXISTS\r\n"),), {CODE.REPLY_TOO_LONG}),
            ((Endless(b"x"),), {CODE.REPLY_TOO_LONG, CODE.REPLY_TIMEOUT}),
            ((Send(b"* 1 FETCH (UID 5 BODY[] {9}\r\nabc"), Close()), {CODE.CONNECTION_LOST}),
            (b"* 1 FETCH (UID 5 BODY[] (((((\r\n<tag> OK done", {CODE.REPLY_MALFORMED}),
            (b"* 1 FETCH (" * 3000 + b"\r\n<tag> OK done", {CODE.REPLY_MALFORMED}),
            (b"NO [SERVERBUG] Not now", {CODE.SERVER_FAULT, CODE.MAILBOX_UNREADABLE}),
            ((Send(b"* BYE Leaving\r\n"), Close()), {CODE.CONNECTION_LOST, CODE.SERVER_FAULT}),
            (Silence(), {CODE.REPLY_TIMEOUT}),
        ],
        ids=[
            "huge literal", "endless literal", "endless lines", "endless line", "cut literal",
            "half an answer", "nested", "refused", "leaves", "silent",
        ],
    )  # fmt: skip
    def test_body_that_cannot_be_read_ends_in_a_problem(self, answer: Any, codes: set[ProblemCode]):
        script = mailbox_script(overrides={"FETCH": answer})

        assert code_of(script, lambda session: list(session.pieces(5)), timeout=BRIEF * 4) in codes

    def test_more_than_was_asked_for_is_cut_off(self):
        answer = b"* 1 FETCH (UID 5 BODY[]<0> {2000}\r\n" + b"x" * 2000 + b")\r\n<tag> OK done"
        script = mailbox_script(overrides={"FETCH": answer})

        found, _ = talk(script, lambda session: list(session.pieces(5, most_bytes=1000)))

        assert found == [b"x" * 1000]

    def test_server_without_idle_is_asked_again_after_the_time(self):
        script = mailbox_script(capabilities=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR"))

        has_news, connection = talk(script, lambda session: session.news_within(0.01))

        assert has_news
        assert connection.commands[-2].endswith(b"NOOP")

    @pytest.mark.parametrize("answer", [b"NO Not now", b"BAD What"])
    def test_idle_that_is_refused_is_done_without(self, answer: bytes):
        script = mailbox_script(overrides={"IDLE": answer})

        def wait_twice(session: ReadingSession) -> list[bool]:
            return [session.news_within(0.01), session.news_within(0.01)]

        has_news, connection = talk(script, wait_twice)

        assert has_news == [True, True]
        assert [line.split()[1] for line in connection.commands[-4:-1]] == [b"IDLE", b"NOOP", b"NOOP"]

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ((Send(b"+ idling\r\n"), Close()), CODE.CONNECTION_LOST),
            ((Send(b"+ idling\r\n"), Endless(b"* OK still here\r\n")), CODE.REPLY_TOO_LONG),
        ],
        ids=["closed", "flood"],
    )
    def test_idle_that_fails_ends_in_a_problem(self, answer: Any, code: ProblemCode):
        script = mailbox_script(overrides={"IDLE": answer})

        assert code_of(script, lambda session: session.news_within(PATIENT)) is code
