"""An account that comes from the environment alone, so that a CI smoke check needs no vault.

``FLUENZR_SMTP_URL`` is ``smtps://user@host:465`` (implicit TLS) or ``smtp://user@host:587`` (STARTTLS;
``smtp+plain://`` without encryption, to this machine only), ``FLUENZR_IMAP_URL`` likewise with ``imaps``
and ``imap``. The secret is ``FLUENZR_PASSWORD``, or the access token that ``FLUENZR_TOKEN_COMMAND`` prints;
``FLUENZR_ADDRESS`` is the sender where the user name is no address; ``FLUENZR_CA_FILE`` and
``FLUENZR_TRUST_CERT`` name PEM files as ``--ca-file`` and ``--trust-cert`` do.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.environment.account import account_from
    from fluenzr_smtp.environment.variables import (
        ADDRESS,
        CA_FILE,
        IMAP_URL,
        NAME,
        PASSWORD,
        SMTP_URL,
        TOKEN_COMMAND,
        TRUST_CERT,
        names_account,
    )

__all__ = [
    "ADDRESS",
    "CA_FILE",
    "IMAP_URL",
    "NAME",
    "PASSWORD",
    "SMTP_URL",
    "TOKEN_COMMAND",
    "TRUST_CERT",
    "account_from",
    "names_account",
]

__getattr__ = loader(
    __name__,
    {
        "ADDRESS": "variables",
        "CA_FILE": "variables",
        "IMAP_URL": "variables",
        "NAME": "variables",
        "PASSWORD": "variables",
        "SMTP_URL": "variables",
        "TOKEN_COMMAND": "variables",
        "TRUST_CERT": "variables",
        "account_from": "account",
        "names_account": "variables",
    },
)
