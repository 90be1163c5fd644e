"""The post: what goes out now, what waits in the outbox, and what is looked up of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.app.parcels import Parcel, Source, told_again

if TYPE_CHECKING:
    from fluenzr_smtp.app.servers import Servers
    from fluenzr_smtp.delivery import Delivery, Lane, Opening, QueueRun
    from fluenzr_smtp.model import Clock, StoredAccount, Submission
    from fluenzr_smtp.outbox import Ledger, Outbox, Record
    from fluenzr_smtp.problems import Problem

LIFETIME = timedelta(days=2)  # how long a queued message is tried
Wait = Callable[[datetime, "Problem"], bool]


@dataclass(kw_only=True)
class Post:
    """What commands ask of the outbox and of delivery. ``account`` finds an account by its name."""

    open_outbox: Callable[[], Outbox]
    servers: Servers
    clock: Clock
    account: Callable[[str | None], StoredAccount]
    is_stopped: Callable[[], bool] = field(default=lambda: False)
    _opening: Opening | None = field(default=None, init=False, repr=False)

    @property
    def outbox(self) -> Outbox:
        """The outbox; what needs none does not load its database."""
        return self.open_outbox()

    def lane(self, stored: StoredAccount) -> Lane:
        """Return the account as messages go out through it, with the limits in force."""
        from fluenzr_smtp.delivery import Lane
        from fluenzr_smtp.settings import limits_in_force

        preset = self.servers.preset_of(self.servers.target_of(stored))
        return Lane(
            stored=stored,
            limits=limits_in_force(stored.account, preset),
            provider=preset.key if preset else "",
        )

    # -- now -----------------------------------------------------------------------------------------

    def prepare(self, stored: StoredAccount, *, timeout: float = STEP_SECONDS) -> None:
        """Begin to connect and to log in while messages are still being made; ``send`` goes on from there.

        Not where a limit or a pause might forbid to send at all.
        """
        from fluenzr_smtp.delivery import Opening
        from fluenzr_smtp.smtp import Resumption

        lane = self.lane(stored)
        if not lane.is_bounded:
            self._opening = Opening(lane, clock=self.clock, timeout=timeout, resumption=Resumption())
            self._opening.start()

    def dismiss(self) -> None:
        """Give up what was prepared and not used."""
        if self._opening is not None:
            self._opening.discard()
            self._opening = None

    def send(
        self,
        stored: StoredAccount,
        parcels: Iterable[Parcel],
        *,
        timeout: float = STEP_SECONDS,
        wait: Wait | None = None,
        save_sent: bool = False,
    ) -> Iterator[Delivery]:
        """Send messages now or not at all, over one connection; tell of each once that is durable.

        A message whose key is known is not sent: what became of it the first time is told again. ``wait`` is
        asked to wait for the moment that a limit allows, and answers whether it has.

        Raises:
            FluenzrError: ``outbox-…``, ``disk-full``; ``file-unreadable`` of what the parcels read.
        """
        from fluenzr_smtp.delivery import Courier, Now

        lane, waiting = self.lane(stored), tuple(parcels)
        ledger = self._ledger(lane, has_key=any(each.key for each in waiting))
        source = Source(parcels=iter(waiting), ledger=ledger, lane=lane)
        terms = Now(clock=self.clock, draw=_draw, wait=wait)
        opening, self._opening = self._opening, None
        courier = Courier(lane, ledger, terms=terms, clock=self.clock, timeout=timeout, opening=opening)
        for delivery in courier.carry(source.take):
            yield from source.repeated()
            told = self.filed(stored, replace(delivery, saves_sent=save_sent), timeout=timeout)
            yield self._explained(told, stored)
        yield from source.repeated()

    def _ledger(self, lane: Lane, *, has_key: bool) -> Ledger:
        """Return the outbox; where nothing depends on it, one that forgets may stand for it.

        So it is where the outbox cannot be written, and for an account that the environment describes: what
        runs in a container leaves nothing behind.
        """
        from fluenzr_smtp.environment import NAME
        from fluenzr_smtp.outbox import Forgetful

        is_passing = lane.stored.account.name == NAME or not self.outbox.is_writable()
        if has_key or lane.is_bounded or not is_passing:
            return self.outbox
        return Forgetful(clock=self.clock)

    # -- now and later -------------------------------------------------------------------------------

    def put(
        self,
        stored: StoredAccount,
        parcel: Parcel,
        *,
        lifetime: timedelta = LIFETIME,
        save_sent: bool = False,
    ) -> Delivery:
        """Take a message on: once this returns it is on the disk and will be tried until it is given up.

        Where its key is known it is not taken on again, and what became of the first one is told
        (``is_repeated``).

        Raises:
            FluenzrError: ``disk-full``, ``outbox-…``, ``file-…``.
        """
        from fluenzr_smtp.delivery import Delivery

        record, is_new = self.outbox.put(
            parcel.submission,
            account=stored.account.name,
            lane=self.lane(stored).key,
            key=parcel.key,
            expires=self.clock.now() + lifetime,
            saves_sent=save_sent,
        )
        if not is_new:
            return told_again(stored.account, record, parcel)
        return Delivery.of_record(stored.account, record)

    def run(self, *, timeout: float = STEP_SECONDS, connections: int = 1) -> QueueRun:
        """Return a run over the outbox, to be asked for its deliveries."""
        from fluenzr_smtp.delivery import Later, QueueRun

        return QueueRun(
            outbox=self.outbox,
            lane_of=lambda name: self.lane(self.account(name)),
            terms=Later(clock=self.clock, draw=_draw),
            clock=self.clock,
            timeout=timeout,
            connections=connections,
            is_stopped=self.is_stopped,
        )

    def deliver_queued(
        self, stored: StoredAccount, ids: Collection[str], *, timeout: float = STEP_SECONDS
    ) -> Iterator[Delivery]:
        """Try messages that were just taken on; tell of each, also of those that have to wait.

        Raises:
            FluenzrError: ``outbox-…``, ``disk-full``.
        """
        from fluenzr_smtp.delivery import Delivery

        queue = self.run(timeout=timeout)
        queue.lane_of = lambda _name: self.lane(stored)
        for delivery in queue.deliver(account=stored.account.name, ids=ids):
            yield self._explained(self.filed(stored, delivery, timeout=timeout), stored)
        for problem in queue.held.values():
            told = self.servers.about(problem, stored) or problem
            for message in ids:
                record = self.outbox.find(message)
                if record is not None and record.attempts == 0 and record.open_recipients:
                    yield Delivery.waiting(stored.account, record, told)

    def explained(self, delivery: Delivery, *, timeout: float = STEP_SECONDS) -> Delivery:
        """Return a delivery of the queue, filed where asked for, its problems named as its account's."""
        stored = self.account(delivery.account.name)
        return self._explained(self.filed(stored, delivery, timeout=timeout), stored)

    def explained_held(self, held: Mapping[str, Problem]) -> dict[str, Problem]:
        """Return what holds accounts up, named as problems of theirs."""
        from fluenzr_smtp.errors import FluenzrError

        told: dict[str, Problem] = {}
        for name, problem in held.items():
            try:
                told[name] = self.servers.about(problem, self.account(name)) or problem
            except FluenzrError:  # the account is gone, which is what the problem says
                told[name] = problem
        return told

    def unsent(self, stored: StoredAccount, parcel: Parcel) -> Delivery:
        """Return a message that is not sent, for showing it."""
        from fluenzr_smtp.delivery import Delivery

        return Delivery(account=stored.account, submission=parcel.submission, recipients=(), key=parcel.key)

    def retry(self, ids: Collection[str]) -> tuple[Record, ...]:
        """Make messages due now, and let their accounts go on.

        Raises:
            FluenzrError: ``outbox-message-unknown``, ``outbox-state-wrong``.
        """
        found = self.outbox.retry(ids)
        for lane in {each.lane for each in found}:
            self.outbox.resume(lane)
        return found

    def go_on(self, account: str) -> None:
        """Let what an account's old settings held up go at the next run."""
        from fluenzr_smtp.model import State

        waiting = self.outbox.list(states={State.QUEUED, State.DEFERRED}, account=account)
        pauses = {each.lane: self.outbox.pause_of(each.lane) for each in waiting}
        held = {lane for lane, pause in pauses.items() if pause is not None and pause.settings}
        self.retry([each.id for each in waiting if each.lane in held])

    # -- mailboxes -----------------------------------------------------------------------------------

    def require_filing(self, stored: StoredAccount) -> None:
        """Make sure, before anything is sent, that a copy can be put among the sent mail.

        Raises:
            FluenzrError: ``account-imap-none``.
        """
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        if stored.account.imap is None or stored.secret is None:
            raise failure(ProblemCode.ACCOUNT_IMAP_NONE, Stage.CONFIGURATION, account=stored.account.name)

    def files_itself(self, stored: StoredAccount) -> bool:
        """Say whether the provider puts what it takes among the sent mail by itself."""
        preset = self.servers.preset_of(self.servers.target_of(stored))
        return preset is not None and preset.saves_sent

    def save_sent(
        self, stored: StoredAccount, submission: Submission, *, timeout: float = STEP_SECONDS
    ) -> str | None:
        """Put a copy among the sent mail; return the mailbox, or None where the provider does it itself.

        Raises:
            FluenzrError: ``sent-not-saved``, ``account-imap-none``.
        """
        if self.files_itself(stored):
            return None
        from fluenzr_smtp import filing

        self.require_filing(stored)
        if stored.secret is None:
            return None
        now = self.clock.now().astimezone()
        return filing.save_sent(
            stored.account, stored.secret, submission.content, when=now, clock=self.clock, timeout=timeout
        )

    def filed(self, stored: StoredAccount, delivery: Delivery, *, timeout: float) -> Delivery:
        """File a copy of a kept message that was accepted, where that was asked for; tell what came of it."""
        from fluenzr_smtp.errors import FluenzrError

        if not delivery.saves_sent or not delivery.accepted:
            return delivery
        try:
            folder = self.save_sent(stored, delivery.submission, timeout=timeout)
        except FluenzrError as error:
            return replace(delivery, sent_problem=error.problem)
        return replace(delivery, sent_folder=folder)

    def look_for(self, record: Record, *, timeout: float = STEP_SECONDS) -> str | None:
        """Look for a message in the mailboxes of its account; return the mailbox that has it, or None.

        Raises:
            FluenzrError: ``account-…``, and as an IMAP session.
        """
        from fluenzr_smtp import filing

        stored = self.account(record.account)
        self.require_filing(stored)
        if stored.secret is None:
            return None
        return filing.look_for(
            stored.account, stored.secret, record.message_id, clock=self.clock, timeout=timeout
        )

    def _explained(self, delivery: Delivery, stored: StoredAccount) -> Delivery:
        if not delivery.problems:
            return delivery
        told = (
            replace(each, problem=self.servers.about(each.problem, stored)) for each in delivery.recipients
        )
        return replace(delivery, recipients=tuple(told))


def _draw() -> float:
    from random import random

    return random()  # noqa: S311 - jitter, nothing secret
