"""The gate: the shipped model is the measured one, and as right as promised."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "quality"))

import gate  # noqa: E402

from taxocrawl.plugins import loading  # noqa: E402
from taxocrawl.plugins.registry import Registry  # noqa: E402
from taxocrawl.settings import Settings  # noqa: E402
from taxocrawl.taxonomies.formats import load  # noqa: E402

FLOORS = {
    "en": {
        "tier1_primary": 0.82,
        "tier1_accepted": 0.955,
        "node_primary": 0.61,
        "node_accepted": 0.85,
        "tier1_accepted_at_80": 0.98,
    },
    "other": {
        "tier1_primary": 0.66,
        "tier1_accepted": 0.82,
        "node_primary": 0.45,
        "node_accepted": 0.65,
    },
}
NEAREST_FLOOR = 0.78
CALIBRATION_CEILING = 0.04
WRITTEN_FLOORS = {"en": 0.92, "other": 0.8}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return loading.load(Settings())


@pytest.fixture(scope="module")
def results() -> dict[str, object]:
    return dict(json.loads(gate.RESULTS.read_text("utf-8")))


def test_the_shipped_model_is_the_one_that_was_measured(
    registry: Registry, results: dict[str, object]
) -> None:
    assert results["model_sha256"] == gate.model_sha256(registry.model_folder()), (
        "the model changed: run `make quality` and commit quality/results.json"
    )


@pytest.mark.parametrize("group", ["en", "other"])
def test_texts_written_for_the_project_get_their_root(registry: Registry, group: str) -> None:
    cases = [c for c in gate.written_cases() if (c.language == "en") == (group == "en")]
    marks, _ = gate.marked(registry.classifier("ranker"), cases)
    assert marks.hits["tier1_primary"].mean() >= WRITTEN_FLOORS[group]


def test_random_letters_are_mostly_refused(registry: Registry) -> None:
    assert gate.refused_noise(registry.classifier("ranker"), "random letters", n=40) >= 0.7


@pytest.mark.data
@pytest.mark.slow
def test_the_floors_hold_on_the_gate(registry: Registry, data: Path) -> None:
    cases = gate.gate_cases(data, load(gate.TAXONOMY))
    assert len(cases) > 700
    table = gate.groups(cases, gate.marked(registry.classifier("ranker"), cases)[0])
    measured = {group: {name: table[group][name] for name in FLOORS[group]} for group in FLOORS}
    assert all(measured[g][name] >= floor for g in FLOORS for name, floor in FLOORS[g].items()), (
        measured
    )
    assert table["all"]["ece_tier1"] <= CALIBRATION_CEILING
    nearest = gate.groups(cases, gate.marked(registry.classifier("nearest"), cases)[0])
    assert nearest["en"]["tier1_accepted"] >= NEAREST_FLOOR
