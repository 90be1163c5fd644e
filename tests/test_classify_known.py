"""Replies that were seen, and typical ones, as data: each falls into its topic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from fluenzr_smtp.classify import STAGE_NAMES, classify, explain
from fluenzr_smtp.problems import MEANINGS, ServerReply

REPLIES = Path(__file__).parent / "data" / "replies"


@dataclass(frozen=True)
class Known:
    """A row of known.tsv: a reply that somebody was given, and the category set by whoever collected it."""

    provider: str
    stage: str
    code: str
    enhanced: str
    category: str
    text: str

    @property
    def topic(self) -> str:
        return self.category.replace("_", "-")


def rows(name: str) -> list[list[str]]:
    lines = (REPLIES / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


KNOWN = [Known(*row) for row in rows("known.tsv")]
TYPICAL = [tuple(row) for row in rows("typical.tsv")]
RECEIVERS = [tuple(row) for row in rows("receivers.tsv")]
UNSEEN = [tuple(row) for row in rows("unseen.tsv")]

# Judged otherwise, knowingly: what is to be done about them is told by another section of the guide.
JUDGED_OTHERWISE = {
    # The fix is the name of the address, and the server says so.
    "550 5.7.1 Connections not accepted from servers without a valid sender domain. "
    "## Fix reverse DNS for x.xx.xx.xx": "ip-blocked",
    "550 5.7.1 Connections not accepted from servers without a valid sender domain."
    "neko Fix reverse DNS for 192.0.2.10": "ip-blocked",
    "421 4.7.23 The sending IP address for this message doesn't have a PTR record, or the PTR record's "
    "forward DNS entry doesn't match the sending IP address. To protect users from spam, your email has "
    "been temporarily rate limited.": "ip-blocked",
    "421 4.7.29 Your email has been rate limited because this message wasn't sent over a TLS connection. "
    "Gmail requires all bulk email senders to use TLS/SSL for SMTP connections.": "tls-required",
    "550 Sender frequency limited. "
    "http://service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000723": "send-limit",
    # Yahoo refuses the sender so where the login had no app password.
    "450 Requested mail action not taken: mailbox unavailable.": "app-password-required",
    # "other" of the collection tells nobody what to do.
    "553 you are trying to use me [xx.messagelabs.com] as a relay, but I have not been configured to let you "
    "[x.xx.xx.xx, example.com] do this. Please visit www.symanteccloud.com/troubleshooting for more details "
    "about this error message and instructions to resolve this issue. (#5.7.1)": "relay-denied",
    "551 5.7.1 Our database returned invalid pieces of information about the requested recipient’s domain "
    "(#id-5.9.3)": "recipient-refused",
    "550 5.7.1 can't determine Purported Responsible Address": "policy-refused",
    # A final refusal for the number of recipients never passes: the message has to be split.
    "552 Too many recipients": "recipient-limit",
}

# Without the provider: these words mean something else with everybody else.
NEEDS_PROVIDER = {"5.7.1 message content rejected": "content-refused"}

# Without the stage as well: the words leave it open.
NEEDS_STAGE = {
    "550 5.1.8 Domain of sender address does not exist": "sender-refused",
    # At RCPT a server counts the recipients of the message, after DATA those of the account.
    "452 4.5.3 Your message has too many recipients. For more information regarding Google's sending limits, "
    "visit https://support.google.com/mail/answer/6592 "
    "https://support.google.com/mail/?p=TooManyRecipientsError": "recipient-limit",
    "421 4.7.0 %s Error: too many errors": "server-error",
    # At RCPT these words are about the recipient, after DATA about the message.
    "550 5.4.1 All recipient addresses rejected : Access denied [#.eop-nam02.prod.protection.outlook.com]": (
        "recipient-refused"
    ),
    "550 5.1.1 RCP-P2 http://postmaster.facebook.com/response_codes?ip=192.0.2.10#rcp "
    "Refused due to recipient preferences": "recipient-refused",
    "550 5.7.1 can't determine Purported Responsible Address": "recipient-refused",
    "Requested action not taken: mailbox unavailable Reject due to policy restrictions.": "content-refused",
    "450 Requested mail action not taken: mailbox unavailable.": "recipient-refused",
    # 525 and 5.7.13 are about an account that logs in (RFC 7372).
    "525 5.7.13 Disabled recipient address": "account-blocked",
    "no such user": "recipient-refused",
}


@pytest.mark.parametrize(
    "known", KNOWN, ids=lambda known: f"{known.provider}-{known.stage}-{known.text[:40]}"
)
def test_known_reply_has_its_topic(known):
    problem = explain(known.text, stage=STAGE_NAMES[known.stage], provider=known.provider)

    assert problem.topic == JUDGED_OTHERWISE.get(known.text, known.topic)


@pytest.mark.parametrize(
    "known", KNOWN, ids=lambda known: f"{known.provider}-{known.stage}-{known.text[:40]}"
)
def test_known_reply_has_its_topic_without_the_provider(known):
    problem = explain(known.text, stage=STAGE_NAMES[known.stage])

    assert problem.topic == (JUDGED_OTHERWISE | NEEDS_PROVIDER).get(known.text, known.topic)


@pytest.mark.parametrize(
    "known", KNOWN, ids=lambda known: f"{known.provider}-{known.stage}-{known.text[:40]}"
)
def test_known_reply_has_its_topic_without_the_stage(known):
    problem = explain(known.text)

    assert problem.topic == (JUDGED_OTHERWISE | NEEDS_PROVIDER | NEEDS_STAGE).get(known.text, known.topic)


# What the collection left out or misread: a status at the end of the words, one that a client put before the
# reply. One of the class 7, which RFC 3463 does not have, is left out below.
STATUS_OTHERWISE = {
    "553 sorry, your envelope recipient is in my badrcptto list (#5.7.1)": "5.7.1",
    "failed,5.1.1 (bad destination mailbox address),smtp;553 Relaying disallowed,mx.zoho.com": "",
}


@pytest.mark.parametrize(
    "known",
    [
        known
        for known in KNOWN
        if known.code in known.text and known.enhanced[:1] in "45" and known.code.isdigit()
    ],
    ids=lambda known: f"{known.provider}-{known.stage}-{known.text[:40]}",
)
def test_code_and_status_are_read_out_of_a_known_reply(known):
    reply = explain(known.text, stage=STAGE_NAMES[known.stage]).reply

    assert (str(reply.code), reply.enhanced or "") == (
        known.code,
        STATUS_OTHERWISE.get(known.text, known.enhanced),
    )
    assert not reply.text.startswith((known.code, known.enhanced or known.code))


def test_no_known_reply_is_excused_without_need():
    texts = {known.text for known in KNOWN}

    assert {*JUDGED_OTHERWISE, *NEEDS_PROVIDER, *NEEDS_STAGE} <= texts
    assert len(JUDGED_OTHERWISE) / len(KNOWN) <= 0.03


@pytest.mark.parametrize(
    ("stage", "topic", "text"), TYPICAL, ids=[f"{row[0]}-{row[2][:50]}" for row in TYPICAL]
)
def test_typical_reply_has_its_topic(stage, topic, text):
    assert explain(text, stage=STAGE_NAMES[stage]).topic == topic


# Nothing but the stage tells whose mailbox it is, whether a deferral is greylisting, who is refused.
LEFT_OPEN = {
    "554 5.7.1 The mailbox is locked": "recipient-refused",
    "450 4.7.1 Temporarily deferred, come back later": "server-error",
    "554 resimta-po-01v.sys.comcast.net comcast 192.0.2.1 Comcast block for spam. Please see "
    "http://postmaster.comcast.net/smtp-error-codes.php#BL000000": "spam-refused",
    "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.": "policy-refused",
}


@pytest.mark.parametrize(
    ("stage", "topic", "text"), TYPICAL, ids=[f"{row[0]}-{row[2][:50]}" for row in TYPICAL]
)
def test_typical_reply_has_its_topic_without_the_stage(stage, topic, text):
    assert explain(text).topic == LEFT_OPEN.get(text, topic)


@pytest.mark.parametrize(
    ("provider", "stage", "topic", "text"),
    [*RECEIVERS, *UNSEEN],
    ids=[f"{row[0]}-{row[3][:50]}" for row in (*RECEIVERS, *UNSEEN)],
)
def test_reply_of_a_receiver_has_its_topic(provider, stage, topic, text):
    assert explain(text, stage=STAGE_NAMES[stage], provider=provider).topic == topic


@pytest.mark.parametrize("stage", sorted(STAGE_NAMES))
@pytest.mark.parametrize("provider", ["", "zoho", "postfix", "nobody-knows-it"])
def test_words_that_nobody_knows_have_a_name_at_every_stage(stage, provider):
    reply = ServerReply(code=None, enhanced=None, text="xyzzy")

    assert classify(STAGE_NAMES[stage], reply, provider) in MEANINGS
