"""``fluenzr vault slots``, ``vault slot add | remove``: the ways to open the vault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import examples, noun
from fluenzr_smtp.cli.vault import passphrases
from fluenzr_smtp.cli.vault.records import SLOT, named, show_slots, slot_record, slot_records
from fluenzr_smtp.cli.vault.unlocking import VaultCommand, Way
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.vault import KeySource, SlotChange

ADDED = form.record(slot=SLOT, removed=form.array(SLOT), code=form.nullable(form.TEXT))

SCHEMAS = {
    "vault slots": form.record(slots=form.array(SLOT)),
    "vault slot add": ADDED,
    "vault slot remove": form.record(removed=SLOT),
}

NEW_PASSPHRASE, NEW_KEY = "--new-passphrase", "--new-key"
ROTATE_TOO = (
    "Older copies of the vault still open by it, and hold the same data key. Where somebody may have both, "
    "run 'fluenzr vault rotate' as well."
)

_NEW = "What the new slot opens by (never as an argument)"

Label = Annotated[
    str, typer.Option("--label", metavar="TEXT", help="What to call it, such as the machine's name.")
]
NewPassphraseStdin = Annotated[
    bool,
    typer.Option(
        "--new-passphrase-stdin",
        help="Read the new passphrase from standard input; after the line of --unlock-stdin.",
        rich_help_panel=_NEW,
    ),
]
NewPassphraseFile = Annotated[
    str | None,
    typer.Option(
        "--new-passphrase-file",
        metavar="FILE",
        help="Read the new passphrase from a file.",
        rich_help_panel=_NEW,
    ),
]


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command("slots", cls=VaultCommand, epilog=examples("fluenzr vault slots"))(slots)
    slot = noun("The ways to open the vault: add one, remove one.")
    slot.command(
        "add",
        cls=VaultCommand,
        epilog=examples(
            "fluenzr vault slot add keyring --label laptop",
            "fluenzr vault slot add keyring --unlock-with recovery",
            "fluenzr vault slot add key --new-key-file /etc/fluenzr.key --label ci",
        ),
    )(add)
    slot.command(
        "remove", cls=VaultCommand, epilog=examples("fluenzr vault slot remove 0123456789abcdef --yes")
    )(remove)
    tree.add_typer(slot, name="slot")


@dataclass(frozen=True, slots=True)
class NewSlot:
    """What a new slot opens by, and the recovery code to show where it has one."""

    source: KeySource
    code: str | None = None


def slots(ctx: typer.Context) -> None:
    """List the ways to open the vault; the vault is opened to be sure that they are its own."""
    run = current(ctx)
    found = run.app.vault.slots()
    run.end({"slots": slot_records(found)}, show=lambda: show_slots(run, found))


def add(
    ctx: typer.Context,
    kind: Annotated[
        Way,
        typer.Argument(
            metavar="WAY", help="What the new slot opens by: keyring, passphrase, recovery or key."
        ),
    ],
    *,
    label: Label = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove the other slots of this kind in the same write.")
    ] = False,
    new_passphrase_stdin: NewPassphraseStdin = False,
    new_passphrase_file: NewPassphraseFile = None,
    new_key_stdin: Annotated[
        bool,
        typer.Option("--new-key-stdin", help="Read the new key from standard input.", rich_help_panel=_NEW),
    ] = False,
    new_key_file: Annotated[
        str | None,
        typer.Option(
            "--new-key-file",
            metavar="FILE",
            help="Read the new key from a file: 64 hexadecimal digits, or base64.",
            rich_help_panel=_NEW,
        ),
    ] = None,
) -> None:
    """Add another way to open the vault, or one for another machine."""
    run = current(ctx)
    given = {
        Way.PASSPHRASE: passphrases.Given(
            option=NEW_PASSPHRASE, stdin=new_passphrase_stdin, file=new_passphrase_file
        ),
        Way.KEY: passphrases.Given(option=NEW_KEY, stdin=new_key_stdin, file=new_key_file),
    }
    for way, each in given.items():
        if each.named and way is not kind:
            reason = f"{each.named} does not go with {kind.value}"
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    source = given[kind].source(run, kind) if kind in given else None
    put(run, kind, source, label=label, replace=replace)


def remove(
    ctx: typer.Context,
    slot: Annotated[str, typer.Argument(metavar="ID", help="The slot, as 'vault slots' shows it.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a way to open the vault; the last one stays."""
    run = current(ctx)
    if not yes:
        _confirm(run, slot)
    removed = run.app.vault.remove_slot(slot, keychain=run.app.keychain)
    run.output.note(ROTATE_TOO)
    run.end({"removed": slot_record(removed)}, show=lambda: run.output.line(f"Removed {named(removed)}."))


def put(run: Invocation, kind: Way, source: KeySource | None, *, label: str, replace: bool) -> None:
    """Add a slot and end the command; a recovery code is the only line on stdout."""
    if source is None:
        run.app.vault.slots()  # opens before anything is asked
    new = NewSlot(source) if source is not None else _new(run, kind)
    change = run.app.vault.add_slot(new.source, label=label, replace=replace)
    data = {
        "slot": slot_record(change.added),
        "removed": slot_records(change.removed),
        "code": new.code,
    }
    run.end(data, show=lambda: _show(run, change, new.code))
    if change.removed:
        run.output.note(ROTATE_TOO)


def _new(run: Invocation, kind: Way) -> NewSlot:
    from fluenzr_smtp import vault

    if kind is Way.KEYRING:
        return NewSlot(vault.KeyringKey(run.app.keychain))
    if kind is Way.RECOVERY:
        code = vault.RecoveryCode.generate()
        return NewSlot(vault.RecoveryKey(code), code.reveal())
    if kind is Way.KEY:  # nobody types 64 digits
        run.prompts.missing(f"{NEW_KEY}-file")
    option = f"{NEW_PASSPHRASE}-file"
    chosen = passphrases.ask_twice(run, question="New passphrase of the vault", option=option)
    return NewSlot(vault.PassphraseKey(chosen))


def _show(run: Invocation, change: SlotChange, code: str | None) -> None:
    if code is None:
        run.output.line(f"Added {named(change.added)}.")
    else:
        run.output.line(code)
        run.output.note(
            "Write it down and keep it apart from this computer. It opens the vault by itself, and it is "
            "not shown again."
        )
    for each in change.removed:
        run.output.note(f"Removed {named(each)}.")


def _confirm(run: Invocation, slot: str) -> None:
    if not run.prompts.may_ask:
        run.prompts.missing("--yes")
    known = {each.id: each for each in run.app.vault.slots()}
    if slot not in known:
        code = ProblemCode.VAULT_SLOT_UNKNOWN
        raise failure(code, Stage.USAGE, slot=slot, known=tuple(known))
    if not run.prompts.confirm(f"Remove {named(known[slot])}?", option="--yes"):
        raise failure(ProblemCode.INTERRUPTED, Stage.USAGE)
