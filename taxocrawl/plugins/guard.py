"""Around a plugin's code: whatever it raises becomes an `Exception` that can be blamed on it."""

import signal
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LONGEST_MESSAGE = 500  # characters


class Escape(Exception):  # noqa: N818 - not an error of ours
    """A plugin raised what ends a program: SystemExit, KeyboardInterrupt (P02, P03)."""


@contextmanager
def guard() -> Iterator[None]:
    """Turns an exception that would end the program into `Escape`; a person's Ctrl-C stays one."""
    pressed: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    # Python's own handler raises what a plugin may raise too, so it gives way to one that tells.
    # Workers ignore the signal: there it can only be the plugin.
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        if pressed:
            raise
        raise Escape(describe(error)) from error
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def describe(error: BaseException) -> str:
    """The error's kind and text on one line of a report."""
    try:
        text = str(error)
    except Exception:  # an exception class of the plugin's may fail at this too
        text = ""
    if isinstance(error, Escape):
        return text
    line = textwrap.shorten(text, LONGEST_MESSAGE, placeholder=" ...") or "no message"
    return f"{type(error).__name__}: {line}"
