"""One read-only session with a mailbox over IMAPClient (RFC 9051)."""

from fluenzr_smtp.imap.session import Folder, IMAPSession

__all__ = ["Folder", "IMAPSession"]
