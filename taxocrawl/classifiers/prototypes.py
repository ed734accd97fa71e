"""Nodes as vectors: what a taxonomy says about each of them, without any labelled page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.node_rows import NodeRows
from taxocrawl.classifiers.reading import unit
from taxocrawl.protocols import Encoder, Vectors
from taxocrawl.taxonomies.tree import Taxonomy

KINDS = ("name", "keywords", "example")
"""A node has several prototypes of each kind; a page is compared with the nearest of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeText:
    """One text about a node: its position in the taxonomy, one of KINDS, the words."""

    node: int
    kind: str
    text: str


def node_texts(taxonomy: Taxonomy) -> Iterator[NodeText]:
    """Everything that is known in words, nodes in order.

    Keywords of all languages but English are one text: an encoder whose languages share a space
    puts translations in one place, and one vector costs a tenth of ten.
    """
    for i, node_id in enumerate(taxonomy.ids):
        texts = taxonomy.texts(node_id)
        path = taxonomy.path(node_id).replace(" > ", ", ")
        yield NodeText(node=i, kind="name", text=taxonomy[node_id].name)
        yield NodeText(node=i, kind="name", text=f"{path}. {texts.scope}")
        for text in (
            ", ".join((*texts.keywords.get("en", ()), *texts.synonyms)),
            ", ".join(
                word
                for language, words in (*texts.keywords.items(), *_names(texts.names))
                if language != "en"
                for word in words
            ),
        ):
            if text:
                yield NodeText(node=i, kind="keywords", text=text)
        for example in (*texts.site_examples, *texts.short_examples):
            yield NodeText(node=i, kind="example", text=example)


def _names(names: Mapping[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((language, (name,)) for language, name in names.items())


class Prototypes:
    """Unit vectors of node texts around a common centre.

    Page vectors crowd in one corner of the space, where a few nodes are near to everything;
    subtracting the mean raised the agreement with a full model from 10 % to 27 % (FACTS 2.7).
    """

    def __init__(
        self,
        *,
        vectors: Vectors,
        nodes: NDArray[np.int64],
        kinds: NDArray[np.int64],
        page_centre: Vectors,
        n_nodes: int,
    ) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.nodes = nodes
        self.kinds = kinds
        self.page_centre = np.asarray(page_centre, dtype=np.float32)
        self.n_nodes = n_nodes
        self._rows = NodeRows(kinds * n_nodes + nodes, len(KINDS) * n_nodes)

    @classmethod
    def of(
        cls,
        taxonomy: Taxonomy,
        encoder: Encoder,
        page_centre: Vectors | None = None,
        centre: Vectors | None = None,
    ) -> "Prototypes":
        """Prototypes of any taxonomy; without a centre of pages, that of the node texts is used.

        `centre` of node texts: their own mean, unless there are too few for one.
        """
        found = list(node_texts(taxonomy))
        nodes = np.array([text.node for text in found], dtype=np.int64)
        kinds = np.array([KINDS.index(text.kind) for text in found], dtype=np.int64)
        vectors = encoder.encode([text.text for text in found])
        centre = vectors.mean(axis=0) if centre is None else centre
        order = np.lexsort((nodes, kinds))
        return cls(
            vectors=unit(vectors - centre)[order],
            nodes=nodes[order],
            kinds=kinds[order],
            page_centre=centre if page_centre is None else page_centre,
            n_nodes=len(taxonomy),
        )

    def similarities(self, vectors: Vectors) -> Vectors:
        """Cosine to the nearest prototype of each kind, (n_kinds, n_pages, n_nodes).

        `vectors` (n_pages, dimension); a zero vector, and a kind that a node lacks, give 0.
        """
        spoken = vectors.any(axis=1)
        centred = unit(vectors - self.page_centre)
        centred[~spoken] = 0
        nearest = self._rows.greatest(self.vectors @ centred.T, absent=0)
        return nearest.reshape(len(vectors), len(KINDS), self.n_nodes).swapaxes(0, 1)
