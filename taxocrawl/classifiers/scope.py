"""Whether a page is like any page that has a topic: shares of nodes always sum to one, so they
cannot say that none fits.

A logistic regression of pages against texts without a topic (random letters, code, menus, empty
shells) on a few signals and
their squares, each a number that a person can read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.menu_words import menu_phrases
from taxocrawl.classifiers.reading import N_FIELDS, Reading
from taxocrawl.protocols import Vectors

# Of these features the greatest value of any candidate counts.
_BEST = (
    "linear_root",
    "nearest_page",
    "prototype_keywords",
    "prototype_example",
    "keywords",
    "entropy",
)
_COLUMNS = [FEATURE_NAMES.index(name) for name in _BEST]

SIGNALS = ("margin", "lead", *_BEST, "known", "letters", "menu")
"""Best margin of the ranker, its lead over the tenth, the best of some features, share of tokens
that the encoder knows, letters a token, share of tokens that menus and notices consist of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Weights of the signals and of their squares; a page below `least` is not answered.

    Squares, because a page may be strange at either end: too few menu words, or nothing else.
    Without weights every page is answered.
    """

    weights: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()
    offset: float = 0.0
    least: float = 0.0

    def probabilities(self, signals: Vectors) -> Vectors:
        """Of having a topic, (n_pages,) in [0, 1]."""
        if not self.weights:
            return np.ones(len(signals), dtype=np.float32)
        logits = design(signals, self.means, self.scales) @ np.array(self.weights) + self.offset
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)


def design(
    signals: Vectors, means: Sequence[float], scales: Sequence[float]
) -> NDArray[np.float64]:
    """Signals in deviations from the mean page, then their squares, (n_pages, 2 * n_signals)."""
    # Beyond four deviations a signal is as strange as it can be.
    scaled = np.clip((signals - np.array(means)) / np.array(scales), -4, 4)
    return np.concatenate([scaled, scaled**2], axis=1)


def menu_tokens(encoder: StaticEncoder) -> NDArray[np.bool_]:
    """Which of the encoder's tokens are words of menus and notices, (n_tokens,)."""
    found = np.zeros(len(encoder.token_vectors), dtype=np.bool_)
    for ids in encoder.tokenize(menu_phrases()):
        found[ids] = True
    found[0] = False  # the unknown token
    return found


def signals(
    reading: Reading, features: Vectors, margins: Vectors, menu: NDArray[np.bool_]
) -> Vectors:
    """(n_pages, len(SIGNALS)), from the features and margins of each page's candidates."""
    ordered = -np.sort(-margins, axis=1)
    lead = ordered[:, 0] - ordered[:, min(9, ordered.shape[1] - 1)]
    best = np.nan_to_num(np.fmax.reduce(features[:, :, _COLUMNS], axis=1), nan=0.0)
    columns = [ordered[:, 0], lead, best, *_tokens(reading, menu)]
    return np.column_stack(columns).astype(np.float32)


def _tokens(reading: Reading, menu: NDArray[np.bool_]) -> tuple[Vectors, Vectors, Vectors]:
    """Of each page: share of known tokens, letters a token, share of menus' tokens."""
    pages = range(0, len(reading.token_ids), N_FIELDS)
    ids = [np.concatenate(reading.token_ids[i : i + N_FIELDS]) for i in pages]
    n_tokens = np.array([max(1, len(of_page)) for of_page in ids])
    known = np.array([np.count_nonzero(of_page) for of_page in ids]) / n_tokens
    letters = np.array([sum(map(len, page)) for page in reading.texts]) / n_tokens
    return known, letters, np.array([np.count_nonzero(menu[of_page]) for of_page in ids]) / n_tokens
