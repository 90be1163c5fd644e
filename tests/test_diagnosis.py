"""A walk along an account's servers: in order, to the end or to the first fault, and without a secret."""

from __future__ import annotations

import base64
import imaplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fluenzr_smtp.diagnosis import (
    Line,
    authentication_verdicts,
    await_arrival,
    certificate_facts,
    diagnose,
    examine,
    examine_imap,
    served_certificate,
)
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import (
    Account,
    Check,
    Clock,
    Envelope,
    Fingerprint,
    Octets,
    Protocol,
    Secret,
    Security,
    Submission,
    Target,
)
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.tls import read_certificate
from tests.servers.certificates import Authority, self_signed
from tests.servers.mailhost import Login, MailHost
from tests.servers.scripted import (
    Close,
    Connection,
    Script,
    ScriptedServer,
    Send,
    Silence,
    mailbox_script,
    submission_script,
)
from tests.sessions import (
    BRIEF,
    MESSAGE_ID,
    PATIENT,
    REAL_CLOCK,
    RECIPIENT,
    REPEATED_SECRETS,
    SECRET,
    SENDER,
    USERNAME,
    SteppingClock,
    account_of,
    canaries_in,
    deliver,
    endpoint_at,
    endpoint_of,
    secrets_in,
    target_of,
)

CODE = ProblemCode
SMTP_STAGES = "resolve connect greeting capabilities size auth sender recipient"
IMAP_STAGES = "resolve connect greeting capabilities auth mailbox idle"
HEADER = f"Message-ID: {MESSAGE_ID}\r\n".encode()
QUICK = Clock(now=REAL_CLOCK.now, monotonic=REAL_CLOCK.monotonic, sleep=lambda _: None)


def checked(
    smtp: Script, imap: Script | None = None, *, secret: Secret | None = SECRET, **how: Any
) -> list[Check]:
    """Return the checks of an account whose servers play these scripts."""
    with ScriptedServer(smtp) as submission, ScriptedServer(imap or mailbox_script()) as mailbox:
        account = target_of(endpoint_of(submission), endpoint_of(mailbox) if imap else None)
        return list(examine(account, secret, **{"clock": REAL_CLOCK, "timeout": PATIENT, **how}))


def stages_of(checks: list[Check], protocol: Protocol) -> str:
    return " ".join(check.stage.value for check in checks if check.protocol is protocol)


class TestOrder:
    def test_sound_account_passes_every_stage(self):
        checks = checked(submission_script(), mailbox_script())

        assert all(check.ok for check in checks)
        assert stages_of(checks, Protocol.SMTP) == SMTP_STAGES
        assert stages_of(checks, Protocol.IMAP) == IMAP_STAGES
        assert [check.protocol for check in checks] == sorted((c.protocol for c in checks), reverse=True)

    def test_account_without_imap_is_examined_without(self):
        checks = checked(submission_script())

        assert stages_of(checks, Protocol.IMAP) == ""

    def test_account_without_secret_is_examined_without_login(self):
        checks = checked(submission_script(), mailbox_script(), secret=None)

        assert "auth" not in stages_of(checks, Protocol.SMTP)
        assert "auth" not in stages_of(checks, Protocol.IMAP)

    @pytest.mark.parametrize(
        ("overrides", "code", "stages"),
        [
            pytest.param(
                {"GREETING": b"421 4.3.2 No"}, CODE.SERVER_FAULT, "resolve connect greeting", id="greeting"
            ),
            pytest.param(
                {"EHLO": b"502 5.5.1 No"},
                CODE.COMMAND_REFUSED,
                "resolve connect greeting capabilities",
                id="capabilities",
            ),
            pytest.param(
                {"AUTH": b"535 5.7.139 SmtpClientAuthentication is disabled for the Tenant"},
                CODE.AUTH_SMTP_DISABLED,
                "resolve connect greeting capabilities size auth",
                id="auth",
            ),
            pytest.param(
                {"MAIL": b"553 5.7.1 No"},
                CODE.SENDER_REFUSED,
                "resolve connect greeting capabilities size auth sender",
                id="sender",
            ),
            pytest.param({"RCPT": b"550 5.1.1 No"}, CODE.RECIPIENT_REFUSED, SMTP_STAGES, id="recipient"),
        ],
    )
    def test_fault_ends_its_own_chain_and_not_the_other(self, overrides, code, stages):
        checks = checked(submission_script(overrides=overrides), mailbox_script())

        assert stages_of(checks, Protocol.SMTP) == stages
        assert [check.problem.code for check in checks if check.problem] == [code]
        assert stages_of(checks, Protocol.IMAP) == IMAP_STAGES

    def test_fault_of_the_mailbox_is_told_after_a_sound_submission_server(self):
        checks = checked(submission_script(), mailbox_script(overrides={"EXAMINE": b"NO gone"}))

        assert stages_of(checks, Protocol.SMTP) == SMTP_STAGES
        assert checks[-1].problem is not None
        assert (checks[-1].stage, checks[-1].problem.code) == (Stage.MAILBOX, CODE.MAILBOX_UNREADABLE)

    def test_check_is_told_before_the_next_is_done(self):
        with ScriptedServer((Send(b"220 hi\r\n"), Silence())) as server:
            checks = examine(target_of(endpoint_of(server)), SECRET, clock=REAL_CLOCK, timeout=BRIEF)

            first_three = [next(checks).stage for _ in range(3)]
            checks.close()
            connection = server.finished_connection()

        assert first_three == [Stage.RESOLVE, Stage.CONNECT, Stage.GREETING]
        assert b"EHLO" not in connection.received.upper()

    def test_nothing_is_sent(self):
        with ScriptedServer(submission_script()) as server:
            account = target_of(endpoint_of(server))
            list(examine(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT, recipient=RECIPIENT))

        commands = server.connections[0].commands
        assert f"MAIL FROM:<{SENDER}>".encode() in commands
        assert f"RCPT TO:<{RECIPIENT}>".encode() in commands
        assert commands[-2:] == [b"RSET", b"QUIT"]
        assert b"DATA" not in commands

    def test_recipient_is_the_own_address_unless_told(self):
        checks = checked(submission_script())

        assert checks[-1].facts == {"recipient": SENDER}

    def test_time_of_each_stage_is_measured(self):
        stepping = SteppingClock(per_look=0.25).clock

        checks = checked(submission_script(), clock=stepping, timeout=600)

        assert all(check.elapsed >= timedelta(seconds=0.25) for check in checks)

    def test_imap_of_an_account_without_it_is_a_problem(self):
        account = account_of(endpoint_at("localhost", 1, Security.STARTTLS))

        with pytest.raises(FluenzrError) as caught:
            list(examine_imap(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        assert caught.value.problem.code is CODE.ACCOUNT_IMAP_NONE

    def test_imap_has_a_user_name_of_its_own_where_it_is_told(self):
        with ScriptedServer(mailbox_script()) as server:
            account = account_of(
                endpoint_at("localhost", 1, Security.STARTTLS), endpoint_of(server), imap_username="other"
            )
            checks = list(examine_imap(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        assert [check.facts["username"] for check in checks if check.stage is Stage.AUTH] == ["other"]

    def test_refused_secret_is_not_tried_again_at_the_other_server(self):
        refusing = submission_script(overrides={"AUTH": b"535 5.7.8 No"})

        with ScriptedServer(refusing) as submission, ScriptedServer(mailbox_script()) as mailbox:
            account = target_of(endpoint_of(submission), endpoint_of(mailbox))
            checks = list(examine(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        attempts = [line for server in (submission, mailbox) for line in _logins(server.connections)]
        assert len(attempts) == 1
        assert stages_of(checks, Protocol.IMAP) == "resolve connect greeting capabilities"


class TestFacts:
    def test_what_is_known_of_each_stage_is_told(self):
        with ScriptedServer(submission_script()) as server:
            account = target_of(endpoint_of(server))
            checks = list(examine(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        known = {check.stage: check.facts for check in checks}
        assert known[Stage.RESOLVE] == {"addresses": ("127.0.0.1",), "ipv4": ("127.0.0.1",), "ipv6": ()}
        assert known[Stage.CONNECT] == {"address": "127.0.0.1", "family": "ipv4", "used": True}
        assert known[Stage.GREETING] == {"banner": "scripted.test ESMTP ready"}
        assert known[Stage.CAPABILITIES]["mechanisms"] == ("PLAIN", "LOGIN")
        assert known[Stage.SIZE] == {"announced": True, "limit_bytes": 10_240_000}
        assert known[Stage.AUTH] == {
            "mechanism": "PLAIN",
            "mechanisms": ("PLAIN", "LOGIN"),
            "username": USERNAME,
            "answer": "235 2.7.0 Authentication successful",
        }

    @pytest.mark.parametrize(
        ("overrides", "imap_overrides"),
        [
            pytest.param({}, {}, id="sound"),
            pytest.param({"AUTH": b"535 5.7.8 No"}, {"AUTHENTICATE": b"NO wrong"}, id="refused"),
            pytest.param({"AUTH": (Close(),)}, {"AUTHENTICATE": (Close(),)}, id="lost"),
            pytest.param({"AUTH": Send(b"what?\r\n")}, {"AUTHENTICATE": Send(b"what?\r\n")}, id="nonsense"),
        ],
    )
    def test_no_secret_is_in_any_check(self, overrides, imap_overrides):
        checks = checked(
            submission_script(overrides=overrides), mailbox_script(overrides=imap_overrides), timeout=BRIEF
        )

        assert checks
        assert SECRET.reveal() not in repr(checks)

    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_refused_certificate_is_explained(self, authority, security):
        made = authority.other_host()
        implicit = security is Security.IMPLICIT_TLS
        script = submission_script(tls_context=None if implicit else made.context())

        with ScriptedServer(script, tls_context=made.context() if implicit else None) as server:
            account = target_of(endpoint_of(server, security, authority=authority))
            *_, last = examine(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT)

        assert last.problem is not None
        assert (last.stage, last.problem.code) == (Stage.TLS, CODE.TLS_CERTIFICATE_WRONG_HOST)
        assert last.problem.facts["names"] == ("mail.elsewhere.test",)
        assert last.problem.facts["issuer"] == "CN=Throw-away test authority"
        assert last.problem.facts["fingerprint"] == str(Fingerprint(made.sha256))
        assert all(canaries_in(connection) == [] for connection in server.connections)

    def test_dates_of_an_expired_certificate_are_told(self, authority):
        with ScriptedServer(submission_script(), tls_context=authority.expired().context()) as server:
            account = target_of(endpoint_of(server, Security.IMPLICIT_TLS, authority=authority))
            *_, last = examine(account, SECRET, clock=REAL_CLOCK, timeout=PATIENT)

        assert last.problem is not None
        assert last.problem.code is CODE.TLS_CERTIFICATE_EXPIRED
        assert (last.problem.facts["not_before"], last.problem.facts["not_after"]) == (
            "2000-01-01",
            "2020-01-01",
        )
        assert last.problem.facts["now"] == REAL_CLOCK.now().date().isoformat()

    def test_clock_that_may_be_wrong_is_told_with_a_certificate_of_the_future(self, authority):
        past = Clock(
            now=lambda: datetime(1999, 7, 8, tzinfo=UTC),
            monotonic=REAL_CLOCK.monotonic,
            sleep=REAL_CLOCK.sleep,
        )

        with ScriptedServer(submission_script(), tls_context=authority.not_yet_valid().context()) as server:
            account = target_of(endpoint_of(server, Security.IMPLICIT_TLS, authority=authority))
            *_, last = examine(account, SECRET, clock=past, timeout=PATIENT)

        assert last.problem is not None
        assert last.problem.code is CODE.TLS_CERTIFICATE_NOT_YET_VALID
        assert (last.problem.facts["not_before"], last.problem.facts["now"]) == ("2090-01-01", "1999-07-08")

    def test_look_at_a_certificate_takes_no_longer_than_a_step(self, authority):
        """The second connection is never greeted."""
        untrusted = submission_script(tls_context=authority.other_host().context())

        with ScriptedServer(untrusted, (Silence(),)) as server:
            account = target_of(endpoint_of(server, Security.STARTTLS, authority=authority))
            before = REAL_CLOCK.monotonic()
            *_, last = examine(account, SECRET, clock=REAL_CLOCK, timeout=2 * BRIEF)

        assert last.problem is not None
        assert last.problem.code is CODE.TLS_CERTIFICATE_WRONG_HOST
        assert REAL_CLOCK.monotonic() - before < 2 * 2 * BRIEF + 1

    def test_certificate_is_looked_at_without_trust(self, tmp_path):
        bridge = self_signed(tmp_path)

        with ScriptedServer(mailbox_script(tls_context=bridge.context())) as server:
            certificate = served_certificate(
                Protocol.IMAP, endpoint_of(server, Security.STARTTLS), clock=REAL_CLOCK, timeout=PATIENT
            )

        assert certificate_facts(certificate) == certificate_facts(read_certificate(bridge.der))
        assert certificate_facts(certificate)["fingerprint"] == str(Fingerprint(bridge.sha256))


class TestRealServers:
    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_sound_account_passes_every_stage(self, mailhost: MailHost, authority, security):
        account = real_account(mailhost, authority, mailhost.shop, security)

        checks = list(
            examine(Target.of(account), real_secret(mailhost.shop), clock=REAL_CLOCK, timeout=PATIENT)
        )

        assert [check.problem for check in checks if check.problem] == []
        assert {"tls", "auth", "recipient"} <= set(stages_of(checks, Protocol.SMTP).split())
        assert {"tls", "auth", "mailbox"} <= set(stages_of(checks, Protocol.IMAP).split())
        assert mailhost.shop.secret not in repr(checks)

    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_every_stage_has_its_facts(self, mailhost: MailHost, authority, security):
        account = real_account(mailhost, authority, mailhost.shop, security)

        checks = list(
            examine(Target.of(account), real_secret(mailhost.shop), clock=REAL_CLOCK, timeout=PATIENT)
        )

        smtp = {check.stage: check.facts for check in checks if check.protocol is Protocol.SMTP and check.ok}
        imap = {check.stage: check.facts for check in checks if check.protocol is Protocol.IMAP and check.ok}
        assert smtp[Stage.SIZE] == {"announced": True, "limit_bytes": mailhost.message_size_limit}
        assert smtp[Stage.AUTH]["answer"] == "235 2.7.0 Authentication successful"
        assert imap[Stage.AUTH]["answer"] == "Logged in"
        assert imap[Stage.IDLE] == {"supported": True}
        assert "IDLE" in imap[Stage.CAPABILITIES]["capabilities"]
        for facts in (smtp, imap):
            assert facts[Stage.TLS]["version"] == "TLSv1.3"
            before = facts[Stage.TLS].get("capabilities_before", ())
            assert ("STARTTLS" in before) is (security is Security.STARTTLS)
            assert "STARTTLS" not in facts[Stage.CAPABILITIES]["capabilities"]

    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])
    def test_transcript_has_the_dialogue_and_no_secret(self, mailhost: MailHost, authority, security):
        account = real_account(mailhost, authority, mailhost.shop, security)
        lines: list[Line] = []

        for _ in diagnose(
            Target.of(account),
            real_secret(mailhost.shop),
            clock=REAL_CLOCK,
            timeout=PATIENT,
            known={},
            try_usernames=False,
            record=lines.append,
        ):
            pass

        told = "\n".join(line.text for line in lines)
        plain = f"\0{mailhost.shop.address}\0{mailhost.shop.secret}".encode()
        assert "235 2.7.0 Authentication successful" in told
        assert "OK [READ-ONLY] Examine completed" in told
        for form in (
            mailhost.shop.secret,
            base64.b64encode(plain).decode().rstrip("=")[:-2],
            base64.b64encode(mailhost.shop.secret.encode()).decode().rstrip("=")[:-2],
        ):
            assert form not in told

    def test_note_to_oneself_is_seen_with_the_verdict_of_the_receiver(self, mailhost: MailHost, authority):
        account = real_account(mailhost, authority, mailhost.shop)
        secret = real_secret(mailhost.shop)
        message_id = "<note-to-oneself@shop.test>"
        first_uid = first_uid_of(account, secret)
        deliver(account, secret, real_submission(account, message_id), clock=REAL_CLOCK, timeout=PATIENT)

        check = await_arrival(
            account, secret, message_id, first_uid=first_uid, wait=PATIENT, clock=QUICK, timeout=PATIENT
        )

        assert (check.problem, check.stage) == (None, Stage.ARRIVAL)
        assert check.facts["folder"] == "INBOX"
        assert (check.facts["spf"], check.facts["dkim"], check.facts["dmarc"]) == ("pass", "none", "pass")
        assert str(check.facts["authentication_results"]).startswith("mail.shop.test; spf=pass")

    def test_message_in_the_junk_folder_is_seen_with_its_verdict(self, mailhost: MailHost, authority):
        login = mailhost.second
        message_id = "<taken-for-junk@shop.test>"
        verdict = "mail.shop.test; spf=softfail; dkim=none"
        message = f"Authentication-Results: {verdict}\r\nMessage-ID: {message_id}\r\n\r\nbody\r\n"
        with imaplib.IMAP4_SSL(
            mailhost.host, mailhost.imaps_port, ssl_context=authority.client_context(), timeout=PATIENT
        ) as mailbox:
            mailbox.login(login.address, login.secret)
            mailbox.append("Junk", "", "", message.encode())

        check = await_arrival(
            real_account(mailhost, authority, login),
            real_secret(login),
            message_id,
            first_uid=1,
            wait=0,
            clock=REAL_CLOCK,
            timeout=PATIENT,
        )

        assert check.facts == {
            "folder": "Junk",
            "authentication_results": verdict,
            "spf": "softfail",
            "dkim": "none",
        }

    def test_message_that_is_older_than_the_question_is_not_seen(self, mailhost: MailHost, authority):
        account = real_account(mailhost, authority, mailhost.shop)
        secret = real_secret(mailhost.shop)
        message_id = "<older-than-the-question@shop.test>"
        deliver(account, secret, real_submission(account, message_id), clock=REAL_CLOCK, timeout=PATIENT)
        mailhost.wait_for_message(mailhost.shop.address, message_id)

        check = await_arrival(
            account,
            secret,
            message_id,
            first_uid=first_uid_of(account, secret),
            wait=0,
            clock=REAL_CLOCK,
            timeout=PATIENT,
        )

        assert check.problem is not None
        assert check.problem.code is CODE.ARRIVAL_NOT_SEEN


class TestArrival:
    def test_message_is_found_in_the_junk_folder(self):
        check = arrival_at(Folders({"INBOX": [], "Spam": [HEADER]}))

        assert (check.problem, check.facts["folder"]) == (None, "Spam")
        assert "authentication_results" not in check.facts

    @REPEATED_SECRETS
    def test_secret_in_what_the_mailbox_holds_is_not_told(self, repeated):
        header = b"Authentication-Results: mx.b.test; spf=pass " + repeated + b"\r\n" + HEADER

        check = arrival_at(Folders({"INBOX": [header]}))

        assert (check.problem, check.facts["spf"]) == (None, "pass")
        assert "…" in str(check.facts["authentication_results"])
        assert secrets_in(repr(check)) == []

    @pytest.mark.parametrize("command", ["LIST", "EXAMINE", "SEARCH", "FETCH"])
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(b"* LIST (" + b"(" * 5000 + b") / x\r\n<tag> OK done", id="deep-list"),
            pytest.param(b"* 1 FETCH (UID 1 " + b"(" * 5000 + b")\r\n<tag> OK done", id="deep-fetch"),
            pytest.param(b"* SEARCH 1 ((\r\n<tag> OK done", id="broken-search"),
            pytest.param(b"* 9 EXISTS {9999999}\r\n<tag> OK done", id="long-literal"),
            pytest.param(b"BAD what", id="bad"),
        ],
    )
    def test_whatever_the_mailbox_answers_is_a_problem_of_the_check(self, command, answer):
        found = {"SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n"}

        check = arrival_at(*mailbox_script(overrides=found | {command: answer}))

        assert check.stage is Stage.ARRIVAL
        assert check.problem is not None
        assert check.problem.exit_status != 70

    def test_header_is_read_once(self):
        others = [f"Message-ID: <{number}@b.test>\r\n".encode() for number in range(3)]
        script = Folders({"INBOX": others}, later={"INBOX": [*others, HEADER]})

        with ScriptedServer((script,)) as server:
            account = account_of(endpoint_at("localhost", 1, Security.STARTTLS), endpoint_of(server))
            check = await_arrival(
                account, SECRET, MESSAGE_ID, first_uid=1, wait=PATIENT, clock=QUICK, timeout=PATIENT
            )

        assert check.problem is None
        assert script.fetched == [b"3", b"2", b"1", b"4"]

    def test_message_is_found_among_others(self):
        others = [f"Message-ID: <{number}@b.test>\r\n".encode() for number in range(5)]

        check = arrival_at(Folders({"INBOX": [*others, HEADER, *others], "Spam": others}))

        assert (check.problem, check.facts["folder"]) == (None, "INBOX")

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param(f"Message-ID:\r\n {MESSAGE_ID}\r\n".encode(), id="folded"),
            pytest.param(f"MESSAGE-id:   {MESSAGE_ID}  \r\n".encode(), id="odd-spelling"),
            pytest.param(b"Subject: \xff\xfe\r\n" + HEADER, id="binary-beside"),
        ],
    )
    def test_message_is_known_however_its_header_is_written(self, header):
        assert arrival_at(Folders({"INBOX": [header], "Spam": []})).problem is None

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"no header at all", id="no-header"),
            pytest.param(b"\xff\x00\xfe: \x00\r\n\r\n", id="binary"),
            pytest.param(b"Message-ID: =?utf-8?q?x=0D=0Ay?=\r\n", id="encoded-word"),
            pytest.param(f"In-Reply-To: {MESSAGE_ID}\r\n".encode(), id="an-answer-to-it"),
            pytest.param(f"Message-ID: x{MESSAGE_ID}\r\n".encode(), id="another-one"),
        ],
    )
    def test_other_mail_neither_counts_nor_harms(self, header):
        check = arrival_at(Folders({"INBOX": [header], "Spam": [header]}))

        assert check.problem is not None
        assert check.problem.code is CODE.ARRIVAL_NOT_SEEN

    def test_waiting_ends_when_its_time_is_over(self):
        stepping = SteppingClock()

        check = arrival_at(Folders({"INBOX": [], "Spam": []}), clock=stepping.clock, wait=4.5)

        assert check.problem is not None
        assert (check.problem.code, check.problem.exit_status) == (CODE.ARRIVAL_NOT_SEEN, 75)
        assert check.problem.facts["message_id"] == MESSAGE_ID
        assert sum(stepping.slept) == 4.5
        assert check.elapsed == timedelta(seconds=4.5)

    def test_message_that_comes_while_waiting_is_seen(self):
        stepping = SteppingClock()
        folders = Folders({"INBOX": [], "Spam": []}, later={"INBOX": [HEADER]})

        check = arrival_at(folders, clock=stepping.clock, wait=60)

        assert (check.problem, check.facts["folder"]) == (None, "INBOX")
        assert len(stepping.slept) == 1

    @pytest.mark.parametrize(
        ("overrides", "code"),
        [
            pytest.param({"AUTHENTICATE": b"NO [AUTHENTICATIONFAILED] No"}, CODE.AUTH_REJECTED, id="login"),
            pytest.param({"EXAMINE": b"NO gone"}, CODE.MAILBOX_UNREADABLE, id="mailbox"),
            pytest.param({"LIST": (Close(),)}, CODE.CONNECTION_LOST, id="lost"),
        ],
    )
    def test_fault_on_the_way_is_the_problem_of_the_check(self, overrides, code):
        check = arrival_at(mailbox_script(overrides=overrides)[0])

        assert check.problem is not None
        assert check.problem.code is code

    def test_mailbox_that_never_ends_to_speak_is_left(self):
        endless = mailbox_script(overrides={"NOOP": Send(b"* 1 EXISTS\r\n" * 20_000)})[0]

        check = arrival_at(endless)

        assert check.problem is not None
        assert check.problem.code is CODE.REPLY_TOO_LONG


class TestVerdicts:
    @pytest.mark.parametrize(
        ("text", "verdicts"),
        [
            pytest.param(
                "mx.b.test; spf=pass smtp.mailfrom=a.test; dkim=fail header.d=a.test; dmarc=pass",
                {"spf": "pass", "dkim": "fail", "dmarc": "pass"},
                id="usual",
            ),
            pytest.param("mx.b.test; SPF = SoftFail", {"spf": "softfail"}, id="odd-spelling"),
            pytest.param("mx.b.test;\r\n dkim=none\r\n", {"dkim": "none"}, id="folded"),
            pytest.param("mx.b.test; dkim=pass d=a; dkim=fail d=b", {"dkim": "pass"}, id="first-of-two"),
            pytest.param("mx.b.test; spf=fail (why: spf=pass)", {"spf": "fail"}, id="comment-behind"),
            pytest.param("mx.b.test; (dmarc=pass) dmarc=fail", {"dmarc": "fail"}, id="comment-before"),
            pytest.param(
                "mx.b.test; dkim=none ((x) dmarc=pass)", {"dkim": "none"}, id="comment-in-a-comment"
            ),
            pytest.param('mx.b.test; dkim=fail reason="dmarc=pass"', {"dkim": "fail"}, id="quoted"),
            pytest.param("mx.b.test; none", {}, id="none"),
            pytest.param("", {}, id="empty"),
        ],
    )
    def test_results_are_read_without_the_comments(self, text, verdicts):
        assert authentication_verdicts(text) == verdicts


class Folders:
    """A script: a mailbox with these header blocks in INBOX and in a junk folder; ``later`` from NOOP on."""

    def __init__(
        self, folders: dict[str, list[bytes]], *, later: dict[str, list[bytes]] | None = None
    ) -> None:
        self._folders = folders
        self._later = later or {}
        self.fetched: list[bytes] = []

    def play(self, connection: Connection) -> None:
        selected = "INBOX"
        rounds = 0
        connection.send(b"* OK hi\r\n")
        while True:
            tag, verb, *words = connection.read_line().split()
            verb = words[0] if verb == b"UID" else verb
            if verb == b"EXAMINE":
                selected = words[0].decode().strip('"')
                rounds += selected == "INBOX"
            if verb == b"FETCH":
                self.fetched.append(words[1])
            headers = self._later.get(selected, []) if rounds > 1 else []
            answer = self._answer(connection, verb, headers or self._folders.get(selected, []))
            connection.send(answer + tag + b" OK done\r\n")

    def _answer(self, connection: Connection, verb: bytes, headers: list[bytes]) -> bytes:
        if verb == b"CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if verb == b"LIST":
            return b'* LIST () "/" INBOX\r\n* LIST (\\Junk) "/" Spam\r\n'
        if verb == b"EXAMINE":
            return f"* {len(headers)} EXISTS\r\n* OK [UIDNEXT {len(headers) + 1}] next\r\n".encode()
        if verb == b"SEARCH":
            return b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, len(headers) + 1)) + b"\r\n"
        if verb == b"FETCH":
            return b"".join(
                b"* %d FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%b)\r\n" % (uid, uid, len(header), header)
                for uid, header in enumerate(headers, start=1)
            )
        return b""


def arrival_at(step: Any, *, clock: Clock = QUICK, wait: float = 0) -> Check:
    """Await the message at a server that plays this."""
    with ScriptedServer((step,)) as server:
        account = account_of(endpoint_at("localhost", 1, Security.STARTTLS), endpoint_of(server))
        return await_arrival(
            account, SECRET, MESSAGE_ID, first_uid=1, wait=wait, clock=clock, timeout=PATIENT
        )


def real_account(
    mailhost: MailHost, authority: Authority, login: Login, security: Security = Security.IMPLICIT_TLS
) -> Account:
    implicit = security is Security.IMPLICIT_TLS
    smtp_port = mailhost.smtps_port if implicit else mailhost.submission_port
    imap_port = mailhost.imaps_port if implicit else mailhost.imap_port
    return account_of(
        endpoint_at(mailhost.host, smtp_port, security, authority=authority),
        endpoint_at(mailhost.host, imap_port, security, authority=authority),
        address=login.address,
        username=login.address,
    )


def real_secret(login: Login) -> Secret:
    return Secret(login.secret)


def real_submission(account: Account, message_id: str) -> Submission:
    return Submission(
        envelope=Envelope(mail_from=account.address, recipients=(account.address,)),
        message_id=message_id,
        content=Octets(f"Message-ID: {message_id}\r\n\r\nnote\r\n".encode()),
    )


def first_uid_of(account: Account, secret: Secret) -> int:
    assert account.imap is not None
    session = IMAPSession(account.imap, clock=REAL_CLOCK, timeout=PATIENT)
    session.open()
    session.authenticate(account.username or "", secret)
    uid_next = session.examine().uid_next
    session.close()
    assert uid_next is not None
    return uid_next


def _logins(connections: list[Connection]) -> list[bytes]:
    said = [line for connection in connections for line in connection.commands]
    return [
        line for line in said if line.startswith(b"AUTH ") or b" AUTHENTICATE " in line or b" LOGIN " in line
    ]
