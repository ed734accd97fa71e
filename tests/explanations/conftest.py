"""Small real classifiers whose explanations can be derived by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from taxocrawl import words
from taxocrawl.records import Document, Fields, PageText, Prediction
from taxocrawl.taxonomies.tree import Node, Taxonomy

TREE = Taxonomy(
    "toy",
    [
        Node(id="1", parent_id=None, name="Sports", tier=1),
        Node(id="2", parent_id="1", name="Soccer", tier=2),
        Node(id="3", parent_id=None, name="Food", tier=1),
    ],
)


class Additive:
    """p = base + sum of weight * count over words, whatever the order: no link, no clipping."""

    taxonomies = ("toy",)
    model_id = "additive-1"

    def __init__(self, weights: Mapping[str, float], *, base: float = 0.1) -> None:
        self.weights = dict(weights)
        self.base = base
        self.calls: list[int] = []

    def margin(self, document: Document) -> float:
        counted = words.words(document.text)
        return self.base + sum(self.weights.get(word, 0.0) for word in counted)

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        self.calls.append(len(documents))
        return np.array([self.margin(document) for document in documents])

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        return [
            tuple(
                Prediction(
                    taxonomy="toy",
                    node_id=node_id,
                    tier=tier,
                    confidence=float(value),
                    classifier="toy",
                    model_id=self.model_id,
                    rank=rank,
                    asserted=bool(value > 0.5),
                )
                for node_id, tier, rank in (("2", 2, 1), ("1", 1, None))
            )
            for value in self.score(documents, "toy", "2")
        ]


class Screening(Additive):
    """Also says what it thinks of each word."""

    def word_scores(
        self, document: Document, words: Sequence[str], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        return np.array([self.weights.get(word, 0.0) for word in words])


class Logistic(Screening):
    """A logistic bag of words, each word counted once."""

    def margin(self, document: Document) -> float:
        present = sorted(set(words.words(document.text)))
        total = self.base + sum(self.weights.get(word, 0.0) for word in present)
        return float(1 / (1 + np.exp(-total)))


class Both(Screening):
    """0.9 where all of its words are there, else 0.1: a conjunction, no word says it alone."""

    def margin(self, document: Document) -> float:
        return 0.9 if set(self.weights) <= set(words.words(document.text)) else 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Toys:
    additive: type[Additive] = Additive
    screening: type[Screening] = Screening
    logistic: type[Logistic] = Logistic
    both: type[Both] = Both
    tree: Taxonomy = TREE


@pytest.fixture(scope="session")
def toys() -> Toys:
    return Toys()


@pytest.fixture(scope="session")
def taxonomy() -> Callable[[str], Taxonomy]:
    return lambda name: TREE


@pytest.fixture(scope="session")
def document() -> Callable[..., Document]:
    def make(*bodies: str, title: str = "", language: str = "en", **fields: str) -> Document:
        pages = tuple(
            PageText(
                url=f"https://toy.example/{number or ''}",
                fields=Fields(
                    title=title if number == 0 else "", body=body, language=language, **fields
                ),
            )
            for number, body in enumerate(bodies)
        )
        return Document(id="toy.example", domain="toy.example", pages=pages)

    return make
