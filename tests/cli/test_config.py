"""``fluenzr config``: choices are listed, made and taken back; nothing else in the file is lost."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.program import Program

ID = "1234-abc.apps.googleusercontent.com"


def path_of(program: Program):
    return program.home / "fluenzr" / "config.toml"


def written(program: Program) -> dict[str, object]:
    return tomllib.loads(path_of(program).read_text())


def test_nothing_is_chosen_at_first_and_nothing_is_made(program):
    ended = program.call("config", "list", "--json")

    assert ended.data == {"choices": []}
    assert program.files() == {}
    assert "fluenzr config set" in program.call("config", "list").err


def test_choice_is_kept_listed_printed_and_taken_back(program):
    key = "oauth.google.client_id"
    made = program.call("config", "set", key, ID, "--json")
    listed = program.call("config", "list", "--json").data["choices"]
    printed = program.call("config", "get", key)
    taken = program.call("config", "unset", key, "--json")

    assert made.data == {"key": key, "value": ID}
    assert listed == [{"key": key, "value": ID}]
    assert printed.out == f"{ID}\n"
    assert taken.data == {"key": key, "value": None}
    assert program.call("config", "list", "--json").data == {"choices": []}
    assert "oauth" not in written(program)


def test_provider_may_be_a_host_name(program):
    key = "oauth.login.example.org.client_id"

    assert program.call("config", "set", key, "mail").status == 0
    assert written(program)["oauth"] == {"login.example.org": {"client_id": "mail"}}
    assert program.call("config", "get", key).out == "mail\n"


def test_what_else_is_in_the_file_stays(program):
    path = path_of(program)
    path.parent.mkdir()
    path.write_text(
        'more = 1\nlanguage = "fr"\n[oauth.google]\nmore = "x"\nclient_id = "old"\n[other]\na = 1\n'
    )

    program.call("config", "set", "oauth.google.client_id", ID)
    program.call("config", "set", "secret_max_age_days", "90")

    assert written(program) == {
        "more": 1,
        "language": "fr",
        "secret_max_age_days": 90,
        "oauth": {"google": {"more": "x", "client_id": ID}},
        "other": {"a": 1},
    }


def test_default_account_is_one_that_there_is(shop):
    assert shop.call("config", "set", "default_account", "shop@shop.test").status == 0
    assert shop.call("config", "get", "default_account").out == "shop\n"
    assert shop.call("config", "set", "default_account", "nobody", "--json").codes == ["account-unknown"]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("colour", "red", "usage-invalid"),
        ("oauth", "x", "usage-invalid"),
        ("oauth.google", "x", "usage-invalid"),
        ("oauth..client_id", "x", "usage-invalid"),
        ("oauth.google.client_secret", "x", "usage-invalid"),
        ("oauth.goo\x1bgle.client_id", "x", "usage-invalid"),
        ("oauth.google.client_id", "two words", "setting-invalid"),
        ("oauth.google.client_id", "", "setting-invalid"),
        ("oauth.microsoft.tenant", "a\nb", "setting-invalid"),
        ("secret_max_age_days", "0", "setting-invalid"),
        ("secret_max_age_days", "often", "setting-invalid"),
        ("secret_max_age_days", "9" * 5000, "setting-invalid"),
    ],
)
def test_what_is_no_choice_is_refused(program, key, value, code):
    ended = program.call("config", "set", key, value, "--json")

    assert ended.codes == [code]
    assert not path_of(program).exists()


@pytest.mark.parametrize(
    "content", ['oauth = "x"', '[oauth]\ngoogle = "x"', "[oauth.google]\nclient_id = 5", "[[oauth]]"]
)
def test_file_with_a_choice_of_another_kind_is_named_and_left_alone(program, content):
    path_of(program).parent.mkdir()
    path_of(program).write_text(content)

    ended = program.call("config", "set", "oauth.google.client_id", ID, "--json")

    assert ended.codes == ["config-invalid"]
    assert path_of(program).read_text() == content
