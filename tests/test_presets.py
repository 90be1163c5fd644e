"""Reading, checking and finding presets."""

from __future__ import annotations

import copy
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Limit, LimitUnit, Need, Preset, Security, UsernameRule
from fluenzr_smtp.presets import MANDATORY, UNCHECKED, PresetCatalog, parse_preset, read_own
from fluenzr_smtp.problems import ExitStatus, Problem, ProblemCode, Stage

PATH = Path("presets.toml")


def good_record() -> dict[str, object]:
    return {
        "name": "Firma Mail",
        "countries": ["DE"],
        "domains": ["firma.example"],
        "mx": ["mx.firma.example"],
        "smtp": [
            {"host": "smtp.firma.example", "port": 587, "encryption": "starttls"},
            {"host": "smtp.firma.example", "port": 465, "encryption": "ssl"},
        ],
        "imap": [{"host": "imap.firma.example", "port": 993, "encryption": "ssl"}],
        "username": "local-part",
        "app_password": "required",
        "app_password_page": "https://firma.example/passwords",
        "oauth": "optional",
        "limits": [
            {
                "unit": "messages",
                "count": 200,
                "per": "1h",
                "scope": "each account",
                "source": "firma.example",
            }
        ],
        "spf": ["_spf.firma.example"],
        "dkim": ["s1", "s2.mail"],
        "pages": {"auth-failed": "https://firma.example/login"},
        "hint": "The password is an app password.",
        "notes": ["Port 465 is advised."],
        "sources": ["https://firma.example/help"],
        "checked": date(2026, 11, 22),
    }


def parsed(record: object, *, key: str = "firma", is_own: bool = False) -> Preset:
    return parse_preset(key, record, path=PATH, is_own=is_own)


def attempted(record: object, *, key: str, is_own: bool) -> Preset | Problem:
    try:
        return parsed(record, key=key, is_own=is_own)
    except FluenzrError as error:
        return error.problem


def own_file(folder: Path, **tables: object) -> Path:
    path = folder / "presets.toml"
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


@contextmanager
def unprivileged() -> Iterator[None]:
    """Lay root's right to read everything aside until the block ends."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def changed(place: tuple[str | int, ...], value: object) -> dict[str, object]:
    """Return the good record with one value, deep inside, put in place of another."""
    record = copy.deepcopy(good_record())
    inner = record
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return record


OWN_SMTP = [{"host": "smtp.own.example", "port": 465, "encryption": "ssl"}]


# --- a record ---------------------------------------------------------------------------------------------


def test_good_record_becomes_a_preset_with_everything_it_says():
    assert parsed(good_record()) == Preset(
        key="firma",
        name="Firma Mail",
        countries=("DE",),
        domains=("firma.example",),
        mx=("mx.firma.example",),
        smtp=(
            Endpoint(host="smtp.firma.example", port=587, security=Security.STARTTLS),
            Endpoint(host="smtp.firma.example", port=465, security=Security.IMPLICIT_TLS),
        ),
        imap=(Endpoint(host="imap.firma.example", port=993, security=Security.IMPLICIT_TLS),),
        username=UsernameRule.LOCAL_PART,
        app_password=Need.REQUIRED,
        app_password_page="https://firma.example/passwords",
        oauth=Need.OPTIONAL,
        limits=(
            Limit(
                unit=LimitUnit.MESSAGES,
                count=200,
                per=timedelta(hours=1),
                scope="each account",
                source="firma.example",
            ),
        ),
        spf=("_spf.firma.example",),
        dkim=("s1", "s2.mail"),
        pages=(("auth-failed", "https://firma.example/login"),),
        hint="The password is an app password.",
        notes=("Port 465 is advised.",),
        sources=("https://firma.example/help",),
        checked=date(2026, 11, 22),
    )


@pytest.mark.parametrize("field", [*MANDATORY, "app_password_page"])
def test_shipped_record_without_a_field_is_refused(field):
    record = good_record()
    del record[field]

    with pytest.raises(FluenzrError) as caught:
        parsed(record)

    assert dict(caught.value.problem.facts) == {
        "path": "presets.toml",
        "preset": "firma",
        "field": field,
        "reason": "missing",
        "detail": "",
    }
    assert caught.value.problem.code is ProblemCode.PRESET_INVALID
    assert caught.value.problem.exit_status is ExitStatus.CONFIG


@pytest.mark.parametrize("field", ["host", "port", "encryption"])
def test_endpoint_without_a_field_is_refused(field):
    record = good_record()
    del record["smtp"][1][field]

    with pytest.raises(FluenzrError) as caught:
        parsed(record)

    assert caught.value.problem.facts["field"] == f"smtp[1].{field}"
    assert caught.value.problem.facts["reason"] == "missing"


@pytest.mark.parametrize("field", ["unit", "count", "source"])
def test_limit_without_a_field_is_refused(field):
    record = good_record()
    del record["limits"][0][field]

    with pytest.raises(FluenzrError) as caught:
        parsed(record)

    assert caught.value.problem.facts["field"] == f"limits[0].{field}"
    assert caught.value.problem.facts["reason"] == "missing"


@pytest.mark.parametrize(
    ("place", "value", "field", "reason"),
    [
        (("hots",), "x", "hots", "unknown-field"),
        (("smtp", 0, "prot"), 1, "smtp[0].prot", "unknown-field"),
        (("limits", 0, "window"), "1h", "limits[0].window", "unknown-field"),
        (("smtp",), [], "smtp", "empty"),
        (("smtp",), "smtp.firma.example", "smtp", "not-a-list"),
        (("smtp", 0), "smtp.firma.example:587", "smtp[0]", "not-a-table"),
        (("smtp", 0, "port"), 0, "smtp[0].port", "not-a-port"),
        (("smtp", 0, "port"), 65536, "smtp[0].port", "not-a-port"),
        (("smtp", 0, "port"), -1, "smtp[0].port", "not-a-port"),
        (("smtp", 0, "port"), "587", "smtp[0].port", "not-a-number"),
        (("smtp", 0, "port"), True, "smtp[0].port", "not-a-number"),
        (("smtp", 0, "port"), 587.0, "smtp[0].port", "not-a-number"),
        (("smtp", 0, "host"), "", "smtp[0].host", "empty"),
        (("smtp", 0, "host"), "smtp.firma.example:587", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "https://firma.example", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "smtp..example", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "smtp.example.", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "-smtp.example", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "exN.{domain", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "ação.example", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "smtp.example\r\nRSET", "smtp[0].host", "not-printable"),
        (("smtp", 0, "host"), "300.1.1.1", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "fe80::1%eth0", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "a." * 126 + "example", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "host"), "x" * 64 + ".example", "smtp[0].host", "not-a-host"),
        (("smtp", 0, "encryption"), "tls", "smtp[0].encryption", "not-a-choice"),
        (("smtp", 0, "encryption"), "none", "smtp[0].encryption", "loopback-only"),
        (("imap", 0, "encryption"), None, "imap[0].encryption", "not-a-choice"),
        (("username",), "full_address", "username", "not-a-choice"),
        (("app_password",), "preferred", "app_password", "not-a-choice"),
        (("app_password",), False, "app_password", "not-a-choice"),
        (("oauth",), "with-two-factor", "oauth", "not-a-choice"),
        (("limits", 0, "unit"), "letters", "limits[0].unit", "not-a-choice"),
        (("limits", 0, "count"), 0, "limits[0].count", "not-positive"),
        (("limits", 0, "count"), "50-500", "limits[0].count", "not-a-number"),
        (("limits", 0, "per"), "hour", "limits[0].per", "not-a-span"),
        (("limits", 0, "per"), "0h", "limits[0].per", "not-a-span"),
        (("limits", 0, "per"), "9999999d", "limits[0].per", "not-a-span"),
        (("limits", 0, "per"), "367d", "limits[0].per", "too-long"),
        (("limits", 0, "per"), 3600, "limits[0].per", "not-text"),
        (("limits", 0, "source"), "", "limits[0].source", "empty"),
        (("name",), "  ", "name", "empty"),
        (("name",), 7, "name", "not-text"),
        (("hint",), "", "hint", "empty"),
        (("hint",), "two\nlines", "hint", "not-printable"),
        (("hint",), "\x1b[31mred", "hint", "not-printable"),
        (("notes",), [], "notes", "empty"),
        (("notes",), ["good", "\u202etxt.exe"], "notes[1]", "not-printable"),
        (("sources",), [], "sources", "empty"),
        (("sources",), "firma.example", "sources", "not-a-list"),
        (("domains",), ["@firma.example"], "domains[0]", "not-a-host"),
        (("mx",), [".firma.example"], "mx[0]", "not-a-host"),
        (("checked",), "2026-11-22", "checked", "not-a-date"),
        (("checked",), datetime(2026, 11, 22, tzinfo=UTC), "checked", "not-a-date"),
        (("app_password_page",), "", "app_password_page", "missing"),
        (("spf",), "include:firma.example", "spf", "not-a-list"),
        (("spf",), ["include:firma.example"], "spf[0]", "not-a-host"),
        (("dkim",), ["s1", "s 2"], "dkim[1]", "not-a-selector"),
        (("dkim",), [".".join(["s"] * 200)], "dkim[0]", "not-a-selector"),
        (("saves_sent",), "yes", "saves_sent", "not-true-or-false"),
        (("saves_sent",), 1, "saves_sent", "not-true-or-false"),
        (("pages",), [], "pages", "not-a-table"),
        (("pages",), {"auth-faild": "https://firma.example"}, "pages.auth-faild", "unknown-field"),
        (("pages", "auth-failed"), 7, "pages.auth-failed", "not-text"),
        (("pages", "auth-failed"), "http://firma.example", "pages.auth-failed", "not-https"),
        (("pages", "auth-failed"), "https://firma.example@evil.example", "pages.auth-failed", "not-https"),
        (("pages", "auth-failed"), "https://", "pages.auth-failed", "not-https"),
    ],
)
def test_value_out_of_range_is_refused_by_its_place(place, value, field, reason):
    with pytest.raises(FluenzrError) as caught:
        parsed(changed(place, value))

    problem = caught.value.problem
    assert (problem.code, problem.stage) == (ProblemCode.PRESET_INVALID, Stage.CONFIGURATION)
    assert (problem.facts["field"], problem.facts["reason"]) == (field, reason)


def test_wrong_choice_is_told_with_the_right_ones():
    with pytest.raises(FluenzrError) as caught:
        parsed(changed(("smtp", 0, "encryption"), "tls"))

    assert caught.value.problem.facts["detail"] == "starttls, ssl, none"


@pytest.mark.parametrize("key", ["", "OVH", "a b", "-a", "a-", "a--b", "a.b", "ação", "x" * 65])
def test_key_that_cannot_be_typed_safely_is_refused(key):
    with pytest.raises(FluenzrError) as caught:
        parsed(good_record(), key=key)

    assert caught.value.problem.facts["reason"] == "not-a-key"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
    ],
)
def test_span_is_a_number_and_a_unit(text, span):
    assert parsed(changed(("limits", 0, "per"), text)).limits[0].per == span


@pytest.mark.parametrize("need", ["no", "optional"])
def test_page_for_app_passwords_is_asked_for_only_where_one_is_needed(need):
    record = good_record() | {"app_password": need}
    del record["app_password_page"]

    assert parsed(record).app_password_page == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_plain_text_is_for_loopback(host):
    preset = parsed(changed(("smtp", 0), {"host": host, "port": 1025, "encryption": "none"}))

    assert preset.smtp[0] == Endpoint(host=host, port=1025, security=Security.NONE)


def test_host_and_domain_names_become_lower_case():
    preset = parsed(good_record() | {"domains": ["Firma.Example"], "mx": ["MX.Firma.Example"]})

    assert (preset.domains, preset.mx) == (("firma.example",), ("mx.firma.example",))


TOML_TEXT = st.text(max_size=20)
TOML_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TOML_TEXT
    | st.sampled_from(
        ["ssl", "starttls", "none", "1h", "address", "no", "required", "127.0.0.1", "a.example"]
    )
    | st.dates()
    | st.datetimes()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TOML_TEXT, inner, max_size=3),
    max_leaves=8,
)
ENDPOINTS = st.lists(
    st.fixed_dictionaries({}, optional={"host": TOML_VALUE, "port": TOML_VALUE, "encryption": TOML_VALUE}),
    max_size=2,
)
LIMITS = st.lists(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("unit", "count", "per", "scope", "source"), TOML_VALUE)
    ),
    max_size=2,
)


@given(
    key=TOML_TEXT | st.just("firma"),
    change=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys([*MANDATORY, "app_password_page", "other"], TOML_VALUE)
        | {"smtp": ENDPOINTS, "imap": ENDPOINTS, "limits": LIMITS},
    ),
    is_own=st.booleans(),
)
def test_any_record_is_a_preset_or_a_named_refusal(key, change, is_own):
    found = attempted(good_record() | change, key=key, is_own=is_own)

    if isinstance(found, Problem):
        assert found.code is ProblemCode.PRESET_INVALID
        assert found.facts["reason"]
    else:
        assert found.key == key
        assert found.smtp
        assert all(1 <= endpoint.port <= 65535 for endpoint in found.smtp + found.imap)


@given(value=TOML_VALUE, is_own=st.booleans())
def test_anything_that_is_not_a_record_is_refused(value, is_own):
    with pytest.raises(FluenzrError) as caught:
        parsed(value, is_own=is_own)

    assert caught.value.problem.code is ProblemCode.PRESET_INVALID


@pytest.mark.parametrize("value", [math.nan, time(1, 2), [[]], {}], ids=["nan", "time", "nested", "table"])
def test_value_of_another_kind_is_no_text(value):
    with pytest.raises(FluenzrError) as caught:
        parsed(good_record() | {"name": value})

    assert caught.value.problem.facts["reason"] == "not-text"


# --- a file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"[firma",
        b"[firma]\nname = 'a'\nname = 'b'\n",
        b"\xff\xfe",
        b"x = " + b"[" * 5000,
        b"x = " + b"9" * 5000,
    ],
    ids=["syntax", "twice", "not-utf8", "deep", "long-number"],
)
def test_file_that_is_no_toml_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "presets.toml"
    path.write_bytes(content)

    with pytest.raises(FluenzrError) as caught:
        read_own(path)

    facts = caught.value.problem.facts
    assert caught.value.problem.code is ProblemCode.PRESET_INVALID
    assert (facts["path"], facts["preset"], facts["reason"]) == (str(path), None, "not-toml")
    assert facts["detail"]


def test_value_beside_the_tables_is_refused_by_its_name(tmp_path):
    path = own_file(tmp_path, version=1)

    with pytest.raises(FluenzrError) as caught:
        read_own(path)

    assert (caught.value.problem.facts["preset"], caught.value.problem.facts["reason"]) == (
        "version",
        "not-a-table",
    )


def test_own_file_that_is_a_folder_is_unreadable(tmp_path):
    with pytest.raises(FluenzrError) as caught:
        PresetCatalog.load(own=tmp_path)

    assert caught.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert caught.value.problem.facts["path"] == str(tmp_path)


def test_own_file_that_may_not_be_read_is_unreadable(tmp_path):
    path = own_file(tmp_path, firma={"smtp": OWN_SMTP})
    path.chmod(0)

    with unprivileged(), pytest.raises(FluenzrError) as caught:
        PresetCatalog.load(own=path)

    assert caught.value.problem.code is ProblemCode.FILE_UNREADABLE
    assert caught.value.problem.exit_status is ExitStatus.NO_INPUT


# --- the user's own ---------------------------------------------------------------------------------------


def test_own_record_needs_smtp_alone(tmp_path):
    path = own_file(tmp_path, firma={"smtp": OWN_SMTP})

    preset = PresetCatalog.load(own=path).get("firma")

    assert preset == Preset(
        key="firma",
        name="firma",
        domains=(),
        mx=(),
        smtp=(Endpoint(host="smtp.own.example", port=465, security=Security.IMPLICIT_TLS),),
        imap=(),
        username=UsernameRule.ADDRESS,
        app_password=Need.NO,
        app_password_page="",
        oauth=Need.NO,
        limits=(),
        hint="",
        notes=(),
        sources=(),
        checked=UNCHECKED,
        is_own=True,
    )


def test_own_record_without_smtp_is_refused():
    with pytest.raises(FluenzrError) as caught:
        parsed({"name": "Firma"}, is_own=True)

    assert (caught.value.problem.facts["field"], caught.value.problem.facts["reason"]) == ("smtp", "missing")


def test_own_limit_needs_no_source():
    preset = parsed({"smtp": OWN_SMTP, "limits": [{"unit": "messages", "count": 5}]}, is_own=True)

    assert preset.limits == (Limit(unit=LimitUnit.MESSAGES, count=5, source="own preset"),)


@pytest.mark.parametrize("is_own", [False, True], ids=["shipped", "own"])
def test_that_the_provider_files_sent_mail_is_said_or_false(is_own):
    assert not parsed(good_record(), is_own=is_own).saves_sent
    assert parsed(good_record() | {"saves_sent": True}, is_own=is_own).saves_sent


def test_own_record_adds_to_the_catalogue_at_its_end(tmp_path):
    shipped = PresetCatalog.load(own=None)

    catalog = PresetCatalog.load(own=own_file(tmp_path, firma={"smtp": OWN_SMTP}))

    assert list(catalog.presets) == [*shipped.presets, "firma"]


def test_own_record_overrides_the_whole_record_of_its_key_in_its_place(tmp_path):
    shipped = PresetCatalog.load(own=None)

    catalog = PresetCatalog.load(own=own_file(tmp_path, ovh={"smtp": OWN_SMTP}))

    assert list(catalog.presets) == list(shipped.presets)
    assert (catalog.get("ovh").smtp[0].host, catalog.get("ovh").imap) == ("smtp.own.example", ())
    assert catalog.get("ovh").is_own
    assert catalog.for_domain("ovh.net") is None


def test_own_file_that_is_not_there_adds_nothing(tmp_path):
    assert PresetCatalog.load(own=tmp_path / "none.toml") == PresetCatalog.load(own=None)


def test_catalogue_cannot_be_changed():
    catalog = PresetCatalog.load(own=None)

    with pytest.raises(TypeError):
        catalog.presets["ovh"] = catalog.presets["gandi"]


# --- finding ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalog():
    return PresetCatalog.load(own=None)


def test_key_is_found_in_any_case(catalog):
    assert catalog.get("OVH").key == "ovh"


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("ovhh", "ovh"),
        ("gnadi", "gandi"),
        ("zoho_eu", "zoho-eu"),
        ("googlemail.com", "gmail"),
        ("someone@pm.me", "proton-bridge"),
        ("hotmail.com", "outlook"),
        ("exchange online", "microsoft365"),
    ],
)
def test_unknown_key_is_told_with_the_key_that_may_be_meant(catalog, key, nearest):
    with pytest.raises(FluenzrError) as caught:
        catalog.get(key)

    problem = caught.value.problem
    assert (problem.code, problem.exit_status) == (ProblemCode.PRESET_UNKNOWN, ExitStatus.USAGE)
    assert problem.facts["key"] == key
    assert problem.facts["near"][0] == nearest


@pytest.mark.parametrize("key", ["", "qqqqqq", "x" * 100_000, "\x00"], ids=["empty", "odd", "long", "nul"])
def test_key_like_no_other_is_told_without_a_proposal(catalog, key):
    with pytest.raises(FluenzrError) as caught:
        catalog.get(key)

    assert caught.value.problem.facts["near"] == ()


@pytest.mark.parametrize("domain", ["gandi.net", "Gandi.NET", "gandi.net."])
def test_domain_is_found_in_any_case(catalog, domain):
    assert catalog.for_domain(domain).key == "gandi"


@pytest.mark.parametrize("domain", ["mail.gandi.net", "notgandi.net", "gandi", "", "."])
def test_other_domain_is_not_taken_for_a_providers(catalog, domain):
    assert catalog.for_domain(domain) is None


def test_own_preset_goes_first_where_both_name_the_domain(tmp_path):
    record = {"smtp": OWN_SMTP, "domains": ["gandi.net"], "mx": ["mail.gandi.net"]}

    catalog = PresetCatalog.load(own=own_file(tmp_path, mine=record))

    assert catalog.for_domain("gandi.net").key == "mine"
    assert [preset.key for preset in catalog.for_mx(["spool.mail.gandi.net"])] == ["mine", "gandi"]


@pytest.mark.parametrize(
    ("hosts", "keys"),
    [
        (["mx1.mail.ovh.net", "mx2.mail.ovh.net"], ["ovh", "ovh-exchange", "ovh-email-pro"]),
        (["SPOOL.mail.gandi.net."], ["gandi"]),
        (["mx2.zoho.eu"], ["zoho-eu", "zoho-eu-pro"]),
        (["mail.protonmail.ch"], ["proton-bridge", "proton-smtp"]),
        (["alt1.aspmx.l.google.com"], ["google-workspace"]),
        (["smtp.google.com"], ["google-workspace"]),
        (["firma-example.mail.protection.outlook.com"], ["microsoft365"]),
        (["firma-example.p-v1.mx.microsoft"], ["microsoft365"]),
        (["hotmail-com.olc.protection.outlook.com"], ["outlook"]),
        (["mta5.am0.yahoodns.net"], ["yahoo"]),
        (["mx-aol.mail.gm0.yahoodns.net"], ["aol"]),
        (["mx00.ionos.es"], ["ionos-es"]),
        (["evilmail.ovh.net", "mail.ovh.net.evil.example", "ovh.net", ""], []),
        ([], []),
    ],
)
def test_mx_hosts_lead_to_presets_by_suffix_on_label_borders(catalog, hosts, keys):
    assert [preset.key for preset in catalog.for_mx(hosts)] == keys


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("ssl0.ovh.net", "ovh"),
        ("SSL0.ovh.net.", "ovh"),
        ("imap.zoho.eu", "zoho-eu"),
        ("smtppro.zoho.eu", "zoho-eu-pro"),
        ("smtp-mail.outlook.com", "outlook"),
        ("smtp.gmail.com", None),
        ("smtp.office365.com", None),
        ("127.0.0.1", None),
        ("localhost", None),
        ("ovh.net", None),
        ("", None),
    ],
)
def test_host_leads_to_the_one_preset_that_has_it(catalog, host, key):
    found = catalog.for_host(host)

    assert (found.key if found else None) == key


def test_host_of_an_own_preset_goes_before_the_shipped_ones(tmp_path):
    gmail = [{"host": "smtp.gmail.com", "port": 465, "encryption": "ssl"}]

    catalog = PresetCatalog.load(own=own_file(tmp_path, mine={"smtp": gmail}))

    assert catalog.for_host("smtp.gmail.com").key == "mine"


def test_page_of_a_topic_is_found_or_empty():
    preset = parsed(good_record())

    assert preset.page("auth-failed") == "https://firma.example/login"
    assert preset.page("send-limit") == ""


def test_reading_the_catalogue_loads_nothing_heavy():
    program = (
        "import sys; from fluenzr_smtp.presets import PresetCatalog; PresetCatalog.load(own=None);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    heavy = {"keyring", "cryptography", "imapclient", "smtplib", "dns", "rich", "typer", "ssl", "tomli_w"}
    assert heavy.isdisjoint(done.stdout.split())


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (os.mkfifo, ProblemCode.FILE_UNREADABLE),
        (lambda path: path.symlink_to("/dev/zero"), ProblemCode.FILE_UNREADABLE),
        (lambda path: path.write_bytes(b"#\n" * 200_000), ProblemCode.FILE_UNREADABLE),
        (lambda path: path.write_bytes(b"a" + b".a" * 20_000 + b" = 1"), ProblemCode.PRESET_INVALID),
    ],
    ids=["pipe", "device", "too big", "dotted key"],
)
def test_own_file_that_would_take_long_to_read_is_refused_at_once(tmp_path, make, code):
    make(tmp_path / "presets.toml")

    with pytest.raises(FluenzrError) as caught:
        read_own(tmp_path / "presets.toml")

    assert caught.value.problem.code is code
