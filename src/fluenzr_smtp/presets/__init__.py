"""The provider catalogue: the shipped presets and the user's own, found by key, domain, MX or host."""

from fluenzr_smtp.presets.catalog import PresetCatalog, read_presets, shipped_path
from fluenzr_smtp.presets.records import MANDATORY, UNCHECKED, is_loopback, parse_preset

__all__ = [
    "MANDATORY",
    "UNCHECKED",
    "PresetCatalog",
    "is_loopback",
    "parse_preset",
    "read_presets",
    "shipped_path",
]
