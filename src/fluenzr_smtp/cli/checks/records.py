"""Checks as records of a document."""

from __future__ import annotations

from collections.abc import Iterable

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.checks.marks import milliseconds
from fluenzr_smtp.cli.documents import endpoint_record
from fluenzr_smtp.model import Check, Protocol, Remedy, Security
from fluenzr_smtp.problems import Stage

_REMEDY = form.record(
    protocol=form.choice(*(each.value for each in Protocol)),
    host=form.TEXT,
    port=form.INTEGER,
    encryption=form.choice(*(each.value for each in Security)),
    username=form.nullable(form.TEXT),
)

CHECK = form.record(
    protocol=form.choice(*(each.value for each in Protocol)),
    stage=form.choice(*(each.value for each in Stage)),
    host=form.nullable(form.TEXT),
    port=form.nullable(form.INTEGER),
    domain=form.nullable(form.TEXT),
    ok=form.BOOLEAN,
    advisory=form.BOOLEAN,
    elapsed_ms=form.NUMBER,
    facts={"type": "object"},
    problem=form.nullable(form.PROBLEM),
    remedy=form.nullable(_REMEDY),
)


def check_records(checks: Iterable[Check]) -> list[dict[str, object]]:
    """Return the checks as a document shows them. Host and port are null where a domain is looked at."""
    return [_record(check) for check in checks]


def _record(check: Check) -> dict[str, object]:
    return {
        "protocol": check.protocol,
        "stage": check.stage,
        "host": check.endpoint.host if check.endpoint else None,
        "port": check.endpoint.port if check.endpoint else None,
        "domain": check.domain or None,
        "ok": check.ok,
        "advisory": check.is_advisory,
        "elapsed_ms": round(milliseconds(check), 1),
        "facts": check.facts,
        "problem": check.problem,
        "remedy": None if check.remedy is None else remedy_record(check.remedy),
    }


def remedy_record(remedy: Remedy) -> dict[str, object]:
    """Return another way to a server as a document shows it."""
    return {
        "protocol": remedy.protocol,
        **endpoint_record(remedy.endpoint),
        "username": remedy.username,
    }
