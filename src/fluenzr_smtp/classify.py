"""From a server's reply to the problem it means: rows of data, pure and total.

Evidence is weighed in this order: the provider's or the software's own words, the enhanced status code
in its stage (RFC 3463, RFC 7372), the reply code in its stage (RFC 5321 §4.2, RFC 4954 §6), and last the
class of the code. New knowledge is a new row, never an ``if`` at the call. Texts are matched in lower case
after the lines of the reply were joined by a blank.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fluenzr_smtp.problems import ProblemCode, ServerReply, Stage

_ANY = frozenset(Stage)
_AUTH = frozenset({Stage.AUTH})
_SENDER = frozenset({Stage.SENDER})
_RECIPIENT = frozenset({Stage.RECIPIENT})
_MESSAGE = frozenset({Stage.MESSAGE})
_TRANSACTION = _SENDER | _RECIPIENT | _MESSAGE
_TLS = frozenset({Stage.TLS})


@dataclass(frozen=True, slots=True)
class TextRow:
    """Words that settle the matter wherever the server says them in one of ``stages``."""

    stages: frozenset[Stage]
    pattern: re.Pattern[str]
    code: ProblemCode


def _says(stages: frozenset[Stage], code: ProblemCode, *words: str) -> TextRow:
    return TextRow(stages, re.compile("|".join(words)), code)


# The first row that fits decides; the narrower therefore stand before the wider.
TEXT_ROWS: tuple[TextRow, ...] = (
    # Yahoo lets the login pass without an app password and then refuses the sender with a 450.
    _says(
        _SENDER,
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
        r"requested mail action not taken: mailbox unavailable",
    ),
    # Proton Mail Bridge answers a wrong password with a temporary code (emersion/go-smtp wraps every
    # unnamed login error in 454 4.7.0) and refuses senders after DATA with 554 5.0.0.
    _says(_AUTH, ProblemCode.AUTH_REJECTED, r"invalid username or password", r"no such user"),
    _says(_MESSAGE, ProblemCode.AUTH_REJECTED, r"blame it on the weather: no such user"),
    _says(_MESSAGE, ProblemCode.RECIPIENT_REFUSED, r"blame it on the weather: invalid recipient"),
    _says(_MESSAGE, ProblemCode.SERVER_FAULT, r"blame it on the weather: too many failed requests"),
    _says(
        _MESSAGE,
        ProblemCode.SENDER_REFUSED,
        r"blame it on the weather: .*(return path|sender|from|address)",
    ),
    _says(
        _ANY,
        ProblemCode.TLS_REQUIRED,
        r"must issue a starttls",
        r"starttls (command )?(is )?(required|first)",
        r"without ssl/tls",
        r"encryption (is )?(required|needed)",
        r"\[privacyrequired\]",
        r"plaintext authentication (is )?(disallowed|disabled)",
        r"cleartext (authentication|password|login)",
    ),
    # A missing app password: Google's 534 5.7.9, Yahoo's #AUTH005 at the very first try, SendGrid's 535.
    _says(
        _ANY,
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
        r"application-specific password",
        r"app(lication)?[- ](specific )?password",
        r"invalidsecondfactor",
        r"not allowed with 2fa",
        r"too many bad auth attempts",
        r"#auth005",
    ),
    _says(
        _ANY,
        ProblemCode.AUTH_OAUTH_REQUIRED,
        r"basic authentication is (disabled|not supported)",
        r"oauth2? (is )?(required|only)",
    ),
    _says(
        _ANY,
        ProblemCode.AUTH_SMTP_DISABLED,
        r"smtpclientauthentication is disabled",
        r"smtp_auth_disabled",
        r"smtp (access|service|auth\w*) (is |has been )?(disabled|not enabled|switched off)",
    ),
    _says(
        _ANY,
        ProblemCode.AUTH_IMAP_DISABLED,
        r"imap (access|service) (is |has been )?(not allowed|disabled|not enabled|denied)",
        r"(enable|switch on|turn on) imap",
        r"imap is (disabled|not enabled)",
        r"not enabled for imap",
    ),
    _says(
        _AUTH,
        ProblemCode.AUTH_TOO_MANY_LOGINS,
        r"too many (login|auth|failed|concurrent|connection)",
        r"login(s)? (rate|frequency) (limit|exceeded)",
        r"maximum number of connections",
        r"concurrent connections",
        r"\[limit\]",
    ),
    _says(
        _AUTH | _MESSAGE,
        ProblemCode.AUTH_VERIFICATION_REQUIRED,
        r"log ?in via (your )?web ?browser",
        r"webloginrequired",
        r"verify your (account|identity)",
        r"account verification",
    ),
    _says(
        _AUTH | _SENDER | _MESSAGE,
        ProblemCode.AUTH_ACCOUNT_BLOCKED,
        r"(account|mailbox|user) (is |has been |was )?(blocked|suspended|locked|disabled|deactivated)",
        r"sender address blocked",
        r"\[contactadmin\]",
        r"outgoing .*(blocked|suspended)",
    ),
    _says(
        _AUTH,
        ProblemCode.AUTH_MECHANISM_UNSUPPORTED,
        r"(unsupported|unrecogni[sz]ed|invalid|unknown) auth\w* (mechanism|type)",
        r"mechanism (is )?not supported",
    ),
    _says(
        _AUTH,
        ProblemCode.AUTH_UNAVAILABLE,
        r"temporary auth\w* failure",
        r"temporary (server )?(error|problem)",
        r"\[unavailable\]",
        r"connection lost to authentication server",
        r"authenticated but not connected",
    ),
    # Limits. Gmail says 550 5.4.5 and Exchange 554 5.2.0 for a quota of the day: later it works.
    _says(
        _ANY,
        ProblemCode.LIMIT_REACHED,
        r"sending (quota|limit)",
        r"quota exceeded\. .*gsmtp",
        r"submissionquotaexceeded",
        r"refusequota",
        r"24-hour sending limit",
        r"(max|maximum)( number of)? (emails|messages) per (hour|day|minute)",
        r"(rate|message|sending|daily|hourly)[ _-](message )?limit",
        r"sending rate exceeded",
        r"too many (messages|emails|new tls sessions)",
        r"too many recipients from",
        r"rate ?limit",
        r"rate overlimit",
        r"please wait to send more",
        r"throttl(ed|ing)",
    ),
    _says(_ANY, ProblemCode.GREYLISTED, r"gr[ea]y-?list"),
    _says(
        _TRANSACTION,
        ProblemCode.SENDER_DOMAIN_AUTH,
        r"\b(spf|dkim|dmarc)\b.*(fail|policy|check|pass|authenticat|align|reject)",
        r"(unauthenticated|not authenticated) (e-?mail|mail|message|sender)",
        r"(fail\w*|not pass\w*|reject\w*)[^.]*\b(spf|dkim|dmarc)\b",
    ),
    _says(
        _ANY,
        ProblemCode.RELAY_DENIED,
        r"relay(ing)? (access )?(denied|not permitted|prohibited|not allowed)",
        r"(unable|not permitted|not allowed) to relay",
        r"we do not relay",
    ),
    _says(
        _ANY,
        ProblemCode.IP_BLOCKED,
        r"(block|black|deny) ?list(ed)?",
        r"blocked using",
        r"spamhaus|spamcop|sorbs|barracuda(central)?|proofpoint.*lookup",
        r"(ip|host|client)( address)?[^.]{0,60}(blocked|banned|listed|reputation)",
        r"(poor|bad|low) reputation",
        r"\bdnsbl\b|\brbl\b",
        r"(reverse dns|ptr record|rdns)",
        r"you maybe infected",
    ),
    _says(
        _TRANSACTION,
        ProblemCode.SENDER_REFUSED,
        r"sender address rejected",
        r"not owned by",
        r"relaying disallowed as",
        r"sendasdenied",
        r"not allowed to send (as|from)",
        r"multiple addresses in a from header",
        r"(address|identity|sender|domain)( is)? not (been )?verified",
        r"invalid sender|sender (is )?(invalid|not allowed|denied|rejected|unknown)",
    ),
    _says(
        _TRANSACTION,
        ProblemCode.MAILBOX_FULL,
        r"(mailbox|inbox|user|account)( is| was)? (full|over ?quota)",
        r"over (the )?(storage )?quota",
        r"quota (is )?(full|exceeded|exhausted)",
        r"insufficient (disk|storage|mailbox) space",
        r"mailbox size limit",
    ),
    _says(
        _TRANSACTION,
        ProblemCode.MESSAGE_TOO_BIG,
        r"(message|e-?mail|mail)( file)? (size|length)[^.]*(exceed|too|limit)",
        r"(message|mail|e-?mail)( is)? too (big|large)",
        r"size (limit )?exceed",
    ),
    _says(_TRANSACTION, ProblemCode.RECIPIENT_LIMIT, r"too many (recipients|rcpts|addresses)"),
    _says(
        _MESSAGE,
        ProblemCode.SPAM_REFUSED,
        r"\bspam",
        r"\bvirus\b",
        r"malware|phishing",
        r"unsolicited",
        r"reject for policy reason\. rule",
        r"message content rejected",
    ),
    _says(
        _MESSAGE,
        ProblemCode.CONTENT_REFUSED,
        r"bare lf",
        r"line too long",
        r"reject due to policy restrictions",
        r"(header|content|attachment|message format)[^.]*(reject|invalid|not allowed|missing|violat)",
        r"rfc ?5322|rfc ?2822",
    ),
    _says(
        _TRANSACTION,
        ProblemCode.RECIPIENT_REFUSED,
        r"(user|recipient|mailbox|account|address)[^.]{0,60}(unknown|not found|no such|invalid)",
        r"(user|recipient|mailbox|account|address)[^.]{0,60}(does not|doesn.t) exist",
        r"(no such|unknown|invalid|nonexistent) (user|recipient|mailbox|account|address)",
        r"no valid recipients",
        r"mailbox (unavailable|disabled|not found)",
        r"not deliverable|undeliverable",
        r"recipient already specified",
    ),
)

# Enhanced status code (by prefix of class.subject.detail) in its stage. "*" stands for either class.
_ENHANCED: tuple[tuple[frozenset[Stage], str, ProblemCode], ...] = (
    (_AUTH, "*.7.9", ProblemCode.AUTH_APP_PASSWORD_REQUIRED),
    (_AUTH, "5.7.139", ProblemCode.AUTH_OAUTH_REQUIRED),
    (_ANY, "5.7.30", ProblemCode.AUTH_OAUTH_REQUIRED),
    (_AUTH | _TLS, "*.7.11", ProblemCode.TLS_REQUIRED),
    (_ANY, "5.7.10", ProblemCode.TLS_REQUIRED),
    (_AUTH, "5.7.4", ProblemCode.AUTH_MECHANISM_UNSUPPORTED),
    (_AUTH, "5.5.4", ProblemCode.AUTH_MECHANISM_UNSUPPORTED),
    (_AUTH, "5.7.14", ProblemCode.AUTH_VERIFICATION_REQUIRED),
    (_TRANSACTION, "5.7.57", ProblemCode.AUTH_REQUIRED),
    (_TRANSACTION, "5.4.5", ProblemCode.LIMIT_REACHED),
    (_TRANSACTION, "4.4.5", ProblemCode.LIMIT_REACHED),
    (_TRANSACTION, "4.7.28", ProblemCode.LIMIT_REACHED),
    (_TRANSACTION, "*.7.20", ProblemCode.SENDER_DOMAIN_AUTH),
    (_TRANSACTION, "*.7.21", ProblemCode.SENDER_DOMAIN_AUTH),
    (_TRANSACTION, "*.7.22", ProblemCode.SENDER_DOMAIN_AUTH),
    (_TRANSACTION, "*.7.23", ProblemCode.SENDER_DOMAIN_AUTH),
    (_TRANSACTION, "*.7.24", ProblemCode.SENDER_DOMAIN_AUTH),
    (_TRANSACTION, "*.7.26", ProblemCode.SENDER_DOMAIN_AUTH),
    (_TRANSACTION, "*.7.27", ProblemCode.SENDER_DOMAIN_AUTH),
    (_ANY, "*.7.25", ProblemCode.IP_BLOCKED),
    (_TRANSACTION, "*.5.3", ProblemCode.RECIPIENT_LIMIT),
    (_TRANSACTION, "*.3.4", ProblemCode.MESSAGE_TOO_BIG),
    (_TRANSACTION, "*.2.3", ProblemCode.MESSAGE_TOO_BIG),
    (_TRANSACTION, "*.2.2", ProblemCode.MAILBOX_FULL),
    (_TRANSACTION, "*.1.7", ProblemCode.SENDER_REFUSED),
    (_TRANSACTION, "*.1.8", ProblemCode.SENDER_REFUSED),
    (_TRANSACTION, "5.2.252", ProblemCode.SENDER_REFUSED),
    (_RECIPIENT | _MESSAGE, "*.1.", ProblemCode.RECIPIENT_REFUSED),
    (_RECIPIENT | _MESSAGE, "*.2.", ProblemCode.RECIPIENT_REFUSED),
    (_MESSAGE, "*.6.", ProblemCode.CONTENT_REFUSED),
    (_SENDER | _RECIPIENT, "4.3.", ProblemCode.SERVER_FAULT),
    (_ANY, "*.3.", ProblemCode.SERVER_FAULT),
    (_ANY, "4.4.", ProblemCode.SERVER_FAULT),
)

# Reply code in its stage; "4" and "5" stand for the class.
_CODES: tuple[tuple[frozenset[Stage], str, ProblemCode], ...] = (
    (_ANY, "421", ProblemCode.SERVER_FAULT),
    (_AUTH, "530", ProblemCode.TLS_REQUIRED),
    (_AUTH, "538", ProblemCode.TLS_REQUIRED),
    (_AUTH, "534", ProblemCode.AUTH_APP_PASSWORD_REQUIRED),
    (_AUTH, "504", ProblemCode.AUTH_MECHANISM_UNSUPPORTED),
    (_AUTH, "502", ProblemCode.AUTH_NOT_OFFERED),
    (_AUTH, "500", ProblemCode.AUTH_NOT_OFFERED),
    (_AUTH, "503", ProblemCode.AUTH_NOT_OFFERED),
    (_AUTH, "432", ProblemCode.AUTH_UNAVAILABLE),
    (_AUTH, "4", ProblemCode.AUTH_UNAVAILABLE),
    (_AUTH, "5", ProblemCode.AUTH_REJECTED),
    (_TLS, "4", ProblemCode.TLS_STARTTLS_REFUSED),
    (_TLS, "5", ProblemCode.TLS_STARTTLS_REFUSED),
    (_TRANSACTION, "530", ProblemCode.AUTH_REQUIRED),
    (_TRANSACTION, "552", ProblemCode.MESSAGE_TOO_BIG),
    (_TRANSACTION, "452", ProblemCode.SERVER_FAULT),
    (_TRANSACTION, "503", ProblemCode.UNEXPECTED_REPLY),
    (_RECIPIENT, "422", ProblemCode.GREYLISTED),
    (_SENDER, "4", ProblemCode.SERVER_FAULT),
    (_SENDER, "5", ProblemCode.SENDER_REFUSED),
    (_RECIPIENT, "4", ProblemCode.RECIPIENT_REFUSED),
    (_RECIPIENT, "5", ProblemCode.RECIPIENT_REFUSED),
    (_MESSAGE, "553", ProblemCode.SENDER_REFUSED),
    (_MESSAGE, "4", ProblemCode.SERVER_FAULT),
    (_MESSAGE, "5", ProblemCode.CONTENT_REFUSED),
    (frozenset({Stage.GREETING}), "554", ProblemCode.IP_BLOCKED),
    (frozenset({Stage.GREETING}), "550", ProblemCode.IP_BLOCKED),
    (_ANY, "4", ProblemCode.SERVER_FAULT),
    (_ANY, "5", ProblemCode.SERVER_REFUSED),
)

# NO and BAD of an IMAP server in their stage.
_WORDS: Mapping[Stage, ProblemCode] = {
    Stage.GREETING: ProblemCode.SERVER_FAULT,
    Stage.TLS: ProblemCode.TLS_STARTTLS_REFUSED,
    Stage.CAPABILITIES: ProblemCode.UNEXPECTED_REPLY,
    Stage.AUTH: ProblemCode.AUTH_REJECTED,
}


def classify(stage: Stage, reply: ServerReply) -> ProblemCode:
    """Name the problem that a refusing reply means in this stage. Total: every reply has a name."""
    return _by_text(stage, reply) or _by_enhanced(stage, reply) or _by_code(stage, reply)


def _by_text(stage: Stage, reply: ServerReply) -> ProblemCode | None:
    text = " ".join(reply.text.lower().split())
    return next((row.code for row in TEXT_ROWS if stage in row.stages and row.pattern.search(text)), None)


def _by_enhanced(stage: Stage, reply: ServerReply) -> ProblemCode | None:
    status = reply.enhanced
    if status is None:
        return None
    return next((code for stages, row, code in _ENHANCED if stage in stages and _fits(status, row)), None)


def _fits(status: str, row: str) -> bool:
    """Compare class.subject.detail; a row that ends in a dot stands for every detail of its subject."""
    if row.startswith("*"):
        status, row = status[1:], row[1:]
    return status.startswith(row) if row.endswith(".") else status == row


def _by_word(stage: Stage, text: str) -> ProblemCode:
    if text.startswith("BYE"):  # the server closes the connection, for a reason of its own (RFC 9051 §7.1.5)
        return ProblemCode.SERVER_FAULT
    return _WORDS.get(stage, ProblemCode.MAILBOX_UNREADABLE)


def _by_code(stage: Stage, reply: ServerReply) -> ProblemCode:
    if reply.code is None:  # an IMAP answer says NO, BAD or BYE and gives no number
        return _by_word(stage, reply.text)
    code = str(reply.code)
    return next(
        (named for stages, row, named in _CODES if stage in stages and code.startswith(row)),
        ProblemCode.UNEXPECTED_REPLY,
    )
