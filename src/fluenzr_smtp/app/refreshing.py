"""Renew the tokens of an account: one process at a time, and what was had is on disk before it is used.

Many servers give out a new refresh token with each access token and take the old one for stolen from then on.
Whoever is killed between the answer and the disk would lose the account. So this runs in a process of its own
(``python -m``, ``app.tokens`` starts it), which outlives the command that it was started by. What it needs
comes by its standard input, so that nothing secret is in an argument or the environment; what it answers is
the code of a problem, no token.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from base64 import b64decode
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluenzr_smtp import durable
from fluenzr_smtp.accounts import Accounts
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import AccessToken, Clock, Grant, OAuthLogin, Secret
from fluenzr_smtp.oauth import SECONDS
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import Vault

if TYPE_CHECKING:
    from fluenzr_smtp.oauth import Dealings

#: How long another process's renewal is waited for; it takes no longer than a request and two writes.
WAIT_SECONDS = SECONDS + 15.0
LONGEST_SECONDS = WAIT_SECONDS + SECONDS + 75.0


def renew(
    vault: Vault, state_dir: Path, grant_id: str, refused: Secret | None, *, clock: Clock, seconds: float
) -> None:
    """Give a sign-in tokens that hold, unless another process has done so.

    ``refused`` is an access token that the mail server did not take.

    Raises:
        FluenzrError: ``oauth-…``; ``account-changed`` where no account has it any more; ``disk-full`` and its
            like, before anything is asked of the authorization server; as ``Vault``.
    """
    accounts = Accounts(vault)
    with alone(vault, state_dir, grant_id), vault.key_kept():
        grant = present(accounts, grant_id)
        if _holds(grant, refused, clock):
            return
        vault.require_room()
        tokens = dealings()(grant.server, grant.client, clock=clock, seconds=seconds).refreshed(grant)
        accounts.keep_tokens(grant, tokens)


def dealings() -> type[Dealings]:
    """Return what speaks with authorization servers.

    Raises:
        FluenzrError: ``extra-missing`` where its libraries are not installed.
    """
    try:
        from fluenzr_smtp.oauth import Dealings
    except ModuleNotFoundError as error:
        raise failure(ProblemCode.EXTRA_MISSING, Stage.USAGE, extra="oauth") from error
    return Dealings


def present(accounts: Accounts, grant_id: str) -> Grant:
    """Return a sign-in as it is in the vault now.

    Raises:
        FluenzrError: ``account-changed`` where no account has it any more; as ``Accounts.list``.
    """
    stored = accounts.of_grant(grant_id)
    if stored is None or not isinstance(stored.secret, OAuthLogin):
        raise failure(ProblemCode.ACCOUNT_CHANGED, Stage.CONFIGURATION)
    return stored.secret.grant


def _holds(grant: Grant, refused: Secret | None, clock: Clock) -> bool:
    tokens = grant.tokens
    return tokens is not None and tokens.access != refused and tokens.hold_at(clock.now())


def alone(vault: Vault, state_dir: Path, grant_id: str) -> AbstractContextManager[None]:
    """Deal with a sign-in while no other process does.

    Raises:
        FluenzrError: ``oauth-provider-failed`` where another one takes too long; ``file-not-created``,
            ``disk-full``.
    """
    durable.ensure_private_dir(state_dir)
    place = os.path.realpath(vault.path)  # its folder may be known by several names
    name = hashlib.sha256(f"{place}\n{grant_id}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return durable.lock(
        state_dir / f"oauth-{name}.lock",
        timeout_seconds=WAIT_SECONDS,
        code=ProblemCode.OAUTH_PROVIDER_FAILED,
        stage=Stage.OAUTH,
    )


# -- the process ---------------------------------------------------------------------------------------------


def main() -> None:
    """Read one order from standard input, carry it out, and write the problem, if any, to standard output."""
    order: Mapping[str, Any] = json.loads(sys.stdin.buffer.read())
    clock = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=time.sleep)
    refused = order["refused"]
    state_dir = Path(order["state_dir"])
    vault = Vault(
        Path(order["vault"]),
        source=_no_source,
        clock=clock,
        state_dir=state_dir,
        data_key=b64decode(order["key"]),
    )
    answer: dict[str, object] = {"done": True}
    try:
        renew(
            vault,
            state_dir,
            order["grant"],
            None if refused is None else AccessToken(refused),
            clock=clock,
            seconds=order["seconds"],
        )
    except FluenzrError as error:
        problem = error.problem
        answer = {"code": problem.code, "stage": problem.stage, "facts": dict(problem.facts)}
    os.write(1, json.dumps(answer, default=str).encode())


def _no_source() -> Any:  # noqa: ANN401
    raise TypeError("the vault's key was handed over")


if __name__ == "__main__":
    main()
