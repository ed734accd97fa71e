"""People's own labelled texts: a CSV, JSON Lines or Parquet file, or the labels of a store."""

import csv
import functools
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow
import pyarrow.parquet as pq

from taxocrawl import domains
from taxocrawl.errors import InputError, TaxonomyError
from taxocrawl.extraction import documents
from taxocrawl.nearest import near_path
from taxocrawl.records import PageText
from taxocrawl.store.labelled import labelled_pages
from taxocrawl.taxonomies import search
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training.dataset import LabelledPage

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "body", "content", "main_text"),
    "title": ("title",),
    "description": ("description", "summary"),
    "headings": ("headings",),
    "url": ("url",),
    "domain": ("domain", "host", "site"),
    "language": ("language", "lang"),
    "label": ("label", "labels", "node_id", "node", "path", "category", "categories", "class"),
}
"""Headings by role, preferred ones first, written in any case."""

FIELDS = ("text", "title", "description", "headings")
SEVERAL = "|"
LONGEST_CELL = 10_000_000
"""Parts several labels in one cell, the first of them the best."""

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLabels:
    """Pages with their labels, one a text; `merged` rows said more about a text seen before."""

    pages: tuple[LabelledPage, ...]
    merged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row of a file by role, and where it stands: `line 3`, `row 3`."""

    where: str
    values: Mapping[str, str]
    labels: tuple[str, ...]


def read(labels: Path | None, store: Path | None, taxonomy: Taxonomy) -> OwnLabels:
    """Labels of a file, or else of a store; InputError where neither is named."""
    if labels is not None:
        return read_file(labels, taxonomy)
    if store is None:
        raise InputError("give a file of labels, or a store that people labelled")
    return read_store(store, taxonomy)


def read_file(path: Path, taxonomy: Taxonomy) -> OwnLabels:
    """Labelled texts of a file; InputError names the lines that are wrong and what may be meant."""
    if not path.is_file():
        raise InputError(f"there is no file {path}{near_path(path)}")
    suffix = path.suffix.lower()
    try:
        if suffix in (".parquet", ".pq"):
            rows = list(_table_rows(path, "row", _parquet(path)))
        elif suffix in (".jsonl", ".ndjson", ".json"):
            rows = list(_table_rows(path, "line", _json_lines(path)))
        else:
            rows = list(_table_rows(path, "line", _csv(path)))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not rows:
        raise InputError(f"{path} holds no labelled row")
    return merged(_pages(path, rows, taxonomy))


def read_store(path: Path, taxonomy: Taxonomy) -> OwnLabels:
    """Home pages of the sites that people labelled, as the store keeps their text."""
    found = [
        _labelled(
            page=documents.from_text(
                row.domain,
                text=row.text,
                title=row.title,
                description=row.description,
                headings=row.headings,
                url=row.url,
                domain=row.domain,
                language=row.language,
            ).pages[0],
            domain=row.domain,
            node_ids=tuple(i for i in row.node_ids if i in taxonomy),
        )
        for row in labelled_pages(path, taxonomy.name)
        if any(i in taxonomy for i in row.node_ids)
    ]
    if not found:
        raise InputError(
            f"{path} has no labelled site of {taxonomy.name} whose text is kept; "
            "label some by `taxocrawl label` or `review`"
        )
    return merged(found)


def own_pages(
    texts: Iterable[Mapping[str, str]], labels: Iterable[Sequence[str]]
) -> list[LabelledPage]:
    """Pages of fields by name and the ids of their nodes, as `read_file` would make them."""
    return [_page(values, tuple(ids)) for values, ids in zip(texts, labels, strict=True)]


def merged(pages: Sequence[LabelledPage]) -> OwnLabels:
    """Each text once, its labels in the order in which they came: no text is in two folds."""
    found: dict[str, LabelledPage] = {}
    for page in pages:
        known = found.setdefault(page.page_id, page)
        if known is not page:
            others = (*known.alternatives, page.primary, *page.alternatives)
            named = dict.fromkeys(i for i in others if i != known.primary)
            found[page.page_id] = replace(known, alternatives=tuple(named))
    return OwnLabels(pages=tuple(found.values()), merged=len(pages) - len(found))


def _pages(path: Path, rows: Sequence[_Row], taxonomy: Taxonomy) -> list[LabelledPage]:
    @functools.cache
    def find(text: str) -> str:
        return search.find(taxonomy, text)

    pages, problems = [], []
    for row in rows:
        try:
            pages.append(_page(row.values, _nodes(row.labels, find)))
        except (TaxonomyError, InputError) as error:
            problems.append(f"{row.where}: {error}")
    if problems:
        more = len(problems) - _SHOWN
        listed = "\n  ".join(problems[:_SHOWN]) + (f"\n  and {more} more" if more > 0 else "")
        raise InputError(f"{path}: {len(problems)} of {len(rows)} rows are wrong\n  {listed}")
    return pages


def _nodes(labels: Sequence[str], find: Callable[[str], str]) -> tuple[str, ...]:
    found: list[str] = []
    for label in labels:
        try:
            found.append(find(label))
        except TaxonomyError:
            parts = [part.strip() for part in label.split(SEVERAL) if part.strip()]
            if len(parts) < 2:
                raise
            found += [find(part) for part in parts]
    if not found:
        raise InputError("there is no label")
    return tuple(dict.fromkeys(found))


def _page(values: Mapping[str, str], node_ids: tuple[str, ...]) -> LabelledPage:
    if not any(values.get(field, "").strip() for field in FIELDS):
        raise InputError("there is no text")
    site = domains.canonical_host(values.get("domain", "") or values.get("url", ""))
    return _labelled(page=page_of(values), domain=site, node_ids=node_ids)


def page_of(values: Mapping[str, str]) -> PageText:
    """The page of these fields by role."""
    return documents.from_text(
        "",
        text=values.get("text", ""),
        title=values.get("title", ""),
        description=values.get("description", ""),
        headings=values.get("headings", ""),
        url=values.get("url", ""),
        domain=values.get("domain", ""),
        language=values.get("language", ""),
    ).pages[0]


def _labelled(*, page: PageText, domain: str, node_ids: tuple[str, ...]) -> LabelledPage:
    words = "\n".join(text.strip().casefold() for _, text in page.fields.items())
    text_id = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()
    return LabelledPage(
        page_id=text_id,
        # A text of no site is a site of its own.
        domain=domains.registrable(domain) if domain else text_id,
        split="train",
        language=page.fields.language,
        has_html=False,
        kind="",
        page=page,
        primary=node_ids[0],
        alternatives=node_ids[1:],
    )


def _table_rows(
    path: Path, unit: str, rows: Iterable[tuple[int, Mapping[str, object]]]
) -> Iterator[_Row]:
    roles: dict[frozenset[str], Mapping[str, str]] = {}
    for number, row in rows:
        keys = frozenset(row)
        if keys not in roles:
            roles[keys] = _roles(path, f"{unit} {number}", row)
        of = roles[keys]
        labels = row.get(of["label"])
        several = labels if isinstance(labels, list | tuple) else [labels]
        yield _Row(
            where=f"{unit} {number}",
            values={role: _text(row[of[role]]) for role in of if role != "label"},
            labels=tuple(text for label in several if (text := _text(label).strip())),
        )


def _roles(path: Path, where: str, row: Mapping[str, object]) -> Mapping[str, str]:
    plain = {"_".join(str(key).strip().casefold().split()): key for key in row}
    found = {
        role: next(plain[name] for name in names if name in plain)
        for role, names in COLUMNS.items()
        if any(name in plain for name in names)
    }
    if "label" not in found or not found.keys() & set(FIELDS):
        raise InputError(
            f"{path}, {where}: needs a column `label` and one of {', '.join(FIELDS)}; "
            f"it has {', '.join(map(str, row))[:200]}"
        )
    return found


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(_text(part) for part in value)
    return "" if value is None else str(value)


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = raw.decode(encoding)
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = csv.field_size_limit(LONGEST_CELL)  # of the whole process
    try:
        for row in reader:
            if None in row:
                where = f"{path}, line {reader.line_num}"
                raise InputError(f"{where}: more cells than the header names")
            if any(row.values()):
                yield reader.line_num, row
    finally:
        csv.field_size_limit(before)


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: not a JSON object")
        yield number, row


def _parquet(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        table = pq.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    yield from enumerate(table.to_pylist(), 1)
