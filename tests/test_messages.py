"""The sentences and the guide: complete, well formed, and readable with all facts, some, or none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import messages
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.messages import Catalogue, available, choose_language, require_language
from fluenzr_smtp.messages.checks import PLACEHOLDERS
from fluenzr_smtp.messages.outline import GROUPS
from fluenzr_smtp.model import Security
from fluenzr_smtp.problems import MEANINGS, TOPICS, Problem, ProblemCode, Retry, Stage

CODES = pytest.mark.parametrize("code", list(ProblemCode), ids=str)
LANGUAGES = pytest.mark.parametrize("language", available())
ALL_FACTS = dict.fromkeys(PLACEHOLDERS, "fact")
TRACES = re.compile(r"[{}|…]|\[\[|\]\]|  | [,.;:)]|\( |\(\)|''")
SOURCE = Path(messages.__file__).parents[1]

# Codes whose cause is their own, not the whole topic's.
OWN_CAUSE = re.compile(r"tls-|auth-|connect-|dns-|domain-")

HELP = (SOURCE.parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")
OPTION = re.compile(r"--[a-z][a-z-]+")
TOLD_COMMAND = re.compile(r"'fluenzr ([a-z][^']*)'")
LABEL = re.compile(r"\blabel\(\s*[\"']([a-z_]+)[\"']")


def told(code: ProblemCode, **facts: object) -> messages.Told:
    return Catalogue.load().sentence(Problem(code=code, stage=Stage.USAGE, facts=facts))


def cause(code: ProblemCode, language: str = "en", **facts: object) -> str:
    return Catalogue.load(language).cause(Problem(code=code, stage=Stage.USAGE, facts=facts))


def every_text(language: str) -> list[str]:
    catalogue = Catalogue.load(language)
    told = [catalogue.sentence(Problem(code=code, stage=Stage.USAGE)) for code in ProblemCode]
    rows = [text for each in told for text in (each.title, each.fix)]
    rows += [cause(code, language) for code in ProblemCode]
    sections = [catalogue.section(topic) for topic in TOPICS]
    return rows + [text for each in sections for text in (each.title, each.cause, *each.steps)]


@CODES
@pytest.mark.parametrize("facts", [{}, ALL_FACTS], ids=["no facts", "all facts"])
def test_a_sentence_reads_without_traces_of_its_template(code, facts):
    sentence = told(code, **facts)

    for text in (sentence.title, sentence.fix, cause(code, **facts)):
        assert not TRACES.search(text), text
        assert text == text.strip()
    assert sentence.title


@CODES
def test_a_sentence_keeps_the_house_style(code):
    sentence = told(code)

    assert sentence.title[0].isupper()
    assert not sentence.title.endswith((".", "!"))
    for text in (sentence.fix, cause(code)):
        assert text == "" or (text[0].isupper() and text.endswith("."))
    assert not re.search(
        r"!|\bplease\b|\bsorry\b|\binvalid\b|\boops\b",
        sentence.title + sentence.fix + cause(code),
        re.IGNORECASE,
    )


def test_known_facts_stand_in_the_sentence():
    sentence = told(ProblemCode.CONNECT_REFUSED, host="smtp.example.org", port=587)

    assert sentence.title == "smtp.example.org refuses connections on port 587"


def test_a_missing_fact_drops_the_part_that_needs_it():
    assert (
        told(ProblemCode.CONNECT_REFUSED, host="smtp.example.org").title
        == "smtp.example.org refuses connections"
    )


def test_the_first_alternative_that_is_known_is_taken():
    named = told(ProblemCode.PRESET_UNKNOWN, key="ovg", near=("ovh", "ovh-ca"))

    assert named.title == "There is no preset named 'ovg'"
    assert named.fix.startswith("Did you mean ovh, ovh-ca? ")
    assert told(ProblemCode.PRESET_UNKNOWN).title == "There is no such preset"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("no-at-sign", "it has no @"), ("something-new", "something-new"), ("", "")],
    ids=["known", "unknown", "empty"],
)
def test_a_reason_is_put_into_words_where_it_is_known(reason, shown):
    sentence = told(ProblemCode.ADDRESS_MALFORMED, address="anna", reason=reason)

    assert sentence.title == "'anna' is not an email address" + (f": {shown}" if shown else "")


def test_every_reason_of_the_program_is_in_words():
    word = r'"([a-z0-9]+(?:-[a-z0-9]+)+)"'
    pattern = re.compile(
        rf"(?:reason=|(?:malformed|invalid|damaged|_locked|_unavailable)\((?:[^()\"]*, )?){word}"
    )

    used = {reason for path in SOURCE.rglob("*.py") for reason in pattern.findall(path.read_text())}

    assert len(used) > 30
    assert used - set(Catalogue.load().reasons) == set()


def test_a_fact_with_the_marks_of_a_template_is_text():
    assert "[[{port}|x]]" in told(ProblemCode.FILE_MISSING, path="[[{port}|x]]", port=1).title


def test_a_long_list_and_a_long_fact_are_cut():
    names = tuple(f"host{number}.example.org" for number in range(1000))

    assert len(told(ProblemCode.TLS_CERTIFICATE_WRONG_HOST, host="h", names=names).title) < 400
    assert len(told(ProblemCode.FILE_MISSING, path="x" * 10_000).title) < 400


@given(facts=st.dictionaries(st.sampled_from(sorted(PLACEHOLDERS)), st.text(max_size=20) | st.integers()))
def test_any_facts_make_a_sentence(facts):
    for code in ProblemCode:
        assert told(code, **facts).title


# -- the guide -------------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("facts", [{}, ALL_FACTS], ids=["no facts", "all facts"])
def test_a_section_reads_without_traces_of_its_template(topic, language, facts):
    section = Catalogue.load(language).section(topic, facts)

    for text in (section.title, section.cause, *section.steps):
        assert text
        bare = text.replace("535 5.7.8 …", "")
        if language == "fr":  # where a blank stands before a colon
            bare = bare.replace(" :", ":").replace(" ;", ";")
        assert not TRACES.search(bare), text
    assert section.topic == topic


def test_an_unknown_topic_is_an_error():
    with pytest.raises(KeyError):
        Catalogue.load().section("no-such-topic")


def test_the_outline_has_every_topic_once():
    assert sorted(topic for topics in GROUPS.values() for topic in topics) == sorted(TOPICS)


@LANGUAGES
def test_every_group_has_a_heading(language):
    assert all(Catalogue.load(language).group(name) for name in GROUPS)


def test_a_step_names_the_account_where_it_is_known():
    steps = " ".join(Catalogue.load().section("tls-required", {"account": "shop"}).steps)

    assert "'fluenzr account edit shop --smtp-port 587 --encryption starttls'" in steps


def test_a_code_without_a_cause_of_its_own_has_that_of_its_topic():
    assert cause(ProblemCode.GREYLISTED) == Catalogue.load().section("greylisted").cause


@pytest.mark.parametrize("code", [code for code in ProblemCode if OWN_CAUSE.match(code)], ids=str)
def test_codes_that_share_a_topic_about_servers_tell_their_own_cause(code):
    shared = [each for each in ProblemCode if MEANINGS[each].topic == MEANINGS[code].topic]

    assert [each for each in shared if cause(each) == cause(code)] == [code]


@LANGUAGES
def test_sentences_name_only_commands_and_options_that_exist(language):
    helps = HELP.split("\n## fluenzr ")[1:]
    known = {page.partition("\n")[0]: set(OPTION.findall(page)) for page in helps}
    told_commands = [found for text in every_text(language) for found in TOLD_COMMAND.findall(text)]

    unknown = [
        command
        for command in told_commands
        if not any(
            command.startswith(words) and set(OPTION.findall(command)) <= options | {"--help"}
            for words, options in known.items()
        )
    ]

    assert len(told_commands) > 40
    assert unknown == []


@LANGUAGES
def test_sentences_lead_only_to_topics_that_exist(language):
    named = {found for text in every_text(language) for found in re.findall(r"fluenzr guide ([a-z-]+)", text)}

    assert named <= set(TOPICS)


def test_an_ordinary_error_does_not_read_the_guide():
    script = (
        "import sys\nopened = []\n"
        "sys.addaudithook(lambda event, what: event == 'open' and opened.append(str(what[0])))\n"
        "from fluenzr_smtp.cli.main import run\nrun(['presets', 'show', 'no-such-preset'])\n"
        "print([path.rpartition('/')[2] for path in opened if '/messages/' in path and '.toml' in path])"
    )

    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert child.stdout.strip() == "['problems.toml']"


# -- labels ----------------------------------------------------------------------------------------------


def test_a_label_is_filled_and_keeps_its_first_letter():
    catalogue = Catalogue.load()

    assert catalogue.label("error") == "error"
    assert (
        catalogue.label("works", protocol="SMTP", port=465, encryption="SSL/TLS")
        == "SMTP 465 (SSL/TLS) works"
    )


def test_every_label_that_the_program_uses_is_there():
    used = {name for path in SOURCE.rglob("*.py") for name in LABEL.findall(path.read_text())}
    used |= {f"stage_{stage}" for stage in Stage} | {f"encryption_{security}" for security in Security}
    used |= {f"retry_{retry.name.lower()}" for retry in Retry}

    assert used - set(Catalogue.load().labels) == set()


# -- languages -------------------------------------------------------------------------------------------


def test_an_unknown_language_is_english():
    assert Catalogue.load("tlh") == Catalogue.load("en")


@pytest.mark.parametrize(
    ("wanted", "environ"),
    [
        ("en", {"FLUENZR_LANG": "xx"}),
        ("xx", {"FLUENZR_LANG": "en"}),
        (None, {"LC_ALL": "en_GB.UTF-8"}),
        (None, {"LANG": "EN"}),
        (None, {"LANG": "C"}),
        (None, {}),
    ],
    ids=["option", "variable", "locale", "language alone", "C", "nothing"],
)
def test_the_language_is_chosen_from_option_variable_and_locale(wanted, environ):
    assert choose_language(wanted, environ) == "en"


@LANGUAGES
@pytest.mark.parametrize("form", ["{}_XX.UTF-8", "{}-XX", "{}", "{}.UTF-8@euro"])
def test_a_locale_of_any_region_is_its_language(language, form):
    assert choose_language(None, {"LANG": form.format(language)}) == language
    assert choose_language(None, {"FLUENZR_LANG": form.format(language), "LANG": "xx"}) == language


@pytest.mark.parametrize("tag", ["zh", "zh_CN.UTF-8", "POSIX", "../en", "%s", "__pycache__"])
def test_a_language_that_is_not_there_is_english(tag):
    assert choose_language(None, {"FLUENZR_LANG": tag, "LANG": tag}) == "en"
    assert Catalogue.load(tag).language == "en"


def test_what_a_language_lacks_is_english(tmp_path):
    shutil.copytree(SOURCE, tmp_path / "fluenzr_smtp", ignore=shutil.ignore_patterns("__pycache__"))
    language = tmp_path / "fluenzr_smtp" / "messages" / "xx"
    language.mkdir()
    (language / "problems.toml").write_text(
        '[problem.bug]\ntitle = "Kaputt"\nfix = "Melden."\n', encoding="utf-8"
    )
    script = (
        "from fluenzr_smtp.messages import Catalogue\nfrom fluenzr_smtp.problems import *\n"
        "catalogue = Catalogue.load('xx')\n"
        "for code in (ProblemCode.BUG, ProblemCode.GREYLISTED):\n"
        "    problem = Problem(code=code, stage=Stage.USAGE)\n"
        "    title = catalogue.sentence(problem).title\n"
        "    print(catalogue.language, title, catalogue.cause(problem), sep='|')\n"
    )

    child = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    english = told(ProblemCode.GREYLISTED).title
    assert child.stdout.splitlines() == [
        f"xx|Kaputt|{cause(ProblemCode.BUG)}",
        f"xx|{english}|{cause(ProblemCode.GREYLISTED)}",
    ]


def test_a_language_without_a_folder_is_refused_by_name():
    with pytest.raises(FluenzrError) as caught:
        require_language("xx")

    assert caught.value.problem.code is ProblemCode.SETTING_INVALID
    assert caught.value.problem.facts["choices"] == available()


@pytest.mark.parametrize("tag", ["en", "en-GB", "EN_us"])
def test_a_region_of_a_language_is_that_language(tag):
    assert require_language(tag) == tag
