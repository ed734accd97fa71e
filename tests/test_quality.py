"""The gate: the shipped model is the measured one, and as right as promised."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "quality"))

import gate  # noqa: E402
import gate_plots  # noqa: E402
import gate_refusals  # noqa: E402
import numpy as np  # noqa: E402

from taxocrawl.extraction.documents import from_text  # noqa: E402
from taxocrawl.plugins import loading  # noqa: E402
from taxocrawl.plugins.registry import Registry  # noqa: E402
from taxocrawl.settings import Settings  # noqa: E402
from taxocrawl.taxonomies.formats import load  # noqa: E402

FLOORS = {
    "en": {
        "tier1_primary": 0.82,
        "tier1_accepted": 0.955,
        "node_primary": 0.62,
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
REFUSED_FLOOR = 0.95
UNANSWERED_CEILING = 0.05
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


def test_texts_without_a_topic_are_refused(registry: Registry) -> None:
    refused = {
        kind: gate_refusals.refused(registry, "ranker", gate_refusals.noise(kind, n=20))
        for kind in gate_refusals.NOISE
    }
    assert all(share >= REFUSED_FLOOR for share in refused.values()), refused


def test_empty_shells_are_refused_by_their_status(registry: Registry) -> None:
    assert gate_refusals.refused(registry, "ranker", gate_refusals.shells(registry, n=12)) == 1


@pytest.mark.parametrize("kind", gate_refusals.NOISE)
def test_noise_is_the_same_each_time(kind: str) -> None:
    first, again = (gate_refusals.noise(kind, n=2) for _ in range(2))
    assert first == again
    assert first[0].text.strip() != first[1].text.strip()


def case(primary: str, language: str, **others: str) -> gate.Case:
    document = from_text(f"{primary}-{language}", text="x")
    return gate.Case(
        document=document,
        primary=primary,
        accepted=frozenset({primary}),
        language=language,
        **others,
    )


def test_frequent_languages_stand_alone_and_rare_ones_together() -> None:
    values = ["en"] * 3 + ["de"] * 2 + ["fr", "el"]
    found = gate.parted("language", values, 2)
    assert {name: int(rows.sum()) for name, rows in found.items()} == {
        "language de": 2,
        "language en": 3,
        "language, rare ones": 2,
    }
    assert gate.parted("source", ["", ""], 1) == {}


def test_macro_f1_is_that_of_frequent_nodes_by_hand() -> None:
    cases = [case("210", "en")] * 6 + [case("483", "en")]
    given = ["210"] * 3 + ["483"] * 3 + ["210"]
    rows = np.ones(7, dtype=bool)
    assert gate.macro_f1(cases, given, rows) == pytest.approx(2 * 3 / (6 + 4))
    assert gate.macro_f1(cases, given, ~rows) is None


def test_the_interval_of_a_share_holds_it() -> None:
    low, high = gate.interval(np.arange(100) < 80)
    assert low < 0.8 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.04, abs=0.03)


def test_pictures_are_small_and_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    curves = {"English": (rng.random(200), rng.random(200) < 0.7)}
    pairs = [("Sports", "Sports")] * 5 + [("Food & Drink", "Sports")]
    for path in (tmp_path / "a", tmp_path / "b"):
        gate_plots.reliability(path / "reliability.svg", curves)
        gate_plots.coverage(path / "coverage.svg", curves)
        gate_plots.confusion(path / "confusion.svg", pairs)
    for name in ("reliability.svg", "coverage.svg", "confusion.svg"):
        drawn = (tmp_path / "a" / name).read_bytes()
        assert drawn == (tmp_path / "b" / name).read_bytes()
        assert drawn.startswith(b"<?xml")
        assert len(drawn) < 60_000


@pytest.mark.data
@pytest.mark.slow
def test_the_floors_hold_on_the_gate(registry: Registry, data: Path) -> None:
    cases = gate.gate_cases(data, load(gate.TAXONOMY))
    assert len(cases) > 700
    marks, _ = gate.marked(registry.classifier("ranker"), cases)
    table = gate.groups(cases, marks)
    assert table["all"]["answered"] >= 1 - UNANSWERED_CEILING
    measured = {group: {name: table[group][name] for name in FLOORS[group]} for group in FLOORS}
    assert all(measured[g][name] >= floor for g in FLOORS for name, floor in FLOORS[g].items()), (
        measured
    )
    assert table["all"]["ece_tier1"] <= CALIBRATION_CEILING
    nearest = gate.groups(cases, gate.marked(registry.classifier("nearest"), cases)[0])
    assert nearest["en"]["tier1_accepted"] >= NEAREST_FLOOR
