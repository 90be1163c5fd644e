"""Records about transport to a domain: MTA-STS (RFC 8461), TLS-RPT (RFC 8460), DANE (RFC 7672). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from fluenzr_smtp.dns import Association
from fluenzr_smtp.domain.dmarc import is_report_uri
from fluenzr_smtp.domain.tags import RecordFault, is_version, parse_tags

STS_VERSION = "STSv1"
RPT_VERSION = "TLSRPTv1"
LONGEST_AGE_SECONDS = 31_557_600  # RFC 8461 §3.2
_MODES = ("enforce", "testing", "none")
_MOST_LINES = 1000
_STS_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELD = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(?P<value>([\x21-\x7e][\x21-\x7e ]*)?)"
)
_MX_PATTERN = re.compile(r"(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+\.?")
# RFC 7672 §3.1: the two usages that need no other authority, and the lengths of SHA-256 and SHA-512.
_USAGES = {2, 3}
_DIGEST_BYTES = {1: 32, 2: 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class STSPolicy:
    """A valid MTA-STS policy. ``patterns`` are host names, or ``*.`` and a domain, in lower case."""

    mode: str
    patterns: tuple[str, ...]
    max_age_seconds: int

    def admits(self, host: str) -> bool:
        """Say whether an MX host is one of them; the star stands for exactly one label (RFC 8461 §4.1)."""
        below = "*." + host.partition(".")[2]
        return host in self.patterns or below in self.patterns


def version_texts(texts: tuple[str, ...], version: str) -> tuple[str, ...]:
    """Return the TXT records of a version; the others are not to be looked at."""
    return tuple(each for each in texts if is_version(each, version))


def parse_sts(text: str) -> str | RecordFault:
    """Return the identifier in a record of ``_mta-sts`` (RFC 8461 §3.1).

    Reasons of a fault: ``syntax``, ``duplicate-tag``, ``version``, ``id-missing``, ``id``.
    """
    tags = parse_tags(text)
    if isinstance(tags, RecordFault):
        return tags
    if next(iter(tags)) != "v" or tags["v"] != STS_VERSION:
        return RecordFault("version", text[:40])
    identifier = tags.get("id", "")
    if not identifier:
        return RecordFault("id-missing")
    return identifier if _STS_ID.fullmatch(identifier) else RecordFault("id", identifier)


def parse_policy(content: bytes) -> STSPolicy | RecordFault:
    """Read a policy file (RFC 8461 §3.2); of a field that comes twice, but for ``mx``, the first counts.

    Reasons of a fault: ``not-text``, ``policy-syntax``, ``version``, ``mode``, ``max-age``, ``mx``.
    """
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return RecordFault("not-text")
    if len(lines) > _MOST_LINES:
        return RecordFault("policy-syntax")
    fields: dict[str, list[str]] = {}
    for line in lines:
        bare = line.removesuffix("\r").rstrip(" \t")
        found = _FIELD.fullmatch(bare)
        if found is not None:
            fields.setdefault(found["name"], []).append(found["value"])
        elif bare.strip():
            return RecordFault("policy-syntax", bare)
    return _policy({name: values[0] for name, values in fields.items()}, tuple(fields.get("mx", ())))


def _policy(fields: dict[str, str], patterns: tuple[str, ...]) -> STSPolicy | RecordFault:
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    if fields.get("version") != STS_VERSION:
        return RecordFault("version", fields.get("version", ""))
    if mode not in _MODES:
        return RecordFault("mode", mode)
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > LONGEST_AGE_SECONDS:
        return RecordFault("max-age", age)
    wrong = next((each for each in patterns if not _MX_PATTERN.fullmatch(each)), None)
    if wrong is not None or (not patterns and mode != "none"):
        return RecordFault("mx", wrong or "")
    kept = tuple(each.lower().removesuffix(".") for each in patterns)
    return STSPolicy(mode=mode, patterns=kept, max_age_seconds=int(age))


def suggested_sts(hosts: tuple[str, ...], *, now: datetime) -> tuple[str, tuple[str, ...]]:
    """Return a record of ``_mta-sts`` and the lines of a policy that only watches."""
    policy = (f"version: {STS_VERSION}", "mode: testing", *(f"mx: {each}" for each in hosts))
    return f"v={STS_VERSION}; id={now:%Y%m%d%H%M%S}", (*policy, "max_age: 86400")


def parse_tls_rpt(text: str) -> tuple[str, ...] | RecordFault:
    """Return where reports go, of a record of ``_smtp._tls`` (RFC 8460 §3): ``mailto:`` or ``https:``.

    Reasons of a fault: ``syntax``, ``duplicate-tag``, ``version``, ``rua-missing``, ``tag-value``.
    """
    tags = parse_tags(text)
    if isinstance(tags, RecordFault):
        return tags
    if next(iter(tags)) != "v" or tags["v"] != RPT_VERSION:
        return RecordFault("version", text[:40])
    if not tags.get("rua"):
        return RecordFault("rua-missing")
    targets = tuple(each.strip() for each in tags["rua"].split(","))
    wrong = next((each for each in targets if not is_report_uri(each, schemes=("mailto", "https"))), None)
    return targets if wrong is None else RecordFault("tag-value", f"rua={wrong}")


def tlsa_fault(record: Association) -> RecordFault | None:
    """Say what keeps senders from using a TLSA record (RFC 7672 §3.1, RFC 6698 §2.1).

    Reasons: ``tlsa-usage``, ``tlsa-selector``, ``tlsa-matching``, ``tlsa-length``.
    """
    told = f"{record.usage} {record.selector} {record.matching}"
    if record.usage not in _USAGES:
        return RecordFault("tlsa-usage", told)
    if record.selector not in {0, 1}:
        return RecordFault("tlsa-selector", told)
    if record.matching not in {0, *_DIGEST_BYTES}:
        return RecordFault("tlsa-matching", told)
    length = _DIGEST_BYTES.get(record.matching, len(record.data) or -1)
    return RecordFault("tlsa-length", told) if len(record.data) != length else None
