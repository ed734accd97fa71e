"""The pipeline with small real classifiers that enter as any plugin does."""

from pathlib import Path

import pytest

from taxocrawl import pipeline
from taxocrawl.errors import TaxocrawlError
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Document, Fields, Outcome, PageText
from taxocrawl.settings import Settings

PLUGIN = '''
import dataclasses, sys
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.records import Attribution, Explanation, Prediction
from taxocrawl.taxonomies.tree import Node, Taxonomy

ANIMALS = [("animal", None, 1), ("cat", "animal", 2), ("dog", "animal", 2)]

def animals(resources):
    nodes = [Node(id=i, parent_id=p, name=i, tier=t) for i, p, t in ANIMALS]
    return Taxonomy("animals", nodes)

class Spotter:
    """Says which animal's name stands in the text, as sure as it is frequent."""
    taxonomies = ("animals",)
    model_id = "spotter-1"
    name = "spotter"

    def classify(self, documents):
        return [self.one(d.text.split()) for d in documents]

    def one(self, words):
        found = []
        for rank, node in enumerate(["cat", "dog"], start=1):
            share = words.count(node) / max(1, len(words))
            found.append(Prediction(taxonomy="animals", node_id=node, tier=2, confidence=share,
                classifier=self.name, model_id=self.model_id, rank=rank, asserted=share > .2))
        return tuple(found)

class Faulty(Spotter):
    """Does what the text tells it to do wrong."""
    name = "faulty"

    def classify(self, documents):
        text = documents[0].text
        answers = super().classify(documents)
        if any("raise" in d.text for d in documents): raise ValueError("told to raise")
        if "none" in text: return None
        if "few" in text: return []
        if "list" in text: return [list(a) for a in answers]
        change = None
        if "nan" in text: change = {"confidence": float("nan")}
        if "big" in text: change = {"confidence": 1.5}
        if "negative" in text: change = {"confidence": -.1}
        if "text" in text: change = {"confidence": "high"}
        if "node" in text: change = {"node_id": "unicorn"}
        if "twice" in text: change = {"node_id": "dog"}
        if "tier" in text: change = {"tier": 1}
        if "rank" in text: change = {"rank": 0}
        if "alias" in text: change = {"classifier": "ranker"}
        if "exits" in text: sys.exit(4)
        if "interrupts" in text: raise KeyboardInterrupt
        if change is None: return answers
        return [(dataclasses.replace(a[0], **change), *a[1:]) for a in answers]

class Explains:
    def explain(self, document, predictions, classifier):
        text = document.text
        if "inexplicable" in text: raise RuntimeError("cannot say")
        if "EXITS" in text: sys.exit(5)
        if "nothing" in text: return None
        weight = float("nan") if "NAN" in text else 1
        said = Explanation(taxonomy="animals", node_id="unicorn" if "NODE" in text else "cat",
            classifier=predictions[0].classifier, method="explains", score=.5, base_value=0,
            attributions=(Attribution(kind="word", name="cat", weight=weight),))
        return [said, said] if "TWICE" in text else [said]

@hookimpl
def register_taxonomies(): return {"animals": animals}

@hookimpl
def register_classifiers(): return {"spotter": lambda r: Spotter(), "faulty": lambda r: Faulty()}

@hookimpl
def register_explainers(): return {"explains": lambda r: Explains()}
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "animals.py").write_text(PLUGIN)
    return tmp_path


def run(folder: Path, *texts: str, classifiers: tuple[str, ...] = ("spotter",)) -> list[Outcome]:
    settings = settings_of(folder, classifiers)
    found = [documents.from_text(str(n), text=text) for n, text in enumerate(texts)]
    return pipeline.categorize(found, loading.load(settings), settings)


def settings_of(folder: Path, classifiers: tuple[str, ...]) -> Settings:
    return Settings(
        plugins_dir=str(folder),
        taxonomies=("animals",),
        classifiers=classifiers,
        explain=("explains",),
    )


def registry_of(folder: Path, classifiers: tuple[str, ...]) -> tuple[Registry, Settings]:
    settings = settings_of(folder, classifiers)
    return loading.load(settings), settings


def test_outcomes_come_in_the_order_of_the_documents(folder: Path) -> None:
    outcomes = run(folder, "dog dog", "", "cat cat", "a stone lies here")
    assert [o.kind for o in outcomes] == ["classified", "empty", "classified", "uncertain"]
    assert [[p.node_id for p in o.predictions if p.asserted] for o in outcomes] == [
        ["dog", "animal"],
        [],
        ["cat", "animal"],
        [],
    ]


def test_what_lies_above_an_asserted_node_gets_a_row(folder: Path) -> None:
    (outcome,) = run(folder, "dog dog cat")
    above = outcome.predictions[-1]
    assert (above.node_id, above.tier, above.rank, above.asserted) == ("animal", 1, None, True)
    assert above.confidence == max(p.confidence for p in outcome.predictions)


def test_an_uncertain_document_keeps_its_ranked_candidates(folder: Path) -> None:
    (outcome,) = run(folder, "a stone lies here")
    assert [p.rank for p in outcome.predictions] == [1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise cat", "told to raise"),
        ("none cat", "not a list"),
        ("few cat", "0 answers for 1 documents"),
        ("list cat", "no tuple"),
        ("nan cat", "confidence nan"),
        ("big cat", "confidence 1.5"),
        ("negative cat", "confidence -0.1"),
        ("text cat", "confidence 'high'"),
        ("node cat", "'unicorn'"),
        ("twice cat", "given twice"),
        ("tier cat", "tier 1 is not the node's own, 2"),
        ("rank cat", "rank 0"),
        ("alias cat", "classifier 'ranker' is not the name it is registered by"),
        ("exits cat", "SystemExit: 4"),
        ("interrupts cat", "KeyboardInterrupt"),
    ],
)
def test_a_classifier_that_breaks_the_protocol_is_blamed_and_the_other_stands(
    folder: Path, text: str, said: str
) -> None:
    (outcome,) = run(folder, text, classifiers=("faulty", "spotter"))
    assert outcome.kind == "classified"
    assert {p.classifier for p in outcome.predictions} == {"spotter"}
    assert outcome.predictions == run(folder, text)[0].predictions
    (failure,) = outcome.plugin_failures
    assert (failure.plugin, failure.component) == ("file:animals.py", "faulty")
    assert said in failure.message


def test_one_poisoned_document_costs_its_neighbours_nothing(folder: Path) -> None:
    outcomes = run(folder, "cat", "raise", "dog", classifiers=("faulty",))
    assert [o.kind for o in outcomes] == ["classified", "classifier_failed", "classified"]
    assert "told to raise" in outcomes[1].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inexplicable", "RuntimeError: cannot say"),
        ("EXITS", "SystemExit: 5"),
        ("nothing", "None is no list"),
        ("NAN", "weight nan of 'cat'"),
        ("NODE", "'unicorn' of animals: was not among the predictions"),
        ("TWICE", "explained twice by 'explains'"),
    ],
)
def test_an_explainer_that_fails_costs_no_label(folder: Path, text: str, said: str) -> None:
    (outcome,) = run(folder, f"{text} cat cat")
    assert outcome.kind == "classified"
    (failure,) = outcome.plugin_failures
    assert (failure.plugin, failure.component) == ("file:animals.py", "explains")
    assert said in failure.message
    assert outcome.explanations == ()


def test_what_decides_in_each_taxonomy_is_explained_once(folder: Path) -> None:
    (outcome,) = run(folder, "cat cat", classifiers=("faulty", "spotter"))
    assert [(e.classifier, e.method) for e in outcome.explanations] == [("faulty", "explains")]


def test_a_component_that_is_off_is_not_called_and_says_why(folder: Path) -> None:
    registry, settings = registry_of(folder, ("faulty", "spotter"))
    heard: list[object] = []
    (outcome,) = pipeline.categorize(
        [documents.from_text("1", text="raise cat cat")],
        registry,
        settings,
        off={("classifiers", "faulty"): "hung too often"},
        watch=heard.append,
    )
    assert [f.message for f in outcome.plugin_failures] == ["hung too often"]
    assert {p.classifier for p in outcome.predictions} == {"spotter"}
    assert heard == [("classifiers", "spotter"), None, ("explainers", "explains"), None]


def test_min_confidence_takes_the_place_of_the_models_thresholds(folder: Path) -> None:
    registry, settings = registry_of(folder, ("spotter",))
    low = Settings(**{**_plain(settings), "min_confidence": 0.05})
    document = documents.from_text("1", text="cat and nine other words that say nothing at all")
    (sure,) = pipeline.categorize([document], registry, settings)
    (unsure,) = pipeline.categorize([document], registry, low)
    assert (sure.kind, unsure.kind) == ("uncertain", "classified")


def test_a_site_of_several_pages_keeps_the_answer_of_each(folder: Path) -> None:
    registry, settings = registry_of(folder, ("spotter",))
    pages = tuple(
        PageText(url=f"http://a.example/{body}", fields=Fields(body=body))
        for body in ("cat", "dog")
    )
    site = Document(id="a.example", domain="a.example", pages=pages)
    (outcome,) = pipeline.categorize([site], registry, settings)
    assert [p.url for p in outcome.page_predictions] == [
        "http://a.example/cat",
        "http://a.example/dog",
    ]
    assert outcome.page_predictions[1].predictions[1].confidence == 1.0
    (single,) = pipeline.categorize(
        [Document(id="x", domain="x", pages=pages[:1])], registry, settings
    )
    assert single.page_predictions == ()


def test_a_taxonomy_that_is_named_twice_stops_the_run(folder: Path) -> None:
    registry, settings = registry_of(folder, ("spotter",))
    wrong = Settings(**{**_plain(settings), "taxonomies": ("animals", "animals")})
    with pytest.raises(TaxocrawlError, match="named twice"):
        pipeline.check_settings(registry, wrong)


def _plain(settings: Settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}
