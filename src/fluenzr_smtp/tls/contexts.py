"""The contexts of connections: what is trusted, and which protocols are spoken."""

from __future__ import annotations

import ssl

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Endpoint, Fingerprint
from fluenzr_smtp.problems import ProblemCode, Stage


def context_for(endpoint: Endpoint) -> ssl.SSLContext:
    """Return a context that trusts what the endpoint says: its pin, its authority, or the system's store.

    With a pin OpenSSL verifies nothing; the caller must then call ``verify_pin`` before the first byte.
    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are honoured by OpenSSL itself.

    Raises:
        FluenzrError: ``certificate-file-invalid`` if the endpoint's authority is none.
    """
    if endpoint.pin is not None:
        return inspection_context()
    try:
        context = ssl.create_default_context(cadata=endpoint.authority)
    except ssl.SSLError as error:
        raise failure(ProblemCode.CERTIFICATE_FILE_INVALID, Stage.TLS, host=endpoint.host) from error
    return _verifying(context)


def web_context(authority: str | None = None) -> ssl.SSLContext:
    """Return a context for web servers: the system's store is trusted, and an authority (PEM) besides it.

    Raises:
        FluenzrError: ``certificate-file-invalid``.
    """
    context = ssl.create_default_context()
    if authority is not None:
        try:
            context.load_verify_locations(cadata=authority)
        except ssl.SSLError as error:
            raise failure(ProblemCode.CERTIFICATE_FILE_INVALID, Stage.TLS) from error
    return _verifying(context)


def _verifying(context: ssl.SSLContext) -> ssl.SSLContext:
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
