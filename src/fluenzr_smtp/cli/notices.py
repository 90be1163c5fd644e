"""What the vault wants said beside a result: told on stderr, whatever the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.problems import Facts

if TYPE_CHECKING:
    from fluenzr_smtp.vault import Notice

_SENTENCES: Mapping[str, Callable[[Facts], str]] = {
    "open-to-others": lambda facts: (
        f"{facts['path']} (mode {facts['mode']}) or its folder is open to others. The next change of the "
        "vault closes both."
    ),
    "modes-mended": lambda facts: f"{facts['path']} was open to others; it is yours alone again.",
    "memory-unavailable": lambda facts: (
        f"It cannot be remembered which generation of the vault was seen last ({facts['path']}: "
        f"{facts['reason']}). An older one put in its place would not be noticed."
    ),
    "rollback-accepted": lambda facts: (
        f"The vault is older than it was here: generation {facts['generation']}, {facts['seen']} was seen. "
        "It was opened because you said so."
    ),
    "replacement-accepted": lambda _: (
        "This is another vault than the one that was here. It was opened because you said so."
    ),
    "upgraded": lambda facts: (
        f"The vault has the present format now (version {facts['version']}). The old file is kept as "
        f"{facts['path']}."
    ),
}


def sentence(notice: Notice) -> str:
    """Return what a person is told."""
    return _SENTENCES[notice.kind.value](notice.facts)


def tell(run: Invocation) -> None:
    """Tell what the run's vault, where one was used, wants said."""
    if "vault" in vars(run.app):
        for notice in run.app.vault.notices:
            run.output.note(sentence(notice))
