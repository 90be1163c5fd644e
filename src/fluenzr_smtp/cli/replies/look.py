"""``fluenzr replies``: what is new, once or as it comes."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.documents import Document
from fluenzr_smtp.cli.network import Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.replies.records import REPLY, lines, record
from fluenzr_smtp.cli.tree import examples
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model.replies import ReplyKind
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode
from fluenzr_smtp.settings import parse_span

if TYPE_CHECKING:
    from fluenzr_smtp.imap import ReadingSession
    from fluenzr_smtp.model import StoredAccount
    from fluenzr_smtp.model.replies import InboundReply
    from fluenzr_smtp.outbox import Cursor
    from fluenzr_smtp.replies import Question

SCHEMAS: dict[str, form.Schema] = {
    "replies": form.record(
        replies=form.array(REPLY),
        total=form.INTEGER,
        kinds={"type": "object", "additionalProperties": form.INTEGER},
        looked_at=form.INTEGER,
    )
}
_EXAMPLES = (
    "fluenzr replies",
    "fluenzr replies --since 30d --folder INBOX,Spam --kind human,bounce",
    "fluenzr replies --watch --json",
    "fluenzr replies --exec 'notify-send Reply'",
)
_FIRST_LOOK = timedelta(days=7)
_STDERR = 2
_MOST_NAMES = 20

Account = Annotated[
    list[str] | None, typer.Option("--account", metavar="NAME", help="Of this account; may be repeated.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="How far back a first look goes, such as 12h or 30d.  [7d]"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed."""

    accounts: tuple[StoredAccount, ...]
    folders: tuple[str, ...]
    since: timedelta
    kinds: frozenset[ReplyKind]
    with_unmatched: bool
    again: bool
    program: tuple[str, ...]
    timeout: float

    def question(self, run: Invocation, folder: str) -> Question:
        """Return what is asked of a folder."""
        from fluenzr_smtp.replies import Question

        return Question(
            folder=folder,
            since=run.app.clock.now() - self.since,
            kinds=self.kinds,
            with_unmatched=self.with_unmatched,
            again=self.again,
            for_program=bool(self.program),
        )

    def view(self, run: Invocation) -> str:
        """Return what this choice is remembered under; it is the same for every folder."""
        return self.question(run, "").view


@dataclass(kw_only=True)
class Look:
    """What one look into the mailboxes found."""

    replies: list[InboundReply] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    places: set[tuple[str, str]] = field(default_factory=set)
    looked_at: int = 0
    unreadable: int = 0

    @property
    def kinds(self) -> dict[str, int]:
        """How many there are of each kind."""
        kinds = [each.verdict.kind for each in self.replies]
        return {kind.value: kinds.count(kind) for kind in ReplyKind if kind in kinds}


def register(tree: typer.Typer) -> None:
    """Make it what the noun alone does."""
    tree.callback(invoke_without_command=True, epilog=examples(*_EXAMPLES))(replies)


def replies(
    ctx: typer.Context,
    *,
    account: Account = None,
    every: Annotated[bool, typer.Option("--all", help="Of all accounts that have an IMAP server.")] = False,
    since: Since = None,
    folder: Annotated[
        list[str] | None,
        typer.Option(
            "--folder", metavar="NAMES", help="Folders, with commas between them; may be repeated.  [INBOX]"
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KINDS",
            help="Only these, with commas between them: human, automatic, bounce, delay, complaint, "
            "challenge, unsubscribe.",
        ),
    ] = None,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Also what answers nothing that was sent from here.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="All since --since, shown before or not.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped (Ctrl-C, SIGTERM).")] = False,
    program: Annotated[
        str | None,
        typer.Option("--exec", metavar="CMD", help="Run a program for each new one, its document on stdin."),
    ] = None,
    timeout: Timeout = int(STEP_SECONDS),
) -> None:
    """Show who answered what was sent: what is new since the last time.

    Mailboxes are only read: no message is marked, moved or removed. What was shown is remembered once it was
    written, for each choice of folder, --kind and --unmatched by itself, and for --exec by itself: what you
    have looked at is new to the program. A first look goes back 7 days.
    """
    if ctx.invoked_subcommand is not None:
        return
    run = current(ctx)
    wanted = Wanted(
        accounts=_accounts(run, ctx, account, every=every),
        folders=_names(",".join(folder or ("INBOX",)), ctx, "--folder"),
        since=_FIRST_LOOK if since is None else parse_span(since, "--since"),
        kinds=_kinds(kind, ctx),
        with_unmatched=unmatched,
        again=again,
        program=_program(program, ctx),
        timeout=float(timeout),
    )
    if watch:
        from fluenzr_smtp.cli.replies.watch import watch_folders

        watch_folders(run, wanted)
    else:
        _look_once(run, wanted)


def look_into(
    run: Invocation, session: ReadingSession, stored: StoredAccount, wanted: Wanted, found: Look
) -> None:
    """Read the folders of an account; what cannot be opened does not keep the others from being read.

    Raises:
        FluenzrError: The connection is lost, or what is remembered cannot be read.
    """
    for name in wanted.folders:
        folder = run.app.inbox.folder_named(session, name)
        found.places.add((stored.account.name, folder))
        reading = run.app.inbox.reading(session, stored, wanted.question(run, folder))
        try:
            found.replies += reading.replies()
        except FluenzrError as error:
            if error.problem.code is not ProblemCode.MAILBOX_UNREADABLE:
                raise
            found.problems.append(_not_opened(error, session, stored))
        found.looked_at += reading.looked_at
        found.unreadable += len(reading.unreadable)
        if reading.cursor is not None:
            found.cursors.append(reading.cursor)


def _not_opened(error: FluenzrError, session: ReadingSession, stored: StoredAccount) -> Problem:
    """Return what is wrong with a folder, with the names of those that there are."""
    problem = error.problem.with_facts(account=stored.account.name)
    try:
        names = session.folder_names()
    except FluenzrError:
        return problem
    return problem.with_facts(folders=names[:_MOST_NAMES]) if names else problem


def end_look(run: Invocation, found: Look, wanted: Wanted) -> None:
    """Remember what was told, and hand it on; only after it was written.

    What a program could not be called with before is handed to it first.
    """
    inbox = run.app.inbox
    run.output.flush()
    documents = [(each, text_of(run, each)) for each in found.replies]
    view = wanted.view(run)
    if documents or found.cursors:
        handed = inbox.handing(view, anew=wanted.again) if wanted.program else None
        inbox.remember(documents, found.cursors, handed=handed)
    if wanted.program and inbox.outbox.exists:
        stdout = _STDERR if run.output.json else None  # one document is all that stdout carries
        for id_, reason in inbox.hand_over(wanted.program, view=view, places=found.places, stdout=stdout):
            run.output.note(f"The program failed with {id_} ({reason}); it gets it again at the next run.")


def text_of(run: Invocation, reply: InboundReply) -> str:
    """Return the document of one reply on one line: for programs, and as an event."""
    from fluenzr_smtp.cli.json_text import as_json

    return as_json(event(reply), run.output.catalogue, indent=None)


def event(reply: InboundReply) -> Document:
    """Return the document of one reply."""
    data = {"replies": [record(reply)], "total": 1, "kinds": {reply.verdict.kind.value: 1}, "looked_at": 1}
    return Document(command="replies", data=data)


def _look_once(run: Invocation, wanted: Wanted) -> None:
    found = Look()
    for stored in wanted.accounts:
        try:
            with ExitStack() as stack:
                session = stack.enter_context(run.app.inbox.session(stored, timeout=wanted.timeout))
                look_into(run, session, stored, wanted, found)
        except FluenzrError as error:
            told = run.app.servers.about(error.problem, stored) or error.problem
            if len(wanted.accounts) == 1 and not found.replies:
                raise FluenzrError(told) from error
            found.problems.append(told)
    found.replies.sort(key=lambda each: each.received)
    run.end(
        {
            "replies": [record(each) for each in found.replies],
            "total": len(found.replies),
            "kinds": found.kinds,
            "looked_at": found.looked_at,
        },
        problems=tuple(found.problems),
        exit_status=_status(found),
        show=lambda: show_look(run, found, again=wanted.again),
    )
    end_look(run, found, wanted)


def _status(found: Look) -> ExitStatus | None:
    return ExitStatus.PARTIAL if found.problems and found.cursors else None


def show_look(run: Invocation, found: Look, *, again: bool = False) -> None:
    """Show replies to people."""
    for reply in found.replies:
        for line in lines(run, reply):
            run.output.line(line)
    if found.unreadable:
        run.output.note(f"{found.unreadable} of the messages could not be read; they are left out.")
    if found.replies:
        counts = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
        run.output.note(f"{len(found.replies)}{'' if again else ' new'}: {counts}.")
    elif not found.problems:
        run.output.note(
            "Nothing in this time." if again else "Nothing new. --again shows what was shown before."
        )


def _accounts(
    run: Invocation, ctx: typer.Context, names: Sequence[str] | None, *, every: bool
) -> tuple[StoredAccount, ...]:
    if every and names:
        ctx.fail("--account and --all exclude each other.")
    if not every:
        wanted: Iterable[str | None] = dict.fromkeys(names) if names else (None,)
        found = tuple(run.app.account(each) for each in wanted)
        for stored in found:
            run.app.inbox.require_mailbox(stored)
        return found
    stored_all = run.app.accounts.list()
    with_mailbox = tuple(
        each for each in stored_all if each.account.imap is not None and each.secret is not None
    )
    return with_mailbox or (run.app.account(None),)


def _names(text: str, ctx: typer.Context, option: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    if not names:
        ctx.fail(f"{option} names nothing.")
    return names


def _kinds(typed: Sequence[str] | None, ctx: typer.Context) -> frozenset[ReplyKind]:
    if typed is None:
        return frozenset(ReplyKind)
    names = _names(",".join(typed).lower(), ctx, "--kind")
    known = {each.value for each in ReplyKind}
    for each in names:
        if each not in known:
            ctx.fail(
                f"No kind '{each}'. There are {', '.join(known_kind.value for known_kind in ReplyKind)}."
            )
    return frozenset(ReplyKind(each) for each in names)


def _program(text: str | None, ctx: Any) -> tuple[str, ...]:  # noqa: ANN401 - Typer's context
    if text is None:
        return ()
    try:
        arguments = tuple(shlex.split(text))
    except ValueError:
        ctx.fail("--exec has a quotation mark without its other one.")
    if not arguments or "\0" in text:
        ctx.fail("--exec names no program.")
    if shutil.which(arguments[0]) is None:
        ctx.fail(f"--exec: there is no program '{arguments[0]}'.")
    return arguments
