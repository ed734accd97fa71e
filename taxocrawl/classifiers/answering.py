"""Who answers in a taxonomy that no classifier of the run knows: a crosswalk, or `nearest`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from taxocrawl.records import Prediction
from taxocrawl.taxonomies.crosswalks import VERSIONS, Crosswalk
from taxocrawl.taxonomies.tree import Taxonomy

_CLOSEST_FIRST = ("exact", "broader", "narrower", "related")
_CERTAIN = frozenset({"exact", "broader"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How each wanted taxonomy is answered in.

    `by_crosswalk` maps it to the taxonomy whose predictions are translated; `zero_shot` are those
    that only an untrained classifier can answer in; all others a chosen classifier knows.
    """

    wanted: tuple[str, ...]
    by_crosswalk: Mapping[str, str]
    zero_shot: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Taxonomies that must be predicted for the sake of others."""
        return tuple(dict.fromkeys(self.by_crosswalk.values()))


def make_plan(wanted: Sequence[str], answered: Collection[str]) -> Plan:
    """The plan, given the taxonomies that the chosen classifiers answer in."""
    by_crosswalk = {
        name: source
        for name in wanted
        if name not in answered
        for source, versions in VERSIONS.items()
        if source in answered and name in versions
    }
    zero_shot = tuple(n for n in wanted if n not in answered and n not in by_crosswalk)
    return Plan(wanted=tuple(wanted), by_crosswalk=by_crosswalk, zero_shot=zero_shot)


def translate(
    predictions: Sequence[Prediction], crosswalk: Crosswalk, target: Taxonomy
) -> tuple[Prediction, ...]:
    """One classifier's predictions as they stand in another taxonomy, each with its relation.

    A node is as sure as the surest prediction that leads to it. One that is exact or narrower than
    the node bounds its probability from below; one that is broader or merely related does not, so
    it counts only where there is no other. What lies above a node has its row and is at least as
    sure. Ranked nodes come first, in the order of their sources.
    """
    offers: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        for answer in crosswalk.convert(prediction.node_id)[:1]:
            offer = replace(
                prediction,
                taxonomy=target.name,
                node_id=answer.node_id,
                tier=target[answer.node_id].tier,
                relation=answer.relation,
            )
            offers.setdefault(answer.node_id, []).append(offer)
    found = {node_id: _merged(of_node) for node_id, of_node in offers.items()}
    return tuple(_ranked(_lifted(found, target)))


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


def _lifted(found: Mapping[str, Prediction], target: Taxonomy) -> dict[str, Prediction]:
    """With a row for all that lies above, deepest tiers first, each at least as sure as below."""
    complete = dict(found)
    waiting = sorted(found.values(), key=lambda prediction: -prediction.tier)
    for prediction in waiting:
        below = complete[prediction.node_id]
        for node_id in reversed(target.ancestors(prediction.node_id)):
            above = complete.get(node_id) or replace(
                below,
                node_id=node_id,
                tier=target[node_id].tier,
                rank=None,
                relation="broader" if below.relation in _CERTAIN else "related",
            )
            below = complete[node_id] = replace(
                above,
                confidence=max(above.confidence, below.confidence),
                asserted=above.asserted or below.asserted,
            )
    return complete


def _ranked(found: Mapping[str, Prediction]) -> Iterator[Prediction]:
    ranked = sorted((p for p in found.values() if p.rank), key=lambda p: p.rank or 0)
    for rank, prediction in enumerate(ranked, 1):
        yield replace(prediction, rank=rank)
    yield from (prediction for prediction in found.values() if not prediction.rank)
