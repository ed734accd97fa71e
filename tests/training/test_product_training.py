"""Training of the product model on a tiny world."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.product_names import NearestNames
from taxocrawl.classifiers.selling import SIGNAL_NAMES
from taxocrawl.extraction.documents import from_text
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.training import product_gate, product_train
from taxocrawl.training.product_fit import (
    Arrays,
    HeadTraining,
    ProductRecipe,
    branches,
    noise_pool,
)
from taxocrawl.training.product_pages import ProductPage
from taxocrawl.training.product_texts import (
    BRAND,
    LISTING,
    ProductText,
    read_own,
    read_words,
    trusted,
)

pytestmark = pytest.mark.torch

WORDS = {
    "1": ("shirt", "jeans", "dress", "sock"),
    "2": ("boot", "sandal", "heel", "sneaker"),
    "3": ("apple", "bread", "cheese", "soup"),
}
TREE = Taxonomy(
    "google",
    [
        Node(id="a", parent_id=None, name="apparel", tier=1),
        Node(id="1", parent_id="a", name="clothes", tier=2),
        Node(id="2", parent_id="a", name="shoes", tier=2),
        Node(id="b", parent_id=None, name="food", tier=1),
        Node(id="3", parent_id="b", name="meals", tier=2),
    ],
)
NODES = NodeArrays(TREE)
RECIPE = ProductRecipe(table_dims=4, epochs=12, batch=16, head_rate=2e-2, mixtures=8, noise=0.2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> StaticEncoder:
    folder = tmp_path_factory.mktemp("product-encoder")
    words = sorted({*sum(WORDS.values(), ()), "apparel", "clothes", "shoes", "food", "meals"})
    tokenizer = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate(["[UNK]", *words])}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.random.default_rng(0).normal(0, 1, (len(words) + 1, 8))
    table[0] = 0
    save_file({"embeddings": table.astype(np.float16)}, folder / "model.safetensors")
    return StaticEncoder(folder)


def text(node: str, words: str, source: str = "word") -> ProductText:
    return ProductText(source=source, language="en", node=TREE.index[node], text=words)


def page(number: int, words: str, node: str | None) -> ProductPage:
    return ProductPage(
        page_id=str(number),
        domain=f"site{number}.example",
        language="en",
        document=from_text(str(number), text=words, language="en"),
        node=None if node is None else TREE.index[node],
    )


@pytest.fixture(scope="module")
def inputs() -> product_train.ProductData:
    texts = [text(node, word) for node, words in WORDS.items() for word in words]
    texts += [text(node.id, node.name, "name") for node in TREE]
    texts += [text(node, " ".join(words[:2]), "title") for node, words in WORDS.items()] * 4
    pages = [page(i, " ".join(WORDS[n]), n) for i, n in enumerate("123" * 4)]
    return product_train.ProductData(texts=tuple(texts), pages=tuple(pages), recipe=RECIPE)


@pytest.fixture(scope="module")
def fitted(inputs: product_train.ProductData, encoder: StaticEncoder) -> product_train.Fitted:
    return product_train.fit(inputs, encoder, NODES, seed=0, progress=lambda line: None)


def test_the_head_learns_which_words_are_which_products(
    fitted: product_train.Fitted, encoder: StaticEncoder
) -> None:
    head = LinearHead(fitted.head)
    names = NearestNames(fitted.names, encoder.token_vectors, len(NODES))
    titles = ["sandal heel", "cheese soup", "dress sock"]
    shares = product_train.title_shares_of(head, names, titles, encoder)
    path = product_train.best_path(shares, NODES, 2)
    assert [TREE.ids[i] for i in path[:, 1]] == ["2", "3", "1"]
    assert [TREE.ids[i] for i in path[:, 0]] == ["a", "b", "a"]


def test_pages_and_titles_are_answered_by_heads_that_had_not_seen_them(
    fitted: product_train.Fitted,
) -> None:
    truth = np.array([TREE.index[n] for n in "123" * 4])
    np.testing.assert_allclose(fitted.page_shares.sum(axis=1), 1, rtol=1e-4)
    assert product_train.depths(fitted.page_shares, truth, NODES)["depth1"] > 0.9
    assert len(fitted.titles) == len(fitted.title_shares) == 12


def test_the_same_seed_gives_the_same_bytes(
    inputs: product_train.ProductData, fitted: product_train.Fitted, encoder: StaticEncoder
) -> None:
    again = product_train.fit(inputs, encoder, NODES, seed=0, progress=lambda line: None)
    other = product_train.fit(inputs, encoder, NODES, seed=1, progress=lambda line: None)
    assert _bytes(again.head) == _bytes(fitted.head)
    assert _bytes(other.head) != _bytes(fitted.head)


def test_a_continued_training_leaves_its_origin_alone(
    inputs: product_train.ProductData, encoder: StaticEncoder
) -> None:
    origin = HeadTraining(encoder.token_vectors, NODES, RECIPE, np.zeros(0, dtype=np.int64))
    before = _bytes(origin.arrays())
    ids = encoder.tokenize([text.text for text in inputs.texts])
    sampler = product_train.TextSampler(inputs.texts, ids, NODES, RECIPE)
    other = origin.continued()
    other.learn(sampler.one_pass, epochs=1, rate=1.0, seed=0)
    assert _bytes(origin.arrays()) == before != _bytes(other.arrays())
    assert other.head.frozen.weight is origin.head.frozen.weight


def _bytes(arrays: Arrays) -> dict[str, bytes]:
    return {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items()}


def test_the_gate_finds_the_sign_that_shops_have() -> None:
    rng = np.random.default_rng(0)
    sells = rng.random(200) < 0.3
    table = rng.normal(0, 1, (200, len(SIGNAL_NAMES))).astype(np.float32)
    table[:, 0] += 3 * sells
    vectors = rng.normal(0, 0.1, (200, 8)).astype(np.float32)
    p = product_gate.cross_fitted_gate(table, vectors, sells, np.arange(200) % 2)
    assert p[sells].mean() > 0.6 > 0.25 > p[~sells].mean()


def test_few_pages_that_sell_nothing_get_a_node() -> None:
    shares = np.tile(np.array([0.1, 0.8, 0.05, 0.0, 0.05], dtype=np.float32), (800, 1))
    truth = np.array([1, -1] * 400)
    sure = np.random.default_rng(0).uniform(0.2, 0.9, 800).astype(np.float32)
    sure[truth >= 0] += 0.1
    tiers = product_train.fit_tiers(shares, truth, sure, NODES)
    confidences = tiers.confidences(shares, NODES) * sure[:, None]
    asserted = confidences[:, 1] >= tiers.threshold(2)
    assert 0 < asserted[truth < 0].sum() <= 2  # of 400
    assert asserted[truth >= 0].sum() > 40


def test_branches_and_lineages() -> None:
    assert branches(NODES).tolist() == [0, 1, 2, 3, 4]
    assert product_train.lineages(NODES, 2).tolist() == [
        [0, -1],
        [0, 1],
        [0, 2],
        [3, -1],
        [3, 4],
        [-1, -1],
    ]


def test_mixed_classes_are_not_learnt() -> None:
    kept = text("1", "shirt")
    mixed = ProductText(source="x", language="en", node=0, text="all", trust="weak")
    assert trusted([kept, mixed]) == [kept]


def test_noise_is_any_word_and_what_titles_of_many_roots_say() -> None:
    of_all, of_one = 7, 9
    titles = [(root, np.array([of_all, of_one] if root == 0 else [of_all])) for root in range(16)]
    pool = noise_pool(np.array([1, 2]), titles)
    assert set(pool.tolist()) == {1, 2, of_all}
    assert (pool == of_all).sum() == 8  # 16 to the power of three quarters
    assert (pool < of_all).sum() == 8


def test_our_titles_are_seen_as_often_as_the_recipe_says(encoder: StaticEncoder) -> None:
    texts = [text("1", "shirt jeans", LISTING), text("3", "apple", "word")]
    ids = encoder.tokenize([text.text for text in texts])
    recipe = ProductRecipe(listing_copies=3, mixtures=0)
    seen = product_train.TextSampler(texts, ids, NODES, recipe).one_pass(np.random.default_rng(0))
    assert sorted(TREE.ids[example.node] for example in seen) == ["1", "1", "1", "3"]


def test_mixtures_name_a_brand_of_the_nearest_node_above(encoder: StaticEncoder) -> None:
    texts = [text("1", "shirt"), text("a", "boot", BRAND), text("3", "apple")]
    ids = encoder.tokenize([text.text for text in texts])
    recipe = ProductRecipe(mixtures=1, branded=1.0)
    sampler = product_train.TextSampler(texts, ids, NODES, recipe)
    mixed = sampler.one_pass(np.random.default_rng(0))[len(texts) :]
    said = {TREE.ids[e.node]: set(np.concatenate(e.fields).tolist()) for e in mixed}
    assert said == {"1": {ids[0][0], ids[1][0]}, "3": {ids[2][0]}}


def test_what_we_wrote_stands_below_nodes_that_there_are() -> None:
    google = formats.load("google")
    titles = [title.text for title in read_own(google, LISTING)]
    brands = [brand.text for brand in read_own(google, BRAND)]
    folder = Path(product_train.__file__).parent
    assert len(titles) == (folder / "product_titles.tsv").read_text("utf-8").count("\n") - 1
    assert len({title.lower() for title in titles}) == len(titles) > 9000
    assert len(brands) > 1500
    assert all(t and t == t.strip() and "\t" not in t for t in [*titles, *brands])
    assert len(list(read_words(google))) > 9000


@pytest.mark.data
def test_the_shared_titles_are_read(data: Path) -> None:
    from taxocrawl.training import product_texts

    google = formats.load("google")
    found = {s: product_texts.read_titles(data, google, s) for s in product_texts.TITLE_SOURCES}
    assert {s: len(texts) for s, texts in found.items()} == {
        "amazon_in_titles": 10640,
        "instacart_products": 29719,
        "pricerunner_titles": 10000,
    }
