"""Real servers for tests: started on loopback or in private sessions, stopped by their process id."""

from __future__ import annotations

import os
import shutil

import pytest

# Debian keeps servers where an ordinary user's PATH does not look.
_EVEN_HERE = "/usr/sbin:/sbin"


def require(*binaries: str) -> tuple[str, ...]:
    """Return the full paths of these programs.

    Where one is missing the test is skipped with the reason; in CI (``CI=true``) it fails.
    """
    search = f"{os.environ.get('PATH', os.defpath)}:{_EVEN_HERE}"
    found = {binary: shutil.which(binary, path=search) for binary in binaries}
    missing = ", ".join(binary for binary, path in found.items() if path is None)
    if not missing:
        return tuple(path for path in found.values() if path is not None)
    reason = f"not installed: {missing} (scripts/test-servers installs what the tests need)"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
