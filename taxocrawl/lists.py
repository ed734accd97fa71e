"""Lists of domains as people have them: plain, gzipped, CSV and TSV with or without a header.

What a file is, is seen from its content. Read as a stream, every row with bounded memory.
"""

import csv
import difflib
import itertools
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from taxocrawl import domains
from taxocrawl.domains import Cell
from taxocrawl.errors import InputError

NAMES = (
    "domain",
    "domainname",
    "domains",
    "host",
    "hostname",
    "fqdn",
    "site",
    "website",
    "sitedomain",
    "origin",
    "url",
    "siteurl",
    "websiteurl",
    "homepage",
    "webaddress",
    "link",
)
"""Names of the column that is meant, the surest first; letters only, case-blind."""

SAMPLE_ROWS = 20
ROW_LINES = 50
"""A quote that is not closed within so many lines was no quote."""

RATIO = 400
RATIO_FROM_BYTES = 2**20
CHUNK_BYTES = 2**16
PIECE_BYTES = 2**20
"""Unpacked at once, so that a bomb costs no more."""

_PACKED = {
    b"PK\x03\x04": ("a zip archive", "unzip -p {} | taxocrawl crawl -"),
    b"\xfd7zXZ": ("packed with xz", "xz -dc {} | taxocrawl crawl -"),
    b"BZh": ("packed with bzip2", "bzip2 -dc {} | taxocrawl crawl -"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "zstd -dc {} | taxocrawl crawl -"),
}
_GZIP = b"\x1f\x8b"
_NO_LETTER = re.compile(r"[^a-z]")


class _Lines(Iterator[str]):
    """Lines of which some may be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: deque[str] = deque()

    def __next__(self) -> str:
        return self._back.popleft() if self._back else next(self._lines)

    def give_back(self, lines: Sequence[str]) -> None:
        """These come next, in this order."""
        self._back.extendleft(reversed(lines))

    def peek(self, count: int) -> list[str]:
        """The next lines, which stay."""
        ahead = list(itertools.islice(self, count))
        self.give_back(ahead)
        return ahead


class _Unpacked:
    """Reads a file's content, out of gzip where it is in one."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        # What a pipe has now, instead of waiting until there is a whole chunk.
        self._more: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._buffer = bytearray()
        self._gzip: Any = None
        self._packed_bytes = self._unpacked_bytes = 0
        self._start()

    def read(self, size: int) -> bytes:
        """At least one byte, and four at the start, unless there are no more."""
        while len(self._buffer) < min(size, 4) and self._fill():
            pass
        part = bytes(self._buffer[:size])
        del self._buffer[:size]
        return part

    def _start(self) -> None:
        head = b""
        while len(head) < 6 and (chunk := self._more(CHUNK_BYTES)):
            head += chunk
        for mark, (what, cure) in _PACKED.items():
            if head.startswith(mark):
                raise InputError(f"{self._name} is {what}; try {cure.format(self._name)}")
        if head.startswith(_GZIP):
            self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            self._unpack(head)
        else:
            self._buffer += head

    def _fill(self) -> bool:
        """False at the end."""
        if self._gzip is not None and self._gzip.unconsumed_tail:
            self._unpack(self._gzip.unconsumed_tail, again=True)
            return True
        chunk = self._more(CHUNK_BYTES)
        if self._gzip is None:
            self._buffer += chunk
            return bool(chunk)
        if chunk and not (self._gzip.eof and not chunk.strip(b"\0")):
            self._unpack(chunk)
        elif not self._gzip.eof:
            raise InputError(f"{self._name} ends too early: its gzip data is cut off")
        return bool(chunk)

    def _unpack(self, data: bytes, *, again: bool = False) -> None:
        self._packed_bytes += 0 if again else len(data)
        while data:
            if self._gzip.eof:
                if not data.startswith(_GZIP):
                    return  # padding
                self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                part = self._gzip.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise InputError(f"{self._name} is damaged: {error}") from error
            self._buffer += part
            self._unpacked_bytes += len(part)
            if self._unpacked_bytes > max(RATIO_FROM_BYTES, RATIO * self._packed_bytes):
                raise InputError(
                    f"{self._name} unpacks to more than {RATIO} times its size: no list does"
                )
            data = self._gzip.unused_data if self._gzip.eof else b""


def read_list(
    stream: BinaryIO, *, name: str = "the list", column: str = ""
) -> Iterator[str | Cell]:
    """Lines of a list in their order, of tables the cell that names the site.

    A header gives '', as do the further lines of a row that has several: so the numbers are those
    of the file. `column` is a header's name or a number from 1; without it the header or the
    content must be clear. InputError names the columns otherwise, and says what is wrong with a
    gzip file once all before the damage was given.
    """
    lines = _Lines(domains.lines_of(_Unpacked(stream, name)))
    for line in lines:
        text = line.removeprefix("\ufeff").strip()
        if text and not text.startswith("#"):
            # The first that says anything; before it were blank lines and comments.
            lines.give_back([line.removeprefix("\ufeff")])
            yield from _rows(lines, name, column)
            return
        yield line


def _rows(lines: _Lines, name: str, column: str) -> Iterator[str | Cell]:
    (first,) = lines.peek(1)
    delimiter = "\t" if "\t" in first else max(";,|", key=first.count)
    if delimiter not in first and not first.startswith('"') and not _is_name(first):
        if column:
            raise InputError(f"{name} is no table: it has no column {column!r}")
        yield from lines
        return
    line = next(lines)
    cells, more = _row(line, lines, delimiter)
    place, has_header = _place(cells, lines, delimiter, name, column)
    if place is None:
        yield from itertools.chain([line], more, lines)
        return
    yield "" if has_header else Cell(raw=line, text=cells[place])
    yield from [""] * len(more)
    for line in lines:
        if not line.strip():
            yield ""
            continue
        cells, more = _row(line, lines, delimiter)
        text = cells[place] if place < len(cells) else ""
        is_comment = line.startswith("#") and not _is_host(text)
        yield "" if is_comment else Cell(raw=line, text=text)
        yield from [""] * len(more)


def _place(
    cells: Sequence[str], lines: _Lines, delimiter: str, name: str, column: str
) -> tuple[int | None, bool]:
    """Number of the column, from 0, and whether the first row is a header. None: no table."""
    letters = [_letters(cell) for cell in cells]
    if column:
        return _asked(cells, name, column)
    for known in NAMES:
        if known in letters:
            return letters.index(known), True
    hosts = [place for place, cell in enumerate(cells) if _is_host(cell)]
    if len(hosts) == 1:
        return hosts[0], False
    nothing = _Lines(iter(()))
    rows = [_row(line, nothing, delimiter)[0] for line in lines.peek(SAMPLE_ROWS)]
    rows = [row for row in rows if len(row) == len(cells)]
    if not rows:
        return None, False
    if not hosts:
        full = [place for place in range(len(cells)) if all(_is_host(row[place]) for row in rows)]
        if len(full) == 1:
            return full[0], True
    shown = ", ".join(cell.strip()[:40] or "''" for cell in cells)
    raise InputError(
        f"{name}: which of its columns names the sites: {shown}? say --column NAME, or its number"
    )


def _asked(cells: Sequence[str], name: str, column: str) -> tuple[int, bool]:
    named = [cell.strip().casefold() for cell in cells]
    if column.strip().casefold() in named:
        return named.index(column.strip().casefold()), True
    if column.isdecimal() and 0 < int(column) <= len(cells):
        return int(column) - 1, not _is_host(cells[int(column) - 1])
    near = difflib.get_close_matches(column.casefold(), named, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(cell.strip()[:40] for cell in cells)
    raise InputError(f"{name} has no column {column!r}; it has: {shown}{hint}")


def _row(line: str, lines: _Lines, delimiter: str) -> tuple[list[str], list[str]]:
    """Cells of the row that begins with this line, and the further lines that it took."""
    taken = [line]
    while True:
        try:
            row = next(csv.reader(taken, delimiter=delimiter, strict=True), [""])
        except csv.Error as error:
            if "unexpected end" not in str(error) or len(taken) > ROW_LINES:
                break
        else:
            return row, taken[1:]
        further = next(lines, None)
        if further is None:
            break
        taken.append(further)
    lines.give_back(taken[1:])
    return line.replace('"', "").split(delimiter), []


def _is_name(cell: str) -> bool:
    return _letters(cell) in NAMES


def _letters(cell: str) -> str:
    return _NO_LETTER.sub("", cell.lower())


def _is_host(cell: str) -> bool:
    """True for a host name; not for numbers, which are addresses to a browser."""
    site = domains.parse_line(1, cell).site
    return site is not None and any(c.isalpha() for c in site.domain)
