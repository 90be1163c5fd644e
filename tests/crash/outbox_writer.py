"""The program that the crash tests of the outbox disturb; how it works is told in ``writer.py``."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fluenzr_smtp.model import Clock, Envelope, Octets, Outcome, RecipientOutcome, Submission
from fluenzr_smtp.outbox import Outbox, Settlement
from fluenzr_smtp.problems import ServerReply

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW, monotonic=lambda: 0.0, sleep=lambda _: None)
LANE = "anna@smtp.example.org:465"
RECIPIENTS = ("bob@example.net", "eve@example.net")
CONTENT = b"Subject: x\r\n\r\n" + b"a line of text\r\n" * 1000
REPLY = ServerReply(250, "2.0.0", "queued")
PROMISED = "promised"


def box_in(folder: Path) -> Outbox:
    """Return the outbox of a folder."""
    return Outbox(folder / "box", clock=CLOCK, busy_seconds=1)


def submission(message_id: str) -> Submission:
    """Return a message that is known by its Message-ID."""
    envelope = Envelope(mail_from="anna@example.org", recipients=RECIPIENTS)
    return Submission(envelope=envelope, message_id=message_id, content=Octets(CONTENT))


def put(folder: Path) -> None:
    with box_in(folder) as box:
        box.put(submission("<new@example.org>"), account="anna", lane=LANE, expires=NOW + timedelta(days=2))
        (folder / PROMISED).touch()


def depart(folder: Path) -> None:
    """Claim what is queued and begin it, with a message that is sent directly."""
    with box_in(folder) as box:
        ids = [each.record.id for each in box.claim(limit=1)]
        ids.append(
            box.begin(submission("<direct@example.org>"), account="anna", lane=LANE, key="k").record.id
        )
        granted = box.step(departing=ids, lane=LANE).granted
        (folder / PROMISED).write_text("\n".join(granted))


def settle(folder: Path) -> None:
    """Begin what is queued and settle it: all accepted."""
    with box_in(folder) as box:
        (claim,) = box.claim(limit=1)
        box.step(departing=[claim.record.id], lane=LANE)
        (folder / PROMISED).touch()
        box.step(settlements=[accepted(claim.record.id)])
        (folder / PROMISED).write_text("settled")


def recover(folder: Path) -> None:
    with box_in(folder) as box:
        box.recover()
        box.sweep()


def repair(folder: Path) -> None:
    with box_in(folder) as box:
        box.repair()


def accepted(id_: str) -> Settlement:
    """Return that all recipients have a message."""
    outcomes = (
        RecipientOutcome(recipient=each, outcome=Outcome.ACCEPTED, reply=REPLY) for each in RECIPIENTS
    )
    return Settlement(id=id_, outcomes=tuple(outcomes))


def prepare(folder: Path, *, is_damaged: bool = False, has_dead: bool = False) -> str:
    """Make an outbox with a message that is queued; return its id."""
    with box_in(folder) as box:
        lifetime = NOW + timedelta(days=2)
        record, _ = box.put(submission("<old@example.org>"), account="anna", lane=LANE, expires=lifetime)
        if has_dead:
            box.claim(limit=1)
            box.step(departing=[record.id], lane=LANE)
            (folder / "box" / "messages" / "aaaaaaaa").write_bytes(b"x")
            (folder / "box" / "messages" / f"aaaaaaab.{'0' * 16}.part").write_bytes(b"x")
    if is_damaged:
        (folder / "box" / "outbox.sqlite").write_bytes(b"torn" * 5000)
    return record.id


def warm_up() -> None:
    """Do everything once, so that everything is imported."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        depart(Path(folder))
        prepare(Path(folder), is_damaged=True)
        repair(Path(folder))


if __name__ == "__main__":
    import writer  # beside this program: its loop serves our actions

    warm_up()
    writer.ACTIONS.update({each.__name__: each for each in (put, depart, settle, recover, repair)})
    writer.main()
