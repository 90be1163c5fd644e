from __future__ import annotations

import os
import threading
from datetime import timedelta

import pytest

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Content, Limit, LimitUnit, Skill, Skills
from fluenzr_smtp.outbox import Outbox, State
from fluenzr_smtp.problems import ProblemCode
from tests.outboxes import (
    ACCEPTED,
    DEFERRED,
    IN_DOUBT,
    LANE,
    LATER,
    LIFETIME,
    NEVER,
    OK,
    REJECTED,
    START,
    Watch,
    begin,
    depart,
    files,
    message,
    put,
    sent,
    settle,
)

HOUR = timedelta(hours=1)


def limit(count: int, per: timedelta = HOUR, unit: LimitUnit = LimitUnit.MESSAGES) -> Limit:
    return Limit(unit=unit, count=count, per=per, source="test")


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "outbox"


@pytest.fixture
def box(folder, watch):
    with Outbox(folder, clock=watch.clock, busy_seconds=0.2) as opened:
        yield opened


@pytest.fixture
def other(folder, watch):
    """The outbox as another process has it."""
    with Outbox(folder, clock=watch.clock, busy_seconds=0.2) as opened:
        yield opened


def code_of(call) -> tuple[ProblemCode, dict]:
    with pytest.raises(FluenzrError) as caught:
        call()
    return caught.value.problem.code, dict(caught.value.problem.facts)


class TestPlace:
    def test_looking_creates_nothing(self, box, folder):
        looked = (
            box.list(), box.known("anna", "k"), box.find("aaaaaaaa"), box.claim(limit=9), box.recover(),
            box.expire(), box.prune(before=START), box.due_accounts(), box.count_due(), box.next_due(),
            box.pause_of(LANE), box.skills("x"), box.message_ids("anna", START), box.repair(), box.sweep(),
            box.resume(LANE), box.rename_account("a", "b"), box.exists,
            box.turn(LANE, limits=[limit(1)], pause=None, wanted=[1]).granted,
        )  # fmt: skip

        assert looked[:2] == ((), None)
        assert looked[-2:] == (False, 1)
        assert not folder.exists()

    @pytest.mark.parametrize("umask", [0, 0o777], ids=oct)
    def test_folders_and_files_are_for_their_owner_alone(self, box, folder, umask):
        before = os.umask(umask)
        try:
            put(box)
            box.claim(limit=1)
        finally:
            os.umask(before)

        found = {each.relative_to(folder): each.stat().st_mode & 0o777 for each in folder.rglob("*")}
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {mode for path, mode in found.items() if (folder / path).is_file()} == {0o600}
        assert {mode for path, mode in found.items() if (folder / path).is_dir()} == {0o700}

    def test_outbox_that_is_a_file_is_told_and_not_writable(self, tmp_path, watch):
        path = tmp_path / "file"
        path.write_text("")
        box = Outbox(path, clock=watch.clock)

        assert not box.is_writable()
        assert code_of(lambda: put(box))[0] is ProblemCode.FILE_NOT_CREATED

    def test_removed_outbox_is_made_anew_by_who_has_it_open(self, box, folder):
        import shutil

        put(box)
        shutil.rmtree(folder)

        record = put(box)

        assert [each.id for each in box.list()] == [record.id]
        assert files(folder) == [record.id]

    def test_threads_share_an_outbox(self, box):
        ids = [put(box).id for _ in range(20)]
        taken: list[str] = []

        def work():
            while claims := box.claim(limit=1):
                taken.append(claims[0].record.id)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert sorted(taken) == sorted(ids)


class TestPut:
    def test_message_is_kept_with_its_content(self, box, folder):
        record, is_new = box.put(
            message("bob@example.net", "eve@example.net"),
            account="anna", lane=LANE, key="order-7", expires=START + LIFETIME, saves_sent=True,
        )  # fmt: skip

        assert is_new
        assert box.get(record.id) == record
        assert (record.state, record.due, record.attempts, record.is_kept) == (State.QUEUED, START, 0, True)
        assert (record.key, record.saves_sent) == ("order-7", True)
        assert record.open_recipients == ("bob@example.net", "eve@example.net")
        assert files(folder) == [record.id]

    def test_used_key_gives_the_first_message_and_writes_nothing(self, box, folder):
        first = put(box, key="order-7")

        again = box.put(message("x@y.example"), account="anna", lane=LANE, key="order-7", expires=START)

        assert again == (first, False)
        assert files(folder) == [first.id]

    def test_key_belongs_to_its_account(self, box):
        first, second = put(box, key="k"), put(box, key="k", account="ben")

        assert box.known("anna", "k") == first
        assert box.known("ben", "k") == second

    @pytest.mark.parametrize(
        "key", ["ключ", "a\x00b", "a\udcffb", "x" * 10_000], ids=["ru", "nul", "raw", "long"]
    )
    def test_any_text_is_a_key(self, box, key):
        record = put(box, key=key)

        assert box.known("anna", key) == record
        assert put(box, key=key).id == record.id

    def test_content_that_fails_leaves_nothing(self, box, folder):
        class Broken(Content):
            size_bytes = 5

            def blocks(self):
                yield b"abcd"

        submission = message()
        object.__setattr__(submission, "content", Broken())

        assert code_of(lambda: box.put(submission, account="anna", lane=LANE, expires=START)) == (
            ProblemCode.FILE_UNREADABLE,
            {"reason": "changed"},
        )
        assert files(folder) == []
        assert box.list() == ()

    def test_scheduled_message_waits(self, box, watch):
        put(box, due=START + HOUR)

        assert (box.claim(limit=9), box.next_due()) == ((), START + HOUR)
        watch.go(hours=1)
        assert len(box.claim(limit=9)) == 1


class TestClaim:
    def test_claim_has_envelope_and_content(self, box):
        record = put(box, "bob@example.net", "eve@example.net")

        (claim,) = box.claim(limit=9)

        assert claim.record == record
        assert claim.submission.envelope == message("bob@example.net", "eve@example.net").envelope
        assert claim.submission.content.whole() == message().content.whole()
        assert claim.submission.content.size_bytes == record.size_bytes

    def test_claimed_message_is_nobody_elses(self, box, other):
        put(box)

        assert len(box.claim(limit=9)) == 1
        assert (box.claim(limit=9), other.claim(limit=9)) == ((), ())

    def test_oldest_due_comes_first(self, box, watch):
        late = put(box, due=START + HOUR).id
        early = put(box, due=START).id
        watch.go(hours=2)

        assert [each.record.id for each in box.claim(limit=9)] == [early, late]

    def test_only_what_is_asked_for_is_claimed(self, box):
        anna, ben = put(box), put(box, account="ben", lane="ben@x")

        assert box.due_accounts() == ("anna", "ben")
        assert (box.count_due(), box.count_due(account="ben")) == (2, 1)
        assert box.claim(limit=9, account="carl") == ()
        assert box.claim(limit=9, skip_lanes=[LANE, "ben@x"]) == ()
        assert box.claim(limit=0) == ()
        assert [each.record.id for each in box.claim(limit=9, ids=[ben.id])] == [ben.id]
        assert [each.record.id for each in box.claim(limit=9, account="anna")] == [anna.id]

    def test_deferred_recipients_alone_are_open(self, box, watch):
        id_ = put(box, "bob@example.net", "eve@example.net", "joe@example.net").id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, ACCEPTED, DEFERRED, REJECTED, due=START + HOUR)

        assert (box.get(id_).state, box.claim(limit=1)) == (State.DEFERRED, ())
        watch.go(hours=1)
        assert box.claim(limit=1)[0].submission.envelope.recipients == ("eve@example.net",)

    @pytest.mark.parametrize("harm", ["flipped", "cut", "longer", "missing", "link", "folder", "header"])
    def test_damaged_content_is_set_aside_and_the_rest_goes_on(self, box, folder, harm):
        bad, good = put(box).id, put(box).id
        path = folder / "messages" / bad
        whole = path.read_bytes()
        harmed = {"flipped": whole[:-5] + b"X" + whole[-4:], "cut": whole[:-1], "longer": whole + b"x",
                  "header": b"\n" + whole[1:]}  # fmt: skip
        path.unlink()
        if harm in harmed:
            path.write_bytes(harmed[harm])
        elif harm == "link":
            path.symlink_to(folder / "messages" / good)
        elif harm == "folder":
            path.mkdir()

        claims = box.claim(limit=9)

        record = box.get(bad)
        assert [each.record.id for each in claims] == [good]
        assert (record.state, record.is_kept) == (State.REJECTED, False)
        assert record.problem.code is ProblemCode.OUTBOX_MESSAGE_DAMAGED
        assert files(folder, "damaged") == ([] if harm == "missing" else [bad])
        assert record.problem.facts.get("path") == (
            None if harm == "missing" else str(folder / "damaged" / bad)
        )
        assert code_of(lambda: box.retry([bad])) == (
            ProblemCode.OUTBOX_STATE_WRONG, {"message": bad, "state": "rejected", "reason": "not-kept"}
        )  # fmt: skip

    def test_content_that_changes_after_the_claim_is_not_given_out(self, box, folder):
        id_ = put(box).id
        (claim,) = box.claim(limit=1)

        (folder / "messages" / id_).write_bytes(b"something else")

        code, facts = code_of(claim.submission.content.whole)
        assert (code, facts["reason"]) == (ProblemCode.FILE_UNREADABLE, "changed")

    def test_released_message_is_free_and_not_tried(self, box, other):
        id_ = put(box).id
        box.claim(limit=1)

        box.release([id_], due=START)

        assert box.get(id_).state is State.QUEUED
        assert box.get(id_).attempts == 0
        assert len(other.claim(limit=1)) == 1

    def test_released_with_a_problem_counts_as_a_try(self, box, watch):
        id_ = put(box).id
        box.claim(limit=1)

        box.release([id_], due=START + HOUR, problem=LATER)

        record = box.get(id_)
        assert (record.state, record.attempts, record.due) == (State.DEFERRED, 1, START + HOUR)
        assert (record.problem, record.recipients[0].reply) == (LATER, LATER.reply)

    def test_departed_and_not_tried_goes_back_and_out_of_the_log(self, box):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)

        box.release([id_])

        assert box.get(id_).state is State.QUEUED
        assert box.message_ids("anna", START) == {}
        assert len(box.claim(limit=1)) == 1

    def test_what_another_process_has_is_not_released(self, box, other):
        id_ = put(box).id
        box.claim(limit=1)

        other.release([id_])

        assert other.claim(limit=1) == ()


class TestDirect:
    def test_nothing_is_written_before_it_departs(self, box, folder):
        begin(box)

        assert not folder.exists()

    def test_departed_is_being_sent(self, box):
        id_ = begin(box)

        assert depart(box, id_) == (id_,)
        assert box.get(id_).state is State.SENDING
        assert not box.get(id_).is_kept

    def test_accepted_is_kept_as_a_record(self, box, folder):
        id_ = sent(box, ACCEPTED)

        record = box.get(id_)
        assert (record.state, record.attempts, record.due) == (State.ACCEPTED, 1, None)
        assert record.recipients[0].reply == OK
        assert files(folder) == []

    @pytest.mark.parametrize("what", [DEFERRED, REJECTED], ids=str)
    def test_failure_leaves_nothing_and_frees_the_key(self, box, what):
        sent(box, what, key="k")

        assert (box.list(), box.message_ids("anna", START), box.known("anna", "k")) == ((), {}, None)
        assert sent(box, ACCEPTED, key="k") == box.known("anna", "k").id

    def test_failure_before_departing_leaves_nothing(self, box, folder):
        id_ = begin(box)

        settle(box, id_, REJECTED)

        assert not folder.exists()
        assert box.step(departing=[id_], lane=LANE).gone == (id_,)

    def test_released_leaves_nothing(self, box):
        first, second = begin(box), begin(box)
        depart(box, first)

        box.release([first, second])

        assert box.list() == ()
        assert box.step(departing=[first, second], lane=LANE).gone == (first, second)

    def test_partly_accepted_is_accepted_and_nobody_is_tried_again(self, box):
        id_ = sent(box, ACCEPTED, DEFERRED, recipients=("bob@example.net", "eve@example.net"))

        record = box.get(id_)
        assert (record.state, record.open_recipients) == (State.ACCEPTED, ())
        assert [each.state for each in record.recipients] == [State.ACCEPTED, State.DEFERRED]
        assert (box.claim(limit=1), box.next_due()) == ((), None)

    @pytest.mark.parametrize(
        ("what", "state"), [(ACCEPTED, State.ACCEPTED), (IN_DOUBT, State.IN_DOUBT)], ids=str
    )
    def test_used_key_is_known(self, box, what, state):
        id_ = sent(box, what, key="k")

        claim = box.begin(message(), account="anna", lane=LANE, key="k")

        assert (claim.is_known, claim.record.id, claim.record.state) == (True, id_, state)

    def test_key_of_a_queued_message_is_known(self, box):
        record = put(box, key="k")

        assert box.begin(message(), account="anna", lane=LANE, key="k").record == record

    def test_key_that_a_living_process_is_sending_is_busy(self, box, other):
        depart(box, begin(box, key="k"))

        code, facts = code_of(lambda: begin(other, key="k"))

        assert (code, facts["key"]) == (ProblemCode.OUTBOX_BUSY, "k")

    def test_key_that_a_dead_process_was_sending_is_in_doubt(self, box, other):
        depart(other, begin(other, key="k"))
        other.close()

        claim = box.begin(message(), account="anna", lane=LANE, key="k")

        assert claim.is_known
        assert claim.record.state is State.IN_DOUBT

    def test_of_two_that_begin_with_a_key_one_departs(self, box, other):
        first, second = begin(box, key="k"), begin(other, key="k")

        assert depart(box, first) == (first,)
        departure = other.step(departing=[second, begin(other)], lane=LANE)

        assert departure.gone == (second,)
        assert len(departure.granted) == 1


class TestStep:
    def test_kept_message_with_all_accepted_lets_go_of_its_content(self, box, folder):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)

        settle(box, id_, ACCEPTED)

        assert files(folder) == []
        assert (box.get(id_).state, box.get(id_).is_kept) == (State.ACCEPTED, False)

    @pytest.mark.parametrize("what", [DEFERRED, REJECTED, IN_DOUBT], ids=str)
    def test_whoever_may_need_the_content_again_keeps_it(self, box, folder, what):
        id_ = put(box, "bob@example.net", "eve@example.net").id
        box.claim(limit=1)
        depart(box, id_)

        settle(box, id_, ACCEPTED, what)

        assert files(folder) == [id_]

    def test_recipient_of_whom_nothing_is_said_is_in_doubt(self, box):
        id_ = begin(box)
        depart(box, id_)

        box.step(settlements=[_settlement(id_)])

        assert box.get(id_).state is State.IN_DOUBT

    def test_outcomes_of_what_another_process_has_are_not_written(self, box, other):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)

        settle(other, id_, REJECTED)

        assert box.get(id_).state is State.SENDING

    def test_process_taken_for_dead_settles_what_it_knows(self, box, other, folder):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)
        for each in (folder / "owners").iterdir():
            each.unlink()
        assert [each.id for each in other.recover()] == [id_]

        settle(box, id_, ACCEPTED)

        assert box.get(id_).state is State.ACCEPTED

    def test_cancelled_meanwhile_is_gone(self, box, other):
        id_ = put(box).id
        box.claim(limit=1)
        box.release([id_])
        other.cancel([id_])

        assert box.step(departing=[id_], lane=LANE).gone == (id_,)

    def test_accepted_recipient_is_not_sent_to_again(self, box, watch):
        id_ = put(box, "bob@example.net", "eve@example.net").id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, ACCEPTED, DEFERRED, due=START)
        box.claim(limit=1)
        depart(box, id_)

        assert [each.state for each in box.get(id_).recipients] == [State.ACCEPTED, State.SENDING]
        assert box.message_ids("anna", START)["<1@example.org>"].addresses == ("eve@example.net",)

    def test_settling_and_departing_are_one_transaction(self, box):
        first, second = begin(box), begin(box)
        depart(box, first)

        departure = box.step(
            settlements=[_settlement(first, ACCEPTED)], departing=[second], lane=LANE, limits=[limit(2)]
        )

        assert departure.granted == (second,)
        assert (box.get(first).state, box.get(second).state) == (State.ACCEPTED, State.SENDING)


class TestLimits:
    def test_no_more_begin_than_the_window_admits(self, box, other, watch):
        ids = [begin(box) for _ in range(3)]

        first = box.step(departing=ids, lane=LANE, limits=[limit(2)])
        second = other.step(departing=[begin(other)], lane=LANE, limits=[limit(2)])

        assert (first.granted, first.next, first.limit) == (tuple(ids[:2]), START + HOUR, limit(2))
        assert (second.granted, second.next) == ((), START + HOUR)
        watch.go(hours=1)
        assert box.step(departing=ids[2:], lane=LANE, limits=[limit(2)]).granted == (ids[2],)

    def test_recipients_are_counted(self, box):
        id_ = put(box, "a@x.example", "b@x.example", "c@x.example").id
        box.claim(limit=1)

        departure = box.step(departing=[id_], lane=LANE, limits=[limit(2, unit=LimitUnit.RECIPIENTS)])

        assert (departure.granted, departure.never) == ((), True)

    def test_lanes_are_counted_apart(self, box):
        box.step(departing=[begin(box)], lane=LANE, limits=[limit(1)])

        assert box.step(departing=[begin(box)], lane="other", limits=[limit(1)]).granted
        assert box.turn(LANE, limits=[limit(1)], pause=None, wanted=[1]).granted == 0

    def test_pause_between_two(self, box, watch):
        ids = [begin(box), begin(box)]

        departure = box.step(departing=ids, lane=LANE, pause=timedelta(seconds=2))

        assert (departure.granted, departure.next) == ((ids[0],), START + timedelta(seconds=2))

    @pytest.mark.parametrize(("what", "room"), [(ACCEPTED, 0), (IN_DOUBT, 0), (DEFERRED, 1), (REJECTED, 1)])
    def test_what_was_not_sent_is_not_counted(self, box, what, room):
        sent(box, what)

        assert box.turn(LANE, limits=[limit(1)], pause=None, wanted=[1]).granted == room

    def test_in_doubt_that_turns_out_not_sent_is_not_counted(self, box):
        id_ = sent(box, IN_DOUBT)

        box.resolve(id_, accepted=False)

        assert box.turn(LANE, limits=[limit(1)], pause=None, wanted=[1]).granted == 1

    def test_clock_set_back_neither_blocks_for_long_nor_lets_more_through(self, box, watch):
        watch.go(days=300)
        box.step(departing=[begin(box)], lane=LANE, limits=[limit(1)])
        watch.go(days=-300)
        id_ = begin(box)

        first = box.step(departing=[id_], lane=LANE, limits=[limit(1)])
        watch.go(minutes=59)
        second = box.step(departing=[id_], lane=LANE, limits=[limit(1)])
        watch.go(minutes=1)
        third = box.step(departing=[id_], lane=LANE, limits=[limit(1)])

        assert (first.granted, first.next) == ((), START + HOUR)
        assert (second.granted, third.granted) == ((), (id_,))

    def test_clock_set_back_leaves_nothing_waiting_for_it(self, box, watch):
        watch.go(days=300)
        id_ = put(box, due=watch.time + HOUR).id
        watch.go(days=-300)

        assert [each.record.id for each in box.claim(limit=9)] == [id_]


class TestRecover:
    def test_what_the_dead_were_sending_is_in_doubt_and_never_sent_by_itself(self, box, other, watch):
        queued, direct = put(other).id, begin(other)
        other.claim(limit=1)
        depart(other, queued, direct)
        other.close()

        found = box.recover()

        assert sorted(each.id for each in found) == sorted([queued, direct])
        assert {each.state for each in box.list()} == {State.IN_DOUBT}
        assert box.get(queued).problem.facts == {
            "message": queued, "message_id": "<1@example.org>", "host": "smtp.example.org:465"
        }  # fmt: skip
        watch.go(days=1)
        assert (box.claim(limit=9), box.recover(), box.next_due()) == ((), (), None)

    def test_what_the_dead_had_claimed_is_free(self, box, other):
        id_ = put(other).id
        other.claim(limit=1)
        other.close()

        assert box.recover() == ()
        assert [each.record.id for each in box.claim(limit=9)] == [id_]

    def test_what_the_living_have_stays_theirs(self, box, other):
        put(other)
        other.claim(limit=1)
        depart(other, begin(other))

        assert box.recover() == ()
        assert box.claim(limit=9) == ()

    def test_open_recipient_beside_one_in_doubt_goes_on(self, box):
        id_ = put(box, "bob@example.net", "eve@example.net").id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, DEFERRED, IN_DOUBT, due=START)

        (claim,) = box.claim(limit=1)

        assert claim.submission.envelope.recipients == ("bob@example.net",)
        assert box.get(id_).state is State.IN_DOUBT

    def test_leftovers_are_removed_and_nothing_else(self, box, other, folder):
        kept, owner = put(box).id, "0" * 16
        other.claim(limit=1)
        living = next((folder / "owners").iterdir()).name
        place = folder / "messages"
        for each in ("aaaaaaaa", f"aaaaaaab.{owner}.part", f"aaaaaaac.{living}.part", "notes.txt"):
            (place / each).write_bytes(b"x")

        box.sweep()

        assert files(folder) == sorted([f"aaaaaaac.{living}.part", kept, "notes.txt"])


class TestChanges:
    def test_id_is_known_by_its_beginning(self, box):
        record = put(box)

        assert box.get(f" {record.id[:7].upper()} ") == record
        assert box.find(record.id[:7]) is None

    @pytest.mark.parametrize("text", ["", "zzzzzzz1", "%", "aaaaaaaaa", "é", "\x00"])
    def test_unknown_id_is_told(self, box, text):
        put(box)

        assert code_of(lambda: box.get(text)) == (ProblemCode.OUTBOX_MESSAGE_UNKNOWN, {"message": text})

    def test_ambiguous_id_is_unknown(self, box):
        ids = [put(box).id for _ in range(33)]  # there are 32 first letters
        first = next(each[0] for each in ids if sum(other[0] == each[0] for other in ids) > 1)

        assert code_of(lambda: box.get(first))[0] is ProblemCode.OUTBOX_MESSAGE_UNKNOWN

    def test_list_is_by_state_and_account(self, box):
        first, second = put(box), put(box, account="ben")
        done = sent(box, ACCEPTED)

        assert [each.id for each in box.list()] == [first.id, second.id, done]
        assert [each.id for each in box.list(states=[State.QUEUED])] == [first.id, second.id]
        assert [each.id for each in box.list(account="ben")] == [second.id]
        assert [each.id for each in box.list(limit=2)] == [second.id, done]
        assert box.list(states=[]) == ()

    @pytest.mark.parametrize("what", [DEFERRED, REJECTED], ids=str)
    def test_retry_makes_due_now_with_all_its_time(self, box, watch, what):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, what, due=START + LIFETIME)
        watch.go(hours=5)

        (record,) = box.retry([id_])

        assert record == box.get(id_)
        assert (record.state, record.due, record.expires) == (
            State.QUEUED, watch.time, watch.time + LIFETIME
        )  # fmt: skip
        assert len(box.claim(limit=1)) == 1

    @pytest.mark.parametrize("call", ["retry", "cancel"])
    @pytest.mark.parametrize("what", [ACCEPTED, IN_DOUBT], ids=str)
    def test_accepted_and_in_doubt_are_neither_retried_nor_cancelled(self, box, call, what):
        queued, id_ = put(box).id, sent(box, what)

        code, facts = code_of(lambda: getattr(box, call)([queued, id_]))

        assert (code, facts["message"], facts["state"]) == (ProblemCode.OUTBOX_STATE_WRONG, id_, what.value)
        assert box.get(queued).state is State.QUEUED

    def test_claimed_is_not_cancelled(self, box, other):
        id_ = put(box).id
        box.claim(limit=1)

        assert code_of(lambda: other.cancel([id_])) == (
            ProblemCode.OUTBOX_STATE_WRONG, {"message": id_, "state": "sending"}
        )  # fmt: skip

    def test_cancelled_is_gone_with_content_and_key(self, box, folder):
        record = put(box, key="k")

        assert box.cancel([record.id]) == (record,)
        assert (box.list(), files(folder), box.known("anna", "k")) == ((), [], None)

    def test_cancelled_stays_for_those_who_have_it(self, box, folder):
        id_ = put(box, "bob@example.net", "eve@example.net", key="k").id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, ACCEPTED, DEFERRED)

        box.cancel([id_])

        record = box.known("anna", "k")
        assert (record.state, [each.address for each in record.recipients]) == (
            State.ACCEPTED, ["bob@example.net"]
        )  # fmt: skip
        assert files(folder) == []

    def test_resolved_as_accepted(self, box, folder):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, IN_DOUBT)

        record = box.resolve(id_, accepted=True)

        assert record == box.get(id_)
        assert (record.state, record.problem, files(folder)) == (State.ACCEPTED, None, [])

    def test_resolved_as_not_accepted_is_queued_if_kept(self, box, watch):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, IN_DOUBT)
        watch.go(days=9)

        record = box.resolve(id_, accepted=False)

        assert (record.state, record.due, record.expires) == (State.QUEUED, watch.time, watch.time + LIFETIME)
        assert (box.expire(), len(box.claim(limit=1))) == ((), 1)

    def test_resolved_as_not_accepted_is_forgotten_if_not_kept(self, box):
        id_ = sent(box, IN_DOUBT, key="k")

        assert box.resolve(id_, accepted=False) is None
        assert box.list() == ()

    def test_only_what_is_in_doubt_is_resolved(self, box):
        id_ = put(box).id

        code, facts = code_of(lambda: box.resolve(id_, accepted=True))

        assert (code, facts["state"]) == (ProblemCode.OUTBOX_STATE_WRONG, "queued")

    def test_expired_is_rejected_with_its_content(self, box, watch):
        id_ = put(box, "bob@example.net", "eve@example.net").id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, ACCEPTED, DEFERRED)
        watch.go(days=2)

        (record,) = box.expire()

        assert record == box.get(id_)
        assert [each.state for each in record.recipients] == [State.ACCEPTED, State.REJECTED]
        assert record.problem.code is ProblemCode.OUTBOX_EXPIRED
        assert record.problem.facts == {"message": id_, "days": 2}
        assert record.problem.reply == LATER.reply
        assert (box.claim(limit=1), box.expire()) == ((), ())
        assert len(box.retry([id_])[0].open_recipients) == 1

    def test_what_is_in_doubt_or_claimed_does_not_expire(self, box, watch):
        sent(box, IN_DOUBT)
        put(box)
        box.claim(limit=1)
        watch.go(days=9)

        assert box.expire() == ()

    def test_prune_removes_what_is_done_and_keeps_the_sent_log(self, box, folder, watch):
        sent(box, ACCEPTED)
        doubtful, waiting = sent(box, IN_DOUBT), put(box, due=START + LIFETIME).id
        watch.go(days=40)
        recent = sent(box, ACCEPTED)

        assert box.prune(before=START + HOUR) == 1
        assert {each.id for each in box.list()} == {doubtful, waiting, recent}
        assert box.turn(LANE, limits=[limit(2, timedelta(days=50))], pause=None, wanted=[1]).granted == 0
        assert box.prune(before=watch.time + HOUR, states=[State.QUEUED, State.REJECTED]) == 0

    def test_pruned_rejected_message_takes_its_content_with_it(self, box, folder, watch):
        id_ = put(box).id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, REJECTED)

        assert box.prune(before=START + HOUR) == 1
        assert files(folder) == []

    def test_renamed_account_keeps_all_that_was_its(self, box):
        record = put(box, key="k")
        stale = put(box, key="k", account="ben").id
        sent(box, ACCEPTED)

        box.rename_account("anna", "ben")

        assert box.known("ben", "k").id == record.id
        assert box.get(stale).key == ""
        assert box.list(account="anna") == ()
        assert len(box.message_ids("ben", START)) == 1

    def test_sent_messages_are_known_by_message_id(self, box, watch):
        id_ = sent(box, ACCEPTED)
        watch.go(hours=1)

        found = box.message_ids("anna", START)

        assert found["<1@example.org>"].id == id_
        assert (box.message_ids("anna", watch.time), box.message_ids("ben", START)) == ({}, {})

    def test_kept_message_is_read_with_all_its_recipients(self, box):
        id_ = put(box, "bob@example.net", "eve@example.net").id
        box.claim(limit=1)
        depart(box, id_)
        settle(box, id_, ACCEPTED, DEFERRED)

        submission = box.submission(box.get(id_))

        assert submission.envelope.recipients == ("bob@example.net", "eve@example.net")
        assert submission.content.whole() == message().content.whole()

    def test_message_without_its_content_is_told(self, box):
        record = box.get(sent(box, ACCEPTED))

        assert code_of(lambda: box.submission(record))[0] is ProblemCode.OUTBOX_MESSAGE_DAMAGED


class TestRepair:
    def test_sound_database_is_left_alone(self, box, folder):
        put(box)

        assert box.repair() == (None, ())
        assert len(box.list()) == 1

    def test_damaged_database_is_set_aside_and_all_messages_are_in_doubt(self, box, folder, watch):
        record = put(box, "bob@example.net", "eve@example.net", key="k", saves_sent=True)
        broken = put(box).id
        sent(box, ACCEPTED)
        box.close()
        (folder / "messages" / broken).write_bytes(b"{}\n")
        (folder / "outbox.sqlite").write_bytes(b"not a database, not at all" * 100)
        assert code_of(box.list)[0] is ProblemCode.OUTBOX_DAMAGED

        path, found = box.repair()

        assert path == folder / "outbox.sqlite.damaged-20260101T120000Z"
        assert path.read_bytes().startswith(b"not a database")
        assert found == box.list()
        assert [each.id for each in found] == [record.id]
        assert (found[0].state, found[0].key, found[0].saves_sent) == (State.IN_DOUBT, "k", True)
        assert (found[0].size_bytes, found[0].expires) == (record.size_bytes, record.expires)
        assert files(folder, "damaged") == [broken]
        assert box.claim(limit=9) == ()
        assert box.resolve(record.id, accepted=False).state is State.QUEUED
        assert box.claim(limit=9)[0].submission.envelope.recipients == record.open_recipients

    def test_lost_database_does_not_lose_messages(self, box, folder):
        id_ = put(box).id
        box.close()
        (folder / "outbox.sqlite").unlink()

        put(box)
        box.sweep()

        assert box.get(id_).state is State.IN_DOUBT
        assert len(files(folder)) == 2

    def test_database_lost_while_it_is_open_does_not_lose_messages(self, box, other, folder):
        id_ = put(box).id
        for each in folder.glob("outbox.sqlite*"):
            each.unlink()

        put(box)
        box.sweep()
        put(other)

        assert other.get(id_).state is State.IN_DOUBT
        assert len(files(folder)) == 3

    def test_second_damaged_database_gets_a_name_of_its_own(self, box, folder):
        put(box)
        for _ in range(2):
            box.close()
            (folder / "outbox.sqlite").write_bytes(b"x" * 5000)
            box.repair()

        assert len(list(folder.glob("outbox.sqlite.damaged-*"))) == 2

    def test_database_in_use_is_not_set_aside(self, box, other, folder):
        put(box)
        box.close()
        assert len(other.list()) == 1
        (folder / "outbox.sqlite").write_bytes(b"x" * 5000)

        assert code_of(box.repair)[0] is ProblemCode.OUTBOX_BUSY


class TestLanes:
    def test_pause_lasts_until_its_time(self, box, watch):
        box.pause_lane(LANE, until=START + HOUR, problem=LATER, settings="s")

        pause = box.pause_of(LANE)
        assert (pause.until, pause.problem, pause.settings, pause.since) == (START + HOUR, LATER, "s", START)
        assert box.pause_of("other") is None
        watch.go(hours=1)
        assert box.pause_of(LANE) is None

    def test_pause_without_end_lasts_until_it_is_ended(self, box, watch):
        box.pause_lane(LANE, until=None, problem=NEVER)
        watch.go(days=900)

        assert box.pause_of(LANE).problem == NEVER
        box.resume(LANE)
        assert box.pause_of(LANE) is None

    def test_clock_set_back_ends_a_pause(self, box, watch):
        watch.go(days=10)
        box.pause_lane(LANE, until=watch.time + HOUR, problem=LATER)
        watch.go(days=-10)

        assert box.pause_of(LANE) is None

    def test_skills_are_learnt_bit_by_bit(self, box):
        box.learn("host:25", Skills(proven=frozenset({Skill.CHUNKING, Skill.PIPELINING})))
        box.learn("host:25", Skills(broken=frozenset({Skill.CHUNKING})))

        assert box.skills("host:25") == Skills(
            proven=frozenset({Skill.PIPELINING}), broken=frozenset({Skill.CHUNKING})
        )
        assert box.skills("other:25") == Skills()

    def test_what_was_broken_gets_another_chance_after_30_days(self, box, watch):
        skills = Skills(proven=frozenset({Skill.PIPELINING}), broken=frozenset({Skill.CHUNKING}))
        box.learn("host:25", skills)

        watch.go(days=30)
        assert box.skills("host:25") == skills
        watch.go(seconds=1)
        assert box.skills("host:25") == Skills(proven=frozenset({Skill.PIPELINING}))


def _settlement(id_, *what):
    from fluenzr_smtp.outbox import Settlement
    from tests.outboxes import outcome

    return Settlement(id=id_, outcomes=tuple(outcome("bob@example.net", each) for each in what))
