"""How a message is written: in one flight, as a group of commands, or command by command (RFC 2920, 3030)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Skill, Skills, Submission
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.smtp.lines import ContentError, bounded, checked, measured, stuffed, with_last
from fluenzr_smtp.smtp.opening import SMTPOpening
from fluenzr_smtp.smtp.transaction import Due, Transaction
from fluenzr_smtp.smtp.trust import PromiseBrokenError, is_not_understood, is_trusted, usable

_SMALL_BYTES = 256 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNASKED = ProblemCode.UNEXPECTED_DATA


class SMTPModes(SMTPOpening):
    """The part of a session that writes messages, as densely as the server is known to take them."""

    def __init__(self, endpoint: Endpoint, *, skills: Skills, **how: Any) -> None:  # noqa: ANN401 - as Session
        super().__init__(endpoint, **how)
        self.skills = skills
        self._flights: deque[Transaction] = deque()
        self.learnt = Skills()

    # -- what is known of the server -----------------------------------------------------------------

    @property
    def _used(self) -> frozenset[Skill]:
        known = Skills(broken=self.skills.broken | self.learnt.broken)
        return usable(self.capabilities, known)

    @property
    def _is_trusted(self) -> bool:
        known = Skills(proven=self.skills.proven | self.learnt.proven)
        return is_trusted(self.greeting_text, known, self._used)

    @property
    def _takes_chunks(self) -> bool:
        """Say whether this connection has taken a chunk: another may lead to another server."""
        return Skill.CHUNKING in self.learnt.proven

    def _learn(self, skill: Skill, is_proven: bool) -> None:  # noqa: FBT001
        if is_proven and skill not in self.learnt.proven:
            self.learnt = replace(self.learnt, proven=self.learnt.proven | {skill})

    def _require_promise(self, flight: Transaction, problem: Problem) -> None:
        """Blame the extension for a failure, where it was not seen to work and nothing can be accepted."""
        is_proven = Skill.PIPELINING in self.skills.proven | self.learnt.proven
        if flight.is_grouped and not is_proven and not any(each.is_out for each in self._flights):
            raise PromiseBrokenError(problem, skill=Skill.PIPELINING, unsent=self._unsent())

    def _require_chunks(self, flight: Transaction, reply: ServerReply, problem: Problem) -> None:
        """Blame CHUNKING for a refused BDAT; before it has worked once, nothing else is on its way."""
        if flight.skill is Skill.CHUNKING and is_not_understood(reply) and not self._takes_chunks:
            raise PromiseBrokenError(problem, skill=Skill.CHUNKING, unsent=self._unsent())

    def _unsent(self) -> tuple[Submission, ...]:
        unsent = tuple(each.submission for each in self._flights)
        self._flights.clear()
        return unsent

    # -- the envelope --------------------------------------------------------------------------------

    def _envelope(self, flight: Transaction) -> list[str]:
        """Return the commands of the envelope; whatever cannot be said to this server is refused here."""
        self._wire.begin(Stage.MESSAGE)
        envelope = flight.submission.envelope
        options = list(self._mail_options(flight.submission))
        commands = [" ".join((f"MAIL FROM:{self._path(envelope.mail_from)}", *options))]
        return commands + [f"RCPT TO:{self._path(each)}" for each in envelope.recipients]

    def _mail_options(self, submission: Submission) -> Iterator[str]:
        size = submission.content.size_bytes
        if "size" in self.capabilities:  # RFC 1870
            limit = self.limit_bytes
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

    # -- the content ---------------------------------------------------------------------------------

    def _small_content(self, submission: Submission) -> bytes | None:
        """Return the content of a small message, so that a fault in it is found before anything is said."""
        if submission.content.size_bytes > _SMALL_BYTES:
            return None
        try:
            return b"".join(checked(measured(submission.content)))
        except ContentError as error:
            raise self._wire.failure(ProblemCode.MESSAGE_MALFORMED, reason=error.reason) from error

    def _say(self, commands: list[str], *, content: bytes = b"") -> None:
        lines = "".join(f"{each}\r\n" for each in commands).encode(self._smtp.command_encoding)
        self._wire.write(lines, content=content)

    def _say_whole(self, flight: Transaction, commands: list[str], due: list[Due], content: bytes) -> None:
        """Write envelope and content at once: one round trip for all of it."""
        flight.skill = Skill.CHUNKING
        flight.due = [*due, Due.END]
        self._leave(flight, [*commands, f"BDAT {len(content)} LAST"], content)

    def _leave(self, flight: Transaction, commands: list[str], content: bytes) -> None:
        """Write what the server needs to have the whole message; if that fails, it does not have it."""
        if flight.about_to_end is not None:
            flight.about_to_end()
        flight.is_out = True
        try:
            self._say(commands, content=content)
        except FluenzrError:
            flight.is_out = False
            raise

    def _sound(self, flight: Transaction) -> Iterator[bytes]:
        """Yield the content as long as its line ends are sound: the wire never carries others."""
        if flight.content is not None:
            yield flight.content
            return
        try:
            yield from checked(measured(flight.submission.content))
        except ContentError as error:
            raise self._wire.broken(ProblemCode.MESSAGE_MALFORMED, reason=error.reason) from error

    def _send_content(self, flight: Transaction) -> None:
        """Write the content after its envelope was accepted."""
        self._wire.begin(Stage.MESSAGE)
        flight.due = [Due.END]
        if flight.skill is Skill.CHUNKING:
            self._send_chunk(flight)
            return
        blocks = stuffed(self._sound(flight))
        small = b"".join(blocks) if flight.content is not None else b""
        for block in blocks:
            self._write_block(block)
        self._refuse_early_answer(flight)
        self._wire.begin(Stage.MESSAGE)
        self._leave(flight, [], small + b".\r\n")

    def _send_chunk(self, flight: Transaction) -> None:
        size = flight.submission.content.size_bytes if flight.content is None else len(flight.content)
        commands = [f"BDAT {size} LAST"]
        for block, is_last in with_last(bounded(self._sound(flight))):
            if is_last:
                self._refuse_early_answer(flight)
                self._wire.begin(Stage.MESSAGE)
                self._leave(flight, commands, block)
            else:
                self._wire.begin(Stage.MESSAGE)
                self._say(commands, content=block)
            commands = []

    def _write_block(self, block: bytes) -> None:
        self._wire.begin(Stage.MESSAGE)
        self._wire.write(b"", content=block)

    def _refuse_early_answer(self, flight: Transaction) -> None:
        """An answer from before the end of the message is no answer to the message, but may refuse it."""
        if len(self._flights) > 1:
            return
        if self._wire.has_arrived():
            reply = self._reply()
            if reply.code is None or reply.code // 100 not in (4, 5):
                raise self._wire.broken(_UNASKED)
            problem = self.refusal(reply, Stage.MESSAGE).problem
            self._require_chunks(flight, reply, problem)
            raise FluenzrError(problem)
        if self._wire.has_ended:
            raise self._wire.broken(ProblemCode.CONNECTION_LOST)
