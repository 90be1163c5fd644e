from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault import slots
from fluenzr_smtp.vault.format import Argon2Cost, Header, SlotKind
from fluenzr_smtp.vault.recovery import RecoveryCode
from fluenzr_smtp.vault.sources import KeyringKey, PassphraseKey, RawKey, RecoveryKey
from tests.servers.keyring import MemoryKeychain

FLOOR = Argon2Cost(memory_kib=19 * 1024, passes=2, lanes=1)
VAULT, OTHER_VAULT = "0" * 32, "1" * 32
DATA_KEY = bytes(range(100, 132))
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def passphrase(text: str) -> PassphraseKey:
    return PassphraseKey(Secret(text), cost=FLOOR)


def slot_of(source):
    return slots.draft(source, vault_id=VAULT).wrap(DATA_KEY, created=NOW)


def header_of(*sources) -> Header:
    made = tuple(slot_of(source) for source in sources)
    return Header(vault_id=VAULT, generation=1, slots=made, nonce=bytes(12))


KEYRING = KeyringKey(MemoryKeychain())
RECOVERY = RecoveryKey(RecoveryCode.generate())
RAW, OTHER_RAW = RawKey(bytes(32)), RawKey(bytes(31) + b"1")


@pytest.mark.parametrize(
    "source", [KEYRING, passphrase("open"), RAW, RECOVERY], ids=lambda source: source.kind
)
def test_source_opens_its_own_slot_among_others(source):
    header = header_of(OTHER_RAW, passphrase("other"), RecoveryKey(RecoveryCode.generate()), source)

    slot, data_key = slots.unlock(source, header)

    assert data_key == DATA_KEY
    assert slot == header.slots[3]


def test_slot_holds_whole_seconds():
    assert slot_of(RAW).created == NOW.replace(microsecond=0)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (passphrase("wrong"), ProblemCode.VAULT_PASSPHRASE_WRONG),
        (OTHER_RAW, ProblemCode.VAULT_KEY_WRONG),
        (RecoveryKey(RecoveryCode.generate()), ProblemCode.VAULT_KEY_WRONG),
    ],
    ids=["passphrase", "key", "recovery"],
)
def test_wrong_key_is_told(source, code):
    header = header_of(RAW, passphrase("open"), RECOVERY)

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(source, header)

    assert caught.value.problem.code is code
    assert caught.value.problem.exit_status is ExitStatus.CONFIG


def test_wrong_key_in_the_keyring_is_told():
    keychain = MemoryKeychain()
    header = header_of(KeyringKey(keychain))
    keychain.store(header.slots[0].entry, bytes(32))

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(KeyringKey(keychain), header)

    assert caught.value.problem.code is ProblemCode.VAULT_KEY_WRONG
    assert caught.value.problem.facts["source"] == "keyring"


def test_source_without_slot_is_told_what_would_open():
    keychain = MemoryKeychain()
    header = header_of(RAW, passphrase("open"), OTHER_RAW)

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(KeyringKey(keychain), header)

    assert caught.value.problem.code is ProblemCode.VAULT_LOCKED
    assert caught.value.problem.facts == {"source": "keyring", "slots": ("key", "passphrase")}
    assert keychain.loads == 0


@pytest.mark.parametrize(
    "change",
    [
        {"id": "f" * 16},
        {"created": NOW + timedelta(days=1)},
        {"nonce": bytes(12)},
        {"wrapped": bytes(48)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changed_slot_does_not_open(change):
    header = header_of(RAW)
    forged = replace(header, slots=(replace(header.slots[0], **change),))

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(RAW, forged)

    assert caught.value.problem.code is ProblemCode.VAULT_KEY_WRONG


def test_changed_cost_does_not_open():
    header = header_of(passphrase("open"))
    kdf = header.slots[0].kdf
    dearer = replace(kdf, cost=replace(kdf.cost, passes=3))

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(passphrase("open"), replace(header, slots=(replace(header.slots[0], kdf=dearer),)))

    assert caught.value.problem.code is ProblemCode.VAULT_PASSPHRASE_WRONG


def test_slot_of_another_vault_does_not_open():
    header = replace(header_of(RAW), vault_id=OTHER_VAULT)

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(RAW, header)

    assert caught.value.problem.code is ProblemCode.VAULT_KEY_WRONG


def test_slot_outlives_a_write():
    header = header_of(RAW)

    slot, data_key = slots.unlock(RAW, replace(header, generation=99, nonce=b"another one."))

    assert (slot.kind, data_key) == (SlotKind.KEY, DATA_KEY)


def test_key_of_another_computer_is_passed_over():
    here, there = MemoryKeychain(), MemoryKeychain()
    header = header_of(KeyringKey(there), KeyringKey(here))

    slot, data_key = slots.unlock(KeyringKey(here), header)

    assert (slot, data_key) == (header.slots[1], DATA_KEY)


def test_rubbish_in_one_entry_does_not_hide_another():
    keychain = MemoryKeychain()
    header = header_of(KeyringKey(keychain), KeyringKey(keychain))
    keychain.store(header.slots[0].entry, bytes(32))

    slot, _ = slots.unlock(KeyringKey(keychain), header)

    assert slot == header.slots[1]


def test_keyring_without_any_entry_is_told():
    header = header_of(KeyringKey(MemoryKeychain()), KeyringKey(MemoryKeychain()))

    with pytest.raises(FluenzrError) as caught:
        slots.unlock(KeyringKey(MemoryKeychain()), header)

    assert caught.value.problem.code is ProblemCode.KEYRING_ENTRY_MISSING
    assert caught.value.problem.exit_status is ExitStatus.CONFIG


def test_label_may_change_without_the_key():
    header = header_of(RAW)

    slot, _ = slots.unlock(RAW, replace(header, slots=(replace(header.slots[0], label="at work"),)))

    assert slot.label == "at work"
