"""A real gnome-keyring in a D-Bus session of its own, and an in-memory keychain with the same contract."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jeepney import MatchRule, message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

from tests.servers import require

_PASSWORD = b"a password for the keyring of a test"
_PATIENCE_SECONDS = 20.0


@dataclass
class MemoryKeychain:
    """Keeps keys in memory by name; counts how often it was asked."""

    entries: dict[str, bytes] = field(default_factory=dict)
    loads: int = 0

    def load(self, entry: str) -> bytes | None:
        """Return the key of this name, or None."""
        self.loads += 1
        return self.entries.get(entry)

    def store(self, entry: str, key: bytes) -> None:
        """Keep a key."""
        self.entries[entry] = key

    def delete(self, entry: str) -> None:
        """Remove a key, if it is there."""
        self.entries.pop(entry, None)


@dataclass
class KeyringSession:
    """A running D-Bus session with a Secret Service. ``environ`` is for child processes."""

    environ: dict[str, str]
    daemon: subprocess.Popen[bytes]

    def run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python code in a child process inside the session."""
        return run_python(code, *arguments, environ=self.environ)

    def start(self, code: str) -> subprocess.Popen[bytes]:
        """Start Python code in a child process inside the session, with pipes to and from it."""
        return subprocess.Popen(
            [sys.executable, "-c", code], env=self.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def lock(self) -> None:
        """Lock the default collection, as a screen lock does."""
        self.run(_LOCK).check_returncode()

    @contextlib.contextmanager
    def silent_prompter(self) -> Iterator[None]:
        """Take the place of the program that asks for the keyring's password, and never answer."""
        with open_dbus_connection(bus=self.environ["DBUS_SESSION_BUS_ADDRESS"]) as connection:
            Proxy(message_bus, connection).RequestName("org.gnome.keyring.SystemPrompter")
            yield

    def stop_daemon(self) -> None:
        """End the keyring daemon; the D-Bus session stays."""
        _stop(self.daemon)


_BUS_CONFIGURATION = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
_LOCK = """
import secretstorage
secretstorage.get_default_collection(secretstorage.dbus_init()).lock()
"""


def run_python(
    code: str, *arguments: str, environ: dict[str, str], timeout_seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a child process with exactly this environment."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def private_environ(home: Path) -> dict[str, str]:
    """Return an environment without D-Bus whose home and XDG folders are below ``home``."""
    folders = {
        "HOME": home,
        "XDG_DATA_HOME": home / "data",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_RUNTIME_DIR": home / "runtime",
    }
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passed_on = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return passed_on | {name: str(folder) for name, folder in folders.items()}


@contextlib.contextmanager
def keyring_session(home: Path) -> Iterator[KeyringSession]:
    """Run dbus-daemon and an unlocked gnome-keyring-daemon below ``home`` until the block ends."""
    dbus_daemon, keyring_daemon = require("dbus-daemon", "gnome-keyring-daemon")
    environ = private_environ(home)
    # A configuration without service folders: the bus must not start programs that we do not know of.
    configuration = home / "session.conf"
    configuration.write_text(_BUS_CONFIGURATION)
    bus = subprocess.Popen(
        [dbus_daemon, "--nofork", "--print-address=1", f"--config-file={configuration}"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        environ["DBUS_SESSION_BUS_ADDRESS"] = _first_line(bus)
        daemon = subprocess.Popen(
            [keyring_daemon, "--foreground", "--unlock", "--components=secrets"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert daemon.stdin is not None
            daemon.stdin.write(_PASSWORD)
            daemon.stdin.close()
            _await_name(environ["DBUS_SESSION_BUS_ADDRESS"], "org.freedesktop.secrets")
            yield KeyringSession(environ=environ, daemon=daemon)
        finally:
            _stop(daemon)
    finally:
        _stop(bus)


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _PATIENCE_SECONDS)
    line = process.stdout.readline().decode().strip() if readable else ""
    assert line, f"{process.args[0]} did not start"
    return line


def _await_name(address: str, name: str) -> None:
    """Wait until somebody owns a name on the bus: told by the bus, not looked for again and again."""
    rule = MatchRule(
        type="signal",
        interface=message_bus.interface,
        member="NameOwnerChanged",
        path=message_bus.object_path,
    )
    rule.add_arg_condition(0, name)
    with open_dbus_connection(bus=address) as connection:
        proxy = Proxy(message_bus, connection)
        with connection.filter(rule) as changes:
            proxy.AddMatch(rule)
            if not proxy.NameHasOwner(name)[0]:
                connection.recv_until_filtered(changes, timeout=_PATIENCE_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
