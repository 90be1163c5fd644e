"""A real OpenID provider (npm's oidc-provider, as its authors made it) on loopback."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.processes import guarding, running

VERSION = "9.13.3"
CLIENT, SERVICE = "fluenzr-tests", "service"
SERVICE_SECRET = "canary-client-secret-5b1f77"

_HERE = Path(__file__).parent
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class OpenID:
    """A running provider."""

    port: int

    @property
    def issuer(self) -> str:
        """Its name, and where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def introspection(self) -> str:
        """Where a mail server asks whether a token holds."""
        return f"http://mailhost:mailhost@127.0.0.1:{self.port}/token/introspection"

    def told(self, **settings: int | str) -> dict[str, Any]:
        """Change how it answers, and return what was asked of it so far, by grant type."""
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        with urllib.request.urlopen(f"{self.issuer}/tests?{query}", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def refreshes(self) -> int:
        """Return how often it was asked to renew a token since it was told to forget."""
        return int(self.told()["asked"].get("refresh_token", 0))

    def as_usual(self) -> None:
        """Answer at once, give out tokens for an hour, and forget what was asked."""
        self.told(delay_ms=0, ttl=3600, status=0, forget=1)


@contextlib.contextmanager
def running_openid(port: int) -> Iterator[OpenID]:
    """Start a provider; it is gone afterwards."""
    modules = _modules()
    with tempfile.TemporaryDirectory(prefix="openid-") as folder, guarding(Path(folder)) as guard:
        log = Path(folder, "log")
        command = [str(Path(sys.prefix, "bin", "node")), str(_HERE / "provider.mjs"), str(port), str(modules)]
        with running(command, log=log, guard=guard) as process:
            provider = OpenID(port)
            _await(provider, process, log)
            yield provider


def _await(provider: OpenID, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            provider.as_usual()
            return
        time.sleep(0.05)
    raise AssertionError(f"the OpenID provider did not start:\n{log.read_text()}")


def _modules() -> Path:
    """Return the folder with the npm package, fetched once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "fluenzr-test-servers" / f"oidc-provider-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "node_modules" / ".package-lock.json").exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    binaries = Path(sys.prefix, "bin")
    command = [str(binaries / "npm"), "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
    ended = subprocess.run(
        [*command, "--prefix", str(folder), f"oidc-provider@{VERSION}"],
        env={**os.environ, "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if ended.returncode == 0:
        return
    reason = f"npm cannot fetch oidc-provider {VERSION}: {ended.stderr[-400:]}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
