"""Progress of long work: a live line on a terminal, JSON Lines in a pipe, nothing when quiet."""

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from taxocrawl.records import InputLine, Outcome

REPORT_EVERY_S = 5.0


@dataclass(kw_only=True)
class Watch:
    """Counts what ended. `total` lines are to end in all, None where nobody knows."""

    total: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    without_visit: int = 0
    started: float = field(default_factory=time.monotonic)

    def on_line(self, line: InputLine) -> None:
        """A line ended that needed no visit."""
        self.without_visit += 1

    def on_outcome(self, outcome: Outcome) -> None:
        """A site's visit ended."""
        self.outcomes[outcome.kind] += 1

    @property
    def sites(self) -> int:
        """Sites visited so far."""
        return self.outcomes.total()

    @property
    def rate(self) -> float:
        """Sites a second, since the first was begun."""
        return self.sites / max(0.001, time.monotonic() - self.started)

    @property
    def left_s(self) -> float | None:
        """Seconds to go if all other lines name sites; None where that cannot be said."""
        if self.total is None or not self.sites:
            return None
        return max(0, self.total - self.without_visit - self.sites) / self.rate

    def report(self) -> dict[str, object]:
        """All of it, for programs."""
        left_s = self.left_s
        return {
            "sites": self.sites,
            "lines": self.sites + self.without_visit,
            "of": self.total,
            "rate": round(self.rate, 2),
            "left_s": None if left_s is None else round(left_s),
            "outcomes": dict(self.outcomes.most_common()),
        }


@contextmanager
def watch(total: int | None = None) -> Iterator[Watch]:
    """What is to be told of each line and site; the talk goes to standard error."""
    if not logging.getLogger(__name__).isEnabledFor(logging.WARNING):
        yield Watch(total=total)
    elif sys.stderr.isatty():
        with _live(total) as live:
            yield live
    else:
        yield _Lines(total=total)


class _Live(Watch):
    def __init__(self, total: int | None, progress: Progress) -> None:
        super().__init__(total=total)
        self._progress = progress
        self._task = progress.add_task("crawl", total=None, done="0 lines", said="")

    def on_line(self, line: InputLine) -> None:
        super().on_line(line)
        self._show()

    def on_outcome(self, outcome: Outcome) -> None:
        super().on_outcome(outcome)
        self._show()

    def _show(self) -> None:
        done = f"{self.sites + self.without_visit:,}"
        if self.total is not None:
            done += f" of {self.total:,}"
        said = [f"{self.rate:.1f} sites/s"]
        left_s = self.left_s
        if left_s is not None:
            said.append(f"{_duration(left_s)} left")
        said += [f"{kind} {n:,}" for kind, n in self.outcomes.most_common(4)]
        self._progress.update(self._task, done=f"{done} lines", said="  ".join(said))


@contextmanager
def _live(total: int | None) -> Iterator[Watch]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[done]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Live(total, progress)


class _Lines(Watch):
    _last = 0.0

    def on_outcome(self, outcome: Outcome) -> None:
        super().on_outcome(outcome)
        now = time.monotonic()
        if now - max(self._last, self.started) >= REPORT_EVERY_S:
            self._last = now
            print(json.dumps(self.report()), file=sys.stderr, flush=True)  # noqa: T201


def _duration(seconds: float) -> str:
    """`0:04:59`, `3 d 04:00:00`."""
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock
