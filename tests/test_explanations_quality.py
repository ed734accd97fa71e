"""The explanations: those of the shipped model are the measured ones, and as faithful as said."""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "quality"))

import explanations  # noqa: E402
import gate  # noqa: E402

from taxocrawl.plugins import loading  # noqa: E402
from taxocrawl.plugins.registry import Registry  # noqa: E402
from taxocrawl.records import Document  # noqa: E402
from taxocrawl.settings import Settings  # noqa: E402
from taxocrawl.training import dataset  # noqa: E402


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What `quality/explanations.py --write` found."""
    if not explanations.RESULTS.is_file():
        pytest.skip(
            f"{explanations.RESULTS.name} is missing: python quality/explanations.py --write"
        )
    found: dict[str, Any] = json.loads(explanations.RESULTS.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def registry() -> Registry:
    return loading.load(Settings())


@pytest.fixture(scope="module")
def pages(data: Path) -> list[Document]:
    """Pages of the gate from their stored texts: parsing their HTML takes most of a minute."""
    table = parquet.read_table(
        data / "pages" / "labels.parquet", filters=[("split", "=", "gate"), ("status", "=", "ok")]
    )
    return [dataset.text_document(row) for row in table.slice(0, 24).to_pylist()]


def test_the_shipped_model_was_measured(registry: Registry, measured: dict[str, Any]) -> None:
    assert measured["model_sha256"] == gate.model_sha256(registry.model_folder())


def test_words_carry_the_answer_on_the_gate(measured: dict[str, Any]) -> None:
    found = measured["faithfulness"]
    for test in ("deletion", "insertion"):
        assert found[test] >= explanations.FLOORS[test]


@pytest.mark.parametrize("pair", ["words_lime", "words_anchors", "lime_anchors"])
def test_methods_agree_beyond_chance(pair: str, measured: dict[str, Any]) -> None:
    assert measured["agreement"][pair]["margin"] >= explanations.FLOORS[f"{pair}_margin"]


def test_two_runs_gave_the_same_bytes(measured: dict[str, Any]) -> None:
    assert measured["repeatable"] is True


@pytest.mark.data
def test_on_a_sample_it_is_as_measured(registry: Registry, pages: list[Document]) -> None:
    found = explanations.faithfulness(registry, pages)
    assert found.named == len(pages)
    assert found.deletion >= 0.85  # 24 pages: four may fail where two in a hundred do
    assert found.without_top < found.without_random
    assert found.only_top > found.only_random
