"""A server on loopback that plays a script: what no well-behaved mail server would ever do.

A script is a sequence of steps; each connection plays one from its start and is then closed. What the peer
sent is kept: before TLS, within it, and as it came over the wire. A peer that leaves early ends its script
without complaint; a peer that says what the script did not expect is a failure of the test.

    with ScriptedServer(submission_script(overrides={".": (Send(b"250 2.0"), Close())})) as server:
        ...
    assert server.connections[0].messages
"""

from tests.servers.scripted.connection import Connection, ScriptError
from tests.servers.scripted.mailbox import mailbox_script
from tests.servers.scripted.server import ScriptedServer
from tests.servers.scripted.steps import (
    Answer,
    Close,
    Dribble,
    Endless,
    Expect,
    ReadLine,
    ReadSome,
    ReadUntil,
    Reset,
    Script,
    Send,
    Silence,
    StartTLS,
    Step,
)
from tests.servers.scripted.submission import submission_script

__all__ = [
    "Answer",
    "Close",
    "Connection",
    "Dribble",
    "Endless",
    "Expect",
    "ReadLine",
    "ReadSome",
    "ReadUntil",
    "Reset",
    "Script",
    "ScriptError",
    "ScriptedServer",
    "Send",
    "Silence",
    "StartTLS",
    "Step",
    "mailbox_script",
    "submission_script",
]
