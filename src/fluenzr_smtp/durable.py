"""Whole-file writes that survive a crash, private folders, and a lock between processes.

Nothing here knows what is written. A write follows the order that crash studies found safe: a new file in the
same folder, fsync, rename, fsync of the folder (Pillai et al., OSDI 2014). The lock is flock(2) and nothing
else: the system drops it with the process that held it, so a lock file left behind blocks nobody. Where a
file system has no flock, that is told; a lock that is a mere file would go stale or be no lock at all.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# EFBIG is what a limit on the file size (ulimit -f) answers: to the user it is the same as a full disk.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Some network and user-space file systems do not offer fsync for a folder.
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# ENOLCK: NFS without its lock service. EBADF and EINVAL: file systems that take flock for something else.
_NO_LOCKS = frozenset(
    {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL, errno.EBADF}
)
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})
_LOCK_STEP_SECONDS = 0.02


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole.

    When this returns, the new content and its name are on the disk. After any failure, and after a crash at
    any point, the file holds the old content or the new one. ``mode`` holds whatever the umask is.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created`` (no new file there).
    """
    with _new_file(path, data, mode) as temporary:
        temporary.replace(path)


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file that is not there yet; one that is there is never overwritten. Whole, or not at all.

    Raises:
        FluenzrError: ``file-not-created`` (reason ``exists`` where something has this name already),
            ``file-not-written``, ``disk-full``.
    """
    if os.path.lexists(path):  # the link below decides; this spares the work
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=str(path), reason="exists")
    try:
        with _new_file(path, data, mode) as temporary:
            _give_name(temporary, path, data, mode)
    except FluenzrError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise failure(
                ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=str(path), reason="exists"
            ) from error
        raise


def require_room(path: Path, size_bytes: int) -> None:
    """Make sure that ``path`` could be replaced by a file of this size now: one is written, and taken away.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created``.
    """
    with _new_file(path, bytes(size_bytes), 0o600):
        pass  # it gets no name


def keep_as(path: Path, kept: Path, *, content: bytes) -> None:
    """Keep the file ``path`` under a second name in the same folder, for its owner alone (0600).

    ``content`` is what it holds, to be copied where the file system has no hard links. When this returns the
    name is on the disk; after a crash at any point it stands for a whole file, this one or an older one.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created``.
    """
    temporary = _temporary(path)
    try:
        os.link(path, temporary, follow_symlinks=False)
        if stat.S_IMODE(temporary.lstat().st_mode) != 0o600:
            temporary.chmod(0o600)
        temporary.replace(kept)
        sync_folder(kept.parent)
    except OSError:
        # Whatever stood in the way of a link: a copy needs less, and says what is wrong where it fails too.
        with _new_file(kept, content, 0o600, temporary=_temporary(path)) as copy:
            copy.replace(kept)
    finally:
        # Renaming one name of a file to another one of its names does nothing (POSIX): the first one stays.
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
    """Create a folder that its owner alone can enter (0700), parents included, or close one to others.

    The umask does not matter. What the owner took from himself (a read-only folder) stays taken. A folder of
    another user, or one shared by all (sticky, as ``/tmp``), is left as it is.

    Raises:
        FluenzrError: ``file-not-created``, ``disk-full``.
    """
    try:
        _make_folder(path)
        found = path.stat()
        is_ours = found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX
        if is_ours and found.st_mode & 0o077:
            path.chmod(stat.S_IMODE(found.st_mode) & 0o700)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error


@contextlib.contextmanager
def lock(
    path: Path,
    *,
    timeout_seconds: float,
    code: ProblemCode = ProblemCode.VAULT_BUSY,
    stage: Stage = Stage.VAULT,
    is_shared: bool = False,
) -> Iterator[None]:
    """Hold the lock file ``path`` against other processes and threads; waits up to ``timeout_seconds``.

    Shared, it may be held by any number of others that share it.

    The file stays: removing it would let two processes hold two files of the same name.

    Raises:
        FluenzrError: ``code`` where somebody else holds it all the time; ``vault-unsafe`` (reason
            ``no-lock``) where the file system has no locks; ``file-not-created``, ``disk-full``.
    """
    descriptor = _locked(path, timeout_seconds, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
    if descriptor is None:
        raise failure(code, stage, path=str(path), seconds=timeout_seconds)
    try:
        yield
    finally:
        let_go(descriptor)


def hold(path: Path, *, is_shared: bool = False) -> int | None:
    """Take the lock file ``path`` without waiting; return a descriptor for ``let_go``, None: it is held.

    Shared, it may be held by any number of others that share it.

    Raises:
        FluenzrError: ``file-not-created`` (also where the file system has no locks), ``disk-full``.
    """
    try:
        return _try_lock(path, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
    except FluenzrError as error:
        if error.problem.code is not ProblemCode.VAULT_UNSAFE:
            raise
        reason = os.strerror(errno.ENOLCK)
        raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=str(path), reason=reason) from error


def let_go(descriptor: int) -> None:
    """End what ``hold`` began; the process's end does the same."""
    # A child that was forked in between shares the lock: closing our descriptor alone would not end it.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def write_blocks(path: Path, blocks: Iterable[bytes]) -> None:
    """Write a file that is not there yet, block by block, for its owner alone (0600).

    When this returns its bytes are on the disk, its name need not be: ``rename`` sees to that. After a
    failure nothing is there, after a crash perhaps a part.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``, ``file-not-created``, and what ``blocks`` raises.
    """
    try:
        descriptor = os.open(path, _NEW_FILE, 0o600)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error
    try:
        _fill(descriptor, blocks, 0o600)
    except BaseException as error:
        with contextlib.suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise _named(error, path, ProblemCode.FILE_NOT_WRITTEN) from error
        raise


def rename(path: Path, target: Path) -> None:
    """Give a file another name in the same folder; when this returns the name is on the disk.

    Raises:
        FluenzrError: ``disk-full``, ``file-not-written``.
    """
    try:
        path.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise _named(error, target, ProblemCode.FILE_NOT_WRITTEN) from error


def _locked(path: Path, timeout_seconds: float, operation: int) -> int | None:
    # Counted in steps, so that no clock is needed; each one looks for the file anew.
    for _ in range(int(timeout_seconds / _LOCK_STEP_SECONDS)):
        descriptor = _try_lock(path, operation)
        if descriptor is not None:
            return descriptor
        time.sleep(_LOCK_STEP_SECONDS)
    return _try_lock(path, operation)


def _try_lock(path: Path, operation: int) -> int | None:
    """Return a descriptor that holds the lock, or None where somebody else has it."""
    try:
        descriptor = os.open(path, _LOCK_FILE, 0o600)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error
    is_ours = False
    try:
        _make_private(descriptor)
        is_ours = _flock(descriptor, operation) and _names_same_file(path, descriptor)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, path=str(path), reason="no-lock") from error
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error
    finally:
        if not is_ours:
            os.close(descriptor)
    return descriptor if is_ours else None


def _make_private(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if stat.S_IMODE(found.st_mode) != 0o600 and found.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)  # whatever the umask was


def _flock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True


def _names_same_file(path: Path, descriptor: int) -> bool:
    """Say whether the name still stands for the locked file: somebody may have removed it meanwhile."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_writable_place(path: Path) -> bool:
    """Say whether a folder can be written, or made where it is not there; makes nothing."""
    found = next((each for each in (path, *path.parents) if each.exists()), path)
    return found.is_dir() and os.access(found, os.W_OK | os.X_OK)


def _named(error: OSError, path: Path, code: ProblemCode) -> FluenzrError:
    named = ProblemCode.DISK_FULL if error.errno in _FULL else code
    return failure(named, Stage.OUTPUT, path=str(path), reason=error.strerror or type(error).__name__)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


@contextlib.contextmanager
def _new_file(path: Path, data: bytes, mode: int, *, temporary: Path | None = None) -> Iterator[Path]:
    """Write a temporary file beside ``path`` for the block to give it its name; then sync the folder."""
    temporary = temporary or _temporary(path)
    try:
        descriptor = os.open(temporary, _NEW_FILE, mode)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_CREATED) from error
    try:
        _fill(descriptor, (data,), mode)
        yield temporary
        sync_folder(path.parent)
    except OSError as error:
        raise _named(error, path, ProblemCode.FILE_NOT_WRITTEN) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _give_name(temporary: Path, path: Path, data: bytes, mode: int) -> None:
    """Name a file by a name that nothing has: rename would take the place of what is there."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # No hard links, as on a memory stick. A crash now may leave half a file, of a name that was free.
        descriptor = os.open(path, _NEW_FILE, mode)
        try:
            _fill(descriptor, (data,), mode)
        except OSError:
            path.unlink()
            raise


def _fill(descriptor: int, blocks: Iterable[bytes], mode: int) -> None:
    try:
        os.fchmod(descriptor, mode)
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder last; file systems that do not offer it are let off."""
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
        path.chmod(0o700)  # a umask may have kept even its owner out
        # The folder's own name must last as well; a parent that may not be read cannot be synced.
        with contextlib.suppress(PermissionError):
            sync_folder(path.parent)
