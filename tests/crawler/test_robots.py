"""robots.txt by RFC 9309 (FAULTS S05-S13): what one says, and that it is obeyed."""

import threading
import time
from typing import Any

import pytest
from raw_server import Crawl, LoopbackServer, page, redirect, response

from taxocrawl.crawler.robots import read_rules
from taxocrawl.records import Outcome

CAP = 512 * 2**10
URL = "https://oak.test/private/page"


def allows(text: str | bytes, url: str = URL) -> bool:
    body = text.encode() if isinstance(text, str) else text
    return read_rules(body, cap=CAP).allow(url)


DISALLOW = "User-agent: *\nDisallow: /"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(DISALLOW, id="plain"),
        pytest.param("\ufeff" + DISALLOW, id="S10-utf-8-bom"),
        pytest.param(DISALLOW.encode("utf-16"), id="S10-utf-16"),
        pytest.param(("\ufeff" + DISALLOW).encode("utf-16-be"), id="S10-utf-16-be"),
        pytest.param(DISALLOW.replace("\n", "\r"), id="S10-cr"),
        pytest.param(DISALLOW.replace("\n", "\r\n"), id="S10-crlf"),
        pytest.param("<html>\n" + DISALLOW, id="S09-html-around-it"),
        pytest.param(b"\xff\x00\x80\n" + DISALLOW.encode(), id="S09-binary-around-it"),
        pytest.param("user-agent:taxocrawl\ndisallow:/", id="S11-lower-case"),
        pytest.param("User-agent: TaxoCrawl\nDisallow: /", id="S11-mixed-case"),
        pytest.param("User-agent: taxocrawl/1.0\nDisallow: /", id="S11-with-version"),
        pytest.param("User-agent: taxocrawl/*\nDisallow: /", id="S11-with-wildcard"),
        pytest.param("User-agent: a\nUser-agent: taxocrawl\nDisallow: /", id="S11-shared-group"),
        pytest.param(
            "User-agent: taxocrawl\nAllow: /x\n\nUser-agent: b\nAllow: /\n\n"
            "User-agent: taxocrawl\nDisallow: /private/",
            id="S11-two-groups",
        ),
        pytest.param("User-agent: *\nDisallow: /*/page$", id="wildcards"),
    ],
)
def test_rules_forbid(text: str | bytes) -> None:
    assert not allows(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("<html><body>Not here</body></html>", id="S09-html"),
        pytest.param(bytes(range(256)) * 9, id="S09-binary"),
        pytest.param("User-agent: taxo\nDisallow: /", id="S11-shorter-name"),
        pytest.param("User-agent: taxocrawler\nDisallow: /", id="S11-longer-name"),
        pytest.param("User-agent: crawl\nDisallow: /", id="S11-end-of-name"),
        pytest.param(DISALLOW + "\n\nUser-agent: taxocrawl\nDisallow:", id="own-group-wins"),
        pytest.param("User-agent: *\nDisallow: /\nAllow: /private/page", id="longest-match-wins"),
        pytest.param("Disallow: /", id="rule-without-group"),
    ],
)
def test_rules_allow(text: str | bytes) -> None:
    assert allows(text)


def test_only_the_first_half_mebibyte_is_read_up_to_a_line_end() -> None:
    start = b"User-agent: *\nDisallow: /a\n"
    padding = b"#" * (CAP - len(start) - 12) + b"\nDisallow: /private/"
    assert allows(start + padding)  # cut in the middle of the last rule: it would read `/pri`
    assert not allows(start + padding, "https://oak.test/a")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 10.0), ("0.5", 0.5), ("3600", 3600.0), ("1e9", 1e9)]
    + [(bad, 0.0) for bad in ("-1", "nan", "inf", "soon", "")],
)
def test_crawl_delay(text: str, seconds: float) -> None:
    rules = read_rules(f"User-agent: *\nCrawl-delay: {text}\nAllow: /".encode(), cap=CAP)
    assert rules.crawl_delay_s == seconds


def test_hostile_pattern_is_matched_quickly() -> None:
    """S13: backtracking would take for ever."""
    pattern = "/" + "*a" * 40 + "$"
    rules = read_rules(f"User-agent: *\nDisallow: {pattern}".encode(), cap=CAP)
    started = time.perf_counter()
    assert rules.allow("https://oak.test/" + "a" * 2000 + "b")
    assert time.perf_counter() - started < 1.0


# --- obeyed, on loopback


def robots(text: str) -> bytes:
    return response(text.encode(), headers=["Content-Type: text/plain"])


def hang(connection: Any) -> None:
    connection.recv(1)


def reset(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 200")


CHAIN = {f"hops{n}.test/{i}": redirect(f"/{i + 1}") for n in (5, 6) for i in range(1, n)}
CHAIN |= {f"hops{n}.test/{n}": robots(DISALLOW) for n in (5, 6)}

REPLIES: dict[str, tuple[Any, tuple[str, str]]] = {
    "S05-404": (response(status="404 Not Found"), ("classified", "")),
    "S05-401": (response(status="401 Unauthorized"), ("classified", "")),
    "S05-403": (response(status="403 Forbidden"), ("classified", "")),
    "S05-410": (response(status="410 Gone"), ("classified", "")),
    "S06-500": (response(status="500 Oops"), ("robots_unreachable", "500")),
    "S06-503": (response(status="503 Busy"), ("robots_unreachable", "503")),
    "S06-429": (response(status="429 Slow down"), ("robots_unreachable", "429")),
    "S06-reset": (reset, ("robots_unreachable", "bad_response")),
    "S08-five-hops": (redirect("http://hops5.test/1"), ("robots_denied", "")),
    "S08-six-hops": (redirect("http://hops6.test/1"), ("robots_unreachable", "redirect")),
    "N29-refused-hop": (redirect("http://10.0.0.1/"), ("blocked_address", "address")),
    "S09-html": (page(), ("classified", "")),
    "disallow": (robots(DISALLOW), ("robots_denied", "")),
    "allow": (robots("User-agent: *\nDisallow: /private"), ("classified", "")),
    "endless": (robots(DISALLOW + "\n" + "# fill\n" * 300_000), ("robots_denied", "")),
}


@pytest.fixture(scope="module")
def obeyed(crawl_hosts: Crawl) -> tuple[dict[str, Outcome], list[str]]:
    server = LoopbackServer()
    server.replies["/"] = page()
    server.replies |= CHAIN
    for name, (reply, _) in REPLIES.items():
        server.replies[f"{name.lower()}.test/robots.txt"] = reply
    hosts = [f"{name.lower()}.test" for name in REPLIES]
    mapping = [f"hops{n}.test:80:127.0.0.1:{server.port}" for n in (5, 6)]
    mapping += [f"{w}{host}:80:127.0.0.1:{server.port}" for host in hosts for w in ("", "www.")]
    try:
        crawled = crawl_hosts(hosts, server, mapping=mapping, max_pages=1)
    finally:
        server.close()
    return {o.domain: o for o in crawled.outcomes}, server.requests


@pytest.mark.parametrize("name", REPLIES)
def test_robots_reply_ends_as(name: str, obeyed: tuple[dict[str, Outcome], list[str]]) -> None:
    outcomes, requests = obeyed
    host, expected = f"{name.lower()}.test", REPLIES[name][1]
    assert (outcomes[host].kind, outcomes[host].detail) == expected
    fetched = [request for request in requests if request == f"{host}/"]
    assert len(fetched) == (expected[0] == "classified")


def test_unreadable_robots_is_noted(obeyed: tuple[dict[str, Outcome], list[str]]) -> None:
    assert "robots_ignored" in obeyed[0]["s09-html.test"].notes


def test_robots_that_hangs_gives_no_page(crawl: Crawl, server: LoopbackServer) -> None:
    server.replies |= {"/": page(), "/robots.txt": hang}
    crawled = crawl("oak.test", request_timeout_s=0.5)
    assert crawled.ended == ("robots_unreachable", "timeout")
    assert set(server.paths()) == {"robots.txt"}


def test_robots_of_a_redirects_target_is_asked(crawl: Crawl, server: LoopbackServer) -> None:
    """N30: the category is the target's, and so are the rules."""
    server.replies |= {
        "oak.test/": redirect("http://elm.test/"),
        "elm.test/": page(),
        "elm.test/robots.txt": robots(DISALLOW),
    }
    assert crawl("oak.test").ended == ("robots_denied", "")
    assert "elm.test/" not in server.requests


def test_long_crawl_delay_reads_the_home_page_only(crawl: Crawl, server: LoopbackServer) -> None:
    """S12."""
    server.replies |= {
        "/": page(body='<a href="/about">About</a>'),
        "/about": page("About us and our work. " * 20),
        "/robots.txt": robots("User-agent: *\nCrawl-delay: 3600\nAllow: /"),
    }
    crawled = crawl("oak.test", crawl_delay_cap_s=0.2)
    assert "crawl_delay_capped" in crawled.outcome.notes
    assert "about" not in server.paths()


def test_short_crawl_delay_is_kept_between_requests(crawl: Crawl, server: LoopbackServer) -> None:
    times: list[float] = []

    def about(connection: Any) -> None:
        times.append(time.monotonic())
        connection.sendall(page("About us and our work. " * 20))

    def home(connection: Any) -> None:
        times.append(time.monotonic())
        connection.sendall(page(body='<a href="/about">About</a>'))

    server.replies |= {
        "/": home,
        "/about": about,
        "/robots.txt": robots("User-agent: *\nCrawl-delay: 0.4\nAllow: /"),
    }
    assert crawl("oak.test").ended == ("classified", "")
    assert times[1] - times[0] > 0.35


def test_every_request_that_waits_for_one_robots_obeys_it(crawl_hosts: Crawl) -> None:
    """S07: twenty hosts redirect to one that forbids all; its robots.txt comes late."""
    server = LoopbackServer()
    asked = threading.Event()

    def late(connection: Any) -> None:
        asked.wait(5)
        time.sleep(0.2)
        connection.sendall(robots(DISALLOW))

    hosts = [f"s{i}.test" for i in range(20)]
    for host in hosts[:-1]:
        server.replies[f"{host}/"] = redirect(f"http://elm.test/{host}")

    def last(connection: Any) -> None:
        asked.set()
        connection.sendall(redirect(f"http://elm.test/{hosts[-1]}"))

    server.replies |= {f"{hosts[-1]}/": last, "elm.test/robots.txt": late, "elm.test*": page()}
    try:
        crawled = crawl_hosts(hosts, server)
    finally:
        server.close()
    assert {outcome.kind for outcome in crawled.outcomes} == {"robots_denied"}
    assert server.paths("elm.test") == ["robots.txt"]
