"""What a plugin supplies. Built-ins fulfil the same protocols.

Everything works on batches. A plugin may raise: it is then blamed by name and the others' answers
stand. A factory takes `Resources` and returns one of the things below.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from taxocrawl.records import Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

if TYPE_CHECKING:
    from taxocrawl.settings import Settings

Vectors = NDArray[np.float32]


class Resources(Protocol):
    """What a factory may ask for. `options` is the plugin's own table of `taxocrawl.toml`."""

    @property
    def seed(self) -> int: ...

    @property
    def settings(self) -> "Settings": ...

    @property
    def options(self) -> Mapping[str, object]: ...

    def taxonomy(self, name: str) -> Taxonomy:
        """Taxonomy of that name; TaxonomyError names the known ones."""

    def encoder(self, name: str = "") -> "Encoder":
        """Encoder of that name ('': the one that the settings choose); loaded once a process."""

    def classifier(self, name: str) -> "Classifier":
        """Classifier of that name; loaded once a process."""

    def model_folder(self, name: str = "") -> Path:
        """Folder of a model that ships with the package or that the user named."""


@runtime_checkable
class Encoder(Protocol):
    """Texts to vectors."""

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of unit length, (n_texts, dimension) float32; zeros for a text without words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPage:
    """One parsed page as the rungs of the extraction ladder see it.

    `tree` is an `lxml.html.HtmlElement` shared by all rungs: read it, never change it.
    """

    url: str
    html: str
    tree: Any


@runtime_checkable
class Extractor(Protocol):
    """One rung of the extraction ladder."""

    def main_text(self, page: ParsedPage) -> str:
        """Main text, paragraphs separated by newlines; '' where this rung finds none."""


@runtime_checkable
class Classifier(Protocol):
    """Documents to predictions, for one or more taxonomies."""

    @property
    def taxonomies(self) -> Sequence[str]:
        """Names of the taxonomies that the predictions come from."""

    @property
    def model_id(self) -> str:
        """Changes whenever the answers may change; stored with every prediction."""

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """One tuple a document, in the same order, best rank first."""


@runtime_checkable
class ZeroShot(Protocol):
    """A classifier that needs no training: it can be asked for some of its taxonomies only."""

    def classify_in(
        self, documents: Sequence[Document], taxonomies: Sequence[str]
    ) -> list[tuple[Prediction, ...]]:
        """What `classify` gives, of these taxonomies alone."""


@runtime_checkable
class Scorer(Protocol):
    """A classifier that can say how sure it is of one given node.

    With it every model-agnostic explainer works.
    """

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Probability of the node (or anything below it) for each document, (n,) in [0, 1]."""


@runtime_checkable
class NodesScorer(Protocol):
    """A `Scorer` for which further nodes of the same documents cost next to nothing."""

    def score_nodes(
        self, documents: Sequence[Document], taxonomy: str, node_ids: Sequence[str]
    ) -> NDArray[np.float64]:
        """What `score` gives for each node, (n_documents, n_nodes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """Variants of a document that lack some of its words, to be scored for some nodes.

    Word i stands in field `fields[i]` (by place in FIELD_NAMES) of page `pages[i]` from character
    `starts[i]` to `ends[i]`, and has the same number in `words` wherever it stands; all (n_words,).
    `gone` (n_variants, n_words) says which ones go.
    """

    document: Document
    words: NDArray[np.int64]
    pages: NDArray[np.int64]
    fields: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    gone: NDArray[np.bool_]
    taxonomy: str
    node_ids: tuple[str, ...]


@runtime_checkable
class DocumentReader(Protocol):
    """A classifier that does not read all of a document: only words that it reads explain it."""

    def as_read(self, document: Document) -> Document:
        """The document cut to what the classifier reads of it, which gets the same answer."""


@runtime_checkable
class AblationScorer(DocumentReader, Protocol):
    """A `Scorer` that answers for a document without some of its words far sooner than for a new
    document. Explanations of every page of a crawl need it.
    """

    def score_ablations(self, ablations: Sequence[Ablation]) -> list[NDArray[np.float64]]:
        """About what `score` gives each variant for each node, (n_variants, n_nodes) for each.

        A variant that lacks nothing gets exactly that. The documents come from `as_read`.
        """

    def bars(self, taxonomy: str, node_ids: Sequence[str]) -> NDArray[np.float64]:
        """The least score with which each node is asserted, (n_nodes,)."""


@runtime_checkable
class WordScorer(Protocol):
    """A classifier that knows, nearly for free, which words speak for a node.

    Explainers use it to choose the words that are worth an exact look.
    """

    def word_scores(
        self, document: Document, words: Sequence[str], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """How strongly each word speaks for the node, (n_words,), any unit, 0 = not at all."""


@runtime_checkable
class WordFinder(Protocol):
    """A classifier that finds by itself which words of a document are worth an exact look, sooner
    than by a `WordScorer`'s opinion of each.
    """

    def telling_words(
        self, asked: Sequence[tuple[Document, str, Sequence[str]]], *, most: int
    ) -> list[list[list[str]]]:
        """At most `most` words that it reads in the document, as `taxocrawl.words` writes them, the
        likeliest to move the score first: of each document for each of the nodes of a taxonomy.
        """


@runtime_checkable
class FeatureScorer(Protocol):
    """A classifier with named features whose exact contributions it can give (SHAP)."""

    def feature_contributions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[tuple[str, float, float], ...], float]:
        """((name, value, contribution), ...) and the base value; they sum to the margin."""


@runtime_checkable
class InteractionScorer(Protocol):
    """A classifier whose features' exact interactions can be given (SHAP interaction values)."""

    @property
    def taxonomies(self) -> Sequence[str]:
        """Names of the taxonomies that the predictions come from."""

    def feature_interactions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[str, ...], NDArray[np.float64], float]:
        """Names, a symmetric matrix (n_names, n_names) and the base value; all sum to the margin.

        The sum of a row is the feature's own contribution. No names: no margin was made.
        """


@runtime_checkable
class FeaturesScorer(Protocol):
    """A `FeatureScorer` for which many documents together cost less than one by one."""

    def features_contributions(
        self, asked: Sequence[tuple[Document, str, str]]
    ) -> list[tuple[tuple[tuple[str, float, float], ...], float]]:
        """What `feature_contributions` gives for each (document, taxonomy, node id)."""


@runtime_checkable
class Explainer(Protocol):
    """A method that says why a classifier gave a document a node."""

    def explain(
        self,
        document: Document,
        predictions: Sequence[Prediction],
        classifier: Classifier,
    ) -> list[Explanation]:
        """At most one explanation a prediction, in the same order; [] where it does not apply.

        The predictions belong to one document and one classifier.
        """


@runtime_checkable
class BatchExplainer(Protocol):
    """An `Explainer` for which many documents together cost less than one by one."""

    def explain_batch(
        self,
        documents: Sequence[Document],
        predictions: Sequence[Sequence[Prediction]],
        classifier: Classifier,
    ) -> list[list[Explanation]]:
        """What `explain` gives for each document with its predictions, in the same order."""


TaxonomyFactory = Callable[[Resources], Taxonomy]
ExtractorFactory = Callable[[Resources], Extractor]
EncoderFactory = Callable[[Resources], Encoder]
ClassifierFactory = Callable[[Resources], Classifier]
ExplainerFactory = Callable[[Resources], Explainer]
