"""Where a secret may come from besides a person: standard input, a file, a command, a variable.

Of each source the first line is taken, without its line end. Nothing here shows, logs or keeps a secret,
and none of it reaches an error: facts name the source only.
"""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, BinaryIO

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage

MAX_BYTES = 64 * 1024

# What a person's program may know of us; any other variable of ours may hold a secret.
_HANDED_ON = frozenset({"FLUENZR_HOME", "FLUENZR_LANG"})


def from_text(text: str) -> Secret:
    """Take the whole text, as a variable of the environment gives it.

    Raises:
        FluenzrError: ``secret-empty``, ``secret-malformed``.
    """
    return _checked(text.encode("utf-8", "surrogateescape"))


def from_stdin(stream: BinaryIO) -> Secret:
    """Take the first line of a binary stream; what follows can still be read from it.

    Raises:
        FluenzrError: ``secret-empty``, ``secret-malformed``.
    """
    return _checked(_first_line(stream.readline(MAX_BYTES + 1)))


def from_file(path: Path) -> Secret:
    """Take the first line of a file or pipe.

    Raises:
        FluenzrError: ``file-missing``, ``file-unreadable``, ``secret-empty``, ``secret-malformed``.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=str(path)) from error
    except OSError as error:
        reason = _FILE_REASONS.get(type(error), error.strerror or "")
        raise failure(ProblemCode.FILE_UNREADABLE, Stage.INPUT, path=str(path), reason=reason) from error
    return _checked(_first_line(line))


_FILE_REASONS: Mapping[type[OSError], str] = {
    IsADirectoryError: "is-a-directory",
    PermissionError: "no-permission",
}


def from_command(command: str, *, environ: Mapping[str, str], timeout: float) -> Secret:
    """Run a command without a shell and take the first line that it prints.

    Its standard error is ours, so that it can be seen to complain; its standard input is empty, because
    ours may carry a message. Our own variables are kept from it. It is ended when it takes longer than
    ``timeout`` seconds for its first line, or as long again to come to an end.

    Raises:
        FluenzrError: ``secret-command-failed``, ``secret-empty``, ``secret-malformed``.
    """
    arguments = _split(command)
    name = Path(arguments[0]).name
    try:
        child = subprocess.Popen(  # noqa: S603 - the user's own command
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=handed_on(environ),
            bufsize=0,
        )
    except OSError as error:
        reason = "not-found" if isinstance(error, FileNotFoundError) else "not-executable"
        raise _command_failed(reason, command=name) from error
    try:
        line = _line_of(child, timeout=timeout)
        status = child.wait(timeout)
    except (queue.Empty, subprocess.TimeoutExpired):
        raise _command_failed("timeout", command=name) from None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if status != 0:
        raise _command_failed("exit-status", command=name, status=status)
    return _checked(_first_line(line))


def require_command(command: str) -> None:
    """Refuse a command line that could never be run; it is not run.

    Raises:
        FluenzrError: ``secret-command-failed``.
    """
    _split(command)


def handed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a person's program: without our variables that may hold a secret."""
    return {key: environ[key] for key in environ if not key.startswith("FLUENZR_") or key in _HANDED_ON}


def _split(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError:
        raise _command_failed("bad-quotes") from None  # the cause would quote the command
    if not arguments or "\0" in command:
        raise _command_failed("empty" if not arguments else "nul")
    return arguments


def _line_of(child: subprocess.Popen[bytes], *, timeout: float) -> bytes:
    """Return the first line, however long the pipe stays open; the rest is read and thrown away.

    The thread closes the pipe: it may outlive the child where a grandchild holds the other end.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_drain, args=(child.stdout, lines), daemon=True).start()
    return lines.get(timeout=timeout)


def _drain(pipe: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    with pipe:
        line = b""
        while (
            b"\n" not in line and len(line) <= MAX_BYTES and (piece := os.read(pipe.fileno(), MAX_BYTES + 1))
        ):
            line += piece
        lines.put(line)
        while os.read(pipe.fileno(), MAX_BYTES):
            continue


def _first_line(text: bytes) -> bytes:
    return text.partition(b"\n")[0].removesuffix(b"\r")


def _checked(text: bytes) -> Secret:
    if len(text) > MAX_BYTES:
        raise _malformed("too-long")
    try:
        secret = text.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _malformed("not-utf-8") from None  # the cause holds the bytes
    if not secret:
        raise failure(ProblemCode.SECRET_EMPTY, Stage.INPUT)
    if "\0" in secret:
        raise _malformed("nul")
    if "\r" in secret or "\n" in secret:
        raise _malformed("line-break")
    return Secret(secret)


def _malformed(reason: str) -> FluenzrError:
    return failure(ProblemCode.SECRET_MALFORMED, Stage.INPUT, reason=reason)


def _command_failed(reason: str, *, command: str | None = None, status: int | None = None) -> FluenzrError:
    return failure(
        ProblemCode.SECRET_COMMAND_FAILED, Stage.INPUT, reason=reason, command=command, status=status
    )
