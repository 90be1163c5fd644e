"""Messages on their way into the post: each with the key by which a script knows it again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluenzr_smtp.delivery import Delivery, Lane
    from fluenzr_smtp.model import Account, Submission
    from fluenzr_smtp.outbox import Claim, Ledger, Record
    from fluenzr_smtp.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message to be sent, and the key by which a script knows it again; empty: none."""

    submission: Submission
    key: str = ""


@dataclass(kw_only=True)
class Source:
    """Hands out parcels as claims; those whose key is known are told again instead."""

    parcels: Iterator[Parcel]
    ledger: Ledger
    lane: Lane
    known: list[Delivery] = field(default_factory=list)

    def take(self, room: int) -> tuple[Claim, ...]:
        """Return at most so many claims; none when there is nothing left."""
        while fresh := self._next(room):
            if claims := self._begun(fresh):
                return claims
        return ()

    def repeated(self) -> Iterator[Delivery]:
        """Yield what became of messages that are not sent because of their keys, each once."""
        while self.known:
            yield self.known.pop(0)

    def _next(self, room: int) -> list[Parcel]:
        from itertools import islice

        return list(islice(self.parcels, room))

    def _begun(self, fresh: Collection[Parcel]) -> tuple[Claim, ...]:
        from fluenzr_smtp.errors import FluenzrError

        account, claims = self.lane.stored.account, []
        for parcel in fresh:
            try:
                begun = self.ledger.begin(
                    parcel.submission, account=account.name, lane=self.lane.key, key=parcel.key
                )
            except FluenzrError as error:  # another process is ahead with its key
                self.known.append(_refused(account, parcel, error.problem))
                continue
            if begun.is_known:
                self.known.append(told_again(account, begun.record, parcel))
            else:
                claims.append(begun)
        return tuple(claims)


def told_again(account: Account, record: Record, parcel: Parcel) -> Delivery:
    """Return what became of the message that had the key of this one first.

    Where that one was for others, this one is refused: it was not sent, and to tell of the other as if it
    were the same would hide that.
    """
    from fluenzr_smtp.delivery import Delivery

    before = tuple(each.address for each in record.recipients)
    if set(before) == set(parcel.submission.envelope.recipients):
        return replace(Delivery.of_record(account, record), is_repeated=True)
    from fluenzr_smtp.errors import failure
    from fluenzr_smtp.problems import ProblemCode, Stage

    known = {"key": parcel.key, "message": record.id}
    failed = failure(ProblemCode.OUTBOX_KEY_USED, Stage.OUTBOX, None, others=before, **known)
    return _refused(account, parcel, failed.problem)


def _refused(account: Account, parcel: Parcel, problem: Problem) -> Delivery:
    from fluenzr_smtp.delivery import Delivery
    from fluenzr_smtp.model import RecipientOutcome

    recipients = parcel.submission.envelope.recipients
    return Delivery(
        account=account,
        submission=parcel.submission,
        recipients=tuple(RecipientOutcome.failed(each, problem) for each in recipients),
        key=parcel.key,
    )
