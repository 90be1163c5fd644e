"""Slots and new keys: who can open the vault before and after, and what is left in the keyring."""

from __future__ import annotations

import pytest

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage
from fluenzr_smtp.vault import KeyringKey, PassphraseKey, RecoveryCode, RecoveryKey, SlotKind, Vault, cipher
from fluenzr_smtp.vault.format import parse
from tests.servers.keyring import MemoryKeychain
from tests.test_vault_store import CLOCK, FLOOR, KEY, OTHER_KEY, header_of, refusal, vault_at

OPEN, OTHER = (PassphraseKey(Secret(text), cost=FLOOR) for text in ("open sesame", "another one"))
RECOVERY, OTHER_RECOVERY = (RecoveryKey(RecoveryCode.generate()) for _ in range(2))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "vault"


@pytest.fixture
def vault(path):
    """A vault that the raw key opens."""
    made = vault_at(path)
    made.update(lambda _: b"payload")
    return made


@pytest.fixture
def keychain():
    return MemoryKeychain()


def kinds(vault) -> list[str]:
    return [slot.kind.value for slot in vault.slots()]


def opens(path, source) -> bool:
    """Say whether a source opens the vault, as another command would try."""
    code = None
    try:
        assert vault_at(path, source).read() == b"payload"
    except Exception as error:  # noqa: BLE001 - looked at below
        code = error.problem.code
    assert code in {
        None,
        ProblemCode.VAULT_LOCKED,
        ProblemCode.VAULT_KEY_WRONG,
        ProblemCode.VAULT_PASSPHRASE_WRONG,
        ProblemCode.KEYRING_ENTRY_MISSING,
    }
    return code is None


class TestAddSlot:
    @pytest.mark.parametrize(
        "source",
        [KeyringKey(MemoryKeychain()), OPEN, RECOVERY, OTHER_KEY],
        ids=lambda source: source.kind,
    )
    def test_every_kind_of_source_opens_by_its_new_slot(self, vault, path, source):
        change = vault.add_slot(source, label="added later")

        assert vault_at(path, source).read() == b"payload"
        assert change.removed == ()
        assert change.added == vault_at(path, source).slots()[1]
        assert (change.added.kind, change.added.label) == (source.kind, "added later")
        assert change.added.created == CLOCK.now()
        assert opens(path, KEY)

    def test_lost_keyring_is_replaced_by_a_new_one(self, path, keychain):
        """A machine that lost its keyring opens the vault by recovery code and writes a new keyring slot."""
        vault_at(path, KeyringKey(keychain)).update(lambda _: b"payload")
        vault_at(path, KeyringKey(keychain)).add_slot(RECOVERY)
        new_keychain = MemoryKeychain()

        change = vault_at(path, RECOVERY).add_slot(KeyringKey(new_keychain), replace=True)

        assert opens(path, KeyringKey(new_keychain))
        assert not opens(path, KeyringKey(keychain))
        assert [slot.kind for slot in change.removed] == [SlotKind.KEYRING]
        assert list(new_keychain.entries) == [change.added.entry]

    @pytest.mark.parametrize(
        ("old", "new"), [(OPEN, OTHER), (RECOVERY, OTHER_RECOVERY)], ids=["passphrase", "recovery"]
    )
    def test_replacing_a_kind_leaves_the_others(self, vault, path, old, new):
        vault.add_slot(old)

        vault.add_slot(new, replace=True)

        assert (opens(path, old), opens(path, new), opens(path, KEY)) == (False, True, True)
        assert len(vault.slots()) == 2

    def test_replacing_is_one_write(self, vault, path):
        vault.add_slot(OPEN)
        before = header_of(path).generation

        vault.add_slot(OTHER, replace=True)

        assert header_of(path).generation == before + 1

    def test_replaced_keyring_entry_is_deleted(self, vault, keychain):
        vault.add_slot(KeyringKey(keychain))

        change = vault.add_slot(KeyringKey(keychain), replace=True)

        assert list(keychain.entries) == [change.added.entry]

    def test_slots_can_be_replaced_by_the_very_source_that_opened_the_vault(self, path):
        vault = vault_at(path, OPEN)
        vault.update(lambda _: b"payload")

        vault.add_slot(OTHER, replace=True)

        assert vault.read() == b"payload"
        vault.update(lambda payload: payload)
        assert opens(path, OTHER)

    @pytest.mark.parametrize(
        ("label", "reason"),
        [("a" * 65, "too-long"), ("a\nb", "not-printable"), ("\u202eb", "not-printable")],
        ids=["long", "line end", "bidi"],
    )
    def test_label_that_cannot_be_shown_is_refused(self, vault, path, label, reason):
        before = path.read_bytes()

        problem = refusal(lambda: vault.add_slot(OPEN, label=label))

        assert (problem.code, problem.exit_status) == (ProblemCode.SETTING_INVALID, ExitStatus.USAGE)
        assert problem.facts["reason"] == reason
        assert path.read_bytes() == before

    def test_label_comes_back(self, vault, path):
        vault.add_slot(OPEN, label="Anna's laptop — été 🔑")

        assert vault_at(path).slots()[1].label == "Anna's laptop — été 🔑"

    def test_more_slots_than_can_be_read_again_are_refused(self, vault, path, keychain):
        for _ in range(31):
            vault.add_slot(OTHER_KEY)

        problem = refusal(lambda: vault.add_slot(KeyringKey(keychain)))

        assert (problem.code, problem.exit_status) == (ProblemCode.VAULT_SLOT_LIMIT, ExitStatus.USAGE)
        assert problem.facts == {"limit": 32}
        assert keychain.entries == {}
        assert opens(path, KEY)

    def test_full_vault_can_still_replace_a_slot(self, vault):
        for _ in range(30):
            vault.add_slot(OTHER_KEY)
        vault.add_slot(OPEN)

        vault.add_slot(OTHER, replace=True)

        assert len(vault.slots()) == 32

    def test_key_of_a_slot_that_was_not_written_is_given_up(self, vault, path, keychain):
        busy = Vault(path, source=lambda: KEY, clock=CLOCK, lock_timeout_seconds=0)

        problem = refusal(lambda: vault.update(lambda _: busy.add_slot(KeyringKey(keychain))))

        assert problem.code is ProblemCode.VAULT_BUSY
        assert keychain.entries == {}

    def test_keyring_that_refuses_changes_nothing(self, vault, path):
        class Locked(MemoryKeychain):
            def store(self, entry, key):
                raise failure(ProblemCode.KEYRING_LOCKED, Stage.KEYRING)

        before = path.read_bytes()

        assert refusal(lambda: vault.add_slot(KeyringKey(Locked()))).code is ProblemCode.KEYRING_LOCKED
        assert path.read_bytes() == before

    def test_slot_is_added_to_what_another_process_wrote_in_between(self, vault, path):
        class Slow(MemoryKeychain):
            def store(self, entry, key):
                super().store(entry, key)
                vault_at(path).add_slot(RECOVERY)

        keychain = Slow()

        vault.add_slot(KeyringKey(keychain))

        assert kinds(vault) == ["key", "recovery", "keyring"]
        assert opens(path, RECOVERY)
        assert opens(path, KeyringKey(keychain))


class TestRemoveSlot:
    def test_removed_slot_no_longer_opens(self, vault, path):
        added = vault.add_slot(OPEN).added

        removed = vault.remove_slot(added.id)

        assert removed == added
        assert (opens(path, OPEN), opens(path, KEY)) == (False, True)

    def test_last_slot_cannot_be_removed(self, vault, path):
        before = path.read_bytes()
        (slot,) = vault.slots()

        problem = refusal(lambda: vault.remove_slot(slot.id))

        assert (problem.code, problem.exit_status) == (ProblemCode.VAULT_SLOT_LAST, ExitStatus.USAGE)
        assert problem.facts == {"slot": slot.id}
        assert path.read_bytes() == before

    def test_unknown_slot_is_told_with_the_known_ones(self, vault):
        vault.add_slot(OPEN)

        problem = refusal(lambda: vault.remove_slot("0" * 16))

        assert (problem.code, problem.exit_status) == (ProblemCode.VAULT_SLOT_UNKNOWN, ExitStatus.USAGE)
        assert problem.facts == {"slot": "0" * 16, "known": tuple(slot.id for slot in vault.slots())}

    def test_keyring_entry_is_deleted_afterwards(self, vault, keychain):
        added = vault.add_slot(KeyringKey(keychain)).added

        vault.remove_slot(added.id, keychain=keychain)

        assert keychain.entries == {}

    def test_keyring_entry_is_deleted_where_the_keyring_opened_the_vault(self, path, keychain):
        vault = vault_at(path, KeyringKey(keychain))
        vault.update(lambda _: b"payload")
        vault.add_slot(KEY)

        vault.remove_slot(vault.slots()[0].id)

        assert keychain.entries == {}
        assert opens(path, KEY)

    def test_other_entries_stay(self, vault, path, keychain):
        one, other = (vault.add_slot(KeyringKey(keychain)).added for _ in range(2))

        vault.remove_slot(one.id, keychain=keychain)

        assert list(keychain.entries) == [other.entry]
        assert opens(path, KeyringKey(keychain))

    def test_removing_the_slot_that_opened_the_vault_does_not_end_the_session(self, vault):
        vault.add_slot(OPEN)

        vault.remove_slot(vault.slots()[0].id)

        assert vault.read() == b"payload"
        assert kinds(vault) == ["passphrase"]


class TestRotate:
    @pytest.fixture
    def full(self, vault, keychain):
        """A vault with a slot of every kind."""
        vault.add_slot(KeyringKey(keychain), label="laptop")
        vault.add_slot(OPEN, label="in my head")
        vault.add_slot(RECOVERY, label="in the drawer")
        return vault

    def test_everything_is_new_and_every_slot_still_opens(self, full, path, keychain):
        before, data_key = full.slots(), full.load().data_key
        sources = (KeyringKey(keychain), OPEN, RECOVERY)

        rotation = full.rotate(sources)

        assert rotation.dropped == ()
        assert rotation.slots == vault_at(path).slots()
        assert [(slot.kind, slot.label) for slot in rotation.slots] == [
            (slot.kind, slot.label) for slot in before
        ]
        assert not {slot.id for slot in before} & {slot.id for slot in rotation.slots}
        assert vault_at(path).load().data_key != data_key
        assert [opens(path, source) for source in (KEY, *sources)] == [True] * 4

    def test_keyring_gets_a_new_key_under_a_new_name(self, full, keychain):
        (before,) = keychain.entries.items()

        full.rotate((KeyringKey(keychain), OPEN, RECOVERY))

        (after,) = keychain.entries.items()
        assert after[0] != before[0]
        assert after[1] != before[1]

    def test_old_data_key_opens_nothing_new(self, full, path):
        before = full.load().data_key

        full.rotate(drop=True)

        sealed = parse(path.read_bytes())
        for data_key, payload in ((before, None), (vault_at(path).load().data_key, b"payload")):
            opened = cipher.unseal(
                data_key, sealed.ciphertext, nonce=sealed.header.nonce, associated=sealed.associated
            )
            assert opened == payload

    def test_slots_without_their_key_at_hand_are_told_and_nothing_is_changed(self, full, path, keychain):
        before, entries = path.read_bytes(), dict(keychain.entries)
        slots = {slot.kind: slot for slot in full.slots()}

        problem = refusal(lambda: full.rotate((KeyringKey(keychain), OTHER)))

        assert problem.code is ProblemCode.VAULT_SLOTS_UNAVAILABLE
        assert problem.exit_status is ExitStatus.CONFIG
        assert problem.facts == {
            "slots": (slots[SlotKind.PASSPHRASE].id, slots[SlotKind.RECOVERY].id),
            "kinds": ("passphrase", "recovery"),
        }
        assert path.read_bytes() == before
        assert keychain.entries == entries

    def test_agreed_loss_drops_exactly_the_slots_without_key(self, full, path, keychain):
        rotation = full.rotate((OPEN,), drop=True)

        assert [slot.kind.value for slot in rotation.dropped] == ["keyring", "recovery"]
        assert kinds(full) == ["key", "passphrase"]
        assert [opens(path, source) for source in (KEY, OPEN, RECOVERY)] == [True, True, False]

    def test_older_files_are_named_and_open_by_the_old_keys(self, full, path):
        rotation = full.rotate((OPEN,), drop=True)

        assert rotation.kept
        assert {each.name for each in rotation.kept} == {"vault.4", "vault.3", "vault.2"}
        newest = max(rotation.kept)
        assert vault_at(newest, RECOVERY).read() == b"payload"

    def test_slots_changed_meanwhile_are_a_reason_to_try_again(self, full, path, keychain):
        class Slow(MemoryKeychain):
            def store(self, entry, key):
                super().store(entry, key)
                vault_at(path).remove_slot(vault_at(path).slots()[-1].id)

        slow = Slow(dict(keychain.entries))

        problem = refusal(lambda: full.rotate((KeyringKey(slow), OPEN, RECOVERY)))

        assert (problem.code, problem.exit_status) == (ProblemCode.VAULT_BUSY, ExitStatus.TEMPORARY)
        assert slow.entries == keychain.entries
        assert kinds(vault_at(path)) == ["key", "keyring", "passphrase"]

    def test_payload_of_another_process_is_not_lost(self, full, path):
        class Slow(PassphraseKey):
            def for_new_slot(self, vault_id, slot_id):
                vault_at(path).update(lambda payload: b"payload")
                return super().for_new_slot(vault_id, slot_id)

        before = header_of(path).generation

        full.rotate((Slow(Secret("open sesame"), cost=FLOOR),), drop=True)

        assert header_of(path).generation == before + 2

    def test_open_session_of_another_process_goes_on(self, full, path):
        other = vault_at(path)
        other.read()

        full.rotate(drop=True)

        assert other.read() == b"payload"

    def test_two_slots_of_one_key_both_get_the_new_one(self, vault, path, keychain):
        for _ in range(2):
            vault.add_slot(KeyringKey(keychain))

        rotation = vault.rotate((KeyringKey(keychain),))

        assert len(rotation.slots) == 3
        assert set(keychain.entries) == {slot.entry for slot in rotation.slots if slot.entry}


@pytest.mark.parametrize(
    "call",
    [
        lambda vault, path: vault.slots(),
        lambda vault, path: vault.add_slot(OPEN),
        lambda vault, path: vault.remove_slot("0" * 16),
        lambda vault, path: vault.rotate(),
        lambda vault, path: vault.verify(),
        lambda vault, path: vault.backup(path.with_name("backup")),
    ],
    ids=["slots", "add", "remove", "rotate", "verify", "backup"],
)
def test_no_vault_is_told_and_none_is_made(tmp_path, call):
    path = tmp_path / "data" / "vault"

    problem = refusal(lambda: call(vault_at(path), path))

    assert (problem.code, problem.exit_status) == (ProblemCode.VAULT_NONE, ExitStatus.CONFIG)
    assert problem.facts == {"path": str(path)}
    assert not path.parent.exists()
