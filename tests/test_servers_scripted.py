"""The scripted server plays what it is told and keeps what it hears: proved with the standard library."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
import time

import pytest

from tests.servers.scripted import (
    Close,
    Dribble,
    Endless,
    Expect,
    ReadLine,
    Reset,
    ScriptedServer,
    ScriptError,
    Send,
    Silence,
    StartTLS,
    mailbox_script,
    submission_script,
)


class TestScriptedServer:
    def test_script_is_played_and_heard(self):
        script = (
            Send(b"220 hi\r\n"),
            Expect(rb"EHLO \S+"),
            Dribble(b"250 ok\r\n", 0.001),
            ReadLine(),
            Close(),
        )

        with ScriptedServer(script) as server, connected(server) as client:
            client.sendall(b"ehlo me\r\nQUIT\r\n")
            said = read_all(client)

        assert said == b"220 hi\r\n250 ok\r\n"
        assert server.connections[0].received_plain == b"ehlo me\r\nQUIT\r\n"
        assert server.connections[0].commands == [b"ehlo me", b"QUIT"]

    def test_unexpected_line_fails_the_test(self):
        server = ScriptedServer((Expect(b"EHLO"),))

        with pytest.raises(ExceptionGroup) as caught, server:
            say(server, b"HELO me\r\n")

        assert caught.group_contains(ScriptError, match="HELO me")

    def test_failure_of_the_test_is_not_hidden_by_the_script(self):
        server = ScriptedServer((Expect(b"EHLO"),))

        with pytest.raises(ZeroDivisionError), server:
            raise ZeroDivisionError(say(server, b"HELO me\r\n"))

        assert [type(error) for error in server.errors] == [ScriptError]

    def test_reset_is_seen_as_a_reset(self):
        with ScriptedServer((ReadLine(), Reset())) as server, connected(server) as client:
            client.sendall(b"EHLO\r\n")
            with pytest.raises(ConnectionResetError):
                client.recv(100)

    def test_endless_talk_ends_at_its_limit(self):
        with (
            ScriptedServer((Endless(b"220-more\r\n", limit=1_000_000),)) as server,
            connected(server) as client,
        ):
            said = read_all(client)

        assert 900_000 < len(said) <= 1_000_000

    def test_endless_talk_ends_when_the_peer_leaves(self):
        with ScriptedServer((Endless(b"220-more\r\n", limit=1 << 40),)) as server:
            with connected(server) as client:
                client.recv(100)
            connection = server.finished_connection()

        assert isinstance(connection.ended_by, ConnectionError)

    def test_silent_server_with_a_waiting_peer_stops_within_a_second(self):
        before = time.monotonic()

        with ScriptedServer((Silence(),)) as server:
            client = connected(server)

        with client:
            assert client.recv(1) == b""
        assert time.monotonic() - before < 1.5

    def test_each_connection_plays_its_own_script_and_later_ones_the_last(self):
        said = []
        with ScriptedServer((Send(b"1"),), (Send(b"2"),)) as server:
            for _ in range(3):
                with connected(server) as client:
                    said.append(read_all(client))

        assert said == [b"1", b"2", b"2"]

    def test_what_is_said_within_tls_is_kept_apart(self, authority):
        context = authority.valid().context()
        script = (
            Expect(b"STARTTLS"),
            Send(b"220 go\r\n"),
            StartTLS(context),
            ReadLine(),
            Send(b"250 ok\r\n"),
        )

        with ScriptedServer(script) as server, connected(server) as client:
            client.sendall(b"STARTTLS\r\n")
            client.recv(100)
            with authority.client_context().wrap_socket(client, server_hostname="127.0.0.1") as secured:
                secured.sendall(b"AUTH canary\r\n")
                said = secured.recv(100)

        connection = server.connections[0]
        assert said == b"250 ok\r\n"
        assert (connection.received_plain, connection.received_tls) == (b"STARTTLS\r\n", b"AUTH canary\r\n")
        assert b"canary" not in connection.received_wire

    def test_plain_text_at_an_implicit_tls_port_is_kept(self, authority):
        with (
            ScriptedServer((Silence(),), tls_context=authority.valid().context()) as server,
            connected(server) as client,
        ):
            client.sendall(b"EHLO canary\r\n")
            read_all(client)

        assert server.connections[0].received_wire == b"EHLO canary\r\n"
        assert isinstance(server.connections[0].ended_by, ssl.SSLError)

    def test_ipv6_is_served(self):
        try:
            server = ScriptedServer((Send(b"hi"),), host="::1")
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")

        with server, connected(server) as client:
            assert read_all(client) == b"hi"


class TestSubmissionScript:
    def test_well_behaved_dialogue_takes_a_message(self, authority):
        script = submission_script(tls_context=authority.valid().context())

        with (
            ScriptedServer(script) as server,
            smtplib.SMTP(server.host, server.port, timeout=10) as session,
        ):
            session.starttls(context=authority.client_context())
            session.login("shop@shop.test", "canary")
            session.sendmail("shop@shop.test", ["a@b.test"], "Subject: x\r\n\r\n.dot\r\n")

        connection = server.connections[0]
        assert connection.messages == [b"Subject: x\r\n\r\n.dot\r\n"]
        assert connection.commands[-1].upper() == b"QUIT"
        assert connection.received_plain.upper().endswith(b"STARTTLS\r\n")

    def test_replies_are_replaced_by_command_and_by_recipient(self):
        script = submission_script(
            overrides={"RCPT": b"451 4.3.0 Later"}, recipients={"gone@b.test": b"550 5.1.1 No such user"}
        )

        with (
            ScriptedServer(script) as server,
            smtplib.SMTP(server.host, server.port, timeout=10) as session,
            pytest.raises(smtplib.SMTPRecipientsRefused) as caught,
        ):
            session.sendmail("shop@shop.test", ["gone@b.test", "a@b.test"], "x")

        assert {to: reply[0] for to, reply in caught.value.recipients.items()} == {
            "gone@b.test": 550,
            "a@b.test": 451,
        }

    def test_connection_is_cut_after_the_final_dot(self):
        script = submission_script(overrides={".": (Send(b"250 2.0"), Close())})

        with ScriptedServer(script) as server, connected(server) as client:
            client.sendall(b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\n")
            said = read_all(client)

        assert said.endswith(b"\r\n250 2.0")
        assert server.connections[0].messages == [b"hi\r\n"]

    def test_refused_login_is_told_after_the_challenges(self):
        script = submission_script(overrides={"AUTH": b"535 5.7.8 No"}, mechanisms="LOGIN")

        with (
            ScriptedServer(script) as server,
            smtplib.SMTP(server.host, server.port, timeout=10) as session,
            pytest.raises(smtplib.SMTPAuthenticationError),
        ):
            session.login("shop@shop.test", "canary")

    def test_unknown_command_in_the_overrides_is_an_error(self):
        with pytest.raises(ValueError, match="MIAL"):
            submission_script(overrides={"MIAL": b"250 ok"})


class TestMailboxScript:
    def test_well_behaved_dialogue_shows_an_empty_inbox(self, authority):
        script = mailbox_script(tls_context=authority.valid().context())

        with (
            ScriptedServer(script) as server,
            imaplib.IMAP4(server.host, server.port, timeout=10) as mailbox,
        ):
            mailbox.starttls(authority.client_context())
            mailbox.login("shop@shop.test", "canary")
            status, count = mailbox.select("INBOX", readonly=True)
            found = mailbox.uid("SEARCH", "ALL")

        assert (status, count, found) == ("OK", [b"0"], ("OK", [b""]))
        assert b"canary" not in server.connections[0].received_plain

    def test_refusal_takes_the_tag_of_its_command(self):
        script = mailbox_script(overrides={"LOGIN": b"NO [AUTHENTICATIONFAILED] Wrong"})

        with (
            ScriptedServer(script) as server,
            imaplib.IMAP4(server.host, server.port, timeout=10) as mailbox,
            pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
        ):
            mailbox.login("shop@shop.test", "canary")


def connected(server: ScriptedServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=10)


def say(server: ScriptedServer, line: bytes) -> None:
    """Send a line and wait until the script is over."""
    with connected(server) as client:
        client.sendall(line)
        server.finished_connection()


def read_all(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)
