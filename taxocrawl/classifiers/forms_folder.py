"""The model of form and risk on disk: one folder, no pickle, no encoder of its own."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from taxocrawl.classifiers import form, form_features, risk
from taxocrawl.classifiers.model_folder import CHECKSUMS, MANIFEST, Arrays, verify, write_checksums
from taxocrawl.errors import ModelError

FORMAT: Final = 1
PARTS: Final = ("form", "risk")
ENCODER_FILES: Final = ("  encoder/model.safetensors", "  encoder/tokenizer.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormsManifest:
    """What the folder says of itself in `model.json`.

    `encoder_sha256` is of the encoder whose tokens and vectors it was trained on (see
    `encoder_sha256`), `counts` the counts of `Structure` that are features, `risk_threshold` the
    probability, as trained, from which a risk is asserted.
    """

    id: str
    encoder_sha256: str
    counts: tuple[str, ...]
    form_temperature: float
    risk_threshold: float
    forms: tuple[str, ...] = form.FORMS
    topics: tuple[str, ...] = risk.TOPICS
    risk_features: tuple[str, ...] = risk.FEATURE_NAMES
    metrics: Mapping[str, float] = field(default_factory=dict)
    data_fingerprint: str = ""
    licence: str = "Apache-2.0"
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class FormsFolder:
    """A checked folder."""

    manifest: FormsManifest
    arrays: Mapping[str, Arrays]
    boosters: Mapping[str, xgboost.Booster]


def encoder_sha256(folder: Path) -> str:
    """Fingerprint of the vocabulary and vectors in a model folder, from its checksums.

    They were verified when the model was loaded; hashing 45 MB again would take .1 s.
    """
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    own = sorted(line for line in lines if line.endswith(ENCODER_FILES))
    return hashlib.sha256("\n".join(own).encode()).hexdigest()


def load_forms(folder: Path) -> FormsFolder:
    """The folder's content; ModelError names the file, what was expected and what was found."""
    verify(folder)
    manifest = read_forms_manifest(folder)
    arrays, boosters = {}, {}
    for part in PARTS:
        try:
            arrays[part] = load_file(folder / f"{part}.safetensors")
            boosters[part] = xgboost.Booster({"nthread": 1})
            boosters[part].load_model(str(folder / f"{part}.ubj"))
        except (OSError, SafetensorError, xgboost.core.XGBoostError) as error:
            raise ModelError(f"{folder / part}.* cannot be read: {error}") from error
    names = form_features.feature_names(manifest.counts)
    for part, expected in (
        ("form", 2 * len(form.FORMS) + len(names)),
        ("risk", len(risk.FEATURE_NAMES)),
    ):
        if boosters[part].num_features() != expected:
            found = boosters[part].num_features()
            raise ModelError(f"{folder / part}.ubj has {found} features, expected {expected}")
    return FormsFolder(manifest=manifest, arrays=arrays, boosters=boosters)


def read_forms_manifest(folder: Path) -> FormsManifest:
    """`model.json` checked against what this code can run."""
    path = folder / MANIFEST
    try:
        table = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    names = {f.name for f in dataclasses.fields(FormsManifest)}
    if not isinstance(table, dict) or table.keys() != names:
        raise ModelError(f"{path}: no model of forms (it must hold {', '.join(sorted(names))})")
    expected = {
        "format": FORMAT,
        "forms": list(form.FORMS),
        "topics": list(risk.TOPICS),
        "risk_features": list(risk.FEATURE_NAMES),
    }
    for name, value in expected.items():
        if table[name] != value:
            raise ModelError(f"{path}: {name}: expected {value!r}, found {table[name]!r}")
    tupled: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return FormsManifest(**tupled)


def write_forms(folder: Path, content: FormsFolder, card: str) -> None:
    """All files of the folder; checksums come last."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        path = folder / f"{part}.safetensors"
        save_file({k: np.ascontiguousarray(v) for k, v in content.arrays[part].items()}, path)
        path.chmod(0o644)  # safetensors makes it private
        content.boosters[part].save_model(str(folder / f"{part}.ubj"))
    text = json.dumps(dataclasses.asdict(content.manifest), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    write_checksums(folder)
