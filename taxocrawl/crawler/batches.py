"""The last stage of a site: its document classified in a batch, its outcome handed on."""

import asyncio
from typing import Any

from scrapy.crawler import Crawler

from taxocrawl.crawler.spider import Desk, SiteSpider
from taxocrawl.records import Document, Outcome
from taxocrawl.settings import Settings
from taxocrawl.workers import Workers

BATCH_S = 0.2
"""A document waits no longer for others to be classified with."""


class Batches:
    """Documents classified together: a batch when it is full or has waited `BATCH_S`."""

    def __init__(self, workers: Workers, settings: Settings) -> None:
        self._workers = workers
        self._size = settings.batch_size
        self._waiting: list[tuple[Document, asyncio.Future[Outcome]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def outcome(self, document: Document) -> Outcome:
        """The document's outcome, when its batch is done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((document, future))
        if len(self._waiting) >= self._size:
            self._send()
        elif self._timer is None:
            self._timer = loop.call_later(BATCH_S, self._send)
        return await future

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        if batch:
            task = asyncio.ensure_future(self._categorize(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _categorize(self, batch: "list[tuple[Document, asyncio.Future[Outcome]]]") -> None:
        try:
            outcomes = await self._workers.categorize([document for document, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)


class OutcomePipeline:
    """Scrapy's item pipeline: hands every visit's result to the run and waits till it is stored."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "OutcomePipeline":
        """As Scrapy makes its components."""
        spider = crawler.spider
        assert isinstance(spider, SiteSpider)  # noqa: S101  (our settings run our spider only)
        return cls(spider.desk)

    async def process_item(self, item: Any, spider: Any = None) -> Any:
        """Back-pressure: the site counts as under way until its outcome is stored."""
        await self._desk.visited(item)
        return item
