"""Mailboxes of real IMAP servers, filled by imaplib: folders of a test's own, messages with chosen dates."""

from __future__ import annotations

import contextlib
import imaplib
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex


@dataclass(frozen=True)
class Box:
    """A folder of an account at a server."""

    client: imaplib.IMAP4
    name: str

    def put(self, message: bytes | str, *, received: datetime | None = None) -> None:
        """Append a message as the server would deliver it, unread."""
        octets = message.encode() if isinstance(message, str) else message
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        date = None if received is None else imaplib.Time2Internaldate(received)
        status, said = self.client.append(self.name, None, date, octets)
        assert status == "OK", said

    def flags(self) -> list[bytes]:
        """Return the flags of each message, but for those that a server sets itself."""
        self.client.select(self.name, readonly=True)
        _, answer = self.client.fetch("1:*", "(FLAGS)")
        return [
            b" ".join(each for each in imaplib.ParseFlags(line) if each != b"\\Recent")
            for line in answer
            if isinstance(line, bytes)
        ]

    def make_anew(self) -> None:
        """Delete the folder and make it again: its UIDs are others."""
        self.client.delete(self.name)
        time.sleep(1.1)  # some servers take the second in which a folder was made for its UIDVALIDITY
        self.client.create(self.name)

    def remove_all(self) -> None:
        """Remove the messages."""
        self.client.select(self.name)
        self.client.store("1:*", "+FLAGS", "\\Deleted")
        self.client.expunge()
        self.client.unselect()


@contextlib.contextmanager
def box_at(host: str, port: int, ca_file: Path, user: str, secret: str, *, prefix: str = "") -> Iterator[Box]:
    """Make a folder of its own at a server; it is gone afterwards."""
    client = imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(cafile=str(ca_file)))
    client.login(user, secret)
    box = Box(client, f"{prefix}Test-{token_hex(4)}")
    status, said = client.create(box.name)
    assert status == "OK", said
    try:
        yield box
    finally:
        with contextlib.suppress(imaplib.IMAP4.error):
            client.delete(box.name)
        client.logout()


def letter(
    body: str = "Yes.", *, sender: str = "Bob <bob@b.test>", subject: str = "Re: Hello", **fields: str
) -> str:
    """Return a message; further fields have ``_`` for ``-``."""
    told = {
        "From": sender,
        "To": "shop@shop.test",
        "Subject": subject,
        "Message-ID": f"<{token_hex(8)}@b.test>",
        "Date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000"),
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return "".join(f"{name}: {value}\n" for name, value in told.items() if value) + f"\n{body}\n"


def report(
    recipient: str, *, status: str = "5.1.1", action: str = "failed", said: str = "", original: str = ""
) -> str:
    """Return a delivery status notification (RFC 3464)."""
    said = said or f"550 {status} <{recipient}>: Recipient address rejected: User unknown"
    body = (
        "--b0\nContent-Type: text/plain\n\nThis is the mail system. I could not deliver your message.\n\n"
        "--b0\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.b.test\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n\n"
        f"--b0\nContent-Type: text/rfc822-headers\n\nSubject: Hello\nMessage-ID: {original}\n\n--b0--\n"
    )
    return letter(
        body,
        sender="Mail Delivery System <MAILER-DAEMON@mx.b.test>",
        subject="Undelivered Mail Returned to Sender",
        Content_Type='multipart/report; report-type=delivery-status; boundary="b0"',
        MIME_Version="1.0",
        Auto_Submitted="auto-replied",
    )
