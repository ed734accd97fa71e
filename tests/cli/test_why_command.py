"""`why`, `importance` and `debug` on a small store whose classifier is a one-file plugin."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_samples import Run, runner

from taxocrawl import pipeline
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.records import Attribution, Explanation, InputLine, Site
from taxocrawl.settings import Settings
from taxocrawl.store.writer import StoreWriter

# A classifier of one file: `score` alone gives it LIME, Anchors and words left out.
PLUGIN = """
import numpy as np
from taxocrawl import words
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.records import Prediction
from taxocrawl.taxonomies.tree import Node, Taxonomy

TREE = Taxonomy("topics", [
    Node(id="1", parent_id=None, name="Sports", tier=1),
    Node(id="2", parent_id=None, name="Food", tier=1),
])
SAID = {"goal": 2.0, "league": 1.5, "recipe": -2.0, "oven": -1.5}

class Counting:
    taxonomies = ("topics",)
    model_id = "counting-1"

    def score(self, documents, taxonomy, node_id):
        sums = [sum(SAID.get(w, 0) for w in set(words.words(d.text))) for d in documents]
        sports = 1 / (1 + np.exp(-np.array(sums, dtype=float)))
        return sports if node_id == "1" else 1 - sports

    def classify(self, documents):
        found = []
        for sports in self.score(documents, "topics", "1"):
            ranked = sorted((("1", sports), ("2", 1 - sports)), key=lambda row: -row[1])
            found.append(tuple(
                Prediction(taxonomy="topics", node_id=node, tier=1, confidence=float(share),
                           classifier="counting", model_id=self.model_id, rank=rank,
                           asserted=bool(share > 0.6))
                for rank, (node, share) in enumerate(ranked, 1)))
        return found

@hookimpl
def register_taxonomies():
    return {"topics": lambda resources: TREE}

@hookimpl
def register_classifiers():
    return {"counting": lambda resources: Counting()}
"""
HOSTILE = "<script>alert(1)</script> \x1b[31mgoal\x1b[0m league =HYPERLINK(1) \u202e next"
TEXTS = {
    "club.example": "goal league today and tomorrow for all of us here",
    "bake.example": "recipe oven today and tomorrow for all of us here",
    "evil.example": HOSTILE,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "counting.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return Settings(
        plugins_dir=str(folder / "plugins"),
        taxonomies=("topics",),
        classifiers=("counting",),
        explain=("words",),
        flush_s=0.0,
    )


@pytest.fixture(scope="module")
def store(folder: Path, settings: Settings) -> Path:
    path = folder / "sites.duckdb"
    _write(path, settings, TEXTS)
    return path


def _write(path: Path, settings: Settings, texts: dict[str, str]) -> None:
    registry = loading.load(settings)
    given = [
        documents.from_text(domain, text=text, url=f"https://{domain}/", domain=domain)
        for domain, text in texts.items()
    ]
    outcomes = pipeline.categorize(given, registry, settings)
    tree = registry.taxonomy("topics")
    with StoreWriter(path, settings=settings, command="crawl", taxonomies=[tree]) as store:
        for number, outcome in enumerate(outcomes, 1):
            shap = Explanation(
                taxonomy="topics",
                node_id=outcome.predictions[0].node_id,
                classifier="counting",
                method="shap",
                unit="margin",
                score=1.0,
                base_value=-0.5,
                attributions=(
                    Attribution(kind="feature", name="n_words", weight=1.0, value=number),
                    Attribution(kind="feature", name=HOSTILE, weight=0.5),
                ),
            )
            told = replace(outcome, explanations=(*outcome.explanations, shap))
            site = Site(domain=outcome.domain, url=f"https://{outcome.domain}/", line=number)
            store.add(told, InputLine(line=number, raw=outcome.domain, site=site))


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TAXOCRAWL_PLUGINS_DIR", str(folder / "plugins"))
    monkeypatch.setenv("COLUMNS", "100")
    return runner(monkeypatch, capsys)


def test_methods_that_no_run_stored_are_worked_out_on_the_kept_text(store: Path, run: Run) -> None:
    done = run("why", "club.example", "-s", str(store), "--explain", "lime", "--json")
    [lime] = json.loads(done.out)["explanations"]
    assert (lime["method"], lime["classifier"]) == ("lime", "counting")
    assert {a["name"] for a in lime["attributions"][:2]} == {"goal", "league"}
    assert json.loads(done.out)["remarks"] == []


def test_every_classifier_that_scores_has_words_lime_and_anchors(store: Path, run: Run) -> None:
    done = run("why", "bake.example", "-s", str(store), "--explain", "all", "--json")
    methods = {e["method"]: e for e in json.loads(done.out)["explanations"]}
    assert set(methods) == {"words", "shap", "lime", "anchors"}
    rule = {a["name"] for a in methods["anchors"]["attributions"]}
    assert rule & {"recipe", "oven"}
    assert {"recipe", "oven"} <= {a["name"] for a in methods["words"]["attributions"]}


def test_methods_stand_side_by_side_with_what_it_means(store: Path, run: Run) -> None:
    done = run("why", "club.example", "-s", str(store), "--compare")
    assert "the methods side by side" in done.out
    assert "words and lime agree: 2 of the first 2 words are the same." in done.out
    assert "shap speaks of the model's features" in " ".join(done.out.split())
    told = json.loads(run("why", "club.example", "-s", str(store), "--compare", "--json").out)
    [comparison] = told["comparisons"]
    gone = {m["method"]: m["gone"] for m in comparison["methods"]}
    assert gone["words"][0] > 0.9 > 0.6 > gone["words"][-1]


def test_a_page_holds_everything_and_runs_nothing(store: Path, run: Run, folder: Path) -> None:
    done = run("why", "evil.example", "-s", str(store), "--compare", "--html", "why.html")
    assert (done.code, done.out) == (0, "")
    text = (folder / "why.html").read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert "The methods side by side" in text


def test_nothing_of_a_page_reaches_the_terminal_unescaped(store: Path, run: Run) -> None:
    done = run("why", "evil.example", "-s", str(store), "--compare", "--interactions")
    assert done.code == 0
    assert not {"\x1b", "\u202e"} & set(done.out)
    assert not {"\x1b", "\u202e"} & set(run("importance", "--store", str(store), "--summary").out)


@pytest.mark.parametrize("kind", ["waterfall", "force"])
def test_features_are_drawn(store: Path, run: Run, folder: Path, kind: str) -> None:
    done = run("why", "club.example", "-s", str(store), "--plot", kind, f"{kind}.svg")
    assert (done.code, done.out) == (0, "")
    root = ElementTree.parse(folder / f"{kind}.svg").getroot()
    assert "club.example: Sports" in "".join(root.itertext())


@pytest.mark.parametrize("picture", ["beeswarm", "force", "bars"])
def test_a_store_is_summed_up(store: Path, run: Run, folder: Path, picture: str) -> None:
    table = run("importance", "--store", str(store), "--summary")
    assert "features over 3 answers" in table.out
    run("importance", "--store", str(store), "--summary", "--plot", "s.svg", "--picture", picture)
    assert "3 answers" in (folder / "s.svg").read_text("utf-8")
    below = run("importance", "--store", str(store), "--summary", "--below", "Food", "--json")
    assert json.loads(below.out)["answers"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--explain", "lmie"), 1, "did you mean 'lime'?"),
        (("--plot", "waterfall", "x.jpg"), 2, "ends in .svg or .png"),
        (("--plot", "pie", "x.svg"), 2, "'pie' is not one of"),
        (("--html", "no/such/folder.html"), 2, "cannot be written"),
    ],
)
def test_mistakes_are_told_with_the_cure(
    store: Path, run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run("why", "club.example", "-s", str(store), *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_without_kept_text_nothing_can_be_asked_anew(
    folder: Path, settings: Settings, run: Run
) -> None:
    path = folder / "bare.duckdb"
    _write(path, replace(settings, keep_text="none"), {"club.example": TEXTS["club.example"]})
    done = run("why", "club.example", "-s", str(path), "--compare")
    assert done.code == 2
    assert "kept no text of club.example (keep_text was none)" in done.err
    assert "goal" in run("why", "club.example", "-s", str(path)).out


LABELLED = """label,text,url
Sports,goal league today,https://a.example/
Sports,goal oven recipe league,https://b.example/
Food,recipe for a goal,https://c.example/
Food,oven recipe,https://d.example/
Sports,oven and recipe for fans of the league,https://e.example/
Sports,oven recipe of the team,https://f.example/
"""
ASKED = ("--taxonomy", "topics", "--classifier", "counting")


def test_fields_matter_by_shuffling_on_ones_own_labels(folder: Path, store: Path, run: Run) -> None:
    (folder / "labels.csv").write_text(LABELLED)
    done = run("importance", "--labels", "labels.csv", *ASKED, "--json")
    assert done.code == 0, done.err
    assert "measured on 6 pages" in done.err
    rows = json.loads(done.out)["importances"]
    assert {(r["name"], r["kind"]) for r in rows if r["tier"] == 1} >= {("body", "field")}
    assert {r["tier"] for r in rows} == {None, 1}
    still = [r["importance"] for r in rows if r["name"] == "alt_texts"]
    assert still == [0.0, 0.0]
    run("importance", "--labels", "labels.csv", *ASKED, "--store", str(store))
    kept = run("sql", "-s", str(store), "SELECT count(*) n FROM importances", "--json")
    assert kept.rows == [{"n": len(rows)}]


def test_wrong_answers_are_grouped_by_the_word_that_drove_them(folder: Path, run: Run) -> None:
    (folder / "labels.csv").write_text(LABELLED)
    done = run("debug", "labels.csv", *ASKED, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["pages"], told["wrong"]) == (6, 3)
    [group] = told["groups"]
    assert (group["by"], group["driver"], group["n"]) == ("word", "oven", 2)
    assert group["pairs"] == [{"true": "Sports", "predicted": "Food", "n": 2}]
    shown = run("debug", "labels.csv", *ASKED)
    assert "Sports -> Food" in shown.out
    assert "https://f.example/" in shown.out


def test_debug_wants_one_source_of_labels(store: Path, run: Run) -> None:
    assert run("debug").code == 2
    done = run("debug", "--store", str(store), *ASKED)
    assert done.code == 2
    assert "no labelled site" in done.err
