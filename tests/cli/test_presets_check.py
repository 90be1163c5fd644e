"""``fluenzr presets check``: records held against servers on loopback that look like the provider's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cli.program import Ended, Program
from tests.servers.certificates import Authority
from tests.servers.mailhost import free_ports
from tests.servers.nameserver import NameServer, name_server
from tests.servers.scripted import ScriptedServer, mailbox_script, submission_script

HOST = "mail.firma.example"
ZONE = {(HOST, "A"): ["127.0.0.1"]}
OWN = """
[firma]
smtp = [{{ host = "{host}", port = {smtp}, encryption = "ssl" }}]
imap = [{{ host = "{host}", port = {imap}, encryption = "ssl" }}]
checked = {checked}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firma:
    """The servers of the preset ``firma``, and the options by which the command finds them."""

    smtp: ScriptedServer
    imap: ScriptedServer
    names: NameServer
    options: tuple[str, ...]


def own(program: Program, text: str) -> None:
    folder = program.home / "fluenzr"
    folder.mkdir(exist_ok=True)
    (folder / "presets.toml").write_text(text)


@contextmanager
def firma(
    program: Program, authority: Authority, *, name: str = HOST, checked: str = "2026-11-01", **script
) -> Iterator[Firma]:
    certificate = authority.issue("firma", names=(name,), common_name=name)
    with (
        ScriptedServer(submission_script(**script), tls_context=certificate.context()) as smtp,
        ScriptedServer(mailbox_script(), tls_context=certificate.context()) as imap,
        name_server(ZONE) as names,
    ):
        own(program, OWN.format(host=HOST, smtp=smtp.port, imap=imap.port, checked=checked))
        options = ("--resolver", names.address, "--ca-file", str(authority.ca_file))
        yield Firma(smtp=smtp, imap=imap, names=names, options=options)


def checked(program: Program, *arguments: str) -> Ended:
    return program.call("presets", "check", *arguments, "--json")


def test_servers_that_say_what_the_record_says_hold(program: Program, authority: Authority):
    with firma(program, authority) as its:
        ended = checked(program, "firma", *its.options)

    (found,) = ended.data["presets"]
    assert (ended.status, found["holds"], found["old"]) == (0, True, False)
    assert [(each["protocol"], each["port"], each["verified"]) for each in found["servers"]] == [
        ("smtp", its.smtp.port, True), ("imap", its.imap.port, True),
    ]  # fmt: skip
    assert found["servers"][0]["mechanisms"] == ["PLAIN", "LOGIN"]


def test_nobody_logs_in(program: Program, authority: Authority):
    with firma(program, authority) as its:
        checked(program, "firma", *its.options)

        said = b"".join(each.received for each in its.smtp.connections + its.imap.connections).upper()
        assert b"EHLO" in said
        assert b"CAPABILITY" in said
        assert b"AUTH" not in said
        assert b"LOGIN" not in said


def test_certificate_for_another_name_does_not_hold(program: Program, authority: Authority):
    with firma(program, authority, name="other.example") as its:
        ended = checked(program, "firma", *its.options)

    (found,) = ended.data["presets"]
    assert (ended.status, ended.codes, found["holds"]) == (69, ["presets-outdated"], False)
    assert {each["problem"]["code"] for each in found["servers"]} == {"tls-certificate-wrong-host"}


def test_server_that_is_gone_does_not_hold(program: Program):
    closed, other = free_ports(2)
    own(program, OWN.format(host=HOST, smtp=closed, imap=other, checked="2026-11-01"))
    with name_server(ZONE) as names:
        ended = checked(program, "firma", "--resolver", names.address)

    assert ended.codes == ["presets-outdated"]
    assert {each["problem"]["code"] for each in ended.data["presets"][0]["servers"]} == {"connect-refused"}


def test_name_that_is_gone_does_not_hold(program: Program):
    own(program, OWN.format(host="gone.firma.example", smtp=465, imap=993, checked="2026-11-01"))
    with name_server(ZONE) as names:
        ended = checked(program, "firma", "--resolver", names.address)

    assert {each["problem"]["code"] for each in ended.data["presets"][0]["servers"]} == {"dns-host-unknown"}


@pytest.mark.parametrize(
    ("mechanisms", "remarks"),
    [("XOAUTH2", ["no-password", "offers-oauth"]), ("PLAIN XOAUTH2", ["offers-oauth"])],
)
def test_login_that_differs_from_the_record_is_remarked(program, authority, mechanisms, remarks):
    with firma(program, authority, mechanisms=mechanisms) as its:
        ended = checked(program, "firma", *its.options)

    assert ended.status == 0
    assert ended.data["presets"][0]["servers"][0]["remarks"] == remarks


def test_record_of_long_ago_is_marked(program: Program, authority: Authority):
    with firma(program, authority, checked="2024-01-01") as its:
        ended = checked(program, "firma", *its.options)
        shown = program.call("presets", "check", "firma", *its.options)

    assert (ended.status, ended.data["presets"][0]["old"]) == (0, True)
    assert "compared with its sources on 2024-01-01, long ago" in shown.out


def test_people_see_what_does_not_hold_and_how_many_do(program: Program, authority: Authority):
    with firma(program, authority, name="other.example") as its:
        ended = program.call("presets", "check", "firma", *its.options)

    assert f"smtp {HOST}:{its.smtp.port} ssl" in ended.out
    assert "tls-certificate-wrong-host" in ended.out
    assert ended.out.endswith("0 of 1 presets hold.\n")
    assert ended.err.startswith("firma: does not hold\n")


@pytest.mark.parametrize(
    ("key", "reason"), [("tuta", "unsupported"), ("cpanel", "own-domain"), ("zimbra", "own-domain")]
)
def test_what_cannot_be_tried_is_said(program: Program, key, reason):
    (found,) = checked(program, key).data["presets"]

    assert (found["untried"], found["holds"], found["servers"]) == (reason, None, [])


def test_each_usual_value_of_a_placeholder_is_tried(program: Program):
    with name_server({}) as names:
        ended = checked(program, "amazon-ses", "--resolver", names.address)

    hosts = {each["host"] for each in ended.data["presets"][0]["servers"]}
    assert {"email-smtp.eu-west-1.amazonaws.com", "email-smtp.us-east-1.amazonaws.com"} <= hosts


def test_all_of_them_are_tried_where_none_is_named(program: Program):
    with name_server({}) as names:
        ended = checked(program, "--resolver", names.address)

    found = {each["key"]: each for each in ended.data["presets"]}
    listed = program.call("presets", "list", "--json").data["presets"]
    assert list(found) == [each["key"] for each in listed]
    assert found["mailpit"]["untried"] == "this-computer"
    assert found["ovh"]["holds"] is False


@pytest.mark.parametrize(
    ("key", "code"), [("mailpit", "connect-refused"), ("proton-bridge", "bridge-not-running")]
)
def test_what_does_not_run_here_is_named_for_what_it_is(program: Program, key, code):
    (found,) = checked(program, key).data["presets"]

    assert {each["problem"]["code"] for each in found["servers"]} == {code}


def test_unknown_key_is_refused(program: Program):
    assert checked(program, "nobody").codes == ["preset-unknown"]
