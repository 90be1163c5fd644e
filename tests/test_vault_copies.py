from __future__ import annotations

import hashlib
import os
import stat

import pytest

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage
from fluenzr_smtp.vault import KeyringKey, RecoveryCode, RecoveryKey, Vault
from tests.servers.keyring import MemoryKeychain
from tests.test_vault_store import CLOCK, KEY, OTHER_KEY, header_of, refusal, vault_at, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "vault"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backup"


def remembering(path, source=KEY) -> Vault:
    return Vault(path, source=lambda: source, clock=CLOCK, state_dir=path.parents[1] / "state")


class TestBackup:
    def test_copy_is_the_vault_byte_for_byte(self, path, file):
        content = written(path)

        made = vault_at(path).backup(file)

        assert file.read_bytes() == content
        assert (made.path, made.generation, made.version) == (file, 1, 2)
        assert (made.size_bytes, made.sha256) == (len(content), hashlib.sha256(content).hexdigest())

    def test_copy_is_private_whatever_the_umask(self, path, file):
        written(path)
        before = os.umask(0)
        try:
            vault_at(path).backup(file)
        finally:
            os.umask(before)

        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_no_key_is_needed(self, path, file):
        written(path)
        vault = Vault(path, source=lambda: pytest.fail("asked"), clock=CLOCK)

        vault.backup(file)

        assert file.exists()

    @pytest.mark.parametrize("thing", ["file", "folder", "link", "dangling link"])
    def test_nothing_is_overwritten(self, path, file, thing, tmp_path):
        written(path)
        {
            "file": lambda: file.write_bytes(b"not ours"),
            "folder": file.mkdir,
            "link": lambda: file.symlink_to(path),
            "dangling link": lambda: file.symlink_to("nowhere"),
        }[thing]()
        before = os.lstat(file)

        problem = refusal(lambda: vault_at(path).backup(file))

        assert (problem.code, problem.exit_status) == (
            ProblemCode.FILE_NOT_CREATED,
            ExitStatus.CANNOT_CREATE,
        )
        assert problem.facts == {"path": str(file), "reason": "exists"}
        assert os.lstat(file).st_ino == before.st_ino
        assert not list(tmp_path.glob(".*"))

    def test_missing_folder_is_told(self, path, tmp_path):
        written(path)

        problem = refusal(lambda: vault_at(path).backup(tmp_path / "missing" / "backup"))

        assert problem.code is ProblemCode.FILE_NOT_CREATED

    def test_damaged_vault_is_not_copied(self, path, file):
        written(path)
        path.write_bytes(path.read_bytes()[:100])

        assert refusal(lambda: vault_at(path).backup(file)).code is ProblemCode.VAULT_DAMAGED
        assert not file.exists()


class TestRestore:
    def test_restored_vault_opens_and_the_other_is_kept(self, path, file):
        written(path, b"first")
        vault_at(path).backup(file)
        replaced = written(path, b"second")

        restored = vault_at(path).restore(file)

        assert vault_at(path).read() == b"first"
        assert restored.kept == path.with_name("vault.2")
        assert restored.kept.read_bytes() == replaced
        assert (restored.restored_generation, restored.generation) == (1, 3)
        assert restored.vault_id == header_of(path).vault_id

    def test_memory_takes_the_restored_vault_for_the_newest(self, path, file):
        for number in range(4):
            remembering(path).update(lambda _, number=number: str(number).encode())
            if number == 0:
                remembering(path).backup(file)

        restored = remembering(path).restore(file)

        assert remembering(path).read() == b"0"
        assert restored.generation == 5
        path.write_bytes(path.with_name("vault.4").read_bytes())
        assert refusal(remembering(path).read).code is ProblemCode.VAULT_ROLLED_BACK

    def test_restored_vault_is_above_what_was_seen_though_the_vault_is_gone(self, path, file):
        for _ in range(3):
            remembering(path).update(lambda _: b"payload")
            if not file.exists():
                remembering(path).backup(file)
        path.unlink()

        restored = remembering(path).restore(file)

        assert (restored.generation, restored.kept) == (4, None)
        assert remembering(path).read() == b"payload"

    def test_new_computer_gets_its_vault(self, path, file, tmp_path):
        written(tmp_path / "old" / "vault", b"payload")
        vault_at(tmp_path / "old" / "vault").backup(file)

        remembering(path).restore(file)

        assert remembering(path).read() == b"payload"
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_another_vault_may_be_restored(self, path, file, tmp_path):
        remembering(path).update(lambda _: b"ours")
        written(tmp_path / "other" / "vault", b"other")
        vault_at(tmp_path / "other" / "vault").backup(file)

        remembering(path).restore(file)

        assert remembering(path).read() == b"other"
        assert path.with_name("vault.1").exists()

    @pytest.mark.parametrize("damage", [b"", b"rubbish", None], ids=["empty", "rubbish", "cut off"])
    def test_damaged_vault_is_replaced_and_kept(self, path, file, damage):
        content = written(path)
        vault_at(path).backup(file)
        damaged = content[:-1] if damage is None else damage
        path.write_bytes(damaged)

        restored = vault_at(path).restore(file)

        assert vault_at(path).read() == b"payload"
        assert restored.kept.read_bytes() == damaged

    def test_generation_of_a_forged_vault_is_not_taken(self, path, file):
        content = written(path)
        vault_at(path).backup(file)
        path.write_bytes(content.replace(b'"generation":1,', b'"generation":9223372036854775807,'))
        path.write_bytes(forged_length(path.read_bytes()))

        restored = vault_at(path).restore(file)

        assert restored.generation == 2
        assert vault_at(path).read() == b"payload"

    def test_any_source_at_hand_opens_the_backup(self, path, file):
        code = RecoveryKey(RecoveryCode.generate())
        written(path)
        vault_at(path).add_slot(code)
        vault_at(path).backup(file)

        vault_at(path, KeyringKey(MemoryKeychain())).restore(file, sources=(OTHER_KEY, code))

        assert vault_at(path, code).read() == b"payload"

    def test_backup_that_does_not_open_changes_nothing(self, path, file):
        before = written(path)
        vault_at(path).backup(file)

        problem = refusal(lambda: vault_at(path, OTHER_KEY).restore(file))

        assert (problem.code, problem.facts["path"]) == (ProblemCode.VAULT_KEY_WRONG, str(file))
        assert path.read_bytes() == before
        assert sorted(each.name for each in path.parent.iterdir()) == ["vault", "vault.lock"]

    def test_backup_with_a_payload_that_cannot_be_read_changes_nothing(self, path, file):
        before = written(path)
        vault_at(path).backup(file)

        def check(payload):
            raise failure(ProblemCode.VAULT_DAMAGED, Stage.VAULT, reason="accounts")

        problem = refusal(lambda: vault_at(path).restore(file, check=check))

        assert (problem.code, problem.facts["path"]) == (ProblemCode.VAULT_DAMAGED, str(file))
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (None, ProblemCode.FILE_MISSING),
            (b"", ProblemCode.VAULT_DAMAGED),
            (b"FLUENZR\x00\x00\x63whatever", ProblemCode.VAULT_NEWER),
        ],
        ids=["missing", "empty", "newer"],
    )
    def test_what_is_no_backup_is_told_by_its_name(self, path, file, content, code):
        before = written(path)
        if content is not None:
            file.write_bytes(content.ljust(20, b"\x00"))

        problem = refusal(lambda: vault_at(path).restore(file))

        assert (problem.code, problem.facts["path"]) == (code, str(file))
        assert path.read_bytes() == before

    @pytest.mark.parametrize("thing", ["folder", "pipe", "huge"])
    def test_anything_but_a_file_of_its_size_is_refused_before_it_is_read(self, path, file, thing):
        written(path)
        if thing == "huge":
            with file.open("wb") as made:
                made.truncate(1024**3)
        else:
            {"folder": file.mkdir, "pipe": lambda: os.mkfifo(file)}[thing]()

        problem = refusal(lambda: vault_at(path).restore(file))

        assert problem.code in {ProblemCode.VAULT_UNSAFE, ProblemCode.VAULT_DAMAGED}
        assert problem.facts["path"] == str(file)

    def test_kept_generation_may_be_restored_by_its_name(self, path):
        for number in range(3):
            remembering(path).update(lambda _, number=number: str(number).encode())

        restored = remembering(path).restore(path.with_name("vault.1"))

        assert remembering(path).read() == b"0"
        assert restored.generation == 4

    def test_link_in_the_vaults_place_is_refused_and_left(self, path, file, tmp_path):
        written(path)
        vault_at(path).backup(file)
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")

        assert refusal(lambda: vault_at(path).restore(file)).code is ProblemCode.VAULT_UNSAFE
        assert path.is_symlink()


def forged_length(content: bytes) -> bytes:
    """Make the length of a header that was changed fit again."""
    end = content.index(b'"}', content.index(b'"vault"')) + 2
    return content[:10] + (end - 14).to_bytes(4, "big") + content[14:]
