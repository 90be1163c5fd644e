"""When somebody who is away says to be back: the date that stands near such words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from fluenzr_smtp.replies.phrases import plain

_LOOKED_AT = 4000
_FAR = timedelta(days=400)
_MONTHS = (
    (
        "jan",
        "january",
        "januar",
        "janvier",
        "enero",
        "janeiro",
        "gennaio",
        "januari",
        "ene",
        "gen",
        "जनवरी",
        "января",
    ),
    (
        "feb",
        "february",
        "februar",
        "fevrier",
        "febrero",
        "fevereiro",
        "febbraio",
        "februari",
        "fev",
        "fevr",
        "फरवरी",
        "февраля",
    ),
    ("mar", "march", "marz", "maerz", "mars", "marzo", "marco", "maart", "mrz", "मार्च", "марта"),
    ("apr", "april", "avril", "abril", "aprile", "avr", "abr", "अप्रैल", "апреля"),
    ("may", "mai", "mayo", "maio", "maggio", "mei", "mag", "मई", "мая"),
    ("jun", "june", "juni", "juin", "junio", "junho", "giugno", "giu", "जून", "июня"),
    ("jul", "july", "juli", "juillet", "julio", "julho", "luglio", "lug", "juil", "जुलाई", "июля"),
    ("aug", "august", "aout", "agosto", "augustus", "ago", "अगस्त", "августа"),
    (
        "sep",
        "sept",
        "september",
        "septembre",
        "septiembre",
        "setembro",
        "settembre",
        "set",
        "सितंबर",
        "सितम्बर",
        "сентября",
    ),
    (
        "oct",
        "october",
        "oktober",
        "octobre",
        "octubre",
        "outubro",
        "ottobre",
        "okt",
        "out",
        "ott",
        "अक्टूबर",
        "октября",
    ),
    ("nov", "november", "novembre", "noviembre", "novembro", "नवंबर", "नवम्बर", "ноября"),
    (
        "dec",
        "december",
        "dezember",
        "decembre",
        "diciembre",
        "dezembro",
        "dicembre",
        "dez",
        "dic",
        "दिसंबर",
        "दिसम्बर",
        "декабря",
    ),
)
_NUMBER_OF = {plain(name): number for number, names in enumerate(_MONTHS, 1) for name in names}
# Further languages, month by month: Danish, Swedish, Polish, Turkish.
_NUMBER_OF |= {
    name: number
    for number, names in enumerate(
        (
            *("stycznia ocak", "lutego subat", "marts marca mart", "kwietnia nisan", "maj maja mayis"),
            *("czerwca haziran", "lipca temmuz", "augusti sierpnia agustos", "wrzesnia eylul"),
            *("pazdziernika ekim", "listopada kasim", "grudnia aralik"),
        ),
        1,
    )
    for name in names.split()
}
_NAME = "|".join(sorted(map(re.escape, _NUMBER_OF), key=len, reverse=True))
_OF = r"(?:\.|st|nd|rd|th|er|º|ª)?,? (?:de |of |di |d')?"
_FORMS = (
    re.compile(r"(?<!\d)(?P<year>20\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?:(?P<year>20\d\d) ?年 ?)?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2}) ?[日일]"),
    re.compile(rf"(?<!\d)(?P<day>\d{{1,2}}){_OF}(?P<name>{_NAME})\b\.?(?:,? (?:de |del )?(?P<year>20\d\d))?"),
    re.compile(rf"\b(?P<name>{_NAME})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>20\d\d))?"),
    re.compile(
        r"(?<![\d.,/-])(?P<day>\d{1,2})[./-](?P<month>\d{1,2})(?:[./-](?P<year>20\d\d|\d\d)?)?(?![\d])"
    ),
)
_BACK = (
    r"back|return|until|till|through|thru|bis|zuruck|wieder|ab dem|erreichbar|retour|jusqu|revien"
    r"|a partir|hasta|regres|vuelt"
    r"|ate\b|ate o|retorn|volt|fino al?|rientr|ritorn|torn|tot|terug|まで|から|до |वापस|तक|截至|至"
    r"|回来|까지|tilbage|tillbaka|wracam|do (?=\d)|kadar|resume|from (?=\d)|\bto (?=\d)|\bau (?=\d)"
    r"|\bal (?=\d)|\ba (?=\d)|\bao (?=\d)|[–-] ?(?=\d)|til (?=\d)|weer|vanaf"
)
_CUE = re.compile(plain(_BACK))
# Words that stand behind their date, as in Japanese, Hindi and German.
_CUE_BEHIND = re.compile(plain(r"まで|तक|까지|回来|回來|kadar|wieder|zuruck|weer|again"))
# Words that stand behind their date, as in Japanese, Hindi and German.
_CUE_BEHIND = re.compile(plain("まで|तक|까지|回来|回來|kadar|wieder|zuruck|weer|again"))
_NEAR = 48  # characters between the word and its date


def return_date(text: str, *, today: date) -> date | None:
    """Return the latest date that somebody says to be away until, or back on; None: none is told.

    ``today`` is when the message came: a date without a year is the next one.
    """
    words = plain(text[:_LOOKED_AT])
    cues = [found.end() for found in _CUE.finditer(words)]
    near = [day for at, day in _dates(words, today) if any(0 <= at - cue <= _NEAR for cue in cues)]
    near += [day for at, day in _dates(words, today) if _CUE_BEHIND.search(words, at, at + _NEAR)]
    fit = [each for each in near if today - timedelta(days=7) <= each <= today + _FAR]
    return max(fit, default=None)


def _dates(words: str, today: date) -> Iterator[tuple[int, date]]:
    for form in _FORMS:
        for match in form.finditer(words):
            day = _date_of(match.groupdict(), words, today)
            if day is not None:
                yield match.start(), day


def _date_of(parts: dict[str, str | None], words: str, today: date) -> date | None:
    number, month = int(parts["day"] or 0), int(parts.get("month") or 0)
    name, told = parts.get("name"), parts.get("year")
    month = _NUMBER_OF[name] if name else month
    is_month_first = month > 12 >= number or (number <= 12 and told and _is_american(words))
    if not name and is_month_first:
        number, month = month, number
    year = int(told) if told else today.year
    try:
        day = date(year + 2000 if year < 100 else year, month, number)
        if told is None and day < today - timedelta(days=30):
            day = day.replace(year=day.year + 1)
    except ValueError:
        return None
    return day


def _is_american(words: str) -> bool:
    """Say whether English words stand beside dates of which one can only be month first."""
    return re.search(r"(?<!\d)(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])/", words) is not None
