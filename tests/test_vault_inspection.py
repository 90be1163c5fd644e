from __future__ import annotations

import os
import stat

import pytest

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault import (
    Availability,
    KeyringKey,
    Part,
    PassphraseKey,
    RecoveryCode,
    RecoveryKey,
    State,
    Vault,
)
from tests.servers.keyring import MemoryKeychain
from tests.test_vault_store import CLOCK, FLOOR, KEY, OTHER_KEY, Place, refusal, vault_at, written

OPEN = PassphraseKey(Secret("open sesame"), cost=FLOOR)
RECOVERY = RecoveryKey(RecoveryCode.generate())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "vault"


def locked_out(path) -> Vault:
    """A vault whose key must not be asked for."""
    return Vault(path, source=lambda: pytest.fail("asked"), clock=CLOCK, state_dir=path.parents[1] / "state")


def remembering(path) -> Vault:
    return Vault(path, source=lambda: KEY, clock=CLOCK, state_dir=path.parents[1] / "state")


class TestStatus:
    def test_no_vault_is_known_to_be_none(self, path):
        status = locked_out(path).status()

        assert (status.path, status.exists, status.problem) == (path, False, None)
        assert (status.version, status.generation, status.slots, status.kept) == (None, None, (), ())
        assert status.memory.availability is Availability.NONE
        assert not path.parent.exists()

    def test_vault_is_described_without_its_key(self, path):
        for _ in range(3):
            remembering(path).update(lambda _: b"payload")
        remembering(path).add_slot(OPEN, label="in my head")

        status = locked_out(path).status()

        assert (status.exists, status.problem) == (True, None)
        assert (status.version, status.generation) == (2, 4)
        assert status.vault_id == vault_at(path).load().header.vault_id
        assert [(slot.kind.value, slot.label) for slot in status.slots] == [
            ("key", ""),
            ("passphrase", "in my head"),
        ]
        assert status.size_bytes == path.stat().st_size
        assert [each.generation for each in status.kept] == [3, 2, 1]
        assert (status.memory.availability, status.memory.generation) == (Availability.KEPT, 4)

    def test_modes_and_owner_are_told(self, path):
        written(path)
        path.chmod(0o644)
        path.parent.chmod(0o755)

        status = locked_out(path).status()

        assert (status.mode, status.folder_mode) == (0o644, 0o755)
        assert (status.owner_uid, status.folder_owner_uid) == (os.geteuid(), os.geteuid())
        assert (status.is_ours, status.is_private, status.folder_is_private) == (True, False, False)

    def test_private_vault_is_told_to_be_private(self, path):
        written(path)

        status = locked_out(path).status()

        assert (status.is_ours, status.is_private, status.folder_is_private) == (True, True, True)

    def test_nothing_is_changed(self, path):
        written(path)
        path.chmod(0o644)
        before = sorted(each.name for each in path.parent.iterdir())

        locked_out(path).status()

        assert sorted(each.name for each in path.parent.iterdir()) == before
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert not (path.parents[1] / "state").exists()

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", ProblemCode.VAULT_DAMAGED),
            (b"rubbish" * 10, ProblemCode.VAULT_DAMAGED),
            (b"FLUENZR\x00\x00\x63" + bytes(50), ProblemCode.VAULT_NEWER),
        ],
        ids=["empty", "rubbish", "newer"],
    )
    def test_what_is_wrong_is_in_the_answer(self, path, content, code):
        written(path)
        path.write_bytes(content)

        status = locked_out(path).status()

        assert status.problem.code is code
        assert status.problem.facts["path"] == str(path)
        assert (status.exists, status.size_bytes) == (True, len(content))

    @pytest.mark.parametrize("thing", ["folder", "dangling_link", "pipe", "socket", "link_to_device"])
    def test_anything_but_a_file_is_in_the_answer(self, tmp_path, thing):
        path = tmp_path / "data" / "vault"
        path.parent.mkdir()
        getattr(Place(path), thing)()

        status = locked_out(path).status()

        assert status.exists
        assert status.problem.code is ProblemCode.VAULT_UNSAFE


def found(verification, part: Part) -> list[State]:
    return [each.state for each in verification.findings if each.part is part]


class TestVerify:
    @pytest.fixture
    def full(self, path):
        vault = remembering(path)
        for _ in range(2):
            vault.update(lambda _: b"payload")
        vault.add_slot(OPEN)
        vault.add_slot(RECOVERY)
        vault.add_slot(KeyringKey(MemoryKeychain()))
        return remembering(path)

    def test_sound_vault_is_sound_in_every_part(self, full):
        verification = full.verify((OPEN, RECOVERY), check=lambda payload: None)

        assert verification.ok
        assert {each.part for each in verification.findings} == set(Part)
        assert found(verification, Part.SLOT) == [State.OK, State.OK, State.OK, State.NOT_TRIED]
        others = [each.state for each in verification.findings if each.part is not Part.SLOT]
        assert set(others) == {State.OK}
        assert len(found(verification, Part.GENERATION)) == 3

    def test_slot_without_its_key_is_not_tried_and_no_fault(self, full):
        verification = full.verify((PassphraseKey(Secret("another one")),))

        assert verification.ok
        slots = [each for each in verification.findings if each.part is Part.SLOT]
        assert [each.state for each in slots] == [State.OK, *[State.NOT_TRIED] * 3]
        assert [each.problem and each.problem.code for each in slots] == [
            None,
            ProblemCode.VAULT_PASSPHRASE_WRONG,
            None,
            None,
        ]

    def test_vault_that_does_not_open_is_not_sound(self, full, path):
        verification = vault_at(path, OTHER_KEY).verify()

        assert not verification.ok
        (payload,) = [each for each in verification.findings if each.part is Part.PAYLOAD]
        assert (payload.state, payload.problem.code) == (State.NOT_TRIED, ProblemCode.VAULT_KEY_WRONG)

    def test_changed_payload_is_wrong(self, full, path):
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(content)

        verification = full.verify()

        assert not verification.ok
        assert found(verification, Part.STRUCTURE) == [State.OK]
        assert found(verification, Part.PAYLOAD) == [State.WRONG]

    def test_changed_header_is_wrong(self, full, path):
        path.write_bytes(path.read_bytes().replace(b'"generation":5', b'"generation":6'))

        verification = full.verify()

        assert not verification.ok
        assert found(verification, Part.PAYLOAD) == [State.WRONG]

    @pytest.mark.parametrize("content", [b"", b"rubbish"], ids=["empty", "rubbish"])
    def test_file_that_is_no_vault_is_wrong(self, full, path, content):
        path.write_bytes(content)

        verification = full.verify()

        assert not verification.ok
        (structure,) = [each for each in verification.findings if each.part is Part.STRUCTURE]
        assert (structure.state, structure.problem.code) == (State.WRONG, ProblemCode.VAULT_DAMAGED)

    def test_payload_that_cannot_be_read_is_wrong(self, full):
        def check(payload):
            raise failure(ProblemCode.VAULT_DAMAGED, Stage.VAULT, reason="accounts")

        verification = full.verify(check=check)

        assert not verification.ok
        assert found(verification, Part.CONTENT) == [State.WRONG]

    def test_rollback_is_wrong(self, full, path):
        path.write_bytes(path.with_name("vault.3").read_bytes())

        verification = full.verify()

        (memory,) = [each for each in verification.findings if each.part is Part.MEMORY]
        assert (memory.state, memory.problem.code) == (State.WRONG, ProblemCode.VAULT_ROLLED_BACK)

    def test_modes_that_let_others_in_are_wrong_and_left(self, full, path):
        path.chmod(0o640)
        path.parent.chmod(0o770)

        verification = full.verify()

        assert found(verification, Part.FILE) == found(verification, Part.FOLDER) == [State.WRONG]
        wrong = [each for each in verification.findings if each.state is State.WRONG]
        assert [each.problem.facts["mode"] for each in wrong] == ["0640", "0770"]
        assert [each.problem.facts["reason"] for each in wrong] == ["open-to-others"] * 2
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_damaged_older_file_is_wrong(self, full, path):
        kept = path.with_name("vault.3")
        content = bytearray(kept.read_bytes())
        content[-1] ^= 1
        kept.write_bytes(content)

        verification = full.verify()

        wrong = [each for each in verification.findings if each.state is State.WRONG]
        assert [(each.part, each.subject) for each in wrong] == [(Part.GENERATION, str(kept))]

    def test_older_files_of_before_a_rotation_open_by_the_old_keys(self, full):
        full.rotate(drop=True)

        verification = full.verify()

        assert verification.ok
        assert found(verification, Part.GENERATION) == [State.OK] * 3

    def test_older_file_without_its_key_is_not_tried(self, full, path):
        full.rotate((OPEN,), drop=True)
        full.remove_slot(next(slot.id for slot in full.slots() if slot.kind == "key"))
        path.with_name("vault.4").write_bytes(written(path.parents[1] / "other", source=OTHER_KEY))

        verification = vault_at(path, OPEN).verify()

        states = {each.subject: each.state for each in verification.findings if each.part is Part.GENERATION}
        assert states[str(path.with_name("vault.4"))] is State.NOT_TRIED
        assert verification.ok

    def test_nothing_is_changed_or_remembered(self, full, path):
        before = {each: each.read_bytes() for each in path.parent.iterdir()}
        memory = (path.parents[1] / "state" / "vaults.json").read_bytes()

        remembering(path).verify()

        assert {each: each.read_bytes() for each in path.parent.iterdir()} == before
        assert (path.parents[1] / "state" / "vaults.json").read_bytes() == memory

    def test_keyring_that_is_locked_is_told(self, path):
        class Locked(MemoryKeychain):
            def load(self, entry):
                raise failure(ProblemCode.KEYRING_LOCKED, Stage.KEYRING)

        written(path)
        vault_at(path).add_slot(KeyringKey(MemoryKeychain()))

        verification = vault_at(path, KeyringKey(Locked())).verify()

        problems = {each.part: each.problem.code for each in verification.findings if each.problem}
        assert problems[Part.SLOT] is problems[Part.PAYLOAD] is ProblemCode.KEYRING_LOCKED
        assert not verification.ok
        assert refusal(vault_at(path, KeyringKey(Locked())).read).code is ProblemCode.KEYRING_LOCKED
