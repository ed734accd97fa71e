"""Whose turn it is: lines in the order of the list, one visit at a time to a registrable domain.

A thousand sub-domains of one site would else fill all the room there is and wait for each other,
their own time running, and the rest of the list behind them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from taxocrawl import domains
from taxocrawl.records import InputLine

HELD_LINES = 20_000
"""So many lines may be read ahead while their domains are busy: about 10 MB."""


class Lineup:
    """`next` gives a line whose domain nobody visits; `left` says that a visit has ended."""

    def __init__(self, read: Callable[[], Awaitable[InputLine | None]]) -> None:
        """`read` gives the next line of the list, None at its end."""
        self._read = read
        self._reading: asyncio.Future[InputLine | None] | None = None
        self._ended = False
        self._busy: dict[str, deque[InputLine]] = {}
        self._held = 0
        self._ready: deque[InputLine] = deque()
        self._freed = asyncio.Event()

    async def next(self) -> InputLine | None:
        """A line to see to now; None once all have been given."""
        while True:
            if self._ready:
                self._held -= 1
                return self._ready.popleft()
            if self._ended and not self._held:
                return None
            line = await self._one_more()
            if line is None:
                continue
            if line.site is None or line.outcome is not None:
                return line
            domain = domains.registrable(line.site.domain)
            if domain not in self._busy:
                self._busy[domain] = deque()
                return line
            self._busy[domain].append(line)
            self._held += 1

    def left(self, line: InputLine) -> None:
        """The visit of a line has ended: the next of its domain may begin."""
        assert line.site is not None  # noqa: S101  (visits are of sites)
        domain = domains.registrable(line.site.domain)
        waiting = self._busy[domain]
        if waiting:
            self._ready.append(waiting.popleft())
            self._freed.set()
        else:
            del self._busy[domain]

    async def _one_more(self) -> InputLine | None:
        """The list's next line; None where a held one is ready first, or the list has ended."""
        self._freed.clear()
        freed = asyncio.ensure_future(self._freed.wait())
        awaited: set[asyncio.Future[Any]] = {freed}
        if self._reading is None and not self._ended and self._held < HELD_LINES:
            self._reading = asyncio.ensure_future(self._read())
        if self._reading is not None:
            awaited.add(self._reading)
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            freed.cancel()
        if self._reading is None or not self._reading.done():
            return None
        line, self._reading = self._reading.result(), None
        self._ended = line is None
        return line
