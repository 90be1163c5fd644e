"""Limits as documents and as sentences."""

from __future__ import annotations

from datetime import timedelta

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.model import Limit, LimitUnit

_FIELDS: dict[str, form.Schema] = {
    "unit": form.choice(*(unit.value for unit in LimitUnit)),
    "count": form.INTEGER,
    "per_seconds": form.nullable(form.INTEGER),
    "scope": form.TEXT,
    "source": form.TEXT,
}

LIMIT = form.record(**_FIELDS)
LIMIT_IN_FORCE = form.record(**_FIELDS, origin=form.choice("account", "preset"))

_UNITS = {
    LimitUnit.MESSAGES: "messages",
    LimitUnit.RECIPIENTS: "recipients",
    LimitUnit.RECIPIENTS_PER_MESSAGE: "recipients a message",
    LimitUnit.MESSAGE_BYTES: "bytes a message",
    LimitUnit.CONNECTIONS: "connections",
}
_SPANS = {timedelta(days=1): "a day", timedelta(hours=1): "an hour", timedelta(minutes=1): "a minute"}


def limit_record(limit: Limit) -> dict[str, object]:
    """Return a limit as a document shows it."""
    return {
        "unit": limit.unit,
        "count": limit.count,
        "per_seconds": None if limit.per is None else int(limit.per.total_seconds()),
        "scope": limit.scope,
        "source": limit.source,
    }


def limit_told(limit: Limit) -> str:
    """Return a limit as a person reads it, without its source: ``200 messages an hour (each account)``."""
    per = "" if limit.per is None else f" {_SPANS.get(limit.per, f'in {limit.per}')}"
    scope = f" ({limit.scope})" if limit.scope else ""
    return f"{limit.count:,} {_UNITS[limit.unit]}{per}{scope}"
