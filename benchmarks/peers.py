"""The programs that are measured beside fluenzr: each does the same with the same server, as well as it can.

Every one of them verifies the server's certificate and logs in; they differ in what they are asked for only
where they cannot do it (``Job`` is None then).
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

from benchmarks.processes import Job

CLIENTS = Path(__file__).parent / "clients"
SUBJECT = "Your order 4711 is on its way"
BODY = """\
Good morning,

your order has left our house today. It should reach you within three days.

The shop
"""
PLAIN, BARE = "smtplib", "bare"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be sent, and where to."""

    folder: Path
    port: int
    implicit: bool = False
    user: str
    secret: str
    ca: Path
    to: str
    count: int = 1
    connections: int = 1
    attachment: Path | None = None

    @property
    def security(self) -> str:
        """How the connection is encrypted."""
        return "implicit" if self.implicit else "starttls"

    @property
    def message(self) -> Path:
        """The message in a file, for programs that read it from one."""
        return self.folder / "message.eml"

    @property
    def text(self) -> Path:
        """The text of the message in a file."""
        return self.folder / "text.txt"

    def private(self, name: str, content: str) -> Path:
        """Write a file that holds the secret and return its path."""
        path = self.folder / f"{name}-{self.port}-{self.count}-{self.connections}"
        path.touch(mode=0o600)
        path.write_text(content, "utf-8")
        return path


def prepare(task: Task) -> None:
    """Write the files that the programs read."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = task.user, task.to, SUBJECT
    message["Message-ID"], message["Date"] = "<4711@shop.test>", "Thu, 01 Jan 2026 00:00:00 +0000"
    message.set_content(BODY)
    task.message.write_bytes(message.as_bytes())
    task.text.write_text(BODY, "utf-8")


def environ(task: Task, **more: str) -> dict[str, str]:
    """Return the environment of every program: nothing of the user's."""
    own = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(task.folder), "LC_ALL": "C.UTF-8"}
    return own | more


def script(command: list[str], task: Task, **more: str) -> Job:
    """Return the job of one of our own scripts."""
    told = {
        "PORT": str(task.port),
        "SECURITY": task.security,
        "USER": task.user,
        "SECRET": task.secret,
        "CA": str(task.ca),
        "TO": task.to,
        "SUBJECT": SUBJECT,
        "BODY": BODY,
        "COUNT": str(task.count),
        "CONNECTIONS": str(task.connections),
        "ATTACHMENT": str(task.attachment or ""),
    }
    return Job(
        command=command,
        environ=environ(task, **{f"BENCH_{name}": value for name, value in told.items()}, **more),
    )


def python() -> str:
    """Return the Python of the plain scripts: fluenzr's own, so that what it starts with is the same.

    A Python that other programs have put start-up files into takes several times as long to start.
    """
    return os.environ.get("BENCH_PYTHON", sys.executable)


def smtplib(task: Task) -> Job | None:
    """Return the job of a plain script."""
    if task.connections > 1:
        return None
    return script([python(), str(CLIENTS / "plain_smtplib.py")], task)


def bare(task: Task) -> Job | None:
    """Return the job of the floor."""
    if task.connections > 1:
        return None
    return script([python(), str(CLIENTS / "bare.py")], task)


def nodemailer(task: Task) -> Job | None:
    """Return the job of nodemailer."""
    modules = Path(os.environ["BENCH_NODE_MODULES"])
    if not (modules / "nodemailer").is_dir():
        raise FileNotFoundError("nodemailer")
    return script([program("node"), str(CLIENTS / "nodemailer.js")], task, NODE_PATH=str(modules))


def msmtp(task: Task) -> Job | None:
    """Return the job of msmtp: it sends what is composed already, one message at a time."""
    if task.count > 1 or task.attachment:
        return None
    settings = {
        "account": "default",
        "host": "localhost",
        "port": task.port,
        "tls": "on",
        "tls_starttls": "off" if task.implicit else "on",
        "tls_trust_file": task.ca,
        "auth": "on",
        "user": task.user,
        "password": task.secret,
        "from": task.user,
    }
    lines = "".join(f"{name} {value}\n" for name, value in settings.items())
    command = [program("msmtp"), "-C", str(task.private("msmtprc", lines)), task.to]
    return Job(command=command, environ=environ(task), stdin=task.message)


def swaks(task: Task) -> Job | None:
    """Return the job of swaks."""
    if task.count > 1:
        return None
    command = [program("swaks"), "--silent", "2", "--server", "localhost", "--port", str(task.port)]
    command += [
        "--tls-on-connect" if task.implicit else "--tls",
        "--tls-verify",
        "--tls-ca-path",
        str(task.ca),
    ]
    command += ["--auth", "PLAIN", "--auth-user", task.user, "--auth-password", task.secret]
    command += ["--from", task.user, "--to", task.to]
    if task.attachment:
        command += ["--body", f"@{task.text}", "--attach-type", "application/octet-stream"]
        command += ["--attach", f"@{task.attachment}"]
    else:
        command += ["--data", f"@{task.message}"]
    return Job(command=command, environ=environ(task))


def curl(task: Task) -> Job | None:
    """Return the job of curl; of several messages each has its own part of the settings file."""
    scheme = "smtps" if task.implicit else "smtp"
    lines = [
        f'url = "{scheme}://localhost:{task.port}"',
        "ssl-reqd",
        f'cacert = "{task.ca}"',
        f'user = "{task.user}:{task.secret}"',
        f'mail-from = "{task.user}"',
        f'mail-rcpt = "{task.to}"',
    ]
    if task.attachment:
        lines += [
            f'header = "From: {task.user}"',
            f'header = "To: {task.to}"',
            f'header = "Subject: {SUBJECT}"',
        ]
        lines += [
            f'form = "=<{task.text};type=text/plain"',
            f'form = "file=@{task.attachment};encoder=base64"',
        ]
    else:
        lines += [f'upload-file = "{task.message}"']
    part = "\n".join(lines) + "\n"
    several = f"parallel\nparallel-max = {task.connections}\n" if task.connections > 1 else ""
    settings = task.private("curlrc", "silent\nshow-error\n" + several + "next\n".join([part] * task.count))
    return Job(command=[program("curl"), "-q", "-K", str(settings)], environ=environ(task))


def s_nail(task: Task) -> Job | None:
    """Return the job of s-nail."""
    if task.count > 1:
        return None
    scheme = "smtps" if task.implicit else "smtp"
    server = f"{scheme}://{quote(task.user, safe='')}:{quote(task.secret, safe='')}@localhost:{task.port}"
    settings = {
        "v15-compat": "yes",
        "mta": server,
        "smtp-auth": "plain",
        "tls-verify": "strict",
        "tls-ca-file": str(task.ca),
        "from": task.user,
    }
    command = [program("s-nail"), "-n", "-S", "sendwait"]
    if not task.implicit:
        command += ["-S", "smtp-use-starttls"]
    for name, value in settings.items():
        command += ["-S", f"{name}={value}"]
    if task.attachment:
        command += ["-a", str(task.attachment)]
    return Job(command=[*command, "-s", SUBJECT, task.to], environ=environ(task), stdin=task.text)


def git(task: Task) -> Job | None:
    """Return the job of git send-email."""
    if task.count > 1 or task.attachment:
        return None
    settings = {
        "smtpServer": "localhost",
        "smtpServerPort": task.port,
        "smtpEncryption": "ssl" if task.implicit else "tls",
        "smtpUser": task.user,
        "smtpPass": task.secret,
        "smtpSSLCertPath": task.ca,
        "smtpAuth": "PLAIN",
    }
    command = [program("git")]
    for name, value in settings.items():
        command += ["-c", f"sendemail.{name}={value}"]
    command += ["send-email", "--quiet", "--confirm=never", "--suppress-cc=all"]
    return Job(
        command=[*command, "--from", task.user, "--to", task.to, str(task.message)], environ=environ(task)
    )


def program(name: str) -> str:
    """Return the full path of a program; ``FileNotFoundError`` where it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(name)
    return found


PEERS: dict[str, Callable[[Task], Job | None]] = {
    PLAIN: smtplib,
    "msmtp": msmtp,
    "swaks": swaks,
    "curl": curl,
    "s-nail": s_nail,
    "git": git,
    "nodemailer": nodemailer,
    BARE: bare,
}


def at(task: Task, **changes: object) -> Task:
    """Return the task with other values."""
    return replace(task, **changes)
