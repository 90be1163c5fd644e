from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.outbox import Outbox, State
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.state import Database
from fluenzr_smtp.state.schema import VERSION
from tests.outboxes import ACCEPTED, DEFERRED, LANE, LATER, Watch, begin, depart, put, sent, settle

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user or mount")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "outbox.sqlite"


@pytest.fixture
def database(path):
    opened = Database(path, busy_seconds=0.1)
    yield opened
    opened.close()


def problem_of(call):
    with pytest.raises(FluenzrError) as caught:
        call()
    return caught.value.problem


def write(database, *, is_durable=True):
    with database.transaction(is_durable=is_durable) as tables:
        tables.pauses.remove("x")


class TestOpening:
    def test_new_database_has_the_present_form(self, database, path):
        write(database)

        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    @pytest.mark.parametrize("content", [b"", None], ids=["empty", "wal only"])
    def test_database_whose_making_was_cut_short_is_made_to_the_end(self, database, path, content):
        path.parent.mkdir()
        path.write_bytes(b"")
        if content is None:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")

        write(database)

        with database.reading() as tables:
            assert tables.is_sound()

    def test_newer_database_is_refused_and_left_alone(self, database, path):
        write(database)
        database.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        before = path.read_bytes()

        problem = problem_of(lambda: write(database))

        assert problem.code is ProblemCode.OUTBOX_NEWER
        assert problem.facts == {"path": str(path), "version": VERSION + 1}
        assert path.read_bytes() == before

    def test_symbolic_link_is_refused(self, database, path):
        write(database)
        database.close()
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))

        problem = problem_of(lambda: write(database))

        assert (problem.code, problem.facts["reason"]) == (ProblemCode.FILE_NOT_WRITTEN, "symbolic-link")

    def test_folder_in_its_place_is_refused(self, database, path):
        path.mkdir(parents=True)

        assert problem_of(lambda: write(database)).facts["reason"] == "not-a-file"

    @needs_root
    def test_file_of_another_user_is_refused(self, database, path):
        write(database)
        database.close()
        os.chown(path, 65534, 65534)

        assert problem_of(lambda: write(database)).facts["reason"] == "other-owner"

    def test_file_that_others_can_read_is_closed_to_them(self, database, path):
        write(database)
        database.close()
        path.chmod(0o644)

        write(database)

        assert path.stat().st_mode & 0o777 == 0o600

    def test_many_processes_at_once_make_one_database(self, path):
        children = [subprocess.Popen([sys.executable, "-c", MAKING, str(path)]) for _ in range(6)]

        assert [each.wait(60) for each in children] == [0] * 6
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM pause").fetchone() == (6,)


class TestTransaction:
    def test_failure_inside_takes_all_of_it_back(self, database):
        write(database)

        def fail():
            with database.transaction(is_durable=True) as tables:
                tables.is_new_no_more()
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()

        with database.reading() as tables:
            assert tables.is_new

    def test_locked_database_is_busy(self, database, path):
        write(database)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")

            problem = problem_of(lambda: write(database))

        assert problem.code is ProblemCode.OUTBOX_BUSY
        assert problem.facts == {"path": str(path), "seconds": 0.1}
        assert problem.exit_status is ExitStatus.TEMPORARY

    def test_reading_does_not_wait_for_a_writer(self, database, path):
        write(database)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")

            with database.reading() as tables:
                assert tables.pauses.get("x") is None

    def test_closed_database_opens_again(self, database):
        write(database)
        database.close()
        database.close()

        write(database, is_durable=False)

        with database.reading() as tables:
            assert tables.is_new

    @needs_root
    def test_full_disk_is_told_and_nothing_is_lost(self, tmp_path):
        with tiny_disk(tmp_path) as disk, Outbox(disk / "box", clock=Watch().clock) as box:
            kept, problem = [], None
            while problem is None and len(kept) < 1000:
                try:
                    kept.append(put(box).id)
                except FluenzrError as error:
                    problem = error.problem

            assert problem.code is ProblemCode.DISK_FULL
            assert [each.id for each in box.list()] == kept
            (disk / "ballast").unlink()
            kept.append(put(box).id)
            assert len(box.claim(limit=1000)) == len(kept)

    @needs_root
    def test_read_only_file_system_is_told(self, tmp_path):
        with tiny_disk(tmp_path) as disk:
            box = Outbox(disk / "box", clock=Watch().clock)
            put(box)
            box.close()
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

            problem = problem_of(lambda: put(box))

            assert problem.code in {ProblemCode.FILE_NOT_WRITTEN, ProblemCode.FILE_NOT_CREATED}
            assert not box.is_writable()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template") / "box"
    with Outbox(folder, clock=Watch().clock) as box:
        for number in range(8):
            put(box, "bob@example.net", "eve@example.net", key=f"key-{number}")
        sent(box, ACCEPTED, key="direct")
        box.pause_lane(LANE, until=None, problem=LATER)
        id_ = begin(box)
        depart(box, id_)
        settle(box, id_, DEFERRED)
        for claim in box.claim(limit=2):
            depart(box, claim.record.id)
            settle(box, claim.record.id, ACCEPTED, DEFERRED)
        shutil.copytree(folder, folder.with_name("open"))  # with its log, as a crash leaves it
    return folder


class TestDamage:
    """Whatever has happened to the bytes: they are read, or told to be damaged, and never a bug."""

    @staticmethod
    def look(folder):
        """Do everything with an outbox; return the code of what fails, and the ids that could be read."""
        with Outbox(folder, clock=Watch().clock, busy_seconds=0.1) as box:
            try:
                found = box.list()
                box.recover()
                box.claim(limit=100)
                put(box)
                sent(box, ACCEPTED)
                box.pause_of(LANE)
                box.expire()
                box.sweep()
            except FluenzrError as error:
                return error.problem.code, ()
            return "", found

    @pytest.mark.parametrize("seed", range(60))
    def test_flipped_bytes_are_read_or_told(self, template, tmp_path, seed):
        draw = random.Random(seed)
        shutil.copytree(template, tmp_path / "box")
        content = bytearray((tmp_path / "box" / "outbox.sqlite").read_bytes())
        for _ in range(draw.choice([1, 5, 50, 500])):
            content[draw.randrange(100 if draw.random() < 0.2 else len(content))] = draw.randrange(256)
        (tmp_path / "box" / "outbox.sqlite").write_bytes(content)

        code, _ = self.look(tmp_path / "box")

        assert code in {"", ProblemCode.OUTBOX_DAMAGED, ProblemCode.OUTBOX_NEWER, *UNWRITTEN}

    @pytest.mark.parametrize("kept", [0, 1, 15, 50, 99, 100, 511, 4095, 4096, 4097, 20_000, 40_000])
    def test_torn_database_is_told(self, template, tmp_path, kept):
        shutil.copytree(template, tmp_path / "box")
        os.truncate(tmp_path / "box" / "outbox.sqlite", kept)

        code, found = self.look(tmp_path / "box")

        if kept < 2:  # to SQLite that is a new one: all whose content is there are in doubt
            assert (code, found) == ("", ())
            with Outbox(tmp_path / "box", clock=Watch().clock) as box:
                assert len(box.list(states=[State.IN_DOUBT])) == 8
        else:
            assert code in {ProblemCode.OUTBOX_DAMAGED, *UNWRITTEN}

    @pytest.mark.parametrize("part", range(12))
    def test_torn_log_leaves_an_older_state_and_loses_no_message(self, template, tmp_path, part):
        folder = tmp_path / "box"
        shutil.copytree(template.with_name("open"), folder)
        shutil.rmtree(folder / "owners")
        log = folder / "outbox.sqlite-wal"
        os.truncate(log, log.stat().st_size * part // 12)
        (folder / "outbox.sqlite-shm").unlink()

        code, _ = self.look(folder)

        assert code in {"", ProblemCode.OUTBOX_DAMAGED}

    def test_database_that_is_something_else_is_damaged(self, database, path):
        path.parent.mkdir()
        path.write_bytes(b"%PDF-1.7" * 1000)

        problem = problem_of(lambda: write(database))

        assert problem.code is ProblemCode.OUTBOX_DAMAGED
        assert problem.facts == {"path": str(path)}

    def test_database_without_its_tables_is_damaged(self, database, path):
        write(database)
        database.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE pause")

        assert problem_of(lambda: write(database)).code is ProblemCode.OUTBOX_DAMAGED

    @pytest.mark.parametrize("value", ["'x'", "1e300", "x'00ff'"])
    def test_value_that_nobody_wrote_is_damage(self, path, value):
        with Outbox(path.parent, clock=Watch().clock) as box:
            put(box)
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute(f"UPDATE message SET created = {value}")

            assert problem_of(box.list).code is ProblemCode.OUTBOX_DAMAGED
            assert problem_of(lambda: box.claim(limit=1)).code is ProblemCode.OUTBOX_DAMAGED


UNWRITTEN = {ProblemCode.FILE_NOT_WRITTEN, ProblemCode.DISK_FULL}
MAKING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import os
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.state import Database, Pause
database = Database(Path(sys.argv[1]), busy_seconds=30)
problem = Problem(code=ProblemCode.BUG, stage=Stage.OUTBOX)
with database.transaction(is_durable=True) as tables:
    tables.pauses.put(Pause(lane=str(os.getpid()), since=datetime.now(UTC), until=None, problem=problem))
database.close()
"""


def tiny_disk(folder):
    """A file system of 1 MB with 200 KB of ballast that can be thrown off."""
    import contextlib

    @contextlib.contextmanager
    def mounted():
        place = folder / "disk"
        place.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True)
        if made.returncode:
            pytest.skip("nothing can be mounted here")
        try:
            (place / "ballast").write_bytes(bytes(200_000))
            yield place
        finally:
            subprocess.run(["umount", "-l", place], check=True)

    return mounted()
