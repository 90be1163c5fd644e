"""How a port wants to be spoken to is found out by listening alone."""

from __future__ import annotations

import pytest

from fluenzr_smtp.diagnosis import detect
from fluenzr_smtp.model import Protocol, Security
from tests.servers.scripted import (
    Close,
    Endless,
    ScriptedServer,
    Send,
    Silence,
    mailbox_script,
    submission_script,
)
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, Pause

SMTP, IMAP = Protocol.SMTP, Protocol.IMAP
STARTTLS, SSL = Security.STARTTLS, Security.IMPLICIT_TLS


def detected(server: ScriptedServer, *, timeout: float = PATIENT) -> tuple[Protocol, Security]:
    return detect(server.host, server.port, clock=REAL_CLOCK, timeout=timeout)


@pytest.mark.parametrize(
    ("script", "protocol"),
    [
        pytest.param(submission_script(), SMTP, id="smtp"),
        pytest.param(mailbox_script(), IMAP, id="imap"),
        pytest.param((Pause(BRIEF), *mailbox_script()), IMAP, id="slow"),
        pytest.param((Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Silence()), SMTP, id="another-service"),
        pytest.param((Endless(b"\xff" * 4096, limit=1 << 20),), SMTP, id="flood"),
        pytest.param((Close(),), SMTP, id="closed"),
    ],
)
def test_port_that_greets_is_spoken_to_by_starttls(script, protocol):
    with ScriptedServer(script) as server:
        assert detected(server) == (protocol, STARTTLS)

    assert server.connections[0].received == b""


@pytest.mark.parametrize(
    ("script", "protocol"),
    [pytest.param(submission_script, SMTP, id="smtp"), pytest.param(mailbox_script, IMAP, id="imap")],
)
def test_silent_port_that_takes_part_in_a_handshake_wants_tls_first(authority, script, protocol):
    with ScriptedServer(script(), tls_context=authority.valid().context()) as server:
        assert detected(server, timeout=4 * BRIEF) == (protocol, SSL)

    assert all(connection.received_tls == b"" for connection in server.connections)


def test_port_that_stays_silent_is_left_to_the_diagnosis():
    with ScriptedServer((Silence(),)) as server:
        _, security = detect(server.host, server.port, clock=REAL_CLOCK, timeout=BRIEF)

    assert security is STARTTLS


def test_port_on_which_nobody_listens_is_left_to_the_diagnosis():
    with ScriptedServer(()) as gone:
        pass

    assert detected(gone) == (SMTP, STARTTLS)


@pytest.mark.parametrize(
    ("port", "protocol"), [(465, SMTP), (993, IMAP), (995, SMTP)], ids=["465", "993", "995"]
)
def test_port_that_belongs_to_tls_is_not_asked(port, protocol):
    assert detect("name.invalid", port, clock=REAL_CLOCK, timeout=PATIENT) == (protocol, SSL)
