"""What is told of a TLS connection, and of a certificate that was refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import pytest

from fluenzr_smtp import tls
from fluenzr_smtp.model import Endpoint, Fingerprint, Security
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.tls.facts import MAX_NAMES
from tests.servers.certificates import (
    FAR_FUTURE,
    FUTURE,
    LONG_AGO,
    PAST,
    Authority,
    ServerCertificate,
    encrypted_to,
)
from tests.servers.scripted import ScriptedServer, Silence
from tests.sessions import endpoint_of

CODE = ProblemCode
NOW = datetime(2030, 6, 1, tzinfo=UTC)
SOON = datetime(2080, 1, 1, tzinfo=UTC)  # before FAR_FUTURE, after any day on which this runs


def facts_of(certificate: ServerCertificate) -> dict[str, object]:
    with (
        ScriptedServer((Silence(),), tls_context=certificate.context()) as server,
        encrypted_to(server.host, server.port, tls.inspection_context()) as encrypted,
    ):
        return tls.connection_facts(encrypted, now=NOW)


def verified_facts_of(certificate: ServerCertificate, authority: Authority) -> dict[str, object]:
    with ScriptedServer((Silence(),), tls_context=certificate.context()) as server:
        endpoint = endpoint_of(server, Security.IMPLICIT_TLS, authority=authority)
        with encrypted_to(server.host, server.port, tls.context_for(endpoint)) as encrypted:
            return tls.connection_facts(encrypted, now=NOW)


def refused(
    code: ProblemCode, *, host: str = "mail.shop.test", reason: str = "as-told-before"
) -> tuple[Problem, Endpoint]:
    endpoint = Endpoint(host=host, port=465, security=Security.IMPLICIT_TLS)
    facts = MappingProxyType({"host": host, "port": 465, "reason": reason})
    return Problem(code=code, stage=Stage.TLS, facts=facts), endpoint


def chain_of(*certificates: bytes) -> tuple[tls.Certificate, ...]:
    return tuple(tls.read_certificate(each) for each in certificates)


def der_of(authority: Authority) -> bytes:
    return ServerCertificate(certificate=authority.ca_file, key=authority.ca_file).der


class TestConnection:
    def test_all_that_is_worth_knowing_is_told(self, authority):
        middle = authority.intermediate("facts-middle", name="Middle")
        made = middle.issue("facts", names=("mail.shop.test", "127.0.0.1")).with_chain(middle.ca_file)

        facts = facts_of(made)

        assert facts == {
            "version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "bits": 256,
            "fingerprint": str(Fingerprint(made.sha256)),
            "chain": (
                "CN=localhost <- CN=Middle",
                "CN=Middle <- CN=Throw-away test authority",
            ),
            "chain_length": 2,
            "subject": "CN=localhost",
            "names": ("mail.shop.test", "127.0.0.1"),
            "issuer": "CN=Middle",
            "serial": tls.read_certificate(made.der).serial,
            "key": "EC 256",
            "signature": "sha256",
            "not_before": PAST.isoformat(),
            "not_after": FAR_FUTURE.isoformat(),
            "days_left": (FAR_FUTURE - NOW).days,
        }

    def test_names_are_bounded(self, authority):
        made = authority.issue("many-names", names=[f"host{number}.test" for number in range(MAX_NAMES + 9)])

        assert facts_of(made)["names"] == tuple(f"host{number}.test" for number in range(MAX_NAMES))

    def test_dates_are_of_the_certificate_that_ends_first(self, authority):
        middle = authority.intermediate("ends-first", name="Ends first", ends=SOON)
        made = middle.issue("outlives").with_chain(middle.ca_file, authority.ca_file)

        facts = verified_facts_of(made, authority)

        assert (facts["certificate"], facts["not_after"]) == ("CN=Ends first", SOON.isoformat())
        assert facts["days_left"] == (SOON - NOW).days
        assert facts["subject"] == "CN=localhost"

    def test_root_that_is_sent_along_does_not_count(self, tmp_path):
        root = Authority.create(tmp_path, name="Root of old", ends=SOON)
        made = root.issue("outlives-root").with_chain(root.ca_file)

        facts = verified_facts_of(made, root)

        assert (facts["not_after"], facts["chain_length"]) == (FAR_FUTURE.isoformat(), 2)
        assert "certificate" not in facts

    def test_certificate_beside_the_trusted_way_does_not_count(self, authority, tmp_path):
        middle = authority.intermediate("in-the-way", name="In the way")
        stray = authority.intermediate("beside-the-way", name="Beside the way", ends=SOON)
        made = middle.issue("with-a-stray").with_chain(stray.ca_file, middle.ca_file)

        facts = verified_facts_of(made, authority)

        assert (facts["not_after"], facts["chain_length"]) == (FAR_FUTURE.isoformat(), 3)

    def test_where_nothing_is_verified_the_servers_own_counts_alone(self, authority):
        middle = authority.intermediate("of-no-account", name="Of no account", ends=SOON)

        facts = facts_of(middle.issue("looked-at").with_chain(middle.ca_file))

        assert (facts["not_after"], facts["chain_length"]) == (FAR_FUTURE.isoformat(), 2)


class TestExplained:
    def test_certificate_and_chain_are_added_and_what_was_known_is_kept(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_EXPIRED)
        made = authority.expired()

        told = tls.explained(problem, chain_of(made.der), endpoint, now=NOW)

        assert (told.code, told.facts["reason"]) == (CODE.TLS_CERTIFICATE_EXPIRED, "as-told-before")
        assert told.facts["not_before"] == LONG_AGO.date().isoformat()
        assert told.facts["not_after"] == PAST.date().isoformat()
        assert told.facts["days_left"] == (PAST - NOW).days
        assert told.facts["fingerprint"] == str(Fingerprint(made.sha256))
        assert told.facts["chain"] == ("CN=localhost <- CN=Throw-away test authority",)
        assert "certificate" not in told.facts

    @pytest.mark.parametrize(
        ("code", "starts", "ends"),
        [
            pytest.param(CODE.TLS_CERTIFICATE_EXPIRED, LONG_AGO, PAST, id="expired"),
            pytest.param(CODE.TLS_CERTIFICATE_NOT_YET_VALID, FUTURE, FAR_FUTURE, id="not-yet-valid"),
        ],
    )
    def test_date_of_an_issuer_is_told_as_the_issuers(self, authority, code, starts, ends):
        problem, endpoint = refused(code)
        middle = authority.intermediate("untimely", name="Untimely", starts=starts, ends=ends)
        made = middle.issue("below-untimely")

        told = tls.explained(problem, chain_of(made.der, der_of(middle)), endpoint, now=NOW)

        assert told.facts["certificate"] == "CN=Untimely"
        assert told.facts["not_before"] == starts.date().isoformat()
        assert told.facts["not_after"] == ends.date().isoformat()
        assert told.facts["fingerprint"] == str(Fingerprint(made.sha256))

    def test_date_that_seems_right_is_the_servers_own(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_EXPIRED)
        chain = chain_of(authority.valid().der)

        told = tls.explained(problem, chain, endpoint, now=chain[0].not_before + timedelta(days=1))

        assert date.fromisoformat(str(told.facts["not_after"])) == FAR_FUTURE.date()

    def test_missing_issuer_is_named_and_the_code_is_the_verdict(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER)
        middle = authority.intermediate("gap", name="Gap", issuers_url="http://ca.test/")
        made = middle.issue("above-gap")

        told = tls.explained(problem, chain_of(made.der, der_of(middle)), endpoint, now=NOW)

        assert told.code is CODE.TLS_CERTIFICATE_CHAIN_INCOMPLETE
        assert told.facts["issuer"] == "CN=Throw-away test authority"
        assert told.facts["chain_length"] == 2

    def test_wrong_host_comes_with_the_names_that_would_do(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_WRONG_HOST, host="mail.customer.example")
        made = authority.issue("provider", names=("www.provider.test", "mail.provider.test"))

        told = tls.explained(problem, chain_of(made.der), endpoint, now=NOW)

        assert told.facts["names"] == ("www.provider.test", "mail.provider.test")
        assert told.facts["matching"] == ("mail.provider.test", "www.provider.test")
        assert told.facts["mismatch"] == "other-domain"

    def test_issuer_at_fault_is_named_and_the_rest_is_the_servers_own(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_INVALID, reason="issuer-key-too-small")
        middle = authority.intermediate("weak-one", name="Weak one")
        own, above = chain_of(middle.issue("below-weak", rsa_bits=2048).der, der_of(middle))

        told = tls.explained(problem, (own, replace(above, key_bits=160)), endpoint, now=NOW)

        assert (told.facts["certificate"], told.facts["certificate_key"]) == ("CN=Weak one", "EC 160")
        assert (told.facts["subject"], told.facts["key"]) == ("CN=localhost", "RSA 2048")
        assert (told.facts["certificate_signature"], told.facts["signature"]) == ("sha256", "sha256")
        assert told.facts["reason"] == "issuer-key-too-small"

    def test_second_fault_is_told_as_well(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_WRONG_HOST, host="mail.customer.example")

        told = tls.explained(problem, chain_of(authority.expired().der), endpoint, now=NOW)

        assert told.facts["also"] == ("expired",)

    def test_single_fault_has_no_second(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_EXPIRED)

        assert (
            "also" not in tls.explained(problem, chain_of(authority.expired().der), endpoint, now=NOW).facts
        )

    @pytest.mark.parametrize("sent_along", [True, False], ids=["root-sent", "root-not-sent"])
    def test_issuer_with_the_name_of_a_trusted_root_is_told_as_a_namesake(
        self, authority, tmp_path, sent_along
    ):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER)
        endpoint = replace(endpoint, authority=authority.ca_file.read_text())
        other = Authority.create(tmp_path)
        chain = chain_of(other.valid().der, *([der_of(other)] if sent_along else []))

        told = tls.explained(problem, chain, endpoint, now=NOW)

        assert (told.code, told.facts["reason"]) == (CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER, "namesake")
        assert told.facts["host"] == "mail.shop.test"

    def test_break_below_the_trusted_root_makes_it_no_namesake(self, authority, tmp_path):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER)
        endpoint = replace(endpoint, authority=authority.ca_file.read_text())
        middle = authority.intermediate("real-one", name="Same name")
        forged = Authority.create(tmp_path, name="Same name").valid()

        told = tls.explained(problem, chain_of(forged.der, der_of(middle)), endpoint, now=NOW)

        assert told.facts["reason"] == "as-told-before"

    def test_strange_issuer_of_another_name_keeps_its_reason(self, authority, tmp_path):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER)
        endpoint = replace(endpoint, authority=authority.ca_file.read_text())
        other = Authority.create(tmp_path, name="Somebody else")

        told = tls.explained(problem, chain_of(other.valid().der), endpoint, now=NOW)

        assert told.facts["reason"] == "as-told-before"

    @pytest.mark.parametrize(
        ("host", "misplaced", "reason"),
        [
            pytest.param("mail.shop.test", None, "no-names", id="no-names"),
            pytest.param("192.0.2.1", "192.0.2.1", "address-as-name", id="address-as-name"),
            pytest.param("mail.shop.test", "192.0.2.1", "as-told-before", id="another-host"),
        ],
    )
    def test_names_that_do_not_count_are_the_reason(self, authority, host, misplaced, reason):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_WRONG_HOST, host=host)
        written = (misplaced,) if misplaced else ()
        chain = chain_of(authority.common_name_only().der)
        own = replace(chain[0], names=written, misplaced_addresses=written)

        told = tls.explained(problem, (own,), endpoint, now=NOW)

        assert (told.facts["reason"], told.facts["matching"]) == (reason, ())

    def test_moment_within_hours_is_told_to_the_minute(self, authority):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_EXPIRED)
        made = authority.issue("an-hour-ago", ends=NOW - timedelta(minutes=55))

        told = tls.explained(problem, chain_of(made.der), endpoint, now=NOW)

        assert told.facts["not_after"] == "2030-05-31 23:05 UTC"
        assert told.facts["not_before"] == PAST.date().isoformat()

    @pytest.mark.parametrize("code", [CODE.TLS_HANDSHAKE_CUT, CODE.AUTH_REJECTED])
    def test_problem_of_another_kind_stays_as_it_is(self, authority, code):
        problem, endpoint = refused(code)

        assert tls.explained(problem, chain_of(authority.valid().der), endpoint, now=NOW) is problem

    def test_without_a_look_the_problem_stays_as_it_is(self):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_EXPIRED)

        assert tls.explained(problem, (), endpoint, now=NOW) is problem


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(None, "2099-01-01", id="no-clock"),
        pytest.param(FAR_FUTURE - timedelta(days=2), "2099-01-01", id="two-days-before"),
        pytest.param(
            FAR_FUTURE - timedelta(hours=47), "2099-01-01 00:00 UTC", id="less-than-two-days-before"
        ),
        pytest.param(FAR_FUTURE + timedelta(hours=47), "2099-01-01 00:00 UTC", id="less-than-two-days-after"),
        pytest.param(FAR_FUTURE + timedelta(days=2), "2099-01-01", id="two-days-after"),
    ],
)
def test_date_has_its_minute_where_hours_matter(now, told):
    assert tls.told_date(FAR_FUTURE, now=now) == told
