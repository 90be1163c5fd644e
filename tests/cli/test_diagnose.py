"""``fluenzr diagnose``: without an account or with one, what it finds, what it mends, how it tells."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.program import Ended, Program, environment_account
from tests.servers.certificates import Authority
from tests.servers.mailhost import MailHost, free_ports
from tests.servers.nameserver import name_server
from tests.servers.scripted import Close, Connection, ScriptedServer, Silence, submission_script

WRONG = b"535 5.7.8 Error: authentication failed"


def diagnosed(program: Program, *arguments: str, stdin: str = "") -> Ended:
    return program.call("diagnose", *arguments, "--json", stdin=stdin)


def stages(ended: Ended, protocol: str) -> list[str]:
    return [check["stage"] for check in ended.data["checks"] if check["protocol"] == protocol]


def facts(ended: Ended, protocol: str, stage: str) -> dict[str, object]:
    found: dict[str, object] = next(
        check["facts"]
        for check in ended.data["checks"]
        if (check["protocol"], check["stage"]) == (protocol, stage)
    )
    return found


def own_preset(program: Program, *ports: tuple[int, str], host: str = "localhost") -> None:
    """Let the program know a provider on this machine by the key ``firma``."""
    smtp = ", ".join(f'{{ host = "{host}", port = {port}, encryption = "{name}" }}' for port, name in ports)
    folder = program.home / "fluenzr"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "presets.toml").write_text(
        f'[firma]\nname = "Firma"\ndomains = ["firma.test"]\nsmtp = [{smtp}]\n'
    )


# -- what is meant ---------------------------------------------------------------------------------------


def test_account_is_walked_through_to_the_recipient_and_its_mailbox(shop: Program, mailhost: MailHost):
    before = len(mailhost.maildir("shop@shop.test"))

    ended = diagnosed(shop, "shop")

    assert (ended.status, ended.data["ok"]) == (0, True)
    assert stages(ended, "smtp")[-3:] == ["auth", "sender", "recipient"]
    assert stages(ended, "imap")[-3:] == ["auth", "mailbox", "idle"]
    assert ended.data["target"]["account"] == "shop"
    assert len(mailhost.maildir("shop@shop.test")) == before


def test_default_account_is_meant_where_nothing_is_said(shop: Program):
    assert diagnosed(shop).data["target"]["account"] == "shop"


def test_server_is_looked_at_without_any_account(program: Program, mailhost: MailHost):
    server = f"{mailhost.host}:{mailhost.smtps_port}"

    ended = diagnosed(program, server, "--encryption", "ssl", "--ca-file", str(mailhost.ca_file))

    assert ended.status == 0
    assert stages(ended, "smtp")[-2:] == ["capabilities", "size"]
    assert facts(ended, "smtp", "tls")["version"] == "TLSv1.3"
    assert facts(ended, "smtp", "size")["limit_bytes"] == mailhost.message_size_limit
    assert ended.data["target"]["account"] is None
    assert not program.vault.exists()


@pytest.mark.parametrize("security", ["ssl", "starttls"])
def test_unusual_port_is_asked_how_it_wants_to_be_spoken_to(
    program: Program, mailhost: MailHost, security: str
):
    port = mailhost.smtps_port if security == "ssl" else mailhost.submission_port

    ended = diagnosed(program, f"{mailhost.host}:{port}", "--ca-file", str(mailhost.ca_file))

    assert ended.status == 0
    assert ended.data["target"]["smtp"]["encryption"] == security


def test_imap_server_on_an_unusual_port_is_known_by_its_greeting(program: Program, mailhost: MailHost):
    server = f"{mailhost.host}:{mailhost.imap_port}"

    ended = diagnosed(program, server, "--ca-file", str(mailhost.ca_file))

    assert (ended.status, stages(ended, "smtp")) == (0, [])
    assert ended.data["target"]["imap"]["encryption"] == "starttls"


def test_mailbox_on_an_unusual_port_is_known_whatever_its_encryption_is_said_to_be(
    program: Program, mailhost: MailHost
):
    ca = ("--ca-file", str(mailhost.ca_file))

    plain = diagnosed(program, f"{mailhost.host}:{mailhost.imap_port}", "--encryption", "starttls", *ca)
    implicit = diagnosed(program, f"{mailhost.host}:{mailhost.imaps_port}", "--encryption", "ssl", *ca)

    assert [(ended.status, stages(ended, "smtp")) for ended in (plain, implicit)] == [(0, []), (0, [])]


def test_login_can_be_tried_without_an_account(program: Program, mailhost: MailHost):
    login = mailhost.shop

    ended = diagnosed(
        program, f"{mailhost.host}:{mailhost.submission_port}", "--ca-file", str(mailhost.ca_file),
        "--username", login.address, "--password-stdin", stdin=login.secret,
    )  # fmt: skip

    assert ended.status == 0
    assert facts(ended, "smtp", "auth")["username"] == login.address
    assert not program.vault.exists()


def test_address_at_a_known_domain_is_looked_at_where_its_provider_is(program: Program):
    (closed,) = free_ports(1)
    own_preset(program, (closed, "starttls"))

    ended = diagnosed(program, "ana@firma.test")

    assert ended.codes == ["connect-refused"]
    assert ended.data["target"]["preset"] == "firma"
    assert ended.data["target"]["address"] == "ana@firma.test"


def test_preset_is_looked_at_by_its_key(program: Program):
    (closed,) = free_ports(1)
    own_preset(program, (closed, "starttls"))

    assert diagnosed(program, "--preset", "firma").data["target"]["smtp"]["port"] == closed


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("nobody",), 78, "account-unknown"),
        (("--preset", "no-such"), 64, "preset-unknown"),
        (("a@b@c",), 65, "address-malformed"),
        (("h.test:99999",), 64, "setting-invalid"),
        (("bad_host!.test:25",), 64, "setting-invalid"),
        (("127.0.0.1:587", "--encryption", "rot13"), 64, "setting-invalid"),
        (("127.0.0.1:587", "--fix"), 64, "usage-invalid"),
        (("127.0.0.1:587", "--username", "u", "--password-file", "no-such"), 66, "file-missing"),
        (("127.0.0.1:587", "--username", "u"), 64, "input-required"),
        (("127.0.0.1:587", "--report", "no/such/folder/r.html"), 73, "file-not-created"),
        (("a.test", "--domain", "--resolver", "not-an-ip"), 64, "setting-invalid"),
        (("127.0.0.1:587", "--domain"), 64, "usage-invalid"),
        (("--preset", "ovh", "--domain"), 64, "usage-invalid"),
        ((), 78, "account-none"),
        (("",), 64, "usage-invalid"),
        (("shop", "--preset", "ovh"), 64, "usage-invalid"),
        (("127.0.0.1:587", "--selector", "x"), 64, "usage-invalid"),
        (("127.0.0.1:587", "--report", "-"), 64, "usage-invalid"),
        (("127.0.0.1:587", "--report", "a", "--junit", "a"), 64, "usage-invalid"),
        (("127.0.0.1:587", "--report", "/"), 73, "file-not-created"),
        (("127.0.0.1:587", "--nagios"), 64, "usage-invalid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_wrong_input_is_named(program: Program, arguments: tuple[str, ...], status: int, code: str):
    ended = diagnosed(program, *arguments)

    assert (ended.status, ended.codes) == (status, [code])


def test_wrong_use_names_the_help_to_read(program: Program):
    (problem,) = diagnosed(program, "").document["problems"]

    assert problem["facts"]["command"] == "fluenzr diagnose"
    assert "fluenzr diagnose --help" in problem["fix"]


def test_address_of_an_unknown_provider_says_what_to_give(program: Program):
    with name_server({}) as resolver:
        ended = diagnosed(program, "ana@firma.test", "--resolver", resolver.address)

    assert (ended.status, ended.codes) == (78, ["servers-unknown"])


def test_vault_that_cannot_be_opened_does_not_stand_in_the_way_of_a_server(shop: Program):
    locked = shop.with_variables(FLUENZR_VAULT_KEY="00" * 32)
    (closed,) = free_ports(1)

    ended = diagnosed(locked, f"127.0.0.1:{closed}")
    refused = diagnosed(locked, "shop")

    assert ended.codes == ["connect-refused"]
    assert refused.codes == ["vault-key-wrong"]


# -- what it finds ---------------------------------------------------------------------------------------


def test_account_test_and_diagnose_say_the_same_of_a_refused_login(program: Program):
    script = submission_script(overrides={"AUTH": WRONG})
    with ScriptedServer(script, script, script) as server:
        there = program.with_variables(**environment_account(server.port))
        diagnosis = diagnosed(there, "environment")
        test = there.call("account", "test", "--json")
        sent = there.call("send", "--to", "a@b.test", "--body", "x", "--json")

    told = [
        [(each["title"], each["fix"]) for each in ended.document["problems"]]
        for ended in (diagnosis, test, sent)
    ]
    assert diagnosis.codes == ["auth-rejected"]
    assert [ended.status for ended in (diagnosis, test, sent)] == [77, 77, 77]
    assert told[0][:1] == told[1][:1] == told[2][:1]


def test_bridge_that_is_not_running_is_told_apart(program: Program):
    ended = program.with_variables(**environment_account(1025)).call("diagnose", "--json")

    assert ended.codes == ["bridge-not-running"]
    assert ended.document["problems"][0]["guide"] == "bridge-not-running"


def test_nothing_is_sent_and_the_password_goes_out_once(program: Program):
    with ScriptedServer(submission_script(overrides={"AUTH": WRONG})) as server:
        diagnosed(program.with_variables(**environment_account(server.port)), "environment")
        said = [server.finished_connection(each).received for each in range(len(server.connections))]

    lines = b"".join(said).upper()
    assert lines.count(b"AUTH PLAIN") == 1
    assert b"DATA" not in lines


# -- the transcript --------------------------------------------------------------------------------------


def test_transcript_has_the_dialogue_and_no_secret(shop: Program, mailhost: MailHost):
    secret = mailhost.shop.secret
    forms = {secret, base64.b64encode(secret.encode()).decode()}
    forms.add(base64.b64encode(f"\0{mailhost.shop.address}\0{secret}".encode()).decode())

    ended = diagnosed(shop, "shop", "--transcript")
    shown = shop.run("diagnose", "shop", "--transcript")

    said = [(line["protocol"], line["direction"], line["text"]) for line in ended.data["transcript"]]
    assert any(each[:2] == ("smtp", "C") and each[2].upper().startswith("EHLO") for each in said)
    assert any(each[:2] == ("smtp", "S") and each[2].startswith("220") for each in said)
    assert any(each[:2] == ("imap", "S") for each in said)
    assert "EHLO" in shown.out.upper()
    assert [form for form in forms if form in ended.out + ended.err + shown.out + shown.err] == []


def test_without_being_asked_for_there_is_no_transcript(shop: Program):
    assert diagnosed(shop, "shop").data["transcript"] is None


# -- what works instead ----------------------------------------------------------------------------------


def saved_account(program: Program, port: int, encryption: str, authority: Authority) -> None:
    ended = program.call(
        "account", "add", "ana@firma.test", "--name", "ana", "--preset", "firma", "--no-test", "--no-imap",
        "--smtp-port", str(port), "--encryption", encryption, "--ca-file", str(authority.ca_file),
        "--password-stdin", stdin="secret-of-ana",
    )  # fmt: skip
    assert ended.status == 0, ended.err


@pytest.fixture
def other_port(program: Program, authority: Authority, tls_server: ScriptedServer) -> int:
    """An account whose port is closed, at a provider that has another one, which answers."""
    (closed,) = free_ports(1)
    own_preset(program, (closed, "starttls"), (tls_server.port, "ssl"))
    saved_account(program, closed, "starttls", authority)
    return tls_server.port


@pytest.fixture
def tls_server(authority: Authority):
    context = authority.issue("localhost").context()
    script = submission_script()
    with ScriptedServer(script, script, script, script, tls_context=context) as server:
        yield server


def test_other_port_of_the_provider_is_tried_and_told(program: Program, other_port: int):
    ended = diagnosed(program, "ana")

    (remedy,) = ended.data["remedies"]
    assert (ended.status, ended.codes) == (75, ["connect-refused"])
    assert (remedy["port"], remedy["encryption"], remedy["applied"]) == (other_port, "ssl", False)
    assert program.account("ana")["smtp"]["port"] != other_port


def test_fix_writes_what_works_to_the_account(program: Program, other_port: int):
    ended = diagnosed(program, "ana", "--fix")

    assert (ended.status, ended.codes) == (0, [])
    assert ended.data["remedies"][0]["applied"] is True
    assert program.account("ana")["smtp"]["port"] == other_port
    assert diagnosed(program, "ana").status == 0


@pytest.mark.parametrize(("answer", "used"), [("y", True), ("n", False), ("", False)])
def test_person_is_asked_before_anything_is_changed(
    program: Program, other_port: int, answer: str, used: bool
):
    ended = program.at_terminal("diagnose", "ana", dialogue=[("[y/N]", f"{answer}\n")])

    assert f"SMTP {other_port}" in ended.err + ended.out
    assert (program.account("ana")["smtp"]["port"] == other_port) is used
    assert ended.status == (0 if used else 75)


@dataclass(frozen=True)
class EditedMeanwhile:
    """Somebody else changes the account while the server is being asked."""

    program: Program

    def play(self, _: Connection) -> None:
        self.program.run("account", "edit", "ana", "--display-name", "Somebody", "--no-test")


def test_account_that_was_changed_meanwhile_is_left_as_it_is(program: Program, authority: Authority):
    context = authority.issue("localhost").context()
    (closed,) = free_ports(1)
    with ScriptedServer((EditedMeanwhile(program), *submission_script()), tls_context=context) as server:
        own_preset(program, (closed, "starttls"), (server.port, "ssl"))
        saved_account(program, closed, "starttls", authority)
        ended = diagnosed(program, "ana", "--fix")

    assert (ended.status, ended.codes) == (75, ["connect-refused", "account-changed"])
    assert [each["applied"] for each in ended.data["remedies"]] == [False]
    account = program.account("ana")
    assert (account["display_name"], account["smtp"]["port"]) == ("Somebody", closed)


def test_report_that_cannot_be_written_hides_nothing(program: Program, tmp_path: Path):
    (closed,) = free_ports(1)
    place = str(tmp_path / "r.html")
    os.mkfifo(place)

    ended = diagnosed(program, f"127.0.0.1:{closed}", "--report", place)
    monitored = program.run("diagnose", f"127.0.0.1:{closed}", "--nagios", "--report", place)

    assert (ended.status, ended.codes) == (75, ["connect-refused", "file-not-written"])
    assert ended.data["checks"]
    assert (monitored.status, monitored.out.split()[1]) == (2, "CRITICAL")


def test_provider_that_only_the_dns_names_gets_no_password(program: Program):
    (closed,) = free_ports(1)
    own_preset(program, (closed, "starttls"))
    presets = program.home / "fluenzr" / "presets.toml"
    presets.write_text(presets.read_text() + 'mx = ["mx.firma.test"]\n')
    zone = {("elsewhere.test", "MX"): ["10 mx.firma.test."]}

    with name_server(zone) as resolver:
        asked = ("ana@elsewhere.test", "--resolver", resolver.address)
        without = diagnosed(program, *asked)
        refused = diagnosed(program, *asked, "--password-stdin", stdin="secret")

    assert without.codes == ["connect-refused"]
    assert (refused.status, refused.codes) == (64, ["usage-invalid"])


def test_other_user_name_is_tried_once_and_only_where_asked_for(program: Program):
    good = b"235 2.7.0 ok"
    scripts = [submission_script(overrides={"AUTH": WRONG}), submission_script(overrides={"AUTH": good})]
    with ScriptedServer(*scripts) as server:
        there = program.with_variables(**environment_account(server.port))
        without = diagnosed(there, "environment")
        attempts_without = len(server.connections)
    with ScriptedServer(*scripts) as server:
        there = program.with_variables(**environment_account(server.port))
        with_it = diagnosed(there, "environment", "--try-usernames")
        attempts_with = len(server.connections)

    assert (without.data["remedies"], attempts_without) == ([], 1)
    assert (with_it.data["remedies"][0]["username"], attempts_with) == ("shop", 2)


def test_second_refusal_is_the_last_one(program: Program):
    with ScriptedServer(submission_script(overrides={"AUTH": WRONG})) as server:
        there = program.with_variables(**environment_account(server.port))
        ended = diagnosed(there, "environment", "--try-usernames")
        attempts = b"".join(
            server.finished_connection(each).received for each in range(len(server.connections))
        )

    assert (ended.status, ended.data["remedies"]) == (77, [])
    assert attempts.count(b"AUTH PLAIN") == 2


# -- the domain ------------------------------------------------------------------------------------------

ZONE = {
    ("firma.test", "MX"): ["10 mx.firma.test."],
    ("mx.firma.test", "A"): ["192.0.2.1"],
    ("firma.test", "TXT"): ["v=spf1 mx -all"],
    ("_dmarc.firma.test", "TXT"): ["v=DMARC1; p=reject"],
}


def test_bare_domain_is_looked_up_and_no_server_is(program: Program):
    with name_server(ZONE) as resolver:
        ended = diagnosed(program, "firma.test", "--domain", "--resolver", resolver.address)

    assert {check["protocol"] for check in ended.data["checks"]} == {"dns"}
    assert stages(ended, "dns") == ["mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "dane"]
    found = {check["stage"]: check["ok"] for check in ended.data["checks"]}
    assert (found["mx"], found["spf"], found["dmarc"]) == (True, True, True)
    assert ended.status == 0


def test_domain_without_spf_is_a_failure_and_says_what_to_publish(program: Program):
    zone = {key: value for key, value in ZONE.items() if key != ("firma.test", "TXT")}
    with name_server(zone) as resolver:
        ended = diagnosed(program, "firma.test", "--domain", "--resolver", resolver.address)

    assert (ended.status, ended.codes) == (69, ["domain-spf-none"])


def test_account_test_tells_of_the_domain_as_notes(shop: Program):
    with name_server({("shop.test", "MX"): ["10 mx.shop.test."]}) as resolver:
        ended = shop.call("account", "test", "shop", "--no-send", "--resolver", resolver.address, "--json")

    checks = [each for each in ended.data["accounts"][0]["checks"] if each["protocol"] == "dns"]
    spf = next(each for each in checks if each["stage"] == "spf")
    assert (ended.status, ended.codes) == (0, [])
    assert (spf["advisory"], spf["problem"]["code"]) == (True, "domain-spf-none")


# -- reports ---------------------------------------------------------------------------------------------


def test_reports_are_written_beside_the_result(shop: Program, tmp_path: Path, mailhost: MailHost):
    page, junit = tmp_path / "mail.html", tmp_path / "mail.xml"

    ended = shop.run("diagnose", "shop", "--report", str(page), "--junit", str(junit))

    assert (ended.status, ended.err) == (0, "")
    assert "<html" in page.read_text()
    assert mailhost.shop.secret not in page.read_text()
    suite = ElementTree.fromstring(junit.read_bytes())
    assert [case.get("name") for case in suite.iter("testcase")][-1] == "imap idle"


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        ((), 0, "OK"),
        (("--warn-days", "40000"), 1, "WARNING"),
        (("--warn-days", "40000", "--critical-days", "40000"), 2, "CRITICAL"),
    ],
    ids=["good", "warning", "critical"],
)
def test_monitoring_gets_one_line(shop: Program, options: tuple[str, ...], status: int, word: str):
    ended = shop.run("diagnose", "shop", "--nagios", *options)

    (line,) = ended.out.splitlines()
    assert ended.status == status
    assert word in line
    assert "days=" in line.partition("|")[2]


def test_monitoring_is_told_of_a_failure_and_of_what_cannot_be_known(program: Program):
    (closed,) = free_ports(1)

    failing = program.run("diagnose", f"127.0.0.1:{closed}", "--nagios")
    unknown = program.run("diagnose", "nobody", "--nagios")

    assert (failing.status, failing.out.split()[1]) == (2, "CRITICAL")
    assert (unknown.status, unknown.out.split()[1]) == (3, "UNKNOWN")
    assert [len(ended.out.splitlines()) for ended in (failing, unknown)] == [1, 1]


@pytest.mark.parametrize(
    "options", [("--bogus",), ("--timeout", "0"), ("--warn-days", "x")], ids=["unknown", "range", "no-number"]
)
def test_monitoring_knows_four_statuses_whatever_is_wrong(program: Program, options: tuple[str, ...]):
    ended = program.run("diagnose", "127.0.0.1:1", "--nagios", *options)

    assert (ended.status, ended.out.split()[1], len(ended.out.splitlines())) == (3, "UNKNOWN", 1)


def test_silent_server_ends_within_the_time_that_was_given(program: Program):
    with ScriptedServer((Silence(),), (Silence(),)) as server:
        ended = diagnosed(program, f"127.0.0.1:{server.port}", "--encryption", "starttls", "--timeout", "1")

    assert ended.status in {75, 76}
    assert ended.codes[0] in {"reply-timeout", "tls-starttls-on-implicit-port"}


def test_server_text_cannot_speak_to_the_terminal(program: Program):
    evil = b"\x1b[2J\x1b]0;owned\x07[red]bold[/red] \xe2\x80\xae"
    with ScriptedServer(submission_script(overrides={"AUTH": b"535 " + evil})) as server:
        there = program.with_variables(**environment_account(server.port), FORCE_COLOR="")
        ended = there.run("diagnose", "environment", "--transcript")

    text = ended.out + ended.err
    assert ended.status == 77
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "[red]bold[/red]" in text


def test_closed_greeting_is_named_for_both_protocols(program: Program):
    with ScriptedServer((Close(),)) as server:
        smtp = diagnosed(program, f"127.0.0.1:{server.port}", "--encryption", "starttls")

    assert smtp.codes == ["connection-lost"]
