"""HTTP connections: guard first, limit per address, certificates judged, header capped.

A subclass of Scrapy's own handler. It uses private names of Scrapy 2.19 and Twisted, hence the pin
in pyproject.toml.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from OpenSSL import SSL
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
    _ScrapyAgent,
)
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from service_identity import VerificationError
from service_identity.exceptions import CertificateError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet._sslverify import ClientTLSOptions
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import CertificateOptions, platformTrust
from twisted.web._newclient import HEADER, STATUS, ParseError
from twisted.web.client import Agent
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from taxocrawl.crawler import reactor
from taxocrawl.crawler.address_guard import AddressGuard, Route
from taxocrawl.crawler.failures import FetchError, Progress, fault_of

INFORMATIONAL = 20

_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_CONTROLS = bytes(byte if byte >= 32 or byte == 9 else 32 for byte in range(256))

# openssl/x509_vfy.h
_CERTIFICATE_PROBLEMS = {9: "expired", 10: "expired", 18: "self_signed"}


class GuardedDownloadHandler(HTTP11DownloadHandler):
    """Downloads over HTTP/1.1; every failure is a FetchError."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        spider: Any = crawler.spider
        self._guard: AddressGuard = spider.guard
        self._addresses = Turns(settings.getint("PER_ADDRESS"))
        # Scrapy's slots leak: of requests that wait in one it starts all once it is free, because
        # it counts a transfer when its task runs and not when it is made (measured: 2 at once).
        self._sites = Turns(1)
        self._connect_timeout_s = settings.getfloat("CONNECT_TIMEOUT_S")
        self._tls_timeout_s = settings.getfloat("TLS_TIMEOUT_S")
        self._pool._factory = _factory(settings.getint("HEADER_BYTES"), self._tls_timeout_s)
        self._contextFactory: Any = TlsPolicy(strict=settings.get("TLS_VERIFY") == "strict")

    async def download_request(self, request: Request) -> Response:
        """The response, its flags naming what was wrong with the certificate or cut off."""
        url = urlparse_cached(request)
        secure = url.scheme == "https"
        port = url.port or (443 if secure else 80)
        route = await self._guard.route(url.hostname or "", port)
        progress = Progress()
        timeout_s = request.meta["download_timeout"]
        site = request.meta["download_slot"]
        network = request.meta.get("network")
        if network is not None:
            network.stop()  # the queue for a turn is no fault of the site
        async with self._sites.of(site), self._addresses.of(route.party):
            if network is not None:
                network.start()
            agent = _Agent(
                progress=progress,
                route=route,
                connect_timeout_s=self._connect_timeout_s,
                contextFactory=self._contextFactory,
                bindAddress=self._bind_address,
                pool=self._pool,
                maxsize=0,
                warnsize=0,
                fail_on_dataloss=True,
                crawler=self._crawler,
            )
            try:
                with wrap_twisted_exceptions():
                    response = await maybe_deferred_to_future(agent.download_request(request))
            except Exception as error:
                if not progress.connected:
                    timeout_s = min(timeout_s, self._connect_timeout_s)
                elif progress.handshake_overdue:
                    timeout_s = self._tls_timeout_s
                fault = fault_of(error, progress, secure=secure, timeout_s=timeout_s)
                raise FetchError(fault) from error
        if progress.tls_problem:
            response.flags.append("tls_unverified")
        return response


class Turns:
    """At most so many requests at once to one party: an address, a site."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: Counter[str] = Counter()
        self._semaphores: dict[str, asyncio.Semaphore] = {}

    def __len__(self) -> int:
        """Parties that are served or wait."""
        return len(self._semaphores)

    @asynccontextmanager
    async def of(self, party: str) -> AsyncIterator[None]:
        """A turn for the time of the block."""
        semaphore = self._semaphores.setdefault(party, asyncio.Semaphore(self._limit))
        self._waiting[party] += 1
        try:
            async with semaphore:
                yield
        finally:
            self._waiting[party] -= 1
            if not self._waiting[party]:
                del self._waiting[party], self._semaphores[party]


class _Agent(_ScrapyAgent):
    """Downloads one request and keeps its progress up to date."""

    def __init__(
        self, *, progress: Progress, route: Route, connect_timeout_s: float, **options: Any
    ) -> None:
        super().__init__(**options)
        self._progress = progress
        self._route = route
        self._connect_s = connect_timeout_s

    def _get_agent(self, request: Request, timeout: float) -> Any:
        endpoints = _Endpoints(
            self._route, policy=self._contextFactory, timeout_s=min(timeout, self._connect_s)
        )
        pool: Any = _WatchedPool(self._pool, self._progress)
        agent: Any = Agent  # untyped
        return agent.usingEndpointFactory(reactor.twisted_reactor(), endpoints, pool)

    def _cb_bodyready(self, txresponse: Any, request: Request) -> Any:
        self._progress.answered = True
        return super()._cb_bodyready(txresponse, request)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Connects to the addresses that the guard has judged."""

    def __init__(self, route: Route, *, policy: Any, timeout_s: float) -> None:
        self._route = route
        self._policy = policy
        self._timeout_s = timeout_s

    def endpointForURI(self, uri: Any) -> Any:  # noqa: N802
        """As Twisted asks for it."""
        endpoint = self._endpoint(uri)
        if uri.scheme != b"https":
            return endpoint
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)

    def _endpoint(self, uri: Any) -> Any:
        the_reactor = reactor.twisted_reactor()
        if len(self._route.addresses) > 1:
            # Tries one after the other (RFC 8305). It asks the guard again, which remembers.
            return HostnameEndpoint(the_reactor, uri.host, uri.port, timeout=self._timeout_s)
        # With one address there is nothing to try next, for which the other waits 0.3 s.
        address = self._route.addresses[0]
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(the_reactor, address, self._route.port, timeout=self._timeout_s)


class _WatchedPool:
    """The connection pool, telling each request how its connection fares."""

    def __init__(self, pool: Any, progress: Progress) -> None:
        self._pool = pool
        self._progress = progress
        self.persistent = pool.persistent

    def getConnection(self, key: Any, endpoint: Any) -> "Deferred[Any]":  # noqa: N802
        connection: Deferred[Any] = self._pool.getConnection(key, endpoint)
        return connection.addCallback(self._connected)

    def _connected(self, protocol: "_WatchedProtocol") -> "_WatchedProtocol":
        # Twisted wraps a connection that it reuses, to try again where the server has closed it.
        getattr(protocol, "_clientProtocol", protocol).watch(self._progress)
        return protocol


@implementer(IHandshakeListener)
class _WatchedProtocol(_LenientHTTP11ClientProtocol):
    """Counts header bytes and closes above the cap: Twisted takes 100 MB of them without a word.

    Closes too where the TLS handshake takes longer than its deadline.
    """

    header_cap = 64 * 2**10
    tls_timeout_s = 10.0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]
        self.tls_problem = ""
        self._secured = False
        self._header_bytes = 0
        self._progress = Progress()
        self._handshake: Any = None

    def connectionMade(self) -> None:  # noqa: N802
        """As Twisted tells it: before the handshake, where there is one."""
        super().connectionMade()
        if ISSLTransport.providedBy(self.transport):
            clock = reactor.twisted_reactor()
            self._handshake = clock.callLater(self.tls_timeout_s, self._overdue)

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        """As Twisted tells it."""
        self._end_of_handshake()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _overdue(self) -> None:
        self._progress.handshake_overdue = True
        transport: Any = self.transport
        transport.abortConnection()

    def _end_of_handshake(self) -> None:
        if self._handshake is not None and self._handshake.active():
            self._handshake.cancel()

    def watch(self, progress: Progress) -> None:
        """Keep this record from now on, for the next request of the connection."""
        self._progress = progress
        self._header_bytes = 0
        progress.connected = True
        progress.secured = self._secured
        progress.tls_problem = self.tls_problem

    def request(self, request: Any) -> "Deferred[Any]":
        """As Scrapy's, whose parser is put in place of Twisted's in the same way."""
        answer = super().request(request)
        parser: Any = self._parser
        parser.__class__ = _ForgivingParser
        parser.MAX_LENGTH = self.header_cap  # of one line; Twisted's 16 KiB are fewer than ours
        return answer

    def handshakeCompleted(self) -> None:  # noqa: N802
        """As Twisted tells it."""
        self._secured = self._progress.secured = True
        self._end_of_handshake()

    def certificate_problem(self, problem: str) -> None:
        """Remember what is wrong with the certificate, the first thing found."""
        self.tls_problem = self._progress.tls_problem = self.tls_problem or problem

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Count, then parse."""
        self._progress.received_bytes += len(data)
        parser = self._parser
        if parser is not None and parser.state in (STATUS, HEADER):
            self._header_bytes += len(data)
            if self._header_bytes > self.header_cap and not self._ends_within(data):
                self._progress.header_overflow = True
                transport: Any = self.transport
                transport.abortConnection()
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _ends_within(self, data: bytes) -> bool:
        """True where the header ends in this chunk, below the cap; the rest of it is body."""
        end = data.find(b"\r\n\r\n")
        return end >= 0 and self._header_bytes - len(data) + end <= self.header_cap


class _ForgivingParser(_LenientHTTPClientParser):
    """Skips header lines that are none, where Scrapy's loses the page (RFC 9110 5.5)."""

    informational = 0

    def headerReceived(self, name: bytes, value: bytes) -> None:  # noqa: N802
        """Keep what has the name of a header; NUL in a value is a space."""
        if _HEADER_NAME.fullmatch(name):
            value = value.translate(_NO_CONTROLS)
            super().headerReceived(name, value)  # type: ignore[no-untyped-call]

    def _finished(self, rest: bytes) -> None:
        """Bytes beyond the response may look like another: the connection is not used again."""
        if rest:
            self.connHeaders.addRawHeader(b"Connection", b"close")
        super()._finished(rest)  # type: ignore[no-untyped-call]

    def allHeadersReceived(self) -> None:  # noqa: N802
        """Give up on a server that sends nothing but 1xx."""
        if 100 <= self.response.code < 200:
            self.informational += 1
            if self.informational > INFORMATIONAL:
                storm: Any = ParseError  # untyped
                raise storm(f"more than {INFORMATIONAL} responses 1xx", b"")
        super().allHeadersReceived()  # type: ignore[no-untyped-call]


def _factory(header_cap: int, tls_timeout_s: float) -> type[_LenientHTTP11ClientFactory]:
    class Capped(_WatchedProtocol):
        pass

    Capped.header_cap = header_cap
    Capped.tls_timeout_s = tls_timeout_s

    class Factory(_LenientHTTP11ClientFactory):
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
            return Capped(self._quiescentCallback)

    return Factory


@implementer(IPolicyForHTTPS)
class TlsPolicy:
    """Certificates checked against the system's authorities; one TLS context for all hosts.

    Scrapy makes a context, and so reads all authorities, for every connection. Not `strict`: a bad
    certificate is noted and the connection goes on.
    """

    def __init__(self, *, strict: bool) -> None:
        self._options = CertificateOptions(
            trustRoot=platformTrust(),  # type: ignore[no-untyped-call]
            fixBrokenPeers=True,
        )
        self._options.getContext().set_options(0x4)  # OP_LEGACY_SERVER_CONNECT
        self._strict = strict

    def creatorForNetloc(self, hostname: bytes, port: int) -> ClientTLSOptions:  # noqa: N802
        """As Twisted asks for it."""
        return _TlsOptions(
            self._options._makeTLSConnection, hostname.decode("ascii"), strict=self._strict
        )


class _TlsOptions(ClientTLSOptions):
    def __init__(self, create: Any, hostname: str, *, strict: bool) -> None:
        super().__init__(create, hostname)
        self._strict = strict

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N802, N803
        connection = super().clientConnectionForTLS(tlsProtocol)
        name = self._hostnameASCII
        service = DNS_ID(name) if self._hostnameIsDnsName else IPAddress_ID(name)
        report = tlsProtocol.wrappedProtocol.certificate_problem

        def verify(_: Any, certificate: Any, error: int, depth: int, ok: int) -> bool:
            good = bool(ok)
            if not good:
                report(_CERTIFICATE_PROBLEMS.get(error, "untrusted"))
            elif depth == 0:
                good = _is_for(certificate, service)
                if not good:
                    report("wrong_host")
            return good or not self._strict

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection


def _is_for(certificate: Any, service: Any) -> bool:
    try:
        verify_service_identity(extract_patterns(certificate), [service], [])
    except (VerificationError, CertificateError):
        return False
    return True
