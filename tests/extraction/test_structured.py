"""Facts from JSON-LD and meta elements (C19)."""

import json

import pytest

from taxocrawl.extraction.structured import MAX_FACTS, json_ld_facts, meta_facts
from taxocrawl.records import Fact


def facts(*blocks: str) -> dict[str, str]:
    return {fact.name: fact.value for fact in json_ld_facts(blocks)}


def test_graphs_lists_and_nested_things_are_walked():
    block = json.dumps(
        {
            "@context": "https://schema.org",
            "@graph": [
                {
                    "@type": ["Product"],
                    "name": "Oak table",
                    "brand": {"@type": "Brand", "name": "Eiche"},
                },
                {"@type": "https://schema.org/Dentist", "areaServed": "Leiden"},
                {"@type": "WebSite", "name": "left out"},
            ],
        }
    )
    found = facts(block)
    assert found["Product.@type"] == "Product"
    assert found["Product.name"] == "Oak table"
    assert found["Dentist.areaServed"] == "Leiden"
    assert "WebSite.name" not in found


@pytest.mark.parametrize(
    "block",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * 60 + "]" * 60,
        '{"@type": "Product", "name": "x"' + " " * 300_000 + "}",
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        "null",
        "42",
        "NaN",
        '"text"',
        '{"@type": {"@type": {}}, "name": null}',
        '{"@id": "#a", "name": {"@id": "#a"}}',
    ],
    ids=lambda block: block[:12],
)
def test_a_block_that_cannot_be_read_is_passed_over_and_the_next_one_speaks(block):
    assert facts(block, '{"@type": "Book", "name": "Sails"}')["Book.name"] == "Sails"


@pytest.mark.parametrize(
    "block",
    [
        '<!-- {"@type": "Book", "name": "Sails"} -->',
        '{"@type": "Book", "name": "Sails"}',
        '{"@type": "Book", "name": "Sails", "headline": "two\nlines"}',
        '{"@type": "Book", "name": "Sails"};',
        '{"@type": "Book", "name": "  Sails  "}',
    ],
    ids=["commented", "plain", "raw-line-break", "semicolon", "spaces"],
)
def test_common_faults_of_hand_made_blocks_are_forgiven(block):
    assert facts(block)["Book.name"] == "Sails"


def test_lone_surrogates_and_nul_never_reach_a_fact():  # C06
    value = facts('{"@type": "Book", "name": "a\\ud800b\\u0000c"}')["Book.name"]
    assert value == "a\ufffdb\ufffdc"
    value.encode()


def test_facts_are_bounded():
    block = json.dumps([{"@type": "Product", "name": f"item {i}"} for i in range(2_000)])
    found = json_ld_facts([block])
    assert len(found) == MAX_FACTS


def test_meta_elements_that_say_something_about_the_page():
    found = meta_facts(
        [
            ("og:type", "article"),
            ("article:section", " Sailing "),
            ("news_keywords", "oars"),
            ("viewport", "width=device-width"),
            ("og:site_name", ""),
        ]
    )
    assert found == (
        Fact(source="opengraph", name="og:type", value="article"),
        Fact(source="opengraph", name="article:section", value="Sailing"),
        Fact(source="meta", name="news_keywords", value="oars"),
    )
