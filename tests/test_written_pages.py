"""The small written test set names real nodes and covers the taxonomy."""

import json
from collections import Counter
from pathlib import Path

from taxocrawl import words
from taxocrawl.taxonomies import formats

FILE = Path(__file__).parent / "written_pages.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def test_every_row_names_a_node_and_its_root() -> None:
    taxonomy = formats.load("iab-3.1")
    for row in ROWS:
        assert taxonomy[taxonomy.lineage(row["node_id"])[0]].name == row["tier1"], row["id"]


def test_ids_are_unique_and_texts_as_long_as_a_short_home_page() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert [row["id"] for row in ROWS if not 60 <= words.count(row["text"]) <= 150] == []


def test_at_least_thirty_roots_and_eleven_languages() -> None:
    assert len({row["tier1"] for row in ROWS}) >= 30
    languages = Counter(row["language"] for row in ROWS)
    assert len(languages) == 11
    assert languages["en"] >= 80
