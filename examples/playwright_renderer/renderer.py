"""Renders pages with Chromium through Playwright, for sites that are empty without scripts.

The browser is the system's (Debian: `apt install chromium`), so Playwright downloads none.
"""

import os
import shutil
from contextlib import suppress

from playwright.async_api import Browser, Playwright, Route, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeout

from taxocrawl.crawler.rendering import Allowed
from taxocrawl.settings import Settings

USELESS = frozenset({"image", "media", "font", "stylesheet"})
SETTLE_MS = 1500


class Chromium:
    """One browser for the crawl, a context of its own for each page: no cookie is shared."""

    def __init__(self, settings: Settings) -> None:
        self._executable = shutil.which("chromium") or shutil.which("chromium-browser")
        if self._executable is None:
            raise RuntimeError("there is no chromium; on Debian: apt install chromium")
        self._arguments = ["--no-sandbox"] if _is_root() else []
        if settings.connect_to:
            # A crawl of a test web: Chromium knows one place for all names.
            target = settings.connect_to[0]
            self._arguments.append(
                f"--host-resolver-rules=MAP * {target.address}:{target.to_port or 80}"
            )
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def render(self, url: str, allowed: Allowed) -> str:
        """HTML once the network has been quiet for half a second."""
        browser = await self._opened()
        context = await browser.new_context()

        async def guarded(route: Route) -> None:
            request = route.request
            if request.resource_type in USELESS or not await allowed(request.url):
                await route.abort()
            else:
                await route.continue_()

        try:
            page = await context.new_page()
            await page.route("**/*", guarded)
            await page.goto(url, wait_until="domcontentloaded")
            with suppress(PlaywrightTimeout):
                await page.wait_for_load_state("networkidle", timeout=SETTLE_MS)
            return str(await page.content())
        finally:
            await context.close()

    async def close(self) -> None:
        """End the browser."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def _opened(self) -> Browser:
        if self._browser is None:
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=self._executable, args=self._arguments
            )
        return self._browser


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
