"""Options to log in by OAuth, and the sign-in itself as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.config import OAuthChoice
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import (
    Account,
    AuthorizationServer,
    Grant,
    GrantType,
    OAuthClient,
    OAuthLogin,
    Secret,
    is_client_id,
)
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.app.signing_in import Sought
    from fluenzr_smtp.oauth import DeviceCode, Provider

CLIENT_ID = "FLUENZR_OAUTH_CLIENT_ID"
CLIENT_SECRET = "FLUENZR_OAUTH_CLIENT_SECRET"  # noqa: S105 - the name of a variable

_PANEL = "Login by OAuth"
_SECONDS = 300

OAuthFlag = Annotated[
    bool,
    typer.Option(
        "--oauth", help="Sign in on the provider's web page, in place of a password.", rich_help_panel=_PANEL
    ),
]
DeviceFlag = Annotated[
    bool,
    typer.Option(
        "--device", help="Show a code to enter in a browser on another device.", rich_help_panel=_PANEL
    ),
]
PasteFlag = Annotated[
    bool,
    typer.Option(
        "--paste",
        help="Use a browser on another computer, and paste the address that it ends at.",
        rich_help_panel=_PANEL,
    ),
]
ServiceFlag = Annotated[
    bool,
    typer.Option(
        "--client-credentials",
        help="Sign in as a service, without a person (Microsoft 365; needs --tenant and a client secret).",
        rich_help_panel=_PANEL,
    ),
]
ClientId = Annotated[
    str | None,
    typer.Option(
        "--client-id",
        metavar="ID",
        help=f"The client id of your registration; else {CLIENT_ID}, else that of 'fluenzr config'.",
        rich_help_panel=_PANEL,
    ),
]
ClientSecretFile = Annotated[
    str | None,
    typer.Option(
        "--client-secret-file",
        metavar="FILE",
        help=f"Read the client secret from a file; else {CLIENT_SECRET}.",
        rich_help_panel=_PANEL,
    ),
]
Issuer = Annotated[
    str | None,
    typer.Option(
        "--issuer",
        metavar="URL",
        help="Another provider: where its OpenID discovery is, such as https://login.example.org.",
        rich_help_panel=_PANEL,
    ),
]
Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="TEXT", help="The organisation at Microsoft.", rich_help_panel=_PANEL),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="Ask for this in place of the usual; can be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Patience = Annotated[
    int,
    typer.Option(
        "--sign-in-timeout",
        metavar="SECONDS",
        min=5,
        max=3600,
        help="How long to wait for the person.",
        rich_help_panel=_PANEL,
    ),
]
PATIENCE = _SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthOptions:
    """What was said of OAuth."""

    oauth: bool = False
    device: bool = False
    paste: bool = False
    service: bool = False
    client_id: str | None = None
    client_secret_file: str | None = None
    issuer: str | None = None
    tenant: str | None = None
    scopes: tuple[str, ...] = ()
    seconds: float = _SECONDS
    ca_file: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The options that were used; each of them asks for OAuth."""
        used = {
            "--oauth": self.oauth,
            "--device": self.device,
            "--paste": self.paste,
            "--client-credentials": self.service,
            "--client-id": self.client_id is not None,
            "--client-secret-file": self.client_secret_file is not None,
            "--issuer": self.issuer is not None,
            "--tenant": self.tenant is not None,
            "--scope": bool(self.scopes),
        }
        return tuple(option for option, is_used in used.items() if is_used)

    def require_sense(self, *others: str) -> None:
        """Refuse ways to log in that exclude one another.

        Raises:
            FluenzrError: ``usage-invalid``.
        """
        flags = {"--device": self.device, "--paste": self.paste, "--client-credentials": self.service}
        ways = [option for option, is_used in flags.items() if is_used]
        if len(ways) > 1:
            raise _senseless(f"{ways[0]} and {ways[1]} exclude each other")
        if self.named and others:
            raise _senseless(f"{self.named[0]} and {others[0]} exclude each other")
        if self.issuer is not None and self.tenant is not None:
            raise _senseless("--issuer and --tenant exclude each other")


def may_have_client_id(run: Invocation, options: OAuthOptions) -> bool:
    """Say whether a client id may be found without asking anybody."""
    is_chosen = any(each.client_id for each in run.app.config.oauth.values())
    return options.client_id is not None or bool(run.app.environ.get(CLIENT_ID)) or is_chosen


def signed_in(run: Invocation, account: Account, options: OAuthOptions) -> OAuthLogin:
    """Sign in for an account, and return its login.

    Raises:
        FluenzrError: ``oauth-…``, ``input-required``, ``usage-invalid``, ``extra-missing``.
    """
    run.app.require_key()  # before a person signs in for nothing
    sought = _sought(run, account, options)
    return OAuthLogin(_granted(run, sought, options))


def signed_in_again(run: Invocation, account: Account, old: Grant, options: OAuthOptions) -> OAuthLogin:
    """Sign in at the same place for the same things.

    Raises:
        FluenzrError: as ``signed_in``.
    """
    from dataclasses import replace

    from fluenzr_smtp.app.signing_in import Sought

    run.app.require_key()
    client = old.client
    if options.client_id is not None:
        client = replace(client, id=_checked_id(options.client_id))
    if (secret := _given_secret(run, options)) is not None:
        client = replace(client, secret=secret)
    provider = _known_provider(old.server.name)
    sought = Sought(
        server=old.server,
        client=client,
        scopes=old.scopes,
        login_hint=account.username or account.address,
        extra=provider.extra if provider else (),
        seconds=options.seconds,
    )
    is_service = old.type is GrantType.CLIENT_CREDENTIALS
    was_device = old.type is GrantType.DEVICE_CODE and not options.paste and not run.app.sign_in.has_browser
    again = replace(options, service=is_service, device=options.device or was_device)
    return OAuthLogin(_granted(run, sought, again))


def consent_page(server: str) -> str | None:
    """Return the page where a person withdraws what was allowed to programs, where it is known."""
    provider = _known_provider(server)
    return provider.page if provider else None


# -- what is asked for ---------------------------------------------------------------------------------------


def _sought(run: Invocation, account: Account, options: OAuthOptions) -> Sought:
    from fluenzr_smtp.app.signing_in import Sought

    if options.issuer is not None:
        authority = run.app.files.authority(options.ca_file) if options.ca_file else account.smtp.authority
        server, usual = run.app.sign_in.discovered(options.issuer, authority)
        provider, choice = None, run.app.config.oauth.get(server.name, OAuthChoice())
    else:
        provider = _provider(run, account)
        choice = run.app.config.oauth.get(provider.name, OAuthChoice())
        server = run.app.sign_in.server_of(provider, options.tenant or choice.tenant)
        usual = provider.service_scopes if options.service else provider.scopes
        _require_service(provider, options, choice)
    client_id = _client_id(run, options, choice, name=server.name)
    return Sought(
        server=server,
        client=OAuthClient(id=client_id, secret=_secret(run, options, server, client_id)),
        scopes=options.scopes or usual,
        login_hint=account.username or account.address,
        extra=provider.extra if provider else (),
        seconds=options.seconds,
    )


def _provider(run: Invocation, account: Account) -> Provider:
    from fluenzr_smtp.oauth import PROVIDERS, provider_of

    # An account may have been typed by its host; that several presets share it does not matter here.
    host = account.smtp.host
    sharing = (
        each.key for each in run.app.presets.presets.values() if host in {one.host for one in each.smtp}
    )
    found = next(filter(None, map(provider_of, (account.preset, *sharing))), None)
    if found is not None:
        return found
    known = " and ".join(each.title for each in PROVIDERS.values())
    run.output.note(f"Known are {known}. Any other provider with OpenID: --issuer URL.")
    return run.prompts.missing("--issuer")


def _known_provider(name: str) -> Provider | None:
    from fluenzr_smtp.oauth import PROVIDERS

    return PROVIDERS.get(name)


def _require_service(provider: Provider, options: OAuthOptions, choice: OAuthChoice) -> None:
    if not options.service:
        return
    if not provider.service_scopes:
        raise _senseless(f"--client-credentials: {provider.title} has no such way for mail")
    if provider.tenant and not (options.tenant or choice.tenant):
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=("--tenant",))


def _client_id(run: Invocation, options: OAuthOptions, choice: OAuthChoice, *, name: str) -> str:
    found = options.client_id or run.app.environ.get(CLIENT_ID) or choice.client_id
    if found is None:
        run.output.note(
            "A client id of your own is needed; 'fluenzr guide oauth-sign-in' says how to get one. "
            f"To keep it for all accounts: 'fluenzr config set oauth.{name}.client_id ID'."
        )
        found = run.prompts.ask("Client id", option="--client-id")
    return _checked_id(found)


def _checked_id(text: str) -> str:
    text = text.strip()
    if not is_client_id(text):
        raise failure(
            ProblemCode.SETTING_INVALID,
            Stage.USAGE,
            setting="--client-id",
            value=text[:80],
            reason="not-a-client-id",
        )
    return text


def _secret(
    run: Invocation, options: OAuthOptions, server: AuthorizationServer, client_id: str
) -> Secret | None:
    """Return the client's secret: the one given, that of the same client in the vault, or one asked for."""
    given = _given_secret(run, options) or _kept_secret(run, server, client_id)
    provider = _known_provider(server.name)
    is_wanted = options.service or (provider is not None and provider.wants_secret)
    if given is not None or not is_wanted:
        return given
    from fluenzr_smtp import secrets_in

    answer = run.prompts.ask_secret("Client secret", option="--client-secret-file")
    return secrets_in.from_text(answer.reveal())


def _given_secret(run: Invocation, options: OAuthOptions) -> Secret | None:
    from fluenzr_smtp import files, secrets_in

    if options.client_secret_file is not None:
        return secrets_in.from_file(files.located(options.client_secret_file))
    text = run.app.environ.get(CLIENT_SECRET)
    return None if text is None else secrets_in.from_text(text)


def _kept_secret(run: Invocation, server: AuthorizationServer, client_id: str) -> Secret | None:
    """Return the secret that an account holds of the same client of the same server, and of no other."""
    for each in run.app.accounts.list():
        if isinstance(each.secret, OAuthLogin):
            grant = each.secret.grant
            if (grant.server.issuer, grant.client.id) == (server.issuer, client_id):
                return grant.client.secret
    return None


# -- signing in ----------------------------------------------------------------------------------------------


def _granted(run: Invocation, sought: Sought, options: OAuthOptions) -> Grant:
    sign_in = run.app.sign_in
    if options.service:
        return sign_in.as_service(sought)
    has_device, is_remote = bool(sought.server.device_authorization_endpoint), not sign_in.has_browser
    if options.device and not has_device:
        raise _senseless(f"--device: {sought.server.name} gives out no codes for other devices; take --paste")
    if options.device or (is_remote and has_device and not options.paste):
        grant = sign_in.by_device(sought, lambda device: _show_device(run, device))
    elif options.paste or is_remote:
        if not run.prompts.may_ask:
            run.prompts.missing("a terminal, for --paste", *(("--device",) if has_device else ()))
        grant = sign_in.by_paste(
            sought, lambda url: _show_elsewhere(run, url), lambda is_again: _pasted(run, is_again=is_again)
        )
    else:
        grant = sign_in.in_browser(sought, lambda url: _show_browser(run, url, sought))
    if grant.tokens is not None and grant.tokens.refresh is None:
        run.output.note("The provider gave nothing to renew the sign-in by: it ends with this access token.")
    return grant


def _show_browser(run: Invocation, url: str, sought: Sought) -> None:
    run.output.note("Sign in on the page that opens in your browser. If none opens, this is its address:")
    run.output.whole(url)
    run.output.note(f"Waiting for the browser, for at most {sought.seconds:.0f} seconds …")


def _show_elsewhere(run: Invocation, url: str) -> None:
    run.output.note("Open this address in a browser on any computer, and sign in there:")
    run.output.whole(url)
    run.output.note(
        "At the end the browser says that it cannot reach 127.0.0.1. That is right: copy the address of that "
        "page, from the browser's address bar, and paste it here. It is not shown."
    )


def _pasted(run: Invocation, *, is_again: bool) -> str:
    if is_again:
        run.output.note(
            "That is not the address at the end of this sign-in. It begins with http://127.0.0.1:"
        )
    return run.prompts.ask_secret("Address", option="--device").reveal()


def _show_device(run: Invocation, device: DeviceCode) -> None:
    run.output.note("Open this address in a browser on any device:")
    run.output.whole(device.verification_uri)
    run.output.note(f"and enter this code: {printable(device.user_code)}")
    run.output.note(f"Waiting, for at most {device.expires_in / 60:.0f} minutes …")


def _senseless(reason: str) -> FluenzrError:
    return failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
