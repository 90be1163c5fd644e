"""What servers say about where mail comes from and how much of it: domain, address, rate. Rows.

Sources: RFC 7372, RFC 8601; the lists of Google, Microsoft, Yahoo, Comcast, Orange, GMX, Mimecast and
Proofpoint; the replies of Postfix, Exim and of the block lists.
"""

from __future__ import annotations

from fluenzr_smtp.classify.evidence import AUTH, LATER, MESSAGE, RECIPIENT, TextRow, fails, says
from fluenzr_smtp.problems import ProblemCode, Stage

_ALL_BUT_AUTH = frozenset(Stage) - AUTH
_IP = r"\[?(?:[\dx]{1,3}\.){3}[\dx]{1,3}\]?|\[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\]?"
_LISTS = (
    r"spamhaus|spamcop|sorbs|barracuda ?central|abuseat|uceprotect|invaluement|ivm(?:sip|uri)|backscatterer"
    r"|sender ?score|mailspike|spamrats|psbl|njabl|dsbl|hostkarma|manitu|cloudmark sender|nixspam"
    r"|truncate\.gbudb"
    r"|\b\w{0,12}(?:dns[bw]l|rbl)s?\b|\bcsi\b|\bzen\b|\bsbl(?:-xbl)?\b|\bxbl\b|\bpbl\b|\bcbl\b|\bcss\b"
)
_SOURCE = (
    r"(?:(?:client|sending|sender|sender's|source|your|remote|connecting|originating) (?:mail ?|smtp "
    r"|sending |source "
    r"|outbound )?(?:host|ips?|ip[ -]?address(?:es)?|server|network|netblock|subnet|range|mta|isp|relay"
    r"|hostname"
    r"|connection|machine|provider)|(?:this|the|that|from) (?:ip|ip[ -]?address|netblock|subnet|host))\b"
)
_SHUT = (
    r"(?:block|ban|list|reject|refus|denied|deny|not (?:allowed|accepted|permitted|welcome|authori[sz]ed)"
    r"|forbid|prohibit|abus|suspicious|spam|untrusted|infected|compromised|dynamic|unacceptable)"
)

UNUSUAL: tuple[TextRow, ...] = (
    *says(
        ProblemCode.IP_BLOCKED,
        r"from (?:a |an )?(?:new|untrusted|unknown)(?: or (?:new|untrusted|unknown))? (?:sending )?ip\b",
        r"limited.{0,120}\bblocked ip\b|\bip frequency limited",
        stages=_ALL_BUT_AUTH,
    ),
    *says(
        ProblemCode.IP_BLOCKED,
        r"unusual (?:rate|amount|number|volume) of (?:unsolicited )?(?:e-?)?mail",
        stages=_ALL_BUT_AUTH,
    ),
)

DOMAIN_AUTHENTICATION: tuple[TextRow, ...] = (
    *says(
        ProblemCode.SENDER_DOMAIN_AUTH,
        # Whoever says one of these words in a refusal means it.
        r"\b(?:spf|dkim|dmarc|domainkeys?|adsp)\b|dmarc|dkim",
        r"sender policy framework|sender[- ]?id\b",
        r"unauthenticated (?:e-?mail|mail|message)s?\b|sender is (?:not |un)authenticated",
        r"(?:not|n't|no) (?:have )?(?:valid )?authentication information",
        r"(?:fail\w*|not|n't|did not) (?:to )?(?:pass|meet)\w* (?:the )?(?:required )?(?:sender |domain "
        r"|email )?"
        r"(?:authentication|validation)",
        rf"(?:{_IP}) is not (?:allowed|authori[sz]ed|permitted|designated) to send",
        r"not (?:a )?(?:permitted|designated|authori[sz]ed) (?:sender|host|server|mailer|ip) (?:for|of)",
        stages=_ALL_BUT_AUTH,
    ),
)

RECIPIENT_RATE: tuple[TextRow, ...] = (
    *says(
        ProblemCode.RECIPIENT_BUSY,
        r"receiving (?:\w+ )?(?:e-?mails?|mails?|messages?) (?:at a rate|too (?:quickly|fast|many))",
        r"(?:recipient|mailbox|user)\b.{0,50}exceed.{0,60}(?:message rate|per (?:hour|day|minute)|can receive"
        r"|receiv\w+ (?:rate|limit)|number of messages|message limit)",
        r"receiv(?:e|ing) (?:rate|limit)s?|messages (?:they|it|he|she) can receive",
        r"(?<!external )recipient (?:thread|message|rate)[ -](?:rate )?limit",
        r"messages? to @ deferred.{0,20} volume",
        r"(?:user|recipient|mailbox) (?:is |has |was )?(?:receiving|received) too (?:many|much)",
    ),
    *says(ProblemCode.RECIPIENT_LIMIT, r"per transaction exceeded|separate transaction"),
)

ADDRESS_BLOCKED: tuple[TextRow, ...] = (
    # Sendmail could not look up the name of the address just now.
    *says(ProblemCode.SERVER_FAULT, r"ip name look-?up failed", replies=LATER),
    # A forest of servers at the receiver's, not this sender, is at its limit.
    *fails(r"(?:per|by) (?:resource forest|source|tenant) has exceeded"),
    *says(
        ProblemCode.IP_BLOCKED,
        _LISTS,
        r"\b(?:block|black|deny|ban|drop|reject)[- ]?list",
        r"\bbanned sender\[|(?:host|server|client|machine)(?: \S+)? (?:is |was )?not (?:allowed|permitted"
        r"|authori[sz]ed)"
        r" to (?:send|connect|deliver)",
        r"not (?:on|in) (?:the |our |a |my )?(?:white|allow|bypass|safe)[- ]?list",
        r"reputation|\bip[- ]based\b",
        # The name of the address (RFC 7001 "iprev"; Google, Comcast and AOL ask for it).
        r"\bptr\b|\brdns\b|reverse[- ]?(?:dns|look-?up|mapping|name|resolution|record|ip)|ip name lookup",
        r"cannot (?:find|resolve) your (?:hostname|host|address|ip|name|reverse)",
        r"forward[- ]confirmed|unresolvable relay host|unverif(?:i|y)able sending ip"
        r"|mismatch\w* (?:with )?client ip",
        r"(?:hosts?|ips?|address(?:es)?) (?:with|from|has|is) (?:a )?(?:dynamic|generic|residential"
        r"|dial-?up)",
        r"dynamic(?:ally assigned)? (?:ip|address)|generic dns|dial-?up",
        rf"{_SOURCE}.{{0,60}}?\b{_SHUT}",
        rf"{_SHUT}\w* (?:\w+ ){{0,3}}?(?:your|sending|sender|source|client|this) (?:mail |smtp )?(?:ip|host"
        rf"|server"
        rf"|network|isp)\b",
        rf"(?:e-?mails?|mails?|messages?|connections?|traffic|access|submissions?) (?:\w+ )?(?:from"
        rf"|by) (?:the )?"
        rf"(?:ip |address |host |server ){{0,2}}(?:{_IP}|\S+ \[?(?:[\dx]{{1,3}}\.){{3}})",
        rf"\bip(?: address)? (?:is |was |has been |in )?(?:\w+ )?{_SHUT}",
        rf"\b(?:ip|host|server|client|address)[ :=]{{0,2}}(?:{_IP}).{{0,40}}{_SHUT}",
        r"\bip ?=",
        rf"(?:{_IP}) (?:is |has been |was |are )?(?:\w+ )?(?:{_SHUT})",
        r"connections? (?:is |are |was |were |will )?(?:not|refused|rejected|denied"
        r"|blocked)(?: be)?(?: accepted)?"
        r" ?(?:from|by|due)",
        r"(?:banned|blocked|bad|untrusted|spamming|abusive|prohibited) (?:sending |sender |source "
        r"|client )?(?:ip|"
        r"host|server|mta|network|connection)",
        r"originating from your (?:ip|netblock|network|server)",
        r"(?:access|connect\w*|service) denied for|not allowed to connect|no access from",
        r"\bips? (?:blocked|banned|rejected|refused)",
        r"you are (?:sending|a source of|known for) spam|too many (?:spams?|errors"
        r"|unwanted messages) .{0,40}\bip\b",
        r"looks suspiciously like|currently sending spam|spam (?:source|host|server|ip)\b",
        r"(?:blocked|banned|rejected|refused|deferred|denied) (?:for|due to|because of|after) (?:\w+ ){0,2}?"
        r"(?:abuse|spamming|spam incident|(?:user )?complaints?)",
        r"(?:user|recipient|spam) complaints",
        r"open (?:proxy|relay)|smtp server of your isp|your isp's (?:mail|smtp) server",
        r"you (?:are |may ?be |maybe |might be )+infected|confirm this mail server"
        r"|your server requires confirmation",
        r"blocked using|\b(?:sc|dy|ou)-00\d\b|\bvs\d{1,2}-ip",
        rf"connection (?:refused|rejected|denied|blocked)[ :<\[-]{{1,6}}(?:{_IP})",
        r"\[(?:ts\d{2}|tss\d{2}|bl\d{2})\]|permanently deferred",
        r"\((?:rtr|dyn|con|dnq):\w+\)|\baup#(?:\w{0,4}(?:bl|dns|cnx)|[io]-)|known spammer|namespace mining"
        r"|directory harvest",
        r"client host (?:rejected|blocked|denied)|host network not allowed|\bgo away\b",
        stages=_ALL_BUT_AUTH - RECIPIENT,
    ),
    # At RCPT a receiver may refuse the recipient in words that elsewhere are about the client.
    *says(
        ProblemCode.IP_BLOCKED,
        _LISTS,
        r"\b(?:block|black|deny)[- ]?list",
        r"reputation|\bip[- ]based\b",
        r"\bptr\b|\brdns\b|reverse[- ]?(?:dns|look-?up)|cannot find your (?:hostname|reverse)",
        r"(?:client|your|sending|source) (?:host|ip|server|network)\b.{0,60}"
        r"(?:block|ban|listed|reject|refus|denied|not allowed)",
        r"client host rejected|banned sending ip|(?:ip|server) .{0,20}(?:is )?(?:blocked|banned|blacklisted)",
        stages=RECIPIENT,
    ),
)

TOO_MANY: tuple[TextRow, ...] = (
    *says(
        ProblemCode.LIMIT_REACHED,
        r"too many (?!unwanted|spam|bad|errors)(?:\w+ ){0,2}?(?:messages?\b(?! (?:on|in) (?:the|his|her|your"
        r"|my) )|e-?mails?|mails?|sessions?|connections?|requests?"
        r"|submissions?|conversations?|deliver\w+|transactions?)",
        r"limits? (?:for|on) (?:how many|the number of) (?:messages|e-?mails|mails|connections)",
        r"too many recipients (?:from|in (?:the last|a short)|per (?:hour|day|minute)|recently|today"
        r"|this (?:hour|day|week|month))",
        r"too much mail(?! data)",
        stages=_ALL_BUT_AUTH,
    ),
)

RATE: tuple[TextRow, ...] = (
    *says(
        ProblemCode.LIMIT_REACHED,
        r"(?:sending|send|sender|submission|outgoing|outbound|relay|daily|hourly|monthly|weekly"
        r"|24[- ]?hours?) "
        r"(?:\w+ ){0,3}?(?:limit|quota|rate|cap|allowance|threshold)\b",
        r"(?:message|e-?mail|mail|smtp|connection|recipient|user|account)[ -](?:sending |rate |count )"
        r"(?:limit|quota|exceed)",
        r"(?:message|e-?mail|mail|connection|smtp)s?[ -]limits? (?:has been |is |was )?(?:exceeded"
        r"|reached|hit)",
        r"\b(?:quota|limit|rate|cap|max(?:imum)?) (?:of|for|on) (?:\w+ ){0,3}?(?:sending|sent|outgoing"
        r"|messages? per"
        r"|e?-?mails? per|messages? in|e?-?mails? in)",
        r"(?:e-?mails?|messages?|mails?|recipients?|rcpts?|connections?|sessions?"
        r"|posts)(?: \w+){0,4}? (?:per|in (?:a|an"
        r"|one|the last|24)|every|within) ?(?:\d+ )?(?:the |last )?(?:hours?|days?|minutes?|seconds?"
        r"|connections?"
        r"|sessions?|month|24)",
        r"exceeded the max(?:imum)? (?:\w+ ){1,4}?per (?:hour|day|minute)",
        r"max (?:\w+ )?(?:e-?mails|messages|mails) per",
        r"(?:rate|frequency|volume)[- _]?(?:over)?(?:is |has been )?limit|rate[- ]?control"
        r"|rate (?:is )?(?:exceeded|too high)",
        r"throttl",
        r"sending (?:too|rate|frequen)|too (?:fast|quickly|frequent\w*)|slow(?:er)? ?(?:down|please)"
        r"|again slower",
        r"(?:concurrent|simultaneous|parallel|maximum) (?:\w+ ){0,2}?connection",
        r"connection (?:rate|count|limit)|connections? per|per[- ]connection",
        r"sub?missionquotaexceeded|refusequota|numerous attempts to deliver",
        r"(?:wait|pause) .{0,30}(?:before|to) send|allowable number",
        r"(?:exceed\w*|reach\w*|hit|over) (?:the |your |its |a |their |our )?(?:\w+ ){0,2}?(?:permitted"
        r"|allowed|"
        r"authori[sz]ed|maximum) (?:sending )?(?:limit|number|rate)s? ?(?:of messages|within|in)",
        r"over (?:the|your|its|their) limit (?:for|of|on)|has exceeded (?:the |its |your )?threshold",
        r"mail flood|unexpected volume|volume of (?:mail|e-?mail|messages)",
    ),
)

GREYLISTING: tuple[TextRow, ...] = (
    *says(ProblemCode.GREYLISTED, r"gr[ea]y-? ?list|postgrey|sqlgrey|milter-?grey|\bgreyfix\b"),
    *says(
        ProblemCode.GREYLISTED,
        r"(?:again|back|retry|resend|later|wait) (?:in|after|for) (?:about |at least )?\d+ ?(?:s\b|m\b|sec"
        r"|min|hour)",
        r"not yet authori[sz]ed to deliver|first (?:time|attempt|contact)|unknown (?:sender )?triplet",
        stages=RECIPIENT | MESSAGE,
        replies=LATER,
    ),
    *says(
        ProblemCode.GREYLISTED,
        r"deferred (?:for now|temporarily|on first)|temporar\w+ (?:delay|defer)",
        stages=RECIPIENT,
        replies=LATER,
    ),
)
