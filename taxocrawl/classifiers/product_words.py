"""What people call products, their brands and their measures, written by this project."""

import functools
import importlib.resources
from collections.abc import Mapping


@functools.cache
def product_words() -> Mapping[str, tuple[str, ...]]:
    """English words and phrases by id of the Google Product Taxonomy."""
    file = importlib.resources.files("taxocrawl.classifiers") / "product_words.tsv"
    rows = (line.partition("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:])
    return {node_id: tuple(words.split(", ")) for node_id, _, words in rows}
