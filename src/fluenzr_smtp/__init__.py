"""Connect any mail server by SMTP: presets, an encrypted vault, tests and sending.

The command line is the public interface; the names below are what a Python program may rely on.
They are loaded on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluenzr_smtp.errors import FluenzrError as FluenzrError
    from fluenzr_smtp.problems import Problem as Problem
    from fluenzr_smtp.problems import ProblemCode as ProblemCode

__all__ = ["FluenzrError", "Problem", "ProblemCode", "__version__"]

__version__ = "0.1.0"

_HOMES = {"FluenzrError": "errors", "Problem": "problems", "ProblemCode": "problems"}


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
