"""From replies to problems: total, and right where the code of the reply misleads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.classify import classify
from fluenzr_smtp.problems import MEANINGS, Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.smtp.replies import server_reply

CODE = ProblemCode
AUTH, SENDER, RECIPIENT, MESSAGE = Stage.AUTH, Stage.SENDER, Stage.RECIPIENT, Stage.MESSAGE

# Refusals that an account's own server gives, and what a script is to do about them.
SUBMISSION = [
    (AUTH, "535 5.7.8 Error: authentication failed", CODE.AUTH_REJECTED, 77),
    (AUTH, "535 Authentication Failed", CODE.AUTH_REJECTED, 77),
    (AUTH, "535-5.7.8 Username and Password not accepted.\n5.7.8 gsmtp", CODE.AUTH_REJECTED, 77),
    (AUTH, "534-5.7.9 Application-specific password required.", CODE.AUTH_APP_PASSWORD_REQUIRED, 77),
    (AUTH, "535 Authentication failed: Basic authentication is not allowed with 2FA enabled",
     CODE.AUTH_APP_PASSWORD_REQUIRED, 77),
    (AUTH, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
     CODE.AUTH_OAUTH_REQUIRED, 77),
    (AUTH, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
     CODE.AUTH_SMTP_DISABLED, 77),
    (AUTH, "504 5.7.4 Unrecognized authentication type", CODE.AUTH_MECHANISM_UNSUPPORTED, 77),
    (AUTH, "530 5.7.0 Must issue a STARTTLS command first.", CODE.TLS_REQUIRED, 76),
    (AUTH, "530 5.7.7 Email sending without SSL/TLS encryption is not allowed.", CODE.TLS_REQUIRED, 76),
    (AUTH, "554 5.1.8 Sender Address Blocked", CODE.AUTH_ACCOUNT_BLOCKED, 77),
    (AUTH, "454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
     CODE.AUTH_UNAVAILABLE, 75),
    (AUTH, "454 4.7.0 Too many login attempts, please try again later. gsmtp", CODE.AUTH_TOO_MANY_LOGINS, 75),
    (SENDER, "530 Authentication required", CODE.AUTH_REQUIRED, 77),
    (SENDER, "530 5.7.57 Client not authenticated to send mail.", CODE.AUTH_REQUIRED, 77),
    (SENDER, "553 5.7.1 Sender address rejected: not owned by auth user.", CODE.SENDER_REFUSED, 69),
    (SENDER, "552 5.3.4 Message size exceeds fixed limit", CODE.MESSAGE_TOO_BIG, 69),
    (SENDER, "452 4.3.1 Insufficient system storage", CODE.SERVER_FAULT, 75),
    (SENDER, "451 4.3.0 Error: queue file write error", CODE.SERVER_FAULT, 75),
    (RECIPIENT, "553 5.7.1 <a@b.test>: Sender address rejected: not owned by user c@b.test",
     CODE.SENDER_REFUSED, 69),
    (RECIPIENT, "550 5.1.1 <a@b.test>: Recipient address rejected: User unknown in virtual mailbox table",
     CODE.RECIPIENT_REFUSED, 67),
    (RECIPIENT, "554 5.7.1 <a@b.test>: Relay access denied", CODE.RELAY_DENIED, 67),
    (RECIPIENT, "450 4.2.0 <a@b.test>: Recipient address rejected: Greylisted, see postgrey",
     CODE.GREYLISTED, 75),
    (RECIPIENT, "422 4.2.2 Greylisted, please try again in a few moments.", CODE.GREYLISTED, 75),
    (RECIPIENT, "452 4.2.2 The email account that you tried to reach is over quota.", CODE.MAILBOX_FULL, 75),
    (RECIPIENT, "552 5.2.2 Mailbox full", CODE.MAILBOX_FULL, 67),
    (RECIPIENT, "452 4.5.3 Error: too many recipients", CODE.RECIPIENT_LIMIT, 75),
    (RECIPIENT, "450 4.3.2 Please wait to send more emails, or contact support", CODE.LIMIT_REACHED, 75),
    (MESSAGE, "454 Throttling failure: Maximum sending rate exceeded", CODE.LIMIT_REACHED, 75),
    (MESSAGE, "554 Message rejected: Email address is not verified.", CODE.SENDER_REFUSED, 69),
    (MESSAGE, "554 5.7.1 Message rejected under suspicion of SPAM", CODE.SPAM_REFUSED, 69),
    (MESSAGE, "550 5.7.1 Email rejected per DMARC policy for b.test", CODE.SENDER_DOMAIN_AUTH, 69),
    (MESSAGE, "554 5.6.0 Message contains bare LF", CODE.CONTENT_REFUSED, 69),
    (MESSAGE, "421 4.4.2 mail.b.test Error: timeout exceeded", CODE.SERVER_FAULT, 75),
    (Stage.GREETING, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list",
     CODE.IP_BLOCKED, 69),
    (Stage.GREETING, "421 4.3.2 All server ports are busy", CODE.SERVER_FAULT, 75),
    (Stage.TLS, "454 4.7.0 TLS not available due to local problem", CODE.SERVER_FAULT, 75),
    (Stage.TLS, "502 5.5.1 Not implemented", CODE.COMMAND_REFUSED, 76),
    (Stage.CAPABILITIES, "502 5.5.1 Error: command not recognized", CODE.COMMAND_REFUSED, 76),
]  # fmt: skip

# Where the class of the code says the opposite of what is meant.
MISLEADING = [
    (AUTH, "454 4.7.0 invalid username or password", CODE.AUTH_REJECTED, 77),  # Proton Bridge
    (MESSAGE, "554 5.0.0 Error: transaction failed, blame it on the weather: invalid return path",
     CODE.SENDER_REFUSED, 69),  # Proton Bridge
    (MESSAGE, "550 5.4.5 Daily user sending limit exceeded. gsmtp", CODE.LIMIT_REACHED, 75),  # Gmail
    (MESSAGE, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
     CODE.LIMIT_REACHED, 75),  # Exchange
    (SENDER, "451 5.7.3 STARTTLS is required to send mail", CODE.TLS_REQUIRED, 76),  # Exchange
    (AUTH, "451 5.7.3 STARTTLS is required to send mail", CODE.TLS_REQUIRED, 76),
    (AUTH, "535 5.7.1 Authentication failed", CODE.AUTH_REJECTED, 77),  # OVH, even if blocked for spam
    (AUTH, "535 5.7.0 (#AUTH005) Too many bad auth attempts.", CODE.AUTH_APP_PASSWORD_REQUIRED, 77),  # Yahoo
    (SENDER, "450 Requested mail action not taken: mailbox unavailable.",
     CODE.AUTH_APP_PASSWORD_REQUIRED, 77),  # Yahoo
    (MESSAGE, "553 Relaying disallowed as shop@b.test", CODE.SENDER_REFUSED, 69),  # Zoho, only after DATA
]  # fmt: skip


def reply_from(text: str) -> ServerReply:
    """Read a reply as it is written, its code once."""
    return server_reply(int(text[:3]), text[4:].encode())


def word(text: str) -> ServerReply:
    """Return what an IMAP server says."""
    return ServerReply(code=None, enhanced=None, text=text)


@pytest.mark.parametrize(("stage", "text", "code", "status"), [*SUBMISSION, *MISLEADING])
def test_reply_is_named_with_its_exit_status(stage, text, code, status):
    reply = reply_from(text)

    problem = Problem(code=classify(stage, reply), stage=stage, reply=reply)

    assert (problem.code, problem.exit_status) == (code, status)
    assert problem.is_transient is (status == 75)


@pytest.mark.parametrize(
    ("stage", "text", "code", "status"),
    [
        (AUTH, "NO [AUTHENTICATIONFAILED] Authentication failed.", CODE.AUTH_REJECTED, 77),
        (AUTH, "NO [ALERT] Application-specific password required", CODE.AUTH_APP_PASSWORD_REQUIRED, 77),
        (AUTH, "NO [UNAVAILABLE] Temporary authentication failure.", CODE.AUTH_UNAVAILABLE, 75),
        (AUTH, "NO [ALERT] Your account is not enabled for IMAP use.", CODE.AUTH_IMAP_DISABLED, 77),
        (AUTH, "NO [PRIVACYREQUIRED] Plaintext authentication disallowed", CODE.TLS_REQUIRED, 76),
        (AUTH, "BAD Error in IMAP command LOGIN", CODE.COMMAND_REFUSED, 76),
        (AUTH, "BYE Shutting down", CODE.SERVER_FAULT, 75),
        (Stage.GREETING, "BYE Too busy", CODE.SERVER_FAULT, 75),
        (Stage.TLS, "NO not now", CODE.TLS_STARTTLS_REFUSED, 76),
        (Stage.CAPABILITIES, "BAD what", CODE.UNEXPECTED_REPLY, 76),
        (Stage.MAILBOX, "NO [NONEXISTENT] Mailbox doesn't exist: Sent", CODE.MAILBOX_UNREADABLE, 69),
        (Stage.MAILBOX, "BYE Logged out for inactivity", CODE.SERVER_FAULT, 75),
    ],
)
def test_word_of_an_imap_server_is_named_with_its_exit_status(stage, text, code, status):
    problem = Problem(code=classify(stage, word(text)), stage=stage, reply=word(text))

    assert (problem.code, problem.exit_status) == (code, status)


def test_lines_of_a_reply_are_joined_before_they_are_matched():
    reply = reply_from("535-5.7.139 Authentication unsuccessful, basic\n5.7.139 authentication is disabled")

    assert classify(AUTH, reply) is CODE.AUTH_OAUTH_REQUIRED


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("code", [250, 354, 421, 450, 499, 500, 599, None])
def test_reply_without_words_has_a_name_too(stage, code):
    named = classify(stage, ServerReply(code=code, enhanced=None, text=""))

    assert named in MEANINGS


@given(
    stage=st.sampled_from(Stage),
    code=st.none() | st.integers(min_value=0, max_value=999),
    enhanced=st.none() | st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True),
    text=st.text(),
)
def test_every_reply_has_a_name(stage, code, enhanced, text):
    assert classify(stage, ServerReply(code=code, enhanced=enhanced, text=text)) in MEANINGS


@given(
    stage=st.sampled_from([SENDER, RECIPIENT, MESSAGE]),
    code=st.integers(min_value=400, max_value=499),
    detail=st.none() | st.from_regex(r"4\.[0-6]\.[0-9]{1,3}", fullmatch=True),  # 4.7.x may ask for encryption
)
def test_temporary_code_without_words_is_worth_another_try(stage, code, detail):
    reply = ServerReply(code=code, enhanced=detail, text="")

    assert Problem(code=classify(stage, reply), stage=stage, reply=reply).is_transient


@given(
    stage=st.sampled_from([AUTH, SENDER, RECIPIENT, MESSAGE]),
    code=st.integers(min_value=500, max_value=599),
)
def test_final_code_without_words_is_final(stage, code):
    reply = ServerReply(code=code, enhanced=None, text="")

    assert not Problem(code=classify(stage, reply), stage=stage, reply=reply).is_transient
