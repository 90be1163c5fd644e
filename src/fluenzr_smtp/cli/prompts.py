"""Questions to a person: at a terminal only, on stderr, each with an option that answers it beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, TextIO

from fluenzr_smtp.cli.output import is_terminal, printable
from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage

_YES: Mapping[str, bool] = {"y": True, "yes": True, "n": False, "no": False}


class Prompts:
    """Who asks. ``allowed`` is switched off by ``--no-input`` and ``--json``."""

    def __init__(self, *, stdin: TextIO | None, stderr: TextIO | None) -> None:
        self._stdin = stdin
        self._stderr = stderr
        self.allowed = True

    @property
    def may_ask(self) -> bool:
        """Say whether somebody is there who may be asked."""
        return self.allowed and is_terminal(self._stdin) and is_terminal(self._stderr)

    def missing(self, *options: str) -> NoReturn:
        """Refuse to go on without these options, where nobody may be asked for them.

        Raises:
            FluenzrError: ``input-required`` with the fact ``options``.
        """
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=options)

    def ask(self, question: str, *, option: str, default: str = "") -> str:
        """Ask until there is an answer; an empty one takes the default, where there is one.

        Raises:
            FluenzrError: ``input-required`` naming ``option`` where nobody may be asked;
                ``interrupted`` when the person ends the input.
        """
        self._must_ask(option)
        hint = f" [{printable(default)}]" if default else ""
        while True:
            answer = self._answer(f"{question}{hint}: ").strip() or default
            if answer:
                return answer

    def ask_secret(self, question: str, *, option: str) -> Secret:
        """Ask without showing what is typed. An empty answer is returned as it is.

        Raises:
            FluenzrError: As ``ask``.
        """
        self._must_ask(option)
        from getpass import getpass

        try:
            return Secret(getpass(f"{question}: "))
        except EOFError as error:
            raise failure(ProblemCode.INTERRUPTED, Stage.USAGE) from error

    def confirm(self, question: str, *, option: str, default: bool = False) -> bool:
        """Ask for yes or no; an empty answer takes the default.

        Raises:
            FluenzrError: As ``ask``.
        """
        self._must_ask(option)
        while True:
            answer = self._answer(f"{question} [{'Y/n' if default else 'y/N'}]: ").strip().lower()
            if not answer:
                return default
            if answer in _YES:
                return _YES[answer]

    def _must_ask(self, option: str) -> None:
        if not self.may_ask:
            self.missing(option)

    def _answer(self, question: str) -> str:
        if self._stdin is None or self._stderr is None:
            raise failure(ProblemCode.INTERRUPTED, Stage.USAGE)
        # Not input(): it writes to stdout when that is no terminal, where the data belongs.
        self._stderr.write(question)
        self._stderr.flush()
        answer = self._stdin.readline()
        if not answer:
            self._stderr.write("\n")
            raise failure(ProblemCode.INTERRUPTED, Stage.USAGE)
        return answer
