"""How good a classifier is on labelled texts, as the run itself would answer them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from taxocrawl import pipeline
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.plugins.registry import Registry
from taxocrawl.protocols import Vectors
from taxocrawl.records import Document, Outcome, Prediction
from taxocrawl.settings import Settings
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import evaluate
from taxocrawl.training.costs import CostRow, costs_of
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.evaluate import Bools
from taxocrawl.training.positions import truth_of

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A mean over texts with its 95 % interval; `low` and `high` None where there is none."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeScore:
    """One node's precision, recall and F1, over `n` texts of which it is the label."""

    node_id: str
    path: str
    precision: float
    recall: float
    f1: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """A label, the wrong node given for it ('': none), and how often."""

    true: str
    predicted: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything measured of one classifier; `coverage` pairs share of texts and accuracy."""

    classifier: str
    taxonomy: str
    n_texts: int
    measures: tuple[Measure, ...]
    coverage: tuple[tuple[float, float], ...]
    nodes: tuple[NodeScore, ...]
    confusions: tuple[Confusion, ...]


def report(
    classifier: str,
    pages: Sequence[LabelledPage],
    taxonomy: Taxonomy,
    *,
    registry: Registry,
    settings: Settings,
    costs: Sequence[CostRow] | None = None,
) -> Report:
    """Measurements of one classifier in the taxonomy of the labels."""
    asked = replace(settings, classifiers=(classifier,), explain=())
    documents = [Document(id=page.page_id, domain="", pages=(page.page,)) for page in pages]
    outcomes: list[Outcome] = []
    for start in range(0, len(documents), AT_ONCE):
        outcomes += pipeline.categorize(documents[start : start + AT_ONCE], registry, asked)
    answers = [tuple(p for p in o.predictions if p.taxonomy == taxonomy.name) for o in outcomes]
    return _report(classifier, pages, taxonomy, answers, costs)


def _report(
    classifier: str,
    pages: Sequence[LabelledPage],
    taxonomy: Taxonomy,
    answers: Sequence[tuple[Prediction, ...]],
    costs: Sequence[CostRow] | None,
) -> Report:
    nodes, truth = NodeArrays(taxonomy), truth_of(pages, taxonomy)
    firsts = [next((p for p in answer if p.rank == 1), None) for answer in answers]
    best = np.array([taxonomy.index[p.node_id] if p else -1 for p in firsts], dtype=np.int64)
    surest = np.array(
        [_root_confidence(a, p, taxonomy) for a, p in zip(answers, firsts, strict=True)],
        dtype=np.float32,
    )
    hits = evaluate.hits(best, truth, nodes)
    sites = [page.domain for page in pages]

    def mean(name: str, values: Vectors | Bools) -> Measure:
        low, high = evaluate.interval(np.asarray(values, dtype=np.float32), sites)
        return Measure(name=name, value=float(values.mean()), low=low, high=high)

    asserted = [[p for p in answer if p.asserted] for answer in answers]
    scores = evaluate.node_scores(best, truth)
    accepted = hits["tier1_accepted"]
    measures = [mean(name, hit) for name, hit in hits.items()]
    for tier, hit in evaluate.by_tier(best, truth, nodes).items():
        if tier > 1 and len(hit):
            measures.append(Measure(name=f"tier{tier}_primary", value=float(hit.mean())))
    measures += [
        Measure(name="macro_f1", value=float(np.mean([f1 for _, _, f1, _ in scores.values()]))),
        Measure(name="hierarchical_f1", value=evaluate.hierarchical_f1(best, truth, nodes)),
        mean("tree_distance", evaluate.tree_distances(best, truth, nodes)),
        Measure(name="calibration_error", value=evaluate.calibration_error(surest, accepted)),
        mean("answered", np.array([bool(a) for a in asserted])),
    ]
    if costs is not None:
        given = [
            p.node_id if p and some else None for p, some in zip(firsts, asserted, strict=True)
        ]
        labels = [(page.primary, *page.alternatives) for page in pages]
        measures.append(mean("cost", costs_of(given, labels, costs, taxonomy)))
    return Report(
        classifier=classifier,
        taxonomy=taxonomy.name,
        n_texts=len(pages),
        measures=tuple(measures),
        coverage=tuple((c, evaluate.coverage_accuracy(surest, accepted, c)) for c in COVERAGES),
        nodes=tuple(
            NodeScore(
                node_id=taxonomy.ids[node],
                path=taxonomy.path(taxonomy.ids[node]),
                precision=precision,
                recall=recall,
                f1=f1,
                n=n,
            )
            for node, (precision, recall, f1, n) in scores.items()
        ),
        confusions=tuple(
            Confusion(
                true=taxonomy.path(taxonomy.ids[true]),
                predicted=taxonomy.path(taxonomy.ids[given]) if given >= 0 else "",
                n=n,
            )
            for true, given, n in evaluate.confusions(best, truth)
        ),
    )


def _root_confidence(
    answer: Sequence[Prediction], first: Prediction | None, taxonomy: Taxonomy
) -> float:
    if first is None:
        return 0.0
    root = taxonomy.lineage(first.node_id)[0]
    return next((p.confidence for p in answer if p.node_id == root), 0.0)
