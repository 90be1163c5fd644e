"""The settings that a domain publishes: the XML by itself, and from real HTTPS servers, good and bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.discovery.autoconfig import AutoconfigFault, Web, configured, places
from fluenzr_smtp.discovery.autoconfig_xml import LIMIT_BYTES, Configured, NotAutoconfigError, read_autoconfig
from fluenzr_smtp.model import Endpoint, Security, UsernameRule
from fluenzr_smtp.presets import PresetCatalog, is_filled
from fluenzr_smtp.presets.autoconfig import autoconfig_of
from tests.servers.certificates import Authority
from tests.servers.webserver import http, web_server
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK

ADDRESS = "ana@firma.example"
SSL, STARTTLS = Security.IMPLICIT_TLS, Security.STARTTLS
PRESETS = PresetCatalog.load(own=None).presets


def server(
    host="smtp.firma.example", port="465", socket="SSL", username="%EMAILADDRESS%", kind="smtp", more=""
) -> str:
    tag = "outgoingServer" if kind == "smtp" else "incomingServer"
    return (
        f"<{tag} type='{kind}'><hostname>{host}</hostname><port>{port}</port>"
        f"<socketType>{socket}</socketType><username>{username}</username>{more}</{tag}>"
    )


def file(*servers: str) -> bytes:
    inside = "".join(servers)
    return (
        f"<clientConfig version='1.1'><emailProvider id='x'>{inside}</emailProvider></clientConfig>".encode()
    )


def read(*servers: str) -> Configured:
    return read_autoconfig(file(*servers), address=ADDRESS)


def endpoints(found: tuple[Endpoint, ...]) -> list[tuple[str, int, Security]]:
    return [(each.host, each.port, each.security) for each in found]


class TestFile:
    def test_servers_come_in_the_order_of_the_file(self):
        found = read(
            server(port="587", socket="STARTTLS"),
            server(),
            server(kind="imap", host="imap.firma.example", port="993"),
        )

        assert endpoints(found.smtp) == [
            ("smtp.firma.example", 587, STARTTLS), ("smtp.firma.example", 465, SSL),
        ]  # fmt: skip
        assert endpoints(found.imap) == [("imap.firma.example", 993, SSL)]

    def test_parts_of_the_address_stand_in_for_their_names(self):
        found = read(server(host="mail.%EMAILDOMAIN%", username="%EMAILLOCALPART%+x@%EMAILDOMAIN%"))

        assert found.smtp[0].host == "mail.firma.example"
        assert (found.username, found.username_value) == (UsernameRule.FIXED, "ana+x@firma.example")

    def test_user_name_without_end_is_none(self):
        found = read(server(username="%EMAILADDRESS%" * 17_000))

        assert (found.username, found.username_value) == (UsernameRule.ADDRESS, "")

    @pytest.mark.parametrize(
        ("written", "rule"),
        [
            ("%EMAILADDRESS%", UsernameRule.ADDRESS),
            (" %EMAILLOCALPART% ", UsernameRule.LOCAL_PART),
            (ADDRESS, UsernameRule.ADDRESS),
            ("", UsernameRule.ADDRESS),
        ],
    )
    def test_user_name_is_a_rule_where_it_can_be(self, written, rule):
        assert read(server(username=written)).username is rule

    @pytest.mark.parametrize(
        "odd",
        [
            server(socket="plain"),
            server(socket=""),
            server(port="0"),
            server(port="65536"),
            server(port="99999999999999999999"),
            server(port="four"),
            server(host=""),
            server(host="two words"),
            server(host="../etc/passwd"),
            server(host="%EMAILADDRESS%"),
            server(kind="pop3"),
            "<outgoingServer/>",
        ],
    )
    def test_what_cannot_be_used_is_passed_over(self, odd):
        assert endpoints(read(odd, server()).smtp) == [("smtp.firma.example", 465, SSL)]
        with pytest.raises(NotAutoconfigError, match="no-server"):
            read(odd)

    def test_first_server_that_takes_tokens_alone_wants_oauth(self):
        oauth, both = (
            "<authentication>OAuth2</authentication>",
            "<authentication>password-cleartext</authentication>",
        )

        assert read(server(more=oauth)).wants_oauth
        assert not read(server(more=oauth + both)).wants_oauth
        assert not read(server()).wants_oauth

    def test_user_name_is_that_of_the_first_server_that_can_be_used(self):
        found = read(server(socket="plain", username="%EMAILLOCALPART%"), server())

        assert found.username is UsernameRule.ADDRESS

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "not-xml"),
            (b"\x00\xff", "not-xml"),
            (b"<clientConfig>", "not-xml"),
            (b"<?xml version='1.0' encoding='nobody-knows'?><a/>", "not-xml"),
            (b"<a>" * 20_000, "not-xml"),
            (b"<html><body/></html>", "not-autoconfig"),
            (b"<clientConfig/>", "not-autoconfig"),
            (b"<c:clientConfig xmlns:c='urn:x'><emailProvider/></c:clientConfig>", "not-autoconfig"),
            (file(), "no-server"),
        ],
    )
    def test_what_is_no_such_file_is_refused_with_a_reason(self, content, reason):
        with pytest.raises(NotAutoconfigError, match=f"^{reason}$"):
            read_autoconfig(content, address=ADDRESS)

    @pytest.mark.parametrize(
        "declared",
        [
            '<!DOCTYPE a [<!ENTITY x "ha">]>',
            '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;&b;">]>',
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd">%p;]>',
            '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd">',
        ],
    )
    def test_a_document_type_is_refused_unread(self, declared):
        content = declared.encode() + file(server(host="&x;"))

        with pytest.raises(NotAutoconfigError, match="document-type"):
            read_autoconfig(content, address=ADDRESS)

    def test_thousands_of_servers_are_cut(self):
        found = read(*(server(host=f"h{at}.firma.example") for at in range(5_000)))

        assert len(found.smtp) == 20

    @given(st.binary(max_size=400))
    def test_any_octets_are_refused_with_a_reason(self, content):
        with pytest.raises(NotAutoconfigError, match=r"not-xml|document-type|not-autoconfig|no-server"):
            read_autoconfig(content, address=ADDRESS)

    @pytest.mark.parametrize(
        "key",
        [
            key
            for key, each in PRESETS.items()
            if each.smtp and is_filled(each) and key not in {"mailpit", "mailhog"}
        ],
    )
    def test_what_is_exported_is_read_back(self, key):
        preset = PRESETS[key]

        found = read_autoconfig(autoconfig_of(preset, domain="firma.example"), address=ADDRESS)

        assert (found.smtp, found.imap) == (preset.smtp, preset.imap)
        if preset.username is not UsernameRule.GIVEN:
            assert (found.username, found.username_value) == (preset.username, preset.username_value)


class TestFetched:
    @pytest.fixture
    def context(self, authority: Authority):
        return authority.issue("web", names=("autoconfig.firma.example", "other.example")).context()

    def fetched(
        self, port: int, authority: Authority, seconds: float = PATIENT
    ) -> Configured | AutoconfigFault:
        web = Web(
            addresses=lambda _: ("127.0.0.1",),
            clock=REAL_CLOCK,
            until=REAL_CLOCK.monotonic() + seconds,
            authority=authority.ca_file.read_text("ascii"),
            port=port,
        )
        return configured(places("firma.example", ADDRESS)[0], address=ADDRESS, web=web)

    def answered(self, answer: bytes, context, authority, **more) -> Configured | AutoconfigFault:
        with web_server(context, answer, **more) as its:
            return self.fetched(its.port, authority)

    def test_both_places_of_the_domain_are_asked_with_the_address(self):
        assert places("firma.example", "a+b@firma.example") == (
            "https://autoconfig.firma.example/mail/config-v1.1.xml?emailaddress=a%2Bb%40firma.example",
            "https://firma.example/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=a%2Bb%40firma.example",
        )

    @pytest.mark.parametrize("kind", ["text/xml", "application/xml; charset=utf-8", "text/plain"])
    def test_file_is_read(self, kind, context, authority):
        found = self.answered(http(file(server()), kind=kind), context, authority)

        assert isinstance(found, Configured)
        assert endpoints(found.smtp) == [("smtp.firma.example", 465, SSL)]

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (http(b"", status="404 Not Found"), "status"),
            (http(b"<html/>", kind="text/html"), "type"),
            (http(b"", status="302 Found", more="Location: http://a.example/x\r\n"), "redirect-not-https"),
            (http(b"", status="301 Moved", more="Location: file:///etc/passwd\r\n"), "redirect-not-https"),
            (http(b"", status="302 Found", more="Location: https://a:b@other.example/\r\n"), "answer"),
            (http(b"", status="302 Found", more="Location: https://other.example:22/\r\n"), "answer"),
            (http(b"", status="302 Found"), "answer"),
            (http(b"", status="302 Found", more="Location: https://other.example/again\r\n"), "redirects"),
            (b"SSH-2.0-OpenSSH_9\r\n", "answer"),
            (http(b"x" * (LIMIT_BYTES + 1), kind="text/xml"), "too-long"),
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1073741824\r\n\r\n", "too-long"),
        ],
        ids=["404", "html", "http", "file", "user", "port", "nowhere", "loop", "ssh", "long", "gigabyte"],
    )  # fmt: skip
    def test_what_is_no_file_is_refused_with_a_reason(self, answer, reason, context, authority):
        found = self.answered(answer, context, authority)

        assert isinstance(found, AutoconfigFault)
        assert found.reason == reason

    def test_redirect_to_a_name_in_its_own_script_is_followed_in_ascii(self, authority):
        elsewhere = "https://b\xfccher.example/x".encode("latin-1")
        answer = http(b"", status="302 Found", more="").replace(
            b"\r\n\r\n", b"\r\nLocation: " + elsewhere + b"\r\n\r\n"
        )
        names = ("autoconfig.firma.example", "xn--bcher-kva.example")

        found = self.answered(answer, authority.issue("web", names=names).context(), authority)

        assert found == AutoconfigFault("redirects")

    @pytest.mark.parametrize(
        "host", ["b%20c.example", "b c.example", "a%00b.example", "[::1", "..", "-a.example"]
    )
    def test_redirect_to_what_is_no_host_is_refused(self, host, context, authority):
        answer = http(b"", status="302 Found", more=f"Location: https://{host}/\r\n")

        assert self.answered(answer, context, authority) == AutoconfigFault("answer")

    def test_answer_without_an_end_is_cut(self, context, authority):
        endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n" + b"x" * 65_536

        found = self.answered(endless, context, authority, is_endless=True)

        assert found == AutoconfigFault("too-long")

    def test_server_that_says_nothing_is_not_waited_for(self, context, authority):
        with web_server(context, b"", is_silent=True) as its:
            found = self.fetched(its.port, authority, seconds=BRIEF)

        assert isinstance(found, AutoconfigFault)
        assert found.reason == "unreachable"

    def test_certificate_for_another_name_is_refused(self, authority):
        with web_server(authority.issue("x", names=("x.example",)).context(), http(file(server()))) as its:
            found = self.fetched(its.port, authority)

        assert found == AutoconfigFault("unreachable", "tls-certificate-wrong-host")

    def test_authority_that_is_not_trusted_is_refused(self, context, tmp_path):
        with web_server(context, http(file(server()), kind="text/xml")) as its:
            found = self.fetched(its.port, Authority.create(tmp_path))

        assert found == AutoconfigFault("unreachable", "tls-certificate-unknown-issuer")
