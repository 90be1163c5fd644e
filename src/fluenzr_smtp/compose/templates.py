"""Texts with variables: ``{{ name }}`` becomes the value of that name, and nothing else ever changes.

``{{ name | text }}`` falls back to a text, which is taken as it stands, where there is no value or a blank
one; ``{{ '{{' }}`` is a pair of braces. In HTML a value is escaped, but not with ``{{{ name }}}``. As in
Mustache (mustache.github.io/mustache.5.html), but an unknown name is an error and never an empty place.
Values are never looked into for variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fluenzr_smtp.compose.addresses import fill_mailboxes, typed
from fluenzr_smtp.compose.characters import printable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import FactValue, ProblemCode, Stage

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_BRACES = re.compile(r"""\{\{\s*(?:'\{\{'|"\{\{")\s*\}\}""")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_SHOWN_OF_A_HOLE = 30
# From a private use area of Unicode: characters that no address has any use for.
_MARK = re.compile("\ue000([0-9]+)\ue001")
_MARK_START = "\ue000"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hole:
    """A place for a value, and where it stands in the template."""

    name: str
    fallback: str | None
    is_raw: bool
    position: int


def fill(template: str, values: Mapping[str, str], *, path: str = "", is_html: bool = False) -> str:
    """Put the values into a template.

    Args:
        template: The text; one without ``{{`` comes back as it is.
        values: The value of each name. They are not looked into: braces in a value stay braces.
        path: The file that the template is from, named in errors.
        is_html: Whether the values are escaped, so that each shows as text.

    Raises:
        FluenzrError: `template-invalid` (reason `variable-unknown`, `variable-name` or `brace-open`).
    """
    filled = []
    for piece in _pieces(template, path):
        if isinstance(piece, str):
            filled.append(piece)
        elif _has_value(piece, values):
            value = values[piece.name]
            filled.append(value.translate(_HTML) if is_html and not piece.is_raw else value)
        else:
            filled.append(_fallback(piece, template, path))
    return "".join(filled)


def fill_addresses(template: str, values: Mapping[str, str]) -> str:
    """Put the values into a list of mailboxes, and write it so that `parse_mailboxes` reads it.

    No value adds a recipient or changes which part of a mailbox is which: in ``{{name}} <{{email}}>`` a name
    may hold commas and brackets. A value alone between commas is one mailbox. A list that is nothing but a
    variable with a fallback, and stays empty, comes back empty.

    Raises:
        FluenzrError: `template-invalid` as in `fill`; `address-malformed`.
    """
    marked: list[str] = []
    found: list[str] = []
    for piece in _pieces(template, ""):
        if isinstance(piece, str):
            marked.append(piece)
            continue
        value = values[piece.name] if _has_value(piece, values) else _fallback(piece, template, "")
        if value or piece.fallback is None:
            marked.append(f"{_MARK_START}{len(found)}\ue001")
            found.append(value)
    text = "".join(marked)
    if _MARK_START in template:
        shown = printable(template)
        raise failure(ProblemCode.ADDRESS_MALFORMED, Stage.INPUT, address=shown, reason="invisible-character")
    if template.strip(" ") and not text.strip(" "):
        return ""
    return typed(fill_mailboxes(text, lambda part: _MARK.sub(lambda mark: found[int(mark[1])], part)))


def parse_variable(text: str) -> tuple[str, str]:
    """Read a variable as typed after ``--var``: ``name=value``; all after the first ``=`` is the value.

    Raises:
        FluenzrError: `setting-invalid` (reason `no-equals-sign` or `variable-name`).
    """
    name, equals, value = text.partition("=")
    reason = "variable-name" if equals else "no-equals-sign"
    if not (equals and _NAME.fullmatch(name)):
        raise failure(
            ProblemCode.SETTING_INVALID, Stage.USAGE, setting="--var", value=printable(name), reason=reason
        )
    return name, value


def _pieces(template: str, path: str) -> Iterator[str | _Hole]:
    """Cut a template into texts and places for values, each character looked at a fixed number of times."""
    position = 0
    while (start := template.find("{{", position)) >= 0:
        yield template[position:start]
        if braces := _BRACES.match(template, start):
            yield "{{"
            position = braces.end()
        else:
            position = _hole_end(template, start, path)
            yield _hole(template, start, position, path)
    yield template[position:]


def _hole_end(template: str, start: int, path: str) -> int:
    width = 3 if template.startswith("{{{", start) else 2
    end = template.find("}" * width, start + width)
    if end < 0 or template.find("{{", start + width, end) >= 0:
        shown = template[start : start + _SHOWN_OF_A_HOLE]
        raise _template_invalid("brace-open", template, start, path, value=printable(shown))
    return end + width


def _hole(template: str, start: int, end: int, path: str) -> _Hole:
    is_raw = template.startswith("{{{", start)
    width = 3 if is_raw else 2
    name, bar, fallback = template[start + width : end - width].partition("|")
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise _template_invalid("variable-name", template, start, path, value=printable(name))
    return _Hole(name=name, fallback=fallback.strip() if bar else None, is_raw=is_raw, position=start)


def _has_value(hole: _Hole, values: Mapping[str, str]) -> bool:
    """Say whether a value is to be used: a blank one gives way to a fallback."""
    value = values.get(hole.name)
    return value is not None and (hole.fallback is None or bool(value.strip()))


def _fallback(hole: _Hole, template: str, path: str) -> str:
    if hole.fallback is None:
        facts = {"missing": hole.name, "value": hole.name}
        raise _template_invalid("variable-unknown", template, hole.position, path, **facts)
    return hole.fallback


def _template_invalid(
    reason: str, template: str, position: int, path: str, **facts: FactValue
) -> FluenzrError:
    line = template.count("\n", 0, position) + 1
    return failure(
        ProblemCode.TEMPLATE_INVALID, Stage.INPUT, None, reason=reason, path=path, line=line, **facts
    )
