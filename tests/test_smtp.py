"""One submission session: strict replies, one login, and a transaction that says what became of it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Envelope, Octets, Outcome, RecipientOutcome, Secret, Security, Submission
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.smtp.replies import server_reply
from tests.servers.mailhost import MailHost
from tests.servers.scripted import (
    Close,
    Connection,
    Endless,
    ReadLine,
    Reset,
    Script,
    ScriptedServer,
    Send,
    Silence,
    submission_script,
)
from tests.sessions import (
    BRIEF,
    CONTENT,
    PATIENT,
    REAL_CLOCK,
    RECIPIENT,
    SECRET,
    SENDER,
    USERNAME,
    Pause,
    canaries_in,
    endpoint_at,
    endpoint_of,
    submission_to,
)

CODE = ProblemCode


class AcceptsEarly:
    """A step of a script: claim to have the message when the first of it has come."""

    def play(self, connection: Connection) -> None:
        connection.send(b"354 go\r\n")
        connection.read_until(b"canary-body")
        connection.send(b"250 2.0.0 Queued\r\n")
        connection.read_to_the_end()


def session_at(server: ScriptedServer, **settings: Any) -> SMTPSession:
    return SMTPSession(endpoint_of(server), clock=REAL_CLOCK, **{"timeout": PATIENT, **settings})


def problem_with(script: Script, act: Callable[[SMTPSession], object], **settings: Any) -> Problem:
    """Return the problem in which acting on an opened session ends."""
    problem, _ = problem_and_connection(script, act, **settings)
    return problem


def problem_and_connection(
    script: Script, act: Callable[[SMTPSession], object], **settings: Any
) -> tuple[Problem, Connection]:
    with ScriptedServer(script) as server:
        session = session_at(server, **settings)
        with pytest.raises(FluenzrError) as caught:
            opened(session, act)
        session.close()
        connection = server.finished_connection()
    return caught.value.problem, connection


def opened(session: SMTPSession, act: Callable[[SMTPSession], object]) -> None:
    session.open()
    act(session)


def nothing(session: SMTPSession) -> None:
    """Do no more than open."""


def log_in(session: SMTPSession) -> None:
    session.authenticate(USERNAME, SECRET)


def submitted(
    script: Script, submission: Submission | None = None, **settings: Any
) -> tuple[tuple[RecipientOutcome, ...], Connection]:
    """Submit over one connection; return what became of each recipient, and what the server heard."""
    with ScriptedServer(script) as server:
        session = session_at(server, **settings)
        session.open()
        outcomes = session.submit(submission or submission_to())
        session.close()
        connection = server.finished_connection()
    return outcomes, connection


class TestReplies:
    @pytest.mark.parametrize(
        ("greeting", "code"),
        [
            pytest.param(b"2500 x\r\n", CODE.REPLY_MALFORMED, id="four-digits"),
            pytest.param(b"+25 x\r\n", CODE.REPLY_MALFORMED, id="sign"),
            pytest.param(b" 25 x\r\n", CODE.REPLY_MALFORMED, id="leading-blank"),
            pytest.param(b"2_5 x\r\n", CODE.REPLY_MALFORMED, id="underscore"),
            pytest.param(b"220ready\r\n", CODE.REPLY_MALFORMED, id="no-blank"),
            pytest.param(b"220\tready\r\n", CODE.REPLY_MALFORMED, id="tab"),
            pytest.param(
                b"\xd9\xa2\xd9\xa2\xd9\xa0 x\r\n", CODE.REPLY_MALFORMED, id="digits-of-another-script"
            ),
            pytest.param(b"020 x\r\n", CODE.REPLY_MALFORMED, id="class-0"),
            pytest.param(b"120 x\r\n", CODE.REPLY_MALFORMED, id="class-1"),
            pytest.param(b"620 x\r\n", CODE.REPLY_MALFORMED, id="class-6"),
            pytest.param(b"\r\n", CODE.REPLY_MALFORMED, id="empty-line"),
            pytest.param(b"220 x\n", CODE.REPLY_MALFORMED, id="bare-lf"),
            pytest.param(b"220-x\n220 y\r\n", CODE.REPLY_MALFORMED, id="bare-lf-in-between"),
            pytest.param(b"220-x\r\n250 y\r\n", CODE.REPLY_MALFORMED, id="mixed-codes"),
            pytest.param(b"554-x\r\n220 y\r\n", CODE.REPLY_MALFORMED, id="mixed-codes-ending-well"),
            pytest.param(b"220-x\r\n\r\n220 y\r\n", CODE.REPLY_MALFORMED, id="empty-line-in-between"),
            pytest.param(bytes(range(128, 256)) + b"\r\n", CODE.REPLY_MALFORMED, id="binary"),
            pytest.param(b"\x1b[2J220 x\r\n", CODE.REPLY_MALFORMED, id="escape-sequence"),
            pytest.param(b"* OK IMAP4rev1\r\n", CODE.NOT_A_MAIL_SERVER, id="imap"),
            pytest.param(b"+OK POP3 ready\r\n", CODE.NOT_A_MAIL_SERVER, id="pop3"),
            pytest.param(b"-ERR busy\r\n", CODE.NOT_A_MAIL_SERVER, id="pop3-refusing"),
            pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", CODE.NOT_A_MAIL_SERVER, id="ssh"),
            pytest.param(b"HTTP/1.1 400 Bad Request\r\n", CODE.NOT_A_MAIL_SERVER, id="http"),
            pytest.param(b"220-x\r\n" * 100 + b"220 y\r\n", CODE.REPLY_TOO_LONG, id="101-lines"),
            pytest.param(b"220 " + b"x" * 65_536 + b"\r\n", CODE.REPLY_TOO_LONG, id="line-of-64-kib"),
        ],
    )
    def test_reply_that_is_none_ends_the_session(self, greeting, code):
        problem, connection = problem_and_connection((Send(greeting), Silence()), nothing)

        assert (problem.code, problem.exit_status) == (code, 76)
        assert problem.stage is Stage.GREETING
        assert connection.received == b""

    @pytest.mark.parametrize(
        "steps",
        [
            pytest.param(Endless(b"220-more\r\n"), id="lines"),
            pytest.param(Endless(b"\xff\xfe" * 1000, limit=100 << 20), id="one-line-of-100-mb"),
        ],
    )
    def test_endless_greeting_is_cut_short(self, steps):
        problem = problem_with((steps,), nothing)

        assert problem.code is CODE.REPLY_TOO_LONG

    @pytest.mark.parametrize(
        ("greeting", "banner"),
        [
            pytest.param(b"220\r\n", "", id="code-alone"),
            pytest.param(b"220 \r\n", "", id="code-and-blank"),
            pytest.param(b"220-\r\n220\r\n", "\n", id="code-alone-after-dash"),
            pytest.param(b"220-a\r\n220 b\r\n", "a\nb", id="two-lines"),
            pytest.param(b"220 mail.shop.test ESMTP\r\n", "mail.shop.test ESMTP", id="usual"),
            pytest.param(b"220 caf\xc3\xa9 \xff\r\n", "café \\xff", id="utf-8-and-not"),
            pytest.param(b"220-x\r\n" * 99 + b"220 y\r\n", "x\n" * 99 + "y", id="100-lines"),
        ],
    )
    def test_well_formed_greeting_is_read(self, greeting, banner):
        with ScriptedServer(submission_script(overrides={"GREETING": Send(greeting)})) as server:
            session = session_at(server)
            session.resolve()
            session.connect()

            known = session.greeting()
            session.close()

        assert known == {"banner": banner}

    @pytest.mark.parametrize(
        ("steps", "code"),
        [
            pytest.param((Send(b"220 hal"), Close()), CODE.CONNECTION_LOST, id="half-a-line"),
            pytest.param((Send(b"220-half\r\n"), Close()), CODE.CONNECTION_LOST, id="half-a-reply"),
            pytest.param((Send(b"220 x\r"), Close()), CODE.CONNECTION_LOST, id="cr-without-lf"),
            pytest.param((Close(),), CODE.CONNECTION_LOST, id="nothing"),
            pytest.param((Reset(),), CODE.CONNECTION_LOST, id="reset"),
            pytest.param((Send(b"220 hal"), Silence()), CODE.REPLY_TIMEOUT, id="half-a-line-and-silence"),
        ],
    )
    def test_half_a_greeting_is_worth_another_try(self, steps, code):
        problem = problem_with(steps, nothing, timeout=BRIEF)

        assert (problem.code, problem.exit_status) == (code, 75)

    @pytest.mark.parametrize(
        ("greeting", "code", "status"),
        [
            pytest.param(b"421 4.3.2 Shutting down", CODE.SERVER_FAULT, 75, id="shutting-down"),
            pytest.param(b"554 5.7.1 No service for you", CODE.IP_BLOCKED, 69, id="refused"),
            pytest.param(b"250 hello", CODE.UNEXPECTED_REPLY, 76, id="another-success"),
            pytest.param(b"354 go", CODE.UNEXPECTED_REPLY, 76, id="intermediate"),
        ],
    )
    def test_refusing_greeting_is_named_with_its_reply(self, greeting, code, status):
        problem = problem_with(submission_script(overrides={"GREETING": greeting}), nothing)

        assert (problem.code, problem.exit_status) == (code, status)
        assert problem.reply is not None
        assert problem.reply.code == int(greeting[:3])

    def test_malformed_line_is_quoted_but_not_endlessly(self):
        problem = problem_with((Send(b"hello " + b"x" * 1000 + b"\r\n"), Silence()), nothing)

        assert str(problem.facts["line"]).startswith("hello xxx")
        assert len(str(problem.facts["line"])) <= 200

    @given(st.binary(max_size=200))
    def test_reply_value_is_made_of_any_text(self, text):
        reply = server_reply(250, text)

        assert reply.code == 250
        assert isinstance(reply.text, str)

    @pytest.mark.parametrize(
        ("text", "enhanced", "rest"),
        [
            pytest.param(b"2.1.0 Ok", "2.1.0", "Ok", id="usual"),
            pytest.param(b"5.7.1 a\n5.7.1 b", "5.7.1", "a\nb", id="repeated-on-each-line"),
            pytest.param(b"5.7.139", "5.7.139", "", id="alone"),
            pytest.param(b"3.1.0 x", None, "3.1.0 x", id="no-such-class"),
            pytest.param(b"5.7.1234 x", None, "5.7.1234 x", id="too-many-digits"),
            pytest.param(b"mail 2.1.0 x", None, "mail 2.1.0 x", id="not-in-front"),
        ],
    )
    def test_enhanced_status_is_told_from_the_text(self, text, enhanced, rest):
        assert server_reply(550, text) == ServerReply(550, enhanced, rest)


class TestStartTLS:
    def test_not_offered_is_no_reason_to_go_on_in_clear(self):
        with ScriptedServer(submission_script()) as server:
            session = SMTPSession(endpoint_of(server, Security.STARTTLS), clock=REAL_CLOCK, timeout=PATIENT)
            with pytest.raises(FluenzrError) as caught:
                opened(session, log_in)
            session.close()
            connection = server.finished_connection()

        problem = caught.value.problem
        assert (problem.code, problem.exit_status) == (CODE.TLS_STARTTLS_NOT_OFFERED, 76)
        assert canaries_in(connection) == []

    @pytest.mark.parametrize(
        ("reply", "code", "status"),
        [
            pytest.param(
                b"454 4.7.0 TLS not available due to temporary reason", CODE.SERVER_FAULT, 75, id="for-now"
            ),
            pytest.param(b"554 5.7.3 No", CODE.TLS_STARTTLS_REFUSED, 76, id="for-good"),
            pytest.param(b"501 5.5.4 Syntax error", CODE.COMMAND_REFUSED, 76, id="syntax"),
        ],
    )
    def test_refusal_is_final_unless_the_server_says_later(self, authority, reply, code, status):
        script = submission_script(overrides={"STARTTLS": reply}, tls_context=authority.valid().context())

        with ScriptedServer(script) as server:
            session = SMTPSession(
                endpoint_of(server, Security.STARTTLS, authority=authority), clock=REAL_CLOCK, timeout=PATIENT
            )
            with pytest.raises(FluenzrError) as caught:
                opened(session, log_in)
            session.close()
            connection = server.finished_connection()

        problem = caught.value.problem
        assert (problem.code, problem.exit_status) == (code, status)
        assert canaries_in(connection) == []

    def test_what_was_offered_before_tls_is_forgotten(self, authority):
        script = submission_script(
            overrides={
                "EHLO": b"250-hi\r\n250-STARTTLS\r\n250-SIZE 1\r\n250 AUTH PLAIN LOGIN\r\n",
                "EHLO-TLS": b"250 hi\r\n",
            },
            tls_context=authority.valid().context(),
        )

        with ScriptedServer(script) as server:
            session = SMTPSession(
                endpoint_of(server, Security.STARTTLS, authority=authority), clock=REAL_CLOCK, timeout=PATIENT
            )
            session.open()
            with pytest.raises(FluenzrError) as caught:
                log_in(session)
            remembered = dict(session.capabilities)
            session.close()

        assert caught.value.problem.code is CODE.AUTH_NOT_OFFERED
        assert remembered == {}
        assert canaries_in(server.connections[0]) == []


class TestLogin:
    @pytest.mark.parametrize(
        ("offered", "chosen"),
        [
            pytest.param("CRAM-MD5 LOGIN PLAIN", "PLAIN", id="plain-first"),
            pytest.param("CRAM-MD5 LOGIN", "LOGIN", id="login-second"),
            pytest.param("SCRAM-SHA-256 CRAM-MD5", "CRAM-MD5", id="cram-md5-last"),
            pytest.param("plain", "PLAIN", id="lower-case"),
            pytest.param("XOAUTH2 PLAIN", "PLAIN", id="beside-oauth"),
        ],
    )
    def test_one_mechanism_is_chosen(self, offered, chosen):
        with ScriptedServer(submission_script(mechanisms=offered)) as server:
            session = session_at(server)
            session.open()

            known = session.authenticate(USERNAME, SECRET)
            session.close()

        assert known["mechanism"] == chosen
        assert _logins(server.connections[0]) == [f"AUTH {chosen}".encode()]

    @pytest.mark.parametrize(
        ("mechanisms", "said"),
        [
            pytest.param("PLAIN", [f"\0{USERNAME}\0{SECRET.reveal()}"], id="plain"),
            pytest.param("LOGIN", [USERNAME, SECRET.reveal()], id="login"),
        ],
    )
    def test_credentials_arrive_as_they_are(self, mechanisms, said):
        with ScriptedServer(submission_script(mechanisms=mechanisms)) as server:
            session = session_at(server)
            session.open()
            session.authenticate(USERNAME, SECRET)
            session.close()

        words = [line.split()[-1] for line in server.connections[0].commands[1:-1] if line != b"AUTH LOGIN"]
        assert [base64.b64decode(word).decode() for word in words] == said

    def test_challenge_of_cram_md5_is_answered(self):
        challenge = b"<1896.697170952@postoffice.test>"
        script = (
            Send(b"220 hi\r\n"),
            *_heard(b"250-hi\r\n250 AUTH CRAM-MD5\r\n"),
            *_heard(b"334 " + base64.b64encode(challenge) + b"\r\n"),
            *_heard(b"235 ok\r\n"),
        )

        with ScriptedServer(script) as server:
            session = session_at(server)
            session.open()
            session.authenticate("tim", Secret("tanstaaftanstaaf"))
            session.close()

        digest = hmac.new(b"tanstaaftanstaaf", challenge, "md5").hexdigest()
        assert base64.b64decode(server.connections[0].commands[-1]) == f"tim {digest}".encode()

    def test_answer_that_plain_is_asked_for_is_given_once(self):
        script = (
            Send(b"220 hi\r\n"),
            *_heard(b"250-hi\r\n250 AUTH PLAIN\r\n"),
            *_heard(b"334 \r\n"),
            *_heard(b"235 ok\r\n"),
        )

        with ScriptedServer(script) as server:
            session = session_at(server)
            session.open()
            known = session.authenticate(USERNAME, SECRET)
            session.close()

        assert known["mechanism"] == "PLAIN"
        assert base64.b64decode(server.connections[0].commands[-1]).decode().endswith(SECRET.reveal())

    @pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "CRAM-MD5", "CRAM-MD5 LOGIN PLAIN"])
    def test_wrong_secret_is_tried_once(self, mechanisms):
        script = submission_script(
            overrides={"AUTH": b"535 5.7.8 Authentication failed"}, mechanisms=mechanisms
        )

        problem, connection = problem_and_connection(script, log_in)

        assert (problem.code, problem.exit_status) == (CODE.AUTH_REJECTED, 77)
        assert problem.facts["username"] == USERNAME
        assert problem.reply == ServerReply(535, "5.7.8", "Authentication failed")
        assert len(_logins(connection)) == 1

    @pytest.mark.parametrize(
        ("mechanisms", "code"),
        [
            pytest.param("XOAUTH2 OAUTHBEARER", CODE.AUTH_OAUTH_REQUIRED, id="oauth-only"),
            pytest.param("SCRAM-SHA-256 GSSAPI", CODE.AUTH_MECHANISM_UNSUPPORTED, id="others-only"),
            pytest.param("", CODE.AUTH_NOT_OFFERED, id="none"),
        ],
    )
    def test_server_that_takes_no_password_gets_none(self, mechanisms, code):
        problem, connection = problem_and_connection(submission_script(mechanisms=mechanisms), log_in)

        assert (problem.code, problem.exit_status) == (code, 77)
        assert _logins(connection) == []
        assert canaries_in(connection) == []

    @pytest.mark.parametrize(
        ("reply", "code", "status"),
        [
            pytest.param(
                b"454 4.7.0 Temporary authentication failure", CODE.AUTH_UNAVAILABLE, 75, id="fault"
            ),
            pytest.param(b"454 4.7.0 invalid username or password", CODE.AUTH_REJECTED, 77, id="bridge"),
            pytest.param(b"421 4.7.0 Try again later", CODE.SERVER_FAULT, 75, id="closing"),
            pytest.param(
                b"534 5.7.9 Application-specific password required",
                CODE.AUTH_APP_PASSWORD_REQUIRED,
                77,
                id="app-password",
            ),
            pytest.param(b"235-yes\r\n535 no\r\n", CODE.REPLY_MALFORMED, 76, id="both"),
            pytest.param(b"250 2.0.0 Ok", CODE.UNEXPECTED_REPLY, 76, id="another-success"),
        ],
    )
    def test_refusal_is_told_by_its_words(self, reply, code, status):
        problem = problem_with(submission_script(overrides={"AUTH": reply}), log_in)

        assert (problem.code, problem.exit_status) == (code, status)

    @pytest.mark.parametrize("credentials", [("a\0b", "x"), ("a", "x\0y"), ("a", "x\r\ny"), ("a\nb", "x")])
    def test_control_characters_in_credentials_are_refused_unsent(self, credentials):
        username, secret = credentials

        problem, connection = problem_and_connection(
            submission_script(), lambda session: session.authenticate(username, Secret(secret))
        )

        assert problem.code is CODE.SECRET_MALFORMED
        assert _logins(connection) == []

    def test_challenge_that_is_not_base64_is_malformed(self):
        script = (
            Send(b"220 hi\r\n"),
            *_heard(b"250-hi\r\n250 AUTH CRAM-MD5\r\n"),
            *_heard(b"334 A\r\n"),
            Silence(),
        )

        problem = problem_with(script, log_in)

        assert problem.code is CODE.REPLY_MALFORMED

    @pytest.mark.parametrize(
        "repeat",
        [
            pytest.param(lambda word: b"535 5.7.8 No: AUTH PLAIN " + word + b"\r\n", id="in-a-reply"),
            pytest.param(lambda word: b"What is AUTH PLAIN " + word + b"?\r\n", id="in-no-reply"),
        ],
    )
    def test_server_that_repeats_the_command_does_not_make_us_tell_the_secret(self, repeat):
        word = base64.b64encode(f"\0{USERNAME}\0{SECRET.reveal()}".encode())
        script = submission_script(overrides={"AUTH": (Send(repeat(word)), Silence())})

        problem = problem_with(script, log_in)

        assert word.decode() not in repr(problem)
        assert SECRET.reveal() not in repr(problem)

    def test_secret_beyond_ascii_opens_a_real_server(self, mailhost: MailHost, authority):
        login = mailhost.international
        session = real_session(mailhost, authority)
        session.open()

        known = session.authenticate(login.address, Secret(login.secret))
        session.close()

        assert known["mechanism"] == "PLAIN"

    def test_wrong_secret_is_refused_by_a_real_server(self, mailhost: MailHost, authority):
        session = real_session(mailhost, authority, implicit=True)
        session.open()

        with pytest.raises(FluenzrError) as caught:
            session.authenticate(mailhost.shop.address, Secret("wrong"))
        session.close()

        assert caught.value.problem.code is CODE.AUTH_REJECTED


class TestChecks:
    def test_sender_and_recipient_are_named_and_taken_back(self):
        with ScriptedServer(submission_script()) as server:
            session = session_at(server)
            session.open()
            session.check_sender(SENDER)
            session.check_recipient(RECIPIENT)
            session.close()

        assert server.connections[0].commands[1:] == [
            f"MAIL FROM:<{SENDER}>".encode(),
            f"RCPT TO:<{RECIPIENT}>".encode(),
            b"RSET",
            b"QUIT",
        ]

    def test_address_beyond_ascii_is_named_where_it_may_be(self):
        with ScriptedServer(submission_script()) as server:
            session = session_at(server)
            session.open()
            session.check_sender("zoë@shop.test")
            session.check_recipient("zoë@shop.test")
            session.close()

        assert server.connections[0].commands[1] == "MAIL FROM:<zoë@shop.test> SMTPUTF8".encode()

    @pytest.mark.parametrize("check", [SMTPSession.check_sender, SMTPSession.check_recipient])
    def test_address_beyond_ascii_is_refused_where_it_may_not(self, check):
        script = submission_script(capabilities=("8BITMIME",))

        problem = problem_with(script, lambda session: check(session, "zoë@shop.test"))

        assert (problem.code, problem.exit_status) == (CODE.SMTPUTF8_NOT_OFFERED, 65)

    @pytest.mark.parametrize("check", [SMTPSession.check_sender, SMTPSession.check_recipient])
    @pytest.mark.parametrize("address", ["a@b.test>\r\nRSET", "a@b.test\n", "a\0@b.test"])
    def test_address_cannot_carry_a_command(self, check, address):
        problem, connection = problem_and_connection(submission_script(), lambda s: check(s, address))

        assert (problem.code, problem.exit_status) == (CODE.ADDRESS_MALFORMED, 65)
        assert b"b.test" not in connection.received


class TestTransaction:
    def test_message_is_handed_over(self):
        outcomes, connection = submitted(submission_script())

        assert outcomes == (
            RecipientOutcome(
                recipient=RECIPIENT,
                outcome=Outcome.ACCEPTED,
                reply=ServerReply(250, "2.0.0", "Queued as SCRIPTED"),
            ),
        )
        assert connection.messages == [CONTENT]
        assert connection.commands[1:] == [
            f"MAIL FROM:<{SENDER}> SIZE={len(CONTENT)}".encode(),
            f"RCPT TO:<{RECIPIENT}>".encode(),
            b"DATA",
            b"QUIT",
        ]

    def test_each_recipient_has_an_outcome(self):
        script = submission_script(
            recipients={"gone@b.test": b"550 5.1.1 No such user", "later@b.test": b"451 4.3.0 Later"}
        )

        outcomes, connection = submitted(script, submission_to("a@b.test", "gone@b.test", "later@b.test"))

        assert [each.outcome for each in outcomes] == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.DEFERRED]
        assert [each.reply and each.reply.code for each in outcomes] == [250, 550, 451]
        assert len(connection.messages) == 1

    def test_message_without_accepted_recipient_is_not_sent(self):
        script = submission_script(overrides={"RCPT": b"550 5.1.1 No such user"})

        outcomes, connection = submitted(script, submission_to("a@b.test", "c@b.test"))

        assert {each.outcome for each in outcomes} == {Outcome.REJECTED}
        assert connection.messages == []

    @pytest.mark.parametrize(
        ("overrides", "code", "stage"),
        [
            pytest.param(
                {"MAIL": b"550 5.7.1 Not allowed to send as you"},
                CODE.SENDER_REFUSED,
                Stage.SENDER,
                id="sender",
            ),
            pytest.param({"MAIL": b"451 4.3.0 Later"}, CODE.SERVER_FAULT, Stage.SENDER, id="sender-for-now"),
            pytest.param(
                {"MAIL": b"421 4.3.2 Closing"}, CODE.SERVER_FAULT, Stage.SENDER, id="closing-at-sender"
            ),
            pytest.param(
                {"RCPT": b"421 4.3.2 Closing"}, CODE.SERVER_FAULT, Stage.RECIPIENT, id="closing-at-recipient"
            ),
            pytest.param(
                {"RCPT": (Send(b"25"), Close())},
                CODE.CONNECTION_LOST,
                Stage.RECIPIENT,
                id="lost-at-recipient",
            ),
        ],
    )
    def test_refused_transaction_is_raised(self, overrides, code, stage):
        script = submission_script(overrides=overrides)

        problem, connection = problem_and_connection(script, lambda s: s.submit(submission_to()))

        assert (problem.code, problem.stage) == (code, stage)
        assert connection.messages == []

    @pytest.mark.parametrize(
        ("overrides", "outcome", "code"),
        [
            pytest.param({"DATA": b"554 5.7.1 No"}, Outcome.REJECTED, CODE.POLICY_REFUSED, id="data-refused"),
            pytest.param(
                {"DATA": b"451 4.3.0 Later"}, Outcome.DEFERRED, CODE.SERVER_FAULT, id="data-for-now"
            ),
            pytest.param({"DATA": b"250 ok"}, Outcome.REJECTED, CODE.UNEXPECTED_REPLY, id="data-not-awaited"),
            pytest.param(
                {".": b"550 5.7.1 Spam message rejected"}, Outcome.REJECTED, CODE.SPAM_REFUSED, id="content"
            ),
            pytest.param(
                {".": b"452 4.3.1 Insufficient system storage"},
                Outcome.DEFERRED,
                CODE.SERVER_FAULT,
                id="content-for-now",
            ),
            pytest.param({".": b"421 4.3.2 Closing"}, Outcome.DEFERRED, CODE.SERVER_FAULT, id="closing"),
            pytest.param({".": b"354 more"}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="intermediate"),
            pytest.param({".": b"220 hi"}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="another-success"),
            pytest.param({".": b"2500 ok"}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="malformed"),
            pytest.param(
                {".": b"250-a\r\n550 b\r\n"}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="mixed-codes"
            ),
            pytest.param(
                {".": Send(b"250 2.0.0 ok\n")}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="bare-lf"
            ),
            pytest.param(
                {".": (Send(b"250 2.0"), Close())}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="half-a-reply"
            ),
            pytest.param(
                {".": (Send(b"250-2.0.0 ok\r\n"), Close())},
                Outcome.IN_DOUBT,
                CODE.OUTBOX_IN_DOUBT,
                id="half-a-multi-line-reply",
            ),
            pytest.param({".": (Close(),)}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="closed"),
            pytest.param({".": (Reset(),)}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="reset"),
            pytest.param(
                {".": Endless(b"250-more\r\n")}, Outcome.IN_DOUBT, CODE.OUTBOX_IN_DOUBT, id="endless"
            ),
        ],
    )
    def test_end_of_the_message_decides(self, overrides: Mapping[str, Any], outcome, code):
        (result,), _ = submitted(submission_script(overrides=overrides))

        assert result.outcome is outcome
        assert result.problem is not None
        assert result.problem.code is code

    def test_doubt_tells_the_message_and_the_cause(self):
        (result,), _ = submitted(submission_script(overrides={".": (Close(),)}))

        assert result.problem is not None
        assert result.problem.exit_status == 81
        assert not result.problem.is_transient
        assert result.problem.facts["message_id"] == submission_to().message_id
        assert result.problem.facts["cause"] == "connection-lost"

    def test_refused_recipients_stay_refused_when_the_rest_is_in_doubt(self):
        script = submission_script(
            overrides={".": (Close(),)}, recipients={"gone@b.test": b"550 5.1.1 No such user"}
        )

        outcomes, _ = submitted(script, submission_to("a@b.test", "gone@b.test"))

        assert [each.outcome for each in outcomes] == [Outcome.IN_DOUBT, Outcome.REJECTED]

    def test_final_reply_has_a_time_out_of_its_own(self):
        late = submission_script(overrides={".": (Pause(2 * BRIEF), Send(b"250 2.0.0 Late but fine\r\n"))})

        (patient,), _ = submitted(late, timeout=BRIEF, final_timeout=PATIENT)
        (hasty,), _ = submitted(late, timeout=PATIENT, final_timeout=BRIEF)

        assert patient.outcome is Outcome.ACCEPTED
        assert hasty.outcome is Outcome.IN_DOUBT
        assert hasty.problem is not None
        assert hasty.problem.facts["cause"] == "reply-timeout"


class TestOutOfStep:
    @pytest.mark.parametrize(
        "overrides",
        [
            pytest.param({"EHLO": b"250-hi\r\n250 AUTH PLAIN\r\n250 early\r\n"}, id="before-login"),
            pytest.param({"AUTH": b"235 ok\r\n250 early\r\n"}, id="before-mail"),
            pytest.param({"MAIL": b"250 ok\r\n250 early\r\n"}, id="before-recipient"),
        ],
    )
    def test_answer_to_no_question_ends_the_session(self, overrides):
        problem, connection = problem_and_connection(
            submission_script(overrides=overrides, capabilities=()),
            lambda s: (log_in(s), s.submit(submission_to())),
        )
        *_, last = connection.received.splitlines()

        assert (problem.code, problem.exit_status) == (CODE.UNEXPECTED_DATA, 76)
        assert connection.messages == []
        assert not last.startswith((b"DATA", b"QUIT"))

    @pytest.mark.parametrize(
        "overrides",
        [
            pytest.param({"RCPT": b"250 ok\r\n354 early\r\n"}, id="consent-before-data"),
            pytest.param({"DATA": b"354 go\r\n250 2.0.0 Queued\r\n"}, id="acceptance-before-the-message"),
        ],
    )
    def test_answer_from_before_the_message_ends_the_session_unsent(self, overrides):
        (result,), connection = submitted(submission_script(overrides=overrides))

        assert result.outcome is Outcome.REJECTED
        assert result.problem is not None
        assert result.problem.code is CODE.UNEXPECTED_DATA
        assert b"canary-body" not in connection.received

    def test_acceptance_from_before_the_final_dot_is_none(self):
        more_than_buffers_hold = CONTENT * 400_000
        script = submission_script(overrides={"DATA": AcceptsEarly()}, capabilities=())

        (result,), connection = submitted(script, submission_to(content=more_than_buffers_hold))

        assert result.problem is not None
        assert result.problem.code is CODE.UNEXPECTED_DATA
        assert b"\r\n.\r\n" not in connection.received

    @pytest.mark.parametrize(
        ("overrides", "code"),
        [
            pytest.param(
                {"EHLO": b"250-hi\r\n250 AUTH PLAIN\r\n421 4.4.2 Idle\r\n"},
                CODE.AUTH_UNAVAILABLE,
                id="before-login",
            ),
            pytest.param({"AUTH": b"235 ok\r\n421 4.4.2 Idle\r\n"}, CODE.SERVER_FAULT, id="before-mail"),
        ],
    )
    def test_server_may_say_unasked_that_it_closes(self, overrides, code):
        problem = problem_with(
            submission_script(overrides=overrides), lambda s: (log_in(s), s.submit(submission_to()))
        )

        assert (problem.code, problem.exit_status) == (code, 75)
        assert problem.reply == ServerReply(421, "4.4.2", "Idle")


class TestExtensions:
    @pytest.mark.parametrize(
        ("capabilities", "submission", "code", "status"),
        [
            pytest.param(("SIZE 10",), submission_to(), CODE.MESSAGE_TOO_BIG, 69, id="size"),
            pytest.param(
                ("SIZE",), submission_to(needs_smtputf8=True), CODE.SMTPUTF8_NOT_OFFERED, 65, id="smtputf8"
            ),
            pytest.param(
                ("SIZE",), submission_to(needs_eight_bit=True), CODE.EIGHT_BIT_NOT_OFFERED, 65, id="8bitmime"
            ),
            pytest.param(
                (), submission_to("zoë@b.test"), CODE.SMTPUTF8_NOT_OFFERED, 65, id="address-nobody-announced"
            ),
        ],
    )
    def test_missing_extension_is_named_before_the_message(self, capabilities, submission, code, status):
        script = submission_script(capabilities=capabilities)

        problem, connection = problem_and_connection(script, lambda s: s.submit(submission))

        assert (problem.code, problem.exit_status) == (code, status)
        assert connection.messages == []

    def test_size_problem_tells_both_sizes(self):
        problem = problem_with(
            submission_script(capabilities=("SIZE 10",)), lambda s: s.submit(submission_to())
        )

        assert (problem.facts["size_bytes"], problem.facts["limit_bytes"]) == (len(CONTENT), 10)

    @pytest.mark.parametrize(
        "size", ["SIZE", "SIZE 0", "SIZE many", "SIZE " + "9" * 5000, "SIZE -1"], ids=lambda size: size[:10]
    )
    def test_size_that_limits_nothing_is_no_hindrance(self, size):
        (result,), connection = submitted(submission_script(capabilities=(size,)))

        assert result.outcome is Outcome.ACCEPTED
        assert f"SIZE={len(CONTENT)}".encode() in connection.commands[1]

    def test_extensions_are_used_only_where_they_are_needed(self):
        _, plain = submitted(submission_script())
        _, wide = submitted(
            submission_script(), submission_to("zoë@b.test", needs_smtputf8=True, needs_eight_bit=True)
        )

        assert plain.commands[1].endswith(f"SIZE={len(CONTENT)}".encode())
        assert wide.commands[1].endswith(b" SMTPUTF8 BODY=8BITMIME")
        assert wide.commands[2] == "RCPT TO:<zoë@b.test>".encode()


class TestContent:
    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param(b"a\nb\r\n", id="bare-lf"),
            pytest.param(b"a\rb\r\n", id="bare-cr"),
            pytest.param(b"a\0b\r\n", id="nul"),
            pytest.param(b"a\n.\nMAIL FROM:<x@y.test>\r\n", id="smuggling-lf"),
            pytest.param(b"a\r\n.\rMAIL FROM:<x@y.test>\r\n", id="smuggling-cr"),
            pytest.param(b"a\r\r\n.\r\r\nMAIL FROM:<x@y.test>\r\n", id="smuggling-crcrlf"),
            pytest.param(b"a\r\n\0.\r\nMAIL FROM:<x@y.test>\r\n", id="smuggling-nul"),
        ],
    )
    def test_content_that_could_smuggle_is_never_sent(self, fault):
        with ScriptedServer(submission_script()) as server:
            session = session_at(server)
            session.open()
            with pytest.raises(FluenzrError) as caught:
                session.submit(submission_to(content=CONTENT + fault))
            session.close()
            connection = server.finished_connection()

        assert (caught.value.problem.code, caught.value.problem.exit_status) == (CODE.MESSAGE_MALFORMED, 65)
        assert b"DATA" not in connection.commands
        assert b"canary-body" not in connection.received

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b".\r\n..\r\n.x\r\n\r\n.\r\n", id="dots"),
            pytest.param(b"", id="empty"),
            pytest.param(b"no line end", id="no-line-end"),
            pytest.param(b"\r\n", id="empty-line"),
            pytest.param(b"\xff\x80\xfe\r\n", id="eight-bit"),
        ],
    )
    def test_content_arrives_as_it_is(self, content):
        _, connection = submitted(submission_script(), submission_to(content=content))

        assert connection.messages == [content if content.endswith(b"\r\n") else content + b"\r\n"]

    @pytest.mark.parametrize("length", range(65_530, 65_540))
    def test_dots_at_the_border_of_blocks_arrive_as_they_are(self, length):
        content = b"x" * (length - 2) + b"\r\n" + b".\r\n..\r\n" * 20_000

        _, connection = submitted(submission_script(), submission_to(content=content))

        assert connection.messages == [content]

    def test_real_server_delivers_every_byte(self, mailhost: MailHost, authority):
        message_id = "<dots-at-the-borders@shop.test>"
        header = f"From: {mailhost.shop.address}\r\nMessage-ID: {message_id}\r\n\r\n".encode()
        content = header + b"".join(
            b"x" * (width - 4) + b"\r\n.\r\n"
            for width in (*range(60, 90), *range(900, 998))
            for _ in range(7)
        )

        session = real_session(mailhost, authority)
        session.open()
        session.authenticate(mailhost.shop.address, Secret(mailhost.shop.secret))
        outcomes = session.submit(real_submission(mailhost, message_id, content))
        session.close()

        stored = mailhost.wait_for_message(mailhost.second.address, message_id)
        assert [each.outcome for each in outcomes] == [Outcome.ACCEPTED]
        assert len(content) > 4 * 65_536
        assert stored.replace(b"\n", b"\r\n").endswith(content.partition(b"\r\n\r\n")[2])


def real_session(mailhost: MailHost, authority: Any, *, implicit: bool = False) -> SMTPSession:
    port = mailhost.smtps_port if implicit else mailhost.submission_port
    security = Security.IMPLICIT_TLS if implicit else Security.STARTTLS
    return SMTPSession(
        endpoint_at(mailhost.host, port, security, authority=authority), clock=REAL_CLOCK, timeout=PATIENT
    )


def real_submission(mailhost: MailHost, message_id: str, content: bytes) -> Submission:
    envelope = Envelope(mail_from=mailhost.shop.address, recipients=(mailhost.second.address,))
    return Submission(envelope=envelope, message_id=message_id, content=Octets(content))


def _heard(reply: bytes) -> Script:
    return (ReadLine(), Send(reply))


def _logins(connection: Connection) -> list[bytes]:
    """Return the mechanisms that were tried, one for each try."""
    return [b" ".join(line.split()[:2]) for line in connection.commands if line.startswith(b"AUTH")]
