import signal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

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

UNSPEAKABLE = """
class Unspeakable(Exception):
    def __str__(self): raise RuntimeError("not even this")
raise Unspeakable
"""

COMMAND = """
import click
from taxocrawl.plugins.hookspecs import hookimpl

@hookimpl
def register_commands(cli):
    @cli.command()
    def NAME():
        click.echo("hello from NAME")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, **options: object) -> loading.Registry:
    return loading.load(Settings(plugins_dir=str(folder), **options))  # type: ignore[arg-type]


def test_builtins_are_pinned() -> None:
    registry = loading.load(Settings())
    names = {kind: [c.name for c in registry.components(kind)] for kind in KINDS}
    assert names["extractors"] == [
        "trafilatura",
        "trafilatura_precise",
        "baseline",
        "visible",
        "resiliparse",
    ]
    assert names["encoders"] == ["default"]
    assert names["classifiers"] == [
        *("ranker", "nearest", "linear", "keywords", "products", "ensemble", "transformer"),
    ]
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
        (GOOD.replace('"colours": colours', "7: colours"), "not a name and its factory"),
        (GOOD.replace('"colours": colours', '"colours": 7'), "not a name and its factory"),
        (GOOD.replace("register_taxonomies()", "register_taxonomies(surprise)"), "surprise"),
        (GOOD + "TAXOCRAWL_API = 99", "written for plugin interface 99"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        (GOOD.replace('return {"colours": colours}', "raise SystemExit(3)"), "SystemExit: 3"),
        (UNSPEAKABLE, "Unspeakable: no message"),
    ],
    ids=[
        "P01-dependency",
        "P01-raises",
        "P01-syntax",
        "P11-misspelt",
        "P06-none",
        "P01-hook",
        "P06-name",
        "P06-factory",
        "P11-argument",
        "P11-api",
        "P03-exit-at-import",
        "P03-interrupt-at-import",
        "P03-exit-in-hook",
        "P02-error-without-text",
    ],
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


def test_blocking_one_of_them_solves_it(folder: Path) -> None:
    (folder / "one.py").write_text(GOOD)
    (folder / "two.py").write_text(GOOD)
    registry = load(folder, block_plugins=("file:one.py",))
    assert registry.plugin_of("taxonomies", "colours") == "file:two.py"
    assert [(p.name, p.blocked) for p in registry.plugins] == [
        ("builtin", False),
        ("file:one.py", True),
        ("file:two.py", False),
    ]


def test_a_blocked_plugin_is_not_even_imported(folder: Path) -> None:
    (folder / "bad.py").write_text("raise RuntimeError")
    assert load(folder, block_plugins=("file:bad.py",)).problems == ()


@pytest.mark.parametrize("name", ["file:bed.py", "builtin"])
def test_blocking_what_cannot_be_blocked_is_said(
    folder: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "bad.py").write_text(GOOD)
    assert load(folder, block_plugins=(name,)).taxonomy("iab-3.1")
    assert f"{name!r} is no plugin that can be blocked" in caplog.text
    assert ("did you mean 'file:bad.py'" in caplog.text) == (name != "builtin")


def test_the_version_of_a_file_is_its_own_or_tells_its_states_apart(folder: Path) -> None:
    def version(source: str) -> str:
        (folder / "colours.py").write_text(source)
        return load(folder).plugins[-1].version

    assert version(GOOD + "__version__ = '2.1'") == "2.1"
    first, second = version(GOOD), version(GOOD + "# changed")
    assert first.startswith("sha256:")
    assert first != second


@pytest.mark.parametrize("declared", ["1", "(1, 2)", "range(1, 9)"])
def test_a_plugin_may_say_which_interface_it_was_written_for(folder: Path, declared: str) -> None:
    (folder / "colours.py").write_text(f"{GOOD}\nTAXOCRAWL_API = {declared}")
    assert load(folder).problems == ()


def test_what_a_plugin_prints_and_where_it_goes_at_import_concerns_nobody(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"import os; os.chdir({str(folder)!r}); print('hello')\n{GOOD}"
    (folder / "colours.py").write_text(source)
    before = Path.cwd()
    assert load(folder).problems == ()
    assert Path.cwd() == before
    assert capsys.readouterr().out == ""


def test_ctrl_c_while_a_plugin_is_imported_ends_the_program(folder: Path) -> None:
    (folder / "slow.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    # Where tests run in several processes at once, these ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            load(folder)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_plugin_adds_commands(folder: Path) -> None:
    (folder / "greet.py").write_text(COMMAND.replace("NAME", "greet"))
    group = click.Group(commands=[click.Command("crawl")])
    assert loading.add_commands(group, Settings(plugins_dir=str(folder))) == ()
    assert "hello from greet" in CliRunner().invoke(group, ["greet"]).output


def test_a_command_that_is_there_already_stays(folder: Path) -> None:
    crawl = click.Command("crawl")
    for name, command in (("a", "crawl"), ("b", "greet"), ("c", "greet")):
        (folder / f"{name}.py").write_text(COMMAND.replace("NAME", command))
    group = click.Group(commands=[crawl])
    problems = loading.add_commands(group, Settings(plugins_dir=str(folder)))
    assert [(p.plugin, p.message) for p in problems] == [
        ("file:a.py", "there is a command 'crawl' already"),
        ("file:c.py", "there is a command 'greet' already"),
    ]
    assert group.commands["crawl"] is crawl


def test_a_plugin_that_ends_the_program_while_adding_commands_is_named(folder: Path) -> None:
    (folder / "bad.py").write_text(COMMAND.replace("@cli.command()", "raise SystemExit(1)\n    # "))
    (problem,) = loading.add_commands(click.Group(), Settings(plugins_dir=str(folder)))
    assert (problem.plugin, problem.message) == ("file:bad.py", "SystemExit: 1")


def test_a_factory_that_ends_the_program_is_blamed(folder: Path) -> None:
    (folder / "colours.py").write_text(GOOD.replace("root = Node", "exit(1); root = Node"))
    with pytest.raises(PluginError, match=r"colours\.py: colours: SystemExit: 1"):
        load(folder).taxonomy("colours")


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
