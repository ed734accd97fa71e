"""The quick way to ask about words gives about what reading the page again gives."""

from collections.abc import Sequence

import numpy as np
import pytest

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.ranker import Ranker
from taxocrawl.explanations.masking import WordMask
from taxocrawl.explanations.screening import candidates
from taxocrawl.extraction.documents import from_text
from taxocrawl.plugins import loading
from taxocrawl.protocols import AblationScorer, FeaturesScorer
from taxocrawl.records import Document, Fields, PageText
from taxocrawl.settings import Settings


def site(*bodies: str, title: str = "") -> Document:
    pages = tuple(
        PageText(url=f"https://x.example/{n}", fields=Fields(body=body, title=title))
        for n, body in enumerate(bodies)
    )
    return Document(id="x", domain="x", pages=pages)


def without(mask: WordMask, sets: Sequence[Sequence[int]]) -> np.ndarray:
    """Variants without each of these sets of words."""
    gone = np.zeros((len(sets), len(mask.words)), dtype=bool)
    for row, words in enumerate(sets):
        gone[row, list(words)] = True
    return mask.gone(gone)


def both_ways(
    ranker: Ranker, document: Document, sets: Sequence[Sequence[int]], node_id: str
) -> tuple[np.ndarray, np.ndarray]:
    """The quick way, and the page read again."""
    read = ranker.as_read(document)
    mask = WordMask(read)
    taxonomy = ranker.taxonomies[0]
    asked = mask.ablation(without(mask, sets), taxonomy, [node_id])
    [quick] = ranker.score_ablations([asked])
    slow = ranker.score([mask.without(words) for words in sets], taxonomy, node_id)
    return quick[:, 0], slow


def test_the_ranker_holds_the_protocols(ranker: Ranker) -> None:
    assert isinstance(ranker, AblationScorer)
    assert isinstance(ranker, FeaturesScorer)


@pytest.mark.parametrize(
    "document",
    [
        site("soccer ball goal team cake the", title="match"),
        site("soccer ball, goal team", "cake flour oven", "the"),
        site("ball", "zzz"),
        site("soccer-ball (goal) team's ball, goal"),
    ],
    ids=["one page", "pages vote", "unknown words", "punctuation between"],
)
def test_variants_score_as_if_they_were_read_again(ranker: Ranker, document: Document) -> None:
    words = range(len(WordMask(document).words))
    sets = [(), *((word,) for word in words), tuple(words)[:2], tuple(words)]
    quick, slow = both_ways(ranker, document, sets, "11")
    assert quick[0] == pytest.approx(slow[0], abs=1e-6)
    assert quick == pytest.approx(slow, abs=0.05)
    assert quick[-1] == slow[-1] == 0


def test_a_word_that_touches_another_goes_with_its_own_tokens(ranker: Ranker) -> None:
    document = site("soccer goal ball_team 足球ball")
    words = range(len(WordMask(document).words))
    quick, slow = both_ways(ranker, document, [(word,) for word in words], "11")
    assert quick == pytest.approx(slow, abs=0.05)


def test_a_page_without_words_scores_nothing(ranker: Ranker) -> None:
    mask = WordMask(ranker.as_read(site("")))
    asked = mask.ablation(without(mask, [()]), "toy", ["11", "20"])
    assert ranker.score_ablations([asked])[0].tolist() == [[0, 0]]
    assert ranker.score_ablations([]) == []


def test_several_documents_get_what_each_gets_alone(ranker: Ranker) -> None:
    masks = [
        WordMask(ranker.as_read(d)) for d in (site("ball goal"), site("cake", "oven"), site("the"))
    ]
    asked = [m.ablation(without(m, [(0,), ()]), "toy", ["11", "20"]) for m in masks]
    together = ranker.score_ablations(asked)
    for one, answer in zip(asked, together, strict=True):
        assert answer == pytest.approx(ranker.score_ablations([one])[0], abs=1e-6)


def test_only_what_is_read_is_asked_about(ranker: Ranker) -> None:
    read = ranker.as_read(site("ball " * 1_000 + "cake", title="goal"))
    assert "cake" not in WordMask(read).words
    assert ranker.score([read], "toy", "11") == pytest.approx(
        ranker.score([site("ball " * 1_000 + "cake", title="goal")], "toy", "11")
    )


def test_bars_are_those_of_classify(ranker: Ranker) -> None:
    for text in ("soccer ball goal", "cake flour", "weapon bomb", "the"):
        for p in ranker.classify([from_text("x", text=text)])[0]:
            [bar] = ranker.bars("toy", [p.node_id])
            assert p.confidence >= bar or not p.asserted


def test_contributions_together_are_those_one_by_one(ranker: Ranker) -> None:
    asked = [(site(text), "toy", node) for text in ("ball goal", "cake") for node in ("11", "20")]
    for one, answer in zip(asked, ranker.features_contributions(asked), strict=True):
        alone = ranker.feature_contributions(*one)
        assert [row[2] for row in answer[0]] == pytest.approx([row[2] for row in alone[0]])
        assert [row[0] for row in answer[0]] == [row[0] for row in alone[0]]
        assert answer[1] == pytest.approx(alone[1])


def test_words_have_the_same_tokens_alone_and_in_a_list(encoder: StaticEncoder) -> None:
    words = ["ball", "", "zzz", "ball", "\ud800", "x" * 50]
    tokens, lengths = encoder.tokenize_words(words)
    alone = encoder.tokenize(words)
    assert tokens.tolist() == np.concatenate(alone).tolist()
    assert lengths.tolist() == [len(ids) for ids in alone]


PAGES = (
    ("The club won the league. Goals by two strikers, a full stadium and a happy coach.", "Soccer"),
    ("Unsere Bäckerei backt Brot und Kuchen aus Mehl der Region, täglich frisch.", "Bäckerei"),
    ("我们提供最新的足球比赛新闻和球队资料，欢迎球迷订阅。", "足球新闻"),
    ("新しいカメラのレンズと写真の撮り方を紹介しています。初心者も安心です。", "カメラ"),
    ("รีวิวโรงแรมและสถานที่ท่องเที่ยวทั่วประเทศไทย จองตั๋วเครื่องบินราคาถูก", "ท่องเที่ยว"),
    ("Cheap flights, hotels and car rental. Book your holiday with one click.", ""),
)


@pytest.fixture(scope="module")
def shipped() -> Ranker:
    classifier = loading.load(Settings()).classifier("ranker")
    assert isinstance(classifier, Ranker)
    return classifier


@pytest.mark.parametrize(("text", "title"), PAGES, ids=["en", "de", "zh", "ja", "th", "no title"])
def test_the_shipped_model_falls_alike_both_ways(shipped: Ranker, text: str, title: str) -> None:
    document = from_text("x", text=text, title=title)
    target = shipped.classify([document])[0][0]
    mask = WordMask(shipped.as_read(document))
    words = candidates(mask, document, target, shipped, most=12)
    assert words
    quick, slow = both_ways(shipped, document, [(), *((w,) for w in words)], target.node_id)
    assert quick[0] == pytest.approx(target.confidence, abs=1e-5)
    assert np.abs(quick - slow).mean() < 0.03
    assert np.abs(quick - slow).max() < 0.2


@pytest.mark.data
def test_on_gate_pages_the_quick_falls_are_those_of_reading_again(
    shipped: Ranker, gate_pages: list[Document]
) -> None:
    falls = []
    for document in gate_pages:
        target = shipped.classify([document])[0][0]
        mask = WordMask(shipped.as_read(document))
        words = candidates(mask, document, target, shipped, most=10)
        quick, slow = both_ways(shipped, document, [(), *((w,) for w in words)], target.node_id)
        assert quick[0] == pytest.approx(slow[0], abs=1e-5)
        falls += list(zip(quick[0] - quick[1:], slow[0] - slow[1:], strict=True))
    table = np.array(falls)
    # Measured on 96 pages: mean .008 apart where the mean fall is .024, correlation .985.
    assert np.abs(table[:, 0] - table[:, 1]).mean() < 0.01
    assert np.corrcoef(table.T)[0, 1] > 0.98
