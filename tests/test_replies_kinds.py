"""What an incoming message is: no person is called a robot, and each robot, server and filter by its name.

The messages were written for these tests, as programs and people write them; none is anybody's.
"""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp.model.replies import ReplyKind
from fluenzr_smtp.replies.kinds import Seen, verdict_on
from fluenzr_smtp.replies.parts import parsed

RECEIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OURS = "me@sender.example"
MINE = "<offer-1@sender.example>"
THREAD = {"In-Reply-To": MINE, "References": MINE}
AUTO = {"Auto-Submitted": "auto-replied"}
NULL = {"Return-Path": "<>"}
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.b.example>"


def mail(
    subject="Re: Offer", body="", *, sender="Ann Lee <ann@b.example>", headers=(), parts=(), kind="mixed"
):
    """Return a message. A subject that is an answer's comes in the thread of what was sent."""
    more = dict(headers)
    thread = (
        THREAD if subject.startswith(("Re:", "AW:", "RE:", "Antw", "SV:", "回复", "Odp:", "RES:")) else {}
    )
    fields = {"From": sender, "To": OURS, "Subject": subject, "Message-ID": "<in@b.example>"} | thread | more
    text = f"Content-Type: text/plain; charset=utf-8\n\n{body}\n"
    if parts:
        told = more.get("Content-Type", f"multipart/{kind}")
        fields["Content-Type"] = f"{told}; boundary=x"
        text = "\n" + "".join(f"--x\n{part}\n" for part in (text, *parts)) + "--x--\n"
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return (lines + text).replace("\n", "\r\n").encode()


def html(page):
    """Return a part of HTML."""
    return f"Content-Type: text/html; charset=utf-8\n\n{page}\n"


def status(action="failed", code="5.1.1", said="550 5.1.1 No such user", to="bob@b.example"):
    """Return a delivery status of one recipient."""
    return (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.b.example\n\n"
        f"Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {code}\nDiagnostic-Code: smtp; {said}\n"
    )


def original(content_type="message/rfc822"):
    """Return what was sent, attached."""
    return f"Content-Type: {content_type}\n\nFrom: {OURS}\nMessage-ID: {MINE}\nSubject: Offer\n\nWould you?\n"


REPORT = {"Content-Type": "multipart/report; report-type=delivery-status", **AUTO, **NULL}
FEEDBACK = "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Loop/1\nVersion: 1\n"


def verdict(octets, **more):
    return verdict_on(Seen(parsed(octets), octets), received=RECEIVED, **more)


HUMAN = {
    "yes": mail(body="Yes, Monday at ten is fine.\n\nAnn"),
    "one-word": mail(body="OK"),
    "empty": mail(body=""),
    "first-message": mail("Question about your offer", "Do you also ship to Norway?"),
    "html-alone": mail(parts=(html("<p>That suits me.</p>"),)),
    "quoting-all": mail(
        body="Fine.\n\nOn Mon, 2 Mar 2026 at 09:00, Me <me@sender.example> wrote:\n> Would you?"
    ),
    # -- people who speak of holidays
    "back-on-monday": mail(
        body="Sorry for the late answer, I was on vacation until Monday. Yes, let us meet."
    ),
    "will-be-away": mail(body="I will be out of the office next week, can we speak the week after?"),
    "holiday-in-subject": mail("Re: My vacation in July", "I have booked the flight, we leave on the 3rd."),
    "away-in-subject": mail("Re: Out of town in March", "No problem, then in April."),
    "urlaub": mail("AW: Angebot", "Ich bin ab Freitag im Urlaub, können wir vorher telefonieren?"),
    "urlaubsplanung": mail("Urlaubsplanung 2026", "Anbei meine Wünsche: 3. bis 21. August."),
    "vacances": mail(body="Je pars en vacances vendredi, pouvez-vous m'appeler avant ?"),
    "vacaciones": mail(body="Vuelvo de vacaciones el lunes y lo miramos juntos, ¿te parece?"),
    "ferias": mail(
        "RES: Proposta", "Estou de férias, mas vi a sua proposta e gostei. Podemos fechar na segunda?"
    ),
    "ferie": mail(body="Sono in ferie fino a venerdì ma rispondo volentieri: per me va bene."),
    "vakantie": mail(body="Ik ga volgende week op vakantie, kunnen we het daarna bespreken?"),
    "semester": mail("SV: Offert", "Jag har semester vecka 29, men skicka gärna avtalet redan nu."),
    "urlop": mail("Odp: Oferta", "Od poniedziałku jestem na urlopie, proszę o telefon do piątku."),
    "kyuka": mail("Re: お見積もり", "来週は休暇をいただいておりますので、今週中にお電話いただけますか。"),
    "chuchai": mail("回复: 报价", "我下周出差，周五之前可以确认合同。"),
    "chutti": mail("Re: प्रस्ताव", "मैं अगले हफ्ते छुट्टी पर हूँ, क्या हम शुक्रवार को बात कर सकते हैं?"),
    "otpusk": mail("Re: Предложение", "Я в отпуске со среды, давайте созвонимся завтра."),
    "maternity": mail(body="Congratulations on your maternity leave! Who takes over the project?"),
    "colleague-away": mail(body="Maria is on annual leave, so I answer in her place: we take twenty."),
    "ooo-jokingly": mail(body="Got your out of office, enjoy the beach! Call me when you are back."),
    # -- people who speak of robots
    "your-autoreply": mail(body="I got your automatic reply. Who is your deputy this week?"),
    "autoreply-wanted": mail(
        "How do I set up an automatic reply?", "Can your tool send one while I am away?"
    ),
    "auto-in-subject": mail("Automatic doors for the new hall", "Please quote for two automatic doors."),
    "not-automatic": mail(
        body="I write to you myself, no robot does it. We are interested in the large one."
    ),
    "autoantwort": mail("AW: Angebot", "Ihre automatische Antwort kam an. Bis wann sind Sie zurück?"),
    "reponse-auto": mail(body="J'ai reçu votre réponse automatique ; rappelez-moi lundi s'il vous plaît."),
    "respuesta-auto": mail(body="Recibí tu respuesta automática. ¿Quién te sustituye esta semana?"),
    "resposta-auto": mail(
        "RES: Proposta", "Recebi sua resposta automática, mas preciso da nota fiscal hoje."
    ),
    "monitored": mail(body="Is the address support@sender.example still monitored? I had no answer there."),
    "thanks-for-your": mail(
        "Re: Offer", "Thank you for your message. Ten pieces, please, by the end of March."
    ),
    "thanks-in-subject": mail("Thank you for your help yesterday", "It works now. Best, Ann"),
    "danke": mail("AW: Angebot", "Vielen Dank für Ihre Nachricht. Wir nehmen das Angebot an."),
    # -- people who speak of bounces
    "my-mail-bounced": mail(body="My last mail to your colleague bounced, the server said 550 user unknown."),
    "bounce-forwarded-words": mail(
        "Re: Undeliverable mail to Carl", "Carl has left us. Use carla@b.example from now on."
    ),
    "bounce-rate": mail("Bounce rate of the March campaign", "It was 2 %. What was yours?"),
    "undeliverable-parcel": mail("Undeliverable parcel", "The courier could not find you. When are you in?"),
    "delivery-late": mail("Re: Delivery", "The delivery is delayed until Thursday, the truck broke down."),
    "delivery-failed-goods": mail(
        body="The delivery failed yesterday, nobody opened the door. Try again Friday."
    ),
    "mailbox-full": mail(
        body="Sorry, my mailbox was full. I have made room, can you send the drawing again?"
    ),
    "unzustellbar": mail(
        "AW: Angebot", "Meine Mail an Herrn Kurz war unzustellbar. Haben Sie eine andere Adresse?"
    ),
    "non-remis": mail(body="Mon courriel à Luc n'a pas pu être remis, avez-vous sa nouvelle adresse ?"),
    "postmaster-in-person": mail(
        body="I have looked at our log: your message passed at 10:14, the user sees it now.\n\n"
        "Tom, postmaster",
        sender="Tom Post <postmaster@b.example>",
    ),
    "spam-folder": mail(body="Your message was in my spam folder, sorry. Yes, count me in."),
    # -- people who speak of tickets and complaints
    "ticket-number": mail("Re: Ticket #4711", "The printer still does not work. Can somebody come by?"),
    "concert-ticket": mail("Two tickets for Saturday", "I have two tickets for the opera, do you want them?"),
    "ticket-opened": mail(body="I have opened a ticket with our IT people, they look at it on Monday."),
    "complaint": mail("Complaint about order 88", "The left door is scratched. How do we go on?"),
    "spam-report-talk": mail(
        "Re: Spam report for February", "Figures are in the sheet. Fewer than in January."
    ),
    "abuse-talk": mail(body="Our abuse team has seen nothing of you, so all is well."),
    "desk-answer": mail(
        body="Hello, I have changed the address on the invoice for you. Anything else?\n\nLeo",
        sender="Leo at Shop <support@shop.example>",
        headers={"X-Zendesk-From-Account-Id": "42", **AUTO},
    ),
    "list-member": mail(
        "Re: [builders] Offer",
        "I would take the oak.",
        headers={
            "List-Id": "<builders.b.example>",
            "List-Post": "<mailto:b@b.example>",
            "Precedence": "list",
        },
    ),
    "not-automatic-field": mail(body="Fine with me.", headers={"Auto-Submitted": "no"}),
    "company-suppresses": mail(body="Fine with us.", headers={"X-Auto-Response-Suppress": "DR, RN, NRN"}),
    # -- people who speak of leaving
    "unsubscribe-link": mail(
        body="Where in your newsletter is the unsubscribe link? Our lawyer wants to know."
    ),
    "unsubscribe-in-history": mail(
        body="Yes, please send it.\n\nOn Mon, 2 Mar 2026 at 09:00, Me <me@sender.example> wrote:\n"
        "> Would you? To leave the list answer with unsubscribe."
    ),
    "remove-item": mail(body="Please remove item three from the order and send a new invoice."),
    "stop-by": mail("Stop by on Friday?", "We are in the neighbourhood, shall we stop by at four?"),
    "abmelden-event": mail(
        "AW: Sommerfest", "Ich muss mich leider für Freitag abmelden, meine Tochter ist krank."
    ),
    "kuendigung": mail(
        "Kündigung meines Mietvertrags", "Hiermit bestätige ich den Übergabetermin am 31. März."
    ),
    "baja-medica": mail("Baja médica de Pedro", "Pedro está enfermo, lo sustituye Marta hasta mayo."),
    "cancelar-reserva": mail(body="Quiero cancelar la reserva del martes y pasarla al jueves."),
    "not-interested": mail(body="Thanks, but we are not interested this year. Ask me again in autumn."),
    "remove-me-from-cc": mail(body="You can take Tom off the thread, I will decide that with you."),
    "confirm-delivery": mail(body="Please confirm the delivery address before I click on the order."),
    "captcha-talk": mail(
        "Captcha on your form", "It asks me five times whether I am human. Can you turn it off?"
    ),
    "whitelist-talk": mail(body="Our IT has put your domain on the list of approved senders, try again."),
    "korean": mail("Re: 견적", "네, 월요일 10시 괜찮습니다."),
    "arabic": mail("Re: العرض", "نعم، يوم الاثنين مناسب لي."),
    "greek": mail("Re: Προσφορά", "Ναι, η Δευτέρα στις δέκα μου κάνει."),
    "thanks-quote": mail("Thank you for your quote", "We take it. When can you deliver?", headers=THREAD),
    "auto-de": mail("AW: Auto: Probefahrt", "Elf Uhr passt."),
    "re-autoreply": mail("Re: Automatic reply: Offer", "I know you are away; just sign when you are back."),
    "re-undeliverable": mail("Re: Undeliverable: Offer", "I had a typo in your address, here it is again."),
    "fwd-undeliverable": mail(
        "Fwd: Undeliverable: Offer",
        "See below, your address does not work for us. Which one shall we use?\n\n"
        "---------- Forwarded message ---------\nFrom: MAILER-DAEMON\n\n550 5.1.1 user unknown",
    ),
    "undeliverable-own": mail(
        "Undeliverable mail",
        "All my mails to your sales team come back with 550 5.1.1 user unknown. Can you help?",
    ),
    "delivery-failed-own": mail(
        "Delivery failed", "Nobody was at the gate, so the driver went back. New date?"
    ),
    "returned": mail(
        "Returned mail from the post office", "Your catalogue came back to us. Is the street still right?"
    ),
    "message-rejected": mail("Message rejected", "Our filter rejected your attachment. Please send a PDF."),
    "failure-notice": mail(
        "Failure notice for pump 3", "It stopped at six. We give up on it, send a new one."
    ),
    "postmaster-sig": mail(
        "Re: Offer", "Fine.\n\nTom\nMail delivery team", sender="Tom Delivery <tom@b.example>"
    ),
    "delivery-address": mail(
        "Re: Delivery date",
        "Could not deliver on Friday, we come on Monday.",
        sender="Kurier <delivery@kurier.example>",
    ),
    "exchange-office": mail(
        "Currency exchange", "The rate today is 1.08. Shall I book?", sender="Ben <exchange@bank.example>"
    ),
    "daemon-name": mail("Re: Offer", "Yes please.", sender="Mail Gateway Consulting <info@gateway.example>"),
    "bounces-list": mail(
        "Re: [builders] Offer",
        "I would take the oak.",
        sender="ann@b.example",
        headers={"Return-Path": "<builders-bounces@b.example>"},
    ),
    "stop-machine": mail("Stop machine 4", "It leaks oil."),
    "remove": mail("Remove the old sign", "Can you do it on Friday? The new one came."),
    "remove-address": mail(
        "Re: Offer", "Please remove my address from the invoice, the company's is enough."
    ),
    "baja": mail("Baja de Pedro", "Pedro deja la empresa el viernes."),
    "abmeldung-kfz": mail("Abmeldung KFZ", "Anbei die Unterlagen."),
    "krank": mail("AW: Termin", "Ich möchte mich für morgen abmelden, ich bin krank."),
    "afmelden": mail("Re: Vergadering", "Ik moet me afmelden voor donderdag, ik ben ziek."),
    "nepishite": mail("Re: Договор", "Не пишите пока в договор третий пункт, обсудим."),
    "confirm-the-number": mail(
        "Please confirm your message",
        "Did you really mean 2,000 pieces? Please confirm, then it goes to the warehouse.",
    ),
    "confirm-delivery-2": mail(
        "Please confirm the delivery", "It comes on Friday between 8 and 12, is somebody there to accept it?"
    ),
    "action-required": mail(
        "Action required: sign the delivery note", "Please sign and send it back to me, thanks. Ann"
    ),
    "hold": mail("Re: Offer", "I hold the order until you confirm the price."),
    "verify": mail(
        "Re: Offer",
        "To have the message delivered to the board I need your summary, click on reply and I pass it on.",
    ),
    "diese-mail": mail(
        "AW: Rechnung", "Diese Mail wurde automatisch in den Spam sortiert, daher erst jetzt: ja, gerne."
    ),
    "spam-complaint-re": mail(
        "Spam complaint", "We had a complaint of a client about your newsletter. Can we talk?"
    ),
    "no-reply-re": mail(
        "Re: Offer", "I answer by our shop system: yes.", sender="Shop <no-reply@shop.example>"
    ),
    "linkedin": mail(
        "Re: Offer", "Yes, let us talk. Ann", sender="Ann via Net <messages-noreply@net.example>"
    ),
    "calendar": mail(
        "Accepted: Meeting",
        "I come, but ten minutes late.",
        parts=("Content-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\n",),
    ),
    "sick": mail("Re: Offer", "I am sick today and will reply tomorrow in detail."),
    "limited": mail(
        "Re: Offer",
        "I have limited access to email this week, but the answer is yes.",
    ),
    "danke-weg": mail(
        "AW: Angebot",
        "Danke für Ihre Nachricht, ich bin bis Freitag in Wien. Es ist nicht dringend, aber gerne: wir "
        "nehmen zehn.",
    ),
    "recebemos": mail(
        "RES: Proposta",
        "Recebemos sua mensagem ontem, gostei do preço. Entraremos em contato com o jurídico hoje. "
        "Posso assinar sexta?",
    ),
    "by-a-program-for-customers": mail(
        "Re: Offer",
        "Do you ship to Norway?",
        headers={"List-Unsubscribe": "<https://crm.example/u>", "Precedence": "bulk"},
    ),
    "field-says-no": mail("Re: Offer", "Fine.", headers={"X-Autoreply": "no"}),
    "suppresses-some": mail("Offer", "Fine.", headers={"X-Auto-Response-Suppress": "OOF, AutoReply"}),
    "return-path": mail("Re: Offer", "Yes, ten pieces.", headers={"Return-Path": "<ann@b.example>"}),
    "auto-submitted-no-in-capitals": mail("Re: Offer", "Fine.", headers={"Auto-Submitted": "No"}),
    "fuzai": mail("Re: 打ち合わせ", "月曜は不在ですが、火曜なら伺えます。"),
    "jidou": mail("Re: 自動ドア", "自動ドアの見積もりをお願いします。"),
    "tuihui": mail("回复: 合同", "合同被退回来了，请重新寄一份。"),
    "tuixin": mail("退信问题", "我们发给您的邮件都被退信，请问地址对吗？"),
    "chutti-again-2": mail("Re: प्रस्ताव", "कल स्वचालित उत्तर मिला, आप कब लौटेंगे?"),
    "devuelto": mail("Re: Pedido devuelto", "El cliente lo ha devuelto, ¿lo cambiamos?"),
    "returned-parcel": mail("Re: Colis retourné", "Le transporteur n'a pas pu le livrer, nouvelle date ?"),
    "atraso": mail("Atraso na entrega", "O caminhão quebrou, chega quinta. Tudo bem?"),
    "retard": mail("Retard de livraison", "Le camion arrive jeudi. Cela vous va ?"),
    "verz": mail("Verzögerung beim Bau", "Wir brauchen zwei Wochen mehr. Ist das möglich?"),
    "spam-arrest": mail("Re: Offer", "We use SpamArrest here, so your first mail waited a day. Yes, we buy."),
    "removed-from-a-slot": mail("Re: Cake stall", "Could someone remove me from the Saturday slot?"),
    "a-link-to-confirm-a-date": mail(
        body="The room is ours. Please confirm the date at https://poll.example/x so that I can book it."
    ),
    "read-no-more-by-a-person": mail(
        body="Please write to bob@b.example, I no longer read the shop's address much."
    ),
}

AUTOMATIC = {
    "vacation-sieve": mail("Auto: Offer", "I am away until 9 March.", headers=AUTO | NULL),
    "exchange": mail("Automatic reply: Offer", "I am out of the office until 9 March.", headers=AUTO),
    "exchange-suppress": mail(
        "Automatic reply: Offer", "Back on Monday.", headers={"X-Auto-Response-Suppress": "All", **AUTO}
    ),
    "exchange-de": mail("Automatische Antwort: Angebot", "Ich bin bis 9. März nicht im Büro."),
    "exchange-fr": mail("Réponse automatique : Offre", "Je suis absente jusqu'au 9 mars."),
    "exchange-es": mail("Respuesta automática: Oferta", "Estoy fuera de la oficina hasta el 9 de marzo."),
    "exchange-pt": mail("Resposta automática: Proposta", "Estou de férias até 9 de março."),
    "exchange-it": mail("Risposta automatica: Offerta", "Sono fuori ufficio fino al 9 marzo."),
    "exchange-nl": mail("Automatisch antwoord: Offerte", "Ik ben afwezig tot 9 maart."),
    "exchange-sv": mail("Autosvar: Offert", "Jag är på semester till den 9 mars."),
    "exchange-no": mail("Automatisk svar: Tilbud", "Jeg er på ferie til 9. mars."),
    "exchange-fi": mail("Automaattinen vastaus: Tarjous", "Olen lomalla 9.3. asti."),
    "exchange-pl": mail("Automatyczna odpowiedź: Oferta", "Jestem na urlopie do 9 marca."),
    "exchange-cs": mail("Automatická odpověď: Nabídka", "Do 9. března mám dovolenou."),
    "exchange-hu": mail("Automatikus válasz: Ajánlat", "Március 9-ig szabadságon vagyok."),
    "exchange-ru": mail("Автоматический ответ: Предложение", "Я в отпуске до 9 марта."),
    "exchange-ja": mail("自動応答: お見積もり", "3月9日まで不在にしております。"),
    "exchange-zh": mail("自动回复: 报价", "我正在休假，3月9日回来。"),
    "exchange-ko": mail("자동 회신: 견적", "3월 9일까지 휴가입니다."),
    "exchange-hi": mail("स्वचालित उत्तर: प्रस्ताव", "मैं 9 मार्च तक छुट्टी पर हूँ।"),
    "out-of-office-subject": mail("Out of Office: Offer", "I am back on 9 March."),
    "out-of-office-re": mail("Re: Offer", "I am away until 9 March.", headers={"X-Autoreply": "yes"}),
    "abwesenheitsnotiz": mail("Abwesenheitsnotiz: Angebot", "Ab 9. März bin ich wieder erreichbar."),
    "fuera-de-oficina": mail("Fuera de la oficina", "Regreso el 9 de marzo."),
    "precedence": mail(body="I am on holiday.", headers={"Precedence": "auto_reply"}),
    "bulk-and-away": mail(body="I am on vacation until 9 March.", headers={"Precedence": "bulk"}),
    "x-autorespond": mail(body="Thanks, we call back.", headers={"X-Autorespond": "Offer"}),
    "generated": mail(
        "Invoice 88", "Your invoice is attached.", headers={"Auto-Submitted": "auto-generated"}
    ),
    "words-en": mail(body="This is an automated response. Our shop is closed until Monday."),
    "words-de": mail("AW: Angebot", "Diese E-Mail wurde automatisch erstellt. Wir melden uns."),
    "words-fr": mail(body="Ceci est un message automatique, merci de ne pas y répondre."),
    "words-es": mail(body="Este mensaje ha sido generado automáticamente. No responda."),
    "words-pt": mail("RES: Proposta", "Esta é uma mensagem automática. Por favor, não responda."),
    "words-it": mail(body="Questo messaggio è stato generato automaticamente."),
    "words-nl": mail("Antw: Offerte", "Dit is een automatisch bericht. Wij nemen contact met u op."),
    "words-ja": mail("Re: お見積もり", "このメールは自動送信です。ご返信いただけません。"),
    "words-zh": mail("回复: 报价", "此邮件为系统自动发送，请勿回复。"),
    "not-monitored": mail(body="This mailbox is not monitored. Write to sales@b.example."),
    "ticket-taken-on": mail(
        "[Ticket #4711] received: Offer",
        "Your request has been received.",
        headers={"X-Zendesk-Email-Id": "9"},
    ),
    "desk-takes-on": mail(
        body="Your request (4711) has been received and is being reviewed by our team.",
        sender="Shop <support@shop.example>",
        headers={"X-Zendesk-Email-Id": "9", **AUTO},
    ),
    "nobody": mail("Your order 88", "We have sent it today.", sender="Shop <no-reply@shop.example>"),
    "newsletter": mail(
        "News of March", "Spring is here.", headers={"List-Unsubscribe": "<https://b.example/u>"}
    ),
    "null-sender": mail("Re: Offer", "I have left the company.", headers=NULL),
    "delivered": mail(
        "Delivered: Offer",
        "It was delivered.",
        headers=REPORT,
        parts=(status("delivered", "2.1.5", "250 Ok"),),
    ),
    "read": mail(
        "Read: Offer",
        "It was read.",
        headers={"Content-Type": "multipart/report; report-type=disposition-notification"},
        parts=("Content-Type: message/disposition-notification\n\nDisposition: manual-action; displayed\n",),
    ),
    "html-words": mail(parts=(html("<p>This is an automatically generated e-mail.</p>"),)),
    "gmail-vac": mail(
        "Re: Offer", "I'm away until March 9.", headers={**AUTO, "Precedence": "bulk", "X-Autoreply": "yes"}
    ),
    "zoho": mail("Re: Offer", "Out until March 9.", headers={"X-ZohoMail-AutoReply": "1", **AUTO}),
    "sub-oof": mail("OOO: Offer", "Back on March 9."),
    "away-thread": mail("Away from my desk until 9 March", "For urgent things call Tom.", headers=THREAD),
    "i-am-out": mail("I am out of the office: Offer", "Back on 9 March."),
    "acuse": mail("Acuse de recibo: Oferta", "Hemos recibido su mensaje."),
    "accuse": mail("Accusé de réception", "Nous avons bien reçu votre message."),
    "eingang": mail("Empfangsbestätigung", "Wir haben Ihre Nachricht erhalten."),
    "eingang-again-2": mail(
        "Eingangsbestätigung Ihrer Anfrage", "Ihre Anfrage ist eingegangen, Ticketnummer 88.", headers=THREAD
    ),
    "thanks-contacting": mail(
        "Thank you for contacting Shop",
        "We have received your message and will get back to you.",
        headers=THREAD,
    ),
    "html-only": mail(
        "Re: Offer",
        "",
        parts=(html("<table><tr><td>This is an automated reply, do not answer.</td></tr></table>"),),
        kind="alternative",
    ),
    "romanian": mail("Răspuns automat: Ofertă", "Sunt în concediu."),
    "danish": mail("Automatisk svar: Tilbud", "Jeg er på ferie."),
    "chinese-3": mail("自動回覆: 報價", "我正在休假。"),
    "left": mail("Re: Offer", "I no longer work here. Write to Tom.", headers=NULL),
    "auto-gen-ticket": mail(
        "[Ticket #4711] Offer", "We have received your request.", headers={"Auto-Submitted": "auto-generated"}
    ),
    "auto-notified": mail(
        "Re: Offer", "Your mail was read.", headers={"Auto-Submitted": "auto-notified; owner-email=a@b"}
    ),
    "cal-only": mail("Accepted: Meeting", headers={"Content-Type": "text/calendar; method=REPLY"}),
    "fieldcase": mail("Re: Offer", "x", headers={"auto-submitted": "AUTO-REPLIED (vacation)"}),
    "away-before-the-subject-it-answers": mail(
        "Abwesenheit AW: Offer", "Bis 12.03. im Urlaub, Vertretung Frau Kern.", headers=THREAD
    ),
    "address-is-not-read": mail(
        "Mailbox closed Re: Offer", "Please note that post@b.example is no longer monitored.", headers=THREAD
    ),
    "ticket-opened-in-spanish": mail(
        "Ticket de soporte creado [#77]",
        "Se ha creado una solicitud de soporte con el número #77.",
        headers={"X-Mailer": "osTicket Mailer", **AUTO, **THREAD},
    ),
}

BOUNCE = {
    "standard": mail(
        "Undelivered Mail", "Sorry.", sender=DAEMON, headers=REPORT, parts=(status(), original())
    ),
    "standard-japanese": mail(
        "配信エラー", "宛先不明です。", sender=DAEMON, headers=REPORT, parts=(status(),)
    ),
    "standard-without-subject": mail("", "", sender=DAEMON, headers=REPORT, parts=(status(),)),
    "standard-given-up": mail(
        "Undelivered",
        "Sorry.",
        sender=DAEMON,
        headers=REPORT,
        parts=(status("failed", "4.4.7", "timed out"),),
    ),
    "failed-and-late": mail(
        "Report", "", sender=DAEMON, headers=REPORT, parts=(status("delayed", "4.4.1"), status("failed"))
    ),
    "postfix-words": mail(
        "Undelivered Mail Returned to Sender",
        "Sorry, what you sent could not be delivered.\n\n"
        "<bob@b.example>: host mx.b.example said: 550 5.1.1 User unknown",
        sender=DAEMON,
        headers=NULL,
    ),
    "exim-words": mail(
        "Mail delivery failed: returning message to sender",
        "What you sent could not be delivered to everybody.\n\n  bob@b.example\n    550 No such person here",
        sender="Mail Delivery System <Mailer-Daemon@mx.b.example>",
    ),
    "qmail-words": mail(
        "failure notice",
        "I am unable to deliver what you sent.\nI am giving up on it.\n\n"
        "<bob@b.example>:\nThere is no such mailbox at this place. (#5.1.1)",
        sender="MAILER-DAEMON@b.example",
        headers=NULL,
    ),
    "exchange-words": mail(
        "Undeliverable: Offer",
        "Delivery has failed for:\n\nbob@b.example\nThe mailbox is full.",
        sender="Microsoft Outlook <postmaster@b.example>",
    ),
    "failed-recipients": mail(
        "Hm",
        "It did not work.",
        sender="Robot <x@b.example>",
        headers={"X-Failed-Recipients": "bob@b.example"},
    ),
    "german": mail("Unzustellbar: Angebot", "Ihre Nachricht konnte nicht zugestellt werden.", sender=DAEMON),
    "french": mail(
        "Non remis : Offre", "Votre message n'a pas pu être remis à bob@b.example.", sender=DAEMON
    ),
    "spanish": mail("No se puede entregar: Oferta", "No se pudo entregar el mensaje.", sender=DAEMON),
    "portuguese": mail("Não entregue: Proposta", "Não foi possível entregar a mensagem.", sender=DAEMON),
    "italian": mail("Mancato recapito: Offerta", "Impossibile recapitare il messaggio.", sender=DAEMON),
    "dutch": mail("Onbestelbaar: Offerte", "Uw bericht kan niet worden bezorgd.", sender=DAEMON),
    "russian": mail("Недоставленное сообщение", "Сообщение не может быть доставлено.", sender=DAEMON),
    "chinese": mail("退信通知", "无法投递到 bob@b.example。", sender=DAEMON),
    "korean": mail("전송 실패 알림", "bob@b.example 님에게 반송되었습니다.", sender=DAEMON),
    "quota": mail("Mail failure", "bob@b.example: 552 5.2.2 mailbox is full", sender="postmaster@b.example"),
    "gmail": mail(
        "Delivery Status Notification (Failure)",
        "** Nobody there **\n\n"
        "What you sent to bob@b.example was not delivered, for the address is not known.\n\n"
        "The server said:\n550 5.1.1 There is no such account",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
    ),
    "yahoo": mail(
        "Failure Notice",
        "We were unable to deliver it to:\n\n<bob@b.example>:\n552: mailbox full",
        sender="MAILER-DAEMON@yahoo.example",
    ),
    "words-japanese": mail("Undelivered Mail Returned to Sender", "宛先が見つかりません。", sender=DAEMON),
    "japanese": mail(
        "メール配信エラー", "送信できませんでした。bob@b.example", sender="postmaster@b.example"
    ),
    "hindi-2": mail("वितरण विफल", "संदेश नहीं पहुँचा।", sender=DAEMON),
    "turkish-2": mail("Teslim edilemedi: Teklif", "Mesaj teslim edilemedi.", sender=DAEMON),
    "polish-2": mail("Niedostarczona wiadomość", "Nie można dostarczyć.", sender=DAEMON),
    "hungarian": mail("Kézbesíthetetlen: Ajánlat", "Az üzenet nem kézbesíthető.", sender=DAEMON),
    "swedish": mail("Kunde inte levereras: Offert", "Meddelandet kunde inte levereras.", sender=DAEMON),
    "policy": mail("Rejected mail", "Your message was rejected by our policy: 554 5.7.1 spam", sender=DAEMON),
    "broken": mail(
        "Mail delivery failed",
        "bob@b.example\n550 unknown",
        sender=DAEMON,
        headers={"Content-Type": "multipart/report"},
    ),
    "noaction": mail("x", "", sender=DAEMON, headers=REPORT, parts=(status("", "5.1.1"),)),
    "null-sender": mail("Undeliverable: Offer", "User unknown: bob@b.example", sender="<>", headers=NULL),
    "called-an-answer": mail(
        "Re: Offer",
        "Delivery to the following recipient failed: bob@b.example 550 no such user",
        sender=DAEMON,
        headers=NULL,
    ),
    "refused-by-a-rule-as-a-receipt": mail(
        "Rejected: Offer",
        "Your message to <bob@b.example> was automatically rejected:\nI take no more orders",
        headers={
            "Content-Type": "multipart/report; report-type=disposition-notification",
            "Auto-Submitted": "auto-replied (rejected)",
            **NULL,
        },
        parts=(
            "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; bob@b.example\n"
            f"Original-Message-ID: {MINE}\nDisposition: automatic-action/MDN-sent-automatically; deleted\n",
            original(),
        ),
    ),
}

DELAY = {
    "standard": mail("Delayed Mail", "", sender=DAEMON, headers=REPORT, parts=(status("delayed", "4.4.1"),)),
    "standard-without-action": mail(
        "Report", "", sender=DAEMON, headers=REPORT, parts=(status("", "4.2.2"),)
    ),
    "postfix-words": mail(
        "Delayed Mail (still being retried)",
        "Your message could not be delivered for more than 4 hours. It will be retried until it is 5 "
        "days old.",
        sender=DAEMON,
        headers=NULL,
    ),
    "exim-words": mail(
        "Warning: message 1abc delayed 24 hours",
        "A message that you sent has not yet been delivered to bob@b.example.\n"
        "There is nothing for you to do.",
        sender=DAEMON,
    ),
    "exchange": mail(
        "Delivery delayed: Offer", "We will keep trying to deliver it.", sender="postmaster@b.example"
    ),
    "german": mail("Zustellung verzögert", "Die Nachricht wurde noch nicht zugestellt.", sender=DAEMON),
    "french": mail("Message retardé", "De nouvelles tentatives auront lieu.", sender=DAEMON),
    "japanese": mail("配信遅延のお知らせ", "まだ配信されていません。", sender=DAEMON),
    "gmail": mail(
        "Delivery Status Notification (Delay)",
        "** Delivery incomplete **\n\n"
        "Something went wrong at b.example for now. It will be retried for two days.",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
    ),
    "sendmail": mail(
        "Warning: could not send message for past 4 hours",
        "This is a warning only, you do not need to resend it.",
        sender="MAILER-DAEMON@b.example",
    ),
    "spanish-2": mail("Entrega retrasada: Oferta", "Se harán nuevos intentos.", sender=DAEMON),
    "portuguese-2": mail("Entrega atrasada: Proposta", "Novas tentativas serão feitas.", sender=DAEMON),
    "italian-2": mail("Consegna in ritardo: Offerta", "Ci saranno nuovi tentativi.", sender=DAEMON),
    "dutch-2": mail("Bezorging vertraagd: Offerte", "Wij blijven het proberen.", sender=DAEMON),
    "russian-2": mail("Доставка отложена", "Попытки продолжаются.", sender=DAEMON),
    "chinese-2": mail("邮件延迟通知", "系统将继续尝试。", sender=DAEMON),
    "polish-2": mail("Opóźnione dostarczenie", "Będziemy próbować dalej.", sender=DAEMON),
}

COMPLAINT = {
    "standard": mail(
        "FW: Offer",
        "This is a report about a message from your server.",
        headers={"Content-Type": "multipart/report; report-type=feedback-report"},
        parts=(FEEDBACK, original()),
    ),
    "part-alone": mail("Report", "See below.", parts=(FEEDBACK, original("text/rfc822-headers"))),
    "type-alone": mail(
        "Report",
        "See below.",
        headers={"Content-Type": "multipart/report; report-type=FEEDBACK-REPORT"},
        parts=(original(),),
    ),
    "microsoft": mail(
        "complaint about message from 192.0.2.1",
        "",
        sender="staff@hotmail.example",
        headers={"X-HmXmrOriginalRecipient": "bob@b.example"},
        parts=(original(),),
    ),
    "formless": mail(
        "Abuse report", "One of our users called this spam.", sender="abuse@b.example", parts=(original(),)
    ),
    "quoted": mail(
        "Spam complaint",
        f"A user complained. The header of the message:\n\nMessage-ID: {MINE}\nSubject: Offer\n",
        sender="fbl@b.example",
    ),
    "spamcop": mail(
        "[SpamCop (192.0.2.1) id:1] Offer",
        "Spam from 192.0.2.1",
        sender="1@reports.spamcop.example",
        parts=(original(),),
    ),
    "aol": mail(
        "Email Feedback Report for IP 192.0.2.1",
        "see",
        sender="scomp@aol.example",
        headers={"Content-Type": "multipart/report; report-type=feedback-report"},
        parts=(FEEDBACK,),
    ),
    "yahoo": mail("FBL report", "see", sender="feedback@arf.example", parts=(original(),)),
}

CHALLENGE = {
    "field": mail(body="Answer this, and I see your mail.", headers={"X-TMDA-Confirm": "1"}),
    "filter": mail(
        "Please confirm your message",
        "I receive a lot of spam. Click here so that your message is delivered: https://b.example/c",
        sender="Ann <ann@b.example>",
    ),
    "by-its-address": mail(
        "Your message to Ann",
        "Your message is held until you reply to this one.",
        sender="challenge@filter.example",
    ),
    "automatic": mail(
        body="Please prove that you are human: https://filter.example/1",
        headers=AUTO,
    ),
    "portuguese": mail(
        "Confirmação de envio",
        "Para que sua mensagem seja entregue, confirme o envio no AntiSpam UOL: https://b.example",
        sender="AntiSpam <antispam@filter.example>",
    ),
    "french": mail(
        "Vérification d'expéditeur",
        "Votre message est en attente. Cliquez ici pour qu'il soit remis : https://b.example",
        sender="filtre@b.example",
        headers=AUTO,
    ),
    "german": mail(
        "Bestätigung erforderlich",
        "Ihre Nachricht wird zurückgehalten. Bitte antworten Sie, damit sie zugestellt wird.",
        headers=AUTO,
    ),
    "guest-list": mail(
        "Waitlisted: Offer",
        "Your email was waitlisted. Ask to join the guest list of Ann.",
        sender="Boxbe <notify@boxbe.example>",
    ),
    "spamarrest": mail(
        "Re: Offer (verification required)",
        "Ann is protected by SpamArrest. Please click to have your message delivered.",
        sender="Ann <ann-verify@spamarrest.example>",
    ),
    "mailinblack": mail(
        "Livrez votre email à Ann",
        "Cliquez ici pour que votre message soit remis.",
        sender="ann@mailinblack.example",
    ),
    "asks": mail(
        "Please verify your email address",
        "Ann only accepts mail of approved senders. Click here so that your message is delivered.",
        headers=NULL,
    ),
    "spanish-2": mail(
        "Confirme su correo", "Haga clic aquí para que su mensaje sea entregado.", headers=AUTO
    ),
    "italian-2": mail(
        "Conferma il tuo messaggio", "Clicca qui perché il messaggio sia consegnato.", headers=AUTO
    ),
    "field-of-any-version": mail(
        "Re: Offer", "Add yourself to my list.", headers={"X-SpamArrest-Version": "3"}
    ),
    "mailer-is-a-filter": mail(
        "Your message waits",
        "Your address is not on the list of known senders. Confirm at http://b.example/v?1",
        headers={"X-Mailer": "SpamLion 2"},
    ),
    "sender-name-is-a-filter": mail(
        "RES: Oferta",
        "Para que sua mensagem seja entregue, clique aqui: http://b.example/c?1",
        sender="AntiSpam <as@b.example>",
    ),
}

UNSUBSCRIBE = {
    "subject": mail("unsubscribe"),
    "answer": mail("Re: Offer", "unsubscribe"),
    "subject-of-answer": mail("Re: unsubscribe", ""),
    "shouting": mail(body="UNSUBSCRIBE!!!"),
    "polite": mail(body="Please remove me from your mailing list. Thank you."),
    "take-me-off": mail(body="Take me off your list."),
    "stop": mail(body="Stop sending me these e-mails."),
    "no-more": mail(body="Please do not write to me any more."),
    "opt-out": mail("Opt-out", ""),
    "by-a-program": mail("unsubscribe", headers={"To": "leave+abc@sender.example"}),
    "above-history": mail(body="Unsubscribe\n\nOn 2 Mar 2026, Me <me@sender.example> wrote:\n> Would you?"),
    "german": mail("AW: Angebot", "Bitte nehmen Sie mich aus Ihrem Verteiler."),
    "german-subject": mail("Abmelden"),
    "german-none-more": mail("AW: Angebot", "Ich möchte keine weiteren E-Mails von Ihnen erhalten."),
    "french": mail(body="Merci de me désinscrire de votre liste."),
    "french-none-more": mail(body="Je ne souhaite plus recevoir vos messages."),
    "spanish": mail(body="Quiero darme de baja de la lista."),
    "spanish-none-more": mail(body="No deseo recibir más correos."),
    "portuguese": mail("RES: Proposta", "Por favor, remova meu e-mail da sua lista."),
    "portuguese-none-more": mail("RES: Proposta", "Não quero mais receber e-mails de vocês."),
    "italian": mail(body="Cancellatemi dalla vostra lista, grazie."),
    "dutch": mail("Antw: Offerte", "Graag uitschrijven."),
    "polish": mail("Odp: Oferta", "Proszę wypisać mnie z listy."),
    "russian": mail("Re: Предложение", "Отпишите меня, пожалуйста."),
    "japanese": mail("Re: お知らせ", "配信を停止してください。"),
    "chinese": mail("回复: 优惠", "请退订。"),
    "hindi": mail("Re: प्रस्ताव", "कृपया मुझे सूची से हटा दें।"),
    "korean": mail("Re: 견적", "수신거부 부탁드립니다."),
    "html": mail(parts=(html("<p>Please <b>unsubscribe</b> me.</p>"),)),
    "remove-alone": mail("Re: Offer", "Remove"),
    "remove-me": mail("Re: Offer", "remove me"),
    "stop-alone": mail("Re: Offer", "STOP"),
    "delete": mail("Re: Offer", "Delete my email address from your database."),
    "opt-out-in-words": mail("Re: Offer", "I want to opt out."),
    "not-interested-and": mail("Re: Offer", "Not interested, please unsubscribe."),
    "stop-emailing": mail("Re: Offer", "Please stop emailing me"),
    "german-again-2": mail("AW: Angebot", "Abmelden"),
    "french-again-1": mail("Re: Offre", "Désinscription"),
    "french-again-2": mail("Re: Offre", "Désabonnez-moi SVP"),
    "french-again-3": mail("Désinscription"),
    "spanish-again-1": mail("Re: Oferta", "Baja"),
    "spanish-again-3": mail("Re: Oferta", "Por favor, eliminen mi correo de su base de datos"),
    "portuguese-again-1": mail("RES: Proposta", "Me tira dessa lista"),
    "portuguese-again-2": mail("Descadastrar"),
    "italian-again-1": mail("Disiscrizione"),
    "italian-again-2": mail("Re: Offerta", "Non desidero più ricevere le vostre email"),
    "dutch-again-1": mail("Uitschrijven"),
    "dutch-again-2": mail("Antw: Offerte", "Meld mij af voor deze nieuwsbrief"),
    "polish-again-1": mail("Wypisz mnie"),
    "russian-again-1": mail("Отписаться"),
    "chinese-again-1": mail("退订"),
    "chinese-3": mail("回复: 优惠", "不要再发了"),
    "korean-again-1": mail("구독 취소"),
    "swedish-again-1": mail("SV: Offert", "Avregistrera mig tack"),
    "hindi-again-1": mail("Re: प्रस्ताव", "सदस्यता समाप्त करें"),
    "above-a-signature": mail(
        "Re: Offer", "unsubscribe\n\n--\nAnn Lee\nExample Ltd, Main Street 1\n+44 20 7946 0000"
    ),
    "sent-from-a-telephone": mail("Re: Offer", "Unsubscribe\n\nSent from my iPhone"),
    "please-in-german-subject": mail("Abmeldung bitte", "bitte vom verteiler streichen, danke"),
    "objection-under-the-gdpr": mail(
        "Widerspruch gegen Werbung",
        "Sehr geehrte Damen und Herren,\n\nich widerspreche der Nutzung meiner Daten zu Werbezwecken.",
    ),
}

CASES = {
    ReplyKind.HUMAN: HUMAN,
    ReplyKind.AUTOMATIC: AUTOMATIC,
    ReplyKind.BOUNCE: BOUNCE,
    ReplyKind.DELAY: DELAY,
    ReplyKind.COMPLAINT: COMPLAINT,
    ReplyKind.CHALLENGE: CHALLENGE,
    ReplyKind.UNSUBSCRIBE: UNSUBSCRIBE,
}


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        pytest.param(octets, kind, id=f"{kind}-{name}")
        for kind, messages in CASES.items()
        for name, octets in messages.items()
    ],
)
def test_message_is_of_its_kind(octets, kind):
    found = verdict(octets)

    assert (found.kind, found.reason) == (kind, found.reason)
    assert found.reason


def test_reason_names_the_field_that_decided():
    assert verdict(AUTOMATIC["vacation-sieve"]).reason == "Auto-Submitted: auto-replied"


def test_reason_names_the_words_that_decided():
    assert verdict(UNSUBSCRIBE["take-me-off"]).reason.startswith("Text: take me off")


def test_bounce_tells_of_whom_and_of_which_message():
    found = verdict(BOUNCE["standard"])

    assert [(each.recipient, each.status, each.code) for each in found.failed] == [
        ("bob@b.example", "5.1.1", "recipient-refused")
    ]
    assert found.originals == (MINE,)


def test_delay_tells_of_whom():
    found = verdict(DELAY["standard"])

    assert [(each.recipient, each.is_permanent) for each in found.failed] == [("bob@b.example", False)]


@pytest.mark.parametrize("name", ["standard", "part-alone", "formless", "quoted"])
def test_complaint_tells_of_which_message(name):
    assert verdict(COMPLAINT[name]).originals == (MINE,)


def test_report_does_not_name_itself_as_the_original():
    found = verdict(
        mail("Undelivered", "Message-ID: <in@b.example>", sender=DAEMON, headers=REPORT, parts=(status(),))
    )

    assert found.originals == ()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "vacation-sieve",
            "exchange",
            "exchange-de",
            "exchange-fr",
            "exchange-es",
            "exchange-pt",
            "exchange-it",
        ),
        *("exchange-nl", "exchange-ru", "exchange-hi", "out-of-office-subject", "fuera-de-oficina"),
    ],
)
def test_day_of_return_is_told(name):
    assert verdict(AUTOMATIC[name]).returns == date(2026, 3, 9)


def test_day_of_return_is_read_out_of_the_subject_too():
    assert verdict(mail("Out of office: back on 9 March", "See you.", headers=AUTO)).returns == date(
        2026, 3, 9
    )


def test_robot_that_is_not_away_does_not_return():
    found = verdict(
        mail("Invoice 88", "To be paid until 9 March.", headers={"Auto-Submitted": "auto-generated"})
    )

    assert (found.kind, found.returns) == (ReplyKind.AUTOMATIC, None)


def test_person_does_not_return():
    found = verdict(mail(body="I am on vacation until 9 March, then yes."))

    assert (found.kind, found.returns) == (ReplyKind.HUMAN, None)


def test_own_address_is_not_taken_for_the_one_that_failed():
    octets = mail(
        "Mail failure", f"Sent by {OURS}.\nbob@b.example: 550 5.1.1 unknown", sender="postmaster@b.example"
    )

    found = verdict(octets, own=frozenset({OURS}))

    assert [each.recipient for each in found.failed] == ["bob@b.example"]


# -- whatever comes --------------------------------------------------------------------------------------

NAMES = (
    *("From", "To", "Subject", "Return-Path", "Auto-Submitted", "Precedence", "In-Reply-To", "References"),
    *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "X-Failed-Recipients", "List-Id"),
    *("X-Autoreply", "X-Auto-Response-Suppress", "X-TMDA-Confirm", "List-Unsubscribe", "Date", "Message-ID"),
    *("X-Original-Message-ID", "X-Zendesk-Email-Id", "X-HmXmrOriginalRecipient", "Action", "Status"),
)
VALUES = (
    *(
        "",
        "<>",
        "a@b.example",
        DAEMON,
        "no-reply@b.example",
        "no",
        "auto-replied",
        "bulk",
        "all",
        "list",
        MINE,
    ),
    *("Undeliverable: x", "unsubscribe", "Re: x", "=?utf-7?q?+2AA-?=", "=?x?b?!?=", "\udcff", "\0", "failed"),
    *(
        "multipart/report; report-type=delivery-status; boundary=x",
        "multipart/mixed; boundary=x",
        "text/html",
    ),
    *("message/delivery-status", "message/rfc822", "message/feedback-report", "text/calendar; method=reply"),
    *("base64", "quoted-printable", "attachment", "text/plain; charset=idna", "Out of office until 9 March"),
)
LINES = st.one_of(
    st.builds("{}: {}".format, st.sampled_from(NAMES), st.sampled_from(VALUES)),
    st.sampled_from(
        ["", "", "--x", "--x--", " folded", "> quoted", "550 5.1.1 no such user", "bob@b.example"]
    ),
    st.text(max_size=30),
)


def is_sound(found):
    """Say whether a verdict holds together and can be written down."""
    for each in (
        found.reason,
        *found.originals,
        *(f"{who.recipient}{who.diagnostic}" for who in found.failed),
    ):
        each.encode()
    return bool(found.reason) and (found.returns is None or found.kind is ReplyKind.AUTOMATIC)


@given(st.binary(max_size=400))
def test_any_octets_have_a_verdict(octets):
    assert is_sound(verdict(octets))


@settings(max_examples=200)
@given(st.lists(LINES, max_size=25), st.booleans())
def test_any_lines_have_a_verdict(lines, is_bare):
    octets = ("\n" if is_bare else "\r\n").join(lines).encode("utf-8", "surrogatepass")

    assert is_sound(verdict(octets))


@given(st.sampled_from(sorted(CASES)), st.data())
def test_message_that_is_cut_off_still_has_a_verdict(kind, data):
    octets = data.draw(st.sampled_from(sorted(CASES[kind].values())))

    found = verdict(octets[: data.draw(st.integers(0, len(octets)))])

    assert is_sound(found)


@given(
    st.text(max_size=300), st.sampled_from(["Re: Offer", "Undeliverable", "unsubscribe", "Out of office: x"])
)
def test_any_text_has_a_verdict(text, subject):
    body = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")

    assert is_sound(verdict(mail(subject, body)))


LONG = 256 * 1024
NESTED = "".join(f"Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n" for at in range(5000))
REPORTED = "\n\n".join(
    f"Final-Recipient: rfc822; r{at}@b.example\nAction: failed\nStatus: 5.1.1" for at in range(10_000)
)

HOSTILE = {
    "nested-multiparts": NESTED.encode() + b"\r\n\r\nhello",
    "nested-messages": b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"hello",
    "many-header-lines": b"X-A: b\r\n" * 100_000 + mail(),
    "many-received-lines": b"Received: from a by b\r\n" * 100_000 + mail("Undeliverable", sender=DAEMON),
    "ten-thousand-recipients": mail(
        "Undeliverable",
        sender=DAEMON,
        headers=REPORT,
        parts=(f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; m\n\n{REPORTED}\n",),
    ),
    "many-addresses": mail(
        "Undeliverable", "could not be delivered\n" + "r@b.example " * 20_000, sender=DAEMON
    ),
    "many-failed-lines": mail(
        "failure notice", "<r@b.example>:\n550 no\n" * 10_000, sender=DAEMON, headers=NULL
    ),
    "long-line": mail(body="a" * LONG),
    "long-line-of-a-daemon": mail("Undeliverable", "a" * LONG, sender=DAEMON, headers=NULL),
    "long-line-of-at-signs": mail("Undeliverable", "a@" * (LONG // 2), sender=DAEMON, headers=NULL),
    "long-line-of-dots": mail("Undeliverable", "a@" + "b." * (LONG // 2), sender=DAEMON, headers=NULL),
    "long-line-of-blanks": mail("Undeliverable", " " * LONG + "x", sender=DAEMON, headers=NULL),
    "long-line-of-numbers": mail("Out of office: x", "1." * (LONG // 2), headers=AUTO),
    "long-line-of-months": mail("Out of office: x", "until 9 march " * (LONG // 14), headers=AUTO),
    "long-line-of-challenges": mail("Please confirm", "click reply held " * (LONG // 17), headers=AUTO),
    "long-line-of-quotes": mail(body=">" * LONG),
    "many-lines": mail(body="a\n" * (LONG // 2)),
    "many-quoted-lines": mail(body="> a\n" * (LONG // 4)),
    "many-identifiers": mail("Undeliverable", f"Message-ID: {MINE}\n" * 8_000, sender=DAEMON),
    "many-references": mail(headers={"References": " ".join(f"<{at}@b>" for at in range(20_000))}),
    "long-subject": mail("Re: " * 50_000),
    "long-subject-of-tags": mail("[" * 50_000),
    "long-address": mail(sender="a" * 100_000 + "@b.example"),
    "tags": mail(parts=(html("<div>" * 50_000),)),
    "open-tag": mail(parts=(html("<a " + "b=" * 100_000),)),
    "base64-garbage": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A\xff" * 80_000,
    "unknown-charset": b"Content-Type: text/plain; charset=x-nobody\r\nSubject: =?x?q?=E9?=\r\n\r\ncaf\xe9",
    "wrong-charset": b"Content-Type: text/plain; charset=utf-16\r\n\r\n" + b"\xd8\x00" * 50_000,
    "nul": mail("a\0b", "\0" * 100_000),
    "nul-alone": b"\0" * 100_000,
    "lone-surrogates": "Subject: \ud800\r\n\r\n\udfff".encode("utf-8", "surrogatepass"),
    "invisible": mail(body="\u200b" * 80_000),
    "marks": mail(body="a" + "\u0301" * 80_000),
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_hostile_message_has_a_verdict(octets):
    assert is_sound(verdict(octets))


def test_report_of_ten_thousand_recipients_is_cut():
    found = verdict(HOSTILE["ten-thousand-recipients"])

    assert found.kind is ReplyKind.BOUNCE
    assert len(found.failed) == 100
