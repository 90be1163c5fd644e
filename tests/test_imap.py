"""One read-only mailbox session: nothing changes, nothing from before TLS is believed, nothing is endless."""

from __future__ import annotations

import base64
import imaplib
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import Folder, IMAPSession
from fluenzr_smtp.model import Envelope, Octets, Secret, Security, Submission
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from tests.servers.certificates import Authority
from tests.servers.mailhost import Login, MailHost
from tests.servers.scripted import (
    Close,
    Connection,
    Endless,
    Expect,
    Reset,
    Script,
    ScriptedServer,
    Send,
    Silence,
    StartTLS,
    mailbox_script,
)
from tests.sessions import (
    BRIEF,
    PATIENT,
    REAL_CLOCK,
    REPEATED_SECRETS,
    SECRET,
    USERNAME,
    SteppingClock,
    account_of,
    canaries_in,
    deliver,
    endpoint_at,
    endpoint_of,
    secrets_in,
)

CODE = ProblemCode
ENCRYPTED = pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])


def session_at(server: ScriptedServer, *, timeout: float = PATIENT, **how: Any) -> IMAPSession:
    return IMAPSession(endpoint_of(server, **how), clock=REAL_CLOCK, timeout=timeout)


def problem_and_connection(
    script: Script, act: Callable[[IMAPSession], object], **how: Any
) -> tuple[Problem, Connection]:
    """Return the problem in which acting on an opened session ends, and what the server heard."""
    with ScriptedServer(script) as server:
        session = session_at(server, **how)
        with pytest.raises(FluenzrError) as caught:
            opened(session, act)
        session.close()
        connection = server.finished_connection()
    return caught.value.problem, connection


def problem_with(script: Script, act: Callable[[IMAPSession], object], **how: Any) -> Problem:
    problem, _ = problem_and_connection(script, act, **how)
    return problem


def opened(session: IMAPSession, act: Callable[[IMAPSession], object]) -> None:
    session.open()
    act(session)


def nothing(session: IMAPSession) -> None:
    """Do no more than open."""


def log_in(session: IMAPSession) -> None:
    session.authenticate(USERNAME, SECRET)


def read_all(session: IMAPSession) -> None:
    log_in(session)
    session.special_folder("\\Junk")
    session.examine("INBOX")
    session.headers_from(1)


@pytest.fixture
def real_session(mailhost: MailHost, authority: Authority) -> Iterator[Callable[..., IMAPSession]]:
    sessions: list[IMAPSession] = []

    def make(security: Security = Security.IMPLICIT_TLS) -> IMAPSession:
        port = mailhost.imaps_port if security is Security.IMPLICIT_TLS else mailhost.imap_port
        endpoint = endpoint_at(mailhost.host, port, security, authority=authority)
        sessions.append(IMAPSession(endpoint, clock=REAL_CLOCK, timeout=PATIENT))
        sessions[-1].open()
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()


def appended(mailhost: MailHost, authority: Authority, login: Login, folder: str, message: bytes) -> None:
    """Put a message into a folder, unread."""
    with imaplib.IMAP4_SSL(
        mailhost.host, mailhost.imaps_port, ssl_context=authority.client_context(), timeout=PATIENT
    ) as mailbox:
        mailbox.authenticate("PLAIN", lambda _: f"\0{login.address}\0{login.secret}".encode())
        mailbox.append(folder, None, None, message)


def delivered(mailhost: MailHost, authority: Authority, login: Login, message_id: str) -> None:
    """Have a message delivered to an inbox, where nobody has seen it."""
    endpoint = endpoint_at(mailhost.host, mailhost.submission_port, Security.STARTTLS, authority=authority)
    shop = mailhost.shop
    submission = Submission(
        envelope=Envelope(mail_from=shop.address, recipients=(login.address,)),
        message_id=message_id,
        content=Octets(f"Message-ID: {message_id}\r\n\r\nbody\r\n".encode()),
    )
    account = account_of(endpoint, username=shop.address)
    deliver(account, Secret(shop.secret), submission, clock=REAL_CLOCK, timeout=PATIENT)
    mailhost.wait_for_message(login.address, message_id)


def stored_files(mailhost: MailHost, address: str) -> set[str]:
    """Return the names of all messages; a Maildir keeps what is new, and the flags, in them."""
    mailbox = mailhost.root / "mail" / address
    return {str(file.relative_to(mailbox)) for part in ("new", "cur") for file in mailbox.rglob(f"{part}/*")}


class TestRealServer:
    @ENCRYPTED
    def test_login_and_a_look_into_the_inbox(self, mailhost: MailHost, real_session, security):
        session = real_session(security)
        capabilities = session.read_capabilities()

        known = session.authenticate(mailhost.shop.address, Secret(mailhost.shop.secret))
        folder = session.examine()

        assert (known["mechanism"], known["username"]) == ("PLAIN", mailhost.shop.address)
        assert known["answer"] == "Logged in"
        assert "IMAP4REV1" in capabilities["capabilities"]
        assert (folder.name, folder.uid_next is None, folder.uid_validity is None) == ("INBOX", False, False)

    def test_secret_beyond_ascii_opens_the_mailbox(self, mailhost: MailHost, real_session):
        login = mailhost.international

        known = real_session().authenticate(login.address, Secret(login.secret))

        assert known["username"] == login.address

    def test_wrong_secret_is_refused(self, mailhost: MailHost, real_session):
        session = real_session()

        with pytest.raises(FluenzrError) as caught:
            session.authenticate(mailhost.shop.address, Secret("wrong"))

        problem = caught.value.problem
        assert (problem.code, problem.exit_status) == (CODE.AUTH_REJECTED, 77)
        assert problem.reply is not None
        assert "AUTHENTICATIONFAILED" in problem.reply.text

    def test_junk_folder_is_found_by_its_use(self, mailhost: MailHost, real_session):
        session = real_session()
        session.authenticate(mailhost.shop.address, Secret(mailhost.shop.secret))

        assert session.special_folder("\\Junk") == "Junk"

    def test_folder_that_is_not_there_is_named(self, mailhost: MailHost, real_session):
        session = real_session()
        session.authenticate(mailhost.shop.address, Secret(mailhost.shop.secret))

        with pytest.raises(FluenzrError) as caught:
            session.examine("Nowhere")

        problem = caught.value.problem
        assert (problem.code, problem.stage) == (CODE.MAILBOX_UNREADABLE, Stage.MAILBOX)
        assert problem.facts["folder"] == "Nowhere"

    def test_reading_changes_nothing(self, mailhost: MailHost, authority, real_session):
        login = mailhost.international
        delivered(mailhost, authority, login, "<unread-in-the-inbox@shop.test>")
        appended(mailhost, authority, login, "Junk", b"Message-ID: <unread-junk@shop.test>\r\n\r\nbody\r\n")
        before = stored_files(mailhost, login.address)

        session = real_session()
        session.authenticate(login.address, Secret(login.secret))
        headers: list[bytes] = []
        for folder in ("INBOX", "Junk"):
            session.examine(folder)
            headers += session.headers_from(1).values()
        session.close()

        assert [b"Message-ID: <unread-" in header for header in headers].count(True) == 2
        assert all(header.endswith(b"\r\n\r\n") for header in headers)
        assert any(name.startswith("new/") for name in before)
        assert stored_files(mailhost, login.address) == before

    def test_headers_begin_with_the_uid_asked_for(self, mailhost: MailHost, authority, real_session):
        login = mailhost.shop
        session = real_session()
        session.authenticate(login.address, Secret(login.secret))
        first = session.examine().uid_next
        appended(mailhost, authority, login, "INBOX", b"Message-ID: <later@shop.test>\r\n\r\nbody\r\n")

        session.examine()
        found = session.headers_from(first)
        none = session.headers_from(first + 1)

        assert list(found) == [first]
        assert b"<later@shop.test>" in found[first]
        assert none == {}

    def test_header_without_end_is_cut(self, mailhost: MailHost, authority, real_session):
        login = mailhost.shop
        message = b"Message-ID: <endless@shop.test>\r\n" + b"X-Filler: yes\r\n" * 20_000 + b"\r\nbody\r\n"
        session = real_session()
        session.authenticate(login.address, Secret(login.secret))
        first = session.examine().uid_next
        appended(mailhost, authority, login, "INBOX", message)

        session.examine()
        (header,) = session.headers_from(first).values()

        assert len(header) == 64 * 1024


class TestBeforeTLS:
    def test_not_offered_is_no_reason_to_go_on_in_clear(self):
        problem, connection = problem_and_connection(mailbox_script(), log_in, security=Security.STARTTLS)

        assert (problem.code, problem.exit_status) == (CODE.TLS_STARTTLS_NOT_OFFERED, 76)
        assert canaries_in(connection) == []

    @pytest.mark.parametrize("answer", [b"NO not now", b"BAD what"])
    def test_refusal_ends_the_session(self, authority, answer):
        script = mailbox_script(overrides={"STARTTLS": answer}, tls_context=authority.valid().context())

        problem, connection = problem_and_connection(script, log_in, security=Security.STARTTLS)

        assert (problem.code, problem.exit_status) == (CODE.TLS_STARTTLS_REFUSED, 76)
        assert canaries_in(connection) == []

    @pytest.mark.parametrize(
        "greeting",
        [
            pytest.param(b"* PREAUTH welcome\r\n", id="preauth"),
            pytest.param(b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n", id="preauth-with-capabilities"),
        ],
    )
    def test_server_that_claims_a_login_is_left(self, authority, greeting):
        script = mailbox_script(
            overrides={"GREETING": Send(greeting)}, tls_context=authority.valid().context()
        )

        problem, connection = problem_and_connection(script, read_all, security=Security.STARTTLS)

        assert (problem.code, problem.exit_status) == (CODE.UNEXPECTED_DATA, 76)
        assert canaries_in(connection) == []
        assert not any(b"LOGOUT" in line for line in connection.commands)

    def test_text_behind_the_consent_ends_the_session_without_another_byte(self, authority):
        consent = b"<tag> OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
        script = mailbox_script(overrides={"STARTTLS": consent}, tls_context=authority.valid().context())

        problem, connection = problem_and_connection(script, log_in, security=Security.STARTTLS)

        assert (problem.code, problem.exit_status) == (CODE.UNEXPECTED_DATA, 76)
        assert connection.received_wire.endswith(b" STARTTLS\r\n")

    def test_answers_from_before_are_not_believed(self, authority):
        injected = (
            b'* LIST (\\Junk) "/" Evil\r\n'
            b"* CAPABILITY IMAP4rev1 AUTH=LOGIN AUTH=CRAM-MD5 X-EVIL\r\n"
            b"* 666 EXISTS\r\n* SEARCH 666\r\n"
        )
        script = mailbox_script(
            overrides={"STARTTLS": injected + b"<tag> OK go\r\n", "LIST": b"OK none"},
            tls_context=authority.valid().context(),
        )

        with ScriptedServer(script) as server:
            session = session_at(server, security=Security.STARTTLS, authority=authority)
            session.open()
            capabilities = session.read_capabilities()
            log_in(session)
            junk = session.special_folder("\\Junk")
            folder = session.examine()
            headers = session.headers_from(1)
            session.close()

        assert capabilities["capabilities"] == ("AUTH=PLAIN", "IDLE", "IMAP4REV1", "SASL-IR")
        assert junk is None
        assert folder == Folder(name="INBOX", exists=0, uid_next=1, uid_validity=1)
        assert headers == {}

    def test_capabilities_are_asked_for_again_within_tls(self, authority):
        script = (
            Send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n"),
            Tagged(b"CAPABILITY", b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n<tag> OK done\r\n"),
            Tagged(b"STARTTLS", b"<tag> OK go\r\n"),
            StartTLS(authority.valid().context()),
            Tagged(b"CAPABILITY", b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n<tag> OK done\r\n"),
            Silence(),
        )

        problem, connection = problem_and_connection(
            script, log_in, security=Security.STARTTLS, authority=authority
        )

        assert problem.code is CODE.AUTH_NOT_OFFERED
        assert canaries_in(connection) == []


class TestLogin:
    @pytest.mark.parametrize(
        ("capabilities", "mechanism", "command"),
        [
            pytest.param(("IMAP4rev1", "AUTH=PLAIN"), "PLAIN", b"AUTHENTICATE PLAIN", id="plain"),
            pytest.param(
                ("IMAP4rev1", "AUTH=PLAIN", "LOGINDISABLED"), "PLAIN", b"AUTHENTICATE PLAIN", id="plain-alone"
            ),
            pytest.param(("IMAP4rev1",), "LOGIN", b"LOGIN ", id="command"),
            pytest.param(("IMAP4rev1", "AUTH=LOGIN"), "LOGIN", b"LOGIN ", id="command-beside-the-mechanism"),
            pytest.param(("IMAP4rev1", "AUTH=CRAM-MD5"), "LOGIN", b"LOGIN ", id="command-beside-others"),
        ],
    )
    def test_one_mechanism_is_chosen(self, capabilities, mechanism, command):
        with ScriptedServer(mailbox_script(capabilities=capabilities)) as server:
            session = session_at(server)
            session.open()

            known = session.authenticate(USERNAME, SECRET)
            session.close()

        (line,) = _logins(server.connections[0])
        assert known["mechanism"] == mechanism
        assert line.startswith(command)

    def test_credentials_arrive_as_they_are(self):
        with ScriptedServer(mailbox_script()) as server:
            session = session_at(server)
            session.open()
            session.authenticate("zoë", Secret('pa"ss\\wörd'))
            session.close()

        commands = server.connections[0].commands
        answer = commands[[b"AUTHENTICATE" in line for line in commands].index(True) + 1]
        assert base64.b64decode(answer) == '\0zoë\0pa"ss\\wörd'.encode()

    def test_quotes_cannot_end_an_argument_of_login(self):
        with ScriptedServer(mailbox_script(capabilities=("IMAP4rev1",))) as server:
            session = session_at(server)
            session.open()
            session.authenticate('a"b', Secret('c\\"d'))
            session.close()

        assert _logins(server.connections[0]) == [b'LOGIN "a\\"b" "c\\\\\\"d"']

    @pytest.mark.parametrize(
        ("capabilities", "code"),
        [
            pytest.param(("IMAP4rev1", "LOGINDISABLED"), CODE.AUTH_NOT_OFFERED, id="login-disabled"),
            pytest.param(("IMAP4rev1", "AUTH=XOAUTH2"), CODE.AUTH_OAUTH_REQUIRED, id="oauth-only"),
            pytest.param(
                ("IMAP4rev1", "AUTH=XOAUTH2", "LOGINDISABLED"),
                CODE.AUTH_OAUTH_REQUIRED,
                id="oauth-only-said-twice",
            ),
            pytest.param(
                ("IMAP4rev1", "AUTH=SCRAM-SHA-256", "LOGINDISABLED"),
                CODE.AUTH_MECHANISM_UNSUPPORTED,
                id="others-only",
            ),
            pytest.param(
                ("IMAP4rev1", "AUTH=LOGIN", "LOGINDISABLED"),
                CODE.AUTH_NOT_OFFERED,
                id="mechanism-that-is-not-spoken",
            ),
        ],
    )
    def test_server_that_takes_no_password_gets_none(self, capabilities, code):
        problem, connection = problem_and_connection(mailbox_script(capabilities=capabilities), log_in)

        assert (problem.code, problem.exit_status) == (code, 77)
        assert canaries_in(connection) == []

    @pytest.mark.parametrize(
        "capabilities", [("IMAP4rev1", "AUTH=PLAIN"), ("IMAP4rev1",)], ids=["plain", "login"]
    )
    @pytest.mark.parametrize("answer", [b"NO [AUTHENTICATIONFAILED] Wrong", b"BAD Wrong"], ids=["no", "bad"])
    def test_wrong_secret_is_tried_once(self, capabilities, answer):
        script = mailbox_script(
            overrides={"LOGIN": answer, "AUTHENTICATE": answer}, capabilities=capabilities
        )

        problem, connection = problem_and_connection(script, log_in)

        assert (problem.code, problem.exit_status) == (CODE.AUTH_REJECTED, 77)
        assert problem.facts["username"] == USERNAME
        assert len(_logins(connection)) == 1

    @pytest.mark.parametrize("credentials", [("a\r\nb", "x"), ("a", "x\ny"), ("a", "x\0y")])
    @pytest.mark.parametrize(
        "capabilities", [("IMAP4rev1", "AUTH=PLAIN"), ("IMAP4rev1",)], ids=["plain", "login"]
    )
    def test_control_characters_in_credentials_are_refused_unsent(self, credentials, capabilities):
        username, secret = credentials

        problem, connection = problem_and_connection(
            mailbox_script(capabilities=capabilities),
            lambda session: session.authenticate(username, Secret(secret)),
        )

        assert problem.code is CODE.SECRET_MALFORMED
        assert _logins(connection) == []

    @REPEATED_SECRETS
    @pytest.mark.parametrize("command", ["LOGIN", "LIST", "EXAMINE", "NOOP", "SEARCH", "FETCH"])
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(b"NO what is %b", id="no"),
            pytest.param(b"BAD what is %b", id="bad"),
            pytest.param(b"%b", id="no-answer-at-all"),
            pytest.param(b"* BYE %b\r\n<tag> NO %b", id="farewell"),
            pytest.param(b"* BYE %b\r\n<tag> BAD %b", id="farewell-to-what-was-bad"),
            pytest.param(b"* LIST (%b\r\n* 1 FETCH (%b\r\n* SEARCH %b\r\n<tag> OK done", id="not-readable"),
        ],
    )
    def test_server_that_repeats_the_secret_does_not_make_us_tell_it(self, repeated, command, answer):
        found = {"SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n"}
        script = mailbox_script(
            overrides=found | {command: answer.replace(b"%b", repeated)}, capabilities=("IMAP4rev1",)
        )

        with ScriptedServer(script) as server:
            session = session_at(server)
            with pytest.raises(FluenzrError) as caught:
                opened(session, read_all)
            session.close()

        assert secrets_in(repr(caught.value.problem)) == []
        assert secrets_in("".join(traceback.format_exception(caught.value))) == []

    @pytest.mark.parametrize("status", ["NO", "BAD"])
    def test_quoted_secret_is_struck_out_and_the_words_around_it_stay(self, status):
        secret = Secret('canary-9x"q\\Zpw')
        answer = status.encode() + b' What is LOGIN "user" "canary-9x\\"q\\\\Zpw"'
        script = mailbox_script(overrides={"LOGIN": answer}, capabilities=("IMAP4rev1",))

        problem = problem_with(script, lambda session: session.authenticate("user", secret))

        assert problem.reply is not None
        assert problem.reply.text == f'{status} What is LOGIN "user" "…"'

    def test_farewell_instead_of_an_answer_is_told(self):
        script = mailbox_script(
            overrides={"AUTHENTICATE": (Send(b"* BYE Too many connections, shop\r\n"), Close())}
        )

        problem = problem_with(script, log_in)

        assert problem.exit_status == 75
        assert problem.reply is not None
        assert problem.reply.text == "BYE Too many connections, shop"


class TestHostileServer:
    @pytest.mark.parametrize(
        ("steps", "code", "status"),
        [
            pytest.param((Send(b"* BYE Too busy\r\n"), Close()), CODE.SERVER_FAULT, 75, id="bye"),
            pytest.param((Close(),), CODE.CONNECTION_LOST, 75, id="closed"),
            pytest.param((Send(b"* O"), Close()), CODE.CONNECTION_LOST, 75, id="half-a-line"),
            pytest.param((Send(b"* O"), Silence()), CODE.REPLY_TIMEOUT, 75, id="half-a-line-and-silence"),
            pytest.param(
                (Send(b"* OK hi\r\n"), Silence()), CODE.REPLY_TIMEOUT, 75, id="silent-after-greeting"
            ),
            pytest.param((Send(b"* OK hi\r\n"), Expect(b""), Reset()), CODE.CONNECTION_LOST, 75, id="reset"),
            pytest.param((Send(b"* OK hi\n"), Silence()), CODE.REPLY_MALFORMED, 76, id="bare-lf"),
            pytest.param((Send(b"\r\n"), Silence()), CODE.REPLY_MALFORMED, 76, id="empty-line"),
            pytest.param(
                (Send(bytes(range(128, 256)) + b"\r\n"), Silence()), CODE.REPLY_MALFORMED, 76, id="binary"
            ),
            pytest.param(
                (Send(b"\x1b[31m* OK\r\n"), Silence()), CODE.REPLY_MALFORMED, 76, id="escape-sequence"
            ),
            pytest.param((Send(b"220 smtp ready\r\n"), Silence()), CODE.NOT_A_MAIL_SERVER, 76, id="smtp"),
            pytest.param(
                (Send(b"220-smtp ready\r\n"), Silence()), CODE.NOT_A_MAIL_SERVER, 76, id="smtp-of-two-lines"
            ),
            pytest.param((Send(b"+OK pop3\r\n"), Silence()), CODE.NOT_A_MAIL_SERVER, 76, id="pop3"),
            pytest.param((Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Silence()), CODE.NOT_A_MAIL_SERVER, 76, id="ssh"),
            pytest.param((Send(b"HTTP/1.1 400 Bad\r\n"), Silence()), CODE.NOT_A_MAIL_SERVER, 76, id="http"),
            pytest.param(
                (Endless(b"* OK [ALERT] again\r\n"),), CODE.REPLY_TOO_LONG, 76, id="endless-greetings"
            ),
            pytest.param(
                (Endless(b"\xff" * 1000, limit=100 << 20),), CODE.REPLY_TOO_LONG, 76, id="line-of-100-mb"
            ),
            pytest.param(
                (Send(b"* OK {2000000000}\r\n"), Silence()),
                CODE.REPLY_TOO_LONG,
                76,
                id="literal-in-the-greeting",
            ),
            pytest.param(
                (Send(b"* CAPABILITY {2000000000}\r\n"), Silence()),
                CODE.REPLY_TOO_LONG,
                76,
                id="huge-literal",
            ),
            pytest.param(
                (Send(b"* CAPABILITY {" + b"9" * 5000 + b"}\r\n"), Silence()),
                CODE.REPLY_MALFORMED,
                76,
                id="literal-beyond-numbers",
            ),
        ],
    )
    def test_greeting_ends_in_a_problem_and_not_in_a_crash(self, steps, code, status):
        problem = problem_with(steps, nothing, timeout=BRIEF)

        assert (problem.code, problem.exit_status) == (code, status)
        assert problem.stage in {Stage.GREETING, Stage.CAPABILITIES}

    def test_words_of_a_refusing_greeting_are_kept(self):
        problem = problem_with((Send(b"* BYE Too busy\r\n"), Close()), nothing)

        assert problem.reply is not None
        assert problem.reply.text == "BYE Too busy"

    @pytest.mark.parametrize(
        ("capability", "code"),
        [
            pytest.param(b"NO never", CODE.UNEXPECTED_REPLY, id="refused"),
            pytest.param(b"BAD never", CODE.UNEXPECTED_REPLY, id="not-understood"),
            pytest.param(b"OK but nothing said", CODE.UNEXPECTED_REPLY, id="nothing-said"),
            pytest.param(b"* CAPABILITY X1\r\n<tag> OK done\r\n", CODE.UNEXPECTED_REPLY, id="no-imap4rev1"),
            pytest.param(b"* CAPABILITY \xff\xfe\r\n<tag> OK done\r\n", CODE.REPLY_MALFORMED, id="binary"),
            pytest.param(Endless(b"* 1 EXISTS\r\n"), CODE.REPLY_TOO_LONG, id="endless"),
            pytest.param(
                b"* CAPABILITY {2000000000}\r\n<tag> OK done\r\n", CODE.REPLY_TOO_LONG, id="huge-literal"
            ),
            pytest.param(b"nonsense\r\n<tag> OK done\r\n", CODE.REPLY_MALFORMED, id="nonsense"),
        ],
    )
    def test_capabilities_that_are_none_are_named(self, capability, code):
        problem = problem_with(mailbox_script(overrides={"CAPABILITY": capability}), nothing)

        assert (problem.code, problem.exit_status) == (code, 76)

    @pytest.mark.parametrize("command", ["LIST", "EXAMINE", "NOOP", "SEARCH", "FETCH"])
    @pytest.mark.parametrize(
        ("answer", "codes"),
        [
            pytest.param(b"* 1 FETCH (((((\r\n<tag> OK done\r\n", None, id="open-brackets"),
            pytest.param(
                b"* 1 FETCH (UID 1 %b)\r\n* LIST (%b) / x\r\n* FLAGS %b\r\n<tag> OK done\r\n".replace(
                    b"%b", b"(" * 5000 + b")" * 5000
                ),
                None,
                id="brackets-without-end",
            ),
            pytest.param(b"nonsense\r\n", {CODE.REPLY_MALFORMED}, id="nonsense"),
            pytest.param(b"* SEARCH a b {3}\r\nabc c\r\n<tag> OK done\r\n", None, id="words-for-numbers"),
            pytest.param(b"* LIST\r\n* LIST ((\r\n<tag> OK done\r\n", None, id="broken-list"),
            pytest.param(
                b"* FLAGS\r\n* EXISTS\r\n* x EXISTS\r\n* OK [UIDNEXT x]\r\n<tag> OK done\r\n",
                None,
                id="broken-examine",
            ),
            pytest.param(
                Send(b"* 99 FETCH (UID 1 BODY[HEADER] {2000000000}\r\n"),
                {CODE.REPLY_TOO_LONG},
                id="huge-literal",
            ),
            pytest.param(Endless(b"* 1 EXISTS\r\n"), {CODE.REPLY_TOO_LONG}, id="endless"),
            pytest.param(Endless(b"* 1 FETCH (UID 1)\r\n"), {CODE.REPLY_TOO_LONG}, id="endless-fetch"),
            pytest.param((Send(b"* BYE bored\r\n"), Close()), {CODE.SERVER_FAULT}, id="bye"),
            pytest.param(Close(), {CODE.CONNECTION_LOST}, id="closed"),
            pytest.param(b"NO not for you", {CODE.MAILBOX_UNREADABLE}, id="no"),
        ],
    )
    def test_reading_ends_in_a_problem_or_in_nothing_but_not_in_a_crash(self, command, answer, codes):
        found = b"* SEARCH 1\r\n<tag> OK done\r\n"
        script = mailbox_script(overrides={"SEARCH": found} | {command: answer})

        problem = _problem_or_none(script)

        assert codes is None or (problem is not None and problem.code in codes)

    @pytest.mark.parametrize(
        "folder", ["INBOX\r\nX1 DELETE INBOX", "a\nb", "a\0b"], ids=["crlf", "lf", "nul"]
    )
    def test_folder_name_cannot_carry_a_command(self, folder):
        problem, connection = problem_and_connection(
            mailbox_script(), lambda session: (log_in(session), session.examine(folder))
        )

        assert problem.code is CODE.MAILBOX_UNREADABLE
        assert not any(b"EXAMINE" in line or b"DELETE" in line for line in connection.commands)

    @pytest.mark.parametrize("command", ["LIST", "FETCH"])
    @pytest.mark.parametrize("closed", [b"", b")" * 5000], ids=["open", "closed"])
    def test_nesting_without_end_is_malformed(self, command, closed):
        nested = b"(" * 5000 + closed
        answer = b"* LIST (" + nested + b") / x\r\n* 1 FETCH (UID 1 " + nested + b")\r\n<tag> OK done\r\n"
        found = {"SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n"}

        problem = _problem_or_none(mailbox_script(overrides=found | {command: answer}))

        assert problem is not None
        assert (problem.code, problem.exit_status) == (CODE.REPLY_MALFORMED, 76)

    def test_no_more_than_the_newest_fifty_messages_are_asked_for(self):
        found = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, 5_001)) + b"\r\n<tag> OK done\r\n"

        with ScriptedServer(mailbox_script(overrides={"SEARCH": found})) as server:
            session = session_at(server)
            opened(session, read_all)
            session.close()

        fetches = [line.split()[3] for line in server.connections[0].commands if b" FETCH " in line]
        assert fetches == [b"%d" % uid for uid in range(5_000, 4_950, -1)]

    def test_search_in_a_full_folder_is_kept_to_the_newest_messages(self):
        """An answer with all of them would be longer than a line may be."""
        full = b"* 20000 EXISTS\r\n<tag> OK [READ-ONLY] done\r\n"

        with ScriptedServer(mailbox_script(overrides={"EXAMINE": full})) as server:
            session = session_at(server)
            opened(session, read_all)
            session.close()

        searches = [line.partition(b" ")[2] for line in server.connections[0].commands if b" SEARCH " in line]
        assert searches == [b"UID SEARCH 19951:* UID 1:*"]

    def test_answer_with_one_header_is_bounded(self):
        junk = b"* 1 FETCH (UID 1 X (" + b"a " * 30_000 + b"))\r\n"
        found = {"SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n", "FETCH": Endless(junk, limit=1 << 20)}

        with ScriptedServer(mailbox_script(overrides=found)) as server:
            session = session_at(server)
            with pytest.raises(FluenzrError) as caught:
                opened(session, read_all)

        assert caught.value.problem.code is CODE.REPLY_TOO_LONG

    def test_all_headers_share_the_time_of_one_step(self):
        ticking = SteppingClock(per_look=0.05)
        found = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, 51)) + b"\r\n<tag> OK done\r\n"

        with ScriptedServer(mailbox_script(overrides={"SEARCH": found})) as server:
            session = IMAPSession(endpoint_of(server), clock=ticking.clock, timeout=PATIENT)
            with pytest.raises(FluenzrError) as caught:
                opened(session, read_all)

        assert caught.value.problem.code is CODE.REPLY_TIMEOUT

    def test_nothing_that_writes_is_ever_said(self):
        script = mailbox_script(overrides={"SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n"})

        with ScriptedServer(script) as server:
            session = session_at(server)
            opened(session, read_all)
            session.close()

        verbs = {line.split()[1] for line in server.connections[0].commands if line.count(b" ")}
        assert b"EXAMINE" in verbs
        assert verbs.isdisjoint(
            {b"SELECT", b"STORE", b"EXPUNGE", b"APPEND", b"COPY", b"MOVE", b"DELETE", b"CLOSE"}
        )
        assert all(b"PEEK" in line for line in server.connections[0].commands if b"FETCH" in line)


_READER = """
import sys
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Endpoint, Secret, Security
from tests.sessions import REAL_CLOCK

endpoint = Endpoint(host=sys.argv[1], port=int(sys.argv[2]), security=Security.NONE)
session = IMAPSession(endpoint, clock=REAL_CLOCK, timeout=5.0)
session.open()
session.authenticate(sys.argv[3], Secret(sys.stdin.read()))
try:
    session.examine()
except FluenzrError as error:
    print(error.problem.code.value, error.problem.reply.text)
finally:
    session.close()
"""


@pytest.mark.parametrize("options", [[], ["-X", "dev"]], ids=["plain", "development"])
def test_words_of_the_server_do_not_reach_stderr_past_the_veil(options):
    """In a process that has set up no logging, where Python has a handler of last resort."""
    answer = b"NO " + SECRET.reveal().encode() + b"\xff"

    with ScriptedServer(mailbox_script(overrides={"EXAMINE": answer})) as server:
        done = subprocess.run(
            [sys.executable, *options, "-c", _READER, server.host, str(server.port), USERNAME],
            input=SECRET.reveal(), capture_output=True, text=True, timeout=60,
            cwd=Path(__file__).parent.parent,
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mailbox-unreadable NO …")
    assert SECRET.reveal() not in done.stdout


class Tagged:
    """A step of a script: await a command and answer with its tag."""

    def __init__(self, verb: bytes, answer: bytes) -> None:
        self._verb = verb
        self._answer = answer

    def play(self, connection: Connection) -> None:
        Expect(rb"\S+ " + self._verb).play(connection)
        connection.send(self._answer.replace(b"<tag>", connection.commands[-1].split()[0]))


def _problem_or_none(script: Script) -> Problem | None:
    with ScriptedServer(script) as server:
        session = session_at(server)
        session.open()
        try:
            read_all(session)
        except FluenzrError as error:
            return error.problem
        finally:
            session.close()
    return None


def _logins(connection: Connection) -> list[bytes]:
    """Return the commands that log in, without their tags."""
    said = [line.partition(b" ")[2] for line in connection.commands]
    return [line for line in said if line.startswith((b"LOGIN ", b"AUTHENTICATE "))]
