"""What taxocrawl itself supplies, through the hooks that strangers use."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.protocols import (
    ClassifierFactory,
    EncoderFactory,
    ExplainerFactory,
    ExtractorFactory,
    Resources,
    TaxonomyFactory,
)
from taxocrawl.taxonomies import formats


class Lazy:
    """A factory `room.module:function` whose module is imported when it is first called.

    Importing xgboost or trafilatura takes up to a second, which `taxocrawl --help` must not pay.
    """

    def __init__(self, target: str) -> None:
        self.module, _, self.function = target.partition(":")

    def __call__(self, resources: Resources) -> Any:
        """The component."""
        return getattr(import_module(f"taxocrawl.{self.module}"), self.function)(resources)


@hookimpl
def register_taxonomies() -> Mapping[str, TaxonomyFactory]:
    """The packaged taxonomies."""
    return formats.factories()


@hookimpl
def register_extractors() -> Mapping[str, ExtractorFactory]:
    """The rungs of the extraction ladder."""
    return {
        "trafilatura": Lazy("extraction.ladder:create_trafilatura"),
        "trafilatura_precise": Lazy("extraction.ladder:create_trafilatura_precise"),
        "baseline": Lazy("extraction.ladder:create_baseline"),
        "visible": Lazy("extraction.ladder:create_visible"),
        "resiliparse": Lazy("extraction.ladder:create_resiliparse"),
    }


@hookimpl
def register_encoders() -> Mapping[str, EncoderFactory]:
    """The encoder of the chosen model."""
    return {"default": Lazy("classifiers.encoders.static:create")}


@hookimpl
def register_classifiers() -> Mapping[str, ClassifierFactory]:
    """The default classifier, an untrained one, plain ones, several as one, a slow one."""
    return {
        "ranker": Lazy("classifiers.ranker:create"),
        "nearest": Lazy("classifiers.nearest:create"),
        "linear": Lazy("classifiers.linear_classifier:create"),
        "keywords": Lazy("classifiers.keywords:create"),
        "products": Lazy("classifiers.products:create"),
        "ensemble": Lazy("classifiers.ensemble:create"),
        "transformer": Lazy("classifiers.transformer:create"),
    }


@hookimpl
def register_explainers() -> Mapping[str, ExplainerFactory]:
    """Leave-words-out and SHAP for every site; LIME and Anchors on request."""
    return {
        "words": Lazy("explanations.occlusion:create"),
        "shap": Lazy("explanations.shapley:create"),
        "lime": Lazy("explanations.lime:create"),
        "anchors": Lazy("explanations.anchors:create"),
    }
