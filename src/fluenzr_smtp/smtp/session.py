"""One submission session over the standard library's smtplib, stage by stage.

smtplib speaks the protocol; what it leaves open is held here: replies are parsed strictly and within
bounds, nothing goes out before TLS is verified, one mechanism is tried once, and an answer that is lost
after the last byte of the message is named for what it is: in doubt (RFC 1047).
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from fluenzr_smtp.classify import classify
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import (
    Clock,
    Endpoint,
    Outcome,
    RecipientOutcome,
    Secret,
    Submission,
)
from fluenzr_smtp.problems import Facts, Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.session import Session, facts
from fluenzr_smtp.smtp.replies import StrictSMTP, is_intermediate, is_success, server_reply

FINAL_REPLY_SECONDS = 600.0  # RFC 5321 §4.5.3.2.6: impatience after the last byte makes duplicates
_LEAVE_SECONDS = 5.0
_BLOCK_BYTES = 64 * 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINE_END_FAULT = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_DECIMAL = re.compile(r"[0-9]{1,20}")  # RFC 1870 §3
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")

Responses = tuple[Callable[[bytes], bytes], ...]


class SMTPSession(Session):
    """One connection to a submission server. Not reusable after a failure; ``close`` it in any case."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        timeout: float,
        final_timeout: float = FINAL_REPLY_SECONDS,
    ) -> None:
        super().__init__(endpoint, clock=clock, timeout=timeout)
        self._final_timeout = final_timeout
        self._smtp = StrictSMTP(self._wire, told=self.told)

    # -- opening -------------------------------------------------------------------------------------

    def connect(self) -> Facts:
        """Connect to the first address that answers, and name our end after it."""
        known = super().connect()
        # RFC 5321 §4.1.4: the address literal is the name of a client that has no other; the
        # machine's own idea of its name is often malformed, and looking it up may take long.
        local = self._wire.local_address()
        self._smtp.local_hostname = f"[IPv6:{local}]" if ":" in local else f"[{local}]"
        return known

    def _read_greeting(self) -> str:
        reply = self._reply()
        self._expect(reply, 220)
        return reply.text

    def _ask_for_tls(self) -> None:
        self._ehlo(Stage.TLS)
        if "starttls" not in self.capabilities:
            raise self._wire.failure(ProblemCode.TLS_STARTTLS_NOT_OFFERED)
        self._expect(self._command("STARTTLS", stage=Stage.TLS), 220)

    def _forget(self) -> None:
        self._smtp.esmtp_features = {}
        self._smtp.does_esmtp = False

    def read_capabilities(self) -> Facts:
        """Ask for the service extensions (RFC 5321 §4.1.1.1), after TLS if there is any."""
        self._ehlo(Stage.CAPABILITIES)
        names = tuple(sorted(self.veiled(name.upper()) for name in self.capabilities))
        return facts(capabilities=names, mechanisms=tuple(map(self.veiled, self.mechanisms)))

    def _ehlo(self, stage: Stage) -> None:
        self._prepare(stage)
        self._expect(self._veiled_reply(*self._smtp.ehlo()), 250)

    @property
    def capabilities(self) -> Mapping[str, str]:
        """The announced extensions: lower-case keyword to parameters."""
        features: dict[str, str] = self._smtp.esmtp_features
        return MappingProxyType(features)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The announced SASL mechanisms, in upper case."""
        return tuple(dict.fromkeys(self.capabilities.get("auth", "").upper().split()))

    # -- login ---------------------------------------------------------------------------------------

    def _log_in(self, username: str, secret: Secret) -> Facts:
        self._wire.begin(Stage.AUTH)
        self._refuse_control_characters(username, secret.reveal())
        mechanism = self._pick_mechanism(self.mechanisms, _MECHANISMS)
        reply = self._prove(mechanism, username, secret.reveal())
        if reply.code != 235:
            raise self._refusal(reply, Stage.AUTH, username=username)
        return facts(mechanism=mechanism, username=username)

    def _prove(self, mechanism: str, username: str, secret: str) -> ServerReply:
        if mechanism == "PLAIN":  # RFC 4616, with the initial response of RFC 4954 §4
            response = _base64(f"\0{username}\0{secret}".encode())
            reply = self._command(f"AUTH PLAIN {response}", stage=Stage.AUTH)
            return self._command(response, stage=Stage.AUTH) if reply.code == 334 else reply
        reply = self._command(f"AUTH {mechanism}", stage=Stage.AUTH)
        answers = _login_responses if mechanism == "LOGIN" else _cram_md5_responses
        for answer in answers(username, secret):
            if reply.code != 334:
                break
            reply = self._command(_base64(answer(self._challenge(reply))), stage=Stage.AUTH)
        return reply

    def _challenge(self, reply: ServerReply) -> bytes:
        try:
            return base64.b64decode(reply.text)
        except ValueError as error:
            raise self._wire.broken(ProblemCode.REPLY_MALFORMED) from error

    # -- transaction ---------------------------------------------------------------------------------

    def check_sender(self, address: str) -> Facts:
        """Name a sender; nothing is sent."""
        self._wire.begin(Stage.SENDER)
        options = "" if address.isascii() else f" {self._smtputf8()}"
        self._expect_success(self._command(f"MAIL FROM:{self._path(address)}{options}", stage=Stage.SENDER))
        return facts(sender=address)

    def check_recipient(self, address: str) -> Facts:
        """Name a recipient and take the transaction back: nothing is sent."""
        self._wire.begin(Stage.RECIPIENT)
        self._expect_success(self._command(f"RCPT TO:{self._path(address)}", stage=Stage.RECIPIENT))
        self._command("RSET", stage=Stage.RECIPIENT)
        return facts(recipient=address)

    def submit(self, submission: Submission) -> tuple[RecipientOutcome, ...]:
        """Hand the message over; return what became of each recipient, ``in-doubt`` included.

        Raises:
            FluenzrError: before any recipient was named, or when the server closed the channel then:
                ``sender-refused``, ``message-too-big``, ``smtputf8-not-offered`` ….
        """
        self._mail_from(submission)
        outcomes = tuple(self._recipients(submission.envelope.recipients))
        if not any(each.outcome is Outcome.ACCEPTED for each in outcomes):
            return outcomes
        try:
            final = self._data(submission)
        except FluenzrError as error:
            return tuple(_unsettled(each, error.problem) for each in outcomes)
        return tuple(_settled(each, final) for each in outcomes)

    def _mail_from(self, submission: Submission) -> None:
        options = [*self._mail_options(submission)]
        options.insert(0, f"FROM:{self._path(submission.envelope.mail_from)}")
        self._expect_success(self._command("MAIL " + " ".join(options), stage=Stage.SENDER))

    def _mail_options(self, submission: Submission) -> Iterator[str]:
        self._wire.begin(Stage.MESSAGE)
        size = len(submission.content)
        if "size" in self.capabilities:  # RFC 1870
            limit = self.capabilities["size"]
            if _DECIMAL.fullmatch(limit) and 0 < int(limit) < size:
                raise self._wire.failure(ProblemCode.MESSAGE_TOO_BIG, size_bytes=size, limit_bytes=int(limit))
            yield f"SIZE={size}"
        if submission.needs_smtputf8:
            yield self._smtputf8()
        if submission.needs_eight_bit:  # RFC 6152
            if "8bitmime" not in self.capabilities:
                raise self._wire.failure(ProblemCode.EIGHT_BIT_NOT_OFFERED)
            yield "BODY=8BITMIME"

    def _smtputf8(self) -> str:
        """Switch to addresses beyond ASCII (RFC 6531); return the parameter of MAIL that says so."""
        if "smtputf8" not in self.capabilities:
            raise self._wire.failure(ProblemCode.SMTPUTF8_NOT_OFFERED)
        self._smtp.command_encoding = "utf-8"
        return "SMTPUTF8"

    def _path(self, address: str) -> str:
        """Return an address as a path (RFC 5321 §4.1.2); nothing in it may end the command."""
        if _CONTROL.search(address):
            raise self._wire.failure(ProblemCode.ADDRESS_MALFORMED, reason="control-character")
        if not address.isascii() and self._smtp.command_encoding == "ascii":
            raise self._wire.failure(ProblemCode.SMTPUTF8_NOT_OFFERED)
        return f"<{address}>"

    def _recipients(self, recipients: tuple[str, ...]) -> Iterator[RecipientOutcome]:
        for address in recipients:
            reply = self._command(f"RCPT TO:{self._path(address)}", stage=Stage.RECIPIENT)
            if reply.code == 421:  # the server closes the channel: nobody gets the message now
                raise self._refusal(reply, Stage.RECIPIENT, recipient=address)
            yield self._recipient_outcome(address, reply)

    def _recipient_outcome(self, address: str, reply: ServerReply) -> RecipientOutcome:
        if is_success(reply):
            return RecipientOutcome(recipient=address, outcome=Outcome.ACCEPTED, reply=reply)
        problem = self._refusal(reply, Stage.RECIPIENT, recipient=address).problem
        return RecipientOutcome.failed(address, problem)

    def _data(self, submission: Submission) -> ServerReply:
        content = submission.content
        if _LINE_END_FAULT.search(content):  # compose never makes such a message; the wire never carries one
            raise self._wire.failure(ProblemCode.MESSAGE_MALFORMED, reason="line-end")
        self._expect(self._command("DATA", stage=Stage.MESSAGE), 354)
        self._prepare(Stage.MESSAGE)
        self._write_content(content)
        self._prepare(Stage.MESSAGE)  # an answer from before the dot is no answer to the message
        try:
            self._smtp.send(b".\r\n")
            self._wire.begin(Stage.MESSAGE, timeout=self._final_timeout)
            reply = self._reply()
        except FluenzrError as error:
            raise self._in_doubt(submission, error.problem.code.value) from error
        except KeyboardInterrupt as error:  # the message may be out: "interrupted" would hide that
            raise self._in_doubt(submission, ProblemCode.INTERRUPTED.value) from error
        if reply.code != 250 and (is_success(reply) or is_intermediate(reply)):  # neither yes nor no
            raise self._in_doubt(submission, ProblemCode.UNEXPECTED_REPLY.value)
        self._expect_success(reply)
        return reply

    def _in_doubt(self, submission: Submission, cause: str) -> FluenzrError:
        return self._wire.failure(ProblemCode.OUTBOX_IN_DOUBT, message_id=submission.message_id, cause=cause)

    def _write_content(self, content: bytes) -> None:
        stuffed = _LEADING_DOT.sub(b"..", content)  # RFC 5321 §4.5.2
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        for start in range(0, len(stuffed), _BLOCK_BYTES):
            self._wire.begin(Stage.MESSAGE)
            self._smtp.send(stuffed[start : start + _BLOCK_BYTES])

    # -- ending --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take leave if the connection still stands, and close it. Never fails."""
        with contextlib.suppress(FluenzrError):
            self._wire.begin(Stage.MESSAGE, timeout=_LEAVE_SECONDS)
            self._smtp.send("QUIT\r\n")
        self._wire.close()

    # -- dialogue ------------------------------------------------------------------------------------

    def _prepare(self, stage: Stage) -> None:
        """Begin a step; an unasked reply before a command means that the dialogue is out of step."""
        self._wire.begin(stage)
        if not self._wire.has_arrived():
            return
        reply = self._reply()
        if reply.code == 421:  # the one reply that may come unasked (RFC 5321 §3.8)
            raise self._refusal(reply, stage)
        raise self._wire.broken(ProblemCode.UNEXPECTED_DATA)

    def _command(self, line: str, *, stage: Stage) -> ServerReply:
        self._prepare(stage)
        self._smtp.putcmd(line)
        return self._reply()

    def _reply(self) -> ServerReply:
        return self._veiled_reply(*self._smtp.getreply())

    def _veiled_reply(self, code: int, text: bytes) -> ServerReply:
        reply = server_reply(code, text)
        return ServerReply(reply.code, reply.enhanced, self.veiled(reply.text))

    def _expect(self, reply: ServerReply, code: int) -> None:
        if reply.code != code:
            raise self._refusal(reply, self._wire.stage)

    def _expect_success(self, reply: ServerReply) -> None:
        if not is_success(reply):
            raise self._refusal(reply, self._wire.stage)

    def _refusal(self, reply: ServerReply, stage: Stage, **known: str) -> FluenzrError:
        plain = self._wire.failure(classify(stage, reply), **known).problem
        return FluenzrError(Problem(code=plain.code, stage=stage, reply=reply, facts=plain.facts))


def _settled(outcome: RecipientOutcome, final: ServerReply) -> RecipientOutcome:
    if outcome.outcome is not Outcome.ACCEPTED:
        return outcome
    return RecipientOutcome(recipient=outcome.recipient, outcome=Outcome.ACCEPTED, reply=final)


def _unsettled(outcome: RecipientOutcome, problem: Problem) -> RecipientOutcome:
    if outcome.outcome is not Outcome.ACCEPTED:
        return outcome
    return RecipientOutcome.failed(outcome.recipient, problem)


def _login_responses(username: str, secret: str) -> Responses:
    """Answer AUTH LOGIN, which has a custom and no standard: first the name, then the secret."""
    return (lambda _: username.encode(), lambda _: secret.encode())


def _cram_md5_responses(username: str, secret: str) -> Responses:
    """Answer the challenge of CRAM-MD5 (RFC 2195)."""

    def digest(challenge: bytes) -> bytes:
        return f"{username} {hmac.new(secret.encode(), challenge, 'md5').hexdigest()}".encode()

    return (digest,)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
