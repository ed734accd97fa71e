"""A network that is down costs no site its outcome (FAULTS R07); dead sites still end soon."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
from raw_server import InlineWorkers, ListSink, LoopbackServer, no_network, page

from taxocrawl import domains
from taxocrawl.crawler import outage
from taxocrawl.crawler.outage import Outage
from taxocrawl.crawler.run import RunSummary, run_crawl
from taxocrawl.settings import ConnectTo, Settings


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "HOLD_S", 0.05)
    monkeypatch.setattr(outage, "PAUSES_S", (0.01,))
    monkeypatch.setattr(outage, "PATIENCE_S", 0.1)


class Probed:
    """A network whose answers to probes are written down beforehand; the last one stays."""

    def __init__(self, *answers: bool | None) -> None:
        self.answers = list(answers)

    async def __call__(self) -> bool | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_few_failures_beside_an_answer_stand() -> None:
    async def judge() -> list[bool]:
        network = Outage("network", Probed(False), alike=3)
        suspects = [asyncio.ensure_future(network.stands()) for _ in range(2)]
        await asyncio.sleep(0)
        network.answered()
        return await asyncio.gather(*suspects)

    assert asyncio.run(judge()) == [True, True]


def test_failures_stand_where_what_answered_before_answers_now() -> None:
    async def judge() -> list[bool]:
        network = Outage("network", Probed(True), alike=3)
        return await asyncio.gather(*(network.stands() for _ in range(5)))

    assert asyncio.run(judge()) == [True] * 5


def test_short_list_of_dead_sites_ends_soon() -> None:
    """Nothing has ever answered, yet three are not enough to blame the network."""

    async def judge() -> list[bool]:
        network = Outage("network", Probed(None), alike=20)
        return await asyncio.gather(*(network.stands() for _ in range(3)))

    assert asyncio.run(judge()) == [True] * 3


def test_long_list_of_dead_sites_ends_after_some_patience() -> None:
    async def judge() -> list[bool]:
        network = Outage("network", Probed(None), alike=3)

        async def visits() -> bool:
            while not await network.stands():
                pass
            return True

        return await asyncio.wait_for(asyncio.gather(*(visits() for _ in range(5))), 20)

    assert asyncio.run(judge()) == [True] * 5


def test_sites_are_visited_again_once_the_network_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def judge() -> list[bool]:
        network = Outage("name server", Probed(False, False, False, True), alike=3)
        return await asyncio.gather(*(network.stands() for _ in range(5)))

    assert asyncio.run(judge()) == [False] * 5
    assert "name server: answers again" in caplog.text


class Resolver:
    """Finds every name at loopback; from the 30th look-up on silent for 60 look-ups."""

    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()

    def __call__(self, host: str, *_: object) -> list[tuple[object, ...]]:
        with self.lock:
            self.count += 1
            down = 30 < self.count <= 90
        if down:
            raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")
        if host.startswith("dead"):
            no_network(host)
        return [(2, 1, 6, "", ("127.0.0.1", 0))]


@pytest.fixture
def hosts() -> list[str]:
    return [f"{'dead' if number % 10 == 3 else 's'}{number}.test" for number in range(120)]


def mapping(hosts: list[str], port: int, closed_port: int) -> Iterator[ConnectTo]:
    """Each host by a name of its own, so that it is looked up."""
    for host in hosts:
        for www in ("", "www."):
            yield ConnectTo.parse(f"{www}{host}:80:{host}:{port}")
            yield ConnectTo.parse(f"{www}{host}:443:{host}:{closed_port}")


def crawled(server: LoopbackServer, hosts: list[str], closed_port: int) -> RunSummary:
    settings = Settings(
        retries=0,
        max_pages=1,
        concurrency=8,
        connect_to=tuple(mapping(hosts, server.port, closed_port)),
    )
    return run_crawl(
        domains.read_sites(hosts),
        store=ListSink(),
        workers=InlineWorkers(settings),  # type: ignore[arg-type]
        settings=settings,
        lookup=Resolver(),
    )


def test_name_server_that_is_down_for_a_while_fails_no_site(
    server: LoopbackServer, hosts: list[str], closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies["*"] = page()
    summary = crawled(server, hosts, closed_port)
    assert summary.outcomes == {"classified": 108, "dns_failed": 12}
    assert "name server: answers again" in caplog.text
