"""The sandbox: a server that insists on TLS and login, keeps what it takes, and leaves nothing behind."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fluenzr_smtp.sandbox import Sandbox, running

MESSAGE = b"From: demo@example.test\r\nSubject: one\r\n\r\n.\r\n..two\r\nGr\xc3\xbc\xc3\x9fe\r\n"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running(tmp_path, now=datetime.now(UTC)) as sandbox:
        yield sandbox


def trusting(sandbox: Sandbox) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default of Python 3.13
    return context


@contextmanager
def over_starttls(sandbox: Sandbox, host: str = "localhost") -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(host, sandbox.starttls_port) as client:
        client.starttls(context=trusting(sandbox))
        client.ehlo()
        yield client


@contextmanager
def over_implicit_tls(sandbox: Sandbox, host: str = "localhost") -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP_SSL(host, sandbox.implicit_tls_port, context=trusting(sandbox)) as client:
        client.ehlo()
        yield client


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


each_port = pytest.mark.parametrize("encrypted", [over_starttls, over_implicit_tls])


def login(client: smtplib.SMTP, username: str, secret: str, mechanism: str = "PLAIN") -> int:
    client.user, client.password = username, secret
    offer = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}[mechanism]
    try:
        return client.auth(mechanism, offer)[0]
    except smtplib.SMTPAuthenticationError as error:
        return error.smtp_code


@each_port
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_right_login_is_taken(sandbox, encrypted, mechanism):
    with encrypted(sandbox) as client:
        assert login(client, sandbox.address, sandbox.secret.reveal(), mechanism) == 235


@each_port
@pytest.mark.parametrize(("username", "is_right_secret"), [("demo@example.test", False), ("you", True)])
def test_any_other_login_is_refused(sandbox, encrypted, username, is_right_secret):
    secret = sandbox.secret.reveal() if is_right_secret else "wrong"

    with encrypted(sandbox) as client:
        assert login(client, username, secret) == 535


@each_port
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_holds_for_both_names(sandbox, encrypted, host):
    with encrypted(sandbox, host) as client:
        assert client.sock.version() in {"TLSv1.2", "TLSv1.3"}


def test_nobody_else_vouches_for_the_certificate(sandbox):
    context = ssl.create_default_context()

    with connected(sandbox.implicit_tls_port) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_before_starttls_there_is_no_login(sandbox):
    with smtplib.SMTP("localhost", sandbox.starttls_port) as client:
        client.ehlo()

        assert not client.has_extn("auth")
        assert login(client, sandbox.address, sandbox.secret.reveal()) == 530


def test_before_starttls_there_is_no_mail(sandbox):
    with smtplib.SMTP("localhost", sandbox.starttls_port) as client:
        client.ehlo()

        assert client.mail(sandbox.address)[0] == 530


@each_port
def test_without_a_login_there_is_no_mail(sandbox, encrypted):
    with encrypted(sandbox) as client:
        assert client.mail(sandbox.address) == (530, b"5.7.0 Authentication required")

    assert sandbox.messages() == ()


@each_port
def test_a_message_is_kept_as_it_came(sandbox, encrypted, tmp_path):
    recipients = ("a@example.test", "b@example.test")

    with encrypted(sandbox) as client:
        login(client, sandbox.address, sandbox.secret.reveal())
        client.sendmail(sandbox.address, recipients, MESSAGE, mail_options=["BODY=8BITMIME"])

    (received,) = sandbox.messages()
    assert (received.envelope.mail_from, received.envelope.recipients) == (sandbox.address, recipients)
    assert received.content == MESSAGE
    assert (tmp_path / "message-1.eml").read_bytes() == MESSAGE


def test_messages_are_in_the_order_of_their_arrival(sandbox):
    with over_starttls(sandbox) as client:
        login(client, sandbox.address, sandbox.secret.reveal())
        for number in range(3):
            client.sendmail(sandbox.address, [f"{number}@example.test"], MESSAGE)

    found = [(each.envelope.recipients[0], each.file.name) for each in sandbox.messages()]
    assert found == [(f"{number}@example.test", f"message-{number + 1}.eml") for number in range(3)]


def test_no_key_is_left_in_the_folder(sandbox, tmp_path):
    assert [each.name for each in tmp_path.iterdir()] == ["ca.pem"]
    assert b"PRIVATE" not in sandbox.ca_file.read_bytes()


def test_each_sandbox_has_a_secret_of_its_own_that_it_does_not_show(sandbox, tmp_path):
    other_folder = tmp_path / "other"
    other_folder.mkdir()

    with running(other_folder, now=datetime.now(UTC)) as other:
        assert other.secret != sandbox.secret
        assert other.secret.reveal() not in repr(other)


def test_at_the_end_every_connection_is_closed(tmp_path):
    with running(tmp_path, now=datetime.now(UTC)) as sandbox:
        silent = connected(sandbox.starttls_port)
        before_tls = connected(sandbox.implicit_tls_port)
        amid_starttls = after_starttls_is_granted(sandbox)
        within_tls = trusting(sandbox).wrap_socket(
            connected(sandbox.implicit_tls_port), server_hostname="localhost"
        )

    with silent, before_tls, amid_starttls, within_tls:
        assert all(is_at_its_end(each) for each in (silent, before_tls, amid_starttls, within_tls))
    with pytest.raises(ConnectionRefusedError):
        connected(sandbox.starttls_port)


def after_starttls_is_granted(sandbox: Sandbox) -> socket.socket:
    """Return a connection on which the server waits for the TLS handshake."""
    connection = connected(sandbox.starttls_port)
    connection.sendall(b"EHLO client.test\r\nSTARTTLS\r\n")
    heard = b""
    while b"Ready to start TLS" not in heard:
        heard += connection.recv(4096)
    return connection


def is_at_its_end(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            continue
    except (ConnectionResetError, ssl.SSLEOFError):
        return True
    return True


def test_an_error_in_the_block_ends_the_sandbox_too(tmp_path):
    with pytest.raises(KeyError), running(tmp_path, now=datetime.now(UTC)) as sandbox:
        raise KeyError

    with pytest.raises(ConnectionRefusedError):
        connected(sandbox.implicit_tls_port)
