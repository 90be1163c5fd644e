"""The bytes of messages that need not be in memory: given out in blocks, told when a file is not what it was.

Contents that are in memory anyway are ``model.Octets``. Nothing here knows headers or MIME parts.
The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.content.encoded import Base64
    from fluenzr_smtp.content.joined import Joined, joined
    from fluenzr_smtp.content.lines import Lines, Survey, crlf, long_line
    from fluenzr_smtp.content.stored import MEMORY_BYTES, File, Stream, opened, spooled

__all__ = [
    "MEMORY_BYTES",
    "Base64",
    "File",
    "Joined",
    "Lines",
    "Stream",
    "Survey",
    "crlf",
    "joined",
    "long_line",
    "opened",
    "spooled",
]

__getattr__ = loader(
    __name__,
    {
        "Base64": "encoded",
        "File": "stored",
        "Joined": "joined",
        "Lines": "lines",
        "MEMORY_BYTES": "stored",
        "Stream": "stored",
        "Survey": "lines",
        "crlf": "lines",
        "joined": "joined",
        "long_line": "lines",
        "opened": "stored",
        "spooled": "stored",
    },
)
