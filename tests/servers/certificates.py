"""A throw-away certificate authority and the server certificates, good and bad, that it signs.

The dates are fixed, far from any day on which the tests run, so that nothing here asks for the time.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
    ObjectIdentifier,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2090, 1, 1, tzinfo=UTC)
FAR_FUTURE = datetime(2099, 1, 1, tzinfo=UTC)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# PKCS #1 in DER (RFC 8017 appendix A.2.4): sha256WithRSAEncryption and sha1WithRSAEncryption.
_RSA_SHA256 = bytes.fromhex("06092a864886f70d01010b")
_RSA_SHA1 = bytes.fromhex("06092a864886f70d010105")

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1", "mail.shop.test", "smtp.shop.test", "imap.shop.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """A certificate and its private key, each in a PEM file.

    ``served`` is the file of what the server sends, where that is more than the certificate.
    """

    certificate: Path
    key: Path
    served: Path | None = None

    @property
    def der(self) -> bytes:
        """The certificate as it travels in the handshake."""
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text("ascii"))

    @property
    def sha256(self) -> str:
        """The fingerprint: 64 lower-case hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    def with_chain(self, *others: Path) -> ServerCertificate:
        """Return the same with the certificates of other files sent after it, in this order."""
        served = self.certificate.with_suffix(".served.pem")
        served.write_bytes(b"".join(file.read_bytes() for file in (self.certificate, *others)))
        return replace(self, served=served)

    def context(self) -> ssl.SSLContext:
        """Return a server's context with this certificate, however weak its key is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(self.served or self.certificate, self.key)
        return context

    def outdated_context(self) -> ssl.SSLContext:
        """Return the context of a server that speaks TLS 1.1 and nothing newer."""
        context = self.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority. ``ca_file`` is its certificate; the key never leaves the process."""

    folder: Path
    ca_file: Path
    _certificate: x509.Certificate
    _key: Key

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        name: str = "Throw-away test authority",
        organization: str = "",
        starts: datetime = PAST,
        ends: datetime = FAR_FUTURE,
        rsa_bits: int | None = None,
    ) -> Authority:
        """Make an authority whose files live in ``folder``, which exists; its key is elliptic or RSA."""
        key = _new_key(rsa_bits)
        own_name = _named(name, organization)
        builder = _builder(
            subject=own_name,
            issuer=own_name,
            key=key,
            issuer_key=key,
            starts=starts,
            ends=ends,
            is_authority=True,
        )
        root = builder.sign(key, hashes.SHA256())
        return cls(folder, _written(folder / "authority.pem", root), root, key)

    def client_context(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def intermediate(
        self,
        label: str,
        *,
        name: str = "Throw-away test issuer",
        organization: str = "",
        starts: datetime = PAST,
        ends: datetime = FAR_FUTURE,
        issuers_url: str = "",
    ) -> Authority:
        """Sign an authority below this one; ``label`` names its file."""
        key = _new_key(None)
        builder = _builder(
            subject=_named(name, organization),
            issuer=self._certificate.subject,
            key=key,
            issuer_key=self._key,
            starts=starts,
            ends=ends,
            is_authority=True,
        )
        signed = _with_access(builder, issuers_url).sign(self._key, hashes.SHA256())
        return Authority(self.folder, _written(self.folder / f"{label}.pem", signed), signed, key)

    def issue(
        self,
        label: str,
        *,
        names: Sequence[str] = LOOPBACK_NAMES,
        common_name: str = "localhost",
        organization: str = "",
        starts: datetime = PAST,
        ends: datetime = FAR_FUTURE,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        issuers_url: str = "",
        rsa_bits: int | None = None,
    ) -> ServerCertificate:
        """Sign a certificate for host names and IP addresses; ``label`` names its files.

        ``issuers_url`` is where it says that its issuer's certificate can be had (RFC 5280 §4.2.2.1).
        """
        key = _new_key(rsa_bits)
        builder = _builder(
            subject=_named(common_name, organization),
            issuer=self._certificate.subject,
            key=key,
            issuer_key=self._key,
            starts=starts,
            ends=ends,
            is_authority=False,
        )
        builder = _with_access(_with_names(builder, names), issuers_url)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return _store(self.folder, label, builder.sign(self._key, hashes.SHA256()), key)

    def valid(self) -> ServerCertificate:
        """Sign one that holds for every name of loopback."""
        return self.issue("valid")

    def expired(self) -> ServerCertificate:
        """Sign one whose time is over."""
        return self.issue("expired", starts=LONG_AGO, ends=PAST)

    def not_yet_valid(self) -> ServerCertificate:
        """Sign one whose time has not come."""
        return self.issue("not-yet-valid", starts=FUTURE, ends=FAR_FUTURE)

    def other_host(self) -> ServerCertificate:
        """Sign one that names another host."""
        return self.issue("other-host", names=("mail.elsewhere.test",), common_name="mail.elsewhere.test")

    def common_name_only(self) -> ServerCertificate:
        """Sign one that names the host in the subject alone, which RFC 9525 §2 no longer allows."""
        return self.issue("common-name-only", names=())

    def for_clients_only(self) -> ServerCertificate:
        """Sign one whose purpose is not that of a server."""
        return self.issue("for-clients-only", usage=ExtendedKeyUsageOID.CLIENT_AUTH)

    def with_small_key(self) -> ServerCertificate:
        """Sign one whose RSA key has 1024 bits, too few since 2013 (NIST SP 800-131A)."""
        return self.issue("small-key", rsa_bits=1024)

    def with_weak_signature(self) -> ServerCertificate:
        """Sign one with SHA-1, which cryptography no longer does. The authority's key must be RSA."""
        assert isinstance(self._key, rsa.RSAPrivateKey)
        strong = self.issue("weak-signature")
        der = x509.load_der_x509_certificate(strong.der)
        signed_part = der.tbs_certificate_bytes.replace(_RSA_SHA256, _RSA_SHA1)
        signature = self._key.sign(signed_part, padding.PKCS1v15(), hashes.SHA1())
        weak = strong.der.replace(_RSA_SHA256, _RSA_SHA1)[: -len(signature)] + signature
        strong.certificate.write_text(ssl.DER_cert_to_PEM_cert(weak), "ascii")
        return strong


@contextmanager
def encrypted_to(
    host: str, port: int, context: ssl.SSLContext, *, seconds: float = 5.0
) -> Iterator[ssl.SSLSocket]:
    """Connect as a client and do the handshake; the error of either is raised as it is."""
    with (
        socket.create_connection((host, port), timeout=seconds) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        yield encrypted


def self_signed(
    folder: Path, label: str = "bridge", *, starts: datetime = PAST, ends: datetime = FAR_FUTURE
) -> ServerCertificate:
    """Make a certificate as Proton Bridge has it: signed by itself, an authority too, for 127.0.0.1."""
    key = _new_key(None)
    builder = _builder(
        subject=_named("127.0.0.1"),
        issuer=_named("127.0.0.1"),
        key=key,
        issuer_key=key,
        starts=starts,
        ends=ends,
        is_authority=True,
    )
    builder = _with_names(builder, ("127.0.0.1",))
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return _store(folder, label, builder.sign(key, hashes.SHA256()), key)


def _builder(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    issuer_key: Key,
    starts: datetime,
    ends: datetime,
    is_authority: bool,
) -> x509.CertificateBuilder:
    # Every extension that VERIFY_X509_STRICT asks for: the default of Python 3.13.
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
        .add_extension(_key_usage(is_authority=is_authority), critical=True)
    )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key(rsa_bits: int | None) -> Key:
    if rsa_bits is None:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, rsa_bits)


def _named(common_name: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _with_names(builder: x509.CertificateBuilder, names: Sequence[str]) -> x509.CertificateBuilder:
    if not names:
        return builder
    return builder.add_extension(
        x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False
    )


def _with_access(builder: x509.CertificateBuilder, issuers_url: str) -> x509.CertificateBuilder:
    if not issuers_url:
        return builder
    place = x509.UniformResourceIdentifier(issuers_url)
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
    return builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)


def _general_name(name: str) -> x509.GeneralName:
    try:
        address: IPv4Address | IPv6Address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(address)


def _written(file: Path, certificate: x509.Certificate) -> Path:
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return file


def _store(folder: Path, label: str, certificate: x509.Certificate, key: Key) -> ServerCertificate:
    stored = ServerCertificate(
        certificate=_written(folder / f"{label}.pem", certificate), key=folder / f"{label}.key"
    )
    stored.key.touch(mode=0o600)
    stored.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return stored
