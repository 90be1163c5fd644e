"""Where an outbox is: database, contents and locks in one folder, and what all work on it needs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Clock
from fluenzr_smtp.outbox import lifecycle
from fluenzr_smtp.outbox.contents import Contents, DamagedError
from fluenzr_smtp.outbox.owners import Owners
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.state import Database, Record, State, Stored, Tables

BUSY_SECONDS = 10.0

_PREFIX = re.compile(r"[a-z2-7]{1,8}")


class Place:
    """The folder of an outbox. Nothing is created before the first write; threads may share it."""

    def __init__(self, folder: Path, *, clock: Clock, busy_seconds: float = BUSY_SECONDS) -> None:
        self._folder = folder
        self._clock = clock
        self._database = Database(folder / "outbox.sqlite", busy_seconds=busy_seconds)
        self._contents = Contents(folder)
        self._owners = Owners(folder / "owners")
        self._has_looked = False
        # What was begun and is written down only when it departs.
        self._fresh: dict[str, Record] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def exists(self) -> bool:
        """Say whether anything was ever put here."""
        return self._database.is_there

    def close(self) -> None:
        """Close the database. What is still claimed is that of a dead process from here on."""
        self._database.close()
        self._owners.close()
        self._has_looked = False

    @contextlib.contextmanager
    def _writing(self, *, is_durable: bool) -> Iterator[Tables]:
        if not self._has_looked:
            self._look()
        with self._database.transaction(is_durable=is_durable) as tables:
            yield tables

    def _look(self) -> None:
        """Look once for what an older database has left behind, before anything new is written."""
        with self._database.transaction(is_durable=True) as tables:
            if tables.is_new:
                self._adopt(tables)
                tables.is_new_no_more()
        self._has_looked = True

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Tables]:
        with self._database.reading() as tables:
            yield tables

    def _adopt(self, tables: Tables) -> None:
        """Write down, as in doubt, each message whose file an older database has left behind."""
        kept = tables.messages.kept()
        for each in (name for name in self._contents.ids() if name not in kept):
            try:
                stored = self._contents.described(each)
            except DamagedError:
                self._contents.set_aside(each)
                continue
            record = stored.record
            key = "" if tables.messages.of_key(record.account, record.key) else record.key
            tables.messages.add(lifecycle.adopted(stored, key=key, now=self._now()))

    def _now(self) -> datetime:
        return self._clock.now().astimezone(UTC)

    @staticmethod
    def _stored(tables: Tables, prefix: str) -> Stored:
        wanted = prefix.strip().lower()
        ids = tables.messages.ids_from(wanted) if _PREFIX.fullmatch(wanted) else ()
        found = tables.messages.get(ids[0]) if len(ids) == 1 else None
        if found is None:
            raise unknown(prefix)
        return found

    def _recovered(self, tables: Tables) -> list[Record]:
        """Put right what dead processes have left; return what is in doubt because of them."""
        doubtful = []
        for each in tables.messages.owned():
            if not self._owners.is_dead(each.owner):
                continue
            after = lifecycle.orphaned(each, now=self._now())
            self._write(tables, each, after)
            if after is not None and any(each.state is State.SENDING for each in each.record.recipients):
                doubtful.append(after.record)
        return doubtful

    @staticmethod
    def _write(tables: Tables, before: Stored, after: Stored | None) -> None:
        if after is None:
            tables.messages.remove(before.record.id)
        elif after is not before:
            tables.messages.save(after)


def has_let_go(before: Stored, after: Stored | None) -> bool:
    """Say whether the content of a message is needed no more."""
    return before.record.is_kept and (after is None or not after.record.is_kept)


def unknown(text: str) -> FluenzrError:
    """Return the failure of an id that stands for no message, or for more than one."""
    return failure(ProblemCode.OUTBOX_MESSAGE_UNKNOWN, Stage.USAGE, message=text)
