"""Tag lists, ``v=DKIM1; k=rsa; p=…``: the form of DKIM, DMARC, MTA-STS and TLS-RPT (RFC 6376 §3.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WHITE_SPACE = " \t\r\n"
# VALCHAR and white space within: printable ASCII but for the semicolon.
_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e \t\r\n]*")


@dataclass(frozen=True, slots=True)
class RecordFault:
    """Why a record is not what it should be: ``reason`` is a fixed word, ``detail`` the part in question."""

    reason: str
    detail: str = ""


def parse_tags(text: str) -> Mapping[str, str] | RecordFault:
    """Return the tags of a record in their order, names as they are; the last semicolon may be there or not.

    Reasons of a fault: ``syntax``, ``duplicate-tag``.
    """
    parts = text.split(";")
    if len(parts) > 1 and not parts[-1].strip(_WHITE_SPACE):
        parts = parts[:-1]
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name, value = name.strip(_WHITE_SPACE), value.strip(_WHITE_SPACE)
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return RecordFault("syntax", part.strip())
        if name in found:
            return RecordFault("duplicate-tag", name)
        found[name] = value
    return found


def is_version(text: str, version: str) -> bool:
    """Say whether a TXT record begins with ``v=VERSION``, as a tag of its own, in exactly this case."""
    return re.match(rf"v[ \t]*=[ \t]*{re.escape(version)}[ \t]*(;|$)", text) is not None
