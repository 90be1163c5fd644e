"""A throw-away certificate authority and the server certificates, good and bad, that it signs.

The dates are fixed, far from any day on which the tests run, so that nothing here asks for the time.
"""

from __future__ import annotations

import hashlib
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2090, 1, 1, tzinfo=UTC)
FAR_FUTURE = datetime(2099, 1, 1, tzinfo=UTC)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1", "mail.shop.test", "smtp.shop.test", "imap.shop.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """A certificate and its private key, each in a PEM file."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        """The certificate as it travels in the handshake."""
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text("ascii"))

    @property
    def sha256(self) -> str:
        """The fingerprint: 64 lower-case hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    def context(self) -> ssl.SSLContext:
        """Return a server's context with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
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
    _root: x509.Certificate
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, folder: Path, *, name: str = "Throw-away test authority") -> Authority:
        """Make an authority whose files live in ``folder``, which exists."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(
            subject=name,
            issuer=name,
            key=key,
            issuer_key=key,
            starts=PAST,
            ends=FAR_FUTURE,
            is_authority=True,
        )
        root = builder.sign(key, hashes.SHA256())
        ca_file = folder / "authority.pem"
        ca_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        return cls(folder, ca_file, root, key)

    def client_context(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def issue(
        self,
        label: str,
        *,
        names: Sequence[str] = LOOPBACK_NAMES,
        common_name: str = "localhost",
        starts: datetime = PAST,
        ends: datetime = FAR_FUTURE,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> ServerCertificate:
        """Sign a certificate for host names and IP addresses; ``label`` names its files."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(
            subject=common_name,
            issuer=self._root.subject.rfc4514_string().removeprefix("CN="),
            key=key,
            issuer_key=self._key,
            starts=starts,
            ends=ends,
            is_authority=False,
        )
        builder = _with_names(builder, names).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
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


def self_signed(folder: Path, label: str = "bridge") -> ServerCertificate:
    """Make a certificate as Proton Bridge has it: signed by itself, an authority too, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(
        subject="127.0.0.1",
        issuer="127.0.0.1",
        key=key,
        issuer_key=key,
        starts=PAST,
        ends=FAR_FUTURE,
        is_authority=True,
    )
    builder = _with_names(builder, ("127.0.0.1",))
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return _store(folder, label, builder.sign(key, hashes.SHA256()), key)


def _builder(
    *,
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    starts: datetime,
    ends: datetime,
    is_authority: bool,
) -> x509.CertificateBuilder:
    # Every extension that VERIFY_X509_STRICT asks for: the default of Python 3.13.
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder(_named(issuer), _named(subject), key.public_key())
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


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _with_names(builder: x509.CertificateBuilder, names: Sequence[str]) -> x509.CertificateBuilder:
    if not names:
        return builder
    return builder.add_extension(
        x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        address: IPv4Address | IPv6Address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(address)


def _store(
    folder: Path, label: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> ServerCertificate:
    stored = ServerCertificate(certificate=folder / f"{label}.pem", key=folder / f"{label}.key")
    stored.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    stored.key.touch(mode=0o600)
    stored.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return stored
