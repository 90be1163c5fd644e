"""A submission server's side of SMTP, any reply of which may be replaced."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.servers.scripted.connection import Connection, ScriptOverError
from tests.servers.scripted.steps import Answer, Script, play_instead

CAPABILITIES = ("PIPELINING", "SIZE 10240000", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8")

_DEFAULTS = {
    "GREETING": b"220 scripted.test ESMTP ready",
    "STARTTLS": b"220 2.0.0 Ready to start TLS",
    "AUTH": b"235 2.7.0 Authentication successful",
    "MAIL": b"250 2.1.0 Sender ok",
    "RCPT": b"250 2.1.5 Recipient ok",
    "DATA": b"354 End data with <CR><LF>.<CR><LF>",
    ".": b"250 2.0.0 Queued as SCRIPTED",
    "HELO": b"250 scripted.test",
    "RSET": b"250 2.0.0 Ok",
    "CHUNK": b"250 2.0.0 Chunk ok",
    "NOOP": b"250 2.0.0 Ok",
    "QUIT": b"221 2.0.0 Bye",
    "VRFY": b"252 2.0.0 Cannot say",
    "HELP": b"214 2.0.0 No",
}
KEYS = frozenset({*_DEFAULTS, "EHLO", "EHLO-TLS", "BDAT"})


def submission_script(
    *,
    overrides: Mapping[str, Answer] | None = None,
    recipients: Mapping[str, Answer] | None = None,
    senders: Mapping[str, Answer] | None = None,
    tls_context: ssl.SSLContext | None = None,
    capabilities: Sequence[str] = CAPABILITIES,
    mechanisms: str = "PLAIN LOGIN",
) -> Script:
    """Return the script of a well-behaved submission server, except for what is told.

    Args:
        overrides: What to answer to a command instead: by verb (see ``KEYS``; ``.`` is the end of the
            message, ``EHLO-TLS`` the EHLO within TLS alone). Bytes are a reply; the last CR LF is added where
            it is missing. A step, or several, is done in place of a reply. An answer to ``BDAT`` is that of a
            server that does not know it: the content is taken for commands.
        recipients: What to answer to RCPT for these addresses.
        senders: What to answer to MAIL for these addresses.
        tls_context: Offer STARTTLS, and AUTH only after it; without it AUTH is offered at once.
        capabilities: The EHLO keywords besides STARTTLS and AUTH; with CHUNKING, BDAT is understood.
        mechanisms: Those of AUTH; none if empty.
    """
    told = dict(overrides or {})
    if unknown := told.keys() - KEYS:
        raise ValueError(f"no such commands: {unknown}")
    return (
        _Submission(
            overrides=told,
            recipients=dict(recipients or {}),
            senders=dict(senders or {}),
            tls_context=tls_context,
            capabilities=tuple(capabilities),
            mechanisms=mechanisms,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submission:
    overrides: Mapping[str, Answer]
    recipients: Mapping[str, Answer]
    senders: Mapping[str, Answer]
    tls_context: ssl.SSLContext | None
    capabilities: tuple[str, ...]
    mechanisms: str

    def play(self, connection: Connection) -> None:
        _Session(self, connection).run()


@dataclass(slots=True)
class _Session:
    told: _Submission
    connection: Connection
    accepted: int = field(default=0)
    has_sender: bool = field(default=False)
    chunks: bytearray = field(default_factory=bytearray)

    def run(self) -> None:
        self._answer("GREETING")
        special = {
            "EHLO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "QUIT": self._quit,
        }
        while True:
            line = self.connection.read_line().rstrip(b"\r\n")
            self.connection.commands.append(line)
            verb = line.split(b" ", 1)[0].decode("ascii", "replace").upper()
            if verb in special:
                special[verb](line)
            elif verb in KEYS:
                self._answer(verb)
            else:
                self._play(b"500 5.5.2 Command unrecognized")

    def _answer(self, key: str) -> bytes:
        """Answer as told, or by default; return the reply, empty where steps stood for it."""
        return self._play(self.told.overrides.get(key, _DEFAULTS.get(key, b"250 Ok")))

    def _play(self, answer: Answer) -> bytes:
        if isinstance(answer, bytes):
            reply = answer if answer.endswith(b"\n") else answer + b"\r\n"
            self.connection.send(reply)
            return reply
        play_instead(answer, self.connection)
        return b""

    def _ehlo(self, line: bytes) -> None:
        encrypted = self.connection.is_encrypted
        key = "EHLO-TLS" if encrypted and "EHLO-TLS" in self.told.overrides else "EHLO"
        if key in self.told.overrides:
            self._answer(key)
            return
        offers = list(self.told.capabilities)
        if self.told.tls_context is not None and not encrypted:
            offers.append("STARTTLS")
        elif self.told.mechanisms:
            offers.append(f"AUTH {self.told.mechanisms}")
        lines = ["scripted.test", *offers]
        reply = "".join(f"250-{text}\r\n" for text in lines[:-1]) + f"250 {lines[-1]}\r\n"
        self._play(reply.encode("ascii"))

    def _starttls(self, line: bytes) -> None:
        # Whatever stands behind the 220 is sent with it: text that TLS must not let in.
        if self._answer("STARTTLS").startswith(b"220") and self.told.tls_context is not None:
            self.connection.start_tls(self.told.tls_context)

    def _auth(self, line: bytes) -> None:
        words = line.upper().split()
        if words[1:2] == [b"LOGIN"]:
            challenges = [b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6"][len(words) - 2 :]
        else:
            challenges = [b"334 "] if len(words) == 2 else []
        for challenge in challenges:
            self._play(challenge)
            self.connection.commands.append(self.connection.read_line().rstrip(b"\r\n"))
        self._answer("AUTH")

    def _mail(self, line: bytes) -> None:
        if self.has_sender:
            self._play(b"503 5.5.1 Nested MAIL command")
            return
        told = self.told.senders.get(_address(line))
        reply = self._answer("MAIL") if told is None else self._play(told)
        self.has_sender = reply.startswith(b"2")

    def _rset(self, line: bytes) -> None:
        self._end_transaction()
        self._answer("RSET")

    def _end_transaction(self) -> None:
        self.has_sender, self.accepted = False, 0
        self.chunks.clear()

    def _rcpt(self, line: bytes) -> None:
        told = self.told.recipients.get(_address(line))
        if not self.has_sender and told is None and "RCPT" not in self.told.overrides:
            self._play(b"503 5.5.1 No sender yet")
            return
        reply = self._answer("RCPT") if told is None else self._play(told)
        self.accepted += reply.startswith(b"2")

    def _data(self, line: bytes) -> None:
        if "DATA" not in self.told.overrides and not self.accepted:  # RFC 2920 §3.2
            self._play(b"554 5.5.1 No valid recipients")
            return
        if self._answer("DATA").startswith(b"354"):
            self._take_over(self._message())

    def _bdat(self, line: bytes) -> None:
        """Take a chunk (RFC 3030 §2); without a valid recipient it is read all the same."""
        found = re.fullmatch(rb"BDAT (\d+)( LAST)?", line, re.IGNORECASE)
        if "BDAT" in self.told.overrides or "CHUNKING" not in self.told.capabilities or not found:
            self._play(self.told.overrides.get("BDAT", b"500 5.5.2 Command unrecognized"))
            return
        self.chunks += self.connection.read_exact(int(found[1]))
        if not self.accepted:
            self._play(b"554 5.5.1 No valid recipients")
        elif found[2]:
            self._take_over(bytes(self.chunks))
        else:
            self._answer("CHUNK")

    def _take_over(self, message: bytes) -> None:
        self.connection.messages.append(message)
        self._end_transaction()
        self._answer(".")

    def _message(self) -> bytes:
        lines = []
        while (line := self.connection.read_line()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _quit(self, line: bytes) -> None:
        self._answer("QUIT")
        self.connection.end()
        raise ScriptOverError


def _address(line: bytes) -> str:
    found = re.search(rb"<([^>]*)>", line)
    return found[1].decode("utf-8", "replace") if found else ""
