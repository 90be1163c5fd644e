"""One submission, now or not at all: nothing is called accepted, lost or final that is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from fluenzr_smtp.delivery import Delivery
from fluenzr_smtp.model import Account, Envelope, Octets, Outcome, Secret, Security, Submission
from fluenzr_smtp.problems import ProblemCode
from tests.servers.certificates import Authority
from tests.servers.mailhost import MailHost
from tests.servers.postfix import GREYLISTED
from tests.servers.scripted import (
    Close,
    Connection,
    Script,
    ScriptedServer,
    Send,
    submission_script,
)
from tests.servers.scripted.connection import ScriptOverError
from tests.sessions import (
    BRIEF,
    CONTENT,
    PATIENT,
    REAL_CLOCK,
    SECRET,
    Pause,
    account_of,
    canaries_in,
    deliver,
    endpoint_at,
    endpoint_of,
    submission_to,
)

CODE = ProblemCode
GONE = b"550 5.1.1 No such user"
LATER = b"451 4.3.0 Try again later"
FINAL_DOT = b"\r\n.\r\n"
SHORT_CAPABILITIES = ("SIZE",)


@dataclass(frozen=True, slots=True)
class CutAfter:
    """A script whose connection is cut when the server has said so many bytes."""

    script: Script
    count: int

    def play(self, connection: Connection) -> None:
        left, send = self.count, connection.send

        def send_within(data: bytes) -> None:
            nonlocal left
            said, left = data[:left], left - len(data)
            send(said)
            if left <= 0:
                connection.end()
                raise ScriptOverError

        connection.send = send_within  # type: ignore[method-assign]
        if left == 0:
            Close().play(connection)
        for step in self.script:
            step.play(connection)


def delivery_of(
    server: ScriptedServer,
    submission: Submission | None = None,
    *,
    security: Security = Security.NONE,
    authority: Authority | None = None,
    timeout: float = PATIENT,
) -> Delivery:
    return deliver(
        account_of(endpoint_of(server, security, authority=authority)),
        SECRET,
        submission or submission_to(),
        clock=REAL_CLOCK,
        timeout=timeout,
    )


def delivered(script: Script, submission: Submission | None = None, *, timeout: float = PATIENT) -> Delivery:
    with ScriptedServer(script) as server:
        return delivery_of(server, submission, timeout=timeout)


class TestOutcome:
    def test_acceptance_by_all_is_success(self):
        delivery = delivered(submission_script(), submission_to("a@b.test", "c@b.test"))

        assert (delivery.exit_status, delivery.problems) == (0, ())
        assert [each.recipient for each in delivery.accepted] == ["a@b.test", "c@b.test"]
        assert delivery.reply is not None
        assert delivery.reply.text == "Queued as SCRIPTED"

    @pytest.mark.parametrize(
        ("recipients", "status", "codes"),
        [
            pytest.param(
                {"a": GONE}, 80, [CODE.RECIPIENTS_PARTLY_REFUSED, CODE.RECIPIENT_REFUSED], id="one-refused"
            ),
            pytest.param(
                {"a": LATER}, 80, [CODE.RECIPIENTS_PARTLY_REFUSED, CODE.SERVER_FAULT], id="one-deferred"
            ),
            pytest.param({"a": GONE, "b": GONE}, 67, [CODE.RECIPIENT_REFUSED] * 2, id="all-refused"),
            pytest.param({"a": LATER, "b": LATER}, 75, [CODE.SERVER_FAULT] * 2, id="all-deferred"),
            pytest.param(
                {"a": GONE, "b": LATER}, 75, [CODE.SERVER_FAULT, CODE.RECIPIENT_REFUSED], id="some-of-each"
            ),
            pytest.param(
                {"a": b"554 5.7.1 Relay access denied", "b": GONE},
                67,
                [CODE.RELAY_DENIED, CODE.RECIPIENT_REFUSED],
                id="two-reasons",
            ),
        ],
    )
    def test_exit_status_follows_from_all_recipients(self, recipients: Mapping[str, bytes], status, codes):
        script = submission_script(recipients=recipients)

        delivery = delivered(script, submission_to("a", "b"))

        assert delivery.exit_status == status
        assert [problem.code for problem in delivery.problems] == codes

    def test_partial_refusal_tells_how_many(self):
        script = submission_script(recipients={"a": GONE})

        delivery = delivered(script, submission_to("a", "b", "c"))

        assert delivery.problems[0].facts == {"accepted": 2, "total": 3}

    @pytest.mark.parametrize(
        ("overrides", "status", "code"),
        [
            pytest.param({"GREETING": b"421 4.3.2 Busy"}, 75, CODE.SERVER_FAULT, id="busy"),
            pytest.param({"GREETING": b"* OK IMAP"}, 76, CODE.NOT_A_MAIL_SERVER, id="imap-port"),
            pytest.param({"AUTH": b"535 5.7.8 No"}, 77, CODE.AUTH_REJECTED, id="wrong-secret"),
            pytest.param(
                {"MAIL": b"553 5.7.1 Sender address rejected"}, 69, CODE.SENDER_REFUSED, id="sender"
            ),
            pytest.param({"MAIL": LATER}, 75, CODE.SERVER_FAULT, id="sender-for-now"),
            pytest.param({"RCPT": GONE}, 67, CODE.RECIPIENT_REFUSED, id="all-recipients"),
            pytest.param({"DATA": b"554 5.7.1 No"}, 69, CODE.POLICY_REFUSED, id="data"),
            pytest.param({".": b"554 5.7.1 Spam"}, 69, CODE.SPAM_REFUSED, id="content"),
            pytest.param(
                {".": b"550 5.4.5 Daily user sending limit exceeded"}, 75, CODE.LIMIT_REACHED, id="limit"
            ),
            pytest.param({".": (Close(),)}, 81, CODE.OUTBOX_IN_DOUBT, id="in-doubt"),
            pytest.param({".": (Send(b"250 2.0"), Close())}, 81, CODE.OUTBOX_IN_DOUBT, id="half-a-reply"),
        ],
    )
    def test_every_recipient_hears_what_happened_to_the_message(
        self, overrides: Mapping[str, Any], status, code
    ):
        delivery = delivered(submission_script(overrides=overrides), submission_to("a@b.test", "c@b.test"))

        assert delivery.exit_status == status
        assert {each.problem and each.problem.code for each in delivery.recipients} == {code}
        assert (delivery.accepted, delivery.reply) == ((), None)

    def test_doubt_outweighs_a_refusal(self):
        script = submission_script(overrides={".": (Close(),)}, recipients={"a": GONE})

        delivery = delivered(script, submission_to("a", "b"))

        assert delivery.exit_status == 81
        assert delivery.problems[0].code is CODE.OUTBOX_IN_DOUBT

    def test_nobody_listening_defers_everything(self):
        with ScriptedServer(submission_script()) as server:
            endpoint = endpoint_of(server)

        delivery = deliver(account_of(endpoint), SECRET, submission_to(), clock=REAL_CLOCK, timeout=PATIENT)

        assert delivery.exit_status == 75
        assert [each.outcome for each in delivery.recipients] == [Outcome.DEFERRED]

    def test_answer_to_the_message_is_awaited_longer_than_the_others(self):
        script = submission_script(overrides={".": (Pause(2 * BRIEF), Send(b"250 2.0.0 Fine\r\n"))})

        assert delivered(script, timeout=BRIEF).exit_status == 0

    def test_account_without_login_does_not_log_in(self):
        with ScriptedServer(submission_script()) as server:
            account = account_of(endpoint_of(server))
            nameless = Account(name=account.name, address=account.address, smtp=account.smtp, username=None)
            delivery = deliver(nameless, None, submission_to(), clock=REAL_CLOCK, timeout=PATIENT)

        assert delivery.exit_status == 0
        assert not [line for line in server.connections[0].commands if line.startswith(b"AUTH")]


class TestCutAtEveryByte:
    def test_only_a_complete_answer_is_acceptance_and_doubt_begins_with_the_dot(self):
        script = submission_script(capabilities=SHORT_CAPABILITIES, mechanisms="PLAIN")
        said = _said_until_acceptance(script)
        seen: set[Outcome] = set()

        with ScriptedServer(*((CutAfter(script, count),) for count in range(said + 1))) as server:
            for count in range(said + 1):
                (result,) = delivery_of(server).recipients
                heard = server.finished_connection(count).received
                seen.add(result.outcome)

                assert result.outcome is _only_right_outcome(count == said, FINAL_DOT in heard), count

        assert seen == {Outcome.DEFERRED, Outcome.IN_DOUBT, Outcome.ACCEPTED}

    def test_cut_within_tls_is_told_in_the_same_way(self, authority):
        script = submission_script(
            capabilities=SHORT_CAPABILITIES, mechanisms="PLAIN", tls_context=authority.valid().context()
        )
        said = _said_until_acceptance(script, authority=authority)

        with ScriptedServer(*((CutAfter(script, count),) for count in range(said + 1))) as server:
            for count in range(said + 1):
                delivery = delivery_of(server, security=Security.STARTTLS, authority=authority)
                connection = server.finished_connection(count)
                (result,) = delivery.recipients

                dot_was_sent = FINAL_DOT in connection.received
                if result.outcome is not Outcome.REJECTED:
                    assert result.outcome is _only_right_outcome(count == said, dot_was_sent), count
                else:  # cut off between the consent to STARTTLS and the end of the handshake
                    assert result.problem is not None
                    assert result.problem.code is CODE.TLS_HANDSHAKE_FAILED
                if not connection.is_encrypted:
                    assert canaries_in(connection) == []


class TestRealServer:
    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_message_reaches_the_mailbox(self, mailhost: MailHost, authority, security):
        message_id = f"<delivered-by-{security.value}@shop.test>"

        delivery = real_delivery(mailhost, authority, mailhost.second.address, message_id, security)

        assert delivery.exit_status == 0
        assert b"canary-body" in mailhost.wait_for_message(mailhost.second.address, message_id)

    @pytest.mark.parametrize(
        ("recipient", "status", "code"),
        [
            pytest.param("nobody@shop.test", 67, CODE.RECIPIENT_REFUSED, id="unknown"),
            pytest.param("someone@foreign.test", 67, CODE.RELAY_DENIED, id="relay"),
            pytest.param(GREYLISTED, 75, CODE.GREYLISTED, id="greylisted"),
        ],
    )
    def test_refused_recipient_is_told(self, mailhost: MailHost, authority, recipient, status, code):
        delivery = real_delivery(mailhost, authority, recipient, "<refused@shop.test>")

        assert delivery.exit_status == status
        assert [problem.code for problem in delivery.problems] == [code]

    def test_sender_of_another_login_is_refused(self, mailhost: MailHost, authority):
        delivery = real_delivery(
            mailhost, authority, mailhost.second.address, "<as-another@shop.test>", sender="second@shop.test"
        )

        assert (delivery.exit_status, delivery.problems[0].code) == (69, CODE.SENDER_REFUSED)

    def test_message_beyond_the_limit_is_refused_before_it_is_sent(self, mailhost: MailHost, authority):
        content = CONTENT + b"x" * 70 + b"\r\n"
        content += content * (mailhost.message_size_limit // len(content))

        delivery = real_delivery(
            mailhost, authority, mailhost.second.address, "<too-big@shop.test>", content=content
        )

        assert (delivery.exit_status, delivery.problems[0].code) == (69, CODE.MESSAGE_TOO_BIG)


def real_delivery(
    mailhost: MailHost,
    authority: Authority,
    recipient: str,
    message_id: str,
    security: Security = Security.STARTTLS,
    *,
    sender: str = "shop@shop.test",
    content: bytes = CONTENT,
) -> Delivery:
    port = mailhost.submission_port if security is Security.STARTTLS else mailhost.smtps_port
    endpoint = endpoint_at(mailhost.host, port, security, authority=authority)
    submission = Submission(
        envelope=Envelope(mail_from=sender, recipients=(recipient,)),
        message_id=message_id,
        content=Octets(f"Message-ID: {message_id}\r\n".encode() + content),
    )
    return deliver(
        account_of(endpoint, username=mailhost.shop.address),
        Secret(mailhost.shop.secret),
        submission,
        clock=REAL_CLOCK,
        timeout=PATIENT,
    )


def _only_right_outcome(is_complete: bool, dot_was_sent: bool) -> Outcome:
    if is_complete:
        return Outcome.ACCEPTED
    return Outcome.IN_DOUBT if dot_was_sent else Outcome.DEFERRED


def _said_until_acceptance(script: Script, *, authority: Authority | None = None) -> int:
    """Return how many bytes the server says up to the end of its answer to the message."""
    counted = CountUntilQuit(script)
    security = Security.NONE if authority is None else Security.STARTTLS
    with ScriptedServer((counted,)) as server:
        assert delivery_of(server, security=security, authority=authority).exit_status == 0
        server.finished_connection()
    return counted.count


class CountUntilQuit:
    """A script that counts what the server says; its answer to QUIT left out."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.count = 0

    def play(self, connection: Connection) -> None:
        send = connection.send

        def send_and_count(data: bytes) -> None:
            if connection.commands[-1:] != [b"QUIT"]:
                self.count += len(data)
            send(data)

        connection.send = send_and_count  # type: ignore[method-assign]
        for step in self._script:
            step.play(connection)
