"""Host names that differ from account to account: what is missing in them, and what a value may be.

``ex{number}.mail.ovh.net`` becomes ``ex4.mail.ovh.net``. ``{domain}`` is the domain of the address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fluenzr_smtp.errors import failure
from fluenzr_smtp.model import Endpoint, Form, Placeholder, Preset
from fluenzr_smtp.presets.hosts import DOMAIN, PLACEHOLDER, fits, names_in
from fluenzr_smtp.problems import ProblemCode, Stage

_PATTERNS = {Form.NUMBER: r"[0-9]{1,5}", Form.LABEL: r"[a-z0-9-]{1,63}"}
_SHOWN = 100  # characters of a value


def needs_domain(preset: Preset) -> bool:
    """Say whether a host of the preset holds the domain of the address."""
    return any(DOMAIN in names_in(each.host) for each in preset.smtp + preset.imap)


def is_filled(preset: Preset) -> bool:
    """Say whether the hosts are whole, so that one can connect to them."""
    return not any(names_in(each.host) for each in preset.smtp + preset.imap)


def missing_parts(preset: Preset, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the options that would give the parts that are still missing, without that of the domain.

    Raises:
        FluenzrError: ``usage-invalid`` for a value whose name is none of the parts.
    """
    _require_known(preset, values)
    return tuple(f"--fill {each.name}=…" for each in preset.placeholders if each.name not in values)


def filled(preset: Preset, values: Mapping[str, str], *, domain: str) -> Preset:
    """Return the preset with its hosts completed.

    Args:
        preset: What to complete; one without placeholders comes back as it is.
        values: What stands in place of each placeholder, by name.
        domain: The mail domain of the address, or "" where none is known.

    Raises:
        FluenzrError: ``input-required`` for what is missing; ``usage-invalid`` for a name that is none of
            its placeholders; ``setting-invalid``.
    """
    missing = list(missing_parts(preset, values))
    if is_filled(preset):
        return preset
    if not domain and needs_domain(preset):
        missing.append("EMAIL")
    if missing:
        raise failure(ProblemCode.INPUT_REQUIRED, Stage.USAGE, options=tuple(missing))
    read = {each.name: read_value(preset, each, values[each.name]) for each in preset.placeholders}
    known = {**read, DOMAIN: domain}
    return replace(
        preset,
        smtp=tuple(_filled(each, known) for each in preset.smtp),
        imap=tuple(_filled(each, known) for each in preset.imap),
        placeholders=(),
    )


def _require_known(preset: Preset, values: Iterable[str]) -> None:
    known = {each.name for each in preset.placeholders}
    odd = next((name for name in values if name not in known), None)
    if odd is not None:
        told = f"; it has {', '.join(sorted(known))}" if known else ""
        reason = f"--fill {odd}: the preset {preset.key} has no such part{told}"
        raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)


_REASONS = {
    Form.NUMBER: "not-a-number",
    Form.LABEL: "not-a-part-of-a-host-name",
    Form.HOST: "not-a-host-name",
}


def read_value(preset: Preset, placeholder: Placeholder, text: str) -> str:
    """Return the value of a placeholder: typed alone, or as a whole host name that holds it.

    Raises:
        FluenzrError: ``setting-invalid``.
    """
    wanted = text.strip().lower().rstrip(".")
    found = _within_host(preset, placeholder, wanted) or wanted
    if fits(placeholder.form, found):
        return found
    raise failure(
        ProblemCode.SETTING_INVALID,
        Stage.USAGE,
        setting=f"--fill {placeholder.name}",
        value=text[:_SHOWN],
        reason=_REASONS[placeholder.form],
    )


def filled_like(preset: Preset, hosts: Iterable[str]) -> Preset:
    """Return the preset with its hosts completed as the given ones are.

    Servers of which no host tells all parts are left out.
    """
    if is_filled(preset):
        return preset
    values: dict[str, str] = {}
    known = tuple(hosts)
    for one in preset.smtp + preset.imap:
        for host in known:
            values |= _values(preset, one.host, host) or {}
    return replace(
        preset,
        smtp=tuple(
            _filled(each, values) for each in preset.smtp if set(names_in(each.host)) <= values.keys()
        ),
        imap=tuple(
            _filled(each, values) for each in preset.imap if set(names_in(each.host)) <= values.keys()
        ),
        placeholders=(),
    )


def has_host(preset: Preset, host: str) -> bool:
    """Say whether a server of the preset has this name, or could have it by its placeholders.

    A pattern that the end of no provider's names is part of (``mail.{domain}``) fits nothing.
    """
    return any(
        one.host == host or (_is_tied(preset, one.host) and _values(preset, one.host, host) is not None)
        for one in preset.smtp + preset.imap
    )


def _is_tied(preset: Preset, pattern: str) -> bool:
    names = names_in(pattern)
    return bool(names) and not any(_form(preset, name) is Form.HOST for name in names)


def _form(preset: Preset, name: str) -> Form:
    return next((each.form for each in preset.placeholders if each.name == name), Form.HOST)


def _values(preset: Preset, pattern: str, host: str) -> dict[str, str] | None:
    """Return what the placeholders of a pattern stand for in a host, or None where it does not fit."""
    written = ""
    for index, part in enumerate(PLACEHOLDER.split(pattern)):
        if index % 2 == 0:
            written += re.escape(part)
        else:
            written += f"(?P<{part}>{_PATTERNS.get(_form(preset, part), r'[a-z0-9.-]{1,253}')})"
    match = re.fullmatch(written, host)
    return match.groupdict() if match else None


def _within_host(preset: Preset, placeholder: Placeholder, text: str) -> str:
    if placeholder.form is Form.HOST:
        return ""
    for one in preset.smtp + preset.imap:
        if found := (_values(preset, one.host, text) or {}).get(placeholder.name):
            return found
    return ""


def _filled(endpoint: Endpoint, values: Mapping[str, str]) -> Endpoint:
    return replace(endpoint, host=PLACEHOLDER.sub(lambda match: values[match[1]], endpoint.host))
