"""Which sites of a store are to be visited again, and whose answer stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from taxocrawl.domains import parse_line
from taxocrawl.records import InputLine, OutcomeKind
from taxocrawl.store.reader import reading

WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisit:
    """What makes a known site due: `retry` where its outcome may change if it is tried again,
    `older_than_s` where it was last visited longer ago. Interrupted ones are due by either.
    """

    retry: bool = False
    older_than_s: float | None = None

    def __str__(self) -> str:
        return f"retry={self.retry} older_than_s={self.older_than_s}"


def due_lines(path: Path, run_id: str, revisit: Revisit) -> Iterator[InputLine]:
    """The store's due sites as lines of a list, by name. The run itself is no earlier one."""
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(
            f"{_KNOWN} SELECT domain FROM known WHERE due ORDER BY domain",  # noqa: S608
            _parameters(run_id, revisit),
        ).fetchall()
    for number, (domain,) in enumerate(rows, start=1):
        yield parse_line(number, domain)


def only_due(
    path: Path, run_id: str, revisit: Revisit, lines: Iterable[InputLine]
) -> Iterator[InputLine]:
    """The lines, those whose site is known and not due with the outcome that it had.

    A site that the store does not know is due. All that are not are in memory: 0.2 GB a million.
    """
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(
            f"{_KNOWN} SELECT domain, outcome, run_id FROM known WHERE NOT due",  # noqa: S608
            _parameters(run_id, revisit),
        ).fetchall()
    shared: dict[str, str] = {}
    kept: dict[str, tuple[OutcomeKind, str]] = {
        domain: (outcome, shared.setdefault(run, run)) for domain, outcome, run in rows
    }
    for line in lines:
        before = kept.get(line.site.domain) if line.site and line.outcome is None else None
        if before is None:
            yield line
        else:
            outcome, run = before
            yield replace(line, outcome=outcome, detail=f"kept:{run}")


def _parameters(run_id: str, revisit: Revisit) -> dict[str, object]:
    return {"run": run_id, "retry": revisit.retry, "older_than_s": revisit.older_than_s}


_KNOWN: Final = """
    WITH earlier AS (
        SELECT sites.*, runs.sequence, coalesce(sites.started_at, runs.started_at) AS visited_at
        FROM sites JOIN runs USING (run_id)
        WHERE run_id <> $run AND runs.command = 'crawl'
    ),
    newest AS (
        SELECT
            domain,
            arg_max(earlier, sequence) FILTER (outcome <> 'interrupted') AS last
        FROM earlier
        GROUP BY domain
    ),
    known AS (
        SELECT
            domain,
            last.outcome AS outcome,
            last.run_id AS run_id,
            last IS NULL
            OR ($retry AND last.retryable)
            -- By this run's start, so that it means the same when the run is resumed.
            OR coalesce(
                epoch((SELECT started_at FROM runs WHERE run_id = $run)) - epoch(last.visited_at)
                > $older_than_s,
                false
            ) AS due
        FROM newest
    )
"""
