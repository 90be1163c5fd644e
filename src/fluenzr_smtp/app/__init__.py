"""The rooms of the program, opened on first use: the one place of late imports.

Commands reach every room through here. Environment, clock and folders enter the program here and are
passed down; no room below asks for them itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING

from fluenzr_smtp.model import Clock, Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from fluenzr_smtp.accounts import Accounts
    from fluenzr_smtp.app.files import Files
    from fluenzr_smtp.app.finder import Finder
    from fluenzr_smtp.app.inbox import Inbox
    from fluenzr_smtp.app.post import Post
    from fluenzr_smtp.app.servers import Servers
    from fluenzr_smtp.app.signing_in import SignIn
    from fluenzr_smtp.app.subjects import Subjects
    from fluenzr_smtp.app.tokens import Tokens
    from fluenzr_smtp.config import Config
    from fluenzr_smtp.keychain import OSKeychain
    from fluenzr_smtp.model import Account, Content, Draft, Grant, Secret, StoredAccount, Submission
    from fluenzr_smtp.outbox import Outbox
    from fluenzr_smtp.paths import Paths
    from fluenzr_smtp.presets import PresetCatalog
    from fluenzr_smtp.vault import KeySource, Vault

STEP_SECONDS = 20.0  # the bound of each step with a server, unless --timeout says otherwise
_KEYRING_SECONDS = 15.0
_TOKEN_SECONDS = 60.0


@dataclass(kw_only=True)
class App:
    """What a command works with.

    ``unlock_by`` and ``accept_rollback`` are set by the commands that open the vault in another way than the
    environment and the keyring would, before they open it.
    """

    environ: Mapping[str, str]
    clock: Clock
    unlock_by: Callable[[], KeySource] | None = None
    accept_rollback: bool = False

    @classmethod
    def of_this_process(cls) -> App:
        """Return the program as it runs for a person: real environment, real time."""
        clock = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=time.sleep)
        return cls(environ=os.environ, clock=clock)

    @cached_property
    def paths(self) -> Paths:
        """The user's folders; nothing is created."""
        from fluenzr_smtp.paths import locate

        return locate(self.environ)

    @cached_property
    def presets(self) -> PresetCatalog:
        """The shipped catalogue together with the user's own presets."""
        from fluenzr_smtp.presets import PresetCatalog

        return PresetCatalog.load(own=self.paths.own_presets)

    @cached_property
    def files(self) -> Files:
        """The files that a person names."""
        from fluenzr_smtp.app.files import Files

        return Files(stdin=sys.stdin.buffer if sys.stdin else None)

    @cached_property
    def servers(self) -> Servers:
        """The mail servers and name servers that commands talk to."""
        from fluenzr_smtp.app.servers import Servers

        return Servers(clock=self.clock, presets=lambda: self.presets)

    @cached_property
    def finder(self) -> Finder:
        """Finds the settings of an address."""
        from fluenzr_smtp.app.finder import Finder

        return Finder(
            clock=self.clock,
            presets=lambda: self.presets,
            resolver=lambda text, seconds: self.servers.resolver(text, timeout=seconds),
        )

    @cached_property
    def subjects(self) -> Subjects:
        """Finds what a person means by a name."""
        from fluenzr_smtp.app.subjects import Subjects

        return Subjects(self)

    # -- accounts ------------------------------------------------------------------------------------

    @cached_property
    def vault(self) -> Vault:
        """The encrypted file; opened when it is read."""
        from fluenzr_smtp.vault import Vault, key_source

        return Vault(
            self.paths.vault,
            source=self.unlock_by or (lambda: key_source(self.environ, lambda: self.keychain)),
            clock=self.clock,
            state_dir=self.paths.state_dir,
            accept_rollback=self.accept_rollback,
        )

    def require_key(self) -> None:
        """Make sure, before anything is asked or tried, that a vault can be written in the end.

        Raises:
            FluenzrError: ``keyring-…``, ``environment-invalid``, ``secret-…``; as ``Vault.read``.
        """
        from fluenzr_smtp.vault import SlotKind

        if self.vault.exists:
            self.vault.read()
        elif self.vault.source.kind is SlotKind.KEYRING:
            self.keychain.load("probe")  # an entry that is not there: unlocks, and reads nothing

    @cached_property
    def keychain(self) -> OSKeychain:
        """The OS keyring. ``FLUENZR_KEYRING_TIMEOUT`` is how many seconds an unlock is waited for."""
        from fluenzr_smtp.keychain import OSKeychain

        seconds = self._seconds("FLUENZR_KEYRING_TIMEOUT", _KEYRING_SECONDS)
        return OSKeychain(timeout_seconds=seconds, state_dir=self.paths.state_dir, environ=self.environ)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts in the vault."""
        from fluenzr_smtp.accounts import Accounts

        return Accounts(
            self.vault,
            run=self.token_from,
            renew=self._renewed,
        )

    def _renewed(self, account: str, grant: Grant, refused: Secret | None) -> Grant:
        return self.tokens.current(account, grant, refused)  # found when it is needed, which is seldom

    @cached_property
    def tokens(self) -> Tokens:
        """What keeps the tokens of OAuth fresh."""
        from fluenzr_smtp.app.tokens import Tokens

        return Tokens(
            vault=self.vault, state_dir=self.paths.state_dir, clock=self.clock, environ=self.environ
        )

    @cached_property
    def sign_in(self) -> SignIn:
        """What signs a person, or a service, in by OAuth."""
        from fluenzr_smtp.app.signing_in import SignIn

        return SignIn(clock=self.clock, environ=self.environ)

    def token_from(self, command: str) -> Secret:
        """Run a command that prints an access token.

        Raises:
            FluenzrError: ``secret-command-failed``, ``secret-empty``, ``secret-malformed``.
        """
        from fluenzr_smtp import secrets_in

        return secrets_in.from_command(command, environ=self.environ, timeout=_TOKEN_SECONDS)

    @property
    def config(self) -> Config:
        """The user's choices, as they are in the file now."""
        from fluenzr_smtp.config import load

        return load(self.paths.config)

    @property
    def chosen_language(self) -> str | None:
        """The language that the user chose; none where the file cannot be read, for that is told in words."""
        from fluenzr_smtp.errors import FluenzrError

        try:
            return self.config.language
        except FluenzrError:
            return None

    def choose(self, make: Callable[[Config], Config]) -> Config:
        """Let ``make`` make other choices of the user's present ones; return them.

        Raises:
            FluenzrError: as ``config.change``.
        """
        from fluenzr_smtp.config import change

        return change(self.paths.config, make)

    def account(self, name: str | None) -> StoredAccount:
        """Return the account to work with.

        The one named; else ``FLUENZR_ACCOUNT``; else the one that the environment describes
        (``FLUENZR_SMTP_URL``); else the default; else the first in the vault.

        Raises:
            FluenzrError: ``account-none``, ``account-unknown``, ``environment-invalid``; as the vault.
        """
        from fluenzr_smtp import environment

        wanted = name or self.environ.get("FLUENZR_ACCOUNT")
        if environment.names_account(self.environ) and wanted in {None, "", environment.NAME}:
            return self._account_of_environment()
        from fluenzr_smtp.accounts import find

        stored = self.accounts.list()
        return find(stored, wanted or self.default_name(stored))

    def require_free(self, name: str) -> None:
        """Refuse a name that cannot be one or is taken, before anything is asked; saving checks it again.

        Raises:
            FluenzrError: ``account-name-invalid``, ``account-exists``; as the vault.
        """
        from fluenzr_smtp.accounts import check_name
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        check_name(name)
        if any(stored.account.name == name for stored in self.accounts.list()):
            raise failure(ProblemCode.ACCOUNT_EXISTS, Stage.USAGE, account=name)

    def default_name(self, stored: tuple[StoredAccount, ...]) -> str:
        """Return the default account's name: the chosen one, else the oldest; empty where there is none."""
        chosen = self.config.default_account
        return chosen or (stored[0].account.name if stored else "")

    def _account_of_environment(self) -> StoredAccount:
        from fluenzr_smtp import environment

        trust, ca = self.environ.get(environment.TRUST_CERT), self.environ.get(environment.CA_FILE)
        return environment.account_from(
            self.environ,
            self._secret_of_environment(),
            now=self.clock.now(),
            pin=self.files.pin(trust) if trust else None,
            authority=self.files.authority(ca) if ca else None,
        )

    def _secret_of_environment(self) -> Secret | None:
        """Return the command that gives a token, if one is named, else the password, if there is one."""
        from fluenzr_smtp import environment, secrets_in
        from fluenzr_smtp.model import TokenCommand

        if command := self.environ.get(environment.TOKEN_COMMAND):
            secrets_in.require_command(command)
            return TokenCommand(command, self.token_from)
        text = self.environ.get(environment.PASSWORD)
        return None if text is None else secrets_in.from_text(text)

    def _seconds(self, variable: str, default: float) -> float:
        text = self.environ.get(variable)
        if not text:
            return default
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        # The length goes first: int() refuses thousands of digits by an error of its own.
        if len(text) > len("3600") or not text.isdecimal() or not 1 <= int(text) <= 3600:
            code = ProblemCode.ENVIRONMENT_INVALID
            raise failure(code, Stage.CONFIGURATION, variable=variable, reason="not-seconds")
        return float(text)

    # -- outbox --------------------------------------------------------------------------------------

    @cached_property
    def outbox(self) -> Outbox:
        """The durable queue and the sent log."""
        from fluenzr_smtp.outbox import Outbox

        return Outbox(self.paths.outbox, clock=self.clock)

    def close(self) -> None:
        """Close what was opened and outlasts a command otherwise."""
        if "outbox" in vars(self):
            self.outbox.close()

    @cached_property
    def post(self) -> Post:
        """What sends messages, now or later."""
        from fluenzr_smtp.app.post import Post

        return Post(
            open_outbox=lambda: self.outbox, servers=self.servers, clock=self.clock, account=self.account
        )

    @cached_property
    def inbox(self) -> Inbox:
        """What came back."""
        from fluenzr_smtp.app.inbox import Inbox

        return Inbox(open_outbox=lambda: self.outbox, clock=self.clock, environ=self.environ)

    @property
    def zone(self) -> tzinfo:
        """The time zone of this machine."""
        return self.clock.now().astimezone().tzinfo or UTC

    # -- messages ------------------------------------------------------------------------------------

    def compose(self, draft: Draft) -> Submission:
        """Make the message of a draft, with the date of now and an identifier of its own.

        Raises:
            FluenzrError: ``address-malformed``, ``header-malformed``, ``message-malformed``,
                ``input-required``.
        """
        from fluenzr_smtp.compose import compose

        return compose(draft, now=self.clock.now().astimezone(), token=self._token())

    def compose_raw(
        self,
        content: Content,
        account: Account,
        recipients: tuple[str, ...] | None,
        extra: tuple[str, ...] = (),
    ) -> Submission:
        """Prepare a ready-made message; without ``recipients`` they are those of its header, and ``extra``.

        Raises:
            FluenzrError: ``message-malformed``, ``message-line-too-long``, ``address-malformed``,
                ``input-required``.
        """
        from fluenzr_smtp.compose import from_raw

        return from_raw(
            content,
            mail_from=account.address,
            recipients=recipients,
            default_from=Mailbox(address=account.address, name=account.display_name),
            now=self.clock.now().astimezone(),
            token=self._token(),
            extra=extra,
        )

    def compose_handed(
        self,
        content: Content,
        account: Account,
        recipients: tuple[str, ...],
        *,
        from_header: bool,
        full_name: str = "",
    ) -> Submission:
        """Prepare a message that a program handed over as to sendmail: a name without @ is the account's own.

        Raises:
            FluenzrError: as ``compose_raw``.
        """
        from fluenzr_smtp.compose import from_raw

        return from_raw(
            content,
            mail_from=account.address,
            recipients=None if from_header else recipients,
            default_from=Mailbox(address=account.address, name=full_name or account.display_name),
            now=self.clock.now().astimezone(),
            token=self._token(),
            extra=recipients if from_header else (),
            is_handed=True,
        )

    def _token(self) -> str:
        from secrets import token_hex

        return token_hex(16)
