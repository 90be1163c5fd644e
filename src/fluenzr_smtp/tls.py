"""TLS: contexts that verify, pinned certificates, and what a failed handshake means.

Nothing here weakens verification: a certificate is trusted through a chain and a name, or through
its own fingerprint (``Endpoint.pin``), and in no third way. Contexts and X.509 have their home here.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Endpoint, Fingerprint
from fluenzr_smtp.problems import ProblemCode, Stage

# What OpenSSL's X509_verify_cert calls the reasons (openssl/x509_vfy.h, 3.0).
_VERIFY_CODES = {
    9: ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID,
    10: ProblemCode.TLS_CERTIFICATE_EXPIRED,
    18: ProblemCode.TLS_CERTIFICATE_SELF_SIGNED,
    19: ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    20: ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    21: ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
    62: ProblemCode.TLS_CERTIFICATE_WRONG_HOST,
    64: ProblemCode.TLS_CERTIFICATE_WRONG_HOST,
}

# OpenSSL's reason names for a peer that does not speak TLS at all: it read "220 …" where a record was due.
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
_TOO_OLD = {
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
    "DH_KEY_TOO_SMALL",
    "VERSION_TOO_LOW",
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",  # how OpenSSL 3.0 of Debian 12 refuses TLS 1.1
}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says of itself; nothing of it is verified. Times are aware UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: Fingerprint

    @property
    def is_self_signed(self) -> bool:
        """Say whether subject and issuer are the same."""
        return self.subject == self.issuer


def context_for(endpoint: Endpoint) -> ssl.SSLContext:
    """Return a context that trusts what the endpoint says: its pin, its authority, or the system's store.

    With a pin OpenSSL verifies nothing; the caller must then call ``verify_pin`` before the first byte.
    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are honoured by OpenSSL itself.
    """
    if endpoint.pin is not None:
        return inspection_context()
    try:
        context = ssl.create_default_context(cadata=endpoint.authority)
    except ssl.SSLError as error:
        raise failure(ProblemCode.CERTIFICATE_FILE_INVALID, Stage.TLS, host=endpoint.host) from error
    context.hostname_checks_common_name = False
    # Python 3.13 turned these on in its default context: the same rules on every version.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    return _modern(context)


def inspection_context() -> ssl.SSLContext:
    """Return a context that verifies nothing: for pins and for a look, never for a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _modern(context)


def _modern(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996, RFC 9325 §3.1.1
    return context


def verify_pin(endpoint: Endpoint, der: bytes | None) -> None:
    """Refuse a certificate other than the pinned one.

    Raises:
        FluenzrError: ``tls-certificate-changed``, with both fingerprints.
    """
    if endpoint.pin is None:
        return
    seen = Fingerprint.of(der or b"")
    if seen != endpoint.pin:
        raise failure(
            ProblemCode.TLS_CERTIFICATE_CHANGED,
            Stage.TLS,
            host=endpoint.host,
            port=endpoint.port,
            pinned=str(endpoint.pin),
            seen=str(seen),
        )


def handshake_failure(error: OSError, endpoint: Endpoint, *, implicit: bool) -> FluenzrError:
    """Name the reason why a handshake failed."""
    code = _handshake_code(error, implicit=implicit)
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or type(error).__name__
    return failure(code, Stage.TLS, host=endpoint.host, port=endpoint.port, reason=str(reason))


def _handshake_code(error: OSError, *, implicit: bool) -> ProblemCode:
    if isinstance(error, TimeoutError):
        return ProblemCode.REPLY_TIMEOUT
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, ProblemCode.TLS_CERTIFICATE_INVALID)
    reason = getattr(error, "reason", None)
    if reason in _TOO_OLD:
        return ProblemCode.TLS_PROTOCOL_TOO_OLD
    if reason in _NOT_TLS and implicit:
        return ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT
    return ProblemCode.TLS_HANDSHAKE_FAILED


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER form; names of a kind that is not known are left out.

    Raises:
        FluenzrError: ``tls-certificate-invalid`` if it cannot be parsed.
    """
    with _read(failure(ProblemCode.TLS_CERTIFICATE_INVALID, Stage.TLS, reason="not-parseable")):
        parsed = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=parsed.subject.rfc4514_string(),
            issuer=parsed.issuer.rfc4514_string(),
            names=_names(parsed),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            fingerprint=Fingerprint.of(der),
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


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return ()
    value = found.value
    if not isinstance(value, x509.SubjectAlternativeName):
        return ()
    addresses = (str(each) for each in value.get_values_for_type(x509.IPAddress))
    return (*value.get_values_for_type(x509.DNSName), *addresses)


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


def connection_facts(tls: ssl.SSLSocket, *, now: datetime) -> dict[str, str | int]:
    """Return what is worth telling of an established connection; ``days_left`` counts from ``now``.

    A pinned certificate is trusted for its bytes: what cannot be read in it is left out.
    """
    facts: dict[str, str | int] = {"version": tls.version() or "", "cipher": (tls.cipher() or ("",))[0]}
    der = tls.getpeercert(binary_form=True)
    if der:
        facts["fingerprint"] = str(Fingerprint.of(der))
        with suppress(FluenzrError):
            certificate = read_certificate(der)
            facts["issuer"] = certificate.issuer
            facts["not_after"] = certificate.not_after.isoformat()
            facts["days_left"] = (certificate.not_after - now.astimezone(UTC)).days
    return facts
