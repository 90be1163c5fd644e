"""One session with a mailbox over IMAPClient (RFC 9051); it writes where a copy is filed, nowhere else."""

from fluenzr_smtp.imap.filing import FilingSession
from fluenzr_smtp.imap.mailboxes import Mailbox
from fluenzr_smtp.imap.opening import opened
from fluenzr_smtp.imap.reading import Arrived, ReadingSession, is_refusal
from fluenzr_smtp.imap.session import Folder, IMAPSession

__all__ = [
    "Arrived",
    "FilingSession",
    "Folder",
    "IMAPSession",
    "Mailbox",
    "ReadingSession",
    "is_refusal",
    "opened",
]
