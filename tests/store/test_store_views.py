import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from store_samples import (
    QUICK,
    ask,
    baking,
    classified,
    explanation,
    failed,
    full_outcome,
    line,
    prediction,
    write,
)

from taxocrawl.errors import StoreError
from taxocrawl.records import Attribution, Outcome
from taxocrawl.store.importances import StoredImportance, replace_importances
from taxocrawl.store.labels import Label, add_labels, remove_labels
from taxocrawl.store.reader import StoreReader
from taxocrawl.store.writer import StoreWriter
from taxocrawl.taxonomies import formats

YOUTH = (prediction("3", 0.6, rank=1), prediction("2", 0.7), prediction("1", 0.8))
UNSURE = (
    prediction("5", 0.2, rank=1, asserted=False),
    prediction("2", 0.1, rank=2, asserted=False),
)


def also(outcome: Outcome, *predictions: Any) -> Outcome:
    return dataclasses.replace(outcome, predictions=(*outcome.predictions, *predictions))


def word(name: str, weight: float) -> Attribution:
    return Attribution(kind="word", name=name, weight=weight)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """club changes from baking to soccer and gone stops answering; the rest is in one run only."""
    path = tmp_path_factory.mktemp("views") / "sites.duckdb"
    write(path, classified("club.example", baking()), classified("gone.example"))
    goal = explanation("words", (word("goal", 0.4), word("oven", -0.1)))
    write(
        path,
        full_outcome("club.example"),
        failed("gone.example"),
        dataclasses.replace(classified("youth.example", YOUTH), explanations=(goal,)),
        dataclasses.replace(classified("bakery.example", baking()), explanations=()),
        dataclasses.replace(failed("unsure.example", "uncertain", ""), predictions=UNSURE),
        failed("late.example", "interrupted", ""),
        also(classified("torn.example"), prediction("5", 0.5, rank=1, classifier="nearest")),
    )
    return path


def test_site_categories_are_those_of_the_newest_run_with_names(two_runs: Path) -> None:
    assert ask(
        two_runs,
        "SELECT domain, name, path, tier, parent_id, confidence, rank, decided_by "
        "FROM site_categories WHERE domain IN ('club.example', 'gone.example', 'unsure.example') "
        "ORDER BY tier",
    ) == [
        ("club.example", "Sports", "Sports", 1, None, 0.9, None, "ranker"),
        ("club.example", "Soccer", "Sports > Soccer", 2, "1", 0.8, 1, "ranker"),
    ]


def test_page_categories_name_the_page(two_runs: Path) -> None:
    assert ask(two_runs, "SELECT url, path, confidence FROM page_categories ORDER BY tier") == [
        ("https://club.example/", "Food", 0.75),
        ("https://club.example/", "Food > Baking", 0.7),
    ]


def test_a_stopped_visit_does_not_hide_the_run_before(path: Path) -> None:
    write(path, classified("a.example"))
    write(path, failed("a.example", "interrupted", ""))
    assert ask(path, "SELECT path FROM site_categories ORDER BY tier DESC LIMIT 1") == [
        ("Sports > Soccer",)
    ]


def test_in_category_gives_everything_below_once_a_site(two_runs: Path) -> None:
    def within(category: str) -> set[str]:
        return set(ask(two_runs, "SELECT domain, path FROM in_category(?)", (category,)))

    soccer_sites = {
        ("club.example", "Sports > Soccer"),
        ("torn.example", "Sports > Soccer"),
        ("youth.example", "Sports > Soccer > Youth Soccer"),
    }
    assert within("Sports") == within("sports") == within("1") == soccer_sites
    assert within("sports > soccer") == soccer_sites
    assert within("Youth Soccer") == {("youth.example", "Sports > Soccer > Youth Soccer")}
    assert within("Chess") == set()


@pytest.mark.parametrize(
    "site", ["youth.example", "https://www.Youth.example/page?x=1", " youth.example "]
)
def test_why_gives_the_evidence(two_runs: Path, site: str) -> None:
    assert ask(two_runs, "SELECT outcome, path, method, evidence, weight FROM why(?)", (site,)) == [
        ("classified", "Sports > Soccer > Youth Soccer", None, None, None),
        ("classified", "Sports > Soccer", "words", "goal", 0.4),
        ("classified", "Sports > Soccer", "words", "oven", -0.1),
        ("classified", "Sports", None, None, None),
    ]


def test_why_says_how_a_failed_site_ended(two_runs: Path) -> None:
    assert ask(two_runs, "SELECT outcome, detail, message, path FROM why('gone.example')") == [
        ("timeout", "body", "gone.example: timeout: body", None)
    ]
    assert ask(two_runs, "FROM why('never.example')") == []


def test_category_words_count_sites_and_weights(two_runs: Path) -> None:
    assert ask(
        two_runs,
        "SELECT path, word, n_sites, round(total_weight, 3) FROM category_words "
        "WHERE word IN ('goal', 'oven') ORDER BY word",
    ) == [("Sports > Soccer", "goal", 1, 0.4), ("Sports > Soccer", "oven", 1, -0.1)]


def test_disagreements_name_both_sides(two_runs: Path) -> None:
    assert ask(two_runs, "SELECT domain, by_a, path_a, by_b, path_b FROM disagreements") == [
        ("torn.example", "nearest", "Food > Baking", "ranker", "Sports > Soccer")
    ]


def test_outcomes_count_the_lines_of_each_run(two_runs: Path) -> None:
    counts = ask(two_runs, "SELECT outcome, n, round(share, 3) FROM outcomes")
    assert counts == [
        ("classified", 4, 0.571),
        ("interrupted", 1, 0.143),
        ("timeout", 1, 0.143),
        ("uncertain", 1, 0.143),
        ("classified", 2, 1.0),
    ]


def test_changes_are_between_the_two_newest_runs_of_a_site(two_runs: Path) -> None:
    rows = ask(
        two_runs,
        "SELECT domain, change, before, after FROM changes ORDER BY domain, change, node_id",
    )
    assert rows == [
        ("club.example", "gained", None, "Sports"),
        ("club.example", "gained", None, "Sports > Soccer"),
        ("club.example", "lost", "Food", None),
        ("club.example", "lost", "Food > Baking", None),
        ("gone.example", "lost", "Sports", None),
        ("gone.example", "lost", "Sports > Soccer", None),
        ("gone.example", "outcome", "classified", "timeout"),
    ]


def test_openrtb_holds_the_deepest_categories_with_their_code(two_runs: Path) -> None:
    assert ask(two_runs, "SELECT domain, cat, cattax FROM openrtb ORDER BY domain") == [
        ("bakery.example", ["5"], 500),
        ("club.example", ["2"], 500),
        ("torn.example", ["2"], 500),
        ("youth.example", ["3"], 500),
    ]


def test_iab_answers_in_other_versions_of_the_taxonomy(tmp_path: Path) -> None:
    path = tmp_path / "iab.duckdb"
    taxonomy = formats.load("iab-3.1")
    soccer = next(node.id for node in taxonomy if node.name == "Soccer")
    predictions = tuple(
        prediction("1", 0.9, taxonomy="iab-3.1", node_id=node_id, tier=tier)
        for tier, node_id in enumerate(taxonomy.lineage(soccer), 1)
    )
    with StoreWriter(path, settings=QUICK, command="crawl", taxonomies=[taxonomy]) as store:
        store.add(classified("club.example", predictions), line(1, "club.example"))
    names = "SELECT name, relation FROM iab('club.example', ?)"
    assert ("Soccer", "exact") in ask(path, names, ("2.2",))
    assert ("Soccer", "exact") in ask(path, names, ("3.1",))
    assert ask(path, f"{names} WHERE tier = 2", ("1.0",))


# --- labels


def categories(path: Path, domain: str) -> list[tuple[Any, ...]]:
    return ask(
        path,
        "SELECT path, confidence, decided_by FROM site_categories WHERE domain = ? ORDER BY path",
        (domain,),
    )


def test_a_label_wins_at_once_and_can_be_taken_back(path: Path) -> None:
    write(path, classified("a.example"), classified("b.example"))
    machine = categories(path, "a.example")
    add_labels(path, [Label(domain="a.example", taxonomy="topics", node_id="5", labelled_by="me")])
    assert categories(path, "a.example") == [
        ("Food", 1.0, "label"),
        ("Food > Baking", 1.0, "label"),
    ]
    assert categories(path, "b.example") == machine
    assert ask(path, "SELECT cat FROM openrtb WHERE domain = 'a.example'") == [(["5"],)]
    assert ask(path, "SELECT domain, by_a, path_a, by_b, path_b FROM disagreements") == [
        ("a.example", "label", "Food > Baking", "ranker", "Sports > Soccer")
    ]
    write(path, classified("a.example"))
    assert categories(path, "a.example")[0] == ("Food", 1.0, "label")
    remove_labels(path, domain="a.example", taxonomy="topics")
    assert categories(path, "a.example") == machine


def test_several_labels_stand_together(path: Path) -> None:
    add_labels(
        path,
        [Label(domain="a.example", taxonomy="topics", node_id=node) for node in ("5", "2", "5")],
    )
    assert [path for path, _, _ in categories(path, "a.example")] == [
        "Food",
        "Food > Baking",
        "Sports",
        "Sports > Soccer",
    ]


def test_what_a_site_is_not_is_struck_with_all_below(path: Path) -> None:
    write(path, classified("a.example", YOUTH))
    add_labels(path, [Label(domain="a.example", taxonomy="topics", node_id="2", verdict="is_not")])
    assert [path for path, _, _ in categories(path, "a.example")] == ["Sports"]


def test_a_person_may_say_that_nothing_fits(path: Path) -> None:
    write(path, classified("a.example"))
    add_labels(path, [Label(domain="a.example", taxonomy="topics", node_id=None)])
    assert categories(path, "a.example") == []


def test_a_label_on_a_page_leaves_the_site_alone(path: Path) -> None:
    write(path, full_outcome("a.example"))
    url = "https://a.example/"
    add_labels(path, [Label(domain="a.example", taxonomy="topics", node_id="1", url=url)])
    assert ask(path, "SELECT path, decided_by FROM page_categories") == [("Sports", "label")]
    assert categories(path, "a.example")[0][2] == "ranker"


@pytest.mark.parametrize(
    ("taxonomy", "node_id", "message"),
    [("topics", "Socer", "near it: .*Sports > Soccer"), ("other", "1", "it has topics")],
)
def test_a_label_that_names_nothing_is_refused(
    path: Path, taxonomy: str, node_id: str, message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        add_labels(path, [Label(domain="a.example", taxonomy=taxonomy, node_id=node_id)])
    assert ask(path, "FROM labels") == []


def test_importances_replace_those_of_the_same_model(path: Path) -> None:
    for value in (0.1, 0.2):
        rows = [StoredImportance(name="depth", kind="feature", importance=value)]
        replace_importances(path, model_id="m", taxonomy="topics", importances=rows)
    assert ask(path, "SELECT name, importance, members FROM importances") == [("depth", 0.2, [])]


# --- the reader


def test_the_reader_gives_back_what_was_written(two_runs: Path) -> None:
    outcome = full_outcome("club.example")
    answer = StoreReader(two_runs).site("club.example")
    assert answer is not None
    assert (answer.kind, answer.notes, answer.status) == ("classified", outcome.notes, 200)
    assert answer.plugin_failures == outcome.plugin_failures
    assert [c.path for c in answer.categories] == ["Sports > Soccer", "Sports"]
    assert [c.node_id for c in answer.candidates] == ["2"]
    by_method = {e.method: e for e in answer.explanations}
    assert by_method["shap"] == outcome.explanations[1]
    assert len(by_method["words"].attributions) == 10 + 5 + 1
    assert [(p.url, p.title, [c.path for c in p.categories]) for p in answer.pages] == [
        ("https://club.example/", "Our club", ["Food > Baking", "Food"])
    ]


def test_candidates_stand_where_nothing_is_asserted(two_runs: Path) -> None:
    answer = StoreReader(two_runs).site("unsure.example")
    assert answer is not None
    assert (answer.kind, answer.categories) == ("uncertain", ())
    assert [(c.path, c.confidence) for c in answer.candidates] == [
        ("Food > Baking", 0.2),
        ("Sports > Soccer", 0.1),
    ]


def test_an_unknown_site_has_no_answer_but_neighbours(two_runs: Path) -> None:
    reader = StoreReader(two_runs)
    assert reader.site("'); DROP TABLE sites; --") is None
    assert reader.site("yuth.example") is None
    assert reader.similar_domains("yuth.example")[0] == "youth.example"
    assert reader.similar_domains("zzzzzzzzzz") == ()


def test_runs_and_failures_are_listed(two_runs: Path) -> None:
    reader = StoreReader(two_runs)
    newest, oldest = reader.runs()
    assert (newest.state, dict(newest.outcomes)["classified"]) == ("finished", 4)
    assert oldest.outcomes == (("classified", 2),)
    assert [(f.domain, f.kind, f.retryable) for f in reader.failures()] == [
        ("gone.example", "timeout", True)
    ]
    assert len(reader.failures(retryable_only=True)) == 1


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        StoreReader(tmp_path / "none.duckdb").runs()


# --- the command-line shell of DuckDB 1.x

SHELL = Path(sys.executable).parent / "duckdb"
QUESTIONS = [
    *(f"FROM {view}" for view in ("site_categories", "page_categories", "category_words")),
    *(f"FROM {view}" for view in ("disagreements", "outcomes", "changes", "openrtb")),
    "FROM in_category('Sports')",
    "FROM why('youth.example')",
    "FROM iab('youth.example', '2.2')",
]


@pytest.mark.skipif(not SHELL.exists(), reason="duckdb-cli is not installed")
def test_the_shell_of_duckdb_1_gives_the_same_answers(two_runs: Path) -> None:
    counts = [f"SELECT count(*) FROM ({question})" for question in QUESTIONS]
    done = subprocess.run(
        [SHELL, "-readonly", "-list", "-noheader", two_runs, "; ".join(counts)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(ask(two_runs, count)[0][0]) for count in counts]


def test_views_use_no_path_and_no_function_that_reads(two_runs: Path) -> None:
    """A view must also work where a user's SQL runs, without files."""
    config = {"enable_external_access": "false"}
    with duckdb.connect(str(two_runs), read_only=True, config=config) as connection:
        for question in QUESTIONS:
            connection.execute(question).fetchall()
