"""The program: its tree of commands and the one place where an error becomes words and an exit status."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp import __version__
from fluenzr_smtp.app import App
from fluenzr_smtp.cli.documents import failed
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.output import NO_SPACE, Output, StdoutClosedError, StdoutFailedError
from fluenzr_smtp.cli.tree import PROGRAM, Root, examples
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, FactValue, Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from types import FrameType

    from fluenzr_smtp.model import Leave

# Typer carries its own copy of Click, or none: its exceptions are found through the one that it exports.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]

_SIZES = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
_PIPE_CLOSED = 128 + 13  # what a shell reports for a process that SIGPIPE ended
_UNKNOWN = 3  # what monitoring takes for: nothing can be said (monitoring-plugins guidelines)

tree = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "fluenzr presets list",
        "fluenzr account add me@shop.fr --preset ovh",
        "fluenzr account test",
        "fluenzr send --to you@example.org --subject Hello --body 'It works.'",
    ),
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if value:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@tree.callback()
def program(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Connect any mail server by SMTP: add an account, test it, send."""


def run(argv: Sequence[str], *, app: App | None = None, is_whole_process: bool = False) -> int:
    """Run a command line, without the program's name, and return the exit status.

    Where it is the whole process, Ctrl-C changes nothing once the result is decided, until the very end.
    """
    _occupy_standard_streams()
    _forbid_core_dumps()
    _forget_senseless_sizes()
    invocation = Invocation.of_this_process(app or App.of_this_process())
    if is_whole_process:
        _heed_interruptions(invocation.output, invocation.app.clock.leave)
    try:
        status = _run(list(argv), invocation)
    finally:
        invocation.app.close()
    return _UNKNOWN if _is_monitoring(argv) and status > _UNKNOWN else status


def _run(argv: list[str], invocation: Invocation) -> int:
    try:
        status = _guarded(argv, invocation)
        _tell_of_vault(invocation)
        invocation.output.flush()
    except StdoutClosedError:
        invocation.output.mute()
        return _PIPE_CLOSED
    except StdoutFailedError as error:
        invocation.output.mute()
        invocation.output.problem(error.problem)
        return error.problem.exit_status
    return status


def _is_monitoring(argv: Sequence[str]) -> bool:
    """Say whether monitoring reads the answer: it knows one line and four statuses, whatever happens."""
    return "diagnose" in argv and "--nagios" in argv and "--json" not in argv


def _heed_interruptions(output: Output, leave: Leave) -> None:
    """Let Ctrl-C end the run until its result is decided: after that its status must tell of the result.

    Whoever was told 130 of a message that the server has would send it again.
    """

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        if not output.is_ended:
            leave.ask()

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in the background of a shell
        signal.signal(signal.SIGINT, interrupted)


def _tell_of_vault(invocation: Invocation) -> None:
    """Tell what the vault wants said beside the result, where one was opened."""
    if "vault" in vars(invocation.app):
        from fluenzr_smtp.cli.notices import tell

        tell(invocation)


def _forget_senseless_sizes() -> None:
    """Take sizes of the terminal that are none from the environment: the libraries that show help trip."""
    for name in _SIZES:
        if not re.fullmatch(r"[0-9]{0,5}", os.environ.get(name, "")):
            del os.environ[name]


def _forbid_core_dumps() -> None:
    """Keep memory, which may hold a secret, out of core files."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system has such a limit
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _guarded(argv: list[str], invocation: Invocation) -> int:
    try:
        return _invoke(argv, invocation)
    except (StdoutClosedError, StdoutFailedError):
        raise
    except SystemExit as end:  # shell completion; rich, when nobody reads the help
        return end.code if isinstance(end.code, int) else ExitStatus.SOFTWARE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one error boundary
        if isinstance(error, OSError):
            invocation.output.probe()  # fails by its name where it was stdout that failed
        return _ended(_problem_of(error, argv, invocation), argv, invocation)


def _ended(problem: Problem, argv: list[str], invocation: Invocation) -> int:
    output = invocation.output
    if problem.code is ProblemCode.USAGE_INVALID and "--json" in argv:
        invocation.answer_in_json()  # even where the error came before the option was read
    if _is_monitoring(argv) and not output.is_ended:
        from fluenzr_smtp.cli.nagios import unknown_line

        output.line(unknown_line(problem)[0])
    if output.is_ended or _is_monitoring(argv):  # the document is out: a second one would break it
        output.problem(problem)
    else:
        output.result(failed(invocation.command, problem))
    return problem.exit_status


def _invoke(argv: list[str], invocation: Invocation) -> int:
    command = typer.main.get_command(tree)
    if f"_{PROGRAM.upper()}_COMPLETE" in invocation.app.environ:
        command.main(args=argv, prog_name=PROGRAM, obj=invocation)
    try:
        with command.make_context(PROGRAM, argv, obj=invocation) as ctx:
            command.invoke(ctx)
    except typer.Exit as end:
        return end.exit_code
    except _UsageError as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            raise
        invocation.output.line(str(getattr(error, "message", "")).rstrip())
        return ExitStatus.USAGE
    return invocation.output.exit_status


def _problem_of(error: BaseException, argv: list[str], invocation: Invocation) -> Problem:
    if invocation.debug or "--debug" in argv:
        import traceback

        invocation.output.trace("".join(traceback.format_exception(error)))
    if isinstance(error, FluenzrError):
        return _told_where(error.problem, invocation)
    if isinstance(error, _ClickException):
        return _usage_problem(error)
    # Python 3.11 hides what is raised while a class of a module is made behind a RuntimeError.
    if isinstance(error.__cause__, KeyboardInterrupt) or isinstance(
        error, KeyboardInterrupt | EOFError | typer.Abort
    ):
        invocation.output.break_line()
        return _problem(ProblemCode.INTERRUPTED, Stage.USAGE)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return _problem(ProblemCode.DISK_FULL, Stage.OUTPUT, path=error.filename)
    return _bug(error, invocation)


def _told_where(problem: Problem, invocation: Invocation) -> Problem:
    """Add to what is wrong with a command which one it was: its help is where to read on."""
    if problem.code is not ProblemCode.USAGE_INVALID or not invocation.command:
        return problem
    return problem.with_facts(command=f"{PROGRAM} {invocation.command}")


def _usage_problem(error: Exception) -> Problem:
    told = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else PROGRAM
    return _problem(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=str(told).rstrip(". "), command=command)


def _bug(error: BaseException, invocation: Invocation) -> Problem:
    from fluenzr_smtp.cli.bug_report import write_report

    facts: dict[str, FactValue] = {}
    with contextlib.suppress(Exception):  # whatever is wrong may be wrong here as well
        folder, now = invocation.app.paths.state_dir / "reports", invocation.app.clock.now()
        if report := write_report(error, command=invocation.command, folder=folder, now=now):
            facts["report"] = str(report)
    return _problem(ProblemCode.BUG, Stage.INTERNAL, type=type(error).__name__, **facts)


def _problem(code: ProblemCode, stage: Stage, **facts: FactValue) -> Problem:
    return Problem(code=code, stage=stage).with_facts(**facts)


def _occupy_standard_streams() -> None:
    """Fill closed standard streams, so that no file of ours gets their numbers and is printed into."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while os.open(os.devnull, os.O_RDWR) <= 2:
            continue
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - lives as long as the process
