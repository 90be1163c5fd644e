"""Questions that are asked until their answer can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.errors import FluenzrError

Answer = TypeVar("Answer")


def asked(
    run: Invocation, question: str, parse: Callable[[str], Answer], *, option: str, default: str = ""
) -> Answer:
    """Ask until the answer can be read; what is wrong with one is told, and the rest is not lost."""
    while True:
        answer = run.prompts.ask(question, option=option, default=default)
        try:
            return parse(answer)
        except FluenzrError as error:
            run.output.problem(error.problem)
