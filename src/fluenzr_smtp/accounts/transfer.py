"""Accounts on their way to another machine: a file of their own, opened by a passphrase."""

from __future__ import annotations

from fluenzr_smtp.accounts.payload import decode, encode
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret, StoredAccount
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import Argon2Cost, export_damaged, open_export, seal_export


def export_accounts(
    accounts: tuple[StoredAccount, ...], passphrase: Secret, *, cost: Argon2Cost | None = None
) -> bytes:
    """Return a file with these accounts and their secrets, which only the passphrase opens.

    Raises:
        FluenzrError: ``secret-empty``, ``file-not-written`` (too big).
    """
    return seal_export(encode(accounts), passphrase, cost=cost)


def import_accounts(content: bytes, passphrase: Secret, *, path: str = "") -> tuple[StoredAccount, ...]:
    """Return the accounts of an exported file; ``path`` is only for what is told.

    Raises:
        FluenzrError: ``export-damaged``, ``export-newer``, ``export-passphrase-wrong``, ``secret-empty``.
    """
    payload = open_export(content, passphrase, path=path)
    try:
        return decode(payload)
    except FluenzrError as error:
        problem = error.problem
        if problem.code is ProblemCode.VAULT_NEWER:
            version = problem.facts["version"]
            raise failure(ProblemCode.EXPORT_NEWER, Stage.VAULT, path=path, version=version) from error
        raise FluenzrError(export_damaged("accounts").problem.with_facts(path=path)) from error
