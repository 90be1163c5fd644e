"""DNS look-ups that the system's resolver does not offer: MX, SRV, TXT, TLSA, addresses from a chosen server.

The one home of dnspython. Every answer is taken as it comes: which provider an exchanger belongs to is the
business of ``presets``, what a record means that of ``domain``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import dns.exception
import dns.flags
import dns.name
import dns.resolver
import idna
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TLSA import TLSA
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.SRV import SRV

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage

_PORT = 53
_LONGEST_NAME = 253  # characters (RFC 1035 §2.3.4)
_MOST_RECORDS = 100  # of one answer; what a hostile zone puts behind them is not read
_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchangers:
    """The MX records of a domain. ``is_null`` says that it takes no mail (RFC 7505).

    ``preferred`` are those of the lowest preference value: where mail goes unless all of them are down.
    """

    hosts: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    is_null: bool = False
    is_authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is offered (RFC 2782)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The SRV records of a name, the most preferred first. ``is_refused``: the service is not offered.

    ``is_authenticated``: a resolver of this machine has verified them (RFC 4035 §3.2.3); what one says
    elsewhere may have been changed on the way.
    """

    found: tuple[Service, ...] = ()
    is_refused: bool = False
    is_authenticated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Associations:
    """The TLSA records of a name. ``is_authenticated``: the resolver has verified them (RFC 4035 §3.2.3)."""

    records: tuple[Association, ...] = ()
    is_authenticated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Whom to ask, and for how long.

    Each look-up raises ``dns-host-unknown`` for a name that cannot exist, and ``dns-unavailable`` where no
    server answered in time or none could answer. Names come back in lower-case ASCII without the last dot,
    anything odd in them escaped. Records of no order of their own come sorted, a hundred of them at most.

    Attributes:
        nameservers: IP addresses to ask instead of those of the system.
        port: The port of the name servers.
        timeout: Seconds for one look-up, all servers and repetitions together. Where all are silent,
            dnspython's pause before the next round ends later: by 0.1 s of 1 s, 0.4 s of 5 s, 2 s at most.
    """

    nameservers: tuple[str, ...] | None = None
    port: int = _PORT
    timeout: float = 5.0

    def exchangers(self, domain: str) -> Exchangers:
        """Return the MX hosts of a domain, the most preferred first (RFC 5321 §5.1).

        Raises:
            FluenzrError: ``dns-host-unknown`` also where the domain does not exist; ``dns-unavailable``.
        """
        answer = self._ask(domain, "MX")
        if answer is None:
            raise failure(ProblemCode.DNS_HOST_UNKNOWN, Stage.RESOLVE, host=domain)
        found = _records(answer, MX)
        hosts = sorted((record.preference, _text(record.exchange)) for record in found)
        named = tuple(dict.fromkeys(host for _, host in hosts if host))
        least = min((preference for preference, host in hosts if host), default=0)
        return Exchangers(
            hosts=named,
            preferred=tuple(
                dict.fromkeys(host for preference, host in hosts if host and preference == least)
            ),
            is_null=bool(found) and not named,
            is_authenticated=_is_authenticated(answer),
        )

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name, the strings of each joined; none where there is no such name.

        Bytes that are not UTF-8 come as hexadecimal escapes.
        """
        found = (b"".join(record.strings) for record in _records(self._ask(name, "TXT"), TXT))
        return tuple(sorted(each.decode("utf-8", "backslashreplace") for each in found))

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 and IPv6 addresses of a name; none where there is no such name."""
        four = sorted(str(record.address) for record in _records(self._ask(name, "A"), A))
        six = sorted(str(record.address) for record in _records(self._ask(name, "AAAA"), AAAA))
        return (*four, *six)

    def alias(self, name: str) -> str:
        """Return the name that this one is an alias for (CNAME), or an empty text."""
        return next((_text(record.target) for record in _records(self._ask(name, "CNAME"), CNAME)), "")

    def services(self, name: str) -> Services:
        """Return the SRV records of a name such as ``_submissions._tcp.firma.example``, which need not exist.

        Of equal priority the greater weight goes first (RFC 2782): one server is asked for, no load shared.
        """
        answer = self._ask(name, "SRV")
        records = sorted(_records(answer, SRV), key=lambda one: (one.priority, -one.weight, one.target))
        named = tuple(Service(_text(one.target), one.port) for one in records if _text(one.target))
        return Services(
            found=tuple(dict.fromkeys(each for each in named if each.port)),
            is_refused=bool(records) and not named,
            is_authenticated=_is_authenticated(answer) and self._is_local(),
        )

    def tlsa(self, name: str) -> Associations:
        """Return the TLSA records of a name such as ``_25._tcp.mx.example``, which need not exist."""
        answer = self._ask(name, "TLSA")
        found = tuple(
            Association(
                usage=record.usage, selector=record.selector, matching=record.mtype, data=bytes(record.cert)
            )
            for record in _records(answer, TLSA)
        )
        return Associations(records=found, is_authenticated=_is_authenticated(answer))

    def _is_local(self) -> bool:
        """Say whether every name server is this machine, so that nobody in between can say what they said."""
        return all(_is_loopback(str(each)) for each in self._engine().nameservers)

    def _ask(self, name: str, rdtype: str) -> dns.resolver.Answer | None:
        """Return the answer, or None where the name does not exist."""
        full = _full_name(name)
        try:
            return self._engine().resolve(
                full, rdtype, lifetime=self.timeout, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return None
        except (dns.exception.DNSException, OSError, ValueError) as error:  # ValueError: an odd resolv.conf
            reason = "no-answer" if isinstance(error, dns.exception.Timeout) else "server-failure"
            raise failure(ProblemCode.DNS_UNAVAILABLE, Stage.RESOLVE, host=name, reason=reason) from error

    def _engine(self) -> dns.resolver.Resolver:
        engine = dns.resolver.Resolver(configure=self.nameservers is None)
        engine.port = self.port
        engine.set_flags(dns.flags.RD | dns.flags.AD)  # AD: tell us if you have verified it (RFC 6840 §5.7)
        if self.nameservers is not None:
            engine.nameservers = list(self.nameservers)
        return engine


def parse_resolver(text: str) -> tuple[str, int]:
    """Read ``address`` or ``address:port``; an IPv6 address with a port stands in brackets (RFC 3986 §3.2.2).

    Raises:
        FluenzrError: ``setting-invalid`` with the reason ``not-an-ip-address`` or ``not-a-port``.
    """
    wanted = text.strip()
    host, colon, port = wanted.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = wanted, str(_PORT)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError as error:
        raise _invalid(text, "not-an-ip-address") from error
    # The length goes first: int() refuses thousands of digits by an error of its own.
    if len(port) > len("65535") or not (port.isascii() and port.isdecimal()) or not 1 <= int(port) <= 65535:
        raise _invalid(text, "not-a-port")
    return address, int(port)


def ascii_domain(domain: str) -> str:
    """Return a domain in lower-case A-labels without the last dot (IDNA 2008, RFC 5890).

    Raises:
        FluenzrError: ``dns-host-unknown`` where no name of the DNS can be spelled like that.
    """
    return _text(_full_name(domain))


def _invalid(text: str, reason: str) -> Exception:
    return failure(ProblemCode.SETTING_INVALID, Stage.USAGE, setting="--resolver", value=text, reason=reason)


def _records(answer: dns.resolver.Answer | None, kind: type[_Record]) -> list[_Record]:
    found: Iterable[object] = answer.rrset or () if answer is not None else ()
    return [record for record in found if isinstance(record, kind)][:_MOST_RECORDS]


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:  # an address with its network, or that of a page
        return False


def _is_authenticated(answer: dns.resolver.Answer | None) -> bool:
    return answer is not None and bool(answer.response.flags & dns.flags.AD)


def _full_name(domain: str) -> dns.name.Name:
    """Return the domain as a full name, or fail where no name of the DNS can be spelled like that."""
    # Zone files escape with a backslash, which has no place in a mail domain. IDNA is slow with long names.
    if "\\" in domain or (not domain.isascii() and len(domain) > _LONGEST_NAME):
        raise failure(ProblemCode.DNS_HOST_UNKNOWN, Stage.RESOLVE, host=domain)
    try:
        # Not dnspython's own codec: it is off, without a word, beside an idna older than it wants.
        ascii_form = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
        name = dns.name.from_text(ascii_form, origin=dns.name.root)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise failure(ProblemCode.DNS_HOST_UNKNOWN, Stage.RESOLVE, host=domain) from error
    if name == dns.name.root:
        raise failure(ProblemCode.DNS_HOST_UNKNOWN, Stage.RESOLVE, host=domain)
    return name


def _text(name: dns.name.Name) -> str:
    """Return a name in ASCII, anything odd in it escaped; empty for the root, which is the null MX."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()
