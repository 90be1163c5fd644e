"""Walk what the DNS says about a domain stage by stage and yield a check for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from fluenzr_smtp.dns import Resolver, ascii_domain
from fluenzr_smtp.domain.authentication import examine_dkim, examine_dmarc, examine_spf
from fluenzr_smtp.domain.findings import Finding, Survey
from fluenzr_smtp.domain.lookups import Lookups
from fluenzr_smtp.domain.policy import PolicyServer
from fluenzr_smtp.domain.reception import examine_dane, examine_mta_sts, examine_mx, examine_tls_rpt
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Check, Clock, Preset, Protocol
from fluenzr_smtp.presets import PresetCatalog
from fluenzr_smtp.problems import FactValue, Problem, ProblemCode, Stage

_STAGES: Mapping[Stage, Callable[[Survey], Finding]] = MappingProxyType(
    {
        Stage.MX: examine_mx,
        Stage.SPF: examine_spf,
        Stage.DKIM: examine_dkim,
        Stage.DMARC: examine_dmarc,
        Stage.MTA_STS: examine_mta_sts,
        Stage.TLS_RPT: examine_tls_rpt,
        Stage.DANE: examine_dane,
    }
)

_MOST_UNANSWERED = 2  # stages; beyond it, the next one would only be waited for


def examine_domain(
    domain: str,
    *,
    resolver: Resolver,
    clock: Clock,
    preset: Preset | None,
    selectors: tuple[str, ...] = (),
    catalog: PresetCatalog | None = None,
    policies: PolicyServer | None = None,
) -> Iterator[Check]:
    """Yield a check for each stage: MX, SPF, DKIM, DMARC, MTA-STS, TLS-RPT, DANE.

    A look-up that fails is a failure (``dns-unavailable``) of its stage; the others go on until two stages
    have failed so. The walk ends with the first check where no name server has answered anything, and where
    the domain does not exist, or cannot.

    Args:
        domain: What stands after the @ of the sender's address.
        resolver: Whom to ask. Its ``timeout`` holds for one look-up and for the policy's web server; the
            whole walk ends after about four times that.
        clock: For the times, and for the identifier of a record that is proposed.
        preset: The provider that the mail is sent through, if it is known.
        selectors: DKIM selectors, each of which must have a good key, instead of the provider's usual ones.
        catalog: Where the MX hosts' provider is looked for; the preset alone unless given.
        policies: How the MTA-STS policy is fetched; never for longer than the resolver's ``timeout``.
    """
    try:
        name = ascii_domain(domain)
    except FluenzrError as error:
        yield _check(domain, Stage.MX, _failed(error.problem, Stage.MX, domain), seconds=0.0)
        return
    survey = Survey(
        domain=name,
        lookups=Lookups(resolver, clock=clock),
        clock=clock,
        preset=preset if preset is not None and name not in preset.domains else None,
        catalog=catalog or PresetCatalog.of(*((preset,) if preset else ())),
        selectors=selectors,
        policies=policies or PolicyServer(seconds=resolver.timeout),
    )
    yield from _walk(survey, domain)


def _walk(survey: Survey, told: str) -> Iterator[Check]:
    """Yield the checks of a domain, ``told`` as it came, until it is of no use to go on."""
    unanswered = 0
    for stage, look in _STAGES.items():
        start = survey.clock.monotonic()
        finding = _found(survey, stage, look)
        yield _check(told, stage, finding, seconds=survey.clock.monotonic() - start)
        code = finding.problem.code if finding.problem is not None else None
        unanswered += code is ProblemCode.DNS_UNAVAILABLE
        is_silent = bool(unanswered) and not survey.lookups.is_answered
        if code is ProblemCode.DNS_HOST_UNKNOWN or is_silent or unanswered >= _MOST_UNANSWERED:
            return


def _found(survey: Survey, stage: Stage, look: Callable[[Survey], Finding]) -> Finding:
    survey.lookups.begin()
    try:
        return look(survey)
    except FluenzrError as error:
        return _failed(error.problem, stage, survey.domain)


def _failed(problem: Problem, stage: Stage, domain: str) -> Finding:
    facts: dict[str, FactValue] = {**problem.facts, "domain": domain}
    restaged = Problem(code=problem.code, stage=stage, facts=MappingProxyType(facts))
    return Finding(problem=restaged)


def _check(domain: str, stage: Stage, finding: Finding, *, seconds: float) -> Check:
    return Check(
        protocol=Protocol.DNS,
        stage=stage,
        elapsed=timedelta(seconds=seconds),
        domain=domain,
        facts=MappingProxyType(dict(finding.facts)),
        problem=finding.problem.with_facts(domain=domain) if finding.problem else None,
        is_advisory=finding.is_advisory,
    )
