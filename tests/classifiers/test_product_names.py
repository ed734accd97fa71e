"""The nearest name of a product, among four texts of three nodes."""

import numpy as np
import pytest

from taxocrawl.classifiers.product_names import NearestNames, ShortTexts, plain_title

TABLE = np.eye(4, dtype=np.float32)
# Node 0 is named by token 0, node 2 by token 1 and by tokens 2 and 3; nothing names node 1.
TEXTS = ShortTexts.of([np.array([2, 3]), np.array([0]), np.array([1])], [2, 0, 2])


@pytest.fixture
def names() -> NearestNames:
    return NearestNames(TEXTS, TABLE, 3)


def test_the_nearest_text_decides(names: NearestNames) -> None:
    shares = names.shares(np.eye(4, dtype=np.float32)[[0, 1]])
    assert shares.argmax(axis=1).tolist() == [0, 2]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


def test_a_node_without_a_text_gets_nothing(names: NearestNames) -> None:
    assert names.shares(np.eye(4, dtype=np.float32)[:1])[0, 1] < 1e-6


def test_texts_are_read_as_they_were_written() -> None:
    found = ShortTexts.from_arrays(TEXTS.arrays())
    assert found.tokens.tolist() == [0, 2, 3, 1]
    assert (found.lengths.tolist(), found.nodes.tolist()) == ([1, 2, 1], [0, 2, 2])


def test_a_text_without_a_known_word_is_left_out() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert ShortTexts.of([nothing, np.array([1])], [0, 1]).nodes.tolist() == [1]
    assert not NearestNames(ShortTexts.of([nothing], [0]), TABLE, 3)


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("Trail Unisex-Adult Running Shoe", "Trail Running Shoe"),
        ("shampoo for men and women, 200 ml", "shampoo , 200 ml"),
        ("for kids", "for kids"),
        ("adult colouring book", "adult colouring book"),
        ("", ""),
    ],
)
def test_whom_a_thing_is_for_is_left_out(title: str, plain: str) -> None:
    assert plain_title(title) == plain
