"""Sitemaps under their caps: what they name, and what a hostile one may not do (S04)."""

import gzip

import pytest

from taxocrawl.crawler import sitemaps
from taxocrawl.crawler.robots import read_rules

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def entries(*urls: str) -> str:
    return "".join(f"<url><loc> {url} </loc><lastmod>2026</lastmod></url>" for url in urls)


def urlset(*urls: str) -> bytes:
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'{HEAD}<urlset xmlns="{space}">{entries(*urls)}</urlset>'.encode()


def test_pages_are_read_in_order() -> None:
    found = sitemaps.read(urlset("https://oak.test/b", "https://oak.test/a?x=1&amp;y=2"))
    assert found.pages == ("https://oak.test/b", "https://oak.test/a?x=1&y=2")
    assert found.sitemaps == ()


def test_index_names_sitemaps() -> None:
    body = b"<sitemapindex><sitemap><loc>https://oak.test/p.xml</loc></sitemap></sitemapindex>"
    assert sitemaps.read(body).sitemaps == ("https://oak.test/p.xml",)


def test_prefixed_elements_are_read_and_those_of_pictures_are_not() -> None:
    body = (
        b'<s:urlset xmlns:s="x" xmlns:image="y"><s:url><s:loc>https://oak.test/a</s:loc>'
        b"<image:image><image:loc>https://oak.test/a.jpg</image:loc></image:image></s:url></s:urlset>"
    )
    assert sitemaps.read(body).pages == ("https://oak.test/a",)


def test_gzip_and_plain_lists_are_read() -> None:
    assert sitemaps.read(gzip.compress(urlset("https://oak.test/a"))).pages
    assert sitemaps.read(b"\xef\xbb\xbfhttps://oak.test/a\r\nhttps://oak.test/b").pages == (
        "https://oak.test/a",
        "https://oak.test/b",
    )


def test_at_most_a_thousand_entries_are_read() -> None:
    urls = [f"https://oak.test/{n}" for n in range(5_000)]
    assert len(sitemaps.read(urlset(*urls)).pages) == sitemaps.ENTRIES
    assert len(sitemaps.read("\n".join(urls).encode()).pages) == sitemaps.ENTRIES


def test_long_file_is_read_up_to_its_cap() -> None:
    padding = f"<url><loc>https://oak.test/{'a' * 4_000}</loc></url>" * 400
    body = f"<urlset>{padding}{entries('https://oak.test/last')}</urlset>".encode()
    found = sitemaps.read(body)
    assert 200 < len(found.pages) < 300
    assert "https://oak.test/last" not in found.pages


def test_torn_file_gives_what_stands_before_the_tear() -> None:
    whole = urlset("https://oak.test/a", "https://oak.test/b")
    assert sitemaps.read(whole[:-30]).pages[:1] == ("https://oak.test/a",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><p>404</p></html>",
        b"\x1f\x8b\x08broken",
        b"\x00\x01",
        gzip.compress(b" " * 2**26),
        HEAD.encode() + b'<!DOCTYPE u [<!ENTITY e "https://oak.test/a">]>'
        b"<urlset><url><loc>&e;</loc></url></urlset>",
        HEAD.encode() + b'<!DOCTYPE u SYSTEM "file:///etc/passwd"><urlset/>',
        b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><urlset><url><loc>&b;</loc>'
        b"</url></urlset>",
        b"<urlset>" + b"<a>" * 300_000,
        b"</urlset>",
    ],
    ids=["empty", "page", "gzip", "bytes", "bomb", "entity", "file", "laughs", "deep", "end"],
)
def test_what_is_no_sitemap_names_nothing(body: bytes) -> None:
    assert sitemaps.read(body) == sitemaps.Sitemap()


@pytest.mark.parametrize("rules", ["", "User-agent: *\nDisallow: /x\n"], ids=["alone", "rules"])
def test_sitemaps_that_robots_names_are_known(rules: str) -> None:
    body = f"{rules}Sitemap: https://oak.test/s.xml\n".encode()
    found = read_rules(body, cap=1_000)
    assert found.sitemaps == ("https://oak.test/s.xml",)
    assert found.notes == ()


def test_of_several_sitemaps_that_of_pages_is_likeliest() -> None:
    names = ["post-sitemap1", "page-sitemap", "category-sitemap", "sitemap-2024"]
    urls = [f"https://oak.test/{name}.xml" for name in names]
    assert sitemaps.likeliest(urls) == "https://oak.test/page-sitemap.xml"
    assert sitemaps.likeliest(urls[2:]) == "https://oak.test/category-sitemap.xml"
    assert sitemaps.likeliest(()) == ""
