"""What durable.py does for the outbox alone: locks that are not waited for, files written block by block."""

from __future__ import annotations

import pytest

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode


def code_of(call) -> ProblemCode:
    with pytest.raises(FluenzrError) as caught:
        call()
    return caught.value.problem.code


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "lock"


def test_lock_is_held_by_one(lock):
    held = durable.hold(lock)

    assert durable.hold(lock) is None
    assert durable.hold(lock, is_shared=True) is None
    durable.let_go(held)
    assert lock.stat().st_mode & 0o777 == 0o600


def test_lock_that_was_let_go_is_free(lock):
    durable.let_go(durable.hold(lock))

    held = durable.hold(lock)

    assert held is not None
    durable.let_go(held)


def test_shared_lock_is_held_by_many_and_by_nobody_alone(lock):
    held = [durable.hold(lock, is_shared=True) for _ in range(3)]

    assert None not in held
    assert durable.hold(lock) is None
    for each in held:
        durable.let_go(each)


def test_symbolic_link_is_no_lock(lock, tmp_path):
    lock.symlink_to(tmp_path / "elsewhere")

    assert code_of(lambda: durable.hold(lock)) is ProblemCode.FILE_NOT_CREATED


def test_blocks_become_a_file_for_its_owner_alone(tmp_path):
    path = tmp_path / "file"

    durable.write_blocks(path, iter([b"one ", b"", b"two"]))

    assert path.read_bytes() == b"one two"
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_that_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    assert code_of(lambda: durable.write_blocks(path, [b"new"])) is ProblemCode.FILE_NOT_CREATED
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "full")], ids=["interrupted", "full"])
def test_blocks_that_fail_leave_nothing(tmp_path, error):
    def blocks():
        yield b"half"
        raise error

    with pytest.raises((KeyboardInterrupt, FluenzrError)):
        durable.write_blocks(tmp_path / "file", blocks())

    assert list(tmp_path.iterdir()) == []


def test_renamed_file_takes_the_place_of_another(tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "file").write_bytes(b"old")

    durable.rename(tmp_path / "new", tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == b"new"
    assert (
        code_of(lambda: durable.rename(tmp_path / "new", tmp_path / "file")) is ProblemCode.FILE_NOT_WRITTEN
    )
