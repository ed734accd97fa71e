"""Who answers in a taxonomy that no classifier of the run knows: a crosswalk, or `nearest`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from taxocrawl.records import Explanation, Prediction
from taxocrawl.taxonomies.crosswalks import VERSIONS, Crosswalk
from taxocrawl.taxonomies.tree import Taxonomy

_CLOSEST_FIRST = ("exact", "broader", "narrower", "related")
_CERTAIN = frozenset({"exact", "broader"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How each wanted taxonomy is answered in.

    `by_crosswalk` maps it to the taxonomy whose predictions are translated, `by_specialist` to the
    classifier that was made for it alone and comes without being named; `zero_shot` are those that
    only an untrained classifier can answer in; all others a chosen classifier knows.
    """

    wanted: tuple[str, ...]
    by_crosswalk: Mapping[str, str]
    zero_shot: tuple[str, ...]
    by_specialist: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Taxonomies that must be predicted for the sake of others."""
        return tuple(dict.fromkeys(self.by_crosswalk.values()))


def make_plan(
    wanted: Sequence[str],
    answered: Collection[str],
    specialists: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """The plan, given the taxonomies that the chosen classifiers answer in.

    `specialists` are classifiers by the one taxonomy that each was made for.
    """
    by_specialist = {n: specialists[n] for n in wanted if n not in answered and n in specialists}
    by_crosswalk = {
        name: source
        for name in wanted
        if name not in answered and name not in by_specialist
        for source, versions in VERSIONS.items()
        if source in answered and name in versions
    }
    known = {*answered, *by_crosswalk, *by_specialist}
    return Plan(
        wanted=tuple(wanted),
        by_crosswalk=by_crosswalk,
        zero_shot=tuple(n for n in wanted if n not in known),
        by_specialist=by_specialist,
    )


def translate(
    predictions: Sequence[Prediction], crosswalk: Crosswalk, target: Taxonomy
) -> tuple[Prediction, ...]:
    """One classifier's predictions as they stand in another taxonomy, each with its relation.

    A node is as sure as the surest prediction that leads to it or to what lies below it. One that
    is exact or narrower than the node bounds its probability from below; one that is broader or
    merely related does not, so it counts only where there is no other. All above a node has its
    row, and no node is surer than what lies above. Ranked nodes come first, in the order of their
    sources.
    """
    offers: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        for answer in crosswalk.convert(prediction.node_id)[:1]:
            offer = _moved(prediction, target, answer.node_id, answer.relation)
            offers.setdefault(answer.node_id, []).append(offer)
    found: dict[str, Prediction] = {}
    for tier in range(target.depth, 0, -1):
        for node_id in [i for i in offers if target[i].tier == tier]:
            own = found[node_id] = _merged(offers[node_id])
            if parent_id := target[node_id].parent_id:
                relation = "broader" if own.relation in _CERTAIN else "related"
                above = replace(_moved(own, target, parent_id, relation), rank=None)
                offers.setdefault(parent_id, []).append(above)
    return tuple(_ranked(_bounded(found, target)))


def _moved(prediction: Prediction, target: Taxonomy, node_id: str, relation: str) -> Prediction:
    return replace(
        prediction,
        taxonomy=target.name,
        node_id=node_id,
        tier=target[node_id].tier,
        relation=relation,
    )


def _merged(offers: Sequence[Prediction]) -> Prediction:
    counted = [offer for offer in offers if offer.relation in _CERTAIN] or offers
    surest = max(
        counted, key=lambda offer: (offer.confidence, -_CLOSEST_FIRST.index(offer.relation))
    )
    return replace(
        surest,
        asserted=any(offer.asserted for offer in counted),
        rank=min((offer.rank for offer in offers if offer.rank), default=None),
    )


def _bounded(found: Mapping[str, Prediction], target: Taxonomy) -> list[Prediction]:
    """Parents first, no node surer than its parent: one that is merely related may be, before."""
    bounded: dict[str, Prediction] = {}
    for prediction in sorted(found.values(), key=lambda prediction: prediction.tier):
        above = bounded.get(target[prediction.node_id].parent_id or "")
        if above:
            prediction = replace(
                prediction,
                confidence=min(prediction.confidence, above.confidence),
                asserted=prediction.asserted and above.asserted,
            )
        bounded[prediction.node_id] = prediction
    return list(bounded.values())


def _ranked(found: Sequence[Prediction]) -> Iterator[Prediction]:
    ranked = sorted((p for p in found if p.rank), key=lambda p: p.rank or 0)
    for rank, prediction in enumerate(ranked, 1):
        yield replace(prediction, rank=rank)
    yield from (prediction for prediction in found if not prediction.rank)


def relabel(
    explanations: Sequence[Explanation], crosswalk: Crosswalk, target: Taxonomy
) -> tuple[Explanation, ...]:
    """Explanations of the predictions that led to nodes of another taxonomy, as theirs.

    Where several lead to one node the first stands, for each method.
    """
    moved: dict[tuple[str, str, str], Explanation] = {}
    for explanation in explanations:
        if explanation.taxonomy == crosswalk.source:
            for answer in crosswalk.convert(explanation.node_id)[:1]:
                key = (answer.node_id, explanation.classifier, explanation.method)
                as_its = replace(explanation, taxonomy=target.name, node_id=answer.node_id)
                moved.setdefault(key, as_its)
    return tuple(moved.values())
