"""A reply's own text is told apart from history and signature in every program's way of writing."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.replies.history_words import PRODUCTS
from fluenzr_smtp.replies.own_text import own_text, preview

OWN = "Thank you, that suits me.\n\nBest regards,\nJohn"
WHO = "Jane Doe <jane@example.com>"

ATTRIBUTIONS = {
    "gmail-en": f"On Mon, 3 Mar 2025 at 10:00, {WHO} wrote:",
    "gmail-en-wrapped": "On Mon, Mar 3, 2025 at 10:00 AM Jane Elizabeth Doe"
    " <\njane.doe@mail.example.com> wrote:",
    "gmail-en-wrapped-address": "On Mon, 3 Mar 2025 at 10:00, Jane Doe\n<jane@example.com> wrote:",
    "gmail-en-wrapped-four": "On Monday,\n3 March 2025 at 10:00,\nJane Doe <jane@example.com>\nwrote:",
    "apple-en": f"On 3 Mar 2025, at 10:00\u202fAM, {WHO} wrote:",
    "thunderbird-en": "On 3/3/25 10:00, Jane Doe wrote:",
    "proton-en": f"On Monday, March 3rd, 2025 at 10:00 AM, {WHO} wrote:",
    "gmail-de": f"Am Mo., 3. März 2025 um 10:00 Uhr schrieb {WHO}:",
    "gmail-de-wrapped": "Am Mo., 3. März 2025 um 10:00 Uhr schrieb Jane Doe <\njane@example.com>:",
    "thunderbird-de": "Am 03.03.25 um 10:00 schrieb Jane Doe:",
    "apple-de-decomposed": f"Am 03.03.2025 um 10:00 schrieb Ja\u0308ne {WHO}:",
    "outlook-mac-de": 'Am 03.03.25, 10:00 schrieb "Jane Doe" <jane@example.com>:',
    "gmail-fr": f"Le lun. 3 mars 2025 à 10:00, {WHO} a écrit :",
    "thunderbird-fr": "Le 03/03/2025 à 10:00, Jane Doe a écrit\xa0:",
    "gmail-es": "El lun, 3 mar 2025 a las 10:00, Jane Doe (<jane@example.com>) escribió:",
    "thunderbird-es": "El 3/3/25 a las 10:00, Jane Doe escribió:",
    "gmail-pt-br": f"Em seg., 3 de mar. de 2025 às 10:00, {WHO} escreveu:",
    "gmail-pt-pt": "Jane Doe <jane@example.com> escreveu (segunda, 3/03/2025 à(s) 10:00):",
    "apple-pt-pt": f"No dia 03/03/2025, às 10:00, {WHO} escreveu:",
    "gmail-it": f"Il giorno lun 3 mar 2025 alle ore 10:00 {WHO} ha scritto:",
    "thunderbird-it": "Il 03/03/25 10:00, Jane Doe ha scritto:",
    "gmail-nl": f"Op ma 3 mrt 2025 om 10:00 schreef {WHO}:",
    "apple-nl": f"Op 3 mrt 2025, om 10:00 heeft {WHO} het volgende geschreven:",
    "gmail-sv": f"Den mån 3 mars 2025 kl 10:00 skrev {WHO}:",
    "apple-sv": f"3 mars 2025 kl. 10:00 skrev {WHO}:",
    "gmail-da": f"Den man. 3. mar. 2025 kl. 10.00 skrev {WHO}:",
    "gmail-no": f"man. 3. mars 2025 kl. 10:00 skrev {WHO}:",
    "gmail-fi": "ma 3. maalisk. 2025 klo 10.00 Jane Doe (jane@example.com) kirjoitti:",
    "apple-fi": f"{WHO} kirjoitti 3.3.2025 kello 10.00:",
    "gmail-pl": f"pon., 3 mar 2025 o 10:00 {WHO} napisał(a):",
    "thunderbird-pl": "W dniu 3.03.2025 o 10:00, Jane Doe pisze:",
    "apple-pl": f"Wiadomość napisana przez {WHO} w dniu 3 mar 2025, o godz.\n10:00:",
    "gmail-cs": f"po 3. 3. 2025 v 10:00 odesílatel {WHO} napsal:",
    "thunderbird-cs": "Dne 03. 03. 25 v 10:00 Jane Doe napsal(a):",
    "gmail-hu": f"{WHO} ezt írta (időpont: 2025. márc. 3., H, 10:00):",
    "thunderbird-hu": "2025. 03. 03. 10:00 keltezéssel, Jane Doe írta:",
    "gmail-ro": f"lun., 3 mar. 2025 la 10:00, {WHO} a scris:",
    "apple-ro": f"Pe 3 mar. 2025, la 10:00, {WHO} a scris:",
    "gmail-tr": f"{WHO}, 3 Mar 2025 Pzt, 10:00 tarihinde şunu yazdı:",
    "apple-tr": f"{WHO} şunları yazdı (3 Mar 2025 10:00):",
    "gmail-ru": f"пн, 3 мар. 2025 г. в 10:00, {WHO}:",
    "apple-ru": f"3 марта 2025 г., в 10:00, {WHO} написал(а):",
    "thunderbird-ru": "03.03.2025 10:00, Jane Doe пишет:",
    "gmail-uk": f"пн, 3 бер. 2025 р. о 10:00 {WHO} пише:",
    "apple-uk": f"3 бер. 2025 р. о 10:00 {WHO} написав(-ла):",
    "gmail-ja": f"2025年3月3日(月) 10:00 {WHO}:",
    "apple-ja": f"2025/03/03 10:00、{WHO}のメール:",
    "gmail-zh-cn": f"{WHO} 于2025年3月3日周一 10:00写道：",
    "apple-zh-cn": f"在 2025年3月3日，上午10:00，{WHO} 写道：",
    "gmail-zh-tw": f"{WHO} 於 2025年3月3日 週一 上午10:00寫道：",
    "gmail-ko": f"2025년 3월 3일 (월) 오전 10:00, {WHO}님이 작성:",
    "apple-ko": f"2025. 3. 3. 오전 10:00, {WHO} 작성:",
    "gmail-hi": f"सोम, 3 मार्च 2025 को 10:00 am बजे को {WHO} ने लिखा:",
    "zoho": f"---- On Mon, 03 Mar 2025 10:00:00 +0100 {WHO} wrote ----",
    "zoho-bare-address": "---- On Mon, 03 Mar 2025 10:00:00 +0100 jane@example.com wrote ----",
    "old-yahoo": f"--- On Mon, 3/3/25, {WHO} wrote:",
    "yahoo": f"On Monday, 3 March 2025 at 10:00:00 CET, {WHO} wrote:",
    "notes": "-----Jane Doe <jane@example.com> wrote: -----",
    "notes-bare-address": "-----jane@example.com schrieb: -----",
    "roundcube": "On 2025-03-03 10:00, Jane Doe wrote:",
    "roundcube-de": "Am 03.03.2025 10:00, schrieb Jane Doe:",
    "horde": f"Quoting {WHO}:",
    "horde-de": f"Zitat von {WHO}:",
    "pine-address": f"{WHO} wrote:",
}

HEADERS = {
    "outlook-en": "From: Jane Doe\nSent: Monday, March 3, 2025 10:00 AM\nTo: John\nSubject: Offer",
    "outlook-en-rule": "_" * 32 + f"\nFrom: {WHO}\nSent: Monday, March 3, 2025\nTo: John\nSubject: Offer",
    "outlook-en-bold": f"*From:* {WHO}\n*Sent:* Monday\n*To:* John\n*Subject:* Offer",
    "outlook-en-bold-colon-outside": f"**From**: {WHO}\n**Sent**: Monday\n**To**: John\n**Subject**: Offer",
    "outlook-en-many-recipients": f"From: {WHO}\nSent: Monday\nTo: a@example.com;\n"
    " b@example.com\nSubject: x",
    "outlook-en-wrapped-sender": "From: Staff \n<hr@example.com> \nSent: Monday\nTo: John\nSubject: x",
    "outlook-en-original": f"-----Original Message-----\nFrom: {WHO}\nSent: Monday\nTo: John\nSubject: Offer",
    "outlook-de": "Von: Jane Doe\nGesendet: Montag, 3. März 2025 10:00\nAn: John\nBetreff: Angebot",
    "outlook-fr": "De : Jane Doe\nEnvoyé : lundi 3 mars 2025 10:00\nÀ : John\nObjet : Offre",
    "outlook-es": "De: Jane Doe\nEnviado: lunes, 3 de marzo de 2025\nPara: John\nAsunto: Oferta",
    "outlook-pt-br": "De: Jane Doe\nEnviada em: segunda-feira, 3 de março\nPara: John\nAssunto: Oferta",
    "outlook-it": "Da: Jane Doe\nInviato: lunedì 3 marzo 2025 10:00\nA: John\nOggetto: Offerta",
    "outlook-nl": "Van: Jane Doe\nVerzonden: maandag 3 maart 2025\nAan: John\nOnderwerp: Aanbod",
    "outlook-sv": "Från: Jane Doe\nSkickat: den 3 mars 2025 10:00\nTill: John\nÄmne: Anbud",
    "outlook-da": "Fra: Jane Doe\nSendt: 3. marts 2025 10:00\nTil: John\nEmne: Tilbud",
    "outlook-fi": "Lähettäjä: Jane Doe\nLähetetty: maanantai 3. maaliskuuta\nVastaanottaja:"
    " John\nAihe: Tarjous",
    "outlook-pl": "Od: Jane Doe\nWysłano: poniedziałek, 3 marca 2025\nDo: John\nTemat: Oferta",
    "outlook-cs": "Od: Jane Doe\nOdesláno: pondělí 3. března 2025\nKomu: John\nPředmět: Nabídka",
    "outlook-hu": "Feladó: Jane Doe\nElküldve: 2025. március 3.\nCímzett: John\nTárgy: Ajánlat",
    "outlook-ro": "De la: Jane Doe\nTrimis: luni, 3 martie 2025\nCătre: John\nSubiect: Ofertă",
    "outlook-tr": "Kimden: Jane Doe\nGönderildi: 3 Mart 2025 Pazartesi\nKime: John\nKonu: Teklif",
    "outlook-ru": "От: Jane Doe\nОтправлено: 3 марта 2025 г.\nКому: John\nТема: Offer",
    "outlook-uk": "Від: Jane Doe\nНадіслано: 3 березня 2025 р.\nКому: John\nТема: Offer",
    "outlook-ja": "差出人: Jane Doe\n送信日時: 2025年3月3日 10:00\n宛先: John\n件名: Offer",
    "outlook-zh-cn": "发件人： Jane Doe\n发送时间： 2025年3月3日\n收件人： John\n主题： Offer",
    "outlook-zh-tw": "寄件者: Jane Doe\n寄件日期: 2025年3月3日\n收件者: John\n主旨: Offer",
    "outlook-ko": "보낸 사람: Jane Doe\n보낸 날짜: 2025년 3월 3일\n받는 사람: John\n제목: Offer",
    "outlook-hi": "प्रेषक: Jane Doe\nभेजा गया: 3 मार्च 2025\nप्रति: John\nविषय: Offer",
    "outlook-mobile": f"________________________________\n\nFrom: {WHO}\nDate: Monday\nTo: John\nSubject: Re",
    "samsung": f"-------- Original message --------\nFrom: {WHO}\nDate: 3/3/25 10:00 (GMT+01:00)\nTo: John",
    "samsung-de": f"-------- Ursprüngliche Nachricht --------\nVon: {WHO}\nDatum: 03.03.25\nAn: John",
    "samsung-fr": f"-------- Message d'origine --------\nDe : {WHO}\nDate : 03/03/2025\nÀ : John",
    "thunderbird-original": f"-------- Original Message --------\nSubject: Offer\nDate: Monday\nFrom: {WHO}",
    "free-zimbra": f"----- Mail original -----\nDe: {WHO}\nÀ: John\nEnvoyé: Lundi 3 Mars 2025\nObjet: Offre",
    "gmx": f"Gesendet: Montag, 03. März 2025 um 10:00 Uhr\nVon: {WHO}\nAn: John\nBetreff: Angebot",
    "notes": "Von:    Jane Doe/Firma/DE\nAn:     John\nDatum:  03.03.2025 10:00\nBetreff:        Angebot",
    "gmail-forward": f"---------- Forwarded message ---------\nFrom: {WHO}\nDate: Mon\nSubject:"
    " Offer\nTo: John",
    "apple-forward": f"Begin forwarded message:\n\nFrom: {WHO}\nSubject: Offer\nDate: Monday\nTo: John",
    "thunderbird-forward-de": f"-------- Weitergeleitete Nachricht --------\nBetreff: Angebot\nVon: {WHO}",
    "original-without-header": "----- Ursprüngliche Nachricht -----",
    "original-then-attribution": f"------- Original Message -------\nOn Monday, March 3rd, 2025,"
    f" {WHO} wrote:",
}

TAGLINES = {
    "iphone-en": "Sent from my iPhone",
    "yahoo-en": "Sent from Yahoo Mail on Android",
    "windows-en": "Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows 10",
    "proton": "Sent with Proton Mail secure email.",
    "proton-linked": "Sent with [Proton Mail](https://proton.me/) secure email.",
    "outlook-en": "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "iphone-de": "Von meinem iPhone gesendet",
    "samsung-de": "Von meinem Samsung Galaxy Smartphone gesendet.",
    "gmx-de": "Diese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.",
    "outlook-de": "Holen Sie sich Outlook für Android",
    "iphone-fr": "Envoyé de mon iPhone",
    "outlook-fr": "Télécharger Outlook pour iOS",
    "iphone-es": "Enviado desde mi iPhone",
    "outlook-es": "Obtener Outlook para iOS",
    "iphone-pt": "Enviado do meu iPhone",
    "outlook-pt": "Obter o Outlook para iOS",
    "iphone-it": "Inviato da iPhone",
    "outlook-it": "Scarica Outlook per Android",
    "iphone-nl": "Verstuurd vanaf mijn iPhone",
    "iphone-sv": "Skickat från min iPhone",
    "iphone-da": "Sendt fra min iPhone",
    "iphone-fi": "Lähetetty iPhonesta",
    "iphone-pl": "Wysłane z iPhone'a",
    "iphone-cs": "Odesláno z iPhonu",
    "iphone-hu": "iPhone-omról küldve",
    "iphone-ro": "Trimis de pe iPhone-ul meu",
    "iphone-tr": "iPhone'umdan gönderildi",
    "iphone-ru": "Отправлено с iPhone",
    "iphone-uk": "Надіслано з iPhone",
    "iphone-ja": "iPhoneから送信",
    "outlook-ja": "Outlook for iOS を入手",
    "iphone-zh-cn": "发自我的 iPhone",
    "iphone-zh-tw": "從我的 iPhone 傳送",
    "iphone-ko": "나의 iPhone에서 보냄",
    "iphone-hi": "मेरे iPhone से भेजा गया",
}

KEPT = {
    "on-in-prose": "On Monday I wrote: hello\nand nobody answered.",
    "pronoun-introduces": "On 3 March 2025 at 10:00 I wrote:\nPlease come.\nNobody came.",
    "year-alone": "In 2019 the committee wrote:\nNo more of this.\nWe followed.",
    "named-without-date": "As my colleague Jane wrote:\nthe offer stands.",
    "asked-somebody": "I asked Jane <jane@example.com> and she wrote:\nthe offer stands.",
    "from-and-subject-in-prose": "From: is the sender.\nSubject: is the topic.\nBoth are needed.",
    "two-header-lines": "From: jane@example.com\nTo: john@example.com\nPut that into the form.",
    "itinerary": "From: Berlin\nTo: Paris\nDate: Monday\nCould you book that?",
    "divider": "Part one\n--\n" + "\n".join(f"line {number}" for number in range(30)),
    "dashes-at-the-top": "--\nHello",
    "sent-from-a-place": "Sent from my garden, where it rains.\n\nJohn",
    "tagline-in-a-paragraph": "The phone was\nSent from my iPhone\nand came back.",
    "closing": "Best regards,\nJane",
    "arrow": "a -> b\nc => d",
    "list": "- one\n- two\n-- three",
    "colon": "My questions:\n1. When?\n2. Where?",
    "rule": "Above\n________________\nBelow",
    "forward-words": "Begin forwarded message:\nthat line stands in my mails.",
    "verb-and-time": "At 10:00 Jane wrote:\nthe offer stands.",
}


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_attribution_above_quoted_lines_is_left_out(line):
    assert own_text(f"{OWN}\n\n{line}\n\n> Does Monday suit you?\n> Jane\n") == OWN


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_full_attribution_ends_own_text_where_nothing_is_marked_as_quoted(line):
    assert own_text(f"{OWN}\n\n{line}\n\nDoes Monday suit you?\nJane\n") == OWN


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_answer_below_the_quotation_is_kept(line):
    assert own_text(f"{line}\n> Does Monday suit you?\n\n{OWN}\n") == OWN


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_header_of_the_quoted_message_ends_own_text(header):
    assert own_text(f"{OWN}\n\n{header}\n\nDoes Monday suit you?\n") == OWN


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_header_above_quoted_lines_is_left_out_alone(header):
    assert own_text(f"{header}\n\n> Does Monday suit you?\n\n{OWN}") == OWN


@pytest.mark.parametrize("line", TAGLINES.values(), ids=TAGLINES)
def test_line_of_a_program_is_left_out(line):
    assert own_text(f"{OWN}\n\n{line}\n\nOn Mon, 3 Mar 2025 at 10:00, {WHO} wrote:\n> Well?\n") == OWN


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_prose_is_kept(text):
    assert own_text(text) == text


def test_answers_between_quoted_lines_are_kept_apart():
    text = f"{WHO} wrote:\n> Monday?\nYes.\n> And where?\n\nAt home.\n> Jane"

    assert own_text(text) == "Yes.\n\nAt home."


def test_from_that_a_mailbox_escaped_is_no_quotation():
    assert own_text("Thank you.\n>From here on it is easy.\n") == "Thank you.\nFrom here on it is easy."


def test_text_of_quoted_lines_only_is_empty():
    assert own_text(f"On 3/3/25, {WHO} wrote:\n> one\n>> two\n >three\n") == ""


def test_forwarded_message_without_a_word_is_empty():
    assert own_text(f"---------- Forwarded message ---------\nFrom: {WHO}\nDate: Mon\n\nHello") == ""


def test_forwarded_message_that_is_quoted_is_left_out():
    text = f"{OWN}\n\nAnfang der weitergeleiteten Nachricht:\n\n> Von: Jane\n> Betreff: Angebot\n"

    assert own_text(text) == OWN


def test_unmarked_text_below_an_attribution_at_the_top_is_kept():
    assert own_text(f"On Mon, 3 Mar 2025, {WHO} wrote:\n\nIt suits me.") == "It suits me."


@pytest.mark.parametrize("delimiter", ["-- ", "--", "--\xa0"], ids=["rfc", "bare", "no-break"])
def test_signature_is_left_out(delimiter):
    assert own_text(f"{OWN}\n{delimiter}\nJohn Smith\nExample Ltd\n+44 20 7946 0000\n") == OWN


def test_signature_above_the_quotation_does_not_hide_the_answer_below():
    text = f"-- \nJohn\n\nOn 3/3/25, {WHO} wrote:\n> Monday?\n\nYes."

    assert own_text(text) == "Yes."


def test_ends_of_lines_are_of_any_kind():
    assert own_text("one\r\ntwo\r\r\nthree\rfour\r\n> five") == "one\ntwo\nthree\nfour"


def test_blank_lines_of_the_author_stay():
    assert own_text("one\n\n\n\ntwo  \n three") == "one\n\n\n\ntwo  \n three"


def test_line_above_an_attribution_without_blank_line_is_kept():
    assert own_text(f"Yes\nOn Mon, 3 Mar 2025 at 10:00, {WHO} wrote:\n> Well?") == "Yes"


@given(st.text())
def test_never_raises(text):
    own_text(text)
    preview(text)


PIECES = st.sampled_from(
    [
        *ATTRIBUTIONS.values(),
        *HEADERS.values(),
        *TAGLINES.values(),
        "> q",
        "--",
        "-- ",
        "",
        "x",
        "\r",
        "a:",
        "\ud800",
        "\0",
    ]
)


@given(st.lists(PIECES, max_size=12))
def test_every_line_kept_stood_in_the_text(pieces):
    text = "\n".join(pieces)

    lines = {line.strip() for line in text.replace("\r", "\n").split("\n")} | {""}

    assert {line.strip() for line in own_text(text).split("\n")} <= lines


LETTERS = f"{string.ascii_letters}{string.digits} \n.,!?:;()'\"äéßñçøжщ中文日本語हिन्दी한국"
HUMAN = st.text(alphabet=LETTERS, max_size=300).filter(
    lambda text: not any(product in text.lower() for product in PRODUCTS)
)


@given(HUMAN, st.sampled_from(sorted(ATTRIBUTIONS.values())), st.lists(HUMAN, min_size=1, max_size=3))
def test_human_text_comes_back_whole(human, attribution, quoted):
    history = "\n".join(f"> {line}" for text in quoted for line in text.split("\n"))

    assert own_text(f"{human}\n\n{attribution}\n{history}") == human.strip()


@given(HUMAN, st.sampled_from(sorted(HEADERS.values())), HUMAN)
def test_human_text_above_a_header_comes_back_whole(human, header, quoted):
    text = own_text(f"{human}\n\n{header}\n\nx{quoted}")

    assert text == human.strip()


@given(st.text(), st.integers(0, 50))
def test_preview_is_one_printable_line_of_its_length(text, length):
    line = preview(text, length)

    assert len(line) <= length
    assert len(line.splitlines()) <= 1
    line.encode()


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("one\n\n two\tthree", 140, "one two three"),
        ("one two three", 9, "one two…"),
        ("one two three", 13, "one two three"),
        ("a" * 20, 5, "aaaa…"),
        ("a\x00b\x1b[31m\u202ec\u2066", 140, "ab[31mc"),
        ("\ud800x\u200b\ufeff", 140, "x"),
        ("早上好，" * 5, 6, "早上好，早…"),
        ("yes\n\n> no", 140, "yes"),
        ("one two", 0, ""),
        ("", 10, ""),
    ],
    ids=[
        "white-space",
        "word",
        "fits",
        "long-word",
        "controls",
        "surrogate",
        "no-spaces",
        "quoted",
        "none",
        "empty",
    ],
)
def test_preview(text, length, shown):
    assert preview(text, length) == shown
