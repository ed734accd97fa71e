"""The rungs of the extraction ladder, each a way from a parsed page to its main text.

The setting `extractors` names them in order; the first that finds enough words speaks. Users' own
rungs stand beside these by the hook `register_extractors`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from taxocrawl import words
from taxocrawl.extraction.visible import visible_text
from taxocrawl.protocols import Extractor, ParsedPage, Resources

logger = logging.getLogger(__name__)

# trafilatura's time grows faster than the tree: 100,000 table rows took it 11 s (C10), a thousand
# tables one in the other 4 s (C08; the deepest on a of 3,589 real pages: 12).
TRAFILATURA_NODES = 30_000
TRAFILATURA_TABLES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Main text and the rung that gave it."""

    text: str
    extractor: str
    words: int
    notes: tuple[str, ...] = ()


def climb(page: ParsedPage, ladder: Sequence[tuple[str, Extractor]], enough: int) -> Spoken:
    """Text of the first rung with enough words, else the longest text of all rungs."""
    best = Spoken(text="", extractor="", words=0)
    notes: tuple[str, ...] = ()
    for name, extractor in ladder:
        try:
            text = extractor.main_text(page)
        except MemoryError:  # the worker's limit, not the rung's fault alone
            raise
        except Exception as error:  # a rung may be a plugin: it is named, the next one is asked
            logger.warning("extractor %s failed on %s: %r", name, page.url, error)
            notes += (f"rung_failed:{name}",)
            continue
        found = words.count(text)
        if found > best.words:
            best = Spoken(text=text, extractor=name, words=found)
        if found >= enough:
            break
    return replace(best, notes=notes) if notes else best


class Trafilatura:
    """trafilatura in its fast mode, recall first; without metadata, whose date search costs twice
    the rest (37.8 against 12.3 ms a page).
    """

    def __init__(self, *, recall: bool) -> None:
        # Imported here: 0.2 s that `taxocrawl --help` and a run on stored text do not need.
        from trafilatura import bare_extraction

        self._extract = bare_extraction
        self._recall = recall

    def main_text(self, page: ParsedPage) -> str:
        """Text without comments; '' for a tree so large that the rung would take seconds."""
        if _is_huge(page.tree):
            return ""
        try:
            found: Any = self._extract(
                page.tree,
                fast=True,
                favor_recall=self._recall,
                include_comments=False,
                with_metadata=False,
            )
        except RecursionError:  # lists nested a thousand deep (C08)
            return ""
        return str(found.text or "") if found else ""


class Baseline:
    """trafilatura's baseline: articleBody of JSON-LD, article elements, paragraphs, else all."""

    def __init__(self) -> None:
        from trafilatura import baseline

        self._baseline = baseline

    def main_text(self, page: ParsedPage) -> str:
        """Text of the first source that has some; '' for a huge tree."""
        if _is_huge(page.tree):
            return ""
        _, text, _ = self._baseline(page.tree)
        return str(text)


class Visible:
    """Everything a reader sees, menus included."""

    def main_text(self, page: ParsedPage) -> str:
        """One line a block element."""
        return visible_text(page.tree)


class Resiliparse:
    """resiliparse's main content, where the package is installed: a tenth of trafilatura's time."""

    def __init__(self) -> None:
        from resiliparse.extract.html2text import extract_plain_text

        self._extract = extract_plain_text

    def main_text(self, page: ParsedPage) -> str:
        """Plain text of what it takes for the main content."""
        return str(
            self._extract(
                page.html, main_content=True, links=False, alt_texts=False, comments=False
            )
        )


def create_trafilatura(resources: Resources) -> Extractor:
    """Rung `trafilatura`."""
    return Trafilatura(recall=True)


def create_trafilatura_precise(resources: Resources) -> Extractor:
    """Rung `trafilatura_precise`: its own balance, which leaves more teasers out."""
    return Trafilatura(recall=False)


def create_baseline(resources: Resources) -> Extractor:
    """Rung `baseline`."""
    return Baseline()


def create_visible(resources: Resources) -> Extractor:
    """Rung `visible`."""
    return Visible()


def create_resiliparse(resources: Resources) -> Extractor:
    """Rung `resiliparse`; ImportError where the package is missing."""
    return Resiliparse()


_IS_HUGE = etree.XPath(
    f"count(//*) > {TRAFILATURA_NODES}"
    f" or boolean(//table[count(ancestor::table) > {TRAFILATURA_TABLES}])"
)


def _is_huge(tree: Any) -> bool:
    return bool(_IS_HUGE(tree))
