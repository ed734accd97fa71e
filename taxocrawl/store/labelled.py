"""Stored pages with the categories that people gave them: what a classifier may learn from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxocrawl.store.labels import WAIT_S
from taxocrawl.store.reader import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """What the newest run read of a page, and its categories, as the person named them."""

    domain: str
    url: str
    title: str
    description: str
    headings: str
    text: str
    language: str
    node_ids: tuple[str, ...]


def labelled_pages(path: Path, taxonomy: str) -> Iterator[LabelledText]:
    """Labelled pages, and of labelled sites the home page; those without any text are left out."""
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(_LABELLED, [taxonomy]).fetchall()
    for *texts, node_ids in rows:
        domain, url, title, description, headings, text, language = (t or "" for t in texts)
        yield LabelledText(
            domain=domain,
            url=url,
            title=title,
            description=description,
            headings=headings,
            text=text,
            language=language,
            node_ids=tuple(node_ids),
        )


_LABELLED: Final = """
    SELECT pages.domain, pages.url, any_value(pages.title), any_value(pages.description),
        any_value(pages.headings), any_value(pages.text), any_value(pages.language),
        list(labels.node_id ORDER BY labels.created_at, labels.node_id)
    FROM standing_labels AS labels
    JOIN newest_sites ON newest_sites.domain = labels.domain
    JOIN pages
        ON pages.run_id = newest_sites.run_id
        AND pages.domain = labels.domain
        AND (pages.url = labels.url OR labels.url IS NULL AND pages.position = 0)
    WHERE labels.taxonomy = ? AND labels.node_id IS NOT NULL
        AND concat_ws('', pages.title, pages.description, pages.text) <> ''
    GROUP BY pages.domain, pages.url
    ORDER BY pages.domain, pages.url
"""
