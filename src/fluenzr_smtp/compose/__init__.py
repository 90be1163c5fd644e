"""From what a person asked for to the bytes on the wire: addresses, header fields, the message.

Everything here is pure: time and randomness come in as arguments. What comes out holds CRLF line ends
only, no NUL, no line above 998 octets and no Bcc field.

The names are loaded on first use: a message is either made or given.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.compose.addresses import parse_address, parse_mailboxes
    from fluenzr_smtp.compose.dates import parse_date
    from fluenzr_smtp.compose.fields import parse_header, parse_message_id
    from fluenzr_smtp.compose.message import compose
    from fluenzr_smtp.compose.raw import author, from_raw
    from fluenzr_smtp.compose.rows import read_rows
    from fluenzr_smtp.compose.seven_bit import seven_bit
    from fluenzr_smtp.compose.templates import fill, fill_addresses, parse_variable

__all__ = [
    "author",
    "compose",
    "fill",
    "fill_addresses",
    "from_raw",
    "parse_address",
    "parse_date",
    "parse_header",
    "parse_mailboxes",
    "parse_message_id",
    "parse_variable",
    "read_rows",
    "seven_bit",
]

__getattr__ = loader(
    __name__,
    {
        "parse_address": "addresses",
        "parse_mailboxes": "addresses",
        "parse_date": "dates",
        "parse_header": "fields",
        "parse_message_id": "fields",
        "compose": "message",
        "author": "raw",
        "from_raw": "raw",
        "read_rows": "rows",
        "seven_bit": "seven_bit",
        "fill": "templates",
        "fill_addresses": "templates",
        "parse_variable": "templates",
    },
)
