"""Problem codes: each has a meaning, and scripts can rely on the exit status."""

from __future__ import annotations

import re

import pytest

from fluenzr_smtp.problems import MEANINGS, ExitStatus, Problem, ProblemCode, Retry, ServerReply, Stage

CODE = ProblemCode
FOR_NOW = ServerReply(451, "4.3.0", "later")
FOR_GOOD = ServerReply(550, "5.7.1", "no")


def test_every_code_has_a_meaning_and_no_meaning_is_left_over():
    assert set(MEANINGS) == set(ProblemCode)


@pytest.mark.parametrize("code", list(ProblemCode))
def test_code_and_topic_are_in_kebab_case(code):
    kebab = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

    assert kebab.fullmatch(code.value)
    assert kebab.fullmatch(MEANINGS[code].topic)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (CODE.USAGE_INVALID, 64),
        (CODE.INPUT_REQUIRED, 64),
        (CODE.PRESET_UNKNOWN, 64),
        (CODE.ADDRESS_MALFORMED, 65),
        (CODE.HEADER_MALFORMED, 65),
        (CODE.SECRET_EMPTY, 65),
        (CODE.SMTPUTF8_NOT_OFFERED, 65),
        (CODE.EIGHT_BIT_NOT_OFFERED, 65),
        (CODE.FILE_MISSING, 66),
        (CODE.RECIPIENT_REFUSED, 67),
        (CODE.DNS_HOST_UNKNOWN, 68),
        (CODE.SENDER_REFUSED, 69),
        (CODE.MESSAGE_TOO_BIG, 69),
        (CODE.CONTENT_REFUSED, 69),
        (CODE.POLICY_REFUSED, 69),
        (CODE.BUG, 70),
        (CODE.FILE_NOT_CREATED, 73),
        (CODE.FILE_NOT_WRITTEN, 74),
        (CODE.DISK_FULL, 74),
        (CODE.CONNECT_REFUSED, 75),
        (CODE.CONNECT_TIMEOUT, 75),
        (CODE.CONNECTION_LOST, 75),
        (CODE.REPLY_TIMEOUT, 75),
        (CODE.GREYLISTED, 75),
        (CODE.LIMIT_REACHED, 75),
        (CODE.ARRIVAL_NOT_SEEN, 75),
        (CODE.TLS_STARTTLS_NOT_OFFERED, 76),
        (CODE.TLS_IMPLICIT_ON_STARTTLS_PORT, 76),
        (CODE.TLS_STARTTLS_ON_IMPLICIT_PORT, 76),
        (CODE.TLS_CERTIFICATE_EXPIRED, 76),
        (CODE.TLS_CERTIFICATE_WRONG_HOST, 76),
        (CODE.TLS_CERTIFICATE_SELF_SIGNED, 76),
        (CODE.TLS_CERTIFICATE_CHANGED, 76),
        (CODE.REPLY_MALFORMED, 76),
        (CODE.NOT_A_MAIL_SERVER, 76),
        (CODE.AUTH_REJECTED, 77),
        (CODE.AUTH_APP_PASSWORD_REQUIRED, 77),
        (CODE.AUTH_OAUTH_REQUIRED, 77),
        (CODE.ACCOUNT_UNKNOWN, 78),
        (CODE.ACCOUNT_NONE, 78),
        (CODE.VAULT_LOCKED, 78),
        (CODE.VAULT_PASSPHRASE_WRONG, 78),
        (CODE.KEYRING_UNAVAILABLE, 78),
        (CODE.RECIPIENTS_PARTLY_REFUSED, 80),
        (CODE.OUTBOX_IN_DOUBT, 81),
        (CODE.INTERRUPTED, 130),
    ],
)
def test_exit_status_is_what_was_promised(code, status):
    assert Problem(code=code, stage=Stage.INTERNAL).exit_status == status


@pytest.mark.parametrize("code", [code for code in CODE if MEANINGS[code].retry is Retry.BY_REPLY])
def test_reply_decides_where_the_code_leaves_it_open(code):
    later = Problem(code=code, stage=Stage.MESSAGE, reply=FOR_NOW)
    never = Problem(code=code, stage=Stage.MESSAGE, reply=FOR_GOOD)

    assert (later.is_transient, later.exit_status) == (True, ExitStatus.TEMPORARY)
    assert (never.is_transient, never.exit_status) == (False, MEANINGS[code].exit_status)
    assert not Problem(code=code, stage=Stage.MESSAGE).is_transient


@pytest.mark.parametrize("code", [code for code in CODE if MEANINGS[code].retry is not Retry.BY_REPLY])
@pytest.mark.parametrize("reply", [FOR_NOW, FOR_GOOD, None], ids=["for-now", "for-good", "none"])
def test_code_decides_where_it_is_certain(code, reply):
    problem = Problem(code=code, stage=Stage.MESSAGE, reply=reply)

    assert problem.is_transient is (MEANINGS[code].retry is Retry.LATER)


def test_only_what_is_worth_another_try_ends_in_75():
    for code in CODE:
        ends_in_75 = MEANINGS[code].exit_status is ExitStatus.TEMPORARY
        assert ends_in_75 is (MEANINGS[code].retry is Retry.LATER), code


def test_doubt_is_never_worth_another_try():
    assert not Problem(code=CODE.OUTBOX_IN_DOUBT, stage=Stage.MESSAGE, reply=FOR_NOW).is_transient


def test_what_is_known_is_kept_when_more_becomes_known():
    problem = Problem(code=CODE.BUG, stage=Stage.INTERNAL, facts={"host": "first"})

    richer = problem.with_facts(host="second", port=25)

    assert richer.facts == {"host": "first", "port": 25}
    assert problem.facts == {"host": "first"}


def test_equal_problems_count_once():
    first = Problem(code=CODE.BUG, stage=Stage.INTERNAL, facts={"host": "a"})
    same = Problem(code=CODE.BUG, stage=Stage.INTERNAL, facts={"host": "a"})
    other = Problem(code=CODE.BUG, stage=Stage.INTERNAL, facts={"host": "b"})

    assert len({first, same, other}) == 2


@pytest.mark.parametrize(
    ("reply", "transient"),
    [
        (ServerReply(451, "5.7.3", "x"), True),
        (ServerReply(None, "4.7.1", "x"), True),
        (ServerReply(None, "5.7.1", "x"), False),
        (ServerReply(None, None, "NO x"), False),
    ],
    ids=["code-first", "status-alone", "status-for-good", "imap"],
)
def test_the_class_of_a_reply_is_that_of_its_code_else_of_its_status(reply, transient):
    assert reply.is_transient is transient
