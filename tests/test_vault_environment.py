from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault.environment import key_source, names_key, parse_key
from fluenzr_smtp.vault.format import SlotKind
from fluenzr_smtp.vault.recovery import RecoveryCode
from tests.servers.keyring import MemoryKeychain
from tests.test_vault_format import KEY_SLOT

KEY = bytes(range(32))


def no_keychain():
    pytest.fail("the keyring was asked for")


def passphrase_of(source) -> str:
    """Find out the passphrase by what it opens: a source does not tell."""
    assert source.kind is SlotKind.PASSPHRASE
    return source._passphrase.reveal()


class TestKeySource:
    def test_without_environment_the_key_is_in_the_keyring(self):
        source = key_source({}, MemoryKeychain)

        assert source.kind is SlotKind.KEYRING

    def test_key_of_the_environment_wins(self):
        source = key_source({"FLUENZR_VAULT_KEY": KEY.hex()}, no_keychain)

        assert source.for_slot(KEY_SLOT) == KEY

    def test_passphrase_of_the_environment_wins(self):
        source = key_source({"FLUENZR_VAULT_PASSPHRASE": " as it is\n"}, no_keychain)

        assert passphrase_of(source) == " as it is\n"

    @pytest.mark.parametrize(
        ("content", "passphrase"),
        [
            (b"open\n", "open"),
            (b"open\r\n", "open"),
            (b"open", "open"),
            (b"open\n\n", "open\n"),
            (b" two words \n", " two words "),
            ("sésame\n".encode(), "sésame"),
        ],
    )
    def test_passphrase_file_loses_its_last_line_end_only(self, tmp_path, content, passphrase):
        path = tmp_path / "passphrase"
        path.write_bytes(content)

        source = key_source({"FLUENZR_VAULT_PASSPHRASE_FILE": str(path)}, no_keychain)

        assert passphrase_of(source) == passphrase

    def test_passphrase_comes_from_a_pipe(self):
        reading, writing = os.pipe()
        os.write(writing, b"open\n")
        os.close(writing)

        source = key_source({"FLUENZR_VAULT_PASSPHRASE_FILE": f"/dev/fd/{reading}"}, no_keychain)

        os.close(reading)
        assert passphrase_of(source) == "open"

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (None, ProblemCode.FILE_MISSING),
            (b"", ProblemCode.SECRET_EMPTY),
            (b"\n", ProblemCode.SECRET_EMPTY),
            (b"\xff\xfe", ProblemCode.SECRET_MALFORMED),
            (b"a" * 65_537, ProblemCode.SECRET_MALFORMED),
        ],
        ids=["missing", "empty", "empty line", "not utf-8", "too long"],
    )
    def test_passphrase_file_that_holds_none_is_told(self, tmp_path, content, code):
        path = tmp_path / "passphrase"
        if content is not None:
            path.write_bytes(content)

        with pytest.raises(FluenzrError) as caught:
            key_source({"FLUENZR_VAULT_PASSPHRASE_FILE": str(path)}, no_keychain)

        assert caught.value.problem.code is code

    def test_folder_in_the_place_of_the_passphrase_file_is_told(self, tmp_path):
        with pytest.raises(FluenzrError) as caught:
            key_source({"FLUENZR_VAULT_PASSPHRASE_FILE": str(tmp_path)}, no_keychain)

        assert caught.value.problem.code is ProblemCode.FILE_UNREADABLE
        assert caught.value.problem.exit_status is ExitStatus.NO_INPUT

    def test_empty_passphrase_is_refused_and_not_passed_over(self):
        with pytest.raises(FluenzrError) as caught:
            key_source({"FLUENZR_VAULT_PASSPHRASE": ""}, no_keychain)

        assert caught.value.problem.code is ProblemCode.SECRET_EMPTY
        assert caught.value.problem.exit_status is ExitStatus.DATA

    @pytest.mark.parametrize(
        "content",
        [KEY, KEY.hex().encode(), KEY.hex().encode() + b"\n", base64.b64encode(KEY)],
        ids=["as it is", "hexadecimal", "with a line end", "base64"],
    )
    def test_key_comes_from_a_file(self, tmp_path, content):
        path = tmp_path / "key"
        path.write_bytes(content)

        source = key_source({"FLUENZR_VAULT_KEY_FILE": str(path)}, no_keychain)

        assert source.for_slot(KEY_SLOT) == KEY

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (None, ProblemCode.FILE_MISSING),
            (b"", ProblemCode.ENVIRONMENT_INVALID),
            (b"0123456789abcdef" * 2, ProblemCode.ENVIRONMENT_INVALID),
            (KEY + b"\n", ProblemCode.ENVIRONMENT_INVALID),
            (bytes(65_537), ProblemCode.SECRET_MALFORMED),
        ],
        ids=["missing", "empty", "half a key in digits", "one byte more", "too long"],
    )
    def test_key_file_that_holds_none_is_told(self, tmp_path, content, code):
        path = tmp_path / "key"
        if content is not None:
            path.write_bytes(content)

        with pytest.raises(FluenzrError) as caught:
            key_source({"FLUENZR_VAULT_KEY_FILE": str(path)}, no_keychain)

        assert caught.value.problem.code is code
        if code is ProblemCode.ENVIRONMENT_INVALID:
            assert caught.value.problem.facts == {
                "variable": "FLUENZR_VAULT_KEY_FILE",
                "reason": "not-a-key",
            }

    def test_recovery_code_comes_from_a_file(self, tmp_path):
        path, code = tmp_path / "code", RecoveryCode.generate()
        path.write_text(f"{code.reveal()}\n")

        source = key_source({"FLUENZR_VAULT_RECOVERY_CODE_FILE": str(path)}, no_keychain)

        assert source.kind is SlotKind.RECOVERY

    def test_mistyped_recovery_code_in_a_file_is_told(self, tmp_path):
        path = tmp_path / "code"
        path.write_text("0" * 32)

        with pytest.raises(FluenzrError) as caught:
            key_source({"FLUENZR_VAULT_RECOVERY_CODE_FILE": str(path)}, no_keychain)

        assert caught.value.problem.code is ProblemCode.RECOVERY_CODE_MALFORMED

    @pytest.mark.parametrize(
        "environ",
        [
            {"FLUENZR_VAULT_KEY": KEY.hex(), "FLUENZR_VAULT_PASSPHRASE": "open"},
            {"FLUENZR_VAULT_PASSPHRASE": "open", "FLUENZR_VAULT_PASSPHRASE_FILE": "/dev/null"},
            {"FLUENZR_VAULT_KEY": KEY.hex(), "FLUENZR_VAULT_KEY_FILE": "/dev/null"},
            {"FLUENZR_VAULT_RECOVERY_CODE_FILE": "/dev/null", "FLUENZR_VAULT_KEY_FILE": "/dev/null"},
            {"FLUENZR_VAULT_PASSPHRASE_FILE": ""},
            {"FLUENZR_VAULT_KEY_FILE": ""},
            {"FLUENZR_VAULT_KEY": ""},
            {"FLUENZR_VAULT_KEY": "open"},
        ],
        ids=[
            *("key and passphrase", "passphrase twice", "key twice", "code and key"),
            *("no file name", "no key file name", "empty key", "not a key"),
        ],
    )
    def test_unclear_environment_is_refused(self, environ):
        with pytest.raises(FluenzrError) as caught:
            key_source(environ, no_keychain)

        assert caught.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
        assert caught.value.problem.facts["variable"] in environ


class TestCredentials:
    """Credentials of systemd: files in a folder that the service alone can read."""

    @pytest.fixture
    def folder(self, tmp_path):
        return tmp_path

    def environ(self, folder) -> dict[str, str]:
        return {"CREDENTIALS_DIRECTORY": str(folder)}

    def test_key_is_found(self, folder):
        (folder / "fluenzr-vault-key").write_bytes(KEY)

        source = key_source(self.environ(folder), no_keychain)

        assert source.for_slot(KEY_SLOT) == KEY

    def test_passphrase_is_found(self, folder):
        (folder / "fluenzr-vault-passphrase").write_bytes(b"open sesame\n")

        source = key_source(self.environ(folder), no_keychain)

        assert passphrase_of(source) == "open sesame"

    def test_variable_wins_over_credential(self, folder):
        (folder / "fluenzr-vault-key").write_bytes(KEY)

        source = key_source(self.environ(folder) | {"FLUENZR_VAULT_PASSPHRASE": "open"}, no_keychain)

        assert passphrase_of(source) == "open"

    @pytest.mark.parametrize("folder_name", ["", "missing", "file"])
    def test_credentials_of_others_leave_the_keyring(self, folder, folder_name):
        (folder / "file").write_bytes(b"")
        environ = {"CREDENTIALS_DIRECTORY": str(folder / folder_name)}

        assert key_source(environ, MemoryKeychain).kind is SlotKind.KEYRING

    def test_both_at_once_are_refused(self, folder):
        (folder / "fluenzr-vault-key").write_bytes(KEY)
        (folder / "fluenzr-vault-passphrase").write_bytes(b"open")

        with pytest.raises(FluenzrError) as caught:
            key_source(self.environ(folder), no_keychain)

        assert caught.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
        assert caught.value.problem.facts["reason"] == "more-than-one"

    def test_rubbish_is_told_by_the_name_of_the_credential(self, folder):
        (folder / "fluenzr-vault-key").write_bytes(b"rubbish")

        with pytest.raises(FluenzrError) as caught:
            key_source(self.environ(folder), no_keychain)

        assert caught.value.problem.facts == {"variable": "fluenzr-vault-key", "reason": "not-a-key"}

    def test_dangling_link_is_told_and_not_passed_over(self, folder):
        (folder / "fluenzr-vault-key").symlink_to("nowhere")

        with pytest.raises(FluenzrError) as caught:
            key_source(self.environ(folder), no_keychain)

        assert caught.value.problem.code is ProblemCode.FILE_MISSING


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, None),
        ({"CREDENTIALS_DIRECTORY": "/nowhere"}, None),
        ({"FLUENZR_VAULT_KEY": ""}, "FLUENZR_VAULT_KEY"),
        ({"FLUENZR_VAULT_RECOVERY_CODE_FILE": "code"}, "FLUENZR_VAULT_RECOVERY_CODE_FILE"),
    ],
    ids=["nothing", "no credentials", "variable", "file"],
)
def test_what_names_the_key_is_told_without_reading_it(environ, name):
    assert names_key(environ) == name


class TestParseKey:
    @given(st.binary(min_size=32, max_size=32))
    def test_every_spelling_is_read(self, key):
        standard, for_urls = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
        spellings = (key.hex(), key.hex().upper(), standard, standard.rstrip("="), for_urls, f" {for_urls}\n")

        assert {parse_key(each) for each in spellings} == {key}

    @pytest.mark.parametrize(
        "text",
        ["", KEY.hex()[:-1], KEY.hex() + "00", base64.b64encode(KEY[:31]).decode(), "ä" * 64, "g" * 64],
    )
    def test_other_text_is_refused_and_not_repeated(self, text):
        with pytest.raises(FluenzrError) as caught:
            parse_key(text)

        assert caught.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
        assert caught.value.problem.facts == {"variable": "FLUENZR_VAULT_KEY", "reason": "not-a-key"}
