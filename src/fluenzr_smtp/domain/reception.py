"""How mail comes to a domain: MX, and what protects the way there (MTA-STS, TLS-RPT, DANE)."""

from __future__ import annotations

from dataclasses import replace

from fluenzr_smtp.domain.findings import Finding, Survey, faulty, listed, noted, shown
from fluenzr_smtp.domain.policy import fetch_policy
from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.domain.transport import (
    RPT_VERSION,
    STS_VERSION,
    STSPolicy,
    parse_policy,
    parse_sts,
    parse_tls_rpt,
    suggested_sts,
    tlsa_fault,
    version_texts,
)
from fluenzr_smtp.problems import FactValue, ProblemCode, Stage

_MOST_MX_HOSTS = 10  # whose addresses are looked up
_MOST_DANE_HOSTS = 5


def examine_mx(survey: Survey) -> Finding:
    """Look at where mail for the domain goes; without MX records it goes to the domain's own address.

    A domain that takes no mail at all is a failure: receivers refuse its senders (RFC 7505 §4.2). So is one
    whose hosts, of which the first ten are looked at, all lack an address; one of several is a note.

    Raises:
        FluenzrError: ``dns-host-unknown`` where the domain does not exist.
    """
    exchangers = survey.lookups.exchangers(survey.domain)
    hosts = exchangers.hosts
    presets = tuple(each.key for each in survey.catalog.for_mx(hosts))
    facts: dict[str, FactValue] = {"hosts": listed(hosts), "presets": presets}
    if hosts:
        return _dead_hosts(survey, facts, hosts[:_MOST_MX_HOSTS]) or Finding(facts=facts)
    if exchangers.is_null:
        reason = "null-mx"
    else:
        reason = "no-mx" if survey.lookups.addresses(survey.domain) else "no-address"
    code, is_advisory = ProblemCode.DOMAIN_MX_NONE, reason == "no-mx"
    return noted(facts, code, Stage.MX, is_advisory=is_advisory, reason=reason)


def _dead_hosts(survey: Survey, facts: dict[str, FactValue], hosts: tuple[str, ...]) -> Finding | None:
    """Return that hosts have no address, so that nobody can deliver to them (RFC 5321 §5.1)."""
    missing = tuple(each for each in hosts if not survey.lookups.addresses(each))
    if not missing:
        return None
    facts["missing"] = listed(missing)
    code, is_advisory = ProblemCode.DOMAIN_MX_NONE, len(missing) < len(hosts)
    return noted(facts, code, Stage.MX, is_advisory=is_advisory, reason="no-address-of-host")


def _mail_hosts(survey: Survey) -> tuple[str, ...]:
    """Return the MX hosts, or the domain itself where it has none (RFC 5321 §5.1)."""
    exchangers = survey.lookups.exchangers(survey.domain)
    return exchangers.hosts or (() if exchangers.is_null else (survey.domain,))


# -- MTA-STS -----------------------------------------------------------------------------------------------


def examine_mta_sts(survey: Survey) -> Finding:
    """Look at whether senders are told to insist on TLS (RFC 8461)."""
    name = f"_mta-sts.{survey.domain}"
    found = version_texts(survey.lookups.texts(name), STS_VERSION)
    hosts = _mail_hosts(survey)
    if not found:
        record, policy = suggested_sts(listed(hosts), now=survey.clock.now())
        code = ProblemCode.DOMAIN_MTA_STS_NONE
        return noted({}, code, Stage.MTA_STS, is_advisory=True, record=record, policy=policy, name=name)
    facts: dict[str, FactValue] = {"record": shown(found[0])}
    read = RecordFault("several-records", str(len(found))) if len(found) > 1 else parse_sts(found[0])
    policy_read = read if isinstance(read, RecordFault) else _policy(survey)
    if isinstance(policy_read, RecordFault):
        return _sts_fault(facts, policy_read, is_advisory=True)
    return _judged_policy(facts, policy_read, hosts)


def _policy(survey: Survey) -> STSPolicy | RecordFault:
    host = f"mta-sts.{survey.domain}"
    addresses = survey.lookups.addresses(host)
    if not addresses:
        return RecordFault("policy-host-unknown", host)
    seconds = min(survey.policies.seconds, survey.lookups.patience(host))
    server = replace(survey.policies, seconds=seconds)
    content = fetch_policy(host, addresses, server=server, clock=survey.clock)
    return content if isinstance(content, RecordFault) else parse_policy(content)


def _judged_policy(facts: dict[str, FactValue], policy: STSPolicy, hosts: tuple[str, ...]) -> Finding:
    facts |= {"mode": policy.mode, "mx": listed(policy.patterns), "max_age_seconds": policy.max_age_seconds}
    left_out = tuple(each for each in hosts if not policy.admits(each))
    if left_out and policy.mode != "none":
        # In this mode senders refuse to deliver to a host that the policy does not name.
        is_advisory = policy.mode != "enforce"
        return _sts_fault(facts, RecordFault("mx-not-listed", ", ".join(left_out)), is_advisory=is_advisory)
    return Finding(facts=facts)


def _sts_fault(facts: dict[str, FactValue], fault: RecordFault, *, is_advisory: bool) -> Finding:
    return faulty(facts, fault, ProblemCode.DOMAIN_MTA_STS_INVALID, Stage.MTA_STS, is_advisory=is_advisory)


# -- TLS-RPT -----------------------------------------------------------------------------------------------


def examine_tls_rpt(survey: Survey) -> Finding:
    """Look at whether failed TLS is reported (RFC 8460)."""
    name = f"_smtp._tls.{survey.domain}"
    found = version_texts(survey.lookups.texts(name), RPT_VERSION)
    proposed = f"v={RPT_VERSION}; rua=mailto:postmaster@{survey.domain}"
    if not found:
        code = ProblemCode.DOMAIN_TLS_RPT_NONE
        return noted({}, code, Stage.TLS_RPT, is_advisory=True, record=proposed, name=name)
    facts: dict[str, FactValue] = {"record": shown(found[0])}
    read = RecordFault("several-records", str(len(found))) if len(found) > 1 else parse_tls_rpt(found[0])
    if isinstance(read, RecordFault):
        code = ProblemCode.DOMAIN_TLS_RPT_INVALID
        return faulty(facts, read, code, Stage.TLS_RPT, is_advisory=True, record=proposed, name=name)
    return Finding(facts=facts | {"reports": listed(read)})


# -- DANE --------------------------------------------------------------------------------------------------


def examine_dane(survey: Survey) -> Finding:
    """Look for the certificates of the MX hosts in the DNS (RFC 7672), of the first five.

    They help only where the resolver has verified them, and the MX records that name the hosts (DNSSEC).
    """
    hosts = _mail_hosts(survey)[:_MOST_DANE_HOSTS]
    answers = {host: survey.lookups.tlsa(f"_25._tcp.{host}") for host in hosts}
    having = {host: answer for host, answer in answers.items() if answer.records}
    missing = tuple(host for host in hosts if host not in having)
    facts: dict[str, FactValue] = {"hosts": listed(tuple(having)), "missing": listed(missing)}
    if not having:
        return noted(facts, ProblemCode.DOMAIN_DANE_NONE, Stage.DANE, is_advisory=True)
    facts["is_authenticated"] = survey.lookups.exchangers(survey.domain).is_authenticated and all(
        answer.is_authenticated for answer in having.values()
    )
    for host, answer in having.items():
        faults = [tlsa_fault(record) for record in answer.records]
        if faults[0] is not None and None not in faults:  # senders pass over the others
            return _dane_fault(facts, faults[0], host)
    if not facts["is_authenticated"]:
        return _dane_fault(facts, RecordFault("not-authenticated"), next(iter(having)))
    if missing:
        return noted(facts, ProblemCode.DOMAIN_DANE_NONE, Stage.DANE, is_advisory=True, reason="some-hosts")
    return Finding(facts=facts)


def _dane_fault(facts: dict[str, FactValue], fault: RecordFault, host: str) -> Finding:
    code = ProblemCode.DOMAIN_DANE_INVALID
    return faulty(facts, fault, code, Stage.DANE, is_advisory=True, host=shown(host))
