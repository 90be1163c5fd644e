"""How an explanation is told: to people on paragraphs as wide as the terminal, to scripts as a document."""

from __future__ import annotations

from collections.abc import Iterator

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.guide.explanation import Explanation, topic_codes
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.output import printable, reply_line
from fluenzr_smtp.cli.tree import PROGRAM
from fluenzr_smtp.cli.wrapping import wrapped
from fluenzr_smtp.messages.outline import GROUPS
from fluenzr_smtp.problems import TOPICS, ProblemCode, Retry, Stage

_RETRY = form.choice(*(each.value for each in Retry))
_CODE = form.choice(*(code.value for code in ProblemCode))
_TOPIC = form.choice(*TOPICS)

DATA = form.record(
    topic=form.nullable(_TOPIC),
    code=form.nullable(_CODE),
    stage=form.nullable(form.choice(*(stage.value for stage in Stage))),
    transient=form.nullable(form.BOOLEAN),
    retry=form.nullable(_RETRY),
    exit_status=form.nullable(form.INTEGER),
    title=form.TEXT,
    cause=form.TEXT,
    fix=form.TEXT,
    steps=form.array(form.TEXT),
    page=form.TEXT,
    hint=form.TEXT,
    reply=form.nullable(form.REPLY),
    codes=form.array(form.record(code=_CODE, title=form.TEXT, exit_status=form.INTEGER, retry=_RETRY)),
    topics=form.array(form.record(topic=_TOPIC, title=form.TEXT, group=form.TEXT, codes=form.array(_CODE))),
)

# The record of the list, which explains nothing.
_NOTHING: dict[str, object] = {
    **dict.fromkeys(("topic", "code", "stage", "transient", "retry", "exit_status", "reply")),
    **dict.fromkeys(("title", "cause", "fix", "page", "hint"), ""),
    "steps": (),
    "codes": (),
}

_SENTENCE = 1500  # characters
_NARROWEST = 30  # columns beside the keys; with fewer the text stands below its key
_BOLD = "1"


def end_with_list(run: Invocation) -> None:
    """End the command with the topics."""
    catalogue = run.output.catalogue
    topics = [
        {
            "topic": topic,
            "title": catalogue.section(topic).title,
            "group": catalogue.group(group),
            "codes": [each.code for each in topic_codes(catalogue, topic)],
        }
        for group, names in GROUPS.items()
        for topic in names
    ]
    run.end({**_NOTHING, "topics": topics}, show=lambda: _show_list(run))


def end_with(run: Invocation, found: Explanation) -> None:
    """End the command with an explanation."""
    run.end(_record(found), show=lambda: _show(run, found))


def _record(found: Explanation) -> dict[str, object]:
    problem = found.problem
    codes = [
        {
            "code": each.code,
            "title": each.title,
            "exit_status": each.meaning.exit_status,
            "retry": each.meaning.retry,
        }
        for each in found.codes
    ]
    return {
        "topic": found.topic,
        "code": problem and problem.code,
        "stage": problem.stage if problem and found.is_reply else None,
        "transient": found.is_transient,
        "retry": found.retry,
        "exit_status": found.exit_status,
        "title": found.title,
        "cause": found.cause,
        "fix": found.fix,
        "steps": found.steps,
        "page": found.page,
        "hint": found.hint,
        "reply": found.reply,
        "codes": codes,
        "topics": [],
    }


def _show_list(run: Invocation) -> None:
    catalogue = run.output.catalogue
    column = max(map(len, TOPICS)) + 2
    for group, names in GROUPS.items():
        _heading(run, catalogue.group(group))
        for topic in names:
            _columns(run, topic, catalogue.section(topic).title, column=column)
        run.output.line()
    _paragraph(run, catalogue.label("topics_hint"))


def _show(run: Invocation, found: Explanation) -> None:
    label = run.output.catalogue.label
    _paragraph(run, found.title, style=_BOLD)
    if found.reply is not None:
        _paragraph(run, reply_line(found.reply), first=f"{label('server')}: ")
    if found.section is None:  # the server said yes
        return
    run.output.line()
    _heading(run, label("cause"))
    _paragraph(run, found.cause, first="  ")
    run.output.line()
    _heading(run, label("steps"))
    _show_steps(run, found)
    run.output.line()
    if found.is_whole_topic and len(found.codes) > 1:
        _heading(run, label("codes"))
        column = max(len(each.code) for each in found.codes) + 2
        for each in found.codes:
            _columns(run, each.code, each.title, column=column)
        run.output.line()
    run.output.fields(_fields(run, found))


def _show_steps(run: Invocation, found: Explanation) -> None:
    """Show what to do: of a code its own answer, of a topic and of a reply every step."""
    if found.fix:
        _paragraph(run, found.fix, first="  ")
    if found.is_whole_topic or found.is_reply:
        if found.fix:
            run.output.line()
        for at, step in enumerate(found.steps, start=1):
            _paragraph(run, step, first=f"{at:>3}. ")
        return
    command = f"'{PROGRAM} guide {found.topic}'"
    _paragraph(run, run.output.catalogue.label("more", command=command), first="  ")


def _fields(run: Invocation, found: Explanation) -> Iterator[tuple[str, str]]:
    label = run.output.catalogue.label
    rows = {
        "code": "" if found.problem is None else found.problem.code.value,
        "topic": found.topic or "",
        "exit_status": "" if found.exit_status is None else f"{found.exit_status:d}",
        "retry": label(f"retry_{found.retry.name.lower()}") if found.retry else "",
        "page": found.page,
        "hint": found.hint,
    }
    return ((label(name), value) for name, value in rows.items() if value)


def _heading(run: Invocation, text: str) -> None:
    _paragraph(run, text, style=_BOLD)


def _paragraph(run: Invocation, text: str, *, first: str = "", style: str = "") -> None:
    safe = printable(text, limit=_SENTENCE)
    for line in wrapped(safe, width=run.output.width, first=first, rest=" " * len(first)):
        run.output.line(run.output.painted(line, style) if style else line)


def _columns(run: Invocation, key: str, text: str, *, column: int) -> None:
    """Show a key and what it stands for side by side, or where there is no room below each other."""
    width = run.output.width
    if width is not None and width - column < _NARROWEST:
        run.output.line(f"  {key}")
        _paragraph(run, text, first="    ")
        return
    _paragraph(run, text, first=f"  {key:<{column}}")
