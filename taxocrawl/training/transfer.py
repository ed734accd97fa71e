"""What the shipped model knows, carried over to another taxonomy without any labelled page.

Every node of the new taxonomy is read, by its own words, as a mixture of the nodes that the shipped
linear head knows; the same mixture of their weights is the head of the new node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead, log_softmax
from taxocrawl.classifiers.model_folder import ModelFolder
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.reading import N_FIELDS, Reading, read, unit
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import PATH_SEPARATOR, Taxonomy
from taxocrawl.training.dataset import LabelledText, read_glossary

Arrays = Mapping[str, NDArray[np.generic]]

# Share of the logarithms of a mixture beside the mixture itself. Zero-shot accuracy of the head,
# mean of eight outside sets: .530 without, .574 with 0.2, .565 with 0.5; of the ranker on it .566,
# .595, .576. `nearest` has .542.
LOG_SHARE = 0.2
_FLOOR = 1e-4
# The few nodes of a small taxonomy have no centre of their own (see classifiers.nearest).
FEW_NODES = 100
# Pages whose mean counts as much as the shipped model's centre of pages.
CENTRE_PAGES = 50
# The vectors that it meets have variance 1 along their dimensions, not length 1.
PROTOTYPE_SCALE = 0.5

_TITLE, _BODY = FIELD_NAMES.index("title"), FIELD_NAMES.index("body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The shipped model, and the encoder by which the new one reads."""

    model: ModelFolder
    taxonomy: Taxonomy
    encoder: StaticEncoder
    encoder_folder: Path

    @property
    def same_encoder(self) -> bool:
        """Whether the shipped head can read this encoder's tokens and vectors."""
        return self.encoder.name == self.model.manifest.encoder


def first_head(base: Base, taxonomy: Taxonomy) -> Arrays:
    """Arrays of a linear head over the taxonomy's nodes, from the shipped head's weights.

    With an encoder that the shipped head cannot read, from the nodes' prototypes.
    """
    if not base.same_encoder:
        return _prototype_head(base, taxonomy)
    known = base.model.arrays["linear"]
    mixtures = _mixtures(base, LinearHead(known), taxonomy)
    logs = np.log(mixtures + _FLOOR)
    logs -= logs.mean(axis=1, keepdims=True)
    mixed = mixtures + LOG_SHARE * unit(logs)  # zeros where the encoder knows none of the words

    def of(name: str) -> Vectors:
        weights: Vectors = mixed @ known[name].astype(np.float32)
        return weights

    return {
        **known,
        "encoder_nodes": of("encoder_nodes").astype(np.float16),
        "token_nodes": of("token_nodes").astype(np.float16),
        "bias": of("bias"),
        "log_prior": np.full(len(taxonomy), -np.log(len(taxonomy)), dtype=np.float32),
    }


def _prototype_head(base: Base, taxonomy: Taxonomy) -> Arrays:
    """A head whose weights are the nodes' mean prototypes; its own table says nothing."""
    dimension = base.encoder.dimension
    prototypes = prototypes_of(base, taxonomy, np.zeros((0, dimension), dtype=np.float32))
    sums = np.zeros((len(taxonomy), dimension), dtype=np.float32)
    np.add.at(sums, prototypes.nodes, prototypes.vectors)
    n_tokens = len(base.encoder.token_vectors)
    return {
        "encoder_nodes": (PROTOTYPE_SCALE * unit(sums)).astype(np.float16),
        "encoder_fields": np.ones(N_FIELDS, dtype=np.float32),
        "token_nodes": np.zeros((len(taxonomy), 1), dtype=np.float16),
        "token_fields": np.ones(N_FIELDS, dtype=np.float32),
        "table": np.ones((n_tokens, 1), dtype=np.int8),
        "table_scale": np.ones(n_tokens, dtype=np.float32),
        "bias": np.zeros(len(taxonomy), dtype=np.float32),
        "log_prior": np.full(len(taxonomy), -np.log(len(taxonomy)), dtype=np.float32),
    }


def _mixtures(base: Base, head: LinearHead, taxonomy: Taxonomy) -> Vectors:
    """Mean distribution over the shipped model's nodes of each node's texts, (n_nodes, n_known)."""
    texts = read_glossary(taxonomy)
    shares = np.exp(log_softmax(head.logits(read_texts(texts, base.encoder))))
    result = np.zeros((len(taxonomy), shares.shape[1]), dtype=np.float32)
    owners = np.array([taxonomy.index[text.node_ids[0]] for text in texts])
    np.add.at(result, owners, shares)
    counts = np.bincount(owners, minlength=len(taxonomy)).astype(np.float32)
    mixtures: Vectors = result / counts[:, None]
    return mixtures


def read_texts(texts: Sequence[LabelledText], encoder: StaticEncoder) -> Reading:
    """Titles and texts as pages of two fields."""
    nothing = [""] * N_FIELDS
    rows = []
    for text in texts:
        row = nothing.copy()
        row[_TITLE], row[_BODY] = text.title, text.text
        rows.append(tuple(row))
    return read(rows, encoder)


def prototypes_of(base: Base, taxonomy: Taxonomy, page_vectors: Vectors) -> Prototypes:
    """Prototypes whose centres the shipped model steadies where pages or nodes are few."""
    centre = None
    if len(taxonomy) < FEW_NODES:
        paths = [base.taxonomy.path(i).replace(PATH_SEPARATOR, ", ") for i in base.taxonomy.ids]
        centre = base.encoder.encode(paths).mean(axis=0)
    pages = page_vectors.sum(axis=0)
    if base.same_encoder:
        shipped = base.model.arrays["prototypes"]["page_centre"].astype(np.float32)
        pages = (pages + CENTRE_PAGES * shipped) / (len(page_vectors) + CENTRE_PAGES)
    elif len(page_vectors):
        pages = pages / len(page_vectors)
    else:
        pages = None
    return Prototypes.of(taxonomy, base.encoder, pages, centre)


def background() -> Taxonomy:
    """The taxonomy that is about everything."""
    return formats.load("iab-3.1")
