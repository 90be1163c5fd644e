"""Words by which mail programs introduce what they quote, and the lines they add; data only.

Everything is in lower case, composed, with plain spaces. Where a language is missing, add its
words to each table.
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What a line of a quoted message's header tells."""

    SENDER = "from"
    MOMENT = "date"
    RECIPIENT = "to"
    COPY = "cc"
    SUBJECT = "subject"
    OTHER = "other"


# "wrote", as it stands in the line above a quotation; whole words.
VERBS = frozenset(
    {"wrote", "writes", "quoting", "schrieb", "schrieben", "geschrieben", "schreibt", "zitat"}
    | {"écrit", "ecrit", "escribió", "escribio", "escrito", "citando", "escreveu", "scritto", "scrive"}
    | {"citazione", "schreef", "geschreven", "schreven", "citeren", "skrev", "skrevet", "skriver"}
    | {"kirjoitti", "lainaus", "napisał", "napisała", "napisana", "pisze", "cytowanie", "napsal"}
    | {"napsala", "napísal", "írta", "írja", "scris", "yazdı", "yazmış", "yazıyor", "написал"}
    | {"написала", "написал(а)", "пишет", "писал", "писал(а)", "писала", "написав", "пише", "писав"}
    | {"लिखा"}
)
# The same where words are not set apart by spaces; they stand at the end.
VERB_ENDINGS = (
    *("写道", "寫道", "写到", "写于", "編寫", "のメール", "のメッセージ", "さんは書きました"),
    *("書きました", "作成", "작성", "작성함", "씀", "쓴 글", "보낸 메시지"),
)
# What the line above a quotation begins with; a day of the week or a figure does as well.
OPENERS = frozenset(
    {"on", "am", "le", "el", "il", "em", "no", "às", "op", "den", "w", "dnia", "dne", "dňa", "pe"}
    | {"în", "la", "a", "в", "у", "wiadomość", "at", "quoting", "zitat", "citando", "mensagem", "in"}
)
OPENERS_UNSPACED = ("在", "於", "于")
# The first letters of the days of the week.
DAYS = (
    *("mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so", "lun"),
    *("mar", "mer", "jeu", "ven", "sam", "dim", "mié", "jue", "vie", "sáb", "dom", "seg", "ter", "qua"),
    *("qui", "sex", "gio", "sab", "ma", "wo", "vr", "za", "zo", "mån", "tis", "ons", "tor", "fre"),
    *("lör", "sön", "man", "tir", "lør", "søn", "ti", "ke", "to", "pe", "la", "su", "pon", "wt", "śr"),
    *("czw", "pt", "sob", "niedz", "po", "út", "st", "čt", "pá", "ne", "hét", "szo", "vas", "joi"),
    *("vin", "sâm", "dum", "mie", "pzt", "sal", "çar", "per", "cum", "cmt", "paz", "пн", "вт", "ср"),
    *("чт", "пт", "сб", "вс", "нд", "понед", "втор", "сред", "четв", "пятн", "субб", "воскр", "सोम"),
    *("मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि"),
)
# Beside a verb: whoever speaks of themselves or of somebody known is writing, not quoting.
PRONOUNS = frozenset(
    {"i", "we", "you", "he", "she", "they", "who", "ich", "wir", "er", "je", "j'ai", "nous", "elle"}
    | {"yo", "él", "ella", "ele", "ela", "ik", "hij", "zij", "jag", "jeg", "minä", "hän", "я", "он"}
    | {"она", "він", "вона"}
)

_HEADER_WORDS = {
    Role.SENDER: (
        *("from", "von", "de", "da", "van", "från", "fra", "lähettäjä", "od", "nadawca", "odesílatel"),
        *("feladó", "de la", "expeditor", "expeditorul", "kimden", "gönderen", "от", "от кого"),
        *("отправитель", "від", "від кого", "відправник", "差出人", "送信者", "送信元", "发件人"),
        *("寄件者", "寄件人", "發件人", "보낸 사람", "보낸사람", "보내는 사람", "प्रेषक", "द्वारा"),
        *("से", "mittente", "expéditeur", "remitente", "remetente", "afzender", "avsändare"),
        *("afsender", "avsender", "absender"),
    ),
    Role.MOMENT: (
        *("sent", "date", "sent at", "gesendet", "gesendet am", "datum", "envoyé", "envoyé le"),
        *("date d'envoi", "enviado", "enviado el", "fecha", "enviada", "enviada em", "enviado em"),
        *("data", "inviato", "inviata", "data invio", "verzonden", "verzonden op", "skickat", "sendt"),
        *("dato", "lähetetty", "päivämäärä", "päiväys", "wysłano", "wysłane", "odesláno", "odoslané"),
        *("elküldve", "küldve", "küldés ideje", "dátum", "trimis", "data trimiterii", "dată"),
        *("dată și oră", "gönderildi", "gönderilen", "gönderme tarihi", "tarih", "отправлено", "дата"),
        *("надіслано", "відправлено", "送信日時", "日付", "日時", "送信日", "发送时间", "发送日期"),
        *("日期", "时间", "時間", "寄件日期", "傳送時間", "傳送日期", "寄送日期", "已傳送", "發送時間"),
        *("보낸 날짜", "보낸날짜", "날짜", "보냄", "보낸 시간", "भेजा गया", "भेजा", "दिनांक", "तिथि"),
        *("date/time",),
    ),
    Role.RECIPIENT: (
        *("to", "an", "à", "a", "pour", "para", "aan", "naar", "till", "til", "vastaanottaja", "do"),
        *("adresat", "komu", "címzett", "către", "catre", "destinatar", "destinatarul", "kime"),
        *("alıcı", "кому", "宛先", "收件人", "收件者", "받는 사람", "받는사람", "प्रति", "को"),
        *("प्राप्तकर्ता", "destinatario", "destinatário", "destinataire", "empfänger", "送信先"),
    ),
    Role.COPY: (
        *("cc", "kopie", "kopie (cc)", "copie", "copie à", "copia", "cópia", "con copia", "kopia"),
        *("kopi", "kopio", "dw", "udw", "másolat", "másolatot kap", "bilgi", "копия", "копія", "抄送"),
        *("副本", "참조", "प्रतिलिपि", "bcc"),
    ),
    Role.SUBJECT: (
        *("subject", "betreff", "objet", "sujet", "asunto", "assunto", "oggetto", "onderwerp", "ämne"),
        *("emne", "aihe", "temat", "předmět", "predmet", "tárgy", "subiect", "subiectul", "konu"),
        *("тема", "件名", "主题", "主旨", "主題", "標題", "제목", "विषय"),
    ),
    Role.OTHER: (
        *("reply-to", "antwort an", "répondre à", "responder a", "rispondi a", "antwoord aan"),
        *("svara till", "svar til", "importance", "priorität", "wichtigkeit", "importancia"),
        *("importância", "attachments", "anlagen", "organization", "organisation", "newsgroups"),
        *("message-id", "resent-from", "priority"),
    ),
}
HEADER_ROLES = {word: role for role, words in _HEADER_WORDS.items() for word in words}

# Stand between dashes above a quoted or forwarded message.
SEPARATORS = frozenset(
    {"original message", "original email", "original mail", "original appointment", "reply message"}
    | {"forwarded message", "forwarded email", "forwarded mail", "ursprüngliche nachricht"}
    | {"original-nachricht", "originalnachricht", "original nachricht", "ursprüngliche mail"}
    | {"ursprüngliche e-mail", "ursprüngliche mitteilung", "weitergeleitete nachricht"}
    | {"message d'origine", "message original", "message d’origine", "mail original", "mail d'origine"}
    | {"message transféré", "message transmis", "courriel original", "mensaje original"}
    | {"mensaje reenviado", "mensaje transferido", "correo original", "mensagem original"}
    | {"mensagem encaminhada", "mensagem reencaminhada", "messaggio originale", "messaggio inoltrato"}
    | {"messaggio originario", "oorspronkelijk bericht", "origineel bericht", "oorspronkelijke bericht"}
    | {"doorgestuurd bericht", "originalt meddelande", "ursprungligt meddelande", "originalmeddelande"}
    | {"ursprungligt mejl", "vidarebefordrat meddelande", "oprindelig meddelelse", "original besked"}
    | {"oprindelig besked", "original meddelelse", "videresendt meddelelse", "videresendt besked"}
    | {"opprinnelig melding", "original melding", "videresendt melding", "alkuperäinen viesti"}
    | {"alkuperäinen viesti / orig.msg.", "edelleenlähetetty viesti", "välitetty viesti"}
    | {"välitetty viesti / fwd.msg", "oryginalna wiadomość", "wiadomość oryginalna"}
    | {"pierwotna wiadomość", "treść oryginalnej wiadomości", "treść przekazanej wiadomości"}
    | {"przekazana wiadomość", "wiadomość przekazana dalej", "původní zpráva", "původní e-mail"}
    | {"originální zpráva", "přeposlaná zpráva", "pôvodná správa", "preposlaná správa"}
    | {"eredeti üzenet", "eredeti levél", "továbbított üzenet", "mesaj original", "mesajul original"}
    | {"mesaj redirecționat", "mesaj inițial", "özgün ileti", "orijinal mesaj", "orijinal ileti"}
    | {"özgün mesaj", "iletilmiş mesaj", "iletilen ileti", "yönlendirilmiş ileti", "исходное сообщение"}
    | {"исходное письмо", "оригинальное сообщение", "пересылаемое сообщение"}
    | {"перенаправленное сообщение", "пересланное сообщение", "початкове повідомлення"}
    | {"вихідне повідомлення", "оригінальне повідомлення", "переслане повідомлення"}
    | {"перенаправлене повідомлення", "元のメッセージ", "元のメール", "転送メッセージ"}
    | {"転送されたメッセージ", "原始邮件", "原始消息", "原始郵件", "原始訊息", "原邮件", "转发的邮件"}
    | {"转发邮件", "轉寄郵件", "轉寄的郵件", "转发信息", "원본 메시지", "원본 메일", "원본메일"}
    | {"전달된 메시지", "전달된 메일", "मूल संदेश", "अग्रेषित संदेश", "अग्रेषित मेल"}
)
# Stand without dashes, with a colon, above a forwarded message (Apple Mail).
FORWARDS = frozenset(
    {"begin forwarded message", "anfang der weitergeleiteten nachricht", "début du message réexpédié"}
    | {"début du message transféré", "inicio del mensaje reenviado", "início da mensagem encaminhada"}
    | {"início da mensagem reencaminhada", "inizio messaggio inoltrato", "begin doorgestuurd bericht"}
    | {"vidarebefordrat mejl", "vidarebefordrat brev", "start på videresendt besked"}
    | {"videresendt melding", "välitetty viesti alkaa", "początek przekazywanej wiadomości"}
    | {"začátek přeposílané zprávy", "továbbított levél kezdete", "începe mesajul redirecționat"}
    | {"i̇leti başlangıcı", "ileti başlangıcı", "начало переадресованного сообщения"}
    | {"початок листа, що пересилається", "転送されたメッセージ", "下面是被转发的邮件"}
    | {"以下是轉寄的郵件", "開始轉寄郵件", "전달된 메시지", "전달된 메시지의 시작"}
    | {"अग्रेषित संदेश का आरंभ"}
)

# How a line begins and ends by which a phone or a program names itself; it has one of PRODUCTS in it as well.
TAGLINES = (
    *(("sent from", ""), ("sent via", ""), ("sent with", ""), ("sent using", "")),
    *(("get outlook for", ""), ("von", "gesendet"), ("gesendet von", ""), ("gesendet mit", "")),
    *(("gesendet aus", ""), ("gesendet über", ""), ("diese nachricht wurde von", "gesendet")),
    *(("holen sie sich outlook", ""), ("outlook für", "beziehen"), ("outlook für", "herunterladen")),
    *(("envoyé de", ""), ("envoyé depuis", ""), ("envoyé à partir d", ""), ("envoyé via", "")),
    *(("envoyé avec", ""), ("télécharger outlook", ""), ("obtenir outlook", "")),
    *(("obtenez outlook", ""), ("enviado desde", ""), ("enviado con", ""), ("obtener outlook", "")),
    *(("descargar outlook", ""), ("enviado do", ""), ("enviado a partir d", ""), ("enviado de", "")),
    *(("enviado via", ""), ("enviado por", ""), ("obter o outlook", ""), ("obtenha o outlook", "")),
    *(("baixe o outlook", ""), ("baixar o outlook", ""), ("inviato da", ""), ("inviato con", "")),
    *(("inviato tramite", ""), ("scarica outlook", ""), ("ottieni outlook", "")),
    *(("scarica l'app outlook", ""), ("verzonden vanaf", ""), ("verstuurd vanaf", "")),
    *(("verzonden via", ""), ("verzonden met", ""), ("outlook voor", "downloaden")),
    *(("download outlook", ""), ("outlook voor", "ophalen"), ("skickat från", ""), ("skickat med", "")),
    *(("skickades från", ""), ("hämta outlook", ""), ("skaffa outlook", ""), ("sendt fra", "")),
    *(("sendt via", ""), ("sendt med", ""), ("få outlook", ""), ("hent outlook", "")),
    *(("last ned outlook", ""), ("lähetetty", ""), ("hanki outlook", ""), ("lataa outlook", "")),
    *(("wysłane z", ""), ("wysłano z", ""), ("wysłane przez", ""), ("pobierz outlook", "")),
    *(("pobierz program outlook", ""), ("uzyskaj outlook", ""), ("odesláno z", ""), ("odoslané z", "")),
    *(("získat outlook", ""), ("stáhnout outlook", ""), ("", "ról küldve"), ("", "ről küldve")),
    *(("az outlook", "letöltése"), ("outlook", "beszerzése"), ("az outlook", "beszerzése")),
    *(("trimis de pe", ""), ("trimis din", ""), ("obțineți outlook", ""), ("descărcați outlook", "")),
    *(("", "dan gönderildi"), ("", "den gönderildi"), ("", "outlook'u edinin")),
    *(("", "outlook'u indirin"), ("отправлено с", ""), ("отправлено из", ""), ("скачать outlook", "")),
    *(("получить outlook", ""), ("загрузить outlook", ""), ("надіслано з", ""), ("відправлено з", "")),
    *(("отримати outlook", ""), ("завантажити outlook", ""), ("", "から送信")),
    *(("", "から送信されました"), ("", "outlook を入手"), ("outlook", "を入手"), ("发自", "")),
    *(("从", "发送"), ("從", "傳送"), ("從", "寄出"), ("获取 outlook", ""), ("获取", "版 outlook")),
    *(("下载", "版 outlook"), ("取得", "版 outlook"), ("取得 outlook", ""), ("下載", "版 outlook")),
    *(("發自", ""), ("", "에서 보냄"), ("", "에서 전송됨"), ("", "outlook 받기"), ("outlook", "받기")),
    *(("", "outlook 다운로드"), ("", "भेजा गया"), ("", "outlook प्राप्त करें")),
    *(("outlook", "प्राप्त करें"),),
)
PRODUCTS = (
    *("iphon", "ipad", "ios", "android", "galaxy", "samsung", "smartphone", "mobile", "mobil"),
    *("handy", "phone", "outlook", "mail", "yahoo", "windows", "blackberry", "huawei", "xiaomi"),
    *("redmi", "oneplus", "pixel", "nokia", "xperia", "telefon", "téléphone", "teléfono", "tablet"),
    *("proton", "gmail", "gmx", "web.de", "spark", "zoho", "zimbra", "libero", "orange", "la poste"),
    *("laposte", "tuta", "superhuman", "thunderbird", "k-9", "電話", "手机", "手機", "휴대"),
    *("스마트폰", "телефон", "correo", "móvil", "celular", "macbook", "watch"),
)
