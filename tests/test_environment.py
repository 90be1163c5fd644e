"""An account that the environment alone describes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import environment
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Fingerprint, Secret, Security
from fluenzr_smtp.problems import ProblemCode, Stage

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECRET = Secret("secret")


def account_from(smtp: str, imap: str | None = None, secret: Secret | None = SECRET, **more: str):
    urls = {"FLUENZR_SMTP_URL": smtp} | ({} if imap is None else {"FLUENZR_IMAP_URL": imap})
    return environment.account_from(urls | more, secret, now=NOW)


def refused(**variables: str) -> dict[str, object]:
    with pytest.raises(FluenzrError) as error:
        environment.account_from(
            {"FLUENZR_SMTP_URL": "smtps://u%40h.test@h.test"} | variables, SECRET, now=NOW
        )
    assert error.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
    assert error.value.problem.stage is Stage.CONFIGURATION
    return dict(error.value.problem.facts)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, False), ({"FLUENZR_SMTP_URL": ""}, False), ({"FLUENZR_SMTP_URL": "smtp://h"}, True)],
    ids=["unset", "empty", "set"],
)
def test_one_variable_says_whether_there_is_an_account(variables, expected):
    assert environment.names_account(variables) is expected


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("smtps://u%40h.test@h.test", Endpoint(host="h.test", port=465, security=Security.IMPLICIT_TLS)),
        ("smtp://u%40h.test@h.test", Endpoint(host="h.test", port=587, security=Security.STARTTLS)),
        ("SMTP://u%40h.test@H.test:2525/", Endpoint(host="h.test", port=2525, security=Security.STARTTLS)),
        ("smtp+plain://u%40h.test@[::1]", Endpoint(host="::1", port=25, security=Security.NONE)),
        (" smtps://u@h.test@h.test:1 ", Endpoint(host="h.test", port=1, security=Security.IMPLICIT_TLS)),
    ],
)
def test_the_scheme_says_how_the_connection_is_encrypted(url, endpoint):
    stored = account_from(url)

    assert stored.account.smtp == endpoint
    assert (stored.account.name, stored.account.address) == ("environment", "u@h.test")
    assert (stored.account.imap, stored.secret, stored.created) == (None, SECRET, NOW)


def test_the_mailbox_is_named_apart_and_may_know_another_user():
    account = account_from("smtps://u%40h.test@h.test", "imap://me@i.test").account

    assert account.imap == Endpoint(host="i.test", port=143, security=Security.STARTTLS)
    assert (account.username, account.imap_username) == ("u@h.test", "me")


def test_the_address_is_named_where_the_user_name_is_none():
    stored = account_from("smtps://apikey@h.test", FLUENZR_ADDRESS="me@h.test")

    assert (stored.account.username, stored.account.address) == ("apikey", "me@h.test")


def test_without_a_user_name_there_is_no_login_and_no_secret():
    stored = account_from("smtp+plain://localhost:25", secret=None, FLUENZR_ADDRESS="me@h.test")

    assert (stored.account.username, stored.secret) == (None, None)


def test_a_user_name_without_a_secret_is_incomplete():
    with pytest.raises(FluenzrError) as error:
        account_from("smtps://u%40h.test@h.test", secret=None)

    assert error.value.problem.code is ProblemCode.INPUT_REQUIRED
    assert error.value.problem.facts["options"] == ("FLUENZR_PASSWORD",)


def test_trust_is_for_both_servers():
    pin = Fingerprint("a" * 64)
    urls = {"FLUENZR_SMTP_URL": "smtps://u%40h.test@h.test", "FLUENZR_IMAP_URL": "imaps://i.test"}

    account = environment.account_from(urls, SECRET, now=NOW, pin=pin, authority="PEM").account

    assert account.imap is not None
    assert {(each.pin, each.authority) for each in (account.smtp, account.imap)} == {(pin, "PEM")}


@pytest.mark.parametrize("variable", ["FLUENZR_SMTP_URL", "FLUENZR_IMAP_URL"])
@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("u:canary@h.test", "secret-in-url"),
        (":@h.test", "secret-in-url"),
        ("u@h.test:canary", "not-a-url"),
        ("u@h.test:70000", "not-a-url"),
        ("u@h.test:0", "not-a-port"),
        ("u@h_-.test", "not-a-host-name"),
        ("u@[::1", "not-a-url"),
        ("u@", "not-a-url"),
        ("u@h.test/canary", "not-a-url"),
        ("u@h.test?canary", "not-a-url"),
        ("u@h.test#canary", "not-a-url"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_with_its_variable_and_without_its_text(
    variable, rest, reason
):
    scheme = "smtps" if variable == "FLUENZR_SMTP_URL" else "imaps"

    facts = refused(**{variable: f"{scheme}://{rest}"})

    assert facts == {"variable": variable, "reason": reason}


def test_a_scheme_of_another_protocol_is_refused_with_the_possible_ones():
    assert refused(FLUENZR_SMTP_URL="imaps://u@h.test")["schemes"] == ("smtps", "smtp", "smtp+plain")
    assert refused(FLUENZR_IMAP_URL="h.test")["reason"] == "not-a-url"


@pytest.mark.parametrize("variable", ["FLUENZR_SMTP_URL", "FLUENZR_IMAP_URL"])
def test_a_line_break_in_a_user_name_is_refused(variable):
    scheme = "smtps" if variable == "FLUENZR_SMTP_URL" else "imaps"
    urls = {"FLUENZR_SMTP_URL": "smtps://u%40h.test@h.test"} | {variable: f"{scheme}://a%0Ab@h.test"}

    with pytest.raises(FluenzrError) as error:
        environment.account_from(urls | {"FLUENZR_ADDRESS": "me@h.test"}, SECRET, now=NOW)

    assert error.value.problem.code is ProblemCode.HEADER_MALFORMED


@given(st.text(), st.text())
def test_any_text_is_an_account_or_a_named_problem(smtp, imap):
    urls = {"FLUENZR_SMTP_URL": f"smtps://{smtp}", "FLUENZR_IMAP_URL": imap}

    try:
        stored = environment.account_from(urls, SECRET, now=NOW)
    except FluenzrError:
        return

    assert stored.account.smtp.security is Security.IMPLICIT_TLS
