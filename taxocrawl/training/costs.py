"""What a confusion costs: a user's table of true node, given node and price."""

import csv
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.errors import InputError, TaxonomyError
from taxocrawl.nearest import near_path
from taxocrawl.taxonomies import search
from taxocrawl.taxonomies.tree import Taxonomy

COLUMNS = ("true", "predicted", "cost")
ANY, NONE = "*", "none"
"""In place of a node: any node, and (predicted) that nothing was asserted."""

UNLISTED = 1.0
"""Cost of a wrong or missing answer that no row names; a right one costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """Cost of giving `predicted` to a text of `true`, or anything below either; `*` is any."""

    true: str
    predicted: str
    cost: float


def read_costs(path: Path, taxonomy: Taxonomy) -> tuple[CostRow, ...]:
    """Rows of a CSV with the columns true, predicted, cost; InputError names the bad line."""
    if not path.is_file():
        raise InputError(f"there is no file {path}{near_path(path)}")
    rows = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise InputError(f"{path}: the first row has to name the columns {', '.join(COLUMNS)}")
        for row in reader:
            try:
                rows.append(_row(row["true"], row["predicted"], row["cost"], taxonomy))
            except (TaxonomyError, InputError) as error:
                raise InputError(f"{path}, line {reader.line_num}: {error}") from error
    return tuple(rows)


def _row(true: str, predicted: str, cost: str, taxonomy: Taxonomy) -> CostRow:
    try:
        price = float(cost)
    except (TypeError, ValueError):
        raise InputError(f"cost {cost!r} is no number") from None
    if not np.isfinite(price) or price < 0:
        raise InputError(f"cost {cost!r} is not a number from 0 up")

    def node(text: str | None, free: tuple[str, ...]) -> str:
        plain = (text or "").strip()
        return plain if plain in free else search.find(taxonomy, plain)

    return CostRow(true=node(true, (ANY,)), predicted=node(predicted, (ANY, NONE)), cost=price)


def costs_of(
    answers: Sequence[str | None],
    accepted: Sequence[tuple[str, ...]],
    rows: Sequence[CostRow],
    taxonomy: Taxonomy,
) -> NDArray[np.float32]:
    """Cost of each answer (node id, None: nothing asserted), (n,).

    Of several rows that fit, the one counts whose nodes lie deepest, of those the last. An answer
    that is accepted, or lies above an accepted node, costs nothing.
    """

    @functools.cache
    def price(true: str, given: str | None) -> float:
        best, found = -1, UNLISTED
        for row in rows:
            depth = _fits(row, true, given, taxonomy)
            if depth >= max(best, 0):
                best, found = depth, row.cost
        return found

    result = []
    for given, ok in zip(answers, accepted, strict=True):
        right = given is not None and any(given in taxonomy.lineage(node) for node in ok)
        result.append(0.0 if right else price(ok[0], given))
    return np.array(result, dtype=np.float32)


def _fits(row: CostRow, true: str, given: str | None, taxonomy: Taxonomy) -> int:
    """How deep the nodes of a row that fits lie, -1 where it does not fit."""
    depth = 0
    if row.true != ANY:
        if row.true not in taxonomy.lineage(true):
            return -1
        depth += taxonomy[row.true].tier
    if given is None:
        return depth + 1 if row.predicted == NONE else (depth if row.predicted == ANY else -1)
    if row.predicted == ANY:
        return depth
    if row.predicted == NONE or row.predicted not in taxonomy.lineage(given):
        return -1
    return depth + taxonomy[row.predicted].tier
