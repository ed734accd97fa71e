"""Functions run in a process of their own, what they say coming back while they run.

For callers whose own process is not ours: a notebook, a script, a server. Twisted's reactor wants a
main thread and signals of its own, and processes that `multiprocessing` spawns import the caller's
main module, which without `if __name__ == "__main__"` would start the job again. This process is
started by its name instead, so a plain script needs no such guard.
"""

import contextlib
import os
import pickle  # between two processes of one program, over a pipe that nobody else holds
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from typing import IO, Any, Literal, cast

from taxocrawl.errors import TaxocrawlError

Say = Callable[[object], None]
_Message = tuple[Literal["said", "raised", "broke", "done"], Any]

END_WAIT_S = 60.0
"""How long an interrupted job may take to write what it has."""


def stream(function: Callable[..., object], *arguments: object) -> Generator[Any, None, None]:
    """What `function(say, *arguments)` says, one by one; its TaxocrawlError is raised here.

    `function` must stand in a module of this package. Ctrl-C and an abandoned iterator interrupt
    the job, which then writes what it has.
    """
    command = [sys.executable, "-P", "-m", "taxocrawl.apart"]
    # A session of its own: Ctrl-C reaches the job once, from here, and not from the terminal too.
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    request, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
    try:
        with contextlib.suppress(BrokenPipeError):  # it died already; the answer says so
            pickle.dump((function, arguments), request)
            request.flush()
        yield from _said(answers, process)
    finally:
        _end(process, request, answers)


def _said(answers: IO[bytes], process: subprocess.Popen[bytes]) -> Iterator[Any]:
    while True:
        try:
            kind, value = pickle.load(answers)  # noqa: S301
        except (EOFError, pickle.UnpicklingError):
            raise TaxocrawlError(
                f"the job's process ended with code {process.wait()}; it may have needed too much "
                "memory, see what it wrote to standard error"
            ) from None
        if kind == "done":
            return
        if kind == "raised":
            raise _revived(*value)
        if kind == "broke":
            raise RuntimeError(f"the job failed:\n{value}")
        yield value


def _end(process: subprocess.Popen[bytes], request: IO[bytes], answers: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        request.close()  # a job that is still at work takes this for Ctrl-C
    # Read on, or a job that still talks would wait for ever.
    reader = threading.Thread(target=answers.read, daemon=True)
    reader.start()
    try:
        process.wait(END_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    reader.join()
    answers.close()


def _revived(kind: type[TaxocrawlError], arguments: Any, fields: dict[str, Any]) -> TaxocrawlError:
    # Not by calling the class: PluginError takes other arguments than it keeps.
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(fields)
    return error


def main() -> None:
    """Run what standard input asks for; answer on standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints is talk
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301

    def tell(message: _Message) -> None:
        if message[0] != "said":
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt
        with contextlib.suppress(BrokenPipeError):  # the caller is gone; `_leave` ends the job
            pickle.dump(message, answers)
            answers.flush()

    threading.Thread(target=_leave, daemon=True).start()
    try:
        function(lambda value: tell(("said", value)), *arguments)
    except TaxocrawlError as error:
        tell(("raised", (type(error), error.args, error.__dict__)))
    except KeyboardInterrupt:
        tell(("broke", "interrupted"))
    except Exception:
        tell(("broke", traceback.format_exc()))
    else:
        tell(("done", None))


def _leave() -> None:
    """Interrupt this process when the caller is gone, or wants no more."""
    os.read(0, 1)  # not by sys.stdin, whose lock at exit would be held by this thread
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
