"""One page over HTTPS, from a name and addresses that were looked up: the one home of h11.

The certificate must hold for the name; redirects are told, not followed; size and time are bounded. The
connection is that of the mail sessions, so that a certificate that fails is named as theirs is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import h11

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Security
from fluenzr_smtp.problems import Stage
from fluenzr_smtp.wire import Address, Wire

_MOST_ADDRESSES = 4
_HEAD_BYTES = 64 * 1024  # h11 itself takes no head beyond 16 KiB
_LENGTH = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a server answered. ``kind`` is the media type in lower case, without parameters."""

    status: int
    kind: str = ""
    location: str = ""
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class PageFault:
    """Why there is no page: ``unreachable`` (with a problem's code), ``answer`` (no HTTP), ``too-long``."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. ``target`` is the path with its query (RFC 9112 §3.2.1).

    ``seconds`` is the time for the whole; ``authority`` (PEM) takes the place of the system's store.
    """

    host: str
    target: str
    accept: str
    limit_bytes: int
    stage: Stage
    port: int = 443
    authority: str | None = None
    seconds: float = 5.0


def fetch(request: Request, addresses: tuple[str, ...], *, clock: Clock) -> Page | PageFault:
    """Ask the server at one of the addresses; never fails."""
    endpoint = Endpoint(
        host=request.host, port=request.port, security=Security.IMPLICIT_TLS, authority=request.authority
    )
    wire = Wire(endpoint, clock=clock, timeout=request.seconds)
    try:
        wire.begin(request.stage, budget=request.limit_bytes + _HEAD_BYTES)
        wire.connect(tuple(Address.of(each, request.port) for each in addresses[:_MOST_ADDRESSES]))
        wire.start_tls()
        return _answered(wire, request)
    except FluenzrError as error:
        return PageFault("unreachable", error.problem.code.value)
    except h11.ProtocolError:
        return PageFault("answer")
    finally:
        wire.close()


def _answered(wire: Wire, request: Request) -> Page | PageFault:
    dialogue = h11.Connection(h11.CLIENT)
    host = request.host if request.port == 443 else f"{request.host}:{request.port}"
    headers = [("Host", host), ("Accept", request.accept), ("Connection", "close")]
    asked = h11.Request(method="GET", target=request.target, headers=headers)
    wire.write((dialogue.send(asked) or b"") + (dialogue.send(h11.EndOfMessage()) or b""))
    head: h11.Response | None = None
    content = bytearray()
    while True:
        event = dialogue.next_event()
        if event is h11.NEED_DATA:
            dialogue.receive_data(wire.read_some())
        elif isinstance(event, h11.Response):
            head = event
            if _announced(head) > request.limit_bytes:
                return PageFault("too-long")
        elif isinstance(event, h11.Data):
            content += event.data
            if len(content) > request.limit_bytes:
                return PageFault("too-long")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _page(head, bytes(content))


def _announced(head: h11.Response) -> int:
    length = _header(head, b"content-length")
    return int(length) if _LENGTH.fullmatch(length) else 0


def _header(head: h11.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in head.headers if key == name), "")


def _page(head: h11.Response, content: bytes) -> Page:
    kind = _header(head, b"content-type").partition(";")[0].strip().lower()
    return Page(status=head.status_code, kind=kind, location=_header(head, b"location"), content=content)
