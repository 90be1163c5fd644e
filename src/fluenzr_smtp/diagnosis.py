"""Walk an account's servers stage by stage and yield a check for each; nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.parser import BytesHeaderParser
from email.policy import compat32
from types import MappingProxyType

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap import IMAPSession
from fluenzr_smtp.model import Account, Check, Clock, Endpoint, Protocol, Secret
from fluenzr_smtp.problems import Facts, FactValue, Problem, ProblemCode, Stage
from fluenzr_smtp.session import Session, Step
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.tls import Certificate

_POLL_SECONDS = 1.0
_LOOK_BACK = 20  # messages of the junk folder that may be younger than the test message
_UNTRUSTED = {
    ProblemCode.TLS_CERTIFICATE_EXPIRED,
    ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID,
    ProblemCode.TLS_CERTIFICATE_WRONG_HOST,
    ProblemCode.TLS_CERTIFICATE_SELF_SIGNED,
    ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    ProblemCode.TLS_CERTIFICATE_INVALID,
}
_LOGIN_REFUSED = {
    ProblemCode.AUTH_REJECTED,
    ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
    ProblemCode.AUTH_ACCOUNT_BLOCKED,
    ProblemCode.AUTH_TOO_MANY_LOGINS,
}
_VERDICT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_ASIDE = re.compile(r'"[^"]*"|\([^()]*\)')  # a quoted string, or a comment without another one in it
_NESTING = 10


def examine(
    account: Account, secret: Secret | None, *, clock: Clock, timeout: float, recipient: str = ""
) -> Iterator[Check]:
    """Yield a check for each stage of the account's servers; a failure ends its own chain only.

    Sender and recipient (the account's own address unless given) are named and taken back.
    """
    is_refused = False
    for check in examine_smtp(account, secret, clock=clock, timeout=timeout, recipient=recipient):
        is_refused |= check.problem is not None and check.problem.code in _LOGIN_REFUSED
        yield check
    if account.imap is not None:
        # The same secret once more would only bring the mailbox nearer to being locked.
        yield from examine_imap(account, None if is_refused else secret, clock=clock, timeout=timeout)


def examine_smtp(
    account: Account, secret: Secret | None, *, clock: Clock, timeout: float, recipient: str = ""
) -> Iterator[Check]:
    """Yield the checks of the submission server."""
    session = SMTPSession(account.smtp, clock=clock, timeout=timeout)
    if secret is not None:
        session.hide(secret)

    def steps() -> Iterator[Step]:
        yield from session.steps()
        if account.username is not None and secret is not None:
            username, known = account.username, secret
            yield Stage.AUTH, lambda: session.authenticate(username, known)
        yield Stage.SENDER, lambda: session.check_sender(account.address)
        yield Stage.RECIPIENT, lambda: session.check_recipient(recipient or account.address)

    yield from _chain(Protocol.SMTP, session, steps(), clock=clock, timeout=timeout)


def examine_imap(account: Account, secret: Secret | None, *, clock: Clock, timeout: float) -> Iterator[Check]:
    """Yield the checks of the IMAP server; without a secret they end at its capabilities.

    Raises:
        FluenzrError: ``account-imap-none``.
    """
    session = _imap_session(account, clock=clock, timeout=timeout)
    if secret is not None:
        session.hide(secret)

    def steps() -> Iterator[Step]:
        yield from session.steps()
        if secret is not None:
            username = _imap_username(account)
            yield Stage.AUTH, lambda: session.authenticate(username, secret)
            yield Stage.MAILBOX, lambda: _inbox_facts(session)

    yield from _chain(Protocol.IMAP, session, steps(), clock=clock, timeout=timeout)


def _imap_session(account: Account, *, clock: Clock, timeout: float) -> IMAPSession:
    if account.imap is None:
        problem = Problem(
            code=ProblemCode.ACCOUNT_IMAP_NONE,
            stage=Stage.CONFIGURATION,
            facts=MappingProxyType({"account": account.name}),
        )
        raise FluenzrError(problem)
    return IMAPSession(account.imap, clock=clock, timeout=timeout)


def _imap_username(account: Account) -> str:
    return account.imap_username or account.username or account.address


def _inbox_facts(session: IMAPSession) -> Facts:
    folder = session.examine()
    known: dict[str, FactValue] = {"folder": folder.name, "messages": folder.exists}
    if folder.uid_next is not None:
        known["uid_next"] = folder.uid_next
    return MappingProxyType(known)


def _chain(
    protocol: Protocol, session: Session, steps: Iterator[Step], *, clock: Clock, timeout: float
) -> Iterator[Check]:
    try:
        for stage, step in steps:
            check = _checked(protocol, stage, session.endpoint, step, clock=clock)
            yield _explained(check, session, clock=clock, timeout=timeout)
            if not check.ok:
                return
    finally:
        session.close()


def _checked(
    protocol: Protocol, stage: Stage, endpoint: Endpoint, step: Callable[[], Facts], *, clock: Clock
) -> Check:
    start = clock.monotonic()
    facts: Facts = MappingProxyType({})
    problem: Problem | None = None
    try:
        facts = step()
    except FluenzrError as error:
        problem = error.problem
    return Check(
        protocol=protocol,
        stage=stage,
        endpoint=endpoint,
        elapsed=timedelta(seconds=clock.monotonic() - start),
        facts=facts,
        problem=problem,
    )


def _explained(check: Check, session: Session, *, clock: Clock, timeout: float) -> Check:
    """Look at a certificate that was refused, so that the person can be told what it says."""
    if check.problem is None or check.problem.code not in _UNTRUSTED:
        return check
    look = type(session)(session.endpoint, clock=clock, timeout=timeout)
    try:
        certificate = look.certificate()
    except FluenzrError:
        return check
    problem = check.problem.with_facts(**certificate_facts(certificate))
    return Check(
        protocol=check.protocol,
        stage=check.stage,
        endpoint=check.endpoint,
        elapsed=check.elapsed,
        problem=problem,
    )


def certificate_facts(certificate: Certificate) -> dict[str, FactValue]:
    """Return what a certificate says of itself, as facts."""
    return {
        "names": certificate.names,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.date().isoformat(),
        "not_after": certificate.not_after.date().isoformat(),
        "fingerprint": str(certificate.fingerprint),
    }


def served_certificate(
    protocol: Protocol, endpoint: Endpoint, *, clock: Clock, timeout: float
) -> Certificate:
    """Return the certificate that a server shows, without trusting it.

    Raises:
        FluenzrError: ``dns-…``, ``connect-…``, ``tls-…``, ``reply-…``.
    """
    kind = SMTPSession if protocol is Protocol.SMTP else IMAPSession
    return kind(endpoint, clock=clock, timeout=timeout).certificate()


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
    session = _imap_session(account, clock=clock, timeout=timeout)
    session.hide(secret)
    deadline = clock.monotonic() + wait

    def look() -> Facts:
        session.open()
        session.authenticate(_imap_username(account), secret)
        return _watch(session, message_id, first_uid, deadline, clock)

    try:
        return _checked(Protocol.IMAP, Stage.ARRIVAL, session.endpoint, look, clock=clock)
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
            facts: Facts = MappingProxyType({"message_id": message_id, "host": session.endpoint.host})
            raise FluenzrError(Problem(code=ProblemCode.ARRIVAL_NOT_SEEN, stage=Stage.ARRIVAL, facts=facts))
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
