"""The shipped catalogue: what every record must hold, and the values that users were told."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from fluenzr_smtp.model import Need, Security, UsernameRule
from fluenzr_smtp.pacing import effective
from fluenzr_smtp.presets import MANDATORY, PresetCatalog, is_loopback, parse_preset, shipped_path

RECORDS = tomllib.loads(shipped_path().read_text(encoding="utf-8"))
PRESETS = PresetCatalog.load(own=None).presets

STARTTLS, SSL = Security.STARTTLS, Security.IMPLICIT_TLS

every_key = pytest.mark.parametrize("key", RECORDS)
every_working_key = pytest.mark.parametrize("key", [key for key in RECORDS if not PRESETS[key].unsupported])


def test_catalogue_holds_the_providers_that_are_promised():
    promised = {
        *("ovh", "ovh-ca", "gandi", "infomaniak", "proton-bridge", "proton-smtp"),
        *("zoho", "zoho-eu", "zoho-in", "zoho-au", "zoho-jp", "zoho-ca"),
        *("zoho-pro", "zoho-eu-pro", "zoho-in-pro"),
        *("gmail", "google-workspace", "outlook", "microsoft365"),
    }

    assert promised <= PRESETS.keys()


def test_catalogue_holds_as_many_providers_as_the_readme_says():
    working = [each for each in PRESETS.values() if not each.unsupported]
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    assert len(working) > 100
    assert "over a hundred providers" in readme


@pytest.mark.parametrize("country", ["FR", "CH", "BR", "DE", "IT", "ES"])
def test_country_of_the_users_has_hosts_of_its_own(country):
    assert any(country in preset.countries for preset in PRESETS.values())


@pytest.mark.parametrize(
    "key", ["amazon-ses", "sendgrid", "mailgun", "postmark", "brevo", "mailjet", "smtp2go", "scaleway-tem"]
)
def test_transactional_service_wants_a_credential_of_its_own(key):
    preset = PRESETS[key]

    assert preset.app_password is Need.REQUIRED
    assert preset.imap == ()
    assert preset.username in {UsernameRule.GIVEN, UsernameRule.FIXED}


@pytest.mark.parametrize("key", ["tuta", "hey"])
def test_provider_with_which_no_program_works_says_why(key):
    assert "neither SMTP nor IMAP" in PRESETS[key].unsupported
    assert PRESETS[key].smtp == PRESETS[key].imap == ()


@pytest.mark.parametrize("key", ["mailpit", "mailhog"])
def test_catcher_of_test_mail_wants_no_login(key):
    preset = PRESETS[key]

    assert preset.username is UsernameRule.NONE
    assert [(each.host, each.port, each.security) for each in preset.smtp] == [
        ("127.0.0.1", 1025, Security.NONE)
    ]


@every_key
def test_placeholder_says_where_it_is_found_by_an_example(key):
    for placeholder in PRESETS[key].placeholders:
        assert len(placeholder.asks) > 30
        assert not placeholder.asks.endswith((".", "?", ":"))
        assert not placeholder.known or placeholder.example in placeholder.known


@every_key
def test_record_names_every_mandatory_field(key):
    assert set(MANDATORY) <= RECORDS[key].keys()


@every_key
def test_record_says_where_its_values_come_from_and_when_they_were_compared(key):
    preset = PRESETS[key]

    assert preset.sources
    assert preset.notes
    assert preset.hint or preset.unsupported
    assert preset.checked >= date(2026, 11, 22)
    assert not preset.is_own


@every_working_key
def test_record_offers_encrypted_submission_alone(key):
    endpoints = PRESETS[key].smtp + PRESETS[key].imap

    assert PRESETS[key].smtp
    assert all(each.security in {STARTTLS, SSL} or is_loopback(each.host) for each in endpoints)
    assert len(set(endpoints)) == len(endpoints)


@every_key
def test_port_and_encryption_belong_together(key):
    implicit = {465, 993, 2465}
    upgraded = {587, 143, 1025, 1143, 2525, 2587}

    for endpoint in PRESETS[key].smtp + PRESETS[key].imap:
        assert endpoint.port in implicit | upgraded
        assert (endpoint.port in implicit) is (endpoint.security is SSL)


@every_key
def test_record_has_rules_for_user_name_and_app_password(key):
    preset = PRESETS[key]
    needs_page = preset.app_password in (Need.REQUIRED, Need.WITH_TWO_FACTOR)

    assert preset.username in UsernameRule
    assert bool(preset.app_password_page) is needs_page


@every_key
def test_each_limit_has_a_source(key):
    assert all(limit.source and limit.count > 0 for limit in PRESETS[key].limits)


@every_key
def test_names_are_written_in_lower_case_without_a_last_dot(key):
    record = RECORDS[key]
    hosts = [endpoint["host"] for endpoint in record["smtp"] + record["imap"]]

    for name in hosts + record["domains"] + record["mx"]:
        assert name == name.lower().rstrip(".")


@every_key
def test_sentences_end_as_sentences(key):
    preset = PRESETS[key]

    for sentence in filter(None, (preset.hint, *preset.notes)):
        assert sentence[0].isupper() or sentence[0].isdigit() or sentence.startswith("smtp-relay")
        assert sentence.endswith(".")
        assert "!" not in sentence


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("gmail", "support.google.com/mail/answer/78892"),
        ("google-workspace", "support.google.com/mail/answer/78892"),
        ("microsoft365", "techcommunity.microsoft.com"),
        ("outlook", "chatmail/provider-db/issues/258"),
        ("proton-bridge", "ProtonMail/proton-bridge/issues/430"),
        ("zoho", "zoho.com/mail/help/zoho-smtp.html"),
    ],
)
def test_provider_that_files_sent_mail_has_a_source_for_it(key, source):
    assert PRESETS[key].saves_sent
    assert any(source in each for each in PRESETS[key].sources)


@pytest.mark.parametrize("key", ["ovh", "gandi", "infomaniak", "proton-smtp"])
def test_provider_of_which_nothing_is_known_is_not_said_to_file_sent_mail(key):
    assert not PRESETS[key].saves_sent


@every_key
def test_limits_in_force_are_one_for_each_unit_and_window(key):
    windows = [(each.unit, each.per) for each in effective(PRESETS[key].limits)]

    assert len(windows) == len(set(windows))
    assert set(windows) == {(each.unit, each.per) for each in PRESETS[key].limits}


def test_no_domain_belongs_to_two_presets():
    domains = Counter(domain for preset in PRESETS.values() for domain in preset.domains)

    assert [domain for domain, count in domains.items() if count > 1] == []


@pytest.mark.parametrize(
    ("key", "smtp", "imap"),
    [
        ("ovh", ("ssl0.ovh.net", 587, STARTTLS), ("ssl0.ovh.net", 993, SSL)),
        ("gandi", ("mail.gandi.net", 587, STARTTLS), ("mail.gandi.net", 993, SSL)),
        ("zoho-eu", ("smtp.zoho.eu", 587, STARTTLS), ("imap.zoho.eu", 993, SSL)),
        ("zoho", ("smtp.zoho.com", 587, STARTTLS), ("imap.zoho.com", 993, SSL)),
        ("infomaniak", ("mail.infomaniak.com", 587, STARTTLS), ("mail.infomaniak.com", 993, SSL)),
        ("proton-bridge", ("127.0.0.1", 1025, STARTTLS), ("127.0.0.1", 1143, STARTTLS)),
    ],
)
def test_values_of_the_users_page_come_first(key, smtp, imap):
    first_smtp, first_imap = PRESETS[key].smtp[0], PRESETS[key].imap[0]

    assert (first_smtp.host, first_smtp.port, first_smtp.security) == smtp
    assert (first_imap.host, first_imap.port, first_imap.security) == imap


@pytest.mark.parametrize("key", ["ovh", "infomaniak"])
def test_port_that_the_provider_advises_is_there_and_said(key):
    preset = PRESETS[key]

    second = preset.smtp[1]
    assert (second.host, second.port, second.security) == (preset.smtp[0].host, 465, SSL)
    assert "itself" in preset.notes[0]
    assert "--smtp-port 465 --encryption ssl" in preset.notes[0]


@pytest.mark.parametrize(
    ("key", "oauth"),
    [
        ("gmail", Need.PREFERRED),
        ("google-workspace", Need.PREFERRED),
        ("microsoft365", Need.PREFERRED),
        ("outlook", Need.REQUIRED),
    ],
)
def test_oauth_providers_say_what_a_password_can_still_do(key, oauth):
    preset = PRESETS[key]

    assert preset.oauth is oauth
    assert any("password can" in note or "password still" in note for note in preset.notes)


@every_key
def test_dkim_selectors_come_with_an_spf_name(key):
    preset = PRESETS[key]

    assert preset.spf or not preset.dkim
    assert len(set(preset.spf)) == len(preset.spf)


@pytest.mark.parametrize(
    ("key", "include"),
    [
        ("ovh", "mx.ovh.com"),
        ("ovh-ca", "mx.ovh.ca"),
        ("gandi", "_mailcust.gandi.net"),
        ("zoho-eu", "zohomail.eu"),
        ("infomaniak", "spf.infomaniak.ch"),
        ("proton-bridge", "_spf.protonmail.ch"),
        ("google-workspace", "_spf.google.com"),
        ("microsoft365", "spf.protection.outlook.com"),
    ],
)
def test_name_that_an_spf_record_includes_is_the_one_that_the_provider_documents(key, include):
    assert PRESETS[key].spf[0] == include


def test_record_shown_in_the_guide_is_a_good_one():
    guide = Path(__file__).parents[1] / "docs" / "presets.md"
    example = guide.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]

    ((key, record),) = tomllib.loads(example).items()

    assert parse_preset(key, record, path=guide, is_own=False).name == "Firma Mail"
