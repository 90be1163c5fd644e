"""The order in which the words of all servers are weighed: the first row that fits decides.

The narrower stand before the wider, and what a reply may quote or add for comfort stands last.
"""

from __future__ import annotations

from fluenzr_smtp.classify import texts_content as content
from fluenzr_smtp.classify import texts_envelope as envelope
from fluenzr_smtp.classify import texts_login as login
from fluenzr_smtp.classify import texts_reputation as reputation
from fluenzr_smtp.classify.evidence import AUTH, MESSAGE, NEVER, RECIPIENT, SENDER, TextRow, says
from fluenzr_smtp.classify.texts_languages import LANGUAGES
from fluenzr_smtp.problems import ProblemCode

# What one server says in words that are nobody else's: right without knowing who it is.
_TELLING: tuple[TextRow, ...] = (
    # Yahoo's answer to a sender whose login had no app password.
    *says(
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
        r"requested mail action not taken: mailbox unavailable",
        stages=SENDER,
        replies="450",
    ),
    # Proton Mail Bridge (emersion/go-smtp): 454 4.7.0 at AUTH, 554 5.0.0 after DATA, whatever it means.
    *says(ProblemCode.AUTH_REJECTED, r"invalid username or password|no such user", stages=AUTH),
    *says(ProblemCode.AUTH_REJECTED, r"blame it on the weather: no such user"),
    *says(ProblemCode.RECIPIENT_REFUSED, r"blame it on the weather: .{0,20}recipient"),
    *says(ProblemCode.SERVER_FAULT, r"blame it on the weather: too many failed requests"),
    *says(
        ProblemCode.SENDER_REFUSED,
        r"blame it on the weather: .{0,80}(?:return path|sender|\bfrom\b|address)",
    ),
    # Yahoo's wrapping around nothing.
    *says(ProblemCode.REPLY_UNKNOWN, r"delivery error: dd requested mail action aborted -"),
    # MailMarshal's rules.
    *says(ProblemCode.POLICY_REFUSED, r"\brule imposed\b", replies=NEVER),
    *says(
        ProblemCode.SENDER_REFUSED,
        r"multiple addresses in a from header",
        stages=SENDER | MESSAGE | RECIPIENT,
    ),
)

TEXTS: tuple[TextRow, ...] = (
    *_TELLING,
    *login.TLS_WORDS,
    *login.ENCRYPTION,
    *login.LOGIN,
    *login.CREDENTIALS,
    *envelope.FULL_NAMED,
    *content.GIVEN_UP,
    *reputation.DOMAIN_AUTHENTICATION,
    *reputation.UNUSUAL,
    *content.VERDICTS,
    *reputation.GREYLISTING,
    *reputation.RECIPIENT_RATE,
    *envelope.OWNERSHIP,
    *content.LINES,
    *envelope.RELAY_NAMED,
    *login.LOGIN_MISSING,
    *envelope.RELAYING,
    *envelope.RECIPIENT_COUNT_FINAL,
    *reputation.TOO_MANY,
    *content.LISTED_LINKS,
    *reputation.ADDRESS_BLOCKED,
    *reputation.RATE,
    *envelope.FULL,
    *envelope.TOO_BIG,
    *envelope.RECIPIENT_COUNT,
    *login.CREDENTIALS_ANYWHERE,
    *content.UNCHECKED,
    *content.COMMANDS,
    *content.SPAM,
    *content.OUTRIGHT,
    *envelope.RECIPIENT_NAMED,
    *envelope.SENDER_FAULTS,
    *content.CONTENT,
    *content.FAULTS,
    *envelope.RECIPIENTS,
    *content.PATIENCE,
    *content.LIMIT_AT_LAST,
    *LANGUAGES,
)

# What is left when neither words nor links gave a reason: that the message was refused.
REFUSALS: tuple[TextRow, ...] = content.POLICY

# Links that say more than the words around them; compared with the links alone, after the words.
LINKS: tuple[TextRow, ...] = (
    *says(ProblemCode.AUTH_APP_PASSWORD_REQUIRED, r"invalidsecondfactor", stages=AUTH),
    *says(ProblemCode.AUTH_VERIFICATION_REQUIRED, r"webloginrequired", stages=AUTH),
    *says(ProblemCode.AUTH_REJECTED, r"badcredentials", stages=AUTH),
    *says(ProblemCode.AUTH_OAUTH_REQUIRED, r"smtpauthdisabled|smtp_auth_disabled|oauth", stages=AUTH),
    *says(ProblemCode.MAILBOX_FULL, r"overquota"),
    *says(ProblemCode.RECIPIENT_BUSY, r"receivingrate"),
    *says(ProblemCode.RECIPIENT_REFUSED, r"nosuchuser|disableduser|inactiveuser"),
    *says(ProblemCode.SENDER_DOMAIN_AUTH, r"unauthenticated|\bdmarc\b|\bspf\b|\bdkim\b"),
    *says(ProblemCode.LIMIT_REACHED, r"smtp-error-codes\.php#rl"),
    *says(ProblemCode.IP_BLOCKED, r"unsolicitedip|ipcheck|spamhaus|dnsbl|/rbl|spamcop|blocklist|blacklist"),
    *says(ProblemCode.SPAM_REFUSED, r"unsolicitedmessage|help_spam", stages=MESSAGE),
    *says(ProblemCode.CONTENT_REFUSED, r"blockedmessage|rfcmessage|smtplf\b", stages=MESSAGE),
)
