"""A seam for sites that are empty without their scripts: a browser may fetch them once more.

Off by default, and no browser comes with taxocrawl. The setting `renderer` names a factory,
`module:name` or `file.py:name`, that is called with the settings once a crawl and returns a
`Renderer`. examples/playwright_renderer is one.
"""

import asyncio
import importlib
import importlib.util
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from taxocrawl import domains
from taxocrawl.crawler.address_guard import AddressGuard
from taxocrawl.crawler.failures import FetchError
from taxocrawl.errors import SettingsError
from taxocrawl.records import Page
from taxocrawl.settings import Settings

logger = logging.getLogger(__name__)

Allowed = Callable[[str], Awaitable[bool]]
"""Whether a URL leads to a public address: what a renderer asks before each request."""


class Renderer(Protocol):
    """Somebody's browser."""

    async def render(self, url: str, allowed: Allowed) -> str:
        """HTML of the page after its scripts ran. Whatever it raises leaves the page as it was."""

    async def close(self) -> None:
        """The crawl is over."""


class Rendering:
    """The renderer of one crawl, with its deadline, its cap and the address guard."""

    def __init__(self, renderer: Renderer, guard: AddressGuard, settings: Settings) -> None:
        self._renderer = renderer
        self._guard = guard
        self._timeout_s = settings.request_timeout_s
        self._most = settings.decoded_bytes
        # Browsers are heavy; as many at once as requests to one address.
        self._room = asyncio.Semaphore(settings.per_address)

    async def rendered(self, page: Page) -> Page | None:
        """The page as scripts make it, with the note `rendered`; None where that failed."""
        try:
            async with self._room:
                call = self._renderer.render(page.url, self.allowed)
                html = await asyncio.wait_for(call, self._timeout_s)
            body = html.encode("utf-8", "replace")[: self._most]
        except Exception as error:  # a person's own code, a browser
            logger.warning("%s: not rendered: %s", page.url, error or type(error).__name__)
            return None
        headers = tuple(pair for pair in page.headers if pair[0] != "content-type")
        return replace(
            page,
            body=body,
            headers=(*headers, ("content-type", "text/html; charset=utf-8")),
            notes=(*page.notes, "rendered"),
        )

    async def allowed(self, url: str) -> bool:
        """Whether the guard of addresses lets a request go there."""
        address = domains.web_address(url)
        if address is None:
            return False
        try:
            await self._guard.route(address.host, address.port)
        except FetchError:
            return False
        return True

    async def close(self) -> None:
        """Close the renderer; an error of its is said and no more."""
        try:
            await self._renderer.close()
        except Exception:  # a person's own code
            logger.warning("the renderer could not be closed", exc_info=True)


def load_rendering(guard: AddressGuard, settings: Settings) -> Rendering | None:
    """What the settings name; SettingsError says what is wrong with it."""
    if not settings.renderer:
        return None
    place, _, name = settings.renderer.rpartition(":")
    if not place:
        raise SettingsError(f"renderer is {settings.renderer!r}, must be module:name or file:name")
    try:
        factory = getattr(_module(place), name)
        return Rendering(factory(settings), guard, settings)
    except Exception as error:  # a person's own code
        raise SettingsError(f"renderer {settings.renderer!r} cannot be made: {error}") from error


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location("taxocrawl_renderer", Path(place))
    if spec is None or spec.loader is None:
        raise ImportError(f"{place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
