"""Records of the catalogue held against real mail servers on loopback, under names of their own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from fluenzr_smtp.discovery import Remark, Trials, Untried, Upkeep, checked
from fluenzr_smtp.model import Preset, Protocol
from fluenzr_smtp.presets import UNCHECKED, PresetCatalog, parse_preset, shipped_path
from fluenzr_smtp.wire import Address
from tests.servers.certificates import Authority
from tests.servers.mailhost import free_ports
from tests.servers.scripted import ScriptedServer, Silence, mailbox_script, submission_script
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK

HOST = "mail.firma.example"
TODAY = date(2030, 6, 1)
SIZE = ("PIPELINING", "SIZE 10240000")


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    names = (HOST, "*.firma.example", "127.0.0.1")
    return authority.issue("upkeep", names=names, common_name=HOST).context()


def at(port: int, *, host: str = HOST) -> dict[str, object]:
    return {"host": host, "port": port, "encryption": "ssl"}


def preset(key: str = "firma", **record: object) -> Preset:
    return parse_preset(key, record, path=shipped_path(), is_own=True)


def look_up(host: str, port: int, *, seconds: float) -> tuple[Address, ...]:
    """Find every name of the firm, and the addresses of loopback, on this machine, and no other."""
    if not host.endswith((".firma.example", "127.0.0.1")):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")
    return (Address.of("127.0.0.1", port),)


def kept(
    presets: Iterable[Preset],
    authority: Authority,
    *,
    with_loopback: bool = False,
    seconds: float = PATIENT,
    today: date = TODAY,
) -> list[Upkeep]:
    trials = Trials(
        names=look_up, clock=REAL_CLOCK, seconds=seconds, authority=authority.ca_file.read_text("ascii")
    )
    return list(checked(presets, trials, today=today, with_loopback=with_loopback))


def submission(context: ssl.SSLContext, **script) -> ScriptedServer:
    return ScriptedServer(submission_script(**script), tls_context=context)


def mailbox(context: ssl.SSLContext, **script) -> ScriptedServer:
    return ScriptedServer(mailbox_script(**script), tls_context=context)


def codes(found: Upkeep) -> list[str]:
    return [each.server.problem.code if each.server.problem else "" for each in found.servers]


# --- holding ----------------------------------------------------------------------------------------------


def test_record_holds_where_every_server_answers_under_its_name(context, authority):
    with submission(context) as smtp, mailbox(context) as imap:
        firma = preset(smtp=[at(smtp.port)], imap=[at(imap.port)])
        (found,) = kept([firma], authority)

    assert (found.preset, found.holds, found.untried) == (firma, True, None)
    assert [(each.protocol, each.server.endpoint.port, each.remarks) for each in found.servers] == [
        (Protocol.SMTP, smtp.port, ()), (Protocol.IMAP, imap.port, ()),
    ]  # fmt: skip


def test_one_server_that_fails_is_enough_for_the_record_not_to_hold(context, authority):
    other = authority.issue("other", names=("elsewhere.example",)).context()
    with submission(context) as good, submission(other) as bad:
        (found,) = kept([preset(smtp=[at(good.port), at(bad.port)])], authority)

    assert not found.holds
    assert codes(found) == ["", "tls-certificate-wrong-host"]


def test_name_that_is_gone_and_server_that_is_gone_are_told(authority):
    (closed,) = free_ports(1)

    (found,) = kept([preset(smtp=[at(closed, host="mail.gone.example"), at(closed)])], authority)

    assert not found.holds
    assert codes(found) == ["dns-host-unknown", "connect-refused"]


def test_silent_server_is_not_waited_for(authority):
    with ScriptedServer((Silence(),)) as server:
        (found,) = kept([preset(smtp=[at(server.port)])], authority, seconds=BRIEF)

    assert (found.holds, codes(found)) == (False, ["reply-timeout"])


def test_server_of_two_records_is_tried_once(context, authority):
    with submission(context) as server:
        presets = [preset(key, smtp=[at(server.port)]) for key in ("one", "two")]
        found = kept(presets, authority)

    assert [each.holds for each in found] == [True, True]
    assert len(server.connections) == 1


def test_records_come_in_their_order_however_many(context, authority):
    (closed,) = free_ports(1)
    with submission(context) as server:
        presets = [preset(f"p{each}", smtp=[at(server.port if each % 2 else closed)]) for each in range(9)]
        found = kept(presets, authority)

    assert [each.preset.key for each in found] == [f"p{each}" for each in range(9)]
    assert [each.holds for each in found] == [bool(each % 2) for each in range(9)]


def test_no_records_are_nothing(authority):
    assert kept([], authority) == []


# --- remarks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mechanisms", "record", "remarks"),
    [
        ("PLAIN", {}, ()),
        ("PLAIN XOAUTH2", {}, (Remark.OFFERS_OAUTH,)),
        ("OAUTHBEARER", {}, (Remark.NO_PASSWORD, Remark.OFFERS_OAUTH)),
        ("", {}, (Remark.NO_PASSWORD,)),
        ("", {"username": "none"}, ()),
        ("PLAIN", {"oauth": "optional"}, ()),
        ("PLAIN xoauth2", {"oauth": "optional"}, ()),
        ("PLAIN", {"oauth": "preferred"}, (Remark.NO_OAUTH,)),
        ("XOAUTH2", {"oauth": "preferred"}, (Remark.NO_PASSWORD,)),
        ("XOAUTH2", {"oauth": "required"}, ()),
        ("PLAIN", {"oauth": "required"}, (Remark.NO_OAUTH,)),
        ("", {"oauth": "required"}, (Remark.NO_OAUTH,)),
    ],
)
def test_login_that_differs_from_the_record_is_remarked(mechanisms, record, remarks, context, authority):
    with submission(context, mechanisms=mechanisms) as server:
        (found,) = kept([preset(smtp=[at(server.port)], **record)], authority)

    assert found.servers[0].remarks == remarks
    assert found.holds


@pytest.mark.parametrize(
    ("capabilities", "remarks"),
    [
        (("AUTH=PLAIN",), ()),
        ((), ()),
        (("LOGINDISABLED",), (Remark.NO_PASSWORD,)),
        (("AUTH=XOAUTH2",), (Remark.NO_PASSWORD, Remark.OFFERS_OAUTH)),
        (("AUTH=PLAIN", "AUTH=OAUTHBEARER"), (Remark.OFFERS_OAUTH,)),
    ],
    ids=["plain", "command-alone", "disabled", "tokens-alone", "both"],
)
def test_mailbox_is_held_against_the_record_as_well(capabilities, remarks, context, authority):
    with (
        submission(context) as smtp,
        mailbox(context, capabilities=("IMAP4rev1", *capabilities)) as imap,
    ):
        (found,) = kept([preset(smtp=[at(smtp.port)], imap=[at(imap.port)])], authority)

    assert [each.remarks for each in found.servers] == [(), remarks]


@pytest.mark.parametrize(
    ("capabilities", "counts", "remarks"),
    [
        (SIZE, (10_240_001,), (Remark.SMALLER_MESSAGES,)),
        (SIZE, (10_240_000,), ()),
        (SIZE, (20_000_000, 5_000_000), ()),
        (SIZE, (), ()),
        (("SIZE 0",), (10_240_001,), ()),
        (("SIZE",), (10_240_001,), ()),
        ((), (10_240_001,), ()),
    ],
    ids=["smaller", "equal", "least-counts", "none-stated", "no-limit", "no-number", "not-announced"],
)
def test_smaller_messages_than_the_record_says_are_remarked(
    capabilities, counts, remarks, context, authority
):
    limits = [{"unit": "message-bytes", "count": each} for each in counts]
    with submission(context, capabilities=capabilities) as server:
        (found,) = kept([preset(smtp=[at(server.port)], limits=limits)], authority)

    assert found.servers[0].remarks == remarks


def test_other_limits_are_no_sizes(context, authority):
    limits = [{"unit": "messages", "count": 99_999_999, "per": "1d"}]
    with submission(context, capabilities=SIZE) as server:
        (found,) = kept([preset(smtp=[at(server.port)], limits=limits)], authority)

    assert found.servers[0].remarks == ()


def test_server_that_failed_is_not_remarked_on(authority):
    bad = authority.issue("bad", names=("elsewhere.example",)).context()
    with submission(bad, mechanisms="") as server:
        (found,) = kept([preset(smtp=[at(server.port)])], authority)

    assert found.servers[0].remarks == ()


# --- age --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "is_old"),
    [
        (TODAY, False),
        (TODAY - timedelta(days=365), False),
        (TODAY - timedelta(days=366), True),
        (TODAY + timedelta(days=366), False),
        (UNCHECKED, False),
    ],
    ids=["today", "a-year", "a-year-and-a-day", "to-come", "never"],
)
def test_record_compared_over_a_year_ago_is_old(day, is_old, authority):
    (found,) = kept([preset(smtp=[], unsupported="No program may.", checked=day)], authority)

    assert found.is_old is is_old


# --- what is not tried ------------------------------------------------------------------------------------


def test_provider_that_lets_no_program_in_is_not_tried(authority):
    (found,) = kept([preset(smtp=[], unsupported="No program may.")], authority)

    assert (found.untried, found.servers) == (Untried.UNSUPPORTED, ())


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("mail.{domain}", {}),
        ("{host}", {"host": {"asks": "The host", "form": "host", "example": HOST, "known": [HOST]}}),
    ],
    ids=["domain", "host"],
)
def test_host_of_ones_own_domain_is_not_tried(host, parts, authority):
    (found,) = kept([preset(smtp=[at(465, host=host)], placeholders=parts)], authority)

    assert (found.untried, found.servers) == (Untried.OWN_DOMAIN, ())


@pytest.mark.parametrize("with_loopback", [False, True])
def test_this_computer_is_tried_on_demand_alone(with_loopback, context, authority):
    with submission(context) as server:
        here = preset(smtp=[at(server.port, host="127.0.0.1")])
        (found,) = kept([here], authority, with_loopback=with_loopback)

    assert found.untried is (None if with_loopback else Untried.THIS_COMPUTER)
    assert len(found.servers) == len(server.connections) == int(with_loopback)


def test_every_shipped_record_is_tried_or_says_why_not(authority):
    presets = PresetCatalog.load(own=None).presets

    found = kept(presets.values(), authority)

    assert [each.preset.key for each in found] == list(presets)
    assert [each.preset.key for each in found if bool(each.servers) is bool(each.untried)] == []
    assert [one for each in found for one in each.servers if "{" in one.server.endpoint.host] == []


# --- placeholders -----------------------------------------------------------------------------------------


def hosts(found: Upkeep) -> list[str]:
    return [each.server.endpoint.host for each in found.servers]


def part(example: str, *known: str) -> dict[str, object]:
    return {"asks": "Which", "form": "label", "example": example, "known": list(known)}


def test_each_usual_value_is_tried(context, authority):
    with submission(context) as server:
        smtp = [at(server.port, host="{zone}.firma.example")]
        (found,) = kept([preset(smtp=smtp, placeholders={"zone": part("xx", "eu", "us")})], authority)

    assert (hosts(found), found.holds) == (["eu.firma.example", "us.firma.example"], True)
    assert len(server.connections) == 2


def test_one_usual_value_that_fails_is_enough_for_the_record_not_to_hold(context, authority):
    with submission(context) as server:
        smtp = [at(server.port, host="mail.{zone}.example")]
        (found,) = kept([preset(smtp=smtp, placeholders={"zone": part("firma", "firma", "gone")})], authority)

    assert (found.holds, codes(found)) == (False, ["", "dns-host-unknown"])


def test_example_stands_in_where_no_value_is_usual(context, authority):
    with submission(context) as server:
        smtp = [at(server.port, host="{zone}.firma.example")]
        (found,) = kept([preset(smtp=smtp, placeholders={"zone": part("xx")})], authority)

    assert hosts(found) == ["xx.firma.example"]


def test_further_parts_stand_in_by_their_examples(context, authority):
    parts = {"zone": part("xx", "eu", "us"), "shard": part("s1", "s2", "s3")}
    with submission(context) as server:
        smtp = [at(server.port, host="{zone}-{shard}.firma.example")]
        (found,) = kept([preset(smtp=smtp, placeholders=parts)], authority)

    assert hosts(found) == ["eu-s1.firma.example", "us-s1.firma.example"]


def test_server_without_a_part_is_tried_once_beside_those_with_one(context, authority):
    with submission(context) as smtp, mailbox(context) as imap:
        record = {"smtp": [at(smtp.port, host="{zone}.firma.example")], "imap": [at(imap.port)]}
        (found,) = kept([preset(**record, placeholders={"zone": part("xx", "eu", "us")})], authority)

    assert found.holds
    assert hosts(found) == ["eu.firma.example", HOST, "us.firma.example"]
    assert len(imap.connections) == 1
