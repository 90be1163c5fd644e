"""A key slot as a document and as a person sees it; no key is in either."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.vault.unlocking import WAYS

if TYPE_CHECKING:
    from fluenzr_smtp.vault import Slot

SLOT = form.record(
    id=form.TEXT,
    kind=form.choice(*WAYS),
    label=form.TEXT,
    created=form.TIME,
    argon2id=form.nullable(form.record(memory_kib=form.INTEGER, passes=form.INTEGER, lanes=form.INTEGER)),
)

OPENED_BY = {
    "keyring": "the OS keyring",
    "passphrase": "a passphrase",
    "recovery": "a recovery code",
    "key": "a key of 256 bits",
}


def slot_record(slot: Slot) -> dict[str, object]:
    """Return a slot as a document shows it."""
    cost = getattr(slot.kdf, "cost", None)
    return {
        "id": slot.id,
        "kind": slot.kind,
        "label": slot.label,
        "created": slot.created,
        "argon2id": None
        if cost is None
        else {"memory_kib": cost.memory_kib, "passes": cost.passes, "lanes": cost.lanes},
    }


def slot_records(slots: Iterable[Slot]) -> list[dict[str, object]]:
    """Return slots as a document shows them."""
    return [slot_record(slot) for slot in slots]


def named(slot: Slot) -> str:
    """Return a slot in a few words: ``keyring 'laptop' (0123456789abcdef, since 2026-01-31)``."""
    label = f" '{slot.label}'" if slot.label else ""
    return f"{slot.kind}{label} ({slot.id}, since {day(slot.created)})"


def day(moment: object) -> str:
    """Return the day of a moment where the person is; empty for none."""
    from datetime import datetime

    return moment.astimezone().date().isoformat() if isinstance(moment, datetime) else ""


def show_slots(run: Invocation, slots: Iterable[Slot]) -> None:
    """Show slots as a table."""
    from fluenzr_smtp.cli.columns import columns

    rows = ((slot.id, OPENED_BY[slot.kind.value], slot.label or "-", day(slot.created)) for slot in slots)
    names = ("slot", "opens by", "label", "since")
    run.output.table(columns(names, rows, whole=frozenset({"slot", "since"})))
