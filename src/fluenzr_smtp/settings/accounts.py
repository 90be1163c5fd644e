"""From what was said of an account to the account."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from fluenzr_smtp.compose import parse_address
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import (
    Account,
    Endpoint,
    Fingerprint,
    Limit,
    Preset,
    Protocol,
    Remedy,
    UsernameRule,
)
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.settings.refusals import invalid
from fluenzr_smtp.settings.servers import ServerChoice, choose_endpoint

_UNSAID = ServerChoice()
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was said of an account. ``limits`` None: those of the preset; ``pause`` None: there is none."""

    address: str
    name: str | None = None
    display_name: str | None = None
    username: str | None = None
    has_login: bool = True
    smtp: ServerChoice = _UNSAID
    imap: ServerChoice = _UNSAID
    has_imap: bool = True
    pin: Fingerprint | None = None
    authority: str | None = None
    limits: tuple[Limit, ...] | None = None
    pause: timedelta | None = None


def build_account(choices: Choices, preset: Preset | None) -> Account:
    """Put an account together; what was said goes over what the preset knows.

    Raises:
        FluenzrError: ``input-required`` with the options that are missing; ``address-malformed``,
            ``setting-invalid``, ``header-malformed``, ``encryption-required``, ``provider-unsupported``.
    """
    address = parse_address(choices.address)
    if preset is not None and preset.unsupported:
        raise unsupported(preset)
    smtp = choose_endpoint(Protocol.SMTP, choices.smtp, preset.smtp if preset else ())
    if smtp is None:
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=("--preset", "--smtp-host"))
    imap = None
    if choices.has_imap:
        imap = choose_endpoint(Protocol.IMAP, choices.imap, preset.imap if preset else ())
    return Account(
        name=address if choices.name is None else choices.name,
        address=address,
        display_name=checked("display-name", choices.display_name or ""),
        username=_username(choices, address, preset),
        imap_username=_imap_username(choices, address, preset) if imap else None,
        smtp=_trusting(smtp, choices),
        imap=None if imap is None else _trusting(imap, choices),
        preset=preset.key if preset else None,
        limits=choices.limits,
        pause=choices.pause,
    )


def change_account(account: Account, choices: Choices, preset: Preset | None) -> Account:
    """Return the account with what was said changed; a server's trust stays while its host does.

    Raises:
        FluenzrError: as ``build_account``.
    """
    smtp = _changed_endpoint(Protocol.SMTP, account.smtp, choices, preset.smtp if preset else ())
    imap = None
    if choices.has_imap:
        imap = _changed_endpoint(Protocol.IMAP, account.imap, choices, preset.imap if preset else ())
    return replace(
        account,
        display_name=checked("display-name", choices.display_name or ""),
        username=_username(choices, account.address, preset),
        smtp=smtp or account.smtp,
        imap=imap,
        limits=choices.limits,
        pause=choices.pause,
    )


def with_remedy(account: Account, remedy: Remedy) -> Account:
    """Return the account as a diagnosis found it to work."""
    if remedy.protocol is Protocol.IMAP:
        return replace(account, imap=remedy.endpoint, imap_username=remedy.username or account.imap_username)
    return replace(account, smtp=remedy.endpoint, username=remedy.username or account.username)


def _changed_endpoint(
    protocol: Protocol, present: Endpoint | None, choices: Choices, known: tuple[Endpoint, ...]
) -> Endpoint | None:
    choice = choices.smtp if protocol is Protocol.SMTP else choices.imap
    if present is None and choice.is_empty:
        return None
    if present is not None and choice.port is None and choice.security in {None, present.security}:
        choice = replace(choice, port=present.port, security=present.security)  # another host, no more
    chosen = choose_endpoint(protocol, choice, known if present is None else (present, *known))
    if chosen is None:
        return None
    if present is not None and chosen.host == present.host:
        chosen = replace(chosen, pin=present.pin, authority=present.authority)
    return _trusting(chosen, choices)


def _username(choices: Choices, address: str, preset: Preset | None) -> str | None:
    if not choices.has_login:
        return None
    if choices.username is not None:
        if not choices.username:
            raise invalid("username", "", "empty")
        return checked("username", choices.username)
    return username_of(preset.username if preset else UsernameRule.ADDRESS, address, preset)


def _imap_username(choices: Choices, address: str, preset: Preset | None) -> str | None:
    """Return the login name for IMAP where it is another one than for submission."""
    if preset is None or preset.imap_username is None or choices.username is not None:
        return None
    return username_of(preset.imap_username, address, preset)


def unsupported(preset: Preset) -> FluenzrError:
    """Return the error that tells of a provider with which no mail program can work."""
    return failure(
        ProblemCode.PROVIDER_UNSUPPORTED, Stage.CONFIGURATION, provider=preset.name, reason=preset.unsupported
    )


def username_of(rule: UsernameRule, address: str, preset: Preset | None) -> str | None:
    """Return the login name that follows from an address by a rule; None where nobody logs in.

    Raises:
        FluenzrError: ``input-required`` for a name that the provider hands out.
    """
    if rule is UsernameRule.GIVEN:
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=("--username",))
    if rule is UsernameRule.LOCAL_PART:
        return address.rpartition("@")[0]
    if rule is UsernameRule.FIXED and preset is not None:
        return preset.username_value
    return None if rule is UsernameRule.NONE else address


def _trusting(endpoint: Endpoint, choices: Choices) -> Endpoint:
    """Return the endpoint with what is to be trusted; an authority takes the place of an older pin."""
    if choices.pin is None and choices.authority is not None:
        return replace(endpoint, pin=None, authority=choices.authority)
    return replace(
        endpoint, pin=choices.pin or endpoint.pin, authority=choices.authority or endpoint.authority
    )


def checked(field: str, text: str) -> str:
    """Return a name if it can stand in a header or a command.

    Raises:
        FluenzrError: ``header-malformed``.
    """
    if _CONTROL.search(text):
        raise failure(ProblemCode.HEADER_MALFORMED, Stage.INPUT, header=field, reason="control-character")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes of the command line that are not UTF-8
        raise failure(ProblemCode.HEADER_MALFORMED, Stage.INPUT, header=field, reason="not-utf-8") from error
    return text
