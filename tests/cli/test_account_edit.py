"""``fluenzr account edit``: what is named changes, the rest stays, and what does not hold is not saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import Ended, Program
from tests.servers.certificates import ServerCertificate, self_signed
from tests.servers.mailhost import MailHost

SECRET = "a secret of the tests"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return self_signed(tmp_path_factory.mktemp("bridge"))


def add(program: Program, *options: str) -> dict:
    source = () if "--no-auth" in options else ("--password-stdin",)
    ended = program.call(
        "account",
        "add",
        "me@shop.test",
        "--name",
        "a",
        "--no-test",
        "--json",
        *source,
        *options,
        stdin=SECRET,
    )
    assert ended.status == 0, ended.out
    return ended.data["account"]


def edit(program: Program, *options: str, stdin: str = "") -> Ended:
    return program.call("account", "edit", "a", "--no-test", "--json", *options, stdin=stdin)


def edited(program: Program, *options: str, stdin: str = "") -> dict:
    ended = edit(program, *options, stdin=stdin)
    assert ended.status == 0, ended.out
    assert ended.data["account"] == program.account("a")
    return ended.data["account"]


def test_what_is_not_named_stays_as_it_is(program: Program):
    before = add(program, "--preset", "gandi", "--username", "someone")

    after = edited(program, "--display-name", "Ünï")

    assert after == before | {"display_name": "Ünï"}


def test_a_display_name_can_be_taken_away(program: Program):
    add(program, "--preset", "gandi", "--display-name", "Me")

    assert edited(program, "--display-name", "")["display_name"] == ""


@pytest.mark.parametrize(
    ("before", "change", "smtp"),
    [
        (("smtp.shop.test", "465", "ssl"), ("--smtp-host", "new.shop.test"), ("new.shop.test", 465, "ssl")),
        (("smtp.shop.test", "2465", "ssl"), ("--smtp-port", "3465"), ("smtp.shop.test", 3465, "ssl")),
        (("smtp.shop.test", "465", "ssl"), ("--smtp-port", "587"), ("smtp.shop.test", 587, "starttls")),
        (("smtp.shop.test", "587", "tls"), ("--encryption", "ssl"), ("smtp.shop.test", 465, "ssl")),
        (
            ("smtp.shop.test", "587", "tls"),
            ("--smtp-host", "new.shop.test", "--smtp-port", "465"),
            ("new.shop.test", 465, "ssl"),
        ),
    ],
    ids=["host", "unusual port", "usual port", "encryption", "host and port"],
)
def test_of_a_server_changes_what_is_named_and_what_follows_from_it(program: Program, before, change, smtp):
    host, port, encryption = before
    add(program, "--smtp-host", host, "--smtp-port", port, "--encryption", encryption, "--no-imap")

    after = edited(program, *change)["smtp"]

    assert (after["host"], after["port"], after["encryption"]) == smtp


def test_an_imap_server_can_be_added_and_taken_away(program: Program):
    add(program, "--smtp-host", "smtp.shop.test", "--no-imap")

    with_imap = edited(program, "--imap-host", "imap.shop.test")
    without = edited(program, "--no-imap")

    assert (with_imap["imap"]["host"], with_imap["imap"]["port"]) == ("imap.shop.test", 993)
    assert without["imap"] is None


# -- trust -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--trust-cert", "--ca-file"])
def test_trust_stays_with_its_host(program: Program, certificate: ServerCertificate, option):
    trusted = add(
        program, "--smtp-host", "smtp.shop.test", "--imap-host", "imap.shop.test",
        option, str(certificate.certificate),
    )  # fmt: skip

    same = edited(program, "--smtp-port", "465")
    other = edited(program, "--smtp-host", "other.shop.test")

    assert (trusted["smtp"]["pin"], trusted["smtp"]["own_authority"]) != (None, False)
    for field in ("pin", "own_authority"):
        assert same["smtp"][field] == trusted["smtp"][field]
        assert other["imap"][field] == trusted["imap"][field]
    assert (other["smtp"]["pin"], other["smtp"]["own_authority"]) == (None, False)


def test_an_authority_takes_the_place_of_a_pin(
    program: Program, certificate: ServerCertificate, mailhost: MailHost
):
    add(program, "--smtp-host", "smtp.shop.test", "--no-imap", "--trust-cert", str(certificate.certificate))

    after = edited(program, "--ca-file", str(mailhost.ca_file))["smtp"]

    assert (after["pin"], after["own_authority"]) == (None, True)


# -- the secret ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["stdin", "file", "command"])
def test_a_new_secret_is_dated(program: Program, source):
    before = add(program, "--preset", "gandi")
    file = program.home / "secret"
    file.write_text("a newer one")
    options = {
        "stdin": ("--password-stdin",),
        "file": ("--password-file", str(file)),
        "command": ("--password-command", f"cat '{file}'"),
    }

    after = edited(program, *options[source], stdin="a newer one")

    assert after["secret_changed"] > before["secret_changed"]
    assert after["created"] == before["created"]


def test_the_variable_does_not_change_the_secret_by_itself(program: Program):
    before = add(program, "--preset", "gandi")

    after = edited(program.with_variables(FLUENZR_PASSWORD="another"), "--display-name", "x")

    assert after["secret_changed"] == before["secret_changed"]


def test_the_new_secret_is_the_one_that_is_used(shop: Program, mailhost: MailHost):
    wrong = shop.call("account", "edit", "shop", "--no-test", "--password-stdin", stdin="wrong")
    refused = shop.call("account", "test", "shop", "--no-send", "--json")
    right = shop.call("account", "edit", "shop", "--password-stdin", stdin=mailhost.shop.secret)
    accepted = shop.call("account", "test", "shop", "--no-send")

    assert (wrong.status, refused.status, right.status, accepted.status) == (0, 77, 0, 0)
    assert "auth-rejected" in refused.codes


def test_a_new_secret_can_be_asked_for(program: Program):
    add(program, "--preset", "gandi")

    ended = program.at_terminal(
        "account", "edit", "a", "--password", "--no-test",
        dialogue=[("Password of me@shop.test: ", "a newer one\n")],
    )  # fmt: skip

    account = program.account("a")
    assert (ended.status, ended.out) == (0, "Saved a.\n")
    assert account["secret_changed"] > account["created"]


def test_an_account_without_login_gets_one_only_together_with_a_secret(program: Program):
    add(program, "--smtp-host", "localhost", "--encryption", "none", "--no-imap", "--no-auth")

    lacking = edit(program, "--username", "me")
    complete = edited(program, "--password-stdin", stdin=SECRET)

    assert (lacking.status, lacking.codes) == (64, ["input-required"])
    assert (complete["username"], complete["has_secret"]) == ("me@shop.test", True)


# -- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ((), 64, "input-required"),
        (("--password", "--password-stdin"), 64, "usage-invalid"),
        (("--password",), 64, "input-required"),
        (("--smtp-port", "0"), 64, "setting-invalid"),
        (("--smtp-host", "a b"), 64, "setting-invalid"),
        (("--encryption", "maybe"), 64, "setting-invalid"),
        (("--encryption", "none"), 64, "encryption-required"),
        (("--username", ""), 64, "setting-invalid"),
        (("--display-name", "a\r\nBcc: b@shop.test"), 65, "header-malformed"),
        (("--limit", "200"), 64, "setting-invalid"),
        (("--limit", "none", "--limit", "200/1h"), 64, "setting-invalid"),
        (("--pause", "soon"), 64, "setting-invalid"),
        (("--password-stdin",), 65, "secret-empty"),
        (("--ca-file", "/nowhere"), 66, "file-missing"),
    ],
    ids=[
        "nothing", "two sources", "nobody to ask", "port", "host", "encryption", "plain text", "no user name",
        "limit", "two words", "pause", "line break", "empty secret", "no file",
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_is_refused_and_nothing_written(program: Program, options, status, code):
    add(program, "--preset", "gandi")
    before = program.files()

    ended = edit(program, *options)

    assert (ended.status, ended.codes) == (status, [code])
    assert program.files() == before


def test_an_unknown_account_is_refused_with_the_known_ones(program: Program):
    add(program, "--preset", "gandi")

    ended = program.call("account", "edit", "b", "--display-name", "x", "--json")

    assert (ended.status, ended.codes) == (78, ["account-unknown"])
    assert ended.document["problems"][0]["facts"]["known"] == ["a"]


def test_settings_that_do_not_hold_are_not_saved(shop: Program, mailhost: MailHost):
    before = shop.vault.read_bytes()

    ended = shop.call("account", "edit", "shop", "--password-stdin", "--json", stdin="wrong")

    assert (ended.status, ended.data["saved"]) == (77, False)
    assert shop.vault.read_bytes() == before


def test_they_are_saved_if_the_person_says_so(shop: Program, tmp_path: Path):
    ended = shop.at_terminal(
        "account", "edit", "shop", "--smtp-port", "1", "--encryption", "tls", "--no-imap",
        dialogue=[("[connect-refused]", ""), ("Save anyway? [y/N]: ", "y\n")],
    )  # fmt: skip

    assert ended.status == 0
    assert shop.account("shop")["smtp"]["port"] == 1


# -- limits and pause ------------------------------------------------------------------------------------


def in_force(program: Program) -> list[tuple[int, str]]:
    limits = program.call("account", "show", "a", "--json").data["limits_in_force"]
    return [(each["count"], each["origin"]) for each in limits]


def test_limits_are_replaced_lifted_and_left_to_the_preset_again(program: Program):
    add(program, "--preset", "ovh")
    preset = in_force(program)

    edited(program, "--limit", "100/1h", "--limit", "500:recipients/24h")
    own = in_force(program)
    edited(program, "--limit", "none")
    lifted = in_force(program)
    edited(program, "--limit", "preset")

    assert preset == [(200, "preset")]
    assert own == [(100, "account"), (500, "account")]
    assert lifted == []
    assert in_force(program) == preset


def test_limits_and_pause_stay_when_something_else_changes(program: Program):
    add(program, "--preset", "ovh", "--limit", "100/1h", "--pause", "2s")
    before = program.account("a")

    after = edited(program, "--display-name", "Me")

    assert after == before | {"display_name": "Me"}
    assert (len(after["limits"]), after["pause_seconds"]) == (1, 2.0)


@pytest.mark.parametrize("word", ["0", "none"])
def test_a_pause_can_be_lifted(program: Program, word):
    add(program, "--preset", "ovh", "--pause", "2s")

    assert edited(program, "--pause", word)["pause_seconds"] is None


def test_what_no_server_is_asked_about_is_saved_without_trying_them(program: Program):
    add(program, "--smtp-host", "localhost", "--smtp-port", "1", "--no-imap")

    ended = program.call(
        "account", "edit", "a", "--limit", "100/1h", "--pause", "2s", "--display-name", "Me", "--json"
    )

    assert (ended.status, ended.data["saved"], ended.data["checks"]) == (0, True, [])
