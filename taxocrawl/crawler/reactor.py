"""One event loop with Twisted's reactor on it, in a thread of its own.

A reactor can be started once in a process. In its own thread it serves any number of crawls, from a
command line, a notebook whose loop is running already, and tests.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_LOCK = threading.Lock()


class _State:
    loop: asyncio.AbstractEventLoop | None = None


def submit(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Run on the reactor's loop; the result comes by a future of concurrent.futures."""
    return asyncio.run_coroutine_threadsafe(work, loop())


def loop() -> asyncio.AbstractEventLoop:
    """The reactor's loop, started at the first call."""
    with _LOCK:
        if _State.loop is None:
            _State.loop = _start()
        return _State.loop


def twisted_reactor() -> Any:
    """The reactor itself; call it only after `loop`, for its import installs one."""
    from twisted.internet import reactor

    return reactor


def _start() -> asyncio.AbstractEventLoop:
    from scrapy.utils.reactor import is_reactor_installed

    if is_reactor_installed():
        raise RuntimeError(
            "a Twisted reactor is installed in this process already; crawl from another process"
        )
    new_loop = asyncio.new_event_loop()
    running: Future[None] = Future()
    thread = threading.Thread(
        target=_run, args=(new_loop, running), name="taxocrawl-reactor", daemon=True
    )
    thread.start()
    running.result()
    return new_loop


def _run(new_loop: asyncio.AbstractEventLoop, running: "Future[None]") -> None:
    try:
        the_reactor = _install(new_loop)
    except BaseException as error:
        running.set_exception(error)
        return
    the_reactor.callWhenRunning(running.set_result, None)
    the_reactor.run(installSignalHandlers=False)


def _install(new_loop: asyncio.AbstractEventLoop) -> Any:
    asyncio.set_event_loop(new_loop)
    from twisted.internet import asyncioreactor

    asyncioreactor.install(new_loop)  # type: ignore[no-untyped-call]
    from twisted.python import log

    log.PythonLoggingObserver(loggerName="twisted").start()  # type: ignore[no-untyped-call]
    return twisted_reactor()
