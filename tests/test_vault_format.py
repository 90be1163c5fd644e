from __future__ import annotations

import json
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.vault.format import (
    MAGIC,
    Argon2Cost,
    Header,
    PassphraseKDF,
    RecoveryKDF,
    Slot,
    SlotKind,
    canonical,
    entry_name,
    parse,
    render,
)

TAG = bytes(16)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
KEY_SLOT = Slot(
    id="00112233445566aa",
    kind=SlotKind.KEY,
    created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    kdf=None,
    nonce=bytes(12),
    wrapped=bytes(48),
)
PASSPHRASE_SLOT = replace(
    KEY_SLOT,
    id="00112233445566bb",
    kind=SlotKind.PASSPHRASE,
    label="written down",
    kdf=PassphraseKDF(salt=bytes(16), cost=Argon2Cost()),
)
HEADER = Header(vault_id="0" * 32, generation=7, slots=(KEY_SLOT, PASSPHRASE_SLOT), nonce=bytes(12))

costs = st.builds(
    Argon2Cost,
    memory_kib=st.integers(19 * 1024, 1024 * 1024),
    passes=st.integers(2, 10),
    lanes=st.integers(1, 16),
)
labels = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=64)
moments = st.integers(-(10**10), 2 * 10**11).map(lambda seconds: NEW_YEAR + timedelta(seconds=seconds))


@st.composite
def headers(draw):
    version = draw(st.sampled_from([1, 2]))
    vault_id = draw(st.binary(min_size=16, max_size=16)).hex()
    ids = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5, unique=True))
    return Header(
        vault_id=vault_id,
        generation=draw(st.integers(1, 2**63 - 1)),
        slots=tuple(draw(slots(vault_id, f"{each:016x}", version)) for each in ids),
        nonce=draw(st.binary(min_size=12, max_size=12)),
        version=version,
    )


@st.composite
def slots(draw, vault_id, slot_id, version):
    kinds = [each for each in SlotKind if version > 1 or each is not SlotKind.RECOVERY]
    kind = draw(st.sampled_from(kinds))
    salt = draw(st.binary(min_size=16, max_size=16))
    kdfs = {
        SlotKind.PASSPHRASE: PassphraseKDF(salt=salt, cost=draw(costs)),
        SlotKind.RECOVERY: RecoveryKDF(salt=salt),
    }
    entries = [vault_id] if version == 1 else [vault_id, entry_name(vault_id, slot_id)]
    return Slot(
        id=slot_id,
        kind=kind,
        label="" if version == 1 else draw(labels),
        entry=draw(st.sampled_from(entries)) if kind is SlotKind.KEYRING else "",
        created=draw(moments),
        kdf=kdfs.get(kind),
        nonce=draw(st.binary(min_size=12, max_size=12)),
        wrapped=draw(st.binary(min_size=48, max_size=48)),
    )


def file_of(header: bytes, *, version: int = 2, payload: bytes = TAG) -> bytes:
    return struct.pack(">8sHI", MAGIC, version, len(header)) + header + payload


def changed(**fields: object) -> bytes:
    """Return a file whose header has other fields: None as a name's value is kept as null."""
    return file_of(canonical(json.loads(render(HEADER)[14:]) | fields))


def changed_slot(**fields: object) -> bytes:
    slot = json.loads(render(HEADER)[14:])["slots"][1]
    return changed(slots=[slot | fields])


def changed_kdf(**fields: object) -> bytes:
    kdf = json.loads(render(HEADER)[14:])["slots"][1]["kdf"]
    return changed_slot(kdf=kdf | fields)


@given(headers(), st.binary(min_size=16, max_size=64))
def test_every_header_comes_back(header, payload):
    prefix = render(header)

    sealed = parse(prefix + payload)

    assert sealed.header == header
    assert sealed.associated == prefix
    assert sealed.ciphertext == payload


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(content):
    for candidate in (content, MAGIC + content, file_of(content)):
        with pytest.raises(FluenzrError) as caught:
            parse(candidate)

        assert caught.value.problem.code in {ProblemCode.VAULT_DAMAGED, ProblemCode.VAULT_NEWER}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not-a-vault"),
        (b"FLUENZR", "not-a-vault"),
        (b"SQLite format 3\x00" + bytes(200), "not-a-vault"),
        (MAGIC, "truncated"),
        (render(HEADER)[:-1], "truncated"),
        (render(HEADER) + TAG[:-1], "truncated"),
        (file_of(b"{}", version=0), "version"),
        (struct.pack(">8sHI", MAGIC, 2, 2**32 - 1) + bytes(100), "header-too-big"),
        (bytes(16 * 1024 * 1024 + 1), "too-big"),
        (file_of(b""), "header"),
        (file_of(b"\xff\xfe{}"), "header"),
        (file_of(b"[" * 60_000), "header"),
        (file_of(b"[]"), "header"),
        (file_of(b"null"), "header"),
        (changed(slots=[]), "header"),
        (changed(slots={}), "header"),
        (changed(slots=json.loads(render(HEADER)[14:])["slots"] * 2), "header"),
        (changed(generation=0), "header"),
        (changed(generation=2**63), "header"),
        (changed(generation=True), "header"),
        (changed(generation=1.0), "header"),
        (changed(generation="1"), "header"),
        (changed(vault="0" * 31), "header"),
        (changed(vault="../" + "0" * 29), "header"),
        (changed(vault="0" * 32 + "\n"), "header"),
        (changed(nonce="AAAA"), "header"),
        (changed(nonce=None), "header"),
        (changed(extra=1), "header-not-canonical"),
        (changed_slot(extra=1), "header-not-canonical"),
        (changed_slot(kind="recovery-by-email"), "header"),
        (changed_slot(kind="key"), "header-not-canonical"),
        (changed_slot(kind="recovery"), "header-not-canonical"),
        (changed_slot(kind="keyring"), "header"),
        (changed_slot(kind="keyring", kdf=None, entry="another"), "header"),
        (changed_slot(entry="0" * 32), "header"),
        (changed_slot(entry=[]), "header"),
        (changed_slot(label="a" * 65), "header"),
        (changed_slot(label="\u202elabel"), "header"),
        (changed_slot(label="\ud800"), "header"),
        (changed_slot(label=["a"]), "header"),
        (changed_slot(label=None), "header"),
        (file_of(render(HEADER)[14:], version=1), "header-not-canonical"),
        (file_of(render(replace(HEADER, version=1))[14:]), "header"),
        (changed_slot(kdf=None), "header"),
        (changed_slot(created="2026-1-2T3:4:5Z"), "header"),
        (changed_slot(created="2026-01-02T03:04:05"), "header-not-canonical"),
        (changed_slot(created="2026-01-02T03:04:05.5Z"), "header-not-canonical"),
        (changed_slot(created="2026-01-02T03:04:05+00:00"), "header-not-canonical"),
        (changed_slot(created="20260102T030405Z"), "header-not-canonical"),
        (changed_slot(created="9999-12-31T23:59:59-23:59"), "header-not-canonical"),
        (changed_slot(created=5), "header"),
        (changed_slot(created="yesterday"), "header"),
        (changed_slot(id="1"), "header"),
        (changed_kdf(extra=1), "header-not-canonical"),
        (changed_kdf(name="scrypt"), "header-not-canonical"),
        (changed_kdf(salt="AAAA"), "header"),
        (file_of(render(HEADER)[14:].replace(b",", b", ")), "header-not-canonical"),
        (file_of(render(HEADER)[14:].replace(b"{", b'{"generation":7,', 1)), "header-not-canonical"),
        (file_of(render(HEADER)[14:].replace(b"AAAAAAAAAAAAAAAA", b"AAAAAAAAAAAAAAA=", 1)), "header"),
    ],
)
def test_what_we_would_not_write_is_damaged(content, reason):
    with pytest.raises(FluenzrError) as caught:
        parse(content)

    assert caught.value.problem.code is ProblemCode.VAULT_DAMAGED
    assert caught.value.problem.facts["reason"] == reason


@pytest.mark.parametrize(
    "cost",
    [
        {"memory_kib": 19 * 1024 - 1},
        {"memory_kib": 1024 * 1024 + 1},
        {"passes": 1},
        {"passes": 11},
        {"lanes": 0},
        {"lanes": 17},
        {"memory_kib": True},
    ],
    ids=str,
)
def test_cost_out_of_bounds_is_refused_before_any_work(cost):
    with pytest.raises(FluenzrError) as caught:
        parse(changed_kdf(**cost))

    assert caught.value.problem.code is ProblemCode.VAULT_DAMAGED


def test_newer_version_is_told():
    with pytest.raises(FluenzrError) as caught:
        parse(file_of(b"whatever comes then", version=3))

    assert caught.value.problem.code is ProblemCode.VAULT_NEWER
    assert caught.value.problem.facts["version"] == 3


def test_wrapped_key_is_not_shown():
    shown = repr(replace(KEY_SLOT, wrapped=b"wrapped" * 6))

    assert "wrapped" not in shown


def test_recovery_slot_is_no_part_of_version_1():
    slot = replace(KEY_SLOT, kind=SlotKind.RECOVERY, kdf=RecoveryKDF(salt=bytes(16)))
    content = render(replace(HEADER, slots=(slot,), version=1)) + TAG

    with pytest.raises(FluenzrError) as caught:
        parse(content)

    assert caught.value.problem.code is ProblemCode.VAULT_DAMAGED
