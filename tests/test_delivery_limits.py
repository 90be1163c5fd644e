"""What holds an account up: its limits, what its server says of limits, a refused password."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluenzr_smtp.model import Limit, LimitUnit, Outcome
from fluenzr_smtp.outbox import State
from fluenzr_smtp.problems import ExitStatus, ProblemCode
from tests.crash.mail import CHUNKED, Mail, mail_in, offering, sending
from tests.servers.scripted import ScriptedServer, submission_script
from tests.test_delivery_queue import desk_with

HOUR = timedelta(hours=1)
THREE_AN_HOUR = Limit(unit=LimitUnit.MESSAGES, count=3, per=HOUR, source="test")
TOO_MANY = b"450 4.7.1 Error: too many mails from your account, rate limit exceeded"
REFUSED = b"535 5.7.8 Error: authentication failed"
NAMES = ("one", "two", "three", "four", "five")


@pytest.fixture
def limited(tmp_path) -> Iterator[Mail]:
    with mail_in(tmp_path / "home", offering(CHUNKED), "--limit", "3/1h") as mail:
        yield mail


class TestNow:
    def test_message_beyond_a_limit_is_told_when_it_may_go(self, limited):
        ended = [limited.program.call(*sending(each)) for each in NAMES]

        assert [each.status for each in ended] == [0, 0, 0, ExitStatus.TEMPORARY, ExitStatus.TEMPORARY]
        problem = ended[-1].document["problems"][0]
        assert (problem["code"], problem["facts"]["limit"]) == ("limit-reached", "3/1h")
        first = limited.program.call("outbox", "list", "--all", "--json").data["messages"][0]["created"]
        wait = datetime.fromisoformat(problem["facts"]["retry_after"]) - datetime.fromisoformat(first)
        assert timedelta(minutes=59) < wait < timedelta(minutes=61)
        assert limited.taken.total() == 3

    def test_limit_reply_of_the_server_holds_the_account_up(self, tmp_path):
        with mail_in(tmp_path / "home", offering(CHUNKED, MAIL=TOO_MANY)) as mail:
            first = mail.program.call(*sending("one"))
            second = mail.program.call(*sending("two"))

            assert first.codes[:1] == second.codes[:1] == ["limit-reached"]
            assert second.document["problems"][0]["facts"]["retry_after"]
            said = [line for each in mail.server.connections for line in each.commands]
            assert sum(line.upper().startswith(b"MAIL ") for line in said) == 1


class TestQueue:
    def test_messages_beyond_a_limit_wait_their_turn(self, tmp_path):
        with (
            ScriptedServer(submission_script()) as server,
            desk_with(tmp_path / "box", server, limits=(THREE_AN_HOUR,)) as desk,
        ):
            desk.put(*NAMES)
            began = desk.watch.time

            desk.run()
            after_first = len(desk.taken)
            due = desk.box.next_due()
            desk.run_later()

            assert after_first == 3
            assert timedelta(0) < due - began <= HOUR
            assert desk.watch.time - began >= HOUR
            assert desk.taken == dict.fromkeys(NAMES, 1)

    @pytest.mark.parametrize(
        "back",
        [
            pytest.param(timedelta(minutes=10), id="a-bit"),
            pytest.param(timedelta(days=400), id="far"),
        ],
    )
    def test_clock_set_back_lets_no_more_through_and_nothing_wait_for_ever(self, tmp_path, back):
        with (
            ScriptedServer(submission_script()) as server,
            desk_with(tmp_path / "box", server, limits=(THREE_AN_HOUR,)) as desk,
        ):
            desk.put("one", "two", "three")
            desk.run()
            desk.watch.time -= back
            set_to = desk.watch.time
            desk.put("four", "five")

            desk.run()
            while_limited = dict(desk.taken)
            desk.run_later()

            assert sum(while_limited.values()) == 3
            assert desk.watch.time - set_to <= 2 * HOUR
            assert desk.taken == dict.fromkeys(NAMES, 1)

    def test_clock_set_forward_frees_a_window_once(self, tmp_path):
        with (
            ScriptedServer(submission_script()) as server,
            desk_with(tmp_path / "box", server, limits=(THREE_AN_HOUR,)) as desk,
        ):
            desk.put(*NAMES, "six", "seven")
            desk.run()
            desk.watch.go(days=1)

            desk.run()

            assert len(desk.taken) == 6

    def test_limit_reply_pauses_all_that_the_account_has(self, tmp_path):
        scripts = (submission_script(overrides={"MAIL": TOO_MANY}), submission_script())
        with ScriptedServer(*scripts) as server, desk_with(tmp_path / "box", server) as desk:
            desk.put("one")
            desk.run()
            desk.put("two")

            desk.run()
            connections = len(server.connections)
            desk.run_later()

            assert connections == 1
            assert desk.states() == {"one": State.ACCEPTED, "two": State.ACCEPTED}
            assert desk.taken == {"one": 1, "two": 1}

    def test_message_with_more_recipients_than_a_window_holds_does_not_stop_the_rest(self, tmp_path):
        one = Limit(unit=LimitUnit.RECIPIENTS, count=1, per=HOUR, source="test")
        with (
            ScriptedServer(submission_script()) as server,
            desk_with(tmp_path / "box", server, limits=(one,)) as desk,
        ):
            desk.put("many", to=("a@b.test", "b@b.test"))
            desk.put("one")

            told = [*desk.run(), *desk.run_later()]

            assert desk.taken == {"one": 1}
            (many,) = [each for each in told if len(each.recipients) == 2]
            assert desk.states() == {"many": State.REJECTED, "one": State.ACCEPTED}
            assert {each.outcome for each in many.recipients} == {Outcome.REJECTED}
            assert many.problems[0].code is ProblemCode.RECIPIENT_LIMIT


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.integers(min_value=0, max_value=50), min_size=1, max_size=6))
def test_no_window_ever_holds_more_than_its_limit(tmp_path_factory, moves):
    with (
        ScriptedServer(submission_script()) as server,
        desk_with(tmp_path_factory.mktemp("box"), server, limits=(THREE_AN_HOUR,)) as desk,
    ):
        gone: list[datetime] = []
        for number, minutes in enumerate(moves):
            desk.put(f"a{number}", f"b{number}")
            desk.watch.go(minutes=minutes)
            before = sum(desk.taken.values())
            desk.run()
            gone += [desk.watch.time] * (sum(desk.taken.values()) - before)

        for moment in gone:
            assert sum(moment - HOUR < each <= moment for each in gone) <= 3


class TestRefusedPassword:
    def test_password_that_is_refused_is_not_tried_again(self, tmp_path):
        with mail_in(tmp_path / "home", offering(CHUNKED, AUTH=REFUSED)) as mail:
            queued = mail.program.call(*sending("one", "--queue"))
            logins = mail.logins

            runs = [mail.run() for _ in range(3)]
            more = mail.program.call(*sending("two", "--queue"))

            assert queued.status == 0, queued.codes
            assert more.status == 0, more.codes
            assert logins > 0
            assert mail.logins == logins
            assert {each["data"]["held"][0]["problem"]["code"] for each in runs} == {"auth-rejected"}
            assert set(mail.states().values()) <= {"queued", "deferred"}

    @pytest.mark.parametrize("how", ["edit", "retry"])
    def test_messages_go_on_once_somebody_has_seen_to_it(self, tmp_path, how):
        with mail_in(tmp_path / "home", offering(CHUNKED, AUTH=REFUSED)) as mail:
            mail.program.call(*sending("one", "--queue"))
            mail.playing.otherwise = offering(CHUNKED)

            if how == "edit":
                file = mail.program.home / "password"
                ended = mail.program.call(
                    "account", "edit", "shop", "--password-file", str(file), "--no-test", "--json"
                )
            else:
                (waiting,) = mail.program.call("outbox", "list", "--json").data["messages"]
                ended = mail.program.call("outbox", "retry", waiting["id"], "--json")
            mail.run()

            assert ended.status == 0, ended.err
            assert mail.states() == {"one": "accepted"}
            assert mail.taken == {"one": 1}
