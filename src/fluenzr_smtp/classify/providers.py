"""What words mean when one provider or one server software says them. Rows.

A provider is named by its preset's key; presets of one provider share their rows through ``_SAME``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fluenzr_smtp.classify.evidence import (
    AUTH,
    GREETING,
    LATER,
    MESSAGE,
    RECIPIENT,
    SENDER,
    TextRow,
    says,
)
from fluenzr_smtp.problems import ProblemCode

_code = ProblemCode

#: The one server that runs on this machine and may simply not be started.
BRIDGE = "proton-bridge"

_ROWS: Mapping[str, tuple[TextRow, ...]] = MappingProxyType(
    {
        # internal/services/smtp/errors.go of proton-bridge; go-smtp wraps unnamed errors in 454 4.7.0 at AUTH
        # and in 554 5.0.0 after DATA, whatever they mean.
        BRIDGE: (
            *says(
                _code.AUTH_REJECTED, r"invalid username or password|no such user|incorrect|unauthori[sz]ed"
            ),
            *says(_code.AUTH_TOO_MANY_LOGINS, r"too many (?:login attempts|failed requests)", stages=AUTH),
            *says(_code.SERVER_FAULT, r"too many failed requests", stages=MESSAGE),
            *says(
                _code.RECIPIENT_REFUSED,
                r"invalid recipient|no recipient|recipient .{0,40}not",
                stages=MESSAGE,
            ),
            *says(
                _code.SENDER_REFUSED,
                r"invalid return path|can't send on address|sender|return path|multiple addresses in a from"
                r"|not (?:a )?valid (?:from|address)|\bfrom\b.{0,30}(?:invalid|missing|address)",
                stages=SENDER | MESSAGE,
            ),
        ),
        # help.zoho.com "SMTP errors": the sender is looked at only after DATA ("relaying disallowed as …").
        "zoho": (
            *says(
                _code.AUTH_ACCOUNT_BLOCKED, r"unusual (?:sending )?activity|unblock ?me|user (?:is )?blocked"
            ),
            *says(_code.SENDER_REFUSED, r"invalid (?:sender|from)|sender is not allowed", stages=RECIPIENT),
        ),
        # Yahoo lets the login pass without an app password and refuses the sender with a 450.
        "yahoo": (
            *says(_code.AUTH_APP_PASSWORD_REQUIRED, r"mailbox unavailable", stages=SENDER, replies="450"),
            *says(_code.AUTH_APP_PASSWORD_REQUIRED, r"too many bad auth attempts|#auth005"),
            *says(_code.SPAM_REFUSED, r"\((?:hvu|urlbl):\w+\)"),
            *says(
                _code.IP_BLOCKED,
                r"deferred due to (?:user|unexpected)|\((?:rtr|dyn|con|dnq):\w+\)|\[ts[s\d]\d+\]",
                replies=LATER,
            ),
        ),
        # docs.ovh.com, "mail FAQ"; the bounce of the hourly limit has no text that is known.
        "ovh": (*says(_code.AUTH_ACCOUNT_BLOCKED, r"blocked for (?:spam|abuse)|account .{0,20}blocked"),),
        "gandi": (
            *says(_code.SPAM_REFUSED, r"rule\d_\d|policy reason"),
            *says(_code.AUTH_TOO_MANY_LOGINS, r"sasl_rate_limit", stages=AUTH),
            *says(_code.LIMIT_REACHED, r"sasl_rate_limit|rate_limit"),
            *says(_code.IP_BLOCKED, r"blocked you|sbl-xbl"),
        ),
        "gmail": (
            # support.google.com/a/answer/3726730; the codes 4.7.29 to 4.7.32 and their 5.7 twins are its own.
            *says(
                _code.LIMIT_REACHED,
                r"daily (?:user )?sending (?:quota|limit)|sending (?:quota|limit) exceeded",
            ),
            *says(_code.LIMIT_REACHED, r"^e-?mail quota exceeded"),
        ),
        "yandex": (
            *says(_code.AUTH_SMTP_DISABLED, r"does not have access rights to this service", stages=AUTH),
            *says(_code.AUTH_VERIFICATION_REQUIRED, r"accept eula|user agreement", stages=AUTH),
            *says(_code.SPAM_REFUSED, r"suspicion of spam|bad links", stages=MESSAGE),
        ),
        "mailru": (*says(_code.AUTH_APP_PASSWORD_REQUIRED, r"application password|parol prilozheniya"),),
        "posteo": (*says(_code.SPAM_REFUSED, r"message content rejected", stages=MESSAGE),),
        "qq": (*says(_code.AUTH_APP_PASSWORD_REQUIRED, r"authori[sz]ation code|not open", stages=AUTH),),
        # postmaster.orange.fr: the number behind OFR tells the reason.
        "orange": (
            *says(_code.RECIPIENT_REFUSED, r"ofr\w*_41[68]\b"),
            *says(_code.IP_BLOCKED, r"ofr\w*_10[23]\b"),
            *says(_code.AUTH_REJECTED, r"ofr\w*_305\b"),
            *says(_code.AUTH_REQUIRED, r"authentification requise|ofr\w*_402\b"),
            *says(_code.LIMIT_REACHED, r"ofr\w*_104\b"),
        ),
        # Hosts that are shut out get a line without a reason.
        "t-online": (*says(_code.IP_BLOCKED, r"\bip ?=|a problem occurred", stages=GREETING),),
        "amazon-ses": (
            *says(_code.SENDER_REFUSED, r"not verified|not authori[sz]ed to perform"),
            *says(_code.LIMIT_REACHED, r"throttling failure|daily message quota|maximum sending rate"),
        ),
        "postfix": (
            *says(_code.SENDER_REFUSED, r"not owned by user", stages=SENDER | RECIPIENT),
            *says(_code.AUTH_NOT_OFFERED, r"authentication not enabled", stages=AUTH),
        ),
        "exim": (
            *says(_code.AUTH_REJECTED, r"incorrect authentication data", stages=AUTH),
            *says(_code.AUTH_UNAVAILABLE, r"unable to authenticate at present", stages=AUTH),
        ),
        # Its greylisting says no more than this.
        "rspamd": (*says(_code.GREYLISTED, r"^try again later", replies=LATER),),
        "dovecot": (
            *says(_code.AUTH_TOO_MANY_LOGINS, r"maximum number of connections from user"),
            *says(_code.TLS_REQUIRED, r"plaintext authentication disallowed|cleartext authentication"),
        ),
    }
)

_SAME: Mapping[str, str] = MappingProxyType(
    {
        "ovh-ca": "ovh",
        "zoho-eu": "zoho",
        "zoho-in": "zoho",
        "zoho-au": "zoho",
        "zoho-jp": "zoho",
        "zoho-ca": "zoho",
        "zoho-pro": "zoho",
        "zoho-eu-pro": "zoho",
        "zoho-in-pro": "zoho",
        "google-workspace": "gmail",
        "google": "gmail",
        "aol": "yahoo",
        "aol-verizon": "yahoo",
        "yahoo-jp": "yahoo",
        "proton": BRIDGE,
        "protonmail-bridge": BRIDGE,
        "ses": "amazon-ses",
        "qq-exmail": "qq",
        "mail-ru": "mailru",
        "mail.ru": "mailru",
    }
)

#: Providers and server software that have rows of their own.
SERVERS: frozenset[str] = frozenset(_ROWS) | frozenset(_SAME)

# A plain refusal of the login can mean more with them: a mailbox that was blocked for spam (OVH's documents,
# "535"), the wrong data centre (help.zoho.com, "authentication failed").
_DOUBTS: Mapping[tuple[str, ProblemCode], ProblemCode] = MappingProxyType(
    {
        ("ovh", _code.AUTH_REJECTED): _code.AUTH_REJECTED_MAYBE_BLOCKED,
        ("zoho", _code.AUTH_REJECTED): _code.AUTH_REJECTED_MAYBE_REGION,
    }
)


def known_as(provider: str) -> str:
    """Return the key under which a provider's rows stand."""
    key = provider.strip().lower()
    return _SAME.get(key, key)


def rows_of(provider: str) -> tuple[TextRow, ...]:
    """Return the rows of a provider or a server software; none for one that is not known."""
    return _ROWS.get(known_as(provider), ())


def doubted(provider: str, code: ProblemCode) -> ProblemCode:
    """Return what a code may mean besides with this provider."""
    return _DOUBTS.get((known_as(provider), code), code)
