"""The whole walk: each origin in its order, each server tried, and a verdict on every candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from fluenzr_smtp.discovery.origins import (
    Means,
    Subject,
    by_autoconfig,
    by_catalogue,
    by_mx,
    by_names,
    by_srv,
    exchangers_of,
)
from fluenzr_smtp.discovery.trials import Trials
from fluenzr_smtp.discovery.values import Candidate, Origin, Proposal, Server, Step, Verdict
from fluenzr_smtp.dns import Exchangers
from fluenzr_smtp.model import Endpoint, Protocol
from fluenzr_smtp.presets import PresetCatalog

_SETTLED = frozenset({
    Verdict.RECOMMENDED,
    Verdict.CHOICE,
    Verdict.INCOMPLETE,
    Verdict.UNSUPPORTED,
    Verdict.UNCHECKED,
})  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Survey:
    """What is found about one address; ``means`` None: the catalogue alone is asked."""

    subject: Subject
    catalog: PresetCatalog
    means: Means | None
    trials: Trials | None
    taken: list[Step] = field(default_factory=list)

    def steps(self, *, is_thorough: bool) -> Iterator[Step]:
        """Yield each origin once it was asked and its servers were tried.

        A walk that is not thorough ends where something is found that an account can be made of.
        """
        for walk in self._walks():
            start = self._now()
            step = walk()
            self._try(step)
            step = replace(step, seconds=self._now() - start)
            if step.origin is Origin.NAMES:
                step = self._proven(step)
            self.taken.append(step)
            yield step
            verdicts = {each.verdict for each in self.candidates()}
            if Verdict.UNSUPPORTED in verdicts or (not is_thorough and verdicts & _SETTLED):
                return
            if not is_thorough and self._is_of_the_catalogue:
                return  # its servers do not answer now; what the DNS says is no reason to go elsewhere

    def candidates(self) -> tuple[Candidate, ...]:
        """Return all that was found, in the order of the origins, each with a verdict."""
        found = [self._candidate(step, each) for step in self.taken for each in step.found]
        first = next((each for each in found if each.verdict is Verdict.POSSIBLE), None)
        return tuple(replace(each, verdict=Verdict.RECOMMENDED) if each is first else each for each in found)

    @property
    def _is_of_the_catalogue(self) -> bool:
        return any(step.origin is Origin.CATALOGUE and step.found for step in self.taken)

    # -- walking -------------------------------------------------------------------------------------

    def _walks(self) -> Iterator[Callable[[], Step]]:
        yield partial(by_catalogue, self.subject, self.catalog)
        means = self.means
        if means is None:
            return
        known: list[Exchangers | None] = []

        def mx() -> Step:
            known.append(exchangers_of(self.subject, means.resolver))
            return by_mx(self.subject, means, known[0])

        yield mx
        # Name servers that did not answer about MX are not asked again: each question takes its whole time.
        yield lambda: by_srv(self.subject, means, is_answered=known[0] is not None)
        yield partial(by_autoconfig, self.subject, means)
        yield lambda: by_names(self.subject, means, known[0])

    def _now(self) -> float:
        return self.means.clock.monotonic() if self.means else 0.0

    def _try(self, step: Step) -> None:
        if self.trials is None:
            return
        self.trials.run(
            wanted
            for proposal in step.found
            if proposal.preset is None or not proposal.preset.placeholders
            for wanted in _servers(proposal)
        )

    def _proven(self, step: Step) -> Step:
        """Leave the guesses out that came to nothing: a usual name is no setting of anybody's."""
        found = tuple(each for each in step.found if self._verified(each))
        return replace(step, found=found, fault="" if found else "nothing")

    def _verified(self, proposal: Proposal) -> bool:
        smtp = self._best(Protocol.SMTP, proposal.smtp, proposal)
        return smtp is not None and bool(smtp.is_verified)

    # -- judging -------------------------------------------------------------------------------------

    def _candidate(self, step: Step, proposal: Proposal) -> Candidate:
        smtp = self._best(Protocol.SMTP, proposal.smtp, proposal)
        imap = self._best(Protocol.IMAP, proposal.imap, proposal)
        if step.origin is Origin.NAMES and imap is not None and not imap.is_verified:
            imap = None
        has_siblings = step.origin is Origin.MX and len(step.found) > 1
        if self._is_of_the_catalogue and step.origin is not Origin.CATALOGUE:
            hosts = {each.host for each in proposal.smtp + proposal.imap}
            is_known = all(self.catalog.knows(each) for each in hosts)
            proposal = replace(proposal, is_trusted=proposal.is_trusted and is_known)
        verdict = _verdict(proposal, smtp, has_siblings=has_siblings)
        return Candidate(proposal=proposal, smtp=smtp, imap=imap, verdict=verdict)

    def _best(self, protocol: Protocol, endpoints: tuple[Endpoint, ...], proposal: Proposal) -> Server | None:
        if self.trials is None:
            return Server(endpoint=endpoints[0]) if endpoints else None
        return self.trials.best(protocol, endpoints, is_ordered=proposal.is_ordered)


def _servers(proposal: Proposal) -> Iterator[tuple[Protocol, Endpoint]]:
    yield from ((Protocol.SMTP, each) for each in proposal.smtp)
    yield from ((Protocol.IMAP, each) for each in proposal.imap)


def _verdict(proposal: Proposal, smtp: Server | None, *, has_siblings: bool) -> Verdict:
    if proposal.preset is not None and proposal.preset.unsupported:
        return Verdict.UNSUPPORTED
    if proposal.preset is not None and proposal.preset.placeholders:
        return Verdict.INCOMPLETE
    if smtp is None or smtp.is_verified is False:
        return Verdict.FAILED
    if smtp.is_verified is None:
        return Verdict.UNCHECKED
    if not proposal.is_trusted:
        return Verdict.TO_CONFIRM
    return Verdict.CHOICE if has_siblings else Verdict.POSSIBLE
