"""Whether a page has a topic at all: parked, gated, a bot check, not found, empty, thin.

Decided before any classifier sees the page, so that a parked domain is never classified by its ads.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from taxocrawl import words
from taxocrawl.extraction.status_rules import Rule, rules
from taxocrawl.records import Extract, StatusHint
from taxocrawl.settings import Settings

TEXT_CHARS = 2_000
HEADINGS = 3
# A line of that many words is a sentence, a shorter one a menu entry, a label, an option.
PROSE_WORDS = 10
# Words of a page below which the markup of a challenge or an app speaks louder than they do.
BARE_WORDS = 80
# Words of a page below which its description is all that a landing page of scripts says.
FEW_WORDS = 25
# What a shell shows until its scripts have run: "Loading, please wait".
LOADING_WORDS = 4

_SEPARATOR = re.compile(r"\s+[-–—:·•|]+\s+|\s*(?:[|»›]|::)\s*")

ENDS_THE_VISIT = frozenset({"parked", "bot_check", "soft404"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A page's words as the rules read them."""

    titles: tuple[str, ...]
    headings: tuple[str, ...]
    text: str
    prose: int
    words: int
    links: int
    hints: frozenset[str]


def page_status(extract: Extract, settings: Settings) -> StatusHint | None:
    """Why the page cannot be classified, or None for one with enough to read."""
    decided = next((h for h in extract.status_hints if h.kind == "not_html"), None)
    if decided:
        return decided
    said = _said(extract)
    for rule in rules():
        if _holds(rule, said):
            return StatusHint(kind=rule.kind, detail=rule.detail, rule=rule.name)
    challenge = next((h for h in extract.status_hints if h.kind == "bot_check"), None)
    if challenge and (challenge.rule == "cf_mitigated" or _is_bare(extract, said, settings)):
        return challenge
    if _readable_words(extract) >= settings.min_words:
        return None
    return _too_little(extract, said)


def site_status(extracts: Sequence[Extract], settings: Settings) -> StatusHint | None:
    """Why the site cannot be classified, or None. `extracts` holds the home page first.

    A parked, bot_check or soft404 home page ends it; else any page with enough text wins; else the
    home page's own kind stands.
    """
    if not extracts:
        return StatusHint(kind="empty", detail="", rule="no_page")
    home = page_status(extracts[0], settings)
    if home is None or home.kind in ENDS_THE_VISIT:
        return home
    if any(page_status(extract, settings) is None for extract in extracts[1:]):
        return None
    return home


def _titles(extract: Extract) -> tuple[str, ...]:
    """The title, its parts ("Shop | Log in"), and of a page of few words the description."""
    title = _plain(extract.title)
    parts = _SEPARATOR.split(title)
    description = _plain(extract.description) if extract.text_words < FEW_WORDS else ""
    return tuple(dict.fromkeys(t for t in (title, *parts, description) if t))


def _said(extract: Extract) -> _Said:
    lines = extract.text.split("\n")
    counts = [words.count(line) for line in lines[:400]]
    return _Said(
        titles=_titles(extract),
        headings=tuple(map(_plain, extract.headings[:HEADINGS])),
        text=_plain(extract.text[:TEXT_CHARS]),
        prose=sum(count for count in counts if count >= PROSE_WORDS),
        words=extract.text_words,
        links=len(extract.links),
        hints=frozenset(hint.rule for hint in extract.status_hints),
    )


def _holds(rule: Rule, said: _Said) -> bool:
    if not rule.needs <= said.hints or (rule.hints and not rule.hints & said.hints):
        return False
    if said.links > rule.max_links or said.words > rule.max_words:
        return False
    heads = (*said.titles, *said.headings[: rule.headings])
    if rule.head and said.prose <= rule.head_limit and any(map(rule.head.search, heads)):
        return True
    return bool(rule.text and said.prose <= rule.text_limit and rule.text.search(said.text))


def _is_bare(extract: Extract, said: _Said, settings: Settings) -> bool:
    return said.words < min(BARE_WORDS, settings.min_words) and len(extract.links) < HEADINGS


def _readable_words(extract: Extract) -> int:
    """Words of all that can be read, each line once: a shell's head may say enough (C12)."""
    if extract.text_words >= 100:  # enough for any setting within reason; saves the count
        return extract.text_words
    lines = (extract.title, extract.description, *extract.headings, *extract.text.split("\n"))
    return sum(words.count(line) for line in dict.fromkeys(map(_plain, lines)))


def _too_little(extract: Extract, said: _Said) -> StatusHint:
    if "app_root" in said.hints or "asks_for_javascript" in said.hints:
        rule = "app_root" if "app_root" in said.hints else "asks_for_javascript"
        return StatusHint(kind="script_only", detail="", rule=rule)
    if extract.text_words <= LOADING_WORDS and "scripts" in said.hints:
        return StatusHint(kind="script_only", detail="", rule="scripts")
    if not extract.text_words:
        detail = "frames" if extract.frame_urls else ""
        return StatusHint(kind="empty", detail=detail, rule="no_text")
    return StatusHint(kind="thin", detail=f"{extract.text_words} words", rule="few_words")


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("\u2019", "'").split())
