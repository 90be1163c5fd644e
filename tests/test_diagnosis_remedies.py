"""What the guide tells a person to try: never weaker, never elsewhere, and no secret more than once."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.diagnosis import attempt, diagnose, remedies, works
from fluenzr_smtp.model import Check, Endpoint, Fingerprint, Protocol, Remedy, Security, Target
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from tests.servers.scripted import Connection, ScriptedServer, mailbox_script, submission_script
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, SECRET, SENDER, USERNAME, endpoint_of

CODE = ProblemCode
STARTTLS, SSL, NONE = Security.STARTTLS, Security.IMPLICIT_TLS, Security.NONE
UNREACHED = (CODE.CONNECT_REFUSED, CODE.CONNECT_TIMEOUT, CODE.CONNECT_UNREACHABLE)
MISMATCHED = (
    CODE.REPLY_TIMEOUT,
    CODE.TLS_IMPLICIT_ON_STARTTLS_PORT,
    CODE.TLS_STARTTLS_ON_IMPLICIT_PORT,
    CODE.TLS_STARTTLS_NOT_OFFERED,
    CODE.TLS_HANDSHAKE_FAILED,
    CODE.TLS_HANDSHAKE_CUT,
)
REJECTED = (CODE.AUTH_REJECTED, CODE.AUTH_REJECTED_MAYBE_BLOCKED, CODE.AUTH_REJECTED_MAYBE_REGION)


def at(port: int, security: Security, host: str = "mail.shop.test", **trust) -> Endpoint:
    return Endpoint(host=host, port=port, security=security, **trust)


def failed(
    code: ProblemCode, endpoint: Endpoint, stage: Stage = Stage.CONNECT, protocol: Protocol = Protocol.SMTP
) -> Check:
    return Check(
        protocol=protocol,
        stage=stage,
        endpoint=endpoint,
        elapsed=timedelta(0),
        problem=Problem(code=code, stage=stage),
    )


def target(username: str | None = USERNAME, **more) -> Target:
    return Target(name="shop", address=SENDER, username=username, **more)


def ways(check: Check, *known: Endpoint, try_usernames: bool = False) -> list[tuple[str, int, Security]]:
    found = remedies(check, target(), known=known, try_usernames=try_usernames)
    return [(each.endpoint.host, each.endpoint.port, each.endpoint.security) for each in found]


def ports(check: Check, *known: Endpoint) -> list[tuple[int, Security]]:
    return [(port, security) for _, port, security in ways(check, *known)]


class TestOtherPorts:
    @pytest.mark.parametrize("code", UNREACHED)
    @pytest.mark.parametrize(
        ("protocol", "endpoint", "others"),
        [
            pytest.param(Protocol.SMTP, at(587, STARTTLS), [(465, SSL)], id="587"),
            pytest.param(Protocol.SMTP, at(465, SSL), [(587, STARTTLS)], id="465"),
            pytest.param(Protocol.SMTP, at(25, STARTTLS), [(587, STARTTLS), (465, SSL)], id="25"),
            pytest.param(Protocol.SMTP, at(4465, SSL), [], id="unusual"),
            pytest.param(Protocol.IMAP, at(993, SSL), [(143, STARTTLS)], id="993"),
            pytest.param(Protocol.IMAP, at(143, STARTTLS), [(993, SSL)], id="143"),
        ],
    )
    def test_usual_port_takes_the_place_of_one_that_is_not_reached(self, code, protocol, endpoint, others):
        assert ports(failed(code, endpoint, protocol=protocol)) == others

    def test_ports_of_the_preset_are_tried_and_no_other_ones(self):
        known = (at(587, STARTTLS), at(465, SSL), at(2525, STARTTLS), at(25, STARTTLS))

        found = ports(failed(CODE.CONNECT_REFUSED, at(587, STARTTLS)), *known)

        assert found == [(465, SSL), (2525, STARTTLS), (25, STARTTLS)]

    def test_another_host_is_tried_only_where_the_preset_names_it_and_last(self):
        known = (at(465, SSL, "other.shop.test"), at(465, SSL))

        found = ways(failed(CODE.CONNECT_TIMEOUT, at(587, STARTTLS)), *known)

        assert found == [("mail.shop.test", 465, SSL), ("other.shop.test", 465, SSL)]

    def test_no_other_way_leads_to_a_bridge_that_does_not_run(self):
        assert ports(failed(CODE.BRIDGE_NOT_RUNNING, at(1025, STARTTLS, "127.0.0.1"))) == []

    def test_trust_goes_along_to_the_same_host_and_to_no_other(self):
        pin, authority = Fingerprint("a" * 64), "PEM"
        endpoint = at(587, STARTTLS, pin=pin, authority=authority)
        known = (at(465, SSL), at(465, SSL, "other.shop.test"))

        (same,) = remedies(failed(CODE.CONNECT_REFUSED, endpoint), target(), known=known, try_usernames=False)

        assert (same.endpoint.host, same.endpoint.port) == (endpoint.host, 465)
        assert (same.endpoint.pin, same.endpoint.authority) == (pin, authority)

    def test_another_host_of_the_provider_is_tried_by_who_is_at_the_provider(self):
        known = (at(587, STARTTLS), at(465, SSL, "other.shop.test"))
        check = failed(CODE.CONNECT_REFUSED, at(587, STARTTLS))

        (other,) = remedies(check, target(), known=known, try_usernames=False)

        assert (other.endpoint.host, other.endpoint.port) == ("other.shop.test", 465)

    def test_server_of_ones_own_is_not_traded_for_the_providers(self):
        known = (at(587, STARTTLS, "smtp.provider.test"), at(465, SSL, "smtp.provider.test"))
        check = failed(CODE.CONNECT_REFUSED, at(587, STARTTLS))

        found = remedies(check, target(), known=known, try_usernames=False)

        assert [(each.endpoint.host, each.endpoint.port) for each in found] == [(check.endpoint.host, 465)]


class TestOtherEncryption:
    @pytest.mark.parametrize("code", MISMATCHED)
    def test_other_encryption_comes_first_and_then_the_other_port(self, code):
        found = ports(failed(code, at(587, STARTTLS), Stage.TLS))

        assert found == [(587, SSL), (465, SSL)]

    def test_mailbox_is_treated_alike(self):
        check = failed(CODE.REPLY_TIMEOUT, at(993, SSL), Stage.TLS, Protocol.IMAP)

        assert ports(check) == [(993, STARTTLS), (143, STARTTLS)]

    @pytest.mark.parametrize("stage", [Stage.CAPABILITIES, Stage.AUTH, Stage.SENDER, Stage.MAILBOX])
    def test_time_out_of_an_encrypted_dialogue_has_another_cause(self, stage):
        assert ports(failed(CODE.REPLY_TIMEOUT, at(587, STARTTLS), stage)) == []

    @pytest.mark.parametrize(
        "code",
        [code for code in CODE if code not in {*UNREACHED, *MISMATCHED, *REJECTED}],
    )
    def test_no_other_problem_is_tried_around(self, code):
        check = failed(code, at(587, STARTTLS), Stage.TLS)

        assert remedies(check, target(), known=(at(465, SSL),), try_usernames=True) == ()


class TestOtherUsername:
    @pytest.mark.parametrize("code", REJECTED)
    def test_other_form_is_tried_only_if_asked_for(self, code):
        check = failed(code, at(587, STARTTLS), Stage.AUTH)

        assert remedies(check, target(), known=(), try_usernames=False) == ()
        assert [each.username for each in remedies(check, target(), known=(), try_usernames=True)] == [
            USERNAME.partition("@")[0]
        ]

    @pytest.mark.parametrize(
        ("username", "other"),
        [
            pytest.param("shop@shop.test", ["shop"], id="address"),
            pytest.param("shop", [SENDER], id="local-part"),
            pytest.param(None, [], id="none"),
            pytest.param("@", [], id="nothing-left"),
        ],
    )
    def test_other_form_is_the_address_or_its_local_part(self, username, other):
        check = failed(CODE.AUTH_REJECTED, at(587, STARTTLS), Stage.AUTH)

        found = remedies(check, target(username), known=(), try_usernames=True)

        assert [each.username for each in found] == other

    def test_mailbox_has_a_user_name_of_its_own(self):
        check = failed(CODE.AUTH_REJECTED, at(993, SSL), Stage.AUTH, Protocol.IMAP)

        found = remedies(check, target(imap_username="box@shop.test"), known=(), try_usernames=True)

        assert [each.username for each in found] == ["box"]


class TestLaws:
    @given(
        code=st.sampled_from(CODE),
        stage=st.sampled_from(Stage),
        protocol=st.sampled_from([Protocol.SMTP, Protocol.IMAP]),
        port=st.sampled_from([25, 143, 465, 587, 993, 1025, 1143, 2525, 40_000]),
        security=st.sampled_from(Security),
        known=st.lists(
            st.builds(
                at,
                st.integers(1, 65_535),
                st.sampled_from(Security),
                st.sampled_from(["mail.shop.test", "known.shop.test"]),
            ),
            max_size=6,
        ),
        try_usernames=st.booleans(),
    )
    def test_nothing_weaker_nothing_elsewhere_and_three_at_most(
        self, code, stage, protocol, port, security, known, try_usernames
    ):
        endpoint = at(port, security)

        found = remedies(
            failed(code, endpoint, stage, protocol),
            target(),
            known=tuple(known),
            try_usernames=try_usernames,
        )

        assert len(found) <= 3
        assert {each.endpoint.host for each in found} <= {endpoint.host, *(each.host for each in known)}
        assert all(each.endpoint.security is not NONE for each in found if each.username is None)
        assert all(each.username is None for each in found) or len(found) == 1

    def test_what_was_tried_already_is_not_tried_around(self):
        endpoint = at(587, STARTTLS)
        check = Check(
            protocol=Protocol.SMTP,
            stage=Stage.CONNECT,
            endpoint=endpoint,
            elapsed=timedelta(0),
            problem=Problem(code=CODE.CONNECT_REFUSED, stage=Stage.CONNECT),
            remedy=Remedy(protocol=Protocol.SMTP, endpoint=endpoint),
        )

        assert remedies(check, target(), known=(), try_usernames=True) == ()


@pytest.fixture
def refused() -> Endpoint:
    """An endpoint on which nobody listens."""
    with ScriptedServer(()) as gone:
        return endpoint_of(gone)


def logins(*servers: ScriptedServer) -> list[bytes]:
    said = [line for server in servers for connection in server.connections for line in _lines(connection)]
    return [line for line in said if b"AUTH" in line.upper() or b" LOGIN " in line.upper()]


def _lines(connection: Connection) -> list[bytes]:
    return connection.commands


def run(
    target: Target, *known: Endpoint, try_usernames: bool = False, timeout: float = PATIENT
) -> list[Check]:
    return list(
        diagnose(
            target,
            SECRET,
            clock=REAL_CLOCK,
            timeout=timeout,
            known={Protocol.SMTP: known, Protocol.IMAP: known},
            try_usernames=try_usernames,
        )
    )


class TestTrying:
    def test_sound_servers_need_no_remedy(self):
        with ScriptedServer(submission_script()) as smtp, ScriptedServer(mailbox_script()) as imap:
            checks = run(target(smtp=endpoint_of(smtp), imap=endpoint_of(imap)))

        assert [check.problem for check in checks if check.problem] == []
        assert (works(checks), len(logins(smtp, imap))) == ((), 2)

    def test_way_that_works_is_found_logs_in_and_ends_the_search(self, authority, refused):
        context = authority.valid().context()
        with (
            ScriptedServer(submission_script(), tls_context=context) as server,
            ScriptedServer(submission_script(), tls_context=context) as further,
        ):
            known = (
                endpoint_of(server, SSL, authority=authority),
                endpoint_of(further, SSL, authority=authority),
            )
            broken = at(refused.port, STARTTLS, refused.host, authority=authority.ca_file.read_text("ascii"))
            checks = run(target(smtp=broken), *known)

        (found,) = works(checks)
        assert (found.endpoint.port, found.endpoint.security) == (server.port, SSL)
        assert {check.remedy for check in checks} == {None, found}
        assert checks[-1].stage is Stage.RECIPIENT
        assert len(logins(server)) == 1
        assert further.connections == []

    def test_next_way_is_tried_after_one_that_fails(self, authority, refused):
        with ScriptedServer(submission_script(), tls_context=authority.valid().context()) as server:
            known = (at(1, SSL, refused.host), endpoint_of(server, SSL, authority=authority))
            checks = run(
                target(smtp=at(refused.port, STARTTLS, refused.host, authority=known[1].authority)), *known
            )

        assert [each.endpoint.port for each in works(checks)] == [server.port]
        tried = [check.remedy.endpoint.port for check in checks if check.remedy]
        assert tried[0] == 1

    @pytest.mark.parametrize(
        ("security", "is_tls_first"),
        [pytest.param(STARTTLS, True, id="starttls-asked"), pytest.param(SSL, False, id="ssl-asked")],
    )
    @pytest.mark.parametrize("protocol", [Protocol.SMTP, Protocol.IMAP])
    def test_wrong_encryption_is_mended_on_the_same_port(self, authority, protocol, security, is_tls_first):
        script = submission_script if protocol is Protocol.SMTP else mailbox_script
        context = authority.valid().context()
        offered = script() if is_tls_first else script(tls_context=context)

        with ScriptedServer(offered, tls_context=context if is_tls_first else None) as server:
            endpoint = endpoint_of(server, security, authority=authority)
            checks = run(target(**{protocol.value: endpoint}), timeout=4 * BRIEF)

        (found,) = works(checks)
        assert found.endpoint.port == endpoint.port
        assert {found.endpoint.security, security} == {STARTTLS, SSL}
        assert len(logins(server)) == 1

    def test_untrusted_certificate_gets_no_secret_on_another_way_either(self, authority, refused):
        with ScriptedServer(submission_script(), tls_context=authority.other_host().context()) as server:
            known = (endpoint_of(server, SSL, authority=authority),)
            checks = run(target(smtp=at(refused.port, STARTTLS, refused.host)), *known)

        assert works(checks) == ()
        assert logins(server) == []


class TestSecret:
    def test_refused_secret_is_said_once_in_the_whole_run(self):
        refusing = submission_script(overrides={"AUTH": b"535 5.7.8 No"})

        with ScriptedServer(refusing) as smtp, ScriptedServer(mailbox_script()) as imap:
            run(target(smtp=endpoint_of(smtp), imap=endpoint_of(imap)))

        assert len(logins(smtp, imap)) == 1

    def test_secret_that_the_mailbox_refused_is_not_tried_on_another_way_of_sending(self, authority, refused):
        refusing = mailbox_script(overrides={"AUTHENTICATE": b"NO [AUTHENTICATIONFAILED] No"})

        with (
            ScriptedServer(submission_script(), tls_context=authority.valid().context()) as smtp,
            ScriptedServer(refusing) as imap,
        ):
            known = (endpoint_of(smtp, SSL, authority=authority),)
            broken = at(refused.port, STARTTLS, refused.host, authority=known[0].authority)
            checks = run(target(smtp=broken, imap=endpoint_of(imap)), *known)

        assert [each.endpoint.port for each in works(checks)] == [smtp.port]
        assert len(logins(smtp, imap)) == 1

    @pytest.mark.parametrize(
        "refusal",
        [
            pytest.param(b"535 5.7.8 Error: authentication failed", id="rejected"),
            pytest.param(b"535 5.7.8 Username and Password not accepted", id="not-accepted"),
        ],
    )
    def test_other_user_name_is_tried_once_and_no_further(self, refusal):
        refusing = submission_script(overrides={"AUTH": refusal})

        with ScriptedServer(refusing) as smtp, ScriptedServer(mailbox_script()) as imap:
            checks = run(target(smtp=endpoint_of(smtp), imap=endpoint_of(imap)), try_usernames=True)

        assert works(checks) == ()
        names = [_identity(line) for line in logins(smtp, imap)]
        assert names == [USERNAME, USERNAME.partition("@")[0]]

    def test_user_name_that_works_is_told(self):
        picky = (submission_script(overrides={"AUTH": b"535 5.7.8 No"}), submission_script())

        with ScriptedServer(*picky) as smtp:
            checks = run(target(smtp=endpoint_of(smtp)), try_usernames=True)

        assert [each.username for each in works(checks)] == [USERNAME.partition("@")[0]]

    @pytest.mark.parametrize(
        "refusal",
        [
            pytest.param(b"535 5.7.9 Application-specific password required", id="app-password"),
            pytest.param(b"454 4.7.0 Too many login attempts, please try again later.", id="too-many"),
            pytest.param(b"421 4.3.2 Bye", id="goodbye"),
        ],
    )
    def test_no_other_user_name_is_tried_where_that_is_not_the_fault(self, refusal):
        with ScriptedServer(submission_script(overrides={"AUTH": refusal})) as smtp:
            run(target(smtp=endpoint_of(smtp)), try_usernames=True)

        assert len(logins(smtp)) == 1

    def test_attempt_without_a_secret_ends_before_the_login(self):
        with ScriptedServer(submission_script()) as server:
            remedy = Remedy(protocol=Protocol.SMTP, endpoint=endpoint_of(server))
            checks = list(
                attempt(remedy, target(smtp=remedy.endpoint), None, clock=REAL_CLOCK, timeout=PATIENT)
            )

        assert (checks[-1].stage, works(checks)) == (Stage.SIZE, (remedy,))
        assert all(check.remedy == remedy for check in checks)
        assert logins(server) == []


def _identity(line: bytes) -> str:
    return base64.b64decode(line.split()[-1]).split(b"\0")[1].decode()
