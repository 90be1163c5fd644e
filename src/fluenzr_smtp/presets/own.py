"""Writing the user's own presets: one record is added, changed or taken out, the rest stays as it was typed.

The one home of tomlkit, which keeps comments and order.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from fluenzr_smtp import durable
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Endpoint, Limit, Preset
from fluenzr_smtp.presets.catalog import read_own, require_readable
from fluenzr_smtp.presets.hosts import names_in
from fluenzr_smtp.presets.place import Place
from fluenzr_smtp.presets.records import UNCHECKED, parse_preset
from fluenzr_smtp.problems import ProblemCode, Stage

_LOCK_SECONDS = 10.0
_LONGEST_LIST = 100  # characters of texts on one line
_NOTHING: tuple[object, ...] = ("", [], {}, False)
_Result = TypeVar("_Result")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def add(path: Path, key: str, fields: Mapping[str, object]) -> Preset:
    """Add a record, durably.

    Raises:
        FluenzrError: ``preset-exists``; ``setting-invalid`` of the new record; ``preset-invalid`` of the
            file, which is left as it is. ``file-…``, ``disk-full``.
    """

    def put(document: tomlkit.TOMLDocument) -> None:
        if key in document:
            raise failure(ProblemCode.PRESET_EXISTS, Stage.USAGE, key=key)
        document[key] = _filled(tomlkit.table(), fields)

    return _written(path, key, put)


def change(path: Path, key: str, fields: Mapping[str, object], *, base: Preset) -> Preset:
    """Change fields of a record, durably; where there is none of this key, ``base`` becomes one.

    Raises:
        FluenzrError: As ``add``.
    """

    def put(document: tomlkit.TOMLDocument) -> None:
        found = document.get(key)
        table = found if isinstance(found, Table) else _filled(tomlkit.table(), record_of(base))
        document[key] = _without_unused_parts(_filled(table, fields))

    return _written(path, key, put)


def remove(path: Path, key: str) -> None:
    """Take a record out, durably.

    Raises:
        FluenzrError: ``preset-unknown`` where it is none of the user's own; as ``add``.
    """
    if key not in read_own(path):
        raise failure(ProblemCode.PRESET_UNKNOWN, Stage.USAGE, key=key, near=())

    def take(document: tomlkit.TOMLDocument) -> None:
        if key in document:  # another process may have been quicker
            document.remove(key)

    _rewrite(path, take)


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


def _filled(table: Table, fields: Mapping[str, object]) -> Table:
    for name, value in fields.items():
        table[name] = _item(value)
    return table


def _without_unused_parts(table: Table) -> Table:
    """Take out the placeholders that no host names any more."""
    parts = table.get("placeholders")
    if parts is None:
        return table
    servers = [*table.get("smtp", []), *table.get("imap", [])]
    used = {name for each in servers for name in names_in(str(each.get("host", "")))}
    for name in set(parts) - used:
        del parts[name]
    if not parts:
        del table["placeholders"]
    return table


def _item(value: object) -> object:
    """Return tables, and texts that are many, on lines of their own, tables within one; the rest as it is."""
    if isinstance(value, list) and (
        any(isinstance(each, dict) for each in value) or sum(map(len, value)) > _LONGEST_LIST
    ):
        array = tomlkit.array()
        array.extend(_inline(each) if isinstance(each, dict) else each for each in value)
        return array.multiline(multiline=True)
    return _inline(value) if isinstance(value, dict) else value


def _inline(fields: Mapping[str, object]) -> object:
    table = tomlkit.inline_table()
    for name, value in fields.items():
        table[name] = _inline(value) if isinstance(value, dict) else value
    return table


def _written(path: Path, key: str, put: Callable[[tomlkit.TOMLDocument], None]) -> Preset:
    def checked(document: tomlkit.TOMLDocument) -> Preset:
        put(document)
        try:
            return parse_preset(key, document[key].unwrap(), path=path, is_own=True)
        except FluenzrError as error:  # what was typed is wrong, not the file
            known = error.problem.facts
            raise failure(
                ProblemCode.SETTING_INVALID,
                Stage.USAGE,
                setting=str(known.get("field") or "KEY"),
                reason=str(known.get("reason", "")),
            ) from error

    return _rewrite(path, checked)


def _rewrite(path: Path, change: Callable[[tomlkit.TOMLDocument], _Result]) -> _Result:
    """Change the file as one step: what another process adds meanwhile is kept. A link stays one."""
    target = Path(os.path.realpath(path))
    durable.ensure_private_dir(path.parent)
    lock = path.with_name(f"{path.name}.lock")
    busy = ProblemCode.FILE_NOT_WRITTEN
    with durable.lock(lock, timeout_seconds=_LOCK_SECONDS, code=busy, stage=Stage.CONFIGURATION):
        read_own(path)  # it must be a good one, or the change would be lost with it
        typed = _typed(path)
        document = _document(path, typed.replace("\r\n", "\n"))
        result = change(document)
        text = tomlkit.dumps(document)
        content = (text.replace("\n", "\r\n") if "\r\n" in typed else text).encode("utf-8")
        require_readable(content, path)
        durable.write_atomically(target, content, mode=_mode(target))
    return result


def _typed(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""


def _mode(path: Path) -> int:
    """Return who may read the file: whoever may now, or its owner alone where there is none yet."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        return 0o600


def _document(path: Path, typed: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(typed)
    except TOMLKitError as error:
        raise Place(path=path).invalid("not-toml", detail=str(error)) from error
