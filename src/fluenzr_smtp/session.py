"""What every mail session has in common: from the host name to an encrypted, greeted connection.

The protocols (``smtp``, ``imap``) say how a greeting is read and how TLS is asked for; the order of the
steps, and what silence or a certificate means, is the same for both and stands here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from fluenzr_smtp import bearer, tls
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Clock, Endpoint, Protocol, Secret, Security
from fluenzr_smtp.problems import Facts, FactValue, Problem, ProblemCode, ServerReply, Stage
from fluenzr_smtp.transcript import Dialogue, Transcript
from fluenzr_smtp.veil import Veil
from fluenzr_smtp.wire import Address, LookUp, Reached, Wire, look_up, probe, service_of

_PATIENCE_SECONDS = 3.0  # a server that greets does so at once; one that expects TLS never does
_PROBE_SECONDS = 5.0
_AGAIN_SECONDS = 1.0

OAUTH_MECHANISMS = frozenset(bearer.MECHANISMS)
# What a refused login means where there was a password.
_REFUSALS = frozenset({
    ProblemCode.AUTH_REJECTED,
    ProblemCode.AUTH_REJECTED_MAYBE_BLOCKED,
    ProblemCode.AUTH_REJECTED_MAYBE_REGION,
    ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
    ProblemCode.AUTH_OAUTH_REQUIRED,
})  # fmt: skip
_FORBIDDEN = re.compile(r"[\r\n\0]")
_BEGINS_A_GREETING = re.compile(rb"[2-5]([0-9]([0-9]|$)|$)|\*")

Step = tuple[Stage, Callable[[], Facts]]


def facts(**known: FactValue) -> Facts:
    """Return facts that stay as they are."""
    return MappingProxyType(known)


class Session(ABC):
    """One connection to a mail server. Not reusable after a failure; ``close`` it in any case.

    ``provider`` is the preset's key, for the meaning of replies; ``transcript`` gets the dialogue; ``until``
    is a moment of the monotonic clock that no step outlasts; ``names`` looks hosts up in another way than by
    the system's resolver.
    """

    protocol: ClassVar[Protocol]

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        timeout: float,
        provider: str = "",
        transcript: Transcript | None = None,
        until: float | None = None,
        resumption: tls.Resumption | None = None,
        names: LookUp = look_up,
    ) -> None:
        self.endpoint = endpoint
        self.provider = provider
        self._clock = clock
        self._veil = Veil()
        self._dialogue = Dialogue(transcript, protocol=self.protocol, veiled=self.veiled)
        self._wire = Wire(
            endpoint,
            clock=clock,
            timeout=timeout,
            dialogue=self._dialogue,
            until=until,
            resumption=resumption,
            names=names,
        )
        self._addresses: tuple[Address, ...] = ()
        self._is_examined = True
        self._token_refusal = ""  # the status that the server gave for the last token it refused

    # -- what the server says ------------------------------------------------------------------------

    def hide(self, secret: Secret) -> None:
        """Strike the secret out of all that the server says; it may know it from an earlier session."""
        self._veil = Veil(secret)

    def veiled(self, text: str) -> str:
        """Return words of the server's without the secret; the one way by which they get out of a session."""
        return self._veil.over(text)

    def hide_as(self, other: Session) -> None:
        """Strike out what another session with the same server strikes out."""
        self._veil = other._veil

    def veiled_facts(self, known: Mapping[str, FactValue]) -> dict[str, FactValue]:
        """Return facts that a server decides, such as its certificate's, with every text veiled."""
        return {name: self._veiled_value(value) for name, value in known.items()}

    def _veiled_value(self, value: FactValue) -> FactValue:
        if isinstance(value, tuple):
            return tuple(map(self.veiled, value))
        return self.veiled(value) if isinstance(value, str) else value

    def told(self, said: bytes) -> str:
        """Return what the server said as text without the secret; bytes that are no UTF-8 are escaped."""
        return self.veiled(said.decode("utf-8", "backslashreplace"))

    def end_step(self) -> None:
        """Pass on what the transcript holds back of the dialogue."""
        self._dialogue.flush()

    def refusal(self, reply: ServerReply, stage: Stage, **known: FactValue) -> FluenzrError:
        """Build the error that a refusing reply means in this stage."""
        from fluenzr_smtp.classify import classify  # a thousand rows that nobody needs where all goes well

        code = classify(stage, reply, provider=self.provider)
        problem = self._wire.failure(code, **known).problem
        return FluenzrError(Problem(code=code, stage=stage, reply=reply, facts=problem.facts))

    # -- opening -------------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Yield the steps up to the capabilities in the order of this endpoint's encryption."""
        security = self.endpoint.security
        yield Stage.RESOLVE, self.resolve
        yield Stage.CONNECT, self.connect
        if security is Security.IMPLICIT_TLS:
            yield Stage.TLS, self.start_tls
        yield Stage.GREETING, self.greeting
        if security is Security.STARTTLS:
            yield Stage.TLS, self.start_tls
        yield Stage.CAPABILITIES, self.read_capabilities

    def open(self) -> None:
        """Do all the steps.

        Raises:
            FluenzrError: ``dns-…``, ``connect-…``, ``tls-…``, ``reply-…`` and what a refusal means.
        """
        self._is_examined = False
        for _, step in self.steps():
            step()

    def resolve(self) -> Facts:
        """Look the host up."""
        self._wire.begin(Stage.RESOLVE)
        self._addresses = self._wire.resolve()
        known: dict[str, list[str]] = {"addresses": [], "ipv4": [], "ipv6": []}
        for address in self._addresses:
            known["addresses"].append(address.text)
            known[address.family].append(address.text)
        return facts(**{name: tuple(found) for name, found in known.items()})

    def connect(self) -> Facts:
        """Connect to the first address that answers; without encryption to this machine alone.

        Raises:
            FluenzrError: ``connect-…``; ``encryption-required``.
        """
        self._begin_to_connect()
        address = self._wire.connect(self._addresses)
        self._connected()
        return facts(address=address.text, family=address.family, used=True)

    def connect_each(self) -> Iterator[Reached]:
        """Connect to every address and tell of each; the first that answers is gone on with.

        Raises:
            FluenzrError: ``connect-unreachable`` if there is no address; ``encryption-required``.
        """
        self._begin_to_connect()
        if not self._addresses:
            raise self._wire.failure(ProblemCode.CONNECT_UNREACHABLE, reason="")
        for reached in self._wire.connect_each(self._addresses):
            if reached.is_used:
                self._connected()
            yield reached

    def _begin_to_connect(self) -> None:
        self._wire.begin(Stage.CONNECT)
        if self.endpoint.security is Security.NONE and not all(each.is_loopback for each in self._addresses):
            raise self._wire.failure(ProblemCode.ENCRYPTION_REQUIRED)

    def _connected(self) -> None:  # noqa: B027 - not every protocol has something to do then
        """Do what a protocol does once there is a connection."""

    def greeting(self) -> Facts:
        """Read the greeting; on silence, find out whether the port wants TLS from the first byte.

        Raises:
            FluenzrError: ``reply-…``, ``not-a-mail-server``, ``tls-starttls-on-implicit-port`` …
        """
        self._wire.begin(Stage.GREETING)
        if self.endpoint.security is not Security.IMPLICIT_TLS:
            self._look_into_silence()
        return facts(banner=self._read_greeting())

    def _look_into_silence(self) -> None:
        """Ask on a second connection what a server waits for that says nothing."""
        patience = min(_PATIENCE_SECONDS, self._wire.remaining() / 3)
        if self._wire.arrives_within(patience):
            return
        # Half of what is left: a server that is merely slow must still be able to greet in time.
        seconds = min(_PROBE_SECONDS, self._wire.remaining() / 2)
        found = probe(self.endpoint, Security.IMPLICIT_TLS, clock=self._clock, seconds=seconds)
        if found.is_tls:
            raise self._wire.broken(ProblemCode.TLS_STARTTLS_ON_IMPLICIT_PORT)
        if self._is_of_another(found.greeting):
            raise self._wire.broken(ProblemCode.NOT_A_MAIL_SERVER, service=service_of(found.greeting))

    def _is_of_another(self, greeting: bytes) -> bool:
        return service_of(greeting) not in {"", self.protocol.upper()}

    def start_tls(self, *, inspect: bool = False) -> Facts:
        """Encrypt the connection and verify the certificate; forget all that was learnt before.

        With ``inspect`` nothing is verified: for a look at the certificate, never followed by a login.
        """
        before: dict[str, FactValue] = {}
        if self.endpoint.security is Security.STARTTLS:
            before["capabilities_before"] = self._ask_for_tls()
        self._wire.begin(Stage.TLS)
        try:
            self._wire.start_tls(inspect=inspect)
        except FluenzrError as error:
            raise FluenzrError(self._named(error.problem)) from error
        self._forget()
        encrypted = self._wire.encrypted if self._is_examined else None
        known = tls.connection_facts(encrypted, now=self._clock.now()) if encrypted else {}
        return facts(**self.veiled_facts(known), **before)

    def _named(self, problem: Problem) -> Problem:
        """Tell a server that does not know TLS from another service, and from nonsense, by what it said."""
        if problem.code is not ProblemCode.TLS_IMPLICIT_ON_STARTTLS_PORT:
            return problem
        said = self._wire.plain_speech or self._said_again()
        if not said:
            return problem
        if self._is_of_another(said):
            return replace(problem, code=ProblemCode.NOT_A_MAIL_SERVER).with_facts(service=service_of(said))
        if _BEGINS_A_GREETING.match(said):
            return problem
        return replace(problem, code=ProblemCode.TLS_HANDSHAKE_FAILED)

    def _said_again(self) -> bytes:
        """Ask again what a server says in clear: OpenSSL swallows the beginning of what comes too early."""
        for security in (Security.NONE, Security.IMPLICIT_TLS):
            try:
                seconds = min(_AGAIN_SECONDS, self._wire.remaining())
            except FluenzrError:
                return b""
            found = probe(self.endpoint, security, clock=self._clock, seconds=seconds, patience=seconds)
            if found.greeting and not found.is_tls:
                return found.greeting
        return b""

    def certificates(self) -> tuple[tls.Certificate, ...]:
        """Return the server's certificate and those sent with it, without trusting them, and close.

        Raises:
            FluenzrError: as ``open``, but for an untrusted certificate; ``tls-certificate-invalid`` for one
                that cannot be read.
        """
        chain: tuple[tls.Certificate, ...] = ()
        try:
            for stage, step in self.steps():
                if stage is Stage.TLS:
                    self.start_tls(inspect=True)
                    break
                step()
            if self._wire.encrypted is not None:
                chain = tls.served_chain(self._wire.encrypted)
        finally:
            self._wire.close()
        if not chain:
            raise self._wire.failure(ProblemCode.TLS_CERTIFICATE_INVALID, reason="not-parseable")
        return chain

    # -- login ---------------------------------------------------------------------------------------

    def _pick_mechanism(self, offered: tuple[str, ...], supported: tuple[str, ...]) -> str:
        """Choose the one mechanism that will be tried; nothing is said to a server without TLS."""
        if self._wire.encrypted is None and self.endpoint.security is not Security.NONE:
            raise self._wire.failure(ProblemCode.TLS_REQUIRED)
        if not offered:
            is_locked = self._wire.encrypted is None and self._offers_tls()  # until there is TLS
            raise self._wire.failure(ProblemCode.TLS_REQUIRED if is_locked else ProblemCode.AUTH_NOT_OFFERED)
        usable = next((each for each in supported if each in offered), None)
        if usable is None:
            oauth = OAUTH_MECHANISMS & set(offered)
            code = ProblemCode.AUTH_OAUTH_REQUIRED if oauth else ProblemCode.AUTH_MECHANISM_UNSUPPORTED
            raise self._wire.failure(code, mechanisms=self.veiled(" ".join(offered)))
        return usable

    def authenticate(self, username: str, secret: Secret) -> Facts:
        """Log in: one mechanism, one attempt (a second one brings a mailbox nearer to being locked).

        A token that is refused is asked for once more, and tried once more if it is another one.

        Raises:
            FluenzrError: ``auth-…``, ``oauth-token-rejected``; ``tls-required`` where the connection is not
                encrypted; as the command that gives a token.
        """
        current = secret.current()
        self.hide(current)
        try:
            return self._log_in(username, current)
        except FluenzrError as error:
            refused = self._of_token(error) if current.is_token else error
            fresh = (
                secret.renewed(current) if refused.problem.code is ProblemCode.OAUTH_TOKEN_REJECTED else None
            )
            if fresh is None:
                raise refused from error
        self._veil = Veil(current, fresh)
        try:
            return self._log_in(username, fresh)
        except FluenzrError as error:
            raise self._of_token(error) from error

    def _of_token(self, error: FluenzrError) -> FluenzrError:
        """Name the refusal of a token for what it is: there is no password that could be wrong."""
        problem = error.problem
        if problem.code not in _REFUSALS:
            return error
        status = self.veiled(self._token_refusal)
        return FluenzrError(replace(problem, code=ProblemCode.OAUTH_TOKEN_REJECTED).with_facts(status=status))

    def _refuse_control_characters(self, *credentials: str) -> None:
        """Refuse what would end a command or a field of PLAIN (RFC 4616 §2) before its time."""
        if any(_FORBIDDEN.search(each) for each in credentials):
            raise self._wire.failure(ProblemCode.SECRET_MALFORMED, reason="control-character")

    # -- what the protocols do -----------------------------------------------------------------------

    @abstractmethod
    def _read_greeting(self) -> str:
        """Read the greeting and return its text."""

    @abstractmethod
    def _ask_for_tls(self) -> tuple[str, ...]:
        """Ask for STARTTLS and read the consent; return the capabilities that were announced in clear."""

    @abstractmethod
    def _offers_tls(self) -> bool:
        """Say whether the server announces STARTTLS."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop what was learnt before TLS (RFC 3207 §4.2, RFC 9051 §6.2.1)."""

    @abstractmethod
    def read_capabilities(self) -> Facts:
        """Ask for the capabilities, after TLS if there is any."""

    @abstractmethod
    def _log_in(self, username: str, secret: Secret) -> Facts:
        """Choose the mechanism and try it once."""

    @abstractmethod
    def close(self) -> None:
        """Take leave if the connection still stands, and close it. Never fails."""
