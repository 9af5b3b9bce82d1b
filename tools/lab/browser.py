"""Headless Chromium, Debian's own, for tests and pictures that look at pages as people do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page, ViewportSize, sync_playwright

from lab.errors import LabError

CHROMIUM = Path("/usr/bin/chromium")


class Look(NamedTuple):
    """How a person looks at a page.

    Attributes:
        width: of the window, in pixels.
        height: of the window, in pixels.
        is_dark: whether they like it dark.
        scripts: whether JavaScript runs.
    """

    width: int = 1280
    height: int = 900
    is_dark: bool = False
    scripts: bool = True


PHONE = Look(390, 844)


class Complaints(list[str]):
    """What the browser has complained of: errors of scripts, refused by the policy, not to be loaded."""


@contextmanager
def opened(look: Look = Look()) -> Iterator[tuple[Page, Complaints]]:  # noqa: B008 - it never changes
    """Open an empty page, and collect what the browser complains of from then on.

    Raises:
        LabError: there is no Chromium.
    """
    if not CHROMIUM.exists():
        raise LabError(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        # A sandbox of its own needs rights that containers do not give; all that it opens is the lab's own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            context = browser.new_context(
                viewport=ViewportSize(width=look.width, height=look.height),
                color_scheme="dark" if look.is_dark else "light",
                java_script_enabled=look.scripts,
            )
            page, complaints = context.new_page(), Complaints()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield page, complaints
        finally:
            browser.close()
