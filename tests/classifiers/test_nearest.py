import pytest

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.nearest import Nearest
from taxocrawl.errors import TaxonomyError
from taxocrawl.extraction.documents import from_text
from taxocrawl.taxonomies.tree import Node, Taxonomy


@pytest.fixture(scope="module")
def nearest(encoder: StaticEncoder, tree: Taxonomy) -> Nearest:
    bare = Taxonomy("bare", [Node(id="s", parent_id=None, name="soccer", tier=1)])
    return Nearest(encoder, [tree, bare])


def test_it_answers_in_every_taxonomy_without_a_label(nearest: Nearest) -> None:
    (answer,) = nearest.classify([from_text("x", text="kuchen flour cake", language="de")])
    best = {p.taxonomy: p.node_id for p in reversed(answer) if p.rank == 1}
    assert best == {"toy": "21", "bare": "s"}


def test_a_text_without_words_gets_nothing(nearest: Nearest) -> None:  # M06
    assert nearest.classify([from_text("x", text="zzz", language="en")]) == [()]


def test_score_agrees_with_classify(nearest: Nearest) -> None:
    document = from_text("x", text="soccer ball", language="en")
    (answer,) = nearest.classify([document])
    of = {p.node_id: p.confidence for p in answer if p.taxonomy == "toy"}
    assert nearest.score([document], "toy", "10")[0] == pytest.approx(of["10"])


def test_an_unknown_taxonomy_is_named(nearest: Nearest) -> None:
    with pytest.raises(TaxonomyError, match="'iab'"):
        nearest.score([], "iab", "1")


def test_a_text_about_none_of_the_nodes_gets_no_answer(
    encoder: StaticEncoder, tree: Taxonomy
) -> None:
    two = Taxonomy("two", [Node(id=n, parent_id=None, name=n, tier=1) for n in ("soccer", "cake")])
    nearest = Nearest(encoder, [two], background=tree)
    (sports,) = nearest.classify([from_text("x", text="soccer ball match", language="en")])
    (risk,) = nearest.classify([from_text("x", text="weapon bomb arms", language="en")])
    assert any(p.asserted for p in sports)
    assert not any(p.asserted for p in risk)


def test_only_the_taxonomies_that_are_asked_for_are_answered_in(nearest: Nearest) -> None:
    (answer,) = nearest.classify_in([from_text("x", text="soccer ball", language="en")], ["bare"])
    assert {p.taxonomy for p in answer} == {"bare"}
