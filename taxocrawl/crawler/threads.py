"""Threads for calls that may hang: the program can end while one still does."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class DaemonThreads:
    """At most `count` daemon threads, started when needed.

    Unlike those of `concurrent.futures` they are not waited for at exit: a `getaddrinfo` or a read
    of standard input cannot be cancelled.
    """

    def __init__(self, count: int, *, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = 0
        self._idle = threading.Semaphore(0)

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """The result of the call, once there is one."""
        future: Future[T] = Future()
        self._jobs.put((future, function, arguments))
        if not self._idle.acquire(blocking=False) and self._threads < self._count:
            self._threads += 1
            thread = threading.Thread(
                target=self._work, name=f"taxocrawl-{self._name}-{self._threads}", daemon=True
            )
            thread.start()
        return future

    def close(self) -> None:
        """Let every thread end after its present call."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function, arguments = job
            if future.set_running_or_notify_cancel():
                try:
                    result = function(*arguments)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del job, future, function, arguments
            self._idle.release()
