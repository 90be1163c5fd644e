"""``fluenzr account add``: where its values come from, what is tried, and what is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import Program, server_options
from tests.servers.certificates import Authority, ServerCertificate, self_signed
from tests.servers.mailhost import MailHost
from tests.servers.nameserver import name_server
from tests.servers.scripted import ScriptedServer, mailbox_script, submission_script

SECRET = "a secret of the tests"
ADDRESS = "shop@shop.test"
UNTESTED = ("account", "add", ADDRESS, "--smtp-host", "smtp.shop.test", "--no-imap", "--no-test")


def added(program: Program, *options: str, stdin: bytes | str = SECRET) -> dict:
    ended = program.call("account", "add", *options, "--password-stdin", "--json", stdin=stdin)
    assert ended.status == 0, ended.out
    assert ended.data["saved"] is True
    return ended.data["account"]


def server(
    host: str, port: int, encryption: str, *, own_authority: bool = False, pin: str | None = None
) -> dict:
    return {"host": host, "port": port, "encryption": encryption, "pin": pin, "own_authority": own_authority}


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return self_signed(tmp_path_factory.mktemp("bridge"))


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return self_signed(tmp_path_factory.mktemp("another"), "another")


@contextmanager
def bridge_servers(
    smtp: ServerCertificate, imap: ServerCertificate
) -> Iterator[tuple[ScriptedServer, ScriptedServer, tuple[str, ...]]]:
    """Serve SMTP and IMAP with STARTTLS on loopback; yield them and the options that describe them."""
    with (
        ScriptedServer(submission_script(tls_context=smtp.context())) as submission,
        ScriptedServer(mailbox_script(tls_context=imap.context())) as mailbox,
    ):
        options = (
            "--preset", "proton-bridge", "--smtp-port", str(submission.port), "--imap-port",
            str(mailbox.port),
            "--imap-encryption", "starttls", "--timeout", "5",
        )  # fmt: skip
        yield submission, mailbox, options


# -- servers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "smtp", "imap"),
    [
        ((), server("ssl0.ovh.net", 587, "starttls"), server("ssl0.ovh.net", 993, "ssl")),
        (("--smtp-port", "465"), server("ssl0.ovh.net", 465, "ssl"), server("ssl0.ovh.net", 993, "ssl")),
        (("--encryption", "ssl"), server("ssl0.ovh.net", 465, "ssl"), server("ssl0.ovh.net", 993, "ssl")),
        (
            ("--smtp-host", "Mail.Shop.test.", "--imap-port", "143"),
            server("mail.shop.test", 587, "starttls"),
            server("ssl0.ovh.net", 143, "starttls"),
        ),
        (("--no-imap",), server("ssl0.ovh.net", 587, "starttls"), None),
    ],
    ids=["as it is", "port", "encryption", "hosts", "no IMAP"],
)
def test_what_is_said_goes_over_the_preset(program: Program, options, smtp, imap):
    account = added(program, "me@shop.test", "--preset", "ovh", "--no-test", *options)

    assert (account["smtp"], account["imap"], account["preset"]) == (smtp, imap, "ovh")
    assert (account["name"], account["username"]) == ("me@shop.test", "me@shop.test")


@pytest.mark.parametrize(
    ("options", "port"),
    [
        (("--smtp-host", "smtp.shop.test:2587"), 2587),
        (("--smtp-host", "smtp.shop.test:2587", "--smtp-port", "3587"), 3587),
    ],
    ids=["behind the name", "both"],
)
def test_a_port_behind_the_host_is_understood_and_one_of_its_own_goes_first(program: Program, options, port):
    account = added(program, ADDRESS, *options, "--no-imap", "--no-test")

    assert account["smtp"] == server("smtp.shop.test", port, "starttls")


def test_an_address_with_a_name_gives_the_name_that_receivers_see(program: Program):
    account = added(program, f"The Shop <{ADDRESS}>", *UNTESTED[3:])

    assert (account["address"], account["display_name"]) == (ADDRESS, "The Shop")


def test_the_domain_of_a_provider_finds_its_preset(program: Program):
    account = added(program, "me@gandi.net", "--no-test")

    assert (account["preset"], account["smtp"]["host"]) == ("gandi", "mail.gandi.net")


@pytest.mark.parametrize(
    ("name", "encryption", "port"),
    [("tls", "starttls", 587), ("STARTTLS", "starttls", 587), ("ssl", "ssl", 465)],
)
def test_encryption_is_named_as_mail_programs_name_it(program: Program, name, encryption, port):
    account = added(program, *UNTESTED[2:], "--encryption", name)

    assert account["smtp"] == server("smtp.shop.test", port, encryption)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_no_encryption_is_possible_to_this_machine(program: Program, host):
    account = added(program, ADDRESS, "--smtp-host", host, "--encryption", "none", "--no-imap", "--no-test")

    assert account["smtp"] == server(host.strip("[]"), 25, "none")


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_no_encryption_to_any_other_machine_is_refused(program: Program, protocol):
    encryption = "--encryption" if protocol == "smtp" else "--imap-encryption"

    ended = program.call(
        "account", "add", ADDRESS, "--smtp-host", "smtp.shop.test", "--imap-host", "imap.shop.test",
        encryption, "none", "--password-stdin", "--no-test", "--json", stdin=SECRET,
    )  # fmt: skip

    assert (ended.status, ended.codes) == (64, ["encryption-required"])
    assert program.files() == {}


@pytest.mark.parametrize("encryption", ["starttls", "ssl"])
def test_both_ways_of_encryption_hold_at_the_real_servers(program: Program, mailhost: MailHost, encryption):
    ports = {
        "starttls": (mailhost.submission_port, mailhost.imap_port),
        "ssl": (mailhost.smtps_port, mailhost.imaps_port),
    }
    smtp, imap = ports[encryption]
    before = len(mailhost.maildir(ADDRESS))

    ended = program.run(
        "account", "add", ADDRESS, "--smtp-host", "localhost", "--smtp-port", str(smtp),
        "--encryption", encryption, "--imap-host", "localhost", "--imap-port", str(imap),
        "--imap-encryption", encryption, "--ca-file", str(mailhost.ca_file), "--password-stdin", "--json",
        stdin=mailhost.shop.secret,
    )  # fmt: skip

    held = [(check["protocol"], check["stage"]) for check in ended.data["checks"] if check["ok"]]
    assert ended.status == 0
    assert {("smtp", "auth"), ("smtp", "recipient"), ("imap", "auth"), ("imap", "mailbox")} <= set(held)
    assert len(held) == len(ended.data["checks"])
    assert len(mailhost.maildir(ADDRESS)) == before


def test_people_see_each_stage_and_what_to_do_next(program: Program, mailhost: MailHost):
    ended = program.run(
        "account", "add", ADDRESS, "--name", "shop", *server_options(mailhost), "--password-stdin",
        stdin=mailhost.shop.secret,
    )  # fmt: skip

    assert (ended.status, ended.err) == (0, "")
    assert f"SMTP  localhost:{mailhost.submission_port}  STARTTLS, own authority" in ended.out
    assert f"IMAP  localhost:{mailhost.imaps_port}  SSL/TLS, own authority" in ended.out
    assert ended.out.endswith("Saved shop. Try it: fluenzr account test shop\n")
    assert program.vault.stat().st_mode & 0o777 == 0o600
    assert program.vault.parent.stat().st_mode & 0o777 == 0o700


def test_no_imap_goes_before_the_options_of_an_imap_server(program: Program):
    assert added(program, *UNTESTED[2:], "--imap-host", "imap.shop.test")["imap"] is None


def test_limits_and_pause_are_kept_with_the_account(program: Program):
    account = added(program, *UNTESTED[2:], "--limit", "50/1h", "--limit", "2:connections", "--pause", "0.5s")

    assert account["limits"] == [
        {"unit": "messages", "count": 50, "per_seconds": 3600, "scope": "", "source": "account"},
        {"unit": "connections", "count": 2, "per_seconds": None, "scope": "", "source": "account"},
    ]
    assert account["pause_seconds"] == 0.5


def test_without_a_word_on_limits_the_account_has_those_of_its_preset(program: Program):
    account = added(program, ADDRESS, "--preset", "ovh", "--no-test")

    assert (account["limits"], account["pause_seconds"]) == (None, None)


@pytest.mark.parametrize("option", [("--limit", "200 an hour"), ("--pause", "a while")], ids=" ".join)
def test_limits_that_cannot_be_read_are_refused_before_the_secret_is(program: Program, option):
    ended = program.call(
        "account", "add", "me@shop.test", "--preset", "ovh", "--password-file", "/nowhere", "--json", *option
    )

    assert (ended.status, ended.codes) == (64, ["setting-invalid"])
    assert ended.document["problems"][0]["facts"]["value"] == option[1]


def test_an_account_without_login_has_no_secret(program: Program):
    ended = program.call(
        "account", "add", ADDRESS, "--smtp-host", "localhost", "--encryption", "none", "--no-auth",
        "--no-imap",
        "--no-test", "--json",
    )  # fmt: skip

    account = ended.data["account"]
    assert (ended.status, account["username"], account["has_secret"]) == (0, None, False)


@pytest.mark.parametrize(
    "options",
    [
        ("--no-auth", "--username", "shop"),
        ("--no-auth", "--password-file", "FILE"),
    ],
    ids=" ".join,
)
def test_options_that_contradict_each_other_are_refused(program: Program, options):
    ended = program.call("account", "add", ADDRESS, "--smtp-host", "smtp.shop.test", *options, "--json")

    assert (ended.status, ended.codes) == (64, ["usage-invalid"])
    for option in (options[0], options[1]):
        assert option in ended.document["problems"][0]["title"]


# -- the secret ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["stdin", "file", "command", "variable"])
def test_the_secret_comes_from_any_source_and_opens_the_real_server(
    program: Program, mailhost: MailHost, source
):
    login = mailhost.international
    file = program.home / "secret"
    file.write_text(f"{login.secret}\nsecond line\n", "utf-8")
    options = {
        "stdin": ("--password-stdin",),
        "file": ("--password-file", str(file)),
        "command": ("--password-command", f"cat '{file}'"),
        "variable": (),
    }
    told = program.with_variables(FLUENZR_PASSWORD=login.secret if source == "variable" else None)

    ended = told.run(
        "account", "add", login.address, *server_options(mailhost), *options[source], "--json",
        stdin=f"{login.secret}\r\n" if source == "stdin" else "",
    )  # fmt: skip

    assert ended.status == 0, ended.out
    assert ended.data["account"]["has_secret"] is True


@pytest.mark.parametrize(
    ("options", "stdin", "status", "code"),
    [
        (("--password-stdin", "--password-file", "x"), "x", 64, "usage-invalid"),
        (("--password-file", "x", "--password-command", "true"), "", 64, "usage-invalid"),
        (("--password-stdin",), "", 65, "secret-empty"),
        (("--password-stdin",), "\nsecond", 65, "secret-empty"),
        (("--password-command", "echo"), "", 65, "secret-empty"),
        (("--password-stdin",), "a\rb\n", 65, "secret-malformed"),
        (("--password-stdin",), "a\0b\n", 65, "secret-malformed"),
        (("--password-stdin",), b"\xff\n", 65, "secret-malformed"),
        (("--password-command", r"printf 'a\0b'"), "", 65, "secret-malformed"),
        (("--password-file", "/nowhere/secret"), "", 66, "file-missing"),
        (("--password-file", "/"), "", 66, "file-unreadable"),
        (("--password-command", "false"), "", 78, "secret-command-failed"),
        (("--password-command", "/nowhere/pass show x"), "", 78, "secret-command-failed"),
        (("--password-command", "echo 'open"), "", 78, "secret-command-failed"),
    ],
    ids=[
        "stdin and file", "file and command", "stdin empty", "first line empty", "command empty", "CR", "NUL",
        "not UTF-8", "NUL of a command", "no file", "folder", "command fails", "no command", "quotes",
    ],
)  # fmt: skip
def test_a_secret_that_cannot_be_used_is_refused(program: Program, options, stdin, status, code):
    ended = program.call(*UNTESTED, *options, "--json", stdin=stdin)

    assert (ended.status, ended.codes) == (status, [code])
    assert program.files() == {}


@pytest.mark.parametrize(
    ("value", "code"),
    [("", "secret-empty"), ("a\nb", "secret-malformed"), ("a\rb", "secret-malformed")],
    ids=repr,
)
def test_a_variable_that_cannot_be_used_is_refused(program: Program, value, code):
    ended = program.with_variables(FLUENZR_PASSWORD=value).call(*UNTESTED, "--json")

    assert (ended.status, ended.codes) == (65, [code])


def test_a_failing_command_is_heard_but_what_it_prints_is_not_shown(program: Program):
    command = "sh -c 'echo not-to-be-shown; echo the agent is locked >&2; exit 3'"

    ended = program.run(*UNTESTED, "--password-command", command)

    assert ended.status == 78
    assert ended.err.startswith("the agent is locked\n")
    assert "[secret-command-failed]" in ended.err
    assert "status 3" in ended.err
    assert "not-to-be-shown" not in ended.out + ended.err


def test_an_option_goes_before_the_variable(program: Program, mailhost: MailHost):
    program = program.with_variables(FLUENZR_PASSWORD="wrong")

    account = added(program, ADDRESS, *server_options(mailhost), "--no-imap", stdin=mailhost.shop.secret)

    assert account["has_secret"] is True


# -- where nobody may be asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [(), ("--no-input",), ("--json",)], ids=["no terminal", "--no-input", "--json"]
)
def test_everything_that_is_missing_is_named_at_once(program: Program, options):
    ended = program.call("account", "add", *options)

    told = ended.err or ended.document["problems"][0]["title"]
    assert ended.status == 64
    for option in (
        "EMAIL",
        "--preset",
        "--smtp-host",
        "--password-stdin",
        "--password-file",
        "--password-command",
    ):
        assert option in told
    assert program.files() == {}


@pytest.mark.parametrize("option", ["--no-input", "--json"])
def test_at_a_terminal_nothing_is_asked_either_where_it_is_forbidden(program: Program, option):
    ended = program.at_terminal("account", "add", "me@shop.test", option)

    assert ended.status == 64
    assert "input-required" in ended.err + ended.out


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("--preset", "ovh", "--password-stdin"), ("EMAIL",)),
        ((ADDRESS, "--password-stdin"), ("--preset or --smtp-host",)),
        (
            (ADDRESS, "--preset", "ovh"),
            ("--password-stdin, --password-file, --password-command, --token-command or FLUENZR_PASSWORD",),
        ),
        ((ADDRESS, "--no-auth"), ("--preset or --smtp-host",)),
    ],
    ids=["email", "server", "secret", "server without login"],
)
def test_only_what_is_missing_is_named(program: Program, arguments, missing):
    with name_server({}) as names:
        command = ("account", "add", *arguments, "--resolver", names.address)
        ended = program.call(*command, "--json", stdin=SECRET)

    assert (ended.status, ended.codes) == (64, ["input-required"])
    assert tuple(ended.document["problems"][0]["facts"]["options"]) == missing


# -- what is refused before anything is tried ------------------------------------------------------------


def test_a_name_that_is_taken_is_refused_and_the_vault_left_as_it_is(shop: Program):
    before = shop.vault.read_bytes()

    ended = shop.call(*UNTESTED, "--name", "shop", "--password-stdin", "--json", stdin=SECRET)

    assert (ended.status, ended.codes) == (64, ["account-exists"])
    assert shop.vault.read_bytes() == before


@pytest.mark.parametrize("name", ["", " shop", "shop\t", "sh/op", "-shop", "sh\u202eop", "x" * 65], ids=repr)
def test_a_name_that_cannot_be_one_is_refused_before_the_secret_is_read(program: Program, name):
    ended = program.call(*UNTESTED, f"--name={name}", "--password-file", "/nowhere", "--json")

    assert (ended.status, ended.codes) == (64, ["account-name-invalid"])


def test_an_unknown_preset_is_refused_with_what_may_be_meant(program: Program):
    ended = program.call(
        "account", "add", ADDRESS, "--preset", "infomaniac", "--password-stdin", stdin=SECRET
    )

    assert ended.status == 64
    assert "[preset-unknown]" in ended.err
    assert "infomaniak" in ended.err


# -- what does not hold ----------------------------------------------------------------------------------


def test_a_wrong_password_is_explained_and_nothing_is_saved(program: Program, mailhost: MailHost):
    ended = program.run(
        "account", "add", ADDRESS, *server_options(mailhost), "--no-imap", "--password-stdin", stdin="wrong"
    )

    assert ended.status == 77
    assert "failed  auth" in ended.out
    assert "Nothing was saved." in ended.err
    assert "[auth-rejected]" in ended.err
    assert program.files() == {}


def test_an_unusable_secret_is_told_before_a_missing_keyring(program: Program):
    keyless = program.with_variables(
        FLUENZR_VAULT_KEY=None, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring"
    )

    ended = keyless.call(*UNTESTED, "--password-stdin", "--json", stdin="\n")

    assert (ended.status, ended.codes) == (65, ["secret-empty"])


def test_what_is_not_saved_is_not_told_to_be_edited(program: Program, mailhost: MailHost):
    ended = program.call(
        "account", "add", mailhost.shop.address, *server_options(mailhost), "--password-stdin", stdin="wrong"
    )

    assert "auth-rejected" in ended.err
    assert "account edit" not in ended.err
    assert "left out  login" in ended.out


def test_a_wrong_password_is_tried_once_at_both_servers_together(program: Program):
    script = submission_script(overrides={"AUTH": b"535 5.7.8 No"}, mechanisms="PLAIN LOGIN CRAM-MD5")
    with ScriptedServer(script) as submission, ScriptedServer(mailbox_script()) as mailbox:
        ended = program.run(
            "account", "add", ADDRESS, "--smtp-host", "127.0.0.1", "--smtp-port", str(submission.port),
            "--encryption", "none", "--imap-host", "127.0.0.1", "--imap-port", str(mailbox.port),
            "--imap-encryption", "none", "--password-stdin", "--json", stdin="wrong",
        )  # fmt: skip

    heard = [line for each in (*submission.connections, *mailbox.connections) for line in each.commands]
    attempts = [line for line in heard if b"AUTH" in line or b"LOGIN" in line]
    assert (ended.status, ended.codes, len(attempts)) == (77, ["auth-rejected"], 1)
    assert ended.data["saved"] is False
    assert program.files() == {}


def test_a_failed_check_does_not_touch_the_other_accounts(shop: Program, mailhost: MailHost):
    before = shop.vault.read_bytes()

    ended = shop.call(
        "account", "add", "second@shop.test", *server_options(mailhost), "--no-imap", "--password-stdin",
        "--json", stdin="wrong",
    )  # fmt: skip

    assert ended.status == 77
    assert shop.vault.read_bytes() == before


# -- certificates ----------------------------------------------------------------------------------------


def test_a_bridge_is_trusted_by_its_certificate_and_another_one_refused(
    program: Program, bridge: ServerCertificate, another: ServerCertificate
):
    with bridge_servers(bridge, bridge) as (_, _, options):
        account = added(program, ADDRESS, "--name", "b", *options, "--trust-cert", str(bridge.certificate))
    with bridge_servers(another, another) as (submission, _, options):
        ports = (options[2], options[3], options[4], options[5])
        changed = program.call("account", "edit", "b", *ports, "--json")

    facts = changed.document["problems"][0]["facts"]
    pin = ":".join(bridge.sha256[at : at + 2] for at in range(0, 64, 2)).upper()
    assert (account["smtp"]["pin"], account["imap"]["pin"]) == (pin, pin)
    assert (changed.status, changed.codes) == (76, ["tls-certificate-changed", "tls-certificate-changed"])
    assert facts["pinned"] == pin
    assert facts["seen"].replace(":", "").lower() == another.sha256
    assert not any(b"AUTH" in line for line in submission.connections[0].commands)


def test_both_fingerprints_are_told_to_people(
    program: Program, bridge: ServerCertificate, another: ServerCertificate
):
    with bridge_servers(another, another) as (_, _, options):
        ended = program.call(
            "account", "add", ADDRESS, *options, "--trust-cert", str(bridge.certificate), "--password-stdin",
            stdin=SECRET,
        )  # fmt: skip

    told = ended.err.replace(":", "").lower()
    assert ended.status == 76
    assert bridge.sha256 in told
    assert another.sha256 in told
    assert program.files() == {}


def test_a_self_signed_certificate_is_refused_where_nobody_can_be_asked(
    program: Program, bridge: ServerCertificate
):
    with bridge_servers(bridge, bridge) as (submission, _, options):
        ended = program.call(
            "account", "add", ADDRESS, *options, "--no-imap", "--password-stdin", "--json", stdin=SECRET
        )

    assert (ended.status, ended.codes) == (76, ["tls-certificate-self-signed"])
    assert not any(b"AUTH" in line for each in submission.connections for line in each.commands)


def test_an_authority_is_kept_with_the_account(program: Program, mailhost: MailHost):
    copy = Path(shutil.copy(mailhost.ca_file, program.home / "ca.pem"))
    options = [str(copy) if each == str(mailhost.ca_file) else each for each in server_options(mailhost)]
    added(program, ADDRESS, "--name", "shop", *options, stdin=mailhost.shop.secret)

    copy.unlink()

    assert program.call("account", "test", "shop", "--no-send").status == 0


def test_the_systems_own_authorities_can_be_named(program: Program, mailhost: MailHost):
    options = server_options(mailhost)[:-2]

    command = ("account", "add", ADDRESS, *options, "--no-imap", "--password-stdin", "--json")

    refused = program.run(*command, stdin=mailhost.shop.secret)
    trusting = program.with_variables(SSL_CERT_FILE=str(mailhost.ca_file))
    trusted = trusting.run(*command, stdin=mailhost.shop.secret)

    assert refused.codes == ["tls-certificate-unknown-issuer"]
    assert (trusted.status, trusted.data["account"]["smtp"]["own_authority"]) == (0, False)


@pytest.mark.parametrize("option", ["--trust-cert", "--ca-file"])
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(None, 66, "file-missing"), (b"not a certificate", 65, "certificate-file-invalid")],
    ids=["missing", "no certificate"],
)
def test_a_certificate_file_that_is_none_is_refused(program: Program, option, content, status, code):
    file = program.home / "cert.pem"
    if content is not None:
        file.write_bytes(content)

    ended = program.call(*UNTESTED, option, str(file), "--password-stdin", "--json", stdin=SECRET)

    assert (ended.status, ended.codes) == (status, [code])
    assert not program.vault.exists()


@pytest.mark.parametrize(
    ("certificate", "code"),
    [("expired", "tls-certificate-expired"), ("other_host", "tls-certificate-wrong-host")],
)
def test_a_bad_certificate_is_refused_before_any_login(
    program: Program, authority: Authority, certificate, code
):
    context = getattr(authority, certificate)().context()
    with ScriptedServer(submission_script(tls_context=context)) as submission:
        ended = program.call(
            "account", "add", ADDRESS, "--smtp-host", "localhost", "--smtp-port", str(submission.port),
            "--no-imap", "--ca-file", str(authority.ca_file), "--password-stdin", "--json", stdin=SECRET,
        )  # fmt: skip

    assert (ended.status, ended.codes) == (76, [code])
    assert not any(b"AUTH" in line for each in submission.connections for line in each.commands)


# -- at a terminal ---------------------------------------------------------------------------------------


def asking(port: int) -> str:
    """Return code that lets the program ask a name server of the test alone."""
    return (
        "import dns.resolver, dns.nameserver\n"
        f"server = dns.nameserver.Do53Nameserver('127.0.0.1', {port})\n"
        "dns.resolver.Resolver.read_resolv_conf = lambda self, _: setattr(self, 'nameservers', [server])"
    )


def test_what_is_missing_is_asked_and_what_cannot_be_read_asked_again(program: Program, mailhost: MailHost):
    with name_server({}) as resolver:
        ended = program.at_terminal(
            "account", "add", "--ca-file", str(mailhost.ca_file), "--no-imap", "--name", "asked",
            dialogue=[
                ("Email address: ", "shop at shop.test\n"),
                ("[address-malformed]", ""),
                ("Email address: ", "\n"),
                ("Email address: ", "shop@shop.test\n"),
                ("Preset or SMTP server: ", "ohv\n"),
                ("[preset-unknown]", ""),
                ("SMTP server: ", f"localhost:{mailhost.submission_port}\n"),
                ("Encryption: starttls or ssl [starttls]: ", "very\n"),
                ("[setting-invalid]", ""),
                ("Encryption: starttls or ssl [starttls]: ", "\n"),
                ("Password of shop@shop.test: ", f"{mailhost.shop.secret}\n"),
            ],
            before=asking(resolver.port),
        )  # fmt: skip

    assert ended.status == 0, ended.err
    assert ended.out.endswith("Saved asked. Try it: fluenzr account test asked\n")
    assert mailhost.shop.secret not in ended.err + ended.out
    assert program.account("asked")["smtp"]["encryption"] == "starttls"


def test_the_mail_servers_of_the_domain_lead_to_their_provider(program: Program):
    with name_server({("firma.example", "MX"): ["10 spool.mail.gandi.net."]}) as resolver:
        ended = program.at_terminal(
            "account", "add", "me@firma.example", "--no-test",
            dialogue=[("MX: gandi", ""), ("Password of me@firma.example: ", "a secret\n")],
            before=asking(resolver.port),
        )  # fmt: skip

    assert ended.status == 0, ended.err
    assert program.account("me@firma.example")["preset"] == "gandi"


def test_the_hint_of_the_provider_stands_before_the_question(program: Program):
    ended = program.at_terminal(
        "account", "add", "me@gmail.com", "--no-test", dialogue=[("Password of me@gmail.com: ", "a secret\n")]
    )

    before, _, after = ended.err.partition("Password of me@gmail.com: ")
    assert ended.status == 0
    assert "app password" in before.lower()
    assert "https://myaccount.google.com/apppasswords" in before
    assert "a secret" not in after


@pytest.mark.parametrize(
    ("answer", "status", "saved"), [("n\n", 77, False), ("\n", 77, False), ("y\n", 0, True)], ids=repr
)
def test_what_does_not_hold_is_saved_only_if_the_person_says_so(program: Program, answer, status, saved):
    with ScriptedServer(submission_script(overrides={"AUTH": b"535 5.7.8 Not today"})) as submission:
        ended = program.at_terminal(
            "account", "add", ADDRESS, "--smtp-host", "127.0.0.1", "--smtp-port", str(submission.port),
            "--encryption", "none", "--no-imap",
            dialogue=[(f"Password of {ADDRESS}: ", "wrong\n"), ("Save anyway? [y/N]: ", answer)],
        )  # fmt: skip

    explained, _, after = ended.err.partition("Save anyway?")
    assert (ended.status, program.vault.exists()) == (status, saved)
    assert "535 5.7.8 Not today" in explained
    assert ("Nothing was saved." in after) is not saved
    assert ended.err.count("[auth-rejected]") == 1


def test_an_empty_password_at_the_question_saves_nothing(program: Program):
    ended = program.at_terminal(
        "account", "add", "me@ovh.net", "--no-test", dialogue=[("Password of me@ovh.net: ", "\n")]
    )

    assert (ended.status, program.files()) == (65, {})


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize(
    "question", ["Email address: ", "Password of me@ovh.net: "], ids=["email", "password"]
)
def test_leaving_at_a_question_is_130_and_saves_nothing(program: Program, question, key):
    email = ["me@ovh.net"] if "Password" in question else []

    ended = program.at_terminal("account", "add", *email, "--no-test", dialogue=[(question, key)])

    assert (ended.status, program.files()) == (130, {})
    assert ended.err.endswith("error: Interrupted [interrupted]\n")


# -- a certificate that nobody vouches for, at a terminal ------------------------------------------------


def question_of(server: ScriptedServer) -> str:
    return f"Trust exactly this certificate for 127.0.0.1:{server.port} from now on? [y/N]: "


def test_the_certificate_of_a_bridge_is_pinned_after_one_look(program: Program, bridge: ServerCertificate):
    with bridge_servers(bridge, bridge) as (submission, _, options):
        ended = program.at_terminal(
            "account", "add", ADDRESS, *options,
            dialogue=[(f"Password of {ADDRESS}: ", f"{SECRET}\n"), (question_of(submission), "y\n")],
        )  # fmt: skip

    account = program.account(ADDRESS)
    shown, _, _ = ended.err.partition("Trust exactly")
    assert ended.status == 0, ended.err
    assert account["smtp"]["pin"] == account["imap"]["pin"]
    assert account["smtp"]["pin"].replace(":", "").lower() == bridge.sha256
    assert account["smtp"]["pin"] in shown.replace(" ", "").replace("\n", "")
    assert ended.out.count("failed  tls") == 2


def test_two_certificates_are_two_questions(
    program: Program, bridge: ServerCertificate, another: ServerCertificate
):
    with bridge_servers(bridge, another) as (submission, mailbox, options):
        ended = program.at_terminal(
            "account", "add", ADDRESS, *options,
            dialogue=[
                (f"Password of {ADDRESS}: ", f"{SECRET}\n"),
                (question_of(submission), "y\n"),
                (question_of(mailbox), "y\n"),
            ],
        )  # fmt: skip

    account = program.account(ADDRESS)
    assert ended.status == 0, ended.err
    assert account["smtp"]["pin"].replace(":", "").lower() == bridge.sha256
    assert account["imap"]["pin"].replace(":", "").lower() == another.sha256
    logins = [line for each in submission.connections for line in each.commands if line.startswith(b"AUTH")]
    assert len(logins) == 1


def test_who_does_not_trust_the_certificate_sends_no_password(program: Program, bridge: ServerCertificate):
    with bridge_servers(bridge, bridge) as (submission, mailbox, options):
        ended = program.at_terminal(
            "account", "add", ADDRESS, *options,
            dialogue=[
                (f"Password of {ADDRESS}: ", f"{SECRET}\n"),
                (question_of(submission), "n\n"),
                ("Save anyway? [y/N]: ", "n\n"),
            ],
        )  # fmt: skip

    heard = [line for each in (*submission.connections, *mailbox.connections) for line in each.commands]
    assert (ended.status, program.files()) == (76, {})
    assert not any(b"AUTH" in line or b"LOGIN" in line for line in heard)


def test_an_expired_certificate_is_not_offered_for_pinning(program: Program, authority: Authority):
    with ScriptedServer(submission_script(tls_context=authority.expired().context())) as submission:
        ended = program.at_terminal(
            "account", "add", ADDRESS, "--smtp-host", "localhost", "--smtp-port", str(submission.port),
            "--no-imap", "--ca-file", str(authority.ca_file),
            dialogue=[(f"Password of {ADDRESS}: ", f"{SECRET}\n"), ("Save anyway?", "n\n")],
        )  # fmt: skip

    assert ended.status == 76
    assert "[tls-certificate-expired]" in ended.err
    assert "Trust exactly" not in ended.err
