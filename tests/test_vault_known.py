"""Files of every version that there ever was, with the keys that open them. They stay here for ever."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fluenzr_smtp.accounts import Accounts, import_accounts
from fluenzr_smtp.model import Clock, Secret
from fluenzr_smtp.vault import KeyringKey, PassphraseKey, RawKey, RecoveryCode, RecoveryKey, Vault
from fluenzr_smtp.vault.format import VERSION, parse
from tests.servers.keyring import MemoryKeychain

DATA = Path(__file__).parent / "data" / "vault"
DOCUMENT = Path(__file__).parents[1] / "docs" / "vault-format.md"
KEYS = json.loads((DATA / "keys.json").read_text())
CLOCK = Clock(
    now=lambda: datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None
)
GENERATIONS = {1: 42, 2: 44}


def keyring() -> KeyringKey:
    return KeyringKey(MemoryKeychain({name: bytes.fromhex(key) for name, key in KEYS["keyring"].items()}))


SOURCES = {
    "key": lambda: RawKey(bytes.fromhex(KEYS["key"])),
    "passphrase": lambda: PassphraseKey(Secret(KEYS["passphrase"])),
    "keyring": keyring,
    "recovery": lambda: RecoveryKey(RecoveryCode.parse(KEYS["recovery_code"])),
}


@pytest.fixture
def known(tmp_path, request):
    """A copy of the known file of a version, in the place of a vault."""
    path = tmp_path / "vault"
    shutil.copyfile(DATA / f"version-{request.param}.fluenzr", path)
    path.chmod(0o600)
    return path


def vault_at(path: Path, kind: str = "key") -> Vault:
    return Vault(path, source=SOURCES[kind], clock=CLOCK)


@pytest.mark.parametrize(
    ("known", "kind"),
    [(1, "key"), (1, "passphrase"), (1, "keyring")] + [(2, kind) for kind in SOURCES],
    indirect=["known"],
)
def test_known_file_opens_by_each_of_its_keys(known, kind):
    (stored,) = Accounts(vault_at(known, kind)).list()

    assert stored.account.address == "anna@example.org"
    assert stored.secret == Secret("correct horse battery staple")


def test_there_is_a_known_file_of_every_version():
    versions = {parse(path.read_bytes()).header.version for path in DATA.glob("version-*.fluenzr")}

    assert versions == set(range(1, VERSION + 1))


@pytest.mark.parametrize("known", [2], indirect=True)
def test_every_keyring_slot_opens_by_its_own_entry(known):
    for name, key in KEYS["keyring"].items():
        source = KeyringKey(MemoryKeychain({name: bytes.fromhex(key)}))

        assert Vault(known, source=lambda source=source: source, clock=CLOCK).read()


@pytest.mark.parametrize("known", [1, 2], indirect=True, ids=["1", "2"])
def test_reading_leaves_the_file_and_its_folder_as_they_are(known):
    before = known.read_bytes()

    vault_at(known).read()

    assert known.read_bytes() == before
    assert list(known.parent.iterdir()) == [known]


@pytest.mark.parametrize("known", [1], indirect=True)
def test_older_version_is_upgraded_at_the_next_write_after_a_backup(known):
    before = known.read_bytes()
    vault = vault_at(known)

    vault.update(lambda payload: payload)

    header = parse(known.read_bytes()).header
    assert (header.version, header.generation) == (VERSION, GENERATIONS[1] + 1)
    assert known.with_name("vault.v1").read_bytes() == before
    assert [notice.kind for notice in vault.notices] == ["upgraded"]
    assert vault.notices[0].facts == {"version": 1, "path": str(known.with_name("vault.v1"))}


@pytest.mark.parametrize("known", [1], indirect=True)
@pytest.mark.parametrize("kind", ["key", "passphrase", "keyring"])
def test_slots_of_an_older_version_still_open_after_the_upgrade(known, kind):
    vault_at(known).update(lambda payload: payload)

    assert len(Accounts(vault_at(known, kind)).list()) == 1


@pytest.mark.parametrize("known", [1], indirect=True)
def test_backup_of_an_older_version_is_never_overwritten(known):
    backup = known.with_name("vault.v1")
    backup.write_bytes(b"an earlier one")

    vault_at(known).update(lambda payload: payload)

    assert backup.read_bytes() == b"an earlier one"
    assert parse(known.with_name("vault.42").read_bytes()).header.version == 1


@pytest.mark.parametrize("known", [1], indirect=True)
def test_backup_of_an_older_version_outlives_the_generations(known):
    for _ in range(6):
        vault_at(known).update(lambda payload: payload)

    names = sorted(path.name for path in known.parent.iterdir())
    assert names == ["vault", "vault.45", "vault.46", "vault.47", "vault.lock", "vault.v1"]
    assert len(Accounts(vault_at(known.with_name("vault.v1"))).list()) == 1


def test_known_export_opens():
    content = (DATA / "export-1.fluenzr").read_bytes()

    (stored,) = import_accounts(content, Secret(KEYS["export_passphrase"]))

    assert stored.secret == Secret("correct horse battery staple")


@pytest.fixture(scope="module")
def reader():
    """The program at the end of the page: what it defines, by name."""
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1], names)
    return names


class TestDocument:
    """The page about the format says what is so: its reader and its example are tried."""

    @pytest.mark.parametrize(
        ("version", "kind", "secret"),
        [
            (1, "key", bytes.fromhex(KEYS["key"])),
            (1, "passphrase", KEYS["passphrase"]),
            (2, "key", bytes.fromhex(KEYS["key"])),
            (2, "passphrase", KEYS["passphrase"]),
            (2, "recovery", KEYS["recovery_code"]),
        ],
        ids=lambda value: "" if isinstance(value, bytes) else str(value),
    )
    def test_reader_of_another_program_opens_the_known_files(self, reader, version, kind, secret):
        content = (DATA / f"version-{version}.fluenzr").read_bytes()

        payload = reader["open_vault"](content, kind, secret)

        assert json.loads(payload)["accounts"][0]["secret"] == "correct horse battery staple"

    def test_example_is_the_known_file(self, reader):
        content = (DATA / "version-2.fluenzr").read_bytes()
        sealed = parse(content)
        fields = json.loads(sealed.associated[14:])
        first = {name: fields["slots"][0][name] for name in ("created", "id", "kdf", "kind")}
        bound = first | {"vault": sealed.header.vault_id}
        opened = vault_at(DATA / "version-2.fluenzr").load()
        by_kind = {slot["kind"]: slot for slot in fields["slots"]}

        values = [
            content[:14].hex(),
            sealed.header.vault_id,
            KEYS["passphrase"],
            reader["slot_key"](by_kind["passphrase"], KEYS["passphrase"]).hex(),
            KEYS["recovery_code"],
            reader["slot_key"](by_kind["recovery"], KEYS["recovery_code"]).hex(),
            KEYS["key"],
            opened.data_key.hex(),
            reader["canonical"](bound).decode(),
            opened.payload[:39].decode(),
        ]

        example = DOCUMENT.read_text().partition("Run on `tests/data/vault/version-2.fluenzr`")[2]
        assert [value for value in values if f"`{value}`" not in example] == []
        assert f"{len(sealed.associated) - 14:,} bytes" in example
        assert f"{len(opened.payload)} bytes" in example
        assert f", {sealed.header.generation} |" in example
