"""Addresses to which mail came back: send warns of them, or refuses what would go there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.moments import local
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import RecipientOutcome, StoredAccount
from fluenzr_smtp.problems import Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.app.parcels import Parcel
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.cli.send.request import Terms
    from fluenzr_smtp.delivery import Delivery
    from fluenzr_smtp.outbox import Bounced


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What may go, and what is told of what may not.

    ``going`` are messages to the recipients that are left, ``refused`` those to nobody else. ``withheld`` has
    the recipients that were taken from a message, by its Message-ID.
    """

    going: tuple[Parcel, ...]
    refused: tuple[Delivery, ...] = ()
    withheld: Mapping[str, tuple[RecipientOutcome, ...]] = field(default_factory=dict)

    def whole(self, delivery: Delivery) -> Delivery:
        """Return what became of a message, with those recipients that it was kept from."""
        withheld = self.withheld.get(delivery.submission.message_id, ())
        return replace(delivery, recipients=(*delivery.recipients, *withheld))


def sifted(run: Invocation, terms: Terms, stored: StoredAccount, parcels: Sequence[Parcel]) -> Sifted:
    """Keep messages from addresses that bounced, as a server would that refuses them, or only warn."""
    addresses = {each for parcel in parcels for each in parcel.submission.envelope.recipients}
    known = _known(run, sorted(addresses), is_needed=terms.respect_bounces)
    if not known:
        return Sifted(going=tuple(parcels))
    if not terms.respect_bounces:
        if not terms.quiet:
            for each in known.values():
                run.output.note(_warning(each))
        return Sifted(going=tuple(parcels))
    going, refused, withheld = [], [], {}
    for parcel in parcels:
        dead = _dead(parcel, known)
        outcomes = tuple(_refusal(each, known[each.lower()]) for each in dead)
        if len(dead) == len(parcel.submission.envelope.recipients):
            refused.append(replace(run.app.post.unsent(stored, parcel), recipients=outcomes))
            continue
        going.append(_without(parcel, dead) if dead else parcel)
        if dead:
            withheld[parcel.submission.message_id] = outcomes
    return Sifted(going=tuple(going), refused=tuple(refused), withheld=withheld)


def _without(parcel: Parcel, dead: Sequence[str]) -> Parcel:
    envelope = parcel.submission.envelope
    left = tuple(each for each in envelope.recipients if each not in dead)
    submission = replace(parcel.submission, envelope=replace(envelope, recipients=left))
    return replace(parcel, submission=submission)


def _known(run: Invocation, addresses: Sequence[str], *, is_needed: bool) -> dict[str, Bounced]:
    if not run.app.paths.outbox.exists():  # then its database need not be loaded
        return {}
    try:
        return {each.address: each for each in run.app.outbox.bounced(addresses)}
    except FluenzrError:
        if is_needed:
            raise
        return {}  # a warning is not worth a message; what is wrong with the outbox is told where it matters


def _dead(parcel: Parcel, known: Mapping[str, Bounced]) -> list[str]:
    return [each for each in parcel.submission.envelope.recipients if each.lower() in known]


def _refusal(address: str, bounced: Bounced) -> RecipientOutcome:
    facts = {"recipient": address, "since": local(bounced.at)}
    if bounced.status:
        facts["status"] = bounced.status
    problem = Problem(
        code=ProblemCode.RECIPIENT_BOUNCED, stage=Stage.RECIPIENT, facts=MappingProxyType(facts)
    )
    return RecipientOutcome.failed(address, problem)


def _warning(bounced: Bounced) -> str:
    status = f" ({bounced.status})" if bounced.status else ""
    return f"Mail to {bounced.address} came back on {local(bounced.at)}{status}."
