"""The ladder: who speaks, and what happens to a rung that fails."""

import lxml.html
import pytest

from taxocrawl.extraction.ladder import Baseline, Trafilatura, Visible, climb
from taxocrawl.protocols import Extractor, ParsedPage


class Says:
    """A rung that finds the same text on every page."""

    def __init__(self, text: str) -> None:
        self.text = text

    def main_text(self, page: ParsedPage) -> str:
        return self.text


class Raises:
    """A plugin's rung that fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def main_text(self, page: ParsedPage) -> str:
        raise self.error


def parsed(html: str) -> ParsedPage:
    return ParsedPage(url="https://x.example/", html=html, tree=lxml.html.document_fromstring(html))


PAGE = parsed("<body><p>x</p></body>")


def test_the_first_rung_with_enough_words_speaks():
    ladder = [("few", Says("one")), ("enough", Says("one two")), ("more", Says("one two three"))]
    spoken = climb(PAGE, ladder, 2)
    assert (spoken.extractor, spoken.words) == ("enough", 2)


def test_the_longest_text_speaks_where_no_rung_has_enough():
    ladder = [("a", Says("one")), ("b", Says("one two")), ("c", Says(""))]
    assert climb(PAGE, ladder, 10).extractor == "b"


def test_no_rung_and_no_text_give_no_extractor():
    assert climb(PAGE, [], 1).extractor == ""
    assert climb(PAGE, [("a", Says(" "))], 1).extractor == ""


def test_a_rung_that_raises_is_named_and_the_next_one_asked(caplog):
    spoken = climb(PAGE, [("bad", Raises(ValueError("no"))), ("good", Says("one"))], 1)
    assert (spoken.extractor, spoken.notes) == ("good", ("rung_failed:bad",))
    assert "bad" in caplog.text


def test_want_of_memory_is_not_swallowed():
    with pytest.raises(MemoryError):
        climb(PAGE, [("bad", Raises(MemoryError()))], 1)


@pytest.mark.parametrize("rung", [Trafilatura(recall=True), Baseline(), Visible()])
def test_built_in_rungs_are_extractors_that_leave_the_tree_alone(rung, sentences):
    assert isinstance(rung, Extractor)
    page = parsed(f"<html><body><h1>Boats</h1><p>{sentences}</p><script>x</script></body></html>")
    before = lxml.html.tostring(page.tree)
    assert "wooden boats" in rung.main_text(page)
    assert lxml.html.tostring(page.tree) == before


def test_visible_text_has_a_line_for_each_block():
    page = parsed(
        "<body>One<div>two <b>bold</b> end<br>three</div>tail<ul><li>four<li>five</ul>"
        "<script>no</script>after<select><option>no</select> last</body>"
    )
    assert Visible().main_text(page).split("\n") == [
        "One",
        "two bold end",
        "three",
        "tail",
        "four",
        "five",
        "after last",
    ]
