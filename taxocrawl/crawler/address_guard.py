"""Which addresses may be connected to, and the resolver through which every connection goes.

`is_public` and `AddressGuard.route` decide; as Twisted's name resolver the guard hands out nothing
but what they allow, so redirects, robots.txt, IP literals and odd spellings all meet it, and the
address that was judged is the address that is connected to (no second look-up).
"""

import asyncio
import logging
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from twisted.internet.address import IPv4Address as TwistedIPv4
from twisted.internet.address import IPv6Address as TwistedIPv6
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from zope.interface import implementer

from taxocrawl.crawler.failures import Fault, FetchError
from taxocrawl.crawler.threads import DaemonThreads
from taxocrawl.settings import ConnectTo, Settings

logger = logging.getLogger(__name__)

ALLOWED_PORTS = frozenset({80, 443, 8080, 8443})

CACHE_HOSTS = 10_000
CACHE_S = 60.0
"""Long enough for robots.txt and the pages of one site, short enough for any DNS change."""

LOOKUP_THREADS = 32
GOOD_NAMES = 8

# IANA special-purpose address registries (2026), and the metadata server of one cloud.
_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_MAPPED_V4 = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")

Lookup = Callable[..., Sequence[tuple[Any, ...]]]
"""Has the signature of `socket.getaddrinfo`."""


def is_public(address: str) -> bool:
    """True where the address (no name) is one of the public internet; False for all else.

    `ipaddress.is_private` misses 100.64.0.1, `is_global` passes 224.0.0.1 and 2002:7f00:1::, so
    neither is asked. IPv4 inside IPv6 (mapped, NAT64) is judged as the IPv4 address that it is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return False
        if parsed not in _MAPPED_V4 and parsed not in _NAT64:
            return parsed in _GLOBAL_V6 and not any(parsed in block for block in _REFUSED_V6)
        parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return not any(parsed in block for block in _REFUSED_V4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a host and port really are. `party` is what the limit per address counts."""

    addresses: tuple[str, ...]
    port: int
    party: str


@implementer(IHostnameResolver)
class AddressGuard:
    """Finds the way to a host, or refuses it."""

    def __init__(self, settings: Settings, *, lookup: Lookup = socket.getaddrinfo) -> None:
        self._connect_to = settings.connect_to
        self._allow_private = settings.allow_private
        self._timeout_s = settings.dns_timeout_s
        self._lookup = lookup
        self._threads = DaemonThreads(LOOKUP_THREADS, name="dns")
        self._known: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._answering: set[asyncio.Task[None]] = set()
        self._good: deque[str] = deque(maxlen=GOOD_NAMES)
        self.on_answer: Callable[[], None] = lambda: None

    async def route(self, host: str, port: int) -> Route:
        """The way there; FetchError where the host is refused or has no address."""
        mapping = next((m for m in self._connect_to if _applies(m, host, port)), None)
        if mapping is not None:
            target = mapping.address or host
            addresses = (target,) if _is_address(target) else await self._addresses(target)
            return Route(addresses=addresses, port=mapping.to_port or port, party=host)
        if port not in ALLOWED_PORTS:
            raise FetchError(_blocked("port", f"port {port} is not one of the web's"))
        addresses = (host,) if _is_address(host) else await self._addresses(host)
        refused = [address for address in addresses if not is_public(address)]
        # One bad address among good ones is a trap or a mistake: the good one is not picked either.
        if refused and not self._allow_private:
            raise FetchError(
                _blocked("address", f"{host} is at {refused[0]}, not a public address")
            )
        return Route(addresses=addresses, port=port, party=addresses[0])

    async def _addresses(self, host: str) -> tuple[str, ...]:
        known = self._known.get(host)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        addresses = await self._look_up(host)
        self._known[host] = (time.monotonic() + CACHE_S, addresses)
        self._known.move_to_end(host)
        if len(self._known) > CACHE_HOSTS:
            self._known.popitem(last=False)
        return addresses

    async def _look_up(self, host: str) -> tuple[str, ...]:
        future = self._threads.submit(self._lookup, host, None, 0, socket.SOCK_STREAM)
        try:
            found = await asyncio.wait_for(asyncio.wrap_future(future), self._timeout_s)
        except TimeoutError:
            message = f"no answer to the look-up of {host} within {self._timeout_s:g} s"
            raise FetchError(_dns("timeout", message)) from None
        except socket.gaierror as error:
            reason = _GAI_REASONS.get(error.errno or 0, "servfail")
            if reason != "servfail":
                self.on_answer()
            raise FetchError(_dns(reason, f"{host}: {error.strerror}")) from None
        except (UnicodeError, OSError) as error:
            raise FetchError(_dns("nxdomain", f"{host}: {error}")) from None
        self.on_answer()
        if host not in self._good:
            self._good.append(host)
        addresses = tuple(dict.fromkeys(str(info[4][0]) for info in found))
        if not addresses:
            raise FetchError(_dns("no_address", f"{host} has no address"))
        return addresses

    async def names_answer(self) -> bool | None:
        """Whether a name that was found before is found now; None where none was."""
        if not self._good:
            return None
        self._good.rotate()
        try:
            await self._look_up(self._good[0])
        except FetchError as failure:
            return failure.fault.detail not in ("servfail", "timeout")
        return True

    async def connects(self, host: str, port: int) -> bool:
        """Whether a connection to the host can be made now."""
        try:
            route = await self.route(host, port)
            connection = asyncio.open_connection(route.addresses[0], route.port)
            _, writer = await asyncio.wait_for(connection, self._timeout_s)
        except ConnectionRefusedError:
            return True
        except (FetchError, OSError):  # TimeoutError is one
            return False
        writer.close()
        return True

    def close(self) -> None:
        """Let the look-up threads end."""
        self._threads.close()

    # --- Twisted's side

    def resolveHostName(  # noqa: N802  (names of IHostnameResolver)
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """Hand the allowed addresses to the receiver; none where the host is refused."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        task = asyncio.ensure_future(self._answer(resolutionReceiver, hostName, portNumber))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return resolution

    async def _answer(self, receiver: Any, host: str, port: int) -> None:
        try:
            route = await self.route(host, port)
        except FetchError as failure:
            logger.debug("%s:%d: %s", host, port, failure)
        else:
            for address in route.addresses:
                kind = TwistedIPv6 if ":" in address else TwistedIPv4
                receiver.addressResolved(kind("TCP", address, route.port))
        receiver.resolutionComplete()


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing to cancel: the look-up has its own deadline."""


_GAI_REASONS = {
    socket.EAI_NONAME: "nxdomain",
    socket.EAI_NODATA: "no_address",
    socket.EAI_ADDRFAMILY: "no_address",
    socket.EAI_AGAIN: "servfail",
}


def _applies(mapping: ConnectTo, host: str, port: int) -> bool:
    return mapping.host in ("", host) and mapping.port in (None, port)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _blocked(detail: str, message: str) -> Fault:
    return Fault(kind="blocked_address", detail=detail, message=message)


def _dns(detail: str, message: str) -> Fault:
    return Fault(kind="dns_failed", detail=detail, message=message)
