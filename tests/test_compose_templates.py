"""Templates: every variable gets its value, nothing else changes, and no value becomes more than a value."""

import email
import html
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import compose, fill, fill_addresses, parse_header, parse_mailboxes, parse_variable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Draft, Mailbox
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode

ESCAPES = re.compile("&(?:amp|lt|gt|quot|#x27);")
VALUES = {"name": "Ana", "e-mail": "ana@b.example", "empty": "", "mark_up": "<b>&'\""}


def problem_of(function, *arguments, **more):
    with pytest.raises(FluenzrError) as caught:
        function(*arguments, **more)
    return caught.value.problem


def outcome_of(function, *arguments, **more):
    """Return the result, or the problem in which the call ended."""
    try:
        return function(*arguments, **more)
    except FluenzrError as error:
        return error.problem


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("Hello {{name}}, {{ name }}!", "Hello Ana, Ana!", id="spaces-or-not"),
        pytest.param("{{\nname\n}}", "Ana", id="line-breaks-around-a-name"),
        pytest.param("<{{e-mail}}>", "<ana@b.example>", id="dash"),
        pytest.param("[{{empty}}]", "[]", id="empty-value"),
        pytest.param("{{ no | dear  friend }}", "dear  friend", id="fallback"),
        pytest.param("{{ name | friend }}", "Ana", id="fallback-not-needed"),
        pytest.param("{{ empty | friend }}", "friend", id="fallback-for-empty-value"),
        pytest.param("[{{ no | }}]", "[]", id="empty-fallback"),
        pytest.param("{{ no | a | b }}", "a | b", id="bar-in-fallback"),
        pytest.param("{{ no | {x} }}", "{x}", id="brace-in-fallback"),
        pytest.param("{{{name}}}", "Ana", id="three-braces"),
        pytest.param("{ {{name}}}", "{ Ana}", id="brace-behind"),
        pytest.param("{{ '{{' }}name}}", "{{name}}", id="literal-braces"),
        pytest.param('{{"{{"}}', "{{", id="literal-braces-in-double-quotes"),
        pytest.param("a{b:c}}", "a{b:c}}", id="closing-braces"),
    ],
)
def test_template_is_filled(template, expected):
    assert fill(template, VALUES) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("<p>{{mark_up}}</p>", "<p>&lt;b&gt;&amp;&#x27;&quot;</p>", id="escaped"),
        pytest.param("<p>{{{ mark_up }}}</p>", "<p><b>&'\"</p>", id="as-it-is"),
        pytest.param("<p>{{ no | <i>R&amp;D</i> }}</p>", "<p><i>R&amp;D</i></p>", id="fallback-is-html"),
    ],
)
def test_value_in_html_is_escaped_unless_told(template, expected):
    assert fill(template, VALUES, is_html=True) == expected


def test_value_in_plain_text_is_not_escaped():
    assert fill("{{mark_up}}", VALUES) == VALUES["mark_up"]


@pytest.mark.parametrize(
    ("template", "reason", "line", "value"),
    [
        pytest.param("a\n\n{{ nobody }}", "variable-unknown", 3, "nobody", id="unknown"),
        pytest.param("{{Name}}", "variable-unknown", 1, "Name", id="other-case"),
        pytest.param("a\n{{ name", "brace-open", 2, "{{ name", id="open"),
        pytest.param("{{ name }\n{{name}}", "brace-open", 1, "{{ name }\\n{{name}}", id="open-before-other"),
        pytest.param("{{{name}}", "brace-open", 1, "{{{name}}", id="two-of-three"),
        pytest.param("{{}}", "variable-name", 1, "", id="no-name"),
        pytest.param("{{ 1a }}", "variable-name", 1, "1a", id="digit-first"),
        pytest.param("{{ a b }}", "variable-name", 1, "a b", id="space"),
        pytest.param("{{#name}}", "variable-name", 1, "#name", id="section"),
        pytest.param("{{\x1b[31m}}", "variable-name", 1, "\\x1b[31m", id="escape"),
        pytest.param("{{{{name}}}}", "variable-name", 1, "{name", id="four-braces"),
    ],
)
def test_template_that_cannot_be_filled_is_refused(template, reason, line, value):
    problem = problem_of(fill, template, VALUES, path="letter.txt")

    assert problem.code is ProblemCode.TEMPLATE_INVALID
    assert problem.exit_status is ExitStatus.DATA
    assert problem.facts["reason"] == reason
    assert problem.facts["path"] == "letter.txt"
    assert problem.facts["line"] == line
    assert problem.facts["value"] == value
    assert problem.facts.get("missing") == (value if reason == "variable-unknown" else None)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{" * 400_000, id="opening"),
        pytest.param("}" * 400_000, id="closing"),
        pytest.param("{{" + " " * 400_000, id="blanks"),
        pytest.param("{{'" * 100_000, id="half-literals"),
        pytest.param("{{ '{{'" * 60_000, id="open-literals"),
        pytest.param("\n{{ a |" * 60_000, id="open-fallbacks"),
    ],
)
def test_hostile_template_is_read_in_linear_time(template):
    found = outcome_of(fill, template, VALUES)

    assert found == template or found.code is ProblemCode.TEMPLATE_INVALID


def test_many_variables_are_filled_in_linear_time():
    assert fill("{{ '{{' }}{{name}}" * 50_000, VALUES) == "{{Ana" * 50_000


@given(st.text().filter(lambda text: "{{" not in text), st.booleans())
def test_text_without_variables_stays_as_it_is(text, is_html):
    assert fill(text, VALUES, is_html=is_html) == text


@given(st.text(), st.text(), st.text("{}name |'<&", max_size=30))
def test_value_stands_once_and_is_never_looked_into(before, after, value):
    before, after = before.replace("{", ""), after.replace("{", "").lstrip("}")

    filled = fill(f"{before}{{{{ name }}}}{after}", {"name": value})

    assert filled == before + value + after


@given(st.text())
def test_escaped_value_shows_as_it_is_and_holds_no_markup(value):
    filled = fill("{{ x }}", {"x": value}, is_html=True)

    assert not set("<>\"'") & set(filled)
    assert "&" not in ESCAPES.sub("", filled)
    assert ESCAPES.sub(lambda escape: html.unescape(escape[0]), filled) == value


@given(st.text("{}'\" |nameb\n", max_size=40))
def test_any_template_is_filled_or_refused(template):
    found = outcome_of(fill, template, VALUES)

    assert isinstance(found, str) or found.code is ProblemCode.TEMPLATE_INVALID


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name=Ana", ("name", "Ana")),
        ("a=", ("a", "")),
        ("a=b=c", ("a", "b=c")),
        ("_x-1= y ", ("_x-1", " y ")),
    ],
)
def test_typed_variable_is_read(text, expected):
    assert parse_variable(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("name", "no-equals-sign", id="no-equals-sign"),
        pytest.param("", "no-equals-sign", id="empty"),
        pytest.param("=x", "variable-name", id="no-name"),
        pytest.param("a b=x", "variable-name", id="space"),
        pytest.param("1=x", "variable-name", id="digit-first"),
        pytest.param("é=x", "variable-name", id="not-ascii"),
    ],
)
def test_malformed_variable_is_refused(text, reason):
    problem = problem_of(parse_variable, text)

    assert problem.code is ProblemCode.SETTING_INVALID
    assert problem.exit_status is ExitStatus.USAGE
    assert (problem.facts["setting"], problem.facts["reason"]) == ("--var", reason)


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        pytest.param("{{to}}", {"to": "a@b"}, (("", "a@b"),), id="address"),
        pytest.param("{{to}}", {"to": "Ana <a@b>"}, (("Ana", "a@b"),), id="mailbox"),
        pytest.param("{{n}} <{{to}}>", {"n": "A B", "to": "a@b"}, (("A B", "a@b"),), id="name-and-address"),
        pytest.param(
            "{{n}} <{{to}}>", {"n": "Sá, Ana", "to": "a@b"}, (("Sá, Ana", "a@b"),), id="comma-in-name"
        ),
        pytest.param(
            "{{n}} <{{to}}>", {"n": "x <c@d>, y", "to": "a@b"}, (("x <c@d>, y", "a@b"),), id="address-in-name"
        ),
        pytest.param(
            '"{{n}}, {{m}}" <{{to}}>',
            {"n": 'A"', "m": "\\", "to": "a@b"},
            (('A", \\', "a@b"),),
            id="in-quotes",
        ),
        pytest.param("{{n}}@b.example", {"n": "ana"}, (("", "ana@b.example"),), id="local-part"),
        pytest.param("a@{{d}}", {"d": "bücher.example"}, (("", "a@xn--bcher-kva.example"),), id="domain"),
        pytest.param("a@b, {{to}}", {"to": "c@d"}, (("", "a@b"), ("", "c@d")), id="list"),
        pytest.param("{{n | You}} <{{to}}>", {"n": " ", "to": "a@b"}, (("You", "a@b"),), id="fallback"),
        pytest.param("a@b", {"n": "x"}, (("", "a@b"),), id="no-variable"),
        pytest.param("{{n}} <a@b>", {"n": "\ue0000\ue001"}, (("\ue0000\ue001", "a@b"),), id="mark-in-value"),
    ],
)
def test_addresses_are_filled(template, values, expected):
    mailboxes = parse_mailboxes(fill_addresses(template, values))

    assert mailboxes == tuple(Mailbox(name=name, address=address) for name, address in expected)


def test_optional_address_may_stay_empty():
    assert fill_addresses(" {{ cc | }} ", {"cc": ""}) == ""


@pytest.mark.parametrize(
    ("template", "value", "reason"),
    [
        pytest.param("{{x}}", "", "empty", id="empty"),
        pytest.param("{{x}}", "a@b, c@d", "several-addresses", id="second-recipient"),
        pytest.param("N <{{x}}>", "a@b>, <c@d", "several-at-signs", id="brackets-closed"),
        pytest.param("{{x}}@b", "c@d,e", "several-at-signs", id="list-in-local-part"),
        pytest.param('"{{x}}"@b', 'c"@d', "domain-invalid", id="quotes-closed"),
        pytest.param("{{x}} <a@b>", "x\r\nBcc: c@d", "control-character", id="crlf-in-name"),
        pytest.param("{{x}} <a@b>", "x\ty", "control-character", id="tab-in-name"),
        pytest.param("\ue0000\ue001 {{x}} <a@b>", "y", "invisible-character", id="mark-in-template"),
    ],
)
def test_value_that_would_change_the_recipients_is_refused(template, value, reason):
    problem = problem_of(lambda: parse_mailboxes(fill_addresses(template, {"x": value})))

    assert problem.code is ProblemCode.ADDRESS_MALFORMED
    assert problem.facts["reason"] == reason


@given(st.text() | st.text('a@b,;:<>"\\ ()\r\n\t=?', max_size=20))
def test_no_value_adds_a_recipient(value):
    for template in ("{{x}}", "{{x}} <a@b>", '"{{x}}" <a@b>', "N <{{x}}>", "{{x}}@b", "a@{{x}}", '"{{x}}"@b'):
        found = outcome_of(lambda: parse_mailboxes(fill_addresses(template, {"x": value})))  # noqa: B023
        if isinstance(found, Problem):
            assert found.code is ProblemCode.ADDRESS_MALFORMED
            continue
        assert len(found) == 1
        assert template.endswith(("<{{x}}>", "@b", "{{x}}")) or found[0].address == "a@b"


@given(st.text() | st.text("a:\r\n =?Bc@<>", max_size=20))
def test_no_header_can_be_injected_through_a_variable(value):
    values = {"x": value}

    def submission():
        draft = Draft(
            sender=Mailbox(address="me@b.example", name=fill("{{x}}", values)),
            to=parse_mailboxes(fill_addresses("{{x}} <to@b.example>", values)),
            subject=fill("About {{x}}", values),
            headers=(parse_header(fill("X-Own: {{x}}", values)),),
            text=fill("{{x}}", values),
        )
        return compose(draft, now=datetime(2026, 3, 1, tzinfo=UTC), token="t")

    found = outcome_of(submission)
    if isinstance(found, Problem):
        assert found.code in {
            ProblemCode.HEADER_MALFORMED,
            ProblemCode.ADDRESS_MALFORMED,
            ProblemCode.MESSAGE_MALFORMED,
        }
        return

    assert found.envelope.recipients == ("to@b.example",)
    assert email.message_from_bytes(found.content.whole()).keys() == [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "X-Own",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]
