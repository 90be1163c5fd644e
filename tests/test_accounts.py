from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.accounts import (
    FORMAT,
    Accounts,
    Merge,
    check_name,
    decode,
    encode,
    export_accounts,
    import_accounts,
)
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import (
    Account,
    Clock,
    Endpoint,
    Fingerprint,
    Limit,
    LimitUnit,
    Secret,
    Security,
    StoredAccount,
    TokenCommand,
)
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from fluenzr_smtp.vault import Argon2Cost, RawKey, Vault, seal_export

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW, monotonic=lambda: 0.0, sleep=lambda _: None)
SMTP = Endpoint(host="smtp.example.org", port=587, security=Security.STARTTLS)


def stored(name: str, address: str = "", secret: str | None = "open sesame") -> StoredAccount:
    account = Account(name=name, address=address or f"{name}@example.org", smtp=SMTP, username=name)
    return StoredAccount(
        account=account, secret=None if secret is None else Secret(secret), created=NOW, secret_changed=NOW
    )


WORK, HOME = stored("work"), stored("home")
PACED = replace(
    WORK,
    account=replace(
        WORK.account,
        limits=(
            Limit(unit=LimitUnit.MESSAGES, count=200, per=timedelta(hours=1), source="account"),
            Limit(unit=LimitUnit.CONNECTIONS, count=2, source="account"),
        ),
        pause=timedelta(seconds=0.5),
    ),
)

words = st.text(max_size=20)
maybe_words = st.none() | words
endpoints = st.builds(
    Endpoint,
    host=words,
    port=st.integers(1, 65535),
    security=st.sampled_from(Security),
    pin=st.none() | st.builds(Fingerprint.of, st.binary(max_size=8)),
    authority=maybe_words,
)
limits = st.builds(
    Limit,
    unit=st.sampled_from(LimitUnit),
    count=st.integers(1, 10**9),
    source=words,
    per=st.none() | st.integers(1, 366 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    scope=words,
)
accounts_values = st.builds(
    Account,
    name=words,
    address=words,
    smtp=endpoints,
    username=maybe_words,
    display_name=words,
    imap=st.none() | endpoints,
    imap_username=maybe_words,
    preset=maybe_words,
    limits=st.none() | st.lists(limits, max_size=3).map(tuple),
    pause=st.none() | st.integers(1, 86_400_000).map(lambda millis: timedelta(milliseconds=millis)),
)
moments = st.integers(0, 10**15).map(lambda micros: NOW + timedelta(microseconds=micros))
stored_accounts = st.builds(
    StoredAccount,
    account=accounts_values,
    secret=st.none() | st.builds(Secret, words),
    created=moments,
    secret_changed=moments,
)


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "data" / "vault", source=lambda: RawKey(bytes(32)), clock=CLOCK)


@pytest.fixture
def accounts(vault):
    return Accounts(vault)


def refusal(call, *arguments):
    """Return the problem in which a call ends."""
    with pytest.raises(FluenzrError) as caught:
        call(*arguments)
    return caught.value.problem


class TestAccounts:
    def test_added_accounts_are_listed_in_order(self, accounts, vault):
        accounts.add(WORK)
        accounts.add(HOME)

        assert Accounts(vault).list() == (WORK, HOME)

    def test_no_vault_lists_no_account(self, accounts):
        assert accounts.list() == ()

    def test_account_is_found_by_name_before_address(self, accounts):
        other = stored("work@example.org", "someone@example.org")
        accounts.add(WORK)
        accounts.add(other)

        assert accounts.get("work@example.org") == other

    @pytest.mark.parametrize("wanted", ["work", "work@example.org", "Work@Example.ORG"])
    def test_account_is_found(self, accounts, wanted):
        accounts.add(HOME)
        accounts.add(WORK)

        assert accounts.get(wanted) == WORK

    def test_unknown_account_is_told_with_the_known_ones(self, accounts):
        accounts.add(WORK)
        accounts.add(HOME)

        problem = refusal(accounts.get, "wrok")

        assert problem.code is ProblemCode.ACCOUNT_UNKNOWN
        assert problem.exit_status is ExitStatus.CONFIG
        assert problem.facts == {"account": "wrok", "known": ("work", "home")}

    def test_address_of_two_accounts_is_told_with_both(self, accounts):
        for name in ("one", "two"):
            accounts.add(stored(name, "shared@example.org"))
        accounts.add(WORK)

        problem = refusal(accounts.get, "shared@example.org")

        assert problem.code is ProblemCode.ACCOUNT_UNKNOWN
        assert problem.facts["known"] == ("one", "two")

    def test_without_any_account_that_is_told_and_nothing_made(self, accounts, vault):
        problems = [
            refusal(accounts.get, "work"),
            refusal(accounts.remove, "work"),
            refusal(accounts.rename, "work", "home"),
            refusal(lambda: accounts.replace(WORK, known_as=WORK)),
        ]

        assert {each.code for each in problems} == {ProblemCode.ACCOUNT_NONE}
        assert not vault.path.parent.exists()

    def test_last_account_removed_leaves_none(self, accounts):
        accounts.add(WORK)
        accounts.remove("work")

        assert accounts.list() == ()
        assert refusal(accounts.get, "work").code is ProblemCode.ACCOUNT_NONE

    def test_name_is_taken_once(self, accounts):
        accounts.add(WORK)

        problem = refusal(accounts.add, stored("work", "other@example.org"))

        assert problem.code is ProblemCode.ACCOUNT_EXISTS
        assert problem.facts == {"account": "work"}
        assert accounts.list() == (WORK,)

    def test_replaced_account_keeps_its_place(self, accounts):
        accounts.add(WORK)
        accounts.add(HOME)
        renewed = replace(WORK, secret=Secret("renewed"))

        accounts.replace(renewed, known_as=WORK)

        assert accounts.list() == (renewed, HOME)

    def test_renamed_account_keeps_the_rest(self, accounts):
        accounts.add(WORK)
        accounts.add(HOME)

        accounts.rename("work", "office")

        assert accounts.list() == (replace(WORK, account=replace(WORK.account, name="office")), HOME)

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("work", "home", ProblemCode.ACCOUNT_EXISTS),
            ("wrok", "office", ProblemCode.ACCOUNT_UNKNOWN),
            ("work@example.org", "office", ProblemCode.ACCOUNT_UNKNOWN),
            ("work", "-rf", ProblemCode.ACCOUNT_NAME_INVALID),
        ],
    )
    def test_rename_that_cannot_be_is_told(self, accounts, old, new, code):
        accounts.add(WORK)
        accounts.add(HOME)

        assert refusal(accounts.rename, old, new).code is code
        assert accounts.list() == (WORK, HOME)

    def test_rename_to_the_same_name_changes_nothing(self, accounts):
        accounts.add(WORK)

        accounts.rename("work", "work")

        assert accounts.list() == (WORK,)

    def test_change_of_an_unknown_account_is_told(self, accounts):
        accounts.add(WORK)

        problems = [
            refusal(lambda: accounts.replace(HOME, known_as=HOME)),
            refusal(accounts.remove, "home"),
        ]

        assert {each.code for each in problems} == {ProblemCode.ACCOUNT_UNKNOWN}
        assert accounts.list() == (WORK,)

    def test_twenty_processes_lose_no_account(self, accounts, vault):
        children = [
            subprocess.Popen([sys.executable, "-c", ADD, vault.path, f"account-{number}"])
            for number in range(20)
        ]
        statuses = [child.wait(120) for child in children]

        assert statuses == [0] * 20
        assert {each.account.name for each in accounts.list()} == {f"account-{n}" for n in range(20)}

    def test_foreign_payload_is_told_with_the_file(self, accounts, vault):
        vault.update(lambda _: b"{}")

        problems = [refusal(accounts.list), refusal(accounts.add, WORK)]

        assert {each.code for each in problems} == {ProblemCode.VAULT_DAMAGED}
        assert {each.facts["path"] for each in problems} == {str(vault.path)}


class TestName:
    @pytest.mark.parametrize(
        "name", ["a", "a" * 64, "me@example.org", "caixa de entrada", "日本", "a-b", ".b"]
    )
    def test_name_is_accepted(self, name):
        check_name(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "a" * 65,
            "a/b",
            "-a",
            " a",
            "a ",
            "a\nb",
            "a\x00",
            "a\x1b[31m",
            "a\u202eb",
            "a\u200bb",
            "\ud800",
        ],
        ids=ascii,
    )
    def test_name_is_refused(self, name):
        problem = refusal(check_name, name)

        assert problem.code is ProblemCode.ACCOUNT_NAME_INVALID
        assert problem.exit_status is ExitStatus.USAGE

    def test_refused_name_is_not_added(self, accounts, vault):
        assert refusal(accounts.add, stored("a/b")).code is ProblemCode.ACCOUNT_NAME_INVALID
        assert not vault.exists


class TestPayload:
    @given(st.lists(stored_accounts, max_size=4).map(tuple))
    def test_every_account_comes_back(self, accounts):
        assert decode(encode(accounts)) == accounts

    def test_times_come_back_in_utc(self):
        lisbon_summer = datetime.fromisoformat("2026-07-01T12:00:00+01:00")

        (back,) = decode(encode((replace(WORK, created=lisbon_summer),)))

        assert back.created == lisbon_summer
        assert back.created.tzinfo is UTC

    def test_accounts_without_limits_and_pause_stay_readable_for_the_first_version(self):
        document = json.loads(encode((WORK, HOME)))

        assert document["format"] == 1
        assert not [each for each in document["accounts"] if {"limits", "pause_seconds"} & each.keys()]

    @pytest.mark.parametrize("pace", [{"limits": ()}, {"pause": timedelta(seconds=2)}], ids=str)
    def test_one_account_with_limits_or_pause_makes_it_the_second_format(self, pace):
        paced = replace(HOME, account=replace(HOME.account, **pace))

        payload = encode((WORK, paced))

        assert json.loads(payload)["format"] == 2
        assert decode(payload) == (WORK, paced)

    def test_one_account_with_a_token_command_makes_it_the_third_format(self):
        tokens = replace(HOME, secret=TokenCommand("oama access me@home.example"))

        payload = encode((WORK, PACED, tokens))

        assert json.loads(payload)["format"] == 3
        assert decode(payload) == (WORK, PACED, tokens)
        assert json.loads(encode((WORK, PACED)))["format"] == 2

    @pytest.mark.parametrize(
        "fields", [{"secret": "x"}, {"token_command": ""}, {"token_command": 1}], ids=str
    )
    def test_account_with_a_command_that_is_none_is_damaged(self, fields):
        document = json.loads(encode((replace(HOME, secret=TokenCommand("oama")),)))
        document["accounts"][0] |= fields

        assert refusal(decode, json.dumps(document).encode()).code is ProblemCode.VAULT_DAMAGED

    @pytest.mark.parametrize("version", [FORMAT + 1, 10**9])
    def test_newer_format_is_told(self, version):
        payload = json.dumps({"format": version, "something": "else"}).encode()

        assert refusal(decode, payload).code is ProblemCode.VAULT_NEWER

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b"1",
            b"\xff",
            b"[" * 100_000,
            b'{"format":1}',
            b'{"format":0,"accounts":[]}',
            b'{"format":true,"accounts":[]}',
            b'{"format":"1","accounts":[]}',
            b'{"format":1,"accounts":{}}',
            b'{"format":1,"accounts":"ab"}',
            b'{"format":1,"accounts":[1]}',
            b'{"format":1,"accounts":[],"extra":1}',
        ],
        ids=lambda payload: ascii(payload[:40]),
    )
    def test_foreign_payload_is_damage(self, payload):
        problem = refusal(decode, payload)

        assert problem.code is ProblemCode.VAULT_DAMAGED
        assert problem.facts == {"reason": "accounts"}

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("name",), None),
            (("secret",), 5),
            (("username",), False),
            (("extra",), "unknown to us"),
            (("created",), "2026-01-01T00:00:00"),
            (("created",), "yesterday"),
            (("created",), "0001-01-01T00:00:00+14:00"),
            (("created",), 5),
            (("imap",), {}),
            (("smtp",), None),
            (("smtp", "port"), "587"),
            (("smtp", "port"), 587.0),
            (("smtp", "port"), True),
            (("smtp", "security"), "tls"),
            (("smtp", "extra"), "unknown to us"),
        ],
        ids=str,
    )
    def test_field_that_is_not_ours_is_damage(self, place, value):
        document = json.loads(encode((WORK,)))
        *way, last = place
        fields = document["accounts"][0]
        for step in way:
            fields = fields[step]
        fields[last] = value

        problem = refusal(decode, json.dumps(document).encode())

        assert problem.code is ProblemCode.VAULT_DAMAGED

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("limits",), {}),
            (("limits", 0), []),
            (("limits", 0, "unit"), "letters"),
            (("limits", 0, "unit"), []),
            (("limits", 0, "count"), 0),
            (("limits", 0, "count"), True),
            (("limits", 0, "count"), 1.5),
            (("limits", 0, "per_seconds"), 0),
            (("limits", 0, "per_seconds"), 3600.5),
            (("limits", 0, "per_seconds"), 10**30),
            (("limits", 0, "scope"), None),
            (("limits", 0, "source"), 1),
            (("limits", 0, "extra"), "unknown to us"),
            (("pause_seconds",), 2),
            (("pause_seconds",), 0.0),
            (("pause_seconds",), -1.0),
            (("pause_seconds",), float("nan")),
            (("pause_seconds",), float("inf")),
            (("pause_seconds",), 86_401.0),
        ],
        ids=str,
    )
    def test_limit_or_pause_that_is_not_ours_is_damage(self, place, value):
        document = json.loads(encode((PACED,)))
        *way, last = place
        fields = document["accounts"][0]
        for step in way:
            fields = fields[step]
        fields[last] = value

        assert refusal(decode, json.dumps(document).encode()).code is ProblemCode.VAULT_DAMAGED

    @pytest.mark.parametrize(("account", "version"), [(WORK, 2), (PACED, 1)], ids=["too few", "too many"])
    def test_fields_of_the_other_format_are_damage(self, account, version):
        document = json.loads(encode((account,))) | {"format": version}

        assert refusal(decode, json.dumps(document).encode()).code is ProblemCode.VAULT_DAMAGED

    def test_missing_field_is_damage(self):
        document = json.loads(encode((WORK,)))
        del document["accounts"][0]["secret"]

        assert refusal(decode, json.dumps(document).encode()).code is ProblemCode.VAULT_DAMAGED

    def test_error_does_not_hold_the_secret(self):
        broken = encode((stored("work", secret="canary"),))[:-1]

        with pytest.raises(FluenzrError) as caught:
            decode(broken)

        assert "canary" not in str(caught.value) + repr(caught.value.problem)
        assert caught.value.__suppress_context__


ADD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fluenzr_smtp.accounts import Accounts
from fluenzr_smtp.model import Account, Clock, Endpoint, Secret, Security, StoredAccount
from fluenzr_smtp.vault import Argon2Cost, RawKey, Vault, seal_export
path, name = sys.argv[1:]
now = datetime(2026, 1, 1, tzinfo=UTC)
clock = Clock(now=lambda: now, monotonic=lambda: 0.0, sleep=lambda _: None)
vault = Vault(Path(path), source=lambda: RawKey(bytes(32)), clock=clock, lock_timeout_seconds=60)
smtp = Endpoint(host="smtp.example.org", port=587, security=Security.STARTTLS)
account = Account(name=name, address="me@example.org", smtp=smtp, username=None)
Accounts(vault).add(
    StoredAccount(account=account, secret=Secret("open"), created=now, secret_changed=now)
)
"""


FLOOR = Argon2Cost(memory_kib=19 * 1024, passes=2, lanes=1)
TRAVEL = Secret("travel well")


class TestMerge:
    def test_imported_accounts_follow_those_that_are_there(self, accounts):
        accounts.add(WORK)

        merge = accounts.merge((HOME, stored("club")))

        assert merge == Merge(added=("home", "club"), replaced=(), unchanged=())
        assert [each.account.name for each in accounts.list()] == ["work", "home", "club"]

    def test_import_into_no_vault_creates_one(self, accounts):
        accounts.merge((WORK,))

        assert accounts.list() == (WORK,)

    def test_taken_name_refuses_the_whole_import(self, accounts, vault):
        accounts.add(WORK)
        before = vault.path.read_bytes()

        problem = refusal(accounts.merge, (HOME, stored("work", secret="another")))

        assert (problem.code, problem.exit_status) == (ProblemCode.ACCOUNT_EXISTS, ExitStatus.USAGE)
        assert problem.facts == {"account": "work", "names": ("work",)}
        assert vault.path.read_bytes() == before

    def test_agreed_replacement_keeps_the_place_in_the_order(self, accounts):
        accounts.add(WORK)
        accounts.add(HOME)
        other = stored("work", secret="another")

        merge = accounts.merge((other,), replace=True)

        assert merge == Merge(added=(), replaced=("work",), unchanged=())
        assert accounts.list() == (other, HOME)

    def test_account_that_is_there_just_so_is_no_conflict(self, accounts):
        accounts.add(WORK)

        merge = accounts.merge((WORK, HOME))

        assert merge == Merge(added=("home",), replaced=(), unchanged=("work",))
        assert accounts.list() == (WORK, HOME)

    def test_name_that_is_twice_in_the_import_is_refused(self, accounts, vault):
        problem = refusal(accounts.merge, (WORK, stored("work", "other@example.org")))

        assert (problem.code, problem.facts["names"]) == (ProblemCode.ACCOUNT_EXISTS, ("work",))
        assert not vault.exists

    def test_name_that_cannot_be_one_is_refused(self, accounts, vault):
        problem = refusal(accounts.merge, (stored("a\u202eb", "a@example.org"),))

        assert problem.code is ProblemCode.ACCOUNT_NAME_INVALID
        assert not vault.exists

    def test_import_is_one_write(self, accounts, vault):
        accounts.add(WORK)
        before = vault.status().generation

        accounts.merge(tuple(stored(f"account{number}") for number in range(20)))

        assert vault.status().generation == before + 1


class TestExport:
    def test_accounts_come_back_with_their_secrets(self):
        content = export_accounts((WORK, HOME), TRAVEL, cost=FLOOR)

        assert import_accounts(content, TRAVEL) == (WORK, HOME)

    def test_export_shows_nothing_of_the_accounts(self):
        content = export_accounts((WORK,), TRAVEL, cost=FLOOR)

        assert not [word for word in (b"work", b"example", b"sesame") if word in content]

    @pytest.mark.parametrize("payload", [b"", b"{}", b'{"format":1,"accounts":[{}]}'])
    def test_payload_that_is_no_accounts_is_told(self, payload):
        content = seal_export(payload, TRAVEL, cost=FLOOR)

        problem = refusal(lambda: import_accounts(content, TRAVEL, path="accounts.export"))

        assert problem.code is ProblemCode.EXPORT_DAMAGED
        assert problem.facts == {"path": "accounts.export", "reason": "accounts"}

    def test_payload_of_a_newer_program_is_told(self):
        content = seal_export(b'{"format":5,"more":[]}', TRAVEL, cost=FLOOR)

        problem = refusal(lambda: import_accounts(content, TRAVEL, path="accounts.export"))

        assert problem.code is ProblemCode.EXPORT_NEWER
        assert problem.facts == {"path": "accounts.export", "version": 5}
