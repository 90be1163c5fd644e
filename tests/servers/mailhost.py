"""A whole mail host on loopback: Postfix to submit to, Dovecot to read from, three accounts.

Nothing of the system is touched: folders, ports and processes are its own and are gone when it ends. Postfix
starts as root only. Should the test process be killed, a guard ends the servers and removes the folder.
"""

from __future__ import annotations

import contextlib
import email.parser
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.servers.certificates import Authority, ServerCertificate
from tests.servers.dovecot import SUPPORTED_VERSION, Dovecot, dovecot_version
from tests.servers.postfix import Postfix
from tests.servers.processes import NotStartedError, await_greeting, guarding, running

BINARIES = ("postconf", "dovecot")
DEFAULT_SIZE_LIMIT = 10_240_000

_ATTEMPTS = 3
# Below the range from which Linux takes the ports of clients, which come and go while the servers start.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An address of the host and the secret that opens it."""

    address: str
    secret: str


SHOP = Login(address="shop@shop.test", secret="canary-shop-7d1f40")
SECOND = Login(address="second@shop.test", secret="canary-second-0b9a66")
INTERNATIONAL = Login(address="international@shop.test", secret="canary-çödé-€-猫-41c8")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHost:
    """The running host: where it listens, who may log in, what has arrived."""

    host: str
    submission_port: int
    smtps_port: int
    imap_port: int
    imaps_port: int
    ca_file: Path
    message_size_limit: int
    root: Path
    shop: Login = SHOP
    second: Login = SECOND
    international: Login = INTERNATIONAL

    @property
    def accounts(self) -> tuple[Login, ...]:
        """Everyone who may log in."""
        return (self.shop, self.second, self.international)

    def maildir(self, address: str, *, folder: str = "") -> tuple[bytes, ...]:
        """Return the messages of an address, oldest first, read or not; the inbox unless told otherwise."""
        mailbox = self.root / "mail" / address / (f".{folder}" if folder else "")
        files = (file for part in ("new", "cur") for file in (mailbox / part).glob("*"))
        return tuple(file.read_bytes() for file in sorted(files, key=lambda file: file.name))

    def wait_for_message(self, address: str, message_id: str, *, seconds: float = 10.0) -> bytes:
        """Return the message with this Message-ID (with its angle brackets) once it lies in the inbox."""
        give_up = time.monotonic() + seconds
        while True:
            for message in self.maildir(address):
                if _message_id(message) == message_id:
                    return message
            if time.monotonic() > give_up:
                raise AssertionError(f"{message_id} did not reach {address}\n{self.log()}")
            time.sleep(0.02)

    def log(self) -> str:
        """Return what both servers have logged so far."""
        return _log(self.root)


@contextlib.contextmanager
def running_mailhost(
    authority: Authority, *, message_size_limit: int = DEFAULT_SIZE_LIMIT, introspection: str = ""
) -> Iterator[MailHost]:
    """Start a host with a certificate of ``authority``; it is gone afterwards, its mail too.

    With the address of an ``introspection`` it takes access tokens as well.
    """
    certificate = authority.issue("mailhost")
    # Not below pytest's folder, which only root may enter: the servers give root up.
    with tempfile.TemporaryDirectory(prefix="mailhost-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o711)
        with (
            guarding(root) as guard,
            _started(root, guard, certificate, message_size_limit, introspection) as servers,
        ):
            postfix, dovecot = servers
            yield MailHost(
                host="localhost",
                submission_port=postfix.submission_port,
                smtps_port=postfix.smtps_port,
                imap_port=dovecot.imap_port,
                imaps_port=dovecot.imaps_port,
                ca_file=authority.ca_file,
                message_size_limit=message_size_limit,
                root=postfix.root,
            )


def missing_condition() -> str:
    """Say why the host cannot run here although its programs are installed; empty if it can."""
    if os.geteuid() != 0:
        return "Postfix starts as root only"
    version = dovecot_version()
    if not version.startswith(SUPPORTED_VERSION):
        return f"the configuration is for Dovecot {SUPPORTED_VERSION}x, installed is {version}"
    return ""


@contextlib.contextmanager
def _started(
    root: Path, guard: IO[bytes], certificate: ServerCertificate, size_limit: int, introspection: str
) -> Iterator[tuple[Postfix, Dovecot]]:
    failures = []
    with contextlib.ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            # Between choosing a port and listening on it, somebody else may take it.
            place = root / str(attempt)
            place.mkdir(mode=0o711)
            servers = _configure(place, certificate, size_limit, introspection)
            try:
                _start(stack, guard, *servers)
            except NotStartedError as exc:
                stack.close()
                failures.append(f"{exc}\n{_log(place)}")
            else:
                yield servers
                return
    raise RuntimeError("the mail host did not start\n" + "\n".join(failures))


def _start(stack: contextlib.ExitStack, guard: IO[bytes], postfix: Postfix, dovecot: Dovecot) -> None:
    # Dovecot's socket lies in a folder of Postfix: the order counts.
    commands, log = (postfix.command(), dovecot.command()), postfix.root / "output.log"
    processes = [stack.enter_context(running(command, log=log, guard=guard)) for command in commands]
    await_greeting(processes[0], postfix.submission_port, b"220 ")
    await_greeting(processes[1], dovecot.imap_port, b"* OK")


def _configure(
    place: Path, certificate: ServerCertificate, size_limit: int, introspection: str
) -> tuple[Postfix, Dovecot]:
    logins = (SHOP, SECOND, INTERNATIONAL)
    submission, smtps, imap, imaps = free_ports(4)
    for name in ("mail", "home"):
        (place / name).mkdir(mode=0o700)
        shutil.chown(place / name, user="mail", group="mail")
    postfix = Postfix(
        root=place,
        submission_port=submission,
        smtps_port=smtps,
        certificate=certificate,
        mail=place / "mail",
        addresses=[login.address for login in logins],
        message_size_limit=size_limit,
    )
    dovecot = Dovecot(
        root=place,
        imap_port=imap,
        imaps_port=imaps,
        certificate=certificate,
        auth_socket=postfix.auth_socket,
        secrets={login.address: login.secret for login in logins},
        introspection=introspection,
    )
    return postfix, dovecot


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports of 127.0.0.1 on which nobody listens at this moment."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in random.sample(_PORTS, k=200):
            listener = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return tuple(found)
    raise RuntimeError("no free ports on loopback")


def _log(place: Path) -> str:
    files = (place / name for name in ("output.log", "postfix.log", "dovecot.log"))
    return "\n".join(file.read_text("utf-8", "replace") for file in files if file.exists())


def _message_id(message: bytes) -> str | None:
    header = email.parser.BytesHeaderParser().parsebytes(message)
    return str(header["Message-ID"]).strip() if "Message-ID" in header else None
