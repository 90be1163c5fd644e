"""IMAPClient's commands and parsers on a wire of ours: bounded in bytes, lines and time."""

from __future__ import annotations

import imaplib
import logging
from typing import Any

from imapclient import IMAPClient

from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.wire import Wire, service_of

_NO_OTHER = ("", "IMAP")

# IMAPClient warns of bytes that are no ASCII with the server's words in full, over which there is no veil;
# where nobody has set up logging, Python writes that to stderr. Its name for imaplib's lines is below this.
_LOGGER = logging.getLogger("imapclient")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False


class _BoundedIMAP4(imaplib.IMAP4):
    """imaplib's client on a wire of ours."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.last_line = b""
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """Take the wire as it is: connected, and encrypted where TLS is implicit."""

    def _get_capabilities(self) -> None:
        """Leave the question to the stage that asks it; imaplib asks as soon as it is greeted."""
        self.capabilities = ("IMAP4REV1",)

    def read(self, size: int) -> bytes:
        """Read a literal."""
        return self._wire.read_exact(size)

    def readline(self) -> bytes:
        """Read a line; imaplib takes a bare LF for the end of the stream, here it is called what it is."""
        line = self.last_line = self._wire.read_line()
        service = service_of(line) if self.state == "LOGOUT" else ""  # its state until there is a greeting
        if service not in _NO_OTHER:
            raise self._wire.broken(ProblemCode.NOT_A_MAIL_SERVER, service=service)
        if line.endswith(b"\n") and not line.endswith(b"\r\n"):
            raise self._wire.broken(ProblemCode.REPLY_MALFORMED)
        return line

    def send(self, data: Any) -> None:  # noqa: ANN401 - typeshed says ReadableBuffer, which is not importable
        """Write a command or a literal."""
        self._wire.write(bytes(data))

    def shutdown(self) -> None:
        """Close the wire."""
        self._wire.close()


class Client(IMAPClient):  # type: ignore[misc]
    """IMAPClient's commands and parsers on our client."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(wire.endpoint.host, port=wire.endpoint.port, ssl=False)
        self._imap.debug = 0  # IMAPClient turns on a log that holds every line of the dialogue

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - IMAPClient's name
        return _BoundedIMAP4(self._wire)

    def _set_read_timeout(self) -> None:
        """Leave the time-outs to the wire."""

    def forget(self) -> None:
        """Drop all that was said before TLS (RFC 9051 §6.2.1)."""
        self._imap.untagged_responses.clear()
        self._imap.capabilities = ()
        self._cached_capabilities = None

    def ask_capabilities(self) -> tuple[str, bytes]:
        """Ask for the capabilities, whatever was said of them before; return OK or NO and the text."""
        self.forget()
        return self.command("CAPABILITY")

    def command(self, name: str, *arguments: bytes) -> tuple[str, bytes]:
        """Run a command of imaplib's; return OK or NO and the text behind it."""
        status, data = self._imap._simple_command(name, *arguments)
        return str(status), b"" if not data or data[-1] is None else bytes(data[-1])

    def proved_by(self, identity: str, secret: str) -> tuple[str, bytes]:
        """Run AUTHENTICATE PLAIN (RFC 4616); return OK or NO and the text behind it."""
        self._imap.literal = imaplib._Authenticator(lambda _: f"\0{identity}\0{secret}".encode()).process
        return self.command("AUTHENTICATE", b"PLAIN")

    def idled(self) -> tuple[str, bytes]:
        """Run IDLE (RFC 2177) and end it as soon as the server has consented; return OK or NO and the text.

        What comes in between is of no interest; time and bytes are bounded by the wire.
        """
        tag = self._imap._command("IDLE")
        while self._imap._get_response() is not None:  # None: the continuation that is the consent
            answer = self._imap.tagged_commands[tag]
            if answer is not None and answer[0] == "OK":  # it ends what it never began
                raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
            if answer is not None:
                break
        else:
            self._imap.send(b"DONE\r\n")
        status, data = self._imap._command_complete("IDLE", tag)
        return str(status), bytes(data[-1] or b"")

    @property
    def farewell(self) -> bytes | None:
        """What the server said when it closed the connection (BYE), if it did."""
        said = self._imap.untagged_responses.get("BYE")
        return bytes(said[-1]) if said else None

    @property
    def refusal(self) -> bytes | None:
        """NO or BAD and the text behind it, if the last line is one; imaplib's errors have a repr of it."""
        _, _, answer = self._imap.last_line.strip().partition(b" ")
        return bytes(answer) if answer.upper().startswith((b"NO", b"BAD")) else None

    @property
    def is_preauthenticated(self) -> bool:
        """Say whether the server claims that we are logged in already."""
        return bool(self._imap.state == "AUTH")

    def logged_in(self) -> None:
        """Tell imaplib's state machine that the login succeeded."""
        self._imap.state = "AUTH"
        self._cached_capabilities = None
