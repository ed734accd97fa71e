"""A user's own CSV, and versions that come by crosswalk, from crawl to SQL."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from loopback import serving

SITES = Path(__file__).parent.parent.parent / "examples" / "demo_sites"
DENTIST, GARDEN = "tidewater-dental.example", "gaertnerei-moosbach.example"
# A child above its parent, and a name with a comma: as people write them.
MINE = """id,parent,name,synonyms,examples
dentist,health,Dentists,teeth|dental practice,We fill and whiten your teeth|Dental check-ups
health,,"Health, body and mind",clinic|doctor,
garden,shops,Garden centres,plants|nursery|roses,
shops,,Shops,,
stars,,Astronomy,telescope|planets,
"""


def taxocrawl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TAXOCRAWL_")}
    return subprocess.run(
        [sys.executable, "-m", "taxocrawl", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a taxonomy of one's own and the store of a crawl with it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.csv").write_text(MINE, encoding="utf-8")
    wanted = ("--taxonomy", "mine.csv", "--taxonomy", "iab-3.1", "--taxonomy", "IAB Content 1.0")
    with serving(sites=SITES) as web:
        done = taxocrawl(folder, "crawl", DENTIST, GARDEN, "--connect-to", web.connect_to, *wanted)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def ask(folder: Path, sql: str, *values: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "sites.duckdb"), read_only=True) as connection:
        return connection.execute(sql, list(values)).fetchall()


def test_the_nodes_are_in_the_store_under_the_name_of_the_file(folder: Path) -> None:
    assert ask(folder, "select node_id, path from nodes where taxonomy = 'mine' order by 1") == [
        ("dentist", "Health, body and mind > Dentists"),
        ("garden", "Shops > Garden centres"),
        ("health", "Health, body and mind"),
        ("shops", "Shops"),
        ("stars", "Astronomy"),
    ]


def test_the_site_is_in_the_users_own_category_without_training(folder: Path) -> None:
    found = ask(
        folder,
        "select node_id, decided_by, relation from site_categories "
        "where domain = ? and taxonomy = 'mine' order by tier desc",
        DENTIST,
    )
    assert found == [("dentist", "nearest", ""), ("health", "nearest", "")]
    assert ask(folder, "select domain from in_category('Dentists')") == [(DENTIST,)]


def test_it_stands_beside_the_answer_of_the_trained_classifier(folder: Path) -> None:
    found = ask(
        folder,
        "select distinct taxonomy, decided_by from site_categories where domain = ? order by 1",
        DENTIST,
    )
    assert found == [("iab-1.0", "ranker"), ("iab-3.1", "ranker"), ("mine", "nearest")]
    explained = ask(
        folder,
        "select distinct taxonomy, classifier from explanations where domain = ? order by 1",
        DENTIST,
    )
    assert explained == [("iab-3.1", "ranker"), ("mine", "nearest")]


def test_iab_1_0_came_by_crosswalk_and_says_so(folder: Path) -> None:
    rows = ask(
        folder,
        "select node_id, tier, relation from site_categories "
        "where domain = ? and taxonomy = 'iab-1.0' and rank = 1",
        DENTIST,
    )
    assert rows == [("IAB7-17", 2, "exact")]


@pytest.mark.parametrize("version", ["3.1", "3.0", "2.2", "2.1", "2.0", "1.0", "ad-product-2.0"])
def test_every_version_can_be_asked_for_in_sql(folder: Path, version: str) -> None:
    rows = ask(folder, "select taxonomy, relation from iab(?, ?)", DENTIST, version)
    assert rows
    assert {taxonomy for taxonomy, _ in rows} == {f"iab-{version}"}


def test_openrtb_pairs_cat_with_cattax(folder: Path) -> None:
    rows = ask(folder, "select cattax, cat from openrtb where domain = ? order by 1", DENTIST)
    assert [cattax for cattax, _ in rows] == [1, 9]
    assert rows[0][1] == ["IAB7-17"]


def test_the_run_records_where_the_taxonomy_came_from(folder: Path) -> None:
    ((settings,),) = ask(folder, "select settings::varchar from runs")
    assert json.loads(str(settings))["taxonomies"] == [
        str(folder / "mine.csv"),
        "iab-3.1",
        "iab-1.0",
    ]


def test_classify_answers_in_it_from_a_relative_path(folder: Path) -> None:
    text = "Fillings, crowns and teeth whitening. Our dentists see children too."
    done = taxocrawl(
        folder, "classify", "--text", text, "--taxonomy", "./mine.csv", "--taxonomy", "iab-2.2"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    first = answer["categories"][0]
    assert (first["taxonomy"], first["id"], "relation" in first) == ("mine", "dentist", False)
    assert {c["relation"] for c in answer["categories"] if c["taxonomy"] == "iab-2.2"} <= {
        *("exact", "broader", "narrower", "related")
    }
    assert answer["openrtb"]["cattax"] == 6
    assert {c["taxonomy"] for c in answer["categories"]} == {"mine", "iab-2.2"}
    assert answer["words"]


def test_a_broken_file_stops_the_run_and_names_the_line(folder: Path) -> None:
    (folder / "broken.csv").write_text("id,parent,name\na,b,A\nb,a,B\n")
    done = taxocrawl(folder, "crawl", DENTIST, "-o", "no.duckdb", "--taxonomy", "broken.csv")
    assert done.returncode == 1
    assert "broken.csv, line 2: cycle" in done.stderr
    assert not (folder / "no.duckdb").exists()
