"""Sitemaps (sitemaps.org), read for a site whose home page leads to too few pages (S04). Pure.

One file, and where that is an index one of the files it names. Read as a stream with the parser of
the standard library: no tree, no document type, so no entities, and a file that is cut off or
broken gives what stands before the fault.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.parsers import expat

from taxocrawl.crawler.content_coding import decode
from taxocrawl.crawler.failures import FetchError

BYTES = 2**20
ENTRIES = 1_000
LEVELS = 2

_GZIP = b"\x1f\x8b"
# Which file of an index: that of pages rather than of articles, pictures or years.
_LIKELY = re.compile(r"pages?\b|static|main|core|general")
_USEFUL = re.compile(r"categor|product|service|collection|section|topic|rubri")
_UNLIKELY = re.compile(
    r"post|news|article|blog|image|video|media|author|user|tag|archiv|forum|event|job|(?:19|20)\d\d"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """Addresses of pages, or (an index) of further sitemaps; the first 1,000, as they stand."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def read(body: bytes) -> Sitemap:
    """What the file names; nothing for what is no sitemap. Gzip is undone, 1 MiB of it read."""
    if body.startswith(_GZIP):
        try:
            body = decode(body, "gzip", cap=BYTES).body
        except FetchError:  # a bomb
            return Sitemap()
    body = body[:BYTES]
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"http"):
        lines = start.decode("utf-8", errors="replace").split()
        return Sitemap(pages=tuple(lines[:ENTRIES]))
    if not start.startswith(b"<"):
        return Sitemap()
    reader = _Reader()
    reader.read(start)
    return Sitemap(pages=tuple(reader.found["url"]), sitemaps=tuple(reader.found["sitemap"]))


def likeliest(urls: Iterable[str]) -> str:
    """The sitemap that most likely lists the pages about the site; '' for none."""
    return max(urls, key=_likelihood, default="")


def _likelihood(url: str) -> int:
    name = urlsplit(url).path.lower()
    if _LIKELY.search(name):
        return 2
    if _UNLIKELY.search(name):
        return -1
    return 1 if _USEFUL.search(name) else 0


class _Enough(Exception):  # noqa: N818  (no error)
    """All that is wanted was read, or the rest is not wanted."""


class _Reader:
    """Collects `loc` elements by the element that holds them."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {"url": [], "sitemap": []}
        self._open: list[str] = []
        self._text: list[str] = []

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(body, True)
        except (_Enough, expat.ExpatError):
            return

    def _refuse(self, *_: object) -> None:
        raise _Enough

    def _start(self, name: str, _: object) -> None:
        self._open.append(name.rpartition(":")[2])
        self._text.clear()

    def _characters(self, text: str) -> None:
        if self._open[-1] == "loc":
            self._text.append(text)

    def _end(self, _: str) -> None:
        name = self._open.pop()
        holder = self._open[-1] if self._open else ""
        # `image:loc` and the like stand in elements of their own.
        if name == "loc" and holder in self.found:
            self.found[holder].append("".join(self._text).strip())
            if len(self.found[holder]) >= ENTRIES:
                raise _Enough
