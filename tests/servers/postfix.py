"""A private Postfix: a submission server as a provider runs it, with STARTTLS, implicit TLS and logins.

It runs in folders of its own on loopback ports of its own and asks no name server for anything. It delivers
to the Maildirs of its domain, accepts and discards what is for ``DISCARDED_DOMAIN``, and relays nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import ServerCertificate
from tests.servers.environment import ENVIRONMENT

DOMAIN = "shop.test"
HOST_NAME = "mail.shop.test"
DISCARDED_DOMAIN = "elsewhere.test"
GREYLISTED = "greylisted@elsewhere.test"
VERDICT = f"{HOST_NAME}; spf=pass smtp.mailfrom={DOMAIN}; dkim=none; dmarc=pass header.from={DOMAIN}"

# The queue's folders and who may use them, as post-install(1) makes them.
_PRIVATE = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)
_PUBLIC = ("maildrop", "public")

_SERVICES = """\
127.0.0.1:{submission} inet n - n - - smtpd -o syslog_name=postfix/submission
127.0.0.1:{smtps} inet n - n - - smtpd -o syslog_name=postfix/smtps -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postfix:
    """What a private Postfix needs to know. ``root`` is its folder, open to other users to pass through."""

    root: Path
    submission_port: int
    smtps_port: int
    certificate: ServerCertificate
    mail: Path
    addresses: Sequence[str]
    message_size_limit: int

    @property
    def log_file(self) -> Path:
        """Where it tells what it does."""
        return self.root / "postfix.log"

    @property
    def auth_socket(self) -> Path:
        """Where it asks whether a login is right."""
        return self.root / "queue" / "private" / "auth"

    def command(self) -> list[str]:
        """Write folders and configuration and return the command that runs it in the foreground."""
        self._make_folders()
        configuration = self.root / "etc"
        services = _SERVICES.format(submission=self.submission_port, smtps=self.smtps_port)
        settings = "".join(f"{name} = {value}\n" for name, value in self._settings().items())
        (configuration / "main.cf").write_text(settings, "utf-8")
        (configuration / "master.cf").write_text(services, "ascii")
        self._write_tables()
        for file in configuration.iterdir():
            # Postfix waits until its files are some seconds old, lest it read a half-written one.
            os.utime(file, (0, 0))
        return [str(_daemons() / "master"), "-c", str(configuration), "-d"]

    def _make_folders(self) -> None:
        for name in ("etc", "queue", "queue/pid"):
            (self.root / name).mkdir()
        for name in (*(f"queue/{folder}" for folder in (*_PRIVATE, *_PUBLIC)), "data"):
            (self.root / name).mkdir(mode=0o700)
            shutil.chown(self.root / name, user="postfix")
        for name in _PUBLIC:
            shutil.chown(self.root / "queue" / name, group="postdrop")
            (self.root / "queue" / name).chmod(0o730)

    def _write_tables(self) -> None:
        configuration = self.root / "etc"
        mailboxes = "".join(f"{address} {address}/\n" for address in self.addresses)
        owners = "".join(f"{address} {address}\n" for address in self.addresses)
        (configuration / "mailboxes").write_text(mailboxes, "utf-8")
        (configuration / "owners").write_text(owners, "utf-8")
        (configuration / "recipients").write_text(
            f"{GREYLISTED} 450 4.2.0 Greylisted, try again later\n", "utf-8"
        )

    def _settings(self) -> dict[str, str]:
        return {
            **self._place_settings(),
            **self._session_settings(),
            **self._policy_settings(),
            **self._delivery_settings(),
        }

    def _place_settings(self) -> dict[str, str]:
        return {
            "compatibility_level": "3.6",
            "queue_directory": f"{self.root}/queue",
            "data_directory": f"{self.root}/data",
            "daemon_directory": str(_daemons()),
            "maillog_file": str(self.log_file),
            "maillog_file_prefixes": str(self.root),
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": HOST_NAME,
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "smtpd_peername_lookup": "no",
        }

    def _session_settings(self) -> dict[str, str]:
        return {
            "smtpd_tls_security_level": "encrypt",
            "smtpd_tls_auth_only": "yes",
            "smtpd_tls_chain_files": f"{self.certificate.key}, {self.certificate.certificate}",
            "smtpd_tls_session_cache_database": "",
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": "private/auth",
            "smtpd_helo_required": "yes",
            "smtpd_error_sleep_time": "0",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_client_connection_rate_limit": "0",
            "smtputf8_enable": "yes",
            "message_size_limit": str(self.message_size_limit),
            "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0",
        }

    def _policy_settings(self) -> dict[str, str]:
        configuration = self.root / "etc"
        # A receiver puts its verdict above the message (RFC 8601 §4); here it is the same for each.
        verdict = f"PREPEND Authentication-Results: {VERDICT}"
        return {
            "mynetworks": "",
            "smtpd_client_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_sender_login_maps": f"texthash:{configuration}/owners",
            "smtpd_sender_restrictions": "reject_sender_login_mismatch",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "smtpd_recipient_restrictions": f"check_recipient_access texthash:{configuration}/recipients",
            "smtpd_data_restrictions": f"check_client_access static:{{{verdict}}}",
        }

    def _delivery_settings(self) -> dict[str, str]:
        return {
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "virtual_mailbox_domains": DOMAIN,
            "virtual_mailbox_maps": f"texthash:{self.root}/etc/mailboxes",
            "virtual_mailbox_base": str(self.mail),
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{self.mail.stat().st_uid}",
            "virtual_gid_maps": f"static:{self.mail.stat().st_gid}",
            "relay_domains": DISCARDED_DOMAIN,
            "relay_transport": "discard:",
            "default_transport": "error:nothing leaves this machine",
        }


def _daemons() -> Path:
    # Asked with the built-in defaults: a Postfix that was never set up has no main.cf.
    command = ["postconf", "-dh", "daemon_directory"]
    asked = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return Path(asked.stdout.strip())
