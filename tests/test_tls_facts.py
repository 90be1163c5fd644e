"""What is told of a TLS connection, and of a certificate that was refused."""

from __future__ import annotations

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

CODE = ProblemCode
NOW = datetime(2030, 6, 1, tzinfo=UTC)


def facts_of(certificate: ServerCertificate) -> dict[str, object]:
    with (
        ScriptedServer((Silence(),), tls_context=certificate.context()) as server,
        encrypted_to(server.host, server.port, tls.inspection_context()) as encrypted,
    ):
        return tls.connection_facts(encrypted, now=NOW)


def refused(code: ProblemCode, *, host: str = "mail.shop.test") -> tuple[Problem, Endpoint]:
    endpoint = Endpoint(host=host, port=465, security=Security.IMPLICIT_TLS)
    facts = MappingProxyType({"host": host, "port": 465, "reason": "as-told-before"})
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

    @pytest.mark.parametrize("code", [CODE.TLS_HANDSHAKE_CUT, CODE.AUTH_REJECTED])
    def test_problem_of_another_kind_stays_as_it_is(self, authority, code):
        problem, endpoint = refused(code)

        assert tls.explained(problem, chain_of(authority.valid().der), endpoint, now=NOW) is problem

    def test_without_a_look_the_problem_stays_as_it_is(self):
        problem, endpoint = refused(CODE.TLS_CERTIFICATE_EXPIRED)

        assert tls.explained(problem, (), endpoint, now=NOW) is problem
