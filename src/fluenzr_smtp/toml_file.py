"""A person's settings file (TOML) is changed: comments, order, line ends and mode stay as they are.

The one home of tomlkit, which keeps them, and of tomli-w, which writes what tomlkit cannot place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from fluenzr_smtp import durable, files
from fluenzr_smtp.problems import ProblemCode, Stage

_LOCK_SECONDS = 10.0
_LONGEST_LIST = 100  # characters of texts on one line
_Result = TypeVar("_Result")


class NotTomlError(ValueError):
    """The content is not TOML, or would not be read again; the message says why, as ``files.read_toml``."""


def rewrite(path: Path, change: Callable[[dict[str, Any]], _Result], *, limit_bytes: int) -> _Result:
    """Let ``change`` change the tables of a file, durably; return what it returns.

    It is one step: what another process writes meanwhile is kept. Without a file there are no tables yet,
    and the new one is for its owner alone. A symbolic link stays one: the file that it names is replaced.

    Raises:
        NotTomlError: The present content is none, or the new one would not be; it is left as it is.
        FluenzrError: ``file-unreadable``, ``file-not-created``, ``file-not-written``, ``disk-full``.
    """
    target = Path(os.path.realpath(path))
    durable.ensure_private_dir(path.parent)
    lock = path.with_name(f"{path.name}.lock")
    busy = ProblemCode.FILE_NOT_WRITTEN
    with durable.lock(lock, timeout_seconds=_LOCK_SECONDS, code=busy, stage=Stage.CONFIGURATION):
        content = _content(path, limit_bytes)
        present, tables = _parsed(content), _parsed(content)
        result = change(tables)
        changed = _changed(content, present, tables)
        if len(changed) > limit_bytes:
            raise NotTomlError("too-big")
        if changed != content:
            durable.write_atomically(target, changed, mode=_mode(target))
    return result


def _content(path: Path, limit_bytes: int) -> bytes:
    try:
        return files.plain_content(path, limit_bytes)
    except FileNotFoundError:
        return b""


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        return files.parsed_toml(content)
    except ValueError as error:
        raise NotTomlError(str(error)) from error


def _mode(path: Path) -> int:
    """Return who may read the file: whoever may now, or its owner alone where there is none yet."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        return 0o600


def _changed(content: bytes, present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bytes:
    """Return the content with other tables; the tables count more than what is beside them.

    Raises:
        NotTomlError: It could not be read again.
    """
    try:
        return content if wanted == present else _rewritten(content, present, wanted)
    except RecursionError as error:  # writing goes deeper than reading
        raise NotTomlError("nested-too-deep") from error


def _rewritten(content: bytes, present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bytes:
    typed = content.decode("utf-8-sig")
    text = _placed(typed.replace("\r\n", "\n"), present, wanted)
    changed = _encoded(text, typed) if text is not None else b""
    if text is None or _is_other(changed, wanted):
        changed = _encoded(tomli_w.dumps(wanted), typed)
        _parsed(changed)  # a line may be too long
    return changed


def _encoded(text: str, typed: str) -> bytes:
    return (text.replace("\n", "\r\n") if "\r\n" in typed else text).encode("utf-8")


def _is_other(content: bytes, wanted: Mapping[str, Any]) -> bool:
    try:
        return files.parsed_toml(content) != wanted
    except ValueError:
        return True


def _placed(text: str, present: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Return the text with the changes in it; None where tomlkit knows no way."""
    try:
        document = tomlkit.parse(text)
        _bring(document, present, wanted)
        return tomlkit.dumps(document)
    except (TOMLKitError, RecursionError):
        return None


def _bring(table: Any, present: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:  # noqa: ANN401 - tomlkit's
    """Change what differs, and nothing else."""
    for name in [name for name in present if name not in wanted]:
        del table[name]
    for name, value in wanted.items():
        before = present.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            _bring(table[name], before, value)
        elif name not in present or before != value:
            table[name] = _item(value, is_section=_has_sections(table))


def _has_sections(table: Any) -> bool:  # noqa: ANN401 - tomlkit's
    """Say whether tables within this one have a line ``[name]`` of their own."""
    return isinstance(table, tomlkit.TOMLDocument) or (isinstance(table, Table) and table.is_super_table())


def _item(value: object, *, is_section: bool = False) -> Any:  # noqa: ANN401 - tomlkit's
    """Return a table in the form in which people write it, and a long list on lines of their own."""
    if isinstance(value, dict):
        return _section(value) if is_section else _inline(value)
    if isinstance(value, list) and (
        any(isinstance(each, dict) for each in value) or sum(len(str(each)) for each in value) > _LONGEST_LIST
    ):
        array = tomlkit.array()
        array.extend(_inline(each) if isinstance(each, dict) else each for each in value)
        return array.multiline(multiline=True)
    return value


def _section(fields: Mapping[str, object]) -> Any:  # noqa: ANN401 - tomlkit's
    has_tables_alone = bool(fields) and all(isinstance(each, dict) for each in fields.values())
    section = tomlkit.table(is_super_table=has_tables_alone)
    for name, value in fields.items():
        section[name] = _item(value, is_section=has_tables_alone)
    return section


def _inline(fields: Mapping[str, object]) -> Any:  # noqa: ANN401 - tomlkit's
    table = tomlkit.inline_table()
    for name, value in fields.items():
        table[name] = _inline(value) if isinstance(value, dict) else value
    return table
