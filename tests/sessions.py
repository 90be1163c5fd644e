"""What the tests of the network rooms start from: endpoints of test servers, clocks, canaries."""

from __future__ import annotations

import base64
import binascii
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pytest

from fluenzr_smtp.delivery import Courier, Delivery, Lane, Now
from fluenzr_smtp.model import (
    Account,
    Clock,
    Endpoint,
    Envelope,
    Octets,
    Secret,
    Security,
    StoredAccount,
    Submission,
    Target,
)
from fluenzr_smtp.outbox import Forgetful
from tests.servers.certificates import Authority
from tests.servers.scripted import Connection

PATIENT = 5.0  # seconds that no test waits for
BRIEF = 0.4  # the time-out of a step that is meant to end in one

USERNAME = "canary-user@shop.test"
SENDER = "canary-sender@shop.test"
RECIPIENT = "canary-recipient@shop.test"
SECRET = Secret("canary-secret-5e1f")
MESSAGE_ID = "<canary-message@shop.test>"
CONTENT = b"From: a@b.test\r\nSubject: canary\r\n\r\ncanary-body\r\n"

REAL_CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=time.sleep)

_PLAIN = base64.b64encode(f"\0{USERNAME}\0{SECRET.reveal()}".encode())
REPEATED_SECRETS = pytest.mark.parametrize(
    "repeated",
    [
        pytest.param(SECRET.reveal().encode(), id="in-clear"),
        pytest.param(SECRET.reveal().upper().encode(), id="in-capitals"),
        pytest.param(base64.b64encode(SECRET.reveal().encode()), id="as-in-login"),
        pytest.param(_PLAIN, id="as-in-plain"),
    ],
)

_BASE64_WORD = re.compile(rb"[A-Za-z0-9+/]{8,}={0,2}")


class Listening(Protocol):
    """A test server: where it listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Pause:
    """A step of a script: the server takes its time."""

    seconds: float

    def play(self, connection: Connection) -> None:
        connection.wait(self.seconds)


class SteppingClock:
    """A clock that moves when somebody sleeps, and by ``per_look`` whenever it is looked at."""

    def __init__(self, *, per_look: float = 0.0) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []
        self._per_look = per_look

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: datetime(2030, 1, 1, tzinfo=UTC), monotonic=self._look, sleep=self._sleep)

    def _look(self) -> float:
        self.seconds += self._per_look
        return self.seconds

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def endpoint_of(
    server: Listening, security: Security = Security.NONE, *, authority: Authority | None = None
) -> Endpoint:
    return endpoint_at(server.host, server.port, security, authority=authority)


def endpoint_at(host: str, port: int, security: Security, *, authority: Authority | None = None) -> Endpoint:
    trusted = None if authority is None else authority.ca_file.read_text("ascii")
    return Endpoint(host=host, port=port, security=security, authority=trusted)


def account_of(smtp: Endpoint, imap: Endpoint | None = None, **more: str) -> Account:
    settings = {"name": "shop", "address": SENDER, "username": USERNAME} | more
    return Account(smtp=smtp, imap=imap, **settings)


def target_of(smtp: Endpoint, imap: Endpoint | None = None, **more: str) -> Target:
    return Target.of(account_of(smtp, imap, **more))


def submission_to(*recipients: str, content: bytes = CONTENT, **needs: bool) -> Submission:
    envelope = Envelope(mail_from=SENDER, recipients=recipients or (RECIPIENT,))
    return Submission(envelope=envelope, message_id=MESSAGE_ID, content=Octets(content), **needs)


def deliver(
    account: Account, secret: Secret | None, submission: Submission, *, clock: Clock, timeout: float
) -> Delivery:
    """Deliver a message now or not at all; nothing is remembered of it."""
    now = clock.now()
    stored = StoredAccount(account=account, secret=secret, created=now, secret_changed=now)
    lane = Lane(stored=stored, provider=account.preset or "")
    ledger = Forgetful(clock=clock)
    claims = [ledger.begin(submission, account=account.name, lane=lane.key)]
    terms = Now(clock=clock, draw=lambda: 0.5)
    courier = Courier(lane, ledger, terms=terms, clock=clock, timeout=timeout)
    (delivery,) = courier.carry(lambda _room: (claims.pop(),) if claims else ())
    return delivery


def canaries_in(connection: Connection) -> list[bytes]:
    """Return the words of what a server received, in clear or in base64, that must not have been there."""
    heard = bytes(connection.received_wire + connection.received_plain + connection.received_tls)
    words = [heard, *(_decoded(word) for word in _BASE64_WORD.findall(heard))]
    return [word for word in words if b"canary" in word]


def secrets_in(shown: str) -> list[str]:
    """Return the forms of the secret that stand in what is shown, whatever their case."""
    login = base64.b64encode(SECRET.reveal().encode()).decode().rstrip("=")
    forms = (SECRET.reveal(), login[:-1], _PLAIN.decode()[-20:-4])
    return [form for form in forms if form.casefold() in shown.casefold()]


def _decoded(word: bytes) -> bytes:
    try:
        return base64.b64decode(word + b"=" * (-len(word) % 4))
    except binascii.Error:
        return b""
