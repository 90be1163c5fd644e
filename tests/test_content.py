"""Contents come in blocks that make up the whole, and a file that is not what it was is told."""

from __future__ import annotations

import base64
import io
import os
import re
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.content import (
    MEMORY_BYTES,
    Base64,
    File,
    Joined,
    Lines,
    Survey,
    crlf,
    joined,
    long_line,
    opened,
    spooled,
)
from fluenzr_smtp.content.lines import normalised
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Content, Octets
from fluenzr_smtp.problems import ProblemCode

BIG = 3 * MEMORY_BYTES + 17


class Split(Content):
    """Octets in blocks with borders at the given places."""

    def __init__(self, octets: bytes, borders=()) -> None:
        self._octets, self._borders = octets, borders

    @property
    def size_bytes(self) -> int:
        return len(self._octets)

    def blocks(self):
        places = [0, *sorted(min(each, len(self._octets)) for each in self._borders), len(self._octets)]
        for start, end in pairwise(places):
            if start < end:
                yield self._octets[start:end]


def file_of(path: Path) -> File:
    return opened(str(path), os.open(path, os.O_RDONLY))


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(bytes(range(256)) * (BIG // 256) + b"x" * (BIG % 256))
    return path


# -- files -----------------------------------------------------------------------------------------------


def test_file_is_given_out_in_blocks_as_often_as_wanted(big: Path):
    content = file_of(big)

    assert content.whole() == content.whole() == big.read_bytes()
    assert content.size_bytes == BIG
    assert max(map(len, content.blocks())) <= MEMORY_BYTES


def test_another_file_under_the_name_changes_nothing(big: Path):
    content, before = file_of(big), big.read_bytes()

    (big.parent / "other").write_bytes(b"other")
    (big.parent / "other").replace(big)

    assert content.whole() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.truncate(path, 100),
        lambda path: os.truncate(path, 0),
        lambda path: os.truncate(path, BIG + 1),
        lambda path: os.utime(path, ns=(1, 1)),
    ],
    ids=["shrunk", "emptied", "grown", "rewritten"],
)
@pytest.mark.parametrize("read", [0, 1], ids=["before the first block", "behind it"])
def test_change_of_a_file_is_told_before_another_block_is_given_out(big: Path, change, read):
    blocks = file_of(big).blocks()
    for _ in range(read):
        next(blocks)

    change(big)
    with pytest.raises(FluenzrError) as error:
        next(blocks)

    assert error.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert error.value.problem.facts == {"path": str(big), "reason": "changed"}


def test_descriptor_is_closed_with_its_content(big: Path):
    descriptor = os.open(big, os.O_RDONLY)
    content = opened("name", descriptor)
    blocks = content.blocks()
    next(blocks)

    del content
    next(blocks)  # who is still reading keeps it open
    del blocks

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


# -- streams ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, BIG])
def test_stream_is_read_to_its_end(size):
    octets = os.urandom(size)

    content = spooled("-", io.BytesIO(octets), limit_bytes=BIG)

    assert content.whole() == octets
    assert content.size_bytes == size
    assert isinstance(content, Octets if size <= MEMORY_BYTES else File)


@pytest.mark.parametrize("limit", [10, BIG - 1])
def test_stream_above_the_limit_is_refused(limit):
    with pytest.raises(FluenzrError) as error:
        spooled("name", io.BytesIO(b"x" * BIG), limit_bytes=limit)

    assert error.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert error.value.problem.facts == {"path": "name", "reason": "too-big"}


def test_full_disk_under_a_stream_is_told():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MEMORY_BYTES, before[1]))
    try:
        with pytest.raises(FluenzrError) as error:
            spooled("-", io.BytesIO(b"x" * BIG), limit_bytes=BIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert error.value.problem.code is ProblemCode.DISK_FULL


# -- base64 ----------------------------------------------------------------------------------------------


@given(st.binary(max_size=600), st.lists(st.integers(0, 600), max_size=5))
def test_base64_is_that_of_the_whole_whatever_the_borders(octets, borders):
    content = Base64(Split(octets, borders))

    assert content.whole() == base64.encodebytes(octets).replace(b"\n", b"\r\n")
    assert content.size_bytes == len(content.whole())


@pytest.mark.parametrize("beyond", [-1, 0, 1, 57, 5_000_000])
@pytest.mark.parametrize("borders", [(), (1,), (57 * 256,), (1_000_001, 1_000_002)], ids=str)
def test_base64_of_much_is_that_of_the_whole(beyond, borders):
    octets = os.urandom(64 * 57 * 256 + beyond)

    content = Base64(Split(octets, borders))

    assert content.whole() == base64.encodebytes(octets).replace(b"\n", b"\r\n")
    assert content.size_bytes == len(content.whole())
    assert max(map(len, content.blocks())) < 2_000_000


# -- joined ----------------------------------------------------------------------------------------------


def test_what_is_in_memory_and_adjoins_becomes_one_block(big: Path):
    file = file_of(big)

    content = joined((Octets(b"a"), Joined((Octets(b"b"), file)), Octets(b""), Octets(b"c"), Octets(b"d")))

    assert isinstance(content, Joined)
    assert content.parts == (Octets(b"ab"), file, Octets(b"cd"))
    assert content.size_bytes == BIG + 4
    assert joined(()) == Octets(b"")
    assert joined((Octets(b"a"), Octets(b"b"))) == Octets(b"ab")


# -- lines -----------------------------------------------------------------------------------------------

LINE_BYTES = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\r\r\n", b"\xff"]), max_size=30)
BORDERS = st.lists(st.integers(0, 60), max_size=10)


@given(LINE_BYTES.map(b"".join), BORDERS, st.booleans())
def test_line_ends_are_those_of_the_whole_whatever_the_borders(octets, borders, merges):
    blocks = list(normalised(Split(octets, borders).blocks(), merges_doubled=merges))

    expected = re.sub(rb"\r+\n" if merges else rb"\r\n", b"\n", octets)
    assert b"".join(blocks) == re.sub(rb"[\r\n]", b"\r\n", expected)
    assert not any(block.endswith(b"\r") for block in blocks)
    assert b"" not in blocks


@given(LINE_BYTES.map(b"".join), BORDERS, st.integers(0, 60), st.sampled_from([b"", b"\r\n"]))
def test_lines_begin_at_the_offset(octets, borders, offset, end):
    whole = crlf(octets)[offset:] + end

    content = Lines(Split(octets, borders), len(whole), offset=offset, end=end)

    assert content.whole() == whole
    assert b"" not in content.blocks()


@pytest.mark.parametrize(
    ("octets", "place"),
    [
        (b"", -1),
        (b"x" * 998, -1),
        (b"x" * 999, 0),
        (b"x" * 998 + b"\r\n", -1),
        (b"x" * 998 + b"\n", -1),
        (b"x" * 999 + b"\n", 0),
        (b"x" * 999 + b"\r\n", 0),
        (b"a\r\n" * 500 + b"x" * 999, 1500),
        (b"a\n" * 500 + b"x" * 998 + b"\r\n" + b"b\n" * 500, -1),
        (b"a\n" + b"x" * 996 + b"\n" + b"b" * 998 + b"\n", -1),
    ],
)
def test_line_above_998_octets_is_found(octets, place):
    assert long_line(octets) == place


@given(
    st.lists(st.sampled_from([b"\r\n", b"x" * 500, b"x" * 498, b"y", b"\0", b"\xff"]), max_size=12),
    st.lists(st.integers(0, 4000), max_size=8),
)
def test_survey_tells_the_same_whatever_the_borders(pieces, borders):
    octets, survey = b"".join(pieces), Survey()

    for block in normalised(Split(octets, borders).blocks()):
        survey.feed(block)

    lines = octets.split(b"\r\n")
    long = [number for number, line in enumerate(lines, 1) if len(line) > 998]
    nul = [number for number, line in enumerate(lines, 1) if b"\0" in line]
    assert survey.size_bytes == len(octets)
    assert survey.is_ascii is octets.isascii()
    assert survey.long_line == (long[0] if long else None)
    assert survey.nul_line == (nul[0] if nul else None)
    assert survey.ends_in_line_end is octets.endswith(b"\r\n")


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["lone", "line end"])
def test_millions_of_carriage_returns_are_never_in_memory_at_once(end):
    octets = b"\r" * 5_000_000 + end

    blocks = list(normalised(Octets(octets).blocks(), merges_doubled=True))

    assert sum(map(len, blocks)) == (2 if end else 10_000_000)
    assert max(map(len, blocks)) <= MEMORY_BYTES


# -- memory ----------------------------------------------------------------------------------------------

_MEASURED = """
import os, resource, sys
from datetime import UTC, datetime
from fluenzr_smtp import files
from fluenzr_smtp.compose import compose, from_raw
from fluenzr_smtp.model import Attachment, Draft, Mailbox

def sent(name):
    me = Mailbox(address="a@b.example")
    content = files.open_content(name)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    if sys.argv[1] == "raw":
        return from_raw(content, mail_from="a@b.example", recipients=("c@d.example",), default_from=me,
                        now=now, token="t")
    attachment = Attachment(filename=sys.argv[3], content=content)
    return compose(Draft(sender=me, to=(me,), text="x", attachments=(attachment,)), now=now, token="t")

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for block in sent(sys.argv[2] + ".small").content.blocks(): pass
before = peak()
submission = sent(sys.argv[2])
size = sum(map(len, submission.content.blocks()))
assert size == submission.content.size_bytes > 50_000_000, size
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("kind", "filename"),
    [("draft", "a.bin"), ("draft", "a.txt"), ("draft", "a.eml"), ("raw", "")],
    ids=["file", "text file", "attached message", "ready-made message"],
)
def test_memory_does_not_grow_with_what_is_sent(tmp_path: Path, kind, filename):
    line = b"x" * 70 + b"\n"
    path = tmp_path / "content"
    path.write_bytes(b"Subject: x\n\n" + line * 740_000)
    (tmp_path / "content.small").write_bytes(b"Subject: x\n\n" + line)

    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, kind, str(path), filename], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 20_000  # KiB
