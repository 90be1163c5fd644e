"""The syntax of SPF records (RFC 7208 §4.6.1, §7.1, §12): strict, pure, total."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from fluenzr_smtp.domain.tags import RecordFault

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_LOOKUPS = 10  # RFC 7208 §4.6.4
MOST_VOID_LOOKUPS = 2
LONGEST_RECORD_BYTES = 450  # RFC 7208 §3.4: so that the answer fits into a datagram of 512 bytes

_LONGEST_LABEL = 63  # RFC 1035 §2.3.4
_VERSION = re.compile(r"v=spf1( |$)", re.IGNORECASE)
_RESEMBLANCE = re.compile(r"[\s\"']*(v\s*=\s*[\"']?spf|spf1\b)", re.IGNORECASE)  # not Sender ID's spf2.0
_MODIFIER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)")
_DIRECTIVE = re.compile(r"(?P<qualifier>[+?~-]?)(?P<name>[A-Za-z0-9]+)(?P<rest>.*)")
_CIDR = re.compile(r"(?P<domain>.*?)(/(?P<four>0|[1-9][0-9]?))?(//(?P<six>0|[1-9][0-9]{0,2}))?")
_MACRO = re.compile(r"%(\{[slodiphcrtvSLODIPHCRTV][0-9]*[rR]?[.+,/_=-]*\}|[%_-])")
_LITERAL = re.compile(r"[\x21-\x24\x26-\x7e]*")
_TOP_LABEL = re.compile(r"[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9]")


class Qualifier(StrEnum):
    """What a match of a mechanism means."""

    PASS = "+"  # noqa: S105 - not a password
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One mechanism. ``domain`` is empty where the record's own is meant; prefixes are those of a and mx."""

    term: str
    qualifier: Qualifier
    name: str
    domain: str = ""
    network: Network | None = None
    prefix4: int = 32
    prefix6: int = 128

    @property
    def costs_lookup(self) -> bool:
        """Say whether it counts against the limit of ten (RFC 7208 §4.6.4)."""
        return self.name in {"include", "a", "mx", "ptr", "exists"}

    @property
    def has_macro(self) -> bool:
        """Say whether its domain depends on the message, so that it cannot be looked up here."""
        return "%" in self.domain


@dataclass(frozen=True, slots=True, kw_only=True)
class SPFRecord:
    """A record that keeps to the grammar. ``redirect`` and ``explanation`` are domains, or empty."""

    text: str
    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""
    explanation: str = ""

    @property
    def default(self) -> Mechanism | None:
        """Return the mechanism ``all``, after which nothing counts (RFC 7208 §5.1)."""
        return next((each for each in self.mechanisms if each.name == "all"), None)

    @property
    def effective(self) -> tuple[Mechanism, ...]:
        """Return the mechanisms before ``all``."""
        end = next(
            (at for at, each in enumerate(self.mechanisms) if each.name == "all"), len(self.mechanisms)
        )
        return self.mechanisms[:end]


def spf_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the TXT records that are SPF records (RFC 7208 §4.5), in any case."""
    return tuple(each for each in texts if _VERSION.match(each))


def misspelt_spf_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the TXT records that are meant to be SPF records and are none: no version, or another one."""
    return tuple(each for each in texts if _RESEMBLANCE.match(each) and not _VERSION.match(each))


def parse_spf(text: str) -> SPFRecord | RecordFault:
    """Read a record.

    Reasons of a fault: ``version``, ``syntax``, ``unknown-mechanism``, ``not-a-domain``, ``not-a-network``,
    ``duplicate-modifier``; its detail is the term.
    """
    if not _VERSION.match(text):
        return RecordFault("version", text[:40])
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text[len("v=spf1") :].split(" "):
        if not term:
            continue
        read = _modifier(term) if _MODIFIER.fullmatch(term) else _mechanism(term)
        if isinstance(read, RecordFault):
            return read
        if isinstance(read, Mechanism):
            mechanisms.append(read)
        elif read[0] in modifiers and read[0] in {"redirect", "exp"}:
            return RecordFault("duplicate-modifier", term)
        else:
            modifiers[read[0]] = read[1]
    return SPFRecord(
        text=text,
        mechanisms=tuple(mechanisms),
        redirect=modifiers.get("redirect", ""),
        explanation=modifiers.get("exp", ""),
    )


def _modifier(term: str) -> tuple[str, str] | RecordFault:
    name, _, value = term.partition("=")
    if name.lower() in {"redirect", "exp"} and not is_domain_spec(value):
        return RecordFault("not-a-domain", term)
    if not _is_macro_string(value):
        return RecordFault("syntax", term)
    return name.lower(), value


def _mechanism(term: str) -> Mechanism | RecordFault:
    directive = _DIRECTIVE.fullmatch(term)
    if directive is None:
        return RecordFault("syntax", term)
    name, rest = directive["name"].lower(), directive["rest"]
    qualifier = Qualifier(directive["qualifier"] or "+")
    if name == "all":
        whole = Mechanism(term=term, qualifier=qualifier, name=name)
        return whole if not rest else RecordFault("syntax", term)
    if name in {"ip4", "ip6"}:
        return _with_network(term, qualifier, name, rest)
    if name in {"include", "exists"}:
        return _with_domain(term, qualifier, name, rest)
    if name in {"a", "mx", "ptr"}:
        return _with_optional_domain(term, qualifier, name, rest)
    return RecordFault("unknown-mechanism", term)


def _with_network(term: str, qualifier: Qualifier, name: str, rest: str) -> Mechanism | RecordFault:
    kind = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    address, slash, prefix = rest.removeprefix(":").partition("/")
    # An IPv4 netmask (/255.255.255.0) and a zone (fe80::1%eth0) are ipaddress's own, not the grammar's.
    if (
        not rest.startswith(":")
        or "%" in address
        or (slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", prefix))
    ):
        return RecordFault("not-a-network", term)
    try:
        network = kind(f"{address}{slash}{prefix}", strict=False)
    except ValueError:
        return RecordFault("not-a-network", term)
    return Mechanism(term=term, qualifier=qualifier, name=name, network=network)


def _with_domain(term: str, qualifier: Qualifier, name: str, rest: str) -> Mechanism | RecordFault:
    domain = rest.removeprefix(":")
    if not rest.startswith(":") or not is_domain_spec(domain):
        return RecordFault("not-a-domain", term)
    return Mechanism(term=term, qualifier=qualifier, name=name, domain=domain)


def _with_optional_domain(term: str, qualifier: Qualifier, name: str, rest: str) -> Mechanism | RecordFault:
    parts = _CIDR.fullmatch(rest)
    if parts is None or (name == "ptr" and (parts["four"] or parts["six"])):
        return RecordFault("syntax", term)
    prefix4, prefix6 = int(parts["four"] or 32), int(parts["six"] or 128)
    if prefix4 > 32 or prefix6 > 128:
        return RecordFault("not-a-network", term)
    domain = parts["domain"].removeprefix(":")
    if parts["domain"] and not (parts["domain"].startswith(":") and is_domain_spec(domain)):
        return RecordFault("not-a-domain", term)
    return Mechanism(
        term=term, qualifier=qualifier, name=name, domain=domain, prefix4=prefix4, prefix6=prefix6
    )


def is_domain_spec(text: str) -> bool:
    """Say whether a text is a domain, macros allowed, that ends in a top label or a macro (RFC 7208 §7.1)."""
    if not text or not _is_macro_string(text):
        return False
    if re.search(r"%(\{[^}]*\}|[%_-])$", text):
        return True
    before, dot, last = text.removesuffix(".").rpartition(".")
    # The length goes first: the grammar of a label takes long over a long one that is none.
    return bool(dot and before) and len(last) <= _LONGEST_LABEL and _TOP_LABEL.fullmatch(last) is not None


def _is_macro_string(text: str) -> bool:
    return _LITERAL.fullmatch(_MACRO.sub("", text)) is not None


def with_include(record: SPFRecord, include: str) -> str:
    """Return the record with a provider admitted, ready to be published: the include comes first."""
    return f"{record.text[: len('v=spf1')]} include:{include} {record.text[len('v=spf1') :].strip()}".strip()


def with_default(record: SPFRecord, default: str) -> str:
    """Return the record with another ``all`` at its end, ready to be published."""
    kept = [term for term in record.text.split(" ") if term and not re.fullmatch(r"(?i)[+?~-]?all", term)]
    return " ".join((*kept, default))


def merged(texts: tuple[str, ...]) -> str:
    """Return one record out of several: each term once, and the ``all`` of the first that has one."""
    terms = dict.fromkeys(term for text in texts for term in text.split(" ")[1:] if term)
    defaults = [term for term in terms if re.fullmatch(r"(?i)[+?~-]?all", term)]
    kept = [term for term in terms if term not in defaults]
    return " ".join(("v=spf1", *kept, *(defaults[:1] or ("~all",))))
