"""robots.txt obeyed by RFC 9309: one download an origin, every request waits for its rules.

Scrapy's own middleware allows a site whose robots.txt answers 5xx or not at all, and lets requests
through that arrive while it loads (waiters share one Deferred; the later ones get None).
"""

import asyncio
import logging
import math
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from protego import Protego
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from taxocrawl import domains
from taxocrawl.crawler.failures import Fault, FetchError

logger = logging.getLogger(__name__)

PRODUCT_TOKEN = "taxocrawl"  # noqa: S105

REDIRECTS = 5  # RFC 9309 2.3.1.2
SITEMAPS = 20
CACHE_ORIGINS = 2_000
CACHE_BYTES = 16 * 2**20
CACHE_S = 24 * 3600.0  # RFC 9309 2.4

QUICK_BYTES = 32 * 2**10
"""A longer file is parsed in a thread: 512 KiB take up to a second."""

# The page that waits for these rules goes to the same origin and would fail in the same way.
_SAME_FOR_PAGES = frozenset({"dns_failed", "connect_failed", "tls_failed", "blocked_address"})

_USER_AGENT = re.compile(r"[ \t]*user[ -]?agent[ \t]*[: \t][ \t]*([^#]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z_-]+", re.IGNORECASE)
_RULE = re.compile(r"^[ \t]*(?:dis)?allow[ \t]*:|^[ \t]*user-?agent[ \t]*:", re.I | re.M)

Download = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one robots.txt says to us. `parsed` None allows all."""

    parsed: Protego | None = None
    crawl_delay_s: float = 0.0
    sitemaps: tuple[str, ...] = ()
    size: int = 0
    notes: tuple[str, ...] = ()

    def allow(self, url: str) -> bool:
        """True where the address may be fetched."""
        return self.parsed is None or bool(self.parsed.can_fetch(url, PRODUCT_TOKEN))


def read_rules(body: bytes, *, cap: int) -> Rules:
    """Rules of a robots.txt of which the first `cap` bytes are read, up to their last line end."""
    if len(body) > cap:
        cut = max(body.rfind(b"\n", 0, cap), body.rfind(b"\r", 0, cap))
        body = body[: max(cut, 0)]
    text = _decoded(body)
    if not _RULE.search(text):
        sitemaps = _sitemaps(Protego.parse(text)) if "sitemap" in text.lower() else ()
        ignored = body.strip() and not sitemaps
        return Rules(
            sitemaps=sitemaps, size=len(body), notes=("robots_ignored",) if ignored else ()
        )
    lines = (_with_token(line) for line in re.split(r"\r\n|\r|\n", text))
    parsed = Protego.parse("\n".join(lines))
    return Rules(
        parsed=parsed,
        crawl_delay_s=_crawl_delay_s(parsed),
        sitemaps=_sitemaps(parsed),
        size=len(body),
    )


def _decoded(body: bytes) -> str:
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, errors="replace")
    return body.decode("utf-8", errors="replace")


def _with_token(line: str) -> str:
    """User-agent lines with the bare product token (RFC 9309 2.2.1).

    Protego takes a line for `taxo` as ours and one for `taxocrawl/1.0` as somebody else's.
    """
    match = _USER_AGENT.match(line)
    if match is None:
        return line
    name = match[1].strip()
    if name == "*":
        return "User-agent: *"
    token = _TOKEN.match(name)
    ours = token is not None and token[0].lower() == PRODUCT_TOKEN
    return f"User-agent: {PRODUCT_TOKEN if ours else 'somebody-else'}"


def _crawl_delay_s(parsed: Protego) -> float:
    delay = parsed.crawl_delay(PRODUCT_TOKEN)
    if delay is None or not math.isfinite(delay) or delay < 0:
        return 0.0
    return float(delay)


def _sitemaps(parsed: Protego) -> tuple[str, ...]:
    return tuple(islice(parsed.sitemaps, SITEMAPS))


class RobotsMiddleware:
    """Lets a request pass when the robots.txt of its origin does; raises FetchError else.

    The verdict's crawl delay slows the request's download slot, up to the cap of the settings.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        settings = crawler.settings
        self._cap = settings.getint("ROBOTS_BYTES")
        self._delay_cap_s = settings.getfloat("CRAWL_DELAY_CAP_S")
        self._known: OrderedDict[str, tuple[float, asyncio.Task[Rules]]] = OrderedDict()
        self._bytes = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "RobotsMiddleware":
        """As Scrapy makes its components."""
        return cls(crawler)

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """Wait for the rules; raise where they forbid or cannot be had."""
        if request.meta.get("is_robots"):
            return
        address = domains.web_address(request.url)
        if address is None:
            raise FetchError(Fault(kind="redirect_failed", detail="location"))
        rules = await self._rules(address.origin)
        if not rules.allow(request.url):
            self._crawler.stats.inc_value("taxocrawl/robots/denied")
            raise FetchError(
                Fault(kind="robots_denied", message=f"robots.txt forbids {request.url}")
            )
        request.meta["robots_notes"] = rules.notes
        request.meta["crawl_delay_s"] = rules.crawl_delay_s
        request.meta["sitemaps"] = rules.sitemaps
        self._slow_down(request, min(rules.crawl_delay_s, self._delay_cap_s))

    def _slow_down(self, request: Request, delay_s: float) -> None:
        if not delay_s:
            return
        slots = self._crawler.engine.downloader.slots
        slot = slots.get(request.meta.get("download_slot", ""))
        if slot is not None:
            slot.delay = max(slot.delay, delay_s)
            slot.jitter = 0.0

    async def _rules(self, origin: str) -> Rules:
        now = asyncio.get_running_loop().time()
        known = self._known.get(origin)
        if known is not None and now - known[0] < CACHE_S:
            # A task, unlike a Deferred, gives every waiter its result. The shield keeps one waiter
            # that is cancelled from cancelling it for all.
            return await asyncio.shield(known[1])
        task = asyncio.ensure_future(self._load(origin))
        self._known[origin] = (now, task)
        task.add_done_callback(lambda done: self._loaded(origin, done))
        return await asyncio.shield(task)

    def _loaded(self, origin: str, task: "asyncio.Task[Rules]") -> None:
        """Keep what was read within bounds; forget what failed, so that a retry asks again."""
        if task.cancelled() or task.exception() is not None:
            known = self._known.get(origin)
            if known is not None and known[1] is task:
                del self._known[origin]
            return
        self._bytes += task.result().size
        while len(self._known) > CACHE_ORIGINS or self._bytes > CACHE_BYTES:
            oldest, (_, old) = next(iter(self._known.items()))
            if not old.done() or oldest == origin:
                break
            del self._known[oldest]
            self._bytes -= old.result().size

    async def _load(self, origin: str) -> Rules:
        self._crawler.stats.inc_value("taxocrawl/robots/fetched")
        url = f"{origin}/robots.txt"
        for hop in range(REDIRECTS + 1):
            response = await self._download(url, first=hop == 0)
            location = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308):
                return await self._read(response)
            target = domains.web_address(_latin1(location), url) if location else None
            if target is None:
                raise _unreachable("redirect", "robots.txt redirects to what is no web address")
            url = target.url
        raise _unreachable("redirect", f"robots.txt redirects more than {REDIRECTS} times")

    async def _read(self, response: Response) -> Rules:
        if response.status == 429 or response.status >= 500 or response.status < 200:
            detail = str(response.status)
            raise _unreachable(detail, f"robots.txt answered with status {detail}")
        if response.status >= 300:
            return Rules()  # no such file, or none for us: RFC 9309 2.3.1.3
        if len(response.body) > QUICK_BYTES:
            return await asyncio.to_thread(read_rules, response.body, cap=self._cap)
        return read_rules(response.body, cap=self._cap)

    async def _download(self, url: str, *, first: bool) -> Response:
        address = domains.web_address(url)
        slot = domains.registrable(address.host) if address else url
        request = Request(
            url,
            callback=NO_CALLBACK,
            dont_filter=True,
            meta={"is_robots": True, "download_slot": slot, "body_cap": self._cap + 1},
        )
        try:
            response: Response = await self._crawler.engine.download_async(request)
        except FetchError as failure:
            fault = failure.fault
            if fault.kind == "blocked_address" or (first and _fails_pages_too(fault)):
                raise
            raise _unreachable(fault.kind, f"robots.txt: {fault.message}") from None
        return response


def _fails_pages_too(fault: Fault) -> bool:
    if fault.kind == "timeout":
        return fault.detail in ("connect", "tls")
    return fault.kind in _SAME_FOR_PAGES


def _latin1(value: Any) -> str:
    return bytes(value).decode("latin-1")


def _unreachable(detail: str, message: str) -> FetchError:
    return FetchError(Fault(kind="robots_unreachable", detail=detail, message=message))
