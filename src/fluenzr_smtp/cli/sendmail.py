"""``fluenzr-sendmail``: the face that cron, git, mutt, PHP and mailx know (sendmail's command line).

The classic options are rewritten into those of a command of ours, so that errors, languages and exit statuses
are the same everywhere. What only made sense for a mail server of one's own is taken and passed over.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.send.documents import SCHEMAS as SEND
from fluenzr_smtp.cli.send.request import Terms, contradiction
from fluenzr_smtp.cli.tree import Command, examples
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode

if TYPE_CHECKING:
    from fluenzr_smtp.model import StoredAccount, Submission

SCHEMAS = {"sendmail": SEND["send"]}

tree = typer.Typer(add_completion=False)

# Options of sendmail(8), Postfix and Exim. Those with a value take it joined or as the next word.
_WITH_VALUE = frozenset("ABCDFLNORVXbefhopr")
_JOINED_VALUE = frozenset("dqM")
_IGNORED = frozenset("GUmnvx")
_TO_US = {"f": "--sender", "r": "--sender", "F": "--full-name"}
_FLAGS = {"i": "--ignore-dots", "t": "--from-header"}
_SETTINGS = {"i": "--ignore-dots", "ignoredots": "--ignore-dots", "dq": "--queue-only", "dd": "--queue-only"}
_OTHER_NAMES = {"mailq": "-bp", "newaliases": "-bi"}


def main() -> None:
    """Run as ``sendmail``, or ``mailq`` where a link of that name leads here, and exit with its status."""
    from fluenzr_smtp.cli.main import run

    other = _OTHER_NAMES.get(PurePath(sys.argv[0]).name)
    argv = [*([other] if other else []), *sys.argv[1:]]
    sys.exit(run(rewritten(argv), is_whole_process=True))


def rewritten(argv: Sequence[str]) -> list[str]:
    """Return our command for a command line of sendmail's; what is unknown is left for it to refuse."""
    found: list[str] = []
    recipients: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            recipients += rest
        elif word.startswith("--"):  # ours, such as --json and --debug
            found.append(word)
        elif word.startswith("-") and word != "-":
            found += _options(word[1:], rest)
        else:
            recipients.append(word)
    modes = [each.removeprefix("--mode=") for each in found if each.startswith("--mode=")]
    mode = modes[0] if modes else "m"
    options = [each for each in found if not each.startswith("--mode=")]
    if mode in {"p", "q"}:
        words = ("outbox", "list") if mode == "p" else ("outbox", "run", "--quiet")
        return [*words, *(each for each in options if each in {"--json", "--debug"})]
    refused = [] if mode == "m" else [f"--mode={mode}"]
    return ["sendmail", *refused, *options, "--", *recipients]


def _options(letters: str, rest: Iterator[str]) -> Iterator[str]:
    """Yield ours for one word; letters may stand together, and the last of them may have a value."""
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in _WITH_VALUE:
            yield from _with_value(letter, letters or next(rest, ""))
            return
        if letter in _JOINED_VALUE:
            yield from ("--mode=q",) if letter == "q" else ()
            return
        if letter in _FLAGS:
            yield _FLAGS[letter]
        elif letter not in _IGNORED:
            yield f"-{letter}"


def _with_value(letter: str, value: str) -> Iterator[str]:
    if letter in _TO_US:
        yield f"{_TO_US[letter]}={value}"
    elif letter == "b":
        yield f"--mode={value or 'm'}"
    elif letter in "oO":
        name = value.lower().removesuffix("true").removesuffix("=")
        if name.startswith("deliverymode="):
            name = f"d{name.partition('=')[2][:1]}"
        if name in _SETTINGS:
            yield _SETTINGS[name]


@tree.command(
    cls=Command,
    epilog=examples(
        "fluenzr-sendmail -t -i < message.eml",
        "git send-email --sendmail-cmd=fluenzr-sendmail *.patch",
    ),
)
def sendmail(
    ctx: typer.Context,
    recipients: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ADDR]...", help="Recipients; without @: yourself."),
    ] = None,
    *,
    from_header: Annotated[
        bool, typer.Option("--from-header", "-t", help="Take recipients from To, Cc and Bcc too.")
    ] = False,
    ignore_dots: Annotated[
        bool, typer.Option("--ignore-dots", "-i", help="A line that is a dot does not end the message.")
    ] = False,
    sender: Annotated[
        str,
        typer.Option("--sender", "-f", metavar="ADDR", help="Whose account; else by the From header."),
    ] = "",
    full_name: Annotated[
        str,
        typer.Option("--full-name", "-F", metavar="TEXT", help="The name where there is no From."),
    ] = "",
    queue_only: Annotated[bool, typer.Option("--queue-only", help="Leave it to outbox run.")] = False,
    mode: Annotated[str, typer.Option("--mode", hidden=True)] = "m",
) -> None:
    """Take a message from standard input, as sendmail does: keep it, send it now or later.

    The classic options of sendmail are understood by the program fluenzr-sendmail.
    """
    from fluenzr_smtp.app.parcels import Parcel
    from fluenzr_smtp.cli.send.sending import keep

    run = current(ctx)
    _require_sense(run, mode, named=bool(recipients), from_header=from_header)
    try:
        stored, submission = _taken(
            run,
            tuple(recipients or ()),
            sender=sender,
            full_name=full_name,
            from_header=from_header,
            ignore_dots=ignore_dots,
        )
    except FluenzrError:
        run.output.note("The message was not taken; nothing of it is kept.")
        raise
    terms = Terms(
        queue=True,
        queue_only=queue_only,
        wait=False,
        save_sent=False,
        respect_bounces=False,
        dry_run=False,
        quiet=True,
        timeout=STEP_SECONDS,
        lifetime=None,
    )
    keep(run, terms, stored, (Parcel(submission=submission),))


def _require_sense(run: Invocation, mode: str, *, named: bool, from_header: bool) -> None:
    if mode != "m":
        raise contradiction(
            f"-b{mode} asks for a mail server, which this is not: it takes messages (-bm),"
            " lists the outbox (-bp) and runs it (-q)"
        )
    if not named and not from_header:
        run.prompts.missing("ADDR or -t")


def _taken(
    run: Invocation,
    recipients: tuple[str, ...],
    *,
    sender: str,
    full_name: str,
    from_header: bool,
    ignore_dots: bool,
) -> tuple[StoredAccount, Submission]:
    """Read the message and make it ready for the account that it goes out through."""
    from fluenzr_smtp.compose import author

    content = run.app.files.open_content("-") if ignore_dots else run.app.files.until_dot()
    stored = _account(run, sender.strip(" <>"), author(content))
    try:
        submission = run.app.compose_handed(
            content, stored.account, recipients, from_header=from_header, full_name=full_name
        )
    except FluenzrError as error:
        if error.problem.code is ProblemCode.INPUT_REQUIRED:
            run.prompts.missing("ADDR", "To:, Cc: or Bcc: in the message")
        raise
    return stored, submission


def _account(run: Invocation, *addresses: str) -> StoredAccount:
    """Return the account of the first address that is one's, else the one that is taken without a name.

    PHP and cron name senders such as ``www-data`` that nobody has an account for.
    """
    from fluenzr_smtp.environment import names_account

    if not names_account(run.app.environ):
        stored = run.app.accounts.list()
        for address in filter(None, addresses):
            for each in stored:
                if each.account.address.casefold() == address.casefold():
                    return each
    return run.app.account(None)
