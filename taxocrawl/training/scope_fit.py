"""Fits the line between pages and texts without a topic."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from taxocrawl.classifiers.reading import N_FIELDS, field_texts
from taxocrawl.classifiers.scope import Scope, design
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES, PageText
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import calibrate
from taxocrawl.training.noise import noise

# Share of the whole pages that may be taken for texts without a topic.
REFUSED_SHARE = 0.015
PER_KIND = 400
PART_LETTERS = 500

# A page is also seen in part, as people's texts come: its body alone, or what a search shows.
_PARTS = (("body",), ("title", "description"), ("title",))


def parts(pages: Sequence[PageText]) -> list[tuple[str, ...]]:
    """Texts of some of each page's fields, in turn; the whole page where it has none of them."""
    return [_part(field_texts(page), _PARTS[i % len(_PARTS)]) for i, page in enumerate(pages)]


def _part(texts: tuple[str, ...], kept: tuple[str, ...]) -> tuple[str, ...]:
    cut = tuple(
        text[:PART_LETTERS] if name in kept else ""
        for name, text in zip(FIELD_NAMES, texts, strict=True)
    )
    return cut if any(cut) else texts


def noise_pages(
    taxonomy: Taxonomy, *, seed: int, per_kind: int = PER_KIND
) -> list[tuple[str, ...]]:
    """Field texts of pages without a topic: each noise as a body, or half of it as a title."""
    texts = [*(node.name for node in taxonomy)]
    texts += [
        word
        for node in taxonomy
        for own in taxonomy.texts(node.id).keywords.values()
        for word in own
    ]
    words = sorted({word for text in texts for word in text.split()})
    body, title = FIELD_NAMES.index("body"), FIELD_NAMES.index("title")
    found = []
    for i, text in enumerate(noise(words, per_kind=per_kind, seed=seed)):
        fields = [""] * N_FIELDS
        fields[body] = text
        if i % 3 == 0:
            fields[title], fields[body] = text[: len(text) // 8], text[len(text) // 8 :]
        found.append(tuple(fields))
    return found


def fit_scope(whole: Vectors, of_parts: Vectors, noise: Vectors) -> Scope:
    """Logistic regression of pages, whole and in part, against noise; each side weighs one half.

    Arguments are signals, (n, n_signals).
    """
    topical = np.concatenate([whole, of_parts]).astype(np.float64)
    means = tuple(topical.mean(axis=0).tolist())
    scales = tuple((topical.std(axis=0) + 1e-6).tolist())
    rows = design(np.concatenate([topical, noise]), means, scales)
    right = np.arange(len(rows)) < len(topical)
    share = np.where(right, 0.5 / len(topical), 0.5 / len(noise)) * len(rows)
    *weights, offset = calibrate.logistic(
        np.column_stack([rows, np.ones(len(rows))]), right, share
    ).tolist()
    line = Scope(weights=tuple(weights), means=means, scales=scales, offset=offset)
    return replace(line, least=float(np.quantile(line.probabilities(whole), REFUSED_SHARE)))
