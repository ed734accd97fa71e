"""Lines of a domain list (FAULTS I01-I07) and host names (N08)."""

import io

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from taxocrawl import domains
from taxocrawl.records import InputLine


def verdicts(*lines: str) -> list[InputLine]:
    return list(domains.read_sites(lines))


def verdict(line: str) -> InputLine:
    return domains.parse_line(1, line)


def site(line: str) -> str | None:
    found = verdict(line).site
    return found.domain if found else None


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("www.example.com", "example.com"),
        ("http://www.example.com/", "example.com"),
        ("https://example.com/a/b?c=d#e", "example.com"),
        ("HTTP://example.com:80/", "example.com"),
        ("//example.com/x", "example.com"),
        ("http:/example.com", "example.com"),
        ("example.com/path", "example.com"),
        ("example.com:8080", "example.com"),
        ("example.com/a@b", "example.com"),
        ("shop.example.co.uk", "shop.example.co.uk"),
        ("www.www.example.com", "www.example.com"),
        ("www.com", "www.com"),
        ("www.co.uk", "www.co.uk"),
        ("my_shop.example.com", "my_shop.example.com"),
        ("a.test", "a.test"),
        ("17,example.com", "example.com"),
        ("17\texample.com", "example.com"),
        ("\ufeffexample.com\r\n", "example.com"),
        ("\u200bexample.com\xa0", "example.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("example。com", "example.com"),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"),
        ("exa%6dple.com", "example.com"),
        ("☃.net", "xn--n3h.net"),
    ],
)
def test_line_names_a_host(line: str, host: str) -> None:
    assert site(line) == host


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("①②⑦.0.0.1", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("8.8.8.8.", "8.8.8.8"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("http://[::ffff:127.0.0.1]/", "::ffff:7f00:1"),
        ("2606:4700::1111", "2606:4700::1111"),
    ],
)
def test_every_spelling_of_an_address_is_that_address(line: str, address: str) -> None:
    """I04, N08: the guard then judges it."""
    assert site(line) == address


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("localhost", "host"),
        ("intranet", "host"),
        ("co.uk", "host"),
        ("com", "host"),
        ("example.notatld", "host"),
        ("printer.local", "host"),
        ("not a host", "host"),
        ("example..com", "host"),
        (".example.com", "host"),
        ("-a.example.com", "host"),
        ("exa'mple.com", "host"),
        ("'; DROP TABLE sites; --", "host"),
        ("a\\@b.com", "host"),
        ("a#@b.com", "host"),
        ("../../etc/passwd", "host"),
        ("xn--a.com", "host"),
        ("xn--.com", "host"),
        ("1.2.3.4.5", "host"),
        ("256.1.1.1", "host"),
        ("[fe80::1%25eth0]", "host"),
        ("http://example.com:99999/", "host"),
        ("http://", "host"),
        ("info@example.com", "email"),
        ("mailto:info@example.com", "email"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://example.com/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/html,hello", "scheme"),
        ("exam\0ple.com", "control"),
        ("exam\tple.com", "control"),
        ("exam\x1bple.com", "control"),
        ("a\r\nb.com", "control"),
        ("a" * 64 + ".com", "length"),
        ("a." * 130 + "com", "length"),
        ("a" * 10_000 + ".com", "length"),
    ],
)
def test_line_without_a_host_says_why(line: str, detail: str) -> None:
    found = verdict(line)
    assert (found.site, found.outcome, found.detail) == (None, "invalid_input", detail)


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("example.com", "https://example.com/"),
        ("http://example.com/path", "https://example.com/"),
        ("http://example.com:8080/path", "http://example.com:8080/"),
        ("example.com:22", "https://example.com:22/"),
        ("[2606:4700::1111]:8443", "https://[2606:4700::1111]:8443/"),
    ],
)
def test_start_address_keeps_an_unusual_port(line: str, url: str) -> None:
    found = verdict(line).site
    assert found is not None
    assert found.url == url


@pytest.mark.parametrize(
    "line",
    [
        "https://user:secret@example.com/",
        "https://secret:x@example.com/",
        "user:secret@example.com",
        "http://user:se/cret@example.com/",
        "http://user:secret@inner@example.com/",
        "ftp://user:secret@example.com/",
        "https://user:secret@not a host/",
    ],
)
def test_credentials_are_kept_nowhere(line: str) -> None:
    """I05."""
    assert "cret" not in repr(verdict(line))


def test_mixed_scripts_are_remarked_upon() -> None:
    assert verdict("раураl.com").detail == "mixed_script"
    assert verdict("почта.рф").detail == ""


def test_blank_lines_and_comments_are_counted_but_no_input() -> None:
    found = verdicts("\ufeffa.com", "", "  # note", "\u200b", "b.com")
    assert [(v.line, v.site.domain if v.site else None) for v in found] == [
        (1, "a.com"),
        (5, "b.com"),
    ]


def test_later_lines_of_one_host_are_duplicates_of_the_first() -> None:
    """I02."""
    found = verdicts("a.com", "http://www.A.com./x", "b.com", "a.com:443", "bad host", "bad host")
    assert [(v.outcome, v.duplicate_of) for v in found] == [
        (None, None),
        ("duplicate", 1),
        (None, None),
        ("duplicate", 1),
        ("invalid_input", None),
        ("invalid_input", None),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_lines_of_a_file_are_decoded(encoding: str, end: str) -> None:
    """I01."""
    stream = io.BytesIO(end.join(["a.com", "bücher.de", "", "c.com"]).encode(encoding))
    found = verdicts(*domains.lines_of(stream))
    assert [(v.line, v.site.domain if v.site else None) for v in found] == [
        (1, "a.com"),
        (2, "xn--bcher-kva.de"),
        (4, "c.com"),
    ]


def test_line_of_any_length_is_read_in_bounded_memory() -> None:
    """I07."""
    stream = io.BytesIO(b"a.com\n" + b"x" * 10**7 + b"\nb.com\n")
    lines = list(domains.lines_of(stream))
    assert max(map(len, lines)) <= domains.LINE_CHARS + 1
    assert [v.detail or "site" for v in verdicts(*lines)] == ["site", "length", "site"]


@given(st.binary(max_size=300), st.integers(1, 7))
@example(b"\xef", 1)
@effort(max_examples=300, deadline=None)
def test_reading_in_chunks_changes_nothing(data: bytes, size: int) -> None:
    class Slow(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            return super().read(size)

    text = data.decode("utf-8", errors="replace")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        return
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    got = [line.removeprefix("\ufeff") for line in domains.lines_of(Slow(data))]
    assert got == [line.removeprefix("\ufeff") for line in expected]


LINES = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"\A(https?://)?[a-z0-9.:@/\\%\[\]-]{1,40}\Z"),
    st.tuples(st.sampled_from(["http://", "", "//", "x:"]), st.text(max_size=30)).map("".join),
    st.text(alphabet="a.-:@/[]%#?0x1①。 \t\0\ufeff\u202e😀ß", max_size=40),
)


@given(LINES)
@example("http://[")
@example("\ud800.com")
@example("xn--\ud800.com")
@example("1," + "9" * 30)
@effort(max_examples=3000, deadline=None)
def test_any_line_has_one_verdict(line: str) -> None:
    found = verdict(line)
    assert (found.site is None) != (found.outcome is None)
    found.raw.encode("utf-8")
    if found.site is not None:
        host = found.site.domain
        assert host.isascii()
        assert host == host.lower()
        assert len(host) <= domains.HOST_CHARS
        assert not set(host) & set("/\\@?#%' \"\0")
        again = domains.parse_line(2, host)
        assert again.site is not None
        assert again.site.domain == host
        assert domains.canonical_host(found.site.url) == host


@given(st.lists(LINES, max_size=30))
@effort(max_examples=200, deadline=None)
def test_every_line_of_a_list_has_at_most_one_verdict_in_order(lines: list[str]) -> None:
    numbers = [v.line for v in verdicts(*lines)]
    assert numbers == sorted(set(numbers))
    hosts = [v.site.domain for v in verdicts(*lines) if v.site]
    assert len(hosts) == len(set(hosts))


@pytest.mark.parametrize(
    ("host", "registrable"),
    [
        ("example.com", "example.com"),
        ("shop.example.co.uk", "example.co.uk"),
        ("a.b.example.com", "example.com"),
        ("me.github.io", "me.github.io"),
        ("x.me.github.io", "me.github.io"),
        ("co.uk", "co.uk"),
        ("a.b.test", "b.test"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
    ],
)
def test_registrable_domain(host: str, registrable: str) -> None:
    assert domains.registrable(host) == registrable


def test_sites_are_one_by_their_registrable_domain() -> None:
    assert domains.same_site("www.example.com", "shop.example.com")
    assert not domains.same_site("example.com", "example.org")
    assert not domains.same_site("a.github.io", "b.github.io")


@pytest.mark.parametrize(
    ("text", "base", "url"),
    [
        ("http://u:p@Example.com:80/a/../b#c", "", "http://example.com/b"),
        ("/x", "https://example.com/a/b", "https://example.com/x"),
        ("//other.com/x", "https://example.com/", "https://other.com/x"),
        ("?q=1", "https://example.com/a", "https://example.com/a?q=1"),
        ("https:\\\\example.com\\x", "", "https://example.com/x"),
    ],
)
def test_web_address_is_what_a_browser_opens(text: str, base: str, url: str) -> None:
    address = domains.web_address(text, base)
    assert address is not None
    assert address.url == url


@pytest.mark.parametrize("text", ["mailto:a@b.de", "javascript:x", "http://", "http://[", "x", ""])
def test_what_no_browser_opens_by_http_is_no_web_address(text: str) -> None:
    assert domains.web_address(text) is None


def test_origin_names_only_an_unusual_port() -> None:
    origins = [
        address.origin
        for text in ("https://a.com:443/x", "http://a.com:8080/x", "http://[::1]/")
        if (address := domains.web_address(text))
    ]
    assert origins == ["https://a.com", "http://a.com:8080", "http://[::1]"]
