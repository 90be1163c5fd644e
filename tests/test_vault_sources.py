from __future__ import annotations

from dataclasses import replace

import pytest

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault.format import Argon2Cost, SlotKind
from fluenzr_smtp.vault.recovery import RecoveryCode
from fluenzr_smtp.vault.sources import KeyringKey, PassphraseKey, RawKey, RecoveryKey
from tests.servers.keyring import MemoryKeychain
from tests.test_vault_format import KEY_SLOT, PASSPHRASE_SLOT

FLOOR = Argon2Cost(memory_kib=19 * 1024, passes=2, lanes=1)
VAULT, SLOT = "0" * 32, "00112233445566aa"
KEY = bytes(range(32))


class TestKeyringKey:
    def test_new_key_is_found_again_by_the_name_of_its_slot(self):
        keychain = MemoryKeychain()
        source = KeyringKey(keychain)

        made = source.for_new_slot(VAULT, SLOT)

        assert len(made.key) == 32
        assert keychain.entries == {f"{VAULT}.{SLOT}": made.key}
        assert source.for_slot(replace(KEY_SLOT, kind=SlotKind.KEYRING, entry=made.entry)) == made.key

    def test_entry_of_version_1_is_found_by_the_name_of_its_vault(self):
        source = KeyringKey(MemoryKeychain({VAULT: KEY}))

        assert source.for_slot(replace(KEY_SLOT, kind=SlotKind.KEYRING, entry=VAULT)) == KEY

    def test_new_slot_leaves_the_keys_of_the_others(self):
        keychain = MemoryKeychain({VAULT: KEY})
        source = KeyringKey(keychain)

        source.for_new_slot(VAULT, SLOT)
        source.for_new_slot(VAULT, SLOT[::-1])

        assert len(keychain.entries) == 3
        assert keychain.entries[VAULT] == KEY

    def test_missing_entry_is_no_key(self):
        assert KeyringKey(MemoryKeychain()).for_slot(replace(KEY_SLOT, entry=VAULT)) is None

    def test_forgotten_entry_is_gone_and_the_others_are_not(self):
        keychain = MemoryKeychain({"one": KEY, "two": KEY})

        KeyringKey(keychain).forget("one")

        assert keychain.entries == {"two": KEY}

    def test_keyring_that_does_not_delete_is_let_off(self):
        class Stubborn(MemoryKeychain):
            def delete(self, entry):
                raise failure(ProblemCode.KEYRING_LOCKED, Stage.KEYRING)

        KeyringKey(Stubborn()).forget("one")


class TestPassphraseKey:
    def test_slot_decides_about_salt_and_cost(self):
        source = PassphraseKey(Secret("open"), cost=FLOOR)
        made = source.for_new_slot(VAULT, SLOT)

        again = PassphraseKey(Secret("open")).for_slot(replace(PASSPHRASE_SLOT, kdf=made.kdf))

        assert again == made.key

    def test_salt_is_new_for_each_slot(self):
        source = PassphraseKey(Secret("open"), cost=FLOOR)

        first, second = source.for_new_slot(VAULT, SLOT), source.for_new_slot(VAULT, SLOT)

        assert first.kdf.salt != second.kdf.salt
        assert first.key != second.key

    def test_slot_of_another_kind_is_a_bug(self):
        with pytest.raises(TypeError, match="kind"):
            PassphraseKey(Secret("open")).for_slot(KEY_SLOT)

    def test_default_cost_is_the_second_choice_of_rfc_9106(self):
        made = PassphraseKey(Secret("open")).for_new_slot(VAULT, SLOT)

        assert made.kdf.cost == Argon2Cost(memory_kib=65536, passes=3, lanes=4)


class TestRecoveryKey:
    def test_slot_decides_about_the_salt(self):
        source = RecoveryKey(RecoveryCode.generate())
        first, second = source.for_new_slot(VAULT, SLOT), source.for_new_slot(VAULT, SLOT)

        again = source.for_slot(replace(KEY_SLOT, kind=SlotKind.RECOVERY, kdf=first.kdf))

        assert again == first.key != second.key

    def test_slot_of_another_kind_is_a_bug(self):
        with pytest.raises(TypeError, match="kind"):
            RecoveryKey(RecoveryCode.generate()).for_slot(PASSPHRASE_SLOT)


def test_raw_key_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        RawKey(b"short")


@pytest.mark.parametrize(
    "source",
    [RawKey(KEY), PassphraseKey(Secret("open sesame")), RawKey(KEY).for_new_slot(VAULT, SLOT)],
    ids=lambda source: type(source).__name__,
)
def test_key_material_is_not_shown(source):
    shown = repr(source)

    assert "sesame" not in shown
    assert repr(KEY) not in shown
