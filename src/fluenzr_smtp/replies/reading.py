"""Read a mailbox from where it was left: new messages, those that answer something, and how far it was read.

Headers first, bodies only of candidates, and of those the beginning. What cannot be read is passed over.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import Arrived, Folder, ReadingSession, is_refusal
from fluenzr_smtp.model import StoredAccount
from fluenzr_smtp.model.replies import InboundReply, ReplyKind
from fluenzr_smtp.outbox import Cursor, Outbox
from fluenzr_smtp.replies import bounces
from fluenzr_smtp.replies.header import FIELDS, Header
from fluenzr_smtp.replies.kinds import verdict_on
from fluenzr_smtp.replies.matching import match
from fluenzr_smtp.replies.own_text import preview
from fluenzr_smtp.replies.parts import header_of, parsed
from fluenzr_smtp.replies.phrases import (
    AUTOMATIC_SUBJECT,
    found,
    plain,
)
from fluenzr_smtp.replies.report_phrases import BOUNCE_SUBJECT, COMPLAINT_SUBJECT
from fluenzr_smtp.replies.seen import Seen
from fluenzr_smtp.replies.wish_phrases import CHALLENGE_SUBJECT, UNSUBSCRIBE_SUBJECT

LOOKED_AT_BYTES = 256 * 1024  # of a body: reports and texts come before what is attached to them
_TELLING = (*AUTOMATIC_SUBJECT, *BOUNCE_SUBJECT, *CHALLENGE_SUBJECT, *COMPLAINT_SUBJECT, *UNSUBSCRIBE_SUBJECT)
_KNOWN_WITHIN = timedelta(days=120)
# What the parsers of the standard library raise on mail that nobody has thought of.
_OF_ODD_MAIL = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is wanted of a folder. Another question about the same folder has a place of its own.

    ``since`` is how far back a first look goes, and each that is made ``again``. What is looked for on behalf
    of a program has a place of its own too: what a person has seen meanwhile is new to it.
    """

    folder: str
    since: datetime
    kinds: frozenset[ReplyKind] = frozenset(ReplyKind)
    with_unmatched: bool = False
    again: bool = False
    for_program: bool = False

    @property
    def view(self) -> str:
        """What the place in the folder is kept under."""
        kinds = "all" if self.kinds == frozenset(ReplyKind) else ",".join(sorted(self.kinds))
        place = f"{'any' if self.with_unmatched else 'matched'}:{kinds}"
        return f"exec:{place}" if self.for_program else place


@dataclass(kw_only=True)
class Reading:
    """One look into a folder. ``cursor`` is known once all replies were handed out."""

    session: ReadingSession
    log: Outbox
    stored: StoredAccount
    question: Question
    cursor: Cursor | None = None
    looked_at: int = 0
    unreadable: list[int] = field(default_factory=list)

    def replies(self) -> Iterator[InboundReply]:
        """Yield the replies, by their UIDs.

        Raises:
            FluenzrError: ``mailbox-unreadable``, ``connection-lost``, ``reply-…``; what the log raises.
        """
        wanted, account = self.question, self.stored.account
        folder = self.session.examine(wanted.folder)
        left = self.log.cursor(account.name, wanted.folder, wanted.view)
        if left is not None and _is_of_another(folder, left):
            left = None
        uids = tuple(uid for uid in self._uids(folder, left) if uid < (folder.uid_next or uid + 1))
        for arrived in self.session.arrived(uids, FIELDS):
            self.looked_at += 1
            if arrived.received < wanted.since and (left is None or arrived.uid <= left.uid):
                continue
            try:
                reply = self._reply(arrived, folder)
            except (FluenzrError, *_OF_ODD_MAIL) as error:
                if isinstance(error, FluenzrError) and not is_refusal(error):
                    raise
                self.unreadable.append(arrived.uid)  # one message is set aside; the rest is read
                continue
            if reply is not None:
                yield reply
        self.cursor = self._cursor(folder, left, uids)

    def _uids(self, folder: Folder, left: Cursor | None) -> tuple[int, ...]:
        since = self.question.since
        if left is None or self.question.again:
            return self.session.uids(since=since.date())
        older: tuple[int, ...] = ()
        if since.date() < left.since.date():
            before = left.since.date() + timedelta(days=1)
            older = tuple(
                uid for uid in self.session.uids(since=since.date(), before=before) if uid <= left.uid
            )
        if _has_nothing_new(folder, left):
            return older
        return (*older, *self.session.uids(first_uid=left.uid + 1))

    def _cursor(self, folder: Folder, left: Cursor | None, uids: Collection[int]) -> Cursor:
        seen = max(uids, default=0)
        if left is None and not uids:
            seen = (folder.uid_next or 1) - 1
        since = self.question.since
        return Cursor(
            account=self.stored.account.name,
            folder=self.question.folder,
            view=self.question.view,
            uid_validity=folder.uid_validity or 0,
            uid=max(seen, left.uid if left else 0),
            modseq=folder.highest_modseq,
            since=min(since, left.since) if left else since,
        )

    # -- one message ---------------------------------------------------------------------------------

    def _reply(self, arrived: Arrived, folder: Folder) -> InboundReply | None:
        header = Header(header_of(arrived.header))
        if not self.question.with_unmatched and not self._is_candidate(header):
            return None
        octets = b"".join(self.session.pieces(arrived.uid, most_bytes=LOOKED_AT_BYTES))
        if not octets:
            return None
        seen = Seen(parsed(octets), octets)
        if not self.question.with_unmatched and self._is_own(seen.header):
            return None
        verdict = verdict_on(seen, received=arrived.received, own=self._own_addresses)
        matched = match(seen.header, verdict, self.log)
        if verdict.kind not in self.question.kinds or (matched is None and not self.question.with_unmatched):
            return None
        sent, by = matched or (None, None)
        account = self.stored.account.name
        return InboundReply(
            id=reply_id(account, folder.name, folder.uid_validity or 0, arrived.uid),
            account=account,
            folder=folder.name,
            uid_validity=folder.uid_validity or 0,
            uid=arrived.uid,
            verdict=verdict,
            message_id=seen.header.message_id,
            sender=seen.header.sender,
            sender_name=seen.header.sender_name,
            subject=seen.header.subject,
            date=seen.header.date,
            received=arrived.received,
            preview=preview(seen.text),
            answers=sent.message_id if sent else "",
            matched_by=by,
            sent_by=sent.account if sent else "",
            sent_id=sent.id if sent else "",
        )

    @property
    def _own_addresses(self) -> frozenset[str]:
        account = self.stored.account
        return frozenset({account.address.lower(), (account.username or account.address).lower()})

    def _is_own(self, header: Header) -> bool:
        """Say whether it is a message of one's own: what was sent from here, or a copy of an answer."""
        if header.message_id and self.log.sent_as((header.message_id,)) is not None:
            return True
        return header.sender in self._own_addresses and not header.has_null_return_path

    def _is_candidate(self, header: Header) -> bool:
        """Say whether a message may answer something: by what it names, looks like, or who wrote it."""
        if self.log.sent_as((*header.in_reply_to, *header.references)) is not None:
            return True
        if _looks_like_a_report(header):
            return True
        return bool(header.sender and self.log.sent_to(header.sender, within=_KNOWN_WITHIN))


def _looks_like_a_report(header: Header) -> bool:
    return (
        header.message.get_content_type() == "multipart/report"
        or header.has_null_return_path
        or header.has("X-Failed-Recipients")
        or header.has("X-HmXmrOriginalRecipient")
        or bounces.is_mail_system(header)
        or bool(found(_TELLING, plain(header.subject)))
    )


def _is_of_another(folder: Folder, left: Cursor) -> bool:
    """Say whether a place is in another folder of this name: UIDs are kept and ascend (RFC 9051 §2.3.1.1).

    A server that once told of UIDs that were none must not keep later ones from being seen for good.
    """
    is_ahead = folder.uid_next is not None and left.uid >= folder.uid_next
    return is_ahead or left.uid_validity != (folder.uid_validity or 0)


def _has_nothing_new(folder: Folder, left: Cursor) -> bool:
    if folder.uid_next is not None:
        return folder.uid_next <= left.uid + 1
    return folder.highest_modseq is not None and folder.highest_modseq == left.modseq


def reply_id(account: str, folder: str, uid_validity: int, uid: int) -> str:
    """Return the identifier of a message in a folder: the same at every look, short enough to be typed."""
    digest = hashlib.sha256("\0".join((account, folder, str(uid_validity), str(uid))).encode()).digest()
    return base64.b32encode(digest[:5]).decode("ascii").lower()


def midnight(moment: datetime) -> datetime:
    """Return the beginning of a day in UTC, for which servers search."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
