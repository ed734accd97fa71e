from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl import words
from taxocrawl.explanations.sentences import LONGEST, Sentences


def read(texts: Sequence[str]) -> list[str]:
    """The sentences of all words, in reading order."""
    found = Sentences(texts)
    places = [(n, start) for n, text in enumerate(texts) for start, _ in words.spans(text)]
    if not places:
        return []
    number, start = (np.array(row) for row in zip(*places, strict=True))
    return [found.read(sentence)[1] for sentence in dict.fromkeys(found.of(number, start).tolist())]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One two. Version 3.5 is out!\nThree", ["One two", "Version 3.5 is out", "Three"]),
        ("四五六。七 八", ["四五六", "七 八"]),
        ('(Is it "so?") Yes… no', ['(Is it "so?")', "Yes", "no"]),
        ("What?! Really... so", ["What", "Really", "so"]),
        ("  - a  b\t c \r\n", ["a b c"]),
        ("e.g.this", ["e.g.this"]),
        ("...", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, sentences):
    assert read([text]) == sentences


def test_texts_are_apart():
    assert read(["Title", "", "Body. And more", "Title"]) == ["Title", "Body", "And more", "Title"]
    assert Sentences(["Title", "", "Body"]).read(7) == (2, "Body")


def test_a_far_longer_one_is_cut_between_words():
    text = " ".join(f"word{n}" for n in range(200))
    found = read([text])
    assert len(found) > 3
    assert all(len(one) <= LONGEST + 2 * words.LONGEST_WORD for one in found)
    assert set(" ".join(found).split()) == set(text.split())


@pytest.mark.parametrize(
    "text",
    ["长" * 900, "e\u0301" * 900, "x" * 900, "goal " + "\u0301" * 2000],
    ids=["chinese", "marks", "x", "only marks"],
)
def test_one_without_a_space_is_cut_between_letters(text):
    found = read([text + " word"])
    assert all(len(one) <= LONGEST + 2 * words.LONGEST_WORD for one in found)


@given(st.lists(st.text(st.sampled_from("ab .!?\n。é\u0301\u200d\ud800"), max_size=400)))
def test_every_word_begins_in_its_sentence(texts):
    found = Sentences(texts)
    for number, text in enumerate(texts):
        for start, _ in words.spans(text):
            sentence = found.of(np.array([number]), np.array([start]))[0]
            of, one = found.read(int(sentence))
            assert of == number
            assert text[start] in one
