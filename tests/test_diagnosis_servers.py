"""A diagnosis of real servers names what each of them means: Postfix, Dovecot, Exim, OpenSMTPD, Cyrus."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fluenzr_smtp.classify import classify
from fluenzr_smtp.diagnosis import diagnose, works
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Check, Endpoint, Protocol, Secret, Security, Target
from fluenzr_smtp.problems import Problem, ProblemCode, Stage
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.smtp.replies import server_reply
from tests.servers.certificates import Authority
from tests.servers.cyrus import running_cyrus
from tests.servers.exim import running_exim
from tests.servers.mailhost import Login, MailHost
from tests.servers.opensmtpd import running_opensmtpd
from tests.servers.unpacked import FOREIGN, NOBODY, RunningServer
from tests.sessions import PATIENT, REAL_CLOCK, endpoint_at, submission_to

WRONG = Secret("canary-wrong-3c07")
OTHER = {Security.STARTTLS: Security.IMPLICIT_TLS, Security.IMPLICIT_TLS: Security.STARTTLS}
BOTH = pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT_TLS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One protocol of a running server: where it is spoken, and who may log in."""

    protocol: Protocol
    host: str
    ports: dict[Security, int]
    login: Login
    authority: Authority

    def endpoint(self, port: Security, security: Security | None = None) -> Endpoint:
        """Return the port that is meant for one encryption, talked to with that or with another one."""
        return endpoint_at(self.host, self.ports[port], security or port, authority=self.authority)

    def target(self, endpoint: Endpoint) -> Target:
        """Return the server with its login as the target of a diagnosis."""
        servers = {"smtp": endpoint} if self.protocol is Protocol.SMTP else {"imap": endpoint}
        address = self.login.address
        return Target(name="shop", address=address, username=address, account="shop", **servers)


def place_of(server: RunningServer, protocol: Protocol, authority: Authority) -> Place:
    ports = {
        Security.STARTTLS: server.ports.starttls,
        Security.IMPLICIT_TLS: server.ports.implicit_tls,
        Security.NONE: server.ports.plain,
    }
    return Place(protocol=protocol, host=server.host, ports=ports, login=server.login, authority=authority)


@pytest.fixture(scope="module")
def exim(authority: Authority) -> Iterator[Place]:
    with running_exim(authority) as server:
        yield place_of(server, Protocol.SMTP, authority)


@pytest.fixture(scope="module")
def opensmtpd(authority: Authority) -> Iterator[Place]:
    with running_opensmtpd(authority) as server:
        yield place_of(server, Protocol.SMTP, authority)


@pytest.fixture(scope="module")
def cyrus(authority: Authority) -> Iterator[Place]:
    with running_cyrus(authority) as server:
        yield place_of(server, Protocol.IMAP, authority)


@pytest.fixture(scope="module")
def postfix(mailhost: MailHost, authority: Authority) -> Place:
    ports = {Security.STARTTLS: mailhost.submission_port, Security.IMPLICIT_TLS: mailhost.smtps_port}
    return Place(
        protocol=Protocol.SMTP, host=mailhost.host, ports=ports, login=mailhost.shop, authority=authority
    )


@pytest.fixture(scope="module")
def dovecot(mailhost: MailHost, authority: Authority) -> Place:
    ports = {Security.STARTTLS: mailhost.imap_port, Security.IMPLICIT_TLS: mailhost.imaps_port}
    return Place(
        protocol=Protocol.IMAP, host=mailhost.host, ports=ports, login=mailhost.shop, authority=authority
    )


Find = Callable[[str], Place]


@pytest.fixture
def find(request: pytest.FixtureRequest) -> Find:
    """Start a server the first time that it is asked for."""
    return request.getfixturevalue


def diagnosed(target: Target, secret: Secret | None) -> tuple[Check, ...]:
    checks = diagnose(target, secret, clock=REAL_CLOCK, timeout=PATIENT, known={}, try_usernames=False)
    return tuple(checks)


def failure_of(checks: tuple[Check, ...]) -> Check:
    """Return the check that failed; the remedies tried after it are no failures of the target."""
    (failed,) = (check for check in checks if check.is_failure and check.remedy is None)
    return failed


def facts_of(checks: tuple[Check, ...]) -> dict[Stage, dict[str, object]]:
    return {check.stage: dict(check.facts) for check in checks}


@contextlib.contextmanager
def session_with(endpoint: Endpoint, login: Login | None) -> Iterator[SMTPSession]:
    session = SMTPSession(endpoint, clock=REAL_CLOCK, timeout=PATIENT)
    with contextlib.closing(session):
        session.open()
        if login is not None:
            session.authenticate(login.address, Secret(login.secret))
        yield session


def refusal_of(session: SMTPSession, sender: str, recipient: str) -> Problem:
    try:
        session.check_sender(sender)
        session.check_recipient(recipient)
    except FluenzrError as error:
        return error.problem
    pytest.fail("nothing was refused")


SUBMISSION_STAGES = {
    Stage.RESOLVE,
    Stage.CONNECT,
    Stage.TLS,
    Stage.GREETING,
    Stage.CAPABILITIES,
    Stage.SIZE,
    Stage.AUTH,
    Stage.SENDER,
    Stage.RECIPIENT,
}
MAILBOX_STAGES = {
    Stage.RESOLVE,
    Stage.CONNECT,
    Stage.TLS,
    Stage.GREETING,
    Stage.CAPABILITIES,
    Stage.AUTH,
    Stage.MAILBOX,
    Stage.IDLE,
}


class TestAllHolds:
    @BOTH
    @pytest.mark.parametrize(
        ("name", "banner", "limit_bytes"),
        [
            pytest.param("postfix", "mail.shop.test ESMTP Postfix", 10_240_000, id="postfix"),
            pytest.param("exim", "mail.shop.test ESMTP Exim 4.", 1_000_000, id="exim"),
        ],
    )
    def test_submission_server_is_told_stage_by_stage(
        self, find: Find, name: str, banner: str, limit_bytes: int, security: Security
    ):
        place = find(name)
        target = place.target(place.endpoint(security))

        checks = diagnosed(target, Secret(place.login.secret))

        facts = facts_of(checks)
        assert [check.problem for check in checks if check.is_failure] == []
        assert set(facts) == SUBMISSION_STAGES
        assert facts[Stage.TLS]["version"] == "TLSv1.3"
        assert str(facts[Stage.GREETING]["banner"]).startswith(banner)
        assert {"8BITMIME", "PIPELINING", "SIZE"} <= set(facts[Stage.CAPABILITIES]["capabilities"])
        assert facts[Stage.CAPABILITIES]["mechanisms"] == ("PLAIN", "LOGIN")
        assert facts[Stage.SIZE]["limit_bytes"] == limit_bytes
        assert facts[Stage.AUTH]["mechanism"] == "PLAIN"

    @BOTH
    @pytest.mark.parametrize("name", ["dovecot", "cyrus"])
    def test_mailbox_server_is_told_stage_by_stage(self, find: Find, name: str, security: Security):
        place = find(name)
        target = place.target(place.endpoint(security))

        checks = diagnosed(target, Secret(place.login.secret))

        facts = facts_of(checks)
        assert [check.problem for check in checks if check.problem] == []
        assert set(facts) == MAILBOX_STAGES
        assert facts[Stage.TLS]["version"] == "TLSv1.3"
        assert name in str(facts[Stage.GREETING]["banner"]).lower()
        assert {"IMAP4REV1", "IDLE", "AUTH=PLAIN"} <= set(facts[Stage.CAPABILITIES]["capabilities"])
        assert facts[Stage.MAILBOX]["folder"] == "INBOX"

    def test_server_without_tls_and_login_is_told_as_it_is(self, opensmtpd):
        endpoint = opensmtpd.endpoint(Security.NONE)
        target = Target(name="shop", smtp=endpoint, address=opensmtpd.login.address, account="shop")

        checks = diagnosed(target, None)

        facts = facts_of(checks)
        assert [check.problem for check in checks if check.is_failure] == []
        assert set(facts) == SUBMISSION_STAGES - {Stage.TLS, Stage.AUTH}
        assert facts[Stage.GREETING]["banner"] == "mail.shop.test ESMTP OpenSMTPD"
        assert facts[Stage.SIZE]["limit_bytes"] == 1_000_000


class TestLogin:
    @BOTH
    @pytest.mark.parametrize("name", ["postfix", "exim", "dovecot", "cyrus"])
    def test_wrong_secret_is_named(self, find: Find, name: str, security: Security):
        place = find(name)

        checks = diagnosed(place.target(place.endpoint(security)), WRONG)

        failed = failure_of(checks)
        assert (failed.stage, failed.problem.code) == (Stage.AUTH, ProblemCode.AUTH_REJECTED)
        assert failed.problem.topic == "auth-failed"
        assert checks[-1] is failed

    def test_server_that_wants_a_login_first_says_so_at_the_sender(self, opensmtpd):
        endpoint = opensmtpd.endpoint(Security.STARTTLS, Security.NONE)

        with session_with(endpoint, None) as session:
            problem = refusal_of(session, opensmtpd.login.address, opensmtpd.login.address)

        assert (problem.stage, problem.code) == (Stage.SENDER, ProblemCode.AUTH_REQUIRED)


class TestEncryption:
    @pytest.mark.parametrize("name", ["postfix", "exim", "opensmtpd", "dovecot", "cyrus"])
    def test_implicit_tls_on_the_starttls_port_is_named(self, find: Find, name: str):
        place = find(name)
        endpoint = place.endpoint(Security.STARTTLS, Security.IMPLICIT_TLS)

        failed = failure_of(diagnosed(place.target(endpoint), None))

        expected = (Stage.TLS, ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT)
        assert (failed.stage, failed.problem.code) == expected

    @pytest.mark.parametrize("name", ["postfix", "exim", "opensmtpd", "dovecot", "cyrus"])
    def test_starttls_on_the_implicit_tls_port_is_named(self, find: Find, name: str):
        place = find(name)
        endpoint = place.endpoint(Security.IMPLICIT_TLS, Security.STARTTLS)

        failed = failure_of(diagnosed(place.target(endpoint), None))

        expected = (Stage.GREETING, ProblemCode.TLS_STARTTLS_ON_IMPLICIT_PORT)
        assert (failed.stage, failed.problem.code) == expected

    @pytest.mark.parametrize("name", ["postfix", "exim", "dovecot", "cyrus"])
    @BOTH
    def test_other_encryption_is_tried_and_works(self, find: Find, name: str, security: Security):
        place = find(name)
        endpoint = place.endpoint(security, OTHER[security])

        checks = diagnosed(place.target(endpoint), Secret(place.login.secret))

        (remedy,) = works(checks)
        assert remedy.endpoint == place.endpoint(security)
        assert [check.ok for check in checks if check.stage is Stage.AUTH] == [True]

    @BOTH
    def test_server_that_fails_in_the_handshake_is_named(self, opensmtpd, security):
        target = opensmtpd.target(opensmtpd.endpoint(security))

        checks = diagnosed(target, Secret(opensmtpd.login.secret))

        if any(check.stage is Stage.TLS and check.ok for check in checks):
            pytest.skip("this OpenSMTPD speaks TLS")
        failed = failure_of(checks)
        assert (failed.stage, failed.problem.code) == (Stage.TLS, ProblemCode.TLS_HANDSHAKE_FAILED)
        assert not [check for check in checks if check.stage is Stage.AUTH]

    def test_cyrus_refuses_a_login_without_tls(self, cyrus):
        endpoint = cyrus.endpoint(Security.STARTTLS, Security.NONE)

        failed = failure_of(diagnosed(cyrus.target(endpoint), Secret(cyrus.login.secret)))

        assert failed.stage is Stage.AUTH
        assert failed.problem.topic == "tls-required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Who is refused by whom, and as what; ``logs_in`` where the server asks for that."""

    server: str
    port: Security = Security.STARTTLS
    security: Security = Security.STARTTLS
    logs_in: bool = False
    sender: str = "shop@shop.test"
    recipient: str = "shop@shop.test"
    stage: Stage = Stage.RECIPIENT
    code: ProblemCode


REFUSALS = {
    "postfix-unknown-recipient": Refused(
        server="postfix", logs_in=True, recipient=NOBODY, code=ProblemCode.RECIPIENT_REFUSED
    ),
    "postfix-relay": Refused(
        server="postfix", logs_in=True, recipient=FOREIGN, code=ProblemCode.RELAY_DENIED
    ),
    "postfix-sender-of-another-login": Refused(
        server="postfix", logs_in=True, sender="second@shop.test", code=ProblemCode.SENDER_REFUSED
    ),
    "exim-unknown-recipient": Refused(server="exim", recipient=NOBODY, code=ProblemCode.RECIPIENT_REFUSED),
    "exim-relay": Refused(server="exim", recipient=FOREIGN, code=ProblemCode.RELAY_DENIED),
    "exim-relay-without-tls": Refused(
        server="exim", security=Security.NONE, recipient=FOREIGN, code=ProblemCode.RELAY_DENIED
    ),
    "exim-sender-that-cannot-be-answered": Refused(
        server="exim", logs_in=True, sender="shop@nowhere.test", code=ProblemCode.SENDER_REFUSED
    ),
    "opensmtpd-unknown-recipient": Refused(
        server="opensmtpd",
        port=Security.NONE,
        security=Security.NONE,
        recipient=NOBODY,
        code=ProblemCode.RECIPIENT_REFUSED,
    ),
    # Its words are the same as for an unknown recipient of its own.
    "opensmtpd-relay": Refused(
        server="opensmtpd",
        port=Security.NONE,
        security=Security.NONE,
        recipient=FOREIGN,
        code=ProblemCode.RECIPIENT_REFUSED,
    ),
}


class TestRefusals:
    @pytest.mark.parametrize("row", REFUSALS.values(), ids=REFUSALS.keys())
    def test_refusal_is_named_in_its_stage(self, find: Find, row: Refused):
        place = find(row.server)
        endpoint = place.endpoint(row.port, row.security)

        with session_with(endpoint, place.login if row.logs_in else None) as session:
            problem = refusal_of(session, row.sender, row.recipient)

        assert (problem.stage, problem.code) == (row.stage, row.code), problem.reply


class TestSize:
    def test_message_above_the_announced_size_is_not_even_begun(self, exim):
        content = b"X: y\r\n\r\n" + b"x" * 1_000_000

        with (
            session_with(exim.endpoint(Security.STARTTLS), exim.login) as session,
            pytest.raises(FluenzrError) as caught,
        ):
            session.submit(submission_to(exim.login.address, content=content))

        problem = caught.value.problem
        assert problem.code is ProblemCode.MESSAGE_TOO_BIG
        assert problem.facts["limit_bytes"] == 1_000_000

    @pytest.mark.parametrize(
        ("name", "port"),
        [
            pytest.param("postfix", Security.IMPLICIT_TLS, id="postfix"),
            pytest.param("exim", Security.STARTTLS, id="exim"),
        ],
    )
    def test_server_s_own_words_for_a_size_above_its_limit_are_understood(
        self, find: Find, name: str, port: Security
    ):
        place = find(name)

        with _spoken_to(place, port) as client:
            reply = server_reply(*client.mail(place.login.address, ["SIZE=99999999"]))

        assert classify(Stage.SENDER, reply) is ProblemCode.MESSAGE_TOO_BIG


@contextlib.contextmanager
def _spoken_to(place: Place, port: Security) -> Iterator[smtplib.SMTP]:
    """Talk to a server with the standard library, which sends what it is told to."""
    context = place.authority.client_context()
    if port is Security.IMPLICIT_TLS:
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            place.host, place.ports[port], context=context, timeout=PATIENT
        )
    else:
        client = smtplib.SMTP(place.host, place.ports[port], timeout=PATIENT)
    with client:
        client.ehlo()
        if client.has_extn("auth"):
            client.login(place.login.address, place.login.secret)
        yield client
