"""Who is alive: each process that claims messages holds a lock on a file of its own.

The system drops the lock with the process, whatever ended it; a process id would come back after a restart.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from threading import Lock

from fluenzr_smtp import durable

_TOKEN = re.compile(r"[0-9a-f]{16}")


class Owners:
    """The lock files in a folder, one of which is ours from the first use of ``token`` on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = ""
        self._descriptor: int | None = None
        self._process = 0
        self._making = Lock()

    @property
    def token(self) -> str:
        """The name of this process.

        Raises:
            FluenzrError: ``file-not-created``, ``disk-full``.
        """
        with self._making:
            if self._process != os.getpid():  # a child that was forked is a process of its own
                self._token, self._descriptor = self._made()
                self._process = os.getpid()
            return self._token

    def is_me(self, token: str) -> bool:
        """Say whether a name is ours."""
        return token != "" and token == self._token and self._process == os.getpid()

    def is_dead(self, token: str) -> bool:
        """Say whether the process of a name has ended; its file is removed then."""
        if self.is_me(token):
            return False
        path = self._folder / token
        if not _TOKEN.fullmatch(token) or not os.path.lexists(path):
            return True
        descriptor = durable.hold(path)
        if descriptor is None:
            return False
        # Whoever has just made this file and not locked it yet finds it gone, and makes another one.
        with contextlib.suppress(OSError):
            path.unlink()
        durable.let_go(descriptor)
        return True

    def remove_dead(self) -> None:
        """Remove the files of all that have ended, as well as that is possible."""
        with contextlib.suppress(OSError):
            for each in self._folder.iterdir():
                if _TOKEN.fullmatch(each.name):
                    self.is_dead(each.name)

    def close(self) -> None:
        """Be dead."""
        with self._making:
            if self._descriptor is not None and self._process == os.getpid():
                with contextlib.suppress(OSError):
                    (self._folder / self._token).unlink()
                durable.let_go(self._descriptor)
            self._token, self._descriptor, self._process = "", None, 0

    def _made(self) -> tuple[str, int]:
        durable.ensure_private_dir(self._folder)
        while True:  # somebody may take our file for one of the dead before it is locked
            token = secrets.token_hex(8)
            descriptor = durable.hold(self._folder / token)
            if descriptor is not None:
                return token, descriptor
