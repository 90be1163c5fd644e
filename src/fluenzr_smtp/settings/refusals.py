"""How a setting is refused."""

from __future__ import annotations

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

_SHOWN = 100  # characters of a value


def invalid(setting: str, value: str, reason: str, **facts: tuple[str, ...]) -> FluenzrError:
    """Return the error that refuses what was said for a setting: ``setting-invalid``."""
    return failure(
        ProblemCode.SETTING_INVALID,
        Stage.USAGE,
        None,
        setting=setting,
        value=value[:_SHOWN],
        reason=reason,
        **facts,
    )
