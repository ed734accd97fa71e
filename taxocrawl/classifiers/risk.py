"""What an advertiser or a filter may want to keep away from, with the words that say so.

One small model judges (page, topic) pairs: how the page's words lie, the topic's own words found in
it, and words of contexts in which they are innocent (health, education, news, history, support).
Nothing is asserted without a word or a category that a reader can check.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources as package_files
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.keywords import KeywordIndex, fold
from taxocrawl.classifiers.linear import log_softmax
from taxocrawl.classifiers.reading import Reading, field_texts, read, unit
from taxocrawl.classifiers.voting import distinct_pages, votes
from taxocrawl.protocols import Encoder, Vectors
from taxocrawl.records import FIELD_NAMES, Document, Prediction, Risk
from taxocrawl.risks import RISKS
from taxocrawl.taxonomies.tree import Taxonomy

TOPICS: Final = tuple(RISKS)
CONTEXTS: Final = ("health", "education", "news", "history", "support", "law", "faith", "play")

NODES_OF: Final = "iab-3.1"
# Categories of IAB Content 3.1 that are the topic itself, so that being sure of one is evidence.
# Crime, death and debated issues are mostly news of them, which is no risk of our list.
TOPIC_NODES: Final[Mapping[str, tuple[str, ...]]] = {
    "adult": ("Rm3SiT", "MQ2XML"),
    "gambling": ("181", "524", "ZJG29S"),
    "piracy": ("mm3UXx",),
    "weapons": ("avbNf2",),
    "alcohol": ("211",),
    "hate": ("HxqYV1",),
    "profanity": ("j9PaO9",),
    "spam": ("6i4dB6",),
}

FEATURE_NAMES: Final = (
    *("linear", "linear_gap", "innocent", "words", "distinct", "head", "density", "others"),
    *(f"context_{name}" for name in CONTEXTS),
    *("contexts", "letters"),
)
_MORE, _LESS, _FREE = 1, -1, 0
MONOTONE: Final = (_MORE, _MORE, _LESS, _MORE, _MORE, _MORE, _MORE, _FREE) + (_LESS,) * 9 + (_FREE,)
"""More words of a topic never speak against it, words of an innocent context never for it."""

ASSERTED: Final = 0.5
MAX_REASONS: Final = 6
_HEAD: Final = tuple(FIELD_NAMES.index(name) for name in ("title", "description", "url_words"))
_N: Final = len(TOPICS)

Ints = NDArray[np.int64]


class RiskWords:
    """The packaged words of topics and contexts in one automaton."""

    def __init__(self) -> None:
        file = package_files.files("taxocrawl.classifiers").joinpath("risk_words.toml")
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        groups = [table["topics"][name] for name in TOPICS]
        groups += [table["contexts"][name] for name in CONTEXTS]
        weights: dict[str, dict[int, float]] = {}
        for group, languages in enumerate(groups):
            for words in languages.values():
                for word in filter(None, (fold(word).strip() for word in words.split(","))):
                    weights.setdefault(word, {})[group] = 1.0
        self.index = KeywordIndex(weights, len(groups))
        self._groups = [tuple(of_word) for of_word in weights.values()]

    def found(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each topic and context the words in a page's fields: (word -> weighed count)."""
        found: list[dict[str, float]] = [{} for _ in range(self.index.n_nodes)]
        for field, places in enumerate(self.index.places(texts)):
            weight = 2.0 if field in _HEAD else 1.0
            for number, _, _ in places:
                word = self.index.words[number]
                for group in self._groups[number]:
                    found[group][word] = min(found[group].get(word, 0.0) + weight, 4.0)
        return found


class RiskModel:
    """Documents to risks; see `aspects.RiskReader`."""

    def __init__(
        self,
        *,
        encoder: Encoder,
        arrays: Mapping[str, NDArray[np.generic]],
        booster: xgboost.Booster,
        threshold: float,
        taxonomy: Taxonomy | None = None,
    ) -> None:
        self._encoder, self._booster = encoder, booster
        self._shift = math.log(threshold / (1 - threshold))
        self._weights = arrays["weights"].astype(np.float32)
        self._bias = arrays["bias"].astype(np.float32)
        self._words = RiskWords()
        self._taxonomy = taxonomy

    def read(
        self, documents: Sequence[Document], predictions: Sequence[tuple[Prediction, ...]]
    ) -> list[tuple[Risk, ...]]:
        """Asserted risks of each document, the surest first."""
        pages, places = distinct_pages(documents)
        if not pages:
            return [() for _ in documents]
        reading = read([field_texts(page) for page in pages], self._encoder)
        found = [self._words.found(texts) for texts in reading.texts]
        shares = self.shares(page_vectors(reading), found, letters(reading))
        result = []
        for rows, own in zip(places, predictions, strict=True):
            weights = votes(np.ones((len(rows), 1))).astype(np.float64)
            site = weights @ shares[rows] / weights.sum()
            result.append(self._asserted(site, [found[row] for row in rows], own))
        return result

    def shares(
        self, vectors: Vectors, found: Sequence[list[dict[str, float]]], lengths: Vectors
    ) -> Vectors:
        """Confidence in each topic for each page, (n_pages, n_topics): .5 is the threshold.

        Training showed risks far oftener than the web does; shifting the odds by the threshold's
        corrects for that.
        """
        features = pair_features(self.logits(vectors), found, lengths)
        flat = features.reshape(-1, len(FEATURE_NAMES))
        margins = self._booster.inplace_predict(flat, predict_type="margin") - self._shift
        shares = (1 / (1 + np.exp(-margins))).reshape(len(vectors), _N)
        return shares.astype(np.float32)

    def logits(self, vectors: Vectors) -> Vectors:
        """Of every topic and of none, (n_pages, n_topics + 1)."""
        result: Vectors = vectors @ self._weights + self._bias
        return result

    def _asserted(
        self,
        shares: Vectors,
        found: Sequence[list[dict[str, float]]],
        predictions: tuple[Prediction, ...],
    ) -> tuple[Risk, ...]:
        risks = []
        for i, topic in enumerate(TOPICS):
            words: dict[str, float] = {}
            for page in found:
                for word, weight in page[i].items():
                    words[word] = words.get(word, 0.0) + weight
            nodes = [
                p
                for p in predictions
                if p.asserted and p.taxonomy == NODES_OF and p.node_id in TOPIC_NODES.get(topic, ())
            ]
            confidence = float(shares[i])
            if nodes and words:  # the category is evidence of another kind
                confidence = max(confidence, *(p.confidence for p in nodes))
            if confidence < ASSERTED or not (words or nodes):
                continue
            ordered = sorted(words, key=lambda word: (-words[word], word))[:MAX_REASONS]
            named = tuple(self._name(p) for p in nodes)
            risks.append(Risk(topic=topic, confidence=confidence, reasons=(*ordered, *named)))
        return tuple(sorted(risks, key=lambda risk: (-risk.confidence, risk.topic)))

    def _name(self, prediction: Prediction) -> str:
        if self._taxonomy and prediction.node_id in self._taxonomy:
            return self._taxonomy[prediction.node_id].name
        return prediction.node_id


def page_vectors(reading: Reading) -> Vectors:
    """One unit vector a page: the mean of its fields', (n_pages, n_dims)."""
    return unit(reading.vectors.sum(axis=1))


def letters(reading: Reading) -> Vectors:
    """Letters read of each page, (n_pages,)."""
    return np.array([sum(map(len, texts)) for texts in reading.texts], dtype=np.float32)


def pair_features(
    logits: Vectors, found: Sequence[list[dict[str, float]]], lengths: Vectors
) -> Vectors:
    """(n_pages, n_topics, n_features) in the order of FEATURE_NAMES."""
    logs = log_softmax(logits)
    result = np.zeros((len(logits), _N, len(FEATURE_NAMES)), dtype=np.float32)
    for row, groups in enumerate(found):
        amounts = np.array([sum(group.values()) for group in groups], dtype=np.float32)
        distinct = np.array([len(group) for group in groups], dtype=np.float32)
        heads = np.array(
            [sum(weight >= 2 for weight in group.values()) for group in groups], dtype=np.float32
        )
        own = logs[row, :_N]
        order = np.sort(own)
        rivals = np.where(own == order[-1], order[-2], order[-1])
        most = np.sort(distinct[:_N])
        others = np.where(distinct[:_N] == most[-1], most[-2], most[-1])
        length = max(float(lengths[row]), 60.0)
        result[row, :, 0] = own
        result[row, :, 1] = own - rivals
        result[row, :, 2] = logs[row, _N]
        result[row, :, 3] = np.log1p(amounts[:_N])
        result[row, :, 4] = distinct[:_N]
        result[row, :, 5] = heads[:_N]
        result[row, :, 6] = amounts[:_N] * 100 / length
        result[row, :, 7] = others
        result[row, :, 8:-2] = np.log1p(amounts[_N:])
        result[row, :, -2] = np.log1p(amounts[_N:].sum())
        result[row, :, -1] = np.log(length)
    return result
