"""What one run failed at, and what changed from one run to another."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from taxocrawl.errors import StoreError
from taxocrawl.store.reader import WAIT_S, Failure, reading

ChangeKind = Literal["outcome", "gained", "lost", "appeared", "vanished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference of a site between two runs.

    `before` and `after` are outcomes, or the path of a category that was lost or gained: then
    `taxonomy`, `node_id` and the confidence are given. `appeared`, `vanished`: the site stands in
    one of the runs only.
    """

    domain: str
    change: ChangeKind
    before: str | None
    after: str | None
    taxonomy: str | None
    node_id: str | None
    confidence_before: float | None
    confidence_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that differs between two runs, by domain."""

    run_before: str
    run_after: str
    changes: tuple[Change, ...]


def failures(
    path: Path, *, run_id: str | None = None, retryable_only: bool = False
) -> tuple[str, tuple[Failure, ...]]:
    """The run (the newest unless named) and its lines that ended without an answer.

    A line that names no host has its own text as domain. StoreError where there is no such run.
    """
    with reading(path, wait_s=WAIT_S) as store:
        run = _run(store, path, run_id)
        result = store.execute(_FAILURES, {"run": run, "all": not retryable_only})
        names = [column[0] for column in result.description or ()]
        return run, tuple(
            Failure(**dict(zip(names, row, strict=True))) for row in result.fetchall()
        )


def changes(path: Path, *, before: str | None = None, after: str | None = None) -> Changes:
    """What differs between two runs: the two newest, or the one before `after`.

    Of the categories only the deepest are told: who gains `Sports > Soccer` gains `Sports` too.
    """
    with reading(path, wait_s=WAIT_S) as store:
        last = _run(store, path, after)
        first = _run(store, path, before) if before else _previous(store, path, last)
        result = store.execute(_CHANGES, {"before": first, "after": last})
        names = [column[0] for column in result.description or ()]
        rows: list[dict[str, Any]] = [
            dict(zip(names, row, strict=True)) for row in result.fetchall()
        ]
    return Changes(run_before=first, run_after=last, changes=tuple(Change(**row) for row in rows))


def _run(store: duckdb.DuckDBPyConnection, path: Path, run_id: str | None) -> str:
    rows = store.execute("SELECT run_id FROM runs ORDER BY sequence DESC").fetchall()
    known = [str(run) for (run,) in rows]
    if not known:
        raise StoreError(f"{path} holds no run yet")
    if run_id is None:
        return known[0]
    if run_id not in known:
        near = difflib.get_close_matches(run_id, known, n=1, cutoff=0) or known[:1]
        raise StoreError(f"{path} has no run {run_id!r}; did you mean {near[0]}?")
    return run_id


def _previous(store: duckdb.DuckDBPyConnection, path: Path, run_id: str) -> str:
    rows = store.execute(
        "SELECT run_id FROM runs WHERE sequence < (SELECT sequence FROM runs WHERE run_id = ?) "
        "ORDER BY sequence DESC LIMIT 1",
        [run_id],
    ).fetchall()
    if not rows:
        raise StoreError(f"{path} holds no run before {run_id}; changes are between two runs")
    return str(rows[0][0])


_FAILURES: Final = """
    SELECT run_id, domain, outcome AS kind, detail, message, retryable, attempts
    FROM sites
    WHERE run_id = $run AND outcome NOT IN ('classified', 'uncertain') AND ($all OR retryable)
    UNION ALL
    SELECT run_id, raw, outcome, detail, 'line ' || line || ' names no host', false, 0
    FROM inputs
    WHERE run_id = $run AND outcome = 'invalid_input' AND $all
    ORDER BY kind, detail, domain
"""
_CHANGES: Final = """
    WITH old AS (SELECT * FROM sites WHERE run_id = $before AND outcome <> 'interrupted'),
    new AS (SELECT * FROM sites WHERE run_id = $after AND outcome <> 'interrupted'),
    pairs AS (
        SELECT domain, old.outcome AS before, new.outcome AS after
        FROM old FULL JOIN new USING (domain)
    ),
    compared AS (
        SELECT
            domain,
            taxonomy,
            node_id,
            max(confidence) FILTER (run_id = $before) AS confidence_before,
            max(confidence) FILTER (run_id = $after) AS confidence_after
        FROM predictions
        WHERE run_id IN ($before, $after) AND url IS NULL AND asserted AND decides
            AND domain IN (SELECT domain FROM old) AND domain IN (SELECT domain FROM new)
        GROUP BY ALL
        HAVING (confidence_before IS NULL) <> (confidence_after IS NULL)
    ),
    named AS (
        SELECT
            compared.*,
            CASE WHEN confidence_before IS NULL THEN 'gained' ELSE 'lost' END AS change,
            coalesce(nodes.path, node_id) AS path,
            nodes.path_ids
        FROM compared LEFT JOIN nodes USING (taxonomy, node_id)
    ),
    deepest AS (
        SELECT named.* FROM named
        ANTI JOIN named AS below
            ON below.domain = named.domain AND below.taxonomy = named.taxonomy
            AND below.change = named.change AND below.node_id <> named.node_id
            AND list_contains(below.path_ids, named.node_id)
    )
    SELECT
        domain,
        CASE
            WHEN before IS NULL THEN 'appeared'
            WHEN after IS NULL THEN 'vanished'
            ELSE 'outcome'
        END AS change,
        before,
        after,
        NULL AS taxonomy,
        NULL AS node_id,
        NULL::DOUBLE AS confidence_before,
        NULL::DOUBLE AS confidence_after
    FROM pairs
    WHERE before IS DISTINCT FROM after
    UNION ALL
    SELECT
        domain,
        change,
        CASE WHEN change = 'lost' THEN path END,
        CASE WHEN change = 'gained' THEN path END,
        taxonomy,
        node_id,
        confidence_before,
        confidence_after
    FROM deepest
    ORDER BY domain, change = 'outcome' DESC, taxonomy, change, node_id
"""
