"""How far people who labelled the same sites agree."""

import itertools
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from taxocrawl.store.labels import WAIT_S
from taxocrawl.store.reader import reading

Level = Literal["tier1", "node"]
Answer = tuple[str, ...]
"""Ids that a person gave a site, in order; none where they said that nothing fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A site that two people see differently; paths, none where they said that nothing fits."""

    domain: str
    a: tuple[str, ...]
    b: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two labellers at one level, on the `n_sites` that both labelled.

    `share` agree in all categories of the site; `kappa` is Cohen's (1960), where a set of several
    categories is a category of its own; None where chance alone would give full agreement.
    """

    taxonomy: str
    a: str
    b: str
    level: Level
    n_sites: int
    share: float
    kappa: float | None
    disagreements: tuple[Disagreement, ...]


def agreements(path: Path, *, taxonomy: str | None = None) -> tuple[Agreement, ...]:
    """Every two people with a site in common, at tier 1 and at the category itself."""
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(_ANSWERS, [taxonomy, taxonomy]).fetchall()
    said: dict[str, dict[str, dict[str, Mapping[Level, Answer]]]] = {}
    for of_taxonomy, person, domain, tier1, node in rows:
        levels: Mapping[Level, Answer] = {"tier1": tuple(tier1), "node": tuple(node)}
        said.setdefault(of_taxonomy, {}).setdefault(person, {})[domain] = levels
    found = []
    for name, people in said.items():
        for a, b in itertools.combinations(sorted(people), 2):
            domains = sorted(people[a].keys() & people[b].keys())
            levels_wanted: tuple[Level, ...] = ("tier1", "node") if domains else ()
            for level in levels_wanted:
                first = [people[a][domain][level] for domain in domains]
                second = [people[b][domain][level] for domain in domains]
                found.append(_agreement(name, a, b, level, domains, first, second))
    return tuple(found)


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa: (p_o - p_e) / (1 - p_e), 1 for full agreement, 0 for that of chance.

    Cohen, A Coefficient of Agreement for Nominal Scales, 1960. None where p_e is 1: both used one
    and the same category throughout.
    """
    n = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    counts = Counter(second)
    expected = sum(times * counts[answer] for answer, times in Counter(first).items()) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _agreement(
    taxonomy: str,
    a: str,
    b: str,
    level: Level,
    domains: Sequence[str],
    first: Sequence[Answer],
    second: Sequence[Answer],
) -> Agreement:
    differing = tuple(
        Disagreement(domain=domain, a=one, b=other)
        for domain, one, other in zip(domains, first, second, strict=True)
        if one != other
    )
    return Agreement(
        taxonomy=taxonomy,
        a=a,
        b=b,
        level=level,
        n_sites=len(domains),
        share=1 - len(differing) / len(domains),
        kappa=kappa(first, second),
        disagreements=differing,
    )


# Paths stand for ids: they are what a reader of the disagreements wants, and as unique.
_ANSWERS: Final = """
    SELECT
        labels.taxonomy,
        labels.labelled_by,
        labels.domain,
        coalesce(list(DISTINCT root.path ORDER BY root.path) FILTER (root.path IS NOT NULL), []),
        coalesce(list(DISTINCT nodes.path ORDER BY nodes.path) FILTER (nodes.path IS NOT NULL), [])
    FROM labels
    LEFT JOIN nodes ON nodes.taxonomy = labels.taxonomy AND nodes.node_id = labels.node_id
    LEFT JOIN nodes AS root
        ON root.taxonomy = nodes.taxonomy AND root.node_id = nodes.path_ids[1]
    WHERE labels.verdict = 'is' AND labels.url IS NULL AND (? IS NULL OR labels.taxonomy = ?)
    GROUP BY labels.taxonomy, labels.labelled_by, labels.domain
    ORDER BY ALL
"""
