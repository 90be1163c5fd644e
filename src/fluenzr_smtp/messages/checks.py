"""What a language must hold: every row, the same placeholders as English, well-formed templates.

Run by the tests on every language, so that no person meets a fault of a translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fluenzr_smtp.messages import DEFAULT_LANGUAGE, GUIDE_FILE, PROBLEMS_FILE, placeholders, table
from fluenzr_smtp.messages.outline import GROUPS
from fluenzr_smtp.problems import TOPICS, ProblemCode

#: What a sentence of a problem or of the guide may name.
PLACEHOLDERS = frozenset({
    "accepted", "account", "address", "backend", "certificate", "choices", "command", "days",
    "days_left", "detail", "domain", "doubtful", "extra", "field", "folder", "folders", "generation",
    "header", "host", "include", "issuer", "key", "kinds", "known", "limit", "limit_bytes", "line",
    "lookups", "matching", "mechanisms", "message", "messages", "missing", "names", "near", "not_after",
    "not_before", "options", "origin", "others", "page", "path", "pinned", "policy", "port", "preset",
    "provider", "queued", "reason", "recipient", "record", "reply", "report", "retry_after", "rows",
    "schemes", "seconds", "seen", "selector", "selectors", "service", "setting", "several", "sign_in",
    "since", "size_bytes", "slot", "slots", "source", "state", "status", "total", "type", "username", "value",
    "variable", "version",
})  # fmt: skip

_STOPS = (".", "!", "?", "。", "！", "？", "।")  # of the scripts that the languages are written in
_SHOUTS = re.compile(r"[!！¡]")
_WELL_FORMED = re.compile(r"\[\[(?:(?!\[\[).)*?\]\]|\{\w+\}", re.DOTALL)

Table = Mapping[str, Any]


def faults(language: str) -> list[str]:
    """Return what is wrong with a language, each with the row's name; empty where all is well."""
    problems, guide = table(language, PROBLEMS_FILE), table(language, GUIDE_FILE)
    english = table(DEFAULT_LANGUAGE, PROBLEMS_FILE), table(DEFAULT_LANGUAGE, GUIDE_FILE)
    found = [*problem_faults(problems, english[0]), *guide_faults(guide, english[1])]
    if language != DEFAULT_LANGUAGE:
        found += untranslated("problem", problems.get("problem", {}), english[0]["problem"])
        found += untranslated("topic", guide.get("topic", {}), english[1]["topic"])
    return found


def untranslated(name: str, own: Table, english: Table) -> list[str]:
    """Return the sentences that are word for word as in English."""
    return sorted(
        f"{name} {key}: {part} is still in English"
        for key in own.keys() & english.keys()
        for part in own[key].keys() & english[key].keys()
        if own[key][part] and own[key][part] == english[key][part]
    )


def problem_faults(own: Table, english: Table) -> list[str]:
    """Return what is wrong with the labels, words, reasons and problems of a language."""
    found = list(_key_faults("the file", own, english))
    for part in ("labels", "words", "reasons"):
        found += _text_faults(part, own.get(part, {}), english[part])
    rows = own.get("problem", {})
    codes = dict.fromkeys(code.value for code in ProblemCode)
    found += _key_faults("problem", rows, codes)
    for code in rows.keys() & english["problem"].keys():
        found += _text_faults(f"problem {code}", rows[code], english["problem"][code])
        found += _style_faults(f"problem {code}", rows[code])
    return sorted(found)


def guide_faults(own: Table, english: Table) -> list[str]:
    """Return what is wrong with the guide of a language. The number of steps is free."""
    found = list(_key_faults("the guide", own, english))
    found += _text_faults("groups", own.get("groups", {}), dict.fromkeys(GROUPS, ""))
    rows = own.get("topic", {})
    found += _key_faults("topic", rows, dict.fromkeys(TOPICS))
    for topic in rows.keys() & english["topic"].keys():
        found += _section_faults(topic, rows[topic], english["topic"][topic])
    return sorted(found)


def _section_faults(topic: str, row: Table, english: Table) -> Iterator[str]:
    name = f"topic {topic}"
    if row.keys() != {"title", "cause", "fix"} or not isinstance(row.get("fix"), list) or not row["fix"]:
        yield f"{name}: a section has a title, a cause and a list of steps in 'fix'"
        return
    texts = {part: row[part] for part in ("title", "cause")}
    yield from _text_faults(name, texts, {part: english[part] for part in texts})
    yield from _text_faults(name, {"fix": " ".join(row["fix"])}, {"fix": " ".join(english["fix"])})
    yield from _style_faults(name, texts | {f"step {at}": step for at, step in enumerate(row["fix"], 1)})


def _key_faults(name: str, own: Table, wanted: Table) -> Iterator[str]:
    yield from (f"{name}: {key} is missing" for key in wanted.keys() - own.keys())
    yield from (f"{name}: there is no {key}" for key in own.keys() - wanted.keys())


def _text_faults(name: str, own: Table, english: Table) -> Iterator[str]:
    """Compare the texts of a row: the same ones, with the same placeholders, whatever their order."""
    yield from _key_faults(name, own, english)
    for key in own.keys() & english.keys():
        if not isinstance(own[key], str) or (not own[key].strip() and english[key].strip()):
            yield f"{name}: {key} is no text"
            continue
        yield from _placeholder_faults(f"{name}: {key}", own[key], english[key])


def _placeholder_faults(name: str, own: str, english: str) -> Iterator[str]:
    missing, added = placeholders(english) - placeholders(own), placeholders(own) - placeholders(english)
    yield from (f"{name} lacks {{{each}}}" for each in missing)
    yield from (f"{name} has {{{each}}}, which English has not" for each in added)
    if re.search(r"[{}]|\[\[|\]\]", _WELL_FORMED.sub("", own)):
        yield f"{name} has brackets that do not match"


def _style_faults(name: str, texts: Table) -> Iterator[str]:
    for key, text in texts.items():
        if not isinstance(text, str):
            continue
        if _SHOUTS.search(text):
            yield f"{name}: {key} has an exclamation mark"
        if key == "title" and text.endswith(_STOPS):
            yield f"{name}: the title ends in a full stop"
        if key != "title" and text and not text.endswith((*_STOPS, "]]")):
            yield f"{name}: {key} ends without a full stop"
