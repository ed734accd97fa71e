"""Labelled pages with what they sell, or that they sell nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.classifiers.reading import Reading, field_texts, read
from taxocrawl.classifiers.selling import signals
from taxocrawl.protocols import Encoder, Vectors
from taxocrawl.records import Document
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import dataset

# A shop without a label sells what the labeller could not name: it teaches neither way.
_SHOPS = frozenset({"shop", "product"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPage:
    """One labelled page; `node` is the position of what it sells, None where it sells nothing."""

    page_id: str
    domain: str
    language: str
    document: Document
    node: int | None


def read_product_pages(
    data: Path, taxonomy: Taxonomy, *, split: str, nth_other: int = 1
) -> list[ProductPage]:
    """Pages of one split that were read whole, ordered by page id; of those that sell nothing only
    every `nth_other`.
    """
    table = pq.read_table(
        data / "pages" / "labels.parquet", filters=[("split", "=", split), ("status", "=", "ok")]
    )
    rows = table.to_pylist()
    if split == "train":
        rows = dataset.without_domains(rows, dataset.held_out_domains(data), "registered_domain")
    by_path = {taxonomy.path(i): taxonomy.index[i] for i in taxonomy.ids}
    kept = [
        row
        for row in sorted(rows, key=lambda row: row["page_id"])
        if row["google"] in by_path or (not row["google"] and row["kind"] not in _SHOPS)
    ]
    others = [row["page_id"] for row in kept if not row["google"]]
    left_out = set(others) - set(others[::nth_other])
    kept = [row for row in kept if row["page_id"] not in left_out]
    parsed = dataset.html_documents(data, {row["page_id"] for row in kept if row["has_html"]})
    return [
        ProductPage(
            page_id=row["page_id"],
            domain=row["registered_domain"],
            language=row["lang"],
            document=parsed.get(row["page_id"]) or dataset.text_document(row),
            node=by_path.get(row["google"]),
        )
        for row in kept
    ]


def read_all(pages: Sequence[ProductPage], encoder: Encoder) -> Reading:
    """The pages as the classifier reads them."""
    return read([field_texts(page.document.pages[0]) for page in pages], encoder)


def nodes_of(pages: Sequence[ProductPage]) -> NDArray[np.int64]:
    """(n_pages,) positions of what each sells, -1 for nothing."""
    return np.array([-1 if page.node is None else page.node for page in pages], dtype=np.int64)


def page_signals(pages: Sequence[ProductPage], shares: Vectors, nodes: NodeArrays) -> Vectors:
    """What the gate looks at, (n_pages, n_signals)."""
    roots = np.flatnonzero(nodes.parent == NO_PARENT)
    found = [
        signals(
            page.document.pages,
            {extract.url: extract for extract in page.document.extracts},
            nodes.subtree_sums(shares[i : i + 1])[:, roots],
        )
        for i, page in enumerate(pages)
    ]
    return np.concatenate(found)
