import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl import words
from taxocrawl.explanations.masking import WordMask, shortened, vocabulary, without
from taxocrawl.records import Document, Extract, Fields, PageText

TEXT = st.text(
    alphabet=st.sampled_from(
        list("abcß .,!?\n-'’İé\u0301足球队ไทยサッカー\x1b[]\u202e\u200d\ud800")
    ),
    max_size=60,
)


def page(**fields: str) -> Document:
    return Document(id="x", domain="x", pages=(PageText(url="u", fields=Fields(**fields)),))


def test_a_word_goes_from_every_field_of_every_page(document):
    site = document("Soccer and food.", "More SOCCER here", title="Soccer club", alt_texts="soccer")
    left = without(site, ["soccer"])
    assert "soccer" not in left.text.casefold()
    assert left.pages[0].fields.body == "and food."
    assert left.pages[1].fields.body == "More here"
    assert left.pages[0].fields.title == "club"
    assert left.pages[0].fields.language == "en"


def test_a_page_without_the_word_stays_the_same_object(document):
    site = document("soccer", "food")
    left = without(site, ["soccer"])
    assert left.pages[1] is site.pages[1]
    assert left.pages[0] is not site.pages[0]


def test_variants_carry_no_extracts_where_the_words_would_still_stand():
    site = page(body="soccer")
    parsed = Document(
        id="x", domain="x", pages=site.pages, extracts=(Extract(url="u", text="soccer"),)
    )
    assert WordMask(parsed).without(()).extracts == ()


def test_words_are_compared_without_case_and_compatibility_forms():
    assert vocabulary(page(body="Ｓoccer soccer SOCCER Straße STRASSE")) == {
        "soccer": 3,
        "strasse": 2,
    }


def test_neighbours_of_a_word_that_goes_stay_apart():
    assert without(page(body="ice-hockey(bad)fan"), ["bad"]).pages[0].fields.body == (
        "ice-hockey( )fan"
    )
    assert without(page(body="中国足球比赛"), ["足球"]).pages[0].fields.body == "中国 比赛"


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("", []),
        ("... !!! ---", []),
        ("soccer", ["soccer"]),
        ("a 7 2024 x2 é", ["x2", "é"]),
        ("足球", ["足球"]),
        ("ฟุตบอล", ["ฟุต", "บอ", "ล"]),
        ("a" * 41 + " ok", ["ok"]),
    ],
    ids=["empty", "punctuation", "one word", "numbers", "chinese", "thai", "no real word"],
)
def test_words_worth_a_look(text, worth):
    assert list(vocabulary(page(body=text))) == worth


def test_phrases_are_pairs_that_stand_side_by_side(document):
    mask = WordMask(document("Ice hockey. Hockey, ice! ice-hockey 足球比赛"))
    ice, hockey = mask.words.index("ice"), mask.words.index("hockey")
    [(phrase, places)] = mask.phrases([hockey, ice], most=2).items()
    assert (phrase, mask.phrase_text(phrase, places)) == ((ice, hockey), "ice hockey")
    assert mask.cut(places).pages[0].fields.body == ". Hockey, ice! - 足球比赛"
    assert WordMask(document("ice. Hockey")).phrases([0, 1], most=2) == {}
    han = tuple(mask.words.index(word) for word in ("足球", "比赛"))
    [(phrase, places)] = mask.phrases(han, most=2).items()
    assert (phrase, mask.phrase_text(phrase, places)) == (han, "足球比赛")


def test_the_most_frequent_phrases_come_first(document):
    mask = WordMask(document("red car, blue car; blue car. red car: blue car blue car"))
    red, car, blue = range(3)
    assert list(mask.phrases([red, car, blue], most=9)) == [(blue, car), (red, car), (car, blue)]
    assert list(mask.phrases([red, car, blue], most=1)) == [(blue, car)]


def test_a_phrase_never_spans_two_fields():
    mask = WordMask(page(title="ice", description="hockey"))
    assert mask.phrases([0, 1], most=2) == {}


def test_sentences_come_by_the_weight_of_their_words(document):
    mask = WordMask(
        document("A goal! The cup. Goal, goal; no recipe", "The cup", title="Goal", facts="cup cup")
    )
    weights = {"goal": 2.0, "cup": 1.0, "recipe": -3.0}
    found = list(mask.sentences(np.array([weights.get(word, 0.0) for word in mask.words])))
    assert [(mask.passage(sentence).text, weight) for sentence, weight, _ in found] == [
        ("Goal", 2.0),
        ("A goal", 2.0),
        ("The cup", 1.0),
        ("The cup", 1.0),
        ("Goal, goal; no recipe", -1.0),
    ]
    assert [mask.passage(sentence).page.url[-1] for sentence, _, _ in found] == list("///1/")
    assert [mask.words[word] for word in found[-1][2]] == ["goal", "recipe"]
    assert list(mask.sentences(np.zeros(len(mask.words)))) == []


@given(TEXT, st.data())
def test_places_of_some_words_are_those_of_all(body, data):
    document = page(body=body, title=body[::-1])
    whole = WordMask(document)
    wanted = data.draw(st.lists(st.sampled_from(whole.words or ("x",)), unique=True))
    mask = WordMask(document, wanted)
    assert mask.words == tuple(wanted)
    for number, word in enumerate(wanted):
        assert mask.without([number]) == whole.without(
            [whole.words.index(word)] if whole.words else []
        )


@given(TEXT, TEXT, st.data())
def test_what_is_left_out_is_gone_and_all_else_stays(title, body, data):
    mask = WordMask(page(title=title, body=body))
    gone = data.draw(st.sets(st.integers(0, max(0, len(mask.words) - 1)), max_size=4))
    gone = gone if mask.words else set()
    left = WordMask(mask.without(gone))
    kept = {
        word: count
        for number, (word, count) in enumerate(zip(mask.words, mask.counts, strict=True))
        if number not in gone
    }
    assert dict(zip(left.words, left.counts, strict=True)) == kept


@given(TEXT)
def test_leaving_nothing_out_changes_nothing(body):
    document = page(body=body)
    assert WordMask(document).without(()) == document
    assert set(WordMask(document).words) == set(words.words(body))


def test_a_hundred_thousand_words_are_cut_fifty_ways_in_seconds():
    body = " ".join(f"word{number % 30_000}" for number in range(100_000))
    started = time.process_time()
    mask = WordMask(page(body=body))
    for number in range(50):
        mask.without(range(number, number + 5))
    assert time.process_time() - started < 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", "short"),
        ("a long sentence here", "a long…"),
        ("a" * 20, "aaaaaaaaa…"),
        ("aaaaaaaa" + "e\u0301" * 5, "aaaaaaaa…"),
        ("aaaaaaaa👩\u200d👩\u200d👧aa", "aaaaaaaa…"),
    ],
    ids=["fits", "between words", "one long word", "before an accent", "before an emoji family"],
)
def test_a_long_text_is_cut_where_a_reader_would(text, expected):
    assert shortened(text, 10) == expected
