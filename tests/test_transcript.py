"""The dialogue as it may be shown: with its times, within bounds, and without the secret in any form."""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.diagnosis import diagnose
from fluenzr_smtp.model import Clock, Protocol, Secret, Security
from fluenzr_smtp.problems import Stage
from fluenzr_smtp.smtp import SMTPSession
from fluenzr_smtp.transcript import MAX_CHARACTERS, MAX_LINES, Dialogue, Line, Transcript
from fluenzr_smtp.veil import Veil
from tests.servers.scripted import (
    Close,
    Endless,
    Script,
    ScriptedServer,
    Send,
    mailbox_script,
    submission_script,
)
from tests.sessions import (
    CONTENT,
    PATIENT,
    REAL_CLOCK,
    REPEATED_SECRETS,
    SECRET,
    USERNAME,
    SteppingClock,
    endpoint_of,
    secrets_in,
    submission_to,
    target_of,
)


class Noted:
    """A dialogue with its transcript, and the lines that come out of it."""

    def __init__(self, *, clock: Clock = REAL_CLOCK, secret: Secret | None = SECRET) -> None:
        self.lines: list[Line] = []
        self.transcript = Transcript(self.lines.append, clock=clock)
        veil = Veil() if secret is None else Veil(secret)
        self.dialogue = Dialogue(self.transcript, protocol=Protocol.SMTP, veiled=veil.over)

    @property
    def shown(self) -> list[str]:
        self.dialogue.flush()
        return [f"{line.direction} {line.text}" for line in self.lines]


def recorded(smtp: Script | None, imap: Script | None = None, **how: Any) -> list[Line]:
    """Return the transcript of a diagnosis of servers that play these scripts."""
    lines: list[Line] = []
    with (
        ScriptedServer(smtp or submission_script()) as submission,
        ScriptedServer(imap or mailbox_script()) as mailbox,
    ):
        target = target_of(endpoint_of(submission), endpoint_of(mailbox))
        checks = diagnose(
            target,
            SECRET,
            clock=REAL_CLOCK,
            timeout=PATIENT,
            known={},
            try_usernames=True,
            record=lines.append,
            **how,
        )
        for _ in checks:
            pass
    return lines


def shown(lines: list[Line], protocol: Protocol) -> list[str]:
    return [f"{line.direction} {line.text}" for line in lines if line.protocol is protocol]


class TestDialogue:
    def test_submission_is_told_line_by_line(self):
        lines = shown(recorded(None), Protocol.SMTP)

        assert lines[0].startswith("* connected to 127.0.0.1 port ")
        assert lines[1:4] == ["S 220 scripted.test ESMTP ready", "C ehlo [127.0.0.1]", "S 250-scripted.test"]
        assert lines[lines.index("C AUTH PLAIN ***") + 1] == "S 235 2.7.0 Authentication successful"
        assert lines[-2:] == ["C QUIT", "* closed"]

    def test_mailbox_is_told_line_by_line(self):
        lines = shown(recorded(None), Protocol.IMAP)
        tagless = [line.partition(" ")[2].partition(" ")[2] for line in lines if line.startswith("C ")]

        assert "S * OK Scripted IMAP ready" in lines
        assert tagless[:3] == ["CAPABILITY", "AUTHENTICATE PLAIN ***", ""] or "AUTHENTICATE PLAIN" in tagless
        assert {"C DONE", "S + idling", "C fluenzr LOGOUT", "* closed"} <= set(lines)

    def test_times_grow_from_the_start(self):
        lines = recorded(None)

        times = [line.at for line in lines]
        assert times == sorted(times)
        assert timedelta(0) <= times[0] < times[-1]

    def test_lines_come_before_the_check_that_they_lead_to(self):
        lines: list[Line] = []

        with ScriptedServer(submission_script()) as server:
            checks = diagnose(
                target_of(endpoint_of(server)),
                SECRET,
                clock=REAL_CLOCK,
                timeout=PATIENT,
                known={},
                try_usernames=False,
                record=lines.append,
            )
            seen = {check.stage: len(lines) for check in checks}

        assert lines[seen[Stage.CAPABILITIES] - 1].text.startswith("250 ")
        assert lines[seen[Stage.AUTH] - 1].text.startswith("235 ")

    def test_encryption_is_an_event(self, authority):
        lines: list[Line] = []
        with ScriptedServer(submission_script(tls_context=authority.valid().context())) as server:
            endpoint = endpoint_of(server, Security.STARTTLS, authority=authority)
            transcript = Transcript(lines.append, clock=REAL_CLOCK)
            session = SMTPSession(endpoint, clock=REAL_CLOCK, timeout=PATIENT, transcript=transcript)
            session.open()
            session.close()

        said = shown(lines, Protocol.SMTP)
        assert any(line.startswith("* TLSv1.3 TLS_") for line in said)
        assert said.index("C STARTTLS") < next(n for n, line in enumerate(said) if "TLSv1" in line)

    def test_content_of_a_message_is_counted_and_not_told(self):
        lines: list[Line] = []
        with ScriptedServer(submission_script()) as server:
            transcript = Transcript(lines.append, clock=REAL_CLOCK)
            session = SMTPSession(
                endpoint_of(server), clock=REAL_CLOCK, timeout=PATIENT, transcript=transcript
            )
            session.open()
            session.submit(submission_to())
            session.close()

        said = shown(lines, Protocol.SMTP)
        size = len(CONTENT + b".\r\n")  # with the line that ends it
        assert f"C ({size} bytes of the message)" in said
        assert "canary-body" not in repr(lines)

    def test_literals_are_counted_and_not_told(self):
        answer = b"* OK {11}\r\ncanary-body said\r\n<tag> OK [READ-ONLY] Examined\r\n"

        lines = recorded(None, mailbox_script(overrides={"EXAMINE": answer}))

        assert "S (11 bytes)" in shown(lines, Protocol.IMAP)
        assert "canary-body" not in repr(lines)


class TestSecret:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
    def test_what_proves_a_login_is_left_out(self, mechanism):
        lines = recorded(submission_script(mechanisms=mechanism))

        said = shown(lines, Protocol.SMTP)
        assert f"C AUTH {mechanism} ***" in said or f"C AUTH {mechanism}" in said
        assert any(line.startswith("S 235 ") for line in said)
        assert forms_in(lines) == []

    @pytest.mark.parametrize("capabilities", ["IMAP4rev1 SASL-IR AUTH=PLAIN", "IMAP4rev1"])
    def test_what_proves_a_login_to_the_mailbox_is_left_out(self, capabilities):
        lines = recorded(None, mailbox_script(capabilities=capabilities.split()))

        assert any("***" in line for line in shown(lines, Protocol.IMAP))
        assert forms_in(lines) == []

    @REPEATED_SECRETS
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(b"535 5.7.8 %b\r\n", id="refusal"),
            pytest.param(b"535-%b\r\n535 %b\r\n", id="two-lines"),
            pytest.param(b"%b\r\n", id="no-reply"),
            pytest.param(b"%b", id="half-a-line"),
            pytest.param(b"334 %b\r\n", id="challenge"),
        ],
    )
    def test_secret_that_a_server_repeats_is_struck_out(self, repeated, reply):
        answer = (Send(reply.replace(b"%b", repeated)), Close())
        told = b"NO " + repeated

        lines = recorded(
            submission_script(overrides={"AUTH": answer, "GREETING": b"220 " + repeated}),
            mailbox_script(overrides={"AUTHENTICATE": told, "CAPABILITY": told}),
        )

        assert lines
        assert secrets_in(repr(lines)) == []
        assert forms_in(lines) == []

    @pytest.mark.parametrize(
        "lines",
        [
            pytest.param([b"535-canary-se\r\n", b"535 cret-5e1f\r\n"], id="in-halves"),
            pytest.param([b"535-5.7.8 canary-se\r\n", b"535 5.7.8 cret-5e1f\r\n"], id="with-status"),
            pytest.param([b"535-%c\r\n" % each for each in b"canary-secret-5e1f"], id="letter-by-letter"),
        ],
    )
    def test_secret_that_is_broken_over_lines_is_struck_out(self, lines):
        noted = Noted()

        for line in lines:
            noted.dialogue.heard(line, stage=Stage.AUTH)

        assert "".join(noted.shown).replace("S 535-", "").replace(" ", "").count("c") == 0

    def test_secret_that_looks_like_a_tag_is_struck_out(self):
        noted = Noted(secret=Secret("hunter2"))

        noted.dialogue.heard(b"hunter2 OK done\r\n", stage=Stage.MAILBOX)

        assert noted.shown == ["S … OK done"]

    @given(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=8, max_size=40),
        st.sampled_from(["AUTH PLAIN {}", "{}", "A1 LOGIN {}", "A1 AUTHENTICATE PLAIN {}", "AUTH {} {}"]),
    )
    def test_nothing_of_a_login_but_command_and_mechanism_is_told(self, secret, form):
        proof = base64.b64encode(f"\0u\0{secret}".encode()).decode()
        noted = Noted(secret=None)

        noted.dialogue.said(form.format(proof, proof).encode() + b"\r\n", stage=Stage.AUTH)

        (line,) = noted.shown
        assert proof not in line
        assert set(line.split()) <= {"C", "A1", "AUTH", "PLAIN", "LOGIN", "AUTHENTICATE", "***"}


class TestBounds:
    def test_long_line_is_cut(self):
        noted = Noted()

        noted.dialogue.heard(b"x" * 60_000 + b"\r\n", stage=Stage.GREETING)

        (line,) = noted.shown
        assert (len(line), line[-1]) == (MAX_CHARACTERS + 2, "…")

    def test_endless_lines_end_in_one_ellipsis(self):
        noted = Noted()

        for _ in range(MAX_LINES + 500):
            noted.dialogue.heard(b"220-x\r\n", stage=Stage.GREETING)

        assert noted.shown[-2:] == ["S 220-x", "* …"]
        assert len(noted.lines) == MAX_LINES + 1

    def test_flood_of_a_server_is_bounded(self):
        lines = recorded(None, mailbox_script(overrides={"EXAMINE": Endless(b"* 1 EXISTS\r\n")}))

        assert len(lines) == MAX_LINES + 1

    def test_what_is_not_printable_is_escaped(self):
        noted = Noted()

        noted.dialogue.heard(b"220 \x1b[2J\0\xff\xe2\x80\xae ok\r\n", stage=Stage.GREETING)

        assert noted.shown == ["S 220 \\x1b[2J\\x00\\xff\\u202e ok"]

    @given(st.binary(max_size=300))
    def test_whatever_comes_is_printable_and_on_one_line(self, data):
        noted = Noted()

        noted.dialogue.heard(data, stage=Stage.GREETING)
        noted.dialogue.said(data, stage=Stage.CAPABILITIES)

        assert all(line.isprintable() for line in noted.shown)

    def test_without_a_transcript_nothing_is_kept(self):
        dialogue = Dialogue(None, protocol=Protocol.SMTP, veiled=str)

        dialogue.heard(b"220 hi\r\n", stage=Stage.GREETING)
        dialogue.said(b"EHLO x\r\n", stage=Stage.CAPABILITIES)
        dialogue.flush()

        assert dialogue.is_empty

    def test_clock_gives_the_time(self):
        stepping = SteppingClock(per_look=0.5)
        noted = Noted(clock=stepping.clock)

        noted.dialogue.happened("one")
        noted.dialogue.happened("two")

        assert [line.at.total_seconds() for line in noted.lines] == [0.5, 1.0]


def forms_in(lines: list[Line]) -> list[str]:
    """Return in which forms the secret stands in a transcript: in clear, quoted, in base64, as a digest."""
    hidden = SECRET.reveal()
    plain = f"\0{USERNAME}\0{hidden}"
    digest = hmac.new(hidden.encode(), b"", "md5").hexdigest()
    forms = {
        "clear": hidden,
        "quoted": hidden.replace("-", "\\-"),
        "base64": base64.b64encode(hidden.encode()).decode().rstrip("="),
        "plain": base64.b64encode(plain.encode()).decode().rstrip("="),
        "digest": digest,
        "proof": base64.b64encode(f"{USERNAME} {digest}".encode()).decode().rstrip("="),
    }
    text = "\n".join(line.text for line in lines)
    return [name for name, form in forms.items() if form in text]
