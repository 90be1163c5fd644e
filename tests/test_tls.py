"""Certificates: each fault has its name, and nothing that matters goes to a server that is not trusted."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import tls
from fluenzr_smtp.delivery import Delivery
from fluenzr_smtp.diagnosis import examine
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Fingerprint, Security, Target
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.wire import Wire
from tests.servers.certificates import FAR_FUTURE, PAST, Authority, ServerCertificate, self_signed
from tests.servers.scripted import (
    Close,
    Expect,
    ReadLine,
    ReadUntil,
    ScriptedServer,
    Send,
    Silence,
    submission_script,
)
from tests.sessions import (
    BRIEF,
    PATIENT,
    REAL_CLOCK,
    SECRET,
    account_of,
    canaries_in,
    deliver,
    endpoint_of,
    submission_to,
)

Make = Callable[[Authority], ServerCertificate]
CLIENT_HELLO = b"\x16"  # RFC 8446 §5.1: the first byte of a handshake
ENCRYPTED = [Security.STARTTLS, Security.IMPLICIT_TLS]


def submission_server(certificate: ServerCertificate, security: Security) -> ScriptedServer:
    if security is Security.IMPLICIT_TLS:
        return ScriptedServer(submission_script(), tls_context=certificate.context())
    return ScriptedServer(submission_script(tls_context=certificate.context()))


def delivered_to(endpoint: Endpoint, *, timeout: float = PATIENT) -> Delivery:
    return deliver(
        account_of(endpoint),
        SECRET,
        submission_to(),
        clock=REAL_CLOCK,
        timeout=timeout,
    )


def odd_certificate(
    folder: Path, *, names: bytes = b"", alter: Callable[[bytes], bytes] = bytes
) -> ServerCertificate:
    """Make a certificate signed by itself: ``names`` is the extension in DER, ``alter`` spoils the whole."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1"),
        x509.NameAttribute(NameOID.LOCALITY_NAME, "Utopia"),
    ]
    builder = x509.CertificateBuilder(
        subject_name=x509.Name(attributes),
        issuer_name=x509.Name(attributes),
        public_key=key.public_key(),
        serial_number=7,
        not_valid_before=PAST,
        not_valid_after=FAR_FUTURE,
    )
    if names:
        extension = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
        builder = builder.add_extension(extension, critical=False)
    der = alter(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    made = ServerCertificate(certificate=folder / "odd.pem", key=folder / "odd.key")
    made.certificate.write_text(ssl.DER_cert_to_PEM_cert(der), "ascii")
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def of_version_four(der: bytes) -> bytes:
    return der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020103"), 1)


def with_long_country(der: bytes) -> bytes:
    return der.replace(bytes.fromhex("0603550407"), bytes.fromhex("0603550406"))


ODD = pytest.mark.parametrize(
    "oddity",
    [
        pytest.param({"names": bytes.fromhex("3006a30430020500")}, id="x400-address"),
        pytest.param({"names": bytes.fromhex("30058703010203")}, id="address-of-three-bytes"),
        pytest.param({"names": bytes.fromhex("30048202ffff")}, id="name-beyond-ascii"),
        pytest.param({"alter": with_long_country}, id="long-country"),
        pytest.param({"alter": of_version_four}, id="version-four"),
    ],
)


def pinned(endpoint: Endpoint, sha256: str) -> Endpoint:
    return Endpoint(
        host=endpoint.host, port=endpoint.port, security=endpoint.security, pin=Fingerprint(sha256)
    )


class TestRefusedCertificates:
    @pytest.mark.parametrize("security", ENCRYPTED)
    @pytest.mark.parametrize(
        ("make", "code"),
        [
            pytest.param(Authority.expired, ProblemCode.TLS_CERTIFICATE_EXPIRED, id="expired"),
            pytest.param(
                Authority.not_yet_valid, ProblemCode.TLS_CERTIFICATE_NOT_YET_VALID, id="not-yet-valid"
            ),
            pytest.param(Authority.other_host, ProblemCode.TLS_CERTIFICATE_WRONG_HOST, id="other-host"),
            pytest.param(
                Authority.common_name_only, ProblemCode.TLS_CERTIFICATE_WRONG_HOST, id="common-name-only"
            ),
            pytest.param(Authority.for_clients_only, ProblemCode.TLS_CERTIFICATE_INVALID, id="purpose"),
            pytest.param(
                lambda ca: self_signed(ca.folder), ProblemCode.TLS_CERTIFICATE_SELF_SIGNED, id="self-signed"
            ),
            pytest.param(
                lambda ca: Authority.create(ca.folder / "..", name="Stranger").valid(),
                ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER,
                id="unknown-issuer",
            ),
        ],
    )
    def test_fault_has_its_name_and_the_server_hears_nothing(
        self, tmp_path, security: Security, make: Make, code: ProblemCode
    ):
        (tmp_path / "trusted").mkdir()
        trusted = Authority.create(tmp_path / "trusted")

        with submission_server(make(trusted), security) as server:
            delivery = delivered_to(endpoint_of(server, security, authority=trusted))
            connection = server.finished_connection()

        assert [problem.code for problem in delivery.problems] == [code]
        assert delivery.exit_status == 76
        assert canaries_in(connection) == []
        assert b"AUTH" not in connection.received

    @pytest.mark.parametrize("security", ENCRYPTED)
    def test_server_of_old_protocols_is_named_so(self, authority, security):
        context = authority.valid().outdated_context()
        implicit = security is Security.IMPLICIT_TLS
        server = (
            ScriptedServer(submission_script(), tls_context=context)
            if implicit
            else ScriptedServer(submission_script(tls_context=context))
        )

        with server:
            delivery = delivered_to(endpoint_of(server, security, authority=authority))

        assert delivery.problems[0].code is ProblemCode.TLS_PROTOCOL_TOO_OLD
        assert delivery.exit_status == 76
        assert canaries_in(server.connections[0]) == []

    def test_authority_given_for_the_endpoint_is_enough(self, authority):
        with submission_server(authority.valid(), Security.IMPLICIT_TLS) as server:
            delivery = delivered_to(endpoint_of(server, Security.IMPLICIT_TLS, authority=authority))

        assert delivery.exit_status == 0

    def test_certificate_itself_may_be_the_authority(self, tmp_path):
        bridge = self_signed(tmp_path)

        with submission_server(bridge, Security.STARTTLS) as server:
            endpoint = Endpoint(
                host=server.host,
                port=server.port,
                security=Security.STARTTLS,
                authority=bridge.certificate.read_text(),
            )
            delivery = delivered_to(endpoint)

        assert delivery.exit_status == 0

    def test_file_named_by_the_environment_is_trusted(self, authority, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))

        with submission_server(authority.valid(), Security.IMPLICIT_TLS) as server:
            delivery = delivered_to(endpoint_of(server, Security.IMPLICIT_TLS))

        assert delivery.exit_status == 0

    def test_without_authority_the_test_server_is_a_stranger(self, authority):
        with submission_server(authority.valid(), Security.IMPLICIT_TLS) as server:
            delivery = delivered_to(endpoint_of(server, Security.IMPLICIT_TLS))

        assert delivery.problems[0].code is ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER


class TestPin:
    @pytest.mark.parametrize("security", ENCRYPTED)
    def test_pinned_certificate_is_trusted(self, tmp_path, security):
        bridge = self_signed(tmp_path)

        with submission_server(bridge, security) as server:
            delivery = delivered_to(pinned(endpoint_of(server, security), bridge.sha256))

        assert delivery.exit_status == 0

    @pytest.mark.parametrize("security", ENCRYPTED)
    def test_another_certificate_is_refused_with_both_fingerprints(self, tmp_path, security):
        old, new = self_signed(tmp_path, "old"), self_signed(tmp_path, "new")

        with submission_server(new, security) as server:
            delivery = delivered_to(pinned(endpoint_of(server, security), old.sha256))
            connection = server.finished_connection()

        problem = delivery.problems[0]
        assert (problem.code, problem.exit_status) == (ProblemCode.TLS_CERTIFICATE_CHANGED, 76)
        assert problem.facts["pinned"] == str(Fingerprint(old.sha256))
        assert problem.facts["seen"] == str(Fingerprint(new.sha256))
        assert connection.received_tls == b""

    def test_pin_outweighs_a_chain_that_would_be_trusted(self, authority, tmp_path):
        bridge = self_signed(tmp_path)

        with submission_server(authority.valid(), Security.IMPLICIT_TLS) as server:
            trusted = endpoint_of(server, Security.IMPLICIT_TLS, authority=authority)
            delivery = delivered_to(pinned(trusted, bridge.sha256))

        assert delivery.problems[0].code is ProblemCode.TLS_CERTIFICATE_CHANGED


class TestHandshake:
    @pytest.mark.parametrize(
        ("steps", "security", "code", "status"),
        [
            pytest.param((Close(),), Security.IMPLICIT_TLS, ProblemCode.TLS_HANDSHAKE_CUT, 75, id="cut-off"),
            pytest.param(
                (Silence(),), Security.IMPLICIT_TLS, ProblemCode.REPLY_TIMEOUT, 75, id="never-answered"
            ),
            pytest.param(
                (ReadLine(), Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()),
                Security.IMPLICIT_TLS,
                ProblemCode.NOT_A_MAIL_SERVER,
                76,
                id="answered-by-a-web-server",
            ),
            pytest.param(
                (
                    Send(b"220 hi\r\n"),
                    Expect(b"EHLO"),
                    Send(b"250-hi\r\n250 STARTTLS\r\n"),
                    Expect(b"STARTTLS"),
                    Send(b"220 go\r\n"),
                    Close(),
                ),
                Security.STARTTLS,
                ProblemCode.TLS_HANDSHAKE_CUT,
                75,
                id="cut-off-after-starttls",
            ),
            pytest.param(
                (
                    Send(b"220 hi\r\n"),
                    Expect(b"EHLO"),
                    Send(b"250-hi\r\n250 STARTTLS\r\n"),
                    Expect(b"STARTTLS"),
                    Send(b"220 go\r\n"),
                    Silence(),
                ),
                Security.STARTTLS,
                ProblemCode.REPLY_TIMEOUT,
                75,
                id="never-answered-after-starttls",
            ),
        ],
    )
    def test_broken_handshake_is_named(self, steps, security, code, status):
        with ScriptedServer(steps) as server:
            delivery = delivered_to(endpoint_of(server, security), timeout=BRIEF)

        assert (delivery.problems[0].code, delivery.exit_status) == (code, status)
        assert canaries_in(server.connections[0]) == []

    def test_time_out_tells_how_long_it_was(self):
        with ScriptedServer((Silence(),)) as server:
            session = SMTPSession(
                endpoint_of(server, Security.IMPLICIT_TLS), clock=REAL_CLOCK, timeout=1.4 * BRIEF
            )
            with pytest.raises(FluenzrError) as caught:
                session.open()
            session.close()

        assert caught.value.problem.facts["seconds"] == 1

    @pytest.mark.parametrize(
        ("greeting", "code"),
        [
            pytest.param(b"220 hi\r\n", ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT, id="smtp"),
            pytest.param(b"* OK hi\r\n", ProblemCode.NOT_A_MAIL_SERVER, id="imap"),
        ],
    )
    def test_implicit_tls_on_a_starttls_port_is_named_by_the_greeting_that_answers(self, greeting, code):
        with ScriptedServer((ReadUntil(CLIENT_HELLO), Send(greeting), Silence())) as server:
            delivery = delivered_to(endpoint_of(server, Security.IMPLICIT_TLS))

        assert delivery.problems[0].code is code
        assert delivery.exit_status == 76
        assert canaries_in(server.connections[0]) == []

    def test_implicit_tls_on_a_starttls_port_is_named_by_the_greeting_that_came_first(self):
        with ScriptedServer(submission_script()) as server:
            wire = Wire(endpoint_of(server, Security.IMPLICIT_TLS), clock=REAL_CLOCK, timeout=PATIENT)
            wire.connect(wire.resolve())
            assert wire.arrives_within(PATIENT)

            with pytest.raises(FluenzrError) as caught:
                wire.start_tls()

        assert caught.value.problem.code is ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT
        assert server.connections[0].received_wire == b""

    def test_text_behind_the_consent_to_starttls_ends_the_session_without_another_byte(self, authority):
        consent = b"220 2.0.0 go\r\n250-injected\r\n250 AUTH PLAIN\r\n"
        script = submission_script(
            overrides={"STARTTLS": (Send(consent), Silence())}, tls_context=authority.valid().context()
        )

        with ScriptedServer(script) as server:
            delivery = delivered_to(endpoint_of(server, Security.STARTTLS, authority=authority))
            connection = server.finished_connection()

        assert delivery.problems[0].code is ProblemCode.UNEXPECTED_DATA
        assert delivery.exit_status == 76
        assert connection.received_wire.endswith(b"STARTTLS\r\n")

    def test_text_that_comes_later_than_the_consent_does_not_survive_either(self):
        script = (
            Send(b"220 hi\r\n"),
            Expect(b"EHLO"),
            Send(b"250-hi\r\n250 STARTTLS\r\n"),
            Expect(b"STARTTLS"),
            Send(b"220 go\r\n"),
            ReadUntil(CLIENT_HELLO),
            Send(b"250 AUTH PLAIN\r\n"),
            Silence(),
        )

        with ScriptedServer(script) as server:
            delivery = delivered_to(endpoint_of(server, Security.STARTTLS))

        assert delivery.problems[0].code is ProblemCode.TLS_HANDSHAKE_FAILED
        assert canaries_in(server.connections[0]) == []


class TestOddCertificates:
    @ODD
    def test_pinned_one_is_trusted_for_its_bytes(self, tmp_path, oddity):
        made = odd_certificate(tmp_path, **oddity)

        with submission_server(made, Security.IMPLICIT_TLS) as server:
            endpoint = pinned(endpoint_of(server, Security.IMPLICIT_TLS), made.sha256)
            checks = list(examine(Target.of(account_of(endpoint)), SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        assert [check.problem for check in checks if check.problem] == []
        assert [check.facts["fingerprint"] for check in checks if check.stage is Stage.TLS] == [
            str(Fingerprint(made.sha256))
        ]

    @ODD
    @pytest.mark.parametrize("security", ENCRYPTED)
    def test_untrusted_one_is_refused(self, tmp_path, oddity, security):
        made = odd_certificate(tmp_path, **oddity)

        with submission_server(made, security) as server:
            endpoint = endpoint_of(server, security)
            checks = list(examine(Target.of(account_of(endpoint)), SECRET, clock=REAL_CLOCK, timeout=PATIENT))

        assert checks[-1].problem is not None
        assert (checks[-1].stage, checks[-1].problem.exit_status) == (Stage.TLS, 76)
        assert [word for connection in server.connections for word in canaries_in(connection)] == []

    @pytest.mark.parametrize("read", [tls.pin_from_pem, tls.authority_from_pem])
    def test_file_with_one_that_cannot_be_read_is_refused(self, tmp_path, read):
        made = odd_certificate(tmp_path, alter=of_version_four)

        with pytest.raises(FluenzrError) as caught:
            read(made.certificate.read_bytes(), path="odd.pem")

        assert caught.value.problem.code is ProblemCode.CERTIFICATE_FILE_INVALID

    def test_one_that_cannot_be_read_is_invalid(self, tmp_path):
        made = odd_certificate(tmp_path, alter=of_version_four)

        with pytest.raises(FluenzrError) as caught:
            tls.read_certificate(made.der)

        assert caught.value.problem.code is ProblemCode.TLS_CERTIFICATE_INVALID

    def test_names_that_cannot_be_read_are_left_out(self, tmp_path):
        made = odd_certificate(tmp_path, names=bytes.fromhex("3006a30430020500"))

        certificate = tls.read_certificate(made.der)

        assert certificate.names == ()
        assert certificate.subject == "L=Utopia,CN=127.0.0.1"

    @given(place=st.integers(0, 2000), value=st.integers(0, 255))
    def test_no_byte_makes_reading_end_otherwise(self, authority, place, value):
        der = bytearray(authority.valid().der)
        der[place % len(der)] = value

        with suppress(FluenzrError):
            assert tls.read_certificate(bytes(der)).fingerprint == Fingerprint.of(bytes(der))


class TestContext:
    def test_verification_is_on(self, authority):
        endpoint = Endpoint(
            host="localhost",
            port=1,
            security=Security.STARTTLS,
            authority=authority.ca_file.read_text(),
        )

        context = tls.context_for(endpoint)

        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.hostname_checks_common_name is False

    def test_pinned_connection_speaks_no_older_protocol(self):
        endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS, pin=Fingerprint("0" * 64))

        assert tls.context_for(endpoint).minimum_version is ssl.TLSVersion.TLSv1_2

    def test_authority_that_is_none_is_refused(self):
        endpoint = Endpoint(host="h", port=1, security=Security.STARTTLS, authority="not a certificate")

        with pytest.raises(FluenzrError) as caught:
            tls.context_for(endpoint)

        assert caught.value.problem.code is ProblemCode.CERTIFICATE_FILE_INVALID


class TestReading:
    def test_certificate_tells_names_dates_and_issuer(self, authority):
        made = authority.valid()

        certificate = tls.read_certificate(made.der)

        assert {"localhost", "127.0.0.1", "::1", "smtp.shop.test"} <= set(certificate.names)
        assert (certificate.not_before, certificate.not_after) == (PAST, FAR_FUTURE)
        assert certificate.issuer == "CN=Throw-away test authority"
        assert certificate.fingerprint == Fingerprint(made.sha256)
        assert not certificate.is_self_signed

    def test_certificate_without_names_has_none(self, authority):
        assert tls.read_certificate(authority.common_name_only().der).names == ()

    def test_certificate_that_is_none_is_named_so(self):
        with pytest.raises(FluenzrError) as caught:
            tls.read_certificate(b"\x30\x00")

        assert caught.value.problem.code is ProblemCode.TLS_CERTIFICATE_INVALID

    def test_pin_is_the_fingerprint_of_the_first_certificate(self, tmp_path):
        first, second = self_signed(tmp_path, "first"), self_signed(tmp_path, "second")
        pem = first.certificate.read_bytes() + second.certificate.read_bytes()

        assert tls.pin_from_pem(pem, path="bridge.pem") == Fingerprint(first.sha256)

    def test_private_key_beside_a_certificate_is_left_out(self, authority):
        made = authority.valid()
        pem = made.key.read_bytes() + made.certificate.read_bytes()

        kept = tls.authority_from_pem(pem, path="ca.pem")

        assert "PRIVATE KEY" not in kept
        assert ssl.PEM_cert_to_DER_cert(kept) == made.der

    @pytest.mark.parametrize("read", [tls.pin_from_pem, tls.authority_from_pem])
    @pytest.mark.parametrize("pem", [b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_file_without_certificate_is_refused_with_its_path(self, read, pem):
        with pytest.raises(FluenzrError) as caught:
            read(pem, path="ca.pem")

        problem = caught.value.problem
        assert (problem.code, problem.exit_status) == (ProblemCode.CERTIFICATE_FILE_INVALID, 65)
        assert problem.facts["path"] == "ca.pem"

    def test_connection_tells_version_cipher_and_days_left(self, authority):
        with submission_server(authority.valid(), Security.IMPLICIT_TLS) as server:
            endpoint = endpoint_of(server, Security.IMPLICIT_TLS, authority=authority)
            session = SMTPSession(endpoint, clock=REAL_CLOCK, timeout=PATIENT)
            session.resolve()
            session.connect()

            known = session.start_tls()
            session.close()

        assert re.fullmatch(r"TLSv1\.[23]", str(known["version"]))
        assert known["cipher"]
        assert known["not_after"] == FAR_FUTURE.isoformat()
        assert known["days_left"] == (FAR_FUTURE - datetime.now(UTC)).days
