"""Specimens: texts and pages that a crawl may bring, and a classifier small enough to reason about.

`taxocrawl.testing` puts plugins before them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words
from taxocrawl.extraction import documents, html
from taxocrawl.protocols import Classifier, ParsedPage
from taxocrawl.records import Document, Fields, Page, PageText, Prediction
from taxocrawl.settings import Settings

TEXTS: Mapping[str, str] = {
    "English": "Our dentists offer fillings, crowns and gentle teeth whitening for families.",
    "German": "Die Gärtnerei verkauft Rosen, Stauden und Kräuter aus eigenem Anbau.",
    "Chinese": "这家旅行社提供北京和上海的酒店、机票和城市观光。",
    "Arabic": "أخبار كرة القدم ونتائج المباريات والدوري المحلي اليوم",
    "one word": "football",
    "nothing": "",
    "blanks": " \n\t \u3000 ",
    "digits": "1234567890 42 3.14 " * 20,
    "emoji": "🍕🍝🍷 Pizza! 👩‍🍳 Pasta! 🔥",
    "control characters": "garden\x00tools \x1b[31mred\x1b[0m \u202eesrever\u202c \u200b\ufeff",
    "lone surrogate": "broken \ud83d text about cars",
    "markup": "<script>alert(1)</script> {{ name }} %s ${HOME} '; DROP TABLE sites; --",
    "one long word": "a" * 50_000,
    "long": "The hotel by the beach has rooms with a view of the sea. " * 2_000,
}

PAGES: Mapping[str, str] = {
    "article": "<html><body><nav>Home | Shop</nav><article><h1>Roses</h1>"
    + "<p>Roses like sun, water and a sharp pair of shears in spring.</p>" * 9
    + "</article><footer>Imprint</footer></body></html>",
    "no text": "<html><body><div id=root></div><script>start()</script></body></html>",
    "table": "<table>" + "<tr><td>Kilo</td><td>1,000 g</td></tr>" * 40 + "</table>",
    "soup": "<p>one<p>two<div></p><b><i>three</b></i>&nbsp;&bogus;<!-- <p> --> four",
    "deep": "<div>" * 150 + "the middle of it all" + "</div>" * 150,
    "Chinese": "<p>这家旅行社提供北京和上海的酒店、机票和城市观光。</p>" * 5,
}


def some_documents(texts: Sequence[str] = ()) -> tuple[Document, ...]:
    """Documents that a crawl may bring, friendly and hostile, and one for each of these texts."""
    named = dict(TEXTS) | {f"text {number}": text for number, text in enumerate(texts, start=1)}
    pages = tuple(
        PageText(url=f"https://shop.example/{part}", fields=Fields(title=part, body=TEXTS[part]))
        for part in ("English", "nothing", "German")
    )
    site = Document(id="several pages", domain="shop.example", pages=pages)
    return (*(documents.from_text(name, text=text) for name, text in named.items()), site)


def parsed_pages() -> tuple[ParsedPage, ...]:
    """The pages as the rungs of the extraction ladder see them."""
    return tuple(_parsed(name, markup) for name, markup in PAGES.items())


class WordCounter:
    """A classifier small enough to reason about: a node is as sure as its words are many."""

    NAME = "word-counter"
    WORDS: Mapping[str, frozenset[str]] = {
        "483": frozenset({"football", "tennis", "match"}),  # Sports
        "210": frozenset({"pizza", "pasta", "cheese", "wine"}),  # Food & Drink
        "653": frozenset({"hotel", "beach", "travel", "sea"}),  # Travel
    }
    taxonomies = ("iab-3.1",)
    model_id = "word-counter-1"

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """All nodes for every document; asserted from two words up."""
        return [self._answer(document) for document in documents]

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """1 - 0.6^n of n words of the node."""
        counts = [sum(self._counts(document, node_id).values()) for document in documents]
        return 1.0 - 0.6 ** np.array(counts, dtype=np.float64)

    def feature_contributions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[tuple[str, float, float], ...], float]:
        """Half a point of the margin for each of the node's words."""
        counts = self._counts(document, node_id)
        return tuple((word, float(n), 0.5 * n) for word, n in counts.items()), -1.0

    def _counts(self, document: Document, node_id: str) -> dict[str, int]:
        found = words.words(document.text)
        return {word: found.count(word) for word in sorted(self.WORDS[node_id])}

    def _answer(self, document: Document) -> tuple[Prediction, ...]:
        sure = {node: float(self.score([document], "iab-3.1", node)[0]) for node in self.WORDS}
        ranked = sorted(self.WORDS, key=lambda node: -sure[node])
        return tuple(
            Prediction(
                taxonomy="iab-3.1",
                node_id=node,
                tier=1,
                confidence=sure[node],
                rank=rank,
                asserted=sure[node] > 0.5,
                classifier=self.NAME,
                model_id=self.model_id,
            )
            for rank, node in enumerate(ranked, start=1)
        )


class Unscored:
    """The same classifier without `score`: an explainer that needs it says nothing."""

    def __init__(self, classifier: Classifier) -> None:
        self.classify = classifier.classify
        self.taxonomies = classifier.taxonomies
        self.model_id = classifier.model_id


class _Capture:
    """A rung that keeps the page as all rungs see it."""

    def __init__(self) -> None:
        self.pages: list[ParsedPage] = []

    def main_text(self, page: ParsedPage) -> str:
        self.pages.append(page)
        return ""


def _parsed(name: str, markup: str) -> ParsedPage:
    capture = _Capture()
    url = f"https://page.example/{name.replace(' ', '-')}"
    page = Page(
        url=url,
        requested_url=url,
        status=200,
        headers=(("content-type", "text/html; charset=utf-8"),),
        body=f"<!doctype html>{markup}".encode(),
        fetched_at="2026-01-01T00:00:00+00:00",
    )
    html.extract(page, ladder=[("capture", capture)], settings=Settings())
    return capture.pages[0]
