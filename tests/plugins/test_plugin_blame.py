"""Who failed on a site is to be seen where people look: in `why`, in SQL (P02)."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from taxocrawl import pipeline
from taxocrawl.cli.main import cli
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.records import InputLine, Site
from taxocrawl.settings import Settings
from taxocrawl.store.query import run_sql
from taxocrawl.store.writer import StoreWriter

PLUGIN = """
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.specimens import WordCounter

class Failing(WordCounter):
    def classify(self, documents): raise RuntimeError("out of \\x1b[31m ideas")

@hookimpl
def register_classifiers():
    return {"word-counter": lambda r: WordCounter(), "failing": lambda r: Failing()}
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one site, which one classifier answered and another failed on."""
    (tmp_path / "some.py").write_text(PLUGIN)
    settings = Settings(
        plugins_dir=str(tmp_path), classifiers=("failing", "word-counter"), explain=("words",)
    )
    registry = loading.load(settings)
    text = "Football match: tennis and football on one pitch"
    document = documents.from_text(
        "a.example", text=text, domain="a.example", url="http://a.example/"
    )
    (outcome,) = pipeline.categorize([document], registry, settings)
    path = tmp_path / "sites.duckdb"
    trees = [registry.taxonomy("iab-3.1")]
    with StoreWriter(path, settings=settings, command="test", taxonomies=trees) as writer:
        site = Site(domain="a.example", url="http://a.example/", line=1)
        writer.add(outcome, InputLine(line=1, raw="a.example", site=site))
        writer.finish()
    return path


def test_why_names_who_failed_and_why(store: Path) -> None:
    shown = CliRunner().invoke(cli, ["why", "a.example", "-s", str(store)]).output
    assert "failing of plugin file:some.py failed: RuntimeError: out of" in shown
    assert "\x1b" not in shown
    assert "Sports" in shown


def test_sql_finds_the_sites_that_a_plugin_failed_on(store: Path) -> None:
    query = "SELECT domain, e.plugin, e.component FROM sites, unnest(plugin_errors) AS t(e)"
    assert run_sql(store, query).rows == (("a.example", "file:some.py", "failing"),)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nearest", "ranker"])
def test_built_in_classifiers_keep_the_rules_that_plugins_are_held_to(name: str) -> None:
    from taxocrawl import testing

    registry = loading.load_builtins(Settings())
    (component,) = (c for c in registry.components("classifiers") if c.name == name)
    testing.check_classifier(
        component.factory,  # type: ignore[arg-type]
        resources=registry.resources("builtin"),
        name=name,
    )
