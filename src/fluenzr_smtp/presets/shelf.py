"""Records that are read when they are asked for.

The shipped catalogue holds over a hundred, and a message needs one: to read them all takes several times as
long as a login. The file is cut at its table headers; what it cuts is ours, and a test holds that the pieces
are what the whole is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from fluenzr_smtp.model import Preset

_HEADER = re.compile(r"^\[([a-z0-9-]+)\]$", re.MULTILINE)


class Shelf(Mapping[str, Preset]):
    """Presets by key, some of them not read yet.

    Args:
        records: The text of each record that is not read yet, in TOML.
        read: Makes a preset of a key and the text of its record.
        known: Presets that are there already; they replace records of the same key.
    """

    def __init__(
        self, records: Mapping[str, str], read: Callable[[str, str], Preset], known: Mapping[str, Preset]
    ) -> None:
        self._records = {key: text for key, text in records.items() if key not in known}
        self._read = read
        self._known = dict(known)
        self._keys = tuple({**records, **known})  # the order of the file, then what was added

    def __getitem__(self, key: str) -> Preset:
        """Return a preset; it is read now, if it was not before.

        Raises:
            KeyError: There is none.
            FluenzrError: ``preset-invalid``.
        """
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._read(key, self._records[key])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def naming(self, *words: str) -> tuple[str, ...]:
        """Return the keys of the records in whose text one of the words stands, and of those without text."""
        return tuple(
            key
            for key in self._keys
            if key not in self._records or any(word in self._records[key] for word in words)
        )


def records_of(text: str) -> dict[str, str]:
    """Cut a file of tables at their headers; comments in front of the first are left out."""
    parts = _HEADER.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
