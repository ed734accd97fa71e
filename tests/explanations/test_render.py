import io
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from taxocrawl.explanations.render import Answer, CategoryLine, render_answer, visible
from taxocrawl.records import Attribution, Explanation, Tag

WORDS = Explanation(
    taxonomy="IAB",
    node_id="2",
    classifier="ranker",
    method="words",
    attributions=(
        Attribution(kind="word", name="goal", weight=0.2),
        Attribution(kind="phrase", name="world cup", weight=0.1),
        Attribution(kind="word", name="recipe", weight=-0.1),
        Attribution(
            kind="sentence",
            name="One Goal, no recipe",
            weight=0.1,
            url="https://toy.example/1",
        ),
    ),
    score=0.81,
    base_value=0.1,
    fidelity=0.9,
)
SHAP = replace(
    WORDS,
    method="shap",
    unit="margin",
    attributions=(Attribution(kind="feature", name="title_similarity", weight=1.5, value=0.71),),
)


def category(*path, confidence, asserted=True):
    return CategoryLine(
        taxonomy="IAB", node_id=str(len(path)), path=path, confidence=confidence, asserted=asserted
    )


ANSWER = Answer(
    title="toy.example",
    outcome="classified",
    url="https://toy.example/",
    about=("en", "model default-1"),
    categories=(
        category("Sports", "Soccer", confidence=0.8),
        category("Food", confidence=0.2, asserted=False),
        category("Sports", confidence=0.9),
    ),
    explanations=(WORDS, SHAP),
)


def shown(answer, *, width=80, encoding="utf-8", terminal=False):
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, newline="") as file:
        Console(file=file, width=width, force_terminal=terminal).print(render_answer(answer))
        file.flush()
        return raw.getvalue().decode(encoding)


SHOWN = """\
toy.example  classified
https://toy.example/ · en · model default-1

Categories · IAB
  Sports                              █████████████████████▋    0.90
    Soccer                            ███████████████████▎      0.80
  Food                                ████▊                     0.20  not sure

Why Soccer? · words left out
  probability 0.81, without these words 0.10; fidelity 0.90
  goal                                            ████████████  +0.200
  world cup                                       ██████        +0.100
  recipe                                    ██████              -0.100
  "One Goal, no recipe"
    https://toy.example/1

Why Soccer? · features, by SHAP
  margin 0.81, starting from 0.10; fidelity 0.90
  title similarity = 0.71                         ████████████  +1.500"""


def test_an_answer_in_a_pipe_is_plain_and_fits_80_columns():
    assert [line.rstrip() for line in shown(ANSWER).splitlines()] == SHOWN.splitlines()


def test_a_terminal_shows_words_for_in_green_and_against_in_red():
    text = shown(ANSWER, terminal=True)
    assert "\x1b[1;32mGoal\x1b[0m" in text
    assert "\x1b[1;31mrecipe\x1b[0m" in text


def test_features_have_names_in_plain_words():
    answer = replace(ANSWER, feature_names={"title_similarity": "the title is near the category"})
    assert "the title is near the category" in shown(answer).replace(" = 0.71", "")


def test_every_feature_of_the_ranker_has_a_plain_name_that_fits():
    from taxocrawl.classifiers.features import FEATURE_NAMES
    from taxocrawl.explanations.plain_names import PLAIN_NAMES

    assert [name for name in FEATURE_NAMES if name not in PLAIN_NAMES] == []
    assert all(len(name) <= 32 for name in PLAIN_NAMES.values())
    assert len(set(PLAIN_NAMES.values())) == len(PLAIN_NAMES)


def test_without_the_row_of_its_parent_a_category_shows_its_path():
    text = shown(replace(ANSWER, categories=(category("Sports", "Soccer", confidence=0.8),)))
    assert "  Sports > Soccer  " in text


def test_of_a_path_too_wide_the_end_stays():
    path = ("A very long first name indeed", "A second one as well", "Soccer")
    text = shown(replace(ANSWER, categories=(category(*path, confidence=0.8),)))
    assert "  … > A second one as well > Soccer  " in text


def test_a_rule_is_said_in_words():
    rule = replace(
        WORDS,
        method="anchors",
        attributions=(
            Attribution(kind="word", name="not", weight=0.25),
            Attribution(kind="word", name="bad", weight=0.5),
        ),
        score=1.0,
        base_value=0.25,
        figures=(("coverage", 0.25),),
    )
    text = " ".join(shown(replace(ANSWER, explanations=(rule,))).split())
    assert "words that suffice, by Anchors" in text
    assert (
        "with these words the answer stays in 100% of random variants, without them in 25%; "
        "they stand in 25%"
    ) in text


def test_a_failed_site_is_one_line():
    answer = Answer(title="gone.example", outcome="dns_failed", detail="nxdomain")
    assert shown(answer) == "gone.example  dns_failed: nxdomain\n"


def test_an_explanation_without_attributions_still_has_its_figures():
    answer = replace(ANSWER, explanations=(replace(WORDS, attributions=(), fidelity=None),))
    assert shown(answer).endswith("  probability 0.81, without these words 0.10\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_any_encoding_gets_lines_it_can_hold(encoding):
    # R09: LANG=C, latin-1.
    hostile = replace(ANSWER, title="足球 \ud800 …", about=("日本",), url="https://é.example")
    text = shown(hostile, encoding=encoding)
    assert "\\u8db3\\u7403 \\ud800" in text
    assert "####" in text


@pytest.mark.parametrize("width", [20, 40, 59, 60, 79, 80, 120])
def test_lines_fit_any_width(width):
    answer = replace(ANSWER, title="a" * 200 + " 足球" * 40)
    assert all(cell_len(line) <= width for line in shown(answer, width=width).splitlines())


def test_a_narrow_window_keeps_the_numbers():
    text = shown(ANSWER, width=50)
    assert "█" not in text
    assert re.search(r"Soccer +0\.80", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\u202eevil\u202c\u2066", "\\u202eevil\\u202c\\u2066"),
        ("\u2028\u2029\ufeff\u200b", "\\u2028\\u2029\\ufeff\\u200b"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("[bold]é足球ไทย👩\u200d👧", "[bold]é足球ไทย👩\u200d👧"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text, expected):
    # C16
    assert visible(text) == expected


PIECES = [
    "\x1b",
    "\x1b[31m",
    "\x9b",
    "\r",
    "\n",
    "\0",
    "\u202e",
    "\ufeff",
    "\ud800",
    "\\",
    " ",
    "=",
]
MARKUP = ["[bold]", "[/]", "[link=javascript:x]", ":smile:", "goal", "a", "足"]
HOSTILE = st.lists(st.one_of(st.sampled_from(PIECES + MARKUP), st.characters()), max_size=12).map(
    "".join
)


@given(HOSTILE, st.sampled_from(["utf-8", "ascii"]), st.sampled_from([30, 80]))
def test_no_page_text_reaches_the_terminal_raw(text, encoding, width):
    name = text or "x"
    attributions = tuple(
        Attribution(kind=kind, name=name, weight=0.1, url=name)
        for kind in ("word", "phrase", "feature", "sentence")
    )
    answer = Answer(
        title=text,
        outcome="classified",
        detail=text,
        url=text,
        about=(text,),
        categories=(category(name, confidence=0.5),),
        explanations=(replace(WORDS, attributions=attributions),),
    )
    output = shown(answer, encoding=encoding, width=width)
    controls = {c for c in output if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert controls <= {"\n", "\u00ad", "\u200c", "\u200d"}


def test_brackets_of_a_page_are_no_markup():
    answer = replace(ANSWER, title="[bold red]x[/] [link=https://evil.example]y[/link] :smile:")
    assert "[bold red]x[/] [link=https://evil.example]y[/link] :smile:" in shown(answer)


def test_a_rule_without_words_says_what_that_means():
    rule = replace(
        WORDS, method="anchors", attributions=(), score=0.98, figures=(("share_kept", 0.1),)
    )
    text = " ".join(shown(replace(ANSWER, explanations=(rule,))).split())
    assert "the answer stays in 98% of variants that keep 10% of the words" in text


def test_tags_are_bars_that_grow_with_relevance() -> None:
    tags = (Tag(text="earrings", relevance=1.0), Tag(text="gold\x1b[31m", relevance=0.5))
    text = shown(replace(ANSWER, tags=tags))
    assert "\x1b" not in text
    bars = {line.split()[0]: line.count("█") for line in text.splitlines() if "%" in line}
    assert bars == {"earrings": 24, "gold\\x1b[31m": 12}
    assert "%" in shown(replace(ANSWER, tags=tags), width=40)
