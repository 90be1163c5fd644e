"""``fluenzr vault export | import``: accounts on their way to another machine."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import examples
from fluenzr_smtp.cli.vault import passphrases
from fluenzr_smtp.cli.vault.unlocking import VaultCommand
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.accounts import Merge
    from fluenzr_smtp.model import Secret, StoredAccount

SCHEMAS = {
    "vault export": form.record(path=form.TEXT, accounts=form.array(form.TEXT), encrypted=form.BOOLEAN),
    "vault import": form.record(
        added=form.array(form.TEXT),
        replaced=form.array(form.TEXT),
        unchanged=form.array(form.TEXT),
        encrypted=form.BOOLEAN,
    ),
}

_PANEL = "Passphrase of the file (never as an argument)"
_PASSPHRASE = "--passphrase"  # noqa: S105 - an option
_WORD = "plaintext"
_LIMIT_BYTES = 16 * 1024 * 1024  # as of a vault

PassphraseStdin = Annotated[
    bool,
    typer.Option(
        "--passphrase-stdin",
        help="Read it from standard input; after the line of --unlock-stdin.",
        rich_help_panel=_PANEL,
    ),
]
PassphraseFile = Annotated[
    str | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Read it from a file.", rich_help_panel=_PANEL),
]


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command(
        "export",
        cls=VaultCommand,
        epilog=examples(
            "fluenzr vault export accounts.fluenzr",
            "fluenzr vault export shop.fluenzr --account shop --passphrase-file /run/secrets/export",
        ),
    )(export_accounts)
    tree.command(
        "import",
        cls=VaultCommand,
        epilog=examples(
            "fluenzr vault import accounts.fluenzr", "fluenzr vault import accounts.fluenzr --replace"
        ),
    )(import_accounts)


def export_accounts(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
    *,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="NAME", help="Only this account; may be repeated."),
    ] = None,
    plaintext: Annotated[
        bool,
        typer.Option(
            "--plaintext",
            help="Do not encrypt: whoever reads the file has the passwords. At a terminal only.",
        ),
    ] = False,
    passphrase_stdin: PassphraseStdin = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write accounts with their passwords into a file, encrypted by a passphrase of its own."""
    run = current(ctx)
    given = passphrases.Given(option=_PASSPHRASE, stdin=passphrase_stdin, file=passphrase_file)
    if plaintext and given.named:
        reason = f"--plaintext and {given.named} exclude each other"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    secret = given.read(run)
    run.app.files.require_new(file)
    chosen = _chosen(run, account)
    content = _plain(run, chosen) if plaintext else _encrypted(run, chosen, secret)
    run.app.files.write_new(file, content)
    names = [each.account.name for each in chosen]
    data = {"path": file, "accounts": names, "encrypted": not plaintext}
    run.end(data, show=lambda: run.output.line(f"{_counted(len(names))} in {file}."))


def import_accounts(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What 'vault export' made.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put them in the place of accounts of the same name.")
    ] = False,
    passphrase_stdin: PassphraseStdin = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Add the accounts of a file that 'vault export' made: all of them, or none."""
    from fluenzr_smtp import vault

    run = current(ctx)
    given = passphrases.Given(option=_PASSPHRASE, stdin=passphrase_stdin, file=passphrase_file)
    secret = given.read(run)
    content = _content(run, file)
    if run.app.unlock_by and not run.app.vault.exists:  # nothing is to be made of a passphrase typed once
        path = str(run.app.paths.vault)
        raise failure(ProblemCode.VAULT_NONE, Stage.VAULT, path=path)
    run.app.require_key()
    is_encrypted = vault.is_export(content)
    imported = _opened(run, file, content, secret) if is_encrypted else _read(file, content)
    merge = run.app.accounts.merge(imported, replace=replace)
    data = {
        "added": merge.added,
        "replaced": merge.replaced,
        "unchanged": merge.unchanged,
        "encrypted": is_encrypted,
    }
    run.end(data, show=lambda: _show(run, merge))
    if not is_encrypted:
        run.output.note(f"{file} holds passwords in plain text. Delete it when it is no longer needed.")


# -- export --------------------------------------------------------------------------------------------------


def _chosen(run: Invocation, names: list[str] | None) -> tuple[StoredAccount, ...]:
    from fluenzr_smtp.accounts import find

    stored = run.app.accounts.list()
    if not stored:
        raise failure(ProblemCode.ACCOUNT_NONE, Stage.CONFIGURATION)
    wanted = [find(stored, name) for name in names or ()]
    return tuple(each for each in stored if each in wanted) if wanted else stored


def _encrypted(run: Invocation, chosen: tuple[StoredAccount, ...], secret: Secret | None) -> bytes:
    from fluenzr_smtp import accounts

    if secret is None:
        option = f"{_PASSPHRASE}-file"
        secret = passphrases.ask_twice(run, question="Passphrase of the file", option=option)
    return accounts.export_accounts(chosen, secret)


def _plain(run: Invocation, chosen: tuple[StoredAccount, ...]) -> bytes:
    from fluenzr_smtp import accounts

    if not run.prompts.may_ask:
        run.prompts.missing(f"{_PASSPHRASE}-file (--plaintext works at a terminal only)")
    run.output.note(
        f"The file will hold {_counted(len(chosen))} with their passwords in plain text. Whoever reads it, "
        "also in a backup, has them."
    )
    if run.prompts.ask(f"To agree, type the word {_WORD}", option="--plaintext") != _WORD:
        raise failure(ProblemCode.INTERRUPTED, Stage.USAGE)
    return accounts.encode(chosen)


# -- import --------------------------------------------------------------------------------------------------


def _opened(run: Invocation, file: str, content: bytes, secret: Secret | None) -> tuple[StoredAccount, ...]:
    from fluenzr_smtp import accounts, secrets_in

    if secret is None:
        typed = run.prompts.ask_secret(f"Passphrase of {file}", option=f"{_PASSPHRASE}-file")
        secret = secrets_in.from_text(typed.reveal())
    return accounts.import_accounts(content, secret, path=file)


def _content(run: Invocation, file: str) -> bytes:
    """Return what is in the file; what is far too big for an export is not read."""
    from fluenzr_smtp import files

    with suppress(OSError):  # it is told when the file is read
        if files.located(file).stat().st_size > _LIMIT_BYTES:
            code = ProblemCode.EXPORT_DAMAGED
            raise failure(code, Stage.INPUT, path=file, reason="too-big")
    return run.app.files.read(file)


def _read(file: str, content: bytes) -> tuple[StoredAccount, ...]:
    from fluenzr_smtp import accounts

    try:
        return accounts.decode(content)
    except FluenzrError as error:
        if error.problem.code is not ProblemCode.VAULT_DAMAGED:
            raise
        code = ProblemCode.EXPORT_DAMAGED
        raise failure(code, Stage.INPUT, path=file, reason="not-an-export") from None


def _show(run: Invocation, merge: Merge) -> None:
    for what, names in (
        ("Added", merge.added),
        ("Replaced", merge.replaced),
        ("Already the same", merge.unchanged),
    ):
        if names:
            run.output.line(f"{what}: {', '.join(names)}")


def _counted(number: int) -> str:
    return f"{number} account{'' if number == 1 else 's'}"
