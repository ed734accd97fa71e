from pathlib import Path

import pytest

from taxocrawl.errors import PluginError, TaxocrawlError, TaxonomyError
from taxocrawl.plugins import hookspecs, loading
from taxocrawl.plugins.registry import KINDS
from taxocrawl.settings import Settings

GOOD = """
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.taxonomies.tree import Node, Taxonomy

def colours(resources):
    root = Node(id="c", parent_id=None, name=resources.options.get("root", "Colours"), tier=1)
    return Taxonomy("colours", [root])

@hookimpl
def register_taxonomies():
    return {"colours": colours}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, **options: object) -> loading.Registry:
    return loading.load(Settings(plugins_dir=str(folder), **options))  # type: ignore[arg-type]


def test_builtins_are_pinned() -> None:
    registry = loading.load(Settings())
    names = {kind: [c.name for c in registry.components(kind)] for kind in KINDS}
    assert names["extractors"] == ["trafilatura", "baseline", "visible"]
    assert names["encoders"] == ["default"]
    assert names["classifiers"] == ["ranker", "nearest"]
    assert names["explainers"] == ["words", "shap", "lime", "anchors"]
    assert {"iab-3.1", "iab-1.0", "google"} <= set(names["taxonomies"])
    assert registry.problems == ()


def test_six_hooks_are_pinned() -> None:
    own = [name for name in vars(hookspecs) if name.startswith("register_")]
    assert own == [
        "register_taxonomies",
        "register_extractors",
        "register_encoders",
        "register_classifiers",
        "register_explainers",
        "register_commands",
    ]


def test_a_one_file_plugin_supplies_a_taxonomy_with_its_own_options(folder: Path) -> None:
    (folder / "colours.py").write_text(GOOD)
    registry = load(folder, plugins={"file:colours.py": {"root": "Farben"}})
    assert registry.taxonomy("colours")["c"].name == "Farben"
    assert registry.plugin_of("taxonomies", "colours") == "file:colours.py"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise RuntimeError('broken at import')", "broken at import"),
        ("def (", "SyntaxError"),
        (GOOD.replace("register_taxonomies", "register_taxonomy"), "unknown hook"),
        (GOOD.replace('return {"colours": colours}', "return None"), "not a mapping"),
        (GOOD.replace('return {"colours": colours}', "1 / 0"), "ZeroDivisionError"),
    ],
    ids=["P01-dependency", "P01-raises", "P01-syntax", "P11-misspelt", "P06-none", "P01-hook"],
)
def test_a_broken_plugin_is_skipped_and_named_and_spares_the_others(
    folder: Path, source: str, said: str
) -> None:
    (folder / "broken.py").write_text(source)
    (folder / "colours.py").write_text(GOOD)
    registry = load(folder)
    assert [problem.plugin for problem in registry.problems] == ["file:broken.py"]
    assert said in registry.problems[0].message
    assert registry.taxonomy("colours")
    with pytest.raises(PluginError, match=r"broken\.py"):
        load(folder, strict_plugins=True)


def test_two_plugins_with_one_name_stop_the_run_both_named(folder: Path) -> None:
    (folder / "one.py").write_text(GOOD)
    (folder / "two.py").write_text(GOOD)
    with pytest.raises(PluginError, match=r"two\.py.*'colours'.*one\.py"):
        load(folder)


def test_a_factory_that_raises_is_blamed_by_name(folder: Path) -> None:
    (folder / "colours.py").write_text(GOOD.replace("root = Node", "1 / 0; root = Node"))
    with pytest.raises(PluginError, match=r"colours\.py: colours: ZeroDivisionError"):
        load(folder).taxonomy("colours")


def test_a_missing_plugins_folder_is_an_error(folder: Path) -> None:
    with pytest.raises(PluginError, match="no folder"):
        load(folder / "nowhere")


def test_unknown_names_suggest_the_nearest() -> None:
    registry = loading.load(Settings())
    with pytest.raises(TaxonomyError, match=r"did you mean 'iab-3\.1'"):
        registry.taxonomy("iab-31")
    with pytest.raises(TaxocrawlError, match="did you mean 'nearest'"):
        registry.classifier("neerest")


def test_components_are_made_once() -> None:
    registry = loading.load(Settings())
    assert registry.taxonomy("iab-3.1") is registry.taxonomy("iab-3.1")
