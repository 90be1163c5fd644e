"""An incoming message with what is looked at more than once."""

from __future__ import annotations

from email.message import Message

from fluenzr_smtp.replies.header import Header
from fluenzr_smtp.replies.html_text import text_of_html
from fluenzr_smtp.replies.own_text import own_text
from fluenzr_smtp.replies.parts import body_texts
from fluenzr_smtp.replies.phrases import found, plain

LOOKED_AT = 4000  # characters of a text: who wrote it shows at its beginning
_REPLY_PREFIX = (
    r"^(?:\[[^\]]{1,60}\] ?)?(?:re|aw|sv|vs|antw|res|rv|r|odp|ynt|rif|回复|回覆|答复|返信|答覆|ответ|उत्तर)"
    r"(?:\[\d+\]|\(\d+\))? ?[:：]",
)


class Seen:
    """A message.

    ``text`` is all that is to be read of it, ``own`` what its author has written; ``words`` (of that) and
    ``subject`` are as patterns see them.
    """

    def __init__(self, message: Message, octets: bytes) -> None:
        self.header = Header(message)
        self.message = message
        self.octets = octets
        plain_text, html = body_texts(message)
        self.text = plain_text if plain_text.strip() else text_of_html(html)
        self.own = own_text(self.text)
        self.words = plain(self.own[:LOOKED_AT])
        self.subject = plain(self.header.subject)

    @property
    def is_in_thread(self) -> bool:
        """Say whether the message names one that it answers."""
        return bool(self.header.in_reply_to or self.header.references)

    @property
    def is_called_answer(self) -> bool:
        """Say whether its subject begins as those of answers do."""
        return bool(found(_REPLY_PREFIX, self.subject))

    @property
    def is_answer(self) -> bool:
        """Say whether it is called an answer, and names what it answers."""
        return self.is_in_thread and self.is_called_answer
