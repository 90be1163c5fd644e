"""The accounts inside the vault: each with its secret, all in one payload, changed one write at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from dataclasses import replace as changed_to
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from fluenzr_smtp.accounts.payload import decode, encode
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Grant, OAuthLogin, Secret, StoredAccount, TokenCommand, Tokens
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.vault import Vault

NAME_LIMIT = 64

# Controls, invisible format characters (bidi among them), surrogates, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What became of the accounts of an import, by name."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    unchanged: tuple[str, ...]


class Accounts:
    """The accounts of one vault. Every change is one durable write that keeps what other processes wrote.

    ``run`` runs the commands that give access tokens, when one is needed; ``renew`` gives the named account's
    grant with tokens that hold.
    """

    def __init__(
        self,
        vault: Vault,
        *,
        run: Callable[[str], Secret] | None = None,
        renew: Callable[[str, Grant, Secret | None], Grant] | None = None,
    ) -> None:
        self._vault = vault
        self._run = run
        self._renew = renew

    def list(self) -> tuple[StoredAccount, ...]:
        """Return all accounts, in the order in which they were added; none where there is no vault.

        Raises:
            FluenzrError: as ``Vault.read``.
        """
        payload = self._vault.read()
        return () if payload is None else self._decode(payload)

    def get(self, name: str) -> StoredAccount:
        """Return the account of this name or, where no name fits, the only one with this address.

        Raises:
            FluenzrError: ``account-none`` where there is no account at all, ``account-unknown``; as ``list``.
        """
        return find(self.list(), name)

    def add(self, stored: StoredAccount) -> None:
        """Add an account under a new name; the first one creates the vault.

        Raises:
            FluenzrError: ``account-name-invalid``, ``account-exists``; as ``Vault.update``.
        """
        check_name(stored.account.name)

        def add(accounts: tuple[StoredAccount, ...]) -> tuple[StoredAccount, ...]:
            _require_free(accounts, stored.account.name)
            return (*accounts, stored)

        self._update(add)

    def replace(self, stored: StoredAccount, *, known_as: StoredAccount) -> None:
        """Put an account in the place of the one of the same name.

        Only as long as that one is still what it was when somebody looked at it. Tokens that were renewed
        since then are no change, and they stay.

        Raises:
            FluenzrError: ``account-none``, ``account-unknown``, ``account-changed``; as ``Vault.update``.
        """
        name = stored.account.name

        def exchanged(found: StoredAccount) -> tuple[StoredAccount, ...]:
            if _with_tokens_of(known_as, found) != found:
                raise failure(ProblemCode.ACCOUNT_CHANGED, Stage.CONFIGURATION, account=name)
            return (_with_tokens_of(stored, found),)

        self._exchange(name, exchanged)

    def of_grant(self, grant_id: str) -> StoredAccount | None:
        """Return the account with this sign-in, whatever it is called by now; None where there is none.

        Raises:
            FluenzrError: as ``list``.
        """
        return next((each for each in self.list() if _grant_of(each) == grant_id), None)

    def sign_in(self, login: OAuthLogin, *, old: Grant, now: datetime) -> None:
        """Put a new sign-in in the place of an old one; the rest of the account stays as it is.

        Raises:
            FluenzrError: ``account-changed`` where no account has the old one any more; as ``Vault.update``.
        """
        self._change_signed_in(old, lambda found: changed_to(found, secret=login, secret_changed=now))

    def keep_tokens(self, grant: Grant, tokens: Tokens | None) -> None:
        """Give a sign-in other tokens, or none; the rest of the account stays as it is.

        Raises:
            FluenzrError: ``account-changed`` where no account has it any more: the person has signed in anew,
                or taken the account away. As ``Vault.update``.
        """
        # Renewals are many a day: they would drive out what a person changed.
        login = OAuthLogin(changed_to(grant, tokens=tokens))
        self._change_signed_in(
            grant, lambda found: changed_to(found, secret=login), keeps_replaced=tokens is None
        )

    def rename(self, old: str, new: str) -> None:
        """Give an account another name.

        Raises:
            FluenzrError: ``account-name-invalid``, ``account-exists``, ``account-none``, ``account-unknown``;
                as ``Vault.update``.
        """
        check_name(new)

        def rename(accounts: tuple[StoredAccount, ...]) -> tuple[StoredAccount, ...]:
            found = _named(accounts, old)
            if new != old:
                _require_free(accounts, new)
            renamed = changed_to(found, account=changed_to(found.account, name=new))
            return tuple(renamed if each is found else each for each in accounts)

        self._require_vault()
        self._update(rename)

    def remove(self, name: str) -> None:
        """Remove an account and its secret.

        Raises:
            FluenzrError: ``account-none``, ``account-unknown``; as ``Vault.update``.
        """
        self._exchange(name, lambda _: ())

    def merge(self, imported: tuple[StoredAccount, ...], *, replace: bool = False) -> Merge:
        """Add the accounts of an import, all of them or none; one that is there just so is left alone.

        With ``replace`` an account of the same name gives way, in its place in the order.

        Raises:
            FluenzrError: ``account-name-invalid``; ``account-exists``, with all the names that are taken, and
                where a name is twice in the import; as ``Vault.update``.
        """
        _check_names(imported)
        done: list[Merge] = []

        def merge(accounts: tuple[StoredAccount, ...]) -> tuple[StoredAccount, ...]:
            done.append(_merge(accounts, imported))
            if done[-1].replaced and not replace:
                raise _taken(done[-1].replaced)
            new = {each.account.name: each for each in imported}
            return (
                *(new.pop(each.account.name, each) for each in accounts),
                *new.values(),
            )

        self._update(merge)
        return done[-1]

    def _exchange(self, name: str, others: Callable[[StoredAccount], tuple[StoredAccount, ...]]) -> None:
        def exchange(accounts: tuple[StoredAccount, ...]) -> tuple[StoredAccount, ...]:
            found = _named(accounts, name)
            at = accounts.index(found)
            return (*accounts[:at], *others(found), *accounts[at + 1 :])

        self._require_vault()
        self._update(exchange)

    def _change_signed_in(
        self, grant: Grant, change: Callable[[StoredAccount], StoredAccount], *, keeps_replaced: bool = True
    ) -> None:
        """Change the account with this sign-in, whatever it is called by now."""

        def changed(accounts: tuple[StoredAccount, ...]) -> tuple[StoredAccount, ...]:
            if not any(_grant_of(each) == grant.id for each in accounts):
                raise failure(ProblemCode.ACCOUNT_CHANGED, Stage.CONFIGURATION)
            return tuple(change(each) if _grant_of(each) == grant.id else each for each in accounts)

        self._update(changed, keeps_replaced=keeps_replaced)

    def _update(
        self,
        change: Callable[[tuple[StoredAccount, ...]], tuple[StoredAccount, ...]],
        *,
        keeps_replaced: bool = True,
    ) -> None:
        self._vault.update(
            lambda payload: encode(change(() if payload is None else self._decode(payload))),
            keeps_replaced=keeps_replaced,
        )

    def _require_vault(self) -> None:
        # Without this, a mistyped command on a new machine would leave a folder and a lock file behind.
        if not self._vault.exists:
            raise failure(ProblemCode.ACCOUNT_NONE, Stage.CONFIGURATION)

    def _decode(self, payload: bytes) -> tuple[StoredAccount, ...]:
        try:
            return tuple(map(self._bound, decode(payload)))
        except FluenzrError as error:
            raise FluenzrError(error.problem.with_facts(path=str(self._vault.path))) from error

    def _bound(self, stored: StoredAccount) -> StoredAccount:
        secret = stored.secret
        if self._run is not None and isinstance(secret, TokenCommand):
            return changed_to(stored, secret=secret.bound(self._run))
        if self._renew is not None and isinstance(secret, OAuthLogin):
            return changed_to(stored, secret=secret.bound(partial(self._renew, stored.account.name)))
        return stored


def check_name(name: str) -> None:
    """Refuse a name that could not be typed, shown or told from an option.

    Raises:
        FluenzrError: ``account-name-invalid``.
    """
    is_shown = not any(unicodedata.category(character) in _UNSEEN for character in name)
    is_free = "/" not in name and not name.startswith("-") and name == name.strip()
    if not (1 <= len(name) <= NAME_LIMIT and is_shown and is_free):
        raise failure(ProblemCode.ACCOUNT_NAME_INVALID, Stage.USAGE, account=name, limit=NAME_LIMIT)


def find(accounts: tuple[StoredAccount, ...], wanted: str) -> StoredAccount:
    """Return the account of this name, else the only one with this address (upper and lower case alike).

    Raises:
        FluenzrError: ``account-none``; ``account-unknown``, with the names that were possible.
    """
    for stored in accounts:
        if stored.account.name == wanted:
            return stored
    same_address = [each for each in accounts if each.account.address.casefold() == wanted.casefold()]
    if len(same_address) == 1:
        return same_address[0]
    raise _unknown(wanted, same_address or accounts)


def _grant_of(stored: StoredAccount) -> str | None:
    return stored.secret.grant.id if isinstance(stored.secret, OAuthLogin) else None


def _with_tokens_of(stored: StoredAccount, other: StoredAccount) -> StoredAccount:
    """Return an account with the tokens that another one of the same sign-in has."""
    if not isinstance(stored.secret, OAuthLogin) or not isinstance(other.secret, OAuthLogin):
        return stored
    ours, theirs = stored.secret.grant, other.secret.grant
    if ours.id != theirs.id:
        return stored
    return changed_to(stored, secret=OAuthLogin(changed_to(ours, tokens=theirs.tokens)))


def _named(accounts: tuple[StoredAccount, ...], name: str) -> StoredAccount:
    for stored in accounts:
        if stored.account.name == name:
            return stored
    raise _unknown(name, accounts)


def _unknown(wanted: str, possible: Iterable[StoredAccount]) -> FluenzrError:
    names = tuple(each.account.name for each in possible)
    if not names:
        return failure(ProblemCode.ACCOUNT_NONE, Stage.CONFIGURATION, account=wanted)
    return failure(ProblemCode.ACCOUNT_UNKNOWN, Stage.CONFIGURATION, account=wanted, known=names)


def _require_free(accounts: tuple[StoredAccount, ...], name: str) -> None:
    if any(each.account.name == name for each in accounts):
        raise failure(ProblemCode.ACCOUNT_EXISTS, Stage.USAGE, account=name)


def _check_names(imported: tuple[StoredAccount, ...]) -> None:
    names = [each.account.name for each in imported]
    for name in names:
        check_name(name)
    twice = tuple(sorted({name for name in names if names.count(name) > 1}))
    if twice:
        raise _taken(twice)


def _merge(accounts: tuple[StoredAccount, ...], imported: tuple[StoredAccount, ...]) -> Merge:
    present = {each.account.name: each for each in accounts}
    added = tuple(each.account.name for each in imported if each.account.name not in present)
    same = tuple(each.account.name for each in imported if present.get(each.account.name) == each)
    replaced = tuple(each.account.name for each in imported if each.account.name not in {*added, *same})
    return Merge(added=added, replaced=replaced, unchanged=same)


def _taken(names: tuple[str, ...]) -> FluenzrError:
    return failure(ProblemCode.ACCOUNT_EXISTS, Stage.USAGE, None, account=names[0], names=names)
