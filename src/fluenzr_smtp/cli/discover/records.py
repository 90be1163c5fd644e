"""What was found, as a script gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.documents import endpoint_record
from fluenzr_smtp.discovery import Origin, Verdict
from fluenzr_smtp.model import UsernameRule

if TYPE_CHECKING:
    from fluenzr_smtp.discovery import Candidate, Server, Step, Survey

_SERVER = form.record(
    host=form.TEXT,
    port=form.INTEGER,
    encryption=form.choice("starttls", "ssl", "none"),
    verified=form.nullable(form.BOOLEAN),
    seconds=form.nullable(form.NUMBER),
    problem=form.nullable(form.PROBLEM),
)
_CANDIDATE = form.record(
    origin=form.choice(*(each.value for each in Origin)),
    source=form.TEXT,
    preset=form.nullable(form.TEXT),
    provider=form.TEXT,
    smtp=form.nullable(_SERVER),
    imap=form.nullable(_SERVER),
    username=form.choice(*(each.value for each in UsernameRule)),
    username_value=form.TEXT,
    oauth_only=form.BOOLEAN,
    trusted=form.BOOLEAN,
    placeholders=form.array(form.TEXT),
    verdict=form.choice(*(each.value for each in Verdict)),
)
_STEP = form.record(
    origin=form.choice(*(each.value for each in Origin)),
    found=form.INTEGER,
    seconds=form.NUMBER,
    fault=form.TEXT,
    detail=form.TEXT,
)

DATA = form.record(
    address=form.TEXT,
    domain=form.TEXT,
    candidates=form.array(_CANDIDATE),
    steps=form.array(_STEP),
)


def discovery_record(survey: Survey) -> dict[str, object]:
    """Return the ``data`` of a discovery."""
    return {
        "address": survey.subject.address,
        "domain": survey.subject.domain,
        "candidates": [_candidate_record(each) for each in survey.candidates()],
        "steps": [_step_record(each) for each in survey.taken],
    }


def _candidate_record(candidate: Candidate) -> dict[str, object]:
    proposal = candidate.proposal
    preset = proposal.preset
    return {
        "origin": proposal.origin,
        "source": proposal.source,
        "preset": preset.key if preset else None,
        "provider": preset.name if preset else "",
        "smtp": _server_record(candidate.smtp),
        "imap": _server_record(candidate.imap),
        "username": proposal.username,
        "username_value": proposal.username_value,
        "oauth_only": proposal.wants_oauth,
        "trusted": proposal.is_trusted,
        "placeholders": [each.name for each in preset.placeholders] if preset else [],
        "verdict": candidate.verdict,
    }


def _server_record(server: Server | None) -> dict[str, object] | None:
    if server is None:
        return None
    return {
        **endpoint_record(server.endpoint),
        "verified": server.is_verified,
        "seconds": server.seconds,
        "problem": server.problem,
    }


def _step_record(step: Step) -> dict[str, object]:
    return {
        "origin": step.origin,
        "found": len(step.found),
        "seconds": step.seconds,
        "fault": step.fault,
        "detail": step.detail,
    }
