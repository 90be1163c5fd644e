"""Sign in where the provider wants OAuth: the one home of authlib and of httpx2.

Authlib does the protocol and httpx2 the HTTP; both come with the extra ``oauth``. The connection below them
is the one of the mail sessions (``wire``), so that time, size and certificates are bounded and named alike.
What the server says in return is data: read strictly, and named by a problem.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.oauth.client import Authorization, Dealings, DeviceCode
    from fluenzr_smtp.oauth.metadata import discover
    from fluenzr_smtp.oauth.providers import PROVIDERS, Provider, proposing, provider_of, server_of
    from fluenzr_smtp.oauth.redirect import Redirect, answer_of

#: The time for one request as a whole.
SECONDS = 30.0

__all__ = [
    "PROVIDERS",
    "SECONDS",
    "Authorization",
    "Dealings",
    "DeviceCode",
    "Provider",
    "Redirect",
    "answer_of",
    "discover",
    "proposing",
    "provider_of",
    "server_of",
]

__getattr__ = loader(
    __name__,
    {
        "PROVIDERS": "providers",
        "Authorization": "client",
        "Dealings": "client",
        "DeviceCode": "client",
        "Provider": "providers",
        "Redirect": "redirect",
        "answer_of": "redirect",
        "discover": "metadata",
        "proposing": "providers",
        "provider_of": "providers",
        "server_of": "providers",
    },
)
