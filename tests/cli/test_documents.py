"""The JSON document: one form for success and failure, valid whatever it holds, safe to print."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fluenzr_smtp.cli.documents import Document, failed
from fluenzr_smtp.cli.json_text import as_json
from fluenzr_smtp.cli.schema import document_schema
from fluenzr_smtp.messages import Catalogue
from fluenzr_smtp.model import Secret, Security
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, ServerReply, Stage

ENGLISH = Catalogue.load("en")


def written(document):
    return json.loads(as_json(document, ENGLISH))


def test_a_success_has_data_and_no_problems():
    assert written(Document(command="presets list", data={"presets": []})) == {
        "schema": "fluenzr/presets-list/1",
        "command": "presets list",
        "status": "ok",
        "exit_code": 0,
        "data": {"presets": []},
        "problems": [],
    }


def test_a_failure_names_its_problem_for_scripts_and_for_people():
    reply = ServerReply(454, "4.7.0", "try later")
    facts = {"host": "smtp.example.org", "names": ("a", "b")}
    problem = Problem(code=ProblemCode.TLS_STARTTLS_REFUSED, stage=Stage.TLS, reply=reply, facts=facts)

    document = written(failed("account test", problem))

    assert (document["status"], document["exit_code"], document["data"]) == ("error", 75, None)
    told = document["problems"][0]
    assert told.pop("title").startswith("smtp.example.org ")
    assert told.pop("fix")
    assert told == {
        "code": "tls-starttls-refused",
        "stage": "tls",
        "transient": True,
        "reply": {"code": 454, "enhanced": "4.7.0", "text": "try later"},
        "facts": {"host": "smtp.example.org", "names": ["a", "b"]},
        "guide": "wrong-encryption",
    }


def test_some_done_is_partial():
    assert written(Document(command="send", exit_status=ExitStatus.PARTIAL))["status"] == "partial"


def test_an_error_before_any_command_has_a_form_of_its_own():
    document = written(failed("", Problem(code=ProblemCode.USAGE_INVALID, stage=Stage.USAGE)))

    assert (document["schema"], document["command"]) == ("fluenzr/error/1", "fluenzr")
    Draft202012Validator(document_schema("", None)).validate(document)


def test_values_of_the_house_become_plain():
    data = {
        "enum": Security.IMPLICIT_TLS,
        "date": date(2026, 1, 31),
        "time": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "path": Path("/tmp/x"),
        "tuple": (1, None, True, 1.5),
        "reply": ServerReply(250, None, "ok"),
    }

    assert written(Document(command="x", data=data))["data"] == {
        "enum": "ssl",
        "date": "2026-01-31",
        "time": "2026-01-31T12:00:00+00:00",
        "path": "/tmp/x",
        "tuple": [1, None, True, 1.5],
        "reply": {"code": 250, "enhanced": None, "text": "ok"},
    }


def test_a_secret_has_no_json_form():
    with pytest.raises(TypeError):
        as_json(Document(command="x", data={"secret": Secret("canary")}), ENGLISH)


@given(st.text(st.characters()))
def test_any_text_comes_back_unchanged_and_nothing_of_it_acts_on_a_terminal(text):
    told = as_json(Document(command="x", data=text), ENGLISH)

    assert json.loads(told)["data"] == text
    assert told.replace("\n", "").encode("utf-8").decode("utf-8").isprintable() or not set(told) & set(
        "\x1b\x7f\x9b\u200b\u202e\u2066\ufeff"
    )


def test_a_lone_surrogate_is_escaped():
    assert r"\udcff" in as_json(Document(command="x", data="\udcff"), ENGLISH)
