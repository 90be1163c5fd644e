"""One submission session over the standard library's smtplib, stage by stage.

smtplib speaks the protocol; what it leaves open is held here: replies are parsed strictly and within
bounds, nothing goes out before TLS is verified, one mechanism is tried once, and an answer that is lost
after the last byte of the message is named for what it is: in doubt (RFC 1047).
"""

from __future__ import annotations

import base64

from fluenzr_smtp import bearer
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import Facts, FactValue, ProblemCode, ServerReply, Stage
from fluenzr_smtp.session import facts
from fluenzr_smtp.smtp.flights import SMTPFlights
from fluenzr_smtp.smtp.login import MECHANISMS, plain_response, responses
from fluenzr_smtp.smtp.replies import reply_line

_LONGEST_LINE = 512  # octets of AUTH with its response (RFC 4954 §4, RFC 5321 §4.5.3.1.4)


class SMTPSession(SMTPFlights):
    """One connection to a submission server. Not reusable after a failure; ``close`` it in any case."""

    # -- login ---------------------------------------------------------------------------------------

    def _log_in(self, username: str, secret: Secret) -> Facts:
        self._wire.begin(Stage.AUTH)
        self._refuse_control_characters(username, secret.reveal())
        usable = bearer.MECHANISMS if secret.is_token else MECHANISMS
        mechanism = self._pick_mechanism(self.mechanisms, usable)
        known: dict[str, FactValue] = {
            "mechanism": mechanism,
            "mechanisms": tuple(map(self.veiled, self.mechanisms)),
            "username": username,
        }
        reply = self._prove(mechanism, username, secret.reveal())
        if reply.code != 235:
            raise self.refusal(reply, Stage.AUTH, **known)
        return facts(answer=reply_line(reply), **known)

    def _prove_by_token(self, mechanism: str, username: str, token: str) -> ServerReply:
        host, port = self.endpoint.host, self.endpoint.port
        response = _base64(bearer.first_response(mechanism, username, token, host=host, port=port))
        line = f"AUTH {mechanism} {response}"
        if len(line) + len("\r\n") <= _LONGEST_LINE:
            reply = self._command(line, stage=Stage.AUTH)
        else:
            reply = self._command(f"AUTH {mechanism}", stage=Stage.AUTH)
        if reply.code == 334 and not reply.text.strip():  # the response is wanted by itself
            reply = self._command(response, stage=Stage.AUTH)
        if reply.code == 334:
            self._token_refusal = bearer.refusal(reply.text)
            reply = self._command(_base64(bearer.last_response(mechanism)), stage=Stage.AUTH)
        return reply

    def _prove(self, mechanism: str, username: str, secret: str) -> ServerReply:
        if mechanism in bearer.MECHANISMS:
            return self._prove_by_token(mechanism, username, secret)
        if mechanism == "PLAIN":  # with the initial response of RFC 4954 §4
            response = plain_response(username, secret)
            reply = self._command(f"AUTH PLAIN {response}", stage=Stage.AUTH)
            return self._command(response, stage=Stage.AUTH) if reply.code == 334 else reply
        reply = self._command(f"AUTH {mechanism}", stage=Stage.AUTH)
        for answer in responses(mechanism, username, secret):
            if reply.code != 334:
                break
            reply = self._command(answer(self._challenge(reply)), stage=Stage.AUTH)
        return reply

    def _challenge(self, reply: ServerReply) -> bytes:
        try:
            return base64.b64decode(reply.text)
        except ValueError as error:
            raise self._wire.broken(ProblemCode.REPLY_MALFORMED) from error

    # -- transaction ---------------------------------------------------------------------------------

    def check_sender(self, address: str) -> Facts:
        """Name a sender; nothing is sent."""
        self._wire.begin(Stage.SENDER)
        options = "" if address.isascii() else f" {self._smtputf8()}"
        self._expect_success(self._command(f"MAIL FROM:{self._path(address)}{options}", stage=Stage.SENDER))
        return facts(sender=address)

    def check_recipient(self, address: str) -> Facts:
        """Name a recipient and take the transaction back: nothing is sent."""
        self._wire.begin(Stage.RECIPIENT)
        self._expect_success(self._command(f"RCPT TO:{self._path(address)}", stage=Stage.RECIPIENT))
        self._command("RSET", stage=Stage.RECIPIENT)
        return facts(recipient=address)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
