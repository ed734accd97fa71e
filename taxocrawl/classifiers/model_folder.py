"""A model on disk: one folder, no pickle, refused with both values where it does not fit.

`model.json` says what it is, `SHA256SUMS` what every other file must be, `encoder/` is a
sentence-transformers folder.
"""

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.reading import FIELD_LETTERS
from taxocrawl.classifiers.scope import Scope
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.errors import ModelError
from taxocrawl.taxonomies.tree import Taxonomy

FORMAT = 1
MANIFEST = "model.json"
CHECKSUMS = "SHA256SUMS"
RANKER = "ranker.ubj"
IMPORTANCES = "importances.json"
ARRAYS = ("linear", "prototypes", "neighbours")

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a model says of itself in `model.json`.

    `temperature` divides the ranker's margins before their softmax. `sensitive` are ids of nodes
    with a higher bar. `metrics` are for people and for the card.
    """

    id: str
    taxonomy: str
    taxonomy_sha256: str
    encoder: str
    dimension: int
    feature_names: tuple[str, ...] = FEATURE_NAMES
    field_letters: tuple[int, ...] = FIELD_LETTERS
    temperature: float = 1.0
    n_candidates: int = 40
    tiers: Tiers = field(default_factory=Tiers)
    scope: Scope = field(default_factory=Scope)
    sensitive: tuple[str, ...] = ()
    data_fingerprint: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    xgboost: str = xgboost.__version__
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureImportance:
    """How much one feature, or a group of features that say the same, matters to the ranker.

    `importance` is the fall of accuracy on held-out pages when its values are shuffled, `deviation`
    its spread over repeats; `gain` what it saved the trees while they learned, None for a group.
    """

    name: str
    kind: str
    importance: float
    deviation: float
    gain: float | None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A checked model folder: its manifest, arrays by file and name, and the ranker."""

    path: Path
    manifest: Manifest
    arrays: Mapping[str, Arrays]
    ranker: xgboost.Booster

    @property
    def encoder(self) -> Path:
        """The folder of the encoder."""
        return self.path / "encoder"


def load_model(folder: Path, taxonomy: Taxonomy | None = None) -> ModelFolder:
    """The model; ModelError names the file, what was expected and what was found (M01-M03)."""
    verify(folder)
    manifest = read_manifest(folder)
    if taxonomy is not None and taxonomy.sha256 != manifest.taxonomy_sha256:
        raise ModelError(
            f"{folder} was trained for {manifest.taxonomy} with sha256 "
            f"{manifest.taxonomy_sha256}; this taxonomy {taxonomy.name} has {taxonomy.sha256}"
        )
    arrays = {name: _read_arrays(folder / f"{name}.safetensors") for name in ARRAYS}
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(str(folder / RANKER))
    except xgboost.core.XGBoostError as error:
        raise ModelError(f"{folder / RANKER} cannot be read: {error}") from error
    if booster.num_features() != len(manifest.feature_names):
        raise ModelError(
            f"{folder / RANKER} has {booster.num_features()} features, "
            f"{MANIFEST} names {len(manifest.feature_names)}"
        )
    _check_shapes(folder, manifest, arrays, None if taxonomy is None else len(taxonomy))
    return ModelFolder(path=folder, manifest=manifest, arrays=arrays, ranker=booster)


def verify(folder: Path) -> Mapping[str, str]:
    """sha256 of every file by name; ModelError where one is missing, changed or too many."""
    path = folder / CHECKSUMS
    if not path.is_file():
        raise ModelError(f"{folder} is no model folder: it has no {CHECKSUMS}")
    expected: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        digest, separator, name = line.partition("  ")
        if not separator or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ModelError(f"{path}, line {number}: {line[:100]!r} is no checksum and name")
        expected[name] = digest
    if MANIFEST not in expected:
        raise ModelError(f"{path} does not list {MANIFEST}")
    for name, digest in expected.items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name} is missing; {CHECKSUMS} expects {digest}")
        found = _sha256(folder / name)
        if found != digest:
            raise ModelError(f"{folder / name}: expected sha256 {digest}, found {found}")
    extra = {name for name in _files(folder) if name not in expected}
    if extra:
        raise ModelError(f"{folder} has files that {CHECKSUMS} does not list: {sorted(extra)}")
    return expected


def read_manifest(folder: Path) -> Manifest:
    """`model.json` checked against what this code can run."""
    path = folder / MANIFEST
    try:
        table = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise ModelError(f"{path} holds no object")
    _expect(path, "format", FORMAT, table.get("format"))
    names = {f.name for f in dataclasses.fields(Manifest)}
    missing, unknown = sorted(names - table.keys()), sorted(table.keys() - names)
    if missing or unknown:
        raise ModelError(f"{path}: missing {missing}, unknown {unknown}")
    _expect(path, "xgboost", _series(xgboost.__version__), _series(str(table["xgboost"])))
    _expect(path, "feature_names", list(FEATURE_NAMES), table["feature_names"])
    _expect(path, "field_letters", list(FIELD_LETTERS), table["field_letters"])
    try:
        parts = {
            "tiers": Tiers(**_tupled(table["tiers"])),
            "scope": Scope(**_tupled(table["scope"])),
        }
        return Manifest(**{**_tupled(table), **parts})
    except (TypeError, AttributeError) as error:
        raise ModelError(f"{path}: {error}") from error


def write_model(
    folder: Path, manifest: Manifest, arrays: Mapping[str, Arrays], ranker: xgboost.Booster
) -> None:
    """Everything but the encoder, whose folder has to be in place; checksums come last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        path = folder / f"{name}.safetensors"
        save_file({k: np.ascontiguousarray(v) for k, v in arrays[name].items()}, path)
        path.chmod(0o644)  # safetensors makes it private
    ranker.save_model(str(folder / RANKER))
    table = dataclasses.asdict(manifest)
    text = json.dumps(table, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    write_checksums(folder)


def write_importances(folder: Path, found: Sequence[FeatureImportance]) -> None:
    """importances.json of a model folder."""
    rows = [dataclasses.asdict(row) for row in found]
    (folder / IMPORTANCES).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def read_importances(folder: Path) -> tuple[FeatureImportance, ...]:
    """What was measured when the model was trained; () where nothing was."""
    path = folder / IMPORTANCES
    if not path.is_file():
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(FeatureImportance(**{**row, "members": tuple(row["members"])}) for row in rows)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path}: not the importances of a model: {error}") from error


def write_checksums(folder: Path) -> None:
    """SHA256SUMS of all files that stand there, as `sha256sum -c` reads it."""
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in _files(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != CHECKSUMS and "__pycache__" not in path.parts
    )


def _check_shapes(
    folder: Path, manifest: Manifest, arrays: Mapping[str, Arrays], n_nodes: int | None
) -> None:
    for name, axis in (("linear", 0), ("prototypes", 1), ("neighbours", 1)):
        key = "encoder_nodes" if name == "linear" else "vectors"
        path = folder / f"{name}.safetensors"
        if key not in arrays[name] or arrays[name][key].ndim != 2:
            raise ModelError(f"{path} has no matrix {key!r}")
        _expect(path, f"dimension of {key}", manifest.dimension, arrays[name][key].shape[1])
        if name == "linear" and n_nodes is not None:
            _expect(path, "number of nodes", n_nodes, arrays[name][key].shape[axis])


def _tupled(table: Mapping[str, object]) -> dict[str, Any]:
    """JSON's lists as tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}


def _expect(path: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ModelError(f"{path}: {what}: expected {expected!r}, found {found!r}")


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _read_arrays(path: Path) -> Arrays:
    try:
        return typing.cast(Arrays, load_file(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
