"""What robots, mail servers and people on their way out write, in the languages of the guide and some more.

Patterns are matched against text as ``plain`` returns it, and have bounded gaps: any text is read in one go.
"""

from __future__ import annotations

import functools
import re

from fluenzr_smtp.classify.evidence import folded

_AT_START = r"^(?:\[[^\]]{1,60}\] ?|\*{1,5}[^*]{1,40}\*{1,5} ?)?"

#: Subjects that only a robot gives its answer, at their beginning.
_ENDS = r"(?: ?[:!–—(\]】-]| (?:from|to|re|von|de|da)\b|$)"
AUTOMATIC_SUBJECT = (
    r"auto(?:matic(?:al)?(?:ally generated)?|mated)?[ -]?(?:reply|response|answer|responder"
    r"|acknowledge?ment)" + _ENDS,
    r"(?:autoreply|autoresponse|automatic message|vacation (?:reply|response|auto-?reply|message))" + _ENDS,
    r"out[ -]of[ -](?:the )?office(?: (?:auto[ -]?reply|reply|response|message"
    r"|notification))?(?: ?[:!–—(-]|$)",
    r"ooo ?[:–-]|i(?:'| a)m (?:currently )?out of (?:the )?office ?[:–-]",
    r"abwesenheits(?:notiz|nachricht|meldung|assistent|benachrichtigung)|automatische (?:antwort"
    r"|ruckmeldung|abwesenheit)",
    r"abwesenheit ?(?:[:–-]|(?:re|aw|wg) ?:)|nicht im (?:buro|haus) ?[:–-]"
    r"|(?:automatische )?empfangsbestatigung",
    r"reponse automatique|message automatique|absence du bureau|accuse (?:de )?reception"
    r"|notification d'absence"
    r"|avis d'absence|hors du bureau ?[:–-]",
    r"respuesta automatica|contestacion automatica|autorespuesta|fuera de (?:la )?oficina(?: ?[:–-]|$)"
    r"|acuse de recibo",
    r"resposta automatica|mensagem automatica|ausencia temporaria|fora do escritorio(?: ?[:–-]|$)",
    r"risposta automatica|fuori (?:sede|ufficio)(?: ?[:–-]|$)|messaggio automatico",
    r"automatisch antwoord|afwezigheids(?:bericht|melding|assistent)|automatische reactie",
    r"autosvar|automatiskt svar|automatisk svar|franvaro ?[:–-]|fravaersassistent|poissaoloviesti"
    r"|automaattinen vastaus",
    r"automatyczna odpowiedz|odpowiedz automatyczna|autoodpowiedz|automaticka odpoved|automatikus valasz"
    r"|raspuns automat|otomatik (?:yanit|cevap)|αυτοματη απαντηση",
    r"автоматический ответ|автоответ|автоматична в.дпов.дь|автоматическое уведомление|رد تلقائي"
    r"|מענה אוטומטי",
    "【?(?:自動返信|自動応答|自動配信|不在通知)|不在(?:の(?:お知らせ|ご連絡)|返信|連絡|案内)|受付完了",
    "自动回复|自動回覆|自动答复|外出自动|자동 ?(?:회신|응답)|부재중"
    "|स्वचालित (?:उत्तर|जवाब|प्रतिक्रिया)|कार्यालय से बाहर",
    "已读|已讀|未读|읽음|開封済み ?:|return receipt|disposition notification",
    r"lesebestatigung|confirmation de lecture|confirmacao de leitura|confirmacion de lectura"
    r"|conferma di lettura",
)

#: Subjects of ticket systems: with the words of one that has taken a request on they are a robot's.
TICKET_SUBJECT = (
    r"\[?(?:ticket|case|request|anfrage|demande|solicitud|chamado) ?(?:id)? ?[#:][^:]{0,40}"
    r"(?:received|created|opened|eingegangen|recue?|recibid[ao]|abert[ao])",
    r"\[?(?:(?:support )?ticket|ticket (?:de )?soporte|ticket de support|chamado|supportticket"
    r"|solicitud de soporte) (?:(?:has been|was) )?(?:opened|created|received|abierto|creado|recibido|ouvert"
    r"|cree|recu|aberto|criado|recebido|eroffnet|erstellt|eingegangen)",
    "お問い合わせ(?:を受け付け|ありがとう)",
)

#: Subjects that robots like and people use as well: they count where the message answers one.
WEAK_SUBJECT = (
    r"(?:i(?:'| a)m |je suis |ich bin |estoy |estou |sono )?(?:currently |actuellement |zurzeit |"
    r"zur zeit |derzeit )?"
    r"(?:absent|away|out of (?:the )?office|on (?:vacation|holidays?|leave|annual leave)|absente?|abwesend|"
    r"im urlaub|en conges?"
    r"|en vacances|ausente|de ferias|de vacaciones|in ferie|fuori ufficio|not in the office|nicht da)\b",
    r"(?:thank you|thanks) for (?:your (?:e-?mail|message|inquiry|enquiry|request|interest)|"
    r"contacting|reaching out|writing)",
    r"(?:vielen |herzlichen )?dank fur ihre (?:nachricht|anfrage|e-?mail|mail)|merci (?:de|"
    r"pour) votre (?:message|demande|mail|e-?mail)",
    r"gracias por (?:su|tu|contactar)|obrigad[oa] (?:por|pelo)|recebemos (?:a )?su[ae]|"
    r"grazie per (?:aver|la)",
    r"(?:we(?:'ve| have)? )?(?:received )?your (?:e-?mail|message|request|inquiry)(?: has been|"
    r" was)? received|eingangsbestatigung",
)

#: What people have their programs write while they are away, or when a request has come: word for word it
#: may be a person's, so it counts only where nothing in it speaks to a person.
TEMPLATE_TEXT = (
    r"^.{0,60}(?:thank you|thanks) for (?:your|the) (?:e-?mail|mail|message).{0,80}(?:i am|i'm"
    r"|i will be) (?:currently "
    r"|presently )?(?:out of (?:the )?office|away|on (?:leave|vacation|annual leave|holiday)).{0,300}"
    r"(?:urgent|my return|returning|access to)",
    r"^.{0,60}dank fur (?:ihre|deine) (?:nachricht|e-?mail|mail).{0,80}(?:bin ich|ich bin) (?:derzeit"
    r"|zurzeit|zur zeit|bis"
    r"|vom|nicht|im urlaub|ausser haus).{0,300}(?:dringend|vertret|ruckkehr|weitergeleitet|wieder)",
    r"^.{0,60}merci (?:pour|de) votre (?:message|e-?mail|mail"
    r"|courriel).{0,80}je suis (?:actuellement |en conge|absent)"
    r".{0,300}(?:urgen|retour|contacter)",
    r"^.{0,60}(?:gracias por (?:su|tu)|obrigad[oa] (?:pelo|por) (?:seu|sua|tua)|grazie per (?:la"
    r"|il)).{0,90}(?:me encuentro"
    r"|estoy|estare|estou|estarei|encontro-me|sono|saro) (?:fuera|de vacaciones|ausente|de ferias"
    r"|fora|assente|in ferie)"
    r".{0,300}(?:urgen|regres|retorn|volt|rientro|contact)",
    r"your (?:message|e-?mail|request|inquiry|enquiry) has been received (?:and|,|\.).{0,60}(?:will|we)",
    r"(?:we have|we've) received your (?:message|e-?mail|request|inquiry|enquiry).{0,120}(?:we"
    r"|our team|someone|one of us)"
    r".{0,40}(?:will|shall) (?:get back|respond|reply|be in touch|contact you)",
    r"(?:recebemos|hemos recibido|avons bien recu|haben wir erhalten"
    r"|abbiamo ricevuto) .{0,60}(?:mensagem|mensaje|message"
    r"|nachricht|anfrage|messaggio|e-?mail).{0,160}(?:entraremos em contact|contactaremos"
    r"|responderemos|reviendrons"
    r"|melden uns|ricontatteremo|risponderemo|pondremos en contacto)",
)
PERSONAL = (r"\?|\b(?:but|however|aber|jedoch|mais|pero|mas|yes|ja|oui|si|sim)\b",)

#: What a robot says of its own message.
AUTOMATIC_TEXT = (
    r"this is an? (?:automat(?:ed|ic)|auto-?(?:generated|mated)|system[ -]generated|computer[ -]generated)"
    r"(?:ally[ -]generated| generated)? ?(?:e-?mail |mail )?(?:reply|response|message|e-?mail|answer|"
    r"notification|acknowledge?ment)",
    r"this (?:e-?mail|mail|message|reply|response) (?:was|is|has been|is being) (?:auto-?generated"
    r"|automatically (?:sent|generated|created|produced)|(?:sent|generated|created"
    r"|produced) (?:automatically"
    r"|by an? (?:auto(?:mated|matic) (?:system|process)|autoresponder)))",
    r"^(?:this is an? |i apologi[sz]e for this )?auto(?:mated|matic)[ -](?:reply|response)\b"
    r"|sent by (?:an? |my )?auto-?responder\b",
    r"(?:this|the) (?:mailbox|inbox|e-?mail(?: address| account)?|address|account) is (?:not|no longer|never"
    r"|un)"
    r" ?(?:being )?(?:monitored|attended|checked|read|in use|active|manned)(?: by anyone)?(?:[.!,]|$)"
    r"|unmonitored (?:mailbox|inbox|address)"
    r"|[a-z0-9._+-]{1,64}@[a-z0-9.-]{1,100} is (?:not|no longer) (?:being )?(?:monitored|attended|read"
    r"|in use)"
    r"|your (?:message|e-?mail|mail) will not be (?:read|answered|seen|processed)",
    r"(?:dieses|das) (?:postfach|e-?mail-?konto) wird nicht (?:mehr )?(?:gelesen|uberwacht|abgerufen"
    r"|betreut)",
    r"(?:cette (?:boite|adresse)|ce compte).{0,40}n'est (?:pas|plus) (?:surveille|lue?|consulte|relevee?)",
    r"(?:este (?:buzon|correo)|esta (?:cuenta|direccion|caixa)|este e-?mail) (?:no|nao|ya no) (?:es"
    r"|esta|e) "
    r"(?:monitorad|monitoread|supervisad|lid|leid)",
    r"dies(?:e[rs]?)? (?:ist|nachricht ist|e-?mail ist|mail ist) eine? (?:automatisch|maschinell)",
    r"diese (?:e-?mail|mail|nachricht|antwort) (?:wurde|wird|ist) (?:automatisch"
    r"|maschinell) (?:erstellt|generiert|erzeugt|versen|gesen|verschickt)",
    r"(?:ceci est|il s'agit d')\s?une? (?:reponse|message|courriel|mail|e-mail) (?:genere |"
    r"envoye )?automatique",
    r"(?:ce|cet) (?:message|courriel|e-?mail|mail) (?:a ete|est) (?:genere|envoye|emis) automatiquement",
    r"est[ae] es un[a]? (?:respuesta|mensaje|correo) (?:generad[oa] |enviad[oa] )?automatic",
    r"este (?:mensaje|correo)(?: electronico)? (?:ha sido|fue|es) (?:generado|"
    r"enviado) (?:de forma )?automatic",
    r"est[ae] e uma? (?:resposta|mensagem|e-?mail) automatic|est[ae] (?:mensagem|e-?mail) (?:foi|"
    r"e) (?:gerad|enviad)[oa] automatic",
    r"quest[ao] e un[a]? (?:risposta|messaggio|e-?mail) automatic|quest[ao] (?:messaggio|"
    r"e-?mail) e (?:stat[oa] )?(?:generat|inviat)[oa] automatic",
    r"dit is een automatisch|dit bericht is automatisch|to jest automatyczn|"
    r"wiadomosc (?:zostala )?wygenerowana automatycznie",
    r"det(?:ta|te) (?:ar|er) (?:ett|et|en) auto(?:matisk|genere|svar)|tama on automaattinen",
    r"это (?:автоматическ|письмо (?:отправлено|сформировано|создано) автоматически)|"
    r"письмо сгенерировано автоматически",
    r"(?:この|本|当)メール(?:は|に).{0,30}自動"
    r"|自動(?:返信|配信|応答|送信)(?:メール(?:です|にて|で)|にて|でお|し|いた|され|です)|システムより自動",
    r"(?:此|本)(?:邮件|郵件|信件).{0,12}(?:自动|自動)|自动回复|यह (?:एक )?(?:स्वचालित|स्वतः)",
)

#: What a ticket system writes when it has taken a request on.
ACKNOWLEDGEMENT = (
    r"(?:we(?:'ve| have)?|i have) (?:successfully )?received your"
    r"|(?:has been|was|is) (?:received|created|opened|registered|logged|assigned).{0,80}(?:ticket"
    r"|request|case|reference)"
    r"|(?:ticket|request|case)(?: ?(?:id|number|no\.?|#))? ?[#:]?.{0,40}(?:has been|was) "
    r"(?:received|created|opened|registered|logged|closed|solved|resolved)",
    r"(?:request|message|e-?mail|inquiry|enquiry) \(?.{0,30}\)? ?has been received"
    r"|(?:we|our team|someone|a member).{0,40}(?:will|shall) (?:get back|be in touch|respond|reply"
    r"|review|contact)",
    r"(?:thank you|thanks) for (?:contacting|reaching out|getting in touch|writing|your (?:request"
    r"|inquiry|enquiry"
    r"|message|e-?mail)).{0,120}(?:will|within|as soon as|received)",
    r"(?:haben|wurde|ist).{0,60}(?:erhalten|eingegangen|erfasst|eroffnet|registriert)|eingangsbestatigung"
    r"|ticketnummer"
    r"|werden (?:uns|sie).{0,60}(?:melden|bearbeiten|kontaktieren)",
    r"(?:avons (?:bien )?recu|a bien ete (?:recu|enregistre|pris)|sera traite|reviendrons vers vous"
    r"|numero de (?:ticket|demande))",
    r"(?:hemos recibido|(?:ha sido|se ha) (?:recibid|registrad|cread|abiert)|numero de (?:ticket|caso)"
    r"|nos pondremos en contacto"
    r"|responderemos)",
    r"(?:recebemos (?:a )?su|foi (?:recebid|registrad|abert|criad)|numero do (?:chamado|protocolo|ticket)"
    r"|entraremos em contato)",
    r"(?:abbiamo ricevuto|e stat[ao] (?:ricevut|registrat|apert)|numero (?:di )?(?:ticket|pratica)"
    r"|risponderemo"
    r"|ricontatteremo)",
    r"(?:受け付け|受付番号|お問い合わせ番号)|(?:已收到您|工单)|(?:प्राप्त हो गया|टिकट)",
)

#: What somebody away writes: alone it proves nothing, with another sign it does.
AWAY_TEXT = (
    r"out of (?:the )?office|away from (?:my (?:desk|mail)|the office)|on (?:vacation|annual leave|"
    r"parental leave|maternity leave|holiday)",
    r"(?:limited|no) access to (?:my )?e-?mail|not (?:be )?(?:in the office|checking)|will (?:be back|"
    r"return|reply)|(?:i(?:'| a)m|be) away",
    r"nicht im (?:buro|hause?)|abwesend|im urlaub|ausser haus|wieder (?:erreichbar|im buro|da)|"
    r"nicht weitergeleitet",
    r"absente? (?:du bureau|jusqu|du|pour)|en (?:conges?|vacances)|de retour le|sera(?:i)? de retour",
    r"fuera de la oficina|de vacaciones|ausente|regreso el|estare de (?:vuelta|regreso)",
    r"fora do escritorio|de ferias|ausente|retorno (?:em|no|ao)|estarei (?:fora|ausente|de volta)",
    r"fuori (?:ufficio|sede)|in ferie|assente|saro di ritorno|rientr(?:o|ero)",
    r"niet (?:op kantoor|aanwezig|bereikbaar)|afwezig|op vakantie|не в офисе|в отпуске|nieobecn|urlopie",
    "不在|休暇|外出中|夏季休業|年末年始|休业|休假|छुट्टी|अवकाश|कार्यालय से बाहर",
)


def plain(text: str) -> str:
    """Return a text as patterns see it: lower case, no accents, white space as one blank."""
    return " ".join(_even(folded(text.replace("\u200b", "")).casefold()).split())


def _even(text: str) -> str:
    """Return a text in which Turkish is written as it is without a Turkish keyboard."""
    return text.replace("\u0131", "i").replace("\u03c2", "\u03c3")


def found(patterns: tuple[str, ...], text: str, *, at_start: bool = False) -> str:
    """Return what of a text, as ``plain`` returns it, one of the patterns fits; empty: none."""
    match = _compiled(patterns, at_start=at_start).search(text)
    return "" if match is None else match[0].strip()


@functools.cache
def _compiled(patterns: tuple[str, ...], *, at_start: bool) -> re.Pattern[str]:
    joined = _even(folded("|".join(f"(?:{each})" for each in patterns)))
    return re.compile(f"{_AT_START}(?:{joined})" if at_start else joined)
