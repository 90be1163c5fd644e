"""Many messages to a real Postfix: what it takes and refuses in a window, and what it has in the end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from fluenzr_smtp.model import Envelope, Octets, Outcome, Secret, Security, Skill, Skills, Submission
from fluenzr_smtp.smtp import Resumption, Settled, SMTPSession
from tests.servers.mailhost import MailHost
from tests.servers.postfix import GREYLISTED
from tests.sessions import PATIENT, REAL_CLOCK, endpoint_at

SKILLS = pytest.mark.parametrize(
    "broken",
    [
        pytest.param(set(), id="whole"),
        pytest.param({Skill.CHUNKING}, id="grouped"),
        pytest.param({Skill.CHUNKING, Skill.PIPELINING}, id="plain"),
    ],
)


def opened(mailhost: MailHost, authority: Any, *, implicit: bool = False, **settings: Any) -> SMTPSession:
    port = mailhost.smtps_port if implicit else mailhost.submission_port
    security = Security.IMPLICIT_TLS if implicit else Security.STARTTLS
    session = SMTPSession(
        endpoint_at(mailhost.host, port, security, authority=authority),
        clock=REAL_CLOCK,
        timeout=PATIENT,
        **settings,
    )
    session.open()
    session.authenticate(mailhost.shop.address, Secret(mailhost.shop.secret))
    return session


def message(
    mailhost: MailHost, name: str, *recipients: str, sender: str = "", more: bytes = b""
) -> Submission:
    message_id = f"<{name}@flights.test>"
    header = f"From: {mailhost.shop.address}\r\nMessage-ID: {message_id}\r\n\r\n".encode()
    return Submission(
        envelope=Envelope(
            mail_from=sender or mailhost.shop.address, recipients=recipients or ("x@elsewhere.test",)
        ),
        message_id=message_id,
        content=Octets(header + (more or b"hello\r\n")),
    )


def carried(session: SMTPSession, submissions: Sequence[Submission]) -> list[Settled]:
    waiting, told = list(submissions), []
    while session.in_flight or (waiting and session.is_open):
        while waiting and session.room:
            session.push(waiting.pop(0))
        told += session.settled()
    session.close()
    return told


def taken(mailhost: MailHost, prefix: str) -> list[str]:
    """Return the Message-IDs that Postfix has taken over, in its order."""
    return re.findall(rf"message-id=<({prefix}-\d+)@flights.test>", mailhost.log())


@SKILLS
def test_two_hundred_messages_are_taken_once_each_and_in_order(mailhost: MailHost, authority, broken):
    prefix = f"bulk{len(broken)}"
    messages = [message(mailhost, f"{prefix}-{number}") for number in range(200)]

    told = carried(opened(mailhost, authority, skills=Skills(broken=frozenset(broken))), messages)

    assert [each.submission for each in told] == messages
    assert {one.outcome for each in told for one in each.outcomes} == {Outcome.ACCEPTED}
    assert len({one.reply.text for each in told for one in each.outcomes if one.reply}) == 200
    assert taken(mailhost, prefix) == [f"{prefix}-{number}" for number in range(200)]


@SKILLS
def test_refusals_in_a_window_concern_their_own_messages_alone(mailhost: MailHost, authority, broken):
    prefix = f"mixed{len(broken)}"
    cases: list[tuple[dict[str, Any], tuple[str, ...], list[Outcome]]] = [
        ({}, (), [Outcome.ACCEPTED]),
        ({"sender": "other@shop.test"}, (), [Outcome.REJECTED]),
        ({}, ("x@elsewhere.test", GREYLISTED), [Outcome.ACCEPTED, Outcome.DEFERRED]),
        ({}, ("nobody@shop.test",), [Outcome.REJECTED]),
        ({"more": b".\r\n..\r\nMAIL FROM:<x@y.test>\r\n"}, (), [Outcome.ACCEPTED]),
        ({}, (GREYLISTED,), [Outcome.DEFERRED]),
        ({"more": b"x" * 900 + b"\r\n" + (b"y" * 98 + b"\r\n") * 5000}, (), [Outcome.ACCEPTED]),
        ({"sender": "second@shop.test"}, ("nobody@shop.test",), [Outcome.REJECTED]),
        ({}, (), [Outcome.ACCEPTED]),
    ]
    messages = [
        message(mailhost, f"{prefix}-{at}", *recipients, **more)
        for at, (more, recipients, _) in enumerate([cases[0], *cases * 2])
    ]

    told = carried(opened(mailhost, authority, skills=Skills(broken=frozenset(broken))), messages)

    expected = [outcomes for *_, outcomes in [cases[0], *cases * 2]]
    assert [[one.outcome for one in each.outcomes] for each in told] == expected
    arrived = [f"{prefix}-{at}" for at, each in enumerate(expected) if Outcome.ACCEPTED in each]
    assert taken(mailhost, prefix) == arrived


def test_message_beyond_the_limit_is_refused_and_the_next_one_taken(mailhost: MailHost, authority):
    session = opened(mailhost, authority)
    too_big = message(mailhost, "big-1", more=(b"x" * 98 + b"\r\n") * (mailhost.message_size_limit // 100))

    told = carried(session, [message(mailhost, "big-0"), too_big, message(mailhost, "big-2")])

    assert [each.outcomes[0].outcome for each in told] == [
        Outcome.ACCEPTED,
        Outcome.REJECTED,
        Outcome.ACCEPTED,
    ]
    assert taken(mailhost, "big") == ["big-0", "big-2"]


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_tls_session_is_resumed_within_a_run(mailhost: MailHost, authority, implicit):
    resumption = Resumption()
    reused: list[bool] = []

    for number in range(3):
        session = opened(mailhost, authority, implicit=implicit, resumption=resumption)
        encrypted = session._wire.encrypted
        reused.append(encrypted is not None and bool(encrypted.session_reused))
        session.submit(message(mailhost, f"again{implicit:d}-{number}"))
        session.close()

    assert reused == [False, True, True]


def test_what_postfix_can_do_is_learnt(mailhost: MailHost, authority):
    session = opened(mailhost, authority)

    session.submit(message(mailhost, "learnt-0"))
    learnt = session.learnt
    session.close()

    assert learnt == Skills(proven=frozenset(Skill))
