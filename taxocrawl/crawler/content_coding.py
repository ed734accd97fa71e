"""Content codings undone under a cap: a bomb costs what the cap allows, a torn body its end only.

Scrapy's own middleware drops a page whose decoded body is too long and takes a torn one for whole.
"""

import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import brotli
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response

from taxocrawl.crawler.failures import Fault, FetchError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED = "gzip, deflate, br, zstd"
LAYERS = 2
RATIO = 200
"""Honest HTML reaches about 30, a file of zeros about 1,000."""
RATIO_FROM_BYTES = 2**20

ZSTD_WINDOW = {int(zstd.DecompressionParameter.window_log_max): 23}
"""8 MiB, the most that a response may ask for (RFC 9659)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body without its codings. `notes`: `truncated` and `unknown_coding:x`."""

    body: bytes
    notes: tuple[str, ...] = ()


def decode(body: bytes, codings: str, *, cap: int) -> Decoded:
    """The body with its codings (as in Content-Encoding, the last applied last) undone.

    At most `cap` bytes; FetchError (too_large, ratio) above 200 bytes for one past 1 MiB. A body
    that is not coded as its header claims comes back as it is.
    """
    names = [name.strip().lower() for name in codings.split(",")]
    layers = [name for name in names if name and name != "identity"]
    notes: dict[str, None] = {}
    sent_bytes = len(body)
    for name in reversed(layers[-LAYERS:]):
        if name not in _CODINGS:
            notes[f"unknown_coding:{name[:20]}"] = None
            break
        body, whole = _CODINGS[name](body, cap)
        if not whole:
            notes["truncated"] = None
        if len(body) > RATIO_FROM_BYTES and len(body) > RATIO * sent_bytes:
            message = f"{sent_bytes} bytes unpack to more than {RATIO} times as many"
            raise FetchError(Fault(kind="too_large", detail="ratio", message=message))
    return Decoded(body=body, notes=tuple(notes))


# Each gives (decoded, whole), and the body itself where it is not coded so.


def _gzip(body: bytes, cap: int) -> tuple[bytes, bool]:
    return _inflate(body, cap, widths=(zlib.MAX_WBITS | 16,))


def _deflate(body: bytes, cap: int) -> tuple[bytes, bool]:
    # Zlib by the RFC, bare deflate by what many servers do.
    return _inflate(body, cap, widths=(zlib.MAX_WBITS, -zlib.MAX_WBITS))


def _inflate(body: bytes, cap: int, *, widths: tuple[int, ...]) -> tuple[bytes, bool]:
    for width in widths:
        out, whole, valid = _members(body, width, cap)
        if valid:
            return out, whole
    return body, True


def _brotli(body: bytes, cap: int) -> tuple[bytes, bool]:
    stream, size, data = brotli.Decompressor(), 0, body
    parts: list[bytes] = []
    try:
        while size < cap and not stream.is_finished():
            part = stream.process(data, output_buffer_limit=cap - size)
            if not part and stream.can_accept_more_data():
                break
            parts.append(part)
            size, data = size + len(part), b""
    except brotli.error:
        return (b"".join(parts), False) if size else (body, True)
    # The limit holds to the size of its buffer only.
    return b"".join(parts)[:cap], stream.is_finished() and size <= cap


def _zstandard(body: bytes, cap: int) -> tuple[bytes, bool]:
    left, rest = cap, body
    parts: list[bytes] = []
    while rest and left:
        stream = zstd.ZstdDecompressor(options=ZSTD_WINDOW)
        try:
            part = stream.decompress(rest, max_length=left)
        except zstd.ZstdError:
            return (b"".join(parts), True) if parts else (body, True)
        parts.append(part)
        left -= len(part)
        if not stream.eof:
            return b"".join(parts), False
        rest = stream.unused_data
    return b"".join(parts), not rest


def _members(body: bytes, width: int, cap: int) -> tuple[bytes, bool, bool]:
    """(decoded, whole, valid) of one stream after another, as gzip files may hold several."""
    parts: list[bytes] = []
    left = cap
    while body:
        stream = zlib.decompressobj(width)
        try:
            part = stream.decompress(body, left) if left else b""
        except zlib.error:
            # Rubbish after a whole stream is padding, rubbish at the start no stream at all.
            return b"".join(parts), bool(parts), bool(parts)
        parts.append(part)
        left -= len(part)
        if not stream.eof:
            return b"".join(parts), False, True
        body = stream.unused_data
        if width != zlib.MAX_WBITS | 16:
            break
    return b"".join(parts), True, True


_CODINGS: dict[str, Callable[[bytes, int], tuple[bytes, bool]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstandard,
}


class ContentCodingMiddleware:
    """Asks for what we can undo, and undoes what comes; flags the response with the notes."""

    def __init__(self, cap: int) -> None:
        self._cap = cap

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ContentCodingMiddleware":
        """As Scrapy makes its components."""
        return cls(crawler.settings.getint("DECODED_BYTES"))

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Response:
        """The response with a plain body."""
        codings = response.headers.getlist("Content-Encoding")
        if not codings or not response.body:
            return response
        text = b",".join(codings).decode("latin-1")
        decoded = decode(response.body, text, cap=self._cap)
        flags = [*response.flags, *decoded.notes]
        return response.replace(body=decoded.body, flags=flags)
