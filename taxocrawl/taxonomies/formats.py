"""Taxonomies by name: those that ship with the package, and users' own files."""

import csv
import difflib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.node_texts import read_texts
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.taxonomies.user_file import read_csv

DATA = Path(__file__).parent / "data"
FILE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})

_IAB = "https://github.com/InteractiveAdvertisingBureau/Taxonomies"
_CC_BY_3 = "CC BY 3.0, IAB Technology Laboratory"
_GOOGLE = "https://www.google.com/basepages/producttype/taxonomy-with-ids.en-US.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """What ships under one name. `texts_of` names the taxonomy whose texts fit the same ids."""

    title: str
    source: str = _IAB
    licence: str = _CC_BY_3
    cattax: int | None = None
    texts_of: str = ""


# Codes of cattax: AdCOM 1.0, "List: Category Taxonomies". It has none for the descriptive vectors,
# Google or IPTC: partners agree on one from 500 up. Code 3 is Ad Product 1.0, of which 1.1 is the
# non-breaking update.
PACKAGED: Mapping[str, Packaged] = MappingProxyType(
    {
        "iab-1.0": Packaged(title="IAB Content Taxonomy 1.0", cattax=1),
        "iab-2.0": Packaged(title="IAB Content Taxonomy 2.0", cattax=2),
        "iab-2.1": Packaged(title="IAB Content Taxonomy 2.1", cattax=5),
        "iab-2.2": Packaged(title="IAB Content Taxonomy 2.2", cattax=6),
        # 3.1 adds one node to 3.0 and takes none away, so its glossary fits both.
        "iab-3.0": Packaged(title="IAB Content Taxonomy 3.0", cattax=7, texts_of="iab-3.1"),
        "iab-3.1": Packaged(title="IAB Content Taxonomy 3.1", cattax=9, texts_of="iab-3.1"),
        "iab-vectors": Packaged(
            title="IAB Content Taxonomy 3.0, descriptive vectors", texts_of="iab-vectors"
        ),
        "iab-ad-product-1.1": Packaged(title="IAB Ad Product Taxonomy 1.1", cattax=3),
        "iab-ad-product-2.0": Packaged(title="IAB Ad Product Taxonomy 2.0", cattax=8),
        "iab-audience-1.1": Packaged(title="IAB Audience Taxonomy 1.1", cattax=4),
        "google": Packaged(
            title="Google Product Taxonomy 2021-09-21",
            source=_GOOGLE,
            licence="Google states none; synonyms and some names: MIT, Shopify",
            texts_of="google",
        ),
        "iptc": Packaged(
            title="IPTC Media Topics 2023-03-31",
            source="https://cv.iptc.org/newscodes/mediatopic",
            licence="CC BY 4.0, IPTC, International Press Telecommunications Council",
            texts_of="iptc",
        ),
    }
)

_ALIASES = {
    "iab": "iab-3.1",
    "iab-content-vectors": "iab-vectors",
    "google-product": "google",
    "google-product-taxonomy": "google",
    "iptc-mediatopics": "iptc",
    **{name.replace("iab-", "iab-content-"): name for name in PACKAGED if name[4:5].isdecimal()},
    **{name.replace("iab-", "content-"): name for name in PACKAGED if name[4:5].isdecimal()},
}


def load(name: str) -> Taxonomy:
    """The taxonomy of a packaged name or alias, or read from a user's CSV or TSV file.

    Packaged ones are read once a process. Raises TaxonomyError.
    """
    if is_file_name(name):
        return read_csv(Path(name))
    return _load(canonical_name(name))


def is_file_name(name: str) -> bool:
    """True for a name that ends as a file which holds a taxonomy does."""
    return Path(name).suffix.lower() in FILE_SUFFIXES


def canonical_name(name: str) -> str:
    """The packaged name behind a name or alias, written in any case: `IAB Content 3.1`."""
    plain = "-".join(name.casefold().replace("_", "-").split())
    plain = _ALIASES.get(plain, plain)
    if plain in PACKAGED:
        return plain
    close = difflib.get_close_matches(plain, [*PACKAGED, *_ALIASES], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise TaxonomyError(f"unknown taxonomy {name!r}; known: {', '.join(sorted(PACKAGED))}{hint}")


def stored_name(name: str) -> str:
    """What answers call the taxonomy of that name, alias or file; an unknown name is left as is."""
    if is_file_name(name):
        return Path(name).stem
    try:
        return canonical_name(name)
    except TaxonomyError:
        return name


def factories() -> Mapping[str, Callable[[object], Taxonomy]]:
    """What the built-in plugin registers: factories that need no resources."""

    def factory(name: str) -> Callable[[object], Taxonomy]:
        return lambda resources: _load(name)

    return {name: factory(name) for name in PACKAGED}


@functools.cache
def _load(name: str) -> Taxonomy:
    entry = PACKAGED[name]
    texts = functools.partial(read_texts, DATA, entry.texts_of) if entry.texts_of else None
    return Taxonomy(
        name,
        _read_tree(DATA / "trees" / f"{name}.tsv"),
        title=entry.title,
        texts=texts,
        source=entry.source,
        licence=entry.licence,
        cattax=entry.cattax,
    )


def _read_tree(path: Path) -> list[Node]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TaxonomyError(f"{path} is missing: this installation ships without it") from None
    rows = csv.reader(text.splitlines()[1:], delimiter="\t", quoting=csv.QUOTE_NONE)
    no_flags: frozenset[str] = frozenset()
    return [
        Node(
            id=node_id,
            parent_id=parent_id or None,
            name=name,
            tier=int(tier),
            flags=frozenset(flags.split(";")) if flags else no_flags,
            note=note,
        )
        for node_id, parent_id, name, tier, flags, note in rows
    ]
