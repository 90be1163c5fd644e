"""A certificate for another host: which of its names would do, and how they differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import tls
from fluenzr_smtp.model import Fingerprint
from fluenzr_smtp.tls.names import MAX_SUGGESTED, covers
from tests.servers.certificates import FAR_FUTURE, PAST


def certificate_for(*names: str) -> tls.Certificate:
    return tls.Certificate(
        subject="CN=any",
        issuer="CN=any issuer",
        names=names,
        not_before=PAST,
        not_after=FAR_FUTURE,
        fingerprint=Fingerprint("0" * 64),
    )


@pytest.mark.parametrize(
    ("names", "host", "usable", "difference"),
    [
        pytest.param(
            ("mail.provider.test",),
            "mail.customer.example",
            ("mail.provider.test",),
            "other-domain",
            id="customers-name-for-the-providers-host",
        ),
        pytest.param(
            ("imap.provider.test", "smtp.provider.test"),
            "smtp.customer.example",
            ("smtp.provider.test", "imap.provider.test"),
            "other-domain",
            id="same-service-first",
        ),
        pytest.param(
            ("provider.test", "www.customer.example", "mail.customer.example"),
            "smtp.customer.example",
            ("www.customer.example", "mail.customer.example", "provider.test"),
            "same-domain",
            id="same-domain-first",
        ),
        pytest.param(
            ("*.provider.test",),
            "mail.customer.example",
            ("mail.provider.test",),
            "other-domain",
            id="wildcard-takes-the-first-label",
        ),
        pytest.param(("*.provider.test",), "192.0.2.1", (), "host-is-an-address", id="wildcard-and-address"),
        pytest.param(
            ("mail.provider.test",),
            "192.0.2.1",
            ("mail.provider.test",),
            "host-is-an-address",
            id="address-given",
        ),
        pytest.param(
            ("192.0.2.2", "mail.provider.test"),
            "192.0.2.1",
            ("192.0.2.2", "mail.provider.test"),
            "other-address",
            id="other-address",
        ),
        pytest.param(
            ("127.0.0.1",), "localhost", ("127.0.0.1",), "other-domain", id="address-instead-of-a-name"
        ),
        pytest.param(
            ("*.provider.test",),
            "smtp.eu.provider.test",
            ("smtp.provider.test",),
            "one-label-only",
            id="wildcard-and-two-labels",
        ),
        pytest.param(("*.provider.test",), "provider.test", (), "one-label-only", id="wildcard-and-no-label"),
        pytest.param(("*.provider.test",), "customer", (), "other-domain", id="no-label-to-spare"),
        pytest.param(("*.test", "*", "m*.provider.test"), "a.b.c", (), "other-domain", id="odd-wildcards"),
        pytest.param((), "mail.provider.test", (), "no-names", id="none"),
        pytest.param(
            ("evil .test", "\x1b[2Jmail.test", "-a.test", "b..test", "mail.test\n"),
            "mail.customer.example",
            (),
            "other-domain",
            id="no-host-names",
        ),
        pytest.param(
            ("MAIL.provider.test.", "mail.provider.test"),
            "mail.customer.example",
            ("mail.provider.test",),
            "other-domain",
            id="once-in-small-letters",
        ),
    ],
)
def test_names_that_would_do_come_with_the_difference(names, host, usable, difference):
    certificate = certificate_for(*names)

    assert tls.matching_names(certificate, host) == usable
    assert tls.mismatch(certificate, host) == difference


@given(
    names=st.lists(
        st.text(max_size=40) | st.from_regex(r"(\*|[a-z]{1,3})(\.[a-z]{1,3}){1,3}", fullmatch=True)
    ),
    host=st.text(max_size=40) | st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,3}", fullmatch=True),
)
def test_suggestions_are_few_plain_and_other_than_the_host(names, host):
    usable = tls.matching_names(certificate_for(*names), host)

    assert len(usable) == len(set(usable)) <= MAX_SUGGESTED
    assert host not in usable
    assert all(name.isascii() and name.isprintable() and not set(name) & set("* /\\[]") for name in usable)


def test_address_written_as_a_host_name_is_neither_offered_nor_accepted():
    certificate = replace(certificate_for("192.0.2.1"), misplaced_addresses=("192.0.2.1",))

    assert tls.matching_names(certificate, "mail.customer.example") == ()
    assert tls.mismatch(certificate, "192.0.2.1") == "address-as-name"
    assert not covers(certificate, "192.0.2.1")


@pytest.mark.parametrize(
    ("name", "host", "is_covered"),
    [
        pytest.param("MAIL.shop.test", "mail.shop.test.", True, id="letters-and-dot"),
        pytest.param("*.shop.test", "mail.shop.test", True, id="wildcard"),
        pytest.param("*.shop.test", "a.mail.shop.test", False, id="wildcard-and-two-labels"),
        pytest.param("*.shop.test", "shop.test", False, id="wildcard-and-no-label"),
        pytest.param("*.test", "shop.test", False, id="wildcard-of-a-whole-top-level"),
        pytest.param("m*.shop.test", "mail.shop.test", False, id="part-of-a-label"),
        pytest.param("::1", "0:0::1", True, id="address"),
        pytest.param("*.0.2.1", "192.0.2.1", False, id="wildcard-and-address"),
    ],
)
def test_host_is_covered_as_openssl_sees_it(name, host, is_covered):
    assert covers(certificate_for(name), host) is is_covered
