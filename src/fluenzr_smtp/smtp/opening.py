"""The part of an SMTP session before anybody logs in: greeting, STARTTLS, capabilities, single commands."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint, Protocol
from fluenzr_smtp.problems import Facts, ProblemCode, ServerReply, Stage
from fluenzr_smtp.session import Session, facts
from fluenzr_smtp.smtp.replies import StrictSMTP, is_success, server_reply

_LEAVE_SECONDS = 5.0
_REPLY_BYTES = 256 * 1024  # a reply has a hundred lines at most, those of Google under a kilobyte
_DECIMAL = re.compile(r"[0-9]{1,20}")  # RFC 1870 §3


class SMTPOpening(Session):
    """A connection to a submission server that nobody has logged in to."""

    protocol: ClassVar[Protocol] = Protocol.SMTP

    def __init__(self, endpoint: Endpoint, **how: Any) -> None:  # noqa: ANN401 - as Session has them
        super().__init__(endpoint, **how)
        self._smtp = StrictSMTP(self._wire, told=self.told)
        self.greeting_text = ""

    @property
    def is_open(self) -> bool:
        """Say whether the connection stands, as far as is known."""
        return self._wire.is_open

    # -- opening -------------------------------------------------------------------------------------

    def _connected(self) -> None:
        # RFC 5321 §4.1.4: the address literal is the name of a client that has no other; the
        # machine's own idea of its name is often malformed, and looking it up may take long.
        local = self._wire.local_address()
        self._smtp.local_hostname = f"[IPv6:{local}]" if ":" in local else f"[{local}]"

    def _read_greeting(self) -> str:
        code, text = self._smtp.getreply()
        self._smtp.refuse_others(b"%d %b" % (code, text))
        reply = self._veiled_reply(code, text)
        self._expect(reply, 220)
        self.greeting_text = reply.text
        return reply.text

    def _ask_for_tls(self) -> tuple[str, ...]:
        self._ehlo(Stage.TLS)
        if not self._offers_tls():
            raise self._wire.failure(ProblemCode.TLS_STARTTLS_NOT_OFFERED)
        names = self._capability_names()
        self._expect(self._command("STARTTLS", stage=Stage.TLS), 220)
        return names

    def _offers_tls(self) -> bool:
        return "starttls" in self.capabilities

    def _forget(self) -> None:
        self._smtp.esmtp_features = {}
        self._smtp.does_esmtp = False

    def read_capabilities(self) -> Facts:
        """Ask for the service extensions (RFC 5321 §4.1.1.1), after TLS if there is any."""
        self._ehlo(Stage.CAPABILITIES)
        return facts(
            capabilities=self._capability_names(), mechanisms=tuple(map(self.veiled, self.mechanisms))
        )

    def _ehlo(self, stage: Stage) -> None:
        self._prepare(stage)
        reply = self._veiled_reply(*self._smtp.ehlo())
        if reply.code != 250:
            error = self.refusal(reply, Stage.CAPABILITIES)  # which explains it, whenever it was asked
            raise FluenzrError(replace(error.problem, stage=stage))

    def _capability_names(self) -> tuple[str, ...]:
        return tuple(sorted(self.veiled(name.upper()) for name in self.capabilities))

    @property
    def capabilities(self) -> Mapping[str, str]:
        """The announced extensions: lower-case keyword to parameters."""
        features: dict[str, str] = self._smtp.esmtp_features
        return MappingProxyType(features)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The announced SASL mechanisms, in upper case."""
        return tuple(dict.fromkeys(self.capabilities.get("auth", "").upper().split()))

    def size_limit(self) -> Facts:
        """Tell the largest message that the server announces to take (RFC 1870); None: it names no limit."""
        return facts(announced="size" in self.capabilities, limit_bytes=self.limit_bytes)

    @property
    def limit_bytes(self) -> int | None:
        """The largest message that the server announces to take; None: it names no limit."""
        announced = self.capabilities.get("size", "")
        return (int(announced) or None) if _DECIMAL.fullmatch(announced) else None

    # -- ending --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take leave if the connection still stands, and close it. Never fails."""
        with contextlib.suppress(FluenzrError):
            self._wire.begin(Stage.MESSAGE, timeout=_LEAVE_SECONDS)
            self._smtp.send("QUIT\r\n")
        self._wire.close()
        self.end_step()

    # -- dialogue ------------------------------------------------------------------------------------

    def _prepare(self, stage: Stage) -> None:
        """Begin a step; an unasked reply before a command means that the dialogue is out of step."""
        self._wire.begin(stage, budget=_REPLY_BYTES)
        if not self._wire.has_arrived():
            return
        reply = self._reply()
        if reply.code == 421:  # the one reply that may come unasked (RFC 5321 §3.8)
            raise self.refusal(reply, stage)
        raise self._wire.broken(ProblemCode.UNEXPECTED_DATA)

    def _command(self, line: str, *, stage: Stage) -> ServerReply:
        self._prepare(stage)
        self._smtp.putcmd(line)
        return self._reply()

    def _reply(self) -> ServerReply:
        return self._veiled_reply(*self._smtp.getreply())

    def _veiled_reply(self, code: int, text: bytes) -> ServerReply:
        reply = server_reply(code, text)
        return ServerReply(reply.code, reply.enhanced, self.veiled(reply.text))

    def _expect(self, reply: ServerReply, code: int) -> None:
        if reply.code != code:
            raise self.refusal(reply, self._wire.stage)

    def _expect_success(self, reply: ServerReply) -> None:
        if not is_success(reply):
            raise self.refusal(reply, self._wire.stage)
