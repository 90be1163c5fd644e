"""How a diagnosis is told: to people line by line, as a document, as a page, to CI and to monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.checks import CHECK, CheckLines, check_records, remedy_record
from fluenzr_smtp.cli.diagnose.findings import Findings, Request, find
from fluenzr_smtp.cli.diagnose.fixes import mended
from fluenzr_smtp.cli.documents import endpoint_record
from fluenzr_smtp.cli.output import StdoutFailedError, printable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Protocol
from fluenzr_smtp.problems import Problem, ProblemCode

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.transcript import Line

_PROTOCOL = form.choice(*(each.value for each in Protocol))

DATA = form.record(
    target=form.record(
        name=form.TEXT,
        address=form.nullable(form.TEXT),
        account=form.nullable(form.TEXT),
        preset=form.nullable(form.TEXT),
        smtp=form.nullable(form.ENDPOINT),
        imap=form.nullable(form.ENDPOINT),
    ),
    ok=form.BOOLEAN,
    checks=form.array(CHECK),
    remedies=form.array(
        form.record(
            protocol=_PROTOCOL,
            host=form.TEXT,
            port=form.INTEGER,
            encryption=form.choice("starttls", "ssl", "none"),
            username=form.nullable(form.TEXT),
            applied=form.BOOLEAN,
        )
    ),
    transcript=form.nullable(
        form.array(
            form.record(
                at_ms=form.NUMBER, protocol=_PROTOCOL, direction=form.choice("C", "S", "*"), text=form.TEXT
            )
        )
    ),
)


def told(run: Invocation, request: Request) -> None:
    """Diagnose and tell people, or a script, with the reports that were asked for."""
    lines = CheckLines(run)
    findings = find(run, request, lines.show)
    lines.summary(findings.checks)
    if request.transcript:
        _show_transcript(run, findings)
    trouble: list[Problem] = []
    with _kept(trouble):
        findings = mended(run, findings, without_asking=request.fix)
    with _kept(trouble):
        _write_reports(run, request, findings)
    problems = (*findings.problems, *trouble)
    run.end(
        _record(request, findings),
        problems=problems if run.output.json else tuple(trouble),  # of the others people have read already
        exit_status=problems[0].exit_status if problems else None,
    )


@contextmanager
def _kept(trouble: list[Problem]) -> Iterator[None]:
    """Keep what goes wrong after the diagnosis: what was found is told all the same."""
    try:
        yield
    except StdoutFailedError:
        raise
    except FluenzrError as error:
        if error.problem.code is ProblemCode.INTERRUPTED:
            raise
        trouble.append(error.problem)


def monitored(run: Invocation, request: Request) -> None:
    """Diagnose and print one line for monitoring; whatever keeps it from being made is UNKNOWN.

    Raises:
        typer.Exit: With the status of a monitoring plugin.
    """
    from fluenzr_smtp.cli.nagios import nagios_line, unknown_line

    try:
        findings = find(run, request, lambda _: None)
    except FluenzrError as error:
        line, status = unknown_line(error.problem)
    else:
        line, status = nagios_line(
            findings.checks,
            target=findings.target,
            warn_days=request.warn_days,
            critical_days=request.critical_days,
        )
        trouble: list[Problem] = []
        with _kept(trouble):
            _write_reports(run, request, findings)
        run.output.problems(trouble)
    run.output.line(line)
    raise typer.Exit(status)


def _show_transcript(run: Invocation, findings: Findings) -> None:
    run.output.line()
    for line in findings.transcript:
        run.output.line(_transcript_line(line))


def _transcript_line(line: Line) -> str:
    seconds = f"{line.at.total_seconds():8.3f}"
    return f"{seconds} {line.protocol:<4} {line.direction} {printable(line.text, limit=1100)}".rstrip()


def _record(request: Request, findings: Findings) -> dict[str, object]:
    target = findings.target
    return {
        "target": {
            "name": target.name,
            "address": target.address or None,
            "account": target.account or None,
            "preset": target.preset,
            "smtp": target.smtp and endpoint_record(target.smtp),
            "imap": target.imap and endpoint_record(target.imap),
        },
        "ok": not findings.problems,
        "checks": check_records(findings.checks),
        "remedies": [
            {**remedy_record(remedy), "applied": remedy in findings.applied} for remedy in findings.works
        ],
        "transcript": _transcript_records(findings) if request.transcript else None,
    }


def _transcript_records(findings: Findings) -> list[dict[str, object]]:
    return [
        {
            "at_ms": round(line.at.total_seconds() * 1000, 1),
            "protocol": line.protocol,
            "direction": line.direction,
            "text": line.text,
        }
        for line in findings.transcript
    ]


def _write_reports(run: Invocation, request: Request, findings: Findings) -> None:
    if request.junit is not None:
        from fluenzr_smtp.cli.junit import Suite, cases_of, junit_report

        suite = Suite(name=findings.target.name, cases=cases_of(findings.checks))
        run.app.files.write(request.junit, junit_report([suite], run.output.catalogue))
    if request.report is not None:
        from fluenzr_smtp import __version__
        from fluenzr_smtp.cli.report import report_page

        page = report_page(
            findings.checks,
            target=findings.target,
            catalogue=run.output.catalogue,
            made=run.app.clock.now(),
            version=__version__,
            transcript=tuple(_transcript_line(each) for each in findings.transcript),
        )
        run.app.files.write(request.report, page)
