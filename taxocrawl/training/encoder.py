"""Builds the shipped encoder from the shared data."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from taxocrawl.training import alignment, distil, vocabulary
from taxocrawl.training.alignment import Bags, Recipe
from taxocrawl.training.contexts import adopt_page_words
from taxocrawl.training.corpus import Corpus, read_corpus
from taxocrawl.training.distil import Array
from taxocrawl.training.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

BASE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

# 128 dimensions against 256 with the same words cost 0.004 of tier-1 accuracy on train pages
# (zero-shot; a linear head loses nothing), half the words cost 0.03: bytes go to words.
N_DIMS = 128
N_TOKENS = 178_000

Progress = Callable[[str], None]


def build_encoder(
    data: Path,
    out: Path,
    *,
    seed: int,
    progress: Progress = logger.info,
    recipe: Recipe | None = None,
) -> None:
    """Write the encoder's sentence-transformers folder to `out`; 25 minutes on 2 cores.

    The same data and seed give the same bytes on one machine.
    """
    torch.set_num_threads(1)
    corpus = read_corpus(data, seed=seed)
    progress(f"{len(corpus.examples):,} texts, {len(corpus.pages):,} pages")
    folder = distil.teacher_folder()
    english = sorted({text for example in corpus.examples for text in example.english})
    meanings = dict(zip(english, distil.sentence_vectors(folder, english, progress), strict=True))
    teacher_tokens = distil.load_teacher(folder).tokenizer.get_vocab()
    tokenizer, table = student(corpus, meanings, teacher_tokens, recipe or Recipe(), seed, progress)
    distil.save_encoder(out, tokenizer, table, base_model=BASE_MODEL)


def student(
    corpus: Corpus,
    meanings: dict[str, Array],
    teacher_tokens: Iterable[str],
    recipe: Recipe,
    seed: int,
    progress: Progress,
) -> tuple[Tokenizer, Array]:
    """Tokenizer and trained table, given the teacher's vectors of all English texts."""
    targets = _targets(corpus, meanings)
    known = {i: targets[i] for i, example in enumerate(corpus.examples) if example.is_word}
    chosen = vocabulary.choose(corpus, known, sorted(teacher_tokens))
    tokenizer = vocabulary.unigram(chosen.counts)
    bags = _bags(tokenizer, [example.text for example in corpus.examples])
    used = np.bincount(bags.ids, minlength=tokenizer.get_vocab_size())
    counts = _without_unused(chosen, tokenizer, used)
    progress(f"{len(counts):,} tokens")
    tokenizer = vocabulary.unigram(counts)
    bags, targets, weights = _rows(corpus, targets, tokenizer, counts, chosen)
    table = alignment.first_table(bags, targets, _shares(tokenizer, counts))
    trained = alignment.train(
        table, bags, targets, weights, recipe=recipe, seed=seed, progress=progress
    )
    return adopt_page_words(tokenizer, trained, dict(chosen.counts), corpus.pages)


def _targets(corpus: Corpus, meanings: dict[str, Array]) -> Array:
    """Unit vectors that the texts are to have, (n_examples, N_DIMS).

    The teacher's, on the axes that tell running English texts apart, around their mean: raw
    cosines of MiniLM say little, centred ones gain 0.1 in zero-shot accuracy.
    """
    running = np.stack([meanings[t] for t in sorted(meanings) if len(t) > 30])
    mean, axes = distil.principal_axes(running[:: max(1, len(running) // 30_000)], N_DIMS)
    sides = list(dict.fromkeys(example.english for example in corpus.examples))
    place = {side: i for i, side in enumerate(sides)}
    vectors = np.stack([np.mean([meanings[text] for text in side], axis=0) for side in sides])
    vectors = (vectors - mean) @ axes
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    targets: Array = vectors[[place[e.english] for e in corpus.examples]].astype(np.float32)
    return targets


def _bags(tokenizer: Tokenizer, texts: list[str]) -> Bags:
    return Bags.of(_known_ids(tokenizer, texts))


def _known_ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Token ids without the unknown token: what no text of ours says has no meaning to learn."""
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [[i for i in encoding.ids if i != vocabulary.UNKNOWN_ID] for encoding in encodings]


def _without_unused(
    chosen: Vocabulary, tokenizer: Tokenizer, used: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> dict[str, float]:
    """The pieces that fit, without those that no training text has; stems stay, they get texts."""
    live = {
        piece: count
        for piece, count in chosen.counts.items()
        if used[tokenizer.token_to_id(piece)] or piece in chosen.stems
    }
    ordered = sorted(live.items(), key=lambda item: (len(item[0]) > 1, -item[1], item[0]))
    return dict(ordered[: N_TOKENS - 1])


def _rows(
    corpus: Corpus,
    targets: Array,
    tokenizer: Tokenizer,
    counts: dict[str, float],
    chosen: Vocabulary,
) -> tuple[Bags, Array, Array]:
    """Training rows: every example, and each known word once more in pieces to teach its stem."""
    texts = [example.text for example in corpus.examples]
    ids = _known_ids(tokenizer, texts)
    weights = [example.weight for example in corpus.examples]
    pieces = vocabulary.unigram(
        {p: n for p, n in counts.items() if len(p) <= 4 or p in chosen.stems}
    )
    stems = chosen.stems & counts.keys()
    rows = [
        i
        for i, example in enumerate(corpus.examples)
        if example.is_word and _has_stem(example.text.lower(), stems)
    ]
    position = tokenizer.get_vocab()
    cut = pieces.encode_batch([texts[i] for i in rows], add_special_tokens=False)
    ids += [[position[piece] for piece in e.tokens if piece in position] for e in cut]
    weights += [0.5 * corpus.examples[i].weight for i in rows]
    everything = np.concatenate([targets, targets[rows]]) if rows else targets
    return Bags.of(ids), everything, np.array(weights, dtype=np.float32)


def _has_stem(word: str, stems: frozenset[str]) -> bool:
    return any(word[:cut] in stems for cut in range(max(4, len(word) - 6), len(word)))


def _shares(tokenizer: Tokenizer, counts: dict[str, float]) -> Array:
    total = sum(counts.values())
    size = tokenizer.get_vocab_size()
    shares = [counts.get(tokenizer.id_to_token(i) or "", 0.0) / total for i in range(size)]
    return np.array(shares, dtype=np.float32)
