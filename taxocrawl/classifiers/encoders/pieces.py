"""Words as our tokenizer cuts them, without its normaliser and its splitter.

Those take most of the time that a word costs when it is met first. What they do they do letter by
letter, but for letters that join with others: so it is asked once of each letter.
"""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import Unigram

# A letter that may join with the one before, or is newer than this Python: U+FFFF is no letter.
_JOINS = "\uffff"
# A longer piece is an address, a hash or a trap.
MAX_KEPT_LETTERS = 32
_SCORE = re.compile(rb",\s*(-?[0-9.eE+-]+)\s*\]")
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

    def __init__(self, tokenizer: Tokenizer, path: Path) -> None:
        self._letters = _Letters(tokenizer)
        self._known = tokenizer.token_to_id
        self._model = tokenizer.model
        self._never_cut = _never_cut(tokenizer, path)

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
                ids = self._ids_of(piece)
                if len(piece) <= MAX_KEPT_LETTERS:
                    kept[piece] = ids
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
    steps = (tokenizer.normalizer, tokenizer.pre_tokenizer)
    if None in steps or tokenizer.get_added_tokens_decoder():
        return None
    folds, splits = (json.loads(step.__getstate__()) for step in steps)
    return Pieces(tokenizer, path) if splits == _SPLITTER and _by_letter(folds) else None


def _never_cut(tokenizer: Tokenizer, path: Path) -> bytes:
    """1 for each token that is never read as several, which costs twenty times a look into the
    vocabulary to find out: of a Unigram tokenizer what scores more than the two best tokens would
    together.
    """
    n_tokens: int = tokenizer.get_vocab_size()
    if not isinstance(tokenizer.model, Unigram):
        return bytes(n_tokens)
    made = path.read_bytes()
    found = _SCORE.findall(made)  # in a quarter of the time that a parser takes
    if len(found) != n_tokens:
        found = [score for _, score in json.loads(made)["model"]["vocab"]]
    scores = np.fromiter(map(float, found), dtype=np.float64, count=n_tokens)
    never: bytes = ((scores < 0) & (scores > 2 * scores.max())).tobytes()
    return never


def _by_letter(normalizer: dict[str, Any]) -> bool:
    """Whether it folds each letter by itself, but for those that join."""
    return all(
        step["type"] in ("NFKC", "Lowercase")
        or (step["type"] == "Replace" and len(step["pattern"].get("String", "")) == 1)
        for step in normalizer.get("normalizers", [normalizer])
    )
