"""Features over all sites of a store: how far each moved each answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxocrawl.records import Attribution, Explanation
from taxocrawl.store.reader import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFeatures:
    """The features that decided one answer of a site, and the path of its category."""

    domain: str
    path: str
    explanation: Explanation


def site_features(path: Path, *, below: str = "") -> tuple[SiteFeatures, ...]:
    """Explanations by features of the newest runs, by domain; with `below`, only of the categories
    of that path and below it.
    """
    with reading(path) as store:
        rows = store.execute(_FEATURES, [below, below, below]).fetchall()
    found = []
    for domain, node_path, taxonomy, node_id, classifier, method, unit, score, base, said in rows:
        explanation = Explanation(
            taxonomy=taxonomy,
            node_id=node_id,
            classifier=classifier,
            method=method,
            unit=unit,
            score=score,
            base_value=base,
            attributions=tuple(Attribution(kind="feature", **attribution) for attribution in said),
        )
        found.append(SiteFeatures(domain=domain, path=node_path, explanation=explanation))
    return tuple(found)


_FEATURES: Final = """
    SELECT e.domain, any_value(coalesce(n.path, e.node_id)), e.taxonomy, e.node_id, e.classifier,
        e.method, any_value(e.unit), any_value(e.score), any_value(e.base_value),
        list({'name': a.name, 'weight': a.weight, 'value': a.value} ORDER BY a.position)
    FROM explanations AS e
    JOIN newest_sites AS s ON s.run_id = e.run_id AND s.domain = e.domain
    JOIN attributions AS a
        ON (a.run_id, a.domain, a.taxonomy, a.node_id, a.classifier, a.method)
        = (e.run_id, e.domain, e.taxonomy, e.node_id, e.classifier, e.method)
    LEFT JOIN nodes AS n ON n.taxonomy = e.taxonomy AND n.node_id = e.node_id
    WHERE a.kind = 'feature'
        AND (? = '' OR n.path = ? OR starts_with(n.path, ? || ' > '))
    GROUP BY e.run_id, e.domain, e.taxonomy, e.node_id, e.classifier, e.method
    ORDER BY e.domain, e.taxonomy, e.node_id, e.method
"""
