"""Whatever a server does: a diagnosis ends in time and in little memory, and names what is wrong."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

from fluenzr_smtp.diagnosis import diagnose
from fluenzr_smtp.model import Check, Protocol, Target
from fluenzr_smtp.problems import ProblemCode, Stage
from tests.hostile import Case, cases
from tests.servers.certificates import Authority
from tests.servers.scripted import ScriptedServer, submission_script
from tests.sessions import REAL_CLOCK, SECRET, SENDER, USERNAME, endpoint_of

CASES = cases()
GRACE = 1.0  # seconds over the time-out of a step, on a busy machine


def started(case: Case, authority: Authority) -> ScriptedServer:
    script = case.script(authority.valid().context())
    return ScriptedServer(script, tls_context=case.context(authority) if case.context else None)


def target_at(case: Case, server: ScriptedServer, authority: Authority) -> Target:
    endpoint = endpoint_of(server, case.security, authority=authority)
    is_smtp = case.protocol is Protocol.SMTP
    return Target(
        name="hostile",
        smtp=endpoint if is_smtp else None,
        imap=None if is_smtp else endpoint,
        address=SENDER,
        username=USERNAME,
    )


def diagnosed(case: Case, authority: Authority, **how) -> list[Check]:
    with started(case, authority) as server:
        return list(
            diagnose(
                target_at(case, server, authority),
                SECRET,
                clock=REAL_CLOCK,
                timeout=case.timeout,
                known={},
                try_usernames=False,
                **how,
            )
        )


def test_there_are_more_than_sixty_hostile_servers():
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_server_is_named_for_what_it_does(authority, case: Case):
    checks = diagnosed(case, authority)

    (failed,) = [check for check in checks if check.is_failure and check.remedy is None]
    assert failed.problem is not None
    assert (failed.stage, failed.problem.stage, failed.problem.code) == (case.stage, case.stage, case.code)
    assert failed.problem.exit_status != 70
    assert all(check.elapsed.total_seconds() < case.timeout + GRACE for check in checks)


# Walks along each port, and says by how many bytes the memory of the process has grown at its peak meanwhile;
# the first port is a sound server, which loads all that is needed.
_CHILD = """
import resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from fluenzr_smtp.diagnosis import diagnose
from fluenzr_smtp.model import Clock, Endpoint, Secret, Security, Target

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

clock = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=time.sleep)
authority = Path(sys.argv[1]).read_text("ascii")
lines, start = [], 0
for place in sys.argv[2:]:
    protocol, security, port = place.split(":")
    endpoint = Endpoint(host="127.0.0.1", port=int(port), security=Security(security), authority=authority)
    target = Target(name="t", address="a@shop.test", username="u", **{protocol: endpoint})
    list(diagnose(target, Secret("canary-secret-5e1f"), clock=clock, timeout=5.0, known={},
                  try_usernames=False, record=lines.append))
    start = start or peak()
print(peak() - start)
"""


def test_floods_cost_less_than_twenty_megabytes(authority):
    floods = [case for case in CASES if case.is_measured]
    sound = Case(
        name="sound",
        protocol=Protocol.SMTP,
        stage=Stage.RECIPIENT,
        code=ProblemCode.BUG,
        script=lambda _: submission_script(),
    )

    with contextlib.ExitStack() as stack:
        places = []
        for case in (sound, *floods):
            server = stack.enter_context(started(case, authority))
            places.append(f"{case.protocol}:{case.security}:{server.port}")
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(authority.ca_file), *places],
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(floods) > 50
    assert int(done.stdout) < 20_000_000
