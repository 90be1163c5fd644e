"""``fluenzr diagnose``: where mail breaks, why, and what works instead.

The command's options are here; ``findings`` walks the servers, ``fixes`` offers what works instead,
``outputs`` tells what was found.
"""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli.account import secret as secrets
from fluenzr_smtp.cli.completion import Fills
from fluenzr_smtp.cli.diagnose.findings import Request
from fluenzr_smtp.cli.diagnose.outputs import DATA
from fluenzr_smtp.cli.network import Timeout
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.tree import Command, examples

SCHEMAS = {"diagnose": DATA}

_LOGIN, _MENDING, _REPORTS, _DOMAIN = "Login", "What works instead", "Reports", "The sender's domain"

_EXAMPLES = examples(
    "fluenzr diagnose",
    "fluenzr diagnose shop --transcript",
    "fluenzr diagnose mail.example.org:465",
    "fluenzr diagnose --preset zoho",
    "fluenzr diagnose --preset ovh-exchange --fill number=4",
    "fluenzr diagnose ana@example.org --domain",
    "fluenzr diagnose shop --fix --report mail.html",
    "fluenzr diagnose shop --nagios --warn-days 21 --critical-days 7",
)

tree = typer.Typer(add_completion=False)


@tree.command(cls=Command, epilog=_EXAMPLES)
def diagnose(
    ctx: typer.Context,
    *,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[ACCOUNT|EMAIL|HOST[:PORT]]",
            help="What to look at: an account, an address at a known provider, or a server. "
            "The default account unless named.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="KEY", help="Look at the servers of this provider."),
    ] = None,
    fill: Fills = None,
    encryption: Annotated[
        str | None,
        typer.Option("--encryption", metavar="NAME", help="starttls, ssl, or none (this machine only)."),
    ] = None,
    timeout: Timeout = int(STEP_SECONDS),
    transcript: Annotated[
        bool, typer.Option("--transcript", help="Show the dialogue with the servers, without secrets.")
    ] = False,
    trust_cert: Annotated[
        str | None,
        typer.Option(
            "--trust-cert",
            metavar="FILE",
            help="In this run trust exactly the certificate in this PEM file; 'account edit' keeps it.",
        ),
    ] = None,
    ca_file: Annotated[
        str | None,
        typer.Option(
            "--ca-file",
            metavar="FILE",
            help="In this run trust the certificate authority in this PEM file; 'account edit' keeps it.",
        ),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            "--username",
            metavar="NAME",
            help="Log in by this name, in this run.",
            rich_help_panel=_LOGIN,
        ),
    ] = None,
    password_stdin: secrets.StdinFlag = False,
    password_file: secrets.FileOption = None,
    password_command: secrets.CommandOption = None,
    token_command: secrets.TokenOption = None,
    try_usernames: Annotated[
        bool,
        typer.Option(
            "--try-usernames",
            help="After a refused login, try once the other form of the user name: the full address, or "
            "the part before the @.",
            rich_help_panel=_MENDING,
        ),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Write what works instead to the account, without asking.", rich_help_panel=_MENDING
        ),
    ] = False,
    domain: Annotated[
        bool,
        typer.Option(
            "--domain",
            help="Look at the DNS of the sender's domain as well: MX, SPF, DKIM, DMARC, MTA-STS, TLS-RPT, "
            "DANE. A bare name without a port is then a domain, and nothing else is looked at.",
            rich_help_panel=_DOMAIN,
        ),
    ] = False,
    resolver: Annotated[
        str | None,
        typer.Option(
            "--resolver",
            metavar="IP[:PORT]",
            help="Ask this name server about the domain.",
            rich_help_panel=_DOMAIN,
        ),
    ] = None,
    selector: Annotated[
        list[str] | None,
        typer.Option(
            "--selector",
            metavar="NAME",
            help="A DKIM selector to look for; may be repeated.",
            rich_help_panel=_DOMAIN,
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write a page (HTML) to send to the provider.",
            rich_help_panel=_REPORTS,
        ),
    ] = None,
    junit: Annotated[
        str | None,
        typer.Option(
            "--junit", metavar="FILE", help="Write a JUnit report, for CI.", rich_help_panel=_REPORTS
        ),
    ] = None,
    nagios: Annotated[
        bool,
        typer.Option(
            "--nagios",
            help="Print one line for monitoring; the exit status is 0, 1, 2 or 3.",
            rich_help_panel=_REPORTS,
        ),
    ] = False,
    warn_days: Annotated[
        int,
        typer.Option(
            "--warn-days",
            metavar="DAYS",
            min=0,
            help="Warn when a certificate ends in fewer days.",
            rich_help_panel=_REPORTS,
        ),
    ] = 21,
    critical_days: Annotated[
        int,
        typer.Option(
            "--critical-days",
            metavar="DAYS",
            min=0,
            help="Alarm when a certificate ends in fewer days.",
            rich_help_panel=_REPORTS,
        ),
    ] = 7,
) -> None:
    """Find out where mail breaks, and what works instead. Nothing is sent; no account is needed."""
    request = Request(
        text=target,
        preset=preset,
        fills=tuple(fill or ()),
        encryption=encryption,
        timeout=float(timeout),
        transcript=transcript,
        trust_cert=trust_cert,
        ca_file=ca_file,
        username=username,
        secret=secrets.SecretSource(
            stdin=password_stdin,
            file=password_file,
            command=password_command,
            token_command=token_command,
        ),
        try_usernames=try_usernames,
        fix=fix,
        domain=domain,
        resolver=resolver,
        selectors=tuple(selector or ()),
        report=report,
        junit=junit,
        nagios=nagios,
        warn_days=warn_days,
        critical_days=critical_days,
    )
    from fluenzr_smtp.cli.diagnose.outputs import monitored, told

    run = current(ctx)
    if nagios and run.output.json:
        ctx.fail("--nagios and --json exclude each other.")
    if nagios:
        monitored(run, request)
    else:
        told(run, request)
