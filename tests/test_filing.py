"""The sender's view of the mailboxes: whether a message is there, and a copy of it among the sent mail."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fluenzr_smtp import filing
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Account, Clock, Octets, Secret, Security
from fluenzr_smtp.problems import ProblemCode
from tests.servers.certificates import Authority
from tests.servers.mailhost import MailHost
from tests.servers.scripted import ScriptedServer, mailbox_script
from tests.sessions import (
    PATIENT,
    REAL_CLOCK,
    SECRET,
    SteppingClock,
    account_of,
    endpoint_at,
    endpoint_of,
    secrets_in,
)

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BIG = b"x" * 76 + b"\r\n"


def account(mailhost: MailHost, authority: Authority) -> Account:
    smtp = endpoint_at(mailhost.host, mailhost.submission_port, Security.STARTTLS, authority=authority)
    imap = endpoint_at(mailhost.host, mailhost.imaps_port, Security.IMPLICIT_TLS, authority=authority)
    return account_of(smtp, imap, username=mailhost.second.address)


def filed(mailhost: MailHost, authority: Authority, content: bytes) -> str:
    return filing.save_sent(
        account(mailhost, authority),
        Secret(mailhost.second.secret),
        Octets(content),
        when=WHEN,
        clock=REAL_CLOCK,
        timeout=PATIENT,
    )


def found(mailhost: MailHost, authority: Authority, message_id: str) -> str | None:
    return filing.look_for(
        account(mailhost, authority),
        Secret(mailhost.second.secret),
        message_id,
        clock=REAL_CLOCK,
        timeout=PATIENT,
    )


def mail_of(mailhost: MailHost) -> Path:
    return mailhost.root / "mail" / mailhost.second.address


def stored_files(mailhost: MailHost) -> set[str]:
    """Return the names of all messages; a Maildir keeps what is new, and the flags, in them."""
    mailbox = mail_of(mailhost)
    return {str(file.relative_to(mailbox)) for part in ("new", "cur") for file in mailbox.rglob(f"{part}/*")}


def test_copy_is_filed_as_it_is_and_found_there(mailhost: MailHost, authority: Authority):
    content = b"Message-ID: <filed@shop.test>\r\nSubject: x\r\n\r\n" + BIG * 30_000

    mailbox = filed(mailhost, authority, content)

    assert mailbox == "Sent"
    stored = [
        each.replace(b"\n", b"\r\n") for each in mailhost.maildir(mailhost.second.address, folder="Sent")
    ]
    assert content in stored
    assert found(mailhost, authority, "<filed@shop.test>") == "Sent"


def test_message_that_is_nowhere_is_not_found(mailhost: MailHost, authority: Authority):
    assert found(mailhost, authority, "<nowhere@shop.test>") is None


def test_message_id_that_is_part_of_another_one_is_not_found(mailhost: MailHost, authority: Authority):
    filed(mailhost, authority, b"Message-ID: <longer.part@shop.test>\r\n\r\nx\r\n")

    assert found(mailhost, authority, "part@shop.test>") is None


@pytest.mark.parametrize("message_id", ["<a>\r\nX1 DELETE INBOX", "<a b@c>", "", "<é@shop.test>"])
def test_message_id_that_could_end_the_command_is_refused(
    mailhost: MailHost, authority: Authority, message_id: str
):
    with pytest.raises(FluenzrError) as caught:
        found(mailhost, authority, message_id)

    assert caught.value.problem.code is ProblemCode.MESSAGE_MALFORMED


def test_copy_that_cannot_be_filed_is_told_with_its_cause(mailhost: MailHost, authority: Authority):
    with pytest.raises(FluenzrError) as caught:
        filing.save_sent(
            account(mailhost, authority),
            Secret("wrong"),
            Octets(b"x\r\n"),
            when=WHEN,
            clock=REAL_CLOCK,
            timeout=PATIENT,
        )

    problem = caught.value.problem
    assert problem.code is ProblemCode.SENT_NOT_SAVED
    assert problem.facts == {"host": mailhost.host, "detail": "auth-rejected"}
    assert problem.reply is not None


def test_looking_for_a_message_changes_nothing(mailhost: MailHost, authority: Authority):
    filed(mailhost, authority, b"Message-ID: <unchanged@shop.test>\r\n\r\nx\r\n")
    before = stored_files(mailhost)

    where = found(mailhost, authority, "<unchanged@shop.test>")

    assert where == "Sent"
    assert stored_files(mailhost) == before


def test_copy_is_marked_as_read_and_bears_the_time_it_is_given(mailhost: MailHost, authority: Authority):
    before = stored_files(mailhost)

    filed(mailhost, authority, b"Message-ID: <marked@shop.test>\r\n\r\nx\r\n")

    (new,) = stored_files(mailhost) - before
    assert new.endswith("S")
    assert (mail_of(mailhost) / new).stat().st_mtime == WHEN.timestamp()


_FILER = """
import os, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from fluenzr_smtp import content, filing
from fluenzr_smtp.model import Account, Endpoint, Octets, Secret, Security
from tests.sessions import REAL_CLOCK

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

host, port, authority, address, path = sys.argv[1:]
imap = Endpoint(
    host=host, port=int(port), security=Security.IMPLICIT_TLS, authority=Path(authority).read_text("ascii")
)
account = Account(name="shop", address=address, smtp=imap, username=address, imap=imap)
secret = Secret(sys.stdin.read())
big = content.opened(path, os.open(path, os.O_RDONLY))
def save(message):
    when = datetime(2026, 1, 2, tzinfo=UTC)
    filing.save_sent(account, secret, message, when=when, clock=REAL_CLOCK, timeout=30.0)
save(Octets(b"Subject: small\\r\\n\\r\\nx\\r\\n"))
before = peak()
save(content.joined([Octets(b"Subject: big\\r\\n\\r\\n"), content.Base64(big)]))
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_copy(mailhost: MailHost, authority: Authority, tmp_path: Path):
    attachment = tmp_path / "big"
    with attachment.open("wb") as file:
        file.truncate(50_000_000)
    before = stored_files(mailhost)
    login = mailhost.second

    done = subprocess.run(
        [sys.executable, "-c", _FILER, mailhost.host, str(mailhost.imaps_port), str(mailhost.ca_file),
         login.address, str(attachment)],
        input=login.secret, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent.parent,
    )  # fmt: skip

    new = [(mail_of(mailhost) / each) for each in stored_files(mailhost) - before]
    sizes = sorted(each.stat().st_size for each in new)
    for each in new:
        each.unlink()
    assert done.stderr == ""
    assert int(done.stdout) < 8_000_000
    assert len(sizes) == 2
    assert sizes[1] > 50_000_000 * 4 // 3


SCRIPTED_LOOK = {"SEARCH": b"* SEARCH 1\r\n<tag> OK done\r\n"}


def scripted_account(server: ScriptedServer) -> Account:
    endpoint = endpoint_of(server)
    return account_of(endpoint, endpoint)


def save_at(server: ScriptedServer) -> str:
    return filing.save_sent(
        scripted_account(server), SECRET, Octets(b"x\r\n"), when=WHEN, clock=REAL_CLOCK, timeout=PATIENT
    )


def look_at(server: ScriptedServer, *, clock: Clock = REAL_CLOCK) -> str | None:
    return filing.look_for(scripted_account(server), SECRET, "<a@shop.test>", clock=clock, timeout=PATIENT)


def test_mailbox_of_sent_mail_is_made_where_there_is_none():
    with ScriptedServer(mailbox_script()) as server:
        mailbox = save_at(server)
        connection = server.finished_connection()

    assert mailbox == "Sent"
    verbs = [line.split()[1] for line in connection.commands if b" " in line]
    assert verbs[-5:] == [b"LIST", b"CREATE", b"SUBSCRIBE", b"APPEND", b"LOGOUT"]
    assert connection.messages == [b"x\r\n"]


def test_wrong_secret_is_tried_once():
    script = mailbox_script(overrides={"AUTHENTICATE": b"NO [AUTHENTICATIONFAILED] no"})

    with ScriptedServer(script) as server:
        with pytest.raises(FluenzrError):
            save_at(server)
        connection = server.finished_connection()

    assert len(server.connections) == 1
    assert sum(b"AUTHENTICATE" in line or b"LOGIN" in line for line in connection.commands) == 1


def test_mailbox_named_like_the_secret_does_not_give_it_away():
    name = SECRET.reveal().encode()
    fields = b"Message-ID: <a@shop.test>\r\n\r\n"
    answers = {
        "LIST": b'* LIST (\\Sent) "/" "' + name + b'"\r\n<tag> OK done\r\n',
        "FETCH": b"* 1 FETCH (UID 1 BODY[HEADER]<0> {%d}\r\n%b)\r\n<tag> OK done\r\n" % (len(fields), fields),
    }

    with ScriptedServer(mailbox_script(overrides=SCRIPTED_LOOK | answers)) as server:
        where = (save_at(server), look_at(server))

    assert all(each and not secrets_in(each) for each in where)


def test_looking_everywhere_ends_in_time():
    boxes = b"".join(b'* LIST () "/" m%d\r\n' % number for number in range(2000))
    ticking = SteppingClock(per_look=0.05)

    with ScriptedServer(mailbox_script(overrides={"LIST": boxes + b"<tag> OK done\r\n"})) as server:
        began = ticking.seconds
        with pytest.raises(FluenzrError) as caught:
            look_at(server, clock=ticking.clock)

    assert caught.value.problem.code is ProblemCode.REPLY_TIMEOUT
    assert ticking.seconds - began < 25 * PATIENT


def test_account_without_imap_has_no_mailboxes(authority: Authority):
    account = account_of(endpoint_at("localhost", 1, Security.STARTTLS, authority=authority))

    with pytest.raises(FluenzrError) as looked:
        filing.look_for(account, SECRET, "<a@shop.test>", clock=REAL_CLOCK, timeout=PATIENT)
    with pytest.raises(FluenzrError) as saved:
        filing.save_sent(account, SECRET, Octets(b"x"), when=WHEN, clock=REAL_CLOCK, timeout=PATIENT)

    assert looked.value.problem.code is ProblemCode.ACCOUNT_IMAP_NONE
    assert saved.value.problem.facts["detail"] == "account-imap-none"
