"""What a person, or the start of a run, does with the messages in the outbox."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from fluenzr_smtp import durable, pacing
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Submission
from fluenzr_smtp.outbox import lifecycle
from fluenzr_smtp.outbox.contents import DamagedError
from fluenzr_smtp.outbox.place import Place, has_let_go, unknown
from fluenzr_smtp.outbox.taking import LONGEST_WAIT, submission_of
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.state import Record, Sent, State, Stored, Tables

#: The sent log answers for windows of any length that an account can have, and for late replies.
SENT_LOG_KEPT = pacing.LONGEST_WINDOW

_PRUNED = frozenset({State.ACCEPTED, State.REJECTED})

_Change = Callable[[Stored], Stored | None]


class Upkeep(Place):
    """The part of the outbox that looks at messages and puts them right.

    All that takes an id takes the beginning of one as well, as long as there is one only. Every method may
    raise ``outbox-busy``, ``outbox-damaged``, ``outbox-newer``, ``disk-full`` and ``file-not-written``.
    """

    # -- looking -------------------------------------------------------------------------------------

    def list(
        self,
        *,
        states: Collection[State] | None = None,
        account: str | None = None,
        limit: int | None = None,
    ) -> tuple[Record, ...]:
        """Return the messages in these states and of this account, the oldest first; None: all.

        Of more than ``limit`` the newest are returned.
        """
        if not self.exists:
            return ()
        with self._reading() as tables:
            return tables.messages.all(states=states, account=account, limit=-1 if limit is None else limit)

    def get(self, id_: str) -> Record:
        """Return a message by its id.

        Raises:
            FluenzrError: ``outbox-message-unknown``.
        """
        if not self.exists:
            raise unknown(id_)
        with self._reading() as tables:
            return self._stored(tables, id_).record

    def find(self, id_: str) -> Record | None:
        """Return the message of exactly this id."""
        if not self.exists:
            return None
        with self._reading() as tables:
            found = tables.messages.get(id_)
        return None if found is None else found.record

    def submission(self, record: Record) -> Submission:
        """Return a kept message with all its recipients, after reading all of its content.

        Raises:
            FluenzrError: ``outbox-message-unknown``, ``outbox-message-damaged``, ``file-unreadable``.
        """
        with self._reading() as tables:
            stored = self._stored(tables, record.id)
        try:
            content = self._contents.verified(stored)
        except DamagedError as error:
            code = ProblemCode.OUTBOX_MESSAGE_DAMAGED
            raise failure(code, Stage.OUTBOX, message=record.id) from error
        return submission_of(record, content, tuple(each.address for each in record.recipients))

    def due_accounts(self) -> tuple[str, ...]:
        """Return the accounts that have messages due, the one that has waited longest first."""
        return tuple(dict.fromkeys(self._due(None)))

    def count_due(self, *, account: str | None = None) -> int:
        """Return how many messages are due."""
        return len(self._due(account))

    def next_due(self) -> datetime | None:
        """Return when the next message is due that no process has claimed."""
        if not self.exists:
            return None
        with self._reading() as tables:
            return tables.messages.next_due()

    def is_writable(self) -> bool:
        """Say whether the outbox can be kept; makes nothing."""
        if not self.exists:
            return durable.is_writable_place(self._folder)
        try:
            with self._writing(is_durable=False):
                return True
        except FluenzrError as error:
            if error.problem.code in {ProblemCode.FILE_NOT_WRITTEN, ProblemCode.FILE_NOT_CREATED}:
                return False
            raise

    def message_ids(self, account: str, since: datetime) -> Mapping[str, Sent]:
        """Return what an account has sent since a time, by Message-ID."""
        if not self.exists:
            return {}
        with self._reading() as tables:
            return {each.message_id: each for each in tables.sent_log.of_account(account, since=since)}

    # -- changing ------------------------------------------------------------------------------------

    def retry(self, ids: Iterable[str]) -> tuple[Record, ...]:
        """Let messages be tried at once, with all their time before them; all of them, or none.

        Raises:
            FluenzrError: ``outbox-message-unknown``; ``outbox-state-wrong`` for what is in doubt, being sent,
                accepted, or without its content.
        """
        now = self._now()
        return self._changed(ids, lambda stored: lifecycle.retried(stored, now=now))

    def cancel(self, ids: Iterable[str]) -> tuple[Record, ...]:
        """Take messages back from those who have not got them, all or none; return them as they were.

        Raises:
            FluenzrError: ``outbox-message-unknown``; ``outbox-state-wrong`` for what is in doubt, claimed,
                being sent or accepted.
        """
        now, found = self._now(), []

        def change(stored: Stored) -> Stored | None:
            found.append(stored.record)
            return lifecycle.cancelled(stored, now=now)

        self._changed(ids, change)
        return tuple(found)

    def resolve(self, id_: str, *, accepted: bool) -> Record | None:
        """Write down what a message in doubt has turned out to be; return it, None: nothing of it is left.

        One that was not accepted is queued again, if its content is kept.

        Raises:
            FluenzrError: ``outbox-message-unknown``; ``outbox-state-wrong`` for what is not in doubt.
        """
        now = self._now()

        def change(tables: Tables, stored: Stored) -> Stored | None:
            after = lifecycle.resolved(stored, accepted=accepted, now=now)
            if not accepted and stored.sent is not None:
                tables.sent_log.remove(stored.sent)
            return after

        changed = self._changed_in([id_], change)
        return changed[0] if changed else None

    def expire(self) -> tuple[Record, ...]:
        """Give up what could not be handed over in time; return it."""
        if not self.exists:
            return ()
        now = self._now()
        with self._writing(is_durable=False) as tables:
            given_up = [lifecycle.expired(each, now=now) for each in tables.messages.overdue(now)]
            for each in given_up:
                tables.messages.save(each)
        return tuple(each.record for each in given_up)

    def prune(self, *, before: datetime, states: Collection[State] = _PRUNED) -> int:
        """Remove accepted and rejected messages that have not changed since; return how many.

        The sent log stays for a year, so that limits hold and late replies find what they answer.
        """
        if not self.exists:
            return 0
        wanted = _PRUNED & frozenset(states)
        with self._writing(is_durable=True) as tables:
            ids = tables.messages.unchanged_since(before, wanted)
            for each in ids:
                tables.messages.remove(each)
            long_ago = min(before, self._now() - SENT_LOG_KEPT)
            tables.sent_log.forget(long_ago)
            tables.replies.forget(long_ago)
        self._contents.remove(*ids)
        return len(ids)

    def rename_account(self, old: str, new: str) -> None:
        """Give all that is an account's to its new name."""
        if old == new or not self.exists:
            return
        with self._writing(is_durable=True) as tables:
            tables.messages.rename_account(old, new)
            tables.sent_log.rename_account(old, new)
            tables.cursors.rename_account(old, new)
            tables.replies.rename_account(old, new)

    def recover(self) -> tuple[Record, ...]:
        """Put right what dead processes have left; return what is in doubt because of them.

        What they had claimed is free again, what they were sending is in doubt.
        """
        if not self.exists and self._contents.ids():  # a repair that was ended halfway
            with self._writing(is_durable=True):
                pass  # to make the database is to read what lies beside it
        if not self.exists:
            return ()
        with self._reading() as tables:
            owners = tables.messages.owners()
        if not any(map(self._owners.is_dead, owners)):
            return ()
        with self._writing(is_durable=False) as tables:
            doubtful = self._recovered(tables)
        return tuple(doubtful)

    def sweep(self) -> None:
        """Remove the files that belong to no message, and those of dead processes."""
        dead = [name for name, owner in self._contents.parts() if self._owners.is_dead(owner)]
        self._contents.remove(*dead)
        self._owners.remove_dead()
        if self.exists and (ids := self._contents.ids()):
            with self._writing(is_durable=False) as tables:
                if tables.is_new:  # the database was lost while this process had it open
                    return
                # A file gets its name within the transaction that writes its row: none is on its way now.
                kept = tables.messages.kept()
                self._contents.remove(*(each for each in ids if each not in kept))

    def repair(self) -> tuple[Path | None, tuple[Record, ...]]:
        """Set a damaged database aside and make a new one of the contents; all in it is in doubt.

        What was sent and what is known of servers is forgotten. Nothing is sent again without a person's
        word: which of the messages had gone is not known any more.

        Returns:
            Where the damaged one is now, and the messages; None: it was sound, and nothing was done.

        Raises:
            FluenzrError: ``outbox-busy`` as long as another process has the database open.
        """
        if self._is_sound():
            return None, ()
        stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
        path = self._free(f"{self._database.path.name}.damaged-{stamp}")
        self._database.set_aside(path.name)
        self._has_looked = False
        with self._writing(is_durable=True) as tables:
            return path, tables.messages.all(states=None, account=None, limit=-1)

    # -- parts ---------------------------------------------------------------------------------------

    def _changed(self, ids: Iterable[str], change: _Change) -> tuple[Record, ...]:
        return self._changed_in(ids, lambda _, stored: change(stored))

    def _changed_in(
        self, ids: Iterable[str], change: Callable[[Tables, Stored], Stored | None]
    ) -> tuple[Record, ...]:
        changed, done = [], []
        wanted = tuple(ids)
        for each in wanted[:1]:
            self.get(each)  # where there is no outbox none is made
        with self._writing(is_durable=True) as tables:
            for each in wanted:
                before = self._stored(tables, each)
                after = change(tables, before)
                self._write(tables, before, after)
                changed += [] if after is None else [after.record]
                done += [before.record.id] if has_let_go(before, after) else []
        self._contents.remove(*done)
        return tuple(changed)

    def _is_sound(self) -> bool:
        if not self.exists:
            return True
        try:
            with self._reading() as tables:
                return tables.is_sound()
        except FluenzrError as error:
            if error.problem.code is not ProblemCode.OUTBOX_DAMAGED:
                raise
            return False

    def _free(self, name: str) -> Path:
        names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
        return next(each for each in map(self._database.path.with_name, names) if not os.path.lexists(each))

    def _due(self, account: str | None) -> tuple[str, ...]:
        if not self.exists:
            return ()
        now = self._now()
        with self._reading() as tables:
            due = tables.messages.due(now=now, latest=now + LONGEST_WAIT, account=account)
            return tuple(of for _, of, _ in due)
