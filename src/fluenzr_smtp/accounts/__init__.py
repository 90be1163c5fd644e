"""The accounts inside the vault: each with its secret, all in one payload, changed one write at a time."""

from fluenzr_smtp.accounts.accounts import (
    NAME_LIMIT,
    Accounts,
    Merge,
    check_name,
    export_accounts,
    find,
    import_accounts,
)
from fluenzr_smtp.accounts.payload import FORMAT, decode, encode

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
