"""What a check found out, in a few words that are safe to print: one row for each stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.model import Check, Endpoint, Remedy, Security
from fluenzr_smtp.problems import Facts, FactValue, Problem, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

ENCRYPTION_NAMES = {
    Security.STARTTLS: "STARTTLS",
    Security.IMPLICIT_TLS: "SSL/TLS",
    Security.NONE: "not encrypted",
}

_SHOWN = 200  # characters
_LIST = 50  # entries
_IMAP_STATUS = re.compile(r"\* OK (\[[^]]*\] )?")
_COMMON_NAME = re.compile(r"(?:^|,)(?:CN|O)=((?:\\.|[^,\\])+)")  # RFC 4514 §2.4
_NO_CHARACTER = re.compile(
    f"[\ufdd0-\ufdef{''.join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))}]"
)

# What a problem without a reply is about, the first that is known.
_DETAILS = ("address", "not_after", "names", "line", "found", "mechanisms", "reason")


def encryption_name(security: Security, catalogue: Catalogue) -> str:
    """Return what an encryption is called in the reader's language."""
    return catalogue.label(f"encryption_{security}")


def described(endpoint: Endpoint) -> str:
    """Return an endpoint with its encryption, for people."""
    trust = ", pinned certificate" if endpoint.pin else ", own authority" if endpoint.authority else ""
    return f"{endpoint}  {ENCRYPTION_NAMES[endpoint.security]}{trust}"


def heading(check: Check, catalogue: Catalogue) -> str:
    """Return what a chain's checks are about: a server, another way to one, a domain. Safe to print."""
    if check.remedy is not None:
        return printable(f"{_attempt(check.remedy, catalogue)}: {check.remedy.endpoint.host}")
    about = described(check.endpoint) if check.endpoint else check.domain
    return printable(f"{check.protocol.upper()}  {about}")


def _attempt(remedy: Remedy, catalogue: Catalogue) -> str:
    if remedy.username is not None:
        return catalogue.label("trying_username", username=remedy.username)
    return catalogue.label(
        "trying",
        protocol=remedy.protocol.upper(),
        port=remedy.endpoint.port,
        encryption=encryption_name(remedy.endpoint.security, catalogue),
    )


def told(check: Check, catalogue: Catalogue, *, limit: int = _SHOWN) -> str:
    """Return what a check found out, in a few words that are safe to print."""
    found = _SUMMARIES.get(check.stage, _every)(check.facts, catalogue) if check.facts else ""
    if check.problem is not None:  # a note's check has found out something all the same
        return printable(f"{check.problem.code}  {found or _detail(check.problem)}", limit=limit)
    return printable(found, limit=limit)


def summed(checks: Iterable[Check], catalogue: Catalogue) -> str:
    """Return how many checks there were and how many failed, other ways that were tried left out."""
    own = [check for check in checks if check.remedy is None]
    failed = sum(check.is_failure for check in own)
    notes = sum(not check.ok and check.is_advisory for check in own)
    name = "summary_failed" if failed else "summary_ok"
    said = catalogue.label(name, count=len(own), failed=failed)
    return f"{said}. {catalogue.label('summary_notes', count=notes)}." if notes else f"{said}."


def fact_text(value: FactValue) -> str:
    """Return a fact as text that is not yet safe to print; of a long list, how it begins."""
    if isinstance(value, tuple):
        return ", ".join(value[:_LIST]) + (" …" if len(value) > _LIST else "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def document_text(text: str, *, limit: int = 500) -> str:
    """Make text safe to print and to stand in XML and HTML, which have no place for noncharacters."""
    return _NO_CHARACTER.sub(lambda found: f"\\u{ord(found[0]):04x}", printable(text, limit=limit))


def _detail(problem: Problem) -> str:
    if problem.reply is not None:
        return reply_line(problem.reply)
    return next((text for name in _DETAILS if (text := _text(problem.facts, name))), "")


def _text(facts: Facts, name: str) -> str:
    return fact_text(facts.get(name))


def _every(facts: Facts, _: Catalogue) -> str:
    known = {name: text for name, value in facts.items() if (text := fact_text(value))}
    return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in known.items())


def _only(*names: str) -> _Summary:
    return lambda facts, _: "  ".join(text for name in names if (text := _text(facts, name)))


def _addresses(facts: Facts, _: Catalogue) -> str:
    found = facts.get("addresses")
    addresses = found if isinstance(found, tuple) else ()
    kinds = {"A": tuple(each for each in addresses if ":" not in each)}
    kinds["AAAA"] = tuple(each for each in addresses if ":" in each)
    return "  ".join(f"{kind} {fact_text(each)}" for kind, each in kinds.items() if each)


def _encryption(facts: Facts, catalogue: Catalogue) -> str:
    until = _text(facts, "not_after")[:10]
    good = catalogue.label("certificate_until", not_after=until, days_left=facts.get("days_left"))
    issuer = _COMMON_NAME.search(_text(facts, "issuer"))
    name = issuer[1].replace("\\", "") if issuer else _text(facts, "issuer")
    parts = (_text(facts, "version"), good if until else "", name, _text(facts, "names"))
    return ", ".join(part for part in (*parts, _text(facts, "cipher")) if part)


def _greeting(facts: Facts, _: Catalogue) -> str:
    return _IMAP_STATUS.sub("", _text(facts, "banner"))


def _capabilities(facts: Facts, catalogue: Catalogue) -> str:
    mechanisms = facts.get("mechanisms")
    label = "mechanisms" if mechanisms else "no_mechanisms"
    login = catalogue.label(label, mechanisms=mechanisms)
    offered = facts.get("capabilities")
    names = offered if isinstance(offered, tuple) else ()
    others = fact_text(tuple(name for name in names if not name.upper().startswith("AUTH")))
    return f"{login}; {others}" if others else login


def _login(facts: Facts, _: Catalogue) -> str:
    mechanism = _text(facts, "mechanism")
    return _text(facts, "username") + (f" ({mechanism})" if mechanism else "")


def _size(facts: Facts, _: Catalogue) -> str:
    limit = facts.get("limit_bytes")
    return f"{limit / 1_000_000:.1f} MB" if isinstance(limit, int) else "–"


def _mailbox(facts: Facts, _: Catalogue) -> str:
    return f"{_text(facts, 'folder')} ({_text(facts, 'messages')})"


def _arrival(facts: Facts, _: Catalogue) -> str:
    verdicts = " ".join(f"{name}={facts[name]}" for name in ("spf", "dkim", "dmarc") if name in facts)
    return f"{_text(facts, 'folder')}  {verdicts}".rstrip()


_Summary = Callable[[Facts, "Catalogue"], str]

_SUMMARIES: Mapping[Stage, _Summary] = {
    Stage.RESOLVE: _addresses,
    Stage.CONNECT: _only("address"),
    Stage.TLS: _encryption,
    Stage.GREETING: _greeting,
    Stage.CAPABILITIES: _capabilities,
    Stage.AUTH: _login,
    Stage.SENDER: _only("sender"),
    Stage.RECIPIENT: _only("recipient"),
    Stage.SIZE: _size,
    Stage.MAILBOX: _mailbox,
    Stage.ARRIVAL: _arrival,
    Stage.IDLE: _only("supported"),
    Stage.MX: _only("hosts"),
    Stage.SPF: _only("record"),
    Stage.DKIM: _only("selectors"),
    Stage.DMARC: _only("record"),
    Stage.MTA_STS: _only("mode", "mx"),
    Stage.TLS_RPT: _only("reports"),
    Stage.DANE: _only("hosts"),
}
