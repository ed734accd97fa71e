"""Facts that a page states about itself in markup: JSON-LD, OpenGraph, meta elements."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from taxocrawl.extraction.decoding import storable
from taxocrawl.records import Fact

# C19: a block beyond these is ignored, the others still speak.
BLOCK_CHARS = 256 * 1024
BLOCK_DEPTH = 50
MAX_FACTS = 200
VALUE_CHARS = 500

# What a classifier or a reader can use; offers, coordinates, search boxes and image sizes are left.
_KEPT = frozenset(
    """@type name alternateName headline description category genre keywords about articleSection
    brand servesCuisine sport industry knowsAbout recipeCategory recipeCuisine slogan price
    occupationalCategory applicationCategory additionalType inLanguage sku gtin13 areaServed
    addressCountry addressLocality author publisher isbn material color numberOfEmployees
    """.split()  # noqa: SIM905
)
# These describe the page's scaffolding, not its subject.
_SCAFFOLDING = frozenset(
    """WebSite WebPage SearchAction EntryPoint ReadAction BreadcrumbList ListItem ImageObject
    PropertyValueSpecification ContactPoint GeoCoordinates SiteNavigationElement WPHeader WPFooter
    CollectionPage AggregateRating Rating ItemList InteractionCounter""".split()  # noqa: SIM905
)
_META_KEPT = re.compile(
    r"^(?:og:(?:type|title|description|site_name|locale)|article:(?:section|tag)|product:(?:brand|category)|"
    r"twitter:(?:title|description)|generator|application-name|news_keywords|subject|category|"
    r"classification|abstract|topic|rating|dc\.subject|dc\.title|dc\.description|dcterms\.subject)$"
)
_CONTROL = re.compile(r"[\x00-\x1f]+")
_SPACE = re.compile(r"\s+")


def json_ld_facts(blocks: Iterable[str]) -> tuple[Fact, ...]:
    """Facts of all blocks that can be read, named `Type.property`; broken ones are passed over."""
    facts: dict[Fact, None] = {}
    for block in blocks:
        for fact in _block_facts(block):
            facts[fact] = None
            if len(facts) >= MAX_FACTS:
                return tuple(facts)
    return tuple(facts)


def meta_facts(metas: Iterable[tuple[str, str]]) -> tuple[Fact, ...]:
    """Facts of (name or property, content) pairs of meta elements."""
    facts: dict[Fact, None] = {}
    for name, content in metas:
        key, value = name.strip().lower(), tidy(content)[:VALUE_CHARS]
        if value and _META_KEPT.match(key):
            is_open_graph = key.startswith(("og:", "article:", "product:"))
            facts[Fact(source="opengraph" if is_open_graph else "meta", name=key, value=value)] = (
                None
            )
        if len(facts) >= MAX_FACTS:
            break
    return tuple(facts)


def tidy(text: str) -> str:
    """One line: storable, white space runs as one space, none at the ends."""
    return _SPACE.sub(" ", storable(text)).strip()


def _block_facts(block: str) -> Iterator[Fact]:
    if len(block) > BLOCK_CHARS or _depth(block) > BLOCK_DEPTH:
        return
    text = block.strip().removeprefix("<!--").removesuffix("-->").strip().rstrip(";")
    try:
        # Line breaks inside strings are the commonest fault of hand-made blocks.
        data = json.loads(_CONTROL.sub(" ", text), parse_constant=str)
    except (ValueError, RecursionError):
        return
    yield from _walk(data, "")


def _depth(block: str) -> int:
    """Upper bound of the nesting; brackets inside strings count too, which does no harm."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[{}\]]", block):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _walk(node: object, owner: str) -> Iterator[Fact]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, owner)
    elif isinstance(node, Mapping):
        kind = _type_of(node) or owner
        for key, value in node.items():
            yield from _property(kind, str(key), value)


def _property(kind: str, key: str, value: object) -> Iterator[Fact]:
    values = value if isinstance(value, list) else [value]
    for item in values:
        if isinstance(item, Mapping | list):
            yield from _walk(item, kind)
        elif key in _KEPT and kind not in _SCAFFOLDING and isinstance(item, str | int | float):
            text = tidy(str(item))[:VALUE_CHARS]
            if text:
                yield Fact(source="json-ld", name=f"{kind}.{key}" if kind else key, value=text)


def _type_of(node: Mapping[object, object]) -> str:
    kind = node.get("@type")
    if isinstance(kind, list):
        kind = next((item for item in kind if isinstance(item, str)), "")
    return tidy(kind).rsplit("/", 1)[-1][:80] if isinstance(kind, str) else ""
