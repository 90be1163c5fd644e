"""What the servers get of the environment: the way to programs, and nothing that is the user's."""

from __future__ import annotations

import os

# Debian keeps servers where not every user's PATH looks.
ENVIRONMENT = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
