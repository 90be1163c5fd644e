"""``fluenzr send``: hand one message to the account's server, now or not at all."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.output import (
    StdoutClosedError,
    StdoutFailedError,
    is_terminal,
    printable,
    reply_line,
)
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.compose import parse_header, parse_mailboxes
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Account, Attachment, Draft, Mailbox, Outcome, RecipientOutcome, Security
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.delivery import Delivery
    from fluenzr_smtp.model import Submission

SCHEMAS = {
    "send": form.record(
        account=form.TEXT,
        mail_from=form.TEXT,
        message_id=form.TEXT,
        size_bytes=form.INTEGER,
        reply=form.nullable(form.REPLY),
        recipients=form.array(
            form.record(
                recipient=form.TEXT,
                outcome=form.choice(*(each.value for each in Outcome)),
                reply=form.nullable(form.REPLY),
                problem=form.nullable(form.PROBLEM),
            )
        ),
    )
}

_EXAMPLES = examples(
    "fluenzr send --to you@example.org --subject Hello --body 'It works.'",
    "df -h | fluenzr send --to ops@example.org --subject Disks --quiet",
    "fluenzr send --to a@example.org --body-file letter.txt --attach invoice.pdf",
    "fluenzr send --raw message.eml --to a@example.org",
    "fluenzr send -t < message.eml",
)
_ENVELOPE, _CONTENT, _READY = "Who", "What", "Ready-made message"

tree = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was typed."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    from_name: str | None
    subject: str | None
    body: str | None
    body_file: str | None
    html: str | None
    html_file: str | None
    attach: tuple[str, ...]
    header: tuple[str, ...]
    raw: str | None
    from_header: bool

    @property
    def is_ready_made(self) -> bool:
        """Say whether the message is given whole."""
        return self.raw is not None or self.from_header

    @property
    def composed_options(self) -> tuple[str, ...]:
        """The options used that only make sense for a message that is still to be made."""
        said = {
            "--subject": self.subject,
            "--body": self.body,
            "--body-file": self.body_file,
            "--html": self.html,
            "--html-file": self.html_file,
            "--from-name": self.from_name,
            "--reply-to": self.reply_to or None,
            "--attach": self.attach or None,
            "--header": self.header or None,
        }
        return tuple(option for option, value in said.items() if value is not None)

    @property
    def readers(self) -> tuple[str, ...]:
        """What takes its content from standard input, which can be read once."""
        files = [("--body-file", self.body_file), ("--html-file", self.html_file)]
        files += [("--attach", each) for each in self.attach]
        named = tuple(option for option, file in files if file == "-")
        has_text = any(each is not None for each in (self.body, self.body_file, self.html, self.html_file))
        return named if has_text or self.is_ready_made else (*named, "the text")


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
        typer.Option("--body", metavar="TEXT", help="The text of the message.", rich_help_panel=_CONTENT),
    ] = None,
    body_file: Annotated[
        str | None,
        typer.Option(
            "--body-file",
            metavar="FILE",
            help="Read the text from a file; - (and nothing) is standard input.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="HTML", help="The message as HTML.", rich_help_panel=_CONTENT),
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
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="'NAME: VALUE'",
            help="One more header field; may be repeated.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    raw: Annotated[
        str | None,
        typer.Option(
            "--raw",
            metavar="FILE",
            help="Send this message as it is; - is standard input.",
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when all went well.")] = False,
    timeout: Annotated[
        int,
        typer.Option(
            "--timeout", metavar="SECONDS", min=1, max=3600, help="Bound of each step with the server."
        ),
    ] = int(STEP_SECONDS),
) -> None:
    """Send one message now.

    The exit status tells what became of it: 0 accepted, 80 by some recipients only, 75 try again later,
    81 in doubt; anything else: mend what is wrong first.
    """
    run = current(ctx)
    request = Request(
        to=tuple(to or ()),
        cc=tuple(cc or ()),
        bcc=tuple(bcc or ()),
        reply_to=tuple(reply_to or ()),
        from_name=from_name,
        subject=subject,
        body=body,
        body_file=body_file,
        html=html,
        html_file=html_file,
        attach=tuple(attach or ()),
        header=tuple(header or ()),
        raw=raw,
        from_header=from_header,
    )
    _require_sense(run, request)
    stored = run.app.account(account)
    submission = _submission(run, request, stored.account)
    if stored.account.smtp.security is Security.NONE and not quiet:
        run.output.note(f"Not encrypted: {stored.account.smtp} is this machine.")
    delivery = run.app.servers.deliver(stored, submission, timeout=float(timeout))
    try:
        run.end(
            _record(delivery),
            problems=delivery.problems,
            exit_status=delivery.exit_status,
            show=lambda: _show(run, delivery, quiet=quiet),
        )
    except (StdoutFailedError, StdoutClosedError):
        if delivery.accepted:  # the status will not tell; somebody might send it again
            message_id = printable(delivery.submission.message_id)
            run.output.note(f"The server has accepted the message {message_id} all the same.")
        raise


def _require_sense(run: Invocation, request: Request) -> None:
    """Refuse what contradicts itself or lacks something, before anything is opened or read."""
    if request.is_ready_made and request.composed_options:
        ready = "--raw" if request.raw is not None else "-t"
        raise _contradiction(f"{ready} is a ready-made message and excludes {request.composed_options[0]}")
    if request.body is not None and request.body_file is not None:
        raise _contradiction("--body and --body-file exclude each other")
    if request.html is not None and request.html_file is not None:
        raise _contradiction("--html and --html-file exclude each other")
    if len(request.readers) > 1:
        raise _contradiction(f"standard input can be read once, not for {' and '.join(request.readers)}")
    if not (request.from_header or request.to or request.cc or request.bcc):
        run.prompts.missing("--to")


def _contradiction(reason: str) -> Exception:
    return failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)


def _submission(run: Invocation, request: Request, account: Account) -> Submission:
    if request.is_ready_made:
        named = tuple(each.address for each in _mailboxes(request.to + request.cc + request.bcc))
        content = run.app.files.read(request.raw or "-")
        if request.from_header:
            return run.app.compose_raw(content, account, None, named)
        return run.app.compose_raw(content, account, named)
    return run.app.compose(_draft(run, request, account))


def _draft(run: Invocation, request: Request, account: Account) -> Draft:
    name = account.display_name if request.from_name is None else request.from_name
    return Draft(
        sender=Mailbox(address=account.address, name=name),
        to=_mailboxes(request.to),
        cc=_mailboxes(request.cc),
        bcc=_mailboxes(request.bcc),
        reply_to=_mailboxes(request.reply_to),
        subject=request.subject or "",
        headers=tuple(parse_header(each) for each in request.header),
        attachments=tuple(_attachment(run, each) for each in request.attach),
        html=request.html if request.html_file is None else _text_of(run, request.html_file),
        text=_body(run, request),
    )


def _mailboxes(texts: tuple[str, ...]) -> tuple[Mailbox, ...]:
    return tuple(mailbox for text in texts for mailbox in parse_mailboxes(text))


def _attachment(run: Invocation, path: str) -> Attachment:
    filename = "attachment" if path == "-" else PurePath(path).name
    return Attachment(filename=filename, content=run.app.files.read(path))


def _body(run: Invocation, request: Request) -> str | None:
    """Return the text: as typed, of the file, or of standard input where nothing else was given."""
    if request.body is not None:
        return request.body
    if request.body_file is not None:
        return _text_of(run, request.body_file)
    if request.html is not None or request.html_file is not None:
        return None
    if is_terminal(sys.stdin):
        run.prompts.missing("--body or --body-file")
    text = _text_of(run, "-")
    if not text.strip() and not request.attach:
        run.output.note("The message has no text: standard input was empty.")
    return text


def _text_of(run: Invocation, path: str) -> str:
    try:
        return run.app.files.read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        # Not chained: the exception quotes what was read.
        raise failure(ProblemCode.MESSAGE_MALFORMED, Stage.INPUT, reason="not-utf-8", path=path) from None


def _show(run: Invocation, delivery: Delivery, *, quiet: bool) -> None:
    """Show one line for the recipients who are served, one for each who is not."""
    accepted = ", ".join(each.recipient for each in delivery.accepted)
    if accepted and delivery.reply and not quiet:
        submission = delivery.submission
        run.output.line(
            f"accepted  {printable(submission.envelope.mail_from)} -> {printable(accepted)}"
            f"  {printable(submission.message_id)}  {reply_line(delivery.reply)}"
        )
    if any(each.outcome is Outcome.IN_DOUBT for each in delivery.recipients):
        run.output.note(f"The message in doubt is {printable(delivery.submission.message_id)}.")
    for each in delivery.recipients:
        if each.problem is not None and len(delivery.recipients) > 1:
            run.output.note(f"{each.outcome}: {printable(each.recipient)}  {_why(each)}")


def _why(outcome: RecipientOutcome) -> str:
    if outcome.reply is not None:
        return reply_line(outcome.reply)
    return "" if outcome.problem is None else str(outcome.problem.code)


def _record(delivery: Delivery) -> dict[str, object]:
    return {
        "account": delivery.account.name,
        "mail_from": delivery.submission.envelope.mail_from,
        "message_id": delivery.submission.message_id,
        "size_bytes": len(delivery.submission.content),
        "reply": delivery.reply,
        "recipients": [
            {
                "recipient": each.recipient,
                "outcome": each.outcome,
                "reply": each.reply,
                "problem": each.problem,
            }
            for each in delivery.recipients
        ],
    }
