from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Secret
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage
from fluenzr_smtp.vault import (
    KeyringKey,
    KeySource,
    NoticeKind,
    PassphraseKey,
    RawKey,
    RecoveryCode,
    RecoveryKey,
    Vault,
    cipher,
    slots,
)
from fluenzr_smtp.vault.format import Argon2Cost, Header, parse, render
from tests.servers.keyring import MemoryKeychain

FLOOR = Argon2Cost(memory_kib=19 * 1024, passes=2, lanes=1)
KEY = RawKey(bytes(range(32)))
OTHER_KEY = RawKey(bytes(range(1, 33)))
CLOCK = Clock(
    now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None
)
REFUSALS = {
    ProblemCode.VAULT_DAMAGED,
    ProblemCode.VAULT_NEWER,
    ProblemCode.VAULT_KEY_WRONG,
    ProblemCode.VAULT_LOCKED,
    ProblemCode.VAULT_UNSAFE,
}


def vault_at(path: Path, source: KeySource = KEY) -> Vault:
    return Vault(path, source=lambda: source, clock=CLOCK, lock_timeout_seconds=5)


def written(path: Path, payload: bytes = b"payload", source: KeySource = KEY) -> bytes:
    """Write a new vault and return the bytes of its file."""
    vault_at(path, source).update(lambda _: payload)
    return path.read_bytes()


def refusal(call: Callable[[], object]):
    """Return the problem in which a call ends."""
    with pytest.raises(FluenzrError) as caught:
        call()
    return caught.value.problem


def header_of(path: Path) -> Header:
    return parse(path.read_bytes()).header


def write_with_slots(path: Path, *sources: KeySource) -> None:
    """Write a vault that each of these sources opens."""
    data_key, vault_id = bytes(32), "0" * 32
    made = tuple(slots.draft(each, vault_id=vault_id).wrap(data_key, created=CLOCK.now()) for each in sources)
    header = Header(vault_id=vault_id, generation=1, slots=made, nonce=bytes(12))
    prefix = render(header)
    path.write_bytes(prefix + cipher.seal(data_key, b"payload", nonce=header.nonce, associated=prefix))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "vault"


class TestReadAndUpdate:
    def test_no_vault_is_no_payload_and_asks_for_no_key(self, path):
        vault = Vault(path, source=lambda: pytest.fail("asked"), clock=CLOCK)

        assert vault.read() is None
        assert not vault.exists
        assert not path.parent.exists()

    @settings(deadline=None)  # a write waits for the disk
    @given(payload=st.binary(max_size=2000))
    def test_every_payload_comes_back(self, tmp_path_factory, payload):
        path = tmp_path_factory.mktemp("vault") / "vault"

        vault_at(path).update(lambda _: payload)

        assert vault_at(path).read() == payload

    @pytest.mark.parametrize(
        "source",
        [KEY, PassphraseKey(Secret("open"), cost=FLOOR), KeyringKey(MemoryKeychain())],
        ids=lambda source: source.kind,
    )
    def test_every_kind_of_key_opens_what_it_wrote(self, path, source):
        written(path, b"first", source)
        vault_at(path, source).update(lambda payload: payload + b" second")

        assert vault_at(path, source).read() == b"first second"

    def test_file_does_not_show_the_payload(self, path):
        content = written(path, b"smtp.example.org and a secret")

        assert b"example" not in content

    def test_each_write_counts_and_has_a_nonce_of_its_own(self, path):
        vault, headers = vault_at(path), []
        for _ in range(5):
            vault.update(lambda _: b"the same")
            headers.append(header_of(path))

        assert [each.generation for each in headers] == [1, 2, 3, 4, 5]
        assert len({each.nonce for each in headers}) == 5
        assert all(before.slots == after.slots for before, after in pairwise(headers))

    def test_slots_of_others_outlive_a_write(self, tmp_path):
        path, keychain = tmp_path / "vault", MemoryKeychain()
        write_with_slots(path, KeyringKey(keychain), KEY)

        vault_at(path).update(lambda _: b"new")

        assert vault_at(path, KeyringKey(keychain)).read() == b"new"

    def test_change_sees_what_another_process_wrote_in_between(self, path):
        written(path, b"one")
        first, second = vault_at(path), vault_at(path)
        first.read()
        second.update(lambda payload: payload + b" two")

        first.update(lambda payload: payload + b" three")

        assert second.read() == b"one two three"

    def test_failing_change_leaves_the_file_as_it_was(self, path):
        before = written(path)

        with pytest.raises(ZeroDivisionError):
            vault_at(path).update(lambda _: b"" * (1 // 0))

        assert path.read_bytes() == before

    def test_failing_first_change_makes_neither_file_nor_keyring_entry(self, path):
        keychain = MemoryKeychain()

        with pytest.raises(ZeroDivisionError):
            vault_at(path, KeyringKey(keychain)).update(lambda _: b"" * (1 // 0))

        assert not path.exists()
        assert keychain.entries == {}

    def test_keyring_is_asked_once(self, path):
        keychain = MemoryKeychain()
        written(path, b"", KeyringKey(keychain))
        vault = vault_at(path, KeyringKey(keychain))

        for _ in range(3):
            vault.read()
            vault.update(lambda payload: payload)

        assert keychain.loads == 1

    def test_nobody_waits_for_the_key_of_another(self, path):
        written(path)

        def source_under_a_free_lock() -> KeySource:
            with durable.lock(path.with_name("vault.lock"), timeout_seconds=0):
                return KEY

        Vault(path, source=source_under_a_free_lock, clock=CLOCK).update(lambda _: b"new")

        assert vault_at(path).read() == b"new"

    def test_new_keys_of_another_process_are_noticed(self, tmp_path):
        path = tmp_path / "vault"
        vault = vault_at(path)
        write_with_slots(path, KEY)
        vault.read()
        write_with_slots(path, OTHER_KEY, KEY)

        assert vault.read() == b"payload"

    def test_payload_too_big_to_be_read_again_is_not_written(self, path):
        before = written(path)

        problem = refusal(lambda: vault_at(path).update(lambda _: bytes(16 * 1024 * 1024)))

        assert problem.code is ProblemCode.FILE_NOT_WRITTEN
        assert path.read_bytes() == before

    def test_busy_vault_is_told(self, path):
        before = written(path)
        impatient = Vault(path, source=lambda: KEY, clock=CLOCK, lock_timeout_seconds=0)

        problem = refusal(lambda: vault_at(path).update(lambda _: impatient.update(lambda _: b"")))

        assert problem.code is ProblemCode.VAULT_BUSY
        assert problem.exit_status is ExitStatus.TEMPORARY
        assert path.read_bytes() == before


class TestTampering:
    def test_every_flipped_bit_is_refused_and_the_file_left(self, tmp_path):
        path = tmp_path / "vault"
        recovery = RecoveryKey(RecoveryCode.generate())
        write_with_slots(path, recovery, KEY)
        good = path.read_bytes()
        opened = vault_at(path)
        opened.read()

        for bit in range(8 * len(good)):
            flipped = bytearray(good)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)

            # One that comes anew, and by turns one that has the vault open.
            for vault in (vault_at(path), opened)[: 2 - min(bit % 8, 1)]:
                problem = refusal(vault.read)

                assert problem.code in REFUSALS, f"bit {bit}"
                assert problem.exit_status in {ExitStatus.DATA, ExitStatus.CONFIG}
                assert problem.facts["path"] == str(path)
            assert path.read_bytes() == flipped

    def test_flipped_bits_of_a_passphrase_slot_are_refused(self, tmp_path):
        """Each costs Argon2id, so one bit of each byte, by turns."""
        path = tmp_path / "vault"
        source = PassphraseKey(Secret("open"), cost=FLOOR)
        write_with_slots(path, source)
        good = path.read_bytes()
        start = good.index(b'"kdf"')

        for at in range(start, good.index(b'"vault"'), 3):
            flipped = bytearray(good)
            flipped[at] ^= 1 << at % 8
            path.write_bytes(flipped)

            problem = refusal(vault_at(path, source).read)

            assert problem.code in REFUSALS | {ProblemCode.VAULT_PASSPHRASE_WRONG}, f"byte {at}"

    @pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
    def test_refused_file_is_left_by_reads_and_writes(self, path, write):
        damaged = written(path)[:-1] + b"\x00"
        path.write_bytes(damaged)
        vault = vault_at(path)

        problem = refusal((lambda: vault.update(lambda _: b"new")) if write else vault.read)

        assert problem.code is ProblemCode.VAULT_DAMAGED
        assert path.read_bytes() == damaged

    def test_every_truncation_is_refused_and_the_file_left(self, path):
        good = written(path)

        for length in range(len(good)):
            path.write_bytes(good[:length])

            problem = refusal(lambda: vault_at(path).update(lambda _: b"new"))

            assert problem.code is ProblemCode.VAULT_DAMAGED, f"{length} bytes"
            assert path.read_bytes() == good[:length]

    @pytest.mark.parametrize("garbage", [b"\x00", b"\n", bytes(16)], ids=repr)
    def test_trailing_garbage_is_refused(self, path, garbage):
        path_content = written(path) + garbage
        path.write_bytes(path_content)

        assert refusal(vault_at(path).read).code is ProblemCode.VAULT_DAMAGED

    def test_swapped_slots_are_refused(self, tmp_path):
        path = tmp_path / "vault"
        write_with_slots(path, OTHER_KEY, KEY)
        sealed = parse(path.read_bytes())
        swapped = replace(sealed.header, slots=sealed.header.slots[::-1])
        path.write_bytes(render(swapped) + sealed.ciphertext)

        assert refusal(vault_at(path).read).code is ProblemCode.VAULT_DAMAGED

    def test_removed_slot_is_refused(self, tmp_path):
        path = tmp_path / "vault"
        write_with_slots(path, OTHER_KEY, KEY)
        sealed = parse(path.read_bytes())
        fewer = replace(sealed.header, slots=sealed.header.slots[1:])
        path.write_bytes(render(fewer) + sealed.ciphertext)

        assert refusal(vault_at(path).read).code is ProblemCode.VAULT_DAMAGED

    def test_payload_of_another_generation_is_refused(self, path):
        older = parse(written(path))
        newer = parse(written(path))
        path.write_bytes(newer.associated + older.ciphertext)

        assert refusal(vault_at(path).read).code is ProblemCode.VAULT_DAMAGED

    def test_payload_of_another_vault_is_refused(self, tmp_path):
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        ours.write_bytes(parse(written(ours)).associated + parse(written(theirs)).ciphertext)

        assert refusal(vault_at(ours).read).code is ProblemCode.VAULT_DAMAGED

    def test_slot_of_another_vault_is_refused(self, tmp_path):
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        written(ours, b"ours", OTHER_KEY)
        written(theirs, b"theirs", KEY)
        sealed = parse(ours.read_bytes())
        forged = replace(sealed.header, slots=header_of(theirs).slots)
        ours.write_bytes(render(forged) + sealed.ciphertext)

        assert refusal(vault_at(ours).read).code is ProblemCode.VAULT_KEY_WRONG

    def test_added_slot_is_refused(self, tmp_path):
        path = tmp_path / "vault"
        written(path)
        sealed = parse(path.read_bytes())
        foreign = slots.draft(OTHER_KEY, vault_id=sealed.header.vault_id).wrap(bytes(32), created=CLOCK.now())
        path.write_bytes(
            render(replace(sealed.header, slots=(*sealed.header.slots, foreign))) + sealed.ciphertext
        )

        for source in (KEY, OTHER_KEY):
            assert refusal(vault_at(path, source).read).code is ProblemCode.VAULT_DAMAGED

    def test_changed_label_is_refused(self, path):
        written(path)
        sealed = parse(path.read_bytes())
        labelled = replace(sealed.header.slots[0], label="trust me")
        path.write_bytes(render(replace(sealed.header, slots=(labelled,))) + sealed.ciphertext)

        assert refusal(vault_at(path).read).code is ProblemCode.VAULT_DAMAGED

    def test_vault_of_version_2_does_not_pass_for_version_1(self, path):
        written(path)
        sealed = parse(path.read_bytes())
        path.write_bytes(render(replace(sealed.header, version=1)) + sealed.ciphertext)

        assert refusal(vault_at(path).read).code is ProblemCode.VAULT_DAMAGED

    def test_vault_that_became_another_one_is_refused(self, tmp_path):
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        written(theirs)
        written(ours)
        vault = vault_at(ours)
        vault.read()
        theirs.replace(ours)

        problem = refusal(vault.read)

        assert (problem.code, problem.facts["reason"]) == (ProblemCode.VAULT_UNSAFE, "replaced")


class TestKeys:
    @pytest.mark.parametrize(
        ("writer", "reader", "code"),
        [
            (KEY, OTHER_KEY, ProblemCode.VAULT_KEY_WRONG),
            (KEY, PassphraseKey(Secret("open")), ProblemCode.VAULT_LOCKED),
            (
                PassphraseKey(Secret("open"), cost=FLOOR),
                PassphraseKey(Secret("wrong")),
                ProblemCode.VAULT_PASSPHRASE_WRONG,
            ),
            (KeyringKey(MemoryKeychain()), KeyringKey(MemoryKeychain()), ProblemCode.KEYRING_ENTRY_MISSING),
        ],
        ids=["wrong key", "no such slot", "wrong passphrase", "no keyring entry"],
    )
    def test_without_its_key_the_vault_stays_as_it_is(self, path, writer, reader, code):
        before = written(path, b"old", writer)

        problems = [
            refusal(vault_at(path, reader).read),
            refusal(lambda: vault_at(path, reader).update(lambda _: b"new")),
        ]

        assert [(each.code, each.exit_status) for each in problems] == [(code, ExitStatus.CONFIG)] * 2
        assert path.read_bytes() == before
        assert vault_at(path, writer).read() == b"old"

    def test_damage_is_told_before_any_key_is_asked_for(self, path):
        path.parent.mkdir()
        path.write_bytes(b"")
        vault = Vault(path, source=lambda: pytest.fail("asked"), clock=CLOCK)

        assert refusal(vault.read).code is ProblemCode.VAULT_DAMAGED


@dataclass
class Place:
    """Something else in the vault's place."""

    path: Path

    def folder(self):
        self.path.mkdir()

    def link_to_a_vault(self):
        other = self.path.with_name("other")
        written(other)
        self.path.symlink_to(other)

    def dangling_link(self):
        self.path.symlink_to("nowhere")

    def pipe(self):
        os.mkfifo(self.path)

    def socket(self):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(self.path))

    def link_to_device(self):
        self.path.symlink_to("/dev/zero")


class TestFile:
    @pytest.mark.parametrize(
        "thing", ["folder", "link_to_a_vault", "dangling_link", "pipe", "socket", "link_to_device"]
    )
    def test_anything_but_a_file_is_refused_and_left(self, tmp_path, thing):
        path = tmp_path / "vault"
        getattr(Place(path), thing)()
        before = os.lstat(path)

        problem = refusal(lambda: vault_at(path).update(lambda _: b"new"))

        assert problem.code is ProblemCode.VAULT_UNSAFE
        assert problem.exit_status is ExitStatus.CONFIG
        assert os.lstat(path).st_ino == before.st_ino

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_file_of_another_user_is_refused(self, path):
        written(path)
        os.chown(path, 65534, 65534)

        problem = refusal(vault_at(path).read)

        assert (problem.code, problem.facts["reason"]) == (ProblemCode.VAULT_UNSAFE, "other-owner")

    def test_huge_file_is_refused_by_its_size(self, tmp_path):
        path = tmp_path / "vault"
        with path.open("wb") as file:
            file.truncate(1024**4)

        problem = refusal(vault_at(path).read)

        assert (problem.code, problem.facts["reason"]) == (ProblemCode.VAULT_DAMAGED, "too-big")

    def test_modes_are_closed_at_the_next_write(self, path):
        written(path)
        path.chmod(0o644)
        path.parent.chmod(0o755)

        vault_at(path).update(lambda payload: payload)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_open_modes_are_told_at_a_read_and_their_mending_at_a_write(self, path):
        written(path)
        path.chmod(0o644)
        vault = vault_at(path)

        vault.read()

        assert [notice.kind for notice in vault.notices] == [NoticeKind.OPEN_TO_OTHERS]
        assert vault.notices[0].facts == {"path": str(path), "mode": "0644"}
        vault.update(lambda payload: payload)
        assert [notice.kind for notice in vault.notices] == [NoticeKind.MODES_MENDED]

    def test_folder_that_others_may_write_to_is_told_and_mended(self, path):
        written(path)
        path.parent.chmod(0o777)
        vault = vault_at(path)

        vault.read()
        assert [notice.kind for notice in vault.notices] == [NoticeKind.OPEN_TO_OTHERS]

        vault.update(lambda payload: payload)
        assert vault.notices[0].facts == {"path": str(path.parent)}
        assert [notice.kind for notice in vault.notices] == [NoticeKind.MODES_MENDED]
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_private_vault_has_nothing_to_be_told(self, path):
        written(path)
        vault = vault_at(path)

        vault.update(lambda payload: payload)

        assert vault.notices == ()

    def test_modes_do_not_depend_on_the_umask(self, path):
        before = os.umask(0)
        try:
            written(path)
        finally:
            os.umask(before)

        modes = {
            each.name: oct(each.stat().st_mode & 0o777) for each in (path.parent, *path.parent.iterdir())
        }
        assert modes == {"data": "0o700", "vault": "0o600", "vault.lock": "0o600"}

    def test_leftovers_of_killed_writers_are_cleared(self, path):
        written(path)
        leftover = path.with_name(".vault.0123456789abcdef.tmp")
        leftover.write_bytes(b"half a vault")

        vault_at(path).update(lambda payload: payload)

        assert not leftover.exists()

    def test_file_in_the_place_of_the_folder_is_told(self, tmp_path):
        (tmp_path / "data").write_bytes(b"")

        problem = refusal(vault_at(tmp_path / "data" / "vault").read)

        assert (problem.code, problem.stage) == (ProblemCode.FILE_UNREADABLE, Stage.VAULT)


def test_killed_writer_leaves_a_vault_that_opens(path):
    written(path, b"a" * 100_000)
    generations = [header_of(path).generation]

    for writes_before_kill in range(1, 6):
        child = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, path], stdout=subprocess.PIPE)
        assert len(child.stdout.read(writes_before_kill)) == writes_before_kill
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

        assert vault_at(path).read() in (b"a" * 100_000, b"b" * 100_000)
        generations.append(header_of(path).generation)

    assert all(after > before for before, after in pairwise(generations))


WRITE_FOR_EVER = """
import sys
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from fluenzr_smtp.model import Clock
from fluenzr_smtp.vault import RawKey, Vault
clock = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None)
vault = Vault(Path(sys.argv[1]), source=lambda: RawKey(bytes(range(32))), clock=clock)
for letter in cycle((b"a", b"b")):
    vault.update(lambda _: letter * 100_000)
    sys.stdout.buffer.write(b".")
    sys.stdout.buffer.flush()
"""
