"""Tags: words and phrases beside the tree."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from taxocrawl import words
from taxocrawl.answers import AnswerOptions, as_shown
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.tags import MAX_TAGS, Tags, stem
from taxocrawl.explanations.render import render_answer
from taxocrawl.extraction.documents import from_text
from taxocrawl.pipeline import categorize
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Prediction, Tag
from taxocrawl.settings import Settings
from taxocrawl.taxonomies.tree import Taxonomy

WRITTEN = Path(__file__).parent.parent / "written_tags.jsonl"
LEAST_MUSTS, MOST_MUST_NOTS = 0.9, 0.04


def predicted(node: str, taxonomy: str = "toy") -> Prediction:
    return Prediction(
        taxonomy=taxonomy,
        node_id=node,
        tier=1,
        confidence=0.9,
        classifier="c",
        model_id="m",
        rank=1,
        asserted=True,
    )


@pytest.fixture(scope="module")
def reader(encoder: StaticEncoder, tree: Taxonomy) -> Tags:
    return Tags(encoder, {tree.name: tree})


def texts(tags: tuple[Tag, ...]) -> list[str]:
    return [tag.text for tag in tags]


def test_words_of_the_text_are_tags_and_the_nearest_come_first(reader: Tags) -> None:
    (tags,) = reader.read([from_text("1", text="soccer ball goal match")], [()])
    assert set(texts(tags)) >= {"soccer", "ball", "goal", "match"}
    assert [tag.relevance for tag in tags] == sorted((t.relevance for t in tags), reverse=True)
    assert all(0 < tag.relevance <= 1 for tag in tags)


def test_what_the_node_is_called_is_a_tag_too(reader: Tags) -> None:
    document = from_text("1", text="cake oven baking", language="en")
    without, with_node = reader.read([document, document], [(), (predicted("21"),)])
    assert "flour" not in texts(without)
    assert "flour" in texts(with_node)


def test_a_node_of_little_confidence_beside_the_first_adds_nothing(reader: Tags) -> None:
    document = from_text("1", text="cake oven baking", language="en")
    first, second = predicted("20"), replace(predicted("21"), rank=2)
    near, far = replace(second, confidence=0.5), replace(second, confidence=0.05)
    with_near, with_far = reader.read([document, document], [(first, near), (first, far)])
    assert "flour" in texts(with_near)
    assert "flour" not in texts(with_far)


def test_a_node_of_an_unknown_taxonomy_adds_nothing(reader: Tags) -> None:
    document = from_text("1", text="cake oven")
    one, other = reader.read([document, document], [(), (predicted("x", "other"),)])
    assert one == other


def test_words_of_menus_and_numbers_are_no_tags(reader: Tags) -> None:
    (tags,) = reader.read([from_text("1", text="home contact the 2024 privacy ball")], [()])
    assert texts(tags) == ["ball"]


@pytest.mark.parametrize(
    "text", ["", " ", "zzz qqq", "\ud800\udfff \0", "!!! ???", "a b c", "１２３"]
)
def test_a_text_without_words_has_no_tags(reader: Tags, text: str) -> None:
    assert reader.read([from_text("1", text=text)], [()]) == [()]


def test_no_documents_no_tags(reader: Tags) -> None:
    assert reader.read([], []) == []


def test_no_two_tags_have_the_same_stems_and_no_stem_is_everywhere(reader: Tags) -> None:
    text = "ball balls soccer ball, tennis ball, goal ball, match ball, team ball, racket"
    (tags,) = reader.read([from_text("1", text=text)], [()])
    found = [frozenset(map(stem, words.words(tag.text))) for tag in tags]
    assert len(found) == len(set(found)) <= MAX_TAGS
    assert 0 < sum("ball" in stems for stems in found) <= 2, tags


@pytest.mark.parametrize(
    ("one", "other"), [("earring", "earrings"), ("berry", "berries"), ("dress", "dresses")]
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return loading.load(Settings())


def test_a_product_name_is_shown_with_its_tags_as_bars() -> None:
    settings = Settings(kind="product", taxonomies=("google",), aspects=("tags",))
    registry = loading.load_builtins(settings)
    [outcome] = categorize([from_text("7", text="diamond earring")], registry, settings)
    options = AnswerOptions()
    answer = as_shown(outcome, answer_id="7", taxonomy=registry.taxonomy, options=options)
    assert answer.categories[0].path[-1] == "Earrings"
    assert {e.method for e in answer.explanations} <= {"words"}
    printed = StringIO()
    Console(file=printed, width=100).print(render_answer(answer))
    bars = {
        line.split("  ")[1].strip()
        for line in printed.getvalue().splitlines()
        if "█" in line and line.rstrip().endswith("%")
    }
    assert {"earring", "diamond", "gold jewellery"} <= bars


def test_texts_written_for_the_project_get_their_tags(registry: Registry) -> None:
    cases = [json.loads(line) for line in WRITTEN.read_text("utf-8").splitlines()]
    documents = [from_text(str(i), text=case["text"]) for i, case in enumerate(cases)]
    tree = registry.taxonomy("iab-3.1")
    reader = Tags(registry.encoder(), {tree.name: tree})
    answers = registry.classifier("ranker").classify(documents)
    found = [
        {stem(word) for tag in tags for word in words.words(tag.text)}
        for tags in reader.read(documents, answers)
    ]

    def has(tags: set[str], phrase: str) -> bool:
        return {stem(word) for word in words.words(phrase)} <= tags

    musts = [
        (case["text"][:30], must, has(tags, must))
        for case, tags in zip(cases, found, strict=True)
        for must in case["must"]
    ]
    must_nots = [
        (case["text"][:30], bad)
        for case, tags in zip(cases, found, strict=True)
        for bad in case["must_not"]
        if has(tags, bad)
    ]
    n_bad = sum(len(case["must_not"]) for case in cases)
    missing = [row[:2] for row in musts if not row[2]]
    assert len(missing) <= (1 - LEAST_MUSTS) * len(musts), missing
    assert len(must_nots) <= MOST_MUST_NOTS * n_bad, must_nots
