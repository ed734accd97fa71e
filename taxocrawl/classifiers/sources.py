"""All sources of one model together: from pages to evidence, candidates and features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers import candidates, features
from taxocrawl.classifiers.candidates import Evidence
from taxocrawl.classifiers.keywords import KeywordIndex
from taxocrawl.classifiers.linear import LinearHead, log_softmax
from taxocrawl.classifiers.neighbours import Neighbours
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.reading import Reading, unit
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES

# Weights of fields in the one vector that prototypes and neighbours are compared with.
# In the order of FIELD_NAMES: title, description, headings, body, links, alt, facts, url.
PAGE_WEIGHTS = (1.5, 1.0, 1.0, 1.2, 0.6, 0.3, 0.7, 0.7)

_TITLE = FIELD_NAMES.index("title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """(page, candidate) pairs of a batch: node positions (n_pages, n_candidates) and features."""

    candidates: NDArray[np.int64]
    features: Vectors
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that knows something about nodes."""

    nodes: NodeArrays
    linear: LinearHead
    prototypes: Prototypes
    neighbours: Neighbours
    keywords: KeywordIndex
    log_prior: Vectors

    def evidence(
        self, reading: Reading, excluded: Sequence[NDArray[np.int64]] | None = None
    ) -> Evidence:
        """What each source says; `excluded` labelled pages do not vote (see Neighbours)."""
        vectors = page_vectors(reading)
        votes, nearest, cosines = self.neighbours.scores(vectors, excluded)
        keyword_places = [self.keywords.places(texts) for texts in reading.texts]
        token_sums = self.linear.token_sums(reading)
        logits = self.linear.logits_apart(reading, features.READINGS, token_sums)
        linear = log_softmax(logits).swapaxes(0, 1)
        titles = reading.vectors[:, _TITLE]
        similar = self.prototypes.similarities(np.concatenate([vectors, titles]))
        return Evidence(
            linear=linear[0],
            linear_fields=linear[1:],
            prototypes=similar[:, : len(vectors)],
            title_prototypes=similar[:, len(vectors) :],
            neighbours=votes,
            nearest_page=nearest,
            cosines=cosines,
            keywords=self.keywords.weigh(keyword_places),
            keyword_places=tuple(keyword_places),
            token_sums=token_sums,
        )

    def pairs(
        self,
        reading: Reading,
        n_candidates: int,
        excluded: Sequence[NDArray[np.int64]] | None = None,
    ) -> Pairs:
        """Candidates of every page with their features."""
        evidence = self.evidence(reading, excluded)
        chosen = candidates.choose(evidence, self.nodes, n_candidates)
        table = features.matrix(reading, evidence, chosen, self.nodes, self.log_prior)
        return Pairs(candidates=chosen, features=table, evidence=evidence)


def page_vectors(reading: Reading) -> Vectors:
    """One unit vector a page, the weighted mean of its fields' vectors, (n_pages, dimension)."""
    weights = np.array(PAGE_WEIGHTS, dtype=np.float32)
    return unit(np.einsum("pfd,f->pd", reading.vectors, weights))
