"""A wire of a given length: carries IP packets between two tun devices, each after half a round-trip time.

    python benchmarks/delay.py CLIENT_DESCRIPTOR SERVER_DESCRIPTOR

A process of its own, driven by lines on its input: ``rtt SECONDS`` sets the length and answers ``ok``;
``take`` answers with the dialogues since the last one, as JSON. It ends with its input. Packets are neither
changed nor lost nor put out of order, so that TCP behaves as on a real wire of that length: its own
handshake, Nagle's algorithm and delayed acknowledgements cost what they cost there.

Round trips are counted at the client's end of the wire, packets without content aside: connecting is one,
the greeting is one, and then each time something comes in after the client has sent something. What comes
in after the client has begun to close is not counted: nobody waits for it. ``held`` counts how often more
came in half a round trip or later after what was counted, without anything sent in between: the server's
kernel kept it back until an acknowledgement arrived. It costs a round trip although the dialogue has none.
"""

import json
import os
import select
import sys
import time
from collections import deque
from dataclasses import dataclass, field

SYN, FIN, RST = 0x02, 0x01, 0x04
LARGEST = 65535


@dataclass
class Dialogue:
    """One connection as seen from the client's end of the wire."""

    round_trips: int = 0
    held: int = 0
    waiting: bool = True
    connected: bool = False
    over: bool = False
    last_in: float = 0.0

    def sent(self, *, flags: int, size: int) -> None:
        """The client has sent a segment."""
        if size:
            self.waiting = True
        if flags & (FIN | RST):
            self.over = True

    def came(self, *, flags: int, size: int, at: float, rtt: float) -> None:
        """A segment has reached the client."""
        if self.over or not (size or flags & SYN):
            return
        if self.waiting:
            self.round_trips += 1
            # Connecting is answered twice: by the handshake, and by the greeting where nothing is sent first.
            self.waiting = not self.connected
        elif rtt and at - self.last_in >= rtt / 2:
            self.held += 1
        self.connected, self.last_in = True, at


@dataclass
class Wire:
    """Both directions of the wire and what is on it."""

    client: int
    server: int
    rtt: float = 0.0
    dialogues: dict[int, Dialogue] = field(default_factory=dict)
    # Per direction: what is on its way, with the time at which it arrives.
    towards: dict[int, deque[tuple[float, bytes]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.towards = {self.client: deque(), self.server: deque()}

    def accept(self, source: int, now: float) -> None:
        """Take what one end has sent; it arrives at the other in half a round trip."""
        packet = os.read(source, LARGEST)
        segment = tcp(packet)
        if segment is None:
            return
        if source == self.client:
            port, _, flags, size = segment
            if flags & SYN:
                self.dialogues[port] = Dialogue()
            elif port in self.dialogues:
                self.dialogues[port].sent(flags=flags, size=size)
        end = self.server if source == self.client else self.client
        self.towards[end].append((now + self.rtt / 2, packet))

    def deliver(self, now: float) -> float | None:
        """Hand over what has arrived; return how long nothing will."""
        pauses = []
        for end, packets in self.towards.items():
            while packets and packets[0][0] <= now:
                packet = packets.popleft()[1]
                if end == self.client:
                    self.note(packet, now)
                os.write(end, packet)
            if packets:
                pauses.append(packets[0][0] - now)
        return min(pauses, default=None)

    def note(self, packet: bytes, now: float) -> None:
        """Count what reaches the client."""
        segment = tcp(packet)
        if segment is not None and segment[1] in self.dialogues:
            _, port, flags, size = segment
            self.dialogues[port].came(flags=flags, size=size, at=now, rtt=self.rtt)

    def obey(self, line: str) -> str:
        """Do what a line asks for and return the answer."""
        word, _, value = line.partition(" ")
        if word == "rtt":
            self.rtt = float(value)
            return "ok"
        taken = [{"round_trips": each.round_trips, "held": each.held} for each in self.dialogues.values()]
        self.dialogues.clear()
        return json.dumps(taken)


def tcp(packet: bytes) -> tuple[int, int, int, int] | None:
    """Return ports (source, destination), flags and size of the content; None if it is not TCP over IPv4."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != 6:
        return None
    start = (packet[0] & 15) * 4
    header = packet[start : start + 14]
    source, destination = int.from_bytes(header[:2]), int.from_bytes(header[2:4])
    return source, destination, header[13], len(packet) - start - (header[12] >> 4) * 4


def main() -> None:
    """Carry packets until the input ends."""
    wire = Wire(client=int(sys.argv[1]), server=int(sys.argv[2]))
    pause = None
    while True:
        ready, _, _ = select.select([wire.client, wire.server, sys.stdin], [], [], pause)
        now = time.monotonic()
        for end in (wire.client, wire.server):
            if end in ready:
                wire.accept(end, now)
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            print(wire.obey(line.strip()), flush=True)
        pause = wire.deliver(time.monotonic())


if __name__ == "__main__":
    main()
