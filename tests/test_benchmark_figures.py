"""What the benchmark counts on the wire, and what it makes of its figures."""

from __future__ import annotations

from benchmarks.delay import FIN, SYN, Dialogue, tcp
from benchmarks.results import Results, small, targets
from benchmarks.table import report

RTT = 0.05


def spoken(*events: tuple[str, float]) -> Dialogue:
    """A dialogue of these events, each with its time: ``>`` the client sends, ``<`` something comes in."""
    dialogue = Dialogue()
    dialogue.came(flags=SYN, size=0, at=RTT, rtt=RTT)
    for what, at in events:
        if what == "<":
            dialogue.came(flags=0, size=9, at=at, rtt=RTT)
        else:
            dialogue.sent(flags=FIN if what == "end" else 0, size=9 if what == ">" else 0)
    return dialogue


def test_connecting_greeting_and_each_answer_are_a_round_trip_each():
    assert spoken().round_trips == 1
    assert spoken(("<", 0.1)).round_trips == 2
    assert spoken(("<", 0.1), (">", 0.1), ("<", 0.15)).round_trips == 3


def test_what_travels_together_is_one_round_trip():
    dialogue = spoken(("<", 0.1), (">", 0.1), (">", 0.1), ("<", 0.15), ("<", 0.15))

    assert (dialogue.round_trips, dialogue.held) == (3, 0)


def test_what_comes_a_round_trip_later_unasked_was_held():
    dialogue = spoken(("<", 0.1), (">", 0.1), ("<", 0.15), ("<", 0.2))

    assert (dialogue.round_trips, dialogue.held) == (3, 1)


def test_what_comes_after_the_client_has_closed_does_not_count():
    assert spoken(("<", 0.1), (">", 0.1), ("end", 0.1), ("<", 0.15)).round_trips == 2


def test_a_packet_tells_its_ports_flags_and_content():
    ip = bytes([0x45]) + bytes(8) + bytes([6]) + bytes(10)
    segment = (4711).to_bytes(2, "big") + (587).to_bytes(2, "big") + bytes(8) + bytes([0x50, 0x18]) + bytes(6)

    assert tcp(ip + segment + b"QUIT\r\n") == (4711, 587, 0x18, 6)
    assert tcp(bytes([0x60]) + bytes(60)) is None


def test_a_target_is_judged_by_medians_against_the_fastest_peer():
    results = Results()
    for program, walls in (
        ("fluenzr", [0.1, 0.4, 9.0]),
        ("curl", [0.5]),
        ("smtplib", [0.6]),
        ("bare", [0.1]),
    ):
        results.record(small(50), program).walls += walls
        results.record(small(50), program).cpus += walls

    found = next(each for each in targets(results) if "fastest" in each.text)

    assert (round(found.found or 0, 2), found.met) == (0.8, True)
    assert "0.80  met" in report(results)


def test_what_was_not_measured_is_not_called_met():
    assert {each.met for each in targets(Results())} == {None}
