"""A real name server on loopback, over UDP and TCP, that answers from a zone.

A zone maps ``(name, type)`` to what is answered:

- texts of records, as a zone file has them; of TXT the plain text, which is split into strings of 255 bytes
- an rcode (``dns.rcode.SERVFAIL``); ``SILENCE``; bytes that are sent as they are
- ``Truncated(...)``: nothing but the TC flag over UDP, the records over TCP
- a function from the query to a message, bytes or None (silence)

A name without an entry does not exist (NXDOMAIN), unless one below it does. An alias is followed.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdata import Rdata
from dns.rdtypes.ANY.TXT import TXT

Reply = dns.message.Message | bytes | None
Answer = Callable[[dns.message.Message], Reply]

_TTL = 300
_CONNECTION_SECONDS = 5.0
_LONGEST_CHAIN = 8


class Silence:
    """No answer at all."""


SILENCE = Silence()


@dataclass(frozen=True, slots=True)
class Truncated:
    """Records that do not fit into UDP."""

    records: tuple[str, ...]


Entry = Sequence[str] | str | dns.rcode.Rcode | bytes | Silence | Truncated | Answer
Zone = Mapping[tuple[str, str], Entry]


@dataclass(frozen=True, slots=True)
class NameServer:
    """A running server; ``asked`` has the names and types of the questions, as they came."""

    port: int
    host: str = "127.0.0.1"
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What ``--resolver`` takes."""
        return f"{self.host}:{self.port}"


@contextmanager
def name_server(zone: Zone | Answer, *, is_authenticated: bool = False) -> Iterator[NameServer]:
    """Serve until the block ends. ``is_authenticated`` sets AD, as a resolver does that validates DNSSEC."""
    answer = zone if callable(zone) else _from_zone(zone, is_authenticated=is_authenticated)
    with ExitStack() as stack:
        tcp, udp = _bound_pair()
        stack.enter_context(closing(tcp))
        stack.enter_context(closing(udp))
        server = NameServer(port=tcp.getsockname()[1])
        threads = [
            threading.Thread(target=_serve_udp, args=(udp, answer, server.asked)),
            threading.Thread(target=_serve_tcp, args=(tcp, answer, server.asked)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            _stop(server.port)
            for thread in threads:
                thread.join()


def _bound_pair() -> tuple[socket.socket, socket.socket]:
    """Bind both transports to one free port."""
    while True:
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
            continue
        tcp.listen()
        return tcp, udp


def _stop(port: int) -> None:
    """Send what no client sends: an empty datagram, and a connection that ends before its first byte."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stopper:
        stopper.sendto(b"", ("127.0.0.1", port))
    with closing(socket.create_connection(("127.0.0.1", port))):
        pass


def _serve_udp(server: socket.socket, answer: Answer, asked: list[tuple[str, str]]) -> None:
    while True:
        wire, client = server.recvfrom(65535)
        if not wire:
            return
        query = dns.message.from_wire(wire)
        asked.append(_question(query))
        reply = answer(query)
        if reply is not None:
            with contextlib.suppress(OSError):  # the client is gone already
                server.sendto(reply if isinstance(reply, bytes) else _fitting(query, reply), client)


def _fitting(query: dns.message.Message, reply: dns.message.Message) -> bytes:
    """Return the reply, or an empty one with TC where it is longer than the client takes over UDP."""
    try:
        return reply.to_wire(max_size=query.payload or 512)
    except dns.exception.TooBig:
        short = dns.message.make_response(query)
        short.flags |= dns.flags.TC
        return short.to_wire()


def _serve_tcp(listener: socket.socket, answer: Answer, asked: list[tuple[str, str]]) -> None:
    while True:
        connection, _ = listener.accept()
        with closing(connection):
            connection.settimeout(_CONNECTION_SECONDS)
            try:
                query, _ = dns.query.receive_tcp(connection)
            except EOFError:
                return
            asked.append(_question(query))
            query.use_edns(payload=65535)
            reply = answer(query)
            if reply is not None:
                with contextlib.suppress(OSError):
                    dns.query.send_tcp(connection, reply)


def _question(query: dns.message.Message) -> tuple[str, str]:
    question = query.question[0]
    return question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)


def _from_zone(zone: Zone, *, is_authenticated: bool) -> Answer:
    known = {(name.lower().rstrip("."), rdtype): entry for (name, rdtype), entry in zone.items()}

    def answer(query: dns.message.Message) -> Reply:
        name, rdtype = _question(query)
        return _answered(query, known, name.lower(), rdtype, is_authenticated=is_authenticated)

    return answer


def _answered(
    query: dns.message.Message,
    zone: Mapping[tuple[str, str], Entry],
    name: str,
    rdtype: str,
    *,
    is_authenticated: bool,
) -> Reply:
    reply = dns.message.make_response(query)
    if is_authenticated:
        reply.flags |= dns.flags.AD
    for _ in range(_LONGEST_CHAIN):
        entry = zone.get((name, rdtype))
        if entry is not None:
            return _entered(query, reply, name, rdtype, entry)
        alias = zone.get((name, "CNAME"))
        if not isinstance(alias, str):
            break
        reply.answer.append(_rrset(name, "CNAME", (alias,)))
        name = alias.lower().rstrip(".")
    if not _exists(zone, name):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    return reply


def _exists(zone: Mapping[tuple[str, str], Entry], name: str) -> bool:
    return any(each == name or each.endswith("." + name) for each, _ in zone)


def _entered(
    query: dns.message.Message, reply: dns.message.Message, name: str, rdtype: str, entry: Entry
) -> Reply:
    if isinstance(entry, Silence):
        return None
    if isinstance(entry, bytes):
        return entry
    if callable(entry):
        return entry(query)
    if isinstance(entry, dns.rcode.Rcode):
        reply.set_rcode(entry)
        return reply
    if isinstance(entry, Truncated) and query.payload != 65535:
        reply.flags |= dns.flags.TC
        return reply
    records = entry.records if isinstance(entry, Truncated) else entry
    reply.answer.append(_rrset(name, rdtype, (records,) if isinstance(records, str) else records))
    return reply


def _rrset(name: str, rdtype: str, records: Sequence[str]) -> dns.rrset.RRset:
    owner = name + "."
    if rdtype == "TXT":
        return dns.rrset.from_rdata_list(owner, _TTL, [_txt(each) for each in records])
    if rdtype == "CNAME":
        records = [each.rstrip(".") + "." for each in records]
    return dns.rrset.from_text(owner, _TTL, "IN", rdtype, *records)


def _txt(text: str) -> Rdata:
    encoded = text.encode("utf-8", "surrogateescape")
    strings = [encoded[at : at + 255] for at in range(0, len(encoded), 255)] or [b""]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
