"""``fluenzr vault backup | restore``: a copy of the encrypted file, and one put back."""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import examples
from fluenzr_smtp.cli.vault.records import day
from fluenzr_smtp.cli.vault.unlocking import VaultCommand
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {
    "vault backup": form.record(
        path=form.TEXT,
        generation=form.INTEGER,
        version=form.INTEGER,
        size_bytes=form.INTEGER,
        sha256=form.TEXT,
    ),
    "vault restore": form.record(
        vault_id=form.TEXT,
        generation=form.INTEGER,
        restored_generation=form.INTEGER,
        kept=form.nullable(form.TEXT),
    ),
}


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command(
        "backup", cls=VaultCommand, epilog=examples("fluenzr vault backup /media/stick/vault-2026.fluenzr")
    )(backup)
    tree.command(
        "restore",
        cls=VaultCommand,
        epilog=examples(
            "fluenzr vault restore /media/stick/vault-2026.fluenzr",
            "fluenzr vault restore vault-2026.fluenzr --unlock-with recovery --yes",
        ),
    )(restore)


def backup(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
) -> None:
    """Copy the vault, encrypted as it is; nothing is opened or overwritten."""
    from fluenzr_smtp import files

    run = current(ctx)
    made = run.app.vault.backup(files.located(file))
    data = {
        "path": made.path,
        "generation": made.generation,
        "version": made.version,
        "size_bytes": made.size_bytes,
        "sha256": made.sha256,
    }
    run.end(data, show=lambda: run.output.line(f"Generation {made.generation} is kept in {made.path}."))


def restore(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What 'vault backup' made.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put a backup in the vault's place; it must open, and the present vault is kept beside it."""
    from fluenzr_smtp import accounts, files

    run = current(ctx)
    path = files.located(file)
    if run.app.vault.exists and not yes:
        _confirm(run, file)
    done = run.app.vault.restore(path, check=accounts.decode)
    data = {
        "vault_id": done.vault_id,
        "generation": done.generation,
        "restored_generation": done.restored_generation,
        "kept": done.kept,
    }

    def show() -> None:
        run.output.line(f"Generation {done.restored_generation} is in place again, as {done.generation}.")
        if done.kept is not None:
            run.output.note(f"What was there before is kept as {done.kept}.")

    run.end(data, show=show)


def _confirm(run: Invocation, file: str) -> None:
    found = run.app.vault.status()
    what = f"generation {found.generation}, written on {day(found.written)}"
    present = what if found.generation is not None else "which cannot be read"
    if not run.prompts.confirm(f"Replace the vault ({present}) by {file}?", option="--yes"):
        raise failure(ProblemCode.INTERRUPTED, Stage.USAGE)
