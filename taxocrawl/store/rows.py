"""An outcome as rows of the tables: one row of a batch is one input line with all its children."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import duckdb
import pyarrow as pa

from taxocrawl import words
from taxocrawl.records import (
    OUTCOMES,
    Agreement,
    Attribution,
    Explanation,
    Extract,
    Fields,
    InputLine,
    Outcome,
    Prediction,
    is_retryable,
)
from taxocrawl.settings import KeepText
from taxocrawl.store import schema
from taxocrawl.store.ddl import Table

Row = dict[str, object]

RAW_CHARS: Final = 4096
TEXT_CHARS: Final = 20_000
# Rows kept of one explanation (DESIGN 7): enough to see why, small enough for 20 KB a site.
WORDS_FOR: Final = 10
WORDS_AGAINST: Final = 5
FEATURES: Final = 11  # ten, and the sum of the rest, so that the score can be added up again
SENTENCES: Final = 3

BATCH_TABLES: Final = tuple(
    schema.tables()[table.name]
    for table in (
        schema.INPUTS,
        schema.SITES,
        schema.PAGES,
        schema.PREDICTIONS,
        schema.EXPLANATIONS,
        schema.ATTRIBUTIONS,
        schema.AGREEMENTS,
        schema.TAGS,
        schema.RISKS,
    )
)
"""Tables that a finished line adds rows to."""

_ARROW: Final[Mapping[str, pa.DataType]] = {
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR[]": pa.list_(pa.string()),
    "STRUCT(plugin VARCHAR, component VARCHAR, message VARCHAR)[]": pa.list_(
        pa.struct([(name, pa.string()) for name in ("plugin", "component", "message")])
    ),
}
# What UTF-8 cannot hold, and NUL, which shells and C programs stop at (FAULTS C06).
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def arrow_schema(table: Table, *, without: Sequence[str] = ()) -> pa.Schema:
    """The columns of a table as Arrow types."""
    return pa.schema([(c.name, _ARROW[c.type]) for c in table.columns if c.name not in without])


BATCH: Final = pa.schema(
    [("line", pa.int64())]
    + [
        (table.name, pa.list_(pa.struct(list(arrow_schema(table, without=["run_id"])))))
        for table in BATCH_TABLES
    ]
)
"""One row a line: its number, and for each table the list of rows, all but `run_id`."""


def batch_table(rows: Sequence[Row]) -> pa.Table:
    """Rows made by `line_row` and `site_row` as one Arrow table."""
    return pa.Table.from_pylist(list(rows), schema=BATCH)


def append(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Row], *, into: str = ""
) -> None:
    """Add rows to a table, or to another one `into` with its columns.

    A column that a row does not name becomes NULL.
    """
    if not rows:
        return
    table = schema.tables()[name]
    storable = [_storable(row) for row in rows]
    connection.register("appended", pa.Table.from_pylist(storable, schema=arrow_schema(table)))
    # The names are our own.
    connection.execute(f"INSERT INTO {into or name} SELECT * FROM appended")  # noqa: S608
    connection.unregister("appended")


def line_row(line: InputLine) -> Row:
    """A line that needs no visit (`invalid_input`, `duplicate`, or an earlier run's outcome)."""
    if line.outcome is None:
        raise ValueError(f"line {line.line} has no outcome of its own")
    domain = line.site.domain if line.site else None
    inputs = [_input(line, domain, line.outcome, line.detail)]
    return _storable({"line": line.line, "inputs": inputs})


def site_row(outcome: Outcome, line: InputLine, *, keep_text: KeepText) -> Row:
    """A line with all that is known of its site."""
    if outcome.kind not in OUTCOMES:
        raise ValueError(f"outcome {outcome.kind!r} is none of {', '.join(OUTCOMES)}")
    domain = _domain(outcome, line)
    pages = list(_pages(outcome, keep_text))
    explanations = [(e, _kept(e, keep_text)) for e in outcome.explanations]
    tables: dict[str, list[Row]] = {
        "sites": [_site(outcome, line, pages)],
        "pages": pages,
        "predictions": list(_predictions(outcome)),
        "explanations": [_explanation(explanation) for explanation, _ in explanations],
        "attributions": [row for e, kept in explanations for row in _attributions(e, kept)],
        "agreements": [_agreement(found) for found in outcome.agreements],
        "risks": [
            {"topic": risk.topic, "confidence": risk.confidence, "reasons": list(risk.reasons)}
            for risk in outcome.risks
        ],
        "tags": [{"tag": tag.text, "relevance": 100 * tag.relevance} for tag in outcome.tags],
    }
    for rows in tables.values():
        for row in rows:
            row["domain"] = domain
    inputs = [_input(line, domain, outcome.kind, outcome.detail)]
    return _storable({"line": line.line, "inputs": inputs, **tables})


def timestamp(text: str) -> datetime | None:
    """ISO 8601 as UTC without a zone; None where there is none or it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _domain(outcome: Outcome, line: InputLine) -> str:
    if line.site:
        return line.site.domain
    return (outcome.document.id if outcome.document else "") or outcome.domain or line.raw


def _input(line: InputLine, domain: str | None, outcome: str, detail: str) -> Row:
    return {
        "line": line.line,
        "raw": line.raw[:RAW_CHARS],
        "domain": domain,
        "outcome": outcome,
        "detail": detail,
        "duplicate_of": line.duplicate_of,
    }


def _site(outcome: Outcome, line: InputLine, pages: Sequence[Row]) -> Row:
    return {
        "line": line.line,
        "outcome": outcome.kind,
        "detail": outcome.detail,
        "message": outcome.message,
        "retryable": is_retryable(outcome.kind, outcome.detail),
        "notes": list(outcome.notes),
        "final_url": outcome.final_url,
        "status": outcome.status,
        "language": outcome.document.language if outcome.document else "",
        "form": outcome.form.word if outcome.form else None,
        "form_vector_id": (outcome.form.vector_id or None) if outcome.form else None,
        "form_confidence": outcome.form.confidence if outcome.form else None,
        "risk": outcome.risks[0].topic if outcome.risks else None,
        "n_pages": len(pages),
        "n_words": sum(n for page in pages if isinstance(n := page["words"], int)),
        "attempts": outcome.attempts,
        "started_at": timestamp(outcome.started_at),
        "seconds": outcome.seconds,
        "plugin_errors": [
            {"plugin": f.plugin, "component": f.component, "message": f.message}
            for f in outcome.plugin_failures
        ],
    }


def _pages(outcome: Outcome, keep_text: KeepText) -> Iterator[Row]:
    document = outcome.document
    if document is None:
        return
    fields = {page.url: page.fields for page in document.pages}
    extracts = document.extracts or [
        Extract(
            url=page.url,
            text_words=words.count(page.fields.body),
            language=page.fields.language,
        )
        for page in document.pages
    ]
    for position, extract in enumerate(extracts):
        yield {
            "url": extract.url,
            "position": position,
            **_texts(fields.get(extract.url, Fields()), keep_text),
            "words": extract.text_words,
            "language": extract.language,
            "extractor": extract.extractor,
            "charset": extract.charset,
            "noindex": bool({"noindex", "none"} & {word.lower() for word in extract.robots_meta}),
            "notes": list(extract.notes),
            "body_sha256": extract.body_sha256,
            "fetched_at": timestamp(extract.fetched_at),
        }


def _texts(fields: Fields, keep_text: KeepText) -> Row:
    texts: dict[str, str] = dict.fromkeys(
        ("title", "description", "headings", "text", "link_texts", "alt_texts", "facts"), ""
    ) | {"url_words": ""}
    if keep_text != "none":
        texts |= {
            # As a classifier reads them (site name, keywords), so that it can read them again.
            "title": fields.title,
            "description": fields.description,
            "headings": fields.headings,
            "text": fields.body,
        }
    if keep_text == "all":
        texts |= {
            "link_texts": fields.link_texts,
            "alt_texts": fields.alt_texts,
            "facts": fields.facts,
            "url_words": fields.url_words,
        }
    return {name: text[:TEXT_CHARS] for name, text in texts.items()}


def _predictions(outcome: Outcome) -> Iterator[Row]:
    groups: list[tuple[str | None, tuple[Prediction, ...]]] = [(None, outcome.predictions)]
    groups += [(page.url, page.predictions) for page in outcome.page_predictions]
    for url, predictions in groups:
        deciding = _deciding(predictions)
        for prediction in predictions:
            yield {
                "url": url,
                "taxonomy": prediction.taxonomy,
                "node_id": prediction.node_id,
                "tier": prediction.tier,
                "confidence": prediction.confidence,
                "rank": prediction.rank,
                "asserted": prediction.asserted,
                "decides": deciding[prediction.taxonomy] == prediction.classifier,
                "classifier": prediction.classifier,
                "model_id": prediction.model_id,
                "relation": prediction.relation,
            }


def _deciding(predictions: Sequence[Prediction]) -> Mapping[str, str]:
    """For each taxonomy the classifier that counts: the first one that answered in it."""
    first: dict[str, str] = {}
    for prediction in predictions:
        first.setdefault(prediction.taxonomy, prediction.classifier)
    return first


def _explanation(explanation: Explanation) -> Row:
    return {
        "taxonomy": explanation.taxonomy,
        "node_id": explanation.node_id,
        "classifier": explanation.classifier,
        "method": explanation.method,
        "score": explanation.score,
        "base_value": explanation.base_value,
        "unit": explanation.unit,
        "fidelity": explanation.fidelity,
        "seconds": explanation.seconds,
        "figures": json.dumps(dict(explanation.figures)),
    }


def _agreement(found: Agreement) -> Row:
    return {
        "taxonomy": found.taxonomy,
        "node_id": found.node_id,
        "classifier": found.classifier,
        "method_a": found.method_a,
        "method_b": found.method_b,
        "rank_correlation": found.rank_correlation,
        "overlap": found.overlap,
        "top": found.top,
    }


def _kept(explanation: Explanation, keep_text: KeepText) -> list[Attribution]:
    """The attributions worth storing, strongest of each kind, in the order given."""
    room = {"feature": FEATURES, "sentence": 0 if keep_text == "none" else SENTENCES}
    left = {"for": WORDS_FOR, "against": WORDS_AGAINST} | room
    chosen: set[int] = set()
    by_strength = sorted(
        range(len(explanation.attributions)),
        key=lambda i: (-abs(explanation.attributions[i].weight), i),
    )
    for place in by_strength:
        attribution = explanation.attributions[place]
        group: str = attribution.kind
        if group in ("word", "phrase"):
            group = "for" if attribution.weight >= 0 else "against"
        if left.get(group, 1) > 0:
            chosen.add(place)
            left[group] = left.get(group, len(by_strength)) - 1
    return [a for place, a in enumerate(explanation.attributions) if place in chosen]


def _attributions(explanation: Explanation, kept: Sequence[Attribution]) -> Iterator[Row]:
    for position, attribution in enumerate(kept, 1):
        yield {
            "taxonomy": explanation.taxonomy,
            "node_id": explanation.node_id,
            "classifier": explanation.classifier,
            "method": explanation.method,
            "kind": attribution.kind,
            "position": position,
            "name": attribution.name[:1000],
            "weight": attribution.weight,
            "value": attribution.value,
            "url": attribution.url,
        }


def _storable(row: Row) -> Row:
    return {key: _clean(value) for key, value in row.items()}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
