"""The three things that ``send`` does with messages: show them, deliver them now, or take them on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fluenzr_smtp.app.post import LIFETIME
from fluenzr_smtp.cli.output import StdoutClosedError, StdoutFailedError, printable
from fluenzr_smtp.cli.send.bounced import sifted
from fluenzr_smtp.cli.send.documents import Sent, document, problems_of, status_of
from fluenzr_smtp.cli.send.lines import show
from fluenzr_smtp.cli.send.progress import Progress, Watched, progress_of, waiting
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import StoredAccount

if TYPE_CHECKING:
    from fluenzr_smtp.app.parcels import Parcel
    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.cli.send.request import Terms
    from fluenzr_smtp.delivery import Delivery


def deliver(run: Invocation, terms: Terms, stored: StoredAccount, parcels: Sequence[Parcel]) -> None:
    """Send the messages now or not at all."""
    progress = _progress(run, terms, parcels)
    wait = waiting(run, quiet=terms.quiet) if terms.wait else None
    post, sent = run.app.post, _Results(parcels)
    sift = sifted(run, terms, stored, parcels)
    for each in sift.refused:
        sent.add(each, is_kept=False)
    with progress.showing():
        watched = _watched(sift.going, progress)
        for delivery in post.send(
            stored, watched, timeout=terms.timeout, wait=wait, save_sent=terms.save_sent
        ):
            sent.add(
                sift.whole(delivery), is_kept=delivery.is_repeated
            )  # it may wait since it was first sent
            _count(progress, parcels)
    _end(run, terms, stored, sent.in_order())


def keep(run: Invocation, terms: Terms, stored: StoredAccount, parcels: Sequence[Parcel]) -> None:
    """Take the messages on, then try them unless only the queue was asked for."""
    post, sent = run.app.post, _Results(parcels)
    fresh: list[str] = []
    sift = sifted(run, terms, stored, parcels)
    for each in sift.refused:
        sent.add(each, is_kept=False)
    for parcel in sift.going:
        with _taking_back(run, fresh):
            taken = post.put(stored, parcel, lifetime=terms.lifetime or LIFETIME, save_sent=terms.save_sent)
        sent.add(sift.whole(taken), is_kept=True)
        if taken.record and not taken.is_repeated:
            fresh.append(taken.record)
    if fresh and not terms.queue_only:
        progress = _progress(run, terms, parcels)
        with progress.showing(), _on_the_disk(run):
            for delivery in post.deliver_queued(stored, fresh, timeout=terms.timeout):
                sent.add(sift.whole(delivery), is_kept=True)
                _count(progress, parcels)
    _end(run, terms, stored, sent.in_order())


@contextmanager
def _taking_back(run: Invocation, taken: Sequence[str]) -> Iterator[None]:
    """Keep all messages or none: a script that fails tries all of them again."""
    try:
        yield
    except FluenzrError:
        if taken:
            _take_back(run, taken)
        raise


def _take_back(run: Invocation, taken: Sequence[str]) -> None:
    try:
        run.app.outbox.cancel(taken)
    except FluenzrError:
        run.output.note(
            f"Perhaps in the outbox all the same: {', '.join(taken)}; 'fluenzr outbox list' tells."
        )


@contextmanager
def _on_the_disk(run: Invocation) -> Iterator[None]:
    """Whatever becomes of the first try, the messages are taken on: what failed is told, and no failure."""
    try:
        yield
    except KeyboardInterrupt:
        run.output.break_line()
        run.output.note("Interrupted; the messages are in the outbox, and tried by 'fluenzr outbox run'.")
    except FluenzrError as error:
        run.output.problem(error.problem)
        run.output.note("The messages are in the outbox; 'fluenzr outbox list' shows what became of them.")


def show_messages(run: Invocation, stored: StoredAccount, parcels: Sequence[Parcel]) -> None:
    """Print the messages as they would go out; nothing is sent and nothing kept."""
    texts = [each.submission.content.whole().decode("utf-8", "surrogateescape") for each in parcels]
    sent = [
        Sent(delivery=run.app.post.unsent(stored, each), content=_as_text(text))
        for each, text in zip(parcels, texts, strict=True)
    ]

    def show_all() -> None:
        for each, text in zip(parcels, texts, strict=True):
            recipients = ", ".join(map(printable, each.submission.envelope.recipients))
            run.output.note(f"Envelope: {printable(each.submission.envelope.mail_from)} -> {recipients}")
            run.output.raw(text.encode("utf-8", "surrogateescape"))

    run.end(document(stored.account.name, sent), show=show_all)


def _as_text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Results:
    """What became of each message, in the order in which they were asked for."""

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self._parcels = parcels
        self._sent: dict[str, list[Sent]] = {}

    def add(self, delivery: Delivery, *, is_kept: bool = False) -> None:
        """Note what became of a message; of a kept one the last that was heard counts."""
        told = self._sent.setdefault(delivery.submission.message_id, [])
        again = [each for each in told if each.delivery.record and each.delivery.record == delivery.record]
        sent = Sent(delivery=delivery, is_kept=is_kept, is_repeated=delivery.is_repeated)
        if again:
            told[told.index(again[0])] = sent
        else:
            told.append(sent)

    def in_order(self) -> list[Sent]:
        """Return the results; those of messages that bear one Message-ID in the order in which they came."""
        left = {message_id: list(told) for message_id, told in self._sent.items()}
        found: list[Sent] = []
        for parcel in self._parcels:
            told = left.get(parcel.submission.message_id)
            if told:
                found.append(told.pop(0))
        repeated = (sent for told in left.values() for sent in told)
        return [*found, *repeated]


def _progress(run: Invocation, terms: Terms, parcels: Sequence[Parcel]) -> Progress:
    size = parcels[0].submission.content.size_bytes if len(parcels) == 1 else 0
    return progress_of(run, messages=len(parcels), size_bytes=size, quiet=terms.quiet)


def _watched(parcels: Sequence[Parcel], progress: Progress) -> Iterable[Parcel]:
    if len(parcels) != 1 or not progress.is_shown:
        return parcels
    (parcel,) = parcels
    content = Watched(parcel.submission.content, progress.advance)
    return (replace(parcel, submission=replace(parcel.submission, content=content)),)


def _count(progress: Progress, parcels: Sequence[Parcel]) -> None:
    if len(parcels) > 1:
        progress.advance()


def _end(run: Invocation, terms: Terms, stored: StoredAccount, sent: Sequence[Sent]) -> None:
    problems = problems_of(sent)
    try:
        run.end(
            document(stored.account.name, sent),
            problems=problems,
            exit_status=status_of(problems),
            show=lambda: show(run, sent, quiet=terms.quiet),
        )
    except (StdoutFailedError, StdoutClosedError):
        for each in sent:
            if each.is_accepted:  # the status will not tell; somebody might send it again
                message_id = printable(each.delivery.submission.message_id)
                run.output.note(f"The server has accepted the message {message_id} all the same.")
        raise
