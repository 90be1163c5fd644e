"""The rows: each code that they can give has a reply that shows it; no pattern is slow; servers are known."""

from __future__ import annotations

import re
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.classify import (
    SERVERS,
    classify,
    codes,
    explain,
    providers,
    refined,
    refused_code,
    texts,
    transport,
)
from fluenzr_smtp.problems import Problem, ProblemCode, ServerReply, Stage

CODE = ProblemCode

TEXT_ROWS = [
    *texts.TEXTS,
    *texts.LINKS,
    *texts.REFUSALS,
    *(row for key in SERVERS for row in providers.rows_of(key)),
]
PATTERNS = sorted({row.pattern for row in (*TEXT_ROWS, *transport.ROWS)})

SHOWN = {
    CODE.AUTH_ACCOUNT_BLOCKED: (Stage.AUTH, "535 Your account is suspended", ""),
    CODE.AUTH_APP_PASSWORD_REQUIRED: (Stage.AUTH, "534 5.7.9 Application-specific password required", ""),
    CODE.AUTH_IMAP_DISABLED: (Stage.AUTH, "NO [ALERT] Your account is not enabled for IMAP use", ""),
    CODE.AUTH_MECHANISM_UNSUPPORTED: (Stage.AUTH, "504 5.7.4 Unrecognized authentication type", ""),
    CODE.AUTH_NOT_OFFERED: (Stage.AUTH, "503 5.5.1 Error: authentication not enabled", ""),
    CODE.AUTH_OAUTH_REQUIRED: (Stage.AUTH, "535 5.7.139 Basic authentication is disabled", ""),
    CODE.AUTH_REJECTED: (Stage.AUTH, "535 5.7.8 Error: authentication failed", ""),
    CODE.AUTH_REJECTED_MAYBE_BLOCKED: (Stage.AUTH, "535 5.7.1 Authentication failed", "ovh"),
    CODE.AUTH_REJECTED_MAYBE_REGION: (Stage.AUTH, "535 Authentication Failed", "zoho"),
    CODE.AUTH_REQUIRED: (Stage.SENDER, "530 5.7.0 Authentication required", ""),
    CODE.AUTH_SMTP_DISABLED: (Stage.AUTH, "535 5.7.139 SmtpClientAuthentication is disabled", ""),
    CODE.AUTH_TOO_MANY_LOGINS: (Stage.AUTH, "454 4.7.0 Too many login attempts", ""),
    CODE.AUTH_UNAVAILABLE: (Stage.AUTH, "454 4.7.0 Temporary authentication failure", ""),
    CODE.AUTH_VERIFICATION_REQUIRED: (Stage.AUTH, "534 5.7.14 Please log in via your web browser", ""),
    CODE.COMMAND_REFUSED: (Stage.SENDER, "503 5.5.1 Error: nested MAIL command", ""),
    CODE.CONTENT_REFUSED: (Stage.MESSAGE, "552 5.7.0 Our system detected an illegal attachment", ""),
    CODE.GREYLISTED: (Stage.RECIPIENT, "450 4.2.0 Greylisted, try again in 5 minutes", ""),
    CODE.IP_BLOCKED: (Stage.GREETING, "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", ""),
    CODE.LIMIT_REACHED: (Stage.MESSAGE, "454 Throttling failure: Maximum sending rate exceeded", ""),
    CODE.MAILBOX_FULL: (Stage.RECIPIENT, "552 5.2.2 Mailbox full", ""),
    CODE.MAILBOX_UNREADABLE: (Stage.MAILBOX, "NO [NONEXISTENT] Mailbox doesn't exist: Sent", ""),
    CODE.MESSAGE_TOO_BIG: (Stage.SENDER, "552 5.3.4 Message size exceeds fixed limit", ""),
    CODE.POLICY_REFUSED: (Stage.MESSAGE, "550 Administrative prohibition", ""),
    CODE.RECIPIENT_BUSY: (Stage.RECIPIENT, "450 4.2.1 The user is receiving mail too quickly", ""),
    CODE.RECIPIENT_LIMIT: (Stage.RECIPIENT, "452 4.5.3 Error: too many recipients", ""),
    CODE.RECIPIENT_REFUSED: (Stage.RECIPIENT, "550 5.1.1 User unknown", ""),
    CODE.RELAY_DENIED: (Stage.RECIPIENT, "554 5.7.1 Relay access denied", ""),
    CODE.REPLY_UNKNOWN: (Stage.SENDER, "xyzzy", ""),
    CODE.SENDER_DOMAIN_AUTH: (Stage.MESSAGE, "550 5.7.1 Email rejected per DMARC policy", ""),
    CODE.SENDER_REFUSED: (Stage.SENDER, "553 5.7.1 Sender address rejected: not owned by auth user.", ""),
    CODE.SERVER_FAULT: (Stage.MESSAGE, "451 4.3.0 Temporary server error", ""),
    CODE.SERVER_GAVE_UP: (Stage.MESSAGE, "554 5.4.6 Too many hops", ""),
    CODE.SERVER_REFUSED: (Stage.GREETING, "521 xyzzy", ""),
    CODE.SPAM_REFUSED: (Stage.MESSAGE, "554 5.7.1 Message rejected under suspicion of SPAM", ""),
    CODE.TLS_REQUIRED: (Stage.SENDER, "530 5.7.0 Must issue a STARTTLS command first", ""),
    CODE.TLS_STARTTLS_NOT_OFFERED: (Stage.TLS, "554 5.7.3 STARTTLS is not supported", ""),
    CODE.TLS_STARTTLS_REFUSED: (Stage.TLS, "554 5.7.3 Unable to initialize security subsystem", ""),
    CODE.UNEXPECTED_REPLY: (Stage.CAPABILITIES, "BAD xyzzy", ""),
}  # fmt: skip


@pytest.mark.parametrize(("code", "shown"), SHOWN.items(), ids=SHOWN)
def test_code_is_shown_by_a_reply(code, shown):
    stage, text, provider = shown

    assert explain(text, stage=stage, provider=provider).code is code


def test_every_code_that_a_row_can_give_is_shown():
    by_number = {code for _, _, code in (*codes.ENHANCED, *codes.REPLIES)}

    assert {row.code for row in TEXT_ROWS} | by_number <= set(SHOWN)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_gaps_of_a_pattern_are_bounded(pattern):
    re.compile(pattern)

    assert not re.search(r"(?<!\\)\.[*+]|\][*+]|\)[*+]\)?[*+]", pattern)


def test_servers_with_rows_of_their_own_are_known_by_every_name():
    assert {"proton-bridge", "zoho", "zoho-eu", "ovh", "ovh-ca", "gmail", "postfix", "dovecot"} <= SERVERS
    assert all(providers.rows_of(server) for server in SERVERS)


@pytest.mark.parametrize("provider", [" Zoho ", "ZOHO"])
def test_provider_is_known_however_its_name_is_written(provider):
    reply = ServerReply(535, None, "Authentication Failed")

    assert classify(Stage.AUTH, reply, provider) is CODE.AUTH_REJECTED_MAYBE_REGION


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("421 mwinf5c04 ME Service refusé. Veuillez essayer plus tard.", CODE.SERVER_FAULT),
        ("550 5.5.0 Le compte du destinataire est bloqué", CODE.RECIPIENT_REFUSED),
        ("552 Boîte du destinataire pleine", CODE.MAILBOX_FULL),
        ("550 Usuário inexistente", CODE.RECIPIENT_REFUSED),
        ("550 El buzón está lleno", CODE.MAILBOX_FULL),
        ("550 Empfänger unbekannt", CODE.RECIPIENT_REFUSED),
        ("550 Nachricht zu groß", CODE.MESSAGE_TOO_BIG),
        ("554 Ваше письмо похоже на спам", CODE.SPAM_REFUSED),
        ("550 Нет такого пользователя", CODE.RECIPIENT_REFUSED),
        ("550 收件人不存在", CODE.RECIPIENT_REFUSED),
        ("552 邮箱已满", CODE.MAILBOX_FULL),
        ("550 宛先が見つかりません", CODE.RECIPIENT_REFUSED),
    ],
)
def test_words_of_other_languages_are_understood(text, code):
    assert explain(text, stage=Stage.RECIPIENT).code is code


@pytest.mark.parametrize(
    "text",
    [
        "535 Échec de l'authentification : mot de passe incorrect",
        "535 Contraseña incorrecta",
        "535 Senha inválida",
        "535 Anmeldung fehlgeschlagen: Kennwort falsch",
        "535 Неверный логин или пароль",
        "535 用户名或密码错误",
        "535 パスワードが違います",
    ],
)
def test_wrong_password_is_understood_in_other_languages(text):
    assert explain(text).code is CODE.AUTH_REJECTED


class TestRefined:
    def test_login_refused_by_a_known_provider_is_doubted(self):
        reply = ServerReply(535, "5.7.1", "Authentication failed")
        plain = Problem(
            code=CODE.AUTH_REJECTED,
            stage=Stage.AUTH,
            reply=reply,
            facts=MappingProxyType({"account": "shop"}),
        )

        problem = refined(plain, "ovh")

        assert problem.code is CODE.AUTH_REJECTED_MAYBE_BLOCKED
        assert (problem.stage, problem.reply, dict(problem.facts)) == (Stage.AUTH, reply, {"account": "shop"})

    def test_refused_connection_to_bridge_means_that_it_is_not_running(self):
        plain = Problem(
            code=CODE.CONNECT_REFUSED,
            stage=Stage.CONNECT,
            facts=MappingProxyType({"host": "127.0.0.1", "port": 1025}),
        )

        problem = refined(plain, "proton-bridge")

        assert (problem.code, problem.stage) == (CODE.BRIDGE_NOT_RUNNING, Stage.CONNECT)
        assert dict(problem.facts) == {"host": "127.0.0.1", "port": 1025}

    def test_refused_connection_to_another_provider_stays_what_it_is(self):
        plain = Problem(code=CODE.CONNECT_REFUSED, stage=Stage.CONNECT)

        assert refined(plain, "gmail") is plain

    def test_problem_that_was_not_named_after_its_reply_stays_what_it_is(self):
        reply = ServerReply(535, "5.7.1", "Authentication failed")
        plain = Problem(code=CODE.OUTBOX_IN_DOUBT, stage=Stage.AUTH, reply=reply)

        assert refined(plain, "ovh") is plain

    @given(
        stage=st.sampled_from(Stage),
        code=st.none() | st.integers(200, 599),
        text=st.text(max_size=60),
        provider=st.sampled_from(sorted(SERVERS)),
    )
    def test_refining_is_classifying_with_the_provider(self, stage, code, text, provider):
        reply = ServerReply(code, None, text)
        plain = Problem(code=classify(stage, reply), stage=stage, reply=reply)

        assert refined(plain, provider).code is classify(stage, reply, provider)


@pytest.mark.parametrize(
    ("is_loopback", "port", "code"),
    [
        (True, 1025, CODE.BRIDGE_NOT_RUNNING),
        (True, 1143, CODE.BRIDGE_NOT_RUNNING),
        (True, 25, CODE.CONNECT_REFUSED),
        (False, 1025, CODE.CONNECT_REFUSED),
    ],
)
def test_refused_port_of_bridge_on_this_machine_means_that_it_is_not_running(is_loopback, port, code):
    assert refused_code(is_loopback=is_loopback, port=port) is code
