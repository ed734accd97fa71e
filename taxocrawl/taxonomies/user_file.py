"""A user's own taxonomy from a CSV or TSV file."""

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy, parents_first

# Headings, preferred ones first, as they stand in files of the IAB, Google, Shopify and in the
# spreadsheets that people pass on; written in any case, with spaces or underscores.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "node_id", "unique_id", "category_id", "code", "key"),
    "parent": ("parent", "parent_id", "parent_node_id", "parent_code", "parent_key"),
    "name": ("name", "node_name", "category_name", "label", "title", "category"),
    "synonyms": ("synonyms", "synonym", "keywords", "aliases", "alt_labels"),
    "examples": ("examples", "example", "texts", "sample_texts"),
    "scope": ("scope", "description", "definition"),
    "flags": ("flags",),
    "note": ("note", "notes"),
}
REQUIRED = ("id", "parent", "name")
DELIMITERS = ("\t", ",", ";", "|")

MODEL_FILE = "model.json"
IN_MODEL = "taxonomy"
"""Folder of a model folder that holds the user's taxonomy it answers in, as NAME.csv."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class _Row(NamedTuple):
    """One row below the header; `line` is the line of the file on which it ends."""

    line: int
    parent_id: str | None
    name: str
    flags: frozenset[str]
    note: str
    texts: NodeTexts | None


def read_csv(path: Path, *, name: str = "") -> Taxonomy:
    """The taxonomy in a file with a header row and the columns id, parent and name.

    The parent is empty for a root; parents may stand below their children. `synonyms`, `examples`,
    `scope`, `flags` and `note` are optional; several synonyms, examples or flags in one cell are
    separated by `|` or `;`. Columns are separated by tab, comma, semicolon or bar, quoted as in
    RFC 4180; UTF-8 or, with a byte order mark, UTF-16. The taxonomy is named after the file.
    TaxonomyError names the line that is wrong.
    """
    text = _decode(path)
    rows = _rows(path, text)
    if not rows:
        raise TaxonomyError(f"{path}: no rows below the header")
    _check_roots(path, rows)
    ordered = parents_first({node_id: row.parent_id for node_id, row in rows.items()})
    if len(ordered) < len(rows):
        raise _lost(path, rows, set(ordered))
    texts = {node_id: row.texts for node_id, row in rows.items() if row.texts}
    return Taxonomy(name or path.stem, _nodes(rows, ordered), texts=texts, source=str(path))


def taxonomy_of_model(folder: Path) -> str:
    """Name of the taxonomy that a model answers in, or the file of it in the model's folder; ''
    where the folder holds no model or one of none.
    """
    try:
        name = json.loads((folder / MODEL_FILE).read_text("utf-8"))["taxonomy"]
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    path = folder / IN_MODEL / f"{name}.csv"
    return str(path) if path.is_file() else str(name)


def _decode(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TaxonomyError(f"{path}: {error.strerror}") from error
    encoding = "utf-16" if raw.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error(path, line, f"not {encoding.removesuffix('-sig')}: {error.reason}") from error
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise _error(path, line, f"control character U+{ord(control[0]):04X}")
    return text


def _rows(path: Path, text: str) -> dict[str, _Row]:
    delimiter, columns = _header(path, text)
    parse = _row_parser(columns, r"[|;]" if delimiter not in "|;" else ";|".replace(delimiter, ""))
    width = max(columns[name] for name in REQUIRED) + 1
    rows: dict[str, _Row] = {}
    for line, cells in _cells(path, text, delimiter):
        if len(cells) < width:
            raise _error(path, line, f"{len(cells)} cells, the header asks for at least {width}")
        node_id, row = parse(line, cells)
        if not node_id or not row.name:
            raise _error(path, line, f"row without {'a name' if node_id else 'an id'}")
        if node_id in rows:
            raise _error(path, line, f"id {node_id!r} stands in line {rows[node_id].line} already")
        rows[node_id] = row
    return rows


def _header(path: Path, text: str) -> tuple[str, dict[str, int]]:
    """Delimiter and column numbers by role, from whatever delimiter makes the headings known."""
    line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    for delimiter in DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        headings = ["_".join(re.findall(r"\w+", cell.casefold())) for cell in cells]
        columns = {
            role: headings.index(heading)
            for role, accepted in COLUMNS.items()
            for heading in reversed(accepted)
            if heading in headings
        }
        if all(role in columns for role in REQUIRED):
            return delimiter, columns
    raise _error(
        path, 1, f"header must name the columns {', '.join(REQUIRED)}; it reads {line[:80]!r}"
    )


def _cells(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        next(reader)
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise _error(path, reader.line_num, str(error)) from error


def _row_parser(
    columns: Mapping[str, int], separator: str
) -> Callable[[int, Sequence[str]], tuple[str, _Row]]:
    id_column, parent_column, name_column = (columns[role] for role in REQUIRED)
    extra = {role: column for role, column in columns.items() if role not in REQUIRED}
    no_flags: frozenset[str] = frozenset()

    def several(cell: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in re.split(separator, cell) if part.strip())

    def parse(line: int, cells: Sequence[str]) -> tuple[str, _Row]:
        node_id, parent_id = cells[id_column].strip(), cells[parent_column].strip() or None
        name = " ".join(cells[name_column].split())
        said = {
            role: " ".join(cells[column].split())
            for role, column in extra.items()
            if column < len(cells) and cells[column]
        }
        if not said:
            return node_id, _Row(line, parent_id, name, no_flags, "", None)
        texts = NodeTexts(
            scope=said.get("scope", ""),
            synonyms=several(said.get("synonyms", "")),
            short_examples=several(said.get("examples", "")),
        )
        flags = frozenset(several(said.get("flags", "")))
        return node_id, _Row(line, parent_id, name, flags, said.get("note", ""), texts)

    return parse


def _nodes(rows: Mapping[str, _Row], ordered: Sequence[str]) -> Iterator[Node]:
    tiers: dict[str | None, int] = {None: 0}
    for node_id in ordered:
        row = rows[node_id]
        tier = tiers[node_id] = tiers[row.parent_id] + 1
        yield Node(
            id=node_id,
            parent_id=row.parent_id,
            name=row.name,
            tier=tier,
            flags=row.flags,
            note=row.note,
        )


def _check_roots(path: Path, rows: Mapping[str, _Row]) -> None:
    """Many roots are fine; two of one name are one category that was started twice (M04)."""
    seen: dict[str, int] = {}
    for row in rows.values():
        if row.parent_id is None:
            first = seen.setdefault(row.name.casefold(), row.line)
            if first != row.line:
                raise _error(path, row.line, f"root {row.name!r} stands in line {first} already")


def _lost(path: Path, rows: Mapping[str, _Row], placed: set[str]) -> TaxonomyError:
    """Why the first row that reaches no root does not: a missing parent, or a cycle."""
    start = next(node_id for node_id in rows if node_id not in placed)
    chain: dict[str, None] = {}
    step = start
    while step not in chain:
        chain[step] = None
        parent = rows[step].parent_id or ""
        if parent not in rows:
            return _error(path, rows[step].line, f"parent {parent!r} of {step!r} is no id here")
        step = parent
    cycle = [*itertools.dropwhile(lambda node_id: node_id != step, chain), step]
    shown = " > ".join(cycle if len(cycle) < 8 else [*cycle[:4], "...", *cycle[-3:]])
    return _error(path, rows[step].line, f"cycle of parents: {shown}")


def _error(path: Path, line: int, problem: str) -> TaxonomyError:
    return TaxonomyError(f"{path}, line {line}: {problem}")
