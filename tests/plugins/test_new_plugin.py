"""A new plugin works at once: its own tests pass, it installs, taxocrawl finds and checks it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from taxocrawl.cli.main import cli
from taxocrawl.errors import InputError
from taxocrawl.plugins.new_plugin import PLUGIN_KINDS, PluginKind, write


@dataclass(frozen=True)
class Packages:
    """One new plugin of each kind: their sources, and where all are installed."""

    folders: dict[str, Path]
    installed: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        """What Python says when the packages are installed."""
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            env=os.environ | {"PYTHONPATH": str(self.installed)},
            cwd=self.installed,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    assert find_spec("hatchling"), "hatchling is missing: pip install --group build"
    into, installed = tmp_path_factory.mktemp("new"), tmp_path_factory.mktemp("installed")
    folders = {kind: write(f"my-{kind}", kind, into) for kind in PLUGIN_KINDS}
    pip = [
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
    ]
    subprocess.run(
        [sys.executable, "-m", *pip, str(installed), *map(str, folders.values())], check=True
    )
    return Packages(folders, installed)


def test_its_own_tests_pass_before_it_is_installed(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["plugin", "new", "topics-of-mine", "--into", str(tmp_path)])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "topics-of-mine"
    assert f"cd {folder}" in result.output
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.slow
def test_the_tests_of_every_kind_pass_when_installed(packages: Packages) -> None:
    tests = [str(folder / "tests") for folder in packages.folders.values()]
    said = packages.run("-m", "pytest", "-q", "--import-mode=importlib", "-c", os.devnull, *tests)
    assert "10 passed" in said


@pytest.mark.slow
def test_each_is_found_with_its_version_and_keeps_the_rules(packages: Packages) -> None:
    (_, *listed) = json.loads(packages.run("-m", "taxocrawl", "plugins", "--json"))["plugins"]
    assert [(p["name"], p["version"]) for p in listed] == [
        (f"my-{kind}", "0.1.0") for kind in sorted(PLUGIN_KINDS)
    ]
    checked = json.loads(packages.run("-m", "taxocrawl", "plugins", "check", "--json"))["checks"]
    assert {(c["kind"], c["name"], c["problem"]) for c in checked} == {
        ("classifiers", "my-classifier", ""),
        ("explainers", "my-explainer", ""),
        ("extractors", "my-extractor", ""),
        ("taxonomies", "my-taxonomy", ""),
    }
    assert "my-command" in packages.run("-m", "taxocrawl", "--help")


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_what_is_written_is_in_good_style(kind: PluginKind, tmp_path: Path) -> None:
    if not find_spec("ruff"):
        pytest.skip("ruff is not installed")
    folder = write("my-plugin", kind, tmp_path)
    for act in (["check", "--select=E,F,I,UP,B"], ["format", "--check"]):
        config = ["--isolated", "--line-length=100", "--no-cache"]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *act, *config],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My Topics", "'my-topics' would do"),
        ("../evil", "'evil' would do"),
        ("1st", "'st' would do"),
        ("", "no name"),
        ("json", "there is a module 'json' already"),
        ("class", "already"),
        ("taxocrawl", "already"),
        ("there", "exists already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(
    name: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match=said):
        write(name, "classifier", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
