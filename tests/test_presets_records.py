"""What a record may say beyond servers: countries, user names, parts of host names."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Form, Need, Placeholder, Preset, UsernameRule
from fluenzr_smtp.presets import parse_preset
from fluenzr_smtp.problems import ProblemCode

SERVER = {"host": "smtp.firma.example", "port": 465, "encryption": "ssl"}
PARTED = {**SERVER, "host": "ex{number}.firma.example"}
PART = {"asks": "The number", "form": "number", "example": "4"}


def parsed(**fields: object) -> Preset:
    return parse_preset("firma", {"smtp": [SERVER], **fields}, path=Path("presets.toml"), is_own=True)


def test_countries_are_codes():
    assert parsed(countries=["FR", "CH"]).countries == ("FR", "CH")


@pytest.mark.parametrize(
    ("fields", "rule", "value"),
    [
        ({"username": "given"}, UsernameRule.GIVEN, ""),
        ({"username": "none"}, UsernameRule.NONE, ""),
        ({"username": "fixed", "username_value": "apikey"}, UsernameRule.FIXED, "apikey"),
    ],
)
def test_user_name_has_a_rule(fields, rule, value):
    preset = parsed(**fields)

    assert (preset.username, preset.username_value) == (rule, value)


def test_mailbox_may_want_another_user_name():
    assert parsed(imap_username="local-part").imap_username is UsernameRule.LOCAL_PART
    assert parsed().imap_username is None


def test_need_that_no_source_tells_is_unknown():
    assert parsed(app_password="unknown").app_password is Need.UNKNOWN


def test_placeholder_is_what_is_asked_for():
    known = parsed(smtp=[PARTED], placeholders={"number": {**PART, "known": ["4", "5"]}}).placeholders

    assert known == (
        Placeholder(name="number", asks="The number", form=Form.NUMBER, example="4", known=("4", "5")),
    )


def test_domain_needs_no_placeholder():
    assert parsed(smtp=[{**SERVER, "host": "mail.{domain}"}]).placeholders == ()


def test_provider_that_does_not_work_has_no_servers():
    preset = parsed(smtp=[], unsupported="It has programs of its own")

    assert (preset.smtp, preset.unsupported) == ((), "It has programs of its own")


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"countries": ["fr"]}, "countries[0]", "not-a-country"),
        ({"countries": "FR"}, "countries", "not-a-list"),
        ({"username": "guess"}, "username", "not-a-choice"),
        ({"username": "fixed"}, "username_value", "missing"),
        ({"username_value": "x"}, "username_value", "not-fixed"),
        ({"imap_username": "given"}, "imap_username", "not-a-choice"),
        ({"smtp": [PARTED]}, "placeholders.number", "missing"),
        ({"placeholders": {"number": PART}}, "placeholders.number", "unknown-field"),
        ({"smtp": [PARTED], "placeholders": {"number": {"asks": "x", "form": "number"}}},
         "placeholders.number.example", "missing"),
        ({"smtp": [PARTED], "placeholders": {"number": {**PART, "form": "colour"}}},
         "placeholders.number.form", "not-a-choice"),
        ({"smtp": [PARTED], "placeholders": {"number": {**PART, "example": "four"}}},
         "placeholders.number.example", "not-of-its-form"),
        ({"smtp": [PARTED], "placeholders": {"number": {**PART, "known": ["x"]}}},
         "placeholders.number.known[0]", "not-of-its-form"),
        ({"smtp": [PARTED], "placeholders": {"number": {**PART, "known": "4"}}},
         "placeholders.number.known", "not-a-list"),
        ({"smtp": [{**SERVER, "host": "ex{num-ber}.firma.example"}]}, "smtp[0].host", "not-a-host"),
        ({"smtp": [{**SERVER, "host": "ex{number.firma.example"}]}, "smtp[0].host", "not-a-host"),
        ({"mx": ["mx{number}.firma.example"]}, "mx[0]", "not-a-host"),
        ({"domains": ["{domain}"]}, "domains[0]", "not-a-host"),
        ({"unsupported": "It does not work"}, "unsupported", "has-servers"),
        ({"smtp": []}, "smtp", "empty"),
        ({"colour": "red"}, "colour", "unknown-field"),
        ({"hint": "two\nlines"}, "hint", "not-printable"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(fields, field, reason):
    with pytest.raises(FluenzrError) as caught:
        parsed(**fields)

    facts = caught.value.problem.facts
    assert caught.value.problem.code is ProblemCode.PRESET_INVALID
    assert (facts["field"], facts["reason"]) == (field, reason)
