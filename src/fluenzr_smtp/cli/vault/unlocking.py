"""How a vault command opens the vault: the options that all of them take, and what they stand for.

Without them the environment decides, else the keyring, as for every other command. Secrets come from a file,
from standard input or from a person; never from an argument.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from typer.core import TyperOption

from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.model import Secret
    from fluenzr_smtp.vault import KeySource

WITH, FILE, STDIN = "--unlock-with", "--unlock-file", "--unlock-stdin"

_PANEL = "Opening the vault"
_TRIES = 3


class Way(StrEnum):
    """What a slot is opened by; the kinds of slots, known without loading the vault's room."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105 - a kind, not a secret
    RECOVERY = "recovery"
    KEY = "key"


WAYS = tuple(way.value for way in Way)
_VARIABLES = {
    Way.PASSPHRASE: "FLUENZR_VAULT_PASSPHRASE_FILE",
    Way.RECOVERY: "FLUENZR_VAULT_RECOVERY_CODE_FILE",
    Way.KEY: "FLUENZR_VAULT_KEY_FILE",
}
_QUESTIONS = {
    Way.PASSPHRASE: "Passphrase of the vault",
    Way.RECOVERY: "Recovery code",
    Way.KEY: "Key of the vault (64 hexadecimal digits)",
}


class VaultCommand(Command):
    """A command that takes the options by which the vault is opened, and puts them into effect."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        self.params = [*self.params[:-4], *_options(), *self.params[-4:]]

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Take the options out of what the command gets, then run it."""
        taken = {name: ctx.params.pop(name) for name in _NAMES}
        Unlock(**taken).take_effect(current(ctx))
        return super().invoke(ctx)


_NAMES = ("unlock_with", "unlock_file", "unlock_stdin", "accept_rollback")


def _options() -> list[TyperOption]:
    return [
        _option(WITH, "keyring, passphrase, recovery or key, instead of what opens it elsewhere.", "WAY"),
        _option(FILE, "Read the passphrase, recovery code or key from a file.", "FILE"),
        _option(STDIN, "Read it from the first line of standard input.", None),
        _option("--accept-rollback", "Open it although it is older than it was here.", None),
    ]


def _option(name: str, explanation: str, metavar: str | None) -> TyperOption:
    flag = {"is_flag": True, "default": False} if metavar is None else {"metavar": metavar}
    return TyperOption(param_decls=[name], help=explanation, rich_help_panel=_PANEL, **flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """What was said of how to open the vault."""

    unlock_with: str | None
    unlock_file: str | None
    unlock_stdin: bool
    accept_rollback: bool

    def take_effect(self, run: Invocation) -> None:
        """Make the run's vault open this way. A malformed recovery code or key is refused now.

        Raises:
            FluenzrError: ``usage-invalid``; ``recovery-code-malformed``, ``secret-…``, ``file-…``.
        """
        run.app.accept_rollback = self.accept_rollback
        way = self._checked_way(run)
        if way is None:
            return
        source = given_source(run, way, file=self.unlock_file, stdin=self.unlock_stdin)
        run.app.unlock_by = lambda: source or _of_environment(run, way) or asked_source(run, way)

    def _checked_way(self, run: Invocation) -> Way | None:
        if self.unlock_with is not None and self.unlock_with not in WAYS:
            raise _usage(run, f"{WITH} takes one of {', '.join(WAYS)}")
        if self.unlock_file is not None and self.unlock_stdin:
            raise _usage(run, f"{FILE} and {STDIN} exclude each other")
        named = FILE if self.unlock_file is not None else STDIN if self.unlock_stdin else None
        if named and self.unlock_with in {None, Way.KEYRING}:
            raise _usage(run, f"{named} goes with {WITH} passphrase, recovery or key")
        return None if self.unlock_with is None else Way(self.unlock_with)


def read_secret(*, file: str | None, stdin: bool) -> Secret | None:
    """Return the first line of the one that is named; None where neither is.

    Raises:
        FluenzrError: ``file-missing``, ``file-unreadable``, ``secret-empty``, ``secret-malformed``.
    """
    from fluenzr_smtp import files, secrets_in

    if stdin:
        return secrets_in.from_stdin(sys.stdin.buffer)
    return None if file is None else secrets_in.from_file(files.located(file))


def given_source(run: Invocation, way: Way, *, file: str | None, stdin: bool) -> KeySource | None:
    """Return what opens slots of a kind: the keyring, or what a file or standard input holds; else None.

    A file is read as the variables of the environment that name one read it.

    Raises:
        FluenzrError: ``recovery-code-malformed``, ``secret-…``, ``file-…``.
    """
    from fluenzr_smtp import files, vault

    if way is Way.KEYRING:
        return vault.KeyringKey(run.app.keychain)
    if file is not None:
        with _naming_no_variable():
            return vault.key_source({_VARIABLES[way]: str(files.located(file))}, lambda: run.app.keychain)
    secret = read_secret(file=None, stdin=stdin)
    return None if secret is None else _source_of(way, secret)


def asked_source(run: Invocation, way: Way) -> KeySource:
    """Ask a person; a recovery code that is mistyped is told at once, and asked for again.

    Raises:
        FluenzrError: ``input-required``; ``recovery-code-malformed``, ``secret-…``.
    """
    from fluenzr_smtp import secrets_in

    for left in reversed(range(_TRIES)):
        answer = run.prompts.ask_secret(_QUESTIONS[way], option=FILE)
        try:
            return _source_of(way, secrets_in.from_text(answer.reveal()))
        except FluenzrError as error:
            if left == 0 or error.problem.code is not ProblemCode.RECOVERY_CODE_MALFORMED:
                raise
            run.output.problem(error.problem)
    raise AssertionError("the last try raises")


def _source_of(way: Way, secret: Secret) -> KeySource:
    from fluenzr_smtp import vault

    if way is Way.PASSPHRASE:
        return vault.PassphraseKey(secret)
    if way is Way.RECOVERY:
        return vault.RecoveryKey(vault.RecoveryCode.parse(secret.reveal()))
    with _naming_no_variable():
        return vault.RawKey(vault.parse_key(secret.reveal()))


@contextmanager
def _naming_no_variable() -> Iterator[None]:
    """Tell what is no key without the variable of the environment that it does not come from."""
    try:
        yield
    except FluenzrError as error:
        if error.problem.code is not ProblemCode.ENVIRONMENT_INVALID:
            raise
        raise failure(ProblemCode.SECRET_MALFORMED, Stage.INPUT, reason="not-a-key") from None


def _of_environment(run: Invocation, way: Way) -> KeySource | None:
    """Return what the environment names, where it is of this kind."""
    from fluenzr_smtp import vault

    if vault.names_key(run.app.environ) is None:
        return None
    source = vault.key_source(run.app.environ, lambda: run.app.keychain)
    return source if source.kind == way.value else None


def _usage(run: Invocation, reason: str) -> FluenzrError:
    command = f"fluenzr {run.command}"
    return failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason, command=command)
