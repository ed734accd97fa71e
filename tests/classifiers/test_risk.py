"""Risks: words found whole, contexts that speak against, a folder refused where it misfits."""

import json
from pathlib import Path

import numpy as np
import pytest
import xgboost

from taxocrawl.classifiers import form, forms_folder, risk
from taxocrawl.classifiers.forms_folder import FormsFolder, FormsManifest
from taxocrawl.classifiers.model_folder import write_checksums
from taxocrawl.classifiers.risk import CONTEXTS, FEATURE_NAMES, MONOTONE, TOPICS, RiskWords
from taxocrawl.errors import ModelError
from taxocrawl.records import FIELD_NAMES

WORDS = RiskWords()


def found(**fields: str) -> dict[str, dict[str, float]]:
    texts = [fields.get(name, "") for name in FIELD_NAMES]
    return dict(zip((*TOPICS, *CONTEXTS), WORDS.found(texts), strict=True))


def test_words_are_found_whole_and_folded() -> None:
    assert found(body="Our CASINO has Slots")["gambling"].keys() == {"casino", "slots"}
    assert found(body="A cassinoise, Sussex and Essex, analytics")["adult"] == {}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("最新博彩平台", "gambling"),
        ("онлайн казино", "gambling"),
        ("アダルト動画", "adult"),
        ("سكس", "adult"),
        ("bahis sitesi", "gambling"),
    ],
)
def test_words_of_other_scripts(text: str, topic: str) -> None:
    assert found(body=text)[topic]


def test_a_word_in_the_head_weighs_more() -> None:
    assert found(title="casino")["gambling"]["casino"] > found(body="casino")["gambling"]["casino"]


def test_contexts_are_found_beside_topics() -> None:
    groups = found(body="The museum shows pistols; police and pupils came")
    assert groups["weapons"]
    assert groups["history"]
    assert groups["news"]
    assert groups["education"]


def test_pair_features_have_a_place_for_each_topic() -> None:
    logits = np.zeros((2, len(TOPICS) + 1), dtype=np.float32)
    empty = [WORDS.found([""] * len(FIELD_NAMES))] * 2
    table = risk.pair_features(logits, empty, np.zeros(2, dtype=np.float32))
    assert table.shape == (2, len(TOPICS), len(FEATURE_NAMES))
    assert np.isfinite(table).all()
    assert len(MONOTONE) == len(FEATURE_NAMES)


def test_hostile_text_is_read() -> None:
    for text in ("\ud800\ud801", "casino" * 100_000, "\0" * 1000, "ﷺ" * 500, "a\u0301" * 3000):
        assert len(found(body=text, title=text)) == len(TOPICS) + len(CONTEXTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    counts = ("form",)
    boosters = {}
    for part, width in (
        ("form", 2 * len(form.FORMS) + len(form.form_features.feature_names(counts))),
        ("risk", len(FEATURE_NAMES)),
    ):
        table = xgboost.DMatrix(rng.random((8, width)), label=rng.integers(0, 2, 8), nthread=1)
        boosters[part] = xgboost.train({"nthread": 1}, table, num_boost_round=1)
    arrays = {part: {"bias": np.zeros(3, dtype=np.float32)} for part in ("form", "risk")}
    manifest = FormsManifest(
        id="f", encoder_sha256="e", counts=counts, form_temperature=1.0, risk_threshold=0.5
    )
    content = FormsFolder(manifest=manifest, arrays=arrays, boosters=boosters)
    forms_folder.write_forms(tmp_path / "forms", content, "a card")
    return tmp_path / "forms"


def test_a_written_folder_is_read_back(folder: Path) -> None:
    read = forms_folder.load_forms(folder)
    assert read.manifest.topics == TOPICS
    assert read.boosters["risk"].num_features() == len(FEATURE_NAMES)
    assert sorted(p.suffix for p in folder.iterdir() if p.suffix) == sorted(
        [".json", ".md", ".safetensors", ".safetensors", ".ubj", ".ubj"]
    )


@pytest.mark.parametrize(
    ("name", "value"), [("topics", ["adult"]), ("format", 99), ("forms", []), ("extra", 1)]
)
def test_a_folder_that_does_not_fit_is_refused(folder: Path, name: str, value: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    write_checksums(folder)
    with pytest.raises(ModelError, match=name if name != "extra" else "no model of forms"):
        forms_folder.load_forms(folder)


def test_a_changed_file_is_refused(folder: Path) -> None:
    (folder / "risk.ubj").write_bytes(b"other")
    with pytest.raises(ModelError, match="sha256"):
        forms_folder.load_forms(folder)
