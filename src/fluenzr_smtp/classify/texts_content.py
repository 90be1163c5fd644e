"""What servers say about the message itself, the dialogue and their own faults. Rows.

Sources: RFC 5321 §4.2.4, RFC 3463 §3.4-3.8; the lists of Google, Microsoft, Yahoo, GMX, QQ, Mimecast;
the replies of Postfix, Exim, Sendmail, qmail, Amavis, Rspamd and SpamAssassin.
"""

from __future__ import annotations

from fluenzr_smtp.classify.evidence import (
    AUTH,
    LATER,
    MESSAGE,
    NEVER,
    TRANSACTION,
    TextRow,
    fails,
    refuses,
    says,
)
from fluenzr_smtp.problems import ProblemCode, Stage

_NOT_AUTH = frozenset(Stage) - AUTH

# Before anything that such a reply may quote of an earlier one.
GIVEN_UP: tuple[TextRow, ...] = fails(
    r"(?:message|delivery|queue\.?|mail|retry time)[ .]?(?:time )?(?:has )?(?:expired|timed out|time-?out)",
    r"in (?:the )?queue (?:for )?too long|unable to deliver in|giving up on"
    r"|retry time(?:out)? (?:not reached|exceeded)",
    r"too many (?:hops|received)|hop ?count|maximum hops",
    r"(?:mail|routing|forward(?:ing)?|message|delivery)[ /-]{0,2}loop|loop(?:s|ing)? (?:was |is "
    r"|has been )?(?:back|detected|found)|\blooping\b",
    stages=_NOT_AUTH,
)

# Reasons of the message's own, before the words about addresses, which such a reply has too.
VERDICTS: tuple[TextRow, ...] = (
    *says(
        ProblemCode.SPAM_REFUSED,
        r"to reduce the amount of spam",
        r"\bblock for spam\b|(?:detected|identified|classified|considered|flagged|marked|recogni[sz]ed|tagged"
        r"|scored|rejected|blocked|refused|judged) (?:as|to be|for|due to|because of) (?:\w+ ){0,2}?"
        r"(?:spam|junk|unsolicited|virus|phish\w*|malware|malicious)\b(?! (?:\w+ )?(?:source|host|server|ip"
        r"|sender"
        r"|list|incident|issue|activit|complain))",
        stages=MESSAGE,
    ),
    *says(
        ProblemCode.CONTENT_REFUSED,
        r"(?:black|block|deny|ban)[- ]?listed (?:\w+ )?(?:file|extension|attachment|word|content|character)",
        stages=MESSAGE,
    ),
)

# After the message no recipient, no host and no service is refused, but the mail: for a reason not told.
OUTRIGHT: tuple[TextRow, ...] = refuses(
    ProblemCode.POLICY_REFUSED,
    r"recipient address(?:es)? rejected ?: access denied",
    r"(?:host|server|system|site|domain|network) (?:does not|doesn't|will not|won't|did not"
    r"|cannot) accept (?:any "
    r"|your |this )?(?:e-?)?mails?\b",
    r"(?:rejected|refused|blocked|denied|declined) (?:due to|because of|by|per) (?:the )?(?:recipient"
    r"|user)s?\b"
    r"(?! (?:un|does|not|is|was|has|quota|over|mailbox|address))",
    r"\bservice refused?\b|security policies|(?:host|server|system) refused (?:to accept )?(?:the |your "
    r"|this )?(?:e-?)?mail",
    r"will not accept (?:delivery of )?this (?:message|mail|e-?mail)",
    r"permanent failure for one or more recipients \([^)]{0,80}:(?:\d{3} )?(?:blocked|denied|access denied"
    r"|rejected)",
    stages=MESSAGE,
)

FAULTS: tuple[TextRow, ...] = (
    *fails(
        r"temporar\w+ (?:\w+ ){0,2}?(?:errors?|problems?|failures?|issues?|faults?|unavailable|malfunction"
        r"|condition)",
        r"temporarily (?:\w+ )?(?:unavailable|not available|unable|out of|suspended|inaccessible|refus|busy"
        r"|closed)",
        r"(?:server|system|service|host|resources?|daemon)s?(?: is| are)? (?:\w+ )?(?:busy|overload\w*"
        r"|error|fault|down"
        r"|unavailable|not available|misconfig\w*|shutting down|in maintenance|not ready|crash\w*|problem"
        r"|failure)",
        r"internal (?:\w+ ){0,2}?(?:error|failure|problem|fault)|software error|local error|local problem",
        r"too (?:busy|much load|many processes)|(?:high|heavy) load|load (?:average|is|too)|overload"
        r"|ports are busy",
        r"(?:insufficient|out of|low on|not enough|lack of|no) (?:system |disk |memory |server |local "
        r"|free )*"
        r"(?:storage|space|resources?|memory|disk)\b",
        r"(?:queue|spool|mail) (?:file )?(?:write|is full|error|directory|unavailable)|(?:write|read|i/o"
        r"|disk) error",
        r"misconfigur|configuration (?:error|problem)|config error|local configuration",
        r"(?:dns|ldap|database|sql|directory|table|alias|map|look-?up|callout|backend|milter"
        r"|content filter)(?: \w+){0,3}? "
        r"(?:error|fail\w*|problem|timeout|unavailable|not available|down|temporar\w+)",
        r"no healthy|could not be replicated|failed to be replicated|operation (?:now )?in progress"
        r"|interrupted system call",
        r"(?:connection|read|write|idle|input|data|command|session)(?: \w+)? ?(?:timed? ?-?out)"
        r"|\btime-?out\b|timed out",
        r"(?:closing|lost|dropped|reset) (?:transmission channel|connection)|connection (?:lost|dropped"
        r"|reset|closed)",
        r"maintenance|under construction|try (?:another|a different) (?:mx|server)",
        r"mail server (?:is )?(?:temporarily )?(?:rejected|deferred)|temporar\w+ (?:rejected|deferred"
        r"|lookup|local)",
        r"cannot (?:create|write|open|allocate|fork|process|accept (?:new )?connections)|can't create",
        r"(?:domain|host|server|network|system|destination)s? (?:is |was |are )?(?:currently )?(?:not "
        r"|un)reachable",
        r"look-?up did not (?:complete|succeed)|could not (?:complete|perform) \w+ (?:verif|callout|look)",
        r"unable to (?:connect|route)|(?:find|resolve) (?:a |the )?(?:route|gateway)|no route to|(?:mx"
        r"|mail exchanger)s?"
        r"(?: records?)? points? to|mailer error|external program|process returned|connection refused"
        r"|disk (?:is )?full",
        r"did not respond|reported an error|not responding|encountered an error|unexpected (?:error|failure"
        r"|condition)"
        r"|requested action aborted",
    ),
)

# Whoever cannot look for the fault just now has not found it.
UNCHECKED: tuple[TextRow, ...] = says(
    ProblemCode.SERVER_FAULT,
    r"(?:scan(?:ners?|ning)?|filter(?:s|ing)?|anti-?virus|checks?|verifier)(?: \w+){0,3}? (?:failed|error"
    r"|unavailable|out of order|not (?:available|running|responding)|timed out|crashed)",
    r"(?:unable to|could not|cannot|can't|couldn't|failed to) (?:verify|validate|check|scan)"
    r" (?:\w+ ){0,3}(?:address|recipient|sender|user|message|mail)\b",
    stages=_NOT_AUTH,
    replies=LATER,
)

PATIENCE: tuple[TextRow, ...] = says(
    ProblemCode.SERVER_FAULT,
    r"(?:try|come|retry|resend|send|delivery)(?: it| mail)?(?: again| back)? (?:later|shortly|soon|in a)"
    r"|later\b"
    r"|please (?:try again|retry)",
    stages=_NOT_AUTH,
    replies=LATER,
)

COMMANDS: tuple[TextRow, ...] = (
    # After the message it is the server that hangs up on a dialogue that it counted as bad.
    *says(ProblemCode.SERVER_FAULT, r"too many errors(?! from your ip)", stages=MESSAGE, replies="421"),
    *says(ProblemCode.COMMAND_REFUSED, r"bad (?:address )?syntax", stages=MESSAGE, replies=NEVER),
    *says(
        ProblemCode.COMMAND_REFUSED,
        r"(?:bad|improper|wrong|out of|invalid|incorrect) (?:command )?(?:sequence|order)|out of order"
        r"|nested mail",
        r"(?:need|missing|expected|expecting) (?:a |an |valid )?(?:mail|rcpt)\b|(?:need|missing|send|say"
        r"|no) (?:a |an |valid )?"
        r"(?:helo|ehlo|hello)\b|(?:mail|rcpt) first",
        r"polite people|(?:helo|ehlo|hello) (?:first|required|command|name|argument|hostname|requires|must"
        r"|is |with)",
        r"(?:invalid|bad|missing|fake|bogus|unacceptable|malformed|illegal) (?:helo|ehlo|hello)|(?:helo"
        r"|ehlo)/(?:helo|ehlo)",
        r"command (?:\S+ )?(?:is )?(?:not|un)(?: be)? ?-?(?:recogni\w+|implemented|supported|allowed|known"
        r"|understood"
        r"|available|valid|enabled|permitted)",
        r"(?:unrecogni[sz]ed|unknown|unimplemented|unsupported|invalid|bad|illegal"
        r"|disabled) (?:smtp )?(?:command|verb"
        r"|parameter|argument)",
        r"syntax (?:error|:)|error in (?:parameters|arguments)|(?:parameter|argument)s? not (?:implemented"
        r"|recogni|supp)",
        r"synchroni[sz]ation|pipelin\w+|(?:smtp )?protocol (?:error|violation|synchron)",
        r"too many (?:\w+ ){0,2}?(?:errors|commands|unrecogni[sz]ed|syntax)(?! from your ip)",
        r"(?:already|duplicate|second) (?:have |got )?(?:a |the )?(?:sender|mail from|helo|ehlo)\b"
        r"|sender already",
        r"(?:8bitmime|smtputf8|size|dsn) (?:is )?not (?:supported|offered|implemented)",
        stages=_NOT_AUTH,
        replies="5",
    ),
    *says(
        ProblemCode.COMMAND_REFUSED,
        r"too many (?:\w+ )?(?:errors|bad commands|unrecogni[sz]ed|syntax errors|unknown commands"
        r"|invalid commands)"
        r"(?! from your ip)",
        r"protocol (?:error|violation)|no commands allowed|bad sequence|improper command|command (?:not|un)",
        r"helo command rejected|(?:invalid|bad) (?:helo|ehlo)|synchroni[sz]ation error",
        stages=_NOT_AUTH,
    ),
)

# Stands before COMMANDS: these are said with 500 and 501 too.
LINES: tuple[TextRow, ...] = (
    *says(
        ProblemCode.CONTENT_REFUSED,
        r"bare (?:lf|cr|newline|carriage|line ?feed)|stray newline|(?:lf|cr) (?:not|without)|lone (?:lf|cr)",
        r"lines? (?:is |are )?(?:too long|longer|exceed)|line[- ]length|long lines?\b",
        stages=MESSAGE,
    ),
)

# Stands before the block lists of addresses: what is listed here is a link in the message.
LISTED_LINKS: tuple[TextRow, ...] = (
    *says(
        ProblemCode.SPAM_REFUSED,
        r"surbl|uribl|(?:\burls?\b|\buris?\b|\blinks?\b).{0,60}(?:listed|black|block|ban|abus)",
        r"(?:black|block)[- ]?listed (?:urls?|links?|uris?|domains? in)",
        stages=MESSAGE,
    ),
)

SPAM: tuple[TextRow, ...] = (
    # Gandi's rules are about spam, whatever they are called.
    *says(ProblemCode.SPAM_REFUSED, r"\brule\d_\d"),
    # Amavis calls by this what it does not want to say more of.
    *says(ProblemCode.CONTENT_REFUSED, r"message content rejected, ?(?:ube|banned|bad)", stages=MESSAGE),
    *says(
        ProblemCode.SPAM_REFUSED,
        r"spam(?!ha|cop|rats)|\bdt:sp\w",
        r"\bvir(?:us|ii)\b|malware|phish|trojan|infected|\bworm\b|malicious|viagra|\beicar\b",
        r"unsolicited|bulk (?:e-?)?mail|\buce\b|junk|mass[- ]?mail|advertis|newsletter",
        r"(?:nature of|suspicious|dangerous|harmful|abusive|offensive|fraud\w*|scam) (?:the )?(?:content"
        r"|message|e-?mail|mail"
        r"|link|url)|suspicious due to|(?:is|seems|looks|likely) suspicious",
        r"recurrent pattern|blocked by our filter|message (?:was )?(?:filtered as|scored|classified as"
        r"|identified as)",
        r"honey ?pot|trap address",
        stages=_NOT_AUTH,
    ),
)

CONTENT: tuple[TextRow, ...] = (
    *says(
        ProblemCode.CONTENT_REFUSED,
        r"policy|content policies|\baup\b|security (?:issue|risk|reason|violation|problem)",
        r"\bheaders?\b|message-id|\bsubject\b|\bfrom: |\bdate:|multiple (?:from|addresses)",
        r"\brfc ?-?[\d ]{3,5}|(?:not|non)[- ]rfc|\bcompliant\b|complian",
        r"\bmime\b|multipart|base64|8-?bit|charset|character set|encod|non-?ascii|unicode",
        r"attachment|attached|executable|file (?:type|extension|name)|\bzip\b|\barchives?\b|macro",
        r"(?:content|message|body|mail) (?:is |was |has been )?(?:format|malformed|invalid|violat|contains?"
        r"|includes|reject\w* "
        r"(?:because|due|by content))|content[- ](?:scan|reject|filter|block|type|not|violat|polic|restrict)",
        r"content (?:is )?denied|because (?:of )?its content|potential (?:security|threat)|message content"
        r"|\bcontent (?:was |is "
        r"|has been )?(?:rejected|refused|blocked|unacceptable|prohibited|banned)",
        r"(?:illegal|forbidden|prohibited|banned|unacceptable|objectionable|disallowed|rejecting"
        r"|inappropriate) (?:\w+ )?"
        r"(?:attachment|content|file|extension|word|link|url)",
        r"anti-?spoof|spoof|blocked senders|malformed|invalid message|wrong format|missing (?:from|date"
        r"|message)",
        stages=MESSAGE,
    ),
)

POLICY: tuple[TextRow, ...] = (
    *refuses(
        ProblemCode.POLICY_REFUSED,
        r"administrative(?:ly)? prohibi|prohibited by|envelope blocked|message filtered|closed mailing list"
        r"|members?-only",
        r"(?:mail|message|e-?mail|transaction|delivery|transmission|submission)s?(?: \w+){0,2}? (?:is |was "
        r"|has been )?"
        r"(?:blocked|rejected|refused|denied|not accepted|not allowed|declined|prohibited|not permitted"
        r"|discarded)",
        r"(?:rejected|refused|blocked|denied) (?:the |your |this )?(?:message|mail|e-?mail)",
        r"^(?:error:? )?(?:blocked|rejected|refused|denied|access denied(?!,)|permission denied"
        r"|not (?:allowed"
        r"|permitted"
        r"|authori[sz]ed))",
        stages=MESSAGE,
    ),
    *refuses(
        ProblemCode.POLICY_REFUSED,
        r"administrative(?:ly)? prohibi|envelope blocked|\bpolic(?:y|ies)\b",
        stages=TRANSACTION,
    ),
)

LIMIT_AT_LAST: tuple[TextRow, ...] = (
    *says(
        ProblemCode.LIMIT_REACHED,
        r"(?:limit|maximum|quota|threshold|allowance)(?: \w+){0,5}? (?:exceed|reach|hit|over)",
        r"(?:exceed\w*|reach\w*|over) (?:\w+ ){0,4}?(?:limit|maximum|quota|threshold|allowance)",
        stages=_NOT_AUTH,
    ),
)
