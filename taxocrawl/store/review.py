"""Sites that a person should look at: which, in what order, and what was decided."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np

from taxocrawl.store.diverse import choose
from taxocrawl.store.labels import WAIT_S, Label, write_labels, writing
from taxocrawl.store.migration import now
from taxocrawl.store.reader import reading

CLOSE: Final = 0.2
"""A lead of the first choice over the best one of another branch below this is worth a look."""
QUEUE: Final = 1_000
"""Sites put into the queue at once: more than a person does before the next run replaces them."""
POOL: Final = 20_000
"""Doubtful sites that the queue is chosen from; of each first choice the most doubtful ones."""
LABELLED: Final = 200
"""Newest labels that the queue keeps away from: what they say need not be asked again."""
LANGUAGE_SHARE: Final = 0.2
"""How much another language counts beside other categories, whose confidences are up to 1."""
CANDIDATES: Final = 5
FIRST_WORDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCandidate:
    """One category that the deciding classifier thought of."""

    node_id: str
    path: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """One site to look at, with what is needed to decide; `reason` is '' on a second look."""

    run_id: str
    domain: str
    taxonomy: str
    reason: str
    url: str
    language: str
    title: str
    description: str
    first_words: str
    candidates: tuple[ReviewCandidate, ...]


def fill_queue(path: Path, taxonomy: str) -> int:
    """Queue the doubtful sites of the newest run, the most useful first; how many sites wait.

    Doubtful: nothing was sure, two classifiers differ, or the first choice leads by little. Useful:
    much in doubt, and unlike what was queued before it or labelled lately (in categories thought
    of, all above them, and language), so that an hour of work sees every kind of mistake. Sites
    that somebody has labelled are left out, those that were skipped stay last.
    """
    with writing(path) as store:
        store.execute(_FORGET, {"taxonomy": taxonomy})
        _fill(store, taxonomy)
        waiting = store.execute(
            "SELECT count(*) FROM review_queue WHERE taxonomy = ? AND done_at IS NULL", [taxonomy]
        ).fetchall()
    return int(waiting[0][0])


def _fill(store: duckdb.DuckDBPyConnection, taxonomy: str) -> None:
    """Choose among the doubtful sites and queue them; the same store gives the same queue."""
    limits = {"close": CLOSE, "pool": POOL, "labelled": LABELLED}
    store.execute(_POOL, {"taxonomy": taxonomy, **limits})
    pool = store.execute("SELECT use, seen FROM review_pool ORDER BY place").fetchnumpy()
    entries = store.execute(_ENTRIES, {"language_share": LANGUAGE_SHARE}).fetchnumpy()
    chosen = choose(
        np.asarray(pool["use"], dtype=np.float64),
        np.asarray(entries["place"], dtype=np.int64),
        np.asarray(entries["feature"], dtype=np.int64),
        np.asarray(entries["value"], dtype=np.float64),
        n=QUEUE,
        seen=np.asarray(pool["seen"], dtype=np.bool_),
    )
    values = {"taxonomy": taxonomy, "chosen": chosen, "now": now()}
    store.execute(_QUEUE_UP, values)
    store.execute("DROP TABLE review_pool")


def next_in_queue(path: Path, taxonomy: str, *, seen: Collection[str] = ()) -> ReviewItem | None:
    """The site to look at next, none of `seen`; None at the end."""
    return _item(path, _NEXT, [taxonomy, list(seen)])


def next_second_look(
    path: Path, taxonomy: str, *, labelled_by: str, seen: Collection[str] = ()
) -> ReviewItem | None:
    """The next site that others have labelled and this person has not; their answer is not told."""
    return _item(path, _SECOND, [taxonomy, labelled_by, list(seen)])


def decide(path: Path, item: ReviewItem, *, node_id: str | None, labelled_by: str) -> None:
    """Store a person's answer, None for none of the taxonomy: the site leaves the queue."""
    label = Label(
        domain=item.domain, taxonomy=item.taxonomy, node_id=node_id, labelled_by=labelled_by
    )
    with writing(path) as store:
        write_labels(store, [label], replace=True)
        store.execute(
            "UPDATE review_queue SET done_at = ? WHERE domain = ? AND taxonomy = ?",
            [now(), *_key(item)],
        )


def skip(path: Path, item: ReviewItem) -> None:
    """Put a site behind all others."""
    with writing(path) as store:
        store.execute(
            "UPDATE review_queue SET priority = 0 WHERE domain = ? AND taxonomy = ?", _key(item)
        )


def undo(path: Path, item: ReviewItem, *, labelled_by: str) -> None:
    """Take an answer back: the site waits again."""
    with writing(path) as store:
        store.execute(
            "DELETE FROM labels "
            "WHERE domain = ? AND taxonomy = ? AND url IS NULL AND labelled_by = ?",
            [*_key(item), labelled_by],
        )
        store.execute(
            "UPDATE review_queue SET done_at = NULL WHERE domain = ? AND taxonomy = ?", _key(item)
        )


def _key(item: ReviewItem) -> list[object]:
    return [item.domain, item.taxonomy]


def _item(path: Path, sql: str, values: Sequence[object]) -> ReviewItem | None:
    with reading(path, wait_s=WAIT_S) as store:
        found = _rows(store, sql, values)
        if not found:
            return None
        site = found[0]
        candidates = _rows(
            store, _CANDIDATES, [site["run_id"], site["domain"], site["taxonomy"], CANDIDATES]
        )
    text = " ".join(site.pop("text").split()[:FIRST_WORDS])
    return ReviewItem(
        first_words=text[: FIRST_WORDS * 12],  # scripts without spaces make one long word
        candidates=tuple(ReviewCandidate(**row) for row in candidates),
        **site,
    )


def _rows(
    store: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object]
) -> list[dict[str, Any]]:
    result = store.execute(sql, list(values))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


# What waits is drawn anew each time; what a person asked for, skipped or did stays.
_FORGET: Final = """
    DELETE FROM review_queue
    WHERE taxonomy = $taxonomy AND done_at IS NULL AND (
        reason <> 'asked' AND priority > 0
        OR domain IN (
            SELECT domain FROM labels WHERE taxonomy = $taxonomy AND url IS NULL
        )
    )
"""
_POOL: Final = """
    CREATE OR REPLACE TEMP TABLE review_pool AS
    WITH newest AS (
        SELECT run_id FROM runs
        WHERE run_id IN (SELECT run_id FROM predictions WHERE taxonomy = $taxonomy)
        ORDER BY sequence DESC LIMIT 1
    ),
    answers AS (
        SELECT predictions.*, nodes.path_ids
        FROM predictions
        SEMI JOIN newest USING (run_id)
        JOIN nodes USING (taxonomy, node_id)
        WHERE taxonomy = $taxonomy AND url IS NULL
    ),
    sites_seen AS (
        SELECT run_id, domain, bool_or(asserted) AS sure FROM answers WHERE decides
        GROUP BY run_id, domain
    ),
    firsts AS (SELECT * FROM answers WHERE rank = 1 AND decides),
    others AS (SELECT domain, node_id FROM answers WHERE rank = 1 AND NOT decides),
    -- A category above or below the first choice is no rival: both would be right.
    rivals AS (
        SELECT firsts.domain, max(answers.confidence) AS confidence
        FROM firsts
        JOIN answers ON answers.domain = firsts.domain AND answers.decides AND answers.rank > 1
        WHERE NOT list_contains(answers.path_ids, firsts.node_id)
            AND NOT list_contains(firsts.path_ids, answers.node_id)
        GROUP BY firsts.domain
    ),
    weighed AS (
        SELECT
            firsts.run_id,
            firsts.domain,
            firsts.node_id,
            firsts.confidence - coalesce(rivals.confidence, 0) AS lead,
            CASE
                WHEN NOT sites_seen.sure THEN 'uncertain'
                WHEN EXISTS (
                    SELECT 1 FROM others
                    WHERE others.domain = firsts.domain AND others.node_id <> firsts.node_id
                ) THEN 'disagreement'
                WHEN firsts.confidence - coalesce(rivals.confidence, 0) < $close THEN 'close'
            END AS reason
        FROM firsts
        JOIN sites_seen USING (run_id, domain)
        LEFT JOIN rivals ON rivals.domain = firsts.domain
        WHERE firsts.domain NOT IN (
            SELECT domain FROM labels WHERE taxonomy = $taxonomy AND url IS NULL
            UNION ALL
            SELECT domain FROM review_queue WHERE taxonomy = $taxonomy AND done_at IS NULL
        )
    ),
    -- Two classifiers that differ are as much in doubt as a small lead, however sure each is.
    useful AS (
        SELECT *, CASE reason
            WHEN 'uncertain' THEN 1 - lead WHEN 'disagreement' THEN 0.8 ELSE 0.6 * (1 - lead)
        END AS use
        FROM weighed WHERE reason IS NOT NULL
    ),
    rounds AS (
        SELECT *, row_number() OVER (PARTITION BY node_id ORDER BY use DESC, domain) AS round
        FROM useful
    ),
    drawn AS (
        SELECT run_id, domain, reason, use, FALSE AS seen FROM rounds
        ORDER BY round, use DESC, domain LIMIT $pool
    ),
    labelled AS (
        SELECT domain, max(created_at) AS said_at FROM labels
        WHERE taxonomy = $taxonomy AND url IS NULL
        GROUP BY domain
    ),
    known AS (
        SELECT firsts.run_id, domain, '' AS reason, 0.0 AS use, TRUE AS seen
        FROM firsts JOIN labelled USING (domain)
        ORDER BY said_at DESC, domain LIMIT $labelled
    ),
    pool AS (
        SELECT *, row_number() OVER (ORDER BY use DESC, domain) - 1 AS place
        FROM (FROM drawn UNION ALL FROM known)
    )
    SELECT pool.*, list(struct_pack(path := answers.path_ids, confidence := answers.confidence)
            ORDER BY answers.rank) AS said
    FROM pool JOIN answers ON answers.domain = pool.domain AND answers.decides
        AND answers.rank <= 5
    GROUP BY ALL
"""
# What a site's answer is like: the categories thought of with all above them, and its language.
_ENTRIES: Final = """
    WITH said AS (
        SELECT place, unnest(said, recursive := true) FROM review_pool
    ),
    parts AS (
        SELECT place, unnest(path) AS feature, confidence AS value FROM said
        UNION ALL
        SELECT place, 'language ' || coalesce(language, ''), $language_share
        FROM review_pool LEFT JOIN sites USING (run_id, domain)
    )
    SELECT place, dense_rank() OVER (ORDER BY feature) - 1 AS feature, sum(value) AS value
    FROM parts GROUP BY place, parts.feature HAVING sum(value) > 0
    ORDER BY place, feature
"""
_QUEUE_UP: Final = """
    INSERT INTO review_queue
    SELECT run_id, domain, $taxonomy, reason, 1.0 / number, $now, NULL
    FROM (
        SELECT unnest($chosen::BIGINT[]) AS place,
            generate_subscripts($chosen::BIGINT[], 1) AS number
    ) JOIN review_pool USING (place)
"""
_SITE: Final = """
    SELECT
        newest_sites.run_id,
        wanted.domain,
        wanted.taxonomy,
        wanted.reason,
        coalesce(home.url, newest_sites.final_url) AS url,
        newest_sites.language,
        coalesce(home.title, '') AS title,
        coalesce(home.description, '') AS description,
        coalesce(home.text, '') AS text
    FROM wanted
    JOIN newest_sites USING (domain)
    LEFT JOIN pages AS home
        ON home.run_id = newest_sites.run_id AND home.domain = newest_sites.domain
        AND home.position = 0
    ORDER BY wanted.priority DESC, wanted.domain LIMIT 1
"""
_NEXT: Final = f"""
    WITH wanted AS (
        SELECT domain, taxonomy, reason, priority FROM review_queue
        WHERE taxonomy = ? AND done_at IS NULL AND NOT list_contains(?::VARCHAR[], domain)
            AND NOT EXISTS (
                SELECT 1 FROM labels
                WHERE labels.domain = review_queue.domain
                    AND labels.taxonomy = review_queue.taxonomy AND labels.url IS NULL
            )
    )
    {_SITE}
"""  # noqa: S608 - parts of our own
_SECOND: Final = f"""
    WITH wanted AS (
        SELECT domain, any_value(taxonomy) AS taxonomy, '' AS reason, 0.0 AS priority FROM labels
        WHERE taxonomy = ? AND url IS NULL
        GROUP BY domain
        HAVING NOT list_contains(list(labelled_by), ?) AND NOT list_contains(?::VARCHAR[], domain)
    )
    {_SITE}
"""  # noqa: S608
_CANDIDATES: Final = """
    SELECT node_id, coalesce(nodes.path, node_id) AS path, confidence
    FROM predictions LEFT JOIN nodes USING (taxonomy, node_id)
    WHERE run_id = ? AND domain = ? AND taxonomy = ? AND url IS NULL AND decides AND rank <= ?
    ORDER BY rank
"""
