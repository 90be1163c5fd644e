"""Reports of our own bugs, without anything that could be a secret.

A report names the kinds of the errors and the places in the code. It holds no message, no value, no
argument and no source line: any of them may carry a password or somebody's mail.
"""

from __future__ import annotations

import os
import platform
import traceback
from datetime import datetime
from pathlib import Path

from fluenzr_smtp import __version__, durable
from fluenzr_smtp.errors import FluenzrError


def write_report(error: BaseException, *, command: str, folder: Path, now: datetime) -> Path | None:
    """Write the report into ``folder`` and return its path; None where it cannot be written."""
    path = folder / f"bug-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    try:
        durable.ensure_private_dir(folder)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(report(error, command=command))
    except (OSError, FluenzrError):
        return None
    return path


def report(error: BaseException, *, command: str) -> str:
    """Return the report: versions, the command's words, and each error of the chain with its places."""
    lines = [
        f"fluenzr {__version__}",
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}",
        f"command: {command or '-'}",
    ]
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines += ["", f"{type(link).__module__}.{type(link).__qualname__}", *_places(link)]
        link = link.__cause__ or link.__context__
    return "\n".join(lines) + "\n"


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    # The last parts of the path do: what stands before them names the person.
    return [
        f"  {'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} in {frame.name}" for frame in frames
    ]
