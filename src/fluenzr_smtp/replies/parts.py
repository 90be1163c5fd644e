"""What an incoming message is made of: its parts and their texts. Bounded, and total on hostile MIME.

Attached messages are not looked into: what they report of is another message's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32

from fluenzr_smtp.content.words import text_of

MOST_PARTS = 200
# What describes a part is short; Python's parser takes seconds for a long one.
_LONG_FIELD = re.compile(
    rb"^(content-[a-z-]{1,40}:(?:[^\n]|\n(?=[ \t])){2000})(?:[^\n]|\n(?=[ \t]))++",
    re.IGNORECASE | re.MULTILINE,
)
_BORDER = re.compile(rb"boundary[ \t]*=", re.IGNORECASE)
_MOST_BORDERS = 100
_NO_TEXT = frozenset(
    {"calendar", "x-vcalendar", "vcard", "x-vcard", "directory", "css", "csv", "rfc822-headers"}
)
LONGEST_TEXT = 256 * 1024  # octets of one part


def parsed(octets: bytes) -> Message:
    """Return the message of these octets; where its parts are nested too deeply, of its header alone.

    Python's parser compares each line with the borders of all the parts around it.
    """
    if len(_BORDER.findall(octets)) > _MOST_BORDERS:
        return header_of(octets)
    try:
        return BytesParser(policy=compat32).parsebytes(_LONG_FIELD.sub(rb"\1", octets))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return header_of(octets)


def header_of(octets: bytes) -> Message:
    """Return the header of a message, its body unread."""
    return BytesHeaderParser(policy=compat32).parsebytes(octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


def parts_of(message: Message) -> Iterator[Message]:
    """Yield a message's own parts, leaves and attached messages, in their order; not what is inside those."""
    waiting, count = [message], 0
    while waiting and count < MOST_PARTS:
        part = waiting.pop()
        count += 1
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting += reversed(_children(part))
        else:
            yield part


def _children(part: Message) -> list[Message]:
    if not part.is_multipart():  # then it is text, which is decoded at once: by any charset that is named
        return []
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def octets_of(part: Message) -> bytes:
    """Return the decoded octets of a leaf, at most 256 KiB."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError):  # of base64 that is none, and the like
        payload = None
    return payload[:LONGEST_TEXT] if isinstance(payload, bytes) else b""


def text_in(part: Message) -> str:
    """Return the text of a leaf."""
    return (
        text_of(octets_of(part), parameter(part, "charset") or "utf-8")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )


def parameter(part: Message, name: str) -> str:
    """Return a parameter of a part's Content-Type; empty where there is none, or none that can be read."""
    try:
        value = part.get_param(name) or ""
        return str(value[2] if isinstance(value, tuple) else value)
    except (ValueError, TypeError, LookupError, AttributeError):
        return ""


def attached(part: Message) -> Message | None:
    """Return the message that a ``message/rfc822`` part holds."""
    children = _children(part)
    return children[0] if children and part.get_content_maintype() == "message" else None


def is_attachment(part: Message) -> bool:
    """Say whether a part is a file to be saved, not a text to be read."""
    try:
        return part.get_content_disposition() == "attachment" or bool(part.get_filename())
    except (ValueError, TypeError, LookupError, AttributeError):  # of a name that cannot be read
        return True


def is_text(part: Message) -> bool:
    """Say whether a part is to be read: a text, or what is left of parts whose border nobody can tell."""
    kind = part.get_content_maintype()
    is_text_ = kind == "text" and part.get_content_subtype() not in _NO_TEXT
    return is_text_ or (kind == "multipart" and not part.is_multipart())


def body_texts(message: Message) -> tuple[str, str]:
    """Return the first plain text and the first HTML of a message that are to be read; empty: none."""
    plain, html = "", ""
    for part in parts_of(message):
        if is_attachment(part):
            continue
        is_html = part.get_content_subtype() == "html"
        if is_html and is_text(part) and not html.strip():
            html = text_in(part)
        elif not is_html and is_text(part) and not plain.strip():
            plain = text_in(part)
    return plain, html


def has_attached(message: Message) -> bool:
    """Say whether a message is attached."""
    return any(attached(part) is not None for part in parts_of(message))
