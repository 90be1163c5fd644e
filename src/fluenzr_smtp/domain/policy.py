"""The one page that a domain's examination reads over HTTPS: the MTA-STS policy (RFC 8461 §3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from fluenzr_smtp.domain.tags import RecordFault
from fluenzr_smtp.https import PageFault, Request, fetch
from fluenzr_smtp.model import Clock
from fluenzr_smtp.problems import Stage

PATH = "/.well-known/mta-sts.txt"
LONGEST_POLICY_BYTES = 64 * 1024  # RFC 8461 §3.3


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
    the status (a redirect too: it must not be followed), ``policy-type``, ``policy-too-long``,
    ``policy-answer`` for what is not HTTP.
    """
    request = Request(
        host=host,
        target=PATH,
        accept="text/plain",
        limit_bytes=LONGEST_POLICY_BYTES,
        stage=Stage.MTA_STS,
        port=server.port,
        authority=server.authority,
        seconds=server.seconds,
    )
    page = fetch(request, addresses, clock=clock)
    if isinstance(page, PageFault):
        return RecordFault(f"policy-{page.reason}", page.detail)
    if page.status != 200:
        return RecordFault("policy-status", str(page.status))
    return page.content if page.kind == "text/plain" else RecordFault("policy-type", page.kind)
