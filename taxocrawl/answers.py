"""An outcome as the JSON that programs read, one shape for files, streams and services; and as
people read it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from taxocrawl.explanations.masking import shortened
from taxocrawl.explanations.render import Answer, CategoryLine
from taxocrawl.records import Explanation, Outcome, Prediction, Risk, Tag
from taxocrawl.taxonomies.tree import Taxonomy

Json = dict[str, object]

WORDS_SHOWN = 10
LETTERS_SHOWN = 100
CANDIDATES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """What an answer holds beside the asserted categories: `top` ranked nodes of each taxonomy,
    explanations.
    """

    top: int = 0
    explained: bool = False
    run_id: str = ""


def as_json(
    outcome: Outcome,
    *,
    answer_id: str,
    taxonomy: Callable[[str], Taxonomy],
    options: AnswerOptions,
) -> Json:
    """The answer with the keys of the documentation's "JSON of an answer", in that order."""
    document = outcome.document
    deciding = deciding_predictions(outcome.predictions)
    asserted = [p for p in deciding if p.asserted]
    first = deciding[0] if deciding else None
    extract = document.extracts[0] if document and document.extracts else None
    answer: Json = {
        "id": answer_id,
        "domain": outcome.domain,
        "url": outcome.final_url or (document.url if document else ""),
        "outcome": outcome.kind,
        "detail": outcome.detail,
        "language": document.language if document else "",
        "form": outcome.form.word if outcome.form else None,
        "form_confidence": round(outcome.form.confidence, 4) if outcome.form else None,
        "form_vector_id": (outcome.form.vector_id or None) if outcome.form else None,
        "risk": [risk(found) for found in outcome.risks],
        "categories": [category(p, taxonomy(p.taxonomy)) for p in asserted],
        "candidates": [category(p, taxonomy(p.taxonomy)) for p in ranked(deciding, options.top)],
        "words": _words(outcome.explanations),
        "tags": [_tag(tag) for tag in outcome.tags],
        "openrtb": openrtb(asserted, taxonomy),
        "classifier": first.classifier if first else None,
        "model_id": first.model_id if first else None,
        "run_id": options.run_id or None,
        "fetched_at": extract.fetched_at if extract else None,
    }
    if outcome.message:
        answer["message"] = outcome.message
    if outcome.notes:
        answer["notes"] = list(outcome.notes)
    if outcome.plugin_failures:
        answer["plugin_errors"] = [f"{f.plugin}: {f.message}" for f in outcome.plugin_failures]
    if options.explained:
        answer["explanations"] = [explanation(e) for e in outcome.explanations]
    return answer


def as_shown(
    outcome: Outcome,
    *,
    answer_id: str,
    taxonomy: Callable[[str], Taxonomy],
    options: AnswerOptions,
) -> Answer:
    """The answer as terminals and pages show it; without `explained`, of the reasons the words.

    Where nothing is asserted its first candidates are told.
    """
    document = outcome.document
    deciding = deciding_predictions(outcome.predictions)
    asserted = [p for p in deciding if p.asserted]
    told = [*asserted, *ranked(deciding, options.top if asserted else CANDIDATES_SHOWN)]
    about = (
        document.language if document else "",
        shortened(" ".join(document.text.split()), LETTERS_SHOWN) if document else "",
        outcome.message,
    )
    return Answer(
        title=answer_id,
        outcome=outcome.kind,
        detail=outcome.detail,
        url=outcome.final_url or (document.url if document else ""),
        about=tuple(filter(None, about)),
        categories=tuple(
            CategoryLine(
                taxonomy=p.taxonomy,
                node_id=p.node_id,
                path=_names(taxonomy(p.taxonomy), p.node_id),
                confidence=p.confidence,
                asserted=p.asserted,
            )
            for p in {(p.taxonomy, p.node_id): p for p in told}.values()
        ),
        explanations=tuple(
            e for e in outcome.explanations if options.explained or e.method == "words"
        ),
        form=outcome.form,
        risks=outcome.risks,
        tags=outcome.tags,
    )


def _names(tree: Taxonomy, node_id: str) -> tuple[str, ...]:
    return tuple(tree[step].name for step in tree.lineage(node_id))


def risk(found: Risk) -> Json:
    """One risk with the words and categories that decided it."""
    return {
        "topic": found.topic,
        "confidence": round(found.confidence, 4),
        "reasons": list(found.reasons),
    }


def deciding_predictions(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Of each taxonomy the predictions of the first classifier that answered in it."""
    deciding: dict[str, str] = {}
    for prediction in predictions:
        deciding.setdefault(prediction.taxonomy, prediction.classifier)
    return [p for p in predictions if deciding[p.taxonomy] == p.classifier]


def ranked(predictions: Sequence[Prediction], top: int) -> list[Prediction]:
    """The first `top` of each taxonomy in order of preference, one taxonomy after the other."""
    by_taxonomy: dict[str, list[Prediction]] = {}
    for prediction in sorted((p for p in predictions if p.rank), key=lambda p: p.rank or 0):
        by_taxonomy.setdefault(prediction.taxonomy, []).append(prediction)
    wanted = dict.fromkeys(prediction.taxonomy for prediction in predictions)
    return [p for taxonomy in wanted for p in by_taxonomy.get(taxonomy, ())[:top]]


def category(prediction: Prediction, taxonomy: Taxonomy) -> Json:
    """One node with its names."""
    node = taxonomy[prediction.node_id]
    row: Json = {
        "taxonomy": prediction.taxonomy,
        "id": node.id,
        "name": node.name,
        "path": taxonomy.path(node.id),
        "tier": node.tier,
        "confidence": round(prediction.confidence, 4),
        "parent_id": node.parent_id,
    }
    if prediction.relation:
        row["relation"] = prediction.relation
    return row


def openrtb(asserted: Sequence[Prediction], taxonomy: Callable[[str], Taxonomy]) -> Json | None:
    """`cat` and its `cattax`, always together: without cattax readers assume Content 1.0."""
    coded = [p for p in asserted if taxonomy(p.taxonomy).cattax is not None]
    if not coded:
        return None
    tree = taxonomy(coded[0].taxonomy)
    ids = [p.node_id for p in coded if p.taxonomy == tree.name]
    parents = {tree[node_id].parent_id for node_id in ids}
    return {"cat": [i for i in ids if i not in parents], "cattax": tree.cattax}


def explanation(explained: Explanation) -> Json:
    """One explanation with all its attributions."""
    return {
        "taxonomy": explained.taxonomy,
        "id": explained.node_id,
        "classifier": explained.classifier,
        "method": explained.method,
        "unit": explained.unit,
        "score": round(explained.score, 6),
        "base_value": round(explained.base_value, 6),
        "fidelity": explained.fidelity,
        **({"figures": dict(explained.figures)} if explained.figures else {}),
        "attributions": [
            {
                "kind": a.kind,
                "name": a.name,
                "weight": round(a.weight, 6),
                **({"value": a.value} if a.value is not None else {}),
                **({"url": a.url} if a.url else {}),
            }
            for a in explained.attributions
        ],
    }


def _tag(tag: Tag) -> Json:
    """A tag, its relevance in per cent as the store has it."""
    return {"text": tag.text, "relevance": round(100 * tag.relevance, 1)}


def _words(explanations: Sequence[Explanation]) -> list[Json]:
    """The words that weigh most for the first node for which any does."""
    named = (
        [a for a in e.attributions if a.kind in ("word", "phrase")]
        for e in explanations
        if e.method == "words"
    )
    own = next(filter(None, named), [])
    heaviest = sorted(own, key=lambda a: -abs(a.weight))[:WORDS_SHOWN]
    return [{"text": a.name, "weight": round(a.weight, 4)} for a in heaviest]
