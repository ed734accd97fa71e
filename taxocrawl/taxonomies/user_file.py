"""A user's own taxonomy from a CSV or TSV file."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy, parents_first

# Headings as they stand in files of the IAB, Google, Shopify and in spreadsheets people sent round.
COLUMNS: Mapping[str, frozenset[str]] = {
    "id": frozenset({"id", "node_id", "unique_id", "category_id", "code", "key"}),
    "parent": frozenset({"parent", "parent_id", "parent_node_id", "parent_code", "parent_key"}),
    "name": frozenset({"name", "label", "title", "category", "category_name", "node_name"}),
    "synonyms": frozenset({"synonyms", "synonym", "keywords", "aliases", "alt_labels"}),
    "examples": frozenset({"examples", "example", "texts", "sample_texts"}),
    "scope": frozenset({"scope", "description", "definition"}),
    "flags": frozenset({"flags"}),
    "note": frozenset({"note", "notes"}),
}
REQUIRED = ("id", "parent", "name")
DELIMITERS = ("\t", ",", ";", "|")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row below the header; `line` is the line of the file on which it ends."""

    line: int
    id: str
    parent_id: str | None
    name: str
    note: str = ""
    flags: frozenset[str] = frozenset()
    texts: NodeTexts | None = None


def read_csv(path: Path, *, name: str = "") -> Taxonomy:
    """The taxonomy in a file with a header row and the columns id, parent and name.

    The parent is empty for a root. Parents may stand below their children. `synonyms`, `examples`,
    `scope`, `flags` and `note` are optional; several synonyms, examples or flags in one cell are
    separated by `|` or `;`. Separated by tab, comma, semicolon or bar (quotes as in RFC 4180),
    UTF-8 or, with a byte order mark, UTF-16. The name of the taxonomy is that of the file.
    TaxonomyError names the line that is wrong.
    """
    rows: dict[str, _Row] = {}
    for row in _rows(path):
        if row.id in rows:
            earlier = rows[row.id].line
            raise _error(path, row.line, f"id {row.id!r} already stands in line {earlier}")
        rows[row.id] = row
    if not rows:
        raise TaxonomyError(f"{path}: no rows below the header")
    _check_parents(path, rows)
    _check_roots(path, rows)
    tiers: dict[str | None, int] = {None: 0}
    nodes = []
    for node_id in parents_first({row.id: row.parent_id for row in rows.values()}):
        row = rows[node_id]
        tier = tiers[node_id] = tiers[row.parent_id] + 1
        nodes.append(
            Node(
                id=node_id,
                parent_id=row.parent_id,
                name=row.name,
                tier=tier,
                flags=row.flags,
                note=row.note,
            )
        )
    texts = {row.id: row.texts for row in rows.values() if row.texts}
    return Taxonomy(name or path.stem, nodes, texts=texts, source=str(path))


def _rows(path: Path) -> Iterator[_Row]:
    text = _decode(path)
    header = text[: text.find("\n")] if "\n" in text else text
    delimiter, columns = _header(path, header)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    split = re.compile(r"\s*\|\s*" if delimiter == ";" else r"\s*[|;]\s*").split
    width = max(columns[name] for name in REQUIRED) + 1
    try:
        next(reader)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < width:
                problem = f"{len(cells)} cells, the header asks for {width}"
                raise _error(path, reader.line_num, problem)
            yield _row(path, reader.line_num, cells, columns, split)
    except csv.Error as error:
        raise _error(path, reader.line_num, str(error)) from error


def _row(path, line, cells, columns, split):
    raise NotImplementedError


def _decode(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TaxonomyError(f"{path}: {error.strerror}") from error
    encoding = "utf-16" if raw.startswith(_UTF_16) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error(
            path, line, f"is not {encoding.removesuffix('-sig')}: {error.reason}"
        ) from error


def _header(path: Path, line: str) -> tuple[str, dict[str, int]]:
    raise NotImplementedError


def _check_parents(path: Path, rows: Mapping[str, _Row]) -> None:
    raise NotImplementedError


def _check_roots(path: Path, rows: Mapping[str, _Row]) -> None:
    raise NotImplementedError


def _error(path: Path, line: int, problem: str) -> TaxonomyError:
    return TaxonomyError(f"{path}, line {line}: {problem}")
