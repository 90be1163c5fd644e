"""Rows of values, one for each message: CSV with a header line (RFC 4180) or JSON Lines (jsonlines.org).

Cells are taken as they stand. A row is read when it is asked for.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from fluenzr_smtp.compose.characters import printable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import FactValue, ProblemCode, Stage

if TYPE_CHECKING:
    import json

COLUMNS = 1_000
CELL_LENGTH = 100_000  # below the limit of the csv module, 131 072
LINE_OCTETS = 4_194_304

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"
_FIRST = re.compile(rb"\S")
_IN_QUOTES = re.compile(r'"[^"]*"')

Row = Mapping[str, str]


def read_rows(content: bytes, *, path: str) -> Iterator[Row]:
    r"""Yield the values of each row, by the names of their columns.

    A file whose first character is ``{`` is JSON Lines: each line an object of texts, numbers, ``true`` and
    ``false``; numbers stay as they are written, ``null`` is no value. Any other is CSV: its header line tells
    whether ``,``, ``;`` or TAB separates cells. Blank lines count for nothing; a header alone gives no rows.

    Args:
        content: The file: UTF-8, with or without a byte order mark; lines end in LF, CRLF or CR.
        path: Its name, for errors.

    Raises:
        FluenzrError: `template-invalid` with ``line`` (from 1), while the rows are read too. Reasons:
            `empty`, `not-utf-8`, `columns`, `column-unnamed`, `too-many-columns`, `duplicate`, `bad-quotes`,
            `too-long`, `not-json`, `nested-too-deep`, `not-a-cell`.
    """
    octets = content.removeprefix(_BOM)
    first = _FIRST.search(octets)
    if first is None:
        raise _rows_invalid(path, "empty")
    if b"\n" not in octets:
        octets = octets.replace(b"\r", b"\n")
    lines = _lines(octets, path)
    return _json_rows(lines, path) if first[0] == b"{" else _csv_rows(lines, path)


def _lines(octets: bytes, path: str) -> Iterator[str]:
    for number, line in enumerate(io.BytesIO(octets), 1):
        if len(line) > LINE_OCTETS:
            raise _rows_invalid(path, "too-long", line=number)
        try:
            yield line.decode()
        except UnicodeDecodeError:
            # Not chained: the exception quotes what was read.
            raise _rows_invalid(path, "not-utf-8", line=number) from None


def _csv_rows(lines: Iterator[str], path: str) -> Iterator[Row]:
    records = _records(lines, path)
    header_line, header = next(records, (1, []))
    names = tuple(name.strip() for name in header)
    _check_names(names, path, header_line)
    for line, cells in records:
        if len(cells) != len(names):
            raise _rows_invalid(path, "columns", line=line)
        row = dict(zip(names, cells, strict=True))
        _check_cells(row, path, line)
        yield row


def _records(lines: Iterator[str], path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the number of its first line."""
    import csv  # only for this kind of file

    blank = 0
    for first in lines:
        if first.strip():
            break
        blank += 1
    else:
        return
    reader = csv.reader(chain((first,), lines), delimiter=_delimiter(first), strict=True)
    while True:
        line = blank + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            reason = "too-long" if "limit" in str(exc) else "bad-quotes"
            raise _rows_invalid(path, reason, line=line) from exc
        if cells:
            yield line, cells


def _delimiter(header: str) -> str:
    """Return the delimiter that stands most often in a header line, outside of quotes."""
    plain = _IN_QUOTES.sub("", header)
    return max(_DELIMITERS, key=plain.count)


def _check_names(names: Sequence[str], path: str, line: int) -> None:
    if not names:
        raise _rows_invalid(path, "empty", line=line)
    if len(names) > COLUMNS:
        raise _rows_invalid(path, "too-many-columns", line=line)
    seen: set[str] = set()
    for name in names:
        if not name:
            raise _rows_invalid(path, "column-unnamed", line=line)
        if name in seen:
            raise _rows_invalid(path, "duplicate", line=line, value=printable(name))
        seen.add(name)


def _check_cells(row: Row, path: str, line: int) -> None:
    for name, cell in row.items():
        if len(cell) > CELL_LENGTH:
            raise _rows_invalid(path, "too-long", line=line, value=printable(name))


def _json_rows(lines: Iterator[str], path: str) -> Iterator[Row]:
    import json  # only for this kind of file

    decoder = json.JSONDecoder(
        object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=_no_number
    )
    for line, text in enumerate(lines, 1):
        if text.strip():
            row = dict(_json_cells(_json_pairs(decoder, text, path, line), path, line))
            _check_cells(row, path, line)
            yield row


def _json_pairs(decoder: json.JSONDecoder, text: str, path: str, line: int) -> tuple[tuple[str, object], ...]:
    """Return the members of the object that a line is. Lists come as lists, so that a tuple is an object."""
    try:
        found = decoder.decode(text)
    except RecursionError:
        raise _rows_invalid(path, "nested-too-deep", line=line) from None
    except ValueError:
        # Not chained: the exception holds the line.
        raise _rows_invalid(path, "not-json", line=line) from None
    if not isinstance(found, tuple):
        raise _rows_invalid(path, "not-json", line=line)
    _check_names([name.strip() for name, _ in found], path, line)
    return found


def _json_cells(pairs: tuple[tuple[str, object], ...], path: str, line: int) -> Iterator[tuple[str, str]]:
    for written, value in pairs:
        name = written.strip()
        if value is None:
            continue
        if isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, str):
            if not _is_unicode(value):
                raise _rows_invalid(path, "not-utf-8", line=line, value=printable(name))
            yield name, value
        else:
            raise _rows_invalid(path, "not-a-cell", line=line, value=printable(name))


def _is_unicode(text: str) -> bool:
    """Say whether a text has no lone surrogate, which JSON can hold as an escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_number(name: str) -> str:
    raise ValueError(name)


def _rows_invalid(path: str, reason: str, **facts: FactValue) -> FluenzrError:
    return failure(ProblemCode.TEMPLATE_INVALID, Stage.INPUT, None, reason=reason, rows=path, **facts)
