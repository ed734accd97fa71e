"""Whole crawls on loopback: every line gets one outcome."""

from loopback import page


def test_a_site_is_read_and_classified(server, crawl):
    server.replies["/"] = page()
    crawled = crawl("oak.test")
    assert crawled.ended == ("classified", "")
    assert crawled.outcome.final_url == "http://oak.test/"
