"""Documents as JSON text: valid UTF-8 whatever they hold, and safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath

from fluenzr_smtp.cli.documents import Document
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.problems import Problem, ServerReply

# Valid JSON may hold these as they are, but a terminal may obey them, and a lone surrogate is no UTF-8.
_UNSAFE = re.compile(
    r"[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)


def as_json(document: Document, catalogue: Catalogue, *, indent: int | None = 2) -> str:
    """Write the document as JSON: valid UTF-8 whatever it holds, and safe to print."""
    table = {
        "schema": document.schema,
        "command": document.command or "fluenzr",
        "status": document.status,
        "exit_code": document.exit_status,
        "data": document.data,
        "problems": list(document.problems),
    }
    text = json.dumps(_plain(table, catalogue), ensure_ascii=False, allow_nan=False, indent=indent)
    return _UNSAFE.sub(_escaped, text)


def _plain(value: object, catalogue: Catalogue) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(each, catalogue) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, catalogue) for each in value]
    if isinstance(value, Problem):
        return _plain(_problem(value, catalogue), catalogue)
    if isinstance(value, ServerReply):
        return {"code": value.code, "enhanced": value.enhanced, "text": value.text}
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    # A secret, or a value that nobody meant to publish.
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _problem(problem: Problem, catalogue: Catalogue) -> dict[str, object]:
    told = catalogue.sentence(problem)
    return {
        "code": problem.code,
        "stage": problem.stage,
        "transient": problem.is_transient,
        "reply": problem.reply,
        "facts": problem.facts,
        "title": told.title,
        "fix": told.fix,
        "guide": problem.topic,
    }


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
