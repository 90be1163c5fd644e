"""An account's mailboxes from the sender's side: is a message there, and a copy of it among the sent mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.imap import FilingSession, opened
from fluenzr_smtp.model import Account, Clock, Content, Secret
from fluenzr_smtp.problems import ProblemCode, Stage

_MAX_STEPS = 20


def look_for(
    account: Account, secret: Secret, message_id: str, *, clock: Clock, timeout: float
) -> str | None:
    """Return the mailbox that holds a message, or None; nothing in the mailboxes changes.

    ``timeout`` is that of a step; all together have the time of twenty.

    Raises:
        FluenzrError: ``account-imap-none``; ``message-malformed`` for what is no Message-ID; as an IMAP
            session.
    """
    until = clock.monotonic() + _MAX_STEPS * timeout
    with _session(account, secret, clock=clock, timeout=timeout, until=until) as session:
        found = session.find_message(message_id, session.mailboxes())
        return None if found is None else session.veiled(found)


def save_sent(
    account: Account, secret: Secret, content: Content, *, when: datetime, clock: Clock, timeout: float
) -> str:
    """File a message among the sent mail; return the mailbox. Where there is none, one is made.

    Raises:
        FluenzrError: ``sent-not-saved``, with the code of what stood in the way as the fact ``detail``.
    """
    try:
        with _session(account, secret, clock=clock, timeout=timeout) as session:
            mailbox = session.sent_mailbox() or session.create_sent()
            session.append(mailbox, content, when=when)
            return session.veiled(mailbox)
    except FluenzrError as error:
        host = account.imap.host if account.imap else account.smtp.host
        problem = error.problem
        raise failure(
            ProblemCode.SENT_NOT_SAVED, Stage.MAILBOX, problem.reply, host=host, detail=problem.code.value
        ) from error


@contextmanager
def _session(
    account: Account, secret: Secret, *, clock: Clock, timeout: float, until: float | None = None
) -> Iterator[FilingSession]:
    session = opened(FilingSession, account, secret, clock=clock, timeout=timeout, until=until)
    try:
        yield session
    finally:
        session.close()
