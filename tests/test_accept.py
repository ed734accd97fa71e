"""The acceptance run's own judgement, on small stores written by hand."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "quality"))
import accept
from accept import Label

LABELS = (
    Label(
        host="a.example", language="en", split="gate", status="ok", primary="533", accepted=("533",)
    ),
    Label(
        host="b.example",
        language="en",
        split="gate",
        status="ok",
        primary="210",
        accepted=("210", "52"),
    ),
    Label(host="c.example", language="de", split="gate", status="ok", primary="1", accepted=("1",)),
    Label(
        host="d.example", language="en", split="train", status="ok", primary="1", accepted=("1",)
    ),
    Label(host="e.example", language="en", split="gate", status="parked", primary="", accepted=()),
)


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE inputs (line BIGINT, outcome VARCHAR, domain VARCHAR)")
        connection.execute("CREATE TABLE sites (domain VARCHAR)")
        connection.execute("CREATE TABLE pages (domain VARCHAR)")
        connection.execute(
            "CREATE TABLE predictions (classifier VARCHAR, taxonomy VARCHAR, domain VARCHAR, "
            "node_id VARCHAR, rank INTEGER, url VARCHAR)"
        )
        yield connection


def add_lines(store: duckdb.DuckDBPyConnection, *rows: tuple[int, str, str | None]) -> None:
    for row in rows:
        store.execute("INSERT INTO inputs VALUES (?, ?, ?)", row)


def test_each_line_once_is_sound(store: duckdb.DuckDBPyConnection) -> None:
    add_lines(store, (1, "classified", "a.example"), (2, "duplicate", "a.example"))
    add_lines(store, (3, "parked", "e.example"), (4, "invalid_input", None))
    lines = accept.read_lines(store, 4, LABELS)
    assert lines.sound
    assert lines.outcomes == {"classified": 1, "duplicate": 1, "parked": 1, "invalid_input": 1}
    assert lines.by_status == {
        "ok": {"classified": 1},
        "parked": {"parked": 1},
        "not labelled": {"invalid_input": 1},
    }


@pytest.mark.parametrize(
    ("given", "field", "numbers"),
    [(3, "lost", (3,)), (2, "doubled", (2,)), (1, "unasked", (2,))],
)
def test_a_line_lost_doubled_or_never_given_is_not_sound(
    store: duckdb.DuckDBPyConnection, given: int, field: str, numbers: tuple[int, ...]
) -> None:
    add_lines(store, (1, "classified", "a.example"), (2, "timeout", "b.example"))
    if field == "doubled":
        add_lines(store, (2, "classified", "b.example"))
    lines = accept.read_lines(store, given, LABELS)
    assert not lines.sound
    assert getattr(lines, field) == numbers


def test_a_site_stored_twice_is_not_sound(store: duckdb.DuckDBPyConnection) -> None:
    add_lines(store, (1, "classified", "a.example"))
    store.execute("INSERT INTO sites VALUES ('a.example'), ('a.example')")
    assert not accept.read_lines(store, 1, LABELS).sound


def test_accuracy_counts_only_first_choices_for_gate_sites(
    store: duckdb.DuckDBPyConnection,
) -> None:
    rows = [
        ("ranker", "iab-3.1", "a.example", "483", 1, None),  # right at tier 1, not deep enough
        ("ranker", "iab-3.1", "a.example", "1", 2, None),
        ("ranker", "iab-3.1", "b.example", "52", 1, None),  # an accepted alternative
        ("ranker", "iab-3.1", "d.example", "1", 1, None),  # a training site
        ("ranker", "iab-3.1", "c.example", "1", 1, "http://c.example/x"),  # of one page only
        ("ranker", "google", "c.example", "1", 1, None),  # of another taxonomy
    ]
    for row in rows:
        store.execute("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?)", row)
    english, other = accept.accuracies(store, LABELS)
    assert (english.language, english.pages, english.answered) == ("English", 2, 1.0)
    assert (english.tier1_primary, english.tier1_accepted) == (0.5, 1.0)
    assert (english.node_primary, english.node_accepted) == (0.0, 0.5)
    assert (other.language, other.pages, other.answered, other.tier1_accepted) == (
        "other",
        1,
        0.0,
        0.0,
    )


def test_the_list_holds_each_site_once_before_the_hostile_lines() -> None:
    lines = accept.list_of_lines(LABELS)
    assert lines[:5] == [label.host for label in LABELS]
    assert lines[5:10] == [
        "a.example",
        "www.b.example",
        "https://c.example/",
        "d.example.",
        "HTTP://e.example:80/",
    ]
    assert tuple(lines[-len(accept.HOSTILE) :]) == accept.HOSTILE


def test_the_tree_of_processes_starts_with_its_root_and_weighs_something() -> None:
    tree = accept.descendants(os.getpid())
    assert tree[0] == os.getpid()
    assert accept.proportional_size(os.getpid()) > 2**20
    assert accept.proportional_size(2**22 + 1) == 0
