"""The keyword and the linear classifier."""

from pathlib import Path

import pytest

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.keywords import Keywords
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.linear_classifier import Linear
from taxocrawl.classifiers.model_folder import load_model
from taxocrawl.extraction.documents import from_text
from taxocrawl.protocols import Classifier, Scorer, WordScorer
from taxocrawl.taxonomies.tree import Taxonomy


@pytest.fixture(scope="module")
def linear(model_path: Path, tree: Taxonomy) -> Linear:
    model = load_model(model_path, tree)
    return Linear(
        taxonomy=tree,
        encoder=StaticEncoder(model.encoder),
        head=LinearHead(model.arrays["linear"]),
        model_id=model.manifest.id,
    )


def test_keywords_name_the_node_they_belong_to(tree: Taxonomy) -> None:
    keywords = Keywords([tree])
    assert isinstance(keywords, Classifier)
    found, nothing = keywords.classify(
        [from_text("a", text="rezept: kuchen, flour", language="de"), from_text("b", text="zzz")]
    )
    assert found[0].node_id == "21"
    assert nothing == ()


def test_the_linear_head_answers_by_itself(linear: Linear) -> None:
    assert isinstance(linear, Classifier)
    assert isinstance(linear, Scorer)
    assert isinstance(linear, WordScorer)
    document = from_text("x", text="soccer ball goal", language="en")
    (answer,) = linear.classify([document])
    assert answer[0].node_id == "11"
    of = {p.node_id: p.confidence for p in answer}
    assert linear.score([document], "toy", "10")[0] == pytest.approx(of["10"])
    ball, cake = linear.word_scores(document, ["ball", "cake"], "toy", "11")
    assert ball > cake


def test_a_page_without_known_words_gets_no_linear_answer(linear: Linear) -> None:  # M06
    assert linear.classify([from_text("x", text="zzz", language="en")]) == [()]
