"""Whole crawls on loopback: every line gets one outcome."""

from raw_server import page


def test_a_site_is_read_and_classified(server, crawl):
    server.replies["/"] = page()
    crawled = crawl("oak.test")
    assert crawled.ended == ("classified", "")
    assert crawled.outcome.final_url == "http://oak.test/"


def test_further_pages_are_chosen_by_what_they_say(server, crawl):
    links = '<a href="/privacy">Privacy</a><a href="/x">x</a><a href="/about-us">About us</a>'
    server.replies["/"] = page(body=links + '<a href="/products">Products</a>')
    server.replies["/about-us"] = page("About the people who make tables. " * 9)
    server.replies["/products"] = page("Oak tables, oak chairs and more. " * 9)
    server.replies["/x"] = page("Something else that stands here. " * 9)
    crawled = crawl("oak.test", max_pages=3)
    assert [e.url for e in crawled.outcome.document.extracts] == [
        "http://oak.test/",
        "http://oak.test/about-us",
        "http://oak.test/products",
    ]
    assert "x" not in server.paths()


def test_every_line_has_one_outcome(server, crawl):
    server.replies["*"] = page()
    crawled = crawl(
        "a.test", "", "# x", "b.test", "www.a.test", "not a host", "c.test", max_pages=1
    )
    assert [line for line, _ in sorted(crawled.sink.rows)] == [1, 4, 7]
    assert [(v.line, v.outcome, v.duplicate_of) for v in crawled.sink.lines] == [
        (5, "duplicate", 1),
        (6, "invalid_input", None),
    ]
    assert crawled.summary.lines == 5


def test_many_sites_are_classified_in_batches(server, crawl):
    server.replies["*"] = page()
    crawled = crawl(*(f"s{i}.test" for i in range(60)), max_pages=1)
    assert crawled.summary.outcomes == {"classified": 60}
