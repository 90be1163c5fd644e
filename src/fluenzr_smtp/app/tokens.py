"""Tokens that hold, for the accounts that log in by OAuth; see ``refreshing`` for how they are renewed."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fluenzr_smtp import secrets_in
from fluenzr_smtp.accounts import Accounts
from fluenzr_smtp.app.refreshing import LONGEST_SECONDS, alone, present
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock, Grant, Secret
from fluenzr_smtp.oauth import SECONDS
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.vault import Vault


class Tokens:
    """Gives grants with tokens that hold; an access token that holds is given out at once."""

    def __init__(self, *, vault: Vault, state_dir: Path, clock: Clock, environ: Mapping[str, str]) -> None:
        self._vault = vault
        self._state_dir = state_dir
        self._clock = clock
        self._environ = environ

    def current(self, account: str, grant: Grant, refused: Secret | None) -> Grant:
        """Return the account's grant with an access token that holds and is not the refused one.

        Raises:
            FluenzrError: ``oauth-…``; as the vault.
        """
        if grant.tokens is None:
            raise failure(ProblemCode.OAUTH_TOKEN_EXPIRED, Stage.OAUTH, host="", status="", account=account)
        if grant.tokens.access != refused and grant.tokens.hold_at(self._clock.now()):
            return grant
        try:
            self._renew(grant.id, refused)
            fresh = present(Accounts(self._vault), grant.id)
        except FluenzrError as error:
            raise FluenzrError(error.problem.with_facts(account=account)) from error
        if fresh.tokens is None:
            raise failure(ProblemCode.ACCOUNT_CHANGED, Stage.CONFIGURATION, account=account)
        return fresh

    def revoke(self, grant: Grant, give_back: Callable[[Grant], bool]) -> bool:
        """Give the present tokens of a sign-in back, and forget them; return what ``give_back`` does.

        Nobody renews them meanwhile: what would come of that would be forgotten, and good for ever.

        Raises:
            FluenzrError: ``account-changed`` where no account has the sign-in any more; what ``give_back``
                raises, and then the tokens are kept; as the vault.
        """
        accounts = Accounts(self._vault)
        with alone(self._vault, self._state_dir, grant.id):
            told = give_back(present(accounts, grant.id))
            accounts.keep_tokens(grant, None)
        return told

    def _renew(self, grant_id: str, refused: Secret | None) -> None:
        key = self._vault.data_key()
        problem = self._problem(grant_id, refused, key)
        if problem is not None and problem.code is ProblemCode.VAULT_DAMAGED:
            self._vault.read()  # it may have got another key since it was opened
            if self._vault.data_key() != key:
                problem = self._problem(grant_id, refused, self._vault.data_key())
        if problem is not None:
            raise FluenzrError(problem)

    def _problem(self, grant_id: str, refused: Secret | None, key: bytes) -> Problem | None:
        order = {
            "vault": str(self._vault.path.absolute()),
            "state_dir": str(self._state_dir.absolute()),
            "key": b64encode(key).decode(),
            "grant": grant_id,
            "refused": refused.reveal() if refused else None,
            "seconds": SECONDS,
        }
        answer = self._answer(json.dumps(order).encode())
        if "code" not in answer:
            return None
        return Problem(
            code=ProblemCode(answer["code"]),
            stage=Stage(answer["stage"]),
            facts=MappingProxyType(_facts(answer["facts"])),
        )

    def _answer(self, order: bytes) -> Mapping[str, Any]:
        # -P: what lies in the working folder is not ours. A session of its own: neither Ctrl-C nor the end of
        # the terminal reaches it between the server's answer and the disk.
        command = [sys.executable, "-P", "-m", "fluenzr_smtp.app.refreshing"]
        child = subprocess.Popen(  # noqa: S603 - ourselves
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=secrets_in.handed_on(self._environ),
            start_new_session=True,
        )
        try:
            said, _ = child.communicate(order, timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:  # it is left alone: it may be about to write
            said = b""
        try:
            answer = json.loads(said)
        except ValueError:
            raise failure(ProblemCode.OAUTH_PROVIDER_FAILED, Stage.OAUTH, reason="interrupted") from None
        return dict(answer)


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
