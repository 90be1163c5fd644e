"""From an account to a session with its mailboxes that is logged in."""

from __future__ import annotations

from typing import TypeVar

from fluenzr_smtp.errors import failure
from fluenzr_smtp.imap.session import IMAPSession
from fluenzr_smtp.model import Account, Clock, Secret
from fluenzr_smtp.problems import ProblemCode, Stage

Kind = TypeVar("Kind", bound=IMAPSession)


def opened(
    kind: type[Kind],
    account: Account,
    secret: Secret | None,
    *,
    clock: Clock,
    timeout: float,
    until: float | None = None,
) -> Kind:
    """Return a session that is logged in; whoever asks for it closes it. ``timeout`` is that of a step.

    Raises:
        FluenzrError: ``account-imap-none``; as ``Session.open`` and ``Session.authenticate``.
    """
    if account.imap is None or secret is None:
        raise failure(ProblemCode.ACCOUNT_IMAP_NONE, Stage.CONFIGURATION, account=account.name)
    provider = account.preset or ""
    session = kind(account.imap, clock=clock, timeout=timeout, provider=provider, until=until)
    session.hide(secret)
    try:
        session.open()
        session.authenticate(account.imap_username or account.username or account.address, secret)
    except BaseException:
        session.close()
        raise
    return session
