"""What a page sells, by a head over a tree of six nodes and a gate that looks for carts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.product_model import (
    ProductManifest,
    ProductModel,
    encoder_sums,
    load_products,
    write_products,
)
from taxocrawl.classifiers.product_names import ShortTexts
from taxocrawl.classifiers.products import Products, ranked
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.classifiers.selling import SIGNAL_NAMES, Gate, signals
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.errors import ModelError
from taxocrawl.explanations.targets import words_read
from taxocrawl.extraction.documents import from_text
from taxocrawl.records import Extract, Fact, Fields, PageText, Structure
from taxocrawl.taxonomies.tree import Node, Taxonomy

TIERS = Tiers(thresholds=(0.4, 0.3))


def gate(word: str = "buy_words", weight: float = 8.0, bias: float = -4.0) -> Gate:
    """A gate that looks at one signal and at nothing else."""
    weights = np.zeros(len(SIGNAL_NAMES) + 16, dtype=np.float32)
    weights[SIGNAL_NAMES.index(word)] = weight
    nothing = np.zeros(len(SIGNAL_NAMES), dtype=np.float32)
    return Gate(weights=weights, bias=bias, means=nothing, scales=nothing + 1)


def head_arrays(tree: Taxonomy, encoder: StaticEncoder) -> dict[str, np.ndarray]:
    prototypes = Prototypes.of(tree, encoder)
    means = [prototypes.vectors[prototypes.nodes == i].mean(axis=0) for i in range(len(tree))]
    n_tokens = len(encoder.token_vectors)
    return {
        "encoder_nodes": np.stack(means).astype(np.float16),
        "encoder_fields": np.ones(N_FIELDS, dtype=np.float32),
        "token_nodes": np.zeros((len(tree), 4), dtype=np.float16),
        "token_fields": np.ones(N_FIELDS, dtype=np.float32),
        "table": np.ones((n_tokens, 4), dtype=np.int8),
        "table_scale": np.ones(n_tokens, dtype=np.float16),
        "bias": np.zeros(len(tree), dtype=np.float32),
    }


def short_texts(tree: Taxonomy, encoder: StaticEncoder) -> ShortTexts:
    return ShortTexts.of(encoder.tokenize([node.name for node in tree]), range(len(tree)))


def manifest(tree: Taxonomy, sums: tuple[str, ...] = ("a", "b")) -> ProductManifest:
    return ProductManifest(
        id="toy-products",
        taxonomy=tree.name,
        taxonomy_sha256=tree.sha256,
        encoder="default",
        encoder_sha256=sums,
        dimension=16,
        tiers=TIERS,
        title_tiers=TIERS,
    )


def parts(tree: Taxonomy, encoder: StaticEncoder) -> dict[str, Any]:
    """What a folder is written from."""
    return {
        "head": head_arrays(tree, encoder),
        "names": short_texts(tree, encoder),
        "gate": gate(),
    }


@pytest.fixture
def model(tree: Taxonomy, encoder: StaticEncoder) -> ProductModel:
    head = LinearHead(head_arrays(tree, encoder))
    names = short_texts(tree, encoder)
    return ProductModel(manifest=manifest(tree), head=head, names=names, gate=gate())


@pytest.fixture
def products(tree: Taxonomy, encoder: StaticEncoder, model: ProductModel) -> Products:
    return Products(taxonomy=tree, encoder=encoder, model=model)


@pytest.fixture
def titles(tree: Taxonomy, encoder: StaticEncoder, model: ProductModel) -> Products:
    return Products(taxonomy=tree, encoder=encoder, model=model, titles=True)


def test_a_shop_gets_what_it_sells(products: Products) -> None:
    (answer,) = products.classify([from_text("1", text="soccer ball goal, add to cart, checkout")])
    assert "10" in {p.node_id for p in answer if p.asserted}
    assert {p.classifier for p in answer} == {"products"}
    assert answer[0].rank == 1


def test_a_page_that_sells_nothing_gets_ranked_nodes_and_none_asserted(products: Products) -> None:
    (answer,) = products.classify([from_text("1", text="soccer ball goal, a match of two teams")])
    assert answer[0].rank == 1
    assert not any(p.asserted for p in answer)
    assert answer[0].confidence < 0.1


def test_a_bare_name_needs_no_cart(titles: Products) -> None:
    (answer,) = titles.classify([from_text("1", text="soccer ball")])
    assert any(p.asserted for p in answer)


def test_no_node_is_surer_than_the_one_above(products: Products, tree: Taxonomy) -> None:
    (answer,) = products.classify([from_text("1", text="cake flour, buy now, cart")])
    by_id = {p.node_id: p for p in answer}
    for prediction in answer:
        parent = tree[prediction.node_id].parent_id
        if parent:
            assert by_id[parent].confidence >= prediction.confidence


def test_whom_a_thing_is_for_is_not_read_and_no_evidence(
    products: Products, titles: Products
) -> None:
    document = from_text("7", title="Unisex-Adult car for men", text="Buy.\nCars for women, in red")
    for classifier in (products, titles):
        read = classifier.as_read(document)
        assert read.pages[0].fields.title == "car"
        assert read.pages[0].fields.body == "Buy.\nCars , in red"
        assert classifier.classify([read]) == classifier.classify([document])
        assert "adult" not in words_read(document, classifier).words


def test_a_text_without_a_known_word_gets_nothing(products: Products) -> None:
    assert products.classify([from_text("1", text="zzz qqq"), from_text("2")]) == [(), ()]
    assert products.classify([]) == []


def test_several_documents_are_answered_as_each_alone(products: Products) -> None:
    documents = [from_text(str(i), text=t) for i, t in enumerate(("soccer ball", "cake", "bomb"))]
    together = products.classify(documents)
    alone = [products.classify([document])[0] for document in documents]
    assert [[p.node_id for p in a] for a in together] == [[p.node_id for p in a] for a in alone]
    np.testing.assert_allclose(
        [p.confidence for a in together for p in a],
        [p.confidence for a in alone for p in a],
        rtol=1e-4,
    )


def test_score_is_the_confidence_that_is_given(products: Products, tree: Taxonomy) -> None:
    document = from_text("1", text="tennis racket, add to cart")
    (answer,) = products.classify([document])
    score = products.score([document], tree.name, answer[0].node_id)
    assert score == pytest.approx([answer[0].confidence], rel=1e-5)
    with pytest.raises(ModelError, match="not in other"):
        products.score([document], "other", "10")


def test_a_word_of_a_node_speaks_for_it(products: Products, tree: Taxonomy) -> None:
    document = from_text("1", text="soccer ball cake")
    ball, cake = products.word_scores(document, ["ball", "cake"], tree.name, "11")
    assert ball > cake


def test_the_answer_goes_down_while_one_child_holds_most() -> None:
    tree = Taxonomy(
        "t",
        [
            Node(id="a", parent_id=None, name="a", tier=1),
            Node(id="b", parent_id="a", name="b", tier=2),
            Node(id="c", parent_id="a", name="c", tier=2),
            Node(id="d", parent_id=None, name="d", tier=1),
        ],
    )
    nodes = NodeArrays(tree)

    def first(*shares: float) -> str:
        of = np.array(shares, dtype=np.float32)
        return tree.ids[ranked(of, nodes)[0]]

    assert first(0.1, 0.5, 0.1, 0.3) == "b"
    assert first(0.1, 0.3, 0.3, 0.3) == "a"
    # The likeliest single node lies below the second best root.
    assert first(0.2, 0.2, 0.2, 0.4) == "a"
    assert first(0.0, 0.0, 0.0, 1.0) == "d"
    assert ranked(np.zeros(4, dtype=np.float32), nodes).tolist() == []


@pytest.mark.parametrize(
    ("fields", "extract", "signal"),
    [
        (Fields(body="only $12.50 today"), None, "prices"),
        (Fields(body="1.299,00 € inkl. MwSt."), None, "prices"),
        (Fields(link_texts="Warenkorb"), None, "buy_links"),
        (Fields(body="добавить в корзину"), None, "buy_words"),
        (Fields(body="今すぐ購入"), None, "buy_words"),
        (Fields(), Extract(url="u", structure=Structure(types=("Product",))), "product_types"),
        (Fields(), Extract(url="u", structure=Structure(counts=(("~cart", 3),))), "cart"),
        (
            Fields(),
            Extract(url="u", facts=(Fact(source="opengraph", name="og:type", value="product"),)),
            "og_product",
        ),
    ],
    ids=["dollar", "euro", "german", "russian", "japanese", "json-ld", "source", "opengraph"],
)
def test_signs_of_a_shop_are_seen(fields: Fields, extract: Extract | None, signal: str) -> None:
    page = PageText(url="u", fields=fields)
    shares = np.zeros((1, 3), dtype=np.float32)
    row = signals([page], {"u": extract} if extract else {}, shares)[0]
    assert row.shape == (len(SIGNAL_NAMES),)
    assert row[SIGNAL_NAMES.index(signal)] > 0


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("Add to cart, add to Cartier; onlineshopping cart", 2),
        ("RESALE returns. Sales of a wishlist / wish list", 3),
        ("in den Warenkorb, xin den warenkorb", 2),
        ("SEPETİM İcart do košíku", 2),
        ("加入购物车购物车", 2),
        ("\ud800 checkout\ud800sale", 2),
    ],
    ids=["english", "parts", "german", "turkish", "chinese", "surrogates"],
)
def test_words_that_ask_to_buy_are_counted_whole(text: str, times: int) -> None:
    fields = Fields(link_texts=text)
    row = signals([PageText(url="u", fields=fields)], {}, np.zeros((1, 3), dtype=np.float32))[0]
    assert round(float(np.expm1(row[SIGNAL_NAMES.index("buy_links")]))) == times


def test_a_hostile_page_only_costs_time() -> None:
    page = PageText(url="u", fields=Fields(body="$1 " * 100_000 + "\ud800\0", title="9" * 50_000))
    assert np.isfinite(signals([page], {}, np.zeros((1, 3), dtype=np.float32))).all()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A model folder of which only the encoder's checksums are read."""
    folder = tmp_path / "default"
    folder.mkdir()
    lines = "aa  encoder/model.safetensors\nbb  encoder/tokenizer.json\n"
    (folder / "SHA256SUMS").write_text(lines)
    return folder


def test_a_written_model_is_read_again(
    tree: Taxonomy, encoder: StaticEncoder, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "products"
    given = manifest(tree, encoder_sums(home))
    write_products(folder, given, **parts(tree, encoder))
    found = load_products(folder, home, tree)
    assert found.manifest == given
    assert found.gate.bias == -4.0
    document = from_text("1", text="soccer ball, add to cart")
    before = ProductModel(
        manifest=given,
        head=LinearHead(head_arrays(tree, encoder)),
        names=short_texts(tree, encoder),
        gate=gate(),
    )
    answers = [
        Products(taxonomy=tree, encoder=encoder, model=model).classify([document])
        for model in (before, found)
    ]
    assert answers[0] == answers[1]


def test_a_model_for_another_encoder_is_refused(
    tree: Taxonomy, encoder: StaticEncoder, home: Path, tmp_path: Path
) -> None:
    write_products(tmp_path / "p", manifest(tree), **parts(tree, encoder))
    with pytest.raises(ModelError, match=r"encoder_sha256: expected .*train --what products"):
        load_products(tmp_path / "p", home, tree)


def test_a_damaged_model_is_refused(
    tree: Taxonomy, encoder: StaticEncoder, home: Path, tmp_path: Path
) -> None:
    given = manifest(tree, encoder_sums(home))
    write_products(tmp_path / "p", given, **parts(tree, encoder))
    (tmp_path / "p" / "gate.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="expected sha256"):
        load_products(tmp_path / "p", home, tree)


def test_a_folder_without_checksums_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no SHA256SUMS"):
        encoder_sums(tmp_path)
