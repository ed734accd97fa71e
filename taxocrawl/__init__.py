"""taxocrawl says what websites are about, and why."""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

from taxocrawl.api import Answer, Answers, Category, CrawlResult, Word, classify, crawl
from taxocrawl.api import open as open  # noqa: A004 - as gzip.open and others

__all__ = [
    "Answer",
    "Answers",
    "Category",
    "CrawlResult",
    "RankerClassifier",
    "Word",
    "__version__",
    "classify",
    "crawl",
    "open",
]

if TYPE_CHECKING:
    from taxocrawl.training.estimator import RankerClassifier


def __getattr__(name: str) -> Any:
    """The estimator, when somebody asks: scikit-learn is an extra and takes a second to import."""
    if name != "RankerClassifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from taxocrawl.training.extra import needs

    needs("sklearn", "RankerClassifier")
    from taxocrawl.training.estimator import RankerClassifier

    return RankerClassifier
