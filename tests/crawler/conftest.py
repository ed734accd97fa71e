"""Sites on loopback, reached by connect_to; the guard is on for everything else."""

import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from raw_server import QUICK, Crawl, Crawled, InlineWorkers, ListSink, LoopbackServer, no_network

from taxocrawl import domains
from taxocrawl.crawler.address_guard import Lookup
from taxocrawl.crawler.run import run_crawl
from taxocrawl.records import InputLine, Outcome
from taxocrawl.settings import ConnectTo

_CONNECTS: list[Any] = []


def _on_connect(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _CONNECTS.append(arguments[1])


@pytest.fixture(scope="session", autouse=True)
def _watch_connects() -> None:
    """Keep every address that a socket is connected to (an audit hook cannot be taken back)."""
    sys.addaudithook(_on_connect)


@pytest.fixture
def connects() -> list[Any]:
    """Addresses connected to since the test began."""
    _CONNECTS.clear()
    return _CONNECTS


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """Serves port 80 of every host of a `crawl`; robots.txt is missing unless it is set."""
    running = LoopbackServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port that refuses connections: bound, not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _run(
    lines: Iterable[InputLine],
    mapping: Iterable[str],
    *,
    lookup: Lookup = no_network,
    workers_type: type[InlineWorkers] = InlineWorkers,
    sink: ListSink | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    **changes: Any,
) -> Crawled:
    connect_to = tuple(ConnectTo.parse(text) for text in mapping)
    settings = replace(QUICK, connect_to=connect_to, **changes)
    sink = sink or ListSink()
    workers: Any = workers_type(settings)
    summary = run_crawl(
        lines,
        store=sink,
        workers=workers,
        settings=settings,
        on_outcome=on_outcome,
        lookup=lookup,
    )
    return Crawled(summary=summary, sink=sink)


@pytest.fixture
def crawl_lines(server: LoopbackServer, closed_port: int) -> Crawl:
    """Crawl verdicts: port 80 goes to `server`, port 443 is refused; keywords change settings."""

    def crawl(lines: Iterable[InputLine], **changes: Any) -> Crawled:
        mapping = [f":80:127.0.0.1:{server.port}", f":443:127.0.0.1:{closed_port}"]
        return _run(lines, mapping, **changes)

    return crawl


@pytest.fixture
def crawl(server: LoopbackServer, closed_port: int) -> Crawl:
    """Crawl lines: port 80 goes to `server`, port 443 is refused; keywords change settings."""

    def crawl(*lines: str, connect_to: Iterable[str] | None = None, **changes: Any) -> Crawled:
        mapping = [f":80:127.0.0.1:{server.port}", f":443:127.0.0.1:{closed_port}"]
        mapping = mapping if connect_to is None else list(connect_to)
        return _run(domains.read_sites(lines), mapping, **changes)

    return crawl


@pytest.fixture(scope="session")
def crawl_hosts(closed_port: int) -> Crawl:
    """Crawl hosts of a given server; those in `closed` refuse connections on every port."""

    def crawl(
        hosts: list[str],
        server: LoopbackServer,
        *,
        closed: Iterable[str] = (),
        mapping: Iterable[str] | None = None,
        **changes: Any,
    ) -> Crawled:
        refused = [f"{w}{name}::127.0.0.1:{closed_port}" for name in closed for w in ("", "www.")]
        if mapping is None:
            mapping = [f":80:127.0.0.1:{server.port}"]
        https = [f"{w}{host}:443:127.0.0.1:{closed_port}" for host in hosts for w in ("", "www.")]
        return _run(domains.read_sites(hosts), [*refused, *mapping, *https], **changes)

    return crawl
