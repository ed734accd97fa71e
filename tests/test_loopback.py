"""The loopback web itself: what it answers under which name."""

import contextlib
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback import Loopback, canonical, serving

PAGE = "<p>Привет</p>".encode("windows-1251")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    folder = tmp_path_factory.mktemp("web")
    site = folder / "sites" / "oak.example"
    (site / "team").mkdir(parents=True)
    (site / "index.html").write_text("<h1>Oak</h1>", encoding="utf-8")
    (site / "about.html").write_text("<h1>Über uns</h1>", encoding="utf-8")
    (site / "team" / "index.html").write_text("<h1>Team</h1>", encoding="utf-8")
    (site / "robots.txt").write_text("User-agent: *\nDisallow: /private", encoding="utf-8")
    (folder / "secret.html").write_text("outside", encoding="utf-8")
    table = pa.table(
        {
            "page_id": ["1", "2"],
            "url": ["http://www.privet.example/a/б?x=1", "https://bücher.example/"],
            "host": ["www.privet.example", "bücher.example"],
            "registered_domain": ["privet.example", "bücher.example"],
            "charset": ["windows-1251", "utf-8"],
            "html": [PAGE, b"<p>books</p>"],
        }
    )
    pq.write_table(table, folder / "pages.parquet")
    with serving(pages=folder / "pages.parquet", sites=folder / "sites") as running:
        yield running


def ask(server: Loopback, host: str, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers={"Host": host, "Connection": "close"})
    return connection.getresponse()


@pytest.mark.parametrize(
    ("host", "path", "body"),
    [
        ("oak.example", "/", "<h1>Oak</h1>"),
        ("WWW.Oak.example:8080", "/index.html", "<h1>Oak</h1>"),
        ("oak.example", "/about", "<h1>Über uns</h1>"),
        ("oak.example", "/about/", "<h1>Über uns</h1>"),
        ("oak.example", "/about.html?ref=1", "<h1>Über uns</h1>"),
        ("oak.example", "/team", "<h1>Team</h1>"),
        ("oak.example", "/team/", "<h1>Team</h1>"),
        ("oak.example", "/robots.txt", "User-agent: *\nDisallow: /private"),
        ("xn--bcher-kva.example", "/", "<p>books</p>"),
    ],
)
def test_answers_written_files_under_their_host(
    server: Loopback, host: str, path: str, body: str
) -> None:
    response = ask(server, host, path)
    assert response.status == 200
    assert response.read().decode() == body


@pytest.mark.parametrize("path", ["/", "/a/%D0%B1?x=1"])
def test_a_stored_page_stands_at_its_own_path_and_at_the_root(server: Loopback, path: str) -> None:
    response = ask(server, "privet.example", path)
    assert response.headers["Content-Type"] == "text/html; charset=windows-1251"
    assert response.read() == PAGE


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("unknown.example", "/"),
        ("privet.example", "/robots.txt"),
        ("privet.example", "/a/%D0%B1"),
        ("oak.example", "/nowhere"),
        ("oak.example", "/../secret.html"),
        ("oak.example", "/%2e%2e/secret.html"),
        ("", "/"),
        ("\udcff\udcfe", "/"),
    ],
)
def test_anything_else_is_404(server: Loopback, host: str, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("utf-8", "surrogateescape"))
        assert connection.recv(12) == b"HTTP/1.1 404"


def test_keeps_a_connection_alive_and_answers_head_without_body(server: Loopback) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for method, length in (("HEAD", 0), ("GET", 12), ("GET", 12)):
        connection.request(method, "/", headers={"Host": "oak.example"})
        response = connection.getresponse()
        assert (response.status, len(response.read())) == (200, length)
    connection.close()


def test_hangs_up_on_a_tls_greeting(server: Loopback) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_names_the_option_that_curl_and_taxocrawl_take(server: Loopback) -> None:
    assert server.connect_to == f"::127.0.0.1:{server.port}"


def test_ends_with_its_block(tmp_path: Path) -> None:
    with serving(sites=tmp_path) as running:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=5)


def test_www_and_case_and_port_do_not_matter() -> None:
    assert canonical("WWW.Oak.Example.:80") == canonical("oak.example") == "oak.example"
