"""Tags: free words and phrases beside the tree, with their relevance.

Words and pairs of words that stand in the text, and what the taxonomy calls the nodes that were
predicted, each as relevant as its meaning is near to that of the whole text.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from taxocrawl import words
from taxocrawl.classifiers.product_words import product_words
from taxocrawl.protocols import Encoder, Resources, Vectors
from taxocrawl.records import Document, Fields, PageText, Prediction, Tag
from taxocrawl.taxonomies.tree import Taxonomy

MAX_TAGS = 10
# A tag is said from this relevance up; chosen on 40 texts written for this project.
LEAST_RELEVANCE = 0.3
# Cosines of a phrase to the text: from here a word says something, from there it says it all.
LEAST_COSINE, FULL_COSINE = 0.15, 0.75
# What stands in the text counts more than what only the taxonomy says of the node, and that more
# than what it says of those above it, which holds of many other things.
UNSAID, UNSAID_ABOVE = 0.85, 0.65
# Letters of each field that are read; further ones repeat.
FIELD_LETTERS = {"title": 300, "description": 400, "headings": 400, "body": 800, "link_texts": 200}
FIELD_WEIGHTS = {"title": 4, "description": 2, "headings": 2, "body": 1, "link_texts": 1}
MAX_WORDS, MAX_PAIRS = 20, 10
MIN_LETTERS = 3
N_NODES = 3
# A node with less of the first one's confidence is another reading of the text: its names would
# stand in the way of those of the first.
LEAST_OF_FIRST = 0.1
MAX_KNOWN_NODES = 2000
# Of ten tags with one word in common eight say nothing new.
MAX_OF_STEM = 2
MAX_LOOKED_AT = 40
# The language of fewer words is a guess: plain letters are taken for English, unless the guess is
# a language that is met often.
LEAST_WORDS_OF_LANGUAGE = 12
FREQUENT_LANGUAGES = frozenset({"de", "es", "fr", "it", "nl", "pl", "pt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A phrase and the factor on its relevance."""

    text: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What a node is called, and the vectors of that, (n_phrases, dimension)."""

    phrases: tuple[str, ...]
    vectors: Vectors


class Tags:
    """TagReader of any number of taxonomies."""

    def __init__(self, encoder: Encoder, taxonomies: Mapping[str, Taxonomy]) -> None:
        self._encoder = encoder
        self._taxonomies = taxonomies
        self._known: dict[tuple[str, str, str], _Named] = {}

    def read(
        self, documents: Sequence[Document], predictions: Sequence[tuple[Prediction, ...]]
    ) -> list[tuple[Tag, ...]]:
        """Tags of each document, the most relevant first, at most MAX_TAGS."""
        texts = [
            _text(document.pages[0].fields) if document.pages else "" for document in documents
        ]
        said = [list(self._said(document)) for document in documents]
        phrases = [phrase.text for of_document in said for phrase in of_document]
        vectors = self._encoder.encode([*texts, *phrases])
        found, at = [], len(texts)
        for row, document in enumerate(documents):
            candidates = said[row]
            parts = [vectors[at : at + len(candidates)]]
            at += len(candidates)
            for named, factor in self._named(document, predictions[row]):
                candidates += [_Candidate(text=phrase, factor=factor) for phrase in named.phrases]
                parts.append(named.vectors)
            found.append(_chosen(candidates, np.concatenate(parts), vectors[row]))
        return found

    def _said(self, document: Document) -> Iterator[_Candidate]:
        """Words of the text, and pairs of neighbours that stand there twice or in a title."""
        if not document.pages:
            return
        counts: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        for text, weight in _fields(document.pages[0]):
            found = words.words(text)
            spoken = [word if self._speaks(word) else "" for word in found]
            for word in filter(None, spoken):
                counts[word] += weight
            for pair in itertools.pairwise(spoken):
                if pair[0] and pair[1] and pair[0] != pair[1]:
                    pairs[pair] += weight
        for word, count in counts.most_common(MAX_WORDS):
            yield _Candidate(text=word, factor=_emphasis(count))
        for pair, count in pairs.most_common(MAX_PAIRS):
            if count > 1:
                yield _Candidate(text=_joined(*pair), factor=_emphasis(count))

    @staticmethod
    def _speaks(word: str) -> bool:
        long_enough = len(word) >= MIN_LETTERS or (word[:1] >= "\u2e80" and len(word) > 1)
        return long_enough and word not in _EVERYWHERE and not word[:1].isdecimal()

    def _named(
        self, document: Document, predicted: tuple[Prediction, ...]
    ) -> Iterator[tuple["_Named", float]]:
        """What the taxonomies say of the best nodes and of those above them."""
        language = _language(document)
        ranked = [p for p in predicted if p.rank is not None and p.rank <= N_NODES]
        seen: set[tuple[str, str]] = set()
        surest = {p.taxonomy: p.confidence for p in reversed(ranked)}
        for prediction in ranked:
            taxonomy = self._taxonomies.get(prediction.taxonomy)
            if taxonomy is None:
                continue
            if prediction.confidence < LEAST_OF_FIRST * surest[prediction.taxonomy]:
                continue
            for node_id in taxonomy.lineage(prediction.node_id):
                if (prediction.taxonomy, node_id) not in seen:
                    seen.add((prediction.taxonomy, node_id))
                    own = node_id == prediction.node_id
                    factor = UNSAID if own else UNSAID_ABOVE
                    yield self._of_node(taxonomy, node_id, language), factor

    def _of_node(self, taxonomy: Taxonomy, node_id: str, language: str) -> "_Named":
        """Encoded when first asked for: few nodes of a taxonomy are met often."""
        key = (taxonomy.name, node_id, language)
        if key not in self._known:
            if len(self._known) >= MAX_KNOWN_NODES:
                self._known.clear()
            phrases = tuple(dict.fromkeys(_phrases(taxonomy, node_id, language)))
            self._known[key] = _Named(phrases=phrases, vectors=self._encoder.encode(phrases))
        return self._known[key]


def _phrases(taxonomy: Taxonomy, node_id: str, language: str) -> Iterator[str]:
    """Name, synonyms and keywords of a node in that language."""
    texts = taxonomy.texts(node_id)
    name = taxonomy[node_id].name if language == "en" else texts.names.get(language, "")
    parts = (part.strip() for part in name.replace(" & ", ",").replace(" and ", ",").split(","))
    yield from filter(None, (part.lower() for part in parts))
    yield from texts.keywords.get(language, ())
    if language == "en":
        yield from texts.synonyms
        if taxonomy.name == "google":
            yield from product_words().get(node_id, ())


def _emphasis(count: int) -> float:
    """How much more a phrase weighs that stands in the text so often, titles counting more."""
    return 1 + 0.1 * min(4.0, float(np.log1p(count)))


def _language(document: Document) -> str:
    text = document.text[:1000]
    short = text.isascii() and words.count(text) < LEAST_WORDS_OF_LANGUAGE
    guess = document.language or "en"
    return "en" if short and guess not in FREQUENT_LANGUAGES else guess


def _chosen(
    candidates: Sequence[_Candidate], vectors: Vectors, of_text: Vectors
) -> tuple[Tag, ...]:
    """The most relevant candidates, none with the stems of another."""
    near = (vectors @ of_text - LEAST_COSINE) / (FULL_COSINE - LEAST_COSINE)
    factors = np.array([candidate.factor for candidate in candidates], dtype=np.float32)
    relevances = np.clip(near, 0, None) * factors
    order = np.argsort(-relevances, kind="stable")[:MAX_LOOKED_AT]
    chosen: list[Tag] = []
    seen: set[frozenset[str]] = set()
    used: Counter[str] = Counter()
    for i in order[relevances[order] >= LEAST_RELEVANCE].tolist():
        stems = frozenset(map(stem, words.words(candidates[i].text)))
        if len(chosen) == MAX_TAGS:
            break
        if stems and stems not in seen and all(used[part] < MAX_OF_STEM for part in stems):
            seen.add(stems)
            used.update(stems)
            relevance = min(1.0, float(relevances[i]))
            chosen.append(Tag(text=candidates[i].text, relevance=round(relevance, 4)))
    return tuple(chosen)


def stem(word: str) -> str:
    """The word without its commonest endings: enough to see that two tags are one."""
    for ending in ("ies", "es", "s", "en", "n", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def _joined(left: str, right: str) -> str:
    # Scripts without spaces are cut into small units that belong together.
    return f"{left}{right}" if left[-1] >= "\u2e80" and right[0] >= "\u2e80" else f"{left} {right}"


def _fields(page: PageText) -> Iterator[tuple[str, int]]:
    for name, letters in FIELD_LETTERS.items():
        text: str = getattr(page.fields, name)
        if text:
            yield text[:letters], FIELD_WEIGHTS[name]


def _text(fields: Fields) -> str:
    """What tags are compared with: the title twice, for it says most in least."""
    return " ".join((fields.title, fields.title, fields.description, fields.body[:1200]))


# Words of menus and notices, which stand on every site and say nothing of it.
_EVERYWHERE = frozenset(
    """home page website site contact about privacy policy cookies cookie login sign search menu
    more read click here new your our the and for with from this that all free online welcome terms
    skip content next previous copyright rights reserved email phone address view see get can will
    have has are was were you not but out day time year years also just like one two use com www
    http https best top great good well made make very what when where which who how why than then
    them they their there these those been being only over under into off per any each other some
    such
    und der die das mit von für auf ist ein eine nicht les des une pour dans avec sur los las del
    para con por una que het een voor van met""".split()  # noqa: SIM905
)


def create(resources: Resources) -> Tags:
    """Tags by the chosen encoder, from the taxonomies that the settings name."""
    trees = [resources.taxonomy(name) for name in resources.settings.taxonomies]
    return Tags(resources.encoder(), {tree.name: tree for tree in trees})
