"""``fluenzr account reconnect | revoke``: a sign-in by OAuth is made anew, or given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import network
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.account import oauth
from fluenzr_smtp.cli.account.edit import save
from fluenzr_smtp.cli.account.manage import Name
from fluenzr_smtp.cli.account.records import ACCOUNT
from fluenzr_smtp.cli.account.verification import Verified, verify
from fluenzr_smtp.cli.checks import CHECK
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Grant, OAuthLogin, StoredAccount
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {
    "account reconnect": form.record(account=ACCOUNT, saved=form.BOOLEAN, checks=form.array(CHECK)),
    "account revoke": form.record(
        account=form.TEXT, revoked=form.BOOLEAN, told_provider=form.BOOLEAN, page=form.nullable(form.TEXT)
    ),
}


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command(
        "reconnect",
        cls=Command,
        epilog=examples(
            "fluenzr account reconnect shop",
            "fluenzr account reconnect shop --device",
            "fluenzr account reconnect shop --client-secret-file new-secret",
        ),
    )(reconnect)
    tree.command("revoke", cls=Command, epilog=examples("fluenzr account revoke shop"))(revoke)


def reconnect(
    ctx: typer.Context,
    name: Name,
    *,
    device: oauth.DeviceFlag = False,
    paste: oauth.PasteFlag = False,
    client_id: oauth.ClientId = None,
    client_secret_file: oauth.ClientSecretFile = None,
    sign_in_timeout: oauth.Patience = oauth.PATIENCE,
    no_test: Annotated[bool, typer.Option("--no-test", help="Save without trying the login.")] = False,
    timeout: network.Timeout = int(STEP_SECONDS),
) -> None:
    """Sign in again by OAuth, where the sign-in has ended or was given back."""
    run = current(ctx)
    options = oauth.OAuthOptions(
        device=device,
        paste=paste,
        client_id=client_id,
        client_secret_file=client_secret_file,
        seconds=float(sign_in_timeout),
    )
    options.require_sense()
    stored, grant = _of_oauth(run, name)
    login = oauth.signed_in_again(run, stored.account, grant, options)
    now = run.app.clock.now()
    fresh = replace(stored, secret=login, secret_changed=now)
    verified = Verified(stored=fresh, checks=()) if no_test else verify(run, fresh, timeout=float(timeout))
    save(run, verified, write=lambda: run.app.accounts.sign_in(login, old=grant, now=now))


def revoke(
    ctx: typer.Context,
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Give the tokens of a sign-in back to the provider, and forget them. The account itself stays.

    Older generations of the vault hold them until three more changes have replaced them.
    """
    run = current(ctx)
    stored, grant = _of_oauth(run, name)
    account = stored.account.name
    if grant.tokens is None:
        data = {"account": account, "revoked": False, "told_provider": False, "page": None}
        run.end(data, show=lambda: run.output.line(f"{account} is not signed in."))
        return
    question = f"Give the sign-in of {account} at {grant.server.name} back? It sends nothing then."
    if not yes and not run.prompts.confirm(question, option="--yes"):
        data = {"account": account, "revoked": False, "told_provider": False, "page": None}
        run.end(data, show=lambda: run.output.line("Nothing was given back."))
        return
    told = run.app.tokens.revoke(grant, run.app.sign_in.revoke)
    page = None if told else oauth.consent_page(grant.server.name)
    if not told:
        where = f": {page}" if page else ""
        run.output.note(
            f"{grant.server.name} lets no program withdraw a sign-in. Do so on its web page as well{where}"
        )
    data = {"account": account, "revoked": True, "told_provider": told, "page": page}
    run.end(data, show=lambda: run.output.line(f"{account} is not signed in any more."))


def _of_oauth(run: Invocation, name: str) -> tuple[StoredAccount, Grant]:
    stored = run.app.accounts.get(name)
    if isinstance(stored.secret, OAuthLogin):
        return stored, stored.secret.grant
    account = stored.account.name
    reason = f"{account} does not sign in by OAuth; see 'fluenzr account edit {account} --oauth'"
    raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
