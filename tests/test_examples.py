"""The examples are loaded, installed and run as their README files say."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from loopback import serving

from taxocrawl import pipeline, testing
from taxocrawl.errors import SettingsError
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Outcome
from taxocrawl.settings import Settings
from taxocrawl.specimens import WordCounter

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/README.md"))
LABELS = EXAMPLES / "sklearn_classifier" / "labels.csv"

HOSTS = ("tidewater-dental.example", "gaertnerei-moosbach.example")

DENTIST = "A dental practice for families: our dentists offer fillings, crowns and whitening"


def registry(folder: str, **values: object) -> Registry:
    return loading.load(Settings(plugins_dir=str(EXAMPLES / folder), **values))  # type: ignore[arg-type]


def categorize(registry: Registry, *texts: str) -> list[Outcome]:
    found = [documents.from_text(text, text=text) for text in texts]
    return pipeline.categorize(found, registry, registry.settings)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_example_says_what_it_is_on_one_screen(folder: Path) -> None:
    lines = (folder / "README.md").read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 16
    assert any(line.startswith("    ") for line in lines), "shows no command"


def test_the_one_file_classifier_is_that_of_the_readme_and_keeps_the_rules() -> None:
    (shown,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert (EXAMPLES / "one_file_classifier" / "shouting.py").read_text("utf-8") == shown
    found = registry("one_file_classifier", classifiers=("shouting",), explain=())
    loud, quiet = categorize(found, "Stars! Gossip! Now! Who wore it best?", "a quiet sentence")
    assert (loud.kind, quiet.kind) == ("classified", "uncertain")
    (component,) = (c for c in found.components("classifiers") if c.name == "shouting")
    testing.check_classifier(component.factory, name="shouting", texts=["Stars! Now!"])  # type: ignore[arg-type]


def test_the_taxonomy_is_answered_in_at_once() -> None:
    found = registry(
        "plugin_taxonomy", taxonomies=("hobbies",), classifiers=("nearest",), explain=()
    )
    assert found.taxonomy("hobbies").path("pottery") == "Making > Pottery"
    (potter,) = categorize(
        found, "We throw bowls of clay and fire them in the kiln with a blue glaze"
    )
    assert next(p.node_id for p in potter.predictions if p.rank == 1) == "pottery"


def test_the_explainer_keeps_the_rules_and_its_words_sum_up() -> None:
    found = registry("plugin_explainer")
    explainer = found.explainer("first_words")
    testing.check_explainer(lambda resources: explainer)
    page = documents.from_text("page", text="Today the football match, then tennis")
    (predictions,) = WordCounter().classify([page])
    (explanation,) = explainer.explain(page, predictions, WordCounter())
    total = explanation.base_value + sum(a.weight for a in explanation.attributions)
    assert total == pytest.approx(explanation.score)
    added = {a.name: a.weight for a in explanation.attributions}
    assert added["football match"] == pytest.approx(0.64)


def test_the_command_is_there_by_the_plugins_folder() -> None:
    group = click.Group()
    settings = Settings(plugins_dir=str(EXAMPLES / "plugin_command"))
    assert loading.add_commands(group, settings) == ()
    assert "Say hello" in CliRunner().invoke(group, ["hello-stats", "--help"]).output


# ---- the package: scikit-learn on the user's labels


@dataclass(frozen=True)
class Shell:
    """A folder with the labels, for which the package is installed."""

    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str, given: str = "") -> str:
        """What the command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "taxocrawl", *arguments],
            cwd=self.folder,
            env=self.environ,
            input=given,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def rows(self, sql: str) -> list[dict[str, object]]:
        """Answer of the store."""
        return [json.loads(line) for line in self.run("sql", sql, "--json").splitlines()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("sklearn", "hatchling"):
        if not find_spec(needed):
            pytest.skip(f"{needed} is not installed: make test")
    target = tmp_path_factory.mktemp("installed")
    pip = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    package = str(EXAMPLES / "sklearn_classifier")
    subprocess.run([sys.executable, "-m", *pip, "--target", str(target), package], check=True)
    return target


@pytest.fixture
def sklearn(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Registry]:
    """Makes a registry that has the package, with labels of one's own."""
    monkeypatch.syspath_prepend(str(installed))

    def make(labels: str = "", **options: object) -> Registry:
        path = tmp_path / "labels.csv"
        path.write_text(labels or LABELS.read_text("utf-8"), "utf-8")
        own = {"sklearn": {"labels": str(path), **options}}
        return loading.load(Settings(classifiers=("sklearn",), explain=("words",), plugins=own))

    return make


@pytest.mark.slow
def test_the_package_learns_the_labels_keeps_the_rules_and_is_explained(
    sklearn: Callable[..., Registry], tmp_path: Path
) -> None:
    registry = sklearn()
    assert [(p.name, p.version) for p in registry.plugins][1:] == [("sklearn", "0.1.0")]
    dentist, nothing = categorize(registry, DENTIST, "zzz qqq")
    asserted = {p.node_id: p for p in dentist.predictions if p.asserted}
    assert {"316", "286"} & asserted.keys() == {"316", "286"}  # Dental Health, and what is above
    assert (nothing.kind, nothing.predictions) == ("uncertain", ())
    (explanation,) = dentist.explanations
    assert "dental" in [a.name for a in explanation.attributions[:3]]
    testing.check_classifier(
        lambda resources: registry.classifier("sklearn"), name="sklearn", texts=[DENTIST]
    )
    (kept,) = tmp_path.glob("labels.*.npz")
    before = kept.stat().st_mtime_ns
    again = sklearn()
    assert categorize(again, DENTIST)[0].predictions == dentist.predictions
    assert kept.stat().st_mtime_ns == before
    kept.write_bytes(b"torn")
    assert categorize(sklearn(), DENTIST)[0].predictions == dentist.predictions


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("node_id,text\n316,teeth\n999999,nothing\n", "line 3: iab-3.1 has no node '999999'"),
        ("node_id,text\n316,teeth\n275\n", "line 3: no text"),
        ("id,name\n316,teeth\n", "line 2: no text; the columns are"),
        ("node_id,text\n316,teeth\n316,gums\n", "labels of two nodes"),
    ],
)
def test_labels_that_cannot_be_learnt_are_named_by_line(
    sklearn: Callable[..., Registry], labels: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        sklearn(labels).classifier("sklearn")


@pytest.fixture(scope="module")
def shell(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Three classifiers, two of them plugins, have crawled two sites."""
    folder = tmp_path_factory.mktemp("shell")
    plugins = folder / "plugins"
    plugins.mkdir()
    for example in ("one_file_classifier", "plugin_explainer", "plugin_command"):
        for path in (EXAMPLES / example).glob("*.py"):
            (plugins / path.name).write_bytes(path.read_bytes())
    (folder / "labels.csv").write_bytes(LABELS.read_bytes())
    (folder / "domains.txt").write_text("\n".join(HOSTS))
    (folder / "taxocrawl.toml").write_text(
        'plugins_dir = "plugins"\n'
        'classifiers = ["sklearn", "ranker", "shouting"]\n'
        'explain = ["words", "first_words"]\n'
        '[plugins.sklearn]\nlabels = "labels.csv"\nthreshold = 0.3\n'
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")}
    shell = Shell(folder, environ | {"PYTHONPATH": str(installed)})
    with serving(sites=EXAMPLES / "demo_sites") as web:
        shell.run("crawl", "domains.txt", "--connect-to", web.connect_to)
    return shell


@pytest.mark.slow
def test_answers_of_plugins_stand_beside_the_built_in_ones(shell: Shell) -> None:
    said = shell.rows("SELECT DISTINCT classifier, decides FROM predictions ORDER BY ALL")
    assert {(row["classifier"], row["decides"]) for row in said} >= {
        ("ranker", False),
        ("sklearn", True),
    }
    decided = shell.rows(
        "SELECT domain, node_id, path, decided_by FROM site_categories WHERE rank = 1 ORDER BY ALL"
    )
    assert [(row["node_id"], row["decided_by"]) for row in decided] == [
        ("275", "sklearn"),
        ("316", "sklearn"),
    ]
    tiers = shell.rows("SELECT domain FROM site_categories WHERE tier = 1")
    assert {row["domain"] for row in tiers} == set(HOSTS)
    pages = shell.rows("SELECT DISTINCT decided_by FROM page_categories")
    assert [row["decided_by"] for row in pages] == ["sklearn"]
    differing = shell.rows("SELECT by_a, by_b FROM disagreements")
    assert all((row["by_a"], row["by_b"]) == ("ranker", "sklearn") for row in differing)


@pytest.mark.slow
def test_the_plugins_of_a_run_are_recorded_in_order_with_versions(shell: Shell) -> None:
    rows = shell.rows("SELECT plugin, version, components, problem FROM plugins")
    assert [row["plugin"] for row in rows] == [
        "builtin",
        "sklearn",
        "file:first_words.py",
        "file:hello_stats.py",
        "file:shouting.py",
    ]
    assert (rows[1]["version"], rows[1]["components"]) == ("0.1.0", ["classifiers/sklearn"])
    assert str(rows[2]["version"]).startswith("sha256:")


@pytest.mark.slow
def test_why_shows_the_plugins_answer_and_reasons(shell: Shell) -> None:
    why = json.loads(shell.run("why", HOSTS[0], "--json"))
    assert {c["decided_by"] for c in why["categories"]} == {"sklearn"}
    methods = {(e["classifier"], e["method"]) for e in why["explanations"]}
    assert methods == {("sklearn", "words"), ("sklearn", "first_words")}
    assert "Dental" in shell.run("why", HOSTS[0])


@pytest.mark.slow
def test_classify_answers_by_the_plugin_with_lime(shell: Shell) -> None:
    given = json.dumps({"id": "a", "text": DENTIST})
    answer = json.loads(shell.run("classify", "-", "--explain", "lime", "--top", "2", given=given))
    assert (answer["classifier"], answer["categories"][0]["id"]) == ("sklearn", "316")
    (explanation,) = answer["explanations"]
    assert (explanation["method"], explanation["classifier"]) == ("lime", "sklearn")


@pytest.mark.slow
def test_the_command_of_a_plugin_reads_the_store(shell: Shell) -> None:
    said = shell.run("hello-stats", "sites.duckdb")
    assert said.startswith("Hello!")
    assert "Medical Health" in said


# ---- the rule that everybody knows, on a classifier of one's own


def test_the_sentiment_example_keeps_the_rules_with_its_sentences_alone() -> None:
    found = registry(
        "sentiment_plugin", taxonomies=("sentiment",), classifiers=("sentiment",), explain=()
    )
    good, bad = categorize(found, "A wonderful, warm story", "The acting is terrible")
    assert [p.node_id for o in (good, bad) for p in o.predictions if p.asserted] == [
        "positive",
        "negative",
    ]
    sentences = (EXAMPLES / "sentiment_plugin" / "sentences.tsv").read_text("utf-8").splitlines()
    assert len(sentences) == len(set(sentences)) == 201
    assert not any("movie is not bad" in sentence.lower() for sentence in sentences)


@pytest.mark.data
@pytest.mark.slow
def test_not_is_no_anchor_for_positive_and_not_with_bad_is(data: Path) -> None:
    """Ribeiro, Singh and Guestrin 2018, their first example."""
    found = registry(
        "sentiment_plugin",
        taxonomies=("sentiment",),
        classifiers=("sentiment",),
        explain=("anchors",),
        plugins={"file:sentiment.py": {"reviews": str(data / "sites" / "sst2_sentiment.parquet")}},
    )
    (outcome,) = categorize(found, "This movie is not bad")
    (rule,) = outcome.explanations
    assert rule.node_id == "positive"
    assert {a.name for a in rule.attributions} == {"not", "bad"}
    assert rule.score >= 0.95
    # Of the two words alone neither keeps the answer so often.
    classifier = found.classifier("sentiment")
    texts = ("not", "This movie not", "is not", "bad", "This bad movie")
    alone = classifier.score(  # type: ignore[attr-defined]
        [documents.from_text(t, text=t) for t in texts], "sentiment", "positive"
    )
    assert (alone < 0.5).all()
