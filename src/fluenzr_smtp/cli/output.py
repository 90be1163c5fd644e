"""The one door to stdout and stderr: chooses people or JSON, owns colour, makes foreign text safe to print.

Data goes to stdout, everything else to stderr. With ``--json`` stdout carries exactly one document.
"""

from __future__ import annotations

import errno
import io
import os
import re
import select
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from fluenzr_smtp.cli.moments import in_local_time
from fluenzr_smtp.cli.wrapping import cells, wrapped
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, ServerReply, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.cli.columns import Columns
    from fluenzr_smtp.cli.documents import Document
    from fluenzr_smtp.messages import Catalogue, Told

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_WHOLE_LIMIT = 8192
_SENTENCE_LIMIT = 1500
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, bidi, zero width, surrogates, separators
_BOLD_RED, _BOLD, _DIM = "1;31", "1", "2"
_USUAL_WIDTH = 80
_UNBOUNDED = 100_000  # columns: what is not a terminal gets one line per record


class StdoutFailedError(FluenzrError):
    """Stdout does not take what is written to it."""


class StdoutClosedError(BrokenPipeError):
    """Whoever read stdout has gone."""


def printable(text: str, *, limit: int = 500) -> str:
    r"""Make foreign text safe for a terminal and a log: one line, at most ``limit`` characters.

    Control, bidirectional and zero-width characters are shown as escapes (``\x1b``, ``\u202e``), line
    ends as `` / ``, any blank as a space; what is longer ends in an ellipsis.
    """
    if len(text) <= limit and text.isprintable():  # nearly always, and a table has many cells
        return text.strip()
    line = re.sub(r"\s*[\r\n]+\s*", " / ", text[: 4 * limit].strip())
    shown = "".join(_shown(character) for character in line)
    return shown if len(shown) <= limit and len(text) <= 4 * limit else shown[: limit - 1] + "…"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    category = unicodedata.category(character)
    if category == "Zs" or character == "\t":
        return " "
    return _escape(ord(character)) if category in _INVISIBLE else character


def _escape(point: int) -> str:
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def reply_line(reply: ServerReply) -> str:
    """Return a server's reply as one safe line: ``535 5.7.8 Authentication failed``."""
    parts = (str(reply.code or ""), reply.enhanced or "", printable(reply.text))
    return " ".join(part for part in parts if part)


class Output:
    """Where a command tells what it has to tell. ``exit_status`` is how the run ended so far."""

    def __init__(
        self,
        *,
        stdout: TextIO | None,
        stderr: TextIO | None,
        environ: Mapping[str, str],
        chosen_language: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._environ = environ
        self._chosen_language = chosen_language
        self.json = False
        self.language: str | None = None
        self.exit_status = ExitStatus.OK
        self.is_ended = False

    @cached_property
    def catalogue(self) -> Catalogue:
        """The sentences in the reader's language."""
        from fluenzr_smtp.messages import Catalogue, choose_language

        return Catalogue.load(choose_language(self.language, self._environ, self._chosen_language()))

    def sentence(self, problem: Problem) -> Told:
        """Say a problem in the reader's language and time zone."""
        return self.catalogue.sentence(in_local_time(problem))

    # -- what a command says -------------------------------------------------------------------------

    def result(self, document: Document, show: Callable[[], None] | None = None) -> None:
        """End the command: one JSON document, or for people ``show`` and then the problems.

        Raises:
            RuntimeError: The command has ended already; a bug.
            StdoutFailedError: ``disk-full``, ``file-not-written``.
            StdoutClosedError: Nobody reads on.
        """
        if self.is_ended:
            raise RuntimeError("a command ends once")
        self.is_ended = True
        self.exit_status = document.exit_status
        if self.json:
            from fluenzr_smtp.cli.json_text import as_json

            self._to_stdout(as_json(document, self.catalogue) + "\n")
            return
        if show is not None:
            show()
        self.problems(document.problems)

    def line(self, text: str = "") -> None:
        """Show a line of the result on stdout; nothing with ``--json``. ``text`` is safe to print."""
        if not self.json:
            self._to_stdout(text + "\n")

    def raw(self, content: bytes) -> None:
        """Write bytes to stdout as they are; nothing with ``--json``. For what is asked for byte by byte."""
        if self.json or self._stdout is None:
            return
        try:
            self._stdout.flush()
            self._stdout.buffer.write(content)
            self._stdout.buffer.flush()
        except BrokenPipeError as error:
            raise StdoutClosedError from error
        except OSError as error:
            raise _not_written(error) from error

    def event(self, document: Document) -> None:
        """Write one of several documents of a command that goes on, as a line; nothing without ``--json``."""
        if self.json:
            from fluenzr_smtp.cli.json_text import as_json

            self._to_stdout(as_json(document, self.catalogue, indent=None) + "\n")

    def fields(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show a record, one ``label  value`` a line, values in a column and made safe to print."""
        for line in self._record(rows, self._stdout):
            self.line(line)

    def note_fields(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show a record beside the result, on stderr."""
        self._to_stderr("".join(f"{line}\n" for line in self._record(rows, self._stderr)))

    def _record(self, rows: Iterable[tuple[str, str]], stream: TextIO | None) -> list[str]:
        shown = list(rows)
        column = max((cells(label) for label, _ in shown), default=0) + 2
        width = _width(stream, self._environ)
        lines: list[str] = []
        for label, value in shown:
            told = _wrapped(printable(value, limit=2000), width=width, first=column, hang=column)
            padded = label + " " * (column - cells(label))
            lines += [self._painted(padded, _BOLD, stream) + told[0][column:], *told[1:]]
        return lines

    def table(self, table: Columns) -> None:
        """Show a table on stdout, as wide as the terminal; elsewhere one line per row."""
        if self.json:
            return
        from fluenzr_smtp.cli.columns import plain_lines

        is_unicode = self.encoding.startswith("utf")
        lines = plain_lines(table, rule="\u2500" if is_unicode else "-")
        width = self.width or _UNBOUNDED
        if lines is not None and len(lines[1]) <= width:
            self._to_stdout("\n".join((self.painted(lines[0], _BOLD), *lines[1:])) + "\n")
            return
        from fluenzr_smtp.cli.tables import rendered  # to wrap is what rich is loaded for

        colour = self._has_colour(self._stdout)
        self._to_stdout(rendered(table, width=width, colour=colour, ascii_only=not is_unicode))

    def note(self, text: str) -> None:
        """Say something beside the result, on stderr."""
        width = _width(self._stderr, self._environ)
        lines = _wrapped(printable(text, limit=_SENTENCE_LIMIT), width=width, first=0, hang=2)
        self._to_stderr("\n".join(lines) + "\n")

    def whole(self, text: str) -> None:
        """Say what is to be copied, on stderr: in one piece, however long."""
        self._to_stderr(printable(text, limit=_WHOLE_LIMIT) + "\n")

    def break_line(self) -> None:
        """Leave the line on which a terminal has shown ``^C``."""
        if is_terminal(self._stderr):
            self._to_stderr("\n")

    def trace(self, text: str) -> None:
        """Show a traceback on stderr, line by line as it is but safe to print."""
        self._to_stderr("".join(printable(" " + line).rstrip() + "\n" for line in text.splitlines()))

    def problem(self, problem: Problem) -> None:
        """Tell people of a problem on stderr: what is wrong, the server's words, what to do."""
        told = self.sentence(problem)
        labels = self.catalogue.labels
        code = f" [{problem.code}]"
        self._labelled(labels["error"], printable(told.title, limit=_SENTENCE_LIMIT) + code, style=_BOLD_RED)
        if problem.reply is not None and (reply := reply_line(problem.reply)):
            self._labelled("  " + labels["server"], reply, style=_BOLD)
        if told.fix:
            self._labelled("  " + labels["fix"], printable(told.fix, limit=_SENTENCE_LIMIT), style=_BOLD)

    def problems(self, problems: Iterable[Problem]) -> None:
        """Tell people of several problems; what two servers have in common is told once."""
        told: set[tuple[str, str]] = set()
        for problem in problems:
            words = self.sentence(problem).title, reply_line(problem.reply) if problem.reply else ""
            if words not in told:
                self.problem(problem)
            told.add(words)

    @property
    def encoding(self) -> str:
        """The encoding of stdout, in lower case."""
        return (getattr(self._stdout, "encoding", None) or "utf-8").lower()

    @property
    def is_at_terminal(self) -> bool:
        """Say whether a person reads stdout."""
        return is_terminal(self._stdout)

    @property
    def width(self) -> int | None:
        """The columns of the terminal on stdout; None where there is none."""
        return _width(self._stdout, self._environ)

    def painted(self, text: str, style: str) -> str:
        """Return ``text`` in a style (SGR parameters such as ``1;31``) if stdout shows colour."""
        return self._painted(text, style, self._stdout)

    # -- the streams ---------------------------------------------------------------------------------

    def flush(self) -> None:
        """Bring everything to stderr and to stdout, or fail as ``result`` does."""
        self._to_stderr("")
        if self._stdout is not None:
            self._to_stdout("")

    def probe(self) -> None:
        """Fail as ``result`` does if stdout is no longer usable: to tell whose ``OSError`` it was."""
        self.flush()
        descriptor = _descriptor(self._stdout)
        if descriptor is not None and _has_lost_its_reader(descriptor):
            raise StdoutClosedError

    def mute(self) -> None:
        """Give stdout up: nobody reads it, or it takes nothing."""
        _give_up(self._stdout)

    def _labelled(self, label: str, text: str, *, style: str) -> None:
        start = f"{label}: "
        width = _width(self._stderr, self._environ)
        column = cells(start)
        lines = _wrapped(text, width=width, first=column, hang=column)
        lines[0] = self._painted(start, style, self._stderr) + lines[0][column:]
        self._to_stderr("\n".join(lines) + "\n")

    def _painted(self, text: str, style: str, stream: TextIO | None) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._has_colour(stream) else text

    def _has_colour(self, stream: TextIO | None) -> bool:
        """Follow no-color.org and force-color.org; NO_COLOR goes first."""
        if self._environ.get("NO_COLOR") or self._environ.get("TERM") == "dumb":
            return False
        return self._environ.get("FORCE_COLOR", "0") not in {"", "0"} or is_terminal(stream)

    def _to_stdout(self, text: str) -> None:
        if self._stdout is None:
            raise _not_written(OSError(errno.EBADF, ""))
        try:
            self._stdout.write(text)
            self._stdout.flush()
        except BrokenPipeError as error:
            raise StdoutClosedError from error
        except OSError as error:
            raise _not_written(error) from error

    def _to_stderr(self, text: str) -> None:
        if self._stderr is not None:
            try:
                if text:  # some encodings begin even nothing with a byte order mark
                    self._stderr.write(text)
                self._stderr.flush()
            except OSError:  # there is nobody left to tell; the exit status still can
                _give_up(self._stderr)


def prepared(stream: TextIO | None, *, encoding: str | None = None) -> TextIO | None:
    """Let a stream take any text: what its encoding lacks is written as an escape."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors="backslashreplace")
    return stream


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person is at the other end."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _not_written(error: OSError) -> StdoutFailedError:
    code = ProblemCode.DISK_FULL if error.errno in NO_SPACE else ProblemCode.FILE_NOT_WRITTEN
    facts = {"path": "stdout", "reason": os.strerror(error.errno or 0)}
    return StdoutFailedError(Problem(code=code, stage=Stage.OUTPUT, facts=facts))


def _give_up(stream: TextIO | None) -> None:
    """Lead a stream to nowhere: the interpreter's last flush would fail again and end in status 120."""
    descriptor = _descriptor(stream)
    if descriptor is not None:
        with suppress(OSError):  # no descriptor is left: then the status cannot be saved
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):  # not a real file, or closed
        return None


def _has_lost_its_reader(descriptor: int) -> bool:
    # After a failed flush the buffer may be empty, and a second flush would succeed.
    poller = select.poll()
    poller.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poller.poll(0))


def _width(stream: TextIO | None, environ: Mapping[str, str]) -> int | None:
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and len(columns) < len(str(_UNBOUNDED)):  # int() refuses thousands of digits
        return max(int(columns), 20)
    if stream is None or not is_terminal(stream):
        return None
    try:
        return max(os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH, 20)  # 0: it does not know
    except OSError:
        return _USUAL_WIDTH


def _wrapped(text: str, *, width: int | None, first: int, hang: int) -> list[str]:
    if width is None:
        return [" " * first + text]
    return wrapped(text, width=width, first=" " * first, rest=" " * hang)
