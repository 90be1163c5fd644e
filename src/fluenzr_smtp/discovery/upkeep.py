"""Whether the catalogue is still true: its servers are tried, and what they say is held against the record.

Nobody logs in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from fluenzr_smtp.classify import refined
from fluenzr_smtp.discovery.trials import Trials
from fluenzr_smtp.discovery.values import Server
from fluenzr_smtp.model import Endpoint, Form, LimitUnit, Need, Preset, Protocol, UsernameRule
from fluenzr_smtp.presets import UNCHECKED, filled, is_filled, is_loopback, needs_domain
from fluenzr_smtp.session import OAUTH_MECHANISMS

OLD = timedelta(days=365)
_AT_ONCE = 6  # presets: with two or three servers each, as many as Trials tries at once


class Remark(StrEnum):
    """What a server says otherwise than the record of its provider; none of it keeps mail back by itself."""

    NO_PASSWORD = "no-password"  # noqa: S105 - a remark, none itself
    NO_OAUTH = "no-oauth"
    OFFERS_OAUTH = "offers-oauth"
    SMALLER_MESSAGES = "smaller-messages"


class Untried(StrEnum):
    """Why no server of a preset was tried."""

    UNSUPPORTED = "unsupported"
    OWN_DOMAIN = "own-domain"
    THIS_COMPUTER = "this-computer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A server of a preset, what came of trying it, and how it differs from the record."""

    protocol: Protocol
    server: Server
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What was found about a preset. ``is_old``: it was compared with its sources over a year ago."""

    preset: Preset
    servers: tuple[Checked, ...]
    is_old: bool
    untried: Untried | None = None

    @property
    def holds(self) -> bool:
        """Say whether every server answered under a certificate of its own."""
        return all(each.server.is_verified for each in self.servers)


def checked(
    presets: Iterable[Preset], trials: Trials, *, today: date, with_loopback: bool
) -> Iterator[Upkeep]:
    """Try the servers of presets, some at the same time, and yield what was found in their order.

    Parts of host names that differ from account to account are completed by the usual values. The servers of
    this computer are tried ``with_loopback`` alone: where they do not run, nothing is wrong with the record.
    """
    wanted = tuple(presets)
    for at in range(0, len(wanted), _AT_ONCE):
        plans = [_Plan(each, with_loopback=with_loopback) for each in wanted[at : at + _AT_ONCE]]
        trials.run(one for plan in plans for one in plan.servers)
        for plan in plans:
            preset = plan.preset
            servers = tuple(_checked(preset, one, trials) for one in plan.servers)
            is_old = preset.checked != UNCHECKED and today - preset.checked > OLD
            yield Upkeep(preset=preset, servers=servers, is_old=is_old, untried=plan.untried)


class _Plan:
    """Which servers of a preset are tried."""

    def __init__(self, preset: Preset, *, with_loopback: bool) -> None:
        self.preset = preset
        self.untried = _untried(preset, with_loopback=with_loopback)
        self.servers = () if self.untried else _endpoints(preset)


def _untried(preset: Preset, *, with_loopback: bool) -> Untried | None:
    if preset.unsupported:
        return Untried.UNSUPPORTED
    if needs_domain(preset) or any(each.form is Form.HOST for each in preset.placeholders):
        return Untried.OWN_DOMAIN
    if not with_loopback and all(is_loopback(each.host) for each in preset.smtp + preset.imap):
        return Untried.THIS_COMPUTER
    return None


def _endpoints(preset: Preset) -> tuple[tuple[Protocol, Endpoint], ...]:
    """Return all servers of a preset, each of the usual values in turn."""
    versions = (preset,) if is_filled(preset) else tuple(_filled(preset))
    found = [
        (protocol, each)
        for one in versions
        for protocol, servers in ((Protocol.SMTP, one.smtp), (Protocol.IMAP, one.imap))
        for each in servers
    ]
    return tuple(dict.fromkeys(found))


def _filled(preset: Preset) -> Iterator[Preset]:
    """Yield the preset with each usual value of its first placeholder, and the examples of the others."""
    examples = {each.name: each.example for each in preset.placeholders}
    first = preset.placeholders[0]
    for value in first.known or (first.example,):
        yield filled(preset, {**examples, first.name: value}, domain="")


def _checked(preset: Preset, wanted: tuple[Protocol, Endpoint], trials: Trials) -> Checked:
    protocol, _ = wanted
    server = trials.known[wanted]
    if server.problem is not None:
        server = replace(server, problem=refined(server.problem, preset.key))
    remarks = tuple(_remarks(preset, server)) if server.is_verified else ()
    return Checked(protocol=protocol, server=server, remarks=remarks)


def _remarks(preset: Preset, server: Server) -> Iterator[Remark]:
    has_oauth = bool(OAUTH_MECHANISMS & set(server.mechanisms))
    has_password = bool(set(server.mechanisms) - OAUTH_MECHANISMS)
    if not has_password and preset.username is not UsernameRule.NONE and preset.oauth is not Need.REQUIRED:
        yield Remark.NO_PASSWORD
    if not has_oauth and preset.oauth in {Need.PREFERRED, Need.REQUIRED}:
        yield Remark.NO_OAUTH
    if has_oauth and preset.oauth is Need.NO:
        yield Remark.OFFERS_OAUTH
    sizes = [each.count for each in preset.limits if each.unit is LimitUnit.MESSAGE_BYTES]
    if sizes and server.limit_bytes is not None and server.limit_bytes < min(sizes):
        yield Remark.SMALLER_MESSAGES
