"""Our words for products stand below nodes that there are."""

from taxocrawl.classifiers.product_words import product_words
from taxocrawl.taxonomies import formats


def test_every_node_is_known_and_every_word_is_one() -> None:
    known = formats.load("google")
    assert all(node_id in known for node_id in product_words())
    words = [word for of_node in product_words().values() for word in of_node]
    assert len(words) > 4000
    assert all(word and word == word.strip() and "\t" not in word for word in words)
