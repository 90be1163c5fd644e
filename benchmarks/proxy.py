"""The wire of ``delay.py`` where there are no network namespaces: a proxy that delays what it passes on.

    python benchmarks/proxy.py SERVER_PORT [SERVER_PORT ...]

Driven by the same lines; before any, it prints the ports where it listens, as JSON. Connecting itself cannot
be delayed from user space, so the round trip that it takes is made up for behind it: nothing that the client
sends leaves before one has passed, and nothing of the server before the handshake would have reached it.
Of TCP's own waiting (Nagle, delayed acknowledgements) only the client's half is real.
"""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

# Started as a program: its own folder is where Python looks first.
from delay import FIN, LARGEST, SYN, Dialogue

Notice = Callable[[int], None]
Line = asyncio.Queue[tuple[float, bytes]]


@dataclass
class Proxy:
    """What all connections share."""

    rtt: float = 0.0
    dialogues: list[Dialogue] = field(default_factory=list)

    async def serve(self, port: int, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Pass on one connection."""
        loop = asyncio.get_running_loop()
        accepted, dialogue = loop.time(), Dialogue()
        self.dialogues.append(dialogue)
        dialogue.came(flags=SYN, size=0, at=accepted, rtt=self.rtt)
        server, to_server = await asyncio.open_connection("127.0.0.1", port)
        for writer in (to_client, to_server):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def sent(size: int) -> None:
            dialogue.sent(flags=0 if size else FIN, size=size)

        def came(size: int) -> None:
            dialogue.came(flags=0, size=size, at=loop.time(), rtt=self.rtt)

        await asyncio.gather(
            self.flow(client, to_server, earliest=accepted + self.rtt, seen=sent, given=ignored),
            self.flow(server, to_client, earliest=accepted + self.rtt * 1.5, seen=ignored, given=came),
        )
        to_client.close()
        to_server.close()

    async def flow(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        earliest: float,
        seen: Notice,
        given: Notice,
    ) -> None:
        """Pass on one direction; what is read while other things are on their way is on its way too."""
        loop, line = asyncio.get_running_loop(), Line()
        carrying = asyncio.create_task(carry(line, writer, given))
        data = b"-"
        while data:
            data = b""
            with contextlib.suppress(OSError):
                data = await reader.read(LARGEST)
            seen(len(data))
            line.put_nowait((max(loop.time(), earliest) + self.rtt / 2, data))
        await carrying

    def obey(self, line: str) -> str:
        """Do what a line asks for and return the answer."""
        word, _, value = line.partition(" ")
        if word == "rtt":
            self.rtt = float(value)
            return "ok"
        taken = [{"round_trips": each.round_trips, "held": each.held} for each in self.dialogues]
        self.dialogues.clear()
        return json.dumps(taken)


async def carry(line: Line, writer: asyncio.StreamWriter, given: Notice) -> None:
    """Write each piece when it arrives; an empty one is the end."""
    loop = asyncio.get_running_loop()
    while True:
        due, data = await line.get()
        await asyncio.sleep(max(0.0, due - loop.time()))
        given(len(data))
        # Whoever has gone is given nothing more; the line is emptied all the same.
        with contextlib.suppress(OSError):
            if data:
                writer.write(data)
                await writer.drain()
            else:
                writer.write_eof()
        if not data:
            return


def ignored(_size: int) -> None:
    """Take no notice."""


async def main() -> None:
    """Pass on connections until the input ends."""
    proxy, ports = Proxy(), []
    for port in map(int, sys.argv[1:]):

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
            await proxy.serve(port, reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(proxy.obey(line.strip()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
