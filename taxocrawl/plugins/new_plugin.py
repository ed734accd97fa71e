"""A new plugin's package, written from the templates in `skeletons/`.

A template is a working plugin: its only blanks are its name in three spellings and, in the files
that all kinds share, what kind it is and how it is used.
"""

import keyword
import re
import sys
from pathlib import Path
from typing import Literal, get_args

from taxocrawl.errors import InputError

PluginKind = Literal["classifier", "taxonomy", "extractor", "explainer", "command"]
PLUGIN_KINDS: tuple[PluginKind, ...] = get_args(PluginKind)

SKELETONS = Path(__file__).parent / "skeletons"

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_USAGE: dict[PluginKind, str] = {
    "classifier": "taxocrawl crawl domains.txt --classifier ranker --classifier my-plugin",
    "taxonomy": "taxocrawl crawl domains.txt --classifier nearest --taxonomy my-plugin",
    "extractor": 'echo \'extractors = ["my-plugin", "baseline"]\' >> taxocrawl.toml',
    "explainer": "taxocrawl crawl domains.txt --explain words --explain my-plugin",
    "command": "taxocrawl my-plugin sites.duckdb",
}


def write(name: str, kind: PluginKind, into: Path) -> Path:
    """Folder of the new package, `into/name`. InputError says what is wrong with the name, or that
    there is something already.
    """
    module = _module(name)
    folder = into / name
    if folder.exists():
        raise InputError(f"{folder} exists already")
    files = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{kind}.py": f"{module}.py",
        f"test_{kind}.py": f"tests/test_{module}.py",
    }
    texts = {
        folder / path: _filled((SKELETONS / f"{template}.tmpl").read_text("utf-8"), name, kind)
        for template, path in files.items()
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _module(name: str) -> str:
    if not _NAME.fullmatch(name):
        close = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")
        hint = f": {close!r} would do" if _NAME.fullmatch(close) else ""
        raise InputError(f"{name!r} is no name of a package of letters, digits and dashes{hint}")
    module = name.replace("-", "_")
    taken = {*sys.stdlib_module_names, *keyword.kwlist, "taxocrawl", "tests", *sys.modules}
    if module in taken:
        raise InputError(f"{name!r}: there is a module {module!r} already; take another name")
    return module


def _filled(template: str, name: str, kind: PluginKind) -> str:
    title = "".join(part.capitalize() for part in re.split("[-_]", name))
    article = "An" if kind.startswith(tuple("aeiou")) else "A"
    filled = template.replace("USAGE", _USAGE[kind]).replace("A KIND", f"{article} {kind}")
    for blank, value in (
        ("my_plugin", name.replace("-", "_")),
        ("my-plugin", name),
        ("MyPlugin", title),
    ):
        filled = filled.replace(blank, value)
    return filled
