"""How old the passwords in the vault are, and from when on that is worth a word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.model import StoredAccount

DEFAULT_MAX_AGE_DAYS = 365

ADVICE = (
    "Better than a new password is one that opens only this: an app password of its own, or OAuth, where "
    "the provider has it."
)

_TOLD = 8  # accounts named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAge:
    """How long an account's password has been the same, in whole days."""

    account: str
    changed: datetime
    days: int
    is_old: bool


def max_age_days(run: Invocation, option: int | None = None) -> int:
    """Return from how many days on a password is old: the option, the user's choice, a year."""
    return option or run.app.config.secret_max_age_days or DEFAULT_MAX_AGE_DAYS


def ages(stored: Iterable[StoredAccount], *, now: datetime, max_days: int) -> tuple[SecretAge, ...]:
    """Return the age of each password; accounts without one, or with a token, are left out."""
    return tuple(
        SecretAge(
            account=each.account.name,
            changed=each.secret_changed,
            days=(days := max((now - each.secret_changed).days, 0)),
            is_old=days >= max_days,
        )
        for each in stored
        if each.secret is not None and not each.secret.is_token
    )


def warn(run: Invocation, found: Iterable[SecretAge]) -> None:
    """Tell on stderr which passwords are old, the oldest first, and what to do."""
    old = sorted((each for each in found if each.is_old), key=lambda each: each.changed)
    for each in old[:_TOLD]:
        run.output.note(
            f"The password of {each.account} is {each.days} days old. Change it at the provider, then run "
            f"'fluenzr account edit {each.account} --password'."
        )
    if len(old) > _TOLD:
        run.output.note(f"So it is with {len(old) - _TOLD} more accounts.")
    if old:
        run.output.note(ADVICE)
