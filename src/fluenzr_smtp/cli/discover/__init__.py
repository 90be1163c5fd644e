"""``fluenzr discover``: from an address to the settings of its mailbox, and where each came from.

The command is here; ``words`` tells of steps and candidates to people, ``records`` to scripts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli.discover.records import DATA, discovery_record
from fluenzr_smtp.cli.discover.words import advice, candidate_table, step_line
from fluenzr_smtp.cli.network import CaFile, Resolver, Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.discovery import Origin, Verdict
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.discovery import Survey

SCHEMAS = {"discover": DATA}

_HOPELESS = frozenset({Verdict.FAILED, Verdict.UNSUPPORTED})

tree = typer.Typer(add_completion=False)


@tree.command(
    cls=Command,
    epilog=examples(
        "fluenzr discover me@my-company.fr",
        "fluenzr discover me@my-company.fr --json",
        "fluenzr discover me@gmail.com --offline",
    ),
)
def discover(
    ctx: typer.Context,
    *,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address to find the settings of.")],
    offline: Annotated[bool, typer.Option("--offline", help="Ask the catalogue alone.")] = False,
    resolver: Resolver = None,
    ca_file: CaFile = None,
    timeout: Timeout = int(STEP_SECONDS / 2),
) -> None:
    """Find the servers of an address: by the catalogue, MX, SRV, autoconfig and the usual names.

    Each server is tried up to its certificate and its capabilities; nobody logs in and nothing is saved.
    """
    run = current(ctx)
    survey = run.app.finder.survey(
        email,
        is_offline=offline,
        resolver=resolver,
        authority=run.app.files.authority(ca_file) if ca_file else None,
        seconds=float(timeout),
    )
    for step in survey.steps(is_thorough=True):
        run.output.note(step_line(step))
    _end(run, survey)


def _end(run: Invocation, survey: Survey) -> None:
    candidates = survey.candidates()

    def show() -> None:
        if candidates:
            run.output.line()
            run.output.table(candidate_table(candidates))
        if lines := advice(survey.subject.address, candidates):
            run.output.line()
            for line in lines:
                run.output.line(line)

    is_found = any(each.verdict not in _HOPELESS for each in candidates)
    problems = () if is_found else (_nothing(survey),)
    run.end(discovery_record(survey), show=show, problems=problems)


def _nothing(survey: Survey) -> Problem:
    """Say why there is nothing to use: no program is let in, nothing is reached, or nothing is known."""
    for each in survey.candidates():
        if each.verdict is Verdict.UNSUPPORTED and each.proposal.preset is not None:
            from fluenzr_smtp.settings import unsupported

            return unsupported(each.proposal.preset).problem
        if each.smtp is not None and each.smtp.problem is not None:
            return each.smtp.problem
    address, domain = survey.subject.address, survey.subject.domain
    if any(each.origin is Origin.MX and each.fault == "no-answer" for each in survey.taken):
        return failure(ProblemCode.DNS_UNAVAILABLE, Stage.RESOLVE, host=domain, reason="no-answer").problem
    return failure(ProblemCode.SERVERS_UNKNOWN, Stage.CONFIGURATION, domain=domain, address=address).problem
