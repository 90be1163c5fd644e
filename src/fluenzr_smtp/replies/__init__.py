"""Who answered, what bounced, what was a robot: what came in, told apart and matched to what was sent.

``reading`` goes through a mailbox; ``kinds`` says what a message is and why, ``matching`` what it answers;
``reports`` and ``bounces`` read what mail servers write, ``own_text`` and ``html_text`` what people do.

The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.replies.kinds import verdict_on
    from fluenzr_smtp.replies.own_text import own_text, preview
    from fluenzr_smtp.replies.parts import parsed
    from fluenzr_smtp.replies.reading import Question, Reading
    from fluenzr_smtp.replies.seen import Seen

__all__ = ["Question", "Reading", "Seen", "own_text", "parsed", "preview", "verdict_on"]

__getattr__ = loader(
    __name__,
    {
        "verdict_on": "kinds",
        "own_text": "own_text",
        "preview": "own_text",
        "parsed": "parts",
        "Seen": "seen",
        "Question": "reading",
        "Reading": "reading",
    },
)
