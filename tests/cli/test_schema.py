"""``fluenzr schema``: every command's document has a form, and keeps to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator

from fluenzr_smtp.cli import main, schema, tree
from fluenzr_smtp.cli.main import run


def leaves() -> dict[str, Any]:
    """Every command by its words, as the tree has them."""
    root = typer.main.get_command(main.tree)
    found: dict[str, Any] = {}

    def walk(words: tuple[str, ...], command: Any) -> None:
        for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
            walk((*words, name), command.get_command(None, name))
        if not hasattr(command, "list_commands") or command.invoke_without_command:
            found[" ".join(words)] = command

    walk((), root)
    return found


COMMANDS = pytest.mark.parametrize("command", sorted(leaves()))


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_every_command_declares_the_form_of_its_data_and_no_other_does():
    assert set(schema.all_schemas()) == set(leaves())


@COMMANDS
def test_every_command_takes_the_options_that_are_taken_everywhere(command):
    options = {option for parameter in leaves()[command].params for option in parameter.opts}

    assert options >= {"--json", "--no-input", "--debug", "--lang"}
    assert isinstance(leaves()[command], tree.Command | tree.OpenGroup)


@COMMANDS
def test_every_command_shows_its_help(command, capsys):
    assert run([*command.split(), "--help"]) == 0

    assert f"fluenzr {command}" in capsys.readouterr().out


@COMMANDS
def test_the_schema_of_a_command_is_a_schema(command, capsys):
    assert run(["schema", *command.split()]) == 0

    found = printed(capsys)
    Draft202012Validator.check_schema(found)
    assert found["properties"]["command"] == {"const": command}


def test_without_a_command_one_schema_fits_every_document(capsys):
    run(["schema"])
    any_document = printed(capsys)
    run(["presets", "list", "--json"])
    good = printed(capsys)
    run(["--json"])
    bad = printed(capsys)

    Draft202012Validator.check_schema(any_document)
    Draft202012Validator(any_document).validate(good)
    Draft202012Validator(any_document).validate(bad)


def test_the_schema_itself_comes_in_a_document_too(capsys):
    run(["schema", "presets", "list", "--json"])
    document = printed(capsys)
    run(["schema", "schema"])

    Draft202012Validator(printed(capsys)).validate(document)
    assert document["data"]["properties"]["command"] == {"const": "presets list"}


def test_an_unknown_command_is_refused_with_what_may_be_meant(capsys):
    assert run(["schema", "presets"]) == 64

    assert "'presets list'" in capsys.readouterr().err
