"""Permutation importance: how much a score falls when one input is shuffled among the rows.

Global, of features and of document fields (Breiman 2001, section 10; Fisher, Rudin and Dominici
2019, "model reliance"). Unlike a tree's gain it is measured where it counts, on rows the model has
not seen: gain also credits what a model learned by heart, a row number for instance.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.ranks import spearman
from taxocrawl.records import FIELD_NAMES, Document, Fields, PageText

Table = NDArray[Any]
Permutations = NDArray[np.intp]

ImportanceKind = Literal["feature", "group", "field"]

Scores = Sequence[float] | NDArray[np.float64]
Shuffled = TypeVar("Shuffled")
_Named = tuple[str, ImportanceKind, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Fall of a score when a feature, a group of features or a field is shuffled.

    `mean` and `spread` (standard deviation) over the repeats in `falls`; `members` are the features
    of a group. `mean` near 0 says that the model does as well without; several features that say
    the same can each have 0, which is why they are shuffled in groups too.
    """

    name: str
    kind: ImportanceKind
    mean: float
    spread: float
    falls: tuple[float, ...]
    members: tuple[str, ...] = ()


def permutations(n_rows: int, *, repeats: int, seed: int) -> Permutations:
    """Row orders, (repeats, n_rows). All columns are shuffled by the same ones, so that the
    difference between two columns is theirs and not that of two shuffles.
    """
    generator = np.random.default_rng(seed)
    return np.array([generator.permutation(n_rows) for _ in range(repeats)], dtype=np.intp).reshape(
        repeats, n_rows
    )


def feature_importance(
    score: Callable[[Table], float],
    table: Table,
    names: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    orders: Permutations,
) -> tuple[Importance, ...]:
    """Importance of every column, then of every group, each by falling mean.

    `score` rates the whole table (n_rows, n_names), higher is better; `orders` come from
    `permutations`. The columns of a group move together, so what they say of each other stays.
    """
    [found] = feature_importances(
        lambda shuffled: [score(shuffled)], table, names, groups=groups, orders=orders
    )
    return found


def feature_importances(
    score: Callable[[Table], Scores],
    table: Table,
    names: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    orders: Permutations,
) -> list[tuple[Importance, ...]]:
    """As `feature_importance`, for several scores that are measured at once; one answer each."""
    if table.ndim != 2 or table.shape[1] != len(names):
        raise ValueError(f"table of shape {table.shape} for {len(names)} feature names")
    columns = {name: number for number, name in enumerate(names)}

    def shuffled(members: Sequence[str]) -> Iterator[Table]:
        chosen = [columns[member] for member in members]
        result = table.copy()
        for order in orders:
            result[:, chosen] = table[np.ix_(order, chosen)]
            yield result

    whole = _scored(score, table)
    singles: list[tuple[_Named, Scores]] = [
        ((name, "feature", ()), _falls(whole, score, shuffled((name,)), len(orders)))
        for name in names
    ]
    grouped: list[tuple[_Named, Scores]] = [
        ((name, "group", tuple(members)), _falls(whole, score, shuffled(members), len(orders)))
        for name, members in (groups or {}).items()
    ]
    return [
        (*_by_mean(singles, column), *_by_mean(grouped, column)) for column in range(len(whole))
    ]


def field_importance(
    score: Callable[[Sequence[Document]], float],
    documents: Sequence[Document],
    *,
    fields: Sequence[str] = FIELD_NAMES,
    orders: Permutations,
) -> tuple[Importance, ...]:
    """Importance of every field of the documents, by falling mean.

    A document gets the field's texts of another one, page by page: its home page that of the
    other's home page. Where the other has fewer pages, they are used again from the first.
    """
    [found] = field_importances(
        lambda shuffled: [score(shuffled)], documents, fields=fields, orders=orders
    )
    return found


def field_importances(
    score: Callable[[Sequence[Document]], Scores],
    documents: Sequence[Document],
    *,
    fields: Sequence[str] = FIELD_NAMES,
    orders: Permutations,
) -> list[tuple[Importance, ...]]:
    """As `field_importance`, for several scores that are measured at once; one answer each."""
    whole = _scored(score, documents)
    measured: list[tuple[_Named, Scores]] = []
    for field in fields:
        variants = (list(_with_field(documents, field, order)) for order in orders)
        measured.append(((field, "field", ()), _falls(whole, score, variants, len(orders))))
    return [_by_mean(measured, column) for column in range(len(whole))]


def correlated_groups(
    table: Table, names: Sequence[str], *, least: float = 0.8
) -> dict[str, tuple[str, ...]]:
    """Features that say nearly the same, by the name of the first and the number of the others.

    Two belong together where the size of their rank correlation is at least `least`, and so does
    what belongs to either (single linkage). A feature alone makes no group.
    """
    close = np.abs(spearman(table.astype(np.float64))) >= least - 1e-12
    groups: dict[str, tuple[str, ...]] = {}
    left = dict.fromkeys(range(len(names)))
    while left:
        members = _connected(next(iter(left)), close)
        for member in members:
            left.pop(member, None)
        if len(members) > 1:
            chosen = tuple(names[member] for member in sorted(members))
            groups[f"{chosen[0]} + {len(chosen) - 1}"] = chosen
    return groups


def _connected(start: int, close: NDArray[np.bool_]) -> set[int]:
    members, waiting = {start}, [start]
    while waiting:
        near = set(np.flatnonzero(close[waiting.pop()]).tolist()) - members
        members |= near
        waiting += near
    return members


def _scored(score: Callable[[Shuffled], Scores], rows: Shuffled) -> NDArray[np.float64]:
    return np.array(score(rows), dtype=np.float64)


def _falls(
    whole: NDArray[np.float64],
    score: Callable[[Shuffled], Scores],
    variants: Iterable[Shuffled],
    repeats: int,
) -> NDArray[np.float64]:
    """Fall of each score for each repeat, (repeats, n_scores)."""
    falls = [whole - _scored(score, variant) for variant in variants]
    return np.array(falls, dtype=np.float64).reshape(repeats, len(whole))


def _by_mean(measured: Iterable[tuple[_Named, Scores]], column: int) -> tuple[Importance, ...]:
    found = []
    for (name, kind, members), table in measured:
        falls = np.asarray(table)[:, column]
        found.append(
            Importance(
                name=name,
                kind=kind,
                mean=float(falls.mean()),
                spread=float(falls.std()),
                falls=tuple(falls.tolist()),
                members=members,
            )
        )
    return tuple(sorted(found, key=lambda importance: -importance.mean))


def _with_field(
    documents: Sequence[Document], field: str, order: NDArray[np.intp]
) -> Iterator[Document]:
    for document, other in zip(documents, order.tolist(), strict=True):
        given = documents[other].pages
        pages = tuple(
            PageText(
                url=page.url,
                fields=_replaced(page.fields, field, given[number % len(given)].fields),
            )
            for number, page in enumerate(document.pages)
        )
        yield replace(document, pages=pages, extracts=())


def _replaced(fields: Fields, name: str, given: Fields) -> Fields:
    return replace(fields, **{name: getattr(given, name)})
