"""What a visit fetches next, without any network (FAULTS N27-N35, S01-S03, S14)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from raw_server import TEXT

from taxocrawl.crawler.failures import Fault
from taxocrawl.crawler.visit import Answer, End, Fetch, Read, Step, Visit
from taxocrawl.records import Extract, Link, Page, Site, StatusHint
from taxocrawl.settings import Settings

SETTINGS = Settings()
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Player:
    """Plays the network to one visit; `step` is what the visit wants next."""

    def __init__(self, url: str = "https://oak.test/", settings: Settings = SETTINGS) -> None:
        self.clock = Clock()
        site = Site(domain="oak.test", url=url, line=1)
        self.visit = Visit(site, settings, clock=self.clock, now=lambda: NOW, jitter=lambda: 0.0)
        self.sitemaps = False
        self.step: Step = self.visit.begin()

    def _took(self, step: Step) -> Step:
        """The step, behind sitemaps that are not there unless a test is about them."""
        while isinstance(step, Fetch) and step.body_bytes and not self.sitemaps:
            missing = Page(
                url=step.url, requested_url="", status=404, headers=(), body=b"", fetched_at=""
            )
            step = self.visit.answered(Answer(page=missing))
        self.step = step
        return step

    @property
    def url(self) -> str:
        assert isinstance(self.step, Fetch), self.step
        return self.step.url

    @property
    def delay_s(self) -> float:
        assert isinstance(self.step, Fetch), self.step
        return self.step.delay_s

    @property
    def end(self) -> End:
        assert isinstance(self.step, End), self.step
        return self.step

    @property
    def ended(self) -> tuple[str, str]:
        fault = self.end.fault
        return (fault.kind, fault.detail) if fault else ("read", "")

    def answer(
        self, status: int = 200, *, body: bytes = b"x", cookies: bool = False, **headers: str
    ) -> Step:
        page = Page(
            url=self.url,
            requested_url=self.url,
            status=status,
            headers=tuple((k.replace("_", "-"), v) for k, v in headers.items()),
            body=body,
            fetched_at="",
        )
        return self._took(self.visit.answered(Answer(page=page, new_cookies=cookies)))

    def says(self, **fields: object) -> Step:
        """The page arrives and says this."""
        url = self.url
        if not isinstance(self.step, Read):
            self.answer()
        assert isinstance(self.step, Read)
        extract = Extract(url=url, text=TEXT, text_words=84, body_sha256=url, extractor="x")
        return self._took(self.visit.extracted(replace(extract, **fields)))  # type: ignore[arg-type]

    def fails(self, kind: str, detail: str = "") -> Step:
        return self._took(self.visit.failed(Fault(kind=kind, detail=detail)))  # type: ignore[arg-type]

    def fetched_until_the_end(self, kind: str, detail: str) -> list[str]:
        """Every address that is asked for when each request fails so."""

        def urls() -> Iterator[str]:
            while isinstance(self.step, Fetch):
                yield self.step.url
                self.fails(kind, detail)

        return list(urls())


def links(*paths: str) -> tuple[Link, ...]:
    return tuple(Link(url=f"https://oak.test{path}", text=path.strip("/")) for path in paths)


ALL_STARTS = [
    "https://oak.test/",
    "http://oak.test/",
    "https://www.oak.test/",
    "http://www.oak.test/",
]


# --- start addresses


def test_https_then_http_apex_then_www() -> None:
    once = Player(settings=replace(SETTINGS, retries=0))
    assert once.fetched_until_the_end("connect_failed", "refused") == ALL_STARTS
    assert once.ended == ("connect_failed", "refused")


def test_status_4xx_tries_every_start_address_once() -> None:
    """N32."""
    player = Player()
    for url in ALL_STARTS:
        assert player.url == url
        player.answer(404)
    assert player.ended == ("http_error", "404")
    assert player.end.status == 404


def test_name_without_address_is_not_asked_again() -> None:
    """N01: the apex once, www once."""
    player = Player()
    assert player.fetched_until_the_end("dns_failed", "nxdomain") == [
        "https://oak.test/",
        "https://www.oak.test/",
    ]
    assert player.ended == ("dns_failed", "nxdomain")


def test_servfail_is_asked_twice() -> None:
    """N02."""
    player = Player()
    urls = player.fetched_until_the_end("dns_failed", "servfail")
    assert urls == ["https://oak.test/"] * 2 + ["https://www.oak.test/"] * 2


def test_missing_www_does_not_hide_what_the_apex_did() -> None:
    player = Player(settings=replace(SETTINGS, retries=0))
    player.fails("connect_failed", "refused")
    player.fails("tls_failed", "handshake")
    player.fails("dns_failed", "nxdomain")
    assert player.ended == ("tls_failed", "handshake")


def test_silent_address_is_tried_by_http_but_not_as_www() -> None:
    """N10: each try costs a whole deadline."""
    player = Player()
    assert player.fetched_until_the_end("timeout", "connect") == ALL_STARTS[:2]
    assert player.ended == ("timeout", "connect")


@pytest.mark.parametrize(
    "fault",
    [
        ("blocked_address", "address"),
        ("tls_failed", "expired"),
        ("tls_failed", "self_signed"),
        ("redirect_failed", "scheme"),
        ("too_large", "headers"),
    ],
)
def test_fault_that_ends_the_visit(fault: tuple[str, str]) -> None:
    player = Player()
    player.fails(*fault)
    assert player.ended == fault


def test_robots_denied_everywhere_ends_so() -> None:
    player = Player()
    assert player.fetched_until_the_end("robots_denied", "") == ALL_STARTS
    assert player.ended == ("robots_denied", "")


def test_line_with_a_port_is_asked_at_that_port_only() -> None:
    player = Player("https://oak.test:8443/", replace(SETTINGS, retries=0))
    assert player.fetched_until_the_end("connect_failed", "refused") == [
        "https://oak.test:8443/",
        "http://oak.test:8443/",
    ]


# --- retries


@pytest.mark.parametrize(
    "fault",
    [
        ("robots_unreachable", "503"),
        ("timeout", "headers"),
        ("timeout", "body"),
        ("bad_response", "reset"),
    ],
)
def test_passing_fault_is_tried_thrice_with_growing_waits(fault: tuple[str, str]) -> None:
    """N11, N12, S06."""
    player = Player()
    delays = [player.delay_s]
    for _ in range(2):
        player.fails(*fault)
        assert player.url == "https://oak.test/"
        delays.append(player.delay_s)
    player.fails(*fault)
    assert player.ended == fault
    assert delays == [0.0, 1.0, 4.0]
    assert player.end.attempts == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504, 522])
def test_status_5xx_costs_three_requests(status: int) -> None:
    """N34."""
    player = Player()
    for _ in range(3):
        player.answer(status, body=b"")
    assert player.ended == ("http_error", str(status))


def test_refused_connection_is_tried_in_three_rounds() -> None:
    player = Player()
    assert player.fetched_until_the_end("connect_failed", "refused") == ALL_STARTS * 3
    assert player.end.attempts == 3


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("5", 5.0),
        ("60", 60.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2020 12:00:30 GMT", 0.0),
        ("junk", 1.0),
        ("-1", 1.0),
        ("", 1.0),
        ("١٢", 1.0),
    ],
)
def test_retry_after_is_waited_for(header: str, wait_s: float) -> None:
    """N33."""
    player = Player()
    player.answer(429, body=b"", retry_after=header)
    assert (player.url, player.delay_s) == ("https://oak.test/", wait_s)


@pytest.mark.parametrize("header", ["61", "1000000000", "Sun, 22 Nov 2026 12:00:00 GMT"])
def test_long_retry_after_is_noted_instead(header: str) -> None:
    """N33."""
    player = Player()
    player.answer(503, body=b"", retry_after=header)
    assert player.ended == ("http_error", "503")
    assert any(note.startswith("retry_after:") for note in player.end.notes)


def test_site_deadline_ends_the_visit() -> None:
    player = Player()
    player.clock.now = 121.0
    player.answer(500, body=b"")
    assert player.ended == ("timeout", "site")


def test_site_deadline_keeps_the_pages_that_were_read() -> None:
    player = Player()
    player.answer()
    player.clock.now = 121.0
    assert isinstance(player.step, Read)
    player.step = player.visit.extracted(Extract(url="https://oak.test/", links=links("/about")))
    assert player.ended == ("read", "")
    assert "site_timeout" in player.end.notes


def test_last_request_gets_the_time_that_is_left() -> None:
    player = Player()
    player.clock.now = 115.0
    player.answer(301, location="/x")
    assert isinstance(player.step, Fetch)
    assert player.step.timeout_s == 5.0


# --- redirects


def test_redirect_is_followed_and_another_site_noted() -> None:
    """N30."""
    player = Player()
    player.answer(301, location="https://www.elm.test/home")
    assert player.url == "https://www.elm.test/home"
    player.says()
    assert player.end.notes == ("redirected_to:elm.test",)
    assert player.end.final_url == "https://www.elm.test/home"


def test_links_are_chosen_on_the_site_that_was_redirected_to() -> None:
    player = Player()
    player.answer(301, location="https://elm.test/")
    player.says(links=(*links("/about"), Link(url="https://elm.test/about", text="About")))
    assert player.url == "https://elm.test/about"


def test_eleventh_redirect_is_too_many() -> None:
    """N27."""
    player = Player()
    for number in range(10):
        player.answer(302, location=f"/{number}")
    player.answer(302, location="/last")
    assert player.ended == ("redirect_failed", "limit")


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        ("", "location"),
        ("http://[", "location"),
        ("http://", "location"),
        ("https://oak.test/" + "a" * 3000, "location"),
        ("https://oak.test/", "loop"),
        ("#top", "loop"),
        ("file:///etc/passwd", "scheme"),
        ("data:text/html,x", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("ftp://oak.test/", "scheme"),
        ("s3://bucket/key", "scheme"),
    ],
)
def test_bad_redirect_says_what_is_wrong(location: str, detail: str) -> None:
    """N27, N28."""
    player = Player()
    player.answer(302, location=location)
    assert player.ended == ("redirect_failed", detail)


def test_flips_between_http_and_https_are_a_loop() -> None:
    player = Player()
    player.answer(301, location="http://oak.test/")
    player.answer(301, location="https://oak.test/")
    assert player.ended == ("redirect_failed", "loop")


def test_redirect_to_itself_with_a_new_cookie_is_followed() -> None:
    """N35."""
    player = Player()
    player.answer(302, location="/", cookies=True)
    assert player.url == "https://oak.test/"
    player.says()
    assert player.ended == ("read", "")


def test_redirect_to_itself_whatever_cookie_it_gets_is_gated() -> None:
    """N35."""
    player = Player()
    player.answer(302, location="/", cookies=True)
    player.answer(302, location="/")
    assert player.ended == ("gated", "cookies")


def test_meta_refresh_counts_as_a_redirect() -> None:
    """N31."""
    player = Player()
    player.says(refresh_url="https://oak.test/start")
    assert player.url == "https://oak.test/start"
    player.says(refresh_url="https://oak.test/")
    assert player.ended == ("redirect_failed", "loop")


def test_page_that_refreshes_itself_is_read() -> None:
    player = Player()
    player.says(refresh_url="https://oak.test/")
    assert player.ended == ("read", "")


# --- further pages


def test_further_pages_go_up_to_the_limit() -> None:
    player = Player()
    player.says(links=links("/about", "/products", "/services", "/categories", "/team"))
    fetched = []
    while isinstance(player.step, Fetch):
        fetched.append(player.url)
        player.says()
    assert len(fetched) == 3
    assert [extract.url for extract in player.end.extracts] == ["https://oak.test/", *fetched]


def test_one_page_alone_when_so_set() -> None:
    player = Player(settings=replace(SETTINGS, max_pages=1))
    player.says(links=links("/about"))
    assert len(player.end.extracts) == 1


@pytest.mark.parametrize("title", ["oak.test is for sale", "Just a moment...", "404 Not Found"])
def test_home_page_without_a_topic_of_its_own_ends_the_visit(title: str) -> None:
    """Parked, bot check, soft 404."""
    player = Player()
    player.says(links=links("/about"), title=title, text=title, text_words=4)
    assert len(player.end.extracts) == 1


def test_fault_of_a_further_page_costs_that_page_only() -> None:
    player = Player()
    player.says(links=links("/about", "/products"))
    player.fails("timeout", "body")
    assert player.url == "https://oak.test/products"
    player.answer(500, body=b"")
    assert player.ended == ("read", "")
    assert len(player.end.extracts) == 1
    assert player.end.status == 200


def test_further_page_that_leaves_the_site_is_left_out() -> None:
    player = Player()
    player.says(links=links("/about"))
    player.answer(302, location="https://elm.test/about")
    assert len(player.end.extracts) == 1


def test_two_pages_like_the_first_end_the_visit() -> None:
    """S03."""
    player = Player(settings=replace(SETTINGS, max_pages=9))
    player.says(links=links("/about", "/products", "/services", "/team"), body_sha256="same")
    player.says(body_sha256="same")
    player.says(body_sha256="same")
    assert len(player.end.extracts) == 1


def test_frames_come_before_links() -> None:
    """C11: at most two, of the same site."""
    player = Player()
    own = tuple(f"https://oak.test/{name}" for name in "fgh")
    player.says(frame_urls=("https://ads.test/f", *own), links=links("/about"))
    fetched = []
    while isinstance(player.step, Fetch):
        fetched.append(player.url)
        player.says()
    assert fetched == ["https://oak.test/f", "https://oak.test/g", "https://oak.test/about"]


@pytest.mark.parametrize("word", ["nofollow", "none"])
def test_page_that_forbids_following_is_read_alone(word: str) -> None:
    """S14."""
    player = Player()
    player.says(links=links("/about"), robots_meta=("noindex", word))
    assert len(player.end.extracts) == 1


def test_long_crawl_delay_leaves_the_home_page() -> None:
    """S12."""
    player = Player()
    page = Page(url=player.url, requested_url="", status=200, headers=(), body=b"x", fetched_at="")
    player.visit.answered(Answer(page=page, crawl_delay_s=3600.0))
    player.step = player.visit.extracted(Extract(url=player.url, links=links("/about")))
    assert player.end.notes == ("crawl_delay_capped",)


# --- sitemaps, for a home page that leads to too few pages (S04)


def test_home_page_with_links_enough_costs_no_sitemap() -> None:
    player = Player()
    player.sitemaps = True
    player.says(links=links("/about", "/products", "/services"))
    assert player.url == "https://oak.test/about"


def test_sitemap_is_asked_for_once_and_its_pages_are_chosen_from() -> None:
    player = Player()
    player.sitemaps = True
    player.says(links=links("/about"))
    assert player.url == "https://oak.test/sitemap.xml"
    locs = "".join(f"<url><loc>https://oak.test/{p}</loc></url>" for p in ("x/y", "products"))
    player.answer(body=f"<urlset>{locs}</urlset>".encode())
    assert player.url == "https://oak.test/about"
    player.says()
    assert player.url == "https://oak.test/products"


def test_sitemaps_of_robots_come_before_the_usual_place_if_they_are_the_sites_own() -> None:
    named = ("https://elm.test/s.xml", "https://oak.test/posts.xml", "https://oak.test/pages.xml")
    player = Player()
    player.sitemaps = True
    page = Page(url=player.url, requested_url="", status=200, headers=(), body=b"x", fetched_at="")
    player.visit.answered(Answer(page=page, sitemaps=named))
    player.step = player.visit.extracted(Extract(url=player.url, text=TEXT, text_words=84))
    assert player.url == "https://oak.test/pages.xml"


def test_index_costs_one_request_more_and_never_two() -> None:
    player = Player()
    player.sitemaps = True
    player.says()
    index = "<sitemapindex><sitemap><loc>https://oak.test/{}</loc></sitemap></sitemapindex>"
    player.answer(body=index.format("a.xml").encode())
    assert player.url == "https://oak.test/a.xml"
    player.answer(body=index.format("b.xml").encode())
    assert player.ended == ("read", "")


@pytest.mark.parametrize("kind", ["robots_denied", "timeout", "http_error"])
def test_sitemap_that_cannot_be_had_is_no_fault_of_the_site(kind: str) -> None:
    player = Player()
    player.sitemaps = True
    player.says(links=links("/about"))
    player.fails(kind)
    assert player.url == "https://oak.test/about"
    player.says()
    assert player.ended == ("read", "")


def test_sitemap_that_redirects_off_the_site_is_left() -> None:
    player = Player()
    player.sitemaps = True
    player.says()
    player.answer(302, location="https://elm.test/sitemap.xml")
    assert player.ended == ("read", "")


def test_page_that_forbids_following_asks_for_no_sitemap() -> None:
    player = Player()
    player.sitemaps = True
    player.says(robots_meta=("nofollow",))
    assert player.ended == ("read", "")


# --- pages that cannot be read


def test_challenge_behind_an_error_status_is_read_for_its_kind() -> None:
    """C24."""
    player = Player()
    assert isinstance(player.answer(403), Read)
    hint = StatusHint(kind="bot_check", detail="", rule="cf_mitigated")
    challenge = Extract(url="https://oak.test/", status_hints=(hint,))
    player.step = player.visit.extracted(challenge)
    assert player.end.extracts == (challenge,)


def test_plain_error_page_is_the_error_of_its_status() -> None:
    player = Player(settings=replace(SETTINGS, retries=0))
    player.answer(503)
    player.step = player.visit.extracted(Extract(url="https://oak.test/", text=TEXT, text_words=84))
    assert player.ended == ("http_error", "503")


def test_unreadable_home_page_ends_the_visit() -> None:
    player = Player()
    player.answer()
    player.step = player.visit.unreadable("timeout", "too slow")
    assert player.ended == ("extractor_failed", "timeout")


def test_unreadable_further_page_is_noted() -> None:
    player = Player()
    player.says(links=links("/about"))
    player.answer()
    player.step = player.visit.unreadable("died", "")
    assert player.ended == ("read", "")
    assert player.end.notes == ("extractor_failed:https://oak.test/about",)
