"""The house has one direction: imports point down, and each outside library has its room."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import taxocrawl

PACKAGE = Path(taxocrawl.__file__).parent

ROOMS_OF = {
    "scrapy": {"crawler"},
    "twisted": {"crawler"},
    "zope": {"crawler"},
    "protego": {"crawler"},
    "brotli": {"crawler"},
    "backports": {"crawler"},
    "trafilatura": {"extraction"},
    "lxml": {"extraction"},
    "xgboost": {"classifiers", "training"},
    "tokenizers": {"classifiers", "training"},
    "safetensors": {"classifiers", "training"},
    "sentence_transformers": {"classifiers", "training"},
    "torch": {"classifiers", "training"},
    "sklearn": {"training"},
    "duckdb": {"store"},
    "pyarrow": {"store", "training"},
    "pluggy": {"plugins"},
    "pebble": {"workers"},
    "threadpoolctl": {"threads"},
    "ada_url": {"domains"},
    "tldextract": {"domains"},
    "packaging": {"cli"},
    "click": {"cli", "plugins"},
    "rich": {"cli", "explanations"},
    "matplotlib": {"explanations"},
}


def test_imports_point_down() -> None:
    # In a process of its own: zope's patches of modules, once Twisted is loaded, confuse it.
    lint = "from importlinter import cli; raise SystemExit(cli.lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", lint], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", sorted(ROOMS_OF))
def test_each_outside_library_has_one_room(library: str) -> None:
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if library in _imported(path) and _room(path) not in ROOMS_OF[library]
    ]
    assert strangers == []


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _import_names(ast.parse(path.read_text("utf-8")))}


def _import_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
