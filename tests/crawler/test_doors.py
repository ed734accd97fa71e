"""The same page gets the same answer by every door: crawl, file, stored text, another spider."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, serving

ROOT = Path(__file__).parent.parent.parent
SITES = ROOT / "examples" / "demo_sites"
PROJECT = ROOT / "examples" / "scrapy_project"
HOSTS = ("redcastle-terrace.example", "gaertnerei-moosbach.example", "la-miette-doree.example")
URLS = [f"http://{host}/" for host in HOSTS]

PLAIN = ("TAXOCRAWL_CLASSIFIERS=keywords", "TAXOCRAWL_EXPLAIN=", "TAXOCRAWL_WORKERS=1")

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """Answers by host, as one door gives them."""

    answers: dict[str, Answer]

    def categories(self) -> dict[str, list[tuple[str, float]]]:
        return {
            host: [
                (category["id"], round(category["confidence"], 4))
                for category in answer["categories"]
            ]
            for host, answer in self.answers.items()
        }


def run(*command: str, given: str = "", **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), **environment},
        cwd=environment.pop("PWD", None),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_host(lines: str, key: str = "domain") -> Door:
    answers = [json.loads(line) for line in lines.splitlines()]
    return Door({answer[key]: answer for answer in answers})


@pytest.fixture(scope="module")
def web() -> Iterator[Loopback]:
    with serving(sites=SITES) as server:
        yield server


@pytest.fixture(scope="module")
def store(web: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page a site, all its fields kept."""
    path = tmp_path_factory.mktemp("doors") / "sites.duckdb"
    options = ["--connect-to", web.connect_to, "--max-pages", "1", "--keep-text", "all"]
    run("taxocrawl", "crawl", *HOSTS, "-o", str(path), *options)
    return path


@pytest.fixture(scope="module")
def crawled(store: Path) -> Door:
    return by_host(run("taxocrawl", "export", str(store), "--format", "jsonl"))


def spider(web: Loopback, out: Path, *settings: str) -> list[Answer]:
    """Items of the example project, its requests sent to the loopback web as to a proxy."""
    project = out.parent / "project"
    shutil.copytree(PROJECT, project, dirs_exist_ok=True)
    options = [word for setting in settings for word in ("-s", setting)]
    command = ["scrapy", "crawl", "titles", "-a", f"urls={','.join(URLS)}", "-O", str(out)]
    run(*command, *options, http_proxy=f"http://127.0.0.1:{web.port}", PWD=str(project))
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_each_door_gives_the_answer_of_the_crawl(
    web: Loopback, store: Path, crawled: Door, tmp_path: Path
) -> None:
    wanted = crawled.categories()
    assert len(wanted) == len(HOSTS)
    assert all(wanted.values())

    pages = [
        {"id": host, "url": url, "html": (SITES / host / "index.html").read_text("utf-8")}
        for host, url in zip(HOSTS, URLS, strict=True)
    ]
    given = "\n".join(map(json.dumps, pages))
    assert by_host(run("taxocrawl", "classify", "-", given=given), "id").categories() == wanted

    fetched = run(
        *("taxocrawl", "classify", *URLS, "--connect-to", web.connect_to),
        TAXOCRAWL_MAX_PAGES="1",
    )
    assert by_host(fetched).categories() == wanted

    items = spider(web, tmp_path / "items.jsonl")
    assert all(item["title"] for item in items)
    assert Door({i["taxocrawl"]["domain"]: i["taxocrawl"] for i in items}).categories() == wanted

    copy = tmp_path / "copy.duckdb"
    shutil.copy(store, copy)
    again = json.loads(run("taxocrawl", "reclassify", "-s", str(copy), "--json"))
    assert again == {"sites": len(HOSTS), "outcomes": {"classified": len(HOSTS)}}
    exported = run("taxocrawl", "export", str(copy), "--format", "jsonl")
    assert by_host(exported).categories() == wanted


def test_the_spiders_user_chooses(web: Loopback, tmp_path: Path) -> None:
    items = spider(
        web,
        tmp_path / "items.jsonl",
        "TAXOCRAWL_FIELD=about",
        "TAXOCRAWL_TEXT_FIELDS=title",
        *PLAIN,
    )
    assert {item["about"]["classifier"] for item in items} == {"keywords"}
    assert all("taxocrawl" not in item for item in items)


def test_a_page_without_items_has_one_of_its_own(web: Loopback, tmp_path: Path) -> None:
    items = spider(web, tmp_path / "items.jsonl", "TAXOCRAWL_EVERY_RESPONSE=1", *PLAIN)
    answered = [item for item in items if "taxocrawl" in item]
    assert {item["url"] for item in answered} == set(URLS)
    assert len(items) == 2 * len(URLS)


def test_a_wrong_setting_stops_the_spider_at_once(web: Loopback, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="min_confidence is 7"):
        spider(web, tmp_path / "items.jsonl", "TAXOCRAWL_MIN_CONFIDENCE=7")
