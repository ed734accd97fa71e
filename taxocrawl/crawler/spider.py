"""The spider: carries each site's visit between the network, the workers and the outcome.

What to fetch is the visit's decision (visit.py), how it is fetched Scrapy's (connections.py and the
middlewares), what a page says the workers'. The spider holds the number of sites under way.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Response
from scrapy.http.cookies import CookieJar
from twisted.python.failure import Failure

from taxocrawl import domains
from taxocrawl.crawler.address_guard import AddressGuard
from taxocrawl.crawler.failures import Fault, FetchError
from taxocrawl.crawler.lineup import Lineup
from taxocrawl.crawler.outage import ALIKE, Outage, is_connect_suspect, is_dns_suspect
from taxocrawl.crawler.rendering import load_rendering
from taxocrawl.crawler.threads import DaemonThreads
from taxocrawl.crawler.visit import Answer, End, Fetch, Read, Step, Visit
from taxocrawl.extraction.site_status import page_status
from taxocrawl.records import Extract, InputLine, Page
from taxocrawl.settings import Settings
from taxocrawl.workers import WorkerFailure, Workers

logger = logging.getLogger(__name__)

GRACE_S = 10.0
"""So long the sites under way may take to finish once the run is asked to stop."""

SITES_PER_REQUEST = 2
"""Sites under way for each request in flight: some wait for extraction, some for their batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitResult:
    """How the visit of one input line ended."""

    line: InputLine
    end: End
    started_at: str
    seconds: float


@dataclass(slots=True, kw_only=True, eq=False)
class Trip:
    """One visit under way: the pure visit and what belongs to the network."""

    line: InputLine
    visit: Visit
    jar: CookieJar = field(default_factory=CookieJar)
    started_at: str
    started: float
    network: "Stopwatch"
    url: str = ""

    def result(self, end: End) -> VisitResult:
        """What the visit comes to."""
        return VisitResult(
            line=self.line,
            end=end,
            started_at=self.started_at,
            seconds=time.monotonic() - self.started,
        )


class Stopwatch:
    """Seconds on the network. The queue before the workers is no fault of the site."""

    def __init__(self) -> None:
        self._total = 0.0
        self._since: float | None = None

    def __call__(self) -> float:
        running = time.monotonic() - self._since if self._since is not None else 0.0
        return self._total + running

    def start(self) -> None:
        """Count from now."""
        self._since = time.monotonic()

    def stop(self) -> None:
        """Keep what was counted."""
        self._total, self._since = self(), None


class Desk(Protocol):
    """Where lines and visits are reported to: the run."""

    def line(self, line: InputLine) -> None:
        """A line that needs no visit."""

    async def visited(self, result: VisitResult) -> None:
        """A visit ended; returns when its outcome is stored."""

    def lost(self, trip: Trip, error: BaseException | None) -> None:
        """A visit ended by an error of ours."""

    def list_failed(self, error: Exception) -> None:
        """The list could not be read any further."""


class SiteSpider(Spider):
    """One visit a site, as many at once as the settings allow, in the order of the list."""

    name = "taxocrawl"

    def __init__(
        self,
        *,
        lines: Iterator[InputLine],
        guard: AddressGuard,
        workers: Workers,
        options: Settings,
        desk: "Desk",
    ) -> None:
        super().__init__()
        self.guard = guard
        self.options = options
        self.desk = desk
        self.stopping = False
        self.trips: dict[int, Trip] = {}
        self.pages = 0
        self._lines = lines
        self._lineup = Lineup(self._next_line)
        self._workers = workers
        self._rendering = load_rendering(guard, options)
        self._gave_up = False
        room = SITES_PER_REQUEST * options.concurrency
        self._room = asyncio.Semaphore(room)
        alike = min(ALIKE, room)
        self._names = Outage("name server", guard.names_answer, alike=alike)
        self._network = Outage("network", self._connects, alike=alike)
        self._good: tuple[str, int] | None = None
        guard.on_answer = self._names.answered
        self._random = random.Random(options.seed)  # noqa: S311  (jitter, no secret)
        self._reading = DaemonThreads(1, name="lines")
        self._empty = asyncio.Event()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "SiteSpider":
        """As Scrapy makes spiders; listens to what may lose a site."""
        spider: SiteSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.cap_body, signals.bytes_received)
        crawler.signals.connect(spider.lost, signals.spider_error)
        return spider

    # --- sites in

    async def start(self) -> AsyncIterator[Any]:
        """First requests, one a site, while there is room."""
        while not self.stopping and (line := await self._lineup.next()) is not None:
            if line.outcome is not None:
                self.desk.line(line)
                continue
            await self._room.acquire()
            if self._is_stopping():  # meanwhile
                break
            trip = self._set_out(line)
            async for output in self._follow(trip, trip.visit.begin()):
                yield output

    def _is_stopping(self) -> bool:
        return self.stopping

    async def _next_line(self) -> InputLine | None:
        # In a thread: a pipe may make us wait for its next line.
        future = self._reading.submit(next, self._lines, None)
        try:
            return await asyncio.wrap_future(future)
        except Exception as error:  # the caller's generator: a file, a decoder, anything
            self.desk.list_failed(error)
            return None

    def _set_out(self, line: InputLine) -> Trip:
        network = Stopwatch()
        trip = Trip(
            line=line,
            visit=self._visit(line, network),
            network=network,
            started_at=datetime.now(UTC).isoformat(),
            started=time.monotonic(),
        )
        self.trips[line.line] = trip
        return trip

    def _visit(self, line: InputLine, network: "Stopwatch") -> Visit:
        assert line.site is not None  # noqa: S101  (lines without a site are not visited)
        return Visit(
            line.site,
            self.options,
            clock=network,
            now=lambda: datetime.now(UTC),
            jitter=self._random.random,
        )

    # --- between the network and the workers

    async def parse(self, response: Response, **kwargs: Any) -> AsyncIterator[Any]:
        """A response, of any status."""
        trip: Trip = response.meta["trip"]
        trip.network.stop()
        self._answered(response.url)
        answer = Answer(
            page=page_of(response, trip.url),
            new_cookies=response.meta.get("new_cookies", False),
            crawl_delay_s=response.meta.get("crawl_delay_s", 0.0),
            sitemaps=response.meta.get("sitemaps", ()),
            notes=response.meta.get("robots_notes", ()),
        )
        async for output in self._follow(trip, trip.visit.answered(answer)):
            yield output

    async def failed(self, failure: Failure) -> AsyncIterator[Any]:
        """A request without a response."""
        trip: Trip = failure.request.meta["trip"]  # type: ignore[attr-defined]
        trip.network.stop()
        error = failure.value
        if isinstance(error, FetchError):
            fault = error.fault
            if fault.kind in ("connect_failed", "bad_response") and not is_connect_suspect(fault):
                self._answered(trip.url)
        else:
            logger.warning("%s: unexpected %r", trip.url, error)
            fault = Fault(kind="bad_response", detail="other", message=repr(error)[:300])
        async for output in self._follow(trip, trip.visit.failed(fault)):
            yield output

    async def _follow(self, trip: Trip, step: Step) -> AsyncIterator[Any]:
        if self._gave_up:
            return
        while isinstance(step, Read):
            step = await self._read(trip, step.page)
        while isinstance(step, End):
            if await self._stands(step):
                yield trip.result(step)
                return
            # The jar and the time of the start stay: it is the same visit, held up.
            trip.network = Stopwatch()
            trip.visit = self._visit(trip.line, trip.network)
            step = trip.visit.begin()
        assert isinstance(step, Fetch)  # noqa: S101  (a visit begins with no page to read)
        trip.network.start()
        if step.delay_s:
            await asyncio.sleep(step.delay_s)
        yield self._request(trip, step)

    async def _stands(self, end: End) -> bool:
        """False where the network was at fault; waits until that can be said."""
        if end.fault is None:
            return True
        if is_dns_suspect(end.fault):
            return await self._names.stands()
        return not is_connect_suspect(end.fault) or await self._network.stands()

    def _answered(self, url: str) -> None:
        address = domains.web_address(url)
        if address is not None:
            self._good = (address.host, address.port)
        self._network.answered()

    async def _connects(self) -> bool | None:
        return await self.guard.connects(*self._good) if self._good else None

    async def _read(self, trip: Trip, page: Page) -> Step:
        self.pages += 1
        try:
            extract = await self._workers.extract(page)
            if self._rendering is not None and self._needs_scripts(extract):
                rendered = await self._rendering.rendered(page)
                extract = await self._workers.extract(rendered) if rendered else extract
        except WorkerFailure as failure:
            return trip.visit.unreadable(failure.reason, str(failure))
        return trip.visit.extracted(extract)

    def _needs_scripts(self, extract: Extract) -> bool:
        hint = page_status(extract, self.options)
        return hint is not None and hint.kind == "script_only"

    def _request(self, trip: Trip, fetch: Fetch) -> Request:
        trip.url = fetch.url
        address = domains.web_address(fetch.url)
        assert address is not None  # noqa: S101  (the visit makes whole addresses only)
        return Request(
            fetch.url,
            callback=self.parse,
            errback=self.failed,
            dont_filter=True,
            meta={
                "trip": trip,
                "jar": trip.jar,
                "network": trip.network,
                "download_slot": domains.registrable(address.host),
                "download_timeout": fetch.timeout_s,
                "body_cap": fetch.body_bytes or self.options.body_bytes,
            },
        )

    def cap_body(self, data: bytes, request: Request) -> None:
        """Stop a download at the cap of its body; the part that came is kept (N13)."""
        received = request.meta.get("received", 0) + len(data)
        request.meta["received"] = received
        if received > request.meta.get("body_cap", self.options.body_bytes):
            raise StopDownload(fail=False)

    # --- sites out

    def done(self, line: InputLine) -> None:
        """The outcome of the line is stored: there is room for another site."""
        if self.trips.pop(line.line, None) is not None:
            self._lineup.left(line)
            self._room.release()
        if not self.trips:
            self._empty.set()

    def lost(self, failure: Failure, response: Any) -> None:
        """A bug of ours in a callback: the site gets its outcome all the same."""
        request = getattr(response, "request", None)
        trip = request.meta.get("trip") if request is not None else None
        if trip is not None:
            self.desk.lost(trip, failure.value)

    async def wind_down(self) -> bool:
        """No further sites; True once those under way are done, False after `GRACE_S`."""
        self.stopping = True
        self._empty.clear()
        if self.trips:
            try:
                await asyncio.wait_for(self._empty.wait(), GRACE_S)
            except TimeoutError:
                logger.warning("%d sites were not finished in time", len(self.trips))
        return not self.trips

    async def closed(self, reason: str) -> None:
        """As Scrapy tells it."""
        self._reading.close()
        if self._rendering is not None:
            await self._rendering.close()
        self._names.close()
        self._network.close()

    def give_up(self) -> None:
        """Leave the sites under way as they are."""
        self.stopping = self._gave_up = True


# Scrapy's words in ours. `partial` is a body without a stated length, which is nothing special.
_NOTES = {"download_stopped": "truncated", "partial": ""}


def page_of(response: Response, url: str) -> Page:
    """The response as a record, its flags as notes."""
    headers = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    )
    return Page(
        url=url,
        requested_url=url,
        status=response.status,
        headers=headers,
        body=response.body,
        fetched_at=datetime.now(UTC).isoformat(),
        notes=tuple(dict.fromkeys(note for f in response.flags if (note := _NOTES.get(f, f)))),
    )
