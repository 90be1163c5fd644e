"""``fluenzr demo``: add an account, test it and send, for real, on a mail server of its own on loopback.

The commands run as they do for a person, each a process of its own, with a throw-away folder for all that
they keep: nothing of the user's configuration or keyring is read or written.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from itertools import chain
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.ending import when_told_to_end
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import PROGRAM, Command, examples
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, ServerReply, Stage

if TYPE_CHECKING:
    from email.message import EmailMessage
    from types import ModuleType

    from fluenzr_smtp.sandbox import Received, Sandbox

_STEP = form.record(
    command=form.TEXT,
    exit_code=form.INTEGER,
    seconds=form.NUMBER,
    document=form.nullable({"type": "object"}),
)
_ATTACHMENT = form.record(name=form.TEXT, size_bytes=form.INTEGER)
_MESSAGE = form.record(
    mail_from=form.TEXT,
    recipients=form.array(form.TEXT),
    subject=form.TEXT,
    attachments=form.array(_ATTACHMENT),
    size_bytes=form.INTEGER,
)

SCHEMAS = {"demo": form.record(steps=form.array(_STEP), message=form.nullable(_MESSAGE))}

_RECIPIENT = "you@example.test"
_SECRET_FILE = "secret"  # noqa: S105 - the name of a file
_FIGURES = "figures.csv"
_BOLD, _CYAN = "1", "36"

tree = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of the demo. ``parts`` are the words that stay together on a line."""

    purpose: str
    parts: tuple[tuple[str, ...], ...]
    stdin: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words without the program's name."""
        return tuple(chain.from_iterable(self.parts))

    def typed(self, *, width: int | None = None) -> str:
        """Return what a person types in a shell, continued on further lines where it is wider."""
        source = [f"< {self.stdin}"] if self.stdin else []
        lines = [PROGRAM]
        for part in [shlex.join(each) for each in self.parts] + source:
            if width and len(lines[-1]) + len(part) + 5 > width:  # the prompt, two blanks and a backslash
                lines.append("   " + part)
            else:
                lines[-1] += " " + part
        return " \\\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has run. ``document`` is what it printed, where it was asked for JSON."""

    command: str
    exit_code: int
    seconds: float
    document: Mapping[str, Any] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What its document says went wrong."""
        return tuple(
            Problem(
                code=ProblemCode(each["code"]),
                stage=Stage(each["stage"]),
                reply=ServerReply(**each["reply"]) if each["reply"] else None,
                facts=each["facts"],
            )
            for each in (self.document or {}).get("problems", ())
        )


@tree.command(cls=Command, epilog=examples("fluenzr demo", "fluenzr demo --json"))
def demo(ctx: typer.Context) -> None:
    """Show an account being added, tested and used, on a mail server of its own.

    Nothing leaves this computer, and your accounts and your keyring are not touched. It needs a library
    that comes with the extra 'sandbox'.
    """
    run = current(ctx)
    room = _sandbox_room()
    with when_told_to_end(_end), _throw_away_folder() as folder:
        server = folder / "server"
        server.mkdir()
        with room.running(server, now=run.app.clock.now()) as sandbox:
            perform(run, sandbox, folder)


def perform(run: Invocation, sandbox: Sandbox, folder: Path) -> None:
    """Run the commands one after the other in ``folder``, until one fails; show what arrived."""
    _fill(folder, sandbox)
    environ = _environment(run.app.environ, folder)
    _introduce(run, sandbox)
    done: list[Ended] = []
    for number, step in enumerate(_steps(sandbox, folder), start=1):
        _announce(run, number, step)
        done.append(_carried_out(run, step, folder, environ))
        if done[-1].exit_code:
            _give_up(run, done)
            return
    received = _arrived(sandbox)
    message = message_from_bytes(received.content, policy=policy.default)
    data = {"steps": _records(done), "message": _record(received, message)}
    run.end(data, show=lambda: _show(run, received, message, number=len(done) + 1))


def _steps(sandbox: Sandbox, folder: Path) -> tuple[Step, ...]:
    ca_file = str(sandbox.ca_file.relative_to(folder))
    return (
        Step(
            purpose="Add an account. The server is tried before anything is saved.",
            parts=(
                ("account", "add", sandbox.address),
                ("--smtp-host", sandbox.host),
                ("--smtp-port", str(sandbox.starttls_port)),
                ("--ca-file", ca_file),
                ("--no-imap",),
                ("--password-stdin",),
            ),
            stdin=_SECRET_FILE,
        ),
        Step(
            purpose="Test it, stage by stage, with a message to itself at the end.",
            parts=(("account", "test", sandbox.address),),
        ),
        Step(
            purpose="Look closer, as when something is wrong: every stage with its time. Nothing is sent.",
            parts=(("diagnose", sandbox.address),),
        ),
        Step(
            purpose="Send a message with an attachment.",
            parts=(
                ("send",),
                ("--to", _RECIPIENT),
                ("--subject", "Grüße from the demo"),
                ("--body", "It works."),
                ("--attach", _FIGURES),
            ),
        ),
        Step(
            purpose="Ask the guide what a server's reply means.",
            parts=(("guide", "535 5.7.8 Authentication failed"), ("--stage", "auth")),
        ),
    )


def _fill(folder: Path, sandbox: Sandbox) -> None:
    """Write the files that the commands name. The secret is worth nothing beyond this run."""
    (folder / _SECRET_FILE).write_text(sandbox.secret.reveal() + "\n", encoding="utf-8")
    (folder / _FIGURES).write_text("month,messages\nJanuary,1200\nFebruary,1350\n", encoding="utf-8")


def _environment(outer: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the commands' environment: nothing in it leads to the user's own vault or keyring."""
    kept = {name: value for name, value in outer.items() if not name.startswith("FLUENZR_")}
    return kept | {"FLUENZR_HOME": str(folder / "home"), "FLUENZR_VAULT_KEY": token_hex(32)}


def _carried_out(run: Invocation, step: Step, folder: Path, environ: Mapping[str, str]) -> Ended:
    """Run one command. For people its output is the terminal's, as it is when they type it."""
    is_json = run.output.json
    words = (*step.words, "--json") if is_json else step.words
    began = run.app.clock.monotonic()
    with Path(folder / step.stdin if step.stdin else os.devnull).open("rb") as stdin:
        done = subprocess.run(  # noqa: S603 - our own program, and words of our own
            [sys.executable, "-m", "fluenzr_smtp", *words],
            stdin=stdin,
            stdout=subprocess.PIPE if is_json else None,
            cwd=folder,
            env=environ,
            start_new_session=True,  # Ctrl-C is for the demo, which ends its command
            check=False,
        )
    return Ended(
        command=step.typed(),
        exit_code=done.returncode,
        seconds=round(run.app.clock.monotonic() - began, 3),
        document=_document(done.stdout) if is_json else None,
    )


def _document(text: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:  # it was ended before it could say anything
        return None
    return found if isinstance(found, dict) else None


def _give_up(run: Invocation, done: list[Ended]) -> None:
    """End as the last command ended; it has told people why."""
    run.output.probe()  # where nobody reads on, that is why
    last = done[-1]
    known = last.exit_code in {int(each) for each in ExitStatus}
    status = ExitStatus(last.exit_code) if known else ExitStatus.SOFTWARE
    run.output.note(f"The demo ends here: exit status {last.exit_code} of '{last.command}'.")
    run.end({"steps": _records(done), "message": None}, problems=last.problems, exit_status=status)


def _arrived(sandbox: Sandbox) -> Received:
    """Return the message that was sent, not the one of the test."""
    for each in sandbox.messages():
        if each.envelope.recipients == (_RECIPIENT,):
            return each
    raise LookupError("the server accepted a message that it does not have")


# -- what is shown ---------------------------------------------------------------------------------------


def _introduce(run: Invocation, sandbox: Sandbox) -> None:
    ports = f"ports {sandbox.starttls_port} (starttls) and {sandbox.implicit_tls_port} (ssl)"
    run.output.line(f"Mail server of this demo: {sandbox.host}, {ports}.")
    run.output.line("Nothing leaves this computer. Your own accounts and keyring are not touched:")
    run.output.line("FLUENZR_HOME and FLUENZR_VAULT_KEY are set to a vault that is thrown away.")


def _announce(run: Invocation, number: int, step: Step) -> None:
    run.output.line()
    run.output.line(run.output.painted(f"{number}. {step.purpose}", _BOLD))
    for line in f"$ {step.typed(width=run.output.width)}".splitlines():
        run.output.line(run.output.painted(line, _CYAN))


def _show(run: Invocation, received: Received, message: EmailMessage, *, number: int) -> None:
    run.output.line()
    run.output.line(run.output.painted(f"{number}. What has arrived at the server:", _BOLD))
    rows = [(name, str(message[name])) for name in ("From", "To", "Subject")]
    rows += [("Attachment", f"{name}, {size} bytes") for name, size in _attachments(message)]
    rows += [("Size", f"{len(received.content)} bytes")]
    run.output.fields(rows)
    run.output.line()
    run.output.line("Now your own: 'fluenzr presets list', then 'fluenzr account add'.")


def _attachments(message: EmailMessage) -> list[tuple[str, int]]:
    parts = ((part.get_filename(""), part.get_payload(decode=True)) for part in message.iter_attachments())
    return [(name, len(content)) for name, content in parts if isinstance(content, bytes)]


def _records(done: list[Ended]) -> list[dict[str, object]]:
    return [
        {
            "command": each.command,
            "exit_code": each.exit_code,
            "seconds": each.seconds,
            "document": each.document,
        }
        for each in done
    ]


def _record(received: Received, message: EmailMessage) -> dict[str, object]:
    return {
        "mail_from": received.envelope.mail_from,
        "recipients": received.envelope.recipients,
        "subject": str(message["Subject"]),
        "attachments": [{"name": name, "size_bytes": size} for name, size in _attachments(message)],
        "size_bytes": len(received.content),
    }


# -- what it stands on -----------------------------------------------------------------------------------


def _sandbox_room() -> ModuleType:
    try:
        from fluenzr_smtp import sandbox
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "aiosmtpd":
            raise
        raise failure(ProblemCode.EXTRA_MISSING, Stage.USAGE, extra="sandbox") from error
    return sandbox


def _end(number: int) -> NoReturn:
    raise SystemExit(128 + number)


@contextmanager
def _throw_away_folder() -> Iterator[Path]:
    try:
        folder = TemporaryDirectory(prefix="fluenzr-demo-")
    except OSError as error:
        code, reason = ProblemCode.FILE_NOT_CREATED, str(error.strerror)
        raise failure(code, Stage.OUTPUT, path="A temporary folder", reason=reason) from error
    with folder as name:
        yield Path(name)
