"""Extract to Document: the fields that a classifier sees."""

import pytest

from taxocrawl.extraction.documents import (
    LINK_TEXTS_CHARS,
    document,
    fields,
    from_text,
    url_words,
    without_stuffing,
)
from taxocrawl.records import Extract, Fact, Link


def links(*texts: str) -> tuple[Link, ...]:
    return tuple(Link(url=f"https://x.example/{i}", text=text) for i, text in enumerate(texts))


def test_every_field_comes_from_its_part_of_the_page():
    extract = Extract(
        url="https://www.old-harbour.example/wooden/boats.html",
        title="Boats",
        site_name="Old Harbour",
        description="We build boats",
        keywords="boats, oak",
        headings=("One", "Two", "one"),
        links=links("About", "", "Boats", "about"),
        alt_texts=("An oar",),
        facts=(
            Fact(source="json-ld", name="LocalBusiness.@type", value="LocalBusiness"),
            Fact(source="json-ld", name="LocalBusiness.addressCountry", value="NL"),
            Fact(source="opengraph", name="article:section", value="Sailing"),
            Fact(source="meta", name="generator", value="WordPress"),
        ),
        text="Main text",
        language="en",
    )
    found = fields(extract)
    assert found.title == "Boats | Old Harbour"
    assert found.description == "We build boats\nboats, oak"
    assert found.headings == "One\nTwo"
    assert found.body == "Main text"
    assert found.link_texts == "About\nBoats"
    assert found.alt_texts == "An oar"
    assert found.facts == "Local Business\nSailing"
    assert found.url_words == "old harbour example wooden boats"
    assert found.language == "en"


def test_a_site_name_that_the_title_holds_is_not_repeated():
    found = fields(Extract(url="", title="Boats at OLD HARBOUR", site_name="Old Harbour"))
    assert found.title == "Boats at OLD HARBOUR"


def test_fields_are_bounded():
    extract = Extract(url="", links=links(*(f"link number {i} of many" for i in range(1_000))))
    found = fields(extract).link_texts
    assert len(found) <= LINK_TEXTS_CHARS
    assert found.endswith("of many")


def test_document_keeps_pages_and_extracts_in_order():
    home, about = Extract(url="https://x.example/"), Extract(url="https://x.example/about")
    found = document("x.example", (home, about))
    assert (found.id, found.domain, found.url) == ("x.example", "x.example", "https://x.example/")
    assert [page.url for page in found.pages] == [home.url, about.url]
    assert found.extracts == (home, about)


def test_text_alone_makes_a_document_with_its_language():
    found = from_text("row-1", text="Wir reparieren alte Holzboote im Hafen.", title="Boote")
    assert found.id == "row-1"
    assert found.language == "de"
    assert found.text == "Boote\nWir reparieren alte Holzboote im Hafen."
    assert found.extracts == ()


def test_stored_text_and_its_page_have_the_same_fields():
    text = "Old boats are repaired here. " * 5
    page = Extract(
        url="https://x.example/a", title="Boats", description="All", text=text, language="en"
    )
    stored = from_text(
        "x", text=text, title="Boats", description="All", url="https://x.example/a", language="en"
    )
    assert stored.pages[0].fields == fields(page)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.oars.example/shop/oarAndSail.html?id=7", "oars example shop oar and sail"),
        ("garden.example", "garden example"),
        ("https://xn--mnchen-3ya.example/", "münchen example"),
        ("https://x.example/%E4%B8%AD%E6%96%87", "x example 中文"),
        ("https://xn--/a", "a"),
        ("http://[", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_url_words(url, expected):
    assert url_words(url) == expected


def test_a_stuffed_word_is_cut_to_its_share():  # C14
    text = "Old boats are repaired here. " * 20 + "casino " * 500
    kept = without_stuffing(text)
    assert kept.count("casino") <= 0.06 * 600
    assert kept.count("boats") == 20


def test_ordinary_text_is_left_as_it_is(sentences):
    assert without_stuffing(sentences) is sentences
