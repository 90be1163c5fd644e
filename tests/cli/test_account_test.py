"""``fluenzr account test``: the stages, the note to oneself, its arrival, and the reports for CI."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.program import Ended, Program, environment_account
from tests.servers.mailhost import MailHost
from tests.servers.postfix import GREYLISTED, VERDICT
from tests.servers.scripted import Close, ScriptedServer, submission_script

SMTP_STAGES = ["resolve", "connect", "greeting", "tls", "capabilities", "size", "auth", "sender", "recipient"]
IMAP_STAGES = ["resolve", "connect", "tls", "greeting", "capabilities", "auth", "mailbox", "idle"]


def tried(program: Program, *options: str) -> Ended:
    return program.call("account", "test", *options, "--json")


def stages(ended: Ended, protocol: str, *, account: int = 0) -> list[str]:
    checks = ended.data["accounts"][account]["checks"]
    return [check["stage"] for check in checks if check["protocol"] == protocol]


def suites_of(path: Path) -> ElementTree.Element:
    root = ElementTree.fromstring(path.read_bytes())
    for element in (root, *root.iter("testsuite")):
        assert int(element.get("tests", "")) == len(list(element.iter("testcase")))
        assert int(element.get("failures", "")) == len(list(element.iter("failure")))
    return root


# -- stage by stage --------------------------------------------------------------------------------------


def test_the_stages_come_in_order_and_the_message_arrives_with_a_verdict(shop: Program, mailhost: MailHost):
    ended = tried(shop, "shop")

    (result,) = ended.data["accounts"]
    assert (ended.status, result["ok"]) == (0, True)
    assert stages(ended, "smtp") == SMTP_STAGES
    assert stages(ended, "imap") == [*IMAP_STAGES, "arrival"]
    message = result["message"]
    assert (message["outcome"], message["recipient"], message["folder"]) == (
        "accepted", "shop@shop.test", "INBOX"
    )  # fmt: skip
    assert message["authentication_results"] == VERDICT
    mailhost.wait_for_message("shop@shop.test", message["message_id"])


def test_people_see_each_line_and_the_verdict(shop: Program):
    ended = shop.run("account", "test")

    lines = [line.split() for line in ended.out.splitlines()]
    assert (ended.status, ended.err) == (0, "")
    assert ["shop@shop.test", "(shop)"] in lines
    held = [line[3] for line in lines if line[:3] == ["├─", "✓", "ok"]]
    assert held == [*SMTP_STAGES, *IMAP_STAGES]
    assert [line[-4:] for line in lines if line[:4] == ["└─", "✓", "ok", "arrival"]] == [
        ["INBOX", "spf=pass", "dkim=none", "dmarc=pass"]
    ]


def test_with_no_send_nothing_is_sent(shop: Program, mailhost: MailHost):
    before = len(mailhost.maildir("shop@shop.test"))

    ended = tried(shop, "--no-send")

    assert (ended.status, ended.data["accounts"][0]["message"]) == (0, None)
    assert stages(ended, "smtp") == SMTP_STAGES
    assert stages(ended, "imap") == IMAP_STAGES
    assert len(mailhost.maildir("shop@shop.test")) == before


def test_the_message_can_go_to_somebody_else_whose_mailbox_is_not_watched(shop: Program, mailhost: MailHost):
    ended = tried(shop, "--to", "second@shop.test")

    message = ended.data["accounts"][0]["message"]
    assert (ended.status, message["recipient"], message["folder"]) == (0, "second@shop.test", None)
    assert "arrival" not in stages(ended, "imap")
    mailhost.wait_for_message("second@shop.test", message["message_id"])


def test_without_waiting_the_arrival_is_not_looked_for(shop: Program):
    ended = tried(shop, "--wait", "0")

    assert (ended.status, ended.data["accounts"][0]["message"]["folder"]) == (0, None)
    assert "arrival" not in stages(ended, "imap")


@pytest.mark.parametrize(
    ("recipient", "status", "code"),
    [("nobody@shop.test", 67, "recipient-refused"), (GREYLISTED, 75, "greylisted")],
    ids=["refused", "greylisted"],
)
def test_a_recipient_that_is_refused_ends_the_chain_and_nothing_is_sent(
    shop: Program, recipient, status, code
):
    ended = tried(shop, "--to", recipient)

    assert (ended.status, ended.codes) == (status, [code])
    assert ended.data["accounts"][0]["message"] is None


def test_a_broken_submission_server_does_not_hide_that_the_mailbox_is_fine(shop: Program):
    shop.call("account", "edit", "shop", "--smtp-port", "1", "--encryption", "tls", "--no-test")

    ended = tried(shop)

    assert (ended.status, ended.codes) == (75, ["connect-refused"])
    assert stages(ended, "smtp") == ["resolve", "connect"]
    assert stages(ended, "imap") == IMAP_STAGES


def test_all_accounts_are_tested_whatever_becomes_of_one(shop: Program, tmp_path: Path):
    shop.call(
        "account", "add", "broken@shop.test", "--name", "broken", "--smtp-host", "127.0.0.1", "--smtp-port",
        "1",
        "--no-imap", "--no-test", "--password-stdin", stdin="x",
    )  # fmt: skip
    shop.call(
        "account", "add", "last@shop.test", "--name", "last", "--smtp-host", "nowhere.invalid", "--no-imap",
        "--no-test", "--password-stdin", stdin="x",
    )  # fmt: skip
    report = tmp_path / "mail.xml"

    ended = tried(shop, "--all", "--no-send", "--junit", str(report))

    results = [(each["name"], each["ok"]) for each in ended.data["accounts"]]
    root = suites_of(report)
    assert results == [("shop", True), ("broken", False), ("last", False)]
    assert (ended.status, ended.codes) == (75, ["connect-refused", "dns-host-unknown"])
    assert [suite.get("name") for suite in root] == ["shop", "broken", "last"]
    assert root.get("failures") == "2"


def test_a_name_and_all_exclude_each_other(shop: Program):
    assert tried(shop, "shop", "--all").codes == ["usage-invalid"]


def test_a_refused_login_is_told_to_people_with_what_to_do(shop: Program):
    shop.call("account", "edit", "shop", "--no-test", "--no-imap", "--password-stdin", stdin="wrong")

    ended = shop.run("account", "test", "shop")

    assert ended.status == 77
    assert "failed  auth" in ended.out
    assert "[auth-rejected]" in ended.err
    assert "fix: " in ended.err


# -- JUnit -----------------------------------------------------------------------------------------------


def test_the_junit_report_has_a_case_for_each_check_and_one_for_the_message(shop: Program, tmp_path: Path):
    report = tmp_path / "mail.xml"

    ended = tried(shop, "--junit", str(report))

    cases = [case.get("name") for case in suites_of(report).iter("testcase")]
    assert ended.status == 0
    assert cases[:2] == ["smtp resolve", "smtp connect"]
    assert {"smtp auth", "imap mailbox", "imap arrival", "smtp message"} <= set(cases)
    assert len(cases) == len(ended.data["accounts"][0]["checks"]) + 1


def test_a_failure_stands_in_the_junit_report_in_words(program: Program, tmp_path: Path):
    report = tmp_path / "mail.xml"
    with ScriptedServer(
        submission_script(overrides={"AUTH": b"535 5.7.8 <&> \x1b[2J \xef\xbf\xbe \xff"})
    ) as server:
        ended = tried(program.with_variables(**environment_account(server.port)), "--junit", str(report))

    (failure,) = suites_of(report).iter("failure")
    assert ended.status == 77
    assert failure.get("type") == "auth-rejected"
    assert failure.text is not None
    assert failure.text.startswith("535 5.7.8 <&> \\x1b[2J \\ufffe")


def test_a_message_that_is_refused_stands_in_the_junit_report(program: Program, tmp_path: Path):
    report = tmp_path / "mail.xml"
    with ScriptedServer(submission_script(overrides={".": Close()})) as server:
        ended = tried(program.with_variables(**environment_account(server.port)), "--junit", str(report))

    (failed,) = [case for case in suites_of(report).iter("testcase") if case.find("failure") is not None]
    assert (ended.status, ended.codes) == (81, ["outbox-in-doubt"])
    assert failed.get("name") == "smtp message"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere/mail.xml", 73, "file-not-created"), ("/dev/full", 74, "disk-full")],
    ids=["no folder", "full disk"],
)
def test_a_report_that_cannot_be_written_is_told(program: Program, path, status, code):
    with ScriptedServer(submission_script()) as server:
        ended = tried(
            program.with_variables(**environment_account(server.port)), "--no-send", "--junit", path
        )

    assert (ended.status, ended.codes) == (status, [code])


# -- an account of the environment -----------------------------------------------------------------------


def of_environment(program: Program, host: MailHost, **more: str) -> Program:
    return program.with_variables(
        FLUENZR_VAULT_KEY=None,
        FLUENZR_SMTP_URL=f"smtp://shop%40shop.test@localhost:{host.submission_port}",
        FLUENZR_IMAP_URL=f"imaps://shop%40shop.test@localhost:{host.imaps_port}",
        FLUENZR_PASSWORD=host.shop.secret,
        FLUENZR_CA_FILE=str(host.ca_file),
        **more,
    )


def test_an_account_of_the_environment_needs_no_vault_and_writes_nothing(
    program: Program, mailhost: MailHost
):
    ended = of_environment(program, mailhost).run("account", "test", "--json")

    (result,) = ended.data["accounts"]
    assert (ended.status, result["name"], result["message"]["folder"]) == (0, "environment", "INBOX")
    assert program.files() == {}


def test_it_goes_before_the_vault_unless_another_one_is_named(shop: Program, mailhost: MailHost):
    told = of_environment(shop, mailhost).with_variables(FLUENZR_VAULT_KEY=shop.environ["FLUENZR_VAULT_KEY"])

    unnamed, named = tried(told, "--no-send"), tried(told, "shop", "--no-send")
    chosen = tried(told.with_variables(FLUENZR_ACCOUNT="shop"), "--no-send")

    assert [each.data["accounts"][0]["name"] for each in (unnamed, named, chosen)] == [
        "environment",
        "shop",
        "shop",
    ]


def test_the_imap_server_may_know_another_user(program: Program, mailhost: MailHost):
    told = of_environment(program, mailhost).with_variables(
        FLUENZR_IMAP_URL=f"imaps://second%40shop.test@localhost:{mailhost.imaps_port}"
    )

    ended = tried(told, "--no-send")

    assert ended.codes == ["auth-rejected"]
    assert ended.document["problems"][0]["facts"]["username"] == "second@shop.test"


@pytest.mark.parametrize(
    ("variables", "status", "code", "reason"),
    [
        ({"FLUENZR_SMTP_URL": "smtps://u@h.test:canary"}, 78, "environment-invalid", "not-a-url"),
        ({"FLUENZR_SMTP_URL": "smtps://u:canary@h.test"}, 78, "environment-invalid", "secret-in-url"),
        ({"FLUENZR_SMTP_URL": "https://u@h.test"}, 78, "environment-invalid", "not-a-scheme"),
        ({"FLUENZR_SMTP_URL": "smtps://u%40h.test@h.test:0"}, 78, "environment-invalid", "not-a-port"),
        ({"FLUENZR_SMTP_URL": "smtps://u%40h.test@-h-"}, 78, "environment-invalid", "not-a-host-name"),
        ({"FLUENZR_SMTP_URL": "smtps://u@h.test/path"}, 78, "environment-invalid", "not-a-url"),
        ({"FLUENZR_SMTP_URL": "smtp+plain://u%40h.test@h.test"}, 64, "encryption-required", None),
        ({"FLUENZR_IMAP_URL": "smtps://u@h.test"}, 78, "environment-invalid", "not-a-scheme"),
        ({"FLUENZR_IMAP_URL": "imaps://u:canary@h.test"}, 78, "environment-invalid", "secret-in-url"),
        ({"FLUENZR_SMTP_URL": "smtps://h.test"}, 78, "environment-invalid", "empty"),
        ({"FLUENZR_ADDRESS": "nobody"}, 65, "address-malformed", "no-at-sign"),
        ({"FLUENZR_PASSWORD": None}, 64, "input-required", None),
        ({"FLUENZR_PASSWORD": ""}, 65, "secret-empty", None),
        ({"FLUENZR_CA_FILE": "/nowhere"}, 66, "file-missing", "No such file or directory"),
    ],
    ids=[
        "port of letters", "secret in the URL", "scheme", "port 0", "host", "path", "plain text",
        "IMAP scheme",
        "secret in the IMAP URL", "no address", "malformed address", "no secret", "empty secret", "no file",
    ],
)  # fmt: skip
def test_an_environment_that_describes_no_account_is_refused(
    program: Program, variables, status, code, reason
):
    described = {"FLUENZR_SMTP_URL": "smtps://u%40h.test@h.test", "FLUENZR_PASSWORD": "x", **variables}

    ended = tried(program.with_variables(**described))

    assert (ended.status, ended.codes) == (status, [code])
    assert ended.document["problems"][0]["facts"].get("reason", reason) == reason
    assert "canary" not in ended.out
    assert program.files() == {}


def test_the_account_of_the_environment_cannot_be_used_where_there_is_none(shop: Program):
    ended = tried(shop, "environment")

    assert (ended.status, ended.codes) == (78, ["account-unknown"])


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_sent(program: Program):
    with ScriptedServer(submission_script()) as server:
        account = program.with_variables(**environment_account(server.port))
        ended = tried(account, "--junit", "/no/such/folder/mail.xml", "--json")

        assert (ended.status, ended.codes) == (73, ["file-not-created"])
        assert server.connections == []


def test_that_arrival_cannot_be_seen_is_said(program: Program):
    with ScriptedServer(submission_script()) as server:
        ended = program.with_variables(**environment_account(server.port)).call("account", "test")

    assert "No IMAP server" in ended.out
