"""The way of a message: taken on, claimed, begun, settled."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from fluenzr_smtp import pacing
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Content, Envelope, Limit, Submission
from fluenzr_smtp.outbox import lifecycle
from fluenzr_smtp.outbox.contents import DamagedError
from fluenzr_smtp.outbox.ledger import Claim, Departure, Settlement, new_record, plain_key
from fluenzr_smtp.outbox.place import Place, has_let_go
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.state import Record, Sent, State, Stored, Tables

# Nothing is made to wait longer on purpose: what is due later was written down by a clock that was wrong.
LONGEST_WAIT = pacing.LONGEST_WINDOW


class Taking(Place):
    """The part of the outbox that messages go through.

    Every method may raise ``outbox-busy``, ``outbox-damaged``, ``outbox-newer``, ``disk-full``,
    ``file-not-written`` and ``file-not-created``; nothing has changed then.
    """

    # -- taking on -----------------------------------------------------------------------------------

    def put(
        self,
        submission: Submission,
        *,
        account: str,
        lane: str,
        expires: datetime,
        key: str = "",
        due: datetime | None = None,
        saves_sent: bool = False,
    ) -> tuple[Record, bool]:
        """Take a message on; when this returns it is on the disk with its content, whatever crashes.

        Returns:
            Its record, and whether it is new: a ``key`` that the account has used stands for the message that
            had it, and nothing is written.

        Raises:
            FluenzrError: what the content raises.
        """
        known = self.known(account, key)
        if known is not None:
            return known, False
        now = self._now()
        record = new_record(
            submission,
            account=account,
            lane=lane,
            key=key,
            now=now,
            due=due or now,
            expires=expires,
            is_kept=True,
            saves_sent=saves_sent,
        )
        owner = self._owners.token
        digest = self._contents.write(record, submission.content, owner=owner)
        try:
            known = self._added(Stored(record=record, digest=digest), owner)
        except BaseException:
            self._contents.remove(record.id)
            raise
        finally:
            self._contents.remove_part(record.id, owner=owner)
        return (record, True) if known is None else (known, False)

    def _added(self, stored: Stored, owner: str) -> Record | None:
        """Write down a message and name its content; None, or the one that has its key meanwhile."""
        record = stored.record
        with self._writing(is_durable=True) as tables:
            known = tables.messages.of_key(record.account, record.key) if record.key else None
            if known is not None:
                return known.record
            tables.messages.add(stored)
            self._contents.name(record.id, owner=owner)
        return None

    def begin(self, submission: Submission, *, account: str, lane: str, key: str = "") -> Claim:
        """Take a message on that is sent now or not at all: nothing is written down before it departs.

        Where the account has used the key, the claim is of the message that had it (``is_known``).

        Raises:
            FluenzrError: ``outbox-busy`` where a living process is sending the message that has the key.
        """
        known = self._known_by_now(account, key)
        if known is not None:
            if known.state is State.SENDING:
                path = str(self._database.path)
                raise failure(ProblemCode.OUTBOX_BUSY, Stage.OUTBOX, path=path, key=key)
            return Claim(record=known, submission=submission, is_known=True)
        record = new_record(submission, account=account, lane=lane, key=key, now=self._now())
        self._fresh[record.id] = record
        return Claim(record=record, submission=submission)

    def known(self, account: str, key: str) -> Record | None:
        """Return the message of an account that has this key."""
        if not key or not self.exists:
            return None
        with self._reading() as tables:
            found = tables.messages.of_key(account, plain_key(key))
        return None if found is None else found.record

    def _known_by_now(self, account: str, key: str) -> Record | None:
        """Return what is known of a key when the dead have no say any more."""
        known = self.known(account, key)
        if known is None or known.state is not State.SENDING:
            return known
        with self._writing(is_durable=False) as tables:
            self._recovered(tables)
        return self.known(account, key)

    # -- sending -------------------------------------------------------------------------------------

    def claim(
        self,
        *,
        limit: int,
        account: str | None = None,
        ids: Collection[str] | None = None,
        skip_lanes: Collection[str] = (),
    ) -> tuple[Claim, ...]:
        """Claim kept messages that are due, what has waited longest first; nobody else gets them then.

        Each content is read and compared with what was written. One that is damaged is set aside, its message
        rejected with ``outbox-message-damaged``; the rest goes on. None: there is nothing more.

        Raises:
            FluenzrError: ``file-unreadable``; nothing is claimed then.
        """
        while self.exists and (claimed := self._claimed(limit, account, ids, frozenset(skip_lanes))):
            if claims := self._verified(claimed):
                return claims
        return ()

    def _claimed(
        self, limit: int, account: str | None, ids: Collection[str] | None, skip_lanes: frozenset[str]
    ) -> list[Stored]:
        now, owner = self._now(), self._owners.token
        wanted = None if ids is None else frozenset(ids)
        claimed = []
        with self._writing(is_durable=False) as tables:
            due = tables.messages.due(now=now, latest=now + LONGEST_WAIT, account=account)
            chosen = (
                id_ for id_, _, lane in due if lane not in skip_lanes and (wanted is None or id_ in wanted)
            )
            for id_ in list(itertools.islice(chosen, limit)):
                stored = tables.messages.get(id_)
                if stored is not None:
                    tables.messages.own(id_, owner)
                    claimed.append(stored)
        return claimed

    def _verified(self, claimed: Sequence[Stored]) -> tuple[Claim, ...]:
        claims: list[Claim] = []
        damaged: list[Stored] = []
        try:
            for each in claimed:
                try:
                    claims.append(_claim(each.record, self._contents.verified(each)))
                except DamagedError:
                    damaged.append(each)
        except FluenzrError:
            self.release([each.record.id for each in claimed])
            raise
        if damaged:
            self._reject(damaged)
        return tuple(claims)

    def _reject(self, damaged: Sequence[Stored]) -> None:
        with self._writing(is_durable=True) as tables:
            for each in damaged:
                path = self._contents.set_aside(each.record.id)
                told = "" if path is None else str(path)
                tables.messages.save(lifecycle.damaged(each, path=told, now=self._now()))

    def step(
        self,
        *,
        settlements: Sequence[Settlement] = (),
        departing: Sequence[str] = (),
        lane: str = "",
        limits: Sequence[Limit] = (),
        pause: timedelta | None = None,
    ) -> Departure:
        """Settle messages and let others begin, in one durable transaction.

        When this returns, what became of the settled ones is on the disk, and so is that the granted ones are
        being sent, with their entries in the sent log. A crash from here on leaves these in doubt.

        Args:
            settlements: Messages of this process. Of those sent directly nothing is kept unless somebody has
                them, or may have.
            departing: The ids of claimed messages that want to begin, in their order.
            lane: What the limits are counted for.
            limits: All of them hold at once.
            pause: The least time between two beginnings.
        """
        forgotten = self._forget([each.id for each in settlements if not _is_taken(each)])
        settlements = [each for each in settlements if each.id not in forgotten]
        if not settlements and not departing:
            return Departure()
        done: list[str] = []
        with self._writing(is_durable=True) as tables:
            for each in settlements:
                done += self._settled(tables, each)
            departure = self._departed(tables, departing, lane, limits, pause)
        self._forget(departure.granted)
        self._contents.remove(*done)
        return departure

    def settle(self, *settlements: Settlement) -> None:
        """Write down what became of messages. As ``step``."""
        self.step(settlements=settlements)

    def turn(
        self, lane: str, *, limits: Sequence[Limit], pause: timedelta | None, wanted: Sequence[int]
    ) -> pacing.Turn:
        """Say how many messages of so many recipients might begin now; nothing does."""
        if not self.exists:
            return pacing.turn(limits, pause, (), now=self._now(), wanted=wanted)
        with self._writing(is_durable=False) as tables:
            tables.sent_log.clamp(lane, self._now())  # else a clock set back would block until the old time
            return self._turn(tables, lane, limits, pause, wanted)

    def release(
        self, ids: Collection[str], *, due: datetime | None = None, problem: Problem | None = None
    ) -> None:
        """Let go of messages that were not tried, even if they might have begun.

        Of those that are sent directly nothing is kept. ``due``: when they are to be tried again, None: now.
        With a problem that counts as an attempt, and whoever waits for it is deferred.
        """
        rest = [each for each in ids if each not in self._forget([each])]
        if not rest:
            return
        now = self._now()
        with self._writing(is_durable=True) as tables:
            for each in rest:
                stored = tables.messages.get(each)
                if stored is None or not self._owners.is_me(stored.owner):
                    continue
                if stored.sent is not None:
                    tables.sent_log.remove(stored.sent)
                after = lifecycle.released(stored, now=now, due=due, problem=problem)
                self._write(tables, stored, after if stored.record.is_kept else None)

    # -- parts ---------------------------------------------------------------------------------------

    def _forget(self, ids: Collection[str]) -> frozenset[str]:
        """Forget messages that were begun and not written down; return which of these they were."""
        return frozenset(each for each in ids if self._fresh.pop(each, None) is not None)

    def _settled(self, tables: Tables, settlement: Settlement) -> tuple[str, ...]:
        """Settle a message; return its id where its content is needed no more."""
        stored = tables.messages.get(settlement.id)
        if stored is None or (stored.owner and not self._owners.is_me(stored.owner)):
            return ()
        after = lifecycle.settled(stored, settlement.outcomes, now=self._now(), due=settlement.due)
        if stored.sent is not None and not after.is_sent:
            tables.sent_log.remove(stored.sent)
        self._write(tables, stored, after.stored)
        return (settlement.id,) if has_let_go(stored, after.stored) else ()

    def _departed(
        self,
        tables: Tables,
        departing: Sequence[str],
        lane: str,
        limits: Sequence[Limit],
        pause: timedelta | None,
    ) -> Departure:
        if not departing:
            return Departure()
        now = self._now()
        tables.sent_log.clamp(lane, now)
        ours = [found for each in departing if (found := self._leaving(tables, each))]
        wanted = [len(each.record.open_recipients) for each in ours]
        turn = self._turn(tables, lane, limits, pause, wanted)
        for each in ours[: turn.granted]:
            sent = tables.sent_log.add(_sent(each.record, lane, now))
            after = lifecycle.departed(each, owner=self._owners.token, sent=sent, now=now)
            if each.owner:
                tables.messages.save(after)
            else:
                tables.messages.add(after)
        ids = [each.record.id for each in ours]
        return Departure(
            granted=tuple(ids[: turn.granted]),
            gone=tuple(each for each in departing if each not in set(ids)),
            next=turn.next,
            never=turn.never,
            limit=turn.limit,
        )

    def _leaving(self, tables: Tables, id_: str) -> Stored | None:
        """Return a message that may begin, with an owner if it is written down; None: it is not ours."""
        fresh = self._fresh.get(id_)
        if fresh is not None:
            is_taken = fresh.key and tables.messages.of_key(fresh.account, fresh.key)
            return None if is_taken else Stored(record=fresh)
        stored = tables.messages.get(id_)
        is_ours = stored is not None and self._owners.is_me(stored.owner) and stored.record.open_recipients
        return stored if is_ours else None

    def _turn(
        self,
        tables: Tables,
        lane: str,
        limits: Sequence[Limit],
        pause: timedelta | None,
        wanted: Sequence[int],
    ) -> pacing.Turn:
        now = self._now()
        spans = [each.per for each in limits if each.per is not None and pacing.is_window(each)]
        longest = max([*spans, *([pause] if pause else [])], default=None)
        log = tables.sent_log.events(lane, since=now - longest) if longest and wanted else ()
        return pacing.turn(limits, pause, log, now=now, wanted=wanted)


def submission_of(record: Record, content: Content, recipients: tuple[str, ...]) -> Submission:
    """Return a kept message as it goes on the wire."""
    return Submission(
        envelope=Envelope(mail_from=record.mail_from, recipients=recipients),
        message_id=record.message_id,
        content=content,
        needs_smtputf8=record.needs_smtputf8,
        needs_eight_bit=record.needs_eight_bit,
        subject=record.subject,
    )


def _claim(record: Record, content: Content) -> Claim:
    return Claim(record=record, submission=submission_of(record, content, record.open_recipients))


def _is_taken(settlement: Settlement) -> bool:
    return any(each.outcome.value in {State.ACCEPTED, State.IN_DOUBT} for each in settlement.outcomes)


def _sent(record: Record, lane: str, now: datetime) -> Sent:
    return Sent(
        id=record.id,
        account=record.account,
        lane=lane or record.lane,
        message_id=record.message_id,
        at=now,
        addresses=record.open_recipients,
        subject=record.subject,
    )
