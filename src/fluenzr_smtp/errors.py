"""The one kind of error that the program raises on purpose: it carries a problem, never prose."""

from __future__ import annotations

from types import MappingProxyType

from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, ServerReply, Stage


class FluenzrError(Exception):
    """A named failure. What to say about it is up to the caller; ``problem`` has the facts."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code.value)
        self.problem = problem


def failure(
    code: ProblemCode, stage: Stage, reply: ServerReply | None = None, /, **facts: FactValue
) -> FluenzrError:
    """Build the error for a problem, ready to be raised."""
    return FluenzrError(Problem(code=code, stage=stage, reply=reply, facts=MappingProxyType(facts)))
