from __future__ import annotations

import base64
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.keyring import MemoryKeychain
from tests.test_vault_format import KEY_SLOT, PASSPHRASE_SLOT

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault.format import Argon2Cost, SlotKind
from fluenzr_smtp.vault.sources import KeyringKey, PassphraseKey, RawKey, key_source, parse_key

FLOOR = Argon2Cost(memory_kib=19 * 1024, passes=2, lanes=1)
VAULT = "0" * 32
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

        assert source.for_slot(VAULT, KEY_SLOT) == KEY

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
        "environ",
        [
            {"FLUENZR_VAULT_KEY": KEY.hex(), "FLUENZR_VAULT_PASSPHRASE": "open"},
            {"FLUENZR_VAULT_PASSPHRASE": "open", "FLUENZR_VAULT_PASSPHRASE_FILE": "/dev/null"},
            {"FLUENZR_VAULT_PASSPHRASE_FILE": ""},
            {"FLUENZR_VAULT_KEY": ""},
            {"FLUENZR_VAULT_KEY": "open"},
        ],
        ids=["key and passphrase", "passphrase twice", "no file name", "empty key", "not a key"],
    )
    def test_unclear_environment_is_refused(self, environ):
        with pytest.raises(FluenzrError) as caught:
            key_source(environ, no_keychain)

        assert caught.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
        assert caught.value.problem.facts["variable"] in environ


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


class TestKeyringKey:
    def test_new_key_is_found_again(self):
        source = KeyringKey(MemoryKeychain())

        made = source.for_new_slot(VAULT)

        assert len(made.key) == 32
        assert source.for_slot(VAULT, KEY_SLOT) == made.key

    def test_missing_entry_is_told(self):
        with pytest.raises(FluenzrError) as caught:
            KeyringKey(MemoryKeychain()).for_slot(VAULT, KEY_SLOT)

        assert caught.value.problem.code is ProblemCode.KEYRING_ENTRY_MISSING
        assert caught.value.problem.exit_status is ExitStatus.CONFIG


class TestPassphraseKey:
    def test_slot_decides_about_salt_and_cost(self):
        source = PassphraseKey(Secret("open"), cost=FLOOR)
        made = source.for_new_slot(VAULT)

        again = PassphraseKey(Secret("open")).for_slot(VAULT, replace(PASSPHRASE_SLOT, kdf=made.kdf))

        assert again == made.key

    def test_salt_is_new_for_each_slot(self):
        source = PassphraseKey(Secret("open"), cost=FLOOR)

        first, second = source.for_new_slot(VAULT), source.for_new_slot(VAULT)

        assert first.kdf.salt != second.kdf.salt
        assert first.key != second.key

    def test_default_cost_is_the_second_choice_of_rfc_9106(self):
        made = PassphraseKey(Secret("open")).for_new_slot(VAULT)

        assert made.kdf.cost == Argon2Cost(memory_kib=65536, passes=3, lanes=4)


def test_raw_key_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        RawKey(b"short")


@pytest.mark.parametrize(
    "source",
    [RawKey(KEY), PassphraseKey(Secret("open sesame")), RawKey(KEY).for_new_slot(VAULT)],
    ids=lambda source: type(source).__name__,
)
def test_key_material_is_not_shown(source):
    shown = repr(source)

    assert "sesame" not in shown
    assert repr(KEY) not in shown
