"""What a diagnosis is about: from a preset, a server's name, a login."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fluenzr_smtp import targets
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Fingerprint, Protocol, Security, Target, UsernameRule
from fluenzr_smtp.presets import PresetCatalog
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.settings import ServerChoice

OWN = """
[firma]
smtp = [
  { host = "mail.firma.test", port = 587, encryption = "starttls" },
  { host = "mail.firma.test", port = 465, encryption = "ssl" },
]
imap = [{ host = "imap.firma.test", port = 993, encryption = "ssl" }]
"""


@pytest.fixture
def catalog(tmp_path: Path) -> PresetCatalog:
    own = tmp_path / "presets.toml"
    own.write_text(OWN)
    return PresetCatalog.load(own=own)


def told(target: Target) -> tuple[str, str]:
    """Return both endpoints as ``host:port encryption``."""

    def endpoint(found: Endpoint | None) -> str:
        return f"{found} {found.security}" if found else ""

    return endpoint(target.smtp), endpoint(target.imap)


def test_preset_gives_its_first_servers_and_nobody_logs_in(catalog: PresetCatalog):
    target = targets.of_preset(catalog.get("firma"), name="firma", address="ana@firma.test")

    assert told(target) == ("mail.firma.test:587 starttls", "imap.firma.test:993 ssl")
    assert (target.username, target.address, target.preset) == (None, "ana@firma.test", "firma")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        pytest.param(ServerChoice(host="h.test"), ("h.test:587 starttls", ""), id="no-port"),
        pytest.param(ServerChoice(host="h.test", port=465), ("h.test:465 ssl", ""), id="465"),
        pytest.param(ServerChoice(host="h.test", port=25), ("h.test:25 starttls", ""), id="25"),
        pytest.param(ServerChoice(host="h.test", port=993), ("", "h.test:993 ssl"), id="993"),
        pytest.param(ServerChoice(host="h.test", port=143), ("", "h.test:143 starttls"), id="143"),
        pytest.param(ServerChoice(host="127.0.0.1", port=1143), ("", "127.0.0.1:1143 starttls"), id="bridge"),
        pytest.param(
            ServerChoice(host="h.test", port=587, security=Security.IMPLICIT_TLS),
            ("h.test:587 ssl", ""),
            id="encryption-said",
        ),
    ],
)
def test_port_tells_protocol_and_encryption(server: ServerChoice, expected: tuple[str, str]):
    target = targets.of_server(server, None, name="h", protocol=None)

    assert told(target) == expected


def test_protocol_that_was_found_out_goes_before_the_port():
    server = ServerChoice(host="h.test", port=4000, security=Security.STARTTLS)

    target = targets.of_server(server, None, name="h", protocol=Protocol.IMAP)

    assert told(target) == ("", "h.test:4000 starttls")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        pytest.param(ServerChoice(host="mail.firma.test"), ("mail.firma.test:587 starttls", ""), id="smtp"),
        pytest.param(ServerChoice(host="imap.firma.test"), ("", "imap.firma.test:993 ssl"), id="imap"),
        pytest.param(
            ServerChoice(host="mail.firma.test", security=Security.IMPLICIT_TLS),
            ("mail.firma.test:465 ssl", ""),
            id="encryption-said",
        ),
    ],
)
def test_host_of_a_preset_has_that_presets_ports(
    catalog: PresetCatalog, server: ServerChoice, expected: tuple[str, str]
):
    target = targets.of_server(server, catalog.get("firma"), name="h", protocol=None)

    assert told(target) == expected
    assert target.preset == "firma"


def test_no_encryption_is_for_this_machine_only():
    server = ServerChoice(host="h.test", port=587, security=Security.NONE)

    with pytest.raises(FluenzrError) as refusal:
        targets.of_server(server, None, name="h", protocol=None)

    assert refusal.value.problem.code is ProblemCode.ENCRYPTION_REQUIRED


@pytest.mark.parametrize(
    ("rule", "said", "username"),
    [
        (UsernameRule.ADDRESS, "", "ana@firma.test"),
        (UsernameRule.LOCAL_PART, "", "ana"),
        (UsernameRule.LOCAL_PART, "other", "other"),
    ],
    ids=["address", "local-part", "said"],
)
def test_login_follows_from_the_address_unless_said(
    catalog: PresetCatalog, rule: UsernameRule, said: str, username: str
):
    preset = replace(catalog.get("firma"), username=rule)
    target = targets.of_preset(preset, name="firma", address="ana@firma.test")

    assert targets.with_login(target, said, preset).username == username


def test_own_trust_is_for_both_servers(catalog: PresetCatalog):
    target = targets.of_preset(catalog.get("firma"), name="firma")
    pin = Fingerprint("ab" * 32)

    pinned = targets.trusting(target, authority=None, pin=pin)

    assert [each.pin for each in (pinned.smtp, pinned.imap) if each] == [pin, pin]
    assert targets.trusting(target, authority=None, pin=None) == target
