"""Files that a person names: read whole, written whole, and devices never replaced."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

from fluenzr_smtp import files
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode


def refused(function, *arguments, **options) -> ProblemCode:
    with pytest.raises(FluenzrError) as error:
        function(*arguments, **options)
    assert error.value.problem.facts["path"] == arguments[0]
    return error.value.problem.code


def test_a_file_is_read_as_it_is(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"\0\xff\r\n")

    assert files.read(str(tmp_path / "file")) == b"\0\xff\r\n"


def test_a_tilde_is_the_home(own_home: Path):
    (own_home / "file").write_bytes(b"mine")

    assert files.read("~/file") == b"mine"


def test_a_dash_is_standard_input_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    assert files.read("-", stdin=io.BytesIO(b"given")) == b"given"
    assert refused(files.read, "-") is ProblemCode.FILE_MISSING


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("/nowhere/file", ProblemCode.FILE_MISSING),
        ("/dev/null/file", ProblemCode.FILE_MISSING),
        ("/" + "x" * 300, ProblemCode.FILE_MISSING),
        ("a\0b", ProblemCode.FILE_MISSING),
        ("~nobody-of-this-name/file", ProblemCode.FILE_MISSING),
        ("", ProblemCode.FILE_MISSING),
        ("/", ProblemCode.FILE_UNREADABLE),
        ("/proc/self/mem", ProblemCode.FILE_UNREADABLE),
    ],
    ids=["no folder", "file as folder", "too long", "NUL", "nobody's home", "empty", "folder", "I/O error"],
)
def test_what_cannot_be_read_is_told(name, code):
    assert refused(files.read, name) is code


def test_standard_input_that_cannot_be_read_is_told(tmp_path: Path):
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)

    with os.fdopen(descriptor, "rb") as stdin, pytest.raises(FluenzrError) as error:
        files.read("-", stdin=stdin)

    assert error.value.problem.code is ProblemCode.FILE_UNREADABLE


@pytest.mark.parametrize("name", ["/dev/zero", "-"], ids=["file", "standard input"])
def test_what_never_ends_is_refused(name):
    with Path("/dev/zero").open("rb") as stdin, pytest.raises(FluenzrError) as error:
        files.read(name, stdin=stdin)

    assert error.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert error.value.problem.facts == {"path": name, "reason": "too-big"}


def test_the_biggest_file_is_read_and_one_byte_more_is_not(tmp_path: Path):
    path = tmp_path / "file"
    path.touch()

    os.truncate(path, files.LIMIT_BYTES)
    length = len(files.read(str(path)))
    os.truncate(path, files.LIMIT_BYTES + 1)

    assert length == files.LIMIT_BYTES
    assert refused(files.read, str(path)) is ProblemCode.FILE_UNREADABLE


def test_a_pipe_is_read_to_its_end(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"given"), daemon=True)
    writer.start()

    assert files.read(str(pipe)) == b"given"
    writer.join(20)


# -- settings --------------------------------------------------------------------------------------------


def test_settings_are_tables_with_or_without_a_byte_order_mark(tmp_path: Path):
    path = tmp_path / "file.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")

    assert files.read_toml(path, limit_bytes=100) == {"a": 1}
    with pytest.raises(FileNotFoundError):
        files.read_toml(tmp_path / "missing.toml", limit_bytes=100)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "not-a-file"),
        (lambda path: path.symlink_to("/dev/zero"), "not-a-file"),
        (os.mkdir, "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.write_bytes(b"#" * 50 + b"\n" + b"#" * 50), "too-big"),
    ],
    ids=["pipe", "device", "folder", "loop", "too big"],
)
def test_what_is_no_settings_file_is_refused_at_once(tmp_path: Path, make, reason):
    path = tmp_path / "file.toml"
    make(path)

    with pytest.raises(FluenzrError) as error:
        files.read_toml(path, limit_bytes=100)

    assert error.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert error.value.problem.facts == {"path": str(path), "reason": reason}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a = ", "Invalid value"),
        (b'a = "\xff"', "not-utf-8"),
        (b"a" + b".a" * 20_000 + b" = 1", "line-too-long"),
        (b"a = [\n" + b"[\n" * 20_000, "nested-too-deep"),
    ],
    ids=["syntax", "encoding", "dotted key", "nesting"],
)
def test_settings_that_cannot_be_parsed_are_told(tmp_path: Path, content, told):
    path = tmp_path / "file.toml"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=told):
        files.read_toml(path, limit_bytes=65_536)


def test_a_report_replaces_an_older_one_and_leaves_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "report.xml"
    path.write_text("a much longer report of yesterday")

    files.write(str(path), b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_of_a_link_the_file_that_it_names_is_replaced(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")

    files.write(str(tmp_path / "link"), b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_pipe_is_written_into(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()), daemon=True)
    reader.start()

    files.write(str(pipe), b"report")

    reader.join(20)
    assert heard == [b"report"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("/dev/full", ProblemCode.DISK_FULL),
        ("/nowhere/report.xml", ProblemCode.FILE_NOT_CREATED),
        ("/", ProblemCode.FILE_NOT_WRITTEN),
        ("a\0b", ProblemCode.FILE_NOT_CREATED),
        ("~nobody-of-this-name/file", ProblemCode.FILE_MISSING),
    ],
    ids=["full disk", "no folder", "folder", "NUL", "nobody's home"],
)
def test_what_cannot_be_written_is_told(name, code):
    before = Path("/dev/full").stat().st_rdev

    with pytest.raises(FluenzrError) as error:
        files.write(name, b"report")

    assert error.value.problem.code is code
    assert Path("/dev/full").stat().st_rdev == before


# -- contents to be sent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 100, 2_000_000])
def test_content_of_a_file_is_what_it_holds(tmp_path: Path, size):
    (tmp_path / "file").write_bytes(b"x" * size)

    content = files.open_content(str(tmp_path / "file"))

    assert content.whole() == b"x" * size
    assert content.size_bytes == size


def test_log_that_goes_on_being_written_is_sent_as_it_was(tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(b"one\n")

    content = files.open_content(str(path))
    path.write_bytes(b"one\ntwo\n")

    assert content.whole() == b"one\n"


def test_big_file_that_changes_is_told_by_its_name(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2_000_000)

    content = files.open_content(str(path))
    os.truncate(path, 10)
    with pytest.raises(FluenzrError) as error:
        content.whole()

    assert error.value.problem.facts == {"path": str(path), "reason": "changed"}


def test_file_that_names_no_size_is_read():
    assert b"processor" in files.open_content("/proc/cpuinfo").whole()


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_content_of_a_pipe_is_read_to_its_end(tmp_path: Path, size):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"x" * size), daemon=True)
    writer.start()

    content = files.open_content(str(pipe))

    writer.join(20)
    assert content.whole() == b"x" * size


def test_content_of_a_dash_is_standard_input_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    assert files.open_content("-", stdin=io.BytesIO(b"given")).whole() == b"given"
    assert refused(files.open_content, "-") is ProblemCode.FILE_MISSING


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("/nowhere/file", ProblemCode.FILE_MISSING),
        ("a\0b", ProblemCode.FILE_MISSING),
        ("", ProblemCode.FILE_MISSING),
        ("/", ProblemCode.FILE_UNREADABLE),
        ("/proc/self/mem", ProblemCode.FILE_UNREADABLE),
    ],
    ids=["no folder", "NUL", "empty", "folder", "I/O error"],
)
def test_content_that_cannot_be_opened_is_told(name, code):
    assert refused(files.open_content, name) is code


@pytest.mark.parametrize("is_plain", [True, False], ids=["file", "device"])
def test_content_above_the_limit_is_refused(tmp_path: Path, is_plain):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_001)
    name = str(path) if is_plain else "/dev/zero"

    with pytest.raises(FluenzrError) as error:
        files.open_content(name, limit_bytes=3_000_000)

    assert error.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert error.value.problem.facts == {"path": name, "reason": "too-big"}


# -- until a dot -----------------------------------------------------------------------------------------


def read_until_dot(content: bytes, size: int) -> tuple[bytes, bytes]:
    """Return what is given out in pieces of a size, and what is left of the stream."""
    stream = io.BytesIO(content)
    until_dot = files.UntilDot(stream)
    pieces = list(iter(lambda: until_dot.read(size), b""))
    assert max(map(len, pieces), default=0) <= size
    return b"".join(pieces), stream.read()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1_048_576])
@pytest.mark.parametrize(
    ("content", "given", "left"),
    [
        (b"a\n.\nb\n", b"a\n", b"b\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n", b"b\r\n"),
        (b"a\n.", b"a\n", b""),
        (b".\na", b"", b"a"),
        (b"a\nb", b"a\nb", b""),
        (b"a.\n .\n..\n.a\n. \n", b"a.\n .\n..\n.a\n. \n", b""),
        (b"abcd.\nabcde.\nabcdef.\n", b"abcd.\nabcde.\nabcdef.\n", b""),
        (b".\r\r\n.\ra\n.\r", b".\r\r\n.\ra\n.\r", b""),
        (b"", b"", b""),
    ],
    ids=["LF", "CRLF", "at the end", "at once", "none", "other dots", "ends of lines", "CR", "nothing"],
)
def test_a_dot_alone_ends_a_stream_whatever_the_size_of_the_pieces(content, given, left, size):
    assert read_until_dot(content, size) == (given, left)


def test_a_message_that_a_dot_ends_is_read_into_a_content():
    message = b"Subject: x\n\n" + b"A line of some length.\n" * 200_000

    content = files.open_content("-", stdin=files.UntilDot(io.BytesIO(message + b".\nnot this\n")))

    assert content.whole() == message
