"""How checks are told: line by line as they happen, as a waterfall, in full, and as records of a document."""

from __future__ import annotations

from fluenzr_smtp.cli.checks.bars import waterfall
from fluenzr_smtp.cli.checks.explained import panel
from fluenzr_smtp.cli.checks.lines import CheckLines
from fluenzr_smtp.cli.checks.marks import Mark, mark_of, worst
from fluenzr_smtp.cli.checks.records import CHECK, check_records, remedy_record
from fluenzr_smtp.cli.checks.words import described, encryption_name, remedy_told, told

__all__ = [
    "CHECK",
    "CheckLines",
    "Mark",
    "check_records",
    "described",
    "encryption_name",
    "mark_of",
    "panel",
    "remedy_record",
    "remedy_told",
    "told",
    "waterfall",
    "worst",
]
