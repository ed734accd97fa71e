"""A whole training run on a tiny world."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.model_folder import load_model, write_model
from taxocrawl.classifiers.ranker import build
from taxocrawl.extraction.documents import from_text
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy
from taxocrawl.training import fit
from taxocrawl.training.dataset import LabelledPage, read_glossary
from taxocrawl.training.linear_fit import Recipe

pytestmark = pytest.mark.torch

TOPICS = {
    "s1": ("ball", "goal", "keeper", "league"),
    "s2": ("racket", "serve", "court", "net"),
    "f1": ("oven", "flour", "cake", "dough"),
    "f2": ("grill", "steak", "coal", "smoke"),
}
TREE = Taxonomy(
    "tiny",
    [
        Node(id="s", parent_id=None, name="sports", tier=1),
        Node(id="s1", parent_id="s", name="soccer", tier=2),
        Node(id="s2", parent_id="s", name="tennis", tier=2),
        Node(id="f", parent_id=None, name="food", tier=1),
        Node(id="f1", parent_id="f", name="baking", tier=2),
        Node(id="f2", parent_id="f", name="barbecue", tier=2),
    ],
    texts={node: NodeTexts(keywords={"en": words[:2]}) for node, words in TOPICS.items()},
)
PLAN = fit.Plan(
    taxonomy="tiny",
    n_folds=2,
    n_candidates=4,
    translations_per_text=0,
    translations_per_page=0,
    linear=Recipe(table_dims=4, epochs=2, batch=16, head_rate=1e-2),
    trees=20,
    depth=3,
)


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-encoder")
    words = sorted(
        {"sports", "food", "soccer", "tennis", "baking", "barbecue", "the", "and"}.union(
            *TOPICS.values()
        )
    )
    tokenizer = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate(("[UNK]", *words))}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.random.default_rng(0).normal(0, 1, (len(words) + 1, 16)).astype(np.float16)
    table[0] = 0
    save_file({"embeddings": table}, folder / "model.safetensors")
    modules = [{"idx": 0, "name": "0", "path": ".", "type": "x.StaticEmbedding"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.fixture(scope="module")
def pages() -> list[LabelledPage]:
    rng = np.random.default_rng(0)
    found = []
    for i in range(80):
        node = list(TOPICS)[i % 4]
        text = " ".join(rng.choice([*TOPICS[node], "the", "and"], size=12))
        document = from_text(str(i), text=text, title=TOPICS[node][0], language="en")
        found.append(
            LabelledPage(
                page_id=str(i),
                domain=f"site{i // 2}.example",
                split="train",
                language="en" if i % 3 else "de",
                has_html=False,
                kind="article",
                page=document.pages[0],
                primary=node,
                alternatives=(TREE.ancestors(node)[0],),
            )
        )
    return found


def run(encoder: Path, pages: list[LabelledPage], out: Path) -> Path:
    trainer = fit.Trainer(
        TREE, StaticEncoder(encoder), pages, read_glossary(TREE), {}, PLAN, 0, lambda line: None
    )
    arrays, booster, manifest = trainer.fit()
    (out / "encoder").mkdir(parents=True)
    for path in encoder.iterdir():
        (out / "encoder" / path.name).write_bytes(path.read_bytes())
    write_model(out, manifest, arrays, booster)
    return out


def test_the_trained_model_answers_and_the_same_seed_gives_the_same_bytes(
    encoder_folder: Path, pages: list[LabelledPage], tmp_path: Path
) -> None:
    first = run(encoder_folder, pages, tmp_path / "a")
    second = run(encoder_folder, pages, tmp_path / "b")
    assert (first / "SHA256SUMS").read_text() == (second / "SHA256SUMS").read_text()
    model = load_model(first, TREE)
    assert model.manifest.metrics["en_node_primary"] > 0.9
    assert model.manifest.metrics["recall_primary"] > 0.95
    ranker = build(model, TREE)
    for node, words in TOPICS.items():
        text = " ".join([*words, "the", "and"] * 2)
        document = from_text("x", text=text, title=words[0], language="en")
        (answer,) = ranker.classify([document])
        assert answer[0].node_id == node


def test_no_page_sees_its_own_label(encoder_folder: Path, pages: list[LabelledPage]) -> None:
    """Labels that mean nothing are not learnt: cross-validated accuracy stays at chance."""
    rng = np.random.default_rng(1)
    of_site = {p.domain: list(TOPICS)[int(rng.integers(4))] for p in pages}
    shuffled = [
        LabelledPage(
            page_id=p.page_id,
            domain=p.domain,
            split=p.split,
            language=p.language,
            has_html=p.has_html,
            kind=p.kind,
            page=p.page,
            primary=of_site[p.domain],
            alternatives=(),
        )
        for p in pages
    ]
    trainer = fit.Trainer(
        TREE, StaticEncoder(encoder_folder), shuffled, [], {}, PLAN, 0, lambda line: None
    )
    _, _, manifest = trainer.fit()
    assert manifest.metrics["en_node_primary"] < 0.6
