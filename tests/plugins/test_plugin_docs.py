"""docs/plugins.md says what is there: hooks with their signatures, checks, every rule."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from taxocrawl import testing
from taxocrawl.plugins import hookspecs

ROOT = Path(__file__).parent.parent.parent
DOCS = (ROOT / "docs" / "plugins.md").read_text("utf-8")


@pytest.mark.parametrize("hook", [n for n in vars(hookspecs) if n.startswith("register_")])
def test_each_hook_stands_with_its_signature(hook: str) -> None:
    function = getattr(hookspecs, hook)
    signature = str(inspect.signature(function)).replace("collections.abc.", "")
    shown = re.search(rf"^### `({hook}\(.*)`$", DOCS, re.MULTILINE)
    assert shown, f"no heading for {hook}"
    arguments = shown[1].partition("(")[2].partition(")")[0]
    assert arguments.split(":")[0] == ", ".join(inspect.signature(function).parameters)
    assert ("None" in signature) == shown[1].endswith("None")


@pytest.mark.parametrize("name", [n for n in vars(testing) if n.startswith("check_")])
def test_each_check_is_named(name: str) -> None:
    assert f"`{name}`" in DOCS


def test_every_rule_is_in_the_table_and_no_other() -> None:
    tree = ast.parse(inspect.getsource(testing))
    rules = {
        argument.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"_require", "_blamed"}
        for argument in call.args[:2]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    table = DOCS.split("| rule | kept where |")[1]
    shown = {
        rule
        for row in table.strip().splitlines()
        for rule in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
    assert rules - {"score"} <= shown
    assert shown - {"score", "classify"} <= rules


def test_every_example_is_named() -> None:
    for readme in (ROOT / "examples").glob("*/README.md"):
        assert f"`examples/{readme.parent.name}`" in DOCS


def test_the_code_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    names["test_it_keeps_every_rule"]()  # type: ignore[operator]
