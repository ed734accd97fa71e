"""Several classifiers as one, of one label set and of different ones."""

import math
from pathlib import Path

import numpy as np
import pytest

from taxocrawl.classifiers import ensemble
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.ensemble import Ensemble, distribution, divergence, member_names
from taxocrawl.classifiers.keywords import Keywords
from taxocrawl.classifiers.nearest import Nearest
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.ranker import Ranker
from taxocrawl.errors import SettingsError, TaxonomyError
from taxocrawl.extraction.documents import from_text
from taxocrawl.plugins import loading
from taxocrawl.protocols import Classifier, Scorer
from taxocrawl.records import Prediction
from taxocrawl.settings import Settings
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy

SOCCER = from_text("s", text="soccer ball goal", language="en")
CAKE = from_text("c", text="cake flour oven", language="en")
NOTHING = from_text("n", text="zzz", language="en")
ARMS = from_text("a", text="bomb weapon arms", language="en")


class Fixed:
    """A classifier that says the same of every document: (node, confidence, ranked, asserted)."""

    model_id = "fixed-1"

    def __init__(self, tree, *said, asserted=True):
        self.taxonomies = (tree.name,)
        self._answer = tuple(
            Prediction(
                taxonomy=tree.name,
                node_id=node,
                tier=tree[node].tier,
                confidence=confidence,
                rank=rank,
                asserted=asserted,
                classifier="fixed",
                model_id=self.model_id,
            )
            for node, confidence, rank in said
        )

    def classify(self, documents):
        return [self._answer for _ in documents]


def first(answer):
    return next((p.node_id for p in answer if p.rank == 1), "")


def of(answer):
    return {p.node_id: p.confidence for p in answer}


# --- one label set


def test_confidences_of_subtrees_become_shares_of_single_nodes(tree):
    (answer,) = Fixed(tree, ("11", 0.6, 1), ("10", 0.9, 2), ("20", 0.1, 3)).classify([SOCCER])
    shares = dict(zip(tree.ids, distribution(answer, NodeArrays(tree)), strict=True))
    assert shares == pytest.approx({"10": 0.3, "11": 0.6, "12": 0, "20": 0.1, "21": 0, "30": 0})


def test_an_ancestor_that_is_not_ranked_keeps_nothing_for_itself(tree):
    (answer,) = Fixed(tree, ("11", 0.4, 1), ("12", 0.2, 2), ("10", 0.9, None)).classify([SOCCER])
    shares = dict(zip(tree.ids, distribution(answer, NodeArrays(tree)), strict=True))
    assert shares == pytest.approx({"10": 0, "11": 0.6, "12": 0.3, "20": 0, "21": 0, "30": 0})


def test_confidences_that_sum_to_more_than_one_are_scaled(tree):
    (answer,) = Fixed(tree, ("10", 0.9, 1), ("20", 0.9, 2), ("30", 0.2, 3)).classify([SOCCER])
    shares = distribution(answer, NodeArrays(tree))
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == shares[3] == pytest.approx(0.45)


def test_the_mean_of_two_members_decides(tree):
    sports = Fixed(tree, ("11", 0.6, 1), ("10", 0.8, None))
    food = Fixed(tree, ("21", 0.9, 1), ("20", 1.0, None))
    (answer,) = Ensemble([sports, food], [tree], {"toy": tree}).classify([SOCCER])
    assert first(answer) == "21"
    assert of(answer) == pytest.approx({"21": 0.5, "20": 0.5, "11": 0.4, "10": 0.4}, abs=1e-5)
    assert {p.node_id for p in answer if p.asserted} <= {"20", "21"}


def test_a_silent_member_does_not_vote(tree):
    sports = Fixed(tree, ("10", 0.8, 1))
    (answer,) = Ensemble([sports, Fixed(tree)], [tree], {"toy": tree}).classify([SOCCER])
    assert of(answer) == pytest.approx({"10": 0.8})
    assert Ensemble([Fixed(tree)], [tree], {"toy": tree}).classify([SOCCER, CAKE]) == [(), ()]


def test_nothing_is_asserted_where_every_member_refuses(tree):
    member = Fixed(tree, ("10", 0.99, 1), asserted=False)
    (answer,) = Ensemble([member, member], [tree], {"toy": tree}).classify([SOCCER])
    assert of(answer)["10"] > 0.9
    assert not any(p.asserted for p in answer)


def test_sensitive_nodes_keep_their_higher_bar(tree):
    low, high = (Fixed(tree, ("30", confidence, 1)) for confidence in (0.65, 0.75))
    assert not Ensemble([low], [tree], {"toy": tree}).classify([ARMS])[0][0].asserted
    assert Ensemble([high], [tree], {"toy": tree}).classify([ARMS])[0][0].asserted


def test_real_members_agree_and_are_explained(
    tree: Taxonomy, ranker: Ranker, encoder: StaticEncoder
) -> None:
    found = Ensemble([ranker, Nearest(encoder, [tree]), Keywords([tree])], [tree], {"toy": tree})
    assert isinstance(found, Classifier)
    assert isinstance(found, Scorer)
    soccer, cake, nothing = found.classify([SOCCER, CAKE, NOTHING])
    assert (first(soccer), first(cake), nothing) == ("11", "21", ())
    for node_id, confidence in of(soccer).items():
        assert found.score([SOCCER], "toy", node_id)[0] == pytest.approx(confidence)
    assert ranker.model_id in found.model_id
    assert found.classify([CAKE])[0] == cake
    assert found.classify([]) == []
    with pytest.raises(TaxonomyError, match="'other'"):
        found.score([SOCCER], "other", "11")


# --- different label sets


def test_divergence_is_that_of_kullback_and_leibler_by_hand():
    page = np.array([[0.5, 0.5]], dtype=np.float32)
    nodes = np.array([[0.5, 0.5], [0.25, 0.75]], dtype=np.float32)
    expected = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    assert divergence(page, nodes)[0] == pytest.approx([0, expected], abs=1e-6)


DESKS = Taxonomy(
    "desks",
    [
        Node(id=name, parent_id=None, name=f"{name} desk", tier=1)
        for name in ("sport", "kitchen", "money", "doctor", "travel")
    ],
    texts={
        "sport": NodeTexts(keywords={"en": ("football", "match", "league", "goal", "tennis")}),
        "kitchen": NodeTexts(keywords={"en": ("recipe", "oven", "soup", "wine", "restaurant")}),
        "money": NodeTexts(keywords={"en": ("mortgage", "loan", "debt", "savings", "pension")}),
        "doctor": NodeTexts(keywords={"en": ("hospital", "disease", "patient", "clinic")}),
        "travel": NodeTexts(keywords={"en": ("hotel", "flight", "beach", "airport", "luggage")}),
    },
)
PAGES = {
    "Sports": "The match ended without a goal, and the league table stays as it was.",
    "Food & Drink": "A soup for cold evenings: put the bones into a hot oven first. More recipes.",
    "Personal Finance": "What a mortgage costs, how to get out of debt, and a pension plan.",
    "Medical Health": "Every patient of the clinic is seen the same day; the hospital is near.",
    "Travel": "A hotel on the beach, ten minutes from the airport, breakfast included.",
}


@pytest.fixture(scope="module")
def projected() -> Ensemble:
    """A classifier of five labels of its own answers in IAB 3.1, whose ids it never heard of."""
    return Ensemble([Keywords([DESKS])], [formats.load("iab-3.1")], {"desks": DESKS})


@pytest.mark.parametrize(("root", "text"), PAGES.items())
def test_labels_of_its_own_become_roots_of_the_iab(
    projected: Ensemble, root: str, text: str
) -> None:
    iab = formats.load("iab-3.1")
    (answer,) = projected.classify([from_text("x", text=text, language="en")])
    roots = {p.node_id: p.confidence for p in answer if p.tier == 1}
    assert iab[max(roots, key=roots.__getitem__)].name == root
    for p in answer:
        parent = iab[p.node_id].parent_id
        assert parent is None or of(answer)[parent] >= p.confidence
    assert max(p.tier for p in answer) <= ensemble.PROJECTED_TIERS


def test_a_page_of_no_label_gets_no_projected_answer(projected: Ensemble) -> None:
    assert projected.classify([NOTHING]) == [()]


MINE = Taxonomy(
    "mine",
    [
        Node(id="m1", parent_id=None, name="Games with a ball", tier=1),
        Node(id="m2", parent_id=None, name="Sweet things", tier=1),
        Node(id="m3", parent_id="m2", name="Cake", tier=2),
    ],
    texts={
        "m1": NodeTexts(short_examples=("soccer match", "team goal ball", "tennis racket")),
        "m2": NodeTexts(short_examples=("recipe of a soup", "oven cooking")),
        "m3": NodeTexts(short_examples=("cake flour", "baking cake in the oven")),
    },
)


def test_a_trained_classifier_answers_in_a_users_own_taxonomy(
    tree: Taxonomy, ranker: Ranker
) -> None:
    found = Ensemble([ranker], [MINE], {"toy": tree})
    soccer, cake = found.classify([SOCCER, CAKE])
    assert first(soccer) == "m1"
    assert first(cake) in {"m2", "m3"}
    assert of(cake)["m2"] >= of(cake)["m3"]
    assert found.score([CAKE], "mine", "m2")[0] == pytest.approx(of(cake)["m2"])


def test_members_that_know_the_taxonomy_vote_beside_the_projection(
    tree: Taxonomy, ranker: Ranker
) -> None:
    native = Fixed(MINE, ("m1", 1.0, 1))
    alone = Ensemble([ranker], [MINE], {"toy": tree}).classify([CAKE])[0]
    both = Ensemble([ranker, native], [MINE], {"toy": tree, "mine": MINE}).classify([CAKE])[0]
    assert of(both)["m2"] == pytest.approx(of(alone)["m2"] / 2, abs=1e-4)
    assert of(both)["m1"] == pytest.approx(0.5 + of(alone).get("m1", 0) / 2, abs=1e-4)


def test_two_label_sets_stand_side_by_side(tree: Taxonomy, ranker: Ranker) -> None:
    sources = {"toy": tree, "desks": DESKS}
    found = Ensemble([ranker, Keywords([DESKS])], [MINE], sources)
    assert first(found.classify([SOCCER])[0]) == "m1"


# --- settings


def made(table: dict[str, object], **settings: object) -> Ensemble:
    chosen = Settings(plugins={"builtin": {"ensemble": table}}, **settings)  # type: ignore[arg-type]
    found = loading.load_builtins(chosen).classifier("ensemble")
    assert isinstance(found, Ensemble)
    return found


def test_the_settings_name_the_members_and_the_taxonomies(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("id,parent_id,name\n1,,Sports\n2,,Food\n")
    found = made({"members": ["keywords"]}, taxonomies=("iab-3.1", str(file)))
    assert found.taxonomies == ("iab-3.1", "mine")
    assert found.model_id == "ensemble-keywords-1"


def test_other_versions_are_left_to_crosswalks() -> None:
    found = made({"members": ["ranker"]}, taxonomies=("iab-2.2",))
    assert found.taxonomies == ("iab-3.1",)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ensemble": {"members": []}}, "must be a list"),
        ({"ensemble": {"members": "ranker"}}, "'ranker', must be a list"),
        ({"ensemble": ["ranker"]}, "must be a table"),
        ({"ensemble": {"members": ["ranker", "ensemble"]}}, "'ensemble' itself"),
    ],
)
def test_a_wrong_list_of_members_is_refused(options, said):
    with pytest.raises(SettingsError, match=said):
        member_names(options)


def test_without_settings_the_trained_ones_are_asked() -> None:
    assert member_names({}) == ("ranker", "linear")
