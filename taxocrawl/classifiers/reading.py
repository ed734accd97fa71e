"""Pages to vectors by field: the one way in which every source and every door reads a page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from taxocrawl.protocols import Encoder, Vectors
from taxocrawl.records import FIELD_NAMES, Document, PageText

# Letters read of each field, in the order of FIELD_NAMES. The body's first 2,000 say the topic: the
# labelled pages without HTML hold no more, and the tokenizer is most of the time a page costs.
FIELD_LETTERS = (300, 700, 1_000, 2_000, 1_000, 400, 600, 200)

N_FIELDS = len(FIELD_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A batch of pages as the sources see them.

    `texts[page][field]`; `vectors` (n_pages, N_FIELDS, dimension), unit length or zero;
    `token_ids[page * N_FIELDS + field]`, empty where the encoder has no tokens of its own.
    """

    texts: tuple[tuple[str, ...], ...]
    vectors: Vectors
    token_ids: tuple[NDArray[np.int64], ...] = ()

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether a field has words that the encoder knows, (n_pages, N_FIELDS)."""
        return np.asarray(self.vectors.any(axis=2), dtype=np.bool_)


@runtime_checkable
class TokenReader(Protocol):
    """An encoder whose vectors are those of tokens."""

    def read(self, texts: Sequence[str]) -> tuple[list[NDArray[np.int64]], Vectors]:
        """Token ids and vectors of distinct texts."""


def field_texts(page: PageText) -> tuple[str, ...]:
    """Text of each field, cut, in the order of FIELD_NAMES."""
    return tuple(
        text[:letters]
        for (_, text), letters in zip(page.fields.items(), FIELD_LETTERS, strict=True)
    )


def with_texts(document: Document, texts: Sequence[tuple[str, ...]]) -> Document:
    """The document with these texts of each page's fields, in the order of FIELD_NAMES."""
    return replace(
        document,
        pages=tuple(
            replace(
                page, fields=replace(page.fields, **dict(zip(FIELD_NAMES, of_page, strict=True)))
            )
            for page, of_page in zip(document.pages, texts, strict=True)
        ),
    )


def read(texts: Sequence[tuple[str, ...]], encoder: Encoder) -> Reading:
    """The pages' vectors. A text that stands in several pages is encoded once.

    Explanations ask for dozens of copies of a page that differ in one word of one field.
    """
    flat = [text for page in texts for text in page]
    distinct = {text: i for i, text in enumerate(dict.fromkeys(flat))}
    rows = np.fromiter((distinct[text] for text in flat), dtype=np.int64, count=len(flat))
    if isinstance(encoder, TokenReader):
        ids, vectors = encoder.read(list(distinct))
        token_ids = tuple(ids[row] for row in rows)
    else:
        vectors, token_ids = encoder.encode(list(distinct)), ()
    return Reading(
        texts=tuple(texts),
        vectors=vectors[rows].reshape(len(texts), N_FIELDS, encoder.dimension),
        token_ids=token_ids,
    )


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced: they are legal in str and nowhere else."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def unit(vectors: Vectors) -> Vectors:
    """The same directions with length 1 along the last axis; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-12)
    return result
