"""The five places where settings are looked for; each gives proposals, or says why it has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from fluenzr_smtp import ports
from fluenzr_smtp.discovery.autoconfig import AutoconfigFault, Web, configured, places
from fluenzr_smtp.discovery.autoconfig_xml import Configured
from fluenzr_smtp.discovery.values import Origin, Proposal, Step
from fluenzr_smtp.dns import Exchangers, Resolver, Services
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Preset, Protocol, Security
from fluenzr_smtp.presets import PresetCatalog, filled, is_filled
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.settings import parse_host

_MOST_MX_HOSTS = 2
_MOST_SERVERS = 6  # of one kind in one proposal
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What is looked at, and how.

    ``seconds`` bounds each place; ``authority`` (PEM) takes the place of the system's store; ``web_port``
    stands for 443 where a test has its own.
    """

    catalog: PresetCatalog
    resolver: Resolver
    addresses: Callable[[str], tuple[str, ...]]
    clock: Clock
    seconds: float
    authority: str | None = None
    web_port: int = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The address whose settings are looked for; ``domain`` is in A-labels."""

    address: str
    domain: str

    def owns(self, host: str) -> bool:
        """Say whether a host is of the address's own domain."""
        return host == self.domain or host.endswith("." + self.domain)


def by_catalogue(subject: Subject, catalog: PresetCatalog) -> Step:
    """Look the domain up in the catalogue; nobody is asked."""
    preset = catalog.for_domain(subject.domain)
    found = () if preset is None else (_of_preset(preset, Origin.CATALOGUE, subject.domain, subject),)
    return _step(Origin.CATALOGUE, found)


def by_mx(subject: Subject, means: Means, exchangers: Exchangers | None) -> Step:
    """Look up whose the domain's MX hosts are; several products of a provider may share theirs."""
    if exchangers is None:
        return Step(origin=Origin.MX, fault="no-answer")
    # Whoever keeps mail for the time when the own servers are down has no mailbox of this domain.
    presets = _told_apart(means.catalog.for_mx(exchangers.preferred))
    source = ", ".join(exchangers.preferred[:_MOST_MX_HOSTS])
    found = tuple(_of_preset(each, Origin.MX, source, subject) for each in presets)
    return replace(_step(Origin.MX, found), detail="" if found else source)


def by_srv(subject: Subject, means: Means, *, is_answered: bool = True) -> Step:
    """Read the SRV records of the domain (RFC 6186, RFC 8314 §5.1), if the name servers answer at all."""
    if not is_answered:
        return Step(origin=Origin.SRV, fault="no-answer")
    names = {
        (Protocol.SMTP, Security.IMPLICIT_TLS): f"_submissions._tcp.{subject.domain}",
        (Protocol.SMTP, Security.STARTTLS): f"_submission._tcp.{subject.domain}",
        (Protocol.IMAP, Security.IMPLICIT_TLS): f"_imaps._tcp.{subject.domain}",
        (Protocol.IMAP, Security.STARTTLS): f"_imap._tcp.{subject.domain}",
    }
    found = dict(zip(names, at_once(means.resolver.services, names.values()), strict=True))
    answered = {kind: each for kind, each in found.items() if isinstance(each, Services)}
    smtp = _targets(answered, Protocol.SMTP)
    if not smtp:
        is_refused = any(each.is_refused for each in answered.values())
        return Step(origin=Origin.SRV, fault=_srv_fault(is_refused=is_refused, has_answer=bool(answered)))
    imap = _targets(answered, Protocol.IMAP)
    is_validated = all(each.is_authenticated for each in answered.values() if each.found)
    source = next(name for kind, name in names.items() if kind in answered and answered[kind].found)
    proposal = Proposal(origin=Origin.SRV, source=source, smtp=smtp, imap=imap, is_ordered=True)
    proposal = _judged(proposal, subject, means.catalog)
    return _step(Origin.SRV, (replace(proposal, is_trusted=proposal.is_trusted or is_validated),))


def by_autoconfig(subject: Subject, means: Means) -> Step:
    """Read the settings that the domain publishes on the web."""
    until = means.clock.monotonic() + means.seconds
    web = Web(
        addresses=means.addresses,
        clock=means.clock,
        until=until,
        authority=means.authority,
        port=means.web_port,
    )
    wanted = places(subject.domain, subject.address)
    answers = at_once(lambda place: configured(place, address=subject.address, web=web), wanted)
    faults: list[AutoconfigFault] = []
    for place, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, Configured):
            return _step(Origin.AUTOCONFIG, (_configured(place, answer, subject, means.catalog),))
        if isinstance(answer, AutoconfigFault):
            faults.append(answer)
    worst = _most_telling(faults)
    return Step(origin=Origin.AUTOCONFIG, fault=worst.reason, detail=worst.detail)


def by_names(subject: Subject, means: Means, exchangers: Exchangers | None) -> Step:
    """Propose the names that mail servers usually have; they count only once they have been verified.

    Where such a name is an alias (CNAME), the server's certificate is as a rule for the name behind it.
    """
    domain = subject.domain
    hosts = exchangers.preferred[:_MOST_MX_HOSTS] if exchangers else ()
    own = tuple(each for each in hosts if subject.owns(each))
    usual = _named(subject, ("smtp.", "mail."), ("imap.", "mail."), own)
    found = [Proposal(origin=Origin.NAMES, source=domain, smtp=usual[0], imap=usual[1], is_trusted=True)]
    behind = _behind(subject, means.resolver) if exchangers is not None else []
    elsewhere = [(each, (each,), (each,)) for each in hosts if each not in own]
    for source, smtp, imap in (*behind, *elsewhere):
        proposal = Proposal(
            origin=Origin.NAMES,
            source=source,
            smtp=_usual(Protocol.SMTP, smtp),
            imap=_usual(Protocol.IMAP, imap),
        )
        found.append(_judged(proposal, subject, means.catalog))
    return _step(Origin.NAMES, tuple(found))


def _behind(subject: Subject, resolver: Resolver) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Return the servers outside of the domain that its usual names are aliases of."""
    labels = ("smtp", "mail", "imap")
    names = [f"{label}.{subject.domain}" for label in labels]
    aliases = dict(zip(labels, at_once(resolver.alias, names), strict=True))

    def told(*labels: str) -> tuple[str, ...]:
        hosts = (aliases[label] or "" for label in labels)
        return tuple(dict.fromkeys(each for each in hosts if each and not subject.owns(each)))

    smtp = told("smtp", "mail")
    return [(smtp[0], smtp, told("imap", "mail") or smtp)] if smtp else []


def exchangers_of(subject: Subject, resolver: Resolver) -> Exchangers | None:
    """Return the MX records of the domain; None where no name server could tell.

    A domain that does not exist has none.
    """
    try:
        return resolver.exchangers(subject.domain)
    except FluenzrError as error:
        return Exchangers() if error.problem.code is ProblemCode.DNS_HOST_UNKNOWN else None


def at_once(ask: Callable[[str], _Answer], names: Iterable[str]) -> list[_Answer | None]:
    """Ask about each of a few names at the same time; None where that failed."""

    def asked(name: str) -> _Answer | None:
        try:
            return ask(name)
        except FluenzrError:
            return None

    wanted = list(names)
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        return list(pool.map(asked, wanted))


# -- proposals ---------------------------------------------------------------------------------------------


def _step(origin: Origin, found: tuple[Proposal, ...]) -> Step:
    return Step(origin=origin, found=found, fault="" if found else "nothing")


def _of_preset(preset: Preset, origin: Origin, source: str, subject: Subject) -> Proposal:
    if not preset.placeholders and not is_filled(preset):
        preset = filled(preset, {}, domain=subject.domain)
    return Proposal(
        origin=origin,
        source=source,
        preset=preset,
        smtp=preset.smtp,
        imap=preset.imap,
        username=preset.username,
        username_value=preset.username_value,
        is_trusted=True,
    )


def _told_apart(presets: tuple[Preset, ...]) -> tuple[Preset, ...]:
    """Leave one of the presets that lead to the same servers: the one that is not for certain domains."""
    found: dict[object, Preset] = {}
    for preset in sorted(presets, key=lambda each: bool(each.domains)):
        found.setdefault((preset.smtp, preset.imap), preset)
    return tuple(each for each in presets if each in found.values())


def _configured(place: str, answer: Configured, subject: Subject, catalog: PresetCatalog) -> Proposal:
    proposal = Proposal(
        origin=Origin.AUTOCONFIG,
        source=place.partition("?")[0],
        smtp=answer.smtp[:_MOST_SERVERS],
        imap=answer.imap[:_MOST_SERVERS],
        username=answer.username,
        username_value=answer.username_value,
        wants_oauth=answer.wants_oauth,
        is_ordered=True,
    )
    return _judged(proposal, subject, catalog)


def _judged(proposal: Proposal, subject: Subject, catalog: PresetCatalog) -> Proposal:
    """Say whether a password may go to these servers without asking, and whose they are."""
    hosts = {each.host for each in proposal.smtp + proposal.imap}
    is_trusted = all(subject.owns(each) or catalog.knows(each) for each in hosts)
    preset = catalog.for_host(proposal.smtp[0].host) if proposal.smtp else None
    return replace(proposal, preset=preset, is_trusted=is_trusted)


def _targets(found: dict[tuple[Protocol, Security], Services], protocol: Protocol) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(host=service.host, port=service.port, security=security)
        for (kind, security), services in found.items()
        if kind is protocol
        for service in services.found[:_MOST_SERVERS]
        if _is_host(service.host)
    )


def _is_host(name: str) -> bool:
    """Say whether a name of the DNS, which may hold any octets, is one of a host."""
    try:
        return parse_host(name) == name
    except FluenzrError:
        return False


def _srv_fault(*, is_refused: bool, has_answer: bool) -> str:
    if is_refused:
        return "refused"
    return "nothing" if has_answer else "no-answer"


def _named(
    subject: Subject, smtp: tuple[str, ...], imap: tuple[str, ...], more: tuple[str, ...]
) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    return (
        _usual(Protocol.SMTP, (*(each + subject.domain for each in smtp), *more)),
        _usual(Protocol.IMAP, (*(each + subject.domain for each in imap), *more)),
    )


def _usual(protocol: Protocol, hosts: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(host=host, port=ports.STANDARD[protocol][security], security=security)
        for host in dict.fromkeys(hosts)
        for security in (Security.IMPLICIT_TLS, Security.STARTTLS)
    )


# What a server said about the file counts more than that there is no such host.
_TELLING = ("host-unknown", "status", "unreachable")


def _most_telling(faults: list[AutoconfigFault]) -> AutoconfigFault:
    def weight(fault: AutoconfigFault) -> int:
        return _TELLING.index(fault.reason) if fault.reason in _TELLING else len(_TELLING)

    return max(faults, key=weight, default=AutoconfigFault("no-answer"))
