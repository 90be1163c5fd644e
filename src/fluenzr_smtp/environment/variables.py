"""The names of the variables, and of the account that they describe."""

from __future__ import annotations

from collections.abc import Mapping

NAME = "environment"
SMTP_URL, IMAP_URL = "FLUENZR_SMTP_URL", "FLUENZR_IMAP_URL"
ADDRESS, PASSWORD = "FLUENZR_ADDRESS", "FLUENZR_PASSWORD"
TOKEN_COMMAND = "FLUENZR_TOKEN_COMMAND"  # noqa: S105 - a name
CA_FILE, TRUST_CERT = "FLUENZR_CA_FILE", "FLUENZR_TRUST_CERT"


def names_account(environ: Mapping[str, str]) -> bool:
    """Say whether the environment names an account."""
    return bool(environ.get(SMTP_URL))
