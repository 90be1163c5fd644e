"""At which stage a pasted reply was given: what people call the stages, and what tells one from a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from fluenzr_smtp.classify.evidence import compiled, folded
from fluenzr_smtp.problems import ProblemCode, ServerReply, Stage

#: What ``--stage`` takes: the stages of a dialogue and the verbs. A reply at connect is the greeting.
STAGE_NAMES: Mapping[str, Stage] = MappingProxyType(
    {
        "connect": Stage.GREETING,
        "greeting": Stage.GREETING,
        "capabilities": Stage.CAPABILITIES,
        "ehlo": Stage.CAPABILITIES,
        "helo": Stage.CAPABILITIES,
        "tls": Stage.TLS,
        "starttls": Stage.TLS,
        "auth": Stage.AUTH,
        "imap-login": Stage.AUTH,
        "sender": Stage.SENDER,
        "mail": Stage.SENDER,
        "recipient": Stage.RECIPIENT,
        "rcpt": Stage.RECIPIENT,
        "message": Stage.MESSAGE,
        "data": Stage.MESSAGE,
        "mailbox": Stage.MAILBOX,
    }
)

_Row = tuple[re.Pattern[str], Stage]

_AFTER = (
    r"(?:in reply to|after(?: pipelined| sending)?|during|(?:error|failed|response) (?:on|to|for)"
    r"|command:? ?['\"]?)"
)

# What Postfix, Exim, smtplib, nodemailer, Jakarta Mail, PHPMailer and curl say of it; compared in lower case.
_TOLD: tuple[_Row, ...] = tuple(
    (re.compile(pattern), stage)
    for pattern, stage in (
        (
            rf"(?:{_AFTER}|reject(?:ed)?:?) ?rcpt\b|smtprecipientsrefused|smtpaddressfailed"
            rf"|following recipients failed",
            Stage.RECIPIENT,
        ),
        (r"rcpt (?:to command )?failed|recipient address .{0,80}not accepted by the server", Stage.RECIPIENT),
        (
            rf"{_AFTER} ?mail from\b|reject: mail from|rejected mail <|smtpsenderrefused|smtpsenderfailed"
            rf"|mail from command failed|\bmail failed: \d",
            Stage.SENDER,
        ),
        (r"envelope from address .{0,80}not accepted", Stage.SENDER),
        (
            rf"{_AFTER} ?(?:the )?(?:end of )?(?:data|text|message|bdat)\b|end-of-message|smtpdataerror",
            Stage.MESSAGE,
        ),
        (r"data not accepted|data command failed|did not accept the mail|\bemessage\b", Stage.MESSAGE),
        (rf"{_AFTER} ?auth\b|smtpauthenticationerror|authenticationfailedexception|\beauth\b", Stage.AUTH),
        (r"sasl (?:authentication|login|plain)|authentication failed \(method", Stage.AUTH),
        (rf"{_AFTER} ?starttls\b", Stage.TLS),
        (rf"{_AFTER} ?(?:ehlo|helo)\b|smtpheloerror", Stage.CAPABILITIES),
        (
            rf"{_AFTER} ?(?:initial|connect)\b|initial server greeting|refused to talk to me"
            rf"|smtpconnecterror",
            Stage.GREETING,
        ),
    )
)

_ABOUT_LOGIN = compiled(
    folded(
        r"\bauthenticat(?!ion (?:checks|information|results))|\bauth\b|credential|password|pass ?code"
        r"|\blog-?in\b|\blog in\b"
        r"|username|user name|\bsasl\b|\b2fa\b|two-factor|sign[- ]in|oauth|basic auth|imap|web ?login|parol"
        r"|authentif|autentica|anmeldung|parol|пароль|密码|登录|認証|パスワード"
    )
)
_ABOUT_RECIPIENTS = re.compile(r"recipient address(?:es)? rejected|too many (?:\w+ )?recipients")
_ABOUT_DOMAIN = re.compile(r"\bspf\b|\bdkim\b|dmarc|unauthenticated|sender is|authentication level|relay")

_LOGIN_CODES = frozenset({435, 525, 534, 535, 538})
_RECIPIENT_STATUS = re.compile(r"[45]\.1\.(?:[1-46]|10)|[45]\.2\.[12]")
_SENDER_STATUS = re.compile(r"[45]\.1\.[78]")

_BY_CODE: tuple[_Row, ...] = (
    (re.compile(r"450|422|55[016]|51"), Stage.RECIPIENT),
    (re.compile(r"50|555"), Stage.CAPABILITIES),
    (re.compile(r"521|2"), Stage.GREETING),
)

# Where a problem that was found without a stage belongs.
_HOME: Mapping[ProblemCode, Stage] = MappingProxyType(
    {
        ProblemCode.SENDER_REFUSED: Stage.SENDER,
        ProblemCode.AUTH_REQUIRED: Stage.SENDER,
        ProblemCode.RECIPIENT_REFUSED: Stage.RECIPIENT,
        ProblemCode.RECIPIENT_BUSY: Stage.RECIPIENT,
        ProblemCode.RECIPIENT_LIMIT: Stage.RECIPIENT,
        ProblemCode.MAILBOX_FULL: Stage.RECIPIENT,
        ProblemCode.RELAY_DENIED: Stage.RECIPIENT,
        ProblemCode.GREYLISTED: Stage.RECIPIENT,
        ProblemCode.IP_BLOCKED: Stage.GREETING,
        ProblemCode.COMMAND_REFUSED: Stage.CAPABILITIES,
        ProblemCode.AUTH_REJECTED: Stage.AUTH,
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED: Stage.AUTH,
        ProblemCode.AUTH_OAUTH_REQUIRED: Stage.AUTH,
        ProblemCode.AUTH_SMTP_DISABLED: Stage.AUTH,
        ProblemCode.AUTH_IMAP_DISABLED: Stage.AUTH,
        ProblemCode.AUTH_TOO_MANY_LOGINS: Stage.AUTH,
        ProblemCode.AUTH_UNAVAILABLE: Stage.AUTH,
    }
)


def told_stage(text: str) -> Stage | None:
    """Return the stage that a log line or an exception names; ``text`` is in lower case."""
    return next((stage for pattern, stage in _TOLD if pattern.search(text)), None)


def stage_by_number(reply: ServerReply) -> Stage | None:
    """Return the stage that the numbers of a reply leave no doubt of."""
    status = reply.enhanced or ""
    if reply.code == 501 and status == "5.5.4":  # the name in EHLO, as Exchange and Postfix refuse it
        return Stage.CAPABILITIES
    if reply.code in _LOGIN_CODES:
        return Stage.AUTH
    if _RECIPIENT_STATUS.fullmatch(status):
        return Stage.RECIPIENT
    return Stage.SENDER if _SENDER_STATUS.fullmatch(status) else None


def stage_by_subject(words: str, reply: ServerReply) -> Stage | None:
    """Return the stage that the words are about: logging in, or encryption."""
    if reply.code == 454 and "tls" in words:
        return Stage.TLS
    if _ABOUT_RECIPIENTS.search(words):  # what servers say at RCPT, whatever follows it
        return Stage.RECIPIENT
    if _ABOUT_LOGIN.search(words) and not _ABOUT_DOMAIN.search(words):
        return Stage.AUTH
    return None


def likely_stage(reply: ServerReply) -> Stage:
    """Return the stage in which a code without words is most frequent."""
    code = "" if reply.code is None else str(reply.code)
    return next((stage for pattern, stage in _BY_CODE if pattern.match(code)), Stage.MESSAGE)


def home_of(code: ProblemCode, stage: Stage) -> Stage:
    """Return the stage to which a problem belongs that was found at a guessed one."""
    return _HOME.get(code, stage)
