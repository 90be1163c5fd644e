"""A private OpenSMTPD: where TLS is spoken a login is required; only mail for its own domain is taken.

Version 6.8, which Debian 12 has, cannot do TLS with OpenSSL 3: each handshake ends in an internal error
(OpenSMTPD's issues 1171 and 1239). The port without TLS therefore wants no login.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from string import Template

from tests.servers.certificates import Authority
from tests.servers.unpacked import (
    CERTIFICATE,
    DOMAIN,
    HOST_NAME,
    KEY,
    SHOP,
    Ports,
    Recipe,
    RunningServer,
    output_of,
    owned,
    running_server,
)

SIZE_LIMIT = 1_000_000

_CONFIGURATION_FILE = "/etc/smtpd.conf"
_MAILBOX_OWNER = "vmail"
_USERS = ("opensmtpd", "opensmtpq", _MAILBOX_OWNER)

_CONFIGURATION = Template("""\
pki server cert "$certificate"
pki server key "$key"
smtp max-message-size "$size_limit"
table logins { "$address" = "$hashed" }
table mailboxes { "$address" = "$owner" }
listen on 127.0.0.1 port $starttls_port tls pki server hostname $host_name auth <logins>
listen on 127.0.0.1 port $implicit_tls_port smtps pki server hostname $host_name auth <logins>
listen on 127.0.0.1 port $plain_port hostname $host_name
action "keep" maildir "/var/mail/%{dest.user}" virtual <mailboxes>
match from any for domain "$domain" action "keep"
""")


@contextlib.contextmanager
def running_opensmtpd(authority: Authority) -> Iterator[RunningServer]:
    """Run OpenSMTPD: the login is ``RunningServer.login``, which is the only mailbox, too."""
    recipe = Recipe(
        name="opensmtpd",
        greeting=b"220 ",
        users=_USERS,
        command=("/usr/sbin/smtpd", "-d", "-f", _CONFIGURATION_FILE),
        configure=_configure,
    )
    with running_server(recipe, authority) as server:
        yield server


def _configure(root: Path, ports: Ports) -> None:
    owned(root / "var" / "lib" / "opensmtpd" / "empty", mode=0o755)
    owned(root / "var" / "spool" / "smtpd", mode=0o711)
    hashed = output_of(root, "/usr/libexec/opensmtpd/encrypt", told=f"{SHOP.secret}\n").strip()
    configuration = root / _CONFIGURATION_FILE.lstrip("/")
    configuration.write_text(
        _CONFIGURATION.substitute(
            host_name=HOST_NAME,
            starttls_port=ports.starttls,
            implicit_tls_port=ports.implicit_tls,
            plain_port=ports.plain,
            certificate=CERTIFICATE,
            key=KEY,
            size_limit=SIZE_LIMIT,
            domain=DOMAIN,
            address=SHOP.address,
            hashed=hashed,
            owner=_MAILBOX_OWNER,
        ),
        "ascii",
    )
    configuration.chmod(0o600)
