"""Static token vectors without torch: a table, a tokenizer, a mean.

Reads the folders that sentence-transformers writes for `StaticEmbedding` (+ `Normalize`) and gives
the same vectors, 3 times as fast and without its 500 MB of dependencies.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from taxocrawl.classifiers.encoders.pieces import MAX_KEPT_LETTERS, Pieces, pieces_of
from taxocrawl.classifiers.reading import well_formed
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Resources, Vectors

TokenIds = NDArray[np.int64]

# A text is cut in letters first, so that a huge one costs no tokenizer time, then in tokens. The
# mean over the first 4,096 tokens is as good as over all; no page text of ours is longer.
MAX_LETTERS = 40_000
MAX_TOKENS = 4_096

# Token ids of words that were met before are kept: they cost a tenth of new ones, which
# explanations, with dozens of copies of one page, feel most. Both limits together hold it under
# 50 MB.
MAX_KEPT_WORDS = 200_000
# Texts read last: a batch of 32 sites of 4 pages has 1,024 fields, some 4 MB.
MAX_KEPT_TEXTS = 2048
PROBE = "A probe: does 1 space, or 2  (or a\nnew line), always part tokens?"

TOKENIZER = "tokenizer.json"
# sentence-transformers saves "embedding.weight", model2vec "embeddings", if need be in int8 with
# one factor a token in "weights", which sentence-transformers 6 multiplies in on loading, as here.
TABLE_NAMES = ("embeddings", "embedding.weight")
FACTORS_NAME = "weights"


class _Read(NamedTuple):
    """A text that was read: its tokens, how many each word has, direction and length of the sum of
    their vectors.
    """

    ids: TokenIds
    by_word: TokenIds
    vector: Vectors
    length: float


class StaticEncoder:
    """Mean of token vectors, scaled to unit length; frequency weights are part of the table."""

    def __init__(self, folder: Path, *, name: str = "static") -> None:
        self.name = name
        self._tokenizer = _read_tokenizer(folder)
        self._table = _read_table(folder)
        n_tokens = self._tokenizer.get_vocab_size()
        if n_tokens != len(self._table):
            raise ModelError(f"{folder}: {len(self._table)} vectors for {n_tokens} tokens")
        self._pieces: Pieces | None = None
        self._kept: dict[str, list[int]] = {}
        self._read: dict[str, _Read] = {}
        # True of WordPiece and of our Unigram, false of byte-level BPE, where spaces are letters.
        self._cut: Callable[[str], list[str]] = _one_word
        if self._ids([PROBE])[0] == [i for ids in self._ids(PROBE.split()) for i in ids]:
            self._cut = str.split
            self._pieces = pieces_of(self._tokenizer, folder / TOKENIZER)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._table.shape[1])

    @property
    def token_vectors(self) -> Vectors:
        """The table, (n_tokens, dimension) float32: weighted by frequency, not of unit length."""
        return self._table

    def tokens(self, ids: TokenIds) -> list[str]:
        """The pieces of text that the ids stand for, as the vocabulary writes them."""
        return [self._tokenizer.id_to_token(int(i)) or "" for i in ids]

    @property
    def parts_at_spaces(self) -> bool:
        """Whether no token holds letters of two words."""
        return self._cut is str.split

    def tokenize(self, texts: Sequence[str]) -> list[TokenIds]:
        """Token ids of each text, at most MAX_TOKENS."""
        return [ids for ids, _ in self._by_word(texts)]

    def _by_word(self, texts: Sequence[str]) -> Iterator[tuple[TokenIds, TokenIds]]:
        """The same, and how many of them each word has that stands between two spaces."""
        cut = [self._cut(well_formed(text[:MAX_LETTERS])) for text in texts]
        ids, lengths = _in_a_row(self._look_up(list(chain.from_iterable(cut))))
        ends_of_words = np.cumsum([0, *map(len, cut)])
        ends = np.concatenate([[0], np.cumsum(lengths)])[ends_of_words]
        for (start, end), (first, last) in zip(
            pairwise(ends.tolist()), pairwise(ends_of_words.tolist()), strict=True
        ):
            of_words = lengths[first:last]
            if end - start > MAX_TOKENS:
                of_words = np.diff(np.minimum(np.cumsum(of_words), MAX_TOKENS), prepend=0)
            yield ids[start : min(end, start + MAX_TOKENS)], of_words

    def tokenize_words(self, words: Sequence[str]) -> tuple[TokenIds, NDArray[np.int64]]:
        """Token ids of short texts, all one after the other, and how many each has."""
        return _in_a_row(self._look_up([well_formed(word[:MAX_LETTERS]) for word in words]))

    def _look_up(self, words: Sequence[str]) -> list[list[int]]:
        kept = self._kept
        found = list(map(kept.get, words))
        fresh = list(
            dict.fromkeys(word for word, ids in zip(words, found, strict=True) if ids is None)
        )
        new = dict(zip(fresh, self._ids(fresh), strict=True))
        kept.update((word, ids) for word, ids in new.items() if len(word) <= MAX_KEPT_LETTERS)
        if len(kept) > MAX_KEPT_WORDS:
            kept.clear()
        return [new[word] if ids is None else ids for word, ids in zip(words, found, strict=True)]

    def _ids(self, words: Sequence[str]) -> list[list[int]]:
        found = [self._pieces.ids(word, self._kept) if self._pieces else None for word in words]
        others = [word for word, ids in zip(words, found, strict=True) if ids is None]
        encodings = iter(self._tokenizer.encode_batch_fast(others, add_special_tokens=False))
        return [next(encodings).ids if ids is None else ids for ids in found]

    def read(self, texts: Sequence[str]) -> tuple[list[TokenIds], Vectors]:
        """Token ids and vectors of distinct texts, those read just before remembered.

        Several readers look at one page: topic, form, risk. The second pays 5 us a field.
        """
        found = self._remembered(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, read in enumerate(found):
            vectors[row] = read.vector
        return [read.ids for read in found], vectors

    def tokens_by_word(self, texts: Sequence[str]) -> list[tuple[TokenIds, TokenIds]]:
        """Token ids of each text, and how many of them each word has that stands between two
        spaces; the whole text where those do not part words. Free for texts read just before.
        """
        return [(read.ids, read.by_word) for read in self._remembered(texts)]

    def lengths(self, texts: Sequence[str]) -> Vectors:
        """How long the sum of each text's token vectors is, (n_texts,); as cheap."""
        return np.array([read.length for read in self._remembered(texts)], dtype=np.float32)

    def _remembered(self, texts: Sequence[str]) -> list[_Read]:
        known = self._read
        fresh = list(dict.fromkeys(text for text in texts if text not in known))
        by_word = list(self._by_word(fresh))
        vectors, lengths = self._directions([ids for ids, _ in by_word])
        new = {
            text: _Read(ids, of, vector, length)
            for text, (ids, of), vector, length in zip(
                fresh, by_word, vectors, lengths.tolist(), strict=True
            )
        }
        found = [known.get(text) or new[text] for text in texts]
        if len(known) + len(new) > MAX_KEPT_TEXTS:
            known.clear()
        if len(new) <= MAX_KEPT_TEXTS:
            known.update(new)
        return found

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, (n_texts, dimension) float32; zeros for a text without known tokens."""
        return self.pool(self.tokenize(texts))

    def pool(self, ids: Sequence[TokenIds]) -> Vectors:
        """Unit vectors of texts that are already token ids, as `encode` gives them."""
        return self._directions(ids)[0]

    def _directions(self, ids: Sequence[TokenIds]) -> tuple[Vectors, Vectors]:
        """Unit vectors of sums, and how long the sums are."""
        vectors = np.zeros((len(ids), self.dimension), dtype=np.float32)
        for row, text_ids in enumerate(ids):
            if len(text_ids):
                # The direction of the sum is that of the mean.
                self._table.take(text_ids, axis=0).sum(axis=0, out=vectors[row])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors, lengths[:, 0]


def _in_a_row(ids: Sequence[Sequence[int]]) -> tuple[TokenIds, NDArray[np.int64]]:
    """All ids one after the other, and how many each word has."""
    flat = np.array(list(chain.from_iterable(ids)), dtype=np.int64)
    return flat, np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))


def _one_word(text: str) -> list[str]:
    return [text]


def _read_tokenizer(folder: Path) -> Tokenizer:
    path = folder / TOKENIZER
    if not path.is_file():
        raise ModelError(f"{folder} is no encoder folder: it has no {TOKENIZER}")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception for a bad file
        raise ModelError(f"{path} cannot be read: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _read_table(folder: Path) -> Vectors:
    path = folder / "model.safetensors"
    if not _is_static(folder):
        raise ModelError(
            f"{folder} holds no StaticEmbedding model; pip install 'taxocrawl[transformers]' "
            "runs any other sentence-transformers model"
        )
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    found = [arrays[name] for name in TABLE_NAMES if name in arrays]
    if not found or found[0].ndim != 2:
        raise ModelError(f"{path} has no table named {' or '.join(TABLE_NAMES)}")
    table = found[0].astype(np.float32)
    if FACTORS_NAME in arrays:
        factors = arrays[FACTORS_NAME].astype(np.float32)
        if factors.shape != (len(table),):
            raise ModelError(f"{path}: {factors.shape} factors for {len(table)} vectors")
        table *= factors[:, None]
    if not np.isfinite(table).all():
        raise ModelError(f"{path} holds numbers that are not finite")
    return table


def _is_static(folder: Path) -> bool:
    """Whether modules.json starts with a StaticEmbedding; model2vec writes none, which is fine."""
    path = folder / "modules.json"
    if not path.is_file():
        return True
    try:
        modules = json.loads(path.read_text(encoding="utf-8"))
        return str(modules[0]["type"]).endswith("StaticEmbedding")
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def create(resources: Resources) -> StaticEncoder:
    """The encoder of the chosen model, named after it: another model, other vectors."""
    from taxocrawl.classifiers.model_folder import read_manifest

    folder = resources.model_folder()
    return StaticEncoder(folder / "encoder", name=read_manifest(folder).id)
