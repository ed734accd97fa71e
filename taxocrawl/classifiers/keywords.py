"""Words of the glossary that stand in a page, in all its languages, and a classifier of them."""

import functools
import re
import unicodedata
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.ranges import ranges
from taxocrawl.classifiers.reading import field_texts, well_formed
from taxocrawl.classifiers.tiers import Answer, Tiers, predictions, ranking
from taxocrawl.protocols import Resources, Vectors
from taxocrawl.records import FIELD_NAMES, Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

# A hit in title, description, headings or address weighs more than one in running text.
FIELD_WEIGHTS = dict(zip(FIELD_NAMES, (3.0, 2.0, 1.5, 1.0, 0.7, 0.7, 1.5, 2.0), strict=True))
NAME_WEIGHT = 2.0
# Keywords of one letter pair of a script without spaces are chance.
MIN_LETTERS = 2
MAX_HITS_OF_A_WORD = 3

Places = list[tuple[int, int, int]]
"""Keywords in a text: position in `words`, start and end in the text."""


def fold(text: str) -> str:
    """Text in which keywords are looked for: compatibility forms and case folded away."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", well_formed(text)).casefold()


class KeywordIndex:
    """All keywords of a taxonomy in one automaton; a keyword may belong to several nodes."""

    def __init__(self, weights: Mapping[str, Mapping[int, float]], n_nodes: int) -> None:
        self.words = tuple(weights)
        self.n_nodes = n_nodes
        # The nodes of all words one after the other: those of word i from _first[i] on.
        lengths = [len(weights[word]) for word in self.words]
        self._first = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        pairs = [pair for word in self.words for pair in weights[word].items()]
        self._nodes = np.array([node for node, _ in pairs], dtype=np.int64)
        self._weights = np.array([weight for _, weight in pairs], dtype=np.float32)
        self._automaton = ahocorasick_rs.AhoCorasick(
            list(self.words), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        )

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> "KeywordIndex":
        """Names, synonyms and keywords of every language.

        A word of several nodes is shared among them: it says less of each.
        """
        found: dict[str, dict[int, float]] = defaultdict(dict)
        for i, node_id in enumerate(taxonomy.ids):
            texts = taxonomy.texts(node_id)
            named = (taxonomy[node_id].name, *texts.names.values(), *texts.synonyms)
            other = (word for words in texts.keywords.values() for word in words)
            for words, weight in ((named, NAME_WEIGHT), (other, 1.0)):
                for word in words:
                    key = fold(word).strip()
                    if len(key) >= MIN_LETTERS:
                        found[key][i] = max(weight, found[key].get(i, 0.0))
        shared = {
            word: {node: weight / len(nodes) for node, weight in nodes.items()}
            for word, nodes in found.items()
        }
        return cls(shared, len(taxonomy))

    def scores(self, texts: Sequence[tuple[str, ...]]) -> Vectors:
        """Weight of the keywords found, logarithm of 1 + sum, (n_pages, n_nodes)."""
        return self.weigh([self.places(page) for page in texts])

    def weigh(self, pages: Sequence[Sequence[Places]]) -> Vectors:
        """`scores` of pages from the places of their keywords in each field."""
        rows: list[int] = []
        found: list[int] = []
        amounts: list[float] = []
        for row, page in enumerate(pages):
            for places, field_weight in zip(page, FIELD_WEIGHTS.values(), strict=True):
                for word, count in Counter([word for word, _, _ in places]).items():
                    rows.append(row)
                    found.append(word)
                    amounts.append(field_weight * min(count, MAX_HITS_OF_A_WORD))
        pairs, nodes, weights = self.spread(found, amounts)
        result = np.zeros((len(pages), self.n_nodes), dtype=np.float32)
        np.add.at(result, (np.array(rows, dtype=np.int64)[pairs], nodes), weights)
        return np.log1p(result)

    def spread(
        self, found: Sequence[int] | NDArray[np.int64], amounts: Sequence[float] | Vectors
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """What so much of each word gives to nodes: places in `found`, nodes, weights, all (n,)."""
        words = np.array(found, dtype=np.int64)
        lengths = self._first[words + 1] - self._first[words]
        rows = np.repeat(np.arange(len(words)), lengths)
        pairs = ranges(self._first[words], lengths)
        weights = np.array(amounts, dtype=np.float32)[rows] * self._weights[pairs]
        return rows, self._nodes[pairs], weights

    def places(self, page: Sequence[str]) -> list[Places]:
        """Where keywords stand in each text as whole words."""
        return [self._places(text) if text else [] for text in page]

    def _places(self, text: str) -> Places:
        folded = fold(text)
        last = len(folded)
        found = [
            place
            for place in self._automaton.find_matches_as_indexes(folded)
            # No letter of a spaced script touches the match: `art` is not in `party`.
            if not (
                ((start := place[1]) and _JOINS[folded[start]] and _JOINS[folded[start - 1]])
                or ((end := place[2]) < last and _JOINS[folded[end - 1]] and _JOINS[folded[end]])
            )
        ]
        return _unfolded(found, text) if found and last != len(text) else found

    def hits(self, text: str) -> Mapping[int, int]:
        """Positions in `words` of the keywords that stand in the text as whole words: count."""
        return Counter(word for word, _, _ in self._places(text))


def _unfolded(places: Places, text: str) -> Places:
    """The places in a text of which some letters fold to several, "…", "ß", or to none."""
    odd = "".join(sorted(letter for letter in set(text) if _folded_length(letter) != 1))
    if not odd:  # letters that fold into the one before
        return places
    at = [match.start() for match in re.finditer(f"[{re.escape(odd)}]", text)]
    grown = list(accumulate(_folded_length(text[place]) - 1 for place in at))
    ends = [place + more + 1 for place, more in zip(at, grown, strict=True)]

    def unfolded(place: int) -> int:
        before = bisect_right(ends, place)
        raw = place - (grown[before - 1] if before else 0)
        return min(raw, at[before] + 1) if before < len(at) else raw

    return [(word, unfolded(start), unfolded(end)) for word, start, end in places]


@functools.lru_cache(maxsize=20_000)
def _folded_length(letter: str) -> int:
    return len(fold(letter))


class _Joins(dict[str, bool]):
    """Whether a letter joins its neighbours into a word, remembered for letters met before."""

    def __missing__(self, letter: str) -> bool:
        # Han, kana, Thai and their kin are written without spaces: a keyword may touch them.
        joins = letter.isalnum() and not "\u0e00" <= letter <= "\u0eff" and letter < "\u2e80"
        self[letter] = joins
        return joins


_JOINS = _Joins()


class Keywords:
    """Classifier and Scorer: the node with most keywords. Transparent, and quick to beat."""

    def __init__(
        self, taxonomies: Sequence[Taxonomy], *, min_confidence: float | None = None
    ) -> None:
        self.taxonomies = tuple(taxonomy.name for taxonomy in taxonomies)
        self.model_id = "keywords-1"
        self._known = {t.name: (NodeArrays(t), KeywordIndex.of(t)) for t in taxonomies}
        self._places = {t.name: t.index for t in taxonomies}
        self._min_confidence = min_confidence

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Confidence of the node for each document, as `classify` would give it."""
        nodes, index = self._known[taxonomy]
        confidences = TIERS.confidences(_shares(documents, index), nodes)
        return confidences[:, self._places[taxonomy][node_id]].astype(np.float64)

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Nodes with any keyword, their shares of all keyword weight as confidence."""
        found: list[tuple[Prediction, ...]] = [() for _ in documents]
        for name, (nodes, index) in self._known.items():
            for row, shares in enumerate(_shares(documents, index)):
                share = shares[None]
                found[row] += predictions(
                    Answer(
                        ranked=ranking(shares, shares, nodes),
                        confidences=TIERS.confidences(share, nodes)[0],
                    ),
                    TIERS,
                    nodes,
                    taxonomy=name,
                    classifier="keywords",
                    model_id=self.model_id,
                    min_confidence=self._min_confidence,
                )
        return found


TIERS = Tiers(thresholds=(0.5,))


def _shares(documents: Sequence[Document], index: KeywordIndex) -> Vectors:
    """Each node's share of all keyword weight, (n_documents, n_nodes); zeros without a keyword."""
    shares = np.zeros((len(documents), index.n_nodes), dtype=np.float32)
    for row, document in enumerate(documents):
        weights = np.expm1(index.scores([field_texts(p) for p in document.pages])).sum(axis=0)
        shares[row] = weights / max(float(weights.sum()), 1e-9)
    return shares


def create(resources: Resources) -> Keywords:
    """The keyword classifier of all taxonomies that the settings name."""
    settings = resources.settings
    return Keywords(
        [resources.taxonomy(name) for name in settings.taxonomies],
        min_confidence=settings.min_confidence,
    )
