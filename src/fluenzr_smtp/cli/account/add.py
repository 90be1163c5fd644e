"""``fluenzr account add``: from an address, a preset and a secret to an account that is known to work."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from fluenzr_smtp import settings
from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import completion, network
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.account import finding, oauth, pace, servers
from fluenzr_smtp.cli.account import secret as secrets
from fluenzr_smtp.cli.account.questions import asked
from fluenzr_smtp.cli.account.records import ACCOUNT, account_record
from fluenzr_smtp.cli.account.verification import Verified, end_unsaved, may_save, verify
from fluenzr_smtp.cli.checks import CHECK, check_records
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.compose import parse_address, parse_mailboxes
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Account, Mailbox, Need, Preset, Protocol, Secret, StoredAccount, UsernameRule
from fluenzr_smtp.presets import missing_parts
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {"account add": form.record(account=ACCOUNT, saved=form.BOOLEAN, checks=form.array(CHECK))}

_EXAMPLES = examples(
    "fluenzr account add me@shop.fr",
    "fluenzr account add me@shop.fr --preset ovh",
    "fluenzr account add me@shop.fr --preset ovh-exchange --fill number=4",
    "fluenzr account add me@shop.fr --preset gandi --password-stdin < secret",
    "fluenzr account add me@gmail.com --oauth",
    "fluenzr account add me@pm.me --preset proton-bridge --trust-cert cert.pem",
    "fluenzr account add me@corp.test --smtp-host mail.corp.test --ca-file ca.pem",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was typed."""

    email: str | None
    preset: str | None
    fills: dict[str, str]
    yes: bool
    resolver: str | None
    name: str | None
    display_name: str | None
    username: str | None
    no_auth: bool
    no_test: bool
    servers: servers.ServerOptions
    pace: pace.PaceOptions
    secret: secrets.SecretSource
    oauth: oauth.OAuthOptions
    timeout: float


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    tree.command("add", cls=Command, epilog=_EXAMPLES)(add)


def add(
    ctx: typer.Context,
    *,
    email: Annotated[str | None, typer.Argument(metavar="[EMAIL]", help="The address to send from.")] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="KEY", help="The provider; see 'fluenzr presets list'.")
    ] = None,
    fill: completion.Fills = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Agree to a server outside of the address's domain, where one was found there."
        ),
    ] = False,
    resolver: network.Resolver = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="TEXT", help="What to call the account, if not by address."),
    ] = None,
    display_name: Annotated[
        str | None, typer.Option("--display-name", metavar="TEXT", help="The name that receivers see.")
    ] = None,
    username: Annotated[
        str | None,
        typer.Option("--username", metavar="TEXT", help="The login name, if not the address."),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="The server wants no login (a relay on this machine).")
    ] = False,
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
    """Add an account: find its servers, try them without sending, and keep it encrypted."""
    request = Request(
        email=email,
        preset=preset,
        fills=completion.read_fills(fill or ()),
        yes=yes,
        resolver=resolver,
        name=name,
        display_name=display_name,
        username=username,
        no_auth=no_auth,
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
    _add(current(ctx), request)


def _add(run: Invocation, request: Request) -> None:
    _require_sense(request)
    choices, preset = _completed(run, request)
    account = settings.build_account(choices, preset)
    run.app.require_free(account.name)
    secret = _secret(run, request, account, preset)
    run.app.require_key()
    now = run.app.clock.now()
    stored = StoredAccount(account=account, secret=secret, created=now, secret_changed=now)
    verified = Verified(stored=stored, checks=())
    if not request.no_test:
        verified = verify(run, stored, timeout=request.timeout)
    _save(run, verified)


def _save(run: Invocation, verified: Verified) -> None:
    stored = verified.stored
    saved = may_save(run, verified)
    data = {"account": account_record(stored), "saved": saved, "checks": check_records(verified.checks)}
    if saved:
        run.app.accounts.add(stored)
        name = stored.account.name
        typed = shlex.quote(name)
        run.end(data, show=lambda: run.output.line(f"Saved {name}. Try it: fluenzr account test {typed}"))
        return
    run.output.note("Nothing was saved.")
    end_unsaved(run, verified, data)


def _require_sense(request: Request) -> None:
    """Refuse what contradicts itself or cannot be read, before anything is looked at."""
    request.pace.chosen_limits()
    request.pace.chosen_pause()
    logins = (*request.secret.named, *(("--username",) if request.username is not None else ()))
    request.oauth.require_sense(*request.secret.named, *(("--no-auth",) if request.no_auth else ()))
    if request.no_auth and logins:
        reason = f"--no-auth and {logins[0]} exclude each other"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)


def _completed(run: Invocation, request: Request) -> tuple[settings.Choices, Preset | None]:
    """Return what was typed, with what was missing asked for, and the preset that goes with it."""
    if request.preset is not None:
        run.app.presets.get(request.preset)  # a spelling mistake is told before anything is asked
    _require_complete(run, request)
    if run.prompts.may_ask:
        run.app.require_key()  # before anything is asked that would be lost
    if request.email is None:
        mailbox = asked(run, "Email address", _mailbox, option="EMAIL")
    else:
        mailbox = _mailbox(request.email)
    found = _found(run, request, mailbox.address)
    preset = found.preset
    choices = settings.Choices(
        address=mailbox.address,
        name=request.name,
        display_name=mailbox.name if request.display_name is None else request.display_name,
        username=_username(run, request, found),
        has_login=not request.no_auth,
        smtp=_said(request.servers.choice(Protocol.SMTP), found.smtp),
        imap=_said(request.servers.choice(Protocol.IMAP), found.imap),
        has_imap=not request.servers.no_imap,
        pin=run.app.files.pin(request.servers.trust_cert) if request.servers.trust_cert else None,
        authority=_authority(run, request),
        limits=request.pace.chosen_limits(),
        pause=request.pace.chosen_pause(),
    )
    return choices, preset


def _said(typed: settings.ServerChoice, found: settings.ServerChoice) -> settings.ServerChoice:
    """Return what was typed of a server, with the host that was found; where nothing was, all that was found.

    A port that was found does not go with another encryption, nor the other way round.
    """
    if typed.is_empty:
        return found
    return replace(typed, host=found.host) if typed.host is None else typed


def _authority(run: Invocation, request: Request) -> str | None:
    return run.app.files.authority(request.servers.ca_file) if request.servers.ca_file else None


def _username(run: Invocation, request: Request, found: finding.Found) -> str | None:
    """Return the login name that was typed or found; one that the provider hands out is asked for."""
    if request.username is not None or request.no_auth:
        return request.username
    if found.preset is not None and found.preset.username is UsernameRule.GIVEN and run.prompts.may_ask:
        return run.prompts.ask("User name, as the provider gave it to you", option="--username")
    return found.username


def _mailbox(text: str) -> Mailbox:
    """Read an address, or one with the name that receivers see."""
    found = parse_mailboxes(text)
    return found[0] if len(found) == 1 else Mailbox(address=parse_address(text))


def _require_complete(run: Invocation, request: Request) -> None:
    """Name everything that is missing at once, where nobody may be asked for it."""
    if run.prompts.may_ask:
        return
    missing = [] if request.email else ["EMAIL"]
    if not request.email and not (request.preset or request.servers.smtp_host):
        missing.append("--preset or --smtp-host")
    preset = run.app.presets.get(request.preset) if request.preset else None
    if preset is not None and not preset.unsupported:
        missing += missing_parts(preset, request.fills)
        is_handed_out = preset.username is UsernameRule.GIVEN and not request.no_auth
        missing += ["--username"] if is_handed_out and request.username is None else []
    is_open = preset is not None and preset.username is UsernameRule.NONE and request.username is None
    has_secret = request.secret.named or secrets.VARIABLE in run.app.environ or request.no_auth
    if request.oauth.named:
        missing += [] if oauth.may_have_client_id(run, request.oauth) else ["--client-id"]
    elif not has_secret and not is_open:
        missing.append(f"{', '.join(secrets.OPTIONS)} or {secrets.VARIABLE}")
    if missing:
        run.prompts.missing(*missing)


def _found(run: Invocation, request: Request, address: str) -> finding.Found:
    search = finding.Search(
        address=address,
        preset=request.preset,
        has_host=request.servers.smtp_host is not None,
        fills=request.fills,
        resolver=request.resolver,
        authority=_authority(run, request),
        timeout=request.timeout,
        may_leave=request.yes,
        may_connect=not request.no_test,
    )
    return finding.find(run, search)


def _secret(run: Invocation, request: Request, account: Account, preset: Preset | None) -> Secret | None:
    if account.username is None:
        return None
    if request.oauth.named:
        return oauth.signed_in(run, account, request.oauth)
    known = request.secret.read(run)
    if known is not None:
        return known
    if preset is not None:
        _show_hint(run, preset)
        if preset.oauth is Need.REQUIRED and run.prompts.may_ask and _agreed_to_oauth(run, preset):
            return oauth.signed_in(run, account, request.oauth)
    return secrets.ask(run, account.address)


def _agreed_to_oauth(run: Invocation, preset: Preset) -> bool:
    return run.prompts.confirm(f"Sign in at {preset.name} by OAuth?", option="--oauth", default=True)


def _show_hint(run: Invocation, preset: Preset) -> None:
    if preset.hint:
        run.output.note(f"{preset.name}: {preset.hint}")
    if preset.app_password is not Need.NO and preset.app_password_page:
        run.output.note(f"Made here: {preset.app_password_page}")
    if preset.oauth in {Need.PREFERRED, Need.REQUIRED}:
        run.output.note(
            "By OAuth in place of a password: --oauth or --token-command, see 'fluenzr guide oauth-sign-in'."
        )
