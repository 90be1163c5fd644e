"""What a failed handshake means: no trust, an old server, no TLS at all, a cut."""

from __future__ import annotations

import ssl

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Endpoint
from fluenzr_smtp.problems import ProblemCode, Stage

# What OpenSSL's X509_verify_cert calls the reasons (openssl/x509_vfy.h, 3.0), our code for each and the fact
# ``reason``, which tells those apart that share a code. Of others OpenSSL's own words are taken.
_VERIFY_CODES: dict[int, tuple[ProblemCode, str]] = {
    2: (ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER, "issuer-missing"),
    4: (ProblemCode.TLS_CERTIFICATE_INVALID, "signature-wrong"),
    6: (ProblemCode.TLS_CERTIFICATE_INVALID, "signature-wrong"),
    7: (ProblemCode.TLS_CERTIFICATE_INVALID, "signature-wrong"),
    9: (ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID, "not-yet-valid"),
    10: (ProblemCode.TLS_CERTIFICATE_EXPIRED, "expired"),
    13: (ProblemCode.TLS_CERTIFICATE_INVALID, "date-malformed"),
    14: (ProblemCode.TLS_CERTIFICATE_INVALID, "date-malformed"),
    18: (ProblemCode.TLS_CERTIFICATE_SELF_SIGNED, "self-signed"),
    19: (ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER, "root-not-trusted"),
    20: (ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER, "issuer-missing"),
    21: (ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER, "issuer-missing"),
    22: (ProblemCode.TLS_CERTIFICATE_INVALID, "chain-too-long"),
    23: (ProblemCode.TLS_CERTIFICATE_INVALID, "revoked"),
    25: (ProblemCode.TLS_CERTIFICATE_INVALID, "chain-too-long"),
    26: (ProblemCode.TLS_CERTIFICATE_INVALID, "wrong-purpose"),
    27: (ProblemCode.TLS_CERTIFICATE_INVALID, "wrong-purpose"),
    28: (ProblemCode.TLS_CERTIFICATE_INVALID, "rejected"),
    32: (ProblemCode.TLS_CERTIFICATE_INVALID, "issuer-no-authority"),
    34: (ProblemCode.TLS_CERTIFICATE_INVALID, "extension-unknown"),
    47: (ProblemCode.TLS_CERTIFICATE_INVALID, "name-not-permitted"),
    48: (ProblemCode.TLS_CERTIFICATE_INVALID, "name-not-permitted"),
    62: (ProblemCode.TLS_CERTIFICATE_WRONG_HOST, "wrong-host"),
    64: (ProblemCode.TLS_CERTIFICATE_WRONG_HOST, "wrong-host"),
    66: (ProblemCode.TLS_CERTIFICATE_INVALID, "key-too-small"),
    67: (ProblemCode.TLS_CERTIFICATE_INVALID, "issuer-key-too-small"),
    68: (ProblemCode.TLS_CERTIFICATE_INVALID, "signature-too-weak"),
    79: (ProblemCode.TLS_CERTIFICATE_INVALID, "issuer-no-authority"),
}

# OpenSSL's reason names for a peer that does not speak TLS at all: it read "220 …" where a record was due.
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
_TOO_OLD = {
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
    "DH_KEY_TOO_SMALL",
    "VERSION_TOO_LOW",
    "WRONG_SSL_VERSION",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",  # without RFC 5746, which is of 2010
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",  # how OpenSSL 3.0 of Debian 12 refuses TLS 1.1
}

_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def handshake_failure(error: OSError, endpoint: Endpoint, *, implicit: bool) -> FluenzrError:
    """Name the reason why a handshake failed.

    A server that ended the connection without a word is told from one that gave a reason (an alert, RFC 8446
    §6.2): the former may have been in trouble for a moment, the latter will say the same again.
    """
    if isinstance(error, TimeoutError):
        return _failed(ProblemCode.REPLY_TIMEOUT, endpoint, reason="no-answer")
    if isinstance(error, ssl.SSLCertVerificationError):
        words = str(error.verify_message or error.reason or "")
        code, reason = _VERIFY_CODES.get(error.verify_code, (ProblemCode.TLS_CERTIFICATE_INVALID, words))
        return _failed(code, endpoint, reason=reason)
    if not isinstance(error, ssl.SSLError) or isinstance(error, _CUT):
        reason = "reset" if isinstance(error, ConnectionResetError) else "closed"
        return _failed(ProblemCode.TLS_HANDSHAKE_CUT, endpoint, reason=reason)
    reason = str(error.reason or type(error).__name__)
    if reason in _TOO_OLD:
        return _failed(ProblemCode.TLS_PROTOCOL_TOO_OLD, endpoint, reason=reason)
    if reason in _NOT_TLS and implicit:
        return _failed(ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT, endpoint, reason=reason)
    return _failed(ProblemCode.TLS_HANDSHAKE_FAILED, endpoint, reason=reason)


def _failed(code: ProblemCode, endpoint: Endpoint, **facts: str) -> FluenzrError:
    return failure(code, Stage.TLS, host=endpoint.host, port=endpoint.port, **facts)
