"""Sites on loopback, reached by connect_to; the guard is on for everything else."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from loopback import QUICK, Crawl, Crawled, InlineWorkers, ListSink, LoopbackServer, no_network

from taxocrawl import domains
from taxocrawl.crawler.run import run_crawl
from taxocrawl.settings import ConnectTo


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


@pytest.fixture
def crawl(server: LoopbackServer, closed_port: int) -> Crawl:
    """Crawl lines: port 80 goes to `server`, port 443 is refused; keywords change settings."""

    def run(
        *lines: str, lookup: object = no_network, workers: object = None, **changes: object
    ) -> Crawled:
        mapping = [f":80:127.0.0.1:{server.port}", f":443:127.0.0.1:{closed_port}"]
        connect_to = changes.pop("connect_to", mapping)
        settings = replace(
            QUICK, connect_to=tuple(ConnectTo.parse(m) for m in connect_to), **changes
        )
        sink = ListSink()
        summary = run_crawl(
            domains.read_sites(lines),
            store=sink,
            workers=workers or InlineWorkers(settings),
            settings=settings,
            lookup=lookup,
        )
        return Crawled(summary=summary, sink=sink)

    return run
