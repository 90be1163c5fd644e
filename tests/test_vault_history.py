from __future__ import annotations

import os
import stat

import pytest

from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.vault import history
from tests.test_vault_store import refusal, vault_at, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "vault"


def names_in(path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_first_write_keeps_nothing(path):
    written(path)

    assert names_in(path) == ["vault", "vault.lock"]


def test_last_three_generations_are_kept_beside_the_vault(path):
    contents = [written(path, str(number).encode()) for number in range(6)]

    assert names_in(path) == ["vault", "vault.3", "vault.4", "vault.5", "vault.lock"]
    for generation in (3, 4, 5):
        kept = path.with_name(f"vault.{generation}")
        assert kept.read_bytes() == contents[generation - 1]
        assert vault_at(kept).read() == str(generation - 1).encode()


def test_numbers_are_not_words(path):
    for _ in range(12):
        written(path)

    assert names_in(path) == ["vault", "vault.10", "vault.11", "vault.9", "vault.lock"]


def test_kept_files_are_private_even_where_the_vault_was_not(path):
    written(path)
    path.chmod(0o644)

    written(path)

    assert stat.S_IMODE(path.with_name("vault.1").stat().st_mode) == 0o600


def test_keeping_costs_no_second_copy(path):
    before = written(path) and path.stat().st_ino

    written(path)

    assert path.with_name("vault.1").stat().st_ino == before


def test_other_files_are_left_alone(path):
    written(path)
    others = ["vault.bak", "vault.01", "vault.0", "vault.-1", "vault.1.txt", "vaults.1", "vault.v9"]
    for name in others:
        path.with_name(name).write_bytes(b"not ours")

    for _ in range(5):
        written(path)

    assert set(others) < set(names_in(path))


def test_what_claims_to_be_newer_is_left_for_a_person(path):
    written(path)
    path.with_name("vault.99").write_bytes(b"from another time")

    for _ in range(5):
        written(path)

    assert path.with_name("vault.99").read_bytes() == b"from another time"


def test_link_in_the_place_of_a_kept_file_is_replaced_and_not_followed(path, tmp_path):
    content = written(path)
    (tmp_path / "other").write_bytes(b"not ours")
    path.with_name("vault.1").symlink_to(tmp_path / "other")

    written(path)

    assert (tmp_path / "other").read_bytes() == b"not ours"
    assert path.with_name("vault.1").read_bytes() == content
    assert not path.with_name("vault.1").is_symlink()


def test_folder_in_the_place_of_a_kept_file_is_told_and_nothing_is_written(path):
    content = written(path)
    path.with_name("vault.1").mkdir()

    problem = refusal(lambda: vault_at(path).update(lambda _: b"new"))

    assert problem.code is ProblemCode.FILE_NOT_WRITTEN
    assert problem.facts["path"] == str(path.with_name("vault.1"))
    assert path.read_bytes() == content
    assert names_in(path) == ["vault", "vault.1", "vault.lock"]


def test_generation_that_is_kept_already_is_no_hindrance(path):
    """A write that was killed after it kept the file and before it replaced it."""
    content = written(path)
    os.link(path, path.with_name("vault.1"))

    written(path)

    assert path.with_name("vault.1").read_bytes() == content
    assert names_in(path) == ["vault", "vault.1", "vault.lock"]


def test_kept_files_are_described(path):
    for _ in range(3):
        written(path)
    path.with_name("vault.damaged").write_bytes(b"rubbish")
    path.with_name("vault.v1").mkdir()

    described = {each.path.name: (each.generation, each.version) for each in history.kept_files(path)}

    assert described == {
        "vault.2": (2, 2),
        "vault.1": (1, 2),
        "vault.damaged": (None, None),
        "vault.v1": (None, None),
    }
    assert [each.path.name for each in history.kept_files(path)][:2] == ["vault.2", "vault.1"]


def test_no_folder_has_no_kept_files(path):
    assert history.kept_files(path) == ()
    history.prune(path, present=9)


def test_damaged_vaults_get_names_of_their_own(path):
    written(path)
    kept = []
    for _ in range(3):
        path.write_bytes(b"rubbish")
        kept.append(history.keep(path, b"rubbish", None).name)

    assert kept == ["vault.damaged", "vault.damaged-2", "vault.damaged-3"]
