"""``fluenzr outbox run``: send what is due, once or as long as it runs."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.ending import orderly
from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.cli.network import Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.outbox.look import Account, Messages
from fluenzr_smtp.cli.outbox.records import RECORD, record, tell_held
from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.cli.send.progress import Progress
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.model import Outcome, State
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from datetime import datetime

    from fluenzr_smtp.delivery import Delivery
    from fluenzr_smtp.outbox import Record
    from fluenzr_smtp.problems import ServerReply

_HELD = form.record(account=form.TEXT, problem=form.PROBLEM)
SCHEMAS = {
    "outbox run": form.record(
        accepted=form.INTEGER,
        deferred=form.INTEGER,
        rejected=form.INTEGER,
        in_doubt=form.INTEGER,
        expired=form.INTEGER,
        held=form.array(_HELD),
        messages=form.array(RECORD),
        next_due=form.nullable(form.TIME),
    )
}
_POLL_SECONDS = 2.0
_MANY = 20


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    lines = (
        "fluenzr outbox run",
        "fluenzr outbox run --quiet    # a line of cron: says something only when something is wrong",
        "fluenzr outbox run --watch",
    )
    tree.command("run", cls=Command, epilog=examples(*lines))(run_queue)


@dataclass(kw_only=True)
class _Pass:
    """What one pass over the outbox did."""

    touched: list[str] = field(default_factory=list)
    counts: Counter[Outcome] = field(default_factory=Counter)
    problems: dict[Problem, None] = field(default_factory=dict)
    held: dict[str, Problem] = field(default_factory=dict)
    told_before: frozenset[str] = frozenset()
    expired: tuple[Record, ...] = ()
    doubtful: tuple[Record, ...] = ()
    damaged: list[Record] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def add(self, delivery: Delivery) -> None:
        """Count a delivery; what is to be told is what is final."""
        self.touched.append(delivery.record)
        outcomes = {each.outcome for each in delivery.recipients}
        self.counts.update(outcomes)
        self.lines += [
            _line(each.outcome, delivery.record, each.recipient, each.reply) for each in delivery.recipients
        ]
        final = (each for each in delivery.recipients if each.outcome in (Outcome.REJECTED, Outcome.IN_DOUBT))
        self.problems.update(dict.fromkeys(each.problem for each in final if each.problem is not None))

    def add_damaged(self, damaged: Iterable[Record]) -> None:
        """Count messages that were set aside: no delivery tells of them."""
        self.damaged += damaged
        self.touched += [each.id for each in self.damaged]
        self.counts[Outcome.REJECTED] += len(self.damaged)
        for found in self.damaged:
            self.lines += [_line(each.state, found.id, each.address, None) for each in found.recipients]

    @property
    def headlines(self) -> tuple[Problem, ...]:
        """What is wrong, doubt first; that an account waits for its turn is not."""
        held = [each for each in self.held.values() if each.code is not ProblemCode.LIMIT_REACHED]
        ended = (*self.expired, *self.doubtful, *self.damaged)
        given_up = [each.problem for each in ended if each.problem is not None]
        found = dict.fromkeys([*self.problems, *given_up, *held])
        if found and self.counts[Outcome.ACCEPTED]:
            facts = {"accepted": self.counts[Outcome.ACCEPTED], "messages": len(set(self.touched))}
            partly = Problem(code=ProblemCode.RECIPIENTS_PARTLY_REFUSED, stage=Stage.RECIPIENT, facts=facts)
            found = {partly: None, **found}
        return tuple(sorted(found, key=lambda each: each.code is not ProblemCode.OUTBOX_IN_DOUBT))

    @property
    def news(self) -> tuple[Problem, ...]:
        """Those of them that an earlier run has not told."""
        known = [each for name, each in self.held.items() if name in self.told_before]
        return tuple(each for each in self.headlines if each not in known)


def run_queue(
    ctx: typer.Context,
    messages: Messages = None,
    *,
    account: Account = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped (Ctrl-C, SIGTERM).")] = False,
    connections: Annotated[
        int,
        typer.Option(
            "--connections",
            metavar="N",
            min=1,
            max=20,
            help="How many connections; fewer if the provider says so.",
        ),
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when all went well.")] = False,
    timeout: Timeout = int(STEP_SECONDS),
) -> None:
    """Send what is due. What the server refuses for now is tried again later, with growing pauses."""
    run = current(ctx)
    box = run.app.outbox
    ids = None if not messages else tuple(dict.fromkeys(box.get(each).id for each in messages))
    if watch:
        _watch(run, account, connections, float(timeout), quiet=quiet)
        return
    with orderly(run.app.clock.leave):
        done = _pass(
            run, account=account, ids=ids, connections=connections, timeout=float(timeout), quiet=quiet
        )
    found = done.headlines
    run.end(
        _document(run, done),
        problems=done.news
        if quiet and not run.output.json
        else found,  # cron would send it every five minutes
        exit_status=found[0].exit_status if found else None,
        show=lambda: _show(run, done, quiet=quiet),
    )


def _pass(
    run: Invocation,
    *,
    account: str | None,
    ids: tuple[str, ...] | None,
    connections: int,
    timeout: float,
    quiet: bool,
) -> _Pass:
    box, post, began = run.app.outbox, run.app.post, run.app.clock.now()
    done = _Pass(doubtful=box.recover(), expired=box.expire())
    queue = post.run(timeout=timeout, connections=connections)
    total = box.count_due(account=account)
    is_shown = not quiet and not run.output.json and total >= _MANY
    progress = Progress(run, total=total, unit="messages", is_shown=is_shown)
    with progress.showing():
        for delivery in queue.deliver(account=account, ids=ids):
            told = post.explained(delivery, timeout=timeout)
            done.add(told)
            if told.sent_problem is not None and not run.output.json:
                run.output.problem(told.sent_problem)
            progress.advance()
    done.held.update(post.explained_held(queue.held))
    done.told_before = frozenset(queue.held_before)
    done.add_damaged(_damaged(run, account, since=began))
    return done


def _damaged(run: Invocation, account: str | None, *, since: datetime) -> Iterator[Record]:
    """Yield the messages whose content was found damaged since a time."""
    for each in run.app.outbox.list(states={State.REJECTED}, account=account):
        is_damaged = each.problem is not None and each.problem.code is ProblemCode.OUTBOX_MESSAGE_DAMAGED
        if is_damaged and each.changed >= since:
            yield each


def _watch(run: Invocation, account: str | None, connections: int, timeout: float, *, quiet: bool) -> None:
    """Run passes until somebody ends it; a message that is on its way is seen to its end."""
    with _until_stopped(run) as stopped:
        while not stopped:
            done = _pass(
                run, account=account, ids=None, connections=connections, timeout=timeout, quiet=quiet
            )
            if done.touched or done.expired or done.doubtful:
                run.output.event(run.document(_document(run, done), problems=done.headlines))
                _show(run, done, quiet=quiet)
                run.output.problems(() if run.output.json else done.headlines)
            _rest(run, stopped)


def _rest(run: Invocation, stopped: list[int]) -> None:
    """Wait until something is due, looking now and then for what others have put in."""
    while not stopped:
        run.app.clock.sleep(_POLL_SECONDS)
        if run.app.outbox.count_due():
            return


@contextmanager
def _until_stopped(run: Invocation) -> Iterator[list[int]]:
    stopped: list[int] = []
    kept = {}
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        kept[number] = signal.signal(number, lambda caught, _frame: stopped.append(caught))
    run.app.post.is_stopped = lambda: bool(stopped)
    try:
        yield stopped
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _document(run: Invocation, done: _Pass) -> dict[str, object]:
    box = run.app.outbox
    records = [each for each in map(box.find, dict.fromkeys(done.touched)) if each is not None]
    return {
        "accepted": done.counts[Outcome.ACCEPTED],
        "deferred": done.counts[Outcome.DEFERRED],
        "rejected": done.counts[Outcome.REJECTED],
        "in_doubt": done.counts[Outcome.IN_DOUBT] + len(done.doubtful),
        "expired": len(done.expired),
        "held": [{"account": name, "problem": problem} for name, problem in done.held.items()],
        "messages": [record(each) for each in records],
        "next_due": box.next_due(),
    }


def _line(state: str, message: str, recipient: str, reply: ServerReply | None) -> str:
    said = f"  {reply_line(reply)}" if reply else ""
    return f"{state}  {message}  {printable(recipient)}{said}"


def _show(run: Invocation, done: _Pass, *, quiet: bool) -> None:
    if quiet or run.output.json:
        return
    for line in dict.fromkeys(done.lines):
        run.output.line(line)
    for name, problem in done.held.items():
        tell_held(run, name, problem)
    next_due = run.app.outbox.next_due()
    if not done.touched and next_due is None:
        run.output.note("Nothing waits in the outbox.")
    elif not done.touched and not done.held and next_due is not None:
        run.output.note(f"Nothing is due; the next try is at {local(next_due)}.")
