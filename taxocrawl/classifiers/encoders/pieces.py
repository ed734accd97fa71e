"""Words as our tokenizer cuts them, without its normaliser and its splitter.

Those take most of the time that a word costs when it is met first. What they do they do letter by
letter, but for letters that join with others: so it is asked once of each letter.
"""

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

# A letter that may join with the one before, or is newer than this Python: U+FFFF is no letter.
_JOINS = "\uffff"
# Of a million letters that a hostile page may hold.
_MAX_LETTERS = 20_000
_SPLITTER = {
    "type": "Split",
    "pattern": {"Regex": r"[^\w]+|_+"},
    "behavior": "Removed",
    "invert": False,
}


class Pieces:
    """Token ids of words by their pieces; made by `pieces_of`."""

    def __init__(self, tokenizer: Tokenizer, never_cut: bytes) -> None:
        self._letters = _Letters(tokenizer)
        self._known = tokenizer.token_to_id
        self._model = tokenizer.model
        self._never_cut = never_cut

    def ids(self, word: str, kept: dict[str, list[int]]) -> list[int] | None:
        """Token ids of a word; None where only the tokenizer can tell.

        Those of its pieces are looked up in `kept` and put there.
        """
        folded = word.translate(self._letters)
        if _JOINS in folded:
            return None
        result: list[int] = []
        for piece in folded.split():
            ids = kept.get(piece)
            if ids is None:
                ids = kept[piece] = self._ids_of(piece)
            result += ids
        return result

    def _ids_of(self, piece: str) -> list[int]:
        token = self._known(piece)
        if token is not None and self._never_cut[token]:
            return [token]
        return [token.id for token in self._model.tokenize(piece)]


class _Letters(dict[int, str]):
    """What is left of a letter: itself in lower case, nothing, or a space where it parts pieces."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._normal = tokenizer.normalizer.normalize_str
        self._pieces = tokenizer.pre_tokenizer.pre_tokenize_str

    def __missing__(self, code: int) -> str:
        normal = self._normal(chr(code))
        folded = "".join(letter if self._pieces(letter) else " " for letter in normal)
        if _joins(chr(code)):
            folded = _JOINS
        if len(self) < _MAX_LETTERS:
            self[code] = folded
        return folded


def _joins(letter: str) -> bool:
    """Whether it is, or holds, a mark or a part of a Korean syllable, or is unknown."""
    return any(
        unicodedata.category(part)[0] in "MC" or "\u1100" <= part <= "\u11ff"
        for part in unicodedata.normalize("NFKC", letter)
    )


def pieces_of(tokenizer: Tokenizer, path: Path) -> Pieces | None:
    """None where the tokenizer, read from `path`, does more than to fold and to split."""
    if tokenizer.normalizer is None or tokenizer.pre_tokenizer is None:
        return None
    made = json.loads(path.read_bytes())
    if made["added_tokens"] or made["pre_tokenizer"] != _SPLITTER or not _by_letter(made):
        return None
    model = made["model"]
    if model["type"] != "Unigram":
        return Pieces(tokenizer, bytes(tokenizer.get_vocab_size()))
    # A piece that is a token may be read as several, which costs twenty times as much to find out;
    # but not if it scores more than the two best tokens would together.
    scores = np.array([score for _, score in model["vocab"]])
    never_cut = (scores < 0) & (scores > 2 * scores.max())
    return Pieces(tokenizer, never_cut.tobytes())


def _by_letter(made: dict[str, Any]) -> bool:
    """Whether the normaliser folds each letter by itself, but for those that join."""
    steps = made["normalizer"].get("normalizers", [made["normalizer"]])
    return all(
        step["type"] in ("NFKC", "Lowercase")
        or (step["type"] == "Replace" and len(step["pattern"].get("String", "")) == 1)
        for step in steps
    )
