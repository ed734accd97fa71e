"""The shared data as training rows: labelled pages, glossary texts, texts with foreign labels.

No leaks: a row of any source whose registrable domain is in the `gate` or `blind` split is dropped.
"""

import csv
import hashlib
import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from taxocrawl.errors import InputError
from taxocrawl.extraction import documents, html
from taxocrawl.plugins.loading import load as load_plugins
from taxocrawl.records import Document, Page, PageText
from taxocrawl.settings import Settings
from taxocrawl.taxonomies.tree import Taxonomy

DATA_VARIABLE = "TAXOCRAWL_DATA"
DEFAULT_DATA = Path("../shared/data")

# Sets with running text, clean enough to train on. The others of the folder are tests of the
# finished model (bbc, ag_news, huffpost, masakhanews, medical_abstracts), not free for this use
# (gnad10: non-commercial; ut1: share-alike), or lists of hosts, which say nothing about words.
WEAK_SOURCES = (
    "reddit_topics",
    "medquad",
    "appstore_genres",
    "yc_companies",
    "kickstarter_names",
    "rss_feed_topics",
    "ted_talks_tags",
    "companies_linkedin_industry",
    "goodreads_titles",
)
_SEVERAL_LABELS = frozenset({"ted_talks_tags", "goodreads_titles"})
_TRUST = {"exact": 1.0, "broad": 0.7, "weak": 0.4}
# Half the subreddits' and diseases' rows are mapped `weak`; without them whole branches are empty.
_WEAK_ALLOWED = frozenset({"reddit_topics", "medquad"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPage:
    """One page with its label. `primary` and `alternatives` are node ids; `split` train or gate."""

    page_id: str
    domain: str
    split: str
    language: str
    has_html: bool
    kind: str
    page: PageText
    primary: str
    alternatives: tuple[str, ...]

    @property
    def accepted(self) -> frozenset[str]:
        """Every node that a careful labeller could have given."""
        return frozenset((self.primary, *self.alternatives))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """A title and a text that stand for nodes, and how far to trust that."""

    source: str
    title: str
    text: str
    node_ids: tuple[str, ...]
    weight: float = 1.0


def data_folder(folder: Path | None = None) -> Path:
    """The folder of the shared data; InputError names what to set where it is missing."""
    found = folder or Path(os.environ.get(DATA_VARIABLE, DEFAULT_DATA))
    if not (found / "pages" / "labels.parquet").is_file():
        raise InputError(f"no training data in {found}; set {DATA_VARIABLE} to its folder")
    return found


def held_out_domains(data: Path) -> frozenset[str]:
    """Registrable domains of `gate` and `blind`, which no training row may come from."""
    found: set[str] = set()
    for name in ("labels", "pages"):
        columns = ["registered_domain", "split"]
        for row in pq.read_table(data / "pages" / f"{name}.parquet", columns=columns).to_pylist():
            if row["split"] != "train":
                found.add(row["registered_domain"])
    return frozenset(found)


def read_pages(
    data: Path, taxonomy: Taxonomy, *, split: str, settings: Settings | None = None
) -> list[LabelledPage]:
    """Labelled pages with a topic, of one split, ordered by page id; read as the settings say."""
    table = pq.read_table(
        data / "pages" / "labels.parquet", filters=[("split", "=", split), ("status", "=", "ok")]
    )
    rows = [row for row in table.to_pylist() if row["primary"] in taxonomy]
    if split == "train":
        rows = without_domains(rows, held_out_domains(data), "registered_domain")
    rows.sort(key=lambda row: row["page_id"])
    with_html = {row["page_id"] for row in rows if row["has_html"]}
    parsed = html_documents(data, with_html, settings)
    return [
        LabelledPage(
            page_id=row["page_id"],
            domain=row["registered_domain"],
            split=split,
            language=row["lang"],
            has_html=row["has_html"],
            kind=row["kind"],
            page=(parsed.get(row["page_id"]) or text_document(row)).pages[0],
            primary=row["primary"],
            alternatives=tuple(i for i in row["alternatives"].split(",") if i in taxonomy),
        )
        for row in rows
    ]


def without_domains(
    rows: Sequence[Mapping[str, Any]], banned: frozenset[str], column: str
) -> list[Mapping[str, Any]]:
    """Rows whose host is no banned domain and lies below none."""
    return [row for row in rows if banned.isdisjoint(_domains_of(row[column]))]


def _domains_of(host: str) -> Iterator[str]:
    """The host and every domain above it: no list of public suffixes can let one slip through."""
    labels = host.casefold().strip(".").split(".")
    return (".".join(labels[i:]) for i in range(len(labels)))


def html_documents(
    data: Path, page_ids: Collection[str], settings: Settings | None = None
) -> dict[str, Document]:
    """Documents of labelled pages by the product's own extraction, by page id.

    The page is served as a crawl would find it: its bytes, its address, its charset declared.
    """
    settings = settings or Settings()
    registry = load_plugins(settings)
    ladder = [(name, registry.extractor(name)) for name in settings.extractors]
    table = pq.read_table(
        data / "pages" / "pages.parquet", filters=[("page_id", "in", sorted(page_ids))]
    )
    found: dict[str, Document] = {}
    for row in table.to_pylist():
        page = Page(
            url=row["url"],
            requested_url=row["url"],
            status=200,
            headers=(("content-type", f"text/html; charset={row['charset'] or 'utf-8'}"),),
            body=row["html"],
            fetched_at="",
            origin="file",
        )
        extract = html.extract(page, ladder=ladder, settings=settings)
        found[row["page_id"]] = documents.document(row["registered_domain"], [extract])
    return found


def text_document(row: Mapping[str, Any]) -> Document:
    """A labelled page whose HTML is not kept, with the fields that are."""
    body = row["main_text"] if len(row["main_text"]) >= 200 else row["all_text"]
    title = row["title"]
    if row["site_name"] and row["site_name"].casefold() not in title.casefold():
        title = f"{title} | {row['site_name']}"
    return documents.from_text(
        row["page_id"],
        text=body,
        title=title,
        description="\n".join(filter(None, (row["description"], row["keywords"]))),
        headings=row["headings"].replace(" | ", "\n"),
        url=row["url"],
        language=row["lang"] if row["lang"] != "und" else "",
    )


def read_glossary(taxonomy: Taxonomy) -> list[LabelledText]:
    """What the taxonomy itself says of its nodes, every language's keywords as a text."""
    found: list[LabelledText] = []

    def add(node_id: str, *, title: str = "", text: str = "") -> None:
        if title or text:
            found.append(
                LabelledText(source="glossary", title=title, text=text, node_ids=(node_id,))
            )

    for node in taxonomy:
        texts = taxonomy.texts(node.id)
        add(node.id, title=node.name, text=taxonomy.path(node.id))
        add(node.id, text=texts.scope)
        for words in texts.keywords.values():
            add(node.id, text=", ".join(words))
        for example in texts.site_examples:
            add(node.id, text=example)
        for example in texts.short_examples:
            add(node.id, title=example)
    return found


def read_weak(data: Path, taxonomy: Taxonomy) -> list[LabelledText]:
    """Texts whose source's label maps to nodes, less those of held-out domains.

    A row weighs less the larger its label's class, and as far as the map is trusted.
    """
    banned = held_out_domains(data)
    labels = _label_map(data, taxonomy)
    found: list[LabelledText] = []
    for source in WEAK_SOURCES:
        rows = pq.read_table(data / "sites" / f"{source}.parquet").to_pylist()
        for row in without_domains(rows, banned, "host"):
            parts = row["label"].split(" | ") if source in _SEVERAL_LABELS else [row["label"]]
            known = [labels[source, part] for part in parts if (source, part) in labels]
            if known:
                found.append(
                    LabelledText(
                        source=source,
                        title=row["title"] or "",
                        text=row["text"] or "",
                        node_ids=tuple(dict.fromkeys(node for node, _ in known)),
                        weight=max(trust for _, trust in known),
                    )
                )
    return found


def _label_map(data: Path, taxonomy: Taxonomy) -> dict[tuple[str, str], tuple[str, float]]:
    with (data / "sites" / "label_map.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        (row["source"], row["source_label"]): (row["iab_3.1_id"], _TRUST[row["confidence"]])
        for row in rows
        if row["iab_3.1_id"] in taxonomy
        and row["confidence"] in _TRUST
        and (row["confidence"] != "weak" or row["source"] in _WEAK_ALLOWED)
    }


def folds(pages: Sequence[LabelledPage], n: int) -> NDArray[np.int64]:
    """Fold of each page, by its domain: no site is in two."""
    return np.array([zlib.crc32(page.domain.encode()) % n for page in pages], dtype=np.int64)


def fingerprint(data: Path, names: Sequence[str] = ()) -> str:
    """sha256 over the bytes of the files that training reads."""
    files = names or (
        "pages/labels.parquet",
        "pages/pages.parquet",
        "sites/label_map.tsv",
        *(f"sites/{source}.parquet" for source in WEAK_SOURCES),
    )
    digest = hashlib.sha256()
    for name in files:
        with (data / name).open("rb") as file:
            digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
