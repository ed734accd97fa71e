"""Block-lists and answers by risk: presets choose topics and how sure they must be."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import duckdb
import pytest
from cli_samples import Run, site, write_run

from taxocrawl.classifiers.aspects import SiteAspects
from taxocrawl.extraction.documents import from_text
from taxocrawl.plugins import loading
from taxocrawl.records import Form, Risk
from taxocrawl.risks import PRESETS, RISKS
from taxocrawl.settings import RiskPreset, Settings


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("risks") / "sites.duckdb"
    sure = Risk(topic="gambling", confidence=0.95, reasons=("casino", "roulette"))
    unsure = Risk(topic="spam", confidence=0.6, reasons=("countdown",))
    shop = Form(word="shop", confidence=0.9, vector_id="1005")
    write_run(
        path,
        replace(site("bets.example", ("1", 0.9)), risks=(sure, unsure), form=shop),
        replace(site("maybe.example", ("4", 0.9)), risks=(unsure,)),
        site("plain.example", ("1", 0.8)),
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "domains"),
    [
        (("--preset", "brand-safety"), ["bets.example"]),
        (("--preset", "strict"), ["bets.example", "maybe.example"]),
        (("--preset", "family"), ["bets.example"]),
        (("--risk", "spam"), ["bets.example", "maybe.example"]),
        (("--risk", "spam", "--min-confidence", "0.7"), []),
        (("--risk", "gambling", "--category", "Food"), ["bets.example", "maybe.example"]),
    ],
    ids=["brand-safety", "strict", "family", "risk", "sure", "risk or category"],
)
def test_a_block_list_by_risk(
    run: Run, store: Path, arguments: tuple[str, ...], domains: list[str]
) -> None:
    done = run("export", str(store), "--format", "blocklist", *arguments)
    assert (done.code, done.out.splitlines()) == (0, domains)


def test_form_and_risks_stand_in_exported_answers(run: Run, store: Path) -> None:
    bets, maybe, plain = run("export", str(store), "--format", "jsonl").rows
    assert (bets["form"], bets["form_confidence"], bets["form_vector_id"]) == ("shop", 0.9, "1005")
    assert bets["risk"][0] == {
        "topic": "gambling",
        "confidence": 0.95,
        "reasons": ["casino", "roulette"],
    }
    assert [risk["topic"] for risk in maybe["risk"]] == ["spam"]
    assert (plain["form"], plain["risk"]) == (None, [])


def test_the_view_and_the_column_name_the_surest_risk(store: Path) -> None:
    with duckdb.connect(str(store), read_only=True) as connection:
        risky = connection.sql("SELECT domain, topic FROM risky").fetchall()
        columns = connection.sql("SELECT domain, form, risk FROM sites ORDER BY line").fetchall()
    assert risky[0] == ("bets.example", "gambling")
    assert columns == [
        ("bets.example", "shop", "gambling"),
        ("maybe.example", None, "spam"),
        ("plain.example", None, None),
    ]


def test_presets_and_risks_cannot_be_mixed(run: Run, store: Path) -> None:
    done = run("export", str(store), "--preset", "strict", "--risk", "spam", "--format", "csv")
    assert (done.code, done.out) == (2, "")
    assert "not both" in done.err


def test_presets_name_known_risks() -> None:
    assert all(set(preset.topics) <= set(RISKS) for preset in PRESETS.values())


def test_every_preset_is_a_value_of_the_setting() -> None:
    assert set(get_args(RiskPreset)) == {"", *PRESETS}


class SaysBoth:
    def read(self, documents: object, predictions: Sequence[object]) -> list[tuple[Risk, ...]]:
        both = Risk(topic="spam", confidence=0.9), Risk(topic="gambling", confidence=0.6)
        return [both for _ in predictions]


@pytest.mark.parametrize(
    ("preset", "told"),
    [(None, ["spam", "gambling"]), ("brand-safety", ["spam"]), ("family", ["gambling"])],
)
def test_with_a_preset_only_the_risks_that_count_are_told(
    preset: str | None, told: list[str]
) -> None:
    document = from_text("1", text="win big")
    aspects = SiteAspects(risk=SaysBoth(), preset=PRESETS[preset] if preset else None)
    [found] = aspects.read([document], [()])
    assert [risk.topic for risk in found.risks] == told


@pytest.mark.slow
def test_the_setting_chooses_the_preset() -> None:
    casino = from_text("1", text="Play online poker and roulette for real money at our casino")
    warez = from_text("2", text="Warez, keygen, crack and full movie torrent free download")
    told = {}
    for preset in ("", "family"):
        settings = Settings(preset=preset, aspects=("risk",))
        aspects = loading.load_builtins(settings).aspects()
        told[preset] = [
            [risk.topic for risk in found.risks]
            for found in aspects.read([casino, warez], [(), ()])
        ]
    assert told == {"": [["gambling"], ["piracy"]], "family": [["gambling"], []]}


def test_an_unknown_preset_names_the_known_ones(run: Run) -> None:
    refused = run("classify", "--text", "win big", "--preset", "nope")
    assert refused.code == 2
    assert "'brand-safety', 'strict', 'family'" in refused.err
