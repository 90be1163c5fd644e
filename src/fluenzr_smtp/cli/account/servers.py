"""The options that describe an account's servers, shared by ``account add`` and ``account edit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from fluenzr_smtp.model import Protocol
from fluenzr_smtp.settings import ServerChoice, parse_security, parse_server

_SMTP, _IMAP, _TRUST = "Submission server", "IMAP server, to see replies", "Certificates"


def _text(name: str, panel: str, explanation: str, metavar: str) -> typer.models.OptionInfo:
    return typer.Option(name, metavar=metavar, help=explanation, rich_help_panel=panel)  # type: ignore[no-any-return]


SmtpHost = Annotated[str | None, _text("--smtp-host", _SMTP, "Host name of the submission server.", "HOST")]
SmtpPort = Annotated[int | None, _text("--smtp-port", _SMTP, "Its port; 587 or 465 as a rule.", "PORT")]
Encryption = Annotated[
    str | None,
    _text(
        "--encryption",
        _SMTP,
        "starttls (also called tls; port 587), ssl (port 465), or none (this machine only).",
        "NAME",
    ),
]
ImapHost = Annotated[str | None, _text("--imap-host", _IMAP, "Host name of the IMAP server.", "HOST")]
ImapPort = Annotated[int | None, _text("--imap-port", _IMAP, "Its port; 993 as a rule.", "PORT")]
ImapEncryption = Annotated[
    str | None, _text("--imap-encryption", _IMAP, "ssl (port 993), starttls (port 143), or none.", "NAME")
]
NoImap = Annotated[
    bool, typer.Option("--no-imap", help="Send only; do not read replies.", rich_help_panel=_IMAP)
]
TrustCert = Annotated[
    str | None,
    _text("--trust-cert", _TRUST, "Trust exactly the certificate in this PEM file (Proton Bridge).", "FILE"),
]
CaFile = Annotated[
    str | None,
    _text(
        "--ca-file",
        _TRUST,
        "Trust the certificate authority in this PEM file; kept with the account.",
        "FILE",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What was typed of an account's servers, not yet read."""

    smtp_host: str | None = None
    smtp_port: int | None = None
    encryption: str | None = None
    imap_host: str | None = None
    imap_port: int | None = None
    imap_encryption: str | None = None
    no_imap: bool = False
    trust_cert: str | None = None
    ca_file: str | None = None

    def choice(self, protocol: Protocol) -> ServerChoice:
        """Return what was said of one server.

        Raises:
            FluenzrError: ``setting-invalid``.
        """
        if protocol is Protocol.SMTP:
            host, port, encryption = self.smtp_host, self.smtp_port, self.encryption
        else:
            host, port, encryption = self.imap_host, self.imap_port, self.imap_encryption
        security = None if encryption is None else parse_security(encryption)
        if host is None:
            return ServerChoice(port=port, security=security)
        typed = parse_server(host)  # a port behind the name is understood; one of its own goes first
        return ServerChoice(host=typed.host, port=typed.port if port is None else port, security=security)
