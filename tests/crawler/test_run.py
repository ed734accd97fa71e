"""Whole crawls on loopback: every line gets one outcome."""

import asyncio
import itertools
import os
import signal
import threading
import time

import pytest
from raw_server import InlineWorkers, ListSink, page, redirect, response

from taxocrawl import domains
from taxocrawl.crawler import retrying, spider
from taxocrawl.crawler.connections import Turns
from taxocrawl.errors import InputError, StoreError, WorkersError
from taxocrawl.workers import WorkerFailure


def test_a_site_is_read_and_classified(server, crawl):
    server.replies["/"] = page()
    crawled = crawl("oak.test")
    assert crawled.ended == ("classified", "")
    assert crawled.outcome.final_url == "http://oak.test/"


def test_further_pages_are_chosen_by_what_they_say(server, crawl):
    links = '<a href="/privacy">Privacy</a><a href="/x">x</a><a href="/about-us">About us</a>'
    server.replies["/"] = page(body=links + '<a href="/products">Products</a>')
    server.replies["/about-us"] = page("About the people who make tables. " * 9)
    server.replies["/products"] = page("Oak tables, oak chairs and more. " * 9)
    server.replies["/x"] = page("Something else that stands here. " * 9)
    crawled = crawl("oak.test", max_pages=3)
    assert [e.url for e in crawled.outcome.document.extracts] == [
        "http://oak.test/",
        "http://oak.test/about-us",
        "http://oak.test/products",
    ]
    assert "x" not in server.paths()


def test_every_line_has_one_outcome(server, crawl):
    server.replies["*"] = page()
    crawled = crawl(
        "a.test", "", "# x", "b.test", "www.a.test", "not a host", "c.test", max_pages=1
    )
    assert [line for line, _ in sorted(crawled.sink.rows)] == [1, 4, 7]
    assert [(v.line, v.outcome, v.duplicate_of) for v in crawled.sink.lines] == [
        (5, "duplicate", 1),
        (6, "invalid_input", None),
    ]
    assert crawled.summary.lines == 5


def test_many_sites_are_classified_in_batches(server, crawl):
    server.replies["*"] = page()
    crawled = crawl(*(f"s{i}.test" for i in range(60)), max_pages=1)
    assert crawled.summary.outcomes == {"classified": 60}


def test_retries_wait_and_succeed(server, crawl, monkeypatch):
    monkeypatch.setattr(retrying, "BACKOFF_S", (0.05, 0.1))
    server.replies["/"] = [response(status="503 Busy"), response(status="500 Oops"), page()]
    crawled = crawl("oak.test", retries=2, max_pages=1)
    assert crawled.ended == ("classified", "")
    assert crawled.outcome.attempts == 3


def test_cookies_are_sent_back_within_a_visit(server, crawl):
    """N35."""
    seen = []

    def gate(connection):
        cookie = b"cookie: seen=1" in server.headers[-1].lower()
        seen.append(cookie)
        connection.sendall(page() if cookie else redirect("/", "302 Found", "Set-Cookie: seen=1"))

    server.replies["/"] = gate
    crawled = crawl("oak.test", "elm.test", max_pages=1)
    assert {o.kind for o in crawled.outcomes} == {"classified"}
    assert sorted(seen) == [False, False, True, True]


def test_one_site_is_asked_one_request_at_a_time(server, crawl):
    """Sub-domains of one registrable domain count as one site; others go on beside it."""
    active, most, lock = [0], [0], threading.Lock()

    def slow(connection):
        with lock:
            active[0] += 1
            most[0] = max(most[0], active[0])
        time.sleep(0.03)
        with lock:
            active[0] -= 1
        connection.sendall(page())

    server.replies["/"] = slow
    crawl(*(f"s{i}.oak.test" for i in range(8)), max_pages=1)
    assert most == [1]


def test_one_address_serves_a_few_requests_at_a_time():
    """N36."""
    active, most = [0], [0]

    async def request(turns, party):
        async with turns.of(party):
            active[0] += 1
            most[0] = max(most[0], active[0])
            await asyncio.sleep(0)
            active[0] -= 1

    async def crowd():
        turns = Turns(4)
        await asyncio.gather(*(request(turns, "1.1.1.1") for _ in range(50)))
        return len(turns)

    assert asyncio.run(crowd()) == 0
    assert most == [4]


def test_user_agent_names_the_contact_and_no_line_break(server, crawl):
    server.replies["/"] = page()
    crawl("oak.test", max_pages=1, contact="bot@oak.test\r\nX-Evil: 1")
    agents = {
        line for head in server.headers for line in head.split(b"\r\n") if b"ser-Agent" in line
    }
    (agent,) = agents
    assert agent.startswith(b"User-Agent: taxocrawl/")
    assert agent.endswith(b"(+bot@oak.testX-Evil: 1)")


def test_proxies_of_the_environment_are_ignored(server, crawl, monkeypatch):
    """N20."""
    server.replies["/"] = page()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1/")
    assert crawl("oak.test", max_pages=1).ended == ("classified", "")


def test_sites_are_read_from_the_list_only_when_there_is_room(server, crawl_lines):
    """The list may be endless."""
    server.replies["*"] = page()
    taken = []

    def endless():
        for number in itertools.count(1):
            taken.append(number)
            yield f"s{number}.test"

    crawled = crawl_lines(itertools.islice(domains.read_sites(endless()), 40), concurrency=2)
    assert crawled.summary.outcomes == {"classified": 40}
    assert len(taken) <= 42


def test_store_that_cannot_write_stops_the_run(server, crawl_lines):
    class FullSink(ListSink):
        def add(self, outcome, line):
            if len(self.rows) == 3:
                raise StoreError("disk full")
            super().add(outcome, line)

    server.replies["*"] = page()
    lines = domains.read_sites(f"s{i}.test" for i in range(200))
    sink = FullSink()
    with pytest.raises(StoreError, match="disk full"):
        crawl_lines(lines, sink=sink, concurrency=2)
    assert len(sink.rows) == 3
    assert len(server.paths()) < 100


def test_error_of_ours_costs_one_site(server, crawl_lines):
    """Nothing is lost: the site is `interrupted`, so that a resumed run asks it again."""

    class Broken(InlineWorkers):
        async def extract(self, page):
            if "s3" in page.url:
                raise RuntimeError("a bug")
            return await super().extract(page)

    server.replies["*"] = page()
    crawled = crawl_lines(
        domains.read_sites(f"s{i}.test" for i in range(6)), workers_type=Broken, max_pages=1
    )
    assert crawled.summary.outcomes == {"classified": 5, "interrupted": 1}


def test_error_in_classification_costs_one_site(server, crawl_lines):
    class Broken(InlineWorkers):
        async def categorize(self, documents):
            if any(document.domain == "s3.test" for document in documents):
                raise RuntimeError("a bug")
            return await super().categorize(documents)

    server.replies["*"] = page()
    crawled = crawl_lines(
        domains.read_sites(f"s{i}.test" for i in range(6)),
        workers_type=Broken,
        batch_size=1,
        max_pages=1,
    )
    assert crawled.summary.outcomes == {"classified": 5, "interrupted": 1}


@pytest.mark.parametrize("call", ["extract", "categorize"])
def test_workers_that_cannot_be_started_stop_the_run(server, crawl_lines, call):
    """Every site would fail for no fault of its own."""

    async def no_worker(self, _):
        raise WorkersError("no worker process can be started")

    server.replies["*"] = page()
    sink = ListSink()
    with pytest.raises(WorkersError):
        crawl_lines(
            domains.read_sites(f"s{i}.test" for i in range(200)),
            workers_type=type("NoWorkers", (InlineWorkers,), {call: no_worker}),
            sink=sink,
            concurrency=2,
            max_pages=1,
        )
    assert {outcome.kind for _, outcome in sink.rows} == {"interrupted"}
    assert len(sink.rows) < 20


def test_list_that_cannot_be_read_on_is_an_error_after_its_sites(server, crawl_lines):
    """I09: what was read is run."""

    def torn():
        yield "a.test"
        yield "b.test"
        raise InputError("the disk is gone")

    server.replies["*"] = page()
    sink = ListSink()
    with pytest.raises(InputError, match="the disk is gone"):
        crawl_lines(domains.read_sites(torn()), sink=sink, max_pages=1)
    assert [outcome.kind for _, outcome in sink.rows] == ["classified"] * 2


def test_error_of_the_caller_stops_the_run(server, crawl_lines):
    def closed_pipe(outcome):
        raise BrokenPipeError

    server.replies["*"] = page()
    with pytest.raises(BrokenPipeError):
        crawl_lines(domains.read_sites(["a.test"]), on_outcome=closed_pipe, max_pages=1)


def test_worker_that_gives_nothing_is_an_outcome(server, crawl_lines):
    class Dying(InlineWorkers):
        async def extract(self, page):
            raise WorkerFailure("died", "its process died")

    server.replies["*"] = page()
    crawled = crawl_lines(domains.read_sites(["oak.test"]), workers_type=Dying)
    assert crawled.ended == ("extractor_failed", "died")


def test_progress_is_told_of_every_site(server, crawl_lines):
    server.replies["*"] = page()
    told = []
    crawl_lines(domains.read_sites(["a.test", "b.test"]), on_outcome=told.append, max_pages=1)
    assert sorted(outcome.domain for outcome in told) == ["a.test", "b.test"]


def test_asked_to_stop_it_finishes_what_is_under_way(server, crawl_lines):
    """R01, R02: the first signal."""
    release, waiting = threading.Event(), threading.Event()

    def held(connection):
        waiting.set()
        release.wait(10)
        connection.sendall(page())

    server.replies["/"] = held

    def interrupt():
        waiting.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        release.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    lines = domains.read_sites(f"s{i}.test" for i in itertools.count())
    crawled = crawl_lines(lines, concurrency=1, max_pages=1)
    thread.join()
    assert crawled.summary.interrupted
    assert set(crawled.summary.outcomes) == {"classified"}
    assert 1 <= crawled.summary.lines <= 4


def test_what_does_not_finish_in_time_is_interrupted(server, crawl_lines, monkeypatch):
    monkeypatch.setattr(spider, "GRACE_S", 0.1)
    waiting = threading.Event()

    def stuck(connection):
        waiting.set()
        connection.recv(1)

    server.replies["/"] = stuck

    def interrupt():
        waiting.wait(10)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    crawled = crawl_lines(domains.read_sites(["a.test"]), request_timeout_s=1.0)
    thread.join()
    assert crawled.summary.outcomes == {"interrupted": 1}


def test_second_signal_returns_at_once(server, crawl_lines):
    waiting = threading.Event()

    def stuck(connection):
        waiting.set()
        connection.recv(1)

    server.replies["/"] = stuck

    def interrupt():
        waiting.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    started = time.monotonic()
    crawled = crawl_lines(domains.read_sites(["a.test"]), request_timeout_s=20.0)
    thread.join()
    assert crawled.summary.interrupted
    assert time.monotonic() - started < 10.0
    assert crawled.sink.rows == []


def test_signals_are_the_callers_again_afterwards(server, crawl):
    before = signal.getsignal(signal.SIGINT)
    server.replies["/"] = page()
    crawl("oak.test", max_pages=1)
    assert signal.getsignal(signal.SIGINT) is before


def test_crawl_runs_beside_a_running_event_loop(server, crawl):
    """As in a notebook."""
    server.replies["/"] = page()

    async def cell():
        return crawl("oak.test", max_pages=1)

    assert asyncio.run(cell()).ended == ("classified", "")
