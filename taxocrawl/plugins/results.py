"""The border: what a plugin gives back is checked before anything else sees it (P06, P07)."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from numbers import Real
from operator import index
from typing import Any, get_args

from taxocrawl.errors import ResultError
from taxocrawl.extraction.decoding import storable
from taxocrawl.plugins.guard import guard
from taxocrawl.protocols import Extractor, ParsedPage
from taxocrawl.records import Attribution, AttributionKind, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

ATTRIBUTION_KINDS = frozenset(get_args(AttributionKind))

MOST_ATTRIBUTIONS = 1000
"""Of one explanation: what a store of 100,000 sites can bear and a reader cannot."""
LONGEST_TEXT = 10_000
"""Characters of a name that a plugin gives."""

Answers = tuple[Prediction, ...]


class CheckedExtractor:
    """A rung whose faults can be blamed: what is no text is refused, nothing ends the program."""

    def __init__(self, extractor: Extractor, *, name: str, plugin: str) -> None:
        self._extractor = extractor
        self._name = name
        self._plugin = plugin

    def main_text(self, page: ParsedPage) -> str:
        """The rung's text; ResultError where it is none."""
        with guard():
            text: object = self._extractor.main_text(page)
        if not isinstance(text, str):
            raise ResultError(self._plugin, f"{self._name}: main text {text!r} is no text")
        return text


def checked_batch(answers: object, n_documents: int, *, name: str, plugin: str) -> list[object]:
    """The answers, one a document; ResultError where they are not a list of that length."""
    if not isinstance(answers, list) or len(answers) != n_documents:
        count = len(answers) if isinstance(answers, list | tuple) else answers
        raise ResultError(
            plugin, f"{name}: {count!r} answers for {n_documents} documents, not a list of them"
        )
    return answers


def checked_answer(
    answer: object,
    *,
    name: str,
    plugin: str,
    taxonomies: Collection[str],
    taxonomy: Callable[[str], Taxonomy],
) -> Answers:
    """The predictions in `taxonomies` if all keep the protocol; ResultError names the field and its
    value.
    """
    if not isinstance(answer, tuple):
        raise ResultError(plugin, f"{name}: answer {answer!r} is no tuple of predictions")
    kept: dict[tuple[str, str], Prediction] = {}
    for prediction in answer:
        if not isinstance(prediction, Prediction):
            raise ResultError(plugin, f"{name}: {prediction!r} is no Prediction")
        if prediction.taxonomy not in taxonomies:
            continue
        where = f"{name}: node {prediction.node_id!r} of {prediction.taxonomy}"
        fault = _fault(prediction, name, taxonomy(prediction.taxonomy))
        key = (prediction.taxonomy, prediction.node_id)
        if fault or key in kept:
            raise ResultError(plugin, f"{where}: {fault or 'given twice'}")
        kept[key] = _plain(prediction)
    return tuple(kept.values())


def with_ancestors(answer: Answers, taxonomy: Callable[[str], Taxonomy]) -> Answers:
    """The answer, completed by rows for what lies above asserted nodes: `where tier = 1` finds all.

    An ancestor that the classifier left out is as sure as the surest node below it.
    """
    given = {(p.taxonomy, p.node_id) for p in answer}
    added: dict[tuple[str, str], Prediction] = {}
    for prediction in answer:
        if not prediction.asserted:
            continue
        tree = taxonomy(prediction.taxonomy)
        for node_id in tree.ancestors(prediction.node_id):
            key = (prediction.taxonomy, node_id)
            if key in given or (key in added and added[key].confidence >= prediction.confidence):
                continue
            tier = tree[node_id].tier
            added[key] = replace(prediction, node_id=node_id, tier=tier, rank=None)
    return (*answer, *added.values())


def checked_explanations(
    explanations: object, predictions: Sequence[Prediction], *, name: str, plugin: str
) -> list[Explanation]:
    """The explanations if all keep the protocol; ResultError names the field and its value."""
    if not isinstance(explanations, list):
        raise ResultError(plugin, f"{name}: {explanations!r} is no list of explanations")
    explained = {(p.taxonomy, p.node_id, p.classifier) for p in predictions}
    seen: set[tuple[str, str, str]] = set()
    for explanation in explanations:
        if not isinstance(explanation, Explanation):
            raise ResultError(plugin, f"{name}: {explanation!r} is no Explanation")
        where = f"{name}: node {explanation.node_id!r} of {explanation.taxonomy}"
        if (
            explanation.taxonomy,
            explanation.node_id,
            explanation.classifier,
        ) not in explained:
            raise ResultError(plugin, f"{where}: was not among the predictions to explain")
        key = (explanation.taxonomy, explanation.node_id, explanation.method)
        if key in seen:
            raise ResultError(plugin, f"{where}: explained twice by {explanation.method!r}")
        seen.add(key)
        if fault := _fault_of(explanation):
            raise ResultError(plugin, f"{where}: {fault}")
    return explanations


def _fault(prediction: Any, name: str, taxonomy: Taxonomy) -> str:
    """What is wrong with the prediction, or ''; its fields may hold anything, types or not."""
    if not isinstance(prediction.node_id, str) or prediction.node_id not in taxonomy:
        return "no such node"
    tier = taxonomy[prediction.node_id].tier
    if prediction.tier != tier:
        return f"tier {prediction.tier!r} is not the node's own, {tier}"
    if prediction.classifier != name:
        return f"classifier {prediction.classifier!r} is not the name it is registered by"
    for field in ("model_id", "relation"):
        if not _is_text(getattr(prediction, field)):
            return f"{field} {getattr(prediction, field)!r} is no text"
    if not _is_number(prediction.confidence):
        return f"confidence {prediction.confidence!r} is no finite number"
    if not 0 <= prediction.confidence <= 1:
        return f"confidence {prediction.confidence!r} is not in [0, 1]"
    if prediction.rank is not None and not _is_rank(prediction.rank):
        return f"rank {prediction.rank!r} is no whole number from 1 up"
    return ""


def _fault_of(explanation: Any) -> str:
    if not (_is_text(explanation.method) and explanation.method):
        return f"method {explanation.method!r} is no name"
    for field in ("score", "base_value"):
        if not _is_number(getattr(explanation, field)):
            return f"{field} {getattr(explanation, field)!r} is no finite number"
    fidelity = explanation.fidelity
    if fidelity is not None and not (_is_number(fidelity) and 0 <= fidelity <= 1):
        return f"fidelity {fidelity!r} is not in [0, 1]"
    if not isinstance(explanation.attributions, tuple):
        return f"attributions {explanation.attributions!r} are no tuple"
    if len(explanation.attributions) > MOST_ATTRIBUTIONS:
        return f"{len(explanation.attributions)} attributions, more than {MOST_ATTRIBUTIONS}"
    return next(filter(None, map(_fault_of_attribution, explanation.attributions)), "")


def _fault_of_attribution(attribution: Any) -> str:
    if type(attribution) is not Attribution:
        return f"{attribution!r} is no Attribution"
    kind, name, weight = attribution.kind, attribution.name, attribution.weight
    if kind not in ATTRIBUTION_KINDS:
        return f"kind {kind!r} is none of {', '.join(sorted(ATTRIBUTION_KINDS))}"
    if not (_is_text(name) and _is_text(attribution.url)):
        return f"name {name!r} or url {attribution.url!r} of an attribution is no text"
    if not _is_number(weight):
        return f"weight {weight!r} of {name!r} is no finite number"
    return ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and storable(value) == value


def _is_number(value: object) -> bool:
    # NumPy's numbers are Real too; DuckDB would sort a NaN above every confidence.
    return isinstance(value, Real) and math.isfinite(value)


def _is_rank(value: object) -> bool:
    try:
        return not isinstance(value, bool) and index(value) >= 1  # type: ignore[arg-type]
    except TypeError:
        return False


def _plain(prediction: Prediction) -> Prediction:
    """With Python's own numbers: NumPy's do not become JSON."""
    rank, confidence, asserted = prediction.rank, prediction.confidence, prediction.asserted
    if type(confidence) is float and type(asserted) is bool and (rank is None or type(rank) is int):
        return prediction
    return replace(
        prediction,
        confidence=float(confidence),
        asserted=bool(asserted),
        rank=None if rank is None else index(rank),
    )
