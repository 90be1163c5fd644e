"""Which port is used for what."""

from __future__ import annotations

import pytest

from fluenzr_smtp import ports
from fluenzr_smtp.model import Protocol, Security

SMTP, IMAP = Protocol.SMTP, Protocol.IMAP
STARTTLS, SSL = Security.STARTTLS, Security.IMPLICIT_TLS


@pytest.mark.parametrize(
    ("port", "protocol"),
    [
        *((port, SMTP) for port in (25, 465, 587, 1025, 2525, 4465)),
        *((port, IMAP) for port in (143, 993, 1143)),
    ],
)
def test_protocol_of_a_port_is_that_of_convention(port, protocol):
    assert ports.protocol_of(port) is protocol


@pytest.mark.parametrize(
    ("port", "usual"), [(None, True), (587, True), (993, True), (1025, True), (4000, False), (1, False)]
)
def test_unusual_ports_do_not_tell_how_they_want_to_be_spoken_to(port, usual):
    assert ports.is_usual(port) is usual


@pytest.mark.parametrize(
    ("protocol", "port", "security"),
    [
        (SMTP, 587, STARTTLS),
        (SMTP, 465, SSL),
        (SMTP, 25, STARTTLS),
        (SMTP, 4000, STARTTLS),
        (SMTP, None, STARTTLS),
        (IMAP, 993, SSL),
        (IMAP, 143, STARTTLS),
        (IMAP, 1143, STARTTLS),
        (IMAP, 4000, SSL),
    ],
)
def test_port_goes_with_an_encryption(protocol, port, security):
    assert ports.usual_security(protocol, port) is security
