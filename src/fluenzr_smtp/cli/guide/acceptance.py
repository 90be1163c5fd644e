"""A pasted reply that says yes: nothing is to be explained, nothing to be mended. Pure and total."""

from __future__ import annotations

import re

from fluenzr_smtp.problems import ServerReply

# RFC 5321 §4.2.1: 2yz and 3yz are positive. A dialogue in which anything was refused is not meant.
_POSITIVE = re.compile(r"[ \t]{0,8}(?:[SC]: ?|<{1,3} ?)?([23]\d\d)(?:[ -](?P<said>.*))?$")
_STATUS = re.compile(r"(2\.\d{1,3}\.\d{1,3})(?:[ \t]+|$)")
# RFC 9051 §7.1: a tagged or untagged OK; other untagged lines stand before it.
_IMAP_OK = re.compile(r"(?:\*|[A-Za-z.]{0,8}\d{1,8}) OK(?= |$)|OK(?= [A-Z\[(]|$)")
_IMAP_DATA = re.compile(r"\* (?!NO\b|BAD\b|BYE\b)")
# What Postfix writes into its log for a message that was taken, and for one that was not.
_SENT = re.compile(r"\bstatus=sent \((?P<said>[^\n]{0,4096})\)[ \t]*$", re.MULTILINE)
_NOT_SENT = re.compile(r"\bstatus=(?:deferred|bounced|expired|undeliverable|reject)")


def accepted_reply(text: str) -> ServerReply | None:
    """Return the reply by which a server said yes; None where it did not, or something else is meant."""
    sent = _SENT.search(text)
    if sent is not None and not _NOT_SENT.search(text):
        return _positive([sent["said"]]) or ServerReply(None, None, sent["said"])
    lines = [line for line in text.splitlines() if line.strip()]
    return (_positive(lines) or _imap(lines)) if lines else None


def _positive(lines: list[str]) -> ServerReply | None:
    found = [match for line in lines if (match := _POSITIVE.match(line))]
    if len(found) < len(lines):
        return None
    said = [(match["said"] or "").strip() for match in found]
    status = next((match[1] for each in said if (match := _STATUS.match(each))), None)
    words = "\n".join(_STATUS.sub("", each, count=1) if status else each for each in said)
    return ServerReply(int(found[-1][1]), status, words.strip())


def _imap(lines: list[str]) -> ServerReply | None:
    """Read a dialogue of IMAP in which every command was carried out."""
    agreed = [bool(_IMAP_OK.match(line.strip())) for line in lines]
    is_harmless = all(
        is_ok or _IMAP_DATA.match(line.strip()) for line, is_ok in zip(lines, agreed, strict=True)
    )
    return ServerReply(None, None, "\n".join(lines).strip()) if any(agreed) and is_harmless else None
