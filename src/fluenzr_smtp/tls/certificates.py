"""Certificates as they are: read, never verified. All text in them is a stranger's; it is cut to a bound."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
    ObjectIdentifier,
)

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Fingerprint
from fluenzr_smtp.problems import ProblemCode, Stage

MAX_SERVED = 10  # certificates that are looked at; a chain in use has two or three
MAX_NAMES = 100  # as many as the public authorities put into one
MAX_CHARACTERS = 300  # of one text; a host name has 253 at most (RFC 1035 §2.3.4)

# All that cryptography raises on a certificate that it cannot read; there is no class above them.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.AttributeNotFound,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_KEY_TYPES: tuple[tuple[type, str], ...] = (
    (rsa.RSAPublicKey, "RSA"),
    (ec.EllipticCurvePublicKey, "EC"),
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
    (dsa.DSAPublicKey, "DSA"),
)
_KEY_BITS = {"Ed25519": 256, "Ed448": 456}  # RFC 8032 §5.1 and §5.2; their classes do not tell

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says of itself; nothing of it is verified. Times are aware UTC.

    ``issuers_url`` is where the issuer's certificate can be had over HTTP (RFC 5280 §4.2.2.1); ``serial`` is
    hexadecimal, ``signature_hash`` as in ``sha256``. What is missing or cannot be read is empty or 0.
    ``can_issue``, ``path_length`` (None: any), ``is_for_servers`` and ``constrains_names`` are what RFC 5280
    §4.2.1 lets it do; ``misplaced_addresses`` are those of ``names`` that are IP addresses written as host
    names, for which no client accepts it (RFC 9525 §6.5). The key identifiers are hexadecimal.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: Fingerprint
    serial: str = ""
    common_name: str = ""
    organization: str = ""
    issuer_common_name: str = ""
    issuer_organization: str = ""
    key_type: str = ""
    key_bits: int = 0
    signature_hash: str = ""
    is_authority: bool = False
    issuers_url: str = ""
    can_issue: bool = False
    path_length: int | None = None
    is_for_servers: bool = True
    constrains_names: bool = False
    misplaced_addresses: tuple[str, ...] = ()
    key_id: str = ""
    issuer_key_id: str = ""

    @property
    def is_self_signed(self) -> bool:
        """Say whether subject and issuer are the same."""
        return self.subject == self.issuer

    def issued_by(self, other: Certificate) -> bool:
        """Say whether it names the other as its issuer; no signature is looked at."""
        return self.issuer == other.subject


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER form; names of a kind that is not known are left out.

    Raises:
        FluenzrError: ``tls-certificate-invalid`` if it cannot be parsed.
    """
    with _read(failure(ProblemCode.TLS_CERTIFICATE_INVALID, Stage.TLS, reason="not-parseable")):
        parsed = x509.load_der_x509_certificate(der)
        key_type, key_bits = _key(parsed)
        return Certificate(
            subject=_cut(parsed.subject.rfc4514_string()),
            issuer=_cut(parsed.issuer.rfc4514_string()),
            names=_names(parsed),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            fingerprint=Fingerprint.of(der),
            serial=_cut(f"{parsed.serial_number:x}"),
            common_name=_attribute(parsed.subject, NameOID.COMMON_NAME),
            organization=_attribute(parsed.subject, NameOID.ORGANIZATION_NAME),
            issuer_common_name=_attribute(parsed.issuer, NameOID.COMMON_NAME),
            issuer_organization=_attribute(parsed.issuer, NameOID.ORGANIZATION_NAME),
            key_type=key_type,
            key_bits=key_bits,
            signature_hash=_signature_hash(parsed),
            is_authority=_is_authority(parsed),
            issuers_url=_issuers_url(parsed),
            can_issue=_can_issue(parsed),
            path_length=_path_length(parsed),
            is_for_servers=_is_for_servers(parsed),
            constrains_names=_extension(parsed, x509.NameConstraints) is not None,
            misplaced_addresses=_misplaced_addresses(parsed),
            key_id=_key_id(parsed),
            issuer_key_id=_issuer_key_id(parsed),
        )


@contextmanager
def _read(problem: FluenzrError) -> Iterator[None]:
    """Read a certificate with cryptography: raise ``problem`` where it cannot, and keep its warnings in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it will not read one day; a person cannot mend a server's
        try:
            yield
        except _UNREADABLE as error:
            raise problem from error


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def _attribute(name: x509.Name, kind: ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(kind)
    return _cut(str(found[0].value)) if found else ""


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    found = _extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()
    addresses = (str(each) for each in found.get_values_for_type(x509.IPAddress))
    return tuple(_cut(each) for each in (*found.get_values_for_type(x509.DNSName), *addresses)[:MAX_NAMES])


def _is_authority(certificate: x509.Certificate) -> bool:
    found = _extension(certificate, x509.BasicConstraints)
    return found is not None and found.ca


def _can_issue(certificate: x509.Certificate) -> bool:
    usage = _extension(certificate, x509.KeyUsage)
    return _is_authority(certificate) and (usage is None or usage.key_cert_sign)


def _path_length(certificate: x509.Certificate) -> int | None:
    found = _extension(certificate, x509.BasicConstraints)
    return found.path_length if found is not None else None


def _is_for_servers(certificate: x509.Certificate) -> bool:
    found = _extension(certificate, x509.ExtendedKeyUsage)
    return found is None or ExtendedKeyUsageOID.SERVER_AUTH in found


def _key_id(certificate: x509.Certificate) -> str:
    found = _extension(certificate, x509.SubjectKeyIdentifier)
    return _cut(found.digest.hex()) if found is not None else ""


def _issuer_key_id(certificate: x509.Certificate) -> str:
    found = _extension(certificate, x509.AuthorityKeyIdentifier)
    return _cut((found.key_identifier or b"").hex()) if found is not None else ""


def _misplaced_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    found = _extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()
    rightly = {str(each) for each in found.get_values_for_type(x509.IPAddress)}
    written = (each for each in found.get_values_for_type(x509.DNSName) if is_address(each))
    return tuple(each for each in written if each not in rightly)[:MAX_NAMES]


def is_address(name: str) -> bool:
    """Say whether a name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _issuers_url(certificate: x509.Certificate) -> str:
    """Return the first HTTP address; LDAP ones lead into a directory of one's own house."""
    for access in _extension(certificate, x509.AuthorityInformationAccess) or ():
        place = access.access_location
        is_wanted = access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        if (
            is_wanted
            and isinstance(place, x509.UniformResourceIdentifier)
            and place.value.lower().startswith(("http://", "https://"))
        ):
            return _cut(place.value)
    return ""


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    try:
        key = certificate.public_key()
    except _UNREADABLE:
        return "", 0
    name = next((name for kind, name in _KEY_TYPES if isinstance(key, kind)), "")
    return name, _KEY_BITS.get(name) or int(getattr(key, "key_size", 0))


def _signature_hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except _UNREADABLE:
        return ""
    return algorithm.name if algorithm else ""


# -- what a server sends ----------------------------------------------------------------------------------


def served_chain(connection: ssl.SSLSocket) -> tuple[Certificate, ...]:
    """Return the certificates as the server sent them, its own first; nothing of them is verified.

    Only the first ``MAX_SERVED`` are looked at, and those that cannot be read are left out; if that is the
    server's own, none is returned.
    """
    own, *others = _served(connection)[:MAX_SERVED] or [b""]
    chain: list[Certificate] = []
    with suppress(FluenzrError):
        chain.append(read_certificate(own))
    for der in others if chain else ():
        with suppress(FluenzrError):
            chain.append(read_certificate(der))
    return tuple(chain)


def relied_on(connection: ssl.SSLSocket, chain: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """Return those of the served chain, not empty, on which the trust in an established connection rests.

    A root that was sent along does not count, nor what stands beside the way to a trusted one: some servers
    send an old cross-signed certificate as well. Where nothing was verified, it is the server's own alone.
    """
    if connection.context.verify_mode is ssl.CERT_NONE:
        return chain[:1]
    verified = {Fingerprint.of(der) for der in _told(connection, "get_verified_chain")}
    above = (each for each in chain[1:] if not each.is_self_signed)
    return (chain[0], *(each for each in above if each.fingerprint in verified))


def _served(connection: ssl.SSLSocket) -> list[bytes]:
    if served := _told(connection, "get_unverified_chain"):
        return served
    own = connection.getpeercert(binary_form=True)
    return [own] if own else []


def _told(connection: ssl.SSLSocket, method: str) -> list[bytes]:
    # Public from Python 3.13 on, where it returns DER; before, the connection inside has it and returns
    # objects that give themselves as PEM.
    for place in (connection, getattr(connection, "_sslobj", None)):
        read = getattr(place, method, None)
        if told := read() if read is not None else None:
            return [_der(each) for each in told[:MAX_SERVED]]
    return []


def _der(certificate: object) -> bytes:
    if isinstance(certificate, bytes):
        return certificate
    as_pem = getattr(certificate, "public_bytes", str)
    return ssl.PEM_cert_to_DER_cert(as_pem())


# -- files of certificates --------------------------------------------------------------------------------


def pin_from_pem(pem: bytes, *, path: str) -> Fingerprint:
    """Return the fingerprint of the first certificate in a PEM file.

    Raises:
        FluenzrError: ``certificate-file-invalid`` if there is none.
    """
    with _read(failure(ProblemCode.CERTIFICATE_FILE_INVALID, Stage.INPUT, path=path)):
        certificate = x509.load_pem_x509_certificates(pem)[0]
        return Fingerprint.of(certificate.public_bytes(Encoding.DER))


def authority_from_pem(pem: bytes, *, path: str) -> str:
    """Return the certificates of a PEM file, and nothing else of it: no private key gets into the vault.

    Raises:
        FluenzrError: ``certificate-file-invalid`` if there is none.
    """
    with _read(failure(ProblemCode.CERTIFICATE_FILE_INVALID, Stage.INPUT, path=path)):
        found = x509.load_pem_x509_certificates(pem)
        return "".join(each.public_bytes(Encoding.PEM).decode("ascii") for each in found)
