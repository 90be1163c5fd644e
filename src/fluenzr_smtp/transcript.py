"""The dialogue with a server as it may be shown: each line with its time, and no secret in any of them.

What a session says and hears is made fit to be seen here, before anybody else gets it: what proves a login is
left out, the secret is struck out wherever a server repeats it, the content of messages is counted only,
lines and their number are bounded. Nothing is printed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fluenzr_smtp.model import Clock, Protocol
from fluenzr_smtp.problems import Stage

MAX_LINES = 2000
MAX_CHARACTERS = 1000
CLIENT, SERVER, EVENT = "C", "S", "*"

_HIDDEN = "***"
_HELD_LINES = 100
_HELD_BYTES = 128 * 1024
_LINE_BYTES = 64 * 1024

# Of a login the mechanism may be told; what is proved by it may not.
_LOGIN = re.compile(
    rb"(?:([A-Za-z0-9]+) )?(AUTH|AUTHENTICATE|LOGIN)(?= |$)"
    rb"(?: +(PLAIN|LOGIN|CRAM-MD5|XOAUTH2|OAUTHBEARER)(?= |$))?",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(rb"(334[ -]|\+)")
# What stands before a server's own words: reply code and status, untagged and tagged answers.
_PREFIX = re.compile(
    r"[2-5][0-9]{2}[ -](?:[245]\.\d{1,3}\.\d{1,3} )?|\+ ?|(?:\*|[A-Za-z]{1,8}\d{1,8}) (?:(?:OK|NO|BAD|BYE) )?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: ``C`` what we said, ``S`` what the server said, ``*`` what happened. Safe but for markup."""

    at: timedelta
    protocol: Protocol
    direction: str
    text: str


Recorder = Callable[[Line], None]


class Transcript:
    """All the lines of one run, with the time since its start: 2000 of them, and an ellipsis for the rest."""

    def __init__(self, record: Recorder, *, clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._start = clock.monotonic()
        self._left = MAX_LINES + 1

    @property
    def is_full(self) -> bool:
        """Say whether nothing more is taken."""
        return self._left == 0

    def now(self) -> timedelta:
        """Return the time since the start."""
        return timedelta(seconds=self._clock.monotonic() - self._start)

    def add(self, line: Line) -> None:
        """Pass a line on, as long as there is room."""
        if self._left == 0:
            return
        self._left -= 1
        if self._left == 0:
            line = Line(at=line.at, protocol=line.protocol, direction=EVENT, text="…")
        self._record(line)


class Dialogue:
    """What is said over one connection; without a transcript nothing is kept.

    ``veiled`` strikes the secret out of a text. The lines of a server's answer are held back until it is
    complete, as a secret may be broken over them.
    """

    def __init__(
        self, transcript: Transcript | None, *, protocol: Protocol, veiled: Callable[[str], str]
    ) -> None:
        self._transcript = transcript
        self._protocol = protocol
        self._veiled = veiled
        self._held: list[tuple[timedelta, str]] = []
        self._held_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is held back."""
        return not self._held

    def said(self, data: bytes, *, stage: Stage) -> None:
        """Note what we said: of a login its command and mechanism, and no more."""
        self.flush()
        for line in data.split(b"\r\n"):
            if line:
                self._add(CLIENT, _without_proof(line) if stage is Stage.AUTH else _text(line))

    def sent_content(self, size: int) -> None:
        """Note that a piece of the message was sent; what it says is nobody's business."""
        self.flush()
        self._add(CLIENT, f"({size} bytes of the message)")

    def heard(self, line: bytes, *, stage: Stage) -> None:
        """Note a line of the server's."""
        if self._transcript is None or self._transcript.is_full or not line:
            return
        challenge = _CHALLENGE.match(line) if stage is Stage.AUTH else None
        text = f"{_text(challenge[1]).strip()} {_HIDDEN}" if challenge else _text(line.rstrip(b"\r\n"))
        self._held.append((self._transcript.now(), text))
        self._held_bytes += len(line)
        if len(self._held) >= _HELD_LINES or self._held_bytes >= _HELD_BYTES:
            self.flush()

    def heard_bytes(self, size: int) -> None:
        """Note that so many bytes came in one piece, which are a message's or a part of it."""
        self.flush()
        self._add(SERVER, f"({size} bytes)")

    def happened(self, text: str) -> None:
        """Note an event of the connection."""
        self.flush()
        self._add(EVENT, text)

    def flush(self) -> None:
        """Pass on what is held back."""
        held, self._held, self._held_bytes = self._held, [], 0
        if not held:
            return
        parts = [_parted(text) for _, text in held]
        struck = self._veiled("\n".join(rest for _, rest in parts)).split("\n")
        if len(struck) != len(held):  # the secret was broken over lines, which are one now
            struck = [" ".join(struck)]
        for (at, _), (prefix, _), text in zip(held, parts, struck, strict=False):
            self._pass_on(at, SERVER, self._veiled(prefix + text))

    def _add(self, direction: str, text: str) -> None:
        if self._transcript is not None and not self._transcript.is_full:
            self._pass_on(self._transcript.now(), direction, self._veiled(text))

    def _pass_on(self, at: timedelta, direction: str, text: str) -> None:
        if self._transcript is None:
            return
        shown = _printable(text[:MAX_CHARACTERS])
        if len(shown) > MAX_CHARACTERS or len(text) > MAX_CHARACTERS:
            shown = f"{shown[: MAX_CHARACTERS - 1]}…"
        self._transcript.add(Line(at=at, protocol=self._protocol, direction=direction, text=shown))


def _text(data: bytes) -> str:
    return data[:_LINE_BYTES].decode("utf-8", "backslashreplace")


def _parted(text: str) -> tuple[str, str]:
    found = _PREFIX.match(text)
    end = found.end() if found else 0
    return text[:end], text[end:]


def _printable(text: str) -> str:
    """Return the text with escapes for what is not printable, line ends among it."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _without_proof(line: bytes) -> str:
    """Return the tag, the command and the mechanism of a login; of its other lines nothing."""
    found = _LOGIN.match(line)
    if found is None:
        return _HIDDEN
    tag, command, mechanism = (_text(part) if part else "" for part in found.groups())
    told = (tag, command.upper(), "" if command.upper() == "LOGIN" else mechanism.upper())
    is_all = found.end() == len(line) and command.upper() != "LOGIN"
    return " ".join(part for part in (*told, "" if is_all else _HIDDEN) if part)
