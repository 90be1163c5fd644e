"""``fluenzr send``: hand messages to the account's server now, or take them on and deliver them later too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli.options import current
from fluenzr_smtp.cli.send.request import Request, Terms, Wording
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.late import loader
from fluenzr_smtp.model import Priority, Security
from fluenzr_smtp.settings import parse_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fluenzr_smtp.app.parcels import Parcel
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.model import StoredAccount

__getattr__ = loader(__name__, {"SCHEMAS": "documents"})

_EXAMPLES = examples(
    "fluenzr send --to you@example.org --subject Hello --body 'It works.'",
    "df -h | fluenzr send --to ops@example.org --subject Disks --quiet",
    "fluenzr send --to a@example.org --text-file letter.txt --attach invoice.pdf",
    "fluenzr send --queue --key invoice-2026-117 --to a@example.org --body-file letter.txt",
    "fluenzr send --each people.csv --to '{{email}}' --subject 'Hello {{name}}' --body-file letter.txt",
    "fluenzr send --raw message.eml --to a@example.org",
    "fluenzr send -t < message.eml",
)
_ENVELOPE, _CONTENT, _MERGE, _READY, _HOW = (
    "Who",
    "What",
    "One message for each",
    "Ready-made message",
    "How",
)

tree = typer.Typer(add_completion=False)


@tree.command(cls=Command, epilog=_EXAMPLES)
def send(
    ctx: typer.Context,
    *,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDR", help="A recipient; may be repeated.", rich_help_panel=_ENVELOPE),
    ] = None,
    cc: Annotated[
        list[str] | None,
        typer.Option("--cc", metavar="ADDR", help="A copy to this address.", rich_help_panel=_ENVELOPE),
    ] = None,
    bcc: Annotated[
        list[str] | None,
        typer.Option(
            "--bcc", metavar="ADDR", help="A copy that the others do not see.", rich_help_panel=_ENVELOPE
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", metavar="NAME", help="The account to send from.", rich_help_panel=_ENVELOPE
        ),
    ] = None,
    from_name: Annotated[
        str | None,
        typer.Option(
            "--from-name", metavar="TEXT", help="The name that receivers see.", rich_help_panel=_ENVELOPE
        ),
    ] = None,
    reply_to: Annotated[
        list[str] | None,
        typer.Option(
            "--reply-to", metavar="ADDR", help="Where replies should go.", rich_help_panel=_ENVELOPE
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="TEXT", help="The subject.", rich_help_panel=_CONTENT)
    ] = None,
    body: Annotated[
        str | None,
        typer.Option(
            "--body", "--text", metavar="TEXT", help="The text of the message.", rich_help_panel=_CONTENT
        ),
    ] = None,
    body_file: Annotated[
        str | None,
        typer.Option(
            "--body-file",
            "--text-file",
            metavar="FILE",
            help="Read the text from a file; - is standard input, as when no text is given.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            metavar="HTML",
            help="The message as HTML; with a text too, readers choose.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    html_file: Annotated[
        str | None,
        typer.Option(
            "--html-file", metavar="FILE", help="Read the HTML from a file.", rich_help_panel=_CONTENT
        ),
    ] = None,
    attach: Annotated[
        list[str] | None,
        typer.Option(
            "--attach", metavar="FILE", help="Attach a file; may be repeated.", rich_help_panel=_CONTENT
        ),
    ] = None,
    inline: Annotated[
        list[str] | None,
        typer.Option(
            "--inline",
            metavar="NAME=FILE",
            help="A picture that the HTML shows as cid:NAME; may be repeated.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="'NAME: VALUE'",
            help="One more header field; may be repeated.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    in_reply_to: Annotated[
        str | None,
        typer.Option(
            "--in-reply-to",
            metavar="MESSAGE-ID",
            help="The Message-ID that this answers.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    priority: Annotated[
        Priority, typer.Option("--priority", help="How urgent it is.", rich_help_panel=_CONTENT)
    ] = Priority.NORMAL,
    date: Annotated[
        str | None,
        typer.Option(
            "--date",
            metavar="TIME",
            help="The date in the message, such as 2026-11-22T10:00+01:00; now unless given.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    list_unsubscribe: Annotated[
        list[str] | None,
        typer.Option(
            "--list-unsubscribe",
            metavar="URL",
            help="Where to unsubscribe: an https: or mailto: address; may be repeated.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    each: Annotated[
        str | None,
        typer.Option(
            "--each",
            metavar="FILE",
            help="Send one message for each row of a CSV file or each line of JSON.",
            rich_help_panel=_MERGE,
        ),
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=VALUE",
            help="Fill {{NAME}} in the texts and options; may be repeated.",
            rich_help_panel=_MERGE,
        ),
    ] = None,
    raw: Annotated[
        list[str] | None,
        typer.Option(
            "--raw",
            metavar="FILE",
            help="Send this message as it is; - is standard input; may be repeated.",
            rich_help_panel=_READY,
        ),
    ] = None,
    from_header: Annotated[
        bool,
        typer.Option(
            "-t",
            "--from-header",
            help="Take the recipients from To, Cc and Bcc of a ready-made message.",
            rich_help_panel=_READY,
        ),
    ] = False,
    queue: Annotated[
        bool,
        typer.Option(
            "--queue",
            help="Keep the message until it is accepted: try now, and later with outbox run.",
            rich_help_panel=_HOW,
        ),
    ] = False,
    queue_only: Annotated[
        bool,
        typer.Option(
            "--queue-only", help="Keep the message for outbox run; do not try now.", rich_help_panel=_HOW
        ),
    ] = False,
    give_up: Annotated[
        str | None,
        typer.Option(
            "--give-up",
            metavar="TIME",
            help="How long a message kept by --queue is tried; two days unless said.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="TEXT",
            help="Send once what has this key, however often the command runs.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for a sending limit instead of failing.", rich_help_panel=_HOW),
    ] = False,
    save_sent: Annotated[
        bool,
        typer.Option("--save-sent", help="Put a copy into the Sent folder by IMAP.", rich_help_panel=_HOW),
    ] = False,
    respect_bounces: Annotated[
        bool,
        typer.Option(
            "--respect-bounces",
            help="Leave out addresses to which mail came back for good.",
            rich_help_panel=_HOW,
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the message; send nothing.", rich_help_panel=_HOW)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing when all went well.", rich_help_panel=_HOW)
    ] = False,
    timeout: Annotated[
        int,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=1,
            max=3600,
            help="Bound of each step with the server.",
            rich_help_panel=_HOW,
        ),
    ] = int(STEP_SECONDS),
) -> None:
    """Send a message, or one for each row of a file.

    Without --queue it is delivered now or not at all: the exit status tells what became of it, and on failure
    nothing is kept. 0 accepted, 80 by some recipients only, 75 try again later, 81 in doubt; anything else:
    mend what is wrong first. With --queue, 0 means that it is on the disk and will be tried now and later.
    """
    request = Request(
        wording=Wording(
            to=tuple(to or ()),
            cc=tuple(cc or ()),
            bcc=tuple(bcc or ()),
            reply_to=tuple(reply_to or ()),
            from_name=from_name,
            subject=subject,
            body=body,
            html=html,
            attach=tuple(attach or ()),
            inline=tuple(inline or ()),
            header=tuple(header or ()),
            in_reply_to=in_reply_to,
            list_unsubscribe=tuple(list_unsubscribe or ()),
            key=key,
        ),
        body_file=body_file,
        html_file=html_file,
        priority=priority.value,
        date=date,
        variables=tuple(variables or ()),
        each=each,
        raw=tuple(raw or ()),
        from_header=from_header,
        terms=Terms(
            queue=queue,
            queue_only=queue_only,
            wait=wait,
            save_sent=save_sent,
            respect_bounces=respect_bounces,
            dry_run=dry_run,
            quiet=quiet,
            timeout=float(timeout),
            lifetime=None if give_up is None else parse_span(give_up, "--give-up"),
        ),
    )
    _send(current(ctx), request, account)


def _send(run: Invocation, request: Request, name: str | None) -> None:
    request.require_sense()
    said, terms = request.wording, request.terms
    if not (request.from_header or said.to or said.cc or said.bcc):
        run.prompts.missing("--to")
    stored = run.app.account(name)
    if terms.save_sent:
        run.app.post.require_filing(stored)
    if stored.account.smtp.security is Security.NONE and not terms.quiet:
        run.output.note(f"Not encrypted: {stored.account.smtp} is this machine.")
    if _is_worth_preparing(request):
        run.app.post.prepare(stored, timeout=terms.timeout)
    try:  # what follows is loaded while the server answers
        from fluenzr_smtp.cli.send.parcels import parcels

        made = parcels(run, request, stored.account)
    except BaseException:
        run.app.post.dismiss()
        raise
    _despatch(run, terms, stored, made)


def _despatch(run: Invocation, terms: Terms, stored: StoredAccount, made: Sequence[Parcel]) -> None:
    from fluenzr_smtp.cli.ending import orderly
    from fluenzr_smtp.cli.send.sending import deliver, keep, show_messages

    if terms.dry_run:
        show_messages(run, stored, made)
        return
    with orderly(run.app.clock.leave):
        (keep if terms.is_kept else deliver)(run, terms, stored, made)


def _is_worth_preparing(request: Request) -> bool:
    """Say whether the message will surely go now, and as soon as it is made: nothing is waited for."""
    terms, said = request.terms, request.wording
    return not (terms.is_kept or terms.dry_run or said.key is not None or request.readers)
