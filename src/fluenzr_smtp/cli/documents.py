"""What a command ends with, as one versioned JSON document. Nothing is printed here.

``schema``, ``command``, ``status``, ``exit_code``, ``data`` and of a problem ``code``, ``stage``,
``transient``, ``reply`` and ``facts`` are stable; ``title``, ``fix`` and ``guide`` are for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from pathlib import PurePath

from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.model import Endpoint
from fluenzr_smtp.problems import ExitStatus, Problem, ServerReply

VERSION = 1

# Valid JSON may hold these as they are, but a terminal may obey them, and a lone surrogate is no UTF-8.
_UNSAFE = re.compile(
    r"[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)


class Status(StrEnum):
    """How a command ended, in one word."""

    OK = "ok"
    PARTIAL = "partial"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The end of a command. ``command`` is its words (``presets list``), empty where none was reached.

    ``data`` holds plain values: mappings, sequences, text, numbers, times, enums, problems and replies.
    """

    command: str
    data: object = None
    problems: tuple[Problem, ...] = ()
    exit_status: ExitStatus = ExitStatus.OK

    @property
    def schema(self) -> str:
        """The name and version of the document's form."""
        return schema_name(self.command)

    @property
    def status(self) -> Status:
        """``partial`` says that some of the work was done (exit status 80)."""
        if self.exit_status is ExitStatus.PARTIAL:
            return Status.PARTIAL
        return Status.OK if self.exit_status is ExitStatus.OK else Status.ERROR


def failed(command: str, problem: Problem, data: object = None) -> Document:
    """Return the document of a command that ended in a problem."""
    return Document(command=command, data=data, problems=(problem,), exit_status=problem.exit_status)


def schema_name(command: str) -> str:
    """Return the schema's name of a command's words; ``fluenzr/error/1`` where no command was reached."""
    return f"fluenzr/{command.replace(' ', '-') or 'error'}/{VERSION}"


def endpoint_record(endpoint: Endpoint) -> dict[str, object]:
    """Return a server as documents show it."""
    return {"host": endpoint.host, "port": endpoint.port, "encryption": endpoint.security}


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
