"""A diagnosis as one self-contained page to send to one's provider: no script, nothing loaded from elsewhere.

HTML Living Standard. All text of servers and people is made printable, escaped and bounded; a policy in the
page (CSP) forbids what it does not hold in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.marks import Mark, chains, mark_of, worst
from fluenzr_smtp.cli.checks.words import described, remedy_told, summed
from fluenzr_smtp.cli.report.chart import chart
from fluenzr_smtp.cli.report.elements import facts_list, marked, safe
from fluenzr_smtp.cli.report.sections import chain_section
from fluenzr_smtp.cli.report.style import STYLE
from fluenzr_smtp.model import Check, Target

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_TRANSCRIPT_LINES = 2000
_NO_PAGES: Mapping[str, str] = MappingProxyType({})


def report_page(
    checks: Iterable[Check],
    *,
    target: Target,
    catalogue: Catalogue,
    made: datetime,
    version: str,
    transcript: tuple[str, ...] = (),
    pages: Mapping[str, str] = _NO_PAGES,
) -> bytes:
    """Return the page in UTF-8.

    Args:
        checks: What was found, in the order in which it was found.
        target: What was looked at.
        catalogue: The sentences in the reader's language.
        made: When; aware.
        version: The program's.
        transcript: The dialogue line by line, without secrets; the first 2000 lines are shown.
        pages: The provider's own pages (``https``) by the guide's topics, beside those the problems know.
    """
    known = tuple(checks)
    title = safe(catalogue.label("report_title", name=target.name))
    parts = (
        _header(known, target, catalogue, made, version),
        chart(known, catalogue),
        *(chain_section(chain, catalogue, pages) for chain in chains(known)),
        _transcript(transcript, catalogue),
        f"<footer>fluenzr {safe(version)}</footer>",
    )
    page = (
        f'<!DOCTYPE html>\n<html lang="{safe(catalogue.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(parts)}</main>\n</body>\n</html>\n"
    )
    return page.encode("utf-8")


def _header(
    checks: tuple[Check, ...], target: Target, catalogue: Catalogue, made: datetime, version: str
) -> str:
    title = safe(catalogue.label("report_title", name=target.name))
    mark = mark_of(worst(checks))
    when = made.astimezone(UTC)
    time = catalogue.label("report_made", version=version, time=f"{when:%Y-%m-%d %H:%M} UTC")
    about = {
        "SMTP": described(target.smtp, catalogue) if target.smtp else "",
        "IMAP": described(target.imap, catalogue) if target.imap else "",
        "DNS": next((check.domain for check in checks if check.domain), ""),
    }
    return (
        f"<header>\n<h1>{title}</h1>\n"
        f'<p class="verdict {mark}">{marked(mark, catalogue)} {safe(summed(checks, catalogue))}</p>\n'
        f"{_works(checks, target, catalogue)}"
        f"{facts_list({name: text for name, text in about.items() if text}, catalogue)}"
        f'<p class="made"><time datetime="{when:%Y-%m-%dT%H:%M:%SZ}">{safe(time)}</time></p>\n'
        f"<p>{safe(catalogue.label('nothing_sent'))}</p>\n</header>\n"
    )


def _works(checks: tuple[Check, ...], target: Target, catalogue: Catalogue) -> str:
    """Say what works instead, a line for each way."""
    from fluenzr_smtp.diagnosis import works

    hosts = {endpoint.host for endpoint in (target.smtp, target.imap) if endpoint}
    return "".join(
        f'<p class="works">{marked(Mark.OK, catalogue)} '
        f"<bdi>{safe(remedy_told('works', remedy, catalogue, hosts=hosts))}</bdi></p>\n"
        for remedy in works(checks)
    )


def _transcript(lines: tuple[str, ...], catalogue: Catalogue) -> str:
    if not lines:
        return ""
    shown = "\n".join(safe(line, limit=1100) for line in lines[:_TRANSCRIPT_LINES])
    more = "\n…" if len(lines) > _TRANSCRIPT_LINES else ""
    label = safe(catalogue.label("transcript"))
    return (
        f"<section>\n<details><summary><h2>{label}</h2></summary>\n"
        f'<pre dir="ltr" translate="no">{shown}{more}</pre>\n</details>\n</section>\n'
    )
