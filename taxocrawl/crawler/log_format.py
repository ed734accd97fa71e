"""Scrapy's log lines, at the level they deserve here: a site that fails is a row, not an error."""

import logging
from typing import Any

from scrapy.logformatter import LogFormatter


class QuietLogFormatter(LogFormatter):
    """Leaves out the lines for every response and every item, which would hold whole documents."""

    def crawled(self, request: Any, response: Any, spider: Any) -> Any:
        """No line for a response."""
        return None

    def scraped(self, item: Any, response: Any, spider: Any) -> Any:
        """No line for an item."""
        return None

    def download_error(self, failure: Any, request: Any, spider: Any, errmsg: Any = None) -> Any:
        """For people who debug; the outcome says the same."""
        return {
            "level": logging.DEBUG,
            "msg": "fetch failed: %(request)s: %(reason)s",
            "args": {"request": request, "reason": str(failure.value)},
        }

    def item_error(self, item: Any, exception: Any, response: Any, spider: Any) -> Any:
        """The site's name instead of all its pages."""
        return {
            "level": logging.ERROR,
            "msg": "storing the outcome of %(item)s failed",
            "args": {"item": getattr(getattr(item, "site", None), "domain", "")},
        }
