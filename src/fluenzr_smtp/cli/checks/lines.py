"""Checks line by line as they happen: a tree with a chain for each server, its time below it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.checks.bars import waterfall
from fluenzr_smtp.cli.checks.explained import panels
from fluenzr_smtp.cli.checks.look import Look
from fluenzr_smtp.cli.checks.marks import Chain, Mark, chain_of, mark_of
from fluenzr_smtp.cli.checks.words import heading, summed, told
from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.cli.output import printable
from fluenzr_smtp.model import Account, Check, Protocol
from fluenzr_smtp.problems import Stage

if TYPE_CHECKING:
    from fluenzr_smtp.messages import Catalogue

_BOLD = "1"
_BRANCH, _END = ("├─ ", "|- "), ("└─ ", "`- ")
_STAGE_COLUMNS = 13
_TIME_COLUMNS = 9
_WORD_COLUMNS = 6


class CheckLines:
    """Shows checks one by one, each chain under a heading of its own. Says nothing with ``--json``."""

    def __init__(self, run: Invocation) -> None:
        self._output = run.output
        self._look = Look.of(run.output)
        self._chain: Chain | None = None
        self._elapsed = timedelta()
        self._mark = Mark.OK
        self._last: tuple[Protocol, Stage] | None = None

    def account(self, account: Account) -> None:
        """Show whose checks follow."""
        name = "" if account.name == account.address else f" ({account.name})"
        self.heading(account.address + name)

    def heading(self, text: str) -> None:
        """Show what follows; a chain that is open ends here."""
        self.close()
        self._output.line(self._look.painted(self._look.fitted(printable(text), self._look.width), _BOLD))

    def show(self, check: Check) -> None:
        """Show one check."""
        self._last = (check.protocol, check.stage) if check.ok else None
        if self._output.json:
            return
        if chain_of(check) != self._chain:
            self.close()
            title = heading(check, self._output.catalogue)
            self._output.line(self._look.fitted(title, self._look.width))
            self._chain = chain_of(check)
        self._elapsed += check.elapsed
        self._mark = max(self._mark, mark_of(check), key=list(Mark).index)
        is_last = check.stage is Stage.ARRIVAL  # waiting is no part of a server's time
        self.row(
            mark_of(check), check.stage, check.elapsed, told(check, self._output.catalogue), is_last=is_last
        )
        if is_last:
            self._forget()

    def row(
        self, mark: Mark, name: str, elapsed: timedelta | None, text: str, *, is_last: bool = False
    ) -> None:
        """Show one line: the mark, what it is about, how long it took, what is known. Never wrapped."""
        if not self._output.json:
            line = check_line(
                mark,
                name,
                elapsed,
                text,
                look=self._look,
                catalogue=self._output.catalogue,
                is_last=is_last,
            )
            self._output.line(line)

    def close(self) -> None:
        """End the chain that is open with the time it took."""
        if self._chain is not None:
            total = self._output.catalogue.label("total")
            self.row(self._mark, total, self._elapsed, "", is_last=True)
            self._forget()

    def end(self, account: Account) -> None:
        """Say what was left out, and why; the chain that is open ends here."""
        reached = self._last
        if reached == (Protocol.IMAP, Stage.CAPABILITIES) and account.username is not None:
            self._leave_out("login_left_out")
        self._last = None
        self.close()
        if account.imap is None and not self._output.json:
            self._output.line(printable(self._output.catalogue.label("imap_none")))

    def summary(self, checks: Iterable[Check]) -> None:
        """Show the time as a waterfall, what the checks ended in, why and what to do, and the sum."""
        self.close()
        known = tuple(checks)
        if self._output.json or not known:
            return
        self._output.line()
        waterfall(self._output, known)
        panels(self._output, known)
        self._output.line()
        label = self._output.catalogue.label
        said = (summed(known, self._output.catalogue), label("nothing_sent"))
        self._output.line(self._look.fitted("  ".join(map(printable, said)), self._look.width))

    def _leave_out(self, label: str) -> None:
        if not self._output.json:
            said = (self._output.catalogue.label(each) for each in ("left_out", label))
            line = f"{_BRANCH[not self._look.is_unicode]}{'  '.join(said)}"
            self._output.line(self._look.fitted(line, self._look.width))

    def _forget(self) -> None:
        self._chain, self._elapsed, self._mark = None, timedelta(), Mark.OK


def check_line(
    mark: Mark,
    name: str,
    elapsed: timedelta | None,
    text: str,
    *,
    look: Look,
    catalogue: Catalogue,
    is_last: bool = False,
) -> str:
    """Return one line of the tree, cut to the width; the mark has a word beside its sign and colour."""
    branch = (_END if is_last else _BRANCH)[not look.is_unicode]
    sign = f"{mark.sign} " if look.is_unicode else ""
    word = sign + look.padded(catalogue.label(mark), _WORD_COLUMNS)
    time = "" if elapsed is None else f"{max(elapsed.total_seconds(), 0) * 1000:.0f} ms"
    known = f"{look.padded(printable(name), _STAGE_COLUMNS)}{time:>{_TIME_COLUMNS}}"
    line = look.fitted(f"{branch}{word}  {known}  {printable(text)}".rstrip(), look.width)
    start, end = len(branch), len(branch) + len(word.rstrip())
    return f"{line[:start]}{look.painted(line[start:end], mark.style)}{line[end:]}"
