"""``fluenzr account list | show | rename | remove | default``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fluenzr_smtp.cli import age
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.account.records import ACCOUNT, account_record, account_rows, limits_record
from fluenzr_smtp.cli.limits import LIMIT_IN_FORCE
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model import OAuthLogin, Preset, State, StoredAccount

SCHEMAS = {
    "account list": form.record(accounts=form.array(ACCOUNT), default=form.nullable(form.TEXT)),
    "account show": form.record(
        account=ACCOUNT, default=form.BOOLEAN, limits_in_force=form.array(LIMIT_IN_FORCE)
    ),
    "account rename": form.record(old=form.TEXT, new=form.TEXT),
    "account remove": form.record(removed=form.nullable(form.TEXT)),
    "account default": form.record(default=form.nullable(form.TEXT)),
}

_NO_ACCOUNT = "There is no account yet. Add one: fluenzr account add EMAIL --preset KEY"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name, or its address.")]


def register(tree: typer.Typer) -> None:
    """Put the commands into their tree."""
    tree.command("list", cls=Command, epilog=examples("fluenzr account list --json"))(list_accounts)
    tree.command("show", cls=Command, epilog=examples("fluenzr account show me@shop.fr"))(show)
    tree.command("rename", cls=Command, epilog=examples("fluenzr account rename me@shop.fr shop"))(rename)
    tree.command("remove", cls=Command, epilog=examples("fluenzr account remove shop --yes"))(remove)
    tree.command(
        "default",
        cls=Command,
        epilog=examples("fluenzr account default", "fluenzr account default shop"),
    )(default)


def list_accounts(ctx: typer.Context) -> None:
    """List the accounts; the default one is marked."""
    run = current(ctx)
    stored = run.app.accounts.list()
    chosen = run.app.default_name(stored) or None
    found = age.ages(stored, now=run.app.clock.now(), max_days=age.max_age_days(run))
    days = {each.account: str(each.days) for each in found}

    def show_table() -> None:
        from fluenzr_smtp.cli.columns import columns

        if not stored:
            run.output.note(_NO_ACCOUNT)
            return
        rows = (
            (
                "*" if each.account.name == chosen else "",
                each.account.name,
                each.account.address,
                str(each.account.smtp),
                str(each.account.imap or "-"),
                days.get(each.account.name, "-"),
            )
            for each in stored
        )
        names = ("", "name", "address", "smtp", "imap", "password, days")
        run.output.table(columns(names, rows, whole=frozenset({"smtp", "imap"})))
        age.warn(run, found)

    run.end({"accounts": [account_record(each) for each in stored], "default": chosen}, show=show_table)


def show(ctx: typer.Context, name: Name) -> None:
    """Show one account; never its password."""
    run = current(ctx)
    stored = run.app.accounts.get(name)
    is_default = run.app.default_name(run.app.accounts.list()) == stored.account.name
    preset = _preset(run, stored)
    data = {
        "account": account_record(stored),
        "default": is_default,
        "limits_in_force": limits_record(stored.account, preset),
    }
    run.end(data, show=lambda: run.output.fields(account_rows(stored, preset)))


def rename(
    ctx: typer.Context,
    old: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What to call it from now on.")],
) -> None:
    """Give an account another name."""
    run = current(ctx)
    name = run.app.accounts.get(old).account.name
    run.app.accounts.rename(name, new)
    run.app.outbox.rename_account(name, new)  # what waits goes out from the same account
    _change_default(run, name, new)
    run.end({"old": name, "new": new}, show=lambda: run.output.line(f"{name} is called {new} now."))


def remove(
    ctx: typer.Context,
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove an account and its password. The mailbox itself is not touched.

    Older generations of the vault hold both until three more changes have replaced them.
    """
    run = current(ctx)
    stored = run.app.accounts.get(name)
    found = stored.account.name
    if isinstance(stored.secret, OAuthLogin) and stored.secret.grant.tokens is not None:
        run.output.note(
            f"The provider goes on allowing the sign-in; first 'fluenzr account revoke {found}' withdraws it."
        )
    if not yes and not run.prompts.confirm(f"Remove {found} and its password?", option="--yes"):
        run.end({"removed": None}, show=lambda: run.output.line("Nothing was removed."))
        return
    run.app.accounts.remove(found)
    _change_default(run, found, None)
    _tell_left(run, found)
    run.output.note("The older generations beside the vault hold its password until three more changes.")
    run.end({"removed": found}, show=lambda: run.output.line(f"Removed {found}."))


def _tell_left(run: Invocation, account: str) -> None:
    """Tell of messages that nobody can send any more."""
    left = run.app.outbox.list(states=set(State) - {State.ACCEPTED, State.REJECTED}, account=account)
    if left:
        run.output.note(
            f"Messages of it are in the outbox ({len(left)}): 'fluenzr outbox list --account {account}' has "
            f"them, 'fluenzr outbox cancel --all --account {account}' takes out those that wait."
        )


def default(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The account to use from now on.")
    ] = None,
) -> None:
    """Show or choose the account that is used where none is named."""
    run = current(ctx)
    if name is not None:
        chosen = run.app.accounts.get(name).account.name
        run.app.choose(lambda config: replace(config, default_account=chosen))
    else:
        chosen = run.app.default_name(run.app.accounts.list())

    def show_name() -> None:
        if chosen:
            run.output.line(printable(chosen))
        else:
            run.output.note(_NO_ACCOUNT)

    run.end({"default": chosen or None}, show=show_name)


def _preset(run: Invocation, stored: StoredAccount) -> Preset | None:
    return run.app.servers.preset_of(run.app.servers.target_of(stored))


def _change_default(run: Invocation, old: str, new: str | None) -> None:
    if run.app.config.default_account == old:
        run.app.choose(lambda config: replace(config, default_account=new))
