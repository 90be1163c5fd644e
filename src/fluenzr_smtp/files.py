"""Files that a person names: read whole, with a clear word where that cannot be done."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from fluenzr_smtp import durable
from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REPORT_MODE = 0o644


def read(name: str, *, stdin: BinaryIO | None = None) -> bytes:
    """Return the content of a file; of ``stdin``, where there is one, for ``-``.

    Raises:
        FluenzrError: ``file-missing``, ``file-unreadable``.
    """
    try:
        return stdin.read() if name == "-" and stdin is not None else located(name).read_bytes()
    except OSError as error:
        code = ProblemCode.FILE_MISSING if error.errno in _MISSING else ProblemCode.FILE_UNREADABLE
        raise failure(code, Stage.INPUT, path=name, reason=error.strerror or "") from error
    except ValueError as error:  # a NUL in the name
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name) from error


def located(name: str) -> Path:
    """Return the path of a name that may begin with ``~``.

    Raises:
        FluenzrError: ``file-missing`` for the home of somebody unknown.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name) from error


def write(name: str, content: bytes) -> None:
    """Write a report where a person wants it: a file whole, or not at all.

    A device or a pipe (``/dev/stdout``) is written into, never replaced; of a symbolic link the file that it
    names is replaced.

    Raises:
        FluenzrError: ``file-missing``, ``file-not-created``, ``file-not-written``, ``disk-full``.
    """
    path = located(name)
    try:
        if _is_written_into(path):
            with path.open("ab") as file:
                file.write(content)
        else:
            durable.write_atomically(Path(os.path.realpath(path)), content, mode=_REPORT_MODE)
    except OSError as error:
        code = ProblemCode.DISK_FULL if error.errno in _FULL else ProblemCode.FILE_NOT_WRITTEN
        raise failure(code, Stage.OUTPUT, path=name, reason=error.strerror or "") from error
    except ValueError as error:  # a NUL in the name
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name) from error


def require_place(name: str) -> None:
    """Make sure that a report can be written there; nothing is created.

    Raises:
        FluenzrError: ``file-missing``, ``file-not-created``.
    """
    folder = Path(os.path.realpath(located(name))).parent
    if not folder.is_dir():
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason=os.strerror(errno.ENOENT))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason=os.strerror(errno.EACCES))


def _is_written_into(path: Path) -> bool:
    # /dev/stdout may well lead to a plain file, which somebody else is writing at this moment.
    return path.is_relative_to("/dev") or (path.exists() and not stat.S_ISREG(path.stat().st_mode))
