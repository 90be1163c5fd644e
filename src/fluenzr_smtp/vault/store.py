"""The vault's file: read it safely, change it under a lock, never lose the old one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import cipher, slots
from fluenzr_smtp.vault.format import (
    FILE_LIMIT_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    Header,
    Slot,
    damaged,
    parse,
    render,
)
from fluenzr_smtp.vault.sources import KeySource

# O_NONBLOCK: a pipe in the vault's place must not make us wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    header: Header
    slot: Slot
    data_key: bytes = field(repr=False)


class Vault:
    """An encrypted file with one payload.

    The key source is asked once in the life of the object, and again only when another process has given the
    vault new keys. A missing key never leads to a new vault: one is created where there is no file at all.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: Callable[[], KeySource],
        clock: Clock,
        lock_timeout_seconds: float = 10.0,
    ) -> None:
        self.path = path
        self._make_source = source
        self._clock = clock
        self._lock_timeout_seconds = lock_timeout_seconds
        self._opened: _Opened | None = None

    @property
    def exists(self) -> bool:
        """Say whether anything is in the vault's place, readable or not."""
        return os.path.lexists(self.path)

    def read(self) -> bytes | None:
        """Return the payload, or None where there is no vault yet. Creates and changes nothing.

        Raises:
            FluenzrError: ``vault-damaged``, ``vault-newer``, ``vault-unsafe``, ``vault-locked``,
                ``vault-passphrase-wrong``, ``vault-key-wrong``, ``file-unreadable``; what the key
                source raises.
        """
        with self._naming_the_file():
            content = self._content()
            return None if content is None else self._open(content)[1]

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        """Replace the payload by what ``change`` makes of the present one (None where a vault is created).

        ``change`` runs under the lock on what is in the file then, so that no other process's change is lost;
        it must not wait for anybody. When this returns the new payload is on the disk; after a failure, also
        one of ``change``, the file is as it was. Afterwards the file has the mode 0600, its folder 0700.

        Raises:
            FluenzrError: as ``read``; ``vault-busy``, ``file-not-created``, ``file-not-written``,
                ``disk-full``.
        """
        # The key is found before the lock is taken: nobody waits for another one's keyring or passphrase.
        self.read()
        durable.ensure_private_dir(self.path.parent)
        lock_file = self.path.with_name(f"{self.path.name}.lock")
        with (
            durable.lock(lock_file, timeout_seconds=self._lock_timeout_seconds),
            self._naming_the_file(),
        ):
            durable.remove_leftovers(self.path)
            content = self._content()
            if content is None:
                payload = change(None)
                self._write(self._new(), payload)
            else:
                opened, current = self._open(content)
                self._write(opened, change(current))

    @cached_property
    def _source(self) -> KeySource:
        return self._make_source()

    def _open(self, content: bytes) -> tuple[_Opened, bytes]:
        sealed = parse(content)
        known = self._opened
        if known is not None and known.header.vault_id != sealed.header.vault_id:
            raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="replaced")
        # The very same slot holds the very same data key; anything else is unlocked anew.
        if known is not None and known.slot in sealed.header.slots:
            slot, data_key = known.slot, known.data_key
        else:
            slot, data_key = slots.unlock(self._source, sealed.header)
        payload = cipher.unseal(
            data_key, sealed.ciphertext, nonce=sealed.header.nonce, associated=sealed.associated
        )
        if payload is None:
            raise damaged("payload")
        self._opened = _Opened(header=sealed.header, slot=slot, data_key=data_key)
        return self._opened, payload

    def _new(self) -> _Opened:
        vault_id, data_key = secrets.token_hex(16), secrets.token_bytes(KEY_BYTES)
        slot = slots.new_slot(self._source, data_key, vault_id=vault_id, created=self._clock.now())
        header = Header(vault_id=vault_id, generation=0, slots=(slot,), nonce=bytes(NONCE_BYTES))
        return _Opened(header=header, slot=slot, data_key=data_key)

    def _write(self, opened: _Opened, payload: bytes) -> None:
        header = replace(
            opened.header, generation=opened.header.generation + 1, nonce=secrets.token_bytes(NONCE_BYTES)
        )
        associated = render(header)
        if len(associated) + len(payload) + TAG_BYTES > FILE_LIMIT_BYTES:
            raise failure(ProblemCode.FILE_NOT_WRITTEN, Stage.VAULT, reason="too-big")
        sealed = cipher.seal(opened.data_key, payload, nonce=header.nonce, associated=associated)
        durable.write_atomically(self.path, associated + sealed)
        self._opened = replace(opened, header=header)

    def _content(self) -> bytes | None:
        try:
            descriptor = os.open(self.path, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unopened(error) from error
        try:
            _check_file(os.fstat(descriptor))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(FILE_LIMIT_BYTES + 1)
        except OSError as error:
            raise _unopened(error) from error
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except FluenzrError as error:
            if error.problem.stage is not Stage.VAULT or "path" in error.problem.facts:
                raise
            raise FluenzrError(error.problem.with_facts(path=str(self.path))) from error


def _check_file(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="not-a-file")
    if found.st_uid != os.geteuid():
        raise failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="other-owner")
    if found.st_size > FILE_LIMIT_BYTES:
        raise damaged("too-big")


def _unopened(error: OSError) -> FluenzrError:
    if error.errno == errno.ELOOP:
        return failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="symbolic-link")
    if error.errno == errno.ENXIO:
        return failure(ProblemCode.VAULT_UNSAFE, Stage.VAULT, reason="not-a-file")
    reason = error.strerror or type(error).__name__
    return failure(ProblemCode.FILE_UNREADABLE, Stage.VAULT, reason=reason)
