"""From an address to its servers, for ``account add``: what discovery found, and what a person says to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fluenzr_smtp import ports, settings
from fluenzr_smtp.cli.account.questions import asked
from fluenzr_smtp.cli.completion import completed
from fluenzr_smtp.cli.discover.words import origin_named, step_line
from fluenzr_smtp.compose.addresses import domain_of
from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Preset, Protocol, UsernameRule
from fluenzr_smtp.problems import ProblemCode, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluenzr_smtp.cli.options import Invocation
    from fluenzr_smtp.discovery import Candidate, Server, Verdict

_MOST_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an account is made of, as far as it was found."""

    preset: Preset | None = None
    smtp: settings.ServerChoice = field(default_factory=settings.ServerChoice)
    imap: settings.ServerChoice = field(default_factory=settings.ServerChoice)
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was typed, and how servers are looked for.

    ``has_host``: the submission server was named. ``fills`` are parts of host names. ``may_leave``: a server
    outside of the address's domain was agreed to beforehand. ``may_connect``: servers may be tried.
    """

    address: str
    preset: str | None
    has_host: bool
    fills: dict[str, str]
    resolver: str | None
    authority: str | None
    timeout: float
    may_leave: bool
    may_connect: bool


def find(run: Invocation, search: Search) -> Found:
    """Return the servers to use: those named, those of the preset, or what is found for the address.

    Raises:
        FluenzrError: ``input-required``, ``server-unconfirmed`` where nobody may be asked;
            ``preset-unknown``, ``setting-invalid``, ``usage-invalid``; as ``Finder.survey``.
    """
    if search.has_host and search.preset is None:
        return Found()
    found = _looked_for(run, search) or _asked_server(run)
    if found.preset is None:
        return found
    preset = completed(run, found.preset, search.fills, domain=domain_of(search.address))
    return replace(found, preset=preset)


def _looked_for(run: Invocation, search: Search) -> Found | None:
    if search.preset is not None:
        return Found(preset=run.app.presets.get(search.preset))
    known = run.app.presets.for_domain(domain_of(search.address))
    if known is not None and not search.may_connect:
        return Found(preset=known)
    return _surveyed(run, search)


def _asked_server(run: Invocation) -> Found:
    """Ask for the server, where nothing was found."""
    run.output.note("No servers were found. 'fluenzr presets list' has the providers that are known.")
    if not run.prompts.may_ask:
        run.prompts.missing("--preset or --smtp-host")

    def server(answer: str) -> Preset | settings.ServerChoice:
        is_host = any(mark in answer for mark in ".:") or settings.is_loopback(answer)
        return settings.parse_server(answer) if is_host else run.app.presets.get(answer)

    question = "Preset or SMTP server"
    found = asked(run, question, server, option="--smtp-host")
    if isinstance(found, Preset):
        return Found(preset=found)
    usual = ports.usual_security(Protocol.SMTP, found.port).value
    question = "Encryption: starttls or ssl"
    security = asked(run, question, settings.parse_security, option="--encryption", default=usual)
    return Found(smtp=replace(found, security=security))


def _surveyed(run: Invocation, search: Search) -> Found | None:
    """Look for the servers of an address, and ask about what is not certain; None where nothing was found."""
    from fluenzr_smtp.discovery import Verdict

    survey = run.app.finder.survey(
        search.address,
        resolver=search.resolver,
        authority=search.authority,
        may_connect=search.may_connect,
        seconds=min(search.timeout, _MOST_SECONDS),
    )
    for step in survey.steps(is_thorough=False):
        run.output.note(step_line(step))
    by_verdict: dict[Verdict, list[Candidate]] = {}
    for each in survey.candidates():
        by_verdict.setdefault(each.verdict, []).append(each)
    taken = _taken(run, by_verdict, _products(survey.candidates()), search)
    return taken or _failed(run, by_verdict.get(Verdict.FAILED, []))


def _taken(
    run: Invocation,
    by_verdict: Mapping[Verdict, list[Candidate]],
    products: list[Candidate],
    search: Search,
) -> Found | None:
    """Take the best of what was found."""
    from fluenzr_smtp.discovery import Verdict

    if unsupported := by_verdict.get(Verdict.UNSUPPORTED):
        return _of(unsupported[0], search)  # the account's making tells why
    if recommended := by_verdict.get(Verdict.RECOMMENDED):
        return _of(recommended[0], search)
    if products:
        return _of(products[0] if len(products) == 1 else _chosen(run, products), search)
    if untried := by_verdict.get(Verdict.UNCHECKED):
        return _untried(run, untried, search)
    if outside := by_verdict.get(Verdict.TO_CONFIRM):
        return _confirmed(run, outside[0], search)
    return None


def _failed(run: Invocation, failed: list[Candidate]) -> Found | None:
    """Take a provider that is known but not reached now: the trial of the account will tell why.

    Of a server that the domain itself names it is told what is wrong, before another one is asked for.
    """
    for each in failed:
        if each.proposal.preset is not None:
            return Found(preset=each.proposal.preset)
    problem = next((each.smtp.problem for each in failed if each.smtp and each.smtp.problem), None)
    if problem is not None and not run.prompts.may_ask:
        raise FluenzrError(problem)
    if problem is not None:
        run.output.problem(problem)
    return None


def _products(candidates: tuple[Candidate, ...]) -> list[Candidate]:
    """Return the products of a provider one of which it is, also those that did not answer just now.

    A part of the only one's name may be missing. Empty: there is nothing to be chosen.
    """
    from fluenzr_smtp.discovery import Origin, Verdict

    told = [each for each in candidates if each.proposal.origin in {Origin.CATALOGUE, Origin.MX}]
    keys = {each.proposal.preset.key for each in told if each.proposal.preset}
    is_open = len(keys) > 1 or any(each.verdict is Verdict.INCOMPLETE for each in told)
    return told if is_open else []


def _untried(run: Invocation, candidates: list[Candidate], search: Search) -> Found:
    """Take what the first origin says, where no server may be tried."""
    first = candidates[0]
    return _of(first, search) if first.proposal.is_trusted else _confirmed(run, first, search)


def _of(candidate: Candidate, search: Search) -> Found:
    proposal = candidate.proposal
    is_whole = proposal.preset is None or not proposal.preset.placeholders
    return Found(
        preset=proposal.preset,
        smtp=_choice(candidate.smtp) if is_whole else settings.ServerChoice(),
        imap=_choice(candidate.imap) if is_whole else settings.ServerChoice(),
        username=_username(candidate, search) if proposal.preset is None else None,
    )


def _username(candidate: Candidate, search: Search) -> str | None:
    """Return the login name that the domain's own file states, where it is not the address."""
    proposal = candidate.proposal
    if proposal.username is UsernameRule.FIXED:
        return proposal.username_value
    if proposal.username is UsernameRule.LOCAL_PART:
        return search.address.rpartition("@")[0]
    return None


def _choice(server: Server | None) -> settings.ServerChoice:
    if server is None:
        return settings.ServerChoice()
    endpoint = server.endpoint
    return settings.ServerChoice(host=endpoint.host, port=endpoint.port, security=endpoint.security)


def _chosen(run: Invocation, candidates: list[Candidate]) -> Candidate:
    """Ask which product of a provider it is: they share their MX hosts."""
    known = {each.proposal.preset.key: each for each in candidates if each.proposal.preset is not None}
    options = "--preset " + "|".join(known)
    if not run.prompts.may_ask:
        run.prompts.missing(options)
    for key, each in known.items():
        name = each.proposal.preset.name if each.proposal.preset else ""
        run.output.note(f"  {key}: {name}")
    while True:
        answer = run.prompts.ask("Which of these is it", option=options).casefold()
        if answer in known:
            return known[answer]
        error = failure(ProblemCode.PRESET_UNKNOWN, Stage.USAGE, key=answer, near=tuple(known))
        run.output.problem(error.problem)


def _confirmed(run: Invocation, candidate: Candidate, search: Search) -> Found:
    """Ask whether the password may go to a server outside the address's domain."""
    server, proposal = candidate.smtp, candidate.proposal
    if server is None:
        return _of(candidate, search)
    host, origin = server.endpoint.host, origin_named(proposal.origin)
    if not search.may_leave:
        if not run.prompts.may_ask:
            raise _unconfirmed(host, origin)
        hosts = " and ".join(dict.fromkeys(each.endpoint.host for each in (server, candidate.imap) if each))
        question = f"{origin} names {hosts}, outside of your domain. Send your password there?"
        if not run.prompts.confirm(question, option="--yes"):
            raise _unconfirmed(host, origin)
    return _of(candidate, search)


def _unconfirmed(host: str, origin: str) -> FluenzrError:
    return failure(ProblemCode.SERVER_UNCONFIRMED, Stage.USAGE, host=host, origin=origin)
