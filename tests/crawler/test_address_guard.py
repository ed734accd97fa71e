"""Which addresses may be connected to (FAULTS N05-N09)."""

import asyncio
import socket
import threading
from dataclasses import replace
from typing import Any

import pytest
from raw_server import QUICK, no_network, page

from taxocrawl.crawler.address_guard import AddressGuard, Route, is_public
from taxocrawl.crawler.failures import FetchError
from taxocrawl.settings import ConnectTo, Settings

# fmt: off
REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1",
    "100::1", "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::",
    "3fff::1", "3fff:fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1",
]
# fmt: on

# fmt: off
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
    "168.63.129.15", "172.15.255.255", "172.32.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.1",
    "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808", "2001:200::1", "2001:4860:4860::8888",
    "2606:4700::1111", "2a00:1450::1",
]
# fmt: on

NO_ADDRESSES = [
    "",
    "localhost",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "1.2.3",
    "1.2.3.4.5",
]


@pytest.mark.parametrize("address", REFUSED)
def test_special_purpose_address_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert not is_public(text)


def answers(*addresses: str) -> Any:
    """A look-up that gives these addresses for every name."""

    def lookup(host: str, *_: object) -> list[tuple[Any, ...]]:
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    return lookup


def failing(errno: int) -> Any:
    def lookup(host: str, *_: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(errno, "no")

    return lookup


def route(
    host: str, port: int = 443, *, lookup: Any = no_network, settings: Settings = QUICK
) -> Route | tuple[str, str]:
    """The route, or (kind, detail) of the refusal."""
    guard = AddressGuard(settings, lookup=lookup)
    try:
        return asyncio.run(guard.route(host, port))
    except FetchError as failure:
        return failure.fault.kind, failure.fault.detail
    finally:
        guard.close()


def connect_to(*texts: str) -> Settings:
    return replace(QUICK, connect_to=tuple(map(ConnectTo.parse, texts)))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "64:ff9b::7f00:1"])
def test_name_at_a_refused_address_is_blocked(address: str) -> None:
    assert route("inside.test", lookup=answers(address)) == ("blocked_address", "address")


def test_one_refused_address_among_public_ones_blocks_the_name() -> None:
    mixed = answers("93.184.216.34", "127.0.0.1")
    assert route("mixed.test", lookup=mixed) == ("blocked_address", "address")


def test_all_public_addresses_are_kept_in_order() -> None:
    found = route("both.test", lookup=answers("2606:4700::1111", "1.1.1.1"))
    assert isinstance(found, Route)
    assert found.addresses == ("2606:4700::1111", "1.1.1.1")


@pytest.mark.parametrize("port", [0, 21, 22, 25, 81, 3306, 6379, 8081, 65535])
def test_other_ports_are_blocked_before_any_look_up(port: int) -> None:
    assert route("1.1.1.1", port) == ("blocked_address", "port")
    assert route("never-looked-up.test", port) == ("blocked_address", "port")


@pytest.mark.parametrize("port", [80, 443, 8080, 8443])
def test_web_ports_are_allowed(port: int) -> None:
    assert isinstance(route("1.1.1.1", port), Route)


@pytest.mark.parametrize(
    ("errno", "detail"),
    [
        (socket.EAI_NONAME, "nxdomain"),
        (socket.EAI_NODATA, "no_address"),
        (socket.EAI_AGAIN, "servfail"),
        (socket.EAI_FAIL, "servfail"),
    ],
)
def test_name_without_address_says_why(errno: int, detail: str) -> None:
    assert route("none.test", lookup=failing(errno)) == ("dns_failed", detail)


def test_look_up_has_a_deadline() -> None:
    release = threading.Event()

    def hanging(*_: object) -> Any:
        release.wait(10)
        return []

    short = replace(QUICK, dns_timeout_s=0.1)
    assert route("hangs.test", lookup=hanging, settings=short) == ("dns_failed", "timeout")
    release.set()


def test_connect_to_is_the_way_to_a_private_address() -> None:
    settings = connect_to("shop.test:443:127.0.0.1:18443")
    found = route("shop.test", 443, settings=settings)
    assert isinstance(found, Route)
    assert (found.addresses, found.port, found.party) == (("127.0.0.1",), 18443, "shop.test")
    assert route("other.test", 443, settings=settings, lookup=answers("127.0.0.1")) == (
        "blocked_address",
        "address",
    )
    assert route("shop.test", 22, settings=settings) == ("blocked_address", "port")


def test_connect_to_without_host_and_port_means_any() -> None:
    found = route("any.test", 22, settings=connect_to("::127.0.0.1:"))
    assert isinstance(found, Route)
    assert (found.addresses, found.port) == (("127.0.0.1",), 22)


def test_connect_to_takes_the_first_that_fits() -> None:
    settings = connect_to("a.test:80:127.0.0.1:1", ":80:127.0.0.1:2")
    ports = [getattr(route(host, 80, settings=settings), "port", None) for host in ("a.test", "b")]
    assert ports == [1, 2]


def test_allow_private_allows_addresses_but_no_other_ports() -> None:
    settings = replace(QUICK, allow_private=True)
    assert isinstance(route("inside.test", lookup=answers("10.0.0.1"), settings=settings), Route)
    assert route("10.0.0.1", 22, settings=settings) == ("blocked_address", "port")


def test_names_are_looked_up_once_while_they_are_fresh() -> None:
    asked: list[str] = []

    def counting(host: str, *_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", ("1.1.1.1", 0))]

    guard = AddressGuard(QUICK, lookup=counting)

    async def twice() -> None:
        await guard.route("a.test", 443)
        await guard.route("a.test", 80)

    asyncio.run(twice())
    guard.close()
    assert asked == ["a.test"]


# fmt: off
FORMS = [
    "127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001", "①②⑦.0.0.1",
    "127。0。0。1", "%31%32%37.0.0.1", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::ffff:7f00:1]",
    "127.127.127.127",
]
# fmt: on


def test_no_spelling_of_loopback_is_connected_to(
    crawl: Any, server: Any, connects: list[Any]
) -> None:
    """As lines of the list and as targets of redirects: N05, N08, N29."""
    redirecting = [f"r{i}.test" for i in range(len(FORMS))]
    for host, form in zip(redirecting, FORMS, strict=True):
        location = f"http://{form}:8080/".encode()
        server.replies[f"{host}/"] = (
            b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        )
    mapped = [f"{name}::127.0.0.1:{server.port}" for name in redirecting]
    lines = [f"http://{form}:8080/" for form in FORMS]
    crawled = crawl(*lines, *redirecting, connect_to=mapped, max_pages=1)
    ended = {o.domain: (o.kind, o.detail) for o in crawled.outcomes}
    assert set(ended.values()) == {("blocked_address", "address")}
    assert set(redirecting) <= set(ended)
    assert {address[:2] for address in connects} == {("127.0.0.1", server.port)}


def test_name_that_resolves_to_loopback_is_blocked_without_a_packet(
    crawl: Any, connects: list[Any]
) -> None:
    crawled = crawl("evil.test", connect_to=[], lookup=answers("127.0.0.1"))
    assert crawled.ended == ("blocked_address", "address")
    assert connects == []


def test_a_name_is_not_looked_up_again_between_judging_and_connecting(
    crawl: Any, connects: list[Any]
) -> None:
    """N07: public at the first look-up, loopback at any later one."""
    asked: list[str] = []

    def rebinding(host: str, *_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        address = "93.184.216.34" if asked.count(host) == 1 else "127.0.0.1"
        return [(0, 0, 0, "", (address, 0))]

    # The suite refuses the connection to the public address, so the visit goes on to http and www.
    crawl("rebind.test", connect_to=[], lookup=rebinding)
    assert asked == ["rebind.test", "www.rebind.test"]
    assert connects == []


def test_page_of_a_mapped_host_is_read(crawl: Any, server: Any) -> None:
    server.replies["/"] = page()
    assert crawl("mapped.test", max_pages=1).ended == ("classified", "")
