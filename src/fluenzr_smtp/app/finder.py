"""Finding the settings of an address: what discovery needs of the network, put together."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluenzr_smtp.app import STEP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluenzr_smtp.discovery import Survey, Upkeep
    from fluenzr_smtp.dns import Resolver
    from fluenzr_smtp.model import Clock, Preset
    from fluenzr_smtp.presets import PresetCatalog
    from fluenzr_smtp.wire import Address, LookUp

SECONDS = 10.0
"""The bound of each step of a discovery, unless ``--timeout`` says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Finds settings. ``presets`` opens the catalogue, ``resolver`` reads the option of that name."""

    clock: Clock
    presets: Callable[[], PresetCatalog]
    resolver: Callable[[str | None, float], Resolver]

    def survey(
        self,
        address: str,
        *,
        is_offline: bool = False,
        may_connect: bool = True,
        resolver: str | None = None,
        authority: str | None = None,
        seconds: float = SECONDS,
    ) -> Survey:
        """Return the walk that looks for the settings of an address; nothing was asked yet.

        Offline the catalogue alone is asked; without ``may_connect`` no mail server is tried.

        Raises:
            FluenzrError: ``address-malformed``; ``dns-host-unknown`` for a domain that cannot exist;
                ``setting-invalid`` for the resolver.
        """
        from fluenzr_smtp.compose import parse_address
        from fluenzr_smtp.compose.addresses import domain_of
        from fluenzr_smtp.discovery import Means, Subject, Survey, Trials
        from fluenzr_smtp.dns import ascii_domain

        mailbox = parse_address(address)
        subject = Subject(address=mailbox, domain=ascii_domain(domain_of(mailbox)))
        catalog = self.presets()
        if is_offline:
            return Survey(subject=subject, catalog=catalog, means=None, trials=None)
        asked = self.resolver(resolver, seconds)
        names = _names(asked if resolver else None)
        means = Means(
            catalog=catalog,
            resolver=asked,
            addresses=lambda host: _addresses(names, host, seconds),
            clock=self.clock,
            seconds=seconds,
            authority=authority,
        )
        trials = None
        if may_connect:
            trials = Trials(names=names, clock=self.clock, seconds=seconds, authority=authority)
        return Survey(subject=subject, catalog=catalog, means=means, trials=trials)

    def checked(
        self,
        presets: tuple[Preset, ...],
        *,
        with_loopback: bool = False,
        resolver: str | None = None,
        authority: str | None = None,
        seconds: float = SECONDS,
    ) -> Iterator[Upkeep]:
        """Return what the servers of presets say, held against the records.

        Raises:
            FluenzrError: ``setting-invalid`` for the resolver.
        """
        from fluenzr_smtp.discovery import Trials, checked

        names = _names(self.resolver(resolver, seconds) if resolver else None)
        trials = Trials(names=names, clock=self.clock, seconds=seconds, authority=authority)
        return checked(presets, trials, today=self.clock.now().date(), with_loopback=with_loopback)


def _names(resolver: Resolver | None) -> LookUp:
    """Return the way from a name to addresses: the system's, or a name server's that was chosen."""
    from fluenzr_smtp.errors import FluenzrError
    from fluenzr_smtp.presets import is_loopback
    from fluenzr_smtp.wire import Address, look_up, within

    if resolver is None:
        return look_up

    def look_up_there(host: str, port: int, *, seconds: float) -> tuple[Address, ...]:
        if is_loopback(host):
            return look_up(host, port, seconds=seconds)
        try:
            found = within(
                seconds, lambda: resolver.addresses(host)
            )  # it asks twice, each with time of its own
        except FluenzrError as error:
            raise TimeoutError from error
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "there is no such name")
        return tuple(Address.of(each, port) for each in found)

    return look_up_there


def _addresses(names: LookUp, host: str, seconds: float) -> tuple[str, ...]:
    try:
        return tuple(each.text for each in names(host, 443, seconds=min(seconds, STEP_SECONDS)))
    except (OSError, ValueError):
        return ()
