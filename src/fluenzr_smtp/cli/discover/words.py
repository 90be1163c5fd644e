"""What was found, as a person reads it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.columns import Columns, columns
from fluenzr_smtp.discovery import Origin, Verdict

if TYPE_CHECKING:
    from fluenzr_smtp.discovery import Candidate, Proposal, Server, Step
    from fluenzr_smtp.model import Preset

_ORIGINS = {
    Origin.CATALOGUE: "catalogue",
    Origin.MX: "MX",
    Origin.SRV: "SRV",
    Origin.AUTOCONFIG: "autoconfig",
    Origin.NAMES: "usual names",
}
_FAULTS = {
    "answer": "the server does not answer as a web server does",
    "document-type": "refused: the file declares a document type, as only an attack would",
    "host-unknown": "nothing",
    "no-answer": "no answer in time",
    "no-server": "the file names no server with encryption",
    "not-autoconfig": "the file is no autoconfig file",
    "not-xml": "the file is not XML",
    "nothing": "nothing",
    "redirect-not-https": "refused: a redirect to a place without encryption",
    "redirects": "too many redirects",
    "refused": "the domain says that it offers no submission",
    "status": "nothing",
    "too-long": "refused: the answer is too long",
    "type": "the answer is no XML",
    "unreachable": "not reachable",
}
_VERDICTS = {
    Verdict.RECOMMENDED: "recommended",
    Verdict.POSSIBLE: "works too",
    Verdict.CHOICE: "if this is your product",
    Verdict.TO_CONFIRM: "works; outside your domain, to be confirmed",
    Verdict.INCOMPLETE: "if this is your product; a part of the name is missing",
    Verdict.UNCHECKED: "not tried",
    Verdict.FAILED: "does not work",
    Verdict.UNSUPPORTED: "no mail program can use it",
}


def origin_named(origin: Origin) -> str:
    """Return what an origin is called."""
    return _ORIGINS[origin]


def step_line(step: Step) -> str:
    """Say in a line what an origin had to tell."""
    label = _ORIGINS[step.origin]
    took = f" ({step.seconds:.1f} s)" if step.seconds >= 0.1 else ""
    if step.found:
        return f"{label}: {', '.join(dict.fromkeys(map(_named, step.found)))}{took}"
    told = _FAULTS.get(step.fault, step.fault)
    detail = f" ({step.detail})" if step.detail and told != "nothing" else ""
    return f"{label}: {told}{detail}{took}"


def candidate_table(candidates: tuple[Candidate, ...]) -> Columns:
    """Return a row for each candidate."""
    rows = (
        (
            _ORIGINS[each.proposal.origin],
            _named(each.proposal),
            _server(each.smtp),
            _server(each.imap),
            _VERDICTS[each.verdict],
        )
        for each in candidates
    )
    return columns(
        ("from", "what", "smtp", "imap", "verdict"), rows, least={"what": 10, "smtp": 16, "imap": 16}
    )


def advice(address: str, candidates: tuple[Candidate, ...]) -> tuple[str, ...]:
    """Return the lines that name the next command, where there is one."""
    command = f"fluenzr account add {shlex.quote(address)}"
    if any(each.verdict is Verdict.RECOMMENDED for each in candidates):
        return (f"Use it: {command}",)
    if products := _products(candidates):
        return ("Choose what you have:", *(f"  {command} --preset {_filled_in(each)}" for each in products))
    if any(each.verdict is Verdict.TO_CONFIRM for each in candidates):
        return (f"If the server is yours: {command}",)
    for verdict, words in _TO_USE.items():
        known = [each.proposal.preset for each in candidates if each.verdict is verdict]
        if preset := next(filter(None, known), None):
            return (f"{words} {command} --preset {_filled_in(preset)}",)
    return ()


_TO_USE = {Verdict.UNCHECKED: "Use it:", Verdict.FAILED: "It does not answer just now. When it does:"}
_TO_CHOOSE = frozenset({Verdict.CHOICE, Verdict.INCOMPLETE})


def _products(candidates: tuple[Candidate, ...]) -> tuple[Preset, ...]:
    """Return the products of a provider one of which it is, also those that do not answer just now."""
    told = [each for each in candidates if each.proposal.origin in {Origin.CATALOGUE, Origin.MX}]
    presets = {each.proposal.preset.key: each.proposal.preset for each in told if each.proposal.preset}
    is_open = len(presets) > 1 or any(each.verdict in _TO_CHOOSE for each in told)
    return tuple(presets.values()) if is_open else ()


def _filled_in(preset: Preset) -> str:
    """Return the key with the parts that are still to be named."""
    return " ".join((preset.key, *(f"--fill {each.name}={each.example}" for each in preset.placeholders)))


def _named(proposal: Proposal) -> str:
    """Return whose the servers are, or what named them."""
    return proposal.preset.key if proposal.preset else proposal.source


def _server(server: Server | None) -> str:
    if server is None:
        return "-"
    marks = {True: " verified", False: " failed", None: ""}
    return f"{server.endpoint} {server.endpoint.security}{marks[server.is_verified]}"
