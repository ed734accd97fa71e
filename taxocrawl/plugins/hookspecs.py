"""The six hooks: the whole extension surface.

A hook returns a mapping from name to factory. A factory takes `Resources` (seed, options of the
plugin's own settings table, taxonomies, encoders, model folders) and returns one component; it is
called once a process, when the component is first needed. Implementations are called apart from
each other, so a plugin that raises spares the rest.

A plugin may say which version of all this it was written for: `TAXOCRAWL_API = 1` beside its hooks
(or `(1, 2)`, all that it works with). One written for another version is skipped and named.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

from taxocrawl.protocols import (
    ClassifierFactory,
    EncoderFactory,
    ExplainerFactory,
    ExtractorFactory,
    TaxonomyFactory,
)

if TYPE_CHECKING:
    import click

PROJECT = "taxocrawl"

API = 1
"""Version of hooks, protocols and records; grows where a plugin that keeps to them could break."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_taxonomies() -> Mapping[str, TaxonomyFactory]:
    """Taxonomies by name: `{"iab-3.1": load_iab}`."""
    raise NotImplementedError


@hookspec
def register_extractors() -> Mapping[str, ExtractorFactory]:
    """Rungs of the extraction ladder by name; the setting `extractors` puts them in order."""
    raise NotImplementedError


@hookspec
def register_encoders() -> Mapping[str, EncoderFactory]:
    """Encoders by name; the setting `encoder` chooses one."""
    raise NotImplementedError


@hookspec
def register_classifiers() -> Mapping[str, ClassifierFactory]:
    """Classifiers by name; the setting `classifiers` says which run."""
    raise NotImplementedError


@hookspec
def register_explainers() -> Mapping[str, ExplainerFactory]:
    """Explainers by name; the setting `explain` says which run for every site."""
    raise NotImplementedError


@hookspec
def register_commands(cli: "click.Group") -> None:
    """Add commands to `cli`; called once, before the command line is read."""
