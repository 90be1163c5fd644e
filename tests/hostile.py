"""Hostile mail servers, each with the problem and the stage by which a diagnosis must name it.

A case is a script for the scripted server, how it is spoken to, and what has to be said of it. Whatever a
server does, a walk along it ends in time, in little memory and with a name for what went wrong.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fluenzr_smtp.model import Protocol, Security
from fluenzr_smtp.problems import ProblemCode, Stage
from tests.servers.certificates import Authority
from tests.servers.scripted import (
    Answer,
    Close,
    Dribble,
    Endless,
    ReadSome,
    Reset,
    Script,
    Send,
    Silence,
    Step,
    mailbox_script,
    submission_script,
)
from tests.sessions import BRIEF, PATIENT, Pause

CODE = ProblemCode
SMTP, IMAP = Protocol.SMTP, Protocol.IMAP
_RUBBISH = bytes(range(256)) * 8
_HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<h1>no</h1>\r\n"
_MEGABYTE = 1 << 20
_MODEST = 1.5  # where a remedy is tried on a server that will be silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A server and what must be said of it.

    ``script`` gets a context with a good certificate; with ``context`` TLS comes first of all. The
    memory that a case costs is measured where it is about memory.
    """

    name: str
    protocol: Protocol
    stage: Stage
    code: ProblemCode
    script: Callable[[ssl.SSLContext], Script]
    security: Security = Security.NONE
    timeout: float = PATIENT
    context: Callable[[Authority], ssl.SSLContext] | None = None
    is_measured: bool = False


def _fixed(*steps: Step) -> Callable[[ssl.SSLContext], Script]:
    return lambda _: steps


def _smtp(**overrides: Answer) -> Callable[[ssl.SSLContext], Script]:
    told = {"." if key == "DOT" else key: answer for key, answer in overrides.items()}
    return lambda _: submission_script(overrides=told)


def _imap(capabilities: str = "IMAP4rev1 SASL-IR AUTH=PLAIN IDLE", /, **overrides: Answer) -> Any:
    return lambda _: mailbox_script(overrides=overrides, capabilities=capabilities.split())


def _greeting() -> Iterator[tuple[str, ProblemCode, tuple[Step, ...], dict[str, Any]]]:
    """What a server may do in place of greeting, whatever the protocol."""
    brief = {"timeout": BRIEF}
    yield "silent", CODE.REPLY_TIMEOUT, (Silence(),), brief
    yield "dribbling", CODE.REPLY_TIMEOUT, (Dribble(b"2" * 10_000, 0.02),), brief
    flood = Endless(b"\xff" * 4096, limit=100 << 20)
    yield "100-mb-line", CODE.REPLY_TOO_LONG, (flood,), {"is_measured": True}
    yield "binary", CODE.REPLY_MALFORMED, (Send(_RUBBISH + b"\r\n"), Silence()), {}
    yield "ansi-escapes", CODE.REPLY_MALFORMED, (Send(b"\x1b[2J\x1b]0;pwned\x07 220 hi\r\n"), Silence()), {}
    yield "no-code", CODE.REPLY_MALFORMED, (Send(b"hello there\r\n"), Silence()), {}
    yield "empty-lines", CODE.REPLY_MALFORMED, (Endless(b"\r\n", limit=_MEGABYTE),), {}
    yield "bare-lf", CODE.REPLY_MALFORMED, (Send(b"x OK\n"), Silence()), {}
    yield "nul-bytes", CODE.REPLY_MALFORMED, (Send(b"\0" * 100 + b"\r\n"), Silence()), {}
    yield "closed", CODE.CONNECTION_LOST, (Close(),), {}
    yield "reset", CODE.CONNECTION_LOST, (Pause(0.1), Reset()), {}
    yield "half-a-line", CODE.CONNECTION_LOST, (Send(b"2"), Close()), {}
    yield "http", CODE.NOT_A_MAIL_SERVER, (Send(_HTTP), Silence()), {}
    yield (
        "http-when-asked",
        CODE.NOT_A_MAIL_SERVER,
        (ReadSome(), Send(_HTTP), Close()),
        {"timeout": 3 * BRIEF},
    )
    yield "ssh", CODE.NOT_A_MAIL_SERVER, (Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Silence()), {}
    yield "pop3", CODE.NOT_A_MAIL_SERVER, (Send(b"+OK POP3 ready\r\n"), Silence()), {}
    yield "ftp", CODE.NOT_A_MAIL_SERVER, (Send(b"220 (vsFTPd 3.0.3)\r\n"), Silence()), {}


def greetings() -> Iterator[Case]:
    """Servers that do not greet as they should."""
    for name, code, steps, how in _greeting():
        for protocol in (SMTP, IMAP):
            yield Case(
                name=f"{protocol}-greeting-{name}",
                protocol=protocol,
                stage=Stage.GREETING,
                code=code,
                script=_fixed(*steps),
                **how,
            )


@dataclass(frozen=True, slots=True)
class _Challenges:
    """Answer each line with the same, for ever."""

    challenge: bytes

    def play(self, connection: Any) -> None:
        while True:
            connection.send(self.challenge)
            connection.read_line()


def _breaking() -> Iterator[tuple[str, ProblemCode, Answer, dict[str, Any]]]:
    """What may come in place of an answer to a command, whatever the protocol."""
    yield "closed", CODE.CONNECTION_LOST, Close(), {}
    yield "reset", CODE.CONNECTION_LOST, Reset(), {}
    yield "silent", CODE.REPLY_TIMEOUT, Silence(), {"timeout": BRIEF}
    yield "rubbish", CODE.REPLY_MALFORMED, (Send(_RUBBISH.replace(b"\n", b"") + b"\r\n"), Silence()), {}
    yield "long-line", CODE.REPLY_TOO_LONG, Endless(b"x" * 4096, limit=100 << 20), {"is_measured": True}


_SMTP_STAGES = {
    "EHLO": Stage.CAPABILITIES,
    "AUTH": Stage.AUTH,
    "MAIL": Stage.SENDER,
    "RCPT": Stage.RECIPIENT,
}
_IMAP_STAGES = {
    "CAPABILITY": Stage.CAPABILITIES,
    "AUTHENTICATE": Stage.AUTH,
    "EXAMINE": Stage.MAILBOX,
    "IDLE": Stage.IDLE,
}


def breaks() -> Iterator[Case]:
    """Servers that break off at each stage, and answer it with what is no answer."""
    for name, code, answer, how in _breaking():
        for command, stage in _SMTP_STAGES.items():
            yield Case(
                name=f"smtp-{stage}-{name}",
                protocol=SMTP,
                stage=stage,
                code=code,
                script=_smtp(**{command: answer}),
                **how,
            )
        for command, stage in _IMAP_STAGES.items():
            yield Case(
                name=f"imap-{stage}-{name}",
                protocol=IMAP,
                stage=stage,
                code=code,
                script=_imap(**{command: answer}),
                **how,
            )


def smtp_dialogues() -> Iterator[Case]:
    """Submission servers that answer in form, but not in sense."""
    told: dict[str, tuple[Stage, ProblemCode, Callable[[ssl.SSLContext], Script]]] = {
        "greeting-refuses": (Stage.GREETING, CODE.SERVER_FAULT, _smtp(GREETING=b"421 4.3.2 Not now")),
        "greeting-mixed-codes": (
            Stage.GREETING, CODE.REPLY_MALFORMED, _smtp(GREETING=Send(b"220-a\r\n550 b\r\n")),
        ),
        "greeting-of-another-code": (
            Stage.GREETING, CODE.UNEXPECTED_REPLY, _smtp(GREETING=b"250 hello"),
        ),
        "greeting-101-lines": (
            Stage.GREETING, CODE.REPLY_TOO_LONG, _smtp(GREETING=Send(b"220-x\r\n" * 101 + b"220 x\r\n")),
        ),
        "greeting-of-imap": (
            Stage.GREETING, CODE.NOT_A_MAIL_SERVER, _smtp(GREETING=b"* OK IMAP4rev1 ready"),
        ),
        "ehlo-10000-lines": (
            Stage.CAPABILITIES,
            CODE.REPLY_TOO_LONG,
            _smtp(EHLO=Send(b"250-X-FEATURE\r\n" * 10_000 + b"250 END\r\n")),
        ),
        "ehlo-auth-list-of-1-mb": (
            Stage.CAPABILITIES,
            CODE.REPLY_TOO_LONG,
            _smtp(EHLO=Send(b"250-hi\r\n250 AUTH " + b"X-MECHANISM " * 90_000 + b"\r\n")),
        ),
        "ehlo-auth-list-of-60-kb": (
            Stage.AUTH,
            CODE.AUTH_MECHANISM_UNSUPPORTED,
            _smtp(EHLO=Send(b"250-hi\r\n250 AUTH " + b"X-MECHANISM " * 5_000 + b"\r\n")),
        ),
        "ehlo-mixed-codes": (
            Stage.CAPABILITIES, CODE.REPLY_MALFORMED, _smtp(EHLO=Send(b"250-hi\r\n550 SIZE\r\n")),
        ),
        "ehlo-refused": (Stage.CAPABILITIES, CODE.COMMAND_REFUSED, _smtp(EHLO=b"502 5.5.1 No")),
        "ehlo-answered-twice": (
            Stage.AUTH, CODE.UNEXPECTED_DATA, _smtp(EHLO=Send(b"250-hi\r\n250 AUTH PLAIN\r\n250 x\r\n")),
        ),
        "ehlo-without-auth": (Stage.AUTH, CODE.AUTH_NOT_OFFERED, _smtp(EHLO=b"250 hi")),
        "ehlo-size-of-nonsense": (
            Stage.AUTH, CODE.AUTH_NOT_OFFERED, _smtp(EHLO=b"250-hi\r\n250 SIZE " + b"9" * 4000),
        ),
        "auth-endless-challenges": (
            Stage.AUTH, CODE.UNEXPECTED_REPLY, _smtp(AUTH=_Challenges(b"334 cGFzc3dvcmQ6\r\n")),
        ),
        "auth-challenge-of-60-kb": (
            Stage.AUTH, CODE.UNEXPECTED_REPLY, _smtp(AUTH=_Challenges(b"334 " + b"QUJD" * 15_000 + b"\r\n")),
        ),
        "auth-markup": (
            Stage.AUTH, CODE.AUTH_REJECTED, _smtp(AUTH=b"535 5.7.8 [red]Authentication failed[/red]\x1b[2J"),
        ),
        "auth-consent-of-another-code": (Stage.AUTH, CODE.UNEXPECTED_REPLY, _smtp(AUTH=b"250 fine")),
        "auth-four-digits": (Stage.AUTH, CODE.REPLY_MALFORMED, _smtp(AUTH=b"2350 fine")),
        "mail-says-goodbye": (
            Stage.SENDER, CODE.SERVER_FAULT, _smtp(MAIL=(Send(b"421 4.3.2 Bye\r\n"), Close())),
        ),
        "rcpt-half-a-reply": (
            Stage.RECIPIENT, CODE.CONNECTION_LOST, _smtp(RCPT=(Send(b"250 2.1"), Close())),
        ),
        "rcpt-endless-lines": (
            Stage.RECIPIENT, CODE.REPLY_TOO_LONG, _smtp(RCPT=Endless(b"250-x\r\n", limit=50 << 20)),
        ),
    }  # fmt: skip
    for name, (stage, code, script) in told.items():
        yield Case(
            name=f"smtp-{name}", protocol=SMTP, stage=stage, code=code, script=script, is_measured=True
        )
    yield Case(
        name="smtp-greeting-dribbled-lines",
        protocol=SMTP,
        stage=Stage.GREETING,
        code=CODE.REPLY_TIMEOUT,
        script=_fixed(Dribble(b"220-x\r\n" * 500, 0.02)),
        timeout=BRIEF,
    )


_CAPABILITY = Stage.CAPABILITIES


def imap_dialogues() -> Iterator[Case]:
    """IMAP servers that answer in form, but not in sense."""
    told: dict[str, tuple[Stage, ProblemCode, Callable[[ssl.SSLContext], Script]]] = {
        "greeting-goodbye": (Stage.GREETING, CODE.SERVER_FAULT, _imap(GREETING=b"* BYE Not now")),
        "greeting-preauth": (Stage.GREETING, CODE.UNEXPECTED_DATA, _imap(GREETING=b"* PREAUTH Welcome")),
        "greeting-literal": (
            Stage.GREETING, CODE.REPLY_TOO_LONG, _imap(GREETING=Send(b"* OK {4294967296}\r\n")),
        ),
        "greeting-of-smtp": (Stage.GREETING, CODE.NOT_A_MAIL_SERVER, _imap(GREETING=b"220 mail ESMTP")),
        "capability-literal": (
            _CAPABILITY, CODE.REPLY_TOO_LONG, _imap(CAPABILITY=Send(b"* CAPABILITY {4294967296}\r\n")),
        ),
        "capability-of-no-imap": (
            _CAPABILITY, CODE.UNEXPECTED_REPLY, _imap(CAPABILITY=b"* CAPABILITY X1\r\n<tag> OK done"),
        ),
        "capability-says-nothing": (_CAPABILITY, CODE.UNEXPECTED_REPLY, _imap(CAPABILITY=b"OK done")),
        "capability-goodbye": (
            _CAPABILITY, CODE.SERVER_FAULT, _imap(CAPABILITY=(Send(b"* BYE shutting down\r\n"), Close())),
        ),
        "capability-wrong-tag": (
            _CAPABILITY, CODE.REPLY_MALFORMED, _imap(CAPABILITY=Send(b"ZZZZ1 OK done\r\n")),
        ),
        "no-login-at-all": (Stage.AUTH, CODE.AUTH_NOT_OFFERED, _imap("IMAP4rev1 LOGINDISABLED")),
        "login-by-token-only": (
            Stage.AUTH, CODE.AUTH_OAUTH_REQUIRED, _imap("IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2"),
        ),
        "auth-goodbye": (
            Stage.AUTH, CODE.SERVER_FAULT, _imap(AUTHENTICATE=(Send(b"* BYE enough\r\n"), Close())),
        ),
        "auth-endless-challenges": (
            Stage.AUTH, CODE.REPLY_TOO_LONG, _imap(AUTHENTICATE=_Challenges(b"+ cGFzc3dvcmQ6\r\n")),
        ),
        "auth-flood": (Stage.AUTH, CODE.REPLY_TOO_LONG, _imap(AUTHENTICATE=Endless(b"* 1 EXISTS\r\n"))),
        "auth-markup": (
            Stage.AUTH,
            CODE.AUTH_REJECTED,
            _imap(AUTHENTICATE=b"NO [AUTHENTICATIONFAILED] [red]No[/red]\x1b[2J"),
        ),
        "mailbox-flood": (Stage.MAILBOX, CODE.REPLY_TOO_LONG, _imap(EXAMINE=Endless(b"* 1 EXISTS\r\n"))),
        "mailbox-literal": (
            Stage.MAILBOX, CODE.REPLY_TOO_LONG, _imap(EXAMINE=Send(b"* OK {4294967296}\r\n")),
        ),
        "mailbox-goodbye": (
            Stage.MAILBOX, CODE.SERVER_FAULT, _imap(EXAMINE=(Send(b"* BYE enough\r\n"), Close())),
        ),
        "mailbox-refused": (Stage.MAILBOX, CODE.MAILBOX_UNREADABLE, _imap(EXAMINE=b"NO gone")),
        "mailbox-negative-number": (
            Stage.MAILBOX, CODE.REPLY_MALFORMED, _imap(EXAMINE=Send(b"* -1 EXISTS (\r\nA1 OK\r\n")),
        ),
        "idle-flood": (Stage.IDLE, CODE.REPLY_TOO_LONG, _imap(IDLE=Endless(b"* 1 EXISTS\r\n"))),
        "idle-ends-before-it-begins": (Stage.IDLE, CODE.UNEXPECTED_REPLY, _imap(IDLE=b"OK done")),
        "idle-goodbye": (
            Stage.IDLE, CODE.SERVER_FAULT, _imap(IDLE=(Send(b"* BYE enough\r\n"), Close())),
        ),
    }  # fmt: skip
    for name, (stage, code, script) in told.items():
        yield Case(
            name=f"imap-{name}", protocol=IMAP, stage=stage, code=code, script=script, is_measured=True
        )
    for name, answer in {
        "never-answered": Silence(),
        "never-ended": (Send(b"+ idling\r\n"), Silence()),
    }.items():
        yield Case(
            name=f"imap-idle-{name}",
            protocol=IMAP,
            stage=Stage.IDLE,
            code=CODE.REPLY_TIMEOUT,
            script=_imap(IDLE=answer),
            timeout=BRIEF,
        )


def encryption() -> Iterator[Case]:
    """Servers that do not encrypt as they should."""
    for protocol in (SMTP, IMAP):
        script = submission_script if protocol is SMTP else mailbox_script
        yes = b"220 go\r\n" if protocol is SMTP else b"<tag> OK go\r\n"
        for name, code, starttls, how in _starttls(yes):
            yield _encrypted(
                protocol, name, code,
                lambda context, made=script, told=starttls: made(
                    overrides={"STARTTLS": told}, tls_context=context
                ),
                **how,
            )  # fmt: skip
        yield _encrypted(
            protocol, "starttls-not-offered", CODE.TLS_STARTTLS_NOT_OFFERED, lambda _, made=script: made()
        )
        yield _encrypted(
            protocol,
            "starttls-on-an-implicit-port",
            CODE.TLS_STARTTLS_ON_IMPLICIT_PORT,
            lambda _, made=script: made(),
            stage=Stage.GREETING,
            timeout=3 * BRIEF,
            context=lambda authority: authority.valid().context(),
        )
        for name, code, steps, how in _implicit(protocol):
            yield _encrypted(protocol, name, code, _fixed(*steps), security=Security.IMPLICIT_TLS, **how)
        for name, code, context in _certificates():
            yield _encrypted(
                protocol,
                name,
                code,
                lambda _, made=script: made(),
                security=Security.IMPLICIT_TLS,
                context=context,
            )


def _encrypted(
    protocol: Protocol,
    name: str,
    code: ProblemCode,
    script: Callable[[ssl.SSLContext], Script],
    *,
    security: Security = Security.STARTTLS,
    stage: Stage = Stage.TLS,
    timeout: float = _MODEST,
    **how: Any,
) -> Case:
    return Case(
        name=f"{protocol}-{name}",
        protocol=protocol,
        stage=stage,
        code=code,
        script=script,
        security=security,
        timeout=timeout,
        **how,
    )


def _starttls(yes: bytes) -> Iterator[tuple[str, ProblemCode, Answer, dict[str, Any]]]:
    """What may follow on STARTTLS; ``Consents`` sends the consent with the tag of the command."""
    brief = {"timeout": BRIEF}
    yield "starttls-rubbish", CODE.TLS_HANDSHAKE_FAILED, _Consents(yes, ReadSome(), Send(_RUBBISH)), {}
    yield (
        "starttls-plain-text",
        CODE.TLS_HANDSHAKE_FAILED,
        _Consents(yes, ReadSome(), Send(b"250 hi\r\n")),
        {},
    )
    yield "starttls-early-data", CODE.UNEXPECTED_DATA, _Consents(yes + b"250 injected\r\n", Silence()), {}
    yield "starttls-cut", CODE.TLS_HANDSHAKE_CUT, _Consents(yes, ReadSome(), Close()), {}
    yield "starttls-reset", CODE.TLS_HANDSHAKE_CUT, _Consents(yes, ReadSome(), Reset()), {}
    yield (
        "starttls-cut-in-the-hello",
        CODE.TLS_HANDSHAKE_CUT,
        (_Consents(yes, ReadSome(), Send(b"\x16\x03\x03\x00\x7a\x02"), Close())),
        {},
    )
    yield "starttls-silent", CODE.REPLY_TIMEOUT, _Consents(yes, Silence()), brief
    yield (
        "starttls-dribbled-record",
        CODE.REPLY_TIMEOUT,
        (_Consents(yes, ReadSome(), Dribble(b"\x16\x03\x03\x3f\xff" + b"\x02" * 9000, 0.02))),
        brief,
    )
    yield (
        "starttls-endless-alerts",
        CODE.TLS_HANDSHAKE_FAILED,
        (_Consents(yes, ReadSome(), Endless(b"\x15\x03\x03\x00\x02\x01\x5a", limit=50 << 20))),
        {"is_measured": True},
    )
    yield "starttls-closed", CODE.CONNECTION_LOST, Close(), {}


@dataclass(frozen=True, slots=True, init=False)
class _Consents:
    """Say yes to STARTTLS, and go on."""

    yes: bytes
    steps: tuple[Step, ...]

    def __init__(self, yes: bytes, *steps: Step) -> None:
        object.__setattr__(self, "yes", yes)
        object.__setattr__(self, "steps", steps)

    def play(self, connection: Any) -> None:
        tag = connection.commands[-1].split(b" ", 1)[0]
        connection.send(self.yes.replace(b"<tag>", tag))
        for step in self.steps:
            step.play(connection)


def _implicit(protocol: Protocol) -> Iterator[tuple[str, ProblemCode, tuple[Step, ...], dict[str, Any]]]:
    hello = b"220 mail ESMTP\r\n" if protocol is SMTP else b"* OK IMAP4rev1 ready\r\n"
    wrong = CODE.TLS_IMPLICIT_ON_STARTTLS_PORT
    yield "implicit-on-a-starttls-port", wrong, (Send(hello), Silence()), {}
    yield "implicit-on-a-slow-starttls-port", wrong, (Pause(BRIEF), Send(hello), Silence()), {}
    yield (
        "implicit-on-a-dribbling-starttls-port",
        wrong,
        (Dribble(hello * 9, 0.02), Silence()),
        {"timeout": BRIEF},
    )
    yield "implicit-http", CODE.NOT_A_MAIL_SERVER, (ReadSome(), Send(_HTTP), Silence()), {}
    yield "implicit-ssh", CODE.NOT_A_MAIL_SERVER, (Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Silence()), {}
    yield "implicit-pop3", CODE.NOT_A_MAIL_SERVER, (Send(b"+OK ready\r\n"), Silence()), {}
    yield "implicit-ftp", CODE.NOT_A_MAIL_SERVER, (Send(b"220 ProFTPD Server ready\r\n"), Silence()), {}
    yield "implicit-binary", CODE.TLS_HANDSHAKE_FAILED, (Send(b"J\0\0\0\n5.7.44\0\n"), Silence()), {}
    yield "implicit-silent", CODE.REPLY_TIMEOUT, (Silence(),), {"timeout": BRIEF}
    yield "implicit-cut", CODE.TLS_HANDSHAKE_CUT, (ReadSome(), Close()), {}
    yield "implicit-reset", CODE.TLS_HANDSHAKE_CUT, (ReadSome(), Reset()), {}
    yield "implicit-flood", wrong, (Endless(hello, limit=50 << 20),), {"is_measured": True}


def _certificates() -> Iterator[tuple[str, ProblemCode, Callable[[Authority], ssl.SSLContext]]]:
    yield "certificate-expired", CODE.TLS_CERTIFICATE_EXPIRED, lambda it: it.expired().context()
    yield (
        "certificate-of-the-future",
        CODE.TLS_CERTIFICATE_NOT_YET_VALID,
        lambda it: it.not_yet_valid().context(),
    )
    yield "certificate-of-another-host", CODE.TLS_CERTIFICATE_WRONG_HOST, lambda it: it.other_host().context()
    yield (
        "certificate-without-names",
        CODE.TLS_CERTIFICATE_WRONG_HOST,
        lambda it: it.common_name_only().context(),
    )
    yield "certificate-chain-of-500", CODE.TLS_HANDSHAKE_FAILED, _long_chain
    yield "tls-1.1-only", CODE.TLS_PROTOCOL_TOO_OLD, lambda it: it.valid().outdated_context()


def _long_chain(authority: Authority) -> ssl.SSLContext:
    """Return the context of a server that sends 500 certificates, which is more than OpenSSL takes."""
    made = authority.issue("long-chain")
    pem = made.certificate.read_text("ascii")
    made.certificate.write_text(pem + authority.ca_file.read_text("ascii") * 499, "ascii")
    return made.context()


def cases() -> tuple[Case, ...]:
    """All of them."""
    return (*greetings(), *breaks(), *smtp_dialogues(), *imap_dialogues(), *encryption())
