"""From the variables of the environment to an account: complete, or refused with the variable named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import SplitResult, unquote, urlsplit

from fluenzr_smtp.environment.variables import ADDRESS, IMAP_URL, NAME, PASSWORD, SMTP_URL
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Fingerprint, Protocol, Secret, Security, StoredAccount
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.settings import Choices, ServerChoice, build_account, checked, parse_host, parse_port

_SCHEMES = {
    Protocol.SMTP: {
        "smtps": Security.IMPLICIT_TLS,
        "smtp": Security.STARTTLS,
        "smtp+plain": Security.NONE,
    },
    Protocol.IMAP: {
        "imaps": Security.IMPLICIT_TLS,
        "imap": Security.STARTTLS,
        "imap+plain": Security.NONE,
    },
}


def account_from(
    environ: Mapping[str, str],
    secret: Secret | None,
    *,
    now: datetime,
    pin: Fingerprint | None = None,
    authority: str | None = None,
) -> StoredAccount:
    """Return the account that the environment names.

    Raises:
        FluenzrError: ``environment-invalid`` with the variable and the reason; ``address-malformed``,
            ``encryption-required``.
    """
    smtp = _url(environ, SMTP_URL)
    imap = _url(environ, IMAP_URL) if environ.get(IMAP_URL) else None
    username = unquote(smtp.username or "")
    address = environ.get(ADDRESS) or username
    if not address:
        raise _invalid(ADDRESS, "empty")
    if username and secret is None:
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=(PASSWORD,))
    account = build_account(
        Choices(
            address=address,
            name=NAME,
            username=username or None,
            has_login=bool(username),
            smtp=_choice(Protocol.SMTP, SMTP_URL, smtp),
            imap=ServerChoice() if imap is None else _choice(Protocol.IMAP, IMAP_URL, imap),
            has_imap=imap is not None,
            pin=pin,
            authority=authority,
        ),
        preset=None,
    )
    if imap is not None and imap.username:  # a few providers know one by another name there
        account = replace(account, imap_username=checked("username", unquote(imap.username)))
    return StoredAccount(
        account=account, secret=secret if username else None, created=now, secret_changed=now
    )


def _url(environ: Mapping[str, str], variable: str) -> SplitResult:
    try:
        url = urlsplit(environ[variable].strip())
        _ = url.port  # reading it is what checks it
    except ValueError as error:
        raise _invalid(variable, "not-a-url") from error
    if url.password is not None:  # an address is shown, logged and kept in histories; a secret is not
        raise _invalid(variable, "secret-in-url")
    if not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise _invalid(variable, "not-a-url")
    return url


def _choice(protocol: Protocol, variable: str, url: SplitResult) -> ServerChoice:
    security = _SCHEMES[protocol].get(url.scheme.lower())
    if security is None:
        raise _invalid(variable, "not-a-scheme", schemes=tuple(_SCHEMES[protocol]))
    try:
        host = parse_host(url.hostname or "")
        port = None if url.port is None else parse_port(url.port)
    except FluenzrError as error:
        raise _invalid(variable, str(error.problem.facts["reason"])) from error
    return ServerChoice(host=host, port=port, security=security)


def _invalid(variable: str, reason: str, **facts: tuple[str, ...]) -> FluenzrError:
    code = ProblemCode.ENVIRONMENT_INVALID
    return failure(code, Stage.CONFIGURATION, variable=variable, reason=reason, **facts)
