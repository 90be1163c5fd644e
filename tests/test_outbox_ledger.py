from __future__ import annotations

import re
from datetime import timedelta

import pytest

from fluenzr_smtp.model import Limit, LimitUnit, Skill, Skills
from fluenzr_smtp.outbox import Forgetful, Outbox, Settlement, State
from fluenzr_smtp.outbox.ledger import new_id
from tests.outboxes import ACCEPTED, LANE, LATER, START, Watch, message, outcome


class LedgerContract:
    """What delivery relies on, whether anything is kept or not."""

    @pytest.fixture
    def ledger(self, tmp_path):
        raise NotImplementedError

    def test_message_begins_departs_and_settles(self, ledger):
        claim = ledger.begin(message(), account="anna", lane=LANE, key="k")

        departure = ledger.step(settlements=(), departing=[claim.record.id], lane=LANE, limits=(), pause=None)
        settlement = Settlement(id=claim.record.id, outcomes=(outcome("bob@example.net", ACCEPTED),))
        after = ledger.step(settlements=[settlement], departing=(), lane=LANE, limits=(), pause=None)

        assert (claim.is_known, claim.submission, claim.record.state) == (False, message(), State.QUEUED)
        assert (departure.granted, departure.next, departure.gone) == ((claim.record.id,), None, ())
        assert after.granted == ()

    def test_message_that_is_not_tried_is_let_go_of(self, ledger):
        claim = ledger.begin(message(), account="anna", lane=LANE)

        ledger.release([claim.record.id], due=START, problem=LATER)

        assert ledger.turn(LANE, limits=(), pause=None, wanted=[1, 1]).granted == 2

    def test_skills_are_known_while_it_is_open(self, ledger):
        skills = Skills(proven=frozenset({Skill.PIPELINING}))

        ledger.learn("host:25", skills)

        assert ledger.skills("host:25") == skills
        assert ledger.skills("other:25") == Skills()


class TestForgetful(LedgerContract):
    @pytest.fixture
    def ledger(self):
        return Forgetful(clock=Watch().clock)

    def test_nothing_holds_anything_back(self, ledger):
        hour = Limit(unit=LimitUnit.MESSAGES, count=1, per=timedelta(hours=1), source="test")
        ledger.pause_lane(LANE, until=None, problem=LATER)

        departure = ledger.step(settlements=(), departing=["a", "b"], lane=LANE, limits=[hour], pause=None)

        assert departure.granted == ("a", "b")
        assert ledger.turn(LANE, limits=[hour], pause=None, wanted=[1, 1]).granted == 2
        assert ledger.pause_of(LANE) is None


class TestOutbox(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path):
        with Outbox(tmp_path / "box", clock=Watch().clock) as box:
            yield box


def test_id_can_be_typed():
    ids = {new_id() for _ in range(100)}

    assert len(ids) == 100
    assert all(re.fullmatch(r"[a-z2-7]{8}", each) for each in ids)
