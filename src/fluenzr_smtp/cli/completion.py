"""What only the person knows of a provider's settings: parts of host names, and the login it handed out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from fluenzr_smtp.cli.options import Invocation
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Placeholder, Preset
from fluenzr_smtp.presets import filled, read_value
from fluenzr_smtp.problems import ProblemCode, Stage

Fills = Annotated[
    list[str] | None,
    typer.Option(
        "--fill",
        metavar="NAME=VALUE",
        help="A part of the provider's host names that is your own, such as number=4 (ex4.mail.ovh.net).",
    ),
]


def read_fills(typed: Iterable[str]) -> dict[str, str]:
    """Read the values of an option such as ``--fill number=4``.

    Raises:
        FluenzrError: ``usage-invalid``.
    """
    found: dict[str, str] = {}
    for each in typed:
        name, equals, value = each.partition("=")
        if not equals or not name.strip() or not value.strip():
            reason = f"--fill takes NAME=VALUE, not '{each}'"
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
        if name.strip().lower() in found:
            reason = f"--fill {name.strip()} is given twice"
            raise failure(ProblemCode.USAGE_INVALID, Stage.USAGE, reason=reason)
        found[name.strip().lower()] = value.strip()
    return found


def completed(run: Invocation, preset: Preset, fills: dict[str, str], *, domain: str) -> Preset:
    """Return the preset with whole host names; what is missing is asked for.

    Raises:
        FluenzrError: ``input-required`` where nobody may be asked; ``setting-invalid``, ``usage-invalid``.
    """
    values = dict(fills)
    if run.prompts.may_ask:
        for each in preset.placeholders:
            if each.name not in values:
                values[each.name] = _asked(run, preset, each)
    return filled(preset, values, domain=domain)


def _asked(run: Invocation, preset: Preset, placeholder: Placeholder) -> str:
    """Ask until the answer can be read; what is wrong with one is told, and the rest is not lost."""
    if placeholder.known:
        run.output.note("Usual are " + ", ".join(placeholder.known) + ".")
    while True:
        answer = run.prompts.ask(placeholder.asks, option=f"--fill {placeholder.name}=…")
        try:
            return read_value(preset, placeholder, answer)
        except FluenzrError as error:
            run.output.problem(error.problem)
