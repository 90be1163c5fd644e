"""The page for the provider: well-formed, self-contained, safe whatever a server says, and complete."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp.cli.report import report_page
from fluenzr_smtp.cli.report.style import STYLE
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.model import Check, Endpoint, Protocol, Remedy, Security, Target
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

SMTP = Endpoint(host="mail.example.org", port=587, security=Security.STARTTLS)
IMAP = Endpoint(host="imap.example.org", port=993, security=Security.IMPLICIT_TLS)
OTHER = Remedy(
    protocol=Protocol.SMTP,
    endpoint=Endpoint(host="mail.example.org", port=465, security=Security.IMPLICIT_TLS),
)
TARGET = Target(name="shop", smtp=SMTP, imap=IMAP, address="ana@example.org")
ENGLISH = Catalogue.load("en")
MADE = datetime(2026, 3, 1, 13, 5, tzinfo=timezone(timedelta(hours=1)))
VOID = {"meta", "rect", "br"}
HOSTILE = (
    "</pre></style><script>alert(1)</script>\" onload='x' <img src=https://evil.test/p>\x1b[2J\u202e\x00&amp;"
)


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, in the reverse order."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data):
        raise AssertionError(data)

    @property
    def text(self) -> str:
        """All that is read, but for the style."""
        return " ".join(" ".join(data for tag, data in self.texts if tag != "style").split())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]

    def texts_of(self, name: str) -> list[str]:
        return [data for tag, data in self.texts if tag == name]


def check(stage: Stage, *, problem: Problem | None = None, **more) -> Check:
    values = {"protocol": Protocol.SMTP, "endpoint": SMTP, "elapsed": timedelta(milliseconds=100)}
    return Check(**(values | more), stage=stage, problem=problem)


REFUSED = Problem(
    code=ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
    stage=Stage.AUTH,
    reply=ServerReply(535, "5.7.8", "Not <b>accepted</b>\r\nask us"),
    facts={"host": "mail.example.org", "username": "ana@example.org", "page": "https://help.test/app"},
)
EXPIRED = Problem(
    code=ProblemCode.TLS_CERTIFICATE_EXPIRED,
    stage=Stage.TLS,
    facts={"host": "imap.example.org", "not_after": "2026-01-01", "names": ("imap.example.org", "b.test")},
)
CHECKS = (
    check(Stage.RESOLVE, facts={"addresses": ("192.0.2.1", "2001:db8::1")}),
    check(Stage.TLS, facts={"version": "TLSv1.3", "issuer": "CN=R3", "days_left": 80}),
    check(Stage.AUTH, problem=REFUSED),
    check(Stage.CONNECT, problem=EXPIRED, remedy=OTHER, endpoint=OTHER.endpoint),
    check(Stage.TLS, problem=EXPIRED, protocol=Protocol.IMAP, endpoint=IMAP),
    check(
        Stage.DKIM, problem=Problem(code=ProblemCode.DOMAIN_DKIM_NONE, stage=Stage.DKIM), is_advisory=True,
        protocol=Protocol.DNS, endpoint=None, domain="example.org",
    ),
)  # fmt: skip


def page_of(*checks: Check, target: Target = TARGET, catalogue: Catalogue = ENGLISH, **more) -> bytes:
    return report_page(checks, target=target, catalogue=catalogue, made=MADE, version="1.2.3", **more)


def read(*checks: Check, **more) -> Page:
    return Page(page_of(*checks, **more))


# -- what stands in it -----------------------------------------------------------------------------------


def test_the_page_says_what_was_looked_at_when_and_by_what():
    page = read(*CHECKS)

    assert page.all("html")[0]["lang"] == "en"
    assert page.all("time")[0]["datetime"] == "2026-03-01T12:05:00Z"
    assert page.texts_of("title")[0] == page.texts_of("h1")[0] == "Mail diagnosis of shop"
    for text in ("2026-03-01 12:05 UTC", "1.2.3", "mail.example.org:587 STARTTLS", "imap.example.org:993"):
        assert text in page.text


def test_each_server_each_other_way_and_the_domain_have_a_table_of_their_stages():
    page = read(*CHECKS)

    headings = [
        text for tag, text in page.texts if tag == "bdi" and text.startswith(("SMTP", "IMAP", "DNS", "Try"))
    ]
    assert headings == [
        "SMTP  mail.example.org:587  STARTTLS",
        "Trying SMTP 465 (SSL/TLS): mail.example.org",
        "IMAP  imap.example.org:993  SSL/TLS",
        "DNS  example.org",
    ]  # fmt: skip
    assert len(page.all("table")) == 4
    assert len(page.all("tr")) == len(CHECKS)


def test_a_problem_is_told_with_all_that_is_known_of_it():
    page = read(check(Stage.AUTH, problem=REFUSED))

    words, section = ENGLISH.sentence(REFUSED), ENGLISH.section(REFUSED.topic, REFUSED.facts)
    for text in (
        words.title,
        words.fix,
        ENGLISH.cause(REFUSED),
        *section.steps,
        "auth-app-password-required",
    ):
        assert " ".join(text.split()) in page.text
    assert page.texts_of("blockquote") == ["535 5.7.8 Not <b>accepted</b> / ask us"]
    assert [link["href"] for link in page.all("a")] == ["https://help.test/app"]


def test_the_providers_own_page_is_linked_by_topic():
    problem = Problem(code=ProblemCode.AUTH_REJECTED, stage=Stage.AUTH)

    page = read(check(Stage.AUTH, problem=problem), pages={"auth-failed": "https://help.test/login"})

    assert [link["href"] for link in page.all("a")] == ["https://help.test/login"]


def test_the_certificate_is_shown_trusted_or_not():
    page = read(*CHECKS)

    facts = dict(zip(page.texts_of("dt"), [text for tag, text in page.texts if tag == "bdi"], strict=False))
    assert page.text.count(ENGLISH.label("certificate") + " version") == 1
    assert "TLSv1.3" in page.text
    assert "imap.example.org, b.test" in page.text
    assert "not_after" in facts


def test_marks_have_a_word_beside_colour_and_sign():
    page = read(*CHECKS)

    marks = [
        attributes["class"] for attributes in page.all("span") if "mark" in (attributes.get("class") or "")
    ]
    words = {" ".join(text.split()) for text in page.texts_of("span")}
    assert {"mark ok", "mark failed", "mark note"} == set(marks)
    assert {"ok", "failed", "note", "✓", "✗", "!"} <= words


def test_failures_are_counted_without_notes_and_without_other_ways():
    page = read(*CHECKS)

    assert ENGLISH.label("summary_failed", failed=2, count=5) in page.text
    assert ENGLISH.label("summary_notes", count=1) in page.text


def test_what_works_instead_is_said_at_the_top():
    tried = check(Stage.CONNECT, remedy=OTHER, endpoint=OTHER.endpoint)

    page, other = read(check(Stage.CONNECT, problem=REFUSED), tried), read(*CHECKS)

    assert "SMTP 465 (SSL/TLS) works" in page.text.partition("Time of each step")[0]
    assert [each.get("class") for each in other.all("p")].count("works") == 0


def test_trust_and_yes_are_in_the_readers_language():
    target = Target(name="t", smtp=Endpoint(host="h", port=1, security=Security.NONE, authority="PEM"))

    page = read(check(Stage.IDLE, facts={"supported": False}), target=target, catalogue=Catalogue.load("de"))

    assert "unverschlüsselt, eigene Zertifizierungsstelle" in page.text
    assert "nein" in page.texts_of("bdi")


@pytest.mark.parametrize(
    ("checks", "mark"),
    [((CHECKS[0],), "ok"), ((CHECKS[5],), "note"), (CHECKS, "failed"), ((), "ok")],
    ids=["ok", "note", "failed", "nothing"],
)
def test_the_verdict_is_the_worst_check(checks, mark):
    page = read(*checks)

    verdicts = [each["class"] for each in page.all("p") if (each.get("class") or "").startswith("verdict")]
    assert verdicts == [f"verdict {mark}"]


def test_the_waterfall_can_be_read_without_seeing_it():
    page = read(*CHECKS)

    (chart,) = page.all("svg")
    bars = [bar for bar in page.all("rect") if bar["class"] != "track"]
    named = {each["id"] for tag in ("title", "desc") for each in page.all(tag) if "id" in each}
    assert chart["role"] == "img"
    assert set((chart["aria-labelledby"] or "").split()) == named
    assert "SMTP Login 100 ms" in page.texts_of("desc")[0]
    assert len(bars) == len(CHECKS)
    starts = [float((bar["x"] or "").rstrip("%")) for bar in bars]
    assert starts == sorted(starts)


def test_the_dialogue_can_be_folded_out():
    page = read(transcript=("0.1 S 220 hello", "0.2 C EHLO <me>"))

    assert page.texts_of("pre") == ["0.1 S 220 hello\n0.2 C EHLO <me>"]
    assert len(page.all("details")) == 1


@pytest.mark.parametrize("language", ["en", "pt", "fr", "es", "de", "hi", "ja"])
def test_the_page_is_in_the_readers_language(language):
    catalogue = Catalogue.load(language)

    page = read(*CHECKS, catalogue=catalogue)

    assert page.all("html")[0]["lang"] == catalogue.language
    assert catalogue.label("waterfall") in page.texts_of("h2")


# -- what never stands in it -----------------------------------------------------------------------------


def test_nothing_is_loaded_and_nothing_runs():
    page = read(*CHECKS)

    policy = next(meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert_inert(page)


def assert_inert(page: Page) -> None:
    """Refuse all that runs, or that is loaded from elsewhere."""
    names = {tag for tag, _ in page.elements}
    attributes = {name for _, found in page.elements for name in found}
    assert not names & {"script", "img", "link", "iframe", "object", "embed", "base", "form", "use", "image"}
    assert not {name for name in attributes if name.startswith("on") or name in {"src", "style", "srcset"}}
    for tag, found in page.elements:
        assert "href" not in found or (tag == "a" and (found["href"] or "").startswith("https://"))
    assert "url(" not in STYLE
    assert "@import" not in STYLE


@pytest.mark.parametrize(
    "where", ["reply", "fact", "fact name", "banner", "target", "transcript", "domain", "page"]
)
def test_what_a_server_says_is_text_and_nothing_else(where):
    problem = Problem(
        code=ProblemCode.AUTH_REJECTED,
        stage=Stage.AUTH,
        reply=ServerReply(535, None, HOSTILE if where == "reply" else "no"),
        facts={
            "host": HOSTILE if where == "fact" else "h",
            HOSTILE if where == "fact name" else "x": "y",
            "page": "https://x.test/" + HOSTILE if where == "page" else "",
        },
    )
    checks = (
        check(Stage.GREETING, facts={"banner": HOSTILE if where == "banner" else "hi"}),
        check(Stage.AUTH, problem=problem),
        check(Stage.MX, protocol=Protocol.DNS, endpoint=None, domain=HOSTILE if where == "domain" else "d"),
    )

    page = read(
        *checks,
        target=Target(name=HOSTILE if where == "target" else "t"),
        transcript=(HOSTILE if where == "transcript" else "line",),
    )

    assert_inert(page)
    assert "<script>alert(1)</script>" in page.text
    assert not {"\x1b", "\x00", "\u202e"} & set(page.text)


texts = st.text(max_size=300) | st.text("<>&\"'/=;!-\x1b\x00\u202e\ud800\ufffe abs", max_size=300)


@settings(max_examples=60)
@given(said=texts, name=texts, line=texts)
def test_any_text_makes_a_page_that_is_well_formed_utf_8(said, name, line):
    problem = Problem(
        code=ProblemCode.REPLY_UNKNOWN,
        stage=Stage.AUTH,
        reply=ServerReply(None, None, said),
        facts={name: said},
    )
    checks = (check(Stage.AUTH, problem=problem), check(Stage.GREETING, facts={"banner": said}))

    page = read(*checks, target=Target(name=name), transcript=(line,))

    assert_inert(page)
    assert not re.search("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\ufffe\uffff]", page.text)


def test_the_page_is_bounded_whatever_is_said():
    problem = Problem(
        code=ProblemCode.REPLY_UNKNOWN,
        stage=Stage.AUTH,
        reply=ServerReply(550, None, "\x1b" * 1_000_000),
        facts={f"name{at}": "<" * 1_000_000 for at in range(100)},
    )
    greeting = check(Stage.GREETING, facts={"banner": "&" * 1_000_000, "names": ("<" * 1000,) * 10_000})

    page = page_of(greeting, check(Stage.AUTH, problem=problem), transcript=("<" * 5000,) * 3000)

    assert len(page) < 11_000_000
    assert Page(page).texts_of("pre")[0].endswith("\n…")


def test_times_are_those_of_the_universal_clock():
    assert b"2026-03-01 12:05 UTC" in page_of(*CHECKS)
    assert MADE.astimezone(UTC).hour == 12


# -- how it looks ----------------------------------------------------------------------------------------


def colours(block: str) -> dict[str, tuple[float, float, float]]:
    found = re.findall(r"--(\w+): #([0-9a-f]{6})", block)
    return {name: tuple(int(text[at : at + 2], 16) / 255 for at in (0, 2, 4)) for name, text in found}


def luminance(colour: tuple[float, float, float]) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_the_contrast_of_all_text_is_aa(theme):
    palette = colours(STYLE.split(":root {")[theme + 1].split("}")[0])

    for text, least in [(name, 4.5) for name in ("text", "quiet", "link", "ok", "note", "failed")]:
        for ground in ("page", "card", "quote"):
            light, dark = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, (text, ground)


def test_the_page_follows_the_readers_theme_screen_and_printer():
    for rule in ("prefers-color-scheme: dark", "max-width: 40rem", "@media print", "overflow-wrap: anywhere"):
        assert rule in STYLE
