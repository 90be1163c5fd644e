"""The look-ups of one examination: each asked once, and each stage with an end to its patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from fluenzr_smtp.dns import Associations, Exchangers, Resolver
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import ProblemCode, Stage

# How much longer than one look-up a stage may take, and the whole examination.
_OF_A_STAGE = 3
_OF_THE_WHOLE = 4
_MOST_QUESTIONS = 150  # of one stage; an SPF record that keeps to its limits needs fewer

_Value = TypeVar("_Value")


class Lookups:
    """A resolver that remembers, failures too: a dead server is waited for once for each name.

    A stage takes at most three times as long as the resolver allows for one look-up, all stages together four
    times. All methods raise ``dns-unavailable``, also where time or the stage's number of questions is used
    up.

    Attributes:
        is_answered: Whether a name server has answered anything yet.
    """

    def __init__(self, resolver: Resolver, *, clock: Clock) -> None:
        self.is_answered = False
        self._resolver = resolver
        self._clock = clock
        self._known: dict[tuple[str, str], object] = {}
        self._end = clock.monotonic() + _OF_THE_WHOLE * resolver.timeout
        self.begin()

    def begin(self) -> None:
        """Start a stage: its time and its questions count from here."""
        self._deadline = min(self._end, self._clock.monotonic() + _OF_A_STAGE * self._resolver.timeout)
        self._questions = 0

    def exchangers(self, domain: str) -> Exchangers:
        """Return the MX hosts of a domain; raises ``dns-host-unknown`` where it does not exist."""
        return self._once("MX", domain, lambda resolver: resolver.exchangers(domain))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name, which need not exist."""
        return self._if_named("TXT", name, lambda resolver: resolver.texts(name), nothing=())

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a name, which need not exist."""
        return self._if_named("A", name, lambda resolver: resolver.addresses(name), nothing=())

    def alias(self, name: str) -> str:
        """Return the target of a CNAME record, or an empty text."""
        return self._if_named("CNAME", name, lambda resolver: resolver.alias(name), nothing="")

    def tlsa(self, name: str) -> Associations:
        """Return the TLSA records of a name, which need not exist."""
        return self._if_named("TLSA", name, lambda resolver: resolver.tlsa(name), nothing=Associations())

    def _if_named(
        self, rdtype: str, name: str, ask: Callable[[Resolver], _Value], *, nothing: _Value
    ) -> _Value:
        try:
            return self._once(rdtype, name, ask)
        except FluenzrError as error:
            if error.problem.code is ProblemCode.DNS_HOST_UNKNOWN:  # it cannot even be spelled
                return nothing
            raise

    def _once(self, rdtype: str, name: str, ask: Callable[[Resolver], _Value]) -> _Value:
        key = (rdtype, name.lower().rstrip("."))
        if key not in self._known:
            try:
                self._known[key] = ask(self._patient(name))
                self.is_answered = True
            except FluenzrError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, FluenzrError):
            raise FluenzrError(found.problem)
        return found  # type: ignore[return-value]  # the type goes with the first half of the key

    def patience(self, name: str) -> float:
        """Return the seconds that one more look-up, or the talk with a web server, may take."""
        left = self._deadline - self._clock.monotonic()
        if left <= 0 or self._questions > _MOST_QUESTIONS:
            raise failure(ProblemCode.DNS_UNAVAILABLE, Stage.RESOLVE, host=name, reason="timeout")
        return min(self._resolver.timeout, left)

    def _patient(self, name: str) -> Resolver:
        """Return the resolver with no more patience than the stage has left."""
        self._questions += 1
        return replace(self._resolver, timeout=self.patience(name))
