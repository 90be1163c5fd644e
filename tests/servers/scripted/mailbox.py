"""An IMAP server's side of a session with an empty inbox, any answer of which may be replaced."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.servers.scripted.connection import Connection, ScriptOverError
from tests.servers.scripted.steps import Answer, Script, play_instead

CAPABILITIES = ("IMAP4rev1", "SASL-IR", "AUTH=PLAIN", "IDLE")

_EXAMINED = (
    b"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n* 0 EXISTS\r\n* 0 RECENT\r\n"
    b"* OK [UIDVALIDITY 1] UIDs valid\r\n* OK [UIDNEXT 1] Next\r\n<tag> OK [READ-ONLY] Examined\r\n"
)
_DEFAULTS = {
    "GREETING": b"* OK Scripted IMAP ready\r\n",
    "STARTTLS": b"<tag> OK Begin TLS\r\n",
    "SEARCH": b"* SEARCH\r\n<tag> OK Searched\r\n",
    "EXAMINE": _EXAMINED,
    "SELECT": _EXAMINED,
    "LIST": b'* LIST (\\HasNoChildren) "/" INBOX\r\n<tag> OK Listed\r\n',
    "LOGOUT": b"* BYE Logging out\r\n<tag> OK Logged out\r\n",
    "NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n<tag> OK Done\r\n',
    "CONSENT": b"+ Go on\r\n",
}
_PLAIN_OK = frozenset(
    {"LOGIN", "AUTHENTICATE", "FETCH", "NOOP", "ID", "ENABLE", "CLOSE", "UNSELECT", "IDLE"}
    | {"APPEND", "CREATE", "SUBSCRIBE", "STATUS"}
)
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
KEYS = frozenset({*_DEFAULTS, *_PLAIN_OK, "CAPABILITY"})


def mailbox_script(
    *,
    overrides: Mapping[str, Answer] | None = None,
    tls_context: ssl.SSLContext | None = None,
    capabilities: Sequence[str] = CAPABILITIES,
) -> Script:
    """Return the script of a well-behaved IMAP server, except for what is told.

    Args:
        overrides: What to answer to a command instead (see ``KEYS``; ``UID FETCH`` is ``FETCH``; ``CONSENT``
            is what the literal of APPEND waits for, and without ``+`` an end of the command). Bytes are
            sent with ``<tag>`` replaced by the command's tag; without ``<tag>`` they are the rest of the
            tagged line, such as ``b"NO [AUTHENTICATIONFAILED] No"``. A step, or several, is done in place
            of an answer.
        tls_context: Offer STARTTLS, and refuse LOGIN before it.
        capabilities: What CAPABILITY says besides STARTTLS and LOGINDISABLED.
    """
    told = dict(overrides or {})
    if unknown := told.keys() - KEYS:
        raise ValueError(f"no such commands: {unknown}")
    return (_Mailbox(overrides=told, tls_context=tls_context, capabilities=tuple(capabilities)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mailbox:
    overrides: Mapping[str, Answer]
    tls_context: ssl.SSLContext | None
    capabilities: tuple[str, ...]

    def play(self, connection: Connection) -> None:
        self._answer(connection, "GREETING", tag=b"*")
        while True:
            tag, verb, line = self._command(connection)
            if verb == "APPEND" and not self._took_message(connection, line, tag=tag):
                continue
            if verb == "AUTHENTICATE" and len(line.split()) == 3:
                connection.send(b"+ \r\n")
                connection.commands.append(connection.read_line().rstrip(b"\r\n"))
            if verb == "IDLE" and verb not in self.overrides:
                connection.send(b"+ idling\r\n")
                connection.commands.append(connection.read_line().rstrip(b"\r\n"))
            reply = self._answer(connection, verb, tag=tag)
            if verb == "STARTTLS" and self.tls_context is not None and tag + b" OK" in reply:
                connection.start_tls(self.tls_context)
            if verb == "LOGOUT":
                connection.end()
                raise ScriptOverError

    def _command(self, connection: Connection) -> tuple[bytes, str, bytes]:
        line = connection.read_line().rstrip(b"\r\n")
        while b" APPEND " not in line and re.search(rb"\{\d+\}$", line):
            connection.send(b"+ Go on\r\n")
            line += b"\r\n" + connection.read_line().rstrip(b"\r\n")
        connection.commands.append(line)
        words = line.split()
        verbs = [word.decode("ascii", "replace").upper() for word in words[1:3]] or [""]
        verb = verbs[-1] if verbs[0] == "UID" else verbs[0]
        return (words[0] if words else b"*"), verb, line

    def _took_message(self, connection: Connection, line: bytes, *, tag: bytes) -> bool:
        literal = _LITERAL.search(line)
        if literal is None:
            return True
        if not literal[2] and not self._answer(connection, "CONSENT", tag=tag).startswith(b"+"):
            return False
        connection.messages.append(connection.read_exact(int(literal[1])))
        connection.read_line()
        return True

    def _answer(self, connection: Connection, verb: str, *, tag: bytes) -> bytes:
        answer = self.overrides.get(verb, self._default(connection, verb))
        if not isinstance(answer, bytes):
            play_instead(answer, connection)
            return b""
        if b"<tag>" not in answer and verb != "GREETING" and not answer.startswith(b"+"):
            answer = b"<tag> " + answer
        reply = answer.replace(b"<tag>", tag)
        reply = reply if reply.endswith(b"\n") else reply + b"\r\n"
        connection.send(reply)
        return reply

    def _default(self, connection: Connection, verb: str) -> bytes:
        locked = self.tls_context is not None and not connection.is_encrypted
        if verb == "CAPABILITY":
            offers = [*self.capabilities, *(("STARTTLS", "LOGINDISABLED") if locked else ())]
            return f"* CAPABILITY {' '.join(offers)}\r\n<tag> OK Done\r\n".encode("ascii")
        if locked and verb in {"LOGIN", "AUTHENTICATE"}:
            return b"NO [PRIVACYREQUIRED] Plaintext authentication disallowed"
        if verb not in KEYS:
            return b"BAD Unknown command"
        return _DEFAULTS.get(verb, b"<tag> OK Done\r\n")
