"""IMAPClient's commands and parsers on a wire of ours: bounded in bytes, lines and time."""

from __future__ import annotations

import imaplib
import logging
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from imapclient import IMAPClient
from imapclient.response_parser import parse_message_list

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Content
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.wire import Wire, service_of

_NO_OTHER = ("", "IMAP")
_ALL = (b'""', b'"*"')
_PIECE_BYTES = 256 * 1024  # each has the time of a step: a slow line is not a dead one
_AT_ONCE_BYTES = 64 * 1024
_LITERAL_MINUS_BYTES = 4096  # RFC 7888 §5
_LIMIT = re.compile(rb"APPENDLIMIT(?:=(\d{1,18}))?")
_STATUS_LIMIT = re.compile(rb"\(APPENDLIMIT (\d{1,18})\)\s*$", re.IGNORECASE)

# IMAPClient warns of bytes that are no ASCII with the server's words in full, over which there is no veil;
# where nobody has set up logging, Python writes that to stderr. Its name for imaplib's lines is below this.
_LOGGER = logging.getLogger("imapclient")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False


def quoted(text: str) -> bytes:
    """Return a quoted string (RFC 9051 §4.3). Line ends and NUL have no place in one."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.encode()


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
        self.normalise_times = False  # to the local zone, in which the ends of the calendar do not exist
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
        answer = self.command("CAPABILITY")
        # Kept apart from what is said at the login, which counts from then on.
        told = self._imap.untagged_responses.pop("CAPABILITY", ())
        self._cached_capabilities = self._normalise_capabilites(told[0]) if told else None
        return answer

    def command(self, name: str, *arguments: bytes) -> tuple[str, bytes]:
        """Run a command of imaplib's; return OK or NO and the text behind it."""
        status, data = self._imap._simple_command(name, *arguments)
        return str(status), b"" if not data or data[-1] is None else bytes(data[-1])

    def proved_by(self, identity: str, secret: str) -> tuple[str, bytes]:
        """Run AUTHENTICATE PLAIN (RFC 4616); return OK or NO and the text behind it."""
        self._imap.literal = imaplib._Authenticator(lambda _: f"\0{identity}\0{secret}".encode()).process
        return self.command("AUTHENTICATE", b"PLAIN")

    def proved_by_token(self, mechanism: str, first: bytes, last: bytes) -> tuple[tuple[str, bytes], bytes]:
        """Run AUTHENTICATE with an access token (RFC 7628).

        Returns:
            OK or NO with the text behind it, and the challenge by which the server said why it refuses.
        """
        challenges: list[bytes] = []

        def answer(challenge: bytes) -> bytes:
            challenges.append(challenge)
            return first if len(challenges) == 1 else last

        self._imap.literal = imaplib._Authenticator(answer).process
        return self.command("AUTHENTICATE", mechanism.encode("ascii")), b"".join(challenges[1:2])

    def idled(self) -> tuple[str, bytes]:
        """Run IDLE (RFC 2177) and end it as soon as the server has consented; return OK or NO and the text.

        What comes in between is of no interest; time and bytes are bounded by the wire.
        """
        tag = self._imap._command("IDLE")
        if self._has_consented(tag):
            self._imap.send(b"DONE\r\n")
        return self._completed("IDLE", tag)

    def idled_until(self, seconds: float) -> tuple[bool, bool]:
        """Run IDLE until there is news of the mailbox, at most so long; return whether it could, and whether.

        The time of the step begins anew when the server is told to end.
        """
        tag = self._imap._command("IDLE")
        if not self._has_consented(tag):
            self._imap.tagged_commands.pop(tag)
            return False, False
        self._imap.untagged_responses.clear()
        self._wire.begin(Stage.IDLE, timeout=seconds + self._wire.timeout)
        ends = self._wire.now() + seconds
        while not self._has_news and (left := ends - self._wire.now()) > 0:
            if self._wire.arrives_within(left):
                self._imap._get_response()
        has_news = self._has_news
        self._wire.begin(Stage.IDLE)
        self._imap.send(b"DONE\r\n")
        return self._completed("IDLE", tag)[0] == "OK", has_news

    @property
    def _has_news(self) -> bool:
        return bool({"EXISTS", "RECENT", "EXPUNGE"} & set(self._imap.untagged_responses))

    def _has_consented(self, tag: bytes) -> bool:
        """Read up to the continuation that is the consent; say whether it came, and no refusal."""
        while self._imap._get_response() is not None:
            answer = self._imap.tagged_commands[tag]
            if answer is not None and answer[0] == "OK":  # it ends what it never began
                raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
            if answer is not None:
                return False
        return True

    def _completed(self, name: str, tag: bytes) -> tuple[str, bytes]:
        status, data = self._imap._command_complete(name, tag)
        return str(status), bytes(data[-1] or b"")

    # -- mailboxes -----------------------------------------------------------------------------------

    def listed(self) -> tuple[str, bytes, list[object]]:
        r"""Run LIST over all mailboxes; return OK or NO, the text behind it, and the lines.

        Special uses are asked for where the server can be asked (RFC 6154 §2); without it, many tell them.
        """
        wants = (b"RETURN", b"(SPECIAL-USE)")
        if self.has_capability("SPECIAL-USE") and self._is_extended and self._is_done("LIST", *_ALL, *wants):
            status, text = "OK", b""
        else:
            status, text = self.command("LIST", *_ALL)
        return status, text, list(self._imap.untagged_responses.pop("LIST", ()))

    @property
    def _is_extended(self) -> bool:
        return any(self.has_capability(each) for each in ("LIST-EXTENDED", "IMAP4REV2"))

    def _is_done(self, name: str, *arguments: bytes) -> bool:
        """Run a command that the server may refuse; say whether it did what was asked."""
        try:
            return self.command(name, *arguments)[0] == "OK"
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:  # BAD
            return False

    def searched(self, field: str, text: str) -> list[int]:
        """Return the UIDs of the messages that have the text in a header field, as the server says.

        The text is quoted in any case: bare, some of its characters would make something else of it.
        """
        wanted = [b"HEADER", field.encode("ascii"), quoted(text)]
        return list(parse_message_list(self._raw_command_untagged(b"SEARCH", wanted)))

    def personal_prefix(self) -> str:
        """Return what the names of a person's own mailboxes begin with (RFC 2342); mostly nothing."""
        personal = self.namespace().personal if self.has_capability("NAMESPACE") else None
        return str(personal[0][0]) if personal else ""

    def created(self, folder: str) -> tuple[str, bytes]:
        r"""Run CREATE, as the mailbox of sent mail where that can be told (RFC 6154 §3)."""
        name = self._normalise_folder(folder)
        if self.has_capability("CREATE-SPECIAL-USE") and self._is_done("CREATE", name, b"(USE (\\Sent))"):
            return "OK", b""
        return self.command("CREATE", name)

    def subscribed(self, folder: str) -> bool:
        """Run SUBSCRIBE; say whether the server did it."""
        return self._is_done("SUBSCRIBE", self._normalise_folder(folder))

    def append_limit(self, folder: str) -> int | None:
        """Return the size in bytes above which no message is taken (RFC 7889), None if nothing is said."""
        told = [_LIMIT.fullmatch(each) for each in self.capabilities()]
        limits = [int(found[1]) for found in told if found and found[1]]
        if limits or not any(told):
            return min(limits, default=None)
        if not self._is_done("STATUS", self._normalise_folder(folder), b"(APPENDLIMIT)"):
            return None
        lines = self._imap.untagged_responses.pop("STATUS", ())
        found = _STATUS_LIMIT.search(lines[-1]) if lines and isinstance(lines[-1], bytes) else None
        return int(found[1]) if found else None

    # -- filing --------------------------------------------------------------------------------------

    def appended(self, folder: str, content: Content, *, when: datetime) -> tuple[str, bytes]:
        """Run APPEND, streaming the message as a literal; return OK or NO and the text behind it.

        A short message goes at once where it may (RFC 7888). With a long one the server is asked to consent
        first: that costs a round trip, a refusal would cost the whole message.
        """
        name = self._normalise_folder(folder)
        date = imaplib.Time2Internaldate(when).encode("ascii")
        size, goes_at_once = content.size_bytes, content.size_bytes <= self._literal_room()
        literal = b"{%d+}" % size if goes_at_once else b"{%d}" % size
        tag = self._imap._command("APPEND", name, b"(\\Seen)", date, literal)
        lost = self._streamed(content) if goes_at_once or self._has_consented(tag) else None
        self._wire.begin(Stage.MAILBOX)
        status, text = self._completed("APPEND", tag)
        if lost is not None and status == "OK":
            raise lost
        return status, text

    def _literal_room(self) -> int:
        """Return the size up to which a literal is sent without consent."""
        if self.has_capability("LITERAL+"):
            return _AT_ONCE_BYTES
        return _LITERAL_MINUS_BYTES if self.has_capability("LITERAL-") else -1

    def _streamed(self, content: Content) -> FluenzrError | None:
        """Write the content and the end of the command; return what broke it off if the server said why.

        A literal that stays short would take what is said next for the message, one that gets too long would
        make commands of it: the connection is closed before either happens.
        """
        try:
            for piece in self._pieces(content):
                self._wire.begin(Stage.MAILBOX)
                try:
                    self._wire.write(b"", content=piece)
                except FluenzrError as error:
                    if self._wire.has_line:
                        return error
                    raise
        except BaseException:
            self._wire.close()
            raise
        return None

    def _pieces(self, content: Content) -> Iterator[bytes]:
        left = content.size_bytes
        for block in content.blocks():
            left -= len(block)
            if left < 0:
                break
            for start in range(0, len(block), _PIECE_BYTES):
                yield block[start : start + _PIECE_BYTES]
        if left:
            raise self._wire.failure(ProblemCode.MESSAGE_MALFORMED, reason="size")
        yield b"\r\n"

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
