"""Wait for a message in the account's own mailbox, and read what the receiving server says of it."""

from __future__ import annotations

import re
from email.parser import BytesHeaderParser
from email.policy import compat32
from types import MappingProxyType

from fluenzr_smtp.diagnosis.chain import Conditions, checked, imap_session, imap_username
from fluenzr_smtp.errors import failure
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Account, Check, Clock, Secret, Target
from fluenzr_smtp.problems import Facts, FactValue, ProblemCode, Stage

_POLL_SECONDS = 1.0
_LOOK_BACK = 20  # messages of the junk folder that may be younger than the test message
_VERDICT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_ASIDE = re.compile(r'"[^"]*"|\([^()]*\)')  # a quoted string, or a comment without another one in it
_NESTING = 10


def await_arrival(
    account: Account,
    secret: Secret,
    message_id: str,
    *,
    first_uid: int,
    wait: float,
    clock: Clock,
    timeout: float,
) -> Check:
    """Wait up to ``wait`` seconds for a message in the inbox or the junk folder; read it by its header only.

    ``first_uid`` is the inbox's next UID from before the message was sent. The check's facts have the
    folder and what the receiving server says of the message (Authentication-Results, RFC 8601). Whatever the
    server answers is a problem of the check and raises nothing: the message was accepted all the same.
    """
    target = Target.of(account)
    session = imap_session(target, secret, Conditions(clock=clock, timeout=timeout))
    deadline = clock.monotonic() + wait

    def look() -> Facts:
        session.open()
        session.authenticate(imap_username(target), secret)
        return _watch(session, message_id, first_uid, deadline, clock)

    try:
        return checked(session, Stage.ARRIVAL, look, clock=clock)
    finally:
        session.close()


def _watch(session: IMAPSession, message_id: str, first_uid: int, deadline: float, clock: Clock) -> Facts:
    junk = session.special_folder("\\Junk")
    first_uids: dict[str, int | None] = {"INBOX": first_uid}
    if junk is not None:
        first_uids.setdefault(junk, None)
    while True:
        for folder in first_uids:
            header, first_uids[folder] = _found(session, folder, first_uids[folder], message_id)
            if header is not None:
                return _arrival_facts(session, folder, header)
        left = deadline - clock.monotonic()
        if left <= 0:
            raise failure(
                ProblemCode.ARRIVAL_NOT_SEEN,
                Stage.ARRIVAL,
                message_id=message_id,
                host=session.endpoint.host,
            )
        clock.sleep(min(_POLL_SECONDS, left))


def _found(
    session: IMAPSession, folder: str, first_uid: int | None, message_id: str
) -> tuple[bytes | None, int]:
    """Return the header if the message is there, and the UID from which on to look the next time."""
    opened = session.examine(folder)
    if first_uid is None:
        first_uid = max(1, (opened.uid_next or 1) - _LOOK_BACK)
    headers = session.headers_from(first_uid)
    found = next((header for header in headers.values() if _message_id(header) == message_id), None)
    return found, max(headers, default=first_uid - 1) + 1  # UIDs only grow (RFC 9051 §2.3.1.1)


def _message_id(header: bytes) -> str:
    return str(BytesHeaderParser(policy=compat32).parsebytes(header).get("Message-ID", "")).strip()


def _arrival_facts(session: IMAPSession, folder: str, header: bytes) -> Facts:
    parsed = BytesHeaderParser(policy=compat32).parsebytes(header)
    known: dict[str, FactValue] = {"folder": session.veiled(folder)}
    verdicts = parsed.get_all("Authentication-Results") or ()
    if verdicts:  # the receiving server writes its own on top (RFC 8601 §5)
        verdict = session.veiled(str(verdicts[0]))
        known["authentication_results"] = " ".join(verdict.split())
        known.update(authentication_verdicts(verdict))
    return MappingProxyType(known)


def authentication_verdicts(text: str) -> dict[str, str]:
    """Return the results of spf, dkim and dmarc in an Authentication-Results field, comments left out."""
    bare = text
    for _ in range(_NESTING):
        bare = _ASIDE.sub(" ", bare)
    found: dict[str, str] = {}
    for method, result in _VERDICT.findall(bare):
        found.setdefault(method.lower(), result.lower())
    return found
