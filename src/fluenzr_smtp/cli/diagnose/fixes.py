"""What works instead is offered at a terminal, and written to the account where a script asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks import encryption_name
from fluenzr_smtp.cli.diagnose.findings import Findings
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.model import Remedy

if TYPE_CHECKING:
    from fluenzr_smtp.cli.options import Invocation

# The labels that tell of another user name in place of another port.
_OF_USERNAMES = {
    "works": "works_username",
    "used": "used_username",
    "use_question": "use_username_question",
}


def mended(run: Invocation, findings: Findings, *, without_asking: bool) -> Findings:
    """Write what works to the account: without asking, or after a yes; return what was found with that."""
    applied = tuple(
        remedy for remedy in findings.works if without_asking or _is_wanted(run, findings, remedy)
    )
    if not applied or findings.subject.stored is None:
        return findings
    from fluenzr_smtp.settings import with_remedy

    stored = run.app.accounts.get(findings.subject.stored.account.name)
    for remedy in applied:
        stored = replace(stored, account=with_remedy(stored.account, remedy))
    run.app.accounts.replace(stored)
    name = printable(stored.account.name)
    for remedy in applied:
        run.output.line(_label(run, "used", remedy, account=name))
    return replace(findings, applied=applied)


def _is_wanted(run: Invocation, findings: Findings, remedy: Remedy) -> bool:
    if not findings.target.account or not run.prompts.may_ask:
        run.output.line(_label(run, "works", remedy))
        return False
    return run.prompts.confirm(_label(run, "use_question", remedy), option="--fix")


def _label(run: Invocation, name: str, remedy: Remedy, **facts: str) -> str:
    catalogue = run.output.catalogue
    if remedy.username:
        return catalogue.label(_OF_USERNAMES[name], username=printable(remedy.username), **facts)
    return catalogue.label(
        name,
        protocol=remedy.protocol.value,
        port=remedy.endpoint.port,
        encryption=encryption_name(remedy.endpoint.security, catalogue),
        **facts,
    )
