r"""Finding a message in any mailbox, and filing one among the sent mail (RFC 9051, RFC 6154).

To find changes nothing: mailboxes are examined. To file is the one thing that writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap.client import Client
from fluenzr_smtp.imap.mailboxes import Mailbox, likeliest_first, listed, sent_among
from fluenzr_smtp.imap.session import IMAPSession
from fluenzr_smtp.model import Content
from fluenzr_smtp.problems import ProblemCode, Stage

_LIST_BYTES = 1024 * 1024
_MAX_SEARCHED = 2000
_MAX_HITS = 5
_MAX_PREFIX = 100
_MESSAGE_ID = re.compile(r"[!-~]{1,900}")
_NEW_NAME = "Sent"


class FilingSession(IMAPSession):
    """A session that looks into every mailbox and may file one message."""

    def mailboxes(self) -> tuple[Mailbox, ...]:
        """Return the mailboxes that can be opened; a list above 1 MiB or 10,000 lines is refused.

        Raises:
            FluenzrError: ``mailbox-unreadable``, ``reply-…``, ``connection-lost``.
        """
        client = self._opened(Stage.MAILBOX, budget=_LIST_BYTES)
        with self._mapped(Stage.MAILBOX):
            status, text, answer = client.listed()
            self._accepted(Stage.MAILBOX, (status, text))
            return tuple(listed(answer))

    # -- finding -------------------------------------------------------------------------------------

    def find_message(self, message_id: str, mailboxes: Iterable[Mailbox]) -> str | None:
        """Return the first mailbox that holds the message with this Message-ID, or None.

        A server may take its search for anything: what it finds is looked at. A mailbox that does not open
        is passed over, as long as others do.

        Raises:
            FluenzrError: ``message-malformed`` for what is no Message-ID; ``mailbox-unreadable`` and other
                refusals where no mailbox could be read; ``reply-…``, ``connection-lost``.
        """
        if not _MESSAGE_ID.fullmatch(message_id):
            raise self._wire.failure(ProblemCode.MESSAGE_MALFORMED, reason="message-id-invalid")
        refused, was_read = None, False
        for mailbox in likeliest_first(mailboxes)[:_MAX_SEARCHED]:
            try:
                if self._holds(mailbox.name, message_id):
                    return mailbox.name
                was_read = True
            except FluenzrError as error:
                if error.problem.reply is None or not self._wire.is_open:
                    raise
                refused = refused or error
        if refused is not None and not was_read:
            raise refused
        return None

    def _holds(self, name: str, message_id: str) -> bool:
        self.examine(name)
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX, folder=self.veiled(name)):
            hits = sorted(client.searched("Message-ID", message_id), reverse=True)[:_MAX_HITS]
            return any(_message_id(header) == message_id for _, header in self._headers(client, hits))

    # -- filing --------------------------------------------------------------------------------------

    def sent_mailbox(self) -> str | None:
        r"""Return the mailbox of sent mail: the one flagged ``\Sent``, else one of a usual name, or None.

        Raises:
            FluenzrError: as ``mailboxes``.
        """
        found = sent_among(self.mailboxes())
        return None if found is None else found.name

    def create_sent(self) -> str:
        """Make and subscribe a mailbox for sent mail where there is none; return its name.

        Raises:
            FluenzrError: ``mailbox-unreadable`` and what a refusal means.
        """
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX, folder=_NEW_NAME):
            prefix = client.personal_prefix()
        name = _NEW_NAME if len(prefix) > _MAX_PREFIX else prefix + _NEW_NAME
        self._create(name)
        return name

    def append(self, mailbox: str, content: Content, *, when: datetime) -> None:
        r"""File a message as seen (RFC 9051 §6.3.12); its bytes are written as they are given out.

        A mailbox that is no longer there, where the server asks for it ([TRYCREATE]), is made once.

        Raises:
            FluenzrError: ``message-too-big`` (RFC 7889), ``mailbox-full``, ``mailbox-unreadable`` and what
                else a refusal means; ``message-malformed`` and ``file-unreadable`` for a content that is not
                what it was.
        """
        self._refuse_size(mailbox, content.size_bytes)
        answer = self._appended(mailbox, content, when)
        if answer[0] == "NO" and b"[TRYCREATE" in answer[1].upper():
            self._create(mailbox)
            answer = self._appended(mailbox, content, when)
        self._accepted(Stage.MAILBOX, answer, folder=self.veiled(mailbox))

    def _appended(self, mailbox: str, content: Content, when: datetime) -> tuple[str, bytes]:
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX, folder=self.veiled(mailbox)):
            return client.appended(mailbox, content, when=when)

    def _refuse_size(self, mailbox: str, size: int) -> None:
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX, folder=self.veiled(mailbox)):
            limit = client.append_limit(mailbox)
        if limit is not None and limit < size:
            raise self._wire.failure(ProblemCode.MESSAGE_TOO_BIG, size_bytes=size, limit_bytes=limit)

    def _create(self, name: str) -> None:
        """Make a mailbox; one that cannot be subscribed to is there all the same."""
        client: Client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX, folder=self.veiled(name)):
            self._accepted(Stage.MAILBOX, client.created(name), folder=self.veiled(name))
            client.subscribed(name)


def _message_id(header: bytes) -> str:
    from email.parser import BytesHeaderParser

    return str(BytesHeaderParser().parsebytes(header).get("Message-ID", "")).strip()
