"""What proves a login by an access token, and what a refusal of one says. Pure; nothing of it is kept.

OAUTHBEARER is RFC 7628; XOAUTH2 is Google's, which Microsoft speaks as well
(https://developers.google.com/workspace/gmail/imap/xoauth2-protocol).
"""

from __future__ import annotations

import base64
import binascii
import json
import re

#: In the order of preference: the standard one first.
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")

_LONGEST = 8192  # octets of a challenge that are looked at
_WORD = re.compile(r"[A-Za-z0-9_ .:-]{1,80}")


def first_response(mechanism: str, username: str, token: str, *, host: str, port: int) -> bytes:
    """Return the initial client response, not yet in base64."""
    if mechanism == "XOAUTH2":
        return f"user={username}\x01auth=Bearer {token}\x01\x01".encode()
    name = username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 §4
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


def last_response(mechanism: str) -> bytes:
    """Return what a client answers to the challenge that says why a token is refused (RFC 7628 §3.2.3)."""
    return b"" if mechanism == "XOAUTH2" else b"\x01"


def refusal(challenge: str | bytes) -> str:
    """Return the status that such a challenge holds (base64 of JSON), or an empty text."""
    try:
        found = json.loads(base64.b64decode(challenge[:_LONGEST], validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    status = str(found.get("status", "")) if isinstance(found, dict) else ""
    return status if _WORD.fullmatch(status) else ""
