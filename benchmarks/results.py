"""What was measured, and what the figures mean: medians, ratios, targets. Pure."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

OWN, PLAIN, FLOOR = "fluenzr", "smtplib", "bare"


@dataclass
class Record:
    """All runs of one program in one measure. Times in seconds, memory in bytes."""

    measure: str
    program: str
    messages: int = 1
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    round_trips: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    memory_bytes: int | None = None
    failure: str = ""

    @property
    def wall(self) -> float:
        """The median wall time."""
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        """The median CPU time."""
        return statistics.median(self.cpus)

    @property
    def rate(self) -> float:
        """Messages in a second, by the median."""
        return self.messages / self.wall

    @property
    def trips(self) -> int | None:
        """The round trips of one run: the same in all, as a rule."""
        return round(statistics.median(self.round_trips)) if self.round_trips else None


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure to reach, and whether it is: None where it was not measured."""

    text: str
    limit: float
    found: float | None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Say whether the figure is reached."""
        if self.found is None:
            return None
        return self.found >= self.limit if self.at_least else self.found <= self.limit


class Results:
    """The records of a whole run of the benchmark."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        # Messages that programs say they have sent, those included that go before and are not counted.
        self.sent = 0

    def record(self, measure: str, program: str, *, messages: int = 1) -> Record:
        """Return the record of a program in a measure, a new one where there is none."""
        for each in self.records:
            if (each.measure, each.program) == (measure, program):
                return each
        self.records.append(Record(measure=measure, program=program, messages=messages))
        return self.records[-1]

    def of(self, measure: str) -> list[Record]:
        """Return the records of a measure that have figures, the fastest first."""
        found = [each for each in self.records if each.measure == measure and each.walls]
        return sorted(found, key=lambda each: each.wall)

    def failures(self) -> list[Record]:
        """Return what did not work."""
        return [each for each in self.records if each.failure]

    @property
    def measures(self) -> list[str]:
        """What was measured, in order."""
        return list(dict.fromkeys(each.measure for each in self.records))

    def figure(self, measure: str, program: str, of: Callable[[Record], float | None]) -> float | None:
        """Return one figure of a program, None where it was not measured."""
        return next((of(each) for each in self.of(measure) if each.program == program), None)

    def fastest_peer(self, measure: str) -> Record | None:
        """Return the fastest program that is neither ours nor the floor."""
        peers = (each for each in self.of(measure) if each.program != FLOOR and OWN not in each.program)
        return next(peers, None)


def ratio(one: float | None, other: float | None) -> float | None:
    """Divide, where there is something to divide."""
    return one / other if one is not None and other else None


def small(milliseconds: int, *, implicit: bool = False) -> str:
    """Name the measure of one small message."""
    return f"one small message, {milliseconds} ms" + (", implicit TLS" if implicit else "")


def bulk(milliseconds: int, connections: int) -> str:
    """Name the measure of many small messages."""
    return f"many small messages, {milliseconds} ms, connections: {connections}"


ATTACHMENT = "one attachment of 50 MB, 0 ms"
START = "start-up"


def targets(results: Results) -> list[Target]:
    """Compare with what is to be reached. The figures are those of the issue that asks for the benchmark."""
    return [*_of_one_message(results), *_of_many(results), *_of_attachment(results)]


def _of_one_message(results: Results) -> Sequence[Target]:
    def own(measure: str, of: Callable[[Record], float | None]) -> float | None:
        return results.figure(measure, OWN, of)

    def compared(measure: str, of: Callable[[Record], float]) -> float | None:
        return ratio(own(measure, of), results.figure(measure, PLAIN, of))

    def wall(record: Record) -> float:
        return record.wall

    def cpu(record: Record) -> float:
        return record.cpu

    def trips(record: Record) -> float | None:
        return record.trips

    peer = results.fastest_peer(small(50))
    fastest = ratio(own(small(50), wall), peer.wall if peer else None)
    at_none = small(0)
    return [
        Target(text="round trips, STARTTLS", limit=8, found=own(small(50), trips)),
        Target(text="round trips, implicit TLS", limit=6, found=own(small(50, implicit=True), trips)),
        Target(text="wall at 50 ms, to the fastest peer", limit=0.9, found=fastest),
        Target(text="wall at 0 ms, to plain smtplib", limit=1.5, found=compared(at_none, wall)),
        Target(text="CPU at 0 ms, to plain smtplib", limit=2.0, found=compared(at_none, cpu)),
    ]


def _of_many(results: Results) -> Sequence[Target]:
    def rate(record: Record) -> float:
        return record.rate

    far, near = bulk(50, 1), bulk(0, 1)
    times = ratio(results.figure(far, OWN, rate), results.figure(far, PLAIN, rate))
    to_curl = ratio(results.figure(near, OWN, rate), results.figure(near, "curl", rate))
    own = results.figure(near, OWN, rate)
    return [
        Target(text="rate at 50 ms, one connection, to plain smtplib", limit=10, found=times, at_least=True),
        Target(text="messages a second at 0 ms, one connection", limit=800, found=own, at_least=True),
        Target(text="the same to curl (800 to 827)", limit=800 / 827, found=to_curl, at_least=True),
    ]


def _of_attachment(results: Results) -> Sequence[Target]:
    wall = results.figure(ATTACHMENT, OWN, lambda record: record.wall)
    to_peer = ratio(wall, results.figure(ATTACHMENT, "nodemailer", lambda record: record.wall))
    memory = results.figure(ATTACHMENT, OWN, lambda record: record.memory_bytes)
    megabytes = None if memory is None else memory / 1e6
    return [
        Target(text="seconds for an attachment of 50 MB", limit=1.0, found=wall),
        Target(text="the same to nodemailer (1.0 to 1.34)", limit=1.0 / 1.34, found=to_peer),
        Target(text="megabytes of memory with it", limit=60, found=megabytes),
    ]


def document(results: Results, **about: object) -> dict[str, object]:
    """Return everything for a JSON file."""
    told = [asdict(each) | {"met": each.met} for each in targets(results)]
    return {**about, "records": [asdict(each) for each in results.records], "targets": told}
