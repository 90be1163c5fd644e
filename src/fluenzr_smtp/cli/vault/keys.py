"""``fluenzr vault passphrase | recovery``: set or renew the passphrase, make a new recovery code."""

from __future__ import annotations

import typer

from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.tree import examples
from fluenzr_smtp.cli.vault import passphrases
from fluenzr_smtp.cli.vault.slots import (
    ADDED,
    NEW_PASSPHRASE,
    Label,
    NewPassphraseFile,
    NewPassphraseStdin,
    put,
)
from fluenzr_smtp.cli.vault.unlocking import VaultCommand, Way

SCHEMAS = {"vault passphrase": ADDED, "vault recovery": ADDED}


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command(
        "passphrase",
        cls=VaultCommand,
        epilog=examples(
            "fluenzr vault passphrase",
            "fluenzr vault passphrase --new-passphrase-file /run/secrets/fluenzr",
        ),
    )(passphrase)
    tree.command("recovery", cls=VaultCommand, epilog=examples("fluenzr vault recovery"))(recovery)


def passphrase(
    ctx: typer.Context,
    *,
    label: Label = "",
    new_passphrase_stdin: NewPassphraseStdin = False,
    new_passphrase_file: NewPassphraseFile = None,
) -> None:
    """Set the passphrase that opens the vault, in place of an older one."""
    given = passphrases.Given(option=NEW_PASSPHRASE, stdin=new_passphrase_stdin, file=new_passphrase_file)
    run = current(ctx)
    put(run, Way.PASSPHRASE, given.source(run, Way.PASSPHRASE), label=label, replace=True)


def recovery(ctx: typer.Context, *, label: Label = "") -> None:
    """Make a new recovery code, in place of an older one; it is shown once, on stdout."""
    put(current(ctx), Way.RECOVERY, None, label=label, replace=True)
