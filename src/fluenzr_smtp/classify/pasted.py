"""Read a reply as a person pastes it: bare, out of a log, a bounce or an exception. Pure and total.

Only the beginning is looked at, and every pattern is linear in it: any text has an answer, soon.
"""

from __future__ import annotations

import re

from fluenzr_smtp.classify.evidence import words_of
from fluenzr_smtp.classify.providers import BRIDGE, known_as
from fluenzr_smtp.classify.stages import (
    home_of,
    likely_stage,
    stage_by_number,
    stage_by_subject,
    told_stage,
)
from fluenzr_smtp.classify.transport import named_failure
from fluenzr_smtp.classify.weighing import by_words, classify
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

_MAX_PASTED = 16_384
_MAX_TEXT = 4096
_REFUSALS = 400  # the first reply code that refuses (RFC 5321 §4.2.1); what is below is no problem

# Frames of a stack name lines and files; "line 540" is no reply.
_FRAMES = re.compile(r"^[ \t]*(?:File \"[^\n]{0,500}|at [^\n]{0,500}|raise [^\n]{0,200})$", re.MULTILINE)
_ESCAPED_BREAK = re.compile(r"\\r\\n|\\n|\\r|\r\n|\r")

_CODE = r"[45][0-5]\d"
# Where in a text its reply code stands, from the plainest form to the least plain.
_PLACES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"\(({_CODE}), ?b?['\"]",  # a tuple of smtplib's
        rf"^[ \t\"'(<>*=|~+-]{{0,8}}(?:[SC]: ?|smtp; ?|smtp:|b['\"]|error:? )?({_CODE})(?=[ ,:;-]|$)",
        rf"(?<![\w.:/=#$-])({_CODE})(?=[ -]#?\(?[45]\.\d{{1,3}}\.\d{{1,3}})",
        rf"(?:said|respon\w+|repl\w+|answer\w*|error|code|reason|message|command|bounced|:|;|\()[ :=]{{1,3}}"
        rf"(?:was |is )?\(?b?['\"]?({_CODE})(?=[ -])",
        rf"(?:failed|denied): ({_CODE})$",  # curl, which prints no words
        rf"(?<![\w.:/=#$-])(?<!line )(?<!port )(?<!pid )(?<!/1\.[01] )({_CODE})(?=[ -][^\W\d])",
    )
)
_SUCCESS = re.compile(r"^\s{0,8}([23]\d\d)(?=[ -]|$)")
_NEXT_REPLY = re.compile(r"\n[ \t<>*-]{0,8}(?:[23]\d\d[ -]|(?:QUIT|RSET|NOOP)\b)")
_QUOTE_BEGIN = re.compile(r"^[\s,:;-]{0,4}(?:b?['\"])?[ \t]*")
_QUOTE_END = re.compile(r"['\"]\)?[,)}\s]{0,8}(?:'[^']{0,320}'\)?)?[)}\s]{0,4}$")
_IN_REPLY = re.compile(r"\(in reply to [^)\n]{0,60}\)?")

# System.Net.Mail, which drops the code, and the exceptions of imaplib.
_PREFACE = re.compile(r"[Tt]he server response was: ?|^[\w.]{1,80}: (?=b['\"])", re.MULTILINE)
_BYTES = re.compile(r"\[?\bb(?:'([^'\n]{0,2000})'|\"([^\"\n]{0,2000})\")\]?")  # as Python writes them

_STATUS = r"[245]\.\d{1,3}\.\d{1,3}"
_LEADING_STATUS = re.compile(rf"^[#(\[]{{0,2}}({_STATUS})[)\]:]{{0,2}}(?=[ \t\n:;,-]|$)[ \t:;,-]{{0,3}}")
_ANY_STATUS = re.compile(rf"(?<![\d.])#?({_STATUS})(?![\d.]\d|\.\d)")

_WORD = re.compile(r"^[\s\"']{0,8}(?:(?:\*|[A-Za-z]{1,8}\d{1,8}|[A-Z0-9]{1,12}) )?(NO|BAD|BYE|-ERR)\b ?")


def explain(text: str, *, stage: Stage | None = None, provider: str = "") -> Problem:
    """Name the problem behind a reply, or behind an error that a program printed. Total.

    Args:
        text: What was pasted: one line or many, with or without what a log, a bounce or an exception
            put around it. Only its first 16 384 characters are looked at.
        stage: Where the reply was given, if that is known; else it is inferred.
        provider: As for ``classify``.

    Returns:
        The problem with the reply as it was read and its stage; without a reply where no server has
        spoken. A text that tells nothing is ``reply-unknown``.
    """
    shown = _ESCAPED_BREAK.sub("\n", _FRAMES.sub("", text[:_MAX_PASTED]))
    reply = _reply_in(shown)
    if reply.code is None and not _is_servers_own(shown):
        failure = named_failure(words_of(shown))
        if failure is not None:
            return Problem(code=_of_provider(failure[0], provider), stage=failure[1])
    if reply.code is not None and reply.code < _REFUSALS:
        return Problem(code=ProblemCode.REPLY_UNKNOWN, stage=stage or Stage.GREETING, reply=reply)
    if stage is None:
        stage, code = _placed(shown, reply, provider)
    else:
        code = classify(stage, reply, provider)
    return Problem(code=code, stage=stage, reply=reply)


def _of_provider(code: ProblemCode, provider: str) -> ProblemCode:
    if code is ProblemCode.CONNECT_REFUSED and known_as(provider) == BRIDGE:
        return ProblemCode.BRIDGE_NOT_RUNNING
    return code


def _is_servers_own(shown: str) -> bool:
    """Say whether a server said this, though it gave no reply code."""
    return _WORD.match(shown) is not None or _LEADING_STATUS.match(shown.lstrip()) is not None


# -- the reply -----------------------------------------------------------------------------------------


def _reply_in(shown: str) -> ServerReply:
    found = next((match for place in _PLACES if (match := place.search(shown))), None) or _SUCCESS.match(
        shown
    )
    if found is None:
        return _numberless(shown)
    code = found[1]
    rest = _NEXT_REPLY.split(shown[found.end(1) :], maxsplit=1)[0]
    said = _unquoted(rest)
    leading = _LEADING_STATUS.match(said)
    status = leading[1] if leading else _status_of_class(code[0], said)
    return ServerReply(int(code), status, _once(said, code, status))


def _numberless(shown: str) -> ServerReply:
    word = _WORD.match(shown)
    if word:
        return ServerReply(None, None, f"{word[1]} {shown[word.end() :].strip()}"[:_MAX_TEXT])
    said = _unquoted(_BYTES.sub(r"\1\2", _PREFACE.split(shown, maxsplit=1)[-1]))
    leading = _LEADING_STATUS.match(said)
    status = leading[1] if leading else _status_of_class("45", said)
    return ServerReply(None, status, _once(said, None, status))


def _status_of_class(classes: str, said: str) -> str | None:
    return next((each[1] for each in _ANY_STATUS.finditer(said) if each[1][0] in classes), None)


def _unquoted(rest: str) -> str:
    said = _QUOTE_END.sub("", _IN_REPLY.sub(" ", _QUOTE_BEGIN.sub("", rest, count=1)).rstrip())
    return _without_open_end(said.strip())


def _without_open_end(said: str) -> str:
    """Return the words without closing brackets at their end that were opened before the reply began."""
    unmatched = said.count(")") - said.count("(")
    while unmatched > 0 and said.endswith(")"):
        said, unmatched = said[:-1].rstrip(), unmatched - 1
    return said


def _once(said: str, code: str | None, status: str | None) -> str:
    """Return the words without the code and the status that a reply of several lines repeats on each."""
    said = said[:_MAX_TEXT]
    if code:
        said = re.sub(rf"(?:(?<=[\s/])|^){code}(?:[ -]|$)", "", said, flags=re.MULTILINE)
    if status:
        said = re.sub(rf"(?<![\d.])[#(\[]{{0,2}}{re.escape(status)}[)\]]{{0,2}}(?![\d.])[ \t]?", "", said)
    return re.sub(r"[ \t]+/[ \t]+", "\n", said).strip()


# -- the stage -----------------------------------------------------------------------------------------


def _placed(shown: str, reply: ServerReply, provider: str) -> tuple[Stage, ProblemCode]:
    """Infer the stage, and name the problem there."""
    words = words_of(reply.text)
    known = told_stage(shown.lower()) or stage_by_number(reply) or stage_by_subject(words, reply)
    if known is None and reply.code is None and _WORD.match(shown):
        known = _stage_of_word(reply, provider)
    if known is not None:
        return known, classify(known, reply, provider)
    code = by_words(Stage.MESSAGE, reply, provider)
    if code is not None:
        return home_of(code, Stage.MESSAGE), code
    guessed = likely_stage(reply)
    if reply.code is None and reply.enhanced is None:
        return guessed, ProblemCode.REPLY_UNKNOWN
    return guessed, classify(guessed, reply, provider)


def _stage_of_word(reply: ServerReply, provider: str) -> Stage:
    if reply.text.startswith("BYE"):
        return Stage.GREETING
    return Stage.AUTH if by_words(Stage.AUTH, reply, provider) else Stage.MAILBOX
