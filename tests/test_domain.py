"""The examination of a sender's domain, against a real name server and a real web server."""

from __future__ import annotations

import base64
import socket
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluenzr_smtp.dns import Resolver
from fluenzr_smtp.domain import PolicyServer, examine_domain
from fluenzr_smtp.domain.dmarc import parse_dmarc
from fluenzr_smtp.domain.spf import parse_spf
from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.domain.transport import parse_sts, parse_tls_rpt
from fluenzr_smtp.model import Check, Preset, Protocol
from fluenzr_smtp.presets import PresetCatalog
from fluenzr_smtp.problems import ExitStatus, ProblemCode, Stage
from tests.servers.certificates import Authority
from tests.servers.nameserver import SILENCE, Zone, name_server
from tests.servers.webserver import http, web_server
from tests.sessions import REAL_CLOCK

CODE = ProblemCode
DOMAIN = "firma.example"
PROVIDER = "provider.example"
CATALOG = PresetCatalog.load(own=None)
PRESET = replace(
    CATALOG.get("gandi"), mx=("mx.provider.example",), spf=("_spf.provider.example",), dkim=("s1", "s2")
)
POLICY = "version: STSv1\nmode: enforce\nmx: *.mx.provider.example\nmax_age: 86400\n"


def rsa_record(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode("ascii")


KEY, SHORT_KEY = rsa_record(2048), rsa_record(1024)

GOOD: Zone = {
    (DOMAIN, "MX"): ("10 a.mx.provider.example.", "20 b.mx.provider.example."),
    ("a.mx." + PROVIDER, "A"): "192.0.2.11",
    ("b.mx." + PROVIDER, "AAAA"): "2001:db8::12",
    (DOMAIN, "TXT"): ("v=spf1 include:_spf.provider.example -all", "unrelated=1"),
    ("_spf." + PROVIDER, "TXT"): "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
    ("s1._domainkey." + DOMAIN, "CNAME"): "s1.dkim.provider.example",
    ("s1.dkim." + PROVIDER, "TXT"): KEY,
    ("_dmarc." + DOMAIN, "TXT"): "v=DMARC1; p=reject; rua=mailto:a@firma.example",
    ("_mta-sts." + DOMAIN, "TXT"): "v=STSv1; id=1;",
    ("mta-sts." + DOMAIN, "A"): "127.0.0.1",
    ("_smtp._tls." + DOMAIN, "TXT"): "v=TLSRPTv1; rua=mailto:a@firma.example",
    ("_25._tcp.a.mx." + PROVIDER, "TLSA"): "3 1 1 " + "ab" * 32,
    ("_25._tcp.b.mx." + PROVIDER, "TLSA"): "3 1 1 " + "cd" * 32,
}


def examined(
    zone: Zone,
    domain: str = DOMAIN,
    *,
    preset: Preset | None = PRESET,
    selectors: tuple[str, ...] = (),
    policies: PolicyServer | None = None,
    is_authenticated: bool = False,
    timeout: float = 5.0,
) -> dict[Stage, Check]:
    with name_server(zone, is_authenticated=is_authenticated) as server:
        resolver = Resolver(nameservers=(server.host,), port=server.port, timeout=timeout)
        checks = examine_domain(
            domain,
            resolver=resolver,
            clock=REAL_CLOCK,
            preset=preset,
            selectors=selectors,
            policies=policies or PolicyServer(port=1),
        )
        return {check.stage: check for check in checks}


def with_records(*changes: tuple[str, str, object]) -> Zone:
    """The good zone with other records; None takes them away."""
    zone = {**GOOD, **{(name, rdtype): entry for name, rdtype, entry in changes}}
    return {key: entry for key, entry in zone.items() if entry is not None}


def rcode_of(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.set_rcode(rcode)
    return answer


def code_of(check: Check) -> tuple[ProblemCode | None, bool]:
    return (check.problem.code if check.problem else None), check.is_failure


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


def policy_context(authority: Authority) -> tuple[object, Path]:
    certificate = authority.issue("policy", names=("mta-sts.firma.example",), common_name="policy")
    return certificate.context(), authority.ca_file


# --- the whole --------------------------------------------------------------------------------------------


def test_domain_with_everything_in_place_holds_in_every_stage(authority):
    context, ca_file = policy_context(authority)
    with web_server(context, http(POLICY.encode())) as web:
        trusted = PolicyServer(port=web.port, authority=ca_file.read_text("ascii"))
        checks = examined(GOOD, policies=trusted, is_authenticated=True)

    assert list(checks) == [
        *(Stage.MX, Stage.SPF, Stage.DKIM, Stage.DMARC),
        *(Stage.MTA_STS, Stage.TLS_RPT, Stage.DANE),
    ]
    assert {stage: check.problem for stage, check in checks.items() if check.problem} == {}
    assert {check.protocol for check in checks.values()} == {Protocol.DNS}
    assert {check.domain for check in checks.values()} == {DOMAIN}


def test_facts_say_what_was_found(authority):
    context, ca_file = policy_context(authority)
    with web_server(context, http(POLICY.encode())) as web:
        trusted = PolicyServer(port=web.port, authority=ca_file.read_text("ascii"))
        facts = {
            stage: dict(check.facts)
            for stage, check in examined(GOOD, policies=trusted, is_authenticated=True).items()
        }

    hosts = ("a.mx.provider.example", "b.mx.provider.example")
    assert facts[Stage.MX] == {"hosts": hosts, "presets": ("gandi",)}
    assert facts[Stage.SPF] == {
        "record": "v=spf1 include:_spf.provider.example -all",
        "size_bytes": 41,
        "lookups": 1,
        "limit": 10,
        "void_lookups": 0,
        "default": "-all",
        "includes": ("_spf.provider.example",),
        "provider": "gandi",
        "admitted_by": "_spf.provider.example",
    }
    assert facts[Stage.DKIM] == {"keys": ("s1: rsa 2048",), "selectors": ("s1",), "missing": ("s2",)}
    assert (facts[Stage.DMARC]["policy"], facts[Stage.DMARC]["percent"]) == ("reject", 100)
    assert (facts[Stage.MTA_STS]["mode"], facts[Stage.MTA_STS]["mx"]) == (
        "enforce",
        ("*.mx.provider.example",),
    )
    assert facts[Stage.TLS_RPT]["reports"] == ("mailto:a@firma.example",)
    assert facts[Stage.DANE] == {"hosts": hosts, "missing": (), "is_authenticated": True}


def test_bare_domain_is_told_what_to_publish():
    checks = examined({(DOMAIN, "A"): "192.0.2.1"})

    assert {stage: code_of(check) for stage, check in checks.items()} == {
        Stage.MX: (CODE.DOMAIN_MX_NONE, False),
        Stage.SPF: (CODE.DOMAIN_SPF_NONE, True),
        Stage.DKIM: (CODE.DOMAIN_DKIM_NONE, True),
        Stage.DMARC: (CODE.DOMAIN_DMARC_NONE, True),
        Stage.MTA_STS: (CODE.DOMAIN_MTA_STS_NONE, False),
        Stage.TLS_RPT: (CODE.DOMAIN_TLS_RPT_NONE, False),
        Stage.DANE: (CODE.DOMAIN_DANE_NONE, False),
    }
    proposed = {stage: str(check.problem.facts.get("record")) for stage, check in checks.items()}
    assert proposed[Stage.SPF] == "v=spf1 include:_spf.provider.example ~all"
    assert not isinstance(parse_dmarc(proposed[Stage.DMARC]), RecordFault)
    assert not isinstance(parse_sts(proposed[Stage.MTA_STS]), RecordFault)
    assert not isinstance(parse_tls_rpt(proposed[Stage.TLS_RPT]), RecordFault)
    assert {check.problem.facts["domain"] for check in checks.values()} == {DOMAIN}


def test_international_domain_is_looked_up_in_its_ascii_form_and_told_as_it_came():
    zone = {("xn--ao-siap.example", "MX"): "10 mx.example.", ("mx.example", "A"): "192.0.2.1"}

    checks = examined(zone, "ação.example")

    assert checks[Stage.MX].ok
    assert {check.domain for check in checks.values()} == {"ação.example"}


@pytest.mark.parametrize(
    "domain", [DOMAIN, "", "a..example", "x" * 64 + ".example", "[192.0.2.1]", "\ud800.example"]
)
def test_domain_that_does_not_exist_ends_the_walk_as_a_failure(domain):
    checks = examined({}, domain)

    assert {stage: code_of(check) for stage, check in checks.items()} == {
        Stage.MX: (CODE.DNS_HOST_UNKNOWN, True)
    }
    assert checks[Stage.MX].problem.stage is Stage.MX


@pytest.mark.parametrize(
    ("name", "rdtype", "stage"),
    [
        (DOMAIN, "TXT", Stage.SPF),
        ("s1._domainkey." + DOMAIN, "TXT", Stage.DKIM),
        ("_dmarc." + DOMAIN, "TXT", Stage.DMARC),
        ("_mta-sts." + DOMAIN, "TXT", Stage.MTA_STS),
        ("_smtp._tls." + DOMAIN, "TXT", Stage.TLS_RPT),
        ("_25._tcp.a.mx." + PROVIDER, "TLSA", Stage.DANE),
        ("a.mx." + PROVIDER, "A", Stage.MX),
    ],
)
@pytest.mark.parametrize("entry", [dns.rcode.SERVFAIL, SILENCE], ids=["failure", "silence"])
def test_look_up_that_fails_is_a_failure_of_its_stage_and_the_others_go_on(name, rdtype, stage, entry):
    checks = examined(with_records((name, rdtype, entry)), timeout=0.3)

    failed = {each for each, check in checks.items() if code_of(check)[0] is CODE.DNS_UNAVAILABLE}
    assert (failed, len(checks)) == ({stage}, 7)
    assert checks[stage].problem.stage is stage
    assert checks[stage].is_failure
    assert checks[stage].problem.exit_status is ExitStatus.TEMPORARY


def test_walk_ends_after_two_stages_that_nobody_answers():
    silent = [(f"{name}{DOMAIN}", "TXT", SILENCE) for name in ("", "_dmarc.", "_mta-sts.")]

    checks = examined(with_records(*silent), timeout=0.3)

    assert list(checks) == [Stage.MX, Stage.SPF, Stage.DKIM, Stage.DMARC]
    assert {stage for stage, check in checks.items() if check.is_failure} == {Stage.SPF, Stage.DMARC}


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: None,
        lambda query: b"nonsense",
        lambda query: rcode_of(query, dns.rcode.SERVFAIL),
        lambda query: rcode_of(query, dns.rcode.REFUSED),
    ],
    ids=["silent", "nonsense", "server-failure", "refused"],
)
def test_name_server_of_no_use_ends_the_walk_with_one_failure(answer):
    with name_server(answer) as server:
        resolver = Resolver(nameservers=(server.host,), port=server.port, timeout=0.2)
        checks = list(examine_domain(DOMAIN, resolver=resolver, clock=REAL_CLOCK, preset=PRESET))

    assert [(check.stage, *code_of(check)) for check in checks] == [(Stage.MX, CODE.DNS_UNAVAILABLE, True)]
    assert {name for name, _ in server.asked} == {DOMAIN}
    assert {rdtype for _, rdtype in server.asked} == {"MX"}


def test_policy_server_that_says_nothing_is_waited_for_no_longer_than_one_look_up():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        trusted = PolicyServer(port=mute.getsockname()[1], seconds=10.0)
        check = examined(GOOD, policies=trusted, timeout=0.5)[Stage.MTA_STS]

    assert code_of(check) == (CODE.DOMAIN_MTA_STS_INVALID, False)
    assert check.problem.facts["reason"] == "policy-unreachable"
    assert check.elapsed.total_seconds() < 5.0


# --- MX ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mx", "address", "reason", "is_failure"),
    [
        (None, "192.0.2.1", "no-mx", False),
        (None, None, "no-address", True),
        ("0 .", "192.0.2.1", "null-mx", True),
    ],
    ids=["address-alone", "nothing", "null"],
)
def test_domain_without_exchangers_is_told_apart(mx, address, reason, is_failure):
    check = examined(with_records((DOMAIN, "MX", mx), (DOMAIN, "A", address)))[Stage.MX]

    assert code_of(check) == (CODE.DOMAIN_MX_NONE, is_failure)
    assert check.problem.facts["reason"] == reason


def test_exchangers_of_nobody_known_hold_too():
    address = ("mx.elsewhere.example", "A", "192.0.2.1")

    check = examined(with_records((DOMAIN, "MX", "10 mx.elsewhere.example."), address))[Stage.MX]

    assert (check.ok, check.facts["presets"]) == (True, ())


@pytest.mark.parametrize(
    ("dead", "is_failure"), [(("a",), False), (("b",), False), (("a", "b"), True)], ids=["a", "b", "both"]
)
def test_exchanger_without_an_address_is_told(dead, is_failure):
    gone = [(f"{name}.mx.{PROVIDER}", rdtype, None) for name in dead for rdtype in ("A", "AAAA")]

    check = examined(with_records(*gone))[Stage.MX]

    assert code_of(check) == (CODE.DOMAIN_MX_NONE, is_failure)
    assert check.problem.facts["reason"] == "no-address-of-host"
    assert check.problem.facts["missing"] == tuple(f"{name}.mx.{PROVIDER}" for name in dead)
    assert check.problem.facts["hosts"] == ("a.mx.provider.example", "b.mx.provider.example")


def test_addresses_of_ten_exchangers_at_most_are_looked_up():
    hosts = tuple(f"{number} mx{number}.elsewhere.example." for number in range(10, 40))

    check = examined(with_records((DOMAIN, "MX", hosts)))[Stage.MX]

    assert check.problem.facts["missing"] == tuple(
        f"mx{number}.elsewhere.example" for number in range(10, 20)
    )


# --- SPF --------------------------------------------------------------------------------------------------


def spf_check(text: object, *changes: tuple[str, str, object], preset: Preset | None = PRESET) -> Check:
    return examined(with_records((DOMAIN, "TXT", text), *changes), preset=preset)[Stage.SPF]


MANY = " ".join(f"a:n{number}.example" for number in range(11))


@pytest.mark.parametrize(
    ("text", "code", "reason", "is_failure"),
    [
        ("v=spf1 ipv4:192.0.2.1 -all", CODE.DOMAIN_SPF_INVALID, "unknown-mechanism", True),
        (("v=spf1 mx -all", "v=spf1 a -all"), CODE.DOMAIN_SPF_INVALID, "several-records", True),
        ("spf1 mx -all", CODE.DOMAIN_SPF_INVALID, "version", True),
        ("v=spf1 include:firma.example -all", CODE.DOMAIN_SPF_INVALID, "loop", True),
        ("v=spf1 include:gone.example -all", CODE.DOMAIN_SPF_INVALID, "include-without-record", True),
        ("v=spf1 a:x.example a:y.example a:z.example -all", CODE.DOMAIN_SPF_INVALID, "void-lookups", True),
        (f"v=spf1 {MANY} -all", CODE.DOMAIN_SPF_TOO_MANY_LOOKUPS, None, True),
        ("v=spf1 include:_spf.provider.example +all", CODE.DOMAIN_SPF_OPEN, "admits-everybody", True),
        ("v=spf1 ip4:192.0.2.1 -all", CODE.DOMAIN_SPF_PROVIDER_MISSING, None, True),
        ("v=spf1 ~include:_spf.provider.example -all", CODE.DOMAIN_SPF_PROVIDER_MISSING, None, True),
        ("v=spf1 -all include:_spf.provider.example", CODE.DOMAIN_SPF_PROVIDER_MISSING, None, True),
        ("v=spf1 exists:%{i}.other.example -all", CODE.DOMAIN_SPF_PROVIDER_MISSING, None, False),
        ("v=spf1 include:_spf.provider.example ?all", CODE.DOMAIN_SPF_OPEN, "neutral-default", False),
        ("v=spf1 include:_spf.provider.example", CODE.DOMAIN_SPF_OPEN, "no-default", False),
        ("v=spf1 include:_spf.provider.example ptr -all", CODE.DOMAIN_SPF_INVALID, "ptr-discouraged", False),
        (
            "v=spf1 include:_spf.provider.example " + "ip4:192.0.2.1 " * 30 + "-all",
            CODE.DOMAIN_SPF_INVALID,
            "record-too-long",
            False,
        ),
    ],
)
def test_spf_record_that_is_to_be_changed_is_told(text, code, reason, is_failure):
    check = spf_check(text)

    assert code_of(check) == (code, is_failure)
    assert check.problem.facts.get("reason") == reason


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("v=spf1 include:_spf.provider.example ~all", "_spf.provider.example"),
        ("v=spf1 include:nested.example -all", "_spf.provider.example"),
        ("v=spf1 redirect=_spf.provider.example", "_spf.provider.example"),
        ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all", "addresses"),
        ("v=spf1 ip4:192.0.0.0/16 ip6:2001:d00::/24 -all", "addresses"),
    ],
    ids=["include", "nested", "redirect", "networks", "wider-networks"],
)
def test_provider_is_admitted_in_several_ways(text, by):
    nested = ("nested.example", "TXT", "v=spf1 include:_spf.provider.example -all")

    check = spf_check(text, nested)

    assert (check.problem, check.facts["admitted_by"]) == (None, by)


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("v=spf1 ip4:192.0.2.1 -all", "v=spf1 include:_spf.provider.example ip4:192.0.2.1 -all"),
        ("v=spf1 redirect=own.example", "v=spf1 include:_spf.provider.example redirect=own.example"),
        ("v=spf1 mx:none.example +all", "v=spf1 mx:none.example ~all"),
        (("v=spf1 mx -all", "v=spf1 a -all"), "v=spf1 a -all mx"),
        ("spf1 mx -all", "v=spf1 include:_spf.provider.example ~all"),
    ],
)
def test_record_to_publish_is_ready_to_copy(text, proposed):
    own = ("own.example", "TXT", "v=spf1 -all")

    facts = spf_check(text, own).problem.facts

    assert sorted(str(facts["record"]).split()) == sorted(proposed.split())
    assert not isinstance(parse_spf(str(facts["record"])), RecordFault)


def test_provider_that_is_missing_is_named_with_its_include():
    facts = spf_check("v=spf1 ip4:192.0.2.1 -all").problem.facts

    assert (facts["provider"], facts["include"]) == ("gandi", "_spf.provider.example")
    assert facts["found"] == "v=spf1 ip4:192.0.2.1 -all"


def test_what_was_not_evaluated_is_said():
    facts = spf_check("v=spf1 exists:%{i}.other.example ptr -all").problem.facts

    assert facts["not_evaluated"] == ("exists:%{i}.other.example", "ptr")


def test_too_many_lookups_are_told_with_what_each_term_costs():
    facts = spf_check(f"v=spf1 {MANY} -all").problem.facts

    assert (facts["lookups"], facts["limit"]) == (11, 10)
    assert facts["costs"] == tuple(f"a:n{number}.example 1" for number in range(11))


def test_without_a_provider_its_include_is_not_missed():
    check = spf_check("v=spf1 ip4:192.0.2.1 -all", preset=None)

    assert check.ok
    assert "provider" not in check.facts


def test_domain_of_the_provider_itself_is_not_asked_for_its_own_include():
    preset = replace(PRESET, domains=(DOMAIN,))

    checks = examined(with_records((DOMAIN, "TXT", "v=spf1 ip4:192.0.2.1 -all")), preset=preset)

    assert checks[Stage.SPF].ok
    assert checks[Stage.DKIM].problem.facts["reason"] == "selectors-unknown"


def test_hostile_record_is_shown_cut_and_harmless():
    check = spf_check("v=spf1 \x1b[31m\n[bold]" + "x" * 5000)

    record = str(check.facts["record"])
    assert (len(record) <= 520, record.isprintable()) == (True, True)
    assert "\\x1b[31m" in record
    assert all(str(value).isprintable() for value in check.problem.facts.values())


# --- DKIM -------------------------------------------------------------------------------------------------


def dkim_check(
    *entries: tuple[str, str, object], selectors: tuple[str, ...] = (), preset: Preset | None = PRESET
) -> Check:
    zone = with_records(("s1._domainkey." + DOMAIN, "CNAME", None))
    zone |= {(f"{name}._domainkey.{DOMAIN}", rdtype): entry for name, rdtype, entry in entries}
    return examined(zone, preset=preset, selectors=selectors)[Stage.DKIM]


@pytest.mark.parametrize(
    ("entries", "code", "reason", "is_failure"),
    [
        ((), CODE.DOMAIN_DKIM_NONE, "no-key", True),
        ((("s1", "TXT", KEY),), None, None, False),
        ((("s2", "TXT", KEY),), None, None, False),
        ((("s1", "TXT", KEY), ("s2", "TXT", "v=DKIM1; p=")), None, None, False),
        ((("s1", "TXT", KEY), ("s2", "TXT", "nonsense")), CODE.DOMAIN_DKIM_INVALID, "syntax", False),
        ((("s1", "TXT", "v=DKIM1; p="),), CODE.DOMAIN_DKIM_INVALID, "key-revoked", True),
        ((("s1", "TXT", "v=DKIM1; p=QUJD"),), CODE.DOMAIN_DKIM_INVALID, "key-unreadable", True),
        ((("s1", "TXT", (KEY, SHORT_KEY)),), CODE.DOMAIN_DKIM_INVALID, "several-records", True),
        ((("s1", "CNAME", "gone.example"),), CODE.DOMAIN_DKIM_INVALID, "alias-leads-nowhere", True),
        ((("s1", "TXT", SHORT_KEY),), CODE.DOMAIN_DKIM_INVALID, "key-short", False),
        (
            (("s1", "TXT", KEY.replace("k=rsa", "k=rsa; t=y")),),
            CODE.DOMAIN_DKIM_INVALID,
            "key-testing",
            False,
        ),
    ],
    ids=[
        *(
            "none",
            "first",
            "second",
            "other-revoked",
            "other-broken",
            "revoked",
            "unreadable",
            "two",
            "dangling",
        ),
        *("short", "testing"),
    ],
)
def test_usual_selectors_of_the_provider_need_one_good_key(entries, code, reason, is_failure):
    check = dkim_check(*entries)

    assert code_of(check) == (code, is_failure)
    assert (check.problem.facts["reason"] if check.problem else None) == reason


@pytest.mark.parametrize(
    ("selectors", "code"),
    [
        (("mine",), None),
        (("mine", "other"), CODE.DOMAIN_DKIM_NONE),
        (("not a selector",), CODE.DOMAIN_DKIM_NONE),
    ],
)
def test_selectors_that_were_given_need_a_key_each(selectors, code):
    check = dkim_check(("mine", "TXT", KEY), selectors=selectors)

    assert code_of(check) == (code, code is not None)


def test_selectors_that_nobody_knows_are_a_note():
    check = dkim_check(preset=None)

    assert code_of(check) == (CODE.DOMAIN_DKIM_NONE, False)
    assert check.problem.facts["reason"] == "selectors-unknown"


# --- DMARC ------------------------------------------------------------------------------------------------


def dmarc_check(text: object, domain: str = DOMAIN) -> Check:
    zone = with_records(("_dmarc." + DOMAIN, "TXT", text), ("shop." + DOMAIN, "MX", "10 mx.example."))
    return examined(zone, domain)[Stage.DMARC]


@pytest.mark.parametrize(
    ("text", "code", "is_failure"),
    [
        ("v=DMARC1; p=quarantine", None, False),
        ("v=DMARC1; p=none; rua=mailto:a@firma.example", CODE.DOMAIN_DMARC_MONITORING, False),
        ("v=DMARC1; p=reject; pct=0", CODE.DOMAIN_DMARC_MONITORING, False),
        ("v=DMARC1; p=reject; t=y", CODE.DOMAIN_DMARC_MONITORING, False),
        ("v=DMARC1; p=monitor", CODE.DOMAIN_DMARC_INVALID, True),
        ("v=dmarc1; p=reject", CODE.DOMAIN_DMARC_INVALID, True),
        (("v=DMARC1; p=reject", "v=DMARC1; p=none"), CODE.DOMAIN_DMARC_INVALID, True),
        ("v=DMARC; p=reject", CODE.DOMAIN_DMARC_INVALID, True),
        (("V=DMARC1; p=reject", "v=DMARC 1; p=none"), CODE.DOMAIN_DMARC_INVALID, True),
        ("unrelated", CODE.DOMAIN_DMARC_NONE, True),
    ],
)
def test_dmarc_policy_is_judged(text, code, is_failure):
    check = dmarc_check(text)

    assert code_of(check) == (code, is_failure)
    assert check.problem is None or not isinstance(
        parse_dmarc(str(check.problem.facts["record"])), RecordFault
    )


@pytest.mark.parametrize(
    "text", ["v=DMARC; p=reject", "v=dmarc1; p=reject", "V=DMARC1", '"v=DMARC1; p=none"', "v=DMARC1 p=none"]
)
def test_dmarc_record_of_another_spelling_is_told_by_its_version(text):
    assert dmarc_check(text).problem.facts["reason"] == "version"


@pytest.mark.parametrize(
    ("text", "policy"),
    [("v=DMARC1; p=reject", "reject"), ("v=DMARC1; p=reject; sp=quarantine", "quarantine")],
)
def test_policy_of_the_domain_above_holds_below(text, policy):
    check = dmarc_check(text, "shop." + DOMAIN)

    assert (check.facts["policy"], check.facts["name"]) == (policy, "_dmarc." + DOMAIN)


def test_next_step_keeps_where_reports_go():
    check = dmarc_check("v=DMARC1; p=none; rua=mailto:a@firma.example")

    assert check.problem.facts["record"] == "v=DMARC1; p=quarantine; rua=mailto:a@firma.example"


# --- MTA-STS, TLS-RPT, DANE -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reason", "is_failure"),
    [
        (POLICY.replace("*.mx.provider", "other"), "mx-not-listed", True),
        (POLICY.replace("*.mx.provider", "other").replace("enforce", "testing"), "mx-not-listed", False),
        (POLICY.replace("enforce", "strict"), "mode", False),
    ],
    ids=["enforced", "testing", "broken"],
)
def test_policy_that_does_not_fit_is_told(authority, policy, reason, is_failure):
    context, ca_file = policy_context(authority)
    with web_server(context, http(policy.encode())) as web:
        trusted = PolicyServer(port=web.port, authority=ca_file.read_text("ascii"))
        check = examined(GOOD, policies=trusted)[Stage.MTA_STS]

    assert code_of(check) == (CODE.DOMAIN_MTA_STS_INVALID, is_failure)
    assert check.problem.facts["reason"] == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("_mta-sts." + DOMAIN, "TXT", "v=STSv1; id=")], "id-missing"),
        ([("_mta-sts." + DOMAIN, "TXT", "v=STSv1; id=2026-01-01")], "id"),
        ([("_mta-sts." + DOMAIN, "TXT", ("v=STSv1; id=1", "v=STSv1; id=2"))], "several-records"),
        ([("mta-sts." + DOMAIN, "A", None)], "policy-host-unknown"),
        ([], "policy-unreachable"),
    ],
    ids=["no-id", "id", "two", "no-host", "closed-port"],
)
def test_mta_sts_record_without_a_policy_is_a_note(changes, reason):
    check = examined(with_records(*changes))[Stage.MTA_STS]

    assert code_of(check) == (CODE.DOMAIN_MTA_STS_INVALID, False)
    assert check.problem.facts["reason"] == reason


def test_broken_tls_rpt_record_is_a_note_with_a_good_one():
    check = examined(with_records(("_smtp._tls." + DOMAIN, "TXT", "v=TLSRPTv1;")))[Stage.TLS_RPT]

    assert code_of(check) == (CODE.DOMAIN_TLS_RPT_INVALID, False)
    assert check.problem.facts["reason"] == "rua-missing"
    assert not isinstance(parse_tls_rpt(str(check.problem.facts["record"])), RecordFault)


TLSA = "_25._tcp.a.mx." + PROVIDER


@pytest.mark.parametrize(
    ("record", "is_authenticated", "code", "reason"),
    [
        ("3 1 1 " + "ab" * 32, False, CODE.DOMAIN_DANE_INVALID, "not-authenticated"),
        ("1 1 1 " + "ab" * 32, True, CODE.DOMAIN_DANE_INVALID, "tlsa-usage"),
        ("3 1 7 abcd", True, CODE.DOMAIN_DANE_INVALID, "tlsa-matching"),
        (("1 1 1 " + "ab" * 32, "3 1 1 " + "ab" * 32), True, None, None),
        (None, True, CODE.DOMAIN_DANE_NONE, "some-hosts"),
    ],
    ids=["not-verified", "usage", "matching", "one-of-two", "one-host-without"],
)
def test_dane_is_judged_by_records_and_dnssec(record, is_authenticated, code, reason):
    check = examined(with_records((TLSA, "TLSA", record)), is_authenticated=is_authenticated)[Stage.DANE]

    assert code_of(check) == (code, False)
    assert (check.problem.facts["reason"] if check.problem else None) == reason


# --- anything ---------------------------------------------------------------------------------------------


ODD = st.text(max_size=40) | st.sampled_from(
    [
        "v=spf1 redirect=firma.example",
        "v=DMARC1; p=none",
        "v=DKIM1; p=AAAA",
        "v=STSv1; id=1",
        "v=TLSRPTv1; rua=",
    ]
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(texts=st.lists(ODD, min_size=5, max_size=5))
def test_any_zone_is_examined_to_the_end(texts):
    names = ("", "s1._domainkey.", "_dmarc.", "_mta-sts.", "_smtp._tls.")
    encodable = [text.encode("utf-8", "replace").decode() for text in texts]
    changes = [(name + DOMAIN, "TXT", text) for name, text in zip(names, encodable, strict=True)]

    checks = examined(with_records(*changes))

    assert len(checks) == 7
    assert all(str(value).isprintable() for check in checks.values() for value in check.facts.values())
