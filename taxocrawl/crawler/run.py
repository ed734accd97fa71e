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
from taxocrawl.crawler.spider import TRIP_LOST, SiteSpider, Trip, VisitResult
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
    """What a run came to. `lines` counts those with an outcome; `pages` those that were read."""

    run_id: str
    outcomes: Mapping[OutcomeKind, int]
    pages: int
    seconds: float
    interrupted: bool

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
    lookup: Lookup = socket.getaddrinfo,
) -> RunSummary:
    """Visit every site; blocks until all lines have their outcome in `store`.

    `on_outcome` is called in another thread. In the main thread a first SIGINT, SIGTERM or SIGHUP
    lets the sites under way finish, a second returns at once; what was not finished is
    `interrupted`. Errors of the store stop the run and are raised.
    """
    run = _Run(iter(lines), store, workers, settings, on_outcome, lookup)
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
        lookup: Lookup,
    ) -> None:
        self.settings = settings
        self.batches = Batches(workers, settings)
        self._lines = lines
        self._store = store
        self._workers = workers
        self._on_outcome = on_outcome
        self._guard = AddressGuard(settings, lookup=lookup)
        self._counts: Counter[OutcomeKind] = Counter()
        self._started = time.monotonic()
        self._crawler: Crawler | None = None
        self._error: Exception | None = None
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
            crawler.signals.connect(self._lost, TRIP_LOST)
            before = reactor.twisted_reactor().installNameResolver(self._guard)
            try:
                await crawler.crawl_async(
                    lines=self._lines,
                    guard=self._guard,
                    workers=self._workers,
                    options=self.settings,
                    on_line=self._line,
                    record=self.record,
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

    async def record(self, result: VisitResult) -> None:
        """Classify what was read, store the outcome, make room for the next site."""
        if self._closed:
            return
        outcome = await self._outcome(result)
        self._store_outcome(outcome, result.line)

    async def _outcome(self, result: VisitResult) -> Outcome:
        site, end = result.line.site, result.end
        assert site is not None  # noqa: S101  (visits are of sites)
        if end.extracts:
            document = documents.document(site.domain, end.extracts)
            outcome = await self.batches.outcome(document)
            # What classification took is in the batch's share; the visit's time holds it.
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

    def _store_outcome(self, outcome: Outcome, line: InputLine) -> None:
        if self._closed:
            return
        self._counts[outcome.kind] += 1
        self._guarded(lambda: self._store.add(outcome, line))
        if self._on_outcome is not None:
            self._on_outcome(outcome)
        if self.spider is not None:
            self.spider.done(line)

    def _line(self, line: InputLine) -> None:
        if line.outcome is not None and not self._closed:
            self._counts[line.outcome] += 1
            self._guarded(lambda: self._store.add_line(line))

    def _guarded(self, write: Callable[[], None]) -> None:
        """A store that cannot write ends the run: fetching more would only lose it."""
        if self._error is not None:
            return
        try:
            write()
        except Exception as error:
            self._error = error
            self._begin_stop()

    def _lost(self, trip: Trip, error: Exception) -> None:
        self._store_outcome(_interrupted(trip, f"internal error: {error!r}"[:300]), trip.line)

    def _interrupt_rest(self) -> None:
        if self.spider is not None:
            for trip in list(self.spider.trips.values()):
                self._store_outcome(_interrupted(trip, "the run stopped first"), trip.line)

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
        )


def _interrupted(trip: Trip, message: str) -> Outcome:
    site = trip.line.site
    return Outcome(
        domain=site.domain if site else "",
        kind="interrupted",
        message=message,
        final_url=trip.url,
        started_at=trip.started_at,
        seconds=time.monotonic() - trip.started,
    )


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
