"""The catalogue of providers: the shipped presets and the user's own, found by key, domain, MX or host.

This module looks nothing up on the network and chooses nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluenzr_smtp import files
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Preset
from fluenzr_smtp.presets.filling import filled_like, has_host
from fluenzr_smtp.presets.hosts import is_loopback
from fluenzr_smtp.presets.place import Place
from fluenzr_smtp.presets.records import LONGEST_KEY, parse_preset
from fluenzr_smtp.presets.shelf import Shelf, records_of
from fluenzr_smtp.problems import ProblemCode, Stage

OWN_LIMIT_BYTES = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetCatalog:
    """The presets in the order of the file: the shipped ones first, then what the user added."""

    presets: Shelf

    @classmethod
    def of(cls, *presets: Preset) -> PresetCatalog:
        """Return a catalogue of these presets alone."""
        return cls(presets=Shelf({}, _unread, {each.key: each for each in presets}))

    @classmethod
    def load(cls, *, own: Path | None) -> PresetCatalog:
        """Read the shipped catalogue and the user's own file over it.

        A record of ``own`` replaces the shipped one of the same key as a whole. A file that is not there
        adds nothing.

        Raises:
            FluenzrError: ``preset-invalid`` (facts ``path``, ``preset``, ``field``, ``reason``, ``detail``),
                ``file-unreadable``.
        """
        added = read_own(own) if own is not None else {}
        return cls(presets=_shipped(shipped_path(), added))

    def get(self, key: str) -> Preset:
        """Return the preset of a key, in any case.

        Raises:
            FluenzrError: ``preset-unknown`` with the facts ``key`` and ``near``, the keys that may be meant.
        """
        found = self.presets.get(key.casefold())
        if found is None:
            raise failure(ProblemCode.PRESET_UNKNOWN, Stage.USAGE, key=key, near=self._near(key))
        return found

    def for_domain(self, domain: str) -> Preset | None:
        """Return the preset that names exactly this mail domain; the user's own go first."""
        wanted = domain.casefold().rstrip(".")
        near = self._naming(wanted)
        return next((preset for preset in near if wanted in preset.domains), None)

    def for_mx(self, hosts: Iterable[str]) -> tuple[Preset, ...]:
        """Return the presets to one of whose MX suffixes one of the hosts belongs; the user's own go first.

        Several products of a provider may share their MX hosts: all of them are returned. Of the shipped ones
        only those with the longest suffix count for a host: mail of AOL goes to hosts of Yahoo.
        """
        names = [host.casefold().rstrip(".") for host in hosts]
        presets = self._own_first()
        longest = [
            max((_reach(each, name) for each in presets if not each.is_own), default=0) for name in names
        ]
        return tuple(
            preset
            for preset in presets
            if any(
                (reach := _reach(preset, name)) and (preset.is_own or reach == most)
                for name, most in zip(names, longest, strict=True)
            )
        )

    def for_host(self, host: str) -> Preset | None:
        """Return the one preset that has this host among its servers; an own one goes before shipped ones.

        Placeholders in its hosts are completed as this host has them. None where several presets share the
        host, and for loopback: what answers there may be anything.
        """
        wanted = host.casefold().rstrip(".")
        if is_loopback(wanted):
            return None
        found = [each for each in self._naming(wanted, "placeholders") if has_host(each, wanted)]
        own = [each for each in found if each.is_own] or found
        return filled_like(own[0], (wanted,)) if len(own) == 1 else None

    def knows(self, host: str) -> bool:
        """Say whether this is a server of a preset, however many share it; this computer is nobody's."""
        wanted = host.casefold().rstrip(".")
        near = self._naming(wanted, "placeholders")
        return not is_loopback(wanted) and any(has_host(each, wanted) for each in near)

    def _own_first(self) -> list[Preset]:
        return sorted(self.presets.values(), key=lambda preset: not preset.is_own)

    def _naming(self, *words: str) -> list[Preset]:
        """Return the presets in whose records one of the words is to be read; the own ones go first."""
        found = [self.presets[key] for key in self.presets.naming(*words)]
        return sorted(found, key=lambda preset: not preset.is_own)

    def _near(self, key: str) -> tuple[str, ...]:
        """Return at most three keys: of the domain named, of a like spelling, of a name that has the word."""
        word = key.strip().casefold()[:LONGEST_KEY]
        at_home = self.for_domain(word.rpartition("@")[2])
        keys = [at_home.key] if at_home else []
        keys += difflib.get_close_matches(word, self.presets)
        keys += [each.key for each in self.presets.values() if len(word) > 2 and word in each.name.casefold()]
        return tuple(dict.fromkeys(keys))[:3]


def _shipped(path: Path, added: Mapping[str, Preset]) -> Shelf:
    """Return the shipped records, each of which is read when it is asked for, and the added ones over them.

    Raises:
        FluenzrError: ``file-unreadable``.
    """

    def read(key: str, record: str) -> Preset:
        import tomllib

        return parse_preset(key, tomllib.loads(record), path=path, is_own=False)

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise failure(
            ProblemCode.FILE_UNREADABLE, Stage.CONFIGURATION, path=str(path), reason=error.strerror
        ) from error
    return Shelf(records_of(text), read, added)


def _unread(key: str, _record: str) -> Preset:
    raise KeyError(key)


def shipped_path() -> Path:
    """Return where the shipped catalogue lies: inside the package, or at the top of a source tree."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "presets.toml"
    return inside if inside.is_file() else package.parents[1] / "presets.toml"


def _reach(preset: Preset, host: str) -> int:
    """Return the length of the longest MX suffix that the host ends with on a label's border, else 0."""
    return max((len(each) for each in preset.mx if f".{host}".endswith(f".{each}")), default=0)


def read_own(path: Path) -> Mapping[str, Preset]:
    """Read the user's own presets, in the order of the file; where there is none, there are none.

    Raises:
        FluenzrError: ``preset-invalid``, ``file-unreadable``.
    """
    try:
        tables = files.read_toml(path, limit_bytes=OWN_LIMIT_BYTES)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise not_toml(path, error) from error
    return parsed_own(tables, path)


def parsed_own(tables: Mapping[str, Any], path: Path) -> Mapping[str, Preset]:
    """Return the presets that the tables of the user's file hold.

    Raises:
        FluenzrError: ``preset-invalid``.
    """
    return {key: parse_preset(key, record, path=path, is_own=True) for key, record in tables.items()}


def not_toml(path: Path, error: ValueError) -> FluenzrError:
    """Build the error of a file that is not TOML, or would not be."""
    return Place(path=path).invalid("not-toml", detail=str(error))
