"""Short texts that say which product they are: names, synonyms, keywords, titles of real shops."""

import csv
import importlib.resources
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from taxocrawl.classifiers.product_names import Ints, ShortTexts
from taxocrawl.classifiers.product_words import product_words
from taxocrawl.errors import InputError
from taxocrawl.taxonomies.tree import PATH_SEPARATOR, Taxonomy

TITLE_SOURCES = ("amazon_in_titles", "instacart_products", "pricerunner_titles")
"""Sets of titles with a shop's own categories, mapped to nodes; each is also held out in turn."""

FEEDS = "google_feeds"
BRAND, LISTING = "brand", "listing"
_OWN = {BRAND: "product_brands.tsv", LISTING: "product_titles.tsv"}
SHORT = frozenset({"name", "synonym", "keyword", "word"})
# A label that is mapped `weak` is a mixed bag ("All Home & Kitchen"): it teaches wrong.
_TRUSTED = frozenset({"exact", "broad"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductText:
    """A text that stands for a node (its position in the taxonomy), and where it comes from.

    `source` is a set of titles, or what kind of text of the taxonomy it is: name, path, synonym,
    keyword, keywords, scope, shop, title, word, brand, listing. `trust` is that of the label map.
    """

    source: str
    language: str
    node: int
    text: str
    trust: str = "exact"


def read_texts(taxonomy: Taxonomy, *, without: Collection[str] = ()) -> list[ProductText]:
    """What the taxonomy says of its nodes, our words and our titles; `without` languages that are
    held out.
    """
    found = [
        *_names(taxonomy),
        *_glossary(taxonomy),
        *read_words(taxonomy),
        *read_own(taxonomy, BRAND),
        *read_own(taxonomy, LISTING),
    ]
    return [text for text in found if text.language not in without]


def _names(taxonomy: Taxonomy) -> Iterator[ProductText]:
    for i, node in enumerate(taxonomy):
        texts = taxonomy.texts(node.id)
        above = taxonomy.texts(node.parent_id).names if node.parent_id else {}
        path = taxonomy.path(node.id).replace(PATH_SEPARATOR, ", ")
        yield ProductText(source="name", language="en", node=i, text=node.name)
        yield ProductText(source="path", language="en", node=i, text=path)
        for synonym in texts.synonyms:
            yield ProductText(source="synonym", language="en", node=i, text=synonym)
        for language, name in texts.names.items():
            yield ProductText(source="name", language=language, node=i, text=name)
            if language in above:
                both = f"{above[language]}, {name}"
                yield ProductText(source="path", language=language, node=i, text=both)


def _glossary(taxonomy: Taxonomy) -> Iterator[ProductText]:
    for i, node in enumerate(taxonomy):
        texts = taxonomy.texts(node.id)
        for language, words in texts.keywords.items():
            whole = ", ".join(words)
            yield ProductText(source="keywords", language=language, node=i, text=whole)
            for word in words:
                yield ProductText(source="keyword", language=language, node=i, text=word)
        if texts.scope:
            yield ProductText(source="scope", language="en", node=i, text=texts.scope)
        for text in texts.site_examples:
            yield ProductText(source="shop", language="en", node=i, text=text)
        for text in texts.short_examples:
            yield ProductText(source="title", language="en", node=i, text=text)


def read_words(taxonomy: Taxonomy) -> Iterator[ProductText]:
    """Our words for products, each a text."""
    for node_id, words in product_words().items():
        if node_id in taxonomy:
            for word in words:
                yield ProductText(
                    source="word", language="en", node=taxonomy.index[node_id], text=word
                )


def read_own(taxonomy: Taxonomy, source: str) -> Iterator[ProductText]:
    """What this project wrote to learn from: brands of a node, or titles of invented products as
    marketplaces print them, one in seven of them not English.
    """
    file = importlib.resources.files("taxocrawl.training") / _OWN[source]
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        node_id, _, text = line.partition("\t")
        if node_id in taxonomy:
            for part in text.split(", ") if source == BRAND else (text,):
                yield ProductText(
                    source=source, language="en", node=taxonomy.index[node_id], text=part
                )


def read_titles(data: Path, taxonomy: Taxonomy, source: str) -> list[ProductText]:
    """Titles of one set, those whose label is mapped `weak` too; merchants' feeds with their own
    labels.
    """
    path = data / "products" / f"{source}.parquet"
    if not path.is_file():
        raise InputError(f"there is no {path}")
    labels = _label_map(data, taxonomy, source)
    by_path = {taxonomy.path(i): (taxonomy.index[i], "exact") for i in taxonomy.ids}
    found = []
    for row in pq.read_table(path).to_pylist():
        known = labels.get(row["label"]) or (by_path.get(row["label"]) if source == FEEDS else None)
        text = _title(row)
        if known and text:
            node, trust = known
            found.append(
                ProductText(source=source, language="en", node=node, text=text, trust=trust)
            )
    return found


def trusted(texts: Collection[ProductText]) -> list[ProductText]:
    """Those that one may learn from."""
    return [text for text in texts if text.trust in _TRUSTED]


def short_texts(texts: Sequence[ProductText], ids: Sequence[Ints]) -> ShortTexts:
    """English names, synonyms, keywords and words; the encoder brings other languages near them."""
    rows = [i for i, t in enumerate(texts) if t.language == "en" and t.source in SHORT]
    return ShortTexts.of([ids[i] for i in rows], [texts[i].node for i in rows])


def _title(row: dict[str, Any]) -> str:
    return str(row["title"] or row["text"])[:300].strip()


def _label_map(data: Path, taxonomy: Taxonomy, source: str) -> dict[str, tuple[int, str]]:
    with (data / "products" / "label_map.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {
            row["source_label"]: (taxonomy.index[row["google_id"]], row["confidence"])
            for row in rows
            if row["source"] == source and row["google_id"] in taxonomy
        }
