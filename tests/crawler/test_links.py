"""Which links say most about a site (FAULTS S01, S02, S14)."""

import time

import pytest

from taxocrawl.crawler import links
from taxocrawl.records import Link

HOME = "https://oak.test/"


def choose(*given: Link, count: int = 3, home: str = HOME) -> tuple[str, ...]:
    return links.choose(given, home=home, count=count, seen=frozenset({home}), url_chars=2083)


def link(path: str, text: str = "", *, nofollow: bool = False) -> Link:
    url = path if "://" in path else HOME.rstrip("/") + path
    return Link(url=url, text=text, nofollow=nofollow)


NOISE = (
    link("/login", "Log in"),
    link("/cart", "Cart"),
    link("/datenschutz", "Datenschutz"),
    link("/2026/11/some-old-post-about-nothing", "Some old post"),
    link("/p/1", "Read more"),
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("About us", "/a1"),
        ("Über uns", "/a1"),
        ("Qui sommes-nous", "/a1"),
        ("Quiénes somos", "/a1"),
        ("Sobre nós", "/a1"),
        ("Chi siamo", "/a1"),
        ("Over ons", "/a1"),
        ("Om oss", "/a1"),
        ("O nas", "/a1"),
        ("Rólunk", "/a1"),
        ("Despre noi", "/a1"),
        ("О компании", "/a1"),
        ("Hakkımızda", "/a1"),
        ("من نحن", "/a1"),
        ("会社概要", "/a1"),
        ("关于我们", "/a1"),
        ("회사소개", "/a1"),
        ("Giới thiệu", "/a1"),
        ("Tentang kami", "/a1"),
        ("", "/ueber-uns.html"),
        ("", "/en/about_us.php"),
    ],
)
def test_page_about_the_site_is_found_in_many_languages(text: str, path: str) -> None:
    assert choose(*NOISE, link(path, text))[0] == HOME.rstrip("/") + path


@pytest.mark.parametrize(
    "text",
    [
        "Nos produits",
        "Products",
        "Produkte",
        "Productos",
        "Prodotti",
        "Продукция",
        "Ürünler",
        "製品情報",
        "Services",
        "Leistungen",
        "Dienstleistungen",
        "Servicios",
        "Услуги",
        "サービス",
        "服务",
        "Categories",
        "Kategorien",
        "Rubriques",
        "Categorías",
        "Категории",
        "カテゴリー",
    ],
)
def test_what_a_site_offers_is_found_in_many_languages(text: str) -> None:
    assert choose(*NOISE, link("/x1", text))[0] == HOME + "x1"


def test_different_kinds_of_page_come_before_a_second_of_one_kind() -> None:
    given = [link(f"/about-{n}", "About us") for n in range(3)] + [link("/products", "Products")]
    assert choose(*given, count=2) == (HOME + "about-0", HOME + "products")


def test_links_that_no_word_speaks_for_fill_the_rest() -> None:
    assert choose(link("/login", "Log in"), link("/oak", "Oak"), link("/elm", "Elm")) == (
        HOME + "oak",
        HOME + "elm",
    )


def test_headline_that_merely_holds_the_word_is_no_page_about_the_site() -> None:
    headline = "What everybody should know about the price of oak and elm this winter"
    assert choose(link("/n1", headline), link("/x", "Company"), count=1) == (HOME + "x",)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(link("/about", "About", nofollow=True), id="S14-nofollow"),
        pytest.param(link("https://elm.test/about", "About"), id="S02-other-site"),
        pytest.param(link("https://oak.test.evil.com/about", "About"), id="S02-lookalike"),
        pytest.param(link("mailto:about@oak.test", "About"), id="mailto"),
        pytest.param(link("javascript:about()", "About"), id="javascript"),
        pytest.param(link("/about.pdf", "About"), id="pdf"),
        pytest.param(link("/about.JPG", "About"), id="image"),
        pytest.param(link("/a/a/a/about", "About"), id="S01-deep"),
        pytest.param(link("/x/x/x", "About"), id="S01-repeats"),
        pytest.param(link("/about?a=1&b=2&c=3", "About"), id="S01-permutations"),
        pytest.param(link("/about?" + "x" * 3000, "About"), id="too-long"),
        pytest.param(link("/", "About"), id="home"),
        pytest.param(link("/#about", "About"), id="fragment"),
        pytest.param(link("/?utm_source=about", "About"), id="home-with-tracking"),
        pytest.param(link("/jobs", "About our jobs"), id="jobs"),
    ],
)
def test_link_is_not_followed(one: Link) -> None:
    assert choose(one) == ()


def test_sub_domain_is_the_same_site() -> None:
    assert choose(link("https://shop.oak.test/products", "Products"))


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://oak.test/a?utm_source=x&id=3&fbclid=y#top", "https://oak.test/a?id=3"),
        ("https://oak.test/a;jsessionid=0A1B?x=1", "https://oak.test/a?x=1"),
        ("https://oak.test/a?PHPSESSID=abc", "https://oak.test/a"),
        ("https://u:p@oak.test/a", "https://oak.test/a"),
        ("https://OAK.test:443/a/../b", "https://oak.test/b"),
        ("https://oak.test/a?q=%20x&y", "https://oak.test/a?q=%20x&y"),
        ("ftp://oak.test/", None),
        ("http://[", None),
    ],
)
def test_address_is_cleaned(url: str, cleaned: str | None) -> None:
    assert links.clean(url) == cleaned


@pytest.mark.parametrize("text", ["research", "printing", "crossfit", "shareholders", "feedback"])
def test_word_that_only_contains_a_dull_one_is_kept(text: str) -> None:
    assert choose(link(f"/{text}", text))


def test_first_thousand_links_are_read() -> None:
    """S02."""
    filler = [link(f"/login?{n}", "Log in") for n in range(1000)]
    assert choose(*filler, link("/about", "About")) == ()


def test_link_farm_costs_little() -> None:
    """S02: 100,000 links, each of another sub-domain."""
    farm = [link(f"https://x{n}.oak.test/p/{n}?a={n}", f"page {n}") for n in range(100_000)]
    started = time.process_time()
    choose(*farm)
    assert time.process_time() - started < 2.0


def test_hostile_texts_break_nothing() -> None:
    texts = ["\ud800", "\0", "-" * 10_000, "a-" * 5000, "‮about", "<script>", ""]
    choose(*(link(f"/{n}", text) for n, text in enumerate(texts)))
