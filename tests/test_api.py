"""The Python interface, as a notebook and a plain script use it."""

import ast
import json
import operator
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import docs_store
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from loopback import serving

import taxocrawl
from taxocrawl import apart
from taxocrawl.errors import (
    InputError,
    PluginError,
    QueryError,
    SettingsError,
    StoreError,
    TaxocrawlError,
)

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
README = (ROOT / "README.md").read_text("utf-8")
HEAVY = ("duckdb", "scrapy", "xgboost", "numpy", "trafilatura", "pyarrow", "click", "rich")

# No `if __name__ == "__main__"`, as in a notebook: spawned processes must not run this again.
PLAIN_SCRIPT = """
import json, sys
import taxocrawl

connect_to = sys.argv[1]
settings = {"plugins_dir": "plugins", "classifiers": ["shouting"], "explain": [], "workers": 1}
print("started")
answers = taxocrawl.classify(
    [
        "Stars! Gossip! Now! Who wore it <b>best</b>?",
        "<h1>Garden</h1><p>Roses and compost</p>",
        {"id": "<script>", "title": "Gossip!"},
        {"id": 7, "text": 3},
    ],
    **settings,
)
found = {
    "answers": answers.as_dicts(),
    "first": [c.path for c in answers[0].categories],
    "html": answers._repr_html_(),
    "html_of_one": answers[2]._repr_html_(),
    "crawls": [],
}
seen = []
for _ in range(2):
    result = taxocrawl.crawl(
        ["brightfold-media.example", "no host"],
        on_outcome=lambda outcome: seen.append(outcome.kind),
        connect_to=connect_to,
        **settings,
    )
    found["crawls"].append([result.run_id, result.lines, dict(result.outcomes)])
found["seen"] = seen
found["html_of_crawl"] = result._repr_html_()
found["runs"] = len(result.open().runs.fetchall())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the README's plugin."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "plugins").mkdir()
    (plugin,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (folder / "plugins" / "shouting.py").write_text(plugin)
    return folder


@pytest.fixture(scope="module")
def plain(folder: Path) -> dict[str, Any]:
    """What the plain script found."""
    (folder / "plain.py").write_text(PLAIN_SCRIPT)
    with serving(sites=EXAMPLES / "demo_sites") as web:
        done = subprocess.run(
            [sys.executable, "-W", "error", "plain.py", web.connect_to],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    started, found = done.stdout.splitlines()
    assert started == "started"
    assert "Traceback" not in done.stderr
    answer: dict[str, Any] = json.loads(found)
    return answer


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return docs_store.build(tmp_path_factory.mktemp("open") / "sites.duckdb")


def test_the_public_names_are_these() -> None:
    assert taxocrawl.__all__ == [
        "Answer",
        "Answers",
        "Category",
        "CrawlResult",
        "RankerClassifier",
        "Word",
        "__version__",
        "classify",
        "crawl",
        "open",
    ]
    assert [name for name in taxocrawl.__all__ if not hasattr(taxocrawl, name)] == []


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, time; started = time.process_time(); import taxocrawl;"
        f"print(time.process_time() - started, [m for m in {HEAVY} if m in sys.modules])"
    )
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(3)]
    assert min(float(run.split()[0]) for run in runs) < 0.05
    assert {run.split()[1] for run in runs} == {"[]"}


def test_a_plain_script_classifies_in_the_order_of_its_inputs(plain: dict[str, Any]) -> None:
    outcomes = [(a["id"], a["outcome"]) for a in plain["answers"]]
    assert outcomes[0] == ("1", "classified")
    assert outcomes[2:] == [("<script>", "classified"), ("7", "invalid_input")]
    assert plain["first"] == ["Pop Culture"]


def test_page_text_is_escaped_in_a_notebook(plain: dict[str, Any]) -> None:
    assert "&lt;script&gt;" in plain["html"]
    assert "<script>" not in plain["html"]
    assert "<td>parked</td>" in plain["html_of_crawl"]


def test_a_plain_script_crawls_twice(plain: dict[str, Any]) -> None:
    (first, *told), (second, *again) = plain["crawls"]
    assert first != second
    assert told == again == [2, {"invalid_input": 1, "parked": 1}]
    assert plain["seen"] == ["parked", "parked"]
    assert plain["runs"] == 2


def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    shutil.copytree(EXAMPLES / "demo_sites", tmp_path / "examples" / "demo_sites")
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "loopback.py", tmp_path / "tests")
    (tmp_path / "cells.json").write_text(json.dumps(["".join(cell["source"]) for cell in code]))
    done = subprocess.run(
        [sys.executable, "-c", _RUN_CELLS],
        cwd=tmp_path / "examples",
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "harbour-cycling.example" in done.stdout
    assert "parked" in done.stdout


_RUN_CELLS = """
import ast, json
names = {"__name__": "__main__"}
for cell in json.load(open("../cells.json")):
    body = ast.parse(cell).body
    shown = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    if shown:
        value = eval(compile(ast.Expression(shown.value), "cell", "eval"), names)
        print(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
"""


def test_every_cell_of_the_notebook_is_formatted_python() -> None:
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            ast.parse("".join(cell["source"]))


def test_relations_become_pandas_polars_and_arrow(path: Path) -> None:
    store = taxocrawl.open(path)
    frame = store.sites.df()
    assert isinstance(frame, pd.DataFrame)
    assert "harbour-cycling.example" in list(frame["domain"])
    assert isinstance(store.categories.pl(), pl.DataFrame)
    assert isinstance(store.words.to_arrow_table(), pa.Table)
    assert store.categories.filter("tier = 1").aggregate("count(*)").fetchall()[0][0] > 3


def test_queries_take_values(path: Path) -> None:
    store = taxocrawl.open(path)
    sports = store.sql("SELECT domain FROM in_category($name) ORDER BY domain", {"name": "Sports"})
    assert sports.fetchall() == [("harbour-cycling.example",), ("redcastle-terrace.example",)]
    assert store.sql("SELECT count(*) FROM sites WHERE domain = ?", ["x'; --"]).fetchall() == [(0,)]
    assert store.why("harbour-cycling.example").fetchall()


def test_an_answer_without_rows_is_an_empty_relation(path: Path) -> None:
    assert taxocrawl.open(path).sql("SELECT domain FROM sites WHERE false").df().empty


def test_an_open_store_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = docs_store.build(tmp_path / "sites.duckdb")
    store = taxocrawl.open(path)
    before = store.sites
    docs_store.build(path)
    assert len(store.runs.df()) == 4
    assert len(before.df()) == len(store.sites.df())


def test_a_notebook_shows_why_as_a_page_and_it_stays_a_relation(path: Path) -> None:
    why = taxocrawl.open(path).why("HTTPS://Harbour-Cycling.example/rides")
    html = why._repr_html_() or ""
    assert html.startswith('<div class="taxocrawl">')
    assert "<script" not in html
    assert "cycling" in html
    assert len(why.df()) == len(why)
    assert why.filter("kind = 'word'").project("evidence").fetchall()
    assert "evidence" in repr(why)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = why.nothing_like_it
    assert taxocrawl.open(path).why("never.example")._repr_html_() is None


def test_a_store_shows_its_newest_runs(path: Path) -> None:
    html = taxocrawl.open(path)._repr_html_()
    assert "<td>classified</td><td>5</td>" in html
    assert str(path) in html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nothing FROM sites", "nothing"),
        ("CREATE TABLE mine (a INT)", "read-only"),
        ("not sql", "syntax error"),
    ],
)
def test_a_query_that_fails_says_why(path: Path, query: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        taxocrawl.open(path).sql(query)


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.duckdb: no such store"):
        taxocrawl.open(tmp_path / "none.duckdb")


def test_mistakes_are_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"argument: unknown setting 'max_page'.*max_pages"):
        taxocrawl.crawl("a.example", max_page=3)
    with pytest.raises(InputError, match=r"there is no file .*nowhere\.txt"):
        taxocrawl.crawl(tmp_path / "nowhere.txt")
    with pytest.raises(InputError, match="input 2 is int"):
        taxocrawl.classify(["a text", 3])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"input 1: .*not JSON serializable"):
        taxocrawl.classify([{"text": b"bytes"}])


def test_an_error_in_the_other_process_is_raised_here(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(PluginError, match="division by zero") as raised:
        taxocrawl.classify("a", plugins_dir=str(tmp_path), strict_plugins=True)
    assert "broken" in raised.value.plugin


class Bomb:
    """Ends the process that reads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


def test_a_job_whose_process_dies_is_an_error() -> None:
    with pytest.raises(TaxocrawlError, match="ended with code 3"):
        list(apart.stream(operator.call, Bomb()))


def test_an_abandoned_job_ends() -> None:
    job = apart.stream(operator.call, "said")
    assert next(job) == "said"
    job.close()
    assert list(job) == []
