"""A passphrase that is being chosen: from a file or standard input, or asked twice at a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.vault.unlocking import Way, given_source, read_secret
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.model import Secret
    from fluenzr_smtp.vault import KeySource

_SHORT = 12  # characters; a person's twelve are worth about as much as three random words


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was said of where a secret is: by ``option``-stdin or ``option``-file."""

    option: str
    stdin: bool
    file: str | None

    @property
    def named(self) -> str | None:
        """The option that was used."""
        return (
            f"{self.option}-stdin" if self.stdin else f"{self.option}-file" if self.file is not None else None
        )

    def read(self, run: Invocation) -> Secret | None:
        """Return the first line of what was named; None where no option was used.

        Raises:
            FluenzrError: ``usage-invalid`` for both at once; ``file-…``, ``secret-…``.
        """
        self._require_one(run)
        return read_secret(file=self.file, stdin=self.stdin)

    def source(self, run: Invocation, way: Way) -> KeySource | None:
        """Return what a slot of this kind is to be opened by; None where no option was used.

        Raises:
            FluenzrError: As ``read``.
        """
        self._require_one(run)
        return given_source(run, way, file=self.file, stdin=self.stdin)

    def _require_one(self, run: Invocation) -> None:
        if self.stdin and self.file is not None:
            reason = f"{self.option}-stdin and {self.option}-file exclude each other"
            command = f"fluenzr {run.command}"
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason, command=command)


def ask_twice(run: Invocation, *, question: str, option: str) -> Secret:
    """Ask for a new passphrase until it is typed the same twice.

    Raises:
        FluenzrError: ``input-required`` naming ``option``; ``secret-empty``, ``secret-malformed``.
    """
    from fluenzr_smtp import secrets_in

    while True:
        first = secrets_in.from_text(run.prompts.ask_secret(question, option=option).reveal())
        again = run.prompts.ask_secret(f"{question}, once more", option=option)
        if first.reveal() == again.reveal():
            break
        run.output.note("The two are not the same.")
    if len(first.reveal()) < _SHORT:
        run.output.note("A short passphrase can be guessed. Four or more random words are hard to guess.")
    return first
