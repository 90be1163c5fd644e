"""An incomplete chain is told from an unknown issuer, by what was served and what is trusted."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Fingerprint, Security
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.tls.chain import Roots, trusted_roots, verdict_with
from tests.servers.certificates import (
    FAR_FUTURE,
    PAST,
    Authority,
    ServerCertificate,
    encrypted_to,
    self_signed,
)
from tests.servers.scripted import ScriptedServer, Silence

CODE = ProblemCode
UNKNOWN = CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER
INCOMPLETE = CODE.TLS_CERTIFICATE_CHAIN_INCOMPLETE
ISSUERS_URL = "http://ca.test/issuer.cer"

Make = Callable[[Authority, Path], ServerCertificate]


def certificate(subject: str, issuer: str, **more: object) -> tls.Certificate:
    """Return one by its common names alone."""
    made = tls.Certificate(
        subject=f"CN={subject}",
        issuer=f"CN={issuer}",
        names=(),
        not_before=PAST,
        not_after=FAR_FUTURE,
        fingerprint=Fingerprint.of(f"{subject}/{issuer}/{more}".encode()),
        common_name=subject,
        issuer_common_name=issuer,
    )
    return replace(made, **more)


LEAF = certificate("mail.shop.test", "Corner Shop Two")
ROOT = certificate("Corner Shop One", "Corner Shop One", is_authority=True)
NAMESAKE = certificate("Corner Shop Two", "Corner Shop Two", is_authority=True)


def stranger(folder: Path, *, name: str = "Somebody Else", organization: str = "") -> Authority:
    (folder / "stranger").mkdir()
    return Authority.create(folder / "stranger", name=name, organization=organization)


def judged(made: ServerCertificate, trusted: Authority, *, by_endpoint: bool) -> ProblemCode:
    """Return the verdict on a real server, from the failed handshake on."""
    with ScriptedServer((Silence(),), tls_context=made.context()) as server:
        endpoint = Endpoint(
            host=server.host,
            port=server.port,
            security=Security.IMPLICIT_TLS,
            authority=trusted.ca_file.read_text() if by_endpoint else None,
        )
        code = refusal(endpoint)
        with encrypted_to(server.host, server.port, tls.inspection_context()) as encrypted:
            chain = tls.served_chain(encrypted)
    return tls.verdict(code, chain, endpoint)


def refusal(endpoint: Endpoint) -> ProblemCode:
    with (
        pytest.raises(ssl.SSLCertVerificationError) as caught,
        encrypted_to(endpoint.host, endpoint.port, tls.context_for(endpoint)),
    ):
        pytest.fail("it is trusted")
    return tls.handshake_failure(caught.value, endpoint, implicit=True).problem.code


class TestServers:
    @pytest.mark.parametrize("by_endpoint", [True, False], ids=["given", "by-environment"])
    @pytest.mark.parametrize(
        ("make", "code"),
        [
            pytest.param(
                lambda ca, _: ca.intermediate("i1").issue("l1"),
                INCOMPLETE,
                id="left-out-of-a-root-of-ones-own",
            ),
            pytest.param(
                lambda ca, _: ca.intermediate("i2", name="Issuing CA 2").issue("l2"),
                INCOMPLETE,
                id="calls-itself-intermediate",
            ),
            pytest.param(
                lambda ca, _: ca.intermediate("i3", name="X3").issue("l3", issuers_url=ISSUERS_URL),
                INCOMPLETE,
                id="tells-where-its-issuer-is",
            ),
            pytest.param(
                lambda ca, _: ca.intermediate("i4", name="X4").issue("l4").with_chain(ca.ca_file),
                INCOMPLETE,
                id="root-sent-but-not-what-is-between",
            ),
            pytest.param(
                lambda _, folder: (
                    stranger(folder).intermediate("i5", name="X5", issuers_url=ISSUERS_URL).issue("l5")
                ),
                UNKNOWN,
                id="nothing-known-of-it",
            ),
            pytest.param(lambda _, folder: stranger(folder).issue("l6"), UNKNOWN, id="stranger"),
            pytest.param(
                lambda _, folder: stranger(folder, name="Throw-away root").issue(
                    "l7", issuers_url=ISSUERS_URL
                ),
                UNKNOWN,
                id="below-a-root",
            ),
            pytest.param(
                lambda ca, folder: (other := stranger(folder)).issue("l8").with_chain(other.ca_file),
                UNKNOWN,
                id="complete-up-to-a-strange-root",
            ),
            pytest.param(
                lambda _, folder: stranger(folder, name="Throw-away test authority").issue("l9"),
                UNKNOWN,
                id="namesake",
            ),
            pytest.param(
                lambda _, folder: self_signed(folder), CODE.TLS_CERTIFICATE_SELF_SIGNED, id="self-signed"
            ),
        ],
    )
    def test_missing_link_and_strange_root_are_told_apart(
        self, authority, tmp_path, monkeypatch, make: Make, code, by_endpoint
    ):
        if not by_endpoint:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
            monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

        assert judged(make(authority, tmp_path), authority, by_endpoint=by_endpoint) is code


class TestVerdict:
    @pytest.mark.parametrize(
        ("end", "others", "roots", "code"),
        [
            pytest.param(LEAF, (), Roots(), UNKNOWN, id="no-sign"),
            pytest.param(
                LEAF, (), Roots(certificates=(ROOT,), own=(ROOT,)), INCOMPLETE, id="like-ones-own-root"
            ),
            pytest.param(LEAF, (), Roots(certificates=(ROOT,)), UNKNOWN, id="like-one-of-many-roots"),
            pytest.param(
                replace(LEAF, issuer_organization="Shop Inc"),
                (),
                Roots(certificates=(replace(ROOT, organization="SHOP INC"),)),
                INCOMPLETE,
                id="same-organisation",
            ),
            pytest.param(
                LEAF,
                (),
                Roots(certificates=(NAMESAKE,), own=(NAMESAKE,)),
                UNKNOWN,
                id="namesake",
            ),
            pytest.param(replace(LEAF, issuers_url=ISSUERS_URL), (), Roots(), INCOMPLETE, id="address"),
            pytest.param(
                certificate("mail", "Shop Root CA", issuers_url=ISSUERS_URL), (), Roots(), UNKNOWN, id="root"
            ),
            pytest.param(certificate("mail", "Shop Sub CA"), (), Roots(), INCOMPLETE, id="intermediate"),
            pytest.param(LEAF, (ROOT,), Roots(), INCOMPLETE, id="stray-authority"),
            pytest.param(LEAF, (certificate("a", "b"),), Roots(), UNKNOWN, id="stray-certificate"),
            pytest.param(
                certificate("mail", "Test Server CA"),
                (),
                Roots(own=(certificate("Test CA", "Test CA"),)),
                UNKNOWN,
                id="common-words-only",
            ),
        ],
    )
    def test_signs_are_weighed_in_their_order(self, end, others, roots, code):
        assert verdict_with((end, *others), roots) is code

    @pytest.mark.parametrize("code", [each for each in CODE if each is not UNKNOWN])
    def test_other_problem_stays_what_it_is(self, code):
        endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS)

        assert tls.verdict(code, (certificate("mail", "Shop Sub CA"),), endpoint) is code

    def test_without_a_look_nothing_is_decided(self):
        endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS)

        assert tls.verdict(UNKNOWN, (), endpoint) is UNKNOWN

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=10))
    def test_every_chain_has_a_verdict_and_a_way_without_loops(self, pairs):
        chain = tuple(certificate(str(subject), str(issuer)) for subject, issuer in pairs)

        path = tls.path_of(chain)

        assert path[0] == chain[0]
        assert len(set(path)) == len(path)
        assert verdict_with(chain, Roots()) in {UNKNOWN, INCOMPLETE, CODE.TLS_CERTIFICATE_SELF_SIGNED}


class TestRoots:
    def test_folder_is_read_as_openssl_does(self, authority, tmp_path, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        (tmp_path / "0a1b2c3d.0").write_bytes(authority.ca_file.read_bytes())
        (tmp_path / "other.pem").write_bytes(authority.issue("not-read").certificate.read_bytes())

        roots = trusted_roots(Endpoint(host="h", port=1, security=Security.STARTTLS))

        assert [each.common_name for each in roots.certificates] == ["Throw-away test authority"]
        assert roots.own == roots.certificates

    def test_large_collection_is_nobodys_own(self, authority, tmp_path, monkeypatch):
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(authority.ca_file.read_bytes() * 11)
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

        roots = trusted_roots(Endpoint(host="h", port=1, security=Security.STARTTLS))

        assert (len(roots.certificates), roots.own) == (11, ())

    def test_each_place_is_limited_on_its_own(self, authority, tmp_path, monkeypatch):
        (tmp_path / "0a1b2c3d.0").write_bytes(authority.ca_file.read_bytes() * 11)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

        roots = trusted_roots(Endpoint(host="h", port=1, security=Security.STARTTLS))

        assert (len(roots.certificates), len(roots.own)) == (12, 1)

    def test_systems_folder_is_nobodys_own_by_whatever_path(self, authority, tmp_path, monkeypatch):
        usual = tmp_path / "usual"
        usual.mkdir()
        (usual / "0a1b2c3d.0").write_bytes(authority.ca_file.read_bytes())
        (tmp_path / "link").symlink_to(usual)
        found = ssl.get_default_verify_paths()._replace(
            cafile=None, capath=str(usual), openssl_capath=str(tmp_path / "link")
        )
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: found)

        roots = trusted_roots(Endpoint(host="h", port=1, security=Security.STARTTLS))

        assert (len(roots.certificates), roots.own) == (1, ())

    def test_systems_collection_is_nobodys_own(self):
        assert trusted_roots(Endpoint(host="h", port=1, security=Security.STARTTLS)).own == ()

    def test_what_cannot_be_read_is_left_out(self, authority):
        broken = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"
        endpoint = Endpoint(
            host="h",
            port=1,
            security=Security.STARTTLS,
            authority=broken + broken.replace("A", "AAAA") + authority.ca_file.read_text(),
        )

        assert [each.common_name for each in trusted_roots(endpoint).certificates] == [
            "Throw-away test authority"
        ]

    def test_authority_that_is_none_is_still_refused_by_the_context(self):
        endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS, authority="none")

        with pytest.raises(FluenzrError):
            tls.context_for(endpoint)

        assert trusted_roots(endpoint).certificates == ()
