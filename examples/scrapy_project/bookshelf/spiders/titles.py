"""A spider that knows nothing of taxocrawl: the title of each page that it is given."""

from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.http import Response


class TitlesSpider(scrapy.Spider):
    """`scrapy crawl titles -a urls=https://example.com/,https://example.org/`."""

    name = "titles"

    def __init__(self, urls: str = "", **kwargs: Any) -> None:
        super().__init__(start_urls=urls.split(","), **kwargs)

    def parse(self, response: Response) -> Iterator[dict[str, str]]:
        """One item a page."""
        yield {"url": response.url, "title": response.css("title::text").get("")}
