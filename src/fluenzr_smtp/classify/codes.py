"""What the numbers mean where words do not tell: enhanced codes and reply codes in their stage. Rows.

Sources: RFC 3463, RFC 4954 §6, RFC 5248 with its registry, RFC 5321 §4.2.3, RFC 7372, RFC 7504, RFC 7505;
the tables of Google and of Exchange Online for their own details (5.7.2x, 5.7.5xx, 5.2.252 …).
"""

from __future__ import annotations

import re

from fluenzr_smtp.classify.evidence import (
    ANY,
    AUTH,
    GREETING,
    HELLO,
    MESSAGE,
    RECIPIENT,
    SENDER,
    TLS,
    TRANSACTION,
)
from fluenzr_smtp.problems import ProblemCode, Stage

_code = ProblemCode
_IMAP = frozenset({Stage.MAILBOX, Stage.IDLE})
_Row = tuple[frozenset[Stage], re.Pattern[str], ProblemCode]


def _row(stages: frozenset[Stage], pattern: str, code: ProblemCode) -> _Row:
    return stages, re.compile(pattern), code


# The whole of class.subject.detail; a dot of the pattern is the class, "\." stands between the numbers.
ENHANCED: tuple[_Row, ...] = (
    _row(AUTH, r".\.7\.9", _code.AUTH_APP_PASSWORD_REQUIRED),
    _row(AUTH, r"5\.7\.(?:139|30)", _code.AUTH_OAUTH_REQUIRED),
    _row(AUTH | TLS, r".\.7\.1[01]", _code.TLS_REQUIRED),
    _row(TRANSACTION, r".\.7\.(?:10|29)", _code.TLS_REQUIRED),
    _row(AUTH, r".\.7\.4", _code.AUTH_MECHANISM_UNSUPPORTED),
    _row(AUTH, r".\.7\.14", _code.AUTH_VERIFICATION_REQUIRED),
    _row(AUTH, r".\.7\.13", _code.AUTH_ACCOUNT_BLOCKED),
    _row(AUTH, r"4\.(?:3|4)\.\d+", _code.AUTH_UNAVAILABLE),
    _row(ANY, r"5\.7\.8", _code.AUTH_REJECTED),
    _row(TRANSACTION, r"5\.7\.57", _code.AUTH_REQUIRED),
    _row(TRANSACTION, r"5\.7\.60|5\.2\.252", _code.SENDER_REFUSED),
    _row(TRANSACTION, r"5\.7\.64", _code.RELAY_DENIED),
    _row(TRANSACTION, r"5\.4\.5|.\.7\.28|5\.7\.(?:23[23]|508)", _code.LIMIT_REACHED),
    _row(TRANSACTION, r".\.7\.(?:2[0-4]|26|27|3[0-3]|40)|5\.7\.(?:509|515)", _code.SENDER_DOMAIN_AUTH),
    _row(ANY, r".\.7\.25|.\.7\.65\d|5\.7\.(?:511|513|6[0-4]\d|708)", _code.IP_BLOCKED),
    _row(TRANSACTION, r"5\.7\.(?:50[123]|70[345]|750)|5\.1\.(?:90|8)", _code.SENDER_REFUSED),
    _row(TRANSACTION, r"5\.7\.(?:50[457]|12[49]|1[789]|13)|.\.7\.2", _code.RECIPIENT_REFUSED),
    _row(TRANSACTION, r"5\.7\.512", _code.CONTENT_REFUSED),
    _row(TRANSACTION, r".\.5\.3", _code.RECIPIENT_LIMIT),
    _row(TRANSACTION, r".\.3\.4|.\.2\.3", _code.MESSAGE_TOO_BIG),
    _row(TRANSACTION, r".\.2\.2", _code.MAILBOX_FULL),
    _row(SENDER | MESSAGE, r".\.1\.[078]", _code.SENDER_REFUSED),
    _row(RECIPIENT, r".\.[12]\.\d+|5\.4\.(?:[14]|310)|5\.7\.1", _code.RECIPIENT_REFUSED),
    _row(MESSAGE, r".\.1\.\d+|.\.2\.[14]|5\.4\.(?:4|310)", _code.RECIPIENT_REFUSED),
    _row(SENDER, r".\.1\.\d+", _code.SENDER_REFUSED),
    _row(TRANSACTION, r".\.6\.\d+", _code.CONTENT_REFUSED),
    _row(ANY, r".\.5\.[0-24-6]", _code.COMMAND_REFUSED),
    _row(ANY, r"4\.[34]\.\d+", _code.SERVER_FAULT),
    _row(ANY, r"5\.[34]\.\d+", _code.SERVER_GAVE_UP),
)

# The beginning of the reply code; "4" and "5" stand for the class.
REPLIES: tuple[_Row, ...] = (
    _row(AUTH, r"530|538|523", _code.TLS_REQUIRED),
    _row(AUTH, r"534", _code.AUTH_APP_PASSWORD_REQUIRED),
    _row(AUTH, r"525", _code.AUTH_ACCOUNT_BLOCKED),
    _row(AUTH, r"504", _code.AUTH_MECHANISM_UNSUPPORTED),
    _row(AUTH, r"500|502", _code.AUTH_NOT_OFFERED),
    _row(AUTH, r"501|503", _code.COMMAND_REFUSED),
    _row(AUTH, r"421", _code.SERVER_FAULT),  # it closes the channel (RFC 5321 §3.8), whatever the login is
    _row(AUTH, r"4", _code.AUTH_UNAVAILABLE),
    _row(AUTH, r"5", _code.AUTH_REJECTED),
    _row(TLS, r"501|503", _code.COMMAND_REFUSED),
    _row(TLS, r"4", _code.SERVER_FAULT),
    _row(TLS, r"5", _code.TLS_STARTTLS_REFUSED),
    _row(ANY, r"50[0-4]|555", _code.COMMAND_REFUSED),
    _row(ANY, r"421", _code.SERVER_FAULT),
    _row(ANY, r"535", _code.AUTH_REJECTED),
    _row(TRANSACTION, r"530", _code.AUTH_REQUIRED),
    _row(TRANSACTION, r"523", _code.TLS_REQUIRED),
    _row(TRANSACTION, r"552", _code.MESSAGE_TOO_BIG),
    _row(RECIPIENT, r"422", _code.GREYLISTED),
    _row(RECIPIENT, r"450|55[0-9]|54|51", _code.RECIPIENT_REFUSED),
    _row(SENDER, r"4", _code.SERVER_FAULT),
    _row(SENDER, r"5", _code.SENDER_REFUSED),
    _row(RECIPIENT, r"4", _code.SERVER_FAULT),
    _row(RECIPIENT, r"5", _code.RECIPIENT_REFUSED),
    _row(MESSAGE, r"553", _code.SENDER_REFUSED),
    _row(MESSAGE, r"551", _code.RECIPIENT_REFUSED),
    _row(MESSAGE, r"4", _code.SERVER_FAULT),
    _row(MESSAGE, r"5", _code.POLICY_REFUSED),
    _row(GREETING, r"521|556", _code.SERVER_REFUSED),  # a host that takes no mail at all (RFC 7504)
    _row(HELLO, r"55", _code.IP_BLOCKED),
    _row(_IMAP, r"[45]", _code.MAILBOX_UNREADABLE),
    _row(ANY, r"4", _code.SERVER_FAULT),
    _row(ANY, r"5", _code.SERVER_REFUSED),
    _row(ANY, r"[23]", _code.UNEXPECTED_REPLY),
)
