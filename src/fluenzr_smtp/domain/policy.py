"""The one page that is read over HTTPS: a domain's MTA-STS policy (RFC 8461 §3.3).

The certificate must hold for the name, redirects are not followed, and size and time are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from socket import AF_INET, AF_INET6

from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.problems import Stage
from fluenzr_smtp.wire import Address, Wire

PATH = "/.well-known/mta-sts.txt"
LONGEST_POLICY_BYTES = 64 * 1024  # RFC 8461 §3.3
_MOST_HEADERS = 100
_MOST_ADDRESSES = 4
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})( .*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyServer:
    """How policies are fetched; the port and the authority (PEM) are others only where a test has its own.

    ``seconds`` is the time for the whole fetch.
    """

    port: int = 443
    authority: str | None = None
    seconds: float = 5.0


def fetch_policy(
    host: str, addresses: tuple[str, ...], *, server: PolicyServer, clock: Clock
) -> bytes | RecordFault:
    """Return the policy file that ``host`` (``mta-sts.`` and the domain) serves at one of the addresses.

    Reasons of a fault: ``policy-unreachable`` with the problem's code as its detail, ``policy-status`` with
    the status, ``policy-type``, ``policy-too-long``, ``policy-answer`` for what is not HTTP.
    """
    endpoint = Endpoint(
        host=host, port=server.port, security=Security.IMPLICIT_TLS, authority=server.authority
    )
    wire = Wire(endpoint, clock=clock, timeout=server.seconds)
    try:
        wire.begin(Stage.MTA_STS, budget=2 * LONGEST_POLICY_BYTES)
        wire.connect(tuple(_address(each, server.port) for each in addresses[:_MOST_ADDRESSES]))
        wire.start_tls()
        wire.write(_request(host))
        return _answer(wire)
    except FluenzrError as error:
        return RecordFault("policy-unreachable", error.problem.code.value)
    finally:
        wire.close()


def _address(address: str, port: int) -> Address:
    if ":" in address:
        return Address(AF_INET6, (address, port, 0, 0))
    return Address(AF_INET, (address, port))


def _request(host: str) -> bytes:
    lines = (f"GET {PATH} HTTP/1.1", f"Host: {host}", "Accept: text/plain", "Connection: close", "", "")
    return "\r\n".join(lines).encode("ascii")


def _answer(wire: Wire) -> bytes | RecordFault:
    status = _STATUS.fullmatch(wire.read_line().rstrip(b"\r\n"))
    if status is None:
        return RecordFault("policy-answer")
    if status[1] != b"200":  # a redirect too: it must not be followed
        return RecordFault("policy-status", status[1].decode("ascii"))
    headers = _headers(wire)
    if headers is None:
        return RecordFault("policy-answer")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        return RecordFault("policy-type", kind)
    return _body(wire, headers)


def _headers(wire: Wire) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = wire.read_line()
        if line in {b"\r\n", b"\n"}:
            return found
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            return None
        found.setdefault(name.strip().lower(), value.strip())
    return None


def _body(wire: Wire, headers: dict[str, str]) -> bytes | RecordFault:
    if "transfer-encoding" in headers:
        return _chunks(wire)
    length = headers.get("content-length")
    if length is None:
        return _until_the_end(wire)
    if not re.fullmatch(r"[0-9]{1,12}", length):
        return RecordFault("policy-answer")
    if int(length) > LONGEST_POLICY_BYTES:
        return RecordFault("policy-too-long")
    content = wire.read_exact(int(length))
    return content if len(content) == int(length) else RecordFault("policy-answer")


def _until_the_end(wire: Wire) -> bytes | RecordFault:
    content = b""
    while piece := wire.read_line(limit=2 * LONGEST_POLICY_BYTES):
        content += piece
        if len(content) > LONGEST_POLICY_BYTES:
            return RecordFault("policy-too-long")
    return content


def _chunks(wire: Wire) -> bytes | RecordFault:
    """Put a chunked body together (RFC 9112 §7.1)."""
    content = b""
    while True:
        size = re.fullmatch(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?\r?\n", wire.read_line())
        if size is None:
            return RecordFault("policy-answer")
        if not (expected := int(size[1], 16)):
            return content
        if len(content) + expected > LONGEST_POLICY_BYTES:
            return RecordFault("policy-too-long")
        chunk = wire.read_exact(expected)
        if len(chunk) != expected or wire.read_line() not in {b"\r\n", b"\n"}:
            return RecordFault("policy-answer")
        content += chunk
