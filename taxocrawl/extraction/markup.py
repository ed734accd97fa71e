"""What a parsed page says beside its main text: head, links, headings, images, frames."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from taxocrawl.extraction.structured import tidy
from taxocrawl.records import Link

MAX_LINKS = 1_000
MAX_IMAGES = 100
MAX_FRAMES = 20
MAX_HEADINGS = 100
MAX_METAS = 500
MAX_PIECES = 200  # text nodes of one label: elements nest, and each is read whole
HEAD_CHARS = 1_000
LABEL_CHARS = 300
# N31: a page that waits longer before it sends its reader on is a page.
REFRESH_S = 10.0

_REFRESH = re.compile(
    r"\s*([\d.]*)[^,;]*(?:[;,]\s*(?:url\s*=)?\s*[\"']?([^\"'>]*))?", re.IGNORECASE
)
_ABSOLUTE = re.compile(r"https?://[^/?#\s\\\[]", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[^/?#\s\\]+", re.IGNORECASE)


class Markup:
    """Reader of one parsed page. `url` is where it came from, the base of relative addresses."""

    def __init__(self, tree: Any, url: str, *, url_chars: int) -> None:
        self.tree = tree
        self._url_chars = url_chars
        self.base = self._base(url)
        origin = _ORIGIN.match(self.base)
        self._origin = origin[0] if origin else ""
        self.metas = tuple(self._read_metas())
        self._by_name: Mapping[str, str] = dict(reversed(self.metas))

    def meta(self, *names: str) -> str:
        """Content of the first of these meta elements (name or property) that has some."""
        return next(
            (tidy(self._by_name[n])[:HEAD_CHARS] for n in names if self._by_name.get(n)), ""
        )

    def title(self) -> str:
        """The title element, else what the page tells others to show."""
        for element in self.tree.iter("title"):
            parent = element.getparent()
            if parent is None or parent.tag in ("head", "html", "body"):  # SVG has titles, too
                text = _label(element, HEAD_CHARS)
                if text:
                    return text
        return self.meta("og:title", "twitter:title", "dc.title")

    def description(self) -> str:
        """Description for search engines, else for social networks."""
        return self.meta("description", "og:description", "twitter:description", "dc.description")

    def headings(self) -> tuple[str, ...]:
        """Texts of h1 to h4 in order."""
        found: dict[str, None] = {}
        for element in self.tree.iter("h1", "h2", "h3", "h4"):
            text = _label(element, LABEL_CHARS)
            if text:
                found[text] = None
            if len(found) >= MAX_HEADINGS:
                break
        return tuple(found)

    def links(self) -> tuple[Link, ...]:
        """The first 1,000 links to web pages (S02); an image's alt text stands in for words."""
        found: list[Link] = []
        page_nofollow = "nofollow" in self.robots()
        for element in self.tree.iter("a", "area"):
            url = self.address(element.get("href"))
            if not url:
                continue
            text = _label(element, LABEL_CHARS) or self._label_of_wordless(element)
            nofollow = page_nofollow or "nofollow" in (element.get("rel") or "").lower()
            found.append(Link(url=url, text=text, nofollow=nofollow))
            if len(found) >= MAX_LINKS:
                break
        return tuple(found)

    def images(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Distinct alternative texts, and distinct addresses of images."""
        alts: dict[str, None] = {}
        urls: dict[str, None] = {}
        shared = self.address(self.meta("og:image"))
        if shared:
            urls[shared] = None
        for element in self.tree.iter("img"):
            alt = tidy(element.get("alt") or "")[:LABEL_CHARS]
            if alt and len(alts) < MAX_IMAGES:
                alts[alt] = None
            if len(urls) < MAX_IMAGES:
                url = self.address(element.get("src") or element.get("data-src"))
                if url:
                    urls[url] = None
        return tuple(alts), tuple(urls)

    def frames(self) -> tuple[str, ...]:
        """Addresses of frames; the crawler follows those of the same site (C11)."""
        urls = (self.address(e.get("src")) for e in self.tree.iter("frame", "iframe"))
        return tuple(dict.fromkeys(url for url in urls if url))[:MAX_FRAMES]

    def refresh(self) -> str:
        """Where a meta refresh of at most 10 s leads; '' for none (N31)."""
        for element in self.tree.iter("meta"):
            if (element.get("http-equiv") or "").strip().lower() != "refresh":
                continue
            # What stands in noscript is for readers without scripts: it says "enable JavaScript".
            if next(element.iterancestors("noscript"), None) is not None:
                continue
            match = _REFRESH.match(element.get("content") or "")
            if match and match[2] and _seconds(match[1]) <= REFRESH_S:
                return self.address(str(match[2]).strip())
        return ""

    def robots(self) -> tuple[str, ...]:
        """Words of meta robots in lower case."""
        words = f"{self._by_name.get('robots', '')},{self._by_name.get('taxocrawl', '')}"
        return tuple(w for w in (part.strip().lower() for part in words.split(",")) if w)

    def json_ld(self) -> Iterator[str]:
        """Bodies of JSON-LD scripts."""
        for element in self.tree.iter("script"):
            if "ld+json" in (element.get("type") or "").lower():
                yield element.text or ""

    def address(self, href: str | None) -> str:
        """Absolute http(s) URL without fragment, '' for anything else."""
        if not href:
            return ""
        href = href.strip()
        if not href or href[0] == "#" or len(href) > self._url_chars:
            return ""
        if not _ABSOLUTE.match(href):
            href = self._joined(href)
        url = tidy(href.partition("#")[0]).replace(" ", "%20")
        return url if len(url) <= self._url_chars else ""

    def _joined(self, href: str) -> str:
        # Half of all links are "/path"; urljoin takes 15 us for each.
        if self._origin and href[0] == "/" and href[1:2] != "/" and "/." not in href:
            return self._origin + href
        if _SCHEME.match(href):  # mailto:, javascript:, data:, and "https:///path"
            return ""
        try:
            url = urljoin(self.base, href)
        except ValueError:  # "http://[": no address
            return ""
        return url if _ABSOLUTE.match(url) else ""

    def _base(self, url: str) -> str:
        for element in self.tree.iter("base"):
            href = (element.get("href") or "").strip()
            try:
                base: str = urljoin(url, href)
                if href and _ABSOLUTE.match(base):
                    return base
            except ValueError:
                continue
        return url

    def _read_metas(self) -> Iterator[tuple[str, str]]:
        for element in islice(self.tree.iter("meta"), MAX_METAS):
            name = element.get("property") or element.get("name") or ""
            content = element.get("content") or ""
            if name and content:
                yield name.strip().lower(), content

    @staticmethod
    def _label_of_wordless(element: Any) -> str:
        label = element.get("aria-label") or element.get("title") or element.get("alt")
        if not label:
            label = next((i.get("alt") for i in islice(element.iter("img"), 3) if i.get("alt")), "")
        return tidy(label or "")[:LABEL_CHARS]


def _label(element: Any, chars: int) -> str:
    if not len(element):  # the common case, five times as quick
        return tidy(element.text or "")[:chars]
    return tidy("".join(islice(element.itertext(), MAX_PIECES)))[:chars]


def _seconds(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
