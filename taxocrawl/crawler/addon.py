"""A Scrapy add-on: any spider's items say what the page they came from is about.

One line in the settings of a Scrapy project:

    ADDONS = {"taxocrawl.crawler.addon.TaxocrawlAddon": 500}

Every item then has a field `taxocrawl` with the answer of its response, the same JSON as that of
`taxocrawl classify`. The spider, its requests and all other settings stay as they are.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

from itemadapter import ItemAdapter
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse
from scrapy.settings import BaseSettings

from taxocrawl import answers, domains
from taxocrawl import settings as own_settings
from taxocrawl.crawler.batches import Batches
from taxocrawl.crawler.spider import page_of
from taxocrawl.extraction import documents
from taxocrawl.records import Document, Outcome
from taxocrawl.settings import Settings
from taxocrawl.workers import WorkerFailure, Workers, prepare

logger = logging.getLogger(__name__)

PREFIX = "TAXOCRAWL_"
FIELD = f"{PREFIX}FIELD"
"""Scrapy setting: the item's field that takes the answer."""
TEXT_FIELDS = f"{PREFIX}TEXT_FIELDS"
"""Scrapy setting: item fields to read in place of the response, for what came as JSON, say. Those
named title, description and headings are read as such, all others as text."""
EVERY_RESPONSE = f"{PREFIX}EVERY_RESPONSE"
"""Scrapy setting: give an item for every HTML response, even where the spider gives none."""


class TaxocrawlAddon:
    """Puts `AnswerMiddleware` among the spider middlewares.

    Any setting of taxocrawl may stand in Scrapy's settings with `TAXOCRAWL_` before its name
    (`TAXOCRAWL_TAXONOMIES = ["iab-3.1", "google"]`); environment and `taxocrawl.toml` hold too.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """What the user set stays: also a place of the middleware, None to leave it out."""
        settings.setdefault_in_component_priority_dict("SPIDER_MIDDLEWARES", AnswerMiddleware, 60)


class AnswerMiddleware:
    """Adds the answer to what a spider yields for a response; requests pass untouched."""

    def __init__(self, crawler: Crawler, options: Settings) -> None:
        self._registry, self._options = prepare(options)
        self._field = crawler.settings.get(FIELD, "taxocrawl")
        self._text_fields = tuple(crawler.settings.getlist(TEXT_FIELDS))
        self._every_response = crawler.settings.getbool(EVERY_RESPONSE)
        self._stats = crawler.stats
        self._workers = Workers(self._options)
        self._batches = Batches(self._workers, self._options)
        self._told: set[type] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "AnswerMiddleware":
        """As Scrapy makes its components. A wrong setting stops the crawl: hours of items without
        an answer would be worse.
        """
        middleware = cls(crawler, read_settings(crawler.settings))
        crawler.signals.connect(middleware.closed, signals.spider_closed)
        return middleware

    def closed(self) -> None:
        """End the worker processes."""
        self._workers.close()

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any], spider: Any = None
    ) -> AsyncIterator[Any]:
        """The spider's requests and items, each item with its answer."""
        of_response: asyncio.Task[answers.Json | None] | None = None
        if self._every_response and isinstance(response, TextResponse):
            answer = await self._answer_response(response)
            if answer is not None:
                yield {"url": response.url, self._field: answer}
        async for output in result:
            if isinstance(output, Request) or self._every_response:
                yield output
            elif self._text_fields:
                yield self._with(output, await self._answer_item(output, response))
            else:
                # Of a page with many items the answer is one.
                if of_response is None:
                    of_response = asyncio.ensure_future(self._answer_response(response))
                yield self._with(output, await of_response)

    def _with(self, item: Any, answer: answers.Json | None) -> Any:
        if answer is None:
            return item
        try:
            ItemAdapter(item)[self._field] = answer
        except (KeyError, TypeError, AttributeError, ValueError):
            if type(item) not in self._told:
                self._told.add(type(item))
                logger.error(
                    "%s has no field %r: add it, or name another in %s",
                    type(item).__name__,
                    self._field,
                    FIELD,
                )
        return item

    async def _answer_response(self, response: Response) -> answers.Json | None:
        """The answer to a page; None for what is no text."""
        if not isinstance(response, TextResponse):
            return None
        try:
            extract = await self._workers.extract(page_of(response, response.url))
        except WorkerFailure as failure:
            outcome = Outcome(
                domain=_host(response.url),
                kind="extractor_failed",
                detail=failure.reason,
                message=str(failure),
            )
            return self._as_json(outcome, response.url)
        return await self._answer(documents.document(_host(response.url), [extract]), response.url)

    async def _answer_item(self, item: Any, response: Response) -> answers.Json:
        read = _named_texts(ItemAdapter(item), self._text_fields)
        return await self._answer(documents.from_text(response.url, **read), response.url)

    async def _answer(self, document: Document, url: str) -> answers.Json:
        return self._as_json(await self._batches.outcome(document), url)

    def _as_json(self, outcome: Outcome, url: str) -> answers.Json:
        if self._stats is not None:
            self._stats.inc_value(f"taxocrawl/outcomes/{outcome.kind}")
        return answers.as_json(
            outcome,
            answer_id=url,
            taxonomy=self._registry.taxonomy,
            options=answers.AnswerOptions(),
        )


def read_settings(scrapy: BaseSettings) -> Settings:
    """Taxocrawl's settings out of Scrapy's; SettingsError names the bad one."""
    given = {
        name: scrapy[PREFIX + name.upper()]
        for name in own_settings.FIELDS
        if PREFIX + name.upper() in scrapy
    }
    return own_settings.load(
        environ=os.environ, overrides=given, overrides_from="Scrapy's settings"
    )


def _named_texts(item: ItemAdapter, names: tuple[str, ...]) -> dict[str, str]:
    """The item's texts as `documents.from_text` takes them; several of one kind are joined."""
    found: dict[str, list[str]] = {}
    for name in names:
        value = item.get(name)
        parts = value if isinstance(value, list | tuple) else [value]
        kind = name if name in ("title", "description", "headings") else "text"
        found.setdefault(kind, []).extend(str(part) for part in parts if part)
    return {"text": "", **{kind: "\n".join(parts) for kind, parts in found.items()}}


def _host(url: str) -> str:
    try:
        return domains.canonical_host(url)
    except ValueError:
        return ""
