"""What works instead is offered at a terminal, and written to the account where a script asks for it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks import remedy_told
from fluenzr_smtp.cli.diagnose.findings import Findings
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.model import Remedy

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation


def mended(run: Invocation, findings: Findings, *, without_asking: bool) -> Findings:
    """Write what works to the account: without asking, or after a yes; return what was found with that."""
    applied = tuple(
        remedy for remedy in findings.works if without_asking or _is_wanted(run, findings, remedy)
    )
    if not applied or findings.subject.stored is None:
        return findings
    from fluenzr_smtp.settings import with_remedy

    known = stored = findings.subject.stored
    for remedy in applied:
        stored = replace(stored, account=with_remedy(stored.account, remedy))
    run.app.accounts.replace(stored, known_as=known)
    name = stored.account.name
    for remedy in applied:
        run.output.line(_said(run, findings, "used", remedy, account=name))
    return replace(findings, applied=applied)


def _is_wanted(run: Invocation, findings: Findings, remedy: Remedy) -> bool:
    if not findings.target.account:
        run.output.line(_said(run, findings, "works", remedy))
        return False
    if not run.prompts.may_ask:
        command = f"fluenzr diagnose {shlex.quote(findings.target.account)} --fix"
        hint = printable(run.output.catalogue.label("works_fix", command=command))
        run.output.line(f"{_said(run, findings, 'works', remedy)}. {hint}.")
        return False
    return run.prompts.confirm(_said(run, findings, "use_question", remedy), option="--fix")


def _said(run: Invocation, findings: Findings, label: str, remedy: Remedy, **facts: str) -> str:
    return printable(remedy_told(label, remedy, run.output.catalogue, hosts=findings.hosts, **facts))
