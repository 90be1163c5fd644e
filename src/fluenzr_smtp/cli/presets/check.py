"""``fluenzr presets check``: do the servers of the catalogue still say what the records say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.documents import endpoint_record
from fluenzr_smtp.cli.network import CaFile, Resolver, Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Protocol
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.discovery import Checked, Upkeep

_SECONDS = 10

_REMARKS = {
    "no-password": "offers no login by password",
    "no-oauth": "offers no OAuth, which the record wants",
    "offers-oauth": "offers OAuth, of which the record knows nothing",
    "smaller-messages": "takes smaller messages than the record says",
}
_UNTRIED = {
    "unsupported": "no mail program can use it",
    "own-domain": "its servers have the name of your own domain",
    "this-computer": "it runs on this computer: name it to try it",
}

SCHEMAS = {
    "presets check": form.record(
        presets=form.array(
            form.record(
                key=form.TEXT,
                holds=form.nullable(form.BOOLEAN),
                untried=form.nullable(form.choice(*_UNTRIED)),
                checked=form.nullable(form.DATE),
                old=form.BOOLEAN,
                servers=form.array(
                    form.record(
                        protocol=form.choice(*(each.value for each in Protocol)),
                        host=form.TEXT,
                        port=form.INTEGER,
                        encryption=form.choice("starttls", "ssl", "none"),
                        verified=form.BOOLEAN,
                        seconds=form.nullable(form.NUMBER),
                        mechanisms=form.array(form.TEXT),
                        limit_bytes=form.nullable(form.INTEGER),
                        remarks=form.array(form.choice(*_REMARKS)),
                        problem=form.nullable(form.PROBLEM),
                    )
                ),
            )
        )
    )
}


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    lines = ("fluenzr presets check", "fluenzr presets check ovh gandi", "fluenzr presets check --json")
    tree.command("check", cls=Command, epilog=examples(*lines))(check)


def check(
    ctx: typer.Context,
    *,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="These presets alone; none: all of them.")
    ] = None,
    resolver: Resolver = None,
    ca_file: CaFile = None,
    timeout: Timeout = _SECONDS,
) -> None:
    """Try the servers of the catalogue: name, TLS, capabilities. Nobody logs in.

    Says what no longer holds, and which records were last compared with their sources over a year ago.
    """
    run = current(ctx)
    presets = tuple(dict.fromkeys(map(run.app.presets.get, keys or ())))
    found = []
    for each in run.app.finder.checked(
        presets or tuple(run.app.presets.presets.values()),
        with_loopback=bool(keys),
        resolver=resolver,
        authority=run.app.files.authority(ca_file) if ca_file else None,
        seconds=float(timeout),
    ):
        run.output.note(f"{each.preset.key}: {_state(each)}")
        found.append(each)
    _end(run, found)


def _end(run: Invocation, found: list[Upkeep]) -> None:
    failed = [each for each in found if not each.holds]

    def show() -> None:
        from fluenzr_smtp.cli.columns import columns

        rows = [row for each in found for row in _rows(each)]
        if rows:
            run.output.line()
            run.output.table(columns(("preset", "server", "finding"), rows, whole=frozenset({"preset"})))
        tried = [each for each in found if each.untried is None]
        run.output.line()
        run.output.line(f"{len(tried) - len(failed)} of {len(tried)} presets hold.")

    problems: tuple[Problem, ...] = ()
    if failed:
        names = tuple(each.preset.key for each in failed)
        error = failure(
            ProblemCode.PRESETS_OUTDATED, Stage.CONNECT, names=names, rows=len(failed), total=len(found)
        )
        problems = (error.problem,)
    run.end({"presets": [_record(each) for each in found]}, show=show, problems=problems)


def _state(upkeep: Upkeep) -> str:
    if upkeep.untried is not None:
        return f"not tried ({_UNTRIED[upkeep.untried.value]})"
    return "holds" if upkeep.holds else "does not hold"


def _rows(upkeep: Upkeep) -> list[tuple[str, str, str]]:
    """Return what is to be told of a preset; of one that holds in every respect, nothing."""
    rows = [(upkeep.preset.key, _server(each), told) for each in upkeep.servers if (told := _told(each))]
    if upkeep.is_old:
        rows.append(
            (upkeep.preset.key, "", f"compared with its sources on {upkeep.preset.checked}, long ago")
        )
    return rows


def _server(checked: Checked) -> str:
    return f"{checked.protocol} {checked.server.endpoint} {checked.server.endpoint.security}"


def _told(checked: Checked) -> str:
    if checked.server.problem is not None:
        return checked.server.problem.code
    return "; ".join(_REMARKS[each.value] for each in checked.remarks)


def _record(upkeep: Upkeep) -> dict[str, object]:
    preset = upkeep.preset
    from fluenzr_smtp.cli.presets.records import NEVER

    return {
        "key": preset.key,
        "holds": upkeep.holds if upkeep.untried is None else None,
        "untried": upkeep.untried,
        "checked": preset.checked if preset.checked > NEVER else None,
        "old": upkeep.is_old,
        "servers": [_server_record(each) for each in upkeep.servers],
    }


def _server_record(checked: Checked) -> dict[str, object]:
    server = checked.server
    return {
        "protocol": checked.protocol,
        **endpoint_record(server.endpoint),
        "verified": bool(server.is_verified),
        "seconds": server.seconds,
        "mechanisms": server.mechanisms,
        "limit_bytes": server.limit_bytes,
        "remarks": checked.remarks,
        "problem": server.problem,
    }
