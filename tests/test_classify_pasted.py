"""A reply as it is pasted: the problem is found whatever stands around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluenzr_smtp.classify import STAGE_NAMES, explain
from fluenzr_smtp.classify.transport import ROWS
from fluenzr_smtp.problems import ProblemCode, ServerReply, Stage

CODE = ProblemCode

WRAPPED = [
    pytest.param(
        "(535, b'5.7.8 Username and Password not accepted. For more information, go to\\n5.7.8  "
        "https://support.google.com/mail/?p=BadCredentials x - gsmtp')",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="tuple-of-smtplib",
    ),
    pytest.param(
        "smtplib.SMTPAuthenticationError: (535, b'5.7.8 Error: authentication failed: UGFzc3dvcmQ6')",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="exception-of-smtplib",
    ),
    pytest.param(
        "534, b'5.7.9 Application-specific password required. For more information, go to\\n5.7.9  "
        "https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp'",
        CODE.AUTH_APP_PASSWORD_REQUIRED,
        Stage.AUTH,
        534,
        "5.7.9",
        id="arguments-of-the-exception",
    ),
    pytest.param(
        "smtplib.SMTPRecipientsRefused: {'bob@example.com': (550, b'5.1.1 <bob@example.com>: "
        "Recipient address "
        "rejected: User unknown in virtual mailbox table')}",
        CODE.RECIPIENT_REFUSED,
        Stage.RECIPIENT,
        550,
        "5.1.1",
        id="recipients-of-smtplib",
    ),
    pytest.param(
        "smtplib.SMTPSenderRefused: (553, b'5.7.1 <a@example.com>: Sender address rejected: not "
        "owned by user "
        "b@example.com', 'a@example.com')",
        CODE.SENDER_REFUSED,
        Stage.SENDER,
        553,
        "5.7.1",
        id="sender-of-smtplib",
    ),
    pytest.param(
        'Traceback (most recent call last):\n  File "/usr/lib/python3.11/smtplib.py", line 540, in login\n'
        "    raise SMTPAuthenticationError(code, resp)\nsmtplib.SMTPAuthenticationError: (535, b'5.7.8 bad')",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="traceback",
    ),
    pytest.param(
        "host mx.example.com[192.0.2.1] said: 550 5.1.1 <bob@example.com>: Recipient address rejected: User "
        "unknown in local recipient table (in reply to RCPT TO command)",
        CODE.RECIPIENT_REFUSED,
        Stage.RECIPIENT,
        550,
        "5.1.1",
        id="bounce-of-postfix",
    ),
    pytest.param(
        "May  3 10:00:01 mx postfix/smtp[1234]: 4F1A2: to=<bob@example.com>, "
        "relay=mx.example.com[192.0.2.1]:25, "
        "delay=1.1, dsn=5.7.1, status=bounced (host mx.example.com[192.0.2.1] said: 554 5.7.1 Spam message "
        "rejected (in reply to end of DATA command))",
        CODE.SPAM_REFUSED,
        Stage.MESSAGE,
        554,
        "5.7.1",
        id="log-of-postfix",
    ),
    pytest.param(
        "postfix/smtpd[1]: NOQUEUE: reject: RCPT from client[192.0.2.1]: 450 4.2.0 "
        "<bob@example.com>: Recipient "
        "address rejected: Greylisted; from=<a@example.com> to=<bob@example.com>",
        CODE.GREYLISTED,
        Stage.RECIPIENT,
        450,
        "4.2.0",
        id="log-of-the-receiving-postfix",
    ),
    pytest.param(
        "2024-05-01 10:00:00 1abcde-000abc-AB ** bob@example.com R=dnslookup T=remote_smtp H=mx.example.com "
        "[192.0.2.1]: SMTP error from remote mail server after RCPT TO:<bob@example.com>: 550 no such user",
        CODE.RECIPIENT_REFUSED,
        Stage.RECIPIENT,
        550,
        None,
        id="log-of-exim",
    ),
    pytest.param(
        "SMTP error from remote mail server after MAIL FROM:<a@example.com> SIZE=2022: 553 5.1.8 "
        "Domain of sender "
        "address does not exist",
        CODE.SENDER_REFUSED,
        Stage.SENDER,
        553,
        "5.1.8",
        id="exim-after-mail",
    ),
    pytest.param(
        "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 "
        "double-checking "
        "the recipient's email address for typos or 550 5.1.1 unnecessary spaces.",
        CODE.RECIPIENT_REFUSED,
        Stage.RECIPIENT,
        550,
        "5.1.1",
        id="code-repeated-in-one-line",
    ),
    pytest.param(
        "535-5.7.8 Username and Password not accepted.\n535 5.7.8 Learn more",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="several-lines",
    ),
    pytest.param(
        "554-Transaction failed / 554-Reject due to policy restrictions. / 554 For explanation visit "
        "https://postmaster.example/case?c=hi",
        CODE.CONTENT_REFUSED,
        Stage.MESSAGE,
        554,
        None,
        id="lines-joined-by-a-slash",
    ),
    pytest.param(
        "220 mx ESMTP\nEHLO me\n250-mx\n250 AUTH PLAIN\nAUTH PLAIN x\n535 5.7.8 bad\nQUIT\n221 bye",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="dialogue",
    ),
    pytest.param(
        "Error: Invalid login: 535-5.7.8 Username and Password not accepted.\n535 5.7.8 x - gsmtp",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="nodemailer",
    ),
    pytest.param(
        "javax.mail.AuthenticationFailedException: 535 5.7.8 Error: authentication failed:",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="jakarta-mail",
    ),
    pytest.param(
        "SMTP Error: MAIL FROM command failed,530 5.7.0 Must issue a STARTTLS command first",
        CODE.TLS_REQUIRED,
        Stage.SENDER,
        530,
        "5.7.0",
        id="phpmailer",
    ),
    pytest.param(
        "msmtp: authentication failed (method PLAIN)\nmsmtp: server message: 535 5.7.8 Error: "
        "authentication failed",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        535,
        "5.7.8",
        id="msmtp",
    ),
    pytest.param(
        "The SMTP server requires a secure connection or the client was not authenticated. The "
        "server response "
        "was: 5.7.57 Client not authenticated to send mail.",
        CODE.AUTH_REQUIRED,
        Stage.AUTH,
        None,
        "5.7.57",
        id="dotnet",
    ),
    pytest.param(
        "550 sorry, no mailbox here by that name. (#5.1.1)",
        CODE.RECIPIENT_REFUSED,
        Stage.RECIPIENT,
        550,
        "5.1.1",
        id="status-at-the-end",
    ),
    pytest.param(
        "550 #5.1.0 Address rejected.",
        CODE.RECIPIENT_REFUSED,
        Stage.RECIPIENT,
        550,
        "5.1.0",
        id="status-after-a-hash",
    ),
    pytest.param(
        "5.7.1 Relay access denied", CODE.RELAY_DENIED, Stage.RECIPIENT, None, "5.7.1", id="status-alone"
    ),
    pytest.param("Relay access denied", CODE.RELAY_DENIED, Stage.RECIPIENT, None, None, id="words-alone"),
    pytest.param(
        "SMTP Error: Could not authenticate.",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        None,
        None,
        id="words-of-a-program",
    ),
    pytest.param(
        "NO [AUTHENTICATIONFAILED] Authentication failed.",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        None,
        None,
        id="imap",
    ),
    pytest.param(
        "A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        None,
        None,
        id="imap-with-its-tag",
    ),
    pytest.param(
        "imaplib.IMAP4.error: b'[AUTHENTICATIONFAILED] Authentication failed.'",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        None,
        None,
        id="exception-of-imaplib",
    ),
    pytest.param(
        "* BYE [ALERT] Too many simultaneous connections",
        CODE.AUTH_TOO_MANY_LOGINS,
        Stage.GREETING,
        None,
        None,
        id="imap-farewell",
    ),
    pytest.param(
        "* BYE Temporary problem, please try again later",
        CODE.SERVER_FAULT,
        Stage.GREETING,
        None,
        None,
        id="imap-fault",
    ),
    pytest.param(
        "A3 NO [NONEXISTENT] Unknown Mailbox: Sent",
        CODE.MAILBOX_UNREADABLE,
        Stage.MAILBOX,
        None,
        None,
        id="imap-mailbox",
    ),
    pytest.param(
        "-ERR [AUTH] Username and password not accepted.",
        CODE.AUTH_REJECTED,
        Stage.AUTH,
        None,
        None,
        id="pop",
    ),
]


@pytest.mark.parametrize(("text", "code", "stage", "number", "status"), WRAPPED)
def test_reply_is_found_in_what_stands_around_it(text, code, stage, number, status):
    problem = explain(text)

    assert (problem.code, problem.stage) == (code, stage)
    assert (problem.reply.code, problem.reply.enhanced) == (number, status)


CURL = [
    ("curl: (55) RCPT failed: 550", CODE.RECIPIENT_REFUSED, Stage.RECIPIENT, 550),
    ("curl: (55) MAIL failed: 553", CODE.SENDER_REFUSED, Stage.SENDER, 553),
    ("curl: (67) Access denied: 535", CODE.AUTH_REJECTED, Stage.AUTH, 535),
]


@pytest.mark.parametrize(("text", "code", "stage", "number"), CURL)
def test_code_alone_that_curl_prints_is_read_in_its_stage(text, code, stage, number):
    problem = explain(text)

    assert (problem.code, problem.stage, problem.reply.code) == (code, stage, number)


PRINTED = [
    line.split("\t")
    for line in (Path(__file__).parent / "data" / "replies" / "printed.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("code", "text"), PRINTED, ids=[f"{row[0]}-{row[1][:40]}" for row in PRINTED])
def test_error_that_a_program_prints_has_a_name_and_no_reply(code, text):
    problem = explain(text)

    assert (problem.code, problem.reply) == (code, None)


def test_every_code_of_an_error_that_is_printed_has_a_row():
    assert {row.code for row in ROWS} <= {code for code, _ in PRINTED}


def test_refused_connection_of_a_known_bridge_means_that_it_is_not_running():
    problem = explain("Connection refused", provider="proton-bridge")

    assert problem.code is CODE.BRIDGE_NOT_RUNNING


def test_words_of_a_reply_are_not_taken_for_an_error_of_the_network():
    text = (
        "450 4.1.1 <bob@example.com>: Recipient address rejected: unverified address: lost connection with "
        "mx.example.com[192.0.2.1] while sending RCPT TO"
    )

    assert explain(text).code is CODE.RECIPIENT_REFUSED


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", CODE.REPLY_UNKNOWN),
        ("   \n\t ", CODE.REPLY_UNKNOWN),
        ("hello world", CODE.REPLY_UNKNOWN),
        ("\x00\x01\xff\ufffd", CODE.REPLY_UNKNOWN),
        ("250 2.0.0 OK", CODE.REPLY_UNKNOWN),
        ("421", CODE.SERVER_FAULT),
        ("450", CODE.RECIPIENT_REFUSED),
        ("500", CODE.COMMAND_REFUSED),
        ("535", CODE.AUTH_REJECTED),
        ("550", CODE.RECIPIENT_REFUSED),
        ("554", CODE.POLICY_REFUSED),
    ],
)
def test_text_that_tells_little_has_an_answer(text, code):
    assert explain(text).code is code


@pytest.mark.parametrize(
    "text", ["see port 465", "server:587", "line 540, in login", "[192.0.2.250]", "took 450ms"]
)
def test_number_that_is_no_reply_code_is_not_read_as_one(text):
    problem = explain(text)

    assert problem.reply.code is None


@pytest.mark.parametrize(
    "verb", ["connect", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "imap-login"]
)
def test_stage_is_known_by_its_verb(verb):
    stage = STAGE_NAMES[verb]

    assert explain("554 5.7.1 no words", stage=stage).stage is stage


@pytest.mark.parametrize("stage", set(STAGE_NAMES.values()))
def test_stage_is_known_by_our_own_name(stage):
    assert STAGE_NAMES[stage.value] is stage


def test_given_stage_is_kept_whatever_the_text_says():
    problem = explain("550 5.1.1 User unknown (in reply to RCPT TO command)", stage=Stage.MESSAGE)

    assert problem.stage is Stage.MESSAGE


def test_log_line_that_names_the_stage_decides_what_the_number_means():
    after_data = explain("host x said: 550 5.7.0 xyzzy (in reply to end of DATA command)")
    after_rcpt = explain("host x said: 550 5.7.0 xyzzy (in reply to RCPT TO command)")

    assert (after_data.code, after_rcpt.code) == (CODE.POLICY_REFUSED, CODE.RECIPIENT_REFUSED)


def test_reply_keeps_its_words_and_loses_what_stands_around_them():
    reply = explain("smtplib.SMTPDataError: (554, b'5.7.1 Spam\\n5.7.1 rejected')").reply

    assert reply == ServerReply(554, "5.7.1", "Spam\nrejected")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("status=bounced (host mx said: 554 5.7.1 Spam (in reply to end of DATA command))", "Spam"),
        ("(host mx refused to talk to me: 421 4.7.0 try later)", "try later"),
        ("(host mx said: 450 4.2.0 Greylisted (wait) (in reply to RCPT TO command))", "Greylisted (wait)"),
        ("550 5.1.1 no such user (x)", "no such user (x)"),
    ],
)
def test_closing_bracket_is_kept_only_if_the_reply_opened_it(text, words):
    assert explain(text).reply.text == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("imaplib.IMAP4.error: b'[AUTHENTICATIONFAILED] bad login'", "[AUTHENTICATIONFAILED] bad login"),
        ('imaplib.IMAP4.error: b"[ALERT] it\'s closed"', "[ALERT] it's closed"),
        (
            "imaplib.IMAP4.error: LOGIN command error: BAD [b'Error in command']",
            "imaplib.IMAP4.error: LOGIN command error: BAD Error in command",
        ),
    ],
)
def test_words_of_a_server_lose_how_python_writes_bytes(text, words):
    assert explain(text).reply.text == words


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("554 5.4.6 mail for example.com loops back to myself", CODE.SERVER_GAVE_UP),
        ("dsn=5.4.6, status=bounced (mail for example.com loops back to myself)", CODE.SERVER_GAVE_UP),
        ("451 4.4.6 mail loops back to myself", CODE.SERVER_FAULT),
    ],
)
def test_mail_that_loops_back_is_given_up_when_the_refusal_is_final(text, code):
    assert explain(text).code is code
