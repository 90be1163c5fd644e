"""``fluenzr vault rotate | verify``: a new data key, and a look at every part of the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.cli.tree import examples
from fluenzr_smtp.cli.vault.records import SLOT, named, show_slots, slot_records
from fluenzr_smtp.cli.vault.unlocking import WAYS, VaultCommand, Way, asked_source, given_source
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.vault import Finding, KeySource, Rotation, Slot, Verification

_FINDING = form.record(
    part=form.TEXT,
    subject=form.TEXT,
    state=form.choice("ok", "wrong", "not-tried"),
    problem=form.nullable(form.PROBLEM),
    facts={"type": "object"},
)

SCHEMAS = {
    "vault rotate": form.record(slots=form.array(SLOT), dropped=form.array(SLOT), kept=form.array(form.TEXT)),
    "vault verify": form.record(ok=form.BOOLEAN, findings=form.array(_FINDING)),
}

_ALSO = "--also"
_DROP = "--drop-unavailable"
_GREEN, _RED, _DIM = "32", "1;31", "2"

_SUBJECTS = {
    "structure": "the parts that are not encrypted",
    "payload": "the encrypted part, and that nothing was changed",
    "content": "the accounts",
    "memory": "whether it is older than it was here",
}
_NOT_TRIED = (
    f"A slot that was not tried is tried with what opens it: {_ALSO} recovery, {_ALSO} passphrase=FILE."
)

Also = Annotated[
    list[str] | None,
    typer.Option(
        _ALSO,
        metavar="WAY[=FILE]",
        help="What opens another slot: keyring, or passphrase, recovery or key with the file that holds it; "
        "without the file it is asked for. May be repeated.",
        rich_help_panel="Opening the vault",
    ),
]


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command(
        "rotate",
        cls=VaultCommand,
        epilog=examples("fluenzr vault rotate", "fluenzr vault rotate --also recovery=code.txt"),
    )(rotate)
    tree.command(
        "verify",
        cls=VaultCommand,
        epilog=examples("fluenzr vault verify", "fluenzr vault verify --also recovery --json"),
    )(verify)


def rotate(
    ctx: typer.Context,
    *,
    also: Also = None,
    drop: Annotated[
        bool, typer.Option(_DROP, help="Lose the slots whose passphrase, code or key is not given.")
    ] = False,
) -> None:
    """Encrypt everything anew under a new data key; every slot has to be opened for that, or dropped."""
    run = current(ctx)
    found = run.app.vault.slots()
    sources = _sources(run, also)
    sources += _missing_sources(run, found, sources, drop=drop)
    done = run.app.vault.rotate(sources, drop=drop)
    data = {
        "slots": slot_records(done.slots),
        "dropped": slot_records(done.dropped),
        "kept": [str(path) for path in done.kept],
    }
    run.end(data, show=lambda: _show_rotation(run, done))


def verify(ctx: typer.Context, *, also: Also = None) -> None:
    """Look at every part of the vault: file, slots, content, rollback. Changes nothing."""
    from fluenzr_smtp import accounts

    run = current(ctx)
    done = run.app.vault.verify(_sources(run, also), check=accounts.decode)
    problems = _faults(done)
    data = {"ok": done.ok, "findings": [_finding_record(each) for each in done.findings]}

    def show() -> None:
        for each in done.findings:
            run.output.line(_finding_line(run, each))
        if any(each.part.value == "slot" and each.state.value == "not-tried" for each in done.findings):
            run.output.note(_NOT_TRIED)

    run.end(data, show=show, problems=problems)


def _faults(done: Verification) -> tuple[Problem, ...]:
    """Return what is wrong; where nothing opened the vault, why. A slot that nobody tried is no fault."""
    wrong = [each.problem for each in done.findings if each.problem and each.state.value == "wrong"]
    locked = [each.problem for each in done.findings if each.problem and each.part.value == "payload"]
    return tuple(wrong or ([] if done.ok else locked))


def _sources(run: Invocation, also: list[str] | None) -> tuple[KeySource, ...]:
    return tuple(_source(run, each) for each in also or ())


def _source(run: Invocation, text: str) -> KeySource:
    way, has_file, file = text.partition("=")
    if way not in WAYS or (has_file and (not file or way == Way.KEYRING.value)):
        reason = f"{_ALSO} takes keyring, or passphrase, recovery or key, with =FILE"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason, command=f"fluenzr {run.command}")
    given = given_source(run, Way(way), file=file or None, stdin=False)
    return given or asked_source(run, Way(way))


def _missing_sources(
    run: Invocation, slots: tuple[Slot, ...], sources: tuple[KeySource, ...], *, drop: bool
) -> tuple[KeySource, ...]:
    """Return the keyring where a slot wants it; at a terminal, also what a person types for the others."""
    at_hand = {run.app.vault.source.kind.value, *(each.kind.value for each in sources)}
    wanted = [kind for kind in dict.fromkeys(slot.kind.value for slot in slots) if kind not in at_hand]
    found = [given_source(run, Way.KEYRING, file=None, stdin=False)] if _wants_keyring(run, wanted) else []
    others = [kind for kind in wanted if kind != Way.KEYRING.value and run.prompts.may_ask and not drop]
    if others:
        run.output.note(f"Every slot gets the new key. Where you lack what opens one, use {_DROP}.")
    asked = [asked_source(run, Way(kind)) for kind in others]
    return tuple(each for each in (*found, *asked) if each is not None)


def _wants_keyring(run: Invocation, wanted: list[str]) -> bool:
    if Way.KEYRING.value not in wanted:
        return False
    try:
        return bool(run.app.keychain.backend_name)
    except FluenzrError:  # on a machine without keyring its slots are those of another one
        return False


def _show_rotation(run: Invocation, done: Rotation) -> None:
    run.output.line("Everything is encrypted under a new key. It opens by:")
    show_slots(run, done.slots)
    for slot in done.dropped:
        run.output.note(f"Dropped {named(slot)}. It opens the vault no more.")
    if done.kept:
        run.output.note(
            "These older files still open with the old key; so do backups that you made. Delete them where "
            "the old key may be known to others:"
        )
        for path in done.kept:
            run.output.note(f"  {path}")


def _finding_record(finding: Finding) -> dict[str, object]:
    return {
        "part": finding.part.value,
        "subject": finding.subject,
        "state": finding.state.value,
        "problem": finding.problem,
        "facts": dict(finding.facts),
    }


def _finding_line(run: Invocation, finding: Finding) -> str:
    style = {"ok": _GREEN, "wrong": _RED, "not-tried": _DIM}[finding.state.value]
    mark = run.output.painted(f"{finding.state.value.replace('-', ' '):<9}", style)
    code = f"  {finding.problem.code}" if finding.problem else ""
    return f"  {mark}  {finding.part.value:<10}  {printable(_subject(finding))}{code}".rstrip()


def _subject(finding: Finding) -> str:
    if finding.part.value == "slot":
        label = f" '{finding.facts['label']}'" if finding.facts.get("label") else ""
        return f"{finding.facts['kind']}{label} ({finding.subject})"
    return _SUBJECTS.get(finding.part.value, finding.subject)
