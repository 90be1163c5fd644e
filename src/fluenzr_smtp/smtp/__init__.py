"""Submission over the standard library's smtplib (RFC 5321, RFC 6409)."""

from fluenzr_smtp.smtp.session import FINAL_REPLY_SECONDS, SMTPSession

__all__ = ["FINAL_REPLY_SECONDS", "SMTPSession"]
