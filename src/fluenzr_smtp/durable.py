"""Whole-file writes that survive a crash, private folders, and a lock between processes.

Nothing here knows what is written. A write follows the order that crash studies found safe: a new file in the
same folder, fsync, rename, fsync of the folder (Pillai et al., OSDI 2014). The lock is flock(2): the system
drops it with the process that held it, so a lock file left behind blocks nobody.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# EFBIG is what a limit on the file size (ulimit -f) answers: to the user it is the same as a full disk.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Some network and user-space file systems do not offer fsync for a folder.
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole.

    When this returns, the new content and its name are on the disk. After any failure, and after a crash at
    any point, the file holds the old content or the new one. ``mode`` holds whatever the umask is.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created`` (no new file there).
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, _NEW_FILE, mode)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error
    try:
        _fill(descriptor, data, mode)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_WRITTEN) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def remove_leftovers(path: Path) -> None:
    """Remove what killed writers of ``path`` left behind. Only safe under the lock of all its writers."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.tmp")
    with contextlib.suppress(OSError):
        for entry in path.parent.iterdir():
            if ours.fullmatch(entry.name):
                entry.unlink()


def ensure_private_dir(path: Path) -> None:
    """Create a folder that only its owner can enter (0700), parents included, or close one to others.

    A folder of another user, or one shared by all (sticky, as ``/tmp``), is left as it is.

    Raises:
        FluenzrError: ``file-not-created``, ``disk-full``.
    """
    try:
        _make_folder(path)
        found = path.stat()
        is_ours = found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX
        if is_ours and stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error


@contextlib.contextmanager
def lock(
    path: Path,
    *,
    timeout_seconds: float,
    code: ProblemCode = ProblemCode.VAULT_BUSY,
    stage: Stage = Stage.VAULT,
) -> Iterator[None]:
    """Hold the lock file ``path`` against other processes and threads; waits up to ``timeout_seconds``.

    The file stays: removing it would let two processes hold two files of the same name.

    Raises:
        FluenzrError: ``code`` where somebody else holds it all the time; ``file-not-created``, ``disk-full``.
    """
    held = FileLock(path, timeout=timeout_seconds, mode=0o600)
    try:
        path.parent.stat()  # filelock would make a missing folder, open to others
        held.acquire()
    except Timeout as error:
        raise failure(code, stage, path=str(path), seconds=timeout_seconds) from error
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error
    try:
        yield
    finally:
        held.release()


def _named(error: OSError, path: Path, code: ProblemCode) -> FluenzrError:
    named = ProblemCode.DISK_FULL if error.errno in _FULL else code
    return failure(named, Stage.OUTPUT, path=str(path), reason=error.strerror or type(error).__name__)


def _fill(descriptor: int, data: bytes, mode: int) -> None:
    try:
        os.fchmod(descriptor, mode)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    if path.parent != path:
        _make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        # The folder's own name must last as well; a parent that may not be read cannot be synced.
        with contextlib.suppress(PermissionError):
            _sync_folder(path.parent)
