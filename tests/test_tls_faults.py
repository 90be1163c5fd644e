"""Which certificate of a chain is at fault, and what else is wrong with the server's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.model import Fingerprint
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.tls import UNTRUSTED, Certificate
from fluenzr_smtp.tls.certificates import MAX_NAMES
from fluenzr_smtp.tls.faults import blamed, further
from tests.servers.certificates import FAR_FUTURE, FUTURE, LONG_AGO, PAST

CODE = ProblemCode
NOW = datetime(2030, 6, 1, tzinfo=UTC)
HOST = "mail.shop.test"


def certificate(subject: str, issuer: str, **more: object) -> Certificate:
    sound = Certificate(
        subject=subject,
        issuer=issuer,
        names=(HOST,),
        not_before=PAST,
        not_after=FAR_FUTURE,
        fingerprint=Fingerprint.of(subject.encode()),
        key_type="RSA",
        key_bits=2048,
        signature_hash="sha256",
        is_authority=True,
        can_issue=True,
    )
    return replace(sound, **more)


LEAF = certificate("leaf", "lower", is_authority=False, can_issue=False)
LOWER = certificate("lower", "upper")
UPPER = certificate("upper", "root")
ROOT = certificate("root", "root", signature_hash="sha1")


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        pytest.param("issuer-key-too-small", {"key_bits": 1024}, id="short-key"),
        pytest.param("issuer-key-too-small", {"key_type": "EC", "key_bits": 192}, id="short-curve"),
        pytest.param("signature-too-weak", {"signature_hash": "sha1"}, id="weak-signature"),
        pytest.param("issuer-no-authority", {"can_issue": False}, id="no-authority"),
        pytest.param("chain-too-long", {"path_length": 0}, id="path-length"),
        pytest.param("name-not-permitted", {"constrains_names": True}, id="name-constraints"),
        pytest.param("wrong-purpose", {"is_for_servers": False}, id="purpose"),
    ],
)
def test_issuer_at_fault_is_found_in_whatever_order_it_was_sent(reason, fault):
    bad = replace(UPPER, **fault)

    found = blamed(CODE.TLS_CERTIFICATE_INVALID, reason, (LEAF, ROOT, bad, LOWER), now=NOW)

    assert found is bad


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        pytest.param(CODE.TLS_CERTIFICATE_EXPIRED, {"not_after": PAST}, id="expired"),
        pytest.param(CODE.TLS_CERTIFICATE_NOT_YET_VALID, {"not_before": FUTURE}, id="not-yet-valid"),
    ],
)
def test_issuer_whose_date_is_at_fault_is_found(code, fault):
    bad = replace(LOWER, **fault)

    assert blamed(code, "", (LEAF, bad), now=NOW) is bad


@pytest.mark.parametrize("code", sorted(UNTRUSTED))
@pytest.mark.parametrize("reason", ["chain-too-long", "signature-too-weak", "no such reason"])
def test_where_no_issuer_seems_at_fault_it_is_the_servers_own(code, reason):
    assert blamed(code, reason, (LEAF, LOWER, UPPER, ROOT), now=NOW) is LEAF


def test_path_length_that_is_kept_is_no_fault():
    first = replace(LOWER, path_length=0)

    assert blamed(CODE.TLS_CERTIFICATE_INVALID, "chain-too-long", (LEAF, first), now=NOW) is LEAF


@pytest.mark.parametrize(
    ("code", "fault", "host", "also"),
    [
        pytest.param(CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER, {}, HOST, (), id="none"),
        pytest.param(
            CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER, {"not_after": PAST}, HOST, ("expired",), id="expired"
        ),
        pytest.param(
            CODE.TLS_CERTIFICATE_WRONG_HOST, {"not_after": PAST}, "other.test", ("expired",), id="own-word"
        ),
        pytest.param(
            CODE.TLS_CERTIFICATE_SELF_SIGNED,
            {"not_before": FUTURE},
            "other.test",
            ("not-yet-valid", "wrong-host"),
            id="two-more",
        ),
        pytest.param(CODE.TLS_CERTIFICATE_EXPIRED, {"not_after": LONG_AGO}, HOST, (), id="told-already"),
        pytest.param(
            CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            {"names": tuple(f"h{number}.test" for number in range(MAX_NAMES))},
            HOST,
            (),
            id="more-names-than-are-read",
        ),
    ],
)
def test_further_faults_of_the_servers_own_are_told_once(code, fault, host, also):
    assert further(code, replace(LEAF, **fault), host, now=NOW) == also


@given(st.sampled_from(sorted(UNTRUSTED)), st.datetimes(), st.datetimes(), st.text(max_size=20))
def test_further_faults_are_never_the_one_that_is_told(code, starts, ends, host):
    own = replace(LEAF, not_before=starts.replace(tzinfo=UTC), not_after=ends.replace(tzinfo=UTC))

    also = further(code, own, host, now=NOW)

    assert set(also) <= {"expired", "not-yet-valid", "wrong-host"}
    assert code.value.removeprefix("tls-certificate-") not in also
