"""Content codings undone under a cap (FAULTS C02-C04)."""

import gzip
import os
import zlib

import pytest

from taxocrawl.crawler.content_coding import decode
from taxocrawl.crawler.failures import FetchError

CAP = 2**20
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
    decoded = decode(b"\x1b\x2f", "br", cap=CAP)
    assert (decoded.body, decoded.notes) == (b"\x1b\x2f", ("unknown_coding:br",))


def test_at_most_two_layers_are_undone() -> None:
    """C03."""
    body = gzip.compress(gzip.compress(gzip.compress(BODY)))
    assert decode(body, "gzip, gzip, gzip", cap=CAP).body == gzip.compress(BODY)


def test_torn_gzip_keeps_what_came() -> None:
    """C04."""
    noise = os.urandom(10_000).hex().encode()
    decoded = decode(gzip.compress(noise)[:5_000], "gzip", cap=CAP)
    assert decoded.notes == ("truncated",)
    assert 1_000 < len(decoded.body) < len(noise)
    assert noise.startswith(decoded.body)


def test_long_body_is_cut_at_the_cap() -> None:
    noise = os.urandom(CAP).hex().encode()
    decoded = decode(gzip.compress(noise), "gzip", cap=CAP)
    assert (len(decoded.body), decoded.notes) == (CAP, ("truncated",))


@pytest.mark.parametrize("layers", [1, 2])
def test_bomb_is_refused(layers: int) -> None:
    """C02: 30 MB of zeros, once and twice packed."""
    body = bytes(30 * 2**20)
    for _ in range(layers):
        body = gzip.compress(body)
    with pytest.raises(FetchError) as caught:
        decode(body, ", ".join(["gzip"] * layers), cap=8 * 2**20)
    assert (caught.value.fault.kind, caught.value.fault.detail) == ("too_large", "ratio")
