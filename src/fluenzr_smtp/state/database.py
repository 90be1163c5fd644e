"""The database: where it is, its transactions, and what its failures are called.

SQLite in WAL mode, one writer at a time. A durable transaction is on the disk when it ends
(``synchronous=FULL``); another one may be lost with the power, never torn, and never without what came after
it. Whoever has the database open shares a lock file beside it, so that it is made, changed in form or set
aside by one process alone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from threading import RLock

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.state.arrivals import BouncedAddresses, Cursors, Replies
from fluenzr_smtp.state.lanes import Pauses, SentLog, ServerSkills
from fluenzr_smtp.state.messages import Messages
from fluenzr_smtp.state.schema import STEPS, VERSION
from fluenzr_smtp.state.values import MisreadError

_STEP_SECONDS = 0.02
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIMARY = 0xFF  # the rest of an error code tells where it arose (sqlite.org/rescode.html)
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_UNWRITABLE = frozenset({
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
})  # fmt: skip
_TORN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT})
# What SQLite, or its module here, says where the tables are not what the version of the file promises.
_TORN_WORDS = ("no such ", "has no column", "already exists", "unsupported file format", "Could not decode")
_LOOKED = 0x464C5A31  # in the header of the file, where file(1) looks
_BESIDE = ("", "-wal", "-shm")


class Tables:
    """What a transaction can read and write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.messages = Messages(connection)
        self.sent_log = SentLog(connection)
        self.pauses = Pauses(connection)
        self.skills = ServerSkills(connection)
        self.cursors = Cursors(connection)
        self.replies = Replies(connection)
        self.bounced = BouncedAddresses(connection)
        self._connection = connection

    @property
    def is_new(self) -> bool:
        """Say whether nobody has looked yet for what an older database has left behind."""
        return bool(self._connection.execute("PRAGMA application_id").fetchone()[0] != _LOOKED)

    def is_new_no_more(self) -> None:
        """Write down that somebody has looked."""
        self._connection.execute(f"PRAGMA application_id = {_LOOKED}")

    def is_sound(self) -> bool:
        """Say whether all that is in the database can be read and fits together."""
        answer = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        self.messages.all(states=None, account=None, limit=-1)
        return bool(answer[0] == "ok")


class Database:
    """The database in the file ``path``. Opened at first use; threads may share it, and take turns."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._turn = RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None
        self._share: int | None = None
        self._is_full: bool | None = None

    @property
    def is_there(self) -> bool:
        """Say whether there is a database: reading makes none."""
        return os.path.lexists(self.path)

    @contextlib.contextmanager
    def transaction(self, *, is_durable: bool) -> Iterator[Tables]:
        """Begin a transaction alone; it is written as a whole when the block ends, or not at all.

        Raises:
            FluenzrError: ``outbox-busy``, ``outbox-damaged``, ``outbox-newer``, ``disk-full``,
                ``file-not-written``, ``file-not-created``.
        """
        with self._turn, self._named():
            connection = self._ready()
            if self._is_full is not is_durable:
                connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
                self._is_full = is_durable
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield Tables(connection)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Tables]:
        """Read what holds at one moment; no other process is kept waiting.

        Raises:
            FluenzrError: as ``transaction``.
        """
        with self._turn, self._named():
            connection = self._ready()
            with _transaction(connection, "BEGIN"):
                yield Tables(connection)

    def close(self) -> None:
        """Close the database; the next transaction opens it again."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):  # what is not folded back now is so at the next time
                    connection.close()
            self._end_share()

    def set_aside(self, name: str) -> None:
        """Give the database, and what SQLite keeps beside it, another name in its folder.

        Raises:
            FluenzrError: ``outbox-busy`` (another process has it open), ``file-not-written``.
        """
        with self._turn:
            self.close()
            with self._alone():
                # The log first: without the database it is of no use, the database without it may be.
                for each in reversed(_BESIDE):
                    path = self.path.with_name(self.path.name + each)
                    if os.path.lexists(path):
                        durable.rename(path, self.path.with_name(name + each))

    # -- opening -------------------------------------------------------------------------------------

    def _ready(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_same_file():
            return self._connection
        self.close()
        durable.ensure_private_dir(self.path.parent)
        # Counted in steps, so that no clock is needed.
        for _ in range(max(1, int(self._busy_seconds / _STEP_SECONDS))):
            self._connection = self._shared()
            if self._connection is not None:
                self._opened = self.path.lstat()
                return self._connection
            if not self._made():
                time.sleep(_STEP_SECONDS)
        raise self._busy()

    def _is_same_file(self) -> bool:
        """Say whether what is open is what the name stands for: somebody may have removed it."""
        try:
            return self._opened is not None and os.path.samestat(self.path.lstat(), self._opened)
        except OSError:
            return False

    def _shared(self) -> sqlite3.Connection | None:
        """Return a connection to a database of the present form, None where it must be made so first."""
        if not self.is_there:
            return None
        self._share = durable.hold(self._lock_path, is_shared=True)
        if self._share is None:
            return None
        connection = None
        try:
            connection = self._connected()
        finally:
            if connection is None:
                self._end_share()
        return connection

    def _connected(self) -> sqlite3.Connection | None:
        _make_private(self.path)
        connection = self._connect()
        is_usable = False
        try:
            is_usable = self._version(connection) == VERSION
            connection.execute("PRAGMA foreign_keys = ON")
        finally:
            if not is_usable:
                connection.close()
        return connection if is_usable else None

    def _connect(self) -> sqlite3.Connection:
        self._is_full = None  # a system may have a default of its own
        return sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise failure(ProblemCode.OUTBOX_NEWER, Stage.OUTBOX, path=str(self.path), version=version)
        return version

    def _made(self) -> bool:
        """Make the database, or bring it to the present form; False: another process is about to."""
        try:
            with self._alone():
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(self.path, _NEW_FILE, 0o600))
                _make_private(self.path)
                with contextlib.closing(self._connect()) as connection:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = FULL")
                    self._bring_up(connection)
                durable.sync_folder(self.path.parent)
        except _BeingUsedError:
            return False
        return True

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        present = self._version(connection)
        for number, statements in enumerate(STEPS[present:], present + 1):
            with _transaction(connection, "BEGIN IMMEDIATE"):
                for each in statements:
                    connection.execute(each)
                connection.execute(f"PRAGMA user_version = {number}")

    # -- locks and failures --------------------------------------------------------------------------

    @property
    def _lock_path(self) -> Path:
        return self.path.with_suffix(".lock")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = durable.hold(self._lock_path)
        if descriptor is None:
            raise _BeingUsedError(self._busy().problem)
        try:
            yield
        finally:
            durable.let_go(descriptor)

    def _end_share(self) -> None:
        descriptor, self._share = self._share, None
        if descriptor is not None:
            durable.let_go(descriptor)

    def _busy(self) -> FluenzrError:
        return failure(ProblemCode.OUTBOX_BUSY, Stage.OUTBOX, path=str(self.path), seconds=self._busy_seconds)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (MisreadError, UnicodeDecodeError) as error:  # SQLite may quote torn names
            raise _damaged(self.path) from error
        except sqlite3.Error as error:
            raise self._failure(error) from error
        except OSError as error:
            raise _unwritten(self.path, error.strerror or type(error).__name__) from error

    def _failure(self, error: sqlite3.Error) -> Exception:
        primary = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if primary in _HELD:
            return self._busy()
        if primary in _TORN or any(each in str(error) for each in _TORN_WORDS):
            return _damaged(self.path)
        if primary in _UNWRITABLE:
            is_full = primary == sqlite3.SQLITE_FULL or _has_no_room(self.path.parent)
            return _unwritten(self.path, str(error), is_full=is_full)
        return error


class _BeingUsedError(FluenzrError):
    """Another process has the database open, or makes it."""


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def _damaged(path: Path) -> FluenzrError:
    return failure(ProblemCode.OUTBOX_DAMAGED, Stage.OUTBOX, path=str(path))


def _unwritten(path: Path, reason: str, *, is_full: bool = False) -> FluenzrError:
    code = ProblemCode.DISK_FULL if is_full else ProblemCode.FILE_NOT_WRITTEN
    return failure(code, Stage.OUTBOX, path=str(path), reason=reason)


def _make_private(path: Path) -> None:
    """Refuse anything but a plain file of our own; close it to others."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise _unwritten(path, "symbolic-link" if stat.S_ISLNK(found.st_mode) else "not-a-file")
    if found.st_uid != os.geteuid():
        raise _unwritten(path, "other-owner")
    if stat.S_IMODE(found.st_mode) != 0o600:
        path.chmod(0o600)  # whatever the umask was


def _has_no_room(folder: Path) -> bool:
    """Say whether the disk is full: SQLite tells so of its log and its data only, not of their index."""
    try:
        return os.statvfs(folder).f_bavail == 0
    except OSError:
        return False
