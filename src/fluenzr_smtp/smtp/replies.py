"""Reading replies: smtplib's client on a wire of ours, with strict parsing and bounds (RFC 5321 §4.2)."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode, ServerReply
from fluenzr_smtp.wire import Wire, service_of

MAX_REPLY_LINES = 100
_QUOTED_CHARACTERS = 200

_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\n]*))?\r\n")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:[ \t]+|$)")
_NO_OTHER = ("", "SMTP")


class StrictSMTP(smtplib.SMTP):
    """smtplib's client on a wire of ours: its commands, our transport and our reading of replies.

    ``told`` makes a text that may be shown of what the server said.
    """

    def __init__(self, wire: Wire, *, told: Callable[[bytes], str]) -> None:
        super().__init__(local_hostname="[127.0.0.1]")
        self._wire = wire
        self._told = told
        self._has_half = False

    @property
    def is_mid_reply(self) -> bool:
        """Say whether the connection ended within a reply, so that the server was still at work."""
        return self._has_half or self._wire.has_rest

    def send(self, s: object) -> None:
        """Write a command, or bytes as they are: those of a message."""
        if isinstance(s, bytes):
            self._wire.write(b"", content=s)
        else:
            self._wire.write(str(s).encode(self.command_encoding))

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply (RFC 5321 §4.2): three digits, blank or dash, CRLF, one code on all its lines."""
        lines: list[bytes] = []
        codes: set[bytes] = set()
        while len(lines) < MAX_REPLY_LINES:
            self._has_half = bool(lines)
            line = self._wire.read_line()
            match = _REPLY_LINE.fullmatch(line)
            if match is None:
                self._has_half = bool(lines or line)
                raise self._malformed(line)
            codes.add(match[1])
            lines.append(match[3] or b"")
            if len(codes) > 1:
                raise self._malformed(line)
            if match[2] != b"-":
                return int(match[1]), b"\n".join(lines)
        raise self._wire.broken(ProblemCode.REPLY_TOO_LONG)

    def _malformed(self, line: bytes) -> FluenzrError:
        if not line.endswith(b"\n"):  # the stream ended inside a reply: half a reply is none
            return self._wire.broken(ProblemCode.CONNECTION_LOST)
        service = service_of(line)
        if service not in _NO_OTHER:
            return self._wire.broken(ProblemCode.NOT_A_MAIL_SERVER, service=service)
        shown = self._told(line)[:_QUOTED_CHARACTERS].strip()  # cut last: half a secret is not known as one
        return self._wire.broken(ProblemCode.REPLY_MALFORMED, line=shown)

    def refuse_others(self, greeting: bytes) -> None:
        """Refuse a service whose greeting is a reply by its form, but not one of SMTP."""
        service = service_of(greeting)
        if service not in _NO_OTHER:
            raise self._wire.broken(ProblemCode.NOT_A_MAIL_SERVER, service=service)

    def close(self) -> None:
        """Close the wire."""
        self._wire.close()


def server_reply(code: int, text: bytes) -> ServerReply:
    """Return the value of a reply: code, enhanced status code (RFC 3463) and the text without both."""
    lines = text.decode("utf-8", "backslashreplace").split("\n")
    match = _ENHANCED.match(lines[0])
    enhanced = match[1] if match else None
    if enhanced:  # multi-line replies repeat the status on every line (RFC 2034 §4)
        lines = [line.removeprefix(enhanced).lstrip() for line in lines]
    return ServerReply(code=code, enhanced=enhanced, text="\n".join(lines))


def reply_line(reply: ServerReply) -> str:
    """Return a reply as it was said: code, enhanced status code and text."""
    return " ".join(filter(None, (str(reply.code or ""), reply.enhanced, reply.text)))


def is_success(reply: ServerReply) -> bool:
    """Say whether the code is of the class 2yz."""
    return reply.code is not None and reply.code // 100 == 2


def is_intermediate(reply: ServerReply) -> bool:
    """Say whether the code is of the class 3yz."""
    return reply.code is not None and reply.code // 100 == 3
