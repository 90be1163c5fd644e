"""What every test stands on: a home of its own, no way out of loopback, and the real servers."""

from __future__ import annotations

import itertools
import os
import signal
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.servers.certificates import Authority
from tests.servers.introspection import Introspection, introspection
from tests.servers.mailhost import BINARIES, MailHost, free_ports, missing_condition, running_mailhost
from tests.servers.openid import OpenID, running_openid

# What is started in the background may ignore these, and so would all programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

_REMOVED_PREFIXES = ("FLUENZR_", "SSL_CERT_", "DBUS_", "PYTHON_KEYRING_", "XDG_", "GNOME_KEYRING_")
_HOMES = {
    "HOME": ".",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "XDG_CACHE_HOME": "cache",
    "XDG_RUNTIME_DIR": "runtime",
    "FLUENZR_HOME": "fluenzr",
}


class LoopbackOnlyError(RuntimeError):
    """A test tried to leave this machine. Not an OSError, which would be taken for a network's fault."""


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test, and the processes it starts, an empty home and none of the user's settings."""
    home = next(_homes)
    home.mkdir(mode=0o700)
    for name in [name for name in os.environ if name.startswith(_REMOVED_PREFIXES)]:
        monkeypatch.delenv(name)
    for name, folder in _HOMES.items():
        monkeypatch.setenv(name, str(home / folder))
    return home


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(original: Any) -> Any:
    def guarded(self: socket.socket, *args: Any) -> Any:
        # The address comes last: sendto has data and perhaps flags before it.
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(args[-1][0]):
            raise LoopbackOnlyError(f"{args[-1]} is not on loopback")
        return original(self, *args)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that nobody but the tests trusts."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def mailhost(authority: Authority) -> Iterator[MailHost]:
    """A real Postfix and a real Dovecot; the same for all tests, so each looks for its own Message-ID."""
    _require_mailhost()
    with running_mailhost(authority) as host:
        yield host


@pytest.fixture(scope="session")
def provider() -> Iterator[Introspection]:
    """A provider of identities that says which access tokens hold."""
    with introspection() as server:
        yield server


@pytest.fixture(scope="session")
def tokenhost(authority: Authority, provider: Introspection) -> Iterator[MailHost]:
    """A mail host that lets people in by access tokens as well."""
    _require_mailhost()
    with running_mailhost(authority, introspection=provider.url) as host:
        yield host


@pytest.fixture(scope="session")
def openid() -> Iterator[OpenID]:
    """An OpenID provider of npm's, where people sign in."""
    with running_openid(free_ports(1)[0]) as server:
        yield server


@pytest.fixture(scope="session")
def openhost(authority: Authority, openid: OpenID) -> Iterator[MailHost]:
    """A mail host that lets people in by the tokens of the OpenID provider."""
    _require_mailhost()
    with running_mailhost(authority, introspection=openid.introspection) as host:
        yield host


def _require_mailhost() -> None:
    from tests.servers import require

    require(*BINARIES)
    if reason := missing_condition():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
