"""Small real things that the tests of the store share."""

from pathlib import Path
from typing import Any

import duckdb

from taxocrawl.records import (
    Attribution,
    Document,
    Explanation,
    Extract,
    Fields,
    InputLine,
    Outcome,
    PagePredictions,
    PageText,
    PluginFailure,
    Prediction,
    Site,
)
from taxocrawl.settings import Settings
from taxocrawl.store.writer import StoreWriter
from taxocrawl.taxonomies.tree import Node, Taxonomy

QUICK = Settings(flush_s=0.0, taxonomies=("topics",))
TOPICS = Taxonomy(
    "topics",
    [
        Node(id="1", parent_id=None, name="Sports", tier=1),
        Node(id="2", parent_id="1", name="Soccer", tier=2),
        Node(id="3", parent_id="2", name="Youth Soccer", tier=3),
        Node(id="4", parent_id=None, name="Food", tier=1),
        Node(id="5", parent_id="4", name="Baking", tier=2),
    ],
    cattax=500,
)


def line(number: int, domain: str) -> InputLine:
    site = Site(domain=domain, url=f"https://{domain}/", line=number)
    return InputLine(line=number, raw=domain, site=site)


def prediction(node_id: str, confidence: float, /, **others: Any) -> Prediction:
    values: dict[str, Any] = {
        "taxonomy": "topics",
        "node_id": node_id,
        "tier": TOPICS[node_id].tier,
        "classifier": "ranker",
        "model_id": "model-1",
        "asserted": True,
    }
    return Prediction(confidence=confidence, **(values | others))


def soccer() -> tuple[Prediction, ...]:
    return prediction("2", 0.8, rank=1), prediction("1", 0.9)


def baking() -> tuple[Prediction, ...]:
    return prediction("5", 0.7, rank=1), prediction("4", 0.75)


def classified(domain: str, predictions: tuple[Prediction, ...] | None = None) -> Outcome:
    return Outcome(
        domain=domain,
        kind="classified",
        predictions=soccer() if predictions is None else predictions,
    )


def failed(domain: str, kind: Any = "timeout", detail: str = "body") -> Outcome:
    return Outcome(domain=domain, kind=kind, detail=detail, message=f"{domain}: {kind}: {detail}")


def full_outcome(domain: str) -> Outcome:
    """A site with everything that an outcome can hold."""
    url = f"https://{domain}/"
    extract = Extract(
        url=url,
        title="Our club",
        description="A club of the town",
        headings=("Fixtures", "Results"),
        text="The match was lost.\nThe next one will be won.",
        text_words=10,
        language="en",
        extractor="trafilatura",
        charset="utf-8",
        robots_meta=("NOINDEX",),
        notes=("charset_guessed",),
        body_sha256="ab" * 32,
        fetched_at="2026-11-21T10:00:00+01:00",
    )
    fields = Fields(
        title="Our club",
        description="A club of the town",
        headings="Fixtures\nResults",
        body=extract.text,
        link_texts="tickets",
        language="en",
    )
    words = tuple(Attribution(kind="word", name=f"w{i}", weight=0.5 - i / 20) for i in range(20))
    sentence = Attribution(kind="sentence", name="The match was lost.", weight=0.2, url=url)
    feature = Attribution(kind="feature", name="similarity", weight=1.5, value=0.75)
    return Outcome(
        domain=domain,
        kind="classified",
        document=Document(
            id=domain,
            domain=domain,
            url=url,
            pages=(PageText(url=url, fields=fields),),
            extracts=(extract,),
        ),
        predictions=soccer(),
        page_predictions=(PagePredictions(url=url, predictions=baking()),),
        explanations=(
            explanation("words", (*words, sentence)),
            explanation("shap", (feature,), unit="margin"),
        ),
        notes=("redirected_to:other.example",),
        plugin_failures=(PluginFailure(plugin="mine", component="classifier:x", message="no"),),
        final_url=url,
        status=200,
        attempts=2,
        started_at="2026-11-21T09:00:00Z",
        seconds=1.25,
    )


def explanation(
    method: str, attributions: tuple[Attribution, ...], unit: Any = "probability"
) -> Explanation:
    return Explanation(
        taxonomy="topics",
        node_id="2",
        classifier="ranker",
        method=method,
        attributions=attributions,
        score=0.8,
        base_value=0.3,
        unit=unit,
        fidelity=0.9,
        seconds=0.01,
    )


def open_writer(path: Path, **options: object) -> StoreWriter:
    given: dict[str, object] = {"settings": QUICK, "command": "crawl", "taxonomies": [TOPICS]}
    return StoreWriter(path, **(given | options))  # type: ignore[arg-type]


def write(path: Path, *outcomes: Outcome, settings: Settings = QUICK, **options: Any) -> str:
    """One run with these outcomes, one a line; its id."""
    with StoreWriter(
        path, settings=settings, command="crawl", taxonomies=[TOPICS], **options
    ) as store:
        for number, outcome in enumerate(outcomes, 1):
            store.add(outcome, line(number, outcome.domain))
        return store.run_id


def ask(path: Path, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql, values).fetchall()


def leftovers(path: Path) -> list[str]:
    """What lies beside the store."""
    return sorted(p.name for p in path.parent.iterdir() if p != path)
