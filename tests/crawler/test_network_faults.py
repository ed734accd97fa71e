"""Faults of the network and of HTTP: one crawl of many bad hosts, one outcome each (FAULTS N)."""

import socket
import struct
import time
import zlib
from typing import Any

import pytest
from raw_server import TEXT, Crawl, LoopbackServer, page, redirect, response

from taxocrawl.records import Outcome

OK = ("classified", "")


def close(connection: socket.socket) -> None:
    """Hang up without a word."""


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def reset_in_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<html>")
    time.sleep(0.05)  # the client must read this before the reset drops it
    reset(connection)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def silent_in_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<html>")
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        connection.sendall(b"A")
        time.sleep(0.05)


def endless_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><p>")
    line = (TEXT + "\n").encode() * 50
    for _ in range(1000):
        connection.sendall(line)


def endless_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        connection.sendall(b"X-%d: y\r\n" % number * 50)


HTML = f"<html><title>Oak</title><p>{TEXT}</p></html>".encode()


def plain(head: str, body: bytes = HTML) -> bytes:
    return head.encode("latin-1").replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


CASES = {
    "N10-closed-port": (None, ("connect_failed", "refused")),
    "N11-reset-at-once": (reset, ("connect_failed", "reset")),
    "N11-reset-in-body": (reset_in_body, ("bad_response", "short")),
    "N13-endless-body": (endless_body, OK),
    "N14-closed-at-once": (close, ("bad_response", "short")),
    "N14-too-short": (plain("HTTP/1.1 200 OK\nContent-Length: 99999"), ("bad_response", "short")),
    "N15-negative-length": (
        plain("HTTP/1.1 200 OK\nContent-Length: -5"),
        ("bad_response", "headers"),
    ),
    "N15-no-number": (plain("HTTP/1.1 200 OK\nContent-Length: abc"), ("bad_response", "headers")),
    "N15-two-lengths": (
        plain("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6"),
        ("bad_response", "headers"),
    ),
    "N15-surplus-bytes": (
        plain(f"HTTP/1.1 200 OK\nContent-Length: {len(HTML)}", HTML + b"HTTP/1.1 500 No\r\n\r\n"),
        OK,
    ),
    "N16-length-and-chunked": (
        plain(
            "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked",
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(HTML), HTML),
        ),
        OK,
    ),
    "N17-bad-chunk-size": (
        plain("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"zz\r\nabc\r\n"),
        ("bad_response", "chunks"),
    ),
    "N17-no-last-chunk": (
        plain("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"5\r\n<html\r\n"),
        ("bad_response", "chunks"),
    ),
    "N21-http-1.0": (plain("HTTP/1.0 200 OK\nContent-Type: text/html"), OK),
    "N22-no-status-line": (b"<html>hello</html>\r\n\r\n", ("bad_response", "status_line")),
    "N22-status-099": (plain("HTTP/1.1 099 Odd"), ("bad_response", "status_line")),
    "N22-status-999": (plain("HTTP/1.1 999 Denied\nContent-Length: 0", b""), ("http_error", "999")),
    "N23-endless-header": (endless_header, ("too_large", "headers")),
    "N24-odd-header-lines": (
        plain("HTTP/1.1 200 OK\nno colon here\nX-\xe4\xf6: \xfc\nX-Nul: a\0b\nX: 1\n folded\nX: 2"),
        OK,
    ),
    "N23-long-line": (
        plain("HTTP/1.1 200 OK\nX: " + "y" * 70_000),
        ("too_large", "headers"),
    ),
    "N23-long-line-below-the-cap": (plain("HTTP/1.1 200 OK\nX: " + "y" * 30_000), OK),
    "N23-many-fields": (
        plain("HTTP/1.1 200 OK\n" + "\n".join(f"X-{n}: y" for n in range(20_000))),
        ("too_large", "headers"),
    ),
    "N25-storm-of-100": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, ("bad_response", "status_line")),
    "N25-one-103": (plain("HTTP/1.1 103 Early Hints\n\nHTTP/1.1 200 OK"), OK),
    "N26-204": (plain("HTTP/1.1 204 No Content", b""), ("empty", "")),
    "N26-304": (plain("HTTP/1.1 304 Not Modified", b""), ("empty", "")),
    "N32-401": (response(status="401 Unauthorized"), ("http_error", "401")),
    "N32-403": (response(status="403 Forbidden"), ("http_error", "403")),
    "N32-404": (response(status="404 Not Found"), ("http_error", "404")),
    "N32-410": (response(status="410 Gone"), ("http_error", "410")),
    "N32-451": (response(status="451 Unavailable"), ("http_error", "451")),
    "N34-500": (response(status="500 Oops"), ("http_error", "500")),
    "C02-bomb": (
        response(zlib.compress(bytes(10**7), 9), headers=["Content-Encoding: deflate"]),
        ("too_large", "ratio"),
    ),
    "C03-coding-is-claimed-only": (response(HTML, headers=["Content-Encoding: gzip"]), OK),
    "N27-to-itself": (redirect("/"), ("redirect_failed", "loop")),
    "N27-empty-location": (redirect(""), ("redirect_failed", "location")),
    "N27-no-location": (response(status="302 Found"), ("redirect_failed", "location")),
    "N27-broken-location": (redirect("http://[broken"), ("redirect_failed", "location")),
    "N28-file": (redirect("file:///etc/passwd"), ("redirect_failed", "scheme")),
    "N28-data": (redirect("data:text/html,hello"), ("redirect_failed", "scheme")),
    "N28-javascript": (redirect("javascript:alert(1)"), ("redirect_failed", "scheme")),
    "N28-ftp": (redirect("ftp://oak.test/"), ("redirect_failed", "scheme")),
    "N29-private-address": (redirect("http://10.0.0.1:8080/"), ("blocked_address", "address")),
    "N29-odd-spelling": (redirect("http://0x7f.1:8080/"), ("blocked_address", "address")),
    "N29-metadata": (redirect("http://169.254.169.254:8080/"), ("blocked_address", "address")),
    "N09-other-port": (redirect("http://oak.test:6379/"), ("blocked_address", "port")),
    "N29-meta-refresh": (
        page(head='<meta http-equiv="refresh" content="0;url=http://127.0.0.1:8080/">'),
        ("blocked_address", "address"),
    ),
    "N31-late-refresh": (
        page(head='<meta http-equiv="refresh" content="3600;url=http://127.0.0.1:8080/">'),
        OK,
    ),
}


def _domain(name: str) -> str:
    return f"{name.lower().replace('.', '-').replace('_', '-')}.test"


HANGING = {
    "N12-silent": (silent, ("timeout", "headers")),
    "N12-silent-in-body": (silent_in_body, ("timeout", "body")),
    "N12-drip": (drip, ("timeout", "headers")),
}


def _crawled(crawl_hosts: Crawl, cases: dict[str, Any], **changes: Any) -> dict[str, Outcome]:
    server = LoopbackServer()
    for name, (reply, _) in cases.items():
        if reply is not None:
            server.replies[f"{_domain(name)}/"] = reply
    try:
        crawled = crawl_hosts(
            [_domain(name) for name in cases],
            server,
            closed=[_domain(name) for name, (reply, _) in cases.items() if reply is None],
            **changes,
        )
    finally:
        server.close()
    return {outcome.domain: outcome for outcome in crawled.outcomes}


@pytest.fixture(scope="module")
def ends(crawl_hosts: Crawl) -> dict[str, Outcome]:
    return _crawled(crawl_hosts, CASES, body_bytes=100_000)


@pytest.mark.parametrize("name", CASES)
def test_fault_ends_as(name: str, ends: dict[str, Outcome]) -> None:
    outcome = ends[_domain(name)]
    assert (outcome.kind, outcome.detail) == CASES[name][1]


def test_an_endless_body_is_cut_at_the_cap(ends: dict[str, Outcome]) -> None:
    assert "truncated" in ends[_domain("N13-endless-body")].notes


def test_a_hanging_server_ends_at_the_deadline(crawl_hosts: Crawl) -> None:
    outcomes = _crawled(crawl_hosts, HANGING, request_timeout_s=1.0)
    for name, (_, expected) in HANGING.items():
        outcome = outcomes[_domain(name)]
        assert (outcome.kind, outcome.detail) == expected, name
        assert "within 1 s" in outcome.message


def test_surplus_bytes_are_never_the_next_reply(crawl: Crawl, server: LoopbackServer) -> None:
    """N18."""
    reused: list[bytes] = []

    def surplus(connection: socket.socket) -> None:
        evil = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nEVIL"
        connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" + evil)
        reused.append(connection.recv(65536))

    server.replies |= {"/robots.txt": surplus, "/": page()}
    crawled = crawl("oak.test", max_pages=1)
    assert crawled.ended == ("classified", "")
    assert set(reused) == {b""}


def test_connection_is_used_again_for_the_next_page(crawl: Crawl, server: LoopbackServer) -> None:
    def two(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        assert b"GET / " in connection.recv(65536)
        connection.sendall(page())

    server.replies["/robots.txt"] = two
    assert crawl("oak.test", max_pages=1).ended == ("classified", "")


def test_dead_address_among_live_ones_is_passed_over(crawl: Crawl, server: LoopbackServer) -> None:
    """N04."""
    server.replies["/"] = page()
    addresses = ["::1", "127.0.0.77", "127.0.0.1"]
    crawled = crawl(
        "oak.test",
        connect_to=[f":80:backend.test:{server.port}", ":443:127.0.0.1:1"],
        lookup=lambda *_: [(0, 0, 0, "", (address, 0)) for address in addresses],
        max_pages=1,
    )
    assert crawled.ended == ("classified", "")


def test_hosts_that_share_a_fault_do_not_slow_the_healthy(crawl_hosts: Crawl) -> None:
    """A healthy site beside hanging ones is done long before their deadline."""
    server = LoopbackServer()
    server.replies |= {"healthy.test/": page(), "*": silent}
    server.replies["healthy.test/robots.txt"] = response(status="404 No")
    hosts = [*(f"hangs{n}.test" for n in range(5)), "healthy.test"]
    try:
        crawled = crawl_hosts(hosts, server, request_timeout_s=5.0, max_pages=1)
    finally:
        server.close()
    assert crawled.outcomes[-1].kind == "classified"
    assert crawled.outcomes[-1].seconds < 4
