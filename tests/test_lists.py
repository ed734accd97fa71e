"""Lists of domains as people have them, and as nobody should (FAULTS I01, I06-I08)."""

import gzip
import io
import os
import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from taxocrawl import domains
from taxocrawl.errors import InputError
from taxocrawl.lists import ROW_LINES, read_list
from taxocrawl.records import InputLine


def verdicts(data: bytes | str, column: str = "") -> list[InputLine]:
    raw = data.encode() if isinstance(data, str) else data
    return list(domains.read_sites(read_list(io.BytesIO(raw), name="list", column=column)))


def sites(data: bytes | str, column: str = "") -> list[tuple[int, str]]:
    return [(v.line, v.site.domain if v.site else "-") for v in verdicts(data, column)]


AB = [(1, "a.com"), (2, "b.com")]
BELOW_A_HEADER = [(2, "a.com"), (3, "b.com")]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param("a.com\nb.com\n", AB, id="plain"),
        pytest.param(
            "\n# note, with a comma\na.com\n\nb.com", [(3, "a.com"), (5, "b.com")], id="#"
        ),
        pytest.param("1,a.com\n2,b.com\n", AB, id="tranco"),
        pytest.param('"1","a.com"\r\n"2","b.com"\r\n', AB, id="quoted"),
        pytest.param("rank,domain\n1,a.com\n2,b.com\n", BELOW_A_HEADER, id="header"),
        pytest.param(
            "Rank;Web site;Land\n1;a.com;DE\n2;b.com;AT\n", BELOW_A_HEADER, id="semicolon"
        ),
        pytest.param("rank\tHost Name\n1\ta.com\n2\tb.com\n", BELOW_A_HEADER, id="tsv"),
        pytest.param("url\nhttp://a.com/x,y\nb.com\n", BELOW_A_HEADER, id="one-column"),
        pytest.param('"Domain"\n"a.com"\n"b.com"\n', BELOW_A_HEADER, id="one-column-quoted"),
        pytest.param(
            "url,domain\nx.org,a.com\nx.org,b.com\n", BELOW_A_HEADER, id="domain-over-url"
        ),
        pytest.param("Firma,Wo\nA & Co,a.com\nB,b.com\n", BELOW_A_HEADER, id="header-unknown"),
        pytest.param("a.com,1.5,x\nb.com,2.5,y\n", AB, id="no-header"),
        pytest.param("a.com,\nb.com\n", AB, id="trailing-comma"),
        pytest.param("https://a.com/x,y;z\nhttps://b.com/\n", AB, id="commas-in-urls"),
        pytest.param(
            "hello, world\na.com\nb.com\n", [(1, "-"), (2, "a.com"), (3, "b.com")], id="no-table"
        ),
        pytest.param("domain,n\n#1 of all,x\n#a.com,2\nb.com,3\n", [(4, "b.com")], id="#-rows"),
        pytest.param("domain,n\n,7\na.com\n", [(2, "-"), (3, "a.com")], id="empty-cell"),
        pytest.param("n,domain\n7\n8,a.com\n", [(2, "-"), (3, "a.com")], id="cell-missing"),
        pytest.param("", [], id="empty"),
        pytest.param("\n\n", [], id="blank"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_list_is_known_by_its_content(data: str, found: list[tuple[int, str]], pack: type) -> None:
    assert sites(pack(data.encode())) == found


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_tables_of_any_encoding_are_read(encoding: str) -> None:
    data = "Firma;Domain\r\nMüller;bücher.de\r\n".encode(encoding)
    assert sites(data) == [(2, "xn--bcher-kva.de")]
    assert sites(gzip.compress(data)) == [(2, "xn--bcher-kva.de")]


@pytest.mark.parametrize(
    ("column", "found"),
    [("Mirror", "x.org"), ("mirror", "x.org"), ("2", "x.org"), ("1", "a.com")],
)
def test_column_may_be_named_or_numbered(column: str, found: str) -> None:
    assert sites("domain,Mirror\na.com,x.org\n", column) == [(2, found)]


def test_column_may_be_numbered_without_a_header() -> None:
    assert sites("a.com,x.org\nb.com,y.org\n", "2") == [(1, "x.org"), (2, "y.org")]


@pytest.mark.parametrize(
    ("data", "column", "words"),
    [
        ("a.com,x.org\nb.com,y.org\n", "", ["which of its columns", "a.com, x.org", "--column"]),
        ("from,to\na.com,x.org\nb.com,y.org\n", "", ["which of its columns", "from, to"]),
        ("from,to\na.com,x.org\n", "too", ["no column 'too'", "from, to", "did you mean 'to'"]),
        ("a.com\nb.com\n", "to", ["no table", "'to'"]),
        (b"PK\x03\x04rest", "", ["zip archive", "unzip -p"]),
        (b"\xfd7zXZ\0rest", "", ["xz -dc"]),
    ],
)
def test_what_is_not_clear_is_said(data: bytes | str, column: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        verdicts(data, column)
    assert [word for word in words if word not in str(caught.value)] == []


def test_quotes_may_span_lines_and_numbers_stay_those_of_the_file() -> None:
    data = 'note,domain\n"two\nlines",a.com\nx,b.com\n'
    assert sites(data) == [(2, "a.com"), (4, "b.com")]


@pytest.mark.parametrize("lines", [3, ROW_LINES + 20])
def test_quote_that_is_never_closed_costs_no_other_line(lines: int) -> None:
    data = 'domain,note\n"a.com,x\n' + "".join(f"s{n}.com,y\n" for n in range(lines))
    assert sites(data) == [(2, "a.com"), *((n + 3, f"s{n}.com") for n in range(lines))]


def test_quotes_inside_of_cells_are_letters() -> None:
    assert sites('note,domain\n5" nails,a.com\n6" nails,b.com\n') == BELOW_A_HEADER


def test_row_is_kept_as_it_was_given() -> None:
    (verdict,) = verdicts("rank,domain\n7,a.com\n")
    assert verdict.raw == "7,a.com"


def test_torn_gzip_gives_its_whole_lines_then_says_so() -> None:
    noise = random.Random(1)
    names = [f"{noise.getrandbits(64):x}.com" for _ in range(5000)]
    data = gzip.compress("".join(f"{name}\n" for name in names).encode())
    given: list[str] = []
    with pytest.raises(InputError, match="cut off"):
        given.extend(map(str, read_list(io.BytesIO(data[:30_000]))))
    assert 100 < len(given) < 5000
    assert given == names[: len(given)]


def test_damaged_gzip_is_said() -> None:
    data = bytearray(gzip.compress(os.urandom(10_000).hex().encode()))
    data[5000:5100] = bytes(100)
    with pytest.raises(InputError, match="damaged"):
        verdicts(bytes(data))


def test_gzip_of_several_members_and_padding_is_one_list() -> None:
    assert sites(gzip.compress(b"a.com\n") + gzip.compress(b"b.com\n") + bytes(512)) == AB


def test_gzip_bomb_is_refused_in_bounded_memory() -> None:
    bomb = gzip.compress(b"a.com\n" + bytes(60 * 2**20))
    tracemalloc.start()
    with pytest.raises(InputError, match="no list does"):
        verdicts(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_long_rows_and_nul_cost_nobody_else_anything() -> None:
    """I06, I07."""
    data = b"n,domain\n1," + b"x" * 10**6 + b"\n2,a\0b.com\n3,b.com\n"
    assert sites(data) == [(2, "-"), (3, "-"), (4, "b.com")]


def test_list_is_streamed() -> None:
    """I07: the first line is there before the last was read."""
    read = 0

    class Slow(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            nonlocal read
            read += 1
            return b"%d,s%d.com\n" % (read, read) if read < 1000 else b""

    lines = domains.read_sites(read_list(Slow()))  # type: ignore[arg-type]
    assert next(lines).raw == "1,s1.com"
    assert read < 10
    assert sum(1 for _ in lines) == 998


ROWS = st.lists(st.text(st.sampled_from('a.com,;\t"\n\r\0#é '), max_size=20), max_size=20)


@given(ROWS, st.sampled_from(["", "domain,x\n", '"domain"\n', "x;domain\n"]))
@effort(max_examples=500, deadline=None)
def test_every_line_of_any_file_has_one_verdict(rows: list[str], header: str) -> None:
    def numbers() -> Iterator[int]:
        yield from (v.line for v in verdicts(header + "\n".join(rows)))

    try:
        found = list(numbers())
    except InputError:
        return
    assert found == sorted(set(found))
    physical = len(list(domains.lines_of(io.BytesIO((header + "\n".join(rows)).encode()))))
    assert all(1 <= number <= physical for number in found)
