"""What was typed after ``send``, and what of it contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.problems import ProblemCode, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The texts in which variables are filled in."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    from_name: str | None = None
    subject: str | None = None
    body: str | None = None
    html: str | None = None
    attach: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    in_reply_to: str | None = None
    list_unsubscribe: tuple[str, ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How it is to be sent."""

    queue: bool
    queue_only: bool
    wait: bool
    save_sent: bool
    respect_bounces: bool
    dry_run: bool
    quiet: bool
    timeout: float
    lifetime: timedelta | None

    @property
    def is_kept(self) -> bool:
        """Say whether the outbox takes the message on."""
        return self.queue or self.queue_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was typed."""

    wording: Wording
    body_file: str | None
    html_file: str | None
    priority: str
    date: str | None
    variables: tuple[str, ...]
    each: str | None
    raw: tuple[str, ...]
    from_header: bool
    terms: Terms

    @property
    def is_ready_made(self) -> bool:
        """Say whether the message is given whole."""
        return bool(self.raw) or self.from_header

    @property
    def composed_options(self) -> tuple[str, ...]:
        """The options used that only make sense for a message that is still to be made."""
        said = self.wording
        used = {
            "--subject": said.subject,
            "--body": said.body,
            "--body-file": self.body_file,
            "--html": said.html,
            "--html-file": self.html_file,
            "--from-name": said.from_name,
            "--reply-to": said.reply_to or None,
            "--attach": said.attach or None,
            "--inline": said.inline or None,
            "--header": said.header or None,
            "--in-reply-to": said.in_reply_to,
            "--list-unsubscribe": said.list_unsubscribe or None,
            "--date": self.date,
            "--priority": None if self.priority == "normal" else self.priority,
            "--var": self.variables or None,
            "--each": self.each,
        }
        return tuple(option for option, value in used.items() if value is not None)

    @property
    def readers(self) -> tuple[str, ...]:
        """What takes its content from standard input, which can be read once."""
        said = self.wording
        files = [("--body-file", self.body_file), ("--html-file", self.html_file), ("--each", self.each)]
        files += [("--attach", each) for each in said.attach]
        files += [("--inline", each.partition("=")[2]) for each in said.inline]
        files += [("--raw", each) for each in self.raw]
        named = tuple(option for option, file in files if file == "-")
        has_text = any(each is not None for each in (said.body, self.body_file, said.html, self.html_file))
        if has_text or self.raw:
            return named
        return (*named, "the message" if self.from_header else "the text")

    def require_sense(self) -> None:
        """Refuse what contradicts itself, before anything is opened or read.

        Raises:
            FluenzrError: ``usage-invalid``.
        """
        for reason in self._contradictions():
            raise contradiction(reason)

    def _contradictions(self) -> tuple[str, ...]:
        said, terms = self.wording, self.terms
        found: list[str] = []
        if self.is_ready_made and self.composed_options:
            ready = "--raw" if self.raw else "-t"
            found.append(f"{ready} is a ready-made message and excludes {self.composed_options[0]}")
        pairs = (
            ("--body", said.body, "--body-file", self.body_file),
            ("--html", said.html, "--html-file", self.html_file),
            ("--queue", terms.is_kept or None, "--wait", terms.wait or None),
            ("--queue", terms.is_kept or None, "--dry-run", terms.dry_run or None),
        )
        for one, first, other, second in pairs:
            if first is not None and second is not None:
                found.append(f"{one} and {other} exclude each other")
        if terms.lifetime is not None and not terms.is_kept:
            found.append("--give-up is for messages that are kept: it needs --queue")
        if said.inline and said.html is None and self.html_file is None and not self.is_ready_made:
            found.append("--inline is for pictures in HTML: it needs --html or --html-file")
        if len(self.readers) > 1:
            found.append(f"standard input can be read once, not for {' and '.join(self.readers)}")
        if said.key and (len(self.raw) > 1 or (self.each and "{{" not in said.key)):
            found.append("--key names one message; with --each it has to hold a variable, such as '{{id}}'")
        return tuple(found)

    def with_wording(self, **changed: object) -> Request:
        """Return the request with other texts."""
        return replace(self, wording=replace(self.wording, **changed))  # type: ignore[arg-type]


def contradiction(reason: str) -> FluenzrError:
    """Build the error for options that do not go together."""
    return failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
