"""A taxonomy of six nodes, an encoder of sixteen dimensions and a model folder made of both."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import xgboost
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from taxocrawl.classifiers import model_folder
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.model_folder import Manifest
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.ranker import Ranker, build
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.records import Document
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy
from taxocrawl.training import dataset

SPORTS = ("ball", "goal", "match", "team", "soccer", "tennis", "racket")
FOOD = ("recipe", "oven", "cake", "soup", "baking", "cooking", "flour")
RISK = ("weapon", "bomb", "arms")
WORDS = (*SPORTS, *FOOD, *RISK, "sports", "food", "the", "rezept", "kuchen")

NODES = (
    Node(id="10", parent_id=None, name="Sports", tier=1),
    Node(id="11", parent_id="10", name="Soccer", tier=2),
    Node(id="12", parent_id="10", name="Tennis", tier=2),
    Node(id="20", parent_id=None, name="Food", tier=1),
    Node(id="21", parent_id="20", name="Baking", tier=2),
    Node(id="30", parent_id=None, name="Arms", tier=1, flags=frozenset({"sensitive"})),
)
TEXTS = {
    "10": NodeTexts(keywords={"en": ("match", "team")}),
    "11": NodeTexts(keywords={"en": ("ball", "goal")}, short_examples=("soccer ball goal",)),
    "12": NodeTexts(keywords={"en": ("racket",)}, short_examples=("tennis racket",)),
    "20": NodeTexts(keywords={"en": ("recipe", "soup"), "de": ("rezept",)}),
    "21": NodeTexts(keywords={"en": ("flour", "cake"), "de": ("kuchen",)}),
    "30": NodeTexts(keywords={"en": ("weapon", "bomb")}),
}


@pytest.fixture(scope="session")
def tree() -> Taxonomy:
    """Sports (Soccer, Tennis), Food (Baking), Arms (sensitive)."""
    return Taxonomy("toy", NODES, texts=TEXTS)


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of one topic point one way, each with a little of its own."""
    folder = tmp_path_factory.mktemp("encoder")
    rng = np.random.default_rng(0)
    table = rng.normal(0, 0.25, (len(WORDS) + 1, 16))
    for topic, axis in ((SPORTS, 0), (FOOD, 1), (RISK, 2)):
        for word in topic:
            table[WORDS.index(word) + 1, axis] += 1.5
    table[0] = 0
    for word, twin in (("sports", "match"), ("food", "recipe"), ("rezept", "recipe")):
        table[WORDS.index(word) + 1] = table[WORDS.index(twin) + 1]
    table[WORDS.index("kuchen") + 1] = table[WORDS.index("cake") + 1]
    vocabulary = {word: i for i, word in enumerate(("[UNK]", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": table.astype(np.float16)}, folder / "model.safetensors")
    modules = [{"idx": 0, "name": "0", "path": ".", "type": "x.StaticEmbedding"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path) -> StaticEncoder:
    """The little encoder."""
    return StaticEncoder(encoder_folder)


@pytest.fixture(scope="session")
def model_path(
    tree: Taxonomy,
    encoder: StaticEncoder,
    encoder_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A model folder whose ranker follows the linear head and the keywords."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "encoder").mkdir()
    for path in encoder_folder.iterdir():
        (folder / "encoder" / path.name).write_bytes(path.read_bytes())
    prototypes = Prototypes.of(tree, encoder)
    means = np.stack([_mean_of(prototypes, node) for node in range(len(tree))])
    vectors = encoder.encode(["soccer ball", "cake flour"])
    arrays = {
        "linear": {
            "encoder_nodes": means.astype(np.float16),
            "encoder_fields": np.ones(N_FIELDS, dtype=np.float32),
            "token_nodes": np.zeros((len(tree), 4), dtype=np.float16),
            "token_fields": np.ones(N_FIELDS, dtype=np.float32),
            "table": np.ones((len(WORDS) + 1, 4), dtype=np.int8),
            "table_scale": np.ones(len(WORDS) + 1, dtype=np.float32),
            "bias": np.zeros(len(tree), dtype=np.float32),
            "log_prior": np.log(np.full(len(tree), 1 / len(tree), dtype=np.float32)),
        },
        "prototypes": {
            "vectors": prototypes.vectors.astype(np.float16),
            "nodes": prototypes.nodes.astype(np.int16),
            "kinds": prototypes.kinds.astype(np.int8),
            "page_centre": prototypes.page_centre,
        },
        "neighbours": {
            "vectors": vectors.astype(np.float16),
            "labels": np.array([[1, -1], [4, 3]], dtype=np.int16),
        },
    }
    manifest = Manifest(
        id="toy-model",
        taxonomy="toy",
        taxonomy_sha256=tree.sha256,
        encoder="static",
        dimension=16,
        n_candidates=4,
        tiers=Tiers(thresholds=(0.4, 0.4)),
        sensitive=("30",),
    )
    model_folder.write_model(folder, manifest, arrays, _booster())
    return folder


def _mean_of(prototypes: Prototypes, node: int) -> np.ndarray:
    return 2 * prototypes.vectors[prototypes.nodes == node].mean(axis=0)


def _booster() -> xgboost.Booster:
    """A ranker whose margin grows with `linear_gap` and `keywords`."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, (2_000, len(FEATURE_NAMES))).astype(np.float32)
    gap, hits = FEATURE_NAMES.index("linear_gap"), FEATURE_NAMES.index("keywords")
    matrix = xgboost.DMatrix(x, label=x[:, gap] + 0.5 * x[:, hits])
    return xgboost.train({"max_depth": 3, "nthread": 1, "seed": 0}, matrix, num_boost_round=30)


@pytest.fixture(scope="session")
def ranker(model_path: Path, tree: Taxonomy) -> Ranker:
    """The classifier of the little model."""
    return build(model_folder.load_model(model_path, tree), tree)


@pytest.fixture(scope="session")
def gate_pages(data: Path) -> list[Document]:
    """A few pages of the gate, from their stored texts."""
    table = parquet.read_table(
        data / "pages" / "labels.parquet", filters=[("split", "=", "gate"), ("status", "=", "ok")]
    )
    return [dataset.text_document(row) for row in table.slice(0, 12).to_pylist()]
