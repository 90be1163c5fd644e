"""The mail servers and name servers that commands talk to, and what is added to their problems.

The rooms below know one server at a time; here its provider is known as well, so that a problem is named with
the provider in mind and carries the account and the provider's page that the sentences like to name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.model import Protocol, Target
from fluenzr_smtp.problems import ProblemCode

if TYPE_CHECKING:
    from fluenzr_smtp.dns import Resolver
    from fluenzr_smtp.model import (
        Account,
        Check,
        Clock,
        Endpoint,
        Preset,
        Secret,
        Security,
        StoredAccount,
    )
    from fluenzr_smtp.presets import PresetCatalog
    from fluenzr_smtp.problems import Problem
    from fluenzr_smtp.tls import Certificate
    from fluenzr_smtp.transcript import Recorder

_DNS_SECONDS = 5.0
_SPECIAL_USE = frozenset({"test", "example", "invalid", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What commands ask of servers. ``presets`` opens the catalogue when a provider is looked for."""

    clock: Clock
    presets: Callable[[], PresetCatalog]

    # -- providers -----------------------------------------------------------------------------------

    def preset_of(self, target: Target) -> Preset | None:
        """Return the preset that a target was made from, else the one that knows its host."""
        if target.preset:
            preset = self.presets().presets.get(target.preset)
            return None if preset is None else _as_used(preset, target)
        endpoint = target.smtp or target.imap
        from fluenzr_smtp.settings import is_loopback

        if endpoint is None or is_loopback(endpoint.host):  # what answers here may be anything
            return None
        return self.presets().for_host(endpoint.host)

    def suggested_presets(self, domain: str, *, resolver: str | None = None) -> tuple[Preset, ...]:
        """Return the presets whose mail servers the domain's MX records name; none where that is unknown."""
        from fluenzr_smtp.errors import FluenzrError

        try:
            return self.presets().for_mx(self.resolver(resolver).exchangers(domain).hosts)
        except FluenzrError:
            return ()

    def resolver(self, text: str | None, *, timeout: float = _DNS_SECONDS) -> Resolver:
        """Return the name servers to ask: those of an option, such as ``127.0.0.1:5353``, or the system's.

        A look-up takes ``timeout`` seconds, and five at most.

        Raises:
            FluenzrError: ``setting-invalid``.
        """
        from fluenzr_smtp.dns import Resolver, parse_resolver

        seconds = min(timeout, _DNS_SECONDS)
        if text is None:
            return Resolver(timeout=seconds)
        address, port = parse_resolver(text)
        return Resolver(nameservers=(address,), port=port, timeout=seconds)

    # -- diagnosis -----------------------------------------------------------------------------------

    def examine(
        self,
        stored: StoredAccount,
        *,
        timeout: float = STEP_SECONDS,
        recipient: str = "",
        is_saved: bool = True,
    ) -> Iterator[Check]:
        """Yield a check for each stage of the account's servers; nothing is sent."""
        from fluenzr_smtp.diagnosis import examine

        target = self.target_of(stored, is_saved=is_saved)
        preset = self.preset_of(target)
        checks = examine(
            target,
            stored.secret,
            clock=self.clock,
            timeout=timeout,
            recipient=recipient,
            provider=preset.key if preset else "",
        )
        for check in checks:
            yield replace(check, problem=_about(check.problem, target, preset))

    def diagnose(
        self,
        target: Target,
        secret: Secret | None,
        *,
        timeout: float = STEP_SECONDS,
        try_usernames: bool = False,
        record: Recorder | None = None,
    ) -> Iterator[Check]:
        """Yield a check for each stage of a target's servers, and of the other ways that the guide names."""
        from fluenzr_smtp.diagnosis import diagnose

        preset = self.preset_of(target)
        checks = diagnose(
            target,
            secret,
            clock=self.clock,
            timeout=timeout,
            known=_known(preset),
            try_usernames=try_usernames,
            provider=preset.key if preset else "",
            record=record,
        )
        for check in checks:
            yield replace(check, problem=_about(check.problem, target, preset))

    def examine_domain(
        self,
        domain: str,
        *,
        preset: Preset | None,
        resolver: str | None,
        selectors: tuple[str, ...] = (),
        timeout: float = _DNS_SECONDS,
    ) -> Iterator[Check]:
        """Yield a check for each DNS record by which a domain vouches for its mail."""
        from fluenzr_smtp.domain import examine_domain

        yield from examine_domain(
            domain,
            resolver=self.resolver(resolver, timeout=timeout),
            clock=self.clock,
            preset=preset,
            selectors=selectors,
            catalog=self.presets(),
        )

    def domain_notes(self, account: Account, *, resolver: str | None) -> Iterator[Check]:
        """Yield what the DNS says of the sender's domain, as notes; the first look-up that fails ends it.

        Names that are never in the DNS (RFC 6761) are not looked up, unless a name server was named.
        """
        from fluenzr_smtp.compose.addresses import domain_of

        domain = domain_of(account.address)
        if resolver is None and domain.rpartition(".")[2] in _SPECIAL_USE:
            return
        preset = self.preset_of(Target.of(account))
        for check in self.examine_domain(domain, preset=preset, resolver=resolver):
            yield replace(check, is_advisory=True)
            if check.problem is not None and check.problem.code is ProblemCode.DNS_UNAVAILABLE:
                return

    def detect(self, host: str, port: int, *, timeout: float = STEP_SECONDS) -> tuple[Protocol, Security]:
        """Find out how a port wants to be spoken to."""
        from fluenzr_smtp.diagnosis import detect

        return detect(host, port, clock=self.clock, timeout=timeout)

    def served_certificate(
        self, protocol: Protocol, endpoint: Endpoint, *, timeout: float = STEP_SECONDS
    ) -> Certificate:
        """Return the certificate that a server shows, without trusting it."""
        from fluenzr_smtp.diagnosis import served_certificate

        return served_certificate(protocol, endpoint, clock=self.clock, timeout=timeout)

    # -- messages ------------------------------------------------------------------------------------

    def about(self, problem: Problem | None, stored: StoredAccount) -> Problem | None:
        """Name a problem with the account's provider in mind, and add what the sentences like to name."""
        target = self.target_of(stored)
        return _about(problem, target, self.preset_of(target)) if problem else None

    def await_arrival(
        self,
        account: Account,
        secret: Secret,
        message_id: str,
        *,
        first_uid: int,
        wait: float,
        timeout: float = STEP_SECONDS,
    ) -> Check:
        """Wait for a message in the account's own mailbox."""
        from fluenzr_smtp.diagnosis import await_arrival

        return await_arrival(
            account,
            secret,
            message_id,
            first_uid=first_uid,
            wait=wait,
            clock=self.clock,
            timeout=timeout,
        )

    def target_of(self, stored: StoredAccount, *, is_saved: bool = True) -> Target:
        """Return an account as a target; one that is in no vault has no name by which it could be changed."""
        from fluenzr_smtp import environment

        target = Target.of(stored.account)
        is_editable = is_saved and target.name != environment.NAME
        return target if is_editable else replace(target, account="")


def _as_used(preset: Preset, target: Target) -> Preset:
    """Return the preset with its hosts completed as the target has them."""
    from fluenzr_smtp.presets import filled_like

    return filled_like(preset, tuple(each.host for each in (target.smtp, target.imap) if each))


def _known(preset: Preset | None) -> Mapping[Protocol, tuple[Endpoint, ...]]:
    if preset is None:
        return MappingProxyType({})
    return MappingProxyType({Protocol.SMTP: preset.smtp, Protocol.IMAP: preset.imap})


def _about(problem: Problem | None, target: Target, preset: Preset | None) -> Problem | None:
    """Name a problem with its provider in mind, and add what the sentences like to name."""
    if problem is None:
        return None
    from fluenzr_smtp.classify import refined
    from fluenzr_smtp.oauth import proposing

    known: dict[str, str] = {}
    if target.address:
        known["address"] = target.address
    if target.account:
        known["account"] = target.account
    if preset is not None:
        problem = proposing(refined(problem, preset.key), preset.key)
        if page := preset.page(problem.topic):
            known["page"] = page
    return problem.with_facts(**known)
