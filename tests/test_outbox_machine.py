"""The outbox as a state machine with crashes: nothing is lost, nothing goes twice, no doubt just ends."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Limit, LimitUnit, Outcome
from fluenzr_smtp.outbox import Outbox, Settlement, State
from tests.outboxes import LANE, LIFETIME, Watch, message, outcome

LIMIT = Limit(unit=LimitUnit.MESSAGES, count=4, per=timedelta(hours=1), source="test")
OUTCOMES = st.sampled_from(Outcome)
NAMES = ("bob@example.net", "eve@example.net")
CERTAIN = {State.REJECTED, State.DEFERRED, State.QUEUED}


class Machine(RuleBasedStateMachine):
    """Two processes, each with an outbox in the same folder; a crash is a process that is gone."""

    promised = Bundle("promised")
    claimed = Bundle("claimed")
    flying = Bundle("flying")

    def __init__(self):
        super().__init__()
        self.watch = Watch()
        self.folder = Path(tempfile.mkdtemp(prefix="fluenzr-test-"))
        self.boxes = [self.opened(), self.opened()]
        self.life = [0, 0]
        self.kept: set[str] = set()
        self.got: dict[tuple[str, str], State] = {}
        self.doubtful: set[tuple[str, str]] = set()
        self.departures: list = []

    def opened(self):
        return Outbox(self.folder / "box", clock=self.watch.clock, busy_seconds=1)

    def teardown(self):
        for each in self.boxes:
            each.close()
        shutil.rmtree(self.folder)

    def is_alive(self, who, life):
        return self.life[who] == life

    @rule(who=st.integers(0, 1), count=st.integers(1, 2))
    def put(self, who, count):
        record, _ = self.boxes[who].put(
            message(*NAMES[:count]), account="anna", lane=LANE, expires=self.watch.time + LIFETIME
        )
        self.kept.add(record.id)

    @rule(target=claimed, who=st.integers(0, 1), limit=st.integers(1, 3))
    def claim(self, who, limit):
        return multiple(*((who, self.life[who], each) for each in self.boxes[who].claim(limit=limit)))

    @rule(target=claimed, who=st.integers(0, 1))
    def begin(self, who):
        claim = self.boxes[who].begin(message(NAMES[0]), account="anna", lane=LANE)
        return who, self.life[who], claim

    @rule(target=flying, one=consumes(claimed))
    def depart(self, one):
        who, life, claim = one
        if not self.is_alive(who, life):
            return multiple()
        departure = self.boxes[who].step(departing=[claim.record.id], lane=LANE, limits=[LIMIT])
        if not departure.granted:
            self.boxes[who].release([claim.record.id], due=departure.next)
            return multiple()
        for address in claim.submission.envelope.recipients:
            assert self.got.get((claim.record.id, address)) is not State.ACCEPTED, "sent twice"
            assert (claim.record.id, address) not in self.doubtful, "sent while in doubt"
            self.doubtful.add((claim.record.id, address))  # until it is settled
        self.departures.append((self.watch.time, claim.record.id))
        return who, life, claim

    @rule(one=consumes(flying), what=st.tuples(OUTCOMES, OUTCOMES), pause=st.integers(0, 100))
    def settle(self, one, what, pause):
        who, life, claim = one
        if not self.is_alive(who, life):
            return
        recipients = claim.submission.envelope.recipients
        told = tuple(outcome(each, how) for each, how in zip(recipients, what, strict=False))
        due = self.watch.time + timedelta(minutes=pause)
        self.boxes[who].step(settlements=[Settlement(id=claim.record.id, outcomes=told, due=due)])
        if not {each.outcome for each in told} & {Outcome.ACCEPTED, Outcome.IN_DOUBT}:
            self.departures = [each for each in self.departures if each[1] != claim.record.id]
        for each in told:
            place = (claim.record.id, each.recipient)
            if each.outcome is not Outcome.IN_DOUBT:
                self.doubtful.discard(place)
                self.got[place] = State(each.outcome.value)

    @rule(one=consumes(claimed), minutes=st.integers(0, 100))
    def release(self, one, minutes):
        who, life, claim = one
        if self.is_alive(who, life):
            self.boxes[who].release([claim.record.id], due=self.watch.time + timedelta(minutes=minutes))

    @rule(who=st.integers(0, 1))
    def crash(self, who):
        self.boxes[who].close()
        self.life[who] += 1

    @rule(who=st.integers(0, 1))
    def recover(self, who):
        for record in self.boxes[who].recover():
            assert record.state is State.IN_DOUBT

    @rule(who=st.integers(0, 1))
    def sweep(self, who):
        self.boxes[who].sweep()

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes):
        self.watch.go(minutes=minutes)

    @rule(who=st.integers(0, 1), accepted=st.booleans())
    def resolve(self, who, accepted):
        for record in self.boxes[who].list(states=[State.IN_DOUBT])[:1]:
            self.boxes[who].resolve(record.id, accepted=accepted)
            for place in [each for each in self.doubtful if each[0] == record.id]:
                self.doubtful.discard(place)
                self.got[place] = State.ACCEPTED if accepted else State.DEFERRED
            if not accepted:
                self.departures = [each for each in self.departures if each[1] != record.id]

    @rule(who=st.integers(0, 1))
    def retry(self, who):
        for record in self.boxes[who].list(states=[State.REJECTED, State.DEFERRED]):
            self.boxes[who].retry([record.id])

    @rule(who=st.integers(0, 1))
    def cancel(self, who):
        for record in self.boxes[who].list(states=[State.QUEUED])[:1]:
            with contextlib.suppress(FluenzrError):  # claimed
                self.boxes[who].cancel([record.id])
                self.kept.discard(record.id)

    @invariant()
    def nothing_is_lost(self):
        found = {each.id: each for each in self.boxes[0].list()}
        assert self.kept <= set(found)
        for id_, record in found.items():
            for each in record.recipients:
                place = (id_, each.address)
                if place in self.doubtful:
                    assert each.state in {State.SENDING, State.IN_DOUBT}
                elif self.got.get(place) is State.ACCEPTED:
                    assert each.state is State.ACCEPTED
                else:
                    assert each.state in CERTAIN
        files = {each.name for each in (self.folder / "box" / "messages").glob("????????")}
        assert {each.id for each in found.values() if each.is_kept} <= files

    @invariant()
    def no_window_has_more_than_its_limit(self):
        for begun, _ in self.departures:
            inside = [each for each, _ in self.departures if begun - LIMIT.per < each <= begun]
            assert len(inside) <= LIMIT.count


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
