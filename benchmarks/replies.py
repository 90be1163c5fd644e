"""How long ``fluenzr replies`` takes in a big folder of a real Dovecot, and how much memory.

    python benchmarks/replies.py [MESSAGES] [NEW]      by default 200,000 messages, 2,000 of the last week

Prints seconds and the peak of memory (MiB) of the first look and of the next one, headers alone (nothing was
sent, so nothing is a candidate) and with every message read (--unmatched), beside ``fluenzr --version``.
Needs root, Postfix and Dovecot, as the tests do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers.certificates import Authority
from tests.servers.mailhost import MailHost, running_mailhost

DAY = 86_400
OLDEST_DAYS = 360


def fill(maildir: Path, *, messages: int, new: int) -> None:
    """Write a folder of messages as a mail server has them, the newest last."""
    owner = maildir.parents[1].stat()
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    for path in (maildir.parent, maildir, *maildir.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    now = time.time()
    for number in range(messages):
        is_new = number >= messages - new
        days = 6.5 * (messages - number) / new if is_new else 10 + OLDEST_DAYS * (1 - number / messages)
        at = now - days * DAY
        file = maildir / "cur" / f"{int(at)}.M{number}P1.bench:2,S"
        file.write_bytes(
            b"From: Person %d <p%d@b.test>\r\nTo: shop@shop.test\r\nSubject: Note %d\r\n"
            b"Message-ID: <n%d@b.test>\r\nDate: %b\r\nX-Mailer: Bench\r\n\r\nHello.\r\n"
            % (
                number,
                number,
                number,
                number,
                time.strftime("%a, %d %b %Y %T +0000", time.gmtime(at)).encode(),
            )
        )
        os.utime(file, (at, at))
        os.chown(file, owner.st_uid, owner.st_gid)


def measured(arguments: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Run the program; return the seconds, and the peak of its memory in MiB."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "fluenzr_smtp", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"fluenzr {' '.join(arguments)} ended with {child.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def account_of(host: MailHost, home: Path) -> dict[str, str]:
    """Add an account; return the environment for the program."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "FLUENZR_HOME": str(home / "fluenzr")}
    environ |= {"FLUENZR_VAULT_KEY": "5e" * 32, "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [
            sys.executable, "-m", "fluenzr_smtp", "account", "add", host.shop.address, "--no-test",
            "--smtp-host", host.host, "--smtp-port", str(host.submission_port), "--encryption", "starttls",
            "--imap-host", host.host, "--imap-port", str(host.imaps_port), "--ca-file", str(host.ca_file),
            "--password-stdin",
        ],
        env=environ, input=host.shop.secret.encode(), check=True, capture_output=True,
    )  # fmt: skip
    return environ


def main() -> None:
    """Fill a folder, look into it, and print what that took."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    new = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    home = Path(tempfile.mkdtemp())
    try:
        with running_mailhost(Authority.create(home)) as host:
            environ = account_of(host, home)
            fill(host.root / "mail" / host.shop.address / ".Big", messages=messages, new=new)
            print(f"{messages} messages, {new} of the last week\n{'':24}  seconds   MiB")
            for name, arguments in (
                ("--version", ["--version"]),
                ("headers, first look", ["replies", "--folder", "Big", "--timeout", "120"]),
                ("headers, next look", ["replies", "--folder", "Big"]),
                ("all read, first look", ["replies", "--folder", "Big", "--unmatched"]),
                ("all read, next look", ["replies", "--folder", "Big", "--unmatched"]),
            ):
                seconds, mib = measured(arguments, environ)
                print(f"{name:24}  {seconds:7.2f}  {mib:5.1f}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
