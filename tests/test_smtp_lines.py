"""The content on its way: no bad line end leaves, and dots are doubled wherever the blocks meet."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Content, Octets
from fluenzr_smtp.smtp.lines import BLOCK_BYTES, ContentError, bounded, checked, measured, stuffed, with_last

BAD_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
PIECES = st.sampled_from([b".", b"..", b"\r\n", b"\r\n.", b"x", b"\r\n.\r\n", b"\r", b"\n"])
SOUND = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"x", b".\r\n"]), max_size=30).map(b"".join)


@dataclass(frozen=True, slots=True)
class Announced(Content):
    """A content that may be of another size than it says."""

    parts: tuple[bytes, ...]
    size: int

    @property
    def size_bytes(self) -> int:
        return self.size

    def blocks(self) -> Iterator[bytes]:
        yield from self.parts


@st.composite
def split(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> list[bytes]:
    """Return a content in blocks whose borders lie anywhere."""
    whole = draw(contents)
    borders = sorted(draw(st.sets(st.integers(1, max(1, len(whole))))) | {0, len(whole)})
    return [whole[start:end] for start, end in pairwise(borders) if whole[start:end]]


def received(wire: bytes) -> bytes:
    """Return what a server reads (RFC 5321 §4.5.2): the end is where it is and nowhere before."""
    lines, end, rest = (b"\r\n" + wire + b".\r\n").partition(b"\r\n.\r\n")
    assert (end, rest) == (b"\r\n.\r\n", b"")
    return b"".join(each.removeprefix(b".") + b"\r\n" for each in lines.split(b"\r\n")[1:])


@given(split(SOUND))
def test_server_reads_what_was_given_wherever_the_borders_are(blocks):
    whole = b"".join(blocks)

    wire = b"".join(stuffed(checked(blocks)))

    assert received(wire) == (whole if whole.endswith(b"\r\n") else whole + b"\r\n")


@given(split(st.lists(PIECES, max_size=20).map(b"".join)))
def test_bad_line_end_is_found_wherever_the_borders_are(blocks):
    given_out: list[bytes] = []

    try:
        given_out.extend(checked(blocks))
        is_sound = True
    except ContentError:
        is_sound = False

    assert is_sound is (BAD_LINE_END.search(b"".join(blocks)) is None)
    assert not is_sound or b"".join(given_out) == b"".join(blocks)


@given(split(st.lists(PIECES, max_size=20).map(b"".join)))
def test_nothing_bad_is_given_out_before_it_is_found(blocks):
    given_out = b""

    try:
        for block in checked(blocks):
            given_out += block
    except ContentError:
        pass

    assert BAD_LINE_END.search(given_out.removesuffix(b"\r")) is None


@pytest.mark.parametrize("error", [-1, 1, 100], ids=["one-less", "one-more", "many-more"])
def test_content_of_another_size_is_never_given_out_whole(error):
    content = Announced((b"abc\r\n", b"def\r\n"), 10 + error)
    given_out: list[bytes] = []

    with pytest.raises(ContentError) as caught:
        given_out.extend(block for block, _ in with_last(measured(content)))

    assert caught.value.reason == "size"
    assert len(b"".join(given_out)) < 10


def test_content_of_the_announced_size_is_given_out():
    assert b"".join(measured(Octets(b"abc\r\n"))) == b"abc\r\n"


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9))
def test_last_block_alone_is_marked(blocks):
    marked = list(with_last(blocks))

    assert [block for block, _ in marked] == blocks
    assert [is_last for _, is_last in marked] == [False] * (len(blocks) - 1) + [True] * bool(blocks)


def test_blocks_are_bounded_without_a_copy_of_the_whole():
    line = b"x" * 998 + b"\r\n"
    content = [line * 1000] * 20
    tracemalloc.start()

    sizes = [len(block) for block in bounded(stuffed(checked(content)))]

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(sizes) <= BLOCK_BYTES
    assert sum(sizes) == 20_000_000
    assert peak < 4_000_000
