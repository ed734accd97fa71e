"""A pool of processes that can be killed: everything that touches page bytes or plugin code.

A bomb, an endless loop or `os._exit` costs one worker and one retry, never the run. Two calls only:
`extract` and `categorize`. Memory is bounded at each call by RLIMIT_AS, time by a deadline after
which the process is killed (pebble; concurrent.futures cannot).

A worker notes in shared memory which classifier or explainer it is about to call, so the one that
hung or killed it is blamed by name, the others' answers stand, and one that keeps doing it is
switched off (P03, P04).
"""

import asyncio
import ctypes
import gc
import itertools
import logging
import multiprocessing
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

import pebble

from taxocrawl import pipeline
from taxocrawl.errors import WorkersError
from taxocrawl.extraction import html, language
from taxocrawl.pipeline import ComponentKey
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Document, Extract, Outcome, Page
from taxocrawl.settings import Settings
from taxocrawl.threads import one_thread

logger = logging.getLogger(__name__)

T = TypeVar("T")

FailureReason = Literal["raised", "died", "timeout"]

MIB = 2**20
TASKS_A_WORKER = 5000
"""A worker is replaced after so many calls, so that a leak in a parser cannot grow for ever."""

FAILURES_IN_A_ROW = 5
"""Documents on which a component may hang or die, none between them fine, before it is off."""

SLOTS = 4096
"""Calls under way that can tell what they are doing; more than any crawl has."""

_PR_SET_PDEATHSIG = 1


class WorkerFailure(Exception):
    """A call that gave nothing: it raised, its process died, or its deadline passed.

    `component` is what ran at that moment, None where it was no plugin's code.
    """

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.component: ComponentKey | None = None


def prepare(settings: Settings) -> tuple[Registry, Settings]:
    """The registry, and the settings with taxonomies that any process finds by their names.

    Raises the error of whatever the settings name wrongly, before any work begins.
    """
    registry = loading.load(settings)
    pipeline.check_settings(registry, settings)
    found = tuple(registry.taxonomy_address(name) for name in settings.taxonomies)
    return registry, replace(settings, taxonomies=found)


class Workers:
    """The pool. Use as a context manager; `close` ends all processes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.count = settings.workers or max(2, os.cpu_count() or 2)
        self._components = pipeline.components(settings)
        self._off: dict[ComponentKey, str] = {}
        self._failures: Counter[ComponentKey] = Counter()
        self._slots = itertools.cycle(range(SLOTS))
        spawn = multiprocessing.get_context("spawn")
        # Number of the component at work in each call, 0 for none.
        self._at_work = spawn.RawArray(ctypes.c_uint16, SLOTS)
        self._pool = pebble.ProcessPool(
            max_workers=self.count,
            max_tasks=TASKS_A_WORKER,
            initializer=_start,
            initargs=[settings, os.getpid(), self._at_work],
            context=spawn,
        )
        # Starts the processes now: they load while the first pages are fetched.
        self._pool.schedule(_awake)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, at once if calls are still under way."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    async def extract(self, page: Page) -> Extract:
        """What the page says; WorkerFailure where extraction gave nothing."""
        timeout_s = self.settings.extract_timeout_s
        return await _result(self._pool.schedule(_extract, args=[page], timeout=timeout_s))

    async def categorize(self, documents: Sequence[Document]) -> list[Outcome]:
        """One outcome a document, in order. A batch that dies is tried again one by one."""
        try:
            return await self._categorize(documents, self._off)
        except WorkerFailure as failure:
            if len(documents) == 1:
                logger.warning("%s: classification %s; once more", documents[0].id, failure)
            else:
                logger.warning("a batch of %d: %s; trying each alone", len(documents), failure)
        return [await self._alone(document) for document in documents]

    async def _alone(self, document: Document) -> Outcome:
        """The last try, without whatever hangs or dies on this document."""
        off = dict(self._off)
        last: WorkerFailure | None = None
        while True:
            try:
                (outcome,) = await self._categorize([document], off)
            except WorkerFailure as failure:
                logger.warning("%s: classification %s", document.id, failure)
                if failure.component is None or failure.component in off:
                    return _failed(document, failure)
                off[failure.component] = str(failure)
                self._count(failure)
                last = failure
            else:
                failed = outcome.kind == "classifier_failed"
                return replace(outcome, detail=last.reason) if last and failed else outcome

    async def _categorize(
        self, documents: Sequence[Document], off: Mapping[ComponentKey, str]
    ) -> list[Outcome]:
        slot = next(self._slots)
        self._at_work[slot] = 0
        call = self._pool.schedule(
            _categorize,
            args=[list(documents), slot, dict(off)],
            timeout=self.settings.classify_timeout_s,
        )
        try:
            outcomes = await _result(call)
        except WorkerFailure as failure:
            if number := self._at_work[slot]:
                failure.component = self._components[number - 1]
            raise
        if any(outcome.predictions for outcome in outcomes):
            for component in self._failures.keys() - off.keys():
                del self._failures[component]
        # The document crosses the border once: the worker leaves it out, the caller has it.
        return [replace(o, document=d) for o, d in zip(outcomes, documents, strict=True)]

    def _count(self, failure: WorkerFailure) -> None:
        """Switch a component off after a row of failures, aloud."""
        component = failure.component
        assert component is not None  # noqa: S101 - the caller has just asked
        self._failures[component] += 1
        if self._failures[component] == FAILURES_IN_A_ROW:
            reason = f"switched off after {FAILURES_IN_A_ROW} documents in a row: {failure}"
            self._off[component] = reason
            kind, name = component
            logger.error("%s %s %s", kind.removesuffix("s"), name, reason)


def _failed(document: Document, failure: WorkerFailure) -> Outcome:
    return Outcome(
        domain=document.domain,
        kind="classifier_failed",
        detail=failure.reason,
        message=str(failure),
        document=document,
    )


async def _result(future: "Future[T]") -> T:
    try:
        return await asyncio.wrap_future(future)
    except TimeoutError:
        raise WorkerFailure("timeout", "the deadline passed; its process was killed") from None
    except pebble.ProcessExpired as error:
        raise WorkerFailure("died", f"its process died (exit code {error.exitcode})") from None
    except MemoryError:
        raise WorkerFailure("raised", "MemoryError: the worker's memory limit") from None
    except BrokenExecutor as error:  # each of the last few ended while it started
        raise WorkersError(
            f"no worker process can be started ({error}); `taxocrawl doctor` looks for the cause"
        ) from error
    except Exception as error:  # whatever page bytes or plugin code raised in the worker
        raise WorkerFailure("raised", f"{type(error).__name__}: {error}") from error


# ---- in the worker ------------------------------------------------------------------------------


class _State:
    """What a worker keeps between calls."""

    settings: Settings
    registry: Registry | None = None
    is_frozen = False
    at_work: "ctypes.Array[ctypes.c_uint16]"


def _start(settings: Settings, parent: int, at_work: "ctypes.Array[ctypes.c_uint16]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    _die_with(parent)
    # stdout is for data of the main process; what a plugin prints goes to the log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    one_thread()
    _State.settings, _State.at_work = settings, at_work
    _State.registry = loading.load(settings)
    # Now, so that no page's deadline pays for an import or a table.
    for name in settings.extractors:
        _State.registry.extractor(name)
    language.detect("The first text takes as long as a thousand others.")


def _awake() -> None:
    """Nothing: a first call only starts the pool."""


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)


def _registry() -> Registry:
    assert _State.registry is not None, "the worker was started without its initializer"  # noqa: S101
    return _State.registry


def _extract(page: Page) -> Extract:
    settings, registry = _State.settings, _registry()
    ladder = [(name, registry.extractor(name)) for name in settings.extractors]
    _limit_memory(settings.extract_memory_mib)
    return html.extract(page, ladder=ladder, settings=settings)


def _categorize(
    documents: list[Document], slot: int, off: Mapping[ComponentKey, str]
) -> list[Outcome]:
    settings = _State.settings
    numbers = {key: number for number, key in enumerate(pipeline.components(settings), start=1)}

    def watch(component: ComponentKey | None) -> None:
        _State.at_work[slot] = numbers[component] if component else 0

    _limit_memory(settings.classify_memory_mib)
    outcomes = pipeline.categorize(documents, _registry(), settings, off=off, watch=watch)
    if not _State.is_frozen:
        # The models are loaded now and stay; to walk through them at each collection of garbage
        # was 8 % of all that a page costs here.
        gc.collect()
        gc.freeze()
        _State.is_frozen = True
    return [replace(outcome, document=None) for outcome in outcomes]


def _limit_memory(more_mib: int) -> None:
    """Let this process grow by so much above its present size; no effect without /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return
    limit = pages * resource.getpagesize() + more_mib * MIB
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
