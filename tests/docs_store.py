"""A small store for the queries of the documentation: written outcomes, two runs, one label."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from taxocrawl.records import (
    Agreement,
    Attribution,
    Document,
    Explanation,
    Extract,
    Fields,
    Form,
    InputLine,
    Outcome,
    PageText,
    Prediction,
    Risk,
    Site,
    Tag,
)
from taxocrawl.settings import Settings
from taxocrawl.store.labels import Label, add_labels
from taxocrawl.store.writer import StoreWriter
from taxocrawl.taxonomies.formats import load
from taxocrawl.taxonomies.tree import Taxonomy

IAB, GOOGLE = "iab-3.1", "google"
BUSINESS = "52"
SITES = {
    "harbour-cycling.example": ("Sports > Cycling", 0.88, {"cycling": 0.36, "rides": 0.07}),
    "redcastle-terrace.example": ("Sports > Soccer", 0.69, {"football": 0.3, "league": 0.2}),
    "la-miette-doree.example": ("Food & Drink > Desserts and Baking", 0.5, {"levain": 0.2}),
    "tidewater-dental.example": (
        "Medical Health > Diseases and Conditions > Dental Health",
        0.88,
        {"dentist": 0.2, "implants": 0.1},
    ),
    "quillbrook-law.example": ("Law", 0.49, {"law": 0.25, "sport": -0.1}),
}
RISKS = {
    "la-miette-doree.example": (
        Risk(topic="alcohol", confidence=0.84, reasons=("cidre", "brut", "cave")),
    ),
}
OTHERS = {
    "brightfold-media.example": ("parked", "for_sale"),
    "kestrel-intranet.example": ("gated", "login"),
    "away.example": ("timeout", "connect"),
}


def build(path: Path) -> Path:
    """The store at `path`: the sites above, of which the newest run finds one changed."""
    tree = load(IAB)
    older = [classified(tree, domain, *told) for domain, told in SITES.items()]
    older[0] = Outcome(domain=older[0].domain, kind="timeout", detail="body")
    _run(path, tree, older)
    newer = [classified(tree, domain, *told) for domain, told in SITES.items()]
    newer += [
        Outcome(domain=domain, kind=kind, detail=detail)  # type: ignore[arg-type]
        for domain, (kind, detail) in OTHERS.items()
    ]
    _run(path, tree, newer)
    said = Label(domain="quillbrook-law.example", taxonomy=IAB, node_id=BUSINESS, labelled_by="ann")
    add_labels(path, [said])
    return path


def classified(
    tree: Taxonomy, domain: str, path: str, confidence: float, words: dict[str, float]
) -> Outcome:
    """A site with one answer by two classifiers, and why."""
    node = next(n for n in tree if tree.path(n.id) == path)
    url = f"https://{domain}/"
    told = {"taxonomy": IAB, "node_id": node.id, "classifier": "ranker"}
    said = [(node.id, confidence, 1)]
    said += [(parent, min(1.0, confidence + 0.05), None) for parent in tree.ancestors(node.id)]
    return Outcome(
        domain=domain,
        kind="classified",
        final_url=url,
        form=Form(word="corporate", confidence=0.9),
        risks=RISKS.get(domain, ()),
        tags=tuple(Tag(text=word, relevance=0.9 - weight) for word, weight in words.items()),
        agreements=(
            Agreement(
                **told,
                method_a="lime",
                method_b="words",
                rank_correlation=0.7,
                overlap=0.6,
                top=5,
            ),
        ),
        document=Document(
            id=domain,
            domain=domain,
            url=url,
            pages=(PageText(url=url, fields=Fields(body=" ".join(words), language="en")),),
            extracts=(
                Extract(url=url, text=" ".join(words), text_words=len(words), language="en"),
            ),
        ),
        predictions=(
            *(prediction(tree, node_id, sure, rank) for node_id, sure, rank in said),
            prediction(tree, "483", 0.4, 1, asserted=False, classifier="nearest"),
            *sold(domain),
        ),
        explanations=(
            Explanation(
                **told,
                method="words",
                score=confidence,
                base_value=confidence - sum(words.values()),
                attributions=tuple(
                    Attribution(kind="word", name=word, weight=weight)
                    for word, weight in words.items()
                ),
            ),
        ),
    )


def sold(domain: str) -> Iterator[Prediction]:
    """What the bakery sells."""
    if domain != "la-miette-doree.example":
        return
    tree = load(GOOGLE)
    node = next(n for n in tree if n.name == "Bakery")
    for node_id in tree.lineage(node.id):
        yield Prediction(
            taxonomy=GOOGLE,
            node_id=node_id,
            tier=tree[node_id].tier,
            confidence=0.7,
            rank=1 if node_id == node.id else None,
            asserted=True,
            classifier="products",
            model_id="products-1",
        )


def prediction(
    tree: Taxonomy,
    node_id: str,
    confidence: float,
    rank: int | None,
    *,
    asserted: bool = True,
    classifier: str = "ranker",
) -> Prediction:
    """One row of a classifier."""
    return Prediction(
        taxonomy=IAB,
        node_id=node_id,
        tier=tree[node_id].tier,
        confidence=confidence,
        rank=rank,
        asserted=asserted,
        classifier=classifier,
        model_id=f"{classifier}-1",
    )


def _run(path: Path, tree: Taxonomy, outcomes: Iterable[Outcome]) -> None:
    settings = Settings(taxonomies=(IAB, GOOGLE), classifiers=("ranker", "nearest"), flush_s=0.0)
    trees = [tree, load(GOOGLE)]
    with StoreWriter(path, settings=settings, command="crawl", taxonomies=trees) as store:
        for number, outcome in enumerate(outcomes, start=1):
            domain = outcome.domain
            site = Site(domain=domain, url=f"https://{domain}/", line=number)
            store.add(outcome, InputLine(line=number, raw=domain, site=site))
        store.add_line(InputLine(line=99, raw="no host", outcome="invalid_input", detail="space"))
