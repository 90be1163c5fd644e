r"""Mailboxes as LIST shows them: their names, and what each is for (RFC 9051 §7.3.1, RFC 6154)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imapclient.imap_utf7 import decode

_MAX_NAME_OCTETS = 1000
# (flags) delimiter name; behind the name there may be more (RFC 5258 §3.5). A name may be a literal, which
# imaplib hands over apart from its line.
_LINE = re.compile(
    rb"\((?P<flags>[^()]*)\) (?:NIL|\"(?P<delimiter>\\?.)\") "
    rb"(?:\"(?P<quoted>(?:[^\"\\]|\\.)*+)\"|\{(?P<literal>\d+)\+?\}$|(?P<atom>[^\s\"{]\S*+))",
    re.IGNORECASE,
)
_ESCAPED = re.compile(rb"\\(.)")
_NO_TEXT = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSELECTABLE = frozenset({"\\noselect", "\\nonexistent"})

# What mailboxes are called by mail programs and at providers where no flag tells their use; several
# languages, in lower case, without the prefix of the personal namespace. The first that is there counts.
_SENT = (
    *("sent", "sent items", "sent messages", "sent mail", "sent-mail", "sent email"),
    *("gesendet", "gesendete elemente", "gesendete objekte", "gesendete nachrichten"),
    *("envoyés", "éléments envoyés", "messages envoyés", "envoyes", "objets envoyés"),
    *("enviados", "elementos enviados", "mensajes enviados", "correo enviado"),
    *("itens enviados", "mensagens enviadas", "enviadas"),
    *("inviata", "inviati", "posta inviata", "elementi inviati"),
    *("verzonden", "verzonden items", "verzonden berichten", "skickat", "skickade objekt", "sendt"),
    *("sendte elementer", "sendt post", "lähetetyt", "wysłane", "elementy wysłane", "odeslané"),
    *("odeslaná pošta", "elküldött", "elküldött elemek", "trimise", "enviats", "gönderilmiş öğeler"),
    *("отправленные", "надіслані", "送信済み", "送信済みアイテム", "送信済みメール", "भेजे गए"),
    *("已发送", "已发送邮件", "已傳送郵件", "寄件備份", "보낸 편지함", "보낸편지함"),
)
_DRAFTS = frozenset(
    {"drafts", "draft", "entwürfe", "brouillons", "borradores", "rascunhos", "bozze", "下書き"}
)
_LAST = frozenset(
    {"junk", "junk e-mail", "junk email", "spam", "bulk mail", "trash", "bin", "deleted", "deleted items"}
    | {"deleted messages", "papierkorb", "gelöschte elemente", "corbeille", "éléments supprimés", "papelera"}
    | {
        "elementos eliminados",
        "lixeira",
        "itens excluídos",
        "cestino",
        "ごみ箱",
        "迷惑メール",
        "spamverdacht",
    }
)
_SENT_FLAG, _DRAFTS_FLAG, _ALL_FLAG = "\\sent", "\\drafts", "\\all"
_LAST_FLAGS = frozenset({"\\junk", "\\trash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A mailbox that can be opened. ``flags`` are in lower case; ``delimiter`` is empty without hierarchy."""

    name: str
    flags: frozenset[str] = frozenset()
    delimiter: str = ""

    @property
    def own_name(self) -> str:
        """The name in lower case, without the ``INBOX.`` that some servers put before everything."""
        name = self.name.casefold()
        prefix = f"inbox{self.delimiter}"
        return name.removeprefix(prefix) if self.delimiter else name


def sent_among(mailboxes: Iterable[Mailbox]) -> Mailbox | None:
    r"""Return the mailbox of sent mail: the one flagged ``\Sent``, else one of a usual name."""
    found = tuple(mailboxes)
    flagged = next((each for each in found if _SENT_FLAG in each.flags), None)
    named = {each.own_name: each for each in reversed(found)}
    return flagged or next((named[name] for name in _SENT if name in named), None)


def likeliest_first(mailboxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    """Return those in which a message that was sent may be, the likeliest first; drafts were never sent."""
    searched = (each for each in mailboxes if _DRAFTS_FLAG not in each.flags and each.own_name not in _DRAFTS)
    return tuple(sorted(searched, key=_rank))


def _rank(mailbox: Mailbox) -> int:
    name = mailbox.own_name
    facts = (
        _SENT_FLAG in mailbox.flags or name in _SENT,
        name == "inbox",
        _ALL_FLAG in mailbox.flags,
        not mailbox.flags & _LAST_FLAGS and name not in _LAST,
        True,
    )
    return facts.index(True)


def listed(answer: Iterable[object]) -> Iterator[Mailbox]:
    """Yield the mailboxes of an answer to LIST as imaplib hands it over; what makes no sense is skipped.

    A name of which some octets are no text is skipped too: nobody could be told of it.
    """
    for item in answer:
        line, literal = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        found = _LINE.match(line) if isinstance(line, bytes) else None
        name = None if found is None else _name(found, literal)
        if found is None or not name:
            continue
        flags = frozenset(found["flags"].decode("ascii", "replace").casefold().split())
        if not flags & _UNSELECTABLE:
            delimiter = (found["delimiter"] or b"")[-1:].decode("ascii", "replace")
            yield Mailbox(name=name, flags=flags, delimiter=delimiter)


def _name(found: re.Match[bytes], literal: object) -> str | None:
    octets = found["atom"]
    if found["quoted"] is not None:
        octets = _ESCAPED.sub(rb"\1", found["quoted"])
    elif isinstance(literal, bytes) and found["literal"] is not None:
        octets = literal
    if octets is None or len(octets) > _MAX_NAME_OCTETS or not octets.isascii():
        return None
    try:
        name = decode(octets)
    except ValueError:
        return None
    return None if _NO_TEXT.search(name) else str(name)
