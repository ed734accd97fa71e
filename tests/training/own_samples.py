"""A base model of four nodes and sixteen dimensions, and texts of a user's own."""

import json
from pathlib import Path

import numpy as np
import xgboost
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.model_folder import Manifest, load_model, write_model
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy
from taxocrawl.training.transfer import Base

TOPICS = {
    "ball": ("ball", "goal", "keeper", "league", "striker"),
    "oven": ("oven", "flour", "cake", "dough", "bread"),
    "car": ("car", "engine", "brake", "tyre", "gear"),
    "tooth": ("tooth", "dentist", "gum", "crown", "filling"),
}
PLAIN = ("the", "and", "our", "we")
WORDS = sorted({*PLAIN, "pizza", "soccer", "baking", "vehicles"}.union(*TOPICS.values()))
KNOWN = Taxonomy(
    "known",
    [Node(id=topic, parent_id=None, name=topic, tier=1) for topic in TOPICS],
    texts={topic: NodeTexts(keywords={"en": words[:3]}) for topic, words in TOPICS.items()},
)
MINE_CSV = """id,parent,name,synonyms
free,,Leisure,
s,free,Soccer,ball|goal
b,free,Baking,oven|flour
v,,Vehicles,car
"""
OF_MINE = {"s": "ball", "b": "oven", "v": "car"}


def make_base(folder: Path) -> Base:
    """A model whose ranker follows the linear head and the keywords."""
    rng = np.random.default_rng(0)
    table = rng.normal(0, 0.25, (len(WORDS) + 1, 16)).astype(np.float32)
    for axis, words in enumerate(TOPICS.values()):
        for word in words:
            table[WORDS.index(word) + 1, axis] += 1.5
    for axis, word in enumerate(("soccer", "baking", "vehicles")):
        table[WORDS.index(word) + 1, axis] += 1.5
    table[0] = 0
    encoder = folder / "encoder"
    encoder.mkdir(parents=True)
    vocabulary = {word: i for i, word in enumerate(("[UNK]", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(encoder / "tokenizer.json"))
    save_file({"embeddings": table}, encoder / "model.safetensors")
    modules = [{"idx": 0, "name": "0", "path": ".", "type": "x.StaticEmbedding"}]
    (encoder / "modules.json").write_text(json.dumps(modules))
    static = StaticEncoder(encoder)
    write_model(folder, *_model(static))
    return Base(
        model=load_model(folder, KNOWN), taxonomy=KNOWN, encoder=static, encoder_folder=encoder
    )


def _model(encoder: StaticEncoder) -> tuple[Manifest, dict[str, dict[str, np.ndarray]], object]:
    prototypes = Prototypes.of(KNOWN, encoder)
    means = np.stack(
        [2 * prototypes.vectors[prototypes.nodes == i].mean(axis=0) for i in range(len(KNOWN))]
    )
    arrays = {
        "linear": {
            "encoder_nodes": means.astype(np.float16),
            "encoder_fields": np.ones(N_FIELDS, dtype=np.float32),
            "token_nodes": np.zeros((len(KNOWN), 4), dtype=np.float16),
            "token_fields": np.ones(N_FIELDS, dtype=np.float32),
            "table": np.random.default_rng(1).integers(-99, 99, (len(WORDS) + 1, 4), np.int8),
            "table_scale": np.full(len(WORDS) + 1, 0.01, dtype=np.float32),
            "bias": np.zeros(len(KNOWN), dtype=np.float32),
            "log_prior": np.log(np.full(len(KNOWN), 1 / len(KNOWN), dtype=np.float32)),
        },
        "prototypes": {
            "vectors": prototypes.vectors.astype(np.float16),
            "nodes": prototypes.nodes.astype(np.int16),
            "kinds": prototypes.kinds.astype(np.int8),
            "page_centre": prototypes.page_centre,
        },
        "neighbours": {
            "vectors": np.zeros((0, 16), dtype=np.float16),
            "labels": np.zeros((0, 1), dtype=np.int16),
        },
    }
    manifest = Manifest(
        id="known-000000000000",
        taxonomy="known",
        taxonomy_sha256=KNOWN.sha256,
        encoder="static",
        dimension=16,
    )
    x = np.random.default_rng(0).normal(0, 2, (2_000, len(FEATURE_NAMES))).astype(np.float32)
    gap, hits = FEATURE_NAMES.index("linear_gap"), FEATURE_NAMES.index("keywords")
    matrix = xgboost.DMatrix(x, label=x[:, gap] + 0.5 * x[:, hits])
    ranker = xgboost.train({"max_depth": 3, "nthread": 1, "seed": 0}, matrix, num_boost_round=30)
    return manifest, arrays, ranker


def texts(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts and their nodes in the user's taxonomy."""
    rng = np.random.default_rng(seed)
    nodes = [list(OF_MINE)[i % len(OF_MINE)] for i in range(n)]
    return [
        (" ".join(rng.choice([*TOPICS[OF_MINE[node]], *PLAIN], size=10)), node) for node in nodes
    ]
