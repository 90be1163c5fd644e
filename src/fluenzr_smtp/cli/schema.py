"""``fluenzr schema``: the JSON Schema (draft 2020-12) of every command's document.

Each command's module declares the schema of its ``data`` in ``SCHEMAS``, keyed by the command's words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from fluenzr_smtp.cli import tree as commands
from fluenzr_smtp.cli.documents import Status, schema_name
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage

Schema = Mapping[str, object]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
DATE: Schema = {"type": "string", "format": "date"}
TIME: Schema = {"type": "string", "format": "date-time"}
PROBLEM: Schema = {"$ref": "#/$defs/problem"}
REPLY: Schema = {"$ref": "#/$defs/reply"}


def record(**properties: Schema) -> Schema:
    """Return the schema of a mapping that has all of these; later versions may have more."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def array(items: Schema) -> Schema:
    """Return the schema of a sequence."""
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that may be missing."""
    return {"anyOf": [schema, {"type": "null"}]}


def choice(*values: object) -> Schema:
    """Return the schema of one of several values."""
    return {"enum": list(values)}


ENDPOINT: Schema = record(host=TEXT, port=INTEGER, encryption=choice("starttls", "ssl", "none"))

_DEFINITIONS: Schema = {
    "problem": record(
        code=choice(*(code.value for code in ProblemCode)),
        stage=choice(*(stage.value for stage in Stage)),
        transient=BOOLEAN,
        reply=nullable(REPLY),
        facts={"type": "object"},
        title=TEXT,
        fix=TEXT,
        guide=TEXT,
    ),
    "reply": record(code=nullable(INTEGER), enhanced=nullable(TEXT), text=TEXT),
}

SCHEMAS: Mapping[str, Schema] = {
    "schema": {"type": "object", "description": "A JSON Schema (draft 2020-12)."},
}


def all_schemas() -> dict[str, Schema]:
    """Return the schema of each command's ``data``, by the command's words."""
    found: dict[str, Schema] = {}
    for name in commands.COMMANDS:
        found |= commands.module_of(name).SCHEMAS
    return found


def document_schema(command: str, data: Schema | None) -> dict[str, object]:
    """Return the schema of a command's whole document; None for one that has no data: an error."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:{schema_name(command).replace('/', ':')}",
        "title": f"{commands.PROGRAM} {command} --json".replace("  ", " "),
        **_envelope(command, data),
        "$defs": _DEFINITIONS,
    }


def any_document_schema() -> dict[str, object]:
    """Return the schema of any document that the program prints."""
    every = {"": None, **all_schemas()}
    return {
        "$schema": DIALECT,
        "$id": f"urn:{commands.PROGRAM}",
        "title": f"Any document of {commands.PROGRAM}",
        "oneOf": [_envelope(command, data) for command, data in every.items()],
        "$defs": _DEFINITIONS,
    }


def _envelope(command: str, data: Schema | None) -> Schema:
    return record(
        schema={"const": schema_name(command)},
        command={"const": command or commands.PROGRAM},
        status=choice(*(status.value for status in Status)),
        exit_code=choice(*(int(status) for status in ExitStatus)),
        data={"type": "null"} if data is None else nullable(data),
        problems=array(PROBLEM),
    )


tree = typer.Typer(add_completion=False)


@tree.command(
    cls=commands.Command,
    epilog=commands.examples("fluenzr schema presets list", "fluenzr schema > fluenzr.schema.json"),
)
def schema(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(help="The words of a command; none: every document at once.")
    ] = None,
) -> None:
    """Show the JSON Schema of what --json prints."""
    run = current(ctx)
    words = " ".join(command or ())
    known = all_schemas()
    if words and words not in known:
        near = ", ".join(f"'{each}'" for each in known if each.startswith(words))
        ctx.fail(f"No such command '{words}'." + (f" Did you mean {near}?" if near else ""))
    found = document_schema(words, known[words]) if words else any_document_schema()
    run.end(found, show=lambda: run.output.line(json.dumps(found, indent=2)))
