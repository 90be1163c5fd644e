"""What a check found out, in a few words that are safe to print: one row for each stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.model import Check, Endpoint, Remedy, Security
from fluenzr_smtp.problems import Facts, FactValue, Problem, ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_SHOWN = 200  # characters
_LIST = 50  # entries
_UNITS = (("MB", 1_000_000), ("kB", 1_000))
_IMAP_STATUS = re.compile(r"\* OK (\[[^]]*\] )?")
_COMMON_NAME = re.compile(r"(?:^|,)(?:CN|O)=((?:\\.|[^,\\])+)")  # RFC 4514 §2.4
_NO_CHARACTER = re.compile(
    f"[\ufdd0-\ufdef{''.join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))}]"
)

# The facts that belong to a code and tell more than the server's words.
_TELLING: Mapping[ProblemCode, str] = {
    ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER: "issuer",
    ProblemCode.TLS_CERTIFICATE_CHAIN_INCOMPLETE: "issuer",
    ProblemCode.TLS_CERTIFICATE_SELF_SIGNED: "issuer",
    ProblemCode.TLS_CERTIFICATE_WRONG_HOST: "names",
    ProblemCode.TLS_CERTIFICATE_EXPIRED: "not_after",
    ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID: "not_before",
}
_UNREACHED = frozenset({
    ProblemCode.BRIDGE_NOT_RUNNING,
    ProblemCode.CONNECT_REFUSED,
    ProblemCode.CONNECT_TIMEOUT,
    ProblemCode.CONNECT_UNREACHABLE,
})  # fmt: skip
# What a problem without a reply is about, the first that is known. Never what the account is called.
_DETAILS = ("line", "found", "mechanisms")


def encryption_name(security: Security, catalogue: Catalogue) -> str:
    """Return what an encryption is called in the reader's language."""
    return catalogue.label(f"encryption_{security}")


def described(endpoint: Endpoint, catalogue: Catalogue | None = None) -> str:
    """Return an endpoint with its encryption and its trust, for people; in English without a catalogue."""
    if catalogue is None:
        from fluenzr_smtp.messages import Catalogue

        catalogue = Catalogue.load()
    name = "pinned_certificate" if endpoint.pin else "own_authority" if endpoint.authority else ""
    trust = f", {catalogue.label(name)}" if name else ""
    return f"{endpoint}  {encryption_name(endpoint.security, catalogue)}{trust}"


def heading(check: Check, catalogue: Catalogue) -> str:
    """Return what a chain's checks are about: a server, another way to one, a domain. Safe to print."""
    if check.remedy is not None:
        return printable(f"{_attempt(check.remedy, catalogue)}: {check.remedy.endpoint.host}")
    about = described(check.endpoint, catalogue) if check.endpoint else check.domain
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


# The labels that tell of another user name in place of another port.
_OF_USERNAMES = {
    "works": "works_username",
    "used": "used_username",
    "use_question": "use_username_question",
}


def remedy_told(
    label: str, remedy: Remedy, catalogue: Catalogue, *, hosts: Iterable[str], **facts: FactValue
) -> str:
    """Say something about another way (``works``, ``used``, ``use_question``); not yet safe to print.

    Where it leads to a host that is none of ``hosts``, that is named.
    """
    if remedy.username is not None:
        return catalogue.label(_OF_USERNAMES[label], username=remedy.username, **facts)
    endpoint = remedy.endpoint
    return catalogue.label(
        label,
        protocol=remedy.protocol.upper(),
        port=endpoint.port if endpoint.host in hosts else str(endpoint),
        encryption=encryption_name(endpoint.security, catalogue),
        **facts,
    )


def told(check: Check, catalogue: Catalogue, *, limit: int = _SHOWN) -> str:
    """Return what a check found out, in a few words that are safe to print."""
    found = _SUMMARIES.get(check.stage, _every)(check.facts, catalogue) if check.facts else ""
    if check.problem is not None:  # a note's check has found out something all the same
        about = _own(check, check.problem, catalogue) or found or _detail(check.problem, catalogue)
        return printable(f"{check.problem.code}  {about}".rstrip(), limit=limit)
    return printable(found, limit=limit)


def summed(checks: Iterable[Check], catalogue: Catalogue) -> str:
    """Return how many checks there were and how many failed, other ways that were tried left out."""
    own = [check for check in checks if check.remedy is None]
    failed = sum(check.is_failure for check in own)
    notes = sum(not check.ok and check.is_advisory for check in own)
    name = "summary_failed" if failed else "summary_ok"
    said = catalogue.label(name, count=len(own), failed=failed)
    return f"{said}. {catalogue.label('summary_notes', count=notes)}." if notes else f"{said}."


def fact_text(value: FactValue, catalogue: Catalogue) -> str:
    """Return a fact as text that is not yet safe to print; of a long list, how it begins."""
    if isinstance(value, tuple):
        return ", ".join(value[:_LIST]) + (" …" if len(value) > _LIST else "")
    if isinstance(value, bool):
        return catalogue.label("yes" if value else "no")
    return "" if value is None else str(value)


def document_text(text: str, *, limit: int = 500) -> str:
    """Make text safe to print and to stand in XML and HTML, which have no place for noncharacters."""
    return _NO_CHARACTER.sub(lambda found: f"\\u{ord(found[0]):04x}", printable(text, limit=limit))


def _own(check: Check, problem: Problem, catalogue: Catalogue) -> str:
    """Return what belongs to the code: where nobody answered, or what is wrong with the certificate."""
    if problem.code in _UNREACHED:
        return _text(check.facts, "address", catalogue) or str(check.endpoint or "")
    name = _TELLING.get(problem.code, "")
    text = _text(problem.facts, name, catalogue)
    return _common_name(text) if name == "issuer" else text


def _detail(problem: Problem, catalogue: Catalogue) -> str:
    if problem.reply is not None:
        return reply_line(problem.reply)
    known = (text for name in _DETAILS if (text := _text(problem.facts, name, catalogue)))
    return next(known, "") or _reason(_text(problem.facts, "reason", catalogue), catalogue)


def _reason(reason: str, catalogue: Catalogue) -> str:
    """Return a reason in words; a key without a row is nothing that a person could read."""
    return catalogue.reasons.get(reason, reason if " " in reason else "")


def _common_name(issuer: str) -> str:
    found = _COMMON_NAME.search(issuer)
    return found[1].replace("\\", "") if found else issuer


def _text(facts: Facts, name: str, catalogue: Catalogue) -> str:
    return fact_text(facts.get(name), catalogue)


def _every(facts: Facts, catalogue: Catalogue) -> str:
    known = {name: text for name, value in facts.items() if (text := fact_text(value, catalogue))}
    return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in known.items())


def _only(*names: str) -> _Summary:
    return lambda facts, catalogue: "  ".join(
        text for name in names if (text := _text(facts, name, catalogue))
    )


def _addresses(facts: Facts, catalogue: Catalogue) -> str:
    found = facts.get("addresses")
    addresses = found if isinstance(found, tuple) else ()
    kinds = {"A": tuple(each for each in addresses if ":" not in each)}
    kinds["AAAA"] = tuple(each for each in addresses if ":" in each)
    return "  ".join(f"{kind} {fact_text(each, catalogue)}" for kind, each in kinds.items() if each)


def _encryption(facts: Facts, catalogue: Catalogue) -> str:
    until = _text(facts, "not_after", catalogue)[:10]
    good = catalogue.label("certificate_until", not_after=until, days_left=facts.get("days_left"))
    name = _common_name(_text(facts, "issuer", catalogue))
    parts = (
        _text(facts, "version", catalogue),
        good if until else "",
        name,
        _text(facts, "names", catalogue),
    )
    return ", ".join(part for part in (*parts, _text(facts, "cipher", catalogue)) if part)


def _greeting(facts: Facts, catalogue: Catalogue) -> str:
    return _IMAP_STATUS.sub("", _text(facts, "banner", catalogue))


def _capabilities(facts: Facts, catalogue: Catalogue) -> str:
    mechanisms = facts.get("mechanisms")
    label = "mechanisms" if mechanisms else "no_mechanisms"
    login = catalogue.label(label, mechanisms=mechanisms)
    offered = facts.get("capabilities")
    names = offered if isinstance(offered, tuple) else ()
    others = fact_text(tuple(name for name in names if not name.upper().startswith("AUTH")), catalogue)
    return f"{login}; {others}" if others else login


def _login(facts: Facts, catalogue: Catalogue) -> str:
    mechanism = _text(facts, "mechanism", catalogue)
    return _text(facts, "username", catalogue) + (f" ({mechanism})" if mechanism else "")


def _size(facts: Facts, _: Catalogue) -> str:
    limit = facts.get("limit_bytes")
    if not isinstance(limit, int):
        return "–"
    unit, size = next(((unit, size) for unit, size in _UNITS if limit >= size), ("bytes", 1))
    return f"{limit / size:.{1 if unit == 'MB' else 0}f} {unit}"


def _mailbox(facts: Facts, catalogue: Catalogue) -> str:
    return f"{_text(facts, 'folder', catalogue)} ({_text(facts, 'messages', catalogue)})"


def _arrival(facts: Facts, catalogue: Catalogue) -> str:
    verdicts = " ".join(f"{name}={facts[name]}" for name in ("spf", "dkim", "dmarc") if name in facts)
    return f"{_text(facts, 'folder', catalogue)}  {verdicts}".rstrip()


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
