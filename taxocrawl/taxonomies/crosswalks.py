"""From one taxonomy's nodes to another's, by the packaged tables and by chains of them."""

import csv
import functools
import heapq
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Taxonomy

Relation = Literal["exact", "broader", "narrower", "related"]

_RELATIONS: Mapping[str, Relation] = {
    "exact": "exact",
    "broader": "broader",
    "narrower": "narrower",
    "related": "related",
}
_INVERSE: Mapping[Relation, Relation] = {
    "exact": "exact",
    "broader": "narrower",
    "narrower": "broader",
    "related": "related",
}
_CLOSEST_FIRST: tuple[Relation, ...] = ("exact", "broader", "narrower", "related")

# What an answer that is not exact counts for when chains of tables are weighed. Backward is a table
# read against its direction: its ranks were not given for that.
_WORTH_FORWARD, _WORTH_BACKWARD = 0.5, 0.25
# Between chains that lose alike the shorter one goes first.
_STEP_COST = 0.001

# IAB 1.0's Uncategorized, Under Construction and Incentivized say nothing about the subject: their
# parents' answers are not theirs.
NO_SUBJECT: Mapping[str, frozenset[str]] = {
    "iab-1.0": frozenset({"IAB24", "IAB25-6", "IAB25-7"}),
}

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "iab-3.1": ("iab-3.0", "iab-2.2", "iab-2.1", "iab-2.0", "iab-1.0", "iab-ad-product-2.0"),
}
"""Taxonomies whose answers may be taken from those in another, which has the crosswalk to them.

Not in the list, though tables lead there: Google, IPTC and Ad Product 1.1, for which a fifth to a
quarter of the nodes of 3.1 have no answer and most others merely a related one.
"""


class Mapped(NamedTuple):
    """One answer. `relation` says what `node_id` is as seen from the node that was asked about.

    `rank` 1 is the answer to give when only one is wanted.
    """

    node_id: str
    relation: Relation
    rank: int


class Row(NamedTuple):
    """One line of a crosswalk; `by` is the source file, `same-id`, `judgement` or the like."""

    from_id: str
    to_id: str
    relation: Relation
    by: str
    rank: int


Table = Mapping[str, tuple[Mapped, ...]]
"""Answers by node, best first; a node without any is absent."""


class Crosswalk:
    """Answers of one taxonomy's nodes in another.

    `steps` are the taxonomies that the way leads through, both ends included: two where a table
    stands in between, more where several are composed. Relations compose by logic: `exact` changes
    nothing, two of a kind keep it (broader than broader is broader), any other pair is `related`.
    """

    def __init__(self, source: Taxonomy, steps: Sequence[str], table: Table) -> None:
        self.source = source.name
        self.target = steps[-1]
        self.steps = tuple(steps)
        self._taxonomy = source
        self._table = table

    def convert(self, node_id: str) -> tuple[Mapped, ...]:
        """Answers for a node, best first; () where there is none. TaxonomyError: unknown id.

        A node without an answer of its own takes that of its nearest ancestor which has one:
        `broader` where the ancestor's is exact or broader, else `related`.
        """
        if node_id in NO_SUBJECT.get(self.source, ()):
            return ()
        for step in reversed(self._taxonomy.lineage(node_id)):
            if answers := self._table.get(step):
                return answers if step == node_id else _rolled_up(answers)
        return ()

    def rows(self) -> Iterator[Row]:
        """Every answer of every node, in the order of the source taxonomy."""
        written: dict[tuple[str, str], str] = {}
        if (self.source, self.target) in tables():
            table = _read_table(self.source, self.target)
            written = {(row.from_id, row.to_id): row.by for row in table}
        otherwise = "roll-up" if written else f"composed: {' > '.join(self.steps)}"
        for node_id in self._taxonomy.ids:
            for to_id, relation, rank in self.convert(node_id):
                by = written.get((node_id, to_id), otherwise)
                yield Row(node_id, to_id, relation, by, rank)


def load(source: str, target: str) -> Crosswalk:
    """The crosswalk between two packaged taxonomies, by name or alias.

    TaxonomyError where no chain of tables leads there. Do not block on the answers that 2.0 and 2.1
    give for Sensitive Topics: those versions have no such nodes, so they are related at best.
    """
    return _load(formats.canonical_name(source), formats.canonical_name(target))


def cattax_code(name: str) -> int | None:
    """The OpenRTB code that goes with ids of that taxonomy; None where AdCOM lists none.

    Partners agree on a code from 500 up for those (Google, IPTC, descriptive vectors).
    """
    return formats.PACKAGED[formats.canonical_name(name)].cattax


@functools.cache
def tables() -> frozenset[tuple[str, str]]:
    """(source, target) of every packaged table."""
    pairs = (path.stem.split("__") for path in (formats.DATA / "crosswalks").glob("*.tsv"))
    return frozenset((source, target) for source, target in pairs)


@functools.cache
def _load(source: str, target: str) -> Crosswalk:
    taxonomy = formats.load(source)
    if source == target:
        same = {node_id: (Mapped(node_id, "exact", 1),) for node_id in taxonomy.ids}
        return Crosswalk(taxonomy, (source, target), same)
    steps = _way(source, target)
    table = _table(*steps[:2])
    for pair in itertools.pairwise(steps[1:]):
        table = _composed(table, Crosswalk(formats.load(pair[0]), pair, _table(*pair)))
    return Crosswalk(taxonomy, steps, table)


def _way(source: str, target: str) -> tuple[str, ...]:
    """The chain of taxonomies that loses least (Dijkstra over `_loss`).

    A written table is always taken as it is. Otherwise counting steps would lead from 3.1 to 2.0
    through the 392 nodes of 1.0 instead of the equal ids of 2.1.
    """
    if (source, target) in tables():
        return source, target
    waiting: list[tuple[float, tuple[str, ...]]] = [(0.0, (source,))]
    done = set()
    while waiting:
        cost, way = heapq.heappop(waiting)
        if way[-1] == target:
            return way
        if way[-1] in done:
            continue
        done.add(way[-1])
        neighbours = {pair[1 - i] for pair in tables() for i in (0, 1) if pair[i] == way[-1]}
        for neighbour in neighbours - done:
            heapq.heappush(waiting, (cost + _loss(way[-1], neighbour), (*way, neighbour)))
    raise TaxonomyError(f"no crosswalk leads from {source!r} to {target!r}")


@functools.cache
def _loss(source: str, target: str) -> float:
    """-log of the share of nodes that the table answers, inexact answers counted in part."""
    best = [answers[0].relation for answers in _table(source, target).values()]
    exact = best.count("exact")
    worth = _WORTH_FORWARD if (source, target) in tables() else _WORTH_BACKWARD
    share = (exact + worth * (len(best) - exact)) / len(formats.load(source))
    return _STEP_COST - math.log(share)


@functools.cache
def _table(source: str, target: str) -> Table:
    """The table between two neighbours, read backwards where only the other way is written."""
    if (source, target) in tables():
        rows = sorted(_read_table(source, target), key=lambda row: row.rank)
    else:
        rows = [
            Row(row.to_id, row.from_id, _INVERSE[row.relation], row.by, row.rank)
            for row in _read_table(target, source)
        ]
        # Ranks were given for the other direction: the closest relation goes first.
        rows.sort(key=lambda row: (_CLOSEST_FIRST.index(row.relation), row.rank))
    answers: dict[str, list[tuple[str, Relation]]] = {}
    for row in rows:
        answers.setdefault(row.from_id, []).append((row.to_id, row.relation))
    return {node_id: _ranked(found) for node_id, found in answers.items()}


def _read_table(source: str, target: str) -> Iterator[Row]:
    path: Path = formats.DATA / "crosswalks" / f"{source}__{target}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    for from_id, to_id, relation, by, rank in csv.reader(
        lines, delimiter="\t", quoting=csv.QUOTE_NONE
    ):
        yield Row(from_id, to_id, _RELATIONS[relation], by, int(rank))


def _composed(first: Table, second: Crosswalk) -> Table:
    """What the first table's answers become by the second crosswalk, best first."""
    composed = {}
    for node_id, answers in first.items():
        found = (
            (last.node_id, compose(middle.relation, last.relation))
            for middle in answers
            for last in second.convert(middle.node_id)
        )
        if ranked := _ranked(found):
            composed[node_id] = ranked
    return composed


def compose(first: Relation, second: Relation) -> Relation:
    """Relation of C to A, from that of B to A and of C to B."""
    if first == "exact":
        return second
    if second in ("exact", first):
        return first
    return "related"


def _ranked(found: Iterable[tuple[str, Relation]]) -> tuple[Mapped, ...]:
    """Each node once, by its first appearance, ranks counted anew."""
    first: dict[str, Relation] = {}
    for node_id, relation in found:
        first.setdefault(node_id, relation)
    return tuple(Mapped(node, relation, i) for i, (node, relation) in enumerate(first.items(), 1))


def _rolled_up(answers: tuple[Mapped, ...]) -> tuple[Mapped, ...]:
    return tuple(
        answer._replace(
            relation="broader" if answer.relation in ("exact", "broader") else "related"
        )
        for answer in answers
    )
