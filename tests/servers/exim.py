"""A private Exim with the access lists of the configuration that comes with it, and logins of its own."""

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
    own,
    owned,
    running_server,
)

SIZE_LIMIT = 1_000_000

_BINARY = "/usr/sbin/exim4"
_CONFIGURATION_FILE = "/etc/exim.conf"
_USER = "Debian-exim"

# The access list is that of src/configure.default, without what asks a name server.
_CONFIGURATION = Template(r"""
primary_hostname = $host_name
exim_user = $user
exim_group = $user
spool_directory = /var/spool/exim
log_file_path = /var/log/exim/%slog
pid_file_path = /run/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $starttls_port : $implicit_tls_port
tls_on_connect_ports = $implicit_tls_port
tls_advertise_hosts = *
tls_certificate = $certificate
tls_privatekey = $key
auth_advertise_hosts = $${if eq{$$tls_in_cipher}{}{}{*}}
rfc1413_query_timeout = 0s
message_size_limit = $size_limit
queue_only = true
acl_smtp_rcpt = acl_check_rcpt
domainlist local_domains = $domain

begin acl
acl_check_rcpt:
  deny    message       = Restricted characters in address
          domains       = +local_domains
          local_parts   = ^[.] : ^.*[@%!/|]
  deny    message       = Restricted characters in address
          domains       = !+local_domains
          local_parts   = ^[./|] : ^.*[@%!] : ^.*/\\.\\./
  require verify        = sender
  accept  authenticated = *
  require message       = relay not permitted
          domains       = +local_domains
  require verify        = recipient
  accept

begin routers
known:
  driver = redirect
  domains = +local_domains
  local_parts = $local_part
  data = :blackhole:

begin authenticators
PLAIN:
  driver = plaintext
  server_set_id = $$auth2
  server_prompts = :
  server_condition = $${if and{{eq{$$auth2}{$address}}{eq{$$auth3}{$secret}}}}
  server_advertise_condition = $${if def:tls_in_cipher}
LOGIN:
  driver = plaintext
  server_set_id = $$auth1
  server_prompts = <| Username: | Password:
  server_condition = $${if and{{eq{$$auth1}{$address}}{eq{$$auth2}{$secret}}}}
  server_advertise_condition = $${if def:tls_in_cipher}
""")


@contextlib.contextmanager
def running_exim(authority: Authority) -> Iterator[RunningServer]:
    """Run Exim: the login is ``RunningServer.login``; mail for it is accepted and thrown away."""
    recipe = Recipe(
        name="exim",
        greeting=b"220 ",
        users=(_USER,),
        command=(_BINARY, "-bdf", "-C", _CONFIGURATION_FILE),
        configure=_configure,
    )
    with running_server(recipe, authority) as server:
        yield server


def _configure(root: Path, ports: Ports) -> None:
    owned(root / "var" / "spool" / "exim", _USER)
    owned(root / "var" / "log" / "exim", _USER)
    own(root / KEY.lstrip("/"), _USER)
    configuration = root / _CONFIGURATION_FILE.lstrip("/")
    configuration.write_text(
        _CONFIGURATION.substitute(
            host_name=HOST_NAME,
            user=_USER,
            starttls_port=ports.starttls,
            implicit_tls_port=ports.implicit_tls,
            certificate=CERTIFICATE,
            key=KEY,
            size_limit=SIZE_LIMIT,
            domain=DOMAIN,
            local_part=SHOP.address.partition("@")[0],
            address=SHOP.address,
            secret=SHOP.secret,
        ),
        "ascii",
    )
    configuration.chmod(0o640)
