"""A raw HTTP server on loopback, and small real stand-ins for workers and store."""

import asyncio
import socket
import socketserver
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from taxocrawl.crawler.run import RunSummary
from taxocrawl.extraction import html, site_status
from taxocrawl.extraction.ladder import Visible
from taxocrawl.records import Document, Extract, InputLine, Outcome, Page
from taxocrawl.settings import Settings

TEXT = " ".join(["Oak tables and chairs are made by hand in our workshop near the river."] * 6)

Reply = bytes | Callable[[socket.socket], None]


def page(text: str = TEXT, *, head: str = "", body: str = "") -> bytes:
    """A whole HTML page as a response."""
    html_text = (
        f"<html><head><title>Oak</title>{head}</head><body><p>{text}</p>{body}</body></html>"
    )
    return response(html_text.encode())


def response(
    body: bytes = b"",
    *,
    status: str = "200 OK",
    headers: Sequence[str] = ("Content-Type: text/html",),
) -> bytes:
    """A response as bytes, closed after its body."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found", *headers: str) -> bytes:
    return response(status=status, headers=[f"Location: {location}", *headers])


class LoopbackServer:
    """A raw HTTP server: replies by `host/path`, by path, or by `*`; keeps what was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | list[Reply]] = {}
        self.requests: list[str] = []
        self.headers: list[bytes] = []
        self.connections = 0
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._handle(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up is no error here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self, host: str = "") -> list[str]:
        return [r.partition("/")[2] for r in self.requests if not host or r.startswith(f"{host}/")]

    def _handle(self, connection: socket.socket) -> None:
        self.connections += 1
        connection.settimeout(5)
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = connection.recv(65536)
            if not chunk or (chunk[:1] == b"\x16" and not head):  # a TLS handshake
                return
            head += chunk
        path = head.split(b" ", 2)[1].decode("latin-1")
        host = next(
            line.split(b":", 1)[1].strip().decode("latin-1")
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"host:")
        ).removeprefix("www.")
        self.requests.append(host + path)
        self.headers.append(head)
        reply = self._reply(host, path)
        if callable(reply):
            reply(connection)
        else:
            connection.sendall(reply)

    def _reply(self, host: str, path: str) -> Reply:
        for key in (host + path, path, f"{host}*", "*"):
            if key in self.replies:
                reply = self.replies[key]
                if isinstance(reply, list):
                    return reply.pop(0) if len(reply) > 1 else reply[0]
                return reply
        return response(b"no such page", status="404 Not Found")


class InlineWorkers:
    """Extraction in this process, and the site's status in place of a classifier."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.batches: list[int] = []

    async def extract(self, page: Page) -> Extract:
        ladder = [("visible", Visible())]
        return await asyncio.to_thread(html.extract, page, ladder=ladder, settings=self.settings)

    async def categorize(self, documents: Sequence[Document]) -> list[Outcome]:
        self.batches.append(len(documents))
        outcomes = []
        for document in documents:
            hint = site_status.site_status(document.extracts, self.settings)
            kind, detail = (hint.kind, hint.detail) if hint else ("classified", "")
            outcomes.append(
                Outcome(domain=document.domain, kind=kind, detail=detail, document=document)
            )
        return outcomes


@dataclass
class ListSink:
    """Outcomes in memory, by line."""

    rows: list[tuple[int, Outcome]] = field(default_factory=list)
    lines: list[InputLine] = field(default_factory=list)
    run_id: str = "run"

    def add_line(self, line: InputLine) -> None:
        self.lines.append(line)

    def add(self, outcome: Outcome, line: InputLine) -> None:
        self.rows.append((line.line, outcome))


@dataclass
class Crawled:
    """What a crawl of a list came to."""

    summary: RunSummary
    sink: ListSink

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for _, outcome in sorted(self.sink.rows, key=lambda row: row[0])]

    @property
    def outcome(self) -> Outcome:
        (outcome,) = self.outcomes
        return outcome

    @property
    def ended(self) -> tuple[str, str]:
        return self.outcome.kind, self.outcome.detail


def no_network(host: str, *_: object) -> list[tuple[object, ...]]:
    raise socket.gaierror(socket.EAI_NONAME, f"tests look up nothing: {host}")


# No retries unless a test is about them. Deadlines that only a hanging server can miss, however
# busy the machine is.
QUICK = Settings(
    retries=0,
    request_timeout_s=20.0,
    connect_timeout_s=20.0,
    dns_timeout_s=10.0,
    site_timeout_s=100.0,
)

Crawl = Callable[..., Crawled]
