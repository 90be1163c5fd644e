"""``fluenzr presets export``: a preset as the file by which mail programs set themselves up."""

from __future__ import annotations

from typing import Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.completion import Fills, completed, read_fills
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.presets.listing import Key
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

SCHEMAS = {"presets export": form.record(preset=form.TEXT, domain=form.TEXT, url=form.TEXT, xml=form.TEXT)}

_LINES = (
    "fluenzr presets export ovh --domain my-company.fr > config-v1.1.xml",
    "fluenzr presets export ovh-exchange --domain my-company.fr --fill number=4",
)


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    tree.command("export", cls=Command, epilog=examples(*_LINES))(export)


def export(
    ctx: typer.Context,
    key: Key,
    *,
    domain: Annotated[
        str, typer.Option("--domain", metavar="DOMAIN", help="Your own domain, whose addresses it is for.")
    ],
    fill: Fills = None,
) -> None:
    """Print the autoconfig file (Thunderbird, K-9, Evolution …) for the addresses of your domain.

    Put it on the web at https://autoconfig.DOMAIN/mail/config-v1.1.xml, and mail programs find the servers.
    """
    from fluenzr_smtp.dns import ascii_domain
    from fluenzr_smtp.presets.autoconfig import autoconfig_of
    from fluenzr_smtp.settings import is_loopback, parse_host, unsupported

    run = current(ctx)
    name = parse_host(ascii_domain(domain.strip().rstrip(".")))
    preset = run.app.presets.get(key)
    if preset.unsupported:
        raise unsupported(preset)
    if all(is_loopback(each.host) for each in preset.smtp):
        reason = f"{preset.key} runs on this computer; nobody else reaches it"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
    content = autoconfig_of(completed(run, preset, read_fills(fill or ()), domain=name), domain=name)
    url = f"https://autoconfig.{name}/mail/config-v1.1.xml"
    data = {"preset": preset.key, "domain": name, "url": url, "xml": content.decode("utf-8")}
    run.end(data, show=lambda: run.output.raw(content))
