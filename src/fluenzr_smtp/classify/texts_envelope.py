"""What servers say about the envelope and the size: relaying, sender, recipient, full, too big. Rows.

Sources: RFC 5321 §4.2.2, RFC 3463 §3.2-3.4, RFC 7505; the replies of Postfix, Exim, qmail, Sendmail,
Exchange, Zoho, Yandex, Yahoo, Orange and of the mail security services.
"""

from __future__ import annotations

from fluenzr_smtp.classify.evidence import (
    AUTH,
    LATER,
    MESSAGE,
    NEVER,
    RECIPIENT,
    SENDER,
    TextRow,
    fails,
    says,
)
from fluenzr_smtp.problems import ProblemCode, Stage

_NOT_AUTH = frozenset(Stage) - AUTH
_USER = (
    r"(?:users?|usuario|recipients?|rcpt|mail ?box|accounts?|address(?:es)?|addressee|customer|subscriber"
    r"|alias"
    r"|person|inbox|domain|host|account name|local[- ]?part|destination|group|list)"
)
_GONE = (
    r"(?:unknown|not (?:be )?(?:found|located|exist|known|recogni[sz]ed|listed|active|available|accepted"
    r"|allowed"
    r"|valid|local|delivered|present|permitted|hosted|registered|in use|provisioned|ok)|no such|invalid"
    r"|unavai"
    r"|does(?:n't| not) (?:exist|have|accept|appear)|not exist|disabled|inactive|suspended|deactivated|closed"
    r"|expired|rejected|no longer|terminated|blocked|frozen|locked|refus|unrouteable|undeliverable"
    r"|discontinued"
    r"|moved|denied|cancell?ed|over\b|misspelled|unrecogni[sz]ed|archived|retired|removed|deleted|is not a "
    r"|not (?:a |an )?(?:known|valid|local|registered|existing|active))"
)

# An account may send as itself: whoever says so at any stage means the sender.
OWNERSHIP: tuple[TextRow, ...] = (
    *says(
        ProblemCode.SENDER_REFUSED,
        r"not owned by|relaying disallowed as",
        r"send ?as ?denied|permissions? to send (?:as|on behalf)|not (?:have |the )?(?:right"
        r"|permission)s? to send",
        r"not (?:allowed|authori[sz]ed|permitted) to (?:send|use|submit)(?: (?:e-?mails?|mails?|messages?"
        r"|this))* "
        r"?(?:as|from|on behalf|with|using|sender|address)",
        r"(?:not|n't) (?:(?:allowed|authori[sz]ed|permitted) to )?use (?:\w+ ){0,3}(?:sender|from)\b",
        r"sending (?:mail )?(?:from|as) (?:(?:foreign|other|this|that) (?:e-?mail )?(?:address|domain"
        r"|sender)|@).{0,20}(?:not (?:permitted|allowed|authori[sz]ed)|denied|forbidden)",
        r"(?:can't|cannot|may not) send (?:on|as|from|mail as|with)(?: this)?(?: address)?",
        r"(?:sender|from|envelope|return[- ]path)\b.{0,40}(?:does(?:n't| not)|must|should"
        r"|not) (?:be )?(?:match|the same"
        r"|identical|belong|correspond|equal)",
        r"(?:address|identit(?:y|ies)|sender|domain|from)s?(?: @| \w+)?(?: is| are| has)? (?:not (?:been )?"
        r"|un)verified",
        r"(?:unconfigured|unverified|unconfirmed|unregistered) (?:sending|sender|from)\b",
        r"not a (?:\w+ )?sender (?:signature|identity)",
        r"not a (?:verified|confirmed|validated|registered|registred) (?:sender|address|domain|identity)",
        r"sender (?:address )?verif(?:y|ication) fail",
        r"(?:sender|from) (?:address )?(?:mismatch|differs)|mail from .{0,40}not (?:match|belong)",
    ),
)

# At RCPT such a fault is the receiver's reason to refuse this recipient, and told as that.
SENDER_FAULTS: tuple[TextRow, ...] = (
    *says(
        ProblemCode.SENDER_REFUSED,
        r"sender(?:'s)?(?: e-?mail| envelope| mail)?(?: address| domain| name)?(?: \S+)? (?:is |has been "
        r"|was |are )?"
        r"(?:rejected|refused|denied|invalid|unknown|not (?:a )?(?:allowed|accepted|found|permitted|valid"
        r"|exist"
        r"|authori[sz]ed"
        r"|pre-?approved|registered|resolv\w+|known)|unverified|does not|must|missing|disallowed|blocked"
        r"|syntax|empty)",
        r"(?:invalid|bad|bogus|unknown|unroutable|illegal|malformed|forged|fake|unresolvable|missing|null"
        r"|empty"
        r"|blocked|unverified|disallowed) (?:envelope )?(?:e-?mail )?(?:sender|mail from|from"
        r"|return[- ]?path|reverse"
        r"[- ]?path|originator)\b",
        r"mail from (?:command |address |domain )?(?:is |was )?(?:reject|refus|denied|invalid|not |does"
        r"|must|fail)",
        r"(?:sender|mail from)(?: address)? (?:verif\w+|callout|check) fail|verification failed for",
        r"(?:domain|mx|host|dns)\b.{0,30}(?:of|for|in) (?:the )?(?:sender|mail from|return[- ]path"
        r"|envelope from)",
        r"(?:sender|from|envelope from|mail from|return[- ]path)(?:'s)? domain|(?:5321"
        r"|envelope)[. ]?(?:mail)?from",
        r"from: domain is invalid|valid from:|<> invalid|no third-party dsn|\bbatv\b",
        r"returned mail not accepted|empty (?:email|envelope)",
        r"sending (?:address|domain)\b.{0,30}(?:rejected|refused|denied|invalid|unknown|blocked|not )",
        r"domain name required for sender|sender rejected|sender refused|(?:verify"
        r"|validate) (?:the )?sender|(?:sender"
        r"|domain)\b.{0,40}has no (?:a|mx|valid)\b",
        stages=SENDER | MESSAGE,
    ),
    *says(
        ProblemCode.SENDER_REFUSED,
        r"domain .{0,60}(?:not (?:found|exist)|does not exist|unknown|invalid|no (?:mx|a record)|not resolv)",
        r"(?:fully[- ]?qualified|valid) (?:\w+ )?(?:address|domain)|no mx",
        r"(?:user|account|mailbox|address)\b.{0,40}(?:unknown|not found|does not exist|no such|invalid"
        r"|not allowed)",
        stages=SENDER,
    ),
)

# Before a login that is missing: with these words servers ask for one in vain.
RELAY_NAMED: tuple[TextRow, ...] = says(
    ProblemCode.RELAY_DENIED,
    r"relay(?:ing)? (?:access |to <?@>? )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed))",
    r"credentials for relay",
    stages=_NOT_AUTH,
)

RELAYING: tuple[TextRow, ...] = (
    *says(
        ProblemCode.RELAY_DENIED,
        r"(?<!open )(?<!open-)relay(?:ing)?(?: \w+){0,2}? (?:is |are |was )?(?:denied|not (?:permitted"
        r"|allowed|accepted"
        r"|authori[sz]ed|enabled)"
        r"|prohibited|forbidden|disallowed|refused|rejected|restricted|deny)",
        r"(?:unable|not (?:permitted|allowed|authori[sz]ed|configured)|cannot|can't|won't|will not"
        r"|refuse\w*|do(?:es)? "
        r"not|don't|isn't allowed|isn't permitted) (?:to )?relay(?! dynamic)",
        r"(?:deny|denies|reject\w*|no|anti|illegal|unauthori[sz]ed|insecure mail"
        r"|not an? (?:open )?) ?-?relay",
        r"\bas a relay\b|open relay (?:is |are )?not allowed|relay (?:attempt|check|access)"
        r"|third[- ]party relay",
        r"^i cannot deliver mail for",
        r"list of allowed rcpthosts|rcpthosts|delivery is not allowed to this address",
        r"(?:not|n't) (?:allowed|permitted) to be relayed|not (?:a )?local host\b|not a gateway",
        r"(?:we |server |host )?(?:do(?:es)?n't|do(?:es)? not) (?:handle|host|accept) (?:e-?mail"
        r"|mail) for (?:that|this|the)"
        r" (?:domain|host)",
        r"non-?local (?:e-?mail |recipient |domain|user)",
        stages=_NOT_AUTH,
    ),
)

# Before what a server has given up for this reason.
FULL_NAMED: tuple[TextRow, ...] = says(
    ProblemCode.MAILBOX_FULL, r"\bmail ?box (?:is )?full\b", stages=RECIPIENT | MESSAGE
)

FULL: tuple[TextRow, ...] = (
    *says(
        ProblemCode.MAILBOX_FULL,
        r"over[- ]?quota|overdrawn quota|quota.{0,30}(?:exceed|full|exhaust|reach|violat|used up|over\b)",
        r"(?:exceed\w*|over|exhaust\w*|reach\w*) .{0,40}(?:storage|quota|disk space|mailbox size|space limit"
        r"|mailbox limit)",
        r"(?:mail ?box|inbox|user|account|mail ?folder|maildir|recipient|storage|mail ?drop|spool"
        r"|box)(?:'s)?\b.{0,40}?"
        r"(?:is |are |was |be |has )?(?:\bfull\b|over ?quota|exceed\w* (?:its|their|the|his|her|allowed"
        r"|max\w*|disk|mail)\b|out of (?:storage|space)|too many messages|at capacity)",
        r"full (?:mail ?box|inbox)|out of storage|mailbox (?:size|limit)|storage (?:allocation|limit"
        r"|space) exceed",
        r"(?:not|insufficient|no)(?: have)?(?: enough)? (?:mailbox |user )?(?:storage|space|room"
        r"|disk space)\b.{0,20}"
        r"(?:mailbox|user|recipient|account|inbox)",
        r"(?:not|n't) (?:have )?enough (?:storage )?(?:space|room)|disk ?quota|maildir.{0,30}quota",
        r"space has been used up|too much mail data|reached disk quota|mailbox\b.{0,10}\bfull",
        stages=_NOT_AUTH,
    ),
)

TOO_BIG: tuple[TextRow, ...] = (
    *says(
        ProblemCode.MESSAGE_TOO_BIG,
        r"(?:message|mail|e-?mail|attachment|headers?|data|content|file|body|letter"
        r"|declared)s?\b.{0,40}?\b(?:size|length)\b"
        r".{0,50}?(?:exceed|too|limit|larger|greater|over|max|than|allowed)",
        r"\b(?:size|length)\b.{0,80}?(?:exceed|limit|too (?:big|large|long)|larger|over|maximum|greater)",
        r"(?:message|mail|e-?mail|attachment|headers?|file|body|it)s?(?: is| are|'s)? (?:too|larger|bigger"
        r"|much too) "
        r"?(?:big|large|than|huge)",
        r"(?:message|mail|e-?mail) (?:is )?too long|too (?:big|large) (?:a )?(?:message|mail|e-?mail|for)",
        r"(?:over|exceed\w*|more than|larger than|above) (?:the )?\d{1,12} ?(?:[kmg]i?b\b|bytes|m\b)",
        r"number of (?:attachments|headers|parts)\b.{0,40}exceed|(?:size|length) violation",
        r"exceed\w*.{0,40}\b(?:size|length)\b|max\w*.{0,20}\bsize\b|reduce the size|recipsizelimit|sizelimit",
        stages=_NOT_AUTH,
    ),
)

_OF_A_TIME = (
    r"from\b|recent|today|daily|hour|\bday|minute|month|week|quota|sending limit|short|(?:the|in) last\b"
)

# A final refusal for their number is about this message, unless it speaks of a time or of a quota: the same
# message never passes. Before the rates, which are said in such words too.
RECIPIENT_COUNT_FINAL: tuple[TextRow, ...] = says(
    ProblemCode.RECIPIENT_LIMIT,
    rf"too many (?:\w+ )?(?:recipients?|rcpts?|receivers)\b(?!.{{0,60}}(?:{_OF_A_TIME}))",
    stages=_NOT_AUTH,
    replies=NEVER,
)

# At RCPT a server counts the recipients of this message, after the message those of the account.
RECIPIENT_COUNT: tuple[TextRow, ...] = (
    *says(
        ProblemCode.LIMIT_REACHED,
        r"too many (?:\w+ )?(?:recipients?|rcpts?|addresses|destinations|receivers)\b",
        stages=MESSAGE,
        replies=LATER,
    ),
    *says(
        ProblemCode.RECIPIENT_LIMIT,
        r"too many (?:\w+ )?(?:recipients?|rcpts?|addresses|rcpt to|destinations|receivers|cc|to headers)",
        r"(?:recipients?|rcpts?)(?: \w+)?(?: count| number)?.{0,30}(?:limit|exceed|maximum|too many)",
        r"(?:maximum|max|number|limit|allowed number) (?:number )?(?:of )?(?:\w+ )?(?:recipients|rcpts)",
        r"only \d+ (?:recipients|rcpts)|recipients per",
        stages=_NOT_AUTH,
    ),
)

RECIPIENTS: tuple[TextRow, ...] = (
    *says(
        ProblemCode.RECIPIENT_REFUSED,
        rf"\b{_USER}\b.{{0,70}}?{_GONE}",
        r"(?:no such|unknown|invalid|non-?existent|bad|illegal|inactive|disabled|undeliverable|nonexisting"
        r"|incorrect|wrong"
        r"|unrouteable|unroutable|unrecogni[sz]ed|rejected|inaccessible) (?:or \w+ )?(?:e-?mail "
        r"|destination |local |virtual "
        r"|remote |mail )?(?:users?|recipients?|rcpt|mail ?box|accounts?|address|addressee|local ?-?part"
        r"|person|customer"
        r"|alias|domain|host|id\b|name)",
        r"no (?:mail ?box|account|user|person|one|valid recipients?|mail-box)\b",
        r"not (?:a |our |an )?(?:valid |known |local |active |existing )?(?:user|customer|recipient|mailbox"
        r"|subscriber)\b",
        r"(?:un|not )(?:deliverable|route?able)|badrcptto|badrecipientto|validrcptto",
        r"null mx|does not accept (?:any )?mail|host/domain does not accept",
        r"(?:can't|cannot|could not|couldn't|unable to|weren't able to) (?:find|locate|accept|verify"
        r"|deliver to|resolve)"
        r" .{0,20}(?:user|recipient|mailbox|account|address|domain)",
        r"(?:recipient|address)s? (?:already|preferences)|permanent failure for one or more recipients",
        r"please (?:try|use|forward to) <?@|name (?:is )?not found|has (?:left|moved)"
        r"|blocked by the recipient",
        r"(?:to|your) authori[sz]ed recipients|not in (?:recipient|user) list|recipientnotfound",
        r"cannot be delivered",
        r"@>?(?:\.{3})?(?: \w+){0,2} (?:no longer|not|in?valid|unknown|inactive|disabled)",
        r"there is no one|no thank you|\bdead domain\b|relocated",
        stages=RECIPIENT | MESSAGE,
    ),
)

RECIPIENT_NAMED: tuple[TextRow, ...] = (
    *fails(
        r"recipient address rejected: (?:\w+ ){0,3}?(?:service|server|system"
        r"|look-?up)\b.{0,30}(?:unavailable|not available"
        r"|busy|fail|error)",
        stages=RECIPIENT | MESSAGE,
    ),
    *says(
        ProblemCode.RECIPIENT_REFUSED,
        r"recipient address rejected|recipient rejected|unverified address|undeliverable address",
        r"unknown user|user unknown|no such user|no such recipient|no such mailbox",
        stages=RECIPIENT | MESSAGE,
    ),
)
