"""``fluenzr account test``: stage by stage, then a note to oneself, and whether it arrived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.app.parcels import Parcel
from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.checks import CHECK, CheckLines, Mark, check_records
from fluenzr_smtp.cli.checks.explained import panels
from fluenzr_smtp.cli.network import Resolver, Timeout
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.output import reply_line
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.compose import parse_address
from fluenzr_smtp.model import Check, Draft, Mailbox, Outcome, Protocol, StoredAccount
from fluenzr_smtp.problems import Problem, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.delivery import Delivery

_MESSAGE = form.record(
    message_id=form.TEXT,
    recipient=form.TEXT,
    outcome=form.choice(*(each.value for each in Outcome)),
    reply=form.nullable(form.REPLY),
    folder=form.nullable(form.TEXT),
    authentication_results=form.nullable(form.TEXT),
)
_RESULT = form.record(
    name=form.TEXT,
    address=form.TEXT,
    ok=form.BOOLEAN,
    checks=form.array(CHECK),
    message=form.nullable(_MESSAGE),
)

SCHEMAS = {"account test": form.record(accounts=form.array(_RESULT))}

_EXAMPLES = examples(
    "fluenzr account test",
    "fluenzr account test shop --no-send",
    "fluenzr account test --all --json --junit mail.xml",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was typed."""

    send: bool
    recipient: str | None
    wait: float
    timeout: float
    domain: bool
    resolver: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the test of one account showed."""

    stored: StoredAccount
    checks: tuple[Check, ...]
    delivery: Delivery | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What did not hold, in the order in which it was found."""
        found = tuple(check.problem for check in self.checks if check.problem and check.is_failure)
        return found + (self.delivery.problems if self.delivery else ())


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    tree.command("test", cls=Command, epilog=_EXAMPLES)(try_account)


def try_account(
    ctx: typer.Context,
    *,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The account; the default one unless named."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Test all accounts.")] = False,
    no_send: Annotated[bool, typer.Option("--no-send", help="Check the servers only; send nothing.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDR", help="Send the test message there instead.")
    ] = None,
    wait: Annotated[
        int,
        typer.Option(
            "--wait", metavar="SECONDS", min=0, max=3600, help="How long to wait for the message to arrive."
        ),
    ] = 60,
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report, for CI.")
    ] = None,
    no_domain: Annotated[
        bool, typer.Option("--no-domain", help="Do not look at the DNS of the sender's domain.")
    ] = False,
    resolver: Resolver = None,
    timeout: Timeout = int(STEP_SECONDS),
) -> None:
    """Test an account: its servers stage by stage, then a message to itself and its arrival.

    What the DNS says of the sender's domain (SPF, DKIM, DMARC …) is told as notes.
    """
    run = current(ctx)
    if name and every:
        ctx.fail("NAME and --all exclude each other.")
    recipient = None if to is None else parse_address(to)
    if junit is not None:
        run.app.files.require_place(junit)
    request = Request(
        send=not no_send,
        recipient=recipient,
        wait=float(wait),
        timeout=float(timeout),
        domain=not no_domain,
        resolver=resolver,
    )
    chosen = run.app.accounts.list() if every else ()
    trials = [_tried(run, stored, request) for stored in chosen or (run.app.account(name),)]
    if junit is not None:
        _write_junit(run, junit, trials)
    problems = tuple(problem for trial in trials for problem in trial.problems)
    run.end({"accounts": [_record(trial) for trial in trials]}, problems=problems)


def _tried(run: Invocation, stored: StoredAccount, request: Request) -> Trial:
    lines = CheckLines(run)
    lines.account(stored.account)
    checks: list[Check] = []

    def show(found: Iterable[Check]) -> None:
        for check in found:
            lines.show(check)
            checks.append(check)

    servers = run.app.servers
    show(servers.examine(stored, timeout=request.timeout, recipient=request.recipient or ""))
    lines.end(stored.account)
    delivery = None
    if request.send and not any(_keeps_from_sending(check) for check in checks):
        delivery = _sent(run, stored, request, lines)
        show(_arrival(run, stored, request, delivery, checks))
    if request.domain:
        before = len(checks)
        show(servers.domain_notes(stored.account, resolver=request.resolver))
        lines.close()
        panels(run.output, checks[before:])
    return Trial(stored=stored, checks=tuple(checks), delivery=delivery)


def _keeps_from_sending(check: Check) -> bool:
    """Say whether nothing is sent after this: a secret that either server refused is not said again."""
    return check.is_failure and (check.protocol is Protocol.SMTP or check.stage is Stage.AUTH)


def _sent(run: Invocation, stored: StoredAccount, request: Request, lines: CheckLines) -> Delivery:
    account = stored.account
    recipient = request.recipient or account.address
    now = run.app.clock.now().astimezone()
    draft = Draft(
        sender=Mailbox(address=account.address, name=account.display_name),
        to=(Mailbox(address=recipient),),
        subject=f"fluenzr test, {now:%Y-%m-%d %H:%M}",
        text=(
            f"This message was sent by 'fluenzr account test' through {account.smtp}.\n"
            f"That it can be read shows that {account.address} is able to send.\n"
        ),
    )
    parcel = Parcel(submission=run.app.compose(draft))
    (delivery,) = run.app.post.send(stored, (parcel,), timeout=request.timeout)
    lines.heading(f"Message to {recipient}")
    mark = Mark.OK if delivery.reply else Mark.FAILED
    lines.row(mark, Stage.MESSAGE, None, _outcome(delivery), is_last=True)
    return delivery


def _outcome(delivery: Delivery) -> str:
    if delivery.reply:
        return f"accepted: {reply_line(delivery.reply)}"
    return str(delivery.problems[0].code)


def _arrival(
    run: Invocation, stored: StoredAccount, request: Request, delivery: Delivery, checks: list[Check]
) -> Iterator[Check]:
    """Wait for the message where it can be waited for: in the account's own mailbox, which can be read."""
    account, secret = stored.account, stored.secret
    inbox = next((check for check in checks if check.stage is Stage.MAILBOX and check.ok), None)
    is_to_self = request.recipient is None or request.recipient.casefold() == account.address.casefold()
    if delivery.reply is None or inbox is None or secret is None or not is_to_self or not request.wait:
        return
    next_uid = inbox.facts.get("uid_next")
    yield run.app.servers.await_arrival(
        account,
        secret,
        delivery.submission.message_id,
        first_uid=next_uid if isinstance(next_uid, int) else 1,
        wait=request.wait,
        timeout=request.timeout,
    )


def _record(trial: Trial) -> dict[str, object]:
    return {
        "name": trial.stored.account.name,
        "address": trial.stored.account.address,
        "ok": not trial.problems,
        "checks": check_records(trial.checks),
        "message": None if trial.delivery is None else _message_record(trial, trial.delivery),
    }


def _message_record(trial: Trial, delivery: Delivery) -> dict[str, object]:
    arrival = next((check for check in trial.checks if check.stage is Stage.ARRIVAL), None)
    facts = arrival.facts if arrival else {}
    recipient = delivery.recipients[0]
    return {
        "message_id": delivery.submission.message_id,
        "recipient": recipient.recipient,
        "outcome": recipient.outcome,
        "reply": recipient.reply,
        "folder": facts.get("folder"),
        "authentication_results": facts.get("authentication_results"),
    }


def _write_junit(run: Invocation, path: str, trials: list[Trial]) -> None:
    from fluenzr_smtp.cli.junit import Case, Suite, cases_of, junit_report

    suites = []
    for trial in trials:
        cases = list(cases_of(trial.checks))
        if trial.delivery is not None:
            problem = next(iter(trial.delivery.problems), None)
            cases.append(Case(name="smtp message", seconds=0.0, problem=problem))
        suites.append(Suite(name=trial.stored.account.name, cases=tuple(cases)))
    run.app.files.write(path, junit_report(suites, run.output.catalogue))
