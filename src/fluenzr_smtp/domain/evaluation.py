"""What an SPF record amounts to with all that it includes: whom it admits, and at how many look-ups.

Nobody's mail is judged: every branch is walked, as for a message that matches none. What depends on a message
(macros, ``exists``, ``ptr``) is not evaluated but named.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from fluenzr_smtp.domain.lookups import Lookups
from fluenzr_smtp.domain.spf import Mechanism, Network, Qualifier, SPFRecord, parse_spf, spf_texts
from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode

_MOST_WALKED = 30  # look-ups; beyond it, the exact number no longer helps
_MOST_EXCHANGERS = 10  # RFC 7208 §4.6.4
_MOST_NETWORKS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found. ``fault`` is what makes receivers give up (permerror, RFC 7208 §2.6.7).

    ``included`` holds the domains whose servers are admitted, ``networks`` all addresses that are;
    ``costs`` what each top-level term takes, such as ``include:mx.ovh.com 3``. ``default`` is what befalls
    everybody else, None where the record does not say.
    """

    lookups: int
    void_lookups: int
    costs: tuple[str, ...]
    included: frozenset[str]
    networks: tuple[Network, ...]
    unevaluated: tuple[str, ...]
    default: Qualifier | None
    admits_everybody: bool
    fault: RecordFault | None


def evaluate(record: SPFRecord, domain: str, lookups: Lookups) -> Evaluation:
    """Walk a record and all that it includes.

    Raises:
        FluenzrError: ``dns-unavailable``.
    """
    walk = _Walk(lookups)
    default = walk.visit(record, (domain,), admits=True)
    return Evaluation(
        lookups=walk.count,
        void_lookups=walk.void,
        costs=tuple(walk.costs),
        included=frozenset(walk.included),
        networks=tuple(walk.networks),
        unevaluated=tuple(dict.fromkeys(walk.unevaluated)),
        default=default,
        admits_everybody=walk.admits_everybody or default is Qualifier.PASS,
        fault=walk.fault,
    )


def covers(networks: tuple[Network, ...], wanted: tuple[Network, ...]) -> bool:
    """Say whether every wanted address is admitted; none, or more than are kept, are not."""
    merged = _collapsed(networks)
    return 0 < len(wanted) < _MOST_NETWORKS and all(
        any(_is_within(each, one) for one in merged) for each in _collapsed(wanted)
    )


def _is_within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _collapsed(networks: tuple[Network, ...]) -> list[Network]:
    four = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv6Network))
    return [*four, *six]


class _Walk:
    """The state of a walk; it goes no further after a fault."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self.count = 0
        self.void = 0
        self.costs: list[str] = []
        self.included: set[str] = set()
        self.networks: list[Network] = []
        self.unevaluated: list[str] = []
        self.admits_everybody = False
        self.fault: RecordFault | None = None

    def visit(self, record: SPFRecord, path: tuple[str, ...], *, admits: bool) -> Qualifier | None:
        """Walk a record; ``path`` holds the domains on the way to it, its own last."""
        for mechanism in record.effective:
            before = self.count
            self._take(mechanism, path, admits=admits and mechanism.qualifier is Qualifier.PASS)
            self._tell_cost(mechanism.term, self.count - before, path)
            if self._is_over():
                return None
        default = record.default
        if default is not None or not record.redirect:
            return default.qualifier if default is not None else None
        return self._redirected(record.redirect, path, admits=admits)

    def _is_over(self) -> bool:
        return self.fault is not None or self.count > _MOST_WALKED

    def _tell_cost(self, term: str, cost: int, path: tuple[str, ...]) -> None:
        if cost and len(path) == 1:
            self.costs.append(f"{term} {cost}")

    def _take(self, mechanism: Mechanism, path: tuple[str, ...], *, admits: bool) -> None:
        self.count += mechanism.costs_lookup
        if self._is_over():
            return
        if mechanism.network is not None:
            self._admit((mechanism.network,), admits=admits)
        elif mechanism.name in {"ptr", "exists"} or mechanism.has_macro:
            self.unevaluated.append(mechanism.term)
        elif mechanism.name == "include":
            self._include(mechanism.domain, path, admits=admits)
        else:
            self._admit(self._hosts(mechanism, mechanism.domain or path[-1]), admits=admits)

    def _admit(self, networks: tuple[Network, ...], *, admits: bool) -> None:
        if admits and len(self.networks) < _MOST_NETWORKS:
            self.networks += networks
            self.admits_everybody |= any(each.prefixlen == 0 for each in networks)

    def _include(self, domain: str, path: tuple[str, ...], *, admits: bool) -> None:
        record = self._record(domain, path, missing="include-without-record")
        if record is None:
            return
        if admits:
            self.included.add(_plain(domain))
        default = self.visit(record, (*path, _plain(domain)), admits=admits)
        self.admits_everybody |= admits and default is Qualifier.PASS

    def _redirected(self, domain: str, path: tuple[str, ...], *, admits: bool) -> Qualifier | None:
        before = self.count
        self.count += 1
        if "%" in domain:
            self.unevaluated.append(f"redirect={domain}")
            return Qualifier.FAIL  # as is to be hoped; it is told that nobody looked
        if self._is_over():
            return None
        record = self._record(domain, path, missing="redirect-without-record")
        if record is None:
            return None
        if admits:
            self.included.add(_plain(domain))
        default = self.visit(record, (*path, _plain(domain)), admits=admits)
        self._tell_cost(f"redirect={domain}", self.count - before, path)
        return default

    def _record(self, domain: str, path: tuple[str, ...], *, missing: str) -> SPFRecord | None:
        """Return the one record of a domain, or note the fault that there is not one to be used."""
        name = _plain(domain)
        if name in path:
            self.fault = RecordFault("loop", name)
            return None
        texts = spf_texts(self._lookups.texts(name))
        if len(texts) != 1:
            self.fault = RecordFault("several-records" if texts else missing, name)
            return None
        record = parse_spf(texts[0])
        if isinstance(record, RecordFault):
            self.fault = RecordFault(record.reason, f"{name}: {record.detail}")
            return None
        return record

    def _hosts(self, mechanism: Mechanism, domain: str) -> tuple[Network, ...]:
        names = (domain,) if mechanism.name == "a" else self._exchangers(domain)
        if len(names) > _MOST_EXCHANGERS:
            self.fault = RecordFault("too-many-exchangers", mechanism.term)
            return ()
        found = tuple(
            _network(address, mechanism) for name in names for address in self._lookups.addresses(name)
        )
        self.void += not found
        return found

    def _exchangers(self, domain: str) -> tuple[str, ...]:
        try:
            return self._lookups.exchangers(domain).hosts
        except FluenzrError as error:
            if error.problem.code is ProblemCode.DNS_HOST_UNKNOWN:
                return ()
            raise


def _network(address: str, mechanism: Mechanism) -> Network:
    prefix = mechanism.prefix6 if ":" in address else mechanism.prefix4
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


def _plain(domain: str) -> str:
    return domain.lower().rstrip(".")
