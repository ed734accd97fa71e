"""Nodes of a taxonomy by what a text means, through the encoder."""

import numpy as np

from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.protocols import Encoder
from taxocrawl.taxonomies.tree import Taxonomy


def by_meaning(
    taxonomy: Taxonomy, text: str, encoder: Encoder, *, limit: int = 10
) -> tuple[tuple[str, float], ...]:
    """(node id, likeness) of the nodes nearest to the text, best first; () without a known word.

    Likeness is the cosine to the nearest of the node's texts, mean over their kinds (name,
    keywords, examples) that the node has.
    """
    query = encoder.encode([text])
    if not query.any():
        return ()
    prototypes = Prototypes.of(taxonomy, encoder)
    of_kinds = prototypes.similarities(query)[:, 0]
    spoken = np.zeros(of_kinds.shape, dtype=bool)
    spoken[prototypes.kinds, prototypes.nodes] = True
    likeness = of_kinds.sum(axis=0, where=spoken) / np.maximum(1, spoken.sum(axis=0))
    best = np.argsort(-likeness, kind="stable")[:limit]
    return tuple((taxonomy.ids[node], float(likeness[node])) for node in best)
