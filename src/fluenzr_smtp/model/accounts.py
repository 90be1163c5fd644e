"""Accounts and their secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from fluenzr_smtp.model.presets import Limit
from fluenzr_smtp.model.servers import Endpoint


class Secret:
    """A secret text that does not show itself: not in ``repr``, not in ``str``, not in a pickle."""

    __slots__ = ("_text",)
    is_token = False
    """Whether it is an access token (RFC 6750), not a password."""

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def hidden(self) -> str:
        """What must not be seen in the words of a server that may know it from an earlier session."""
        return self._text

    def current(self) -> Secret:
        """Return what a login uses now; a secret that is made anew for each login is made here."""
        return self

    def renewed(self, refused: Secret) -> Secret | None:  # noqa: ARG002 - a password stays what it is
        """Return another one in place of a refused one, or None where there is none."""
        return None

    def reveal(self) -> str:
        """Return the text. Called where it goes on the wire or into the vault, nowhere else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and type(self) is type(other) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


class AccessToken(Secret):
    """An OAuth access token: it proves a login for a while (RFC 6749 §1.4)."""

    __slots__ = ()
    is_token = True


class TokenCommand(Secret):
    """A program of the user's that prints an access token; asked at each login, for tokens run out.

    Args:
        command: Its command line.
        run: Runs it and returns what it printed; until one is given, no login is possible.
    """

    __slots__ = ("_last", "_run")
    is_token = True

    def __init__(self, command: str, run: Callable[[str], Secret] | None = None) -> None:
        super().__init__(command)
        self._run = run
        self._last = ""

    @property
    def hidden(self) -> str:
        """The token that it printed last."""
        return self._last

    @property
    def command(self) -> str:
        """The command line."""
        return self._text

    @property
    def program(self) -> str:
        """The name of the program; its arguments may hold a secret."""
        return self._text.split()[0].rpartition("/")[2] if self._text.split() else ""

    def bound(self, run: Callable[[str], Secret]) -> TokenCommand:
        """Return the same command with the way to run it."""
        return TokenCommand(self._text, run)

    def reveal(self) -> str:
        """Refuse: a command line is no secret that a server may see."""
        raise TypeError("a TokenCommand has no text of its own; ask for the current one")

    def current(self) -> Secret:
        """Run the command.

        Raises:
            FluenzrError: as its runner.
        """
        if self._run is None:
            raise TypeError("nobody has said how to run the command")
        self._last = self._run(self._text).reveal()
        return AccessToken(self._last)

    def renewed(self, refused: Secret) -> Secret | None:
        """Run the command again; the same token once more is none."""
        fresh = self.current()
        return None if fresh == refused else fresh


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
