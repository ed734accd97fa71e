"""Content codings undone under a cap: a bomb costs what the cap allows, a torn body its end only.

Scrapy's own middleware drops a page whose decoded body is too long and takes a torn one for whole.
"""

import zlib
from dataclasses import dataclass

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response

from taxocrawl.crawler.failures import Fault, FetchError

ACCEPTED = "gzip, deflate"
LAYERS = 2
RATIO = 200
"""Honest HTML reaches about 30, a file of zeros about 1,000."""
RATIO_FROM_BYTES = 2**20

_GZIP = frozenset({"gzip", "x-gzip"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body without its codings. `notes`: `truncated` and `unknown_coding:br`."""

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
        if name not in _GZIP and name != "deflate":
            notes[f"unknown_coding:{name[:20]}"] = None
            break
        body, whole = _inflate(body, gzip=name in _GZIP, cap=cap)
        if not whole:
            notes["truncated"] = None
        if len(body) > RATIO_FROM_BYTES and len(body) > RATIO * sent_bytes:
            message = f"{sent_bytes} bytes unpack to more than {RATIO} times as many"
            raise FetchError(Fault(kind="too_large", detail="ratio", message=message))
    return Decoded(body=body, notes=tuple(notes))


def _inflate(body: bytes, *, gzip: bool, cap: int) -> tuple[bytes, bool]:
    """(decoded, whole). The body itself where it is not coded so."""
    # `deflate` is zlib by the RFC, bare deflate by what many servers do.
    widths = (zlib.MAX_WBITS | 16,) if gzip else (zlib.MAX_WBITS, -zlib.MAX_WBITS)
    for width in widths:
        out, whole, valid = _members(body, width, cap)
        if valid:
            return out, whole
    return body, True


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


class ContentCodingMiddleware:
    """Asks for gzip, and undoes what comes; flags the response with the notes."""

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
