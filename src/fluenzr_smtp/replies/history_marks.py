"""The lines by which mail programs mark what they quote: "… wrote:", headers, rules, names of programs.

It finds them; what follows from them is not its business. Lines are compared ``folded``. A line of more than
300 characters introduces nothing, so that no expression here ever sees a longer text.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from fluenzr_smtp.replies.history_words import (
    DAYS,
    FORWARDS,
    HEADER_ROLES,
    OPENERS,
    OPENERS_UNSPACED,
    PRODUCTS,
    PRONOUNS,
    SEPARATORS,
    TAGLINES,
    VERB_ENDINGS,
    VERBS,
    Role,
)

_LONGEST = 300
_WRAPPED = 4  # lines over which programs wrap "On …, … wrote:"
_BLANKS = 3
_HEADER_LINES = 12
_SPACES = dict.fromkeys(map(ord, "\t\xa0\u2002\u2003\u2007\u2009\u202f\u3000"), " ")
_NOTHING = dict.fromkeys(
    (0x61C, 0x200B, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
_PLAIN = _SPACES | _NOTHING | {ord("："): ":", ord("’"): "'", ord("＞"): ">", ord("＜"): "<"}
_DASHES = "-_=—–─*"
_AROUND_WORD = "\"'.,:;()[]<>„“”«»*-"
_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}(?:/|\. ?|-)\d{1,2}(?:/|\. ?|-)\d{2}(?!\d)",
)
_FIGURES = re.compile(r"\d++")
_ADDRESS = re.compile(r"[<(\[] ?(?:mailto:)?[^\s<>()\[\]@]{1,64}@")
_ADDRESS_ENDS = re.compile(r"@[^\s<>@]{1,255}>[)\]]? ?:$")
_LINK = re.compile(r"<https?:[^<>]*+>|\(https?:[^()]*+\)|\[https?:[^\[\]]*+\]")
_SENTENCE_END = re.compile(r"[!?:]$|[^\W\d_]{4}(?<!godz|sept|févr|janv)\.$")


def folded(line: str) -> str:
    """Return the beginning of a line as lines are compared: lower case, composed, plain spaces and colons."""
    return unicodedata.normalize("NFC", line[: _LONGEST + 1].translate(_PLAIN)).strip().lower()


def is_quoted(known: str) -> bool:
    """Whether a folded line is marked as quoted."""
    return known.startswith(">")


def quoted_after(known: Sequence[str], place: int) -> bool:
    """Whether the next line that is not blank is quoted."""
    place = _text_after(known, place)
    return place < len(known) and is_quoted(known[place])


def _text_after(known: Sequence[str], place: int) -> int:
    for step in range(_BLANKS):
        if place + step < len(known) and known[place + step]:
            return place + step
    return place + _BLANKS


def is_tagline(known: str) -> bool:
    """Whether a folded line is one by which a phone or a program names itself."""
    plain = _LINK.sub("", known).strip(" .!*-_[]").replace("[", "").replace("]", "")
    if not 0 < len(plain) <= 100 or not any(product in plain for product in PRODUCTS):
        return False
    words = plain.count(" ") + 1
    return any(
        plain.startswith(start) and plain.endswith(end) and words <= (12 if start else 6)
        for start, end in TAGLINES
    )


def attributions(lines: Sequence[str], known: Sequence[str]) -> dict[int, int]:
    """Return where each "On …, … wrote:" begins, and the line behind it.

    It has a date or an address in it, or quoted lines follow. Where a wrapped one begins is told by how its
    first line does.
    """
    found = {}
    for last, line in enumerate(known):
        if line.endswith((":", "---")) and len(lines[last]) <= _LONGEST and not is_quoted(line):
            best = max(_candidates(known, last), default=None)
            if best is not None:
                found[last + best[1]] = last + 1
    return found


def _candidates(known: Sequence[str], last: int) -> Iterator[tuple[int, int]]:
    """Yield how well each way to wrap it would begin, and minus the number of lines above the last one."""
    followed = quoted_after(known, last + 1)
    joined = ""
    for above in range(min(_WRAPPED, last + 1)):
        line = known[last - above]
        if not line or is_quoted(line) or (above and _SENTENCE_END.search(line)):
            return
        joined = f"{line} {joined}" if above else line
        if len(joined) > _LONGEST:
            return
        if _introduces(joined, followed=followed):
            before = known[last - above - 1] if last > above else ""
            yield _beginning(line, before), -above


def _beginning(line: str, before: str) -> int:
    """Return how much a line looks like the first one of "On …, … wrote:"."""
    if line.startswith(("<", "(")) or before.endswith(("<", "(")):
        return 0
    word = line.split(" ", 1)[0].strip(_AROUND_WORD)
    if line.startswith(OPENERS_UNSPACED) or word in OPENERS:
        return 3 if len(line) <= 25 or _FIGURES.search(line) else 1
    return 2 if line[0].isdigit() or _is_day(word) else 1


def _is_day(word: str) -> bool:
    return word.startswith(DAYS)


def _introduces(line: str, *, followed: bool) -> bool:
    closed = line.strip("- ") if line.startswith("---") and line.endswith("---") else line
    if closed is line and not line.endswith(":"):
        return False
    has_address = _ADDRESS.search(closed) is not None or (closed is not line and "@" in closed)
    dated = _DATE.search(closed) is not None
    if dated and _ADDRESS_ENDS.search(closed):
        return True
    words = [word.strip(_AROUND_WORD).partition("(")[0] for word in closed.split()]
    if not _has_verb(closed, words):
        return False
    if followed:
        return dated or "@" in closed or len(words) <= 6 or _FIGURES.search(closed) is not None
    whole_date = dated and len(_FIGURES.findall(closed)) > 1 and _beginning(closed, "") > 1
    return (has_address or whole_date) and not _speaks(words)


def _has_verb(line: str, words: Sequence[str]) -> bool:
    return not VERBS.isdisjoint(words) or line.rstrip(" :").endswith(VERB_ENDINGS)


def _speaks(words: Sequence[str]) -> bool:
    """Whether a pronoun stands beside the verb: "I wrote:" introduces what follows in a text."""
    beside = map(set, itertools.pairwise(words))
    return any(pair & VERBS and pair & PRONOUNS for pair in beside)


def header_end(known: Sequence[str], attributed: dict[int, int], place: int) -> int | None:
    """Return the line behind what introduces a quoted message here, None where nothing does.

    Alone, a header is three different fields at least, the sender's at the top, with an address or a subject:
    people write "From: Berlin" as well.
    """
    line = known[place]
    behind = _text_after(known, place + 1)
    if _is_separator(line):
        end = _fields_end(known, behind)[0]
        return end if end > behind else attributed.get(behind, place + 1)
    if line.endswith(":") and line.rstrip(" :") in FORWARDS:
        end = _fields_end(known, behind)[0]
        return end if end > behind else place + 1 if quoted_after(known, place + 1) else None
    return _header_end(known, behind if _is_rule(line) else place)


def _header_end(known: Sequence[str], place: int) -> int | None:
    end, roles = _fields_end(known, place)
    distinct = set(roles) - {Role.OTHER}
    first = roles[:1] == (Role.SENDER,) or roles[:2] == (Role.MOMENT, Role.SENDER)
    told = Role.SUBJECT in distinct or any("@" in line for line in known[place:end])
    return end if first and told and len(distinct) > 2 else None


def _is_separator(line: str) -> bool:
    return line[:2].strip(_DASHES) == "" and line.strip(_DASHES + " :>") in SEPARATORS


def _is_rule(line: str) -> bool:
    return len(line) > 4 and not line.strip(_DASHES)


def _fields_end(known: Sequence[str], place: int) -> tuple[int, tuple[Role, ...]]:
    """Return the line behind the fields that begin here, and what they tell; addresses may be wrapped."""
    roles: list[Role] = []
    end = place
    for end in range(place, min(place + _HEADER_LINES, len(known))):
        role = _role(known[end])
        if role is None and not (roles and _is_wrapped(known[end - 1], known[end])):
            return end, tuple(roles)
        if role is not None and role is not Role.OTHER and role in roles:
            return end, tuple(roles)
        roles.extend(() if role is None else (role,))
    return min(place + _HEADER_LINES, len(known)), tuple(roles)


def _is_wrapped(above: str, line: str) -> bool:
    return line.startswith("<") or (line != "" and above.endswith((";", ",")))


def _role(line: str) -> Role | None:
    label, colon, _ = line[:60].partition(":")
    return HEADER_ROLES.get(label.strip("* \t|")) if colon else None
