"""What a page is built of, counted: the shape by which a shop differs from a newspaper."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from taxocrawl.records import Structure

ELEMENTS: Final = (
    *("form", "input", "select", "textarea", "button", "label", "img", "video", "audio"),
    *("iframe", "table", "tr", "ul", "li", "dl", "p", "article", "section", "time", "script"),
    *("code", "blockquote", "h2", "h3", "nav", "sup"),
)
# Parts of class names and identifiers, as programmers all over the world write them in English.
# Chosen by what told forms apart on the train pages.
MARKS: Final = (
    *("cart", "checkout", "price", "product", "sku", "shipping", "wishlist", "discount"),
    *("comment", "author", "byline", "publish", "reply", "thread", "forum", "topic", "member"),
    *("newsletter", "subscribe", "breaking", "headline", "related", "course", "student"),
    *("campus", "admission", "donate", "volunteer", "event", "schedule", "job", "listing"),
    *("filter", "pagination", "download", "player", "gallery", "episode", "portfolio"),
    *("service", "contact", "citizen", "category-", "login", "signup", "search"),
)
# A page's head and its first screens; longer ones only cost time: at 80,000 .5 ms a page.
SOURCE_CHARS: Final = 80_000
MAX_TYPES: Final = 30
CLASS_CHARS: Final = 300

_NAMES = re.compile(r'(?:class|id)="([^"]{1,200})"')
_TYPE = re.compile(r'"@type"\s*:\s*(?:\[\s*)?"(?:https?://schema\.org/)?(\w{1,60})"')


def structure(tree: Any, html: str, json_ld: Iterable[str]) -> Structure:
    """Counts of elements (by tag) and of marks in their names (`~word`), those above 0.

    `tree` still holds what readers do not see.
    """
    elements = Counter(element.tag for element in tree.iter(*ELEMENTS))
    names = " ".join(_NAMES.findall(html[:SOURCE_CHARS])).lower()
    marks = ((f"~{mark}", names.count(mark)) for mark in MARKS)
    counts = (*((tag, elements[tag]) for tag in ELEMENTS), *marks)
    types: dict[str, None] = {}
    for block in json_ld:
        types.update(dict.fromkeys(_TYPE.findall(block[:SOURCE_CHARS])))
    body = next(tree.iter("body"), None)
    classes = "" if body is None else " ".join((body.get("class") or "").split())
    return Structure(
        counts=tuple((name, count) for name, count in counts if count),
        types=tuple(types)[:MAX_TYPES],
        body_class=classes[:CLASS_CHARS],
    )
