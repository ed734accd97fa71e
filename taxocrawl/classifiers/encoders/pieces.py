"""ASCII words as our tokenizer reads them, without its normaliser and its splitter.

Those are made for all scripts and take most of the time that a word costs when it is met first; of
an ASCII word they leave the letters and digits, in lower case.
"""

import json
import re
import string
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

_PIECES = re.compile("[a-z0-9]+")
_PROBE = f"{string.printable} b2B 2Bb B_2"


class Pieces:
    """Token ids of what a word consists of; made by `pieces_of`."""

    def __init__(self, tokenizer: Tokenizer, never_cut: bytes) -> None:
        self._known = tokenizer.token_to_id
        self._model = tokenizer.model
        self._never_cut = never_cut

    def cut(self, word: str) -> list[str]:
        """The pieces of an ASCII word."""
        return _PIECES.findall(word.lower())

    def ids(self, piece: str) -> list[int]:
        """Token ids of a piece."""
        token = self._known(piece)
        if token is not None and self._never_cut[token]:
            return [token]
        return [token.id for token in self._model.tokenize(piece)]


def pieces_of(tokenizer: Tokenizer, path: Path) -> Pieces | None:
    """None where the tokenizer, read from `path`, makes something else of an ASCII text."""
    steps = (tokenizer.normalizer, tokenizer.pre_tokenizer)
    if None in steps or tokenizer.get_added_tokens_decoder():
        return None
    found = steps[1].pre_tokenize_str(steps[0].normalize_str(_PROBE))
    if [piece for piece, _ in found] != _PIECES.findall(_PROBE.lower()):
        return None
    model = json.loads(path.read_bytes())["model"]
    if model["type"] != "Unigram":
        return Pieces(tokenizer, bytes(tokenizer.get_vocab_size()))
    # A piece that is a token may be read as several, which costs twenty times as much to find out;
    # but not if it scores more than the two best tokens would together.
    scores = np.array([score for _, score in model["vocab"]])
    never_cut = (scores < 0) & (scores > 2 * scores.max())
    return Pieces(tokenizer, never_cut.tobytes())
