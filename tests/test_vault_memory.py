from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault import Availability, NoticeKind, Vault
from fluenzr_smtp.vault.format import parse
from fluenzr_smtp.vault.memory import Memory, place_name
from tests.test_vault_store import CLOCK, KEY, refusal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "vault"


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def open_vault(path, state_dir):
    """Open the vault anew, as another command does."""

    def opened(**options) -> Vault:
        return Vault(path, source=lambda: KEY, clock=CLOCK, **({"state_dir": state_dir} | options))

    return opened


@pytest.fixture
def older(path, open_vault) -> bytes:
    """Write five generations and return the bytes of the second; the vault is in the fifth."""
    contents = []
    for number in range(5):
        open_vault().update(lambda _, number=number: str(number).encode())
        contents.append(path.read_bytes())
    return contents[1]


def generation_in(path) -> int:
    return parse(path.read_bytes()).header.generation


class TestRollback:
    def test_older_generation_put_back_is_refused_and_left(self, path, open_vault, older):
        path.write_bytes(older)

        problems = [
            refusal(open_vault().read),
            refusal(lambda: open_vault().update(lambda _: b"new")),
            refusal(open_vault().slots),
        ]

        for problem in problems:
            assert problem.code is ProblemCode.VAULT_ROLLED_BACK
            assert problem.exit_status is ExitStatus.CONFIG
            assert problem.facts == {"generation": 2, "seen": 5, "path": str(path)}
        assert path.read_bytes() == older

    def test_generation_seen_by_a_read_alone_counts(self, path, open_vault, state_dir, older):
        newest = path.read_bytes()
        (state_dir / "vaults.json").unlink()
        open_vault().read()
        path.write_bytes(older)

        problem = refusal(open_vault().read)

        assert problem.code is ProblemCode.VAULT_ROLLED_BACK
        path.write_bytes(newest)
        assert open_vault().read() == b"4"

    def test_accepted_rollback_opens_and_is_told(self, path, open_vault, older):
        path.write_bytes(older)
        vault = open_vault(accept_rollback=True)

        assert vault.read() == b"1"

        (notice,) = vault.notices
        assert notice.kind is NoticeKind.ROLLBACK_ACCEPTED
        assert notice.facts == {"generation": 2, "seen": 5}

    def test_accepted_rollback_is_remembered(self, path, open_vault, older):
        path.write_bytes(older)
        open_vault(accept_rollback=True).read()

        assert open_vault().read() == b"1"

    def test_write_after_an_accepted_rollback_is_above_all_that_was_seen(self, path, open_vault, older):
        newest = path.read_bytes()
        path.write_bytes(older)

        open_vault(accept_rollback=True).update(lambda payload: payload + b" again")

        assert generation_in(path) == 6
        path.write_bytes(newest)
        assert refusal(open_vault().read).code is ProblemCode.VAULT_ROLLED_BACK

    def test_write_after_an_accepted_read_is_above_all_that_was_seen(self, path, open_vault, older):
        path.write_bytes(older)
        open_vault(accept_rollback=True).read()

        open_vault().update(lambda payload: payload)

        assert generation_in(path) == 6

    def test_accepting_does_not_lower_what_is_no_rollback(self, path, open_vault, older):
        vault = open_vault(accept_rollback=True)

        vault.read()

        assert vault.notices == ()
        path.write_bytes(older)
        assert refusal(open_vault().read).code is ProblemCode.VAULT_ROLLED_BACK

    def test_forged_generation_does_not_get_past_the_memory(self, path, open_vault, older):
        path.write_bytes(older.replace(b'"generation":2', b'"generation":9'))

        assert refusal(open_vault().read).code is ProblemCode.VAULT_DAMAGED
        assert open_vault().status().memory.generation == 5

    def test_without_memory_nothing_is_noticed(self, path, open_vault, state_dir, older):
        path.write_bytes(older)
        (state_dir / "vaults.json").unlink()

        assert open_vault().read() == b"1"

    def test_no_state_folder_is_no_memory(self, path, open_vault, state_dir):
        vault = open_vault(state_dir=None)
        vault.update(lambda _: b"payload")

        assert not state_dir.exists()
        assert vault.status().memory.availability is Availability.OFF
        assert vault.notices == ()


class TestReplacement:
    @pytest.fixture
    def other(self, tmp_path) -> bytes:
        """The bytes of another vault that the same key opens."""
        path = tmp_path / "other" / "vault"
        Vault(path, source=lambda: KEY, clock=CLOCK).update(lambda _: b"other")
        return path.read_bytes()

    def test_another_vault_is_refused_before_its_key_is_asked_for(self, path, open_vault, older, other):
        path.write_bytes(other)
        asked = Vault(
            path,
            source=lambda: pytest.fail("asked"),
            clock=CLOCK,
            state_dir=path.parents[1] / "state",
        )

        problem = refusal(asked.read)

        assert (problem.code, problem.facts["reason"]) == (ProblemCode.VAULT_UNSAFE, "replaced")
        assert path.read_bytes() == other

    def test_another_vault_is_refused_by_whatever_link_its_folder_is_reached(
        self, path, open_vault, older, other, tmp_path
    ):
        (tmp_path / "link").symlink_to(path.parent)
        path.write_bytes(other)
        linked = Vault(
            tmp_path / "link" / "vault", source=lambda: KEY, clock=CLOCK, state_dir=tmp_path / "state"
        )

        assert refusal(linked.read).code is ProblemCode.VAULT_UNSAFE

    def test_accepted_replacement_is_told_and_remembered(self, path, open_vault, older, other):
        path.write_bytes(other)
        vault = open_vault(accept_rollback=True)

        assert vault.read() == b"other"

        assert [notice.kind for notice in vault.notices] == [NoticeKind.REPLACEMENT_ACCEPTED]
        assert open_vault().read() == b"other"

    def test_vault_in_another_place_is_its_own_matter(self, tmp_path, open_vault, older, other):
        path = tmp_path / "elsewhere" / "vault"
        path.parent.mkdir(mode=0o700)
        path.write_bytes(other)
        path.chmod(0o600)

        assert Vault(path, source=lambda: KEY, clock=CLOCK, state_dir=tmp_path / "state").read() == b"other"

    def test_moved_vault_keeps_its_generation(self, tmp_path, path, open_vault, older):
        moved = tmp_path / "elsewhere" / "vault"
        moved.parent.mkdir(mode=0o700)
        moved.write_bytes(older)
        vault = Vault(moved, source=lambda: KEY, clock=CLOCK, state_dir=tmp_path / "state")

        assert refusal(vault.read).code is ProblemCode.VAULT_ROLLED_BACK

    def test_new_vault_takes_the_place_of_a_removed_one(self, path, open_vault, older):
        path.unlink()

        open_vault().update(lambda _: b"new")

        assert open_vault().read() == b"new"


class TestState:
    def test_file_is_private_whatever_the_umask(self, open_vault, state_dir):
        before = os.umask(0)
        try:
            open_vault().update(lambda _: b"")
        finally:
            os.umask(before)

        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (state_dir, *state_dir.iterdir())}
        assert modes == {"state": 0o700, "vaults.json": 0o600, "vaults.json.lock": 0o600}

    def test_reading_twice_writes_once(self, open_vault, state_dir, older):
        open_vault().read()
        before = (state_dir / "vaults.json").stat()

        open_vault().read()

        after = (state_dir / "vaults.json").stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)

    @pytest.mark.parametrize(
        "rubbish",
        [
            b"",
            b"rubbish",
            b"[]",
            b"{}",
            b'{"format":1,"vaults":[],"places":{}}',
            b'{"format":1,"vaults":{"a":{"generation":"1","highest":1}},"places":{}}',
            b'{"format":1,"vaults":{"a":{"generation":9223372036854775806,"highest":1}},"places":{}}',
            b"[" * 100_000,
        ],
        ids=["empty", "text", "list", "no fields", "vaults", "generation", "too high", "deep"],
    )
    def test_rubbish_is_an_empty_memory_and_told(self, open_vault, state_dir, older, rubbish):
        (state_dir / "vaults.json").write_bytes(rubbish)

        memory = open_vault().status().memory

        assert (memory.availability, memory.reason) == (Availability.UNAVAILABLE, "not-parseable")
        assert open_vault().read() == b"4"
        assert open_vault().status().memory.generation == 5

    def test_memory_of_a_newer_program_is_left_as_it_is(self, open_vault, state_dir, older):
        newer = b'{"format": 2, "more": "than we know"}'
        (state_dir / "vaults.json").write_bytes(newer)
        vault = open_vault()

        vault.update(lambda payload: payload)

        assert (state_dir / "vaults.json").read_bytes() == newer
        assert [notice.kind for notice in vault.notices] == [NoticeKind.MEMORY_UNAVAILABLE]
        assert vault.notices[0].facts["reason"] == "newer"

    @pytest.mark.parametrize("thing", ["folder", "pipe", "link"])
    def test_anything_but_a_file_is_no_memory_and_told(self, open_vault, state_dir, older, thing):
        file = state_dir / "vaults.json"
        file.unlink()
        {"folder": file.mkdir, "pipe": lambda: os.mkfifo(file), "link": lambda: file.symlink_to("/dev/zero")}[
            thing
        ]()

        assert open_vault().read() == b"4"
        assert thing == "folder" or open_vault().status().memory.generation == 5

    def test_file_in_the_place_of_the_folder_is_told_and_the_vault_opens(self, open_vault, state_dir):
        state_dir.write_bytes(b"")
        vault = open_vault()

        vault.update(lambda _: b"payload")

        assert vault.read() == b"payload"
        (notice,) = vault.notices
        assert notice.kind is NoticeKind.MEMORY_UNAVAILABLE
        assert notice.facts["path"] == str(state_dir / "vaults.json")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
    def test_read_only_state_folder_does_not_keep_an_ordinary_user_from_the_vault(self, tmp_path):
        result = subprocess.run(
            [sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, timeout=60, cwd="/"
        )

        assert result.stdout.split() == ["payload", "memory-unavailable"], result.stderr

    def test_places_do_not_pile_up(self, tmp_path):
        memory = Memory(tmp_path)
        names = {f"/place/{number}": "0" * 32 for number in range(1000)}
        (tmp_path / "vaults.json").write_text(json.dumps({"format": 1, "vaults": {}, "places": names}))

        memory.remember(tmp_path / "vault", "1" * 32, 1)

        places = memory.snapshot().places
        assert len(places) == 1000
        assert places[place_name(tmp_path / "vault")] == "1" * 32
        assert "/place/0" not in places

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 50)), min_size=1, max_size=8))
    def test_memory_only_grows(self, tmp_path_factory, seen):
        folder = tmp_path_factory.mktemp("memory")
        memory = Memory(folder)
        for vault_id, generation in seen:
            memory.remember(folder / "vault", vault_id, generation)

        known = memory.snapshot()

        for vault_id in "ab":
            highest = max([each for name, each in seen if name == vault_id], default=0)
            assert known.seen(vault_id).generation == known.seen(vault_id).highest == highest
        assert known.places == {place_name(folder / "vault"): seen[-1][0]}


AS_NOBODY = """
import os, shutil, tempfile
from datetime import UTC, datetime
from pathlib import Path
from fluenzr_smtp.model import Clock
from fluenzr_smtp.vault import RawKey, Vault
clock = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None)
base = Path(tempfile.mkdtemp())
base.chmod(0o755)
for name in ("data", "state"):
    (base / name).mkdir()
os.chown(base / "data", 65534, 65534)
child = os.fork()
if child == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    key = RawKey(bytes(32))
    vault = Vault(base / "data" / "vault", source=lambda: key, clock=clock, state_dir=base / "state")
    vault.update(lambda _: b"payload")
    print(vault.read().decode(), *(notice.kind for notice in vault.notices), flush=True)
    os._exit(0)
os.waitpid(child, 0)
shutil.rmtree(base)
"""
