"""Pages made in memory and the ladder that the package ships."""

from collections.abc import Callable

import pytest
from extraction_pages import SENTENCES, page

from taxocrawl.extraction import ladder
from taxocrawl.extraction.html import extract as extract_page
from taxocrawl.protocols import Extractor
from taxocrawl.records import Extract
from taxocrawl.settings import Settings


@pytest.fixture(scope="session")
def rungs() -> tuple[tuple[str, Extractor], ...]:
    """The default ladder."""
    makers = {
        "trafilatura": ladder.Trafilatura(recall=True),
        "baseline": ladder.Baseline(),
        "visible": ladder.Visible(),
    }
    return tuple((name, makers[name]) for name in Settings().extractors)


@pytest.fixture(scope="session")
def extract(rungs) -> Callable[..., Extract]:
    """Extract of a body, by the default ladder and settings."""

    def run(body: str | bytes, **options: object) -> Extract:
        return extract_page(page(body, **options), ladder=rungs, settings=Settings())

    return run


@pytest.fixture
def sentences() -> str:
    """Forty-odd words of plain English."""
    return SENTENCES
