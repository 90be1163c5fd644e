"""The user's choices in config.toml. Not a place for secrets, nor for anything of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fluenzr_smtp import files
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage

_LIMIT_BYTES = 65_536  # a few choices; what others may add is small as well
_NUMBERS = frozenset({"secret_max_age_days"})
_OAUTH = "oauth"
_OAUTH_PARTS = ("client_id", "tenant")

#: The choices that stand for themselves, not below a provider's name.
PLAIN = ("default_account", "language", "secret_max_age_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthChoice:
    """The user's registration at a provider; the secret of a client is in the vault."""

    client_id: str | None = None
    tenant: str | None = None


def _none_chosen() -> Mapping[str, OAuthChoice]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the user chose; None where nothing was.

    ``language`` is a tag such as ``en`` or ``pt-BR``; ``secret_max_age_days``, above zero, from when on a
    password is old. ``oauth`` has the registrations by the name of the provider, or the host of the issuer.
    """

    default_account: str | None = None
    language: str | None = None
    secret_max_age_days: int | None = None
    oauth: Mapping[str, OAuthChoice] = field(default_factory=_none_chosen)


def load(path: Path) -> Config:
    """Read the choices; without a file there are none. Keys that are not known are left alone.

    Raises:
        FluenzrError: ``config-invalid``, ``file-unreadable``.
    """
    return _chosen(path, _document(path))


def change(path: Path, make: Callable[[Config], Config]) -> Config:
    """Let ``make`` make other choices of the present ones, and write them durably; return them.

    What else is in the file stays, its comments too, and what another process chooses meanwhile.

    Raises:
        FluenzrError: ``config-invalid`` where the present file cannot be read (it is left as it is);
            ``file-unreadable``, ``file-not-created``, ``file-not-written``, ``disk-full``.
    """
    from fluenzr_smtp import toml_file

    def put(tables: dict[str, Any]) -> Config:
        chosen = make(_chosen(path, tables))
        _put(tables, {name: getattr(chosen, name) for name in PLAIN})
        _put(tables, {_OAUTH: _oauth_written(tables.get(_OAUTH, {}), chosen.oauth)})
        return chosen

    try:
        return toml_file.rewrite(path, put, limit_bytes=_LIMIT_BYTES)
    except toml_file.NotTomlError as error:
        raise _invalid(path, str(error)) from error


def _chosen(path: Path, tables: Mapping[str, Any]) -> Config:
    known = {name: tables.get(name) for name in PLAIN}
    _require_sound(path, known)
    return Config(**known, oauth=_oauth(path, tables.get(_OAUTH, {})))


def _put(table: dict[str, Any], values: Mapping[str, object]) -> None:
    """Set the values; None and an empty table mean that there is none."""
    for name, value in values.items():
        if value in (None, {}):
            table.pop(name, None)
        else:
            table[name] = value


def _oauth(path: Path, document: object) -> Mapping[str, OAuthChoice]:
    if not isinstance(document, dict):
        raise _invalid(path, "not-a-table", key=_OAUTH)
    found: dict[str, OAuthChoice] = {}
    for name, table in document.items():
        if not isinstance(table, dict):
            raise _invalid(path, "not-a-table", key=f"{_OAUTH}.{name}")
        known = {part: table.get(part) for part in _OAUTH_PARTS}
        _require_sound(path, known, below=f"{_OAUTH}.{name}.")
        found[name] = OAuthChoice(**known)
    return MappingProxyType(found)


def _oauth_written(present: Mapping[str, Any], chosen: Mapping[str, OAuthChoice]) -> dict[str, Any]:
    """Return the tables of the registrations; what else stands in them is kept."""
    tables: dict[str, Any] = {}
    for name in dict.fromkeys((*present, *chosen)):
        choice = chosen.get(name, OAuthChoice())
        table = dict(present.get(name, {}))
        _put(table, {part: getattr(choice, part) for part in _OAUTH_PARTS})
        _put(tables, {name: table})
    return tables


def _require_sound(path: Path, known: Mapping[str, object], *, below: str = "") -> None:
    for key, value in known.items():
        reason = None if value is None else _fault(key, value)
        if reason is not None:
            raise _invalid(path, reason, key=f"{below}{key}")


def _fault(key: str, value: object) -> str | None:
    if key not in _NUMBERS:
        return None if type(value) is str else "not-a-text"
    if type(value) is not int:  # bool passes for int
        return "not-a-number"
    return None if value > 0 else "not-positive"


def _document(path: Path) -> dict[str, Any]:
    try:
        return files.read_toml(path, limit_bytes=_LIMIT_BYTES)
    except FileNotFoundError:
        return {}
    except ValueError as error:  # not TOML, or a number beyond bounds
        raise _invalid(path, str(error)) from error


def _invalid(path: Path, reason: str, *, key: str | None = None) -> FluenzrError:
    facts = {} if key is None else {"key": key}
    return failure(
        ProblemCode.CONFIG_INVALID, Stage.CONFIGURATION, None, path=str(path), reason=reason, **facts
    )
