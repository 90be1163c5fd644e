"""What came back: how far mailboxes were read, what was found there, and which addresses are dead."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fluenzr_smtp import durable
from fluenzr_smtp.errors import failure
from fluenzr_smtp.outbox.place import Place
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.state import Bounced, Cursor, Handover, ReplyRecord, Sent

_PREFIX = re.compile(r"[a-z2-7]{1,8}")
_MOST_SENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """That a program is called with what was told, at most so often; ``anew``: also where it was before."""

    view: str
    tries: int
    anew: bool


class Arrivals(Place):
    """The part of the outbox that knows what came in. Every method may raise what a transaction raises."""

    def cursor(self, account: str, folder: str, view: str) -> Cursor | None:
        """Return how far a folder was read for a question."""
        if not self.exists:
            return None
        with self._reading() as tables:
            return tables.cursors.get(account, folder, view)

    def take_in(
        self,
        replies: Iterable[ReplyRecord],
        *,
        cursors: Iterable[Cursor] = (),
        bounced: Iterable[Bounced] = (),
        alive: Iterable[tuple[str, datetime]] = (),
        handed: Handing | None = None,
    ) -> frozenset[str]:
        """Write down what was told, and how far was read; on the disk when it returns.

        ``alive`` are addresses that somebody has written from, and when; ``handed`` says that a program is to
        be called with the replies. Only a report that is new says that an address bounced: what was forgotten
        is not known again because somebody looks once more.

        Returns:
            The ids of the replies that were not written down before.
        """
        with self._writing(is_durable=True) as tables:
            told = tuple(replies)
            new = frozenset(each.id for each in told if tables.replies.add(each))
            for address in bounced:
                if address.reply in new:
                    tables.bounced.put(address)
            if handed is not None:
                for each in told:
                    tables.replies.put_handover(each.id, handed.view, handed.tries, anew=handed.anew)
            for author, at in alive:
                tables.bounced.remove(author, before=at)
            for cursor in cursors:
                tables.cursors.put(cursor)
        return new

    def known_replies(self, ids: Collection[str]) -> frozenset[str]:
        """Return which of these were told before."""
        if not ids or not self.exists:
            return frozenset()
        with self._reading() as tables:
            return tables.replies.known(ids)

    def reply(self, id_: str) -> ReplyRecord:
        """Return a reply that was told, by its id or the beginning of it.

        Raises:
            FluenzrError: ``inbound-reply-unknown``.
        """
        wanted = id_.strip().lower()
        found: tuple[ReplyRecord, ...] = ()
        if self.exists and _PREFIX.fullmatch(wanted):
            with self._reading() as tables:
                found = tables.replies.from_prefix(wanted)
        if len(found) != 1:
            several = tuple(each.id for each in found)
            raise failure(ProblemCode.INBOUND_REPLY_UNKNOWN, Stage.USAGE, reply=id_, several=several)
        return found[0]

    def replies_since(self, since: datetime, *, account: str | None = None) -> tuple[ReplyRecord, ...]:
        """Return what was told of what came in since a time, the oldest first."""
        if not self.exists:
            return ()
        with self._reading() as tables:
            return tables.replies.since(since, account=account)

    @contextlib.contextmanager
    def calling(self) -> Iterator[bool]:
        """Have the calling of programs to oneself meanwhile; False: another process has it."""
        descriptor = durable.hold(self._folder / "replies.lock")
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                durable.let_go(descriptor)

    def open_handovers(self, view: str) -> tuple[Handover, ...]:
        """Return what a program is still to be called with, of what was asked for as ``view``."""
        if not self.exists:
            return ()
        with self._reading() as tables:
            return tables.replies.open_handovers(view)

    def settle_handover(self, handover: Handover, *, tries: int) -> None:
        """Write down how often a program may still be called with a reply; 0: it is done with."""
        with self._writing(is_durable=True) as tables:
            tables.replies.put_handover(handover.reply.id, handover.view, tries, anew=True)

    # -- what they answer ----------------------------------------------------------------------------

    def sent_as(self, message_ids: Iterable[str]) -> Sent | None:
        """Return the message that has the first of these Message-IDs that is known."""
        if not self.exists:
            return None
        with self._reading() as tables:
            found = (tables.sent_log.of_message_id(each) for each in message_ids)
            return next((each for each in found if each is not None), None)

    def sent_to(self, address: str, *, within: timedelta) -> tuple[Sent, ...]:
        """Return what went to an address lately, the newest first; of many the newest 50."""
        if not self.exists:
            return ()
        with self._reading() as tables:
            return tables.sent_log.to_address(address, since=self._now() - within, limit=_MOST_SENT)

    # -- addresses -----------------------------------------------------------------------------------

    def bounced(self, addresses: Iterable[str]) -> tuple[Bounced, ...]:
        """Return those of some addresses that bounced for good."""
        if not self.exists:
            return ()
        with self._reading() as tables:
            return tables.bounced.among(addresses)

    def all_bounced(self) -> tuple[Bounced, ...]:
        """Return all addresses that bounced for good, by their names."""
        if not self.exists:
            return ()
        with self._reading() as tables:
            return tables.bounced.all()

    def forget_bounced(self, address: str) -> bool:
        """Forget that an address bounced; say whether it was known."""
        if not self.exists or not address.isprintable():  # bytes of the command line that are no text
            return False
        with self._writing(is_durable=True) as tables:
            return tables.bounced.remove(address)
