"""A lane: one login at one server. Limits count for it, pauses hold it up, whatever accounts share it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from fluenzr_smtp.model import Limit, LimitUnit, StoredAccount
from fluenzr_smtp.pacing import is_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """An account as messages go out through it; ``limits`` are in force, ``provider`` is a preset's key."""

    stored: StoredAccount
    limits: tuple[Limit, ...] = ()
    provider: str = ""

    @property
    def key(self) -> str:
        """What identifies the login at the server: providers count for it, not for our names of accounts."""
        account = self.stored.account
        return f"{account.username or account.address}@{account.smtp.host}".casefold()

    @property
    def pause(self) -> timedelta | None:
        """The least time between the beginnings of two messages."""
        return self.stored.account.pause

    @property
    def settings(self) -> str:
        """A digest that changes with whatever decides whether the server lets the account in."""
        account, changed = self.stored.account, self.stored.secret_changed
        said = (account.smtp, account.smtp.security, account.smtp.pin, account.username, changed.isoformat())
        return sha256("\n".join(map(str, said)).encode()).hexdigest()[:32]

    @property
    def is_bounded(self) -> bool:
        """Say whether anything but the server holds messages back."""
        return self.pause is not None or any(map(is_window, self.limits))

    @property
    def connections(self) -> int | None:
        """How many connections the provider allows at a time; None where it does not say."""
        allowed = [each.count for each in self.limits if each.unit is LimitUnit.CONNECTIONS]
        return max(allowed, default=None)
