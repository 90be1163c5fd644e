"""From what was typed to messages: drafts filled in for each row, or messages that are given whole.

All of them are made before the first one is sent: a fault in the last row is told while nothing has gone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.output import is_terminal, printable
from fluenzr_smtp.cli.send.request import Request, Wording, contradiction
from fluenzr_smtp.compose import parse_header, parse_mailboxes
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Account, Attachment, Content, Draft, Mailbox, Priority
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.app.parcels import Parcel
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.model import Submission

_ADDRESSES = ("to", "cc", "bcc", "reply_to")
_LISTS = ("attach", "inline", "header", "list_unsubscribe")
_TEXTS = ("from_name", "subject", "body", "in_reply_to", "key")


def parcels(run: Invocation, request: Request, account: Account) -> tuple[Parcel, ...]:
    """Return all messages of a request, ready to be sent.

    Raises:
        FluenzrError: ``address-…``, ``header-…``, ``message-…``, ``template-invalid``, ``file-…``.
    """
    maker = _Maker(run=run, request=request, account=account)
    made = tuple(maker.ready_made() if request.is_ready_made else maker.composed())
    if request.wording.key is not None:
        _require_keys(made)
    return made


def _require_keys(made: tuple[Parcel, ...]) -> None:
    """Refuse keys that name nothing, and one that names two messages: only one of them would go."""
    seen: set[str] = set()
    for number, each in enumerate(made, start=1):
        if not each.key.strip():
            raise contradiction(f"--key is empty for message {number}")
        if each.key in seen:
            raise contradiction(f"--key is the same for message {number} and one before it")
        seen.add(each.key)


@dataclass(kw_only=True)
class _Maker:
    """Makes the messages of one request; a file that several of them carry is opened once."""

    run: Invocation
    request: Request
    account: Account
    opened: dict[str, Content] = field(default_factory=dict)
    unnamed: set[str] = field(default_factory=set)

    def ready_made(self) -> Iterator[Parcel]:
        """Make the messages that are given whole."""
        from fluenzr_smtp.app.parcels import Parcel

        said = self.request.wording
        named = tuple(each.address for each in _mailboxes(said.to + said.cc + said.bcc))
        for path in self.request.raw or ("-",):
            content = self.run.app.files.open_content(path)
            recipients, extra = (None, named) if self.request.from_header else (named, ())
            submission = self.run.app.compose_raw(content, self.account, recipients, extra)
            yield Parcel(submission=submission, key=said.key or "")

    def composed(self) -> Iterator[Parcel]:
        """Make one message, or one for each row."""
        from fluenzr_smtp.app.parcels import Parcel

        request = self._with_texts()
        if request.each is None and not request.variables:
            yield Parcel(submission=self._composed(request.wording), key=request.wording.key or "")
            return
        for number, values in enumerate(self._rows(), start=1):
            with self._telling_row(number):
                wording = _filled(request, values)
                parcel = Parcel(submission=self._composed(wording), key=wording.key or "")
            yield parcel

    @contextmanager
    def _telling_row(self, number: int) -> Iterator[None]:
        try:
            yield
        except FluenzrError as error:
            if (path := self.request.each) is None:
                raise
            self.run.output.note(
                f"Row {number} of {printable(path)} (the line of names not counted) is at fault; "
                "no message was sent."
            )
            raise FluenzrError(error.problem.with_facts(row=number)) from error

    def _rows(self) -> Iterator[Mapping[str, str]]:
        from fluenzr_smtp.compose import parse_variable, read_rows

        given = dict(parse_variable(each) for each in self.request.variables)
        if len(given) < len(self.request.variables):
            raise contradiction("--var gives the same name twice")
        if self.request.each is None:
            yield given
            return
        path = self.request.each
        for row in read_rows(self.run.app.files.read(path), path=path):
            yield {**given, **row}

    def _with_texts(self) -> Request:
        """Read the text and the HTML from where they are."""
        request, said = self.request, self.request.wording
        html = said.html if request.html_file is None else self._text_of(request.html_file)
        return request.with_wording(body=self._body(html), html=html)

    def _body(self, html: str | None) -> str | None:
        """Return the text: as typed, of the file, or of standard input where nothing else was given."""
        request, run = self.request, self.run
        if request.wording.body is not None:
            return request.wording.body
        if request.body_file is not None:
            return self._text_of(request.body_file)
        if html is not None:
            return None
        if is_terminal(sys.stdin):
            run.prompts.missing("--body or --body-file")
        text = self._text_of("-")
        if not text.strip() and not request.wording.attach:
            run.output.note("The message has no text: standard input was empty.")
        return text

    def _text_of(self, path: str) -> str:
        try:
            return self.run.app.files.read(path).decode("utf-8-sig")
        except UnicodeDecodeError:
            # Not chained: the exception quotes what was read.
            raise failure(ProblemCode.MESSAGE_MALFORMED, Stage.INPUT, reason="not-utf-8", path=path) from None

    def _composed(self, said: Wording) -> Submission:
        from fluenzr_smtp.compose import parse_date, parse_message_id

        self._tell_unnamed(said)
        name = self.account.display_name if said.from_name is None else said.from_name
        request = self.request
        draft = Draft(
            sender=Mailbox(address=self.account.address, name=name),
            to=_mailboxes(said.to),
            cc=_mailboxes(said.cc),
            bcc=_mailboxes(said.bcc),
            reply_to=_mailboxes(said.reply_to),
            subject=said.subject or "",
            headers=tuple(parse_header(each) for each in said.header),
            attachments=self._attachments(said),
            text=said.body,
            html=said.html,
            in_reply_to=parse_message_id(said.in_reply_to) if said.in_reply_to else "",
            priority=Priority(request.priority),
            date=parse_date(request.date, zone=self.run.app.zone) if request.date else None,
            list_unsubscribe=said.list_unsubscribe,
        )
        return self.run.app.compose(draft)

    def _tell_unnamed(self, said: Wording) -> None:
        """Tell of pictures that the HTML shows and nobody has given: readers would see a gap."""
        shown = set(re.findall(r"""["'(]cid:([^"'()\s<>]+)""", said.html or ""))
        for name in sorted(shown - {each.partition("=")[0] for each in said.inline} - self.unnamed):
            self.unnamed.add(name)
            self.run.output.note(
                f"The HTML shows 'cid:{printable(name)}', which no --inline {printable(name)}=FILE gives."
            )

    def _attachments(self, said: Wording) -> tuple[Attachment, ...]:
        attached = [self._attachment(path) for path in said.attach]
        for each in said.inline:
            name, equals, path = each.partition("=")
            if not equals or not name or not path:
                raise contradiction("--inline is written as NAME=FILE")
            attached.append(self._attachment(path, content_id=name))
        return tuple(attached)

    def _attachment(self, path: str, *, content_id: str = "") -> Attachment:
        if path not in self.opened:
            self.opened[path] = self.run.app.files.open_content(path)
        filename = "attachment" if path == "-" else PurePath(path).name
        return Attachment(filename=filename, content=self.opened[path], content_id=content_id)


def _filled(request: Request, values: Mapping[str, str]) -> Wording:
    """Fill the variables into every text of a request."""
    from fluenzr_smtp.compose import fill, fill_addresses

    said = request.wording
    changed: dict[str, object] = {
        name: tuple(filter(None, (fill_addresses(each, values) for each in getattr(said, name))))
        for name in _ADDRESSES
    }
    changed |= {name: tuple(fill(each, values) for each in getattr(said, name)) for name in _LISTS}
    for name in _TEXTS:
        text = getattr(said, name)
        path = (request.body_file or "") if name == "body" else ""
        changed[name] = None if text is None else fill(text, values, path=path)
    if said.html is not None:
        changed["html"] = fill(said.html, values, path=request.html_file or "", is_html=True)
    return request.with_wording(**changed).wording


def _mailboxes(texts: tuple[str, ...]) -> tuple[Mailbox, ...]:
    return tuple(mailbox for text in texts for mailbox in parse_mailboxes(text))
