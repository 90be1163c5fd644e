"""The accounts inside the vault: each with its secret, all in one payload, changed one write at a time.

The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.accounts.accounts import (
        NAME_LIMIT,
        Accounts,
        Merge,
        check_name,
        find,
    )
    from fluenzr_smtp.accounts.payload import FORMAT, decode, encode
    from fluenzr_smtp.accounts.transfer import export_accounts, import_accounts

__all__ = [
    "FORMAT",
    "NAME_LIMIT",
    "Accounts",
    "Merge",
    "check_name",
    "decode",
    "encode",
    "export_accounts",
    "find",
    "import_accounts",
]

__getattr__ = loader(
    __name__,
    {
        "Accounts": "accounts",
        "FORMAT": "payload",
        "Merge": "accounts",
        "NAME_LIMIT": "accounts",
        "check_name": "accounts",
        "decode": "payload",
        "encode": "payload",
        "export_accounts": "transfer",
        "find": "accounts",
        "import_accounts": "transfer",
    },
)
