"""Progress of long work: a live line on a terminal, JSON Lines in a pipe."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from taxocrawl.records import Outcome

REPORT_EVERY_S = 5.0


@contextmanager
def watch() -> Iterator[Callable[[Outcome], None]]:
    """A function to call with each outcome; the talk goes to standard error."""
    if sys.stderr.isatty():
        with _live() as on_outcome:
            yield on_outcome
    else:
        yield _lines()


@contextmanager
def _live() -> Iterator[Callable[[Outcome], None]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,} sites"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rate]:.1f}/s  {task.fields[counts]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        counts: Counter[str] = Counter()
        task = progress.add_task("crawl", total=None, rate=0.0, counts="")
        started = time.monotonic()

        def on_outcome(outcome: Outcome) -> None:
            counts[outcome.kind] += 1
            shown = "  ".join(f"{kind} {n:,}" for kind, n in counts.most_common(4))
            rate = counts.total() / max(0.001, time.monotonic() - started)
            progress.update(task, advance=1, rate=rate, counts=shown)

        yield on_outcome


def _lines() -> Callable[[Outcome], None]:
    counts: Counter[str] = Counter()
    started = time.monotonic()
    last = started

    def on_outcome(outcome: Outcome) -> None:
        nonlocal last
        counts[outcome.kind] += 1
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S:
            last = now
            rate = counts.total() / (now - started)
            report = {"sites": counts.total(), "rate": round(rate, 2), "outcomes": dict(counts)}
            print(json.dumps(report), file=sys.stderr, flush=True)  # noqa: T201 - the pipe's progress

    return on_outcome
