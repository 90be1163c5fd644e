"""The vault's key in the keyring of the operating system.

Only backends known to encrypt are used; which one it is, is always told. No call waits longer than its bound:
a keyring that asks for its password where nobody sits would otherwise wait for ever. The backend that was
found is remembered, so that later commands do not look through all that are installed. ``keyring`` has its
home here.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import NoReturn, TypeVar

import keyring
from keyring import core
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

_Answer = TypeVar("_Answer")

_SERVICE = "fluenzr"
_KEY_BYTES = 32
_REASON_LIMIT = 200
_NAME_LIMIT = 200
_SAFE = frozenset(
    {
        "keyring.backends.SecretService.Keyring",
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

    def __init__(self, *, timeout_seconds: float = 15.0, state_dir: Path | None = None) -> None:
        """Set the bound of each call; ``state_dir`` is where the backend is remembered."""
        self._timeout_seconds = timeout_seconds
        self._memory = None if state_dir is None else state_dir / "keyring-backend"
        self._backend: KeyringBackend | None = None

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
        text = self._ask(lambda: self._found().get_password(_SERVICE, entry))
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
            with contextlib.suppress(PasswordDeleteError):
                self._found().delete_password(_SERVICE, entry)

        self._ask(delete)

    def _found(self) -> KeyringBackend:
        # Looked for within the bounded call: some backends open a connection to say whether they are there.
        if self._backend is None:
            self._backend = self._remembered() or self._picked()
        return self._backend

    def _remembered(self) -> KeyringBackend | None:
        """Return the backend of the last time, where the user's settings name none and it is still there."""
        if self._memory is None or core.load_env() is not None or core.load_config() is not None:
            return None
        try:
            name = self._memory.read_bytes()[:_NAME_LIMIT].decode("ascii").strip()
            return core.load_keyring(name) if name in _SAFE else None
        except Exception:  # noqa: BLE001 - not readable, not installed, not running: then it is looked for
            return None

    def _picked(self) -> KeyringBackend:
        backend = _safe_backend(keyring.get_keyring())
        if self._memory is not None:
            # It only saves time: where it cannot be kept, it is looked for again.
            with contextlib.suppress(FluenzrError):
                durable.ensure_private_dir(self._memory.parent)
                durable.write_atomically(self._memory, f"{_full_name(backend)}\n".encode("ascii"))
        return backend

    def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        answer: Future[_Answer] = Future()

        def run() -> None:
            try:
                answer.set_result(question())
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                answer.set_exception(error)

        # A daemon thread: what never answers must not keep the process from ending.
        Thread(target=run, name="keyring", daemon=True).start()
        wait((answer,), timeout=self._timeout_seconds)
        if not answer.done():
            raise self._silent()
        error = answer.exception()
        if isinstance(error, Exception):
            self._fail(error)
        return answer.result()

    def _silent(self) -> FluenzrError:
        if self._backend is None:
            return self._unavailable("no-answer")
        return self._locked("no-answer")

    def _fail(self, error: Exception) -> NoReturn:
        if isinstance(error, FluenzrError):
            raise error
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
        return None if self._backend is None else _full_name(self._backend)


def _safe_backend(picked: KeyringBackend) -> KeyringBackend:
    """Return the backend to use: the picked one, or of several chained ones the first safe one, by itself."""
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
