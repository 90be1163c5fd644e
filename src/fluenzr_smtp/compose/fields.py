"""Header fields: which a person may give, and how each is written (RFC 5322 §2.2, RFC 2047).

Fields are written here and not by the standard library: it breaks long names and subjects that are not
ASCII (a display name of forty "ü" comes back in pieces up to Python 3.13 at least), and until 2024 it
wrote decoded line ends (CVE-2024-6923).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from fluenzr_smtp.compose.characters import printable, unfit
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Mailbox
from fluenzr_smtp.problems import ProblemCode, Stage

LINE_OCTETS = 998  # RFC 5322 §2.1.1, without CRLF
_LINE_ADVISED = 78
_WORD_LENGTH = 75  # RFC 2047 §2
_WORD_LENGTH_LEAST = 40
_Q_ADVANTAGE = 4  # people can read "q" in the source of a message
_PLAIN_WORD_LENGTH = 800
_PLAIN_NAME_LENGTH = 60
_NAME_LENGTH = 76
_VALUE_LENGTH = 100_000

_FIELD_NAME = re.compile(r"[!-9;-~]+")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
# The Message-ID of somebody else, as it came: some programs write one with several at signs.
_FOREIGN_ID = re.compile(r"<[!-;=?-~]+>")
# RFC 3986: nothing that would end the address between its angle brackets.
_URI = re.compile(
    r"https?://[A-Z0-9\[][A-Z0-9._~:/?#\[\]@!$&'()*+,;=%-]*|mailto:[A-Z0-9._~:/?#@!$&'()*+,;=%-]+",
    re.IGNORECASE,
)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SPACED_WORD = re.compile(r"[ \t]*[^ \t]+")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")

_OPTION_FIELDS = frozenset(
    {"from", "to", "cc", "bcc", "subject", "reply-to", "sender", "date", "mime-version"}
)
_REFUSED_FIELDS = frozenset({"received", "return-path", "dkim-signature"})
_ID_FIELDS = frozenset({"message-id", "in-reply-to", "references"})


def parse_header(text: str) -> tuple[str, str]:
    """Read a header as typed after ``--header``: ``Name: value``.

    Raises:
        FluenzrError: `header-malformed`.
    """
    name, colon, value = text.partition(":")
    if not colon:
        raise malformed(name, "no-colon")
    return check_header(name.strip(" "), value.strip(" \t"))


def check_header(name: str, value: str) -> tuple[str, str]:
    """Return a header that a person may add to a message.

    Raises:
        FluenzrError: `header-malformed`.
    """
    if not _FIELD_NAME.fullmatch(name):
        raise malformed(name, "control-character" if unfit(name) else "name-invalid")
    if len(name) > _NAME_LENGTH:
        raise malformed(name, "too-long")
    lower = name.lower()
    if lower in _OPTION_FIELDS or lower.startswith("content-"):
        raise malformed(name, "set-by-option")
    if lower in _REFUSED_FIELDS or lower.startswith("resent-"):
        raise malformed(name, "not-allowed")
    check_text(name, value)
    if lower in _ID_FIELDS and not value.isascii():
        raise malformed(name, "not-ascii")
    if lower == "message-id" and not is_message_id(value):
        raise malformed(name, "message-id-invalid")
    return name, value


def refuse_repeated_ids(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse the fields that a message may hold only once (RFC 5322 §3.6), given twice.

    Raises:
        FluenzrError: `header-malformed`.
    """
    seen: set[str] = set()
    for name, _ in headers:
        if name.lower() in seen & _ID_FIELDS:
            raise malformed(name, "duplicate")
        seen.add(name.lower())


def is_message_id(text: str) -> bool:
    """Say whether a text is one well-formed Message-ID, angle brackets included."""
    return bool(_MESSAGE_ID.fullmatch(text)) and len(text) <= _PLAIN_WORD_LENGTH


def parse_message_id(text: str) -> str:
    """Read the Message-ID of a message to be answered, with or without its angle brackets.

    Raises:
        FluenzrError: `header-malformed`.
    """
    inner = text.strip(" ").removeprefix("<").removesuffix(">")
    return check_reference("In-Reply-To", f"<{inner}>")


def check_reference(name: str, message_id: str) -> str:
    """Return the Message-ID of another message, which the field of that name is to hold.

    Raises:
        FluenzrError: `header-malformed`.
    """
    is_sound = len(message_id) <= _PLAIN_WORD_LENGTH and _FOREIGN_ID.fullmatch(message_id)
    if not (is_sound and "@" in message_id[2:-2]):
        raise malformed(name, unfit(message_id) or "message-id-invalid")
    check_text(name, message_id)
    return message_id


def unsubscribe_fields(addresses: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Write how to leave a list (RFC 2369 §3.2), in one click by ``https:`` (RFC 8058).

    Raises:
        FluenzrError: `header-malformed`.
    """
    name = "List-Unsubscribe"
    for each in addresses:
        if reason := unfit(each) or _unfit_uri(each):
            raise malformed(name, reason, value=printable(each))
    if addresses:
        yield name, plain_field(name, ", ".join(f"<{each}>" for each in addresses))
    if any(each.lower().startswith("https:") for each in addresses):
        yield f"{name}-Post", plain_field(f"{name}-Post", "List-Unsubscribe=One-Click")


def _unfit_uri(text: str) -> str | None:
    if not text.isascii():
        return "not-ascii"
    if not text.lower().startswith(("https:", "http:", "mailto:")):
        return "uri-scheme"
    return None if _URI.fullmatch(text) else "uri-invalid"


def check_text(name: str, value: str) -> None:
    """Refuse what may not stand in the field of that name.

    Raises:
        FluenzrError: `header-malformed`.
    """
    if len(value) > _VALUE_LENGTH:
        raise malformed(name, "too-long")
    if reason := unfit(value):
        raise malformed(name, reason)


def malformed(name: str, reason: str, **facts: str) -> FluenzrError:
    """Build the error for a header that is refused."""
    return failure(
        ProblemCode.HEADER_MALFORMED, Stage.INPUT, None, header=printable(name), reason=reason, **facts
    )


def plain_field(name: str, value: str) -> bytes:
    """Write a field of ours whose value is short, ASCII and known to be sound."""
    return _folded(name, _SPACED_WORD.findall(f" {value}"))


def text_field(name: str, value: str) -> bytes:
    """Write a text exactly as it is: what looks like an encoded word is encoded itself.

    Raises:
        FluenzrError: `header-malformed`.
    """
    check_text(name, value)

    def needs_encoding(word: str) -> bool:
        return not word.isascii() or "=?" in word or len(word) > _PLAIN_WORD_LENGTH

    return _folded(name, _text_chunks(name, value, needs_encoding))


def added_field(name: str, value: str) -> bytes:
    """Write a header that a person added: ASCII stays as it is, for the field may have a syntax of its own.

    Raises:
        FluenzrError: `header-malformed`.
    """
    check_header(name, value)
    return _folded(name, _text_chunks(name, value, lambda word: not word.isascii()))


def mailbox_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """Write an address field. An address that is not ASCII is written as UTF-8 (RFC 6532).

    Raises:
        FluenzrError: `header-malformed`.
    """
    chunks: list[str] = []
    for mailbox in mailboxes:
        chunks += _mailbox_chunks(name, mailbox)
        chunks[-1] += ","
    chunks[-1] = chunks[-1].removesuffix(",")
    return _folded(name, chunks)


def _mailbox_chunks(field: str, mailbox: Mailbox) -> list[str]:
    check_text(field, mailbox.name)
    if "\t" in mailbox.name:
        raise malformed(field, "control-character")
    name = mailbox.name.strip(" ")
    if not name:
        return [f" {mailbox.address}"]
    address = f" <{mailbox.address}>"
    if not name.isascii() or "=?" in name or len(name) > _PLAIN_NAME_LENGTH:
        return [*_encoded_words(name, first=_first_word_length(field)), address]
    if _ATOMS.fullmatch(name):
        return [f" {name}", address]
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return [f' "{quoted}"', address]


def _text_chunks(name: str, value: str, needs_encoding: Callable[[str], bool]) -> Iterator[str]:
    """Cut into pieces between which a line may be broken; neighbours to be encoded are encoded together.

    The white space between two encoded words is not shown (RFC 2047 §6.2): it has to be inside one.
    """
    words = _SPACED_WORD.findall(value.strip(" \t"))
    if words:
        words[0] = f" {words[0]}"
    room = _first_word_length(name)
    for encoded, run in groupby(words, needs_encoding):
        if encoded:
            joined = "".join(run)
            text = joined.lstrip(" \t")
            gap = joined[: len(joined) - len(text)]
            first, *others = _encoded_words(text, first=room)
            yield from (gap + first.removeprefix(" "), *others)
        else:
            yield from run
        room = _WORD_LENGTH


def _first_word_length(name: str) -> int:
    return max(_WORD_LENGTH_LEAST, _WORD_LENGTH - len(name) - 1)


def _encoded_words(text: str, *, first: int) -> Iterator[str]:
    """Write a text as encoded words of UTF-8, each after a space; "q" unless "b" is clearly shorter."""
    encode, mark = (_q, "q") if len(_q(text)) <= len(_b(text)) + _Q_ADVANTAGE else (_b, "b")
    room, piece = first, ""
    for char in text:
        if len(_word(mark, encode(piece + char))) > room:
            yield f" {_word(mark, encode(piece))}"
            room, piece = _WORD_LENGTH, ""
        piece += char
    yield f" {_word(mark, encode(piece))}"


def _word(mark: str, encoded: str) -> str:
    return f"=?utf-8?{mark}?{encoded}?="


def _q(text: str) -> str:
    """Encode for every place, phrases included (RFC 2047 §5 (3))."""
    return "".join(
        chr(octet) if octet in _Q_SAFE else "_" if octet == 0x20 else f"={octet:02X}"
        for octet in text.encode()
    )


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _folded(name: str, chunks: Iterable[str]) -> bytes:
    """Join the pieces of a field, each of which begins with white space, into lines of at most 78.

    A longer piece has a line of its own; above 998 octets it is refused.
    """
    lines = [f"{name}:"]
    for chunk in chunks:
        is_first = len(lines) == 1 and lines[0] == f"{name}:"
        if is_first or len(lines[-1]) + len(chunk) <= _LINE_ADVISED:
            lines[-1] += chunk
        else:
            lines.append(chunk)
    octets = [line.encode() for line in lines]
    if max(map(len, octets)) > LINE_OCTETS:
        raise malformed(name, "too-long")
    return b"\r\n".join(octets) + b"\r\n"
