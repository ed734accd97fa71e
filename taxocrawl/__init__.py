"""taxocrawl says what websites are about, and why."""

__version__ = "0.1.0"

from taxocrawl.api import Answer, Answers, Category, CrawlResult, Word, classify, crawl
from taxocrawl.api import open as open  # noqa: A004 - as gzip.open and others

__all__ = [
    "Answer",
    "Answers",
    "Category",
    "CrawlResult",
    "Word",
    "__version__",
    "classify",
    "crawl",
    "open",
]
