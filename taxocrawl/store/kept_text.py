"""The text that a store kept of its sites, and what asked about it: enough to ask again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxocrawl.store.reader import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPage:
    """One page's fields as they were kept; '' where a field was not (setting `keep_text`)."""

    url: str
    title: str
    description: str
    headings: str
    text: str
    link_texts: str
    alt_texts: str
    facts: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSite:
    """A site of its newest run: its pages, home page first, and settings of that run.

    `min_confidence` None: the model's own thresholds. `model_ids` of the answers that count.
    """

    domain: str
    classifiers: tuple[str, ...]
    taxonomies: tuple[str, ...]
    model: str
    min_confidence: float | None
    model_ids: tuple[str, ...]
    pages: tuple[KeptPage, ...]

    @property
    def has_text(self) -> bool:
        """Whether anything was kept that a classifier could read."""
        return any(page.title or page.description or page.text for page in self.pages)


def kept_sites(path: Path, domains: Sequence[str] | None = None) -> tuple[KeptSite, ...]:
    """Sites of the store that were read, by domain: all, or those of these names."""
    with reading(path) as store:
        everything = domains is None
        sites = store.execute(_SITES, [everything, list(domains or ())]).fetchall()
        pages = store.execute(_PAGES, [everything, list(domains or ())]).fetchall()
    of_site: dict[str, list[KeptPage]] = {}
    for domain, *values in pages:
        named = dict(zip(KeptPage.__slots__, (value or "" for value in values), strict=True))
        of_site.setdefault(domain, []).append(KeptPage(**named))
    return tuple(
        KeptSite(
            domain=domain,
            classifiers=tuple(classifiers or ()),
            taxonomies=tuple(taxonomies or ()),
            model=model or "",
            min_confidence=min_confidence,
            model_ids=tuple(model_ids or ()),
            pages=tuple(of_site.get(domain, ())),
        )
        for domain, classifiers, taxonomies, model, min_confidence, model_ids in sites
    )


def site_names(path: Path) -> list[str]:
    """Every site that was read, by name."""
    with reading(path) as store:
        return [name for (name,) in store.execute(_NAMES).fetchall()]


_NAMES: Final = """
    SELECT domain FROM newest_sites WHERE outcome IN ('classified', 'uncertain') ORDER BY domain
"""
_SITES: Final = """
    SELECT s.domain, r.classifiers, from_json(r.settings->'$.taxonomies', '["VARCHAR"]'),
        r.settings->>'$.model', try_cast(r.settings->>'$.min_confidence' AS DOUBLE),
        (SELECT list(DISTINCT p.model_id ORDER BY p.model_id) FROM predictions AS p
         WHERE p.run_id = s.run_id AND p.domain = s.domain AND p.decides)
    FROM newest_sites AS s JOIN runs AS r ON r.run_id = s.run_id
    WHERE s.outcome IN ('classified', 'uncertain') AND (? OR list_contains(?, s.domain))
    ORDER BY s.domain
"""
_PAGES: Final = f"""
    SELECT p.domain, {", ".join(f"p.{name}" for name in KeptPage.__slots__)}
    FROM pages AS p JOIN newest_sites AS s ON s.run_id = p.run_id AND s.domain = p.domain
    WHERE ? OR list_contains(?, p.domain)
    ORDER BY p.domain, p.position
"""  # noqa: S608 - names of our own fields
