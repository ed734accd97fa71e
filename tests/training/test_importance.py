from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from taxocrawl.protocols import Classifier
from taxocrawl.records import Document, Fields, PageText, Prediction
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.importance import TierScores, of_fields, sample
from taxocrawl.training.wrong_cases import NO_CANDIDATE, debug

TREE = Taxonomy(
    "topics",
    [
        Node(id="1", parent_id=None, name="Sports", tier=1),
        Node(id="2", parent_id="1", name="Soccer", tier=2),
        Node(id="3", parent_id="1", name="Tennis", tier=2),
        Node(id="4", parent_id=None, name="Food", tier=1),
    ],
)


def page(number: int, primary: str, *others: str, **fields: str) -> LabelledPage:
    text = PageText(url=f"https://s{number}.example/", fields=Fields(language="en", **fields))
    return LabelledPage(
        page_id=str(number),
        domain=f"s{number}.example",
        split="train",
        language="en",
        has_html=False,
        kind="",
        page=text,
        primary=primary,
        alternatives=others,
    )


class ByTitle:
    """The node that the title names; the body does not matter."""

    taxonomies = ("topics",)
    model_id = "by-title"

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        return [self._one(document.pages[0].fields.title) for document in documents]

    def _one(self, title: str) -> tuple[Prediction, ...]:
        if title not in TREE:
            return ()
        return (
            Prediction(
                taxonomy="topics",
                node_id=title,
                tier=TREE[title].tier,
                confidence=0.9,
                classifier="by-title",
                model_id=self.model_id,
                rank=1,
                asserted=True,
            ),
        )

    def feature_contributions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[tuple[str, float, float], ...], float]:
        if node_id == "3":
            return (), 0.0
        given = 2.0 if document.pages[0].fields.title == node_id else 0.5
        return (("title", 1.0, given), ("prior", 1.0, 1.0)), 0.0


class NoWords:
    def explain(
        self, document: Document, predictions: Sequence[Prediction], classifier: Classifier
    ) -> list[object]:
        return []


def test_scores_by_hand() -> None:
    pages = [page(1, "2"), page(2, "1", "4"), page(3, "4"), page(4, "3")]
    scores = TierScores(pages, TREE)
    assert scores.tiers == (None, 1, 2)
    assert scores.n_pages == [4, 4, 2]
    # Soccer for Soccer; Food, an alternative; none; Soccer for Tennis: right at tier 1 alone.
    assert scores(["2", "4", None, "2"]).tolist() == [0.5, 0.75, 0.5]
    # An answer that stops above the label is right at its own tier only.
    assert scores(["1", "1", "4", "1"]).tolist() == [0.5, 1.0, 0.0]


def test_the_field_that_decides_is_the_one_that_matters() -> None:
    labels = ("2", "3", "4", "2", "4", "3", "1", "4")
    pages = [page(i, label, title=label, body=f"body {i}") for i, label in enumerate(labels)]
    found = {o.tier: o for o in of_fields(ByTitle(), pages, TREE, repeats=4, seed=0)}
    for tier in (None, 1, 2):
        by_name = {i.name: i for i in found[tier].importances}
        assert found[tier].accuracy == 1.0
        assert by_name["title"].mean > 0.2
        assert all(i.mean == i.spread == 0 for name, i in by_name.items() if name != "title")
    assert found[1].n_pages == 8
    assert found[2].n_pages == 4
    # A wrong sport is still sports.
    assert found[1].importances[0].mean < found[None].importances[0].mean


def test_a_sample_is_no_larger_and_the_same_for_a_seed() -> None:
    pages = [page(i, "1") for i in range(50)]
    assert sample(pages, 50, seed=0) == tuple(pages)
    first, second = sample(pages, 10, seed=1), sample(pages, 10, seed=1)
    assert first == second
    assert len({p.page_id for p in first}) == 10
    assert [int(p.page_id) for p in first] == sorted(int(p.page_id) for p in first)


def test_wrong_answers_are_grouped_by_what_preferred_them_to_the_right_one() -> None:
    pages = [
        page(1, "4", title="2"),
        page(2, "4", title="1"),
        page(3, "3", title="4"),
        page(4, "3", title="4"),
        page(5, "2", title="2"),
        page(6, "1", title="no such node"),
    ]
    found = debug(ByTitle(), NoWords(), pages, TREE)  # type: ignore[arg-type]
    assert (found.n_pages, found.n_unanswered, len(found.cases)) == (6, 1, 4)
    assert found.by_word == ()
    told = [(g.driver, g.pairs) for g in found.by_feature]
    assert told == [
        (NO_CANDIDATE, (("3", "4", 2),)),
        ("title", (("4", "2", 1), ("4", "1", 1))),
    ]


def test_wrong_at_a_tier_is_wrong_there() -> None:
    pages = [page(1, "3", title="2"), page(2, "4", title="2"), page(3, "4", title="4")]
    of: dict[int | None, int] = {
        tier: len(debug(ByTitle(), NoWords(), pages, TREE, tier=tier).cases)  # type: ignore[arg-type]
        for tier in (None, 1, 2, 9)
    }
    assert of == {None: 2, 1: 1, 2: 1, 9: 0}


def test_importance_of_ranker_features_is_measured_by_tier_with_gain() -> None:
    pytest.importorskip("xgboost")
    from taxocrawl.plugins import loading
    from taxocrawl.settings import Settings
    from taxocrawl.training.importance import of_features

    registry = loading.load(Settings())
    tree = registry.taxonomy("iab-3.1")
    pages = [
        page(1, "533", title="Football league fixtures", body="goal striker match squad"),
        page(2, "215", title="Sourdough recipe", body="flour oven bake bread recipe"),
        page(3, "602", title="Software developer news", body="programming code compiler"),
    ]
    pages = [p for p in pages if p.primary in tree]
    found, gains = of_features(registry.model_folder(), pages, tree, repeats=1, seed=0)
    kinds = {i.kind for of_tier in found for i in of_tier.importances}
    assert kinds == {"feature", "group"}
    numbers: NDArray[np.float64] = np.array([i.mean for o in found for i in o.importances])
    assert np.isfinite(numbers).all()
    assert set(gains) == {i.name for i in found[0].importances if i.kind == "feature"}
