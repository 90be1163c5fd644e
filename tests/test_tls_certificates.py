"""Certificates as they are: what is read of them, and what a server sends."""

from __future__ import annotations

import ssl
from contextlib import suppress
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.tls.certificates import MAX_CHARACTERS, MAX_NAMES, MAX_SERVED
from tests.servers.certificates import FAR_FUTURE, PAST, Authority, ServerCertificate, encrypted_to
from tests.servers.scripted import ScriptedServer, Silence


def served_by(
    certificate: ServerCertificate, kind: type[ssl.SSLSocket] = ssl.SSLSocket
) -> tuple[tls.Certificate, ...]:
    context = tls.inspection_context()
    context.sslsocket_class = kind
    with (
        ScriptedServer((Silence(),), tls_context=certificate.context()) as server,
        encrypted_to(server.host, server.port, context) as encrypted,
    ):
        return tls.served_chain(encrypted)


def certificate_with(*extensions: x509.ExtensionType, street: str = "odd") -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.STREET_ADDRESS, street)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 255, PAST, FAR_FUTURE)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)


def access_to(*places: x509.GeneralName, method=AuthorityInformationAccessOID.CA_ISSUERS):
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, place) for place in places])


def key_usage(*, may_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(True, False, False, False, False, may_sign, False, False, False)


def of_version_four(pem: str) -> str:
    der = ssl.PEM_cert_to_DER_cert(pem)
    return ssl.DER_cert_to_PEM_cert(der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020103"), 1))


class TestReading:
    def test_key_signature_and_place_of_the_issuer_are_told(self, authority):
        made = authority.issue(
            "told", rsa_bits=2048, organization="Shop", issuers_url="http://ca.test/issuer.cer"
        )

        certificate = tls.read_certificate(made.der)

        assert (certificate.key_type, certificate.key_bits) == ("RSA", 2048)
        assert certificate.signature_hash == "sha256"
        assert certificate.issuers_url == "http://ca.test/issuer.cer"
        assert (certificate.common_name, certificate.organization) == ("localhost", "Shop")
        assert certificate.issuer_common_name == "Throw-away test authority"
        assert not certificate.is_authority

    def test_what_it_may_do_is_told(self):
        certificate = tls.read_certificate(
            certificate_with(
                x509.BasicConstraints(ca=True, path_length=1),
                key_usage(may_sign=False),
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
                x509.NameConstraints([x509.DNSName("shop.test")], None),
            )
        )

        assert (certificate.is_authority, certificate.can_issue, certificate.path_length) == (True, False, 1)
        assert (certificate.is_for_servers, certificate.constrains_names) == (False, True)

    def test_what_is_not_limited_is_allowed(self):
        certificate = tls.read_certificate(certificate_with(x509.BasicConstraints(ca=True, path_length=None)))

        assert (certificate.can_issue, certificate.path_length) == (True, None)
        assert (certificate.is_for_servers, certificate.constrains_names) == (True, False)

    def test_address_written_as_a_host_name_is_told_unless_it_is_there_rightly(self):
        names = [x509.DNSName("192.0.2.1"), x509.DNSName("192.0.2.2"), x509.DNSName("mail.shop.test")]
        rightly = x509.IPAddress(ip_address("192.0.2.2"))

        certificate = tls.read_certificate(certificate_with(x509.SubjectAlternativeName([*names, rightly])))

        assert certificate.misplaced_addresses == ("192.0.2.1",)

    def test_authority_is_one(self, authority):
        root = tls.read_certificate(ssl.PEM_cert_to_DER_cert(authority.ca_file.read_text()))
        leaf = tls.read_certificate(authority.valid().der)

        assert (root.is_authority, root.is_self_signed, root.key_type) == (True, True, "EC")
        assert leaf.issued_by(root)
        assert not root.issued_by(leaf)

    def test_key_of_a_fixed_size_and_a_signature_without_a_hash_are_told(self):
        certificate = tls.read_certificate(certificate_with())

        assert (certificate.key_type, certificate.key_bits) == ("Ed25519", 256)
        assert (certificate.signature_hash, certificate.serial) == ("", "ff")

    @pytest.mark.parametrize(
        ("extension", "url"),
        [
            pytest.param(
                access_to(
                    x509.UniformResourceIdentifier("ldap:///CN=ca"),
                    x509.UniformResourceIdentifier("HTTP://ca.test/"),
                ),
                "HTTP://ca.test/",
                id="first-over-http",
            ),
            pytest.param(access_to(x509.UniformResourceIdentifier("ldap:///CN=ca")), "", id="directory-only"),
            pytest.param(access_to(x509.DNSName("ca.test")), "", id="no-address"),
            pytest.param(
                access_to(
                    x509.UniformResourceIdentifier("http://ocsp.test/"),
                    method=AuthorityInformationAccessOID.OCSP,
                ),
                "",
                id="for-something-else",
            ),
            pytest.param(
                x509.UnrecognizedExtension(ExtensionOID.AUTHORITY_INFORMATION_ACCESS, b"\x30\x05"),
                "",
                id="unreadable",
            ),
        ],
    )
    def test_only_an_address_over_http_leads_to_the_issuer(self, extension, url):
        assert tls.read_certificate(certificate_with(extension)).issuers_url == url

    def test_texts_and_their_number_are_bounded(self):
        names = [x509.DNSName(f"{number}.{'x' * 400}.test") for number in range(MAX_NAMES + 20)]
        der = certificate_with(x509.SubjectAlternativeName(names), street="y" * 5000)

        certificate = tls.read_certificate(der)

        assert len(certificate.names) == MAX_NAMES
        assert {len(name) for name in certificate.names} == {MAX_CHARACTERS}
        assert len(certificate.subject) == len(certificate.issuer) == MAX_CHARACTERS

    @given(place=st.integers(0, 2000), value=st.integers(0, 255))
    def test_no_byte_makes_reading_end_otherwise(self, authority, place, value):
        der = bytearray(authority.issue("spoilt", issuers_url="http://ca.test/").der)
        der[place % len(der)] = value

        with suppress(FluenzrError):
            assert tls.read_certificate(bytes(der)).key_bits >= 0


class TestServedChain:
    def test_certificates_come_as_they_were_sent(self, authority):
        middle = authority.intermediate("served-middle")
        made = middle.issue("served").with_chain(authority.ca_file, middle.ca_file)

        chain = served_by(made)

        assert [each.common_name for each in chain] == [
            "localhost",
            "Throw-away test authority",
            "Throw-away test issuer",
        ]
        assert str(chain[0].fingerprint.sha256) == made.sha256

    def test_only_the_first_ones_are_looked_at(self, authority):
        made = authority.issue("long").with_chain(*[authority.ca_file] * 60)

        assert len(served_by(made)) == MAX_SERVED

    def test_one_that_cannot_be_read_is_left_out(self, authority, tmp_path):
        middle = authority.intermediate("beside-middle")
        (tmp_path / "odd.pem").write_text(of_version_four(middle.ca_file.read_text()))
        made = middle.issue("beside").with_chain(tmp_path / "odd.pem", middle.ca_file)

        chain = served_by(made)

        assert [each.common_name for each in chain] == ["localhost", "Throw-away test issuer"]

    def test_none_is_told_where_the_servers_own_cannot_be_read(self, tmp_path):
        authority = Authority.create(tmp_path)
        made = authority.issue("unreadable").with_chain(authority.ca_file)
        assert made.served is not None
        first, _, others = made.served.read_text().partition("-----END CERTIFICATE-----\n")
        made.served.write_text(of_version_four(f"{first}-----END CERTIFICATE-----\n") + others)

        assert served_by(made) == ()

    def test_chain_as_later_versions_of_python_give_it_is_read_alike(self, authority):
        made = authority.issue("later").with_chain(authority.ca_file)
        root = ssl.PEM_cert_to_DER_cert(authority.ca_file.read_text())

        class Later(ssl.SSLSocket):
            def get_unverified_chain(self) -> list[bytes]:
                return [made.der, root]

        assert served_by(made, Later) == served_by(made)

    def test_own_certificate_is_told_where_python_knows_no_chain(self, authority):
        der = authority.issue("alone").der

        class WithoutChain:
            def getpeercert(self, *, binary_form: bool) -> bytes | None:
                return der if binary_form else None

        assert [each.common_name for each in tls.served_chain(WithoutChain())] == ["localhost"]
