"""Finding a node by what people call it."""

import pytest

from taxocrawl.taxonomies.formats import load
from taxocrawl.taxonomies.search import fold, search


@pytest.mark.parametrize(
    ("taxonomy", "text", "node_id", "where"),
    [
        ("iab-3.1", "Soccer", "533", "name"),
        ("iab-3.1", "  sOCCER ", "533", "name"),
        ("iab-3.1", "Fußball", "533", "keyword"),
        ("iab-3.1", "FUSSBALL", "533", "keyword"),
        ("iab-3.1", "sports > soccer", "533", "path"),
        ("iab-3.1", "I4GWl6", "I4GWl6", "id"),
        ("google", "schuhe", "187", "translation"),
        ("google", "ガラス", "120", "translation"),
        ("google", "รองเท้า", "187", "translation"),
        ("google", "신발", "187", "translation"),
        ("google", "pinatas", "3994", "name"),
        ("google", "joggers", "5322", "synonym"),
        ("iptc", "medtop:20001065", "medtop:20001065", "id"),
    ],
)
def test_the_best_hit_is_what_was_meant(taxonomy: str, text: str, node_id: str, where: str) -> None:
    hit = search(load(taxonomy), text)[0]
    assert (hit.node_id, hit.where) == (node_id, where)
    assert hit.path == load(taxonomy).path(node_id)


def test_words_may_be_begun_and_stand_in_any_order() -> None:
    found = {hit.node_id for hit in search(load("iab-3.1"), "gam vid", limit=50)}
    assert "680" in found  # Video Gaming


def test_a_whole_match_stands_above_parts() -> None:
    hits = search(load("google"), "shoes", limit=5)
    assert (hits[0].node_id, hits[0].score) == ("187", 1.0)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("text", ["", "   ", "?!", "zzzz", "\x00", "\ud800"])
def test_nothing_is_found_for_nothing(text: str) -> None:
    assert search(load("iab-3.1"), text) == ()


def test_the_limit_is_kept() -> None:
    assert len(search(load("google"), "a", limit=7)) == 7


def test_part_of_an_id_finds_nothing_by_id() -> None:
    assert all(hit.where != "id" for hit in search(load("iptc"), "medtop:2000", limit=50))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café & Crème", "cafe creme"),
        ("ＡＢＣ１２", "abc12"),
        ("ガラス", "ガラス"),
        ("รองเท้า", "รองเท้า"),
        ("신발", "신발"),
        ("Ёлка", "елка"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_folding_keeps_letters_and_drops_dress(text: str, folded: str) -> None:
    assert fold(text) == folded
