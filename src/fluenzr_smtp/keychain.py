"""The vault's key in the keyring of the operating system.

Only backends known to encrypt are used; which one it is, is always told. No call waits longer than its bound:
a keyring that asks for its password where nobody sits would otherwise wait for ever. The backend that was
found is remembered, so that later commands do not look through all that are installed; where it is the
Secret Service, the library below ``keyring`` is asked first, for to load ``keyring`` takes as long as to send
a message. ``keyring`` and ``secretstorage`` have their home here.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NoReturn, TypeVar

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_Answer = TypeVar("_Answer")

_SERVICE = "fluenzr"
_KEY_BYTES = 32
_REASON_LIMIT = 200
_NAME_LIMIT = 200
_SECRET_SERVICE = "keyring.backends.SecretService.Keyring"  # noqa: S105 - the name of a class
_SAFE = frozenset(
    {
        _SECRET_SERVICE,
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    }
)
_ABSENT = "keyring.backends.fail.Keyring"
# Of secretstorage, which exists on Linux only: known by name, so that it need not be imported.
_DISMISSED = frozenset({"LockedException", "PromptDismissedException"})


class OSKeychain:
    """Keys by name, in the keyring that ``keyring`` picks or its own settings name."""

    def __init__(
        self,
        *,
        timeout_seconds: float = 15.0,
        state_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Set the bound of each call; nothing is asked yet.

        Args:
            timeout_seconds: How long a call may take.
            state_dir: Where the backend is remembered; without it, it is looked for in each process.
            environ: Where the session and what keyring is told are looked up; without it keyring is always
                loaded.
        """
        self._timeout_seconds = timeout_seconds
        self._memory = None if state_dir is None else state_dir / "keyring-backend"
        self._environ = environ
        self._backend: KeyringBackend | None = None
        self._asked: str | None = None

    @property
    def backend_name(self) -> str:
        """Return the full class name of the backend in use.

        Raises:
            FluenzrError: ``keyring-unavailable``, ``keyring-refused``.
        """
        return self._ask(lambda: _full_name(self._found()))

    def load(self, entry: str) -> bytes | None:
        """Return the key of this name, or None where the keyring has no entry.

        Raises:
            FluenzrError: ``keyring-unavailable``, ``keyring-refused``, ``keyring-locked``;
                ``vault-key-wrong`` where the entry holds something else.
        """

        def look_up() -> str | None:
            return self._plain_answer(entry) or self._found().get_password(_SERVICE, entry)

        text = self._ask(look_up)
        return None if text is None else _decode(text)

    def store(self, entry: str, key: bytes) -> None:
        """Keep a key, and read it back to be sure.

        Raises:
            FluenzrError: ``keyring-unavailable``, ``keyring-refused``, ``keyring-locked``.
        """
        text = base64.b64encode(key).decode("ascii")

        def store_and_read_back() -> str | None:
            backend = self._found()
            backend.set_password(_SERVICE, entry, text)
            return backend.get_password(_SERVICE, entry)

        kept = self._ask(store_and_read_back)
        if kept is None or not hmac.compare_digest(kept.encode(), text.encode()):
            raise self._unavailable("not-kept")

    def delete(self, entry: str) -> None:
        """Remove a key; that there is none is no error.

        Raises:
            FluenzrError: ``keyring-unavailable``, ``keyring-refused``, ``keyring-locked``.
        """

        def delete() -> None:
            from keyring.errors import PasswordDeleteError

            with contextlib.suppress(PasswordDeleteError):
                self._found().delete_password(_SERVICE, entry)

        self._ask(delete)

    def _found(self) -> KeyringBackend:
        # Looked for within the bounded call: some backends open a connection to say whether they are there.
        if self._backend is None:
            self._asked = None
            self._backend = self._remembered() or self._picked()
        return self._backend

    def _plain_answer(self, entry: str) -> str | None:
        """Return what the Secret Service keeps under this name, where it is the backend and simply answers.

        None is no answer: keyring is asked then, which knows of locks, prompts and other ways.
        """
        if self._backend is not None or self._environ is None or self._remembered_name() != _SECRET_SERVICE:
            return None
        if _tells_keyring(self._environ):
            return None
        self._asked = _SECRET_SERVICE
        try:
            return _read(entry)
        except Exception:  # noqa: BLE001 - whatever it is, keyring will meet it again and name it
            return None

    def _remembered_name(self) -> str | None:
        """Return the name of the backend of the last time, where it is one that may be used."""
        if self._memory is None:
            return None
        try:
            name = self._memory.read_bytes()[:_NAME_LIMIT].decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return name if name in _SAFE else None

    def _remembered(self) -> KeyringBackend | None:
        """Return the backend of the last time, where the user's settings name none and it is still there."""
        from keyring import core

        name = self._remembered_name()
        if name is None or core.load_env() is not None or core.load_config() is not None:
            return None
        try:
            return core.load_keyring(name)
        except Exception:  # noqa: BLE001 - not installed, not running: then it is looked for
            return None

    def _picked(self) -> KeyringBackend:
        import keyring

        backend = _safe_backend(keyring.get_keyring())
        if self._memory is not None:
            # It only saves time: where it cannot be kept, it is looked for again.
            with contextlib.suppress(FluenzrError):
                durable.ensure_private_dir(self._memory.parent)
                durable.write_atomically(self._memory, f"{_full_name(backend)}\n".encode("ascii"))
        return backend

    def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        answers: list[_Answer] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                answers.append(question())
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                errors.append(error)

        # A daemon thread: what never answers must not keep the process from ending. Not a Future: its module
        # takes as long to load as the keyring to answer.
        thread = Thread(target=run, name="keyring", daemon=True)
        thread.start()
        thread.join(self._timeout_seconds)
        for error in errors:
            self._fail(error)
        if not answers:
            raise self._silent()
        return answers[0]

    def _silent(self) -> FluenzrError:
        if self._known_name() is None:
            return self._unavailable("no-answer")
        return self._locked("no-answer")

    def _fail(self, error: Exception) -> NoReturn:
        if isinstance(error, FluenzrError):
            raise error
        from keyring.errors import KeyringLocked

        if isinstance(error, KeyringLocked) or type(error).__name__ in _DISMISSED:
            raise self._locked("dismissed") from error
        raise self._unavailable(f"{type(error).__name__}: {error}"[:_REASON_LIMIT]) from error

    def _locked(self, reason: str) -> FluenzrError:
        return failure(
            ProblemCode.KEYRING_LOCKED,
            Stage.KEYRING,
            backend=self._known_name(),
            seconds=self._timeout_seconds,
            reason=reason,
        )

    def _unavailable(self, reason: str) -> FluenzrError:
        return failure(
            ProblemCode.KEYRING_UNAVAILABLE, Stage.KEYRING, backend=self._known_name(), reason=reason
        )

    def _known_name(self) -> str | None:
        return self._asked if self._backend is None else _full_name(self._backend)


def _tells_keyring(environ: Mapping[str, str]) -> bool:
    """Say whether the user has told keyring anything: a backend, a property of it, or a file of settings."""
    if any(name.startswith(("PYTHON_KEYRING_", "KEYRING_PROPERTY_")) for name in environ):
        return True
    folder = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "~", ".config").expanduser())
    return Path(folder, "python_keyring", "keyringrc.cfg").exists()


def _read(entry: str) -> str | None:
    """Ask the Secret Service as keyring would, through the library that keyring asks it through."""
    import secretstorage

    connection = secretstorage.dbus_init()
    try:
        collection = secretstorage.get_default_collection(connection)
        if collection.is_locked():
            return None
        found = next(collection.search_items({"username": entry, "service": _SERVICE}), None)
        return None if found is None or found.is_locked() else found.get_secret().decode("utf-8")
    finally:
        connection.close()


def _safe_backend(picked: KeyringBackend) -> KeyringBackend:
    """Return the backend to use: the picked one, or of several chained ones the first safe one, by itself."""
    from keyring.backends.chainer import ChainerBackend

    names = [_full_name(picked)]
    candidates: list[KeyringBackend] = [picked]
    if type(picked) is ChainerBackend:
        candidates = list(ChainerBackend.backends)
        names += map(_full_name, candidates)
    for backend in candidates:
        if _full_name(backend) in _SAFE:
            return backend
    if names == [_ABSENT]:
        raise failure(ProblemCode.KEYRING_UNAVAILABLE, Stage.KEYRING, backend=None, reason="no-backend")
    raise failure(ProblemCode.KEYRING_REFUSED, Stage.KEYRING, backend=names[0], chained=tuple(names[1:]))


def _full_name(backend: KeyringBackend) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _decode(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""  # not chained: the exception may quote the entry
    if len(key) != _KEY_BYTES:
        raise failure(ProblemCode.VAULT_KEY_WRONG, Stage.KEYRING, source="keyring", reason="not-a-key")
    return key
