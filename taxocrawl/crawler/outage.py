"""A dead network told from dead sites: while it is down, no site is written off for it.

Sites that fail as they would without a network are suspects. Their visits wait until something
answers (then the sites are at fault), or until many have failed alike and what answered before is
silent too. Then they wait for the network and are visited again. They hold their places meanwhile,
so the list is not read on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from taxocrawl.crawler.failures import Fault

logger = logging.getLogger(__name__)

ALIKE = 20
"""So many suspects without one answer between them are no chance (FAULTS R07)."""

HOLD_S = 3.0
"""A few suspects wait no longer than this for others, or for an answer."""

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

PATIENCE_S = 300.0
"""Where nothing has ever answered, all sites of the list may be dead: they stand after this."""

Probe = Callable[[], Awaitable[bool | None]]
"""Whether what answered before answers now; None where nothing did."""


def is_dns_suspect(fault: Fault) -> bool:
    """True where the name server gave no answer. NXDOMAIN is one."""
    return fault.kind == "dns_failed" and fault.detail in ("servfail", "timeout")


def is_connect_suspect(fault: Fault) -> bool:
    """True where nothing came back at all. A refusal is an answer."""
    return (fault.kind, fault.detail) in (("connect_failed", "unreachable"), ("timeout", "connect"))


class Outage:
    """The state of one thing that all sites need: the name server, the way out."""

    def __init__(self, name: str, probe: Probe, *, alike: int = ALIKE) -> None:
        self._name = name
        self._probe = probe
        self._alike = alike
        self._suspects: deque[asyncio.Future[bool]] = deque()
        self._many = asyncio.Event()
        self._answered = asyncio.Event()
        self._down = False
        self._judging: asyncio.Task[None] | None = None

    def answered(self) -> None:
        """Something answered."""
        self._answered.set()
        if not self._down:
            self._settle(stands=True)

    async def stands(self) -> bool:
        """Whether the failure of a suspect is its own; False where it is to be visited again.

        Waits for as long as that cannot be said.
        """
        suspect: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._suspects.append(suspect)
        if len(self._suspects) >= self._alike:
            self._many.set()
        if self._judging is None or self._judging.done():
            self._judging = asyncio.ensure_future(self._judge())
        return await suspect

    def close(self) -> None:
        """No further probes."""
        if self._judging is not None:
            self._judging.cancel()

    def _settle(self, *, stands: bool) -> None:
        self._many.clear()
        while self._suspects:
            suspect = self._suspects.popleft()
            if not suspect.done():
                suspect.set_result(stands)

    async def _judge(self) -> None:
        while self._suspects:
            await _within(HOLD_S, self._many)
            if not self._suspects:
                return
            answers = await self._probe()
            if answers or (answers is None and len(self._suspects) < self._alike):
                self._settle(stands=True)
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Until the network is back."""
        logger.warning(
            "%s: %d sites in a row had no answer; waiting", self._name, len(self._suspects)
        )
        self._down = True
        self._answered.clear()
        waited_s, back = 0.0, False
        for pause_s in _pauses():
            back = await _within(pause_s, self._answered)
            answers = await self._probe()
            back = back or answers is True
            waited_s += pause_s
            if back or (answers is None and waited_s >= PATIENCE_S):
                break
            if answers is None and self._suspects:
                # Nothing else to ask: one of the sites shows whether they can be reached now.
                self._suspects.popleft().set_result(False)
            logger.warning("%s: still no answer after %.0f s", self._name, waited_s)
        self._down = False
        if back:
            logger.warning("%s: answers again", self._name)
        self._settle(stands=not back)


def _pauses() -> Iterator[float]:
    yield from PAUSES_S
    while True:
        yield PAUSES_S[-1]


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """True where the event came in time."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
