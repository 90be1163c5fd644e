"""A private Cyrus IMAP: a list of secrets of its own (SASL), and an inbox that is made at the first login."""

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
    own,
    owned,
    running_server,
)

_USER = "cyrus"
_SECRETS = "/etc/sasldb2"
_FOLDERS = (
    "var/lib/cyrus",
    "var/lib/cyrus/socket",
    "var/spool/cyrus",
    "run/cyrus",
    "run/cyrus/proc",
    "run/cyrus/lock",
)

_SETTINGS = Template("""\
servername: $host_name
configdirectory: /var/lib/cyrus
defaultpartition: default
partition-default: /var/spool/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
virtdomains: userid
defaultdomain: $domain
autocreate_quota: 0
allowplaintext: no
failedloginpause: 0
imapidlepoll: 1
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $secrets
sasl_mech_list: PLAIN LOGIN
tls_server_cert: $certificate
tls_server_key: $key
""")

_SERVICES = Template("""\
START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  imap cmd="imapd -U 30" listen="127.0.0.1:$starttls_port" prefork=0
  imaps cmd="imapd -s -U 30" listen="127.0.0.1:$implicit_tls_port" prefork=0
}
EVENTS {
}
""")


@contextlib.contextmanager
def running_cyrus(authority: Authority) -> Iterator[RunningServer]:
    """Run Cyrus: the login is ``RunningServer.login``."""
    recipe = Recipe(
        name="cyrus",
        greeting=b"* OK",
        users=(_USER, "mail"),
        command=("/usr/lib/cyrus/bin/master", "-D"),
        configure=_configure,
    )
    with running_server(recipe, authority) as server:
        yield server


def _configure(root: Path, ports: Ports) -> None:
    for folder in _FOLDERS:
        owned(root / folder, _USER, mode=0o755)
    settings = _SETTINGS.substitute(
        host_name=HOST_NAME, domain=DOMAIN, secrets=_SECRETS, certificate=CERTIFICATE, key=KEY
    )
    services = _SERVICES.substitute(starttls_port=ports.starttls, implicit_tls_port=ports.implicit_tls)
    (root / "etc" / "imapd.conf").write_text(settings, "ascii")
    (root / "etc" / "cyrus.conf").write_text(services, "ascii")
    # It ends at its start where there is no time zone at all; the calendars that want one are not served.
    (owned(root / "usr/share/zoneinfo", mode=0o755) / "zone.tab").write_text("GB\t+513030-0000731\tEtc/UTC\n")
    # Cyrus drops its default domain from a login; SASL then puts the server's name in its place.
    name = SHOP.address.partition("@")[0]
    command = ("/usr/sbin/saslpasswd2", "-p", "-c", "-f", _SECRETS, "-u", HOST_NAME, name)
    output_of(root, *command, told=SHOP.secret)
    for file in (KEY, _SECRETS):
        own(root / file.lstrip("/"), _USER)
