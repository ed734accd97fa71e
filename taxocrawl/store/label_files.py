"""Labels in files that people edit: CSV for spreadsheets, JSON Lines for programs."""

import csv
import functools
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

from taxocrawl import domains
from taxocrawl.errors import InputError, TaxonomyError
from taxocrawl.store.csv_cells import disarmed, rearmed
from taxocrawl.store.labels import Label, Verdict
from taxocrawl.taxonomies import search
from taxocrawl.taxonomies.tree import Taxonomy

FileFormat = Literal["csv", "jsonl"]

COLUMNS: Final = (
    "domain",
    "url",
    "taxonomy",
    "node_id",
    "path",
    "verdict",
    "labelled_by",
    "note",
    "created_at",
)
"""Columns of an export. `verdict` is `is`, `is_not` or `none` (no category fits)."""

_OTHER_NAMES: Final = {
    "site": "domain",
    "host": "domain",
    "node": "node_id",
    "category": "path",
    "label": "path",
    "name": "path",
    "by": "labelled_by",
    "labeller": "labelled_by",
    "annotator": "labelled_by",
}
_VERDICTS: Final[Mapping[str, Verdict]] = {
    "": "is",
    "is": "is",
    "none": "is",
    "is_not": "is_not",
    "not": "is_not",
}

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row of a file with its number, as spreadsheets (header: 1) or editors count.

    `problem` is why it holds no values.
    """

    number: int
    values: Values
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """What becomes of one row: a label, or the problem that it has."""

    row: int
    label: Label | None
    problem: str = ""


def write(labels: Iterable[tuple[Label, str]], file: TextIO, *, shape: FileFormat) -> int:
    """Write labels with the paths of their categories; the number of rows."""
    rows = [values_of(label, path) for label, path in labels]
    if shape == "jsonl":
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return len(rows)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([disarmed(row[name] or "") for name in COLUMNS])
    return len(rows)


def read(data: bytes, *, name: str) -> list[FileRow]:
    """Rows of a CSV (comma, semicolon or tab; with header), JSON Lines or JSON array.

    InputError where the file as a whole cannot be read; one bad row is a row with a problem.
    """
    text = _decoded(data, name)
    start = text.lstrip()[:1]
    if not start:
        raise InputError(f"{name} is empty")
    if start == "[":
        return _json_array(text, name)
    return list(_json_lines(text) if start == "{" else _csv_rows(text, name))


def judge(
    rows: Iterable[FileRow],
    *,
    load: Callable[[str], Taxonomy],
    taxonomy: str,
    labelled_by: str,
) -> list[RowVerdict]:
    """A verdict on every row; `taxonomy` and `labelled_by` stand where a row names none.

    `load` gives a taxonomy by name, or raises TaxonomyError.
    """
    load = functools.cache(load)

    # The same few categories and mistakes come again and again.
    @functools.cache
    def find(taxonomy: str, text: str) -> str | None:
        tree = load(taxonomy)
        return search.find(tree, text) if text else None

    verdicts: list[RowVerdict] = []
    said: dict[tuple[object, ...], list[tuple[int, Label]]] = {}
    for row in rows:
        values = {"taxonomy": taxonomy, "labelled_by": labelled_by}
        values |= {key: value for key, value in row.values.items() if value}
        try:
            label = _label(row, values, find)
            _check_contrary(said, row.number, label)
        except (TaxonomyError, InputError) as error:
            verdicts.append(RowVerdict(row=row.number, label=None, problem=str(error)))
        else:
            verdicts.append(RowVerdict(row=row.number, label=label))
    return verdicts


def _label(row: FileRow, values: Values, find: Callable[[str, str], str | None]) -> Label:
    if row.problem:
        raise InputError(row.problem)
    domain = values.get("domain", "")
    host = domains.canonical_host(domain)
    if not host:
        raise InputError(f"domain {domain!r} names no host" if domain else "there is no domain")
    word = values.get("verdict", "").casefold()
    verdict = _VERDICTS.get(word)
    if verdict is None:
        raise InputError(f"verdict {word!r} is none of is, is_not, none")
    given = values.get("node_id") or values.get("path", "")
    label = Label(
        domain=host,
        taxonomy=values["taxonomy"],
        node_id=None,
        verdict=verdict,
        url=values.get("url") or None,
        labelled_by=values["labelled_by"],
        note=values.get("note", ""),
        created_at=_moment(values.get("created_at", "")),
    )
    if word == "none" and given:
        raise InputError(f"verdict none, and yet a category: {given!r}")
    if word != "none" and not given:
        raise InputError("there is no category; where none fits write the verdict none")
    return replace(label, node_id=find(label.taxonomy, given))


def _check_contrary(
    said: dict[tuple[object, ...], list[tuple[int, Label]]], number: int, label: Label
) -> None:
    """InputError where an earlier row of the same person says the contrary of the same site."""
    of_site = said.setdefault((label.domain, label.url, label.taxonomy, label.labelled_by), [])
    for row, other in of_site:
        same_node = other.node_id == label.node_id
        some_fits_and_none = other.verdict == label.verdict == "is" and (
            (other.node_id is None) != (label.node_id is None)
        )
        if (same_node and other.verdict != label.verdict) or some_fits_and_none:
            raise InputError(f"says the contrary of row {row}")
    of_site.append((number, label))


def values_of(label: Label, path: str) -> dict[str, str | None]:
    """One row of an export: the label by the names of `COLUMNS`."""
    said = {name: getattr(label, name) for name in Label.__slots__}
    said["verdict"] = label.verdict if label.node_id is not None else "none"
    said["created_at"] = label.created_at.isoformat() if label.created_at else ""
    return {name: (said | {"path": path})[name] for name in COLUMNS}


def _decoded(data: bytes, name: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}, line {line}: not {encoding.removesuffix('-sig')}") from error


def _named(values: Mapping[str, Any]) -> Values:
    """Values by the names of `COLUMNS`; others are left out."""
    named: dict[str, str] = {}
    for key, value in values.items():
        plain = "_".join(str(key).strip().casefold().replace("-", " ").split())
        column = _OTHER_NAMES.get(plain, plain)
        if column in COLUMNS and value is not None:
            named.setdefault(column, str(value).strip(" \n"))
    if "domain" not in named and "url" in named:
        named["domain"] = named.pop("url")
    return named


def _csv_rows(text: str, name: str) -> Iterator[FileRow]:
    head = text.lstrip("\n\r").split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: Sequence[str] = ()
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield FileRow(number=number, values={}, problem=f"cannot be read: {error}")
            continue
        if cells is None:
            return
        if not any(cells):
            continue
        if not header:
            header = cells
            _check_header(header, name)
        elif len(cells) > len(header):
            problem = f"{len(cells)} cells, the header has {len(header)}"
            yield FileRow(number=number, values={}, problem=problem)
        else:
            values = dict(zip(header, map(rearmed, cells), strict=False))
            yield FileRow(number=number, values=_named(values))


def _check_header(header: Sequence[str], name: str) -> None:
    found = _named(dict.fromkeys(header, "x"))
    if "domain" not in found or not found.keys() & {"node_id", "path", "verdict"}:
        raise InputError(
            f"{name}: the first row has to name the columns, domain and node_id or path among "
            f"them; it is {', '.join(header)[:200]!r}"
        )


def _json_lines(text: str) -> Iterator[FileRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield FileRow(number=number, values={}, problem=f"not JSON: {error}")
            else:
                yield _json_row(number, value)


def _json_array(text: str, name: str) -> list[FileRow]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON: {error}") from error
    return [_json_row(number, value) for number, value in enumerate(values, 1)]


def _json_row(number: int, value: object) -> FileRow:
    if not isinstance(value, dict):
        return FileRow(number=number, values={}, problem="not a JSON object")
    odd = sorted(key for key, cell in value.items() if isinstance(cell, dict | list | bool))
    if odd:
        return FileRow(number=number, values={}, problem=f"{odd[0]} is no text")
    return FileRow(number=number, values=_named(value))


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"created_at {text!r} is no time in ISO 8601") from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
