"""Send what is due: every account's messages, over as many connections as asked for and allowed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluenzr_smtp.delivery.courier import Courier, Take
from fluenzr_smtp.delivery.lane import Lane
from fluenzr_smtp.delivery.result import Delivery
from fluenzr_smtp.delivery.terms import Terms
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import Problem
from fluenzr_smtp.smtp import Resumption

if TYPE_CHECKING:
    from fluenzr_smtp.outbox import Claim, Outbox


@dataclass(kw_only=True)
class QueueRun:
    """One run over the outbox.

    ``held`` tells, after it, which accounts could not be used and why, ``held_before`` of which of them an
    earlier run has told. ``lane_of`` finds the lane of an account by its name; ``connections`` is how many
    are wanted at a time. Once ``is_stopped`` says so, no message is begun any more.
    """

    outbox: Outbox
    lane_of: Callable[[str], Lane]
    terms: Terms
    clock: Clock
    timeout: float
    connections: int = 1
    is_stopped: Callable[[], bool] = field(default=lambda: False)
    held: dict[str, Problem] = field(default_factory=dict)
    held_before: set[str] = field(default_factory=set)

    def deliver(
        self, *, account: str | None = None, ids: Collection[str] | None = None
    ) -> Iterator[Delivery]:
        """Send what is due, or the named messages if they are; tell of each message once it is durable.

        Raises:
            FluenzrError: ``outbox-…``, ``disk-full``.
        """
        for name in self.outbox.due_accounts() if account is None else (account,):
            yield from self._account(name, ids)

    def _account(self, name: str, ids: Collection[str] | None) -> Iterator[Delivery]:
        try:
            lane = self.lane_of(name)
        except FluenzrError as error:  # the account is gone: its messages wait until they are given up
            self.held[name] = error.problem
            return
        if problem := self.terms.held(lane, self.outbox, ()):
            self.held[name] = problem
            self.held_before.add(name)
            return

        def take(room: int) -> tuple[Claim, ...]:
            if self.is_stopped():
                return ()
            return self.outbox.claim(limit=room, account=name, ids=ids)

        wanted = min(self.connections, lane.connections or self.connections)
        couriers = [self._courier(lane, resumption) for resumption in [Resumption()] for _ in range(wanted)]
        carried = couriers[0].carry(take) if wanted == 1 else _at_once(couriers, take)
        for delivery in carried:
            self._note(name, delivery)
            yield delivery

    def _courier(self, lane: Lane, resumption: Resumption) -> Courier:
        return Courier(
            lane,
            self.outbox,
            terms=self.terms,
            clock=self.clock,
            timeout=self.timeout,
            resumption=resumption,
        )

    def _note(self, name: str, delivery: Delivery) -> None:
        if delivery.is_postponed and delivery.problems:
            self.held[name] = delivery.problems[0]


def _at_once(couriers: list[Courier], take: Take) -> Iterator[Delivery]:
    """Let several couriers carry at the same time, each in a thread; tell of what they carry as it comes."""
    from queue import SimpleQueue
    from threading import Thread

    told: SimpleQueue[Delivery | _Ended] = SimpleQueue()

    def work(courier: Courier) -> None:
        failed: BaseException | None = None
        try:
            for delivery in courier.carry(take):
                told.put(delivery)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failed = error
        told.put(_Ended(failed))

    for each in couriers:
        Thread(target=work, args=(each,), name="courier", daemon=True).start()
    ended: list[_Ended] = []
    while len(ended) < len(couriers):
        heard = told.get()
        if isinstance(heard, _Ended):
            ended.append(heard)
        else:
            yield heard
    for failure in filter(None, (each.error for each in ended)):
        raise failure


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a thread, and what it failed with."""

    error: BaseException | None
