"""Reports in the form of a standard: delivery status (RFC 3464), and what is attached to any report."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from fluenzr_smtp.classify import explain
from fluenzr_smtp.content.words import decoded
from fluenzr_smtp.model.replies import Failed
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.replies.header import ids_in
from fluenzr_smtp.replies.parts import attached, header_of, octets_of, parsed, parts_of

_MOST_RECIPIENTS = 100
_LONGEST = 1000
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>@;,()\"]{1,64}@[^\s<>@;,()\"]{1,255}")
_ID_LINE = re.compile(rb"^[ \t>]{0,8}Message-I[dD]:[ \t]*(?:\r?\n[ \t]+)?(<[^<>\s]{1,900}>)", re.MULTILINE)
_UNCERTAIN = frozenset({ProblemCode.REPLY_UNKNOWN, ProblemCode.UNEXPECTED_REPLY})

_RECEIPT = "message/disposition-notification"
FAILED, DELAYED, DONE = "failed", "delayed", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What a delivery status notification says: of whom it gave up, of whom not yet."""

    failed: tuple[Failed, ...] = ()
    delayed: tuple[Failed, ...] = ()
    is_done: bool = False


def status_report(message: Message) -> StatusReport | None:
    """Return what a message says of delivery in the form of RFC 3464; None where it has no such part."""
    blocks = [block for part in parts_of(message) if _is_status(part) for block in _blocks(part)]
    if not blocks:
        return None
    told = [
        (action, failed)
        for block in blocks
        if (action := _action(block)) and (failed := _failed(block, action))
    ]
    return StatusReport(
        failed=tuple(each for action, each in told if action == FAILED)[:_MOST_RECIPIENTS],
        delayed=tuple(each for action, each in told if action == DELAYED)[:_MOST_RECIPIENTS],
        is_done=any(action == DONE for action, _ in told),
    )


def has_part(message: Message, *content_types: str) -> bool:
    """Say whether one of the message's own parts is of one of these types."""
    return any(part.get_content_type() in content_types for part in parts_of(message))


def original_ids(message: Message) -> tuple[str, ...]:
    """Return the Message-IDs of the messages that are attached, wholly or as their header."""
    found: list[str] = []
    for part in parts_of(message):
        original = attached(part)
        if original is not None:
            found += ids_in(str(original.get("Message-ID", "")))
        elif part.get_content_type() in {"text/rfc822-headers", "message/rfc822-headers"}:
            found += ids_in(
                str(
                    header_of(octets_of(part).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")).get(
                        "Message-ID", ""
                    )
                )
            )
    return tuple(dict.fromkeys(found))


def receipt_ids(message: Message) -> tuple[str, ...]:
    """Return the Message-IDs of the messages that a receipt is for (RFC 8098 §3.2.5)."""
    parts = [each for each in parts_of(message) if each.get_content_type() == _RECEIPT]
    return tuple(
        found
        for part in parts
        for block in _groups(part)
        for found in ids_in(_value(block, "Original-Message-ID"))
    )


def complainant_of(message: Message, *, named: str) -> str:
    """Return the address of who complains (RFC 5965 §3.2), or empty where nobody tells it.

    ``named`` goes before the recipient of the message that is attached, for that may have gone to several.
    """
    blocks = [
        block
        for part in parts_of(message)
        if part.get_content_type() == "message/feedback-report"
        for block in _groups(part)
    ]
    told = (*(_value(block, "Original-Rcpt-To") for block in blocks), named)
    originals = [original for part in parts_of(message) if (original := attached(part)) is not None]
    told = (*told, *(_value(each, "To") for each in originals))
    found = (_ADDRESS.search(each) for each in told)
    return next((each[0].lower() for each in found if each), "")


def quoted_ids(octets: bytes) -> tuple[str, ...]:
    """Return the Message-IDs in the lines of a text that quotes a header, as formless reports do."""
    return tuple(dict.fromkeys(each.decode("ascii", "replace") for each in _ID_LINE.findall(octets)))


def named(recipient: str, *, status: str, diagnostic: str, is_permanent: bool) -> Failed:
    """Return a recipient with what the server's words mean, as ``send`` would call it."""
    said = " ".join(diagnostic.split())[:_LONGEST]
    problem = explain(f"{status} {said}" if status and status not in said else said)
    is_vague = status.endswith(".0.0") or not said  # 5.0.0: nothing is known (RFC 3463 §3.1)
    if problem.code in _UNCERTAIN | {ProblemCode.POLICY_REFUSED} and is_vague and not said:
        problem = explain("")
    elif problem.code in _UNCERTAIN and status and not is_vague:
        problem = explain(f"{'550' if is_permanent else '450'} {status}", stage=Stage.RECIPIENT)
    code = problem.code
    # Given up after a time of trying is not refused for good (RFC 3463 §2).
    is_passing = status.startswith("4") or (not status and problem.is_transient)
    return Failed(
        recipient=recipient.lower(),
        status=status,
        is_permanent=is_permanent and not is_passing,
        diagnostic=said,
        code="" if code in _UNCERTAIN else code.value,
        topic="" if code in _UNCERTAIN else problem.topic,
    )


def _is_status(part: Message) -> bool:
    return part.get_content_type() in {"message/delivery-status", "message/global-delivery-status"}


def _blocks(part: Message) -> Iterator[Message]:
    """Yield the groups of fields; a part that is encoded, which it must not be, is read all the same."""
    payload = part.get_payload() if part.is_multipart() else None
    if isinstance(payload, list):
        blocks = [each for each in payload if isinstance(each, Message)]
        if any("action" in each or "final-recipient" in each for each in blocks):
            yield from blocks[: _MOST_RECIPIENTS + 1]
            return
        octets = b"\r\n".join(str(each.get_payload()).encode("utf-8", "replace") for each in blocks)
        if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
            octets = _decoded(octets)
    else:
        octets = octets_of(part)
    for text in re.split(rb"\r?\n[ \t]*\r?\n", octets)[: _MOST_RECIPIENTS + 1]:
        yield parsed(text + b"\r\n\r\n")


def _groups(part: Message) -> Iterator[Message]:
    """Yield the groups of fields of a report that has them in one block, or in several."""
    payload = part.get_payload() if part.is_multipart() else None
    whole = (
        [each for each in payload if isinstance(each, Message) and each.keys()]
        if isinstance(payload, list)
        else []
    )
    yield from whole[:_MOST_RECIPIENTS] or _blocks(part)


def _decoded(octets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        return octets


def _action(block: Message) -> str:
    action = str(block.get("Action", "")).strip().lower()
    status = str(block.get("Status", "")).strip()
    if action.startswith(("fail", "error")) or (not action and status.startswith("5")):
        return FAILED
    if action.startswith("delay") or (not action and status.startswith("4")):
        return DELAYED
    return DONE if action.startswith(("deliver", "relay", "expand")) else ""


def _failed(block: Message, action: str) -> Failed:
    fields = ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient")
    addresses = [found[0] for name in fields if (found := _ADDRESS.search(_value(block, name)))]
    diagnostic = _value(block, "Diagnostic-Code").partition(";")
    said = (diagnostic[2] or diagnostic[0]).strip()
    status = _STATUS.search(_value(block, "Status"))
    told = _STATUS.search(said)
    # Some reports say 5.0.0 where the server said more (RFC 3463 §3.1: no more is known).
    is_vague = status is None or status[1].endswith(".0.0")
    best = told if told is not None and is_vague and told[1][0] in "45" else status
    return named(
        addresses[0] if addresses else "",
        status=best[1] if best else "",
        diagnostic=said,
        is_permanent=action == FAILED,
    )


def _value(block: Message, name: str) -> str:
    return decoded(str(block.get(name, ""))[: 4 * _LONGEST].replace("\r", "").replace("\n", " "))
