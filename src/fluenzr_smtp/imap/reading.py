"""Reading what came in: new messages from a UID on, their headers in batches, the beginning of a body.

Nothing in the mailbox changes, and nothing is held whole: every answer is bounded, whatever the server says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap.mailboxes import listed
from fluenzr_smtp.imap.session import Folder, IMAPSession
from fluenzr_smtp.problems import ProblemCode, Stage

HEADER_BYTES = 16 * 1024
BATCH = 50
_BATCH_BYTES = BATCH * (HEADER_BYTES + 2048)
_WINDOW = 5000  # messages of one search: its answer is one line
_MOST_WINDOWS = 400
_PIECE_BYTES = 128 * 1024
_LAST_UID = 2**32 - 1  # RFC 9051 §2.3.1.1
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_ROOM_BYTES = 64 * 1024  # for what a server says beside the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message as the server lists it. ``received`` is its INTERNALDATE, aware."""

    uid: int
    received: datetime
    size_bytes: int
    header: bytes


class ReadingSession(IMAPSession):
    """A session that reads the messages of one folder at a time."""

    _folder: Folder | None = None
    _has_idle = True

    def examine(self, name: str = "INBOX") -> Folder:
        """Open a folder read-only. As ``IMAPSession.examine``."""
        self._folder = super().examine(name)
        return self._folder

    def folder_names(self) -> tuple[str, ...]:
        """Return the names of the folders, for somebody who has named another.

        Raises:
            FluenzrError: as ``examine``.
        """
        client = self._opened(Stage.MAILBOX, budget=_BATCH_BYTES)
        with self._mapped(Stage.MAILBOX):
            return tuple(each.name for each in listed(client.listed()[2]))

    def uids(
        self, *, first_uid: int = 1, since: date | None = None, before: date | None = None
    ) -> tuple[int, ...]:
        """Return the UIDs in the open folder from one on that came in since a day, ascending.

        They are asked for window by window, the newest first, so that no answer is too long.

        Raises:
            FluenzrError: as ``examine``.
        """
        criteria: list[object] = ["UID", f"{first_uid}:*"]
        criteria += ["SINCE", since] if since else []
        criteria += ["BEFORE", before] if before else []
        found: set[int] = set()
        for window in self._windows(first_uid):
            hits = {uid for uid in self._hits([*window, *criteria]) if uid >= first_uid}
            if not hits and since is None:  # UIDs ascend (RFC 9051 §2.3.1.1): older ones are smaller
                break
            found |= hits
        return tuple(sorted(found))

    def _windows(self, first_uid: int) -> Iterator[tuple[str, ...]]:
        """Yield what keeps a search to some messages; nothing where few can be found.

        For some servers take the numbers of messages for UIDs there.
        """
        told = self._folder.uid_next if self._folder is not None else None
        is_near = told is not None and self._exists < told <= first_uid + _WINDOW
        if self._exists <= _WINDOW or is_near:
            yield ()
            return
        for number in range(_MOST_WINDOWS):
            high = self._exists - number * _WINDOW
            if high < 1:
                return
            yield (f"{max(1, high - _WINDOW + 1)}:{high}",)

    def _hits(self, criteria: Sequence[object]) -> list[int]:
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX):
            return [uid for each in client.search(criteria) if 0 < (uid := int(each)) <= _LAST_UID]

    def arrived(self, uids: Iterable[int], fields: Sequence[str]) -> Iterator[Arrived]:
        """Yield the messages with these fields of their headers, in batches; what has gone is left out.

        Raises:
            FluenzrError: as ``examine``.
        """
        waiting = tuple(uids)
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            part = f"BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})]<0.{HEADER_BYTES}>"
            answer = self._readable(batch, part)
            yield from (_arrived(uid, answer[uid]) for uid in batch if uid in answer)

    def _readable(self, batch: Sequence[int], part: str) -> Mapping[int, Mapping[bytes, object]]:
        """Return what the server can read of a batch: one damaged message may make it refuse all of them."""
        try:
            return self._fetched(batch, part)
        except FluenzrError as error:
            if not is_refusal(error):
                raise
            if len(batch) == 1:
                return {}
            half = len(batch) // 2
            return {**self._readable(batch[:half], part), **self._readable(batch[half:], part)}

    def _fetched(self, batch: Sequence[int], part: str) -> Mapping[int, Mapping[bytes, object]]:
        client = self._opened(Stage.MAILBOX, budget=_BATCH_BYTES)
        with self._mapped(Stage.MAILBOX):
            answer = client.fetch(batch, ["INTERNALDATE", "RFC822.SIZE", part])
            return {uid: data for uid, data in answer.items() if uid in set(batch)}

    def pieces(self, uid: int, *, most_bytes: int | None = None) -> Iterator[bytes]:
        """Yield a message from its first octet on, piece by piece; nothing where it has gone.

        Raises:
            FluenzrError: as ``examine``.
        """
        read = 0
        while most_bytes is None or read < most_bytes:
            size = _PIECE_BYTES if most_bytes is None else min(_PIECE_BYTES, most_bytes - read)
            piece = self._piece(uid, read, size)
            read += len(piece)
            if piece:
                yield piece
            if len(piece) < size:
                return

    def _piece(self, uid: int, start: int, size: int) -> bytes:
        client = self._opened(Stage.MAILBOX, budget=size + _ROOM_BYTES)
        with self._mapped(Stage.MAILBOX):
            answer = client.fetch([uid], [f"BODY.PEEK[]<{start}.{size}>"]).get(uid, {})
            return _octets(answer, b"BODY[]")[:size]

    @property
    def can_idle(self) -> bool:
        """Say whether the server announces news by itself (RFC 2177)."""
        is_told = self._client is not None and bool(self._client.has_capability("IDLE"))
        return self._has_idle and is_told

    def news_within(self, seconds: float) -> bool:
        """Wait for news of the open folder (IDLE, RFC 2177); say whether there are any.

        Without IDLE, also where it is announced and refused, the server is asked once when the time is over.
        Ask for no more than 29 minutes.

        Raises:
            FluenzrError: ``reply-…``, ``connection-lost``.
        """
        client = self._opened(Stage.IDLE)
        with self._mapped(Stage.IDLE):
            if self.can_idle:
                self._has_idle, has_news = client.idled_until(seconds)
                if self._has_idle:
                    return has_news
            self._clock.sleep(seconds)
            self._wire.begin(Stage.IDLE)
            client.noop()
            return True


def is_refusal(error: FluenzrError) -> bool:
    """Say whether the server refused a message, or some, and the connection stands."""
    return error.problem.code in {ProblemCode.MAILBOX_UNREADABLE, ProblemCode.COMMAND_REFUSED}


def _arrived(uid: int, data: Mapping[bytes, object]) -> Arrived:
    received, size = data.get(b"INTERNALDATE"), data.get(b"RFC822.SIZE")
    return Arrived(
        uid=uid,
        received=_moment(received),
        size_bytes=size if isinstance(size, int) else 0,
        header=_octets(data, b"BODY[HEADER.FIELDS"),
    )


def _moment(value: object) -> datetime:
    try:
        return value.astimezone(UTC) if isinstance(value, datetime) else _UNKNOWN
    except (OverflowError, ValueError, OSError):  # of the year 1, and the like
        return _UNKNOWN


def _octets(data: Mapping[bytes, object], name: bytes) -> bytes:
    found = next((value for key, value in data.items() if key.startswith(name)), b"")
    return found if isinstance(found, bytes) else b""
