"""A store as files for other programs: whole, safe to open, ready for bidders and block-lists."""

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest
from cli_samples import Run

from taxocrawl.domains import parse_line
from taxocrawl.records import Attribution, Explanation, Outcome, Prediction
from taxocrawl.settings import Settings
from taxocrawl.store import export
from taxocrawl.store.csv_cells import disarmed, rearmed
from taxocrawl.store.writer import StoreWriter
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Node, Taxonomy

IAB = formats.load("iab-3.1")
MINE = Taxonomy("mine", [Node(id="f", parent_id=None, name="=HYPERLINK(1)", tier=1)])
SPORTS, SOCCER, PETS = "483", "533", "422"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "sites.duckdb"
    outcomes = [
        outcome("pets.example", predicted(PETS, 0.7, 1)),
        outcome(
            "club.example", predicted(SOCCER, 0.8, 1), predicted(SPORTS, 0.9), own("f", 0.6, 1)
        ),
        Outcome(domain="gone.example", kind="dns_failed", detail="nxdomain"),
    ]
    settings = Settings(taxonomies=("iab-3.1", "mine"))
    with StoreWriter(path, settings=settings, command="crawl", taxonomies=[IAB, MINE]) as writer:
        for number, of_site in enumerate(outcomes, 1):
            writer.add(of_site, parse_line(number, of_site.domain))
    return path


def predicted(node: str, confidence: float, rank: int | None = None) -> Prediction:
    return Prediction(
        taxonomy="iab-3.1",
        node_id=node,
        tier=IAB[node].tier,
        confidence=confidence,
        classifier="ranker",
        model_id="m",
        rank=rank,
        asserted=True,
    )


def own(node: str, confidence: float, rank: int) -> Prediction:
    return Prediction(
        taxonomy="mine",
        node_id=node,
        tier=1,
        confidence=confidence,
        classifier="nearest",
        model_id="n",
        rank=rank,
        asserted=True,
    )


def outcome(domain: str, *predictions: Prediction) -> Outcome:
    words = (Attribution(kind="word", name="goal", weight=0.4),)
    explanation = Explanation(
        taxonomy="iab-3.1",
        node_id=predictions[0].node_id,
        classifier="ranker",
        method="words",
        attributions=words,
        score=0.8,
        base_value=0.1,
    )
    return Outcome(
        domain=domain,
        kind="classified",
        predictions=predictions,
        explanations=(explanation,),
        final_url=f"https://{domain}/",
        started_at="2026-11-21T10:00:00+00:00",
    )


def test_every_site_has_its_json_line_in_the_shape_of_an_answer(run: Run, store: Path) -> None:
    done = run("export", str(store), "--format", "jsonl")
    assert [row["domain"] for row in done.rows] == ["club.example", "gone.example", "pets.example"]
    club, gone, _ = done.rows
    assert [c["path"] for c in club["categories"]] == ["Sports > Soccer", "Sports", "=HYPERLINK(1)"]
    assert club["openrtb"] == {"cat": [SOCCER], "cattax": 9}
    assert club["words"] == [{"text": "goal", "weight": 0.4}]
    assert club["fetched_at"] == "2026-11-21T10:00:00Z"
    assert (gone["outcome"], gone["detail"], gone["categories"]) == ("dns_failed", "nxdomain", [])


def test_csv_has_a_row_for_a_site_without_a_category(run: Run, store: Path) -> None:
    rows = read_csv(run("export", str(store), "--format", "csv").out)
    assert [(row["domain"], row["node_id"]) for row in rows] == [
        ("club.example", SOCCER),
        ("club.example", SPORTS),
        ("club.example", "f"),
        ("gone.example", ""),
        ("pets.example", PETS),
    ]


def test_csv_cells_that_a_spreadsheet_would_run_are_disarmed_unless_raw(
    run: Run, store: Path
) -> None:  # C17
    assert read_csv(run("export", str(store), "--format", "csv").out)[2]["name"] == "'=HYPERLINK(1)"
    raw = read_csv(run("export", str(store), "--format", "csv", "--raw").out)
    assert raw[2]["name"] == "=HYPERLINK(1)"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_each_first_letter_of_a_formula_is_disarmed(start: str) -> None:  # C17
    assert disarmed(f"{start}cmd") == f"'{start}cmd"
    assert disarmed(f"a{start}cmd") == f"a{start}cmd"
    assert rearmed(disarmed(f"{start}cmd")) == f"{start}cmd"


def test_csv_of_sql_is_disarmed_too(run: Run, store: Path) -> None:  # C17
    query = "SELECT name, -1.5 AS below FROM nodes WHERE node_id = 'f'"
    [row] = read_csv(run("sql", str(store), query, "--format", "csv").out)
    assert row == {"name": "'=HYPERLINK(1)", "below": "-1.5"}
    [row] = read_csv(run("sql", str(store), query, "--format", "csv", "--raw").out)
    assert row["name"] == "=HYPERLINK(1)"


def test_numbers_are_left_alone() -> None:
    assert (disarmed(-1.5), disarmed(None)) == (-1.5, None)


@pytest.mark.parametrize("name", ["mine", "mine.csv", "./mine.csv"])
def test_a_taxonomy_of_ones_own_is_named_as_in_the_crawl(run: Run, store: Path, name: str) -> None:
    rows = read_csv(run("export", str(store), "--format", "csv", "--taxonomy", name).out)
    assert [row["node_id"] for row in rows] == ["f", "", ""]


def test_parquet_keeps_types_and_rows(run: Run, store: Path, tmp_path: Path) -> None:
    target = tmp_path / "sites.parquet"
    done = run("export", str(store), "-o", str(target))
    assert "5 rows" in done.err
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT domain, confidence, tier FROM read_parquet(?) WHERE node_id = ?",
            [str(target), SOCCER],
        ).fetchall()
    assert found == [("club.example", 0.8, 2)]
    assert list(tmp_path.iterdir()) == [target]


def test_openrtb_gives_the_deepest_categories_with_their_cattax(run: Run, store: Path) -> None:
    assert run("export", str(store), "--format", "openrtb").rows == [
        {"site": {"domain": "club.example", "cat": [SOCCER], "cattax": 9}},
        {"site": {"domain": "pets.example", "cat": [PETS], "cattax": 9}},
    ]


def test_openrtb_in_another_version_comes_by_crosswalk(run: Run, store: Path) -> None:
    done = run("export", str(store), "--format", "openrtb", "--taxonomy", "IAB Content 1.0")
    assert done.rows == [
        {"site": {"domain": "club.example", "cat": ["IAB17-44"], "cattax": 1}},
        {"site": {"domain": "pets.example", "cat": ["IAB16"], "cattax": 1}},
    ]
    answers = run("export", str(store), "--format", "jsonl", "--taxonomy", "iab-1.0").rows
    assert [c["relation"] for c in answers[0]["categories"]] == ["exact", "exact"]
    assert len(answers) == 3


@pytest.mark.parametrize("category", ["Sports", "sports", "Sports > Soccer", SPORTS, SOCCER])
def test_a_block_list_holds_all_below_a_category(run: Run, store: Path, category: str) -> None:
    done = run("export", str(store), "--format", "blocklist", "--category", category)
    assert done.out == "club.example\n"


def test_a_block_list_of_two_categories_above_a_confidence(run: Run, store: Path) -> None:
    arguments = ("export", str(store), "--format", "blocklist", "--category", "Sports")
    both = run(*arguments, "--category", "Pets")
    assert both.out == "club.example\npets.example\n"
    sure = run(*arguments, "--category", "Pets", "--min-confidence", "0.75")
    assert sure.out == "club.example\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--format", "blocklist"), 2, "needs --category"),
        (("--format", "parquet"), 2, "name a file"),
        (("--format", "blocklist", "--category", "Sprots"), 2, "did you mean 'Sports'"),
        (("--format", "jsonl", "--taxonomy", "iab-3.11"), 2, "did you mean 'iab-3.1'"),
        (("-o", "sites.xlsx"), 2, "say which format"),
    ],
)
def test_a_mistake_names_the_cure(
    run: Run, store: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run("export", str(store), *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_file_is_whole_or_not_there(run: Run, store: Path, tmp_path: Path) -> None:
    done = run("export", str(store), "-o", str(tmp_path / "no" / "sites.csv"))
    assert done.code == 1
    assert "cannot be written: No such file or directory" in done.err
    target = tmp_path / "sites.jsonl"
    assert run("export", str(store), "-o", str(target)).code == 0
    assert len([json.loads(line) for line in target.read_text().splitlines()]) == 3
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("shape", ["csv", "jsonl", "openrtb"])
@pytest.mark.parametrize("options", [(), ("--taxonomy", "iab-1.0"), ("--category", "Pets")])
def test_reading_a_few_sites_at_a_time_gives_the_same_file(
    run: Run, store: Path, shape: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("export", str(store), "--format", shape, *options)
    whole = run(*arguments)
    monkeypatch.setattr(export, "SITES_AT_ONCE", 1)
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 1)
    assert run(*arguments) == whole


def test_an_empty_store_gives_an_empty_file(run: Run, tmp_path: Path) -> None:
    path, target = tmp_path / "empty.duckdb", tmp_path / "sites.parquet"
    with StoreWriter(path, settings=Settings(), command="crawl", taxonomies=[IAB]):
        pass
    assert run("export", str(path), "--format", "jsonl").out == ""
    assert len(read_csv(run("export", str(path), "--format", "csv").out)) == 0
    assert "0 rows" in run("export", str(path), "-o", str(target)).err


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))
