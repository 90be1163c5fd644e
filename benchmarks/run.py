"""Measure fluenzr beside other programs, in one run, on a real Postfix.

    scripts/bench [NAME ...] [--quick] [--json FILE] [--against PROGRAM,...]

NAME is one of small, bulk, attachment, start (all of them by default). The runs of the programs are
interleaved, so that a busy machine slows all of them alike; one run of each goes before and is not counted.
Postfix has its queue in memory where the system has a place for that, discards what it has accepted, and is
reached by STARTTLS with login unless a table says otherwise. 0 ms is the loopback interface itself.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import network, table
from benchmarks.own import KEY_FILE, KEYRING, Fluenzr, homes
from benchmarks.peers import PEERS, PLAIN, Task, at, prepare, python
from benchmarks.processes import FailedError, Job, peak_memory, run
from benchmarks.results import ATTACHMENT, START, Record, Results, bulk, document, small
from tests.servers.certificates import Authority
from tests.servers.mailhost import MailHost, running_mailhost
from tests.servers.postfix import DISCARDED_DOMAIN

NAMES = ("small", "bulk", "attachment", "start")
MEMORY = Path("/dev/shm")
MEGABYTE = 1_000_000
ATTACHMENT_BYTES = 50 * MEGABYTE
SIZE_LIMIT = 200 * MEGABYTE
ROUND_TRIPS_MS = (0, 20, 50, 100)

Step = Callable[[], Job | None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often, how much."""

    small_runs: int
    bulk_runs: int
    attachment_runs: int
    start_runs: int
    near_messages: int
    far_messages: int


FULL = Plan(
    small_runs=15, bulk_runs=3, attachment_runs=5, start_runs=15, near_messages=1000, far_messages=1000
)
QUICK = Plan(small_runs=5, bulk_runs=1, attachment_runs=2, start_runs=5, near_messages=500, far_messages=100)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the measures share."""

    plan: Plan
    wire: network.Wire
    host: MailHost
    task: Task
    own: dict[str, Fluenzr]
    against: Sequence[str]
    results: Results = field(default_factory=Results)

    def task_at(self, milliseconds: int, *, implicit: bool = False) -> Task:
        """Return the task at the end of a wire of this length; none at all for 0."""
        near = (self.host.submission_port, self.host.smtps_port)
        ports = self.wire.ports if milliseconds else near
        return at(self.task, port=ports[implicit], implicit=implicit)

    @contextlib.contextmanager
    def distance(self, milliseconds: int) -> Iterator[None]:
        """Let what is started meanwhile be this far from the server."""
        self.wire.set_round_trip(milliseconds / 1000)
        with self.wire.clients() if milliseconds else contextlib.nullcontext():
            yield

    def peers(self, task: Task) -> dict[str, Step]:
        """Return the other programs' steps."""
        return {name: partial(PEERS[name], task) for name in self.against}


def measure_small(bench: Bench) -> None:
    """One small message at each distance."""
    cases = [(milliseconds, False) for milliseconds in ROUND_TRIPS_MS] + [(50, True)]
    for milliseconds, implicit in cases:
        task = bench.task_at(milliseconds, implicit=implicit)
        steps: dict[str, Step] = {name: partial(each.send, task) for name, each in bench.own.items()}
        measure = small(milliseconds, implicit=implicit)
        interleaved(
            bench, measure, steps | bench.peers(task), runs=bench.plan.small_runs, distance=milliseconds
        )


def measure_bulk(bench: Bench) -> None:
    """Many small messages over one connection and over four."""
    for milliseconds, count in ((0, bench.plan.near_messages), (50, bench.plan.far_messages)):
        for connections in (1, 4):
            task = at(bench.task_at(milliseconds), count=count, connections=connections)
            runs = bench.plan.bulk_runs
            interleaved(
                bench,
                bulk(milliseconds, connections),
                bulk_steps(bench, task),
                runs=runs,
                distance=milliseconds,
            )


def bulk_steps(bench: Bench, task: Task) -> dict[str, Step]:
    """Return what sends many messages: ours directly, and from the outbox that was filled before."""
    own = bench.own[KEYRING]

    def from_outbox() -> Job:
        run(own.send_each(task, "--queue-only"))
        return own.run_outbox(task)

    steps: dict[str, Step] = {"fluenzr outbox": from_outbox}
    if task.connections == 1:
        steps[KEYRING] = partial(own.send_each, task)
    return steps | bench.peers(task)


def measure_attachment(bench: Bench) -> None:
    """One attachment of 50 MB: time, and in a run of its own, memory."""
    attachment = bench.task.folder / "attachment.bin"
    attachment.write_bytes(os.urandom(ATTACHMENT_BYTES))
    task = at(bench.task_at(0), attachment=attachment)
    steps: dict[str, Step] = {KEYRING: partial(bench.own[KEYRING].send, task)} | bench.peers(task)
    interleaved(bench, ATTACHMENT, steps, runs=bench.plan.attachment_runs, distance=0)
    for record in bench.results.of(ATTACHMENT):
        job = steps[record.program]()
        if job is not None:
            record.memory_bytes = peak_memory(job)
            bench.results.sent += 1
    attachment.unlink()


def measure_start(bench: Bench) -> None:
    """Starting without sending, beside Python alone and beside what a plain script imports."""
    own, task = bench.own[KEYRING], bench.task_at(0)
    alone = bench.own[KEY_FILE]

    def script(code: str) -> Step:
        return lambda: Job(command=[python(), "-c", code], environ=own.environ)

    steps: dict[str, Step] = {
        "python": script("pass"),
        PLAIN: script("import smtplib, ssl, email.message"),
        "fluenzr --version": lambda: own.job("--version"),
        "fluenzr send --dry-run": lambda: dry(own, task),
        "fluenzr account list": lambda: own.job("account", "list"),
        "fluenzr account list (key file)": lambda: alone.job("account", "list"),
    }
    interleaved(bench, START, steps, runs=bench.plan.start_runs, distance=0)


def dry(own: Fluenzr, task: Task) -> Job:
    """Return the job that composes a message and prints it."""
    job = own.send(task)
    return Job(command=[*job.command, "--dry-run"], environ=job.environ)


def interleaved(bench: Bench, measure: str, steps: dict[str, Step], *, runs: int, distance: int) -> None:
    """Run the programs in turn, as often as told; the first time is not counted."""
    messages = 1
    if measure.startswith("many"):
        messages = bench.plan.far_messages if distance else bench.plan.near_messages
    # In bulk a run is long enough to outweigh a cold start.
    rounds = range(0 if messages > 1 else -1, runs)
    left = dict(steps)
    for number in rounds:
        tell(f"{measure}: {max(number + 1, 0)} of {runs}")
        for program, step in list(left.items()):
            record = bench.results.record(measure, program, messages=messages)
            try:
                once(bench, step, record if number >= 0 else None, distance)
                bench.results.sent += 0 if measure == START else messages
            except NotForItError:
                bench.results.records.remove(record)
                del left[program]
            except (FailedError, FileNotFoundError) as error:
                record.failure = f"not there: {error}" if isinstance(error, FileNotFoundError) else str(error)
                del left[program]
        # Nobody always comes first, or after the same other.
        left = dict([*left.items()][1:] + [*left.items()][:1])


class NotForItError(Exception):
    """A program cannot do what is measured."""


def once(bench: Bench, step: Step, record: Record | None, distance: int) -> None:
    """Run one program once and keep what it took."""
    with bench.distance(0):
        job = step()
    if job is None:
        raise NotForItError
    with bench.distance(distance):
        bench.wire.dialogues()
        took = run(job)
    if record is None:
        return
    record.walls.append(took.wall_seconds)
    record.cpus.append(took.cpu_seconds)
    if distance:
        dialogues = bench.wire.dialogues()
        record.round_trips.append(max((each.round_trips for each in dialogues), default=0))
        record.held.append(sum(each.held for each in dialogues))


def tell(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def prepared(plan: Plan, against: Sequence[str], *, by_proxy: bool) -> Iterator[Bench]:
    """Start the server, lay the wire, make fluenzr's homes."""
    isolated = network.isolate()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fluenzr-bench-")))
        if MEMORY.is_dir():
            # The server's queue; what the programs write themselves stays on the disk.
            tempfile.tempdir = str(MEMORY)
        (folder / "authority").mkdir()
        authority = Authority.create(folder / "authority")
        host = stack.enter_context(running_mailhost(authority, message_size_limit=SIZE_LIMIT))
        tempfile.tempdir = None
        ports = (host.submission_port, host.smtps_port)
        wire = stack.enter_context(network.wired(ports, by_proxy=by_proxy or not isolated))
        task = Task(
            folder=folder,
            port=host.submission_port,
            user=host.shop.address,
            secret=host.shop.secret,
            ca=host.ca_file,
            to=f"somebody@{DISCARDED_DOMAIN}",
        )
        prepare(task)
        both = {*zip(ports, (False, True), strict=True), *zip(wire.ports, (False, True), strict=True)}
        tasks = [at(task, port=port, implicit=implicit) for port, implicit in sorted(both)]
        own = stack.enter_context(homes(folder, tasks))
        yield Bench(plan=plan, wire=wire, host=host, task=task, own=own, against=against)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="fewer runs and fewer messages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    parser.add_argument("--against", default=",".join(PEERS), metavar="PROGRAM,...", help="some peers only")
    parser.add_argument("--proxy", action="store_true", help="delay by a proxy even where packets could be")
    told = parser.parse_args()
    told.peers = [name for name in told.against.split(",") if name]
    for given, known in ((told.names, NAMES), (told.peers, PEERS)):
        unknown = [name for name in given if name not in known]
        if unknown:
            parser.error(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    return told


def main() -> None:
    """Measure and print."""
    told = parsed()
    measures = {
        "small": measure_small,
        "bulk": measure_bulk,
        "attachment": measure_attachment,
        "start": measure_start,
    }
    with prepared(QUICK if told.quick else FULL, told.peers, by_proxy=told.proxy) as bench:
        for name in told.names or NAMES:
            measures[name](bench)
        accepted = bench.host.log().count("sasl_username=")
    about = {
        "wire": bench.wire.kind,
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "load": os.getloadavg()[1],
        "accepted": accepted,
        "sent": bench.results.sent,
        "quick": told.quick,
    }
    print(f"The wire: {about['wire']}. The machine: {about['machine']}.")
    print(f"Load in the last 5 minutes: {about['load']:.1f}; above 1.5 somebody else was busy as well.")
    print(f"Postfix has accepted {accepted} messages of the {bench.results.sent} that were sent.\n")
    print(table.report(bench.results))
    if told.json:
        told.json.write_text(json.dumps(document(bench.results, **about), indent=1) + "\n")


if __name__ == "__main__":
    main()
