"""Content codings undone under a cap (FAULTS C02-C04)."""

import gzip
import os
import sys
import tracemalloc
import zlib

import brotli
import pytest

from taxocrawl.crawler.content_coding import decode
from taxocrawl.crawler.failures import FetchError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CAP = 2**20
PACK = {
    "gzip": gzip.compress,
    "br": lambda data: brotli.compress(data, quality=4),
    "zstd": zstd.compress,
}
BODY = b"Oak tables are made by hand. " * 100


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("body", "codings"),
    [
        pytest.param(gzip.compress(BODY), "gzip", id="gzip"),
        pytest.param(gzip.compress(BODY), " X-GZIP ", id="x-gzip"),
        pytest.param(zlib.compress(BODY), "deflate", id="deflate"),
        pytest.param(raw_deflate(BODY), "deflate", id="bare-deflate"),
        pytest.param(gzip.compress(gzip.compress(BODY)), "gzip, gzip", id="C03-twice"),
        pytest.param(zlib.compress(gzip.compress(BODY)), "gzip, deflate", id="C03-mixed"),
        pytest.param(gzip.compress(BODY[:50]) + gzip.compress(BODY[50:]), "gzip", id="members"),
        pytest.param(gzip.compress(BODY) + b"\0" * 9, "gzip", id="padded"),
        pytest.param(brotli.compress(BODY), "br", id="br"),
        pytest.param(zstd.compress(BODY), "zstd", id="zstd"),
        pytest.param(zstd.compress(BODY[:50]) + zstd.compress(BODY[50:]), "zstd", id="frames"),
        pytest.param(brotli.compress(gzip.compress(BODY)), "gzip, br", id="C03-gzip-in-br"),
        pytest.param(BODY, "br", id="C03-br-claimed-only"),
        pytest.param(BODY, "zstd", id="C03-zstd-claimed-only"),
        pytest.param(BODY, "gzip", id="C03-claimed-only"),
        pytest.param(BODY, "identity", id="identity"),
        pytest.param(BODY, "", id="none"),
    ],
)
def test_body_is_decoded_whole(body: bytes, codings: str) -> None:
    decoded = decode(body, codings, cap=CAP)
    assert (decoded.body, decoded.notes) == (BODY, ())


def test_unknown_coding_is_left_and_noted() -> None:
    """C03."""
    decoded = decode(b"\x1f\x9d", "compress", cap=CAP)
    assert (decoded.body, decoded.notes) == (b"\x1f\x9d", ("unknown_coding:compress",))


def test_at_most_two_layers_are_undone() -> None:
    """C03."""
    body = gzip.compress(gzip.compress(gzip.compress(BODY)))
    assert decode(body, "gzip, gzip, gzip", cap=CAP).body == gzip.compress(BODY)


@pytest.mark.parametrize("coding", PACK)
def test_torn_body_keeps_what_came(coding: str) -> None:
    """C04."""
    noise = os.urandom(500_000).hex().encode()
    decoded = decode(PACK[coding](noise)[:400_000], coding, cap=CAP)
    assert decoded.notes == ("truncated",)
    assert 1_000 < len(decoded.body) < len(noise)
    assert noise.startswith(decoded.body)


@pytest.mark.parametrize("coding", PACK)
def test_long_body_is_cut_at_the_cap(coding: str) -> None:
    noise = os.urandom(CAP).hex().encode()
    decoded = decode(PACK[coding](noise), coding, cap=CAP)
    assert (len(decoded.body), decoded.notes) == (CAP, ("truncated",))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("coding", PACK)
def test_bomb_is_refused(coding: str, layers: int) -> None:
    """C02: 30 MB of zeros, once and twice packed."""
    body = bytes(30 * 2**20)
    for _ in range(layers):
        body = PACK[coding](body)
    tracemalloc.start()
    with pytest.raises(FetchError) as caught:
        decode(body, ", ".join([coding] * layers), cap=8 * 2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 2**20
    assert (caught.value.fault.kind, caught.value.fault.detail) == ("too_large", "ratio")
