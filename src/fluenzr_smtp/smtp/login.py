"""What proves a login to a submission server, mechanism by mechanism. Pure; nothing of it is kept."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable

#: In the order of preference.
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")

Responses = tuple[Callable[[bytes], str], ...]


def plain_response(username: str, secret: str) -> str:
    """Return the response of PLAIN (RFC 4616), in base64."""
    return _base64(f"\0{username}\0{secret}".encode())


def responses(mechanism: str, username: str, secret: str) -> Responses:
    """Return what answers each challenge of LOGIN or of CRAM-MD5, in base64."""
    if mechanism == "LOGIN":  # which has a custom and no standard: first the name, then the secret
        return (lambda _: _base64(username.encode()), lambda _: _base64(secret.encode()))

    def digest(challenge: bytes) -> str:  # RFC 2195
        return _base64(f"{username} {hmac.new(secret.encode(), challenge, 'md5').hexdigest()}".encode())

    return (digest,)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
