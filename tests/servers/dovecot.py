"""A private Dovecot 2.3: IMAP with STARTTLS and with implicit TLS, and the logins of a Postfix.

It runs in folders of its own on loopback ports of its own, under the users that the Debian package made.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.servers.certificates import ServerCertificate
from tests.servers.environment import ENVIRONMENT

SUPPORTED_VERSION = "2.3."

_CONFIGURATION = Template("""\
base_dir = $root/run
state_dir = $root/state
log_path = $root/dovecot.log
listen = 127.0.0.1
protocols = imap
ssl = required
ssl_cert = <$certificate
ssl_key = <$key
disable_plaintext_auth = yes
auth_mechanisms = plain login$mechanisms
auth_username_chars =
auth_failure_delay = 0
mail_location = maildir:$root/mail/%u
mail_max_userip_connections = 100
first_valid_uid = 1

$tokens
passdb {
  driver = passwd-file
  args = scheme=PLAIN $root/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$root/home/%u
}
namespace inbox {
  inbox = yes
  mailbox Junk {
    auto = subscribe
    special_use = \\Junk
  }
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
}
service imap-login {
  inet_listener imap {
    port = $imap_port
  }
  inet_listener imaps {
    port = $imaps_port
    ssl = yes
  }
}
service auth {
  unix_listener $auth_socket {
    mode = 0660
    user = postfix
    group = postfix
  }
}
# Without this, each wrong password makes the next login from the same address wait longer.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
""")

_TOKENS = """
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %s
}
"""
_OAUTH = """
introspection_mode = %s
introspection_url = %s
username_attribute = email
active_attribute = active
active_value = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dovecot:
    """What a private Dovecot needs to know. ``root`` is its folder, open to other users to pass through.

    ``introspection`` is where to ask whether a token holds (RFC 7662): the token is posted to it, or put
    behind it where it ends in ``=``. Without one nobody logs in by a token.
    """

    root: Path
    imap_port: int
    imaps_port: int
    certificate: ServerCertificate
    auth_socket: Path
    secrets: Mapping[str, str]
    introspection: str = ""

    @property
    def log_file(self) -> Path:
        """Where it tells what it does."""
        return self.root / "dovecot.log"

    def command(self) -> list[str]:
        """Write folders and configuration and return the command that runs it in the foreground."""
        configuration = self.root / "dovecot.conf"
        configuration.write_text(self._configuration(), "utf-8")
        users = "".join(f"{address}:{secret}\n" for address, secret in self.secrets.items())
        (self.root / "users").write_text(users, "utf-8")
        # Dovecot's own processes read the users after they have given up root.
        (self.root / "users").chmod(0o644)
        if self.introspection:
            mode = "get" if self.introspection.endswith("=") else "post"
            self._oauth.write_text(_OAUTH % (mode, self.introspection), "utf-8")
        return ["dovecot", "-F", "-c", str(configuration)]

    @property
    def _oauth(self) -> Path:
        return self.root / "oauth2.conf.ext"

    def _configuration(self) -> str:
        return _CONFIGURATION.substitute(
            root=self.root,
            certificate=self.certificate.certificate,
            key=self.certificate.key,
            imap_port=self.imap_port,
            imaps_port=self.imaps_port,
            auth_socket=self.auth_socket,
            mechanisms=" oauthbearer xoauth2" if self.introspection else "",
            tokens=_TOKENS % self._oauth if self.introspection else "",
        )


def dovecot_version() -> str:
    """Return the version of the Dovecot on the search path, such as ``2.3.19.1``."""
    asked = subprocess.run(
        ["dovecot", "--version"], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return asked.stdout.strip()
