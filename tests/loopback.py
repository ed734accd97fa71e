"""A small web on one loopback port: many sites under their own names, in a process of its own.

    python tests/loopback.py --sites FOLDER   written sites: FOLDER/<host>/index.html, about.html
    python tests/loopback.py --pages FILE     parquet: url, host, charset, html (needs pyarrow)

Prints `127.0.0.1:PORT` once it serves. `taxocrawl crawl --connect-to ::127.0.0.1:PORT` then sees
it as the whole web. Plain HTTP: a TLS greeting is hung up on at once, so that http is tried next.
Hosts match with and without `www.`; unknown hosts and paths, robots.txt among them, are 404.
"""

import argparse
import asyncio
import mimetypes
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

ADDRESS = "127.0.0.1"
HEAD_BYTES = 64 * 2**10
TLS_HANDSHAKE = 0x16  # first byte of every ClientHello (RFC 8446 5.1)

_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Resource:
    """One answer: its Content-Type and its bytes (any buffer, not copied)."""

    content_type: str
    body: bytes | memoryview


Site = dict[bytes, Resource]
"""Resources by path with query, percent-decoded."""
Web = dict[str, Site]
"""Sites by canonical host."""


def canonical(host: str) -> str:
    """Host without port, `www.` and final dot, in lower-case ASCII."""
    name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdecimal() else host
    if not name.isascii():
        name = name.encode("idna").decode()
    return name.lower().rstrip(".").removeprefix("www.")


def read_pages(file: Path) -> Web:
    """Every page of a parquet file, under its own path and as its host's home page."""
    import pyarrow.parquet as parquet

    web: Web = {}
    for batch in parquet.ParquetFile(file).iter_batches(columns=["url", "host", "charset", "html"]):
        columns = (batch[name].to_pylist() for name in ("url", "host", "charset"))
        for url, host, charset, html in zip(*columns, batch["html"], strict=True):
            resource = Resource(f"text/html; charset={charset}", memoryview(html.as_buffer()))
            parts = urlsplit(url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            site = web.setdefault(canonical(host), {})
            site[unquote_to_bytes(target)] = resource
            site.setdefault(b"/", resource)
    return web


def read_sites(folder: Path) -> Web:
    """Every file below `folder/<host>`; `about.html` and `about/index.html` are also `/about`."""
    return {canonical(site.name): read_site(site) for site in folder.iterdir() if site.is_dir()}


def read_site(folder: Path) -> Site:
    """Files of one site, all in memory: no request reaches the file system."""
    site: Site = {}
    short: Site = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if kind.startswith("text/"):
            kind += "; charset=utf-8"
        resource = Resource(kind, file.read_bytes())
        path = "/" + file.relative_to(folder).as_posix()
        site[path.encode()] = resource
        if path.endswith("/index.html"):
            short[path.removesuffix("index.html").encode()] = resource
            short[path.removesuffix("/index.html").encode()] = resource
        elif path.endswith(".html"):
            short.setdefault(path.removesuffix(".html").encode(), resource)
            short.setdefault(path.removesuffix(".html").encode() + b"/", resource)
    return short | site


class Connection(asyncio.Protocol):
    """One connection: answers requests in order until the client hangs up."""

    def __init__(self, web: Mapping[str, Site], delay_s: float) -> None:
        self.web = web
        self.delay_s = delay_s
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.buffer[0] == TLS_HANDSHAKE or len(self.buffer) > HEAD_BYTES:
            self.transport.abort()
            return
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[: end + 2], self.buffer[end + 4 :]
            if self.delay_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self.delay_s, self.answer, head)
            else:
                self.answer(head)

    def answer(self, head: bytes) -> None:
        if self.transport.is_closing():
            return
        method, _, rest = head.partition(b" ")
        target, _, version = rest.partition(b"\r\n")[0].rpartition(b" ")
        host = _HOST.search(head)
        # A request with a body would need its length read; nobody sends one here.
        keep = version == b"HTTP/1.1" and not _CLOSE.search(head) and method in (b"GET", b"HEAD")
        resource = None
        if method in (b"GET", b"HEAD"):
            resource = find(self.web, host[1].decode("latin-1") if host else "", target)
        status = "200 OK" if resource else "404 Not Found"
        sent = resource or Resource("text/html; charset=utf-8", b"<h1>404 Not Found</h1>\n")
        lines = (
            f"HTTP/1.1 {status}",
            f"Content-Type: {sent.content_type}",
            f"Content-Length: {len(sent.body)}",
            f"Connection: {'keep-alive' if keep else 'close'}",
        )
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        if method != b"HEAD":
            self.transport.write(sent.body)
        if not keep:
            self.transport.close()


def find(web: Mapping[str, Site], host: str, target: bytes) -> Resource | None:
    """What stands at a request's host and target; a query that nobody wrote down is ignored."""
    try:
        site = web.get(canonical(host))
    except UnicodeError:
        return None
    if site is None:
        return None
    if not target.startswith(b"/"):  # absolute form, as a proxy is asked
        target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
    exact = site.get(unquote_to_bytes(target))
    if exact is not None or b"?" not in target:
        return exact
    return site.get(unquote_to_bytes(target.partition(b"?")[0]))


async def serve(web: Mapping[str, Site], port: int, delay_s: float, watch_stdin: bool) -> None:
    """Serves until SIGTERM or SIGINT, or until standard input ends when that is watched."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: Connection(web, delay_s), ADDRESS, port, backlog=1024, reuse_address=True
    )
    if watch_stdin:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    sys.stdout.write(f"{ADDRESS}:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


@dataclass(frozen=True, slots=True)
class Loopback:
    """A running server."""

    port: int

    @property
    def connect_to(self) -> str:
        """Value for `--connect-to`: every host and port leads here."""
        return f"::{ADDRESS}:{self.port}"


@contextmanager
def serving(
    *, pages: Path | None = None, sites: Path | None = None, delay_s: float = 0.0
) -> Iterator[Loopback]:
    """A server in a process of its own, which ends with the block or with this process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--watch-stdin"]
    for option, value in (("--pages", pages), ("--sites", sites), ("--delay", delay_s)):
        if value:
            command += [option, str(value)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError(f"the loopback server did not start: {' '.join(command)}")
            yield Loopback(int(address.rpartition(":")[2]))
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=Path, help="folder of written sites")
    parser.add_argument("--pages", type=Path, help="parquet file of pages")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--watch-stdin", action="store_true", help="end when standard input does")
    arguments = parser.parse_args()
    web: Web = {}
    if arguments.pages:
        web |= read_pages(arguments.pages)
    if arguments.sites:
        web |= read_sites(arguments.sites)
    asyncio.run(serve(web, arguments.port, arguments.delay, arguments.watch_stdin))


if __name__ == "__main__":
    main()
