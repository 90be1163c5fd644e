"""Whether receivers can tell that mail of a domain is its own: SPF, DKIM and DMARC."""

from __future__ import annotations

import re

from fluenzr_smtp.domain.dkim import DKIMKey, parse_key
from fluenzr_smtp.domain.dmarc import (
    DMARCRecord,
    dmarc_texts,
    misspelt_dmarc_texts,
    parse_dmarc,
    policy_names,
    suggested,
)
from fluenzr_smtp.domain.evaluation import Evaluation, covers, evaluate
from fluenzr_smtp.domain.findings import Finding, Survey, faulty, listed, noted, shown
from fluenzr_smtp.domain.lookups import Lookups
from fluenzr_smtp.domain.spf import (
    LONGEST_RECORD_BYTES,
    MOST_LOOKUPS,
    MOST_VOID_LOOKUPS,
    Qualifier,
    SPFRecord,
    merged,
    misspelt_spf_texts,
    parse_spf,
    spf_texts,
    with_default,
    with_include,
)
from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.model import Preset
from fluenzr_smtp.problems import FactValue, ProblemCode, Stage

_MOST_SELECTORS = 12
_SELECTOR = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
_READY_TO_COPY = 2000  # characters of a record that is proposed


# -- SPF ---------------------------------------------------------------------------------------------------


def examine_spf(survey: Survey) -> Finding:
    """Look at who may send for the domain (RFC 7208)."""
    texts = survey.lookups.texts(survey.domain)
    found = spf_texts(texts)
    if not found:
        return _without_spf(survey, misspelt_spf_texts(texts))
    if len(found) > 1:
        facts: dict[str, FactValue] = {"records": listed(found)}
        fault = RecordFault("several-records", str(len(found)))
        return _spf_fault(facts, fault, record=_copyable(merged(found)))
    facts = {"record": shown(found[0]), "size_bytes": len(found[0].encode())}
    record = parse_spf(found[0])
    if isinstance(record, RecordFault):
        return _spf_fault(facts, record)
    evaluation = evaluate(record, survey.domain, survey.lookups)
    facts |= _spf_facts(record, evaluation)
    return (
        _broken_spf(facts, record, evaluation)
        or _without_provider(survey, facts, record, evaluation)
        or _weak_spf(facts, record, evaluation)
        or Finding(facts=facts)
    )


def _without_spf(survey: Survey, misspelt: tuple[str, ...]) -> Finding:
    include = survey.preset.spf[0] if survey.preset and survey.preset.spf else None
    record = f"v=spf1 include:{include} ~all" if include else None
    if misspelt:
        facts: dict[str, FactValue] = {"record": shown(misspelt[0])}
        return _spf_fault(facts, RecordFault("version", misspelt[0]), record=record)
    code = ProblemCode.DOMAIN_SPF_NONE
    return noted({}, code, Stage.SPF, is_advisory=False, record=record, include=include, name=survey.domain)


def _spf_fault(facts: dict[str, FactValue], fault: RecordFault, *, record: str | None = None) -> Finding:
    code = ProblemCode.DOMAIN_SPF_INVALID
    return faulty(facts, fault, code, Stage.SPF, is_advisory=False, record=record)


def _spf_facts(record: SPFRecord, evaluation: Evaluation) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {
        "lookups": evaluation.lookups,
        "limit": MOST_LOOKUPS,
        "void_lookups": evaluation.void_lookups,
        "default": f"{evaluation.default}all" if evaluation.default else "",
        "includes": listed(tuple(sorted(evaluation.included))),
    }
    if evaluation.unevaluated:
        facts["not_evaluated"] = listed(evaluation.unevaluated)
    if record.redirect:
        facts["redirect"] = shown(record.redirect)
    return facts


def _broken_spf(facts: dict[str, FactValue], record: SPFRecord, evaluation: Evaluation) -> Finding | None:
    """Return what makes receivers ignore the record, or believe everybody."""
    if evaluation.lookups > MOST_LOOKUPS:
        code = ProblemCode.DOMAIN_SPF_TOO_MANY_LOOKUPS
        return noted(facts, code, Stage.SPF, is_advisory=False, costs=listed(evaluation.costs))
    if evaluation.fault is not None:
        return _spf_fault(facts, evaluation.fault)
    if evaluation.void_lookups > MOST_VOID_LOOKUPS:
        return _spf_fault(facts, RecordFault("void-lookups", str(evaluation.void_lookups)))
    if evaluation.admits_everybody:
        return _open_spf(facts, record, "admits-everybody", is_advisory=False)
    return None


def _without_provider(
    survey: Survey, facts: dict[str, FactValue], record: SPFRecord, evaluation: Evaluation
) -> Finding | None:
    """Return that the account's provider is not admitted, as far as can be said; note it where it is."""
    preset = survey.preset
    if preset is None or not preset.spf:
        return None
    facts["provider"] = preset.key
    by = _admitted_by(preset, evaluation, survey.lookups)
    if by:
        facts["admitted_by"] = by
        return None
    # What was not evaluated may admit it after all.
    proposed, include = with_include(record, preset.spf[0]), preset.spf[0]
    code, doubtful = ProblemCode.DOMAIN_SPF_PROVIDER_MISSING, bool(evaluation.unevaluated)
    return noted(facts, code, Stage.SPF, is_advisory=doubtful, record=_copyable(proposed), include=include)


def _admitted_by(preset: Preset, evaluation: Evaluation, lookups: Lookups) -> str:
    """Return the include that admits a provider, ``addresses`` where its addresses are listed, or nothing."""
    name = next((each for each in preset.spf if each in evaluation.included), "")
    if name or not evaluation.networks:
        return name
    return "addresses" if any(_lists(evaluation, each, lookups) for each in preset.spf) else ""


def _lists(evaluation: Evaluation, name: str, lookups: Lookups) -> bool:
    texts = spf_texts(lookups.texts(name))
    record = parse_spf(texts[0]) if len(texts) == 1 else None
    if not isinstance(record, SPFRecord):
        return False
    theirs = evaluate(record, name, lookups)
    return not theirs.unevaluated and theirs.fault is None and covers(evaluation.networks, theirs.networks)


def _weak_spf(facts: dict[str, FactValue], record: SPFRecord, evaluation: Evaluation) -> Finding | None:
    """Return what is worth mending in a record that works."""
    if evaluation.default in {None, Qualifier.NEUTRAL}:
        reason = "neutral-default" if evaluation.default else "no-default"
        return _open_spf(facts, record, reason, is_advisory=True)
    code = ProblemCode.DOMAIN_SPF_INVALID
    if any(each.name == "ptr" for each in record.effective):  # RFC 7208 §5.5: do not use
        fault = RecordFault("ptr-discouraged", "ptr")
        return faulty(facts, fault, code, Stage.SPF, is_advisory=True)
    size = len(record.text.encode())
    if size > LONGEST_RECORD_BYTES:
        fault = RecordFault("record-too-long", str(size))
        return faulty(facts, fault, code, Stage.SPF, is_advisory=True)
    return None


def _open_spf(facts: dict[str, FactValue], record: SPFRecord, reason: str, *, is_advisory: bool) -> Finding:
    proposed = None if record.redirect else _copyable(with_default(record, "~all"))
    code = ProblemCode.DOMAIN_SPF_OPEN
    return noted(facts, code, Stage.SPF, is_advisory=is_advisory, reason=reason, record=proposed)


def _copyable(record: str) -> str | None:
    """Return a record to be published, unless it is too long to be one or holds what cannot be copied."""
    return record if len(record) <= _READY_TO_COPY and record.isprintable() else None


# -- DKIM --------------------------------------------------------------------------------------------------


def examine_dkim(survey: Survey) -> Finding:
    """Look for the keys that verify the domain's signatures (RFC 6376).

    Where selectors were given, each must have a good key; of the provider's usual ones, one is enough.
    """
    usual = survey.preset.dkim if survey.preset else ()
    wanted = tuple(dict.fromkeys(survey.selectors or usual))[:_MOST_SELECTORS]
    code = ProblemCode.DOMAIN_DKIM_NONE
    if not wanted:
        return noted({}, code, Stage.DKIM, is_advisory=True, reason="selectors-unknown")
    keys = {each: _key(survey, each) for each in wanted}
    good = {name: key for name, key in keys.items() if isinstance(key, DKIMKey)}
    faults = {name: key for name, key in keys.items() if isinstance(key, RecordFault)}
    missing = tuple(name for name, key in keys.items() if key is None)
    facts: dict[str, FactValue] = {"keys": tuple(f"{name}: {key}" for name, key in good.items())}
    facts |= {"selectors": listed(tuple(good)), "missing": listed(missing)}
    is_enough = bool(good) and not survey.selectors
    if faults:
        return _dkim_fault(facts, faults, is_advisory=is_enough)
    if missing and not is_enough:
        return noted(facts, code, Stage.DKIM, is_advisory=False, reason="no-key", selectors=listed(missing))
    return _weak_dkim(facts, good) or Finding(facts=facts)


def _key(survey: Survey, selector: str) -> DKIMKey | RecordFault | None:
    if not _SELECTOR.fullmatch(selector):
        return None
    name = f"{selector}._domainkey.{survey.domain}"
    texts = survey.lookups.texts(name)
    if len(texts) > 1:  # RFC 6376 §3.6.2.2: the result is undefined
        return RecordFault("several-records", str(len(texts)))
    if texts:
        return parse_key(texts[0])
    target = survey.lookups.alias(name)
    return RecordFault("alias-leads-nowhere", target) if target else None


def _dkim_fault(facts: dict[str, FactValue], faults: dict[str, RecordFault], *, is_advisory: bool) -> Finding:
    selector, fault = next(iter(faults.items()))
    if is_advisory and fault.reason == "key-revoked":  # how providers leave a key that they have rotated
        return Finding(facts={**facts, "revoked": listed(tuple(faults))})
    code, names = ProblemCode.DOMAIN_DKIM_INVALID, listed(tuple(faults))
    told = shown(selector)
    return faulty(facts, fault, code, Stage.DKIM, is_advisory=is_advisory, selector=told, selectors=names)


def _weak_dkim(facts: dict[str, FactValue], good: dict[str, DKIMKey]) -> Finding | None:
    name = next((name for name, key in good.items() if key.is_short or key.is_testing), None)
    if name is None:
        return None
    key = good[name]
    fault = RecordFault("key-short", str(key.bits)) if key.is_short else RecordFault("key-testing", "t=y")
    code = ProblemCode.DOMAIN_DKIM_INVALID
    return faulty(facts, fault, code, Stage.DKIM, is_advisory=True, selector=shown(name))


# -- DMARC -------------------------------------------------------------------------------------------------


def examine_dmarc(survey: Survey) -> Finding:
    """Look at what receivers are asked to do with forged mail, of the domain or one above it (RFC 7489)."""
    for name in policy_names(survey.domain):
        texts = survey.lookups.texts(f"_dmarc.{name}")
        found = dmarc_texts(texts) or misspelt_dmarc_texts(texts)
        if found:
            return _judged_dmarc(survey, found, name)
    proposed = suggested(survey.domain, policy="none")
    code, name = ProblemCode.DOMAIN_DMARC_NONE, f"_dmarc.{survey.domain}"
    return noted({}, code, Stage.DMARC, is_advisory=False, record=proposed, name=name)


def _judged_dmarc(survey: Survey, found: tuple[str, ...], name: str) -> Finding:
    facts: dict[str, FactValue] = {"record": shown(found[0]), "name": f"_dmarc.{name}"}
    record = parse_dmarc(found[0])
    if len(dmarc_texts(found)) > 1:
        record = RecordFault("several-records", str(len(found)))
    if isinstance(record, RecordFault):
        proposed, code = suggested(name, policy="none"), ProblemCode.DOMAIN_DMARC_INVALID
        return faulty(facts, record, code, Stage.DMARC, is_advisory=False, record=proposed)
    policy = record.policy if name == survey.domain else record.subdomain_policy
    facts |= {"policy": policy, "percent": record.percent, "reports": listed(record.reports)}
    facts |= {"dkim_alignment": record.dkim_alignment, "spf_alignment": record.spf_alignment}
    if policy == "none" or record.percent == 0 or record.is_testing:
        return _watching_dmarc(facts, record, name)
    return Finding(facts=facts)


def _watching_dmarc(facts: dict[str, FactValue], record: DMARCRecord, name: str) -> Finding:
    proposed = _copyable(suggested(name, policy="quarantine", reports=record.reports))
    code = ProblemCode.DOMAIN_DMARC_MONITORING
    return noted(facts, code, Stage.DMARC, is_advisory=True, record=proposed)
