"""The demo's small web holds together: pages parse, links resolve, expectations are real."""

import csv
from collections import Counter
from pathlib import Path

import lxml.html
import pytest

from taxocrawl import domains
from taxocrawl.records import OUTCOMES
from taxocrawl.taxonomies import formats

SITES = Path(__file__).parent.parent / "examples" / "demo_sites"
PAGES = sorted(SITES.glob("*/*.html"))
SIZE_LIMIT = 600_000


def expected() -> list[dict[str, str]]:
    with (SITES / "expected.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def topical() -> set[str]:
    return {row["host"] for row in expected() if row["outcome"] == "classified"}


def visible_words(page: Path) -> int:
    tree = lxml.html.fromstring(page.read_bytes())
    for element in list(tree.iter("script", "style")):
        element.drop_tree()
    return len(tree.text_content().split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_page_has_a_title_and_links_that_resolve(page: Path) -> None:
    tree = lxml.html.fromstring(page.read_bytes())
    assert tree.findtext(".//title", "").strip()
    for target in tree.xpath("//a/@href"):
        if not target.startswith(("#", "mailto:", "tel:", "http")):
            name = target.partition("?")[0].lstrip("/") or "index.html"
            assert (page.parent / name).is_file(), target


@pytest.mark.parametrize("host", sorted(topical()))
def test_topical_site_has_three_to_five_pages_of_real_length(host: str) -> None:
    words = [visible_words(page) for page in (SITES / host).glob("*.html")]
    assert 3 <= len(words) <= 5
    assert all(80 <= count <= 400 for count in words), words


def test_every_folder_is_expected_once_and_crawled() -> None:
    folders = {folder.name for folder in SITES.iterdir() if folder.is_dir()}
    hosts = Counter(row["host"] for row in expected())
    with (SITES / "domains.txt").open(encoding="utf-8") as lines:
        crawled = {line.site.domain for line in domains.read_sites(lines) if line.site}
    assert set(hosts) == folders == crawled
    assert set(hosts.values()) == {1}


def test_list_holds_one_duplicate_and_one_line_that_names_no_host() -> None:
    with (SITES / "domains.txt").open(encoding="utf-8") as lines:
        refused = [line.outcome for line in domains.read_sites(lines) if line.outcome]
    assert refused == ["duplicate", "invalid_input"]


@pytest.mark.parametrize("row", expected(), ids=lambda row: row["host"])
def test_expectation_names_a_node_or_an_outcome(row: dict[str, str]) -> None:
    assert row["outcome"] in OUTCOMES
    if row["outcome"] == "classified":
        taxonomy = formats.load("iab-3.1")
        assert taxonomy.path(row["node_id"]) == row["path"]
        assert taxonomy[taxonomy.lineage(row["node_id"])[0]].name == row["tier1"]
    else:
        assert not row["node_id"]


def test_three_languages_at_least() -> None:
    assert {"de", "en", "es", "fr"} <= {row["language"] for row in expected()}


def test_the_whole_web_is_small() -> None:
    assert sum(file.stat().st_size for file in SITES.rglob("*") if file.is_file()) < SIZE_LIMIT
