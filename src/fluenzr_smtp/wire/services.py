"""Services other than the one that was looked for, known by the first words that they say."""

from __future__ import annotations

import re

_FTP = re.compile(
    rb"220[ -](?!.*smtp).*(?:(?<![\w.-])(?:vs|pro|pure-)?ftpd?(?![\w.-])|filezilla)", re.IGNORECASE
)
# The first row that fits decides: FTP greets with 220 as SMTP does, but says its name.
_ROWS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"HTTP/|<!doctype|<html", re.IGNORECASE), "HTTP"),
    (re.compile(rb"SSH-"), "SSH"),
    (re.compile(rb"\+OK|-ERR"), "POP3"),
    (re.compile(rb"\* (OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE), "IMAP"),
    (re.compile(rb"20[01][ -]"), "NNTP"),
    (_FTP, "FTP"),
    (re.compile(rb"[245][0-9]{2}[ -]"), "SMTP"),
    (re.compile(rb'"IMPLEMENTATION"', re.IGNORECASE), "ManageSieve"),
    (re.compile(rb"<\?xml|<stream:"), "XMPP"),
    (re.compile(rb"RFB [0-9]{3}\."), "VNC"),
)  # fmt: skip


def service_of(greeting: bytes) -> str:
    """Return the name of the service that greets so; empty where nothing is known by it."""
    return next((name for pattern, name in _ROWS if pattern.match(greeting[:1024])), "")
