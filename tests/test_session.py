"""What both protocols have in common: the order of the steps, and no word of worth before TLS is up."""

from __future__ import annotations

import base64
import logging
import time

import pytest

from fluenzr_smtp.diagnosis import examine
from fluenzr_smtp.diagnosis.certificates import explained
from fluenzr_smtp.diagnosis.chain import checked
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Endpoint, Fingerprint, Security, Target
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.session import Session
from fluenzr_smtp.smtp import SMTPSession
from tests.servers.certificates import Authority, ServerCertificate, self_signed
from tests.servers.scripted import (
    Close,
    ScriptedServer,
    Send,
    Silence,
    Step,
    mailbox_script,
    submission_script,
)
from tests.sessions import (
    BRIEF,
    PATIENT,
    REAL_CLOCK,
    REPEATED_SECRETS,
    SECRET,
    USERNAME,
    Pause,
    account_of,
    canaries_in,
    deliver,
    endpoint_of,
    secrets_in,
    submission_to,
)

BOTH = pytest.mark.parametrize(
    ("kind", "script"),
    [
        pytest.param(SMTPSession, submission_script, id="smtp"),
        pytest.param(IMAPSession, mailbox_script, id="imap"),
    ],
)


def problem_of(kind: type[Session], endpoint: Endpoint, *, timeout: float = PATIENT) -> Problem:
    """Return the problem in which opening and logging in end."""
    session = kind(endpoint, clock=REAL_CLOCK, timeout=timeout)
    with pytest.raises(FluenzrError) as caught:
        opened_and_logged_in(session)
    session.close()
    return caught.value.problem


def opened_and_logged_in(session: Session) -> None:
    session.open()
    session.authenticate(USERNAME, SECRET)


class TestOrder:
    @pytest.mark.parametrize("kind", [SMTPSession, IMAPSession])
    @pytest.mark.parametrize(
        ("security", "stages"),
        [
            pytest.param(
                Security.STARTTLS, "resolve connect greeting tls capabilities", id="greeting-before-starttls"
            ),
            pytest.param(
                Security.IMPLICIT_TLS, "resolve connect tls greeting capabilities", id="tls-before-greeting"
            ),
            pytest.param(Security.NONE, "resolve connect greeting capabilities", id="no-tls"),
        ],
    )
    def test_steps_follow_the_encryption(self, kind, security, stages):
        endpoint = Endpoint(host="localhost", port=1, security=security)

        steps = kind(endpoint, clock=REAL_CLOCK, timeout=PATIENT).steps()

        assert [stage.value for stage, _ in steps] == stages.split()

    @BOTH
    @pytest.mark.parametrize("security", list(Security))
    def test_session_opens_and_logs_in(self, authority, kind, script, security):
        context = authority.valid().context()
        implicit = security is Security.IMPLICIT_TLS
        offered = script(tls_context=context if security is Security.STARTTLS else None)

        with ScriptedServer(offered, tls_context=context if implicit else None) as server:
            session = kind(
                endpoint_of(server, security, authority=authority), clock=REAL_CLOCK, timeout=PATIENT
            )
            session.open()
            known = session.authenticate(USERNAME, SECRET)
            session.close()

        assert (known["mechanism"], known["username"]) == ("PLAIN", USERNAME)
        assert "PLAIN" in known["mechanisms"]
        assert bool(canaries_in(server.connections[0])) is True
        assert server.connections[0].is_encrypted is (security is not Security.NONE)

    @BOTH
    def test_offers_from_before_tls_are_forgotten_as_soon_as_it_is_up(self, authority, kind, script):
        offered = script(tls_context=authority.valid().context())

        with ScriptedServer(offered) as server:
            endpoint = endpoint_of(server, Security.STARTTLS, authority=authority)
            session = kind(endpoint, clock=REAL_CLOCK, timeout=PATIENT)
            for stage, step in session.steps():
                step()
                if stage is Stage.TLS:
                    break
            with pytest.raises(FluenzrError) as caught:
                session.authenticate(USERNAME, SECRET)
            session.close()

        assert caught.value.problem.code is ProblemCode.AUTH_NOT_OFFERED
        assert canaries_in(server.connections[0]) == []

    @BOTH
    def test_nothing_of_the_dialogue_is_logged(self, caplog, kind, script):
        caplog.set_level(logging.DEBUG)

        with ScriptedServer(script()) as server:
            session = kind(endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT)
            opened_and_logged_in(session)
            session.close()

        words = [base64.b64encode(f"\0{USERNAME}\0{SECRET.reveal()}".encode()).decode(), "AUTH", "canary"]
        assert [word for word in words if word in caplog.text] == []

    @BOTH
    def test_ipv6_is_spoken(self, kind, script):
        try:
            server = ScriptedServer(script(), host="::1")
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")

        with server:
            session = kind(endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT)
            session.open()
            session.close()

        assert server.connections[0].commands


class TestWithoutEncryption:
    @pytest.mark.parametrize("kind", [SMTPSession, IMAPSession])
    @pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "0.0.0.0", "::ffff:192.0.2.1"])
    def test_nobody_beyond_this_machine_is_connected_to(self, kind, host):
        endpoint = Endpoint(host=host, port=25, security=Security.NONE)

        problem = problem_of(kind, endpoint)

        assert (problem.code, problem.exit_status) == (ProblemCode.ENCRYPTION_REQUIRED, 64)
        assert problem.stage is Stage.CONNECT

    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    @BOTH
    def test_login_out_of_turn_is_refused_before_a_word_is_said(self, kind, script, security):
        with ScriptedServer(script()) as server:
            plain = kind(endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT)
            plain.open()
            plain.endpoint = endpoint_of(server, security)

            with pytest.raises(FluenzrError) as caught:
                plain.authenticate(USERNAME, SECRET)
            plain.close()

        assert caught.value.problem.code is ProblemCode.TLS_REQUIRED
        assert canaries_in(server.connections[0]) == []

    @pytest.mark.parametrize(
        ("kind", "script", "offers"),
        [
            pytest.param(SMTPSession, submission_script, (), id="smtp"),
            pytest.param(IMAPSession, mailbox_script, ("IMAP4rev1",), id="imap"),
        ],
    )
    def test_server_that_hides_its_login_until_there_is_tls_wants_tls(self, authority, kind, script, offers):
        hiding = script(tls_context=authority.valid().context(), capabilities=offers)

        with ScriptedServer(hiding) as server:
            problem = problem_of(kind, endpoint_of(server))

        assert (problem.stage, problem.code) == (Stage.AUTH, ProblemCode.TLS_REQUIRED)
        assert canaries_in(server.connections[0]) == []


class TestSilence:
    @BOTH
    def test_starttls_on_an_implicit_tls_port_is_named(self, authority, kind, script):
        with ScriptedServer(script(), tls_context=authority.valid().context()) as server:
            problem = problem_of(kind, endpoint_of(server, Security.STARTTLS), timeout=3 * BRIEF)

        assert (problem.code, problem.exit_status) == (ProblemCode.TLS_STARTTLS_ON_IMPLICIT_PORT, 76)
        assert problem.stage is Stage.GREETING
        assert all(canaries_in(connection) == [] for connection in server.connections)

    @pytest.mark.parametrize("kind", [SMTPSession, IMAPSession])
    def test_port_that_says_nothing_at_all_times_out_in_time(self, kind):
        before = time.monotonic()

        with ScriptedServer((Silence(),)) as server:
            problem = problem_of(kind, endpoint_of(server, Security.STARTTLS), timeout=BRIEF)

        assert (problem.code, problem.exit_status) == (ProblemCode.REPLY_TIMEOUT, 75)
        assert time.monotonic() - before < BRIEF + 2

    @pytest.mark.parametrize("kind", [SMTPSession, IMAPSession])
    def test_port_that_closes_at_once_is_not_asked_again(self, kind):
        with ScriptedServer((Close(),)) as server:
            problem = problem_of(kind, endpoint_of(server, Security.STARTTLS))

        assert (problem.code, problem.exit_status) == (ProblemCode.CONNECTION_LOST, 75)
        assert len(server.connections) == 1

    @BOTH
    def test_slow_greeting_is_waited_for(self, kind, script):
        timeout = 2.0
        slow = (Pause(timeout / 2), *script())

        with ScriptedServer(slow, (Close(),)) as server:
            session = kind(endpoint_of(server), clock=REAL_CLOCK, timeout=timeout)
            session.open()
            session.close()

        assert server.connections[0].commands
        assert canaries_in(server.connections[1]) == []


class TestCertificate:
    @BOTH
    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_untrusted_certificate_is_looked_at_and_the_connection_closed(
        self, tmp_path, kind, script, security
    ):
        bridge = self_signed(tmp_path)
        implicit = security is Security.IMPLICIT_TLS
        offered = script() if implicit else script(tls_context=bridge.context())

        with ScriptedServer(offered, tls_context=bridge.context() if implicit else None) as server:
            session = kind(endpoint_of(server, security), clock=REAL_CLOCK, timeout=PATIENT)
            certificate, *_ = session.certificates()
            connection = server.finished_connection()

        assert certificate.fingerprint == Fingerprint(bridge.sha256)
        assert certificate.is_self_signed
        assert connection.received_tls == b""

    def test_server_without_starttls_has_none(self):
        with ScriptedServer(submission_script()) as server:
            session = SMTPSession(endpoint_of(server, Security.STARTTLS), clock=REAL_CLOCK, timeout=PATIENT)
            with pytest.raises(FluenzrError) as caught:
                session.certificates()

        assert caught.value.problem.code is ProblemCode.TLS_STARTTLS_NOT_OFFERED


class TestEnd:
    @pytest.mark.parametrize("kind", [SMTPSession, IMAPSession])
    def test_session_that_never_opened_closes(self, kind):
        session = kind(Endpoint(host="h", port=1, security=Security.STARTTLS), clock=REAL_CLOCK, timeout=1)

        session.close()
        session.close()

    @pytest.mark.parametrize(
        ("kind", "script", "farewell"),
        [
            pytest.param(SMTPSession, submission_script, b"QUIT", id="smtp"),
            pytest.param(IMAPSession, mailbox_script, b"fluenzr LOGOUT", id="imap"),
        ],
    )
    def test_leave_is_taken(self, kind, script, farewell):
        with ScriptedServer(script()) as server:
            session = kind(endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT)
            session.open()
            session.close()
            connection = server.finished_connection()

        assert connection.commands[-1] == farewell

    @pytest.mark.parametrize("kind", [SMTPSession, IMAPSession])
    @pytest.mark.parametrize(
        "steps",
        [
            pytest.param((Send(b"\x00\xff\xfe garbage \x1b[2J\r\n"), Silence()), id="garbage"),
            pytest.param((Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Silence()), id="another-service"),
            pytest.param((Send(b"x" * 70_000), Silence()), id="line-too-long"),
        ],
    )
    def test_no_leave_is_taken_of_a_server_that_makes_no_sense(self, kind, steps: tuple[Step, ...]):
        with ScriptedServer(steps) as server:
            problem = problem_of(kind, endpoint_of(server, Security.STARTTLS))
            connection = server.finished_connection()

        assert problem.exit_status == 76
        assert connection.received_wire == b""


class TestRepeatedSecret:
    """Whatever a server says after the login, and wherever it is told."""

    @REPEATED_SECRETS
    @pytest.mark.parametrize("command", ["AUTH", "MAIL", "RCPT", "DATA", "."])
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(b"550 5.7.1 %b\r\n", id="refusal"),
            pytest.param(b"421 4.7.0 %b\r\n", id="farewell"),
            pytest.param(b"250 %b\r\n", id="consent"),
            pytest.param(b"550 %b", id="half"),
            pytest.param(b"%b\r\n", id="no-reply"),
            pytest.param(b"550-%b\r\n%b\r\n", id="no-second-line"),
        ],
    )
    def test_delivery_does_not_tell_it(self, repeated, command, reply):
        answer = (Send(reply.replace(b"%b", repeated)), Close())

        with ScriptedServer(submission_script(overrides={command: answer})) as server:
            account = account_of(endpoint_of(server))
            delivery = deliver(account, SECRET, submission_to(), clock=REAL_CLOCK, timeout=PATIENT)

        assert secrets_in(repr(delivery.recipients)) == []

    @REPEATED_SECRETS
    def test_farewell_behind_the_consent_to_the_login_does_not_tell_it(self, repeated):
        answer = Send(b"235 2.7.0 Welcome\r\n421 4.7.0 But not " + repeated + b"\r\n")

        with ScriptedServer(submission_script(overrides={"AUTH": answer})) as server:
            account = account_of(endpoint_of(server))
            delivery = deliver(account, SECRET, submission_to(), clock=REAL_CLOCK, timeout=PATIENT)

        assert "But not …" in repr(delivery.problems)
        assert secrets_in(repr(delivery.recipients)) == []

    @REPEATED_SECRETS
    def test_server_that_knows_it_from_an_earlier_session_does_not_make_us_tell_it(self, repeated):
        greeting = b"220 " + repeated + b"\r\n"
        offers = b"250-hi\r\n250-" + repeated + b"\r\n250 AUTH " + repeated + b"\r\n"
        script = submission_script(overrides={"GREETING": greeting, "EHLO": offers})

        with ScriptedServer(script) as server:
            account = account_of(endpoint_of(server))
            checks = list(examine(Target.of(account), SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        assert [check.stage for check in checks][-1] is Stage.AUTH
        assert secrets_in(repr(checks)) == []

    @BOTH
    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_certificate_that_shows_it_does_not_make_us_tell_it(self, authority, kind, script, security):
        context = _telling(authority).context()
        implicit = security is Security.IMPLICIT_TLS
        offered = script() if implicit else script(tls_context=context)

        with ScriptedServer(offered, tls_context=context if implicit else None) as server:
            session = kind(
                endpoint_of(server, security, authority=authority), clock=REAL_CLOCK, timeout=PATIENT
            )
            session.hide(SECRET)
            known = {stage: step() for stage, step in session.steps()}[Stage.TLS]
            session.close()

        assert (known["subject"], known["chain_length"]) == ("…", 1)
        assert known["names"] == ("localhost", "….test", "127.0.0.1")
        assert secrets_in(repr(known)) == []

    @BOTH
    def test_refused_certificate_that_shows_it_does_not_make_us_tell_it(self, authority, kind, script):
        made = _telling(authority, names=(f"{SECRET.reveal()}.test",))

        with ScriptedServer(script(), tls_context=made.context()) as server:
            endpoint = endpoint_of(server, Security.IMPLICIT_TLS, authority=authority)
            session = kind(endpoint, clock=REAL_CLOCK, timeout=PATIENT)
            session.hide(SECRET)
            session.resolve()
            session.connect()
            check = checked(session, Stage.TLS, session.start_tls, clock=REAL_CLOCK)
            told = explained(check, session, clock=REAL_CLOCK, timeout=PATIENT).problem
            session.close()

        assert told is not None
        assert told.code is ProblemCode.TLS_CERTIFICATE_WRONG_HOST
        assert (told.facts["subject"], told.facts["names"]) == ("…", ("….test",))
        assert told.facts["host"] == endpoint.host
        assert secrets_in(repr(told)) == []

    @BOTH
    def test_second_session_for_a_look_hides_what_the_first_hides(self, authority, kind, script):
        looked: list[str] = []

        class Watched(kind):
            def certificates(self):
                looked.append(self.veiled(SECRET.reveal()))
                return super().certificates()

        with ScriptedServer(script(), tls_context=_telling(authority).context()) as server:
            session = Watched(endpoint_of(server, Security.IMPLICIT_TLS), clock=REAL_CLOCK, timeout=PATIENT)
            session.hide(SECRET)
            session.resolve()
            session.connect()
            check = checked(session, Stage.TLS, session.start_tls, clock=REAL_CLOCK)
            explained(check, session, clock=REAL_CLOCK, timeout=PATIENT)
            session.close()

        assert looked == ["…"]


def _telling(authority: Authority, *, names: tuple[str, ...] = ()) -> ServerCertificate:
    """Return a certificate that shows the secret in its subject, and in a name."""
    shown = names or ("localhost", "127.0.0.1", f"{SECRET.reveal()}.test")
    return authority.issue("telling", names=shown, common_name=SECRET.reveal())
