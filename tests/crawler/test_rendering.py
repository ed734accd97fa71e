"""Sites that are empty without scripts, fetched again by somebody's browser."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from loopback import Loopback, serving

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "playwright_renderer" / "renderer.py"
HOST = "ferry-times.example"

ARTICLE = "Our bakery bakes sourdough bread, rye loaves and butter croissants every morning. " * 6
PAGE = f"""<!doctype html><html><head><title>App</title></head><body><div id="root"></div>
<noscript>You need to enable JavaScript to run this app.</noscript>
<script>document.getElementById("root").innerHTML = "<h1>Bread</h1><p>{ARTICLE}</p>";
fetch("http://10.0.0.1/private").catch(() => 0);</script></body></html>"""

RENDERER = '''
import asyncio
class Made:
    def __init__(self, settings): pass
    async def render(self, url, allowed):
        """BODY"""
        assert await allowed(url)
        assert not await allowed("ftp://" + url)
        return "<title>Bakery</title><p>ARTICLE</p>"
    async def close(self):
        print("renderer closed")
'''


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    sites = tmp_path_factory.mktemp("sites")
    (sites / HOST).mkdir()
    (sites / HOST / "index.html").write_text(PAGE, "utf-8")
    with serving(sites=sites) as server:
        yield server


def crawl(
    web: Loopback, folder: Path, renderer: str
) -> tuple[subprocess.CompletedProcess[str], list[tuple[str, str]]]:
    """The finished process, and outcome of the site and notes of its page."""
    store = folder / "sites.duckdb"
    options = ["--connect-to", web.connect_to, "--classifier", "keywords", "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "taxocrawl", "crawl", HOST, "-o", str(store), *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TAXOCRAWL_RENDERER": renderer, "TAXOCRAWL_EXPLAIN": ""},
    )
    if not store.exists():
        return done, []
    with duckdb.connect(store, read_only=True) as connection:
        query = "SELECT s.outcome, p.notes::VARCHAR FROM sites AS s JOIN pages AS p USING (domain)"
        return done, connection.execute(query).fetchall()


def written(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(text.replace("ARTICLE", ARTICLE), "utf-8")
    return f"{folder / 'mine.py'}:Made"


def test_without_a_renderer_such_a_site_is_script_only(web: Loopback, tmp_path: Path) -> None:
    _, [(outcome, notes)] = crawl(web, tmp_path, "")
    assert outcome == "script_only"
    assert "rendered" not in notes


def test_a_renderer_gives_the_page_its_text(web: Loopback, tmp_path: Path) -> None:
    done, [(outcome, notes)] = crawl(web, tmp_path, written(tmp_path, RENDERER))
    assert outcome in ("classified", "uncertain")
    assert "rendered" in notes
    assert "renderer closed" in done.stdout + done.stderr


def test_a_renderer_that_fails_leaves_the_page_as_it_was(web: Loopback, tmp_path: Path) -> None:
    broken = RENDERER.replace('"""BODY"""', "raise OSError('no display')")
    done, [(outcome, _)] = crawl(web, tmp_path, written(tmp_path, broken))
    assert outcome == "script_only"
    assert "no display" in done.stderr


def test_a_renderer_that_is_not_there_stops_the_run_at_once(web: Loopback, tmp_path: Path) -> None:
    done, sites = crawl(web, tmp_path, "nowhere:Chromium")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert not sites


@pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None or shutil.which("chromium") is None,
    reason="no Playwright or no Chromium on this machine",
)
def test_the_example_renders_with_chromium(web: Loopback, tmp_path: Path) -> None:
    done, [(outcome, notes)] = crawl(web, tmp_path, f"{EXAMPLE}:Chromium")
    assert outcome in ("classified", "uncertain"), done.stderr
    assert "rendered" in notes
