"""The walk from an address to candidates, with a real name server and real mail servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp import ports
from fluenzr_smtp.discovery import Candidate, Means, Origin, Subject, Survey, Trials, Verdict
from fluenzr_smtp.dns import Resolver
from fluenzr_smtp.model import Endpoint, Preset, Protocol, Security
from fluenzr_smtp.presets import PresetCatalog, parse_preset, shipped_path
from fluenzr_smtp.wire import Address
from tests.servers.certificates import Authority
from tests.servers.nameserver import SILENCE, Answer, Zone, name_server
from tests.servers.scripted import Close, ScriptedServer, Send, submission_script
from tests.servers.scripted import Silence as Wait
from tests.sessions import BRIEF, PATIENT, REAL_CLOCK, Pause

ADDRESS = "ana@firma.example"
SERVICES = tuple(f"_{each}._tcp.firma.example" for each in ("submissions", "submission", "imaps", "imap"))
SSL, STARTTLS = Security.IMPLICIT_TLS, Security.STARTTLS


def preset(key: str, host: str, port: int, encryption: str = "ssl", **fields: object) -> Preset:
    record = {"smtp": [{"host": host, "port": port, "encryption": encryption}], **fields}
    return parse_preset(key, record, path=shipped_path(), is_own=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a walk came to."""

    origins: list[Origin]
    candidates: tuple[Candidate, ...]
    faults: dict[Origin, str]

    @property
    def verdicts(self) -> list[tuple[Origin, str, Verdict]]:
        return [
            (each.proposal.origin, each.smtp.endpoint.host if each.smtp else "", each.verdict)
            for each in self.candidates
        ]


def walked(
    zone: Zone | Answer,
    catalog: PresetCatalog,
    authority: Authority,
    *,
    is_thorough: bool = True,
    is_authenticated: bool = False,
    seconds: float = PATIENT,
) -> Found:
    """Walk for ``ADDRESS``; every name but ``*.nowhere`` leads to this machine."""

    def names(host: str, port: int, *, seconds: float) -> tuple[Address, ...]:
        if host.endswith(".nowhere"):
            raise OSError("no such name")
        return (Address.of("127.0.0.1", port),)

    with name_server(zone, is_authenticated=is_authenticated) as server:
        trusted = authority.ca_file.read_text("ascii")
        means = Means(
            catalog=catalog,
            resolver=Resolver(nameservers=("127.0.0.1",), port=server.port, timeout=seconds),
            addresses=lambda _: (),
            clock=REAL_CLOCK,
            seconds=seconds,
            authority=trusted,
        )
        survey = Survey(
            subject=Subject(address=ADDRESS, domain="firma.example"),
            catalog=catalog,
            means=means,
            trials=Trials(names=names, clock=REAL_CLOCK, seconds=seconds, authority=trusted),
        )
        steps = list(survey.steps(is_thorough=is_thorough))
        return Found(
            origins=[each.origin for each in steps],
            candidates=survey.candidates(),
            faults={each.origin: each.fault for each in steps},
        )


@contextmanager
def submission(
    authority: Authority, *names: str, is_implicit: bool = True, **script
) -> Iterator[ScriptedServer]:
    context = authority.issue("mail", names=names, common_name=names[0]).context()
    if is_implicit:
        with ScriptedServer(submission_script(**script), tls_context=context) as server:
            yield server
    else:
        with ScriptedServer(submission_script(tls_context=context, **script)) as server:
            yield server


def srv(service: str, port: int, host: str) -> Zone:
    return {(f"_{service}._tcp.firma.example", "SRV"): [f"0 1 {port} {host}."]}


class TestOrigins:
    def test_they_are_asked_in_their_order(self, authority):
        found = walked({}, PresetCatalog.of(), authority)

        assert found.origins == list(Origin)
        assert found.candidates == ()
        assert set(found.faults.values()) == {"nothing", "host-unknown"}

    def test_domain_in_the_catalogue_settles_the_matter(self, authority):
        with submission(authority, "smtp.known.example") as its:
            known = preset("known", "smtp.known.example", its.port, domains=["firma.example"])
            found = walked({}, PresetCatalog.of(known), authority, is_thorough=False)

        assert found.origins == [Origin.CATALOGUE]
        assert found.verdicts == [(Origin.CATALOGUE, "smtp.known.example", Verdict.RECOMMENDED)]

    def test_mx_host_leads_to_its_provider(self, authority):
        with submission(authority, "smtp.known.example") as its:
            known = preset("known", "smtp.known.example", its.port, mx=["mx.known.example"])
            zone = {("firma.example", "MX"): ["10 a.MX.known.example."]}
            found = walked(zone, PresetCatalog.of(known), authority, is_thorough=False)

        assert found.verdicts == [(Origin.MX, "smtp.known.example", Verdict.RECOMMENDED)]

    @pytest.mark.parametrize(
        "host", ["evilmx.known.example", "mx.known.example.evil.example", "known.example", "mx-known.example"]
    )
    def test_mx_host_that_only_looks_like_it_leads_nowhere(self, authority, host):
        known = preset("known", "smtp.known.example", 465, mx=["mx.known.example"])

        found = walked({("firma.example", "MX"): [f"10 {host}."]}, PresetCatalog.of(known), authority)

        assert found.faults[Origin.MX] == "nothing"

    @given(st.lists(st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True), min_size=1, max_size=4))
    def test_suffix_fits_on_whole_labels_alone(self, labels):
        catalog = PresetCatalog.of(preset("known", "smtp.known.example", 465, mx=["mx.known.example"]))
        name = ".".join(labels)

        assert bool(catalog.for_mx([f"{name}mx.known.example"])) is name.endswith(".")
        assert [each.key for each in catalog.for_mx([f"{name}.mx.known.example"])] == ["known"]

    def test_products_that_share_their_mx_hosts_are_a_choice(self, authority):
        with submission(authority, "a.known.example") as a, submission(authority, "b.known.example") as b:
            catalog = PresetCatalog.of(
                preset("a", "a.known.example", a.port, mx=["mx.known.example"]),
                preset("b", "b.known.example", b.port, mx=["mx.known.example"]),
            )
            found = walked({("firma.example", "MX"): ["10 mx.known.example."]}, catalog, authority)

        assert found.verdicts == [
            (Origin.MX, "a.known.example", Verdict.CHOICE), (Origin.MX, "b.known.example", Verdict.CHOICE),
        ]  # fmt: skip

    def test_host_with_a_missing_part_is_incomplete_and_nobody_is_asked(self, authority):
        parts = {"number": {"asks": "The number", "form": "number", "example": "4"}}
        known = preset("known", "ex{number}.known.example", 465, mx=["mx.known.example"], placeholders=parts)
        found = walked(
            {("firma.example", "MX"): ["10 mx.known.example."]}, PresetCatalog.of(known), authority
        )

        assert [each.verdict for each in found.candidates] == [Verdict.INCOMPLETE]
        assert found.candidates[0].smtp is None or found.candidates[0].smtp.is_verified is None

    def test_provider_that_lets_no_program_in_ends_the_walk(self, authority):
        tuta = PresetCatalog.load(own=None).get("tuta")
        zone = {("firma.example", "MX"): ["10 mail.tutanota.de."]}

        found = walked(zone, PresetCatalog.of(tuta), authority)

        assert found.origins == [Origin.CATALOGUE, Origin.MX]
        assert [each.verdict for each in found.candidates] == [Verdict.UNSUPPORTED]

    def test_name_server_that_says_nothing_is_asked_once_and_not_waited_for(self, authority):
        zone = {("firma.example", "MX"): SILENCE, **{(each, "SRV"): ["0 1 465 a.b."] for each in SERVICES}}

        found = walked(zone, PresetCatalog.of(), authority, seconds=BRIEF)

        assert (found.faults[Origin.MX], found.faults[Origin.SRV]) == ("no-answer", "no-answer")

    def test_services_that_have_no_answer_are_told(self, authority):
        zone = {(each, "SRV"): SILENCE for each in SERVICES}

        assert walked(zone, PresetCatalog.of(), authority, seconds=BRIEF).faults[Origin.SRV] == "no-answer"


class TestNames:
    def test_name_behind_an_alias_is_the_one_that_its_certificate_is_for(self, authority, monkeypatch):
        with submission(authority, "out.host.example") as its:
            monkeypatch.setitem(ports.STANDARD, Protocol.SMTP, {SSL: its.port, STARTTLS: 1, Security.NONE: 1})
            zone = {("smtp.firma.example", "CNAME"): ["Out.Host.example."]}
            found = walked(zone, PresetCatalog.of(), authority)
            known = PresetCatalog.of(preset("known", "out.host.example", 465))
            at_a_provider = walked(zone, known, authority)

        assert found.verdicts == [(Origin.NAMES, "out.host.example", Verdict.TO_CONFIRM)]
        assert at_a_provider.verdicts == [(Origin.NAMES, "out.host.example", Verdict.RECOMMENDED)]

    def test_usual_name_counts_only_under_its_own_certificate(self, authority, monkeypatch):
        with submission(authority, "smtp.firma.example") as its:
            monkeypatch.setitem(ports.STANDARD, Protocol.SMTP, {SSL: its.port, STARTTLS: 1, Security.NONE: 1})
            found = walked({}, PresetCatalog.of(), authority)

        assert found.verdicts == [(Origin.NAMES, "smtp.firma.example", Verdict.RECOMMENDED)]

    def test_mx_host_elsewhere_is_to_be_confirmed(self, authority, monkeypatch):
        with submission(authority, "mx.host.example") as its:
            monkeypatch.setitem(ports.STANDARD, Protocol.SMTP, {SSL: its.port, STARTTLS: 1, Security.NONE: 1})
            zone = {("firma.example", "MX"): ["10 mx.host.example."]}
            found = walked(zone, PresetCatalog.of(), authority)

        assert found.verdicts == [(Origin.NAMES, "mx.host.example", Verdict.TO_CONFIRM)]


class TestServices:
    def walked(self, host: str, authority, catalog=None, **more) -> Found:
        with submission(authority, host) as its:
            return walked(
                srv("submissions", its.port, host), catalog or PresetCatalog.of(), authority, **more
            )

    def test_target_within_the_domain_is_trusted(self, authority):
        found = self.walked("mail.firma.example", authority)

        assert (Origin.SRV, "mail.firma.example", Verdict.RECOMMENDED) in found.verdicts

    def test_target_outside_of_the_domain_is_to_be_confirmed(self, authority):
        found = self.walked("mail.other.example", authority)

        assert found.verdicts[0] == (Origin.SRV, "mail.other.example", Verdict.TO_CONFIRM)

    @pytest.mark.parametrize("host", ["notfirma.example", "firma.example.evil.example"])
    def test_target_that_only_looks_like_the_domain_is_to_be_confirmed(self, authority, host):
        assert self.walked(host, authority).verdicts[0][2] is Verdict.TO_CONFIRM

    def test_target_that_was_validated_is_trusted(self, authority):
        found = self.walked("mail.other.example", authority, is_authenticated=True)

        assert found.verdicts[0] == (Origin.SRV, "mail.other.example", Verdict.RECOMMENDED)

    def test_target_that_the_catalogue_has_is_trusted(self, authority):
        catalog = PresetCatalog.of(preset("known", "mail.other.example", 465))

        found = self.walked("mail.other.example", authority, catalog)

        assert found.verdicts[0][2] is Verdict.RECOMMENDED
        assert found.candidates[0].proposal.preset.key == "known"

    def test_submission_within_the_domain_does_not_cover_a_mailbox_elsewhere(self, authority):
        with submission(authority, "mail.firma.example") as its:
            zone = srv("submissions", its.port, "mail.firma.example") | srv(
                "imaps", 993, "imap.other.example"
            )
            found = walked(zone, PresetCatalog.of(), authority)

        assert found.verdicts[0][2] is Verdict.TO_CONFIRM

    def test_implicit_tls_goes_before_starttls_where_both_answer(self, authority):
        name = "mail.firma.example"
        with submission(authority, name) as a, submission(authority, name, is_implicit=False) as b:
            zone = srv("submission", b.port, name) | srv("submissions", a.port, name)
            found = walked(zone, PresetCatalog.of(), authority)

        assert found.candidates[0].smtp.endpoint == Endpoint(host=name, port=a.port, security=SSL)

    def test_starttls_is_used_where_implicit_tls_does_not_answer(self, authority):
        name = "mail.firma.example"
        with submission(authority, name, is_implicit=False) as its:
            zone = srv("submission", its.port, name) | srv("submissions", 1, name)
            found = walked(zone, PresetCatalog.of(), authority)

        assert found.candidates[0].smtp.endpoint == Endpoint(host=name, port=its.port, security=STARTTLS)

    def test_target_that_is_no_host_name_is_passed_over(self, authority):
        zone = {
            ("_submissions._tcp.firma.example", "SRV"): [
                r"0 1 465 evil\.firma.example.",
                r"0 1 465 a\032b.c.",
            ]
        }

        assert walked(zone, PresetCatalog.of(), authority).faults[Origin.SRV] == "nothing"

    def test_service_that_is_not_offered_is_told(self, authority):
        zone = {("_submissions._tcp.firma.example", "SRV"): ["0 0 0 ."]}

        assert walked(zone, PresetCatalog.of(), authority).faults[Origin.SRV] == "refused"


class TestTrials:
    def trials(self, authority) -> Trials:
        def names(host: str, port: int, *, seconds: float) -> tuple[Address, ...]:
            return (Address.of("127.0.0.1", port),)

        pem = authority.ca_file.read_text("ascii")
        return Trials(names=names, clock=REAL_CLOCK, seconds=PATIENT, authority=pem)

    def best(self, authority, *servers: ScriptedServer, is_ordered: bool) -> int:
        wanted = tuple(Endpoint(host="a.example", port=each.port, security=SSL) for each in servers)
        trials = self.trials(authority)
        trials.run((Protocol.SMTP, each) for each in wanted)
        best = trials.best(Protocol.SMTP, wanted, is_ordered=is_ordered)
        assert best is not None
        return best.endpoint.port

    def test_fastest_goes_first_among_equals_unless_their_owner_orders_them(self, authority):
        late = (Pause(1.0), Send(b"250 late.example\r\n"))
        with (
            submission(authority, "a.example", overrides={"EHLO": late}) as first,
            submission(authority, "a.example") as second,
        ):
            assert self.best(authority, first, second, is_ordered=True) == first.port
            assert self.best(authority, first, second, is_ordered=False) == second.port

    def test_server_that_closes_fails_with_its_problem(self, authority):
        context = authority.issue("mail", names=("a.example",)).context()
        with ScriptedServer((Close(),), tls_context=context) as server:
            endpoint = Endpoint(host="a.example", port=server.port, security=SSL)
            trials = self.trials(authority)
            trials.run([(Protocol.SMTP, endpoint)])

        assert trials.known[Protocol.SMTP, endpoint].is_verified is False
        assert trials.known[Protocol.SMTP, endpoint].problem is not None

    def test_servers_that_say_nothing_take_no_time_of_the_others(self, authority):
        with ExitStack() as stack:
            silent = [stack.enter_context(ScriptedServer((Wait(),))) for _ in range(20)]
            speaking = stack.enter_context(submission(authority, "a.example"))
            wanted = [
                (Protocol.SMTP, Endpoint(host="a.example", port=each.port, security=SSL))
                for each in (*silent, speaking)
            ]
            trials = replace(self.trials(authority), seconds=1.0)
            trials.run(wanted)

        assert [trials.known[each].is_verified for each in wanted] == [False] * 20 + [True]

    def test_each_server_is_tried_once(self, authority):
        with submission(authority, "a.example") as server:
            endpoint = Endpoint(host="a.example", port=server.port, security=SSL)
            trials = self.trials(authority)
            trials.run([(Protocol.SMTP, endpoint)] * 3)
            trials.run([(Protocol.SMTP, endpoint)])

            assert len(server.connections) == 1
