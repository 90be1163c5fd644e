"""Reports of mail servers that keep to no standard: qmail, Exchange, Exim, Gmail and their like."""

from __future__ import annotations

import logging
import re
from email.message import Message

from flufl.bounce import all_failures

from fluenzr_smtp.model.replies import Failed
from fluenzr_smtp.replies.header import Header
from fluenzr_smtp.replies.parts import is_text, parameter, parsed, parts_of, text_in
from fluenzr_smtp.replies.phrases import found, plain
from fluenzr_smtp.replies.report_phrases import (
    BOUNCE_SUBJECT,
    BOUNCE_TEXT,
    DELAY,
    MAIL_SYSTEM_NAMES,
    MAIL_SYSTEMS,
    STILL_TRYING,
)
from fluenzr_smtp.replies.reports import named

# It logs what its detectors stumble over, with the message's words; where nobody has set up logging that
# comes out on stderr.
_LOGGER = logging.getLogger("flufl.bounce")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False

_LOOKED_AT = 16 * 1024
_LONGEST_LINE = 400
_MOST = 20
_BEGINNING = 1000
_NEAR = 6  # lines after an address in which its reason stands

# Where the report ends and the message that it is about begins.
_ORIGINAL = re.compile(
    r"^(?:[-=_*> ]{0,40}(?:below this line is a copy|this is a copy of|(?:the )?original message|"
    r"returned message|"
    r"copy of (?:the|your) message|message (?:header|text) follows|included (?:below )?is (?:a |"
    r"the )?(?:copy|header)|"
    r"unsent message|your (?:original )?message (?:follows|reads|is)|urspr(?:u|ü)ngliche nachricht|"
    r"message d'origine|mensaje original)"
    r"|return-path: ?<|received: (?:from|by|\()|x-[a-z-]{3,30}: )",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(
    r"(?<![\w.+=-])([A-Za-z0-9_.+=~&'*/%-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"
)
_ID_FIELD = re.compile(r"^.{0,40}message-id:.{0,400}$", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])#?([245]\.\d{1,3}\.\d{1,3})(?![\d.]\d)")
_REPLY = re.compile(
    r"(?<![\w.:/-])[45]\d\d(?=[ -]{1,3}(?:[#(]?[45]\.|[A-Za-z<\"(])|$)|remote host said|host .{1,80} said|"
    r"smtp error"
)


def is_mail_system(header: Header) -> bool:
    """Say whether a mail server wrote a message, not somebody's program or hand."""
    local = re.sub(r"[^a-z]", "", header.sender.partition("@")[0])
    is_exchange = local.startswith("microsoftexchange")
    is_list = header.sender.partition("@")[0].endswith(("-bounces", "-bounce"))
    return (
        local in MAIL_SYSTEMS
        or is_exchange
        or is_list
        or bool(found(MAIL_SYSTEM_NAMES, plain(header.sender_name)))
    )


def is_report(header: Header, words: str, octets: bytes, *, is_answer: bool) -> str:
    """Return the words by which a message is a mail server's report, empty: it is none.

    ``is_answer``: it is called the answer to a message, as people's are.
    """
    if parameter(header.message, "report-type").lower() == "delivery-status":
        return "Content-Type: multipart/report"
    if header.has("X-Failed-Recipients"):
        return f"X-Failed-Recipients: {header.raw('X-Failed-Recipients')[:100]}"
    subject = plain(header.subject)
    named = found(BOUNCE_SUBJECT, subject) or found(DELAY, subject)
    said = found(BOUNCE_TEXT, words) or found(DELAY, words)
    if is_answer and not (said and _REPLY.search(words)):  # of a postmaster in person, on such a report
        return ""
    if is_mail_system(header):
        return _reason(named, said)
    if header.has_null_return_path:
        return _reason(named if said else "", said if found(BOUNCE_TEXT, words[:_BEGINNING]) else "")
    # Some servers write under odd names. People write of such reports too, but not in their form.
    is_sure = found(BOUNCE_SUBJECT, subject, at_start=True) and said and _known_to_library(octets)
    return _reason(named, said) if is_sure else ""


def _reason(named: str, said: str) -> str:
    if named:
        return f"Subject: {named}"
    return f"Text: {said}" if said else ""


def is_delay(header: Header, words: str) -> bool:
    """Say whether a report tells that a server has not given up yet."""
    subject = plain(header.subject)
    if found(DELAY, subject) or found(STILL_TRYING, words):
        return True
    return not found(BOUNCE_SUBJECT, subject) and bool(found(DELAY, words)) and not found(BOUNCE_TEXT, words)


def report_text(message: Message) -> str:
    """Return the text of a report without the message that it is about."""
    texts = [text_in(part) for part in parts_of(message) if is_text(part)]
    text = next((each for each in texts if each.strip()), "")[:_LOOKED_AT]
    original = _ORIGINAL.search(text, 1)
    return text if original is None else text[: original.start()]


def failures(
    header: Header, octets: bytes, text: str, *, is_permanent: bool, own: frozenset[str]
) -> tuple[Failed, ...]:
    """Return whom a formless report names, with the words that stand by them.

    ``own`` are addresses that such a report names as well: those that it was sent to.
    """
    lines = text.split("\n")
    addresses = _named_addresses(header, octets, text, own)
    if not addresses:
        return (_failure("", lines, is_permanent=is_permanent),) if text.strip() else ()
    return tuple(_failure(each, lines, is_permanent=is_permanent) for each in addresses)


def _named_addresses(header: Header, octets: bytes, text: str, own: frozenset[str]) -> tuple[str, ...]:
    listed = _ADDRESS.findall(header.raw("X-Failed-Recipients"))
    known = listed or _known_to_library(octets) or _ADDRESS.findall(_ID_FIELD.sub("", text[:_LOOKED_AT]))
    systems = {each for each in known if each.partition("@")[0].lower() in MAIL_SYSTEMS}
    strangers = dict.fromkeys(each.lower().rstrip(".") for each in known if each not in systems)
    others = [each for each in strangers if each not in own]
    return tuple(others[:_MOST] if listed or len(others) < 3 else others[: _MOST if known else 1])


def _known_to_library(octets: bytes) -> list[str]:
    """Ask flufl.bounce, which knows many old servers. Long lines, which no report has, would take it long."""
    short = b"\n".join(line[:_LONGEST_LINE] for line in octets.replace(b"\r\n", b"\n").split(b"\n")[:2000])
    try:
        temporary, permanent = all_failures(parsed(short))
    except Exception:  # noqa: BLE001 - its detectors fail in ways of their own on what is no report
        return []
    return sorted(each.decode("ascii", "replace") for each in permanent | temporary)


def _failure(address: str, lines: list[str], *, is_permanent: bool) -> Failed:
    said = _words_for(address, lines)
    status = _STATUS.search(said)
    return named(address, status=status[1] if status else "", diagnostic=said, is_permanent=is_permanent)


def _words_for(address: str, lines: list[str]) -> str:
    """Return what a report says of an address: the lines at it, or those with a reply's code."""
    start = next((at for at, line in enumerate(lines) if address and address in line.lower()), 0)
    near = [line.strip()[:_LONGEST_LINE] for line in lines[start : start + 2 * _NEAR]]
    coded = next(
        (at for at, line in enumerate(near) if _REPLY.search(line.lower()) or _STATUS.search(line)), None
    )
    if coded is None:
        every = [line.strip()[:_LONGEST_LINE] for line in lines]
        at = next(
            (at for at, line in enumerate(every) if _REPLY.search(line.lower()) or _STATUS.search(line)), None
        )
        near, coded = (every, at) if at is not None else (near, 0)
    return " ".join(near[coded : coded + _NEAR]).strip()
