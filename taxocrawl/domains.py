r"""Host names and lists of them: one verdict a line.

Hosts are read as the WHATWG URL standard says (as browsers do), because that is how the odd forms
(`127.1`, `0x7f.1`, circled digits, `a\@b`) reach an address in the end. No I/O, no network: the
public suffix list is the packaged one.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, Protocol

import ada_url

from taxocrawl.records import InputLine, Site

if TYPE_CHECKING:
    from tldextract import TLDExtract
    from tldextract.tldextract import ExtractResult

RAW_CHARS = 500
"""So much of a line is kept: enough to find it again."""
LINE_CHARS = 8192
"""A longer line is no domain; it is read to its end but not kept."""

HOST_CHARS = 253  # RFC 1035 2.3.4, less the root's dot and the length bytes
LABEL_CHARS = 63

# RFC 2606 keeps these for tests and examples. They are on no suffix list, yet they are domains.
_RESERVED_SUFFIXES = ("test", "example")
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Letters, digits, hyphen (RFC 1123) and the underscore that many sub-domains carry. WHATWG allows
# quotes, `;` and `$` in hosts, DNS registries do not.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# A name before a colon is a scheme, unless a port follows (`example.com:8080/x`).
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d+(?:[/?#\\]|$))")
_RANKED = re.compile(r"\d{1,9}[,;\t]\s*([^,;\t]+)")
_EDGES = " \t\r\n\v\f\x00\x85\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff"
_TRIM = re.compile(f"^[{_EDGES}]+|[{_EDGES}]+$")

Detail = Literal["host", "scheme", "email", "control", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A row of a table, and of it the cell that names the site."""

    raw: str
    text: str


class Stream(Protocol):
    """What `lines_of` reads."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """An http or https address, normalised; `url` without fragment and credentials."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """`https://example.com`, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        own = _DEFAULT_PORTS[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == own else f":{self.port}")


def web_address(text: str, base: str = "") -> WebAddress | None:
    """The address that a browser would open for `text` on a page at `base`; None where none."""
    try:
        url = ada_url.URL(text, base or None)
    except (ValueError, UnicodeError):
        return None
    scheme = url.protocol.removesuffix(":")
    if scheme not in _DEFAULT_PORTS or not url.hostname:
        return None
    url.hash = ""
    url.username = ""
    url.password = ""
    port = int(url.port) if url.port else _DEFAULT_PORTS[scheme]
    host = url.hostname.strip("[]")
    return WebAddress(url=url.href, scheme=scheme, host=host, port=port)


def canonical_host(text: str) -> str:
    """Canonical host of a host name or URL, or '' where there is none.

    Lower case, IDNA ASCII, no trailing dot, one leading `www.` removed; an IPv6 address without
    brackets.
    """
    scheme = _SCHEME.match(text)
    address = web_address(text if scheme else f"https://{_bracketed(text)}")
    return _canonical(address.host) if address else ""


def registrable(host: str) -> str:
    """Registrable domain of a canonical host; the host itself where it has none (an IP address).

    By the packaged public suffix list, its private part included.
    """
    return _registrable(host)


@lru_cache(maxsize=65_536)
def _registrable(host: str) -> str:
    if _is_ip(host):
        return host
    parts = _parts(host)
    if parts.suffix:
        return parts.top_domain_under_public_suffix or host
    return ".".join(host.split(".")[-2:])


def _parts(host: str) -> "ExtractResult":
    return _suffixes()(host)


@lru_cache(maxsize=1)
def _suffixes() -> "TLDExtract":
    # Here, as it brings requests and urllib3: half of what importing this module took.
    from tldextract import TLDExtract

    # Private suffixes count: foo.blogspot.com and bar.blogspot.com belong to different people.
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def is_suffix(host: str) -> bool:
    """True for `com` and `co.uk`: what lies below belongs to different people."""
    parts = _parts(host)
    return bool(parts.suffix) and not parts.domain


def same_site(a: str, b: str) -> bool:
    """True where both hosts belong to one registrable domain."""
    return registrable(_canonical(a)) == registrable(_canonical(b))


def lines_of(stream: Stream) -> Iterator[str]:
    """Text lines of a file, decoded (BOM, UTF-16, else UTF-8), ends (LF, CR LF, CR) cut off.

    Of a line of any length at most `LINE_CHARS` + 1 characters come back.
    """
    head = stream.read(4)
    encoding = "utf-8"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif len(head) == 4 and head[0::2] == b"\0\0":
        encoding = "utf-16-be"
    elif len(head) == 4 and head[1::2] == b"\0\0":
        encoding = "utf-16-le"
    yield from _split(_chunks(head, stream, encoding))


def _chunks(head: bytes, stream: Stream, encoding: str) -> Iterator[str]:
    # Not utf-8-sig, which drops a file that is only the beginning of a byte order mark.
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while len(head) < 3 and (more := stream.read(1)):
        head += more
    yield decoder.decode(head).removeprefix("\ufeff")
    while chunk := stream.read(65_536):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _split(chunks: Iterable[str]) -> Iterator[str]:
    line, after_cr = "", False
    for chunk in chunks:
        if after_cr and chunk.startswith("\n"):
            chunk = chunk[1:]
        if chunk:
            after_cr = chunk.endswith("\r")
        first, *others = re.split(r"\r\n|\r|\n", chunk)
        line = (line + first[: LINE_CHARS + 1])[: LINE_CHARS + 1]
        for other in others:
            yield line
            line = other[: LINE_CHARS + 1]
    if line:
        yield line


def read_sites(lines: Iterable[str | Cell]) -> Iterator[InputLine]:
    """One verdict a line, in order; blank lines and comments (`#`) have none, yet are counted.

    A host that an earlier line named is a `duplicate` of that line.
    """
    seen: dict[str, int] = {}
    for number, given in enumerate(lines, start=1):
        if isinstance(given, Cell):
            verdict = _verdict(number, given.raw, _TRIM.sub("", given.text))
        else:
            text = _TRIM.sub("", given)
            if not text or text.startswith("#"):
                continue
            verdict = parse_line(number, given)
        if verdict.site is None:
            yield verdict
            continue
        first = seen.setdefault(verdict.site.domain, number)
        if first == number:
            yield verdict
        else:
            yield replace(verdict, site=None, outcome="duplicate", duplicate_of=first)


def parse_line(line_no: int, raw: str) -> InputLine:
    """Verdict on one line, whatever it holds; duplicates are `read_sites`' to find.

    A host name, an URL or `rank,domain`. The path is dropped, an unusual port kept. `detail` of a
    site is `mixed_script` where a label mixes Latin with Greek or Cyrillic letters.
    """
    text = _TRIM.sub("", raw)
    ranked = _RANKED.fullmatch(text)
    if ranked:
        text = ranked[1].strip()
    return _verdict(line_no, raw, text)


def _verdict(line_no: int, raw: str, text: str) -> InputLine:
    """`text` is what of the line names the site."""
    kept = _storable(_without_credentials(_TRIM.sub("", raw[: LINE_CHARS + 1]))[:RAW_CHARS])
    site, detail = _site(text, line_no)
    if site is None:
        return InputLine(line=line_no, raw=kept, outcome="invalid_input", detail=detail)
    return InputLine(line=line_no, raw=kept, site=site, detail=detail)


def _site(text: str, line_no: int) -> tuple[Site | None, str]:
    """The site and a remark on it, or None and what is wrong."""
    if not text:
        return None, "host"
    if len(text) > LINE_CHARS:
        return None, "length"
    if _CONTROL.search(text):
        return None, "control"
    scheme = _SCHEME.match(text)
    if scheme is None and "@" in _authority(text):
        # Nobody writes user@host in a list of domains, so this is somebody's e-mail address, whose
        # host was not asked for. Only `user:secret@host` can be nothing else than credentials.
        if ":" not in text.partition("@")[0]:
            return None, "email"
    elif scheme is not None and scheme[1].lower() not in _DEFAULT_PORTS:
        # `user:secret@host` reads as scheme `user`.
        if "@" not in text or text[scheme.end() :].startswith("/"):
            return None, "scheme"
        if scheme[1].lower() == "mailto":
            return None, "email"
        scheme = None
    address = web_address(text if scheme else f"https://{_bracketed(text)}")
    if address is None:
        return None, _why_no_host(text)
    host = _canonical(address.host)
    problem = _problem(host)
    if problem:
        return None, problem
    site = Site(domain=host, url=_start_url(host, address), line=line_no)
    return site, "mixed_script" if _mixes_scripts(host) else ""


def _bracketed(text: str) -> str:
    """A bare IPv6 address as it stands in an URL."""
    return f"[{text}]" if text.count(":") > 1 and _is_ip(text) else text


def _authority(text: str) -> str:
    return re.split(r"[/?#\\]", text, maxsplit=1)[0]


def _why_no_host(text: str) -> Detail:
    """`length` where only the length keeps the text from being a host."""
    return "length" if len(text) > HOST_CHARS else "host"


def _problem(host: str) -> Detail | None:
    if _is_ip(host):
        return None
    labels = host.split(".")
    if len(host) > HOST_CHARS or max(map(len, labels)) > LABEL_CHARS:
        return "length"
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return "host"
    if any(label.startswith("xn--") and _unicode(label) == label for label in labels):
        return "host"  # not the ACE form of anything (UTS 46, 4)
    if labels[-1] in _RESERVED_SUFFIXES:
        return None
    parts = _parts(host)
    return None if parts.suffix and parts.domain else "host"


def _start_url(host: str, address: WebAddress) -> str:
    shown = f"[{host}]" if ":" in host else host
    if address.port == _DEFAULT_PORTS[address.scheme]:
        return f"https://{shown}/"
    return f"{address.scheme}://{shown}:{address.port}/"


def _canonical(host: str) -> str:
    host = host.removesuffix(".")
    if not host.startswith("www."):
        return host
    rest = host.removeprefix("www.")
    # www.com and www.co.uk are domains of their own: nothing is left of them without their www.
    return rest if "." in rest and (_parts(rest).domain or not _parts(rest).suffix) else host


def _is_ip(host: str) -> bool:
    # WHATWG parsing has already turned every numeric form into the plain one.
    if ":" not in host and not host[-1:].isdecimal():
        return False
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _unicode(label: str) -> str:
    decoded: str = ada_url.idna_to_unicode(label)
    return decoded


def _mixes_scripts(host: str) -> bool:
    if "xn--" not in host:
        return False
    labels = (_unicode(label) for label in host.split(".") if label.startswith("xn--"))
    return any(
        re.search(r"[a-z]", label) and re.search(r"[\u0370-\u052f\u1f00-\u1fff]", label)
        for label in labels
    )


def _storable(text: str) -> str:
    """Half a surrogate pair is no character, and no database takes it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _without_credentials(text: str) -> str:
    """The line with everything that may be a name and password in it struck out (I05)."""
    head, at, tail = text.rpartition("@")
    if not at or ":" not in head:
        return text
    scheme, slashes, _ = head.partition("//")
    return f"{scheme}{slashes}***@{tail}" if slashes else f"***@{tail}"
