"""Accounts and their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from fluenzr_smtp.model.presets import Limit
from fluenzr_smtp.model.servers import Endpoint


class Secret:
    """A secret text that does not show itself: not in ``repr``, not in ``str``, not in a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Called where it goes on the wire or into the vault, nowhere else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A mailbox that mail is sent from. ``username`` is None where the server wants no login.

    ``limits`` are those of the account, None: those of its preset; ``pause`` is the least time between the
    beginnings of two messages.
    """

    name: str
    address: str
    smtp: Endpoint
    username: str | None
    display_name: str = ""
    imap: Endpoint | None = None
    imap_username: str | None = None
    preset: str | None = None
    limits: tuple[Limit, ...] | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """An account with its secret, as the vault keeps them. Times are aware UTC."""

    account: Account
    secret: Secret | None
    created: datetime
    secret_changed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address with the name people see. ``address`` is ``local-part@domain``."""

    address: str
    name: str = ""
