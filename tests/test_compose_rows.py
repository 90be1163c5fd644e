"""Rows: CSV as spreadsheets write it and JSON Lines as programs do; a fault is told with its line."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.compose import read_rows
from fluenzr_smtp.compose.rows import CELL_LENGTH, COLUMNS, LINE_OCTETS
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode

CELLS = st.text(max_size=20) | st.text(',;\t"\r\n a{é', max_size=8)
TWO = [{"name": "Ana", "n": "1"}, {"name": "Bo", "n": "2"}]


def rows(content):
    octets = content if isinstance(content, bytes) else content.encode()
    return list(read_rows(octets, path="people.csv"))


def outcome_of(content):
    """Return the rows, or the problem in which reading them ended."""
    try:
        return rows(content)
    except FluenzrError as error:
        return error.problem


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("name,n\nAna,1\nBo,2\n", TWO, id="comma"),
        pytest.param("name;n\r\nAna;1\r\nBo;2", TWO, id="semicolon-crlf-no-line-end"),
        pytest.param("name\tn\rAna\t1\rBo\t2\r", TWO, id="tab-cr"),
        pytest.param("\ufeffname,n\nAna,1\nBo,2\n", TWO, id="byte-order-mark"),
        pytest.param("\n\nname , n\n\nAna,1\n\r\nBo,2\n\n", TWO, id="blank-lines-and-spaces-in-header"),
        pytest.param('"a;b,c;";d\n1;2\n', [{"a;b,c;": "1", "d": "2"}], id="other-delimiter-in-quotes"),
        pytest.param('a,b\n"x\ny, ""z""",2\n', [{"a": 'x\ny, "z"', "b": "2"}], id="quoted-cell"),
        pytest.param("a\nx\n", [{"a": "x"}], id="one-column"),
        pytest.param("a,b\n , y \n", [{"a": " ", "b": " y "}], id="cells-as-they-are"),
        pytest.param("a,b\n,\n", [{"a": "", "b": ""}], id="empty-cells"),
        pytest.param("a,b\n", [], id="header-only"),
        pytest.param('{"name": "Ana", "n": 1}\n{"name": "Bo", "n": 2}\n', TWO, id="json-lines"),
        pytest.param(
            '\ufeff\n{"a": "x"}\r\n\n{"b": "{{a}}"}', [{"a": "x"}, {"b": "{{a}}"}], id="json-blanks"
        ),
        pytest.param(
            '{"i": -12345678901234567890, "x": 1}',
            [{"i": "-12345678901234567890", "x": "1"}],
            id="json-long-number",
        ),
        pytest.param(
            '{"price": 1.10, "big": 1e400, "yes": true, "no": false, "none": null}',
            [{"price": "1.10", "big": "1e400", "yes": "true", "no": "false"}],
            id="json-values-as-written",
        ),
    ],
)
def test_rows_are_read(content, expected):
    assert rows(content) == expected


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        pytest.param("", "empty", None, id="empty"),
        pytest.param("\ufeff \r\n\n", "empty", None, id="blank"),
        pytest.param("\u00a0\n", "empty", 1, id="no-break-space"),
        pytest.param(b"a,b\n1,2\n\xff,3\n", "not-utf-8", 3, id="latin-1"),
        pytest.param("a\n1\n".encode("utf-16"), "not-utf-8", 1, id="utf-16"),
        pytest.param("a,b\n1,2\n1\n", "columns", 3, id="cell-missing"),
        pytest.param("a,b\n1,2,3\n", "columns", 2, id="cell-too-many"),
        pytest.param('\na,b\n"1\n1",2\n1\n', "columns", 5, id="line-counts-breaks-in-cells"),
        pytest.param("a,b,a\n", "duplicate", 1, id="column-twice"),
        pytest.param("a,b,\n1,2,\n", "column-unnamed", 1, id="column-without-name"),
        pytest.param(",".join(map(str, range(COLUMNS + 1))), "too-many-columns", 1, id="too-many-columns"),
        pytest.param('a,b\n1,2\n"x,y\n', "bad-quotes", 3, id="quote-open"),
        pytest.param('a,b\n"x"y,z\n', "bad-quotes", 2, id="text-after-quote"),
        pytest.param(f"a\n{'x' * (CELL_LENGTH + 1)}\n", "too-long", 2, id="cell-too-long"),
        pytest.param(f"a\n{'x' * 200_000}\n", "too-long", 2, id="cell-far-too-long"),
        pytest.param('a\n"' + "x\n" * 200_000, "too-long", 2, id="quote-never-closed"),
        pytest.param("a\n" + "," * (LINE_OCTETS + 1), "too-long", 2, id="endless-line"),
        pytest.param('{"a": 1}\n{"a": }\n', "not-json", 2, id="json-syntax"),
        pytest.param('{\n"a": 1\n}\n', "not-json", 1, id="json-over-lines"),
        pytest.param('{"a": 1}\n[1]\n', "not-json", 2, id="json-list"),
        pytest.param('{"a": 1}\n"x"\n', "not-json", 2, id="json-text"),
        pytest.param('{"a": NaN}\n', "not-json", 1, id="json-nan"),
        pytest.param('{"a": 1} {"a": 2}\n', "not-json", 1, id="json-two-on-a-line"),
        pytest.param('{"a": 1, "a": 2}\n', "duplicate", 1, id="json-name-twice"),
        pytest.param('{"": 1}\n', "column-unnamed", 1, id="json-without-name"),
        pytest.param("{}\n", "empty", 1, id="json-empty-object"),
        pytest.param('{"a": {"b": 1}}\n', "not-a-cell", 1, id="json-object-inside"),
        pytest.param('{"a": ["b"]}\n', "not-a-cell", 1, id="json-list-inside"),
        pytest.param('{"a": "\\ud800"}\n', "not-utf-8", 1, id="json-lone-surrogate"),
        pytest.param('{"a": ' + "[" * 200_000 + "\n", "nested-too-deep", 1, id="json-deep"),
        pytest.param(json.dumps({"a": "x" * (CELL_LENGTH + 1)}), "too-long", 1, id="json-value-too-long"),
    ],
)
def test_faulty_rows_are_refused(content, reason, line):
    problem = outcome_of(content)

    assert isinstance(problem, Problem)
    assert problem.code is ProblemCode.TEMPLATE_INVALID
    assert problem.exit_status is ExitStatus.DATA
    assert problem.facts["rows"] == "people.csv"
    assert problem.facts["reason"] == reason
    assert problem.facts.get("line") == line


def test_rows_before_a_faulty_one_are_given():
    found = read_rows(b"a,b\n1,2\n3\n", path="people.csv")

    assert next(found) == {"a": "1", "b": "2"}
    with pytest.raises(FluenzrError):
        next(found)


def test_name_of_a_faulty_column_is_shown_printable():
    problem = outcome_of("\x1b[31m,\x1b[31m\n")

    assert problem.facts["value"] == "\\x1b[31m"


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_written_csv_reads_the_same(cells, delimiter, line_end):
    table = io.StringIO(newline="")
    csv.writer(table, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(
        [["a", "b"], *cells]
    )

    assert rows(table.getvalue()) == [{"a": one, "b": two} for one, two in cells]


@given(
    st.lists(st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), CELLS, min_size=1), min_size=1)
)
def test_written_json_reads_the_same(objects):
    lines = "\n".join(json.dumps(each) for each in objects)

    assert rows(lines) == objects


@given(st.binary(max_size=60) | st.text('{}[]":,;a1\r\n\t', max_size=40).map(str.encode))
def test_any_file_is_read_or_refused(content):
    found = outcome_of(content)

    if isinstance(found, Problem):
        assert found.code is ProblemCode.TEMPLATE_INVALID
    else:
        assert all(isinstance(cell, str) for row in found for cell in row.values())
