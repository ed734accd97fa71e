"""What the shipped model of form and risk promises, on pages that nothing was tuned on."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "quality"))

import forms  # noqa: E402

from taxocrawl.extraction import documents  # noqa: E402
from taxocrawl.plugins import loading  # noqa: E402
from taxocrawl.plugins.registry import Registry  # noqa: E402
from taxocrawl.settings import Settings  # noqa: E402

FORM_FLOOR = 0.75
LOOK_ALIKES_CEILING = 0.05
MISSED_CEILING = 0.15
GATE_ALARMS_CEILING = 0.01


@pytest.fixture(scope="module")
def registry() -> Registry:
    return loading.load(forms.SETTINGS)


@pytest.fixture(scope="module")
def results() -> forms.Table:
    return dict(json.loads(forms.RESULTS.read_text("utf-8")))


def test_the_shipped_model_is_the_one_that_was_measured(
    registry: Registry, results: forms.Table
) -> None:
    assert results["model_sha256"] == forms.model_sha256(registry), (
        "the model changed: run `python quality/forms.py --write` and commit quality/forms.json"
    )


def test_look_alikes_are_left_alone_and_risks_found(registry: Registry) -> None:
    cases = forms.written_pages()
    table = forms.risk_table(cases, forms.answers([page for page, _ in cases], registry))
    assert table["look_alikes_called_risky"] <= LOOK_ALIKES_CEILING, table
    assert table["look_alikes_called_adult_or_hate"] == 0
    assert table["risky_missed"] <= MISSED_CEILING, table


def test_the_kept_results_hold_the_floors(results: forms.Table) -> None:
    assert results["form"]["accuracy"] >= FORM_FLOOR
    assert results["risk_on_gate"]["called_risky"] <= GATE_ALARMS_CEILING


def test_every_risk_names_a_word_or_category(registry: Registry) -> None:
    text = "Online casino: free spins, roulette, blackjack and a jackpot. Place a bet and wager."
    (outcome,) = forms.answers([documents.from_text("1", text=text)], registry)
    assert [risk.topic for risk in outcome.risks] == ["gambling"]
    assert {"casino", "roulette"} & set(outcome.risks[0].reasons)


def test_a_text_without_an_address_has_no_form(registry: Registry) -> None:
    text = "Order your new bike online: basket, checkout, free delivery, returns within 30 days."
    bare = documents.from_text("1", text=text)
    known = documents.from_text("2", text=text, url="https://bikes.example/shop/basket")
    forms_of = [outcome.form for outcome in forms.answers([bare, known], registry)]
    assert forms_of[0] is None
    assert forms_of[1] is not None


@pytest.mark.parametrize(
    "text", ["\ud800 casino", "\0", "a" * 200_000, "\u0301" * 500, "بث مباشر " * 3_000, "<b>" * 900]
)
def test_hostile_texts_cost_no_answer(registry: Registry, text: str) -> None:
    found = documents.from_text("1", text=text, title=text, url="http://[")
    (outcome,) = forms.answers([found], registry)
    assert outcome.kind != "classifier_failed"


def test_no_aspect_is_given_that_was_not_asked_for() -> None:
    quiet = loading.load(Settings(explain=(), aspects=()))
    found = documents.from_text("1", text="Online casino with roulette and free spins tonight")
    (aspects,) = quiet.aspects().read([found], [()])
    assert (aspects.form, aspects.risks, aspects.tags) == (None, (), ())


@pytest.mark.data
@pytest.mark.slow
def test_the_form_of_gate_pages(registry: Registry, data: Path) -> None:
    pages = forms.gate_pages(data)
    assert len(pages) > 700
    outcomes = forms.answers([page.document for page in pages], registry)
    assert forms.form_table(pages, outcomes)["accuracy"] >= FORM_FLOOR
    assert forms.false_alarms(pages, outcomes)["called_risky"] <= GATE_ALARMS_CEILING
