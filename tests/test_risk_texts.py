"""The written risk pages and the training texts: enough of both, and none in both."""

import json
from collections import Counter
from pathlib import Path

from taxocrawl import words
from taxocrawl.risks import RISKS
from taxocrawl.training import risk_fit

PAGES = [
    json.loads(line)
    for line in (Path(__file__).parent / "risk_pages.jsonl").read_text("utf-8").splitlines()
]
TEXTS = [
    line.split("\t")
    for line in (Path(risk_fit.__file__).parent / "risk_texts.tsv").read_text("utf-8").splitlines()
]


def test_the_pages_are_as_many_and_as_long_as_promised() -> None:
    topics = Counter(page["topic"] for page in PAGES)
    assert topics.pop("") >= 120
    assert sum(topics.values()) >= 60
    assert set(topics) == set(RISKS)
    assert len({page["language"] for page in PAGES}) >= 6
    assert len({page["id"] for page in PAGES}) == len(PAGES)
    assert [p["id"] for p in PAGES if not 60 <= words.count(p["text"]) <= 120] == []


def test_the_training_texts_are_many_and_name_known_risks() -> None:
    assert len(TEXTS) >= 300
    assert {topic for topic, _, _ in TEXTS} == {"", *RISKS}
    assert len({language for _, language, _ in TEXTS}) >= 10


def test_no_training_text_is_taken_from_a_test_page() -> None:
    def runs(text: str) -> set[tuple[str, ...]]:
        found = words.words(text)
        return {tuple(found[i : i + 6]) for i in range(len(found) - 5)}

    seen = set().union(*(runs(f"{p['title']} {p['description']} {p['text']}") for p in PAGES))
    assert [text for _, _, text in TEXTS if runs(text) & seen] == []
