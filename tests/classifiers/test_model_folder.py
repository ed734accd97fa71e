import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from taxocrawl.classifiers import model_folder
from taxocrawl.errors import ModelError
from taxocrawl.taxonomies.tree import Node, Taxonomy


@pytest.fixture
def copy(model_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_path, tmp_path / "model"))


def test_a_good_folder_loads(model_path: Path, tree: Taxonomy) -> None:
    model = model_folder.load_model(model_path, tree)
    assert model.manifest.id == "toy-model"
    assert model.manifest.tiers.thresholds == (0.4, 0.4)


def test_every_flipped_bit_is_found(copy: Path, tree: Taxonomy) -> None:  # M01
    rng = np.random.default_rng(0)
    names = list(model_folder.verify(copy))
    for trial in range(50):
        path = copy / names[trial % len(names)]
        good = path.read_bytes()
        bad = bytearray(good)
        bad[int(rng.integers(len(bad)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad))
        with pytest.raises(ModelError, match=r"expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}"):
            model_folder.load_model(copy, tree)
        path.write_bytes(good)
    model_folder.verify(copy)


@pytest.mark.parametrize("name", ["ranker.ubj", "linear.safetensors", "encoder/tokenizer.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:  # M01
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        model_folder.verify(copy)


def test_a_file_too_many_is_named(copy: Path) -> None:
    (copy / "evil.pkl").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"does not list: \['evil.pkl'\]"):
        model_folder.verify(copy)


@pytest.mark.parametrize("line", ["", "no digest", f"{'0' * 64}  ../../etc/passwd"])
def test_a_broken_checksum_list_is_refused(copy: Path, line: str) -> None:
    (copy / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(ModelError, match="SHA256SUMS"):
        model_folder.verify(copy)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no SHA256SUMS"):
        model_folder.load_model(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 2, "format: expected 1, found 2"),
        ("format", None, "format: expected 1, found None"),
        ("xgboost", "1.7.6", "xgboost: expected '3.2', found '1.7'"),
        ("feature_names", ["a"], "feature_names: expected"),
        ("field_letters", [1], "field_letters: expected"),
        ("dimension", 8, "dimension of encoder_nodes: expected 8, found 16"),
        ("surprise", 1, r"unknown \['surprise'\]"),
        ("tiers", {"slope": 1}, "slope"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_both_values(
    copy: Path, tree: Taxonomy, key: str, value: object, message: str
) -> None:  # M02, M03
    table = json.loads((copy / "model.json").read_text())
    table[key] = value
    (copy / "model.json").write_text(json.dumps(table))
    model_folder.write_checksums(copy)
    with pytest.raises(ModelError, match=message):
        model_folder.load_model(copy, tree)


def test_another_taxonomy_is_refused_with_both_fingerprints(model_path: Path) -> None:  # M03
    other = Taxonomy("toy", [Node(id="1", parent_id=None, name="Other", tier=1)])
    with pytest.raises(ModelError, match=other.sha256):
        model_folder.load_model(model_path, other)


def test_the_folder_reads_as_sha256sum_does(model_path: Path) -> None:
    for line in (model_path / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        assert len(digest) == 64
        assert (model_path / name).is_file()


def test_no_file_is_a_pickle(model_path: Path) -> None:  # M02
    suffixes = {path.suffix for path in model_path.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".ubj", ""}
