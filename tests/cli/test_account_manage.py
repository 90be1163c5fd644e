"""``fluenzr account list | show | rename | remove | default``."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.program import Program

SECRET = "canary-of-the-list"


def add(program: Program, *names: str) -> Program:
    for name in names:
        ended = program.call(
            "account", "add", f"{name}@shop.test", "--name", name, "--preset", "ovh", "--display-name",
            name.upper(),
            "--no-test", "--password-stdin", stdin=SECRET,
        )  # fmt: skip
        assert ended.status == 0, ended.err
    return program


def default_of(program: Program) -> str | None:
    found: str | None = program.call("account", "default", "--json").data["default"]
    return found


# -- list and show ---------------------------------------------------------------------------------------


def test_without_accounts_the_list_is_empty_and_says_what_to_do(program: Program):
    people, script = program.call("account", "list"), program.call("account", "list", "--json")

    assert (people.status, people.out) == (0, "")
    assert "fluenzr account add" in people.err
    assert (script.status, script.data) == (0, {"accounts": [], "default": None})
    assert program.files() == {}


def test_accounts_are_listed_in_order_and_the_default_is_marked(program: Program):
    add(program, "one", "two")
    program.call("account", "default", "two")

    people, script = program.call("account", "list"), program.call("account", "list", "--json")

    lines = people.out.splitlines()
    assert [account["name"] for account in script.data["accounts"]] == ["one", "two"]
    assert script.data["default"] == "two"
    assert [line.split()[:2] for line in lines[-2:]] == [["one", "one@shop.test"], ["*", "two"]]
    assert "ssl0.ovh.net:587" in lines[-1]


def test_an_account_is_shown_whole_but_for_its_secret(program: Program):
    add(program, "one")

    ended = program.call("account", "show", "ONE@shop.test")

    for part in (
        "one@shop.test",
        "ONE",
        "ssl0.ovh.net:587  STARTTLS",
        "ssl0.ovh.net:993  SSL/TLS",
        "in the vault",
    ):
        assert part in ended.out
    assert SECRET not in ended.out + ended.err
    assert program.account("one")["preset"] == "ovh"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ((), ["200 messages an hour (each account), of the preset ovh"]),
        (
            ("--limit", "9/1m", "--limit", "2:connections", "--pause", "90s"),
            [
                "9 messages a minute, set for this account",
                "2 connections, set for this account",
                "90s between two messages",
            ],
        ),
        (("--limit", "none"), ["none over time, as set for this account"]),
    ],
    ids=["preset", "own", "none"],
)
def test_the_limits_in_force_are_shown_with_where_they_come_from(program: Program, options, lines):
    add(program, "one")
    program.call("account", "edit", "one", "--no-test", "--display-name", "x", *options)

    people, script = program.call("account", "show", "one"), program.call("account", "show", "one", "--json")

    assert [line for line in lines if line not in people.out] == []
    told = [line for line in lines if "between" not in line and "over time" not in line]
    assert len(script.data["limits_in_force"]) == len(told)


def test_where_nothing_is_known_of_limits_that_is_shown(program: Program):
    program.call(
        "account", "add", "me@shop.test", "--name", "own", "--smtp-host", "mail.shop.test", "--no-test",
        "--password-stdin", stdin=SECRET,
    )  # fmt: skip

    people, script = program.call("account", "show", "own"), program.call("account", "show", "own", "--json")

    assert "none known" in people.out
    assert script.data["limits_in_force"] == []


def test_the_default_account_is_shown_as_such(program: Program):
    add(program, "one", "two")

    is_default = [program.call("account", "show", name, "--json").data["default"] for name in ("one", "two")]

    assert is_default == [True, False]


# -- default ---------------------------------------------------------------------------------------------


def test_the_first_account_is_the_default_until_another_is_chosen(program: Program):
    first = default_of(add(program, "one", "two"))
    chosen = program.call("account", "default", "two@shop.test")

    assert (first, chosen.out, default_of(program)) == ("one", "two\n", "two")


def test_without_accounts_there_is_no_default(program: Program):
    people = program.call("account", "default")

    assert default_of(program) is None
    assert (people.status, people.out) == (0, "")
    assert "There is no account yet" in people.err


def test_a_default_that_is_no_account_is_refused(program: Program):
    ended = add(program, "one").call("account", "default", "two", "--json")

    assert (ended.status, ended.codes) == (78, ["account-unknown"])
    assert default_of(program) == "one"


# -- rename ----------------------------------------------------------------------------------------------


def test_the_default_follows_a_new_name(program: Program):
    add(program, "one", "two")
    program.call("account", "default", "two")

    ended = program.call("account", "rename", "two", "zwei")

    assert (ended.status, ended.out) == (0, "two is called zwei now.\n")
    assert (program.names(), default_of(program)) == (["one", "zwei"], "zwei")


def test_the_choices_of_the_user_are_kept_when_the_default_follows(program: Program):
    add(program, "one", "two")
    program.call("account", "default", "two")
    config = program.home / "fluenzr" / "config.toml"
    config.write_text(config.read_text() + 'language = "pt"\n[later]\nkey = 1\n')

    program.call("account", "rename", "two", "zwei")

    expected = {"default_account": "zwei", "language": "pt", "later": {"key": 1}}
    assert tomllib.loads(config.read_text()) == expected


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("one", "two", 64, "account-exists"),
        ("three", "four", 78, "account-unknown"),
        ("one", "", 64, "account-name-invalid"),
        ("one", "a/b", 64, "account-name-invalid"),
        ("one", "a\x1b[2Jb", 64, "account-name-invalid"),
    ],
    ids=["taken", "unknown", "empty", "slash", "control"],
)
def test_a_name_that_cannot_be_given_is_refused(program: Program, old, new, status, code):
    before = add(program, "one", "two").files()

    ended = program.call("account", "rename", old, new, "--json")

    assert (ended.status, ended.codes) == (status, [code])
    assert program.files() == before


# -- remove ----------------------------------------------------------------------------------------------


def test_an_account_is_removed_and_the_default_falls_back_to_the_first(program: Program):
    add(program, "one", "two")
    program.call("account", "default", "two")

    ended = program.call("account", "remove", "two", "--yes")

    assert (ended.status, ended.out) == (0, "Removed two.\n")
    assert (program.names(), default_of(program)) == (["one"], "one")


def test_the_last_account_can_be_removed_and_added_again(program: Program):
    add(program, "one")

    program.call("account", "remove", "one", "--yes")

    assert program.names() == []
    assert add(program, "one").names() == ["one"]


def test_removal_is_asked_for_and_refused_where_nobody_can_be(program: Program):
    add(program, "one")

    ended = program.call("account", "remove", "one", "--json")

    assert (ended.status, ended.codes) == (64, ["input-required"])
    assert ended.document["problems"][0]["facts"]["options"] == ["--yes"]
    assert program.names() == ["one"]


@pytest.mark.parametrize(("answer", "names"), [("y\n", []), ("n\n", ["one"]), ("\n", ["one"])], ids=repr)
def test_only_yes_removes(program: Program, answer, names):
    add(program, "one")

    ended = program.at_terminal(
        "account", "remove", "one", dialogue=[("Remove one and its password? [y/N]: ", answer)]
    )

    assert (ended.status, program.names()) == (0, names)


@pytest.mark.parametrize(
    "arguments",
    [("remove", "one", "--yes"), ("show", "one"), ("rename", "one", "two"), ("default", "one")],
    ids=" ".join,
)
def test_without_accounts_there_is_none_to_work_with(program: Program, arguments):
    ended = program.call("account", *arguments, "--json")

    assert (ended.status, ended.codes) == (78, ["account-none"])
    assert program.files() == {}


def test_who_removes_an_account_is_told_of_the_older_generations(program: Program):
    add(program, "one")

    ended = program.call("account", "remove", "one", "--yes")

    assert ended.status == 0
    assert "until three more changes" in ended.err
