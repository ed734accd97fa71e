"""A whole crawl: lines in, one outcome a line out. The one entry for callers of this room."""

import asyncio
import logging
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Protocol

from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings as ScrapySettings

from taxocrawl.crawler import reactor
from taxocrawl.crawler.address_guard import AddressGuard, Lookup
from taxocrawl.crawler.batches import Batches
from taxocrawl.crawler.scrapy_settings import scrapy_settings
from taxocrawl.crawler.spider import SiteSpider, Trip, VisitResult
from taxocrawl.errors import WorkersError
from taxocrawl.extraction import documents
from taxocrawl.records import InputLine, Outcome, OutcomeKind
from taxocrawl.settings import Settings
from taxocrawl.workers import Workers

logger = logging.getLogger(__name__)

WAKE_S = 0.2

FAILED_KINDS: frozenset[OutcomeKind] = frozenset(
    {
        "robots_denied",
        "robots_unreachable",
        "dns_failed",
        "connect_failed",
        "tls_failed",
        "timeout",
        "bad_response",
        "http_error",
        "redirect_failed",
        "too_large",
        "blocked_address",
        "extractor_failed",
        "classifier_failed",
        "interrupted",
        "invalid_input",
    }
)

_ONE_CRAWL = asyncio.Lock()
"""Name resolution is the reactor's, so one crawl at a time has its guard on it."""


class Sink(Protocol):
    """Where outcomes go: the store's writer."""

    @property
    def run_id(self) -> str: ...

    def add_line(self, line: InputLine) -> None:
        """A line that ended at once."""

    def add(self, outcome: Outcome, line: InputLine) -> None:
        """A line whose site was visited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to. `lines` counts those with an outcome; `pages` those that were read;
    `kept` lines whose site kept the outcome of an earlier run.
    """

    run_id: str
    outcomes: Mapping[OutcomeKind, int]
    pages: int
    seconds: float
    interrupted: bool
    kept: int = 0

    @property
    def lines(self) -> int:
        """Lines with an outcome."""
        return sum(self.outcomes.values())

    @property
    def all_failed(self) -> bool:
        """True where there were sites and none could be read."""
        tried = {kind: n for kind, n in self.outcomes.items() if kind != "duplicate"}
        return bool(tried) and all(kind in FAILED_KINDS for kind in tried)


def run_crawl(
    lines: Iterable[InputLine],
    *,
    store: Sink,
    workers: Workers,
    settings: Settings,
    on_outcome: Callable[[Outcome], None] | None = None,
    on_line: Callable[[InputLine], None] | None = None,
    lookup: Lookup = socket.getaddrinfo,
) -> RunSummary:
    """Visit every site; blocks until all lines have their outcome in `store`.

    `on_outcome` (sites that were visited) and `on_line` (all other lines) are called in another
    thread. In the main thread a first SIGINT, SIGTERM or SIGHUP lets the sites under way finish, a
    second returns at once; what was not finished is `interrupted`. Errors of the
    store stop the run and are raised.
    """
    run = _Run(iter(lines), store, workers, settings, on_outcome, on_line, lookup)
    future = reactor.submit(run.crawl())
    with _signals(run):
        try:
            _wait(future)
        except _Abandoned:
            run.abandon()
    return run.summary()


def _wait(future: "Future[None]") -> None:
    """Its end, or what it raised. A signal's handler runs only when the main thread wakes up."""
    while not futures.wait([future], timeout=WAKE_S).done:
        pass
    future.result()


class _Abandoned(BaseException):
    """A second signal: the caller does not wait any longer."""


class _Run:
    """One crawl's state. Everything but `ask_to_stop` and `abandon` happens on the reactor."""

    def __init__(
        self,
        lines: Iterator[InputLine],
        store: Sink,
        workers: Workers,
        settings: Settings,
        on_outcome: Callable[[Outcome], None] | None,
        on_line: Callable[[InputLine], None] | None,
        lookup: Lookup,
    ) -> None:
        self.settings = settings
        self.batches = Batches(workers, settings)
        self._lines = lines
        self._store = store
        self._workers = workers
        self._on_outcome = on_outcome
        self._on_line = on_line
        self._kept = 0
        self._guard = AddressGuard(settings, lookup=lookup)
        self._counts: Counter[OutcomeKind] = Counter()
        self._started = time.monotonic()
        self._crawler: Crawler | None = None
        self._error: Exception | None = None
        self._store_failed = False
        self._crawl_task: asyncio.Task[None] | None = None
        self._stop_task: asyncio.Task[None] | None = None
        self._given_up = asyncio.Event()
        self._closed = False
        self.interrupted = False

    async def crawl(self) -> None:
        """From the first request to the last outcome; raises what the store raised.

        Returns early when the sites under way do not finish in time after a signal; what is left
        of the crawl then ends in the background.
        """
        self._crawl_task = asyncio.ensure_future(self._crawl())
        given_up = asyncio.ensure_future(self._given_up.wait())
        await asyncio.wait((self._crawl_task, given_up), return_when=asyncio.FIRST_COMPLETED)
        given_up.cancel()
        if self._crawl_task.done():
            self._crawl_task.result()
        else:
            self._crawl_task.add_done_callback(_log_late_error)
        if self._error is not None:
            raise self._error

    async def _crawl(self) -> None:
        async with _ONE_CRAWL:
            plain = ScrapySettings(scrapy_settings(self.settings))
            self._crawler = crawler = AsyncCrawlerRunner(plain).create_crawler(SiteSpider)
            before = reactor.twisted_reactor().installNameResolver(self._guard)
            try:
                await crawler.crawl_async(
                    lines=self._lines,
                    guard=self._guard,
                    workers=self._workers,
                    options=self.settings,
                    desk=self,
                )
            finally:
                reactor.twisted_reactor().installNameResolver(before)
                self._guard.close()
            self._interrupt_rest()

    @property
    def spider(self) -> SiteSpider | None:
        """The spider, once the crawl has started."""
        spider = self._crawler.spider if self._crawler is not None else None
        return spider if isinstance(spider, SiteSpider) else None

    # --- outcomes

    def line(self, line: InputLine) -> None:
        """Store a line that ended at once."""
        if line.outcome is not None and not self._closed:
            self._count(line.outcome)
            self._kept += line.site is not None
            self._write(lambda: self._store.add_line(line))
            if self._on_line is not None:
                self._on_line(line)

    async def visited(self, result: VisitResult) -> None:
        """Classify what was read, store the outcome, make room for the next site."""
        if self._closed:
            return
        try:
            outcome = await self._outcome(result)
        except WorkersError as error:
            self._fail(error)
            outcome = _interrupted(result.line, str(error))
        except Exception as error:  # an error of ours must not lose the site
            logger.exception("%s: no outcome", result.line.raw)
            outcome = _interrupted(result.line, repr(error))
        self._end(outcome, result.line)

    def lost(self, trip: Trip, error: BaseException | None) -> None:
        """Store the site as one to visit again."""
        if isinstance(error, WorkersError):
            self._fail(error)
        self._end(_interrupted(trip.line, repr(error)), trip.line)

    def list_failed(self, error: Exception) -> None:
        """Visit what was read before, then raise."""
        self._error = self._error or error

    async def _outcome(self, result: VisitResult) -> Outcome:
        site, end = result.line.site, result.end
        assert site is not None  # noqa: S101  (visits are of sites)
        if end.extracts:
            document = documents.document(site.domain, end.extracts)
            outcome = await self.batches.outcome(document)
        else:
            fault = end.fault
            outcome = Outcome(
                domain=site.domain,
                kind=fault.kind if fault else "connect_failed",
                detail=fault.detail if fault else "",
                message=fault.message if fault else "",
            )
        return replace(
            outcome,
            notes=tuple(dict.fromkeys((*end.notes, *outcome.notes))),
            final_url=end.final_url,
            status=end.status,
            attempts=end.attempts,
            started_at=result.started_at,
            seconds=result.seconds + outcome.seconds,
        )

    def _end(self, outcome: Outcome, line: InputLine) -> None:
        if self._closed:
            return
        self._count(outcome.kind)
        self._write(lambda: self._store.add(outcome, line))
        self._tell(outcome)
        if self.spider is not None:
            self.spider.done(line)

    def _count(self, kind: OutcomeKind) -> None:
        self._counts[kind] += 1
        if self._crawler is not None:
            self._crawler.stats.inc_value(f"taxocrawl/outcomes/{kind}")

    def _write(self, write: Callable[[], None]) -> None:
        """A store that cannot write ends the run: fetching more would only lose it."""
        if self._store_failed:
            return
        try:
            write()
        except Exception as error:
            self._store_failed = True
            self._fail(error)

    def _tell(self, outcome: Outcome) -> None:
        if self._on_outcome is None:
            return
        try:
            self._on_outcome(outcome)
        except Exception as error:  # the caller's own code
            self._on_outcome = None
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._begin_stop()

    def _interrupt_rest(self) -> None:
        if self.spider is not None:
            for trip in list(self.spider.trips.values()):
                self._end(_interrupted(trip.line, "the run stopped first"), trip.line)

    # --- stopping

    def ask_to_stop(self) -> None:
        """From any thread: no more sites, finish those under way."""
        self.interrupted = True
        reactor.loop().call_soon_threadsafe(self._begin_stop)

    def _begin_stop(self) -> None:
        if self._stop_task is None:
            self._stop_task = asyncio.ensure_future(self._stop())

    async def _stop(self) -> None:
        if self.spider is not None and not await self.spider.wind_down():
            self._interrupt_rest()
            self._give_up()
        if self._crawler is not None:
            await self._crawler.stop_async()

    def _give_up(self) -> None:
        self._closed = True
        self._given_up.set()
        if self.spider is not None:
            self.spider.give_up()

    def abandon(self) -> None:
        """The caller leaves: nothing more goes to the store; the rest ends in the background."""
        self._closed = True
        reactor.loop().call_soon_threadsafe(self._give_up)

    def summary(self) -> RunSummary:
        """Counts so far."""
        return RunSummary(
            run_id=self._store.run_id,
            outcomes=dict(self._counts),
            pages=self.spider.pages if self.spider is not None else 0,
            seconds=time.monotonic() - self._started,
            interrupted=self.interrupted,
            kept=self._kept,
        )


def _interrupted(line: InputLine, message: str) -> Outcome:
    domain = line.site.domain if line.site else ""
    return Outcome(domain=domain, kind="interrupted", message=message[:300])


def _log_late_error(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.debug("after the run was left: %r", task.exception())


@contextmanager
def _signals(run: _Run) -> Iterator[None]:
    """First signal: wind down; second: leave. Only the main thread may listen."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        if run.interrupted:
            raise _Abandoned
        logger.warning(
            "%s: finishing what is under way; again to stop at once", signal.Signals(number).name
        )
        run.ask_to_stop()

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
