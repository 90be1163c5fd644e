"""Servers that exclude Postfix as packages: unpacked into a folder, and run with that folder as their root.

``scripts/test-servers`` unpacks them. Each run has a copy of its own, so that the folders and the users that
are compiled into a server are the copy's: nothing of the system is touched, and nothing of it is seen. There
is no name server and no way to deliver: nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.servers.certificates import Authority, ServerCertificate
from tests.servers.environment import ENVIRONMENT
from tests.servers.mailhost import Login, free_ports
from tests.servers.processes import NotStartedError, await_greeting, guarding, running

# Asked for when this is imported: later, the tests have a home of their own.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
UNPACKED = _CACHE / "fluenzr-test-servers"

DOMAIN = "shop.test"
HOST_NAME = "mail.shop.test"
SHOP = Login(address="shop@shop.test", secret="canary-shop-52be07")
NOBODY = "nobody@shop.test"
FOREIGN = "someone@foreign.test"

# Where each server finds its certificate, below its own root.
CERTIFICATE = "/etc/server.pem"
KEY = "/etc/server.key"

_ATTEMPTS = 3
_COMMAND_SECONDS = 15
_LOG = "output.log"
_USERS = "etc/passwd"
_FIRST_USER = 64_301  # of the numbers that Debian gives to nobody by itself (policy §9.2.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a server listens on loopback. Not every one listens on the port without TLS."""

    starttls: int
    implicit_tls: int
    plain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that runs: its ports, who may log in, and the folder that it takes for the root."""

    root: Path
    ports: Ports
    host: str = "localhost"
    login: Login = SHOP

    def log(self) -> str:
        """Return what it has written to its output and to its own logs so far."""
        files = [self.root / _LOG, *(self.root / "var" / "log").rglob("*")]
        return "\n".join(file.read_text("utf-8", "replace") for file in files if file.is_file())


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a server is started. ``configure`` fills its root; the command stays in the foreground."""

    name: str
    greeting: bytes
    users: Sequence[str]
    command: Sequence[str]
    configure: Callable[[Path, Ports], None]


@contextlib.contextmanager
def running_server(recipe: Recipe, authority: Authority) -> Iterator[RunningServer]:
    """Run a server with a certificate of ``authority``; it is gone afterwards.

    Where it is not unpacked, or may not run, the test is skipped with the reason; in CI it fails.
    """
    _require(recipe.name)
    certificate = authority.issue(recipe.name)
    # Not below pytest's folder, which only root may enter: the servers give root up.
    with tempfile.TemporaryDirectory(prefix=f"{recipe.name}-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o711)
        with guarding(place) as guard, _started(recipe, place, certificate, guard) as server:
            yield server


@contextlib.contextmanager
def _started(
    recipe: Recipe, place: Path, certificate: ServerCertificate, guard: IO[bytes]
) -> Iterator[RunningServer]:
    failures = []
    with contextlib.ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            # Between choosing a port and listening on it, somebody else may take it.
            server = _prepared(recipe, place / str(attempt), certificate)
            command = inside(server.root, *recipe.command)
            process = stack.enter_context(running(command, log=server.root / _LOG, guard=guard))
            try:
                await_greeting(process, server.ports.starttls, recipe.greeting)
            except NotStartedError as error:
                stack.close()
                failures.append(f"{error}\n{server.log()}")
            else:
                yield server
                return
    raise RuntimeError(f"{recipe.name} did not start\n" + "\n".join(failures))


def inside(root: Path, *command: str) -> list[str]:
    """Return the command that runs another one with ``root`` as its root folder."""
    return ["chroot", str(root), *command]


def output_of(root: Path, *command: str, told: str = "") -> str:
    """Run a program inside ``root``, tell it something, and return what it answers."""
    asked = subprocess.run(
        inside(root, *command),
        env=ENVIRONMENT,
        input=told,
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
    )
    if asked.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {asked.returncode}: {asked.stderr}")
    return asked.stdout


def owned(folder: Path, owner: str = "root", *, mode: int = 0o700) -> Path:
    """Make a folder that belongs to one of the server's users, known by its name in the server's own list."""
    folder.mkdir(parents=True, exist_ok=True)
    own(folder, owner)
    folder.chmod(mode)
    return folder


def own(file: Path, owner: str) -> None:
    """Give a file to one of the server's users."""
    root = next(folder for folder in file.parents if (folder / _USERS).exists())
    users = [line.split(":") for line in (root / _USERS).read_text("ascii").splitlines()]
    number = next(int(each[2]) for each in users if each[0] == owner)
    os.chown(file, number, number)


def _require(name: str) -> None:
    reason = ""
    if os.geteuid() != 0:
        reason = f"{name} is started by chroot, which takes root"
    elif not (UNPACKED / name / ".recipe").exists():
        reason = f"not unpacked: {name} (scripts/test-servers gets what the tests need)"
    if not reason:
        return
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _prepared(recipe: Recipe, root: Path, certificate: ServerCertificate) -> RunningServer:
    shutil.copytree(UNPACKED / recipe.name, root, symlinks=True, copy_function=_linked)
    root.chmod(0o755)
    _furnish(root, recipe.users)
    shutil.copy(certificate.certificate, root / CERTIFICATE.lstrip("/"))
    shutil.copy(certificate.key, root / KEY.lstrip("/"))
    starttls, implicit_tls, plain = free_ports(3)
    ports = Ports(starttls=starttls, implicit_tls=implicit_tls, plain=plain)
    recipe.configure(root, ports)
    return RunningServer(root=root, ports=ports)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # Another file system.
        shutil.copy2(source, target)
    return target


def _furnish(root: Path, users: Sequence[str]) -> None:
    """Put in what every program expects: users, names, a place for temporary files, nothingness."""
    for folder in ("dev", "etc", "run", "tmp", "var/log", "var/spool"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    if not (root / "var" / "run").exists():
        (root / "var" / "run").symlink_to("../run")
    # Files instead of devices, which not every container may make.
    for name in ("null", "urandom", "random"):
        (root / "dev" / name).touch()
        (root / "dev" / name).chmod(0o666)
    numbers = {"root": 0} | {user: _FIRST_USER + at for at, user in enumerate(users)}
    people = "".join(f"{user}:x:{at}:{at}::/var/empty:/bin/false\n" for user, at in numbers.items())
    groups = "".join(f"{user}:x:{at}:\n" for user, at in numbers.items())
    (root / _USERS).write_text(people, "ascii")
    (root / "etc" / "group").write_text(groups, "ascii")
    (root / "etc" / "hosts").write_text(f"127.0.0.1 localhost {HOST_NAME}\n", "ascii")
    (root / "etc" / "mailname").write_text(f"{HOST_NAME}\n", "ascii")
