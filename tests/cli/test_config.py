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


def test_comments_stay(program):
    path = path_of(program)
    path.parent.mkdir()
    path.write_text('# mine\n[oauth.google]  # at work\nclient_id = "old"\n')

    program.call("config", "set", "oauth.google.client_id", ID)
    program.call("config", "set", "oauth.microsoft.tenant", "firma.example")

    assert path.read_text() == (
        f'# mine\n[oauth.google]  # at work\nclient_id = "{ID}"\n'
        '\n[oauth.microsoft]\ntenant = "firma.example"\n'
    )


def test_choices_made_at_the_same_time_are_all_kept(program):
    children = [program.start("config", "set", f"oauth.p{at}.client_id", str(at)) for at in range(10)]

    assert [child.wait(60) for child in children] == [0] * 10
    for child in children:
        child.communicate()
    assert written(program)["oauth"] == {f"p{at}": {"client_id": str(at)} for at in range(10)}


class TestLanguage:
    @pytest.fixture
    def french(self, program: Program) -> Program:
        assert program.call("config", "set", "language", "fr").status == 0
        return program

    def test_problems_and_the_guide_are_told_in_it(self, french):
        assert "erreur: " in french.call("account", "show", "nobody").err
        assert "Joindre le serveur" in french.call("guide").out

    def test_environment_and_option_are_stronger(self, french):
        english = french.with_variables(FLUENZR_LANG="en")

        assert "error: " in english.call("account", "show", "nobody").err
        assert "Fehler: " in english.call("account", "show", "nobody", "--lang", "de").err

    def test_locale_is_weaker(self, french):
        assert "erreur: " in french.with_variables(LC_ALL="de_DE.UTF-8").call("guide", "nobody").err

    def test_file_that_cannot_be_read_is_told_all_the_same(self, french):
        path_of(french).write_text("language = ")

        ended = french.call("config", "list")

        assert ended.status == 78
        assert "config-invalid" in ended.err

    def test_unknown_one_is_refused(self, program):
        ended = program.call("config", "set", "language", "xx", "--json")

        assert ended.codes == ["setting-invalid"]
        assert ended.document["problems"][0]["facts"]["setting"] == "language"
        assert program.files() == {}
