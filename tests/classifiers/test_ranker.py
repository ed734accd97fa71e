import math
from pathlib import Path

import numpy as np
import pytest

from taxocrawl.classifiers.ranker import Ranker
from taxocrawl.errors import ModelError, TaxonomyError
from taxocrawl.extraction.documents import from_text
from taxocrawl.protocols import Classifier, FeatureScorer, Scorer, WordFinder
from taxocrawl.records import Document
from taxocrawl.taxonomies.tree import Taxonomy


def page(text: str, *, title: str = "") -> Document:
    return from_text("x", text=text, title=title, language="en")


def test_a_page_gets_the_node_whose_words_it_has(ranker: Ranker) -> None:
    answers = ranker.classify([page("soccer ball goal team"), page("flour cake oven baking")])
    assert [answer[0].node_id for answer in answers] == ["11", "21"]


def test_an_answer_holds_the_protocols(ranker: Ranker) -> None:
    for protocol in (Classifier, Scorer, WordFinder, FeatureScorer):
        assert isinstance(ranker, protocol)


def test_ranks_count_from_one_and_ancestors_follow_without_rank(ranker: Ranker) -> None:
    (answer,) = ranker.classify([page("soccer ball goal")])
    ranks = [p.rank for p in answer if p.rank is not None]
    assert ranks == list(range(1, len(ranks) + 1))
    ids = [p.node_id for p in answer]
    assert len(ids) == len(set(ids))
    assert "10" in ids


def test_a_parent_is_at_least_as_sure_as_its_child(ranker: Ranker, tree: Taxonomy) -> None:
    (answer,) = ranker.classify([page("soccer ball goal recipe")])
    of = {p.node_id: p for p in answer}
    for node_id, prediction in of.items():
        for above in tree.ancestors(node_id):
            assert of[above].confidence >= prediction.confidence
            assert of[above].asserted or not prediction.asserted


def test_the_same_document_gets_the_same_answer_alone_and_in_a_batch(ranker: Ranker) -> None:
    documents = [page("soccer ball"), page("cake flour"), page("weapon bomb")]
    together = ranker.classify(documents)
    for document, answer in zip(documents, together, strict=True):
        (alone,) = ranker.classify([document])
        assert [p.node_id for p in alone] == [p.node_id for p in answer]
        assert [p.confidence for p in alone] == pytest.approx([p.confidence for p in answer])


@pytest.mark.parametrize(
    "text",
    ["", "   ", "zzz qqq", "\u0000\ud800", "ಕನ್ನಡ 漢字", "x" * 100_000],
    ids=["empty", "blank", "unknown words", "control", "other script", "long"],
)
def test_hostile_text_is_never_nan_and_asserts_nothing(ranker: Ranker, text: str) -> None:  # M06
    (answer,) = ranker.classify([page(text)])
    assert all(math.isfinite(p.confidence) for p in answer)
    assert not any(p.asserted for p in answer)


def test_no_document_gives_no_answer(ranker: Ranker) -> None:
    assert ranker.classify([]) == []
    assert ranker.score([], "toy", "11").shape == (0,)


def test_score_is_the_confidence_of_classify(ranker: Ranker) -> None:
    documents = [page("soccer ball goal"), page("cake oven")]
    scores = ranker.score(documents, "toy", "10")
    for answer, score in zip(ranker.classify(documents), scores, strict=True):
        of = {p.node_id: p.confidence for p in answer}
        assert score == pytest.approx(of["10"])


def test_score_refuses_another_taxonomy_and_an_unknown_node(ranker: Ranker) -> None:
    with pytest.raises(ModelError, match="toy, not in other"):
        ranker.score([page("ball")], "other", "11")
    with pytest.raises(TaxonomyError, match="no node '99'"):
        ranker.score([page("ball")], "toy", "99")


def test_the_home_page_weighs_twice(ranker: Ranker) -> None:
    soccer, cake = page("soccer ball goal").pages[0], page("cake flour oven").pages[0]
    site = Document(id="s", domain="s", pages=(soccer, cake))
    turned = Document(id="s", domain="s", pages=(cake, soccer))
    first, second = ranker.score([site, turned], "toy", "10")
    alone, other = ranker.score(
        [Document(id="s", domain="s", pages=(p,)) for p in (soccer, cake)], "toy", "10"
    )
    assert alone > first > second > other


def test_a_page_without_words_does_not_vote(ranker: Ranker) -> None:
    soccer, empty = page("soccer ball goal").pages[0], page("").pages[0]
    site = Document(id="s", domain="s", pages=(empty, soccer))
    alone = Document(id="s", domain="s", pages=(soccer,))
    assert ranker.score([site], "toy", "10") == pytest.approx(ranker.score([alone], "toy", "10"))


def test_words_of_a_topic_speak_for_its_node(ranker: Ranker) -> None:
    document = page("(Soccer), the zzz: Cake soccer!")
    [[words]] = ranker.telling_words([(document, "toy", ["11"])], most=2)
    assert set(words) == {"cake", "soccer"}  # one against it, one for it


def test_feature_contributions_sum_to_the_margin(ranker: Ranker) -> None:
    document = page("soccer ball goal")
    contributions, base = ranker.feature_contributions(document, "toy", "11")
    assert [name for name, _, _ in contributions] == list(ranker.manifest.feature_names)
    values = np.array([[value for _, value, _ in contributions]], dtype=np.float32)
    margin = ranker._booster.inplace_predict(values, predict_type="margin")[0]
    assert base + sum(weight for _, _, weight in contributions) == pytest.approx(margin, abs=1e-4)


def test_a_sensitive_node_needs_more(ranker: Ranker, model_path: Path) -> None:
    (answer,) = ranker.classify([page("weapon the the the")])
    risk = next(p for p in answer if p.node_id == "30")
    tiers = ranker.manifest.tiers
    assert risk.asserted == (risk.confidence >= max(tiers.sensitive, tiers.thresholds[0]))
