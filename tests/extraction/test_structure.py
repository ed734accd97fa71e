"""What a page is built of, counted once at extraction."""

import lxml.html

from taxocrawl.extraction.structure import structure
from taxocrawl.records import Structure

HTML = """<html><body class="home  page"><form class="search-box"><input id=q></form>
<ul id="cart"><li class="product price">a<li class="product">b</ul></body></html>"""


def built(html: str, *json_ld: str) -> Structure:
    return structure(lxml.html.document_fromstring(html), html, json_ld)


def test_elements_and_marks_in_names_are_counted() -> None:
    counts = dict(built(HTML).counts)
    assert (counts["form"], counts["li"], counts["ul"]) == (1, 2, 1)
    assert (counts["~product"], counts["~price"], counts["~cart"]) == (2, 1, 1)
    assert 0 not in counts.values()


def test_the_bodys_classes_are_one_line() -> None:
    assert built(HTML).body_class == "home page"


def test_types_of_broken_blocks_count_too() -> None:
    block = '{"@type": ["Product", "Thing"], "offers": {"@type":"https://schema.org/Offer"'
    assert built(HTML, block, "{").types == ("Product", "Offer")


def test_hostile_pages_are_counted_within_bounds() -> None:
    many = "<html><body>" + "<p class='x'>" * 5_000 + "</body></html>"
    assert dict(built(many).counts)["p"] == 5_000
    types = built(HTML, "".join(f'"@type":"T{i}"' for i in range(999)) + '"@type":"' + "a" * 10**6)
    assert len(types.types) <= 30
