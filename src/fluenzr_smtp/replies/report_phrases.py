"""What mail servers write of messages that were not delivered, or not yet, and what complaints are called.

As ``phrases``: patterns for text as ``phrases.plain`` returns it.
"""

from __future__ import annotations

#: Subjects of reports that a message was not delivered.
BOUNCE_SUBJECT = (
    r"nedorucitelna|toimittamaton|ei voitu toimittaa|ikke leveret|kunne ikke leveres|αποτυχια παραδοσησ",
    r"fehler bei der zustellung|zustell(?:ungs)?fehler|nicht zustellbar|failure delivery|processing error"
    r"|(?:message|mail|e-?mail|post) .{0,60}(?:was|has been) (?:rejected|returned|refused)",
    r"undeliver(?:ed|able)|undelivrable|returned (?:e-?mail|mail|message|to sender)|"
    r"mail (?:delivery )?(?:fail|error|returned)",
    r"(?:mail |message |e-?mail )?delivery (?:status notification )?\(?(?:fail|error|problem|"
    r"has failed|report|notification: fail|status notification)",
    r"failure notice|(?:mail|message|delivery) fail(?:ure|ed)|failed (?:mail|delivery|to deliver)|"
    r"non-?deliver|nondeliverable|not delivered|bounced? (?:mail|message|e-?mail)",
    r"could not (?:be delivered|deliver|send)|cannot be delivered|unable to deliver|unzustellbar|"
    r"nicht zugestellt|unzustellbarkeit",
    r"zustell(?:ung|ungs)?(?: der (?:nachricht|e-?mail|mail))?[ -]?(?:fehl|fehlgeschlagen|"
    r"nicht moglich)|konnte nicht zugestellt",
    r"non (?:remis|delivre|distribue|distribuable)|echec (?:de (?:la )?)?(?:remise|livraison|"
    r"distribution|d'envoi)|impossible de (?:remettre|delivrer)",
    r"no (?:se (?:ha )?(?:puede|pudo|podido) entreg|entregado|entregable)|error (?:de|en la) entrega|"
    r"fallo (?:de|en la) entrega|devuelto",
    r"nao (?:entregue|pode ser entregue|foi (?:possivel entregar|entregue))|falha (?:na|de) entrega|"
    r"devolvid[ao]|mensagem (?:retornada|devolvida)",
    r"mancat[ao] (?:recapito|consegna)|non (?:recapitabil|consegnat|recapitat)|"
    r"impossibile (?:recapitare|consegnare)",
    r"niet bezorgd|onbestelbaar|kan niet worden bezorgd|niedostarczon|nie mozna dostarczyc|nedorucen|"
    r"kezbesithetetlen",
    r"недоставлен|не доставлен|невозможно доставить|ошибка доставки|teslim edilemedi|"
    r"kunde inte levereras|olevererad|ikke levert",
    "配信(?:不能|エラー|に失敗|できません)|送信(?:エラー|できません)|エラーメール|戻りメール|退信|"
    "投递失败|無法(?:遞送|傳遞|投遞)|无法(?:投递|送达)|전송 ?실패|반송",
    r"mail system error|message (?:undeliverable|rejected|blocked|not accepted)|(?:mail|"
    r"e-?mail) (?:rejected|blocked)|rejected (?:mail|message|posting)|user unknown|वितरण विफल|"
    r"डिलीवर नहीं",
)

#: What a receipt says of a message that was not taken (RFC 5429 §2.1).
REFUSED_BY_RULE = (
    r"(?:message|e-?mail|mail) .{0,300}(?:was|has been) (?:automatically )?(?:rejected|refused)",
    r"(?:nachricht|e-?mail|mail) .{0,300}(?:wurde|ist) (?:automatisch )?(?:abgelehnt|zuruckgewiesen)",
    r"(?:message|courriel|mail) .{0,300}a ete (?:automatiquement )?(?:rejete|refuse)",
    r"(?:mensaje|correo|mensagem|e-?mail) .{0,300}(?:ha sido|fue|foi) (?:automaticamente )?(?:rechazad"
    r"|rejeitad|recusad)",
)

#: Subjects and texts of reports that a message is late.
DELAY = (
    r"message en attente|nouvelles tentatives|pas encore (?:pu|ete)|transient (?:delivery )?fail"
    r"|temporar(?:il)?y (?:un|de|fail)"
    r"|nuevos? intentos?|novas tentativas|nuovi tentativi|weitere (?:zustell)?versuche|weiterhin versucht",
    r"\bdelay(?:ed)?\b|still (?:being retried|trying)|not yet (?:been )?delivered|will be retried|"
    r"retry(?:ing)? (?:for|until)",
    r"warning: (?:could not send|message|e-?mail)|warning message only|will (?:keep|"
    r"continue) (?:on )?(?:to )?(?:try|attempt|retry)",
    r"do not need to resend|no action is required on your part|delivery incomplete|temporarily (?:un|"
    r"de)|transient (?:failure|error)",
    r"verzoger(?:t|ung)|erneut versuch|noch nicht zugestellt|retard(?:e|ee)? (?:de|dans|temp)|"
    r"en retard|retrasad|demora|atrasad|atraso",
    r"in ritardo|ritard(?:at|o nella)|vertraag|vertraging|opoznion|задержк|отложен|遅延|遅れて|延迟|"
    r"延遲|विलंब",
)

#: Texts of reports that a message was not delivered, for those whose subject says nothing.
#: Texts that promise further attempts, whatever the subject says.
STILL_TRYING = (
    r"attempts will (?:continue|be made)|will (?:keep|continue) (?:on )?(?:to )?(?:try|attempt|retry)"
    r"|(?:will be|being) retried (?:for|until|every)|do not need to resend|warning message only",
    r"nouvelles tentatives seront|weitere (?:zustell)?versuche|se(?:guir|rao"
    r"|ran)[a-z]{0,4} (?:intentando|tentando)",
)

BOUNCE_TEXT = (
    r"nicht zugestellt|(?:mail|message|e-?mail) (?:has been|was) (?:returned|rejected|refused)|(?:was"
    r"|been) rejected for",
    r"(?:could not|couldn't|cannot|can't|wasn't able to|was not able to|unable to|"
    r"not possible to) (?:be )?deliver",
    r"delivery (?:to the following|has failed|failed|attempts? (?:has |have )?failed)|"
    r"permanent (?:fatal )?errors?|fatal errors",
    r"(?:has|have) not been delivered|was not delivered|undeliverable|returned to (?:you|sender)|"
    r"did not reach the following",
    r"(?:user|recipient|mailbox|address)(?: is)? (?:unknown|not found|unavailable|does not exist|"
    r"disabled|rejected)|no such (?:user|mailbox|recipient|address)",
    r"giv(?:en|ing) up on|this is a permanent error|i'm afraid i wasn't able|"
    r"message (?:was )?(?:rejected|refused|blocked)",
    r"konnte nicht (?:zugestellt|ausgeliefert)|unzustellbar|n'a pas pu etre (?:remis|delivre|"
    r"distribue|achemine)|non remis",
    r"no (?:se )?(?:pudo|ha podido) (?:ser )?entreg|nao (?:pode|foi possivel|"
    r"conseguimos) (?:ser )?entreg|non (?:e stato|e possibile) (?:possibile )?(?:recapitare|consegn)",
    r"не (?:может быть|было|удалось) достав|配信(?:でき|不能|に失敗)|送信できません|无法(?:投递|送达)|退回",
    r"(?:^|\s)5\d\d[ -][#(]?5\.\d\.\d{1,3}|\b55[0-4] |over quota|quota exceeded|mailbox (?:is )?full",
)

#: Subjects of complaints that are no report of RFC 5965.
COMPLAINT_SUBJECT = (
    r"complaint about message|email feedback report|\[spamcop|spam (?:complaint|report)|"
    r"abuse (?:report|complaint)|complaint:|feedback loop",
    r"(?:report of|reported) (?:spam|abuse)|fbl report|user complaint",
)

#: What is in the addresses of those who pass complaints on.
COMPLAINT_DESKS = (r"spamcop|feedback|\bfbl\b|abuse|complain|scomp",)

#: The local parts of mail servers' addresses, letters alone.
MAIL_SYSTEMS = frozenset({
    *("mailerdaemon", "postmaster", "maildaemon", "mdaemon", "daemon", "mailadmin", "mailmaster"),
    *("mailadministrator", "systemadministrator", "maildelivery", "maildeliverysystem"),
    *("maildeliverysubsystem", "mailingsystem"),
    *("maildeamon", "mailerdeamon", "mailerdemon", "bounce", "bounces", "bouncenotification", "mailbounce"),
    *("deliverynotification", "smtpdaemon", "smtpd", "mmdf", "mailsystem"),
    *("internetmaildelivery", "mailgateway", "maileradmin", "postmasters", "mailservice", "emaildelivery"),
})  # fmt: skip

MAIL_SYSTEM_NAMES = (
    r"mail (?:delivery|administrator|deliver|system|daemon|router)|(?:mailer|mail)[ -]?d(?:ae|ea)mon|"
    r"post ?master|system administrator|delivery (?:sub)?system"
    r"|microsoft outlook|internet mail delivery|mail[ -]?gateway",
)
