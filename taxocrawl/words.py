"""What a word is, for every script: the one definition that counts, features and highlights share.

Scripts with spaces: a run of letters, digits and their marks, joined over an apostrophe or an
invisible joiner. Scripts without spaces have no cheap word border, so they are cut into small units
that mean something often enough: two Han characters, a run of kana, two Thai, Lao, Khmer or Burmese
clusters.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence
from itertools import accumulate

LONGEST_WORD = 40  # characters; what is longer is an address, a hash or a stuffed token


def _marks() -> str:
    # `\w` leaves combining marks out, which would cut Hindi, Tamil or vowelled Arabic at each sign.
    # All blocks that matter for words lie below U+2000; three later ones are added by hand.
    found = (chr(c) for c in range(0x300, 0x2000) if unicodedata.category(chr(c))[0] == "M")
    return "".join(found) + "\u20d0-\u20f0\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f"


_HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"
)
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
# Consonants and signs of Thai, Lao, Burmese, Khmer. A cluster is a letter with the signs around it.
_STACKED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
)
_STACKED_PREFIX = "\u0e40-\u0e44\u0ec0-\u0ec4"  # vowels written before their consonant
_STACKED_SIGNS = (
    "\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece"
    "\u102b-\u103e\u1056-\u1059\u1062-\u1064\u1067-\u106d\u1082-\u108d\u17b6-\u17d3"
)
_SPACELESS = _HAN + _HIRAGANA + _KATAKANA + _STACKED

_LETTER = rf"[^\W_{_SPACELESS}]"
_MARK = f"[{_marks()}]"
_JOINER = "['\u2019\u02bc\u00ad\u200c\u200d]"
_CLUSTER = (
    rf"[{_STACKED_PREFIX}]?[{_STACKED}](?:(?<=\u17d2)[{_STACKED}]|[{_STACKED_SIGNS}]|{_MARK})*"
)

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_WORD = re.compile(
    rf"{_LETTER}(?:{_LETTER}|{_MARK}|{_JOINER}(?={_LETTER}))*"
    rf"|[{_HAN}]{{1,2}}"
    rf"|[{_KATAKANA}]+"
    rf"|[{_HIRAGANA}]+"
    rf"|(?:{_CLUSTER}){{1,2}}"
)
# A third of the time of _WORD, for texts in which the two find the same.
_PLAIN_WORD = re.compile("[^\\W_]+(?:['\u2019][^\\W_]+)*")
_UNPLAIN = re.compile(rf"[{_SPACELESS}{_marks()}\u02bc\u00ad\u200c\u200d]")
_PIECES = {
    pattern: re.compile(f"({pattern.pattern})") for pattern in (_ASCII_WORD, _PLAIN_WORD, _WORD)
}
_SPACED_WORD = re.compile(rf"{_LETTER}(?:{_LETTER}|{_MARK}|{_JOINER}(?={_LETTER}))*")
_SPACELESS_RUN = re.compile(rf"[{_SPACELESS}]+")


def spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every word in order; they never overlap, and punctuation belongs to none."""
    return [match.span() for match in _pattern(text).finditer(text)]


def pieces(text: str) -> tuple[list[str], list[str]]:
    """The text in pieces, from its first character to its last, and its words as `words` writes
    them. What is no word and words stand in turn, so that the number of pieces is odd.
    """
    folded = _evenly_folded(text)
    if folded is None:
        cut = _PIECES[_pattern(text)].split(text)
        return cut, [_folded(word) for word in cut[1::2]]
    cut = _PIECES[_plain_pattern(folded)].split(folded)
    return cut, cut[1::2]


def placed(text: str) -> list[tuple[int, int, str]]:
    """(start, end, word) of every word in order, as `words` writes it."""
    cut, found = pieces(text)
    ends = list(accumulate(map(len, cut)))
    return list(zip(ends[:-1:2], ends[1::2], found, strict=True))


def words(text: str) -> list[str]:
    """Words in order, compatibility forms and case folded away (NFKC, casefold)."""
    folded = _evenly_folded(text)
    if folded is None:
        return [_folded(word) for word in _pattern(text).findall(text)]
    return _plain_pattern(folded).findall(folded)


def count(text: str) -> int:
    """Number of words; in scripts without spaces two characters count as one."""
    if text.isascii():
        return len(_ASCII_WORD.findall(text))
    characters = sum(map(len, _SPACELESS_RUN.findall(text)))
    return len(_SPACED_WORD.findall(text)) + (characters + 1) // 2


def is_worth_a_look(word: str) -> bool:
    """Whether it can mean something: with a letter, neither a lone ASCII character nor longer than
    any real word.
    """
    if len(word) > LONGEST_WORD or not (word.isalpha() or any(map(str.isalpha, word))):
        return False
    return len(word) > 1 or not word.isascii()


def is_spaceless(text: str) -> bool:
    """Whether it holds letters of a script without spaces."""
    return not text.isascii() and _SPACELESS_RUN.search(text) is not None


def places(text: str, wanted: Sequence[str]) -> list[tuple[int, int, int]]:
    """(start, end, number) of each word that is one of the wanted, which have numbers, in order.

    A small part of the time that it takes to find all words.
    """
    folded = _evenly_folded(text)
    if folded is None:
        numbers = {word: number for number, word in enumerate(wanted)}
        return [(start, end, numbers[word]) for start, end, word in placed(text) if word in numbers]
    found = []
    framed = f"  {folded}  "  # so that two letters stand before and after each word
    for number, word in enumerate(wanted):
        # Only where a letter unfolds to it does a word begin with an apostrophe.
        start = framed.find(word) if word[:1] not in ("", "'") else -1
        while start >= 0:
            end = start + len(word)
            before, after = framed[start - 1], framed[end]
            if not (
                before.isalnum()
                or after.isalnum()
                or (before == "'" and framed[start - 2].isalnum())
                or (after == "'" and framed[end + 1].isalnum())
            ):
                found.append((start - 2, end - 2, number))
            start = framed.find(word, end)
    return sorted(found)


_FOLDED = {0x2019: "'", 0x02BC: "'", 0x00AD: None, 0x200C: None, 0x200D: None}


@functools.lru_cache(maxsize=50_000)
def _folded(word: str) -> str:
    # Joiners between letters are invisible; without them two spellings of a word are one.
    return unicodedata.normalize("NFKC", word).casefold().translate(_FOLDED)


def _evenly_folded(text: str) -> str | None:
    """The whole text as its words are folded, None unless every character stays in its place."""
    if text.isascii():
        return text.lower()
    if _UNPLAIN.search(text):
        return None
    # The usual compatibility forms that belong to no word.
    text = text.replace("\u00a0", " ").replace("\u2026", ".").replace("\u2122", " ")
    if not unicodedata.is_normalized("NFKC", text):
        return None
    folded = text.casefold().replace("\u2019", "'")
    return folded if len(folded) == len(text) else None


def _pattern(text: str) -> re.Pattern[str]:
    """The quickest pattern that finds the text's words."""
    return _WORD if not text.isascii() and _UNPLAIN.search(text) else _plain_pattern(text)


def _plain_pattern(text: str) -> re.Pattern[str]:
    """The same of a text in which nothing unplain stands."""
    return _ASCII_WORD if text.isascii() else _PLAIN_WORD
