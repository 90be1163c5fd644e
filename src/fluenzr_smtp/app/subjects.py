"""What a person means by a name: an account, an address, a provider or a server.

A diagnosis works without any account: a vault that cannot be opened is no reason to refuse a server's name,
but it is where only an account can be meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fluenzr_smtp.app import STEP_SECONDS
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from fluenzr_smtp.app import App
    from fluenzr_smtp.model import Fingerprint, Preset, Security, StoredAccount, Target
    from fluenzr_smtp.problems import Problem
    from fluenzr_smtp.settings import ServerChoice

_DISCOVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed.

    ``fills`` are parts of a preset's host names; ``only_domain`` says that a bare name is a mail domain, not
    a server.
    """

    text: str | None = None
    preset: str | None = None
    security: Security | None = None
    pin: Fingerprint | None = None
    authority: str | None = None
    resolver: str | None = None
    timeout: float = STEP_SECONDS
    fills: Mapping[str, str] = field(default_factory=dict)
    only_domain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is meant. Without ``target`` only the domain is looked at.

    ``stored`` is the account, where it is one; ``unopened`` why the vault was not asked, or None. Of a
    guessed subject only the DNS, which anybody on the way may have answered, says which provider it is at.
    """

    target: Target | None
    domain: str = ""
    stored: StoredAccount | None = None
    preset: Preset | None = None
    unopened: Problem | None = None
    is_guessed: bool = False


class Subjects:
    """Finds what is meant, in the vault, in the catalogue and in the DNS."""

    def __init__(self, app: App) -> None:
        self._app = app

    def find(self, wanted: Wanted) -> Subject:
        """Return what is meant.

        Raises:
            FluenzrError: ``account-…``, ``preset-unknown``, ``servers-unknown``, ``address-malformed``,
                ``setting-invalid``; as the vault, where only an account can be meant.
        """
        if wanted.text == "":
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason="the name is empty")
        if wanted.preset is not None:
            if wanted.text is not None and "@" not in wanted.text:
                reason = "--preset stands alone, or with an email address"
                raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
            return self._of_preset(wanted, self._app.presets.get(wanted.preset))
        if wanted.text is None:
            return self._of_account(wanted, self._app.account(None))
        stored, unopened = self._account(wanted.text)
        if stored is not None:
            return self._of_account(wanted, stored)
        found = self._of_address(wanted) if "@" in wanted.text else self._of_name(wanted, unopened)
        return replace(found, unopened=unopened)

    def _account(self, text: str) -> tuple[StoredAccount | None, Problem | None]:
        from fluenzr_smtp import environment

        is_named_otherwise = environment.names_account(self._app.environ) and text == environment.NAME
        if not (self._app.vault.exists or is_named_otherwise):
            return None, None
        try:
            return self._app.account(text), None
        except FluenzrError as error:
            if error.problem.code not in {ProblemCode.ACCOUNT_UNKNOWN, ProblemCode.ACCOUNT_NONE}:
                return None, error.problem
            if any(each.account.address.casefold() == text.casefold() for each in self._app.accounts.list()):
                raise  # several accounts have this address: which one is meant?
            return None, None

    def _of_account(self, wanted: Wanted, stored: StoredAccount) -> Subject:
        from fluenzr_smtp.compose.addresses import domain_of

        target = self._trusting(wanted, self._app.servers.target_of(stored))
        if wanted.security is not None and target.smtp is not None:
            target = replace(target, smtp=replace(target.smtp, security=wanted.security))
        preset = self._app.servers.preset_of(target)
        return Subject(target=target, domain=domain_of(target.address), stored=stored, preset=preset)

    def _of_preset(self, wanted: Wanted, preset: Preset) -> Subject:
        from fluenzr_smtp import targets
        from fluenzr_smtp.compose import parse_address
        from fluenzr_smtp.compose.addresses import domain_of

        address = parse_address(wanted.text) if wanted.text else ""
        target = targets.of_preset(
            preset, name=wanted.text or preset.key, address=address, fills=wanted.fills
        )
        domain = domain_of(address) if address else ""
        return Subject(target=self._trusting(wanted, target), domain=domain, preset=preset)

    def _of_address(self, wanted: Wanted) -> Subject:
        from fluenzr_smtp.compose import parse_address
        from fluenzr_smtp.compose.addresses import domain_of

        address = parse_address(wanted.text or "")
        domain = domain_of(address)
        preset = self._app.presets.for_domain(domain)
        if preset is not None:
            return self._of_preset(wanted, preset)
        for near in self._app.servers.suggested_presets(domain, resolver=wanted.resolver):
            if not near.placeholders and not near.unsupported:
                return replace(self._of_preset(wanted, near), is_guessed=True)
        if wanted.only_domain:
            return Subject(target=None, domain=domain)
        return self._discovered(wanted, address, domain)

    def _discovered(self, wanted: Wanted, address: str, domain: str) -> Subject:
        """Return the servers that the domain itself names, or that have the usual names."""
        from fluenzr_smtp.discovery import Verdict
        from fluenzr_smtp.model import Target

        seconds = min(wanted.timeout, _DISCOVERY_SECONDS)
        survey = self._app.finder.survey(
            address, resolver=wanted.resolver, authority=wanted.authority, seconds=seconds
        )
        for _ in survey.steps(is_thorough=False):
            pass
        best = next((each for each in survey.candidates() if each.verdict is Verdict.RECOMMENDED), None)
        if best is None or best.smtp is None:
            raise failure(ProblemCode.SERVERS_UNKNOWN, Stage.CONFIGURATION, domain=domain, address=address)
        target = Target(
            name=wanted.text or address,
            smtp=best.smtp.endpoint,
            imap=best.imap.endpoint if best.imap else None,
            address=address,
        )
        return Subject(target=self._trusting(wanted, target), domain=domain, is_guessed=True)

    def _of_name(self, wanted: Wanted, unopened: Problem | None) -> Subject:
        from fluenzr_smtp.settings import parse_server

        text = wanted.text or ""
        if not any(mark in text for mark in ".:") and text != "localhost":  # a name of an account's kind
            if unopened is not None:
                raise FluenzrError(unopened)
            raise failure(ProblemCode.ACCOUNT_UNKNOWN, Stage.CONFIGURATION, account=text)
        server = parse_server(text)
        if wanted.only_domain and server.port is None and server.host:
            return Subject(target=None, domain=server.host)
        return self._of_server(wanted, server)

    def _of_server(self, wanted: Wanted, server: ServerChoice) -> Subject:
        from fluenzr_smtp import ports, targets

        preset = self._app.presets.for_host(server.host or "")
        security, protocol = wanted.security, None
        if preset is None and not ports.is_usual(server.port):
            host, port = server.host or "", server.port or 0
            protocol, found = self._app.servers.detect(host, port, timeout=wanted.timeout)
            security = security or found
        server = replace(server, security=security)
        target = targets.of_server(server, preset, name=wanted.text or "", protocol=protocol)
        return Subject(target=self._trusting(wanted, target), preset=preset)

    def _trusting(self, wanted: Wanted, target: Target) -> Target:
        from fluenzr_smtp import targets

        return targets.trusting(target, authority=wanted.authority, pin=wanted.pin)
