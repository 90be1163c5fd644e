"""``fluenzr vault status``: where the vault is, what opens it, and whether all is as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.age import SecretAge, ages, max_age_days, warn
from fluenzr_smtp.cli.options import Invocation, current
from fluenzr_smtp.cli.tree import examples
from fluenzr_smtp.cli.vault.records import SLOT, day, named, slot_records
from fluenzr_smtp.cli.vault.unlocking import WAYS, VaultCommand
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import Problem, ProblemCode

if TYPE_CHECKING:
    from fluenzr_smtp.vault import VaultStatus

_SECRET = form.record(account=form.TEXT, changed=form.TIME, age_days=form.INTEGER, old=form.BOOLEAN)
_KEPT = form.record(
    path=form.TEXT,
    generation=form.nullable(form.INTEGER),
    version=form.nullable(form.INTEGER),
    size_bytes=form.INTEGER,
    written=form.TIME,
)
_KEYRING = form.record(
    backend=form.nullable(form.TEXT), safe=form.nullable(form.BOOLEAN), problem=form.nullable(form.PROBLEM)
)

SCHEMAS = {
    "vault status": form.record(
        path=form.TEXT,
        exists=form.BOOLEAN,
        vault_id=form.nullable(form.TEXT),
        version=form.nullable(form.INTEGER),
        generation=form.nullable(form.INTEGER),
        size_bytes=form.nullable(form.INTEGER),
        written=form.nullable(form.TIME),
        opened=form.BOOLEAN,
        problem=form.nullable(form.PROBLEM),
        slots=form.array(SLOT),
        key_from=form.record(kind=form.nullable(form.choice(*WAYS)), variable=form.nullable(form.TEXT)),
        keyring=form.nullable(_KEYRING),
        file=form.record(mode=form.nullable(form.TEXT), private=form.BOOLEAN, own=form.BOOLEAN),
        folder=form.record(mode=form.nullable(form.TEXT), private=form.BOOLEAN),
        kept=form.array(_KEPT),
        memory=form.record(
            availability=form.choice("off", "none", "kept", "unavailable"),
            generation=form.nullable(form.INTEGER),
            path=form.TEXT,
            reason=form.TEXT,
        ),
        max_age_days=form.INTEGER,
        secrets=form.nullable(form.array(_SECRET)),
    )
}

# What opens the vault is not at hand: the state that 'status' is there to tell, not a failure of its own.
_LOCKED = {
    ProblemCode.VAULT_LOCKED,
    ProblemCode.VAULT_PASSPHRASE_WRONG,
    ProblemCode.VAULT_KEY_WRONG,
    ProblemCode.KEYRING_UNAVAILABLE,
    ProblemCode.KEYRING_REFUSED,
    ProblemCode.KEYRING_LOCKED,
    ProblemCode.KEYRING_ENTRY_MISSING,
}
_NO_VAULT = "There is no vault yet. It is made with the first account: fluenzr account add EMAIL --preset KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The backend that ``keyring`` picked; None where there is none. ``is_safe`` is None where not known."""

    backend: str | None
    is_safe: bool | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that the command tells. ``secrets`` is None where the vault did not open, for ``problem``."""

    status: VaultStatus
    secrets: tuple[SecretAge, ...] | None
    problem: Problem | None
    kind: str | None
    variable: str | None
    keyring: Keyring | None
    max_days: int


def register(tree: typer.Typer) -> None:
    """Put the command into its tree."""
    tree.command(
        "status",
        cls=VaultCommand,
        epilog=examples("fluenzr vault status", "fluenzr vault status --json --max-age-days 180"),
    )(status)


def status(
    ctx: typer.Context,
    *,
    max_days: Annotated[
        int | None,
        typer.Option(
            "--max-age-days",
            metavar="DAYS",
            min=1,
            max=36500,
            help="From when on a password is old; a year, or secret_max_age_days of config.toml.",
        ),
    ] = None,
) -> None:
    """Show where the vault is, what opens it, and how old its passwords are; also while it is locked."""
    run = current(ctx)
    found = _found(run, max_age_days(run, max_days))
    is_state = found.problem is None or (found.problem.code in _LOCKED and run.app.unlock_by is None)
    problems = () if is_state or found.problem is None else (found.problem,)
    run.end(_record(found), show=lambda: _show(run, found), problems=problems)


def _found(run: Invocation, max_days: int) -> Found:
    secrets, problem = None, None
    try:
        if run.app.vault.exists:
            secrets = ages(run.app.accounts.list(), now=run.app.clock.now(), max_days=max_days)
    except FluenzrError as error:
        problem = error.problem
    state = run.app.vault.status()
    kind, variable = _key_from(run)
    is_wanted = kind == "keyring" or any(slot.kind == "keyring" for slot in state.slots)
    return Found(
        status=state,
        secrets=secrets,
        problem=problem or state.problem,
        kind=kind,
        variable=variable,
        keyring=_keyring(run) if is_wanted else None,
        max_days=max_days,
    )


def _key_from(run: Invocation) -> tuple[str | None, str | None]:
    """Return the kind of key that is used, and the variable or file that names it where one does."""
    from fluenzr_smtp import vault

    try:
        variable = None if run.app.unlock_by else vault.names_key(run.app.environ)
        return run.app.vault.source.kind.value, variable
    except FluenzrError:  # told as the reason why the vault did not open
        return None, None


def _keyring(run: Invocation) -> Keyring:
    try:
        return Keyring(backend=run.app.keychain.backend_name, is_safe=True)
    except FluenzrError as error:
        problem = error.problem
        backend = problem.facts.get("backend")
        is_refused = problem.code is ProblemCode.KEYRING_REFUSED
        return Keyring(
            backend=str(backend) if backend else None,
            is_safe=False if is_refused else None,
            problem=problem,
        )


# -- as a document -------------------------------------------------------------------------------------------


def _record(found: Found) -> dict[str, object]:
    state = found.status
    return {
        "path": state.path,
        "exists": state.exists,
        "vault_id": state.vault_id or None,
        "version": state.version,
        "generation": state.generation,
        "size_bytes": state.size_bytes,
        "written": state.written,
        "opened": found.secrets is not None,
        "problem": found.problem,
        "slots": slot_records(state.slots),
        "key_from": {"kind": found.kind, "variable": found.variable},
        "keyring": None if found.keyring is None else _keyring_record(found.keyring),
        "file": {"mode": _mode(state.mode), "private": state.is_private, "own": state.is_ours},
        "folder": {"mode": _mode(state.folder_mode), "private": state.folder_is_private},
        "kept": [
            {
                "path": each.path,
                "generation": each.generation,
                "version": each.version,
                "size_bytes": each.size_bytes,
                "written": each.written,
            }
            for each in state.kept
        ],
        "memory": {
            "availability": state.memory.availability,
            "generation": state.memory.generation,
            "path": state.memory.path,
            "reason": state.memory.reason,
        },
        "max_age_days": found.max_days,
        "secrets": None if found.secrets is None else [_secret_record(each) for each in found.secrets],
    }


def _keyring_record(keyring: Keyring) -> dict[str, object]:
    return {"backend": keyring.backend, "safe": keyring.is_safe, "problem": keyring.problem}


def _secret_record(age: SecretAge) -> dict[str, object]:
    return {"account": age.account, "changed": age.changed, "age_days": age.days, "old": age.is_old}


def _mode(mode: int | None) -> str | None:
    return None if mode is None else f"{mode & 0o7777:04o}"


# -- for a person --------------------------------------------------------------------------------------------


def _show(run: Invocation, found: Found) -> None:
    run.output.fields(_rows(found))
    if not found.status.exists:
        run.output.note(_NO_VAULT)
    elif found.problem is not None and found.problem.code in _LOCKED and run.app.unlock_by is None:
        told = run.output.sentence(found.problem)
        run.output.note(f"{told.title} [{found.problem.code}]. {told.fix}")
    warn(run, found.secrets or ())


def _rows(found: Found) -> list[tuple[str, str]]:
    state = found.status
    rows = [("vault", str(state.path))]
    if state.generation is not None:
        written = f", written on {day(state.written)}"
        rows.append(("format", f"version {state.version}, generation {state.generation}{written}"))
    if state.exists:
        rows.append(("opens", _opens(found)))
        rows.append(("file", _privacy(state.mode, is_private=state.is_private, is_ours=state.is_ours)))
        rows.append(("folder", _privacy(state.folder_mode, is_private=state.folder_is_private)))
    rows += [("slot" if at == 0 else "", named(slot)) for at, slot in enumerate(state.slots)]
    rows.append(("key from", f"{found.kind or 'nowhere'}{f' ({found.variable})' if found.variable else ''}"))
    if found.keyring is not None:
        rows.append(("keyring", _safety(found.keyring)))
    rows += [
        (
            "kept" if at == 0 else "",
            f"generation {each.generation or '?'} of {day(each.written)}: {each.path}",
        )
        for at, each in enumerate(state.kept)
    ]
    if state.exists:
        rows.append(("seen last", _memory(found)))
    if found.secrets:
        rows.append(("passwords", _passwords(found.secrets)))
    return rows


def _opens(found: Found) -> str:
    return "yes" if found.secrets is not None else f"no: {found.problem.code if found.problem else ''}"


def _privacy(mode: int | None, *, is_private: bool, is_ours: bool = True) -> str:
    owner = "" if is_ours else ", of another user"
    return f"{_mode(mode) or '?'}, {'for you alone' if is_private and is_ours else 'open to others'}{owner}"


def _safety(keyring: Keyring) -> str:
    if keyring.problem is None:
        return f"{keyring.backend}, safe"
    backend = f"{keyring.backend}, " if keyring.backend else ""
    verdict = "not safe and not used" if keyring.is_safe is False else "not usable"
    return f"{backend}{verdict} [{keyring.problem.code}]"


def _memory(found: Found) -> str:
    memory = found.status.memory
    if memory.availability == "kept":
        return f"generation {memory.generation}; an older one would be refused"
    if memory.availability == "unavailable":
        return f"not known, so that an older one would not be noticed ({memory.path}: {memory.reason})"
    return "not known: it has not been opened here yet"


def _passwords(secrets: tuple[SecretAge, ...]) -> str:
    oldest = max(each.days for each in secrets)
    many = f"{len(secrets)}, the oldest" if len(secrets) > 1 else "1,"
    return f"{many} {oldest} days old"
