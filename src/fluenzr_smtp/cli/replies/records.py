"""A reply as documents and lines show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.model.replies import MatchedBy, ReplyKind

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.model.replies import Failed, InboundReply

_FAILED = form.record(
    recipient=form.TEXT,
    status=form.nullable(form.TEXT),
    permanent=form.BOOLEAN,
    topic=form.nullable(form.TEXT),
    code=form.nullable(form.TEXT),
    diagnostic=form.TEXT,
)
KIND = form.choice(*(each.value for each in ReplyKind))
REPLY: form.Schema = form.record(
    **{
        "id": form.TEXT,
        "account": form.TEXT,
        "folder": form.TEXT,
        "uid": form.INTEGER,
        "kind": KIND,
        "reason": form.TEXT,
        "message_id": form.nullable(form.TEXT),
        "answers": form.nullable(form.TEXT),
        "matched_by": form.nullable(form.choice(*(each.value for each in MatchedBy))),
        "is_guess": form.BOOLEAN,
        "sent_by": form.nullable(form.TEXT),
        "from": form.TEXT,
        "from_name": form.TEXT,
        "subject": form.TEXT,
        "date": form.nullable(form.TIME),
        "received": form.TIME,
        "preview": form.TEXT,
        "returns": form.nullable(form.DATE),
        "status": form.nullable(form.TEXT),
        "recipient": form.nullable(form.TEXT),
        "permanent": form.nullable(form.BOOLEAN),
        "topic": form.nullable(form.TEXT),
        "failed": form.array(_FAILED),
    }
)


def record(reply: InboundReply) -> dict[str, object]:
    """Return a reply as documents show it; the first recipient of a report stands for all of them."""
    verdict = reply.verdict
    first = verdict.failed[0] if verdict.failed else None
    return {
        "id": reply.id,
        "account": reply.account,
        "folder": reply.folder,
        "uid": reply.uid,
        "kind": verdict.kind,
        "reason": verdict.reason,
        "message_id": reply.message_id or None,
        "answers": reply.answers or None,
        "matched_by": reply.matched_by,
        "is_guess": reply.matched_by is MatchedBy.GUESS,
        "sent_by": reply.sent_by or None,
        "from": reply.sender,
        "from_name": reply.sender_name,
        "subject": reply.subject,
        "date": reply.date,
        "received": reply.received,
        "preview": reply.preview,
        "returns": verdict.returns,
        "status": (first.status or None) if first else None,
        "recipient": (first.recipient if first else verdict.complainant) or None,
        "permanent": first.is_permanent if first else None,
        "topic": (first.topic or None) if first else None,
        "failed": [_failed(each) for each in verdict.failed],
    }


def lines(run: Invocation, reply: InboundReply) -> Iterator[str]:
    """Yield what people are told of a reply: a line with what it is, and below what it says."""
    verdict = reply.verdict
    who = f"{reply.sender_name} <{reply.sender}>" if reply.sender_name else reply.sender or "nobody"
    kind = run.output.painted(verdict.kind.value, _STYLES.get(verdict.kind, ""))
    guess = "  (a guess)" if reply.matched_by is MatchedBy.GUESS else ""
    yield f"{kind}  {reply.id}  {local(reply.received)}  {printable(who)}{guess}"
    yield f"  {printable(reply.subject) or '(no subject)'}"
    for each in verdict.failed:
        yield f"  {_fate(each)}"
    if verdict.complainant:
        yield f"  {printable(verdict.complainant)} called it spam"
    if verdict.returns is not None:
        yield f"  back on {verdict.returns.isoformat()}"
    if reply.preview and not verdict.failed:
        yield f"  {printable(reply.preview)}"
    if verdict.kind is not ReplyKind.HUMAN and not verdict.failed:
        yield f"  because of {printable(verdict.reason)}"


def _failed(each: Failed) -> dict[str, object]:
    return {
        "recipient": each.recipient,
        "status": each.status or None,
        "permanent": each.is_permanent,
        "topic": each.topic or None,
        "code": each.code or None,
        "diagnostic": each.diagnostic,
    }


def _fate(each: Failed) -> str:
    parts = (each.recipient, each.status, each.diagnostic, f"[{each.code}]" if each.code else "")
    return printable("  ".join(filter(None, parts)))


_STYLES = {
    ReplyKind.HUMAN: "green",
    ReplyKind.BOUNCE: "red",
    ReplyKind.COMPLAINT: "red",
    ReplyKind.DELAY: "yellow",
    ReplyKind.CHALLENGE: "yellow",
    ReplyKind.UNSUBSCRIBE: "yellow",
}
