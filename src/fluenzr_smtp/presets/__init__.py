"""The provider catalogue: the shipped presets and the user's own, found by key, domain, MX or host."""

from fluenzr_smtp.presets.catalog import PresetCatalog, read_own, shipped_path
from fluenzr_smtp.presets.filling import (
    filled,
    filled_like,
    is_filled,
    missing_parts,
    needs_domain,
    read_value,
)
from fluenzr_smtp.presets.hosts import is_loopback
from fluenzr_smtp.presets.records import MANDATORY, UNCHECKED, parse_preset

__all__ = [
    "MANDATORY",
    "UNCHECKED",
    "PresetCatalog",
    "filled",
    "filled_like",
    "is_filled",
    "is_loopback",
    "missing_parts",
    "needs_domain",
    "parse_preset",
    "read_own",
    "read_value",
    "shipped_path",
]
