"""The text of an HTML message, without the history in the containers of known mail programs.

A quotation that a mail program marks leaves a line ">", so that ``own_text`` knows "… wrote:" above it; one
that the author made stays, marked line by line. Nothing is recursive, and depth costs nothing.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from fluenzr_smtp.replies.html_lines import Lines
from fluenzr_smtp.replies.html_tags import Tag, tokens

_VOID = frozenset(
    {"br", "hr", "img", "meta", "link", "input", "wbr", "area", "base", "col", "embed", "source"}
)
_APART = frozenset({"p", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"})
_BLOCKS = _APART | frozenset(
    {"div", "li", "table", "tr", "hr", "section", "article", "header", "footer", "center", "address"}
    | {"dl", "dt", "dd", "form", "body", "html"}
)
_STYLE_LONGEST = 2000
# As styles are read, without spaces. A size of nothing alone hides no text: newsletters give it to the cells
# around theirs.
_HIDDEN = re.compile(
    r"(?:^|;)(?:display:none|visibility:hidden|mso-hide:all|(?:max-height|opacity):0(?![.\d]*[1-9]))"
)
_EMPTY_BOX = re.compile(r"(?:^|;)(?:height|width|font-size):0(?![.\d]*[1-9])")
_TIGHT = re.compile(r"(?:^|;)margin(?:-bottom)?:0(?![.\d]*[1-9])")
_INDENTED = re.compile(r"(?:^|;)margin:0(?:px)?0(?:px)?0(?:px)?40px;border:none")
# Outlook's line above "From:" in its colour since 2013, the one before, and as its web pages write it.
_OUTLOOK_LINE = re.compile(
    r"border-top:(?:solid#(?:e1e1e1|b5c4df)1\.0pt|1(?:\.0)?ptsolidrgb\((?:225,225,225|181,196,223)\))"
)
_HISTORY_BEGINS = ("divRplyFwdMsg", "appendonsend", "stopSpelling")
# "… wrote:" above a quotation that may not be marked itself.
_INTRODUCTIONS = frozenset({"moz-cite-prefix", "gmail_attr", "reply-intro"})
_SILENT = _INTRODUCTIONS | frozenset(
    {"yahoo_quoted", "moz-forward-container", "mail-editor-reference-message-container"}
    | {"OLK_SRC_BODY_SECTION", "gmail_signature", "moz-signature"}
)
# Hold "… wrote:" and the quotation, and also answers that were written between its parts.
_AROUND_QUOTATIONS = frozenset({"gmail_quote", "protonmail_quote", "zmail_extra"})
_CITED = frozenset({"gmail_quote", "protonmail_quote", "blockquote_zmail", "moz-quote"})


class _Role(Enum):
    SILENT = auto()
    INTRODUCTION = auto()  # silent up to the first quotation in it
    QUOTED = auto()
    VERBATIM = auto()
    TIGHT = auto()


def text_of_html(html: str) -> str:
    """Return the text of an HTML message as lines: links by their text, images by nothing."""
    page = _Page()
    for token in tokens(html):
        if isinstance(token, str):
            page.write(token)
        elif token.is_end:
            page.close(token.name)
        elif _begins_history(token) and not page.is_silent:
            break
        else:
            page.open(token)
    return page.lines.text()


def _begins_history(tag: Tag) -> bool:
    """Whether everything behind a tag is history: what Outlook quotes is in no container."""
    if tag.attributes.get("id", "").endswith(_HISTORY_BEGINS):
        return True
    return tag.name == "div" and _OUTLOOK_LINE.search(_style(tag)) is not None


def _style(tag: Tag) -> str:
    return "".join(tag.attributes.get("style", "")[:_STYLE_LONGEST].lower().split())


def _names(tag: Tag) -> frozenset[str]:
    named = (tag.attributes.get(key, "") for key in ("class", "id"))
    return frozenset(" ".join(named).split())


class _Page:
    """The open tags and what they mean for their text; a stack for each name, as tags are often crossed."""

    def __init__(self) -> None:
        self.lines = Lines()
        self._open: dict[str, list[frozenset[_Role]]] = {}
        self._count = dict.fromkeys(_Role, 0)
        self._introduction: tuple[str, int] | None = None
        self._cited_next = False

    @property
    def is_silent(self) -> bool:
        return self._count[_Role.SILENT] + self._count[_Role.INTRODUCTION] > 0

    def write(self, text: str) -> None:
        if not self.is_silent:
            self._cited_next = self._cited_next and not text.strip()
            self.lines.write(text, is_verbatim=self._count[_Role.VERBATIM] > 0)
        elif self._introduction and text.lstrip().startswith("-----"):
            self._replace_introduction(frozenset({_Role.SILENT}))  # forwarded: nobody answers in it

    def open(self, tag: Tag) -> None:
        if tag.name in _BLOCKS:
            self.close("p")
        roles = self._roles(tag)
        self._lay_out(tag.name, roles)
        if tag.name in _VOID:
            return
        self._open.setdefault(tag.name, []).append(roles)
        self._add(roles, 1)
        if _Role.INTRODUCTION in roles:
            self._introduction = tag.name, len(self._open[tag.name]) - 1

    def close(self, name: str) -> None:
        if not self._open.get(name):
            return
        if name in _BLOCKS and not self.is_silent:
            self.lines.end_block()
        roles = self._open[name].pop()
        self._add(roles, -1)
        if _Role.INTRODUCTION in roles:
            self._introduction = None
        if name in _APART and _Role.TIGHT not in roles and not self.is_silent:
            self.lines.blank()

    def _add(self, roles: frozenset[_Role], number: int) -> None:
        for role in roles:
            self._count[role] += number
        self.lines.is_quoted = self._count[_Role.QUOTED] > 0

    def _replace_introduction(self, roles: frozenset[_Role]) -> None:
        if self._introduction:
            name, place = self._introduction
            self._add(self._open[name][place], -1)
            self._open[name][place] = roles
            self._add(roles, 1)
            self._introduction = None

    def _roles(self, tag: Tag) -> frozenset[_Role]:
        roles = set()
        style = _style(tag)
        if tag.name == "pre" or "white-space:pre" in style or "white-space:break-spaces" in style:
            roles.add(_Role.VERBATIM)
        if "MsoNormal" in tag.attributes.get("class", "") or _TIGHT.search(style):
            roles.add(_Role.TIGHT)
        if tag.name == "blockquote":
            roles.update(self._roles_of_quotation(tag, style))
        elif tag.name == "xml" or self._is_hidden(tag, style):
            roles.add(_Role.SILENT)
        elif tag.name == "div" and _names(tag) & _AROUND_QUOTATIONS:
            roles.add(_Role.SILENT if self.is_silent else _Role.INTRODUCTION)
        return frozenset(roles)

    def _roles_of_quotation(self, tag: Tag, style: str) -> frozenset[_Role]:
        is_cited = tag.attributes.get("type", "").lower() == "cite"
        if not is_cited and _INDENTED.search(style):  # what an author indents in Gmail
            return frozenset()
        if self._introduction and self._count[_Role.SILENT] == 0:
            is_cited = True
            self._replace_introduction(frozenset())
        is_cited = is_cited or self._cited_next or bool(_names(tag) & _CITED)
        self._cited_next = False
        return frozenset({_Role.SILENT if is_cited else _Role.QUOTED})

    def _is_hidden(self, tag: Tag, style: str) -> bool:
        names = _names(tag)
        self._cited_next = self._cited_next or not names.isdisjoint(_INTRODUCTIONS)
        if tag.name in ("body", "html"):
            return False
        if names & _SILENT or "hidden" in tag.attributes or _HIDDEN.search(style):
            return True
        if tag.name == "div" and tag.attributes.get("name") == "quote":  # GMX, WEB.DE
            return True
        return "overflow:hidden" in style and _EMPTY_BOX.search(style) is not None

    def _lay_out(self, name: str, roles: frozenset[_Role]) -> None:
        if self.is_silent:
            return
        if name == "br":
            self.lines.end()
        elif name in ("td", "th"):
            self.lines.write(" ")
        elif name in _BLOCKS:
            self.lines.end_block()
            if name in _APART and _Role.TIGHT not in roles:
                self.lines.blank()
        if name == "blockquote" and _Role.SILENT in roles:
            self.lines.mark_quotation()
        elif name == "li":
            self.lines.begin_item()
