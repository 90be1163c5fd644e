"""Submission over the standard library's smtplib (RFC 5321, RFC 6409)."""

from fluenzr_smtp.smtp.flights import FINAL_REPLY_SECONDS, WINDOW, Settled
from fluenzr_smtp.smtp.session import SMTPSession
from fluenzr_smtp.smtp.trust import PromiseBrokenError
from fluenzr_smtp.tls import Resumption

__all__ = ["FINAL_REPLY_SECONDS", "WINDOW", "PromiseBrokenError", "Resumption", "SMTPSession", "Settled"]
