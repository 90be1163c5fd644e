"""Replies whose code says another thing than they mean: each is named right, and tried again or not."""

from __future__ import annotations

import pytest

from fluenzr_smtp.classify import explain
from fluenzr_smtp.problems import ProblemCode, Stage

CODE = ProblemCode
AUTH, SENDER, RECIPIENT, MESSAGE = Stage.AUTH, Stage.SENDER, Stage.RECIPIENT, Stage.MESSAGE


def judged(text: str, stage: Stage, provider: str) -> tuple[ProblemCode, bool]:
    problem = explain(text, stage=stage, provider=provider)
    return problem.code, problem.is_transient


WEATHER = "554 5.0.0 Error: transaction failed, blame it on the weather: "


@pytest.mark.parametrize("provider", ["", "proton-bridge"])
class TestProtonBridge:
    @pytest.mark.parametrize(
        "said", ["invalid username or password", "no such user", "incorrect login credentials"]
    )
    def test_wrong_password_is_never_tried_again_though_the_code_is_temporary(self, provider, said):
        assert judged(f"454 4.7.0 {said}", AUTH, provider) == (CODE.AUTH_REJECTED, False)

    def test_fault_without_a_reason_at_login_passes(self, provider):
        assert judged("454 4.7.0 unknown error", AUTH, provider) == (CODE.AUTH_UNAVAILABLE, True)

    @pytest.mark.parametrize(
        "said", ["invalid return path", "can't send on address: other@example.com", "invalid sender address"]
    )
    def test_sender_is_refused_after_the_message(self, provider, said):
        assert judged(WEATHER + said, MESSAGE, provider) == (CODE.SENDER_REFUSED, False)

    def test_recipient_is_refused_after_the_message(self, provider):
        assert judged(WEATHER + "invalid recipient", MESSAGE, provider) == (CODE.RECIPIENT_REFUSED, False)

    def test_account_that_is_gone_is_a_failed_login(self, provider):
        assert judged(WEATHER + "no such user", MESSAGE, provider) == (CODE.AUTH_REJECTED, False)

    def test_too_many_failed_requests_pass(self, provider):
        text = WEATHER + "too many failed requests, please try again later"

        assert judged(text, MESSAGE, provider) == (CODE.SERVER_FAULT, True)


@pytest.mark.parametrize("provider", ["", "gmail", "google-workspace"])
@pytest.mark.parametrize(
    "unit", ["user sending quota", "user sending limit", "SMTP relay limit", "sending quota"]
)
def test_daily_limit_of_gmail_passes_though_the_code_is_final(provider, unit):
    assert judged(f"550 5.4.5 Daily {unit} exceeded. x - gsmtp", MESSAGE, provider) == (
        CODE.LIMIT_REACHED,
        True,
    )


def test_status_5_4_5_alone_is_a_limit():
    assert judged("550 5.4.5 xyzzy", MESSAGE, "") == (CODE.LIMIT_REACHED, True)


@pytest.mark.parametrize("provider", ["", "microsoft365"])
def test_quota_of_exchange_passes_though_the_code_is_final(provider):
    text = (
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message"
    )

    assert judged(text, MESSAGE, provider) == (CODE.LIMIT_REACHED, True)


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.CAPABILITIES, AUTH, SENDER, RECIPIENT, MESSAGE])
@pytest.mark.parametrize("provider", ["", "microsoft365"])
def test_starttls_that_is_required_is_never_tried_again_though_the_code_is_temporary(provider, stage):
    assert judged("451 5.7.3 STARTTLS is required to send mail", stage, provider) == (
        CODE.TLS_REQUIRED,
        False,
    )


@pytest.mark.parametrize("provider", ["ovh", "ovh-ca"])
def test_refused_login_at_ovh_may_be_a_blocked_mailbox(provider):
    code, is_transient = judged("535 5.7.1 Authentication failed", AUTH, provider)

    assert (code, is_transient) == (CODE.AUTH_REJECTED_MAYBE_BLOCKED, False)


@pytest.mark.parametrize("provider", ["zoho", "zoho-eu", "zoho-pro", "zoho-in-pro"])
def test_refused_login_at_zoho_may_be_the_wrong_region(provider):
    code, is_transient = judged("535 Authentication Failed", AUTH, provider)

    assert (code, is_transient) == (CODE.AUTH_REJECTED_MAYBE_REGION, False)


@pytest.mark.parametrize("text", ["535 5.7.1 Authentication failed", "535 Authentication Failed"])
def test_refused_login_anywhere_else_is_just_that(text):
    assert judged(text, AUTH, "") == (CODE.AUTH_REJECTED, False)


@pytest.mark.parametrize("provider", ["", "yahoo", "aol"])
class TestYahoo:
    def test_too_many_bad_attempts_mean_a_missing_app_password(self, provider):
        text = "535 5.7.0 (#AUTH005) Too many bad auth attempts."

        assert judged(text, AUTH, provider) == (CODE.AUTH_APP_PASSWORD_REQUIRED, False)

    def test_mailbox_unavailable_at_mail_means_a_missing_app_password(self, provider):
        text = "450 Requested mail action not taken: mailbox unavailable."

        assert judged(text, SENDER, provider) == (CODE.AUTH_APP_PASSWORD_REQUIRED, False)


@pytest.mark.parametrize(
    ("text", "stage", "provider"),
    [
        ("553 Relaying disallowed as shop@example.com", MESSAGE, "zoho"),
        ('553 Relaying disallowed as "shop@example.com"', MESSAGE, "zoho-eu"),
        ("553 5.7.1 Sender address rejected: not owned by auth user.", SENDER, "yandex"),
        (
            "553 5.7.1 <a@example.com>: Sender address rejected: not owned by user b@example.com",
            RECIPIENT,
            "postfix",
        ),
    ],
)
def test_sender_is_refused_at_whichever_stage_the_server_looks_at_it(text, stage, provider):
    known = judged(text, stage, provider)
    unknown = judged(text, stage, "")

    assert known == unknown == (CODE.SENDER_REFUSED, False)


@pytest.mark.parametrize("stage", [SENDER, RECIPIENT])
@pytest.mark.parametrize("provider", ["", "postfix"])
def test_sender_that_is_refused_for_want_of_a_login_is_about_the_login(provider, stage):
    text = "553 5.7.1 <a@example.com>: Sender address rejected: not logged in"

    assert judged(text, stage, provider) == (CODE.AUTH_REQUIRED, False)


@pytest.mark.parametrize("stage", [SENDER, RECIPIENT, MESSAGE])
@pytest.mark.parametrize(
    "text",
    [
        "552 Too many recipients",
        "550 5.5.3 Too many recipients",
        "550 Too many recipients per session",
        "554 5.7.1 Error: too many recipients specified",
        "554 too many rcpts in this message",
    ],
)
def test_too_many_recipients_for_good_are_never_tried_again(stage, text):
    assert judged(text, stage, "") == (CODE.RECIPIENT_LIMIT, False)


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("452 4.5.3 Too many recipients", MESSAGE),
        ("550 Too many recipients this hour", MESSAGE),
        ("550 5.7.1 Too many recipients today", RECIPIENT),
        ("554 Too many recipients, sending quota exceeded", MESSAGE),
    ],
)
def test_too_many_recipients_pass_where_a_time_or_a_quota_is_meant(text, stage):
    assert judged(text, stage, "") == (CODE.LIMIT_REACHED, True)


@pytest.mark.parametrize("provider", ["", "zoho"])
def test_relaying_disallowed_without_a_name_is_about_relaying(provider):
    assert judged("553 Relaying disallowed", MESSAGE, provider) == (CODE.RELAY_DENIED, False)


def test_greylisting_with_a_code_for_full_mailboxes_passes():
    text = "422 4.2.2 Greylisted, please try again in a few moments."

    assert judged(text, RECIPIENT, "stalwart") == (CODE.GREYLISTED, True)


def test_basic_authentication_wrapped_in_a_reply_to_mail_is_about_the_login():
    text = "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful"

    assert judged(text, SENDER, "")[0] is CODE.AUTH_REQUIRED


@pytest.mark.parametrize(
    ("text", "code", "is_transient"),
    [
        ("554 5.4.6 Too many hops", CODE.SERVER_GAVE_UP, False),
        ("550 4.4.7 QUEUE.Expired; message expired", CODE.SERVER_GAVE_UP, False),
        ("451 4.3.5 Server configuration error", CODE.SERVER_FAULT, True),
        ("554 5.3.5 Server configuration error", CODE.SERVER_GAVE_UP, False),
    ],
)
def test_fault_of_the_server_passes_unless_it_gave_up(text, code, is_transient):
    assert judged(text, MESSAGE, "") == (code, is_transient)
