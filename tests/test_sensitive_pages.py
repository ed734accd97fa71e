"""Health and sex education are not pornography: what looks sensitive and is not, and what is.

Sixty pages written for this project: thirty innocent ones, each with a sensitive node that a
careless reader would give it (`node_id`) and the roots that are right, and thirty real cases, some
with a plain node that is right `also` (Crime, Cigars).
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from taxocrawl import words
from taxocrawl.extraction.documents import from_text
from taxocrawl.plugins import loading
from taxocrawl.settings import Settings
from taxocrawl.taxonomies import formats

FILE = Path(__file__).parent / "sensitive_pages.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
INNOCENT = [row for row in ROWS if not row["sensitive"]]
REAL = [row for row in ROWS if row["sensitive"]]

# The shipped model has 1.00, .93 and .70; the one before it had 1.00, .90 and .80.
SPARED_FLOOR = 0.96
ROOT_FLOOR = 0.85
FOUND_FLOOR = 0.65


@pytest.fixture(scope="module")
def asserted() -> dict[str, list[str]]:
    """Nodes that the shipped classifier asserts for each page, the first choice first."""
    texts = [
        from_text(r["id"], text=r["body"], title=r["title"], description=r["description"])
        for r in ROWS
    ]
    answers = loading.load(Settings()).classifier("ranker").classify(texts)
    ranked = [sorted(answer, key=lambda p: p.rank or 99) for answer in answers]
    return {
        row["id"]: [p.node_id for p in answer if p.asserted]
        for row, answer in zip(ROWS, ranked, strict=True)
    }


def right_share(rows: list[dict[str, Any]], wrong: list[Any]) -> float:
    return 1 - len(wrong) / len(rows)


def test_innocent_pages_get_no_sensitive_node(asserted: dict[str, list[str]]) -> None:
    iab = formats.load("iab-3.1")
    sensitive = {node.id for node in iab if "sensitive" in node.flags}
    wrong = [row["id"] for row in INNOCENT if sensitive & set(asserted[row["id"]])]
    assert right_share(INNOCENT, wrong) >= SPARED_FLOOR, wrong


def test_innocent_pages_get_a_right_root_or_none(asserted: dict[str, list[str]]) -> None:
    iab = formats.load("iab-3.1")
    given = {row["id"]: [iab.path(node) for node in asserted[row["id"]][:1]] for row in INNOCENT}
    wrong = [
        (row["id"], path)
        for row in INNOCENT
        for path in given[row["id"]]
        if path.split(" > ")[0] not in row["roots"]
    ]
    assert right_share(INNOCENT, wrong) >= ROOT_FLOOR, wrong


def test_real_cases_are_found(asserted: dict[str, list[str]]) -> None:
    missed = [
        row["id"] for row in REAL if not {row["node_id"], *row["also"]} & set(asserted[row["id"]])
    ]
    assert right_share(REAL, missed) >= FOUND_FLOOR, missed


def test_half_of_the_pages_are_innocent_and_all_sensitive_nodes_are_met() -> None:
    iab = formats.load("iab-3.1")
    sensitive = {node.id for node in iab if "sensitive" in node.flags and node.parent_id}
    assert len(INNOCENT) == len(REAL) == 30
    assert {row["node_id"] for row in REAL} == sensitive
    assert {row["node_id"] for row in INNOCENT} == sensitive
    assert Counter(row["node_id"] for row in INNOCENT)["Rm3SiT"] >= 8
    roots = {iab[root].name for root in iab.roots}
    assert all(set(row["roots"]) <= roots for row in INNOCENT)
    assert all(node in iab for row in REAL for node in row["also"])


def test_pages_are_short_and_whole() -> None:
    assert [row["id"] for row in ROWS if not 40 <= words.count(row["body"]) <= 85] == []
    assert all(row["title"] and row["description"] for row in ROWS)
    assert len({row["id"] for row in ROWS}) == len(ROWS)
