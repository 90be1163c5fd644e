"""From what a person asked for to the bytes on the wire: addresses, header fields, the message.

Everything here is pure: time and randomness come in as arguments. What comes out holds CRLF line ends
only, no NUL, no line above 998 octets and no Bcc field.
"""

from fluenzr_smtp.compose.addresses import parse_address, parse_mailboxes
from fluenzr_smtp.compose.fields import parse_header
from fluenzr_smtp.compose.message import compose
from fluenzr_smtp.compose.raw import from_raw

__all__ = ["compose", "from_raw", "parse_address", "parse_header", "parse_mailboxes"]
