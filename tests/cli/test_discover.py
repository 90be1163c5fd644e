"""``fluenzr discover``, and ``account add`` by what it finds: real name, mail and web servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cli.program import Ended, Program
from tests.servers.certificates import Authority
from tests.servers.mailhost import free_ports
from tests.servers.nameserver import NameServer, Zone, name_server
from tests.servers.scripted import ScriptedServer, mailbox_script, submission_script
from tests.servers.webserver import http, web_server

WEB = "127.83.4.1"  # nobody else's: the web is asked at its standard port
SECRET = "a secret that must not leave"
ADDRESS = "ana@firma.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firma:
    """The servers of a firm, and the options by which a command finds them."""

    smtp: ScriptedServer
    imap: ScriptedServer
    names: NameServer
    options: tuple[str, ...]


def srv(smtp: ScriptedServer, imap: ScriptedServer, host: str = "localhost") -> Zone:
    return {
        ("_submissions._tcp.firma.example", "SRV"): [f"0 1 {smtp.port} {host}."],
        ("_imaps._tcp.firma.example", "SRV"): [f"0 1 {imap.port} {host}."],
    }


@contextmanager
def firma(
    authority: Authority, *, is_authenticated: bool = False, more: Zone | None = None
) -> Iterator[Firma]:
    """Run a firm whose SRV records lead to a host that is not of its own domain."""
    certificate = authority.valid()
    with (
        ScriptedServer(submission_script(), tls_context=certificate.context()) as smtp,
        ScriptedServer(mailbox_script(), tls_context=certificate.context()) as imap,
        name_server({**srv(smtp, imap), **(more or {})}, is_authenticated=is_authenticated) as names,
    ):
        options = ("--resolver", names.address, "--ca-file", str(authority.ca_file))
        yield Firma(smtp=smtp, imap=imap, names=names, options=options)


def discovered(program: Program, *arguments: str) -> Ended:
    return program.call("discover", *arguments, "--json")


def said(server: ScriptedServer) -> bytes:
    return b"".join(each.received for each in server.connections)


class TestDiscover:
    def test_offline_the_catalogue_alone_is_asked(self, program: Program):
        with name_server({}) as names:
            ended = discovered(program, "me@gmail.com", "--offline", "--resolver", names.address)

        (candidate,) = ended.data["candidates"]
        assert ended.status == 0
        assert names.asked == []
        assert (candidate["origin"], candidate["preset"], candidate["verdict"]) == (
            "catalogue", "gmail", "unchecked",
        )  # fmt: skip
        assert candidate["smtp"] == {
            "host": "smtp.gmail.com",
            "port": 465,
            "encryption": "ssl",
            "verified": None,
            "seconds": None,
            "problem": None,
        }

    def test_offline_an_unknown_domain_has_no_servers(self, program: Program):
        ended = discovered(program, ADDRESS, "--offline")

        assert ended.codes == ["servers-unknown"]
        assert ended.data["candidates"] == []

    def test_servers_outside_of_the_domain_are_to_be_confirmed(self, program: Program, authority: Authority):
        with firma(authority) as its:
            ended = discovered(program, ADDRESS, *its.options)

        candidate = ended.data["candidates"][0]
        assert ended.status == 0
        assert (candidate["origin"], candidate["verdict"], candidate["trusted"]) == (
            "srv",
            "to-confirm",
            False,
        )
        assert (candidate["smtp"]["port"], candidate["smtp"]["verified"]) == (its.smtp.port, True)
        assert (candidate["imap"]["port"], candidate["imap"]["verified"]) == (its.imap.port, True)
        assert [each["origin"] for each in ended.data["steps"]] == [
            "catalogue", "mx", "srv", "autoconfig", "names",
        ]  # fmt: skip

    def test_a_validated_record_needs_no_confirmation(self, program: Program, authority: Authority):
        with firma(authority, is_authenticated=True) as its:
            ended = discovered(program, ADDRESS, *its.options)

        candidate = ended.data["candidates"][0]
        assert (candidate["origin"], candidate["verdict"]) == ("srv", "recommended")

    def test_nobody_logs_in(self, program: Program, authority: Authority):
        with firma(authority, is_authenticated=True) as its:
            discovered(program, ADDRESS, *its.options)

            assert b"EHLO" in said(its.smtp).upper()
            assert b"AUTH" not in said(its.smtp).upper()
            assert b"LOGIN" not in said(its.imap).upper()

    def test_a_certificate_that_does_not_hold_fails_its_server(self, program: Program, authority: Authority):
        with firma(authority, is_authenticated=True) as its:
            ended = discovered(program, ADDRESS, "--resolver", its.names.address)  # without its authority

        candidate = ended.data["candidates"][0]
        assert candidate["verdict"] == "failed"
        assert candidate["smtp"]["verified"] is False
        assert ended.codes == [candidate["smtp"]["problem"]["code"]] == ["tls-certificate-unknown-issuer"]

    def test_products_of_a_provider_are_a_choice(self, program: Program):
        with name_server({("firma.example", "MX"): ["10 mx1.mail.ovh.net."]}) as names:
            ended = discovered(program, ADDRESS, "--resolver", names.address)

        found = {each["preset"]: each for each in ended.data["candidates"] if each["origin"] == "mx"}
        assert {"ovh", "ovh-exchange"} <= found.keys()
        assert found["ovh-exchange"]["placeholders"] == ["number"]
        assert found["ovh-exchange"]["verdict"] == "incomplete"

    def test_each_product_is_told_as_a_command_of_its_own(self, program: Program):
        with name_server({("firma.example", "MX"): ["10 mx1.mail.ovh.net."]}) as names:
            told = program.call("discover", ADDRESS, "--resolver", names.address).out

        lines = [line.strip() for line in told.partition("Choose what you have:")[2].splitlines()]
        assert f"fluenzr account add {ADDRESS} --preset ovh" in lines  # although it does not answer here
        assert f"fluenzr account add {ADDRESS} --preset ovh-exchange --fill number=4" in lines

    def test_what_does_not_answer_is_not_recommended(self, program: Program):
        (closed,) = free_ports(1)
        program.call(
            "presets", "add", "prov", "--smtp", f"localhost:{closed}/ssl", "--domain", "firma.example"
        )
        with name_server({}) as names:
            told = program.call("discover", ADDRESS, "--resolver", names.address).out

        assert "It does not answer just now" in told
        assert "Use it:" not in told

    def test_name_servers_that_do_not_answer_are_named(self, program: Program):
        ended = discovered(program, ADDRESS, "--resolver", "127.0.0.1:9", "--timeout", "1")

        assert (ended.status, ended.codes) == (75, ["dns-unavailable"])

    def test_the_file_of_the_domain_is_read(self, program: Program, authority: Authority):
        certificate = authority.issue("web", names=("autoconfig.firma.example",))
        mail = authority.valid()
        with (
            ScriptedServer(submission_script(tls_context=mail.context())) as smtp,
            web_server(
                certificate.context(), http(autoconfig(smtp.port), kind="text/xml"), at=(WEB, 443)
            ) as web,
            name_server({("autoconfig.firma.example", "A"): [WEB]}) as names,
        ):
            ended = discovered(
                program, ADDRESS, "--resolver", names.address, "--ca-file", str(authority.ca_file)
            )

        candidate = ended.data["candidates"][0]
        assert (candidate["origin"], candidate["username"]) == ("autoconfig", "local-part")
        assert (candidate["smtp"]["port"], candidate["smtp"]["verified"]) == (smtp.port, True)
        assert candidate["source"] == "https://autoconfig.firma.example/mail/config-v1.1.xml"
        assert web.requests[0].startswith(
            b"GET /mail/config-v1.1.xml?emailaddress=ana%40firma.example HTTP/1.1\r\n"
        )

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [
            (
                http(b"", status="302 Found", more="Location: http://firma.example/x.xml\r\n"),
                "redirect-not-https",
            ),
            (http(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', kind="text/xml"), "document-type"),
            (http(b"<html><body>Welcome</body></html>", kind="text/html"), "type"),
            (http(b"", kind="text/xml", more="X: " + "y" * 300_000 + "\r\n"), "answer"),
        ],
        ids=["http", "entities", "page", "header"],
    )
    def test_a_hostile_file_is_refused_with_its_reason(
        self, program: Program, authority: Authority, answer: bytes, fault: str
    ):
        certificate = authority.issue("web", names=("autoconfig.firma.example",))
        with (
            web_server(certificate.context(), answer, at=(WEB, 443)),
            name_server({("autoconfig.firma.example", "A"): [WEB]}) as names,
        ):
            ended = discovered(
                program, ADDRESS, "--resolver", names.address, "--ca-file", str(authority.ca_file)
            )

        step = next(each for each in ended.data["steps"] if each["origin"] == "autoconfig")
        assert (step["found"], step["fault"]) == (0, fault)
        assert ended.codes == ["servers-unknown"]

    def test_each_step_is_told_as_it_is_taken(self, program: Program, authority: Authority):
        with firma(authority) as its:
            ended = program.call("discover", ADDRESS, *its.options)

        lines = ended.err.splitlines()
        assert [line.split(":")[0] for line in lines] == [
            "catalogue",
            "MX",
            "SRV",
            "autoconfig",
            "usual names",
        ]
        assert f"localhost:{its.smtp.port} ssl verified" in ended.out
        assert f"fluenzr account add {ADDRESS}" in ended.out

    def test_a_provider_with_which_no_program_works_says_so(self, program: Program):
        ended = discovered(program, "me@tuta.com", "--offline")

        assert ended.codes == ["provider-unsupported"]
        assert ended.data["candidates"][0]["verdict"] == "unsupported"

    @pytest.mark.parametrize(
        ("address", "code"),
        [("nobody", "address-malformed"), ("a@b@c.example", "address-malformed"), ("", "address-malformed")],
    )
    def test_what_is_no_address_is_refused(self, program: Program, address, code):
        assert discovered(program, address, "--offline").codes == [code]

    def test_a_domain_in_its_own_script_is_asked_for_in_ascii(self, program: Program):
        with name_server({}) as names:
            ended = discovered(program, "ana@bücher.example", "--resolver", names.address)

        assert ended.data["domain"] == "xn--bcher-kva.example"
        assert ("xn--bcher-kva.example.", "MX") in {
            (name.rstrip(".") + ".", kind) for name, kind in names.asked
        }


class TestAccountAdd:
    def test_address_and_password_are_enough(self, program: Program, authority: Authority):
        with firma(authority, is_authenticated=True) as its:
            ended = program.call(
                "account", "add", ADDRESS, *its.options, "--password-stdin", "--json", stdin=SECRET
            )

        account = ended.data["account"]
        assert ended.status == 0, ended.out
        assert (account["smtp"]["host"], account["smtp"]["port"]) == ("localhost", its.smtp.port)
        assert (account["imap"]["host"], account["imap"]["port"]) == ("localhost", its.imap.port)
        assert b"AUTH" in said(its.smtp).upper()

    def test_no_password_leaves_for_a_host_that_nobody_agreed_to(
        self, program: Program, authority: Authority
    ):
        with firma(authority) as its:
            ended = program.call(
                "account", "add", ADDRESS, *its.options, "--password-stdin", "--json", stdin=SECRET
            )

            assert ended.codes == ["server-unconfirmed"]
            assert not program.vault.exists()
            assert b"AUTH" not in said(its.smtp).upper()

    def test_who_keeps_mail_while_the_own_servers_are_down_is_not_the_provider(
        self, program: Program, authority: Authority
    ):
        exchangers = ["10 mail.firma.example.", "50 spool.mail.gandi.net."]
        with firma(authority, is_authenticated=True, more={("firma.example", "MX"): exchangers}) as its:
            ended = program.call(
                "account", "add", ADDRESS, *its.options, "--password-stdin", "--json", stdin=SECRET
            )

        assert ended.status == 0, ended.out
        assert ended.data["account"]["smtp"]["port"] == its.smtp.port

    @pytest.mark.parametrize("consent", [(), ("--yes",)])
    def test_a_provider_that_is_down_is_not_replaced_by_what_the_dns_says(
        self, program: Program, authority: Authority, consent
    ):
        (closed,) = free_ports(1)
        program.call(
            "presets", "add", "prov", "--smtp", f"localhost:{closed}/ssl", "--domain", "firma.example"
        )
        with firma(authority, is_authenticated=True) as its:
            ended = program.call(
                "account", "add", ADDRESS, *its.options, *consent, "--password-stdin", "--json", stdin=SECRET
            )
            found = discovered(program, ADDRESS, *its.options).data["candidates"]

            assert ended.codes == ["connect-refused"]
            assert b"AUTH" not in said(its.smtp).upper()
        assert [(each["origin"], each["verdict"]) for each in found] == [
            ("catalogue", "failed"),
            ("srv", "to-confirm"),
        ]

    def test_what_was_typed_of_a_server_goes_with_the_host_that_was_found(
        self, program: Program, authority: Authority
    ):
        with firma(authority, is_authenticated=True) as its:
            ended = program.call(
                "account", "add", ADDRESS, *its.options, "--imap-encryption", "ssl", "--imap-port",
                str(its.imap.port), "--password-stdin", "--json", stdin=SECRET,
            )  # fmt: skip

        assert ended.status == 0, ended.out
        assert ended.data["account"]["imap"]["host"] == "localhost"

    def test_what_is_wrong_with_the_domains_own_server_is_told(self, program: Program, authority: Authority):
        with firma(authority, is_authenticated=True) as its:
            names = ("--resolver", its.names.address)  # without its authority
            ended = program.call(
                "account", "add", ADDRESS, *names, "--password-stdin", "--json", stdin=SECRET
            )

        assert ended.codes == ["tls-certificate-unknown-issuer"]

    def test_yes_agrees_beforehand(self, program: Program, authority: Authority):
        with firma(authority) as its:
            ended = program.call(
                "account", "add", ADDRESS, *its.options, "--yes", "--password-stdin", "--json", stdin=SECRET
            )

        assert ended.status == 0, ended.out
        assert ended.data["account"]["smtp"]["port"] == its.smtp.port

    def test_a_person_is_asked_and_may_refuse(self, program: Program, authority: Authority):
        with firma(authority) as its:
            ended = program.at_terminal(
                "account", "add", ADDRESS, *its.options,
                dialogue=[("Send your password there? [y/N]: ", "n\n")],
            )  # fmt: skip

            assert "SRV names localhost, outside of your domain" in ended.err
            assert "Password of" not in ended.err
            assert not program.vault.exists()
            assert b"AUTH" not in said(its.smtp).upper()

    def test_a_person_is_asked_and_may_agree(self, program: Program, authority: Authority):
        with firma(authority) as its:
            ended = program.at_terminal(
                "account", "add", ADDRESS, *its.options,
                dialogue=[
                    ("Send your password there? [y/N]: ", "y\n"),
                    (f"Password of {ADDRESS}: ", f"{SECRET}\n"),
                ],
            )  # fmt: skip

        assert ended.status == 0, ended.err
        assert program.names() == [ADDRESS]

    def test_the_product_of_a_provider_is_asked_for_and_completed(self, program: Program):
        with name_server({("firma.example", "MX"): ["10 mx1.mail.ovh.net."]}) as names:
            ended = program.at_terminal(
                "account", "add", ADDRESS, "--no-test", "--resolver", names.address,
                dialogue=[
                    ("Which of these is it: ", "nonsense\n"),
                    ("There is no preset named 'nonsense'", ""),
                    ("Which of these is it: ", "ovh-exchange\n"),
                    ("(ex4.mail.ovh.net: 4): ", "x y\n"),
                    ("is not a value for --fill number", ""),
                    ("(ex4.mail.ovh.net: 4): ", "ex7.mail.ovh.net\n"),
                    (f"Password of {ADDRESS}: ", f"{SECRET}\n"),
                ],
            )  # fmt: skip

        account = program.account(ADDRESS)
        assert ended.status == 0, ended.err
        assert (account["preset"], account["smtp"]["host"]) == ("ovh-exchange", "ex7.mail.ovh.net")

    def test_the_product_is_named_in_scripts(self, program: Program):
        with name_server({("firma.example", "MX"): ["10 mx1.mail.ovh.net."]}) as names:
            command = (
                "account",
                "add",
                ADDRESS,
                "--no-test",
                "--resolver",
                names.address,
                "--password-stdin",
            )
            asked = program.call(*command, "--json", stdin=SECRET)
            named = program.call(
                *command, "--preset", "ovh-exchange", "--fill", "number=7", "--json", stdin=SECRET
            )

        assert asked.codes == ["input-required"]
        assert "ovh-exchange" in asked.out
        assert named.data["account"]["smtp"]["host"] == "ex7.mail.ovh.net"

    def test_a_part_that_is_missing_is_named(self, program: Program):
        ended = program.call(
            "account", "add", ADDRESS, "--preset", "ovh-exchange", "--no-test", "--password-stdin", "--json",
            stdin=SECRET,
        )  # fmt: skip

        assert ended.codes == ["input-required"]
        assert "--fill number=" in ended.out

    def test_a_part_that_the_provider_does_not_have_is_refused(self, program: Program):
        command = ("account", "add", ADDRESS, "--preset", "ovh-exchange", "--fill", "nummer=4", "--no-test")
        ended = program.call(*command, "--password-stdin", "--json", stdin=SECRET)

        assert ended.codes == ["usage-invalid"]
        assert "it has number" in ended.out

    def test_all_that_is_missing_is_named_at_once(self, program: Program):
        ended = program.call("account", "add", ADDRESS, "--preset", "amazon-ses", "--no-test", "--json")

        options = ended.document["problems"][0]["facts"]["options"]
        assert [each.split(",")[0] for each in options] == [
            "--fill region=…",
            "--username",
            "--password-stdin",
        ]

    def test_nobody_logs_in_to_a_catcher_of_test_mail(self, program: Program):
        ended = program.call("account", "add", ADDRESS, "--preset", "mailpit", "--no-test", "--json")

        assert ended.data["account"]["username"] is None
        assert ended.data["account"]["login"] == "none"

    def test_a_provider_with_which_no_program_works_is_refused(self, program: Program):
        ended = program.call(
            "account", "add", "me@tuta.com", "--password-stdin", "--no-test", "--json", stdin=SECRET
        )

        assert ended.codes == ["provider-unsupported"]
        assert not program.vault.exists()


def autoconfig(port: int) -> bytes:
    return f"""<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="firma.example">
  <outgoingServer type="smtp"><hostname>localhost</hostname><port>{port}</port>
    <socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username>
    <authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>
""".encode()
