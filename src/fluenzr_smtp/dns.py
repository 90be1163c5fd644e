"""DNS look-ups that the system's resolver does not offer: the mail exchangers of a domain.

The one home of dnspython. Host addresses are the business of ``wire``; which provider an exchanger belongs to
is that of ``presets``.
"""

from __future__ import annotations

import dns.exception
import dns.name
import dns.resolver
import idna
from dns.rdtypes.ANY.MX import MX

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage


def mail_exchangers(
    domain: str, *, timeout: float, nameservers: tuple[str, ...] | None = None, port: int = 53
) -> tuple[str, ...]:
    """Return the MX hosts of a domain, the most preferred first (RFC 5321 §5.1).

    Args:
        domain: Looked up as it is, without a search list; international labels are encoded (IDNA 2008).
        timeout: Seconds for the whole look-up, all servers and repetitions together. Where all are silent,
            dnspython's pause before the next round ends later: by 0.1 s of 1 s, 0.4 s of 5 s, 2 s at most.
        nameservers: IP addresses to ask instead of those of the system.
        port: The port of the name servers.

    Returns:
        Lower-case ASCII names without the last dot; empty where the domain has no MX record, or only the
        null MX that says that it takes no mail (RFC 7505).

    Raises:
        FluenzrError: ``dns-host-unknown`` where the domain does not exist or cannot exist,
            ``dns-unavailable`` where no server answered in time or none could answer.
    """
    name = _full_name(domain)
    try:
        answer = _resolver(nameservers, port).resolve(
            name, "MX", lifetime=timeout, search=False, raise_on_no_answer=False
        )
    except dns.resolver.NXDOMAIN as error:
        raise failure(ProblemCode.DNS_HOST_UNKNOWN, Stage.RESOLVE, host=domain) from error
    except (dns.exception.DNSException, OSError, ValueError) as error:  # ValueError: an odd resolv.conf
        reason = "no-answer" if isinstance(error, dns.exception.Timeout) else "server-failure"
        raise failure(ProblemCode.DNS_UNAVAILABLE, Stage.RESOLVE, host=domain, reason=reason) from error
    records = [record for record in answer.rrset or () if isinstance(record, MX)]
    hosts = sorted((record.preference, _text(record.exchange)) for record in records)
    return tuple(dict.fromkeys(host for _, host in hosts if host))


def _full_name(domain: str) -> dns.name.Name:
    """Return the domain as a full name, or fail where no name of the DNS can be spelled like that."""
    if "\\" in domain:  # zone files escape with it; in a mail domain it has no place
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


def _resolver(nameservers: tuple[str, ...] | None, port: int) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=nameservers is None)
    resolver.port = port
    if nameservers is not None:
        resolver.nameservers = list(nameservers)
    return resolver


def _text(name: dns.name.Name) -> str:
    """Return a name in ASCII, anything odd in it escaped; empty for the root, which is the null MX."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()
