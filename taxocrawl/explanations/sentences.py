"""The sentences in which words stand."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.words import LONGEST_WORD

Ints = NDArray[np.intp]

# Characters; what is far longer is no sentence, and is cut between words.
LONGEST = 240

# "3.5" and "e.g.x" hold no space after the stop; stops of scripts without spaces need none.
_END = re.compile("[\n.!?…。！？।؟۔][\"'”’»)\\]]*(?:(?=\\s)|(?<=[\n。！？।؟۔]))")
_AROUND = " \t\r\n.!?…。！？।؟۔,;:|·•*–—-"


class Sentences:
    """Of several texts. A sentence is known by where it begins, counted through all texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        # Each stands on lines of its own.
        self._firsts: Ints = np.cumsum([0, *map(len, texts)]) + np.arange(len(texts) + 1)
        lines = "\n".join((*texts, ""))
        self._borders: Ints = np.array([0, *(match.end() for match in _END.finditer(lines))])

    def of(self, texts: Ints, starts: Ints) -> Ints:
        """The sentences of words that stand there, all (n_words,)."""
        at = self._firsts[texts] + starts
        begin: Ints = self._borders[np.searchsorted(self._borders, at, side="right") - 1]
        return begin + (at - begin) // LONGEST * LONGEST

    def read(self, sentence: int) -> tuple[int, str]:
        """The number of its text, and the sentence on one line."""
        number = int(np.searchsorted(self._firsts, sentence, side="right")) - 1
        text, first = self._texts[number], int(self._firsts[number])
        at = int(np.searchsorted(self._borders, sentence, side="right"))
        start, end = sentence - first, min(int(self._borders[at]) - first, len(text))
        if end - start > LONGEST:
            end = _after(text, start + LONGEST, end)
        if self._borders[at - 1] < sentence:
            start = _before(text, start)
        return number, " ".join(text[start:end].strip(_AROUND).split())


def _before(text: str, start: int) -> int:
    """The beginning of the word that stands there, if it is near."""
    least = max(0, start - LONGEST_WORD)
    space = text.rfind(" ", least, start + 1)
    if space >= 0:
        return space + 1
    while start > least and joins_the_one_before(text, start):
        start -= 1
    return start


def _after(text: str, end: int, last: int) -> int:
    """The end of the word that stands there, if it is near."""
    most = min(end + LONGEST_WORD, last)
    space = text.find(" ", end, most)
    if space >= 0:
        return space
    while end < most and joins_the_one_before(text, end):
        end += 1
    return end


def joins_the_one_before(text: str, index: int) -> bool:
    """Whether a reader sees that character and the one before as one."""
    return unicodedata.category(text[index])[0] == "M" or "\u200d" in text[index - 1 : index + 1]
