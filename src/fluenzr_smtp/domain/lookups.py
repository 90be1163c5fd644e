"""The look-ups of one examination: each asked once, and each stage with an end to its patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from fluenzr_smtp.dns import Associations, Exchangers, Resolver
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import ProblemCode, Stage

STAGE_SECONDS = 15.0
_MOST_QUESTIONS = 150  # of one stage; an SPF record that keeps to its limits needs fewer

_Value = TypeVar("_Value")


class Lookups:
    """A resolver that remembers, failures too: a dead server is waited for once for each name.

    All methods raise ``dns-unavailable``, also where the stage's time or number of questions is used up.
    """

    def __init__(self, resolver: Resolver, *, clock: Clock, seconds: float = STAGE_SECONDS) -> None:
        self._resolver = resolver
        self._clock = clock
        self._seconds = seconds
        self._known: dict[tuple[str, str], object] = {}
        self.begin()

    def begin(self) -> None:
        """Start a stage: its time and its questions count from here."""
        self._deadline = self._clock.monotonic() + self._seconds
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
            except FluenzrError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, FluenzrError):
            raise FluenzrError(found.problem)
        return found  # type: ignore[return-value]  # the type goes with the first half of the key

    def _patient(self, name: str) -> Resolver:
        """Return the resolver with no more patience than the stage has left."""
        left = self._deadline - self._clock.monotonic()
        self._questions += 1
        if left <= 0 or self._questions > _MOST_QUESTIONS:
            raise failure(ProblemCode.DNS_UNAVAILABLE, Stage.RESOLVE, host=name, reason="timeout")
        return replace(self._resolver, timeout=min(self._resolver.timeout, left))
