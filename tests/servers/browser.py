"""A person at a real browser (Chromium, headless): signs in and agrees on the pages that it is sent to.

Run as a program it opens one address: ``python browser.py LOG USER MODE URL``. So it can
stand in ``BROWSER``. What it saw goes to LOG as JSON lines: addresses, titles, referrers.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

PATIENCE_MS = 20_000
_MOST_PAGES = 12


def chromium() -> str | None:
    """Return where Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def visit(url: str, *, user: str, mode: str, log: Path, code: str = "") -> None:
    """Open an address and do what a person does there.

    ``mode`` is ``agree``, ``cancel`` (refuse on the page that asks), or ``leave`` (look, and do nothing).
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play, log.open("a") as seen:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("request", lambda request: _note(seen, request))
            page.route("**/*", _only_loopback)
            page.goto(url)
            if mode != "leave":
                _go_through(page, user, mode, code)
            page.screenshot(path=str(log.with_suffix(".png")))
            seen.write(json.dumps({"title": page.title(), "text": page.inner_text("body")}) + "\n")
        finally:
            browser.close()


def _go_through(page: Any, user: str, mode: str, code: str) -> None:
    for _ in range(_MOST_PAGES):
        if page.locator("input[name=login]").count():
            page.fill("input[name=login]", user)
            page.fill("input[name=password]", "anything")
            page.click("button[type=submit]")
        elif page.locator("input[name=user_code]:not([type=hidden])").count() and code:
            page.fill("input[name=user_code]", code)
            page.click("button[type=submit]")
            code = ""
        elif mode == "cancel" and page.locator("a[href$='/abort']").count():
            page.click("a[href$='/abort']")
        elif page.locator("button[type=submit]").count():
            page.locator("button[type=submit]").first.click()
        else:
            return
        page.wait_for_load_state("load")


def _only_loopback(route: Any) -> None:
    """Let nothing leave this machine: the provider's pages ask for a font."""
    if "://127.0.0.1" in route.request.url:
        route.continue_()
    else:
        route.abort()


def _note(seen: Any, request: Any) -> None:
    seen.write(json.dumps({"url": request.url, "referer": request.headers.get("referer", "")}) + "\n")


if __name__ == "__main__":
    _, log, user, mode, url = sys.argv
    visit(url, user=user, mode=mode, log=Path(log))
