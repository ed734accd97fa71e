"""The form of a site: features of its shape, and what becomes of a page without any."""

import math

import numpy as np
import pytest

from taxocrawl.classifiers import form_features
from taxocrawl.classifiers.form import FORMS, VECTOR_IDS
from taxocrawl.extraction import documents
from taxocrawl.records import Document, Extract, Fact, Link, Structure
from taxocrawl.taxonomies import formats

COUNTS = ("form", "~cart")
NAMES = form_features.feature_names(COUNTS)


def page(url: str = "https://shop.example/product/42", **known: object) -> Document:
    structure = Structure(
        counts=(("form", 2), ("~cart", 9)), types=("Product", "Offer"), body_class="single home"
    )
    extract = Extract(
        url=url,
        title="Oak table | Shop",
        text="Only $ 99. In stock? Yes!",
        links=(
            Link(url="https://shop.example/2024/05/news", text="A headline of six whole words"),
        ),
        facts=(Fact(source="opengraph", name="og:type", value="product"),),
        **{"structure": structure, **known},  # type: ignore[arg-type]
    )
    return documents.document("shop.example", [extract])


def named(document: Document) -> dict[str, float]:
    return dict(zip(NAMES, form_features.features(document, COUNTS), strict=True))


def test_every_feature_has_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(form_features.features(page(), COUNTS))


def test_shape_of_a_product_page() -> None:
    found = named(page())
    assert (found["path_product"], found["host_shop"], found["is_home"]) == (1, 1, 0)
    assert found["prices"] > 0
    assert (found["type_product"], found["type_offer"], found["og_product"]) == (1, 1, 1)
    assert found["count_form"] == pytest.approx(math.log(3))
    assert (found["links_of_headline"], found["links_dated"]) == (1, 1)


def test_a_text_has_no_structure_and_says_so() -> None:
    text = documents.from_text("1", text="Buy now for 5 EUR", url="https://shop.example/")
    found = named(text)
    assert found["prices"] > 0
    assert found["is_home"] == 1
    shape = [found[name] for name in ("links", "type_product", "og_article", "count_form")]
    assert all(math.isnan(value) for value in shape)


def test_stored_text_of_a_page_has_the_features_of_that_text_and_no_others() -> None:
    with_html = page()
    stored = Document(id="x", domain="x", pages=with_html.pages, url=with_html.url)
    a, b = named(with_html), named(stored)
    same = [name for name in NAMES if not math.isnan(b[name])]
    assert [a[name] for name in same] == [b[name] for name in same]


@pytest.mark.parametrize(
    "url",
    ["", "http://[", "//", "https://xn--80ak6aa92e.com/%ff?x=1#", "a" * 5_000, "http://\ud800/"],
)
def test_hostile_addresses_give_finite_or_missing_features(url: str) -> None:
    values = np.array(form_features.features(page(url=url), COUNTS))
    assert not np.isinf(values).any()


def test_a_batch_of_none_is_an_empty_table() -> None:
    assert form_features.matrix([], COUNTS).shape == (0, len(NAMES))


def test_vectors_are_nodes_of_the_descriptive_vectors() -> None:
    vectors = formats.load("iab-vectors")
    assert set(VECTOR_IDS) <= set(FORMS)
    assert all(node in vectors for node in VECTOR_IDS.values())
