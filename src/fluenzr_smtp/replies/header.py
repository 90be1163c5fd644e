"""The header of an incoming message as values. Total: a field that cannot be read is an empty one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from fluenzr_smtp.content.words import decoded, readable

LONGEST_VALUE = 16 * 1024
_MOST_IDS = 100
_LONGEST_ADDRESS = 320
_ID = re.compile(r"<[^<>\s]{1,900}>")
_BARE_ID = re.compile(r"[^<>\s,;]{1,450}@[^<>\s,;]{1,450}")
_SPACE = re.compile(r"\s+")

#: What is asked for of every message's header: enough to see whether the message is worth a look.
FIELDS = (
    *("From", "Return-Path", "Subject", "Message-ID", "In-Reply-To", "References", "Content-Type"),
    *("X-Failed-Recipients", "X-HmXmrOriginalRecipient"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """A message's header."""

    message: Message

    def text(self, name: str) -> str:
        """Return the value of a field's first occurrence, unfolded and decoded; empty where there is none."""
        return next(iter(self.texts(name)), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of all occurrences of a field."""
        return tuple(map(decoded, self._values(name)))

    def raw(self, name: str) -> str:
        """Return the value of a field as it came, unfolded: for addresses and identifiers."""
        return next(iter(self._values(name)), "")

    def has(self, name: str) -> bool:
        """Say whether the field is there, empty or not."""
        return name in self.message

    def beginning(self, prefixes: tuple[str, ...]) -> str:
        """Return the name of the first field that begins with one of these; empty: none."""
        wanted = tuple(each.lower() for each in prefixes)
        return next((name for name in self.message if name.lower().startswith(wanted)), "")

    def _values(self, name: str) -> tuple[str, ...]:
        """Return the values as they came: asked for by name, octets that are no ASCII would be lost."""
        wanted = name.lower()
        return tuple(
            readable(_unfolded(value)) for field, value in self.message.raw_items() if field.lower() == wanted
        )

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets."""
        return next(iter(ids_in(self.raw("Message-ID"))), "")

    @property
    def in_reply_to(self) -> tuple[str, ...]:
        """The Message-IDs that the message answers."""
        return ids_in(self.raw("In-Reply-To"))

    @property
    def references(self) -> tuple[str, ...]:
        """The Message-IDs of the thread, the nearest first."""
        return ids_in(self.raw("References"))[::-1]

    @property
    def sender(self) -> str:
        """The address of the first author, in lower case."""
        named = self.addresses("From")
        return named[0] if named else self.raw("From").strip("<> ").lower()[:_LONGEST_ADDRESS]

    @property
    def sender_name(self) -> str:
        """What the first author is called, empty where only an address is given."""
        named = _pairs((self.raw("From"),))
        return _SPACE.sub(" ", decoded(named[0][0])).strip() if named else ""

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a field, in lower case."""
        found = _pairs(self._values(name))
        return tuple(address.strip().lower() for _, address in found if "@" in address)

    @property
    def subject(self) -> str:
        """The subject on one line."""
        return _SPACE.sub(" ", self.text("Subject")).strip()

    @property
    def date(self) -> datetime | None:
        """When the author says to have written it, aware; None where that cannot be read."""
        try:
            found = parsedate_to_datetime(self.raw("Date"))
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
            return None

    @property
    def has_null_return_path(self) -> bool:
        """Say whether it was sent so that nothing comes back (RFC 5321 §4.5.5)."""
        return any(each.strip() in {"<>", '<"">', "<MAILER-DAEMON>"} for each in self.texts("Return-Path"))


def ids_in(text: str) -> tuple[str, ...]:
    """Return the Message-IDs in a text, in their order; without angle brackets where it has none."""
    found = _ID.findall(text)[:_MOST_IDS]
    if not found:
        found = [f"<{each}>" for each in _BARE_ID.findall(text)[:_MOST_IDS]]
    return tuple(dict.fromkeys(found))


def _pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    """Return names and addresses; nothing where comments are nested too deeply, and the like."""
    try:
        return getaddresses(values)
    except (ValueError, IndexError, TypeError, RecursionError):
        return []


def _unfolded(value: object) -> str:
    return str(value)[:LONGEST_VALUE].replace("\r", "").replace("\n", "")
