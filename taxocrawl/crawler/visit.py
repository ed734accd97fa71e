"""What to fetch next of one site, and when enough is known. Pure: no Scrapy, no clock of its own.

    step = visit.begin()
    Fetch -> the answer goes to `answered`, a fault to `failed`
    Read  -> what the page says goes to `extracted`, or `unreadable`
    End   -> the visit is over

Start addresses in order: https then http, apex then www. The home page decides whether further
pages are worth a request; one request at a time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from taxocrawl import domains
from taxocrawl.crawler import retrying, sitemaps
from taxocrawl.crawler.failures import Fault, retry_after_s, status_fault
from taxocrawl.crawler.further_pages import FurtherPages
from taxocrawl.extraction.site_status import ENDS_THE_VISIT, page_status
from taxocrawl.records import Extract, Page, Site
from taxocrawl.settings import Settings

EQUAL_PAGES = 2

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Sites answer a crawler that they distrust with these and a page that says so.
_CHALLENGE_STATUSES = frozenset({401, 403, 405, 406, 429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Ask for this address after `delay_s`; the request may take `timeout_s`.

    `body_bytes` caps its answer where that is less than a page may have.
    """

    url: str
    delay_s: float = 0.0
    timeout_s: float
    body_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Extract this page."""

    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The visit is over: pages to classify, or (none) the fault that ended it."""

    extracts: tuple[Extract, ...] = ()
    fault: Fault | None = None
    final_url: str = ""
    status: int | None = None
    attempts: int = 1
    notes: tuple[str, ...] = ()


Step = Fetch | Read | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as the visit sees it. `new_cookies`: it set one that was not there before.

    `sitemaps` are those that the robots.txt of its origin names.
    """

    page: Page
    new_cookies: bool = False
    crawl_delay_s: float = 0.0
    sitemaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Visit:
    """One site from its first request to its last; each method takes what came back."""

    def __init__(
        self,
        site: Site,
        settings: Settings,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        """`clock` is monotonic seconds, `now` wall time (for Retry-After), `jitter` in [0, 1)."""
        self.site = site
        self.settings = settings
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._started = clock()
        self._starts = deque(start_urls(site))
        self._rounds = 0
        self._stage: Literal["home", "further", "sitemap"] = "home"
        self._url = ""
        self._chain: list[str] = []
        self._cookies_set = False
        self._tries = 1
        self._fault: Fault | None = None
        self._page: Page | None = None
        self._home_url = ""
        self._status: int | None = None
        self._extracts: list[Extract] = []
        self._seen: set[str] = set()
        self._hashes: set[str] = set()
        self._equal = 0
        self._further: FurtherPages | None = None
        self._sitemaps: tuple[str, ...] = ()
        self._crawl_delay_s = 0.0
        self._notes: dict[str, None] = {}

    # --- what came back

    def begin(self) -> Step:
        """The first request."""
        return self._start_next()

    def answered(self, answer: Answer) -> Step:
        """A response with any status."""
        page = answer.page
        self._note(*page.notes, *answer.notes)
        self._crawl_delay_s = max(self._crawl_delay_s, answer.crawl_delay_s)
        self._cookies_set = self._cookies_set or answer.new_cookies
        self._page = page
        if self._stage == "home":
            self._status = page.status
            self._sitemaps = answer.sitemaps
        if page.status in _REDIRECTS:
            return self._redirect(_as_utf8(page.header("location")), new_cookies=answer.new_cookies)
        fault = status_fault(page.status)
        if self._stage == "sitemap" and self._further:
            self._page = None
            self._further.add_sitemap(page.body if fault is None else b"")
            return self._next_page()
        if fault is None or (page.status in _CHALLENGE_STATUSES and page.body):
            return Read(page=page)
        return self.failed(fault)

    def extracted(self, extract: Extract) -> Step:
        """What the page of the last `Read` says."""
        page = self._page
        assert page is not None, "extracted() answers a Read"  # noqa: S101
        hint = page_status(extract, self.settings)
        fault = status_fault(page.status)
        if fault is not None:
            if self._stage == "home" and hint is not None and hint.kind == "bot_check":
                self._extracts = [extract]
                return self._end()
            return self.failed(fault)
        if extract.refresh_url and not self._is_here(extract.refresh_url):
            return self._redirect(extract.refresh_url, new_cookies=False)
        if self._stage == "home":
            ends = hint is not None and hint.kind in ENDS_THE_VISIT
            return self._home(extract, ends=ends)
        return self._one_more(extract)

    def unreadable(self, reason: str, message: str) -> Step:
        """Extraction gave nothing: it raised, died or was too slow."""
        if self._stage == "further":
            self._note(f"extractor_failed:{self._url}")
            return self._next_page()
        return self._end(Fault(kind="extractor_failed", detail=reason, message=message))

    def failed(self, fault: Fault) -> Step:
        """The request gave no page, or one with an error status."""
        wait_s = self._retry_wait_s(fault)
        if wait_s is not None:
            self._tries += 1
            return self._fetch(self._url, delay_s=wait_s)
        if self._stage != "home":
            return self._next_page()
        if self._fault is None or retrying.reach(fault) >= retrying.reach(self._fault):
            self._fault = fault
        if not retrying.moves_on(fault):
            return self._end(self._fault)
        if fault.kind == "dns_failed" or (fault.kind, fault.detail) == ("timeout", "connect"):
            self._skip_starts(fault)
        return self._start_next()

    # --- deciding

    def _start_next(self) -> Step:
        if not self._starts:
            again = self._fault is not None and retrying.is_passing(self._fault)
            if not again or self._rounds >= self.settings.retries:
                return self._end(self._fault)
            self._starts.extend(start_urls(self.site))
            self._rounds += 1
        delay_s = 0.0
        if self._rounds and self._starts[0] == self.site.url:
            delay_s = self._backoff_s(self._rounds)
        self._tries = self._rounds + 1
        self._chain, self._cookies_set = [], False
        return self._fetch(self._starts.popleft(), delay_s=delay_s)

    def _skip_starts(self, fault: Fault) -> None:
        """Leave out what will fail alike: the same name again; www of an address that is silent."""
        here = domains.web_address(self._url)
        host = here.host if here else ""
        if fault.kind == "dns_failed":
            self._starts = deque(u for u in self._starts if _host(u) != host)
        else:
            self._starts = deque(u for u in self._starts if _host(u) == host)

    def _fetch(self, url: str, *, delay_s: float = 0.0) -> Step:
        left_s = self.settings.site_timeout_s - (self._clock() - self._started) - delay_s
        if left_s <= 0:
            self._note("site_timeout")
            message = f"not done within {self.settings.site_timeout_s:g} s"
            return self._end(Fault(kind="timeout", detail="site", message=message))
        self._url = url
        return Fetch(
            url=url,
            delay_s=delay_s,
            timeout_s=min(self.settings.request_timeout_s, left_s),
            body_bytes=sitemaps.BYTES if self._stage == "sitemap" else None,
        )

    def _redirect(self, location: str, *, new_cookies: bool) -> Step:
        target = self._target(location)
        if isinstance(target, Fault):
            return self._lost(target)
        address = domains.web_address(target)
        here = domains.web_address(self._url)
        assert address is not None  # noqa: S101  (`_target` made it)
        assert here is not None  # noqa: S101
        again = target in self._chain or target == self._url
        if again and not new_cookies:
            if self._cookies_set:
                message = "redirects to itself whatever cookie is sent back"
                return self._lost(Fault(kind="gated", detail="cookies", message=message))
            return self._lost(_redirect_fault("loop", f"redirects in a circle at {target}"))
        self._chain.append(self._url)
        if len(self._chain) > self.settings.redirects:
            message = f"more than {self.settings.redirects} redirects"
            return self._lost(_redirect_fault("limit", message))
        if self._stage != "home" and not domains.same_site(address.host, _host(self._home_url)):
            return self._next_page()
        self._tries = 1
        return self._fetch(target)

    def _target(self, location: str) -> str | Fault:
        """Address that a redirect leads to, or what is wrong with it."""
        if not location.strip():
            return _redirect_fault("location", "a redirect without a location")
        address = domains.web_address(location.strip(), self._url)
        if address is not None:
            if len(address.url) > self.settings.url_chars:
                return _redirect_fault("location", "a redirect to an address that is too long")
            return address.url
        scheme = location.strip().partition(":")[0]
        if scheme.isalnum() and scheme.lower() not in ("http", "https"):
            return _redirect_fault("scheme", f"a redirect to {scheme.lower()}:")
        return _redirect_fault("location", "a redirect to what is no address")

    def _lost(self, fault: Fault) -> Step:
        return self._end(fault) if self._stage == "home" else self._next_page()

    def _is_here(self, url: str) -> bool:
        address = domains.web_address(url, self._url)
        return address is not None and address.url == self._url

    def _home(self, extract: Extract, *, ends: bool) -> Step:
        self._home_url, self._page = self._url, None
        self._extracts.append(extract)
        self._hashes.add(extract.body_sha256)
        self._seen.update((self._url, *self._chain))
        host = _host(self._url)
        if not domains.same_site(host, self.site.domain):
            self._note(f"redirected_to:{domains.canonical_host(self._url)}")
        if ends or self.settings.max_pages == 1:
            return self._end()
        if self._crawl_delay_s > self.settings.crawl_delay_cap_s:
            self._note("crawl_delay_capped")
            return self._end()
        self._further = FurtherPages(
            extract,
            self._url,
            count=self.settings.max_pages - 1,
            url_chars=self.settings.url_chars,
        )
        self._further.name_sitemaps(self._sitemaps)
        return self._next_page()

    def _one_more(self, extract: Extract) -> Step:
        self._page = None
        self._seen.update((self._url, *self._chain))
        if self._further:
            self._further.add_page(extract)
        if extract.body_sha256 in self._hashes:
            self._equal += 1
            if self._equal >= EQUAL_PAGES:
                return self._end()
        else:
            self._hashes.add(extract.body_sha256)
            self._extracts.append(extract)
        return self._next_page()

    def _next_page(self) -> Step:
        wanted = self._further.next(self._seen) if self._further else None
        if wanted is None:
            return self._end()
        self._stage = "further" if wanted.role == "page" else "sitemap"
        self._chain, self._cookies_set, self._tries = [], False, 1
        return self._fetch(wanted.url)

    def _retry_wait_s(self, fault: Fault) -> float | None:
        """Seconds before this address is tried again; None where it is not."""
        limit = self.settings.retries
        if fault.kind == "dns_failed":
            limit = min(1, limit)
        if self._stage != "home" or self._tries > limit or not retrying.is_retried_at_once(fault):
            return None
        wait_s = self._backoff_s(self._tries)
        header = self._page.header("retry-after") if self._page is not None else ""
        if fault.kind == "http_error" and header:
            asked_s = retry_after_s(header, self._now())
            if asked_s is not None and asked_s > self.settings.retry_after_cap_s:
                self._note(f"retry_after:{int(asked_s)}")
                return None
            wait_s = wait_s if asked_s is None else asked_s
        return wait_s

    def _backoff_s(self, tries: int) -> float:
        return retrying.backoff_s(tries) * (1 + self._jitter() / 2)

    def _note(self, *notes: str) -> None:
        self._notes.update(dict.fromkeys(notes))

    def _end(self, fault: Fault | None = None) -> End:
        if self._extracts:
            fault = None
        elif fault is None:
            fault = self._fault
        if fault is not None and self._tries > 1:
            fault = replace(fault, message=f"{fault.message} (attempt {self._tries})")
        return End(
            extracts=tuple(self._extracts),
            fault=fault,
            final_url=self._home_url or self._url,
            status=self._status,
            attempts=self._tries,
            notes=tuple(self._notes),
        )


def start_urls(site: Site) -> list[str]:
    """Addresses where the site may be, the likeliest first."""
    address = domains.web_address(site.url)
    if address is None:
        return []
    first = address.url
    if address.origin != f"{address.scheme}://{_shown(address.host)}":  # the line names a port
        other = "http" if address.scheme == "https" else "https"
        return [first, first.replace(address.scheme, other, 1)]
    hosts = [address.host]
    if not address.host.startswith("www.") and not _is_address(address.host):
        hosts.append(f"www.{address.host}")
    return [f"{scheme}://{_shown(host)}/" for host in hosts for scheme in ("https", "http")]


def _as_utf8(header: str) -> str:
    """Addresses in headers are UTF-8 to browsers, though a header's text is Latin-1."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _redirect_fault(detail: str, message: str) -> Fault:
    return Fault(kind="redirect_failed", detail=detail, message=message)


def _host(url: str) -> str:
    address = domains.web_address(url)
    return address.host if address else ""


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdecimal()
