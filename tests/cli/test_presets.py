"""``fluenzr presets``: what people and scripts are shown of the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fluenzr_smtp.cli.main import run
from fluenzr_smtp.cli.schema import all_schemas, document_schema


@pytest.fixture
def own_presets(own_home: Path) -> Path:
    path = own_home / "fluenzr" / "presets.toml"
    path.parent.mkdir()
    return path


def closed(schema: Any) -> Any:
    """The same schema, refusing what it does not name: so that nothing undeclared is printed."""
    if isinstance(schema, dict):
        more = {"additionalProperties": False} if "properties" in schema else {}
        return {**{key: closed(value) for key, value in schema.items()}, **more}
    return [closed(each) for each in schema] if isinstance(schema, list) else schema


def document(arguments: list[str], capsys: pytest.CaptureFixture[str], *, status: int = 0) -> dict[str, Any]:
    assert run([*arguments, "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    command = found["command"]
    Draft202012Validator(closed(document_schema(command, all_schemas()[command]))).validate(found)
    return found


def test_list_shows_every_preset_with_its_first_servers(capsys):
    assert run(["presets", "list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    ovh = next(line for line in lines if line.startswith("ovh "))
    assert lines[0].split() == ["key", "provider", "smtp", "imap", "needs", "limits"]
    assert "ssl0.ovh.net:587" in ovh
    assert "ssl0.ovh.net:993" in ovh


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_list_fits_the_terminal_and_breaks_no_key_and_no_server(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))

    run(["presets", "list"])

    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    for whole in ("google-workspace ", "zoho-eu-pro ", "smtp.gmail.com"):
        assert whole in shown


def keys(capsys, *options):
    return {each["key"] for each in document(["presets", "list", *options], capsys)["data"]["presets"]}


def test_list_is_filtered_by_country(capsys):
    swiss = keys(capsys, "--country", "ch")

    assert {"infomaniak", "hostpoint"} <= swiss
    assert "ovh" not in swiss
    assert swiss < keys(capsys, "--country", "CH", "--country", "fr")


def test_list_is_searched_in_names_domains_and_servers(capsys):
    assert "outlook" in keys(capsys, "--search", "HotMail")
    assert keys(capsys, "--search", "yahoodns.net") == {"aol", "yahoo"}
    assert keys(capsys, "--search", "in-v3.mailjet") == {"mailjet"}


def test_list_is_filtered_by_what_is_needed(capsys):
    assert {"gmail", "yahoo", "zoho-eu"} <= keys(capsys, "--needs", "app-password")
    assert {"gmail", "outlook", "microsoft365"} == keys(capsys, "--needs", "oauth") - {"google-workspace"}
    assert {"ovh", "gandi"} <= keys(capsys, "--needs", "password")
    assert keys(capsys, "--needs", "nothing") == {"mailpit", "mailhog"}
    assert not keys(capsys, "--needs", "password") & {"outlook", "tuta", "mailpit", "yahoo"}


def test_list_says_that_nobody_fits(capsys):
    assert run(["presets", "list", "--search", "no such provider"]) == 0
    assert capsys.readouterr().out == "No provider fits.\n"


def test_list_refuses_a_need_that_is_none(capsys):
    assert run(["presets", "list", "--needs", "luck"]) == 64


def test_show_tells_what_is_to_be_filled_in(capsys):
    run(["presets", "show", "amazon-ses"])

    shown = capsys.readouterr().out
    assert "--fill region=eu-west-1" in shown
    assert "email-smtp.{region}.amazonaws.com:465" in shown


def test_show_tells_that_a_provider_does_not_work(capsys):
    run(["presets", "show", "tuta"])

    assert "does not work  Tuta offers neither SMTP nor IMAP" in capsys.readouterr().out


def test_list_is_complete_in_json(capsys):
    presets = document(["presets", "list"], capsys)["data"]["presets"]

    keys = [preset["key"] for preset in presets]
    assert {"ovh", "gandi", "zoho-eu", "infomaniak", "proton-bridge", "gmail", "outlook"} <= set(keys)
    assert all(preset["sources"] and preset["checked"] for preset in presets)


def test_show_tells_a_person_all_there_is(capsys):
    assert run(["presets", "show", "ovh"]) == 0

    shown = capsys.readouterr().out
    for part in (
        "ssl0.ovh.net:587  STARTTLS",
        "ssl0.ovh.net:465  SSL",
        "ssl0.ovh.net:993",
        "200 messages an hour",
        "include:mx.ovh.com",
        "account-blocked: https://docs.ovhcloud.com/",
        "checked",
    ):
        assert part in shown


def test_show_tells_what_the_domain_of_a_sender_needs(capsys):
    preset = document(["presets", "show", "zoho-eu"], capsys)["data"]["preset"]
    run(["presets", "show", "zoho-eu"])

    shown = capsys.readouterr().out
    assert (preset["spf"], preset["dkim"]) == (["zohomail.eu", "zoho.eu"], ["zmail", "zoho"])
    assert {"topic": "imap-disabled", "url": "https://www.zoho.com/mail/help/imap-access.html"} in preset[
        "pages"
    ]
    assert "include:zohomail.eu or include:zoho.eu" in shown
    assert "zmail, zoho" in shown


@pytest.mark.parametrize(("key", "files"), [("gmail", True), ("ovh", False)])
def test_show_tells_whether_the_provider_files_sent_mail(key, files, capsys):
    preset = document(["presets", "show", key], capsys)["data"]["preset"]
    run(["presets", "show", key])

    assert preset["saves_sent"] is files
    assert ("files what it takes among the sent mail" in capsys.readouterr().out) is files


def test_show_is_the_same_record_as_in_the_list(capsys):
    listed = document(["presets", "list"], capsys)["data"]["presets"]
    shown = document(["presets", "show", "gmail"], capsys)["data"]["preset"]

    assert shown in listed


def test_an_own_preset_is_listed_and_marked(own_presets, capsys):
    own_presets.write_text(
        '[mine]\nname = "My own"\nsmtp = [{ host = "mail.example.org", port = 465, encryption = "ssl" }]\n'
    )

    mine = document(["presets", "show", "mine"], capsys)["data"]["preset"]
    run(["presets", "show", "mine"])

    assert (mine["own"], mine["checked"]) == (True, None)
    assert "My own (your own)" in capsys.readouterr().out


def test_an_unknown_preset_is_refused_with_what_may_be_meant(capsys):
    found = document(["presets", "show", "ovg"], capsys, status=64)

    assert found["problems"][0]["code"] == "preset-unknown"
    assert "Did you mean ovh" in found["problems"][0]["fix"]


def test_a_broken_own_file_is_named(own_presets, capsys):
    own_presets.write_text("[mine\n")

    assert run(["presets", "list"]) == 78

    assert str(own_presets) in capsys.readouterr().err
