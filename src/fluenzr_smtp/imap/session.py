"""One read-only session with a mailbox over IMAPClient (RFC 9051), stage by stage.

Nothing in the mailbox changes: folders are opened by EXAMINE, bodies are peeked at. imaplib's own socket
and buffers are not used: a client of ours reads through ``wire``, so that every answer is bounded in bytes
and time, and nothing that arrived before TLS is believed after it.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from fluenzr_smtp import bearer
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.imap.client import Client, quoted
from fluenzr_smtp.model import Endpoint, Protocol, Secret
from fluenzr_smtp.problems import Facts, FactValue, ProblemCode, ServerReply, Stage
from fluenzr_smtp.session import OAUTH_MECHANISMS, Session, facts

_LEAVE_SECONDS = 5.0
_HEADER_BYTES = 64 * 1024
_ANSWER_BYTES = 256 * 1024  # of a search, or with one header: reading an answer takes a second per MiB
_MAX_MESSAGES = 50
_MOST = 2**63 - 1  # a mod-sequence value has 63 bits (RFC 7162 §3.1), other numbers have fewer
_FORBIDDEN = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as EXAMINE shows it. ``uid_next`` is None where the server does not tell it."""

    name: str
    exists: int
    uid_next: int | None
    uid_validity: int | None
    highest_modseq: int | None = None


class IMAPSession(Session):
    """One connection to an IMAP server. Not reusable after a failure; ``close`` it in any case."""

    protocol: ClassVar[Protocol] = Protocol.IMAP

    def __init__(self, endpoint: Endpoint, **how: Any) -> None:  # noqa: ANN401 - as Session has them
        super().__init__(endpoint, **how)
        self._client: Client | None = None
        self._exists = 0  # messages in the open folder

    # -- opening -------------------------------------------------------------------------------------

    def _read_greeting(self) -> str:
        with self._mapped(Stage.GREETING):
            self._client = Client(self._wire)
        if self._client.is_preauthenticated:  # nobody asked for it, and it would skip TLS (RFC 8314 §5.1)
            raise self._wire.broken(ProblemCode.UNEXPECTED_DATA)
        return self.told(self._client.welcome)

    def _ask_for_tls(self) -> tuple[str, ...]:
        client = self._opened(Stage.TLS)
        with self._mapped(Stage.TLS):
            names = self._asked_capabilities(client, Stage.TLS)
            if not self._offers_tls():
                raise self._wire.failure(ProblemCode.TLS_STARTTLS_NOT_OFFERED)
            self._accepted(Stage.TLS, client.command("STARTTLS"))
        return tuple(map(self.veiled, names))

    def _offers_tls(self) -> bool:
        return self._client is not None and "STARTTLS" in self._capabilities(self._client)

    def _forget(self) -> None:
        if self._client is not None:
            self._client.forget()

    def read_capabilities(self) -> Facts:
        """Ask for the capabilities, after TLS if there is any."""
        client = self._opened(Stage.CAPABILITIES)
        with self._mapped(Stage.CAPABILITIES):
            names = self._asked_capabilities(client, Stage.CAPABILITIES)
        return facts(
            capabilities=tuple(map(self.veiled, names)), mechanisms=tuple(map(self.veiled, self.mechanisms))
        )

    def _asked_capabilities(self, client: Client, stage: Stage) -> tuple[str, ...]:
        self._accepted(stage, client.ask_capabilities())
        names = self._capabilities(client)
        if any("\ufffd" in name for name in names):
            raise self._wire.broken(ProblemCode.REPLY_MALFORMED)
        if not any(name.startswith("IMAP4") for name in names):
            raise self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
        return names

    def _capabilities(self, client: Client) -> tuple[str, ...]:
        return tuple(sorted(each.decode("ascii", "replace") for each in client.capabilities()))

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The announced SASL mechanisms, and LOGIN where the command of that name may be used."""
        names = self._capabilities(self._client) if self._client else ()
        if not names:
            return ()
        announced = tuple(name.removeprefix("AUTH=") for name in names if name.startswith("AUTH="))
        mechanisms = tuple(name for name in announced if name != "LOGIN")  # the SASL one is not spoken here
        wants_tokens = bool(announced) and OAUTH_MECHANISMS.issuperset(announced)
        return mechanisms if "LOGINDISABLED" in names or wants_tokens else (*mechanisms, "LOGIN")

    # -- login ---------------------------------------------------------------------------------------

    def _log_in(self, username: str, secret: Secret) -> Facts:
        client = self._opened(Stage.AUTH)
        self._refuse_control_characters(username, secret.reveal())
        with self._mapped(Stage.AUTH, username=username):
            usable = bearer.MECHANISMS if secret.is_token else ("PLAIN", "LOGIN")
            mechanism = self._pick_mechanism(self.mechanisms, usable)
        known: dict[str, FactValue] = {
            "mechanism": mechanism,
            "mechanisms": tuple(map(self.veiled, self.mechanisms)),
            "username": username,
        }
        with self._mapped(Stage.AUTH, **known):
            if mechanism in bearer.MECHANISMS:
                answer = self._proved_by_token(client, mechanism, username, secret.reveal())
            elif mechanism == "PLAIN":
                answer = client.proved_by(username, secret.reveal())
            else:
                answer = client.command("LOGIN", quoted(username), quoted(secret.reveal()))
            self._accepted(Stage.AUTH, answer, **known)
            client.logged_in()
        return facts(answer=self.told(answer[1]), **known)

    def _proved_by_token(
        self, client: Client, mechanism: str, username: str, token: str
    ) -> tuple[str, bytes]:
        host, port = self.endpoint.host, self.endpoint.port
        first = bearer.first_response(mechanism, username, token, host=host, port=port)
        answer, challenge = client.proved_by_token(mechanism, first, bearer.last_response(mechanism))
        self._token_refusal = bearer.refusal(base64.b64encode(challenge))
        return answer

    # -- reading -------------------------------------------------------------------------------------

    def examine(self, name: str = "INBOX") -> Folder:
        """Open a folder read-only.

        Raises:
            FluenzrError: ``mailbox-unreadable``.
        """
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX, folder=self.veiled(name)):
            if _FORBIDDEN.search(name):
                raise self._wire.failure(ProblemCode.MAILBOX_UNREADABLE, folder=name)
            answer = client.select_folder(name, readonly=True)
            self._exists = int(answer.get(b"EXISTS", 0))
            return Folder(
                name=name,
                exists=self._exists,
                uid_next=_number(answer.get(b"UIDNEXT")),
                uid_validity=_number(answer.get(b"UIDVALIDITY")),
                highest_modseq=_number(answer.get(b"HIGHESTMODSEQ")),
            )

    def special_folder(self, flag: str) -> str | None:
        r"""Return the folder of a special use such as ``\Junk`` (RFC 6154), or None."""
        client = self._opened(Stage.MAILBOX)
        with self._mapped(Stage.MAILBOX):
            found = client.find_special_folder(flag.encode("ascii"))
        return None if found is None else str(found)

    def idle(self) -> Facts:
        """Let the server announce news and stop it at once (RFC 2177); a server need not know how.

        Raises:
            FluenzrError: ``command-refused`` where IDLE is announced and refused; ``reply-…``,
                ``connection-lost``.
        """
        client = self._opened(Stage.IDLE)
        with self._mapped(Stage.IDLE):
            if not client.has_capability("IDLE"):
                return facts(supported=False)
            self._accepted(Stage.IDLE, client.idled())
        return facts(supported=True)

    def headers_from(self, first_uid: int) -> Mapping[int, bytes]:
        """Return the header blocks of the open folder's messages from a UID on, newest first.

        At most 50 of them, each cut at 64 KiB; all within the time of one step.
        """
        client = self._opened(Stage.MAILBOX, budget=_ANSWER_BYTES)
        with self._mapped(Stage.MAILBOX):
            client.noop()
            asked = [*self._newest(), "UID", f"{first_uid}:*"]
            uids = {uid for uid in client.search(asked) if uid >= first_uid}
            newest = sorted(uids, reverse=True)[:_MAX_MESSAGES]
            return MappingProxyType(dict(self._headers(client, newest)))

    def _newest(self) -> list[str]:
        """Return what keeps a search to the newest messages: an answer with all of them may be too long."""
        return [f"{self._exists - _MAX_MESSAGES + 1}:*"] if self._exists > _MAX_MESSAGES else []

    def _headers(self, client: Client, uids: list[int]) -> Iterator[tuple[int, bytes]]:
        """Yield the header blocks one by one, so that time and memory are looked after in between."""
        for uid in uids:
            self._wire.begin(Stage.MAILBOX, timeout=self._wire.remaining(), budget=_ANSWER_BYTES)
            answer = client.fetch([uid], [f"BODY.PEEK[HEADER]<0.{_HEADER_BYTES}>"])
            if uid in answer:  # it may have gone meanwhile
                yield uid, _header(answer[uid])

    # -- ending --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Log out if the connection still stands, and close it. Never fails."""
        if self._client is not None:
            with contextlib.suppress(FluenzrError):
                self._wire.begin(Stage.MAILBOX, timeout=_LEAVE_SECONDS)
                self._wire.write(b"fluenzr LOGOUT\r\n")
        self._wire.close()
        self.end_step()

    # -- dialogue ------------------------------------------------------------------------------------

    def _opened(self, stage: Stage, **bounds: int) -> Client:
        self._wire.begin(stage, **bounds)
        if self._client is None:
            raise self._wire.failure(ProblemCode.CONNECTION_LOST)
        return self._client

    def _accepted(self, stage: Stage, answer: tuple[str, bytes], **known: FactValue) -> None:
        status, text = answer
        if status != "OK":
            raise self._refusal(stage, f"{status} {self.told(text)}", **known)

    def _refusal(self, stage: Stage, text: str, **known: FactValue) -> FluenzrError:
        return self.refusal(ServerReply(code=None, enhanced=None, text=text), stage, **known)

    @contextlib.contextmanager
    def _mapped(self, stage: Stage, **known: FactValue) -> Iterator[None]:
        """Map what imaplib and IMAPClient raise, once and here; hostile answers make them raise anything.

        Their errors do not go along: they have the server's words in them, and no veil over those.
        """
        try:
            yield
        except FluenzrError:
            raise
        except imaplib.IMAP4.abort as error:
            raise self._aborted(stage, str(error)) from None
        except imaplib.IMAP4.error as error:
            raise self._refused(stage, error, **known) from None
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise self._wire.broken(ProblemCode.REPLY_MALFORMED) from None

    def _refused(self, stage: Stage, error: imaplib.IMAP4.error, **known: FactValue) -> FluenzrError:
        said = error.args[0] if error.args else ""
        if isinstance(said, bytes):  # a greeting that is neither OK nor PREAUTH
            return self._refusal(stage, self.told(said).removeprefix("* ").strip(), **known)
        if stage is Stage.GREETING:  # imaplib's own words: no IMAP4rev1
            return self._wire.broken(ProblemCode.UNEXPECTED_REPLY)
        answer = self._client.refusal if self._client else None
        if answer is None:  # their own words on an answer that they could not read
            return self._wire.broken(ProblemCode.REPLY_MALFORMED)
        return self._refusal(stage, self.told(answer), **known)

    def _aborted(self, stage: Stage, text: str) -> FluenzrError:
        farewell = self._client.farewell if self._client else None
        if farewell is not None:
            self._wire.close()
            return self._refusal(stage, f"BYE {self.told(farewell)}")
        if text.endswith("socket error: EOF") or "socket error: unterminated line" in text:
            return self._wire.broken(ProblemCode.CONNECTION_LOST)
        return self._wire.broken(ProblemCode.REPLY_MALFORMED)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= _MOST else None


def _header(data: Mapping[bytes, object]) -> bytes:
    found = next((value for key, value in data.items() if key.startswith(b"BODY[HEADER]")), b"")
    return found if isinstance(found, bytes) else b""
