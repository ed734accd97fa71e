"""Labelled English texts in other languages, word by word through the lexicon.

No sentence comes out of it, but a bag of words is all that a linear head over token vectors sees,
and most languages have few labelled pages of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from taxocrawl import words
from taxocrawl.training.dataset import LabelledText

# Languages of the labelled pages, those with most pages oftener.
_OFTEN, _SELDOM = "de de ru es fr zh ja pt pl nl it el", "tr cs sv hu ro uk da fi ko id ar no"
LANGUAGES = (*_OFTEN.split(), *_SELDOM.split())
MAX_WORDS = 80
# A word that is not in the lexicon is a name or a brand half the time, grammar the other half.
KEPT_LETTERS = 6

Lexicon = Mapping[str, Mapping[str, tuple[str, ...]]]


def read_lexicon(data: Path) -> Lexicon:
    """For each language: English word -> up to three words, the most frequent first."""
    table = pq.read_table(
        data / "bilingual" / "lexicon.parquet", columns=["lang", "word", "en", "freq_rank"]
    )
    found: dict[str, dict[str, list[tuple[int, str]]]] = {}
    for row in table.to_pylist():
        rank = row["freq_rank"] or 1_000_000
        of_language = found.setdefault(row["lang"], {})
        for place, english in enumerate(row["en"].split("; ")):
            # A second translation is a second sense: ten times as far down.
            of_language.setdefault(english.casefold(), []).append((rank * 10**place, row["word"]))
    return {
        language: {
            english: tuple(word for _, word in sorted(choices)[:3])
            for english, choices in entries.items()
        }
        for language, entries in found.items()
    }


def translated(
    texts: Sequence[LabelledText], lexicon: Lexicon, *, per_text: int, seed: int
) -> list[LabelledText]:
    """Each text in `per_text` random languages; those with under 3 known words are left out."""
    rng = np.random.default_rng(seed)
    result = []
    for text in texts:
        drawn = rng.choice(len(LANGUAGES), size=per_text, replace=False)
        for language in dict.fromkeys(LANGUAGES[i] for i in drawn):
            title, n_title = _translate(text.title, lexicon[language], language, rng)
            body, n_body = _translate(text.text, lexicon[language], language, rng)
            if n_title + n_body >= 3:
                result.append(replace(text, title=title, text=body))
    return result


def _translate(
    text: str, entries: Mapping[str, tuple[str, ...]], language: str, rng: np.random.Generator
) -> tuple[str, int]:
    found, known = [], 0
    for word in words.words(text)[:MAX_WORDS]:
        choices = entries.get(word) or entries.get(word.removesuffix("s"))
        if choices:
            # The most frequent word two times of three.
            found.append(choices[0] if rng.random() < 0.67 else str(rng.choice(choices)))
            known += 1
        elif len(word) >= KEPT_LETTERS:
            found.append(word)
    return ("" if language in {"zh", "ja"} else " ").join(found), known
