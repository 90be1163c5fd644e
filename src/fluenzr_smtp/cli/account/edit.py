"""``fluenzr account edit``: change what was said of an account; what is not named stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from fluenzr_smtp import settings
from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import network
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.account import oauth, pace, servers
from fluenzr_smtp.cli.account import secret as secrets
from fluenzr_smtp.cli.account.manage import Name
from fluenzr_smtp.cli.account.records import ACCOUNT, account_record
from fluenzr_smtp.cli.account.verification import Verified, end_unsaved, may_save, verify
from fluenzr_smtp.cli.checks import CHECK, check_records
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Account, Preset, Protocol, Secret, StoredAccount
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {"account edit": form.record(account=ACCOUNT, saved=form.BOOLEAN, checks=form.array(CHECK))}

_EXAMPLES = examples(
    "fluenzr account edit shop --password",
    "fluenzr account edit shop --oauth",
    "fluenzr account edit shop --smtp-port 465 --encryption ssl",
    "fluenzr account edit shop --display-name 'The Shop'",
    "fluenzr account edit shop --limit 200/1h --limit 500:recipients/24h --pause 2s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was typed."""

    display_name: str | None
    username: str | None
    no_test: bool
    servers: servers.ServerOptions
    pace: pace.PaceOptions
    ask_secret: bool
    secret: secrets.SecretSource
    oauth: oauth.OAuthOptions
    timeout: float

    @property
    def changes_nothing(self) -> bool:
        """Say whether no option asks for a change."""
        said = (self.display_name, self.username, *self.secret.named, *self.oauth.named)
        return not self.ask_secret and not any(each is not None for each in said) and self._keeps_options

    @property
    def names_login(self) -> bool:
        """Say whether an option only makes sense for an account with a login."""
        return self.username is not None or self.ask_secret or bool(self.secret.named or self.oauth.named)

    @property
    def _keeps_options(self) -> bool:
        return self.servers == servers.ServerOptions() and self.pace == pace.PaceOptions()


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    tree.command("edit", cls=Command, epilog=_EXAMPLES)(edit)


def edit(
    ctx: typer.Context,
    name: Name,
    *,
    display_name: Annotated[
        str | None, typer.Option("--display-name", metavar="TEXT", help="The name that receivers see.")
    ] = None,
    username: Annotated[
        str | None, typer.Option("--username", metavar="TEXT", help="The login name.")
    ] = None,
    no_test: Annotated[bool, typer.Option("--no-test", help="Save without trying the settings.")] = False,
    smtp_host: servers.SmtpHost = None,
    smtp_port: servers.SmtpPort = None,
    encryption: servers.Encryption = None,
    imap_host: servers.ImapHost = None,
    imap_port: servers.ImapPort = None,
    imap_encryption: servers.ImapEncryption = None,
    no_imap: servers.NoImap = False,
    trust_cert: servers.TrustCert = None,
    ca_file: servers.CaFile = None,
    limit: pace.Limits = None,
    pause: pace.Pause = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a new password at the terminal.")
    ] = False,
    password_stdin: secrets.StdinFlag = False,
    password_file: secrets.FileOption = None,
    password_command: secrets.CommandOption = None,
    token_command: secrets.TokenOption = None,
    oauth_flag: oauth.OAuthFlag = False,
    device: oauth.DeviceFlag = False,
    paste: oauth.PasteFlag = False,
    client_credentials: oauth.ServiceFlag = False,
    client_id: oauth.ClientId = None,
    client_secret_file: oauth.ClientSecretFile = None,
    issuer: oauth.Issuer = None,
    tenant: oauth.Tenant = None,
    scope: oauth.Scopes = None,
    sign_in_timeout: oauth.Patience = oauth.PATIENCE,
    timeout: network.Timeout = int(STEP_SECONDS),
) -> None:
    """Change an account; settings that concern its servers are tried before they are saved."""
    request = Request(
        display_name=display_name,
        username=username,
        no_test=no_test,
        servers=servers.ServerOptions(
            smtp_host=smtp_host,
            smtp_port=smtp_port,
            encryption=encryption,
            imap_host=imap_host,
            imap_port=imap_port,
            imap_encryption=imap_encryption,
            no_imap=no_imap,
            trust_cert=trust_cert,
            ca_file=ca_file,
        ),
        pace=pace.PaceOptions.of(limit, pause),
        ask_secret=password,
        secret=secrets.SecretSource(
            stdin=password_stdin,
            file=password_file,
            command=password_command,
            token_command=token_command,
        ),
        oauth=oauth.OAuthOptions(
            oauth=oauth_flag,
            device=device,
            paste=paste,
            service=client_credentials,
            client_id=client_id,
            client_secret_file=client_secret_file,
            issuer=issuer,
            tenant=tenant,
            scopes=tuple(scope or ()),
            seconds=float(sign_in_timeout),
            ca_file=ca_file,
        ),
        timeout=float(timeout),
    )
    _edit(current(ctx), name, request)


def _edit(run: Invocation, name: str, request: Request) -> None:
    if request.ask_secret and request.secret.named:
        reason = f"--password and {request.secret.named[0]} exclude each other"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    request.oauth.require_sense(*request.secret.named, *(("--password",) if request.ask_secret else ()))
    old = run.app.accounts.get(name)
    if request.changes_nothing:
        run.prompts.missing("what to change, such as --password or --smtp-port")
    account = _changed(run, old.account, request)
    secret = _new_secret(run, old, account, request)
    new = replace(old, account=account)
    if secret is not None:
        new = replace(new, secret=secret, secret_changed=run.app.clock.now())
    verified = Verified(stored=new, checks=())
    if not request.no_test and _concerns_servers(old, new):
        verified = verify(run, new, timeout=request.timeout)
    save(run, verified, write=lambda: run.app.accounts.replace(verified.stored, known_as=old))


def _concerns_servers(old: StoredAccount, new: StoredAccount) -> bool:
    """Say whether the servers may take the new settings otherwise than the old ones."""
    before = old.account
    ours = replace(new.account, display_name=before.display_name, limits=before.limits, pause=before.pause)
    return replace(new, account=ours) != old


def save(run: Invocation, verified: Verified, *, write: Callable[[], None]) -> None:
    """Save a changed account if it may be saved, by ``write``, and end the command."""
    saved = may_save(run, verified)
    stored = verified.stored
    data = {"account": account_record(stored), "saved": saved, "checks": check_records(verified.checks)}
    if saved:
        write()
        run.app.post.go_on(stored.account.name)
        run.end(data, show=lambda: run.output.line(f"Saved {stored.account.name}."))
        return
    run.output.note("Nothing was changed.")
    end_unsaved(run, verified, data)


def _new_secret(run: Invocation, old: StoredAccount, account: Account, request: Request) -> Secret | None:
    if request.oauth.named:
        return oauth.signed_in(run, account, request.oauth)
    if request.secret.named:
        return request.secret.read(run)
    lacks_one = account.username is not None and old.secret is None  # it had no login so far
    return secrets.ask(run, account.address) if request.ask_secret or lacks_one else None


def _changed(run: Invocation, account: Account, request: Request) -> Account:
    preset = _preset(run, account)
    options = request.servers
    choices = settings.Choices(
        address=account.address,
        display_name=account.display_name if request.display_name is None else request.display_name,
        username=account.username if request.username is None else request.username,
        has_login=account.username is not None or request.names_login,
        smtp=options.choice(Protocol.SMTP),
        imap=options.choice(Protocol.IMAP),
        has_imap=not options.no_imap,
        pin=run.app.files.pin(options.trust_cert) if options.trust_cert else None,
        authority=run.app.files.authority(options.ca_file) if options.ca_file else None,
        limits=request.pace.chosen_limits(account.limits),
        pause=request.pace.chosen_pause(account.pause),
    )
    return settings.change_account(account, choices, preset)


def _preset(run: Invocation, account: Account) -> Preset | None:
    """Return the account's preset; one that the catalogue no longer has is no reason to refuse a change."""
    return run.app.presets.presets.get(account.preset) if account.preset else None
