"""One submission session over the standard library's smtplib, stage by stage.

smtplib speaks the protocol; what it leaves open is held here: replies are parsed strictly and within
bounds, nothing goes out before TLS is verified, one mechanism is tried once, and an answer that is lost
after the last byte of the message is named for what it is: in doubt (RFC 1047).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Outcome, RecipientOutcome, Secret, Submission
from fluenzr_smtp.problems import Facts, FactValue, Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.session import facts
from fluenzr_smtp.smtp.login import MECHANISMS, plain_response, responses
from fluenzr_smtp.smtp.opening import SMTPOpening
from fluenzr_smtp.smtp.replies import is_intermediate, is_success, reply_line

FINAL_REPLY_SECONDS = 600.0  # RFC 5321 §4.5.3.2.6: impatience after the last byte makes duplicates
_BLOCK_BYTES = 64 * 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINE_END_FAULT = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class SMTPSession(SMTPOpening):
    """One connection to a submission server. Not reusable after a failure; ``close`` it in any case."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        final_timeout: float = FINAL_REPLY_SECONDS,
        **how: Any,  # noqa: ANN401 - as Session has them
    ) -> None:
        super().__init__(endpoint, **how)
        self._final_timeout = final_timeout

    # -- login ---------------------------------------------------------------------------------------

    def _log_in(self, username: str, secret: Secret) -> Facts:
        self._wire.begin(Stage.AUTH)
        self._refuse_control_characters(username, secret.reveal())
        mechanism = self._pick_mechanism(self.mechanisms, MECHANISMS)
        known: dict[str, FactValue] = {
            "mechanism": mechanism,
            "mechanisms": tuple(map(self.veiled, self.mechanisms)),
            "username": username,
        }
        reply = self._prove(mechanism, username, secret.reveal())
        if reply.code != 235:
            raise self.refusal(reply, Stage.AUTH, **known)
        return facts(answer=reply_line(reply), **known)

    def _prove(self, mechanism: str, username: str, secret: str) -> ServerReply:
        if mechanism == "PLAIN":  # with the initial response of RFC 4954 §4
            response = plain_response(username, secret)
            reply = self._command(f"AUTH PLAIN {response}", stage=Stage.AUTH)
            return self._command(response, stage=Stage.AUTH) if reply.code == 334 else reply
        reply = self._command(f"AUTH {mechanism}", stage=Stage.AUTH)
        for answer in responses(mechanism, username, secret):
            if reply.code != 334:
                break
            reply = self._command(answer(self._challenge(reply)), stage=Stage.AUTH)
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
            limit = self._limit_bytes()
            if limit is not None and limit < size:
                raise self._wire.failure(ProblemCode.MESSAGE_TOO_BIG, size_bytes=size, limit_bytes=limit)
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
                raise self.refusal(reply, Stage.RECIPIENT, recipient=address)
            yield self._recipient_outcome(address, reply)

    def _recipient_outcome(self, address: str, reply: ServerReply) -> RecipientOutcome:
        if is_success(reply):
            return RecipientOutcome(recipient=address, outcome=Outcome.ACCEPTED, reply=reply)
        problem = self.refusal(reply, Stage.RECIPIENT, recipient=address).problem
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
            self._smtp.send(".\r\n")
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


def _settled(outcome: RecipientOutcome, final: ServerReply) -> RecipientOutcome:
    if outcome.outcome is not Outcome.ACCEPTED:
        return outcome
    return RecipientOutcome(recipient=outcome.recipient, outcome=Outcome.ACCEPTED, reply=final)


def _unsettled(outcome: RecipientOutcome, problem: Problem) -> RecipientOutcome:
    if outcome.outcome is not Outcome.ACCEPTED:
        return outcome
    return RecipientOutcome.failed(outcome.recipient, problem)
