"""What the commands for labels share: who speaks, of which site, in which taxonomy."""

import difflib
import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from taxocrawl.cli.options import complete_taxonomy, load_settings
from taxocrawl.errors import StoreError, TaxonomyError

if TYPE_CHECKING:
    from taxocrawl.taxonomies.tree import Taxonomy

by_option = click.option("--by", help="Who says so.  [default: your login name]")
taxonomy_option = click.option(
    "--taxonomy",
    help="A taxonomy's name or file.  [default: that of the newest run]",
    shell_complete=complete_taxonomy,
)


def speaker(by: str | None) -> str:
    """The name given, else the login name."""
    if by is not None:
        return by.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return ""


def taxonomy_for(store: Path, name: str | None) -> "Taxonomy":
    """A taxonomy whose categories the store knows; one that it lacks is written into it.

    The newest run's where no name is given. TaxonomyError names the nearest one.
    """
    from taxocrawl.plugins import loading
    from taxocrawl.store import labels
    from taxocrawl.taxonomies.formats import FILE_SUFFIXES

    known = labels.taxonomies_of(store)
    wanted = name or (known[0] if known else load_settings({}).taxonomies[0])
    found = labels.taxonomy_of(store, wanted)
    if found and Path(wanted).suffix not in FILE_SUFFIXES:
        return found
    try:
        found = loading.load(load_settings({})).taxonomy(wanted)
    except TaxonomyError as error:
        near = difflib.get_close_matches(wanted, known, n=1)
        if not near or near[0] in str(error):
            raise
        raise TaxonomyError(f"{error}; the store has {near[0]!r}") from error
    labels.add_taxonomy(store, found)
    return labels.taxonomy_of(store, found.name) or found


def site_of(store: Path, domain: str, *, page: str | None = None, new: bool = False) -> str:
    """The site's domain as the store spells it.

    StoreError names the nearest where the store holds no such site, unless it may be `new`, or no
    such page of it.
    """
    from taxocrawl import domains
    from taxocrawl.store import labels
    from taxocrawl.store.reader import StoreReader

    reader = StoreReader(store)
    host = domains.canonical_host(domain)
    for name in (host, domain):
        if name and labels.knows_site(store, name):
            if page and not labels.knows_site(store, name, page):
                answer = reader.site(name)
                urls = [stored.url for stored in answer.pages] if answer else []
                known = ", ".join(difflib.get_close_matches(page, urls, cutoff=0)) or "none"
                raise StoreError(f"{store} holds no page {page!r} of {name}; it has {known}")
            return name
    if new and host:
        return host
    near = reader.similar_domains(host or domain, limit=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise StoreError(f"{store} holds no site {domain!r}{hint}")
