"""What a row of evidence is, and in which form words are compared. Pure; knows no row itself.

Server text is hostile and may be endless: only its beginning is looked at, and the patterns of the rows
have bounded gaps, so that matching is linear.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from fluenzr_smtp.problems import ProblemCode, ServerReply, Stage

MAX_CHARACTERS = 4096  # a reply line has 512 octets (RFC 5321 §4.5.3.1.5); Google's replies have up to ten

ANY = frozenset(Stage)
TLS = frozenset({Stage.TLS})
GREETING = frozenset({Stage.CONNECT, Stage.GREETING})
HELLO = GREETING | {Stage.CAPABILITIES, Stage.TLS}
AUTH = frozenset({Stage.AUTH})
SENDER = frozenset({Stage.SENDER})
RECIPIENT = frozenset({Stage.RECIPIENT})
MESSAGE = frozenset({Stage.MESSAGE, Stage.SIZE})
TRANSACTION = SENDER | RECIPIENT | MESSAGE

LATER, NEVER, WORD = "4", "5", "word"

_ADDRESS = re.compile(r"[^\s<>@\"'()]{1,64}@[^\s<>@\"'(),;:]{1,255}")
_LINK = re.compile(r"(?:https?://|www\.)\S{1,500}")
# A link to a block list says who listed the sender; of other links nothing is kept among the words.
_LISTING = re.compile(r"spamhaus|spamcop|abuseat|barracudacentral|sorbs|uceprotect")
# What a reply says for comfort speaks of spam where the reason is another. But "to reduce the amount of spam
# sent to …, this message has been blocked" is Google's verdict on the message.
_COMFORT = re.compile(
    r"to (best |better |help )?(protect|reduce(?! the amount of spam)|prevent|fight) [^.:]{0,40}\bspam\b"
    r"( and phishing)?"
    r"(( sent)? to \w+)?|any spam complaints|spam complaints? rate"
    r"|(for more (information|details)|to (learn more|view|see)|learn more)\b[^.]{0,160}"
)


@dataclass(frozen=True, slots=True)
class TextRow:
    """Words that settle the matter wherever a server says them in one of ``stages``.

    ``replies`` narrows the row to reply codes that start so, or, with ``WORD``, to those without a number.
    """

    stages: frozenset[Stage]
    pattern: str
    code: ProblemCode
    replies: str = ""

    def fits(self, stage: Stage, reply_class: str, words: str) -> bool:
        """Say whether the row decides on these words."""
        return (
            stage in self.stages
            and (not self.replies or reply_class.startswith(self.replies))
            and compiled(self.pattern).search(words) is not None
        )


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern; a run in which no server refuses anything compiles none."""
    return re.compile(pattern)


def says(
    code: ProblemCode, *words: str, stages: frozenset[Stage] = ANY, replies: str = ""
) -> tuple[TextRow, ...]:
    """Return the row for several wordings of one thing."""
    return (TextRow(stages, folded("|".join(words)), code, replies),)


def fails(*words: str, stages: frozenset[Stage] = ANY) -> tuple[TextRow, ...]:
    """Return the rows for a fault of the server's: it passes, unless the reply is of the class 5yz."""
    return (
        *says(ProblemCode.SERVER_GAVE_UP, *words, stages=stages, replies=NEVER),
        *says(ProblemCode.SERVER_FAULT, *words, stages=stages),
    )


def refuses(code: ProblemCode, *words: str, stages: frozenset[Stage]) -> tuple[TextRow, ...]:
    """Return the rows for a final refusal; in the same words with 4yz a server only puts off."""
    return (
        *says(code, *words, stages=stages, replies=NEVER),
        *says(code, *words, stages=stages, replies=WORD),
    )


def words_of(text: str) -> str:
    """Return the text as rows see it: joined, lower case, no accents, no addresses, links and comfort."""
    text = " ".join(folded(text[:MAX_CHARACTERS].lower()).split())
    return _COMFORT.sub("", _ADDRESS.sub("@", _LINK.sub(_list_named, text)))


def _list_named(link: re.Match[str]) -> str:
    name = _LISTING.search(link[0])
    return name[0] if name else ""


def links_of(text: str) -> str:
    """Return the links in the text, in lower case."""
    return " ".join(_LINK.findall(text[:MAX_CHARACTERS].lower()))


def reply_class(reply: ServerReply) -> str:
    """Return what the reply says by number: its code, or the class of its enhanced code, or ``WORD``."""
    if reply.code is not None:
        return str(reply.code)
    return reply.enhanced[0] if reply.enhanced else WORD


def folded(text: str) -> str:
    """Return the text without accents, full-width forms and curly apostrophes; a pattern likewise."""
    if text.isascii():
        return text
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return plain.replace("’", "'").replace("‘", "'")
