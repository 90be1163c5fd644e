"""A pymap: an IMAP server in pure Python, by others than Dovecot and Cyrus; its mail is in memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.servers.mailhost import Login, free_ports
from tests.servers.processes import NotStartedError, await_greeting

_ATTEMPTS = 3
LOGIN = Login(address="demo", secret="canary-pymap-5d20")


@contextlib.contextmanager
def running_pymap() -> Iterator[int]:
    """Run a pymap without TLS; yield its port on 127.0.0.1."""
    for attempt in range(_ATTEMPTS):
        (port,) = free_ports(1)
        process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("pymap")), "--host", "127.0.0.1", "--port", str(port),
                "--no-tls", "--no-service", "admin", "--no-service", "managesieve",
                "dict", "--demo-user", LOGIN.address, "--demo-password", LOGIN.secret, "--demo-data",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await_greeting(process, port, b"* OK")
        except NotStartedError:
            process.kill()
            process.wait()
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.1)
            continue
        try:
            yield port
        finally:
            process.terminate()
            process.wait()
        return
