"""The product model on disk: a folder beside the default model, whose encoder it reads with."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.model_folder import (
    CHECKSUMS,
    MANIFEST,
    Arrays,
    verify,
    write_checksums,
)
from taxocrawl.classifiers.product_names import ShortTexts
from taxocrawl.classifiers.reading import FIELD_LETTERS
from taxocrawl.classifiers.selling import SIGNAL_NAMES, Gate
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.errors import ModelError
from taxocrawl.taxonomies.tree import Taxonomy

FORMAT = 1
HEAD, NAMES, GATE = "head.safetensors", "names.safetensors", "gate.safetensors"
ENCODER_FILES = ("encoder/model.safetensors", "encoder/tokenizer.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductManifest:
    """What the model says of itself in `model.json`.

    `encoder_sha256` are the checksums of the encoder's files: another encoder has other tokens.
    `tiers` serve pages, `title_tiers` bare product names.
    """

    id: str
    taxonomy: str
    taxonomy_sha256: str
    encoder: str
    encoder_sha256: tuple[str, ...]
    dimension: int
    signal_names: tuple[str, ...] = SIGNAL_NAMES
    field_letters: tuple[int, ...] = FIELD_LETTERS
    tiers: Tiers = field(default_factory=Tiers)
    title_tiers: Tiers = field(default_factory=Tiers)
    data_fingerprint: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductModel:
    """A checked product model."""

    manifest: ProductManifest
    head: LinearHead
    names: ShortTexts
    gate: Gate


def encoder_sums(model: Path) -> tuple[str, ...]:
    """Checksums of the encoder of a model folder, as its SHA256SUMS has them."""
    path = model / CHECKSUMS
    if not path.is_file():
        raise ModelError(f"{model} is no model folder: it has no {CHECKSUMS}")
    pairs = (line.partition("  ") for line in path.read_text("utf-8").splitlines())
    by_name = {name: digest for digest, _, name in pairs}
    missing = [name for name in ENCODER_FILES if name not in by_name]
    if missing:
        raise ModelError(f"{path} does not list {missing[0]}")
    return tuple(by_name[name] for name in ENCODER_FILES)


def load_products(folder: Path, encoder_model: Path, taxonomy: Taxonomy) -> ProductModel:
    """The model; ModelError names what was expected and what was found."""
    verify(folder)
    manifest = _read_manifest(folder / MANIFEST)
    for what, expected, found in (
        ("taxonomy_sha256", manifest.taxonomy_sha256, taxonomy.sha256),
        ("encoder_sha256", manifest.encoder_sha256, encoder_sums(encoder_model)),
        ("signal_names", manifest.signal_names, SIGNAL_NAMES),
        ("field_letters", manifest.field_letters, FIELD_LETTERS),
    ):
        if expected != found:
            raise ModelError(
                f"{folder / MANIFEST}: {what}: expected {expected!r}, found {found!r}; "
                "train it again: taxocrawl train --what products"
            )
    head, names, gate = (load_file(folder / name) for name in (HEAD, NAMES, GATE))
    return ProductModel(
        manifest=manifest,
        head=LinearHead(head),
        names=ShortTexts.from_arrays(names),
        gate=read_gate(gate),
    )


def read_gate(arrays: Arrays) -> Gate:
    """The gate from its arrays."""
    weights, means, scales = (
        np.asarray(arrays[name], dtype=np.float32) for name in ("weights", "means", "scales")
    )
    return Gate(weights=weights[:-1], bias=float(weights[-1]), means=means, scales=scales)


def gate_arrays(gate: Gate) -> Arrays:
    """What `read_gate` reads."""
    weights = np.append(gate.weights, gate.bias).astype(np.float32)
    return {"weights": weights, "means": gate.means, "scales": gate.scales}


def write_products(
    folder: Path, manifest: ProductManifest, *, head: Arrays, names: ShortTexts, gate: Gate
) -> None:
    """Everything but the card; checksums come last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arrays in ((HEAD, head), (NAMES, names.arrays()), (GATE, gate_arrays(gate))):
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / name)
        (folder / name).chmod(0o644)  # safetensors makes it private
    text = json.dumps(dataclasses.asdict(manifest), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    write_checksums(folder)


def _read_manifest(path: Path) -> ProductManifest:
    try:
        table = json.loads(path.read_text("utf-8"))
        if table.get("format") != FORMAT:
            raise ModelError(f"{path}: format: expected {FORMAT}, found {table.get('format')!r}")
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in table.items()
        }
        for name in ("tiers", "title_tiers"):
            tiers: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in table[name].items()
            }
            plain[name] = Tiers(**tiers)
        return ProductManifest(**plain)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
