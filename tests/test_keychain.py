from __future__ import annotations

import json
import secrets
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from fluenzr_smtp.problems import MEANINGS, ExitStatus, ProblemCode
from tests.servers.keyring import (
    KeyringSession,
    MemoryKeychain,
    keyring_session,
    private_environ,
    run_python,
)

VAULT, OTHER_VAULT = "a" * 32, "b" * 32
KEY, OTHER_KEY = secrets.token_bytes(32), secrets.token_bytes(32)
SECRET_SERVICE = "keyring.backends.SecretService.Keyring"

# The real keychain runs in child processes: which keyring is used is decided once in a process.
CALL = """
import json, sys, time
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.keychain import OSKeychain
name, seconds, *arguments = sys.argv[1:]
keychain = OSKeychain(timeout_seconds=float(seconds))
started = time.monotonic()
try:
    if name == "store":
        answer = keychain.store(arguments[0], bytes.fromhex(arguments[1]))
    elif name == "delete":
        answer = keychain.delete(arguments[0])
    elif name == "load":
        answer = keychain.load(arguments[0])
    else:
        answer = keychain.backend_name
    outcome = {"answer": answer.hex() if isinstance(answer, bytes) else answer}
except FluenzrError as error:
    outcome = {"code": error.problem.code.value, "facts": dict(error.problem.facts)}
print(json.dumps(outcome | {"seconds": time.monotonic() - started}))
"""
IMPORT_PLAINTEXT = "import keyrings.alt.file\n"


def call(name: str, *arguments: str, environ: dict[str, str], seconds: float = 15, before: str = ""):
    """Call the real keychain in a child process and return what came of it."""
    result = run_python(before + CALL, name, str(seconds), *arguments, environ=environ)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@dataclass
class ChildKeychain:
    """The real keychain, each call in a process of its own."""

    environ: dict[str, str]

    def load(self, vault_id: str) -> bytes | None:
        answer = call("load", vault_id, environ=self.environ)["answer"]
        return None if answer is None else bytes.fromhex(answer)

    def store(self, vault_id: str, key: bytes) -> None:
        assert call("store", vault_id, key.hex(), environ=self.environ)["answer"] is None

    def delete(self, entry: str) -> None:
        assert call("delete", entry, environ=self.environ)["answer"] is None


class KeychainContract:
    """What every keychain promises to the vault."""

    def test_stored_key_is_loaded(self, keychain):
        keychain.store(VAULT, KEY)

        assert keychain.load(VAULT) == KEY

    def test_unknown_vault_has_no_key(self, keychain):
        assert keychain.load("c" * 32) is None

    def test_newer_key_replaces_the_older(self, keychain):
        keychain.store(VAULT, KEY)
        keychain.store(VAULT, OTHER_KEY)

        assert keychain.load(VAULT) == OTHER_KEY

    def test_vaults_do_not_share_a_key(self, keychain):
        keychain.store(VAULT, KEY)
        keychain.store(OTHER_VAULT, OTHER_KEY)

        assert (keychain.load(VAULT), keychain.load(OTHER_VAULT)) == (KEY, OTHER_KEY)

    def test_deleted_key_is_gone_and_the_others_are_not(self, keychain):
        keychain.store(VAULT, KEY)
        keychain.store(f"{VAULT}.0123456789abcdef", OTHER_KEY)

        keychain.delete(VAULT)

        assert keychain.load(VAULT) is None
        assert keychain.load(f"{VAULT}.0123456789abcdef") == OTHER_KEY

    def test_deleting_what_is_not_there_is_no_error(self, keychain):
        keychain.delete("c" * 32)

        assert keychain.load("c" * 32) is None


class TestMemoryKeychain(KeychainContract):
    @pytest.fixture
    def keychain(self):
        return MemoryKeychain()


class TestOSKeychain(KeychainContract):
    @pytest.fixture
    def keychain(self, session):
        return ChildKeychain(session.environ)


@pytest.fixture
def session(tmp_path):
    with keyring_session(tmp_path) as running:
        yield running


@pytest.fixture
def plaintext(tmp_path) -> dict[str, str]:
    """An environment with a plain-text backend that bears the name of the one in keyrings.alt."""
    package = tmp_path / "packages" / "keyrings" / "alt"
    package.mkdir(parents=True)
    (package / "file.py").write_text(PLAINTEXT_BACKEND)
    return {"PYTHONPATH": str(tmp_path / "packages")}


PLAINTEXT_BACKEND = textwrap.dedent("""
    from keyring.backend import KeyringBackend

    class PlaintextKeyring(KeyringBackend):
        priority = 9
        def get_password(self, service, username): raise AssertionError("asked")
        def set_password(self, service, username, password): raise AssertionError("told a secret")
        def delete_password(self, service, username): raise AssertionError("asked")
""")


class TestRealKeyring:
    def test_backend_in_use_is_named(self, session):
        assert call("name", environ=session.environ)["answer"] == SECRET_SERVICE

    def test_keyring_that_nobody_unlocks_is_told_within_the_bound(self, session):
        session.lock()
        with session.silent_prompter():
            outcome = call("load", VAULT, environ=session.environ, seconds=1)

        assert outcome["code"] == ProblemCode.KEYRING_LOCKED
        assert outcome["facts"] == {"backend": SECRET_SERVICE, "seconds": 1.0, "reason": "no-answer"}
        assert 1 <= outcome["seconds"] < 10

    def test_keyring_whose_prompt_fails_is_told(self, session):
        session.lock()

        outcome = call("store", VAULT, KEY.hex(), environ=session.environ)

        assert outcome["code"] == ProblemCode.KEYRING_LOCKED
        assert outcome["facts"]["reason"] == "dismissed"

    def test_stopped_daemon_is_told(self, session):
        session.stop_daemon()

        outcome = call("load", VAULT, environ=session.environ)

        assert outcome["code"] == ProblemCode.KEYRING_UNAVAILABLE

    def test_daemon_that_stops_between_two_calls_is_told(self, session):
        child = session.start(TWO_LOADS)
        assert child.stdout.readline() == b"None\n"
        session.stop_daemon()
        output, _ = child.communicate(b"\n", timeout=60)

        assert output.decode().split()[0] == ProblemCode.KEYRING_UNAVAILABLE

    @pytest.mark.parametrize("rubbish", ["", "rubbish", "QUJD", "é" * 44], ids=ascii)
    def test_entry_with_rubbish_is_told_and_not_repeated(self, session, rubbish):
        session.run(STORE_TEXT, VAULT, rubbish).check_returncode()

        outcome = call("load", VAULT, environ=session.environ)

        assert outcome["code"] == ProblemCode.VAULT_KEY_WRONG
        assert outcome["facts"] == {"source": "keyring", "reason": "not-a-key"}

    def test_of_chained_backends_only_the_safe_one_is_used(self, session, plaintext):
        chain = (
            session.environ
            | plaintext
            | {"PYTHON_KEYRING_BACKEND": "keyring.backends.chainer.ChainerBackend"}
        )

        stored = call("store", VAULT, KEY.hex(), environ=chain, before=IMPORT_PLAINTEXT)

        assert stored["answer"] is None
        assert call("name", environ=chain, before=IMPORT_PLAINTEXT)["answer"] == SECRET_SERVICE
        assert call("load", VAULT, environ=session.environ)["answer"] == KEY.hex()


class TestRememberedBackend:
    @pytest.fixture
    def memory(self, tmp_path):
        return tmp_path / "state" / "keyring-backend"

    def test_backend_that_was_found_is_remembered(self, session, memory):
        outcome = searches(session.environ, memory.parent)

        assert outcome == {"searched": True, "backend": SECRET_SERVICE}
        assert memory.read_text() == f"{SECRET_SERVICE}\n"
        assert memory.stat().st_mode & 0o777 == 0o600

    def test_later_commands_do_not_search(self, session, memory):
        searches(session.environ, memory.parent)

        assert searches(session.environ, memory.parent) == {"searched": False, "backend": SECRET_SERVICE}

    @pytest.mark.parametrize(
        "rubbish",
        [
            b"",
            b"keyrings.alt.file.PlaintextKeyring",
            b"os.system",
            b"\xff",
            b"keyring.backends.kwallet.DBusKeyring",
        ],
        ids=["empty", "bytes", "no backend", "plain text", "not running"],
    )
    def test_rubbish_in_the_memory_is_searched_for_anew(self, session, memory, rubbish):
        memory.parent.mkdir()
        memory.write_bytes(rubbish)

        assert searches(session.environ, memory.parent) == {"searched": True, "backend": SECRET_SERVICE}
        assert memory.read_text() == f"{SECRET_SERVICE}\n"

    def test_backend_that_is_gone_is_told(self, session, memory):
        searches(session.environ, memory.parent)
        session.stop_daemon()

        assert searches(session.environ, memory.parent)["code"] == ProblemCode.KEYRING_UNAVAILABLE

    def test_settings_of_the_user_win_over_the_memory(self, session, memory, tmp_path):
        searches(session.environ, memory.parent)
        chosen = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}

        outcome = searches(session.environ | chosen, memory.parent)

        assert outcome["code"] == ProblemCode.KEYRING_REFUSED

    def test_memory_that_cannot_be_kept_is_no_hindrance(self, session, memory):
        memory.parent.write_bytes(b"a file where the folder should be")

        assert searches(session.environ, memory.parent)["backend"] == SECRET_SERVICE


class TestUnsafeKeyring:
    def test_no_dbus_is_told(self, tmp_path):
        outcome = call("load", VAULT, environ=private_environ(tmp_path))

        assert outcome["code"] == ProblemCode.KEYRING_UNAVAILABLE
        assert outcome["facts"] == {"backend": None, "reason": "no-backend"}

    def test_dbus_that_is_gone_is_told(self, tmp_path):
        gone = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/gone"}

        outcome = call("load", VAULT, environ=private_environ(tmp_path) | gone)

        assert outcome["code"] == ProblemCode.KEYRING_UNAVAILABLE

    @pytest.mark.parametrize(
        ("backend", "code"),
        [
            ("keyring.backends.null.Keyring", ProblemCode.KEYRING_REFUSED),
            ("keyring.backends.chainer.ChainerBackend", ProblemCode.KEYRING_REFUSED),
            ("keyrings.alt.file.PlaintextKeyring", ProblemCode.KEYRING_REFUSED),
            ("keyring.backends.fail.Keyring", ProblemCode.KEYRING_UNAVAILABLE),
            ("keyrings.nowhere.Keyring", ProblemCode.KEYRING_UNAVAILABLE),
        ],
    )
    @pytest.mark.parametrize("how", ["environment", "file"])
    def test_named_backend_passes_the_same_check(self, tmp_path, plaintext, how, backend, code):
        environ = private_environ(tmp_path) | plaintext | named_backend(how, backend, tmp_path)

        outcomes = [
            call("store", VAULT, KEY.hex(), environ=environ),
            call("load", VAULT, environ=environ),
            call("name", environ=environ),
        ]

        assert [each.get("code") for each in outcomes] == [code] * 3
        if code is ProblemCode.KEYRING_REFUSED:
            assert outcomes[0]["facts"]["backend"] == backend

    def test_plaintext_backend_that_is_merely_installed_is_refused(self, tmp_path, plaintext):
        environ = private_environ(tmp_path) | plaintext

        outcome = call("store", VAULT, KEY.hex(), environ=environ, before=IMPORT_PLAINTEXT)

        assert outcome["code"] == ProblemCode.KEYRING_REFUSED
        assert outcome["facts"]["backend"] == "keyrings.alt.file.PlaintextKeyring"

    def test_silent_backend_does_not_keep_the_process(self, tmp_path):
        result = run_python(SILENT_BACKEND, environ=private_environ(tmp_path), timeout_seconds=30)

        assert result.stdout.split() == ["keyring-locked"], result.stderr

    @pytest.mark.parametrize("kept", ["None", "'something else'"])
    def test_backend_that_does_not_keep_the_key_is_told(self, tmp_path, kept):
        result = run_python(FORGETFUL_BACKEND.replace("KEPT", kept), environ=private_environ(tmp_path))

        assert result.stdout.split() == ["keyring-unavailable", "not-kept"], result.stderr


class TestVaultWithRealKeyring:
    """The whole way: the app's key source, a vault, the real keyring."""

    def test_vault_opens_in_another_process(self, session, tmp_path):
        add(session, tmp_path / "vault", "first")
        add(session, tmp_path / "vault", "second")

        assert add(session, tmp_path / "vault", "third") == {"payload": "first second third"}

    def test_missing_entry_leaves_the_vault_as_it_is(self, session, tmp_path):
        path = tmp_path / "vault"
        add(session, path, "first")
        before = path.read_bytes()
        session.run(DELETE_ALL).check_returncode()

        outcome = add(session, path, "second")

        assert outcome["code"] == ProblemCode.KEYRING_ENTRY_MISSING
        assert MEANINGS[ProblemCode(outcome["code"])].exit_status is ExitStatus.CONFIG
        assert path.read_bytes() == before

    def test_locked_keyring_leaves_the_vault_as_it_is(self, session, tmp_path):
        path = tmp_path / "vault"
        add(session, path, "first")
        before = path.read_bytes()
        session.lock()

        outcome = add(session, path, "second")

        assert outcome["code"] == ProblemCode.KEYRING_LOCKED
        assert path.read_bytes() == before

    def test_no_keyring_makes_no_vault(self, tmp_path):
        environ = private_environ(tmp_path / "home")
        path = tmp_path / "data" / "vault"

        result = run_python(ADD, str(path), "first", environ=environ)

        assert json.loads(result.stdout)["code"] == ProblemCode.KEYRING_UNAVAILABLE
        assert not path.exists()


def searches(environ: dict[str, str], state_dir: Path):
    """Say whether a command looked through all the backends, and which one it took."""
    result = run_python(SEARCH, str(state_dir), environ=environ)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def named_backend(how: str, backend: str, home: Path) -> dict[str, str]:
    """Name a backend to keyring, in the environment or in its own file; return the environment for it."""
    if how == "environment":
        return {"PYTHON_KEYRING_BACKEND": backend}
    settings = home / "config" / "python_keyring" / "keyringrc.cfg"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f"[backend]\ndefault-keyring={backend}\n")
    return {}


def add(session: KeyringSession, path: Path, word: str):
    """Add a word to the payload of a vault whose key is in the session's keyring."""
    result = session.run(ADD, str(path), word)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


SEARCH = """
import json, sys
from pathlib import Path
import keyring.backend
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.keychain import OSKeychain
looked = []
original = keyring.backend.get_all_keyring
keyring.backend.get_all_keyring = lambda: looked.append(1) or original()
keychain = OSKeychain(state_dir=Path(sys.argv[1]))
try:
    outcome = {"backend": keychain.backend_name}
except FluenzrError as error:
    outcome = {"code": error.problem.code.value}
print(json.dumps({"searched": bool(looked)} | outcome))
"""
TWO_LOADS = """
import sys
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.keychain import OSKeychain
keychain = OSKeychain()
print(keychain.load("a" * 32), flush=True)
sys.stdin.readline()
try:
    keychain.load("a" * 32)
except FluenzrError as error:
    print(error.problem.code.value)
"""
STORE_TEXT = """
import sys, keyring
keyring.set_password("fluenzr", sys.argv[1], sys.argv[2])
"""
DELETE_ALL = """
import secretstorage
for item in list(secretstorage.get_default_collection(secretstorage.dbus_init()).get_all_items()):
    item.delete()
"""
ADD = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.keychain import OSKeychain
from fluenzr_smtp.model import Clock
from fluenzr_smtp.vault import Vault, key_source
clock = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None)
vault = Vault(Path(sys.argv[1]), source=lambda: key_source({}, OSKeychain), clock=clock)
try:
    vault.update(lambda payload: ((payload or b"") + b" " + sys.argv[2].encode()).strip())
    outcome = {"payload": vault.read().decode()}
except FluenzrError as error:
    outcome = {"code": error.problem.code.value}
print(json.dumps(outcome))
"""
SAFE_NAME = """
import threading, keyring
from keyring.backend import KeyringBackend
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.keychain import OSKeychain
class Keyring(KeyringBackend):
    priority = 9
    def get_password(self, service, username): BODY
    def set_password(self, service, username, password): pass
    def delete_password(self, service, username): pass
Keyring.__module__ = "keyring.backends.macOS"
keyring.set_keyring(Keyring())
"""
SILENT_BACKEND = (
    SAFE_NAME.replace("BODY", "threading.Event().wait()")
    + """
try:
    OSKeychain(timeout_seconds=0.2).load("a" * 32)
except FluenzrError as error:
    print(error.problem.code.value)
"""
)
FORGETFUL_BACKEND = (
    SAFE_NAME.replace("BODY", "return KEPT")
    + """
try:
    OSKeychain().store("a" * 32, bytes(32))
except FluenzrError as error:
    print(error.problem.code.value, error.problem.facts["reason"])
"""
)
