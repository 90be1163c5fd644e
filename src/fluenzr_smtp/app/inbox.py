"""The inbox: what came back, read from where each folder was left, and what is done with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fluenzr_smtp.app import STEP_SECONDS

if TYPE_CHECKING:
    from fluenzr_smtp.imap import ReadingSession
    from fluenzr_smtp.model import Clock, StoredAccount
    from fluenzr_smtp.model.replies import Failed, InboundReply
    from fluenzr_smtp.outbox import Bounced, Cursor, Handing, Handover, Outbox, ReplyRecord
    from fluenzr_smtp.replies import Question, Reading

PROGRAM_SECONDS = 60.0
_WRITTEN_WITHIN = timedelta(days=366)
MOST_TRIES = 20  # of a program that fails with a reply
_MOST_SHOWN_BYTES = 1024 * 1024


@dataclass(kw_only=True)
class Inbox:
    """What commands ask of mailboxes, and of what is remembered of them."""

    open_outbox: Callable[[], Outbox]
    clock: Clock
    environ: Mapping[str, str]

    @property
    def outbox(self) -> Outbox:
        """Where it is remembered what was sent and what was told."""
        return self.open_outbox()

    def require_mailbox(self, stored: StoredAccount) -> StoredAccount:
        """Return an account that has a mailbox that can be opened.

        Raises:
            FluenzrError: ``account-imap-none``.
        """
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        if stored.account.imap is None or stored.secret is None:
            raise failure(ProblemCode.ACCOUNT_IMAP_NONE, Stage.CONFIGURATION, account=stored.account.name)
        return stored

    @contextmanager
    def session(self, stored: StoredAccount, *, timeout: float = STEP_SECONDS) -> Iterator[ReadingSession]:
        """Open an account's mailboxes to be read, and close them in the end.

        Raises:
            FluenzrError: ``account-imap-none``; as an IMAP session.
        """
        session = self.opened(stored, timeout=timeout)
        try:
            yield session
        finally:
            session.close()

    def opened(self, stored: StoredAccount, *, timeout: float = STEP_SECONDS) -> ReadingSession:
        """Return a session that is logged in; ``close`` it.

        Raises:
            FluenzrError: ``account-imap-none``; as an IMAP session.
        """
        from fluenzr_smtp.imap import ReadingSession, opened

        return opened(ReadingSession, stored.account, stored.secret, clock=self.clock, timeout=timeout)

    def folder_named(self, session: ReadingSession, name: str) -> str:
        r"""Return the folder that a person means: Spam and Junk stand for the one flagged ``\Junk``."""
        if name.casefold() == "inbox":
            return "INBOX"  # the one name that has no case (RFC 9051 §5.1)
        if name.casefold() in {"spam", "junk"}:
            return session.special_folder("\\Junk") or name
        return name

    def reading(self, session: ReadingSession, stored: StoredAccount, question: Question) -> Reading:
        """Return a look into a folder, to be asked for its replies."""
        from fluenzr_smtp.replies import Reading

        return Reading(session=session, log=self.outbox, stored=stored, question=question)

    # -- what is remembered --------------------------------------------------------------------------

    def remember(
        self,
        told: Iterable[tuple[InboundReply, str]],
        cursors: Iterable[Cursor],
        *,
        handed: Handing | None = None,
    ) -> frozenset[str]:
        """Write down what was told, as documents, and how far was read; return the ids of what is new.

        Addresses that bounced for good are remembered, and forgotten when somebody writes from there.
        """
        from fluenzr_smtp.model.replies import ReplyKind

        shown = tuple(told)
        return self.outbox.take_in(
            [_record(reply, document) for reply, document in shown],
            cursors=cursors,
            bounced=[each for reply, _ in shown for each in self._bounced(reply)],
            alive=[
                (reply.sender, reply.received)
                for reply, _ in shown
                if reply.verdict.kind in {ReplyKind.HUMAN, ReplyKind.AUTOMATIC} and reply.sender
            ],
            handed=handed,
        )

    def _bounced(self, reply: InboundReply) -> Iterator[Bounced]:
        """Yield the dead addresses that a report names.

        Anybody can send what looks like a report: it counts where it has the Message-ID of a message to this
        address, which nobody knows but who was to deliver that message.
        """
        from fluenzr_smtp.model.replies import MatchedBy
        from fluenzr_smtp.outbox import Bounced

        for each in reply.verdict.failed if reply.answers else ():
            sent = self.outbox.sent_to(each.recipient, within=_WRITTEN_WITHIN) if _is_dead(each) else ()
            is_named = reply.matched_by not in {MatchedBy.RECIPIENT, MatchedBy.GUESS}
            if is_named and any(one.message_id == reply.answers for one in sent):
                yield Bounced(
                    address=each.recipient,
                    at=reply.received,
                    status=each.status,
                    topic=each.topic,
                    reply=reply.id,
                )

    # -- programs ------------------------------------------------------------------------------------

    def handing(self, view: str, *, anew: bool) -> Handing:
        """Return the word that a program is to be called with what is told under this view."""
        from fluenzr_smtp.outbox import Handing

        return Handing(view=view, tries=MOST_TRIES, anew=anew)

    def hand_over(
        self,
        arguments: Sequence[str],
        *,
        view: str,
        places: Collection[tuple[str, str]],
        stdout: int | None = None,
    ) -> Iterator[tuple[str, str]]:
        """Call a program with each reply that waits for it; yield the id and the reason of each failure.

        It gets what is of these places, pairs of account and folder: other programs may wait for the rest.
        ``stdout`` is the descriptor that it prints to, in place of our own.

        What it fails with is handed to it again at the next run; the others do not wait for it. One process
        calls at a time, and also with what another one has found meanwhile.
        """
        tried: set[str] = set()
        with self.outbox.calling() as is_alone:
            while is_alone and (waiting := self._untried(view, places, tried)):
                for each in waiting:
                    if self.clock.leave.is_wanted:  # the rest waits for the next run
                        return
                    tried.add(each.reply.id)
                    reason = self._called(arguments, each.reply.document, stdout)
                    self.outbox.settle_handover(each, tries=each.tries - 1 if reason else 0)
                    if reason:
                        yield each.reply.id, reason

    def _untried(
        self, view: str, places: Collection[tuple[str, str]], tried: Collection[str]
    ) -> list[Handover]:
        return [
            each
            for each in self.outbox.open_handovers(view)
            if each.reply.id not in tried and (each.reply.account, each.reply.folder) in places
        ]

    def _called(self, arguments: Sequence[str], document: str, stdout: int | None) -> str:
        from fluenzr_smtp.secrets_in import handed_on

        try:
            ended = subprocess.run(  # noqa: S603 - the user's own program
                arguments,
                input=f"{document}\n".encode(),
                stdout=stdout,
                env=handed_on(self.environ),
                timeout=PROGRAM_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no end after {PROGRAM_SECONDS:.0f} seconds"
        except OSError as error:
            return error.strerror or type(error).__name__
        return f"exit status {ended.returncode}" if ended.returncode else ""

    # -- one message ---------------------------------------------------------------------------------

    def beginning(self, session: ReadingSession, record: ReplyRecord) -> bytes:
        """Return a reply from its mailbox, at most its first MiB.

        Raises:
            FluenzrError: ``inbound-reply-unknown`` where it is not there any more.
        """
        return b"".join(self._pieces(session, record, most_bytes=_MOST_SHOWN_BYTES))

    def save(self, session: ReadingSession, record: ReplyRecord, folder: Path) -> Path:
        """Write a reply as it is in the mailbox into a file of a folder, whatever its size; return the file.

        Raises:
            FluenzrError: ``inbound-reply-unknown``, ``file-not-written``, ``disk-full``.
        """
        from fluenzr_smtp import durable

        path = folder / f"{record.id}.eml"
        durable.write_blocks(path, self._pieces(session, record))
        return path

    def _pieces(
        self, session: ReadingSession, record: ReplyRecord, *, most_bytes: int | None = None
    ) -> Iterator[bytes]:
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        found = session.examine(record.folder)
        is_there = False
        if (found.uid_validity or 0) == record.uid_validity:
            for piece in session.pieces(record.uid, most_bytes=most_bytes):
                is_there = True
                yield piece
        if not is_there:
            code = ProblemCode.INBOUND_REPLY_UNKNOWN
            raise failure(code, Stage.MAILBOX, reply=record.id, folder=record.folder)


def _record(reply: InboundReply, document: str) -> ReplyRecord:
    from fluenzr_smtp.outbox import ReplyRecord

    return ReplyRecord(
        id=reply.id,
        account=reply.account,
        folder=reply.folder,
        uid_validity=reply.uid_validity,
        uid=reply.uid,
        kind=reply.verdict.kind.value,
        received=reply.received,
        message_id=reply.message_id,
        document=document,
    )


def _is_dead(failed: Failed) -> bool:
    """Say whether the address itself is at fault (RFC 3463 §3.2), not the message, the sender or the time."""
    if not failed.recipient or not failed.is_permanent:
        return False
    if failed.status.startswith("5.1.") or failed.status in {"5.2.1", "5.4.4"}:
        return failed.status not in {"5.1.7", "5.1.8"}  # the sender's address
    return failed.code == "recipient-refused"
