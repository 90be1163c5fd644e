"""DMARC policy records (RFC 7489 §6.3, §6.4): strict, pure, total."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fluenzr_smtp.domain.tags import RecordFault, is_version, parse_tags

VERSION = "DMARC1"
POLICIES = ("none", "quarantine", "reject")
_RESEMBLANCE = re.compile(r"[\s\"']*(v\s*[=:]?\s*[\"']?DMARC|DMARC1\b)", re.IGNORECASE)
_LONGEST_WALK = 8  # names asked for one domain
_LONGEST_URI = 1000
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>[A-Za-z0-9\-._~:/?#\[\]@$&'()*+=%]+)(![0-9]+[kmgtKMGT]?)?"
)
_MAILTO = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_REPORT_OPTIONS = re.compile(r"[01ds]([ \t]*:[ \t]*[01ds])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DMARCRecord:
    """A valid record. ``subdomain_policy`` is what holds for names below."""

    text: str
    policy: str
    subdomain_policy: str
    percent: int = 100
    reports: tuple[str, ...] = ()
    dkim_alignment: str = "r"
    spf_alignment: str = "r"
    is_testing: bool = False


def dmarc_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the TXT records that are DMARC records; the others are not to be looked at (RFC 7489 §6.6.3)."""
    return tuple(each for each in texts if is_version(each, VERSION))


def misspelt_dmarc_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the TXT records that are meant to be DMARC records and are none: no version, or another one."""
    return tuple(each for each in texts if _RESEMBLANCE.match(each) and not is_version(each, VERSION))


def policy_names(domain: str) -> tuple[str, ...]:
    """Return the domain and the parents whose policy may hold for it, without a list of public suffixes.

    The tree walk of DMARC's successor does the same: upwards, at most eight names, from eight labels down to
    seven at once. A top-level domain is left out.
    """
    labels = domain.split(".")
    names = [domain]
    start = 1 if len(labels) <= _LONGEST_WALK else len(labels) - 7
    names += [".".join(labels[at:]) for at in range(start, len(labels) - 1)]
    return tuple(names[:_LONGEST_WALK])


def parse_dmarc(text: str) -> DMARCRecord | RecordFault:
    """Read a record.

    Reasons of a fault: ``version``, ``syntax``, ``duplicate-tag``, ``policy-missing``, and ``tag-value`` for
    a value out of range, with the tag as its detail.
    """
    if not is_version(text, VERSION):
        return RecordFault("version", text[:40])
    tags = parse_tags(text)
    if isinstance(tags, RecordFault):
        return tags
    if "p" not in tags:
        return RecordFault("policy-missing")
    wrong = next((name for name, value in tags.items() if not _is_valid(name, value)), "")
    if wrong:
        return RecordFault("tag-value", f"{wrong}={tags[wrong]}")
    return _record(text, tags)


def _record(text: str, tags: Mapping[str, str]) -> DMARCRecord:
    policy = tags["p"].lower()
    return DMARCRecord(
        text=text,
        policy=policy,
        subdomain_policy=tags.get("sp", policy).lower(),
        percent=int(tags.get("pct", "100")),
        reports=tuple(each.strip() for each in tags["rua"].split(",")) if "rua" in tags else (),
        dkim_alignment=tags.get("adkim", "r").lower(),
        spf_alignment=tags.get("aspf", "r").lower(),
        is_testing=tags.get("t", "n").lower() == "y",
    )


def _is_valid(name: str, value: str) -> bool:
    """Say whether a tag's value keeps to the grammar; tags of another name are to be passed over."""
    word = value.lower()
    if name in {"p", "sp", "np"}:
        return word in POLICIES
    if name in {"adkim", "aspf"}:
        return word in {"r", "s"}
    if name == "pct":
        return re.fullmatch(r"[0-9]{1,3}", value) is not None and int(value) <= 100
    if name in {"rua", "ruf"}:
        return all(is_report_uri(each.strip()) for each in value.split(","))
    return _is_valid_option(name, word)


def _is_valid_option(name: str, word: str) -> bool:
    patterns = {"fo": _REPORT_OPTIONS.pattern, "ri": r"[0-9]{1,10}", "t": "[yn]", "psd": "[ynu]"}
    return name not in patterns or re.fullmatch(patterns[name], word) is not None


def is_report_uri(text: str, *, schemes: tuple[str, ...] = ()) -> bool:
    """Say whether reports can be sent there: a URI, of a mailbox if it is ``mailto:`` (RFC 7489 §6.4)."""
    found = _URI.fullmatch(text) if len(text) <= _LONGEST_URI else None
    if found is None or (schemes and found["scheme"].lower() not in schemes):
        return False
    return found["scheme"].lower() != "mailto" or _MAILTO.fullmatch(found["rest"]) is not None


def suggested(domain: str, *, policy: str, reports: tuple[str, ...] = ()) -> str:
    """Return a record to be published; without an address for reports, that of the postmaster."""
    return f"v={VERSION}; p={policy}; rua={','.join(reports) or f'mailto:postmaster@{domain}'}"
