"""The servers that the other tests trust do what these tests are told: proved with the standard library."""

from __future__ import annotations

import base64
import imaplib
import os
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.conftest import LoopbackOnlyError
from tests.servers.certificates import Authority, ServerCertificate, self_signed
from tests.servers.mailhost import MailHost, running_mailhost
from tests.servers.postfix import GREYLISTED, VERDICT
from tests.servers.scripted import ScriptedServer, Silence


@pytest.fixture
def submission(mailhost: MailHost, authority: Authority) -> Iterator[smtplib.SMTP]:
    """A session that has logged in as the shop."""
    with smtplib.SMTP(mailhost.host, mailhost.submission_port, timeout=10) as session:
        session.starttls(context=authority.client_context())
        session.login(mailhost.shop.address, mailhost.shop.secret)
        yield session


def note(mailhost: MailHost, message_id: str, *, body: str = "Hello.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = mailhost.shop.address
    message["To"] = mailhost.second.address
    message["Message-ID"] = message_id
    message.set_content(body)
    return message


class TestMailHost:
    def test_message_submitted_with_starttls_reaches_the_maildir(self, mailhost, submission):
        message_id = "<starttls@shop.test>"

        submission.send_message(note(mailhost, message_id))

        assert b"Hello." in mailhost.wait_for_message(mailhost.second.address, message_id)

    def test_message_submitted_with_implicit_tls_is_read_by_imap(self, mailhost, authority):
        message_id = "<implicit@shop.test>"
        context = authority.client_context()

        with smtplib.SMTP_SSL(mailhost.host, mailhost.smtps_port, context=context, timeout=10) as session:
            session.login(mailhost.shop.address, mailhost.shop.secret)
            session.send_message(note(mailhost, message_id))
        mailhost.wait_for_message(mailhost.second.address, message_id)

        with imaplib.IMAP4_SSL(
            mailhost.host, mailhost.imaps_port, ssl_context=context, timeout=10
        ) as mailbox:
            mailbox.login(mailhost.second.address, mailhost.second.secret)
            mailbox.select("INBOX", readonly=True)
            _, found = mailbox.search(None, "HEADER", "Message-ID", message_id)
            _, fetched = mailbox.fetch(found[0].decode(), "(BODY.PEEK[])")
        assert message_id.encode() in fetched[0][1]

    def test_receiver_puts_its_verdict_above_the_message_once(self, mailhost, submission):
        message_id = "<verdict@shop.test>"

        submission.send_message(note(mailhost, message_id))

        message = mailhost.wait_for_message(mailhost.second.address, message_id).decode()
        assert message.count("Authentication-Results:") == 1
        assert message.index(f"Authentication-Results: {VERDICT}\n") < message.index("Received:")

    @pytest.mark.parametrize(
        ("sender", "recipient", "reply"),
        [
            pytest.param("shop@shop.test", "nobody@shop.test", "550 5.1.1", id="unknown-recipient"),
            pytest.param("second@shop.test", "second@shop.test", "553 5.7.1", id="sender-of-another-login"),
            pytest.param("shop@foreign.test", "second@shop.test", "553 5.7.1", id="foreign-sender"),
            pytest.param("shop@shop.test", "someone@foreign.test", "554 5.7.1", id="relay-denied"),
            pytest.param("shop@shop.test", GREYLISTED, "450 4.2.0", id="greylisted"),
            pytest.param("shop@shop.test", "someone@elsewhere.test", "250 2.1.5", id="discarded-domain"),
        ],
    )
    def test_recipient_is_answered_as_by_a_provider(self, submission, sender, recipient, reply):
        submission.mail(sender)

        code, text = submission.rcpt(recipient)

        assert f"{code} {text.decode()}".startswith(reply)

    @pytest.mark.parametrize("port", ["submission_port", "smtps_port"])
    def test_recipient_is_refused_without_login(self, mailhost, authority, port):
        context = authority.client_context()
        implicit = port == "smtps_port"
        session = (
            smtplib.SMTP_SSL(mailhost.host, mailhost.smtps_port, context=context, timeout=10)
            if implicit
            else smtplib.SMTP(mailhost.host, mailhost.submission_port, timeout=10)
        )

        with session:
            if not implicit:
                session.starttls(context=context)
            session.ehlo()
            session.mail(mailhost.shop.address)
            code, _ = session.rcpt(mailhost.second.address)

        assert code == 554

    def test_nothing_goes_before_starttls(self, mailhost):
        with smtplib.SMTP(mailhost.host, mailhost.submission_port, timeout=10) as session:
            session.ehlo()
            code, text = session.mail(mailhost.shop.address)

            assert not session.has_extn("auth")
            assert (code, text[:5]) == (530, b"5.7.0")

    def test_wrong_secret_is_refused(self, mailhost, authority):
        with smtplib.SMTP(mailhost.host, mailhost.submission_port, timeout=10) as session:
            session.starttls(context=authority.client_context())

            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                session.login(mailhost.shop.address, "wrong")

        assert caught.value.smtp_code == 535

    def test_secret_beyond_ascii_opens_both_servers(self, mailhost, authority):
        login = mailhost.international
        plain = f"\0{login.address}\0{login.secret}"
        context = authority.client_context()

        with smtplib.SMTP_SSL(mailhost.host, mailhost.smtps_port, context=context, timeout=10) as session:
            session.ehlo()
            code, _ = session.docmd("AUTH PLAIN", _base64(plain))
        with imaplib.IMAP4(mailhost.host, mailhost.imap_port, timeout=10) as mailbox:
            mailbox.starttls(context)
            status, _ = mailbox.authenticate("PLAIN", lambda _: plain.encode())

        assert (code, status) == (235, "OK")

    def test_message_above_the_limit_is_refused_at_mail(self, mailhost, submission):
        code, _ = submission.mail(mailhost.shop.address, [f"SIZE={mailhost.message_size_limit + 1}"])

        assert code == 552

    def test_international_address_is_accepted(self, mailhost, submission):
        code, _ = submission.mail(mailhost.shop.address, ["SMTPUTF8"])
        submission.command_encoding = "utf-8"

        assert code == 250
        assert submission.rcpt("jürgen@elsewhere.test")[0] == 250

    def test_junk_folder_is_marked(self, mailhost, authority):
        context = authority.client_context()

        with imaplib.IMAP4_SSL(
            mailhost.host, mailhost.imaps_port, ssl_context=context, timeout=10
        ) as mailbox:
            mailbox.login(mailhost.shop.address, mailhost.shop.secret)
            _, folders = mailbox.list()

        assert any(b"\\Junk" in folder for folder in folders)

    def test_second_host_stops_and_leaves_nothing(self, mailhost, authority):
        with (
            running_mailhost(authority, message_size_limit=2000) as other,
            smtplib.SMTP(other.host, other.submission_port, timeout=10) as session,
        ):
            session.ehlo()
            size = session.esmtp_features["size"]

        assert size == "2000"
        assert not other.root.exists()
        assert _processes_naming(other.root) == []

    def test_wait_for_a_message_that_never_comes_ends(self, mailhost):
        with pytest.raises(AssertionError, match="did not reach"):
            mailhost.wait_for_message(mailhost.shop.address, "<never@shop.test>", seconds=0.05)

    def test_servers_warn_of_nothing_at_their_start(self, mailhost):
        assert (mailhost.root / "output.log").read_text() == ""


class TestCertificates:
    @pytest.mark.parametrize(
        ("make", "complaint"),
        [
            pytest.param(Authority.expired, "certificate has expired", id="expired"),
            pytest.param(Authority.not_yet_valid, "certificate is not yet valid", id="not-yet-valid"),
            pytest.param(Authority.other_host, "not valid for '127.0.0.1'", id="other-host"),
            pytest.param(Authority.common_name_only, "not valid for '127.0.0.1'", id="no-names"),
            pytest.param(Authority.for_clients_only, "unsuitable certificate purpose", id="purpose"),
            pytest.param(lambda ca: self_signed(ca.folder), "self-signed certificate", id="self-signed"),
        ],
    )
    def test_bad_certificate_is_refused_for_its_own_reason(
        self, authority: Authority, make: Callable[[Authority], ServerCertificate], complaint: str
    ):
        with (
            ScriptedServer((Silence(),), tls_context=make(authority).context()) as server,
            pytest.raises(ssl.SSLCertVerificationError) as caught,
        ):
            handshake(server, authority.client_context())

        assert complaint.replace("-", " ") in str(caught.value).replace("-", " ")

    @pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "smtp.shop.test"])
    def test_valid_certificate_is_trusted_through_its_authority(self, authority, name):
        context = authority.client_context()
        context.verify_flags |= ssl.VERIFY_X509_STRICT

        with ScriptedServer((Silence(),), tls_context=authority.valid().context()) as server:
            assert handshake(server, context, name=name) == authority.folder.joinpath("valid.pem").read_text()

    def test_certificate_of_another_authority_is_refused(self, authority, tmp_path):
        stranger = Authority.create(tmp_path, name="Another authority")

        with (
            ScriptedServer((Silence(),), tls_context=stranger.valid().context()) as server,
            pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"),
        ):
            handshake(server, authority.client_context())

    def test_self_signed_certificate_is_trusted_when_it_is_the_authority(self, tmp_path):
        bridge = self_signed(tmp_path)
        context = ssl.create_default_context(cafile=str(bridge.certificate))

        with ScriptedServer((Silence(),), tls_context=bridge.context()) as server:
            assert handshake(server, context) == bridge.certificate.read_text()

    def test_outdated_server_shares_no_version(self, authority):
        with (
            ScriptedServer((Silence(),), tls_context=authority.valid().outdated_context()) as server,
            pytest.raises(ssl.SSLError, match=r"(?i)version|protocol|legacy"),
        ):
            handshake(server, authority.client_context())

    def test_private_keys_are_for_the_owner_alone(self, authority):
        assert authority.valid().key.stat().st_mode & 0o777 == 0o600


class TestGuards:
    @pytest.mark.parametrize("address", [("192.0.2.1", 25), ("2001:db8::1", 25), ("mail.example", 25)])
    def test_connection_beyond_loopback_is_refused(self, address):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

        with socket.socket(family) as client, pytest.raises(LoopbackOnlyError):
            client.connect(address)

    def test_datagram_beyond_loopback_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, pytest.raises(LoopbackOnlyError):
            client.sendto(b"who is it", ("192.0.2.1", 53))

    def test_home_is_a_folder_of_the_test(self, own_home):
        told = subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ['FLUENZR_HOME'])"],
            capture_output=True,
            text=True,
        )

        assert Path(told.stdout.strip()).parent == Path.home() == own_home
        assert not [name for name in os.environ if name.startswith(("DBUS_", "SSL_CERT_"))]


def handshake(server: ScriptedServer, context: ssl.SSLContext, *, name: str = "127.0.0.1") -> str:
    """Do the client's part and return the server's certificate as PEM."""
    with (
        socket.create_connection((server.host, server.port), timeout=10) as client,
        context.wrap_socket(client, server_hostname=name) as secured,
    ):
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _processes_naming(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue  # It has ended meanwhile.
        if os.fsencode(folder) in command:
            found.append(command.replace(b"\0", b" ").decode())
    return found
