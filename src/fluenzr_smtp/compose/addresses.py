"""Mail addresses as people type them and as headers hold them, read strictly (RFC 5322 §3.4, RFC 6531).

The standard library's readers guess; a guess here sends mail to somebody else (CVE-2023-27043). What is
not understood completely is refused.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from fluenzr_smtp.compose.characters import printable, unfit
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Mailbox
from fluenzr_smtp.problems import ProblemCode, Stage

LOCAL_PART_OCTETS = 64  # RFC 5321 §4.5.3.1.1
DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2

Token = tuple[str, str]

_TOKEN = re.compile(
    r"""(?P<space>[ ]+)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<comment>\((?:[^()\\]|\\.)*\))
    | (?P<mark>[<>,:;])
    | (?P<word>(?:\[[^\[\] ]*\]|[^ "\\<>,:;()])+)""",
    re.VERBOSE,
)
# What is left of ASCII without specials, and all that is not a control beyond it; named by what is not in it,
# for Python takes milliseconds to compile a range of all Unicode.
_ATOM = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\x9f]+'
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
# Angle brackets are legal within the quotes, but programs cut there that do not know quotes.
_QUOTED_LOCAL_PART = re.compile(r'("(?:[^"\\<>]|\\[^<>])*")@(.*)', re.DOTALL)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_JOINERS = "\u200c\u200d"  # invisible, but letters of some scripts need them; IDNA checks them by context


def parse_mailboxes(text: str) -> tuple[Mailbox, ...]:
    """Read mailboxes as typed after ``--to``: ``Name <a@b>, "Last, First" <c@d>, e@f``.

    Domains come back as A-labels (RFC 5890), names without their quotes. Groups and comments are refused.

    Raises:
        FluenzrError: `address-malformed`.
    """
    return tuple(_mailbox(item) for item in _typed_items(text))


def fill_mailboxes(text: str, fill: Callable[[str], str]) -> tuple[Mailbox, ...]:
    """Read mailboxes whose marks stand for values, so that no value is read as more than what it stands for.

    A value is a name or a part of an address, whatever commas, quotes or brackets it holds; a value alone
    between commas is one mailbox.

    Args:
        text: Mailboxes as typed; the marks in it are of characters that may stand in a word.
        fill: Puts the values into the marks of a text.

    Raises:
        FluenzrError: `address-malformed`.
    """
    mailboxes: list[Mailbox] = []
    for item in _typed_items(text):
        filled = fill(_text(item))
        if len(item) == 1 and filled != _text(item) and "@" not in item[0][1]:
            mailboxes.append(_single(filled))
        else:
            mailboxes.append(_mailbox(item, fill))
    return tuple(mailboxes)


def typed(mailboxes: Iterable[Mailbox]) -> str:
    """Write mailboxes so that `parse_mailboxes` reads the same ones."""
    return ", ".join(f"{_quoted(each.name)} <{each.address}>".strip(" ") for each in mailboxes)


def header_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of an unfolded address field; groups, comments and empty places are allowed.

    Raises:
        FluenzrError: `address-malformed`.
    """
    plain = text.replace("\t", " ")
    _refuse_unfit(plain)
    tokens = [("space", " ") if kind == "comment" else (kind, part) for kind, part in _tokens(plain)]
    items = (item for item in _items(_without_groups(tokens)) if item)
    return tuple(_mailbox(item).address for item in items)


def parse_address(text: str) -> str:
    """Check a bare address and return it with its domain as A-labels; the local part stays as it is.

    Raises:
        FluenzrError: `address-malformed`.
    """
    address = text.strip(" ")
    if not address:
        raise _malformed(text, "empty")
    _refuse_unfit(address)
    if any(_is_invisible(char) for char in address):
        raise _malformed(address, "invisible-character")
    local_part, domain = _split(address)
    if len(local_part.encode()) > LOCAL_PART_OCTETS:
        raise _malformed(address, "local-part-too-long")
    return f"{local_part}@{_domain(domain, address)}"


def domain_of(address: str) -> str:
    """Return what stands behind the last at sign of a checked address."""
    return address.rpartition("@")[2]


def distinct(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return each address once, in order; the first spelling wins where only the case differs."""
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(address.casefold(), address)
    return tuple(first.values())


def _malformed(address: str, reason: str) -> FluenzrError:
    return failure(ProblemCode.ADDRESS_MALFORMED, Stage.INPUT, address=printable(address), reason=reason)


def _refuse_unfit(text: str) -> None:
    if reason := unfit(text):
        raise _malformed(text, reason)


def _is_invisible(char: str) -> bool:
    """Say whether a character does not show: bidi controls, zero-width ones, TAB."""
    return unicodedata.category(char) in {"Cc", "Cf"} and char not in _JOINERS


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _malformed(text, "quote-open" if text[position] == '"' else "syntax")
        yield match.lastgroup, match[0]
        position = match.end()


def _typed_items(text: str) -> Iterator[list[Token]]:
    """Split what was typed at its commas; what a person does not type is refused."""
    if "\t" in text:
        raise _malformed(text, "control-character")
    _refuse_unfit(text)
    for item in _items(_tokens(text)):
        if any(kind == "comment" for kind, _ in item):
            raise _malformed(text, "comment")
        if (":" in _marks(item)) or (";" in _marks(item)):
            raise _malformed(text, "group")
        yield item


def _single(text: str) -> Mailbox:
    mailbox, *others = parse_mailboxes(text)
    if others:
        raise _malformed(text, "several-addresses")
    return mailbox


def _items(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Split at the commas; white space around an item is dropped."""
    item: list[Token] = []
    for token in (*tokens, ("mark", ",")):
        if token == ("mark", ","):
            yield _stripped(item)
            item = []
        else:
            item.append(token)


def _stripped(item: list[Token]) -> list[Token]:
    solid = [index for index, (_, part) in enumerate(item) if part.strip(" ")]
    return item[solid[0] : solid[-1] + 1] if solid else []


def _without_groups(tokens: Iterable[Token]) -> Iterator[Token]:
    """Leave out the names of groups: ``Team: a@b, c@d;`` gives its members (RFC 5322 §3.4)."""
    waiting: list[Token] = []
    is_open = False
    for token in tokens:
        if token in {("mark", ":"), ("mark", ";")}:
            opens = token[1] == ":"
            if opens is is_open or (opens and "@" in _text(waiting)):
                raise _malformed(_text((*waiting, token)), "group")
            yield from () if opens else (*waiting, ("mark", ","))
            waiting, is_open = [], opens
        elif token == ("mark", ","):
            yield from (*waiting, token)
            waiting = []
        else:
            waiting.append(token)
    if is_open:
        raise _malformed(_text(waiting), "group")
    yield from waiting


def _marks(item: Iterable[Token]) -> str:
    return "".join(part for kind, part in item if kind == "mark")


def _text(item: Iterable[Token]) -> str:
    return "".join(part for _, part in item)


def _mailbox(item: list[Token], fill: Callable[[str], str] = str) -> Mailbox:
    marks = _marks(item)
    if marks == "":
        return Mailbox(address=_spec(item, fill))
    if marks != "<>":
        raise _malformed(_text(item), "angle-brackets")
    if item[-1] != ("mark", ">"):
        raise _malformed(_text(item), "text-after-address")
    opening = item.index(("mark", "<"))
    address = _spec(_stripped(item[opening + 1 : -1]), fill)
    return Mailbox(address=address, name=_name(_stripped(item[:opening]), address, fill))


def _spec(item: list[Token], fill: Callable[[str], str]) -> str:
    text = _text(item)
    if any(part == " " * len(part) for _, part in item):
        raise _malformed(text, "white-space")
    return parse_address(fill(text))


def _name(item: list[Token], address: str, fill: Callable[[str], str]) -> str:
    for kind, part in item:
        is_other_address = "@" in part and part.casefold() != address.casefold()
        if kind == "word" and is_other_address:
            raise _malformed(_text(item), "several-addresses")
    parts = (_unquoted(part) if kind == "quoted" else part for kind, part in item)
    name = fill("".join(parts)).strip(" ")
    _refuse_unfit(name)
    return name


def _quoted(name: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{escaped}"' if name else ""


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _split(address: str) -> tuple[str, str]:
    """Split at the at sign; the local part is checked, the domain is not yet."""
    if quoted := _QUOTED_LOCAL_PART.fullmatch(address):
        return quoted[1], quoted[2]
    if address.startswith('"'):
        raise _malformed(address, "local-part-invalid")
    if "@" not in address:
        raise _malformed(address, "no-at-sign")
    local_part, _, domain = address.partition("@")
    if "@" in domain:
        raise _malformed(address, "several-at-signs")
    if any(map(str.isspace, local_part)):
        raise _malformed(address, "white-space")
    # What a server folds to a plain "@" or dot on its side must be refused here (UTS #36 §2.10).
    folded = unicodedata.normalize("NFKC", local_part)
    if not (_DOT_ATOM.fullmatch(local_part) and _DOT_ATOM.fullmatch(folded)):
        raise _malformed(address, "local-part-invalid")
    return local_part, domain


def _domain(text: str, address: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        return _literal(text, address)
    if not text:
        raise _malformed(address, "domain-empty")
    if len(text) > DOMAIN_OCTETS:
        raise _malformed(address, "domain-too-long")
    domain = text if text.isascii() else _a_labels(text, address)
    labels = domain.split(".")
    # A last label of digits alone is an IP address without its brackets (RFC 3696 §2).
    if not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise _malformed(address, "domain-invalid")
    if len(domain) > DOMAIN_OCTETS:
        raise _malformed(address, "domain-too-long")
    return domain


def _a_labels(domain: str, address: str) -> str:
    import idna  # few domains need it

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError as exc:
        raise _malformed(address, "domain-invalid") from exc


def _literal(text: str, address: str) -> str:
    """Check an address literal: ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3)."""
    inner = text[1:-1]
    is_ipv6 = inner[:5].lower() == "ipv6:"
    try:
        if "%" in inner:
            raise ValueError("a zone means nothing to another machine")
        if is_ipv6:
            ipaddress.IPv6Address(inner[5:])
        else:
            ipaddress.IPv4Address(inner)
    except ValueError as exc:
        raise _malformed(address, "domain-invalid") from exc
    return text
