"""Every fault of a handshake has its code and its reason; all of them come from real connections."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from fluenzr_smtp import tls
from fluenzr_smtp.model import Endpoint, Security
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from tests.servers.certificates import (
    LONG_AGO,
    PAST,
    Authority,
    ServerCertificate,
    encrypted_to,
    self_signed,
)
from tests.servers.scripted import Close, ReadUntil, Reset, ScriptedServer, Send, Silence
from tests.sessions import BRIEF, PATIENT, endpoint_of

CODE = ProblemCode
CLIENT_HELLO = b"\x16"  # RFC 8446 §5.1: the first byte of a handshake
OTHER = "mail.elsewhere.test"

Make = Callable[[Authority, Path], ServerCertificate]
Limit = Callable[[ssl.SSLContext], None]


def problem_with(
    server: ScriptedServer, security: Security, authority: Authority, *, seconds: float = PATIENT
) -> Problem:
    endpoint = endpoint_of(server, security, authority=authority)
    with (
        pytest.raises(OSError) as caught,  # noqa: PT011 - what is raised is the subject
        encrypted_to(server.host, server.port, tls.context_for(endpoint), seconds=seconds),
    ):
        pytest.fail("it is trusted")
    implicit = security is Security.IMPLICIT_TLS
    return tls.handshake_failure(caught.value, endpoint, implicit=implicit).problem


def strange_authority(folder: Path) -> Authority:
    (folder / "strange").mkdir()
    return Authority.create(folder / "strange", name="Stranger")


def only(version: ssl.TLSVersion) -> Limit:
    def limit(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version

    return limit


def unknown_ciphers(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("NULL@SECLEVEL=0")


def wanting_certificates(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED


@pytest.fixture(scope="module")
def strong(tmp_path_factory) -> Authority:
    """An authority whose RSA key signs with SHA-1 as well."""
    return Authority.create(tmp_path_factory.mktemp("strong"), rsa_bits=2048)


@pytest.mark.parametrize(
    ("make", "code", "reason"),
    [
        pytest.param(lambda ca, _: ca.expired(), CODE.TLS_CERTIFICATE_EXPIRED, "expired", id="expired"),
        pytest.param(
            lambda ca, _: (
                (old := ca.intermediate("old", starts=LONG_AGO, ends=PAST))
                .issue("below-old")
                .with_chain(old.ca_file)
            ),
            CODE.TLS_CERTIFICATE_EXPIRED,
            "expired",
            id="expired-issuer",
        ),
        pytest.param(
            lambda ca, _: ca.not_yet_valid(),
            CODE.TLS_CERTIFICATE_NOT_YET_VALID,
            "not-yet-valid",
            id="not-yet-valid",
        ),
        pytest.param(
            lambda ca, _: ca.other_host(), CODE.TLS_CERTIFICATE_WRONG_HOST, "wrong-host", id="other-host"
        ),
        pytest.param(
            lambda ca, _: ca.common_name_only(), CODE.TLS_CERTIFICATE_WRONG_HOST, "wrong-host", id="no-names"
        ),
        pytest.param(
            lambda _, folder: self_signed(folder),
            CODE.TLS_CERTIFICATE_SELF_SIGNED,
            "self-signed",
            id="self-signed",
        ),
        pytest.param(
            lambda _, folder: strange_authority(folder).valid(),
            CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            "issuer-missing",
            id="unknown-issuer",
        ),
        pytest.param(
            lambda _, folder: (strange := strange_authority(folder)).valid().with_chain(strange.ca_file),
            CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            "root-not-trusted",
            id="unknown-root",
        ),
        pytest.param(
            lambda ca, _: ca.for_clients_only(), CODE.TLS_CERTIFICATE_INVALID, "wrong-purpose", id="purpose"
        ),
        pytest.param(
            lambda ca, _: ca.with_small_key(), CODE.TLS_CERTIFICATE_INVALID, "key-too-small", id="small-key"
        ),
        pytest.param(
            lambda ca, _: ca.with_weak_signature(),
            CODE.TLS_CERTIFICATE_INVALID,
            "signature-too-weak",
            id="weak-signature",
        ),
        pytest.param(
            lambda ca, _: ca.issue("both", names=(OTHER,), starts=LONG_AGO, ends=PAST),
            CODE.TLS_CERTIFICATE_WRONG_HOST,
            "wrong-host",
            id="expired-and-other-host",
        ),
        pytest.param(
            lambda _, folder: strange_authority(folder).issue("both", names=(OTHER,)),
            CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            "issuer-missing",
            id="unknown-issuer-and-other-host",
        ),
        pytest.param(
            lambda _, folder: strange_authority(folder).expired(),
            CODE.TLS_CERTIFICATE_UNKNOWN_ISSUER,
            "issuer-missing",
            id="unknown-issuer-and-expired",
        ),
        pytest.param(
            lambda _, folder: self_signed(folder, starts=LONG_AGO, ends=PAST),
            CODE.TLS_CERTIFICATE_SELF_SIGNED,
            "self-signed",
            id="self-signed-and-expired",
        ),
    ],
)
def test_certificate_that_is_refused_is_named(strong, tmp_path, make: Make, code, reason):
    with ScriptedServer((Silence(),), tls_context=make(strong, tmp_path).context()) as server:
        problem = problem_with(server, Security.IMPLICIT_TLS, strong)

    assert (problem.code, problem.facts["reason"], problem.stage) == (code, reason, Stage.TLS)
    assert (problem.facts["host"], problem.facts["port"]) == (server.host, server.port)
    assert (problem.exit_status, problem.is_transient) == (76, False)


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        pytest.param(only(ssl.TLSVersion.TLSv1), CODE.TLS_PROTOCOL_TOO_OLD, id="tls-1.0"),
        pytest.param(only(ssl.TLSVersion.TLSv1_1), CODE.TLS_PROTOCOL_TOO_OLD, id="tls-1.1"),
        pytest.param(unknown_ciphers, CODE.TLS_HANDSHAKE_FAILED, id="no-common-cipher"),
        pytest.param(wanting_certificates, CODE.TLS_HANDSHAKE_FAILED, id="wants-a-certificate"),
    ],
)
def test_server_that_cannot_agree_is_named(authority, limit: Limit, code):
    context = authority.valid().context()
    limit(context)

    with ScriptedServer((Silence(),), tls_context=context) as server:
        problem = problem_with(server, Security.IMPLICIT_TLS, authority)

    assert (problem.code, problem.is_transient) == (code, False)


# The 70 bytes of a SERVER-HELLO of an older version, with TLS_RSA_WITH_AES_128_CBC_SHA (RFC 5246 §7.4.1.3).
def server_hello(version: bytes) -> bytes:
    head = b"\x16" + version + bytes.fromhex("004a 02000046") + version
    return head + bytes(32) + b"\x20" + bytes(32) + bytes.fromhex("002f00")


@pytest.mark.parametrize("security", [Security.IMPLICIT_TLS, Security.STARTTLS])
@pytest.mark.parametrize(
    ("steps", "code", "reason"),
    [
        pytest.param((Close(),), CODE.TLS_HANDSHAKE_CUT, "closed", id="closed"),
        pytest.param((ReadUntil(CLIENT_HELLO), Reset()), CODE.TLS_HANDSHAKE_CUT, "reset", id="reset"),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(bytes.fromhex("160303004a0200")), Close()),
            CODE.TLS_HANDSHAKE_CUT,
            "closed",
            id="closed-within-a-record",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(bytes.fromhex("15030300020100")), Close()),
            CODE.TLS_HANDSHAKE_CUT,
            "closed",
            id="closed-in-order",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(bytes.fromhex("15030300020228")), Close()),
            CODE.TLS_HANDSHAKE_FAILED,
            "SSLV3_ALERT_HANDSHAKE_FAILURE",
            id="alert",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(bytes.fromhex("15030300020250")), Close()),
            CODE.TLS_HANDSHAKE_FAILED,
            "TLSV1_ALERT_INTERNAL_ERROR",
            id="alert-internal-error",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(bytes.fromhex("15030100020246")), Close()),
            CODE.TLS_PROTOCOL_TOO_OLD,
            "TLSV1_ALERT_PROTOCOL_VERSION",
            id="alert-version",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(server_hello(b"\x03\x00")), Silence()),
            CODE.TLS_PROTOCOL_TOO_OLD,
            "UNSUPPORTED_PROTOCOL",
            id="ssl-3.0",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(server_hello(b"\x03\x01")), Silence()),
            CODE.TLS_PROTOCOL_TOO_OLD,
            "UNSUPPORTED_PROTOCOL",
            id="hello-of-tls-1.0",
        ),
        pytest.param(
            (ReadUntil(CLIENT_HELLO), Send(bytes.fromhex("160303ffff0200")), Silence()),
            CODE.TLS_HANDSHAKE_FAILED,
            "PACKET_LENGTH_TOO_LONG",
            id="record-too-long",
        ),
    ],
)
def test_handshake_that_breaks_off_is_named(authority, security, steps, code, reason):
    with ScriptedServer(steps) as server:
        problem = problem_with(server, security, authority)

    assert (problem.code, problem.facts["reason"]) == (code, reason)
    assert problem.is_transient is (code is CODE.TLS_HANDSHAKE_CUT)


@pytest.mark.parametrize(
    ("security", "code"),
    [
        (Security.IMPLICIT_TLS, CODE.TLS_IMPLICIT_ON_STARTTLS_PORT),
        (Security.STARTTLS, CODE.TLS_HANDSHAKE_FAILED),
    ],
)
def test_answer_in_clear_is_a_starttls_port_only_where_tls_comes_first(authority, security, code):
    with ScriptedServer((ReadUntil(CLIENT_HELLO), Send(b"220 mail ready\r\n"), Silence())) as server:
        problem = problem_with(server, security, authority)

    assert problem.code is code


def test_silence_is_a_time_out(authority):
    with ScriptedServer((Silence(),)) as server:
        problem = problem_with(server, Security.IMPLICIT_TLS, authority, seconds=BRIEF)

    assert (problem.code, problem.exit_status) == (CODE.REPLY_TIMEOUT, 75)


@pytest.mark.parametrize("error", [ConnectionAbortedError(), BrokenPipeError(), OSError("not connected")])
def test_connection_that_breaks_otherwise_was_cut(error):
    endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS)

    assert tls.handshake_failure(error, endpoint, implicit=False).problem.code is CODE.TLS_HANDSHAKE_CUT


def test_fault_of_verification_that_has_no_row_keeps_the_words_of_openssl():
    endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS)
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_code, error.verify_message = 999, "something new"

    problem = tls.handshake_failure(error, endpoint, implicit=False).problem

    assert (problem.code, problem.facts["reason"]) == (CODE.TLS_CERTIFICATE_INVALID, "something new")
