from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage
from tests.servers import require

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user or mount")


@pytest.fixture
def open_folder():
    """A folder that other users can reach: pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="fluenzr-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run_child(code: str, *arguments: str) -> list[str]:
    """Run code that prints words; returns them."""
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def start_child(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


class TestWriteAtomically:
    def test_content_replaces_what_was_there(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"a much longer old content")

        durable.write_atomically(path, b"new")

        assert path.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("umask", [0, 0o027, 0o777], indirect=True, ids=oct)
    @pytest.mark.parametrize("mode", [0o600, 0o644], ids=oct)
    def test_mode_does_not_depend_on_the_umask(self, tmp_path, umask, mode):
        path = tmp_path / "file"

        durable.write_atomically(path, b"content", mode=mode)

        assert mode_of(path) == mode

    def test_symbolic_link_is_replaced_and_not_followed(self, tmp_path):
        other, path = tmp_path / "other", tmp_path / "file"
        other.write_bytes(b"not ours")
        path.symlink_to(other)

        durable.write_atomically(path, b"new")

        assert other.read_bytes() == b"not ours"
        assert not path.is_symlink()

    def test_missing_folder_is_told(self, tmp_path):
        path = tmp_path / "missing" / "file"

        with pytest.raises(FluenzrError) as caught:
            durable.write_atomically(path, b"content")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_CREATED
        assert caught.value.problem.exit_status is ExitStatus.CANNOT_CREATE
        assert caught.value.problem.facts == {"path": str(path), "reason": "No such file or directory"}

    def test_folder_in_the_place_of_the_file_is_told_and_nothing_is_left(self, tmp_path):
        path = tmp_path / "file"
        path.mkdir()

        with pytest.raises(FluenzrError) as caught:
            durable.write_atomically(path, b"content")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_WRITTEN
        assert caught.value.problem.exit_status is ExitStatus.IO
        assert list(tmp_path.iterdir()) == [path]

    def test_limit_on_file_size_counts_as_full_disk(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"old")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            with pytest.raises(FluenzrError) as caught:
                durable.write_atomically(path, bytes(5000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

        assert caught.value.problem.code is ProblemCode.DISK_FULL
        assert caught.value.problem.exit_status is ExitStatus.IO
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    @needs_root
    def test_full_disk_leaves_the_old_file(self, tiny_disk):
        path = tiny_disk / "file"
        durable.write_atomically(path, b"old")

        with pytest.raises(FluenzrError) as caught:
            durable.write_atomically(path, bytes(200_000))

        assert caught.value.problem.code is ProblemCode.DISK_FULL
        assert caught.value.problem.facts["reason"] == "No space left on device"
        assert path.read_bytes() == b"old"
        assert list(tiny_disk.iterdir()) == [path]

    @needs_root
    def test_read_only_folder_refuses_an_ordinary_user(self, open_folder):
        path = open_folder / "file"
        path.write_bytes(b"old")

        words = run_child(AS_NOBODY_WRITE, str(path))

        assert words == ["file-not-created", "73"]
        assert path.read_bytes() == b"old"

    def test_killed_writer_leaves_the_old_or_the_new_content(self, tmp_path):
        path = tmp_path / "file"
        durable.write_atomically(path, b"a" * 200_000)

        for writes_before_kill in range(1, 16):
            child = start_child(WRITE_FOR_EVER, str(path))
            child.stdout.read(writes_before_kill)
            kill(child)

            content = path.read_bytes()
            assert len(content) == 200_000
            assert content in (b"a" * 200_000, b"b" * 200_000)

    def test_leftovers_of_killed_writers_are_removed_and_nothing_else(self, tmp_path):
        path = tmp_path / "file"
        leftover = tmp_path / ".file.0123456789abcdef.tmp"
        others = {path, tmp_path / ".other.0123456789abcdef.tmp", tmp_path / ".file.tmp"}
        for each in (leftover, *others):
            each.write_bytes(b"content")

        durable.remove_leftovers(path)

        assert set(tmp_path.iterdir()) == others


class TestWriteNew:
    def test_new_file_is_written_and_nothing_else(self, tmp_path):
        path = tmp_path / "file"

        durable.write_new(path, b"new")

        assert path.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("umask", [0, 0o777], indirect=True, ids=oct)
    def test_mode_does_not_depend_on_the_umask(self, tmp_path, umask):
        durable.write_new(tmp_path / "file", b"new")

        assert mode_of(tmp_path / "file") == 0o600

    @pytest.mark.parametrize("thing", ["file", "folder", "dangling link"])
    def test_what_is_there_is_never_overwritten(self, tmp_path, thing):
        path = tmp_path / "file"
        {"file": path.touch, "folder": path.mkdir, "dangling link": lambda: path.symlink_to("nowhere")}[
            thing
        ]()
        before = os.lstat(path)

        with pytest.raises(FluenzrError) as caught:
            durable.write_new(path, b"new")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_CREATED
        assert caught.value.problem.facts == {"path": str(path), "reason": "exists"}
        assert os.lstat(path).st_ino == before.st_ino
        assert list(tmp_path.iterdir()) == [path]

    def test_of_two_writers_at_once_one_is_refused(self, tmp_path):
        path = tmp_path / "file"

        words = run_child(WRITE_NEW_AT_ONCE, str(path))

        assert sorted(words) == ["exists", "written"]
        assert path.read_bytes() in (b"0" * 100_000, b"1" * 100_000)

    def test_missing_folder_is_told(self, tmp_path):
        with pytest.raises(FluenzrError) as caught:
            durable.write_new(tmp_path / "missing" / "file", b"new")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_CREATED

    @needs_root
    def test_full_disk_leaves_nothing(self, tiny_disk):
        with pytest.raises(FluenzrError) as caught:
            durable.write_new(tiny_disk / "file", bytes(200_000))

        assert caught.value.problem.code is ProblemCode.DISK_FULL
        assert list(tiny_disk.iterdir()) == []


class TestKeepAs:
    def test_file_gets_a_second_name(self, tmp_path):
        path, kept = tmp_path / "file", tmp_path / "kept"
        path.write_bytes(b"old")

        durable.keep_as(path, kept, content=b"old")

        assert kept.stat().st_ino == path.stat().st_ino
        assert mode_of(kept) == 0o600
        assert set(tmp_path.iterdir()) == {path, kept}

    def test_kept_content_outlives_the_next_write(self, tmp_path):
        path, kept = tmp_path / "file", tmp_path / "kept"
        path.write_bytes(b"old")
        durable.keep_as(path, kept, content=b"old")

        durable.write_atomically(path, b"new")

        assert (path.read_bytes(), kept.read_bytes()) == (b"new", b"old")

    def test_older_file_of_the_second_name_is_replaced(self, tmp_path):
        path, kept = tmp_path / "file", tmp_path / "kept"
        path.write_bytes(b"old")
        kept.write_bytes(b"older")

        durable.keep_as(path, kept, content=b"old")

        assert kept.read_bytes() == b"old"

    def test_keeping_twice_leaves_no_third_name(self, tmp_path):
        path, kept = tmp_path / "file", tmp_path / "kept"
        path.write_bytes(b"old")

        for _ in range(2):
            durable.keep_as(path, kept, content=b"old")

        assert set(tmp_path.iterdir()) == {path, kept}

    @needs_root
    def test_full_disk_that_cannot_keep_it_is_told(self, tiny_disk):
        path = tiny_disk / "file"
        path.write_bytes(bytes(40_000))
        (tiny_disk / "kept").mkdir()  # where a link cannot go, a copy is tried

        with pytest.raises(FluenzrError) as caught:
            durable.keep_as(path, tiny_disk / "kept", content=bytes(40_000))

        assert caught.value.problem.code is ProblemCode.DISK_FULL
        assert set(tiny_disk.iterdir()) == {path, tiny_disk / "kept"}


@pytest.fixture
def tiny_disk(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path])
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


class TestEnsurePrivateDir:
    @pytest.mark.parametrize("umask", [0, 0o077, 0o777], indirect=True, ids=oct)
    def test_folder_and_its_parents_are_closed_to_others(self, tmp_path, umask):
        folder = tmp_path / "one" / "two"

        durable.ensure_private_dir(folder)

        assert mode_of(folder) == mode_of(folder.parent) == 0o700

    @needs_root
    def test_umask_that_keeps_the_owner_out_hinders_no_ordinary_user(self, open_folder):
        open_folder.chmod(0o777)

        words = run_child("import os; os.umask(0o777)" + AS_NOBODY_MAKE, str(open_folder / "one" / "two"))

        assert words == []
        assert mode_of(open_folder / "one" / "two") == mode_of(open_folder / "one") == 0o700

    @pytest.mark.parametrize(("mode", "closed"), [(0o755, 0o700), (0o555, 0o500), (0o500, 0o500)], ids=oct)
    def test_existing_folder_is_closed_to_others_and_never_opened(self, tmp_path, mode, closed):
        tmp_path.chmod(mode)

        durable.ensure_private_dir(tmp_path)

        assert mode_of(tmp_path) == closed

    def test_folder_shared_by_all_is_left_as_it_is(self, tmp_path):
        tmp_path.chmod(0o1777)

        durable.ensure_private_dir(tmp_path)

        assert mode_of(tmp_path) == 0o1777

    def test_file_in_the_place_of_the_folder_is_told(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"")

        with pytest.raises(FluenzrError) as caught:
            durable.ensure_private_dir(path / "folder")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_CREATED

    @needs_root
    def test_read_only_folder_refuses_an_ordinary_user(self, open_folder):
        words = run_child(AS_NOBODY_MAKE, str(open_folder / "one" / "two"))

        assert words == ["file-not-created", "73"]


class TestLock:
    def test_held_lock_is_told_after_the_time_out(self, tmp_path):
        path = tmp_path / "lock"
        child = start_child(HOLD_LOCK, str(path))
        child.stdout.read(1)

        with pytest.raises(FluenzrError) as caught, durable.lock(path, timeout_seconds=0.1):
            pytest.fail("two held the lock")
        kill(child)

        assert caught.value.problem.code is ProblemCode.VAULT_BUSY
        assert caught.value.problem.exit_status is ExitStatus.TEMPORARY
        assert caught.value.problem.facts == {"path": str(path), "seconds": 0.1}

    def test_caller_names_the_problem(self, tmp_path):
        path = tmp_path / "lock"
        busy = durable.lock(path, timeout_seconds=0, code=ProblemCode.SERVER_FAULT, stage=Stage.OUTPUT)

        with (
            durable.lock(path, timeout_seconds=0),
            pytest.raises(FluenzrError) as caught,
            busy,
        ):
            pytest.fail("two held the lock")

        assert caught.value.problem.code is ProblemCode.SERVER_FAULT
        assert caught.value.problem.stage is Stage.OUTPUT

    def test_lock_of_a_killed_process_blocks_nobody(self, tmp_path):
        path = tmp_path / "lock"
        child = start_child(HOLD_LOCK, str(path))
        child.stdout.read(1)
        kill(child)

        with durable.lock(path, timeout_seconds=0):
            assert path.exists()

    def test_lock_file_that_is_removed_while_it_is_held_is_made_anew(self, tmp_path):
        """Two holders of two files of one name would be none: what counts is the file of this name."""
        path = tmp_path / "lock"

        with durable.lock(path, timeout_seconds=0):
            path.unlink()

            with durable.lock(path, timeout_seconds=0):
                assert path.exists()

    def test_lock_outlives_a_child_that_was_forked_meanwhile(self, tmp_path):
        path = tmp_path / "lock"

        words = run_child(FORK_UNDER_LOCK, str(path))

        assert words == ["free"]

    def test_waiting_ends_when_the_lock_is_free(self, tmp_path):
        path = tmp_path / "lock"
        child = start_child(HOLD_LOCK, str(path))
        child.stdout.read(1)
        waiting = start_child(WAIT_FOR_LOCK, str(path))
        waiting.stdout.read(1)

        kill(child)

        assert waiting.stdout.read() == b"held"
        waiting.wait()
        waiting.stdout.close()

    @pytest.mark.parametrize("umask", [0, 0o777], indirect=True, ids=oct)
    def test_lock_file_is_private_whatever_the_umask(self, tmp_path, umask):
        with durable.lock(tmp_path / "lock", timeout_seconds=0):
            assert mode_of(tmp_path / "lock") == 0o600

    @pytest.mark.parametrize("error", ["ENOSYS", "EOPNOTSUPP", "ENOLCK"])
    def test_file_system_without_locks_is_told_and_no_other_lock_is_used(self, tmp_path, error):
        (strace,) = require("strace")

        result = subprocess.run(
            [
                *(strace, "-f", "-o", "/dev/null", "-e", f"inject=flock:error={error}"),
                *(sys.executable, "-c", TRY_LOCK, str(tmp_path / "lock")),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert result.stdout.split() == ["vault-unsafe", "no-lock"], result.stderr

    def test_lock_is_free_after_an_error(self, tmp_path):
        path = tmp_path / "lock"
        with pytest.raises(ZeroDivisionError), durable.lock(path, timeout_seconds=0):
            raise ZeroDivisionError

        with durable.lock(path, timeout_seconds=0):
            assert mode_of(path) == 0o600

    def test_missing_folder_is_told(self, tmp_path):
        lock = durable.lock(tmp_path / "missing" / "lock", timeout_seconds=0)

        with pytest.raises(FluenzrError) as caught, lock:
            pytest.fail("no folder, no lock")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_CREATED
        assert list(tmp_path.iterdir()) == []

    def test_symbolic_link_in_the_place_of_the_lock_is_not_followed(self, tmp_path):
        path, other = tmp_path / "lock", tmp_path / "other"
        path.symlink_to(other)

        with pytest.raises(FluenzrError) as caught, durable.lock(path, timeout_seconds=0):
            pytest.fail("followed")

        assert caught.value.problem.code is ProblemCode.FILE_NOT_CREATED
        assert not other.exists()


AS_NOBODY = f"""
import os, sys
from pathlib import Path
from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
path = Path(sys.argv[1])
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
try:
    ACTION
except FluenzrError as error:
    print(error.problem.code.value, int(error.problem.exit_status))
"""
AS_NOBODY_WRITE = AS_NOBODY.replace("ACTION", "durable.write_atomically(path, b'new')")
AS_NOBODY_MAKE = AS_NOBODY.replace("ACTION", "durable.ensure_private_dir(path)")
WRITE_FOR_EVER = """
import sys, itertools
from pathlib import Path
from fluenzr_smtp import durable
for letter in itertools.cycle((b"a", b"b")):
    durable.write_atomically(Path(sys.argv[1]), letter * 200_000)
    sys.stdout.buffer.write(b".")
    sys.stdout.buffer.flush()
"""
WRITE_NEW_AT_ONCE = """
import os, sys
from pathlib import Path
from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
starting, start = os.pipe()
for number in (b"0", b"1"):
    if os.fork() == 0:
        os.close(start)
        os.read(starting, 1)
        try:
            durable.write_new(Path(sys.argv[1]), number * 100_000)
            print("written", flush=True)
        except FluenzrError as error:
            print(error.problem.facts["reason"], flush=True)
        os._exit(0)
os.close(start)
os.wait()
os.wait()
"""
FORK_UNDER_LOCK = """
import os, signal, sys
from pathlib import Path
from fluenzr_smtp import durable
path = Path(sys.argv[1])
with durable.lock(path, timeout_seconds=0):
    child = os.fork()
    if child == 0:
        signal.pause()
with durable.lock(path, timeout_seconds=0):
    print("free")
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""
WAIT_FOR_LOCK = """
import sys
from pathlib import Path
from fluenzr_smtp import durable
print(end=".", flush=True)
with durable.lock(Path(sys.argv[1]), timeout_seconds=60):
    print(end="held", flush=True)
"""
TRY_LOCK = """
import sys
from pathlib import Path
from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
try:
    with durable.lock(Path(sys.argv[1]), timeout_seconds=0):
        print("held")
except FluenzrError as error:
    print(error.problem.code.value, error.problem.facts["reason"])
"""
HOLD_LOCK = """
import signal, sys
from pathlib import Path
from fluenzr_smtp import durable
with durable.lock(Path(sys.argv[1]), timeout_seconds=0):
    print(end=".", flush=True)
    signal.pause()
"""
