"""A submission server on loopback for the demo and for try-outs: real protocol, real TLS, no way out.

It takes mail from one login over STARTTLS or implicit TLS, passes nothing on, and keeps what it took.
Importing this room needs the extra ``sandbox`` (aiosmtpd).
"""

from fluenzr_smtp.sandbox.server import Received as Received
from fluenzr_smtp.sandbox.server import Sandbox as Sandbox
from fluenzr_smtp.sandbox.server import running as running
