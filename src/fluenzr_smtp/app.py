"""The rooms of the program, opened on first use: the one place of late imports.

Commands reach every room through here. Environment, clock and folders enter the program here and are
passed down; no room below asks for them itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from fluenzr_smtp.model import Clock, Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluenzr_smtp.accounts import Accounts
    from fluenzr_smtp.config import Config
    from fluenzr_smtp.delivery import Delivery
    from fluenzr_smtp.keychain import OSKeychain
    from fluenzr_smtp.model import (
        Account,
        Check,
        Draft,
        Endpoint,
        Fingerprint,
        Preset,
        Protocol,
        Secret,
        StoredAccount,
        Submission,
    )
    from fluenzr_smtp.paths import Paths
    from fluenzr_smtp.presets import PresetCatalog
    from fluenzr_smtp.problems import Problem
    from fluenzr_smtp.tls import Certificate
    from fluenzr_smtp.vault import KeySource, Vault

STEP_SECONDS = 20.0  # the bound of each step with a server, unless --timeout says otherwise
_KEYRING_SECONDS = 15.0
_DNS_SECONDS = 5.0


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
        return OSKeychain(timeout_seconds=seconds, state_dir=self.paths.state_dir)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts in the vault."""
        from fluenzr_smtp.accounts import Accounts

        return Accounts(self.vault)

    @property
    def config(self) -> Config:
        """The user's choices, as they are in the file now."""
        from fluenzr_smtp.config import load

        return load(self.paths.config)

    def save_config(self, config: Config) -> None:
        """Write the user's choices."""
        from fluenzr_smtp.config import save

        save(self.paths.config, config)

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
        from fluenzr_smtp import environment, secrets_in

        trust, ca = self.environ.get(environment.TRUST_CERT), self.environ.get(environment.CA_FILE)
        text = self.environ.get(environment.PASSWORD)
        return environment.account_from(
            self.environ,
            None if text is None else secrets_in.from_text(text),
            now=self.clock.now(),
            pin=self.pin_of_file(trust) if trust else None,
            authority=self.authority_of_file(ca) if ca else None,
        )

    def pin_of_file(self, path: str) -> Fingerprint:
        """Return the fingerprint of the certificate in a PEM file.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``, ``certificate-file-invalid``.
        """
        from fluenzr_smtp import files, tls

        return tls.pin_from_pem(files.read(path), path=path)

    def authority_of_file(self, path: str) -> str:
        """Return the certificates in a PEM file.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``, ``certificate-file-invalid``.
        """
        from fluenzr_smtp import files, tls

        return tls.authority_from_pem(files.read(path), path=path)

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

    def suggested_presets(self, domain: str) -> tuple[Preset, ...]:
        """Return the presets whose mail servers the domain's MX records name; none where that is unknown."""
        from fluenzr_smtp.dns import mail_exchangers
        from fluenzr_smtp.errors import FluenzrError

        try:
            return self.presets.for_mx(mail_exchangers(domain, timeout=_DNS_SECONDS))
        except FluenzrError:
            return ()

    # -- servers -------------------------------------------------------------------------------------

    def examine(
        self,
        stored: StoredAccount,
        *,
        timeout: float = STEP_SECONDS,
        recipient: str = "",
        is_saved: bool = True,
    ) -> Iterator[Check]:
        """Yield a check for each stage of the account's servers; nothing is sent."""
        from fluenzr_smtp.diagnosis import examine

        account, secret = stored.account, stored.secret
        for check in examine(account, secret, clock=self.clock, timeout=timeout, recipient=recipient):
            yield replace(check, problem=self._about(check.problem, account, is_saved=is_saved))

    def served_certificate(
        self, protocol: Protocol, endpoint: Endpoint, *, timeout: float = STEP_SECONDS
    ) -> Certificate:
        """Return the certificate that a server shows, without trusting it."""
        from fluenzr_smtp.diagnosis import served_certificate

        return served_certificate(protocol, endpoint, clock=self.clock, timeout=timeout)

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
        content: bytes,
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

    def deliver(
        self, stored: StoredAccount, submission: Submission, *, timeout: float = STEP_SECONDS
    ) -> Delivery:
        """Hand a message to the account's server, now or not at all."""
        from fluenzr_smtp.delivery import deliver

        account = stored.account
        found = deliver(account, stored.secret, submission, clock=self.clock, timeout=timeout)
        told = (replace(each, problem=self._about(each.problem, account)) for each in found.recipients)
        return replace(found, recipients=tuple(told))

    def _about(self, problem: Problem | None, account: Account, *, is_saved: bool = True) -> Problem | None:
        """Add what the sentences like to name: the account that can be edited, the page for app passwords."""
        from fluenzr_smtp import environment

        if problem is None:
            return None
        preset = self.presets.presets.get(account.preset) if account.preset else None
        known = {"address": account.address}
        if preset and preset.app_password_page:
            known["page"] = preset.app_password_page
        if is_saved and account.name != environment.NAME:
            known["account"] = account.name
        return problem.with_facts(**known)

    def await_arrival(
        self,
        account: Account,
        secret: Secret,
        message_id: str,
        *,
        first_uid: int,
        wait: float,
        timeout: float = STEP_SECONDS,
    ) -> Check:
        """Wait for a message in the account's own mailbox."""
        from fluenzr_smtp.diagnosis import await_arrival

        return await_arrival(
            account,
            secret,
            message_id,
            first_uid=first_uid,
            wait=wait,
            clock=self.clock,
            timeout=timeout,
        )

    def read_file(self, name: str) -> bytes:
        """Return the content of a file that a person named; ``-`` is standard input.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``.
        """
        from fluenzr_smtp import files

        return files.read(name, stdin=sys.stdin.buffer if sys.stdin else None)

    def require_place(self, name: str) -> None:
        """Make sure, before the work is done, that a report can be written where a person wants it.

        Raises:
            FluenzrError: ``file-not-created``.
        """
        from fluenzr_smtp import files

        files.require_place(name)

    def write_file(self, name: str, content: bytes) -> None:
        """Write a report where a person wants it.

        Raises:
            FluenzrError: ``file-not-created``, ``file-not-written``, ``disk-full``.
        """
        from fluenzr_smtp import files

        files.write(name, content)

    def require_new_file(self, name: str) -> None:
        """Refuse, before anything is asked, a file that is there already; writing checks it again.

        Raises:
            FluenzrError: ``file-not-created`` with the reason ``exists``; ``file-missing``.
        """
        from fluenzr_smtp import files
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        if os.path.lexists(files.located(name)):
            raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason="exists")

    def write_new_file(self, name: str, content: bytes) -> None:
        """Write what nobody else may read into a file that is not there yet (0600), durably.

        Raises:
            FluenzrError: ``file-not-created``, ``file-not-written``, ``disk-full``, ``file-missing``.
        """
        from fluenzr_smtp import durable, files

        durable.write_new(files.located(name), content)

    def _token(self) -> str:
        from secrets import token_hex

        return token_hex(16)
