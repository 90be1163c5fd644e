"""The small parts that a report is put together from; here all text becomes safe."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.marks import Mark
from fluenzr_smtp.cli.checks.words import document_text, fact_text
from fluenzr_smtp.problems import FactValue, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_FACTS = 60  # of one check


def safe(text: str, *, limit: int = 500) -> str:
    """Return text that may stand in an element and in a quoted attribute: printable, bounded, escaped."""
    return escape(document_text(text, limit=limit), quote=True)


def marked(mark: Mark, catalogue: Catalogue) -> str:
    """Return a mark: a sign, a word and a colour, so that no reader depends on one of them."""
    sign = f'<span aria-hidden="true">{mark.sign}</span>'
    return f'<span class="mark {mark}">{sign} {safe(catalogue.label(mark))}</span>'


def stage_name(stage: Stage, catalogue: Catalogue) -> str:
    """Return a stage's name in the reader's language."""
    return catalogue.label(f"stage_{stage}")


def facts_list(facts: Mapping[str, FactValue], catalogue: Catalogue) -> str:
    """Return facts as a list of names and values; nothing where none is known."""
    told = ((name, fact_text(value, catalogue)) for name, value in facts.items())
    known = [(name, text) for name, text in told if text][:_FACTS]
    if not known:
        return ""
    rows = "".join(
        f'<div><dt translate="no">{safe(name)}</dt><dd><bdi>{safe(text, limit=1000)}</bdi></dd></div>\n'
        for name, text in known
    )
    return f"<dl>\n{rows}</dl>\n"
