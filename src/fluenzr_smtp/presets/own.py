"""Writing the user's own presets: one record is added, changed or taken out, the rest stays as typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from fluenzr_smtp import toml_file
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Endpoint, Limit, Preset
from fluenzr_smtp.presets.catalog import OWN_LIMIT_BYTES, not_toml, parsed_own, read_own
from fluenzr_smtp.presets.hosts import names_in
from fluenzr_smtp.presets.records import UNCHECKED, parse_preset
from fluenzr_smtp.problems import ProblemCode, Stage

_NOTHING: tuple[object, ...] = ("", [], {}, False)
_Result = TypeVar("_Result")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def add(path: Path, key: str, fields: Mapping[str, object]) -> Preset:
    """Add a record, durably.

    Raises:
        FluenzrError: ``preset-exists``; ``setting-invalid`` of the new record; ``preset-invalid`` of the
            file, which is left as it is. ``file-…``, ``disk-full``.
    """

    def put(tables: dict[str, Any]) -> None:
        if key in tables:
            raise failure(ProblemCode.PRESET_EXISTS, Stage.USAGE, key=key)
        tables[key] = dict(fields)

    return _written(path, key, put)


def change(path: Path, key: str, fields: Mapping[str, object], *, base: Preset) -> Preset:
    """Change fields of a record, durably; where there is none of this key, ``base`` becomes one.

    Raises:
        FluenzrError: As ``add``.
    """

    def put(tables: dict[str, Any]) -> None:
        tables[key] = _without_unused_parts({**tables.get(key, record_of(base)), **fields})

    return _written(path, key, put)


def remove(path: Path, key: str) -> None:
    """Take a record out, durably.

    Raises:
        FluenzrError: ``preset-unknown`` where it is none of the user's own; as ``add``.
    """
    if key not in read_own(path):
        raise failure(ProblemCode.PRESET_UNKNOWN, Stage.USAGE, key=key, near=())

    # Another process may have been quicker.
    _rewrite(path, lambda tables: tables.pop(key, None))


def record_of(preset: Preset) -> dict[str, object]:
    """Return a preset as a record holds it; what says nothing is left out."""
    fields: dict[str, object] = {
        "name": preset.name,
        "countries": list(preset.countries),
        "domains": list(preset.domains),
        "mx": list(preset.mx),
        "smtp": endpoints_of(preset.smtp),
        "imap": endpoints_of(preset.imap),
        "username": preset.username.value,
        "username_value": preset.username_value,
        "imap_username": preset.imap_username.value if preset.imap_username else "",
        "app_password": preset.app_password.value,
        "app_password_page": preset.app_password_page,
        "oauth": preset.oauth.value,
        "unsupported": preset.unsupported,
        "saves_sent": preset.saves_sent,
        "placeholders": {
            each.name: {
                "asks": each.asks,
                "form": each.form.value,
                "example": each.example,
                "known": list(each.known),
            }
            for each in preset.placeholders
        },
        "limits": limits_of(preset.limits),
        "spf": list(preset.spf),
        "dkim": list(preset.dkim),
        "pages": dict(preset.pages),
        "hint": preset.hint,
        "notes": list(preset.notes),
        "sources": list(preset.sources),
        "checked": "" if preset.checked == UNCHECKED else preset.checked,
    }
    return {name: value for name, value in fields.items() if name == "smtp" or value not in _NOTHING}


def endpoints_of(endpoints: tuple[Endpoint, ...]) -> list[dict[str, object]]:
    """Return servers as a record holds them."""
    return [{"host": each.host, "port": each.port, "encryption": each.security.value} for each in endpoints]


def limits_of(limits: Iterable[Limit]) -> list[dict[str, object]]:
    """Return limits as a record holds them."""
    return [_limit(each) for each in limits]


def _limit(limit: Limit) -> dict[str, object]:
    fields: dict[str, object] = {"unit": limit.unit.value, "count": limit.count}
    if limit.per is not None:
        fields["per"] = _span(limit.per)
    said = (("scope", limit.scope), ("source", limit.source))
    return fields | {name: text for name, text in said if text}


def _span(per: timedelta) -> str:
    seconds = int(per.total_seconds())
    unit, length = next((unit, length) for unit, length in _UNITS if seconds % length == 0)
    return f"{seconds // length}{unit}"


def _without_unused_parts(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record without the placeholders that no host names any more."""
    servers = [*record.get("smtp", []), *record.get("imap", [])]
    used = {name for each in servers for name in names_in(str(each.get("host", "")))}
    parts = {name: part for name, part in record.get("placeholders", {}).items() if name in used}
    kept = {name: value for name, value in record.items() if name != "placeholders"}
    return {**kept, "placeholders": parts} if parts else kept


def _written(path: Path, key: str, put: Callable[[dict[str, Any]], None]) -> Preset:
    def checked(tables: dict[str, Any]) -> Preset:
        put(tables)
        try:
            return parse_preset(key, tables[key], path=path, is_own=True)
        except FluenzrError as error:  # what was typed is wrong, not the file
            known = error.problem.facts
            raise failure(
                ProblemCode.SETTING_INVALID,
                Stage.USAGE,
                setting=str(known.get("field") or "KEY"),
                reason=str(known.get("reason", "")),
            ) from error

    return _rewrite(path, checked)


def _rewrite(path: Path, change: Callable[[dict[str, Any]], _Result]) -> _Result:
    def checked(tables: dict[str, Any]) -> _Result:
        parsed_own(tables, path)  # a file that cannot be used would take the change with it
        return change(tables)

    try:
        return toml_file.rewrite(path, checked, limit_bytes=OWN_LIMIT_BYTES)
    except toml_file.NotTomlError as error:
        raise not_toml(path, error) from error
