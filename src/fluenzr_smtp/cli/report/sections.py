"""A section of the report for each server and domain: its stages, what went wrong, its certificate, facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.explained import Explained, explained, title_label
from fluenzr_smtp.cli.checks.marks import mark_of, milliseconds
from fluenzr_smtp.cli.checks.words import document_text, heading, told
from fluenzr_smtp.cli.report.elements import facts_list, marked, safe, stage_name
from fluenzr_smtp.model import Check
from fluenzr_smtp.problems import Facts, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_SENTENCE = 1500  # characters
_CERTIFICATE = frozenset({
    "also", "bits", "certificate", "certificate_key", "certificate_signature", "chain", "chain_length",
    "cipher", "days_left", "fingerprint", "issuer", "key", "matching", "names", "not_after", "not_before",
    "pinned", "seen", "serial", "signature", "subject", "version",
})  # fmt: skip


def is_told(check: Check) -> bool:
    """Say whether a check's problem is told in full: not that of another way that was merely tried."""
    return check.problem is not None and check.remedy is None


def chain_section(chain: tuple[Check, ...], catalogue: Catalogue, pages: Mapping[str, str]) -> str:
    """Return the section of one server, of another way to it, or of a domain."""
    parts = (
        _stages(chain, catalogue),
        *(_problem(check, catalogue, pages) for check in chain if is_told(check)),
        _certificate(chain, catalogue),
        _facts(chain, catalogue),
    )
    title = safe(heading(chain[0], catalogue))
    return f"<section>\n<h2><bdi>{title}</bdi></h2>\n{''.join(parts)}</section>\n"


def _stages(chain: tuple[Check, ...], catalogue: Catalogue) -> str:
    # The roles keep it a table where narrow screens lay its rows out as blocks.
    rows = "".join(_row(check, catalogue) for check in chain)
    caption = safe(catalogue.label("checks"))
    return (
        f'<table role="table">\n<caption>{caption}</caption>\n<tbody role="rowgroup">\n'
        f"{rows}</tbody>\n</table>\n"
    )


def _row(check: Check, catalogue: Catalogue) -> str:
    mark = mark_of(check)
    return (
        f'<tr role="row" class="{mark}"><td role="cell">{marked(mark, catalogue)}</td>'
        f'<th role="rowheader" scope="row">{safe(stage_name(check.stage, catalogue))}</th>'
        f'<td role="cell" class="time">{milliseconds(check):.0f} ms</td>'
        f'<td role="cell" class="known"><bdi>{safe(told(check, catalogue, limit=300))}</bdi></td></tr>\n'
    )


def _problem(check: Check, catalogue: Catalogue, pages: Mapping[str, str]) -> str:
    if check.problem is None:
        return ""
    page = pages.get(check.problem.topic, "")
    words = explained(check.problem, catalogue, page=page, safe=_bounded)
    mark = mark_of(check)
    title = f"{marked(mark, catalogue)} <bdi>{safe(words.title, limit=_SENTENCE)}</bdi>"
    stage = safe(stage_name(check.stage, catalogue))
    return (
        f'<article class="problem {mark}">\n<h3>{title}</h3>\n'
        f'<p><code translate="no">{safe(words.code)}</code> · {stage}</p>\n'
        f"{_paragraphs(words, catalogue, has_steps=not check.is_advisory)}"
        f"{facts_list(_other_facts(check, check.problem.facts), catalogue)}</article>\n"
    )


def _paragraphs(words: Explained, catalogue: Catalogue, *, has_steps: bool) -> str:
    quote = f'<blockquote dir="auto" translate="no">{safe(words.reply)}</blockquote>\n'
    steps = "".join(f"<li>{safe(step, limit=_SENTENCE)}</li>\n" for step in words.steps)
    link = f'<a rel="noopener noreferrer" href="{safe(words.page)}">{safe(words.page)}</a>'
    parts = (
        (words.reply, "server", quote),
        (words.cause, "cause", f"<p>{safe(words.cause, limit=_SENTENCE)}</p>\n"),
        (words.fix, "fix", f"<p>{safe(words.fix, limit=_SENTENCE)}</p>\n"),
        (words.steps if has_steps else (), "steps", f"<ol>\n{steps}</ol>\n"),
        (words.page, "page", f"<p>{link}</p>\n"),
    )
    return "".join(
        f"<h4>{safe(title_label(label, catalogue))}</h4>\n{text}" for known, label, text in parts if known
    )


def _bounded(text: str) -> str:
    return document_text(text, limit=_SENTENCE)


def _certificate(chain: tuple[Check, ...], catalogue: Catalogue) -> str:
    found = next((facts for check in chain if (facts := _certificate_facts(check))), None)
    if found is None:
        return ""
    return f"<h3>{safe(catalogue.label('certificate'))}</h3>\n{facts_list(found, catalogue)}"


def _certificate_facts(check: Check) -> Facts:
    """Return what a server showed of itself in the handshake, trusted or not."""
    if check.stage is not Stage.TLS:
        return {}
    facts = check.problem.facts if check.problem else check.facts
    return {name: value for name, value in facts.items() if name in _CERTIFICATE}


def _other_facts(check: Check, facts: Facts) -> Facts:
    """Leave out what stands elsewhere: the certificate below, the provider's page above."""
    elsewhere = _CERTIFICATE if check.stage is Stage.TLS else frozenset()
    return {name: value for name, value in facts.items() if name not in elsewhere and name != "page"}


def _facts(chain: tuple[Check, ...], catalogue: Catalogue) -> str:
    lists = "".join(
        f"<h4>{safe(stage_name(check.stage, catalogue))}</h4>\n{found}"
        for check in chain
        if (found := facts_list(_other_facts(check, check.facts), catalogue))
    )
    if not lists:
        return ""
    return f"<details><summary>{safe(catalogue.label('facts'))}</summary>\n{lists}</details>\n"
