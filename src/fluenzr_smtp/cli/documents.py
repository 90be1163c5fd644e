"""What a command ends with, as one versioned JSON document. Nothing is printed here.

``schema``, ``command``, ``status``, ``exit_code``, ``data`` and of a problem ``code``, ``stage``,
``transient``, ``reply`` and ``facts`` are stable; ``title``, ``fix`` and ``guide`` are for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluenzr_smtp.model import Endpoint
from fluenzr_smtp.problems import ExitStatus, Problem

VERSION = 1


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
