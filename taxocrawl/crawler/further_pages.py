"""Which requests a visit makes after the home page, one after the other. Pure.

Frames first: they hold what the home page lacks (C11). Then the links that say most; where the home
page has too few, those of its sitemap, and those of the pages it does lead to (a page that only
asks for the language).
"""

from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Literal

from taxocrawl import domains
from taxocrawl.crawler import links, sitemaps
from taxocrawl.records import Extract, Link

FRAMES = 2
FEW_LINKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An address to ask for, and what it is asked for."""

    url: str
    role: Literal["page", "sitemap"]


class FurtherPages:
    """At most `count` pages of the home page's site, and at most two sitemaps."""

    def __init__(self, home: Extract, home_url: str, *, count: int, url_chars: int) -> None:
        self._home_url = home_url
        self._left = count
        self._url_chars = url_chars
        self._follow = _follows(home)
        self._links = list(home.links) if self._follow else []
        self._frames = deque(self._own(home.frame_urls)[:FRAMES])
        self._frames_open = len(self._frames)
        self._plan: deque[str] | None = None
        self._is_short = False
        self._named: tuple[str, ...] = ()
        self._sitemap_levels = sitemaps.LEVELS if self._follow else 0

    def name_sitemaps(self, urls: Iterable[str]) -> None:
        """Sitemaps that robots.txt names; without any, /sitemap.xml is tried."""
        self._named = tuple(self._own(urls)) or self._named

    def add_page(self, page: Extract) -> None:
        """A further page was read: its links count where those of the home page do not suffice."""
        in_frames, self._frames_open = self._frames_open > 0, max(0, self._frames_open - 1)
        if (in_frames or self._is_short) and _follows(page):
            self._links += page.links
            if self._is_short:
                self._plan = None

    def add_sitemap(self, body: bytes) -> None:
        """What a sitemap answered; an index has one of its files asked for next."""
        found = sitemaps.read(body)
        self._links += [Link(url=url, text="", nofollow=False) for url in found.pages]
        self._named = tuple(self._own(found.sitemaps))
        if not self._named:
            self._sitemap_levels = 0

    def next(self, seen: Set[str]) -> Wanted | None:
        """What to ask for now; None when nothing is left to ask."""
        if self._left <= 0:
            return None
        while self._frames:
            url = self._frames.popleft()
            if url not in seen:
                return self._page(url)
        if self._plan is None:
            self._plan = deque(self._chosen(seen))
            if len(self._plan) < min(self._left, FEW_LINKS):
                self._is_short = True
                if sitemap := self._next_sitemap():
                    self._plan = None
                    return Wanted(url=sitemap, role="sitemap")
        while self._plan:
            url = self._plan.popleft()
            if url not in seen:
                return self._page(url)
        return None

    def _page(self, url: str) -> Wanted:
        self._left -= 1
        return Wanted(url=url, role="page")

    def _chosen(self, seen: Set[str]) -> tuple[str, ...]:
        return links.choose(
            self._links,
            home=self._home_url,
            count=self._left,
            seen=frozenset(seen),
            url_chars=self._url_chars,
        )

    def _next_sitemap(self) -> str:
        if self._sitemap_levels <= 0:
            return ""
        is_first = self._sitemap_levels == sitemaps.LEVELS
        self._sitemap_levels -= 1
        named, self._named = self._named, ()
        if named or not is_first:
            return sitemaps.likeliest(named)
        home = domains.web_address(self._home_url)
        return f"{home.origin}/sitemap.xml" if home else ""

    def _own(self, urls: Iterable[str]) -> list[str]:
        """Those of the home page's site, whole and clean."""
        cleaned = (links.clean(url, base=self._home_url) for url in urls)
        host = _host(self._home_url)
        return [url for url in cleaned if url and domains.same_site(_host(url), host)]


def _follows(page: Extract) -> bool:
    return {"nofollow", "none"}.isdisjoint(page.robots_meta)


def _host(url: str) -> str:
    address = domains.web_address(url)
    return address.host if address else ""
