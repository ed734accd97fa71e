"""Draw docs/demo.svg: what `make demo` shows on a terminal of 100 columns, taken from a real run.

    python quality/record_demo.py [--keep FILE | --from FILE]

The demo runs in a pseudo-terminal, so that it prints as before a reader's eyes. The picture leaves
out the sections that `is_shown` names, each gap marked, and changes nothing else.
"""

import argparse
import os
import pty
import re
import shutil
import struct
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "demo.svg"
COLUMNS, ROWS = 100, 50
LARGEST_BYTES = 300_000
GAP = "\x1b[2m  ⋮\x1b[0m"

_CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-ln-z]")
"""Control sequences that are no colours."""
_FONT_FACE = re.compile(r"@font-face \{[^}]*\}\s*")

THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
)


def main() -> int:
    """The exit code of the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="also write the raw recording to FILE")
    parser.add_argument("--from", dest="recorded", type=Path, help="draw this recording, run none")
    arguments = parser.parse_args()
    if arguments.recorded:
        recording = arguments.recorded.read_bytes()
    else:
        recording, code = record_demo()
        if code:
            sys.stderr.write(recording.decode(errors="replace"))
            return code
    if arguments.keep:
        arguments.keep.write_bytes(recording)
    picture = draw(list(cut(screen(recording.decode()))))
    if len(picture) > LARGEST_BYTES:
        sys.exit(f"the picture has {len(picture):,} bytes, allowed are {LARGEST_BYTES:,}")
    PICTURE.write_text(picture, encoding="utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {len(picture):,} bytes\n")
    return 0


def record_demo() -> tuple[bytes, int]:
    """Everything that the demo wrote to its terminal, and its exit code.

    It runs in a copy of its folders, so that paths show as they do from a clean clone.
    """
    with TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder, "examples"))
        Path(folder, "tests").mkdir()
        shutil.copy(ROOT / "tests" / "loopback.py", Path(folder, "tests"))
        return record([sys.executable, "examples/demo.py"], folder)


def record(command: list[str], folder: str) -> tuple[bytes, int]:
    """Output of a command in a pseudo-terminal, and its exit code."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        size = {"COLUMNS": str(COLUMNS), "LINES": str(ROWS), "TERM": "xterm-256color"}
        os.execve(command[0], command, os.environ | size)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux: the other end was closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    return b"".join(chunks), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def screen(recording: str) -> list[str]:
    """Lines as they stand in the end: redrawn ones once, with the colours that they had."""
    lines: list[str] = []
    for line in recording.split("\n"):
        last = line.rstrip("\r").rpartition("\r")[2]
        for _ in range(line.count("\x1b[1A")):
            lines.pop()
        lines.append(_CONTROL.sub("", last))
    return lines


def is_shown(heading: str) -> bool:
    """False for the sections that repeat, in other words, what the picture says already."""
    return "by SHAP" not in heading and "array_to_string" not in heading


def cut(lines: list[str]) -> Iterator[str]:
    """Lines without the sections left out; a section runs from a command or a title to the next."""
    shown, blank = True, True
    for line in lines:
        plain = Text.from_ansi(line).plain
        if blank and (plain.startswith(("$ ", "Why ", "Categories")) or " sites have " in plain):
            was, shown = shown, is_shown(plain)
            if was and not shown:
                yield from (GAP, "")
        blank = not plain.strip()
        if shown:
            yield line.rstrip()


def draw(lines: list[str]) -> str:
    """An SVG of these lines in a window. It refers to nothing outside itself."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for line in "\n".join(lines).strip().split("\n"):
        console.print(Text.from_ansi(line), soft_wrap=False)
    picture = console.export_svg(title="make demo", theme=THEME, unique_id="demo")
    # rich asks a foreign server for its font; every character's place is fixed without it.
    picture = _FONT_FACE.sub("", picture)
    return picture.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


if __name__ == "__main__":
    sys.exit(main())
