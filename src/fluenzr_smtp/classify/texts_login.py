"""What servers say about encryption and logging in: words of all providers, as rows.

Sources: RFC 4954 §6, RFC 5530, RFC 8314; the error lists of Google, Microsoft, Yahoo, Zoho, Yandex,
Mail.ru, QQ; the replies of Postfix, Exim, Dovecot, Courier, Stalwart and Proton Mail Bridge.
"""

from __future__ import annotations

from fluenzr_smtp.classify.evidence import ANY, AUTH, HELLO, NEVER, TLS, TRANSACTION, WORD, TextRow, says
from fluenzr_smtp.problems import ProblemCode

_TLS = r"(?:starttls|tls|ssl|encryption|encrypted|secure|privacy)"
_NOT = r"(?:not|no longer|isn't|aren't|cannot be)"
_OFF = (
    r"(?:disabled|deactivated|(?:switched|turned) off|not (?:enabled|allowed|permitted|activated|active"
    r"|available|open|switched on|turned on)|inactive|forbidden|prohibited|restricted|blocked|denied)"
)

ENCRYPTION: tuple[TextRow, ...] = (
    *says(
        ProblemCode.TLS_REQUIRED,
        rf"\b(?:must|need to|have to|please|should) (?:first )?(?:issue|use|send|do|enable|start|establish"
        rf"|connect (?:via|over|with|using))(?: \w+)? {_TLS}\b",
        rf"\b{_TLS}(?: \w+){{0,2}}? (?:is |are |must be )?(?:required|needed|mandatory|necessary|compulsory"
        rf"|obligatory|enforced)\b",
        r"starttls (?:command )?first",
        rf"\b(?:requires?|enforces?|demands?) (?:the use of |a |an |you to use )?{_TLS}\b",
        rf"\b(?:without|unless|until) (?:using |a |an )?{_TLS}\b",
        rf"{_NOT} (?:sent |received |delivered |transmitted )?(?:over|via|using|through) (?:a |an )?{_TLS}\b",
        rf"wasn't (?:sent|received) (?:over|via|using) (?:a |an )?{_TLS}\b",
        r"\[privacyrequired\]|(?:pipeline\w*|commands?|allowed) (?:\w+ ){0,2}?(?:after|before) starttls",
        rf"(?:plain ?text|clear ?text|unencrypted|insecure|non-?(?:tls|ssl))[ -](?:auth\w*|password|login"
        rf"|connection|session)s? .{{0,40}}{_OFF}",
        r"(?:plain ?text|clear ?text|unencrypted) (?:auth\w*|password|login)",
        rf"(?:connection|session|channel|link) (?:is )?(?:{_NOT}|un)[ -]?(?:secured?|encrypted|protected)",
        rf"(?:auth\w*|login|log in|logging in) .{{0,30}}only .{{0,30}}\b{_TLS}\b",
        rf"only .{{0,30}}(?:auth\w*|login|accepted|allowed) .{{0,20}}\b{_TLS} (?:connection|session)",
        r"only available under a layer",
    ),
)

# What a login lacks, before what is wrong with it: such replies begin with "authentication failed" too.
LOGIN: tuple[TextRow, ...] = (
    # Sentences of QQ and NetEase for all that can be wrong with a login.
    *says(ProblemCode.AUTH_REJECTED, r"login fail\. account is abnormal|authentication failed, system busy"),
    # Yandex leaves open which of the two it is; the secret is the likelier.
    *says(ProblemCode.AUTH_REJECTED, r"(?:invalid|wrong|bad) (?:credentials|password) or (?:imap|smtp|pop)"),
    *says(ProblemCode.COMMAND_REFUSED, r"^bad (?:error in|invalid|unknown) (?:imap )?command", replies=WORD),
    # SendGrid and its like count what was paid for when a client logs in.
    *says(
        ProblemCode.LIMIT_REACHED,
        r"\bcredits? (?:\w+ ){0,2}?(?:exceeded|exhausted|used up|expired|reached)|maximum credits",
        r"(?:out of|insufficient|not enough|no(?: more)?|no remaining) (?:\w+ )?credits?\b",
    ),
    # Google's 534 5.7.9, Yahoo's #AUTH005 at the very first try, SendGrid's 535, Mail.ru, Tencent, NetEase.
    *says(
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
        r"\bapp(?:lication)?s?(?:'s)?[- ]?(?:specific |only )?pass(?:word|code|phrase)",
        r"(?:application|app|device)[- ]specific",
        r"parol prilozheniya",
        r"invalid ?second ?factor",
        r"not allowed with 2fa",
        r"too many bad auth attempts|#auth005",
        r"(?:enter|use|your|an?) (?:your )?authori[sz]ation code",
    ),
    *says(
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
        r"\b(?:2fa|mfa|two[- ]?(?:factor|step)|2[- ]step|multi[- ]?factor|second factor)\b",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_OAUTH_REQUIRED,
        r"basic auth(?:entication)?(?: \w+)? (?:is |has been |was )?(?:disabled|not supported|not allowed"
        r"|retired|blocked|deprecated|removed|turned off|switched off|no longer)",
        r"(?:o-?auth ?2?(?:\.0)?|xoauth2?|oauthbearer|modern authentication)(?: \w+)? (?:is |are )?"
        r"(?:required|only|needed|mandatory|must)",
        r"(?:only|must|please|requires?|to) (?:supports? |use |using |be |accepts? )?(?:o-?auth|xoauth"
        r"|modern auth)",
        r"(?:password|basic|legacy)[- ](?:login|log-?in|auth\w*|sign-?in)s? .{0,20}(?:no longer|disabled"
        r"|retired|blocked)",
        r"less secure apps?",
        r"security defaults policy|not meet the criteria to be authenticated",
    ),
    *says(
        ProblemCode.AUTH_IMAP_DISABLED,
        rf"\b(?:imap4?|pop3?)\b(?: (?:access|service|login|protocol|use|client))?(?: for .{{1,60}}?)? "
        rf"(?:is |has been |are |was )?(?:currently )?{_OFF}",
        r"(?:enable|switch on|turn on|activate|allow) (?:the )?(?:imap|pop)",
        r"(?:not|isn't) (?:enabled|allowed|permitted|activated|authori[sz]ed) (?:for|to use|to access)"
        r"(?: the)? (?:imap|pop)",
        r"(?:imap|pop3?) (?:is )?(?:not (?:included|part)|only (?:available|for))",
    ),
    *says(
        ProblemCode.AUTH_SMTP_DISABLED,
        rf"\bsmtp(?: ?(?:-| )?(?:auth\w*|access|service|client|relay|submission|sending|login|protocol"
        rf"|user))?"
        rf"(?: for .{{1,60}}?)? (?:is |has been |are |was )?(?:currently )?{_OFF}",
        r"smtpclientauthentication is disabled|smtp_?auth_?disabled",
        r"(?:authentication|auth|submission|sending) (?:is |has been )?(?:disabled|not enabled|switched off) "
        r"(?:for|on|in) (?:the |this |your )?(?:tenant|mailbox|user|account|organi[sz]ation|domain)",
        r"(?:mailbox|account|user|plan|subscription)(?: \w+)? (?:is |does )?not (?:enabled|allow(?:ed)?"
        r"|permitted|include|authori[sz]ed|support)(?: for| to use)?(?: the)? smtp",
        r"not have (?:access )?(?:rights|permissions?|access) to (?:this|the) service",
        r"(?:enable|switch on|turn on|activate) (?:the )?(?:smtp(?![ -]?auth)|pop3/smtp)",
        r"smtp account (?:is )?not (?:yet )?(?:active|activated|enabled)",
        r"smtp (?:is )?(?:not (?:included|part|available)|only (?:available|for))",
        r"\bsmtp (?:access|service) (?:is )?(?:only available|available only)",
        r"\bservice (?:of (?:this|your) \w+ )?is not open(?:ed)?\b|^user has no permission",
    ),
    *says(
        ProblemCode.AUTH_VERIFICATION_REQUIRED,
        r"(?:log|sign) ?in (?:via|with|through|using|to|at|on) (?:your |the |a )?(?:web|browser)",
        r"web ?login ?required",
        r"(?:verify|confirm|validate) (?:that it's you|(?:your |the |this )?(?:account|identity|phone"
        r"|mobile))",
        r"(?:account|identity|phone)[ _-]?(?:is |has |needs? |must |requires? )?(?:to be |been |not )*"
        r"verif(?:ication|ied|y) ?(?:required|needed|first)?",
        r"unsafe log-?in|unusual (?:sign|log)[- ]?in|suspicious (?:sign|log)[- ]?in",
        r"captcha",
        r"accept the (?:new |updated )?(?:terms|user agreement)",
        stages=AUTH | HELLO,
    ),
    *says(
        ProblemCode.AUTH_VERIFICATION_REQUIRED,
        r"(?:log|sign) ?in (?:via|with|through) (?:your )?web ?browser|web ?login ?required",
        r"(?:verify|activate) your (?:\w+ )?(?:account|identity|phone)",
        r"unsafe login",
    ),
    *says(
        ProblemCode.AUTH_TOO_MANY_LOGINS,
        r"too (?:many|frequent|often) (?:\w+ ){0,2}?(?:log-?ins?|log-?ons?|auth\w*|sign-?ins?|passwords?)",
        r"(?:log-?in|auth\w*|sign-?in|password)s?(?: \w+)? (?:rate|frequency|limit|attempts?)"
        r"(?: \w+){0,2} (?:limit|exceed|reach|too)",
        r"(?:number|maximum|limit) of (?:\w+ ){0,2}?(?:log-?in|auth\w*|sign-?in|password)s?\b",
        r"log ?ins? (?:too|so) (?:often|frequent|fast|many)",
        r"maximum number of connections from user",
        r"\[limit\]|\[login-delay\]",
        r"(?:locked|blocked|banned|suspended) .{0,40}(?:too many|multiple|repeated|several) .{0,20}"
        r"(?:log-?in|auth|attempt|failure|password)",
    ),
    *says(
        ProblemCode.AUTH_TOO_MANY_LOGINS,
        r"too many (?:\w+ ){0,3}?(?:connections?|sessions?|attempts?|tries|failures?|requests?|errors|invalid"
        r"|bad|failed|wrong|incorrect)",
        r"(?:concurrent|simultaneous) connections?|maximum number of connections|connection limit",
        r"(?:attempts?|rate|limit) exceeded|rate ?-?limit",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_TOO_MANY_LOGINS,
        r"^(?:no|bye|bad|-err)\b.{0,60}(?:too many|maximum|simultaneous|concurrent|exceeded).{0,40}"
        r"(?:connection|session|log)",
        replies=WORD,
    ),
    *says(
        ProblemCode.AUTH_MECHANISM_UNSUPPORTED,
        r"(?:unsupported|unrecogni[sz]ed|invalid|unknown|unimplemented|unacceptable) (?:sasl )?auth\w*"
        r"(?: \w+)? ?(?:mechanism|type|method|protocol|scheme)",
        rf"(?:mechanism|authentication (?:type|method|scheme))s?(?: \w+)? (?:is |are )?(?:{_NOT} |un)"
        rf"(?:supported|available|allowed|recogni[sz]ed|implemented|accepted|permitted|enabled)",
        r"no (?:supported|suitable|acceptable|usable|matching|common|worthy) (?:sasl )?(?:auth\w* )?mech",
        r"(?:mechanism|method) (?:is )?(?:too weak|unavailable|disabled)|no mech\w* available",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_NOT_OFFERED,
        r"auth\w*(?: \w+)? (?:is )?(?:not (?:enabled|available|supported|offered|implemented|recogni[sz]ed"
        r"|advertised|allowed)|unavailable|disabled)",
        stages=AUTH,
        replies="50",
    ),
    *says(
        ProblemCode.AUTH_UNAVAILABLE,
        r"temporary (?:\w+ )?(?:auth\w*|login|password|lookup|internal|server|system|local)(?: \w+)? ?"
        r"(?:failure|error|problem|fault)",
        r"temporary (?:failure|error|problem)|temporarily (?:unavailable|unable|not available)",
        r"(?:auth\w*|password|directory|ldap|login|sasl)(?: \w+)? (?:service|server|backend|system|database"
        r"|daemon).{0,30}(?:unavailable|down|fail|not (?:available|respond)|unreachable|error|lost"
        r"|timed? ?out)",
        r"(?:unable|cannot|could not|can't) (?:to )?(?:auth\w*|connect|check|verify|look ?up)(?: \w+){0,3} "
        r"(?:at present|at this time|now|right now|at the moment|temporarily)",
        r"internal (?:server |system |authentication )?(?:error|failure)|system (?:error|busy|is busy)",
        r"\[unavailable\]|\[serverbug\]|\[inuse\]|\[in-use\]|\[sys/temp\]",
        r"connection lost to authentication server|authenticated but not connected",
        r"(?:service|server|system) (?:is )?(?:temporarily |currently )?(?:unavailable|not available|busy"
        r"|down)",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_UNAVAILABLE,
        r"temporary authentication (?:failure|error|problem)|connection lost to authentication server",
    ),
    *says(
        ProblemCode.AUTH_ACCOUNT_BLOCKED,
        r"\b(?:account|mailbox|user|login|access|sender|address|domain|tenant|service"
        r"|customer)\b(?: \S+){0,3}? "
        r"(?:is |has been |was |are |been )?(?:temporarily |permanently |currently |administratively )?"
        r"(?:blocked|suspended|locked|disabled|deactivated|frozen|restricted|banned|terminated|closed|expired"
        r"|inactive|barred|cancell?ed|abnormal)",
        r"(?:blocked|suspended|locked|disabled|inactive|deactivated|frozen) (?:user|account|mailbox|sender)",
        r"\[contactadmin\]|\[noperm\]|(?:unusual|suspicious) sending activity",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_ACCOUNT_BLOCKED,
        r"sender address blocked",
        r"\b(?:outgoing|outbound|sending|smtp)\b(?: \w+){0,2} (?:from|for|by|of|is|are|has|have) .{0,60}"
        r"(?:blocked|suspended|disabled|locked|restricted|on hold|frozen)",
        r"(?:your|the sending|sender(?:'s)?) (?:\w+ )?(?:account|mailbox|domain|tenant)(?: \w+)? (?:is |has "
        r"(?:temporarily )?been |was |been )*(?:temporarily |permanently )?(?:blocked|suspended|locked"
        r"|restricted"
        r"|banned|limited|prevented|barred|disabled) (?:from|for|due|because|to) ?(?:sending|spam|outgoing"
        r"|abuse|unusual|suspicious)?",
        r"(?:blocked|suspended|restricted|banned|barred|disabled) (?:from|for) sending",
        r"\bsending (?:is |has been )?(?:paused|suspended|disabled|stopped|on hold)\b",
        r"\byour (?:\w+ ){0,2}account (?:is |has been |was )(?:\w+ )?(?:suspended|disabled|blocked|locked"
        r"|deactivated|on hold|restricted|banned|closed|terminated)",
        r"\bsender account is (?:disabled|suspended|blocked)|bad outbound sender|unusual sending activity"
        r"|sending account .{0,30}banned",
        r"traffic from (?:this|your) (?:tenant|account).{0,60}(?:suspicious|spam|banned)",
        stages=TRANSACTION,
    ),
)

CREDENTIALS: tuple[TextRow, ...] = (
    *says(
        ProblemCode.AUTH_REJECTED,
        r"(?:invalid|wrong|bad|incorrect|unknown|unrecogni[sz]ed|no such"
        r"|missing) (?:\w+ ){0,2}?(?:user ?(?:name)?"
        r"|log-?in|pass\w*|credential|auth|account|token)",
        r"(?:auth\w*|log-?in|log-?on|sign-?in|sasl|password|credentials?|user ?name)(?: \w+){0,4}? (?:is "
        r"|was "
        r"|were |has |did |are |verification )?(?:fail|unsuccessful|reject|refus|denied|incorrect|invalid"
        r"|wrong"
        r"|error|mismatch|not (?:accepted|valid|correct|recogni[sz]ed|match|successful|found)|expired|bad"
        r"|aborted)",
        r"badcredentials|access denied|bad auth|auth\w* cancel",
        stages=AUTH,
    ),
)

# The same, where it is said outside a login or where nobody told the stage: only what is unmistakable.
CREDENTIALS_ANYWHERE: tuple[TextRow, ...] = (
    *says(
        ProblemCode.AUTH_REJECTED,
        r"username and password not accepted|\[auth\w+failed\]|\[expired\]"
        r"|authentication credentials invalid",
        r"incorrect authentication data|(?:invalid|wrong|incorrect|bad) (?:user ?name|login|e-?mail|account)"
        r" (?:or|and|and/or) password",
        r"(?:wrong|incorrect|invalid|bad) (?:password|credentials)",
        r"(?:smtp |sasl )?authentication (?:has )?(?:failed|failure|unsuccessful)|could not authenticate",
        r"log-?in (?:denied|incorrect|failed|failure)",
        stages=ANY,
    ),
)

# After the domain's authentication (SPF, DKIM), which is "required" in the same words.
LOGIN_MISSING: tuple[TextRow, ...] = (
    *says(
        ProblemCode.AUTH_REQUIRED,
        r"(?:auth\w*|log-?in|log in|smtp auth)(?: first)? (?:is |was )?(?:required|needed|necessary"
        r"|mandatory)",
        r"(?:must|need to|have to|please|should)(?: first| be)? (?:authenticate|log ?-?in|log ?on)",
        r"(?:turn on|enable|use|activate|configure) (?:smtp[ -])?auth",
        r"(?:requires?|needs) (?:smtp |valid |user )?auth",
        r"(?:client|host|sender|user|session|connection|you)(?: host)? (?:is |was |are |were )?(?:not|n't) "
        r"(?:yet )?(?:been )?(?:authenticated|logged in)",
        r"(?:didn't|don't|did not|do not|doesn't|without|no) (?:smtp )?authenticat",
        r"authentication turned on|\bnot logged in\b",
        r"unauthenticated senders? (?:is |are )?(?:not|is)",
        r"(?:log ?in|authenticate) (?:first|before)|pop[- ]before[- ]smtp"
        r"|check(?:ing)? (?:your )?mail (?:first|"
        r"before)",
        r"\bauthrequired\b|\bauth first\b",
        r"not authenticated to send|(?:issue|send|use) (?:an? |the )?auth(?: command)? first",
    ),
)

TLS_WORDS: tuple[TextRow, ...] = (
    *says(
        ProblemCode.TLS_STARTTLS_NOT_OFFERED,
        r"starttls(?: \w+){0,2} (?:is )?not (?:supported|available|offered|advertised|implemented|enabled)",
        r"(?:does|did) not (?:support|offer|advertise) starttls",
        stages=TLS,
        replies=NEVER,
    ),
)
