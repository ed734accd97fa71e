"""JSON Lines as programs send them: no string that a store or a pipe cannot take comes through."""

from taxocrawl import archives


def test_lone_surrogates_and_nul_are_replaced_in_every_field() -> None:
    lines = [rb'{"id": "a\ud83d", "text": "teeth\ud83d", "title": "gums\u0000"}']
    (item,) = archives.json_lines(lines)
    assert item.document
    assert item.id == "a\ufffd"
    assert item.document.text == "gums\ufffd\nteeth\ufffd"


def test_lone_surrogates_in_html_are_replaced() -> None:
    (item,) = archives.json_lines([rb'{"html": "<p>teeth\ud83d</p>"}'])
    assert item.page
    assert item.page.body == "<p>teeth\ufffd</p>".encode()
