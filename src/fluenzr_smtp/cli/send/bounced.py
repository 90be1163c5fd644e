"""Addresses to which mail came back: send warns of them, or refuses what would go there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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


def sifted(
    run: Invocation, terms: Terms, stored: StoredAccount, parcels: Sequence[Parcel]
) -> tuple[tuple[Parcel, ...], tuple[Delivery, ...]]:
    """Return the messages that may go, and what is told of those that may not.

    A message is refused as a whole: who should get it otherwise is for a person to say.
    """
    addresses = {each for parcel in parcels for each in parcel.submission.envelope.recipients}
    known = _known(run, sorted(addresses), is_needed=terms.respect_bounces)
    if not known:
        return tuple(parcels), ()
    if not terms.respect_bounces:
        if not terms.quiet:
            for each in known.values():
                run.output.note(_warning(each))
        return tuple(parcels), ()
    refused = [parcel for parcel in parcels if _dead(parcel, known)]
    rest = tuple(each for each in parcels if each not in refused)
    return rest, tuple(_refused(run, stored, each, known) for each in refused)


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


def _refused(
    run: Invocation, stored: StoredAccount, parcel: Parcel, known: Mapping[str, Bounced]
) -> Delivery:
    address = _dead(parcel, known)[0]
    facts = {"recipient": address, "since": local(known[address.lower()].at)}
    if known[address.lower()].status:
        facts["status"] = known[address.lower()].status
    problem = Problem(
        code=ProblemCode.RECIPIENT_BOUNCED, stage=Stage.RECIPIENT, facts=MappingProxyType(facts)
    )
    told = tuple(RecipientOutcome.failed(each, problem) for each in parcel.submission.envelope.recipients)
    return replace(run.app.post.unsent(stored, parcel), recipients=told)


def _warning(bounced: Bounced) -> str:
    status = f" ({bounced.status})" if bounced.status else ""
    return f"Mail to {bounced.address} came back on {local(bounced.at)}{status}."
