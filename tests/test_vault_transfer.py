from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault import Argon2Cost, is_export, open_export, seal_export
from fluenzr_smtp.vault.format import canonical
from fluenzr_smtp.vault.transfer import MAGIC
from tests.test_vault_store import FLOOR, refusal

PASSPHRASE = Secret("travel well")
CONTENT = seal_export(b"payload", PASSPHRASE, cost=FLOOR)
HEADER = json.loads(CONTENT[14 : 14 + struct.unpack_from(">8sHI", CONTENT)[2]])


def file_of(header: bytes, *, version: int = 1) -> bytes:
    return struct.pack(">8sHI", MAGIC, version, len(header)) + header + bytes(16)


def changed(**fields: object) -> bytes:
    return file_of(canonical(HEADER | fields))


@settings(max_examples=10, deadline=None)  # each takes Argon2id twice
@given(st.binary(max_size=1000), st.text(min_size=1, max_size=30))
def test_every_payload_comes_back(payload, passphrase):
    content = seal_export(payload, Secret(passphrase), cost=FLOOR)

    assert is_export(content)
    assert open_export(content, Secret(passphrase)) == payload


def test_each_export_is_another_one():
    other = seal_export(b"payload", PASSPHRASE, cost=FLOOR)

    assert other != CONTENT


def test_cost_is_the_vaults_by_default():
    content = seal_export(b"", PASSPHRASE)

    kdf = json.loads(content[14 : 14 + struct.unpack_from(">8sHI", content)[2]])["kdf"]
    assert Argon2Cost(memory_kib=kdf["memory_kib"], passes=kdf["passes"], lanes=kdf["lanes"]) == Argon2Cost()


def test_wrong_passphrase_is_told_apart_from_damage():
    problem = refusal(lambda: open_export(CONTENT, Secret("travel ill"), path="accounts"))

    assert (problem.code, problem.exit_status) == (ProblemCode.EXPORT_PASSPHRASE_WRONG, ExitStatus.CONFIG)
    assert problem.facts == {"path": "accounts"}


@pytest.mark.parametrize(
    "call", [lambda: seal_export(b"", Secret("")), lambda: open_export(CONTENT, Secret(""))]
)
def test_empty_passphrase_is_refused(call):
    assert refusal(call).code is ProblemCode.SECRET_EMPTY


def test_changed_bytes_are_refused():
    for at in range(0, len(CONTENT), 3):  # most of them cost Argon2id
        flipped = bytearray(CONTENT)
        flipped[at] ^= 1 << at % 8

        problem = refusal(lambda flipped=flipped: open_export(bytes(flipped), PASSPHRASE))

        assert problem.code in {
            ProblemCode.EXPORT_DAMAGED,
            ProblemCode.EXPORT_NEWER,
            ProblemCode.EXPORT_PASSPHRASE_WRONG,
        }, at
        assert problem.exit_status in {ExitStatus.DATA, ExitStatus.CONFIG}


def test_every_truncation_is_refused():
    for length in range(0, len(CONTENT), 7):
        problem = refusal(lambda length=length: open_export(CONTENT[:length], PASSPHRASE))

        assert problem.code is ProblemCode.EXPORT_DAMAGED, length


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not-an-export"),
        (b"FLUENZR\x00" + bytes(100), "not-an-export"),
        (MAGIC, "truncated"),
        (bytes(16 * 1024 * 1024 + 1), "too-big"),
        (struct.pack(">8sHI", MAGIC, 1, 2**32 - 1), "header-too-big"),
        (file_of(b"{}", version=0), "version"),
        (file_of(b"{}"), "header"),
        (file_of(b"[]"), "header"),
        (file_of(b"\xff"), "header"),
        (file_of(b"[" * 60_000), "header"),
        (changed(extra=1), "header-not-canonical"),
        (changed(kdf=None), "header"),
        (changed(kdf=HEADER["kdf"] | {"memory_kib": 2**30}), "header"),
        (changed(kdf=HEADER["kdf"] | {"passes": 1}), "header"),
        (changed(nonce="AAAA"), "header"),
        (changed(wrapped=None), "header"),
    ],
)
def test_what_we_would_not_write_is_damaged(content, reason):
    problem = refusal(lambda: open_export(content, PASSPHRASE))

    assert (problem.code, problem.facts["reason"]) == (ProblemCode.EXPORT_DAMAGED, reason)


def test_newer_version_is_told():
    problem = refusal(lambda: open_export(file_of(b"whatever comes then", version=2), PASSPHRASE))

    assert (problem.code, problem.facts["version"]) == (ProblemCode.EXPORT_NEWER, 2)


def test_payload_too_big_to_be_read_again_is_refused():
    problem = refusal(lambda: seal_export(bytes(16 * 1024 * 1024), PASSPHRASE, cost=FLOOR))

    assert problem.code is ProblemCode.FILE_NOT_WRITTEN
